"""What only the largest or the smallest numbers show: one plain sentence, or none."""

from collections.abc import Iterable

from torch import Tensor

from ..cases import Case
from ..sheet import Sheet
from .relations import Pair

HUGE = 80.0  # e to the 89 is infinite in float32
TINY = 1e-2  # beside its square an epsilon of 1e-5 counts


def by_magnitude(sheet: Sheet, pairs: list[Pair], failing: list[int]) -> str:
    """Where all that fails holds numbers of one size, and something without them is right."""
    largest = [_largest(case) for case in sheet.cases]
    lost = all(isinstance(p.got, Tensor) and not p.got.isfinite().all() for p in pairs)
    if lost and _only(failing, [any(x >= HUGE for x in row) for row in largest]):
        return (
            "only large numbers fail: something on the way, such as a power of e, becomes infinite"
        )
    if not lost and _only(failing, [any(0 < x <= TINY for x in row) for row in largest]):
        return (
            "only small numbers fail: an epsilon, a clamp or a tolerance is large beside them; is "
            "it the one asked for, and in its place?"
        )
    return ""


def _largest(case: Case) -> list[float]:
    """Of each tensor of decimal numbers that comes in, the largest finite one."""
    tensors = [x for x in case.inputs if _decimal(x)]
    finite = [x.abs()[x.isfinite()] for x in tensors]
    return [float(x.max()) for x in finite if x.numel()]


def _decimal(x: object) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


def _only(failing: Iterable[int], marked: list[bool]) -> bool:
    passes = set(range(len(marked))) - set(failing)
    return all(marked[i] for i in failing) and not all(marked[i] for i in passes)
