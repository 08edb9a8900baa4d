"""The sheets that the processes of one run share: private, whole or not there, gone afterwards."""

import os
import stat
from concurrent.futures import Future
from dataclasses import replace
from itertools import product

import pytest
from handed_in import notebook

from course_lib.grader.book import batch, shelf
from course_lib.grader.book.grading import grade_submission
from course_lib.grader.book.one_student import Task
from course_lib.grader.course.files import exercises, sheet_for
from course_lib.grader.judging.flat import shallow
from course_lib.grader.judging.trees import identical
from course_lib.paths import ROOT

ID = "00.scores"


@pytest.fixture
def folder(tmp_path):
    with shelf.shelf(tmp_path / "book") as made:
        yield made


@pytest.fixture
def bakes(monkeypatch):
    """What is baked here, with what other processes have in memory left out."""
    made = []
    shelf._shared.cache_clear()
    monkeypatch.setattr(shelf, "sheet_for", lambda *told: made.append(told[1]) or sheet_for(*told))
    return made


def same(one, other):
    """Is all of two sheets equal but the solution, which no file holds?"""
    whole = (replace(s, solution="", mistakes=tuple(s.mistakes)) for s in (one, other))
    return identical(*map(shallow, whole))


def another_process():
    shelf._shared.cache_clear()


def test_one_process_bakes_and_the_other_reads_the_same(folder, bakes):
    first = shelf.shared_sheet(folder, ROOT, ID, 5)
    another_process()
    second = shelf.shared_sheet(folder, ROOT, ID, 5)
    assert bakes == [ID]
    assert same(first, second) and not same(second, sheet_for(ROOT, ID, 6))


def test_another_seed_or_value_is_another_sheet(folder, bakes):
    own = next(each for each in exercises(ROOT) if each.choices)
    usual, *_, others = product(*own.choices.values())
    values = [dict(zip(own.choices, each, strict=True)) for each in (usual, others)]
    told = [(5, values[0]), (6, values[0]), (5, values[1])]
    sheets = [shelf.shared_sheet(folder, ROOT, own.id, *each) for each in told]
    assert len(bakes) == 3 and not same(sheets[0], sheets[1]) and not same(sheets[0], sheets[2])


def test_nobody_else_may_look(folder):
    os.umask(os.umask(0))  # whatever it is
    shelf.shared_sheet(folder, ROOT, ID, 5)
    (path,) = folder.iterdir()
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, folder, folder.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_half_a_sheet_is_baked_again(folder, bakes):
    shelf.shared_sheet(folder, ROOT, ID, 5)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    another_process()
    assert same(shelf.shared_sheet(folder, ROOT, ID, 5), sheet_for(ROOT, ID, 5))
    assert bakes == [ID, ID] and path.read_bytes() == whole


def test_it_is_gone_after_the_run_and_what_a_killed_run_left_too(tmp_path):
    left = tmp_path / f"{shelf.NAME}old"
    left.mkdir()
    (left / "sheet").write_text("of another seed")
    with shelf.shelf(tmp_path) as folder:
        shelf.shared_sheet(folder, ROOT, ID, 5)
        assert not left.exists() and len(list(folder.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_the_folder_a_worker_bakes_its_own(tmp_path, bakes):
    for folder in (None, tmp_path / "on another machine"):
        assert shelf.shared_sheet(folder, ROOT, ID, 5).id == ID
    assert bakes == [ID, ID] and list(tmp_path.iterdir()) == []


def test_no_answer_reads_sheets_or_seed(warm, folder, tmp_path):
    shelf.shared_sheet(folder, ROOT, ID, 5)
    (path,) = folder.iterdir()
    (folder.parent / "book.json").write_text('{"seed": 5}')
    tries = [f"open({str(p)!r}, 'rb').read()" for p in (path, folder.parent / "book.json")]
    tries += [f"os.listdir({str(p)!r})" for p in (folder, folder.parent)]
    for attempt in tries:
        source = f"import os\ndef scores(query, keys):\n    raise ValueError(len({attempt}))"
        work = notebook(tmp_path / "00_a.ipynb", (source, ID))
        (graded,) = grade_submission(warm, work, [ID], 5)
        told = " ".join(graded.verdict.crash)
        assert "PermissionError" in told or "FileNotFoundError" in told, (attempt, told)


class Notes:
    """An executor that keeps what it is given."""

    def submit(self, function, task):
        self.tasks = [*getattr(self, "tasks", []), task]
        done = Future()
        done.set_result(([], {}))
        return done


@pytest.mark.parametrize("level", ["strong", "process"])
def test_workers_begin_with_different_sheets_and_share_only_under_seal(tmp_path, level):
    chapters = tuple(f"{number:02}" for number in range(8))
    tasks = [Task(ROOT, tmp_path / name, chapters, 5, level) for name in "abcd"]
    for task in tasks:
        task.folder.mkdir()
    executor = Notes()
    told = batch.grade_class(executor, tmp_path / "book", tasks)
    assert sorted(told) == [(name, "") for name in "abcd"]
    assert [task.chapters[0] for task in executor.tasks] == ["00", "04", "02", "06"]
    assert all(sorted(task.chapters) == list(chapters) for task in executor.tasks)
    assert {task.shelf is None for task in executor.tasks} == {level == "process"}
    assert [replace(t, chapters=chapters, shelf=None) for t in executor.tasks] == tasks
