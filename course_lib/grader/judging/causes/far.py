"""Is what differs further off than another rounding, or another constant in a formula, may be?"""

from typing import Any

import torch

from ..compare import compare
from ..terms import Terms
from .cause import sound

HAIR = 0.01  # of the largest number


def far(wants: list[Any], gots: list[Any], terms: Terms) -> bool:
    """Whether one of these values differs, and not by a hair only."""
    if len(wants) != len(gots):
        return True
    return any(_far(*pair, terms) for pair in zip(wants, gots, strict=True))


def _far(want: Any, got: Any, terms: Terms) -> bool:
    if not compare(want, got, terms):
        return False
    if not sound(want) or not sound(got):
        return True
    one, other = (torch.as_tensor(x).double() for x in (want, got))
    if one.shape != other.shape or not one.numel():
        return True
    return not (other - one).abs().max() <= HAIR * one.abs().max()  # nan is far from everything
