"""Grade one student's work: a task that lives in a module, so that workers can import it.

Each process that grades keeps one warm process.
"""

import platform
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ..course.files import chapters_of, exercises, stamp
from ..course.finding.facts import chapter_facts
from ..course.finding.work import Unused, Used, find_work
from ..course.lent import lent
from ..judging.verdict import Verdict
from ..running import seal
from ..running.cold import Cold
from ..running.ending import PATIENCE
from ..running.warm import GRACE, Report, Warm
from .gradebook import row
from .grading import Graded, grade_cells
from .lanes import in_time
from .memory import within
from .patience import Patient
from .sealed import Reader
from .unused import in_common, listed

NAMED = 20  # cells that no answer needs, listed
# A cluster's worker may have threads, but a process has one warm process.
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Task:
    """A student's work and how to grade it, with the values of the student's own by exercise."""

    root: Path
    folder: Path
    chapters: tuple[str, ...]
    seed: int
    level: str
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    shelf: Path | None = None  # where the sheets of this run are shared


def grade_student(task: Task) -> tuple[list[dict], dict[str, str]]:
    """Every exercise of the chapters, graded; a chapter not handed in is not attempted.

    Also gives a digest of the student's file for each chapter of the course.

    Raises OSError where this machine can't reach the task's level of isolation, and TooMuchMemory.
    """
    level_for(task.level)  # a worker of a cluster may be another machine
    if not task.folder.is_dir():
        raise FileNotFoundError(f"{task.folder} is not there; workers need the same folders")
    about = {
        "seed": task.seed,
        "isolation": task.level,
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }
    with ONE_AT_A_TIME, in_time(patience(task)), within():
        torch.set_num_threads(1)  # as many as there are processes would wait for each other
        warm = runner(task.root, task.level)
        facts = [chapter_facts(task.root, chapter) for chapter in chapters_of(task.root)]
        work = find_work(task.folder, facts, Reader(warm))
        about["folder"] = work.digest
        about["files_not_used"] = listed(work.unused)
        patient = Patient(warm)
        rows = [
            row(task.folder.name, graded, **about, **_values(task, graded), **told)
            for chapter in task.chapters
            for graded, told in _chapter(patient, task, chapter, work.used[chapter], work.unused)
        ]
    left = in_common(rows)
    for each in rows:
        each["cells_not_used"] = left.get(each["file"], [])[:NAMED]
    return rows, {chapter: used.work if used else "" for chapter, used in work.used.items()}


def _values(task: Task, graded: Graded) -> dict[str, Any]:
    id = graded.verdict.id
    return {"values": task.values.get(id, {}), "key": stamp(task.root, id[:2])}


def patience(task: Task) -> float:
    """Seconds that grading a student may take: if all of the answers hang, and then some more.

    An answer's tries end once they took its limit, in all files together: the last one begins
    before that, and may take the limit once more; on a busy machine it takes `PATIENCE` times it.
    """
    asked = [e for e in exercises(task.root) if e.chapter in task.chapters]
    return 600 + 100 * len(task.chapters) + sum((1 + PATIENCE) * (e.wall + GRACE) for e in asked)


def _chapter(
    warm: Patient, task: Task, chapter: str, used: Used | None, unused: tuple[Unused, ...]
) -> Iterator[tuple[Graded, dict[str, Any]]]:
    """A chapter's exercises, graded, and what else their lines say."""
    asked = exercises(task.root, chapter)
    if used is None:
        told = f"no notebook of chapter {chapter} was handed in" + _others(unused)
        about = {"work": "", "file": "", "changed": None, "cells_not_used": []}
        for e in asked:
            verdict = Verdict(e.id, e.title, "not attempted", told, out_of=e.points)
            yield Graded(verdict, Report(b"", b"")), about
        return
    best = _graded(warm, task, used, [e.id for e in asked])
    left = {e.id: e.wall - best[e.id][0].spent for e in asked}
    for other in used.more:  # two files may hold a half each
        # Whose tries took their time already, asleep perhaps, has no more in another file.
        open_ids = [id for id, (each, _) in best.items() if _is_open(each) and left[id] > 0]
        for id, (each, about) in _graded(warm, task, other, open_ids).items():
            left[id] -= each.spent
            if each.verdict.points > best[id][0].verdict.points:
                best[id] = (each, about)
    for each, about in best.values():
        told = ", ".join(filter(None, (f"`{about['file']}`", each.verdict.where)))
        verdict = replace(each.verdict, where=told)
        yield replace(each, verdict=verdict), about | {"work": used.work}


def _is_open(graded: Graded) -> bool:
    """May another file do better? What ran out of time has had its share."""
    report = graded.report
    return graded.verdict.state != "right" and not (report.timed_out or report.signal)


def _graded(
    warm: Patient, task: Task, used: Used, ids: list[str]
) -> dict[str, tuple[Graded, dict[str, Any]]]:
    """Exercises of one file, graded, with what their lines say about the file."""
    if not ids:
        return {}
    cells = list(used.cells)
    graded, left = grade_cells(warm, cells, ids, task.seed, task.values, task.shelf, used.label)
    changed = used.changed and used.changed.isoformat(timespec="seconds")
    about = {"file": used.label, "cells_not_used": left, "changed": changed}
    about |= {"copies": list(used.copies)} if used.copies else {}
    return {each.verdict.id: (each, about) for each in graded}


def _others(unused: tuple[Unused, ...]) -> str:
    """Files that were handed in and are none, in a few words."""
    told = [f"`{label}` is not used: {reason}" for label, reason in listed(unused[:3])]
    return "".join(f"; {each}" for each in told)


@cache
def runner(root: Path, level: str) -> Warm | Cold:
    """One warm process for each process that grades."""
    if sys.platform != "linux":
        return Cold(root)
    return Warm(root, level, (part for c in chapters_of(root) for part in lent(root, c).items()))


def level_for(required: str | None) -> str:
    """The level to grade under. Raises OSError, with what is missing, below the one required."""
    level, missing = seal.reachable()
    if required and seal.LEVELS.index(level) > seal.LEVELS.index(required):
        raise OSError(f"isolation {required!r} is not to be had here: {missing}")
    return level
