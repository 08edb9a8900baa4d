"""A chapter says which command brings a pretrained model, and runs on without it."""

import ast

import pytest

from course_lib import claims
from course_lib.notebooks import read_cells
from course_lib.paths import ROOT
from course_lib.pretrained import smollm2
from course_lib.pretrained.packages import package_folder


@pytest.mark.filterwarnings("ignore")
def test_13_runs_on_without_smollm2(monkeypatch, capsys):
    """With its own small model, which is trained for three steps here: so nothing is claimed."""
    monkeypatch.setattr(smollm2, "package_folder", lambda _: package_folder("no_such_smollm2"))
    monkeypatch.setattr(smollm2, "hub_folder", lambda *_: package_folder("no_such_hub"))
    monkeypatch.setattr(claims, "claim", lambda text, holds: print(text, bool(holds)))
    cells = read_cells(ROOT / "notebooks" / "src" / "13_gpt.py")
    code = "\n".join(cell.source for cell in cells if cell.kind == "code")
    assert code.count(", 400, ") == 1  # steps
    page: dict = {}
    exec(compile(ast.parse(code.replace(", 400, ", ", 3, ")), "13_gpt", "exec"), page)
    told = capsys.readouterr().out
    assert "no-such-smollm2 is not installed: run `python3 course.py setup`" in told
    assert page["smol"] is page["writer"] and "library's logits True" not in told.split("setup`")[1]
