"""What each part of a fast recipe is worth: one is changed at a time, each at a rate of its own."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data.batches import windows
from course_lib.data.corpora import shakespeare
from course_lib.nn import (
    EncoderBlock,
    FeedForward,
    LayerNorm,
    LearnedPositions,
    MultiHeadAttention,
    PreNorm,
    Rotary,
    TokenEmbedding,
    causal_mask,
)
from course_lib.studies import write_record
from course_lib.training import Muon, warmup_stable_decay

SEEDS = (1, 2, 3)  # for the tests; rates are chosen with seed 0 on the development part
MAIN = ("recipe", "AdamW alone", "learned positions", "no positions", "a smear alone")
# three seeds for these, two for the rest
SEEN, BATCH, D_HEAD = 64, 8, 32
STEPS, TUNING_STEPS = 300, 150
MUON, REST, ALONE = 0.04, 0.008, 0.006  # rates; times one of:
FACTORS = (0.5, 1.0, 2.0)
TRAIN, DEVELOP = 0.9, 0.95  # of the text; what is left is the test


@dataclass(frozen=True)
class Recipe:
    """What may be changed."""

    d_model: int = 64
    layers: int = 3
    positions: str = "rotary"  # or learned ones, added to the input, or none
    start: float | None = None  # the size of learned positions, else 0.02; the embedding's is 1
    normed: bool = True  # queries and keys
    smear: bool = False  # add to each embedding a share of the one before
    zero: bool = True  # what writes into the stream and the head start at zero
    weights: bool = False  # of the norms
    muon: bool = True  # for the matrices of the blocks, else AdamW for all
    decay: float = 0.6  # the last part of the steps, over which the rate falls to zero
    overlap: bool = False  # windows from anywhere, else one after the other, shuffled


RUNGS = {
    "recipe": Recipe(),
    "AdamW alone": Recipe(muon=False),
    "learned positions": Recipe(positions="learned"),
    "learned positions that start larger": Recipe(positions="learned", start=0.5),
    "no positions": Recipe(positions="none"),
    "a smear alone": Recipe(positions="none", smear=True),
    "queries and keys as they are": Recipe(normed=False),
    "constant rate": Recipe(decay=0.0),
    "nothing starts at zero": Recipe(zero=False),
    "windows from anywhere": Recipe(overlap=True),
    "with a smear": Recipe(smear=True),
    "norms with weights": Recipe(weights=True),
    "wider: 96, two blocks": Recipe(d_model=96, layers=2),
    "deeper: 64, five blocks": Recipe(layers=5),
}


def text_ids():
    """The number of letters, and the plays as three tensors of ids."""
    plays = shakespeare()
    number = {letter: i for i, letter in enumerate(sorted(set(plays)))}
    ids = torch.tensor([number[letter] for letter in plays])
    cuts = int(TRAIN * len(ids)), int(DEVELOP * len(ids))
    return len(number), ids[: cuts[0]], ids[cuts[0] : cuts[1]], ids[cuts[1] :]


class PlainNorm(nn.Module):
    """A norm without weights."""

    def forward(self, x):
        return F.layer_norm(x, x.shape[-1:])


class Turned(nn.Module):
    """A norm for queries and keys, then a turn by their places, where these are asked for."""

    def __init__(self, recipe):
        super().__init__()
        self.norm = PlainNorm() if recipe.normed else nn.Identity()
        self.rotary = Rotary(D_HEAD) if recipe.positions == "rotary" else None

    def forward(self, query, key):
        query, key = self.norm(query), self.norm(key)
        return self.rotary(query, key) if self.rotary else (query, key, None)


class Writer(nn.Module):
    """A decoder-only model by a recipe: pre-norm, no biases, a head of its own."""

    def __init__(self, vocab_size, recipe):
        super().__init__()
        width = recipe.d_model
        self.embed = TokenEmbedding(vocab_size, width, scale=1.0)
        learned = recipe.positions == "learned"
        self.places = LearnedPositions(width, SEEN) if learned else nn.Identity()
        if recipe.start:
            nn.init.normal_(self.places.table, std=recipe.start)
        self.smear = nn.Parameter(torch.zeros(width)) if recipe.smear else None
        self.blocks = nn.ModuleList(block(recipe) for _ in range(recipe.layers))
        self.norm = LayerNorm(width) if recipe.weights else PlainNorm()
        self.head = nn.Linear(width, vocab_size, bias=False)
        if recipe.zero:
            nn.init.zeros_(self.head.weight)

    def forward(self, ids):
        x = self.places(self.embed(ids))
        if self.smear is not None:
            x = torch.cat([x[:, :1], x[:, 1:] + self.smear * x[:, :-1]], dim=1)
        for each in self.blocks:
            x = each(x, causal_mask)
        return self.head(self.norm(x))


def block(recipe):
    """One block of the recipe."""
    width = recipe.d_model
    position = Turned(recipe)
    attention = MultiHeadAttention(width, width // D_HEAD, bias=False, position=position)
    network = FeedForward(width, 4 * width, activation=F.gelu, bias=False)
    if recipe.zero:
        nn.init.zeros_(attention.to_out.weight)
        nn.init.zeros_(network.down.weight)
    return EncoderBlock(
        attention, network, lambda: PreNorm(LayerNorm(width) if recipe.weights else PlainNorm())
    )


def optimizers(model, recipe, factor):
    """Muon for the matrices of the blocks and AdamW for the rest, or AdamW for all."""
    given = {"betas": (0.9, 0.95), "weight_decay": 0.0, "fused": True}
    if not recipe.muon:
        return [torch.optim.AdamW(model.parameters(), factor * ALONE, **given)]
    turned = [p for p in model.blocks.parameters() if p.ndim == 2]
    known = set(turned)
    rest = [p for p in model.parameters() if p not in known]
    return [Muon(turned, factor * MUON), torch.optim.AdamW(rest, factor * REST, **given)]


def batches(ids, recipe, dice):
    """Windows and what follows each letter, without end."""
    if not recipe.overlap:
        yield from windows(ids, SEEN, BATCH, dice)
    while True:
        places = torch.randint(len(ids) - SEEN, (BATCH, 1), generator=dice) + torch.arange(SEEN)
        yield ids[places], ids[places + 1]


def loss_of(model, ids, wanted):
    """Nats a letter."""
    return F.cross_entropy(model(ids).flatten(0, 1), wanted.flatten())


@torch.no_grad()
def held_out(model, ids):
    """The loss on 500 windows spread evenly over a text."""
    starts = torch.linspace(0, len(ids) - SEEN - 1, 500).long()
    places = starts[:, None] + torch.arange(SEEN)
    losses = [loss_of(model, ids[some], ids[some + 1]) for some in places.split(100)]
    return torch.stack(losses).mean().item()


def train(ids, vocab_size, recipe, seed, *, factor=1.0, planned=STEPS, steps=None):
    """Take `steps` of the planned steps; the model and the losses."""
    torch.manual_seed(seed)
    model, losses = Writer(vocab_size, recipe), []
    made = optimizers(model, recipe, factor)
    highest = [optimizer.param_groups[0]["lr"] for optimizer in made]
    read = batches(ids, recipe, torch.Generator().manual_seed(seed))
    for step in range(planned if steps is None else steps):
        share = warmup_stable_decay(step, planned, planned // 20, int(recipe.decay * planned))
        for optimizer, rate in zip(made, highest, strict=True):
            optimizer.param_groups[0]["lr"] = rate * share
        loss = loss_of(model, *next(read))
        loss.backward()
        for optimizer in made:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    return model, losses


def tuned(recipe, factor, vocab_size, ids, develop):
    """The loss on the development part after a shorter run at this rate."""
    return held_out(
        train(ids, vocab_size, recipe, 0, factor=factor, planned=TUNING_STEPS)[0], develop
    )


def tested(recipe, factor, seed, vocab_size, ids, test):
    """The loss on the test, and the processor seconds of the training."""
    began = time.process_time()
    model, _ = train(ids, vocab_size, recipe, seed, factor=factor)
    spent = time.process_time() - began
    return held_out(model, test), spent


def rung(name, vocab_size, ids, develop, test):
    """One recipe: its rate on the development part, then a few seeds on the test, each once."""
    recipe, rates, asked = RUNGS[name], {}, list(FACTORS)
    while asked:
        for factor in asked:
            rates[factor] = tuned(recipe, factor, vocab_size, ids, develop)
        best = min(rates, key=rates.get)  # at an edge it may be better still beyond
        asked = [2 * best] * (best == max(rates)) + [best / 2] * (best == min(rates))
    seeds = SEEDS if name in MAIN else SEEDS[:2]
    found = [tested(recipe, best, seed, vocab_size, ids, test) for seed in seeds]
    return {
        "rates": {factor: rates[factor] for factor in sorted(rates)},
        "factor": best,
        "test": [nats for nats, _ in found],
        "seconds": [spent for _, spent in found],
        "parameters": sum(p.numel() for p in Writer(vocab_size, recipe).parameters()),
    }


def first_steps():
    """The losses of the first steps, for a test to repeat."""
    vocab_size, ids, *_ = text_ids()
    given = ids, vocab_size
    return {name: train(*given, RUNGS[name], SEEDS[0], steps=4)[1] for name in MAIN}


def run():
    """Each rung; `steps` says how long each run was, in batches of so many letters."""
    parts = text_ids()
    rungs = {name: rung(name, *parts) for name in RUNGS}
    return {"steps": STEPS, "letters": STEPS * SEEN * BATCH, "rungs": rungs}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
