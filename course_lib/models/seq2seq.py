"""The Transformer of 2017: an encoder that reads, a decoder that writes."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm
from course_lib.nn.embeddings import TiedHead, TokenEmbedding
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import Sinusoidal
from course_lib.nn.stacks import Decoder, Encoder


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The sizes of an encoder–decoder; `num_layers` blocks on each side.

    `tied` stores one table for the source, the target and the head, as the paper does.

    Raises `ValueError` when tables of different vocabularies are to be tied.
    """

    source_vocab: int
    target_vocab: int
    d_model: int
    num_heads: int
    num_layers: int
    d_ff: int
    dropout: float = 0.1
    max_len: int = 512
    pad_id: int = 0
    tied: bool = False

    def __post_init__(self):
        source_vocab, target_vocab = self.source_vocab, self.target_vocab
        if self.tied and source_vocab != target_vocab:
            raise ValueError(
                f"one table needs one vocabulary, got {source_vocab=}, {target_vocab=} and tied"
            )


# Vaswani et al. 2017, table 3; section 5.1 speaks of "about 37000 tokens" for both languages
BASE = Seq2SeqConfig(37_000, 37_000, 512, 8, 6, 2048, tied=True)
BIG = Seq2SeqConfig(37_000, 37_000, 1024, 16, 6, 4096, dropout=0.3, tied=True)


class Seq2Seq(nn.Module):
    """Read a source once, then score every next token of a target.

        memory = encoder(embed(source)),   logits = head(decoder(embed(target), memory))

    Masks are built from the ids: nobody looks at padding, the target never looks ahead. The
    keyword arguments make the parts, called as their defaults are: `residual=PreNorm` moves the
    norms, a `functools.partial` of `MultiHeadAttention` swaps a step of every attention.

    Source: Vaswani et al. 2017, section 3 and figure 1 (arXiv:1706.03762).
    """

    def __init__(
        self,
        config: Seq2SeqConfig,
        *,
        attention: Callable[..., nn.Module] = MultiHeadAttention,
        feed_forward: Callable[..., nn.Module] = FeedForward,
        norm: Callable[[int], nn.Module] = LayerNorm,
        residual: Callable[..., nn.Module] = PostNorm,
    ):
        super().__init__()
        self.config = config
        d_model = config.d_model
        self._add_tables()

        def look():
            return attention(d_model, config.num_heads)

        def think():
            return feed_forward(d_model, config.d_ff)

        def around():
            return residual(norm(d_model), config.dropout)

        def stack(kind, make_block):
            blocks = [make_block() for _ in range(config.num_layers)]
            return kind(blocks, None if residual.ends_normed else norm(d_model))

        self.encoder = stack(Encoder, lambda: EncoderBlock(look(), think(), around))
        self.decoder = stack(Decoder, lambda: DecoderBlock(look(), look(), think(), around))
        self._init_matrices()

    def _add_tables(self) -> None:
        config = self.config
        self.position = Sinusoidal(config.d_model, config.max_len)
        self.dropout = nn.Dropout(config.dropout)
        self.embed_source = TokenEmbedding(config.source_vocab, config.d_model)
        if config.tied:
            self.embed_target = self.embed_source
            self.head = TiedHead(self.embed_source)
        else:
            self.embed_target = TokenEmbedding(config.target_vocab, config.d_model)
            self.head = nn.Linear(config.d_model, config.target_vocab, bias=False)

    def _init_matrices(self) -> None:
        """Draw every matrix by Xavier: what goes in and what comes out are of one size."""
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def encode(
        self, source: Int[Tensor, "batch key"], *, return_weights: bool = False
    ) -> Float[Tensor, "batch key d_model"] | tuple[Tensor, list[Tensor]]:
        """Read the source: one vector for each token, or these and each block's weights.

        Raises `ValueError` when there are more tokens than `max_len`, or an unknown id.
        """
        x = self.dropout(self.position(self.embed_source(source)))
        mask = padding_mask(source, self.config.pad_id)
        return self.encoder(x, mask, return_weights=return_weights)

    def decode(
        self,
        target: Int[Tensor, "batch query"],
        memory: Float[Tensor, "_ _ d_model"],
        source: Int[Tensor, "batch key"],
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch query vocab"] | tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Score the token after each token of `target`; `source` tells which memory is padding.

        Returns the logits, or these and each block's (self, cross) weights. Raises `ValueError`
        as `encode` does, and when `memory` and `source` differ in length.
        """
        if memory.shape[:2] != source.shape:
            raise ValueError(
                f"memory {tuple(memory.shape)} does not belong to source {tuple(source.shape)}"
            )
        pad_id = self.config.pad_id
        ahead = causal_mask(target.shape[1], device=target.device)
        x = self.dropout(self.position(self.embed_target(target)))
        x = self.decoder(
            x,
            memory,
            combine_masks(ahead, padding_mask(target, pad_id)),
            padding_mask(source, pad_id),
            return_weights=return_weights,
        )
        x, weights = x if return_weights else (x, None)
        return (self.head(x), weights) if return_weights else self.head(x)

    def forward(
        self,
        source: Int[Tensor, "batch key"],
        target: Int[Tensor, "batch query"],
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch query vocab"] | tuple[Tensor, tuple[list, list]]:
        """Score the token after each token of `target`, all at once.

        Returns the logits, or these and the weights of the encoder's and the decoder's blocks.
        """
        if not return_weights:
            return self.decode(target, self.encode(source), source)
        memory, read = self.encode(source, return_weights=True)
        logits, wrote = self.decode(target, memory, source, return_weights=True)
        return logits, (read, wrote)
