"""Norms: bring each token's vector back to one size. Checked against PyTorch's in tests/nn."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def layer_norm(
    x: Float[Tensor, "*batch d_model"],
    weight: Float[Tensor, " d_model"],
    bias: Float[Tensor, " d_model"] | None = None,
    eps: float = 1e-5,
) -> Float[Tensor, "*batch d_model"]:
    """Centre each vector on 0, scale it to a variance of 1, then weight it and add the bias.

        output = weight (x - mean) / sqrt(variance + eps) + bias

    The readable form of what `LayerNorm` lets PyTorch compute in one go. It counts in float32 or
    wider, since squares of half-precision numbers overflow early.

    Source: Ba et al. 2016, section 3.1 (arXiv:1607.06450).
    """
    wide = widened(x)
    centred = wide - wide.mean(dim=-1, keepdim=True)
    variance = centred.pow(2).mean(dim=-1, keepdim=True)
    scaled = weight * (centred / torch.sqrt(variance + eps))
    return (scaled if bias is None else scaled + bias).to(x.dtype)


class LayerNorm(nn.Module):
    """Centre each vector on 0, scale it to a variance of 1, then let the model choose both.

        output = weight (x - mean) / sqrt(variance + eps) + bias

    Mean and variance are taken over the last axis, for every token alone. The variance is the
    biased one (a sum divided by d_model, not d_model - 1), and `eps` stands inside the root.
    `layer_norm` shows the steps.

    Source: Ba et al. 2016, section 3.1 (arXiv:1607.06450).
    """

    def __init__(self, d_model: int, eps: float = 1e-5, *, bias: bool = True):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model)) if bias else None

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        return f"{len(self.weight)}, eps={self.eps}, bias={self.bias is not None}"

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Return the vectors, each centred and scaled.

        Raises `ValueError` when they are of another width.
        """
        _check_width(x, self.weight)
        wide = widened(x)  # PyTorch's own way in half precision takes small differences of squares
        weight, bias = (None if p is None else p.to(wide.dtype) for p in (self.weight, self.bias))
        return F.layer_norm(wide, weight.shape, weight, bias, self.eps).to(x.dtype)


class RMSNorm(nn.Module):
    """Scale each vector to a root mean square of 1; nothing is centred, nothing added.

        output = weight x / sqrt(mean(x^2) + eps)

    Computed in float32 or wider, since squares of half-precision numbers overflow early.

    Source: Zhang and Sennrich 2019, eq. 4 (arXiv:1910.07467).
    """

    def __init__(self, d_model: int, eps: float = 1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        return f"{len(self.weight)}, eps={self.eps}"

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Return the vectors, each scaled.

        Raises `ValueError` when they are of another width.
        """
        _check_width(x, self.weight)
        wide = widened(x)
        scaled = wide * torch.rsqrt(wide.pow(2).mean(dim=-1, keepdim=True) + self.eps)
        return self.weight * scaled.to(x.dtype)


def widened(x: Tensor) -> Tensor:
    """The same numbers in float32, where half precision would suffer; float64 stays as it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _check_width(x: Tensor, weight: Tensor) -> None:
    if x.shape[-1:] != weight.shape:  # a width of 1 would broadcast
        raise ValueError(f"a norm for d_model={len(weight)} can't serve {tuple(x.shape)}")
