import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib.grader.course.ran import watch_cells


@pytest.fixture
def session(monkeypatch):
    """Runs cells as a notebook does: a text, and the id of its cell where the front end tells."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    watch_cells()
    yield lambda source, **cell: shell.run_cell(source, store_history=True, **cell)
    InteractiveShell.clear_instance()
