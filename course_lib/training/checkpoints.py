"""A run on disk: everything that the next step needs, in one safetensors file."""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

FORMAT = "course checkpoint 1"


@runtime_checkable
class Stateful(Protocol):
    """A model, an optimiser, a schedule: what gives its state and takes it again."""

    def state_dict(self) -> dict[str, Any]:
        """All that it needs to go on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Go on from there."""
        ...


Part = Stateful | torch.Generator


def save_checkpoint(path: Path | str, step: int, **parts: Part) -> None:
    """Write the step and the state of every part, and PyTorch's own random state.

    The file appears whole or not at all: a run that is killed meanwhile keeps its last one.

    Raises `TypeError` for a part without a state, or a state that holds more than tensors,
    numbers, texts, None, and lists and dicts of them.
    """
    path, tensors = Path(path), dict[str, Tensor]()
    states = {name: _state(name, part) for name, part in parts.items()}
    told = {"step": step, "rng": torch.get_rng_state(), "parts": states}
    structure = json.dumps(_written(told, tensors, {}))
    content = save(tensors, {"format": FORMAT, "structure": structure})
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with made.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def load_checkpoint(path: Path | str, **parts: Part) -> int:
    """Give every part its saved state, and PyTorch its random state; return the step.

    On one CPU the run then goes on bit for bit as if it had never stopped.

    Raises `FileNotFoundError`, and `ValueError` that names the file when it is cut short or no
    checkpoint, when it holds other parts than those given, or when a model's tensors don't fit;
    then nothing has been changed.
    """
    told = _read(Path(path))
    states = told["parts"]
    if states.keys() != parts.keys():
        found, asked = ", ".join(sorted(states)), ", ".join(sorted(parts))
        raise ValueError(f"{path} holds the parts {found}, asked for {asked}")
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            _check_fit(path, name, part.state_dict(), states[name])
    for name, part in parts.items():
        if isinstance(part, torch.Generator):
            part.set_state(states[name])
        else:
            part.load_state_dict(states[name])
    torch.set_rng_state(told["rng"])
    return told["step"]


def _state(name: str, part: Part) -> Any:
    if isinstance(part, torch.Generator):
        return part.get_state()
    if not isinstance(part, Stateful):
        raise TypeError(f"{name} has no state to save: it is a {type(part).__name__}")
    return part.state_dict()


def _read(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            if told.get("format") != FORMAT:
                raise ValueError(f"{path} is no checkpoint of a training run")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _built(json.loads(told["structure"]), tensors)
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no whole checkpoint: {error}") from error


def _check_fit(path: Path | str, name: str, ours: dict, theirs: dict) -> None:
    lacking, surplus = sorted(ours.keys() - theirs.keys()), sorted(theirs.keys() - ours.keys())
    shapes = [
        f"{key} {tuple(theirs[key].shape)} for {tuple(ours[key].shape)}"
        for key in sorted(ours.keys() & theirs.keys())
        if isinstance(ours[key], Tensor) and ours[key].shape != theirs[key].shape
    ]
    told = {"lacks": lacking, "has besides": surplus, "has other shapes": shapes}
    if any(told.values()):
        listed = "; ".join(f"it {what} {', '.join(found)}" for what, found in told.items() if found)
        raise ValueError(f"{path} doesn't fit {name}: {listed}")


def _written(tree: Any, tensors: dict[str, Tensor], names: dict) -> Any:
    """What JSON can hold of a state; its tensors go into `tensors`, each memory once."""
    if isinstance(tree, Tensor):
        place = (tree.data_ptr(), tree.device, tree.dtype, tree.shape, tree.stride())
        if not tree.numel() or place not in names:
            names[place] = str(len(tensors))
            tensors[names[place]] = tree.detach().to("cpu", copy=True).contiguous()
        return {"tensor": names[place]}
    if isinstance(tree, dict):
        pairs = [[_written(x, tensors, names) for x in pair] for pair in tree.items()]
        return {"dict": pairs}
    if isinstance(tree, list | tuple):
        kind = "list" if isinstance(tree, list) else "tuple"
        return {kind: [_written(x, tensors, names) for x in tree]}
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    raise TypeError(f"a checkpoint can't hold a {type(tree).__name__}")


def _built(told: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(told, dict):
        return told
    [(kind, held)] = told.items()
    if kind == "tensor":
        return tensors[held]
    if kind == "dict":
        return {_built(key, tensors): _built(value, tensors) for key, value in held}
    found = [_built(x, tensors) for x in held]
    return found if kind == "list" else tuple(found)
