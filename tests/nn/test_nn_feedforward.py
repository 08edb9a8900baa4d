"""Feed-forward networks against PyTorch's layers, a convolution and Hugging Face's Llama."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaMLP

from course_lib.nn.feedforward import GEGLU, FeedForward, SwiGLU

BATCH, SEQ, D_MODEL, D_FF = 2, 5, 7, 19
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}
BENDS = {"relu": (F.relu, nn.ReLU()), "gelu": (F.gelu, nn.GELU()), "silu": (F.silu, nn.SiLU())}


def agree(ours, theirs, x, dtype):
    """Compare outputs and the gradients of the input."""
    along = torch.randn_like(x)
    assert_close(ours(x), theirs(x), **LIMITS[dtype])
    one, other = (torch.autograd.grad(f(x), x, along)[0] for f in (ours, theirs))
    assert_close(one, other, **LIMITS[dtype])


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("function, module", BENDS.values(), ids=BENDS)
@pytest.mark.parametrize("bias", [True, False])
def test_feed_forward_agrees_with_pytorchs_layers(bias, function, module, dtype):
    ours = FeedForward(D_MODEL, D_FF, activation=function, bias=bias).to(dtype)
    up, down = nn.Linear(D_MODEL, D_FF, bias=bias), nn.Linear(D_FF, D_MODEL, bias=bias)
    up.load_state_dict(ours.up.state_dict())
    down.load_state_dict(ours.down.state_dict())
    theirs = nn.Sequential(up, module, down).to(dtype)
    agree(ours, theirs, torch.randn(BATCH, SEQ, D_MODEL, dtype=dtype, requires_grad=True), dtype)


def test_feed_forward_is_two_convolutions_of_width_1():
    ours = FeedForward(D_MODEL, D_FF).double()
    up, down = nn.Conv1d(D_MODEL, D_FF, 1).double(), nn.Conv1d(D_FF, D_MODEL, 1).double()
    for conv, layer in ((up, ours.up), (down, ours.down)):
        conv.load_state_dict({"weight": layer.weight[..., None], "bias": layer.bias})
    x = torch.randn(BATCH, SEQ, D_MODEL).double()
    expected = down(up(x.transpose(1, 2)).relu()).transpose(1, 2)
    assert_close(ours(x), expected, **LIMITS[torch.float64])


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("make, bend", [(SwiGLU, "silu"), (GEGLU, "gelu_pytorch_tanh")])
def test_gated_networks_agree_with_llamas_and_gemmas(make, bend, dtype):
    ours = make(D_MODEL, D_FF).to(dtype)
    sizes = LlamaConfig(
        hidden_size=D_MODEL,
        intermediate_size=D_FF,
        num_attention_heads=D_MODEL,
        head_dim=2,
        hidden_act=bend,
    )
    theirs = LlamaMLP(sizes).to(dtype)
    theirs.load_state_dict(
        {f"{name}_proj.weight": getattr(ours, name).weight for name in ("gate", "up", "down")}
    )
    agree(ours, theirs, torch.randn(BATCH, SEQ, D_MODEL, dtype=dtype, requires_grad=True), dtype)


@pytest.mark.parametrize("make", [FeedForward, SwiGLU, GEGLU])
def test_each_position_is_treated_alone_and_alike(make):
    network, x = make(D_MODEL, D_FF), torch.randn(BATCH, SEQ, D_MODEL)
    other = x.clone()
    other[:, 2] += 1
    changed = (network(other) != network(x)).any(-1)
    assert changed[:, 2].all() and not changed[:, [0, 1, 3, 4]].any()


@pytest.mark.parametrize("make", [FeedForward, SwiGLU, GEGLU])
def test_dropout_hides_hidden_numbers_only_while_training(make):
    network, x = make(D_MODEL, D_FF, dropout=0.5), torch.randn(BATCH, SEQ, D_MODEL)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_two_thirds_of_the_width_give_swiglu_the_same_number_of_parameters():
    sizes = [
        sum(part.numel() for part in network.parameters())
        for network in (SwiGLU(24, 64), FeedForward(24, 96, bias=False))
    ]
    assert sizes == [4608, 4608]
