"""A check says what will not be there when the answer is graded."""

import time

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib.grader.course import ran
from course_lib.grader.course.checking import verdict_on
from course_lib.grader.course.missing import notes_on
from course_lib.grader.course.ran import watch_cells
from course_lib.grader.course.session import in_session
from course_lib.notebooks import definition
from course_lib.paths import ROOT


def inside(line, *before):
    return "\n".join([*before, "def answer(x):", f"    return {line}"])


TRIED = "try:\n    import {}\n    n = 1\nexcept ImportError:\n    n = 2"
USES = {
    "a neighbour of the library": (
        inside("causal_mask(x)", "from course_lib.nn.masks import causal_mask"),
        "`causal_mask` of course_lib.nn.masks is not there: the library holds answers",
    ),
    "a module of the library": (
        inside("masks.causal_mask(x)", "from course_lib.nn import masks"),
        "`masks` of course_lib.nn is not there",
    ),
    "a class of the library as a base": (
        "from course_lib.nn.norms import LayerNorm\nclass answer(LayerNorm):\n    pass",
        "`LayerNorm` of course_lib.nn.norms is not there",
    ),
    "a file for a moment": (
        inside("tempfile.TemporaryFile()", "import tempfile"),
        "`tempfile.TemporaryFile` does not work: it reads a file",
    ),
    "a file": (inside("open(x).read()"), "`open` does not work: it reads a file"),
    "a file, its mode unknown": (inside("open(x, mode)"), "`open` does not work"),
    "a file by another function": (inside("map(open, x)"), "`open` does not work"),
    "a path's text": (inside("Path(x).read_text()"), "`Path(x).read_text` does not work"),
    "weights": (inside("torch.load(x)"), "`torch.load` does not work: it reads a file"),
    "weights, for a constant": ("w = torch.load('w.pt')\n" + inside("w"), "`torch.load`"),
    "a table": (inside("pd.read_csv(x)", "import pandas as pd"), "`pd.read_csv` does not work"),
    "numbers": (inside("load(x)", "from numpy import loadtxt as load"), "`load` does not work"),
    "a file that is there": (
        inside("isfile('/')", "from os.path import exists as isfile"),
        "`isfile` does not work: it reads a file",
    ),
    "a folder": (inside("os.listdir(x)", "import os"), "`os.listdir` does not work"),
    "a question": (inside("input()"), "`input` does not work: it asks, and nobody answers"),
    "another program": (
        inside("subprocess.run(x)", "import subprocess"),
        "`subprocess.run` does not work: nothing outside of Python can be reached",
    ),
    "another program, imported inside": (
        "def answer(x):\n    from subprocess import run\n    return run(x)",
        "`run` does not work: nothing outside",
    ),
    "a shell": (inside("os.system(x)", "import os"), "`os.system` does not work"),
    "the network": (
        inside("get(x)", "from urllib.request import urlopen as get"),
        "`get` does not work",
    ),
    "processes": (inside("mp.Pool(x)", "import multiprocessing as mp"), "it starts another"),
    "workers": (inside("DataLoader(x, num_workers=2)"), "`num_workers` does not work"),
    "a GPU": (inside("x.cuda()"), "`x.cuda` does not work: it wants a GPU"),
    "a GPU by name": (inside("x.to('cuda:0')"), "`cuda:0` does not work: it wants a GPU"),
    "a device by name": (inside("torch.ones(2, device='mps')"), "`mps` does not work"),
    "what a cell showed": (inside("x + _"), "`_`, what a cell showed, is not there"),
    "a cell's number": (inside("x + Out[3]"), "`Out`, what a cell showed, is not there"),
    "a module as a text": (
        inside("__import__('rapidfuzz_like').score(x)"),
        "`rapidfuzz_like` is not there: rapidfuzz_like.py is not handed in with the notebook",
    ),
    "a module by importlib": (
        inside("importlib.import_module('rapidfuzz_like').score(x)", "import importlib"),
        "`rapidfuzz_like` is not there",
    ),
    "a file of another module": (
        inside("io.open('x.txt')", "import io"),
        "`io.open` does not work",
    ),
    "a file by its path": (
        inside("Path('x.txt').open()", "from pathlib import Path"),
        "`Path('x.txt').open` does not work: it reads a file",
    ),
    "is a file there": (
        inside("Path('x.txt').exists()", "from pathlib import Path"),
        "`Path('x.txt').exists` does not work: it reads a file",
    ),
    "weights by name": (
        inside("AutoModel.from_pretrained(x)"),
        "`AutoModel.from_pretrained` does not work: nothing outside of Python",
    ),
    "weights, lazily": (
        inside("safe_open('x', 'pt')", "from safetensors import safe_open"),
        "`safe_open` does not work: it reads a file",
    ),
    "a variable of the system, asked for": (
        inside("x * int(os.environ.get('ADAS_SCALE', 2))", "import os"),
        "`os.environ.get('ADAS_SCALE', 2)` is not there: it is a variable of your system",
    ),
    "an import inside that nothing reads": (
        "def answer(x):\n    from course_lib.nn.masks import causal_mask\n    return x",
        "`causal_mask` of course_lib.nn.masks is not there",
    ),
    "an import that is only tried": (
        "try:\n    import course_lib.nn.masks\n    n = 1\nexcept ImportError:\n    n = 2\n"
        + inside("n"),
        "`course_lib.nn.masks` is not there",
    ),
    "an own module inside that nothing reads": (
        "class answer:\n    from rapidfuzz_like import score",
        "`score` is not there: rapidfuzz_like.py is not handed in",
    ),
    "a package of others": (
        inside("rapidfuzz_like.score(x)", "import rapidfuzz_like"),
        "`rapidfuzz_like` is not there: rapidfuzz_like.py is not handed in with the notebook",
    ),
}


@pytest.mark.parametrize("name", USES)
def test_what_will_be_missing_is_said(name, tmp_path, monkeypatch):
    (tmp_path / "rapidfuzz_like.py").write_text("def score(x): return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ADAS_SCALE", "3")
    source, told = USES[name]
    (note,) = notes_on(ROOT, "04", source)
    assert note.startswith("when this is graded, ") and told in note


def test_a_package_that_the_course_does_not_install_may_be_missing(tmp_path, monkeypatch):
    about = tmp_path / "site-packages" / "adas-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: adas\nVersion: 1.0\n")
    (about / "top_level.txt").write_text("adas_tools\n")
    (about / "RECORD").write_text("adas_tools.py,,\n")
    (tmp_path / "site-packages" / "adas_tools.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    (note,) = notes_on(ROOT, "04", inside("adas_tools.f(x)", "import adas_tools"))
    assert note.endswith("`adas_tools` may not be there: it is no package of the course")


@pytest.mark.parametrize(
    "chapter, source",
    [
        ("04", inside("torch.softmax(x, -1) * math.pi", "import math")),
        ("04", inside("einops.repeat(x, numpy.pi)", "import numpy, einops")),
        ("04", inside("claim('x', x)", "from course_lib.claims import claim")),
        ("04", inside("x.to(device())", "from course_lib.device import device")),
        ("04", inside("x", "from course_lib.nn.masks import causal_mask")),
        ("04", "def answer(open):\n    return open(3)"),
        ("04", inside("x.open() + x.input")),
        ("04", inside("open('log.txt', 'w') or open('log.txt', mode='a')")),
        ("04", inside("print(x, file=sys.stderr)", "import sys")),
        ("04", inside("[_ for _ in x]")),
        ("04", inside("x.to('cuda' if torch.cuda.is_available() else 'cpu')")),
        (
            "04",
            inside("torch.device('cuda:0') if torch.cuda.is_available() else torch.device('cpu')"),
        ),
        ("04", inside("x.cuda() if torch.cuda.is_available() else x")),
        ("04", inside("tempfile.gettempdir()", "import tempfile")),
        ("04", inside("socket.gethostname()", "import socket")),
        ("04", inside('urllib.parse.quote("a b")', "import urllib.parse")),
        ("04", inside("http.HTTPStatus.OK", "import http")),
        ("04", inside("subprocess.PIPE", "import subprocess")),
        ("04", inside("shutil.get_terminal_size()", "import shutil")),
        ("04", inside("Path('x.txt').open('w')", "from pathlib import Path")),
        ("04", inside("os.environ.get('NOBODY_SET_THIS', 2)", "import os")),
        ("04", inside("__import__('math').pi * x")),
        ("06", inside("nn.Embedding.from_pretrained(x)(x)")),
        ("06", inside("E.from_pretrained(x)", "from torch.nn import EmbeddingBag as E")),
        ("04", "class answer:\n    def stat(self): pass\n    def f(self): return self.stat()"),
        ("04", "class answer:\n    def __init__(self): self.glob = abs; self.glob(3)"),
        (
            "04",
            inside("n", "try:\n    import google.colab\n    n = 1\nexcept ImportError:\n    n = 2"),
        ),
        ("04", inside("f(x)", "try:\n    import not_there as f\nexcept ImportError:\n    f = abs")),
        (
            "05",
            inside("s(x)", "from course_lib.nn.attention import scaled_dot_product_attention as s"),
        ),
        ("04", "def answer(x:"),
    ],
)
def test_what_is_there_needs_no_note(chapter, source):
    assert notes_on(ROOT, chapter, source) == ()


def test_in_a_notebook_it_goes_by_the_cells_that_ran(session):
    assert in_session(ROOT, "02.attention", "attention")[0] == ""
    session("axis = open('axis.txt')")
    session("other = 3\naxis = -1")
    session("%%time\ndef attention(q, k, v):\n    return q.softmax(axis)")
    told, lost = in_session(ROOT, "02.attention", "attention")
    assert lost == ()
    assert "axis = -1" in told and "def attention" in told
    assert "axis.txt" not in told and "other" not in told


STUB = 'def attention(query, key, value):\n    raise NotImplementedError("your turn")'
HANDED_OUT = definition(STUB, "attention")


@pytest.mark.parametrize(
    "cell",
    [
        "exec('def attention(q, k, v):\\n    return q')",
        "globals()['attention'] = lambda q, k, v: q",
        "mine = __import__('functools').partial(lambda q, k, v: q)",
        "class Mine:\n    def __call__(self, q, k, v):\n        return q\nmine = Mine()",
    ],
)
def test_beside_a_stub_an_answer_that_grading_does_not_find_is_told(session, cell):
    session(STUB)
    session(cell)
    there = InteractiveShell.instance().user_ns
    answer = there.get("mine", there["attention"])
    told, lost = in_session(ROOT, "02.attention", "attention", answer, HANDED_OUT)
    assert told == "" and "not found when it is graded" in lost[0]
    session("attention = lambda q, k, v: q")
    answer = there["attention"]
    assert in_session(ROOT, "02.attention", "attention", answer, HANDED_OUT)[1] == ()


def test_a_check_behind_time_is_seen(session):
    session(STUB)
    session("def mine(q, k, v):\n    return q")
    session("check = lambda id, answer: None")
    session("%time check('02.attention', mine)")
    answer = InteractiveShell.instance().user_ns["mine"]
    told, lost = in_session(ROOT, "02.attention", "attention", answer, HANDED_OUT)
    assert "def mine" in told and lost == ()


def test_an_answer_that_is_imported_from_a_file_of_ones_own_is_told(tmp_path, monkeypatch):
    (tmp_path / "my_answers.py").write_text("def answer(x): return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    (note,) = notes_on(ROOT, "04", "from my_answers import answer", "answer")
    assert "my_answers.py is not handed in with the notebook" in note


def test_where_no_history_is_kept_nothing_is_told_to_be_missing(session):
    """As under nbval, and in front ends that ask a kernel to store nothing."""
    shell = InteractiveShell.instance()
    shell.run_cell("def attention(query, key, value):\n    return value", store_history=False)
    answer = shell.user_ns["attention"]
    assert in_session(ROOT, "02.attention", "attention", answer) == ("", ())


def test_without_a_session_there_is_no_such_source():
    InteractiveShell.clear_instance()
    assert in_session(ROOT, "02.attention", "attention") == ("", ())


WEIGHTS = "def weights(q, k):\n    return (q @ k.T / k.shape[-1] ** root).softmax(-1)"
FOUND = "answer is not found when it is graded: call it `attention_weights`"
IN_A_SESSION = {
    "a check in a loop": (["root = 0.5", WEIGHTS, "for i in [ID]: check(i, weights)"], FOUND),
    "a check in a function": (
        ["root = 0.5", WEIGHTS, "def main():\n    check(ID, weights)", "main()"],
        FOUND,
    ),
    "another of that name": (
        ["root = 0.5", WEIGHTS, "attention_weights = max", "check(*[ID, weights])"],
        FOUND,
    ),
    "an answer in a cell that is too long": (
        ["root = 0.5", f"{WEIGHTS}\n# {'pasted ' * 10_000}"],
        "its cell has more than 64 KiB",
    ),
    "a helper in a cell that is too long": (
        [f"root = 0.5\n# {'pasted ' * 10_000}", WEIGHTS],
        "`root` is not there when this is graded: its cell has more than 64 KiB",
    ),
    "a name pushed": (["get_ipython().push({'root': 0.5})", WEIGHTS], "`root` is not there"),
    "a name that a magic binds": (
        ["get_ipython().run_line_magic('time', 'root = 0.5')", WEIGHTS],
        "`root` is not there",
    ),
    "names that %pylab or a start-up file binds": (
        ["sh = get_ipython()\nsh.push({'root': 0.5}, interactive=False)", WEIGHTS],
        "`root` is not there",
    ),
    "what a shell gives that IPython gives": (
        [
            "import IPython\nsh = IPython.get_ipython()\nroot = float(sh.getoutput('echo 0.5')[0])",
            WEIGHTS,
        ],
        "with `!`",
    ),
    "what IPython's own class gives": (
        [
            "from IPython.core.interactiveshell import InteractiveShell as I\n"
            "root = 0.5 if I.initialized() and I.instance() else 2",
            WEIGHTS,
        ],
        "asks for IPython's shell; `get_ipython()` gives it",
    ),
    "a name given to the shell's": (["get_ipython().user_ns['root'] = 0.5", WEIGHTS], ""),
    "a name given to what vars gives": (["vars()['root'] = 0.5", WEIGHTS], ""),
    "a name given to what locals gives": (["locals()['root'] = 0.5", WEIGHTS], ""),
    "what a shell line gives": (["out = !echo 0.5\nroot = float(out[0])", WEIGHTS], "with `!`"),
    "a variable of the system": (
        ["import os\nroot = len(os.environ['PATH']) * 0 + 0.5", WEIGHTS],
        "`os.environ['PATH']` is not there",
    ),
    "a line that ran twice": (
        ["root = 0.25", *["root += 0.125"] * 2, WEIGHTS],
        "`root += 0.125` ran 2 times",
    ),
    "a value turned twice": (
        ["up = True", *["up = not up"] * 2, "root = 0.5 if up else 1", WEIGHTS],
        "`up = not up` ran 2 times",
    ),
    "a list that grew twice": (
        [
            "roots = [2.0]",
            *["roots.append(roots[-1] / 2)"] * 2,
            WEIGHTS.replace("root", "roots[-1]"),
        ],
        "`roots.append(roots[-1] / 2)` ran 2 times",
    ),
    "a loop that ran twice": (
        ["root = torch.ones(())", *["for _ in '1':\n    root.sub_(0.25)"] * 2, WEIGHTS],
        "`root.sub_(0.25)` ran 2 times",
    ),
    "a part deleted twice": (
        ["roots = [0.5, 1, 2]", *["del roots[-1]"] * 2, WEIGHTS.replace("root", "roots[-1]")],
        "`del roots[-1]` ran 2 times",
    ),
    "a line with a type that ran twice": (
        ["root = 1.0", *["root: float = root - 0.25"] * 2, WEIGHTS],
        "`root: float = root - 0.25` ran 2 times",
    ),
    "a value set within a line twice": (
        ["root = 1.0", *["print(root := root - 0.25)"] * 2, WEIGHTS],
        "`print(root := root - 0.25)` ran 2 times",
    ),
    "a root taken in place twice": (
        ["root = torch.tensor(0.0625)", *["root.sqrt_()"] * 2, WEIGHTS],
        "`root.sqrt_()` ran 2 times",
    ),
    "the next of some twice": (
        ["roots = iter([1, 0.5])", *["root = next(roots)"] * 2, WEIGHTS],
        "`root = next(roots)` ran 2 times",
    ),
    "the next of some that began anew": (
        [*["roots = iter([0.5, 1])", "root = next(roots)"] * 2, WEIGHTS],
        "",
    ),
    "a line below one that stopped": (
        ["root = 0.5", "print(nothing_here)\nroot = 2", WEIGHTS],
        "`root = 2` didn't run here, its cell stopped before it (NameError)",
    ),
    "a helper below one that stopped": (
        [
            "def half():\n    return 0.5\n1 / 0\ndef half():\n    return 2",
            WEIGHTS.replace("root", "half()"),
        ],
        "`def half():` didn't run here, its cell stopped before it (ZeroDivisionError)",
    ),
    "a timed cell that stopped": (
        ["root = 0.5", "%%time\nroot = 0.5\n1 / 0\nroot = 2", WEIGHTS],
        "`root = 2` didn't run here",
    ),
    "a cell that stopped under %%capture": (
        ["root = 0.5", "%%capture\nroot = 0.5\n1 / 0\nroot = 2", WEIGHTS],
        "`root = 2` didn't run here, its cell stopped before it (ZeroDivisionError)",
    ),
    "a cell that ran through under %%capture": (
        ["root = 2", "%%capture\nroot = 0.5\nprint(root)", WEIGHTS],
        "",
    ),
    "a cell beside a line that is no Python": (
        ["root = 0.5", "root = 2\n2 +* 3", WEIGHTS],
        "`root = 2` didn't run here, its cell stopped before it (SyntaxError)",
    ),
    "a line that was no Python and was mended": (
        ["root = 0.5\n2 +* 3", "root = 0.5\n2 * 3", WEIGHTS],
        "",
    ),
    "a cell that ran through later": (
        [
            "root = 0.5",
            "print(later)\nroot = 0.5 + 0",
            "later = 1",
            "print(later)\nroot = 0.5 + 0",
            WEIGHTS,
        ],
        "",
    ),
    "the same text that ran before another": (
        ["root = 2", "root = 0.5", "1 / 0\nroot = 2", WEIGHTS],
        "`root = 2` didn't run here, its cell stopped before it (ZeroDivisionError)",
    ),
    "the same text that ran last": (["root = 0.5", "1 / 0\nroot = 0.5", WEIGHTS], ""),
    "a cell that stopped the second time": (
        [
            *("later = 1", "print(later)\nroot = 2", "root = 0.5"),
            *("del later", "print(later)\nroot = 2", WEIGHTS),
        ],
        "`root = 2` didn't run here, its cell stopped before it (NameError)",
    ),
    "what stands on the line that stopped": (
        ["root = 0.5", "1 / 0; root = torch.tensor(2)", WEIGHTS],
        "`root = torch.tensor(2)` didn't run here, its cell stopped before it (Zero",
    ),
    "what stands on the line before it stopped": (["root = 0.5; 1 / 0", WEIGHTS], ""),
    "a file that stopped": (
        ["root = 2", "exec(compile('root = 0.5\\n1 / 0', 'bad.py', 'exec'), globals())", WEIGHTS],
        "`root` is 0.5 here; when this is graded, `root = 2` makes it 2",
    ),
    "a file's function": (
        [
            "def half():\n    return 2",
            "get_ipython().user_ns.update(half=lambda: 0.5)",
            WEIGHTS.replace("root", "half()"),
        ],
        "",
    ),
    "a function that is another": (
        [
            "def half():\n    return 0.5",
            "first = half",
            "def half():\n    return 2",
            "get_ipython().user_ns['half'] = first",
            WEIGHTS.replace("root", "half()"),
        ],
        "`half` is another function here than `def half():`",
    ),
    "a function with a note and a decorator": (
        [
            "import functools\n@functools.cache\ndef half():  # of one\n    return 0.5",
            WEIGHTS.replace("root", "half()"),
        ],
        "",
    ),
    "a cell that stopped after it": (["root = 0.5\nprint(nothing_here)", WEIGHTS], ""),
    "a cell that stopped and was mended": (
        ["root = 0.5", "print(nothing_here)\nroot = 2", "root = 0.5", WEIGHTS],
        "",
    ),
    "a cell that begins anew each time": (["root = 0.25\nroot += 0.25"] * 2 + [WEIGHTS], ""),
    "an environment of one's own": (
        ["import os\nos.environ['ROOT'] = '0.5'\nroot = float(os.environ['ROOT'])", WEIGHTS],
        "",
    ),
    "a cell that ran a thousand times": (["root = 0.5", WEIGHTS, *["1 + 1"] * 1000], ""),
    "a star import": (["from torch import *\nroot = 0.5", WEIGHTS], ""),
    "a library's decorator": (["root = 0.5", f"@torch.enable_grad()\n{WEIGHTS}"], ""),
    "a check that shows": (
        ["root = 0.5", WEIGHTS, 'print(check("02.attention-weights", weights))'],
        "",
    ),
}


@pytest.mark.parametrize(
    "cells",
    [
        ["root = torch.tensor(0.5)", "1 / 0\nroot = torch.tensor(2)"],
        ["root = torch.tensor(0.5)", "import not_there\nroot = torch.tensor(2)", "1 + 1"],
    ],
)
def test_a_cell_that_stopped_before_the_set_up_cell_is_told(session, cells):
    shell = InteractiveShell.instance()
    for event in ("pre_run_cell", "post_run_cell"):
        for each in list(shell.events.callbacks[event]):
            shell.events.unregister(event, each)
    for cell in ["import torch", *cells]:
        session(cell)
    watch_cells()
    session(WEIGHTS.replace("weights", "attention_weights"))
    (note,) = in_session(ROOT, "02.attention-weights", "attention_weights")[1]
    assert note.startswith("`root = torch.tensor(2)` didn't run here, its cell stopped before it")


def test_a_module_that_a_cell_writes_is_told(session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    session("%%writefile half_of_it.py\nroot = 0.5")
    session("from half_of_it import root")
    session(WEIGHTS)
    (note,) = in_session(ROOT, "02.attention-weights", "weights")[1]
    assert note.startswith("`half_of_it` is not there when this is graded: `%%writefile half_of_")
    session(f"import torch\n{WEIGHTS.replace('weights', 'attention_weights')}")
    answer = InteractiveShell.instance().user_ns["attention_weights"]
    assert verdict_on(ROOT, "02.attention-weights", answer).notes == (note,), "told once"
    session("root = 0.5")
    session(WEIGHTS)
    assert in_session(ROOT, "02.attention-weights", "weights")[1] == ()


def test_cells_that_take_longer_than_grading_waits_are_told(session, monkeypatch):
    now = [0.0]  # no clock of a busy machine
    monkeypatch.setattr(ran, "clock", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.append(now.pop() + seconds))
    weights = WEIGHTS.replace("weights", "attention_weights")
    for cell in ("import time\ntime.sleep(3)\nunneeded = 1", "root = 0.5", weights):
        session(cell)
    name = "attention_weights"
    assert in_session(ROOT, "02.attention-weights", name, wall=2)[1] == ()
    slow = "import time\ndef later():\n    time.sleep(3)\n    return 0.5\n"
    session(f"{slow}root = later()\nprint(root)")
    session(weights)
    (note,) = in_session(ROOT, "02.attention-weights", name, wall=2)[1]
    told = "when this is graded, cells and calls may take 2 s by the clock; here cells took 3 s"
    assert note.startswith(told)
    # Grading leaves out what only shows something, such as a test of one's own.
    shown = ("print(later())", "print([later() for _ in '1'])", "print(weights, later())")
    for cell in (f"{slow}root = 0.5\n{shows}" for shows in shown):
        session(cell)
        session(weights)
        assert in_session(ROOT, "02.attention-weights", name, wall=2)[1] == ()


@pytest.mark.parametrize("name", IN_A_SESSION)
def test_what_grading_will_not_find_of_a_session_is_told(session, monkeypatch, name):
    """Each is right in the kernel; those of which nothing is told are when they are graded, too."""
    shown = []
    monkeypatch.setattr("course_lib.check.panel", shown.append)
    cells, told = IN_A_SESSION[name]
    session("import torch\nfrom course_lib.check import check\nID = '02.attention-weights'")
    for cell in cells:
        session(cell)
    if not shown:
        session('check("02.attention-weights", weights)')
    (verdict,) = shown
    assert verdict.state == "right" and told in " ".join(verdict.notes), verdict
    assert bool(verdict.notes) == bool(told)
