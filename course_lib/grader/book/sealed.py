"""Reading and cutting up what a student handed in, done by a sealed child with limits.

A file can be made to take long to read, or all memory, and so can code to be looked through. That
child runs nothing of it.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from course_lib.notebooks import Cell, without_solution

from ..course.files import solution_cells
from ..course.finding.candidates import shown
from ..course.setup import provided
from ..judging.frames import FrameError, pack, unpack
from ..running.reading.handed_in import MAX_CODE, MAX_FILE
from ..running.slicing.plans import MOST, Plan, Wanted
from ..running.slicing.slices import Slice
from ..running.warm import Limits, Report
from .patience import Patient, Runner

BUDGET = 60.0  # seconds of processor time
READING = Limits(seconds=5.0, prepare=5.0, wall=60.0, memory=2 << 30)


def read_file(warm: Runner, path: Path) -> list[Cell]:
    """The cells of a file, code in plain Python. Raises ValueError or OSError, saying why not."""
    size = path.stat().st_size
    if size > MAX_FILE:
        raise ValueError(
            f"{path.name} has {size >> 20} MiB, more than the {MAX_FILE >> 20} allowed"
        )
    return Reader(warm)(path.read_bytes(), path.name)


class Reader:
    """Reads one student's files, and no more of them when they have cost too much together."""

    def __init__(self, warm: Runner) -> None:
        self.warm, self.sealed, self.began = warm, 0.0, time.process_time()

    def afford(self) -> None:
        """Raises ValueError where the files before took all that a student's files may take."""
        spent = self.sealed + time.process_time() - self.began
        if spent > BUDGET:
            told = f"not read: the files before it took {spent:.0f} seconds of processor time"
            raise ValueError(f"{told}, and {BUDGET:.0f} are for all of a student's")

    def __call__(self, data: bytes, name: str) -> list[Cell]:
        """The cells in a file's bytes, code in plain Python. Raises ValueError, saying why not."""
        self.afford()
        if not data:
            raise ValueError("it is empty")
        tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        report = self.warm.run(pack({"job": "read", "name": name, "data": tensor}), READING)
        self.sealed += report.cpu
        told = _answer(report, f"{name} can't be read")
        if "refused" in told:
            raise ValueError(str(told["refused"]))
        try:
            return [
                Cell(str(kind), str(text), tuple(map(str, tags)), ran=int(ran))
                for kind, text, tags, ran in told["cells"]
            ]
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError("it can't be read") from error


def plan(
    warm: Runner,
    chapter: str,
    cells: list[Cell],
    wanted: list[Wanted],
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[list[Plan], list[int]]:
    """What to run for each exercise of a chapter, and the cells that none needs.

    `values` are those of the student's own exercises, with which cells were handed out. Raises
    ValueError for cells that can't be cut up within the limits, also those of a Patient.
    """
    given = [c for c in solution_cells(warm.root, chapter, values) if c.kind == "code"]
    job = {
        "job": "plan",
        "cells": [[cell.kind, cell.source, list(cell.tags), cell.ran] for cell in cells],
        "wanted": [[each.id, each.name, each.stub] for each in wanted],
        "provided": sorted(provided(warm.root, chapter)),
        "handed_out": [without_solution(cell.source).strip() for cell in given],
    }
    run = warm.cut if isinstance(warm, Patient) else warm.run
    told = _answer(run(pack(job), READING), "the code can't be cut up")
    try:
        made = [_plan_from(each, len(cells)) for each in told["plans"]]
        left = [int(i) for i in told["left"] if 0 <= int(i) < len(cells)]
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError("the code can't be cut up") from error
    if len(made) != len(wanted):
        raise ValueError("the code can't be cut up")
    return made, left


def first_line(source: str) -> str:
    """How a cell begins, to be recognised by, without what moves a terminal's cursor."""
    return shown(source.strip().split("\n")[0][:60])


def _plan_from(made: dict, cells: int) -> Plan:
    """A plan as an honest child makes it. Raises ValueError for any other make."""
    pieces = [
        Slice(int(s["cell"]), str(s["own"]), tuple((int(i), str(text)) for i, text in s["pieces"]))
        for s in made["slices"]
    ]
    sizes = [len(text) for each in pieces for _, text in each.pieces]
    places = [i for each in pieces for i in (each.cell, *(i for i, _ in each.pieces))]
    if (
        len(pieces) > MOST
        or sum(sizes) > MOST * MAX_CODE
        or not all(0 <= i < cells for i in places)
    ):
        raise ValueError("a plan that no notebook has")
    where, crash, unread = (tuple(map(str, made[name])) for name in ("where", "crash", "unread"))
    return Plan(tuple(pieces), where, str(made["absent"]), crash, unread)


def _answer(report: Report, what: str) -> dict:
    """What the child told. Raises ValueError for none."""
    if not report.frame:
        why = "takes too long" if report.timed_out or report.signal else "takes too much memory"
        raise ValueError(f"{what}: it {why}")
    try:
        return dict(unpack(report.frame))
    except FrameError as error:
        raise ValueError(f"{what} ({error})") from error
