"""Find a course's exercises on disk: keys, solutions and the sheets they give."""

import ast
import hashlib
import importlib.util
import sys
import types
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.notebooks import Cell, definition, read_cells, with_solution, without_solution

from ..judging.bake import load_sheet, sheet_file
from ..judging.key import Exercise
from ..judging.making import make_sheet
from ..judging.sheet import Sheet
from ..judging.values import copied, others, with_values


def key_files(root: Path) -> list[Path]:
    """The keys of a course, in the order of its chapters."""
    return sorted((root / "solutions" / "keys").glob("[0-9][0-9]_*.py"))


@cache
def load_key(path: Path) -> tuple[Exercise, ...]:
    """The exercises that one key file declares, each with its usual values.

    Keys share what stands beside them in their folder, as `from .wrong_loops import …`.
    """
    folder = types.ModuleType(f"course_keys_{hashlib.sha256(bytes(path.parent)).hexdigest()[:8]}")
    folder.__path__ = [str(path.parent)]
    folder = sys.modules.setdefault(folder.__name__, folder)
    spec = importlib.util.spec_from_file_location(f"{folder.__name__}.{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return tuple(exercise.with_values({}) for exercise in module.EXERCISES)


@cache
def stamp(root: Path, chapter: str) -> str:
    """A digest of what a chapter's answers are judged by: its key, what that shares, its solutions.

    Comments, texts and layout don't count: a typo mended in a text makes no mark out of date.
    """
    found = [*key_files(root), *sorted((root / "solutions").glob("[0-9][0-9]_*.py"))]
    trees = [ast.parse(p.read_text(encoding="utf-8")) for p in found if p.name[:2] == chapter]
    shared = [n.module for tree in trees for n in tree.body if getattr(n, "level", 0)]
    paths = [root / "solutions" / "keys" / f"{name}.py" for name in sorted(set(shared))]
    trees += [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    return hashlib.sha256("".join(map(ast.dump, trees)).encode()).hexdigest()[:16]


def chapters_of(root: Path) -> tuple[str, ...]:
    """The numbers of the chapters that have exercises."""
    return tuple(path.name[:2] for path in key_files(root))


def exercises(root: Path, chapter: str = "") -> list[Exercise]:
    """Every exercise of a course, or of one of its chapters, in order."""
    paths = [path for path in key_files(root) if path.name.startswith(chapter)]
    return [exercise for path in paths for exercise in load_key(path)]


def find(root: Path, id: str) -> tuple[Path, Exercise]:
    """The key file and the exercise of an id. Raises KeyError that lists what there is."""
    paths = key_files(root)
    if not paths:
        raise KeyError(f"no answer keys under {root / 'solutions' / 'keys'}")
    known = {e.id: (p, e) for p in paths if p.name[:2] == id[:2] for e in load_key(p)}
    if id not in known:
        there = ", ".join(known) or f"chapters {', '.join(chapters_of(root))}"
        raise KeyError(f"no exercise {id!r}; there are: {there}")
    return known[id]


def solution_cells(
    root: Path, chapter: str, values: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Cell]:
    """The cells of a chapter's solved exercises, with the `values` of a student by exercise.

    Raises KeyError when there are none.
    """
    found = sorted((root / "solutions").glob(f"{chapter}_*.py"))
    if not found:
        raise KeyError(f"no solutions for chapter {chapter} under {root / 'solutions'}")
    keys = [path for path in key_files(root) if path.stem == found[0].stem]
    made = [e.with_values((values or {}).get(e.id, {})) for key in keys for e in load_key(key)]
    return with_values(read_cells(found[0]), made)


def load_solution(root: Path, exercise: Exercise, *, stub: bool = False) -> Callable:
    """What the solved (or, with `stub`, the handed out) cells define for an exercise."""
    namespace: dict = {"__name__": f"exercise_{exercise.chapter}"}
    keep = without_solution if stub else with_solution
    for cell in solution_cells(root, exercise.chapter, {exercise.id: exercise.values}):
        if cell.kind == "code" and ("setup" in cell.tags or is_answer(cell)):
            last = exercise.id in cell.tags
            source = keep(cell.source) if last else with_solution(cell.source)
            exec(compile(source, f"<exercise {exercise.id}>", "exec"), namespace)
            if last:
                return namespace[exercise.name]
    raise KeyError(f"no cell of the solutions is tagged {exercise.id!r}")


def is_answer(cell: Cell) -> bool:
    """Does this cell hold an exercise: is it tagged with an id?"""
    return any(tag[:2].isdigit() and tag[2:3] == "." for tag in cell.tags)


def sheet_for(
    root: Path, id: str, seed: int | None = None, values: Mapping[str, Any] | None = None
) -> Sheet:
    """The answer sheet of an exercise; without a seed, the public one, the same every day.

    `values` are a student's own; without them, the usual ones. A course handed out without its keys
    has the public sheets as files. Raises KeyError, listing what there is, for an unknown id.
    """
    if seed is None and not key_files(root):
        return _baked(root, id)
    own = tuple((values or {}).items())
    return _sheet(root, id, zlib.crc32(id.encode()) if seed is None else seed, own)


@cache
def _baked(root: Path, id: str) -> Sheet:
    path = sheet_file(root, id)
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.sheet"))) or "none"
        raise KeyError(f"no answer sheet for {id!r}; there are: {there}")
    return load_sheet(path)


@cache
def _sheet(root: Path, id: str, seed: int, own: tuple[tuple[str, Any], ...]) -> Sheet:
    path, usual = find(root, id)
    exercise = usual.with_values(dict(own))
    copies = [copied(exercise, other, load_solution(root, other)) for other in others(exercise)]
    known = replace(exercise, mistakes=[*copies, *exercise.mistakes])
    sheet = make_sheet(known, load_solution(root, exercise), seed)
    values = {id: exercise.values}
    cell = next(c for c in solution_cells(root, exercise.chapter, values) if id in c.tags)
    return replace(
        sheet,
        stub=definition(without_solution(cell.source), exercise.name),
        solution=with_solution(cell.source),
        others={e.name: e.id for e in load_key(path) if e.name != exercise.name},
    )
