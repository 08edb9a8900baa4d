"""Two notebooks of one chapter, each with a half of the answers: the best of each counts."""

from collections import Counter
from dataclasses import replace

import pytest
from handed_in import notebook

from course_lib.commands.build import notebook_of
from course_lib.grader.book import one_student
from course_lib.grader.book.grading import Graded
from course_lib.grader.book.one_student import Task, grade_student
from course_lib.grader.book.unused import unused
from course_lib.grader.course.files import is_answer, solution_cells
from course_lib.grader.judging.verdict import Verdict
from course_lib.grader.running.seal import reachable
from course_lib.grader.running.warm import Report
from course_lib.notebooks import Cell, text_of, with_solution, without_solution
from course_lib.paths import ROOT

IDS = [
    "02.attention-weights",
    "02.cost",
    "02.effective-words",
    "02.attention",
]


def half(folder, name, ids, broken=""):
    """An exercise notebook with some answers written, one of them wrong."""
    made = []
    for cell in solution_cells(ROOT, "02"):
        solved = not is_answer(cell) or set(ids) & set(cell.tags)
        source = (with_solution if solved else without_solution)(cell.source)
        if broken in cell.tags and is_answer(cell):
            source = source.replace("return ", "return 0 * ")
        made.append(replace(cell, source=source))
    (folder / name).write_text(text_of(notebook_of(made)))


@pytest.fixture
def graded(tmp_path):
    def run():
        rows, works = grade_student(Task(ROOT, tmp_path, ("02",), 7, reachable()[0]))
        assert {row["work"] for row in rows} == {works["02"]}
        return {row["exercise"]: row for row in rows}

    return run


def test_each_half_gives_its_answers_and_is_named(tmp_path, graded):
    half(tmp_path, "02_attention.ipynb", IDS[:3])
    half(tmp_path, "02_attention (1).ipynb", IDS[3:])
    rows = graded()
    assert {id for id, row in rows.items() if row["verdict"] == "right"} == set(IDS)
    assert rows[IDS[0]]["where"].startswith("`02_attention.ipynb`, cell ")
    assert rows[IDS[3]]["where"].startswith("`02_attention (1).ipynb`, cell ")
    assert not [told for told in unused(list(rows.values())) if "(1)" in told]


def test_feedback_names_the_file_the_cell_and_the_line_of_what_python_cannot_read(tmp_path):
    lost = "def half(x):\n    return x\naxis = = 1"
    notebook(
        tmp_path / "mine.ipynb", (lost,), ("def scores(q, k):\n    return half(k @ q)", "00.scores")
    )
    rows, _ = grade_student(Task(ROOT, tmp_path, ("00",), 7, reachable()[0]))
    (row,) = (row for row in rows if row["exercise"] == "00.scores")
    assert row["where"].startswith("`mine.ipynb`, cell 2, ")
    (told,) = (each for each in row["details"] if "can't read" in each)
    assert "can't read cell 1" in told and "line 3)" in told


def test_what_another_chapter_needs_of_the_same_notebook_is_used(tmp_path):
    stray = Cell("code", "stray = 1")
    cells = [*solution_cells(ROOT, "00"), stray, *solution_cells(ROOT, "02")]
    made = [replace(cell, source=with_solution(cell.source)) for cell in cells]
    (tmp_path / "all.ipynb").write_text(text_of(notebook_of(made)))
    rows, _ = grade_student(Task(ROOT, tmp_path, ("00", "02"), 7, reachable()[0]))
    number = cells.index(stray) + 1
    assert {row["exercise"][:2] for row in rows if row["verdict"] == "right"} == {"00", "02"}
    assert unused(rows) == [f"of `all.ipynb`, cell {number}, `stray = 1`"]
    apart = [row | {"cells_not_used": [row["exercise"][:2], "both"]} for row in rows]
    assert unused(apart) == ["of `all.ipynb`, both"], "of lines that were graded at other times"


def test_a_right_answer_goes_before_a_wrong_one_of_the_fuller_file(tmp_path, graded):
    half(tmp_path, "02_attention.ipynb", IDS, broken=IDS[0])
    half(tmp_path, "old.ipynb", IDS[:1])
    rows = graded()
    assert rows[IDS[0]]["verdict"] == "right" and rows[IDS[0]]["file"] == "old.ipynb"


def test_a_change_in_either_half_is_other_work(tmp_path, graded):
    half(tmp_path, "02_attention.ipynb", IDS[:2])
    half(tmp_path, "more.ipynb", IDS[3:])
    before = graded()[IDS[0]]["work"]
    half(tmp_path, "more.ipynb", IDS[2:3])
    assert graded()[IDS[0]]["work"] != before


def test_what_is_in_no_other_file_stays_as_it_was(tmp_path, graded):
    half(tmp_path, "02_attention.ipynb", IDS[:2])
    alone = graded()
    half(tmp_path, "copy.ipynb", [])
    assert graded()[IDS[0]]["where"] == alone[IDS[0]]["where"]


def test_what_took_its_time_in_one_file_is_not_tried_in_all_others(tmp_path, monkeypatch):
    """A student could hold up a class for hours, asleep in each of four files."""
    for i in range(4):
        half(tmp_path, f"{i}.ipynb", IDS, broken=IDS[i])
    tried = []

    def asleep(warm, cells, ids, *rest):
        tried.extend(ids)
        wrong = [Verdict(id, "", "wrong", "") for id in ids]
        return [Graded(each, Report(b"x", b""), 20.0) for each in wrong], []

    monkeypatch.setattr(one_student, "grade_cells", asleep)
    rows, _ = grade_student(Task(ROOT, tmp_path, ("02",), 7, reachable()[0]))
    assert Counter(tried) == {row["exercise"]: 2 for row in rows}
