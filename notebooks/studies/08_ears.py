"""The translator of chapter 08 with two widths of hearing: does its map tell the truth?"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import Sinusoidal
from course_lib.nn.stacks import Decoder, Encoder
from course_lib.studies import write_record

SEEDS = (0, 1, 2, 3, 4)
EARS = (2, 7)  # how far a word hears, on either side
STEPS, BATCH, RATE, WIDTH = 300, 64, 0.005, 48
OWN = (0, 2, 6, 4)  # of seven words, those that tell the thousands, hundreds, tens and units

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


told = [spoken(n) or ["null"] for n in range(10_000)]
source = ids_of(told, WORDS)
target = ids_of([["[start]", *str(n), "[end]"] for n in range(10_000)], DIGITS)


def around():
    return PreNorm(LayerNorm(WIDTH))


def look(num_heads):
    return MultiHeadAttention(WIDTH, num_heads)


class Translator(nn.Module):
    """Words in, a score for every next digit out."""

    def __init__(self, hears):
        super().__init__()
        self.hears = hears
        self.read_table = nn.Embedding(len(WORDS), WIDTH)
        self.write_table = nn.Embedding(len(DIGITS), WIDTH)
        self.positions = Sinusoidal(WIDTH)
        reader = EncoderBlock(look(2), FeedForward(WIDTH, 96), around)
        writers = [DecoderBlock(look(2), look(1), FeedForward(WIDTH, 96), around) for _ in range(2)]
        self.encoder = Encoder([reader], LayerNorm(WIDTH))
        self.decoder = Decoder(writers, LayerNorm(WIDTH))
        self.to_scores = nn.Linear(WIDTH, len(DIGITS))

    def forward(self, source, given, memory_mask=None):
        """Scores (batch, query, token), and the last cross-attention (batch, query, key)."""
        padding = padding_mask(source, 0)
        place = torch.arange(source.shape[1])
        near = (place[:, None] - place).abs() <= self.hears  # (key, key)
        notes = self.encoder(self.positions(self.read_table(source)), combine_masks(near, padding))
        x = self.positions(self.write_table(given))
        mask = combine_masks(causal_mask(given.shape[1]), padding_mask(given, 0))
        over = padding if memory_mask is None else memory_mask
        x, weights = self.decoder(x, notes, mask, over, return_weights=True)
        return self.to_scores(x), weights[-1][1][:, 0]


def draw(seed):
    """What is seen in training, and the unseen numbers of seven words, such as 4923."""
    shuffled = 100 + torch.randperm(9900, generator=torch.Generator().manual_seed(seed))
    seen = torch.cat([torch.arange(100).repeat(5), shuffled[:1900]])
    unseen = shuffled[4000:]
    long = torch.tensor([len(told[n]) == 7 and n > 999 for n in unseen.tolist()])
    return seen, unseen[long]


def train(hears, seed, steps=STEPS):
    """A translator after `steps` of the planned steps, and the losses on the way."""
    seen, _ = draw(seed)
    torch.manual_seed(seed)
    model, losses = Translator(hears), []
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    shrink = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS)
    for _ in range(steps):
        numbers = seen[torch.randint(len(seen), (BATCH,))]
        given, asked = target[numbers, :-1], target[numbers, 1:]
        scores, _ = model(source[numbers], given)
        loss = F.cross_entropy(scores.flatten(0, 1), asked.flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shrink.step()
        losses.append(loss.item())
    return model, losses


@torch.no_grad()
def examine(model, numbers):
    """The mean map, and the share of wrong digits with some notes hidden, each digit forced."""
    given, asked = target[numbers, :-1], target[numbers, 1:]

    def wrong(hidden):
        mask = padding_mask(source[numbers], 0).clone()
        mask[..., list(hidden)] = False
        scores, _ = model(source[numbers], given, mask)
        return (scores.argmax(dim=-1) != asked)[:, :4].float().mean(dim=0).tolist()

    _, weights = model(source[numbers], given)
    return {
        "map": weights.mean(dim=0)[:4, :7].tolist(),  # (digit, word)
        "all notes": wrong(()),
        "one hidden": [wrong({word}) for word in range(7)],  # (word, digit)
        "only its own": [wrong(set(range(7)) - {own}) for own in OWN],  # (digit's note, digit)
    }


def first_steps():
    """The losses of the first steps, for a test to repeat."""
    return {f"hears {hears}": train(hears, SEEDS[0], steps=5)[1] for hears in EARS}


def run():
    """Both kinds of reader, all seeds."""
    results = {}
    for hears in EARS:
        for seed in SEEDS:
            model, _ = train(hears, seed)
            results.setdefault(f"hears {hears}", []).append(examine(model, draw(seed)[1]))
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
