"""The verdict on what a sealed child reports. It comes from untrusted hands."""

import signal
from dataclasses import replace

from ..course.submission import stopped, with_failed
from ..judging.flat import outcomes_from
from ..judging.frames import unpack
from ..judging.outcome import Outcome
from ..judging.sheet import Sheet
from ..judging.verdict import Verdict, judge_outcomes, verdict_of
from ..running.warm import Limits, Report

TEXT_CAP, LINES_CAP = 400, 8
WAITED = (
    "it computed for {:.1f} of them and waited for the rest: look for `sleep` and the like, also "
    "in cells that it needs"
)
LONGEST = 1_000  # characters of a text from a child, which cuts its own far below


def judge_report(sheet: Sheet, report: Report, limits: Limits) -> Verdict:
    """The verdict on a report. Anything odd in it is no result."""
    if not report.frame:
        return verdict_of(sheet, "crashed", _ending(report, limits))
    try:
        told = dict(unpack(report.frame))
        failed = [(int(cell), tuple(map(str, lines))) for cell, lines in told["failed"]]
        if "outcomes" in told:
            found = _fitting(sheet, outcomes_from(told["outcomes"]))
            return with_failed(judge_outcomes(sheet, found), failed)
        if "not_callable" in told:
            summary = f"`{sheet.name}` is a {str(told['not_callable'])[:60]}, not something to call"
            return verdict_of(sheet, "wrong", summary)
        return stopped(sheet, failed)
    except Exception:  # float8, 10**400 and the like: whatever comparing them raises
        return verdict_of(sheet, "crashed", "your code returned no readable result")


def _ending(report: Report, limits: Limits) -> str:
    """How code ended that reported nothing."""
    if report.timed_out:
        seconds = report.seconds or limits.wall
        told = f"your code was still running after {seconds:.0f} seconds"
        waited = 0 < report.cpu < seconds / 2  # not every system tells
        return f"{told}; {WAITED.format(report.cpu)}" if waited else told
    if report.signal == signal.SIGXCPU:
        return f"your code did not end within {limits.seconds:g} seconds of processor time"
    how = f"by signal {report.signal}" if report.signal else f"with exit code {report.exit}"
    return f"your code ended Python {how}"


def _fitting(sheet: Sheet, found: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Outcomes as the honest child makes them. Raises ValueError for any other make."""
    if len(found) != len(sheet.cases):
        raise ValueError(f"{len(found)} outcomes for {len(sheet.cases)} cases")
    rows = zip(sheet.cases, sheet.expected, sheet.terms, found, strict=True)
    for case, expected, terms, outcome in rows:
        calls = len(case.calls)
        whole = len(outcome.values) == len(outcome.gradients) == calls
        # Where the reference raises it has none to count, and where answers are scored none count:
        # there the answer is wrong, not unreadable.
        free = expected.raised or terms.at_least
        counts = [] if free else [len(g) for g in expected.gradients]
        found_counts = [] if free else [len(g) for g in outcome.gradients]
        if not outcome.raised and (not whole or found_counts != counts):
            raise ValueError("values or gradients are missing")
        texts = [outcome.raised or "", outcome.what, *outcome.crash, *outcome.changed]
        texts += outcome.kinds
        if not all(isinstance(text, str) and len(text) <= LONGEST for text in texts):
            raise ValueError("texts are missing, or longer than any")
    return found


def printable(verdict: Verdict) -> Verdict:
    """A learner's words cut short, on one line, and without what files and pages choke on."""
    return replace(
        verdict,
        summary=_line(verdict.summary),
        where=_line(verdict.where),
        details=tuple(map(_line, verdict.details[:LINES_CAP])),
        crash=tuple(map(_line, verdict.crash[:LINES_CAP])),
    )


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:TEXT_CAP])
