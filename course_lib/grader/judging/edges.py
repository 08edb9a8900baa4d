"""What an exercise's text allows, held against its cases; and more cases made from a given one.

A key declares its edges (`allows=Edges(dtypes=("float16",), sizes=(0, 1))`), and a test fails where
an edge has no case. `in_dtype` and `in_front` make a case for an edge from one that is there.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .cases import Case

SPECIAL: dict[str, Callable[[Tensor], Tensor]] = {
    "nan": lambda x: x.isnan(),
    "inf": lambda x: x == math.inf,
    "-inf": lambda x: x == -math.inf,
    "huge": lambda x: x.abs().isfinite() & (x.abs() >= 1e4),
    "zeros": lambda x: (x == 0).all(),
    # of masks: a row along the last axis that hides everything, or nothing
    "empty row": lambda x: ~x.any(dim=-1),
    "full row": lambda x: x.all(dim=-1),
}
OF_MASKS = ("empty row", "full row")


@dataclass(frozen=True)
class Edges:
    """The edges of what a text allows, each of which needs a case.

    `dtypes` are names such as "bfloat16". `axes` are numbers of axes that a tensor may have.
    `sizes` are lengths of an axis or of a list, or whole numbers handed in. `special` are keys of
    `SPECIAL`. `labels` are words in a case's label, for what inputs don't show by themselves.
    """

    dtypes: tuple[str, ...] = ()
    axes: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    special: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.dtypes:
            if not isinstance(getattr(torch, name, None), torch.dtype):
                raise ValueError(f"{name!r} is no dtype of torch")
        for name in self.special:
            if name not in SPECIAL:
                raise ValueError(f"special must be among {', '.join(SPECIAL)}; got {name!r}")


def uncovered(edges: Edges, cases: Iterable[Case]) -> list[str]:
    """The declared edges that no case has, in words."""
    cases = list(cases)
    inputs = [leaf for each in cases for leaf in each.inputs]
    tensors = [leaf for leaf in inputs if isinstance(leaf, Tensor)]
    dtypes = {str(x.dtype).removeprefix("torch.") for x in tensors}
    sizes = {size for x in tensors for size in x.shape} | {x for x in inputs if type(x) is int}
    sizes |= {len(x) for each in cases for c in each.calls for x in _lists([*c.args, c.kwargs])}
    told = [each.label.lower() for each in cases]
    return [
        *(f"no input is {name}" for name in edges.dtypes if name not in dtypes),
        *(f"no tensor has {n} axes" for n in edges.axes if n not in {x.ndim for x in tensors}),
        *(f"no axis, list or number is {size}" for size in edges.sizes if size not in sizes),
        *(f"nothing holds {name}" for name in edges.special if not _special(name, tensors)),
        *(f"no label says {word!r}" for word in edges.labels if not _said(word, told)),
    ]


def _lists(tree: object) -> list:
    """Every list and tuple in the arguments, but not what holds the arguments themselves."""
    inner = list(tree.values()) if isinstance(tree, dict) else tree
    lists = [x for x in inner if isinstance(x, list | tuple)]
    return lists + [y for x in inner if isinstance(x, list | tuple | dict) for y in _lists(x)]


def _special(name: str, tensors: list[Tensor]) -> bool:
    masks = name in OF_MASKS
    fit = [x for x in tensors if x.ndim and (x.dtype == torch.bool) == masks]
    return any(bool(SPECIAL[name](x if masks else x.double()).any()) for x in fit)


def _said(word: str, labels: list[str]) -> bool:
    return any(word.lower() in label for label in labels)


def in_dtype(given: Case, dtype: torch.dtype) -> Case:
    """The same case with its float tensors (or, for a whole dtype, its ids) in another dtype."""

    def cast(leaf: object) -> object:
        fits = isinstance(leaf, Tensor) and leaf.dtype != torch.bool
        same_kind = fits and leaf.is_floating_point() == dtype.is_floating_point
        return leaf.to(dtype) if same_kind else leaf

    state = {name: cast(value) for name, value in given.state.items()} if given.state else None
    changed = _with_inputs(given, cast, str(dtype).removeprefix("torch."))
    return replace(changed, state=state)


def in_front(given: Case, *sizes: int) -> Case:
    """The same case with more axes in front of every tensor, and other numbers along them."""

    def stacked(leaf: object) -> object:
        if not isinstance(leaf, Tensor) or not leaf.ndim:
            return leaf
        copies = [leaf.roll(i, dims=-1) for i in range(math.prod(sizes))]
        return (
            torch.stack(copies).reshape(*sizes, *leaf.shape)
            if copies
            else leaf.new_empty(*sizes, *leaf.shape)
        )

    return _with_inputs(given, stacked, f"{' by '.join(map(str, sizes))} in front")


def _with_inputs(given: Case, change: Callable, label: str) -> Case:
    return replace(given.with_inputs(change), label=f"{given.label}, {label}")


def around(
    tolerance: float, near: float, dtype: torch.dtype = torch.float32
) -> tuple[float, float]:
    """Two numbers beside `near`: one just within an absolute tolerance of it, one just outside.

    For "write a test" exercises: at 0 they catch a tolerance of another size, at 1,000 a relative
    one that was left on. They are numbers of this dtype, so that no rounding moves them across.
    """
    step = torch.finfo(dtype).eps * 2.0 ** math.floor(math.log2(abs(near))) if near else 0.0
    within, outside = 0.9 * tolerance, 1.1 * tolerance
    if step:
        within, outside = step * (within // step), step * math.ceil(outside / step)
    return near + within, near + outside
