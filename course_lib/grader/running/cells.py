"""Run the cells of a notebook as a notebook does, statement by statement.

A statement that fails costs what it would have bound, and no more: what stands above and below it
is still defined.
"""

import __future__

import ast
import inspect
import linecache
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..judging.outcome import learner_lines
from .waiting import NO_LOOP, finish, within

FLAGS = "__compiler_flags__"
MODULE = "__main__"  # as in a notebook
GIVES_SHELL = "IPython.core.getipython"


class Silent(types.ModuleType):
    """A module, or any object, whose every name is a function that does nothing."""

    __path__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


class ZMQInteractiveShell(Silent):
    """What `get_ipython()` gives: code that asks where it runs looks for this name."""

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__("ipython")
        self.user_ns = self.user_global_ns = names
        self.config, self.execution_count = {"IPKernelApp": {}}, 1


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


@contextmanager
def fresh_namespace() -> Iterator[dict[str, Any]]:
    """The namespace of a new notebook, with what IPython puts into it.

    Meanwhile it is what Python knows as `__main__`, where annotations that are text are looked up,
    and IPython gives this code its shell, too, whether it is imported already or later.
    """
    module, gives = types.ModuleType(MODULE), types.ModuleType(GIVES_SHELL)
    own_names = module.__dict__
    shell = ZMQInteractiveShell(own_names)

    def get_ipython() -> ZMQInteractiveShell | None:
        asks = sys._getframe(1).f_globals
        # A library that asks, as matplotlib does, would want more of it.
        return shell if asks is own_names or "__file__" not in asks else None

    gives.get_ipython = get_ipython
    own_names.update(display=_nothing, get_ipython=get_ipython, __IPYTHON__=True)
    own = {MODULE: module, GIVES_SHELL: gives}
    before = {name: sys.modules.get(name) for name in own}
    told = {"IPython": ("get_ipython", gives.get_ipython), "IPython.core": ("getipython", gives)}
    there = [(sys.modules[name], *each) for name, each in told.items() if name in sys.modules]
    usual = [(package, name, getattr(package, name, None)) for package, name, _ in there]
    sys.modules.update(own)
    prompt = getattr(sys, "ps1", None)
    sys.ps1 = "In : "
    for each in there:
        setattr(*each)
    try:
        yield own_names
    finally:
        for name, earlier in before.items():
            sys.modules.update({name: earlier}) if earlier else sys.modules.pop(name, None)
        for each in usual:
            setattr(*each)
        sys.ps1 = prompt
        if prompt is None:
            del sys.ps1


def run_cell(source: str, namespace: dict[str, Any], number: int) -> tuple[str, ...]:
    """Execute a cell; the first error and the learner's line where something fails.

    What comes from `__future__` holds for later cells too, as in a notebook.
    """
    name = f"<exercise cell {number}>"
    # So that a traceback can quote the learner's line: there is no file to read it from.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    failed: tuple[str, ...] = ()
    try:
        statements = ast.parse(source, name).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return learner_lines(error)
    flags = namespace.setdefault(FLAGS, 0)
    for statement in statements:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            names = [alias.name for alias in statement.names]
            flags |= sum(
                getattr(__future__, n).compiler_flag for n in names if hasattr(__future__, n)
            )
            namespace[FLAGS] = flags
        try:
            allowed = flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(ast.Module([statement], []), name, "exec", allowed, dont_inherit=True)
            _execute(code, namespace)
        except (Exception, SystemExit) as error:
            failed = failed or learner_lines(error)
    return failed


def _execute(code: types.CodeType, namespace: dict[str, Any]) -> None:
    try:
        waiting = eval(code, namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            finish(waiting)
    except RuntimeError as error:
        if str(error) != NO_LOOP:
            raise
        within(code, namespace)


def why_unread(source: str, number: int) -> tuple[str, ...]:
    """Why Python can't read a cell, which is not run; a newer one may be able to."""
    by = f"as Python {sys.version_info.major}.{sys.version_info.minor} reads it"
    try:
        ast.parse(source, f"<exercise cell {number}>")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return (*learner_lines(error), by)
    return ("it is too long or too deep", by)


def run_pieces(
    pieces: list[tuple[int, str]], cell: int, name: str, namespace: dict[str, Any]
) -> list[tuple[int, tuple[str, ...]]]:
    """Run pieces of cells, and leave `name` bound to what it is after the answer's own `cell`.

    Tells which cells failed, and how.
    """
    failed, missing = [], object()
    answer: Any = missing
    for number, source in pieces:
        if told := run_cell(source, namespace, number + 1):
            failed.append((number, told))
        if number == cell:
            answer = namespace.get(name, missing)
    if answer is not missing:
        namespace[name] = answer
    return failed
