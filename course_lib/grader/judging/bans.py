"""Names that an exercise asks its readers to do without, found in the source text.

A stated rule and an advisory one: it keeps honest people honest. Who hides a name from a parser can
hide it from this one.
"""

import ast
from collections.abc import Sequence

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
