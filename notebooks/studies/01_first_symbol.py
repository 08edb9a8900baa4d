"""How many steps three readers train before they name the first symbol of a row."""

from itertools import islice
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.studies import write_record

SEEDS, TUNING_SEEDS = (0, 1, 2), (10, 11, 12)  # rates are chosen on the latter
LENGTHS = (10, 20, 30, 40, 80)
OPTIMIZERS = {"Adam": torch.optim.Adam, "SGD": torch.optim.SGD}
RATES = {"Adam": (0.01, 0.03, 0.1), "SGD": (0.3, 1.0, 3.0)}
STEPS = {"Adam": 3000, "SGD": 1000}


class GRU(nn.GRU):
    """All states of a GRU; `keep` is added to the bias of its update gate."""

    def __init__(self, keep=0.0):
        super().__init__(32, 32, batch_first=True)
        with torch.no_grad():
            self.bias_ih_l0[32:64] += keep

    def forward(self, x):
        return super().forward(x)[0]


class Attention(nn.Module):
    """One attention without positions."""

    def __init__(self):
        super().__init__()
        self.to_q = nn.Linear(32, 32, bias=False)
        self.to_k = nn.Linear(32, 32, bias=False)
        self.to_v = nn.Linear(32, 32, bias=False)

    def forward(self, x):
        scores = self.to_q(x) @ self.to_k(x).mT / 32**0.5
        return scores.softmax(dim=-1) @ self.to_v(x)


READERS = {"GRU": GRU, "GRU, keep = 4": lambda: GRU(4.0), "attention": Attention}


class Recall(nn.Module):
    """Symbols in, one of the readers, eight scores out at the last position."""

    def __init__(self, body):
        super().__init__()
        self.embed, self.body, self.answer = nn.Linear(9, 32), body, nn.Linear(32, 8)

    def forward(self, x):
        return self.answer(self.body(self.embed(x))[:, -1])


def train(reader, seed, *, way="Adam", rate=0.01, length=30):
    """Train without end; at each step the loss and the share of right answers."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = Recall(READERS[reader]())
    optimizer = OPTIMIZERS[way](model.parameters(), lr=rate)
    while True:
        symbols = torch.randint(8, (32, length), generator=generator)
        x = F.one_hot(symbols, 9).float()
        x[:, 0, 8] = 1.0  # the ninth number underlines the first symbol
        scores = model(x)
        loss = F.cross_entropy(scores, symbols[:, 0])
        yield loss.item(), (scores.argmax(dim=-1) == symbols[:, 0]).float().mean().item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def wait(reader, seed, *, way="Adam", **setting):
    """Steps until 90 % were right over twenty steps; all that there are if they never were."""
    last, training = [], train(reader, seed, way=way, **setting)
    for step, (_, right) in enumerate(islice(training, STEPS[way]), 1):
        last = [*last[-19:], right]
        if len(last) == 20 and sum(last) / 20 >= 0.9:
            return step
    return STEPS[way]


def first_steps():
    """The losses of the first steps of each reader, for a test to repeat."""
    return {
        f"{reader}, {way}": [loss for loss, _ in islice(train(reader, SEEDS[0], way=way), 5)]
        for reader in READERS
        for way in OPTIMIZERS
    }


def run():
    """Wait at each rate for rows of 30; then, at the best one, with other seeds and lengths."""
    results = {"lengths": LENGTHS, "steps": STEPS, "rates": RATES}
    results |= {"tuning": {}, "best": {}, "waits": {}}
    for reader in READERS:
        for way, rates in RATES.items():
            tried = [[wait(reader, s, way=way, rate=r) for s in TUNING_SEEDS] for r in rates]
            best = min(zip(tried, rates, strict=True), key=lambda pair: median(pair[0]))[1]
            lengths = LENGTHS if way == "Adam" else (30,)
            name = f"{reader}, {way}"
            results["tuning"][name], results["best"][name] = tried, best
            results["waits"][name] = [
                [wait(reader, s, way=way, length=n, rate=best) for s in SEEDS] for n in lengths
            ]
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
