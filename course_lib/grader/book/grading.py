"""Grade one submission: each answer runs in a sealed child, its outcomes are judged here."""

import signal
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.notebooks import Cell, read_cells

from ..course.files import find, sheet_for
from ..course.lent import lent
from ..course.notebook import Notebook
from ..course.setup import provided, setup_cells
from ..course.slices import Slice
from ..course.submission import best_of, stopped, with_failed
from ..judging.bake import outcomes_from, shallow
from ..judging.frames import pack, unpack
from ..judging.outcome import Outcome
from ..judging.sheet import Sheet
from ..judging.verdict import Verdict, judge_outcomes, with_changed_values
from ..running.cold import Cold
from ..running.plain import plain_cells
from ..running.warm import Limits, Report, Warm

MAX_FILE = 8 << 20
MAX_CELLS, MAX_CODE = 500, 256 << 10  # of code; what a notebook shows may be larger
TEXT_CAP, LINES_CAP = 400, 8


@dataclass(frozen=True)
class Graded:
    """A verdict, and how the child that answered for it ended."""

    verdict: Verdict
    report: Report


def grade_submission(
    warm: Warm | Cold,
    path: Path,
    ids: list[str],
    seed: int,
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Graded]:
    """Grade the exercises `ids` of a notebook or percent script, with a student's values by id.

    A file that can't be read makes every exercise of it wrong, and says why; it never raises.
    """
    try:
        cells = code_cells(path)
    except (ValueError, OSError) as error:
        told = str(error).replace(str(path.parent), "").lstrip("/")
        for id in ids:
            yield Graded(_plain(warm.root, id, "wrong", told), Report(b"", b""))
        return
    for id in ids:
        notebook = Notebook(cells, provided(warm.root, id[:2]))
        yield grade_exercise(warm, notebook, id, seed, (values or {}).get(id), path.name)


def code_cells(path: Path) -> list[Cell]:
    """The cells of a submission that are judged. Raises ValueError or OSError, saying why not."""
    if path.stat().st_size > MAX_FILE:
        raise ValueError(f"{path.name} has more than {MAX_FILE >> 20} MiB")
    cells = read_cells(path)
    code = [cell for cell in cells if cell.kind == "code"]
    if len(code) > MAX_CELLS or sum(len(cell.source) for cell in code) > MAX_CODE:
        raise ValueError(f"more than {MAX_CELLS} cells, or {MAX_CODE >> 10} KiB, of code")
    return plain_cells(cells)


def grade_exercise(
    warm: Warm | Cold,
    notebook: Notebook,
    id: str,
    seed: int,
    values: Mapping[str, Any] | None = None,
    file: str = "the notebook",
) -> Graded:
    """Judge one exercise of a notebook: the best of what it holds for it."""
    exercise = find(warm.root, id)[1]
    sheet = sheet_for(warm.root, id, seed ^ zlib.crc32(id.encode()), values)
    limits = Limits(exercise.seconds, wall=exercise.wall)
    reports: dict[Slice | None, Report] = {None: Report(b"", b"")}

    def tried(made: Slice) -> tuple[Verdict, bool]:
        report = reports[made] = warm.run(_job(warm.root, sheet, made), limits)
        verdict = with_changed_values(sheet, _judge(sheet, report, limits), made.own)
        return verdict, not report.frame

    verdict, best = best_of(sheet, notebook, tried, file)
    return Graded(_printable(verdict), reports[best])


def _job(root: Path, sheet: Sheet, made: Slice) -> bytes:
    return pack(
        {
            "name": sheet.name,
            # Without their labels: "an honest model" would tell the answer.
            "cases": [shallow(replace(case, label="")) for case in sheet.cases],
            "pieces": list(made.pieces),
            "cell": made.cell,
            "setup": list(setup_cells(root, sheet.id[:2])),
            "lent": lent(root, sheet.id[:2]),
            "seconds": find(root, sheet.id)[1].seconds,
        }
    )


def _judge(sheet: Sheet, report: Report, limits: Limits) -> Verdict:
    """The verdict on a report. It comes from untrusted hands: anything odd is no result."""
    common = {"id": sheet.id, "title": sheet.title, "out_of": sheet.points}
    if not report.frame:
        return Verdict(state="crashed", summary=_ending(report, limits), **common)
    try:
        told = dict(unpack(report.frame))
        failed = [(int(cell), tuple(map(str, lines))) for cell, lines in told["failed"]]
        if "outcomes" in told:
            found = _fitting(sheet, outcomes_from(told["outcomes"]))
            return with_failed(judge_outcomes(sheet, found), failed)
        if "not_callable" in told:
            summary = f"`{sheet.name}` is a {str(told['not_callable'])[:60]}, not something to call"
            return Verdict(state="wrong", summary=summary, **common)
        return stopped(sheet, failed)
    except Exception:  # float8, 10**400 and the like: whatever comparing them raises
        return Verdict(state="crashed", summary="your code returned no readable result", **common)


def _ending(report: Report, limits: Limits) -> str:
    """How code ended that reported nothing."""
    if report.timed_out:
        return f"your code was still running after {limits.wall:.0f} seconds"
    if report.signal == signal.SIGXCPU:
        return f"your code did not end within {limits.seconds:g} seconds of processor time"
    how = f"by signal {report.signal}" if report.signal else f"with exit code {report.exit}"
    return f"your code ended Python {how}"


def _fitting(sheet: Sheet, found: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Outcomes as the honest child makes them. Raises ValueError for any other make."""
    if len(found) != len(sheet.cases):
        raise ValueError(f"{len(found)} outcomes for {len(sheet.cases)} cases")
    for case, expected, outcome in zip(sheet.cases, sheet.expected, found, strict=True):
        calls = len(case.calls)
        whole = len(outcome.values) == len(outcome.gradients) == calls
        # Where the reference raises, it has none to count; the answer is wrong, not unreadable.
        counts = [] if expected.raised else [len(g) for g in expected.gradients]
        found_counts = [] if expected.raised else [len(g) for g in outcome.gradients]
        if not outcome.raised and (not whole or found_counts != counts):
            raise ValueError("values or gradients are missing")
        texts = [outcome.raised or "", *outcome.crash, *outcome.changed]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("texts are missing")
    return found


def _plain(root: Path, id: str, state: str, told: str) -> Verdict:
    exercise = find(root, id)[1]
    return _printable(Verdict(id, exercise.title, state, told, out_of=exercise.points))


def _printable(verdict: Verdict) -> Verdict:
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
