"""Which cells of a learner's own are run once more with a wrong answer: those it may notice."""

import pytest

from course_lib.grader.running.slicing.notebook import Notebook
from course_lib.grader.running.slicing.slices import slices
from course_lib.notebooks import Cell

ID = "02.attention-weights"
ANSWER = "def attention_weights(query, key):\n    return torch.softmax(query @ key.T, dim=axis)"
FIRST = ("import torch", "axis = 0")


def tried(*own, answer=ANSWER, below=()):
    """The slices of an answer in a notebook with cells of one's own before it."""
    cells = [Cell("code", source) for source in (*FIRST, *own)]
    cells.append(Cell("code", answer, (ID,)))
    cells += [Cell("code", source) for source in below]
    return slices(Notebook(cells), ID, "attention_weights")


UNNOTICED = {
    "a long sleep": "import time\ntime.sleep(600)",
    "an endless loop": "while True:\n    pass",
    "a question": "name = input('who? ')",
    "another package": "import pandas as pd\npd.DataFrame()",
    "a picture": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "a failing line": "1 / 0",
    "a class of another exercise": "class Other(torch.nn.Module):\n    def forward(self, x):\n"
    "        return torch.relu(x)",
    "a function and its test": "def twice(x):\n    return 2 * x\nprint(twice(3))",
}


@pytest.mark.parametrize("name", UNNOTICED)
def test_what_an_answer_cannot_notice_is_not_run_again(name):
    assert len(tried(UNNOTICED[name])) == 1


def test_who_takes_the_next_of_some_takes_it_from_what_comes_after():
    first, *_ = tried("some = iter([0, -1])", "print(next(some))", "axis = next(some)")
    assert "print(next(some))" in first.source


NOTICED = {
    "a setting of torch": "torch.set_default_dtype(torch.float64)",
    "a setting under another name": "from torch import manual_seed as seed\nseed(3)",
    "the interpreter": "import sys\nsys.setrecursionlimit(9000)",
    "a function that sets a global": "def start():\n    global axis\n    axis = -1\nstart()",
    "any name": "exec('axis = -1')",
}


@pytest.mark.parametrize("name", NOTICED)
def test_what_an_answer_may_notice_is_run_again(name):
    found = tried(NOTICED[name])
    last = NOTICED[name].splitlines()[-1].strip()
    assert any(last in each.source for each in found)


def test_a_chain_of_what_changed_is_kept_whole():
    found = tried("kind = make()", "torch.set_default_dtype(kind)", "print('done')")
    sources = [each.source for each in found]
    assert any("make()" in s and "set_default_dtype" in s for s in sources)
    assert not any("done" in s for s in sources)


def test_the_same_import_in_every_cell_makes_no_other_try():
    again = ("import torch\nx = 3", "import torch\nfrom torch import nn\ny = 4")
    assert len(tried(*again, below=again)) == 1


def test_another_thing_of_the_same_name_does():
    answer = "def attention_weights(query, key):\n    return softmax(query @ key.T, -1)"
    own = "from torch import softmax"
    first, *others = tried(own, answer=answer, below=("from scipy.special import softmax",))
    assert "from torch" in first.source and "scipy" not in first.source
    assert any("scipy" in each.source for each in others)
