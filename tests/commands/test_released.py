"""Which chapters are graded: those given, those released, or those that were handed in."""

import datetime
import json

import pytest

from course_lib.commands import released
from course_lib.commands.released import Release, note, noted, to_grade


@pytest.fixture
def students(tmp_path):
    """ada handed in 02 and 04, bob nothing."""
    for name in ("ada", "bob"):
        (tmp_path / name).mkdir()
    for name in ("02_attention.py", "04_masks.ipynb"):
        (tmp_path / "ada" / name).write_text("")
    return [tmp_path / "ada", tmp_path / "bob"]


@pytest.fixture(autouse=True)
def day(monkeypatch):
    """Today is the first of December."""

    class Date(datetime.date):
        @classmethod
        def today(cls):
            return cls(2026, 12, 1)

    monkeypatch.setattr(released, "date", Date)


def test_chapters_given_go_before_all(students, tmp_path):
    note(tmp_path / "class", {"05"}, None)
    assert to_grade("0-1", None, students) == (("00", "01"), "given")
    with pytest.raises(ValueError, match="no chapter '77'"):
        to_grade("77", None, students)


def test_what_was_released_goes_before_what_was_handed_in(students, tmp_path):
    note(tmp_path / "class", {"02", "00"}, None)
    assert to_grade(None, None, students) == (("00", "02"), "as released on 2026-12-01")
    note(tmp_path / "more", {"03"}, None)
    chapters, why = to_grade(None, None, students)
    assert chapters == ("00", "02", "03")
    assert why == "as released on 2026-12-01 (00, 02 in class) and on 2026-12-01 (03 in more)"


def test_the_same_bundle_made_anew_replaces_its_entry(tmp_path):
    for chapters in ({"02"}, {"03", "04"}):
        note(tmp_path / "class", chapters, None)
    assert noted() == [Release(str(tmp_path / "class"), ("03", "04"), "2026-12-01")]


def test_a_list_of_students_finds_its_own_releases(students, tmp_path):
    note(tmp_path / "one", {"01"}, tmp_path / "one.csv")
    note(tmp_path / "two", {"02"}, tmp_path / "two.csv")
    assert to_grade(None, tmp_path / "x" / ".." / "two.csv", students)[0] == ("02",)
    assert to_grade(None, tmp_path / "three.csv", students)[0] == ("01", "02")


def test_without_a_record_it_is_what_anybody_handed_in(students):
    chapters, why = to_grade(None, None, students)
    assert chapters == ("02", "04") and why.startswith("those of which something was handed in")
    with pytest.raises(ValueError, match=r"nobody handed in .*, and no release is noted here; say"):
        to_grade(None, None, students[1:])


@pytest.mark.parametrize("text", ["{", "[1]", '[{"out": "x"}]', "[{}]", '{"a": 1}'])
def test_a_record_that_cannot_be_read_is_named(students, record, text):
    record.write_text(text)
    with pytest.raises(ValueError, match=r"released\.json can't be read .*; remove it"):
        to_grade(None, None, students)
    assert to_grade("02", None, students)[0] == ("02",)
    with pytest.raises(ValueError, match=r"released\.json can't be read"):
        note(record.parent, {"02"}, None)
    assert record.read_text() == text


def test_the_record_is_plain_to_read(tmp_path, record):
    note(tmp_path / "class", {"02"}, tmp_path / "r.csv")
    (entry,) = json.loads(record.read_text())
    assert entry == {
        "out": str(tmp_path / "class"), "chapters": ["02"], "day": "2026-12-01",
        "roster": str(tmp_path / "r.csv"),
    }  # fmt: skip
