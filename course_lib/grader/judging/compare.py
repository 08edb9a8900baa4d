"""Where two outcomes differ, said in numbers: structure, shape, dtype, values, gradients."""

from typing import Any

import torch
from torch import Tensor

from .outcome import Outcome
from .tensors import Details, tensors
from .trees import leaves


def differences(
    expected: Outcome, found: Outcome, *, axes: str = "", rtol: float = 1e-4, atol: float = 1e-5
) -> Details:
    """What separates `found` from `expected`, most basic first; empty when they agree."""
    if expected.raised or found.raised:
        return _raised(expected, found)
    for number, (want, got) in enumerate(zip(expected.values, found.values, strict=True), 1):
        told = compare(want, got, axes=axes, rtol=rtol, atol=atol)
        if told:
            return (*_call(number, len(expected.values)), *told)
    if set(found.changed) - set(expected.changed):
        return (f"your code changed its input in place ({', '.join(found.changed)})",)
    return _gradients(expected, found, rtol, atol)


def compare(
    expected: Any, found: Any, *, axes: str = "", rtol: float = 1e-4, atol: float = 1e-5
) -> Details:
    """Compare two values, or nested lists, tuples and dicts of them, leaf by leaf."""
    told = _structure(expected, found)
    if told:
        return told
    pairs = list(zip(leaves(expected), leaves(found), strict=True))
    for place, (want, got) in enumerate(pairs, 1):
        told = _leaf(want, got, axes if len(pairs) == 1 or place == 1 else "", rtol, atol)
        if told:
            where = _places(expected)[place - 1]
            return (f"in {where}: {told[0]}" if where else told[0], *told[1:])
    return ()


def _places(tree: Any, inside: str = "") -> list[str]:
    """Where each leaf stands: `result 2 of 3` of a tuple, or the key of a dict."""
    if isinstance(tree, dict):
        parts = [(f"`{key}`", value) for key, value in sorted(tree.items(), key=repr)]
    elif isinstance(tree, list | tuple):
        parts = [(f"result {i} of {len(tree)}", value) for i, value in enumerate(tree, 1)]
    else:
        return [inside]
    glue = ", " if inside else ""
    return [place for name, part in parts for place in _places(part, inside + glue + name)]


def _raised(expected: Outcome, found: Outcome) -> Details:
    if expected.raised == found.raised:
        return ()
    if expected.raised:
        got = f"a {found.raised}" if found.raised else "a result"
        return (f"expected your code to raise {expected.raised} here, found {got}",)
    return (f"your code raised {found.raised}",)


def _structure(expected: Any, found: Any) -> Details:
    want, got = _kind(expected), _kind(found)
    if found is None and expected is not None:
        return (f"expected {want}, found None: is a return missing?",)
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        if len(expected) == len(found):
            return next(filter(None, map(_structure, expected, found)), ())
        return (f"expected {len(expected)} results, found {len(found)}",)
    if isinstance(expected, dict) and isinstance(found, dict):
        if expected.keys() == found.keys():
            return next((t for k in expected if (t := _structure(expected[k], found[k]))), ())
        return (f"expected the keys {sorted(expected)}, found {sorted(found)}",)
    containers = (list, tuple, dict)
    if isinstance(expected, containers) or isinstance(found, containers):
        return (f"expected {want}, found {got}",)
    return ()


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple):
        return f"{len(value)} results"
    return f"{value!r} ({type(value).__name__})" if _plain(value) else f"a {type(value).__name__}"


def _plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str | type(None))


def _leaf(expected: Any, found: Any, axes: str, rtol: float, atol: float) -> Details:
    if type(expected) is bool:
        verdict = found.item() if isinstance(found, Tensor) and found.numel() == 1 else found
        same = type(verdict) is bool and verdict == expected
        return () if same else (f"expected {expected}, found {_kind(found)}",)
    if isinstance(expected, int | float):
        return _number(expected, found, rtol, atol)
    if isinstance(expected, Tensor):
        if not isinstance(found, Tensor):
            return (f"expected {_kind(expected)}, found {_kind(found)}",)
        return tensors(expected, found, axes=axes, rtol=rtol, atol=atol)
    same = type(expected) is type(found) and expected == found
    return () if same else (f"expected {_kind(expected)}, found {_kind(found)}",)


def _number(expected: float, found: Any, rtol: float, atol: float) -> Details:
    number = found.item() if isinstance(found, Tensor) and found.numel() == 1 else found
    if isinstance(number, bool) or not isinstance(number, int | float):
        return (f"expected a number, found {_kind(found)}",)
    # Whole numbers are counts, and a count is right or wrong.
    count = isinstance(expected, int)
    near = number == expected if count else _close(expected, number, rtol, atol)
    return () if near else (f"expected {_spell(expected, count)}, found {_spell(number, count)}",)


def _spell(number: float, count: bool) -> str:
    """A count with all its digits, a measure with six of them."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.10g}" if count else f"{number:g}"


def _close(expected: float, found: float, rtol: float, atol: float) -> bool:
    one, other = (torch.tensor(float(x), dtype=torch.float64) for x in (expected, found))
    return torch.allclose(other, one, rtol=rtol, atol=atol, equal_nan=True)


def _gradients(expected: Outcome, found: Outcome, rtol: float, atol: float) -> Details:
    if not expected.gradients:  # a mistake whose values are wrong: none were kept
        return ()
    calls = enumerate(zip(expected.gradients, found.gradients, strict=True), 1)
    flows = [(i, name, want, got.get(name)) for i, (w, got) in calls for name, want in w.items()]
    for number, name, want, got in flows:
        told = _gradient(name, want, got, rtol, atol)
        if told:
            return (*_call(number, len(expected.gradients)), *told)
    return ()


def _gradient(
    name: str, want: Tensor | None, got: Tensor | None, rtol: float, atol: float
) -> Details:
    if want is None and (got is None or not got.any()):
        return ()
    if got is None:
        return (f"the values agree, but no gradient flows back to {name}",)
    want = torch.zeros_like(got) if want is None else want
    # A gradient sums over many places: its rounding goes by its largest number.
    largest = float(want.abs().nan_to_num().max()) if want.numel() else 0.0
    told = tensors(want, got, rtol=rtol, atol=atol * max(1.0, largest))
    if not told:
        return ()
    return (f"the values agree, but the gradient that flows back to {name} does not", *told)


def _call(number: int, calls: int) -> Details:
    return (f"call {number} of {calls}",) if number > 1 else ()
