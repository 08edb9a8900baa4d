"""From ids to vectors, and back to one score for each token of the vocabulary."""

import math

from jaxtyping import Float, Int
from torch import Tensor, nn


class TokenEmbedding(nn.Module):
    """One learned vector for each token, scaled up so that positions don't drown it.

        x = sqrt(d_model) table[id]

    The table starts with a standard deviation of 1 / sqrt(d_model), so x starts near 1.

    Source: Vaswani et al. 2017, section 3.4 (arXiv:1706.03762).
    """

    def __init__(self, vocab_size: int, d_model: int):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.table.weight, std=1 / math.sqrt(d_model))

    def forward(self, ids: Int[Tensor, "*batch seq"]) -> Float[Tensor, "*batch seq d_model"]:
        """Return the vectors of these tokens.

        Raises `ValueError` when an id is outside the vocabulary.
        """
        vocab_size, d_model = self.table.weight.shape
        try:
            return self.table(ids) * math.sqrt(d_model)
        except IndexError:
            found = f"{ids.min()} to {ids.max()}"
            raise ValueError(f"ids must be 0 to {vocab_size - 1}, got {found}") from None


class TiedHead(nn.Module):
    """Score each token of the vocabulary by its dot product with the embedding table.

        logits = x table^T

    The table is the embedding's own, so it is stored once and learns from both ends. No bias.

    Source: Press and Wolf 2017 (arXiv:1608.05859); Vaswani et al. 2017, section 3.4.
    """

    def __init__(self, embedding: TokenEmbedding):
        super().__init__()
        self.weight = embedding.table.weight

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab"]:
        """Return one score for each token of the vocabulary."""
        return x @ self.weight.T
