"""Is it the start or the optimizer? Two controls for a GRU, as PyTorch draws it, trained by SGD.

Kicked: ten steps of Adam on labels drawn at random, which teach it nothing; then plain SGD on the
true labels. Helped: SGD from the start, with momentum and with long gradients cut. Rates are chosen
as in 01_first_symbol, on other seeds than those reported.
"""

import importlib.util
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.studies import write_record

SPEC = importlib.util.spec_from_file_location(
    "first_symbol", Path(__file__).with_name("01_first_symbol.py")
)
first_symbol = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(first_symbol)

SEEDS, TUNING_SEEDS = first_symbol.SEEDS, first_symbol.TUNING_SEEDS
LENGTH, STEPS, RATES = 30, first_symbol.STEPS["SGD"], first_symbol.RATES["SGD"]
KICKS, KICK = 10, 0.1
MOMENTUM, LONGEST = 0.9, 1.0


def rows(generator):
    """Rows of symbols and their first ones, as the other study draws them."""
    symbols = torch.randint(8, (32, LENGTH), generator=generator)
    x = F.one_hot(symbols, 9).float()
    x[:, 0, 8] = 1.0
    return x, symbols[:, 0]


def kick(model, generator):
    """Steps of Adam that know nothing of the labels."""
    optimizer = torch.optim.Adam(model.parameters(), lr=KICK)
    for _ in range(KICKS):
        x, _ = rows(generator)
        labels = torch.randint(8, (32,), generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()


def train(seed, rate, *, kicked=False, momentum=0.0, longest=float("inf")):
    """Train by SGD without end; at each step the loss and the share of right answers."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = first_symbol.Recall(first_symbol.GRU())
    if kicked:
        kick(model, generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    while True:
        x, first = rows(generator)
        scores = model(x)
        loss = F.cross_entropy(scores, first)
        yield loss.item(), (scores.argmax(dim=-1) == first).float().mean().item()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), longest)
        optimizer.step()


WAYS = {
    "plain SGD": train,
    "plain SGD, kicked": partial(train, kicked=True),
    "SGD, momentum and cut": partial(train, momentum=MOMENTUM, longest=LONGEST),
}


def wait(training):
    """Steps until 90 % were right over twenty steps; all that there are if they never were."""
    last = []
    for step, (_, right) in enumerate(islice(training, STEPS), 1):
        last = [*last[-19:], right]
        if len(last) == 20 and sum(last) / 20 >= 0.9:
            return step
    return STEPS


def first_steps():
    """The losses of the first steps of each way, for a test to repeat."""
    return {name: [loss for loss, _ in islice(way(0, 1.0), 4)] for name, way in WAYS.items()}


def run():
    """For each way its best rate, and the waits with it, one for each seed."""
    results = {"steps": STEPS, "kicks": KICKS, "best": {}, "waits": {}}
    for name, way in WAYS.items():
        tried = {rate: [wait(way(seed, rate)) for seed in TUNING_SEEDS] for rate in RATES}
        best = min(tried, key=lambda rate: median(tried[rate]))
        results["best"][name] = best
        results["waits"][name] = [wait(way(seed, best)) for seed in SEEDS]
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
