"""`course export`: to stdout or to a file, notes apart, and refusals that write nothing."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from course_lib.cli import main
from course_lib.grader.book import gradebook


@pytest.fixture
def book(tmp_path):
    row = {
        "student": "ada", "exercise": "02.a", "points": 2, "out_of": 3, "verdict": "right",
        "summary": "agrees", "says": None, "hints": [], "details": [], "isolation": "strong",
    }  # fmt: skip
    gradebook.save_rows(tmp_path / "book", "ada", [row])
    return tmp_path / "book"


@pytest.mark.parametrize("form", ["csv", "canvas", "moodle", "nbgrader"])
def test_stdout_holds_the_csv_alone_and_a_file_the_same(book, tmp_path, capsys, form):
    assert main(["export", str(book), "--format", form]) == 0
    text = capsys.readouterr().out
    header, *lines = csv.reader(io.StringIO(text))
    assert lines and all(len(line) == len(header) for line in lines)
    out = tmp_path / "out.csv"
    assert main(["export", str(book), "--format", form, "--out", str(out)]) == 0
    assert out.read_text() == text and capsys.readouterr().out == ""


def test_a_name_is_written_whole_whatever_the_terminal(book):
    (row,) = gradebook.load_rows(book, "ada")
    gradebook.save_rows(book, "Łukasz", [row | {"student": "Łukasz"}])
    command = [sys.executable, "-m", "course_lib.cli", "export", str(book), "--format", "csv"]
    env = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, env=env)
    assert "Łukasz" in done.stdout.decode("utf-8"), done.stderr


def test_gradescope_to_stdout_and_to_a_folder(book, tmp_path, capsys):
    assert main(["export", str(book), "--format", "gradescope", "--visibility", "hidden"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["score"] == 2 and told["tests"][0]["visibility"] == "hidden"
    out = tmp_path / "gs"
    assert main(["export", str(book), "--format", "gradescope", "--out", str(out)]) == 0
    assert (out / "results/ada/results.json").exists() and (out / "autograder/setup.sh").exists()


def test_who_is_not_in_the_roster_is_told_on_stderr(book, tmp_path, capsys):
    (tmp_path / "r.csv").write_text("Student,ID,SIS Login ID,Section\nBob,1,bob,s\n")
    arguments = ["--format", "canvas", "--roster", str(tmp_path / "r.csv")]
    assert main(["export", str(book), *arguments]) == 0
    told = capsys.readouterr()
    assert "ada: no line of r.csv" in told.err and "ada" not in told.out


@pytest.mark.parametrize(
    "roster, told",
    [
        ("nowhere.csv", "nowhere.csv: not a readable list"),
        ("book.csv", "no columns Student and ID"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_written(
    book, tmp_path, capsys, monkeypatch, roster, told
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.csv").write_text("a,b\n1,2\n")
    arguments = ["--format", "canvas", "--roster", roster, "--out", "out.csv"]
    assert main(["export", str(book), *arguments]) == 2
    assert told in capsys.readouterr().err and not (tmp_path / "out.csv").exists()


def test_a_folder_that_is_no_gradebook_and_bad_rules_are_told(book, tmp_path, capsys):
    assert main(["export", str(tmp_path), "--format", "csv"]) == 2
    assert "is not a gradebook" in capsys.readouterr().err
    (book / "rules.toml").write_text("[best_of]\ndrop = 'x'")
    assert main(["export", str(book), "--format", "csv"]) == 2
    assert "rules.toml: best_of.drop must be" in capsys.readouterr().err
