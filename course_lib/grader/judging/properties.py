"""Properties that can be said in words, checked on what an answer returned.

Each takes the value of one call and returns what is broken, or an empty string.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .outcome import Outcome
    from .sheet import Sheet


def rows_sum_to_one(value: Any) -> str:
    """Weights over keys: each row sums to 1, or to 0 where a query may look nowhere."""
    if not isinstance(value, Tensor) or not value.is_floating_point() or not value.ndim:
        return ""
    sums = value.double().sum(dim=-1)
    room = max(1e-3, 4 * torch.finfo(value.dtype).eps)  # halves round each weight
    fine = torch.isclose(sums, torch.ones_like(sums), atol=room) | (sums == 0) | sums.isnan()
    wrong = ~fine  # nan is told by `finite`
    return f"rows sum to {float(sums[wrong][0]):.2f}, not to 1" if wrong.any() else ""


def finite(value: Any) -> str:
    """No nan, no infinity."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return ""
    bad = ~torch.isfinite(value)
    return f"{int(bad.sum())} of {value.numel()} values are nan or infinite" if bad.any() else ""


def not_negative(value: Any) -> str:
    """Weights are shares, so none is below 0."""
    if not isinstance(value, Tensor) or not value.is_floating_point() or not value.numel():
        return ""
    return f"the smallest value is {float(value.min()):.2f}, below 0" if value.min() < 0 else ""


PROPERTIES: dict[str, Callable[[Any], str]] = {
    "rows-sum-to-1": rows_sum_to_one,
    "finite": finite,
    "not-negative": not_negative,
}


def broken(
    sheet: "Sheet", found: tuple["Outcome", ...], failing: list[int], told: tuple[str, ...]
) -> list[str]:
    """Each property that an answer breaks where the reference keeps it, said once."""
    said: list[str] = []
    of_dtype = any(line.startswith("expected dtype") for line in told)  # its sums are its rounding
    for holds in () if of_dtype else map(PROPERTIES.get, sheet.properties):
        for i in failing:
            pairs = zip(sheet.expected[i].values, found[i].values, strict=False)
            breach = next(filter(None, (_breaks(holds, want, got) for want, got in pairs)), "")
            if breach and breach not in told:
                where = "" if i == failing[0] else f" (in the case: {sheet.cases[i].label})"
                said.append(breach + where)
            if breach:
                break
    return said


def _breaks(holds: Callable, want: object, got: object) -> str:
    """What `got` breaks and `want` keeps; nothing for what can't be asked, as a sparse tensor."""
    try:
        return "" if holds(want) else holds(got)
    except Exception:  # whatever a tensor without values, or without this operation, raises
        return ""
