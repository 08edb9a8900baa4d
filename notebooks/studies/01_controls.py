"""Two controls: the copier told the symbols it should have written; a well drawn, untrained GRU."""

import importlib.util
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.studies import study, write_record


def sibling(name):
    """The script of another study, as a module."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bottleneck, suitcase = sibling("01_bottleneck"), sibling("01_suitcase")

SEEDS, TEXTS, PLACES = (0, 1, 2), 20_000, 4  # texts to fit on; places in a row that are averaged
RATE = study("01_bottleneck")["results"]["best"]["one vector of 64"]


class WellDrawn(suitcase.Packer):
    """New content turns the old state without shrinking it, and each symbol writes little."""

    def __init__(self, size, keep):
        super().__init__(size, keep)
        width = suitcase.WIDTH
        with torch.no_grad():
            nn.init.orthogonal_(self.gru.weight_hh_l0[2 * width :])
            self.gru.bias_ih_l0[:width] += 10  # the reset gate open
            self.gru.bias_ih_l0[width : 2 * width] -= 6  # the update gate shut
            self.gru.weight_ih_l0[2 * width :] *= 0.1


suitcase.Packer = WellDrawn  # the name by which `fitted` makes its GRU


@torch.no_grad()
def told(seed):
    """Shares, guesses taken off, of each few places of a row: written, told, with another's vector.

    *Told*: before each symbol the decoder gets the right ones, whatever it would have written.
    """
    model, _ = train(seed)
    rows = torch.randint(bottleneck.KINDS, (bottleneck.JUDGED, bottleneck.LONGEST))
    before = F.pad(rows, (1, 0), value=bottleneck.KINDS)[:, :-1]
    kept, state = model.read(rows)
    other, _ = model.write(before, kept, state.roll(1, dims=1))
    answers = {
        "it reads what it wrote": bottleneck.written(model, rows),
        "it reads the right ones": model.write(before, kept, state)[0].argmax(dim=-1),
        "the right ones, another row's vector": other.argmax(dim=-1),
    }
    hits = {name: (found == rows).float().mean(dim=0) for name, found in answers.items()}
    guess = 1 / bottleneck.KINDS
    return {
        name: ((share - guess) / (1 - guess)).view(-1, PLACES).mean(dim=-1).tolist()
        for name, share in hits.items()
    }


def train(seed, stop=None):
    """The copier with one vector of 64, as in its study."""
    with torch.enable_grad():
        return bottleneck.train(seed, RATE, stop=stop)


def first_steps():
    """The copier's first losses, and what little fitting finds in the GRU, for a test to repeat."""
    drawn = [suitcase.fitted(4, 0.0, seed, 500) for seed in SEEDS]
    return {"copier": train(SEEDS[0], stop=5)[1], "well drawn": drawn}


def run():
    """For each control one row of numbers a seed."""
    drawn = [[suitcase.fitted(n, 0.0, s, TEXTS) for s in SEEDS] for n in suitcase.SIZES]
    print(drawn, flush=True)
    rows = [told(seed) for seed in SEEDS]
    return {
        "well drawn, untrained": drawn,
        "places": PLACES,
        "told": {name: [row[name] for row in rows] for name in rows[0]},
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
