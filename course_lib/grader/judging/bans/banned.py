"""Names that an exercise asks its readers to do without, found in the source text.

A stated rule and an advisory one: it keeps honest people honest. Who hides a name from a parser can
hide it from this one. What the text itself defines under such a name is its author's own.
"""

import ast
import re
import unicodedata
from collections.abc import Collection, Sequence

from course_lib.notebooks import tree_of

from ..scopes import bound, names_of
from .owned import Owned
from .relatives import with_relatives

# What takes a name as a text, and where the text stands among the arguments.
BY_TEXT = {"getattr": 1, "attrgetter": 0, "methodcaller": 0}
IMPORTS = ast.Import | ast.ImportFrom


def banned_name(source: str, names: Sequence[str], others: Collection[str] = ()) -> str:
    """The first of `names`, or of their relatives, that the source uses; "" when none is.

    Of `names`, those that `others`, the chapter's exercises, ask for may not be called even where
    the source defines them.
    """
    if not names:
        return ""
    tree = tree_of(source)
    try:
        if tree is not None:  # None of a right answer: it is long, with all its helpers
            called = _called(tree, {*names} & {*others})
            return called or _banned(tree, source, with_relatives(tuple(names)))
    except RecursionError:
        pass
    # What is too long or too deep is searched for the word.
    return next((name for name in names if re.search(rf"\b{name}\b", source)), "")


def _called(tree: ast.Module, names: set[str]) -> str:
    """The first of `names` that is defined as a function here, and called outside of itself."""
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)} & names
    for part in tree.body if defined else ():
        for node in ast.walk(part):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in defined and name != getattr(part, "name", ""):
                return name
    return ""


def _banned(tree: ast.Module, source: str, banned: set[str]) -> str:
    text = unicodedata.normalize("NFKC", source)  # as Python reads names
    if not any(name in text for name in banned):
        return ""
    used = _used(_foreign(tree, source), Owned(tree), banned)
    return next((name for name in used if name in banned), "")


def _foreign(tree: ast.Module, source: str) -> frozenset[str]:
    """The names that a source reads and that nothing in it defines; an import defines nothing."""
    binds, reads = names_of(source)
    nodes = list(ast.walk(tree))
    imported = {bound(alias) for n in nodes if isinstance(n, IMPORTS) for alias in n.names}
    own = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return reads - (binds & own) - imported


def _used(foreign: frozenset[str], owned: Owned, banned: set[str]) -> list[str]:
    """The names that a source uses of what isn't its own, as they stand in it."""
    read = {n.id for n in owned.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    found: list[str] = []
    for node in owned.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found += [node.id] if node.id in foreign else []
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            own = node.attr in banned and owned.is_own(node.value, node.attr)
            found += [] if own else [node.attr]
        elif isinstance(node, IMPORTS):
            found += _imported(node, read)
        elif isinstance(node, ast.Call):
            found += [name for base, name in _by_text(node) if not owned.is_own(base, name)]
    return found


def _imported(node: ast.Import | ast.ImportFrom, read: set[str]) -> list[str]:
    """What an import takes that is read later."""
    taken = [alias.name for alias in node.names if bound(alias) in read]
    return [part for name in taken for part in name.split(".")]


def _by_text(call: ast.Call) -> list[tuple[ast.expr, str]]:
    """The object and the name where a call, such as `getattr`, is given a name as a text."""
    called = getattr(call.func, "attr", getattr(call.func, "id", ""))
    told = call.args[BY_TEXT[called] :][:1] if called in BY_TEXT else []
    texts = [arg.value for arg in told if isinstance(arg, ast.Constant)]
    return [(call.args[0], text) for text in texts if isinstance(text, str)]
