"""Every chapter's quiz can be read, and there is enough of it."""

import pytest

from course_lib.paths import ROOT
from course_lib.views.quiz import quiz

CHAPTERS = sorted(p.name[:2] for p in (ROOT / "notebooks" / "src").glob("[0-9][0-9]_*.py"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_asks_enough_and_explains_every_option(chapter):
    questions = quiz(chapter).questions
    assert len(questions) >= 5
    for question in questions:
        assert question.id.startswith(f"{chapter}.")
        assert 3 <= len(question.options) <= 4
        assert all(len(option.why.split()) >= 5 for option in question.options)


def longest_is_right(question):
    """Whether no wrong option is longer than the right one."""
    right = next(len(option.text) for option in question.options if option.right)
    return right == max(len(option.text) for option in question.options)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_length_does_not_give_the_answer_away(chapter):
    """Who always takes the longest option is right in at most 40 % of a chapter's questions."""
    questions = quiz(chapter).questions
    found = [question.id for question in questions if longest_is_right(question)]
    assert len(found) <= 0.4 * len(questions), found


def points_for_the_shortest(question):
    """What the shortest option is worth: 1 if it is right, shared with wrong ones as short."""
    right = next(len(option.text) for option in question.options if option.right)
    lengths = [len(option.text) for option in question.options]
    return 1 / lengths.count(right) if right == min(lengths) else 0


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_brevity_does_not_give_the_answer_away(chapter):
    """Who always takes the shortest option is right in at most 50 % of a chapter's questions."""
    questions = quiz(chapter).questions
    points = {question.id: points_for_the_shortest(question) for question in questions}
    found = [name for name, worth in points.items() if worth]
    assert sum(points.values()) <= 0.5 * len(points), found


def test_thirty_questions_in_all():
    assert sum(len(quiz(chapter).questions) for chapter in CHAPTERS) >= 30
