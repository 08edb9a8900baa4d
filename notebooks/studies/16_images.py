"""Patches or convolutions on 4,000 digits: who wins, and what it lives on."""

import math
import time
from functools import partial
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data.images import Images, mnist_split
from course_lib.models.vit import Vit, VitConfig, first_token, mean_of_patches
from course_lib.studies import write_record
from course_lib.training import Muon, train

# Rates and sizes were chosen with 3,000 digits to learn from and 1,000 to develop, seed 0; then
# all 4,000 were learned from, and the test was looked at once, by this script.
SEEDS = (0, 1, 2)
LONG, SHORT, BATCH = 800, 500, 64
RATES = {"CNN": (None, 0.01)}  # of Muon and of AdamW; all others:
BOTH = (0.02, 0.01)
FEWER = {500: 250, 1500: 400}  # so many digits, and updates
DEAL = mnist_split(dev=1000, test=1000)
LEARN = Images(*(torch.cat(both) for both in zip(DEAL.train, DEAL.dev, strict=True)))
MEAN, SPREAD = 0.13, 0.31  # of all pixels


def vit(width, layers, pool=mean_of_patches):
    """16 patches of 7 x 7 pixels, blocks, the mean over patches, a linear layer."""
    return Vit(VitConfig(28, 7, width, 4, layers, 4 * width, 10, channels=1), pool=pool)


def convolved(i, o, size=3):
    """A convolution that halves the image, its batch norm and its ReLU."""
    return nn.Sequential(
        nn.Conv2d(i, o, size, 2, size // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU()
    )


def cnn(a, b, c):
    """Three convolutions, the mean over places, a linear layer."""
    layers = convolved(1, a, 5), convolved(a, b), convolved(b, c)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))


class Stemmed(nn.Module):
    """The ViT's blocks behind three convolutions, which make 16 tokens as patches do."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(convolved(1, 8, 5), convolved(8, 16), convolved(16, 32))
        self.vit = Vit(VitConfig(4, 1, 32, 4, 2, 96, 10, channels=32), pool=mean_of_patches)

    def forward(self, images):
        """Scores of the classes."""
        return self.vit(self.stem(images))


# The race is run by models of 153,000 parameters, what each lives on is asked with 27,000.
MAKE = {
    "large": {"ViT": partial(vit, 64, 3), "CNN": partial(cnn, 40, 80, 168)},
    "small": {
        "ViT": partial(vit, 32, 2),
        "CNN": partial(cnn, 16, 32, 72),
        "stem": Stemmed,
        "[CLS]": partial(vit, 32, 2, pool=first_token),
    },
}


class Both(torch.optim.Optimizer):
    """Muon for the matrices of the blocks, AdamW for the rest, as one optimiser."""

    def __init__(self, model, muon_rate, adam_rate):
        named = [("blocks" in n and p.ndim == 2, p) for n, p in model.named_parameters()]
        inner, outer = ([p for is_inner, p in named if is_inner == wanted] for wanted in (1, 0))
        decay = {"weight_decay": 0.1} if muon_rate else {"weight_decay": 0.01}
        self.parts = [torch.optim.AdamW(outer, adam_rate, (0.9, 0.95), **decay)]
        if muon_rate:
            self.parts.append(Muon(inner, muon_rate, **decay))
        super().__init__([*inner, *outer], {})
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self):
        """Let both take their step."""
        for part in self.parts:
            part.step()


def bent(x, generator):
    """Each image turned, scaled, slanted and moved a little, by chance."""

    def upto(most):
        return (2 * torch.rand(len(x), generator=generator) - 1) * most

    angle, scale, slant = upto(math.radians(12)), 1 + upto(0.1), upto(0.1)
    rows = [scale * angle.cos(), slant - scale * angle.sin(), upto(4 / 28)]
    rows += [scale * angle.sin(), scale * angle.cos(), upto(4 / 28)]
    grid = F.affine_grid(torch.stack(rows, -1).view(-1, 2, 3), x.shape, align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def scores(model, pixels):
    """What the model says of images from 0 to 1."""
    return model((pixels - MEAN) / SPREAD)


def fit(model, images, steps, rates, seed, *, bend=False, stop=None):
    """Train: rate up for a tenth of the steps, then down in a line; the losses."""
    generator = torch.Generator().manual_seed(seed)

    def batches():
        whole = len(images.labels) // BATCH * BATCH
        while True:
            order = torch.randperm(len(images.labels), generator=generator)
            for places in order[:whole].split(BATCH):
                x, y = images.take(places)
                yield (bent(x, generator) if bend else x), y

    rise = steps // 10
    optimizer = Both(model, *rates)
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, (steps - step) / (steps - rise))
    )

    def loss(batch):
        return F.cross_entropy(scores(model, batch[0]), batch[1])

    model.train()
    some = islice(batches(), stop or steps)
    return [record.loss for record in train(loss, some, optimizer, plan, max_norm=1.0)]


@torch.no_grad()
def right(model, images):
    """The share of images that are named rightly."""
    model.eval()
    said = torch.cat([scores(model, part).argmax(-1) for part in images.pixels.split(250)])
    return (said == images.labels).float().mean().item()


def moved(images, by):
    """All images moved to the right by so many pixels."""
    return images._replace(pixels=F.pad(images.pixels, (by, 0))[..., : images.pixels.shape[-1]])


def all_pixels(images):
    """The pixels of every image dealt out anew, by one fixed permutation."""
    order = torch.randperm(784, generator=torch.Generator().manual_seed(0))
    flat = images.pixels.flatten(1)[:, order]
    return images._replace(pixels=flat.view(images.pixels.shape))


def whole_patches(images):
    """The patches of every image in another order, the same for all."""
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    squares = images.pixels.unfold(2, 7, 7).unfold(3, 7, 7).reshape(-1, 16, 7, 7)[:, order]
    rows = squares.view(-1, 4, 4, 7, 7).transpose(2, 3)
    return images._replace(pixels=rows.reshape(images.pixels.shape))


def made(size, name, seed):
    """A model that knows nothing."""
    torch.manual_seed(seed)
    return MAKE[size][name]()


def first_steps():
    """Losses of the first updates of all models."""
    found = {}
    for size, name in ((s, name) for s in MAKE for name in MAKE[s]):
        given = {"steps": LONG, "rates": RATES.get(name, BOTH), "seed": 0, "stop": 3}
        losses = fit(made(size, name, 0), LEARN, bend=size == "large", **given)
        found[f"{name}, {size}"] = losses
    return found


def places_told(model):
    """Cosines between the trained vectors of the 16 places."""
    table = F.normalize(model.position.table[1:], dim=-1)
    return (table @ table.T).tolist()


def main():
    """What each model lives on: learned from as they are, permuted, and with fewer; the race."""
    torch.set_num_threads(1)
    begun, results = first_steps(), {"parameters": {}, "right": {}, "moved": {}, "places": {}}
    for size in MAKE:
        count = {n: sum(p.numel() for p in make().parameters()) for n, make in MAKE[size].items()}
        results["parameters"][size] = count

    def run(kind, name, seed, *, size="small", steps=SHORT, change=None, count=None, bend=False):
        model, start = made(size, name, seed), time.process_time()
        learn, test = (change(part) if change else part for part in (LEARN, DEAL.test))
        chosen = torch.randperm(4000, generator=torch.Generator().manual_seed(seed))[:count]
        fit(model, learn.take(chosen), steps, RATES.get(name, BOTH), seed, bend=bend)
        took = time.process_time() - start
        found = right(model, test)
        results["right"].setdefault(kind, {}).setdefault(name, []).append(found)
        results.setdefault("cpu_seconds", {}).setdefault(kind, {}).setdefault(name, []).append(took)
        if kind in ("as they are", "bent", "race") and name in ("ViT", "CNN"):
            each = results["moved"].setdefault(kind, {}).setdefault(name, [])
            each.append([right(model, moved(test, by)) for by in range(5)])
        if kind in ("as they are", "patches") and name == "ViT":
            results["places"].setdefault(kind, []).append(places_told(model))
        print(kind, name, seed, found, round(took), flush=True)
        write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)

    both = ("ViT", "CNN")
    plans = [("as they are", name, {}) for name in MAKE["small"]]
    plans += [("race", name, {"size": "large", "steps": LONG, "bend": True}) for name in both]
    plans += [("pixels", name, {"change": all_pixels}) for name in both]
    plans += [("patches", name, {"change": whole_patches}) for name in both]
    plans += [("bent", name, {"bend": True}) for name in both]
    for count, steps in FEWER.items():
        plans += [(str(count), name, {"count": count, "steps": steps}) for name in both]
    for kind, name, how in plans:
        for seed in SEEDS:
            run(kind, name, seed, **how)


if __name__ == "__main__":
    main()
