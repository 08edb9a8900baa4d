"""The rooms of course_lib keep to themselves, stay small and say what they are for."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "course_lib"
FILES = sorted(LIBRARY.rglob("*.py"))
TRANSFORMER = {"nn", "models", "data", "training", "generation", "pretrained"}

# What a room may import of course_lib; a room that is not listed may import any but the answers.
ALLOWED = {
    "nn": {"nn"},
    "models": {"models", "nn"},
    "data": {"data", "pretrained.packages"},
    "pretrained": {"pretrained", "models", "nn"},
}
FORBIDDEN = {
    "training": {"models", "pretrained"},
    "generation": {"models", "pretrained"},
    "plots": TRANSFORMER,
    "views": TRANSFORMER,
    "grader": TRANSFORMER | {"plots", "views"},
}
# The grader's wings: each imports only itself and those before it.
WINGS = ("judging", "running", "course", "book", "similar")
# Third parties for whom a room has no use.
PACKAGES = {
    "nn": {"torch", "einops", "jaxtyping"},
    "models": {"torch", "einops", "jaxtyping"},
    "generation": {"torch", "einops", "jaxtyping"},
    "plots": {"torch", "numpy", "matplotlib", "seaborn"},
}


def name(path):
    return path.relative_to(LIBRARY).with_suffix("").as_posix()


def room(path):
    return name(path).split("/")[0]


def imports(path):
    """Every module that a file imports, inside functions too, written out in full."""
    package = ("course_lib", *path.relative_to(LIBRARY).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def inside(module, places):
    """Is `module` one of these places of course_lib, or within one?"""
    return any(f"{module}.".startswith(f"course_lib.{place}.") for place in places)


def forbidden(path):
    """Places that this file may not import: other rooms, and later wings of the grader."""
    places, parts = FORBIDDEN.get(room(path), set()), name(path).split("/")
    if room(path) == "grader" and parts[1] in WINGS:
        later = WINGS[WINGS.index(parts[1]) + 1 :]
        return places | {f"grader.{wing}" for wing in later}
    return places


def broken_imports(path):
    for module in imports(path):
        top = module.split(".")[0]
        allowed = PACKAGES.get(room(path))
        if top in ("solutions", "exercises"):
            yield module
        elif top != "course_lib":
            if allowed and top not in allowed and top not in sys.stdlib_module_names:
                yield module
        elif module == "course_lib":
            continue  # what is taken from it follows as course_lib.NAME
        elif room(path) in ALLOWED:
            # "from course_lib.pretrained import packages" names its parent first
            places = ALLOWED[room(path)]
            parent = any(f"course_lib.{place}".startswith(f"{module}.") for place in places)
            if not parent and not inside(module, places):
                yield module
        elif inside(module, forbidden(path)):
            yield module


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_imports_only_what_its_room_may(path):
    assert not sorted(set(broken_imports(path)))


BOOK_RULES = {"course_lib.grader.book.rules", "course_lib.grader.book.rules.Rules"}


@pytest.mark.parametrize(
    "file, line, broken",
    [
        ("nn/x.py", "import seaborn", {"seaborn"}),
        ("nn/x.py", "import math, torch.nn", set()),
        ("nn/x.py", "from course_lib.nn.masks import causal_mask", set()),
        ("nn/x.py", "from course_lib import models", {"course_lib.models"}),
        (
            "models/x.py",
            "def f():\n    import course_lib.data.corpora",
            {"course_lib.data.corpora"},
        ),
        ("data/x.py", "from course_lib.pretrained.packages import package_folder", set()),
        ("data/x.py", "from course_lib.pretrained import minilm", {"course_lib.pretrained.minilm"}),
        ("data/x.py", "from ..nn import masks", {"course_lib.nn", "course_lib.nn.masks"}),
        ("grader/book/x.py", "from ..judging import sheet", set()),
        ("grader/book/x.py", "from ... import plots", {"course_lib.plots"}),
        ("grader/judging/x.py", "from ..book.rules import Rules", BOOK_RULES),
        ("grader/running/seal/x.py", "from ...book.rules import Rules", BOOK_RULES),
        ("views/x.py", "import course_lib.models.bert", {"course_lib.models.bert"}),
        ("plots.py", "import numpy, matplotlib.pyplot", set()),
        ("check.py", "from solutions.keys import x", {"solutions.keys", "solutions.keys.x"}),
    ],
)
def test_the_rule_sees_what_breaks_it(file, line, broken, tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "LIBRARY", tmp_path)
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert set(broken_imports(path)) == broken


def test_every_room_of_the_grader_is_in_a_wing():
    loose = {name(path).split("/")[1] for path in FILES if room(path) == "grader"}
    assert loose == {*WINGS, "__init__"}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_stays_under_200_lines_and_a_function_under_40(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 200
    functions = (
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = {f.name: size for f in functions if (size := f.end_lineno - f.lineno + 1) >= 40}
    assert not long


def methods(node):
    """The public functions and classes directly within a file or a class."""
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return [x for x in node.body if isinstance(x, kinds) and not x.name.startswith("_")]


@cache
def documented_methods():
    """(class, method) for every method of course_lib with a docstring: overrides inherit it."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in FILES)
    classes = (x for tree in trees for x in ast.walk(tree) if isinstance(x, ast.ClassDef))
    return {(x.name, m.name) for x in classes for m in methods(x) if ast.get_docstring(m)}


def without_docstring(file):
    """Public classes, functions and methods of a file that say nothing about themselves."""
    for node in [file, *methods(file)]:
        if not ast.get_docstring(node):
            yield getattr(node, "name", "the file itself")
        if isinstance(node, ast.ClassDef):
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            for method in methods(node):
                documented = any((base, method.name) in documented_methods() for base in bases)
                if not documented and not ast.get_docstring(method):
                    yield f"{node.name}.{method.name}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_public_name_says_what_it_is(path):
    assert not list(without_docstring(ast.parse(path.read_text(encoding="utf-8"))))


def test_importing_attention_brings_no_plotting_and_no_compiler():
    script = (
        "import sys, torch; before = set(sys.modules); import course_lib.nn.multi_head as a; "
        "a.MultiHeadAttention(12, 3)(torch.zeros(1, 2, 12)); "
        "print(*set(sys.modules) - before)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    new = result.stdout.split()
    assert "course_lib.nn.multi_head" in new
    unwanted = ("matplotlib", "seaborn", "pandas", "torch._dynamo", "transformers", "IPython")
    assert not [
        module for module in new if f"{module}.".startswith(tuple(f"{u}." for u in unwanted))
    ]


def test_no_two_test_files_have_one_name():
    """pytest would collect the first and stop at the second."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
