"""Where two outcomes differ, said in numbers: structure, shape, dtype, values, gradients."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .called import contents, found_kind, kind, parting, wanted, with_article
from .edits import edited
from .outcome import Outcome
from .scored import too_few
from .tensors import Details, digits, tensors
from .terms import Terms

DEFAULT = Terms()
MISSING = ": is a return missing?"
CANCELLED = 0.2  # times 1e-5: sixteen times the last bit of the largest gradient


def differences(expected: Outcome, found: Outcome, terms: Terms = DEFAULT) -> Details:
    """What separates `found` from `expected`, most basic first; empty when they agree."""
    if expected is found:
        return ()
    if expected.raised or found.raised:
        return _raised(expected, found)
    if terms.at_least:
        last = (None, *found.values)[-1]  # None: a named mistake, which was not tried here
        return too_few(expected.values[-1], last, terms.at_least)
    for number, (want, got) in enumerate(zip(expected.values, found.values, strict=True), 1):
        told = compare(want, got, terms)
        if told:
            return (*_call(number, len(expected.values)), *told)
    return edited(expected, found) or _gradients(expected, found, terms)


def compare(expected: Any, found: Any, terms: Terms = DEFAULT) -> Details:
    """Compare two values, or nested lists, tuples and dicts of them, leaf by leaf."""
    if told := _structure(expected, found, terms):
        return told
    for number, (where, want, got) in enumerate(_pairs(expected, found)):
        told = _leaf(want, got, replace(terms, axes="") if number else terms)
        if told:
            return (f"in {where}: {told[0]}" if where else told[0], *told[1:])
    return ()


def _pairs(expected: Any, found: Any, inside: str = "") -> list[tuple[str, Any, Any]]:
    """Leaf by leaf: where it stands, as `result 2 of 3` of a tuple, what is expected and found.

    The keys of a dict come as the reference filled it: what it reckons first may be the cause.
    """
    if isinstance(expected, dict):
        parts = [(f"`{key}`", want, found[key]) for key, want in expected.items()]
    elif isinstance(expected, list | tuple):
        both = enumerate(zip(expected, found, strict=True), 1)
        parts = [(f"result {i} of {len(expected)}", want, got) for i, (want, got) in both]
    else:
        return [(inside, expected, found)]
    glue = ", " if inside else ""
    return [pair for name, *both in parts for pair in _pairs(*both, inside + glue + name)]


def _raised(expected: Outcome, found: Outcome) -> Details:
    if expected.raised and expected.stops_like(found):
        return ()
    if expected.raised:
        got = with_article(found.raised) if found.raised else "a result"
        told = f"expected your code to raise {expected.raised} here, found {got}"
        if found.raised == "AssertionError":
            told += f": not `assert`, but `if …: raise {expected.raised}(…)`"
        return (told,)
    return (f"your code raised {found.raised}",)


def _structure(expected: Any, found: Any, terms: Terms) -> Details:
    if found is None and expected is not None:
        return (f"expected {wanted(expected)}, found None{'' if terms.none_is_legal else MISSING}",)
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        return _sequence(expected, found, terms)
    if isinstance(expected, dict) and isinstance(found, dict):
        if expected.keys() == found.keys():
            told = ((k, _structure(expected[k], found[k], terms)) for k in expected)
            return next(((f"in `{k}`: {inner[0]}", *inner[1:]) for k, inner in told if inner), ())
        want, got = (sorted(keys, key=repr) for keys in (expected, found))
        return (f"expected the keys {want}, found {got}",)
    containers = (list, tuple, dict)
    if isinstance(expected, containers) or isinstance(found, containers):
        alone = not isinstance(found, containers) and not isinstance(expected, dict)
        one = "a single one, " if alone and len(expected) > 1 else ""
        return (f"expected {wanted(expected)}, found {one}{found_kind(found)}",)
    return ()


def _sequence(expected: list | tuple, found: list | tuple, terms: Terms) -> Details:
    if len(expected) != len(found):
        if isinstance(expected, list) and isinstance(found, list):
            told = f"expected a list of {len(expected)}, found one of {len(found)}"
            return (f"{told}{contents(found)}",)
        many = f"{len(expected)} result{'s' * (len(expected) != 1)}"
        return (f"expected {many}, found {len(found)}{contents(found)}",)
    want, got = ("tuple" if isinstance(x, tuple) else "list" for x in (expected, found))
    if want != got and not terms.any_sequence:
        return (f"expected a {want}, found a {got} of as many results",)
    pairs = enumerate(zip(expected, found, strict=True), 1)
    inner = ((place, told) for place, (a, b) in pairs if (told := _structure(a, b, terms)))
    place, told = next(inner, (0, ()))
    return (f"in result {place} of {len(expected)}: {told[0]}", *told[1:]) if told else ()


def _leaf(expected: Any, found: Any, terms: Terms) -> Details:
    if type(expected) is bool:
        verdict = _single(found)
        got = verdict if type(verdict) is bool else found_kind(found)
        return () if got is expected else (f"expected {expected}, found {got}",)
    if isinstance(expected, int | float):
        return _number(expected, found, terms)
    if isinstance(expected, Tensor):
        if not isinstance(found, Tensor):
            return (f"expected {kind(expected)}, found {found_kind(found)}",)
        return tensors(expected, found, terms)
    if type(expected) is type(found) and expected == found:
        return ()
    told = f"expected {kind(expected)}, found {found_kind(found)}"
    texts = isinstance(expected, str) and isinstance(found, str)
    return (told, *(parting(expected, found) if texts else ()))


def _single(found: Any) -> Any:
    """The value of a tensor without axes, which is as good as a number; the rest as it is."""
    return found.item() if isinstance(found, Tensor) and not found.ndim else found


def _number(expected: float, found: Any, terms: Terms) -> Details:
    number = found if terms.plain_numbers else _single(found)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return (f"expected a number, found {found_kind(found)}",)
    if not isinstance(expected, int):
        near = _close(expected, number, terms)
        n = digits(expected, number, 6)
        return () if near else (f"expected {expected:.{n}g}, found {_spell(number, n)}",)
    # Whole numbers are counts, and a count is right or wrong.
    if number != expected:
        return (f"expected {expected:,}, found {_spell(number, 10)}",)
    told = f"expected the whole number {expected:,}, found {number} (float)"
    return (told,) if isinstance(number, float) else ()


def _spell(number: float, n: int) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.{n}g}"


def _close(expected: float, found: float, terms: Terms) -> bool:
    one, other = (torch.tensor(float(x), dtype=torch.float64) for x in (expected, found))
    rtol = terms.rtol + terms.noise
    return torch.allclose(other, one, rtol=rtol, atol=terms.atol, equal_nan=True)


def _gradients(expected: Outcome, found: Outcome, terms: Terms) -> Details:
    if not expected.gradients:  # a mistake whose values are wrong: none were kept
        return ()
    if len(found.gradients) != len(expected.gradients):  # of a mistake that shows in its values
        return ("the values agree, but no gradients were kept",)
    calls = zip(expected.gradients, found.gradients, strict=True)
    for number, (wants, got) in enumerate(calls, 1):
        room = _rounded(terms, wants)
        for name, want in wants.items():
            if told := _gradient(name, want, got.get(name), room):
                return (*_call(number, len(expected.gradients)), *told)
    return ()


def _rounded(terms: Terms, wants: dict[str, Tensor | None]) -> Terms:
    """A gradient sums over many places: its rounding goes by its largest number.

    And where a sum cancels, as for the bias of an attention's keys, by the largest of the call.
    """
    flows = [want for want in wants.values() if want is not None and want.numel()]
    sizes = [float(want.abs().max()) for want in flows]
    largest = max((size for size in sizes if size < math.inf), default=0.0)
    room = terms.atol * (1 + CANCELLED * largest)
    return replace(terms, atol=room, noise=terms.noise + terms.atol, axes="", exact_zeros=False)


def _gradient(name: str, want: Tensor | None, got: Tensor | None, terms: Terms) -> Details:
    if want is None and (got is None or not got.any()):
        return ()
    if got is None:
        return (f"the values agree, but no gradient flows back to {name}",)
    want = torch.zeros_like(got) if want is None else want
    told = tensors(want, got, terms)
    if not told:
        return ()
    return (f"the values agree, but the gradient that flows back to {name} does not", *told)


def _call(number: int, calls: int) -> Details:
    return (f"call {number} of {calls}",) if number > 1 else ()
