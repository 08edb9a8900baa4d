"""A learner's notebook as statements: which of them define a name, and where it was checked."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from course_lib.notebooks import Cell, definition, tree_of

from .checks import checked
from .statements import DEFINITIONS, Statement, statements_of

SEEMS = re.compile(
    r"^(?:(?:async\s+)?(?:def|class)\s+(\w+)|(\w+)\s*(?::[^=\n]*)?=|.*\bimport\b(.*))", re.M
)


@dataclass(frozen=True)
class Placed:
    """A statement and the place of its cell, counted from 0."""

    cell: int
    told: Statement


class Notebook:
    """Cells in plain Python as statements; `provided` names are there whatever they bind."""

    def __init__(self, cells: list[Cell], provided: frozenset[str] = frozenset()) -> None:
        self.cells, self.provided = cells, provided
        self.sources = [cell.source if cell.kind == "code" else "" for cell in cells]
        told = ((i, each) for i, text in enumerate(self.sources) for each in statements_of(text))
        self.placed = [Placed(i, each) for i, each in told]
        self.bound = frozenset(name for p in self.placed for name in p.told.binds)
        self.values = frozenset(name for p in self.placed for name in p.told.holds)

    def cell(self, place: int) -> int:
        """The cell of a statement."""
        return self.placed[place].cell

    def text(self, place: int) -> str:
        """The source of a statement."""
        placed = self.placed[place]
        lines = self.sources[placed.cell].split("\n")
        return "\n".join(lines[placed.told.first - 1 : placed.told.last])

    def unread(self, id: str, name: str) -> int | None:
        """The last cell that seems to hold an answer and that Python can't read."""
        defines = re.compile(rf"\b(def|class) {re.escape(name)}\b")
        for i, cell in reversed(list(enumerate(self.cells))):
            about = id in cell.tags or defines.search(cell.source)
            if about and cell.kind == "code" and tree_of(cell.source) is None:
                return i
        return None

    def checked(self, id: str) -> int | None:
        """The statement that checks an exercise for the last time."""
        for i, placed in reversed(list(enumerate(self.placed))):
            if any(about == id for node in placed.told.nodes for about, _ in checked(node)):
                return i
        return None

    def only_checks(self, cell: int) -> bool:
        """Does a cell call `check` and nothing else?"""
        nodes = [node for each in statements_of(self.sources[cell]) for node in each.nodes]
        calls = [getattr(getattr(node, "value", None), "func", None) for node in nodes]
        return bool(nodes) and all(getattr(call, "id", "") == "check" for call in calls)

    def definitions(self, id: str, name: str, stub: str) -> Iterator[int]:
        """The statements that bind the name and aren't the `stub`, the likeliest answer first.

        A check saw the last definition above it. Then come those in the exercise's own cell, then
        any other, then what only looks like a value.
        """
        places = [i for i, p in enumerate(self.placed) if name in p.told.binds]
        changed = any(name in p.told.stores or _given(p.told, name) for p in self.placed)
        real = [i for i in places if changed or not self._is_stub(i, name, stub)]
        defining = [i for i in real if self._defines(i)]
        tagged = [i for i in defining if id in self.cells[self.cell(i)].tags]
        checked = self.checked(id)
        last = checked if checked is not None else max(tagged, default=-1)
        before = [i for i in defining if i <= last]
        for group in (before, tagged, defining, real):
            yield from reversed(group)

    def _is_stub(self, place: int, name: str, stub: str) -> bool:
        return bool(stub) and definition(self.text(place), name) == stub

    def _defines(self, place: int) -> bool:
        nodes = self.placed[place].told.nodes
        values = [getattr(node, "value", None) for node in nodes]
        kinds = DEFINITIONS | ast.Lambda | ast.Name  # a name: another name for a function
        return any(isinstance(node, kinds) for node in (*nodes, *values))

    def words(self, cell: int, name: str, own: str) -> str:
        """Where an answer stands, in words, and where else its name is bound."""
        line = next((line for line in own.splitlines() if name in line), own).strip()
        others = sorted({p.cell + 1 for p in self.placed if name in p.told.binds} - {cell + 1})
        also = f"; also in cell {', '.join(map(str, others))}" if others else ""
        return f"cell {cell + 1}, `{line[:60]}`{also}"


def seeming(source: str) -> set[str]:
    """The names that the lines of a cell seem to bind, whether or not Python can read it."""
    return {name for line in SEEMS.findall(source) for name in re.findall(r"\w+", " ".join(line))}


def _given(told: Statement, name: str) -> bool:
    """Is a class given to a call such as `setattr`, which may add methods to it?"""
    calls = [node.value for node in told.nodes if isinstance(node, ast.Expr)]
    named = [c for c in calls if isinstance(c, ast.Call) and getattr(c.func, "id", "") != "check"]
    return any(getattr(arg, "id", "") == name for call in named for arg in call.args)
