"""Keys share what stands beside them in their folder, and a mended part of it mends them all."""

import pytest

from course_lib.grader.course.files import load_key, stamp

KEY = """from course_lib.grader.judging.key import Exercise, case

from .shared import WRONG

EXERCISES = [
    Exercise("{chapter}.one", WRONG, "code", 1, "one", lambda drawn: [case("some", 1)], [])
]
"""
PLAIN = KEY.replace("from .shared import WRONG\n", 'WRONG = "its own"\n')


@pytest.fixture
def root(tmp_path):
    keys = tmp_path / "solutions" / "keys"
    keys.mkdir(parents=True)
    (keys / "shared.py").write_text('WRONG = "what is shared"\n')
    for number, key in (("01", KEY), ("02", PLAIN)):
        (keys / f"{number}_topic.py").write_text(key.format(chapter=number))
        (tmp_path / "solutions" / f"{number}_topic.py").write_text("")
    return tmp_path


def titles(root):
    keys = sorted((root / "solutions" / "keys").glob("[0-9]*.py"))
    return [exercise.title for path in keys for exercise in load_key(path)]


def test_a_key_takes_what_stands_beside_it(root):
    assert titles(root) == ["what is shared", "its own"]


def test_two_courses_have_each_their_own(root, tmp_path_factory):
    titles(root)
    other = tmp_path_factory.mktemp("other") / "solutions"
    (root / "solutions").rename(other)
    (other / "keys" / "shared.py").write_text('WRONG = "another course"\n')
    assert titles(other.parent)[0] == "another course"


def test_lines_are_out_of_date_when_the_shared_part_changes_and_no_others(root):
    before = {chapter: stamp(root, chapter) for chapter in ("01", "02")}
    stamp.cache_clear()
    (root / "solutions" / "keys" / "shared.py").write_text('WRONG = "mended"\n')
    assert stamp(root, "01") != before["01"] and stamp(root, "02") == before["02"]
