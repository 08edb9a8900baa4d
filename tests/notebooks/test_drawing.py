"""Code that draws a figure is folded away: what is in sight are lines to learn from."""

import ast
import json

import pytest

from course_lib.paths import ROOT

PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
DRAWS = {"ax", "axes", "fig", "plt", "show"}


def lines_that_draw(body):
    """Lines of the statements that touch a figure, whatever function they stand in."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            yield from lines_that_draw(statement.body)
        elif DRAWS & {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}:
            yield from range(statement.lineno, statement.end_lineno + 1)


def mostly_draws(source):
    lines = source.splitlines()
    python = "\n".join("" if line.startswith(("%", "!")) else line for line in lines)
    drawn = len(list(lines_that_draw(ast.parse(python).body)))
    return len(lines) >= 12 and drawn > 0.7 * len(lines)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_long_cell_that_mostly_draws_is_folded(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    drawing = [c for c in code if mostly_draws("".join(c["source"]))]
    in_sight = [c for c in drawing if not c["metadata"].get("jupyter", {}).get("source_hidden")]
    assert ["".join(c["source"]) for c in in_sight] == []


def test_what_mostly_draws_is_told_from_what_computes():
    drawing = "fig, ax = plt.subplots()\n" + "ax.plot(x)\n" * 10 + "show(fig)"
    assert mostly_draws(drawing)
    assert not mostly_draws("fig, ax = plt.subplots()\n" + "x = x + 1\n" * 10 + "show(fig)")
    assert not mostly_draws("ax.plot(x)\n" * 5)
