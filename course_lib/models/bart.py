"""BART and Marian: the encoder–decoder of 2017 with other places, bends and heads.

Checked against Hugging Face's in tests.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.models.seq2seq import Seq2Seq
from course_lib.models.seq2seq_sizes import Seq2SeqConfig
from course_lib.nn.embeddings import TiedHead, TokenEmbedding
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.positions.sinusoidal import Sinusoidal, sinusoidal_halves


class NormedPositions(nn.Module):
    """Add a learned vector for each place, then norm the sum.

        output[p] = norm(x[p] + table[offset + p])

    Source: Lewis et al. 2019 (arXiv:1910.13461), the authors' code.
    """

    def __init__(self, d_model: int, max_len: int):
        super().__init__()
        self.places = LearnedPositions(d_model, max_len)
        self.norm = LayerNorm(d_model)

    def forward(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        offset: int = 0,
        *,
        places: Int[Tensor, "*_ seq"] | None = None,
    ) -> Float[Tensor, "*batch seq d_model"]:
        """Return x with its places, normed; see `LearnedPositions`."""
        return self.norm(self.places(x, offset, places=places))


class ShiftedHead(TiedHead):
    """A tied head that adds a number to each token's score. The numbers are not trained.

        logits = x table^T + shift

    Source: Junczys-Dowmunt et al. 2018 (arXiv:1804.00344), as its checkpoints were converted.
    """

    def __init__(self, embedding: TokenEmbedding):
        super().__init__(embedding)
        shift = torch.zeros(embedding.table.num_embeddings)
        self.register_buffer("shift", shift)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab"]:
        """Return one score for each token of the vocabulary."""
        return super().forward(x) + self.shift


class Bart(Seq2Seq):
    """A BART: post-norm, learned places that each side norms, GELU, one table for all.

    The target starts with the id that ends a text. It is called as `Seq2Seq` is.

    Raises `ValueError` when the config is not `tied`.

    Source: Lewis et al. 2019, section 2.1 (arXiv:1910.13461).
    """

    def __init__(
        self,
        config: Seq2SeqConfig,
        *,
        activation: Callable[[Tensor], Tensor] = F.gelu,
        embed_scale: float = 1.0,
    ):
        super().__init__(
            config,
            feed_forward=partial(FeedForward, activation=activation),
            embedding=partial(TokenEmbedding, scale=embed_scale),
            position=NormedPositions,
            decoder_position=NormedPositions,
        )
        self.head = _one_head(self)


class Marian(Seq2Seq):
    """A Marian: the Transformer of 2017, but for SiLU and waves in another order.

    The target starts with the padding's id. It is called as `Seq2Seq` is.

    Raises `ValueError` when the config is not `tied`.

    Source: Junczys-Dowmunt et al. 2018 (arXiv:1804.00344); its models: Tiedemann and Thottingal
    2020 (OPUS-MT).
    """

    def __init__(
        self,
        config: Seq2SeqConfig,
        *,
        activation: Callable[[Tensor], Tensor] = F.silu,
        embed_scale: float | None = None,
    ):
        super().__init__(
            config,
            feed_forward=partial(FeedForward, activation=activation),
            embedding=partial(TokenEmbedding, scale=embed_scale),
            position=partial(Sinusoidal, make=sinusoidal_halves),
        )
        self.head = _one_head(self)


def _one_head(model: Seq2Seq) -> ShiftedHead:
    if not model.config.tied:
        raise ValueError("one table serves source, target and head: need tied=True, got tied=False")
    return ShiftedHead(model.embed_source)


_BART = partial(Seq2SeqConfig, 50_265, 50_265, max_len=1024, pad_id=1, tied=True)
# d_model, num_heads, num_layers, d_ff: Lewis et al. 2019, section 2.1 (arXiv:1910.13461)
BARTS = {"bart-base": _BART(768, 12, 6, 3072), "bart-large": _BART(1024, 16, 12, 4096)}
# a translator from English to French; each pair of languages has a vocabulary of its own
MARIANS = {
    "opus-mt-en-fr": Seq2SeqConfig(59_514, 59_514, 512, 8, 6, 2048, pad_id=59_513, tied=True)
}
