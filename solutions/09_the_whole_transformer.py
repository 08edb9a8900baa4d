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
# Seven exercises. You count a model before you build it, draw its first weights, and give one table two jobs.
# Then you write the whole Transformer from given parts, mend a stack that has six blocks and the parameters
# of one, and judge what a model wrote: was it right, and was the test a fair one?
#
# Shapes are written `(batch, seq, d_model)`: which sentence, which token, which number. `source` and `target`
# are names for the two lengths.

# %% tags=["setup"]
import torch
from torch import nn

from course_lib.check import check
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import sinusoidal_positions
from course_lib.nn.stacks import Decoder, Encoder

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
# - Positions are waves: nothing in them is learned. The head has no bias.
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
# *Difficulty 1 of 3 · 8 minutes · 1 point*
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
# ## 09.transformer · The whole model
#
# *Difficulty 3 of 3 · 25 minutes · 4 points*
#
# All parts lie on the table, made in `__init__` from chapters 04 to 08. Put them together.
#
# - `encode`: `source` is `(batch, source)`, ids. Return `(batch, source, d_model)`.
# - `decode`: `target` is `(batch, target)`, ids; `memory` is what `encode` returned for `source`. Return the
#   logits, `(batch, target, target_vocab)`.
# - On both sides a token's row of the table is multiplied by $\sqrt{d_{model}}$; *then* the waves are added:
#   `sinusoidal_positions(seq, d_model)` gives `(seq, d_model)`.
# - The stacks are called as in chapters 07 and 08: `self.encoder(x, mask)` and `self.decoder(x, memory, mask,
#   memory_mask)`.
# - Nobody looks at padding (`self.pad_id`), on either side. The target never looks ahead. Padding may stand
#   left or right. `padding_mask(ids, pad_id)`, `causal_mask(n)` and `combine_masks(…)` are at hand.
#
# The trap: three attentions, three masks. Which one hides what?


# %% tags=["09.transformer"]
class Transformer(nn.Module):
    """The Transformer of 2017, post-norm."""

    def __init__(self, source_vocab, target_vocab, d_model, num_heads, d_ff, num_layers, pad_id):
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id

        def look():
            return MultiHeadAttention(d_model, num_heads)

        def think():
            return FeedForward(d_model, d_ff)

        def around():
            return PostNorm(LayerNorm(d_model))

        self.embed_source = nn.Embedding(source_vocab, d_model)
        self.embed_target = nn.Embedding(target_vocab, d_model)
        self.encoder = Encoder(EncoderBlock(look(), think(), around) for _ in range(num_layers))
        self.decoder = Decoder(
            DecoderBlock(look(), look(), think(), around) for _ in range(num_layers)
        )
        self.head = nn.Linear(d_model, target_vocab, bias=False)

    def encode(self, source):
        """(batch, source) -> (batch, source, d_model)"""
        # BEGIN SOLUTION
        x = self.embed_source(source) * self.d_model**0.5
        x = x + sinusoidal_positions(source.shape[1], self.d_model)
        return self.encoder(x, padding_mask(source, self.pad_id))
        # END SOLUTION

    def decode(self, target, memory, source):
        """(batch, target), (batch, source, d_model), (batch, source) -> (batch, target, vocab)"""
        # BEGIN SOLUTION
        y = self.embed_target(target) * self.d_model**0.5
        y = y + sinusoidal_positions(target.shape[1], self.d_model)
        mask = combine_masks(causal_mask(target.shape[1]), padding_mask(target, self.pad_id))
        y = self.decoder(y, memory, mask, padding_mask(source, self.pad_id))
        return self.head(y)
        # END SOLUTION

    def forward(self, source, target):
        """Logits (batch, target, vocab) for the token after each token of the target."""
        return self.decode(target, self.encode(source), source)


# %% tags=["check"]
check("09.transformer", Transformer)

# %% [markdown]
# **Does it run?** The next cell trains *your* Transformer to copy four letters, for a few seconds.

# %% tags=["demo"]
try:
    torch.manual_seed(0)
    mine = Transformer(10, 10, d_model=32, num_heads=2, d_ff=64, num_layers=1, pad_id=0)
    optimizer = torch.optim.Adam(mine.parameters(), lr=3e-3)
    for _ in range(300):
        source = torch.randint(2, 10, (64, 4))
        start = torch.ones(64, 1, dtype=torch.long)
        logits = mine(source, torch.cat([start, source[:, :-1]], dim=1))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), source.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"loss of guessing blindly: 2.08, of your model now: {loss:.2f}")
except NotImplementedError:
    print("First write Transformer.encode and decode.")

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
