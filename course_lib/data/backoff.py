"""Tables of what stands between which neighbours: a masked model's opponent."""

from collections import Counter, defaultdict
from collections.abc import Sequence

Sides = tuple[int, int]  # so many tokens on the left, so many on the right


class Neighbours:
    """The token that most often stood between these neighbours, by the widest table that knows.

    `sides` are the tables, in the order in which they are asked: (3, 3) knows three tokens on
    each side, (0, 0) the commonest token of all.

    Raises `ValueError` when no table is asked for, or a text is shorter than a table is wide.
    """

    def __init__(self, ids: Sequence[int], sides: Sequence[Sides]):
        ids = tuple(ids)
        if not sides or len(ids) <= max(map(sum, sides)):
            raise ValueError(f"{len(ids)} tokens are too few to fill tables of {tuple(sides)}")
        self.tables = {each: _commonest(ids, *each) for each in sides}

    def say(self, row: Sequence[int], place: int) -> int | None:
        """Return the token for a place of a row, whatever stands there; None where none knows."""
        for (left, right), table in self.tables.items():
            if left <= place < len(row) - right:
                around = (*row[place - left : place], *row[place + 1 : place + 1 + right])
                if around in table:
                    return table[around]
        return None


def _commonest(ids: tuple[int, ...], left: int, right: int) -> dict[tuple[int, ...], int]:
    width = left + 1 + right
    stretches = zip(*(ids[i : len(ids) - width + 1 + i] for i in range(width)), strict=True)
    most: defaultdict[tuple[int, ...], int] = defaultdict(int)
    table = {}
    for stretch, count in Counter(stretches).items():  # of two as common, the first met
        around = stretch[:left] + stretch[left + 1 :]
        if count > most[around]:
            most[around], table[around] = count, stretch[left]
    return table
