"""Where a published checkpoint lies, and what its files hold. No pickle is ever read."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from course_lib.pretrained.packages import MissingWeights

ONE, SHARDS = "model.safetensors", "model.safetensors.index.json"
WANTED = ("*.json", "*.safetensors", "*.txt", "*.model")


def checkpoint_folder(name: str | Path) -> Path:
    """Return a checkpoint's folder: `name` itself if it is one, else the hub's copy of that name.

    Raises `MissingWeights` when there is no such folder and the hub does not give it.
    """
    if Path(name).is_dir():
        return Path(name)
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(str(name), allow_patterns=list(WANTED)))
    except (ImportError, OSError, ValueError) as error:  # not there, offline, or not a hub's name
        raise MissingWeights(
            f"{name} is no folder here, and the hub did not give it: run `pip install "
            f"huggingface_hub` and, online, `hf download {name}`, then try again"
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """Return what `config.json` says.

    Raises `MissingWeights` when there is none.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise MissingWeights(f"there is no config.json in {folder}")
    return json.loads(path.read_text(encoding="utf-8"))


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Return all tensors of a checkpoint by name, from one file or from several.

    Raises `MissingWeights` naming the files that are not there.
    """
    files = [ONE]
    if (folder / SHARDS).is_file():
        index = json.loads((folder / SHARDS).read_text(encoding="utf-8"))
        files = sorted(set(index["weight_map"].values()))
    if missing := [file for file in files if not (folder / file).is_file()]:
        there = sorted(path.name for path in folder.iterdir())
        raise MissingWeights(f"missing from {folder}: {missing}; it has {there}")
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= load_file(folder / file)
    return tensors
