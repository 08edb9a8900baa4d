"""The sizes of encoder–decoders: what a configuration holds, and the paper's two."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The sizes of an encoder–decoder; `num_layers` blocks on each side, or (encoder, decoder).

    `tied` stores one table for the source, the target and the head, as the paper does.

    Raises `ValueError` when tables of different vocabularies are to be tied.
    """

    source_vocab: int
    target_vocab: int
    d_model: int
    num_heads: int
    num_layers: int | tuple[int, int]
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

    @property
    def depths(self) -> tuple[int, int]:
        """How many blocks the encoder has, and how many the decoder."""
        both = self.num_layers
        return (both, both) if isinstance(both, int) else both


# Vaswani et al. 2017, table 3; section 5.1 speaks of "about 37000 tokens" for both languages
BASE = Seq2SeqConfig(37_000, 37_000, 512, 8, 6, 2048, tied=True)
BIG = Seq2SeqConfig(37_000, 37_000, 1024, 16, 6, 4096, dropout=0.3, tied=True)
