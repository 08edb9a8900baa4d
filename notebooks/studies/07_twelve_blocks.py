"""Twelve blocks, post-norm and pre-norm, over rates of learning, with and without a warm-up."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.nn.blocks import EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.stacks import Encoder
from course_lib.studies import write_record

SEEDS = (0, 1, 2)
DEPTH, WIDTH, STEPS, EVERY = 12, 32, 400, 10
RATES = (5e-4, 1e-3, 3e-3)
ORDERS = {"post-norm": PostNorm, "pre-norm": PreNorm}
WARM_UPS = {"post-norm": (0, 200), "pre-norm": (0,)}
OTHERWISE = {  # the other ways to draw the matrices that are tried, at the highest rate
    "post-norm": ("last matrices times 1/sqrt(2N)", "PyTorch's default"),
    "pre-norm": ("last matrices times 1/sqrt(2N)",),
}
START = {  # how the matrices are drawn: by Xavier's rule or PyTorch's, and times what the last ones
    "Xavier's rule": (True, 1.0),
    "last matrices times 1/sqrt(2N)": (True, (2 * DEPTH) ** -0.5),
    "PyTorch's default": (False, 1.0),
}


def stack(order, start="Xavier's rule"):
    """An untrained encoder, drawn as `start` says."""
    around, (xavier, last) = ORDERS[order], START[start]
    blocks = []
    for _ in range(DEPTH):
        parts = MultiHeadAttention(WIDTH, num_heads=4), FeedForward(WIDTH, 2 * WIDTH)
        blocks.append(EncoderBlock(*parts, lambda: around(nn.LayerNorm(WIDTH))))
    made = Encoder(blocks, nn.LayerNorm(WIDTH) if around is PreNorm else None)
    for linear in made.modules() if xavier else ():
        if isinstance(linear, nn.Linear):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
    for block in blocks:  # the matrices that write into the stream
        for linear in (block.attention.to_out, block.feed_forward.down):
            linear.weight.data *= last
    return made


def alike(x):
    """(batch, seq, d_model) -> the mean cosine between two different words of a sentence."""
    direction = F.normalize(x, dim=-1)
    n = x.shape[1]
    sums = (direction @ direction.mT).sum(dim=(1, 2))
    return ((sums - n) / (n * n - n)).mean().item()


def learn(order, seed, rate, warm_up, start="Xavier's rule", steps=STEPS):
    """The losses of learning ranks, and how alike the words of a sentence are at the end."""
    torch.manual_seed(seed)
    embed, encoder, read = nn.Embedding(12, WIDTH), stack(order, start), nn.Linear(WIDTH, 6)
    parameters = [*embed.parameters(), *encoder.parameters(), *read.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=rate, fused=True)
    losses = []
    for step in range(1, steps + 1):
        optimizer.param_groups[0]["lr"] = rate * min(1, step / warm_up) if warm_up else rate
        letters = torch.randint(12, (32, 6))  # (batch, seq)
        ranks = (letters[:, None] < letters[:, :, None]).sum(dim=-1)  # (batch, seq)
        hidden = encoder(embed(letters))
        loss = F.cross_entropy(read(hidden).flatten(0, 1), ranks.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, alike(hidden.detach())


def summary(losses, likeness):
    """What is kept of one run: means of ten losses, and the likeness at the end."""
    curve = torch.tensor(losses).view(-1, EVERY).mean(dim=1).tolist()
    return {"curve": curve, "alike": likeness}


def first_steps():
    """The losses of the first steps, for a test to repeat."""
    return {order: learn(order, SEEDS[0], RATES[0], 0, steps=4)[0] for order in ORDERS}


def run():
    """Both orders over rates and warm-ups; then, at the highest rate, drawn in other ways."""
    results = {"every": EVERY, "runs": {}, "drawn otherwise": {}}
    for order in ORDERS:
        for rate in RATES:
            for warm_up in WARM_UPS[order]:
                kept = [summary(*learn(order, seed, rate, warm_up)) for seed in SEEDS]
                results["runs"].setdefault(order, {})[f"{rate:g}, warm-up {warm_up}"] = kept
        for start in OTHERWISE[order]:
            kept = [summary(*learn(order, seed, max(RATES), 0, start)) for seed in SEEDS]
            results["drawn otherwise"].setdefault(order, {})[start] = kept
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
