"""T5 and mT5: an encoder–decoder whose places are a bias on the scores of attention.

Checked against Hugging Face's in tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.models.seq2seq import Seq2Seq
from course_lib.models.seq2seq_sizes import Seq2SeqConfig
from course_lib.nn.blocks import PreNorm
from course_lib.nn.embeddings import TiedHead, TokenEmbedding
from course_lib.nn.feedforward import GEGLU, FeedForward
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import RMSNorm
from course_lib.nn.positions.relative import RelativeBias


@dataclass(frozen=True)
class T5Config:
    """The sizes of a T5. Version 1.1 has `GEGLU` as its feed-forward, and a head of its own.

    `num_layers` stand on each side, or (encoder, decoder). One table serves source and target;
    when `tied`, it is the head's too, and what the head reads is scaled by 1 / sqrt(d_model).
    """

    vocab_size: int
    d_model: int
    num_heads: int
    num_layers: int | tuple[int, int]
    d_ff: int
    d_head: int = 64
    num_buckets: int = 32
    max_distance: int = 128
    feed_forward: Callable[..., nn.Module] = FeedForward
    tied: bool = True
    dropout: float = 0.1
    norm_eps: float = 1e-6
    pad_id: int = 0


class ScaledHead(TiedHead):
    """A tied head for vectors whose numbers are near 1: it reads them smaller.

        logits = (x / sqrt(d_model)) table^T

    Source: Raffel et al. 2019 (arXiv:1910.10683), the authors' code.
    """

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab"]:
        """Return one score for each token of the vocabulary."""
        return super().forward(x * x.shape[-1] ** -0.5)


class T5(Seq2Seq):
    """A T5: pre-norm, RMSNorm, no bias anywhere, scores that nobody scales.

    All layers of a side share one table of relative places; cross-attention has none. The target
    starts with the padding's id. It is called as `Seq2Seq` is.

    Source: Raffel et al. 2019, section 2.1 (arXiv:1910.10683); version 1.1: Shazeer 2020
    (arXiv:2002.05202).
    """

    def __init__(self, config: T5Config):
        vocab_size, d_model, dropout = config.vocab_size, config.d_model, config.dropout
        sizes = Seq2SeqConfig(
            *(vocab_size, vocab_size, d_model, config.num_heads, config.num_layers, config.d_ff),
            dropout=dropout,
            pad_id=config.pad_id,
            tied=True,
        )
        given = {"d_head": config.d_head, "bias": False, "scale": 1.0, "dropout": dropout}
        look = partial(MultiHeadAttention, **given)
        bias = partial(RelativeBias, config.num_heads, config.num_buckets, config.max_distance)
        norm = partial(RMSNorm, eps=config.norm_eps)
        super().__init__(
            sizes,
            attention=partial(look, position=bias()),
            decoder_attention=partial(look, position=bias(bidirectional=False)),
            cross_attention=look,
            feed_forward=partial(config.feed_forward, bias=False, dropout=dropout),
            norm=norm,
            residual=PreNorm,
            last_norm=norm,
            embedding=partial(TokenEmbedding, scale=1.0),
            position=None,
        )
        own = nn.Linear(d_model, vocab_size, bias=False)
        self.head = ScaledHead(self.embed_source) if config.tied else own


# Raffel et al. 2019, section 3.7 (arXiv:1910.10683)
_T5 = partial(T5Config, 32_128)
_V11 = partial(T5Config, 32_128, feed_forward=GEGLU, tied=False)
_MT5 = partial(T5Config, 250_112, feed_forward=GEGLU, tied=False)
T5S = {
    "t5-small": _T5(512, 8, 6, 2048),
    "t5-base": _T5(768, 12, 12, 3072),
    "t5-large": _T5(1024, 16, 24, 4096),
    "t5-3b": _T5(1024, 32, 24, 16_384, d_head=128),
    "t5-11b": _T5(1024, 128, 24, 65_536, d_head=128),
    # the authors' released checkpoints, version 1.1
    "t5-v1_1-small": _V11(512, 6, 8, 1024),
    "t5-v1_1-base": _V11(768, 12, 12, 2048),
    "t5-v1_1-large": _V11(1024, 16, 24, 2816),
    # Xue et al. 2020 (arXiv:2010.11934): 101 languages, so a table eight times as long
    "mt5-small": _MT5(512, 6, 8, 1024),
    "mt5-base": _MT5(768, 12, 12, 2048),
    "mt5-large": _MT5(1024, 16, 24, 2816),
}
