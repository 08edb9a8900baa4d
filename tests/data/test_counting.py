"""Counted words and neighbours: by hand on small texts, and the solver against its gradient."""

import math

import pytest
import torch

from course_lib.data.backoff import Neighbours
from course_lib.data.counted import TfIdf, logistic_regression, words_and_pairs


def test_words_and_pairs():
    assert words_and_pairs("A film, a FILM") == [
        *("a", "film", ",", "a", "film", "a film", "film ,", ", a", "a film")
    ]
    assert words_and_pairs("") == []


def test_rows_by_hand():
    rows = TfIdf(["good film", "bad film", "good", "film"])
    assert rows.words == ["film", "good"]
    table = rows(["good good film", "awful", "film"]).to_dense()
    film, good = 1 + math.log(5 / 4), 1 + math.log(5 / 3)
    first = torch.tensor([film, (1 + math.log(2)) * good])
    torch.testing.assert_close(table[0], first / first.norm())
    assert table[1:].tolist() == [[0, 0], [1, 0]]
    assert rows([]).shape == (0, 2)
    with pytest.raises(ValueError, match="got none"):
        TfIdf([])


@pytest.mark.parametrize("sparse", [False, True])
def test_the_solver_finds_where_the_gradient_is_zero(sparse):
    torch.manual_seed(0)
    x, y = torch.randn(97, 5), (torch.rand(97) > 0.4).float()
    weight, bias = logistic_regression(x.to_sparse() if sparse else x, y, 0.7)
    gap = (x @ weight + bias).sigmoid() - y
    torch.testing.assert_close(x.T @ gap + 0.7 * weight, torch.zeros(5), atol=2e-3, rtol=0)
    assert abs(gap.sum()) < 2e-3
    with pytest.raises(ValueError, match="decay must be positive, got decay=0"):
        logistic_regression(x, y, 0.0)


def test_neighbours_fall_back():
    # 1 2 3 twice, 1 9 3 once
    tables = Neighbours([1, 2, 3, 1, 2, 3, 1, 9, 3], [(1, 1), (1, 0), (0, 0)])
    assert tables.say([1, 0, 3], 1) == 2
    assert tables.say([1, 0, 7], 1) == 2  # only the left one is known
    assert tables.say([1, 0], 1) == 2  # at the end of a row
    assert tables.say([8, 0, 8], 1) == 1  # 1 and 3 are as common: the first met
    assert Neighbours([1, 2, 3], [(1, 1)]).say([5, 0, 5], 1) is None
    with pytest.raises(ValueError, match="2 tokens are too few"):
        Neighbours([1, 2], [(1, 1)])
    with pytest.raises(ValueError, match="too few to fill tables of"):
        Neighbours([1, 2], [])


@pytest.mark.parametrize("sides", [(2, 1), (0, 3), (1, 0), (0, 0)])
def test_a_table_is_a_count_of_what_stood_between(sides):
    ids = torch.randint(5, (211,), generator=torch.Generator().manual_seed(7)).tolist()
    (left, right), stood = sides, {}
    for i in range(left, len(ids) - right):
        stood.setdefault((*ids[i - left : i], *ids[i + 1 : i + 1 + right]), []).append(ids[i])
    commonest = {around: max(told, key=told.count) for around, told in stood.items()}
    assert Neighbours(ids, [sides]).tables[sides] == commonest
