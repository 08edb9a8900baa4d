"""A class on a Dask cluster of two workers: the same lines, also when one of them is killed."""

import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import Future

import dask
import distributed
import pytest

from course_lib.cli import main
from course_lib.grader.book import batch, one_student
from course_lib.grader.book.came import Came
from course_lib.grader.book.gradebook import all_rows, open_book
from course_lib.grader.running import seal
from course_lib.paths import ROOT

LEVEL, REASON = seal.reachable()
pytestmark = pytest.mark.skipif(LEVEL != "strong", reason=REASON)
SEED = 11


@pytest.fixture(scope="module")
def submissions(tmp_path_factory):
    """Six students: solved, with a named mistake, and as handed out, twice each."""
    folder = tmp_path_factory.mktemp("submissions")
    solved = (ROOT / "solutions/00_start_here.py").read_text()
    wrong = solved.replace("x.amax(dim=-1, keepdim=True)", "x.max()")
    assert wrong != solved
    for number in range(6):
        work = folder / f"student{number}"
        work.mkdir()
        if number % 3 == 2:
            shutil.copy(ROOT / "exercises/00_start_here.ipynb", work)
        else:
            (work / "00_start_here.py").write_text(wrong if number % 3 else solved)
    return folder


@pytest.fixture(scope="module")
def local(submissions, tmp_path_factory):
    """The lines that two local processes write."""
    book = tmp_path_factory.mktemp("local")
    assert grade(submissions, book, "--jobs", "2") == 0
    return lines(book)


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=":0"
    ) as made:
        yield made


def grade(submissions, book, *more):
    arguments = ["--out", str(book), "--chapters", "00", "--seed", str(SEED), *more]
    return main(["grade", str(submissions), *arguments])


def lines(book):
    """All of the gradebook but what a clock says."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in all_rows(book)]


def warm_processes():
    told = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    return {row.split()[0] for row in told.splitlines() if "warm_process.py" in row}


def test_two_workers_write_the_lines_that_local_processes_write(
    submissions, local, cluster, tmp_path
):
    assert grade(submissions, tmp_path, "--scheduler", cluster.scheduler_address) == 0
    assert lines(tmp_path) == local
    assert sorted({row["points"] for row in local}) == [0, 1, 2]


def test_a_worker_killed_half_way_loses_nothing(submissions, local, tmp_path):
    """Every task waits until both workers have begun; then one is killed in the middle of it."""
    before = warm_processes()
    open_book(tmp_path, SEED)
    folders = sorted(submissions.iterdir())
    tasks = [one_student.Task(ROOT, folder, ("00",), SEED, "strong") for folder in folders]
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor(pure=False) as executor,
    ):
        killed, told = None, {}
        workers = client.run(os.getpid)
        for student, trouble in batch.grade_class(executor, tmp_path, tasks):
            told[student] = trouble
            if killed is None:
                busy = {w for w, keys in client.processing().items() if keys}
                killed = workers[sorted(busy)[0]]
                os.kill(killed, signal.SIGKILL)
    assert killed and set(told.values()) == {""} and len(told) == 6
    batch.note_times(tmp_path, tasks, {}, Came())
    assert lines(tmp_path) == local
    until = time.monotonic() + 60
    while warm_processes() - before and time.monotonic() < until:
        time.sleep(0.1)
    assert not warm_processes() - before, "a killed worker takes its warm process along"


def test_a_scheduler_that_is_not_there_is_told(submissions, tmp_path, capsys):
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        assert grade(submissions, tmp_path, "--scheduler", "tcp://127.0.0.1:9") == 2
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_without_dask_the_way_to_install_it_is_told(submissions, tmp_path, capsys, monkeypatch):
    from course_lib.commands import grade as command

    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert grade(submissions, tmp_path, "--scheduler", "tcp://127.0.0.1:9") == 2
    assert ".[cluster]" in capsys.readouterr().err


def test_a_worker_with_other_files_is_refused(submissions, tmp_path):
    task = one_student.Task(ROOT, submissions / "nobody", ("00",), SEED, "strong")
    with pytest.raises(FileNotFoundError, match="workers need the same folders"):
        one_student.grade_student(task)
    here = one_student.Task(ROOT, submissions / "student0", ("00",), SEED, "strong")

    class Elsewhere:
        def submit(self, function, task):
            done = Future()
            rows, works = function(task)
            done.set_result(([row | {"folder": "other"} for row in rows], works))
            return done

    ((student, trouble),) = batch.grade_class(Elsewhere(), tmp_path, [here])
    assert student == "student0" and "other files" in trouble
    assert not (tmp_path / "results").exists()
