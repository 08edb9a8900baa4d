"""Learners run cells again: each of a page twice in a row, then all once more, in one kernel.

A cell that trains runs once in the first round, not twice in a row: that would be minutes.
"""

import json
import time

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from course_lib.commands.build import execute
from course_lib.paths import ROOT

PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


PATIENCE = 2  # seconds


class Twice(NotebookClient):
    """Runs each cell again before the next, unless it took long or comes again anyway."""

    async def async_execute_cell(self, cell, cell_index, **given):
        began = time.monotonic()
        ran = await super().async_execute_cell(cell, cell_index, **given)
        if time.monotonic() - began < PATIENCE and cell["metadata"].get("round") != 2:
            ran = await super().async_execute_cell(cell, cell_index, **given)
        return ran


def code_cells(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return notebook, [cell | {"outputs": [], "execution_count": None} for cell in cells]


def again(notebook, cells, rounds=1):
    """A notebook of these cells, which come as often as there are rounds."""
    named = []
    for number, cell in enumerate(cells * rounds):
        metadata = cell["metadata"] | {"round": 1 + number // len(cells)}
        named.append(cell | {"id": f"cell-{number:04d}", "metadata": metadata})
    return notebook | {"cells": named}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_cell_can_be_run_again(path, monkeypatch):
    monkeypatch.setenv("COURSE_TEST", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook, cells = code_cells(path)
    try:
        execute(again(notebook, cells, rounds=2), path.parent, Twice)
    except CellExecutionError as error:
        pytest.fail(str(error)[-3000:], pytrace=False)


def test_a_cell_that_works_only_once_is_found():
    notebook = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    cells = [
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": text,
        }
        for text in ("rows = [3]", "assert rows.pop() == 3")
    ]
    with pytest.raises(CellExecutionError, match="IndexError"):
        execute(again(notebook, cells), ROOT, Twice)
