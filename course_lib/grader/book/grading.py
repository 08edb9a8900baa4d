"""Grade one submission: each answer runs in a sealed child, its outcomes are judged here."""

import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.notebooks import Cell

from ..course.files import find
from ..course.lent import lent
from ..course.setup import setup_cells
from ..course.submission import best_of, wanted
from ..judging.frames import pack
from ..judging.literals import with_changed_values
from ..judging.sheet import Sheet
from ..judging.verdict import Verdict, without_bans
from ..running.slicing.plans import Plan
from ..running.slicing.slices import Slice
from ..running.warm import Limits, Report
from .patience import Runner
from .reported import judge_report, printable
from .sealed import first_line, plan, read_file
from .shelf import shared_sheet


@dataclass(frozen=True)
class Graded:
    """A verdict, how the child that answered for it ended, and the seconds that all tries took."""

    verdict: Verdict
    report: Report
    spent: float = 0.0


def grade_submission(
    warm: Runner,
    path: Path,
    ids: list[str],
    seed: int,
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Graded]:
    """Grade the exercises `ids` of a notebook or script, with a student's values by id.

    A file that can't be read makes every exercise of it wrong, and says why; it never raises.
    """
    try:
        cells = read_file(warm, path)
    except (ValueError, OSError) as error:
        told = str(error).replace(str(path.parent), "").lstrip("/")
        yield from (refused(warm.root, id, told) for id in ids)
        return
    yield from grade_cells(warm, cells, ids, seed, values)[0]


def grade_cells(
    warm: Runner,
    cells: list[Cell],
    ids: list[str],
    seed: int,
    values: Mapping[str, Mapping[str, Any]] | None = None,
    shelf: Path | None = None,
    label: str = "",
) -> tuple[list[Graded], list[str]]:
    """Grade exercises of one chapter in cells of plain Python; and say which cells none needs.

    `label` is the file's, for a file that can't be cut up.
    """
    values = values or {}
    sheets = [
        shared_sheet(shelf, warm.root, i, seed ^ zlib.crc32(i.encode()), values.get(i)) for i in ids
    ]
    try:
        made, left = plan(warm, ids[0][:2], cells, [wanted(sheet) for sheet in sheets], values)
    except ValueError as error:
        told = f"`{label}`: {error}" if label else str(error)
        return [refused(warm.root, id, told) for id in ids], []
    held: list[frozenset] = []
    graded = [grade_exercise(warm, s, p, held) for s, p in zip(sheets, made, strict=True)]
    return graded, [f"cell {i + 1}, `{first_line(cells[i].source)}`" for i in left]


def grade_exercise(
    warm: Runner, sheet: Sheet, plan: Plan, held: list[frozenset] | None = None
) -> Graded:
    """Judge one exercise of a notebook: the best of what it holds for it.

    `held` are sets of pieces that the notebook's other exercises had to be ended over.
    """
    held = [] if held is None else held
    limits = Limits(sheet.seconds, wall=sheet.wall)
    reports: dict[Slice | None, Report] = {None: Report(b"", b"")}
    plan, fine = _spared(plan, held), list[Slice]()

    began = time.process_time()

    def spent() -> float:  # judging what an answer returned counts, too
        return sum(each.seconds for each in reports.values()) + time.process_time() - began

    def tried(made: Slice) -> tuple[Verdict, bool]:
        report = reports[made] = warm.run(_job(warm.root, sheet, made), limits)
        if report.frame:
            fine.append(made)
        elif any(each.own == made.own for each in fine):  # then other cells are what doesn't end
            held.append(frozenset(made.pieces).difference(*(each.pieces for each in fine)))
        verdict = with_changed_values(sheet, judge_report(sheet, report, limits), made.own)
        verdict = without_bans(sheet, verdict, made.source)
        return verdict, not report.frame or spent() > limits.wall

    verdict, best = best_of(sheet, plan, tried)
    return Graded(printable(verdict), reports[best], spent())


def _spared(plan: Plan, held: list[frozenset]) -> Plan:
    """A plan without the later tries that hold all of what held up another: they would hang too."""
    pairs = list(zip(plan.slices, plan.where, strict=True))
    rest = [(s, w) for s, w in pairs[1:] if not any(h and h <= set(s.pieces) for h in held)]
    kept = pairs[:1] + rest
    return replace(plan, slices=tuple(s for s, _ in kept), where=tuple(w for _, w in kept))


def _job(root: Path, sheet: Sheet, made: Slice) -> bytes:
    return pack(
        {
            "job": "run",
            "name": sheet.name,
            "cases": sheet.to_run,
            "pieces": list(made.pieces),
            "cell": made.cell,
            "setup": list(setup_cells(root, sheet.id[:2])),
            "lent": lent(root, sheet.id[:2]),
            "seconds": sheet.seconds,
        }
    )


def refused(root: Path, id: str, told: str) -> Graded:
    """No marks for an exercise whose file can't be graded, and why."""
    exercise = find(root, id)[1]
    verdict = Verdict(id, exercise.title, "wrong", told, out_of=exercise.points)
    return Graded(printable(verdict), Report(b"", b""))
