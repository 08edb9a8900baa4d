"""What every exercise must declare: the edges of its text, and hints for whatever goes wrong.

A list of what is missing says what is left to do.
"""

import ast
import re

import pytest
import torch

from course_lib.grader.course.files import exercises, key_files, solution_cells
from course_lib.grader.course.setup import setup_cells
from course_lib.grader.judging.edges import Edges, uncovered
from course_lib.grader.judging.values import belongs
from course_lib.paths import ROOT

ALL = exercises(ROOT)


def test_every_declared_edge_has_a_case():
    missing = {}
    for exercise in ALL:
        for seed in range(3):
            cases = list(exercise.cases(torch.Generator().manual_seed(seed)))
            if told := uncovered(exercise.allows or Edges(), cases):
                missing[exercise.id] = told
    assert not missing


def test_every_exercise_declares_what_its_text_allows():
    missing = [e.id for e in ALL if e.allows is None]
    assert not missing


def test_every_exercise_has_three_general_hints():
    missing = [e.id for e in ALL if not e.hints]
    assert not missing


# "Write it without `x`", "do not use `x`", "use neither x nor y"; not "a word without padding".
FORBIDS = re.compile(r"[Ww]ithout `|[Dd]o not use `|[Dd]on't use `|use neither|and its relatives")
# Here the words forbid nothing.
SAID_OTHERWISE = {"05.multi-head": "without `key` the words look at themselves"}


def test_what_a_text_forbids_is_banned():
    missing = [e.id for e in ALL if not e.bans and forbids(e) and e.id not in SAID_OTHERWISE]
    assert not missing


def forbids(exercise):
    cells = [c for c in solution_cells(ROOT, exercise.chapter) if belongs(c, exercise.id)]
    text = " ".join(c.source.replace("\n#", " ") for c in cells if c.kind == "markdown")
    return FORBIDS.search(" ".join(text.split()))


def test_general_hints_say_something():
    short = {e.id: hint for e in ALL for hint in e.hints if len(hint) <= 8}
    assert not short


def test_from_chapter_02_on_each_has_something_to_build():
    chapters = {e.chapter for e in ALL}
    builds = {e.chapter for e in ALL if e.kind == "build"}
    assert sorted(c for c in chapters - builds if c >= "02") == []


def defined(sources):
    """Functions and classes by name, without what they say of themselves."""
    nodes = [node for source in sources for node in ast.parse(source).body]
    nodes = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for part in (part for node in nodes for part in ast.walk(node)):
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(part):
            part.body = part.body[1:]
    return {node.name: ast.dump(node) for node in nodes}


@pytest.mark.parametrize("path", key_files(ROOT), ids=lambda path: path.stem)
def test_what_a_notebook_gives_is_the_same_in_its_key(path):
    given = defined(setup_cells(ROOT, path.name[:2]))
    own = defined([path.read_text(encoding="utf-8")])
    assert [name for name in given if name in own and own[name] != given[name]] == []


@pytest.mark.parametrize("path", key_files(ROOT), ids=lambda path: path.stem)
def test_no_two_functions_of_a_key_have_one_name(path):
    """The second would be meant wherever a function of the key calls the first."""
    names = [
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    assert sorted(names) == sorted(set(names))
