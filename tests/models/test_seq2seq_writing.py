"""An encoder–decoder writes with a cache what it writes without, in batches and in beams."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from test_library_page import PAGE
from torch.testing import assert_close

from course_lib.generation import beam_search, generate, pad_left
from course_lib.models import Seq2Seq, Seq2SeqConfig, Writer
from course_lib.nn import (
    Alibi,
    GrowingCache,
    LayerNorm,
    MultiHeadAttention,
    PreNorm,
    Rotary,
    StaticCache,
    TiedHead,
    TokenEmbedding,
)

PAD, START, END, NEW = 3, 1, 2, 8
SMALL = Seq2SeqConfig(17, 23, 12, 3, 2, 19, dropout=0.3, max_len=17, pad_id=PAD)
SOURCE = torch.tensor([[5, 6, 7, 8, 9, PAD, PAD], [4, PAD, 5, 6, 7, 8, 9], [16, 5, 5, 0, 1, 2, 4]])
TARGET = torch.tensor([[1, 6, 7, PAD, 8, 9], [PAD, 5, 6, 22, 8, PAD], [1, 2, 3, 4, 5, 6]])
caches = pytest.mark.parametrize("make", [GrowingCache, partial(StaticCache, 11)])


def paper():
    return Seq2Seq(SMALL)


def rotary():
    look = partial(MultiHeadAttention, num_kv_heads=1)
    turned = partial(look, position=Rotary(4))
    norms = {"residual": PreNorm, "last_norm": LayerNorm}
    return Seq2Seq(SMALL, attention=turned, cross_attention=look, **norms)


def alibi():
    slopes = partial(MultiHeadAttention, position=Alibi(3))
    return Seq2Seq(replace(SMALL, target_vocab=17, tied=True), decoder_attention=slopes)


def t5():
    return PAGE["t5"](23, 12, 3, 4, 19, (2, 2))


models = pytest.mark.parametrize("model", [paper, rotary, alibi, t5])


@caches
@models
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_decoding_piece_by_piece_is_decoding_at_once(model, make, dtype):
    model, cache = model().to(dtype).eval(), make()
    target = TARGET.clamp(max=16)
    memory = model.encode(SOURCE)
    whole = model.decode(target, memory, SOURCE)
    parts = [model.decode(target[:, :end], memory, SOURCE, cache=cache) for end in (2, 3, 6)]
    atol = 1e-4 if dtype == torch.float32 else 1e-10
    assert_close(torch.cat(parts, 1), whole, rtol=0, atol=atol)
    logits, weights = model.decode(
        torch.cat((target, target[:, :1]), 1), memory, SOURCE, cache=cache, return_weights=True
    )
    assert logits.shape[1] == 1 and weights[0][0].shape == (3, 3, 1, 7)


def write(model, source=SOURCE, start=START, make=None, **how):
    cache = {} if make is None else {"cache": make()}
    how = {"max_new_tokens": NEW, "end_id": END, "pad_id": PAD} | how
    start = torch.full((len(source), 1), start)
    return generate(Writer(model, source), start, **how, **cache)


@caches
@models
def test_what_is_written_is_the_same_with_a_cache_and_for_each_source_alone(model, make):
    model = model()
    expected = write(model)
    assert torch.equal(write(model, make=make), expected) and model.training
    for i, source in enumerate(SOURCE):
        alone = write(model, source[None], make=make)
        assert expected[i, : alone.shape[1]].tolist() == alone[0].tolist()


@caches
@models
def test_beams_are_the_same_with_a_cache_and_for_each_source_alone(model, make):
    model = model()
    how = {"num_beams": 3, "max_new_tokens": NEW, "end_id": END, "pad_id": PAD}
    start = torch.full((3, 1), START)
    expected = beam_search(Writer(model, SOURCE), start, **how)
    cached = beam_search(Writer(model, SOURCE), start, cache=make(), **how)
    assert torch.equal(cached.ids, expected.ids)
    assert_close(cached.scores, expected.scores, rtol=1e-4, atol=1e-4)
    alone = beam_search(Writer(model, SOURCE[1:2]), start[:1], **how)
    assert expected.ids[1, :, : alone.ids.shape[2]].tolist() == alone.ids[0].tolist()


@caches
def test_targets_of_unequal_lengths_go_on_as_each_alone(make):
    model, rows = rotary().eval(), [[1, 6], [1, 5, 6, 22, 8], [1]]
    start, seen = pad_left(rows, PAD)
    how = {"max_new_tokens": 4, "end_id": END, "pad_id": PAD}
    for cache in ({}, {"cache": make()}):
        together = generate(Writer(model, SOURCE), start, seen=seen, **how, **cache)
        for i, row in enumerate(rows):
            alone = generate(Writer(model, SOURCE[i : i + 1]), torch.tensor([row]), **how)
            written = together[i, start.shape[1] :].tolist()
            assert written[: alone.shape[1] - len(row)] == alone[0, len(row) :].tolist()


def test_the_source_is_read_once_and_without_dropout():
    model, calls = paper().train(), []
    model.encoder.register_forward_hook(lambda module, *_: calls.append(module.training))
    write(model)
    assert calls == [False]
    writer = Writer(model, SOURCE)
    one, other = (writer(TARGET) for _ in range(2))  # in training each time anew
    assert len(calls) == 3 and not torch.equal(one, other)


def test_a_source_padded_in_front_is_told_apart_by_mask_and_places():
    model = paper().eval()
    padded = torch.tensor([[PAD, PAD, 5, 6, 7]])
    mask, places = (padded != PAD)[:, None, None], torch.tensor([[0, 0, 0, 1, 2]])
    writer = Writer(model, padded, source_mask=mask, source_places=places)
    assert_close(writer(TARGET[:1]), Writer(model, padded[:, 2:])(TARGET[:1]), rtol=0, atol=1e-5)


def test_rows_that_can_not_be_shared_out_are_refused():
    with pytest.raises(ValueError, match="4 rows can't be shared out to 3 sources"):
        Writer(paper(), SOURCE)(torch.ones(4, 2).long())


def test_another_embedding_needs_another_head_and_a_cache_something_new():
    model = Seq2Seq(replace(SMALL, target_vocab=17, tied=True)).eval()
    memory, target, cache = model.encode(SOURCE), TARGET.clamp(max=16), GrowingCache()
    model.decode(target[:, :4], memory, SOURCE, cache=cache)
    for end in (2, 4):
        with pytest.raises(ValueError, match=f"has read 4 tokens, and ids have {end}: none new"):
            model.decode(target[:, :end], memory, SOURCE, cache=cache)
    model.embed_source = TokenEmbedding(17, 12)
    with pytest.raises(ValueError, match=r"head still reads the table \(17, 12\)"):
        model(SOURCE, target)
    model.head = TiedHead(model.embed_source)
    assert model(SOURCE, target).shape == (3, 6, 17)
