"""Is a check about what the learner sees above it, or about something defined before?"""

import ast
import difflib
import inspect
import sys
import textwrap
from typing import Any

ALIKE = 0.6  # of two cells, one of them an edited form of the other


def stale_note(answer: object) -> str:
    """One sentence when the cell run last didn't define the answer that is judged; else "".

    Seen are two cases: that cell stopped, or it binds the answer under another name now.
    """
    shell = _shell()
    name = getattr(answer, "__name__", "")
    if shell is None or not name.isidentifier():
        return ""
    cells = [cell for cell in shell.user_ns.get("In", []) if cell.strip()]
    if len(cells) < 2 or _binds(cells[-1], name):
        return ""
    last, result = cells[-2], shell.last_execution_result
    judged = f"this judges the `{name}` that an earlier cell defined"
    if result is not None and not result.success and name in last and not _holds(last, answer):
        error = type(result.error_before_exec or result.error_in_exec).__name__
        return f"the cell before this one stopped ({error}) without defining `{name}`: {judged}"
    others = _defined(last)
    if others and name not in others:
        first = next((c for c in reversed(cells[:-2]) if _binds(c, name)), "")
        if difflib.SequenceMatcher(None, first, last, autojunk=False).ratio() > ALIKE:
            return f"the cell before this one defines `{others[-1]}`, not `{name}`: {judged}"
    return ""


def _shell() -> Any:
    """The notebook's kernel, where there is one."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _defined(cell: str) -> list[str]:
    """Functions and classes that a cell defines; none when it isn't Python."""
    try:
        body = ast.parse(cell).body
    except (SyntaxError, ValueError):
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in body if isinstance(node, kinds)]


def _binds(cell: str, name: str) -> bool:
    """Does a cell give something this name?"""
    try:
        walked = list(ast.walk(ast.parse(cell)))
    except (SyntaxError, ValueError):
        return False
    stored = [n.id for n in walked if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return name in _defined(cell) or name in stored


def _holds(cell: str, answer: object) -> bool:
    """Is the answer's own text in a cell?"""
    try:
        return textwrap.dedent(inspect.getsource(answer)).strip() in cell  # type: ignore[arg-type]
    except (OSError, TypeError):
        return True  # nothing is known of it, so nothing is said
