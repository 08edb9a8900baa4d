"""Muon: every step of a matrix turns all its directions by the same amount."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer

TURN = (3.4445, -4.7750, 2.0315)  # steep at 0: small singular values rise in few rounds


def orthogonalized(
    matrices: Float[Tensor, "*batch rows columns"],
    rounds: int = 5,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "*batch rows columns"]:
    """Bring the singular values of each matrix near 1, and leave its directions as they are.

        U S V^T -> U S' V^T,   S' from 0.65 to 1.25 where S was not tiny
        x = x / |x|,   then each round  a = x x^T,  x = 3.4445 x - 4.7750 a x + 2.0315 a^2 x

    All products of a round are one call for all matrices. They are made in `dtype`: bfloat16 is
    enough, and faster on a GPU and on processors that multiply it themselves.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks",
    kellerjordan.github.io/posts/muon.
    """
    rise, pull, push = TURN
    flat = matrices.flatten(0, -3) if matrices.ndim > 2 else matrices[None]
    tall = flat.shape[-2] > flat.shape[-1]
    x = flat.mT if tall else flat  # a is then the smaller of the two squares
    x = (x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)).to(dtype)
    for _ in range(rounds):
        a = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(a, a, a, beta=pull, alpha=push), x, beta=rise)
    return (x.mT if tall else x).reshape(matrices.shape).to(matrices.dtype)


class Muon(Optimizer):
    """Momentum, made orthogonal: for the matrices between a model's layers, and for them alone.

        m = momentum m + (1 - momentum) g
        u = g + momentum (m - g)
        W = (1 - lr weight_decay) W - lr sqrt(max(1, rows / columns)) orthogonalized(u)

    A gradient of few strong directions moves the weak ones too. Embeddings, heads, norms and
    biases belong to AdamW. The updates are those of `torch.optim.Muon`, which turns one matrix
    after the other in bfloat16; here those of one shape turn together, in `dtype`.

    Raises `ValueError` for a parameter that is no matrix, and rates outside their ranges.

    Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        *,
        dtype: torch.dtype = torch.float32,
    ):
        if lr < 0 or weight_decay < 0 or not 0 <= momentum < 1:
            told = f"{lr=}, {momentum=}, {weight_decay=}"
            raise ValueError(f"need lr and weight_decay >= 0, 0 <= momentum < 1, got {told}")
        given = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, given)
        self.dtype = dtype
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim != 2:
                raise ValueError(f"Muon turns matrices, got a parameter of shape {tuple(p.shape)}")

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"dtype": self.dtype}  # an optimiser copies only its own

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient; a closure makes the gradients first."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            alike: dict[tuple, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    alike.setdefault((*p.shape, p.dtype, p.device), []).append(p)
            for some in alike.values():
                self._update(some, group)
        return loss

    def _update(self, params: list[Tensor], group: dict) -> None:
        grads, momentum, lr = [p.grad for p in params], group["momentum"], group["lr"]
        for p in params:
            if p not in self.state:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        means = [self.state[p]["momentum_buffer"] for p in params]
        torch._foreach_lerp_(means, grads, 1 - momentum)
        ahead = torch._foreach_lerp(grads, means, momentum)  # Nesterov: where the mean will be
        turned = orthogonalized(torch.stack(list(ahead)), dtype=self.dtype)
        rows, columns = params[0].shape
        if group["weight_decay"]:
            torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
        torch._foreach_add_(params, turned.unbind(), alpha=-lr * max(1, rows / columns) ** 0.5)
