"""Calls of `check`: which exercise one is about, and what it is given as the answer."""

import ast
from collections.abc import Mapping
from dataclasses import replace

from course_lib.notebooks import Cell

from .statements import statements_of


def checked(node: ast.AST) -> tuple[str, ast.expr] | None:
    """The id and the answer that a line hands to `check`; None for any other line."""
    call = getattr(node, "value", None)
    if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "check":
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = [
        *call.args,
        *(named[name] for name in ("id", "answer")[len(call.args) :] if name in named),
    ]
    id = getattr(given[0], "value", None) if len(given) == 2 else None
    return (id, given[1]) if isinstance(id, str) else None


def named_answers(cells: list[Cell], names: Mapping[str, str]) -> list[Cell]:
    """The cells, in which a check of anything else binds it to the exercise's name instead.

    `names` by id. So `check("02.cost", my_cost)` and a lambda are answers too, as in the notebook.
    """
    return [
        replace(cell, source=_named(cell.source, names))
        if cell.kind == "code" and "check" in cell.source
        else cell
        for cell in cells
    ]


def _named(source: str, names: Mapping[str, str]) -> str:
    lines = source.split("\n")
    for told in statements_of(source):
        found = checked(told.nodes[0]) if len(told.nodes) == 1 else None
        name = names.get(found[0]) if found else None
        if name is None or getattr(found[1], "id", "") == name:
            continue
        text = f"{name} = ({ast.get_source_segment(source, found[1])})".split("\n")
        height = told.last - told.first + 1  # every other line stays where it was
        lines[told.first - 1 : told.last] = (text + [""] * height)[:height]
    return "\n".join(lines)
