"""`course release --closed`: answers that nothing needs are gone, and everything left works."""

import ast
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib.cli import main
from course_lib.commands.closed import close
from course_lib.commands.kernels import OwnKernel
from course_lib.commands.needs import Needs
from course_lib.commands.release import release, wanted
from course_lib.grader.course.files import exercises
from course_lib.paths import ROOT

EVERYTHING = """
import ast, importlib, pkgutil, sys, warnings
from pathlib import Path
from course_lib.notebooks import read_cells
import course_lib
bundle = Path(course_lib.__file__).parents[1]
assert str(bundle) == sys.argv[1], bundle
for module in pkgutil.walk_packages(course_lib.__path__, "course_lib."):
    if not module.name.endswith("_process"):
        importlib.import_module(module.name)
taken = 0
for page in sorted(bundle.rglob("*.ipynb")):
    for cell in read_cells(page):
        for node in ast.parse(cell.source).body if cell.kind == "code" else []:
            if isinstance(node, ast.ImportFrom) and node.module.startswith("course_lib"):
                exec(ast.unparse(node))
                taken += 1
print(taken)
"""


def run(bundle, source, *arguments):
    env = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "PYTHONPATH": str(bundle)}
    command = [sys.executable, "-c", source, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=bundle)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """Chapter 02 alone, closed, and what it lost."""
    out, gone = tmp_path_factory.mktemp("closed") / "class", []
    release(out, {"02"}, gone)
    return out, gone


@pytest.mark.parametrize("chapters", ["", "02-03", "04"])
def test_all_that_is_left_can_be_imported_and_all_that_pages_import_is_left(
    tmp_path, chapters, light_sheets_here
):
    gone: list[str] = []
    release(tmp_path / "class", wanted(chapters or None), gone)
    told = run(tmp_path / "class", EVERYTHING, str(tmp_path / "class"))
    assert told.returncode == 0, told.stderr[-2000:]
    assert int(told.stdout) > 5
    assert gone or not chapters, "one chapter alone doesn't need all"


@pytest.mark.parametrize(
    "source",
    [
        "from course_lib.models import Writer",
        "from course_lib import models",
        "import course_lib.models.writer",
    ],
)
def test_what_a_page_takes_through_a_room_is_needed(source):
    needs = Needs(ROOT)
    place = ROOT / "course_lib" / "models" / "writer.py", "Writer"
    assert place in needs.of_code(ast.parse(source))
    assert place not in needs.of_code(ast.parse("from course_lib.models import Seq2Seq"))


def test_later_answers_are_gone_and_the_rest_of_the_library_is_there(second):
    bundle, gone = second
    named = {entry.split()[0] for entry in gone}
    assert {"causal_mask", "padding_mask", "split_heads", "MultiHeadAttention"} <= named
    texts = [path.read_text() for path in (bundle / "course_lib").rglob("*.py")]
    asked = {e.name for e in exercises(ROOT)}
    for name in named & asked:
        assert not any(f"\ndef {name}(" in text or f"\nclass {name}(" in text for text in texts)
    # Chapter 02's page calls this one, so it has to stay: the guide says so.
    assert (
        "def scaled_dot_product_attention(" in (bundle / "course_lib/nn/attention.py").read_text()
    )
    missing = run(bundle, "from course_lib.nn.masks import causal_mask")
    assert missing.returncode and "cannot import name 'causal_mask'" in missing.stderr
    open_one = (ROOT / "course_lib/nn/masks.py").read_text()
    assert "def causal_mask(" in open_one, "only the bundle is closed"


def test_its_page_runs_and_its_checks_work(second, monkeypatch):
    bundle, _ = second
    monkeypatch.setenv("PYTHONPATH", str(bundle))
    (page,) = (bundle / "notebooks").glob("02_*.ipynb")
    made = nbformat.read(page, as_version=4)
    made.cells.append(nbformat.v4.new_code_cell("import course_lib; print(course_lib.__file__)"))
    options = {"resources": {"metadata": {"path": str(page.parent)}}, "timeout": 120}
    NotebookClient(made, kernel_manager_class=OwnKernel, **options).execute()
    assert str(bundle) in made.cells[-1].outputs[0]["text"]
    source = "from course_lib.check import check\ndef f(q, k): return (q @ k.T / 1).softmax(-1)\n"
    told = run(bundle, source + "print(check('02.attention-weights', f))")
    assert "[wrong] 02.attention-weights" in told.stdout, told.stderr


def test_the_command_says_what_it_left_out(tmp_path, capsys):
    assert main(["release", str(tmp_path / "c"), "--chapters", "04", "--closed"]) == 0
    told = capsys.readouterr().out
    assert "left out of course_lib: " in told and "(nn/" in told


LIBRARY = {
    "__init__.py": "",
    "check.py": "from course_lib.nn.kept import needed\n",
    "nn/__init__.py": "from .a import wanted, free  # noqa\nfrom .b import other\n",
    "nn/a.py": (
        "import functools\nfrom course_lib.nn.kept import needed\n\n\n# About it.\n"
        "@functools.cache\ndef wanted(x):\n    return _helper(x) + needed(x)\n\n\n"
        "def _helper(x):\n    return x\n\n\ndef free(x):\n    return _shared(x)\n\n\n"
        "def _shared(x):\n    return x\n"
    ),
    "nn/b.py": "from course_lib.nn.a import wanted\n\n\ndef other(x):\n    return wanted(x)\n",
    "nn/c.py": "from course_lib.nn.a import wanted\n\nTABLE = {1: wanted}\n",
    "nn/kept.py": (
        "def needed(x):\n    return x\n\n\ndef alike(y):\n    z = y * 2 + 1\n    return z\n"
    ),
}


def test_what_goes_what_stays_and_what_goes_along(tmp_path):
    for name, text in LIBRARY.items():
        (tmp_path / "course_lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "course_lib" / name).write_text(text)
    solution = "def mine(a):\n    '''Text.'''\n    b = a * 2 + 1\n    return b\n"
    gone = close(tmp_path, {"wanted", "needed"}, [solution])
    assert gone == [
        "_helper (nn/a.py)", "wanted (nn/a.py)", "other (nn/b.py)", "alike (nn/kept.py)",
    ]  # fmt: skip
    library = tmp_path / "course_lib/nn"
    assert library.joinpath("a.py").read_text() == (
        "import functools\nfrom course_lib.nn.kept import needed\n\n\n"
        "def free(x):\n    return _shared(x)\n\n\ndef _shared(x):\n    return x\n"
    )
    assert library.joinpath("__init__.py").read_text() == "from .a import free\n"
    assert library.joinpath("b.py").read_text() == "\n"
    assert not library.joinpath("c.py").exists(), "a table of what is gone can't be made"
    assert run(tmp_path, "import course_lib.nn.a, course_lib.check").returncode == 0
