"""Of a notebook, what one answer needs: its definition, and what the names in it reach.

All else stays out: it can be slow, fail, or bind a name again. A notebook may hold several
definitions of a name, and cells may have run in another order than they stand in. So there can be
several slices, the likeliest first; the best one counts.
"""

import ast
from dataclasses import dataclass

from .earlier import in_turn
from .notebook import Notebook
from .noticed import noticed
from .same import told_apart
from .statements import BUILT_IN, Statement

Kept = tuple[int, list[int]]  # the place of an answer, and of all that runs
MOST = 6  # slices of an answer that are tried
MOST_CUTS = 12  # ends of a notebook at which all that an answer reads is looked for


@dataclass(frozen=True)
class Slice:
    """Pieces of cells in the order in which they run; every line is where it was in its cell.

    `cell` is the place of the answer's definition, counted from 0, and `own` that definition.
    """

    cell: int
    own: str
    pieces: tuple[tuple[int, str], ...]

    @property
    def source(self) -> str:
        """Everything that runs, as one text."""
        return "\n".join(piece for _, piece in self.pieces)


def slices(notebook: Notebook, id: str, name: str, stub: str = "") -> list[Slice]:
    """What to run for an exercise, the likeliest first; empty where nothing but its stub is there.

    An answer runs with what stood above it. What a check saw may also have been bound below the
    answer and above the check, or changed by anything that ran: that is tried last.
    """
    checked = notebook.checked(id)
    last = len(notebook.placed) - 1 if checked is None else checked
    chosen = list(dict.fromkeys(notebook.definitions(id, name, stub)))[: 2 * MOST]
    usual = [_first_whole(notebook, i, name, last) for i in chosen]
    seen = [_last_whole(notebook, i, name, last) for i in chosen]
    all_of_it = [_everything(notebook, i, name, max(i, last)) for i in chosen]
    by_others = [_everything(notebook, i, name, max(i, last), others=True) for i in chosen]
    first = usual[:2]
    rest = [each for of_one in zip(seen, all_of_it, by_others, strict=True) for each in of_one]
    found: dict[tuple, Slice] = {}
    for place, kept in filter(None, [*first, *rest[:3], *usual[2:], *rest[3:]]):
        found.setdefault((place, told_apart(notebook, kept)), _made(notebook, place, kept))
    return list(found.values())[:MOST]


def _first_whole(notebook: Notebook, chosen: int, name: str, last: int) -> Kept:
    """An answer with what stood above it; with the next below of what it reads and isn't there."""
    own = [i for i in range(len(notebook.placed)) if notebook.cell(i) == notebook.cell(chosen)]
    cuts = [chosen, own[-1], max(chosen, last)]
    for cut in cuts:  # it grows while we walk
        kept, missing = _slice(notebook, chosen, name, cut)
        if not missing:
            return chosen, kept
        below = enumerate(notebook.placed[cut + 1 :], cut + 1)
        again = [i for i, placed in below if placed.told.binds & missing][:1]
        cuts += again if cut >= cuts[-1] and len(cuts) < MOST_CUTS else []
    return chosen, _slice(notebook, chosen, name, len(notebook.placed))[0]


def _last_whole(notebook: Notebook, chosen: int, name: str, last: int) -> Kept:
    """An answer with what stands above its check; with the whole notebook where that lacks any.

    Calls that are given what it reads come with it: they may have changed that.
    """
    kept, missing = _slice(notebook, chosen, name, max(chosen, last), True)
    whole = len(notebook.placed)
    return chosen, _slice(notebook, chosen, name, whole, True)[0] if missing else kept


def _slice(
    notebook: Notebook, chosen: int, name: str, cut: int, given: bool = False
) -> tuple[list[int], frozenset[str]]:
    """What an answer needs of the statements up to `cut`, and the names bound only below them.

    With `given`, a call that is given what it needs is needed too.
    """
    kept, unbound = _needed(notebook, chosen, name, cut, given)
    missing = (notebook.bound & unbound) - notebook.provided - BUILT_IN
    return kept, missing


def _everything(
    notebook: Notebook, chosen: int, name: str, cut: int, others: bool = False
) -> Kept | None:
    """All that ran before the check and that the answer may notice; None where nothing acted.

    With `others`, also what it notices by other names for what it reads.
    """
    checks = {i for i in range(cut + 1) if notebook.only_checks(notebook.cell(i))}
    again = {i for i in range(chosen + 1, cut + 1) if name in notebook.placed[i].told.binds}
    needed, _ = _needed(notebook, chosen, name, cut, given=True)
    ran = [i for i in range(cut + 1) if i not in checks | again]
    kept = noticed(notebook, needed, ran, others)
    acting = [i for i in kept if i not in needed and notebook.placed[i].told.acts]
    return (chosen, kept) if acting else None


def _made(notebook: Notebook, chosen: int, kept: list[int]) -> Slice:
    pieces = []
    for group in in_turn(notebook, chosen, kept):
        cells: dict[int, list[int]] = {}
        for i in group:
            cells.setdefault(notebook.cell(i), []).append(i)
        pieces += [(cell, _piece(notebook, cell, own)) for cell, own in cells.items()]
    return Slice(notebook.cell(chosen), notebook.text(chosen), tuple(pieces))


def _piece(notebook: Notebook, cell: int, kept: list[int]) -> str:
    """A cell's text with every line blank that isn't kept."""
    told = [notebook.placed[i].told for i in kept]
    wanted = {line for each in told for line in range(each.first, each.last + 1)}
    lines = notebook.sources[cell].split("\n")
    return "\n".join(line if i in wanted else "" for i, line in enumerate(lines, 1))


def _needed(
    notebook: Notebook, chosen: int, name: str, cut: int, given: bool
) -> tuple[list[int], set[str]]:
    """The statements up to `cut` that an answer needs, in order; and what none of them binds.

    Backwards from the end: a statement that binds what is needed is needed, and then what it reads.
    What a function reads it may read at any later time, so the walk is repeated until nothing is
    added.
    """
    later: set[str] = set()
    while True:
        needed, kept = {name, *later}, []
        read, bound = set[str](), set[str]()
        for i in range(min(cut, len(notebook.placed) - 1), -1, -1):
            placed = notebook.placed[i]
            again = i > chosen and name in placed.told.binds
            if i != chosen and (again or not _matters(notebook, placed.told, needed, given)):
                needed -= placed.told.gone
                continue
            kept.append(i)
            needed = (needed - placed.told.surely) | placed.told.reads
            read |= placed.told.reads - {name}
            bound |= placed.told.binds
        if read <= later:
            return kept[::-1], needed - bound
        later |= read


def _matters(notebook: Notebook, told: Statement, needed: set[str], given: bool) -> bool:
    """Does a statement bind or change something that is needed?"""
    if (told.binds | told.stores) & needed:
        return True
    if any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in told.nodes):
        return True
    acted = told.calls | told.given if given else told.calls
    if acted & needed & notebook.values:
        return True
    unknown = needed - notebook.bound - notebook.provided
    # A star import may well bind `sum` or `all` again, as that of torch does.
    stars = any(isinstance(node, ast.ImportFrom) for node in told.nodes)
    return told.anything and bool(unknown if stars else unknown - BUILT_IN)
