"""Six ways to tell a model where its letters stand, trained alike, read at length and beyond it."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data.corpora import shakespeare
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.frequencies import interpolated_frequencies, ntk_frequencies
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.positions.relative import RelativeBias
from course_lib.nn.positions.rotary import Rotary
from course_lib.nn.positions.sinusoidal import Sinusoidal
from course_lib.studies import write_record

SEEDS = (0, 1, 2)
LENGTH, BATCH, STEPS, RATE = 64, 24, 800, 8e-3  # chosen on the development part
LENGTHS = (64, 96, 128, 192, 256, 384, 512)  # of the texts read after training
JUDGED = 32  # the last letters of each text: the same ones, whatever stands before them
LONGER, TUNING = 256, 100  # training goes on at this length, for so many steps

METHODS = {  # for each: what is added to the letters, what happens inside attention
    "none": lambda: (nn.Identity(), None),
    "sinusoidal": lambda: (Sinusoidal(48), None),
    "learned": lambda: (LearnedPositions(48, LENGTH), None),
    "rotary": lambda: (nn.Identity(), Rotary(12)),
    "ALiBi": lambda: (nn.Identity(), Alibi(4)),
    "T5": lambda: (nn.Identity(), RelativeBias(4, max_distance=64, bidirectional=False)),
}

text = shakespeare()[:700_000]
letters = sorted(set(text))
numbers = {letter: i for i, letter in enumerate(letters)}
ids = torch.tensor([numbers[letter] for letter in text])
TRAIN, DEVELOP, TEST = ids[:500_000], ids[500_000:600_000], ids[600_000:]


class Guesser(nn.Module):
    """Two layers of attention that guess the next letter."""

    def __init__(self, added, position):
        super().__init__()
        self.embed, self.added = nn.Embedding(len(letters), 48), added
        layers = (MultiHeadAttention(48, num_heads=4, position=position) for _ in range(2))
        self.layers, self.read = nn.ModuleList(layers), nn.Linear(48, len(letters))

    def forward(self, ids):
        x = self.added(self.embed(ids))  # (batch, seq, d_model)
        for layer in self.layers:
            x = x + layer(x, mask=causal_mask(ids.shape[1]))
        return self.read(x)  # (batch, seq, letter)


def train(model, steps, *, seed, planned=STEPS, length=LENGTH, batch=BATCH, rate=RATE):
    """Take `steps` of `planned` steps, the rate falling to 0 over the plan; the losses."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    losses = []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / planned)
        start = torch.randint(len(TRAIN) - length, (batch,), generator=generator)
        part = TRAIN[start[:, None] + torch.arange(length + 1)]  # (batch, seq + 1)
        loss = F.cross_entropy(model(part[:, :-1]).flatten(0, 1), part[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def trained(method, seed, steps=STEPS):
    """A model with this method after `steps` steps, and the losses on the way."""
    torch.manual_seed(seed)
    model = Guesser(*METHODS[method]())
    return model, train(model, steps, seed=seed)


@torch.no_grad()
def judge(model, length, part=TEST, texts=128):
    """Mean loss on the last letters of `texts` texts, of which the model sees `length` letters."""
    ends = torch.linspace(max(LENGTHS) + 1, len(part), texts).long()
    window = part[ends[:, None] - length - 1 + torch.arange(length + 1)]  # (text, length + 1)
    losses = []
    for some in window.split(16):
        scores = model(some[:, :-1])[:, -JUDGED:].flatten(0, 1)
        losses.append(F.cross_entropy(scores, some[:, -JUDGED:].flatten()))
    return torch.stack(losses).mean().item()


def use(model, frequencies):
    """Give every layer of a rotary model other frequencies."""
    for layer in model.layers:
        layer.position = Rotary(12, frequencies=frequencies)


def stretched(model, frequencies, part=TEST):
    """The losses of a rotary model whose frequencies are changed for each length."""
    losses = []
    for length in LENGTHS:
        use(model, frequencies(12, length / LENGTH))
        losses.append(judge(model, length, part))
    return losses


def tuned(model, frequencies, seed):
    """Go on at the longer length, frequencies changed first; the loss there, after and before."""
    use(model, frequencies(12, LONGER / LENGTH))
    before = judge(model, LONGER)
    sizes = {"planned": TUNING, "length": LONGER, "batch": 6, "rate": RATE / 4}
    train(model, TUNING, seed=100 + seed, **sizes)
    return [before, judge(model, LONGER)]


def first_steps():
    """The losses of the first steps of each method, for a test to repeat."""
    return {method: trained(method, SEEDS[0], steps=5)[1] for method in METHODS}


def run():
    """Train and judge all methods with all seeds."""
    results = {"lengths": LENGTHS, "losses": {}, "curves": {}, "tuned": {}}
    for method in METHODS:
        for seed in SEEDS:
            model, curve = trained(method, seed)
            lengths = LENGTHS[:1] if method == "learned" else LENGTHS  # its table ends there
            row = [judge(model, length) for length in lengths]
            results["losses"].setdefault(method, []).append(row)
            if seed == SEEDS[0]:
                results["curves"][method] = curve[:200]
            if method == "rotary":
                stretch(model, seed, results)
    return results


def stretch(model, seed, results):
    """What becomes of a rotary model when its frequencies change, without and with training."""
    ways = {"interpolated": interpolated_frequencies, "NTK": ntk_frequencies}
    for name, way in ways.items():
        results["losses"].setdefault(f"rotary, {name}", []).append(stretched(model, way))
    state = {key: value.clone() for key, value in model.state_dict().items()}
    ways["as it was"] = lambda d_head, factor: None
    for name, way in ways.items():
        model.load_state_dict(state)
        results["tuned"].setdefault(name, []).append(tuned(model, way, seed))


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
