"""Every way to tell positions, inside attention with many heads."""

from functools import partial

import pytest
import torch
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.models.llama import modeling_llama as llama

from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.relative import RelativeBias
from course_lib.nn.positions.rotary import Rotary, rotate_interleaved

BATCH, HEADS, SEQ, D_HEAD = 2, 6, 11, 10
D_MODEL = HEADS * D_HEAD
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}
EXACT = LIMITS[torch.float64]
METHODS = {
    "rotary": partial(Rotary, D_HEAD),
    "interleaved": partial(Rotary, D_HEAD, rotate=rotate_interleaved),
    "alibi": partial(Alibi, HEADS),
    "t5": partial(RelativeBias, HEADS, 10, 8),
    "t5 causal": partial(RelativeBias, HEADS, 10, 8, bidirectional=False),
}
MASKS = {"none": None, "causal": causal_mask(SEQ), "window": causal_mask(SEQ, window=3)}


def with_position(method, dtype=torch.float64, **sizes):
    return MultiHeadAttention(D_MODEL, HEADS, position=METHODS[method](), **sizes).to(dtype)


def tokens(dtype=torch.float64):
    return torch.randn(BATCH, SEQ, D_MODEL, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("num_kv_heads", [2, 6])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("method", METHODS)
def test_the_fused_path_equals_the_readable_one(method, mask, num_kv_heads, dtype):
    layer, x = with_position(method, dtype, num_kv_heads=num_kv_heads), tokens(dtype)
    fused, (readable, _) = layer(x, mask=mask), layer(x, mask=mask, return_weights=True)
    assert_close(fused, readable, **LIMITS[dtype])
    along, leaves = torch.randn_like(fused), [x, *layer.parameters()]
    gradients = (torch.autograd.grad(output, leaves, along) for output in (fused, readable))
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other, **LIMITS[dtype])


@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_asking_for_the_last_query_alone_gives_the_last_row(method, return_weights):
    layer, x = with_position(method), tokens()

    def run(query, n_query):
        output = layer(query, x, mask=causal_mask(n_query, SEQ), return_weights=return_weights)
        return output[0] if return_weights else output

    for n_query in (1, 4):
        assert_close(run(x[:, -n_query:], n_query), run(x, SEQ)[:, -n_query:], **EXACT)


@pytest.mark.parametrize("method", METHODS)
def test_shuffled_tokens_no_longer_give_a_shuffled_output(method):
    layer, x, order = with_position(method), tokens(), torch.randperm(SEQ)
    blind = MultiHeadAttention(D_MODEL, HEADS).double()
    blind.load_state_dict(layer.state_dict(), strict=False)
    assert_close(blind(x[:, order]), blind(x)[:, order], **EXACT)
    assert not torch.allclose(layer(x[:, order]), layer(x)[:, order], atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_only_distances_count(method):
    """Tokens in front, which a mask hides, move all places and change nothing."""
    layer, x = with_position(method), tokens()
    padded = torch.cat((torch.randn(BATCH, 7, D_MODEL, dtype=torch.float64), x), dim=1)
    mask = torch.ones(7 + SEQ, 7 + SEQ, dtype=torch.bool)
    mask[:, :7] = False
    assert_close(layer(padded, mask=mask)[:, 7:], layer(x), **EXACT)


@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_a_query_that_may_look_nowhere_outputs_only_the_last_bias(method, return_weights):
    layer, x, mask = with_position(method), tokens(), causal_mask(SEQ).clone()
    mask[1] = False
    output = layer(x, mask=mask, return_weights=return_weights)
    output = output[0] if return_weights else output
    assert_close(output[:, 1], layer.to_out.bias.expand(BATCH, D_MODEL))
    (gradient,) = torch.autograd.grad(output.square().sum(), x)
    assert gradient.isfinite().all()


def llamas_attention(dtype):
    config = LlamaConfig(
        hidden_size=D_MODEL,
        num_attention_heads=HEADS,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        attn_implementation="eager",
    )
    theirs = llama.LlamaAttention(config, layer_idx=0).to(dtype)
    return theirs, llama.LlamaRotaryEmbedding(config)


@pytest.mark.parametrize("return_weights", [False, True])
def test_rotary_attention_agrees_with_llama(return_weights):
    theirs, angles = llamas_attention(torch.float32)
    rotary = Rotary(D_HEAD, 500.0)
    ours = MultiHeadAttention(D_MODEL, HEADS, 2, bias=False, position=rotary)
    names = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "o_proj"}
    for our, their in names.items():
        ours.get_submodule(our).weight.data = theirs.get_submodule(their).weight.data
    x = tokens(torch.float32)
    hidden = torch.zeros(SEQ, SEQ).masked_fill(~causal_mask(SEQ), float("-inf"))
    expected, weights = theirs(x, angles(x, torch.arange(SEQ)[None]), hidden[None, None])
    output = ours(x, mask=causal_mask(SEQ), return_weights=return_weights)
    if return_weights:
        output, our_weights = output
        assert_close(our_weights, weights, **LIMITS[torch.float32])
    assert_close(output, expected, **LIMITS[torch.float32])
    along = torch.randn_like(output)
    (one,), (other,) = (torch.autograd.grad(y, x, along) for y in (output, expected))
    assert_close(one, other, **LIMITS[torch.float32])
