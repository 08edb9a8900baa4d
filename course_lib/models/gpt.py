"""GPT and its descendants: one decoder-only model, and what the families do differently.

Checked against Hugging Face's GPT-2, LLaMA, Qwen, Mistral, Gemma and Mixtral in tests/pretrained.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.blocks import EncoderBlock, PreNorm
from course_lib.nn.cache import Cache
from course_lib.nn.embeddings import TiedHead, TokenEmbedding, check_tied
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.mask_forms import within_window
from course_lib.nn.masks import Mask, causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.shapes import unread
from course_lib.nn.stacks import Encoder

# GPT-2 bends by an approximation of GELU that was faster in its time
gelu_network = partial(FeedForward, activation=partial(F.gelu, approximate="tanh"))


@dataclass(frozen=True)
class GptConfig:
    """The sizes of a decoder-only model, and the parts it is made of; GPT-2's unless given.

    Each part is what makes one, called as the comment beside it says; of several attentions or
    feed-forward networks, a tuple, the layers take the next each. `num_kv_heads`, `d_head` and
    `embed_scale` go to `MultiHeadAttention` and `TokenEmbedding`; a token sees the last `window`
    tokens, itself among them, or all. `max_len` is how long the texts of the training were: only
    learned positions end there.

    Raises `ValueError` for a size below 1, or no attention or feed-forward network at all.
    """

    vocab_size: int
    d_model: int
    num_heads: int
    num_layers: int
    d_ff: int
    max_len: int
    num_kv_heads: int | None = None
    d_head: int | None = None
    window: int | None = None
    embed_scale: float = 1.0
    tied: bool = True
    dropout: float = 0.0
    norm: Callable = LayerNorm  # (d_model)
    feed_forward: Callable | tuple[Callable, ...] = gelu_network  # (d_model, d_ff)
    # (d_model, num_heads, num_kv_heads, d_head=, …)
    attention: Callable | tuple[Callable, ...] = MultiHeadAttention
    block: Callable = EncoderBlock  # (attention, feed_forward, what makes a residual)
    residual: Callable = PreNorm  # (a norm, dropout)
    input_position: Callable | None = LearnedPositions  # (d_model, max_len)
    attention_position: Callable | None = None  # (d_head)
    tied_head: Callable = TiedHead  # (the embedding)

    def __post_init__(self):
        for name in ("vocab_size", "d_model", "num_heads", "d_ff", "max_len", "d_head", "window"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise ValueError(f"{name} must be 1 or more, got {size}")
        for name in ("attention", "feed_forward"):
            made = getattr(self, name)
            if not callable(made) and not made:
                raise ValueError(f"layers need one {name} or several, got {name}={made!r}")


class Gpt(nn.Module):
    """Score the token after each token; every token sees itself and those before it.

        x = embed(ids) + position,   x = block_N(… block_1(x)),   logits = head(norm(x))

    Source: Radford et al. 2018 and 2019 (GPT-2), section 2.3.
    """

    def __init__(self, config: GptConfig):
        super().__init__()
        self.config = config
        d_model, make_position = config.d_model, config.input_position
        self.embed = TokenEmbedding(config.vocab_size, d_model, scale=config.embed_scale)
        self.positions = make_position(d_model, config.max_len) if make_position else None
        self.dropout = nn.Dropout(config.dropout)
        blocks = [_block(config, i) for i in range(config.num_layers)]
        self.stack = Encoder(blocks, config.norm(d_model))
        if config.tied:
            self.head = config.tied_head(self.embed)
        else:
            self.head = nn.Linear(d_model, config.vocab_size, bias=False)
        self._init_matrices()

    def forward(
        self,
        ids: Int[Tensor, "batch seq"],
        mask: Mask | None = None,
        *,
        places: Int[Tensor, "*_ seq"] | None = None,
        cache: Cache | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch new vocab"] | tuple[Tensor, list[Tensor]]:
        """Return the logits (batch, seq, vocab), or these and each block's attention weights.

        A `mask` replaces the causal one, given `places` replace 0, 1, 2 …; padding on the left
        needs both. With a `cache` only `ids[:, cache.length:]` are read and scored; mask and places
        are those of all ids. Raises `ValueError` for ids outside the vocabulary or without their
        batch, for masks that don't fit, when learned positions have no such place, for a cache that
        has read all ids, and when `embed` is no longer the one whose table the head reads.
        """
        if ids.ndim != 2:
            raise ValueError(f"ids must be (batch, seq), got {tuple(ids.shape)}")
        read = 0 if cache is None else cache.length
        x = self.embed(unread(ids, cache))
        if self.positions is not None:
            at = {"offset": read} if places is None else {"places": places[..., read:]}
            x = self.positions(x, **at)
        given = {"places": places, "cache": cache, "return_weights": return_weights}
        x = self.stack(self.dropout(x), self._mask(mask, x.shape[1]), **given)
        check_tied(self.head, self.embed)
        return (self.head(x[0]), x[1]) if return_weights else self.head(x)

    def _mask(self, mask: Mask | None, n_query: int) -> Mask:
        """What may be seen: a rule where nobody gave a tensor, so that each layer asks for it."""
        window = self.config.window
        if window is not None:
            return within_window(mask, window, n_query)
        return causal_mask if mask is None else mask

    def _init_matrices(self) -> None:
        """Draw matrices from N(0, 0.02^2), and what each block adds smaller, by 1 / sqrt(2 N).

        Source: Radford et al. 2019, section 2.3; the size: the authors' code.
        """
        for name, part in self.named_modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                adds = name.endswith(("to_out", "down"))
                shrink = 1 / math.sqrt(2 * self.config.num_layers) if adds else 1.0
                nn.init.normal_(part.weight, std=0.02 * shrink)
                if getattr(part, "bias", None) is not None:
                    nn.init.zeros_(part.bias)


def _block(config: GptConfig, i: int) -> nn.Module:
    d_head = config.d_head or config.d_model // config.num_heads
    position = config.attention_position(d_head) if config.attention_position else None
    given = {"d_head": config.d_head, "dropout": config.dropout, "position": position}
    sizes = config.d_model, config.num_heads, config.num_kv_heads
    attention = _of_layer(config.attention, i)(*sizes, **given)
    network = _of_layer(config.feed_forward, i)(config.d_model, config.d_ff)
    return config.block(attention, network, partial(_residual, config))


def _of_layer(made: Callable | tuple[Callable, ...], i: int) -> Callable:
    return made if callable(made) else made[i % len(made)]


def _residual(config: GptConfig) -> nn.Module:
    return config.residual(config.norm(config.d_model), config.dropout)
