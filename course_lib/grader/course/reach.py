"""What an answer reaches: the learner's own functions and classes that it uses."""

import builtins
import dis
import inspect
import types
from collections.abc import Iterator
from typing import Any


def helpers_of(answer: Any) -> list[Any]:
    """The learner's functions and classes that an answer uses, itself first."""
    found = [answer]
    for each in found:  # it grows while we walk
        home = getattr(each, "__module__", None)
        for value in _read_by(each):
            own = isinstance(value, types.FunctionType | type) and value.__module__ == home
            if own and not any(value is known for known in found):
                found.append(value)
    return found


def _read_by(value: Any) -> Iterator[Any]:
    """What a function, or a class's methods, read from outside."""
    functions = [value] if isinstance(value, types.FunctionType) else []
    if isinstance(value, type):
        yield from (base for base in value.__bases__ if base is not object)
        functions = [f for f in vars(value).values() if inspect.isfunction(f)]
    for function in functions:
        for code in _codes(function.__code__):
            yield from _reads(code, function.__globals__)


def _reads(code: types.CodeType, there: dict[str, Any]) -> Iterator[Any]:
    """What the global names are that a piece of bytecode reads."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield there.get(step.argval, getattr(builtins, step.argval, None))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
