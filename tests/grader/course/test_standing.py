"""A check goes by what stands in the cells now, where the front end tells which one ran."""

import pytest

SETUP = "import torch\nfrom course_lib.check import check"
CHECK = ("c", "check('02.attention-weights', attention_weights)")
WEIGHTS = "def attention_weights(q, k):\n    return (q @ k.T / k.shape[-1] ** root).softmax(-1)"
HALF = "def half():\n    return {}"
WITH_HALF = WEIGHTS.replace("root", "half()")
SOFT = "def soft(x):\n    return x.softmax(-1)"
BY_HAND = """def soft(x):
    x = (x - x.amax(-1, keepdim=True)).exp()
    return x / x.sum(-1, keepdim=True)"""
ATTENTION = (
    "def attention(q, k, v):\n    return soft(q @ k.transpose(-2, -1) / k.shape[-1] ** 0.5) @ v"
)
CHECK_2 = ("c", "check('02.attention', attention)")
# Cells as they ran, each its name and its text then; a check as it was before follows at the end.
EDITED = {
    "a constant above": [("a", "root = 1"), ("b", WEIGHTS), CHECK, ("a", "root = 0.5")],
    "a helper above": [("a", HALF.format(1)), ("b", WITH_HALF), CHECK, ("a", HALF.format(0.5))],
    "a helper above that read a file": [
        *(("a", HALF.format("0.5 if open('/dev/null') else 1")), ("b", WITH_HALF), CHECK),
        ("a", HALF.format(0.5)),
    ],
    "a helper above that used what is banned": [
        *(("a", SOFT), ("b", ATTENTION), CHECK_2, ("a", BY_HAND)),
    ],
    "a cell between answer and check": [
        *(("b", WEIGHTS), ("a", "root = 1"), CHECK, ("a", "root = 0.5")),
    ],
    "a line that was taken out": [
        *(("a", "root = 0.5"), ("s", "1 / 0\nroot = 1"), ("b", WEIGHTS), CHECK, ("s", "1 + 1")),
    ],
    "a line that ran twice and was taken out": [
        *(("a", "root = 0.5"), ("s", "root += 0"), ("s", "root += 0"), ("b", WEIGHTS), CHECK),
        *(("s", "1 + 1"), ("a", "root = 0.5")),
    ],
    "a cell put in above": [
        *(("a", "root = 1"), ("b", WEIGHTS), CHECK, ("z", "one = 1"), ("a", "root = one / 2")),
    ],
    "a helper of an answer that is called otherwise": [
        *(("a", HALF.format(1)), ("b", WITH_HALF.replace("attention_", ""))),
        *(("c", "check('02.attention-weights', weights)"), ("a", HALF.format(0.5))),
    ],
    "the answer": [
        *(("a", "root = 0.5"), ("b", WEIGHTS.replace("k.T", "-k.T")), CHECK, ("b", WEIGHTS)),
    ],
}


@pytest.fixture
def verdicts(session, monkeypatch):
    """Runs cells of these names and texts; gives what was shown."""
    shown = []
    monkeypatch.setattr("course_lib.check.panel", shown.append)

    def verdicts(*cells, ids=True):
        for name, text in (("setup", SETUP), *cells):
            session(text, cell_id=name if ids else None)
        return shown

    return verdicts


@pytest.mark.parametrize("name", EDITED)
def test_of_a_cell_that_was_edited_the_newest_text_counts(verdicts, name):
    cells = EDITED[name]
    again = next(cell for cell in cells if cell[0] == "c")
    first, last = verdicts(*cells, again)
    assert first.state == "wrong" or first.notes
    assert last.state == "right" and not last.notes, last


@pytest.mark.parametrize("ids", [True, False])
def test_an_edited_helper_that_uses_what_is_banned_is_told(verdicts, ids):
    cells = ("a", BY_HAND), ("b", ATTENTION), CHECK_2, ("a", SOFT), CHECK_2
    first, last = verdicts(*cells, ids=ids)
    assert first.state == "right" and not first.notes
    assert last.state == "wrong" and "softmax" in last.summary


def test_what_no_cell_makes_is_told(verdicts):
    given = ("z", "get_ipython().user_ns.update(root=0.5)")
    (told,) = verdicts(("a", "root = 1"), ("b", WEIGHTS), ("a", "root = 2"), given, CHECK)
    assert told.state == "right"
    assert told.notes == ("`root` is 0.5 here; when this is graded, `root = 2` makes it 2",)


def test_a_line_that_was_taken_out_is_not_there(verdicts):
    (told,) = verdicts(("a", "root = 0.5"), ("b", WEIGHTS), ("a", "1 + 1"), CHECK)
    assert told.state == "right" and "`root` is not there when this is graded" in told.notes[0]


def test_below_an_answer_whose_cell_stopped_what_is_judged_is_found(verdicts):
    (told,) = verdicts(("a", "root = 0.5"), ("b", WEIGHTS), ("b", WEIGHTS.replace(":", "")), CHECK)
    assert told.state == "earlier" and not told.notes


def test_without_ids_an_order_of_cells_that_fits_the_session_is_taken(verdicts):
    cells = ("a", "root = 1"), ("b", WEIGHTS), ("a", "root = 0.5"), CHECK
    (told,) = verdicts(*cells, ids=False)
    assert told.state == "right" and not told.notes
