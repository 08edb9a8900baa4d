"""Cases, outcomes and whole sheets as nested plain values, which frames can hold; and back."""

from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from .cases import Call, Case
from .frames import Foreign
from .outcome import Outcome

OURS = __name__.rpartition(".")[0]


def shallow(value: Any) -> Any:
    """Dataclasses as dicts of what isn't there by default, all the way down; the rest as it is.

    A learner's own dataclass is a value that came back, and so is what stands for one.
    """
    ours = type(value).__module__.rpartition(".")[0] == OURS and not isinstance(value, Foreign)
    if ours and is_dataclass(value):
        named = {field: getattr(value, field.name) for field in fields(value)}
        return {f.name: shallow(inner) for f, inner in named.items() if not _default(f, inner)}
    if isinstance(value, list | tuple):
        return type(value)(shallow(item) for item in value)  # x[:, [1]] is not x[:, (1,)]
    return value


def _default(field: Field, value: Any) -> bool:
    usual = field.default if field.default_factory is MISSING else field.default_factory()
    return type(usual) is type(value) and usual == value


def case_from(tree: dict) -> Case:
    """A case as it was before `shallow`."""
    return Case(**(tree | {"calls": tuple(Call(**call) for call in tree["calls"])}))


def outcomes_from(trees: tuple) -> tuple[Outcome, ...]:
    """Outcomes as they were before `shallow`. Raises TypeError for other fields."""
    return tuple(Outcome(**tree) for tree in trees)
