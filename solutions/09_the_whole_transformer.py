# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 · The whole transformer: exercises
#
# Seven exercises. You give one table two jobs, count a model before you build it, and draw its first weights.
# Then you build the whole Transformer, judge what a model wrote (was it right, and was the test a fair one?),
# and mend a stack that has six blocks and the parameters of one.
#
# Shapes are written `(batch, seq, d_model)`: which sentence, which token, which number. `source` and `target`
# are names for the two lengths.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.stacks import Decoder, Encoder

# %% [markdown]
# ## 09.tied-head · One table, two jobs
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# The table `weight` has one row for each token. Write the way in and the way out.
#
# - `embed`: `ids` is `(batch, seq)`. Return `(batch, seq, d_model)`: each token's row, times
#   $\sqrt{d_{model}}$.
# - `score`: `x` is `(batch, seq, d_model)`. Return `(batch, seq, vocab)`: the dot product of each vector with
#   *every* row of the table. These are logits: no softmax.
#
# The trap: only one of the two ways is scaled.


# %% tags=["09.tied-head"]
class TiedTable(nn.Module):
    """One table that turns tokens into vectors, and vectors into scores for tokens."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) / d_model**0.5)

    def embed(self, ids):
        """(batch, seq) -> (batch, seq, d_model)"""
        # BEGIN SOLUTION
        return self.weight[ids] * self.weight.shape[1] ** 0.5
        # END SOLUTION

    def score(self, x):
        """(batch, seq, d_model) -> (batch, seq, vocab)"""
        # BEGIN SOLUTION
        return x @ self.weight.T
        # END SOLUTION


# %% tags=["check"]
check("09.tied-head", TiedTable)

# %% [markdown]
# ## 09.parameter-count · Count it before you build it
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# How many numbers does a Transformer of 2017 learn? Don't build one, count: without `parameters` and
# `numel`. Return one whole number.
#
# - `num_layers` blocks on each side. Every layer *inside a block* has a bias; every norm has a weight and a
#   bias. Post-norm, so no norm stands outside the blocks.
# - Positions are sines and cosines: nothing in them is learned. The output head has no bias.
# - If `tied`, one table of `source_vocab` rows serves the source, the target and the head. If not, each of
#   the three has its own; the target's and the head's have `target_vocab` rows.
#
# The trap: one of the arguments makes no difference. Which?


# %% tags=["09.parameter-count"]
def transformer_parameters(
    source_vocab, target_vocab, d_model, num_heads, d_ff, num_layers, tied=False
):
    """How many numbers the model learns."""
    # BEGIN SOLUTION
    attention = 4 * (d_model * d_model + d_model)
    network = d_model * d_ff + d_ff + d_ff * d_model + d_model
    norm = 2 * d_model
    reader = attention + network + 2 * norm
    writer = 2 * attention + network + 3 * norm
    rows = source_vocab if tied else source_vocab + 2 * target_vocab
    return num_layers * (reader + writer) + rows * d_model
    # END SOLUTION


# %% tags=["check"]
check("09.parameter-count", transformer_parameters)

# %% [markdown]
# ## 09.xavier · The first weights
#
# *Difficulty 1 of 3 · 5 minutes · 1 point*
#
# Xavier's rule draws a matrix evenly between $-b$ and $b$, where $b = \sqrt{6 / (n_{in} + n_{out})}$. You get
# the noise, so that there is nothing random in here.
#
# - `noise` is `(n_out, n_in)`, as the weight of `nn.Linear` is, drawn evenly between 0 and 1.
# - Return the weights, of the same shape and dtype: noise 0 becomes $-b$, noise 1 becomes $b$.
#
# The trap: a range is twice as wide as its bound.


# %% tags=["09.xavier"]
def xavier(noise):
    """noise (n_out, n_in), evenly in 0 to 1 -> weights (n_out, n_in), evenly in -b to b."""
    # BEGIN SOLUTION
    n_out, n_in = noise.shape
    bound = (6 / (n_in + n_out)) ** 0.5
    return (2 * noise - 1) * bound
    # END SOLUTION


# %% tags=["check"]
check("09.xavier", xavier)

# %% [markdown]
# ## 09.transformer · The whole model, your own
#
# *Build · difficulty 3 of 3 · 40 minutes · 4 points*
#
# Section 9.1 spells out the model of 2017. Build its younger sister, from an empty class: `__init__`, `encode`, `decode` and
# `forward` are yours. She differs in three things that became usual soon afterwards:
#
# - **Pre-norm**: norm what a sublayer reads (chapter 07); so each stack needs one more norm, behind its last block.
# - **Learned positions** (chapter 06): row $t$ of a table of places is added to token $t$, counted from 0, padding included.
#   Source and target have a table each. Token rows are *not* multiplied by $\sqrt{d_{model}}$.
# - **Weight tying** (9.4): one table of tokens serves the source, the target and the head. A logit is the dot product of an output
#   vector with a row of that table.
#
# Build it from the parts of chapters 04 to 08, which are imported: `Encoder(blocks, norm)`, `Decoder(blocks, norm)`,
# `EncoderBlock(attention, feed_forward, residual)`, `DecoderBlock(self_attention, cross_attention, feed_forward, residual)`
# (where `residual()` makes what goes around *one* sublayer), `PreNorm(LayerNorm(d_model))`, `MultiHeadAttention(d_model,
# num_heads)`, `FeedForward(d_model, d_ff)`. Your own parts do as well if their weights bear the same names, and if a place that
# may look nowhere (padding on the left, under the causal mask) gets zeros from its attention, as in chapter 04: 9.1's gives `nan` there.
#
# - Name them `self.table`, `self.places_source`, `self.places_target` (three `nn.Embedding`), `self.encoder`,
#   `self.decoder`, and nothing else that learns: the check loads weights by these names. They begin with
#   `table.weight` (vocab_size, d_model), `places_source.weight` (max_len, d_model),
#   `encoder.blocks.0.attention.to_q.weight` (d_model, d_model), and end with `decoder.norm.bias` (d_model,).
# - `encode`: `source` is `(batch, source)`, ids. Return the memory, `(batch, source, d_model)`.
# - `decode`: `target` is `(batch, target)`, ids; `memory` is what `encode` returned for `source`. Return the logits,
#   `(batch, target, vocab_size)`. `forward(source, target)` does both, and is written.
# - The stacks are called as `self.encoder(x, mask)` and `self.decoder(x, memory, mask, memory_mask)`.
# - Nobody looks at padding (`pad_id`), on either side. The target never looks ahead. Padding may stand left or right.
#
# The traps: three attentions, three masks; and whatever is made once is one, however often a list names it.


# %% tags=["09.transformer"]
class Transformer(nn.Module):
    """An encoder–decoder: pre-norm, with learned positions and one table."""

    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len, pad_id):
        super().__init__()
        # BEGIN SOLUTION
        self.pad_id = pad_id
        self.table = nn.Embedding(vocab_size, d_model)
        self.places_source = nn.Embedding(max_len, d_model)
        self.places_target = nn.Embedding(max_len, d_model)

        def look():
            return MultiHeadAttention(d_model, num_heads)

        def think():
            return FeedForward(d_model, d_ff)

        def norm():
            return LayerNorm(d_model)

        layers, around = range(num_layers), lambda: PreNorm(norm())
        readers = [EncoderBlock(look(), think(), around) for _ in layers]
        writers = [DecoderBlock(look(), look(), think(), around) for _ in layers]
        self.encoder = Encoder(readers, norm())
        self.decoder = Decoder(writers, norm())
        # END SOLUTION

    def encode(self, source):
        """(batch, source) -> (batch, source, d_model)"""
        # BEGIN SOLUTION
        x = self.table(source) + self.places_source.weight[: source.shape[1]]
        return self.encoder(x, padding_mask(source, self.pad_id))
        # END SOLUTION

    def decode(self, target, memory, source):
        """(batch, target), (batch, source, d_model), (batch, source) -> (batch, target, vocab)"""
        # BEGIN SOLUTION
        x = self.table(target) + self.places_target.weight[: target.shape[1]]
        mask = combine_masks(causal_mask(target.shape[1]), padding_mask(target, self.pad_id))
        x = self.decoder(x, memory, mask, padding_mask(source, self.pad_id))
        return x @ self.table.weight.T
        # END SOLUTION

    def forward(self, source, target):
        """Logits (batch, target, vocab) for the token after each token of the target."""
        return self.decode(target, self.encode(source), source)


# %% tags=["check"]
check("09.transformer", Transformer)

# %% [markdown]
# **Does it run?** The next cell teaches *your* Transformer to turn words round, with random words of up to ten letters, for
# about five seconds. Then it writes.

# %% tags=["demo"]
letters = "·^$abcdefghijklmnopqrstuvwxyz"  # padding, start, end


def words_to_turn(n):
    """Random words: what is read, given and asked, each (n, 11)."""
    length = torch.randint(1, 11, (n, 1))
    words = torch.randint(3, 29, (n, 10)).masked_fill(torch.arange(10) >= length, 0)
    place = (length - 1 - torch.arange(10)).clamp(min=0)
    turned = words.gather(1, place).masked_fill(words == 0, 0)
    read, asked = (F.pad(ids, (0, 1)).scatter(1, length, 2) for ids in (words, turned))
    return read, F.pad(asked, (1, 0), value=1)[:, :-1], asked


def turned_by(model, word):
    """What the model writes, one letter after the other, until its end mark."""
    source, target = torch.tensor([[letters.index(c) for c in word + "$"]]), torch.tensor([[1]])
    for _ in range(11):
        best = model(source, target)[:, -1:].argmax(dim=-1)
        target = torch.cat([target, best], dim=1)
    return "".join(letters[i] for i in target[0, 1:]).split("$")[0]


try:
    torch.manual_seed(0)
    mine = Transformer(29, 48, 2, 1, 96, max_len=11, pad_id=0)
    for table in (mine.table, mine.places_source, mine.places_target):
        nn.init.normal_(table.weight, std=0.15)
    optimizer = torch.optim.AdamW(mine.parameters(), lr=5e-3)
    for step in range(1, 401):
        optimizer.param_groups[0]["lr"] = 5e-3 * min(step / 50, 1 - step / 401)
        read, given, asked = words_to_turn(64)
        logits = mine(read, given)
        loss = F.cross_entropy(logits.flatten(0, 1), asked.flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in (1, 50, 100, 200, 400):
            with torch.no_grad():
                wrote = turned_by(mine, "animal")
            print(f"step {step:3}: loss {loss:.2f}, animal → {wrote}")
    with torch.no_grad():
        print(*(turned_by(mine, word) for word in ["the", "street", "was", "too", "tired"]))
except (NotImplementedError, NameError):
    print("First write and run Transformer.")

# %% [markdown]
# ## 09.exact-match · Right means right to the end
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# What share of the words did the model write without a single mistake?
#
# - `labels` is `(batch, seq)`: the letters that should come, then an END token, then padding.
# - `written` is `(batch, steps)` with `steps` of at least `seq`: what the model wrote. It wrote on after its
#   END, too; nobody reads that.
# - A word is right if every label that is not `pad_id`, END included, stands in `written` at the same place.
# - Return one number from 0 to 1.
#
# The trap: most letters right is not right, and what stands where the label is padding must not matter.


# %% tags=["09.exact-match"]
def exact_match(written, labels, pad_id):
    """(batch, steps), (batch, seq) -> the share of words that are wholly right."""
    # BEGIN SOLUTION
    same = written[:, : labels.shape[1]] == labels
    right = (same | (labels == pad_id)).all(dim=1)  # (batch,)
    return right.float().mean().item()
    # END SOLUTION


# %% tags=["check"]
check("09.exact-match", exact_match)

# %% [markdown]
# ## 09.too-good · Was the test a fair one?
#
# *Difficulty 2 of 3 · 10 minutes · 1 point*
#
# "All 500 right!" Before you celebrate, ask whether the model had met them. Write the test.
#
# - `train` is `(n, seq)` and `test` is `(m, seq')`: words as ids, filled up with `pad_id` on the right. The
#   two may be padded to different widths.
# - Return `True` if *no* test word is among the training words, otherwise `False`.
# - The same letters in another order are another word, and so is a word that only begins alike.
#
# The trap: the word that was leaked need not stand in the same row, or at the same width.


# %% tags=["09.too-good"]
def is_fair_test(train, test, pad_id):
    """True if no row of test (m, seq') is also a row of train (n, seq), padding aside."""
    # BEGIN SOLUTION
    seen, asked = (
        {tuple(i for i in row if i != pad_id) for row in ids.tolist()} for ids in (train, test)
    )
    return not seen & asked
    # END SOLUTION


# %% tags=["check"]
check("09.too-good", is_fair_test)

# %% [markdown]
# ## 09.shared-blocks-bug · Six blocks, the parameters of one
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# "My six-layer encoder trains, but a six times larger model would not fit in a file this small." The author
# is right to wonder: print the number of parameters for one layer and for six. Mend it.
#
# - Return an `Encoder` of `num_layers` post-norm blocks of your chapter 07: attention, feed-forward, and two
#   norms in each.
# - Every block learns its own numbers, and so does each of its two norms.
# - `EncoderBlock(attention, feed_forward, residual)` calls `residual()` once for each of its two sublayers.
#
# The trap: three kinds of parts are shared here, and one of them even *within* a block.


# %% tags=["09.shared-blocks-bug"]
def make_encoder(d_model, num_heads, d_ff, num_layers):
    """An Encoder of `num_layers` blocks, each with numbers of its own."""
    # BEGIN SOLUTION
    return Encoder(
        EncoderBlock(
            MultiHeadAttention(d_model, num_heads),
            FeedForward(d_model, d_ff),
            lambda: PostNorm(LayerNorm(d_model)),
        )
        for _ in range(num_layers)
    )
    # END SOLUTION
    # BEGIN STUB
    # attention = MultiHeadAttention(d_model, num_heads)
    # feed_forward = FeedForward(d_model, d_ff)
    # around = PostNorm(LayerNorm(d_model))
    # return Encoder(
    #     EncoderBlock(attention, feed_forward, lambda: around) for _ in range(num_layers)
    # )
    # END STUB


# %% tags=["check"]
check("09.shared-blocks-bug", make_encoder)
