"""Beam search against Hugging Face's, against all sequences there are, and by hand."""

from functools import partial
from itertools import product

import pytest
import torch
from small_decoder import VOCAB, SmallDecoder, small_ids
from test_generation_loop import END, NEW, PAD, ROWS, as_ours, caches, hugging_face, made
from torch.testing import assert_close

from course_lib.generation import (
    beam_search,
    beam_steps,
    generate,
    pad_left,
    penalize_repeats,
    power_penalty,
    wu_penalty,
)

HOW = {"max_new_tokens": NEW, "end_id": END, "pad_id": PAD}


def theirs_beams(theirs, ids, num_beams, **given):
    output = theirs.generate(
        ids,
        max_new_tokens=NEW,
        do_sample=False,
        num_beams=num_beams,
        num_return_sequences=num_beams,
        pad_token_id=PAD,
        output_scores=True,
        return_dict_in_generate=True,
        **given,
    )
    batch = (len(ids), num_beams)
    return output.sequences.unflatten(0, batch), output.sequences_scores.unflatten(0, batch)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("early_stopping", [False, True, "never"])
@pytest.mark.parametrize("num_beams, alpha", [(2, 1.0), (3, 0.0), (5, 2.0), (4, -0.7)])
def test_beams_are_hugging_faces(num_beams, alpha, early_stopping, seed):
    theirs, (ids, seen) = hugging_face(seed), pad_left(ROWS, PAD)
    given = {"length_penalty": alpha, "early_stopping": early_stopping}
    sequences, scores = theirs_beams(theirs, ids, num_beams, attention_mask=seen.long(), **given)
    given = {"penalty": partial(power_penalty, alpha=alpha), "early_stopping": early_stopping}
    ours = beam_search(as_ours(theirs), ids, num_beams=num_beams, seen=seen, **given, **HOW)
    assert ours.ids.tolist() == sequences.tolist()
    assert_close(ours.scores, scores, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(2))
def test_beams_without_an_end_and_with_a_penalty_are_hugging_faces(seed):
    theirs, ids = hugging_face(seed), small_ids(2, 3)
    theirs.generation_config.eos_token_id = None
    sequences, scores = theirs_beams(theirs, ids, 3, repetition_penalty=1.3)
    adjust = partial(penalize_repeats, penalty=1.3)
    ours = beam_search(as_ours(theirs), ids, num_beams=3, max_new_tokens=NEW, adjust=adjust)
    assert ours.ids.tolist() == sequences.tolist()
    assert_close(ours.scores, scores, rtol=1e-4, atol=1e-4)


@caches
@pytest.mark.parametrize("position", ["learned", "rotary", "alibi"])
def test_beams_with_a_cache_and_padding_are_those_of_each_row_alone(position, cache):
    model, (ids, seen) = SmallDecoder(position).eval(), pad_left(ROWS, PAD)
    together = beam_search(model, ids, num_beams=3, seen=seen, **HOW, **made(cache))
    for i, row in enumerate(ROWS):
        alone = beam_search(model, torch.tensor([row]), num_beams=3, **HOW)
        written = alone.ids[0, :, len(row) :]
        both = together.ids[i, :, ids.shape[1] :][:, : written.shape[1]]
        assert both.tolist() == written.tolist()
        assert_close(together.scores[i], alone.scores[0], rtol=1e-4, atol=1e-4)


def log_probs_of(model, ids, prompt):
    log_probs = model(ids).log_softmax(-1)
    taken = log_probs[:, prompt - 1 : -1].gather(-1, ids[:, prompt:, None])
    return taken.sum((1, 2))


def test_a_beam_as_wide_as_all_there_is_finds_the_best_of_all():
    vocab, new = 5, 3
    model, ids = SmallDecoder("rotary", vocab=vocab).double().eval(), torch.tensor([[1, 2]])
    every = torch.tensor(list(product(range(vocab), repeat=new)))
    totals = log_probs_of(model, torch.cat((ids.expand(len(every), -1), every), 1), 2)
    beams = beam_search(model, ids, num_beams=vocab**new, max_new_tokens=new)
    assert beams.scores.dtype == torch.float64
    assert_close(beams.scores[0], totals.sort(descending=True).values / new)
    assert beams.ids[0, 0, 2:].tolist() == every[totals.argmax()].tolist()


def test_one_beam_is_greedy():
    model, ids = SmallDecoder("rotary").eval(), small_ids()
    beams = beam_search(model, ids, num_beams=1, max_new_tokens=NEW)
    assert torch.equal(beams.ids[:, 0], generate(model, ids, max_new_tokens=NEW))
    assert_close(beams.scores[:, 0] * NEW, log_probs_of(model, beams.ids[:, 0], 5))


# A is likelier at first, but B leads to the likelier whole; C ends at once.
A, B, C = range(3)
TABLE = {(): [0.5, 0.4, 0.1], (A,): [0.4, 0.3, 0.3], (B,): [0.05, 0.9, 0.05]}


def by_table(ids, table=TABLE):
    rows = [table.get(tuple(row[1:].tolist()), [0.3, 0.3, 0.4]) for row in ids]
    return torch.tensor(rows).log()[:, None].expand(-1, ids.shape[1], -1)


def test_by_hand_the_beam_finds_what_greedy_misses():
    start, how = torch.tensor([[0]]), {"max_new_tokens": 2}
    assert generate(by_table, start, **how).tolist() == [[0, A, A]]
    beams = beam_search(by_table, start, num_beams=2, **how)
    assert beams.ids[0].tolist() == [[0, B, B], [0, A, A]]
    assert_close(beams.scores[0].mul(2).exp(), torch.tensor([0.36, 0.2]))


@pytest.mark.parametrize(
    "penalty, best, probability, divided",
    [
        (partial(power_penalty, alpha=0), [0, C, C], 0.4, 1),
        (power_penalty, [0, A, A], 0.3 * 0.9, 2),
        (partial(wu_penalty, alpha=0.2), [0, C, C], 0.4, 1),
        (partial(wu_penalty, alpha=3), [0, A, A], 0.3 * 0.9, (7 / 6) ** 3),
    ],
)
def test_by_hand_the_penalty_decides_between_short_and_long(penalty, best, probability, divided):
    table = {(): [0.3, 0.3, 0.4], (A,): [0.9, 0.05, 0.05]}
    model, how = partial(by_table, table=table), {"num_beams": 2, "max_new_tokens": 2, "end_id": C}
    beams = beam_search(model, torch.tensor([[0]]), penalty=penalty, early_stopping="never", **how)
    assert beams.ids[0, 0].tolist() == best
    assert_close(beams.scores[0, 0], torch.tensor(probability).log() / divided)


def test_the_steps_show_what_goes_on_and_what_has_ended():
    steps = list(beam_steps(by_table, torch.tensor([[0]]), num_beams=2, max_new_tokens=2))
    (first, nothing), (_, done) = steps
    assert first.ids.tolist() == [[[0, A], [0, B]]]
    assert_close(first.scores.exp(), torch.tensor([[0.5, 0.4]]))
    assert (nothing.scores == float("-inf")).all() and nothing.ids.shape == (1, 2, 1)
    assert done.ids[0, 0].tolist() == [0, B, B]


def test_the_penalties_by_hand():
    assert power_penalty(4) == 4 and power_penalty(4, 0.5) == 2 and power_penalty(4, 0) == 1
    assert wu_penalty(1) == 1 and wu_penalty(7, 1.0) == 2 and wu_penalty(19, 0.5) == 2
    assert wu_penalty(7, 0) == 1


def test_wu_et_als_penalty_orders_as_their_equation():
    model, ids = SmallDecoder("rotary").eval(), small_ids()
    penalty = partial(wu_penalty, alpha=0.9)
    beams = beam_search(model, ids, num_beams=4, penalty=penalty, early_stopping="never", **HOW)
    for row, scores in zip(beams.ids, beams.scores, strict=True):
        for sequence, score in zip(row, scores, strict=True):
            new = sequence[5:]
            length = int((new == END).int().argmax()) + 1 if (new == END).any() else NEW
            total = log_probs_of(model, sequence[None, : 5 + length], 5)
            assert_close(score, total[0] / ((5 + length) / 6) ** 0.9, rtol=1e-4, atol=1e-4)
    assert (beams.scores.diff() <= 0).all()


def test_dropout_is_off_and_the_mode_comes_back():
    model, ids = SmallDecoder("rotary", dropout=0.5).train(), small_ids()
    one, other = (beam_search(model, ids, num_beams=2, **HOW) for _ in range(2))
    assert torch.equal(one.ids, other.ids) and model.training
    assert not one.scores.requires_grad


def test_more_beams_than_tokens():
    model = SmallDecoder("rotary", vocab=3).eval()
    beams = beam_search(model, torch.tensor([[1], [2]]), num_beams=7, max_new_tokens=3, end_id=0)
    assert beams.scores.isfinite().all() and (beams.scores.diff() <= 0).all()
    for row in beams.ids.tolist():
        assert len({tuple(sequence) for sequence in row}) == 7


def test_ids_of_32_bits_and_probabilities_in_half_precision():
    model, ids = SmallDecoder("rotary").eval(), small_ids()
    expected = beam_search(model, ids, num_beams=3, **HOW)
    assert torch.equal(beam_search(model, ids.int(), num_beams=3, **HOW).ids, expected.ids)
    assert beam_search(model.bfloat16(), ids, num_beams=3, **HOW).scores.dtype == torch.float32


def test_no_rows():
    model, ids = SmallDecoder("rotary").eval(), torch.ones(0, 3).long()
    beams = beam_search(model, ids, num_beams=2, max_new_tokens=2)
    assert beams.scores.shape == (0, 2) and beams.ids.shape[:2] == (0, 2)


@pytest.mark.parametrize(
    "change, says",
    [
        ({"num_beams": 0}, "num_beams=0, max_new_tokens=2"),
        ({"max_new_tokens": 0}, "num_beams=2, max_new_tokens=0"),
        ({"early_stopping": "always"}, "got 'always'"),
        ({"early_stopping": 1}, "got 1"),
        ({"ids": torch.ones(3).long()}, r"\(batch, seq\).* \(3,\)"),
        ({"seen": torch.ones(1, 2).bool()}, r"seen must be bool \(1, 3\)"),
    ],
)
def test_misuse_is_refused(change, says, unchecked):
    given = {"ids": torch.ones(1, 3).long(), "num_beams": 2, "max_new_tokens": 2} | change
    with pytest.raises(ValueError, match=says):
        beam_search(by_table, **given)


def test_the_vocabulary_of_the_tests_has_room_for_the_special_ids():
    assert max(PAD, END) < VOCAB
