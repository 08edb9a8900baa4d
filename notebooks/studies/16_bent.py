"""Few digits, bent anew each time: is the lead of the CNN back, or is it still time?"""

import runpy
from pathlib import Path
from types import SimpleNamespace

import torch

from course_lib.studies import write_record

# The settings are those of the race of small models, and its test: nothing is chosen by it.
RACE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("16_images.py"))))
SEEDS, COUNT, STEPS = (0, 1, 2), 500, (1000, 2000, 4000)


def learned(name, steps, seed, **how):
    """A small model trained on few digits, each turned and moved a little, and its losses."""
    chosen = torch.randperm(4000, generator=torch.Generator().manual_seed(seed))[:COUNT]
    model, rates = RACE.made("small", name, seed), RACE.RATES.get(name, RACE.BOTH)
    images = RACE.LEARN.take(chosen)
    return model, RACE.fit(model, images, steps, rates, seed, bend=True, **how)


def first_steps():
    """Losses of the first updates."""
    return {name: learned(name, STEPS[0], 0, stop=3)[1] for name in ("CNN", "ViT")}


def main():
    """Both, with three seeds: what they say of the test."""
    torch.set_num_threads(1)
    begun, results = first_steps(), {"steps": STEPS, "right": {}}
    for name in ("CNN", "ViT"):
        for steps in STEPS:
            found = [RACE.right(learned(name, steps, seed)[0], RACE.DEAL.test) for seed in SEEDS]
            results["right"].setdefault(name, []).append(found)
            print(name, steps, *found, flush=True)
    write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
