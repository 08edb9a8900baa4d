"""Cells without what only IPython understands: magics, shell lines, questions."""

import re
from dataclasses import replace

from course_lib.notebooks import Cell, tree_of

PYTHON_MAGICS = ("time", "timeit", "capture", "prun")  # below their first line is Python


def plain_cells(cells: list[Cell]) -> list[Cell]:
    """The cells with their code in plain Python, where that can be had."""
    return [replace(c, source=plain_python(c.source)) if c.kind == "code" else c for c in cells]


def plain_python(source: str) -> str:
    """A cell's code as IPython would run it; as it is where even IPython can't read it.

    Every line stays where it was, as far as IPython itself keeps it. A cell in another language,
    such as `%%bash`, is empty. IPython takes long for thousands of magics: not for a grader's own
    process.
    """
    if tree_of(source) is not None:
        return source
    magic = re.match(r"(\s*)%%(\w+)[^\n]*", source)
    if magic:
        below = magic[1] + source[magic.end() :]
        return plain_python(below) if magic[2] in PYTHON_MAGICS else ""
    source = re.sub(r"^([ \t]*)%time[ \t]+(?=\S)", r"\1", source, flags=re.MULTILINE)
    from IPython.core.inputtransformer2 import TransformerManager  # only where it is needed

    blank = re.match(r"(?:[ \t]*\n)*", source)[0].count("\n")  # IPython drops leading lines
    try:
        plain = "\n" * blank + TransformerManager().transform_cell(source)
    except Exception:  # its tokenizer meets what nobody would call Python
        return source
    return plain if tree_of(plain) is not None else source
