"""Places written as waves of many lengths, added to the input. Nothing is learned."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.positions.places import add_rows


def sinusoidal_positions(
    max_len: int,
    d_model: int,
    base: float | int = 10_000.0,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "{max_len} {d_model}"]:
    """Write each place as sines and cosines, each pair of columns slower than the last.

        table[p, 2i] = sin(p / base^(2i / d_model)),   table[p, 2i + 1] = cos(the same)

    Sines stand in the even columns and cosines in the odd ones; see `sinusoidal_halves` for the
    other order. Computed in float64 and rounded once, to `dtype` (PyTorch's default).

    Raises `ValueError` when `d_model` is odd: each sine needs its cosine.

    Source: Vaswani et al. 2017, section 3.5 (arXiv:1706.03762).
    """
    if d_model < 2 or d_model % 2:
        raise ValueError(f"a sine and a cosine share each wave: need an even {d_model=}")
    place = torch.arange(max_len, dtype=torch.float64, device=device)[:, None]
    even = torch.arange(0, d_model, 2, dtype=torch.float64, device=device)
    angles = place / base ** (even / d_model)  # (max_len, d_model / 2)
    table = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)
    return table.to(torch.get_default_dtype() if dtype is None else dtype)


def sinusoidal_halves(
    max_len: int,
    d_model: int,
    base: float | int = 10_000.0,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "{max_len} {d_model}"]:
    """Write places as `sinusoidal_positions` does, all sines in front of all cosines.

        table[p, i] = sin(p / base^(2i / d_model)),   table[p, d_model / 2 + i] = cos(the same)

    It is the order of Marian's checkpoints.

    Raises `ValueError` when `d_model` is odd.

    Source: Junczys-Dowmunt et al. 2018 (arXiv:1804.00344), the authors' code.
    """
    table = sinusoidal_positions(max_len, d_model, base, dtype=dtype, device=device)
    return torch.cat((table[:, 0::2], table[:, 1::2]), dim=-1)


class Sinusoidal(nn.Module):
    """Add a row of `sinusoidal_positions` to each token.

        output[p] = x[p] + table[offset + p]

    The table moves with the module and is not saved: it is made again, also where memory was
    only set aside (`to_empty`). `make` gives it another order: `sinusoidal_halves`.

    Raises `ValueError` when `d_model` is odd.

    Source: Vaswani et al. 2017, section 3.5 (arXiv:1706.03762).
    """

    def __init__(
        self,
        d_model: int,
        max_len: int = 5000,
        base: float | int = 10_000.0,
        *,
        make: Callable[..., Tensor] = sinusoidal_positions,
    ):
        super().__init__()
        self.made = partial(make, max_len, d_model, base)
        self.register_buffer("table", self.made(), persistent=False)

    def _apply(self, fn: Callable, recurse: bool = True) -> "Sinusoidal":
        super()._apply(fn, recurse)
        if not self.table.is_meta:
            self.table.copy_(self.made(dtype=self.table.dtype, device="cpu"))
        return self

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        max_len, d_model = self.table.shape
        return f"{d_model=}, {max_len=}"

    def forward(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        offset: int = 0,
        *,
        places: Int[Tensor, "*_ seq"] | None = None,
    ) -> Float[Tensor, "*batch seq d_model"]:
        """Return x with its places, the first of which is `offset`, or with the given `places`.

        Raises `ValueError` past the end of the table, or for places that don't fit.
        """
        if self.table.is_meta and not x.is_meta:  # built there, and no weights were to be moved
            self.table = self.made(dtype=x.dtype, device="cpu").to(x.device)
        return add_rows(x, self.table, offset, places)
