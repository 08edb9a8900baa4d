"""Python scripts as editors and tools write them, cut into cells and read with jupytext.

A cell begins with `# %%`, `# In[1]:` or `# <codecell>` (percent), or the script is a light one of
jupytext's. What jupytext doesn't know is spelled its way first: `#%%title` of Spyder and VS Code,
`#%% md` of PyCharm, Databricks. A script without cells is one cell.
"""

import ast
import re

from course_lib.notebooks import Cell, tree_of

LONGEST_TITLE = 500  # of a cell, with its options, in characters
MAX_FENCES = 200  # of code within one text cell: jupytext takes long over many
_HEADER = re.compile(
    r"\A(?:#!.*\n)?(?:#.*coding[:=].*\n)?(?:#?[ \t]*\n)*# ---\n(?:#.*\n)*?# ---(?:\n|\Z)"
)
_LIGHT_CELL = re.compile(r"^# \+(?:| (?:.* )?[\w-]+=[\[\"{].*| \{.*)$", re.MULTILINE)
_MARKER = re.compile(r"^# *(?:%%+(?:[ \t].*)?|<codecell>|In\[[0-9 ]*\]:?)$", re.MULTILINE)
_OTHERS = (  # as a tool writes it, as jupytext reads it
    (re.compile(r"^# *%% *(?:\[(?:markdown|md)\]|md\b)", re.MULTILINE), "# %% [markdown]"),
    (re.compile(r"^# *<markdowncell>", re.MULTILINE), "# %% [markdown]"),
    (re.compile(r"^#%%(?=[^%\s])", re.MULTILINE), "# %% "),
    (re.compile(r"^([ \t]+#) *(?=%%)", re.MULTILINE), r"\1: "),  # within a function: no cell
    (
        re.compile(r"^([ \t]*)(get_ipython\(\)\.(?:system|run_line_magic)\()", re.MULTILINE),
        r"\1pass  # \2",
    ),
)
_CELL_MAGIC = re.compile(r"^get_ipython\(\)\.run_cell_magic\((.*)\)$", re.MULTILINE)
_DATABRICKS = (
    (re.compile(r"^# (?:Databricks notebook source|COMMAND -{3,}) *$", re.MULTILINE), "# %%"),
    (
        re.compile(r"^# %%\n\s*(?:# DBTITLE .*\n)?# MAGIC %md(?:-sandbox)?\b", re.MULTILINE),
        "# %% [markdown]\n#",
    ),
    (re.compile(r"^# MAGIC ?", re.MULTILINE), "# "),
)


def has_cells(text: str) -> bool:
    """Does a script mark where its cells begin?"""
    return bool(_MARKER.search(_spelled(text))) or _is_light(text)


def script_cells(text: str, most: int) -> list[Cell]:
    """Cells of a script whose lines end in `\\n`. Raises ValueError for more than `most`."""
    light, text = _is_light(text), _spelled(_HEADER.sub("", text))
    places = [] if light else [marker.start() for marker in _MARKER.finditer(text)]
    count = text.count("\n\n") if light else len(places)
    if count > most:
        raise ValueError(f"a script of {count:,} cells; at most {most:,} are read")
    if light:
        cells = _light(text)
    else:
        parts = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
        cells = [Cell("code", parts[0].strip("\n"))]
        cells += [cell for part in _unbroken(parts[1:]) for cell in _percent(part)]
    return [cell for cell in cells if cell.source.strip() or cell.tags]


def tags_in(metadata: object) -> tuple[str, ...]:
    """A cell's tags; none where there are none, or not as there should be."""
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    tags = [tags] if isinstance(tags, str) else tags
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()


def kind_of(type: str) -> str:
    """Our kind of a cell: what isn't code is told, and never run."""
    return "code" if type == "code" else "markdown"


def _is_light(text: str) -> bool:
    """Is it jupytext's light format: does its header or its own kind of cell say so?"""
    header = _HEADER.match(text)
    named = re.search(r"format_name: (\w+)", header[0]) if header else None
    if named:
        return named[1] == "light"
    return bool(_LIGHT_CELL.search(text)) and not _MARKER.search(_spelled(text))


def _spelled(text: str) -> str:
    for tool, ours in (*(_DATABRICKS if "# Databricks" in text[:200] else ()), *_OTHERS):
        text = tool.sub(ours, text)
    return _CELL_MAGIC.sub(_uncalled, text)


def _uncalled(call: re.Match) -> str:
    """The cell that nbconvert wrote as the text that a magic such as %%time is called with."""
    try:
        magic, _, body = ast.literal_eval(f"({call[1]})")
        return f"# %%{magic}\n{body.rstrip()}"
    except (ValueError, SyntaxError, TypeError, AttributeError, RecursionError, MemoryError):
        return f"# {call[0]}"


def _unbroken(parts: list[str]) -> list[str]:
    """The parts, joined where what looks like a cell stands inside of a quoted text.

    jupytext would see to that, but one quote that is never closed would swallow the whole rest.
    """
    whole: list[str] = []
    for part in parts:
        if whole and ('"""' in whole[-1] or "'''" in whole[-1]) and tree_of(whole[-1]) is None:
            joined = whole[-1] + part
            if tree_of(joined) is not None:
                whole[-1] = joined
                continue
        whole.append(part)
    return whole


def _percent(part: str) -> list[Cell]:
    title, _, rest = part.partition("\n")
    if (fences := part.count("```") + part.count("~~~")) > MAX_FENCES:
        raise ValueError(f"a cell with {fences:,} fences of code; at most {MAX_FENCES} are read")
    bare = ("# %% [markdown]" if title.startswith("# %% [markdown]") else "# %%") + "\n" + rest
    try:
        return _with_jupytext(part if len(title) <= LONGEST_TITLE else bare, "percent")
    except Exception:  # a title can look like options, and odd ones
        return _with_jupytext(bare, "percent")


def _light(text: str) -> list[Cell]:
    try:
        # The line in front keeps jupytext from looking for a header, which could ask for anything.
        return _with_jupytext("# %%\n\n" + text, "light")[1:]
    except Exception:  # as above
        return [Cell("code", text)]


def _with_jupytext(text: str, form: str) -> list[Cell]:
    import jupytext  # checking an answer doesn't need it, and it takes a while to import

    # Magics stay comments: a line such as "# copy the row" would be taken for one.
    options = {"extension": ".py", "format_name": form, "comment_magics": False}
    cells = jupytext.reads(text, options).cells
    return [
        Cell(kind_of(cell.cell_type), cell.source.strip("\n"), tags_in(cell.metadata))
        for cell in cells
    ]
