"""Which pairs break a rotary model beyond its length? Each is kept at angles that it has seen."""

import importlib.util
from pathlib import Path

import torch

from course_lib.nn.positions.frequencies import ntk_frequencies, rotary_frequencies
from course_lib.nn.positions.rotary import Rotary
from course_lib.studies import write_record

SPEC = importlib.util.spec_from_file_location(
    "positions", Path(__file__).with_name("06_positions.py")
)
positions = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(positions)

LENGTH, LONGER = positions.LENGTH, positions.LONGER
TRAINED = rotary_frequencies(12)
PAIRS = tuple(range(len(TRAINED)))
FREQUENCIES = {"as trained": TRAINED, "NTK": ntk_frequencies(12, LONGER / LENGTH)}


class Capped(Rotary):
    """Rotary whose `capped` pairs turn no further than in training, however far the key.

    Beyond that distance the pair adds to the score what it would add there: the bias takes away
    what it adds at the true angle and puts that in its place.
    """

    def __init__(self, frequencies, capped):
        super().__init__(12, frequencies=frequencies)
        self.capped = capped

    def forward(self, query, key):
        turned_query, turned_key, _ = super().forward(query, key)
        distance = torch.arange(query.shape[2])[:, None] - torch.arange(key.shape[2])
        bias = torch.zeros(*query.shape[:3], key.shape[2])
        for pair in self.capped:
            columns = [pair, pair + len(TRAINED)]
            widest = (LENGTH - 1) * TRAINED[pair].item()  # between two letters of a training text
            last = self.rotate(query, widest * torch.ones(query.shape[2], len(TRAINED)))
            there = last[..., columns] @ key[..., columns].mT
            true = turned_query[..., columns] @ turned_key[..., columns].mT
            beyond = distance * self.frequencies[pair] > widest + 1e-6
            bias += torch.where(beyond, there - true, 0)
        return turned_query, turned_key, bias / query.shape[-1] ** 0.5


def with_caps(model, frequencies, capped, length=LONGER):
    """The loss of a rotary model whose layers cap these pairs."""
    for layer in model.layers:
        layer.position = Capped(frequencies, capped)
    return positions.judge(model, length)


def losses_of(model, frequencies):
    """The losses at the longer length: no pair capped, all, only one, all but one."""
    rest = {pair: [other for other in PAIRS if other != pair] for pair in PAIRS}
    return {
        "none": with_caps(model, frequencies, ()),
        "all": with_caps(model, frequencies, PAIRS),
        "only": [with_caps(model, frequencies, (pair,)) for pair in PAIRS],
        "all but": [with_caps(model, frequencies, rest[pair]) for pair in PAIRS],
    }


def first_steps():
    """The first losses of the rotary model, and its loss with one pair capped then."""
    model, losses = positions.trained("rotary", positions.SEEDS[0], steps=5)
    return {"rotary": [*losses, with_caps(model, TRAINED, (2,))]}


def run():
    """For each way to choose frequencies: the losses of each seed; and those within the length."""
    results = {"trained length": [], **{name: [] for name in FREQUENCIES}}
    for seed in positions.SEEDS:
        model, _ = positions.trained("rotary", seed)
        results["trained length"].append(with_caps(model, TRAINED, PAIRS, LENGTH))
        for name, frequencies in FREQUENCIES.items():
            results[name].append(losses_of(model, frequencies))
            print(name, results[name][-1], flush=True)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=positions.SEEDS, first_steps=first_steps(), results=run())
