"""Rotary models trained on at four times the length, at four rates: the frequencies or the rate?"""

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

LONGER, FACTOR = positions.LONGER, positions.LONGER / positions.LENGTH
RATES = tuple(times * positions.RATE for times in (0.25, 0.5, 1, 2))
SLOWED = torch.tensor([1, 1, FACTOR, 1, 1, 1])  # the third pair alone
WAYS = {
    "as it was": rotary_frequencies(12),
    "interpolated": interpolated_frequencies(12, FACTOR),
    "NTK × 32": ntk_frequencies(12, FACTOR**2.5),  # the power that 06_parts chose
    "pair 3": rotary_frequencies(12) / SLOWED,
}


def tuned(model, way, seed, rate, steps=positions.TUNING):
    """Go on at the longer length with these frequencies; the losses on the way."""
    positions.use(model, WAYS[way])
    sizes = {"planned": positions.TUNING, "length": LONGER, "batch": 6, "rate": rate}
    return positions.train(model, steps, seed=100 + seed, **sizes)


def first_steps():
    """The losses of the first steps of each way, from a model that is hardly trained."""
    losses = {}
    for way in WAYS:
        model, _ = positions.trained("rotary", positions.SEEDS[0], steps=3)
        losses[way] = tuned(model, way, positions.SEEDS[0], RATES[0], steps=3)
    return losses


def run():
    """By rate and way: the losses on the development part and on the test, one for each seed."""
    results = {str(rate): {way: {"develop": [], "test": []} for way in WAYS} for rate in RATES}
    for seed in positions.SEEDS:
        model, _ = positions.trained("rotary", seed)
        state = {key: value.clone() for key, value in model.state_dict().items()}
        for rate in RATES:
            for way in WAYS:
                model.load_state_dict(state)
                tuned(model, way, seed, rate)
                found = results[str(rate)][way]
                found["develop"].append(positions.judge(model, LONGER, positions.DEVELOP))
                found["test"].append(positions.judge(model, LONGER))
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=positions.SEEDS, first_steps=first_steps(), results=run())
