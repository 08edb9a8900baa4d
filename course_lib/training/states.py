"""A nested state as one JSON text and a table of tensors, and together again."""

import json
import zlib
from typing import Any

import torch
from torch import Tensor

# What safetensors writes and reads: it writes some that it can't read.
FLOATS = "float16 bfloat16 float32 float64 complex64 float8_e4m3fn float8_e5m2"
WHOLE = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64"
KNOWN = {getattr(torch, name) for name in f"{FLOATS} {WHOLE}".split()}


def taken_apart(tree: Any) -> tuple[str, dict[str, Tensor]]:
    """Return the tree as JSON that names its tensors, and these tensors, each memory once.

    Raises `TypeError` that names the place of what can't be written.
    """
    tensors: dict[str, Tensor] = {}
    return json.dumps(_written(tree, tensors, {}, "it")), tensors


def put_together(structure: str, tensors: dict[str, Tensor]) -> Any:
    """Return the tree again. Raises `ValueError` when the text is none of `taken_apart`."""
    return _built(json.loads(structure), tensors)


def checksum(structure: str, tensors: dict[str, Tensor]) -> str:
    """Return a number, as text, that another one replaces when any bit of these changes."""
    found = zlib.crc32(structure.encode())
    for name, tensor in sorted(tensors.items()):
        told = f"{name} {tensor.dtype} {tuple(tensor.shape)}"
        found = zlib.crc32(told.encode(), found)
        found = zlib.crc32(tensor.flatten().view(torch.uint8).numpy(), found)
    return str(found)


def _written(tree: Any, tensors: dict[str, Tensor], names: dict, where: str) -> Any:
    if isinstance(tree, Tensor):
        return {"tensor": _named(tree, tensors, names, where)}
    if isinstance(tree, dict):
        pairs = [[(x, f"{where}.{key}") for x in (key, value)] for key, value in tree.items()]
        return {"dict": [[_written(x, tensors, names, at) for x, at in pair] for pair in pairs]}
    if isinstance(tree, list | tuple):
        kind = "list" if isinstance(tree, list) else "tuple"
        listed = enumerate(tree)
        return {kind: [_written(x, tensors, names, f"{where}.{i}") for i, x in listed]}
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    raise TypeError(f"a checkpoint can't hold a {type(tree).__name__}: {where}")


def _named(tensor: Tensor, tensors: dict[str, Tensor], names: dict, where: str) -> str:
    """The name of a tensor in `tensors`, where it is put when its memory isn't there yet."""
    if tensor.layout != torch.strided or tensor.is_meta or tensor.dtype not in KNOWN:
        kind = f"{tensor.dtype}, {tensor.layout}, on {tensor.device}"
        raise TypeError(f"a checkpoint can't hold a tensor of {kind}: {where}")
    place = (tensor.data_ptr(), tensor.device, tensor.dtype, tensor.shape, tensor.stride())
    place += (tensor.is_conj(), tensor.is_neg())
    if not tensor.numel() or place not in names:
        names[place] = str(len(tensors))
        whole = tensor.detach().to("cpu", copy=True).resolve_conj().resolve_neg()
        tensors[names[place]] = whole.contiguous()
    return names[place]


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
