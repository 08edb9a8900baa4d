# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · The encoder: exercises
#
# Eight exercises: the two norms, a gated network and its fair width, the block, two broken blocks to mend, and
# a test that no leak of filler passes. When the block is right, your code runs a real model: there is a cell
# for that.
#
# Shapes are written `(batch, seq, d_model)`: which sentence, which word, which number. Write `x = x + …`, not
# `x += …`: that overwrites a tensor which the caller, or the gradient, still needs.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check
from course_lib.nn.multi_head import MultiHeadAttention


def normed(x):
    """RMSNorm without weights, for 07.missing-residual-bug."""
    return x / (x.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt()


# %% [markdown]
# ## 07.layer-norm · To the last digit
#
# *Difficulty 1 of 3 · 8 minutes · 2 points*
#
# Write LayerNorm without `F.layer_norm` and its relatives.
#
# - `x` has `d_model` numbers on its last axis and any number of axes before it. Each vector is treated alone.
# - Subtract its mean; divide by the root of (its *biased* variance plus `eps`); multiply by `weight`, add
#   `bias`, both `(d_model,)`.
#
# The traps: `torch.var` and `torch.std` divide by `d_model - 1` unless told otherwise, and there is a right and
# a wrong side of the root for `eps`. The check uses narrow vectors and faint ones, where both show.


# %% tags=["07.layer-norm"]
def layer_norm(x, weight, bias, eps=1e-5):
    """x (..., d_model), weight and bias (d_model,) -> the same shape as x."""
    # BEGIN SOLUTION
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    return weight * (x - mean) / (variance + eps).sqrt() + bias
    # END SOLUTION


# %% tags=["check"]
check("07.layer-norm", layer_norm)

# %% [markdown]
# ## 07.rms-norm · The simpler one, in any precision
#
# *Difficulty 1 of 3 · 6 minutes · 1 point*
#
# - `x` is `(..., d_model)`. Divide each vector by the root of (the mean of its squares plus `eps`), then
#   multiply by `weight`, `(d_model,)`. Nothing is subtracted, nothing added.
# - `x` may come in any precision, even half, `torch.float16`, whose largest number is 65,504. **Compute in
#   `float32` and return `float32`**, whatever comes in.
#
# Write it without `F.rms_norm`. The trap: 300 fits into half precision. Its square does not.


# %% tags=["07.rms-norm"]
def rms_norm(x, weight, eps=1e-6):
    """x (..., d_model) of any precision, weight (d_model,) -> float32, the shape of x."""
    # BEGIN SOLUTION
    x = x.float()
    mean_square = x.square().mean(dim=-1, keepdim=True)
    return weight * x / (mean_square + eps).sqrt()
    # END SOLUTION


# %% tags=["check"]
check("07.rms-norm", rms_norm)

# %% [markdown]
# ## 07.swiglu · A gate before the way down
#
# *Difficulty 1 of 3 · 6 minutes · 2 points*
#
# `__init__` is written; you write `forward`, as in section 7.4:
#
# $$W_{down}\,(\text{silu}(W_{gate}\, x) \cdot W_{up}\, x)$$
#
# The product is number by number. `F.silu` is allowed. The trap: which of the two is bent, and when.


# %% tags=["07.swiglu"]
class SwiGLU(nn.Module):
    """A gated feed-forward network, without biases."""

    def __init__(self, d_model, d_ff):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=False)
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x):
        """(batch, seq, d_model) -> the same shape."""
        # BEGIN SOLUTION
        return self.down(F.silu(self.gate(x)) * self.up(x))
        # END SOLUTION


# %% tags=["check"]
check("07.swiglu", SwiGLU)

# %% [markdown]
# ## 07.equal-width · A fair fight
#
# *Difficulty 2 of 3 · 8 minutes · 1 point*
#
# You want to compare the paper's network, two `nn.Linear` *with* biases and width `d_ff` between them, with the
# `SwiGLU` above, which has none. How wide may the SwiGLU be, at most, without having more parameters? Return a
# whole number. Don't build anything: count.
#
# The trap: "two thirds" is nearly right. Biases count.


# %% tags=["07.equal-width"]
def swiglu_width(d_model, d_ff):
    """The largest width of a SwiGLU with no more parameters than the ReLU network has."""
    # BEGIN SOLUTION
    parameters = 2 * d_model * d_ff + d_ff + d_model
    return parameters // (3 * d_model)
    # END SOLUTION


# %% tags=["check"]
check("07.equal-width", swiglu_width)

# %% [markdown]
# ## 07.encoder-block · The block of the paper
#
# *Difficulty 3 of 3 · 20 minutes · 3 points*
#
# `__init__` is written. You write `forward`, in **post-norm**, the order of the paper's text: after each
# sublayer, add and then norm.
#
# - `x` is `(batch, seq, d_model)`. `mask` may be `None`, or have two axes or four, as chapter 04's masks have; it
#   goes to the attention as it is.
# - The attention is that of chapter 05: `self.attention(x, mask=mask)` returns the output, and with
#   `return_weights=True` the output *and* the weights.
# - The feed-forward network goes up, through `self.activation`, whichever that is, and down.
# - Return the new `x`; with `return_weights=True` return two things, `x` and the weights.
#
# The traps: there are two norms, and the check has given them different weights. And the second sublayer reads
# what the first has written.


# %% tags=["07.encoder-block"]
class EncoderBlock(nn.Module):
    """Words talk, then each thinks alone; both times: add, then norm."""

    def __init__(self, d_model, num_heads, d_ff, activation="relu"):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm_attention = nn.LayerNorm(d_model)
        self.up = nn.Linear(d_model, d_ff)
        self.activation = getattr(F, activation)  # F.relu, F.gelu, …
        self.down = nn.Linear(d_ff, d_model)
        self.norm_feed_forward = nn.LayerNorm(d_model)

    def forward(self, x, mask=None, *, return_weights=False):
        """Return the new x (batch, seq, d_model), or x and the attention weights."""
        # BEGIN SOLUTION
        said, weights = self.attention(x, mask=mask, return_weights=True)
        x = self.norm_attention(x + said)
        thought = self.down(self.activation(self.up(x)))
        x = self.norm_feed_forward(x + thought)
        return (x, weights) if return_weights else x
        # END SOLUTION


# %% tags=["check"]
check("07.encoder-block", EncoderBlock)

# %% [markdown]
# **Your block in a real model.** The next cell fills six of *your* blocks with MiniLM's trained weights and
# lets them read the course sentence.

# %% tags=["demo"]
from course_lib.pretrained.minilm import encode, load_minilm


def filled(old):
    """One of your blocks with the weights of one of MiniLM's."""
    block = EncoderBlock(384, 12, 1536, "gelu")
    block.attention, block.up, block.down = old.attention, old.feed_forward[0], old.feed_forward[2]
    block.norm_attention, block.norm_feed_forward = old.norm_attention, old.norm_feed_forward
    return block


try:
    model, tokenizer = load_minilm()
    ids, _ = encode(tokenizer, "The animal didn't cross the street because it was too tired")
    with torch.no_grad():
        x = model.embedding(ids)
        for old in model.blocks:
            x = filled(old)(x)
        print("largest difference to MiniLM:", f"{(x - model(ids)).abs().max():.3f}")
except NotImplementedError:
    print("First write EncoderBlock.forward.")

# %% [markdown]
# ## 07.missing-residual-bug · A block that forgets its words
#
# *Difficulty 2 of 3 · 8 minutes · 2 points*
#
# A **pre-norm** block whose author complains: "one block is fine, but with a few of them all words become the
# same." It runs, and every shape is right. Mend it.
#
# - Attention is simply `mix @ words` here, with a given table of weights `mix`, `(seq, seq)`.
# - The norm is RMSNorm without weights, `normed` from the first cell; it is right.
# - The feed-forward network is `relu(words @ up) @ down`; it is right, too.
# - What comes back is `(batch, seq, d_model)`.
#
# The trap: there are two sublayers.


# %% tags=["07.missing-residual-bug"]
def pre_norm_block(x, mix, up, down):
    """x (batch, seq, d_model), mix (seq, seq), up (d_model, d_ff), down (d_ff, d_model) -> new x."""
    # BEGIN SOLUTION
    x = x + mix @ normed(x)
    return x + (normed(x) @ up).relu() @ down
    # END SOLUTION
    # BEGIN STUB
    # x = mix @ normed(x)
    # return (normed(x) @ up).relu() @ down
    # END STUB


# %% tags=["check"]
check("07.missing-residual-bug", pre_norm_block)

# %% [markdown]
# ## 07.pre-post-bug · Between two orders
#
# *Difficulty 2 of 3 · 12 minutes · 2 points*
#
# A whole stack in **pre-norm**, or so its author says. It trains, somewhat, and doesn't like depth. Compare it
# line by line with section 7.6, and mend it.
#
# - `__init__` is right: `attentions`, `networks`, two norms for each block, and `last`, one norm more.
# - A pre-norm block: $x + f(\text{norm}(x))$, for the attention, then for the network. After the last block,
#   one norm.
# - `x` is `(batch, seq, d_model)`, `mask` goes to every attention.
#
# The traps: look at what is *added to*, and at how the stack ends. There is more than one mistake.


# %% tags=["07.pre-post-bug"]
class PreNormEncoder(nn.Module):
    """A stack of pre-norm blocks."""

    def __init__(self, d_model, num_heads, d_ff, num_layers):
        super().__init__()
        self.attentions = nn.ModuleList(
            MultiHeadAttention(d_model, num_heads) for _ in range(num_layers)
        )
        self.networks = nn.ModuleList(
            nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
            for _ in range(num_layers)
        )
        self.norms_1 = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(num_layers))
        self.norms_2 = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(num_layers))
        self.last = nn.LayerNorm(d_model)

    def forward(self, x, mask=None):
        """(batch, seq, d_model) -> the same shape."""
        parts = zip(self.attentions, self.networks, self.norms_1, self.norms_2, strict=True)
        # BEGIN SOLUTION
        for attention, network, norm_1, norm_2 in parts:
            x = x + attention(norm_1(x), mask=mask)
            x = x + network(norm_2(x))
        return self.last(x)
        # END SOLUTION
        # BEGIN STUB
        # for attention, network, norm_1, norm_2 in parts:
        #     x = norm_1(x)
        #     x = x + attention(x, mask=mask)
        #     x = norm_2(x)
        #     x = x + network(x)
        # return x
        # END STUB


# %% tags=["check"]
check("07.pre-post-bug", PreNormEncoder)

# %% [markdown]
# ## 07.pad-test · A test for every leak of filler
#
# *Difficulty 2 of 3 · 12 minutes · 2 points*
#
# Somebody ran an encoder twice. Between the runs the vectors of the filler were changed, the words were not.
# You get what went in and what came out, and decide: is this a *proof* that words don't feel filler?
#
# - `x_before`, `x_after`, `out_before`, `out_after` are `(batch, seq, d_model)`; `real` is `(batch, seq)` and
#   bool, `True` for words. Filler may stand on any side.
# - Return `True` only if the outputs of *all* words agree within `1e-5`, each number of them, at 1,000 as well
#   as at 0; and the test was a fair one.
# - Fair means: words went in unchanged, to the bit; at *every* filler position at least one number was changed;
#   and there was filler, since without any nothing was tested.
# - A `nan` in the output of a word proves nothing: `False`. What comes out at filler positions doesn't matter.
#
# The trap: the best-looking result comes from a test that changed nothing.


# %% tags=["07.pad-test"]
def ignores_filler(x_before, x_after, out_before, out_after, real):
    """Do these two runs prove that no word feels the filler? One bool."""
    # BEGIN SOLUTION
    changed = (x_before != x_after).any(dim=-1)  # (batch, seq)
    fair = bool((~real).any()) and bool((changed == ~real).all())
    differences = (out_before - out_after).abs().amax(dim=-1)  # (batch, seq); nan stays nan
    return fair and bool((differences[real] < 1e-5).all())
    # END SOLUTION


# %% tags=["check"]
check("07.pad-test", ignores_filler)
