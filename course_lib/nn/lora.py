"""LoRA: a large matrix stays as it is, and learns a small one beside it."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LoRALinear(nn.Module):
    """A linear layer that no longer learns, plus a product of two thin matrices that does.

        y = W x + b + (alpha / rank) up down x

    `up` starts at zero, so at first nothing has changed. `alpha` is `rank` unless given.

    Raises `ValueError` when `rank` is below 1.

    Source: Hu et al. 2021, section 4.1 (arXiv:2106.09685).
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float | int | None = None):
        super().__init__()
        if rank < 1:
            raise ValueError(f"rank must be at least 1, got {rank=}")
        self.linear = linear.requires_grad_(False)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.scale = 1.0 if alpha is None else alpha / rank
        new = linear.weight.new_empty
        self.down = nn.Parameter(nn.init.kaiming_uniform_(new(rank, self.in_features), a=5**0.5))
        self.up = nn.Parameter(nn.init.zeros_(new(self.out_features, rank)))

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Return what the layer said before, and what was learned since."""
        return self.linear(x) + self.scale * (x @ self.down.mT @ self.up.mT)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """Return one plain layer that says the same: W + (alpha / rank) up down."""
        # of a `HalfLinear`, too, a layer as precise as what was learned
        dtype = torch.promote_types(self.linear.weight.dtype, self.up.dtype)
        given = {"device": self.up.device, "dtype": dtype}
        plain = nn.Linear(
            self.in_features, self.out_features, self.linear.bias is not None, **given
        )
        plain.load_state_dict(self.linear.state_dict())
        plain.weight += self.scale * self.up @ self.down
        return plain


def add_lora(
    model: nn.Module,
    rank: int,
    alpha: float | int | None = None,
    where: Callable[[str], bool] = lambda name: True,
) -> list[str]:
    """Freeze the model and give its linear layers a `LoRALinear` each, in place; their names.

    `where` says by name which layers.

    Raises `ValueError` when it names none.
    """
    model.requires_grad_(False)
    found = [n for n, m in model.named_modules() if isinstance(m, nn.Linear) and where(n)]
    if not found:
        raise ValueError("no linear layer of the model was chosen")
    for name in found:
        _put(model, name, LoRALinear(model.get_submodule(name), rank, alpha))
    return found


def merge_lora(model: nn.Module) -> nn.Module:
    """Put one plain linear layer in the place of each `LoRALinear`, in place; the model."""
    for name in [n for n, m in model.named_modules() if isinstance(m, LoRALinear)]:
        _put(model, name, model.get_submodule(name).merged())
    return model


def _put(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, layer)
