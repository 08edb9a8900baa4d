"""Cells of whatever is handed in: every encoding, every dialect, every other thing, every bound."""

import codecs
import json
import random
import subprocess
import sys
from dataclasses import replace

import jupytext
import nbformat
import pytest
from nbconvert.exporters import PythonExporter

from course_lib.grader.running.reading import handed_in as reading
from course_lib.grader.running.reading import scripts
from course_lib.grader.running.reading.handed_in import cells_in
from course_lib.notebooks import Cell, read_cells
from course_lib.paths import ROOT

EXERCISES = [ROOT / "exercises" / f"{stem}.ipynb" for stem in ("02_attention", "05_multi_head")]
FOLDERS = ("notebooks/*.ipynb", "exercises/*.ipynb", "notebooks/src/*.py", "solutions/[0-9]*.py")
OURS = [path for folder in FOLDERS for path in sorted(ROOT.glob(folder))]
CODE = 'x = "é – “ ”"  # ¼'
BLOCK = 'def f(x):\n    """Doc."""\n    return x'


def code(source, *tags):
    return Cell("code", source, tags)


def text(source):
    return Cell("markdown", source)


def notebook(*cells, **about):
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4} | about).encode()


def cell(source, **about):
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source} | about


def sources(data, name="x.py"):
    return [cell.source for cell in cells_in(data, name) if cell.kind == "code"]


# Our own files


@pytest.mark.parametrize("path", OURS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_courses_own_files_read_as_its_own_reader_does(path):
    theirs = [replace(c, folded=False) for c in read_cells(path) if c.source.strip()]
    ours = [replace(c, ran=0) for c in cells_in(path.read_bytes(), path.name)]
    assert ours == theirs


def test_reading_is_imported_without_what_only_reading_needs():
    script = (
        "import sys, course_lib.grader.running.reading.handed_in; "
        "print([m for m in ('jupytext', 'nbformat', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n"


# Encodings

ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16": b"",  # Python writes the mark of these two
    "utf-32": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-16-le without a mark": b"",
    "utf-16-be without a mark": b"",
    "cp1252": b"",
}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize("kind", ["ipynb", "py", "percent"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_of_editors_is_read(encoding, kind, ends):
    written = {
        "ipynb": json.dumps(
            {"cells": [cell([f"{CODE}\n", "y = 2"])]}, ensure_ascii=False, indent=1
        ),
        "py": f"{CODE}\ny = 2\n",
        "percent": f"# %%\n{CODE}\ny = 2\n",
    }[kind]
    data = written.replace("\n", ends).encode(encoding.split(" ")[0])
    assert sources(ENCODINGS[encoding] + data, "x") == [f"{CODE}\ny = 2"]


def test_bytes_that_no_encoding_has_cost_one_letter():
    assert sources(b"x = 1  # \x81 \xe9\ny = 2") == ["x = 1  # � é\ny = 2"]


def test_a_notebook_that_a_program_wrapped_is_unwrapped():
    odd = 'y = "[{"'
    made = notebook(cell("x = 1", outputs=[{}]), cell(odd))
    cells = json.loads(made)["cells"]
    once = json.dumps(made.decode())
    for data in (once, json.dumps(once), json.dumps(cells), json.dumps(json.dumps(cells))):
        assert sources(f" {data}\n".encode(), "x.ipynb") == ["x = 1", odd]


LIKE_JSON = ('"""Mine."""\nx = 1', "[1, 2]", "[[[1]]]\nx = 1", "[" * 9000, '"')


@pytest.mark.parametrize("text", LIKE_JSON)
def test_a_script_that_begins_as_json_does_stays_one(text):
    assert sources(text.encode(), "x.py") == [text]


def test_zeros_behind_a_file_are_left_out_and_zeros_within_stay_with_their_cell():
    assert sources(b"x = 1\n" + b"\0" * 50) == ["x = 1"]
    data = notebook(cell("x = 1\0"), cell("y = 2")).replace(b"\\u0000", b"\0")
    assert sources(data, "x.ipynb") == ["x = 1\0", "y = 2"]


def test_half_of_a_letter_does_not_leave_the_notebook():
    (found,) = cells_in(notebook(cell("'\ud83d'", metadata={"tags": ["\ude00"]})), "x.ipynb")
    assert found == code("'?'", "?")
    assert sources(notebook(cell("'😀'")), "x.ipynb") == ["'😀'"]


def test_lines_of_which_none_has_an_end_are_lines():
    for lines in (["x = 1", "y = 2"], ["x = 1\n", "y = 2"], ["x = 1\ny = ", "2"]):
        data = json.dumps({"cells": [{"cell_type": "code", "source": lines}]}).encode()
        assert sources(data, "x.ipynb") == ["x = 1\ny = 2"]


def test_line_ends_of_windows_within_a_notebook_become_plain():
    assert sources(notebook(cell("a\r\nb\rc")), "x.ipynb") == ["a\nb\nc"]


# Dialects of scripts

DATABRICKS = """# Databricks notebook source
# MAGIC %md
# MAGIC ## 02.attention · Attention
# MAGIC Some text.

# COMMAND ----------

import torch

# COMMAND ----------

# DBTITLE 1,My answer
def f(x):
    return x

# COMMAND ----------

# MAGIC %pip install einops
"""
COLAB = '''# -*- coding: utf-8 -*-
"""02_attention.ipynb

Automatically generated by Colab.

Original file is located at
    https://colab.research.google.com/drive/1
"""

# Commented out IPython magic to ensure Python compatibility.
# %matplotlib inline
import torch

"""## 02.attention · Attention"""

def f(x):
    return x
'''
LIGHT = """# Some prose
# of two lines.

import torch

# + tags=["02.attention"]
def f(x):

    return x


# -

f(1)
"""
DIALECTS = {
    "VS Code": (
        "#%%\nx = 1\n# %% A title\ny = 2\n\n# %% [markdown]\n# # Head\n# text\n# %% [md]\n# more\n",
        [code("x = 1"), code("y = 2"), text("# Head\ntext"), text("more")],
    ),
    "VS Code, no space": (
        "#%%First title\nx = 1\n#%%[markdown]\n# text\n",
        [code("x = 1"), text("text")],
    ),
    "a text cell in quotes": ('# %% [markdown]\n"""\n# Head\ntext\n"""\n', [text("# Head\ntext")]),
    "Spyder": (
        "# -*- coding: utf-8 -*-\n#%% Load\nx = 1\n#%%% Deeper\ny = 2\n# %%\nz = 3\n",
        [code("# -*- coding: utf-8 -*-"), code("x = 1"), code("y = 2"), code("z = 3")],
    ),
    "PyCharm": ("#%% md\n# # Head\n#%%\nx = 1\n", [text("# Head"), code("x = 1")]),
    "old IPython": (
        "# <markdowncell>\n\n# text\n\n# <codecell>\n\nx = 1\n",
        [text("text"), code("x = 1")],
    ),
    "our own": (
        '# ---\n# jupyter: {}\n# ---\n\n# %% tags=["setup"]\nx = 1\n\n\n# %% tags=["02.scaled"]\n'
        + BLOCK,
        [code("x = 1", "setup"), code(BLOCK, "02.scaled")],
    ),
    "title and tags": (
        '# %% Scaled, at last tags=["02.scaled", "mine"] id="a1"\nx = 1\n',
        [code("x = 1", "02.scaled", "mine")],
    ),
    "options as JSON": ('# %% {"tags": ["02.scaled"]}\nx = 1\n', [code("x = 1", "02.scaled")]),
    "nbconvert": (
        "#!/usr/bin/env python\n# coding: utf-8\n\n# In[1]:\n\n\nx = 1\n\n\n# In[ ]:\n\n\ny = 2\n",
        [code("#!/usr/bin/env python\n# coding: utf-8"), code("x = 1"), code("y = 2")],
    ),
    "Databricks": (
        DATABRICKS,
        [
            text("## 02.attention · Attention\nSome text."),
            code("import torch"),
            code("# DBTITLE 1,My answer\ndef f(x):\n    return x"),
            code("# %pip install einops"),
        ],
    ),
    "light": (
        LIGHT,
        [
            text("Some prose\nof two lines."),
            code("import torch"),
            code("def f(x):\n\n    return x", "02.attention"),
            code("f(1)"),
        ],
    ),
    "Colab": (COLAB, [code(COLAB.strip("\n"))]),
    "plain": (
        "# region A\nx = 1\n\n\n####################\n# + y\n####################\ny = 2\n",
        [code("# region A\nx = 1\n\n\n####################\n# + y\n####################\ny = 2")],
    ),
    "another encoding in words": (
        "# coding: cp1252\n# %%\nx = 1\n",
        [code("# coding: cp1252"), code("x = 1")],
    ),
    "no line end": ("# %%\nx = 1", [code("x = 1")]),
    "empty cells": ("# %%\n# %%\n\n# %%\nx = 1\n# %%", [code("x = 1")]),
}


@pytest.mark.parametrize("name", ["x.py", "x.PY", "x.py.txt", "x.txt", "x"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_read_as_its_tool_reads_it(dialect, name):
    written, expected = DIALECTS[dialect]
    assert cells_in(written.encode(), name) == expected


@pytest.mark.parametrize("form", ["py:percent", "py:hydrogen", "py:light"])
@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_what_jupytext_writes_keeps_its_cells_and_tags(path, form):
    written = jupytext.writes(nbformat.read(path, 4), form)
    assert cells_in(written.encode(), "x.py") == read_cells(path)


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_what_nbconvert_writes_keeps_its_code(path):
    written, _ = PythonExporter().from_notebook_node(nbformat.read(path, 4))
    read = sources(written.encode())[1:]  # behind the title
    expected = [c.source for c in read_cells(path) if c.kind == "code"]
    assert len(read) == len(expected)
    assert all(mine.startswith(theirs) for mine, theirs in zip(read, expected, strict=True))


def test_magics_stay_comments_and_a_comment_is_never_taken_for_one():
    lines = "# %matplotlib inline\n# !pip install x\n# copy the row\n# cat all heads\nx = 1"
    for written in (f"# %%\n{lines}\n", f"# + {{}}\n{lines}\n", lines):
        assert sources(written.encode())[-1] == lines


def test_magics_of_a_notebook_are_undone_that_nbconvert_wrote_as_calls():
    made = nbformat.v4.new_notebook()
    for source in ("%matplotlib inline\n!ls\nx = 1", f"%%time\n{BLOCK}", "if x:\n    !ls"):
        made.cells.append(nbformat.v4.new_code_cell(source))
    written, _ = PythonExporter().from_notebook_node(made)
    _, first, second, third = sources(written.encode())
    namespace = {}
    for source in (first, second, third):
        exec(source, namespace)
    assert namespace["f"](namespace["x"]) == 1


def test_a_call_of_a_cell_magic_that_cannot_be_undone_is_a_comment():
    assert sources(b"get_ipython().run_cell_magic(x, 1)") == [
        "# get_ipython().run_cell_magic(x, 1)"
    ]


QUOTED = 'x = """\n# %% no cell\n"""'


def test_what_looks_like_a_cell_within_a_quoted_text_is_none():
    written = f"# %%\n{QUOTED}\n# %%\ny = 1\n"
    assert sources(written.encode()) == [QUOTED, "y = 1"]


@pytest.mark.parametrize("quote", ['"""', "'''"])
def test_a_quote_that_is_never_closed_costs_only_its_own_cell(quote):
    written = f'# %% tags=["02.a"]\nx = {quote}\n# %% tags=["02.b"]\n{BLOCK}\n# %%\n{QUOTED}\n'
    expected = [code(f"x = {quote}", "02.a"), code(BLOCK, "02.b"), code(QUOTED)]
    assert cells_in(written.encode(), "x.py") == expected


def test_a_marker_within_a_function_does_not_cut_it_in_two():
    written = "# %%\ndef f(x):\n    # %% first\n    return x\n# %%\ny = 2\n"
    assert sources(written.encode()) == ["def f(x):\n    #: %% first\n    return x", "y = 2"]


@pytest.mark.parametrize(
    "title",
    ["a={[]: 1}", "tags=[1]", "active=3", "run_control=3", 'tags="x"', "x" * 5_000, "a= " * 5_000],
)
def test_a_title_that_looks_like_odd_options_costs_only_itself(title):
    written = f'# %% tags=["02.a"]\nx = 1\n# %% {title}\ny = 2\n# %% [markdown] {title}\n# z\n'
    first, second, third = cells_in(written.encode(), "x.py")
    assert first == code("x = 1", "02.a") and second.source == "y = 2"
    assert third == text("z")


def test_a_header_of_jupytext_chooses_no_reader_that_would_run_something(monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    monkeypatch.setattr(subprocess, "Popen", None)
    representation = "#     text_representation: {extension: .py, format_name: %s}\n"
    header = "# ---\n# jupyter:\n#   jupytext:\n" + representation + "# ---\n"
    for name in ("marimo", "pandoc", "quarto", "nothing"):
        for start in ("", "#\n", "# %%\n", header % "percent"):
            written = start + header % name + "\nx = 1\n"
            assert sources(written.encode())[-1].endswith("x = 1")


# Notebooks


def test_a_notebook_is_known_by_what_it_holds_whatever_its_name_says():
    data = EXERCISES[0].read_bytes()
    expected = read_cells(EXERCISES[0])
    for name in ("x.ipynb", "x.IPYNB", "x.ipynb.txt", "x.json", "x", "x.py", "x.ipynb.crdownload"):
        assert cells_in(data, name) == expected
    assert sources(b"# %%\nx = 1\n", "x.ipynb") == ["x = 1"]


@pytest.mark.parametrize("minor", range(6))
def test_every_minor_format_of_today_is_read(minor):
    made = json.loads(EXERCISES[0].read_text(encoding="utf-8"))
    for each in made["cells"] if minor < 5 else ():
        del each["id"]
    data = json.dumps(made | {"nbformat_minor": minor}).encode()
    assert cells_in(data, "x.ipynb") == read_cells(EXERCISES[0])


def test_a_notebook_of_format_3_is_read_with_its_headings(caplog):
    old = nbformat.v4.downgrade(nbformat.read(EXERCISES[0], 4))
    one, two = old.worksheets[0].cells[:2], old.worksheets[0].cells[2:]
    two.insert(0, {"cell_type": "heading", "level": 2, "source": ["02.extra · A heading"]})
    two[1]["outputs"] = [{}]
    old.worksheets = [{"cells": one}, {"cells": two}]
    expected = read_cells(EXERCISES[0])
    expected.insert(2, text("## 02.extra · A heading"))
    for version in (3, 2):
        data = json.dumps(old | {"nbformat": version}).encode()
        assert cells_in(data, "x.ipynb") == expected
    assert not caplog.records


ODD_CELLS = {
    "no metadata": {"cell_type": "code", "source": "x = 1"},
    "metadata is null": cell("x = 1", metadata=None),
    "metadata is a list": cell("x = 1", metadata=[1]),
    "tags are null": cell("x = 1", metadata={"tags": None}),
    "tags are a number": cell("x = 1", metadata={"tags": 3}),
    "tags hold numbers": cell("x = 1", metadata={"tags": [1, None, {}]}),
    "lines": cell(["x ", "= 1"]),
    "outputs are no list": cell("x = 1", outputs="much"),
    "outputs are none of nbformat's": cell("x = 1", outputs=[{"output_type": 3}, [[]], None]),
    "attachments are odd": cell("x = 1", attachments=[3]),
    "no outputs": {"cell_type": "code", "metadata": {}, "source": "x = 1"},
    "Colab": cell("x = 1", metadata={"id": "aB", "colab": {"base_uri": "https://a"}}, outputs=[{}]),
    "Kaggle": cell("x = 1", metadata={"_uuid": "8f", "trusted": True}, execution_count="*"),
    "an id twice": cell("x = 1", id="a"),
    "of format 3": {"cell_type": "code", "input": "x = 1", "language": "python"},
}


@pytest.mark.parametrize("odd", ODD_CELLS)
def test_an_odd_cell_is_read_beside_the_others(odd):
    data = notebook(ODD_CELLS[odd], cell("y = 2", id="a"), colab={"provenance": []})
    assert cells_in(data, "x.ipynb") == [code("x = 1"), code("y = 2")]


def test_a_tag_alone_is_a_tag_and_a_raw_cell_is_kept_as_text():
    raw = {"cell_type": "raw", "metadata": {"tags": "02.attention"}, "source": BLOCK}
    nothing = {"cell_type": "markdown", "metadata": {}}
    strange = {"cell_type": 3, "source": "z"}
    found = cells_in(notebook(raw, nothing, strange), "x.ipynb")
    assert found == [Cell("markdown", BLOCK, ("02.attention",)), text(""), text("z")]


@pytest.mark.parametrize("broken", [3, None, "x", [], cell(3), cell([1]), cell(True)])
def test_a_cell_that_is_none_is_told(broken):
    with pytest.raises(ValueError, match="a broken notebook: a cell is not as cells should be"):
        cells_in(notebook(broken), "x.ipynb")


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda text: text.replace("}, {", "}, }, {", 1), r"Expecting .*: line 1 column \d+"),
        (lambda text: text[:-1] + ",}", r"Expecting property name .*|Illegal trailing comma .*"),
        (lambda text: text[: len(text) // 2], "it ends in the middle, as when an upload is cut"),
        (lambda text: text[: text.rindex("}, {") + 1], "it ends in the middle"),
        (lambda text: text.replace('"cells"', "“cells”"), r"Expecting property name"),
        (
            lambda text: text.replace('"cells"', '\n<<<<<<< HEAD\n"cells"'),
            "line 2 holds merge-conflict markers of git",
        ),
    ],
    ids=[
        "comma between cells",
        "comma at the end",
        "cut",
        "cut behind a cell",
        "quotes of Google Docs",
        "conflict",
    ],
)
def test_broken_json_is_told_with_its_place(change, told):
    data = change(notebook(cell("x = 1"), cell("y = 2")).decode()).encode()
    with pytest.raises(ValueError, match=f"a broken notebook: {told}"):
        cells_in(data, "02_attention.ipynb")


def test_merge_conflict_markers_in_a_script_cost_only_their_cell():
    written = "# %%\n<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> b\n# %%\ny = 1\n"
    assert len(sources(written.encode())) == 2


# What is no notebook

OTHERS = {
    "a shortcut of Google Drive; the file itself is there": (
        b'{"url": "https://docs.google.com/open?id=1", "doc_id": "1", "email": "a@b.c"}'
    ),
    " a link to a web page": b"https://colab.research.google.com/drive/1a?usp=sharing\n",
    "a link to a web page ": b"<?xml version='1.0'?><plist><dict><key>URL</key></dict></plist>",
    "an empty file": b"",
    "an empty file ": b" \n\r\n",
    "an empty file  ": codecs.BOM_UTF8 + b"\n",
    "nothing but zeros; it was damaged on its way": b"\0" * 3000,
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    "a picture (PNG)": b"\x89PNG\r\n\x1a\n",
    "a picture (JPEG)": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "a picture or film (HEIC, MP4)": b"\0\0\0\x18ftypheic",
    "an archive (zip) or an Office document": b"PK\x03\x04\x14\0",
    "an archive (RAR)": b"Rar!\x1a\x07\x01\0",
    "an archive (gzip)": b"\x1f\x8b\x08\0",
    "a text document (RTF)": b"{\\rtf1\\ansi x = 1}",
    "a property list, as Safari and iCloud make them": b"bplist00\xd1",
    "a pointer of Git LFS; the file itself was not uploaded": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    ),
    "a web page (HTML)": b"<!DOCTYPE html>\n<html><title>404 Not Found</title>",
    "a web page (HTML) ": codecs.BOM_UTF16_LE + "<!-- saved -->\r\n<HTML>".encode("utf-16-le"),
    "a saved web page": b"From: <Saved by Blink>\r\nSubject: 02_attention\r\n",
    "an XML document": b'<?xml version="1.0"?><a/>',
    "a link to a web page": b"[InternetShortcut]\r\nURL=https://colab.research.google.com/",
    "a binary file": bytes(range(256)) * 20,
    "JSON without cells": b'{"url": "https://colab.research.google.com/"}',
    "JSON without cells ": b'{"cells": 3}',
    "a text that begins with '404: Not Found'": b"404: Not Found",
    "a text that begins with 'Dear Sir or Madam,'": b"Dear Sir or Madam,\n\nhere is my work.",
}


@pytest.mark.parametrize("name", ["02_attention.ipynb", "x", "x.txt"])
@pytest.mark.parametrize("what", OTHERS)
def test_any_other_file_is_told_for_what_it_is(what, name):
    with pytest.raises(ValueError, match="not a notebook") as told:
        cells_in(OTHERS[what], name)
    hand_in = "hand in the notebook itself (.ipynb)"
    assert str(told.value) == f"not a notebook: {what.strip()}; {hand_in}"


def test_what_is_called_a_script_is_one_even_where_it_is_broken():
    assert sources(b"Dear Sir or Madam", "x.py") == ["Dear Sir or Madam"]
    assert sources(b"{'a': 1", "x.py") == ["{'a': 1"]


# Bounds


def test_what_a_notebook_shows_costs_nothing():
    shown = [{"output_type": "display_data", "data": {"image/png": "A" * 60_000_000}}]
    made = cell("x = 1", outputs=shown), cell("y = 2", outputs=[{}] * 50_000)
    assert sources(notebook(*made), "x.ipynb") == ["x = 1", "y = 2"]


def test_a_picture_pasted_into_a_text_cell_is_no_code():
    pasted = {"cell_type": "markdown", "source": f"![](data:image/png;base64,{'A' * 900_000})"}
    assert sources(notebook(pasted, cell("x = 1")), "x.ipynb") == ["x = 1"]


KIB = 1 << 10


@pytest.mark.parametrize(
    "data, told",
    [
        (b" " * ((64 << 20) + 1), "64.0 MiB; at most 64 are read"),
        (notebook(*[cell("x")] * 501), "501 code cells; at most 500 are read"),
        (b"# %%\nx = 1\n" * 501, "501 code cells; at most 500 are read"),
        (notebook(*[{"cell_type": "markdown"}] * 5_001), "5,001 cells; at most 5,000 are read"),
        (b"# %%\n" * 5_001, "a script of 5,001 cells; at most 5,000 are read"),
        (
            notebook(*[cell("x" * 60 * KIB)] * 4, cell("é" * 40 * KIB)),
            r"320 KiB of code; at most 256 KiB are read \(the longest of its cells has 80\)",
        ),
        (b"x" * 300 * KIB, "300 KiB of code; at most 256 KiB are read"),
        (
            b"# %% [markdown]\n" + b"# ```x\n" * 201,
            "a cell with 201 fences of code; at most 200 are read",
        ),
        (b'{"cells": ' + b"[" * 100_000, "a broken notebook"),
    ],
)
def test_a_bound_is_told_with_its_numbers(data, told):
    with pytest.raises(ValueError, match=told):
        cells_in(data, "x.py")


def test_a_text_pasted_into_a_cell_costs_that_cell_only():
    text = f"text = '{'word ' * 60 * KIB}'"
    long, other = cells_in(notebook(cell(text), cell("axis = -1")), "x.ipynb")
    assert long.source == "# 300 KiB in one cell; at most 64 are read"
    assert other.source == "axis = -1"


def test_up_to_the_bounds_everything_is_read():
    assert len(cells_in(notebook(*[cell("x")] * 500), "x.ipynb")) == 500
    assert len(cells_in(b"# %%\nx = 1\n" * 500, "x.py")) == 500
    assert len(sources(b"x" * 256 * KIB)[0]) == 256 * KIB
    texts = [{"cell_type": "markdown"}] * reading.MAX_CELLS
    assert len(cells_in(notebook(*texts), "x.ipynb")) == reading.MAX_CELLS
    longest = "x" * (scripts.LONGEST_TITLE - 5)
    assert sources(f"# %% {longest}\ny = 2\n".encode()) == ["y = 2"]


PIECES = (
    *(b"# %%", b"#%%", b'"""', b"# + {", b"# ---", b"# COMMAND ----------", b"# MAGIC %md"),
    *(
        b"# In[3]:",
        b"tags=[",
        b"active=",
        b"```",
        b"!ls",
        b"\n",
        b"\r",
        b"\0",
        b"\xff\xfe",
        b"\x85",
    ),
    *(b"{", b"}", b"]", b":", b"null", b"1", b'"cells"', b'"source"', b"\\ud800", b"\xf0\x9f"),
)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_handed_in_only_ever_raises_value_errors(seed):
    draw = random.Random(seed)
    light = jupytext.writes(nbformat.read(EXERCISES[0], 4), "py:light").encode()
    start = [EXERCISES[0].read_bytes(), (ROOT / "solutions/02_attention.py").read_bytes(), light]
    read = 0
    for turn in range(60):
        data = start[turn % 3]
        for _ in range(draw.choice([1, 3, 9])):
            place = draw.randrange(len(data))
            data = data[:place] + draw.choice(PIECES) + data[place + draw.choice([0, 1, 30]) :]
        try:
            cells = cells_in(data, draw.choice(["x.py", "x.ipynb", "x"]))
        except ValueError:
            continue
        read += bool(cells)
        assert all(c.kind in ("code", "markdown") and c.source.encode() is not None for c in cells)
    assert read > 20
