"""The game of 5.1 with few steps and a rate that falls within them: how many does one head need?"""

import importlib.util
from pathlib import Path

import torch
import torch.nn.functional as F

from course_lib.studies import write_record

SPEC = importlib.util.spec_from_file_location(
    "one_head", Path(__file__).with_name("05_one_head.py")
)
one_head = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(one_head)

SEEDS = (0, 1, 2, 3, 4)
RATES = (0.01, 0.02)
PLANS = {  # steps; the rate falls over the second half of each plan
    "one head, reader bends": (100, 400, 1000, 4000),
    "two heads, linear reader": (100, 400),
}


def play(name, rate, plan, seed, steps=None):
    """Train one player by a plan of `plan` steps; the losses, and the share of both right."""
    torch.manual_seed(seed)
    game, player = one_head.Game(), one_head.Player(*one_head.PLAYERS[name])
    optimizer = torch.optim.Adam(player.parameters(), lr=rate)
    losses = []
    for step in range(plan if steps is None else steps):
        optimizer.param_groups[0]["lr"] = rate * min(1, 2 * (1 - step / plan))
        question, notes, answers, _ = game.round_of(64)
        loss = F.cross_entropy(player(question, notes)[0].flatten(0, 1), answers.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, one_head.judge(game, player)[0]


def first_steps():
    """The losses of the first steps of each player, for a test to repeat."""
    return {name: play(name, RATES[0], 100, SEEDS[0], steps=5)[0] for name in PLANS}


def run():
    """For each player, rate and plan, the share of both right, one a seed."""
    found = {}
    for name, plans in PLANS.items():
        for rate in RATES:
            for plan in plans:
                shares = [play(name, rate, plan, seed)[1] for seed in SEEDS]
                found.setdefault(name, {}).setdefault(f"{rate:g}", {})[str(plan)] = shares
    return {"both right": found}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
