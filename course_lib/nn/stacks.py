"""Stacks: the same kind of block again and again, each reading what the one below wrote."""

from collections.abc import Callable, Iterable

from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.blocks import PostNorm
from course_lib.nn.cache import Cache
from course_lib.nn.masks import Mask


class Encoder(nn.Module):
    """Blocks on top of each other; every token may look at every token that `mask` allows.

        x = block_N(… block_1(x)),   then norm(x) if there is a norm

    Pre-norm blocks need the `norm` at the end, post-norm blocks don't.

    Source: Vaswani et al. 2017, section 3.1 (arXiv:1706.03762).
    """

    def __init__(self, blocks: Iterable[nn.Module], norm: nn.Module | None = None):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.Identity() if norm is None else norm

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        mask: Mask | None = None,
        *,
        places: Int[Tensor, "*_ keys"] | None = None,
        cache: Cache | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch seq d_model"] | tuple[Tensor, list[Tensor]]:
        """Return the last vectors, or these and each block's weights, a list.

        `places` and `cache` go to every block, when they are given. Raises `ValueError` for a
        cache when a block stands there twice.
        """
        weights, given = [], _given(self.blocks, places, cache)
        for block in self.blocks:
            x = block(x, mask, **given, return_weights=return_weights)
            if return_weights:
                x, looked = x
                weights.append(looked)
        return (self.norm(x), weights) if return_weights else self.norm(x)


class Decoder(nn.Module):
    """Blocks on top of each other that all look over at the same `memory`.

        x = block_N(… block_1(x, memory), memory),   then norm(x) if there is a norm

    Source: Vaswani et al. 2017, section 3.1 (arXiv:1706.03762).
    """

    def __init__(self, blocks: Iterable[nn.Module], norm: nn.Module | None = None):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.Identity() if norm is None else norm

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
    ) -> Float[Tensor, "batch query d_model"] | tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Return the last vectors, or these and each block's (self, cross) weights, a list.

        `places` and `cache` go to every block, when they are given. Raises `ValueError` for a
        cache when a block stands there twice.
        """
        weights, given = [], _given(self.blocks, places, cache)
        for block in self.blocks:
            x = block(x, memory, mask, memory_mask, **given, return_weights=return_weights)
            if return_weights:
                x, looked = x
                weights.append(looked)
        return (self.norm(x), weights) if return_weights else self.norm(x)


def last_norm_after(residual: Callable, last_norm: Callable | None) -> Callable:
    """Return what makes the norm at the end of a stack; after `PostNorm` blocks none is needed.

    Raises `ValueError` when it is not said which comes after blocks of another `residual`.
    """
    if last_norm is None and residual is not PostNorm:
        name = getattr(residual, "__name__", residual)
        raise ValueError(f"say which last_norm comes after blocks of {name}, or nn.Identity")
    return nn.Identity if last_norm is None else last_norm


def _given(blocks: nn.ModuleList, places: Tensor | None, cache: Cache | None) -> dict:
    """Without what is None: a block of one's own need not know of it."""
    if cache is not None and len(set(blocks)) < len(blocks):
        raise ValueError(
            f"{len(blocks)} blocks are {len(set(blocks))} modules: a cache can't tell the pasts of "
            "a block that stands there twice apart"
        )
    given = {"places": places, "cache": cache}
    return {name: part for name, part in given.items() if part is not None}
