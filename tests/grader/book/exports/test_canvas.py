"""Canvas's own file goes round: what it wrote stays, the points come in."""

import csv
import io

import pytest

from course_lib.grader.book.exports import canvas
from course_lib.grader.book.exports.roster import RosterError

HEADER = "Student,ID,SIS User ID,SIS Login ID,Section"
ROSTER = (
    f"{HEADER},Essay (7),Chapter 02 (4711),Final Score\n"
    ",,,,,Manual Posting,,\n"
    "    Points Possible,,,,,10,4,(read only)\n"
    '"Lovelace, Ada",101,0007,ada,"A and B",9.5,,50.00\n'
    '"Babbage, Bob",102,S-2,bob,A,,1,40.00\n'
    '"Student, Test",103,,f00d,A,,EX,\n'
)


def read(text, delimiter=","):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_ids_order_and_other_columns_survive_and_points_come_in(exported):
    text, notes = exported(canvas.text, ROSTER)
    before, after = read(ROSTER), read(text)
    assert after[0] == [*before[0], "Chapter 03"]
    for old, new in zip(before, after, strict=True):
        assert new[:6] == old[:6] and new[7] == old[7]
    assert after[2][6:] == ["4", "(read only)", "2"], "new columns say what they are out of"
    assert after[3][6:] == ["3", "50.00", "2"]
    assert after[4][6:] == ["0", "40.00", ""], "a chapter that was never graded has no mark"
    assert after[5][6:] == ["EX", "", ""]
    own = "skipped: Manual Posting, Points Possible, Test Student"
    assert notes == [f"roster.csv: 2 students by SIS Login ID; {own}"]


def test_who_handed_in_nothing_is_told(exported):
    _, notes = exported(canvas.text, ROSTER + '"Hopper, Grace",104,,grace,A,,,\n')
    assert notes[1:] == ["in roster.csv but not in the gradebook: Hopper, Grace"]


def test_a_second_round_changes_nothing(exported):
    once, _ = exported(canvas.text, ROSTER)
    assert exported(canvas.text, once)[0] == once


def test_students_are_found_by_login_then_sis_id_then_name(exported):
    login = f"{HEADER}\nA,1,bob,ADA,s\nB,2,ada,bob,s\n"
    assert [line[5] for line in read(exported(canvas.text, login)[0])[1:]] == ["3", "0"]
    sis = f"{HEADER}\nA,1,ada,x,s\nB,2,bob,y,s\n"
    assert [line[5] for line in read(exported(canvas.text, sis)[0])[1:]] == ["3", "0"]
    names = "Student,ID,Section\nada,1,s\nbob,2,s\n"
    assert [line[3] for line in read(exported(canvas.text, names)[0])[1:]] == ["3", "0"]
    last = "LastName,FirstName,ID,Section\n,ada,1,s\nbob,,2,s\n"
    assert [line[4] for line in read(exported(canvas.text, last)[0])[1:]] == ["3", "0"]


def test_a_folder_named_by_any_id_of_canvas_finds_its_line(exported, add_student):
    for student in ("102", "lovelaceada_101"):
        add_student(student)
    roster = f'{HEADER}\n"Lovelace, Ada",101,S-1,al,s\n"Babbage, Bob",102,S-2,bb,s\n'
    text, notes = exported(canvas.text, roster)
    assert [line[5] for line in read(text)[1:]] == ["3", "3"]
    assert [n.split(":")[0] for n in notes if "no line" in n] == ["ada", "bob"]


def test_an_account_that_is_also_an_id_of_another_is_told(exported):
    text, notes = exported(canvas.text, f"{HEADER}\nA,1,bob,ada,s\nB,2,x,bob,s\n")
    assert [line[5] for line in read(text)[1:]] == ["3", "0"]
    assert notes[1:] == ["bob: taken for B; it is also an id of A"]


def test_who_cannot_be_matched_is_told_and_nobody_gets_their_points(exported):
    text, notes = exported(canvas.text, f"{HEADER}\nada,1,,ada,s\nada,2,,ada,s\n")
    assert all(line[5:] == ["", ""] for line in read(text)[1:])
    assert notes[1].startswith("ada: more than one match in roster.csv")
    assert notes[2].startswith("bob: no line of roster.csv")


def test_a_column_out_of_another_number_is_told(exported):
    _, notes = exported(canvas.text, ROSTER.replace(",10,4,", ",10,100,"))
    assert "Chapter 02 is out of 100 in Canvas and out of 4 here" in notes


def test_semicolons_a_byte_order_mark_and_odd_names_survive(exported):
    roster = "\ufeff" + f"{HEADER}\n=1+1,1,,@ada,s\n-bob,2,+S-2,bob,s\n".replace(",", ";")
    text, notes = exported(canvas.text, roster)
    assert text.startswith("\ufeffStudent;ID;")
    lines = read(text.removeprefix("\ufeff"), ";")
    assert lines[1][:4] == ["'=1+1", "1", "", "@ada"]
    assert lines[2][:6] == ["'-bob", "2", "+S-2", "bob", "s", "0"]
    assert "ada: no line of" in notes[1]


def test_without_a_roster_canvas_matches_by_login(exported):
    text, notes = exported(canvas.text)
    lines = read(text)
    assert lines[0] == [*HEADER.split(","), "Chapter 02", "Chapter 03"]
    assert lines[1] == ["    Points Possible", "", "", "", "", "4", "2"]
    assert lines[2] == ["ada", "", "", "ada", "", "3", "2"]
    assert notes == ["no --roster: Canvas will match by SIS Login ID"]


def test_the_best_of_all_leaves_one_column(exported):
    text, _ = exported(canvas.text, ROSTER, "[best_of]\ncount = 2\n")
    assert [line[-1] for line in read(text)] == ["Course", "", "6", "6", "0", ""]


@pytest.mark.parametrize(
    "roster, told",
    [
        ("", "the first line must name the columns"),
        ("name,points\nada,1\n", "no columns Student and ID"),
        ("Student,ID\nada,1,2\n", "line 2: more cells than the first line has"),
    ],
)
def test_a_file_that_canvas_did_not_write_is_told(exported, roster, told):
    with pytest.raises(RosterError, match=told):
        exported(canvas.text, roster)


def test_a_word_that_stays_in_the_place_of_points_is_told(exported):
    roster = ROSTER.replace("9.5,,50.00", "9.5,EX,50.00")
    text, notes = exported(canvas.text, roster)
    assert read(text)[3][6] == "EX"
    assert notes[1:] == ["Lovelace, Ada, Chapter 02: EX stays, not 3"]


def test_a_number_that_canvas_would_take_for_another_is_refused(exported):
    with pytest.raises(RosterError, match=r"roster.csv, line 4: ID 1.01E\+07 is a number that"):
        exported(canvas.text, ROSTER.replace(",101,", ",1.01E+07,"))
