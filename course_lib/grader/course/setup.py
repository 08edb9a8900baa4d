"""What a chapter's exercises are handed out with: grading provides it to every answer."""

from functools import cache
from pathlib import Path

from course_lib.notebooks import read_cells, with_solution

from ..running.slicing.statements import statements_of
from .files import solution_cells


@cache
def setup_cells(root: Path, chapter: str) -> tuple[str, ...]:
    """The source of a chapter's set-up cells, from its solutions or, without them, its exercises.

    Raises KeyError when the course has no such chapter.
    """
    if (root / "solutions").is_dir():
        cells = solution_cells(root, chapter)
    else:
        found = sorted((root / "exercises").glob(f"{chapter}_*.ipynb"))
        if not found:
            raise KeyError(f"no exercises of chapter {chapter} under {root / 'exercises'}")
        cells = read_cells(found[0])
    return tuple(with_solution(cell.source) for cell in cells if "setup" in cell.tags)


def provided(root: Path, chapter: str) -> frozenset[str]:
    """The names that a chapter's set-up binds."""
    told = [s for source in setup_cells(root, chapter) for s in statements_of(source)]
    return frozenset(name for statement in told for name in statement.binds)
