"""Schedules against Hugging Face's, the paper's own figures, and hand-worked values."""

import math
from functools import partial

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_cosine_schedule_with_warmup

from course_lib.training import cosine, noam, warmup_stable_decay


def rates(schedule, steps, lr=1.0):
    """The rates that the first updates of an optimiser use."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler, seen = LambdaLR(optimizer, schedule), []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_noam_is_the_papers_formula_from_the_first_update_on():
    seen = rates(partial(noam, d_model=512), 3)
    wanted = [512**-0.5 * min(n**-0.5, n * 4000**-1.5) for n in (1, 2, 3)]
    assert seen == pytest.approx(wanted, rel=1e-12) and seen[0] > 0


def test_noam_is_highest_after_its_warm_up_and_falls_as_the_root():
    seen = [noam(step, 7, warmup=13) for step in range(200)]
    assert seen.index(max(seen)) == 12  # the thirteenth update
    assert seen[12] == pytest.approx((7 * 13) ** -0.5)
    assert seen[51] / seen[12] == pytest.approx(0.5)  # four times as many updates


def test_cosine_is_hugging_faces_after_the_warm_up():
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs, seen = get_cosine_schedule_with_warmup(optimizer, 5, 23), []
    for _ in range(30):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    ours = rates(lambda step: cosine(step, 23, 5), 23)
    assert ours[5:] == pytest.approx(seen[5:23], abs=1e-12)


@pytest.mark.parametrize("schedule", [cosine, warmup_stable_decay])
def test_the_warm_up_is_a_line_that_starts_above_nothing(schedule):
    seen = [schedule(step, 31, 4) for step in range(5)]
    assert seen == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_cosine_ends_at_its_least_and_stays():
    assert cosine(0, 11, least=0.1) == 1.0
    assert [cosine(s, 11, 3, 0.1) for s in (11, 12, 500)] == pytest.approx([0.1] * 3)
    half = 3 + 4  # half way down
    assert cosine(half, 11, 3, 0.1) == pytest.approx(0.55)


def test_warm_up_stable_decay_by_hand():
    seen = [warmup_stable_decay(s, 10, 2, 4, 0.2) for s in range(13)]
    flat, down = [1.0] * 5, [0.8, 0.6, 0.4]
    assert seen == pytest.approx([1 / 3, 2 / 3, *flat, *down, 0.2, 0.2, 0.2])
    assert warmup_stable_decay(9, 10) == 1.0 and warmup_stable_decay(10, 10) == 0.0


def test_the_middle_does_not_know_where_the_end_is():
    short, long = (partial(warmup_stable_decay, total=n, warmup=3, decay=5) for n in (20, 200))
    assert [short(s) for s in range(15)] == [long(s) for s in range(15)]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: noam(-1, 512), "step=-1"),
        (lambda: noam(0, 0), "d_model=0"),
        (lambda: noam(0, 512, 0), "warmup=0"),
        (lambda: cosine(-1, 5), "step=-1"),
        (lambda: cosine(0, 5, 5), "total=5, warmup=5"),
        (lambda: cosine(0, 5, -2), "warmup=-2"),
        (lambda: cosine(0, 5, least=1.5), "least=1.5"),
        (lambda: warmup_stable_decay(0, 5, 3, 3), "warmup=3, decay=3, total=5"),
        (lambda: warmup_stable_decay(0, 0), "total=0"),
        (lambda: warmup_stable_decay(0, 5, decay=-1), "decay=-1"),
    ],
)
def test_what_they_refuse(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_they_are_finite_everywhere():
    for step in (0, 1, 10**9):
        for rate in (noam(step, 512), cosine(step, 7, 2), warmup_stable_decay(step, 7, 2, 3)):
            assert math.isfinite(rate) and rate >= 0
