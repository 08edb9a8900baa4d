"""work/: a learner's from the first touch on; and what `course lab` says before it starts."""

import argparse
import hashlib
import html
import json
import os
import platform
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib import cli, paths
from course_lib.commands import build, copies, lab, reset, server
from course_lib.commands.copies import find_chapter, keep_and_renew, make_copies
from course_lib.commands.kernels import OwnKernel
from course_lib.notebooks import text_of
from course_lib.paths import ROOT, text_digest

NOTEBOOK, EXERCISE = "02_attention.ipynb", "exercises/02_attention.ipynb"


def notebook(text, output=None):
    """A chapter of one cell, as the course has it: run, if there is an output."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": [text], "outputs": []}
    cell["execution_count"] = None
    if output:
        shown = {"output_type": "stream", "name": "stdout", "text": [output]}
        cell |= {"outputs": [shown], "execution_count": 1}
    metadata = {"kernelspec": build.KERNEL, "language_info": {"name": "python"}}
    return text_of({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def source(path):
    return "".join(json.loads(path.read_text())["cells"][0]["source"])


@pytest.fixture
def root(tmp_path):
    """A course of two chapters, one with exercises."""
    for name in ("notebooks/00_start_here.ipynb", f"notebooks/{NOTEBOOK}", EXERCISE):
        path = tmp_path / "course" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook(f"handed out: {name}", output="the outcome"))
    return tmp_path / "course"


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work"


def test_the_first_time_everything_is_copied(root, work):
    done = make_copies(root, work)
    assert done.new == ["00_start_here.ipynb", NOTEBOOK, EXERCISE] and done.newer == []
    assert source(work / EXERCISE) == f"handed out: {EXERCISE}"


def test_a_copy_has_no_outputs_and_names_this_python(root, work):
    make_copies(root, work)
    for name in (NOTEBOOK, EXERCISE):
        made = json.loads((work / name).read_text())
        assert made["cells"][0]["outputs"] == [] and made["cells"][0]["execution_count"] is None
        assert made["metadata"]["kernelspec"] == build.KERNEL
        assert made["metadata"]["language_info"]["version"] == platform.python_version()
    assert "the outcome" in (root / "notebooks" / NOTEBOOK).read_text()


def test_the_language_is_what_a_kernel_says_itself(tmp_path):
    said = {}

    def kernel_says(**told):
        said.update(told["notebook"].metadata.language_info)

    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    options = {"kernel_name": "python3", "kernel_manager_class": OwnKernel}
    NotebookClient(made, on_notebook_complete=kernel_says, **options).execute()
    assert said == copies.language()


def test_what_was_changed_or_run_survives_an_update_of_the_course(root, work):
    make_copies(root, work)
    (work / NOTEBOOK).write_text(notebook("my own work"))
    (work / EXERCISE).write_text(notebook(f"handed out: {EXERCISE}", output="mine"))
    for path in (root / "notebooks" / NOTEBOOK, root / EXERCISE):
        path.write_text(notebook("a rebuilt chapter"))
    (root / "exercises" / "03_new.ipynb").write_text(notebook("a new exercise"))
    done = make_copies(root, work)
    assert source(work / NOTEBOOK) == "my own work" and "mine" in (work / EXERCISE).read_text()
    assert done.new == ["exercises/03_new.ipynb"] and done.newer == [NOTEBOOK, EXERCISE]
    assert done.renewed == [] and make_copies(root, work).newer == [NOTEBOOK, EXERCISE]


def test_a_copy_that_nobody_touched_is_renewed(root, work):
    make_copies(root, work)
    saved = json.loads((work / EXERCISE).read_text())
    saved["metadata"]["language_info"]["version"] = "3.99.0"
    (work / EXERCISE).write_text(json.dumps(saved))  # saved elsewhere, with nothing changed
    (root / EXERCISE).write_text(notebook("rebuilt"))
    done = make_copies(root, work)
    assert done.renewed == [EXERCISE] and done.newer == []
    assert source(work / EXERCISE) == "rebuilt"
    assert make_copies(root, work) == copies.Copied()


@pytest.mark.parametrize("touched", [False, True])
def test_copies_of_before_which_had_outputs_are_renewed_unless_touched(root, work, touched):
    work.mkdir()
    old = (root / "notebooks" / NOTEBOOK).read_text()
    note = {NOTEBOOK: hashlib.sha256(old.encode()).hexdigest()}
    (work / copies.RECORD).write_text(json.dumps(note))
    (work / NOTEBOOK).write_text(old.replace("handed out", "mine") if touched else old)
    done = make_copies(root, work)
    assert (done.renewed, done.newer) == ([] if touched else [NOTEBOOK], [])
    assert ("the outcome" in (work / NOTEBOOK).read_text()) == touched


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": [1]}', "\udcff"])
def test_what_is_no_notebook_any_more_is_left_alone(root, work, text):
    make_copies(root, work)
    (work / NOTEBOOK).write_bytes(text.encode(errors="surrogateescape"))
    (root / "notebooks" / NOTEBOOK).write_text(notebook("rebuilt"))
    assert make_copies(root, work).newer == [NOTEBOOK]
    assert (work / NOTEBOOK).read_bytes() == text.encode(errors="surrogateescape")


def test_a_damaged_course_is_named(root, work, monkeypatch, capsys):
    (root / EXERCISE).write_text("{")
    for module in (lab, reset):
        monkeypatch.setattr(module, "ROOT", root)
        monkeypatch.setattr(module, "WORK", work)
    assert lab.run(argparse.Namespace(prepare_only=True)) == 1
    assert reset.run(argparse.Namespace(chapter="2")) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and all(f"{EXERCISE} is no notebook" in line for line in told)


def test_new_outputs_alone_are_no_newer_chapter(root, work):
    make_copies(root, work)
    (work / NOTEBOOK).write_text(notebook("mine"))
    path = root / "notebooks" / NOTEBOOK
    path.write_text(path.read_text().replace("the outcome", "another run"))
    assert make_copies(root, work) == copies.Copied()


def test_files_of_the_learner_stay(root, work):
    work.mkdir()
    (work / NOTEBOOK).write_text("was here before")
    (work / "mine.ipynb").write_text("mine")
    done = make_copies(root, work)
    assert (work / NOTEBOOK).read_text() == "was here before" and NOTEBOOK not in done.new
    assert (work / "mine.ipynb").read_text() == "mine"


def test_a_link_is_not_replaced(root, work, tmp_path):
    work.mkdir()
    (work / NOTEBOOK).symlink_to(work / "nowhere")
    make_copies(root, work)
    assert (work / NOTEBOOK).is_symlink()
    (work / EXERCISE).rename(tmp_path / "elsewhere.ipynb")
    (work / EXERCISE).symlink_to(tmp_path / "elsewhere.ipynb")
    (root / EXERCISE).write_text(notebook("rebuilt"))
    assert make_copies(root, work).newer == [EXERCISE] and (work / EXERCISE).is_symlink()


def test_a_lost_record_costs_only_the_notices(root, work):
    make_copies(root, work)
    (work / copies.RECORD).write_text("{")
    (root / EXERCISE).write_text(notebook("rebuilt"))
    assert make_copies(root, work) == copies.Copied()


def test_a_crash_half_way_leaves_no_half_notebook(root, work, monkeypatch):
    def crash(source, target):
        raise OSError("the disk is full")

    monkeypatch.setattr(paths.os, "replace", crash)
    with pytest.raises(OSError, match="full"):
        make_copies(root, work)
    assert [path for path in work.rglob("*") if path.is_file()] == []


def test_after_a_crash_what_was_written_is_still_known(root, work, monkeypatch):
    write = copies.write_atomic

    def crash(path, content):
        if path.name == NOTEBOOK:
            raise OSError("the disk is full")
        write(path, content)

    monkeypatch.setattr(copies, "write_atomic", crash)
    with pytest.raises(OSError, match="full"):
        make_copies(root, work)
    monkeypatch.undo()
    (root / "notebooks/00_start_here.ipynb").write_text(notebook("rebuilt"))
    done = make_copies(root, work)
    assert done.renewed == ["00_start_here.ipynb"] and done.new == [NOTEBOOK, EXERCISE]


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
    assert source(work / NOTEBOOK) == f"handed out: notebooks/{NOTEBOOK}"


def test_after_a_reset_no_newer_version_is_announced(root, work):
    make_copies(root, work)
    (work / NOTEBOOK).write_text("mine")
    (root / "notebooks" / NOTEBOOK).write_text(notebook("rebuilt"))
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


def test_a_reset_on_a_full_disk_leaves_the_old_notebook_in_its_place(
    root, work, monkeypatch, capsys
):
    monkeypatch.setattr(reset, "ROOT", root)
    monkeypatch.setattr(reset, "WORK", work)
    make_copies(root, work)
    (work / NOTEBOOK).write_text("mine")
    before = sorted(path.name for path in work.rglob("*"))

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies, "write_atomic", full)
    assert reset.run(argparse.Namespace(chapter="2")) == 1
    told = capsys.readouterr().err
    assert "No space left on device; your notebooks are where they were" in told
    assert (work / NOTEBOOK).read_text() == "mine"
    assert sorted(path.name for path in work.rglob("*")) == before


@pytest.mark.parametrize("port", ["0", "-1", "70000", "http", "8888.0", ""])
def test_an_odd_port_is_one_sentence(port, capsys):
    with pytest.raises(SystemExit):
        cli.main(["lab", "--port", port] if not port.startswith("-") else ["lab", f"--port={port}"])
    assert "is no port: a port is a number, 1 to 65535" in capsys.readouterr().err


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


def test_the_server_stays_on_this_machine_and_asks_nothing(work):
    options = server.command(8899, "lab/tree/00_start_here.ipynb", work, work)
    assert "--ServerApp.ip=127.0.0.1" in options and f"--ServerApp.root_dir={work}" in options
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in options
    assert "--LabApp.news_url=None" in options
    assert not any("token" in option for option in options)


def test_it_opens_the_first_chapter_there_is(root, work):
    assert lab.first_page(root, work) == "lab"
    make_copies(root, work)
    assert lab.first_page(root, work) == "lab/tree/00_start_here.ipynb"
    (work / "00_start_here.ipynb").unlink()
    assert lab.first_page(root, work) == f"lab/tree/{NOTEBOOK}"


def test_the_news_name_what_is_new_renewed_and_newer(work):
    text = lab.news(copies.Copied(["a.ipynb"], ["b.ipynb"], [EXERCISE]), work)
    assert "had not touched them: b.ipynb" in text
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


def page_config(served):
    """What JupyterLab's page is told."""
    config = re.search(
        r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', served("/lab"), re.S
    )
    return json.loads(html.unescape(config[1]))


def test_an_extension_of_the_course_is_served_under_a_name_that_changes_with_it(served):
    """Browsers keep what lies there for a year: under the old name no update would arrive."""
    own = [
        e for e in page_config(served)["federated_extensions"] if e["name"].startswith("course-")
    ]
    assert {e["name"] for e in own} == {path.name for path in server.OWN_EXTENSIONS.iterdir()}
    for extension in own:
        script = served(f"/lab/extensions/{extension['name']}/{extension['load']}")
        assert extension["load"] == f"static/{text_digest(script.encode())[:16]}.js"
        assert f'["{extension["name"]}"]' in script


def test_jupytext_adds_nothing_to_the_menus_and_other_extensions_stay(served):
    page = page_config(served)
    assert page["disabledExtensions"] == ["jupyterlab-jupytext"]
    assert page["terminalsAvailable"] is True
    assert json.loads(served("/lsp/status"))["version"]
