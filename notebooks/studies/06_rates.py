"""The six models of 06_positions, trained again at twice the rate: is it the method or the rate?"""

import importlib.util
from pathlib import Path

import torch

from course_lib.studies import write_record

SPEC = importlib.util.spec_from_file_location(
    "positions", Path(__file__).with_name("06_positions.py")
)
positions = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(positions)

RATE = 2 * positions.RATE


def trained(method, seed, steps=positions.STEPS):
    """A model with this method after `steps` steps at the higher rate, and the losses."""
    torch.manual_seed(seed)
    model = positions.Guesser(*positions.METHODS[method]())
    return model, positions.train(model, steps, seed=seed, rate=RATE)


def first_steps():
    """The losses of the first steps of each method, for a test to repeat."""
    return {method: trained(method, positions.SEEDS[0], steps=3)[1] for method in positions.METHODS}


def run():
    """The loss on new text of the trained length, one for each seed."""
    losses = {}
    for method in positions.METHODS:
        for seed in positions.SEEDS:
            model, _ = trained(method, seed)
            losses.setdefault(method, []).append(positions.judge(model, positions.LENGTH))
    return {"rate": RATE, "losses": losses}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=positions.SEEDS, first_steps=first_steps(), results=run())
