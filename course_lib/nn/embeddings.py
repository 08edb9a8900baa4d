"""From ids to vectors, and back to one score for each token of the vocabulary."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class TokenEmbedding(nn.Module):
    """One learned vector for each token, scaled up to about the size of a position.

        x = scale table[id],   scale = sqrt(d_model) unless given

    The table starts with a standard deviation of 1 / scale, so x starts near 1.

    Raises `ValueError` when `scale` is not positive.

    Source: Vaswani et al. 2017, section 3.4 (arXiv:1706.03762).
    """

    def __init__(self, vocab_size: int, d_model: int, scale: float | None = None):
        super().__init__()
        self.scale = math.sqrt(d_model) if scale is None else scale
        if self.scale <= 0:
            raise ValueError(f"a scale must be positive, got {scale=}")
        self.table = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.table.weight, std=1 / self.scale)

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        return f"scale={self.scale}"

    def forward(self, ids: Int[Tensor, "*batch seq"]) -> Float[Tensor, "*batch seq d_model"]:
        """Return the vectors of these tokens.

        Raises `ValueError` when an id is outside the vocabulary.
        """
        try:
            return self.table(ids) * self.scale
        except IndexError:
            found, last = f"{ids.min()} to {ids.max()}", self.table.num_embeddings - 1
            raise ValueError(f"ids must be 0 to {last}, got {found}") from None


class TiedHead(nn.Module):
    """Score each token of the vocabulary by its dot product with the embedding table.

        logits = x table^T + b

    The table stays the embedding's own: stored once, under one name, it learns from both ends and
    moves with the embedding. There is a bias when it is asked for. `linear` makes the product.

    Source: Press and Wolf 2017 (arXiv:1608.05859); Vaswani et al. 2017, section 3.4.
    """

    linear = staticmethod(F.linear)

    def __init__(self, embedding: TokenEmbedding, *, bias: bool = False):
        super().__init__()
        self._lender = (embedding,)  # in a tuple: not a part of this one, so no second name
        vocab_size = embedding.table.num_embeddings
        self.bias = nn.Parameter(torch.zeros(vocab_size)) if bias else None

    @property
    def weight(self) -> nn.Parameter:
        """The embedding's table, (vocab, d_model)."""
        return self._lender[0].table.weight

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        vocab_size, d_model = self.weight.shape
        return f"{d_model=}, {vocab_size=}, bias={self.bias is not None}"

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab"]:
        """Return one score for each token of the vocabulary."""
        return self.linear(x, self.weight, self.bias)


def check_tied(head: nn.Module, embedding: nn.Module) -> None:
    """See to it that a tied head reads the table of this embedding, or of a part of it.

    Raises `ValueError` when it reads another's, as after `model.embed = other`.
    """
    if not isinstance(head, TiedHead) or any(p is head._lender[0] for p in embedding.modules()):
        return
    if all(p is not head.weight for p in embedding.parameters()):  # a twin has the same numbers
        raise ValueError(
            f"the head still reads the table {tuple(head.weight.shape)} of the embedding that it "
            "was made with: make one of the new embedding, model.head = TiedHead(…)"
        )
