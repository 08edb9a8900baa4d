"""What is learned from, what settings are chosen on, and what is looked at once, at the end."""

from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple


class Split(NamedTuple):
    """Three parts of a data set that share no item."""

    train: list
    dev: list
    test: list


def split(items: Iterable[Any], dev: int, test: int, seed: int = 0) -> Split:
    """Deal out items at random: `dev` and `test` of them, and the rest to learn from.

    Equal items stay together, whichever part they fall into. Raises `ValueError` when nothing
    would be left to learn from.
    """
    unique = list(dict.fromkeys(items))
    if min(dev, test) < 0 or dev + test >= len(unique):
        raise ValueError(f"of {len(unique)} different items {dev=} and {test=} leave none to train")
    Random(seed).shuffle(unique)
    return Split(unique[dev + test :], unique[:dev], unique[dev : dev + test])
