"""T5's learned bias: near distances one by one, far ones in ever wider buckets."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.positions.places import relative_places


def t5_bucket(
    relative: Int[Tensor, "*shape"],
    num_buckets: int = 32,
    max_distance: int = 128,
    bidirectional: bool = True,
) -> Int[Tensor, "*shape"]:
    """Sort distances into buckets: one each while near, then on a logarithmic scale.

        near:  bucket = distance,                                         distance < exact
        far:   bucket = exact + (half - exact) log(distance / exact) / log(max_distance / exact)

    `relative` is key place - query place. In both directions `half` of the buckets serve the
    past (and the query itself), the other half the future; in one direction all of them serve
    the past, and the future shares bucket 0. `exact` is half of `half`. From `max_distance` on,
    everything is in the last bucket. (In both directions bucket `half` stays empty.)

    Raises `ValueError` when the buckets can't be halved twice (once in one direction), or when
    `max_distance` leaves nothing for the far buckets.

    Source: Raffel et al. 2019, section 2.1 (arXiv:1910.10683); the scale: the authors' code.
    """
    half, exact = _halves(num_buckets, max_distance, bidirectional)
    distance = relative.abs() if bidirectional else (-relative).clamp(min=0)
    # In float32 as the authors' code: float64 moves some borders by one, as with 18 buckets.
    scale = (distance.clamp(min=exact).float() / exact).log() / math.log(max_distance / exact)
    far = exact + (scale * (half - exact)).long()
    bucket = torch.where(distance < exact, distance, far.clamp(max=half - 1))
    return bucket + half * (relative > 0) if bidirectional else bucket


class RelativeBias(nn.Module):
    """Learn one number for each head and bucket, and add it to the scores.

        bias[h, i, j] = buckets[t5_bucket(at_key[j] - at_query[i]), h]

    A decoder, which never looks ahead, is built with `bidirectional=False`. T5 gives all layers
    of a stack the same module, and does not divide its scores by sqrt(d_head).

    Raises `ValueError` as `t5_bucket` does.

    Source: Raffel et al. 2019, section 2.1 (arXiv:1910.10683).
    """

    def __init__(
        self,
        num_heads: int,
        num_buckets: int = 32,
        max_distance: int = 128,
        bidirectional: bool = True,
    ):
        super().__init__()
        _halves(num_buckets, max_distance, bidirectional)
        self.max_distance, self.bidirectional = max_distance, bidirectional
        self.buckets = nn.Embedding(num_buckets, num_heads)
        nn.init.normal_(self.buckets.weight, std=0.02)

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        num_buckets, num_heads = self.buckets.weight.shape
        limits = f"max_distance={self.max_distance}, bidirectional={self.bidirectional}"
        return f"{num_heads=}, {num_buckets=}, {limits}"

    def forward(
        self,
        query: Float[Tensor, "batch heads query d_head"],
        key: Float[Tensor, "batch kv_heads key d_head"],
        places: Int[Tensor, "*_ key"] | None = None,
    ) -> tuple[Tensor, Tensor, Float[Tensor, "*_ query key"]]:
        """Return queries and keys as they are, and the bias, (heads, query, key).

        Given `places`, (key,) or (batch, key), replace 0, 1, 2 …; those of each sequence make the
        bias (batch, heads, query, key).

        Raises `ValueError` when there are more queries than keys, or other heads.
        """
        num_buckets, num_heads = self.buckets.weight.shape
        relative = relative_places(query, key, num_heads, places)
        bucket = t5_bucket(relative, num_buckets, self.max_distance, self.bidirectional)
        return query, key, _heads_first(self.buckets(bucket)).to(query.dtype)


def _heads_first(bias: Tensor) -> Tensor:
    """(query, key, heads) -> (heads, query, key); (batch, 1, …) -> (batch, heads, …)."""
    return bias.movedim(-1, 0) if bias.ndim == 3 else bias.movedim(-1, 1).squeeze(2)


def _halves(num_buckets: int, max_distance: int, bidirectional: bool) -> tuple[int, int]:
    parts = 2 if bidirectional else 1
    half = num_buckets // parts
    exact = half // 2
    if num_buckets % parts or not 1 <= exact < max_distance:
        raise ValueError(
            f"need {2 * parts} buckets or more, a multiple of {parts}, and a max_distance above "
            f"{exact} (the distances with a bucket each): got {num_buckets=}, {max_distance=}"
        )
    return half, exact
