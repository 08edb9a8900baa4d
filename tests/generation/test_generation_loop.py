"""Writing with and without a cache, in batches of unequal lengths, and as Hugging Face does."""

from functools import partial

import pytest
import torch
from small_decoder import POSITIONS, VOCAB, SmallDecoder, small_ids
from torch import nn
from torch.testing import assert_close
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.generation import generate, greedy, pad_left, penalize_repeats, sample, stream
from course_lib.nn import GrowingCache, StaticCache, causal_mask

PAD, END, NEW = 12, 11, 9
ROWS = [[3, 1, 4], [1, 5, 9, 2, 6, 5], [8]]
caches = pytest.mark.parametrize("cache", [None, GrowingCache, partial(StaticCache, 40)])


def model_of(position="rotary", seed=0, **sizes):
    torch.manual_seed(seed)
    return SmallDecoder(position, **sizes).eval()


def made(cache):
    return {} if cache is None else {"cache": cache()}


def hugging_face(seed):
    torch.manual_seed(seed)
    sizes = {"n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 40, "vocab_size": VOCAB}
    config = GPT2Config(**sizes, bos_token_id=END, eos_token_id=END, initializer_range=0.7)
    return GPT2LMHeadModel(config).eval()


def as_ours(theirs):
    """Hugging Face's model as a callable ids → logits."""

    def score(ids, mask=None, *, places=None):
        given = {}
        if places is not None:  # of its mask Hugging Face wants the padding alone
            seen = mask(1, ids.shape[1])[:, 0, 0]
            given = {"attention_mask": seen.long(), "position_ids": places}
        return theirs(ids, **given).logits

    return score


@caches
@pytest.mark.parametrize("position", POSITIONS)
def test_greedy_is_the_argmax_again_and_again(position, cache):
    model, ids = model_of(position), small_ids()
    expected = ids
    for _ in range(NEW):
        expected = torch.cat((expected, model(expected)[:, -1].argmax(-1)[:, None]), 1)
    assert torch.equal(generate(model, ids, max_new_tokens=NEW, **made(cache)), expected)


@caches
@pytest.mark.parametrize("position", POSITIONS)
def test_rows_of_unequal_lengths_write_what_each_writes_alone(position, cache):
    model = model_of(position)
    ids, seen = pad_left(ROWS, PAD)
    adjust = partial(penalize_repeats, penalty=1.5)
    how = {"max_new_tokens": NEW, "adjust": adjust, "end_id": END, "pad_id": PAD}
    together = generate(model, ids, seen=seen, **how, **made(cache))
    for i, row in enumerate(ROWS):
        alone = generate(model, torch.tensor([row]), **how, **made(cache))[0, len(row) :]
        written = together[i, ids.shape[1] :]
        assert written[: len(alone)].tolist() == alone.tolist()
        assert (written[len(alone) :] == PAD).all()


@caches
def test_a_window_stays_right_while_it_overflows_and_rows_are_padded(cache):
    window = partial(causal_mask, window=3)
    model, (ids, seen) = model_of("alibi", num_layers=3, rule=window), pad_left(ROWS, PAD)
    together = generate(model, ids, seen=seen, mask=window, max_new_tokens=NEW, **made(cache))
    for i, row in enumerate(ROWS):
        alone = generate(model, torch.tensor([row]), max_new_tokens=NEW)[0]
        assert together[i, ids.shape[1] :].tolist() == alone[len(row) :].tolist()
    for kept in (GrowingCache(3), StaticCache(8, 3)):
        again = generate(model, ids, seen=seen, mask=window, max_new_tokens=NEW, cache=kept)
        assert torch.equal(again, together)


@pytest.mark.parametrize("seed", range(5))
def test_greedy_in_a_padded_batch_is_hugging_faces(seed):
    theirs, (ids, seen) = hugging_face(seed), pad_left(ROWS, PAD)
    given = {"attention_mask": seen.long(), "pad_token_id": PAD, "do_sample": False}
    expected = theirs.generate(ids, max_new_tokens=NEW, **given)
    how = {"max_new_tokens": NEW, "end_id": END, "pad_id": PAD, "seen": seen}
    assert generate(as_ours(theirs), ids, **how).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_a_penalty_in_the_loop_is_hugging_faces(seed):
    theirs, ids = hugging_face(seed), small_ids(2, 4)
    given = {"repetition_penalty": 1.4, "pad_token_id": PAD, "do_sample": False}
    expected = theirs.generate(ids, attention_mask=ids * 0 + 1, max_new_tokens=NEW, **given)
    adjust = partial(penalize_repeats, penalty=1.4)
    how = {"max_new_tokens": NEW, "end_id": END, "pad_id": PAD, "adjust": adjust}
    assert generate(as_ours(theirs), ids, **how).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_samples_are_hugging_faces_for_the_same_random_numbers(seed):
    theirs, ids = hugging_face(seed), small_ids(2, 4)
    torch.manual_seed(seed)
    given = {"temperature": 0.8, "top_k": 7, "top_p": 0.9}
    how = {"attention_mask": ids * 0 + 1, "max_new_tokens": NEW, "pad_token_id": PAD}
    expected = theirs.generate(ids, do_sample=True, **how, **given)
    pick = sample(**given, generator=torch.Generator().manual_seed(seed))
    ours = generate(as_ours(theirs), ids, max_new_tokens=NEW, pick=pick, end_id=END, pad_id=PAD)
    assert ours.tolist() == expected.tolist()


def counting(ids, mask=None):
    """Say that the next id is one more than the last."""
    return nn.functional.one_hot((ids + 1) % VOCAB, VOCAB).float()


def test_an_end_freezes_its_row_and_all_ends_stop():
    ids = torch.tensor([[7], [9], [3]])
    how = {"end_id": END, "max_new_tokens": 20}
    assert generate(counting, ids, pad_id=PAD, **how).tolist() == [
        [7, 8, 9, 10, 11, 12, 12, 12, 12],
        [9, 10, 11, 12, 12, 12, 12, 12, 12],
        [3, 4, 5, 6, 7, 8, 9, 10, 11],
    ]
    assert generate(counting, ids, **how)[1].tolist() == [9, 10] + [11] * 7
    assert generate(counting, ids, max_new_tokens=2, end_id=END).shape == (3, 3)


def test_no_new_tokens_and_no_rows():
    ids = small_ids()
    assert torch.equal(generate(counting, ids, max_new_tokens=0), ids)
    assert generate(counting, ids[:0], max_new_tokens=3).shape == (0, 8)
    assert generate(counting, ids[:0], max_new_tokens=3, end_id=END).shape[0] == 0


def test_a_stream_hands_out_one_id_of_each_row_at_a_time():
    steps = stream(counting, torch.tensor([[7], [2]]), max_new_tokens=3)
    assert next(steps).tolist() == [8, 3]
    assert [new.tolist() for new in steps] == [[9, 4], [10, 5]]


def test_dropout_is_off_and_every_part_gets_its_mode_back():
    model = SmallDecoder("rotary", dropout=0.5).train()
    model.stack.blocks[0].eval()
    before = [part.training for part in model.modules()]
    ids, modes = small_ids(), []

    def pick(logits):
        modes.append((any(part.training for part in model.modules()), logits.requires_grad))
        return greedy(logits)

    calls = (model, model.forward, partial(model, mask=causal_mask))
    outputs = [generate(call, ids, max_new_tokens=3, pick=pick) for call in calls]
    assert modes == [(False, False)] * 9
    assert all(torch.equal(output, outputs[0]) for output in outputs)
    assert [part.training for part in model.modules()] == before
    steps = stream(model, ids, max_new_tokens=3)
    next(steps)
    steps.close()
    assert [part.training for part in model.modules()] == before
    with pytest.raises(ZeroDivisionError):
        generate(model, ids, max_new_tokens=3, pick=lambda logits: 1 // 0)
    assert [part.training for part in model.modules()] == before
    assert model(ids).requires_grad


def test_the_model_sees_the_last_of_its_context():
    model, ids, lengths = model_of("learned"), small_ids(2, 7), []

    def short(ids, **given):
        lengths.append(ids.shape[1])
        return model(ids, **given)

    output = generate(short, ids, max_new_tokens=4, context=5)
    assert lengths == [5] * 4
    assert output[0, 8] == model(output[:1, 3:8])[0, -1].argmax()
    ids, seen = pad_left(ROWS, PAD)
    together = generate(model, ids, seen=seen, max_new_tokens=NEW, context=5)
    for i, row in enumerate(ROWS):
        alone = generate(model, torch.tensor([row]), max_new_tokens=NEW, context=5)
        assert together[i, ids.shape[1] :].tolist() == alone[0, len(row) :].tolist()


@pytest.mark.parametrize("cache", [GrowingCache, partial(StaticCache, 40)])
def test_a_cache_goes_on_where_it_stopped(cache):
    model, ids, kept = model_of(), small_ids(), cache()
    first = generate(model, ids, max_new_tokens=3, cache=kept)
    assert kept.length == 7  # the last id is not read yet
    longer = torch.cat((first, small_ids(3, 2)), 1)
    again = generate(model, longer, max_new_tokens=4, cache=kept)
    assert torch.equal(again, generate(model, longer, max_new_tokens=4))


def test_what_is_read_with_a_cache_is_each_token_once():
    model, read = model_of(), []
    model.embed.register_forward_hook(lambda module, given, out: read.append(given[0].shape[1]))
    generate(model, small_ids(), max_new_tokens=4, cache=GrowingCache())
    assert read == [5, 1, 1, 1]


def test_one_seed_gives_one_text():
    model, ids = model_of(), small_ids()
    texts = [
        generate(
            model, ids, max_new_tokens=NEW, pick=sample(generator=torch.Generator().manual_seed(s))
        ).tolist()
        for s in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_other_dtypes_write_too(dtype):
    model, (ids, seen) = model_of().to(dtype), pad_left(ROWS, PAD)
    how = {"max_new_tokens": NEW, "seen": seen, "pick": sample(top_k=1)}
    assert torch.equal(
        generate(model, ids, cache=StaticCache(20), **how), generate(model, ids, **how)
    )


def test_ids_of_32_bits_are_ids():
    model, ids = model_of(), small_ids().int()
    how = {"max_new_tokens": 4, "adjust": partial(penalize_repeats, penalty=1.3)}
    assert torch.equal(generate(model, ids, **how), generate(model, ids.long(), **how))


def test_rows_are_padded_in_front():
    ids, seen = pad_left(ROWS, PAD)
    assert ids.tolist() == [[12, 12, 12, 3, 1, 4], [1, 5, 9, 2, 6, 5], [12, 12, 12, 12, 12, 8]]
    assert seen.sum(1).tolist() == [3, 6, 1] and seen[:, -1].all()
    assert torch.equal(pad_left([torch.tensor(row) for row in ROWS], PAD)[0], ids)


SEEN = torch.ones(3, 5, dtype=torch.bool)
READ = GrowingCache()
READ.append("layer", *torch.ones(2, 3, 1, 5, 1))


@pytest.mark.parametrize(
    "change, says",
    [
        ({"ids": torch.ones(5).long()}, r"whole numbers \(batch, seq\).* got torch.int64 \(5,\)"),
        ({"ids": torch.ones(2, 0).long()}, r"a token or more .* got torch.int64 \(2, 0\)"),
        ({"ids": torch.ones(2, 3)}, r"whole numbers .* got torch.float32 \(2, 3\)"),
        ({"max_new_tokens": -1}, "max_new_tokens=-1"),
        ({"context": 0}, "context=0"),
        ({"context": 7, "cache": GrowingCache()}, "8 tokens are to be read, and context=7"),
        ({"cache": READ}, "has read 5 tokens, and ids have 5: none new"),
        ({"pad_id": 7, "ids": torch.tensor([[7, 1], [1, 7]])}, "1 of 2 rows begin with pad_id=7"),
        ({"seen": SEEN[:, 1:]}, r"seen must be bool \(3, 5\), got torch.bool \(3, 4\)"),
        ({"seen": SEEN.long()}, r"seen must be bool \(3, 5\), got torch.int64"),
        ({"seen": SEEN & (torch.arange(5) < 4)}, "3 of 3 rows have it behind"),
        ({"seen": torch.tensor([[1, 0, 1, 1, 1]] * 3).bool()}, "3 of 3 rows have it behind"),
        ({"model": lambda ids: torch.ones(3, VOCAB)}, r"must be \(3, seq, vocab\), got \(3, 13\)"),
        ({"model": lambda ids: torch.ones(1, 5, VOCAB)}, r"\(3, seq, vocab\), got \(1, 5, 13\)"),
        ({"model": lambda ids: (ids,)}, "a tensor of logits, got tuple"),
        ({"pick": lambda x: x.argmax(-1, keepdim=True)}, r"each of 3 rows, got \(3, 1\)"),
        ({"pick": lambda x: x}, r"each of 3 rows, got \(3, 13\)"),
    ],
)
def test_misuse_is_refused(change, says, unchecked):
    given = {"model": counting, "ids": small_ids(), "max_new_tokens": 4} | change
    with pytest.raises(ValueError, match=says):
        generate(**given)


@pytest.mark.parametrize(
    "rows, says", [([], "got none"), ([[1], []], r"\(1,\), \(0,\)"), ([[[1]]], r"\(1, 1\)")]
)
def test_rows_that_can_not_be_padded_are_refused(rows, says, unchecked):
    with pytest.raises(ValueError, match=says):
        pad_left(rows, PAD)


def test_rows_that_all_begin_with_the_paddings_id_need_nothing_said():
    ids = torch.tensor([[PAD, 1, 2], [PAD, 3, 4]])
    assert generate(counting, ids, max_new_tokens=1, pad_id=PAD).shape == (2, 4)


def test_logits_can_be_differentiated_elsewhere_after_writing():
    model, ids = model_of("sinusoidal"), small_ids()
    output = generate(model, ids, max_new_tokens=3, cache=StaticCache(9))
    model(output).sum().backward()
    assert_close(model.head.bias.grad, torch.full((VOCAB,), 24.0))
