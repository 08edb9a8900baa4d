"""Where two tensors differ, said in numbers: shape, dtype, device, values."""

from itertools import permutations

import torch
from torch import Tensor

from .terms import Terms

Details = tuple[str, ...]
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def tensors(expected: Tensor, found: Tensor, terms: Terms) -> Details:
    """Compare shape, then dtype, then values; say what to look at, with numbers."""
    if expected.shape != found.shape:
        return _shape(tuple(expected.shape), tuple(found.shape), terms.axes.split())
    if expected.dtype != found.dtype:
        return _dtype(expected, found)
    if found.device.type != expected.device.type or found.layout != expected.layout:
        return (f"expected a plain {expected.device.type} tensor, found {found.device.type}",)
    if not expected.is_floating_point():
        return _first(expected, found, expected != found)
    near = _near(expected, found, terms)
    if near.all():
        return ()
    strange = ~torch.isfinite(found) & torch.isfinite(expected)
    if strange.any():
        what = f"{int(strange.sum())} of {found.numel()} values are nan or infinite"
        return (what, *_first(expected, found, strange))
    error = (found - expected).abs().nan_to_num().max()
    return (*_first(expected, found, ~near), f"largest error {float(error):.3g}")


def _near(expected: Tensor, found: Tensor, terms: Terms) -> Tensor:
    rtol, atol = terms.of(expected.dtype)
    if terms.noise and expected.numel():
        sizes = expected.abs()[expected.isfinite()]
        atol += terms.noise * float(sizes.max() if sizes.numel() else 0.0)
    near = torch.isclose(found, expected, rtol=rtol, atol=atol, equal_nan=True)
    return near & ((expected != 0) | (found == 0)) if terms.exact_zeros else near


def _dtype(expected: Tensor, found: Tensor) -> Details:
    told = f"expected dtype {expected.dtype}, found {found.dtype}"
    if found.dtype == torch.float64:
        told += ": something is float64, an input or what your code makes, as an array of NumPy"
    elif found.dtype in WHOLE and expected.is_floating_point():
        told += ": decimal numbers are asked for; `//`, `.long()` and `int` give whole ones"
    elif found.is_floating_point() and expected.dtype == torch.int64:
        told += ": whole numbers are asked for, as `argmax` gives places"
        told += "; `.long()` makes some" if torch.equal(found, found.round()) else ""
    return (told,)


def _first(expected: Tensor, found: Tensor, wrong: Tensor) -> Details:
    if not wrong.any():
        return ()
    index = tuple(wrong.nonzero()[0].tolist())
    want, got = expected[index].item(), found[index].item()
    if expected.is_floating_point():
        want, got = want + 0.0, got + 0.0  # else a zero may read as "-0"
    spell = f"{{:.{digits(want, got, 4)}g}}".format if expected.is_floating_point() else str
    share = f"{int(wrong.sum())} of {wrong.numel()} values differ"
    return (f"{share}; the first at {list(index)}: expected {spell(want)}, found {spell(got)}",)


def digits(one: float, other: float, least: int) -> int:
    """How many digits tell two numbers apart: as few as these, or more, up to all of float64."""
    tried = (least, 9, 13, 17)
    return next((n for n in tried if f"{one:.{n}g}" != f"{other:.{n}g}"), 17)


def _shape(expected: tuple, found: tuple, axes: list[str]) -> Details:
    told = f"expected shape {expected}, found {found}"
    if len(axes) == len(expected):
        told = f"expected shape ({', '.join(axes)}) = {expected}, found {found}"
    if sorted(expected) != sorted(found) or 0 in expected:  # of nothing any order is as good
        return (told,)
    # Where sizes are distinct, a permutation of them tells which axes were exchanged.
    if len(axes) == len(expected) == len(set(expected)):
        orders = permutations(range(len(expected)))
        order = next(o for o in orders if tuple(expected[i] for i in o) == found)
        moved = ", ".join(axes[i] for i in order)
        return (f"{told}: that is ({moved}), so a transpose is missing or one too many",)
    return (f"{told}: the same sizes in another order, so a transpose is missing or one too many",)
