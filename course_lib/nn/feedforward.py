"""Feed-forward networks: every token thinks alone. Checked against PyTorch's in tests/nn."""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class FeedForward(nn.Module):
    """Two layers with a bend between them, the same two for every position.

        output = W_down activation(W_up x + b_up) + b_down

    `dropout` hides numbers of the wide layer during training.

    Source: Vaswani et al. 2017, eq. 2 (arXiv:1706.03762).
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        *,
        activation: Callable[[Tensor], Tensor] = F.relu,
        dropout: float = 0.0,
        bias: bool = True,
    ):
        super().__init__()
        self.activation = activation
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return one new vector for each token."""
        return self.down(self.dropout(self.activation(self.up(x))))


class SwiGLU(nn.Module):
    """A gated network: one layer proposes numbers, another says how much of each to let through.

        output = W_down (silu(W_gate x) * W_up x),   silu(a) = a sigmoid(a)

    It has three matrices where `FeedForward` has two: with d_ff at two thirds both have the same
    number of parameters.

    Source: Shazeer 2020, section 2 (arXiv:2002.05202).
    """

    activation = staticmethod(F.silu)

    def __init__(self, d_model: int, d_ff: int, *, dropout: float = 0.0, bias: bool = False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return one new vector for each token."""
        return self.down(self.dropout(self.activation(self.gate(x)) * self.up(x)))


class GEGLU(SwiGLU):
    """A gated network whose gate bends like GELU, in the approximation with tanh.

        output = W_down (gelu(W_gate x) * W_up x)

    Source: Shazeer 2020, section 2 (arXiv:2002.05202).
    """

    activation = staticmethod(partial(F.gelu, approximate="tanh"))
