"""What raised an error: an answer's own `raise`, however written, or a library's, by its words."""

import linecache
import re
import re._constants as constants
import time
from itertools import pairwise

import pytest
from torch import nn

from course_lib.grader.judging.cases import case
from course_lib.grader.judging.errors.crash import brief, meaning
from course_lib.grader.judging.errors.meanings import MEANINGS
from course_lib.grader.judging.errors.on_lines import ON_LINES
from course_lib.grader.judging.loading import load
from course_lib.grader.judging.outcome import run_case


def stopped_by(source):
    """What an answer's error is, of code whose text nobody can look up."""
    namespace = {}
    exec(compile(source, "<exercise of this test>", "exec"), namespace)
    return run_case(namespace["f"], case("some", 0)).what


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): raise ValueError('a')",
        "def f(x):\n    if x == 0: y = 1; raise ValueError('a')",
        "def f(x):\n    if x == 0:\n        raise ValueError(\n            'a'\n        )",
        "def no(words):\n    raise ValueError(words)\ndef f(x):\n    return x if x else no('a')",
        "def f(x):\n    try:\n        return 1 / x\n    except ZeroDivisionError as e:\n"
        "        raise ValueError('a') from e",
        "import torch\ndef f(x):\n    with torch.no_grad():\n        raise ValueError('a')",
        "def f(x):\n    try:\n        raise ValueError('a')\n    finally:\n        x += 1",
        "def f(x):\n    assert x, 'a'",
        "def f(x):\n    return [1 for y in (1,) if no(y)]\ndef no(y):\n    assert y > 2",
        "class Mine(ValueError):\n    pass\ndef f(x):\n    error = Mine('a')\n    raise error",
    ],
)
def test_what_an_answer_raises_itself_may_use_any_words(source):
    assert stopped_by(source) == "raised"


@pytest.mark.parametrize(
    "source, words",
    [
        ("def f(x): return int('raise 7')", "invalid literal for int() with base #: #"),
        ("def f(x): return x['raise']  # raise", "int object is not subscriptable"),
        ("import random\ndef f(x): return random.choices([1], [x])", "Total of weights must be gr"),
        ("import torch\ndef f(x): torch.nn.Linear(3, 5)(torch.ones(2, 7))", "mat# and mat# shapes"),
        (
            "import torch\ndef f(x): return torch.nn.functional.softmax('a', dim=x)",
            "str object has no attribute #",
        ),
        (
            "from course_lib.grader.judging.key import Mistake\n"
            "def f(x): return Mistake('n', f, {}, 's', ())",
            "mistake # needs # hints, got #",
        ),
        (
            "import torch\nfrom course_lib.nn.multi_head import split_heads\n"
            "def f(x): return split_heads(torch.ones(1, 2, 7), 2)",
            "num_heads must divide d_model, got num_heads=#",
        ),
        (
            "import torch\ndef f(x):\n    try:\n        torch.ones(2) + torch.ones(3)\n"
            "    except RuntimeError:\n        raise",
            "The size of tensor a",
        ),
    ],
)
def test_what_a_library_raises_is_told_by_its_words(source, words):
    assert stopped_by(source).startswith(words)


@pytest.mark.parametrize(
    "line, said",
    [
        ("torch.ones(3, 2)[torch.ones(2, 1) > 0]", "pick places only in a tensor of their own"),
        ("torch.ones(3, 2)[:, torch.ones(3) > 0]", "pick places only in a tensor of their own"),
        ("torch.ones(6).view(3, 4 / 2)", "a length must be a whole number"),
        ("torch.ones(6).reshape(3, 4 / 2)", "a length must be a whole number"),
        ("torch.zeros(3, 4 / 2)", "a length must be a whole number"),
        ("range(4 / 2)", "a length must be a whole number"),
        ("torch.nn.Linear(4, 4 / 2)", "a length must be a whole number"),
        ("torch.nn.Linear(2, 3)(None)", "an argument that was left out"),
        ("torch.nn.SiLU(x) * torch.ones(2)", "a class of `nn` is made first"),
    ],
)
def test_what_an_index_or_a_length_means_is_told(line, said):
    namespace = {}
    exec(f"import torch\ndef f(x): return {line}", namespace)
    assert said in " ".join(meaning(run_case(namespace["f"], case("some", 0)).crash, {}))


@pytest.mark.parametrize(
    "line, word",
    [
        ("if torch.ones(2) > 0: pass", "`all`"),
        ("torch.ones(2) > 0 and torch.ones(2) > 0", "`&`"),
        ("math.sin(torch.ones(2))", "`torch.sin`"),
        ("torch.ones(2).item()", "`.item()`"),
        ("torch.sqrt(6 / 7)", "plain number"),
        ("torch.cat([torch.ones(2, 1), torch.ones(2)], 1)", "`x[:, None]`"),
        ("torch.ones(2) + (torch.ones(2), None)", "a tuple stands"),
        ("down(torch.ones(2))", "misspelt, or made only further down"),
        ("torch.ones(2).half().masked_fill(torch.ones(2) > 0, -1e9)", "`torch.finfo(x.dtype)`"),
        ("for y in []: z = y\n    return z", "give it one before"),
        ("y = torch.ones(2, requires_grad=True).exp().sum(); y.backward(); y.backward()", "item"),
        ("{}[1, 2]", "`.get`"),
        ("{}[0, -1]", "what comes before the first"),
        ("torch.ones(2)[-3]", "a place before"),
        ("min([])", "of nothing"),
        ("torch.ones(0).max()", "of nothing"),
        ("(torch.ones(2) is not x)[None]", "one truth alone"),
        ("-torch.ones(2).tolist()", "a list can't be calculated with"),
        ("y = torch.ones(3); y[1:] = y[:-1]", "`clone`"),
        ("b = torch.ones(3); b += torch.ones(2, 3)", "`b = b + …`"),
        ("torch.diag(torch.ones(2, 3, 3))", "a stack of them"),
        ("torch.ones(2, 3, 3).t()", "a stack of them"),
        ("torch.ones(2, 3, 3).trace()", "a stack of them"),
        ("[].pop()", "ask for its length"),
        ("[3].index(4)", "ask with `in`"),
        ("(3,).index(4)", "ask with `in`"),
        ("[3].remove(4)", "ask with `in`"),
        ("min([1, 'a'])", "no order"),
        ("check_mask(torch.ones(2, 1, 1, 1, 5) > 0, (2, 3, 5, 5))", "handed on as it is"),
        ("check_mask(torch.ones(2, 3) > 0, (2, 3, 5, 5))", "`[:, None, None, :]`"),
        ("check_mask(torch.ones(2, 3, 1) > 0, (2, 5, 7))", "gets one by `[:, None, :]`"),
        ("check_mask(torch.ones(2, 1, 1, 7) > 0, (2, 5, 7))", "gets one by `[:, None, :]`"),
        ("F.cross_entropy(torch.ones(3, 2), torch.zeros(4).long())", "rows of scores than labels"),
        ("1 - (torch.ones(2) > 0)", "aren't calculated with"),
        ("torch.nn.GELU()()", "compare what is handed over"),
        ("torch.nn.GELU(1, 2)", "compare what is handed over"),
    ],
)
def test_what_an_error_usually_means(line, word):
    namespace = {}
    names = (
        "import math, torch\nimport torch.nn.functional as F\n"
        "from course_lib.nn.masks import check_mask"
    )
    exec(f"{names}\ndef f(x):\n    {line}", namespace)
    crash = run_case(namespace["f"], case("some", 0)).crash
    assert word in meaning(crash, {})[0]


TURN = """import torch
from torch import nn
def f(x):
    w = nn.Parameter(torch.ones(2)); loss = (w * w).sum()
    LINE"""


@pytest.mark.parametrize(
    "line, word",
    [
        ("w -= 0.1 * w.grad", "between `backward` and the step"),
        ("loss.backward(); w.grad = None; w -= 0.1 * w.grad", "between `backward` and the step"),
        ("loss.backward(); w -= 0.1 * w.grad", "`with torch.no_grad():`"),
        ("w[0] = x", "make a new tensor"),
        ("loss.backward(); loss.backward()", "anew in each turn"),
        ("loss.detach().backward()", "cut gradients off"),
        ("nn.Parameter(0.0)", "takes a tensor, not a number"),
        ("n, d = torch.ones(2, 3, 5).shape", "other axes here than names"),
        ("n, d = torch.ones(2, 3, 5).size()", "other axes here than names"),
        ("nn.Parameter(torch.tensor(0))", "0.0 for 0"),
        ("nn.Embedding(3, 2).T", "`.weight`"),
        ("w @ nn.Linear(3, 2)", "`.weight`"),
        ("torch.stack([])", "had no turn"),
        ("loss.item().backward()", "a plain number stands"),
    ],
)
def test_what_an_error_of_a_training_usually_means(line, word):
    """Some of them by the learner's own line, too."""
    source, name = TURN.replace("LINE", line), "<exercise of a training>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    namespace = {}
    exec(compile(source, name, "exec"), namespace)
    told = meaning(run_case(namespace["f"], case("some", 0)).crash, {})
    assert len(told) == 1 and word in told[0]


@pytest.mark.parametrize("count, told", [(5, "p1, p2, p3, p4, p5"), (7, "p1, p2, p3, and 4 more")])
def test_of_many_parameters_the_first_and_their_count_are_shown(count, told):
    names = ", ".join(f"p{i + 1}" for i in range(count))
    crash = (
        f"RuntimeError: loading state_dict: missing: {names}; not asked for: q",
        "in f, line 1",
    )
    shown = f"RuntimeError: loading state_dict: missing: {told}; not asked for: q"
    assert brief(crash) == (shown, "in f, line 1") and brief(()) == ()
    assert brief((f"ValueError: {names}",)) == (f"ValueError: {names}",)


class Layers(nn.Sequential):
    """A learner's own class: PyTorch's are told by name."""


@pytest.mark.parametrize(
    "sizes, bias, told",
    [((2, 3, 3), True, "are as many made"), ((2, 3, 3, 3), False, "under another name")],
)
def test_too_few_blocks_are_told_from_lost_parameters(sizes, bias, told):
    def made(x):
        return load(Layers(*(nn.Linear(a, b, bias) for a, b in pairwise(sizes))), asked)

    asked = Layers(*(nn.Linear(a, b) for a, b in pairwise((2, 3, 3, 3)))).state_dict()
    assert told in meaning(run_case(made, case("some", 0)).crash, {})[0]


def test_no_meaning_is_hidden_by_another_of_the_same_pattern():
    patterns = [pattern for pattern, _ in MEANINGS]
    assert sorted(set(patterns)) == sorted(patterns)


def test_lists_of_other_lengths_are_one_error_in_whatever_order_they_are_zipped():
    orders = ("'abc', 'abc', 'ab'", "'abc', 'ab', 'abc'", "'abc', 'ab'")
    whats = {stopped_by(f"def f(x): return list(zip({o}, strict=True))") for o in orders}
    assert whats == {"zip() argument # is shorter than argument #"}


def test_only_a_method_is_asked_for_self():
    source = """class Module:
    def call(self): return down(1)
def f(x): return down(x)
def g(x): return Module().call()"""
    name, namespace = "<exercise of a name>", {}
    exec(compile(source, name, "exec"), namespace)
    by = {f: meaning(run_case(namespace[f], case("some", 0)).crash, {})[0] for f in "fg"}
    assert "`self.`" in by["g"] and "self" not in by["f"]


def test_no_words_of_an_error_hold_up_whoever_looks_them_up():
    """The grader itself does, in C, where nothing interrupts it: fourteen such names took 17 s."""
    began = time.process_time()
    for part in ("1.1.1.1, ", "a.1.2.b, ", "1.", "1", "a, "):
        for begun in ("loading state_dict: missing: ", "zip() argument ", ""):
            meaning((f"RuntimeError: {begun}{(part * 1000)[:950]}!", "in f, line 1: x"), {})
    assert time.process_time() - began < 2


@pytest.mark.parametrize("pattern", [p for row in (*MEANINGS, *ON_LINES) for p in row[:-1]])
def test_no_pattern_repeats_what_repeats_but_as_a_whole(pattern):
    assert not nested(re._parser.parse(pattern))


def nested(parsed, within=False):
    """Is there a repetition without an end in another, so that trying all can take forever?"""
    for kind, told in parsed:
        if kind is constants.ATOMIC_GROUP:  # it is matched in one way or not at all
            continue
        repeats = isinstance(told, tuple) and constants.MAXREPEAT in told[:2]
        if repeats and within:
            return True
        parts = told if isinstance(told, tuple | list) else ()
        inner = [p for part in parts for p in (part if isinstance(part, list) else [part])]
        if any(nested(p, within or repeats) for p in inner if isinstance(p, re._parser.SubPattern)):
            return True
    return False


def test_such_a_pattern_is_known():
    assert nested(re._parser.parse(r"a: ((\w+\.)*1(, |$))+$"))
    assert not nested(re._parser.parse(r"a: (?>(\w+\.)*1(, |$))+ \w+, \d+$"))


def test_an_error_that_fails_to_say_its_words_is_told_by_its_name():
    namespace = {}
    source = "class Mine(Exception):\n    def __str__(self):\n        return 1 / 0\n"
    exec(compile(source + "def f(x):\n    raise Mine(x)", "<exercise>", "exec"), namespace)
    assert run_case(namespace["f"], case("some", 0)).crash[0].startswith("Mine")
