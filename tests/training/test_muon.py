"""Muon against the singular value decomposition, and against PyTorch's own."""

import copy

import pytest
import torch
from torch import nn

from course_lib.training import Muon, orthogonalized

SHAPES = [(17, 29), (29, 17), (13, 13)]


def known(rows, columns, values):
    """A matrix U S V^T with these singular values, and U, V."""
    short = min(rows, columns)
    u = torch.linalg.qr(torch.randn(rows, short)).Q
    v = torch.linalg.qr(torch.randn(columns, short)).Q
    return u @ torch.diag(values) @ v.T, u, v


@pytest.mark.parametrize("shape", SHAPES)
def test_directions_stay_and_their_lengths_come_near_1(shape):
    torch.manual_seed(0)
    matrix, u, v = known(*shape, torch.logspace(0, -1.5, min(shape)))
    found = u.T @ orthogonalized(matrix) @ v
    lengths = found.diagonal()
    assert lengths.min() > 0.65 and lengths.max() < 1.25
    torch.testing.assert_close(found, torch.diag(lengths), rtol=0, atol=1e-4)


def test_half_precision_changes_little_and_the_size_nothing():
    matrix = known(17, 29, torch.logspace(0, -1.5, 17))[0]
    exact, rough = orthogonalized(matrix), orthogonalized(matrix, dtype=torch.bfloat16)
    assert 0 < (rough - exact).norm() < 0.03 * exact.norm()
    assert rough.dtype == torch.float32
    torch.testing.assert_close(orthogonalized(1e4 * matrix), exact)


def test_many_matrices_are_each_turned_as_alone():
    many = torch.randn(3, 2, 7, 5)
    found = orthogonalized(many)
    alone = torch.stack([orthogonalized(one) for one in many.flatten(0, 1)])
    torch.testing.assert_close(found, alone.view_as(many))


def test_no_rounds_only_bring_the_norm_to_1_and_a_zero_stays_zero():
    torch.testing.assert_close(
        orthogonalized(torch.tensor([[3.0], [4.0]]), 0), torch.tensor([[0.6], [0.8]])
    )
    assert not orthogonalized(torch.zeros(3, 5)).any()


def matrices():
    return [nn.Parameter(torch.randn(*shape)) for shape in (*SHAPES, (17, 29))]


def steps(optimizer, params, count=6):
    """Updates with gradients of full rank: rounding fills the empty directions of others."""
    torch.manual_seed(3)
    for _ in range(count):
        for p in params:
            p.grad = p.detach() @ torch.diag(torch.linspace(1, 2, p.shape[1])) + torch.randn(
                p.shape
            )
        optimizer.step()


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_updates_are_those_of_pytorch(decay):
    """PyTorch's counts in bfloat16 alone, which is what they may differ by."""
    torch.manual_seed(0)
    start = matrices()
    ours, theirs, exact = (copy.deepcopy(start) for _ in range(3))
    given = {"lr": 0.02, "momentum": 0.9, "weight_decay": decay}
    steps(Muon(ours, **given, dtype=torch.bfloat16), ours)
    steps(torch.optim.Muon(theirs, **given), theirs)
    steps(Muon(exact, **given), exact)
    for before, *others, other in zip(start, ours, exact, theirs, strict=True):
        for mine in others:
            assert (mine - other).norm() < 0.03 * (other - before).norm()


def test_a_matrix_without_a_gradient_stays_and_groups_have_their_own_rate():
    a, b, c = (nn.Parameter(torch.ones(3, 5)) for _ in range(3))
    optimizer = Muon([{"params": [a, c]}, {"params": [b], "lr": 0.04}], lr=0.02)
    a.grad = b.grad = torch.randn(3, 5)
    optimizer.step()
    torch.testing.assert_close(b - 1, 2 * (a - 1))
    assert torch.equal(c, torch.ones(3, 5))


def test_a_run_goes_on_from_its_state():
    torch.manual_seed(0)
    part = matrices()
    first = Muon(part)
    steps(first, part)
    again, forgot = copy.deepcopy(part), copy.deepcopy(part)
    second = Muon(again, lr=0.5)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    steps(first, part, 1)
    steps(second, again, 1)
    steps(Muon(forgot), forgot, 1)
    for mine, other, third in zip(again, part, forgot, strict=True):
        assert torch.equal(mine, other) and not torch.equal(mine, third)


def test_a_closure_makes_the_gradients():
    weight = nn.Parameter(torch.randn(3, 5))
    optimizer = Muon([weight])

    def closure():
        loss = weight.square().sum()
        loss.backward()
        return loss

    before = weight.detach().clone()
    assert optimizer.step(closure) == before.square().sum()
    assert not torch.equal(weight, before)


@pytest.mark.parametrize("wrong", [{"lr": -1.0}, {"momentum": 1.0}, {"weight_decay": -0.1}])
def test_a_rate_out_of_range_is_named(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"{name}={value}"):
        Muon([nn.Parameter(torch.ones(2, 3))], **wrong)


def test_what_is_no_matrix_is_named():
    with pytest.raises(ValueError, match=r"shape \(5,\)"):
        Muon([nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(5))])
