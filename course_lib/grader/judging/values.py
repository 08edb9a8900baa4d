"""Values that differ from student to student: put into what they are handed, found in their code.

An exercise's cells hold each value in one of two ways. Code binds its name to a constant, in an
assignment (`back = 1`) or as a default (`def padding_mask(ids, pad_id=3)`); text, docstrings and
comments hold `{{back}}`.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from course_lib.notebooks import Cell, tree_of

from .key import Exercise, Mistake

HEADING = re.compile(r"^## (\d\d\.[a-z0-9-]+) ", re.MULTILINE)


def belongs(cell: Cell, id: str) -> bool:
    """Is this an exercise's text or the cell to answer in?"""
    return id in (HEADING.findall(cell.source) if cell.kind == "markdown" else cell.tags)


def with_values(cells: list[Cell], exercises: list[Exercise]) -> list[Cell]:
    """The cells of a chapter with the values of each exercise put in."""
    return [_with_values(cell, exercises) for cell in cells]


def _with_values(cell: Cell, exercises: list[Exercise]) -> Cell:
    own = next((e for e in exercises if e.values and belongs(cell, e.id)), None)
    if own is None:
        return cell
    source = cell.source
    if cell.kind == "code":
        try:
            source = bound(source, own.values)
        except ValueError as error:
            raise ValueError(f"{own.id}: {error}") from error
    for name, value in own.values.items():
        source = source.replace(f"{{{{{name}}}}}", str(value))
    return replace(cell, source=source)


def bound(source: str, values: Mapping[str, Any]) -> str:
    """Python code with each of these names bound to its value wherever it is bound to a constant.

    Raises ValueError when a name never is: its value would reach nobody's answer.
    """
    lines = source.encode().splitlines(keepends=True)  # a syntax tree counts bytes
    places = [(node, values[name]) for name, node in _constants(source) if name in values]
    if missing := set(values) - {name for name, _ in _constants(source)}:
        raise ValueError(f"the code binds {sorted(missing)[0]!r} to no constant")
    for node, value in sorted(places, key=lambda p: (p[0].lineno, p[0].col_offset), reverse=True):
        line = lines[node.lineno - 1]
        new = line[: node.col_offset] + repr(value).encode() + line[node.end_col_offset :]
        lines[node.lineno - 1] = new
    return b"".join(lines).decode()


def changed(source: str, values: Mapping[str, Any], answer: str) -> str:
    """What an answer's code says of a value that isn't the student's own; "" when it doesn't.

    Only where a stub would hold it is looked at: a default of the answer's own, or the first
    binding at the top of the file or of the answer's body. Any other variable is the learner's.
    """
    said: dict[str, Any] = {}
    for name, node in _own(tree_of(source) or ast.Module([], []), answer):
        said.setdefault(name, ast.literal_eval(node) if _plain(node) else values.get(name))
    for name in values:
        if said.get(name, values[name]) != values[name]:
            return f"your code says `{name} = {_shown(said[name])}`; yours is {values[name]!r}"
    return ""


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # a whole number of thousands of digits
        return "…"


def _own(tree: ast.Module, answer: str) -> Iterator[tuple[str, ast.expr]]:
    """What the file's top level, the answer's parameters and its body bind, in this order."""
    for node in tree.body:
        yield from _bindings(node)
        if isinstance(node, ast.FunctionDef) and node.name == answer:
            yield from _bindings(node.args)
            for statement in node.body:
                yield from _bindings(statement)


def _constants(source: str) -> Iterator[tuple[str, ast.expr]]:
    """Every name that code binds to a constant, and where; the name of a parameter too."""
    for node in ast.walk(tree_of(source) or ast.Module([], [])):
        yield from ((name, value) for name, value in _bindings(node) if _plain(value))


def _bindings(node: ast.AST) -> list[tuple[str, ast.expr]]:
    """The names that an assignment, or a list of parameters, binds, and to what."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return [(node.targets[0].id, node.value)]
    if not isinstance(node, ast.arguments):
        return []
    usual = [*node.posonlyargs, *node.args]
    given = [*zip(reversed(usual), reversed(node.defaults), strict=False)]
    given += [(a, d) for a, d in zip(node.kwonlyargs, node.kw_defaults, strict=True) if d]
    return [(argument.arg, default) for argument, default in given]


def _plain(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return isinstance(node.operand, ast.Constant) and type(node.operand.value) in (int, float)
    return isinstance(node, ast.Constant)


def others(exercise: Exercise) -> Iterator[Exercise]:
    """The same exercise as other students have it, with every other combination of values."""
    for combination in product(*exercise.choices.values()):
        values = dict(zip(exercise.choices, combination, strict=True))
        if values != exercise.values:
            yield exercise.with_values(values)


def copied(own: Exercise, other: Exercise, answer: Any) -> Mistake:
    """An answer that is right for another student's values, as a mistake with a name."""
    differ = [name for name in own.values if own.values[name] != other.values[name]]
    theirs = ", ".join(f"{name} = {other.values[name]!r}" for name in differ)
    yours = ", ".join(f"{name} = {own.values[name]!r}" for name in differ)
    hints = (
        "Read the text of your own exercise again: which value does it name?",
        f"Yours is {yours}. Where does your code go by something else?",
        f"Work out one small input by hand for {yours}, then follow your code through it.",
    )
    says = f"the code goes by {theirs}; your exercise says {yours}"
    return Mistake(f"answers for {theirs}", answer, {}, says, hints)
