"""float16 and bfloat16 against float64: no statistic or score overflows on the way."""

import copy

import pytest
import torch
from torch.testing import assert_close

from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm, RMSNorm
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.relative import RelativeBias
from course_lib.nn.positions.rotary import Rotary

BATCH, HEADS, QUERY, KEY, D_MODEL = 2, 3, 5, 7, 769
STEP = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}  # from 1 to the next number
both_halves = pytest.mark.parametrize("dtype", STEP, ids=str)
both_norms = pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])


def one_large():
    x = torch.zeros(D_MODEL)
    x[3] = 257.0  # its square is past the largest float16
    return x


VECTORS = {
    "one large": one_large(),
    "wide": 100 * torch.randn(3, D_MODEL, generator=torch.Generator().manual_seed(1)),
    "far from 0": 300 + torch.randn(3, D_MODEL, generator=torch.Generator().manual_seed(1)),
    "near the end of float16": torch.linspace(-6e4, 6e4, D_MODEL),
}


@both_halves
@both_norms
@pytest.mark.parametrize("x", VECTORS.values(), ids=VECTORS)
@pytest.mark.parametrize("eps", [1e-5, 1e-12])  # BERT's vanishes in float16
def test_a_norm_in_half_is_the_one_in_double(x, norm, eps, dtype):
    x, layer = x.to(dtype).requires_grad_(), norm(x.shape[-1], eps).to(dtype)
    exact = norm(x.shape[-1], eps).double()
    wide = x.detach().double().requires_grad_()
    output, expected = layer(x), exact(wide)
    assert output.dtype == dtype
    scale = expected.abs().max().item() + 1
    assert_close(output.double() / scale, expected / scale, rtol=0, atol=2 * STEP[dtype])
    along = torch.randn_like(expected)
    (gradient,) = torch.autograd.grad(output, x, along.to(dtype))
    (wanted,) = torch.autograd.grad(expected, wide, along.to(dtype).double())
    scale = wanted.abs().max().item()
    limit = 8 * STEP[dtype] * scale + 2.0**-24  # the smallest float16
    assert_close(gradient.double(), wanted, rtol=0, atol=limit)


@both_halves
@pytest.mark.parametrize("eps", [1e-5, 1e-12])
@pytest.mark.parametrize("value", [0.0, 0.1, 300.0, 6e4])
def test_a_row_of_one_number_is_normed_to_zeros(value, eps, dtype):
    output = LayerNorm(D_MODEL, eps).to(dtype)(torch.full((D_MODEL,), value, dtype=dtype))
    assert_close(output, torch.zeros(D_MODEL, dtype=dtype), rtol=0, atol=STEP[dtype])


@both_halves
@pytest.mark.parametrize("width", [64, 769])
@pytest.mark.parametrize("size", [1.0, 40.0, 200.0])
def test_the_readable_attention_in_half_is_the_one_in_double(size, width, dtype):
    """At 40 and width 64 the products are 102,400; at 200 they are too large even when scaled."""
    shapes = (QUERY, width), (KEY, width), (KEY, 11)
    q, k, v = (torch.randn(BATCH, HEADS, *shape).to(dtype) for shape in shapes)
    q, k = (size * (1 + part / (9 * size)) for part in (q, k))
    for mask in (None, causal_mask(QUERY, KEY)):
        output, weights = scaled_dot_product_attention(q, k, v, mask)
        expected, wanted = scaled_dot_product_attention(q.double(), k.double(), v.double(), mask)
        assert output.dtype == weights.dtype == dtype
        limit = 2 * STEP[dtype] + 2.0**-22 * size**2 * width**0.5  # float32 rounds the scores
        assert_close(weights.double(), wanted, rtol=0, atol=limit)
        assert_close(output.double(), expected, rtol=0, atol=8 * limit)


@both_halves
@pytest.mark.parametrize("return_weights", [False, True], ids=["fused", "explicit"])
@pytest.mark.parametrize("size", [1.0, 40.0])
def test_both_paths_in_half_are_the_one_in_double(size, return_weights, dtype):
    layer = MultiHeadAttention(128, 2, bias=False).to(dtype)
    for projection in (layer.to_q, layer.to_k):
        projection.weight.data = size * torch.eye(128, dtype=dtype)
    x = (1 + 0.01 * torch.randn(BATCH, KEY, 128)).to(dtype).requires_grad_()
    exact = MultiHeadAttention(128, 2, bias=False).double()
    exact.load_state_dict(layer.state_dict())
    wide = x.detach().double().requires_grad_()
    output = layer(x, mask=causal_mask(KEY), return_weights=return_weights)
    output, expected = output[0] if return_weights else output, exact(wide, mask=causal_mask(KEY))
    assert_close(output.double(), expected, rtol=0, atol=16 * STEP[dtype])
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert gradient.isfinite().all()


@both_halves
@pytest.mark.parametrize("return_weights", [False, True], ids=["fused", "explicit"])
def test_autocast_does_not_narrow_the_scores_again(return_weights, dtype):
    layer = MultiHeadAttention(128, 2, bias=False)
    for projection in (layer.to_q, layer.to_k):
        projection.weight.data = 40 * torch.eye(128)  # products are 102,400
    x = 1 + 0.01 * torch.randn(BATCH, KEY, 128)
    with torch.autocast("cpu", dtype):
        output = layer(x, mask=causal_mask, return_weights=return_weights)
    output = output[0] if return_weights else output
    assert output.dtype == dtype
    assert_close(output.float(), layer(x, mask=causal_mask), rtol=0, atol=0.1)


POSITIONS = {"rotary": Rotary(64), "alibi": Alibi(2), "t5": RelativeBias(2)}


@both_halves
@pytest.mark.parametrize("return_weights", [False, True], ids=["fused", "explicit"])
@pytest.mark.parametrize("position", POSITIONS.values(), ids=POSITIONS)
def test_every_way_to_tell_positions_in_half_is_the_one_in_double(position, return_weights, dtype):
    layer = MultiHeadAttention(128, 2, 1, position=copy.deepcopy(position)).to(dtype)
    exact = MultiHeadAttention(128, 2, 1, position=copy.deepcopy(position)).double()
    exact.load_state_dict(layer.state_dict())
    x, places = (
        torch.randn(BATCH, KEY, 128).to(dtype),
        torch.tensor([0, 5, 90, 91, 500, 2000, 2001]),
    )
    output = layer(x, mask=causal_mask, places=places, return_weights=return_weights)
    output = output[0] if return_weights else output
    expected = exact(x.double(), mask=causal_mask, places=places)
    assert_close(output.double(), expected, rtol=0, atol=8 * STEP[dtype])
