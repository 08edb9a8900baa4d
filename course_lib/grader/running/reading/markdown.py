"""Notebooks that are Markdown with fenced code: `.md`, `.Rmd` and `.qmd`, read with jupytext."""

import re

from course_lib.notebooks import Cell

from .scripts import kind_of, tags_in

MAX_LINES = 50_000  # jupytext takes a second for these
# Pandoc's and Quarto's `{.python .cell-code}`, Obsidian's `run-python`.
OTHERS = r"\{[^}\n]*\.python\b[^}\n]*\}|\w+-python\b"
FENCE = re.compile(
    r"^(?:```|~~~)+[ \t]*(?:\{?(?:python|py|ipython3?)\b|\{code-cell\}|" + OTHERS + ")", re.M | re.I
)
CHUNK = re.compile(r"^(```+)[ \t]*\{(python)\b", re.M | re.I)
BARE = re.compile(r"^```[ \t]*\n(.*?)^```[ \t]*$", re.M | re.S)  # code of no named language
_FRONT = re.compile(r"\A\s*---\n(?:.*\n){0,99}?---\n")
_TILDES = re.compile(r"^~~~+", re.M)
_SPELLED = re.compile(
    r"^(```+|~~~+)[ \t]*(?:(?:py|ipython3?|python3)\b|" + OTHERS + ")", re.M | re.I
)


def has_fences(text: str) -> bool:
    """Does a text hold fenced Python?"""
    return bool(FENCE.search(text) or BARE.search(text))


def markdown_cells(text: str, most: int) -> list[Cell]:
    """Cells of a Markdown text. Raises ValueError for more than `most` pieces of code."""
    if (count := text.count("```") + text.count("~~~")) > 2 * most:
        raise ValueError(f"a text with {count:,} fences of code; at most {2 * most:,} are read")
    if (lines := text.count("\n")) > MAX_LINES:
        raise ValueError(f"a text of {lines:,} lines; at most {MAX_LINES:,} are read")
    import jupytext  # checking an answer doesn't need it, and it takes a while to import

    # Without its header, which could ask jupytext for anything.
    text = _TILDES.sub("```", _FRONT.sub("", text))  # which jupytext doesn't know
    text = _SPELLED.sub(r"\1python", text)
    text = text if FENCE.search(text) else BARE.sub(r"```python\n\1```", text)
    form = {"extension": ".Rmd" if CHUNK.search(text) else ".md"}
    if "{code-cell}" in text:
        form["format_name"] = "myst"
    cells = jupytext.reads(text, form).cells
    return [
        Cell(kind_of(cell.cell_type), cell.source.strip("\n"), tags_in(cell.metadata))
        for cell in cells
    ]
