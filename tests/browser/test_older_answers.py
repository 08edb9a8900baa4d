"""A check below a cell that stopped or was renamed says so in its headline."""

import nbformat
import pytest
from driving import CODE, READY, notebook_of, open_notebook, shoot

GOOD = "def scores(query, keys):\n    return keys @ query"
CELLS = ["import torch\nfrom course_lib.check import check", GOOD, 'check("00.scores", scores)']
HEADLINE = ".course-panel strong"
EARLIER = "An earlier version was judged"


@pytest.fixture(scope="module")
def checked(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "older.ipynb")
    open_notebook(page, lab, "older.ipynb")
    return page


def write_and_run(page, text):
    """Put a text into the answer's cell, run it and the check below, as a learner does."""
    page.locator(".jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    for place in (1, 2):  # a cell that stops takes those that wait behind it along
        press_run(page, place)


def press_run(page, place):
    count = f"{CODE}[{place}].executionCount"
    before = page.evaluate(count)
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(f"before => {count} && {count} !== before", arg=before)
    page.wait_for_function(READY)


def headline(page, starts):
    page.locator(HEADLINE, has_text=starts).wait_for()
    return page.locator(".course-panel").inner_text()


def test_a_first_attempt_that_stopped_says_which_cell_and_why(checked):
    checked.locator(".jp-CodeCell .cm-content").first.click()
    press_run(checked, 0)
    write_and_run(checked, GOOD.replace("):", ")"))
    told = headline(checked, "! Your code stopped: Compare one vector with many")
    assert "cell [2] stopped without defining scores" in told
    assert "SyntaxError: expected ':'" in told and "line 1: def scores(query, keys)" in told
    shoot(checked, "older-first")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD.replace("):", ")"), "stopped without defining scores (SyntaxError: expected ':')"),
        (GOOD.replace("scores", "score"), "defines score, not scores"),
    ],
)
def test_an_answer_changed_since_is_not_called_right(checked, text, why):
    write_and_run(checked, GOOD)
    assert "agrees with the reference" in headline(checked, "✓ Right")
    write_and_run(checked, text)
    told = headline(checked, EARLIER)
    assert f"{why}: this judges the scores that an earlier cell defined, which is right" in told
    assert "✓" not in told and "point" not in told
    shoot(checked, "older-changed")


def test_run_again_it_is_judged_again(checked):
    write_and_run(checked, GOOD)
    headline(checked, "✓ Right")
