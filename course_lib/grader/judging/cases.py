"""What an answer is called with: cases, each a sequence of calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from .trees import leaves, tree_map


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

    When the answer is a class, `init` holds its constructor's arguments, handed over by name or,
    with `by_order`, by their order. `state` holds the weights that are loaded into it, so that
    initialisation can't matter. Then, or with `grad`, the gradients that reach the weights and the
    float inputs are compared as well. `exact` is for what must agree to the last bit. A module
    starts in evaluation mode, unless it is `training`.

    With a `target`, class ids, the last call's ids (or scores of the classes, along the last axis)
    are right when at least the share `at_least` of them are the target's: for what is trained
    freely. What the other calls give is not looked at.
    """

    label: str
    calls: Sequence[Call]
    init: dict[str, Any] | None = None
    state: dict[str, Tensor] | None = None
    grad: bool = False
    exact: bool = False
    training: bool = False
    target: Tensor | None = None
    at_least: float = 0.0
    by_order: bool = False

    def __post_init__(self) -> None:
        if (self.target is not None) != (0 < self.at_least <= 1):
            told = "a target and a share above 0, at most 1, go together"
            raise ValueError(f"case {self.label!r}: {told}; got at_least={self.at_least}")

    @property
    def inputs(self) -> list:
        """All that its calls are given, leaf by leaf."""
        return leaves([[c.args, c.kwargs] for c in self.calls])

    def with_inputs(self, change: Callable) -> "Case":
        """The case with every one of these changed."""
        calls = [
            replace(c, args=tree_map(change, tuple(c.args)), kwargs=tree_map(change, c.kwargs))
            for c in self.calls
        ]
        return replace(self, calls=calls)


TERMS = ("grad", "exact", "target", "at_least")


def case(label: str, *args: Any, **kwargs: Any) -> Case:
    """A case of a single call of a function; `grad`, `exact` and so on are the case's own."""
    terms = {name: kwargs.pop(name) for name in TERMS if name in kwargs}
    return Case(label, (Call(args, kwargs),), **terms)
