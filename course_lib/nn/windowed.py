"""Attention that sees no further back than a window, whatever its neighbours in the stack see."""

from torch import Tensor

from course_lib.nn.mask_forms import within_window
from course_lib.nn.masks import Mask
from course_lib.nn.multi_head import MultiHeadAttention


class WindowedAttention(MultiHeadAttention):
    """Do as `MultiHeadAttention`, with a mask that is narrowed to the last `window` keys.

    So layers with a window and layers without take turns under one mask. Without a mask it is
    causal: a query sees itself and the `window` - 1 keys before it.

    Raises `ValueError` as that does, and when `window` is below 1.

    Source: Beltagy et al. 2020, section 3.1 (arXiv:2004.05150); by turns: Gemma team 2024,
    section 2 (arXiv:2408.00118).
    """

    def __init__(
        self, d_model: int, num_heads: int, num_kv_heads: int | None = None, *, window: int, **given
    ):
        super().__init__(d_model, num_heads, num_kv_heads, **given)
        within_window(None, window, 1)
        self.window = window

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Mask | None = None,
        **given,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Let `query` look at the keys of its window; the rest is `MultiHeadAttention.forward`."""
        narrow = within_window(mask, self.window, query.shape[1])
        return super().forward(query, key, value, narrow, **given)

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        return f"{super().extra_repr()}, window={self.window}"
