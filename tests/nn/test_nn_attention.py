"""Attention against PyTorch's own, by hand, and by what must hold."""

import inspect
import math

import pytest
import torch
import torch.nn.functional as F
from jaxtyping import TypeCheckError
from torch.testing import assert_close

from course_lib.nn.attention import (
    QKVProjection,
    SelfAttention,
    scaled_dot_product_attention,
)
from course_lib.nn.masks import causal_mask, padding_mask

# A different prime for every axis: a swapped pair cannot pass by luck.
BATCH, HEADS, QUERY, KEY, D_HEAD, D_VALUE = 2, 3, 5, 7, 11, 13
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}


def random_qkv(dtype=torch.float64, grad=False):
    sizes = (QUERY, D_HEAD), (KEY, D_HEAD), (KEY, D_VALUE)
    return [torch.randn(BATCH, HEADS, *size, dtype=dtype, requires_grad=grad) for size in sizes]


def one_row_hidden():
    mask = causal_mask(QUERY, KEY).clone()
    mask[1] = False
    return mask


def padding():
    ids = torch.tensor([[5, 6, 7, 8, 9, 0, 0], [0, 0, 0, 5, 6, 7, 8]])
    return padding_mask(ids, pad_id=0)


MASKS = {
    "none": None,
    "causal": causal_mask(QUERY, KEY),
    "window": causal_mask(QUERY, KEY, window=2),
    "one row hidden": one_row_hidden(),
    "padding": padding(),
    "all hidden": torch.zeros(QUERY, KEY, dtype=torch.bool),
}


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_output_and_gradient_agree_with_pytorch(mask, dtype):
    inputs = random_qkv(dtype, grad=True)
    ours, _ = scaled_dot_product_attention(*inputs, mask)
    theirs = F.scaled_dot_product_attention(*inputs, attn_mask=mask)
    assert_close(ours, theirs, **LIMITS[dtype])
    along = torch.randn_like(ours)
    pairs = zip(
        torch.autograd.grad(ours, inputs, along),
        torch.autograd.grad(theirs, inputs, along),
        strict=True,
    )
    for our_gradient, their_gradient in pairs:
        assert_close(our_gradient, their_gradient, **LIMITS[dtype])


def test_two_keys_worked_by_hand():
    # d_head = 4, so scores are halved: 2 ln 3 and 0 become ln 3 and 0, and e^ln 3 : e^0 = 3 : 1
    query = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    key = torch.tensor([[2 * math.log(3), 0.0, 0.0, 0.0], [0.0, 9.0, 9.0, 9.0]])
    output, weights = scaled_dot_product_attention(query, key, torch.tensor([[4.0], [8.0]]))
    assert_close(weights, torch.tensor([[0.75, 0.25]]))
    assert_close(output, torch.tensor([[5.0]]))


def test_weights_sum_to_one_and_hidden_ones_are_exactly_zero():
    mask = MASKS["window"]
    _, weights = scaled_dot_product_attention(*random_qkv(), mask)
    assert_close(weights.sum(-1), torch.ones(BATCH, HEADS, QUERY, dtype=torch.float64))
    assert (weights.masked_select(~mask) == 0).all()
    assert (weights.masked_select(mask) > 0).all()


def test_a_query_that_may_look_nowhere_gives_zeros_and_a_finite_gradient():
    inputs = random_qkv(grad=True)
    output, weights = scaled_dot_product_attention(*inputs, one_row_hidden())
    assert (weights[:, :, 1] == 0).all() and (output[:, :, 1] == 0).all()
    output.square().sum().backward()
    assert all(part.grad.isfinite().all() for part in inputs)
    assert (inputs[0].grad[:, :, 1] == 0).all()
    assert (inputs[0].grad[:, :, 2] != 0).any()


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_huge_scores_stay_finite(scale):
    query, key, value = random_qkv(torch.float32)
    output, weights = scaled_dot_product_attention(scale * query, key, value)
    assert output.isfinite().all()
    assert_close(weights.sum(-1), torch.ones(BATCH, HEADS, QUERY))


def test_half_precision_with_a_mask_stays_near_double():
    exact = random_qkv()
    half = [part.half() for part in exact]
    output, _ = scaled_dot_product_attention(*half, MASKS["one row hidden"])
    expected, _ = scaled_dot_product_attention(*exact, MASKS["one row hidden"])
    assert output.dtype == torch.float16
    assert_close(output.double(), expected, rtol=0, atol=1e-2)


def test_leading_axes_broadcast():
    query, key, value = random_qkv()
    shared = scaled_dot_product_attention(query, key[:, :1], value[0, 0])
    key, value = key[:, :1].expand_as(key), value[0, 0].expand_as(value)
    assert_close(shared, scaled_dot_product_attention(query, key, value))


def test_derivatives_agree_with_finite_differences():
    small = [torch.randn(2, size, 3, dtype=torch.float64, requires_grad=True) for size in (3, 4, 4)]
    mask = causal_mask(3, 4).clone()
    mask[0] = False
    assert torch.autograd.gradcheck(lambda *qkv: scaled_dot_product_attention(*qkv, mask), small)


def test_order_of_the_keys_does_not_matter():
    query, key, value = random_qkv()
    order = torch.randperm(KEY)
    shuffled, weights = scaled_dot_product_attention(
        query, key[..., order, :], value[..., order, :]
    )
    output, before = scaled_dot_product_attention(query, key, value)
    assert_close(shuffled, output)
    assert_close(weights, before[..., order])


@pytest.mark.parametrize(
    "mask, says",
    [
        (torch.zeros(QUERY, KEY), r"mask must be bool, True = may look; got torch\.float32"),
        (torch.ones(QUERY, KEY, dtype=torch.int64), r"got torch\.int64"),
        (torch.ones(KEY, dtype=torch.bool), r"got 1 axes \(7,\) for scores \(2, 3, 5, 7\)"),
        (torch.ones(BATCH, QUERY, KEY, dtype=torch.bool), r"got 3 axes \(2, 5, 7\)"),
        (torch.ones(BATCH, KEY, dtype=torch.bool), r"mask \(2, 7\) does not broadcast to scores"),
        (torch.ones(BATCH, 1, KEY, QUERY, dtype=torch.bool), r"\(2, 1, 7, 5\) does not broadcast"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask, says):
    with pytest.raises(ValueError, match=says):
        scaled_dot_product_attention(*random_qkv(), mask)


def test_shapes_in_signatures_are_enforced_in_this_test_run():
    query, key, value = random_qkv()
    with pytest.raises(TypeCheckError, match="value"):
        scaled_dot_product_attention(query, key, value[..., :-1, :])


def test_projection_reads_queries_keys_and_values_from_three_layers():
    project, x = QKVProjection(D_HEAD, D_VALUE), torch.randn(BATCH, QUERY, D_HEAD)
    for part, layer in zip(project(x), (project.to_q, project.to_k, project.to_v), strict=True):
        assert_close(part, x @ layer.weight.T + layer.bias)
    assert QKVProjection(D_HEAD)(x)[0].shape == (BATCH, QUERY, D_HEAD)
    assert QKVProjection(D_HEAD, bias=False).to_k.bias is None


@pytest.mark.parametrize("mask", [None, causal_mask(QUERY), "padding"], ids=str)
def test_self_attention_is_attention_between_its_own_projections(mask):
    if mask == "padding":
        mask = padding_mask(torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]]), pad_id=0)
    layer, x = SelfAttention(D_HEAD, D_VALUE).double(), torch.randn(BATCH, QUERY, D_HEAD).double()
    q, k, v = layer.project(x)
    flat = None if mask is None else mask.reshape(-1, *mask.shape[-2:])  # (1 or batch, ·, key)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=flat)
    output, weights = layer(x, mask, return_weights=True)
    assert_close(output, expected, **LIMITS[torch.float64])
    assert_close(layer(x, mask), output)
    assert_close(weights @ v, output)


def test_self_attention_refuses_a_mask_that_would_be_read_as_heads():
    with pytest.raises(ValueError, match=r"got 3 axes \(2, 5, 5\)"):
        SelfAttention(D_HEAD)(
            torch.randn(BATCH, QUERY, D_HEAD), torch.ones(BATCH, QUERY, QUERY).bool()
        )


def test_self_attention_uses_an_own_attend():
    def average(query, key, value, mask=None):
        weights = torch.full((*query.shape[:-1], key.shape[-2]), 1 / key.shape[-2])
        return weights @ value, weights

    layer, x = SelfAttention(D_HEAD, attend=average), torch.randn(BATCH, QUERY, D_HEAD)
    value = layer.project(x)[2]
    assert_close(layer(x), value.mean(1, keepdim=True).expand_as(value))


def test_the_reference_has_the_signature_the_exercises_promise():
    parameters = inspect.signature(scaled_dot_product_attention).parameters
    places = [name for name, p in parameters.items() if p.kind is not p.KEYWORD_ONLY]
    assert places == ["query", "key", "value", "mask", "bias"]  # an answer takes four
    assert all(p.default is None for name, p in parameters.items() if name not in places[:3])


def test_a_bias_is_added_to_the_scores():
    sizes = ((QUERY, D_HEAD), (KEY, D_HEAD), (KEY, D_VALUE))
    q, k, v = (torch.randn(BATCH, HEADS, *size).double() for size in sizes)
    bias, mask = torch.randn(1, HEADS, QUERY, KEY).double(), causal_mask(QUERY, KEY)
    output, weights = scaled_dot_product_attention(q, k, v, mask, bias)
    added = bias.masked_fill(~mask, float("-inf"))
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=added)
    assert_close(output, expected, **LIMITS[torch.float64])
    assert_close(weights @ v, output)
