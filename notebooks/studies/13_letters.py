"""A small GPT reads Shakespeare: a tenth of a million letters, and up to two million.

Rates were tried on the development part with seed 0; the longest run has had one rate only.
"""

import time
from math import log
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib import nn as parts
from course_lib.data.batches import windows
from course_lib.data.corpora import shakespeare
from course_lib.generation import generate, sample
from course_lib.studies import write_record

SEEDS = (0, 1, 2)
D_MODEL, HEADS, LAYERS, CONTEXT, BATCH = 96, 3, 3, 128, 8
MUON_RATE, ADAM_RATE, WARM_UP, DECAY = 0.02, 0.004, 0.02, 0.6  # the last two: shares of the run
STEPS = {137: SEEDS, 550: (0,), 2200: (0,)}  # and with which seeds
FASTER = {137: 4.0, 550: 2.0, 2200: 1.0}  # times both rates: of 1, 2, 4 (and 8 at 137) the best
LOOKS = (0, 30, 137, 550)  # of the runs of 550 steps: what they write
TRAIN, DEVELOP = 0.9, 0.95  # of the text; what is left is the test
PLACES = 8  # in a window, that are averaged


def text_ids():
    """The letters, and the plays as three tensors of ids: learn, develop, test."""
    plays = shakespeare()
    letters = sorted(set(plays))
    number = {letter: i for i, letter in enumerate(letters)}
    ids = torch.tensor([number[letter] for letter in plays])
    cuts = int(TRAIN * len(ids)), int(DEVELOP * len(ids))
    return letters, ids[: cuts[0]], ids[cuts[0] : cuts[1]], ids[cuts[1] :]


class Even(nn.Module):
    """Every vector at one length; a norm with nothing to learn."""

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:])


class EvenRotary(parts.Rotary):
    """Rotary positions for queries and keys of one length."""

    def forward(self, query, key, places=None):
        even = Even()
        return super().forward(even(query), even(key), places)


class Writer(nn.Module):
    """Decoder-only: a table, blocks that look back, a head; whatever adds begins at zero."""

    def __init__(self, vocab_size):
        super().__init__()
        self.embed = parts.TokenEmbedding(vocab_size, D_MODEL, scale=1.0)
        blocks = [
            parts.EncoderBlock(
                parts.MultiHeadAttention(
                    D_MODEL, HEADS, bias=False, position=EvenRotary(D_MODEL // HEADS)
                ),
                parts.FeedForward(D_MODEL, 4 * D_MODEL, activation=F.gelu, bias=False),
                lambda: parts.PreNorm(Even()),
            )
            for _ in range(LAYERS)
        ]
        self.stack = parts.Encoder(blocks, Even())
        self.head = nn.Linear(D_MODEL, vocab_size, bias=False)
        for name, matrix in self.named_parameters():
            if name.endswith(("to_out.weight", "down.weight", "head.weight")):
                nn.init.zeros_(matrix)

    def forward(self, ids, mask=parts.causal_mask, *, places=None, cache=None):
        x = self.embed(ids[:, 0 if cache is None else cache.length :])
        return self.head(self.stack(x, mask, places=places, cache=cache))


def train(ids, vocab_size, seed, planned, *, steps=None, watch=None):
    """Take `steps` of the planned steps; the model and the losses."""
    torch.manual_seed(seed)
    model, losses = Writer(vocab_size), []
    matrices = list(model.stack.parameters())
    others = [*model.embed.parameters(), *model.head.parameters()]
    optimizers = {
        torch.optim.Muon(matrices, weight_decay=0.0): MUON_RATE,
        torch.optim.AdamW(others, betas=(0.9, 0.95), weight_decay=0.0): ADAM_RATE,
    }
    batches = windows(ids, CONTEXT, BATCH, torch.Generator().manual_seed(seed))
    for step, (given, asked) in zip(
        range(planned if steps is None else steps), batches, strict=False
    ):
        if watch:
            watch(model, step)
        share = min((step + 1) / (WARM_UP * planned), 1, (1 - step / planned) / DECAY)
        for optimizer, rate in optimizers.items():
            optimizer.param_groups[0]["lr"] = share * rate * FASTER[planned]
            optimizer.zero_grad()
        loss = F.cross_entropy(model(given).flatten(0, 1), asked.flatten())
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    return model, losses


@torch.no_grad()
def bits(model, ids):
    """Bits for each letter of windows without overlap, (window, place)."""
    count = (len(ids) - 1) // CONTEXT
    given, asked = (ids[i : i + count * CONTEXT].view(count, CONTEXT) for i in (0, 1))
    nats = [
        F.cross_entropy(model(x).mT, y, reduction="none")
        for x, y in zip(given.split(64), asked.split(64), strict=True)
    ]
    return torch.cat(nats) / log(2)


def written(model, letters, start="ROMEO:\n", more=250):
    """What it writes: each letter drawn by the probabilities, the dice always the same."""
    torch.manual_seed(1)
    ids = torch.tensor([[letters.index(letter) for letter in start]])
    ids = generate(model, ids, max_new_tokens=more, pick=sample(), context=CONTEXT)
    return "".join(letters[i] for i in ids[0])


def study_one(seed, planned, letters, ids, develop, test):
    """One model: the test, once; where in a window; and what it writes on the way."""
    texts, begun = {}, time.process_time()

    def watch(model, step):
        if planned == max(LOOKS) and step in LOOKS:
            texts[step] = written(model, letters)

    model, _ = train(ids, len(letters), seed, planned, watch=watch)
    seconds = time.process_time() - begun
    texts[planned] = written(model, letters)
    of_test = bits(model, test)
    print(planned, seed, of_test.mean().item(), seconds, flush=True)
    return {
        "test": of_test.mean().item(),
        "develop": bits(model, develop).mean().item(),
        "places": of_test.mean(dim=0).view(-1, PLACES).mean(dim=1).tolist(),
        "texts": texts,
        "cpu seconds": seconds,
    }


def first_steps():
    """The first losses of the first seed."""
    letters, ids, *_ = text_ids()
    return {"losses": train(ids, len(letters), SEEDS[0], 550, steps=4)[1]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    texts, script = text_ids(), Path(__file__).resolve()
    runs = {n: [study_one(seed, n, *texts) for seed in seeds] for n, seeds in STEPS.items()}
    results = {"runs": runs, "letters a step": CONTEXT * BATCH}
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=results)
