"""Grade one submission: each answer runs in a sealed child, its outcomes are judged here."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.notebooks import Cell, read_cells

from ..course.files import definition, find, is_answer, sheet_for
from ..course.lent import lent
from ..course.submission import place_of, wanted
from ..judging.bake import outcomes_from, shallow
from ..judging.bans import with_helpers
from ..judging.frames import pack, unpack
from ..judging.outcome import Outcome
from ..judging.sheet import Sheet
from ..judging.verdict import Verdict, judge_outcomes, with_changed_values, without_bans
from ..running.child import plain_python
from ..running.cold import Cold
from ..running.warm import Report, Warm

SECONDS = 5.0
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
    seconds: float = SECONDS,
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
        yield grade_exercise(warm, cells, id, seed, seconds, (values or {}).get(id))


def code_cells(path: Path) -> list[Cell]:
    """The cells of a submission that are judged. Raises ValueError or OSError, saying why not."""
    if path.stat().st_size > MAX_FILE:
        raise ValueError(f"{path.name} has more than {MAX_FILE >> 20} MiB")
    cells = [cell for cell in read_cells(path) if wanted(cell)]
    if len(cells) > MAX_CELLS or sum(len(cell.source) for cell in cells) > MAX_CODE:
        raise ValueError(f"more than {MAX_CELLS} cells, or {MAX_CODE >> 10} KiB, of code")
    return cells


def grade_exercise(
    warm: Warm | Cold,
    cells: list[Cell],
    id: str,
    seed: int,
    seconds: float = SECONDS,
    values: Mapping[str, Any] | None = None,
) -> Graded:
    """Judge one exercise from a notebook's cells."""
    exercise = find(warm.root, id)[1]
    sheet = sheet_for(warm.root, id, seed ^ zlib.crc32(id.encode()), values)
    place = place_of(cells, id, exercise.name)
    if place is not None and sheet.stub == definition(cells[place].source, exercise.name):
        told = "the cell is as handed out"
        return Graded(_plain(warm.root, id, "not attempted", told), Report(b"", b""))
    report = warm.run(_job(warm.root, sheet, cells, place), seconds)
    if not report.frame and place is not None:
        # Perhaps another exercise's cell hung or died: this one gets a chance of its own.
        alone = [c for i, c in enumerate(cells) if i == place or not is_answer(c)]
        report = warm.run(_job(warm.root, sheet, alone, alone.index(cells[place])), seconds)
    verdict = without_bans(sheet, _judge(sheet, report), _source(cells, place))
    own = "" if place is None else plain_python(cells[place].source)
    verdict = with_changed_values(sheet, verdict, own)
    return Graded(_printable(verdict), report)


def _source(cells: list[Cell], place: int | None) -> str:
    """An answer's own source with its helpers: a banned name in a helper is still its use."""
    others = [plain_python(c.source) for c in cells if not is_answer(c)]
    if place is None:
        return "\n".join(others)
    return with_helpers(plain_python(cells[place].source), others)


def _job(root: Path, sheet: Sheet, cells: list[Cell], place: int | None) -> bytes:
    return pack(
        {
            "name": sheet.name,
            "cells": [cell.source for cell in cells],
            # Without their labels: "an honest model" would tell the answer.
            "cases": [shallow(replace(case, label="")) for case in sheet.cases],
            "answers": -1 if place is None else place,
            "lent": lent(root, sheet.id[:2]),
        }
    )


def _judge(sheet: Sheet, report: Report) -> Verdict:
    """The verdict on a report. It comes from untrusted hands: anything odd is no result."""
    common = {"id": sheet.id, "title": sheet.title, "out_of": sheet.points}
    if report.timed_out:
        told = f"your code was still running after {report.seconds:.0f} seconds"
        return Verdict(state="crashed", summary=told, **common)
    if not report.frame:
        how = f"by signal {report.signal}" if report.signal else f"with exit code {report.exit}"
        return Verdict(state="crashed", summary=f"your code ended Python {how}", **common)
    try:
        told = unpack(report.frame)
        if "outcomes" in told:
            return judge_outcomes(sheet, _fitting(sheet, outcomes_from(told["outcomes"])))
        if "stopped" in told:
            lines = tuple(str(line) for line in told["stopped"])
            return Verdict(state="crashed", summary="its cell stopped", crash=lines, **common)
        if "not_callable" in told:
            summary = f"`{sheet.name}` is a {str(told['not_callable'])[:60]}, not something to call"
            return Verdict(state="wrong", summary=summary, **common)
        summary = f"nothing defines `{sheet.name}`"
        return Verdict(state="not attempted", summary=summary, **common)
    except Exception:  # float8, 10**400 and the like: whatever comparing them raises
        return Verdict(state="crashed", summary="your code returned no readable result", **common)


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
        details=tuple(map(_line, verdict.details[:LINES_CAP])),
        crash=tuple(map(_line, verdict.crash[:LINES_CAP])),
    )


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:TEXT_CAP])
