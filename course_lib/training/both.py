"""Muon and AdamW as one optimiser: each has its own parameters of a model."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Optimizer

from course_lib.training.muon import Muon


class Both(Optimizer):
    """Muon for the matrices of the blocks, AdamW for the rest, as one optimiser.

        a matrix under a module named `blocks` -> Muon(muon_rate)
        all else (tables, head, norms, biases) -> AdamW(adam_rate, betas), without decay

    A schedule, `train` and a checkpoint see the groups and the state of both; AdamW's come first.

    Raises `ValueError` when the model has no matrix under `blocks`.
    """

    def __init__(
        self,
        model: nn.Module,
        muon_rate: float = 0.02,
        adam_rate: float = 0.004,
        betas: tuple[float, float] = (0.9, 0.95),
    ):
        named = [("blocks" in n.split(".") and p.ndim == 2, p) for n, p in model.named_parameters()]
        inner, outer = ([p for is_inner, p in named if is_inner is kind] for kind in (True, False))
        if not inner:
            raise ValueError(f"{type(model).__name__} has no matrix under a module named blocks")
        adam = AdamW(outer, adam_rate, betas=betas, weight_decay=0.0)
        self.parts = (adam, Muon(inner, muon_rate))
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Let the parts work on this optimiser's groups and state."""
        for part, group in zip(self.parts, self.param_groups, strict=True):
            part.param_groups, part.state = [group], self.state

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"parts": self.parts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # other groups and another state than before
        self._share()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take the groups of both; raises `ValueError` for one more, which neither would move."""
        if len(self.param_groups) == len(self.parts):
            raise ValueError("Both has all groups: which part would a new one belong to?")
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Let both take their step; a closure makes the gradients first."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for part in self.parts:
            part.step()
        return loss
