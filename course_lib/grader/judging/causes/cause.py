"""What a wrong answer that has no name probably did: one plain sentence, or none.

A sentence must hold for all that fails: one that misleads costs more than none.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..compare import compare
from ..errors.crash import RAISED
from ..inputs import named_inputs
from ..outcome import Outcome
from ..sheet import Sheet
from ..trees import leaves
from .amounts import of_amounts
from .defaults import by_default
from .digits import lost_digits, only_half
from .factors import of_numbers
from .kinds import by_dtype, by_dtypes, by_kind, returned_error
from .magnitudes import by_magnitude
from .moves import MOVES, moves_otherwise
from .relations import ENOUGH, Pair, of_places
from .shapes import by_shape

LARGEST = 10**15  # whole numbers beyond are no float64
CUT = "`detach`, `.data`, `.item()`, `no_grad`, `torch.tensor(x)` and NumPy cut gradients off"
PARTLY = (
    "the numbers are right and their gradient isn't: is a part of the way to the result cut off by "
    "`detach`, `.data` or `no_grad`, or the gradient changed on its way back?"
)


def cause(sheet: Sheet, found: tuple[Outcome, ...], failing: list[int]) -> str:
    """What all that fails has in common, the first of `failing` foremost; "" if nothing is sure."""
    first = failing[0]
    if sheet.expected[first].raised:
        return _not_its_own(sheet.expected[first].raised, found[first])
    if any(found[i].raised or sheet.expected[i].raised for i in failing):
        return ""
    values = [pair for i in failing for pair in _values(sheet, i, found[i])]
    if not values:
        return _cut_off(sheet, found, failing)
    if all(pair.got is None for pair in values) and all(found[i].printed for i in failing):
        return "what your code prints is shown and gone: hand it back with `return`"
    if told := _always_the_same(sheet, found) or _opposite(sheet, found):
        return told
    if told := by_default(sheet, failing):
        return told
    if told := _shared(by_kind(pair.want, pair.got, pair.terms) for pair in values):
        return told
    pairs = [leaf for pair in values for leaf in _leaves(pair)]
    if told := _shared(by_kind(pair.want, pair.got, pair.terms) for pair in pairs):
        return told
    if all(moves_otherwise(sheet.expected[i], found[i], sheet.terms[i]) for i in failing):
        return MOVES
    if not all(sound(x) for pair in pairs for x in (pair.want, pair.got)):
        return of_amounts(pairs)  # which are whole, and exact however large
    digits = lost_digits(sheet, pairs, failing)
    told = digits or _of_leaves(pairs) or by_magnitude(sheet, pairs, failing)
    return told or only_half(sheet, pairs, failing)


def _not_its_own(asked: str, found: Outcome) -> str:
    if found.values and (told := returned_error(found.values[-1])):
        return told
    if found.raised and found.raised != "AssertionError" and found.what not in ("", RAISED):
        return f"a line stopped by itself: look before it, and `raise {asked}(…)` with your words"
    return ""


def _cut_off(sheet: Sheet, found: tuple[Outcome, ...], failing: list[int]) -> str:
    """Where values agree, and in all cases a gradient is missing, or another than it should be."""
    if all(_lost(sheet.expected[i], found[i]) for i in failing):
        return CUT
    flows = [flow for i in failing for one in found[i].gradients for flow in one.values()]
    # A gradient of nan comes from the numbers on the way, not from its end.
    fine = flows and all(flow is None or _finite(flow) for flow in flows)
    return PARTLY if fine and all(len(found[i].gradients) for i in failing) else ""


def _finite(flow: Any) -> bool:
    return sound(flow) and bool(flow.isfinite().all())


def _lost(expected: Outcome, found: Outcome) -> bool:
    """Does nothing flow back where something should?"""
    flows = zip(expected.gradients, found.gradients, strict=False)
    return any(
        flow is not None and got.get(name) is None
        for want, got in flows
        for name, flow in want.items()
    )


def _always_the_same(sheet: Sheet, found: tuple[Outcome, ...]) -> str:
    """One number or truth for whatever comes in, where several are asked for."""
    wants = [value for outcome in sheet.expected for value in outcome.values]
    gots = [value for outcome in found for value in outcome.values]
    if not all(isinstance(x, bool | int | float) for x in [*wants, *gots]):
        return ""
    if len(gots) < ENOUGH or len(set(wants)) < 2 or len(set(gots)) > 1:
        return ""
    return f"your code gives {gots[0]!r}, whatever comes in"


def _opposite(sheet: Sheet, found: tuple[Outcome, ...]) -> str:
    """Truths that are all the wrong way round; of those that fail alone, each one is."""
    wants = leaves([outcome.values for outcome in sheet.expected])
    gots = leaves([outcome.values for outcome in found])
    if len(wants) != len(gots) or sum(isinstance(x, bool) or _mask(x) for x in wants) < len(wants):
        return ""
    turned = (
        _mask(got) and torch.equal(got, ~want) if _mask(want) else got is (not want)
        for want, got in zip(wants, gots, strict=True)
    )
    many = sum(x.numel() if _mask(x) else 1 for x in wants) >= ENOUGH
    return "each True should be False, and each False True" if many and all(turned) else ""


def _mask(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bool and sound(value)


def _values(sheet: Sheet, i: int, found: Outcome) -> list[Pair]:
    """The wrong values of a case, with what they come from."""
    case, terms, pairs = sheet.cases[i], sheet.terms[i], []
    calls = zip(sheet.expected[i].values, found.values, strict=True)
    for number, (want, got) in enumerate(calls):
        if compare(want, got, terms):
            inputs = named_inputs(sheet.parameters, case, number)
            sizes = _sizes(inputs | (case.init or {}))
            pairs.append(Pair(want, got, terms, inputs, sizes))
    return pairs


def _sizes(inputs: dict[str, Any]) -> dict[str, int]:
    """Lengths of axes and whole numbers, by what they are called; last axes come first."""
    tensors = {name: x.shape for name, x in inputs.items() if isinstance(x, Tensor) and x.ndim}
    last = {f"the length of `{name}`'s last axis": shape[-1] for name, shape in tensors.items()}
    whole = {f"`{name}`": x for name, x in inputs.items() if type(x) is int}
    others = {
        f"the length of `{name}`'s axis {axis}": shape[axis]
        for name, shape in tensors.items()
        for axis in range(-2, -len(shape) - 1, -1)
    }
    return last | whole | others


def _leaves(pair: Pair) -> list[Pair]:
    """The wrong ones among a value's leaves; itself, where the leaves are not as many."""
    wants, gots = leaves(pair.want), leaves(pair.got)
    if len(wants) != len(gots):
        return [pair]
    bare = replace(pair.terms, axes="")
    found = [
        replace(pair, want=want, got=got, terms=bare if i else pair.terms)
        for i, (want, got) in enumerate(zip(wants, gots, strict=True))
        if compare(want, got, bare)
    ]
    return found or [pair]


def sound(value: Any) -> bool:
    """Can one calculate with it?"""
    if isinstance(value, Tensor):
        plain = value.layout == torch.strided and value.device.type == "cpu"
        return plain and not value.is_complex() and not value.is_quantized
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGEST)


def _of_leaves(pairs: list[Pair]) -> str:
    tensors = [p for p in pairs if isinstance(p.want, Tensor) and isinstance(p.got, Tensor)]
    if len(tensors) == len(pairs):
        inputs = [leaves(list(p.inputs.values())) for p in tensors]
        of_dtypes = [by_dtype(p.want, p.got, x) for p, x in zip(tensors, inputs, strict=True)]
        told = by_shape([(p.want, p.got) for p in tensors])
        told = told or _shared(of_dtypes) or by_dtypes(of_dtypes)
        if told:
            return told
    return of_places(pairs) or of_numbers(pairs) or of_amounts(pairs)


def _shared(told: Iterable[str]) -> str:
    """What is said of every one."""
    said = set(told)
    return said.pop() if len(said) == 1 else ""
