"""Gradescope: results in its form, and an autograder that really runs."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from course_lib.grader.book.exports import gradescope
from course_lib.grader.book.exports.marks import load_marks
from course_lib.grader.book.gradebook import GradebookError
from course_lib.grader.running import seal
from course_lib.paths import ROOT

LEVEL, REASON = seal.reachable()


@pytest.fixture
def out(book, tmp_path):
    gradescope.folder(load_marks(book, "after_due_date"), ROOT, tmp_path / "out")
    return tmp_path / "out"


def test_each_student_has_results_in_gradescopes_form(out):
    told = json.loads((out / "results/ada/results.json").read_text())
    assert told["score"] == 5 and told["visibility"] == "after_due_date"
    assert told["stdout_visibility"] == "hidden" and "99" not in json.dumps(told["extra_data"])
    assert [t["status"] for t in told["tests"]] == ["passed", "passed", "failed", "passed"]
    wrong = told["tests"][2]
    assert (wrong["name"], wrong["score"], wrong["max_score"]) == ("02.c", 0, 1)
    assert wrong["visibility"] == "after_due_date"
    assert "This is what you get when rows mix." in wrong["output"]
    assert "Hint: Look." in wrong["output"] and "Closer." not in wrong["output"]
    assert (out / "results/bob/results.json").exists()


def test_rules_hold_in_the_score(book, tmp_path):
    (book / "rules.toml").write_text(
        "[late]\ndeadline = 2026-12-01T12:00:00Z\nper_day = 0.25\n[best_of]\ndrop = 1\n"
    )
    told = json.loads(gradescope.results(load_marks(book), "ada"))
    assert told["score"] == round(0.75 * 4 + 0.75 * 2, 2)
    assert told["tests"][0]["score"] == 1.5 and told["extra_data"]["raw"] == 5


def test_the_autograder_has_what_grading_needs_and_scripts_that_start(out):
    autograder = out / "autograder"
    assert {p.name for p in autograder.iterdir()} == {"setup.sh", "run_autograder", "course"}
    for name in ("setup.sh", "run_autograder"):
        assert os.access(autograder / name, os.X_OK)
        subprocess.run(["bash", "-n", str(autograder / name)], check=True)
    assert '--chapters "02,03"' in (autograder / "run_autograder").read_text()
    assert (autograder / "course/solutions/keys").is_dir()
    assert not list(autograder.rglob("__pycache__"))


def test_one_student_goes_to_stdout_and_more_need_a_folder(book):
    with pytest.raises(GradebookError, match="2 students need a folder: say --out"):
        gradescope.text(load_marks(book), None)
    (book / "results" / "bob.jsonl").unlink()
    assert json.loads(gradescope.text(load_marks(book), None)[0])["score"] == 5


def test_an_export_is_never_overwritten(book, out):
    with pytest.raises(GradebookError, match="exists already"):
        gradescope.folder(load_marks(book), ROOT, out)


@pytest.mark.skipif(LEVEL != "strong", reason=REASON)
def test_the_autograder_grades_a_submission_alone(book, tmp_path):
    """Its own copy of the course, in Gradescope's folders; only the environment is lent."""
    rows = [json.loads(line) for line in (book / "results" / "ada.jsonl").read_text().splitlines()]
    for row in rows:
        row["exercise"] = "00." + row["exercise"][3:]
    (book / "results" / "ada.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (book / "results" / "bob.jsonl").unlink()
    home = tmp_path / "autograder"
    gradescope.autograder(load_marks(book), ROOT, home / "source")
    # Named and laid as students do, beside the same name without an answer, in folders alone.
    for folder in ("a/b/c/deep", "old"):
        (home / "submission" / folder).mkdir(parents=True)
    solved = (ROOT / "solutions/00_start_here.py").read_text()
    (home / "submission/a/b/c/deep/00_start_here.PY").write_text(solved)
    (home / "submission/old/00_start_here.PY").write_text("# nothing yet\n")
    shutil.copy(ROOT / "exercises/00_start_here.ipynb", home / "submission/old")
    course = tmp_path / "course"
    lent = f"PYTHONPATH={home}/source/course exec {sys.executable} -P"
    course.write_text(f"#!/bin/sh\n{lent} -m course_lib.cli $@\n")
    course.chmod(0o755)
    environment = os.environ | {"AUTOGRADER_HOME": str(home), "COURSE_COMMAND": str(course)}
    done = subprocess.run(
        [str(home / "source/run_autograder")], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((home / "results/results.json").read_text())
    assert told["score"] == 6 and {t["status"] for t in told["tests"]} == {"passed"}
    assert told["extra_data"]["isolation"] == ["strong"]
    shutil.rmtree(home / "submission")
    (home / "results/results.json").unlink()
    failed = subprocess.run(
        [str(home / "source/run_autograder")], env=environment, capture_output=True
    )
    assert failed.returncode and not (home / "results/results.json").exists()
