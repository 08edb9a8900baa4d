"""The Transformer of 2017: an encoder that reads, a decoder that writes."""

from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor, arange, nn

from course_lib.models.seq2seq_sizes import BASE, BIG, Seq2SeqConfig
from course_lib.models.starting import init_xavier
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm
from course_lib.nn.cache import Cache
from course_lib.nn.embeddings import TiedHead, TokenEmbedding, check_tied
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, check_padding, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import Sinusoidal
from course_lib.nn.shapes import unread
from course_lib.nn.stacks import Decoder, Encoder, last_norm_after

__all__ = ["BASE", "BIG", "Seq2Seq", "Seq2SeqConfig"]
Padding = Tensor  # a mask, (batch, 1, 1, seq): not a jaxtyping shape, `check_padding` explains more
Places = Int[Tensor, "*_"]  # of each token: (seq,), or (batch, seq)


class Seq2Seq(nn.Module):
    """Read a source once, then score every next token of a target.

        memory = encoder(embed(source)),   logits = head(decoder(embed(target), memory))

    Nobody looks at padding, the target never looks ahead. Padding is what has the `pad_id`, but
    for a target's first token, which is its start whatever its id (T5 starts with the padding's).
    A `source_mask` or `target_mask` replaces what the ids say, and given places replace 0, 1, 2 …:
    padding on the left needs both.

    The keyword arguments make the parts, called as their defaults are: a `functools.partial` of
    `MultiHeadAttention` swaps a step of every attention. The decoder's own and its cross-attention
    are made as the encoder's unless given; the latter has no position. `position` adds places to
    the source, and to the target unless `decoder_position` does; None adds nothing. `last_norm`
    ends both stacks; only after `PostNorm` none is needed (`nn.Identity` says so of others).

    Raises `ValueError` when it is not said which norm comes last.

    Source: Vaswani et al. 2017, section 3 and figure 1 (arXiv:1706.03762).
    """

    def __init__(
        self,
        config: Seq2SeqConfig,
        *,
        attention: Callable[..., nn.Module] = MultiHeadAttention,
        decoder_attention: Callable[..., nn.Module] | None = None,
        cross_attention: Callable[..., nn.Module] | None = None,
        feed_forward: Callable[..., nn.Module] = FeedForward,
        norm: Callable[[int], nn.Module] = LayerNorm,
        residual: Callable[..., Callable] = PostNorm,
        last_norm: Callable[[int], nn.Module] | None = None,
        embedding: Callable[..., nn.Module] = TokenEmbedding,
        position: Callable[..., nn.Module] | None = Sinusoidal,
        decoder_position: Callable[..., nn.Module] | None = None,
    ):
        super().__init__()
        self.config, d_model = config, config.d_model
        self._add_tables(embedding, position, decoder_position)

        def look(kind=None):
            return (kind or attention)(d_model, config.num_heads)

        def think():
            return feed_forward(d_model, config.d_ff)

        def around():
            return residual(norm(d_model), config.dropout)

        def writer():
            return DecoderBlock(look(decoder_attention), look(cross_attention), think(), around)

        def stack(kind, make_block, num_layers):
            blocks = [make_block() for _ in range(num_layers)]
            return kind(blocks, last_norm_after(residual, last_norm)(d_model))

        read, write = config.depths
        self.encoder = stack(Encoder, lambda: EncoderBlock(look(), think(), around), read)
        self.decoder = stack(Decoder, writer, write)
        init_xavier(self)

    def _add_tables(self, embedding, position, decoder_position) -> None:
        config = self.config
        sizes = config.d_model, config.max_len
        self.position = nn.Identity() if position is None else position(*sizes)
        if decoder_position is not None:
            self.decoder_position = decoder_position(*sizes)
        self.dropout = nn.Dropout(config.dropout)
        self.embed_source = embedding(config.source_vocab, config.d_model)
        if config.tied:
            self.head = TiedHead(self.embed_source)
        else:
            self.embed_target = embedding(config.target_vocab, config.d_model)
            self.head = nn.Linear(config.d_model, config.target_vocab, bias=False)

    @property
    def embed_target(self) -> nn.Module:
        """The target's embedding; when tied it is the source's, under that name alone."""
        return self._modules.get("embed_target", self.embed_source)

    @property
    def target_position(self) -> nn.Module:
        """What tells the target's places: the decoder's own, else the source's."""
        return self._modules.get("decoder_position", self.position)

    def encode(
        self,
        source: Int[Tensor, "batch key"],
        *,
        source_mask: Padding | None = None,
        source_places: Places | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch key d_model"] | tuple[Tensor, list[Tensor]]:
        """Read the source: one vector for each token, or these and each block's weights.

        Raises `ValueError` when there are more tokens than `max_len`, an unknown id, or a mask
        that is not (batch, 1, 1, key).
        """
        mask = self._padding(source, source_mask)
        x, given = self._place(self.position, self.embed_source(source), source_places)
        return self.encoder(x, mask, **given, return_weights=return_weights)

    def decode(
        self,
        target: Int[Tensor, "batch query"],
        memory: Float[Tensor, "_ _ d_model"],
        source: Int[Tensor, "_ _"],
        *,
        source_mask: Padding | None = None,
        target_mask: Padding | None = None,
        target_places: Places | None = None,
        cache: Cache | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch new vocab"] | tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Score the token after each token of `target`; `source` tells which memory is padding.

        All are given whole; what a `cache` has read of the target is not read again. Returns the
        logits of the rest, or these and each block's (self, cross) weights. Raises `ValueError` as
        `encode` does, when the three differ in length or number, when nothing is left to score, and
        when the head reads another embedding's table.
        """
        if memory.shape[:2] != source.shape:
            had, got = tuple(memory.shape), tuple(source.shape)
            raise ValueError(f"memory {had} does not belong to source {got}")
        if len(target) != len(source):
            raise ValueError(f"{len(target)} targets for {len(source)} sources: need one for each")
        new, seq = unread(target, cache), target.shape[1]
        ahead = causal_mask(new.shape[1], seq, device=target.device)
        back = combine_masks(ahead, self._padding(target, target_mask, starts=1))
        over = self._padding(source, source_mask)
        at = self.target_position, self.embed_target(new), target_places, seq - new.shape[1]
        x, given = self._place(*at)
        given |= {"cache": cache, "return_weights": return_weights}
        x = self.decoder(x, memory, back, over, **given)
        check_tied(self.head, self.embed_target)
        return (self.head(x[0]), x[1]) if return_weights else self.head(x)

    def forward(
        self,
        source: Tensor,  # what `encode` reads
        target: Int[Tensor, "batch query"],
        *,
        source_mask: Padding | None = None,
        target_mask: Padding | None = None,
        source_places: Places | None = None,
        target_places: Places | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch query vocab"] | tuple[Tensor, tuple[list, list]]:
        """Score the token after each token of `target`, all at once.

        Returns the logits, or these and the weights of the encoder's and the decoder's blocks.
        """
        seen = {"source_mask": source_mask, "return_weights": return_weights}
        memory = self.encode(source, source_places=source_places, **seen)
        memory, read = memory if return_weights else (memory, None)
        given = {"target_mask": target_mask, "target_places": target_places}
        logits = self.decode(target, memory, source, **given, **seen)
        return (logits[0], (read, logits[1])) if return_weights else logits

    def _place(
        self, position: nn.Module, x: Tensor, places: Tensor | None, read: int = 0
    ) -> tuple[Tensor, dict]:
        at = {"offset": read} if read else {}
        if places is not None:
            at = {"places": places[..., read:]}
        if not isinstance(position, nn.Identity):  # which adds nothing, wherever x stands
            x = position(x, **at)
        return self.dropout(x), {} if places is None else {"places": places}

    def _padding(self, ids: Tensor, mask: Tensor | None, starts: int = 0) -> Tensor:
        if mask is not None:
            return check_padding(mask, ids)
        first = arange(ids.shape[-1], device=ids.device) < starts
        return padding_mask(ids, self.config.pad_id) | first
