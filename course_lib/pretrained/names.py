"""From the names in a checkpoint to our names, with nothing lost on the way."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

KINDS = ("weight", "bias")


def expand_layers(table: Mapping[str, str], num_layers: int) -> dict[str, str]:
    """Write a table's rows with `{i}` out once for each layer."""
    return {
        theirs.replace("{i}", str(i)): ours.replace("{i}", str(i))
        for theirs, ours in table.items()
        for i in range(num_layers if "{i}" in theirs else 1)
    }


def load_renamed(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    table: Mapping[str, str],
    unused: Iterable[str] = (),
) -> None:
    """Load `tensors` into `model`; `table` maps modules' names in the file to ours.

    Raises `ValueError` naming every tensor that is missing or of another size, and every one
    that the table does not know and that is not listed as `unused`.
    """
    names = {
        f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in table.items() for kind in KINDS
    }
    wanted = model.state_dict()
    expected = {theirs: ours for theirs, ours in names.items() if ours in wanted}
    missing = [name for name in expected if name not in tensors]
    known = {*expected, *unused}
    unexpected = [name for name in tensors if name not in known]
    unmapped = [name for name in wanted if name not in expected.values()]
    if missing or unexpected or unmapped:
        raise ValueError(f"these weights don't fit: {missing=}, {unexpected=}, {unmapped=}")
    for theirs, ours in expected.items():
        found, needed = tuple(tensors[theirs].shape), tuple(wanted[ours].shape)
        if found != needed:
            raise ValueError(f"these weights don't fit: {theirs} is {found}, not {needed}")
    model.load_state_dict({ours: tensors[theirs] for theirs, ours in expected.items()})
