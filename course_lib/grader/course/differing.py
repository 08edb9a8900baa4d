"""Names that are something else in the session than when the cells run once, from the top.

A cell may have stopped, been deleted or run out of order, and a file or a magic may bind names.
It goes by what can be compared without running anything: plain values, and the text of functions.
"""

import ast
import inspect
import textwrap
import types
from collections.abc import Iterator
from typing import Any

from course_lib.notebooks import tree_of

from ..judging.scopes import names_of
from ..running.slicing.statements import statements_of

VALUE = "`{name}` is {here} here; when this is graded, `{line}` makes it {there}"
ANOTHER = "`{name}` is another function here than `{line}`, which is the one when this is graded"
PLAIN = (int, float, complex, bool, str, bytes, type(None))
LONGEST = 40  # letters of a value that is shown


def differing(source: str, answer: str, session: dict[str, Any]) -> Iterator[str]:
    """What of the names that a source reads the session has otherwise, in sentences.

    Nothing is said of `answer`, the name that is handed in.
    """
    told = statements_of(source)
    last = {name: each for each in told for name in each.binds}
    changed = {name for each in told for name in (*each.stores, *each.gone)}
    changed |= {
        n
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Global)
        for n in node.names
    }
    for name in sorted(names_of(source)[1] & last.keys() & session.keys() - changed - {answer}):
        node = next((n for n in reversed(last[name].nodes) if _binds(n, name)), None)
        line = source.split("\n")[last[name].first - 1].strip()
        if isinstance(node, ast.FunctionDef):
            if _is_another(node, session[name]):
                yield ANOTHER.format(name=name, line=line)
        elif isinstance(node, ast.Assign) and _is_plain(node.value):
            here, there = session[name], ast.literal_eval(node.value)
            if type(here) not in PLAIN or repr(here) != repr(there):
                shown = repr(here) if type(here) in PLAIN else f"a {type(here).__name__}"
                about = {"here": shown[:LONGEST], "there": repr(there)[:LONGEST]}
                yield VALUE.format(name=name, line=line, **about)


def _binds(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name == name
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [getattr(target, "id", "") for target in targets] == [name]


def _is_plain(node: ast.expr) -> bool:
    try:
        return type(ast.literal_eval(node)) in PLAIN
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False


def _is_another(node: ast.FunctionDef, here: object) -> bool:
    """Has a session's function another text? No where it can't be had, or has magics in it."""
    plain = inspect.unwrap(here) if isinstance(here, types.FunctionType) else None
    try:
        text = textwrap.dedent(inspect.getsource(plain))
    except (OSError, TypeError, ValueError):
        return False
    tree = tree_of(text)
    if tree is None or "get_ipython" in text or plain.__name__ != node.name:
        return False
    return ast.dump(tree.body[0]) != ast.dump(node)
