"""What the CNN's lead is not: without neighbours, without batch norm, with more updates."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from course_lib.studies import write_record

# The settings are those of the race of small models: nothing was chosen for this one.
RACE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("16_images.py"))))
SEEDS = (0, 1, 2)


def mlp():
    """One hidden layer over all pixels: to it every order of them is the same."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 33), nn.ReLU(), nn.Linear(33, 10))


def bare():
    """The small CNN without its batch norms."""

    def convolved(i, o, size=3):
        return nn.Sequential(nn.Conv2d(i, o, size, 2, size // 2), nn.ReLU())

    layers = convolved(1, 16, 5), convolved(16, 32), convolved(32, 72)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(72, 10))


def stripes(images):
    """What `reshape(16, 49)` calls patches, laid out as if they were."""
    pixels = images.pixels.reshape(-1, 4, 4, 7, 7).transpose(2, 3)
    return images._replace(pixels=pixels.reshape(images.pixels.shape))


MAKE = RACE.MAKE["small"] | {"MLP": mlp, "CNN without batch norm": bare}
RUNS = {
    "MLP, pixels in another order": ("MLP", RACE.all_pixels, None),
    "CNN without batch norm, pixels in another order": (
        "CNN without batch norm",
        RACE.all_pixels,
        None,
    ),
    "CNN without batch norm, as they are": ("CNN without batch norm", None, None),
    "ViT, stripes": ("ViT", stripes, None),
    "CNN, 500 digits": ("CNN", None, 500),
    "ViT, 500 digits": ("ViT", None, 500),
}


def learned(run, seed, **how):
    """A model trained with 500 updates, and its losses."""
    name, change, count = RUNS[run]
    torch.manual_seed(seed)
    model, images = MAKE[name](), change(RACE.LEARN) if change else RACE.LEARN
    chosen = torch.randperm(4000, generator=torch.Generator().manual_seed(seed))[:count]
    rates = RACE.BOTH if name == "ViT" else RACE.RATES["CNN"]
    return model, RACE.fit(model, images.take(chosen), RACE.SHORT, rates, seed, **how)


def first_steps():
    """Losses of the first updates."""
    return {run: learned(run, 0, stop=3)[1] for run in RUNS}


def main():
    """Run after run, with three seeds: what it says of the test."""
    torch.set_num_threads(1)
    begun, results = first_steps(), {"right": {}}
    for run, (_, change, _) in RUNS.items():
        test = change(RACE.DEAL.test) if change else RACE.DEAL.test
        results["right"][run] = [RACE.right(learned(run, seed)[0], test) for seed in SEEDS]
        print(run, *results["right"][run], flush=True)
    write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
