"""Names that an exercise asks its readers to do without, found in the source text.

A stated rule and an advisory one: it keeps honest people honest. Who hides a name from a parser can
hide it from this one.
"""

import ast
import re
from collections.abc import Sequence

from course_lib.notebooks import tree_of

from .relatives import with_relatives

# What takes a name as a text, and where the text stands among the arguments.
BY_TEXT = {"getattr": 1, "attrgetter": 0, "methodcaller": 0}


def banned_name(source: str, names: Sequence[str]) -> str:
    """The first of `names`, or of their relatives, that the source uses; "" when none is.

    A name that the source itself defines is the learner's own.
    """
    tree = tree_of(source)
    if not names:
        return ""
    if tree is None:  # of a right answer: it is long, with all its helpers; then a word will do
        return next((name for name in names if re.search(rf"\b{name}\b", source)), "")
    banned, own = with_relatives(tuple(names)), _defined(tree)
    nodes = list(ast.walk(tree))
    read = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    used = (name for node in nodes for name in _used(node, own, read))
    return next((name for name in used if name in banned), "")


def _defined(tree: ast.AST) -> set[str]:
    """What functions, classes, parameters and assignments in a source are called."""
    nodes = list(ast.walk(tree))
    found = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    found |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    return found | {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _used(node: ast.AST, own: set[str], read: set[str]) -> list[str]:
    """The names that a node uses; an import uses those that are read later."""
    if isinstance(node, ast.Name):
        return [] if node.id in own else [node.id]
    if isinstance(node, ast.Attribute):
        on_self = isinstance(node.value, ast.Name) and node.value.id == "self"
        return [] if on_self and node.attr in own else [node.attr]
    if isinstance(node, ast.ImportFrom):
        return [a.name for a in node.names if (a.asname or a.name) in read]
    if isinstance(node, ast.Import):
        names = [a.name for a in node.names if (a.asname or a.name.split(".")[0]) in read]
        return [part for name in names for part in name.split(".")]
    if isinstance(node, ast.Call):
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        told = node.args[BY_TEXT[called] :][:1] if called in BY_TEXT else []
        return [arg.value for arg in told if isinstance(arg, ast.Constant)]
    return []
