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
# Six exercises: what goes into a decoder, its two masks, the block itself, a test for the leak, a broken
# cross-attention to mend, and a loop that writes. Everything you need is on chapter 08's page.
#
# Shapes are written `(batch, query, d_model)`: which sentence, which position, which number. *Query* counts
# positions of the writer, *key* the words of the reader.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check
from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention


class Scorer(nn.Module):
    """A small model for the last exercise; it scores next tokens."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d_model)
        self.to_scores = nn.Linear(d_model, vocab_size)

    def score(self, ids):
        """ids (batch, seq) -> scores (batch, seq, vocab): at each position, for what comes next."""
        place = torch.arange(1, ids.shape[1] + 1)[:, None]  # (seq, 1)
        so_far = self.table(ids) * place.cos()  # (batch, seq, d_model)
        return self.to_scores(torch.tanh(so_far.cumsum(dim=1)))


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
# ## 08.decoder-masks · Back and over
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
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
# ## 08.decoder-block · Look back, look over, think
#
# *Difficulty 3 of 3 · 20 minutes · 3 points*
#
# `__init__` is written. You write `forward`, in **pre-norm**, the order of section 8.2: norm what a sublayer
# reads, add what it says to `x` itself.
#
# - `x` is `(batch, query, d_model)`, `memory` is `(batch, key, d_model)`: the notes. They come normed already;
#   use them as they are.
# - `mask` is for looking back, `memory_mask` for looking over. Each may be `None`.
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
# ## 08.leak-test · Find the leak in a batch
#
# *Difficulty 2 of 3 · 12 minutes · 2 points*
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
# ## 08.cross-mask-bug · Looking at filler
#
# *Difficulty 2 of 3 · 8 minutes · 2 points*
#
# The cross-attention below (one head, nothing projected) runs on every batch and never gives `nan`. But what a
# sentence says depends on how much filler stands behind its *source*. Mend it.
#
# - `x` is `(batch, query, d_model)`, `memory` is `(batch, key, d_model)`; `target` is `(batch, query)` and `source`
#   is `(batch, key)`, the ids they were made from. Either may be padded.
# - No query may spend weight on a padded word. Padded queries look as all others do; nobody reads what they say.
# - `scaled_dot_product_attention` wants the mask as `(batch, query, key)`, or with axes of size 1.
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

# %% [markdown]
# ## 08.greedy · Write until everyone has ended
#
# *Difficulty 3 of 3 · 20 minutes · 3 points*
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
