"""Learners run cells again: each one twice in a row, then all once more, in the same kernel."""

import json

import pytest
from nbclient.exceptions import CellExecutionError

from course_lib.commands.build import execute
from course_lib.paths import ROOT

PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def code_cells(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return notebook, [cell | {"outputs": [], "execution_count": None} for cell in cells]


def again(notebook, cells):
    """A notebook of these cells, which may come several times."""
    named = [cell | {"id": f"cell-{number:04d}"} for number, cell in enumerate(cells)]
    return notebook | {"cells": named}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_cell_can_be_run_again(path, monkeypatch):
    monkeypatch.setenv("COURSE_TEST", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook, cells = code_cells(path)
    twice = [cell for cell in cells for _ in range(2)]
    try:
        execute(again(notebook, twice + cells), path.parent)
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
        execute(again(notebook, [cells[0], cells[1], cells[1]]), ROOT)
