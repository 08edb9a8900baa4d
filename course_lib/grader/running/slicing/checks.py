"""Calls of `check`: which exercise one is about, and what it is given as the answer."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from course_lib.notebooks import Cell, tree_of

from .statements import outer


def checked(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The id and the answer of every call in a statement that may be a check, by any name.

    A check may stand in another call, in a branch or in a loop; what only runs when a function is
    called is passed over.
    """
    for call in outer(node):
        if not isinstance(call, ast.Call):
            continue
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        given = [
            *call.args,
            *(named[name] for name in ("id", "answer")[len(call.args) :] if name in named),
        ]
        id = getattr(given[0], "value", None) if len(given) == 2 else None
        if isinstance(id, str):
            yield id, given[1]


def named_answers(cells: list[Cell], names: Mapping[str, str]) -> list[Cell]:
    """The cells, in which a check of anything else binds it to the exercise's name instead.

    `names` by id. So `check("02.cost", my_cost)` and a lambda are answers too, as in the notebook.
    """
    return [
        replace(cell, source=_named(cell.source, names))
        if cell.kind == "code" and any(id in cell.source for id in names)
        else cell
        for cell in cells
    ]


def _named(source: str, names: Mapping[str, str]) -> str:
    tree = tree_of(source)
    lines = [line.encode() for line in source.split("\n")]  # Python counts columns in bytes
    for node in reversed(list(_simple(tree)) if tree else []):
        given = [(names[id], answer) for id, answer in checked(node) if id in names]
        given = [(name, a) for name, a in given if getattr(a, "id", "") != name]
        given = [(name, a) for name, a in given if _stands_alone(a, node)]
        if not given:
            continue
        made = "; ".join(f"{name} = ({ast.get_source_segment(source, a)})" for name, a in given)
        first, last = node.lineno - 1, node.end_lineno
        before, after = lines[first][: node.col_offset], lines[last - 1][node.end_col_offset :]
        text = (before + made.encode() + after).split(b"\n")
        height = last - first  # every other line stays where it was
        lines[first:last] = (text + [b""] * height)[:height]
    return b"\n".join(lines).decode()


def _stands_alone(answer: ast.expr, statement: ast.stmt) -> bool:
    """Is none of an answer's names a variable of a comprehension around it?"""
    inside = {id(node) for node in ast.walk(answer)}
    loops = (n for n in ast.walk(statement) if isinstance(n, ast.comprehension))
    targets = [loop.target for loop in loops if id(loop) not in inside]
    bound = {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return not bound & {n.id for n in ast.walk(answer) if isinstance(n, ast.Name)}


def _simple(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that may hold a check and no other statement, as they stand."""
    kinds = ast.Expr | ast.Assign | ast.AnnAssign
    yield from (node for node in outer(tree) if isinstance(node, kinds))
