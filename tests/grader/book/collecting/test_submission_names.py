"""What the names of platforms say: whose, late or not, when, and which file."""

from datetime import datetime

import pytest

from course_lib.grader.book.collecting.naming import from_platform, handed_in


def first(name):
    return handed_in(tuple(name.split("/"))).readings[0]


@pytest.mark.parametrize(
    "name, id, called, file, late",
    [
        ("lovelaceada_101_9876_02_attention-1.ipynb", "101", "lovelaceada",
         "02_attention-1.ipynb", False),
        ("lovelaceada_LATE_101_9876_02_attention.ipynb", "101", "lovelaceada",
         "02_attention.ipynb", True),
        ("de_la_cruzana_LATE_7_8_a_b.py", "7", "de_la_cruzana", "a_b.py", True),
        ("李明_12_34_x.ipynb", "12", "李明", "x.ipynb", False),
        ("anon_Ab3dE_9876_02_attention.ipynb", "Ab3dE", "", "02_attention.ipynb", False),
        ("LATE_anon_Ab3dE_9876_02_attention.ipynb", "Ab3dE", "", "02_attention.ipynb", True),
        ("lovelaceada_LATE_101_text.html", "101", "lovelaceada", "", True),
        ("anon_Ab3dE_link.html", "Ab3dE", "", "", False),
    ],
)  # fmt: skip
def test_canvas(name, id, called, file, late):
    who = first(name)
    assert (who.column, who.id, who.name, who.file, who.late) == ("ID", id, called, file, late)
    assert who.folder == (f"{called}_{id}" if called else f"anon_{id}")
    assert from_platform(name) == "Canvas" and handed_in((name,)).time is None


def test_a_group_with_a_number_has_a_second_reading():
    ids = [w.id for w in handed_in(("team_2_101_9876_02_attention.ipynb",)).readings]
    assert ids[:2] == ["2", "101"]


@pytest.mark.parametrize(
    "name, id, file",
    [
        ("Ada Lovelace_12345_assignsubmission_file_/02_attention.ipynb", "12345",
         "02_attention.ipynb"),
        ("Ada Lovelace_12345_assignsubmission_file/sub/02_attention.ipynb", "12345",
         "02_attention.ipynb"),
        ("Ada Lovelace_12345_assignsubmission_file_02_attention.ipynb", "12345",
         "02_attention.ipynb"),
        ("Ada Lovelace_12345_assignsubmission_onlinetext_/onlinetext.html", "12345", ""),
        ("Ada Lovelace_12345_assignsubmission_onlinetext_onlinetext.html", "12345", ""),
    ],
)  # fmt: skip
def test_moodle(name, id, file):
    who = first(name)
    assert (who.column, who.id) == ("Identifier", f"Participant {id}")
    assert (who.name, who.folder, who.file) == ("Ada Lovelace", "Ada Lovelace", file)


def test_in_blind_marking_the_number_is_the_name():
    assert first("Participant_77_assignsubmission_file_/a.py").folder == "Participant 77"


def test_blackboard_tells_a_time_and_several_accounts_that_may_be_meant():
    name = "02_Attention_b_ob_attempt_2026-12-01-09-30-00_my_work.ipynb"
    found = handed_in((name,))
    assert found.time == datetime(2026, 12, 1, 9, 30)
    assert [w.id for w in found.readings] == ["ob", "b_ob", "Attention_b_ob", "02_Attention_b_ob"]
    assert found.readings[0].file == "my_work.ipynb"
    assert first("A_ada_attempt_2026-12-01-09-30-00.txt").file == ""
    assert handed_in(("A_ada_attempt_2026-13-01-09-30-00_x.py",)) is None


def test_a_folder_is_a_student_and_a_loose_file_is_nobodys():
    who = first("ada/deep/02_attention.ipynb")
    assert (who.column, who.id, who.folder, who.file) == ("", "ada", "ada", "02_attention.ipynb")
    for name in ("02_attention.ipynb", "a_1_b.py", "_1_2_x.py", "1_2_x.py", "x_12_34"):
        assert handed_in((name,)) is None and from_platform(name) == "", name
