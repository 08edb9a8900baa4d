"""A small gradebook to export."""

import pytest

from course_lib.grader.book import gradebook
from course_lib.grader.book.exports.marks import load_marks
from course_lib.grader.book.exports.roster import load_roster
from course_lib.grader.book.grading import Graded
from course_lib.grader.judging.verdict import Verdict
from course_lib.grader.running.warm import Report

SUBMITTED = "2026-12-02T12:00:00+00:00"


def line(student, exercise, points, out_of=2, **more):
    """A line of the gradebook as grading writes it."""
    state = "right" if points else "wrong"
    told = {} if points else {"mistake": "rows mix", "hints": ("Look.", "Closer.", "There.")}
    verdict = Verdict(exercise, "T", state, "1 of 5", points=points, out_of=out_of, **told)
    about = {"seed": 99, "work": "w", "isolation": "strong", "submitted": SUBMITTED}
    return gradebook.row(student, Graded(verdict, Report(b"", b"", seconds=0.1)), **about, **more)


@pytest.fixture
def book(tmp_path):
    """ada 3 of 4 in chapter 02 and 2 of 2 in 03; bob 0 of 4 in 02, and 03 never graded."""
    folder = tmp_path / "book"
    ada = [("02.a", 2, 2), ("02.b", 1, 1), ("02.c", 0, 1), ("03.a", 2, 2)]
    gradebook.save_rows(folder, "ada", [line("ada", *given) for given in ada])
    bob = [("02.a", 0, 2), ("02.b", 0, 1), ("02.c", 0, 1)]
    gradebook.save_rows(folder, "bob", [line("bob", *given) for given in bob])
    return folder


@pytest.fixture
def add_student(book):
    """Put somebody with ada's lines into the gradebook."""

    def add(name):
        rows = gradebook.load_rows(book, "ada")
        gradebook.save_rows(book, name, [row | {"student": name} for row in rows])

    return add


@pytest.fixture
def exported(book, tmp_path):
    """Export the gradebook with a `text` function and, perhaps, a roster and rules."""

    def export(text, roster=None, rules=""):
        if rules:
            (book / "rules.toml").write_text(rules)
        if roster is not None:
            (tmp_path / "roster.csv").write_text(roster, encoding="utf-8", newline="")
        read = load_roster(tmp_path / "roster.csv") if roster is not None else None
        return text(load_marks(book), read)

    return export
