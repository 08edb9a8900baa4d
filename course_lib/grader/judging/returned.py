"""What an answer returned, as a comparison can read it: the same for `check` and under seal."""

from typing import Any

import torch

from .frames import Foreign

FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
WHOLE = {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
USUAL = FLOATS | WHOLE | {torch.bool, torch.complex64, torch.complex128}
LARGEST = 10**300  # about what a float holds; Python prints no more than 4,300 digits


def returned(leaf: Any) -> Any:
    """A copy of a tensor or number; of heirs of numbers and texts, what they inherit.

    What PyTorch or Python hardly compare or print is `Foreign`, in words.
    """
    if isinstance(leaf, torch.Tensor):
        return _tensor(leaf)
    # A number of NumPy is a number; without importing NumPy, as not every answer does.
    if type(leaf).__module__ == "numpy" and getattr(leaf, "shape", None) == ():
        leaf = leaf.item()
    if isinstance(leaf, str):
        return str.__str__(leaf)
    if isinstance(leaf, float):
        return float.__float__(leaf)
    if isinstance(leaf, int) and not isinstance(leaf, bool):
        whole = int.__int__(leaf)
        return whole if abs(whole) < LARGEST else Foreign("whole number of more than 300 digits")
    return leaf


def _tensor(leaf: torch.Tensor) -> torch.Tensor | Foreign:
    if leaf.is_nested:
        return Foreign("nested tensor")
    if leaf.layout != torch.strided:
        return Foreign(f"tensor of layout {leaf.layout}")
    return leaf.detach().clone() if leaf.dtype in USUAL else Foreign(f"tensor of {leaf.dtype}")
