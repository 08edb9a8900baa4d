"""The sealed side: read a file, cut out what answers need, run one with an exercise's cases."""

import contextlib
import math
from dataclasses import asdict, dataclass, field
from time import process_time  # here, before a cell binds `time.process_time`
from typing import Any

import torch

from course_lib.notebooks import Cell

from ..judging.errors.crash import LONGEST
from ..judging.flat import case_from, shallow
from ..judging.frames import pack, unnested, unpack
from ..judging.outcome import run_case
from .cells import fresh_namespace, run_cell, run_pieces
from .library import lend_all
from .nowhere import give_nowhere
from .reading.handed_in import cells_in
from .reading.plain import readable_cells
from .slicing.plans import Wanted, plans
from .waiting import give_loops

try:
    from resource import RLIM_INFINITY, RLIMIT_CPU, getrlimit, setrlimit
except ImportError:  # Windows has no such limits
    setrlimit = None

TEXT_CAP = 300
FAILED_CAP, TAGS_CAP = 3, 20
MAX_JOB = 80 << 20


@dataclass(frozen=True)
class Job:
    """What a child that runs an answer is told. It never holds an expected value.

    `setup` are the course's own cells, `pieces` what is taken of the learner's, each with its place
    in the notebook, and `cell` is the place of the answer itself.
    """

    name: str
    cases: torch.Tensor  # a frame
    pieces: list[tuple[int, str]]
    cell: int
    setup: list[str] = field(default_factory=list)
    lent: dict[str, str] = field(default_factory=dict)  # parts of the library, by module
    seconds: float = 5.0  # of processor time, for the cases alone


def do(data: bytes) -> bytes:
    """Do a job, which is a frame; so is the report."""
    told = unpack(data, MAX_JOB)
    return pack({"read": read, "plan": plan, "run": run}[told.pop("job")](**told))


def read(name: str, data: torch.Tensor) -> dict:
    """The cells of a file, its code in plain Python; or why it can't be read."""
    try:
        cells = readable_cells(cells_in(data.numpy().tobytes(), name))
    except ValueError as error:
        return {"refused": str(error)[:TEXT_CAP]}
    return {
        "cells": [
            [c.kind, _headings(c), [t[:TEXT_CAP] for t in c.tags[:TAGS_CAP]], c.ran] for c in cells
        ]
    }


def _headings(cell: Cell) -> str:
    """A cell's source; of text only what the grader looks at, for it may hold large pictures."""
    if cell.kind == "code":
        return cell.source
    lines = [line for line in cell.source.splitlines() if line.startswith("#")]
    return "\n".join(line[:TEXT_CAP] for line in lines[:20])


def plan(cells: list, wanted: list, provided: list, handed_out: list) -> dict:
    """What to run of a notebook for each of the exercises `wanted`."""
    read = [Cell(kind, source, tuple(tags), ran=ran) for kind, source, tags, ran in cells]
    exercises = [Wanted(*each) for each in wanted]
    made, left = plans(read, exercises, frozenset(provided), frozenset(handed_out))
    return {"plans": [asdict(each) for each in made], "left": left}


def run(**told: Any) -> dict:
    """Run the cells that an answer needs, then the cases."""
    job = Job(**told)
    give_nowhere()
    give_loops()
    lend_all(job.lent)
    with fresh_namespace() as namespace:
        return _run(job, namespace)


def _run(job: Job, namespace: dict[str, Any]) -> dict:
    for source in job.setup:
        run_cell(source, namespace, 0)
    failed = run_pieces(job.pieces, job.cell, job.name, namespace)
    said: dict[str, Any] = {
        "failed": [[cell, capped(lines)] for cell, lines in failed[:FAILED_CAP]]
    }
    if job.name not in namespace:
        return said | {"missing": True}
    answer = namespace[job.name]
    if not callable(answer):
        return said | {"not_callable": type(answer).__name__}
    cases = [case_from(case) for case in unnested(job.cases)]
    limit_calls(job.seconds)
    outcomes = [run_case(answer, case) for case in cases]
    return said | {"outcomes": [shallow(o) | {"crash": capped(o.crash)} for o in outcomes]}


def limit_calls(seconds: float) -> None:
    """From here on, cap the processor time; imports and cells have their own, larger limit."""
    if setrlimit is None:
        return
    end, (_, hard) = math.ceil(process_time() + seconds), getrlimit(RLIMIT_CPU)
    if hard != RLIM_INFINITY:
        end = min(end, hard - 1)  # the first limit's signal says what happened
    with contextlib.suppress(OSError, ValueError):
        setrlimit(RLIMIT_CPU, (end, end + 1))


def capped(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A learner's own text, cut to a length that fits a report."""
    return tuple(line[:LONGEST] for line in lines[:3])
