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
# Nine exercises: the two norms, a gated network and its fair width, the block, and two broken blocks to
# mend. When the block is right, your code runs a real model: there is a cell for that. Then you build a whole
# reader, and it learns. The last is a test that no leak of padding passes.
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
    return F.rms_norm(x, x.shape[-1:], eps=1e-6)


# %% [markdown]
# ## 07.layer-norm · To the last digit
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
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
# *Difficulty 1 of 3 · 10 minutes · 1 point*
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
# ## 07.missing-residual-bug · A block that forgets its words
#
# *Difficulty 2 of 3 · 5 minutes · 2 points*
#
# A block in which each sublayer reads *normed* words; 7.6 will call that order **pre-norm**. Its author complains:
# "one block is fine, but with a few of them all words become the same." It runs, and every shape is right. What did
# sections 7.1 and 7.2 say of such a stack? Mend it.
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
# ## 07.swiglu · A gate before the way down
#
# *Difficulty 1 of 3 · 5 minutes · 2 points*
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
# *Difficulty 2 of 3 · 10 minutes · 1 point*
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
# *Difficulty 3 of 3 · 15 minutes · 3 points*
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
except (NotImplementedError, NameError):
    print("First write and run EncoderBlock.forward.")

# %% [markdown]
# ## 07.pre-post-bug · Between two orders
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# A whole stack in **pre-norm**, or so its author says. It trains, somewhat, and doesn't like depth. Mend
# it.
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
# ## 07.reader · A block that trains
#
# *Difficulty 3 of 3 · 45 minutes · 4 points*
#
# Nothing is written this time. Your reader gets texts of letters (whole numbers from 1; 0 is padding) and gives each
# letter one of a few classes. It is one post-norm block with an embedding below and a linear layer on top, and it can
# train itself. Positions are left out: the task that comes after the check needs none.
#
# **`__init__`** gets the sizes, and `dropout`, a probability. Make these parts, by these names, and no other
# parameters:
#
# | name | what it is |
# |---|---|
# | `embed` | `nn.Embedding(num_letters, d_model)` |
# | `attention` | `MultiHeadAttention(d_model, num_heads, bias=False, bias_out=True)`: only its last matrix has a bias |
# | `norm_attention`, `norm_feed_forward` | `nn.LayerNorm(d_model)` each |
# | `up`, `down` | `nn.Linear`, from `d_model` to `d_ff` and back; ReLU between them |
# | `read` | `nn.Linear(d_model, num_classes)` |
#
# **`forward(ids)`**: `(batch, seq)` → the scores of the classes, `(batch, seq, num_classes)`. No letter looks at
# padding; a padded position itself is computed like any other. In training there is **dropout** in the three places of
# the paper (section 5.4) and nowhere else: on the embedded letters, and on what each sublayer says, *before* it is
# added.
#
# **`step(ids, targets, rate)`**: one step of training. In training mode: the cross-entropy, averaged over the letters
# of the whole batch, without padding; its gradients, from zero; then every parameter minus `rate` times its gradient.
# Return the loss before the step, as a plain number (`.item()`).
#
# **`predict(ids)`**: in evaluation mode and without gradients, the number of the best class, `(batch, seq)`.
#
# **`learn(texts, targets)`**: train until it can do the task. The check hands over 1,000 texts with their classes, and
# then asks for those of 200 texts that are new: nine of ten letters must be right. Optimizer, rate and rounds are
# yours. Twenty seconds are allowed; two are enough.
#
# The traps: a mode that nobody switches back, and padding that counts in the loss.


# %% tags=["07.reader"]
class Reader(nn.Module):
    """Letters in, a class for each: an embedding, one encoder block, a linear layer."""

    def __init__(self, num_letters, num_classes, d_model, num_heads, d_ff, dropout):
        super().__init__()
        # BEGIN SOLUTION
        self.embed = nn.Embedding(num_letters, d_model)
        self.attention = MultiHeadAttention(d_model, num_heads, bias=False, bias_out=True)
        self.norm_attention = nn.LayerNorm(d_model)
        self.up = nn.Linear(d_model, d_ff)
        self.down = nn.Linear(d_ff, d_model)
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.read = nn.Linear(d_model, num_classes)
        self.dropout = nn.Dropout(dropout)
        # END SOLUTION

    def forward(self, ids):
        """(batch, seq) -> scores (batch, seq, num_classes)."""
        # BEGIN SOLUTION
        mask = (ids != 0)[:, None, None]  # (batch, 1, 1, key)
        x = self.dropout(self.embed(ids))
        x = self.norm_attention(x + self.dropout(self.attention(x, mask=mask)))
        thought = self.down(self.up(x).relu())
        x = self.norm_feed_forward(x + self.dropout(thought))
        return self.read(x)
        # END SOLUTION

    def step(self, ids, targets, rate):
        """Move all parameters once; return the loss before that, a number."""
        # BEGIN SOLUTION
        self.train()
        real = ids != 0
        loss = F.cross_entropy(self(ids)[real], targets[real])
        self.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in self.parameters():
                parameter -= rate * parameter.grad
        return loss.item()
        # END SOLUTION

    @torch.no_grad()
    def predict(self, ids):
        """(batch, seq) -> the best class of each letter, (batch, seq)."""
        # BEGIN SOLUTION
        self.eval()
        return self(ids).argmax(dim=-1)
        # END SOLUTION

    def learn(self, texts, targets):
        """Train on texts (n, seq) and their classes (n, seq)."""
        # BEGIN SOLUTION
        optimizer = torch.optim.Adam(self.parameters(), lr=5e-3)
        self.train()
        for _ in range(15):
            for part in torch.randperm(len(texts)).split(50):
                ids, real = texts[part], texts[part] != 0
                loss = F.cross_entropy(self(ids)[real], targets[part][real])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        # END SOLUTION


# %% tags=["check"]
check("07.reader", Reader)

# %% [markdown]
# **Your block at work.** For each letter of a text: how many of the others come later in the alphabet, none, one, or
# more? That is the task of the check. The loss of *your* steps, with and without dropout, and one text read by your
# reader:

# %% tags=["demo"]
import matplotlib.pyplot as plt
from IPython.display import display

from course_lib.views import show


def drawn(n, seq=7):
    """n texts of letters 1 to 8, and for each letter how many come later: 0, 1, or 2 for more."""
    ids = torch.randint(1, 9, (n, seq))
    return ids, (ids[:, None, :] > ids[:, :, None]).sum(dim=-1).clamp(max=2)


torch.manual_seed(0)
new, right = drawn(500)

# %% tags=["demo"]
try:
    fig, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
    for dropout, style in ((0.0, "-"), (0.1, "--")):
        reader = Reader(9, 3, 32, 4, 64, dropout)
        losses = torch.tensor([reader.step(*drawn(64), 0.2) for _ in range(500)])
        ax.plot(
            range(10, 490, 5),
            losses.unfold(0, 20, 5).mean(dim=1)[:96],
            style,
            label=f"dropout {dropout}",
        )
        share = (reader.predict(new) == right).float().mean()
        print(f"dropout {dropout}: {100 * share:.0f} % of the letters of new texts right")
    print("read: ", *("-ABCDEFGH"[i] for i in new[0]))
    print("later:", *reader.predict(new[:1])[0].tolist(), "  right:", *right[0].tolist())
    ax.set(xlabel="step", ylabel="loss (means of twenty)", title="Your block learns")
    ax.legend()
    display(
        show(fig, alt="Two curves of the loss over the steps, with and without dropout; both fall.")
    )
except (NotImplementedError, NameError):
    print("First write and run Reader.")

# %% [markdown]
# ## 07.pad-test · A test for every leak of padding
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Somebody ran an encoder twice. Between the runs the vectors of the padding were changed, the words were not.
# You get what went in and what came out, and decide: is this a *proof* that words don't feel padding?
#
# - `x_before`, `x_after`, `out_before`, `out_after` are `(batch, seq, d_model)`; `real` is `(batch, seq)` and
#   bool, `True` for words. Padding may stand on any side.
# - Return `True` only if the outputs of *all* words agree within `1e-5`, each number of them, at 1,000 as well
#   as at 0; and the test was a fair one.
# - Fair means: words went in unchanged, to the bit; at *every* padding position at least one number was changed;
#   and there was padding, since without any nothing was tested.
# - A `nan` in the output of a word proves nothing: `False`. What comes out at padding positions doesn't matter.
#
# The trap: the best-looking result comes from a test that changed nothing.


# %% tags=["07.pad-test"]
def ignores_filler(x_before, x_after, out_before, out_after, real):
    """Do these two runs prove that no word feels the padding? One bool."""
    # BEGIN SOLUTION
    changed = (x_before != x_after).any(dim=-1)  # (batch, seq)
    fair = bool((~real).any()) and bool((changed == ~real).all())
    differences = (out_before - out_after).abs().amax(dim=-1)  # (batch, seq); nan stays nan
    return fair and bool((differences[real] < 1e-5).all())
    # END SOLUTION


# %% tags=["check"]
check("07.pad-test", ignores_filler)
