"""`course similar`: from a folder of submissions to a page, and no word too much."""

import ast
import importlib.util
import random
import textwrap

from course_lib.cli import main
from course_lib.paths import ROOT


def hand_in(folder, student, text):
    (folder / student).mkdir(parents=True)
    (folder / student / "00_start_here.py").write_text(text)


def cells(chance):
    """Answers to chapter 00 that nobody else would write."""
    text = ""
    for id, name in (("00.scores", "scores"), ("00.safe-softmax", "safe_softmax")):
        lines = [
            f"    x{i} = q.{chance.choice(['sum', 'mean', 'exp', 'tanh', 'cos', 'abs'])}()"
            f" * {chance.randrange(50)} - k[{chance.randrange(9)}].{chance.choice('abcdef')}"
            for i in range(8)
        ]
        text += f'# %% tags=["{id}"]\ndef {name}(q, k=None):\n' + "\n".join(lines) + "\n"
    return text


def test_a_planted_pair_is_named_and_the_rest_is_left_alone(tmp_path, capsys):
    chance = random.Random(1)
    for number in range(20):
        hand_in(tmp_path / "work", f"s{number:02}", cells(chance))
    copied = (tmp_path / "work/s03/00_start_here.py").read_text()
    for old, new in (("(q,", "(query,"), ("q.", "query."), ("x1 ", "other "), ("x2 ", "it ")):
        copied = copied.replace(old, new)
    hand_in(tmp_path / "work", "zoe", "# mine\n" + copied)
    out = tmp_path / "page" / "similar.html"
    assert main(["similar", str(tmp_path / "work"), "--out", str(out), "--chapters", "00"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "21 students, 42 answers compared"
    assert told[1].startswith("s03 and zoe: far above the limit, ") and "00.scores" in told[1]
    assert told[2] == f"{out}: 1 to look at" and len(told) == 3
    assert "s03 and zoe" in out.read_text() and "s05" not in out.read_text()


def test_the_solutions_of_a_small_class_name_nobody(tmp_path, capsys):
    for student in ("ada", "bob", "cy"):
        hand_in(tmp_path, student, (ROOT / "solutions/00_start_here.py").read_text())
    assert main(["similar", str(tmp_path), "--out", str(tmp_path / "x.html")]) == 0
    printed = capsys.readouterr()
    assert "0 to look at" in printed.out and "fewer than 12 students" in printed.err


def test_what_is_missing_is_said(tmp_path, capsys, monkeypatch):
    assert main(["similar", str(tmp_path / "none"), "--out", str(tmp_path / "x.html")]) == 2
    assert "is not a folder of submissions" in capsys.readouterr().err
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["similar", str(tmp_path), "--out", str(tmp_path / "x.html")]) == 2
    assert "-e '.[similar]'" in capsys.readouterr().err


def test_a_page_that_is_a_folder_is_refused_before_any_work(tmp_path, capsys):
    hand_in(tmp_path / "work", "ada", cells(random.Random(1)))
    asked = ["similar", str(tmp_path / "work"), "--out", str(tmp_path), "--chapters", "00"]
    assert main(asked) == 2
    assert f"--out {tmp_path} is a folder; name the page" in capsys.readouterr().err


def test_a_stub_that_stands_last_hides_no_copy(tmp_path, capsys):
    """Grading takes whichever definition is right, so all of them are compared."""
    chance = random.Random(1)
    for number in range(20):
        hand_in(tmp_path / "work", f"s{number:02}", cells(chance))
    copied = (tmp_path / "work/s03/00_start_here.py").read_text()
    for id, name in (("00.scores", "scores"), ("00.safe-softmax", "safe_softmax")):
        copied += f'# %% tags=["{id}"]\ndef {name}(q, k=None):\n    return None\n'
    hand_in(tmp_path / "work", "zoe", copied)
    out = tmp_path / "similar.html"
    assert main(["similar", str(tmp_path / "work"), "--out", str(out), "--chapters", "00"]) == 0
    assert "s03 and zoe: far above the limit, " in capsys.readouterr().out


def test_what_another_chapter_or_room_shows_names_nobody(tmp_path, capsys):
    """Two students who look into the same pages of the course have not copied from each other."""
    chance = random.Random(1)
    for number in range(20):
        hand_in(tmp_path / "work", f"s{number:02}", cells(chance))
    library = ast.parse((ROOT / "course_lib/training/muon.py").read_text())
    functions = [n for n in ast.walk(library) if isinstance(n, ast.FunctionDef)]
    taken = [ast.unparse(part) for function in functions for part in function.body]
    answer = "def scores(q, k):\n" + textwrap.indent("\n".join(taken), "    ")
    for student in ("yan", "zoe"):
        hand_in(tmp_path / "work", student, f'# %% tags=["00.scores"]\n{answer}\n')
    out = tmp_path / "similar.html"
    assert main(["similar", str(tmp_path / "work"), "--out", str(out), "--chapters", "00"]) == 0
    assert "0 to look at" in capsys.readouterr().out
