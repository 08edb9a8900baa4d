"""The small decoder that runs the race of shakespeare.py: course_lib's parts, and its training."""

import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data.batches import windows
from course_lib.nn import (
    EncoderBlock,
    FeedForward,
    MultiHeadAttention,
    PreNorm,
    TokenEmbedding,
    rotary_angles,
    rotary_frequencies,
)
from course_lib.training import Muon, warmup_stable_decay

D_MODEL, HEADS, SEEN, BATCH = 96, 3, 128, 8
RATES = {"muon": 0.02, "rest": 0.004, "adamw": 0.003}
WARM_UP, DECAY, LOOK = 0.02, 0.6, 1.5  # shares of the training; seconds kept for the last look


def norm(x: Tensor) -> Tensor:
    """A norm without weights."""
    return F.layer_norm(x, x.shape[-1:])


class Norm(nn.Module):
    """The same as a part."""

    def forward(self, x: Tensor) -> Tensor:
        return norm(x)


class NormedRotary(nn.Module):
    """Queries and keys of one length, then turned by their places."""

    def __init__(self, d_head: int):
        super().__init__()
        angles = rotary_angles(torch.arange(SEEN), rotary_frequencies(d_head))
        self.turns = torch.polar(torch.ones_like(angles), angles).to(torch.complex64)

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor, None]:
        return self.turn(query), self.turn(key), None

    def turn(self, x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(norm(x).float().unflatten(-1, (-1, 2)).contiguous())
        return torch.view_as_real(pairs * self.turns[: x.shape[-2]]).flatten(-2).to(x.dtype)


class Causal(nn.Module):
    """Attention to the past in two products: at this length faster than the fused one backwards."""

    def __init__(self):
        super().__init__()
        self.future = torch.full((SEEN, SEEN), float("-inf")).triu(1)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask=None) -> tuple[Tensor, None]:
        seen, scale = query.shape[-2], query.shape[-1] ** -0.5
        future = self.future[:seen, :seen].to(query.dtype)
        q, k, v = (x.flatten(0, 1) for x in (query, key, value))
        weights = torch.baddbmm(future, q, k.mT, alpha=scale).softmax(dim=-1)
        return (weights.to(v.dtype) @ v).view_as(query), None


class Writer(nn.Module):
    """Pre-norm without weights or biases; all that writes into the stream begins at zero."""

    def __init__(self, vocab_size: int, layers: int):
        super().__init__()
        self.embed = TokenEmbedding(vocab_size, D_MODEL, scale=1.0)
        self.smear = nn.Parameter(torch.zeros(D_MODEL))
        self.blocks = nn.ModuleList(self.block() for _ in range(layers))
        self.head = nn.Linear(D_MODEL, vocab_size, bias=False)
        nn.init.zeros_(self.head.weight)

    def block(self) -> nn.Module:
        position = NormedRotary(D_MODEL // HEADS)
        attention = MultiHeadAttention(
            D_MODEL, HEADS, bias=False, attend=Causal(), position=position
        )
        network = FeedForward(D_MODEL, 4 * D_MODEL, activation=F.gelu, bias=False)
        nn.init.zeros_(attention.to_out.weight)
        nn.init.zeros_(network.down.weight)
        return EncoderBlock(attention, network, lambda: PreNorm(Norm()))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        x = torch.cat([x[:, :1], x[:, 1:] + self.smear * x[:, :-1]], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(norm(x))


def half_is_faster() -> bool:
    """Does this processor multiply bfloat16 itself? One without is several times slower at it."""
    spent = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.randn(1024, 96, dtype=dtype), torch.randn(96, 384, dtype=dtype)
        for _ in range(20):
            began = time.process_time()
            a @ b
            spent[dtype] = min(spent.get(dtype, 1.0), time.process_time() - began)
    return spent[torch.bfloat16] < 0.5 * spent[torch.float32]


def optimizers(model: Writer, kind: str, dtype: torch.dtype) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks and AdamW for the rest, or AdamW alone."""
    given = {"betas": (0.9, 0.95), "weight_decay": 0.0, "fused": True}
    if kind == "adamw":
        return [torch.optim.AdamW(model.parameters(), RATES["adamw"], **given)]
    rest = [model.smear, model.embed.table.weight, model.head.weight]
    return [
        Muon(model.blocks.parameters(), RATES["muon"], dtype=dtype),
        torch.optim.AdamW(rest, RATES["rest"], **given),
    ]


def ours(text: str, seconds: float, layers: int, kind: str, seed: int) -> dict:
    """Train until the time is nearly up, look at the rest of the text, and tell."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    vocab_size, known, rest = split(text)
    half = half_is_faster()
    model = Writer(vocab_size, layers)
    made = optimizers(model, kind, torch.bfloat16 if half else torch.float32)
    highest = [optimizer.param_groups[0]["lr"] for optimizer in made]

    def loss(ids: Tensor, wanted: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = model(ids)
        return F.cross_entropy(logits.float().flatten(0, 1), wanted.flatten())

    began, end, steps = time.process_time(), seconds - LOOK, 0
    for ids, wanted in windows(known, SEEN, BATCH):
        done = int(1000 * (time.process_time() - began) / (end - began))
        if done >= 1000:
            break
        share = warmup_stable_decay(done, 1000, int(1000 * WARM_UP), int(1000 * DECAY))
        for optimizer, rate in zip(made, highest, strict=True):
            optimizer.param_groups[0]["lr"] = rate * share
        loss(ids, wanted).backward()
        for optimizer in made:
            optimizer.step()
            optimizer.zero_grad()
        steps += 1
    tokens = steps * SEEN * BATCH
    return {"nats": look(loss, rest, SEEN), "tokens": tokens, "bfloat16": half}


def split(path: str) -> tuple[int, Tensor, Tensor]:
    """How many letters there are, the ids of the first 90 % of the text, and of the rest."""
    text = Path(path).read_text(encoding="utf-8")
    letters = {letter: i for i, letter in enumerate(sorted(set(text)))}
    ids = torch.tensor([letters[letter] for letter in text])
    cut = int(0.9 * len(ids))
    return len(letters), ids[:cut], ids[cut:]


@torch.no_grad()
def look(loss, ids: Tensor, seen: int) -> float:
    """Nats a letter over a whole text but its first letter, in windows without overlap."""
    asked = len(ids) - 1
    whole = asked // seen * seen
    pairs = ids[:-1], ids[1:]
    total = 0.0
    for read, wanted in zip(*(x[:whole].view(-1, seen).split(64) for x in pairs), strict=True):
        total += loss(read, wanted).item() * wanted.numel()
    if whole < asked:
        total += loss(*(x[None, whole:] for x in pairs)).item() * (asked - whole)
    return total / asked
