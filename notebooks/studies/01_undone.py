"""Two controls for a GRU as PyTorch draws it: its steps undone, and its reach after steps of Adam.

Undone: who has the GRU's weights goes back from its last state, step by step, over all symbols.
Taught nothing: labels are drawn at random, so that no step has anything to do with a first symbol.
"""

import importlib.util
from pathlib import Path

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

SEEDS, TEXTS = (0, 1, 2), 16  # texts whose steps are undone
KEPT, NEWTON, FARTHEST = 6, 15, 3.0  # ways back that are followed; steps of Newton's method; each
TAUGHT = (("Adam", 0.1), ("Adam", 0.01), ("SGD", 1.0), ("SGD", 3.0))
UPDATES, LENGTH = (0, 10, 40), 30


class Steps:
    """A GRU's step, forward and back, in double precision; its state is one row of numbers."""

    def __init__(self, model):
        gru = model.double().gru
        self.hidden, self.bias = gru.weight_hh_l0.detach(), gru.bias_hh_l0.detach()
        read = model.embed.weight.detach() @ gru.weight_ih_l0.detach().mT
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

    def back(self, read, target):
        """The states before, by Newton's method, and how far their next ones are off the target."""
        state = torch.zeros_like(target)
        for _ in range(NEWTON):
            following, slopes = self.forward(read, state)
            move = torch.linalg.solve(slopes, following - target)
            state = state - move * (FARTHEST / move.norm(dim=-1, keepdim=True)).clamp(max=1)
        return state, (self.forward(read, state)[0] - target).norm(dim=-1)


def symbols_of(steps, state, size):
    """The symbols that lead to a state, the likeliest of a few ways back.

    No number of a GRU's state is above 1, and its first state is 0: so wrong ways are known.
    """
    ways, states = torch.empty(1, 0, dtype=torch.long), state[None]
    for place in range(size):
        kinds = torch.arange(suitcase.KINDS)
        ways = torch.cat([kinds.repeat(len(ways))[:, None], ways.repeat_interleave(8, 0)], dim=1)
        read, target = steps.read.repeat(len(states), 1), states.repeat_interleave(8, 0)
        states, off = steps.back(read, target)
        above = (states.abs() - 1).clamp(min=0).amax(dim=-1) + 10 * off
        cost = states.norm(dim=-1) if place == size - 1 else above
        best = cost.nan_to_num(1e9, posinf=1e9).argsort(stable=True)[:KEPT]
        ways, states = ways[best], states[best]
    return ways[0]


@torch.no_grad()
def undone(size, seed, texts=TEXTS):
    """How many of so many symbols come back out of an untrained GRU's float32 state, undone."""
    torch.manual_seed(seed)
    model = suitcase.Packer(size, 0.0)
    symbols = torch.randint(suitcase.KINDS, (texts, size))
    states, steps = model.state(symbols).double(), Steps(model)
    found = torch.stack([symbols_of(steps, state, size) for state in states])
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
    some = [undone(4, seed, texts=2) for seed in SEEDS]
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
