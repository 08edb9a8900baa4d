"""What there is to solve: told by a course's keys or, where it has none, by its sheets."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..judging.key import Exercise
from ..judging.sheet import Sheet
from .files import key_files, load_key, sheet_for


@dataclass(frozen=True)
class Listed:
    """One exercise, as far as everybody may know it."""

    id: str
    title: str
    kind: str
    points: int
    name: str
    mistakes: tuple[str, ...]

    @property
    def chapter(self) -> str:
        """The chapter's number, as in the id."""
        return self.id[:2]


def pages(root: Path) -> dict[str, Path]:
    """The notebook of exercises of each chapter, by the chapter's number, in order."""
    return {path.name[:2]: path for path in sorted((root / "exercises").glob("[0-9][0-9]_*.ipynb"))}


def listed(root: Path, chapter: str = "") -> list[Listed]:
    """The exercises of a course, or of one chapter, in order.

    Raises KeyError for a sheet that is missing, and ValueError, naming the file, for a sheet or a
    notebook that is damaged.
    """
    if keys := key_files(root):
        return [
            _listed(e) for path in keys if path.name.startswith(chapter) for e in load_key(path)
        ]
    chosen = [path for number, path in pages(root).items() if number.startswith(chapter)]
    return [_listed(sheet_for(root, id)) for path in chosen for id in _ids(path)]


def find_listed(root: Path, id: str) -> Listed:
    """The exercise of an id. Raises KeyError that lists what there is."""
    there = listed(root, id[:2])
    for exercise in there:
        if exercise.id == id:
            return exercise
    told = ", ".join(e.id for e in there) or f"chapters {', '.join(pages(root))}"
    raise KeyError(f"no exercise {id!r}; there are: {told}")


def _listed(one: Exercise | Sheet) -> Listed:
    mistakes: Iterable = one.mistakes
    if isinstance(one, Sheet):  # it also knows two mistakes at once, and other students' values
        mistakes = [m for m in mistakes if not m.pair and not m.name.startswith("answers for ")]
    names = tuple(mistake.name for mistake in mistakes)
    return Listed(one.id, one.title, one.kind, one.points, one.name, names)


def _ids(page: Path) -> list[str]:
    """The ids that the cells of a notebook are tagged with, in order."""
    try:
        cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
        tags = [tag for cell in cells for tag in cell["metadata"].get("tags", ())]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{page} can't be read ({error}): take a fresh copy") from error
    return [tag for tag in tags if tag[:2].isdigit() and tag[2:3] == "."]
