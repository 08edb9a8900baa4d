"""One warm process for a file's tests, under each level that stops an answer which wants out."""

import sys

import pytest

from course_lib.grader.running.warm import Warm
from course_lib.paths import ROOT

if sys.platform == "linux":
    from course_lib.grader.running.seal import bwrap, landlock


@pytest.fixture(autouse=True)
def as_for_a_learner(unchecked):
    """Answers meet the library's own errors, not those of signatures that are checked."""


@pytest.fixture(scope="module", params=["strong", "bwrap"])
def level(request):
    """A level of isolation; skipped, with what is missing, where the machine doesn't reach it."""
    if sys.platform != "linux":
        pytest.skip("sealing needs Linux")
    if request.param == "strong" and not landlock.version():
        pytest.skip("this kernel has no Landlock")
    if request.param == "bwrap" and bwrap.missing():
        pytest.skip(bwrap.missing())
    return request.param


@pytest.fixture(scope="module")
def warm(level):
    """A warm process under this level."""
    with Warm(ROOT, level) as process:
        yield process
