"""Answers run here as they do for a learner: without the check of every signature."""

import pytest


@pytest.fixture(autouse=True)
def as_for_a_learner(unchecked):
    """Shapes that don't fit meet the library's own errors; and checks take half of the time."""
