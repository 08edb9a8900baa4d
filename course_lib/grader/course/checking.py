"""One answer in, one verdict out: finds the sheet, runs the answer, and keeps its noise apart."""

import contextlib
import inspect
import io
import linecache
import re
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from course_lib.notebooks import definition

from ..judging.literals import with_changed_values
from ..judging.sheet import Sheet
from ..judging.spelt import by_own_name
from ..judging.verdict import Verdict, judge, verdict_of, without_bans
from ..running.ending import clock
from ..running.reading.plain import plain_python
from ..running.slicing.statements import statements_of
from .files import sheet_for
from .missing import notes_on
from .reach import helpers_of
from .session import in_session

SLOW = "when this is graded, its calls may take {:g} s of processor time; here they took {:.0f} s"
WAITS = "when this is graded, it may take {:g} s by the clock; here its calls took {:.0f} s"


class Printed(io.TextIOWrapper):
    """Keeps what an answer prints; it may ask for all that standard output has."""

    def __init__(self) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, "utf-8", "backslashreplace", newline="", write_through=True)

    def fileno(self) -> int:
        """As where the answer is graded."""
        return 1

    def text(self) -> str:
        """What was printed by now."""
        return self.kept.getvalue().decode(errors="replace")


def verdict_on(
    root: Path,
    id: str,
    answer: object,
    source: str = "",
    whole: str = "",
) -> Verdict:
    """The verdict on an answer to exercise `id` of the course under `root`.

    `source` is the answer's text where Python can't find it, `whole` the same with what it needs.
    Raises KeyError for an unknown id.
    """
    printed = Printed()
    with as_graded() as kind:
        sheet = sheet_for(root, id)
        with contextlib.redirect_stdout(printed), torch.random.fork_rng(devices=[]):
            began, since = time.process_time(), clock()
            verdict = _judged(sheet, answer, kind)
            spent, passed = time.process_time() - began, clock() - since
    slow = _late(sheet, spent, passed) if verdict.state == "right" else ()
    lost: tuple[str, ...] = ()
    if not whole:
        right = verdict.state == "right"
        stub = sheet.stub if right else ""
        whole, lost = in_session(root, id, sheet.name, answer, stub, sheet.wall, right)
    whole = whole or "\n".join(source_of(each) for each in helpers_of(answer))
    case = by_own_name(verdict.case, sheet.name, answer)
    more = [each for each in notes_on(root, id[:2], whole, sheet.name) if not _is_told(each, lost)]
    verdict = replace(verdict, case=case, notes=(*slow, *lost, *more))
    if verdict.state == "right":
        return without_bans(sheet, verdict, whole)
    source = source or source_of(answer)
    if sheet.stub and definition(source, sheet.name) == sheet.stub:
        return verdict_of(sheet, "not attempted", "the cell is as handed out")
    verdict = without_bans(sheet, with_changed_values(sheet, verdict, source), whole)
    return with_print(verdict, printed.text())


def _is_told(note: str, lost: tuple[str, ...]) -> bool:
    """Is a note about a module's file of which another says that a cell writes it?"""
    file = re.search(r"(\w+\.py) is not handed in", note)
    return bool(file) and any(re.search(rf"\b{file[1]}` only writes", told) for told in lost)


def _judged(sheet: Sheet, answer: object, kind: torch.dtype) -> Verdict:
    """The verdict as in a new session, or else in one of the learner's default dtype.

    Grading tries what the learner's cells set, too.
    """
    verdict = judge(sheet, answer)
    if verdict.state not in ("wrong", "crashed") or kind == torch.float32:
        return verdict
    torch.set_default_dtype(kind)
    again = judge(sheet, answer)
    return again if again.state == "right" else verdict


def _late(sheet: Sheet, spent: float, passed: float) -> tuple[str, ...]:
    """What grading would not wait for, of a right answer.

    Where one is wrong, most of the time goes into the known mistakes that it is held to.
    """
    if spent > sheet.seconds:
        return (SLOW.format(sheet.seconds, spent),)
    return (WAITS.format(sheet.wall, passed),) if passed > sheet.wall else ()


def with_print(verdict: Verdict, printed: str) -> Verdict:
    """The verdict, telling the first lines that the answer printed."""
    said = printed.strip().splitlines()
    if not said:
        return verdict
    shown = " | ".join(said[:3]) + (" | …" if len(said) > 3 else "")
    return replace(verdict, details=(*verdict.details, f"your code printed: {shown}"))


@contextlib.contextmanager
def as_graded() -> Iterator[torch.dtype]:
    """PyTorch as a new session has it, but on one thread; gives the learner's default dtype.

    On small tensors several threads spend seconds waiting for each other.
    """
    threads, kind = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    try:
        yield kind
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(kind)


def source_of(answer: object) -> str:
    """The text of a function or class; "" for what can't be found."""
    try:
        return textwrap.dedent(inspect.getsource(answer))
    except (OSError, TypeError):  # a class in a notebook: Python knows files only
        methods = [m for m in getattr(answer, "__dict__", {}).values() if inspect.isfunction(m)]
        lines = linecache.getlines(methods[0].__code__.co_filename) if methods else []
        told = statements_of(plain_python("".join(lines)))
        own = [s for s in told if getattr(answer, "__name__", "") in s.surely]
        return "".join(lines[own[-1].first - 1 : own[-1].last]) if own else ""
