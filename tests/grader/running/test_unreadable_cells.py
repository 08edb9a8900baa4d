"""Cells that are run, or can't be."""

import json
import sys

from course_lib.grader.running.cells import why_unread
from course_lib.grader.running.reading.handed_in import cells_in
from course_lib.grader.running.slicing.plans import Wanted, plans
from course_lib.notebooks import Cell

WANTED = Wanted("02.f", "f", "")


def code(source):
    return {"cell_type": "code", "source": source, "metadata": {}, "execution_count": None}


def test_a_cell_that_cannot_be_read_says_which_python_read_it():
    """A learner's may be newer: `f"{d["a"]}"` is Python from 3.12 on."""
    error, *_, by = why_unread("def told(:", 3)
    assert error.startswith("SyntaxError")
    assert by == f"as Python {sys.version_info.major}.{sys.version_info.minor} reads it"


def test_a_cell_that_python_reads_and_the_grader_does_not_is_long_or_deep():
    told = why_unread("table = [\n" + "    1,\n" * 12_000 + "]", 3)
    assert told[0] == "it is too long or too deep"


def test_an_answer_that_nothing_defines_may_stand_in_a_cell_that_is_too_long():
    pasted = f"def f(x):\n    return x\n# {'x' * 70_000}"
    long = json.dumps({"cells": [code("x = 1"), code(pasted)]})
    (plan,), _ = plans(cells_in(long.encode(), "x.ipynb"), [WANTED], frozenset(), frozenset())
    told = "cell 2: 68 KiB in one cell; at most 64 are read"
    assert plan.absent == f"nothing defines `f`; {told}"
    (plan,), _ = plans([Cell("code", "x = 1")], [WANTED], frozenset(), frozenset())
    assert plan.absent == "nothing defines `f`"
