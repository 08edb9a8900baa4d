"""Notebooks of marimo: Python files whose cells are the bodies of functions."""

import ast
import re
import textwrap

from course_lib.notebooks import Cell, tree_of

APP = re.compile(r"^app = marimo\.App\(", re.MULTILINE)


def marimo_cells(text: str) -> list[Cell]:
    """The cells of a marimo notebook; none where a text is something else."""
    tree = tree_of(text) if APP.search(text) else None
    lines = text.split("\n")
    found = [_cell(node, lines) for node in tree.body] if tree else []
    return [Cell("code", source) for source in found if source.strip()]


def _cell(node: ast.stmt, lines: list[str]) -> str:
    """What a statement of the file holds of a cell: a body, or a definition of its own."""
    if isinstance(node, ast.With):  # `with app.setup:`
        return _between(lines, node.body)
    kinds = {part for each in getattr(node, "decorator_list", ()) for part in _parts(each)}
    if "cell" in kinds:
        body = node.body[:-1] if isinstance(node.body[-1], ast.Return) else node.body
        return _between(lines, body)
    if kinds & {"function", "class_definition"}:
        return "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return ""


def _parts(decorator: ast.expr) -> list[str]:
    """The attribute that a decorator such as `@app.cell` or `@app.cell(hide_code=True)` takes."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return [called.attr] if isinstance(called, ast.Attribute) else []


def _between(lines: list[str], body: list[ast.stmt]) -> str:
    if not body:
        return ""
    first = min([body[0].lineno, *(d.lineno for d in getattr(body[0], "decorator_list", ()))])
    return textwrap.dedent("\n".join(lines[first - 1 : body[-1].end_lineno]))
