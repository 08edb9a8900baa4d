"""How many symbols come back out of a GRU's state: untrained, by three readers, and trained."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.studies import write_record

SEEDS = (0, 1, 2)
WIDTH, KINDS, KEEP = 64, 8, 2.0
SIZES = (4, 8, 16, 32)  # symbols packed
STEPS, BATCH = 4000, 32
READER_TEXTS, READER_BATCH, READER_RATE = 60_000, 128, 3e-3  # a network that reads a state
RATES, TUNING = (4e-3, 1e-2, 2e-2), {"size": 16, "seed": 10}  # the rate is chosen there
FITS, JUDGED = (1000, 20_000), 2000  # texts that the matrix is fitted on, and judged on


class Packer(nn.Module):
    """Reads symbols with a GRU, and reads all of them out of its last state."""

    def __init__(self, size, keep=KEEP):
        super().__init__()
        self.size, self.embed = size, nn.Embedding(KINDS, WIDTH)
        self.gru, self.read = nn.GRU(WIDTH, WIDTH, batch_first=True), nn.Linear(WIDTH, KINDS * size)
        with torch.no_grad():
            self.gru.bias_ih_l0[WIDTH : 2 * WIDTH] += keep

    def state(self, symbols):
        return self.gru(self.embed(symbols))[1][0]  # (batch, width)

    def forward(self, symbols):
        return self.read(self.state(symbols)).view(-1, self.size, KINDS)


def came_out(scores, symbols):
    """Symbols read out rightly, on a scale where guessing gives 0."""
    hits = (scores.argmax(dim=-1) == symbols).float().mean(dim=0)
    return ((hits - 1 / KINDS) / (1 - 1 / KINDS)).sum().item()


@torch.no_grad()
def fitted(size, keep, seed, texts):
    """What a matrix reads out of an untrained GRU, fitted by least squares on so many texts."""
    torch.manual_seed(seed)
    model = Packer(size, keep)
    symbols = torch.randint(KINDS, (texts + JUDGED, size))
    state = torch.cat([model.state(s) for s in symbols.split(1000)])
    state = torch.cat([state, torch.ones(len(state), 1)], dim=1)
    # In float32 the faintest directions of the state fall below what the fit calls zero.
    state, wanted = state.double(), F.one_hot(symbols, KINDS).double().flatten(1)
    matrix = torch.linalg.lstsq(state[:texts], wanted[:texts], driver="gelsd").solution
    return came_out((state[texts:] @ matrix).view(-1, size, KINDS), symbols[texts:])


def read_by_network(size, keep, seed):
    """What a network of two layers reads out of an untrained GRU."""
    torch.manual_seed(seed)
    model = Packer(size, keep)
    symbols = torch.randint(KINDS, (READER_TEXTS + JUDGED, size))
    with torch.no_grad():
        state = torch.cat([model.state(s) for s in symbols.split(1000)])
    state = (state - state.mean(dim=0)) / state.std(dim=0)
    reader = nn.Sequential(nn.Linear(WIDTH, 512), nn.ReLU(), nn.Linear(512, KINDS * size))
    optimizer = torch.optim.Adam(reader.parameters(), lr=READER_RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = READER_RATE * (1 - step / STEPS)
        texts = torch.randint(READER_TEXTS, (READER_BATCH,))
        scores = reader(state[texts]).view(-1, KINDS)
        loss = F.cross_entropy(scores, symbols[texts].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores = reader(state[READER_TEXTS:]).view(-1, size, KINDS)
    return came_out(scores, symbols[READER_TEXTS:])


def train(size, seed, rate=1e-2, steps=STEPS):
    """A packer after so many steps of the plan, the rate falling to 0; the losses on the way."""
    torch.manual_seed(seed)
    model, losses = Packer(size), []
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / STEPS)
        symbols = torch.randint(KINDS, (BATCH, size))
        loss = F.cross_entropy(model(symbols).flatten(0, 1), symbols.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model, losses


def judged(size, seed, rate):
    """What a trained packer gives back of texts that it has not seen."""
    model, _ = train(size, seed, rate)
    symbols = torch.randint(KINDS, (JUDGED, size))
    with torch.no_grad():
        return came_out(model(symbols), symbols)


def first_steps():
    """The losses of the first steps at two sizes, for a test to repeat."""
    return {str(size): train(size, SEEDS[0], steps=5)[1] for size in SIZES[:2]}


def run():
    """Symbols that come out, for each way, each size, each seed."""
    ways = {f"untrained, {texts} texts": texts for texts in FITS}
    tuning = {rate: judged(rate=rate, **TUNING) for rate in RATES}
    best = max(tuning, key=tuning.get)
    results = {"sizes": SIZES, "keep": KEEP, "tuning": tuning, "best": best}
    results["trained"] = [[judged(n, seed, best) for seed in SEEDS] for n in SIZES]
    for keep in (0.0, 4.0):
        for way, texts in ways.items():
            rows = [[fitted(n, keep, s, texts) for s in SEEDS] for n in SIZES]
            results[f"{way}, keep = {keep:.0f}"] = rows
    rows = [[read_by_network(n, 0.0, s) for s in SEEDS] for n in SIZES]
    results["untrained, read by a network, keep = 0"] = rows
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
