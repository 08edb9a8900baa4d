"""Notebooks that are Markdown, and those of marimo."""

import jupytext
import nbformat
import pytest
from nbconvert.exporters import MarkdownExporter

from course_lib.grader.running.reading.handed_in import cells_in
from course_lib.grader.running.reading.plain import plain_python, readable_cells
from course_lib.notebooks import Cell

CODE = ("import math", "def f(x):\n    return math.exp(x)", "f(1)")
FORMS = {"a.md": "md", "b.md": "md:myst", "c.Rmd": "Rmd"}


def book():
    made = nbformat.v4.new_notebook()
    made.cells.append(nbformat.v4.new_markdown_cell("## 02.attention\n\nSome words."))
    for source in CODE:
        tags = {"tags": ["02.attention"]} if "def" in source else {}
        made.cells.append(nbformat.v4.new_code_cell(source, metadata=tags))
    return made


def read(text, name):
    found = cells_in(text.encode(), name)
    return [c for c in found if c.kind == "code"]


@pytest.mark.parametrize("named", ["", ".txt"])
@pytest.mark.parametrize("name", FORMS)
def test_markdown_is_read_with_its_tags(name, named):
    found = read(jupytext.writes(book(), FORMS[name]), name + named)
    assert [c.source for c in found] == list(CODE)
    assert found[1].tags == ("02.attention",)


def test_what_nbconvert_exports_as_markdown_is_read():
    found = read(MarkdownExporter().from_notebook_node(book())[0], "a.md")
    assert [c.source for c in found] == list(CODE)


def test_quartos_chunks_and_a_chat_are_read():
    chunks = "---\ntitle: x\njupyter: python3\n---\n\nWords.\n\n"
    quarto = chunks + "\n\n".join(f"```{{python}}\n{source}\n```" for source in CODE)
    assert [c.source for c in read(quarto, "a.qmd")] == list(CODE)
    chat = "Here you are:\n\n" + "\n\n".join(f"```py\n{source}\n```" for source in CODE)
    assert [c.source for c in read(chat, "a.txt")] == list(CODE)


def test_a_script_with_fences_in_its_text_stays_a_script():
    script = 'def f(x):\n    """As in\n\n```python\nf(1)\n```\n    """\n    return x'
    assert cells_in(script.encode(), "a.py") == [Cell("code", script)]
    assert len(cells_in((script + "\nx = (").encode(), "a.py")) == 1


def test_much_markdown_is_refused():
    for text in ("```python\nx\n```\n" * 501 + "(", "a (\n" * 50_001 + "```python\nx\n```\n"):
        with pytest.raises(ValueError, match="at most"):
            cells_in(text.encode(), "a.md")


MARIMO = """import marimo

__generated_with = "0.16.0"
app = marimo.App(width="medium")

with app.setup:
    import math


@app.cell(hide_code=True)
def _(mo):
    mo.md("words")
    return


@app.cell
def _():
    @torch.no_grad()
    def g(x):
        return x
    y = 2
    return g, y


@app.function
def f(x):
    return math.exp(x)


if __name__ == "__main__":
    app.run()
"""


def test_a_notebook_of_marimo_is_read():
    assert [c.source for c in read(MARIMO, "a.py")] == [
        "import math",
        'mo.md("words")',
        "@torch.no_grad()\ndef g(x):\n    return x\ny = 2",
        "def f(x):\n    return math.exp(x)",
    ]


@pytest.mark.parametrize(
    "fence", ["{.python .cell-code}", " {#lst-1 .python startFrom='3'}", "run-python", "Run-Python"]
)
def test_fences_of_other_tools_are_read(fence):
    text = "Words.\n\n" + "\n\n".join(f"```{fence}\n{source}\n```" for source in CODE)
    text += "\n\n```{.cell-output .cell-output-stdout}\n1.0\n```\n"
    assert [c.source for c in read(text, "a.md")] == list(CODE)


def test_fences_of_tildes_are_fences():
    text = "# Notes\n\n~~~py\nx = 3\n~~~\n\n~~~~ {.python}\nwords\n~~~~\n"
    cells = cells_in(text.encode(), "a.md")
    assert next(cell.source for cell in cells if cell.kind == "code") == "x = 3"


def test_what_a_timed_cell_binds_is_gone():
    assert plain_python("%%timeit\naxis = 0") == ""
    assert "check" in plain_python("%%timeit\ncheck('02.x', f)")
    assert plain_python("%%time\naxis = 0").strip() == "axis = 0"


HALF, TWO = "def half(x):\n    return x / 2", "def half(x):\n    return 2 * x"
STUB = 'def half(x):\n    raise NotImplementedError("your turn")'


@pytest.mark.parametrize(
    "cells, kept",
    [
        ([HALF, f"%%claude\nWhy is this wrong?\n{TWO}"], ""),
        ([HALF, f"%%gemini --fast\n{TWO}\nhalf(3)"], ""),
        ([HALF, "%%llm\nWrite a test for half, please."], ""),
        ([HALF, f"%%ask\n{TWO}\n\nthird = 3"], "third = 3"),
        ([f"%%mytimer\n{TWO}", "half(3)"], TWO),
        ([STUB, f"%%mytimer\n{TWO}"], TWO),
        ([HALF, f"%%pyinstrument\n{TWO}"], TWO),
        ([HALF, f"%%ai chat\n{TWO}"], ""),
    ],
)
def test_below_an_unknown_magic_is_no_second_definition(cells, kept):
    read = readable_cells([Cell("code", source) for source in cells])
    (source,) = (c.source for c, text in zip(read, cells, strict=True) if text.startswith("%%"))
    assert "\n".join(line for line in source.split("\n") if line[:1] not in ("", "#")) == kept


def test_what_stands_below_an_unknown_magic_is_named_and_keeps_its_lines():
    cells = [Cell("code", HALF), Cell("code", f"%%claude why\nplease\n{TWO}\nthird = 3")]
    assert readable_cells(cells)[1].source == "# %%claude why\n\n\n\nthird = 3"
    tagged = [cells[0], Cell("code", f"%%claude\n{TWO}", ("02.half",))]
    assert TWO in readable_cells(tagged)[1].source


def test_a_cell_that_adds_methods_to_a_class_adds_them():
    (cell,) = readable_cells([Cell("code", f"%%add_to Soft\n{HALF}")])
    assert cell.source.strip() == f"{HALF}\nSoft.half = half"
