"""A crash in words: the error, the learner's own lines, and what such an error usually means."""

import linecache
import re
import sysconfig
import traceback
from collections.abc import Mapping
from dis import opname
from pathlib import Path
from types import TracebackType

import course_lib

from .meanings import MEANINGS
from .on_lines import ON_LINES
from .parts import never_stored

# File names of code that a learner wrote: a notebook's cell, or one that we compiled.
ANSWER_FILES = ("<ipython-input", "/ipykernel_", "\\ipykernel_", "<exercise")

COURSE = Path(course_lib.__file__).parent
# How what Python starts with calls its files, and what of this course a sealed answer is lent.
WITHOUT_FILE = ("<frozen ", "<course_lib.")
LIBRARIES = (COURSE, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
RAISED = "raised"
OWN = "your own `raise` stops a call that has a result: what does its condition look at, here?"
LONGEST = 1000  # of what an error says: a list of the parameters that don't fit is long
NAMES = r"((?:[\w.]+, ){3})((?:[\w.]+, ){2,}[\w.]+)"  # more than five of them
STOPPED = "stopped"  # by itself, whatever the error
TYPES = frozenset(("list", "tuple", "dict", "set", "str", "int", "float", "bool", "Tensor"))


def learner_lines(error: BaseException) -> tuple[str, ...]:
    """The error, the learner's own line that led to it, and the one that called there.

    Never a frame of the course.
    """
    told = f"{type(error).__name__}: {said(error)}".strip().splitlines()[0]
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
    """Which error of its type it is: what it says, mostly without the numbers and names in it.

    One that an answer's own `raise` or `assert` raises is "raised": its words are its own. What a
    library raises goes by the library's words.
    """
    if _raises(error) and not _in_library(error):
        return RAISED
    text = said(error).strip().partition("\n")[0]
    if text.startswith("loading state_dict"):  # ours: the sizes tell one mistake from another
        return text[:LONGEST]
    # What a list can't do is another mistake than what a tensor can't: such names stay.
    text = re.sub(r"'(\w+)'(?= object\b)", lambda m: m[1] if m[1] in TYPES else m[0], text)
    text = re.sub(r"\barguments \d+-\d+", "argument 1", text)  # of `zip`, in whatever order
    return re.sub(r"\d+|'[^']*'|\"[^\"]*\"|`[^`]*`", "#", text)[:LONGEST]


def said(error: BaseException) -> str:
    """An error's own words; none where a learner's own class fails to say them."""
    try:
        return str(error)
    except Exception:
        return ""


def _raises(error: BaseException) -> bool:
    """Is a `raise` or an `assert` what stopped? The instruction says so, however it is written."""
    last = _last(error)
    return opname[last.tb_frame.f_code.co_code[last.tb_lasti]] == "RAISE_VARARGS"


def _in_library(error: BaseException) -> bool:
    """Did it stop in Python's own code, an installed package's or this course's?"""
    path = _last(error).tb_frame.f_code.co_filename
    return path.startswith(WITHOUT_FILE) or any(map(Path(path).is_relative_to, LIBRARIES))


def _last(error: BaseException) -> TracebackType:
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return trace


def _line(code, number: int) -> str:
    name = code.co_qualname.replace("<locals>.", "").replace("<lambda>", "a lambda")
    return f"{name}, line {number}: {linecache.getline(code.co_filename, number).strip()}"


def brief(crash: tuple[str, ...]) -> tuple[str, ...]:
    """The crash as it is shown: of a long list of parameters, three and how many more."""
    if not crash or "loading state_dict" not in crash[0]:
        return crash
    return re.sub(NAMES, lambda m: f"{m[1]}and {m[2].count(', ') + 1} more", crash[0]), *crash[1:]


def meaning(crash: tuple[str, ...], unwritten: Mapping[str, str], what: str = "") -> list[str]:
    """What an error usually means; nothing for one that speaks for itself.

    `unwritten` are the names that other exercises define, with their ids; `what` is its kind.
    """
    if told := unwritten_stub(crash, unwritten) or never_stored(crash):
        return [told]
    lines = "\n".join(crash[1:])
    both = [
        told
        for error, line, told in ON_LINES
        if re.search(error, crash[0]) and re.search(line, lines)
    ]
    usual = [told for error, told in MEANINGS if re.search(error, crash[0])]
    own = what == RAISED and not crash[0].startswith("NotImplementedError")
    return [*both, *usual, *([OWN] if own else [])][:1]


def unwritten_stub(crash: tuple[str, ...], unwritten: Mapping[str, str]) -> str:
    """Which other exercise an answer calls that isn't written yet; "" when it is its own stub."""
    if not crash or not crash[0].startswith("NotImplementedError") or len(crash) < 2:
        return ""
    name = re.split(r"[.,]", crash[1].removeprefix("in "))[0]
    if name not in unwritten:
        return ""
    return f"it calls `{name}`, which is exercise {unwritten[name]} and not written yet"
