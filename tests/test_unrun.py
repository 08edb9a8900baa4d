"""A check below an answer that never ran, in a real kernel."""

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

SETUP = "from course_lib.check import check"


def outputs_of(*cells):
    """The outputs of the last of some cells, whether it stops or not."""
    book = new_notebook(cells=[new_code_cell(each) for each in (SETUP, *cells)])
    client = NotebookClient(book, timeout=120, allow_errors=True)
    client.execute()
    return book.cells[-1].outputs


@pytest.mark.parametrize(
    "cell",
    [
        "check('00.scores', scores)",
        "x = 1\ncheck(\n    '00.scores',\n    scores,\n)",
    ],
)
def test_a_check_of_a_name_that_is_not_there_says_which_cell_to_run(cell):
    (shown,) = outputs_of(cell)
    assert shown.output_type == "display_data"
    assert "nothing is called `scores` yet" in shown.data["text/plain"]
    assert "[not attempted] 00.scores" in shown.data["text/plain"]


def test_a_check_below_a_first_attempt_that_stopped_says_so_and_why():
    attempt = "import torch\n\ndef scores(query, keys)\n    return keys @ query"
    (shown,) = outputs_of(attempt, "check('00.scores', scores)")
    assert shown.data["text/plain"].splitlines() == [
        "[crashed] 00.scores: cell [2] stopped without defining `scores`",
        "  SyntaxError: expected ':'",
        "  line 3: def scores(query, keys)",
    ]
    assert "! Your code stopped: Compare one vector with many" in shown.data["text/html"]
    (shown,) = outputs_of("import nothing_here\nscores = 1", "x = 2", "check('00.scores', scores)")
    assert "[not attempted] 00.scores" in shown.data["text/plain"]


def test_a_check_below_a_first_attempt_under_another_name_says_which():
    (shown,) = outputs_of("def score(q, k):\n    return k @ q", "check('00.scores', scores)")
    assert shown.data["text/plain"].endswith("then this one; cell [2] defines `score`")


DEMO = """def shown(of):
    return of

try:
    print(shown(scores))
finally:
    pass"""


@pytest.mark.parametrize(
    "above",
    [
        DEMO,  # it stops for the same reason
        DEMO.replace("print", "prin(t"),
        "def test_of_mine():\n    assert scores is not None\n\ntest_of_mine()",
        "def dot_shape(a, b):\n    return a",  # another exercise's
    ],
)
def test_a_cell_that_only_uses_the_name_is_not_blamed(above):
    (shown,) = outputs_of(above, "check('00.scores', scores)")
    told = shown.data["text/plain"]
    assert "[not attempted] 00.scores: nothing is called `scores` yet" in told
    assert told.endswith("Run it (Shift+Enter), then this one")


@pytest.mark.parametrize(
    "cell",
    [
        "scores",
        "check('00.scores', lambda q, k: q)\nscores",
        "def f():\n    return scores\n\ncheck('00.scores', f())",
        "check('00.scores', scores.mine)\nx = other",
    ],
)
def test_other_missing_names_are_told_as_ever(cell):
    *_, shown = outputs_of(cell)
    assert shown.output_type == "error" and shown.ename == "NameError"
    assert "scores" in "".join(shown.traceback)


def test_running_all_cells_stops_there():
    book = new_notebook(cells=[new_code_cell(each) for each in (SETUP, "check('00.scores', nope)")])
    with pytest.raises(CellExecutionError):
        NotebookClient(book, timeout=120).execute()
