"""Modules that cells of a notebook write to files, which are not there when an answer is graded."""

import ast
import re
from collections.abc import Iterator, Sequence

from course_lib.notebooks import Cell, tree_of

WRITES = re.compile(r"# %%(?:write)?file[ \t]+(?:-\S+[ \t]+)*(?:\S*/)?(\w+)\.py\b")
WRITTEN = (
    "`{name}` is not there when this is graded: `{line}` only writes a file; put its code into a "
    "cell of its own"
)


def written(cells: Sequence[Cell], source: str) -> Iterator[str]:
    """Which modules that a source imports are written by a cell, in sentences."""
    lines = (match for cell in cells if (match := WRITES.match(cell.source)))
    found = {line[1]: line[0].removeprefix("# ") for line in lines}
    tree = tree_of(source) if found else None
    modules = [
        name
        for node in (ast.walk(tree) if tree else ())
        for name in _modules(node)
        if name.rpartition(".")[2] in found
    ]
    for name in dict.fromkeys(modules):
        yield WRITTEN.format(name=name, line=found[name.rpartition(".")[2]])


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
