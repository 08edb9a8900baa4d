"""What an answer is called with: cases, each a sequence of calls."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Call:
    """One call of the answer, or of one method of the object it makes."""

    args: tuple = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    method: str = "__call__"


def call(*args: Any, method: str = "__call__", **kwargs: Any) -> Call:
    """Spell a `Call` as it will be made."""
    return Call(args, kwargs, method)


@dataclass(frozen=True)
class Case:
    """A sequence of calls, so that state between calls is exercised too.

    When the answer is a class, `init` holds its constructor's arguments and `state` the weights
    that are loaded into it, so that initialisation can't matter. Then, or with `grad`, the
    gradients that reach the weights and the float inputs are compared as well. `exact` is for
    what must agree to the last bit.
    """

    label: str
    calls: Sequence[Call]
    init: dict[str, Any] | None = None
    state: dict[str, Tensor] | None = None
    grad: bool = False
    exact: bool = False


def case(label: str, *args: Any, grad: bool = False, exact: bool = False, **kwargs: Any) -> Case:
    """A case of a single call of a function."""
    return Case(label, (Call(args, kwargs),), grad=grad, exact=exact)
