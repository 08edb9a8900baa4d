"""Where checkpoints come from: a folder of one's own, or the Hugging Face hub by name."""

import json
from pathlib import Path

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
    """Read a folder's tensors by name, as float32, from one safetensors file or from several.

    Raises `MissingWeights` when there is none: other formats can hold code, and are not opened.
    """
    files = [ONE]
    if (folder / SEVERAL).exists():
        files = sorted(set(read_json(folder / SEVERAL)["weight_map"].values()))
    lacking = [name for name in files if not (folder / name).exists()]
    if lacking:
        raise MissingWeights(f"{folder} has no {', '.join(lacking)}: save it with safetensors")
    parts = [load_file(folder / name) for name in files]
    return {name: x.float() for part in parts for name, x in part.items()}


def read_json(path: Path) -> dict:
    """Read a JSON file such as a checkpoint's config.json."""
    return json.loads(path.read_text(encoding="utf-8"))
