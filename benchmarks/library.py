"""Our parts against plain PyTorch's, a training step each, side by side in one run.

    python benchmarks/library.py [attention] [block] [seq2seq]

Times are processor seconds of one thread. Both sides take turns, so whatever else the machine does
falls on both; a row shows the median of the ratios ours / theirs and its quartiles.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.nn.blocks import EncoderBlock, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm

HEADS, TOKENS, ROUNDS = 4, 2048, 25


class PlainAttention(nn.Module):
    """Causal attention as nanoGPT writes it: one matrix for queries, keys and values."""

    def __init__(self, d_model: int):
        super().__init__()
        self.to_qkv, self.to_out = nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        batch, seq, d_model = x.shape
        q, k, v = (
            part.view(batch, seq, HEADS, d_model // HEADS).transpose(1, 2)
            for part in self.to_qkv(x).split(d_model, dim=2)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.to_out(mixed.transpose(1, 2).contiguous().view(batch, seq, d_model))


class PlainBlock(nn.Module):
    """nanoGPT's block: norm first, GELU, four times as wide."""

    def __init__(self, d_model: int):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = PlainAttention(d_model)
        self.up, self.down = nn.Linear(d_model, 4 * d_model), nn.Linear(4 * d_model, d_model)
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x))
        return x + self.dropout(self.down(F.gelu(self.up(self.norm_2(x)))))


def our_block(d_model: int) -> nn.Module:
    parts = MultiHeadAttention(d_model, HEADS), FeedForward(d_model, 4 * d_model, activation=F.gelu)
    return EncoderBlock(*parts, lambda: PreNorm(LayerNorm(d_model)))


def step(forward: Callable[[], Tensor], modules: list[nn.Module]) -> Callable[[], None]:
    """Forward, backward and no more gradients: what training does without the optimizer."""

    def run() -> None:
        forward().sum().backward()
        for module in modules:
            module.zero_grad()

    return run


def compare(name: str, ours: Callable[[], None], theirs: Callable[[], None]) -> None:
    """Print the ratio of processor times, the sides taking turns."""
    ratios, seconds = [], []
    for turn in range(ROUNDS + 3):
        spent = {}
        for side in (ours, theirs) if turn % 2 else (theirs, ours):
            began = time.process_time()
            side()
            spent[side] = time.process_time() - began
        if turn >= 3:  # the first warm up
            ratios.append(spent[ours] / spent[theirs])
            seconds.append(spent[theirs])
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"{name:32} {middle:.3f}  ({low:.3f} to {high:.3f})  {statistics.median(seconds):.4f} s")


def attention() -> None:
    """The attention module, causal."""
    for d_model in (128, 256, 512):
        for seq in (64, 256, 1024):
            ours, theirs = MultiHeadAttention(d_model, HEADS), PlainAttention(d_model)
            x = torch.randn(TOKENS // seq, seq, d_model, requires_grad=True)
            compare(
                f"attention d {d_model}, n {seq}",
                step(lambda x=x, m=ours: m(x, mask=causal_mask), [ours]),
                step(lambda x=x, m=theirs: m(x), [theirs]),
            )


def block() -> None:
    """A decoder-only block, causal, against nanoGPT's."""
    for d_model in (128, 256, 512):
        for seq in (64, 256, 1024):
            ours, theirs = our_block(d_model), PlainBlock(d_model)
            x = torch.randn(TOKENS // seq, seq, d_model, requires_grad=True)
            compare(
                f"block d {d_model}, n {seq}",
                step(lambda x=x, m=ours: m(x, causal_mask), [ours]),
                step(lambda x=x, m=theirs: m(x), [theirs]),
            )


def seq2seq() -> None:
    """The encoder–decoder between its tables and its head, against `nn.Transformer`."""
    for d_model, seq in ((128, 64), (256, 64), (256, 256), (512, 64)):
        sizes = Seq2SeqConfig(97, 97, d_model, HEADS, 2, 4 * d_model, dropout=0.0)
        ours = Seq2Seq(sizes)
        theirs = nn.Transformer(d_model, HEADS, 2, 2, 4 * d_model, 0.0, batch_first=True)
        theirs.encoder.norm = theirs.decoder.norm = nn.Identity()  # post-norm needs none
        ids = torch.randint(1, 97, (TOKENS // seq, seq))
        ids[0, seq // 2 :] = 0  # some padding
        hidden, ahead = ids == 0, nn.Transformer.generate_square_subsequent_mask(seq) != 0

        def plain(model=ours, theirs=theirs, ids=ids, hidden=hidden, ahead=ahead) -> Tensor:
            x = model.position(model.embed_source(ids))
            y = model.position(model.embed_target(ids))
            masks = {
                "src_key_padding_mask": hidden,
                "tgt_key_padding_mask": hidden,
                "memory_key_padding_mask": hidden,
            }
            return model.head(theirs(x, y, tgt_mask=ahead, **masks))

        compare(
            f"encoder–decoder d {d_model}, n {seq}",
            step(lambda m=ours, ids=ids: m(ids, ids), [ours]),
            step(plain, [theirs, ours]),
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    parts = {"attention": attention, "block": block, "seq2seq": seq2seq}
    print(f"{'a training step':32} ours / theirs  (quartiles)  theirs")
    for asked in sys.argv[1:] or parts:
        parts[asked]()
