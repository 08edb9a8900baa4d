"""BERT, RoBERTa and ALBERT: an encoder that reads in both directions, by its configuration.

Heads stand in `bert_heads`, published sizes in `bert_sizes`. Checked against Hugging Face's in
tests.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.masks import Mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.places import table_rows


@dataclass(frozen=True)
class BertConfig:
    """The sizes of a BERT. `norm_eps` keeps the division in LayerNorm away from zero.

    RoBERTa has one segment, and its places begin at row 2 of the table (`first_row`). ALBERT has
    narrow tables (`d_embedding`, else d_model), one block for all layers (`num_blocks`, else
    num_layers) and an approximate `gelu`, "tanh".

    Raises `ValueError` when the layers can't be shared out evenly to the blocks.
    """

    vocab_size: int
    d_model: int
    num_heads: int
    num_layers: int
    d_ff: int
    max_len: int = 512
    num_segments: int = 2
    norm_eps: float = 1e-12
    dropout: float = 0.1
    first_row: int = 0
    d_embedding: int | None = None
    num_blocks: int | None = None
    gelu: str = "none"

    def __post_init__(self):
        num_layers, num_blocks = self.num_layers, self.num_blocks
        if num_blocks is not None and (num_blocks < 1 or num_layers % num_blocks):
            raise ValueError(f"{num_layers=} can't be shared out evenly to {num_blocks=}")


# all-MiniLM-L6-v2: Wang et al. 2020 (arXiv:2002.10957), fine-tuned to compare sentences
MINILM = BertConfig(vocab_size=30522, d_model=384, num_heads=12, num_layers=6, d_ff=1536)


class BertEmbedding(nn.Module):
    """What the token is, where it stands and which segment it belongs to, added and normed.

        x = norm(word[id] + position[place] + segment[which]),   then W x + b from narrow tables

    Source: Devlin et al. 2018, section 3 and figure 2 (arXiv:1810.04805); narrow tables: Lan et
    al. 2019, section 3.1 (arXiv:1909.11942).
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        d_model, first_row = config.d_model, config.first_row
        width = d_model if config.d_embedding is None else config.d_embedding
        self.first_row = first_row
        self.word = nn.Embedding(config.vocab_size, width)
        self.position = nn.Embedding(first_row + config.max_len, width)
        self.segment = nn.Embedding(config.num_segments, width)
        self.norm = LayerNorm(width, eps=config.norm_eps)
        self.dropout = nn.Dropout(config.dropout)
        self.widen = nn.Identity() if config.d_embedding is None else nn.Linear(width, d_model)

    def forward(
        self,
        ids: Int[Tensor, "batch seq"],
        segments: Int[Tensor, "batch seq"] | None = None,
        places: Int[Tensor, "batch seq"] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return one vector for each token.

        `segments` default to the first for all, `places` to 0, 1, 2 … in each sequence.

        Raises `ValueError` for more tokens than places, ids or segments that no table has, or
        shapes that don't fit.
        """
        if ids.ndim != 2:
            raise ValueError(f"ids must be (batch, seq), got {tuple(ids.shape)}")
        for name, given in (("segments", segments), ("places", places)):
            if given is not None and given.shape != ids.shape:
                wanted, got = tuple(ids.shape), tuple(given.shape)
                raise ValueError(f"{name} must be {wanted}, got {got}")
        table = self.position.weight[self.first_row :]
        seq, max_len = ids.shape[-1], len(table)
        if places is None and seq > max_len:
            raise ValueError(f"too many tokens: seq={seq} is more than {max_len=}")
        segments = torch.zeros_like(ids) if segments is None else segments
        where = table_rows(table, seq, places=places)
        words, kinds = _rows(self.word, ids, "ids"), _rows(self.segment, segments, "segments")
        return self.widen(self.dropout(self.norm(words + where + kinds)))


def _rows(table: nn.Embedding, ids: Tensor, name: str) -> Tensor:
    try:
        return table(ids)
    except IndexError:
        found, last = f"{ids.min()} to {ids.max()}", table.num_embeddings - 1
        raise ValueError(f"{name} must be 0 to {last}, got {found}") from None


class BertBlock(nn.Module):
    """Tokens talk, then each thinks alone; the norm comes after each sum (post-norm).

        x = norm(x + attention(x)),   x = norm(x + W_2 gelu(W_1 x))

    Source: Vaswani et al. 2017, section 3.1 (arXiv:1706.03762), with GELU as in Devlin et al.
    2018, appendix A.2 (arXiv:1810.04805).
    """

    def __init__(self, config: BertConfig, attention: Callable[..., nn.Module]):
        super().__init__()
        d_model, d_ff = config.d_model, config.d_ff
        self.attention = attention(d_model, config.num_heads, dropout=config.dropout)
        self.norm_attention = LayerNorm(d_model, eps=config.norm_eps)
        self.feed_forward = nn.Sequential(
            nn.Linear(d_model, d_ff), nn.GELU(config.gelu), nn.Linear(d_ff, d_model)
        )
        self.norm_feed_forward = LayerNorm(d_model, eps=config.norm_eps)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        mask: Mask | None = None,
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch seq d_model"] | tuple[Tensor, Float[Tensor, "batch heads seq seq"]]:
        """Return the new vectors, or the vectors and the attention weights."""
        mixed = self.attention(x, mask=mask, return_weights=return_weights)
        mixed, weights = mixed if return_weights else (mixed, None)
        x = self.norm_attention(x + self.dropout(mixed))
        x = self.norm_feed_forward(x + self.dropout(self.feed_forward(x)))
        return (x, weights) if return_weights else x


class Bert(nn.Module):
    """An embedding and a stack of blocks: ids in, one vector in context for each token out.

    A block that serves several layers stands once in `blocks`; `layers` has them in their order.

    `attention` builds each block's attention, called as `MultiHeadAttention` is; one of your
    own, or a `functools.partial` with an own `attend` or `merge`, takes its place.

    Source: Devlin et al. 2018, section 3 (arXiv:1810.04805); RoBERTa: Liu et al. 2019
    (arXiv:1907.11692); ALBERT: Lan et al. 2019, section 3.1 (arXiv:1909.11942).
    """

    def __init__(
        self, config: BertConfig, *, attention: Callable[..., nn.Module] = MultiHeadAttention
    ):
        super().__init__()
        self.config = config
        self.embedding = BertEmbedding(config)
        num_blocks = config.num_layers if config.num_blocks is None else config.num_blocks
        self.times = config.num_layers // num_blocks
        self.blocks = nn.ModuleList(BertBlock(config, attention) for _ in range(num_blocks))

    @property
    def layers(self) -> list[nn.Module]:
        """The blocks in the order in which they are called, each as often as it is."""
        return [block for block in self.blocks for _ in range(self.times)]

    def forward(
        self,
        ids: Int[Tensor, "batch seq"],
        mask: Mask | None = None,
        *,
        segments: Int[Tensor, "batch seq"] | None = None,
        places: Int[Tensor, "batch seq"] | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch seq d_model"] | tuple[Tensor, list[Tensor]]:
        """Return the last block's vectors, or these and each layer's weights.

        The weights are a list with one (batch, heads, query, key) for each layer.
        """
        x, layers = self.embedding(ids, segments, places), []
        for block in self.layers:
            x = block(x, mask, return_weights=return_weights)
            if return_weights:
                x, weights = x
                layers.append(weights)
        return (x, layers) if return_weights else x
