"""A cure by parts: a rotary model reads a longer text with some of its pairs slowed, not all.

Each way slows by the factor that a length needs; three of them also by the factor that suits them
best on the development part.
"""

import importlib.util
from pathlib import Path

import torch

from course_lib.nn.positions.frequencies import (
    interpolated_frequencies,
    ntk_frequencies,
    rotary_frequencies,
)
from course_lib.studies import write_record

SPEC = importlib.util.spec_from_file_location(
    "positions", Path(__file__).with_name("06_positions.py")
)
positions = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(positions)

LENGTHS = (96, 128, 256)
PAIRS = tuple(range(6))
POWERS = (0.5, 0.75, 1, 1.5, 2, 2.5, 3)  # of the factor that a length needs
TUNED = ("NTK", "interpolated", "pair 3")


def slowed(pairs):
    """Frequencies of which these pairs alone turn slower, by the factor that a length needs."""

    def frequencies(d_head, factor):
        found = rotary_frequencies(d_head)
        found[list(pairs)] /= factor
        return found

    return frequencies


WAYS = {
    "NTK": ntk_frequencies,
    "interpolated": interpolated_frequencies,
    **{f"pair {pair + 1}": slowed([pair]) for pair in PAIRS},
    "pairs 3 to 6": slowed(PAIRS[2:]),
}


def losses_of(model, way, powers=(1, 1, 1), part=positions.TEST):
    """The losses at each length, each with its power of the factor."""
    found = []
    for length, power in zip(LENGTHS, powers, strict=True):
        positions.use(model, WAYS[way](12, (length / positions.LENGTH) ** power))
        found.append(positions.judge(model, length, part))
    return found


def chosen_powers(models, way):
    """For each length the power with the lowest mean loss on the development part."""
    rows = [
        [losses_of(model, way, [power] * len(LENGTHS), positions.DEVELOP) for model in models]
        for power in POWERS
    ]
    best = torch.tensor(rows).mean(dim=1).argmin(dim=0)  # rows: (power, seed, length)
    return [POWERS[i] for i in best]


def first_steps():
    """The first losses of the rotary model, and its losses with one pair slowed then."""
    model, losses = positions.trained("rotary", positions.SEEDS[0], steps=5)
    return {"rotary": losses, "pair 3": losses_of(model, "pair 3")}


def run():
    """For each way: the losses at each length, for each seed; three with chosen factors, too."""
    models = [positions.trained("rotary", seed)[0] for seed in positions.SEEDS]
    losses = {way: [losses_of(model, way) for model in models] for way in WAYS}
    chosen = {way: chosen_powers(models, way) for way in TUNED}
    for way, powers in chosen.items():
        losses[f"{way}, chosen"] = [losses_of(model, way, powers) for model in models]
    return {"lengths": LENGTHS, "losses": losses, "powers": POWERS, "chosen": chosen}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=positions.SEEDS, first_steps=first_steps(), results=run())
