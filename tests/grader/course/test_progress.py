"""What a learner has solved is kept, and never lost."""

import pytest

from course_lib.grader.course.progress import load, record
from course_lib.grader.judging.verdict import Verdict


def verdict(state):
    return Verdict("02.attention", "Attention", state, "")


def test_tries_are_counted_until_solved_and_then_it_stays_solved(tmp_path):
    for state in ("not attempted", "wrong", "crashed", "right", "wrong"):
        record(tmp_path, verdict(state))
    assert load(tmp_path) == {"02.attention": {"state": "right", "tries": 3}}


def test_nothing_is_written_before_the_first_try(tmp_path):
    record(tmp_path, verdict("not attempted"))
    assert load(tmp_path) == {} and not list(tmp_path.iterdir())


def test_a_damaged_file_is_named_and_left_alone(tmp_path):
    (tmp_path / "progress.json").write_text("[1, 2")
    with pytest.raises(ValueError, match=r"progress\.json can't be read"):
        record(tmp_path, verdict("right"))
    assert (tmp_path / "progress.json").read_text() == "[1, 2"


def test_a_state_that_there_is_not_is_told_with_the_file(tmp_path):
    (tmp_path / "progress.json").write_text('{"02.attention": {"state": "great", "tries": 1}}')
    with pytest.raises(ValueError, match="no state is called 'great'"):
        load(tmp_path)
