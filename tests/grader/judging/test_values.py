"""Values of a student's own: put into what they are handed, held against what they hand in."""

from dataclasses import replace

import pytest

from course_lib.grader.course.files import exercises, find, load_solution, sheet_for, solution_cells
from course_lib.grader.judging.key import Exercise
from course_lib.grader.judging.literals import with_changed_values
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.values import belongs, bound, changed, others, with_values
from course_lib.grader.judging.verdict import judge, judge_outcomes
from course_lib.notebooks import Cell, read_cells, without_solution
from course_lib.paths import ROOT

OWN = [exercise for exercise in exercises(ROOT) if exercise.choices]
each = pytest.mark.parametrize("exercise", OWN, ids=lambda e: e.id)


def test_enough_exercises_have_values_of_their_own():
    assert len(OWN) >= 6


@each
def test_the_solution_passes_with_every_value_and_a_copy_is_named(exercise):
    every = [exercise, *others(exercise)]
    assert len(every) >= 3
    for own in every:
        sheet = sheet_for(ROOT, own.id, 7, own.values)
        for theirs in every:
            verdict = judge(sheet, load_solution(ROOT, theirs))
            if theirs is own:
                assert verdict.state == "right", (own.values, verdict)
                continue
            assert verdict.state == "wrong"
            for name, value in own.values.items():
                assert f"{name} = {theirs.values[name]!r}" in verdict.mistake
                assert f"your exercise says {name} = {value!r}" in verdict.mistake


@each
def test_keys_hold_for_every_value(exercise):
    for own in others(exercise):
        solution = load_solution(ROOT, own)
        for seed in range(2):
            sheet = make_sheet(own, solution, seed)
            for right in (solution, *own.also_right):
                assert judge(sheet, right).state == "right", (own.values, right)
            for known in (m for m in sheet.mistakes if not m.pair):
                verdict = judge_outcomes(sheet, known.outcomes)
                assert verdict.mistake_name == known.name, own.values


@each
def test_copies_are_separable_from_every_mistake(exercise):
    for own in (exercise, *others(exercise)):
        sheet = sheet_for(ROOT, own.id, 3, own.values)
        singles = [mistake for mistake in sheet.mistakes if not mistake.pair]
        for i, one in enumerate(singles):
            for other in singles[i + 1 :]:
                assert not sheet.agrees(one.outcomes, other.outcomes), (one.name, other.name)


@each
def test_the_usual_value_is_what_the_source_says(exercise):
    """So that the solutions are right as they stand, and nobody else notices that values exist."""
    assert exercise.values == {name: first for name, (first, *_) in exercise.choices.items()}
    (path,) = (ROOT / "solutions").glob(f"{exercise.chapter}_*.py")
    raw = next(c.source for c in read_cells(path) if exercise.id in c.tags)
    assert not changed(raw, exercise.values, exercise.name)
    assert judge(sheet_for(ROOT, exercise.id), load_solution(ROOT, exercise)).state == "right"


@each
def test_text_and_stub_show_the_value(exercise):
    for own in others(exercise):
        cells = solution_cells(ROOT, own.chapter, {own.id: own.values})
        text, stub = [without_solution(c.source) for c in cells if belongs(c, own.id)]
        for name, value in own.values.items():
            assert str(value) in text and str(value) in stub
            assert "{{" + name not in text + stub


@each
def test_no_other_exercise_builds_on_one_with_values(exercise):
    """Its solution would run with its own values there, and a student's with theirs."""
    for cell in solution_cells(ROOT, exercise.chapter):
        if cell.kind == "code" and "check" not in cell.tags and exercise.id not in cell.tags:
            assert f"{exercise.name}(" not in cell.source, cell.tags


def test_no_placeholder_is_left_in_an_exercise():
    for chapter in {exercise.chapter for exercise in OWN}:
        assert not any("{{" in cell.source for cell in solution_cells(ROOT, chapter))


@pytest.mark.parametrize(
    "source, wanted",
    [
        ("pad_id = 3  # yours\n", "pad_id = -7  # yours\n"),
        ("def f(x, pad_id=3, *, y=1):\n    return 3", "def f(x, pad_id=-7, *, y=1):\n    return 3"),
        ("def f(x, /, *, pad_id=-1): ...", "def f(x, /, *, pad_id=-7): ..."),
        ("é = 'é'; pad_id = 'left'; z = 3", "é = 'é'; pad_id = -7; z = 3"),
        ("pad_id = pad_id = 3", "pad_id = pad_id = -7"),
        ("pad_id = 1\npad_id = 22\n", "pad_id = -7\npad_id = -7\n"),
    ],
)
def test_code_is_bound_and_the_rest_stays(source, wanted):
    assert bound(source, {"pad_id": -7}) == wanted


@pytest.mark.parametrize("source", ["", "x = 3", "pad_id = f(3)", "def f(pad_id): ...", "(", "\0"])
def test_a_value_that_reaches_no_code_is_an_error(source):
    with pytest.raises(ValueError, match="binds 'pad_id' to no constant"):
        bound(source, {"pad_id": 3})


def test_a_solution_without_its_value_is_named():
    own = find(ROOT, "04.padding-mask")[1]
    with pytest.raises(ValueError, match=r"04\.padding-mask: the code binds 'pad_id' to no"):
        with_values([Cell("code", "x = 1", (own.id,))], [own])


@pytest.mark.parametrize(
    "source",
    [
        "pad_id = 5",
        "def f(a, pad_id=5): ...",
        "x = 1\npad_id = 5",
        "def f(a):\n    pad_id = 5\n    return a",
    ],
)
def test_a_changed_value_is_told(source):
    assert changed(source, {"pad_id": 3}, "f") == "your code says `pad_id = 5`; yours is 3"
    assert changed(source, {"pad_id": 5}, "f") == changed(source, {"other": 5}, "f") == ""


@pytest.mark.parametrize(
    "source",
    [
        "def f(a, pad_id=3):\n    for i in a:\n        pad_id = 5",
        "def f(a, pad_id=3):\n    pad_id = 5",
        "def helper(a, pad_id=5): ...\ndef f(a): return helper(a, 3)",
        "def f(a):\n    def helper():\n        pad_id = 5",
        "def f(a):\n    pad_id = a + 1",
    ],
)
def test_a_variable_of_the_learners_own_is_not_taken_for_the_value(source):
    assert changed(source, {"pad_id": 3}, "f") == ""


@pytest.mark.parametrize("source", ["pad_id = -'a'", "pad_id = [", "pad_id = 10**9", "(" * 10**4])
def test_odd_code_says_nothing_of_values(source):
    assert changed(source, {"pad_id": 3}, "f") == ""


def test_an_edited_value_is_the_first_thing_a_wrong_answer_is_told():
    sheet = sheet_for(ROOT, "04.padding-mask", values={"pad_id": 8})
    source = "def padding_mask(ids, pad_id=99):\n    return (ids != pad_id)[:, None, None, :]"
    namespace = {}
    exec(source, namespace)
    verdict = judge(sheet, namespace["padding_mask"])
    told = with_changed_values(sheet, verdict, source)
    assert told.state == "wrong" and told.details[0] == "your code says `pad_id = 99`; yours is 8"
    right = replace(verdict, state="right")
    assert with_changed_values(sheet, right, source) == right


def test_a_text_of_another_exercise_is_left_alone():
    own = find(ROOT, "04.padding-mask")[1]
    cells = [Cell("markdown", "## 04.other · T\n{{pad_id}}"), Cell("code", "pad_id = 9", ("x",))]
    assert with_values(cells, [own]) == cells


def test_an_exercise_says_what_its_choices_must_be():
    common = {"id": "00.one", "title": "One", "kind": "code", "points": 1, "name": "one"}
    common["mistakes"] = []
    with pytest.raises(ValueError, match="x needs two different choices"):
        Exercise(**common, cases=lambda g, x: [], choices={"x": (1, 1)})
    one = Exercise(**common, cases=lambda g, x: [x], choices={"x": (1, 2)})
    assert one.with_values({}).cases(None) == [1]
    assert one.with_values({"x": 2}).cases(None) == [2]
    assert one.with_values({"x": 2}).with_values({}).cases(None) == [1]
    with pytest.raises(ValueError, match="has no value 'y'"):
        one.with_values({"y": 2})
