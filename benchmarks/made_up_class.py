"""A class made up from the keys: who hands in what, and what each answer should get."""

import ast
import random
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from untidy import write_untidy

from course_lib.grader.course.files import exercises, key_files, solution_cells
from course_lib.grader.judging.key import Exercise, Mistake
from course_lib.notebooks import with_solution, without_solution
from course_lib.paths import ROOT

SHARES = {"right": 55, "named": 25, "wrong": 10, "untouched": 10}  # per cent of the answers
UNTIDY = 3  # every third student's notebooks are as notebooks are
LIBRARY = ast.Pass()
PLAIN = (str, int, float, bool, type(None), tuple, torch.dtype)


def write_class(submissions: Path, students: int, seed: int) -> dict[tuple[str, str], str]:
    """Write everybody's work; returns what each (student, exercise) should get."""
    chance, due = random.Random(seed), {}
    for number in range(students):
        student = f"student{number:04}"
        (submissions / student).mkdir(parents=True)
        for key in key_files(ROOT):
            asked = [e for e in exercises(ROOT) if e.chapter == key.stem[:2]]
            cells = {e.id: answer(e, kind_of(chance), chance) for e in asked}
            made = [("\n".join(setup(key.stem[:2])), ("setup",))]
            made += [(source, (id,)) for id, (source, _) in cells.items()]
            failing = {e.name for e in asked if cells[e.id][1] != "right"}
            for id, (source, told) in cells.items():
                # An answer that builds on a wrong one is not judged here: it may be anything.
                if told != "right" or not failing & names_in(source):
                    due[student, id] = told
            if number % UNTIDY:
                text = "\n\n".join(f'# %% tags=["{tags[0]}"]\n{source}' for source, tags in made)
                (submissions / student / f"{key.stem}.py").write_text(text + "\n")
            else:
                write_untidy(submissions / student, key.stem, made, chance)
    return due


def kind_of(chance: random.Random) -> str:
    """One of the kinds of answers, as often as its share says."""
    return chance.choices(list(SHARES), list(SHARES.values()))[0]


def names_in(source: str) -> set[str]:
    """The names that a cell reads."""
    return {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}


@cache
def setup(chapter: str) -> list[str]:
    """The code that a chapter's exercises begin with."""
    return [c.source for c in solution_cells(ROOT, chapter) if "setup" in c.tags]


def answer(exercise: Exercise, kind: str, chance: random.Random) -> tuple[str, str]:
    """A cell of this kind, and the mistake's name or the state that it should get."""
    cell = next(c for c in solution_cells(ROOT, exercise.chapter) if exercise.id in c.tags)
    mistakes = [m for m in exercise.mistakes if all(isinstance(v, PLAIN) for v in m.flags.values())]
    if kind == "named" and mistakes:
        mistake = chance.choice(mistakes)
        if source := mistaken(exercise, mistake):
            return source, mistake.name
    if kind == "wrong":
        told = f"def {exercise.name}(*args, **kwargs):\n    return torch.full((3,), 7.0)"
        return "import torch\n\n\n" + told, "wrong"
    if kind == "untouched":
        return without_solution(cell.source), "not attempted"
    return with_solution(cell.source), "right"


def mistaken(exercise: Exercise, mistake: Mistake) -> str:
    """The source of a mistake with all that it uses of its key, in a scope of its own.

    Empty for what has no name in its key, and when it uses the library, of which a sealed answer
    has only what its chapter lends.
    """
    function = written(mistake.function)
    key = next(path for path in key_files(ROOT) if path.name[:2] == exercise.chapter)
    parts, wanted, taken = top_level(key), [function], set()
    if function not in parts:
        return ""
    while wanted:
        name = wanted.pop()
        if parts.get(name) is LIBRARY:
            return ""
        if name in parts and name not in taken:
            taken.add(name)
            wanted += [n.id for n in ast.walk(parts[name]) if isinstance(n, ast.Name)]
    used = {id(parts[name]): parts[name] for name in parts if name in taken}
    body = "\n".join(ast.unparse(node) for node in used.values())
    given_to = {**mistake.values, **mistake.flags}
    flags = ", ".join(f"{name}={spelled(value)}" for name, value in given_to.items())
    given = f"return functools.partial({function}, {flags})"
    maker = f"make_{exercise.name}"  # one name for all would make each cell bind the others' again
    return (
        f"from __future__ import annotations\nimport functools, torch\n\n\ndef {maker}():\n"
        + textwrap.indent(f"{body}\n{given}", "    ")
        + f"\n\n\n{exercise.name} = {maker}()"
    )


def written(function: Callable) -> str:
    """The name in its key of a function, or of the one that it passes its arguments on to."""
    while "<locals>" in (name := getattr(function, "__qualname__", "")):
        (function,) = (cell.cell_contents for cell in function.__closure__ or ())
    return name


def spelled(value: object) -> str:
    """A flag's value as code; nan and the infinities have no name of their own."""
    return f"float('{value}')" if isinstance(value, float) else repr(value)


@cache
def top_level(key: Path) -> dict[str, ast.stmt]:
    """What each name of a key file stands for; LIBRARY for what comes from the library."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(key.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", "")
            if not module.startswith("course_lib.grader"):
                elsewhere = module.startswith("course_lib") or getattr(node, "level", 0)
                stands = LIBRARY if elsewhere else node
                found |= {(a.asname or a.name).split(".")[0]: stands for a in node.names}
        elif isinstance(node, ast.Assign):
            targets = (each for target in node.targets for each in ast.walk(target))
            found |= {t.id: node for t in targets if isinstance(t, ast.Name)}
    return found
