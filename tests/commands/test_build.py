"""`course build` in a small course of its own: what is stale, what is executed, what is kept."""

import argparse
import json

import pytest

from course_lib.commands import build
from course_lib.notebooks import Cell

HEADER = "# ---\n# jupyter:\n#   kernelspec:\n#     name: python3\n# ---\n\n"
CHAPTER = HEADER + '# %% [markdown]\n# # 07 · Title\n\n# %%\nprint("ran")\n'
SOLVED = HEADER + (
    '# %% tags=["07.one"]\ndef one():\n    # BEGIN SOLUTION\n    return 1\n    # END SOLUTION\n'
)


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    for folder in ("notebooks/src", "solutions", "exercises"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "notebooks/src/07_seven.py").write_text(CHAPTER)
    (tmp_path / "solutions/07_seven.py").write_text(SOLVED)
    return tmp_path


def run(*names, **options):
    given = {"check": False, "all": False, "solved": None, "names": list(names)} | options
    return build.run(argparse.Namespace(**given))


def test_a_build_is_executed_once_and_then_fresh(course, capsys):
    assert run(check=True) == 1
    assert "stale: notebooks/07_seven.ipynb" in capsys.readouterr().err
    assert run() == 0 and run(check=True) == 0
    capsys.readouterr()
    assert run() == 0 and capsys.readouterr().out == ""
    made = json.loads((course / "notebooks/07_seven.ipynb").read_text())
    assert made["cells"][1]["outputs"][0]["text"] == ["ran\n"]
    assert made["cells"][1]["execution_count"] == 1


@pytest.mark.parametrize("path", ["notebooks/src/07_seven.py", "solutions/07_seven.py"])
def test_a_changed_source_makes_its_product_stale(course, path):
    run()
    (course / path).write_text((course / path).read_text() + "\n# %%\nx = 1\n")
    assert run(check=True) == 1


def test_a_changed_quiz_makes_its_page_stale(course):
    quiz = course / "notebooks/quizzes/07_seven.toml"
    quiz.parent.mkdir()
    quiz.write_text("[[questions]]\n")
    run()
    assert run(check=True) == 0
    quiz.write_text("[[questions]]\nask = 'why?'\n")
    assert run(check=True) == 1


def test_a_notebook_changed_by_hand_or_never_run_is_stale(course):
    run()
    path = course / "notebooks/07_seven.ipynb"
    made = json.loads(path.read_text())
    made["cells"][1]["execution_count"] = None
    path.write_text(json.dumps(made))
    assert run(check=True) == 1
    made["cells"][1] |= {"execution_count": 1, "source": ["print('other')"]}
    path.write_text(json.dumps(made))
    assert run(check=True) == 1


def test_a_product_without_a_source_is_reported(course, capsys):
    run()
    (course / "exercises/08_gone.ipynb").write_text("{}")
    assert run(check=True) == 1
    assert "08_gone" in capsys.readouterr().err


def test_learners_get_the_stub_and_solved_has_the_answer(course, tmp_path):
    run()
    stub = json.loads((course / "exercises/07_seven.ipynb").read_text())
    assert 'raise NotImplementedError("your turn")' in "".join(stub["cells"][0]["source"])
    assert run(solved=str(tmp_path / "out")) == 0
    solved = json.loads((tmp_path / "out/07_seven.ipynb").read_text())
    assert "".join(solved["cells"][0]["source"]) == "def one():\n    return 1"
    assert solved["cells"][0]["execution_count"] == 1


def test_an_unknown_chapter_is_refused_with_those_there_are(course):
    with pytest.raises(SystemExit, match="no chapter '12'; there are: 07_seven"):
        run("12")


def test_unpaired_markers_name_the_file(course):
    (course / "solutions/07_seven.py").write_text(HEADER + "# %%\n# BEGIN SOLUTION\nx = 1\n")
    with pytest.raises(ValueError, match=r"07_seven\.py, cell .*BEGIN SOLUTION has no"):
        run()


def test_outputs_carry_no_machine_and_no_dead_widget(tmp_path):
    cells = [
        Cell("code", "1 / 0", ("raises-exception",)),
        Cell("code", "import ipywidgets\nipywidgets.IntSlider()"),
    ]
    made = build.execute(build.notebook_of(cells), tmp_path)
    error, control = (cell["outputs"][0] for cell in made["cells"])
    assert error["traceback"] == ["ZeroDivisionError: division by zero"]
    assert control["data"] == {"text/plain": ["Run the page down to this cell to use the control."]}
    assert set(made["metadata"]) == {"kernelspec", "language_info", "course"}


def test_the_same_cells_give_the_same_notebook():
    cells = [Cell("markdown", "# A"), Cell("code", "x = 1", ("setup",))]
    assert build.notebook_of(cells) == build.notebook_of(cells)
