"""From the names in a checkpoint to our names, with nothing lost on the way."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn


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

    Raises `ValueError` naming every tensor that is missing, and every one that the table does
    not know and that is not listed as `unused`.
    """
    renamed, unexpected = {}, []
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if module in table:
            renamed[f"{table[module]}.{kind}"] = tensor
        elif name not in set(unused):
            unexpected.append(name)
    ours = model.state_dict().keys()
    theirs = {our: their for their, our in table.items()}
    unexpected += [name for name in renamed if name not in ours]
    missing = [
        f"{theirs.get(module, module)}.{kind}"
        for module, _, kind in (name.rpartition(".") for name in ours if name not in renamed)
    ]
    if missing or unexpected:
        raise ValueError(f"these weights don't fit: {missing=}, {unexpected=}")
    model.load_state_dict(renamed)
