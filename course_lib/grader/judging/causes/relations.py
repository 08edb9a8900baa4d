"""How all wrong values of an answer follow from the right ones: exchanged, shifted, rows of nan."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from ..compare import compare
from ..terms import Terms

ENOUGH = 3  # numbers: fewer may stand in any relation by chance


@dataclass(frozen=True)
class Pair:
    """A right value and a wrong one, with the inputs by name and the lengths among them."""

    want: Any
    got: Any
    terms: Terms = field(default_factory=Terms)
    inputs: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def gives(self, changed: Any) -> bool:
        """Is the wrong value the right one, `changed` like this?"""
        return not compare(changed, self.got, replace(self.terms, exact_zeros=False, axes=""))


Pairs = Sequence[Pair]


def of_places(pairs: Pairs) -> str:
    """In which relation of places all of these pairs stand; "" where there is none."""
    if not pairs or sum(torch.as_tensor(pair.want).numel() for pair in pairs) < ENOUGH:
        return ""
    if not all(isinstance(pair.want, Tensor) for pair in pairs):
        return ""
    found = (relation(pairs) for relation in RELATIONS)
    return next(filter(None, found), "")


def _handed_back(pairs: Pairs) -> str:
    for name in pairs[0].inputs:
        if all(name in p.inputs and p.gives(p.inputs[name]) for p in pairs):
            return f"your code gives `{name}` back as it came"
    return ""


def _axes(pairs: Pairs) -> range:
    """The axes that all have, counted from the last."""
    return range(-1, -min(pair.want.ndim for pair in pairs) - 1, -1)


def _exchanged(pairs: Pairs) -> str:
    """Of square tables, whose shape doesn't tell it."""
    for one, other in combinations(_axes(pairs), 2):
        if all(pair.gives(pair.want.transpose(one, other)) for pair in pairs):
            both = f"{_axis(pairs, other)} and {_axis(pairs, one)}"
            return f"the values are right, but {both} are exchanged: a transpose too many or few"
    return ""


def _turned(pairs: Pairs) -> str:
    for axis in _axes(pairs):
        if all(pair.gives(pair.want.flip(axis)) for pair in pairs):
            return f"the values are right, but along {_axis(pairs, axis)} the last comes first"
    return ""


def _shifted(pairs: Pairs) -> str:
    for axis in _axes(pairs):
        for way, told in ((1, "late"), (-1, "early")):
            if all(_by_one(pair, axis, way) for pair in pairs) and any(
                pair.want.shape[axis] >= ENOUGH for pair in pairs
            ):
                return f"along {_axis(pairs, axis)} every value comes one place too {told}"
    return ""


def _by_one(pair: Pair, axis: int, way: int) -> bool:
    rest = pair.want.shape[axis] - 1
    if rest < 1 or not isinstance(pair.got, Tensor) or pair.got.shape != pair.want.shape:
        return False
    start, stop = (0, 1) if way == 1 else (1, 0)
    before, there = pair.want.narrow(axis, start, rest), pair.want.narrow(axis, stop, rest)
    moved = replace(pair, got=pair.got.narrow(axis, stop, rest))
    return moved.gives(before) and bool(compare(before, there, pair.terms))


def _rows(pairs: Pairs) -> str:
    """Rows of nan, where all the others are right."""
    zeros = []
    for pair in pairs:
        want, got = pair.want, pair.got
        fits = isinstance(got, Tensor) and got.shape == want.shape and want.ndim > 1
        if not fits or not got.is_floating_point():
            return ""
        lost = got.isnan() & ~want.isnan()
        if not lost.any() or not torch.equal(lost.any(-1), lost.all(-1)):
            return ""
        if lost.all() or not pair.gives(torch.where(lost, got, want)):
            return ""
        zeros.append(bool((want[lost] == 0).all()))
    told = "whole rows are nan and the others right: 0 / 0, or a softmax over nothing but -inf"
    return f"{told}; the right rows are 0 there" if all(zeros) else told


def _floor(pairs: Pairs) -> str:
    """Large negative numbers where minus infinity is asked for, and all else right."""
    for pair in pairs:
        want, got = pair.want, pair.got
        if not isinstance(got, Tensor) or got.shape != want.shape or got.dtype != want.dtype:
            return ""
        low = want.isneginf() & got.isfinite()
        if not low.any() or (got[low] > -100).any() or not pair.gives(torch.where(low, got, want)):
            return ""
    return "minus infinity is asked for, and a finite number stands there: fill with `-math.inf`"


RELATIONS = (_handed_back, _exchanged, _turned, _shifted, _rows, _floor)


def _axis(pairs: Pairs, axis: int) -> str:
    names = pairs[0].terms.axes.split()
    named = all(len(names) == pair.want.ndim for pair in pairs)
    return f"`{names[axis]}`" if named else f"axis {axis}"
