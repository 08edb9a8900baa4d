"""A cure by parts: a rotary model reads a longer text with some of its pairs slowed, not all."""

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


def losses_of(model, way):
    """The losses at each length, on the test."""
    found = []
    for length in LENGTHS:
        positions.use(model, WAYS[way](12, length / positions.LENGTH))
        found.append(positions.judge(model, length))
    return found


def first_steps():
    """The first losses of the rotary model, and its losses with one pair slowed then."""
    model, losses = positions.trained("rotary", positions.SEEDS[0], steps=5)
    return {"rotary": losses, "pair 3": losses_of(model, "pair 3")}


def run():
    """For each way: the losses at each length, for each seed."""
    results = {"lengths": LENGTHS, "losses": {}}
    for seed in positions.SEEDS:
        model, _ = positions.trained("rotary", seed)
        for way in WAYS:
            results["losses"].setdefault(way, []).append(losses_of(model, way))
            print(way, seed, results["losses"][way][-1], flush=True)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=positions.SEEDS, first_steps=first_steps(), results=run())
