"""How fast each pair of columns turns: the plain way, and two ways to read longer texts."""

import torch
from jaxtyping import Float
from torch import Tensor


def rotary_frequencies(d_head: int, base: float | int = 10_000.0) -> Float[Tensor, "{d_head}//2"]:
    """Give each pair of columns its angle per place, in radians: the first turns fastest.

        frequency[i] = base^(-2i / d_head)

    The tensor is float64 on the CPU: how far to round and where to go is decided where it is
    used.

    Raises `ValueError` when `d_head` is odd or `base` is not positive.

    Source: Su et al. 2021, section 3.2.2 (arXiv:2104.09864).
    """
    if d_head < 2 or d_head % 2:
        raise ValueError(f"columns turn in pairs: need an even {d_head=}")
    if base <= 0:
        raise ValueError(f"base must be positive, got {base=}")
    # on the CPU: has numbers while a model is built on meta
    even = torch.arange(0, d_head, 2, dtype=torch.float64, device="cpu")
    return base ** (-even / d_head)


def interpolated_frequencies(
    d_head: int, factor: float | int, base: float | int = 10_000.0
) -> Float[Tensor, "{d_head}//2"]:
    """Turn every pair `factor` times slower, so that longer texts use the angles of shorter ones.

        frequency[i] = base^(-2i / d_head) / factor

    It is the same as dividing the places by `factor`.

    Raises `ValueError` as `rotary_frequencies` does, and when `factor` is not positive.

    Source: Chen et al. 2023, section 2.3 (arXiv:2306.15595).
    """
    _check_factor(factor)
    return rotary_frequencies(d_head, base) / factor


def ntk_frequencies(
    d_head: int, factor: float | int, base: float | int = 10_000.0
) -> Float[Tensor, "{d_head}//2"]:
    """Slow the last pair `factor` times and leave the first alone, by raising the base.

        frequency[i] = (base factor^(d_head / (d_head - 2)))^(-2i / d_head)

    Fast pairs tell neighbours apart and keep their speed; only slow pairs meet angles in a
    longer text that training never showed. "NTK-aware" names the theory it was argued from.

    Raises `ValueError` as `rotary_frequencies` does, when `factor` is not positive, and when
    there is only one pair, which can't be both the first and the last.

    Source: Peng et al. 2023, section 3.1 (arXiv:2309.00071).
    """
    _check_factor(factor)
    if d_head == 2:
        raise ValueError(f"NTK-aware scaling needs two pairs or more, got {d_head=}")
    return rotary_frequencies(d_head, base * factor ** (d_head / (d_head - 2)))


def _check_factor(factor: float | int) -> None:
    if factor <= 0:
        raise ValueError(f"factor must be positive, got {factor=}")
