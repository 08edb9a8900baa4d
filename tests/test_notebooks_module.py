"""Percent sources against jupytext, and the two readings of a solved exercise."""

import time

import jupytext
import pytest

from course_lib.commands.build import notebook_of
from course_lib.notebooks import (
    LONGEST,
    read_cells,
    read_percent,
    tree_of,
    with_solution,
    without_solution,
)
from course_lib.paths import ROOT

SOURCES = sorted([*ROOT.glob("notebooks/src/*.py"), *ROOT.glob("solutions/[0-9]*.py")])

SOLVED = """def double(x):
    # BEGIN SOLUTION
    y = 2 * x
    return y
    # END SOLUTION
"""
BUG = """def double(x):
    # BEGIN SOLUTION
    return 2 * x
    # END SOLUTION
    # BEGIN STUB
    # if x > 0:
    #     return x
    # return x + 2
    # END STUB
"""


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.parent.name + "/" + p.stem)
def test_our_reader_sees_what_jupytext_sees(path):
    theirs = jupytext.read(path, fmt="py:percent").cells
    ours = read_cells(path)
    assert [(c.cell_type, c.source.strip()) for c in theirs] == [
        (c.kind, c.source.strip()) for c in ours
    ]
    assert [tuple(c.metadata.get("tags", ())) for c in theirs] == [c.tags for c in ours]
    folded = [c.metadata.get("jupyter", {}).get("source_hidden", False) for c in theirs]
    assert folded == [c.folded for c in ours]


def test_a_cell_that_only_draws_is_folded_in_the_notebook():
    folds = 'jupyter={"source_hidden": true}'
    cells = read_percent(f'# %% {folds}\nx\n# %% tags=["a", "b"] {folds}\ny\n# %% tags=["a"]\nz')
    assert [(c.tags, c.folded) for c in cells] == [((), True), (("a", "b"), True), (("a",), False)]
    hidden = {"jupyter": {"source_hidden": True}}
    made = [cell["metadata"] for cell in notebook_of(cells)["cells"]]
    assert made == [hidden, {"tags": ["a", "b"]} | hidden, {"tags": ["a"]}]


def test_the_answer_becomes_your_turn():
    assert without_solution(SOLVED) == (
        'def double(x):\n    raise NotImplementedError("your turn")'
    )
    assert with_solution(SOLVED) == "def double(x):\n    y = 2 * x\n    return y"


def test_a_stub_replaces_the_answer():
    stub = "def double(x):\n    if x > 0:\n        return x\n    return x + 2"
    assert without_solution(BUG) == stub
    assert with_solution(BUG) == "def double(x):\n    return 2 * x"


@pytest.mark.parametrize(
    "source, told",
    [
        ("# BEGIN SOLUTION\nx = 1", "BEGIN SOLUTION has no"),
        ("x = 1\n# END SOLUTION", "line 2: unpaired or nested"),
        ("# BEGIN SOLUTION\n# BEGIN STUB\n# END STUB\n# END SOLUTION", "line 2: unpaired"),
        ("# BEGIN SOLUTION\n# END STUB", "line 2: unpaired or nested"),
    ],
)
def test_unpaired_or_nested_markers_are_refused(source, told):
    for read in (with_solution, without_solution):
        with pytest.raises(ValueError, match=told):
            read(source)


def test_an_unreadable_cell_header_is_refused():
    with pytest.raises(ValueError, match="can't read the cell header '# %% slide'"):
        read_percent("# %% slide\nx = 1")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{}", b"not json"])
def test_an_unreadable_notebook_is_named(tmp_path, content):
    path = tmp_path / "02_attention.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"02_attention\.ipynb: not a readable notebook"):
        read_cells(path)


def test_reading_a_source_text_warns_nobody(recwarn):
    assert tree_of('x = "\\d"') is not None and not list(recwarn)


@pytest.mark.parametrize("length, read", [(LONGEST, True), (LONGEST + 1, False)])
def test_a_source_text_is_parsed_up_to_a_length(length, read):
    source = "x = 1  # ".ljust(length, "é")
    assert len(source) == length
    assert (tree_of(source) is not None) == read


def test_what_python_spends_a_minute_on_is_not_parsed():
    """Python 3.11 needs time that grows with the square of an f-string's length."""
    source = "x = f'" + "{y}" * (10**6) + "'"
    began = time.process_time()
    assert tree_of(source) is None and time.process_time() - began < 2
