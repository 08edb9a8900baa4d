"""The game of 5.1 played for longer: one head, with a linear reader and with one that bends."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.studies import write_record

SEEDS = (0, 1, 2)
STEPS, EVERY, RATE, HIDDEN = 6000, 100, 0.02, 64
PLAYERS = {  # heads, and whether the reader bends
    "one head, linear reader": (1, False),
    "one head, reader bends": (1, True),
    "two heads, linear reader": (2, False),
    "two heads, reader bends": (2, True),
    "sixteen heads, linear reader": (16, False),
    "sixteen heads, reader bends": (16, True),
}


class Game:
    """Eight named notes; a question names two of them, a first and a second."""

    def __init__(self):
        self.first, self.second, self.name, self.thing = (torch.randn(n, 8) for n in (8, 8, 8, 10))

    def round_of(self, size):
        """Question (batch, d_model), notes (batch, note, d_model), answers and notes wanted."""
        written = torch.randint(10, (size, 8))  # (batch, note)
        wanted = torch.rand(size, 8).argsort(dim=-1)[:, :2]  # two different notes
        question = torch.cat([self.first[wanted[:, 0]], self.second[wanted[:, 1]]], -1)
        notes = torch.cat([self.name.expand(size, 8, 8), self.thing[written]], -1)
        return question, notes, written.gather(1, wanted), wanted


class Player(nn.Module):
    """One layer of attention and a reader: ten scores for each of the two answers."""

    def __init__(self, num_heads, bends):
        super().__init__()
        self.layer = MultiHeadAttention(16, num_heads)
        bent = nn.Linear(16, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 20)
        self.read = nn.Sequential(*bent) if bends else nn.Linear(16, 20)

    def forward(self, question, notes):
        """Scores (batch, answer, thing), and the weights (batch, heads, note)."""
        mixed, weights = self.layer(question[:, None], notes, return_weights=True)
        return self.read(mixed).view(len(question), 2, 10), weights[:, :, 0]


@torch.no_grad()
def judge(game, player):
    """On new rounds: the share of both right, and the mean weight on the first and the second."""
    question, notes, answers, wanted = game.round_of(2000)
    scores, weights = player(question, notes)
    both = (scores.argmax(dim=-1) == answers).all(dim=1).float().mean().item()
    on_wanted = weights.mean(dim=1).gather(1, wanted)  # (batch, 2)
    lighter, heavier = on_wanted.mean(dim=0).sort().values.tolist()
    return both, lighter, heavier


def play(name, seed, steps=STEPS):
    """Train one player; the losses, and the judgement every `EVERY` steps."""
    torch.manual_seed(seed)
    game, player = Game(), Player(*PLAYERS[name])
    optimizer = torch.optim.Adam(player.parameters(), lr=RATE)
    losses, judged = [], []
    for step in range(1, steps + 1):
        # the rate falls to nothing over the second half
        optimizer.param_groups[0]["lr"] = RATE * min(1, 2 * (1 - (step - 1) / STEPS))
        question, notes, answers, _ = game.round_of(64)
        loss = F.cross_entropy(player(question, notes)[0].flatten(0, 1), answers.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % EVERY == 0:
            judged.append(judge(game, player))
    return losses, judged


def first_steps():
    """The losses of the first steps of each player, for a test to repeat."""
    return {name: play(name, SEEDS[0], steps=5)[0] for name in PLAYERS}


def run():
    """All players, all seeds: the shares on the way, and the weights at the end."""
    results = {"every": EVERY, "both right": {}, "weights": {}}
    for name in PLAYERS:
        for seed in SEEDS:
            _, judged = play(name, seed)
            results["both right"].setdefault(name, []).append([both for both, *_ in judged])
            results["weights"].setdefault(name, []).append(judged[-1][1:])
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
