"""What every exercise must declare: the edges of its text.

A list of what is missing says what is left to do.
"""

import pytest
import torch

from course_lib.grader.course.files import exercises
from course_lib.grader.judging.edges import uncovered
from course_lib.paths import ROOT

ALL = exercises(ROOT)


@pytest.mark.parametrize("exercise", [e for e in ALL if e.allows], ids=lambda e: e.id)
def test_every_declared_edge_has_a_case(exercise):
    for seed in range(3):
        cases = exercise.cases(torch.Generator().manual_seed(seed))
        assert not uncovered(exercise.allows, cases), (seed, exercise.allows)


@pytest.mark.xfail(strict=True, reason="until every key declares what its text allows")
def test_every_exercise_declares_what_its_text_allows():
    missing = [e.id for e in ALL if e.allows is None]
    assert not missing, missing
