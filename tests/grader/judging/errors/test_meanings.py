"""Errors about True and False, and those of modules: what is said holds for the learner's line."""

import linecache

import pytest

from course_lib.grader.judging.cases import case
from course_lib.grader.judging.errors.crash import meaning
from course_lib.grader.judging.outcome import run_case

GIVEN = """import torch
from torch import nn
import torch.nn.functional as F
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
a, b = torch.rand(2, 3, 5).unbind()
ids = torch.ones(3, 5).long()
keep = a > b
"""


def told(body, name="f"):
    """What is said of the error of a cell whose `f` is called with 0."""
    source, file = GIVEN + body, f"<exercise of {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    namespace = {}
    exec(compile(source, file, "exec"), namespace)
    return meaning(run_case(namespace["f"], case("some", 0)).crash, {})


@pytest.mark.parametrize(
    "line, word",
    [
        ("a < 0.5 & keep", "are brackets missing"),
        ("keep & a < 0.5", "are brackets missing"),
        ("a <= 1e-5 & keep[..., None]", "are brackets missing"),
        ("keep.float() & keep", "a mask made a float"),
        ("a | keep", "a mask made a float"),
        ("0.5 & True", "are brackets missing"),
        ("~keep.float()", "before it is made numbers"),
        ("a = a or b", "`is None`"),
        ("a if not b else keep", "`is None`"),
        ("ids > 3 & ids < 7", "bind before"),
        ("ids == 3 | ids == 4", "bind before"),
        ("0.5 <= a < 0.9", "two questions joined by `and`"),
        ("keep & (0.5 < a <= 0.9)", "two questions joined by `and`"),
        ("keep = ids in [3, 4]", "`torch.isin`"),
        ("torch.isin(ids, [3, 4])", "`torch.tensor(…)` makes one of it"),
        ("a > 0 and b > 0", "between tensors stand"),
        ("causal_mask(ids)", "takes lengths"),
        ("a[keep] = b[:, 1:]", "`x[mask] = y[mask]`"),
        ("(4, 6) // 2", "take it apart first"),
        ("((4, 6) // 2) ** 2", "take it apart first"),
        ("nn.ModuleList([nn.ReLU()])(a)", "isn't called itself"),
        ("nn.Embedding(3, 2)(5)", "`table(torch.arange(n))`"),
        ("nn.Embedding(3, 2)(torch.tensor([5]))", "no row of this number"),
        ("LayerNorm(7)(a)", "is it handed ids"),
        ("F.dropout(nn.GELU(a))", "what its call makes is no tensor"),
        ("MultiHeadAttention(2, 14)", "are two arguments exchanged"),
        ("padding_mask(torch.ones(2, 3, 5), 0)", "told by the ids"),
        ("combine_masks(causal_mask(4), torch.ones(2, 5) > 0)", "gets two axes before"),
        ("torch.ones(3).append(1)", "`torch.cat` makes a longer one"),
        ("rate = 0.1; rate(torch.ones(3))", "a number is called"),
        ("torch.ones(2, 3)[torch.arange(2), torch.arange(3)]", "come in pairs"),
        ("combine_masks(causal_mask(4), torch.ones(2, 1, 1, 3) > 0)", "differ in length"),
        ("combine_masks(torch.ones(2, 1, 1, 3) > 0, causal_mask(4))", "differ in length"),
        ("causal_mask(3); MultiHeadAttention(4, 2)(torch.ones(1, 3, 4), mask=torch.ones(3, 3))",
         "`.bool()`"),
        ("F.interpolate(torch.ones(1, 2, 3), size=(4, 5), mode='bilinear')", "`permute`"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_line(line, word):
    said = told(f"def f(x):\n    global a, keep\n    {line}")
    assert len(said) == 1 and word in said[0]


def test_a_class_without_forward_is_told_so():
    named = "class Own(nn.Module):\n    def foward(self, x): return x\n"
    assert "no `forward`" in told(f"{named}def f(x): return Own()(x)")[0]
    assert "no `forward`" in told(f"{named}def f(x): return Own()(x, mask=None)")[0]


@pytest.mark.parametrize("where", ["self.size", "self.part.size", "other.size"])
def test_what_an_object_asks_itself_for_was_never_stored(where):
    """And it is not said of another object's name."""
    source = f"""class Own(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.part = nn.ReLU()
    def forward(self, x, other=keep):
        return {where} + 1
def f(x): return Own(3)(x)"""
    said = "".join(told(source, where))
    assert ("`self.size` was never stored" in said) == (where == "self.size")
