"""Two controls for a GRU as PyTorch draws it: its steps undone, and its reach after steps of Adam.

Undone: who has the GRU's weights goes back from its last state, step by step, over all symbols,
and carries along how unsure each state before is: a step shrinks some directions until little more
than float32's rounding is left of them. What no state of other texts looks like is unlikely, too.
Taught nothing: labels are drawn at random, so that no step has anything to do with a first symbol.
"""

import importlib.util
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F

from course_lib.studies import write_record


def sibling(name):
    """The script of another study, as a module."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


suitcase, first_symbol = sibling("01_suitcase"), sibling("01_first_symbol")

SEEDS, TEXTS = (0, 1, 2), 8  # texts whose steps are undone
KEPT, MOVES, FARTHEST = 6, 8, 3.0  # ways back that are followed; moves towards a state; each
ROUNDING, MET = 3e-8, 2e-7  # of a number of a float32 state, in a step; of a whole way
OTHERS = 4000  # texts that show usual states
TRIED, NEAREST = 5, (1000, 8**5)  # first symbols of which all rows are tried, the nearest first
TAUGHT = (("Adam", 0.1), ("Adam", 0.01), ("SGD", 1.0), ("SGD", 3.0))
UPDATES, LENGTH = (0, 10, 40), 30


class Ways(NamedTuple):
    """Ways back from a last state: their symbols, what the state before them was, how likely."""

    symbols: torch.Tensor  # (ways, places)
    state: torch.Tensor  # (ways, width)
    unsure: torch.Tensor  # (ways, width, width), a covariance
    score: torch.Tensor  # (ways,)


class Steps:
    """A GRU's step, forward and back, in double precision; its state is one row of numbers."""

    def __init__(self, model):
        gru = deepcopy(model).double().gru
        self.hidden, self.bias = gru.weight_hh_l0.detach(), gru.bias_hh_l0.detach()
        read = model.embed.weight.detach().double() @ gru.weight_ih_l0.detach().mT
        self.read = read + gru.bias_ih_l0.detach()  # (kinds, 3 width): what each symbol brings

    def forward(self, read, state):
        """The next states and their slopes, (ways, width, width)."""
        wr, wz, wn = self.hidden.chunk(3)
        hr, hz, hn = (state @ self.hidden.mT + self.bias).chunk(3, dim=-1)
        r, z, n = read.chunk(3, dim=-1)
        r, z = torch.sigmoid(r + hr), torch.sigmoid(z + hz)
        new = torch.tanh(n + r * hn)
        of_new = (hn * r * (1 - r))[..., None] * wr + r[..., None] * wn
        slopes = ((1 - z) * (1 - new**2))[..., None] * of_new + torch.diag_embed(z)
        slopes += ((state - new) * z * (1 - z))[..., None] * wz
        return (1 - z) * new + z * state, slopes

    def back(self, ways, usual, certain):
        """Each way one step further back, over all kinds; of states before, the likeliest.

        `usual` is the mean of other texts' states there, `certain` their inverse covariance.
        """
        kinds = torch.arange(suitcase.KINDS)
        read = self.read.repeat(len(ways.state), 1)
        target = ways.state.repeat_interleave(len(kinds), 0)
        off = ways.unsure + ROUNDING**2 * torch.eye(suitcase.WIDTH)
        weight = torch.linalg.inv(off).repeat_interleave(len(kinds), 0)
        state = usual.expand_as(target)
        for _ in range(MOVES):  # Gauss and Newton's method
            following, slopes = self.forward(read, state)
            sharp = slopes.mT @ weight @ slopes + certain
            uphill = times(slopes.mT @ weight, following - target) + (state - usual) @ certain
            move = torch.linalg.solve(sharp, uphill)
            state = state - move * (FARTHEST / move.norm(dim=-1, keepdim=True)).clamp(max=1)
        missed, strange = self.forward(read, state)[0] - target, state - usual
        cost = (times(weight, missed) * missed + strange @ certain * strange).sum(dim=-1)
        cost = cost + logdet(sharp) + logdet(off).repeat_interleave(len(kinds), 0)
        symbols = torch.cat(
            [kinds.repeat(len(ways.state))[:, None], ways.symbols.repeat_interleave(len(kinds), 0)],
            dim=1,
        )
        score = ways.score.repeat_interleave(len(kinds), 0) - cost / 2
        return Ways(symbols, state, torch.linalg.inv(sharp), score)


def times(matrices, rows):
    """A matrix by a vector, for each row."""
    return (matrices @ rows[..., None])[..., 0]


def logdet(matrices):
    return torch.linalg.slogdet(matrices)[1]


class Undone:
    """Goes back from last states of an untrained GRU, which it knows."""

    def __init__(self, model, size):
        self.model, self.size, self.steps = model, size, Steps(model)
        generator = torch.Generator().manual_seed(99)  # none of the texts that are undone
        others = torch.randint(suitcase.KINDS, (OTHERS, size), generator=generator)
        self.others = model.gru(model.embed(others))[0].double()  # (text, place, width)
        self.back_to = min(TRIED, size - 1)
        self.first = torch.cartesian_prod(*[torch.arange(suitcase.KINDS)] * self.back_to)
        self.begun = model.state(self.first).double()

    def symbols_of(self, state):
        """The symbols that lead to a state: back to the first few, of which all rows are tried."""
        ways = Ways(
            symbols=torch.empty(1, 0, dtype=torch.long),
            state=state.double()[None],
            unsure=torch.zeros(1, len(state), len(state)).double(),
            score=torch.zeros(1).double(),
        )
        for place in range(self.size - 1, self.back_to - 1, -1):
            there = self.others[:, place - 1]
            spread = torch.cov(there.mT) + 1e-9 * torch.eye(len(state))
            ways = self.steps.back(ways, there.mean(dim=0), torch.linalg.inv(spread))
            best = ways.score.nan_to_num(-1e18, neginf=-1e18).argsort(descending=True)[:KEPT]
            ways = Ways(*(each[best] for each in ways))
        for nearest in NEAREST:  # if none of those meets the state, all
            texts = [self.whole(Ways(*way), nearest) for way in zip(*ways, strict=True)]
            texts = torch.cat(texts)
            states = torch.cat([self.model.state(some) for some in texts.split(4096)])
            off, best = (states - state).abs().amax(dim=-1).min(dim=0)
            if off < MET:
                break
        return texts[best]

    def whole(self, way, nearest):
        """Texts that end as the way back does: their first symbols lead nearest to its state."""
        off = self.begun - way.state
        weight = torch.linalg.inv(way.unsure + ROUNDING**2 * torch.eye(suitcase.WIDTH))
        far = (off @ weight * off).sum(dim=-1)
        near = far.topk(min(nearest, len(far)), largest=False).indices
        return torch.cat([self.first[near], way.symbols.expand(len(near), -1)], dim=1)


@torch.no_grad()
def undone(size, seed, texts=TEXTS):
    """How many of so many symbols come back out of an untrained GRU's float32 state, undone."""
    torch.manual_seed(seed)
    model = suitcase.Packer(size, 0.0)
    symbols = torch.randint(suitcase.KINDS, (texts, size))
    back = Undone(model, size)
    found = torch.stack([back.symbols_of(state) for state in model.state(symbols)])
    return suitcase.came_out(F.one_hot(found, suitcase.KINDS), symbols)


def reach(model, generator):
    """How much gradient reaches the first word, as a share of the last word's: its power of ten."""
    x = F.one_hot(torch.randint(8, (32, LENGTH), generator=generator), 9).float()
    words = model.embed(x).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model.body(words)[:, -1].sum(), words)
    length = gradient.norm(dim=-1).mean(dim=0)
    return (length[0] / length[-1]).log10().item()


def taught_nothing(way, rate, seed, updates=UPDATES):
    """The ordinary GRU's reach after so many updates on labels that have nothing to say."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model, found = first_symbol.Recall(first_symbol.GRU()), []
    optimizer = first_symbol.OPTIMIZERS[way](model.parameters(), lr=rate)
    for update in range(updates[-1] + 1):
        if update in updates:
            found.append(reach(model, torch.Generator().manual_seed(seed)))
        x = F.one_hot(torch.randint(8, (32, LENGTH), generator=generator), 9).float()
        loss = F.cross_entropy(model(x), torch.randint(8, (32,), generator=generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return found


def first_steps():
    """A few short texts undone, and the reach after few updates, for a test to repeat."""
    some = [undone(8, seed, texts=2) for seed in SEEDS]
    return {"undone": some, "taught nothing": taught_nothing("SGD", 1.0, SEEDS[0], (0, 3))}


def run():
    """For each size, and each way to take steps, one number or row of numbers a seed."""
    reached = {f"{w} {r}": [taught_nothing(w, r, seed) for seed in SEEDS] for w, r in TAUGHT}
    print(reached, flush=True)
    rows = [[undone(n, seed) for seed in SEEDS] for n in suitcase.SIZES]
    return {"sizes": suitcase.SIZES, "undone": rows, "updates": UPDATES, "reach": reached}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
