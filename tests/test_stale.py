"""In a kernel of its own, cell by cell, as a learner runs them."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib.grader.course.ran import watch_cells

CHECK = "from course_lib.check import check\nprint(check('00.scores', scores))"
OF_A_CLASS = CHECK.split("\n")[0] + "\nprint(check('07.swiglu', SwiGLU))"
GOOD = "def scores(query, keys):\n    return keys @ query\n"
NOTE = "this judges the `scores` that an earlier cell defined"


@pytest.fixture
def said(capsys, monkeypatch):
    """What the last of some cells prints; the front end tells which cell it is where an id does."""
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)

    watch_cells()

    def said(*cells):
        for cell in cells:
            id, text = cell if isinstance(cell, tuple) else (None, cell)
            capsys.readouterr()
            shell.run_cell(text, store_history=True, cell_id=id)
        return capsys.readouterr().out

    yield said
    shell.history_manager.end_session()


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        (GOOD.replace("):", ")"), "SyntaxError: expected ':'"),
        (f"1 / 0\n{GOOD}", "ZeroDivisionError: division by zero"),
        ("import nothing_here\n" + GOOD, "ModuleNotFoundError: No module named 'nothing_here'"),
        (f"def helper(:\n    pass\n\n{GOOD}", "SyntaxError: invalid syntax"),
    ],
)
def test_after_a_cell_that_stopped_the_panel_says_what_it_judges(said, cell, error):
    told = said("import torch", GOOD, cell.replace("keys @", "keys  @"), CHECK)
    first = (
        f"cell [3] stopped without defining `scores` ({error}): {NOTE}, which is right and agrees"
    )
    assert f"[earlier] 00.scores: {first}" in told.splitlines()[0]


def test_an_untouched_answer_below_a_cell_that_stopped_is_not_called_untouched(said):
    stub = 'def scores(query, keys):\n    """(feature,), (key, feature) -> (key,): the dot product '
    stub += 'with each row."""\n    raise NotImplementedError("your turn")\n'
    assert "the cell is as handed out" in said("import torch", stub, CHECK)
    told = said(stub, GOOD.replace("):", ")"), CHECK)
    assert "[crashed] 00.scores: cell [5] stopped without defining `scores`" in told
    assert "  SyntaxError: expected ':'\n  line 1: def scores(query, keys)\n" in told
    assert NOTE not in told and "as handed out" not in told


@pytest.mark.parametrize("own", ["In, Hidden, Out = 5, 8, 2", "In = [1, 2]", "In = 'ab'", "del In"])
def test_a_name_in_of_ones_own_changes_nothing(said, own):
    assert "[right]" in said("import torch", GOOD, own, CHECK)
    told = said(own, GOOD.replace("):", ")"), CHECK)
    assert "[earlier] 00.scores: cell [6] stopped without defining `scores` (SyntaxError" in told


def test_cells_between_the_one_that_stopped_and_the_check_change_nothing(said):
    told = said("import torch", GOOD, GOOD.replace("):", ")"), "x = 1", "print(x)", CHECK)
    assert f"cell [3] stopped without defining `scores` (SyntaxError: expected ':'): {NOTE}" in told
    assert "[right]" in said(GOOD, CHECK)  # defined again


def test_an_older_answer_that_is_wrong_or_not_written_is_told_to_be_older(said):
    told = said(
        "import torch", GOOD.replace("query\n", "query + 1\n"), GOOD.replace("):", ")"), CHECK
    )
    assert f"{NOTE}, which is not right yet: " in told and "[earlier]" in told
    stub = GOOD.replace("return keys @ query", "raise NotImplementedError('your turn')")
    told = said(stub, stub.replace("scores", "score"), CHECK)
    assert f"cell [6] defines `score`, not `scores`: {NOTE}, which is not written yet: " in told


def test_an_older_answer_that_never_ends_is_told_to_be_older(said, monkeypatch):
    monkeypatch.setattr("course_lib.grader.course.watching.STOP", 0.5)
    endless = GOOD.replace("    return", "    while True:\n        pass\n    return")
    told = said("import torch", endless, GOOD.replace("):", ")"), CHECK)
    assert f"{NOTE}, which did not work: stopped after" in told


def test_an_answer_that_catches_the_first_stop_is_stopped_again(said, monkeypatch):
    monkeypatch.setattr("course_lib.grader.course.watching.STOP", 0.5)
    monkeypatch.setattr("course_lib.grader.course.watching.AGAIN", 0.5)
    loop = "    while True:\n        pass\n"
    caught = f"    try:\n    {loop.replace('    pass', '        pass')}    except:\n        pass\n"
    endless = GOOD.replace("    return", f"{caught}{loop}    return")
    assert "stopped after" in said("import torch", endless, CHECK)


MODULE = """class SwiGLU(torch.nn.Module):
    def forward(self, x):
        return x
"""


@pytest.mark.parametrize("edited", [MODULE.replace("x)", "x, y").replace(":", ""), f"no\n{MODULE}"])
def test_after_an_edited_class_that_stopped_too(said, edited):
    told = said("import torch", MODULE, edited.replace("x\n", "2 * x\n"), OF_A_CLASS)
    assert "cell [3] stopped without defining `SwiGLU`" in told
    assert "[earlier]" in told
    assert "[earlier]" not in said("import torch", MODULE, f"{MODULE}\n1 / 0", OF_A_CLASS)


def test_after_a_renamed_function_too(said):
    told = said("import torch", GOOD, GOOD.replace("scores", "score"), CHECK)
    assert f"cell [3] defines `score`, not `scores`: {NOTE}" in told


@pytest.mark.parametrize(
    "cells",
    [
        (GOOD,),
        (GOOD, f"{GOOD}\n1 / 0"),  # it stands in that cell, and was defined
        (GOOD, "x = 1 / 0"),  # a scratch cell
        (GOOD, "scores(torch.ones(2), 1 / 0)"),  # one that calls it
        (GOOD, "print(scores"),
        (GOOD.replace("):", ")"), GOOD),  # mended
        (GOOD, "def my_test():\n    assert True\n\nmy_test()"),
        (GOOD, "1 / 0", "y = 2"),
        ("scores = lambda query, keys: keys @ query",),
    ],
)
def test_else_nothing_is_said(said, cells):
    told = said("import torch", *cells, CHECK)
    assert "[right]" in told and NOTE not in told


def test_a_definition_beside_the_check_is_what_is_judged(said):
    assert NOTE not in said("import torch", GOOD, "1 / 0", f"{GOOD}\n{CHECK}")


NEXT = GOOD.replace("scores", "dot_shape")  # 00.dot-shape asks for it


@pytest.mark.parametrize(
    "cell",
    [
        NEXT,
        NEXT.replace("):", ")"),
        f"1 / 0\n{NEXT}",
        "def my_test(scores):\n    assert scores\n\nmy_test(\n    scores=scores,\n)\n1 / 0",
        "my_test(\n    scores=scores,\n",
    ],
)
def test_a_cell_of_another_exercise_or_that_hands_the_answer_on_is_no_edited_form(said, cell):
    told = said("import torch", GOOD, cell, CHECK)
    assert "[right]" in told and NOTE not in told


BROKEN = GOOD.replace("):", ")")
RENAMED = GOOD.replace("scores", "score")


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("between", [(), (("c", CHECK),), (("d", "print(1)"), ("c", CHECK))])
def test_a_broken_cell_that_was_mended_under_another_name_is_told_as_it_is_now(said, ids, between):
    cells = [("a", GOOD), ("a", BROKEN), *between, ("a", RENAMED), ("c", CHECK)]
    told = said("import torch", *(cells if ids else [text for _, text in cells]))
    assert f"cell [{len(cells)}] defines `score`, not `scores`: {NOTE}" in told
    assert "SyntaxError" not in told


@pytest.mark.parametrize("ids", [True, False])
def test_a_name_that_is_missing_is_looked_for_in_cells_as_they_are_now(said, ids):
    """The first attempt could not be read, the second has another name: the second counts."""
    cells = [("a", BROKEN), ("c", CHECK), ("a", RENAMED), ("c", "missing_note('scores')")]
    told = said("from course_lib.stale import missing_note", *(c if ids else c[1] for c in cells))
    assert told.strip().endswith("Note(told='cell [4] defines `score`', crash=())")


def test_a_second_check_of_a_renamed_answer_says_the_same(said):
    told = said("import torch", ("a", GOOD), ("a", RENAMED), ("c", CHECK), ("c", CHECK))
    assert f"cell [3] defines `score`, not `scores`: {NOTE}" in told


def test_a_cell_that_a_later_one_did_not_mend_still_tells(said):
    told = said("import torch", ("a", GOOD), ("b", "print(1)"), ("a", BROKEN), ("c", CHECK))
    assert "cell [4] stopped without defining `scores`" in told
    told = said(("d", "x = 1"), ("c", CHECK))
    assert "cell [4] stopped without defining `scores`" in told
