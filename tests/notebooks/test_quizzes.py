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


def test_thirty_questions_in_all():
    assert sum(len(quiz(chapter).questions) for chapter in CHAPTERS) >= 30
