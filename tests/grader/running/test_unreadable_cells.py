"""Cells that are run, or can't be."""

import sys

from course_lib.grader.running.cells import why_unread


def test_a_cell_that_cannot_be_read_says_which_python_read_it():
    """A learner's may be newer: `f"{d["a"]}"` is Python from 3.12 on."""
    error, *_, by = why_unread("def told(:", 3)
    assert error.startswith("SyntaxError")
    assert by == f"as Python {sys.version_info.major}.{sys.version_info.minor} reads it"


def test_a_cell_that_python_reads_and_the_grader_does_not_is_long_or_deep():
    told = why_unread("table = [\n" + "    1,\n" * 12_000 + "]", 3)
    assert told[0] == "it is too long or too deep"
