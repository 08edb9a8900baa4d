"""`check`, the learner's way to the grader: run it in a notebook, see a panel."""

import contextlib
import sys
from dataclasses import replace
from pathlib import Path

from course_lib.grader.course import progress
from course_lib.grader.course.checking import as_graded, verdict_on
from course_lib.grader.course.files import sheet_for
from course_lib.grader.course.listing import find_listed
from course_lib.grader.course.ran import watch_cells
from course_lib.grader.course.watching import StoppedError, watched
from course_lib.grader.judging.verdict import Verdict
from course_lib.paths import ROOT, WORK
from course_lib.stale import stale_note
from course_lib.unrun import explain_unrun
from course_lib.views.panel import panel

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
    if note := stale_note(answer):
        verdict = _about(note, verdict)
    if Path.cwd().is_relative_to(WORK / "exercises"):
        # A note that can't be written must not hide the verdict.
        with contextlib.suppress(OSError, ValueError):
            progress.record(WORK, verdict)
    return panel(verdict)


def _say(told: str) -> None:
    print(f"{told} Stop it with the square button.", file=sys.stdout)


def _about(note: str, verdict: Verdict) -> Verdict:
    """A verdict that says it is about something older than the cell above the check.

    That comes first: a mistake is named below, and it is not in the cell that one sees. What an
    untouched cell would be told would be puzzling below a cell that somebody wrote.
    """
    if verdict.state == "not attempted":
        return replace(verdict, summary=note)
    return replace(verdict, summary=f"{note}; {verdict.summary}")
