"""An encoder and a decoder that copy rows of symbols: with one vector between them, or with all."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.studies import write_record

SEEDS, TUNING_SEED = (0, 1, 2), 10  # rates are chosen on the latter
KINDS, KEEP, BATCH, JUDGED = 8, 2.0, 32, 512
SHORTEST, LONGEST = 4, 32  # rows in training
LENGTHS = (4, 8, 16, 24, 32, 48)  # rows that are judged; 48 is longer than any in training
RATES = (5e-3, 1e-2, 2e-2, 4e-2)
WAYS = {
    "one vector of 64": {},
    "attention, states of 64": {"looks": True},
    "one vector of 128": {"width": 128},
    "one vector of 64, 4 times the steps": {"steps": 8000},
}


class Copier(nn.Module):
    """Reads a row with one GRU, and writes it again with another that starts from its last state.

    When it `looks`, each state of the second also attends to all states of the first.
    """

    def __init__(self, width, looks):
        super().__init__()
        self.embed = nn.Embedding(KINDS + 1, width)  # one more: nothing is written yet
        self.encoder = nn.GRU(width, width, batch_first=True)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.match = nn.Linear(width, width, bias=False) if looks else None
        self.answer = nn.Linear(2 * width if looks else width, KINDS)
        with torch.no_grad():
            for gru in (self.encoder, self.decoder):
                gru.bias_ih_l0[width : 2 * width] += KEEP

    def read(self, symbols):
        return self.encoder(self.embed(symbols))  # all states, and the last one

    def write(self, before, kept, state):
        """Scores for the next symbols, from those `before` them; and the decoder's last state."""
        states, last = self.decoder(self.embed(before), state)
        if self.match is not None:
            scores = self.match(states) @ kept.mT / kept.shape[-1] ** 0.5
            states = torch.cat([states, scores.softmax(dim=-1) @ kept], dim=-1)
        return self.answer(states), last

    def forward(self, symbols):
        return self.write(F.pad(symbols, (1, 0), value=KINDS)[:, :-1], *self.read(symbols))[0]


@torch.no_grad()
def written(model, symbols):
    """What the model writes by itself: each symbol is chosen from those it wrote before."""
    kept, state = model.read(symbols)
    text = torch.full((len(symbols), 1), KINDS)
    for _ in range(symbols.shape[1]):
        scores, state = model.write(text[:, -1:], kept, state)
        text = torch.cat([text, scores.argmax(dim=-1)], dim=1)
    return text[:, 1:]


def train(seed, rate=1e-2, *, width=64, looks=False, steps=2000, stop=None):
    """A copier after the plan of so many steps, the rate falling to 0; the losses on the way."""
    torch.manual_seed(seed)
    model, losses = Copier(width, looks), []
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for step in range(stop or steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        length = int(torch.randint(SHORTEST, LONGEST + 1, ()))
        symbols = torch.randint(KINDS, (BATCH, length))
        loss = F.cross_entropy(model(symbols).flatten(0, 1), symbols.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model, losses


def judged(seed, rate, **way):
    """The share of right symbols on new rows of each length, written without help."""
    model, _ = train(seed, rate, **way)
    rows = [torch.randint(KINDS, (JUDGED, length)) for length in LENGTHS]
    return [(written(model, row) == row).float().mean().item() for row in rows]


def first_steps():
    """The losses of the first steps with and without looking, for a test to repeat."""
    return {str(looks): train(SEEDS[0], looks=looks, stop=5)[1] for looks in (False, True)}


def run():
    """For each way: the rate that serves rows of 32 best, then (seed, length) shares with it."""
    results = {"lengths": LENGTHS, "longest": LONGEST, "tuning": {}, "best": {}, "right": {}}
    at = LENGTHS.index(LONGEST)
    for name, way in WAYS.items():
        tried = {rate: judged(TUNING_SEED, rate, **way)[at] for rate in RATES}
        results["tuning"][name], results["best"][name] = tried, max(tried, key=tried.get)
        results["right"][name] = [judged(s, results["best"][name], **way) for s in SEEDS]
        print(name, tried, results["right"][name], flush=True)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
