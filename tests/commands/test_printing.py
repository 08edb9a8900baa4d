"""Every command prints on every code page: what it lacks becomes a question mark."""

import contextlib
import io
import os
import subprocess
import sys

import pytest

from course_lib.cli import COMMANDS, main
from course_lib.paths import ROOT

CODE_PAGES = ("ascii", "cp1252", "cp437", "utf-8")
WRONG = (
    '# %%\nimport torch\n\n# %% tags=["00.safe-softmax"]\n'
    "def safe_softmax(x):\n    print('⟨−…×·⟩')\n    return x.exp() / x.exp().sum(-1, True)\n"
)


@pytest.fixture(params=CODE_PAGES)
def shown(request, monkeypatch):
    """What a command shows on a terminal with this code page."""

    def call(*arguments):
        streams = {n: io.TextIOWrapper(io.BytesIO(), request.param) for n in ("stdout", "stderr")}
        with monkeypatch.context() as patched, contextlib.suppress(SystemExit):
            for name, stream in streams.items():
                patched.setattr(sys, name, stream)
            main(arguments)
        for stream in streams.values():
            stream.flush()
        told = b"".join(stream.buffer.getvalue() for stream in streams.values())
        return told.decode(request.param)

    return call


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_printed(shown, name):
    assert f"usage: course {name}" in shown(name, "--help")


def test_the_overview_is_printed(shown):
    assert "usage: course NAME" in shown()


@pytest.mark.parametrize("name", ["exercises", "progress", "doctor"])
def test_lists_are_printed(shown, name):
    assert len(shown(name).splitlines()) > 5


def test_verdicts_are_printed(shown, tmp_path):
    path = tmp_path / "00_mine.py"
    path.write_text(WRONG, encoding="utf-8")
    told = shown("check", str(path), "--hints", "3", "--solution")
    assert "this is what you get when" in told and "a solution:" in told


def test_errors_are_printed(shown):
    told = shown("check", "⟨nowhere⟩\udcff")
    assert "nowhere" in told and "neither a chapter" in told


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("locale", [C_LOCALE, {"PYTHONIOENCODING": "cp1252"}], ids=["C", "1252"])
@pytest.mark.parametrize("command", [["-m", "course_lib.cli", "progress"], ["course.py"]])
def test_so_it_is_in_a_process_of_its_own(tmp_path, locale, command):
    env = {name: told for name, told in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    env |= {"COURSE_WORK": str(tmp_path), **locale}
    done = subprocess.run([sys.executable, *command], capture_output=True, env=env, cwd=ROOT)
    assert b"Error" not in done.stderr and len(done.stdout.splitlines()) > 5
