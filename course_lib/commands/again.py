"""Learners run cells again: after a page has passed, each of its cells runs twice more.

A plugin of pytest, for use beside nbval: `pytest -p course_lib.commands.again --nbval …`. All goes
on in the page's own kernel, and what is printed is compared in the first round alone.
"""

import time

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from course_lib.commands.reports import AGAIN

PATIENCE = 2  # seconds: a cell that trains runs once more, not twice in a row, for minutes


class Again(IPyNbCell):
    """A cell that runs twice in a row, unless it took long."""

    def runtest(self) -> None:
        """Raises nbval's error where the cell stops."""
        began = time.monotonic()
        super().runtest()
        if time.monotonic() - began < PATIENCE:
            super().runtest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Behind the cells of each notebook come the same once more."""
    pages: dict[IPyNbFile, list[IPyNbCell]] = {}
    for item in items:
        if isinstance(item, IPyNbCell):
            pages.setdefault(item.parent, []).append(item)
    for page, cells in pages.items():
        end = items.index(cells[-1]) + 1
        items[end:end] = [_again(page, cell) for cell in cells]


def _again(page: IPyNbFile, cell: IPyNbCell) -> Again:
    options = cell.options | {"check": False}
    kept = {"cell_num": cell.cell_num, "cell": cell.cell, "options": options}
    return Again.from_parent(page, name=cell.name + AGAIN, **kept)
