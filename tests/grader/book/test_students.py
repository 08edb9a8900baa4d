"""Who is in the class, and what each of them was handed out with: drawn again, never lost."""

import json
import unicodedata

import pytest

from course_lib.grader.book.students import (
    Draw,
    StudentsError,
    beside,
    for_grading,
    for_release,
    load_students,
)
from course_lib.grader.course.files import exercises
from course_lib.grader.judging.key import Exercise
from course_lib.paths import ROOT

CHOICES = {"00.one": {"x": [1, 2, 3, 4], "y": ["left", "right"]}, "00.two": {"z": [5, 6, 7]}}


def exercise(id="00.one", **choices):
    common = {"id": id, "title": "T", "kind": "code", "points": 1, "name": "f", "mistakes": []}
    return Exercise(**common, cases=lambda g, **values: [], choices=choices)


def listed(folder, text="ada\nbob\n", name="class.txt"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_same_student_always_gets_the_same_values():
    draw = Draw(7, CHOICES)
    assert draw.values("ada") == Draw(7, CHOICES, ("bob",)).values("ada")
    for id, choices in CHOICES.items():
        assert all(draw.values("ada")[id][name] in there for name, there in choices.items())
    more = Draw(7, CHOICES | {"00.three": {"w": [1, 2]}})
    assert draw.values("ada").items() <= more.values("ada").items()


def test_students_usually_differ_and_all_choices_are_drawn():
    draw = for_class()
    drawn = [draw.values(f"student{i}") for i in range(40)]
    assert len({json.dumps(values) for values in drawn}) >= 39
    for id, choices in draw.choices.items():
        for name, there in choices.items():
            assert {values[id][name] for values in drawn} == set(there), id


def for_class(seed=11):
    found = {e.id: {n: list(c) for n, c in e.choices.items()} for e in exercises(ROOT) if e.choices}
    return Draw(seed, found)


def test_another_seed_is_another_draw():
    assert for_class(1).values("ada") != for_class(2).values("ada")


def test_an_accent_is_the_same_however_it_is_spelled():
    one, other = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    assert one != other
    draw = Draw(7, CHOICES, (one,))
    assert draw.values(one) == draw.values(other) and draw.knows(other)


@pytest.mark.parametrize(
    "name, text",
    [
        ("class.txt", "ada\n\n  bob  \nDijkstra, Edsger\n"),
        ("class.txt", "\ufeffada\r\nbob\r\nDijkstra, Edsger"),
        ("class.csv", 'student\nada\nbob\n"Dijkstra, Edsger"\n'),
        ("class.csv", "Name;SIS Login ID\nA;ada\nPoints;\nB;bob\nC;Dijkstra, Edsger\n"),
    ],
)
def test_names_are_read_from_lines_or_a_column(tmp_path, name, text):
    assert load_students(listed(tmp_path, text, name)) == ("ada", "bob", "Dijkstra, Edsger")


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "nobody on this list"),
        ("ada\n../bob\n", "'../bob' can't be the name of a folder"),
        ("..\n", "'..' can't be"),
        ("/etc/passwd\n", "'/etc/passwd' can't be"),
        ("C:\\x\n", "can't be the name"),
        ("a\x00b\n", "it is no text"),
        ("a\x1b[2Jb\n", "can't be the name"),
        ("ada\nbob\nAda\n", "'ada' is there more than once"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path, text, told):
    with pytest.raises(StudentsError, match=told.replace("\\", "\\\\")):
        load_students(listed(tmp_path, text))


def test_a_list_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(StudentsError, match=r"nowhere\.txt"):
        load_students(tmp_path / "nowhere.txt")
    (tmp_path / "class.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudentsError, match=r"class\.txt: not a readable list of students"):
        load_students(tmp_path / "class.txt")
    with pytest.raises(
        StudentsError, match=r"none of the columns is called student, .*; there are: name"
    ):
        load_students(listed(tmp_path, "name\nada\n", "class.csv"))


def test_a_second_release_keeps_the_seed_and_the_choices(tmp_path):
    roster = listed(tmp_path)
    first = for_release(roster, [exercise(x=(1, 2, 3))])
    listed(tmp_path, "ada\nbob\nlate\n")
    second = for_release(
        roster, [exercise(x=(4, 5)), exercise("01.new", y=(1, 2)), exercise("02.no")]
    )
    assert second.seed == first.seed and second.students == ("ada", "bob", "late")
    assert second.choices == {"00.one": {"x": [1, 2, 3]}, "01.new": {"y": [1, 2]}}
    assert second.values("ada")["00.one"] == first.values("ada")["00.one"]


def test_nobody_else_can_read_everybodys_values(tmp_path):
    roster = listed(tmp_path)
    for_release(roster, [exercise(x=(1, 2, 3))])
    assert beside(roster).stat().st_mode & 0o077 == 0


def test_grading_draws_what_was_handed_out(tmp_path):
    roster, one = listed(tmp_path), exercise(x=(1, 2, 3))
    drawn = for_release(roster, [one])
    changed = exercise(x=(7, 8, 9))  # the course was updated meanwhile
    assert for_grading(tmp_path / "book", roster, [changed]) == drawn
    beside(roster).unlink()
    assert for_grading(tmp_path / "book", None, [one]) == drawn, "the gradebook keeps a copy"
    assert for_grading(tmp_path / "book", roster, [one]) == drawn


def test_without_a_list_there_is_nothing_to_draw(tmp_path):
    assert for_grading(tmp_path / "book", None, [exercise(x=(1, 2))]) is None
    assert not (tmp_path / "book").exists()


def test_a_lost_seed_is_told(tmp_path):
    roster = listed(tmp_path)
    with pytest.raises(
        StudentsError, match=r"class\.txt\.values\.json is not there: it has the seed"
    ):
        for_grading(tmp_path / "book", roster, [])
    for damaged in ("", "{}", '{"seed": 1}', '{"seed": 1, "choices": {"00.a": {"x": []}}}', "[]"):
        beside(roster).write_text(damaged)
        with pytest.raises(StudentsError, match="can't be read"):
            for_grading(tmp_path / "book", roster, [])


def test_another_class_is_not_graded_into_the_same_book(tmp_path):
    first, second = listed(tmp_path), listed(tmp_path, name="other.txt")
    for roster in (first, second):
        for_release(roster, [exercise(x=(1, 2))])
    for_grading(tmp_path / "book", first, [])
    with pytest.raises(StudentsError, match="values of another list"):
        for_grading(tmp_path / "book", second, [])


def test_a_value_that_the_course_has_no_more_is_told(tmp_path):
    roster = listed(tmp_path)
    for_release(roster, [exercise(x=(1, 2))])
    with pytest.raises(StudentsError, match=r"00\.one has no value 'x': grade with the course as"):
        for_grading(tmp_path / "book", roster, [exercise(y=(1, 2))])
