"""A mixture of experts: many feed-forward networks, of which each token is sent to a few."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.feedforward import SwiGLU


class MixtureOfExperts(nn.Module):
    """A router picks `top_k` experts for each token; their answers are added by its weights.

        scores = W_router x,   output = sum of softmax(top scores)[e] expert_e(x) over the top e

    Of all parameters a token meets the router's and those of its experts. `expert(d_model, d_ff)`
    makes each expert, `shared` one whose answer is added for every token. Nothing here keeps the
    router from liking the same few: training one from nothing takes a loss that balances them.

    Raises `ValueError` when there are fewer experts than `top_k`, or `top_k` is below 1.

    Source: Shazeer et al. 2017, section 2 (arXiv:1701.06538); Jiang et al. 2024, section 2.1
    (arXiv:2401.04088).
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        *,
        num_experts: int,
        top_k: int,
        expert: Callable[[int, int], nn.Module] = SwiGLU,
        shared: Callable[[int, int], nn.Module] | None = None,
    ):
        super().__init__()
        if not 1 <= top_k <= num_experts:
            raise ValueError(f"a token goes to 1 to {num_experts=} experts, got {top_k=}")
        self.top_k = top_k
        self.router = nn.Linear(d_model, num_experts, bias=False)
        self.experts = nn.ModuleList(expert(d_model, d_ff) for _ in range(num_experts))
        self.shared = None if shared is None else shared(d_model, d_ff)

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        return f"top_k={self.top_k}"

    def route(
        self, x: Float[Tensor, "tokens d_model"]
    ) -> tuple[Float[Tensor, "tokens top_k"], Int[Tensor, "tokens top_k"]]:
        """Return how much each of a token's experts counts, and which they are.

        The weights of a token sum to 1, whatever the other experts' scores are.
        """
        scores, chosen = self.router(x).topk(self.top_k, dim=-1)
        exact = torch.promote_types(scores.dtype, torch.float32)
        return scores.to(exact).softmax(dim=-1).to(x.dtype), chosen

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return one new vector for each token."""
        tokens = x.reshape(-1, x.shape[-1])
        weights, chosen = self.route(tokens)
        output = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            token, rank = (chosen == number).nonzero(as_tuple=True)  # who sent it here
            if torch.compiler.is_compiling() or len(token):  # a graph is for any tokens
                answer = weights[token, rank, None] * expert(tokens[token])
                output.index_add_(0, token, answer)
        output = output if self.shared is None else output + self.shared(tokens)
        return output.view_as(x)
