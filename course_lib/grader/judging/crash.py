"""A crash in words: the error, the learner's own lines, and what such an error usually means."""

import linecache
import re
import sysconfig
import traceback
from collections.abc import Mapping
from dis import opname
from pathlib import Path
from types import TracebackType

# File names of code that a learner wrote: a notebook's cell, or one that we compiled.
ANSWER_FILES = ("<ipython-input", "/ipykernel_", "\\ipykernel_", "<exercise")

COURSE = Path(__file__).parents[2]
LIBRARIES = (COURSE, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
RAISED = "raised"

# What an error says, and what it means; the first that fits is told.
MEANINGS = (
    (r"^RecursionError", "your function calls itself without end: which call should be the last?"),
    (
        r"NoneType",
        "something is None here: a function that ends without `return` gives None",
    ),
    (
        r"mat1 and mat2 shapes|inconsistent tensor size|Expected size for first two dimensions"
        r"|size mismatch|batch2 tensor|vector-vector|mat1 dim",
        "in a product `a @ b` the last axis of a must be as long as the last but one of b",
    ),
    (
        r"The size of tensor a|not broadcastable|expanded size of the tensor|expand\(",
        "two tensors don't fit: counted from the last axis, two lengths must be equal or one be 1",
    ),
    (
        r"is invalid for input of size",
        "a new shape must hold as many numbers as the old one: multiply its lengths",
    ),
    (
        r"view size is not compatible",
        "`view` can't read the numbers in this order: take `reshape`",
    ),
    (
        r"values to unpack",
        "as many names as values must stand left of `=`: a shape has one for each axis, and "
        "`chunk` and `split` make more or fewer along another axis",
    ),
    (
        r"Dimension out of range|too many indices|dimension specified as|dimensions in the tensor "
        r"input does not match|need to be at least 1D",
        "the number of axes is another than this line expects: look at the argument's shape",
    ),
    (
        r"leaf Variable that requires grad|modified by an inplace operation|leaf variable has been",
        "an input, or what a gradient needs later, is edited in place: make a new tensor instead",
    ),
    (
        r"Can't call numpy\(\)|Tensor that requires grad",
        "NumPy loses the gradient, and here one is asked for: stay with PyTorch's functions",
    ),
    (
        r"expected scalar type|same dtype|same type|dtype mismatch|expected m1 and m2"
        r"|Input type .* should be the same",
        "two dtypes meet: let what you make yourself have the dtype of the input",
    ),
    (
        r"Boolean value of Tensor|one element tensors can be converted|Tensor with \d+ elements",
        "a whole tensor stands where a single value is needed: `all`, `any`, or an index?",
    ),
    (
        r"not implemented for '|not supported for|unsupported ScalarType",
        "this function doesn't know that dtype: convert the input, and the result back",
    ),
    (
        r"index \d+ is out of bounds|(tuple|list) index out of range",
        "there is no such place: places count from 0, and [-1] is the last, however many there are",
    ),
    (
        r"must be Tensor, not (int|float)",
        "this function takes tensors, and a plain number came in: `math` has one for numbers",
    ),
    (
        r"unsupported operand .*'tuple'",
        "something is a tuple here: a function that gives several things, or a tuple of one; [0] "
        "takes the first",
    ),
    (
        r"created only for scalar outputs",
        "a gradient is that of one single number: ask for one number after the other",
    ),
    (
        r"not have been used in the graph",
        "the result was computed from another tensor than the one you ask about: an index or a "
        "copy makes a new one",
    ),
    (
        r"missing \d+ required positional arguments?: \"",
        "a function of PyTorch is called without something that it needs",
    ),
    (
        r"positional argument|unexpected keyword argument|multiple values for argument",
        "a call and a definition don't fit: keep the names and the order of the stub's parameters",
    ),
    (
        r"loading state_dict",
        "other parameters than asked for: each part that is given must be there as often as the "
        "text says, under its own name and in its own size, and no other",
    ),
    (
        r"^AssertionError",
        "an `assert` failed: it is for what can't happen, and a caller's mistake can",
    ),
)


def learner_lines(error: BaseException) -> tuple[str, ...]:
    """The error, the learner's own line that led to it, and the one that called there.

    Never a frame of the course.
    """
    told = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    own = [
        (frame.f_code, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if any(mark in frame.f_code.co_filename for mark in ANSWER_FILES)
    ]
    if not own:
        return (told,)
    (first, _), (last, _) = own[0], own[-1]
    called = [f"called from {_line(*own[0])}"] if first is not last else []
    return (told, f"in {_line(*own[-1])}", *called)


def kind_of_error(error: BaseException) -> str:
    """Which error of its type it is: what it says, without the numbers and names in it.

    One that an answer's own `raise` or `assert` raises is "raised": its words are its own. What a
    library raises goes by the library's words.
    """
    if _raises(error) and not _in_library(error):
        return RAISED
    said = str(error).strip().partition("\n")[0]
    return re.sub(r"\d+|'[^']*'|\"[^\"]*\"|`[^`]*`", "#", said)[:120]


def _raises(error: BaseException) -> bool:
    """Is a `raise` or an `assert` what stopped? The instruction says so, however it is written."""
    last = _last(error)
    return opname[last.tb_frame.f_code.co_code[last.tb_lasti]] == "RAISE_VARARGS"


def _in_library(error: BaseException) -> bool:
    """Did it stop in Python's own code, an installed package's or this course's?"""
    path = _last(error).tb_frame.f_code.co_filename
    return path.startswith("<frozen ") or any(map(Path(path).is_relative_to, LIBRARIES))


def _last(error: BaseException) -> TracebackType:
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return trace


def _line(code, number: int) -> str:
    name = code.co_qualname.replace("<locals>.", "").replace("<lambda>", "a lambda")
    return f"{name}, line {number}: {linecache.getline(code.co_filename, number).strip()}"


def meaning(crash: tuple[str, ...], unwritten: Mapping[str, str]) -> list[str]:
    """What an error usually means; nothing for one that speaks for itself.

    `unwritten` are the names that other exercises define, with their ids.
    """
    if stub := unwritten_stub(crash, unwritten):
        return [stub]
    return [told for pattern, told in MEANINGS if re.search(pattern, crash[0])][:1]


def unwritten_stub(crash: tuple[str, ...], unwritten: Mapping[str, str]) -> str:
    """Which other exercise an answer calls that isn't written yet; "" when it is its own stub."""
    if not crash or not crash[0].startswith("NotImplementedError") or len(crash) < 2:
        return ""
    name = re.split(r"[.,]", crash[1].removeprefix("in "))[0]
    if name not in unwritten:
        return ""
    return f"it calls `{name}`, which is exercise {unwritten[name]} and not written yet"
