"""Attention roll-out against what it has to beat: ink, chance, and another digit's map."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F

from course_lib.models.vit import Vit, VitConfig, to_patches
from course_lib.nn import rollout
from course_lib.studies import write_record

# The model is the reader of the page, made once for each seed; the rates are the race's. All
# that is asked is asked of 300 digits to develop: the test stays closed.
RACE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("16_images.py"))))
SEEDS, STEPS, COUNTS = (0, 1, 2), 400, (0, 3, 6, 9, 12)
SOME = RACE.DEAL.dev.take(list(range(300)))
AMOUNT = to_patches(SOME.pixels, 4).mean(dim=-1)
INKED = (AMOUNT > 0.05).float()


def reader(seed, **how):
    """A trained model that answers by [CLS], and its losses."""
    torch.manual_seed(seed)
    model = Vit(VitConfig(28, 4, 48, 3, 2, 192, 10, channels=1))
    return model, RACE.fit(model, RACE.DEAL.train, STEPS, RACE.BOTH, seed, **how)


def chosen(worth, count):
    """For each image, its `count` patches of most worth."""
    return torch.zeros_like(worth).scatter(1, worth.topk(count, dim=-1).indices, 1.0)


def painted(patches):
    """The digits with these patches black."""
    mask = patches.view(-1, 1, 7, 7).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    return SOME._replace(pixels=SOME.pixels * (1 - mask))


@torch.no_grad()
def asked(model):
    """What each patch, hidden alone, takes from the logarithm of the answer's probability."""
    plain = RACE.scores(model, SOME.pixels).log_softmax(dim=-1)
    said = plain.argmax(dim=-1, keepdim=True)
    falls = []
    for place in range(49):
        one = F.one_hot(torch.full((300,), place), 49).float()
        hidden = RACE.scores(model, painted(one).pixels).log_softmax(dim=-1)
        falls.append((plain - hidden).gather(1, said))
    return torch.cat(falls, dim=1)


def ways(model, seed):
    """The worth of all patches, by each way to tell it."""
    with torch.no_grad():
        _, weights = model((SOME.pixels - RACE.MEAN) / RACE.SPREAD, return_weights=True)
    rolled = rollout(weights)[:, 0, 1:]
    chance = torch.rand(300, 49, generator=torch.Generator().manual_seed(seed))
    found = {"random": chance, "roll-out": rolled, "random, with ink": chance + INKED}
    found |= {"roll-out, with ink": rolled + INKED, "most ink": AMOUNT}
    found["another digit's roll-out"] = rolled.roll(7, dims=0)
    return found | {"mean roll-out": rolled.mean(dim=0).expand(300, -1), "asked": asked(model)}


def first_steps():
    """Losses of the first updates."""
    return {"reader": reader(0, stop=3)[1]}


def main():
    """Seed by seed: what is named rightly, and how much of the ink is hidden."""
    torch.set_num_threads(1)
    results = {"counts": COUNTS, "right": {}, "ink": {}}
    begun = first_steps()
    for seed in SEEDS:
        model, _ = reader(seed)
        for name, worth in ways(model, seed).items():
            masks = [chosen(worth, count) for count in COUNTS]
            rights = [RACE.right(model, painted(mask)) for mask in masks]
            hidden = [((AMOUNT * m).sum(1) / AMOUNT.sum(1)).mean().item() for m in masks]
            results["right"].setdefault(name, []).append(rights)
            results["ink"].setdefault(name, []).append(hidden)
            print(seed, name, *(f"{r:.3f}" for r in rights), *(f"{h:.2f}" for h in hidden))
    write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
