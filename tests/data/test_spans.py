"""Spans: as many as asked for, and a text that can be put together again."""

import itertools

import pytest
import torch

from course_lib.data.spans import corrupt_spans, random_spans


def drawn(length, seed, **how):
    return random_spans(length, generator=torch.Generator().manual_seed(seed), **how)


@pytest.mark.parametrize("seed", range(5))
def test_spans_hide_the_share_in_order_and_apart(seed):
    spans = drawn(200, seed)
    assert len(spans) == 10 and sum(stop - start for start, stop in spans) == 30
    edges = [0, *(edge for span in spans for edge in span)]
    assert all(a < b for a, b in itertools.pairwise(edges)) and edges[-1] == 200
    assert drawn(200, seed) == spans != drawn(200, seed + 1)


def test_spans_are_of_many_lengths():
    lengths = {stop - start for seed in range(20) for start, stop in drawn(200, seed)}
    assert {1, 2, 3, 4, 5, 6} <= lengths


@pytest.mark.parametrize(
    ("length", "how", "count", "hidden"),
    [(2, {}, 1, 1), (3, {"share": 0.99}, 1, 2), (10, {"share": 0.5, "mean": 1.0}, 5, 5)],
)
def test_short_texts(length, how, count, hidden):
    spans = drawn(length, 0, **how)
    assert (len(spans), sum(stop - start for start, stop in spans)) == (count, hidden)


@pytest.mark.parametrize(
    ("length", "share", "mean"), [(1, 0.1, 3.0), (9, 0.0, 3.0), (9, 1.0, 3.0), (9, 0.5, 0.5)]
)
def test_what_can_not_be_drawn(length, share, mean):
    with pytest.raises(ValueError, match=f"length={length}, share={share}, mean={mean}"):
        random_spans(length, share, mean)


def test_the_example_of_the_paper():
    words = ["Thank", "you", "for", "inviting", "me", "to", "your", "party", "last", "week"]
    ids = list(range(len(words)))
    inputs, targets = corrupt_spans(ids, [(2, 4), (8, 9)], 99)
    assert inputs == [0, 1, 99, 4, 5, 6, 7, 98, 9]
    assert targets == [99, 2, 3, 98, 8, 97]


def test_borders_neighbours_everything_and_nothing():
    assert corrupt_spans([5, 6, 7], [(0, 1), (2, 3)], 99) == ([99, 6, 98], [99, 5, 98, 7, 97])
    assert corrupt_spans([5, 6, 7], [(0, 1), (1, 3)], 99) == ([99, 98], [99, 5, 98, 6, 7, 97])
    assert corrupt_spans([5, 6], [(0, 2)], 99) == ([99], [99, 5, 6, 98])
    assert corrupt_spans([5, 6], [], 99) == ([5, 6], [99])


@pytest.mark.parametrize(
    "spans", [[(0, 2), (1, 3)], [(2, 3), (0, 1)], [(1, 1)], [(2, 4)], [(-1, 1)]]
)
def test_spans_that_are_none(spans):
    with pytest.raises(ValueError, match="and hide a token, got"):
        corrupt_spans([5, 6, 7], spans, 99)
