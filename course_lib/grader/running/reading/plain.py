"""Cells without what only IPython understands: magics, shell lines, questions."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from course_lib.notebooks import Cell, tree_of

from ...judging.scopes import names_of

# Below the first line of these cells is something else; below that of any other is Python.
OTHER = re.compile(
    r"ai\b|\W|bash|cmd|cython|file|hide|html|javascript|js|julia|latex|manim|markdown|md\b|mermaid"
    r"|perl|pip|powershell|py(?:thon\d?|py)?\b|R\b|ruby|script|sh\b|skip|sql|svg|sx\b|system"
    r"|writefile",
    re.IGNORECASE,
)
GOES_ON = re.compile(r"(?:else|elif|except|finally)\b|[)\]}#]")  # with what stands above
BINDS = re.compile(r"^(?:(?:async\s+)?(?:def|class)\s|@|[\w.]+\s*=(?!=))", re.MULTILINE)


def readable_cells(cells: list[Cell]) -> list[Cell]:
    """The cells with their code in plain Python; a line left in one costs none of its definitions.

    So it is with what was typed or pasted there after the cell had run. One key in JupyterLab, M or
    R, makes text of a cell of code: where nothing else binds what is in it, it is code.
    """
    cells = [replace(c, source=_readable(c.source)) if c.kind == "code" else c for c in cells]
    bound = {name for c in cells if c.kind == "code" for name in names_of(c.source)[0]}
    return [replace(c, kind="code") if _was_code(c, bound) else c for c in cells]


def _was_code(cell: Cell, bound: set[str]) -> bool:
    text = cell.kind != "code" and BINDS.search(cell.source) and tree_of(cell.source) is not None
    return bool(text) and not names_of(cell.source)[0] <= bound


def _readable(source: str) -> str:
    """A cell in plain Python without what can't be read between its definitions."""
    plain = plain_python(source)
    if tree_of(plain) is not None:
        return plain
    lines = plain.split("\n")
    starts = list(_starts(lines))
    for first, last in pairwise([*starts, len(lines)]):
        piece = "\n".join(lines[first:last])
        if tree_of(piece) is None:
            if BINDS.match(piece):
                return plain
            lines[first:last] = [""] * (last - first)
    left = "\n".join(lines)
    return left if BINDS.search(left) and tree_of(left) is not None else plain


def _starts(lines: list[str]) -> Iterator[int]:
    """The lines with which the statements of a cell seem to begin, by their indentation."""
    above = ""
    for i, line in enumerate(lines):
        if line[:1].strip() and not GOES_ON.match(line):
            if not above.startswith("@"):
                yield i
            above = line


def plain_python(source: str) -> str:
    """A cell's code as IPython would run it; as it is where even IPython can't read it.

    Every line stays where it was, as far as IPython itself keeps it. A cell in another language,
    such as `%%bash`, is empty. IPython takes long for thousands of magics: not for a grader's own
    process.
    """
    if tree_of(source) is not None:
        return source
    magic = re.match(r"(\s*)%%(\S*)[^\n]*", source)
    if magic:
        below = magic[1] + source[magic.end() :]
        if magic[2] == "timeit" and "check(" not in below:  # what it binds is gone when it ends
            return ""
        return plain_python(below) if not OTHER.match(magic[2] + " ") else ""
    source = re.sub(r"^([ \t]*)%time[ \t]+(?=\S)", r"\1", source, flags=re.MULTILINE)
    from IPython.core.inputtransformer2 import TransformerManager  # only where it is needed

    blank = re.match(r"(?:[ \t]*\n)*", source)[0].count("\n")  # IPython drops leading lines
    try:
        plain = "\n" * blank + TransformerManager().transform_cell(source)
    except Exception:  # its tokenizer meets what nobody would call Python
        return source
    return plain if tree_of(plain) is not None else source
