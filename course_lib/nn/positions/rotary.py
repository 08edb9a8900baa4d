"""Rotary positions: queries and keys turn by their place, so their product sees the distance."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.positions.frequencies import rotary_frequencies
from course_lib.nn.positions.places import aligned_places


def rotary_angles(
    places: Int[Tensor, "*batch seq"] | Float[Tensor, "*batch seq"],
    frequencies: Float[Tensor, " pairs"],
) -> Float[Tensor, "*batch seq pairs"]:
    """Multiply each place by each pair's angle per place.

    angle[p, i] = p frequency[i]
    """
    return places[..., None] * frequencies


def rotate_half(
    x: Float[Tensor, "*batch seq d_head"], angles: Float[Tensor, "*_ seq pairs"]
) -> Float[Tensor, "*batch seq d_head"]:
    """Turn each pair of columns (i, i + d_head / 2) by its angle, as GPT-NeoX does.

        (a, b) becomes (a cos - b sin, a sin + b cos)

    Hugging Face's Llama is of this kind; Meta's own weights are interleaved, and are permuted on
    the way there (see `half_order`).

    Raises `ValueError` when there isn't one angle for each pair of columns, or when the angles
    are neither (seq, pairs) nor have an axis for each of x's.

    Source: Su et al. 2021, eq. 34 (arXiv:2104.09864), with the columns in another order.
    """
    cos, sin = _cos_sin(x, angles)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


def rotate_interleaved(
    x: Float[Tensor, "*batch seq d_head"], angles: Float[Tensor, "*_ seq pairs"]
) -> Float[Tensor, "*batch seq d_head"]:
    """Turn each pair of columns (2i, 2i + 1) by its angle, as the paper and GPT-J do.

        (a, b) becomes (a cos - b sin, a sin + b cos)

    Raises `ValueError` when there isn't one angle for each pair of columns, or when the angles
    are neither (seq, pairs) nor have an axis for each of x's.

    Source: Su et al. 2021, eq. 34 (arXiv:2104.09864).
    """
    cos, sin = _cos_sin(x, angles)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


def half_order(d_head: int) -> Int[Tensor, "{d_head}"]:
    """List the columns in the order in which `rotate_half` turns what `rotate_interleaved` does.

        rotate_half(x[..., order], angles) = rotate_interleaved(x, angles)[..., order]

    Queries and keys in one order have the same products, so a checkpoint made for one pairing
    serves the other once the rows of `to_q` and `to_k` are put in this order, head by head.
    """
    return torch.cat((torch.arange(0, d_head, 2), torch.arange(1, d_head, 2)))


class Rotary(nn.Module):
    """Turn queries and keys by their places; a product then depends on the distance alone.

        (R_m q) . (R_n k) = q . (R_(n - m) k)

    `frequencies`, one for each pair of columns, replaces those that `base` gives: see
    `ntk_frequencies` and `interpolated_frequencies`. Values are not turned.

    Raises `ValueError` when `d_head` is odd, or when there isn't one frequency for each pair.

    Source: Su et al. 2021, section 3.2 (arXiv:2104.09864).
    """

    def __init__(
        self,
        d_head: int,
        base: float | int = 10_000.0,
        *,
        rotate: Callable = rotate_half,
        frequencies: Float[Tensor, " pairs"] | None = None,
    ):
        super().__init__()
        plain = rotary_frequencies(d_head, base)
        frequencies = plain if frequencies is None else frequencies
        if frequencies.shape != plain.shape:
            raise ValueError(f"{d_head=} needs {len(plain)} frequencies, got {len(frequencies)}")
        self.rotate = rotate
        self.frequencies = frequencies  # not a buffer: `module.half()` would round the angles

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        turned = getattr(self.rotate, "__name__", self.rotate)
        return f"d_head={2 * len(self.frequencies)}, {turned}"

    def forward(
        self,
        query: Float[Tensor, "batch heads query d_head"],
        key: Float[Tensor, "batch kv_heads key d_head"],
        places: Int[Tensor, "*_ key"] | None = None,
    ) -> tuple[
        Float[Tensor, "batch heads query d_head"], Float[Tensor, "batch kv_heads key d_head"], None
    ]:
        """Return the turned queries and keys, and None: no bias.

        Given `places`, (key,) or (batch, key), replace 0, 1, 2 …

        Raises `ValueError` when there are more queries than keys.
        """
        at_query, at_key = aligned_places(query, key, places)
        exact = torch.promote_types(query.dtype, torch.float32)
        frequencies = self.frequencies.to(device=key.device, dtype=exact)
        if at_key.ndim == 2:  # of each sequence, the same for all heads
            at_query, at_key = at_query[:, None], at_key[:, None]
        query = self.rotate(query, rotary_angles(at_query, frequencies))
        return query, self.rotate(key, rotary_angles(at_key, frequencies)), None


def _cos_sin(x: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    width, pairs = x.shape[-1], angles.shape[-1]
    if width != 2 * pairs:
        raise ValueError(f"columns turn in pairs: {pairs} angles don't fit a width of {width}")
    fits = all(
        n in (1, full) for n, full in zip(angles.shape[-2::-1], x.shape[-2::-1], strict=False)
    )
    if angles.ndim not in (2, x.ndim) or not fits:  # (batch, seq, pairs) would be read as heads
        raise ValueError(
            f"angles must be (seq, pairs) or have an axis for each of x's: got "
            f"{tuple(angles.shape)} for {tuple(x.shape)}"
        )
    return angles.cos().to(x.dtype), angles.sin().to(x.dtype)
