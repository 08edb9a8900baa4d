"""No test writes down a release in the course's own folder, or goes by one that is noted there."""

from contextlib import contextmanager, nullcontext

import pytest

from course_lib.commands import grade, release, released
from course_lib.grader.book.lanes import Lanes
from course_lib.grader.course.files import sheet_for


@pytest.fixture(scope="session", autouse=True)
def no_record(tmp_path_factory):
    """For what is set up once for many tests: a record of its own."""
    patch = pytest.MonkeyPatch()
    patch.setattr(released, "RECORD", tmp_path_factory.mktemp("record") / "released.json")
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def record(monkeypatch, tmp_path_factory):
    """Each test begins with an empty record; returns where it is."""
    path = tmp_path_factory.mktemp("record") / "released.json"
    monkeypatch.setattr(released, "RECORD", path)
    return path


@contextmanager
def light():
    """A release of the whole course has the sheets of chapter 00, and one of them for each other.

    For tests of what else is in it; tests/exercises bakes every sheet.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            release,
            "sheet_for",
            lambda root, id: sheet_for(root, id if id[:2] == "00" else "00.scores"),
        )
        yield


@pytest.fixture(scope="module")
def light_sheets():
    """For every test of a module; see `light`."""
    with light():
        yield


@pytest.fixture
def light_sheets_here():
    """For one test, in a module whose others need their own sheets; see `light`."""
    with light():
        yield


@pytest.fixture(scope="session")
def lanes():
    """What `course grade` starts and ends with each run, in a dozen seconds, for all runs."""
    with Lanes(2) as lanes:
        yield lanes


@pytest.fixture
def same_lanes(lanes, monkeypatch):
    """Grade by the processes of the run before: for tests in which no key changes."""
    monkeypatch.setattr(grade, "_executor", lambda args: nullcontext(lanes))
