"""Rotary models trained from the start with another base: how far does each read beyond it?

The base that reads four times the trained length best is chosen on the development part, with one
seed; that base and the smallest, of which every pair goes all the way round in training, are then
trained with all seeds and judged on the test. The usual base is in 06_positions.
"""

import importlib.util
from pathlib import Path

import torch
from torch import nn

from course_lib.nn.positions.frequencies import rotary_frequencies
from course_lib.nn.positions.rotary import Rotary
from course_lib.studies import write_record

SPEC = importlib.util.spec_from_file_location(
    "positions", Path(__file__).with_name("06_positions.py")
)
positions = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(positions)

BASES = (10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def trained(base, seed, steps=positions.STEPS):
    """A model whose rotary positions have this base, and the losses on the way."""
    torch.manual_seed(seed)
    frequencies = rotary_frequencies(12, base)
    model = positions.Guesser(nn.Identity(), Rotary(12, frequencies=frequencies))
    return model, positions.train(model, steps, seed=seed)


def first_steps():
    """The losses of the first steps with each base."""
    return {str(base): trained(base, positions.SEEDS[0], steps=3)[1] for base in BASES}


def run():
    """By base: the development loss at four times the length; of two, the test's at each length."""
    models = {base: trained(base, positions.SEEDS[0])[0] for base in BASES}
    develop = {
        base: positions.judge(model, positions.LONGER, positions.DEVELOP)
        for base, model in models.items()
    }
    chosen = min(develop, key=develop.get)
    losses = {}
    for base in (BASES[0], chosen):
        found = [models[base], *(trained(base, seed)[0] for seed in positions.SEEDS[1:])]
        losses[str(base)] = [[positions.judge(m, n) for n in positions.LENGTHS] for m in found]
    return {
        "lengths": positions.LENGTHS,
        "develop": {str(base): loss for base, loss in develop.items()},
        "chosen": str(chosen),
        "losses": losses,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=positions.SEEDS, first_steps=first_steps(), results=run())
