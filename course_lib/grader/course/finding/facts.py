"""What the work on a chapter looks like, so that it is known by what it holds."""

import ast
import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_lib.notebooks import tree_of, without_solution

from ...judging.key import Exercise
from ...judging.values import others
from ...running.reading.handed_in import cells_in
from ..files import key_files, load_key, solution_cells

UNREADABLE = "no Python"
STATEMENT = re.compile(r"\n(?=[^\s#)\]}])")  # where a line begins one, as far as one can tell
DEFINES = re.compile(r"(?:async\s+def|def|class)\s+(\w+)")


@dataclass(frozen=True)
class ExerciseFacts:
    """An exercise, and its stubs as definitions: one for each value that a student can have."""

    id: str
    name: str
    stubs: frozenset[str]


@dataclass(frozen=True)
class ChapterFacts:
    """A chapter's exercises, and what the pages of the course hold that is no answer to them."""

    number: str
    stem: str  # of its files, such as `02_attention`
    exercises: tuple[ExerciseFacts, ...]
    page: frozenset[str]  # the code cells of its page
    page_definitions: frozenset[str]
    all_definitions: frozenset[str]  # of every page


@cache
def chapter_facts(root: Path, chapter: str) -> ChapterFacts:
    """The facts of a chapter, such as "02". Raises KeyError where the course has no key for it."""
    stems = [path.stem for path in key_files(root)]
    stem = next((stem for stem in stems if stem[:2] == chapter), None)
    if stem is None:
        there = ", ".join(stem[:2] for stem in stems) or "none"
        raise KeyError(f"no answer key for chapter {chapter}; there are: {there}")
    key = root / "solutions" / "keys" / f"{stem}.py"
    asked = (ExerciseFacts(e.id, e.name, _stubs(root, e)) for e in load_key(key))
    page = _page(root / "notebooks" / f"{stem}.ipynb")
    pages = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    everywhere = frozenset(text for path in pages for text in _defined(_page(path)))
    return ChapterFacts(
        chapter, stem, tuple(asked), frozenset(map(layout, page)), _defined(page), everywhere
    )


@cache
def _page(path: Path) -> tuple[str, ...]:
    """The code of a page; none where the course has no such page."""
    cells = cells_in(path.read_bytes(), path.name) if path.exists() else []
    return tuple(cell.source for cell in cells if cell.kind == "code")


@cache
def _defined(code: tuple[str, ...]) -> frozenset[str]:
    return frozenset(text for source in code for text in definitions(source).values())


def _stubs(root: Path, exercise: Exercise) -> frozenset[str]:
    found = set()
    for own in (exercise, *others(exercise)):
        cells = solution_cells(root, own.chapter, {own.id: own.values})
        stubs = (without_solution(cell.source) for cell in cells if own.id in cell.tags)
        found |= {definitions(stub).get(own.name, "") for stub in stubs}
    return frozenset(found)


def layout(source: str) -> str:
    """A cell without what editors change by themselves at the ends of lines."""
    return "\n".join(line.rstrip() for line in source.splitlines()).strip()


def definitions(source: str) -> dict[str, str]:
    """Every name that a cell binds, each with a form of it that ignores layout and comments.

    A definition that isn't Python binds its name too: somebody is at work on it.
    """
    source = textwrap.dedent(source)
    tree = tree_of(source)
    if tree is not None:
        return _forms(tree)
    found = {}
    for part in STATEMENT.split(source):
        tree = tree_of(part)
        if tree is not None:
            found |= _forms(tree)
        elif defined := DEFINES.match(part):
            found[defined[1]] = UNREADABLE
    return found


def is_written(form: str) -> bool:
    """Does this form of a definition come from a function or a class, not from an assignment?"""
    return not form.startswith(("Assign(", "AnnAssign("))


def _forms(tree: ast.Module) -> dict[str, str]:
    forms = ((_bound(node), _form(node)) for node in tree.body)
    return {name: form for names, form in forms for name in names}


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [t.value if isinstance(t, ast.Attribute) else t for t in targets]  # `Class.name = …`
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _form(node: ast.stmt) -> str:
    try:
        return ast.dump(node)
    except (RecursionError, ValueError):  # a whole number of thousands of digits
        return UNREADABLE
