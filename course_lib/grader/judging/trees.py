"""Nested lists, tuples and dicts, leaf by leaf."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def tree_map(function: Callable, tree: Any) -> Any:
    """Apply `function` to every leaf of nested lists, tuples and dicts."""
    if isinstance(tree, dict):  # sorted: two dicts are equal in whatever order they were filled
        mapped = {key: tree_map(function, tree[key]) for key in sorted(tree, key=repr)}
        return {key: mapped[key] for key in tree}
    if isinstance(tree, list | tuple):
        mapped = [tree_map(function, leaf) for leaf in tree]
        return mapped if isinstance(tree, list) else tuple(mapped)
    return function(tree)


def leaves(tree: Any) -> list:
    """The leaves of nested lists, tuples and dicts, in order."""
    found: list = []
    tree_map(found.append, tree)
    return found


def identical(before: Any, after: Any) -> bool:
    """Equal to the bit, NaN equal to NaN; for finding inputs that were changed in place."""
    pairs = zip(leaves(before), leaves(after), strict=False)
    return len(leaves(before)) == len(leaves(after)) and all(_same(a, b) for a, b in pairs)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        same_kind = a.shape == b.shape and a.dtype == b.dtype
        return same_kind and (torch.equal(a, b) or bool(((a == b) | ((a != a) & (b != b))).all()))
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return type(a) is type(b) and a == b
