"""Blocks: attention, then a feed-forward network, each added to what it read.

The parts are passed in, so a chapter swaps one and leaves the rest. Checked against PyTorch's
encoder and decoder layers in tests/nn.
"""

from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.cache import Cache
from course_lib.nn.masks import Mask


class PostNorm(nn.Module):
    """Add what a sublayer says, then norm the sum: the text of the 2017 paper.

        output = norm(x + dropout(sublayer(x)))

    Source: Vaswani et al. 2017, section 3.1 (arXiv:1706.03762).
    """

    def __init__(self, norm: nn.Module, dropout: float = 0.0):
        super().__init__()
        self.norm = norm
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"], sublayer: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the sum, normed."""
        return self.norm(x + self.dropout(sublayer(x)))


class PreNorm(nn.Module):
    """Norm what a sublayer reads, and add what it says to x itself: a clear road for gradients.

        output = x + dropout(sublayer(norm(x)))

    Nothing norms the last sum: a stack of these needs one norm at its end.

    Source: Xiong et al. 2020, section 3.1 (arXiv:2002.04745).
    """

    def __init__(self, norm: nn.Module, dropout: float = 0.0):
        super().__init__()
        self.norm = norm
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"], sublayer: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the sum, not normed."""
        return x + self.dropout(sublayer(self.norm(x)))


class EncoderBlock(nn.Module):
    """Tokens talk, then each thinks alone.

        x = around(x, attention),   x = around(x, feed_forward)

    `residual()` makes what goes around a sublayer, called as around(x, sublayer): a `PostNorm`, a
    `PreNorm`, or any callable of your own. Each sublayer gets its own.

    Source: Vaswani et al. 2017, section 3.1 and figure 1 (arXiv:1706.03762).
    """

    def __init__(
        self, attention: nn.Module, feed_forward: nn.Module, residual: Callable[[], nn.Module]
    ):
        super().__init__()
        self.attention, self.feed_forward = attention, feed_forward
        self.around_attention, self.around_feed_forward = residual(), residual()

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        mask: Mask | None = None,
        *,
        places: Int[Tensor, "*_ keys"] | None = None,
        cache: Cache | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch seq d_model"] | tuple[Tensor, Float[Tensor, "batch heads seq _"]]:
        """Return the new vectors, or the vectors and the attention weights.

        `places` and `cache` go to the attention: see `MultiHeadAttention`.
        """
        look = Look(self.attention, None, mask, return_weights, places=places, cache=cache)
        x = self.around_attention(x, look)
        x = self.around_feed_forward(x, self.feed_forward)
        return (x, look.weights) if return_weights else x


class DecoderBlock(nn.Module):
    """Tokens look back at what is written, then over at what was read, then each thinks alone.

        x = around(x, self_attention)
        x = around(x, cross_attention to memory)
        x = around(x, feed_forward)

    `memory` is what the encoder returns: it gives the keys and values of the cross-attention.
    Places in the memory are not places in x, so the cross-attention has no `position`.

    Raises `ValueError` when it has one.

    Source: Vaswani et al. 2017, section 3.1 and figure 1 (arXiv:1706.03762).
    """

    def __init__(
        self,
        self_attention: nn.Module,
        cross_attention: nn.Module,
        feed_forward: nn.Module,
        residual: Callable[[], nn.Module],
    ):
        super().__init__()
        if getattr(cross_attention, "position", None) is not None:
            raise ValueError(
                f"cross-attention can't have a position, got {cross_attention.position}: "
                "x and memory are two sequences, and their places tell no distance"
            )
        self.self_attention, self.cross_attention = self_attention, cross_attention
        self.feed_forward = feed_forward
        self.around_self, self.around_cross = residual(), residual()
        self.around_feed_forward = residual()

    def forward(
        self,
        x: Float[Tensor, "batch query d_model"],
        memory: Float[Tensor, "batch key d_model"],
        mask: Mask | None = None,
        memory_mask: Mask | None = None,
        *,
        places: Int[Tensor, "*_ keys"] | None = None,
        cache: Cache | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch query d_model"] | tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the new vectors, or these and the weights of self- and cross-attention.

        `mask` is for looking back, (…, query, query); `memory_mask` for looking over, (…, 1 or
        query, key). `places` and `cache` are for looking back; a cache that has `once` keeps the
        memory's keys and values too. The weights are (batch, heads, query, query) and (batch,
        heads, query, key).
        """
        given = {"places": places, "cache": cache}
        back = Look(self.self_attention, None, mask, return_weights, **given)
        kept = _projected(self.cross_attention, memory, cache)
        over = Look(self.cross_attention, memory, memory_mask, return_weights, projected=kept)
        x = self.around_self(x, back)
        x = self.around_cross(x, over)
        x = self.around_feed_forward(x, self.feed_forward)
        return (x, (back.weights, over.weights)) if return_weights else x


def _projected(attention: nn.Module, memory: Tensor, cache: Cache | None) -> tuple | None:
    """Keys and values of the memory, projected once, where cache and attention can do that."""
    if not (hasattr(cache, "once") and hasattr(attention, "project")):
        return None
    key, value = cache.once(attention, lambda: attention.project(memory, memory))
    had, got = (len(key), key.shape[2]), tuple(memory.shape[:2])
    if had != got:
        raise ValueError(f"the cache knows a memory of (batch, key) = {had}, got {got}")
    return key, value


class Look:
    """One call of an attention as a function of x alone; it keeps the weights if asked."""

    def __init__(self, attention, memory: Tensor | None, mask, return_weights: bool, **given):
        self.attention, self.memory, self.mask = attention, memory, mask
        self.return_weights, self.weights = return_weights, None
        # an attention of one's own need not know what nobody gives it
        self.given = {name: part for name, part in given.items() if part is not None}

    def __call__(self, x: Tensor) -> Tensor:
        given = {"mask": self.mask, **self.given}
        if not self.return_weights:
            return self.attention(x, self.memory, **given)
        output, self.weights = self.attention(x, self.memory, **given, return_weights=True)
        return output
