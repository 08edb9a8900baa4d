"""The race over twice as many updates; and what convolutions in front are worth without places."""

import runpy
import time
from pathlib import Path
from types import SimpleNamespace

import torch

from course_lib.studies import write_record

# The settings are those of the first race: nothing was chosen for this one.
RACE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("16_images.py"))))
SEEDS, STEPS = (0, 1, 2), 2 * RACE.LONG


def learned(size, name, seed, steps, change=None, **how):
    """A trained model, and its losses."""
    model = RACE.made(size, name, seed)
    learn = change(RACE.LEARN) if change else RACE.LEARN
    rates = RACE.RATES.get(name, RACE.BOTH)
    return model, RACE.fit(model, learn, steps, rates, seed, **how)


def first_steps():
    """Losses of the first updates, where the rate still rises."""
    given = {"steps": STEPS, "bend": True, "stop": 3}
    return {name: learned("large", name, 0, **given)[1] for name in ("ViT", "CNN")}


def main():
    """Seed by seed: both for longer, and the ViT behind convolutions on permuted pixels."""
    torch.set_num_threads(1)
    begun, results = first_steps(), {"steps": STEPS, "right": {}, "cpu_seconds": {}}
    longer = {"size": "large", "steps": STEPS, "bend": True}
    shuffled = {"size": "small", "steps": RACE.SHORT, "change": RACE.all_pixels}
    runs = [("longer", "ViT", longer), ("longer", "CNN", longer), ("pixels", "stem", shuffled)]
    for seed in SEEDS:
        for kind, name, how in runs:
            start = time.process_time()
            model, _ = learned(name=name, seed=seed, **how)
            took = time.process_time() - start
            test = RACE.DEAL.test if kind == "longer" else RACE.all_pixels(RACE.DEAL.test)
            for key, value in (("right", RACE.right(model, test)), ("cpu_seconds", took)):
                results[key].setdefault(kind, {}).setdefault(name, []).append(value)
            print(kind, name, seed, results["right"][kind][name][-1], round(took), flush=True)
            write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
