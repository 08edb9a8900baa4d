"""A small case spelt as lines of Python, to run it again by hand."""

import re
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

import torch
from torch import Tensor

from .cases import Case
from .inputs import named_inputs

MOST = 60  # numbers that one would still look at
DIGITS = {torch.float64: 17, torch.float32: 9}  # that make the same number again
AS_WRITTEN = (torch.float32, torch.int64, torch.bool)  # the types that lists of numbers become


def spelt(name: str, names: dict[str, tuple[str, ...]], case: Case) -> str:
    """The lines that call the function `name` as a case does, an input to a line.

    "" for a case of many numbers, of an object with weights, and of what no literal can write.
    """
    many = sum(x.numel() for x in case.inputs if isinstance(x, Tensor)) > MOST
    methods = {c.method for c in case.calls} != {"__call__"}
    if many or methods or case.init is not None or case.state is not None:
        return ""
    lines = []
    try:
        for number, call in enumerate(case.calls):
            inputs = named_inputs(names, case, number)
            if name in inputs:  # would hide the function
                return ""
            lines += [f"{key} = {_literal(value)}" for key, value in inputs.items()]
            keywords = [f"{key}={key}" for key in call.kwargs]
            lines.append(f"{name}({', '.join([*list(inputs)[: len(call.args)], *keywords])})")
        compile("\n".join(lines), "case", "exec")
    except (TypeError, SyntaxError):
        return ""
    return "\n".join(lines)


def by_own_name(lines: str, name: str, answer: Callable) -> str:
    """The lines of `spelt` for an answer that has another name than its exercise gives it.

    What was made within another function, as by a decorator, can't be called by its name.
    """
    own = str(getattr(answer, "__qualname__", ""))
    if not own.isidentifier() or iskeyword(own) or re.search(rf"^{own} = ", lines, re.M):
        return lines
    return re.sub(rf"^{name}\(", f"{own}(", lines, flags=re.M)


def _literal(value: Any) -> str:
    """Raises TypeError for what has no literal."""
    if isinstance(value, Tensor):
        kind = "" if value.dtype in AS_WRITTEN else f", dtype={value.dtype}"
        if not value.numel():
            return f"torch.zeros({tuple(value.shape)}, dtype={value.dtype})"
        return f"torch.tensor({_numbers(value.tolist(), DIGITS.get(value.dtype, 5))}{kind})"
    if isinstance(value, dict):
        pairs = (f"{_literal(key)}: {_literal(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if type(value) in (list, tuple):
        listed = ", ".join(map(_literal, value))
        return f"[{listed}]" if isinstance(value, list) else f"({listed}{',' * (len(value) == 1)})"
    if isinstance(value, float):
        return _numbers(value, 17)
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    raise TypeError(f"a {type(value).__name__} has no literal")


def _numbers(value: Any, digits: int) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_numbers(each, digits) for each in value)}]"
    if not isinstance(value, float):
        return repr(value)
    if value != value or abs(value) == torch.inf:
        return f"{'-' * (value < 0)}torch.{'nan' if value != value else 'inf'}"
    return repr(float(f"{value:.{digits}g}"))
