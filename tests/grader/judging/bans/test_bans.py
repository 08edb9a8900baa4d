"""A banned name is found wherever an honest learner would write it."""

import time
from dataclasses import replace

import pytest

from course_lib.grader.course.files import sheet_for
from course_lib.grader.judging.bans.banned import banned_name
from course_lib.grader.judging.verdict import judge, without_bans
from course_lib.notebooks import LONGEST, tree_of
from course_lib.paths import ROOT

BANS = ("softmax", "MultiheadAttention")


@pytest.mark.parametrize(
    "source",
    [
        "torch.softmax(x, -1)",
        "x.softmax(-1)",
        "import torch.nn.functional as F\nF.softmax(x)",
        "from torch import softmax as s\ns(x)",
        "softmax(x)",
        "class A(nn.MultiheadAttention): pass",
    ],
)
def test_a_banned_name_is_found(source):
    assert banned_name(source, BANS) in BANS


@pytest.mark.parametrize(
    "source, name",
    [
        ("F.log_softmax(x, -1).exp()", "log_softmax"),
        ("F.softmin(-x)", "softmin"),
        ("torch.nn.Softmax(dim=-1)(x)", "Softmax"),
        ("torch.special.softmax(x, -1)", "softmax"),
        ("from torch.nn.functional import softmin as s\ns(x)", "softmin"),
        ("import torch.softmax as s\ns(x)", "softmax"),
        ("getattr(torch, 'softmax')(x)", "softmax"),
        ("operator.attrgetter('softmax')(torch)", "softmax"),
        ("methodcaller('softmax', -1)(x)", "softmax"),
        ("nn.TransformerEncoderLayer(8, 2)", "TransformerEncoderLayer"),
        ("self.softmax(x)", "softmax"),
    ],
)
def test_relatives_and_names_as_texts_are_found(source, name):
    assert banned_name(source, BANS) == name


@pytest.mark.parametrize(
    "ban, relative",
    [
        ("GRU", "GRUCell"),
        ("LayerNorm", "native_layer_norm"),
        ("rms_norm", "layer_norm"),
        ("scaled_dot_product_attention", "multi_head_attention_forward"),
        ("xavier_normal_", "xavier_uniform_"),
    ],
)
def test_a_ban_holds_for_the_family(ban, relative):
    assert banned_name(f"torch.nn.{relative}(x)", (ban,)) == relative
    assert banned_name(f"torch.nn.{relative}(x)", ("matmul",)) == ""


def test_a_ban_on_attention_holds_for_what_it_is_in_and_not_the_other_way_round():
    assert banned_name("nn.TransformerEncoder(x)", ("MultiheadAttention",)) != ""
    assert banned_name("F.scaled_dot_product_attention(q, k, v)", ("Transformer",)) == ""


def test_a_function_of_the_learners_own_may_have_any_name():
    own = "def softmax(x):\n    return x.exp()\ndef f(x):\n    return softmax(x)"
    assert banned_name(own, BANS) == ""
    assert banned_name(own.replace("x.exp()", "x.softmax(-1)"), BANS) == "softmax"
    method = "class A:\n    def softmax(self, x): ...\n    def f(self): return self.softmax(1)"
    assert banned_name(method, BANS) == ""


@pytest.mark.parametrize(
    "source", ["x.exp()", "# softmax\n'softmax'", "safe_softmax(x)", "def f(:"]
)
def test_a_text_or_another_name_is_not(source):
    assert banned_name(source, BANS) == ""


def test_right_values_by_a_banned_name_are_not_right_yet():
    sheet = replace(sheet_for(ROOT, "00.scores"), bans=("matmul",))
    right = judge(sheet, lambda query, keys: keys @ query)
    assert without_bans(sheet, right, "keys @ query") == right
    told = without_bans(sheet, right, "torch.matmul(keys, query)")
    assert (told.state, told.points) == ("wrong", 0) and "without `matmul`" in told.summary
    assert told.hints == ()  # they speak of wrong values


@pytest.mark.parametrize("answer", [lambda query, keys: keys @ query[:1], lambda query, keys: keys])
def test_a_wrong_answer_without_a_name_is_told_of_the_ban_too(answer):
    sheet = replace(sheet_for(ROOT, "00.scores"), bans=("matmul",))
    verdict = judge(sheet, answer)
    assert without_bans(sheet, verdict, "keys @ query") == verdict
    told = without_bans(sheet, verdict, "torch.matmul(keys, query)")
    assert "`matmul` stands in your code" in told.details[0]
    assert (told.state, told.details[1:]) == (verdict.state, verdict.details)


def test_a_name_that_is_imported_and_never_read_is_not_used():
    assert banned_name("from torch import exp, softmax\ndef f(x):\n    return exp(x)", BANS) == ""
    told = banned_name("from torch import softmax as s\ndef f(x):\n    return s(x)", BANS)
    assert told == "softmax"


# Of a source that can't be parsed, or is too long to be, the words are looked at.
WORDS = {
    "torch.softmax(x, -1)": "softmax",
    "nn.MultiheadAttention(8, 2)": "MultiheadAttention",
    "softmax": "softmax",
    "nn.MultiheadAttention(8, 2)(x.softmax(-1))": "softmax",
    "safe_softmax(x)": "",
    "softmax2(x)": "",
    "x.exp()": "",
}


@pytest.mark.parametrize("source", WORDS)
@pytest.mark.parametrize(
    "around", ["{}\ndef f(:", "{}\n" + "x = 1\n" * (LONGEST // 6), "-" * 9**5 + "{}"]
)
def test_without_a_tree_a_banned_word_is_found(source, around):
    text = around.format(source)
    assert tree_of(text) is None
    assert banned_name(text, BANS) == WORDS[source]
    assert banned_name(text, ()) == ""


def test_a_right_answer_too_long_to_parse_keeps_the_ban():
    sheet = replace(sheet_for(ROOT, "00.scores"), bans=("matmul",))
    right = judge(sheet, lambda query, keys: keys @ query)
    padding = "\n# more\n" * (LONGEST // 8)
    assert without_bans(sheet, right, padding + "keys @ query") == right
    told = without_bans(sheet, right, "torch.matmul(keys, query)" + padding)
    assert (told.state, told.points) == ("wrong", 0) and "without `matmul`" in told.summary


NORMAL = "return x.exp() / x.exp().sum(-1, keepdim=True)"
MINE = f"class Ops:\n    @staticmethod\n    def softmax(x):\n        {NORMAL}"
OWN = {
    "a layer": "class A(nn.Module):\n    def __init__(self):\n        self.softmax = Mine()\n"
    "    def forward(self, x):\n        return self.softmax(x)",
    "a first argument of another name": f"class A:\n    def softmax(me, x):\n        {NORMAL}\n"
    "    def f(me, x):\n        return me.softmax(x)",
    "a base": f"{MINE}\nclass B(Ops):\n    def f(self, x):\n        return self.softmax(x)",
    "the parent": f"{MINE}\nclass B(Ops):\n    def f(self, x):\n        return super().softmax(x)",
    "a class": f"{MINE}\ndef f(x):\n    return Ops.softmax(x)",
    "an object": f"{MINE}\nops = Ops()\ndef f(x):\n    return ops.softmax(x)",
    "an object at once": f"{MINE}\ndef f(x):\n    return Ops().softmax(x)",
    "a part": f"{MINE}\nclass A:\n    def __init__(self):\n        self.ops = Ops()\n"
    "    def f(self, x):\n        return self.ops.softmax(x)",
    "a field": f"{MINE}\n@dataclass\nclass A:\n    ops: Ops\n"
    "    def f(self, x):\n        return self.ops.softmax(x)",
    "a parameter": f"{MINE}\ndef f(x, ops: Ops):\n    return ops.softmax(x)",
    "an argument": f"{MINE}\ndef g(x, ops):\n    return ops.softmax(x)\n"
    "def f(x):\n    return g(x, Ops()) + g(x, ops=Ops)",
    "an argument handed on": f"{MINE}\ndef g(ops, x):\n    return ops.softmax(x)\n"
    "def h(mine, x):\n    return g(mine, x)\nf = lambda x: h(Ops, x)",
    "a default": f"{MINE}\ndef f(x, ops=Ops):\n    return ops.softmax(x)",
    "a namespace": "ops = SimpleNamespace(softmax=mine)\ndef f(x):\n    return ops.softmax(x)",
    "added later": "class A: pass\nA.softmax = mine\ndef f(x):\n    return A().softmax(x)",
    "by text": f"{MINE}\ndef f(x):\n    return getattr(Ops, 'softmax')(x)",
    "a function inside": "def f(x):\n    def softmax(x): return x\n    return softmax(x)",
    "a lambda": "softmax = lambda x: x\nf = lambda x: softmax(x)",
    "a function that waits": "async def f(x):\n    softmax = x\n    return softmax",
    "a name given": "from torch import exp as softmax\ndef f(x):\n    return softmax(x)",
    "a table": "def f(x):\n    x.table['softmax'] = 1",
}


@pytest.mark.parametrize("name", OWN)
def test_what_is_the_learners_own_may_be_used(name):
    assert banned_name(OWN[name], BANS) == ""


@pytest.mark.parametrize(
    "source",
    [
        f"{MINE}\ndef f(x):\n    return x.softmax(-1)",
        f"{MINE}\ndef f(x):\n    return torch.softmax(x, -1)",
        f"{MINE}\ndef g(x, ops):\n    return ops.softmax(x)\ndef f(x):\n    return g(x, torch)",
        f"{MINE}\ndef g(x, o):\n    return o.softmax(x)\ndef f(x):\n    return g(x, Ops) + g(x, x)",
        f"{MINE}\ndef f(x):\n    return x.softmax(-1)\nf(Ops())",
        f"{MINE}\ndef f(x, n=1):\n    return f(x, 0) if n else x.softmax(-1)",
        f"{MINE}\nops = torch\nops = Ops()\ndef f(x):\n    return ops.softmax(x, -1)",
        "def g(softmax): return softmax\ndef f(x):\n    return softmax(x)",
        "from torch.nn.functional import *\ndef f(x):\n    return softmax(x, -1)",
        "from torch.nn import functional as own\ndef f(x):\n    return own.softmax(x, -1)",
        "class A(nn.Module):\n    def f(self, x):\n        return self.softmax(x)",
        "def f(x):\n    from torch import softmax\n    return softmax(x, -1)",
        "class A:\n    softmax = torch.softmax\n    def f(self, x): return self.softmax(x)",
    ],
)
def test_an_own_name_hides_no_others(source):
    assert banned_name(source, BANS) == "softmax"


def test_a_text_made_to_take_long_does_not():
    chain = "a0 = Ops()\n" + "".join(f"a{i + 1} = a{i}\n" * 9 for i in range(60))
    assert banned_name(f"{MINE}\n{chain}f = a60.softmax", BANS) == ""
    deep = "x" + ".y" * 5_000
    assert banned_name(f"{deep} = 1\n{MINE}\nf = {deep}.softmax", BANS) == "softmax"


@pytest.mark.parametrize(
    "source",
    [
        "\n".join(f"f{i} = {'lambda:' * 2900}1" for i in range(3)),
        "class A:\n" + "\n".join(f"    def m{i}(self): self.softmax" for i in range(1600)),
    ],
    ids=["lambdas in lambdas", "many methods"],
)
def test_it_looks_at_nothing_again_for_all_that_is_around_it(source):
    began = time.process_time()
    banned_name(source, BANS)
    assert len(source) < LONGEST and time.process_time() - began < 5  # it was a minute


def test_what_is_bound_to_itself_is_nobodys():
    assert banned_name(f"{MINE}\nx = x\nf = x.softmax", BANS) == "softmax"


def test_what_another_exercise_asks_for_is_not_ones_own():
    helper = "def weights(q, k):\n    return (q @ k).exp()\n"
    other, bans = {"weights": "99.weights"}, ("softmax", "weights")
    calls = helper + "def f(q, k, v):\n    return weights(q, k) @ v\n"
    assert banned_name(calls, bans, other) == "weights"
    assert banned_name(calls, bans) == "" and banned_name(calls, ("softmax",), other) == ""
    beside = helper + "def f(q, k, v):\n    weights = (q @ k).exp()\n    return weights @ v\n"
    assert banned_name(beside, bans, other) == ""
    assert banned_name(helper.replace("(q @ k).exp()", "weights(q, k)"), bans, other) == ""


@pytest.mark.parametrize("name", ["softmax", "\uff53oftmax", "sof\uff54max"])
def test_a_banned_name_in_other_forms_of_its_letters_is_the_same_name(name):
    """Python reads full-width letters as the plain ones."""
    source = f"import torch\ndef f(x):\n    return torch.{name}(x, -1)"
    assert banned_name(source, ["softmax"]) == "softmax"
