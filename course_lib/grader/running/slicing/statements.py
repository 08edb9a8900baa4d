"""The statements of a notebook: what each binds, reads and changes, found by scope.

Names that only look alike don't meet: a parameter, a local variable or an attribute called `query`
has nothing to do with a `query` of the notebook's own.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from course_lib.notebooks import tree_of

from ...judging.scopes import bound, names_of
from .imports import IMPORTS

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
BUILT_IN = frozenset(dir(builtins))
# By these a name of the notebook can be had by a text that says it; or as an attribute.
BY_TEXT = frozenset(("globals", "locals", "vars", "eval", "exec"))
# What calls without brackets: `for` takes from an iterator, `+=` changes a list in place.
HIDDEN_CALLS = ast.For | ast.AsyncFor | ast.comprehension | ast.With | ast.AsyncWith | ast.AugAssign


@dataclass(frozen=True)
class Statement:
    """What stands on some lines of a cell's top level. The names are those of the notebook.

    `surely` is what it binds whatever happens, `holds` what it binds to a value rather than to a
    definition or import. It `stores` into a part of some names, as in `table[0] = 1`, or takes the
    next from it, and `calls` methods of others in a line of their own, and may change what is
    `given` to such a call. What is `gone` it deletes. It `acts` when it calls something at once, or
    changes what other lines may share. `anything` says that it may bind names that can't be seen,
    as a star import does.
    """

    first: int
    last: int
    binds: frozenset[str]
    surely: frozenset[str]
    holds: frozenset[str]
    reads: frozenset[str]
    stores: frozenset[str]
    calls: frozenset[str]
    given: frozenset[str]
    gone: frozenset[str]
    acts: bool
    anything: bool
    nodes: tuple[ast.stmt, ...]


@lru_cache(2048)
def statements_of(source: str) -> tuple[Statement, ...]:
    """The top-level statements of a cell in plain Python; none when Python can't read it."""
    tree = tree_of(source)
    lines = source.split("\n")  # as Python counts them; text may hold other separators
    groups: list[list[ast.stmt]] = []
    for node in tree.body if tree else ():
        if groups and _first(node) <= groups[-1][-1].end_lineno:  # several on one line
            groups[-1].append(node)
        else:
            groups.append([node])
    return tuple(_statement(group, lines) for group in groups)


def _first(node: ast.stmt) -> int:
    decorators = [each.lineno for each in getattr(node, "decorator_list", ())]
    return min([node.lineno, *decorators])


def _statement(nodes: list[ast.stmt], lines: list[str]) -> Statement:
    first, last = _first(nodes[0]), max(node.end_lineno for node in nodes)
    text = "\n".join(lines[first - 1 : last])
    binds, reads = names_of(text)
    reads |= _spelt(nodes, reads, "get_ipython" in text)
    within = [each for node in nodes for each in outer(node)]
    plain = [name for node in nodes for name in _surely(node)]
    values = [node for node in nodes if not isinstance(node, DEFINITIONS | IMPORTS)]
    updated = {n.target.id for n in within if isinstance(n, ast.AugAssign) and _is_name(n.target)}
    gone = {t.id for n in within if isinstance(n, ast.Delete) for t in n.targets if _is_name(t)}
    return Statement(
        first,
        last,
        binds=binds - gone,
        surely=frozenset(plain) - updated,
        holds=frozenset(binds - gone if values else ()),
        reads=reads | updated,
        stores=frozenset(filter(None, map(_stored, within))) | _decorated(within),
        calls=frozenset(filter(None, map(_method_of, within))),
        given=frozenset(name for each in within for name in _given(each)),
        gone=frozenset(gone),
        acts=any(map(_acts, within)),
        anything=any(map(_binds_anything, within)),
        nodes=tuple(nodes),
    )


def _spelt(nodes: list[ast.stmt], reads: frozenset[str], shell: bool) -> frozenset[str]:
    """The names that a statement may read by a text, or as attributes of the notebook's module."""
    if not shell and not reads & {*BY_TEXT, "sys", "__main__"}:
        return frozenset()
    within = [each for node in nodes for each in ast.walk(node)]
    attributes = {each.attr for each in within if isinstance(each, ast.Attribute)}
    module = "__main__" in reads or {"sys", "modules"} <= reads | attributes
    texts = [each.value for each in within if isinstance(each, ast.Constant)]
    words = re.findall(r"[^\W\d]\w*", "\n".join(text for text in texts if isinstance(text, str)))
    by_text = frozenset(words if shell or module or reads & BY_TEXT else ())
    return by_text | frozenset(attributes if module else ())


def outer(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and what is in it, but for what only runs when a function is called."""
    waiting = [node]
    while waiting:  # a loop: a sum of a thousand lines is a thousand deep
        each = waiting.pop()
        yield each
        later = each.body if isinstance(each, DEFINITIONS) else []
        inner = [] if isinstance(each, ast.Lambda) else ast.iter_child_nodes(each)
        waiting += [child for child in inner if child not in later][::-1]


def _surely(node: ast.stmt) -> list[str]:
    if isinstance(node, DEFINITIONS):
        return [node.name]
    if isinstance(node, IMPORTS):
        return [bound(a) for a in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [n.id for target in targets for n in ast.walk(target) if _is_name(n, ast.Store)]


def _acts(node: ast.AST) -> bool:
    """Does this change more than names: by a call, in a part of something, as a class's heir?"""
    part = isinstance(node, ast.Attribute | ast.Subscript)
    heir = isinstance(node, ast.ClassDef) and bool(node.bases or node.keywords)
    decorated = bool(getattr(node, "decorator_list", ()))
    calls = isinstance(node, ast.Call | HIDDEN_CALLS)
    return calls or bool(part and _stored(node)) or heir or decorated


def _is_name(node: ast.AST, context: type = ast.expr_context) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, context)


def _stored(node: ast.AST) -> str:
    """The name of which `node` sets a part: `table` in `table.rows[0] = 1`."""
    part = isinstance(node, ast.Attribute | ast.Subscript)
    return _root(node) if part and isinstance(node.ctx, ast.Store | ast.Del) else advanced(node)


def advanced(node: ast.AST) -> str:
    """The name of what `next` takes from, which goes on from there the next time."""
    given = node.args[:1] if getattr(getattr(node, "func", None), "id", "") == "next" else []
    return next((each.id for each in given if _is_name(each)), "")


def _decorated(within: list[ast.AST]) -> frozenset[str]:
    """The names to which decorators add a definition.

    `Net` in `@add_to_class(Net)`; or in `@patch` above `def read(self: Net)`, as fastcore has it.
    """
    adds = [node for node in within if getattr(node, "decorator_list", ())]
    calls = [each for node in adds for each in node.decorator_list if isinstance(each, ast.Call)]
    given = [arg for call in calls for arg in call.args]
    for node in adds:
        first = [] if isinstance(node, ast.ClassDef) else node.args.args[:1]
        given += [each for arg in first if arg.annotation for each in ast.walk(arg.annotation)]
    return frozenset(each.id for each in given if _is_name(each))


def _method_of(node: ast.stmt) -> str:
    """The name of which a line calls a method: `table` in `table.append(1)`."""
    call = node.value if isinstance(node, ast.Expr) else None
    return _root(call.func) if isinstance(call, ast.Call) and not _is_name(call.func) else ""


def _given(node: ast.stmt) -> Iterator[str]:
    """The names that a call in a line of its own is given: `table` in `fill(table)`."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call):
        yield from filter(None, map(_root, (*call.args, *(each.value for each in call.keywords))))


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.NamedExpr):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _binds_anything(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == "*" for alias in node.names)
    called = node.func if isinstance(node, ast.Call) else None
    # Without arguments `vars` gives the notebook's names, with one an object's.
    names = ("exec", "setattr") if getattr(node, "args", ()) else ("globals", "locals", "vars")
    return _is_name(called) and called.id in names
