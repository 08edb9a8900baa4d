"""Cells without what only IPython understands: magics, shell lines, questions."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from course_lib.notebooks import Cell, tree_of

from ...judging.scopes import names_of
from ..slicing.statements import statements_of

# Below the first line of these cells is something else; below that of any other is Python.
OTHER = re.compile(
    r"ai\b|\W|bash|cmd|cython|file|hide|html|javascript|js|julia|latex|manim|markdown|md\b|mermaid"
    r"|perl|pip|powershell|py(?:thon\d?|py)?\b|R\b|ruby|script|sh\b|skip|sql|svg|sx\b|system"
    r"|writefile",
    re.IGNORECASE,
)
# These run what is below them, as Python and where the other cells run.
RUNS = re.compile(
    r"add_to|cache|capture|debug|filprofile|ipytest|lprun|memit|mprun|notify|profile|prun|px\b"
    r"|pyinstrument|run_pytest|scalene|snakeviz|time|viztracer|wandb"
)
CELL_MAGIC = re.compile(r"\s*(%%(\w+)[^\n]*)")
FILE = re.compile(r"\s*%%(?:write)?file\b")
ADDED = re.compile(r"\s*%%add_to[ \t]+(\w+)")  # methods, to a class: of the package jdc
GOES_ON = re.compile(r"(?:else|elif|except|finally)\b|[)\]}#]")  # with what stands above
BINDS = re.compile(r"^(?:(?:async\s+)?(?:def|class)\s|@|[\w.]+\s*=(?!=))", re.MULTILINE)


def readable_cells(cells: list[Cell]) -> list[Cell]:
    """The cells with their code in plain Python; a line left in one costs none of its definitions.

    So it is with what was typed or pasted there after the cell had run. One key in JupyterLab, M or
    R, makes text of a cell of code: where nothing else binds what is in it, it is code. So it is
    below a magic that nobody here knows: it may ask a program to write something.
    """
    read = [replace(c, source=_readable(c.source)) if c.kind == "code" else c for c in cells]
    cells = _without_prompts(cells, read)
    bound = {name for c in cells if c.kind == "code" for name in names_of(c.source)[0]}
    return [replace(c, kind="code") if _was_code(c, bound) else c for c in cells]


def _was_code(cell: Cell, bound: set[str]) -> bool:
    text = cell.kind != "code" and BINDS.search(cell.source) and tree_of(cell.source) is not None
    return bool(text) and not names_of(cell.source)[0] <= bound


def _without_prompts(typed: list[Cell], read: list[Cell]) -> list[Cell]:
    """The cells, and below an unknown magic only what binds names that nothing else does."""
    asked = {i: line for i, each in enumerate(typed) if (line := _unknown_magic(each))}
    bound = set[str]()
    for i, cell in enumerate(read) if asked else ():
        lines = cell.source.split("\n")
        for each in statements_of(cell.source) if i not in asked and cell.kind == "code" else ():
            stub = "NotImplementedError" in "\n".join(lines[each.first - 1 : each.last])
            bound |= set() if stub else each.binds
    return [
        replace(cell, source=_own_part(cell.source, asked[i], bound)) if i in asked else cell
        for i, cell in enumerate(read)
    ]


def _unknown_magic(cell: Cell) -> str:
    """The line of a cell's magic that isn't known to run Python, or ""; not where it has an id."""
    found = CELL_MAGIC.match(cell.source) if cell.kind == "code" and not cell.tags else None
    return found[1] if found and not OTHER.match(found[2]) and not RUNS.match(found[2]) else ""


def _own_part(source: str, magic: str, bound: set[str]) -> str:
    told = statements_of(source)
    kept = [each for each in told if not each.binds & bound]
    if len(kept) < len(told):  # what is left may be about what is not
        kept = [each for each in kept if each.binds]
    lines, left = source.split("\n"), [""] * (source.count("\n") + 1)
    for each in kept:
        left[each.first - 1 : each.last] = lines[each.first - 1 : each.last]
    return "\n".join([f"# {magic}", *left[1:]])


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
        if added := ADDED.match(source):
            names = [name for each in statements_of(plain_python(below)) for name in each.binds]
            below += "".join(f"\n{added[1]}.{name} = {name}" for name in sorted(names))
        if FILE.match(source):  # so that it can be told what isn't there
            return f"# {magic[0].strip()}"
        return plain_python(below) if not OTHER.match(magic[2] + " ") else ""
    source = re.sub(r"^([ \t]*)%time[ \t]+(?=\S)", r"\1", source, flags=re.MULTILINE)
    from IPython.core.inputtransformer2 import TransformerManager  # only where it is needed

    blank = re.match(r"(?:[ \t]*\n)*", source)[0].count("\n")  # IPython drops leading lines
    try:
        plain = "\n" * blank + TransformerManager().transform_cell(source)
    except Exception:  # its tokenizer meets what nobody would call Python
        return source
    return plain if tree_of(plain) is not None else source
