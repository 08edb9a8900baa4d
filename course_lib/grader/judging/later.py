"""A row that is made when somebody looks at it, and then stays."""

import contextlib
import io
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Later(Sequence, Generic[Item]):
    """A sequence that `make` gives at the first look; what that prints is nobody's output."""

    def __init__(self, make: Callable[[], Iterable[Item]]) -> None:
        self._make = make

    @cached_property
    def _row(self) -> tuple[Item, ...]:
        with contextlib.redirect_stdout(io.StringIO()):
            return tuple(self._make())

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, index: int) -> Item:
        return self._row[index]
