"""A student whose work ends the grader's own process: named, and nobody else is refused."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from lane_work import wait_for, work

from course_lib.cli import main
from course_lib.grader.book import one_student
from course_lib.grader.book.gradebook import all_rows
from course_lib.grader.book.lanes import LaneError, Lanes
from course_lib.grader.running import seal
from course_lib.paths import ROOT


@pytest.mark.parametrize("jobs", [1, 3])
def test_whoever_ends_the_process_is_named_and_the_others_are_done(jobs, tmp_path, capfd):
    with Lanes(jobs) as lanes:
        futures = [lanes.submit(work, number, tmp_path) for number in range(12)]
        told = [future.exception() or future.result() for future in futures]
    named = [number for number, result in enumerate(told) if isinstance(result, LaneError)]
    assert named == [3, 7] and "look at it by hand" in str(told[3])
    assert [result for result in told if not isinstance(result, LaneError)] == [
        0, 1, 2, 4, 5, 6, 8, 9, 10, 11
    ]  # fmt: skip
    tries = {path.name: path.read_text().split() for path in tmp_path.iterdir()}
    assert {number for number, pids in tries.items() if len(pids) > 1} == {"3", "5"}
    assert "takes too long" in str(told[7]), "a hang costs its time once"
    assert "in work" in capfd.readouterr().err, "and where it hung is told"
    assert len(set(tries["3"])) == 2, "guilty only when a second process dies too"
    assert not [pid for pids in tries.values() for pid in pids if Path(f"/proc/{pid}").exists()]


def test_an_exception_is_the_tasks_own_and_costs_no_process():
    with Lanes(1) as lanes:
        first = lanes.submit(os.getpid).result()
        assert isinstance(lanes.submit(int, "x").exception(), ValueError)
        assert lanes.submit(os.getpid).result() == first


def test_who_interrupts_waits_for_those_at_work_and_not_for_the_whole_class(tmp_path):
    with pytest.raises(KeyboardInterrupt), Lanes(1) as lanes:
        working = lanes.submit(wait_for, tmp_path / "go")
        waiting = [lanes.submit(wait_for, tmp_path / "never") for _ in range(3)]
        told = threading.Thread(target=go, args=(waiting, tmp_path / "go"))
        told.start()
        raise KeyboardInterrupt
    told.join()
    assert working.result() is None


def go(waiting, path):
    while not all(future.cancelled() for future in waiting):
        time.sleep(0.01)
    path.touch()


@pytest.mark.skipif(seal.reachable()[0] != "strong", reason=seal.reachable()[1])
def test_a_class_with_a_deadly_submission(tmp_path, capsys, monkeypatch):
    """Planted in the worker: reading one file kills it, as a flaw in a parser would."""
    for student in ("ada", "bob", "cy", "eve"):
        (tmp_path / "work" / student).mkdir(parents=True)
        source = (ROOT / "solutions/00_start_here.py").read_text()
        (tmp_path / "work" / student / "00_start_here.py").write_text(source)
    planted = (
        "import os\nfrom course_lib.grader.book import one_student\nplain = one_student.find_work\n"
    )
    planted += (
        "def find_work(folder, *rest):\n    if 'bob' in str(folder): os.kill(os.getpid(), 9)\n"
    )
    planted += "    return plain(folder, *rest)\none_student.find_work = find_work\n"
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "sitecustomize.py").write_text(planted)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'planted'}:{ROOT}")
    command = ["grade", str(tmp_path / "work"), "--out", str(tmp_path / "book"), "--chapters", "00"]
    assert main([*command, "--jobs", "2"]) == 1
    told = capsys.readouterr()
    assert "not graded: bob (grading this work ends the grader's process; look at it" in told.err
    assert "3 of 4 students" in told.out
    points = {(row["student"], row["verdict"]) for row in all_rows(tmp_path / "book")}
    assert points == {("ada", "right"), ("cy", "right"), ("eve", "right")}


def test_a_worker_uses_one_thread_and_has_time_for_answers_that_hang(tmp_path, monkeypatch):
    (tmp_path / "ada").mkdir()
    monkeypatch.setattr(one_student, "_chapter", lambda *told: iter(()))
    task = one_student.Task(ROOT, tmp_path / "ada", ("00", "02"), 1, "process")
    torch.set_num_threads(2)
    one_student.grade_student(task)
    assert torch.get_num_threads() == 1
    # Twice the limit of each, and no hours for what holds up the grader itself.
    assert 12 * 2 * 35 < one_student.patience(task) < 3600


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no folder has such a name")
@pytest.mark.skipif(seal.reachable()[0] != "strong", reason=seal.reachable()[1])
def test_a_folder_whose_name_is_no_text_is_told_and_moves_no_cursor(tmp_path, capsys):
    odd = os.fsdecode(b"bob\xff\n\x1b[2J")
    for student in ("ada", odd):
        (tmp_path / "work" / student).mkdir(parents=True)
        source = (ROOT / "solutions/00_start_here.py").read_text()
        (tmp_path / "work" / student / "00_start_here.py").write_text(source)
    command = ["grade", str(tmp_path / "work"), "--out", str(tmp_path / "book"), "--chapters", "00"]
    assert main([*command, "--jobs", "1"]) == 1
    told = capsys.readouterr()
    assert "no text that a file can hold: rename it" in told.err
    assert "\x1b" not in told.err + told.out and "1 of 2 students" in told.out
    assert {row["student"] for row in all_rows(tmp_path / "book")} == {"ada"}
