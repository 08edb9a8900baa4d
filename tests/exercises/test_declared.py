"""What every exercise must declare: the edges of its text, and hints for whatever goes wrong.

A list of what is missing says what is left to do.
"""

import pytest
import torch

from course_lib.grader.course.files import exercises
from course_lib.grader.judging.edges import Edges, uncovered
from course_lib.paths import ROOT

ALL = exercises(ROOT)


def test_every_declared_edge_has_a_case():
    missing = {}
    for exercise in ALL:
        for seed in range(3):
            cases = exercise.cases(torch.Generator().manual_seed(seed))
            if told := uncovered(exercise.allows or Edges(), cases):
                missing[exercise.id] = told
    assert not missing


@pytest.mark.xfail(strict=True, reason="until every key declares what its text allows")
def test_every_exercise_declares_what_its_text_allows():
    missing = [e.id for e in ALL if e.allows is None]
    assert not missing


@pytest.mark.xfail(strict=True, reason="until every key has general hints")
def test_every_exercise_has_three_general_hints():
    missing = [e.id for e in ALL if not e.hints]
    assert not missing


def test_general_hints_say_something():
    short = {e.id: hint for e in ALL for hint in e.hints if len(hint) <= 8}
    assert not short
