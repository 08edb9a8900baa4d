import signal
import subprocess
import sys
import threading
import time

import pytest

from course_lib.check import check
from course_lib.grader.course import watching
from course_lib.grader.course.files import sheet_for
from course_lib.grader.course.watching import StoppedError, watched

ENDLESS = "def scores(query, keys):\n    while True:\n        pass\n"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(watching, "SAY", 0.2)
    monkeypatch.setattr(watching, "STOP", 1.2)


def test_an_endless_loop_is_told_and_then_stopped(quick):
    said = []
    with (
        pytest.raises(
            StoppedError, match=r"stopped after \d+ s: does a loop of yours ever end, .*\?$"
        ),
        watched(said.append),
    ):
        while True:
            pass
    assert len(said) == 1 and said[0].startswith("still running after ")


def test_who_waits_is_stopped_too(quick, monkeypatch):
    monkeypatch.setattr(watching, "WAITING", 1)
    with pytest.raises(StoppedError, match="stopped after"), watched(str):
        while True:
            time.sleep(0.1)


def test_what_was_started_in_the_background_is_stopped_too(quick):
    """A shell has it ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(StoppedError, match="stopped after"), watched(str):
            while True:
                pass
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_learner_stops_it(quick):
    with pytest.raises(StoppedError, match="you stopped it after 0 s"), watched(str):
        raise KeyboardInterrupt


def test_what_ends_in_time_is_left_alone_and_nothing_follows(quick):
    said, before = [], threading.active_count()
    with watched(said.append):
        result = sum(range(10))
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass  # long enough for a watch that did not end
    assert result == 45 and not said and threading.active_count() == before


def test_other_errors_come_through_and_input_is_given_back():
    before = input
    with pytest.raises(ZeroDivisionError), watched(str):
        1 / 0  # noqa: B018
    with pytest.raises(RuntimeError, match="an answer asks nobody"), watched(str):
        input("your name? ")
    assert input is before


def test_in_a_notebook_it_ends_with_a_panel(quick):
    def loops(query, keys):
        while True:
            pass

    panel = check("00.scores", loops)
    assert repr(panel).startswith("[crashed] 00.scores: stopped after ")
    assert "Your code stopped: Compare one vector with many" in panel.html()
    told = repr(check("00.scores", lambda query, keys: input()))
    assert "[crashed]" in told and "an answer asks nobody" in told


def test_the_time_that_a_sheet_takes_to_draw_is_not_the_answers(monkeypatch, capsys):
    def drawn(root, id, seed=None):
        time.sleep(3 * (not seen))
        seen.append(id)
        return sheet_for(root, id, seed)

    seen = []
    monkeypatch.setattr("course_lib.check.sheet_for", drawn)
    monkeypatch.setattr("course_lib.grader.course.checking.sheet_for", drawn)
    monkeypatch.setattr(watching, "SAY", 0.5)
    told = repr(check("00.scores", lambda query, keys: query @ keys.mT))
    assert seen == ["00.scores"] * 2 and "[right]" in told
    assert "still running" not in capsys.readouterr().out


def test_who_stops_it_before_the_answer_is_called_is_told_so(monkeypatch):
    def stopped(root, id):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_lib.check.sheet_for", stopped)
    told = repr(check("00.scores", lambda query, keys: query @ keys.mT))
    assert told.startswith("[not attempted] 00.scores: you stopped it before your code was called")


def test_course_check_says_at_which_exercise_it_is(tmp_path):
    """And goes on with the next one."""
    path = tmp_path / "00_mine.py"
    path.write_text(
        f"# %%\n{ENDLESS}\n# %%\nimport torch\n\n"
        "def is_distribution(weights):\n    return bool((weights >= 0).all())\n"
    )
    script = (
        "from course_lib.grader.course import watching; watching.SAY, watching.STOP = 0.2, 1\n"
        f"from course_lib.cli import main; main(['check', {str(path)!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=None, timeout=300
    )
    assert "00.scores: still running after" in done.stderr
    assert "Stop it with Ctrl-C." in done.stderr
    assert "[crashed] 00.scores: stopped after" in done.stdout
    assert "[wrong] 00.is-distribution" in done.stdout


def test_what_is_stopped_says_in_which_case(quick):
    def grows(query, keys):
        while keys.shape[0] > 3:
            pass
        return query @ keys.mT

    told = repr(check("00.scores", grows))
    assert " in the case: " in told and "does a loop of yours ever end" in told
