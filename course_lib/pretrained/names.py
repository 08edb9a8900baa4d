"""From the names in a checkpoint to our names, with nothing lost on the way.

One small table says how a family's names become ours, row by row, theirs: ours.

- Two modules' names stand for the weight and the bias; two parameters' names for themselves.
- A tuple on our side cuts one tensor up, such as queries, keys and values in one matrix; a tuple
  on theirs puts several into one.
- `Transposed(ours)` turns a matrix that is stored as (in, out).
- Two rows with the same target are one tensor stored twice or once: both must agree.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

KINDS = (".weight", ".bias", "")
Names = str | tuple[str, ...]


@dataclass(frozen=True)
class Transposed:
    """A target whose matrices stand in the file as (in, out): GPT-2's."""

    ours: Names


class Row(NamedTuple):
    """One row for one kind of parameter: full names on both sides."""

    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    transposed: bool

    def turn(self, tensor: Tensor) -> Tensor:
        """Turn a matrix if its row says so."""
        return tensor.T if self.transposed and tensor.ndim == 2 else tensor

    def misfit(self, tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
        """Say of which size or kind the file's tensors are and should be; nothing if they fit."""
        first = wanted[self.ours[0]]
        shapes = [tuple(self.turn(tensors[name]).shape) for name in self.theirs]
        for name in self.theirs:
            if tensors[name].is_floating_point() != first.is_floating_point():
                return f"{name} is {tensors[name].dtype}, not {first.dtype}"
        if not first.ndim:  # a single number is neither cut nor joined
            should, fits = (), shapes == [()] and len(self.ours) == 1
        else:
            height, rest = sum(len(wanted[name]) for name in self.ours), first.shape[1:]
            should = tuple(self.turn(torch.empty(height, *rest, device="meta")).shape)
            fits = all(s and s[1:] == rest for s in shapes) and sum(s[0] for s in shapes) == height
        if fits:
            return ""
        had = " + ".join(str(tuple(tensors[name].shape)) for name in self.theirs)
        return f"{' + '.join(self.theirs)} is {had}, not {should}"

    def pieces(self, tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[Tensor]:
        """Return the tensors for our names."""
        found = [self.turn(tensors[name]) for name in self.theirs]
        if not found[0].ndim:  # a single number
            return found
        whole = found[0] if len(found) == 1 else torch.cat(found)  # which would copy the one
        heights = [wanted[name].shape[0] for name in self.ours]
        return [_alone(piece) for piece in whole.split(heights)]


def expand_layers(
    table: Mapping[Names, Names | Transposed], num_layers: int
) -> dict[Names, Names | Transposed]:
    """Write a table's rows with `{i}` out once for each layer."""
    return {
        _numbered(theirs, i): _numbered(ours, i)
        for theirs, ours in table.items()
        for i in range(num_layers if "{i}" in str(theirs) else 1)
    }


def load_renamed(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    table: Mapping[Names, Names | Transposed],
    unused: Iterable[str] = (),
    *,
    assign: bool = False,
) -> None:
    """Load `tensors` into `model` as `table` says; a parameter that is shared needs one row.

    `assign` puts the file's tensors in the place of ours, for a model built on meta; what is
    shared stays shared.

    Raises `ValueError` naming every tensor that is missing, of another size or stored twice and
    not the same, and every one that the table does not know and that is not listed as `unused`.
    """
    wanted = model.state_dict(keep_vars=True)
    rows = [row for pair in table.items() for row in _rows(*pair, wanted)]
    there = [row for row in rows if all(name in tensors for name in row.theirs)]
    filled = {name for row in there for name in row.ours}
    shared = {id(wanted[name]): name for name in filled}
    lacking = [row for row in rows if row not in there and not filled.issuperset(row.ours)]
    lost = {name for row in lacking for name in row.ours}
    missing = [name for row in lacking for name in row.theirs if name not in tensors]
    known = {*unused, *(name for row in rows for name in row.theirs)}
    unexpected = [name for name in tensors if name not in known]
    unmapped = [n for n in wanted if n not in filled | lost and id(wanted[n]) not in shared]
    misshapen = [misfit for row in there if (misfit := row.misfit(tensors, wanted))]
    if missing or unexpected or unmapped or misshapen:
        found = f"{missing=}, {unexpected=}, {unmapped=}, {misshapen=}"
        raise ValueError(f"these weights don't fit: {found}")
    state = _pieces(there, tensors, wanted)
    state |= {name: state[shared[id(wanted[name])]] for name in wanted if name not in state}
    model.load_state_dict(state, assign=assign)
    if assign:
        _share_again(model, {n: shared[id(p)] for n, p in wanted.items() if n not in filled})


def _pieces(
    rows: Iterable[Row], tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The file's tensors under our names; what is stored twice must be the same twice."""
    state: dict[str, Tensor] = {}
    for row in rows:
        for name, piece in zip(row.ours, row.pieces(tensors, wanted), strict=True):
            if name in state and not torch.equal(state[name], piece):
                raise ValueError(f"these weights don't fit: {row.theirs} is not the other {name}")
            state[name] = piece
    return state


def _alone(tensor: Tensor) -> Tensor:
    """The same numbers in memory of their own: a part of another's can't be saved alone."""
    tensor = tensor.contiguous()
    whole = tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor if whole else tensor.clone()


def _share_again(model: nn.Module, first_names: Mapping[str, str]) -> None:
    for name, first in first_names.items():
        path, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(path), leaf, model.get_parameter(first))


def _rows(theirs: Names, ours: Names | Transposed, wanted: Mapping[str, Tensor]) -> Iterator[Row]:
    transposed = isinstance(ours, Transposed)
    ours, theirs = _names(ours.ours if transposed else ours), _names(theirs)
    for kind in KINDS:
        full = tuple(name + kind for name in ours)
        if all(name in wanted for name in full):
            yield Row(tuple(name + kind for name in theirs), full, transposed)


def _names(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _numbered(names: Names | Transposed, i: int) -> Names | Transposed:
    if isinstance(names, Transposed):
        return Transposed(_numbered(names.ours, i))
    if isinstance(names, tuple):
        return tuple(name.replace("{i}", str(i)) for name in names)
    return names.replace("{i}", str(i))
