import json

import pytest

from course_lib import kept


def test_what_was_kept_is_there_again_and_an_empty_guess_takes_it_away(tmp_path):
    assert kept.load(tmp_path) == {}
    kept.keep(tmp_path, {"guess.02.scaling": "ein halb, ½"})
    kept.keep(tmp_path, {"quiz.02.q1": ["a1", "b2"]})
    assert kept.load(tmp_path) == {"guess.02.scaling": "ein halb, ½", "quiz.02.q1": ["a1", "b2"]}
    kept.keep(tmp_path, {"guess.02.scaling": ""})
    assert kept.load(tmp_path) == {"quiz.02.q1": ["a1", "b2"]}


@pytest.mark.parametrize(
    "given",
    [
        [],
        "guess",
        {"guess": "1"},
        {"guess.2.scaling": "1"},
        {"guess.02.../../x": "1"},
        {"guess.02.scaling": 1},
        {"guess.02.scaling": "x" * 201},
        {"quiz.02.q1": "a1"},
        {"quiz.02.q1": [1]},
        {"quiz.02.q1": ["a"] * 13},
    ],
)
def test_anything_else_is_refused_and_nothing_changes(tmp_path, given):
    kept.keep(tmp_path, {"guess.02.scaling": "1"})
    with pytest.raises(ValueError, match="expected guesses or tries"):
        kept.keep(tmp_path, given)
    assert kept.load(tmp_path) == {"guess.02.scaling": "1"}


@pytest.mark.parametrize("content", ["{", "[]", '{"x": 1}', "\udcff"])
def test_a_broken_file_is_named_and_set_aside(tmp_path, content):
    (tmp_path / "kept.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"kept\.json .*move it away to start anew"):
        kept.load(tmp_path)
    kept.keep(tmp_path, {"guess.02.scaling": "1"})
    assert kept.load(tmp_path) == {"guess.02.scaling": "1"}
    broken = (tmp_path / "kept.broken.json").read_bytes()
    assert broken == content.encode(errors="surrogateescape")


def test_the_file_is_for_people_too(tmp_path):
    kept.keep(tmp_path, {"guess.02.scaling": "naïve"})
    assert "naïve" in (tmp_path / "kept.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "kept.json").read_text(encoding="utf-8"))
