"""A twin computes what its module computes, in fewer steps, and leaves the module alone."""

from functools import partial

import pytest
import torch
from small_decoder import POSITIONS, SmallDecoder, small_ids
from torch import nn
from torch.testing import assert_close

from course_lib.generation import beam_search, generate, pad_left
from course_lib.models import Seq2Seq, Seq2SeqConfig, Writer
from course_lib.nn import (
    Encoder,
    EncoderBlock,
    FeedForward,
    GrowingCache,
    LayerNorm,
    LoRALinear,
    MultiHeadAttention,
    PostNorm,
    PreNorm,
    RMSNorm,
    Rotary,
    StaticCache,
    SwiGLU,
    add_lora,
    causal_mask,
    lean,
)

LIMITS = {torch.float64: 1e-10, torch.float32: 1e-5, torch.float16: 0.02, torch.bfloat16: 0.1}
ROWS = [[3, 1, 4], [1, 5, 9, 2, 6, 5], [8]]


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("position", POSITIONS)
def test_a_twin_scores_as_its_model_with_padding_and_a_cache(position, dtype):
    model = SmallDecoder(position, num_heads=6, num_kv_heads=2, dropout=0.5).to(dtype)
    twin, (ids, seen) = lean(model), pad_left(ROWS, 12)
    model.eval()
    assert_close(twin(ids), model(ids), rtol=0, atol=LIMITS[dtype])
    if dtype in (torch.float32, torch.float64):
        how = {"seen": seen, "max_new_tokens": 9, "end_id": 11, "pad_id": 12}
        expected = generate(model, ids, **how)
        for cache in ({}, {"cache": GrowingCache()}, {"cache": StaticCache(20)}):
            assert torch.equal(generate(twin, ids, **how, **cache), expected)


@pytest.mark.parametrize("residual", [PreNorm, PostNorm])
@pytest.mark.parametrize("norm", [LayerNorm, partial(LayerNorm, bias=False), RMSNorm])
@pytest.mark.parametrize("network", [FeedForward, partial(FeedForward, bias=False), SwiGLU])
def test_blocks_of_other_parts_are_the_same_too(residual, norm, network):
    def block():
        look = MultiHeadAttention(12, 3, 1, d_head=6, bias=False, scale=0.3, position=Rotary(6))
        return EncoderBlock(look, network(12, 17), lambda: residual(norm(12)))

    stack, x = Encoder([block(), block()], norm(12)).double().eval(), torch.randn(2, 5, 12).double()
    twin, places = lean(stack), torch.tensor([[0, 0, 1, 2, 3], [0, 2, 4, 6, 8]])
    given = {"mask": causal_mask, "places": places}
    assert_close(twin(x, **given), stack(x, **given))
    output, weights = twin(x, **given, return_weights=True)
    expected, looked = stack(x, **given, return_weights=True)
    assert_close(output, expected)
    assert_close(weights, looked)
    windows = GrowingCache(3), partial(causal_mask, window=3)
    parts = [
        twin(part, windows[1], places=places[:, :end], cache=windows[0])
        for end, part in zip((2, 4, 5), x.split([2, 2, 1], 1), strict=True)
    ]
    assert_close(torch.cat(parts, 1), stack(x, windows[1], places=places))


def test_an_attention_with_a_step_of_ones_own_keeps_it():
    def nothing(q, k, v, mask):
        return v * 0, None

    look = MultiHeadAttention(12, 3, attend=nothing)
    stack = Encoder([EncoderBlock(look, FeedForward(12, 17), lambda: PreNorm(LayerNorm(12)))])
    x = torch.randn(2, 5, 12)
    assert_close(lean(stack)(x), stack.eval()(x), rtol=0, atol=0)


def test_layers_of_another_kind_are_called_as_they_are():
    model, ids = SmallDecoder("rotary").eval(), small_ids()
    add_lora(model, rank=2, where=lambda name: name.endswith(("to_q", "to_v")))
    for part in model.modules():
        if isinstance(part, LoRALinear):
            nn.init.normal_(part.up)
    assert_close(lean(model)(ids), model(ids))


def test_an_encoder_decoder_has_a_twin():
    model = Seq2Seq(Seq2SeqConfig(17, 17, 12, 3, 2, 19, dropout=0.3, max_len=17, tied=True))
    source, start = torch.tensor([[5, 6, 7, 0], [4, 3, 5, 6]]), torch.ones(2, 1).long()
    how = {"num_beams": 3, "max_new_tokens": 7, "end_id": 2}
    expected = beam_search(Writer(model, source), start, **how)
    again = beam_search(Writer(lean(model), source), start, cache=GrowingCache(), **how)
    assert torch.equal(again.ids, expected.ids)
    assert_close(again.scores, expected.scores, rtol=0, atol=1e-5)


def test_the_module_stays_what_it_is_and_its_twin_has_its_weights():
    model, ids = SmallDecoder("learned", dropout=0.5), small_ids()
    names = list(model.state_dict())
    twin = lean(model)
    assert isinstance(twin, SmallDecoder) and list(twin.state_dict()) == names
    assert model.training and not twin.training and type(model) is SmallDecoder
    one, other = model(ids), model(ids)
    assert not torch.equal(one, other) and torch.equal(twin(ids), twin(ids))
    generate(twin, ids, max_new_tokens=2)
    assert model.training and all(part.training for part in model.modules())
    (twin(ids) ** 2).sum().backward()
    assert model.head.weight.grad is not None


def test_shared_parts_stay_shared_and_lists_can_be_walked():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Linear(3, 3)
            self.all = nn.ModuleList([self.one, nn.Sequential(self.one, nn.Dropout(0.5))])
            self.named = nn.ModuleDict({"one": self.one})

        def forward(self, x):
            for part in self.all:
                x = part(x)
            return self.named["one"](self.all[0](x))

    model, x = Model(), torch.randn(5, 3)
    twin = lean(model)
    assert twin.one is twin.all[0] is twin.named["one"] is twin.all[1][0]
    assert_close(twin(x), model.eval()(x), rtol=0, atol=0)


def test_hooks_are_still_called():
    model, ids, calls = SmallDecoder("rotary").eval(), small_ids(), []
    look = model.stack.blocks[0].attention
    look.register_forward_hook(lambda *given: calls.append("hook"))
    assert_close(lean(model)(ids), model(ids))
    assert calls == ["hook"] * 2
    model.head.forward = lambda x: x[..., :1]
    assert lean(model)(ids).shape == (3, 5, 1)


def test_a_block_that_stands_there_twice_is_still_refused_with_a_cache():
    stack = SmallDecoder("rotary", num_layers=1).stack
    stack.blocks.append(stack.blocks[0])
    x = torch.randn(2, 3, 8)
    assert_close(lean(stack)(x), stack.eval()(x))
    with pytest.raises(ValueError, match="2 blocks are 1 modules"):
        lean(stack)(x, causal_mask, cache=GrowingCache())
