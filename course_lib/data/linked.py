"""Ids in a row of which neighbours can be joined, in a time that the length doesn't change."""

import itertools
from collections.abc import Iterable, Iterator

Pair = tuple[int, int]
GONE = -1


class Linked:
    """A row of ids; each keeps its place when others are joined. A `GONE` has no pairs."""

    def __init__(self, ids: Iterable[int]):
        self.ids = [*ids, GONE]  # the last one is beside the first, and ends the row
        self.before = list(range(-1, len(self.ids) - 1))
        self.after = list(range(1, len(self.ids) + 1))

    def __iter__(self) -> Iterator[int]:
        return (x for x in self.ids if x != GONE)

    def pairs(self) -> Iterator[tuple[int, Pair]]:
        """Each place and the pair that begins there, of a row in which nothing was joined yet."""
        return enumerate(itertools.pairwise(self.ids[:-1]))

    def pair(self, i: int) -> Pair | None:
        """The pair that begins at place i; None where an id or its neighbour is `GONE`."""
        left = self.ids[i]
        right = GONE if left == GONE else self.ids[self.after[i]]
        return None if right == GONE else (left, right)

    def join(self, i: int, token: int) -> None:
        """Write `token` for the pair that begins at place i."""
        right = self.after[i]
        self.ids[i], self.ids[right] = token, GONE
        self.after[i] = self.after[right]
        self.before[self.after[right]] = i
