"""A small translator, trained by a loop with one mistake at a time: what the curves show."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import Sinusoidal
from course_lib.nn.stacks import Decoder, Encoder
from course_lib.studies import write_record

SEEDS = (0, 1, 2)
STEPS, BATCH, RATE, WIDTH, DROPOUT, LARGEST = 300, 64, 0.005, 48, 0.1, 1.0
EVERY = 20  # steps between two looks at unseen numbers
KINDS = (
    "healthy",
    "gradients never set to zero",
    "target not shifted",
    "padding counted in the loss",
    "causal mask transposed",
    "rate a hundred times too high",
    "judged with dropout on",
    "clipped after the step",
)

LOW = ["ein", "zwei", "drei", "vier", "fünf", "sechs"]
LOW += ["sieben", "acht", "neun", "zehn", "elf", "zwölf"]
TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
WORDS = ["[pad]", "null", *LOW, *TENS, "und", "hundert", "tausend"]
DIGITS = ["[pad]", "[start]", "[end]", *"0123456789"]


def spoken(n):
    """0 < n < 10,000 in German, as a list of words."""
    if n >= 1000:
        return [LOW[n // 1000 - 1], "tausend", *spoken(n % 1000)]
    if n >= 100:
        return [LOW[n // 100 - 1], "hundert", *spoken(n % 100)]
    if n >= 20:
        return [*([LOW[n % 10 - 1], "und"] if n % 10 else []), TENS[n // 10 - 2]]
    return [LOW[n - 11], "zehn"] if n > 12 else [LOW[n - 1]] if n else []


def ids_of(rows, vocabulary):
    """Lists of tokens -> ids (row, seq), filled up with 0 on the right."""
    ids = [torch.tensor([vocabulary.index(token) for token in row]) for row in rows]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True)


told = [spoken(n) or ["null"] for n in range(1000)]
source = ids_of(told, WORDS)
target = ids_of([["[start]", *str(n), "[end]"] for n in range(1000)], DIGITS)


def look():
    return MultiHeadAttention(WIDTH, 2)


def around():
    return PreNorm(LayerNorm(WIDTH), DROPOUT)


class Translator(nn.Module):
    """Words in, a score for every next digit out; one block on each side."""

    def __init__(self, transposed):
        super().__init__()
        self.transposed = transposed
        self.read_table = nn.Embedding(len(WORDS), WIDTH)
        self.write_table = nn.Embedding(len(DIGITS), WIDTH)
        self.positions = Sinusoidal(WIDTH)
        think = [FeedForward(WIDTH, 96) for _ in range(2)]
        self.encoder = Encoder([EncoderBlock(look(), think[0], around)], LayerNorm(WIDTH))
        self.decoder = Decoder([DecoderBlock(look(), look(), think[1], around)], LayerNorm(WIDTH))
        self.to_scores = nn.Linear(WIDTH, len(DIGITS))

    def forward(self, source, given):
        seen = padding_mask(source, 0)
        memory = self.encoder(self.positions(self.read_table(source)), seen)
        past = causal_mask(given.shape[1])
        past = past.T if self.transposed else past
        x = self.positions(self.write_table(given))
        return self.to_scores(self.decoder(x, memory, past & padding_mask(given, 0), seen))


def loss_of(model, numbers, kind):
    """The mean loss, made as this kind of loop makes it."""
    rows = target[numbers]
    given, asked = (rows, rows) if kind == "target not shifted" else (rows[:, :-1], rows[:, 1:])
    scores = model(source[numbers], given).flatten(0, 1)
    ignored = -100 if kind == "padding counted in the loss" else 0
    return F.cross_entropy(scores, asked.flatten(), ignore_index=ignored)


@torch.no_grad()
def right(model, numbers):
    """The share of numbers that it writes without a mistake, `[end]` in its place."""
    given = torch.ones(len(numbers), 1, dtype=torch.long)
    for _ in range(4):
        best = model(source[numbers], given)[:, -1:].argmax(dim=-1)
        given = torch.cat([given, best], dim=1)
    asked = target[numbers, 1:]
    return ((given[:, 1:] == asked) | (asked == 0)).all(dim=1).float().mean().item()


def train(kind, seed, steps=STEPS):
    """The curves of `steps` of the planned steps."""
    torch.manual_seed(seed)
    shuffled = torch.randperm(1000)
    seen, unseen = shuffled[:700], shuffled[700:]
    model = Translator(kind == "causal mask transposed")
    rate = RATE * (100 if kind == "rate a hundred times too high" else 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    curves = {"loss": [], "norm": [], "unseen loss": [], "written": []}
    for step in range(steps):
        if step % EVERY == 0:
            model.train(kind == "judged with dropout on")
            with torch.no_grad():
                curves["unseen loss"].append(loss_of(model, unseen, kind).item())
            curves["written"].append(right(model, unseen))
        model.train()
        optimizer.param_groups[0]["lr"] = rate * (1 - step / STEPS)
        loss = loss_of(model, seen[torch.randint(len(seen), (BATCH,))], kind)
        if kind != "gradients never set to zero":
            optimizer.zero_grad()
        loss.backward()
        if kind == "clipped after the step":
            optimizer.step()
        norm = nn.utils.clip_grad_norm_(model.parameters(), LARGEST)
        if kind != "clipped after the step":
            optimizer.step()
        curves["loss"].append(loss.item())
        curves["norm"].append(norm.item())
    return curves


def first_steps():
    """The losses of the first steps, for a test to repeat."""
    return {kind: train(kind, SEEDS[0], steps=4)["loss"] for kind in KINDS}


def thinned(curves):
    """Of what is noted at every step, each fifth."""
    return curves | {name: curves[name][::5] for name in ("loss", "norm")}


def run():
    """Every kind of loop, every seed."""
    return {kind: [thinned(train(kind, seed)) for seed in SEEDS] for kind in KINDS}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
