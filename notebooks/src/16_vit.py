# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 16 · Vision Transformer
#
# **Is an image a sentence?** The encoder of chapter 14 reads a row of vectors, and it doesn't ask what they stand for. Cut an image into squares, make a vector of each,
# and it will read that too. It then knows nothing of images: not that squares have neighbours, not that a stroke is the same stroke two pixels to the left.
# What does that cost, and what can it learn for itself?
#
# After this chapter you can
#
# - cut images into patches, and see when they were cut wrongly,
# - say what a linear layer over patches has to do with a convolution,
# - build and train a Vision Transformer,
# - draw what it looked at, and test whether the drawing means anything,
# - say when a convolutional network wins, and why.
#
# You need 07, 10 and 14. About 75 minutes, and 120 more for the exercises.

# %%
from itertools import islice

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch.optim.lr_scheduler import LambdaLR

from course_lib.claims import claim
from course_lib.data.images import mnist_split
from course_lib.plots import CYCLE, named_curves, transformer_map
from course_lib.plots.transformer import PARTS
from course_lib.studies import study
from course_lib.views import outcome, patch_hover, predict, quiz, show

torch.set_num_threads(1)

# %% [markdown]
# You are in the left tower again; new is what comes in.

# %%
show(
    transformer_map(here=("embedding", "positions"), built=PARTS, tower="encoder"),
    alt="Drawing of the Transformer, every box built. The encoder's embedding and positions are lit: an image comes in there instead of words.",
)

# %% [markdown]
# ## 16.1 An image in words
#
# The images are handwritten digits, 28 by 28 pixels, grey: 5,000 from **MNIST** (LeCun and others 1998). 3,000 to learn from, 1,000 to develop, 1,000 to test: those are the studies'.

# %%
digits = mnist_split(dev=1000, test=1000)
learn, develop = digits.train, digits.dev
print("to learn from", tuple(learn.pixels.shape), "to develop", tuple(develop.pixels.shape))
ink = (develop.pixels > 0.5).float().mean().item()
print(f"share of pixels with ink: {ink:.3f}")

# %% [markdown]
# A pixel as a token? 784 tokens, and attention compares each with each (01): 614,656 pairs a head. So an image is cut into squares, each of which becomes one token:
# a **patch**, here of 7 by 7 pixels, 16 to an image. All that is asked of the cut: 49 numbers a row. `reshape(16, 49)` gives that.

# %%
predict(
    "16.stripes",
    "`reshape(16, 49)` on a digit of 28 by 28: from how many rows of the image does its second token come?",
)

# %% [markdown]
# Number the rows, and let the numbers go through the same `reshape`:

# %%
image = develop.pixels[4, 0]
rows_of = torch.arange(28)[:, None].expand(28, 28)  # each pixel holds the number of its row
second = rows_of.reshape(16, 49)[1].unique()
outcome("16.stripes", f"{len(second)} rows")

# %% [markdown]
# A patch of 7 by 7 has seven. `reshape` moves no number: it takes the first 49 as they lie there, a row and three quarters of the next. The library's
# `to_patches` cuts as one would with scissors: into bands, and each band into squares. Patch 5 (counted from 0) is the second square of the second band.

# %%
from course_lib.models.vit import to_patches

tokens = {"reshape alone": image.reshape(16, 49), "cut": to_patches(image[None, None], 7)[0]}
print({name: tuple(each.shape) for name, each in tokens.items()})
square = image[7:14, 7:14].flatten()
print({name: torch.equal(each[5], square) for name, each in tokens.items()})

# %% [markdown]
# Equal shapes, so no error will ever say which one you have. Draw the 16 tokens:

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(4, 9, figsize=(8, 3.6), layout="constrained")
for ax in axes.flat:
    ax.set_axis_off()
for at, each in enumerate(tokens.values()):
    for i, token in enumerate(each):
        axes[i // 4, 5 * at + i % 4].imshow(token.view(7, 7), cmap="gray", vmin=0, vmax=1)
fig.suptitle("Left: reshape makes stripes of the digit. Right: patches")
show(
    fig,
    alt="Two grids of 4 by 4 small squares. On the left, made by reshape alone, short broken stripes; no digit can be made out. On the right, patches that together show the digit.",
)

# %% [markdown]
# Would the model learn from stripes? It would, and on digits no worse than from patches (16.7). So the bug
# is hard to see. (**Your turn**: `16.patches`, `16.reshape`.)
#
# ## 16.2 One linear layer for all patches
#
# Words had a table, one vector each. Patches are too many for that: a linear layer makes each one's vector, the **patch embedding**.
#
# $$x_i = W \, \text{patch}_i + b \qquad W: (d_{model},\ \text{channels} \cdot \text{size}^2)$$
#
# The same $W$ for every patch. You may know that under another name: a *convolution* slides one small table of weights (a kernel) over an image,
# and takes a weighted sum at each place. Move it by its own width each time (that step is its *stride*), and the places it stops at are the patches.

# %%
d_model, size = 48, 7
embed = torch.nn.Linear(size**2, d_model)
by_layer = embed(to_patches(develop.pixels[:5], size))
kernels = embed.weight.view(d_model, 1, size, size)
by_convolution = F.conv2d(develop.pixels[:5], kernels, embed.bias, stride=size)
print(tuple(by_layer.shape), tuple(by_convolution.shape))
same = torch.allclose(by_layer, by_convolution.flatten(2).mT, atol=1e-5)
claim("a linear layer over patches is a convolution", same)

# %% [markdown]
# So most published code writes `Conv2d(channels, d_model, size, stride=size)`. With one channel a `view` turns one weight into the other. With three, and another order of the numbers in a
# patch, it takes more: **your turn**, `16.kernel`.
#
# ## 16.3 Where is it? And who answers?
#
# A digit is not the bag of its patches. Or is it? Attention treats tokens alike, wherever they stand (06). Shuffle the patches of some digits, and ask a fresh model
# without places, and one with.

# %%
predict(
    "16.bag",
    "Shuffle the patches of a digit. Without places, does a ViT that answers by the mean of its tokens see a difference?",
)

# %% [markdown]
# The library's ViT, and scissors: the squares of an image in another order.


# %%
from course_lib.models import Vit, VitConfig
from course_lib.models.vit import mean_of_patches


def shuffled(images, order, size):
    """The same squares in another order."""
    bands = images.split(size, dim=2)
    squares = [square for band in bands for square in band.split(size, dim=3)]
    side = images.shape[-1] // size
    rows = [[squares[i] for i in order[at : at + side]] for at in range(0, len(order), side)]
    return torch.cat([torch.cat(row, dim=-1) for row in rows], dim=-2)


order = torch.randperm(16, generator=torch.Generator().manual_seed(0)).tolist()
images, mixed = develop.pixels[:8], shuffled(develop.pixels[:8], order, 7)


# %% [markdown]
# A fresh model that answers by the mean over its patches; then its places are set to zero.

# %%
torch.manual_seed(0)
fresh = Vit(VitConfig(28, 7, 48, 3, 2, 192, 10, channels=1), pool=mean_of_patches)
with torch.no_grad():
    told = (fresh(images) - fresh(mixed)).abs().max().item()
    fresh.position.table.zero_()
    bag = (fresh(images) - fresh(mixed)).abs().max().item()
answer = ["no" if moved < 1e-5 else "yes" for moved in (bag, told)]
outcome("16.bag", f"{answer[0]}; with places, {answer[1]}")

# %% [markdown]
# So each place gets a vector of its own, which is learned and added, as in BERT: a table with one row for each place, read in **raster order**, row after row
# from the top. Nobody tells the model that place 5 is left of 6 and above 9. 16.8 looks at what it found out.
#
# Who answers? In front of the patches stands a vector that is no patch, [CLS] (03): the head reads it behind the last block. Or the head reads the mean of the patches. The
# model of this page uses [CLS], since 16.5 asks what it has read. Together:
#
# $$x = [\,\text{cls},\ W p_1 + b,\ \dots,\ W p_n + b\,] + \text{place} \qquad \text{logits} = \text{head}(\text{encoder}(x)_0)$$
#
# That is a **Vision Transformer**, ViT (Dosovitskiy and others 2020). Behind that line everything is from 07: blocks with their norm in front, GELU. (**Your turn**: `16.count`, `16.vit`.)
#
# ## 16.4 Train one
#
# Patches of 4 by 4 this time: 49 of them, for finer pictures. Two blocks, 48 wide. Pixels are brought to mean 0 and spread 1. `Both` of 10.10: Muon for the matrices of the blocks, AdamW for the rest.
#
# What the model gets, and in which order:


# %%
from course_lib.training import Both, cross_entropy, progress, train


def scores_of(model, pixels, **more):
    """What a model says of images from 0 to 1."""
    return model((pixels - 0.13) / 0.31, **more)


def batches(images, size, generator):
    """Images and labels, pass after pass, each pass in a new order."""
    while True:
        for places in torch.randperm(len(images.labels), generator=generator).split(size):
            yield images.take(places)


# %% [markdown]
# The rate rises for 40 steps and falls in a line. About twenty seconds on one core.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
steps, reader = 400, Vit(VitConfig(28, 4, 48, 3, 2, 192, 10, channels=1))
optimizer = Both(reader, adam_rate=0.01)
plan = LambdaLR(optimizer, lambda step: min((step + 1) / 40, (steps - step) / (steps - 40)))
some = islice(batches(learn, 64, torch.Generator().manual_seed(0)), steps)
run = train(lambda b: cross_entropy(scores_of(reader, b[0]), b[1]), some, optimizer, plan)
losses = [record.loss for record in progress(run, total=steps)]  # a bar, made of widgets
claim("the first loss is about ln 10", abs(losses[0] - 2.303) < 0.3)

# %% [markdown]
# On digits that it never saw:


# %%
@torch.no_grad()
def right(model, pixels, labels):
    """The share of images that are named rightly."""
    return (scores_of(model, pixels).argmax(dim=-1) == labels).float().mean().item()


now = right(reader, *develop)
claim("more than 88 of 100 digits that it never saw are named rightly", now > 0.88)

# %% [markdown]
# Where it looks: point at a patch, or at [CLS], and choose a layer. The bluest patch is the one it looks at most. *Roll-out* is for the next section.

# %%
from course_lib.nn import rollout


def looks(model, pixels):
    """For each image: the layers' weights, mean over heads, and the roll-out."""
    with torch.no_grad():
        _, weights = scores_of(model, pixels, return_weights=True)
    return [each.mean(dim=1) for each in weights], rollout(weights)


layers, rolled = looks(reader, develop.pixels[:300])
maps = {f"layer {i}": each[4] for i, each in enumerate(layers)} | {"roll-out": rolled[4]}
patch_hover(image, maps, "A digit, and where each patch looks", start=0)

# %% [markdown]
# Does it matter where the digit stands? Move it, turn it.


# %% tags=["nbval-ignore-output"]
def ask(image, right, down, turn):
    angle = torch.tensor(turn * torch.pi / 180)
    rows = [angle.cos(), -angle.sin(), -right / 14, angle.sin(), angle.cos(), -down / 14]
    where = F.affine_grid(
        torch.stack([torch.as_tensor(r) for r in rows]).view(1, 2, 3).float(),
        (1, 1, 28, 28),
        align_corners=False,
    )
    moved = F.grid_sample(develop.pixels[image : image + 1], where, align_corners=False)
    with torch.no_grad():
        shares = scores_of(reader, moved).softmax(dim=-1)[0]
    _, (left, bars) = plt.subplots(1, 2, figsize=(6, 2.2), layout="constrained")
    left.imshow(moved[0, 0], cmap="gray", vmin=0, vmax=1)
    left.set_axis_off()
    bars.bar(range(10), shares, color=CYCLE[0])
    bars.set(xticks=range(10), ylim=(0, 1), title=f"says {shares.argmax()}")
    plt.show()


far = {"min": -10, "max": 10, "continuous_update": False}
widgets.interactive(
    ask,
    image=widgets.IntSlider(4, 0, 99, continuous_update=False),
    right=widgets.IntSlider(0, **far),
    down=widgets.IntSlider(0, **far),
    turn=widgets.IntSlider(0, -90, 90, 15, continuous_update=False),
)

# %% [markdown]
# Few pixels are enough to lose it. MNIST's makers had put each digit in the middle, and nobody told it that a stroke may move. 16.7 measures that.
#
# ## 16.5 What has [CLS] read?
#
# In the last block [CLS] looks at tokens that have themselves looked at others. **Attention roll-out** (Abnar and Zuidema 2020) follows the weights back through all blocks, as
# if nothing but attention and the residual connection took place. For block $l$, with $W_l$ its weights, the mean over heads:
#
# $$A_l = \tfrac{1}{2}\,(W_l + I) \qquad \text{roll-out} = A_L \cdots A_2 \, A_1$$
#
# Row [CLS] of the product says how much of each patch arrives there. (**Your turn**: `16.rollout`; the library's is used here.) The picture that ViTs are known by:

# %% jupyter={"source_hidden": true}
shown = [4, 11, 12, 19, 23, 31]
fig, axes = plt.subplots(1, 6, figsize=(9, 1.9), layout="constrained")
for ax, i in zip(axes, shown):
    ax.imshow(develop.pixels[i, 0], cmap="gray", extent=(0, 7, 7, 0))
    ax.imshow(rolled[i, 0, 1:].view(7, 7), cmap="viridis", alpha=0.55, extent=(0, 7, 7, 0))
    ax.set_axis_off()
fig.suptitle("What arrives at [CLS], says attention roll-out")
show(
    fig,
    alt="Six digits, each with a map of 7 by 7 patches over it. Bright patches lie on the strokes or beside them, one or two of them much brighter than the rest; the black border is dark.",
)

# %% [markdown]
# It looks like an explanation. Is it one? If those patches are what the answer rests on, hiding them should hurt more than hiding others
# (**occlusion**: covering a part of the input to see what it was worth). Paint them black, and count what is still named rightly.

# %%
predict(
    "16.hide",
    "Hide 9 of 49 patches: those that roll-out names, those with most ink, or 9 at random among those with ink. Order them by the harm, worst first.",
)

# %% [markdown]
# The worth of a patch is a number: what roll-out gives it, its ink, or chance.


# %%
def painted(pixels, worth, count, colour=0.0):
    """For each image, its `count` patches of most worth in one colour."""
    chosen = torch.zeros_like(worth).scatter(1, worth.topk(count, dim=-1).indices, 1.0)
    mask = chosen.view(-1, 1, 7, 7).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    return torch.where(mask.bool(), colour, pixels)


some = develop.take(range(300))
amount = to_patches(some.pixels, 4).mean(dim=-1)
inked = (amount > 0.05).float()
by_rollout, chance = (
    rolled[:, 0, 1:],
    torch.rand(300, 49, generator=torch.Generator().manual_seed(0)),
)
ways = {"random": chance, "roll-out": by_rollout, "random, with ink": chance + inked}
ways |= {"roll-out, with ink": by_rollout + inked, "most ink": amount}
print(f"patches with ink: {inked.sum(dim=1).mean():.1f} of 49")

# %% [markdown]
# Three hundred digits, five ways, up to twelve patches each:

# %%
counts = (0, 3, 6, 9, 12)
harm = {}
for name, worth in ways.items():
    rights = [right(reader, painted(some.pixels, worth, n), some.labels) for n in counts]
    harm[name] = counts, [100 * share for share in rights]
at_nine = {n: harm[n][1][3] for n in ("roll-out", "most ink", "random, with ink")}
outcome("16.hide", "; ".join(sorted(at_nine, key=at_nine.get)))

# %% [markdown]
# A line that falls fast has found what matters to the model.

# %% tags=["tells"]
about = (
    "patches painted black",
    "of 100 named rightly",
    "Hiding the most ink does more harm than hiding what roll-out names",
)
most, free, fair = (harm[n][1] for n in ("most ink", "roll-out", "roll-out, with ink"))
claim("roll-out's do more harm than any nine at random", free[3] < harm["random"][1][3] - 10)
claim(
    "less than those with most ink, by ten of 100",
    all(m < f - 10 for m, f in zip(most[1:3], free[1:3])),
)
claim(
    "also when it chooses among patches with ink",
    all(m < f - 5 for m, f in zip(most[1:3], fair[1:3])),
)
show(
    named_curves(harm, *about),
    alt="Digits named rightly against the number of hidden patches, five falling lines. Hiding patches at random hurts least, hiding those with most ink hurts most by far. "
    "Roll-out's lie between, near patches with ink drawn at random, a little lower when it too may choose among patches with ink alone.",
)

# %% [markdown] tags=["tells"]
# Against the easy control, any nine patches, the picture "means something". But two thirds of those are empty, and painting black what is black does nothing. Against
# patches with ink, drawn by chance, roll-out as it is gains nothing. A study asked three more, trained with weight decay 0.1, in three more ways: by *another digit's* roll-out, by
# the mean of all, and by *asking*: each patch hidden alone, and what the answer loses.

# %% tags=["tells"]
found = study("16_looks")["results"]
looked = found["right"]
for name, runs in looked.items():
    ink = sum(run[1] for run in found["ink"][name]) / 3
    after = [" ".join(f"{run[at]:.2f}" for run in runs) for at in (1, 3)]
    print(f"{name:25} 3 hide {ink:.2f} of the ink: {after[0]}; 9: {after[1]}")
own, other = looked["roll-out"], looked["another digit's roll-out"]
claim(
    "another digit's map does as much harm, with every seed, up to nine",
    all(o <= r for a, b in zip(other, own) for o, r in zip(a[1:4], b[1:4])),
)

# %% [markdown] tags=["tells"]
# Held to patches with ink, roll-out has an edge over chance with every seed; the plainest rule, most ink first, beats it up to nine patches without asking the model anything. The
# control that hurts most: *another digit's* map does as much harm as the digit's own, and hides more of its ink. So the harm proves nothing about *this* image: a map over the places where digits lie does it too. That something
# was to be found tells the last line: three patches, found by asking, cost two answers of three.
#
# Roll-out leaves out what values and feed-forward networks do with what arrives. Nor is our test perfect: black can't tell what an
# *empty* patch is worth, and a digit with holes is an image that nobody trained on. (Attention is not explanation, say Jain and Wallace 2019 of words; 23 comes back to it.)
#
# ## 16.6 The opponent: a small convolutional network
#
# What read images before, and often still does, is the *convolutional network*, CNN (01): layer over layer of small kernels, each of which is slid over the whole image. Two things are built into it
# that a ViT has to learn:
#
# - **Locality**: what a layer computes at a place comes from its neighbours alone.
# - **Weight sharing**: at each place the same kernel. So the layer is *equivariant* (06): move the image (by whole strides), and what comes out moves with it.
#
# Such a preference, there before any data, is an **inductive bias**. Our ViT has a little of it: it shares its matrices over whole patches, and inside a patch pixels stay together.
# Here is the whole opponent, with as many numbers to learn:

# %%
from torch import nn


def convolved(i, o, size=3):
    """A convolution that halves the image, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(i, o, size, 2, size // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU()
    )


layers = convolved(1, 40, 5), convolved(40, 80), convolved(80, 168)
cnn = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(168, 10))
vit = Vit(VitConfig(28, 7, 64, 4, 3, 256, 10, channels=1), pool=mean_of_patches)
for name, model in (("CNN", cnn), ("ViT", vit)):
    print(f"{name} {sum(p.numel() for p in model.parameters()):,}")

# %% [markdown]
# **Batch normalisation** brings each channel to mean 0 and spread 1 over a batch, as a layer norm does over one vector.
#
# ## 16.7 The race, and what each lives on
#
# A study trained both on 4,000 digits, with three seeds, and looked at the test once (and before that at one number, in a run broken off). Each image was turned, scaled, slanted and moved a little, anew each time: **data augmentation**.
# Rates were chosen on the digits to develop: of two for the CNN, of nine settings for the ViT.

# %%
predict("16.race", "Of 1,000 digits, how many does the ViT name wrongly, and how many the CNN?")

# %% [markdown]
# The record:

# %%
record = study("16_images")["results"]
race = record["right"]["race"]
for name, runs in race.items():
    print(f"{name}: right on test", *(f"{run:.3f}" for run in runs), f"mean {sum(runs) / 3:.4f}")
wrong = {name: 1000 - 1000 * sum(runs) / len(runs) for name, runs in race.items()}
outcome("16.race", f"{wrong['ViT']:.0f} and {wrong['CNN']:.0f}")

# %% [markdown]
# The CNN wins, with every seed, and names about half as many wrongly. That was after 800 updates of 64 digits. Does it hold? On scikit-learn's digits, 8 by 8 pixels, 1,437 to learn from and 360 to test; and with twice as many updates:

# %% tags=["tells"]
races = {"small digits": study("16_small")["results"]["right"]}
longer = study("16_longer")["results"]
races["twice as long"] = longer["right"]["longer"]
for race_name, found in races.items():
    for name, runs in found.items():
        print(f"{race_name}, {name}:", *(f"{run:.3f}" for run in runs))

# %% [markdown]
# On small digits it does. With twice as many updates the two are nearly level. So the question is what lets a CNN learn it *sooner*.
#
# To see what each lives on, take it away. The same study, with models of 27,000 numbers, without augmentation: digits as they are; the **patches** in
# another order, the same for all digits; and all 784 **pixels** in another order, the same for all.

# %%
predict(
    "16.permuted",
    "All pixels in one fixed random order, for learning and for the test. Whose accuracy falls more: the CNN's, the ViT's?",
)

# %% [markdown]
# Three seeds each:

# %%
kinds = {
    "as they are": "as they are",
    "patches": "patches in another order",
    "pixels": "pixels in another order",
}
taken = {name: [record["right"][kind][name] for kind in kinds] for name in ("CNN", "ViT")}
for name, (plain, *others) in taken.items():
    for kind, runs in zip(kinds.values(), (plain, *others)):
        print(f"{name} {kind:25}", *(f"{run:.3f}" for run in runs))
fall = {name: sum(runs[0]) / 3 - sum(runs[2]) / 3 for name, runs in taken.items()}
told = ", ".join(f"the {name}'s by {100 * by:.1f}" for name, by in fall.items())
outcome("16.permuted", f"{told} points of 100")

# %% [markdown]
# As a picture, one mark for each run.

# %% tags=["tells"] jupyter={"source_hidden": true}
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for at, (name, runs) in enumerate(taken.items()):
    for place, each in enumerate(runs):
        ax.plot(
            [100 * r for r in each],
            [place + 0.16 * (at - 0.5)] * 3,
            "os"[at],
            color=CYCLE[at],
            alpha=0.7,
            label=None if place else name,
        )
ax.set_yticks(range(3), kinds.values())
ax.set(xlabel="of 100 test digits named rightly", ylim=(2.6, -0.6))
ax.set_title("With batch norm, the CNN is ahead even where there are no neighbours")
ax.legend()
show(
    fig,
    alt="Three rows of dots, accuracy on the axis. Digits as they are: CNN between 96.4 and 96.7, ViT between 94.1 and 95.5. Patches in another order: the CNN a point lower, the ViT where it was. Pixels in another order: both lower, the CNN still to the right of the ViT.",
)

# %% [markdown] tags=["tells"]
# First the ViT: patches in another order are nothing to it. Its places begin as random vectors, so it has no order to lose. The CNN, whose kernels reach over the borders of patches, loses a
# little. With all pixels in another order a patch is 49 strangers, and a kernel's window holds no neighbours: both fall by a point or two, and the difference between the two falls is within the noise of three seeds.
#
# Here the usual story, "the CNN wins by locality", meets its control: *on scrambled pixels the CNN is still ahead*. A second study
# took its batch norms away, and let an MLP, a single hidden layer over all pixels, stand beside both: to it every order is the same.

# %% tags=["tells"]
controls = study("16_controls")["results"]["right"]
for name, runs in controls.items():
    print(f"{name}:", *(f"{run:.3f}" for run in runs))

# %% [markdown]
# *Without batch norm* the CNN is as good as before on digits as they are, but falls by four points on scrambled pixels, and is no longer ahead of the ViT. So what kept it ahead there was batch norm, and the usual story stands: on
# digits as they are its lead is what it knows of neighbours. The MLP is level with the CNN on scrambled pixels and with
# the ViT on digits as they are: so little do patches buy in 500 updates. *Stripes* (16.1) do no worse.
#
# Last: images moved, and convolutions in front of the ViT's blocks.

# %%
for kind, told in (("as they are", "learned as they are"), ("bent", "learned augmented")):
    for name, runs in record["moved"][kind].items():
        means = [sum(each) / len(each) for each in zip(*runs)]
        print(f"{name}, {told:20} moved by 0 to 4 pixels:", *(f"{mean:.3f}" for mean in means))
for name in ("stem", "[CLS]"):
    print(f"ViT, {name}:", *(f"{run:.3f}" for run in record["right"]["as they are"][name]))
stem = longer["right"]["pixels"]["stem"]
print("ViT, stem, pixels in another order:", *(f"{run:.3f}" for run in stem))

# %% [markdown]
# *Moved*: of digits moved by four pixels the plain ViT names about half, the CNN more than eight of ten. That is weight sharing: the CNN's layers say the same, elsewhere, and the last mean forgets where. Augmented
# images move by two pixels at most, and take half of the errors at four from the ViT, two thirds from the CNN.
#
# *Stem*: three small convolutions in place of the patch embedding, and the ViT's blocks are level with the CNN. On scrambled pixels it brings nothing: the last line falls below
# the ViT with patches.
#
# *[CLS]* in place of the mean over patches: a point or two worse.

# %%
sizes, small = [500, 1500, 4000], {}
for name in ("CNN", "ViT"):
    runs = [record["right"][kind][name] for kind in ("500", "1500", "as they are")]
    small[name] = sizes, [100 * sum(each) / len(each) for each in runs]
    print(name, *(f"{size}: {mean:.1f}" for size, mean in zip(*small[name])))
gaps = [a - b for a, b in zip(small["CNN"][1], small["ViT"][1])]
print("gap:", *(f"{gap:.1f}" for gap in gaps))
more_updates = study("16_updates")["results"]["right"]
more_updates["500 digits, augmented"] = study("16_bent")["results"]["right"]
for kind, models in more_updates.items():
    for name, each in models.items():
        runs = (" ".join(f"{run:.3f}" for run in some) for some in each)
        updates = ", ".join(["1,000", "2,000", "4,000"][: len(each)])
        print(f"{name}, {kind}, {updates} updates:", ", ".join(runs))

# %% [markdown]
# With 500 digits the CNN is ten points ahead, with 4,000 two. But 500 digits were read in 250 updates, 4,000 in 500. With 1,000 and more they are level: that gap was time, not data. Augmented, both gain ten points, and at 4,000 updates they are level.
# On scrambled pixels the CNN stays a little ahead, on average. The paper went the other way: more images, until the gap is gone, and beyond.
#
# ## 16.8 What a table of places found out
#
# The study kept the tables of places that the small ViTs ended with. How alike are the vectors of two places? One would guess: those of neighbours are. The control, also as means of three seeds: models that only ever saw patches in another order. Their tables should show nothing, until put in order again.


# %%
def likeness(alike):
    """The mean cosine of places side by side, of two corners, and of all pairs."""
    places = torch.cartesian_prod(torch.arange(4), torch.arange(4)).float()
    side = torch.cdist(places, places).round(decimals=2) == 1
    corner = torch.zeros(16, dtype=bool).index_fill(0, torch.tensor([0, 3, 12, 15]), True)
    pair = ~torch.eye(16, dtype=bool)
    which = (side, corner[:, None] & corner & pair, pair)
    return [alike[each].mean().item() for each in which]


back = torch.randperm(16, generator=torch.Generator().manual_seed(0)).argsort()
plain, dealt = (torch.tensor(record["places"][k]).mean(dim=0) for k in ("as they are", "patches"))
tables = {"as they are": plain, "dealt out": dealt, "in order again": dealt[back][:, back]}
for name, alike in tables.items():
    print(
        f"{name:15} side by side {{:6.3f}}, two corners {{:6.3f}}, all {{:6.3f}}".format(
            *likeness(alike)
        )
    )
empty = (to_patches(learn.pixels, 7).mean(dim=-1) < 0.01).float().mean(dim=0)
print("empty in a share of digits: corners", *(f"{empty[i]:.2f}" for i in (0, 3, 12, 15)))
near = plain[4, [0, 3, 12, 15]].mean().item()
print(f"second row, left end: empty {empty[4]:.2f}, cosine to the corners {near:.3f}")

# %% [markdown]
# Each of the 16 tiles is one place, and shows how alike it is to all 16.

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(1, 3, figsize=(8, 2.9), layout="constrained")
for ax, (name, alike) in zip(axes, tables.items()):
    tiles = alike.view(4, 4, 4, 4).permute(0, 2, 1, 3).reshape(16, 16)
    drawn = ax.imshow(tiles, cmap="RdBu_r", vmin=-0.7, vmax=0.7)
    ax.set(xticks=[], yticks=[], title=name)
    for line in (3.5, 7.5, 11.5):
        ax.axhline(line, color="black", linewidth=1)
        ax.axvline(line, color="black", linewidth=1)
fig.suptitle("Alike are the corners, where a digit is empty")
fig.colorbar(drawn, ax=axes, label="cosine", shrink=0.8)
show(
    fig,
    alt="Three squares of 16 tiles, each tile 4 by 4 cosines. In the first and the third the tiles of the four corners are red at the four corners, and so are alike; other tiles are mixed. In the second no such order is seen.",
)

# %% [markdown]
# Not neighbours, with patches as large as these: corners. In a digit they are mostly empty; the left end of the second row, as often empty as two of them, is alike to them too. With patches dealt out the pattern is gone, and in order it is
# back: so it was learned from the images. In the paper's figure 7 neighbours are alike: that model saw millions of photographs, and cut them finer.
#
# ## 16.9 Your own digit
#
# Draw one with `#`. As MNIST's were, it is put into a box of 20 by 20, its centre of mass in the middle.


# %%
def as_mnist(text):
    """A drawing in characters as an image of (1, 1, 28, 28); None without ink."""
    rows = text.splitlines() or [""]
    wide = max(map(len, rows))
    drawing = torch.tensor([[float(c == "#") for c in row.ljust(wide)] for row in rows])
    used = drawing.nonzero()
    if not len(used):
        return None
    (top, left), (bottom, end) = used.amin(0).tolist(), (used.amax(0) + 1).tolist()
    box = drawing[None, None, top:bottom, left:end]
    scale = 20 / max(box.shape[-2:])
    box = F.interpolate(box, [max(1, round(scale * n)) for n in box.shape[-2:]], mode="bilinear")
    box = F.avg_pool2d(F.pad(box, (12, 12, 12, 12)), 3, 1).mul(1.4).clamp(max=1)  # soft edges
    down, right = (box[0, 0].sum(1 - axis) for axis in (0, 1))
    row, col = (
        ((w * torch.arange(len(w))).sum() / w.sum()).round().int().item() for w in (down, right)
    )
    box = F.pad(box, (14, 14, 14, 14))
    return box[..., row : row + 28, col : col + 28]


# %% [markdown]
# The drawing is yours to change; the answer comes when you leave the box.


# %% tags=["nbval-ignore-output"]
SEVEN = "\n".join(
    [
        "#########",
        "#########",
        "       ##",
        "      ##",
        "     ##",
        "    ##",
        "   ##",
        "   ##",
        "  ##",
        "  ##",
        "  ##",
    ]
)


def read(drawing):
    image = as_mnist(drawing)
    if image is None:
        return print("Draw with # first.")
    with torch.no_grad():
        shares = scores_of(reader, image).softmax(dim=-1)[0]
    maps = {"roll-out": looks(reader, image)[1][0]}
    best = ", ".join(f"{i}: {shares[i]:.0%}" for i in shares.argsort(descending=True)[:3])
    display(patch_hover(image[0, 0], maps, f"It says {best}"))


box = widgets.Textarea(SEVEN, layout={"width": "16em", "height": "15em"}, continuous_update=False)
widgets.interactive(read, drawing=box)

# %% [markdown]
# It learned from 3,000 digits with soft edges, by other hands: expect more errors than on the test.
#
# ## 16.10 The family
#
# | | what is different |
# |---|---|
# | ViT (2020) | patches of 14 to 32 pixels; with ImageNet's 1.3 million images worse than CNNs, with 300 million better |
# | DeiT (2020) | the same model on ImageNet alone: heavy augmentation, and a CNN as a teacher |
# | Swin (2021) | attention inside windows that shift from layer to layer: locality, built in again |
# | early convolutions (2021) | a **stem** of a few convolutions in place of the patch embedding |
# | MAE (2021) | BERT's game: hide three quarters of the patches, and paint them |
# | CLIP (2021) | an image and its caption get vectors that are near: a ViT or a CNN beside a text encoder |
#
# So the field's answer: with little data, build in what you know of images; with very much, it may be learned.

# %%
from course_lib.models import count_parameters
from course_lib.models.vit import VITS

base = VITS["vit-base-patch16-224"]
print(f"ViT-B/16: {1 + base.num_patches} tokens, {count_parameters(Vit, base):,} parameters")
numbers = sum(p.numel() for p in reader.parameters())
print(f"this page's reader: {len(reader.position.table)} tokens, {numbers:,} parameters")

# %% [markdown]
# That is the published model's count. With `pretrained.vit` its weights go into this very class. For larger images only the table of places has to grow. It is an image itself, 14 by 14 places with 768 channels, and is stretched like one: each
# new place becomes a mix of the old ones around it (*bilinear*): **your turn**, `16.resize`.
#
# ## Summary
#
# - An image becomes a row of tokens when it is cut into patches. `reshape` alone cuts stripes, and nothing complains.
# - One linear layer for all patches is a convolution whose stride is its kernel's side.
# - Where a patch stands is learned: a fixed shuffle of patches costs a ViT nothing.
# - Roll-out lies on the digit, but hiding what another digit's names does as much harm: a picture is no explanation until a good control has lost against it.
# - On 4,000 digits a CNN of equal size is ahead after few updates; after twice as many the ViT has nearly caught up. The CNN bears moved images far better, and its lead lives on neighbours: on scrambled pixels it is ahead by batch norm alone. With 500, it led for a time, augmented for longer.
# - Three convolutions in front bring the ViT level, unless pixels are scrambled.
#
# An image was a sentence, nearly. Changed in the block since 2017: RMSNorm, SwiGLU, rotary positions, grouped queries (05 to 07).

# %% [markdown]
# ## Quiz

# %%
quiz("16")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>Your ViT trains, without an error, to a poor accuracy. What do you look at first?</summary>
#
# The tokens, drawn as images. `reshape` without a permutation gives the right shape and stripes; on digits accuracy didn't tell (16.7), so look. Then whether places are added, and whether the images at test are
# prepared as in training.
#
# </details>
#
# <details><summary>You have 5,000 labelled images and no pretrained model. CNN or ViT?</summary>
#
# A CNN first, with augmentation: here it got there in half of the updates, and with few images and few updates it was far ahead. Or a ViT with convolutions in front. Then ask for a pretrained model after all.
#
# </details>
#
# <details><summary>A heat map of attention lies nicely on the object. What does that show?</summary>
#
# Little by itself. Hide what it names, against as much at random *of the object*, and against a plain rule such as the darkest or brightest patches. On this page
# roll-out beat chance over the image, chance over the digit by a little, and the map of another digit not at all.
#
# </details>
#
# ## Exercises
#
# Open [exercises/16_vit.ipynb](exercises/16_vit.ipynb). About two hours.
#
# | exercise | asks you to |
# |---|---|
# | `16.patches` | cut images into patches, also where they don't fit |
# | `16.reshape` | mend what paints stripes |
# | `16.kernel` | turn a linear layer into a convolution |
# | `16.count` | count a model before it is built |
# | `16.vit` | build a Vision Transformer |
# | `16.rollout` | follow attention back to the patches |
# | `16.resize` | make places for a larger image |
#
# Into your box goes a model that reads images.

# %% [markdown]
# ## Further reading
#
# - Dosovitskiy et al. 2020, *An Image Is Worth 16x16 Words*, arXiv:2010.11929.
# - LeCun et al. 1998, *Gradient-Based Learning Applied to Document Recognition*.
# - Abnar and Zuidema 2020, *Quantifying Attention Flow in Transformers*, arXiv:2005.00928.
# - Jain and Wallace 2019, *Attention Is Not Explanation*, arXiv:1902.10186.
# - Touvron et al. 2020, *DeiT*, arXiv:2012.12877; Liu et al. 2021, *Swin*, arXiv:2103.14030.
# - Xiao et al. 2021, *Early Convolutions Help Transformers See Better*, arXiv:2106.14881.
# - He et al. 2021, *Masked Autoencoders*, arXiv:2111.06377; Radford et al. 2021, *CLIP*, arXiv:2103.00020.
# - Darcet et al. 2023, *Vision Transformers Need Registers*, arXiv:2309.16588.
#
# ## Glossary
#
# - **patch**: a small square of an image, which becomes one token.
# - **patch embedding**: the linear layer that makes a vector of each patch.
# - **raster order**: row after row from the top, each from left to right.
# - **Vision Transformer**: an encoder that reads an image's patches as its tokens.
# - **weight sharing**: using the same weights at every place.
# - **locality**: computing what stands at a place from its neighbours alone.
# - **inductive bias**: what a model prefers before it has seen any data.
# - **data augmentation**: learning from changed copies of the data whose labels stay.
# - **attention roll-out**: the layers' attention multiplied, with the residual connections, back to the input.
# - **occlusion**: covering a part of an input to see what it was worth.
# - **batch normalisation**: bringing each channel to mean 0 and spread 1 over a batch.
# - **stem**: the first layers of an image model, which make of pixels what its blocks read.
