"""A check follows an answer to the learner's own helpers."""

import linecache

import torch

from course_lib.grader.course.checking import verdict_on
from course_lib.grader.course.reach import helpers_of
from course_lib.paths import ROOT


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
