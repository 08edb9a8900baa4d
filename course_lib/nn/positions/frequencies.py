"""How fast each pair of columns turns: the plain way, and four ways to read longer texts."""

import math

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


def llama3_frequencies(
    d_head: int,
    factor: float | int,
    base: float | int = 10_000.0,
    *,
    trained_len: int,
    slow: float | int = 1.0,
    fast: float | int = 4.0,
) -> Float[Tensor, "{d_head}//2"]:
    """Slow those pairs `factor` times that turn less than `slow` times in a text of the training.

        turns[i] = trained_len frequency[i] / 2 pi,   share = (turns - slow) / (fast - slow)
        frequency[i] (share + (1 - share) / factor),   share between 0 and 1

    Pairs that turn more than `fast` times keep their speed; between them there is a slope.

    Raises `ValueError` as `interpolated_frequencies` does, and when `slow` is not below `fast` or
    `trained_len` not positive.

    Source: Grattafiori et al. 2024, section 3.2 (arXiv:2407.21783); the slope: Meta's code.
    """
    _check_slope(factor, trained_len, slow, fast)
    plain = rotary_frequencies(d_head, base)
    share = ((trained_len * plain / (2 * math.pi) - slow) / (fast - slow)).clamp(0, 1)
    return plain * (share + (1 - share) / factor)


def yarn_frequencies(
    d_head: int,
    factor: float | int,
    base: float | int = 10_000.0,
    *,
    trained_len: int,
    slow: float | int = 1.0,
    fast: float | int = 32.0,
) -> Float[Tensor, "{d_head}//2"]:
    """Do as `llama3_frequencies`, with the slope even over the pairs, not over their turns.

        share = (last - i) / (last - first), between 0 and 1

    `first` and `last` are the pairs that turn `fast` and `slow` times, rounded outwards. YaRN also
    has scores of (0.1 ln(factor) + 1)^2 times the size: `scale` of `MultiHeadAttention`.

    Raises `ValueError` as `llama3_frequencies` does, and when `base` is not above 1.

    Source: Peng et al. 2023, section 3.2 and definition 3 (arXiv:2309.00071); rounding: their code.
    """
    _check_slope(factor, trained_len, slow, fast)
    plain = rotary_frequencies(d_head, base)
    if base <= 1:
        raise ValueError(f"later pairs must turn slower: base must be above 1, got {base=}")

    def pair_that_turns(times: float | int) -> float:
        return d_head * math.log(trained_len / (times * 2 * math.pi)) / (2 * math.log(base))

    first = max(math.floor(pair_that_turns(fast)), 0)
    last = min(math.ceil(pair_that_turns(slow)), d_head - 1)
    pairs = torch.arange(len(plain), dtype=torch.float64, device="cpu")
    share = 1 - ((pairs - first) / (last - first or 1e-3)).clamp(0, 1)
    return plain * (share + (1 - share) / factor)


def _check_slope(factor, trained_len, slow, fast) -> None:
    _check_factor(factor)
    if trained_len < 1 or not 0 < slow < fast:
        raise ValueError(
            f"need trained_len > 0 and 0 < slow < fast, got {trained_len=}, {slow=}, {fast=}"
        )


def _check_factor(factor: float | int) -> None:
    if factor <= 0:
        raise ValueError(f"factor must be positive, got {factor=}")
