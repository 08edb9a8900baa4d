"""A run on disk: everything that the next step needs, in one safetensors file."""

import json
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from course_lib.paths import write_atomic
from course_lib.training.states import checksum, put_together, taken_apart

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

    The file appears whole or not at all: a run that is killed meanwhile keeps its last one. Give
    the model itself: one that is compiled or distributed has other names for its tensors.

    Raises `TypeError` for a part without a state, or a state that holds more than tensors,
    numbers, texts, None, and lists and dicts of them; `OSError` that names the file.
    """
    path = Path(path)
    states = {name: _state(name, part) for name, part in parts.items()}
    kinds = {name: _kind(part) for name, part in parts.items()}
    told = {"step": step, "rng": torch.get_rng_state(), "kinds": kinds, "parts": states}
    structure, tensors = taken_apart(told)
    about = {"format": FORMAT, "structure": structure, "sum": checksum(structure, tensors)}
    content = save(tensors, about)
    try:
        write_atomic(path, content)
    except OSError as error:  # it names another file, which there was for a moment
        raise OSError(error.errno, error.strerror, str(path)) from error


def load_checkpoint(path: Path | str, **parts: Part) -> int:
    """Give every part its saved state, and PyTorch its random state; return the step.

    On one CPU the run then goes on bit for bit as if it had never stopped.

    Raises `OSError` when there is no file to read, and `ValueError` that names it when it is cut
    short, damaged or no checkpoint, when it holds other parts than those given, or when a model's
    tensors or an optimiser's groups don't fit; then nothing has been changed.
    """
    told = _read(Path(path))
    states, kinds = told["parts"], {name: _kind(part) for name, part in parts.items()}
    if kinds != told["kinds"]:
        found, asked = (
            ", ".join(f"{k}: {v}" for k, v in x.items()) for x in (told["kinds"], kinds)
        )
        raise ValueError(f"{path} holds the parts {found}; asked for {asked}")
    for name, part in parts.items():
        _check_fit(path, name, part, states[name])
    for name, part in parts.items():
        if isinstance(part, torch.Generator):
            part.set_state(states[name])
        else:
            part.load_state_dict(states[name])
    torch.set_rng_state(told["rng"])
    return told["step"]


def _kind(part: Part) -> str:
    return "model" if isinstance(part, nn.Module) else type(part).__name__


def _state(name: str, part: Part) -> Any:
    if isinstance(part, torch.Generator):
        return part.get_state()
    if isinstance(part, type) or not isinstance(part, Stateful):
        raise TypeError(f"{name} has no state to save: it is a {type(part).__name__}")
    return part.state_dict()


def _read(path: Path) -> dict[str, Any]:
    content = path.read_bytes()  # all at once: `safe_open` would open a file twice, or two of them
    try:
        tensors = load(content)
        about = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        told = about.get("__metadata__", {})
        if told.get("format") != FORMAT:
            raise ValueError(f"{path} is no checkpoint of a training run")
        if told["sum"] != checksum(told["structure"], tensors):
            raise ValueError(f"{path} is no whole checkpoint: some of it has changed")
        return put_together(told["structure"], tensors)
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no whole checkpoint: {error}") from error


def _check_fit(path: Path | str, name: str, part: Part, state: Any) -> None:
    if isinstance(part, nn.Module):
        told = _other_tensors(part.state_dict(), state)
    elif isinstance(part, Optimizer):
        ours, theirs = ([len(g["params"]) for g in x["param_groups"]] for x in (vars(part), state))
        told = {"has groups of": [f"{theirs} parameters for {ours}"] * (ours != theirs)}
    else:
        return
    if any(told.values()):
        listed = "; ".join(f"it {what} {', '.join(found)}" for what, found in told.items() if found)
        raise ValueError(f"{path} doesn't fit {name}: {listed}")


def _other_tensors(ours: dict, theirs: dict) -> dict[str, list[str]]:
    both = [key for key in sorted(ours.keys() & theirs.keys()) if isinstance(ours[key], Tensor)]
    sizes = [
        f"{key} {tuple(theirs[key].shape)} for {tuple(ours[key].shape)}"
        for key in both
        if ours[key].shape != theirs[key].shape
    ]
    kinds = [
        f"{key} {theirs[key].dtype} for {ours[key].dtype}"
        for key in both
        if ours[key].dtype != theirs[key].dtype
    ]
    return {
        "lacks": sorted(ours.keys() - theirs.keys()),
        "has besides": sorted(theirs.keys() - ours.keys()),
        "has other shapes": sizes,
        "has other types": kinds,
        "has no place to go": [f"for {key} on meta" for key in both if ours[key].is_meta],
    }
