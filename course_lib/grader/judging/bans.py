"""Names that an exercise asks its readers to do without, found in the source text.

A stated rule and an advisory one: it keeps honest people honest. Who hides a name from a parser can
hide it from this one.
"""

import ast
from collections.abc import Sequence
from functools import lru_cache

from course_lib.notebooks import tree_of


def banned_name(source: str, names: Sequence[str]) -> str:
    """The first of `names` that the source uses, as a name or behind a dot; "" when none is."""
    tree = tree_of(source)
    if tree is None:
        return ""
    return next((name for node in ast.walk(tree) for name in _used(node) if name in names), "")


def _used(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    return [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []


def with_helpers(own: str, others: Sequence[str]) -> str:
    """A cell's source, and of the other cells those that define what it uses, or what they use.

    A learner may plot with a banned name, or use it where another exercise allows it.
    """
    taken, waiting = [own], [own]
    while waiting:
        names = _names(waiting.pop())[1]
        found = [cell for cell in others if cell not in taken and _names(cell)[0] & names]
        taken += found
        waiting += found
    return "\n".join(taken)


@lru_cache(1024)
def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell binds at its top level, and all that it reads."""
    tree = tree_of(source)
    if tree is None:
        return set(), set()
    bound = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
    stores = [n for node in tree.body for n in ast.walk(node) if isinstance(n, ast.Name)]
    bound |= {n.id for n in stores if isinstance(n.ctx, ast.Store)}
    return bound, {n.id for n in stores if isinstance(n.ctx, ast.Load)}
