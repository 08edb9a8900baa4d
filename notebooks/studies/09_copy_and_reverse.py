"""Copy and reverse, three seeds each: how soon, how surely, and where the model looks."""

from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.studies import write_record

SEEDS = (0, 1, 2)
PAD, START, END = 0, 1, 2  # a is 3
LONGEST = 12
SIZES = {"d_model": 48, "num_heads": 2, "num_layers": 1, "d_ff": 48}
BATCH, RATE, WARM_UP = 64, 0.008, 60  # chosen on the development part, as `tune` shows
STEPS = {"copy": 400, "reverse": 600}
VARIANTS = {  # of the second task
    "one head": {"num_heads": 1},
    "no positions": {"positions": False},
    "any letters": {"few": 26},
}
RATES, WARM_UPS = (0.004, 0.008, 0.016), (0, WARM_UP)


def draw(n, part, few=5):
    """n random words, each from an alphabet of `few` letters, (n, 12), filled up with PAD."""
    many = 2 * n + 50 if part == "train" else 20 * n
    length = torch.randint(1, LONGEST + 1, (many, 1))
    length[torch.rand(many) < 0.3] = LONGEST  # the long ones are hard, so there are more of them
    letters = 3 + torch.rand(many, 26).argsort(dim=1)[:, :few]
    words = letters.gather(1, torch.randint(few, (many, LONGEST)))
    words = words.masked_fill(torch.arange(LONGEST) >= length, PAD)
    last = words.sum(dim=1) % 10
    return words[{"train": last > 1, "develop": last == 1, "test": last == 0}[part]][:n]


def task(words, name):
    """What is read, given and asked, each (n, 13)."""
    length = (words != PAD).sum(dim=1, keepdim=True)
    answer = words
    if name == "reverse":
        place = length - 1 - torch.arange(LONGEST)
        answer = words.gather(1, place.clamp(min=0)).masked_fill(words == PAD, PAD)
    read, asked = (F.pad(ids, (0, 1)).scatter(1, length, END) for ids in (words, answer))
    return read, F.pad(asked, (1, 0), value=START)[:, :-1], asked


def make(seed, *, num_heads=2, positions=True):
    """A fresh model."""
    torch.manual_seed(seed)
    sizes = SIZES | {"num_heads": num_heads}
    model = Seq2Seq(Seq2SeqConfig(29, 29, **sizes, dropout=0.0), norm=nn.LayerNorm)
    if not positions:
        model.position = nn.Identity()
    return model


def train(model, name, *, steps=None, few=5, rate=RATE, warm_up=WARM_UP, watch=None):
    """Take `steps` of the planned steps; the losses. `watch` is called every 50 steps."""
    planned, losses = STEPS[name], []
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98))
    for step in range(planned if steps is None else steps):
        if watch and step % 50 == 0:
            watch(model)
        rise = (step + 1) / warm_up if warm_up else 1
        optimizer.param_groups[0]["lr"] = rate * min(rise, 1 - step / planned)
        read, given, asked = task(draw(BATCH, "train", few), name)
        scores = model(read, given).flatten(0, 1)
        loss = F.cross_entropy(scores, asked.flatten(), ignore_index=PAD)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def right(model, words, name):
    """Which words are written without a mistake, END in its place; (n,) of bool."""
    read, _, asked = task(words, name)
    memory, given = model.encode(read), torch.full((len(read), 1), START)
    for _ in range(asked.shape[1]):
        best = model.decode(given, memory, read)[:, -1:].argmax(dim=-1)
        given = torch.cat([given, best], dim=1)
    return ((given[:, 1:] == asked) | (asked == PAD)).all(dim=1)


@torch.no_grad()
def mass(model, words, name):
    """Of the looks of all heads, the share on the letter that is written next."""
    words = words[(words != PAD).all(dim=1)]
    read, given, _ = task(words, name)
    _, weights = model.decode(given, model.encode(read), read, return_weights=True)
    place = torch.arange(LONGEST)
    key = place.flip(0) if name == "reverse" else place
    return weights[-1][1][:, :, place, key].mean().item()


def words_of(n, part, seed, few=26):
    """The same words each time, without touching anybody else's dice."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return draw(n, part, few)


def study_one(name, seed, *, few=5, **model_changes):
    """Train one model: its curve on the development part, then the test, once."""
    model, curve = make(seed, **model_changes), []
    developing, test = words_of(200, "develop", 1), words_of(500, "test", 4)
    repeating = words_of(2000, "test", 5, few=2)

    def watch(model):
        curve.append(right(model, developing, name).float().mean().item())

    train(model, name, few=few, watch=watch)
    watch(model)
    return {
        "curve": curve,
        "test": int(right(model, test, name).sum()),
        "two letters": int(right(model, repeating, name).sum()),
        "mass": mass(model, test, name),
    }


def tune():
    """Reversing: for each warm-up and rate, the share of develop words right, one a seed."""
    developing, found = words_of(1000, "develop", 1), {}
    for warm_up in WARM_UPS:
        for rate in RATES:
            for seed in SEEDS:
                model = make(seed)
                train(model, "reverse", rate=rate, warm_up=warm_up)
                share = right(model, developing, "reverse").float().mean().item()
                found.setdefault(warm_up, {}).setdefault(rate, []).append(share)
    return found


def first_steps():
    """The losses of the first steps of each task, for a test to repeat."""
    return {name: train(make(SEEDS[0]), name, steps=5) for name in STEPS}


def run():
    """Both tasks as they are, then the second one with one thing changed at a time."""
    results = {name: [study_one(name, seed) for seed in SEEDS] for name in STEPS}
    for variant, changes in VARIANTS.items():
        one = partial(study_one, "reverse", **changes)
        results[variant] = [one(seed) for seed in SEEDS]
    return {"runs": results, "tuning": tune()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
