import copy
import re
import sys

import pytest

from course_lib.paths import ROOT
from course_lib.views import quiz, quiz_from

QUESTIONS = [
    {
        "id": "02.q1",
        "text": "What does a row of `w` sum to, if 0 < d?",
        "option": [
            {"text": "1", "right": True, "why": "softmax makes it so."},
            {"text": "d", "why": "that is a <width>."},
            {"text": "0", "why": "weights are positive."},
        ],
    },
    {
        "id": "02.q2",
        "text": "And a column?",
        "option": [
            {"text": "anything", "right": True, "why": "no rule binds it."},
            {"text": "1", "why": "rows do."},
        ],
    },
]
TOML = """
[[question]]
id = "02.q1"
text = "Which?"
[[question.option]]
text = "this"
right = true
why = "so"
[[question.option]]
text = "that"
why = "not so"
"""


@pytest.fixture
def quizzes(tmp_path, monkeypatch):
    folder = tmp_path / "notebooks" / "quizzes"
    folder.mkdir(parents=True)
    # by module name: `course_lib.views.quiz` as an attribute is the function
    monkeypatch.setattr(sys.modules["course_lib.views.quiz"], "ROOT", tmp_path)
    return folder


def test_text_has_questions_and_options_but_no_answers():
    text = repr(quiz_from(QUESTIONS))
    assert text.startswith("Quiz: 2 questions\n1. What does a row of `w` sum to, if 0 < d?\n   a) ")
    assert "softmax" not in text and "right" not in text.lower()


def test_options_are_shuffled_the_same_way_each_time_and_not_left_as_written():
    def order(n):
        question = {**QUESTIONS[0], "id": f"02.q{n}"}
        return [option.text for option in quiz_from([question]).questions[0].options]

    orders = [order(n) for n in range(30)]
    assert orders == [order(n) for n in range(30)]
    assert {tuple(o).index("1") for o in orders} == {0, 1, 2}


def test_without_scripts_every_option_has_its_reason_folded_away():
    page = quiz_from(QUESTIONS).html()
    fallback = page[page.index('<div class="fallback">') : page.index("<script>")]
    assert fallback.count("<details>") == 2
    for question in QUESTIONS:
        reasons = [o["why"].replace("<", "&lt;").replace(">", "&gt;") for o in question["option"]]
        assert all(reason in fallback for reason in reasons)
    assert len(re.findall("✓ Right", fallback)) == 2


def test_texts_are_escaped():
    assert "<width>" not in quiz_from(QUESTIONS).html()


def test_a_chapter_finds_its_file(quizzes):
    (quizzes / "02_attention.toml").write_text(TOML)
    (quizzes / "03_other.toml").write_text(TOML)
    assert repr(quiz("02")).splitlines()[:2] == ["Quiz: 1 question", "1. Which?"]


def test_no_file_and_two_files_are_refused(quizzes):
    with pytest.raises(ValueError, match=r"'02' has not just one quiz but 0: \[\]"):
        quiz("02")
    (quizzes / "02_a.toml").write_text(TOML)
    (quizzes / "02_b.toml").write_text(TOML)
    with pytest.raises(ValueError, match=r"but 2: .*02_a\.toml"):
        quiz("02")


def test_a_file_that_is_no_toml_is_named(quizzes):
    (quizzes / "02_attention.toml").write_text("[[question")
    with pytest.raises(ValueError, match=r"02_attention\.toml: "):
        quiz("02")


def test_file_and_question_are_named_when_a_question_is_malformed(quizzes):
    (quizzes / "02_attention.toml").write_text(TOML.replace("right = true", ""))
    with pytest.raises(ValueError, match=r"02_attention\.toml: question 02\.q1: 0 right options"):
        quiz("02")


def malformed(change):
    questions = copy.deepcopy(QUESTIONS)
    change(questions)
    return questions


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda q: q[0]["option"][1].update(right=True), "02.q1: 2 right options"),
        (lambda q: q[0]["option"][2].pop("why"), "02.q1, option 3: why is missing"),
        (lambda q: q[0]["option"][2].update(why=" "), "02.q1, option 3: why is missing"),
        (lambda q: q[0]["option"][0].pop("text"), "02.q1, option 1: text is missing"),
        (lambda q: q[0]["option"][0].update(right="yes"), "right is true or false, got 'yes'"),
        (lambda q: q[1].update(id="02.q1"), "question 02.q1: its id is there twice"),
        (lambda q: q[1].pop("id"), "question 2: id is missing"),
        (lambda q: q[1].pop("text"), "02.q2: text is missing"),
        (lambda q: q[1].update(option=q[1]["option"][:1]), "02.q2: 1 options, at least two"),
        (lambda q: q[1]["option"][1].update(text="anything"), "two options say the same"),
        (lambda q: q.clear(), "no questions"),
    ],
)
def test_malformed_questions_are_refused(change, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        quiz_from(malformed(change))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks" / "quizzes").glob("*.toml")), ids=lambda path: path.stem
)
def test_the_quizzes_of_the_course_are_well_formed(path):
    assert len(quiz(path.name[:2]).questions) >= 6
