"""Moodle, nbgrader and the plain CSV."""

import csv
import io
import json

import pytest

from course_lib.grader.book.exports import generic, moodle, nbgrader
from course_lib.grader.book.exports.marks import load_marks
from course_lib.grader.book.exports.roster import RosterError
from course_lib.grader.book.gradebook import GradebookError

LATE = "[late]\ndeadline = 2026-12-01T12:00:00Z\nper_day = 0.25\n"


def read(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_plain_csv_has_every_exercise_and_what_it_comes_to(exported):
    ada, bob = read(exported(generic.text, rules=LATE)[0])
    assert ada == {
        "student": "ada", "02.a": "2", "02.b": "1", "02.c": "0", "03.a": "2",
        "raw": "5", "points": "3.75", "out_of": "6", "days_late": "1",
    }  # fmt: skip
    assert bob["03.a"] == "" and bob["points"] == "0"


def test_a_name_is_no_formula(exported, add_student):
    add_student("=HYPERLINK(1)")
    assert "'=HYPERLINK(1)" in [row["student"] for row in read(exported(generic.text)[0])]


def test_moodle_knows_students_by_name_or_address(exported, add_student):
    add_student("cy@uni.edu")
    rows = {r["username"] or r["email"]: r for r in read(exported(moodle.text)[0])}
    assert set(rows) == {"ada", "bob", "cy@uni.edu"} and rows["cy@uni.edu"]["username"] == ""
    assert rows["ada"]["Chapter 02"] == "3" and rows["bob"]["Chapter 03"] == ""


def test_moodles_own_list_is_filled(exported):
    roster = "First name,Username,Email address,ID number\n=A,ADA,a@u.edu,1\nB,b,bob,2\nC,c,,3\n"
    text, notes = exported(moodle.text, roster)
    assert [r["Chapter 02"] for r in read(text)] == ["3", "0", ""]
    assert notes == ["roster.csv: 3 students by Username"]
    assert read(text)[0]["First name"] == "'=A" and read(text)[0]["Username"] == "ADA"
    with pytest.raises(
        RosterError, match="no column Username, Email address, ID number or Identifier"
    ):
        exported(moodle.text, "Name\nada\n")


def test_moodles_worksheet_keeps_its_minus_and_blind_participants_are_found(exported, add_student):
    add_student("Participant 12")
    text, _ = exported(moodle.text, "ID,Status,Bewertung\nTeilnehmer/in12,x,-\n")
    assert text == "ID,Status,Bewertung,Chapter 02,Chapter 03\nTeilnehmer/in12,x,-,3,2\n"


def test_nbgraders_columns_and_its_arithmetic(exported):
    text, _ = exported(nbgrader.text, rules=LATE)
    assert text.splitlines()[0] == (
        "assignment,duedate,timestamp,student_id,last_name,first_name,email,"
        "raw_score,late_submission_penalty,score,max_score"
    )
    rows = read(text)
    assert [(r["assignment"], r["student_id"]) for r in rows] == [
        ("Chapter 02", "ada"), ("Chapter 02", "bob"), ("Chapter 03", "ada"),
    ]  # fmt: skip
    assert rows[0]["duedate"] == "2026-12-01 12:00:00"
    assert rows[0]["timestamp"] == "2026-12-02 12:00:00"
    for row in rows:
        raw, penalty, score = (
            float(row[k]) for k in ("raw_score", "late_submission_penalty", "score")
        )
        assert score == max(0.0, raw - penalty)
    assert (rows[0]["raw_score"], rows[0]["score"], rows[0]["max_score"]) == ("3", "2.25", "4")


def test_nbgraders_students_lend_their_names(exported):
    roster = "id,first_name,last_name,email\nada,Ada,Lovelace,a@u.edu\n"
    text, notes = exported(nbgrader.text, roster, "[best_of]\ncount = 2\n")
    assert read(text)[0]["last_name"] == "Lovelace" and read(text)[1]["email"] == ""
    assert notes[1].startswith("bob: no line") and "whole course" in notes[2]
    with pytest.raises(RosterError, match="no column id"):
        exported(nbgrader.text, "name\nada\n")


def test_a_folder_without_results_is_no_gradebook(tmp_path):
    with pytest.raises(GradebookError, match="is not a gradebook: it has no results"):
        load_marks(tmp_path)


def test_lines_from_before_there_were_times_export_too(exported, book):
    for path in (book / "results").iterdir():
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            del row["submitted"]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read(exported(nbgrader.text, rules=LATE)[0])[0]["timestamp"] == ""
