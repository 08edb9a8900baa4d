"""What `Gpt` does whatever its parts are; tests/pretrained holds it equal to Hugging Face's."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from course_lib.generation import generate
from course_lib.models import Gpt, GptConfig, count_parameters
from course_lib.nn import (
    GEGLU,
    Alibi,
    CappedHead,
    EncoderBlock,
    FeedForward,
    GrowingCache,
    LayerNorm,
    MixtureOfExperts,
    MultiHeadAttention,
    ParallelBlock,
    PreNorm,
    QKNorm,
    RMSNorm,
    Rotary,
    SandwichNorm,
    StaticCache,
    SwiGLU,
    TiedHead,
    TokenEmbedding,
    WindowedAttention,
    causal_mask,
    lean,
    prefix_mask,
    soft_capped_attention,
)

SMALL = GptConfig(37, d_model=24, num_heads=3, num_layers=2, d_ff=13, max_len=11)
PARALLEL = replace(
    SMALL,
    num_kv_heads=1,
    norm=partial(LayerNorm, bias=False),
    feed_forward=SwiGLU,
    block=ParallelBlock,
    input_position=None,
    attention_position=Rotary,
)
LLAMA = replace(PARALLEL, block=EncoderBlock, norm=RMSNorm, num_kv_heads=3)
KINDS = {
    "llama": LLAMA,
    "gemma": replace(LLAMA, feed_forward=GEGLU, num_kv_heads=1, d_head=10, embed_scale=24**0.5),
    "learned": SMALL,
    "parallel": PARALLEL,
    "window": replace(SMALL, window=3, tied=False),
    "no position": replace(SMALL, input_position=None),
    "alibi": replace(SMALL, input_position=None, attention_position=lambda d_head: Alibi(3)),
    "normed": replace(PARALLEL, attention_position=partial(QKNorm, position=Rotary)),
    "mixture": replace(SMALL, feed_forward=partial(MixtureOfExperts, num_experts=5, top_k=2)),
    "gemma 2": replace(
        LLAMA,
        attention=(
            partial(WindowedAttention, window=3),
            partial(MultiHeadAttention, attend=partial(soft_capped_attention, cap=2.0)),
        ),
        residual=SandwichNorm,
        tied_head=partial(CappedHead, cap=3.0),
    ),
    "turns": replace(SMALL, feed_forward=(FeedForward, SwiGLU)),
}
IDS = torch.tensor([[5, 9, 0, 3, 36, 7, 1], [8, 1, 2, 30, 4, 4, 11]])
kinds = pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)


def model_of(config, seed=0):
    torch.manual_seed(seed)
    model = Gpt(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return model


@kinds
@torch.no_grad()
def test_a_token_sees_nothing_of_those_behind_it(config):
    model, other = model_of(config), IDS.clone()
    other[:, 4:] = 12
    assert_close(model(other)[:, :4], model(IDS)[:, :4])
    assert (model(other)[:, 4:] - model(IDS)[:, 4:]).abs().min() > 0


@kinds
@torch.no_grad()
def test_reading_piece_by_piece_from_a_cache_is_reading_at_once(config):
    model = model_of(config)
    whole = model(IDS)
    for cache in (GrowingCache(), StaticCache(7)):
        pieces = [model(IDS[:, :end], cache=cache) for end in (3, 4, 7)]
        assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-5)


@kinds
def test_a_lean_twin_writes_the_same(config):
    model, given = model_of(config), {"max_new_tokens": 4}
    expected = generate(model, IDS, **given)
    assert torch.equal(generate(lean(model), IDS, cache=StaticCache(11), **given), expected)


@kinds
@torch.no_grad()
def test_a_lean_twin_scores_the_same_in_pieces_longer_texts_and_other_dtypes(config):
    for dtype, limit in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        model = model_of(config).to(dtype)
        twin = lean(model)  # one twin for all: what it keeps must fit the next text
        for ids in (IDS[:, :2], IDS, IDS[:1].repeat(1, 2)[:, :11]):
            cache = GrowingCache()
            pieces = [twin(ids[:, :end], cache=cache) for end in sorted({1, 2, ids.shape[1]})]
            assert_close(torch.cat(pieces, dim=1), model(ids), rtol=0, atol=limit)


@kinds
@torch.no_grad()
def test_the_weights_that_are_returned_are_those_of_the_logits(config):
    model = model_of(config)
    logits, layers = model(IDS, return_weights=True)
    assert_close(logits, model(IDS), rtol=0, atol=1e-5)
    assert [layer.shape for layer in layers] == [(2, 3, 7, 7)] * 2
    for layer in layers:
        assert_close(layer.sum(-1), torch.ones(2, 3, 7))
        assert not layer.triu(1).any()


@torch.no_grad()
def test_learned_positions_take_given_places():
    model = model_of(SMALL)
    places = torch.tensor([2, 3, 4, 5, 6, 7, 8])
    moved = model(IDS, places=places)
    assert (moved - model(IDS)).abs().max() > 0.1
    rows = model(IDS, places=places.expand(2, 7))
    assert_close(rows, moved)
    cache = GrowingCache()
    pieces = [model(IDS[:, :end], places=places[:end], cache=cache) for end in (4, 7)]
    assert_close(torch.cat(pieces, dim=1), moved, rtol=0, atol=1e-5)


def test_learned_positions_end_and_ids_too():
    model = model_of(SMALL)
    with pytest.raises(ValueError, match="the table has places 0 to 10, asked for seq=12"):
        model(torch.zeros(1, 12, dtype=torch.long))
    with pytest.raises(ValueError, match="ids must be 0 to 36, got 0 to 37"):
        model(torch.tensor([[0, 37]]))


@pytest.mark.parametrize("position", [None, Rotary])
def test_heads_that_do_not_divide_the_width_are_refused(position):
    config = replace(SMALL, d_model=25, attention_position=position)
    with pytest.raises(ValueError, match="num_heads=3, d_model=25"):
        Gpt(config)
    assert Gpt(replace(config, d_head=8))(IDS).shape == (2, 7, 37)


@torch.no_grad()
def test_a_given_mask_replaces_the_causal_one_and_stays_within_the_window():
    ahead = partial(prefix_mask, prefix=7)
    for given in (ahead, ahead(7)[None, None]):
        free = model_of(SMALL)(IDS, given, return_weights=True)[1][0]
        assert (free > 0).all()
        near = model_of(KINDS["window"])(IDS, given, return_weights=True)[1][0]
        distance = torch.arange(7)[:, None] - torch.arange(7)
        assert torch.equal(near > 0, (distance < 3).expand_as(near))


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize(
    "mask, told",
    [
        (torch.ones(7, 7), "mask must be bool, True = may look"),
        (torch.ones(2, 7, dtype=torch.bool), r"\(2, 7\)"),
        (torch.ones(2, 1, 1, 5, dtype=torch.bool), "5"),
    ],
)
def test_a_mask_that_does_not_fit_is_named_with_a_window_and_without(window, mask, told):
    model = Gpt(replace(SMALL, window=window))
    with pytest.raises(ValueError, match=told):
        model(IDS, mask)


@pytest.mark.parametrize(
    "given, told",
    [
        ({"num_heads": 0}, "num_heads must be 1 or more, got 0"),
        ({"d_head": 0}, "d_head must be 1 or more, got 0"),
        ({"window": 0}, "window must be 1 or more, got 0"),
        ({"vocab_size": -1}, "vocab_size must be 1 or more, got -1"),
        ({"feed_forward": ()}, r"need one feed_forward or several, got feed_forward=\(\)"),
        ({"attention": ()}, r"need one attention or several, got attention=\(\)"),
    ],
)
def test_sizes_that_make_no_model_are_refused(given, told):
    with pytest.raises(ValueError, match=told):
        replace(SMALL, **given)


def test_ids_without_their_batch_are_refused(unchecked):
    with pytest.raises(ValueError, match=r"ids must be \(batch, seq\), got \(7,\)"):
        Gpt(SMALL)(IDS[0])


def test_a_parallel_block_is_its_formula():
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    look, think = MultiHeadAttention(24, 3).double(), SwiGLU(24, 13).double()
    block = ParallelBlock(look, think, lambda: PreNorm(RMSNorm(24).double()))
    normed = F.rms_norm(x, (24,), eps=1e-6)
    expected = x + look(normed, mask=causal_mask) + think(normed)
    assert_close(block(x, causal_mask), expected)
    output, weights = block(x, causal_mask, return_weights=True)
    assert_close(output, expected)
    assert_close(weights, look(normed, mask=causal_mask, return_weights=True)[1])
    apart = EncoderBlock(look, think, lambda: PreNorm(RMSNorm(24).double()))
    assert not torch.allclose(apart(x, causal_mask), expected)


def test_matrices_begin_small_and_smaller_where_they_are_added():
    model = Gpt(replace(SMALL, d_model=96, d_ff=384, num_layers=8))
    block = model.stack.blocks[3]
    for part in (block.attention.to_q, block.feed_forward.up, model.embed.table):
        assert part.weight.std().item() == pytest.approx(0.02, rel=0.05)
    for part in (block.attention.to_out, block.feed_forward.down):
        assert part.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
        assert not part.bias.any()
    assert model(IDS).std() < 1


def test_dropout_is_in_every_place_and_only_while_training():
    model = Gpt(replace(SMALL, dropout=0.5))
    assert not torch.equal(model(IDS), model(IDS))
    model.eval()
    assert torch.equal(model(IDS), model(IDS))
    block = model.stack.blocks[0]
    places = (model.dropout, block.around_attention.dropout, block.around_feed_forward.dropout)
    assert [part.p for part in places] == [0.5] * 3 and block.attention.dropout == 0.5


def test_layers_take_their_networks_by_turns():
    blocks = Gpt(replace(KINDS["turns"], num_layers=5)).stack.blocks
    kinds = [type(block.feed_forward) for block in blocks]
    assert kinds == [FeedForward, SwiGLU, FeedForward, SwiGLU, FeedForward]


def test_counting_makes_no_numbers_and_counts_what_is_tied_once():
    assert count_parameters(Gpt, SMALL) == sum(p.numel() for p in Gpt(SMALL).parameters())
    apart = count_parameters(Gpt, replace(SMALL, tied=False))
    assert apart - count_parameters(Gpt, SMALL) == 37 * 24


def test_another_embedding_needs_another_head():
    model = model_of(SMALL)
    model.embed = TokenEmbedding(37, 24)
    for each in (model, lean(model)):
        with pytest.raises(ValueError, match=r"head still reads the table \(37, 24\)"):
            each(IDS)
    model.head = TiedHead(model.embed)
    assert model(IDS).shape == (2, 7, 37)
    untied = model_of(replace(SMALL, tied=False))
    untied.embed = model.embed
    assert untied(IDS).shape == (2, 7, 37)


@pytest.mark.parametrize("end", [2, 4])
def test_a_cache_that_has_read_all_ids_is_refused(end):
    model, cache = model_of(SMALL), GrowingCache()
    model(IDS[:, :4], cache=cache)
    for each in (model, lean(model)):
        with pytest.raises(ValueError, match=f"the cache has read 4 tokens, and ids have {end}"):
            each(IDS[:, :end], cache=cache)
    assert model(IDS[:, :5], cache=cache).shape == (2, 1, 37)
