"""Take out of a bundle's library what an exercise asks for and nothing in the bundle needs."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from course_lib.commands.needs import DEFINITIONS, PACKAGE, Needs, Place
from course_lib.grader.similar.normal import body_of
from course_lib.notebooks import read_cells, tree_of

# Rooms that hold what the chapters teach. The rest of the library is the course's machinery.
TEXTBOOK = ("nn", "models", "pretrained", "data", "training", "generation")


def close(bundle: Path, asked: set[str], solutions: Iterable[str]) -> list[str]:
    """Remove these names, and functions that do the same as a solution; returns what is gone.

    What the bundle's pages and the course's machinery need stays, all the way down. Parts that
    nothing of these needs, but that need a removed name, go with it.
    """
    needs = Needs(bundle)
    solved = {body_of(f) for source in solutions for f in _functions(source)}
    textbook = [bundle / PACKAGE / room for room in TEXTBOOK]
    machinery = {p for p in needs.places if not any(p[0].is_relative_to(r) for r in textbook)}
    live = needs.reached(machinery | _taken_by_pages(bundle, needs))
    wanted = {
        (path, node.name)
        for path, tree in needs.trees.items()
        for node in tree.body
        if isinstance(node, DEFINITIONS)
        and (node.name in asked or (isinstance(node, ast.FunctionDef) and body_of(node) in solved))
    }
    gone = _with_helpers(needs, needs.relying_on(wanted - live) - live)
    for path in sorted({path for path, _ in gone}):
        _write(path, needs, gone)
    defined = [p for p in sorted(gone) if any(isinstance(n, DEFINITIONS) for n in needs.places[p])]
    return [f"{name} ({path.relative_to(bundle / PACKAGE).as_posix()})" for path, name in defined]


def _functions(source: str) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]


def _taken_by_pages(bundle: Path, needs: Needs) -> set[Place]:
    found: set[Place] = set()
    for page in sorted(bundle.rglob("*.ipynb")):
        cells = [tree_of(cell.source) for cell in read_cells(page) if cell.kind == "code"]
        found |= {place for tree in cells if tree for place in needs.of_code(tree)}
    return found


def _with_helpers(needs: Needs, gone: set[Place]) -> set[Place]:
    """Also the private functions that only removed ones needed."""
    before: set[Place] = set()
    while gone != before:
        before = set(gone)
        for place in {needed for each in before for needed in needs.of[each]} - before:
            users = {user for user, needed in needs.of.items() if place in needed}
            if place[1].startswith("_") and users <= before:
                gone = gone | {place}
    return gone


def _write(path: Path, needs: Needs, gone: set[Place]) -> None:
    """The file without what is gone, or no file when importing it would fail."""
    if (path, "") in gone:
        path.unlink()
        return
    text = path.read_text(encoding="utf-8")
    lines: list[str | None] = list(text.split("\n"))
    for node in needs.trees[path].body:
        if isinstance(node, DEFINITIONS) and (path, node.name) in gone:
            _cut(lines, min([node.lineno, *(d.lineno for d in node.decorator_list)]), node)
        elif isinstance(node, ast.ImportFrom):
            kept = [a for a in node.names if (path, a.asname or a.name) not in gone]
            if len(kept) < len(node.names):
                _cut(lines, node.lineno, node)
                shorter = ast.ImportFrom(node.module, kept, node.level)
                lines[node.lineno - 1] = ast.unparse(shorter) if kept else None
    left = "\n".join(line for line in lines if line is not None)
    path.write_text(re.sub(r"\n{4,}", "\n\n\n", left).rstrip("\n") + "\n", encoding="utf-8")


def _cut(lines: list[str | None], first: int, node: ast.stmt) -> None:
    """Take out a statement from its first line on, with the comments right above it."""
    start = first - 1
    while start and (lines[start - 1] or "").startswith("#"):
        start -= 1
    lines[start : node.end_lineno] = [None] * (node.end_lineno - start)
