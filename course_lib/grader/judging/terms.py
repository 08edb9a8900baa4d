"""On which terms two values agree: how near is near, and what else must be the same."""

from dataclasses import dataclass, field

import torch

EXACTLY = (0.0, 0.0)
# What half precision can do at best; a key's own tolerances are meant for float32.
HALF = {"float16": (2e-3, 1e-3), "bfloat16": (1.6e-2, 8e-3)}


@dataclass(frozen=True)
class Terms:
    """The terms of one case.

    `by_dtype` holds (rtol, atol) for dtypes that have their own. `noise` is the share of a
    tensor's largest number by which right answers may differ, since their inputs are rounded.
    `at_least` is the share of class ids that must be right, where nothing else is compared.
    `axes` names the axes of the output. With `plain_numbers`, a tensor is no number.
    """

    rtol: float = 1e-4
    atol: float = 1e-5
    by_dtype: dict[str, tuple[float, float]] = field(default_factory=dict)
    exact_zeros: bool = False
    any_sequence: bool = False
    plain_numbers: bool = False
    none_is_legal: bool = False
    noise: float = 0.0
    at_least: float = 0.0
    axes: str = ""

    def of(self, dtype: torch.dtype) -> tuple[float, float]:
        """The (rtol, atol) for tensors of a dtype."""
        name = str(dtype).removeprefix("torch.")
        if name in self.by_dtype:
            return self.by_dtype[name]
        rtol, atol = HALF.get(name, EXACTLY)
        return max(self.rtol, rtol), max(self.atol, atol)


def exactly(terms: Terms) -> Terms:
    """The same terms for a case that must agree to the last bit."""
    return Terms(*EXACTLY, dict.fromkeys(HALF, EXACTLY), axes=terms.axes)
