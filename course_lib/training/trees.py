"""Tensors inside of tuples, lists and dicts."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor


def tensors(tree: Any) -> Iterator[Tensor]:
    """Every tensor of nested tuples, lists and dicts, in order."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, dict):
        yield from (x for value in tree.values() for x in tensors(value))
    elif isinstance(tree, list | tuple):
        yield from (x for value in tree for x in tensors(value))
