"""`check`, the learner's way to the grader: run it in a notebook, see a panel."""

import contextlib
import sys
from dataclasses import replace
from pathlib import Path

from course_lib.grader.course import progress
from course_lib.grader.course.checking import as_graded, verdict_on
from course_lib.grader.course.files import sheet_for
from course_lib.grader.course.listing import find_listed, listed
from course_lib.grader.course.ran import watch_cells
from course_lib.grader.course.watching import StoppedError, watched
from course_lib.grader.judging.verdict import Verdict
from course_lib.paths import ROOT, WORK
from course_lib.stale import Note, stale_note
from course_lib.unrun import explain_unrun
from course_lib.views.panel import panel

FOUND = {
    "right": "is right and",
    "wrong": "is not right yet:",
    "crashed": "did not work:",
    "not attempted": "is not written yet:",
}

explain_unrun()
watch_cells()


def check(id: str, answer: object) -> object:
    """Compare an answer with the reference and with the mistakes that learners really make.

    `id` names the exercise, such as "02.attention-weights"; `answer` is the function or class
    itself. Shows a panel and never raises, so that an unsolved notebook runs to its end. Under
    `work/exercises` the result is noted for `course progress`. An answer that doesn't end is
    stopped.
    """
    try:
        with as_graded():
            sheet_for(ROOT, id)  # first: how long that takes says nothing about the answer
        with watched(_say):
            verdict = verdict_on(ROOT, id, answer)
    except KeyError as error:
        return panel(Verdict(id, "no such exercise", "not attempted", str(error.args[0])))
    except ValueError as error:  # a damaged answer sheet
        return panel(Verdict(id, "cannot be checked", "not attempted", str(error)))
    except StoppedError as error:
        verdict = Verdict(id, find_listed(ROOT, id).title, "crashed", str(error))
    except KeyboardInterrupt:
        told = "you stopped it before your code was called: run the cell again"
        return panel(Verdict(id, find_listed(ROOT, id).title, "not attempted", told))
    if Path.cwd().is_relative_to(WORK / "exercises"):
        # A note that can't be written must not hide the verdict.
        with contextlib.suppress(OSError, ValueError):
            progress.record(WORK, verdict)
    note = stale_note(answer, [each.name for each in listed(ROOT, id[:2])])
    return panel(_about(note, answer, verdict) if note else verdict)


def _say(told: str) -> None:
    print(f"{told} Stop it with the square button.", file=sys.stdout)


def _about(note: Note, answer: object, verdict: Verdict) -> Verdict:
    """A verdict whose headline says that it is about something older than the cell above.

    A mistake is named below, and it is not in the cell that one sees. Where the older one is the
    stub and the cell stopped, only why it did is worth a word.
    """
    if verdict.state == "not attempted" and note.crash:
        return replace(verdict, state="crashed", summary=note.told, crash=note.crash, out_of=0)
    why = f" ({note.crash[0]})" if note.crash else ""
    name = getattr(answer, "__name__", "answer")
    told = f"{note.told}{why}: this judges the `{name}` that an earlier cell defined, which"
    found = f"{FOUND[verdict.state]} {verdict.summary}"
    return replace(verdict, state="earlier", summary=f"{told} {found}", out_of=0)
