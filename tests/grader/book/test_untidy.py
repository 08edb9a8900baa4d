"""Honest notebooks as people really leave them: checked and graded, each costs no mark."""

import signal
from functools import partial

import nbformat
import pytest
import torch

from course_lib.grader.book import grading
from course_lib.grader.book.grading import grade_submission
from course_lib.grader.course.files import exercises, solution_cells
from course_lib.grader.course.submission import answers
from course_lib.grader.running.warm import Limits
from course_lib.notebooks import without_solution
from course_lib.paths import ROOT

ID, NAME = "02.attention-weights", "attention_weights"
RIGHT = (
    "def attention_weights(query, key):\n"
    "    scores = query @ key.mT / math.sqrt(key.shape[-1])\n"
    "    return torch.softmax(scores, dim=-1)"
)
WRONG = "def attention_weights(query, key):\n    return torch.softmax(query @ key.mT, dim=-1)"
STUB = (
    "def attention_weights(query, key):\n"
    '    """query (n, d), key (m, d) -> (n, m): row i holds the weights of query i."""\n'
    '    raise NotImplementedError("your turn")'
)
HANDED_OUT = next(
    without_solution(cell.source) for cell in solution_cells(ROOT, "02") if ID in cell.tags
)
HELPED = (
    "def attention_weights(query, key):\n    return rows(query @ key.mT / key.shape[-1] ** 0.5)"
)
HELPER = "def rows(x):\n    return torch.softmax(x, -1)"
SETUP = "import math\n\nimport torch\n\nfrom course_lib.check import check"
CHECK = f'check("{ID}", {NAME})'
START = [(SETUP, "setup")]
ANSWER, CHECKED = (RIGHT, ID), (CHECK, "check")
DEMO = "attention_weights(torch.ones(2, 3), torch.ones(2, 3))"
LAMBDA = "attention_weights = lambda q, k: (q @ k.mT / k.shape[-1] ** 0.5).softmax(-1)"
METHOD = "(self, query, key):\n    return rows(query @ key.mT / key.shape[-1] ** 0.5)"
OBJECT = "attention_weights = Weights()"
FUTURE = (
    "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
    "@dataclass\nclass Size:\n    d: int\n    more: 'ClassVar[int]' = 0"
)
NOWHERE = "with contextlib.redirect_stdout(open(os.devnull, 'w')):\n        print(1)"
OWN_TEST = (
    "import torch.nn.functional as F\nquery = torch.ones(1, 2, 3)\n"
    "scores = F.scaled_dot_product_attention(query, query, query)"
)
OTHER = RIGHT.replace("attention_weights", "other")
CHECKS = {
    "another call": f'display(check("{ID}", other))',
    "a branch": f'if True:\n    check("{ID}", other)',
    "a block": f'import contextlib\nwith contextlib.nullcontext():\n    check("{ID}", other)',
    "an assignment": f'told = check(\n    "{ID}",\n    other,\n); 1',
    "another name's place": f'from course_lib.check import check as c\nc("{ID}", other)',
    "its module's place": f'import course_lib.check as cc\ncc.check("{ID}", other)',
}
TASK = (
    "import asyncio\nasync def last():\n    await asyncio.sleep(0)\n    return -1\n"
    "task = asyncio.create_task(last())"
)
SLOW = "import time\ntime.sleep(600)"


def over(axis):
    """The right answer with its axis written another way."""
    return RIGHT.replace("dim=-1", f"dim={axis}"), ID


def beginning(line):
    """The right answer with a line of its own before the others."""
    return RIGHT.replace("    scores", f"    {line}\n    scores"), ID


UNTIDY = {
    "as handed out, solved": [*START, ANSWER, CHECKED],
    # own cells
    "a slow cell at the end": [*START, ANSWER, CHECKED, (SLOW,)],
    "a slow cell before": [*START, (SLOW,), ANSWER, CHECKED],
    "an endless cell": [*START, ("while True: pass",), ANSWER],
    "a slow line in the answer's own cell": [*START, (f"{RIGHT}\n\n{SLOW}", ID)],
    "a slow line above, in the answer's own cell": [*START, (f"{SLOW}\n\n{RIGHT}", ID)],
    "a heavy import": [*START, ("import pandas as pd\nimport seaborn",), ANSWER],
    "an import that is not there": [*START, ("import my_notes",), ANSWER],
    "an import that is not there, in the answer's cell": [
        *START,
        (f"import my_notes\n{RIGHT}", ID),
    ],
    "a cell that ends Python": [*START, ("import os\nos._exit(1)",), ANSWER],
    "a cell that asks": [*START, ("name = input('who? ')",), ANSWER],
    "a cell with another error": [*START, ("1 / 0",), ANSWER],
    "a syntax error elsewhere": [*START, ("def nothing(:\n  pass",), ANSWER],
    # where the answer stands
    "typed into the check cell": [*START, (STUB, ID), (f"{RIGHT}\n\n{CHECK}", "check")],
    "merged with the check": [*START, (f"{RIGHT}\n{CHECK}", ID)],
    "a second cell with the same tag": [*START, (STUB, ID), ANSWER],
    "a stub pasted below": [*START, ANSWER, CHECKED, (STUB, ID)],
    "a stub pasted below, its text changed": [
        *START,
        ANSWER,
        CHECKED,
        (STUB.replace("row", "Row"), ID),
    ],
    "a scratch line that raises after the def": [*START, (f"{RIGHT}\nattention_weights(1, 2)", ID)],
    "a scratch line that raises before the def": [
        *START,
        (f"attention_weights(1, 2)\n{RIGHT}", ID),
    ],
    "the tag lost": [*START, (RIGHT,), CHECKED],
    "all tags lost": [(SETUP,), (RIGHT,), (CHECK,)],
    "a lambda": [*START, (LAMBDA, ID)],
    "a callable object": [
        *START,
        (f"class Weights:\n    def __call__{METHOD}".replace("\n    r", "\n        r"),),
        (f"{HELPER}\n{OBJECT}", ID),
    ],
    "checked under a name of one's own": [
        *START,
        (STUB, ID),
        (RIGHT.replace(NAME, "mine"),),
        (CHECK.replace(f", {NAME}", ", mine"),),
    ],
    "checked as a method": [
        *START,
        (
            "class Ops:\n    @staticmethod\n    def mine"
            + METHOD.replace("self, ", "").replace("    return", "        return"),
            ID,
        ),
        (HELPER,),
        (CHECK.replace(f", {NAME}", ", Ops.mine"),),
    ],
    "checked as a lambda, on several lines": [
        *START,
        (
            f'check(\n    id="{ID}",\n    answer=lambda q, k: (\n        '
            f"{LAMBDA.partition(': ')[2]}\n    ),\n)\naxis = 0",
        ),
    ],
    "an older try above": [*START, (WRONG,), ANSWER, CHECKED],
    "an older try below the check": [*START, ANSWER, CHECKED, (WRONG,)],
    "an older try in the exercise's own cell": [*START, (WRONG, ID), (RIGHT,), CHECKED],
    "two tries in one cell": [*START, (f"{WRONG}\n\n\n{RIGHT}", ID)],
    "the answer below a demonstration of it": [
        *START,
        (DEMO,),
        ANSWER,
    ],
    # set-up
    "no set-up cell": [ANSWER, CHECKED],
    "a set-up with a line added": [
        (f"{SETUP}\nfrom course_lib.claims import claim", "setup"),
        ANSWER,
    ],
    "a set-up with a failing line": [("import nothing_like_this\n" + SETUP, "setup"), ANSWER],
    "names imported another way": [
        ("from torch import *\nfrom math import sqrt as root",),
        (RIGHT.replace("math.sqrt", "root").replace("torch.softmax", "softmax"), ID),
    ],
    # helpers
    "a helper above": [*START, (HELPER,), (HELPED, ID)],
    "a helper below": [*START, (HELPED, ID), (HELPER,), CHECKED],
    "a helper below the check": [*START, (HELPED, ID), CHECKED, (HELPER,)],
    "a helper in a slow cell": [
        *START,
        (f"{HELPER}\nprint(rows(torch.ones(2, 2)))\n{SLOW}",),
        (HELPED, ID),
    ],
    "a helper in a cell that fails above it": [*START, (f"1 / 0\n{HELPER}",), (HELPED, ID)],
    "a helper of a helper": [
        *START,
        ("def rows(x):\n    return deep(x)",),
        ("def deep(x):\n    return x.softmax(-1)",),
        (HELPED, ID),
    ],
    "a helper bound again below": [*START, (HELPER,), (HELPED, ID), CHECKED, ("rows = 3",)],
    "the answer's name bound again below": [*START, ANSWER, CHECKED, (f"{NAME} = {DEMO}",)],
    "the answer's name bound again in its cell": [*START, (f"{RIGHT}\nattention_weights = 3", ID)],
    "a constant bound again below": [*START, ("axis = -1",), over("axis"), CHECKED, ("axis = 0",)],
    "a constant changed before the check": [
        *START,
        ("axis = 0",),
        over("axis"),
        ("axis = -1",),
        CHECKED,
    ],
    "a table filled in a loop": [
        *START,
        ("table = {}\nfor name in ['axis']:\n    table[name] = -1",),
        over("table['axis']"),
    ],
    "a list that grows": [*START, ("axes = []",), ("axes.append(-1)",), over("axes[0]")],
    "a list that a function fills": [
        *START,
        ("axes = []\ndef fill(x):\n    x.append(-1)",),
        ("fill(axes)",),
        over("axes[0]"),
    ],
    "a name in both branches": [
        *START,
        ("if torch.cuda.is_available():\n    axis = -1\nelse:\n    axis = -1",),
        over("axis"),
    ],
    "a method added later": [
        *START,
        ("class Weights:\n    pass",),
        (f"{HELPER}\ndef call{METHOD}\nWeights.__call__ = call",),
        (OBJECT, ID),
    ],
    # what Python and IPython allow
    "a dataclass with annotations as text": [
        *START,
        (FUTURE,),
        (RIGHT.replace("key.shape[-1]", "Size(key.shape[-1]).d"), ID),
    ],
    "writing to nowhere": [
        *START,
        ("import contextlib, os",),
        beginning(NOWHERE),
    ],
    "a file written": [*START, beginning("print(1, file=open('log.txt', 'w'))")],
    "a file written by its path": [
        *START,
        ("from pathlib import Path\nout = Path('out')",),
        beginning("out.mkdir(exist_ok=True); (out / 'log.txt').write_text('1')"),
    ],
    "weights saved": [*START, beginning("torch.save(query, 'q.pt')")],
    "weights saved and read again": [
        *START,
        ("import io\nbuffer = io.BytesIO()\ntorch.save(-1, buffer)\nbuffer.seek(0)",),
        ("axis = torch.load(buffer)",),
        over("axis"),
    ],
    "a figure saved": [
        *START,
        ("import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt",),
        beginning("plt.plot([1, 2]); plt.savefig('a.png'); plt.close()"),
    ],
    "much on stderr": [*START, beginning("import sys; sys.stderr.write('x' * 200_000)")],
    "plots of the course": [
        *START,
        ("from course_lib.plots import heatmap",),
        (f"{RIGHT}\nheatmap(torch.ones(2, 2))", ID),
    ],
    "an encoding asked for": [*START, beginning("import sys; assert sys.stdout.encoding")],
    "a claim in the answer": [
        *START,
        ("from course_lib.claims import claim",),
        beginning("claim('fine', True)"),
    ],
    "a question": [*START, (f"torch.softmax?\n{RIGHT}", ID)],
    "a shell line": [*START, (f"!ls\n%matplotlib inline\n{RIGHT}", ID)],
    "a timed cell": [*START, (f"%%time\n{RIGHT}", ID)],
    "another language": [*START, ("%%bash\nls $(pwd)",), ANSWER],
    "waiting": [
        *START,
        ("import asyncio\nawait asyncio.sleep(0)",),
        (f"{RIGHT}\nawait asyncio.sleep(0)", ID),
    ],
    "a shell's answer kept": [*START, (f"files = !ls\n{RIGHT}", ID)],
    "waiting for a value": [
        *START,
        ("import asyncio\nasync def last():\n    await asyncio.sleep(0.01)\n    return -1",),
        ("axis = await last()",),
        over("axis"),
    ],
    "waiting for a context": [
        *START,
        ("import contextlib\n@contextlib.asynccontextmanager\nasync def last():\n    yield -1",),
        ("async with last() as axis:\n    pass",),
        over("axis"),
    ],
    "waiting in a loop": [
        *START,
        ("async def axes():\n    yield -1\nasync for axis in axes():\n    pass",),
        over("axis"),
    ],
    "an event loop of one's own": [
        *START,
        ("import asyncio\nasync def last():\n    return -1",),
        over("asyncio.run(last())"),
    ],
    # what comes to a class or a value from outside of its statement
    "a list filled in a loop": [
        *START,
        ("axes = []",),
        ("for axis in [-1]:\n    axes.append(axis)",),
        over("axes[0]"),
    ],
    "a value filled without gradients": [
        *START,
        ("scale = torch.zeros(1)",),
        ("with torch.no_grad():\n    scale.fill_(-1)",),
        over("int(scale)"),
    ],
    "a class that keeps a module's name": [
        *START,
        ("axis = -1",),
        ("class Last:\n    axis = axis",),
        over("Last.axis"),
    ],
    "a global that an answer counts in": [
        *START,
        ("calls = 0",),
        beginning("global calls\n    calls += 1"),
    ],
    "a class that notes its heirs": [
        *START,
        ("T = {}\nclass Base:\n    def __init_subclass__(cls):\n        T[cls.__name__] = -1",),
        ("class Last(Base):\n    pass",),
        over("T['Last']"),
    ],
    "a method given to every tensor": [
        *START,
        ("torch.Tensor.adas_rows = lambda self: self.softmax(-1)",),
        (RIGHT.replace("torch.softmax(scores, dim=-1)", "scores.adas_rows()"), ID),
    ],
    "a chain of calls": [*START, ("t = {}\nt.setdefault('a', []).append(-1)",), over("t['a'][0]")],
    "a function that sets a global": [
        *START,
        ("def start():\n    global axis\n    axis = -1",),
        ("start()",),
        over("axis"),
    ],
    "a table filled by a decorator": [
        *START,
        (f"OPS = {{}}\ndef op(f):\n    OPS[f.__name__] = f\n    return f\n\n@op\n{HELPER}",),
        (HELPED.replace("rows(", "OPS['rows']("), ID),
    ],
    "a class method that sets": [
        *START,
        ("class Cfg:\n    axis = 0\n    @classmethod\n    def set(cls, a):\n        cls.axis = a",),
        ("Cfg.set(-1)",),
        over("Cfg.axis"),
    ],
    "all in one cell, a constant bound again below": [
        (f"{SETUP}\naxis = -1\n{over('axis')[0]}\n{CHECK}\naxis = 0",)
    ],
    "several tries, the last one right": [
        *START,
        (HELPER.replace("-1", "0"),),
        *[(WRONG,)] * 3,
        (HELPED, ID),
        (HELPER,),
        CHECKED,
    ],
    "another name for it, at last": [
        *START,
        *[(WRONG,)] * 4,
        (RIGHT.replace(NAME, "good"),),
        (f"{NAME} = good", ID),
        CHECKED,
    ],
    "separators of other programs": [
        *START,
        ("note = 'a\x0bb'\naxis = -1",),
        (over("axis")[0].replace("    scores", "    # a\u2028b \x0c\n    scores"), ID),
    ],
    "a builtin's name given back": [
        *START,
        ("sum = 0",),
        ("for i in range(3):\n    sum += i",),
        ("del sum",),
        (RIGHT.replace("dim=-1", "dim=-sum([1])"), ID),
    ],
    "main": [*START, (f"if __name__ == '__main__':\n    axis = -1\n\n{over('axis')[0]}", ID)],
    "a timed line that binds": [*START, ("%time axis = int(-1)",), over("axis")],
    "a promise of an earlier cell": [
        ("from __future__ import annotations",),
        *START,
        (RIGHT.replace("(query, key)", "(query: NoSuch, key)"), ID),
    ],
    "names imported beside a banned one": [
        *START,
        ("from torch.nn.functional import scaled_dot_product_attention, softmax",),
        (RIGHT.replace("torch.softmax", "softmax"), ID),
    ],
    # a check in other words, of something under another name
    **{
        f"a check that stands in {place}": [*START, (OTHER, ID), (line,)]
        for place, line in CHECKS.items()
    },
    "two checks in a line": [
        *START,
        (OTHER, ID),
        ("second = 3",),
        (f'check("02.cost", second); check("{ID}", other)  # ü',),
    ],
    # what an answer needs as it is defined, below it: numbers may be lost
    "a type below": [
        *START,
        (RIGHT.replace("query, key", "query: Tensor, key: Tensor", 1), ID),
        CHECKED,
        ("from torch import Tensor",),
    ],
    "a default below, by other cells": [
        *START,
        (RIGHT.replace("key)", "key, axis=AXIS)", 1).replace("dim=-1", "dim=axis"), ID),
        CHECKED,
        ("def last(x):\n    return x.ndim - 3",),
        ("AXIS = last(torch.ones(2, 3))",),
        ("rows = 2",),
    ],
    "a decorator below, of a helper below": [
        *START,
        (f"@passed\n{HELPED}", ID),
        CHECKED,
        (f"{HELPER}\ndef passed(f):\n    return f",),
    ],
    # what ran below its check, once wrong afterwards
    "a helper below the check, bound again": [
        *START,
        (HELPED, ID),
        CHECKED,
        (HELPER,),
        ("def rows(x):\n    return x",),
    ],
    "a table that a function fills beside a slow cell": [
        *START,
        ("table = {}\ndef fill(x):\n    x['axis'] = -1",),
        (SLOW,),
        ("fill(table)",),
        over("table['axis']"),
    ],
    # tasks
    "a task": [*START, (TASK,), ("axis = await task",), over("axis")],
    "a task that ends by itself": [*START, (TASK,), over("task.result()")],
    "a task that never ends": [
        *START,
        ("import asyncio\naxis = -1\ntask = asyncio.create_task(asyncio.sleep(600))",),
        over("axis if task else 0"),
    ],
    # left in a cell after it ran
    **{
        f"{line!r} below": [*START, (f"{RIGHT}\n\n{line}", ID)]
        for line in ("to do: tidy", "tensor: 0.5 0.5", "print(attention_weights(", "print 'x'")
    },
    "a list by another name": [
        *START,
        ("axes = []",),
        ("more = axes\nmore.append(-1)",),
        over("axes[0]"),
    ],
    "a list by a name in brackets": [
        *START,
        ("axes = {}",),
        ("(a := axes)[0] = -1",),
        over("axes[0]"),
    ],
    "a list by its method": [
        *START,
        ("axes = []\nadd = axes.append",),
        ("add(-1)",),
        over("axes[0]"),
    ],
    "a list that a function gave": [
        *START,
        ("axes = {}\ndef get():\n    return axes",),
        ("got = get()",),
        ("got[0] = -1",),
        over("axes[0]"),
    ],
    "a list filled by a thread": [
        *START,
        ("import threading\naxes = []",),
        ("filling = threading.Thread(target=lambda: axes.append(-1))",),
        ("filling.start()\nfilling.join()",),
        over("axes[0]"),
    ],
    "a row that a loop makes longer": [
        *START,
        ("rows = [[0]]",),
        ("for row in rows:\n    row += [-1]",),
        over("rows[0][1]"),
    ],
    "an iterator that a loop took from": [
        *START,
        ("axes = iter([0, -1])",),
        ("for first in axes:\n    break",),
        ("axis = next(axes)",),
        over("axis"),
    ],
    "two functions with one memory": [
        *START,
        ("def memory():\n    kept = [0]\n    return kept.append, lambda: kept[-1]",),
        ("put, get = memory()",),
        ("put(-1)",),
        over("get()"),
    ],
    "a function in a table that sets a global": [
        *START,
        ("axis = 0\ndef last():\n    global axis\n    axis = -1",),
        ("table = {'last': last}",),
        ("table['last']()",),
        over("axis"),
    ],
    "a gradient that came by another name": [
        *START,
        ("t = torch.tensor(1., requires_grad=True)",),
        ("loss = -t\nloss.backward()",),
        over("int(t.grad)"),
    ],
    "a view that is written to": [
        *START,
        ("axes = torch.zeros(3)",),
        ("two = axes[1:]\ntwo[0] = -1",),
        over("int(axes[1])"),
    ],
    "a method that a decorator adds": [
        *START,
        ("def add_to(kind):\n    return lambda f: setattr(kind, f.__name__, f)",),
        ("class Rows:\n    pass",),
        ("@add_to(Rows)\ndef axis(self):\n    return -1",),
        over("Rows().axis()"),
    ],
    "prose and fences around": [
        *START,
        (f"Here it is:\n\n```python\n@torch.enable_grad()\n# mine\n{RIGHT}\n```", ID),
    ],
    "a star import that binds a built-in's name": [
        *START,
        ("from torch import *",),
        over("-1 if all(query == query) else 0"),
    ],
    # names that are said by a text, and the notebook as a module
    **{
        f"{name} by a text": [*START, ("import __main__, sys, IPython\naxis = -1",), over(name)]
        for name in (
            "globals()['axis']",
            "eval('axis')",
            "get_ipython().user_ns['axis']",
            "IPython.get_ipython().user_ns['axis']",
            "IPython.core.getipython.get_ipython().user_global_ns['axis']",
            "(axis if 'ZMQInteractiveShell' in repr(type(get_ipython())) and __IPYTHON__ else 0)",
            "__main__.axis",
            "sys.modules['__main__'].axis",
            "getattr(sys.modules[__name__], 'axis')",
            "(axis if hasattr(sys, 'ps1') else 0)",
        )
    },
    "a module of one's own that asks for the shell": [
        *START,
        (
            "import types\nmine = types.ModuleType('mine')\n"
            "exec('from IPython import get_ipython\\nasks = lambda: get_ipython()', vars(mine))",
        ),
        over("-1 if mine.asks() else 0"),
    ],
    "annotations that are text, looked up": [
        *START,
        (FUTURE.replace("d: int", "d: Whole"),),
        ("import typing\nWhole, ClassVar = int, typing.ClassVar",),
        over("-1 if typing.get_type_hints(Size)['d'] is Whole else 0"),
    ],
    "a magic of an extension": [*START, (f"%%memray_flamegraph -q\n{RIGHT}", ID)],
    "a prompt below a magic": [
        *START,
        (HELPER,),
        ("%%ask why\nWhy is this wrong?\ndef rows(x):\n    return x.softmax(0)",),
        (HELPED, ID),
    ],
    # the ban on PyTorch's own: tests of one's own are welcome
    "a test against PyTorch": [
        *START,
        ANSWER,
        (OWN_TEST,),
    ],
}


# Each with the numbers of its cells: what ran in another order than it stands in.
RAN = {
    "a constant bound again above": ([("axis = -1",), ("axis = 0",), over("axis")], (3, 2, 4)),
    "cells moved": ([over("axis"), ("axis -= 1",), ("axis = 0",)], (4, 3, 2)),
    "a helper bound again above": (
        [("def rows(x):\n    return x",), (HELPED, ID), (HELPER,), ("rows = None",)],
        (2, 3, 5, 4),
    ),
    "a helper that never ran, between": (
        [(HELPER,), ("def rows(x):\n    return 0 * x",), (HELPED, ID)],
        (2, None, 3),
    ),
    "a constant that never ran, above": (
        [("axis = -1",), ("axis = 0",), over("axis")],
        (2, None, 3),
    ),
    "a cell that never ran": ([("axis = -1",), ("axis = 0",), over("axis")], (4, 2, None)),
}


def handed_in(folder, cells, numbers=()):
    made = nbformat.v4.new_notebook()
    for source, *tags in cells:
        made.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))
    for cell, number in zip(made.cells, numbers, strict=False):
        cell.execution_count = number
    nbformat.write(made, folder / "02_attention.ipynb")
    return folder / "02_attention.ipynb"


@pytest.mark.parametrize("name", UNTIDY)
def test_it_is_right_when_checked(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (told,) = answers(ROOT, handed_in(tmp_path, UNTIDY[name]), [ID])
    assert told.state == "right", told


@pytest.mark.parametrize("name", UNTIDY)
def test_it_is_right_when_graded(warm, tmp_path, name):
    (graded,) = grade_submission(warm, handed_in(tmp_path, UNTIDY[name]), [ID], 7)
    assert graded.verdict.state == "right", graded


@pytest.mark.parametrize("name", RAN)
def test_cells_count_in_the_order_in_which_they_ran(warm, tmp_path, name):
    cells, numbers = RAN[name]
    path = handed_in(tmp_path, [*START, *cells, CHECKED], (1, *numbers, 6))
    (graded,) = grade_submission(warm, path, [ID], 7)
    (told,) = answers(ROOT, path, [ID])
    assert (graded.verdict.state, told.state) == ("right", "right"), graded


GROWING = """class WordAttention(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.log_temperature = nn.Parameter(torch.zeros(()))"""
METHODS = """def forward(self, ids):
    x = self.embedding(ids)
    scores = x @ x.mT / x.shape[-1] ** 0.5 / self.log_temperature.exp()
    return scores.softmax(-1) @ x, scores.softmax(-1)
def guess(self, ids):
    return self(ids)[0] @ self.embedding.weight.T"""
ADDING = {
    "by its argument": (
        "def add_to(kind):\n    return lambda f: setattr(kind, f.__name__, f)",
        METHODS.replace("def ", "@add_to(WordAttention)\ndef "),
    ),
    "by its annotation": (
        "def patch(f):\n    [kind] = f.__annotations__.values()\n    setattr(kind, f.__name__, f)",
        METHODS.replace("def ", "@patch\ndef ").replace("(self", "(self: WordAttention"),
    ),
}


@pytest.mark.parametrize("name", ADDING)
def test_methods_that_a_decorator_adds_to_an_answer_count(warm, tmp_path, name):
    id, (decorator, methods) = "02.word-attention", ADDING[name]
    own = [(SETUP + "\nfrom torch import nn", "setup"), (decorator,), (GROWING, id), (methods,)]
    path = handed_in(tmp_path, own)
    (graded,) = grade_submission(warm, path, [id], 7)
    (told,) = answers(ROOT, path, [id])
    assert (graded.verdict.state, told.state) == ("right", "right"), graded


TURNED = {
    "an answer": [*START, ("turned", RIGHT), CHECKED],
    "a helper": [*START, ("turned", HELPER), (HELPED, ID), CHECKED],
    "what is switched off": [
        *START,
        ("axis = -1",),
        ("turned", "axis = 0"),
        over("axis"),
        ("turned", WRONG),
        CHECKED,
    ],
    "prose": [*START, ("turned", "axis = 0 would be the queries"), ("axis = -1",), over("axis")],
}


@pytest.mark.parametrize("turn", [nbformat.v4.new_raw_cell, nbformat.v4.new_markdown_cell])
@pytest.mark.parametrize("name", TURNED)
def test_a_cell_that_a_key_turned_into_text_counts_where_nothing_else_binds_it(
    warm, tmp_path, name, turn
):
    plain = [cell for cell in TURNED[name] if cell[0] != "turned"]
    path = handed_in(tmp_path, plain)
    made = nbformat.read(path, as_version=4)
    for i, cell in enumerate(TURNED[name]):
        if cell[0] == "turned":
            made.cells.insert(i, turn(cell[1]))
    nbformat.write(made, path)
    (graded,) = grade_submission(warm, path, [ID], 7)
    assert graded.verdict.state == "right", graded
    (told,) = answers(ROOT, path, [ID])
    assert told.state == "right", told


DATACLASS = "import dataclasses as d\n    return d.make_dataclass('W', 'w')"
ODD = {
    "numpy": ("return torch.softmax(scores, dim=-1).numpy()", "found a NumPy ndarray"),
    "an iterator": ("return iter(torch.softmax(scores, dim=-1))", "found a"),
    "a generator": ("yield scores", "found a generator"),
    "a sparse tensor": ("return scores.to_sparse()", "found a tensor of layout torch.sparse_coo"),
    "a dataclass": (f"{DATACLASS}(1)", "found a W"),
    "its class": (DATACLASS, "found a type"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_tensor_is_called_by_its_name(warm, tmp_path, name):
    line, told = ODD[name]
    source = RIGHT.replace("return torch.softmax(scores, dim=-1)", line)
    path = handed_in(tmp_path, [*START, (source, ID)])
    (graded,) = grade_submission(warm, path, [ID], 7)
    (checked,) = answers(ROOT, path, [ID])
    for verdict in (graded.verdict, checked):
        assert verdict.state == "wrong" and told in " ".join(verdict.details), verdict
        assert "Foreign" not in " ".join(verdict.details)


def test_a_helper_that_uses_what_is_banned_is_found_by_check_and_by_grade(warm, tmp_path):
    id = "02.attention"
    helper = "import torch.nn.functional as F\ndef inner(q, k, v):\n"
    helper += "    return F.scaled_dot_product_attention(q, k, v)"
    answer = "def attention(query, key, value):\n    return inner(query, key, value)"
    path = handed_in(tmp_path, [*START, (helper,), (answer, id)])
    (graded,) = grade_submission(warm, path, [id], 7)
    (checked,) = answers(ROOT, path, [id])
    for verdict in (graded.verdict, checked):
        assert verdict.points == 0 and "without `scaled_dot_product_attention`" in verdict.summary


@pytest.mark.parametrize(
    "cells, told",
    [
        ([(WRONG, ID), (RIGHT.replace("dim=-1", "dim=0"),)], "cell 2, "),
        ([(f"{RIGHT}\n    return ((", ID)], "Python can't read cell 2"),
        ([(HANDED_OUT, ID)], "the cell is as handed out"),
        ([], "nothing defines `attention_weights`"),
        (
            [("%%writefile -a src/my.py\naxis = -1",), ("import src.my as m",), over("m.axis")],
            "`src.my` is not there when this is graded: `%%writefile -a src/my.py` only writes a",
        ),
        ([("axis = -1",), ("axis = 0",), over("axis")], "0 of 12 cases"),  # run upwards, as it were
        (
            [("from course_lib.nn.masks import causal_mask as m",), (over("len(m.x)")[0], ID)],
            "holds",
        ),
    ],
)
def test_what_is_not_right_is_told_alike_by_check_and_by_grade(warm, tmp_path, cells, told):
    path = handed_in(tmp_path, [*START, *cells])
    (graded,) = grade_submission(warm, path, [ID], 7)
    (checked,) = answers(ROOT, path, [ID])
    for verdict in (graded.verdict, checked):
        lines = [verdict.summary, verdict.where, *verdict.details, *verdict.notes]
        assert verdict.points == 0 and told in " ".join(lines), lines


def test_a_hang_is_not_tried_twice(warm, tmp_path):
    sleeping = RIGHT.replace("    scores", "    while True: pass\n    scores")
    path = handed_in(tmp_path, [*START, (WRONG,), (sleeping, ID)])
    (graded,) = grade_submission(warm, path, [ID], 7)
    assert graded.verdict.summary == "your code did not end within 5 seconds of processor time"
    assert graded.report.cpu < 8


def test_a_cell_that_holds_up_one_try_holds_up_no_other_answer(warm, tmp_path, monkeypatch):
    """Wrong answers are tried with all that ran; who has many of them pays once for a bad cell."""
    monkeypatch.setattr(grading, "Limits", partial(Limits, prepare=1.0))
    ids = [each.id for each in exercises(ROOT) if each.chapter == "02"][:3]
    names = {each.id: each.name for each in exercises(ROOT)}
    wrong = [(f"def {names[id]}(*args, **kwargs):\n    return None", id) for id in ids]
    cells = [*START, ("torch.manual_seed(0)",), ("while True: torch.rand(1)",), *wrong]
    ended, run = [], warm.run
    monkeypatch.setattr(warm, "run", lambda *told: ended.append(run(*told)) or ended[-1])
    graded = list(grade_submission(warm, handed_in(tmp_path, cells), ids, 7))
    assert [each.verdict.state for each in graded] == ["wrong"] * 3
    assert [report.signal for report in ended if not report.frame] == [signal.SIGXCPU]


def test_imports_and_cells_cost_an_answer_no_time(warm, tmp_path):
    busy = "import time\ndef last():\n    end = time.process_time() + 6\n"
    busy += "    while time.process_time() < end: pass\n    return -1\naxis = last()"
    path = handed_in(tmp_path, [*START, (busy,), over("axis")])
    (graded,) = grade_submission(warm, path, [ID], 7)
    assert graded.verdict.state == "right" and graded.report.cpu > 6


TOLD = {
    "a file": ("axis = int(open('axis.txt').read())", "axis", "`open` does not work"),
    "a table": ("import numpy as np", "int(np.loadtxt('axis.txt'))", "`np.loadtxt` does not work"),
    "weights": ("axis = torch.load('axis.pt')", "axis", "`torch.load` does not work"),
    "workers": (
        "from torch.utils.data import DataLoader",
        "-len(list(DataLoader([1], num_workers=1)))",
        "`num_workers` does not work",
    ),
    "a program": (
        "import subprocess",
        "-1 - subprocess.run(['true']).returncode",
        "`subprocess.run` does not work",
    ),
    "an own module": ("from adas_axis import axis", "axis", "adas_axis.py is not handed in"),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_works_beside_the_notebook_only_is_told_before(warm, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "axis.txt").write_text("-1")
    (tmp_path / "adas_axis.py").write_text("axis = -1")
    torch.save(-1, tmp_path / "axis.pt")
    line, axis, told = TOLD[name]
    path = handed_in(tmp_path, [*START, (line,), over(axis)])
    (checked,) = answers(ROOT, path, [ID])
    (graded,) = grade_submission(warm, path, [ID], 7)
    assert checked.state == "right" and told in " ".join(checked.notes), checked
    assert graded.verdict.state != "right"


FUNC = {
    "vmap": "torch.func.vmap(lambda row: torch.softmax(row, -1))(scores)",
    "jacrev": "0 * torch.func.jacrev(torch.sum)(query).sum() + torch.softmax(scores, dim=-1)",
}


@pytest.mark.parametrize("name", FUNC)
def test_torch_func_works_under_seal(warm, tmp_path, name):
    source = RIGHT.replace("torch.softmax(scores, dim=-1)", FUNC[name])
    (graded,) = grade_submission(warm, handed_in(tmp_path, [*START, (source, ID)]), [ID], 7)
    assert graded.verdict.state == "right", graded
