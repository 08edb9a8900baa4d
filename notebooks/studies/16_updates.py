"""Is the CNN's lead time? Few digits, and pixels in another order, over more updates."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import torch

from course_lib.studies import write_record

# The settings are those of the race of small models, and its test: nothing is chosen by it.
RACE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("16_images.py"))))
SEEDS, STEPS = (0, 1, 2), (1000, 2000)
RUNS = {"500 digits": (None, 500), "pixels in another order": (RACE.all_pixels, None)}


def learned(run, name, steps, seed, **how):
    """A small model trained with so many updates, and its losses."""
    change, count = RUNS[run]
    chosen = torch.randperm(4000, generator=torch.Generator().manual_seed(seed))[:count]
    images = change(RACE.LEARN) if change else RACE.LEARN
    model, rates = RACE.made("small", name, seed), RACE.RATES.get(name, RACE.BOTH)
    return model, RACE.fit(model, images.take(chosen), steps, rates, seed, **how)


def first_steps():
    """Losses of the first updates."""
    both = ("CNN", "ViT")
    return {
        f"{name}, {run}": learned(run, name, 1000, 0, stop=3)[1] for run in RUNS for name in both
    }


def main():
    """Run after run, with three seeds: what it says of the test."""
    torch.set_num_threads(1)
    begun, results = first_steps(), {"steps": STEPS, "right": {}}
    for run, (change, _) in RUNS.items():
        test = change(RACE.DEAL.test) if change else RACE.DEAL.test
        for name in ("CNN", "ViT"):
            for steps in STEPS:
                found = [RACE.right(learned(run, name, steps, seed)[0], test) for seed in SEEDS]
                results["right"].setdefault(run, {}).setdefault(name, []).append(found)
                print(run, name, steps, *found, flush=True)
                write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
