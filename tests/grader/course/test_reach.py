"""A check in the notebook says what will not be there when the answer is graded."""

import linecache
import sys

import pytest
import torch

from course_lib.grader.course.checking import verdict_on
from course_lib.grader.course.reach import helpers_of, notes_on
from course_lib.paths import ROOT


def defined(source, **names):
    namespace = {"__name__": "__main__", "torch": torch, **names}
    exec(source, namespace)
    return namespace["answer"]


USES = {
    "a neighbour of the library": (
        "from course_lib.nn.masks import causal_mask\ndef answer(x):\n    return causal_mask(x)",
        "`causal_mask` of course_lib.nn.masks is not there",
    ),
    "a module of the library": (
        "from course_lib.nn import masks\ndef answer(x):\n    return masks.causal_mask(x)",
        "`masks` of course_lib.nn.masks is not there",
    ),
    "a class of the library as a base": (
        "from course_lib.nn.norms import LayerNorm\nclass answer(LayerNorm):\n    pass",
        "`LayerNorm` of course_lib.nn.norms is not there",
    ),
    "in a helper": (
        "def helper(x):\n    return open(x)\ndef answer(x):\n    return helper(x)",
        "`open` does not work",
    ),
    "in a lambda of a method": (
        "class answer:\n    def forward(self, x):\n        return (lambda: input())()",
        "`input` does not work",
    ),
    "imported inside": (
        "def answer(x):\n    import subprocess\n    return subprocess.run(x)",
        "`subprocess` does not work",
    ),
    "another program": (
        "import subprocess\ndef answer(x):\n    return subprocess.run(x)",
        "`subprocess` does not work",
    ),
}


@pytest.mark.parametrize("name", USES)
def test_what_will_be_missing_is_said(name):
    source, told = USES[name]
    (note,) = notes_on(ROOT, "04", defined(source))
    assert note.startswith("when this is graded, ") and told in note


def test_a_file_beside_the_notebook_is_not_handed_in(tmp_path, monkeypatch):
    (tmp_path / "my_helpers.py").write_text("def rows(x): return x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    answer = defined("from my_helpers import rows\ndef answer(x):\n    return rows(x)")
    (note,) = notes_on(ROOT, "04", answer)
    assert note.endswith("`rows` is not there: my_helpers.py is not handed in with the notebook")
    del sys.modules["my_helpers"]


@pytest.mark.parametrize(
    "chapter, source",
    [
        ("04", "import math\ndef answer(x):\n    return torch.softmax(x, -1) * math.pi"),
        ("04", "import numpy, einops\ndef answer(x):\n    return einops.repeat(x, numpy.pi)"),
        ("04", "from course_lib.claims import claim\ndef answer(x):\n    claim('x', x)"),
        ("04", "from course_lib.device import device\ndef answer(x):\n    return x.to(device())"),
        ("04", "def answer(open):\n    return open(3)"),
        ("04", "def answer(x):\n    return x.open() + x.input"),
        ("04", "class answer:\n    def forward(self, x):\n        self.input = x"),
        (
            "05",
            "from course_lib.nn.attention import scaled_dot_product_attention as s\n"
            "def answer(x):\n    return s(x, x, x)",
        ),
        (
            "05",
            "def answer(x):\n    import course_lib.nn.attention as a\n    return s(x, x, x)",
        ),
    ],
)
def test_what_is_there_needs_no_note(chapter, source):
    assert notes_on(ROOT, chapter, defined(source)) == ()


def test_a_banned_name_in_a_helper_is_found():
    sources = {
        "attention": "def attention(query, key, value):\n    return helper(query, key, value)",
        "helper": "def helper(q, k, v):\n    return F.scaled_dot_product_attention(q, k, v)",
        "test": "def test(q):\n    return F.layer_norm(q)",
    }
    namespace = {"__name__": "__main__", "F": torch.nn.functional}
    for name, source in sources.items():
        linecache.cache[f"<exercise {name}>"] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, f"<exercise {name}>", "exec"), namespace)
    assert [f.__name__ for f in helpers_of(namespace["attention"])] == ["attention", "helper"]
    told = verdict_on(ROOT, "02.attention", namespace["attention"])
    assert "scaled_dot_product_attention" in told.summary, told
