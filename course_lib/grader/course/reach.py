"""What an answer reaches: the learner's own helpers, and what won't be there when it is graded.

A check in a notebook is given a function and not the notebook. From the function one can follow the
names that it reads to what they are now.
"""

import builtins
import dis
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..running.library import KEPT, PACKAGE, SILENT
from .lent import lent_names

FILES = {
    "open": "reads or writes a file, and there are none",
    "input": "asks for input, and nobody answers",
}
OUTSIDE = ("subprocess", "socket", "requests", "urllib", "http")


def helpers_of(answer: Any) -> list[Any]:
    """The learner's functions and classes that an answer uses, itself first."""
    found = [answer]
    for each in found:  # it grows while we walk
        home = getattr(each, "__module__", None)
        for _, value in _read_by(each):
            own = isinstance(value, types.FunctionType | type) and value.__module__ == home
            if own and not any(value is known for known in found):
                found.append(value)
    return found


def notes_on(root: Path, chapter: str, answer: Any) -> tuple[str, ...]:
    """What an answer uses that isn't there when it is graded, each in a sentence."""
    told: dict[str, None] = {}
    for each in helpers_of(answer):
        for name, value in _read_by(each):
            if said := _missing(root, chapter, name, value):
                told[f"when this is graded, {said}"] = None
    return tuple(told)


def _missing(root: Path, chapter: str, name: str, value: Any) -> str:
    """Why a name will not work under seal; "" where it will."""
    if name in FILES and value is getattr(builtins, name):
        return f"`{name}` does not work: it {FILES[name]}"
    module = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
    if not isinstance(module, str) or module == "__main__":
        return ""
    top = module.split(".")[0]
    if top == PACKAGE:
        part = module.partition(".")[2].split(".")[0]
        lent = lent_names(root, chapter)
        known = (module, getattr(value, "__name__", "")) in lent
        known |= inspect.ismodule(value) and module in {each for each, _ in lent}
        fine = known or part in SILENT or module in KEPT
        return "" if fine else f"`{name}` of {module} is not there: the library holds answers"
    if top in OUTSIDE:
        return f"`{name}` does not work: nothing outside of Python can be reached"
    file = getattr(sys.modules.get(top), "__file__", None)
    if file and Path(file).resolve().is_relative_to(Path.cwd()) and "site-packages" not in file:
        return f"`{name}` is not there: {Path(file).name} is not handed in with the notebook"
    return ""


def _read_by(value: Any) -> Iterator[tuple[str, Any]]:
    """The names that a function, or a class's methods, read from outside, and what they are."""
    functions = [value] if isinstance(value, types.FunctionType) else []
    if isinstance(value, type):
        bases = [base for base in value.__bases__ if base is not object]
        yield from ((base.__name__, base) for base in bases)
        functions = [f for f in vars(value).values() if isinstance(f, types.FunctionType)]
    for function in functions:
        for code in _codes(function.__code__):
            yield from _reads(code, function.__globals__)


def _reads(code: types.CodeType, there: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The global names that a piece of bytecode reads, and what it imports itself."""
    module = ""
    for step in dis.get_instructions(code):
        name = step.argval
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            if name in there or hasattr(builtins, name):
                yield name, there.get(name, getattr(builtins, name, None))
        elif step.opname == "IMPORT_NAME":
            module = name
            yield name, sys.modules.get(name) or types.ModuleType(name)
        elif step.opname == "IMPORT_FROM":
            value = getattr(sys.modules.get(module), name, None)
            if value is not None:
                yield name, value


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
