"""work/: copied once, never overwritten; and what `course lab` says before it starts."""

import argparse
import html
import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from course_lib import paths
from course_lib.commands import copies, lab, reset
from course_lib.commands.copies import find_chapter, keep_and_renew, make_copies
from course_lib.paths import ROOT

NOTEBOOK, EXERCISE = "02_attention.ipynb", "exercises/02_attention.ipynb"


@pytest.fixture
def root(tmp_path):
    """A course of two chapters, one with exercises."""
    for name in ("notebooks/00_start_here.ipynb", f"notebooks/{NOTEBOOK}", EXERCISE):
        path = tmp_path / "course" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"handed out: {name}")
    return tmp_path / "course"


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work"


def test_the_first_time_everything_is_copied(root, work):
    done = make_copies(root, work)
    assert done.new == ["00_start_here.ipynb", NOTEBOOK, EXERCISE] and done.newer == []
    assert (work / EXERCISE).read_text() == f"handed out: {EXERCISE}"


def test_edits_survive_a_rebuild_and_an_update_of_the_course(root, work):
    make_copies(root, work)
    (work / NOTEBOOK).write_text("my own work")
    (root / "notebooks" / NOTEBOOK).write_text("a rebuilt chapter")
    (root / "exercises" / "03_new.ipynb").write_text("a new exercise")
    done = make_copies(root, work)
    assert (work / NOTEBOOK).read_text() == "my own work"
    assert done.new == ["exercises/03_new.ipynb"] and done.newer == [NOTEBOOK]


def test_a_copy_that_nobody_edited_is_not_overwritten_either(root, work):
    make_copies(root, work)
    (root / EXERCISE).write_text("rebuilt")
    make_copies(root, work)
    assert (work / EXERCISE).read_text() == f"handed out: {EXERCISE}"


def test_files_of_the_learner_stay(root, work):
    work.mkdir()
    (work / NOTEBOOK).write_text("was here before")
    (work / "mine.ipynb").write_text("mine")
    done = make_copies(root, work)
    assert (work / NOTEBOOK).read_text() == "was here before" and NOTEBOOK not in done.new
    assert (work / "mine.ipynb").read_text() == "mine"


def test_a_dangling_link_is_not_replaced(root, work):
    work.mkdir()
    (work / NOTEBOOK).symlink_to(work / "nowhere")
    make_copies(root, work)
    assert (work / NOTEBOOK).is_symlink()


def test_a_lost_record_costs_only_the_notices(root, work):
    make_copies(root, work)
    (work / copies.RECORD).write_text("{")
    (root / EXERCISE).write_text("rebuilt")
    done = make_copies(root, work)
    assert done.new == [] and done.newer == []


def test_a_crash_half_way_leaves_no_half_notebook(root, work, monkeypatch):
    def crash(source, target):
        raise OSError("the disk is full")

    monkeypatch.setattr(paths.os, "replace", crash)
    with pytest.raises(OSError, match="full"):
        make_copies(root, work)
    assert [path for path in work.rglob("*") if path.is_file()] == []


def test_reset_keeps_the_old_copies_each_time(root, work):
    make_copies(root, work)
    for attempt in ("first", "second"):
        (work / NOTEBOOK).write_text(attempt)
        renewed = dict(keep_and_renew(root, work, "02_attention"))
        assert set(renewed) == {NOTEBOOK, EXERCISE}
    assert renewed[NOTEBOOK] == "02_attention.kept-2.ipynb"
    assert (work / "02_attention.kept-1.ipynb").read_text() == "first"
    assert (work / "02_attention.kept-2.ipynb").read_text() == "second"
    assert (work / "exercises/02_attention.kept-2.ipynb").exists()
    assert (work / NOTEBOOK).read_text() == f"handed out: notebooks/{NOTEBOOK}"


def test_after_a_reset_no_newer_version_is_announced(root, work):
    make_copies(root, work)
    (root / "notebooks" / NOTEBOOK).write_text("rebuilt")
    keep_and_renew(root, work, "02_attention")
    assert make_copies(root, work).newer == []


def test_a_reset_before_any_copy_keeps_nothing(root, work):
    assert keep_and_renew(root, work, "00_start_here") == [("00_start_here.ipynb", None)]


@pytest.mark.parametrize("text", ["2", "02", "02_attention", "02_attention.ipynb"])
def test_a_chapter_has_several_names(root, text):
    assert find_chapter(root, text) == "02_attention"


@pytest.mark.parametrize("text", ["7", "attention", "", "../02"])
def test_an_unknown_chapter_names_those_there_are(root, text):
    with pytest.raises(ValueError, match="00_start_here, 02_attention"):
        find_chapter(root, text)


def test_reset_tells_where_the_old_copy_is(root, work, monkeypatch, capsys):
    monkeypatch.setattr(reset, "ROOT", root)
    monkeypatch.setattr(reset, "WORK", work)
    make_copies(root, work)
    assert reset.run(argparse.Namespace(chapter="2")) == 0
    assert "yours is kept as 02_attention.kept-1.ipynb" in capsys.readouterr().out
    assert reset.run(argparse.Namespace(chapter="9")) == 2
    assert "02_attention" in capsys.readouterr().err


def course(*arguments, work):
    command = [sys.executable, "-m", "course_lib.cli", *arguments]
    environment = dict(os.environ, COURSE_WORK=str(work))
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def test_a_work_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    done = course("lab", "--prepare-only", work=tmp_path / "file" / "work")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr


def test_a_busy_port_is_one_sentence(work):
    with socket.socket() as taken:
        taken.bind((lab.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = course("lab", "--no-browser", "--port", str(port), work=work)
    assert done.returncode == 1
    assert done.stderr == f"course lab: port {port} is busy; choose another with --port\n"


def test_without_a_wish_a_free_port_is_found(monkeypatch):
    with socket.socket() as taken:
        taken.bind((lab.HOST, 0))
        taken.listen()
        first = taken.getsockname()[1]
        monkeypatch.setattr(lab, "FIRST_PORT", first)
        assert first < lab.free_port(None) < first + lab.TRIED_PORTS
    assert lab.free_port(70000) is None


def test_the_server_stays_on_this_machine_and_asks_nothing(root, work, monkeypatch):
    monkeypatch.setattr(lab, "WORK", work)
    make_copies(root, work)
    options = lab.command(8899, True, ["--expose-app-in-browser"])
    assert "--ServerApp.ip=127.0.0.1" in options and "--ServerApp.open_browser=False" in options
    assert f"--ServerApp.root_dir={work}" in options
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in options
    assert "--LabApp.news_url=None" in options and options[-1] == "--expose-app-in-browser"
    assert not any("token" in option for option in options)


def test_the_news_name_what_is_new_and_what_is_newer(work):
    text = lab.news(copies.Copied(new=["a.ipynb"], newer=[EXERCISE]), work)
    assert "New: a.ipynb" in text and "course.py reset 02" in text


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Ask a JupyterLab that `course lab` started; its work folder holds a script with cells."""
    work = tmp_path_factory.mktemp("lab") / "work"
    make_copies(ROOT, work)
    (work / "a.py").write_text("# %%\nx = 1\n")
    port = lab.free_port(None)
    command = [sys.executable, "-m", "course_lib.cli", "lab", "--no-browser", "--port", str(port)]
    environment = dict(os.environ, COURSE_WORK=str(work), JUPYTER_TOKEN="secret")
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)

    def ask(place):
        address = f"http://{lab.HOST}:{port}{place}"
        wanted = urllib.request.Request(address, headers={"Authorization": "token secret"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(wanted) as answer:
            return answer.read().decode()

    try:
        assert lab.wait_until_up(server, port)
        yield ask
    finally:
        lab.stop(server)


def test_a_script_stays_a_script_although_jupytext_is_installed(served):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        served("/api/contents/a.py?type=notebook")
    assert json.loads(served("/api/contents/a.py"))["type"] == "file"


def test_jupytext_adds_nothing_to_the_menus_and_other_extensions_stay(served):
    config = re.search(
        r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', served("/lab"), re.S
    )
    page = json.loads(html.unescape(config[1]))
    assert page["disabledExtensions"] == ["jupyterlab-jupytext"]
    assert page["terminalsAvailable"] is True
    assert json.loads(served("/lsp/status"))["version"]
