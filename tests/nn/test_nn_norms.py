"""Norms against PyTorch's and Hugging Face's, forward and gradient, and what must hold."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from course_lib.nn.norms import LayerNorm, RMSNorm, layer_norm

BATCH, SEQ, D_MODEL = 2, 5, 13
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}
NO_BIAS = {"eps": 0.3, "bias": False}
TWINS = {
    "layer norm": (LayerNorm, nn.LayerNorm),
    "layer norm, large eps": (lambda d: LayerNorm(d, eps=0.3), lambda d: nn.LayerNorm(d, eps=0.3)),
    "layer norm without bias": (
        lambda d: LayerNorm(d, **NO_BIAS),
        lambda d: nn.LayerNorm(d, **NO_BIAS),
    ),
    "rms norm": (RMSNorm, lambda d: nn.RMSNorm(d, eps=1e-6)),
    "rms norm, Llama": (RMSNorm, LlamaRMSNorm),
    "rms norm, large eps": (lambda d: RMSNorm(d, eps=0.3), lambda d: nn.RMSNorm(d, eps=0.3)),
}


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("size", [1.0, 1e-3, 30.0])
@pytest.mark.parametrize("ours, theirs", TWINS.values(), ids=TWINS)
def test_agrees_with_its_twin(ours, theirs, size, dtype):
    ours, theirs = ours(D_MODEL).to(dtype), theirs(D_MODEL).to(dtype)
    for part in ours.parameters():
        nn.init.normal_(part)
    theirs.load_state_dict(ours.state_dict())
    x = (torch.randn(BATCH, SEQ, D_MODEL, dtype=dtype) * size + size).requires_grad_()
    limits = LIMITS[dtype]
    if isinstance(theirs, LlamaRMSNorm):  # it computes in float32 whatever it is given
        limits = LIMITS[torch.float32]
    assert_close(ours(x), theirs(x), **limits)
    along = torch.randn_like(x)
    ours_grad = torch.autograd.grad(ours(x), [x, *ours.parameters()], along)
    their_grad = torch.autograd.grad(theirs(x), [x, *theirs.parameters()], along)
    for one, other in zip(ours_grad, their_grad, strict=True):
        scale = 1 + other.abs().max().item()  # gradients grow as 1 / size: compare per unit
        assert_close(one / scale, other / scale, **limits)


def test_a_layer_normed_vector_has_mean_0_and_variance_1_worked_by_hand():
    x = torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64)  # mean 3, variance (4 + 1 + 9) / 3
    expected = torch.tensor([-2.0, -1.0, 3.0], dtype=torch.float64) / (14 / 3 + 1e-5) ** 0.5
    assert_close(LayerNorm(3).double()(x), expected)


def test_an_rms_normed_vector_is_scaled_and_not_centred_worked_by_hand():
    x = torch.tensor([3.0, 4.0], dtype=torch.float64)  # root mean square: sqrt(25 / 2)
    assert_close(RMSNorm(2, eps=0.0).double()(x), x / 12.5**0.5)


def test_layer_norm_ignores_shift_and_scale_and_rms_norm_only_scale():
    x = torch.randn(BATCH, SEQ, D_MODEL).double()
    layer, rms = LayerNorm(D_MODEL, eps=0.0).double(), RMSNorm(D_MODEL, eps=0.0).double()
    assert_close(layer(7 * x + 3), layer(x))
    assert_close(rms(7 * x), rms(x))
    assert not torch.allclose(rms(x + 3), rms(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_rms_norm_survives_squares_that_overflow_half_precision(dtype):
    x = torch.full((2, D_MODEL), 1000.0, dtype=dtype)  # 1000^2 is infinite in float16
    output = RMSNorm(D_MODEL).to(dtype)(x)
    assert output.dtype == dtype
    assert_close(output.float(), torch.ones(2, D_MODEL), rtol=0, atol=1e-2)


def test_a_vector_of_zeros_stays_finite():
    x = torch.zeros(SEQ, D_MODEL, requires_grad=True)
    for norm in (LayerNorm(D_MODEL), RMSNorm(D_MODEL)):
        output = norm(x)
        (gradient,) = torch.autograd.grad(output.sum(), x)
        assert torch.equal(output, torch.zeros(SEQ, D_MODEL)) and gradient.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, *LIMITS], ids=str)
@pytest.mark.parametrize("bias", [False, True])
def test_the_readable_layer_norm_is_the_module(bias, dtype):
    module, x = LayerNorm(D_MODEL, 0.1, bias=bias).to(dtype), torch.randn(BATCH, SEQ, D_MODEL)
    for part in module.parameters():
        nn.init.normal_(part)
    limits = LIMITS.get(dtype, {"rtol": 0, "atol": 0.05})
    x = x.to(dtype)
    assert_close(layer_norm(x, module.weight, module.bias, 0.1), module(x), **limits)


@pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])
@pytest.mark.parametrize("width", [1, 12])
def test_vectors_of_another_width_are_refused(norm, width):
    """A width of 1 would broadcast: 13 numbers made of one."""
    with pytest.raises(ValueError, match=rf"d_model=13 can't serve \(2, 5, {width}\)"):
        norm(D_MODEL)(torch.randn(BATCH, SEQ, width))
