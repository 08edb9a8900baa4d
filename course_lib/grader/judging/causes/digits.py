"""Digits that an answer lost: its numbers are right, but rounded, or counted too coarsely."""

import torch
from torch import Tensor

from ..sheet import Sheet
from ..trees import leaves
from .relations import ENOUGH, Pairs

HALF = (torch.float16, torch.bfloat16)
STEPS = 4  # of the coarser dtype: as far as a few roundings lead
SHORT = range(1, 5)  # digits behind the point that somebody would round to
SEVEN = (
    "only the last digits of large whole numbers are wrong: float32 has seven; Python's own "
    "numbers, `math` and float64 have sixteen"
)


def lost_digits(sheet: Sheet, pairs: Pairs, failing: list[int]) -> str:
    """What took the digits of all wrong numbers; "" where it wasn't that alone."""
    return _seven(pairs) or _rounded(pairs) or _coarse(sheet, pairs, failing)


def _seven(pairs: Pairs) -> str:
    """Whole numbers that float32 can't hold, off by no more than its digits."""
    if not all(type(x) is int for pair in pairs for x in (pair.want, pair.got)):
        return ""
    room = STEPS * torch.finfo(torch.float32).eps
    near = (1 < abs(p.got - p.want) <= room * abs(p.want) for p in pairs)
    return SEVEN if all(near) else ""


def _rounded(pairs: Pairs) -> str:
    wants, gots = ([torch.as_tensor(x).double().flatten() for x in one] for one in _both(pairs))
    if [len(want) for want in wants] != [len(got) for got in gots]:
        return ""
    want, got = torch.cat(wants), torch.cat(gots)
    if len(want) < ENOUGH or not got.isfinite().all() or torch.equal(got, got.round()):
        return ""
    if ((got - want).abs() <= 1e-6 * want.abs() + 1e-7).all():
        return ""  # no digit is lost: another dtype, or axes, or a kind of number
    near = torch.stack([(got - want.round(decimals=n)).abs() for n in SHORT]).amin(dim=0)
    if (near > 2e-7 * want.abs() + 1e-8).any():
        return ""
    return "your numbers are right, but rounded: return them with all their digits"


def _both(pairs: Pairs) -> tuple[list, list]:
    return [pair.want for pair in pairs], [pair.got for pair in pairs]


def _coarse(sheet: Sheet, pairs: Pairs, failing: list[int]) -> str:
    """Where all is right in float32, and only what came in half precision isn't."""
    half = {i for i, case in enumerate(sheet.cases) if _half(case.inputs)}
    if not set(failing) <= half or half == set(range(len(sheet.cases))):
        return ""
    for pair in pairs:
        want, got = pair.want, pair.got
        if not isinstance(want, Tensor) or not isinstance(got, Tensor):
            return ""
        if want.dtype != torch.float32 or got.dtype != want.dtype or got.shape != want.shape:
            return ""
        steps = [torch.finfo(dtype).eps for dtype in _half(list(pair.inputs.values()))]
        room = STEPS * max(steps, default=0.0)  # another call of the case may be in float32
        if not (got - want).abs().max() <= room * want.abs().max():
            return ""
    return (
        "float32 is right, and of half precision digits are lost: widen what comes in, before "
        "anything is counted with it"
    )


def only_half(sheet: Sheet, pairs: Pairs, failing: list[int]) -> str:
    """Where all that fails came in half precision, and has the dtype that is asked for."""
    half = {i for i, case in enumerate(sheet.cases) if _half(case.inputs)}
    alike = all(
        isinstance(p.want, Tensor) and isinstance(p.got, Tensor) and p.got.dtype == p.want.dtype
        for p in pairs
    )
    if not alike or len(failing) < 2 or not set(failing) <= half or len(half) == len(sheet.cases):
        return ""
    return (
        "only half precision goes wrong: widen what comes in, before anything is counted with it, "
        "and watch what its largest number is"
    )


def _half(inputs: list) -> set[torch.dtype]:
    return {x.dtype for x in leaves(inputs) if isinstance(x, Tensor) and x.dtype in HALF}
