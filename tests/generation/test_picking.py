"""Picking against Hugging Face's warpers, by hand, and at its edges."""

import math

import pytest
import torch
from torch.testing import assert_close
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from course_lib.generation import (
    greedy,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repeats,
    probabilities,
    sample,
)

BATCH, VOCAB = 5, 37
IDS = torch.tensor([[1, 2, 2, 36, 0]] * BATCH)
HALVES = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()  # exact in binary


def scores(dtype=torch.float32, ties=False):
    logits = 3 * torch.randn(BATCH, VOCAB)
    return (logits.round() if ties else logits).to(dtype)


dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
tied = pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])


@dtypes
@tied
@pytest.mark.parametrize("k", [1, 2, 7, 36, 37, 38, 1000])
def test_top_k_is_hugging_faces(k, ties, dtype):
    logits = scores(dtype, ties)
    assert torch.equal(keep_top_k(logits, k), TopKLogitsWarper(k)(IDS, logits))


@dtypes
@tied
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.75, 0.9, 0.999, 1.0])
def test_top_p_is_hugging_faces(p, ties, dtype):
    logits = scores(dtype, ties)
    assert torch.equal(keep_top_p(logits, p), TopPLogitsWarper(p)(IDS, logits))


@dtypes
@tied
@pytest.mark.parametrize("p", [0.0, 0.05, 0.3, 1.0])
def test_min_p_is_hugging_faces(p, ties, dtype):
    logits = scores(dtype, ties)
    assert torch.equal(keep_min_p(logits, p), MinPLogitsWarper(p)(IDS, logits))


@dtypes
@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.2, 3.0])
def test_the_penalty_is_hugging_faces(penalty, dtype):
    logits, ids = scores(dtype), torch.randint(0, VOCAB, (BATCH, 11))
    expected = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits)
    assert torch.equal(penalize_repeats(logits, ids, penalty), expected)


@pytest.mark.parametrize("k, p, min_p", [(7, 0.8, 0.05), (7, None, None), (None, 0.6, None)])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_distribution_is_hugging_faces(temperature, k, p, min_p):
    logits = scores()
    expected = TemperatureLogitsWarper(temperature)(IDS, logits)
    for kind, limit in ((TopKLogitsWarper, k), (TopPLogitsWarper, p), (MinPLogitsWarper, min_p)):
        expected = expected if limit is None else kind(limit)(IDS, expected)
    probs = probabilities(logits, temperature, top_k=k, top_p=p, min_p=min_p)
    assert_close(probs, expected.softmax(-1))


@pytest.mark.parametrize(
    "p, kept", [(0.0, 1), (0.5, 1), (0.51, 2), (0.75, 2), (0.76, 3), (0.875, 3), (0.9, 4), (1.0, 4)]
)
def test_the_nucleus_by_hand_holds_p_exactly_at_its_border(p, kept):
    assert int(keep_top_p(HALVES, p).isfinite().sum()) == kept


def test_of_equals_top_k_keeps_all_and_top_p_enough():
    logits = torch.zeros(1, 4)
    assert keep_top_k(logits, 2).isfinite().all()
    assert int(keep_top_p(logits, 0.5).isfinite().sum()) == 2
    assert keep_min_p(logits, 1.0).isfinite().all()


def test_the_whole_mass_holds_tokens_whose_chance_rounds_to_0():
    logits = torch.tensor([[0.0, -200.0, 3.0]])
    assert torch.equal(keep_top_p(logits, 1), logits)


def test_a_penalty_lowers_both_signs_and_counts_a_token_once():
    logits = torch.tensor([[2.0, -2.0, 1.0, 0.0]])
    lowered = penalize_repeats(logits, torch.tensor([[0, 1, 1, 1, 3]]), 2.0)
    assert lowered.tolist() == [[1.0, -4.0, 1.0, 0.0]]


def test_the_input_is_left_as_it_is():
    logits = scores()
    before = logits.clone()
    sample(0.7, top_k=5, top_p=0.5, min_p=0.1)(logits)
    penalize_repeats(logits, IDS, 1.3)
    assert torch.equal(logits, before)


def test_temperature_0_is_greedy_and_of_equals_the_first():
    logits = scores(ties=True)
    first = [row.index(max(row)) for row in logits.tolist()]
    assert greedy(logits).tolist() == first
    assert sample(0.0, top_k=3)(logits).tolist() == first
    assert_close(probabilities(logits, 0.0).argmax(-1), greedy(logits))
    assert probabilities(logits, 0.0).sum(-1).tolist() == [1.0] * BATCH


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-45, 1e-300])
def test_near_0_nothing_is_nan(temperature):
    logits = scores() * 1e3
    assert torch.equal(sample(temperature)(logits), greedy(logits))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_counted_in_float32(dtype):
    logits = torch.cat((torch.full((1, 1), 40000.0), torch.zeros(1, VOCAB - 1)), 1)
    small = scores(dtype)
    for x in (small, logits.to(dtype)):
        assert_close(probabilities(x, 0.5), probabilities(x.float(), 0.5), rtol=0, atol=0)
        kept = keep_top_p(x, 0.9)
        assert kept.dtype == dtype
        assert torch.equal(kept.isfinite(), keep_top_p(x.float(), 0.9).isfinite())


def test_draws_follow_the_probabilities_and_the_generator():
    logits = torch.randn(1, 7).expand(40_000, 7)
    draw = sample(0.8, top_k=5, generator=torch.Generator().manual_seed(3))
    ids = draw(logits)
    expected = probabilities(logits[0], 0.8, top_k=5)
    assert_close(ids.bincount(minlength=7) / 40_000, expected, rtol=0, atol=0.012)
    assert (ids.bincount(minlength=7)[expected == 0] == 0).all()
    again = sample(0.8, top_k=5, generator=torch.Generator().manual_seed(3))
    state = torch.get_rng_state()
    assert torch.equal(again(logits), ids) and torch.equal(torch.get_rng_state(), state)


def test_any_number_of_axes_is_picked_from():
    for shape in ((7,), (3, 7), (2, 3, 7), (0, 7)):
        logits = torch.randn(shape)
        assert sample(top_k=1)(logits).shape == greedy(logits).shape == shape[:-1]
        assert torch.equal(sample(top_k=1)(logits), greedy(logits))
        for keep in (keep_top_k, keep_top_p, keep_min_p):
            assert keep(logits, 1).shape == shape


def test_impossible_tokens_stay_impossible():
    logits = scores()
    logits[:, ::2] = -math.inf
    probs = probabilities(logits, 0.5, top_k=30, top_p=0.99, min_p=1e-6)
    assert (probs[:, ::2] == 0).all() and probs.isfinite().all()


@pytest.mark.parametrize(
    "wrong, says",
    [
        (lambda: keep_top_k(HALVES, 0), "k=0"),
        (lambda: keep_top_p(HALVES, 1.1), "p=1.1"),
        (lambda: keep_top_p(HALVES, -0.1), "p=-0.1"),
        (lambda: keep_min_p(HALVES, 2), "p=2"),
        (lambda: sample(-1.0), "temperature=-1.0"),
        (lambda: sample(math.nan), "temperature=nan"),
        (lambda: sample(math.inf), "temperature=inf"),
        (lambda: sample(top_k=0), "k=0"),
        (lambda: sample(0.0, top_p=7.0), "p=7.0"),
        (lambda: penalize_repeats(HALVES, torch.tensor([[1]]), 0), "penalty=0"),
        (lambda: penalize_repeats(HALVES, torch.tensor([[4]]), 1.2), "0 to 3, got 4 to 4"),
        (lambda: penalize_repeats(HALVES, torch.tensor([[1], [2]]), 1.2), "2 rows .* 1 rows"),
    ],
)
def test_wrong_limits_are_refused(wrong, says, unchecked):
    with pytest.raises(ValueError, match=says):
        wrong()
