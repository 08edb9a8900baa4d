"""Where checkpoints come from: a folder of one's own, or the Hugging Face hub by name."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from course_lib.pretrained.packages import MissingWeights

ONE, SEVERAL = "model.safetensors", "model.safetensors.index.json"


def hub_folder(name: str, wanted: list[str]) -> Path:
    """Return the folder of the hub's model `name`, with the files that fit the patterns `wanted`.

    Raises `MissingWeights` when the hub can't be reached, or has no such model.
    """
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, allow_patterns=wanted))
    except (ImportError, OSError, ValueError):  # not there, offline, or no name of the hub
        raise MissingWeights(
            f"{name} is not a folder here, and can't be had from the Hugging Face hub: go online "
            "and `pip install huggingface_hub`, or name a folder with its safetensors"
        ) from None


def checkpoint_folder(source: str | Path) -> Path:
    """Return the folder of a checkpoint: `source` itself, or the hub's copy of that name.

    Raises `MissingWeights` as `hub_folder` does.
    """
    folder = Path(source)
    return folder if folder.is_dir() else hub_folder(str(source), ["*.safetensors", "*.json"])


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Read a folder's tensors by name, from one safetensors file or from several.

    Numbers become float32; whole ones stay as they are.

    Raises `MissingWeights` when there is none: other formats can hold code, and are not opened.
    Raises `ValueError` naming a file that is broken, stands elsewhere or repeats another's tensors.
    """
    files = _files(folder)
    lacking = [name for name in files if not (folder / name).exists()]
    if lacking:
        raise MissingWeights(f"{folder} has no {', '.join(lacking)}: save it with safetensors")
    tensors: dict[str, Tensor] = {}
    for name in files:
        part = _load(folder / name)
        twice = sorted(part.keys() & tensors.keys())
        if twice:
            raise ValueError(f"{folder / name} has tensors that another file has too: {twice}")
        tensors |= {n: x.float() if x.is_floating_point() else x for n, x in part.items()}
    return tensors


def _files(folder: Path) -> list[str]:
    if not (folder / SEVERAL).exists():
        return [ONE]
    files = sorted(set(read_config(folder, SEVERAL)["weight_map"].values()))
    elsewhere = [name for name in files if Path(name).name != name]
    if elsewhere:
        raise ValueError(f"{folder / SEVERAL} names files outside of the folder: {elsewhere}")
    return files


def _load(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is no whole safetensors file: {error}") from None


class Config(dict):
    """What a JSON file says; what it is asked for and doesn't say is a `ValueError` with its name.

    `get` asks for what need not be there.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:  # no JSON, or no text
            raise ValueError(f"{path} can't be read as JSON: {error}") from None
        if not isinstance(said, dict):
            raise ValueError(f"{path} must hold names and values, got {type(said).__name__}")
        super().__init__(said)

    def __getitem__(self, name: str) -> Any:
        """Return what is said of `name`.

        Raises `ValueError` when that is nothing, or null.
        """
        value = self.get(name)
        if value is None:
            raise ValueError(f"{self.path} does not say {name}")
        return value


def read_config(folder: Path, name: str = "config.json") -> Config:
    """Read a checkpoint's config.json, or another JSON file of its folder.

    Raises `ValueError` when it can't be read, and later when it is asked for what it doesn't say.
    """
    return Config(folder / name)
