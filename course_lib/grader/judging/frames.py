"""Values as bytes: JSON for the structure, safetensors for the tensors, and never a pickle.

A frame is two lengths (4 bytes each, little endian), a JSON header and a safetensors body, which
holds equal tensors once. Reading one runs no code, so that what a submission returns can be read
safely.
"""

import json
import math
import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from safetensors.torch import load, save

LENGTHS = struct.Struct("<II")
PLAIN = bool | int | float | str | None
Tensors = dict[tuple, tuple[str, torch.Tensor]]  # by their content: the name in the body, and it
MAX_BYTES = 32 << 20
MAX_HEADER = 4 << 20  # of JSON, twice in a frame: it grows thirtyfold when it is read


@dataclass(frozen=True)
class Foreign:
    """Stands for a value that no frame can hold, such as a generator; equals no answer."""

    kind: str


class FrameError(ValueError):
    """Bytes that are not a frame, or too many of them."""


def pack(tree: Any) -> bytes:
    """Write nested lists, tuples and dicts of tensors and plain values as a frame."""
    tensors: Tensors = {}
    header = json.dumps(_packed(tree, tensors), separators=(",", ":")).encode()
    body = save(dict(tensors.values())) if tensors else b""
    return LENGTHS.pack(len(header), len(body)) + header + body


def unpack(data: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """Read a frame. Raises FrameError for anything else."""
    if len(data) > max_bytes:
        raise FrameError(f"{len(data)} bytes are more than the {max_bytes} allowed")
    if len(data) < LENGTHS.size:
        raise FrameError(f"a frame has at least {LENGTHS.size} bytes, got {len(data)}")
    header, body = LENGTHS.unpack_from(data)
    if len(data) != LENGTHS.size + header + body:
        raise FrameError(f"lengths {header} and {body} don't match {len(data)} bytes")
    if header > MAX_HEADER:
        raise FrameError(f"a header of {header} bytes is more than the {MAX_HEADER} allowed")
    start = LENGTHS.size + header
    named = int.from_bytes(data[start : start + 8], "little")  # bytes that list the tensors
    if body and named > MAX_HEADER:
        raise FrameError(f"{named} bytes of tensor names are more than the {MAX_HEADER} allowed")
    try:
        tensors = load(data[start:]) if body else {}
        return _unpacked(json.loads(data[LENGTHS.size : start]), tensors)
    except Exception as error:  # whoever wrote these bytes may have wanted any of them
        raise FrameError(f"not a frame: {type(error).__name__}") from error


def nested(tree: Any) -> torch.Tensor:
    """A frame as a tensor of bytes: part of another frame that needn't be packed each time."""
    return torch.frombuffer(bytearray(pack(tree)), dtype=torch.uint8)


def unnested(data: torch.Tensor) -> Any:
    """What `nested` was given. Raises FrameError for anything else."""
    return unpack(data.numpy().tobytes())


def _packed(value: Any, tensors: Tensors) -> Any:
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if isinstance(value, torch.Tensor):
        return _tensor(value, tensors)
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_packed(item, tensors) for item in value]}
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {"dict": [[key, _packed(item, tensors)] for key, item in value.items()]}
    return {"foreign": foreign_kind(value)}


def foreign_kind(value: Any) -> str:
    """What a person would call a value that no frame can hold."""
    if isinstance(value, Foreign):
        return value.kind
    name = type(value).__name__
    return f"NumPy {name}" if type(value).__module__ == "numpy" else name


def _tensor(value: torch.Tensor, tensors: Tensors) -> dict:
    dense = value.layout == torch.strided and value.device.type == "cpu"
    if not dense or value.is_quantized:
        return {"foreign": f"{value.device.type} tensor of layout {value.layout}"}
    # A copy of its own: safetensors refuses tensors that share memory.
    plain = value.detach().as_subclass(torch.Tensor)
    own = plain.clone(memory_format=torch.contiguous_format)
    bits = own.reshape(-1).view(torch.uint8).numpy()  # to the last one: 0.0 is not -0.0
    content = (own.dtype, own.shape, sha256(bits).digest())
    name, _ = tensors.setdefault(content, (str(len(tensors)), own))
    return {"tensor": name}


def _unpacked(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(value, dict):
        if not isinstance(value, PLAIN):
            raise ValueError("a bare list is not part of a frame")
        return value
    ((kind, inner),) = value.items()
    if kind == "tensor":
        # A shape of (2**31, 0) holds nothing, and its sum over the last axis fills the memory.
        if math.prod(size for size in tensors[inner].shape if size) > MAX_BYTES:
            raise ValueError("a shape that no answer has")
        return tensors[inner]
    if kind == "foreign":
        return Foreign(str(inner))
    if kind == "dict":
        return {str(key): _unpacked(item, tensors) for key, item in inner}
    items = [_unpacked(item, tensors) for item in inner]
    return {"list": list, "tuple": tuple}[kind](items)
