"""A block in which every token looks around and thinks at the same time."""

from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.blocks import Look
from course_lib.nn.cache import Cache
from course_lib.nn.masks import Mask


class ParallelBlock(nn.Module):
    """Attention and feed-forward network read the same vectors; both answers are added.

        x = around(x, attention + feed_forward)

    `EncoderBlock` runs one after the other. `residual()` makes what goes around both, so there is
    one norm where that has two.

    Source: Wang and Komatsuzaki 2021 (GPT-J); Chowdhery et al. 2022, section 2 (arXiv:2204.02311).
    """

    def __init__(
        self, attention: nn.Module, feed_forward: nn.Module, residual: Callable[[], nn.Module]
    ):
        super().__init__()
        self.attention, self.feed_forward = attention, feed_forward
        self.around = residual()

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        mask: Mask | None = None,
        *,
        places: Int[Tensor, "*_ keys"] | None = None,
        cache: Cache | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch seq d_model"] | tuple[Tensor, Float[Tensor, "batch heads seq _"]]:
        """Return the new vectors, or the vectors and the attention weights."""
        look = Look(self.attention, None, mask, return_weights, places=places, cache=cache)
        x = self.around(x, lambda h: look(h) + self.feed_forward(h))
        return (x, look.weights) if return_weights else x
