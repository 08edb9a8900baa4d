"""Reading and cutting up what a student handed in, done by a sealed child with limits.

A file can be made to take long to read, or all memory, and so can code to be looked through. That
child runs nothing of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from course_lib.notebooks import Cell, without_solution

from ..course.files import solution_cells
from ..course.setup import provided
from ..judging.frames import FrameError, pack, unpack
from ..running.cold import Cold
from ..running.slicing.plans import Plan, Wanted
from ..running.slicing.slices import Slice
from ..running.warm import Limits, Report, Warm

MAX_FILE = 64 << 20
READING = Limits(seconds=5.0, prepare=5.0, wall=60.0, memory=2 << 30)


def read_file(warm: Warm | Cold, path: Path) -> list[Cell]:
    """The cells of a file, code in plain Python. Raises ValueError or OSError, saying why not."""
    size = path.stat().st_size
    if size > MAX_FILE:
        raise ValueError(
            f"{path.name} has {size >> 20} MiB, more than the {MAX_FILE >> 20} allowed"
        )
    return read(warm, path.read_bytes(), path.name)


def read(warm: Warm | Cold, data: bytes, name: str) -> list[Cell]:
    """The cells in a file's bytes, code in plain Python. Raises ValueError, saying why not."""
    if not data:
        raise ValueError(f"{name} is empty")
    job = {
        "job": "read",
        "name": name,
        "data": torch.frombuffer(bytearray(data), dtype=torch.uint8),
    }
    told = _answer(warm.run(pack(job), READING), f"{name} can't be read")
    if "refused" in told:
        raise ValueError(f"{name}: {told['refused']}")
    return [
        Cell(str(kind), str(source), tuple(map(str, tags))) for kind, source, tags in told["cells"]
    ]


def plan(
    warm: Warm | Cold,
    chapter: str,
    cells: list[Cell],
    wanted: list[Wanted],
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[list[Plan], list[int]]:
    """What to run for each exercise of a chapter, and the cells that none needs.

    `values` are those of the student's own exercises, with which cells were handed out. Raises
    ValueError for cells that can't be cut up within the limits.
    """
    given = [c for c in solution_cells(warm.root, chapter, values) if c.kind == "code"]
    job = {
        "job": "plan",
        "cells": [[cell.kind, cell.source, list(cell.tags)] for cell in cells],
        "wanted": [[each.id, each.name, each.stub] for each in wanted],
        "provided": sorted(provided(warm.root, chapter)),
        "handed_out": [without_solution(cell.source).strip() for cell in given],
    }
    told = _answer(warm.run(pack(job), READING), "the code can't be cut up")
    return [_plan_from(made) for made in told["plans"]], [int(i) for i in told["left"]]


def first_line(source: str) -> str:
    """How a cell begins, to be recognised by."""
    return source.strip().split("\n")[0][:60]


def _plan_from(made: dict) -> Plan:
    pieces = [
        Slice(int(s["cell"]), str(s["own"]), tuple((int(i), str(text)) for i, text in s["pieces"]))
        for s in made["slices"]
    ]
    texts = [tuple(map(str, made[name])) for name in ("where", "crash")]
    return Plan(tuple(pieces), texts[0], str(made["absent"]), texts[1])


def _answer(report: Report, what: str) -> dict:
    """What the child told. Raises ValueError for none."""
    if not report.frame:
        why = "takes too long" if report.timed_out or report.signal else "takes too much memory"
        raise ValueError(f"{what}: it {why}")
    try:
        return dict(unpack(report.frame))
    except FrameError as error:
        raise ValueError(f"{what} ({error})") from error
