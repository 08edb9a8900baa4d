"""The one place that picks where tensors live."""

from __future__ import annotations

import os

import torch

KINDS = ("cpu", "cuda", "mps")


def device() -> torch.device:
    """The device that the notebooks use: CUDA if there is one, else MPS, else the CPU.

    The environment variable `COURSE_DEVICE` (`cpu`, `cuda`, `cuda:1`, `mps`) overrides the choice.
    Raises `ValueError` if it names no such device, or one that this machine does not have.
    """
    wanted = os.environ.get("COURSE_DEVICE", "").strip()
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}
    if not wanted:
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if present[kind]))
    kind, _, index = wanted.partition(":")
    if kind not in KINDS or (":" in wanted and not index.isdecimal()):
        raise ValueError(f"COURSE_DEVICE={wanted!r} is none of {', '.join(KINDS)}")
    if not present[kind]:
        raise ValueError(f"COURSE_DEVICE={wanted!r}, but PyTorch finds no {kind} device here")
    return torch.device(wanted)


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
