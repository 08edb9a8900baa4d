"""Learning rates as plain functions of the step, to be read, drawn and given to `LambdaLR`.

`step` counts the updates made before, so the first update has step 0: `LambdaLR` counts the same
way. All but `noam` return a share of the optimiser's own rate.
"""

import math


def noam(step: int, d_model: int, warmup: int = 4000) -> float:
    """Return the rate of the first Transformer: it rises in a line, then falls as 1 / sqrt(n).

        rate = d_model^-1/2  min(n^-1/2, n warmup^-3/2),   n = step + 1

    It is the rate itself: give the optimiser `lr=1.0`. It is highest at n = warmup.

    Raises `ValueError` for a negative step, and sizes below 1.

    Source: Vaswani et al. 2017, section 5.3, equation 3 (arXiv:1706.03762).
    """
    _check(step=step)
    if d_model < 1 or warmup < 1:
        raise ValueError(f"need at least 1 of each, got {d_model=}, {warmup=}")
    n = step + 1
    return d_model**-0.5 * min(n**-0.5, n * warmup**-1.5)


def cosine(step: int, total: int, warmup: int = 0, least: float = 0.0) -> float:
    """Return a share that rises in a line over `warmup` steps and falls as half a cosine.

        share = (step + 1) / (warmup + 1)                                  while step < warmup
        share = least + (1 - least) (1 + cos(pi t)) / 2,   t = (step - warmup) / (total - warmup)

    From step `total` on it stays at `least`.

    Raises `ValueError` unless 0 <= warmup < total and 0 <= least <= 1.

    Source: Loshchilov and Hutter 2017, equation 5 (arXiv:1608.03983).
    """
    _check(step=step, warmup=warmup)
    _check_end(total, warmup, least)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / (total - warmup))
    return least + (1 - least) * (1 + math.cos(math.pi * done)) / 2


def warmup_stable_decay(
    step: int, total: int, warmup: int = 0, decay: int = 0, least: float = 0.0
) -> float:
    """Return a share that rises in a line, stays at 1, and falls in a line over the last steps.

    The last `decay` of `total` steps fall towards `least`, which is reached at step `total`. The
    long middle can be stopped, or gone on with, at any step.

    Raises `ValueError` unless 0 <= warmup, 0 <= decay, warmup + decay <= total, 0 <= least <= 1.

    Source: Hu et al. 2024, section 4.1 (MiniCPM, arXiv:2404.06395).
    """
    _check(step=step, warmup=warmup, decay=decay)
    _check_end(total, 0, least)
    if warmup + decay > total:
        raise ValueError(f"need warmup + decay <= total, got {warmup=}, {decay=}, {total=}")
    if step < warmup:
        return (step + 1) / (warmup + 1)
    left = max(0, total - step)
    return 1.0 if left > decay else least + (1 - least) * (left / decay if decay else 0.0)


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"{name} must be at least 0, got {name}={count}")


def _check_end(total: int, warmup: int, least: float) -> None:
    if total <= warmup:
        raise ValueError(f"need more steps in all than of warm-up, got {total=}, {warmup=}")
    if not 0 <= least <= 1:
        raise ValueError(f"least is a share of the rate, from 0 to 1, got {least=}")
