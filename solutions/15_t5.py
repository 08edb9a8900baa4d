# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 15 · T5: exercises
#
# Seven exercises. You cut holes into a text as T5's training does, and count what is left of it. You make the bias of near and far tokens,
# build a T5 from it, and mend one that speaks nonsense. A model that writes chooses a label; and a path through a table of costs says when
# each word was spoken.
#
# Shapes are written `(batch, seq, d_model)`: which text, which token, which number.

# %% tags=["setup"]
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention, merge_heads, split_heads
from course_lib.nn.norms import LayerNorm, RMSNorm
from course_lib.nn.positions.relative import RelativeBias, t5_bucket
from course_lib.nn.stacks import Decoder, Encoder

# %% [markdown]
# ## 15.corrupt · Holes in a text
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# T5 reads a text with holes, and writes what was in them. A **sentinel** marks each hole: a token of its own that says which one it is.
#
# - `ids` is a list of ids. `spans` is a list of pairs `(start, stop)`: a hole goes from place `start` up to `stop`, without `stop`. The holes
#   stand in order, hold a token or more, and don't overlap; but one may begin where another ends.
# - The first hole's sentinel is `first_sentinel`; each further hole has the id *below* the one before.
# - Return two lists `(inputs, targets)`. `inputs` is the text, with one sentinel in the place of each hole.
# - `targets` holds for each hole its sentinel, then what stood in it; at the end stands one more sentinel, the next one, which closes the
#   list. If there are no holes, the closing one is the first.
# - Ids may occur several times. What came in stays as it is.
#
# Write it without `corrupt_spans` of the course's library. The trap: once a hole is cut, all places behind it have moved.


# %% tags=["15.corrupt"]
def corrupt(ids, spans, first_sentinel):
    """A list of ids, [(start, stop), …], an id -> inputs, targets: two lists."""
    # BEGIN SOLUTION
    inputs, targets, seen, sentinel = [], [], 0, first_sentinel
    for start, stop in spans:
        inputs += [*ids[seen:start], sentinel]
        targets += [sentinel, *ids[start:stop]]
        seen, sentinel = stop, sentinel - 1
    return [*inputs, *ids[seen:]], [*targets, sentinel]
    # END SOLUTION


# %% tags=["check"]
check("15.corrupt", corrupt)

# %% [markdown]
# **Read it.** A sentence with three holes; the last two touch.

# %% tags=["demo"]
sentence = [
    "The",
    "animal",
    "didn't",
    "cross",
    "the",
    "street",
    "because",
    "it",
    "was",
    "too",
    "tired",
    ".",
]
names = [*sorted(set(sentence)), "<3>", "<2>", "<1>", "<0>"]

try:
    ids = [names.index(word) for word in sentence]
    for what, row in zip(
        ("input: ", "target:"),
        corrupt(ids, [(1, 2), (5, 8), (8, 10)], len(names) - 1),
        strict=True,
    ):
        print(what, *(names[i] for i in row))
except (NotImplementedError, NameError):
    print("First write and run corrupt.")

# %% [markdown]
# ## 15.lengths · How long is what is left?
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# Before T5 is trained, somebody must say how long its inputs and targets are, so that nothing is padded or cut off.
#
# - A text has `n` tokens, 2 or more. A share of {{density}} of them is cut out; round to the nearest whole number of tokens.
# - Holes are 3 tokens long on average: divide the number of tokens *that are cut out* by 3, and round to the nearest whole number of
#   holes. At least one token is cut out, and there is at least one hole.
# - Inputs and targets are made as in 15.corrupt: a sentinel for each hole. Each of the two ends with one more token: the input with `</s>`,
#   which ends every text, the target with its closing sentinel. (T5's own code puts `</s>` there, too; the number is the same.)
# - Return the two lengths, `(inputs, targets)`, as whole numbers. No text here hits the middle between two whole numbers.
#
# Write it without `random_spans` of the course's library. With a share of 0.15, a text of 568 tokens gives T5's own 512 and 114.


# %% tags=["15.lengths"]
def span_lengths(n):
    """The length of a text -> the lengths of input and target: a share of {{density}} is cut out."""
    # BEGIN SOLUTION
    density = 0.15
    cut = max(1, round(n * density))
    holes = max(1, round(cut / 3))
    return n - cut + holes + 1, cut + holes + 1
    # END SOLUTION


# %% tags=["check"]
check("15.lengths", span_lengths)

# %% [markdown]
# ## 15.bias · Near and far, for each head
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# T5 adds no places to its tokens. What it learns is a number for each head and each bucket of distances (chapter 06), and that is added to the scores of attention.
#
# - `table` is `(buckets, heads)`: the numbers learned. It has as many rows as there are buckets.
# - Keys stand at 0, 1, 2, … and the queries are the *last* `n_query` of them. So one function serves an encoder, a decoder in training
#   (`n_query == n_key`) and a decoder that writes, whose past keys come from a cache.
# - The bucket is that of the key's place minus the query's: `t5_bucket(relative, num_buckets, max_distance, bidirectional)` is imported.
#   An encoder looks in both directions (`bidirectional=True`), a decoder in one (`False`).
# - Return the bias `(heads, query, key)`, in the table's dtype: entry $(h, i, j)$ is the table's number for head $h$ and the bucket of query $i$ and key $j$.
#   What lies ahead of a decoder's query gets the number of its bucket like all others; hiding it is the mask's work. The table learns through it.
#
# Write it without `RelativeBias`. The trap: a table that was reshaped has the right shape, and the wrong numbers in it.


# %% tags=["15.bias"]
def position_bias(table, n_query, n_key, max_distance, bidirectional):
    """(buckets, heads), two numbers of tokens -> what is added to the scores, (heads, query, key)."""
    # BEGIN SOLUTION
    at_key = torch.arange(n_key)
    relative = at_key - at_key[n_key - n_query :, None]  # (query, key)
    buckets = t5_bucket(relative, len(table), max_distance, bidirectional)
    return table[buckets].movedim(-1, 0)
    # END SOLUTION


# %% tags=["check"]
check("15.bias", position_bias)

# %% [markdown]
# **See it.** A table that holds 0, 1, 2, … for one head shows which bucket each pair is in: for an encoder, for a decoder, and for the last three
# queries of that decoder.

# %% tags=["demo"]
import matplotlib.pyplot as plt

try:
    table = torch.arange(16.0)[:, None]
    kinds = {
        "encoder": (12, 12, 20, True),
        "decoder": (12, 12, 20, False),
        "with a cache": (3, 12, 20, False),
    }
    fig, axes = plt.subplots(1, 3, figsize=(8, 2.8), layout="constrained")
    for ax, (title, given) in zip(axes, kinds.items(), strict=True):
        ax.imshow(position_bias(table, *given)[0], cmap="viridis", vmin=0, vmax=15)
        ax.set(title=title, xlabel="key", ylabel="query")
    plt.show()
except (NotImplementedError, NameError):
    plt.close()
    print("First write and run position_bias.")

# %% [markdown]
# ## 15.t5 · T5, your own
#
# *Build · difficulty 3 of 3 · 40 minutes · 4 points*
#
# Build a small T5 from an empty class: `__init__`, `encode` and `decode` are yours.
#
# - **Table**: one `nn.Embedding` serves the source, the target and the head. Its rows are taken as they are, and no places are added to them.
# - **Blocks**: pre-norm, with RMSNorm everywhere; so each stack has one more norm, behind its last block. No layer has a bias *vector*. The
#   feed-forward networks have ReLU. A head is `d_head` wide, whatever `d_model` is.
# - **Attention**: scores are *not* divided by $\sqrt{d_{head}}$. A relative bias (15.bias) is added to them in self-attention: *one* table of buckets for
#   all layers of the encoder (both directions), another for all layers of the decoder (one direction). Cross-attention has none.
# - **Head**: what the last norm gives is multiplied by $1/\sqrt{d_{model}}$; a logit is its dot product with a row of the table. No bias.
# - **Masks**: nobody looks at padding (`pad_id`), and no token of the target looks ahead. But the *first* token of a target is its start, whatever its
#   id: T5 starts with `pad_id`, and that one is seen. Padding of a source may stand left or right, that of a target stands right.
#
# Build it from the parts of earlier chapters, which are imported: `Encoder(blocks, norm)` and `Decoder(blocks, norm)`, called as
# `self.encoder(x, mask)` and `self.decoder(x, memory, mask, memory_mask)`; `EncoderBlock(attention, feed_forward, residual)`,
# `DecoderBlock(self_attention, cross_attention, feed_forward, residual)` (where `residual()` makes what goes around *one* sublayer), `PreNorm(norm)`,
# `RMSNorm(d_model)`, `MultiHeadAttention(d_model, num_heads, d_head=…, bias=False, scale=1.0, position=…)`, `FeedForward(d_model, d_ff, bias=False)`,
# `RelativeBias(num_heads, num_buckets, max_distance, bidirectional)`, `causal_mask(n)`, `padding_mask(ids, pad_id)`.
# Write it without `T5` and `Seq2Seq` of the course's library.
#
# - Name them `self.table`, `self.encoder`, `self.decoder`: the check loads weights by these names, and a table of buckets by the name that it has in the
#   first block, `encoder.blocks.0.attention.position.buckets.weight`.
# - `encode`: `source` is `(batch, source)`, ids. Return the memory, `(batch, source, d_model)`.
# - `decode`: `target` is `(batch, target)`, ids that begin with the start; `memory` is what `encode` returned for `source`. Return the logits, `(batch, target,
#   vocab_size)`. `forward(source, target)` does both, and is written.
#
# The traps: what is shared is made once, and what isn't shared is made anew for each block; and a mask that hides the start, too.


# %% tags=["15.t5"]
class SmallT5(nn.Module):
    """An encoder–decoder without places, but with a learned bias for near and far."""

    def __init__(
        self,
        vocab_size,
        d_model,
        num_heads,
        d_head,
        num_layers,
        d_ff,
        num_buckets,
        max_distance,
        pad_id,
    ):
        super().__init__()
        # BEGIN SOLUTION
        self.pad_id = pad_id
        self.table = nn.Embedding(vocab_size, d_model)
        plain = {"d_head": d_head, "bias": False, "scale": 1.0}
        look = partial(MultiHeadAttention, d_model, num_heads, **plain)
        near = RelativeBias(num_heads, num_buckets, max_distance, True)
        past = RelativeBias(num_heads, num_buckets, max_distance, False)

        def think():
            return FeedForward(d_model, d_ff, bias=False)

        norm = partial(RMSNorm, d_model)
        layers = range(num_layers)
        readers = [
            EncoderBlock(look(position=near), think(), lambda: PreNorm(norm())) for _ in layers
        ]
        writers = [
            DecoderBlock(look(position=past), look(), think(), lambda: PreNorm(norm()))
            for _ in layers
        ]
        self.encoder = Encoder(readers, norm())
        self.decoder = Decoder(writers, norm())
        # END SOLUTION

    def encode(self, source):
        """(batch, source) -> (batch, source, d_model)"""
        # BEGIN SOLUTION
        return self.encoder(self.table(source), padding_mask(source, self.pad_id))
        # END SOLUTION

    def decode(self, target, memory, source):
        """(batch, target), (batch, source, d_model), (batch, source) -> (batch, target, vocab)"""
        # BEGIN SOLUTION
        start = torch.arange(target.shape[1]) == 0
        seen = padding_mask(target, self.pad_id) | start
        mask = seen & causal_mask(target.shape[1])
        x = self.decoder(self.table(target), memory, mask, padding_mask(source, self.pad_id))
        return x * x.shape[-1] ** -0.5 @ self.table.weight.T
        # END SOLUTION

    def forward(self, source, target):
        """Logits (batch, target, vocab) for the token after each token of the target."""
        return self.decode(target, self.encode(source), source)


# %% tags=["check"]
check("15.t5", SmallT5)

# %% [markdown]
# **Three tasks, one model.** Text in, text out: the first sign says what to do with the word behind it. `<` sorts its letters, `#` counts
# them, `?` asks whether there is a vowel. The next cell teaches *your* T5 all three, for about seven seconds. What
# can it do by then, and what not yet?

# %% tags=["demo"]
import random

signs = "·abcdefghijklmnopqrstuvwxyz<#?123456789."  # · is padding, and the start
tasks = {
    "<": lambda word: "".join(sorted(word)),
    "#": lambda word: str(len(word)),
    "?": lambda word: "yes" if set(word) & set("aeiou") else "no",
}


def as_ids(text):
    return torch.tensor([signs.index(sign) for sign in text])


def questions(n, dice):
    """Random words, each with a random task: what is read and what is to be written."""
    words = ["".join(dice.choices(signs[1:27], k=dice.randint(1, 6))) for _ in range(n)]
    asked = [dice.choice(list(tasks)) for _ in range(n)]
    read = [as_ids(task + word) for task, word in zip(asked, words, strict=True)]
    wrote = [as_ids(tasks[task](word) + ".") for task, word in zip(asked, words, strict=True)]
    return (nn.utils.rnn.pad_sequence(rows, batch_first=True) for rows in (read, wrote))


@torch.no_grad()
def answered(model, text):
    """What the model writes, one sign after the other, until its full stop."""
    target = torch.tensor([[0]])
    for _ in range(9):
        best = model(as_ids(text)[None], target)[:, -1:].argmax(dim=-1)
        target = torch.cat([target, best], dim=1)
    return "".join(signs[i] for i in target[0, 1:]).split(".")[0]


try:
    torch.manual_seed(0)
    dice = random.Random(0)
    mine = SmallT5(len(signs), 48, 4, 16, 1, 128, 16, 20, pad_id=0)
    for name, weights in mine.named_parameters():
        if "to_q" in name:  # nobody divides the scores: small numbers at first
            nn.init.normal_(weights, std=0.04)
    optimizer = torch.optim.AdamW(mine.parameters(), lr=5e-3)
    for step in range(1, 501):
        optimizer.param_groups[0]["lr"] = 5e-3 * min(step / 50, 1 - step / 501)
        read, asked = questions(64, dice)
        logits = mine(read, F.pad(asked, (1, 0))[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), asked.flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in (1, 50, 200, 500):
            print(f"step {step:3}: loss {loss:.2f}")
    for word in ["animal", "tired", "cross", "why"]:
        print(f"{word:7}", *(f"{task} {answered(mine, task + word):7}" for task in tasks))
except (NotImplementedError, NameError):
    print("First write and run SmallT5.")

# %% [markdown]
# ## 15.scale · The weights fit, the sentences don't
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Somebody loads T5's weights into a sublayer that they wrote for another model. Every shape fits, nothing complains, and what comes out is
# nonsense. There are three faults in it. Mend them.
#
# - The sublayer is T5's self-attention: what is read is normed first, and what attention says is added to `x` as it came.
# - `x` is `(batch, seq, d_model)`. `weights` is a dict: `"norm"` is `(d_model,)`; `"q"`, `"k"`, `"v"` are `(heads * d_head, d_model)` and `"o"` is
#   `(d_model, heads * d_head)`, as an `nn.Linear` holds them. `bias` is `(heads, seq, seq)`: the relative bias of 15.bias.
# - The norm is **RMSNorm** with an epsilon of 1e-6: each vector is divided by the root of the mean of its squares, and multiplied by `weights["norm"]`.
# - The scores are $q \cdot k + \text{bias}$: T5 was trained without the usual divisor.
# - Return `(batch, seq, d_model)`. What came in stays as it is. Gradients flow back to `x`, to `weights` and to `bias`: no copies of them in a module.
#
# The trap: each fault alone changes numbers, and none of them a shape.


# %% tags=["15.scale"]
def t5_attention(x, weights, bias):
    """(batch, seq, d_model), T5's weights, (heads, seq, seq) -> (batch, seq, d_model)."""
    # BEGIN SOLUTION
    h = x / (x.pow(2).mean(dim=-1, keepdim=True) + 1e-6).sqrt() * weights["norm"]
    q, k, v = (split_heads(h @ weights[name].T, len(bias)) for name in "qkv")
    looked = (q @ k.mT + bias).softmax(dim=-1)
    return x + merge_heads(looked @ v) @ weights["o"].T
    # END SOLUTION
    # BEGIN STUB
    # h = x - x.mean(dim=-1, keepdim=True)
    # h = h / (h.pow(2).mean(dim=-1, keepdim=True) + 1e-6).sqrt() * weights["norm"]
    # q, k, v = (split_heads(h @ weights[name].T, len(bias)) for name in "qkv")
    # looked = (q @ k.mT / q.shape[-1] ** 0.5 + bias).softmax(dim=-1)
    # return h + merge_heads(looked @ v) @ weights["o"].T
    # END STUB


# %% tags=["check"]
check("15.scale", t5_attention)

# %% [markdown]
# ## 15.label · Choose a label by its text
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# A model that writes has no head for classes. It can choose a class all the same: let it score the text of each label, and take the
# likeliest.
#
# - `texts` is `(labels, seq)`: the ids of each label's text, its end token included, filled up on the right with `pad_id`. Each holds a
#   token or more besides padding; `pad_id` is an id of the vocabulary, not always 0.
# - `logits` is `(batch, labels, seq, vocab)`: for each example and each label the scores at each place of its text, those for *that*
#   place's token. (The texts were shifted when the model was called; here nothing is to be shifted.)
# - A label's score is the sum of its tokens' log-probabilities, $\sum_t \log p(\text{token}_t)$; if `mean` is true, their mean. Padding
#   doesn't count, whatever the logits are there.
# - Return `(choice, scores)`: for each example the number of the label with the highest score, `(batch,)`, and all scores `(batch, labels)`,
#   in float32, also when the logits are bfloat16. No two scores of an example are equal.
#
# The trap: labels have different lengths.


# %% tags=["15.label"]
def choose_label(logits, texts, pad_id, mean):
    """(batch, labels, seq, vocab), (labels, seq) -> choice (batch,), scores (batch, labels)."""
    # BEGIN SOLUTION
    real = texts != pad_id
    tokens = texts.expand(logits.shape[:-1])[..., None]
    log_p = logits.float().log_softmax(dim=-1).gather(-1, tokens)[..., 0]
    scores = log_p.where(real, 0).sum(dim=-1)
    if mean:
        scores = scores / real.sum(dim=-1)
    return scores.argmax(dim=-1), scores
    # END SOLUTION


# %% tags=["check"]
check("15.label", choose_label)

# %% [markdown]
# **Your T5 as a classifier.** The model of 15.t5 is asked for a word's letters in order, and may choose among three texts. Only one is
# right; the shortest is its beginning. `tired` is like the words that it learned from, `tomorrow` is longer than any of them. Where do sum and mean
# disagree? Divide each sum by the number of its tokens, the end included, and you see why.

# %% tags=["demo"]
try:
    for word in ["tired", "tomorrow"]:
        right = "".join(sorted(word))
        offered = [right, right[:2], right[::-1]]
        rows = [as_ids(text + ".") for text in offered]
        texts = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        given = F.pad(texts, (1, 0))[:, :-1]
        source = as_ids("<" + word).expand(len(texts), -1)
        with torch.no_grad():
            logits = mine(source, given)[None]
        for mean in (False, True):
            choice, scores = choose_label(logits, texts, 0, mean)
            told = (f"{o} {s:6.2f}" for o, s in zip(offered, scores[0].tolist(), strict=True))
            print("mean:" if mean else "sum: ", ", ".join(told), "→", offered[choice[0]])
except (NotImplementedError, NameError):
    print("First write and run SmallT5, let it learn, and write choose_label.")

# %% [markdown]
# ## 15.path · When was it said?
#
# *Difficulty 3 of 3 · 25 minutes · 3 points*
#
# Whisper writes words. To say *when* each was spoken, it lays a path through a table of costs: a row for each token, a column for each frame of
# sound, low where the token looks at the frame. A path never goes back, as speech doesn't. This is **dynamic time warping**.
#
# - `cost` is `(rows, columns)`, at least one of each: numbers of any sign. A path begins at `(0, 0)` and ends at the last row and column.
# - Each step goes to the next row, to the next column, or to both at once: from `(i, j)` to `(i+1, j)`, `(i, j+1)` or `(i+1, j+1)`.
# - A path costs the sum of all its places, first and last included. Return the cheapest: a list of pairs `(i, j)` of whole
#   numbers, from beginning to end. No two are equally cheap.
# - There may be a thousand places and more: don't try all paths. The best way to a place goes over one of three places before it; remember what the best way to
#   each costs, and from where it came.
#
# The trap: the cheapest next step needn't be on the cheapest path.


# %% tags=["15.path"]
def cheapest_path(cost):
    """(rows, columns) -> [(0, 0), …, (rows - 1, columns - 1)], the cheapest monotone path."""
    # BEGIN SOLUTION
    rows, columns = cost.shape
    costs, best, came = cost.tolist(), {(-1, -1): 0.0}, {}
    for i in range(rows):
        for j in range(columns):
            before = [place for place in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if place in best]
            came[i, j] = min(before, key=best.get)
            best[i, j] = best[came[i, j]] + costs[i][j]
    path = [(rows - 1, columns - 1)]
    while path[-1] != (0, 0):
        path.append(came[path[-1]])
    return path[::-1]
    # END SOLUTION


# %% tags=["check"]
check("15.path", cheapest_path)

# %% [markdown]
# **Two singers.** The same tune, sung twice: the second singer lingers, then hurries. The cost is how far the two voices are apart, and your path says
# which moment belongs to which.

# %% tags=["demo"]
try:
    beat = torch.linspace(0, 1, 60)
    slow, fast = ((9 * t).sin() + (23 * t).cos() / 2 for t in (beat, beat[:45] ** 2 * 1.77))
    cost = (slow[:, None] - fast).abs()
    i, j = zip(*cheapest_path(cost), strict=True)
    fig, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
    ax.imshow(cost, cmap="Greys", origin="lower")
    ax.plot(j, i, linewidth=3)
    ax.set(xlabel="time of the second singer", ylabel="time of the first")
    plt.show()
except (NotImplementedError, NameError):
    print("First write and run cheapest_path.")
