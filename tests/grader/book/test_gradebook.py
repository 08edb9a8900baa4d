"""The gradebook keeps what it was given, and stays in its folder."""

import json

import pytest

from course_lib.grader.book import gradebook, report
from course_lib.grader.book.gradebook import GradebookError
from course_lib.grader.book.grading import Graded
from course_lib.grader.judging.verdict import Verdict
from course_lib.grader.running.warm import Report

WRONG = Verdict(
    "02.attention", "Attention", "wrong", "1 of 5 cases agree", ("`x` | <b>bold</b>",),
    "softmax runs over the queries", "over-queries", ("Look.", "Closer.", "There."), out_of=2,
)  # fmt: skip
RIGHT = Verdict("02.cost", "Cost", "right", "agrees", points=2, out_of=2)


def rows(student, *verdicts, seed=5, work="w"):
    about = {"seed": seed, "folder": work, "work": work, "isolation": "strong"}
    return [
        gradebook.row(student, Graded(v, Report(b"", b"", seconds=0.5)), **about) for v in verdicts
    ]


def test_a_book_keeps_its_seed(tmp_path):
    seed = gradebook.open_book(tmp_path)
    assert gradebook.open_book(tmp_path) == gradebook.open_book(tmp_path, seed) == seed
    assert gradebook.open_book(tmp_path / "other") != seed
    assert gradebook.open_book(tmp_path / "third", 42) == 42
    with pytest.raises(GradebookError, match=f"made with seed {seed}, not 1"):
        gradebook.open_book(tmp_path, 1)


def test_a_damaged_book_is_named(tmp_path):
    (tmp_path / "book.json").write_text("{")
    with pytest.raises(GradebookError, match=r"book\.json can't be read"):
        gradebook.open_book(tmp_path)


def test_done_means_this_work_this_seed_and_every_exercise(tmp_path):
    gradebook.save_rows(tmp_path, "ada", rows("ada", WRONG, RIGHT))
    ids = ["02.attention", "02.cost"]
    assert gradebook.is_done(tmp_path, "ada", "w", 5, ids)
    assert not gradebook.is_done(tmp_path, "ada", "other work", 5, ids)
    assert not gradebook.is_done(tmp_path, "ada", "w", 6, ids)
    assert not gradebook.is_done(tmp_path, "ada", "w", 5, [*ids, "02.more"])
    assert not gradebook.is_done(tmp_path, "bob", "w", 5, ids)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", ".hidden", "a/b", "a\\b", "=cmd()", "né e", "x" * 300, "\n"]
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    gradebook.save_rows(tmp_path, name, rows(name, RIGHT))
    path = gradebook.result_file(tmp_path, name)
    assert path.parent == tmp_path / "results" and path.exists()
    assert gradebook.load_rows(tmp_path, name)[0]["student"] == name


def test_two_names_never_meet_in_one_file(tmp_path):
    names = ["a b", "a_b", "a/b", "a?b", "A_b"]
    assert len({gradebook.result_file(tmp_path, name) for name in names}) == len(names)


def test_a_damaged_line_is_named_and_graded_again(tmp_path):
    gradebook.save_rows(tmp_path, "ada", rows("ada", RIGHT))
    path = gradebook.result_file(tmp_path, "ada")
    path.write_text(path.read_text() + "{broken\n")
    assert not gradebook.is_done(tmp_path, "ada", "w", 5, ["02.cost"])
    with pytest.raises(GradebookError, match=r"ada\.jsonl, line 2"):
        list(gradebook.all_rows(tmp_path))


def test_a_line_says_all_that_an_appeal_needs(tmp_path):
    (line,) = rows("ada", WRONG)
    assert json.loads(json.dumps(line)) == line
    assert {
        "student",
        "exercise",
        "points",
        "verdict",
        "mistake",
        "seed",
        "isolation",
        "seconds",
    } <= (line.keys())


def test_feedback_names_the_mistake_and_shows_one_hint_and_no_markup(tmp_path):
    text = report.feedback("ada", rows("ada", WRONG, RIGHT))
    assert "# ada: 2 of 4 points" in text
    assert "This is what you get when softmax runs over the queries." in text
    assert "Hint: Look." in text and "Closer." not in text
    assert "<b>" not in text and "\\`x\\` \\| &lt;b&gt;bold" in text


def test_the_class_page_counts_mistakes_and_escapes_names(tmp_path):
    for name in ("ada", "<script>alert(1)</script>", "cy"):
        gradebook.save_rows(tmp_path, name, rows(name, WRONG, RIGHT))
    gradebook.save_rows(tmp_path, "dan", rows("dan", RIGHT))
    page = report.write(tmp_path).read_text()
    assert "<h1>4 students</h1>" in page and "<script>" not in page
    assert "100&nbsp;% softmax runs over the queries" in page
    assert len(list((tmp_path / "feedback").iterdir())) == 4


def test_a_name_made_like_another_with_its_mark_has_a_file_of_its_own(tmp_path):
    copied = gradebook.result_file(tmp_path, "x y").stem
    assert gradebook.result_file(tmp_path, copied) != gradebook.result_file(tmp_path, "x y")
    assert gradebook.result_file(tmp_path, "ada-2023").stem == "ada-2023"


def test_a_mark_is_too_long_for_two_names_that_meet_by_trying():
    """Eight letters met after some eighty thousand names."""
    marks = {gradebook.label(f"ada {i}").rpartition("-")[2] for i in range(300)}
    assert len(marks) == 300 and {len(mark) for mark in marks} == {32}
