"""Curves with the spread of their runs: over places, and of training over its rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from course_lib.plots.palette import CYCLE


def runs_over(
    places: Sequence[float],
    runs: Mapping[str, Any],
    *,
    styles: Mapping[str, dict[str, Any]],
    xlabel: str,
    ylabel: str,
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw named runs over the same places: the median as a line, from lowest to highest a band.

    `runs` holds (run, place) numbers by name, or (place,) for a single one, `styles` how each name
    is drawn. Raises `ValueError` if a name has numbers for another count of places.
    """
    ax = plt.subplots(figsize=(8, 3.4), layout="constrained")[1] if ax is None else ax
    for name, numbers in runs.items():
        numbers = np.atleast_2d(np.asarray(numbers))
        if numbers.shape[-1] != len(places):
            raise ValueError(f"{name}: {numbers.shape[-1]} numbers for {len(places)} places")
        (line,) = ax.plot(places, np.median(numbers, axis=0), label=name, **styles[name])
        low, high = numbers.min(axis=0), numbers.max(axis=0)
        ax.fill_between(places, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return ax


def named_curves(
    curves: Mapping[str, tuple[Any, Any]],
    xlabel: str,
    ylabel: str,
    title: str,
    *,
    log: Sequence[Any] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw each (xs, ys) by its name, in its own colour, mark and line; one point alone is a star.

    `ys` may be (run, place): each run is drawn. With `log`, the axes are logarithmic, marked at
    `log` = (xs,) or (xs, ys). Raises `ValueError` if xs and ys of a name differ in length.
    """
    ax = plt.subplots(figsize=(8, 3.4), layout="constrained")[1] if ax is None else ax
    looks = zip(CYCLE, "osD^vPX", ("-", "--", "-.", ":", "-", "--", "-."), strict=True)
    for (name, (xs, ys)), (colour, mark, line) in zip(curves.items(), looks, strict=False):
        ys = np.atleast_2d(np.asarray(ys))
        if ys.shape[-1] != len(xs):
            raise ValueError(f"{name}: {ys.shape[-1]} numbers for {len(xs)} places")
        if len(xs) == 1:
            mark, line = "*", ""
        ax.plot(xs, ys.T, color=colour, marker=mark, linestyle=line, markersize=5 if line else 13)
        ax.lines[-1].set_label(name)
    for name, axis, ticks in zip("xy", (ax.xaxis, ax.yaxis), log, strict=False):
        ax.set(**{f"{name}scale": "log"})
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_minor_locator(NullLocator())
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return ax


def training_waits(
    runs: Mapping[str, Any],
    rates: Sequence[float],
    *,
    most: int,
    styles: Mapping[str, dict[str, Any]],
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the steps that training took at each rate: medians as a line, a dot for each seed.

    `runs` holds (rate, seed) steps by name, `styles` how each name is drawn. What was not done
    after `most` steps lies on the dotted line. Raises `ValueError` if a name has another number
    of rates.
    """
    ax = plt.subplots(figsize=(5, 3.6), layout="constrained")[1] if ax is None else ax
    for name, steps in runs.items():
        steps = np.asarray(steps)
        if len(steps) != len(rates):
            raise ValueError(f"{name} has steps for {len(steps)} rates, there are {len(rates)}")
        ax.plot(rates, np.median(steps, axis=1), label=name, **styles[name])
        ax.plot(rates, steps, ".", color=styles[name]["color"])
    ax.axhline(most, color="black", linestyle=":", linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="steps until it is learned")
    ticks = [tick for tick in (10, 20, 50, 100, 200, 500, 1000, 2000) if tick < 0.7 * most]
    ax.set_yticks([*ticks, most], [*ticks, f"not in {most}"])
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_title(title)
    return ax
