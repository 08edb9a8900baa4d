"""What `pip install .` brings: the library and four packages, without the course's tools."""

import re
import subprocess
import sys
import tomllib

from course_lib import cli
from course_lib.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements):
    return {re.match(r"[\w-]+", line)[0] for line in requirements}


def test_the_library_needs_four_packages():
    assert names(PROJECT["dependencies"]) == {"torch", "einops", "jaxtyping", "safetensors"}
    assert {"jupyterlab", "matplotlib"} <= names(PROJECT["optional-dependencies"]["course"])


def test_parts_and_models_work_where_the_tools_are_not_installed():
    script = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None  # importing it fails
import torch
from course_lib.models import Bert, BertConfig, Seq2Seq, Seq2SeqConfig
import course_lib.nn
for name in course_lib.nn.__all__:
    getattr(course_lib.nn, name)
ids = torch.tensor([[5, 6, 7]])
print(tuple(Seq2Seq(Seq2SeqConfig(11, 11, 12, 3, 1, 7))(ids, ids).shape))
print(tuple(Bert(BertConfig(11, 12, 3, 1, 7))(ids).shape))
"""
    tools = sorted(
        names(PROJECT["optional-dependencies"]["course"]) - {"numpy"}
    )  # torch asks for it
    done = subprocess.run(
        [sys.executable, "-c", script, *tools], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split("\n")[:2] == ["(1, 3, 11)", "(1, 3, 12)"], done.stderr


def test_a_command_without_the_tools_says_what_installs_them(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "course_lib.commands.lab", None)
    assert cli.main(["lab"]) == 2
    assert "python -m pip install -e '.[course]'" in capsys.readouterr().err
