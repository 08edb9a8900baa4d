"""A decoder-only model of a few numbers, put together from parts; several tests write with it."""

import torch
from torch import nn

from course_lib.nn import (
    Alibi,
    Encoder,
    EncoderBlock,
    FeedForward,
    LayerNorm,
    LearnedPositions,
    MultiHeadAttention,
    PreNorm,
    RelativeBias,
    Rotary,
    Sinusoidal,
    TokenEmbedding,
    causal_mask,
    rotate_interleaved,
)

VOCAB, MAX_LEN = 13, 64
AT_INPUT = {"learned": LearnedPositions, "sinusoidal": Sinusoidal}
IN_ATTENTION = {
    "none": lambda heads, d_head: None,
    "rotary": lambda heads, d_head: Rotary(d_head),
    "interleaved": lambda heads, d_head: Rotary(d_head, 50.0, rotate=rotate_interleaved),
    "alibi": lambda heads, d_head: Alibi(heads),
    "t5": lambda heads, d_head: RelativeBias(heads, 8, 16, bidirectional=False),
}
POSITIONS = (*AT_INPUT, *IN_ATTENTION)


class SmallDecoder(nn.Module):
    """A table, blocks that look back, a head; of ids it reads what its cache has not."""

    def __init__(
        self,
        position="learned",
        *,
        num_heads=2,
        num_kv_heads=None,
        d_head=4,
        num_layers=2,
        rule=causal_mask,
        dropout=0.0,
        vocab=VOCAB,
    ):
        super().__init__()
        d_model, self.rule = num_heads * d_head, rule
        self.embed = TokenEmbedding(vocab, d_model, scale=1.0)
        self.places = AT_INPUT[position](d_model, MAX_LEN) if position in AT_INPUT else None

        def block():
            inside = IN_ATTENTION.get(position, IN_ATTENTION["none"])(num_heads, d_head)
            look = MultiHeadAttention(d_model, num_heads, num_kv_heads, position=inside)
            think = FeedForward(d_model, 2 * d_model, dropout=dropout)
            return EncoderBlock(look, think, lambda: PreNorm(LayerNorm(d_model), dropout))

        self.stack = Encoder([block() for _ in range(num_layers)], LayerNorm(d_model))
        self.head = nn.Linear(d_model, vocab)

    def forward(self, ids, mask=None, *, places=None, cache=None):
        read = 0 if cache is None else cache.length
        x = self.embed(ids[:, read:])
        if self.places is not None and places is not None:
            x = self.places(x, places=places[..., read:])
        elif self.places is not None:
            x = self.places(x, read)
        mask = self.rule if mask is None else mask
        return self.head(self.stack(x, mask, places=places, cache=cache))


def small_ids(batch=3, seq=5, vocab=VOCAB):
    return torch.randint(0, vocab, (batch, seq))
