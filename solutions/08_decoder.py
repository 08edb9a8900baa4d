# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · The decoder: exercises
#
# Seven exercises: the block itself, its two masks, what goes into a decoder, a test for the leak, a loop that
# writes, training runs that fail, and a broken cross-attention to mend. Everything you need is on chapter 08's page.
#
# Shapes are written `(batch, query, d_model)`: which sentence, which position, which number. *Query* counts
# positions of the writer, *key* the words of the reader.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check
from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.blocks import DecoderBlock as LibraryBlock
from course_lib.nn.blocks import PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import sinusoidal_positions


class Scorer(nn.Module):
    """A small model for 08.greedy; it scores next tokens."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d_model)
        self.to_scores = nn.Linear(d_model, vocab_size)

    def score(self, ids):
        """ids (batch, seq) -> scores (batch, seq, vocab): at each position, for what comes next."""
        place = torch.arange(1, ids.shape[1] + 1)[:, None]  # (seq, 1)
        so_far = self.table(ids) * place.cos()  # (batch, seq, d_model)
        return self.to_scores(torch.tanh(so_far.cumsum(dim=1)))


class Small(nn.Module):
    """A translator of one decoder block, for the build; its dropout needs no dice."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.read_table = nn.Embedding(vocab_size, d_model)
        self.write_table = nn.Embedding(vocab_size, d_model)
        # no biases: a key's has no effect, and only rounding would move it
        back, over = (MultiHeadAttention(d_model, 1, bias=False) for _ in range(2))
        think = FeedForward(d_model, 2 * d_model)
        self.block = LibraryBlock(back, over, think, lambda: PreNorm(LayerNorm(d_model)))
        self.to_scores = nn.Linear(d_model, vocab_size)
        self.calls = 0

    def hide(self, x):
        """In training mode every eighth number becomes 0, others each time."""
        if not self.training:
            return x
        self.calls += 1
        kept = (torch.arange(x.numel()).view_as(x) + 3 * self.calls) % 8 > 0
        return x * kept * 8 / 7

    def score(self, source, given, mask=None, memory_mask=None):
        """(batch, key), (batch, query) -> scores (batch, query, vocab)"""
        read, write = self.read_table(source), self.write_table(given)
        read = read + sinusoidal_positions(*read.shape[1:])
        write = write + sinusoidal_positions(*write.shape[1:])
        return self.to_scores(self.hide(self.block(write, read, mask, memory_mask)))


# %% [markdown]
# ## 08.decoder-block · Self-attention, cross-attention, feed-forward
#
# *Difficulty 3 of 3 · 15 minutes · 3 points*
#
# `__init__` is written. You write `forward`, in **pre-norm**, the order of section 8.2: norm what a sublayer
# reads, add what it says to `x` itself.
#
# - `x` is `(batch, query, d_model)`, `memory` is `(batch, key, d_model)`, the encoder's output. It comes normed already;
#   use it as it is.
# - `mask` is for the self-attention, `memory_mask` for the cross-attention. Each may be `None`.
# - An attention is called as `self.self_attention(queries, keys, mask=…)`. Without keys it looks at its own
#   queries. With `return_weights=True` it returns two things, output and weights.
# - The feed-forward network goes up, through `F.relu`, and down.
# - Return the new `x`. With `return_weights=True` return two things: `x`, and a pair of the weights of looking
#   back and of looking over.
#
# The traps: three norms with three sets of weights, in the right places; and who asks whom.


# %% tags=["08.decoder-block"]
class DecoderBlock(nn.Module):
    """A writer's block: three sublayers, each normed before and added after."""

    def __init__(self, d_model, num_heads, d_ff):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.norm_self = nn.LayerNorm(d_model)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.norm_cross = nn.LayerNorm(d_model)
        self.up = nn.Linear(d_model, d_ff)
        self.down = nn.Linear(d_ff, d_model)
        self.norm_feed_forward = nn.LayerNorm(d_model)

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        """Return the new x (batch, query, d_model), or x and both attentions' weights."""
        # BEGIN SOLUTION
        said, back = self.self_attention(self.norm_self(x), mask=mask, return_weights=True)
        x = x + said
        asking = self.norm_cross(x)
        said, over = self.cross_attention(asking, memory, mask=memory_mask, return_weights=True)
        x = x + said
        x = x + self.down(F.relu(self.up(self.norm_feed_forward(x))))
        return (x, (back, over)) if return_weights else x
        # END SOLUTION


# %% tags=["check"]
check("08.decoder-block", DecoderBlock)

# %% [markdown]
# ## 08.decoder-masks · Back and over
#
# *Difficulty 2 of 3 · 5 minutes · 2 points*
#
# Build the two masks of a decoder from ids. `True` = may look, as always.
#
# - `target` is `(batch, query)`, what the decoder is given; `source` is `(batch, key)`, what the encoder has read.
#   Either may be padded with `pad_id`, on either side.
# - Return two bool tensors:
#   - for looking back, `(batch, 1, query, query)`: no future, no padding;
#   - for looking over, `(batch, 1, 1, key)`: no padding.
#
# The builders of chapter 04 are imported. The trap: whose padding is it?


# %% tags=["08.decoder-masks"]
def decoder_masks(target, source, pad_id):
    """(batch, query), (batch, key) -> masks (batch, 1, query, query) and (batch, 1, 1, key)."""
    # BEGIN SOLUTION
    back = combine_masks(causal_mask(target.shape[1]), padding_mask(target, pad_id))
    return back, padding_mask(source, pad_id)
    # END SOLUTION


# %% tags=["check"]
check("08.decoder-masks", decoder_masks)

# %% [markdown]
# ## 08.shift · One step apart
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# The rows of a data set hold bare tokens, without marks. Make what the decoder is given, and what it is asked.
#
# - `ids` is `(batch, seq)`: the tokens of each row, then padding with `pad_id`. A row may be full, or empty. No
#   token is equal to one of the three marks.
# - Return two tensors, both `(batch, seq + 1)`, of the same dtype as `ids`:
#   - *given*: `start_id`, then the row as it is, its padding included;
#   - *asked*: the row's tokens, then `end_id` **right behind the last of them**, then padding.
#
# So the row `2 3 · ·` (a dot is padding) gives `start 2 3 · ·` and asks `2 3 end · ·`.
#
# The trap: rows differ in length, so the end marks don't stand in one column. And `ids` belongs to somebody
# else: leave it as it is.


# %% tags=["08.shift"]
def shift(ids, start_id, end_id, pad_id):
    """(batch, seq) -> what is given and what is asked, each (batch, seq + 1)."""
    # BEGIN SOLUTION
    given = F.pad(ids, (1, 0), value=start_id)
    asked = F.pad(ids, (0, 1), value=pad_id)
    length = (ids != pad_id).sum(dim=1, keepdim=True)  # (batch, 1)
    return given, asked.scatter(1, length, end_id)
    # END SOLUTION


# %% tags=["check"]
check("08.shift", shift)

# %% [markdown]
# ## 08.leak-test · Find the leak in a batch
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Somebody hands you a batch that her code made for a decoder. Is it safe to train on? Write the test that would
# have saved section 8.5.
#
# - `given` and `asked` are `(batch, seq)`, padded on the right with `pad_id`. The decoder is causal: at
#   position $t$ it sees what is given at $0$ to $t$.
# - Return `True` when **every** row is right: it is given `start_id` first, at each position it is asked for the
#   token that is given next, and behind the last given token it is asked for `end_id`, then for nothing but
#   padding. Otherwise return `False`.
#
# A right row, where a dot is padding: given `start 7 7 4 ·`, asked `7 7 4 end ·`. Behind its tokens `given` never
# holds an end mark, as in `08.shift`. No row is empty: each is given something at position 0. What will be tried: no step, a step too many, a step backwards,
# marks missing, one bad row among good ones. The trap: numbers such as 77 repeat themselves, so a label that
# equals the token above it proves nothing.


# %% tags=["08.leak-test"]
def is_safe(given, asked, start_id, end_id, pad_id):
    """given and asked (batch, seq) -> True if every label is the token that comes next."""
    # BEGIN SOLUTION
    following = F.pad(given[:, 1:], (0, 1), value=pad_id)
    last = (given != pad_id).sum(dim=1, keepdim=True) - 1  # (batch, 1)
    wanted = following.scatter(1, last, end_id)
    return bool((given[:, 0] == start_id).all()) and torch.equal(asked, wanted)
    # END SOLUTION


# %% tags=["check"]
check("08.leak-test", is_safe)

# %% [markdown]
# ## 08.greedy · Write until everyone has ended
#
# *Difficulty 3 of 3 · 15 minutes · 3 points*
#
# The loop of section 8.4 wrote a fixed number of tokens. Yours knows when to stop. `Writer` is a `Scorer`, the
# small model of the first cell: `self.score(ids)` gives, at each position, scores for the token that comes next.
# They depend on *everything* written so far. You write `write`.
#
# - `ids` is `(batch, n)`: the beginnings, all of the same length. They hold neither `end_id` nor `pad_id`.
# - Append tokens, one at a time, to all rows at once: the one with the best score, for each row. A row that has
#   written `end_id` gets `pad_id` from then on.
#   Only `end_id` ends a row: should the model write `pad_id` by itself, that is a token like any other.
# - Stop when every row has written `end_id`, or after `max_new` tokens, whichever comes first.
# - Return all ids, the beginnings included. The result is just as wide as the last row needed.
#
# The traps: rows end at different times, and the model would like to go on behind an end.


# %% tags=["08.greedy"]
class Writer(Scorer):
    """A model that scores next tokens, and a loop that writes with it."""

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        """ids (batch, n) -> (batch, n + new), new at most max_new."""
        # BEGIN SOLUTION
        ended = torch.zeros(len(ids), 1, dtype=torch.bool)
        for _ in range(max_new):
            if ended.all():
                break
            best = self.score(ids)[:, -1:].argmax(dim=-1)  # (batch, 1)
            best = best.masked_fill(ended, pad_id)
            ended = ended | (best == end_id)
            ids = torch.cat([ids, best], dim=1)
        return ids
        # END SOLUTION


# %% tags=["check"]
check("08.greedy", Writer)

# %% [markdown]
# ## 08.failed-run · This run fails: find out why
#
# *Build · difficulty 3 of 3 · 40 minutes · 4 points*
#
# The next cell draws the curves of eight training runs of a small translator (a study made them). One is healthy; each of the
# others has one of section 8.7's mistakes in its loop. Read the curves and write down what you take each letter for; the names
# come at the end. Which runs would you stop? Which would you never have noticed?


# %% tags=["demo"]
import textwrap

import matplotlib.pyplot as plt

from course_lib.studies import study


def draw_runs(names=None):
    """Three curves of each run; the names stand above when you know them."""
    found = study("08_failed_runs")["results"]
    order = list(found)[3:] + list(found)[:3]
    _, axes = plt.subplots(3, 8, figsize=(16, 5.5), layout="constrained", sharey="row")
    for column, kind in zip(axes.T, order, strict=True):
        for run in found[kind]:
            column[0].semilogy(range(0, 300, 5), run["loss"], color="C0", linewidth=1)
            column[1].semilogy(range(0, 300, 5), run["norm"], color="C1", linewidth=1)
            column[2].plot(range(0, 300, 20), run["written"], color="C2")
        letter = "ABCDEFGH"[order.index(kind)]
        column[0].set_title(textwrap.fill(kind, 16) if names else letter)
        column[2].set_xlabel("step")
    for row, name in enumerate(("training loss", "gradient norm", "unseen, right")):
        axes[row, 0].set_ylabel(name)
    plt.show()


draw_runs()

# %% [markdown]
# Here is the loop of somebody who made nearly all of these mistakes at once, and more. It is a method of `Small`, the translator
# of the first cell:
#
# ```python
# def fit(self, batches, held_out, rate, warm_up, largest):
#     optimizer = torch.optim.SGD(self.parameters(), lr=100 * rate)
#     losses, norms, judged = [], [], []
#     for step, (source, target) in enumerate(batches):
#         optimizer.param_groups[0]["lr"] = rate * step / warm_up
#         mask = combine_masks(causal_mask(target.shape[1]).T, padding_mask(source, 0))
#         scores = self.score(source, target, mask, padding_mask(target, 0))
#         loss = F.cross_entropy(scores.flatten(0, 1), target.flatten())
#         loss.backward()
#         optimizer.step()
#         norms.append(nn.utils.clip_grad_norm_(self.parameters(), largest))
#         losses.append(loss)
#         judged.append(self.loss(*held_out))
#     return losses, norms, judged
# ```
#
# Write a right one. `batches` is a list of pairs `(source, target)`, ids `(batch, key)` and `(batch, seq)`, padded on the right
# with 0; a target begins with its start mark and holds its end mark. For each batch, in order, one step:
#
# 1. The decoder is given all of the target but its last column, and asked for all but its first.
# 2. `self.score(source, given, mask, memory_mask)` gives scores `(batch, query, vocab)`. You make both masks (8.3). The model is in
#    **training mode** (`self.train()`); its dropout has a fixed pattern instead of dice, so that everybody gets the same numbers.
# 3. The loss is the cross-entropy, averaged over all labels of the batch that are not padding.
# 4. The gradients are those of this loss alone. If their norm (of all parameters together) is above `largest`, they are scaled
#    down to it (**gradient clipping**: `nn.utils.clip_grad_norm_` does it and returns the norm *before*).
# 5. `torch.optim.SGD` moves the parameters with the rate `rate * min(1, n / warm_up)`, where `n` counts steps from **1**.
# 6. Then the new model is judged: the same loss, in **evaluation mode** (`self.eval()`), on `held_out`, one more pair `(source,
#    target)`. Nothing is learned from it.
#
# Return three lists of plain numbers, one a step: the training losses (of 3), the norms before clipping, the losses of 6.
# A second method for the loss is a good idea, as it is needed twice.
#
# The trap: no crash will tell you anything. Compare with the list, line by line.


# %% tags=["08.failed-run"]
class Trainer(Small):
    """The small translator, and a loop that trains it."""

    def fit(self, batches, held_out, rate, warm_up, largest):
        """A list of (source, target), one more pair -> training losses, norms, held-out losses."""
        # BEGIN SOLUTION
        optimizer = torch.optim.SGD(self.parameters(), lr=rate)
        losses, norms, judged = [], [], []
        for step, (source, target) in enumerate(batches):
            optimizer.param_groups[0]["lr"] = rate * min(1, (step + 1) / warm_up)
            self.train()
            loss = self.loss(source, target)
            optimizer.zero_grad()
            loss.backward()
            norms.append(nn.utils.clip_grad_norm_(self.parameters(), largest).item())
            optimizer.step()
            losses.append(loss.item())
            self.eval()
            with torch.no_grad():
                judged.append(self.loss(*held_out).item())
        return losses, norms, judged

    def loss(self, source, target):
        """The mean cross-entropy over labels that are not padding."""
        given, asked = target[:, :-1], target[:, 1:]
        mask = combine_masks(causal_mask(given.shape[1]), padding_mask(given, 0))
        scores = self.score(source, given, mask, padding_mask(source, 0))
        return F.cross_entropy(scores.flatten(0, 1), asked.flatten(), ignore_index=0)
        # END SOLUTION


# %% tags=["check"]
check("08.failed-run", Trainer)

# %% [markdown]
# **Does it run?** *Your* loop teaches the small translator to write German numbers below 1,000, a third of which it never sees,
# for about ten seconds. Then the eight runs get their names.

# %% tags=["demo"]
low = [
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
]
tens = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
signs = ["·", "^", "$", *"0123456789", *low, *tens, "und", "hundert"]


def in_german(n):
    """0 < n < 1,000 in pieces."""
    if n >= 100:
        return [low[n // 100 - 1], "hundert", *in_german(n % 100)]
    if n >= 20:
        return [*([low[n % 10 - 1], "und"] if n % 10 else []), tens[n // 10 - 2]]
    return [low[n - 11], "zehn"] if n > 12 else [low[n - 1]] if n else []


def padded(rows):
    ids = [torch.tensor([signs.index(sign) for sign in row]) for row in rows]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True)


try:
    torch.manual_seed(0)
    spoken = padded([in_german(n) for n in range(1, 1000)])
    figures = padded([["^", *str(n), "$"] for n in range(1, 1000)])
    mixed = torch.randperm(999)
    seen, unseen = mixed[:666], mixed[666:]
    mine = Trainer(len(signs), 32)
    rows = [seen[torch.randint(666, (64,))] for _ in range(1500)]
    batches = [(spoken[i], figures[i]) for i in rows]
    curves = mine.fit(batches, (spoken[unseen], figures[unseen]), 0.5, 50, 1.0)
    fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
    for curve, name in zip(
        curves, ("training loss", "gradient norm", "unseen numbers"), strict=True
    ):
        ax.semilogy(curve, label=name, linewidth=1)
    ax.set(xlabel="step", ylabel="loss; norm", title="Your run")
    ax.legend()
    plt.show()
    given = torch.ones(len(unseen), 1, dtype=torch.long)
    with torch.no_grad():
        for _ in range(4):
            mask = causal_mask(given.shape[1])
            best = mine.score(spoken[unseen], given, mask, padding_mask(spoken[unseen], 0))
            given = torch.cat([given, best[:, -1:].argmax(dim=-1)], dim=1)
    wrote = ["".join(signs[i] for i in row).split("$")[0] for row in given[:, 1:].tolist()]
    for number, answer in zip(unseen[:5].tolist(), wrote[:5], strict=True):
        print(" ".join(in_german(number + 1)), "→", answer)
    good = sum(answer == str(n + 1) for n, answer in zip(unseen.tolist(), wrote, strict=True))
    print(f"{good} of {len(unseen)} unseen numbers are right")
    draw_runs(names=True)
except (NotImplementedError, NameError):
    print("First write and run Trainer.fit.")

# %% [markdown]
# ## 08.cross-mask-bug · Looking at padding
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# The cross-attention below (one head, nothing projected) runs on every batch and never gives `nan`. But what a
# sentence says depends on how much padding stands behind its *source*. Mend it.
#
# - `x` is `(batch, query, d_model)`, `memory` is `(batch, key, d_model)`; `target` is `(batch, query)` and `source`
#   is `(batch, key)`, the ids they were made from. Either may be padded.
# - No query may spend weight on a padded word. Padded queries look as all others do; nobody reads what they say.
# - `scaled_dot_product_attention` wants the mask as `(batch, query, key)`, or with axes of size 1.
# - Gradients flow back to `x` and `memory`.
#
# The trap: the mask has to say something about the keys, and have its `True` and `False` along their axis.


# %% tags=["08.cross-mask-bug"]
def look_over(x, memory, target, source, pad_id):
    """Cross-attention that leaves out padding -> (batch, query, d_model)."""
    # BEGIN SOLUTION
    mask = (source != pad_id)[:, None, :]  # (batch, 1, key)
    # END SOLUTION
    # BEGIN STUB
    # mask = (target != pad_id)[:, :, None]
    # END STUB
    output, _ = scaled_dot_product_attention(x, memory, memory, mask)
    return output


# %% tags=["check"]
check("08.cross-mask-bug", look_over)
