"""The race again on 1,437 digits of 8 x 8 pixels."""

import runpy
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from course_lib.data.images import Images, small_digits
from course_lib.data.splits import split
from course_lib.models.vit import Vit, VitConfig, mean_of_patches
from course_lib.studies import write_record

# Whether images are bent was chosen on the 360 to develop; the test was looked at once.
RACE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("16_images.py"))))
SEEDS, STEPS, BEND = (0, 1, 2), 1500, True
DIGITS = small_digits()
DEAL = [DIGITS.take(part) for part in split(range(len(DIGITS.labels)), 360, 360)]
LEARN = Images(*(torch.cat(both) for both in zip(*DEAL[:2], strict=True)))


def cnn():
    """Three convolutions, two of which halve the image."""
    first = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    layers = first, RACE.convolved(16, 32), RACE.convolved(32, 74)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(74, 10))


def vit():
    """16 patches of 2 x 2 pixels."""
    return Vit(VitConfig(8, 2, 32, 4, 2, 128, 10, channels=1), pool=mean_of_patches)


MAKE = {"ViT": vit, "CNN": cnn}


def learned(name, images, seed, bend=BEND, **how):
    """A trained model, and its losses."""
    torch.manual_seed(seed)
    model = MAKE[name]()
    rates = RACE.RATES.get(name, RACE.BOTH)
    return model, RACE.fit(model, images, STEPS, rates, seed, bend=bend, **how)


def first_steps():
    """Losses of the first updates of both."""
    return {name: learned(name, LEARN, 0, stop=4)[1] for name in MAKE}


def main():
    """Both, with three seeds: what they say of the test."""
    torch.set_num_threads(1)
    begun, results = first_steps(), {"right": {}, "cpu_seconds": {}}
    results["parameters"] = {n: sum(p.numel() for p in MAKE[n]().parameters()) for n in MAKE}
    for name in MAKE:
        for seed in SEEDS:
            start = time.process_time()
            model, _ = learned(name, LEARN, seed)
            took = time.process_time() - start
            results["right"].setdefault(name, []).append(RACE.right(model, DEAL[2]))
            results["cpu_seconds"].setdefault(name, []).append(took)
            print(name, seed, results["right"][name][-1], round(took), flush=True)
    write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
