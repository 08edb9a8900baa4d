"""Writing with a cache, ours against Hugging Face's `generate`, side by side in one run.

    python benchmarks/generation.py [lean] [static] [growing]

Greedy, 256 tokens after 16, one row: a decoder of 4 layers and a width of 256 with the weights of
Hugging Face's own GPT-2, whose ids must come out. `lean` writes with a twin of the model and a
static cache, and makes both within its time; the others write with the model itself.

Times are processor seconds of one thread. Both sides take turns, so whatever else the machine does
falls on both; a row shows tokens a second, and the median of the ratios theirs / ours with its
quartiles. Where other work pushes the weights out of the processor's caches, both wait for the same
memory, and the ratio comes nearer to 1.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.generation import generate
from course_lib.nn import (
    Encoder,
    EncoderBlock,
    FeedForward,
    GrowingCache,
    LayerNorm,
    LearnedPositions,
    MultiHeadAttention,
    PreNorm,
    StaticCache,
    TiedHead,
    TokenEmbedding,
    causal_mask,
    lean,
)
from course_lib.pretrained.names import Transposed, expand_layers, load_renamed

VOCAB, D_MODEL, LAYERS, HEADS, MAX_LEN = 65, 256, 4, 4, 512
PROMPT, NEW, ROUNDS = 16, 256, 15
BLOCK, OURS = "transformer.h.{i}", "stack.blocks.{i}"
NAMES = {
    "transformer.wte": "embed.table",
    "lm_head": "embed.table",
    "transformer.wpe.weight": "positions.table",
    f"{BLOCK}.ln_1": f"{OURS}.around_attention.norm",
    f"{BLOCK}.attn.c_attn": Transposed(tuple(f"{OURS}.attention.to_{part}" for part in "qkv")),
    f"{BLOCK}.attn.c_proj": Transposed(f"{OURS}.attention.to_out"),
    f"{BLOCK}.ln_2": f"{OURS}.around_feed_forward.norm",
    f"{BLOCK}.mlp.c_fc": Transposed(f"{OURS}.feed_forward.up"),
    f"{BLOCK}.mlp.c_proj": Transposed(f"{OURS}.feed_forward.down"),
    "transformer.ln_f": "stack.norm",
}


class Decoder(nn.Module):
    """GPT-2 of the parts of course_lib."""

    def __init__(self):
        super().__init__()
        self.embed = TokenEmbedding(VOCAB, D_MODEL, scale=1.0)
        self.positions = LearnedPositions(D_MODEL, MAX_LEN)
        gelu = partial(F.gelu, approximate="tanh")

        def block() -> nn.Module:
            network = FeedForward(D_MODEL, 4 * D_MODEL, activation=gelu)
            return EncoderBlock(
                MultiHeadAttention(D_MODEL, HEADS), network, lambda: PreNorm(LayerNorm(D_MODEL))
            )

        self.stack = Encoder([block() for _ in range(LAYERS)], LayerNorm(D_MODEL))
        self.head = TiedHead(self.embed)

    def forward(self, ids: Tensor, cache=None) -> Tensor:
        read = 0 if cache is None else cache.length
        x = self.positions(self.embed(ids[:, read:]), read)
        return self.head(self.stack(x, causal_mask, cache=cache))


def both() -> tuple[nn.Module, nn.Module]:
    """Hugging Face's model, and ours with its weights."""
    sizes = {"n_embd": D_MODEL, "n_layer": LAYERS, "n_head": HEADS, "n_positions": MAX_LEN}
    config = GPT2Config(vocab_size=VOCAB, **sizes, eos_token_id=None, bos_token_id=None)
    theirs, ours = GPT2LMHeadModel(config).eval(), Decoder().eval()
    load_renamed(ours, theirs.state_dict(), expand_layers(NAMES, LAYERS))
    return ours, theirs


def compare(name: str, ours: Callable[[], Tensor], theirs: Callable[[], Tensor]) -> None:
    """Print the ratio of processor times, the sides taking turns."""
    ratios, seconds = [], {ours: [], theirs: []}
    for turn in range(ROUNDS + 1):
        spent, ids = {}, {}
        for side in (ours, theirs) if turn % 2 else (theirs, ours):
            began = time.process_time()
            ids[side] = side()
            spent[side] = time.process_time() - began
        if not torch.equal(ids[ours], ids[theirs]):
            raise SystemExit(f"{name}: the two write different ids")
        if turn:  # the first warms up
            ratios.append(spent[theirs] / spent[ours])
            for side in spent:
                seconds[side].append(NEW / spent[side])
    low, middle, high = statistics.quantiles(ratios, n=4)
    speeds = "  ".join(f"{statistics.median(seconds[side]):7.0f}" for side in (ours, theirs))
    print(f"{name:20} {speeds}  {middle:.2f}  ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ours, theirs = both()
    ids = torch.randint(0, VOCAB, (1, PROMPT))
    settled = {"max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False, "pad_token_id": 0}
    their_write = partial(theirs.generate, ids, **settled)
    write = partial(generate, max_new_tokens=NEW)
    sides = {
        "lean": lambda: write(lean(ours), ids, cache=StaticCache(PROMPT + NEW)),
        "static": lambda: write(ours, ids, cache=StaticCache(PROMPT + NEW)),
        "growing": lambda: write(ours, ids, cache=GrowingCache()),
    }
    print(f"{'tokens a second':20}    ours   theirs  theirs / ours (quartiles)")
    for asked in sys.argv[1:] or sides:
        compare(asked, sides[asked], their_write)
