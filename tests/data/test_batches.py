"""Batches hold each sequence once, within their bound, and nothing but it."""

from itertools import islice

import pytest
import torch

from course_lib.data.batches import by_tokens, pad, windows


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_padding_stands_behind():
    ids, lengths = pad([[3, 5, 7], [2], []], pad_id=9)
    assert ids.tolist() == [[3, 5, 7], [2, 9, 9], [9, 9, 9]] and lengths.tolist() == [3, 1, 0]
    ids, _ = pad([[], []], pad_id=0)
    assert ids.shape == (2, 0) and ids.dtype == torch.long
    with pytest.raises(ValueError, match="at least one sequence"):
        pad([], 0)


@pytest.mark.parametrize("most", [17, 40, 331])
def test_groups_keep_to_their_bound_and_hold_each_once(most):
    lengths = torch.randint(1, 18, (211,), generator=seeded()).tolist()
    groups = by_tokens(lengths, most, seeded(1))
    assert sorted(i for group in groups for i in group) == list(range(211))
    padded = [len(group) * max(lengths[i] for i in group) for group in groups]
    assert max(padded) <= most
    if most > 100:  # like lengths stand together: little of it is padding
        assert sum(padded) < 1.15 * sum(lengths)
        assert len({max(lengths[i] for i in group) for group in groups[:4]}) > 1  # not sorted


def test_groups_are_those_of_their_seed():
    lengths = [3, 5, 7] * 20
    assert by_tokens(lengths, 21, seeded(1)) == by_tokens(lengths, 21, seeded(1))
    assert by_tokens(lengths, 21, seeded(1)) != by_tokens(lengths, 21, seeded(2))
    assert by_tokens([], 5) == []


@pytest.mark.parametrize(("lengths", "told"), [([3, 8], "got 8 at index 1"), ([0], "got 0")])
def test_lengths_that_fit_nowhere_are_named(lengths, told):
    with pytest.raises(ValueError, match=f"lengths must be 1 to 7, {told}"):
        by_tokens(lengths, 7)


def test_windows_and_what_follows():
    text = torch.arange(103)
    batches = list(islice(windows(text, 5, 4, seeded()), 10))
    for inputs, targets in batches:
        assert inputs.shape == targets.shape == (4, 5)
        assert torch.equal(targets, inputs + 1)
    first_pass = torch.cat([inputs.flatten() for inputs, _ in batches[:4]])
    assert len(set(first_pass.tolist())) == 80  # nothing twice
    starts = {int(inputs[0, 0]) % 5 for inputs, _ in batches}
    assert len(starts) > 1  # another pass is cut elsewhere
    again = list(islice(windows(text, 5, 4, seeded()), 10))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(batches, again, strict=True))


def test_a_text_of_just_one_batch():
    inputs, targets = next(windows(torch.arange(13), 3, 4))
    assert sorted(inputs.flatten().tolist()) == list(range(12))
    assert sorted(targets.flatten().tolist()) == list(range(1, 13))


@pytest.mark.parametrize("given", [(12, 3, 4), (0, 1, 1), (50, 0, 3), (50, 3, 0)])
def test_a_text_that_is_too_short_is_refused(given):
    text, length, size = given
    with pytest.raises(ValueError, match=f"the text has {text} tokens, too few for {size} windows"):
        next(windows(torch.arange(text), length, size))
