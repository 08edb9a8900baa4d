"""The table game of chapter 03 at width 512: scores divided by three numbers, two optimisers."""

import math
from itertools import islice
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F

from course_lib.studies import write_record

SEEDS, TUNING_SEEDS = (0, 1, 2), (10, 11, 12)  # rates are chosen on the latter
WIDTH, STEPS = 512, 600
DIVISORS = {"nothing": 1.0, "√d_head": math.sqrt(WIDTH), "d_head": float(WIDTH)}
OPTIMIZERS = {"Adam": torch.optim.Adam, "SGD": torch.optim.SGD}
RATES = {
    "Adam": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "SGD": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
}


def tables(generator):
    """64 tables of 8 guests (batch, seat, 14), and the dish of each guest's left neighbour."""
    dish = torch.randint(6, (64, 8), generator=generator)
    seat = torch.eye(8).expand(64, -1, -1)
    return torch.cat([seat, F.one_hot(dish, 6)], dim=-1), dish.roll(1, dims=1)


def game(divisor, optimizer, rate, seed):
    """Train without end; at each step the loss and the share of guests that are right."""
    generator = torch.Generator().manual_seed(seed)
    # A guest's vector holds two ones, so queries and keys start with variance 1.
    w_q, w_k = torch.randn(2, 14, WIDTH, generator=generator) / math.sqrt(2)
    weights = [w.requires_grad_() for w in (w_q.clone(), w_k.clone(), torch.zeros(14, 6))]
    mover = OPTIMIZERS[optimizer](weights, lr=rate)
    while True:
        x, answers = tables(generator)
        q, k, v = (x @ w for w in weights)
        output = (q @ k.mT / DIVISORS[divisor]).softmax(dim=-1) @ v
        loss = F.cross_entropy(output.flatten(0, 1), answers.flatten())
        yield loss.item(), (output.argmax(dim=-1) == answers).float().mean().item()
        mover.zero_grad()
        loss.backward()
        mover.step()


def wait(divisor, optimizer, rate, seed):
    """Steps until 99 % were right over ten steps; `STEPS` if they never were."""
    last = []
    training = game(divisor, optimizer, rate, seed)
    for step, (_, right) in enumerate(islice(training, STEPS), 1):
        last = [*last[-9:], right]
        if len(last) == 10 and sum(last) / 10 >= 0.99:
            return step
    return STEPS


def first_steps():
    """The losses of the first steps with each divisor, for a test to repeat."""
    return {
        f"{optimizer}, {divisor}": [
            loss for loss, _ in islice(game(divisor, optimizer, 0.1, SEEDS[0]), 5)
        ]
        for optimizer in OPTIMIZERS
        for divisor in DIVISORS
    }


def run():
    """Wait for each divisor at each rate; then, at its best rate, with other seeds."""
    results = {"steps": STEPS, "rates": RATES, "tuning": {}, "best": {}, "waits": {}}
    for optimizer in OPTIMIZERS:
        for divisor in DIVISORS:
            name = f"{optimizer}, {divisor}"
            tried = {
                rate: [wait(divisor, optimizer, rate, seed) for seed in TUNING_SEEDS]
                for rate in RATES[optimizer]
            }
            best = min(tried, key=lambda rate: (median(tried[rate]), max(tried[rate])))
            results["tuning"][name] = list(tried.values())
            results["best"][name] = best
            results["waits"][name] = [wait(divisor, optimizer, best, seed) for seed in SEEDS]
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
