"""Norms: bring each token's vector back to one size. Checked against PyTorch's in tests/nn."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LayerNorm(nn.Module):
    """Centre each vector on 0, scale it to a variance of 1, then let the model choose both.

        output = weight (x - mean) / sqrt(variance + eps) + bias

    Mean and variance are taken over the last axis, for every token alone. The variance is the
    biased one (a sum divided by d_model, not d_model - 1), and `eps` stands inside the root.

    Source: Ba et al. 2016, section 3.1 (arXiv:1607.06450).
    """

    def __init__(self, d_model: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return the vectors, each centred and scaled."""
        centred = x - x.mean(dim=-1, keepdim=True)
        variance = centred.pow(2).mean(dim=-1, keepdim=True)
        return self.weight * centred / torch.sqrt(variance + self.eps) + self.bias


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

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return the vectors, each scaled."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        scaled = wide * torch.rsqrt(wide.pow(2).mean(dim=-1, keepdim=True) + self.eps)
        return self.weight * scaled.to(x.dtype)
