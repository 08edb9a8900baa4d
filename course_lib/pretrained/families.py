"""What a family of checkpoints says about itself: its sizes, and its names beside ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from course_lib.models.gpt import GptConfig

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Family:
    """How one family's checkpoints are read.

    `sizes` makes our configuration of its config.json, `names` the table for it (theirs: ours),
    `unused` lists what its files hold beside that, and `prepare` changes tensors before.
    """

    sizes: Callable[[dict], GptConfig]
    names: Callable[[GptConfig], Mapping]
    unused: Callable[[GptConfig], list[str]] = lambda config: []
    prepare: Callable[[Tensors], Tensors] = lambda tensors: tensors


def require(facts: Mapping[str, Any], **known: Any) -> None:
    """See to it that a config.json asks for nothing else than what is built; absent is fine.

    Raises `ValueError` naming what is asked for and what is known.
    """
    for name, value in known.items():
        values = value if isinstance(value, tuple) else (value,)
        asked = facts.get(name)
        if asked is not None and asked not in values:
            told = " or ".join(repr(each) for each in values)
            raise ValueError(f"can't build a model with {name}={asked!r}, only with {told}")
