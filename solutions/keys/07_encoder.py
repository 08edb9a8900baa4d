"""Answer key of chapter 07: norms, a gated network, blocks and what goes wrong in them."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.grader.judging.edges import around
from course_lib.grader.judging.key import Case, Edges, Exercise, Mistake, call, case
from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.multi_head import MultiHeadAttention, merge_heads, split_heads

from .wrong_blocks import formula_mistakes, sublayer


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def near_one(generator, *shape):
    """Weights of a norm that has learned something."""
    return 1 + 0.5 * normal(generator, *shape)


def alone(answer):
    """The same answer as another one: a mistake of its own is not tried together with others."""
    return lambda *args, **more: answer(*args, **more)


def mistake(answer, name, flags, says, *hints):
    return Mistake(name, answer, flags, says=says, hints=hints)


# --- 07.layer-norm --------------------------------------------------------------------------


def layer_norm_cases(generator):
    def tried(label, x, *eps, **more):
        width = x.shape[-1]
        return case(label, x, near_one(generator, width), normal(generator, width), *eps, **more)

    halves = torch.randint(1, 20, (3, 1), generator=generator) / 2  # their mean is exact
    flat = halves.expand(3, 7).clone()
    # Here sums of eight are exact in float32, and so are distances from their mean; squares aren't.
    far = 300 + (64 * normal(generator, 2, 3, 8)).round() / 64
    return [
        tried("narrow vectors", normal(generator, 2, 5, 3), grad=True),
        tried("with heads in front", normal(generator, 1, 3, 2, 5)),
        tried("a single vector", 2 * normal(generator, 11)),
        tried("faint vectors", 2e-3 * normal(generator, 5, 7)),
        tried("all numbers of a vector equal", flat),
        tried("a large eps", normal(generator, 2, 3, 5), 0.5),
        tried("far from 0, and wide", 5 + 3 * normal(generator, 2, 2, 13)),
        tried("300 away from 0, with a spread of 1", far),
        tried("one number each", normal(generator, 3, 1)),
    ]


def wrong_layer_norm(
    x,
    weight,
    bias,
    eps=1e-5,
    *,
    correction=0,
    eps_place="inside",
    axes=(-1,),
    subtract=True,
    about_zero=False,
    root=True,
    affine="after",
    mean_of_squares=True,
    detached=None,
):
    if detached in ("weights", "weight"):
        weight = weight.detach()
    if detached in ("weights", "bias"):
        bias = bias.detach()
    if affine == "before":
        x = weight * x
    axes = {"all": tuple(range(x.ndim)), "but the first": tuple(range(1, x.ndim))}.get(axes, axes)
    given = x.detach() if detached == "statistics" else x
    centred = x - given.mean(dim=axes, keepdim=True)
    if about_zero:
        spread = x.square().mean(dim=axes, keepdim=True)
    else:
        count = math.prod(x.shape[axis] for axis in axes)
        if correction == "where it can":
            correction = int(count > 1)
        share = 1 / (count - correction) if count > correction else math.nan
        spread = centred.square().sum(dim=axes, keepdim=True)
        spread = spread * share if mean_of_squares else spread
        spread = spread.detach() if detached == "statistics" else spread
    eps = {"fixed": 1e-5, "squared": eps**2, "own default": eps if eps == 0.5 else 1e-6}.get(
        eps_place, eps
    )
    if eps_place in ("inside", "fixed", "squared", "own default"):
        spread = spread + eps
    if eps_place == "least":
        spread = spread.clamp(min=eps)
    below = spread.sqrt() if root else spread
    if eps_place in ("outside", "root of it"):
        below = below + (eps if eps_place == "outside" else eps**0.5)
    scaled = (centred if subtract else x) / below
    if eps_place == "patched":
        scaled = scaled.nan_to_num()
    return {
        "after": lambda: weight * scaled + bias,
        "one more": lambda: (1 + weight) * scaled + bias,
        "exchanged": lambda: bias * scaled + weight,
        "before": lambda: scaled + bias,
        "no bias": lambda: weight * scaled,
        "no weight": lambda: scaled + bias,
        "neither": lambda: scaled,
        "bias first": lambda: weight * (scaled + bias),
    }[affine]()


def moments_layer_norm(x, weight, bias, eps=1e-5):
    """The mean of the squares less the square of the mean, in the precision that comes in."""
    mean = x.mean(-1, keepdim=True)
    variance = x.square().mean(-1, keepdim=True) - mean.square()
    return weight * (x - mean) / (variance + eps).sqrt() + bias


def flat_layer_norm(x, weight, bias, eps=1e-5):
    """Without keepdim."""
    variance = x.var(-1, correction=0)
    return weight * (x - x.mean(-1)) / (variance + eps).sqrt() + bias


def slipped_layer_norm(x, weight, bias, eps=1e-5, *, slip):
    """One slip, in the mean alone or in the brackets."""
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, correction=0, keepdim=True)
    if slip == "mean without its axis":
        mean = x.mean(-1)
    if slip in ("mean of all", "variance from it"):
        mean = x.mean()
    if slip in ("mean without its axis", "variance from it"):
        variance = (x - mean).square().mean(-1, keepdim=True)
    if slip == "mean over the first axis":
        mean = x.mean(0, keepdim=True)
    below = (variance + eps).sqrt()
    if slip == "sizes":
        below = (x - mean).abs().mean(-1, keepdim=True) + eps
    if slip == "divided first":
        return x - mean / below * weight + bias
    if slip == "divided in the bracket":
        return (x - mean / below) * weight + bias
    if slip == "eps to the vector":
        return ((x - mean) / variance.sqrt() + eps) * weight + bias
    if slip == "weight and bias":
        return (x - mean) / below * (weight + bias)
    if slip == "root alone":
        return (x - mean) / variance.sqrt() + eps * weight + bias
    return (x - mean) / below * weight + bias


def overwriting_layer_norm(x, weight, bias, eps=1e-5):
    x -= x.mean(-1, keepdim=True)  # an error where x is to get a gradient
    x /= (x.square().mean(-1, keepdim=True) + eps).sqrt()
    return weight * x + bias


def matrix_layer_norm(x, weight, bias, eps=1e-5):
    """Centring is a product with a symmetric matrix."""
    n = x.shape[-1]
    centred = torch.einsum("...i,ij->...j", x, torch.eye(n) - 1 / n)
    size = torch.linalg.vector_norm(centred, dim=-1, keepdim=True)
    return torch.addcmul(bias, weight, centred / (size**2 / n + eps) ** 0.5)


def mapped_layer_norm(x, weight, bias, eps=1e-5):
    def one(vector):
        variance, mean = torch.var_mean(vector, unbiased=False)
        return (vector - mean) / torch.sqrt(variance + eps) * weight + bias

    for _ in range(x.ndim - 1):
        one = torch.func.vmap(one)
    return one(x)


def built_in_layer_norm(x, weight, bias, eps=1e-5):
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps)


def looped_layer_norm(x, weight, bias, eps=1e-5):
    rows = []
    for vector in x.reshape(-1, x.shape[-1]):
        deviation = vector - vector.sum() / len(vector)
        variance = (deviation @ deviation) / len(vector)
        rows.append(deviation * (variance + eps) ** -0.5)
    return torch.stack(rows).view(x.shape) * weight + bias


def moment_layer_norm(x, weight, bias, eps=1e-5):
    """By the mean of the squares less the square of the mean, in float64."""
    wide = x.double()
    mean = wide.mean(-1, keepdim=True)
    variance = (wide.square().mean(-1, keepdim=True) - mean.square()).clamp(min=0)
    return ((wide - mean) * torch.rsqrt(variance + eps)).to(x.dtype) * weight + bias


WEIGHT_IS_LEARNED = (
    "Is there a `detach` or a `.data` in your code?",
    "The weight is learned.",
    "Use it as it comes.",
)

LAYER_NORM = Exercise(
    id="07.layer-norm",
    title="To the last digit",
    kind="code",
    points=2,
    name="layer_norm",
    cases=layer_norm_cases,
    bans=(
        "layer_norm",
        "native_layer_norm",
        "LayerNorm",
        "group_norm",
        "GroupNorm",
        "batch_norm",
        "instance_norm",
    ),
    mistakes=[
        Mistake(
            "rms-norm",
            alone(wrong_layer_norm),
            {"subtract": False, "about_zero": True},
            says="that is RMSNorm with a bias: the mean is neither subtracted nor left out of the "
            "variance",
            hints=(
                "What is the mean of your result, before weight and bias?",
                "LayerNorm moves each vector to mean 0 first, and then measures its spread.",
                "Subtract the mean above the bar, and in the squares below it.",
            ),
        ),
        Mistake(
            "unbiased",
            wrong_layer_norm,
            {"correction": 1},
            says="your variance divides by d_model - 1: that is the unbiased one",
            hints=(
                "Try a vector of three numbers by hand. What do you divide by?",
                "`var` and `std` have an argument that says what is taken off the count.",
                "The numbers of a word are no sample: divide by how many there are.",
            ),
        ),
        Mistake(
            "eps-outside",
            wrong_layer_norm,
            {"eps_place": "outside"},
            says="eps is added to the standard deviation, after the root, not to the variance",
            hints=(
                "On a faint vector your result is larger than it should be.",
                "Read the formula again: what stands under the root?",
                "Add eps to the variance, then take the root of the sum.",
            ),
        ),
        Mistake(
            "no-eps",
            wrong_layer_norm,
            {"eps_place": "nowhere"},
            says="eps is not used: a vector of equal numbers is divided by 0",
            hints=(
                "What comes out when all numbers of a vector are equal?",
                "Which of your four arguments do you never use?",
                "eps belongs to the variance, under the root.",
            ),
        ),
        Mistake(
            "eps-fixed",
            wrong_layer_norm,
            {"eps_place": "fixed"},
            says="your eps is a number of your own, not the one that is handed in",
            hints=(
                "Call your function with eps=0.5. Does anything change?",
                "An argument that is never read is a hint in itself.",
                "Use the name eps where you have typed a number.",
            ),
        ),
        Mistake(
            "over-the-words",
            wrong_layer_norm,
            {"axes": (-2,)},
            says="mean and variance are taken over the words, so that a word depends on the others",
            hints=(
                "Change one word of a sentence. Which outputs change?",
                "Every vector is normed alone, with its own d_model numbers.",
                "The axis to sum over is the last one.",
            ),
        ),
        Mistake(
            "over-the-sentence",
            alone(wrong_layer_norm),
            {"axes": (-2, -1)},
            says="one mean and one variance serve all words of a sentence",
            hints=(
                "How many means are there in a sentence of five words?",
                "Every vector is normed alone, with its own d_model numbers.",
                "Take the mean over the last axis only, and keep it as an axis of size 1.",
            ),
        ),
        Mistake(
            "over-everything",
            wrong_layer_norm,
            {"axes": "all"},
            says="one mean and one variance serve the whole tensor: no axis was given",
            hints=(
                "What shape does your mean have?",
                "`mean()` without an axis is the mean of all there is.",
                "Say which axis, and keep it as an axis of size 1.",
            ),
        ),
        Mistake(
            "not-centred",
            wrong_layer_norm,
            {"subtract": False},
            says="the vector is divided by its standard deviation, but its mean is still in it",
            hints=(
                "What is the mean of one of your outputs, before weight and bias?",
                "The mean appears twice: in the variance, and above the fraction line.",
                "Above the fraction line stands x minus its mean.",
            ),
        ),
        Mistake(
            "about-zero",
            wrong_layer_norm,
            {"about_zero": True},
            says="you divide by the root of the mean square about 0, not about the mean",
            hints=(
                "Add 5 to every number of a vector. The result should not change.",
                "The variance is the mean square of the distances from the mean.",
                "Subtract the mean before you square.",
            ),
        ),
        Mistake(
            "variance-for-deviation",
            alone(wrong_layer_norm),
            {"root": False},
            says="you divide by the variance: the root is missing",
            hints=(
                "Double a vector. The result should stay nearly the same.",
                "What is the variance of your outputs, before weight and bias? It should be 1.",
                "Take the root of variance plus eps before you divide.",
            ),
        ),
        Mistake(
            "weight-first",
            alone(wrong_layer_norm),
            {"affine": "before"},
            says="x is multiplied by the weight before it is normed",
            hints=(
                "With a weight of 2 in every place, your result is that of a weight of 1.",
                "The learned numbers come last, so that the norm can't undo them.",
                "Norm first, then multiply, then add.",
            ),
        ),
        Mistake(
            "no-bias",
            wrong_layer_norm,
            {"affine": "no bias"},
            says="the bias is not added",
            hints=(
                "Which of your four arguments do you never use?",
                "Two learned vectors belong to a LayerNorm.",
                "The bias is added at the very end.",
            ),
        ),
        Mistake(
            "no-weight",
            alone(wrong_layer_norm),
            {"affine": "no weight"},
            says="the weight is not used",
            hints=(
                "Which of your four arguments do you never use?",
                "Two learned vectors belong to a LayerNorm.",
                "Multiply by the weight, then add the bias.",
            ),
        ),
        Mistake(
            "neither",
            alone(wrong_layer_norm),
            {"affine": "neither"},
            says="neither weight nor bias is used",
            hints=(
                "Which of your four arguments do you never use?",
                "Two learned vectors belong to a LayerNorm.",
                "Multiply by the weight, then add the bias.",
            ),
        ),
        mistake(
            alone(wrong_layer_norm),
            "sum-for-mean",
            {"mean_of_squares": False},
            "you divide by the root of the *sum* of the squares: the variance is their mean",
            "What is the variance of your outputs, before weight and bias? It should be 1.",
            "A variance is the mean of the squared distances from the mean.",
            "Divide the sum by d_model, or take `mean`.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "eps-squared",
            {"eps_place": "squared"},
            "eps is squared before it is added to the variance",
            "On a faint vector your result is larger than it should be.",
            "What stands under the root in the text?",
            "Add eps itself to the variance.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "second-axis",
            {"axes": (1,)},
            "you count the axis from the front: axis 1 is the last one only when there are two",
            "Try a single vector, and one with four axes. Along which axis do you norm?",
            "The text allows any number of axes in front.",
            "Count from the back: -1.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "third-axis",
            {"axes": (2,)},
            "you count the axis from the front: axis 2 is the last one only when there are three",
            "Try a single vector, and one with four axes. Along which axis do you norm?",
            "The text allows any number of axes in front.",
            "Count from the back: -1.",
        ),
        mistake(
            slipped_layer_norm,
            "mean-without-its-axis",
            {"slip": "mean without its axis"},
            "the mean has lost the last axis, so it doesn't fit x any more, or lies along the "
            "wrong one, and the variance is measured from it",
            "Print the shapes of x, of its mean and of its variance.",
            "A mean of (2, 5, 3) along the last axis is (2, 5). It should be (2, 5, 1).",
            "Say keepdim=True in both.",
        ),
        mistake(
            slipped_layer_norm,
            "mean-of-all",
            {"slip": "mean of all"},
            "the mean is that of the whole tensor; the variance is that of each vector",
            "How many numbers is your mean, for x of shape (2, 5, 3)?",
            "Each vector has a mean of its own.",
            "`x.mean(-1, keepdim=True)`.",
        ),
        mistake(
            slipped_layer_norm,
            "mean-of-all-in-the-variance-too",
            {"slip": "variance from it"},
            "the mean is that of the whole tensor, and the variance is measured from it",
            "How many numbers is your mean, for x of shape (2, 5, 3)?",
            "Each vector has a mean of its own.",
            "`x.mean(-1, keepdim=True)`.",
        ),
        mistake(
            slipped_layer_norm,
            "mean-divided-alone",
            {"slip": "divided first"},
            "only the mean is divided, not x less the mean: a division goes before a minus sign",
            "Where are the brackets on your last line?",
            "`a - b / c` is `a - (b / c)`.",
            "`(x - mean) / …`.",
        ),
        mistake(
            slipped_layer_norm,
            "weight-and-bias-added-first",
            {"slip": "weight and bias"},
            "weight and bias are added before they multiply: the bias is never added to the vector",
            "Where are the brackets on your last line? Try a weight of 0.",
            "First the weight multiplies, then the bias is added.",
            "`… * weight + bias`, without brackets around the two.",
        ),
        mistake(
            slipped_layer_norm,
            "eps-times-the-weight",
            {"slip": "root alone"},
            "eps stands behind the division: it is multiplied with the weight and added, and you "
            "may divide by 0",
            "Where do the brackets of your root end?",
            "A division goes before a plus sign: `a / b + eps` is `(a / b) + eps`.",
            "`(variance + eps).sqrt()`.",
        ),
        mistake(
            flat_layer_norm,
            "keepdim-missing",
            {},
            "the mean has lost the last axis, or mean and variance have: they don't fit x any more",
            "Print the shapes of x and of its mean.",
            "A mean of (2, 5, 3) along the last axis is (2, 5). It should be (2, 5, 1).",
            "Say keepdim=True.",
        ),
        mistake(
            overwriting_layer_norm,
            "input-changed",
            {},
            "the caller's own x is changed",
            "Print `x` before and after calling your function.",
            "x -= … and x /= … write into the caller's tensor.",
            "Write x = x - …, which makes a new one.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "statistics-detached",
            {"detached": "statistics"},
            "no gradient flows through mean and variance",
            "Is there a `detach`, a `.data` or a `no_grad` in your code?",
            "Mean and variance depend on x, and the gradient has to know.",
            "Take both from x as it comes.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "weights-detached",
            {"detached": "weights"},
            "no gradient flows back to weight and bias, so they would never be learned",
            "Is there a `detach` or a `.data` in your code?",
            "Weight and bias are learned.",
            "Use them as they come.",
        ),
        mistake(
            moments_layer_norm,
            "mean-of-squares-less-square-of-mean",
            {},
            "your variance is the mean of the squares less the square of the mean: far from 0 both "
            "are large and nearly equal, and float32 has no digits left for their difference",
            "Norm a vector, then the same vector plus 1,000. What has become of your variance?",
            "300 squared is 90,000, and float32 has seven digits. The variance there is 1.",
            "Subtract the mean first; then square, and average.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "first-axis",
            {"axes": (0,)},
            "mean and variance are taken along axis 0: that is the last one only for a single "
            "vector",
            "Change one sentence of a batch. Which outputs change?",
            "Every vector is normed alone, with its own d_model numbers.",
            "Count from the back: -1.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "all-axes-but-the-first",
            {"axes": "but the first"},
            "mean and variance are taken over all axes but the first: the words share them",
            "How many means are there in a sentence of five words?",
            "Every vector is normed alone, with its own d_model numbers.",
            "Take both over the last axis only: -1.",
        ),
        mistake(
            alone(slipped_layer_norm),
            "mean-over-the-first-axis",
            {"slip": "mean over the first axis"},
            "the mean is taken along axis 0, the variance along the last",
            "Print the shapes of your mean and of your variance.",
            "The mean and the variance belong to the same vector.",
            "Both along axis -1.",
        ),
        mistake(
            alone(slipped_layer_norm),
            "mean-divided-in-the-bracket",
            {"slip": "divided in the bracket"},
            "only the mean is divided, not x less the mean: a division goes before a minus sign",
            "Where are the brackets on your last line?",
            "`a - b / c` is `a - (b / c)`.",
            "`(x - mean) / …`, and the weight after that.",
        ),
        mistake(
            alone(slipped_layer_norm),
            "eps-added-to-the-vector",
            {"slip": "eps to the vector"},
            "eps is added to the divided vector, and the root beneath may be 0",
            "Where do the brackets of your root end?",
            "A division goes before a plus sign: `a / b + eps` is `(a / b) + eps`.",
            "`(variance + eps).sqrt()`.",
        ),
        mistake(
            alone(slipped_layer_norm),
            "mean-distance",
            {"slip": "sizes"},
            "you divide by the mean distance from the mean: absolute values, where squares belong",
            "What is the variance of (0, 0, 0, 4)? And the mean distance from its mean, squared?",
            "An absolute value and a square both lose the sign, but they weigh differently.",
            "Square the distances, average, add eps, take the root.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "eps-as-least-variance",
            {"eps_place": "least"},
            "eps is the least that your variance may be (`clamp`); the text adds it",
            "With eps=0.5 and a variance of 1, what stands under your root? It should be 1.5.",
            "A limit does nothing to a variance that is larger.",
            "Variance plus eps, then the root.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "root-of-eps-added",
            {"eps_place": "root of it"},
            "the root of the variance and the root of eps are taken apart, and added",
            "Is the root of 9 + 16 the same as 3 + 4?",
            "One root, over the sum.",
            "`(variance + eps).sqrt()`.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "nan-patched",
            {"eps_place": "patched"},
            "eps is not used: you divide by 0 and turn the nan into 0 afterwards",
            "On a faint vector your result is larger than it should be.",
            "Which of your arguments do you never use?",
            "eps belongs to the variance, under the root; then there is nothing to repair.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "another-default",
            {"eps_place": "own default"},
            "your eps is 1e-6 where none is handed in; in the text's first line it is 1e-5",
            "Compare your `def` line with that of the stub.",
            "eps is 1e-5 unless the caller says otherwise.",
            "`def layer_norm(x, weight, bias, eps=1e-5)`.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "unbiased-where-it-can-be",
            {"correction": "where it can"},
            "your variance divides by d_model - 1 unless there is one number only",
            "Try a vector of three numbers by hand. What do you divide by?",
            "The numbers of a word are no sample.",
            "Divide by how many there are, always.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "one-plus-weight",
            {"affine": "one more"},
            "you multiply by 1 plus the weight, as a few models do whose weights start at 0",
            "What comes out when the weight is all ones?",
            "Here the weight starts at 1, so it is the factor itself.",
            "Multiply by the weight as it comes.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "weight-and-bias-exchanged",
            {"affine": "exchanged"},
            "weight and bias have changed places: you multiply by the bias and add the weight",
            "What comes out for a vector of equal numbers? It should be the bias.",
            "Which of the two do you multiply by?",
            "weight times the normed vector, plus bias.",
        ),
        mistake(
            alone(wrong_layer_norm),
            "weight-detached",
            {"detached": "weight"},
            "no gradient flows back to the weight, so it would never be learned",
            *WEIGHT_IS_LEARNED,
        ),
        mistake(
            alone(wrong_layer_norm),
            "bias-detached",
            {"detached": "bias"},
            "no gradient flows back to the bias, so it would never be learned",
            "Is there a `detach` or a `.data` in your code?",
            "The bias is learned.",
            "Use it as it comes.",
        ),
        Mistake(
            "bias-scaled",
            alone(wrong_layer_norm),
            {"affine": "bias first"},
            says="the bias is added before the multiplication, so the weight scales it too",
            hints=(
                "What comes out for a vector of equal numbers? It should be the bias.",
                "Look at your brackets.",
                "Multiply by the weight first, then add the bias.",
            ),
        ),
    ],
    also_right=[
        built_in_layer_norm,
        looped_layer_norm,
        moment_layer_norm,
        matrix_layer_norm,
        mapped_layer_norm,
    ],
    axes="batch seq d_model",
    hints=(
        "Norm the vector (0, 3) by hand, with weight 1 and bias 0: mean 1.5, biased variance "
        "2.25. What does your function give? Then try a tensor with four axes.",
        "The text has two sentences for you: what is subtracted and what is under the root, and "
        "along which axis. Then read the traps.",
        "Mean and variance are taken along the last axis and keep it, with size 1 "
        "(`keepdim=True`), so that they fit x again. Norm first; weight and bias come last.",
    ),
    allows=Edges(
        axes=(1, 2, 3, 4), sizes=(1, 3), labels=("faint", "equal", "large eps", "300 away")
    ),
)


# --- 07.rms-norm ----------------------------------------------------------------------------


def rms_norm_cases(generator):
    def tried(label, x, *eps, **more):
        return case(label, x, near_one(generator, x.shape[-1]), *eps, **more)

    huge = 200 * (1.5 + torch.rand(2, 3, 5, generator=generator))
    signs = torch.where(torch.rand(2, 3, 5, generator=generator) < 0.5, -1.0, 1.0)
    # In bfloat16 the mean square of these is 4, and every number of this sum is exact.
    near_two = torch.tensor([2.0, 2.0, 2.015625, 2.0, 2.0])
    return [
        tried("narrow vectors", normal(generator, 2, 5, 3), grad=True),
        tried("far from 0", 3 + normal(generator, 1, 3, 2, 7)),
        tried("a single vector", normal(generator, 11)),
        tried("faint vectors", 1e-3 * normal(generator, 5, 7)),
        tried("all zeros", torch.zeros(3, 5)),
        tried("a large eps", normal(generator, 2, 3, 5), 0.5),
        tried("half precision, numbers of 300 and more", (huge * signs).half()),
        tried("bfloat16", (near_two * signs).bfloat16()),
        tried("double precision", normal(generator, 2, 3, 5).double()),
        tried("one number each", normal(generator, 3, 1)),
    ]


ROOTED = ("inside", "fixed", "squared", "own default")  # what is added below the root


def wrong_rms_norm(
    x,
    weight,
    eps=1e-6,
    *,
    wide=True,
    centre="no",
    measure="mean square",
    axes=(-1,),
    eps_place="inside",
    scale="weight",
    detached=None,
):
    arrived = x.dtype
    if wide in ("half", "half, then float32"):
        x = x.float() if arrived == torch.float16 else x
    elif wide == "double":
        x = x.double()
    elif wide == "sixteen":
        x = x.float() if arrived != torch.float64 else x
    else:
        x = x.float() if wide is True else x
    weight = weight.detach() if detached == "weight" else weight
    axes = {"all": tuple(range(x.ndim)), "but the first": tuple(range(1, x.ndim))}.get(axes, axes)
    mean = x.mean(dim=axes, keepdim=True)
    top = x - mean if centre == "both" else x
    seen = x if centre == "no" else x - mean
    seen = seen.to(arrived) if measure == "narrow" else seen
    amount = {
        "narrow": lambda: seen.square().float().mean(dim=axes, keepdim=True),
        "mean square": lambda: seen.square().mean(dim=axes, keepdim=True),
        "sum of squares": lambda: seen.square().sum(dim=axes, keepdim=True),
        "unbiased": lambda: (x - mean).square().sum(-1, keepdim=True) / (x.shape[-1] - 1),
        "square of mean": lambda: seen.mean(dim=axes, keepdim=True).square(),
        "mean size": lambda: seen.abs().mean(dim=axes, keepdim=True).square(),
        "no root": lambda: seen.square().mean(dim=axes, keepdim=True).square(),
    }[measure]()
    own = eps if eps == 0.5 else 1e-5
    eps = {"fixed": 1e-6, "squared": eps**2, "own default": own}.get(eps_place, eps)
    below = (amount + eps).sqrt() if eps_place in ROOTED else amount.sqrt()
    if measure == "no root":
        below = amount.sqrt() + eps
    if eps_place == "outside":
        below = below + eps
    if eps_place == "least":
        below = amount.clamp(min=eps).sqrt()
    if eps_place == "root of it":
        below = below + eps**0.5
    scaled = top / (below.detach() if detached == "below" else below)
    if eps_place == "patched":
        scaled = scaled.nan_to_num()
    if eps_place == "to the vector":
        scaled = scaled + eps
    out = {
        "below": lambda: scaled / weight,
        "early": lambda: weight * scaled.to(arrived),
        "early, then wide": lambda: (weight * scaled.to(arrived)).float(),
        "weight": lambda: weight * scaled,
        "none": lambda: scaled,
        "one more": lambda: (1 + weight) * scaled,
        "back": lambda: (weight * scaled).to(arrived),
    }[scale]()
    as_it_is = scale in ("back", "early") or wide in ("half", "double", "sixteen", "no")
    return out if as_it_is else out.float()


def flat_rms_norm(x, weight, eps=1e-6):
    """Without keepdim."""
    x = x.float()
    return weight * x / (x.square().mean(-1) + eps).sqrt()


def bracketless_rms_norm(x, weight, eps=1e-6):
    """Without the brackets around what is divided by."""
    x = x.float()
    return x / x.square().mean(-1, keepdim=True).sqrt() + eps * weight.float()


def overwriting_rms_norm(x, weight, eps=1e-6):
    x = x.float()  # of a float32 x, that is x itself
    x /= (x.square().mean(-1, keepdim=True) + eps).sqrt()
    return weight * x


def einsum_rms_norm(x, weight, eps=1e-6):
    wide = x.type(torch.float32)
    squares = torch.einsum("...d,...d->...", wide, wide) / wide.size(-1)
    return torch.einsum("...d,...,d->...d", wide, (squares + eps).rsqrt(), weight)


def mapped_rms_norm(x, weight, eps=1e-6):
    one = lambda v: torch.mul(v, weight).div(v.pow(2).mean().add(eps).sqrt())  # noqa: E731
    for _ in range(x.ndim - 1):
        one = torch.func.vmap(one)
    return one(x.to(dtype=weight.dtype))


def built_in_rms_norm(x, weight, eps=1e-6):
    return F.rms_norm(x.to(torch.float32), x.shape[-1:], weight, eps)


def length_rms_norm(x, weight, eps=1e-6):
    x = x.to(torch.float64)
    length = x.norm(dim=-1, keepdim=True)
    return (x * torch.rsqrt(length**2 / x.shape[-1] + eps)).float() * weight


def looped_rms_norm(x, weight, eps=1e-6):
    flat = x.float().reshape(-1, x.shape[-1])
    rows = [weight * v / ((v @ v) / len(v) + eps).sqrt() for v in flat]
    return torch.stack(rows).reshape(x.shape)


DEVIATION_HINTS = (
    "`std` and `var` subtract the mean first.",
    "Square x as it is, take the mean, then the root.",
)

RMS_NORM = Exercise(
    id="07.rms-norm",
    title="The simpler one, in any precision",
    kind="code",
    points=1,
    name="rms_norm",
    cases=rms_norm_cases,
    bans=("rms_norm", "RMSNorm", "layer_norm", "LayerNorm", "normalize"),
    mistakes=[
        Mistake(
            "overflow",
            wrong_rms_norm,
            {"wide": False},
            says="you square in the precision that comes in: in float16 300 times 300 is infinite, "
            "and everything becomes 0; in bfloat16 two or three digits are left",
            hints=(
                "Square a float16 tensor of 300s and print it; then a bfloat16 tensor of 1.01s.",
                "The largest number of float16 is 65,504. bfloat16 reaches further, but has only "
                "eight bits for its digits.",
                "Make x wide before you do anything else with it.",
            ),
        ),
        Mistake(
            "centred",
            wrong_rms_norm,
            {"centre": "both"},
            says="the mean is subtracted: that is LayerNorm without its bias",
            hints=(
                "How many times does a mean of x itself appear in the formula?",
                "RMSNorm changes the length of a vector, nothing else.",
                "Leave x where it is; only divide.",
            ),
        ),
        Mistake(
            "divided-by-deviation",
            alone(wrong_rms_norm),
            {"centre": "below"},
            says="you divide by the standard deviation, which is taken about the mean",
            hints=(
                "For a vector of equal numbers, what do you divide by?",
                *DEVIATION_HINTS,
            ),
        ),
        Mistake(
            "divided-by-unbiased-deviation",
            alone(wrong_rms_norm),
            {"centre": "below", "measure": "unbiased", "eps_place": "outside"},
            says="you divide by `std`, which is taken about the mean, and as of one number fewer",
            hints=(
                "What is `std` of a vector that holds one number only?",
                *DEVIATION_HINTS,
            ),
        ),
        Mistake(
            "sum-for-mean",
            wrong_rms_norm,
            {"measure": "sum of squares"},
            says="you divide by the length of the vector: the squares are added up, not averaged",
            hints=(
                "How long are your output vectors? They should be as long as the root of d_model.",
                "R, M and S: the M is missing.",
                "Take the mean of the squares where you take their sum.",
            ),
        ),
        Mistake(
            "mean-then-square",
            alone(wrong_rms_norm),
            {"measure": "square of mean"},
            says="the mean is taken first and squared afterwards",
            hints=(
                "What do you divide by for the vector (1, -1)?",
                "Read the name from the back: first square, then mean, then root.",
                "Square every number before you average.",
            ),
        ),
        Mistake(
            "mean-size",
            wrong_rms_norm,
            {"measure": "mean size"},
            says="you divide by the mean of the absolute values",
            hints=(
                "What do you divide by for the vector (0, 2)?",
                "A square and an absolute value both lose the sign, but they weigh differently.",
                "Square, average, take the root.",
            ),
        ),
        Mistake(
            "root-missing",
            wrong_rms_norm,
            {"measure": "no root"},
            says="you divide by the mean square: the root is missing",
            hints=(
                "Double a vector. The result should stay nearly the same.",
                "R, M and S: the R is missing.",
                "Take the root of mean square plus eps before you divide.",
            ),
        ),
        Mistake(
            "over-the-words",
            alone(wrong_rms_norm),
            {"axes": (-2,)},
            says="the mean of the squares is taken over the words",
            hints=(
                "Change one word. Which outputs change?",
                "Every vector is scaled alone.",
                "The axis to average over is the last one.",
            ),
        ),
        Mistake(
            "over-everything",
            wrong_rms_norm,
            {"axes": "all"},
            says="one number scales the whole tensor: no axis was given to the mean",
            hints=(
                "What shape does your mean square have?",
                "Every vector is scaled alone.",
                "Say which axis, and keep it as an axis of size 1.",
            ),
        ),
        mistake(
            bracketless_rms_norm,
            "eps-times-the-weight",
            {},
            "eps stands behind the division: it is multiplied with the weight and added, and the "
            "vector itself has no weight",
            "Where do the brackets of your root end?",
            "A division goes before a plus sign: `a / b + eps` is `(a / b) + eps`.",
            "Add eps to the mean square, take the root, and multiply by the weight.",
        ),
        Mistake(
            "eps-outside",
            wrong_rms_norm,
            {"eps_place": "outside"},
            says="eps is added after the root",
            hints=(
                "On a faint vector your result is larger than it should be.",
                "What stands under the root in the formula?",
                "Add eps to the mean square, then take the root of the sum.",
            ),
        ),
        Mistake(
            "no-eps",
            wrong_rms_norm,
            {"eps_place": "nowhere"},
            says="eps is not used: a vector of zeros becomes nan",
            hints=(
                "What comes out for a vector of zeros?",
                "Which of your arguments do you never use?",
                "eps belongs to the mean square, under the root.",
            ),
        ),
        Mistake(
            "eps-fixed",
            wrong_rms_norm,
            {"eps_place": "fixed"},
            says="your eps is a number of your own, not the one that is handed in",
            hints=(
                "Call your function with eps=0.5. Does anything change?",
                "An argument that is never read is a hint in itself.",
                "Use the name eps where you have typed a number.",
            ),
        ),
        Mistake(
            "no-weight",
            alone(wrong_rms_norm),
            {"scale": "none"},
            says="the weight is not used",
            hints=(
                "Which of your arguments do you never use?",
                "One learned number belongs to each column.",
                "Multiply by the weight at the end.",
            ),
        ),
        mistake(
            alone(wrong_rms_norm),
            "nothing-widened",
            {"wide": "no"},
            "you never make x float32: float16 becomes infinite when it is squared, bfloat16 loses "
            "its digits, and float64 comes back as float64",
            "Print the dtype of x, of its mean square and of your result, for a float16 x.",
            "The text names the dtype to compute in and the one to return.",
            "Make x float32 before you do anything else with it.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "only-float16-computed-wide",
            {"wide": "half, then float32"},
            "you make x float32 only when it is float16; bfloat16 loses its digits on the way",
            "Square 1.01 in bfloat16. How many digits are right?",
            "There are more precisions than two.",
            "Convert without asking.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "rounded-before-the-weight",
            {"scale": "early"},
            "the normed vector goes back to the precision that came in, and only then meets the "
            "weight (Hugging Face's Llama does this)",
            "With a half-precision x, how many digits of your result are right?",
            "The text asks for float32 all the way.",
            "Leave out the conversion back.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "rounded-on-the-way",
            {"scale": "early, then wide"},
            "the normed vector goes back to the precision that came in, and what is rounded off "
            "there is lost",
            "With a half-precision x, how many digits of your result are right?",
            "The text asks for float32 all the way.",
            "Leave out the conversion back.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "only-float16-widened",
            {"wide": "half"},
            "you make x float32 only when it is float16; the text says whatever comes in",
            "What is the dtype of your result for bfloat16, and for float64?",
            "There are more precisions than two.",
            "Convert without asking.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "squared-before-it-is-wide",
            {"measure": "narrow"},
            "the squares are taken in the precision that came in, and made float32 afterwards",
            "300 in half precision: what is its square there?",
            "What has become infinite stays so in float32.",
            "Make x float32 first, and square then.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "float64-left-alone",
            {"wide": "sixteen"},
            "float64 comes back as float64; the text asks for float32, whatever comes in",
            "What is the dtype of your result for a float64 x?",
            "Whatever comes in: that goes for wider numbers as well.",
            "Convert without asking.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "float64-result",
            {"wide": "double"},
            "the result is float64; the text asks for float32",
            "Print the dtype of your result.",
            "`double()` and NumPy bring 64 bits in.",
            "Compute in float32.",
        ),
        mistake(
            flat_rms_norm,
            "keepdim-missing",
            {},
            "the mean square has lost the last axis, so it doesn't fit x any more",
            "Print the shapes of x and of its mean square.",
            "A mean of (2, 5, 3) along the last axis is (2, 5). It should be (2, 5, 1).",
            "Say keepdim=True.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "root-detached",
            {"detached": "below"},
            "no gradient flows through what you divide by",
            "Is there a `detach`, a `.data` or a `no_grad` in your code?",
            "The mean square depends on x, and the gradient has to know.",
            "Take it from x as it comes.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "weight-detached",
            {"detached": "weight"},
            "no gradient flows back to the weight, so it would never be learned",
            *WEIGHT_IS_LEARNED,
        ),
        mistake(
            alone(wrong_rms_norm),
            "first-axis",
            {"axes": (0,)},
            "the mean of the squares is taken along axis 0: that is the last one only for a single "
            "vector",
            "Change one sentence of a batch. Which outputs change?",
            "Every vector is scaled alone.",
            "Count from the back: -1.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "second-axis",
            {"axes": (1,)},
            "you count the axis from the front: axis 1 is the last one only when there are two",
            "Try a single vector, and one with four axes. Along which axis do you average?",
            "The text allows any number of axes in front.",
            "Count from the back: -1.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "third-axis",
            {"axes": (2,)},
            "you count the axis from the front: axis 2 is the last one only when there are three",
            "Try a single vector, and one with four axes. Along which axis do you average?",
            "The text allows any number of axes in front.",
            "Count from the back: -1.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "over-the-sentence",
            {"axes": (-2, -1)},
            "one number scales all words of a sentence",
            "How many roots are there in a sentence of five words?",
            "Every vector is scaled alone.",
            "Average over the last axis only, and keep it as an axis of size 1.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "all-axes-but-the-first",
            {"axes": "but the first"},
            "the mean of the squares is taken over all axes but the first: the words share it",
            "How many roots are there in a sentence of five words?",
            "Every vector is scaled alone.",
            "Average over the last axis only: -1.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "eps-as-least-square",
            {"eps_place": "least"},
            "eps is the least that your mean square may be (`clamp`); the text adds it",
            "With eps=0.5 and a mean square of 1, what stands under your root? It should be 1.5.",
            "A limit does nothing to a number that is larger.",
            "Mean square plus eps, then the root.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "root-of-eps-added",
            {"eps_place": "root of it"},
            "the root of the mean square and the root of eps are taken apart, and added",
            "Is the root of 9 + 16 the same as 3 + 4?",
            "One root, over the sum.",
            "Add eps to the mean square, then take the root.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "eps-added-to-the-vector",
            {"eps_place": "to the vector"},
            "eps is added to the divided vector, and the root beneath may be 0",
            "Where do the brackets of your root end?",
            "A division goes before a plus sign: `a / b + eps` is `(a / b) + eps`.",
            "Add eps to the mean square, take the root, and divide by that.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "eps-squared",
            {"eps_place": "squared"},
            "eps is squared before it is added to the mean square",
            "On a faint vector your result is larger than it should be.",
            "What stands under the root in the text?",
            "Add eps itself to the mean square.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "another-default",
            {"eps_place": "own default"},
            "your eps is 1e-5 where none is handed in; in the text's first line it is 1e-6",
            "Compare your `def` line with that of the stub.",
            "eps is 1e-6 unless the caller says otherwise.",
            "`def rms_norm(x, weight, eps=1e-6)`.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "nan-patched",
            {"eps_place": "patched"},
            "eps is not used: you divide by 0 and turn the nan into 0 afterwards",
            "On a faint vector your result is larger than it should be.",
            "Which of your arguments do you never use?",
            "eps belongs to the mean square, under the root; then there is nothing to repair.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "weight-divides",
            {"scale": "below"},
            "you divide by the weight; the text multiplies",
            "What comes out when the weight is all twos?",
            "Only the root divides.",
            "Multiply by the weight.",
        ),
        mistake(
            alone(wrong_rms_norm),
            "only-the-squares-widened",
            {"wide": "no", "measure": "narrow"},
            "the squares are taken in the precision that came in and made float32 afterwards, and "
            "x itself stays as it came",
            "300 in half precision: what is its square there?",
            "What has become infinite stays so in float32.",
            "Make x float32 first, and square then.",
        ),
        Mistake(
            "one-plus-weight",
            alone(wrong_rms_norm),
            {"scale": "one more"},
            says="you multiply by 1 plus the weight, as a few models do whose weights start at 0",
            hints=(
                "What comes out when the weight is all ones?",
                "Here the weight starts at 1, so it is the factor itself.",
                "Multiply by the weight as it comes.",
            ),
        ),
        Mistake(
            "returned-half",
            alone(wrong_rms_norm),
            {"scale": "back"},
            says="the result is handed back in the precision that came in",
            hints=(
                "Print the dtype of your result for a half-precision x.",
                "The text asks for float32, whatever comes in.",
                "Leave out the last conversion.",
            ),
        ),
        mistake(
            overwriting_rms_norm,
            "input-changed",
            {},
            "the caller's own x is changed",
            "Print `x` before and after calling your function.",
            "`x.float()` is x itself when x is float32 already.",
            "Write x = x / …, which makes a new one.",
        ),
    ],
    also_right=[
        built_in_rms_norm,
        length_rms_norm,
        looped_rms_norm,
        einsum_rms_norm,
        mapped_rms_norm,
    ],
    axes="batch seq d_model",
    hints=(
        "Scale the vector (3, 4) by hand, with weight 1: its mean square is 12.5, its root 3.54. "
        "What does your function give? Then hand it in as float16, times 100.",
        "The name, read from the back, is the recipe: square, mean, root. Then the bold sentence "
        "of the text: which dtype is computed in, and which comes back?",
        "Make x float32 before anything else. Keep the last axis in the mean (`keepdim=True`), "
        "add eps under the root, divide, and multiply by the weight last.",
    ),
    allows=Edges(
        dtypes=("float16", "bfloat16", "float32", "float64"),
        axes=(1, 2, 3, 4),
        sizes=(1, 3),
        special=("zeros",),
        labels=("faint", "large eps", "300"),
    ),
)


# --- 07.swiglu ------------------------------------------------------------------------------


class BareLinear(nn.Linear):
    """Without first weights: each case hands its own in, and drawing them takes the most time."""

    def reset_parameters(self):
        pass


def swiglu_cases(generator):
    def drawn(d_model, d_ff):
        return {
            name: 1.5 * normal(generator, rows, columns) / columns**0.5
            for name, rows, columns in (
                ("gate.weight", d_ff, d_model),
                ("up.weight", d_ff, d_model),
                ("down.weight", d_model, d_ff),
            )
        }

    def tried(label, d_model, d_ff, *shape, scale=1.0, **more):
        planned = call(scale * normal(generator, *shape, d_model))
        init = {"d_model": d_model, "d_ff": d_ff}
        return Case(label, [planned], init=init, state=drawn(d_model, d_ff), **more)

    return [
        tried("a batch", 5, 11, 2, 3),
        tried("one word, the same network", 5, 11, 1, 1),
        tried("narrower inside than outside", 7, 3, 1, 5),
        tried("as wide inside as outside", 5, 5, 3, 2),
        tried("large numbers", 3, 7, 2, 5, scale=6.0),
        tried("one number inside", 2, 1, 2, 1),
    ]


def silu(a):
    return a / (1 + (-a).exp())


class WrongSwiGLU(nn.Module):
    """The network with its steps exchangeable."""

    def __init__(self, d_model, d_ff, *, bend=silu, roles="right", join="times", end="down"):
        super().__init__()
        self.bend, self.roles, self.join, self.end = bend, roles, join, end
        self.gate = BareLinear(d_model, d_ff, bias=False)
        self.up = BareLinear(d_model, d_ff, bias=False)
        self.down = BareLinear(d_ff, d_model, bias=False)

    def forward(self, x):
        gate, up = self.gate(x), self.up(x)
        if self.roles == "exchanged":
            gate, up = up, gate
        elif self.roles == "gate only":
            up = gate
        elif self.roles == "up only":
            gate = up
        inside = {
            "times": lambda: self.bend(gate) * up,
            "plus": lambda: self.bend(gate) + up,
            "bent product": lambda: self.bend(gate * up),
            "both bent": lambda: self.bend(gate) * self.bend(up),
            "no product": lambda: self.bend(gate),
            "bend after": lambda: gate * up,
            "bend before": lambda: self.gate(self.bend(x)) * up,
            "shut off": lambda: self.bend(gate).detach() * up,
            "bend x": lambda: self.gate(self.bend(x)) * self.up(self.bend(x)),
            "share of x": lambda: self.gate(x) * torch.sigmoid(x) * up,
            "bend up's x": lambda: self.bend(gate) * self.up(self.bend(x)),
            "one after the other": lambda: self.up(self.bend(gate)),
            "matrix product": lambda: self.bend(gate) @ up,
            "product of words": lambda: self.bend(gate) @ up.transpose(-2, -1),
            "side by side": lambda: torch.cat([self.bend(gate), up], dim=-1),
            "down too early": lambda: self.bend(gate),
            "two arguments": lambda: self.down(self.bend(gate), up),
        }[self.join]()
        if self.end == "wide":
            return inside
        out = self.bend(self.down(inside)) if self.join == "bend after" else self.down(inside)
        out = out * up if self.join == "down too early" else out
        out = out * x if self.end == "times x" else out
        return out + x if self.end == "residual" else out


class EinsumSwiGLU(WrongSwiGLU):
    """Right: einsum, and the gate as a share that is let through."""

    def forward(self, x):
        gate = torch.einsum("...d,fd->...f", x, self.gate.weight)
        up = torch.einsum("...d,fd->...f", x, self.up.weight)
        return torch.einsum("...f,df->...d", torch.sigmoid(gate) * gate * up, self.down.weight)


class FusedSwiGLU(WrongSwiGLU):
    """Right: both ways up in one product."""

    def forward(self, x):
        both = x @ torch.cat([self.gate.weight, self.up.weight]).T
        gate, up = both.chunk(2, dim=-1)
        return F.linear(F.silu(gate).mul(up), self.down.weight)


class HalvedSwiGLU(WrongSwiGLU):
    """Right: silu by way of tanh, word by word, and a sum over the width in halves."""

    def forward(self, x):
        sentences = []
        for words in x:
            rows = []
            for word in words:
                gate = self.gate.weight @ word
                opened = gate * (1 + torch.tanh(gate / 2)) / 2 * (self.up.weight @ word)
                half = len(opened) // 2
                left = self.down.weight[:, :half] @ opened[:half]
                rows.append(left + self.down.weight[:, half:] @ opened[half:])
            sentences.append(torch.stack(rows))
        return torch.stack(sentences)


def unbent(a):
    return a


def soft(a):
    return a.softmax(dim=-1)


def turned(a):
    return a / (1 + a.exp())


class BareWeights(WrongSwiGLU):
    """The weights of the layers, multiplied as they lie."""

    def forward(self, x):
        return (silu(x @ self.gate.weight) * (x @ self.up.weight)) @ self.down.weight


def twice(a):
    return silu(silu(a))


SWIGLU = Exercise(
    id="07.swiglu",
    title="A gate before the way down",
    kind="code",
    points=2,
    name="SwiGLU",
    cases=swiglu_cases,
    mistakes=[
        Mistake(
            "exchanged",
            WrongSwiGLU,
            {"roles": "exchanged"},
            says="up is bent and gate is not: the two have changed places",
            hints=(
                "Which of the two layers opens and shuts?",
                "silu is applied to one of them only.",
                "Bend what comes out of the gate.",
            ),
        ),
        Mistake(
            "gate-only",
            WrongSwiGLU,
            {"roles": "gate only"},
            says="the layer `up` is not used: the gate is multiplied with itself",
            hints=(
                "Three layers are made in __init__. Which of them do you call?",
                "One proposes, another opens or shuts.",
                "The bent gate is multiplied by what `up` makes of x.",
            ),
        ),
        Mistake(
            "up-only",
            WrongSwiGLU,
            {"roles": "up only"},
            says="the layer `gate` is not used",
            hints=(
                "Three layers are made in __init__. Which of them do you call?",
                "One proposes, another opens or shuts.",
                "silu is applied to what `gate` makes of x.",
            ),
        ),
        Mistake(
            "no-product",
            WrongSwiGLU,
            {"join": "no product"},
            says="nothing is multiplied: the bent gate goes straight down, as in an ordinary "
            "feed-forward network",
            hints=(
                "Which of the three layers do you never call?",
                "A gate alone lets nothing through.",
                "Multiply the bent gate by what `up` makes of x, number by number.",
            ),
        ),
        Mistake(
            "added",
            WrongSwiGLU,
            {"join": "plus"},
            says="gate and up are added, so nothing is opened or shut",
            hints=(
                "When the gate is 0, what should go down?",
                "The dot in the formula is a product, number by number.",
                "Multiply the two.",
            ),
        ),
        Mistake(
            "bent-product",
            WrongSwiGLU,
            {"join": "bent product"},
            says="the product is bent, instead of the gate before it",
            hints=(
                "Read the brackets in the formula: what stands inside silu?",
                "Only one of the two factors is bent.",
                "First silu of the gate, then the product.",
            ),
        ),
        Mistake(
            "both-bent",
            alone(WrongSwiGLU),
            {"join": "both bent"},
            says="both factors are bent",
            hints=(
                "How often does silu appear in the formula?",
                "What `up` proposes may be negative without limit.",
                "Leave the output of `up` as it is.",
            ),
        ),
        Mistake(
            "bent-before-gate",
            alone(WrongSwiGLU),
            {"join": "bend before"},
            says="silu is applied to x, before the layer `gate`",
            hints=(
                "Read the brackets in the formula: what stands inside silu?",
                "First the matrix, then the bend.",
                "Bend what the layer `gate` returns.",
            ),
        ),
        Mistake(
            "bent-after-down",
            alone(WrongSwiGLU),
            {"join": "bend after"},
            says="silu is applied after the way down",
            hints=(
                "What is the last thing that happens in the formula?",
                "The bend sits between up and down.",
                "Bend the gate, before the product and before `down`.",
            ),
        ),
        Mistake(
            "sigmoid",
            WrongSwiGLU,
            {"bend": torch.sigmoid},
            says="the gate goes through a sigmoid: silu multiplies that by the gate once more",
            hints=(
                "What is silu of 10? And the sigmoid of 10?",
                "A gate with a sigmoid is called GLU; the first three letters of SwiGLU are Swi.",
                "silu(a) is a times the sigmoid of a.",
            ),
        ),
        Mistake(
            "relu",
            WrongSwiGLU,
            {"bend": F.relu},
            says="the gate goes through a ReLU",
            hints=(
                "Which function of the section does the formula name?",
                "For negative numbers a ReLU is 0, and silu is not.",
                "Use silu.",
            ),
        ),
        Mistake(
            "gelu",
            alone(WrongSwiGLU),
            {"bend": F.gelu},
            says="the gate goes through a GELU",
            hints=(
                "Which function of the section does the formula name?",
                "The two curves look alike, and aren't: compare them at -2.",
                "Use silu.",
            ),
        ),
        Mistake(
            "unbent",
            WrongSwiGLU,
            {"bend": unbent},
            says="nothing is bent: the gate is multiplied as it is",
            hints=(
                "Where does silu appear in your code?",
                "A gate for a very negative number should be shut, not turned round.",
                "Put the gate through silu before you multiply.",
            ),
        ),
        mistake(
            alone(WrongSwiGLU),
            "down-missing",
            {"end": "wide"},
            "the way down is missing: the result is d_ff wide",
            "Print the shape of your result.",
            "Three layers are made in __init__. Which of them do you call?",
            "Put the product through `down`.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "softmax",
            {"bend": soft},
            "the gate goes through a softmax, so that its numbers compete; each should open by "
            "itself",
            "Which function of the section does the formula name?",
            "Do the numbers of your gate add up to 1?",
            "Use silu.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "bent-twice",
            {"bend": twice},
            "the gate goes through silu twice, or is multiplied by itself once too often",
            "How often does silu appear in the formula?",
            "silu(a) is a times the sigmoid of a, and nothing more.",
            "Bend the gate once.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "gate-detached",
            {"join": "shut off"},
            "no gradient flows back through the gate, so that it would never learn when to open",
            "Is there a `detach`, a `.data` or a `no_grad` in your code?",
            "All three layers are learned.",
            "Use the gate as it comes.",
        ),
        Mistake(
            "residual-inside",
            alone(WrongSwiGLU),
            {"end": "residual"},
            says="x is added at the end: the residual belongs to the block, not to the network",
            hints=(
                "With all weights 0, what should your network return?",
                "Who adds, the sublayer or the block around it?",
                "Return what `down` gives.",
            ),
        ),
        mistake(
            alone(WrongSwiGLU),
            "exponent-turned",
            {"bend": turned},
            "the sign in your silu is turned round: a / (1 + exp(a)) dies out where silu grows",
            "What is your silu of 10? It should be nearly 10.",
            "The sigmoid of a is 1 / (1 + exp(-a)).",
            "Use F.silu, or a / (1 + exp(-a)).",
        ),
        mistake(
            alone(WrongSwiGLU),
            "tanh",
            {"bend": torch.tanh},
            "the gate goes through a tanh",
            "Which function of the section does the formula name?",
            "A tanh never goes above 1; silu does.",
            "Use silu.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "x-bent-for-both",
            {"join": "bend x"},
            "silu is applied to x, before both layers",
            "Read the brackets in the formula: what stands inside silu?",
            "First the matrix, then the bend, and that of the gate alone.",
            "Bend what the layer `gate` returns.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "up-reads-bent-x",
            {"join": "bend up's x"},
            "`up` reads a bent x: silu belongs to what comes out of the gate, and to nothing else",
            "Read the brackets in the formula: what stands inside silu?",
            "How often does silu appear in the formula?",
            "Keep x as it came: `up` reads the same x as `gate`.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "sigmoid-of-x",
            {"join": "share of x"},
            "the gate is multiplied by the sigmoid of x; silu takes the sigmoid of the gate itself",
            "silu(a) is a times the sigmoid of a. What is your a, in both places?",
            "x is d_model wide, the gate d_ff.",
            "Use F.silu on what the layer `gate` returns.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "up-reads-the-gate",
            {"join": "one after the other"},
            "`up` reads what comes out of the gate; it should read x, as the gate does",
            "How wide is what you hand to `up`? It should be d_model.",
            "Both layers read x. Then their results are multiplied.",
            "silu of self.gate(x), times self.up(x).",
        ),
        mistake(
            alone(WrongSwiGLU),
            "matrix-product",
            {"join": "matrix product"},
            "gate and up are joined by a matrix product (`@`); the product is number by number",
            "Print the shapes of gate and up: they are the same.",
            "`@` adds up over an axis. Here every number of the gate opens one number of up.",
            "Multiply with `*`.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "product-of-words",
            {"join": "product of words"},
            "gate and up are joined by a matrix product: a table of words by words, as in "
            "attention",
            "Print the shape of your product. It should be that of the gate.",
            "`@` adds up over an axis. Here every number of the gate opens one number of up.",
            "Multiply the two with `*`.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "side-by-side",
            {"join": "side by side"},
            "gate and up are put side by side; they should be multiplied, number by number",
            "How wide is what you hand to `down`? It should be d_ff.",
            "The dot in the formula is a product.",
            "Multiply the two with `*`.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "down-before-the-product",
            {"join": "down too early"},
            "only the gate goes down, and the product comes after it",
            "Which bracket of the formula closes last?",
            "`down` takes the product, d_ff wide.",
            "First silu of the gate times up, then self.down of that.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "down-takes-two",
            {"join": "two arguments"},
            "`down` gets two arguments: what stands between them is a comma, and should be a "
            "product",
            "What does a linear layer take? One tensor.",
            "The dot in the formula is a product, number by number.",
            "Put `*` between the two.",
        ),
        mistake(
            alone(WrongSwiGLU),
            "times-x",
            {"end": "times x"},
            "what comes down is multiplied by x once more",
            "How often does x appear in the formula?",
            "x goes into the two layers, and nowhere else.",
            "Return what `down` gives.",
        ),
        mistake(
            BareWeights,
            "weights-as-they-lie",
            {},
            "the weights are multiplied as they lie; a layer's weight is (out, in), and has to "
            "be transposed",
            "Print the shapes of x and of self.gate.weight.",
            "nn.Linear computes x @ weight.T.",
            "Call the layers: self.gate(x).",
        ),
    ],
    also_right=[EinsumSwiGLU, FusedSwiGLU, HalvedSwiGLU],
    axes="batch seq d_model",
    hints=(
        "Print the shape after each step: x is d_model wide, gate and up are d_ff wide, and what "
        "comes out is d_model wide again.",
        "Read the formula from the inside to the outside, bracket by bracket. Each of the three "
        "layers occurs once, and silu once.",
        "Keep the two ways up in two names, `self.gate(x)` and `self.up(x)`. One is bent; then "
        "the two are multiplied; then comes `self.down`.",
    ),
    allows=Edges(axes=(3,), sizes=(1, 3), labels=("narrower", "as wide", "large")),
)


# --- 07.equal-width -------------------------------------------------------------------------


def equal_width_cases(generator):
    def drawn():
        d_model = int(torch.randint(3, 12, (), generator=generator))
        return d_model, int(torch.randint(20, 90, (), generator=generator))

    def right(d_model, d_ff):
        return wrong_width(d_model, d_ff)

    sizes = [drawn(), drawn()]
    for flags in WIDTH_MISTAKES:  # for each mistake, sizes where it shows
        one = drawn()
        while wrong_width(*one, **flags) == right(*one):
            one = drawn()
        sizes.append(one)
    fixed = [(512, 2048), (1600, 6400), (7, 1), (1, 1)]
    return [case(f"d_model {m}, d_ff {f}", m, f) for m, f in dict.fromkeys([*fixed, *sizes])]


def wrong_width(
    d_model,
    d_ff,
    *,
    inner_bias=True,
    outer_bias=True,
    ours_biased=False,
    matrices=3,
    rounds="down",
    biases="right",
    there_are=2,
    per="d_model",
):
    there = there_are * d_model * d_ff + inner_bias * d_ff + outer_bias * d_model
    if biases != "right":
        there = 2 * d_model * d_ff + 2 * {"inner": d_ff, "outer": d_model}[biases]
    if ours_biased:  # gate and up have a bias for each of the width, down has d_model
        there -= d_model if ours_biased in ("all", "down") else 0
        each = 3 * d_model + {"all": 2, "gate and up": 2, "gate": 1, "down": 0}[ours_biased]
    else:
        each = matrices * (d_model if per == "d_model" else d_ff)
    if rounds == "below d_ff":
        return min(there // each, d_ff - 1)
    if rounds == "bracket":
        return there // 3 * d_model
    if rounds == "divided by 3":
        return int(there / 3 * d_model)
    if rounds == "less":
        return there // each - 1
    if rounds == "up":
        return -(-there // each)
    if rounds == "nearest":
        return (2 * there + each) // (2 * each)
    if rounds == "fewer":
        return (there - 1) // each
    if rounds == "more":
        return there // each + 1
    if rounds == "float":
        return float(there // each)
    if rounds in ("count", "same"):
        return there if rounds == "count" else d_ff
    if rounds == "tensor":
        return torch.tensor(there // each)
    return there / each if rounds == "not" else there // each


WIDTH_MISTAKES = (
    {"inner_bias": False, "outer_bias": False},
    {"inner_bias": False},
    {"outer_bias": False},
    {"ours_biased": "all"},
    {"matrices": 2},
    {"rounds": "up"},
    {"rounds": "nearest"},
    {"rounds": "fewer"},
    {"biases": "inner"},
    {"biases": "outer"},
    {"ours_biased": "gate and up"},
    {"ours_biased": "gate"},
)


def searched_width(d_model, d_ff):
    there = (d_model * d_ff + d_ff) + (d_ff * d_model + d_model)
    width = 0
    while 3 * (width + 1) * d_model <= there:
        width += 1
    return width


def halved_width(d_model, d_ff):
    """Halve the range in which the answer lies."""
    there = sum((d_model * d_ff, d_ff, d_ff * d_model, d_model))
    fits, too_wide = 0, there + 1
    while too_wide - fits > 1:
        middle = (fits + too_wide) // 2
        fits, too_wide = (middle, too_wide) if 3 * d_model * middle <= there else (fits, middle)
    return fits


def numpy_width(d_model, d_ff):
    shapes = np.array([[d_model, d_ff], [1, d_ff], [d_ff, d_model], [1, d_model]], dtype=np.int64)
    return shapes.prod(axis=1).sum() // (3 * d_model)


EQUAL_WIDTH = Exercise(
    id="07.equal-width",
    title="A fair fight",
    kind="predict",
    points=1,
    name="swiglu_width",
    cases=equal_width_cases,
    plain_numbers=True,
    bans=("Linear", "SwiGLU"),  # the text: don't build anything
    mistakes=[
        Mistake(
            "two-thirds",
            wrong_width,
            WIDTH_MISTAKES[0],
            says="you take two thirds of d_ff: the biases of the ReLU network are not counted",
            hints=(
                "What does nn.Linear(3, 20) hold besides its matrix?",
                "Count the parameters of the first network, biases included.",
                "It has two matrices, d_ff biases and d_model biases.",
            ),
        ),
        Mistake(
            "inner-biases-forgotten",
            wrong_width,
            WIDTH_MISTAKES[1],
            says="the d_ff biases of the way up are not counted, or you take two thirds of d_ff "
            "and round to the nearest",
            hints=(
                "How many biases does the way up have, and how many the way down?",
                "A layer has as many biases as it has outputs.",
                "The way up has d_ff outputs: count them, and divide only then.",
            ),
        ),
        Mistake(
            "outer-biases-forgotten",
            wrong_width,
            WIDTH_MISTAKES[2],
            says="the d_model biases of the way down are not counted",
            hints=(
                "How many biases does the way up have, and how many the way down?",
                "A layer has as many biases as it has outputs.",
                "The way down has d_model outputs.",
            ),
        ),
        Mistake(
            "gated-with-biases",
            alone(wrong_width),
            WIDTH_MISTAKES[3],
            says="you give the SwiGLU biases as well; it has none",
            hints=(
                "Look at its __init__: bias=False.",
                "Three matrices, nothing else.",
                "One more number of width costs 3 times d_model parameters.",
            ),
        ),
        Mistake(
            "two-matrices",
            alone(wrong_width),
            WIDTH_MISTAKES[4],
            says="you count two matrices in the SwiGLU; it has three",
            hints=(
                "Which layers does its __init__ make?",
                "Gate, up and down.",
                "One more number of width costs 3 times d_model parameters.",
            ),
        ),
        Mistake(
            "rounded-up",
            alone(wrong_width),
            WIDTH_MISTAKES[5],
            says="you round up, so the SwiGLU has a few parameters too many",
            hints=(
                "Put your width back in: how many parameters are that?",
                "The text says at most.",
                "Divide whole numbers and drop the rest.",
            ),
        ),
        Mistake(
            "rounded-to-nearest",
            alone(wrong_width),
            WIDTH_MISTAKES[6],
            says="you round to the nearest whole number, which is sometimes too wide",
            hints=(
                "Put your width back in: how many parameters are that?",
                "The text says at most.",
                "Divide whole numbers and drop the rest.",
            ),
        ),
        Mistake(
            "equal-not-allowed",
            alone(wrong_width),
            WIDTH_MISTAKES[7],
            says="you want fewer parameters than the ReLU network has; as many are allowed",
            hints=(
                "Try sizes at which the division leaves no rest.",
                "The text says without having more.",
                "Allow the two numbers to be equal.",
            ),
        ),
        mistake(
            alone(wrong_width),
            "d_ff-biases-twice",
            WIDTH_MISTAKES[8],
            "you count d_ff biases for both layers; the way down has d_model of them",
            "How many biases does nn.Linear(20, 3) hold?",
            "A layer has as many biases as it has outputs.",
            "The way down has d_model outputs.",
        ),
        mistake(
            alone(wrong_width),
            "d_model-biases-twice",
            WIDTH_MISTAKES[9],
            "you count d_model biases for both layers, where the way up has d_ff of them, or you "
            "take two thirds of d_ff and round up",
            "How many biases does nn.Linear(3, 20) hold?",
            "A layer has as many biases as it has outputs.",
            "The way up has d_ff outputs.",
        ),
        mistake(
            alone(wrong_width),
            "gate-and-up-with-biases",
            WIDTH_MISTAKES[10],
            "you give the SwiGLU's gate and up biases; it has none",
            "Look at its __init__: bias=False.",
            "Three matrices, nothing else.",
            "One more number of width costs 3 times d_model parameters.",
        ),
        mistake(
            alone(wrong_width),
            "one-too-wide",
            {"rounds": "more"},
            "your width is always one too large",
            "Put your width back in: how many parameters are that?",
            "The text says at most.",
            "Divide whole numbers and drop the rest; add nothing.",
        ),
        mistake(
            alone(wrong_width),
            "a-float",
            {"rounds": "float"},
            "your number is right, but it is a float; the text asks for a whole number",
            "What does Python print, 34 or 34.0?",
            "`/` gives floats, also when the rest is dropped afterwards; so does NumPy's floor.",
            "Divide with // and keep whole numbers all the way.",
        ),
        mistake(
            alone(wrong_width),
            "the-same-width",
            {"rounds": "same"},
            "you return d_ff itself: of that width, three matrices stand where the other has two",
            "How many matrices does each of the two networks have?",
            "Count the parameters of both, of the second for a width w.",
            "The largest w whose count is no more than that of the first.",
        ),
        mistake(
            alone(wrong_width),
            "parameters-returned",
            {"rounds": "count"},
            "you return how many parameters the ReLU network has, not the width",
            "Which question does the text ask?",
            "How many parameters does one more number of width cost?",
            "Divide by 3 times d_model, and drop the rest.",
        ),
        Mistake(
            "not-whole",
            alone(wrong_width),
            {"rounds": "not"},
            says="your width is not a whole number",
            hints=(
                "Can a matrix have 34.67 rows?",
                "Python has two divisions.",
                "Use the one that drops the rest.",
            ),
        ),
        mistake(
            alone(wrong_width),
            "bracket-missing",
            {"rounds": "bracket"},
            "you divide by 3 and multiply by d_model: `a // 3 * b` is `(a // 3) * b`",
            "Put your width back in: how many parameters are that?",
            "Products and quotients are taken from left to right.",
            "`// (3 * d_model)`, with brackets.",
        ),
        mistake(
            alone(wrong_width),
            "bracket-missing-divided",
            {"rounds": "divided by 3"},
            "you divide by 3 and multiply by d_model: `a / 3 * b` is `(a / 3) * b`",
            "Put your width back in: how many parameters are that?",
            "Products and quotients are taken from left to right.",
            "`// (3 * d_model)`, with brackets.",
        ),
        mistake(
            alone(wrong_width),
            "one-layer-with-biases",
            WIDTH_MISTAKES[11],
            "you give one layer of the SwiGLU, gate or up, biases; it has none",
            "Look at its __init__: bias=False.",
            "Three matrices, nothing else.",
            "One more number of width costs 3 times d_model parameters.",
        ),
        mistake(
            alone(wrong_width),
            "one-matrix",
            {"there_are": 1},
            "you count one matrix in the ReLU network; it has two",
            "Which layers does the ReLU network have?",
            "The way up and the way down have a matrix each.",
            "Two matrices, d_ff biases and d_model biases.",
        ),
        mistake(
            alone(wrong_width),
            "per-d_ff",
            {"per": "d_ff"},
            "you divide by 3 times d_ff; one more number of width costs 3 times d_model",
            "Make the SwiGLU one number wider: which sizes do its three matrices have then?",
            "Each of its matrices joins d_model numbers to the width.",
            "Divide by 3 times d_model.",
        ),
        mistake(
            alone(wrong_width),
            "one-too-narrow",
            {"rounds": "less"},
            "your width is always one too small",
            "Put your width plus one in: how many parameters are that?",
            "Whole division drops the rest already.",
            "Divide with //, and take nothing away.",
        ),
        mistake(
            alone(wrong_width),
            "always-below-d_ff",
            {"rounds": "below d_ff"},
            "your width is never as large as d_ff; for small sizes it may be",
            "What is the right width for d_model = 1 and d_ff = 1?",
            "`range(d_ff)` ends before d_ff.",
            "Divide, or let the search go further.",
        ),
        mistake(
            alone(wrong_width),
            "a-tensor",
            {"rounds": "tensor"},
            "your number is right, but it is a tensor; the text asks for a whole number",
            "What does Python print, 34 or tensor(34)?",
            "Nothing here needs torch.",
            "Count with plain numbers.",
        ),
    ],
    also_right=[searched_width, halved_width, numpy_width],
    hints=(
        "Do it by hand for d_model = 2 and d_ff = 3: write down every matrix and every bias of "
        "the ReLU network, and how many numbers each holds.",
        "The text says which of the two networks has biases, and that the SwiGLU may have as many "
        "parameters, but no more.",
        "First a count for the ReLU network: two matrices, two rows of biases. Then: how many "
        "numbers does one more of width cost the SwiGLU's three matrices?",
    ),
    allows=Edges(sizes=(1, 7, 2048), labels=("d_ff 1",)),
)


# --- 07.encoder-block -----------------------------------------------------------------------


def attention_state(generator, d_model, prefix):
    state = {}
    for name in ("to_q", "to_k", "to_v", "to_out"):
        weight = 1.5 * normal(generator, d_model, d_model) / d_model**0.5
        state |= {f"{prefix}.{name}.weight": weight}
        state |= {f"{prefix}.{name}.bias": 0.3 * normal(generator, d_model)}
    return state


def linear_state(generator, rows, columns, prefix):
    weight = 1.5 * normal(generator, rows, columns) / columns**0.5
    return {f"{prefix}.weight": weight, f"{prefix}.bias": 0.3 * normal(generator, rows)}


def norm_state(generator, d_model, prefix):
    weight, bias = near_one(generator, d_model), 0.5 * normal(generator, d_model)
    return {f"{prefix}.weight": weight, f"{prefix}.bias": bias}


def block_cases(generator):
    def tried(label, heads, d_head, d_ff, planned, activation="relu", **more):
        d_model = heads * d_head
        state = attention_state(generator, d_model, "attention")
        state |= norm_state(generator, d_model, "norm_attention")
        state |= linear_state(generator, d_ff, d_model, "up")
        state |= linear_state(generator, d_model, d_ff, "down")
        state |= norm_state(generator, d_model, "norm_feed_forward")
        init = {"d_model": d_model, "num_heads": heads, "d_ff": d_ff, "activation": activation}
        return Case(label, [planned], init=init, state=state, **more)

    x = normal(generator, 2, 5, 6)
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    padding = torch.tensor([[True] * 5, [False] * 2 + [True] * 3])[:, None, None]
    nowhere = (causal & padding).clone()  # (batch, 1, seq, seq), with rows that may look nowhere
    return [
        tried("no mask", 2, 3, 7, call(x)),
        tried("the same network, one word", 2, 3, 7, call(x[:1, :1], return_weights=True)),
        tried("a causal mask", 3, 2, 11, call(x, mask=causal)),
        tried("padded on the left, with weights", 3, 2, 5, call(x, padding, return_weights=True)),
        tried("causal and padded", 2, 2, 3, call(x[..., :4], mask=nowhere)),
        tried("another activation", 2, 2, 9, call(normal(generator, 2, 3, 4)), "gelu"),
        tried("tanh, faint input", 1, 5, 3, call(0.1 * normal(generator, 1, 3, 5)), "tanh"),
    ]


class BareAttention(nn.Module):
    """Chapter 05's layer, without first weights."""

    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        for name in ("to_q", "to_k", "to_v", "to_out"):
            with_bias = bias or name == "to_out"
            setattr(self, name, BareLinear(d_model, d_model, bias=with_bias))

    def forward(self, x, mask=None):
        parts = (self.to_q(x), self.to_k(x), self.to_v(x))
        q, k, v = (split_heads(part, self.num_heads) for part in parts)
        mixed, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.to_out(merge_heads(mixed)), weights


class WrongBlock(nn.Module):
    """The block with its steps exchangeable, so that each mistake is one of them."""

    def __init__(
        self,
        d_model,
        num_heads,
        d_ff,
        activation="relu",
        *,
        order="post",
        norms=(0, 1),
        first_skip=True,
        second_skip="new",
        thinks_about="new",
        bends="yes",
        mask="passed",
        returns="asked",
    ):
        super().__init__()
        self.attention = BareAttention(d_model, num_heads)
        self.norm_attention = nn.LayerNorm(d_model)
        self.up = BareLinear(d_model, d_ff)
        self.activation = getattr(F, activation)
        self.down = BareLinear(d_ff, d_model)
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.order, self.norms, self.bends = order, norms, bends
        self.first_skip, self.second_skip = first_skip, second_skip
        self.thinks_about, self.mask, self.returns = thinks_about, mask, returns

    def think(self, x):
        wide = self.up(x)
        if self.bends == "late":
            return self.activation(self.down(wide))
        bend = {"yes": self.activation, "no": unbent, "relu": F.relu}[self.bends]
        return self.down(bend(wide))

    def forward(self, x, mask=None, *, return_weights=False):
        both = (self.norm_attention, self.norm_feed_forward)
        norm_1, norm_2 = (both[i] if i is not None else nn.Identity() for i in self.norms)
        if self.mask == "lost":
            mask = None
        elif self.mask == "inverted" and mask is not None:
            mask = ~mask
        read = norm_1(x) if self.order == "pre" else x
        with torch.set_grad_enabled(self.mask != "no gradient"):
            said, weights = self.attention(read, mask)
        if self.returns == "pair added" and return_weights:
            said = (said, weights)
        if self.order in ("post", "inner second"):
            new = norm_1(x + said if self.first_skip else said)
        elif self.order in ("inner", "inner first"):
            new = x + norm_1(said)
        else:
            new = x + said
        about = {"new": new, "old": x}[self.thinks_about]
        thought = self.think(norm_2(about) if self.order == "pre" else about)
        start = {"new": new, "old": x, "none": torch.zeros_like(x), "both": new + x}
        start = start[self.second_skip]
        if self.order in ("inner", "inner second"):
            out = start + norm_2(thought)
        else:
            out = start + thought if self.order == "pre" else norm_2(start + thought)
        if self.returns == "averaged":
            weights = weights.mean(dim=1)
        elif self.returns == "of the output":
            weights = self.attention(out, mask)[1]
        elif self.returns == "of the middle":
            weights = self.attention(new, mask)[1]
        if self.returns == "never":
            return out
        if self.returns == "exchanged" and return_weights:
            return weights, out
        return (out, weights) if return_weights or self.returns == "always" else out


class WrongSums(WrongBlock):
    """Mistakes about what is added to what; a class of its own, so that these are tried in pairs
    among themselves only, and the check stays fast."""


class ThinksFirst(WrongBlock):
    """The two sublayers in the other order."""

    def forward(self, x, mask=None, *, return_weights=False):
        x = self.norm_feed_forward(x + self.think(x))
        said, weights = self.attention(x, mask)
        x = self.norm_attention(x + said)
        return (x, weights) if return_weights else x


class WrongReturns(WrongBlock):
    """Mistakes about mask and weights, for the same reason."""


class MaskForKeys(nn.Module):
    """The mask handed over by place, where the attention takes keys."""

    def __init__(self, d_model, num_heads, d_ff, activation="relu"):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm_attention = nn.LayerNorm(d_model)
        self.up, self.down = BareLinear(d_model, d_ff), BareLinear(d_ff, d_model)
        self.activation = getattr(F, activation)
        self.norm_feed_forward = nn.LayerNorm(d_model)

    def forward(self, x, mask=None, *, return_weights=False):
        said, weights = self.attention(x, mask, return_weights=True)
        x = self.norm_attention(x + said)
        x = self.norm_feed_forward(x + self.down(self.activation(self.up(x))))
        return (x, weights) if return_weights else x


class FormulaBlock(WrongBlock):
    """The norm of each sublayer where a formula puts it."""

    def __init__(self, d_model, num_heads, d_ff, activation="relu", *, formulas):
        super().__init__(d_model, num_heads, d_ff, activation)
        self.formulas = formulas

    def forward(self, x, mask=None, *, return_weights=False):
        looked = []

        def look(x):
            said, weights = self.attention(x, mask)
            looked.append(weights)
            return said

        x = sublayer(self.formulas[0], x, look, self.norm_attention)
        x = sublayer(self.formulas[1], x, self.think, self.norm_feed_forward)
        return (x, looked[0]) if return_weights else x


class SlippedBlock(WrongBlock):
    """The paper's order, with one slip."""

    def __init__(self, d_model, num_heads, d_ff, activation="relu", *, slip):
        super().__init__(d_model, num_heads, d_ff, activation)
        self.slip = slip

    def forward(self, x, mask=None, *, return_weights=False):
        first, second = self.norm_attention, self.norm_feed_forward
        if self.slip in ("bare norms", "first norm bare"):
            first = lambda x: F.layer_norm(x, x.shape[-1:])  # noqa: E731
        if self.slip in ("bare norms", "last norm bare"):
            second = lambda x: F.layer_norm(x, x.shape[-1:])  # noqa: E731
        if self.slip == "causal" and mask is None:
            mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        said, weights = self.attention(x, mask)
        start = 2 * x if self.slip == "x twice" else x
        new = first(start + said)
        if self.slip == "bent first":
            thought = self.down(self.up(self.activation(new)))
        else:
            thought = self.think(new)
        out = second(x + said + thought) if self.slip == "one sum" else second(new + thought)
        out = second(out) if self.slip == "normed twice" else out
        return (out, weights) if return_weights else out


class ListingBlock(WrongBlock):
    """Right: everything by einsum, one head after the other, and a list for the pair."""

    def forward(self, x, mask=None, *, return_weights=False):
        layer, n_heads = self.attention, self.attention.num_heads
        q, k, v = (part(x).chunk(n_heads, dim=-1) for part in (layer.to_q, layer.to_k, layer.to_v))
        seen = None
        if mask is not None:
            seen = mask.expand(len(x), n_heads, x.shape[1], x.shape[1])
        mixed, looked = [], []
        for h in range(n_heads):
            scores = torch.einsum("bqd,bkd->bqk", q[h], k[h]) * q[h].shape[-1] ** -0.5
            if seen is not None:
                scores = scores.masked_fill(~seen[:, h], -math.inf)
            shares = scores.softmax(-1)
            if seen is not None:
                shares = shares.masked_fill(~seen[:, h], 0.0)
            looked.append(shares)
            mixed.append(torch.einsum("bqk,bkd->bqd", shares, v[h]))
        stream = self.norm_attention(torch.add(layer.to_out(torch.cat(mixed, -1)), x))
        thought = F.linear(self.activation(self.up(stream)), self.down.weight, self.down.bias)
        stream = self.norm_feed_forward(torch.add(stream, thought))
        return [stream, torch.stack(looked, 1)] if return_weights else stream


class HandBlock(WrongBlock):
    """Right: norms and network from their formulas."""

    @staticmethod
    def norm(x, layer):
        x = x - x.mean(-1, keepdim=True)
        return (
            layer.weight * x / (x.square().mean(-1, keepdim=True) + layer.eps).sqrt() + layer.bias
        )

    def forward(self, x, mask=None, *, return_weights=False):
        said, weights = self.attention(x, mask)
        x = self.norm(said + x, self.norm_attention)
        wide = self.activation(x @ self.up.weight.T + self.up.bias)
        x = self.norm(wide @ self.down.weight.T + self.down.bias + x, self.norm_feed_forward)
        return (x, weights) if return_weights else x


class SentenceBlock(WrongBlock):
    """Right: one sentence after the other."""

    def forward(self, x, mask=None, *, return_weights=False):
        outputs, looked = [], []
        for b in range(x.shape[0]):
            one, seen = x[b : b + 1], mask
            if mask is not None and mask.ndim == 4:
                seen = mask[b : b + 1]
            said, weights = self.attention(one, seen)
            one = self.norm_attention(one + said)
            wide = self.activation(self.up(one))
            outputs.append(self.norm_feed_forward(self.down(wide) + one))
            looked.append(weights)
        out = torch.cat(outputs)
        return (out, torch.cat(looked)) if return_weights else out


TWO_NORMS = (
    "How many norms does __init__ make, and how often do you call each?",
    "New norms are all alike, so a first try doesn't show it. The check gives them numbers.",
    "norm_attention follows the first sum, norm_feed_forward the second.",
)

ENCODER_BLOCK = Exercise(
    id="07.encoder-block",
    title="The block of the paper",
    kind="code",
    points=3,
    name="EncoderBlock",
    cases=block_cases,
    bans=("TransformerEncoderLayer", "TransformerEncoder"),
    mistakes=[
        Mistake(
            "mask-handed-over-as-keys",
            MaskForKeys,
            {},
            says="the attention gets the mask by its place, and there it takes keys or values: say "
            "`mask=mask`",
            hints=(
                "Which parameters has the attention of chapter 05, and in which order?",
                "The second one is what is looked at. A mask is none of that.",
                "Call it as the text does, with the name of the parameter.",
            ),
        ),
        Mistake(
            "pre-norm",
            WrongBlock,
            {"order": "pre"},
            says="your block is pre-norm: it norms what a sublayer reads, and the sums not at all",
            hints=(
                "What is the size of your output? After post-norm it is that of the last norm.",
                "Section 7.6 has both orders side by side.",
                "Add first, then put the sum through the norm.",
            ),
        ),
        *(
            Mistake(
                f"norm-inside-in-the-{which}-sublayer",
                alone(WrongBlock),
                {"order": f"inner {which}"},
                says=f"in the {which} sublayer you norm what it says, and then add: that sum "
                "itself is never normed",
                hints=(
                    f"Look at the brackets of the {which} sublayer: what goes into the norm?",
                    "The formula is norm(x + f(x)), for both.",
                    "Put the plus sign inside the norm's brackets.",
                ),
            )
            for which in ("first", "second")
        ),
        Mistake(
            "norm-inside",
            alone(WrongBlock),
            {"order": "inner"},
            says="you norm what the sublayer says, and then add: the sum itself is never normed",
            hints=(
                "Look at your brackets: what goes into the norm?",
                "The formula is norm(x + f(x)).",
                "Put the plus sign inside the norm's brackets.",
            ),
        ),
        Mistake(
            "first-norm-twice",
            WrongBlock,
            {"norms": (0, 0)},
            says="norm_attention is used twice, and norm_feed_forward never",
            hints=TWO_NORMS,
        ),
        Mistake(
            "second-norm-twice",
            alone(WrongBlock),
            {"norms": (1, 1)},
            says="norm_feed_forward is used twice, and norm_attention never",
            hints=TWO_NORMS,
        ),
        Mistake(
            "norms-exchanged",
            WrongBlock,
            {"norms": (1, 0)},
            says="the two norms have changed places",
            hints=TWO_NORMS,
        ),
        Mistake(
            "first-norm-missing",
            WrongBlock,
            {"norms": (None, 1)},
            says="the sum after the attention is not normed",
            hints=TWO_NORMS,
        ),
        Mistake(
            "last-norm-missing",
            WrongBlock,
            {"norms": (0, None)},
            says="the sum after the feed-forward network is not normed",
            hints=TWO_NORMS,
        ),
        Mistake(
            "no-first-residual",
            WrongSums,
            {"first_skip": False},
            says="what the attention says replaces x instead of being added to it",
            hints=(
                "What does a word keep of itself through your attention?",
                "Both sublayers are added to what they read.",
                "Add x to the attention's output before you norm.",
            ),
        ),
        Mistake(
            "no-second-residual",
            WrongSums,
            {"second_skip": "none"},
            says="what the feed-forward network says replaces x instead of being added to it",
            hints=(
                "What does a word keep of itself through your network?",
                "Both sublayers are added to what they read.",
                "Add what the network read to its output before you norm.",
            ),
        ),
        Mistake(
            "adds-the-old-x",
            WrongSums,
            {"second_skip": "old"},
            says="the second sum adds the block's input, not what the first sublayer has written",
            hints=(
                "Which x do you add the second time?",
                "Each sublayer is added to what it has read.",
                "Keep one running x: the second sum starts from what the first norm returns.",
            ),
        ),
        Mistake(
            "adds-both",
            alone(WrongSums),
            {"second_skip": "both"},
            says="the second sum adds the block's input once more, on top of the running x",
            hints=(
                "How many terms does your second sum have?",
                "The block's input is in the running x already, normed with the rest.",
                "Add two things: what the network read, and what it says.",
            ),
        ),
        Mistake(
            "thinks-before-it-looks",
            ThinksFirst,
            {},
            says="the feed-forward network comes before the attention",
            hints=(
                "What has a word heard of the others when your network reads it?",
                "First the words talk, then each thinks alone.",
                "The attention reads x, the network what the first norm returns.",
            ),
        ),
        Mistake(
            "thinks-about-the-old-x",
            alone(WrongSums),
            {"thinks_about": "old"},
            says="the feed-forward network reads the block's input, so it never learns what "
            "attention has found",
            hints=(
                "What goes into self.up?",
                "First the words talk, then each thinks about what it has heard.",
                "The network reads what the first norm returns.",
            ),
        ),
        Mistake(
            "parallel",
            alone(WrongSums),
            {"thinks_about": "old", "second_skip": "old"},
            says="both sublayers read the block's input, and only the second reaches the output",
            hints=(
                "Change the attention's weights: does your output change?",
                "A name is assigned and never used again.",
                "The second half of the block starts from what the first norm returns.",
            ),
        ),
        Mistake(
            "not-bent",
            WrongSums,
            {"bends": "no"},
            says="the activation is missing: up and down are one matrix product",
            hints=(
                "What do you do between up and down?",
                "Without a bend, two matrices are as good as one.",
                "Put the output of up through self.activation.",
            ),
        ),
        Mistake(
            "relu-of-your-own",
            WrongSums,
            {"bends": "relu"},
            says="you bend with a ReLU, whatever activation was handed to __init__",
            hints=(
                'Make a block with activation="gelu". Does anything change?',
                "__init__ keeps the activation under a name.",
                "Use self.activation between up and down.",
            ),
        ),
        mistake(
            alone(WrongSums),
            "bent-after-down",
            {"bends": "late"},
            "the activation stands after the way down, not between up and down",
            "How wide is what you hand to self.activation? It should be d_ff.",
            "Up and down without a bend between them are one matrix.",
            "Bend what `up` returns, then put it through `down`.",
        ),
        mistake(
            alone(WrongReturns),
            "pair-added",
            {"returns": "pair added"},
            "with return_weights=True the attention returns a pair, and you add the pair to x",
            "What does self.attention return when it is asked for the weights?",
            "A pair has to be taken apart before its first part can be added.",
            "Give both parts a name: `said, weights = …`.",
        ),
        mistake(
            alone(WrongReturns),
            "results-exchanged",
            {"returns": "exchanged"},
            "the weights come first and x second; the text asks for x and the weights",
            "Print the shapes of the two things that come back.",
            "In which order does the text name them?",
            "Return x first.",
        ),
        mistake(
            alone(WrongReturns),
            "weights-of-the-output",
            {"returns": "of the output"},
            "the weights come from a second look, at the block's output; the text wants those of "
            "the attention that made it",
            "How often do you call self.attention?",
            "After x has been overwritten, the attention sees another x.",
            "Keep the weights of the one call, at the start.",
        ),
        mistake(
            alone(WrongReturns),
            "weights-of-the-middle",
            {"returns": "of the middle"},
            "the weights come from a second look, at the sum after the attention; the text wants "
            "those of the attention that made it",
            "How often do you call self.attention?",
            "After x has been overwritten, the attention sees another x.",
            "Keep the weights of the one call, at the start.",
        ),
        mistake(
            alone(WrongReturns),
            "attention-without-gradient",
            {"mask": "no gradient"},
            "no gradient flows back through the attention, so that it would never learn",
            "Is there a `detach`, a `.data` or a `no_grad` in your code?",
            "All parts of a block are learned.",
            "Call the attention without switching gradients off.",
        ),
        Mistake(
            "mask-lost",
            WrongReturns,
            {"mask": "lost"},
            says="the mask doesn't reach the attention",
            hints=(
                "Where in forward does the word `mask` occur?",
                "Without it, words look at padding and at the future.",
                "Hand it to the attention by its name.",
            ),
        ),
        Mistake(
            "mask-inverted",
            WrongReturns,
            {"mask": "inverted"},
            says="the words look exactly where the mask forbids it",
            hints=(
                "In this course, what does True in a mask mean?",
                "PyTorch's own encoder layer has it the other way round; this attention has not.",
                "Hand the mask on as it comes.",
            ),
        ),
        Mistake(
            "weights-never",
            WrongReturns,
            {"returns": "never"},
            says="the weights don't come back when they are asked for",
            hints=(
                "What do you return when return_weights is True?",
                "The attention hands them over if you ask it.",
                "Return a pair, x and the weights, when they are asked for.",
            ),
        ),
        Mistake(
            "weights-always",
            WrongReturns,
            {"returns": "always"},
            says="x and the weights come back even when nobody asked for the weights",
            hints=(
                "What does your block return when return_weights is False?",
                "The next block expects a tensor, not a pair.",
                "Return the pair only when return_weights is True.",
            ),
        ),
        Mistake(
            "weights-averaged",
            WrongReturns,
            {"returns": "averaged"},
            says="the weights that you return are averaged over the heads",
            hints=(
                "What shape do your weights have? Which axis is missing?",
                "Every head has its own table.",
                "Return the weights as the attention gives them.",
            ),
        ),
        *formula_mistakes(
            FormulaBlock,
            "norm(x + f(x))",
            ("first", "second"),
            {
                "norm(x) + f(x)": ("all", "first", "second"),
                "x + f(norm(x))": ("first", "second"),
                "norm(x) + f(norm(x))": ("all", "first", "second"),
                "norm(x + f(norm(x)))": ("all", "first", "second"),
                "x + f(x)": ("all",),
            },
        ),
        mistake(
            alone(SlippedBlock),
            "bent-before-up",
            {"slip": "bent first"},
            "the activation bends x before the way up: between up and down there is nothing, so "
            "that the two are one matrix",
            "How wide is what you hand to self.activation? It should be d_ff.",
            "Up and down without a bend between them are one matrix.",
            "Bend what `up` returns, then put it through `down`.",
        ),
        mistake(
            alone(SlippedBlock),
            "norms-without-weights",
            {"slip": "bare norms"},
            "both norms are without their weights: those that __init__ has made are not used",
            "Which of the parts made in __init__ do you never call?",
            "New norms multiply by 1 and add 0, so a first try doesn't show it. The check gives "
            "them numbers.",
            "Call self.norm_attention and self.norm_feed_forward.",
        ),
        mistake(
            alone(SlippedBlock),
            "first-norm-without-weights",
            {"slip": "first norm bare"},
            "the first sum is normed without the weights of norm_attention",
            "Which of the parts made in __init__ do you never call?",
            "New norms multiply by 1 and add 0, so a first try doesn't show it. The check gives "
            "them numbers.",
            "Call self.norm_attention.",
        ),
        mistake(
            alone(SlippedBlock),
            "last-norm-without-weights",
            {"slip": "last norm bare"},
            "the second sum is normed without the weights of norm_feed_forward",
            "Which of the parts made in __init__ do you never call?",
            "New norms multiply by 1 and add 0, so a first try doesn't show it. The check gives "
            "them numbers.",
            "Call self.norm_feed_forward.",
        ),
        mistake(
            alone(SlippedBlock),
            "normed-twice-at-the-end",
            {"slip": "normed twice"},
            "the last sum goes through norm_feed_forward twice",
            "How many norms does the text have, and how many do you call?",
            "Each sublayer ends with one norm.",
            "Return what norm_feed_forward gives, as it is.",
        ),
        mistake(
            alone(SlippedBlock),
            "x-added-twice",
            {"slip": "x twice"},
            "x is added twice before the first norm",
            "How many terms does your first sum have?",
            "Each sublayer comes with one sum.",
            "x plus what the attention says, once.",
        ),
        mistake(
            alone(SlippedBlock),
            "one-sum-for-both",
            {"slip": "one sum"},
            "the second sum starts from the block's input and adds what both sublayers say: the "
            "first norm is read, and not carried on",
            "Which x do you add the second time?",
            "Each sublayer is added to what it has read.",
            "Keep one running x: the second sum is what the first norm returns, plus what the "
            "network says.",
        ),
        mistake(
            alone(SlippedBlock),
            "causal-of-its-own",
            {"slip": "causal"},
            "without a mask, the block makes a causal one",
            "What does your block do with `mask=None`?",
            "The mask may be `None`: then nothing is hidden.",
            "Pass the mask on as it comes.",
        ),
    ],
    also_right=[HandBlock, SentenceBlock, ListingBlock],
    axes="batch seq d_model",
    any_sequence=True,
    hints=(
        "Make a small block, EncoderBlock(4, 2, 8), hand it a random (1, 3, 4) and print the "
        "shape after each line of forward.",
        "Go through the text's list and find the line of your code that does each: the attention "
        "with its mask, two sums, two norms, the way up and down, what comes back.",
        "Both halves have the same form: x becomes norm(x + what the sublayer says about x). Keep "
        "one running x, and take the weights from the first attention.",
    ),
    allows=Edges(
        axes=(2, 3, 4),
        sizes=(1, 3, 5),
        special=("empty row", "full row"),
        labels=("causal", "padded", "activation", "no mask", "with weights"),
    ),
)


# --- 07.missing-residual-bug ----------------------------------------------------------------


def residual_cases(generator):
    def tried(label, batch, seq, d_model, d_ff, *, scale=1.0, **more):
        x = scale * normal(generator, batch, seq, d_model)
        mix = (2 * normal(generator, seq, seq)).softmax(dim=-1)
        up = 1.5 * normal(generator, d_model, d_ff) / d_model**0.5
        down = 1.5 * normal(generator, d_ff, d_model) / d_ff**0.5
        return case(label, x, mix, up, down, **more)

    return [
        tried("a batch", 2, 5, 7, 11, grad=True),
        tried("narrower inside", 3, 2, 7, 5),
        tried("large words", 2, 5, 5, 3, scale=5.0),
        tried("faint words", 1, 3, 5, 7, scale=0.1),
        tried("one word", 2, 1, 3, 5),
    ]


def normed(x):
    return F.rms_norm(x, x.shape[-1:], eps=1e-6)


def wrong_residual(
    x,
    mix,
    up,
    down,
    *,
    first="added",
    second="added",
    reads=("normed", "normed"),
    about="new",
    bends=True,
    turned=False,
):
    read = {"normed": normed, "raw": lambda x: x}
    talk = (mix.transpose(-2, -1) if turned else mix) @ read[reads[0]](x)
    new = {
        "added": lambda: x + talk,
        "lost": lambda: talk,
        "normed": lambda: normed(x) + talk,
        "doubled": lambda: 2 * x + talk,
        "after": lambda: normed(x + talk),
        "detached": lambda: x.detach() + talk,
    }[first]()
    told = {
        "new": lambda: read[reads[1]](new),
        "old": lambda: read[reads[1]](x),
        "sum of normed": lambda: normed(x) + talk,
    }[about]()
    wide = told @ up
    thought = (wide.relu() if bends is True else wide) @ down
    thought = thought.relu() if bends == "late" else thought
    return {
        "both": lambda: x + new + thought,
        "added": lambda: new + thought,
        "lost": lambda: thought,
        "normed": lambda: normed(new) + thought,
        "old": lambda: x + thought,
        "after": lambda: normed(new + thought),
    }[second]()


def formula_residual(x, mix, up, down, *, formulas):
    """The norm of each sublayer where a formula puts it."""
    x = sublayer(formulas[0], x, lambda x: mix @ x, normed)
    return sublayer(formulas[1], x, lambda x: (x @ up).relu() @ down, normed)


def slipped_residual(x, mix, up, down, *, slip):
    def joined(x, said):
        return {"minus": x - said, "times": x * said, "halved": (x + said) / 2}.get(slip, x + said)

    said = normed(x) @ mix if slip == "mix on the right" else mix @ normed(x)
    if slip == "one sum":
        return x + (normed(said) @ up).relu() @ down
    new = joined(x, said)
    wide = normed(new) @ up
    if slip == "normed inside":
        return new + normed((new @ up).relu()) @ down
    return joined(new, (F.gelu(wide) if slip == "gelu" else wide.relu()) @ down)


def overwriting_residual(x, mix, up, down):
    x += mix @ normed(x)  # an error where x is to get a gradient
    x += (normed(x) @ up).relu() @ down
    return x


def looped_residual(x, mix, up, down):
    """Sentence by sentence, word by word."""
    sentences = []
    for sentence in x:
        read, words = [normed(word) for word in sentence], []
        for word, shares in zip(sentence, mix, strict=True):
            word = word + sum(share * other for share, other in zip(shares, read, strict=True))
            words.append(word + torch.clamp(normed(word) @ up, min=0) @ down)
        sentences.append(torch.stack(words))
    return torch.stack(sentences)


def einsum_residual(x, mix, up, down):
    scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
    middle = x + torch.einsum("ts,bsd->btd", mix, x * scale)
    read = F.rms_norm(middle, middle.shape[-1:], eps=1e-6)
    return middle + torch.einsum("btf,fd->btd", F.relu(read @ up), down)


def streaming_residual(x, mix, up, down):
    stream = x.clone()
    for say in (lambda read: torch.matmul(mix, read), lambda read: F.relu(read @ up) @ down):
        stream = stream + say(normed(stream))
    return stream


MISSING_RESIDUAL = Exercise(
    id="07.missing-residual-bug",
    title="A block that forgets its words",
    kind="bug",
    points=2,
    name="pre_norm_block",
    cases=residual_cases,
    mistakes=[
        Mistake(
            "both-missing",
            wrong_residual,
            {"first": "lost", "second": "lost"},
            says="nothing is added anywhere: each sublayer replaces the words",
            hints=(
                "What does a word keep of itself through this block?",
                "Compare both lines with section 7.6. What is missing in each?",
                "Each line should start from x and add.",
            ),
        ),
        Mistake(
            "first-missing",
            wrong_residual,
            {"first": "lost"},
            says="the attention still replaces the words",
            hints=(
                "How many sublayers are there, and how many plus signs?",
                "Look at the first line again.",
                "Add x to what the attention says.",
            ),
        ),
        Mistake(
            "second-missing",
            wrong_residual,
            {"second": "lost"},
            says="the feed-forward network still replaces the words",
            hints=(
                "How many sublayers are there, and how many plus signs?",
                "Look at the second line again.",
                "Add the running x to what the network says.",
            ),
        ),
        Mistake(
            "second-adds-the-old",
            wrong_residual,
            {"second": "old"},
            says="the second sum starts from the block's input, so what attention said is only "
            "read, not kept",
            hints=(
                "Which x do you add in the last line?",
                "There is one running sum through the whole block.",
                "Let the first line assign to x, and add that in the second.",
            ),
        ),
        Mistake(
            "adds-to-the-normed",
            wrong_residual,
            {"first": "normed", "second": "normed"},
            says="you add to the normed words: the skip goes through the norm",
            hints=(
                "Multiply the input by 10. In pre-norm, the output grows along.",
                "Only the sublayer reads the normed copy.",
                "Add to x itself.",
            ),
        ),
        Mistake(
            "first-adds-to-the-normed",
            wrong_residual,
            {"first": "normed"},
            says="the first sum adds to the normed words instead of to x itself",
            hints=(
                "Multiply the input by 10. In pre-norm, the output grows along.",
                "Only the sublayer reads the normed copy.",
                "Add the attention's output to x as it came in.",
            ),
        ),
        Mistake(
            "second-adds-to-the-normed",
            wrong_residual,
            {"second": "normed"},
            says="the second sum adds to the normed words instead of to the running x",
            hints=(
                "Multiply the input by 10. In pre-norm, the output grows along.",
                "Only the sublayer reads the normed copy.",
                "Add the network's output to the x that the first line has made.",
            ),
        ),
        Mistake(
            "normed-at-the-end",
            alone(wrong_residual),
            {"second": "after"},
            says="the last sum is normed: a pre-norm stack has one such norm, and no block has it",
            hints=(
                "Multiply the input by 10. In pre-norm, the output grows along.",
                "How many norms did the block have when you got it?",
                "Return the last sum as it is.",
            ),
        ),
        Mistake(
            "post-norm",
            alone(wrong_residual),
            {"first": "after", "second": "after", "reads": ("raw", "raw")},
            says="your block is post-norm now: it norms the sums",
            hints=(
                "The text says which order the block is in.",
                "The norm's place was right. Only something else was missing.",
                "Norm what each sublayer reads; leave the sums alone.",
            ),
        ),
        Mistake(
            "not-normed",
            wrong_residual,
            {"reads": ("raw", "raw")},
            says="the norms are gone",
            hints=(
                "Where do you call `normed`?",
                "It was right as it was.",
                "Each sublayer reads normed words.",
            ),
        ),
        Mistake(
            "second-not-normed",
            wrong_residual,
            {"reads": ("normed", "raw")},
            says="the feed-forward network reads words that are not normed",
            hints=(
                "How often do you call `normed`?",
                "Each sublayer reads normed words.",
                "Norm the new x before it goes up.",
            ),
        ),
        Mistake(
            "thinks-about-the-old",
            alone(wrong_residual),
            {"about": "old"},
            says="the feed-forward network reads the block's input, so it never learns what "
            "attention has found",
            hints=(
                "What goes up? Follow the names.",
                "First the words talk, then each thinks about what it has heard.",
                "The network reads the normed sum of the first line.",
            ),
        ),
        Mistake(
            "normed-too-early",
            alone(wrong_residual),
            {"about": "sum of normed"},
            says="the network reads the old norm plus what attention said: the new sum is not "
            "normed again",
            hints=(
                "How often do you call `normed`, and on what?",
                "A norm made before the sum knows nothing of the sum.",
                "Norm the new x, after the first sum.",
            ),
        ),
        mistake(
            alone(wrong_residual),
            "first-not-normed",
            {"reads": ("raw", "normed")},
            "the attention reads words that are not normed",
            "How often do you call `normed`?",
            "Each sublayer reads normed words.",
            "Norm x before it is mixed.",
        ),
        mistake(
            alone(wrong_residual),
            "second-adds-both",
            {"second": "both"},
            "the second sum adds the block's input once more, on top of the running x",
            "With zeros for the network and the mix, what should come out? x, once.",
            "How many terms does your second sum have?",
            "Add two things: the running x, and what the network says.",
        ),
        mistake(
            alone(wrong_residual),
            "relu-after-down",
            {"bends": "late"},
            "the ReLU stands after the way down, not between up and down",
            "Can your network say anything negative?",
            "The second line was right but for its missing sum.",
            "relu(words @ up) @ down: look at the brackets.",
        ),
        mistake(
            alone(wrong_residual),
            "mix-turned",
            {"turned": True},
            "the table of weights is transposed",
            "Which axis of `mix` adds up to 1? It should still do when you use it.",
            "The text writes mix @ words.",
            "Leave `mix` as it comes.",
        ),
        mistake(
            alone(wrong_residual),
            "x-detached",
            {"first": "detached"},
            "no gradient flows back along the skip, which is what it is for",
            "Is there a `detach`, a `.data` or a `no_grad` in your code?",
            "The skip is the gradient's straight way down.",
            "Add x as it comes.",
        ),
        mistake(
            overwriting_residual,
            "input-changed",
            {},
            "the caller's own x is changed",
            "Print `x` before and after calling your function.",
            "x += … writes into the caller's tensor.",
            "Write x = x + ….",
        ),
        Mistake(
            "added-twice",
            alone(wrong_residual),
            {"first": "doubled"},
            says="x is added twice in the first half",
            hints=(
                "With a network and a mix of zeros, what should come out? x, once.",
                "Count the plus signs before the second sublayer.",
                "Each sublayer comes with one sum.",
            ),
        ),
        Mistake(
            "not-bent",
            wrong_residual,
            {"bends": False},
            says="the ReLU has gone",
            hints=(
                "Which part of the old second line have you lost?",
                "Without a bend, up and down are one matrix.",
                "Between up and down stands a ReLU.",
            ),
        ),
        *formula_mistakes(
            formula_residual,
            "x + f(norm(x))",
            ("first", "second"),
            {
                "x + norm(f(x))": ("all", "first", "second"),
                "norm(x + f(x))": ("first",),
                "norm(x + f(norm(x)))": ("all",),
                "norm(x) + f(x)": ("all", "first", "second"),
                "x + norm(f(norm(x)))": ("all", "first"),
            },
        ),
        mistake(
            alone(slipped_residual),
            "subtracted",
            {"slip": "minus"},
            "what a sublayer says is taken away from x; it should be added",
            "Which sign stands in both of your lines?",
            "A sublayer adds.",
            "x plus what the sublayer says, twice.",
        ),
        mistake(
            alone(slipped_residual),
            "multiplied",
            {"slip": "times"},
            "x is multiplied by what a sublayer says; it should be added",
            "Which sign stands in both of your lines?",
            "With zeros for the mix, what should a word be afterwards? Itself.",
            "x plus what the sublayer says, twice.",
        ),
        mistake(
            alone(slipped_residual),
            "halved",
            {"slip": "halved"},
            "you take the mean of x and what a sublayer says: the words shrink by half each time",
            "With zeros for the network and the mix, what should come out? x itself.",
            "A sublayer adds, and nothing is divided.",
            "x plus what the sublayer says, twice.",
        ),
        mistake(
            alone(slipped_residual),
            "one-sum-for-both",
            {"slip": "one sum"},
            "there is one sum for both sublayers: the network reads only what the attention "
            "says, and that is not added anywhere",
            "How many sublayers are there, and how many plus signs?",
            "Look at the first line again.",
            "Each line should start from x and add.",
        ),
        mistake(
            alone(slipped_residual),
            "mix-on-the-right",
            {"slip": "mix on the right"},
            "the table of weights stands on the right: it mixes the numbers of a word, or "
            "doesn't fit",
            "Which of the two axes of the words does your product add up over?",
            "The text writes mix @ words: a sum over the words.",
            "Leave the first line's product as it was.",
        ),
        mistake(
            alone(slipped_residual),
            "normed-inside-the-network",
            {"slip": "normed inside"},
            "the second norm stands inside the network, behind the ReLU; the network should "
            "read normed words",
            "What goes into `up`?",
            "Each sublayer reads normed words.",
            "Norm the new x before it goes up, and nothing after that.",
        ),
        mistake(
            alone(slipped_residual),
            "gelu",
            {"slip": "gelu"},
            "a GELU stands between up and down; the text has a ReLU",
            "Which bend did the second line have when you got it?",
            "The network was right as it stood.",
            "relu(words @ up) @ down",
        ),
    ],
    also_right=[einsum_residual, streaming_residual, looped_residual],
    axes="batch seq d_model",
    hints=(
        "Call the block with `mix`, `up` and `down` all zeros. What should a word be afterwards, "
        "and what is it?",
        "Compare both lines with the formula of a pre-norm block in section 7.6: which of its "
        "signs occurs in neither?",
        "Norms and sublayers are right as they stand. Each line should start from the running x "
        "and add to it what the sublayer says about its normed copy.",
    ),
    allows=Edges(axes=(2, 3), sizes=(1, 2, 5), labels=("one word", "faint", "large", "narrower")),
)


# --- 07.pre-post-bug ------------------------------------------------------------------------


def encoder_cases(generator):
    def tried(label, heads, d_head, d_ff, layers, planned, **more):
        d_model, state = heads * d_head, {}
        for i in range(layers):
            state |= attention_state(generator, d_model, f"attentions.{i}")
            state |= linear_state(generator, d_ff, d_model, f"networks.{i}.0")
            state |= linear_state(generator, d_model, d_ff, f"networks.{i}.2")
            state |= norm_state(generator, d_model, f"norms_1.{i}")
            state |= norm_state(generator, d_model, f"norms_2.{i}")
        state |= norm_state(generator, d_model, "last")
        init = {"d_model": d_model, "num_heads": heads, "d_ff": d_ff, "num_layers": layers}
        return Case(label, [planned], init=init, state=state, **more)

    x = normal(generator, 2, 5, 6)
    padding = torch.tensor([[True] * 5, [False] * 2 + [True] * 3])[:, None, None]
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    return [
        tried("one block", 2, 3, 7, 1, call(x)),
        tried("two blocks, padded on the left", 2, 3, 7, 2, call(3 * x, padding)),
        tried("three blocks", 1, 5, 3, 3, call(normal(generator, 2, 3, 5))),
        tried("two blocks, causal", 2, 3, 7, 2, call(x[:1, :4], mask=causal[:4, :4])),
    ]


class WrongEncoder(nn.Module):
    """The stack with its steps exchangeable."""

    def __init__(
        self,
        d_model,
        num_heads,
        d_ff,
        num_layers,
        *,
        skip_1="x",
        skip_2="x",
        last="once",
        order="pre",
        norms=(0, 1),
        mask="all",
    ):
        super().__init__()
        self.skip_1, self.skip_2, self.ends, self.order = skip_1, skip_2, last, order
        self.norms, self.mask = norms, mask
        layers = range(num_layers)
        self.attentions = nn.ModuleList(BareAttention(d_model, num_heads) for _ in layers)
        self.networks = nn.ModuleList(
            nn.Sequential(BareLinear(d_model, d_ff), nn.ReLU(), BareLinear(d_ff, d_model))
            for _ in layers
        )
        self.norms_1 = nn.ModuleList(nn.LayerNorm(d_model) for _ in layers)
        self.norms_2 = nn.ModuleList(nn.LayerNorm(d_model) for _ in layers)
        self.last = nn.LayerNorm(d_model)

    def forward(self, x, mask=None):
        parts = zip(self.attentions, self.networks, self.norms_1, self.norms_2, strict=True)
        x = self.last(x) if self.ends == "first" else x
        for i, (attention, network, *both) in enumerate(parts):
            norm_1, norm_2 = (both[j] for j in self.norms)
            seen = mask if self.mask == "all" or (self.mask == "first" and i == 0) else None
            if self.order == "post":
                x = norm_1(x + attention(x, seen)[0])
                x = norm_2(x + network(x))
            elif self.order == "inner":
                x = x + norm_1(attention(x, seen)[0])
                x = x + norm_2(network(x))
            elif self.order == "parallel":
                x = x + attention(norm_1(x), seen)[0] + network(norm_2(x))
            elif self.order == "old":
                new = x + attention(norm_1(x), seen)[0]
                x = x + network(norm_2(new))
            else:
                read = norm_1(x)
                said, _ = attention(read, seen)
                x = {"x": x, "normed": read, "none": 0}[self.skip_1] + said
                read = norm_2(x)
                x = {"x": x, "normed": read, "none": 0}[self.skip_2] + network(read)
            x = self.last(x) if self.ends == "each" else x
            if self.ends == "in the loop":
                return self.last(x)
        return self.last(x) if self.ends == "once" else x


class WrongUse(WrongEncoder):
    """Mistakes about norms and masks, tried in pairs among themselves only."""


class FormulaEncoder(WrongEncoder):
    """The norm of each sublayer where a formula puts it."""

    def __init__(self, *sizes, formulas, **named):
        super().__init__(*sizes, **named)
        self.formulas = formulas

    def forward(self, x, mask=None):
        parts = zip(self.attentions, self.networks, self.norms_1, self.norms_2, strict=True)
        for attention, network, norm_1, norm_2 in parts:
            look = lambda x, attention=attention: attention(x, mask)[0]  # noqa: E731
            x = sublayer(self.formulas[0], x, look, norm_1)
            x = sublayer(self.formulas[1], x, network, norm_2)
        return self.last(x)


class SlippedEncoder(WrongEncoder):
    """Right but for one slip: in what is read, in which norm it is, or in how the stack ends."""

    def __init__(self, *sizes, slip, **named):
        super().__init__(*sizes, **named)
        self.slip = slip

    def look(self, attention, x, read, mask):
        if self.slip != "keys as they are":
            return attention(read, mask)[0]
        q, k, v = attention.to_q(read), attention.to_k(x), attention.to_v(x)
        q, k, v = (split_heads(part, attention.num_heads) for part in (q, k, v))
        return attention.to_out(merge_heads(scaled_dot_product_attention(q, k, v, mask)[0]))

    def forward(self, x, mask=None):
        x = came = self.last(x) if self.slip == "last at both ends" else x
        numbers = range(len(self.networks))
        for i in reversed(numbers) if self.slip == "reversed" else numbers:
            j = 0 if self.slip == "norms of the first block" else i
            j = 0 if self.slip == "norm_1 of the first block" else j
            norm_1 = self.norms_1[j]
            norm_2 = self.norms_2[j if self.slip == "norms of the first block" else i]
            read = norm_1(x)
            start = came if self.slip == "starts anew" else x
            x = start + self.look(self.attentions[i], x, read, mask)
            x = x + self.networks[i](norm_2(read if self.slip == "old norm" else x))
        if self.slip == "norm_2 at the end":
            return norm_2(x)
        if self.slip == "added at the end":
            return x + self.last(x)
        return self.last(self.last(x)) if self.slip == "last twice" else self.last(x)


class RecursiveEncoder(WrongEncoder):
    """Right: block after block by recursion; the last call norms."""

    def forward(self, x, mask=None, i=0):
        if i == len(self.networks):
            return self.last(x)
        x = x + self.attentions[i](self.norms_1[i](x), mask=mask)[0]
        return self.forward(torch.add(self.networks[i](self.norms_2[i](x)), x), mask, i + 1)


class HandEncoder(WrongEncoder):
    """Right: LayerNorm from its formula, blocks by number."""

    def forward(self, x, mask=None):
        def normed(x, layer):
            x = x - x.mean(-1, keepdim=True)
            scaled = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + layer.eps)
            return scaled * layer.weight + layer.bias

        for i in range(len(self.attentions)):
            x = self.attentions[i](normed(x, self.norms_1[i]), mask)[0] + x
            up, _, down = self.networks[i]
            x = down(up(normed(x, self.norms_2[i])).clamp(min=0)) + x
        return normed(x, self.last)


class SummedEncoder(WrongEncoder):
    """Right: the stream as a list of everything that was added."""

    def forward(self, x, mask=None):
        said = [x]
        for i, attention in enumerate(self.attentions):
            said.append(attention(self.norms_1[i](sum(said)), mask)[0])
            said.append(self.networks[i](self.norms_2[i](torch.stack(said).sum(0))))
        return self.last(torch.stack(said).sum(0))


SKIP_HINTS = (
    "Multiply x by 10. In pre-norm, what is added to grows along. Does yours?",
    "Once x has been overwritten by its norm, the old x is gone.",
    "Give the normed copy to the sublayer, and add the answer to x itself.",
)

PRE_POST = Exercise(
    id="07.pre-post-bug",
    title="Between two orders",
    kind="bug",
    points=2,
    name="PreNormEncoder",
    cases=encoder_cases,
    bans=("TransformerEncoderLayer", "TransformerEncoder"),
    mistakes=[
        Mistake(
            "as-it-was",
            alone(WrongEncoder),
            {"skip_1": "normed", "skip_2": "normed", "last": "never"},
            says="x is overwritten by its norm before each sum, and the stack ends without a norm",
            hints=(
                "Follow x through one block with a pencil. What is added to what?",
                "Once x has been overwritten by its norm, the old x is gone.",
                "Norm inside the sublayer's brackets, and use self.last at the end.",
            ),
        ),
        Mistake(
            "skip-normed-twice",
            alone(WrongEncoder),
            {"skip_1": "normed", "skip_2": "normed"},
            says="the sublayers are added to the normed words, not to x",
            hints=SKIP_HINTS,
        ),
        Mistake(
            "first-skip-normed",
            WrongEncoder,
            {"skip_1": "normed"},
            says="the attention is still added to the normed words, not to x",
            hints=SKIP_HINTS,
        ),
        Mistake(
            "second-skip-normed",
            WrongEncoder,
            {"skip_2": "normed"},
            says="the network is still added to the normed words, not to x",
            hints=SKIP_HINTS,
        ),
        Mistake(
            "no-last-norm",
            WrongEncoder,
            {"last": "never"},
            says="the stack ends without a norm",
            hints=(
                "Which part of __init__ is never used?",
                "Nothing norms the last sum of a pre-norm stack.",
                "Put x through self.last after the loop.",
            ),
        ),
        Mistake(
            "last-norm-in-the-loop",
            alone(WrongEncoder),
            {"last": "each"},
            says="the last norm is applied after every block",
            hints=(
                "How far is your last line indented?",
                "With one block nothing shows; try two.",
                "self.last belongs behind the loop.",
            ),
        ),
        Mistake(
            "post-norm",
            alone(WrongEncoder),
            {"order": "post", "last": "never"},
            says="your stack is post-norm now",
            hints=(
                "Read the formula in the text: what stands inside the norm?",
                "Pre-norm norms what a sublayer reads.",
                "Norm before the sublayer, add afterwards, and end with self.last.",
            ),
        ),
        Mistake(
            "post-norm-and-last",
            alone(WrongEncoder),
            {"order": "post"},
            says="your stack is post-norm, with one norm too many at its end",
            hints=(
                "Read the formula in the text: what stands inside the norm?",
                "Pre-norm norms what a sublayer reads.",
                "Norm before the sublayer, add afterwards.",
            ),
        ),
        mistake(
            alone(WrongEncoder),
            "norm-inside",
            {"order": "inner"},
            "you norm what a sublayer says, not what it reads",
            "Read the formula in the text: what stands inside the norm?",
            "f(norm(x)) and norm(f(x)) are not the same.",
            "Norm x, hand that to the sublayer, and add its answer as it is.",
        ),
        mistake(
            alone(WrongEncoder),
            "parallel",
            {"order": "parallel"},
            "attention and network read the same x: the network never learns what attention has "
            "found in its own block",
            "What goes into norm_2?",
            "First the attention's answer is added; the network reads the new x.",
            "Make two sums, one after the other.",
        ),
        mistake(
            alone(WrongEncoder),
            "second-adds-the-old",
            {"order": "old"},
            "the second sum starts from the x before the attention, so what attention said is only "
            "read, not kept",
            "Which x do you add the second time?",
            "There is one running x through the whole stack.",
            "Let the first line assign to x, and add that in the second.",
        ),
        mistake(
            alone(WrongEncoder),
            "last-norm-first",
            {"last": "first"},
            "self.last is applied before the first block, and the stack ends without a norm",
            "Where should the norm named `last` stand?",
            "Nothing norms the last sum of a pre-norm stack.",
            "Put x through self.last after the loop.",
        ),
        mistake(
            alone(WrongEncoder),
            "returns-in-the-loop",
            {"last": "in the loop"},
            "your return stands in the loop: only the first block is used",
            "How far is your last line indented?",
            "With one block nothing shows; try two.",
            "The return belongs behind the loop.",
        ),
        Mistake(
            "no-first-residual",
            WrongEncoder,
            {"skip_1": "none"},
            says="what the attention says replaces x",
            hints=(
                "Count the plus signs.",
                "Both sublayers are added.",
                "Add the attention's output to x.",
            ),
        ),
        Mistake(
            "no-second-residual",
            WrongEncoder,
            {"skip_2": "none"},
            says="what the network says replaces x",
            hints=(
                "Count the plus signs.",
                "Both sublayers are added.",
                "Add the network's output to x.",
            ),
        ),
        Mistake(
            "norms-exchanged",
            WrongUse,
            {"norms": (1, 0)},
            says="the two norms of a block have changed places",
            hints=(
                "Which norm stands before which sublayer?",
                "New norms are alike, so a first try doesn't show it.",
                "norm_1 belongs to the attention.",
            ),
        ),
        Mistake(
            "first-norm-twice",
            WrongUse,
            {"norms": (0, 0)},
            says="norm_1 is used twice and norm_2 never",
            hints=(
                "Which norm stands before which sublayer?",
                "New norms are alike, so a first try doesn't show it.",
                "norm_2 belongs to the network.",
            ),
        ),
        Mistake(
            "mask-in-the-first-only",
            WrongUse,
            {"mask": "first"},
            says="only the first attention gets the mask",
            hints=(
                "What does your mask hold in the second round of the loop?",
                "Padding that is hidden once is seen the next time.",
                "Hand the mask to every attention.",
            ),
        ),
        Mistake(
            "mask-lost",
            WrongUse,
            {"mask": "none"},
            says="the mask is gone",
            hints=(
                "Where does the word `mask` occur?",
                "It was right as it was.",
                "Hand the mask to every attention.",
            ),
        ),
        *formula_mistakes(
            FormulaEncoder,
            "x + f(norm(x))",
            ("first", "second"),
            {
                "x + norm(f(x))": ("first", "second"),
                "x + f(x)": ("all", "first", "second"),
                "norm(x + f(x))": ("first", "second"),
                "norm(x + f(norm(x)))": ("all",),
                "norm(x) + f(x)": ("all",),
                "x + norm(f(norm(x)))": ("all",),
            },
        ),
        mistake(
            alone(SlippedEncoder),
            "network-reads-the-old-norm",
            {"slip": "old norm"},
            "the network reads what norm_1 made before the attention was added",
            "What goes into norm_2?",
            "A norm made before the sum knows nothing of the sum.",
            "First the attention's answer is added to x; norm_2 reads that x.",
        ),
        mistake(
            alone(SlippedEncoder),
            "keys-not-normed",
            {"slip": "keys as they are"},
            "in the attention the queries are normed, but keys and values are not",
            "What do you hand to the attention as keys?",
            "What a sublayer reads is normed: queries, keys and values.",
            "Without keys, the attention looks at its own queries, which are normed.",
        ),
        mistake(
            alone(SlippedEncoder),
            "norm_1-of-the-first-block",
            {"slip": "norm_1 of the first block"},
            "norm_1 of the first block serves in all blocks",
            "How many norms does __init__ make? Which of them do you call?",
            "New norms are alike, so a first try doesn't show it.",
            "Each block has two norms of its own: take them from the loop.",
        ),
        mistake(
            alone(SlippedEncoder),
            "norms-of-the-first-block",
            {"slip": "norms of the first block"},
            "the norms of the first block serve in all blocks",
            "How many norms does __init__ make? Which of them do you call?",
            "New norms are alike, so a first try doesn't show it.",
            "Each block has two norms of its own: take them from the loop.",
        ),
        mistake(
            alone(SlippedEncoder),
            "last-norm-at-both-ends",
            {"slip": "last at both ends"},
            "self.last is applied before the first block as well as after the last",
            "How often do you call self.last?",
            "What comes in is normed by the first block, before it is read.",
            "Put x through self.last once, after the loop.",
        ),
        mistake(
            alone(SlippedEncoder),
            "last-norm-twice",
            {"slip": "last twice"},
            "the stack's last norm is applied twice",
            "How often do you call self.last?",
            "After the last block comes one norm.",
            "Put x through self.last once, after the loop.",
        ),
        mistake(
            alone(SlippedEncoder),
            "block-norm-at-the-end",
            {"slip": "norm_2 at the end"},
            "the stack ends with the last block's norm_2 instead of self.last",
            "Which part of __init__ is never used?",
            "New norms are alike, so a first try doesn't show it.",
            "The norm behind the loop is self.last.",
        ),
        mistake(
            alone(SlippedEncoder),
            "last-norm-added",
            {"slip": "added at the end"},
            "the last norm's result is added to x; it should be all that comes back",
            "How many plus signs stand behind your loop?",
            "Only sublayers are added. A norm replaces.",
            "return self.last(x)",
        ),
        mistake(
            alone(SlippedEncoder),
            "starts-anew",
            {"slip": "starts anew"},
            "in each block the attention is added to the stack's input, so what earlier blocks "
            "have added is lost",
            "Which x do you add to in the second round of the loop?",
            "There is one running x through the whole stack.",
            "x = x + …, with the x that the block before has left.",
        ),
        mistake(
            alone(SlippedEncoder),
            "blocks-reversed",
            {"slip": "reversed"},
            "the blocks run from the last to the first",
            "With one block nothing shows; try two.",
            "What was the order of the loop when you got it?",
            "Run through the parts from the first to the last.",
        ),
    ],
    also_right=[HandEncoder, SummedEncoder, RecursiveEncoder],
    axes="batch seq d_model",
    hints=(
        "Follow x through one block with a pencil, once in your code and once in section 7.6. "
        "Write down what each sublayer reads, and what its answer is added to.",
        "The text lists what a pre-norm block does and what stands after the last one. Every part "
        "of __init__ has its place in it; is each used once?",
        "Give the norm of x to the sublayer without overwriting x. After the loop, not in it, "
        "comes one norm more.",
    ),
    allows=Edges(
        axes=(2, 3, 4), sizes=(1, 3, 4, 5), labels=("one block", "three", "padded", "causal")
    ),
)


# --- 07.pad-test ----------------------------------------------------------------------------


def pad_test_cases(generator):
    sides = {
        "right": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]],
        "left": [[0, 1, 1, 1, 1], [0, 0, 0, 1, 1], [1, 1, 1, 1, 1]],
        "both": [[0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 0, 1, 1, 0]],
        "all of one": [[1, 1, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]],
        "left in each": [[0, 1, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]],
        "wider": [[1] * 5 + [0] * 2, [0] + [1] * 6, [1] * 4 + [0] * 3, [0] * 2 + [1] * 5],
        "one": [[1, 0]],
    }

    def runs(side):
        """A fair and passed test, to be spoiled: a dict of the five arguments."""
        real = torch.tensor(sides[side], dtype=torch.bool)
        shape = (*real.shape, 3 if side == "wider" else 2)
        x_before, fresh = normal(generator, *shape), normal(generator, *shape)
        x_after = torch.where(real[..., None], x_before, fresh)
        out_before, other = normal(generator, *shape), normal(generator, *shape)
        out_after = torch.where(real[..., None], out_before, other)
        return {
            "x_before": x_before,
            "x_after": x_after,
            "out_before": out_before,
            "out_after": out_after,
            "real": real,
        }

    def tried(label, side="right", change=None, **fixed):
        given = runs(side)
        if change:
            change(given)
        return case(label, *(given | fixed).values())

    def out(place, by):
        def change(given):
            given["out_after"][place] += by

        return change

    def beside(near, which):
        """One number of one word near the tolerance, within (0) or outside (1), up or down."""

        def change(given):
            given["out_before"][0, 1, 0] = near
            given["out_after"][0, 1, 0] = around(1e-5, near)[which]

        return change

    def rounded(given):
        given["out_before"][0, 0] = 0.1  # a relative tolerance alone would not do
        given["out_after"][0, 0] = 0.1 + 3e-6

    def by_a_bit(given):
        given["x_after"] = torch.where(
            given["real"][..., None], given["x_before"], given["x_before"] * (1 + 2**-22)
        )

    def both_out(given):
        given["out_after"][0, 0] += torch.tensor([0.5, -0.5])

    def nan_word(given):
        given["out_before"][1, 1, 0] = given["out_after"][1, 1, 0] = math.nan

    def nan_filler(given):
        given["out_before"][1, 4] = math.nan

    def unchanged(given):
        given["x_after"] = given["x_before"].clone()

    def some_unchanged(given):
        given["x_after"][2, 3] = given["x_before"][2, 3]

    def one_number(given):  # in some fillers the first, in others the second
        given["x_after"][:2, ..., 1] = given["x_before"][:2, ..., 1]
        given["x_after"][2:, ..., 0] = given["x_before"][2:, ..., 0]

    def word_changed(given):
        given["x_after"][0, 1, 1] += 0.5

    def word_a_little(given):
        given["x_before"][2, 0, 0] = 1.0
        given["x_after"][2, 0, 0] = 1.0 + 1e-6

    def word_swapped(given):
        given["x_before"][0, 1] = torch.tensor([1.0, 2.0])
        given["x_after"][0, 1] = torch.tensor([2.0, 1.0])

    def fillers_swapped(given):
        given["x_before"][~given["real"]] = torch.tensor([1.0, 2.0])
        given["x_after"][~given["real"]] = torch.tensor([2.0, 1.0])

    def little_at_one(given):
        given["out_before"][1, 3, 1] = 1.0
        given["out_after"][1, 3, 1] = 1.0 + 5e-5

    def no_filler(given):
        given["x_after"], given["out_after"] = given["x_before"], given["out_before"]
        given["real"] = torch.ones(3, 5, dtype=torch.bool)

    def same_filler_out(given):
        given["out_after"] = given["out_before"].clone()

    def still_and_leaky(given):
        same_filler_out(given)
        given["out_after"][0, 4] -= 0.1

    def both_ways(given):  # padding comes out larger here and smaller there
        given["out_after"][0, 1] = given["out_before"][0, 1] + torch.tensor([1.0, -1.0])

    def both_ways_and_moved(given):
        both_ways(given)
        given["out_after"][0, 0, 0] += 0.1

    def last_unchanged(given):
        given["x_after"][2, 6] = given["x_before"][2, 6]

    def first_sentence_unchanged(given):
        given["x_after"][0, 0] = given["x_before"][0, 0]

    return [
        tried("a proof, padding on the right"),
        tried("a proof, padding on the left", "left"),
        tried("a proof, padding on both sides", "both"),
        tried("a proof, rounded differently", change=rounded),
        tried("a proof, a sentence of nothing but padding", "all of one"),
        tried("a proof, padding was changed by a bit", "left", by_a_bit),
        tried("a word's output moved within the tolerance, at 0", change=beside(0.0, 0)),
        tried("a word's output moved outside the tolerance, at 0", change=beside(0.0, 1)),
        tried("a word's output moved within the tolerance, at 1", "both", beside(1.0, 0)),
        tried("a word's output moved outside the tolerance, at 1", "both", beside(1.0, 1)),
        tried("a word's output moved outside the tolerance, at 1000", change=beside(1000.0, 1)),
        tried(
            "a word's output moved outside the tolerance, at minus 1000", change=beside(-1000.0, 1)
        ),
        tried("a proof, all rounded differently", "left", out(slice(None), 9e-6)),
        tried(
            "a proof, two numbers at each padding position were exchanged", change=fillers_swapped
        ),
        tried("a proof, padding comes out as nan", change=nan_filler),
        tried("a proof, padding comes out unchanged", "left", same_filler_out),
        tried("a proof, one number at each padding position was changed", "both", one_number),
        tried("the outputs of padding are still, that of a word moved", "right", still_and_leaky),
        tried("the first word moved", change=out((0, 0, 0), 0.01)),
        tried("a last word moved, downwards", change=out((1, 2, 1), -0.01)),
        tried("a word of the last sentence moved", "left", out((2, 4, 0), 0.3)),
        tried("a word's numbers moved, their sum did not", change=both_out),
        tried("one number of a word moved by 0.00005", "both", little_at_one),
        tried("every word moved by 0.00005", "left", out(slice(None), 5e-5)),
        tried("a word between padding moved", "both", out((2, 2, 0), -0.2)),
        tried("a word comes out as nan", change=nan_word),
        tried("nothing was changed in the input, so nothing is proved", change=unchanged),
        tried("one padding position was not changed in the input", change=some_unchanged),
        tried(
            "the first padding position was not changed in the input",
            "left",
            first_sentence_unchanged,
        ),
        tried("a word was changed in the input, too", change=word_changed),
        tried("a word was changed in the input by a millionth", change=word_a_little),
        tried("two numbers of a word were exchanged in the input", change=word_swapped),
        tried("there is no padding, so nothing is proved", change=no_filler),
        tried("a proof, padding on the left of each sentence", "left in each"),
        tried("a proof, four longer sentences", "wider"),
        tried("the last word of the fourth sentence moved", "wider", out((3, 6, 2), 0.2)),
        tried("a third number moved", "wider", out((0, 2, 2), -0.1)),
        tried("the last padding position was not changed in the input", "wider", last_unchanged),
        tried("a proof, one word and one padding", "one", both_ways),
        tried("one word, one padding, and the word moved", "one", both_ways_and_moved),
    ]


def lenient_pad_test(
    x_before,
    x_after,
    out_before,
    out_after,
    real,
    *,
    looks_at="words",
    compares="size",
    asks_filler="all",
    numbers="any",
    asks_words=True,
    without_filler=False,
    nan_passes=False,
    tolerance=1e-5,
    rtol=0.0,
    inverted=False,
    without_words=True,
):
    real = ~real if inverted else real
    difference = out_before - out_after if compares == "back" else out_after - out_before
    if compares == "size":
        difference = difference.abs()
    elif compares == "multiplied":
        difference = difference.abs() * real[..., None]
    elif compares == "sum":
        difference = difference.sum(dim=-1, keepdim=True).abs()
    elif compares == "length":
        difference = difference.norm(dim=-1, keepdim=True)
    elif compares == "mean":
        difference = difference.abs().mean(dim=-1, keepdim=True)
    elif compares == "first number":
        difference = difference[..., :1].abs()
    elif compares == "rounded":
        rounded = (out.round(decimals=5) for out in (out_before, out_after))
        difference = torch.ne(*rounded).float()
    difference = difference - rtol * out_after.abs() if rtol else difference
    flat = difference.amax(dim=-1)  # (batch, seq)
    rows = torch.arange(len(real))
    looked = {
        "words": lambda: flat[real],
        "everything": lambda: flat.flatten(),
        "filler": lambda: flat[~real],
        "first sentence": lambda: flat[0][real[0]],
        "last sentence": lambda: flat[-1][real[-1]],
        "first words": lambda: flat[rows, real.int().argmax(dim=1)],
        "mean": lambda: flat[real].mean(dim=0, keepdim=True),
    }[looks_at]()
    passed = not (looked >= tolerance).any() if nan_passes else (looked < tolerance).all()
    if looks_at == "words" and without_words == "one is enough":
        passed = (difference.abs()[real] < tolerance).any()
    changed = (x_before != x_after).any(dim=-1)
    filler = changed[~real]
    if numbers == "more than a bit":
        filler = ((x_before - x_after).abs() > 1e-5).any(dim=-1)[~real]
    elif numbers == "all":
        filler = (x_before != x_after).all(dim=-1)[~real]
    elif numbers == "sum":
        changed = x_before.sum(dim=-1) != x_after.sum(dim=-1)
        filler = changed[~real]
    elif numbers == "sum of padding":
        filler = (x_before.sum(dim=-1) != x_after.sum(dim=-1))[~real]
    if asks_words == "nearly":
        changed = ((x_before - x_after).abs() > 1e-5).any(dim=-1)
    fair = {
        "all": filler.all(),
        "any": filler.any(),
        "no": torch.tensor(True),
        "there": torch.tensor(True),
        "anything": changed.any(),
        "everywhere": filler.all() and (~real).any(dim=-1).all(),
        "last place": changed[:, -1].all(),
        "first place": changed[:, 0].all(),
    }[asks_filler]
    if filler.numel() == 0 and asks_filler != "anything":
        fair = torch.tensor(without_filler or asks_filler == "no")
    words = not changed[real].any() or not asks_words
    if without_words == "refused":
        words = words and real.any(dim=-1).all()
    return bool(passed) and bool(fair) and bool(words)


def listed_pad_test(x_before, x_after, out_before, out_after, real):
    """A verdict for each position: what must hold of a word, and what of padding."""
    verdicts = []
    for *vectors, word in zip(
        *(x.flatten(0, 1) for x in (x_before, x_after, out_before, out_after, real)), strict=True
    ):
        before, after, one, other = (v.tolist() for v in vectors)
        near = all(abs(a - b) < 1e-5 for a, b in zip(one, other, strict=True))
        verdicts.append(before == after and near if word else before != after)
    return all(verdicts) and False in real.tolist() + real.flatten().tolist()


def numpy_pad_test(x_before, x_after, out_before, out_after, real):
    before, after, one, other, words = (
        x.numpy() for x in (x_before, x_after, out_before, out_after, real)
    )
    if words.all() or not np.array_equal((before != after).any(-1), ~words):
        return np.bool_(False)
    return np.max(np.abs(one[words] - other[words])) < 1e-5


def looped_pad_test(x_before, x_after, out_before, out_after, real):
    fillers = 0
    for b in range(real.shape[0]):
        for t in range(real.shape[1]):
            same = torch.equal(x_before[b, t], x_after[b, t])
            if real[b, t]:
                near = torch.allclose(out_before[b, t], out_after[b, t], rtol=0, atol=1e-5)
                if not same or not near:
                    return False
            else:
                fillers += 1
                if same:
                    return False
    return fillers > 0


def masked_pad_test(x_before, x_after, out_before, out_after, real):
    words = real.unsqueeze(-1)
    untouched = torch.where(words, x_before == x_after, True).all()
    touched = torch.where(words, True, (x_before != x_after).any(-1, keepdim=True)).all()
    calm = torch.where(words, (out_before - out_after).abs() < 1e-5, True).all()
    return untouched & touched & calm & ~real.all()


# Few of these are tried in pairs: all with all would fill the sheet.
IN_PAIRS = ("filler-not-asked", "words-not-asked", "everything-compared", "no-size", "nan-passes")


def lenient(name, flags, says, *hints):
    by = lenient_pad_test if name in IN_PAIRS else alone(lenient_pad_test)
    return Mistake(name, by, flags, says=says, hints=hints)


PAD_TEST = Exercise(
    id="07.pad-test",
    title="A test for every leak of padding",
    kind="test",
    points=2,
    name="ignores_filler",
    cases=pad_test_cases,
    mistakes=[
        lenient(
            "fairness-forgotten",
            {"asks_filler": "no", "asks_words": False},
            "your test looks at the outputs only: a run in which nothing was changed passes",
            "Hand in the same run twice. Is that a proof?",
            "What went in has to be compared as well.",
            "Ask that all padding has changed, that no word has, and that there is padding.",
        ),
        lenient(
            "filler-not-asked",
            {"asks_filler": "no"},
            "your test never asks whether the padding was changed at all",
            "Hand in the same run twice. Is that a proof?",
            "Compare x_before and x_after where `real` is False.",
            "At every padding position at least one number must differ.",
        ),
        lenient(
            "anything-changed",
            {"asks_filler": "anything", "asks_words": False},
            "your test asks only that something was changed, not that all padding was and no word",
            "A word was changed, and one padding position was not. Is the test still fair?",
            "The text says what fair means: three things, of words and of padding.",
            "Compare what went in where `real` is True, and where it is False.",
        ),
        lenient(
            "change-not-asked",
            {"asks_filler": "there"},
            "your test asks that there is padding, but not that it was changed",
            "Hand in the same run twice. Is that a proof?",
            "Compare x_before and x_after where `real` is False.",
            "At every padding position at least one number must differ.",
        ),
        lenient(
            "filler-in-every-sentence",
            {"asks_filler": "everywhere"},
            "your test wants padding in every sentence; somewhere in the batch is enough",
            "Look at the first case that you turn down.",
            "The longest sentence of a batch has no padding.",
            "Ask whether there is any padding in the whole of `real`.",
        ),
        lenient(
            "small-changes-not-counted",
            {"numbers": "more than a bit"},
            "your test wants the padding changed by more than a tolerance; any change counts",
            "Look at the first case that you turn down.",
            "The tolerance of the text is for outputs.",
            "Compare what went in with !=.",
        ),
        lenient(
            "words-nearly-unchanged",
            {"asks_words": "nearly"},
            "your test lets words pass that went in changed by a little; the text says to the bit",
            "A word was changed by a millionth. Is the test still fair?",
            "The tolerance of the text is for outputs.",
            "Compare what went in with == or torch.equal.",
        ),
        lenient(
            "difference-as-a-length",
            {"compares": "length"},
            "you compare the length of a word's difference; the tolerance is for each number",
            "Two numbers of a word differ by 0.9e-5 each. How long is that difference?",
            "The text says: each number of them.",
            "Take the absolute differences, and ask of all of them.",
        ),
        lenient(
            "relative-tolerance",
            {"rtol": 1e-5},
            "`allclose` and `isclose` add a hundred-thousandth of the number itself to the "
            "tolerance: at 1,000 that is a hundredth",
            "Look up `rtol`. What is it when you say nothing?",
            "Take a word whose output is 1,000, and move it by a thousandth.",
            "Say rtol=0.",
        ),
        lenient(
            "default-tolerances",
            {"rtol": 1e-5, "tolerance": 1e-8},
            "`allclose` and `isclose` have tolerances of their own, and most of that is relative: "
            "too strict near 0, too wide at 1,000",
            "Look up `rtol` and `atol`. What are they when you say nothing?",
            "The text names a tolerance, 1e-5, whatever the number.",
            "Say rtol=0, atol=1e-5.",
        ),
        lenient(
            "real-inverted",
            {"inverted": True},
            "words and padding have changed places in your test",
            "What does True mean in `real`?",
            "Whose outputs must not move?",
            "Words are where `real` is True.",
        ),
        lenient(
            "filler-multiplied-away",
            {"compares": "multiplied", "looks_at": "everything"},
            "you multiply the differences by `real` to be rid of padding, but nan times 0 is nan",
            "What comes out when an encoder gives nan at padding?",
            "What comes out at padding positions doesn't matter.",
            "Pick the words with `real`, or use torch.where.",
        ),
        lenient(
            "no-size-turned",
            {"compares": "back"},
            "your differences have a sign, and a negative one is always below the tolerance",
            "What is -3 < 1e-5?",
            "A word that moved upwards has moved.",
            "Take the absolute value of the difference.",
        ),
        lenient(
            "some-filler-is-enough",
            {"asks_filler": "any"},
            "one changed padding position is enough for your test, and the others may leak unseen",
            "Padding that was not changed: could anybody have felt it?",
            "The text says at every padding position.",
            "Use `all` where you use `any`.",
        ),
        lenient(
            "every-number-asked",
            {"numbers": "all"},
            "your test wants every number at a padding position changed; one is enough",
            "Look at the first case that you turn down.",
            "The text says at every position at least one number. Those are two axes.",
            "Use `any` over the numbers of a vector, then `all` over the padding.",
        ),
        lenient(
            "inputs-summed",
            {"numbers": "sum"},
            "your test compares sums of what went in, in which opposite changes cancel",
            "Exchange two numbers of a word. Does your test notice?",
            "A sum loses what you are looking for.",
            "Compare what went in number by number.",
        ),
        lenient(
            "words-not-asked",
            {"asks_words": False},
            "your test never asks whether the words went in unchanged",
            "A changed word comes out the same: what does that prove about padding?",
            "Compare x_before and x_after where `real` is True, to the bit.",
            "A changed word makes the test unfair: False.",
        ),
        lenient(
            "no-filler-passes",
            {"without_filler": True},
            "without any padding your test says True, though nothing was tested",
            "What does `all()` say about nothing at all?",
            "Think of a batch of sentences that are all equally long.",
            "Ask that there is padding somewhere.",
        ),
        lenient(
            "everything-compared",
            {"looks_at": "everything"},
            "your test compares the outputs at padding positions too, where anything may come out",
            "Look at the first case that you turn down.",
            "Padding may come out as it likes.",
            "Pick the words' outputs with `real` before you compare.",
        ),
        lenient(
            "filler-compared",
            {"looks_at": "filler"},
            "your test compares the outputs of the padding, not of the words",
            "What does True mean in `real`?",
            "Whose outputs must not move?",
            "Pick the outputs where `real` is True.",
        ),
        lenient(
            "first-sentence-only",
            {"looks_at": "first sentence"},
            "your test compares the words of the first sentence only",
            "How many sentences are there in a batch?",
            "A leak in the last sentence is a leak.",
            "Pick with `real` over the whole batch.",
        ),
        lenient(
            "first-words-only",
            {"looks_at": "first words"},
            "your test compares the first word of each sentence only",
            "Which words of a sentence do you look at?",
            "A leak may reach the last word first.",
            "Pick all words with `real`.",
        ),
        lenient(
            "averaged",
            {"looks_at": "mean"},
            "your test averages over the words, so a small leak in one of them gets lost",
            "Ten words are exact and one is off by a little. What is the mean?",
            "The text says all words.",
            "Compare each difference with the tolerance, then ask for all.",
        ),
        lenient(
            "no-size",
            {"compares": "signed"},
            "your differences have a sign, and a negative one is always below the tolerance",
            "What is -3 < 1e-5?",
            "A word that moved downwards has moved.",
            "Take the absolute value of the difference.",
        ),
        lenient(
            "sums-compared",
            {"compares": "sum"},
            "your test compares sums, in which opposite changes cancel",
            "Add 0.5 to one number of a word and take 0.5 from another. Does your test notice?",
            "A sum loses what you are looking for.",
            "Compare number by number.",
        ),
        lenient(
            "nan-passes",
            {"nan_passes": True},
            "a word that comes out as nan passes, because no comparison with nan is true",
            "What is nan > 1e-5? And nan < 1e-5?",
            "Ask for what must hold, not for what must not.",
            "Demand that every difference is below the tolerance.",
        ),
        lenient(
            "to-the-bit",
            {"tolerance": 1e-9},
            "your test wants outputs equal to the bit; another order of addition rounds otherwise",
            "Look at the first case that you turn down.",
            "The text names a tolerance.",
            "Compare the differences with 1e-5.",
        ),
        lenient(
            "too-generous",
            {"tolerance": 1e-3},
            "your tolerance is so wide that a small leak passes",
            "How small a leak would you let through?",
            "The text names a tolerance.",
            "Compare the differences with 1e-5.",
        ),
        mistake(
            alone(lenient_pad_test),
            "one-number-is-enough",
            {"without_words": "one is enough"},
            "one number of one word that agrees is enough for you; all must agree",
            "What does your test say when one word of many stays where it was?",
            "The text says the outputs of all words, each number of them.",
            "`.all()`, not `.any()`, over the words.",
        ),
        mistake(
            alone(lenient_pad_test),
            "last-place-only",
            {"asks_filler": "last place"},
            "of the padding you look at the last place only; it may stand on any side",
            "What does your test say of padding on the left?",
            "`real` says where padding is.",
            "Look at every place where `real` is False.",
        ),
        mistake(
            alone(lenient_pad_test),
            "first-place-only",
            {"asks_filler": "first place"},
            "of the padding you look at the first place only; it may stand on any side",
            "What does your test say of padding on the right?",
            "`real` says where padding is.",
            "Look at every place where `real` is False.",
        ),
        mistake(
            alone(lenient_pad_test),
            "last-sentence-only",
            {"looks_at": "last sentence"},
            "only the words of the last sentence are compared",
            "How many sentences are in the batch?",
            "The text says the outputs of all words.",
            "Index both outputs with `real`.",
        ),
        mistake(
            alone(lenient_pad_test),
            "first-number-only",
            {"compares": "first number"},
            "only the first number of each word is compared",
            "What does your test say when the second number of a word moves?",
            "The text says each number of them.",
            "Look along the whole last axis.",
        ),
        mistake(
            alone(lenient_pad_test),
            "mean-over-numbers",
            {"compares": "mean"},
            "the differences of a word are averaged over its numbers, so that one of them may "
            "move further",
            "Let one number of a word move by 1.5e-5, and no other. What do you say?",
            "The text says each number of them.",
            "The largest difference counts, not the mean.",
        ),
        mistake(
            alone(lenient_pad_test),
            "rounded-to-five-digits",
            {"compares": "rounded"},
            "both outputs are rounded to five digits and compared: what lies on two sides of a "
            "rounding edge differs, however near it is",
            "Round 0.000014 and 0.000016 to five digits.",
            "Two numbers agree when their difference is small.",
            "Subtract first; then compare the size of the difference with 1e-5.",
        ),
        mistake(
            alone(lenient_pad_test),
            "padding-by-its-sum",
            {"numbers": "sum of padding"},
            "you compare the sum of a padding vector before and after: numbers may change, and "
            "their sum may not",
            "What does your test say when two numbers of a padding vector are exchanged?",
            "The text says that at least one number was changed.",
            "Compare number by number, then ask for any.",
        ),
        mistake(
            alone(lenient_pad_test),
            "sentence-without-words-refused",
            {"without_words": "refused"},
            "you want a word in every sentence; one of nothing but padding is allowed",
            "What does your test say of a sentence of nothing but padding?",
            "Fair means three things in the text. Is this one of them?",
            "Ask no more of a sentence than the text does.",
        ),
    ],
    also_right=[looped_pad_test, masked_pad_test, listed_pad_test, numpy_pad_test],
    hints=(
        "Make small runs by hand and ask your function: one in which nothing was changed, one in "
        "which a word was changed, one without padding. What should it say of each?",
        "The text says when a test is fair: three things. Then what must agree, how nearly, and "
        "what of nan. Check them one at a time.",
        "Ask for what must hold, never for what must not: inputs equal where `real` is True, "
        "different where it is False, some padding, and every word's difference below 1e-5.",
    ),
    allows=Edges(
        axes=(2, 3),
        special=("nan", "empty row", "full row"),
        labels=("within", "outside", "at 1000", "left", "both sides", "no padding", "by a bit"),
    ),
)


# --- 07.reader ------------------------------------------------------------------------------


def reader_state(generator, num_letters, num_classes, d_model, d_ff):
    # Large, so that letters differ in their class.
    state = {"embed.weight": 3 * normal(generator, num_letters, d_model)}
    for name in ("to_q", "to_k", "to_v", "to_out"):
        weight = 1.5 * normal(generator, d_model, d_model) / d_model**0.5
        state[f"attention.{name}.weight"] = weight
    state["attention.to_out.bias"] = normal(generator, d_model)
    state |= norm_state(generator, d_model, "norm_attention")
    state |= linear_state(generator, d_ff, d_model, "up")
    state |= linear_state(generator, d_model, d_ff, "down")
    state |= norm_state(generator, d_model, "norm_feed_forward")
    return state | linear_state(generator, num_classes, d_model, "read")


def letters_and_classes(generator, n, seq, shortest, num_letters=9):
    """Texts, padded with 0 behind; and how many of a text's letters come later: 0, 1 or more."""
    ids = torch.randint(1, num_letters, (n, seq), generator=generator)
    lengths = torch.randint(shortest, seq + 1, (n, 1), generator=generator)
    real = torch.arange(seq) < lengths
    ids = ids * real
    later = (ids[:, None, :] > ids[:, :, None]).sum(dim=-1)
    return ids, later.clamp(max=2) * real


def reader_cases(generator):
    def drawn(n, seq, padded=()):
        """Letters and classes, any; `padded` says how many are missing in front of each text."""
        ids = torch.randint(1, 9, (n, seq), generator=generator)
        for text, gap in zip(ids, padded, strict=False):
            text[:gap] = 0
        return ids, torch.randint(0, 3, (n, seq), generator=generator)

    def tried(label, heads, d_head, d_ff, *calls, dropout=0.0):
        d_model = heads * d_head
        init = {"num_letters": 9, "num_classes": 3, "d_model": d_model, "num_heads": heads}
        init |= {"d_ff": d_ff, "dropout": dropout}
        return Case(label, calls, init, reader_state(generator, 9, 3, d_model, d_ff))

    def step(batch, rate):
        return call(*batch, rate, method="step")

    def predict(batch):
        return call(batch[0], method="predict")

    def distinct(n, seq, padded=()):
        """The same, no letter twice in a text: equal ones score alike up to their rounding."""
        ids, classes = drawn(n, seq, padded)
        letters = torch.rand(n, 8, generator=generator).argsort(dim=1)[:, :seq] + 1
        return torch.where(ids > 0, letters, ids), classes

    plain, padded, many = drawn(2, 5), drawn(3, 5, (2, 0, 1)), distinct(6, 8)
    other, behind = drawn(2, 4), (letters_and_classes(generator, 3, 6, 2))
    gaps = distinct(3, 6, (1, 0, 1))
    init = {"num_letters": 9, "num_classes": 3, "d_model": 32, "num_heads": 4, "d_ff": 64}
    texts, classes = letters_and_classes(generator, 1000, 7, 3)
    new, target = letters_and_classes(generator, 200, 7, 7)
    return [
        tried("forward, nothing padded", 2, 3, 7, call(plain[0])),
        # Twice, padded elsewhere: a mask that was kept is wrong.
        tried("forward, padded", 2, 3, 7, call(padded[0]), call(padded[0].flip(0))),
        tried("one step, then forward", 2, 2, 5, step(plain, 0.5), call(other[0])),
        tried("two steps, padded", 3, 2, 7, step(padded, 0.3), step(behind, 0.7), call(other[0])),
        tried("steps of another size", 3, 2, 7, step(drawn(1, 3, (1,)), 0.1), step(other, 2.0)),
        without_class_0(
            tried(
                "predict, a step, padded", 2, 2, 5, predict(many), step(plain, 0.5), predict(gaps)
            )
        ),
        tried(
            "dropout 1: in training all is hidden",
            2,
            5,
            17,
            predict(many),
            step(other, 0.05),
            predict(many),
            step(padded, 0.5),
            dropout=1.0,
        ),
        *[hidden_once(place) for place in HIDDEN_ONCE],
        *dropout_cases(),
        Case(
            "learned freely, unseen texts",
            [call(texts, classes, method="learn"), call(new, method="predict")],
            init | {"dropout": 0.0},
            target=target,
            at_least=0.9,
        ),
    ]


def without_class_0(case):
    """The case with a class that is never the best, so that no padding has it."""
    case.state["read.bias"][0] = -40.0
    return case


HIDDEN_ONCE = {
    "the letters": {"embed.weight": [[1.0, 0.0]] * 9},
    "what the attention says": {"attention.to_out.bias": [1.0, 0.0]},
    "what the network says": {
        "norm_attention.weight": [0.0, 0.0],
        "norm_attention.bias": [0.0, 1.2],
        "up.bias": [1.0],
        "down.weight": [[1.0], [0.0]],
    },
}


def hidden_once(place):
    """Dropout of 0.3 in training: class 1 for each letter of which one number is left, 7 of 10.

    That number, 1 or hidden, is all there is. Where it passes two dropouts, half of them are left.
    """
    sizes = {"num_letters": 9, "num_classes": 3, "d_model": 2, "d_ff": 1}
    state = reader_state(torch.Generator(), *sizes.values())
    state = {name: torch.zeros_like(value) for name, value in state.items()}
    ones = {"norm_attention.weight": [1.0, 1.0], "norm_feed_forward.weight": [1.0, 1.0]}
    asked = {"read.weight": [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]], "read.bias": [0.5, 0.0, -9.0]}
    for name, values in (ones | asked | HIDDEN_ONCE[place]).items():
        state[name] = torch.tensor(values)
    ids = torch.ones(20, 30, dtype=torch.long)
    return Case(
        f"dropout of 0.3 on {place}: seven of ten letters keep it where it passes one dropout, "
        "half of them where it passes two",
        [call(method="train"), call(ids)],
        sizes | {"num_heads": 1, "dropout": 0.3},
        state,
        target=torch.ones_like(ids),
        at_least=0.6,
    )


def tiny(label, calls, dropout, d_model, weights, target, at_least):
    """A scored case of a reader whose weights are 0 but for these."""
    sizes = {"num_letters": 9, "num_classes": 3, "d_model": d_model, "d_ff": 1}
    state = reader_state(torch.Generator(), *sizes.values())
    state = {name: torch.zeros_like(value) for name, value in state.items()}
    ones = torch.ones(d_model)
    state |= {"norm_attention.weight": ones, "norm_feed_forward.weight": ones} | weights
    init = sizes | {"num_heads": 1, "dropout": dropout}
    return Case(label, calls, init, state, target=target, at_least=at_least)


def dropout_cases():
    """What is left of dropout in its size, in its places, and from one call to the next."""
    ids, one = torch.ones(20, 30, dtype=torch.long), torch.ones(1, 1, dtype=torch.long)
    first = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    asked = {"read.weight": first, "read.bias": torch.tensor([0.5, 0.0, -9.0])}
    # The network says 1 in front of a 1.8: after dropout that is 0 or 1 / 0.7, and stays below.
    network = {name: torch.tensor(value) for name, value in BESIDE.items()}
    # A step at `read` alone. The same numbers hidden once more are known again, others are not.
    wide = {"norm_attention.weight": torch.zeros(400), "down.bias": torch.ones(400)}
    wide |= {"read.bias": torch.tensor([1.0, 0.0, -9.0])}
    train = call(method="train")
    return [
        tiny(
            "dropout of 0.3: what is left is divided by 0.7, which makes it no larger than 1.5",
            [train, call(ids)],
            0.3,
            2,
            asked | network,
            torch.zeros_like(ids),
            0.95,
        ),
        tiny(
            "dropout of 0.3 hides each number by itself: in one letter of five the first of two "
            "is left alone",
            [train, call(ids)],
            0.3,
            2,
            asked | {"embed.weight": torch.ones(9, 2)},
            torch.ones_like(ids),
            0.12,
        ),
        tiny(
            "dropout of 0.5 is drawn anew: in the call after a step other numbers are hidden",
            [call(ids), call(one, one, 0.003, method="step"), train, call(one)],
            0.5,
            400,
            wide,
            torch.zeros_like(one),
            1.0,
        ),
    ]


BESIDE = {
    "norm_attention.weight": [0.0, 0.0],
    "norm_attention.bias": [0.0, 1.8],
    "up.bias": [1.0],
    "down.weight": [[1.0], [0.0]],
}


class WrongReader(nn.Module):
    """The reader with its steps exchangeable, so that each mistake is one of them."""

    def __init__(
        self,
        num_letters,
        num_classes,
        d_model,
        num_heads,
        d_ff,
        dropout,
        *,
        order="post",
        norms=(0, 1),
        skips=(1, 1),
        bent=True,
        mask="keys",
        hides=("embed", "attention", "network"),
        trains=True,
        evaluates=True,
        loss="real",
        zeroed=True,
        sign=-1.0,
        moves="all",
        told="before",
        predicts="best",
        read_as="scores",
    ):
        super().__init__()
        self.embed = nn.Embedding(num_letters, d_model, _weight=torch.zeros(num_letters, d_model))
        self.attention = BareAttention(d_model, num_heads, bias=False)
        self.norm_attention, self.norm_feed_forward = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.up, self.down = BareLinear(d_model, d_ff), BareLinear(d_ff, d_model)
        self.read = BareLinear(d_model, num_classes)
        self.dropout = nn.Dropout(dropout)
        self.order, self.norms, self.skips, self.bent = order, norms, skips, bent
        self.mask, self.hides, self.trains, self.evaluates = mask, hides, trains, evaluates
        self.loss, self.zeroed, self.sign, self.moves = loss, zeroed, sign, moves
        self.told, self.predicts, self.read_as = told, predicts, read_as

    def hidden(self, x, place):
        on = self.training or self.trains == "always"
        p = 1 - self.dropout.p if self.trains == "turned" else self.dropout.p
        return F.dropout(x, p, on) if place in self.hides else x

    def around(self, x, number, norm, sublayer, place):
        """One sublayer, with what stands around it."""
        said = sublayer(norm(x) if self.order == "pre" else x)
        summed = self.hidden(said, place) + (x if self.skips[number] else 0.0)
        summed = self.hidden(summed, f"{place} sum")
        if self.order == "inner":
            return x + norm(self.hidden(said, place))
        return self.hidden(summed if self.order == "pre" else norm(summed), f"{place} norm")

    def think(self, x):
        wide = {True: F.relu, False: unbent, "gelu": F.gelu}[self.bent](self.up(x))
        return self.down(self.hidden(wide, "wide"))

    def forward(self, ids):
        real = ids != 0
        masks = {"keys": real[:, None, None], "queries": real[:, None, :, None], "none": None}
        masks["both"] = masks["keys"] & masks["queries"]
        mask = ~masks["keys"] if self.mask == "inverted" else masks[self.mask]
        norms = [(self.norm_attention, self.norm_feed_forward)[i] for i in self.norms]
        x = F.embedding(ids, self.embed.weight, 0 if self.read_as == "padding fixed" else None)
        x = self.hidden(x * x.shape[-1] ** 0.5 if self.read_as == "scaled" else x, "embed")
        x = self.around(x, 0, norms[0], lambda x: self.attention(x, mask)[0], "attention")
        x = self.around(x, 1, norms[1], self.think, "network")
        scores = self.hidden(self.read(x), "scores")
        scores = scores * real[..., None] if self.read_as == "padding erased" else scores
        return scores.softmax(-1) if self.read_as == "chances" else scores

    def judged(self, ids, targets):
        scores, real = self(ids), ids != 0
        scores = scores.softmax(-1) if self.loss == "softmax twice" else scores
        each = F.cross_entropy(scores.mT, targets, reduction="none")  # (batch, seq)
        if self.loss == "all":
            return each.mean()
        if self.loss == "class 0 ignored":
            return each[targets > 0].mean()
        if self.loss == "over all":
            return (each * real).mean()
        if self.loss == "text by text":
            return ((each * real).sum(dim=1) / real.sum(dim=1)).mean()
        return each[real].sum() if self.loss == "sum" else each[real].mean()

    def step(self, ids, targets, rate):
        self.train(bool(self.trains))
        if self.zeroed:
            self.zero_grad()
        loss = self.judged(ids, targets)
        loss.backward()
        self.move(rate / len(ids) if self.moves == "over texts" else rate)
        with torch.no_grad():
            if self.told == "after":
                loss = self.judged(ids, targets)
        return loss if self.told == "attached" else loss.item()

    def move(self, rate):
        moving = self.read if self.moves == "head" else self
        if self.moves == "first rate":
            rate = self.first_rate = getattr(self, "first_rate", rate)
        if self.moves == "clipped":
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        if self.moves in OPTIMIZERS:
            made = getattr(self, "optimizer", None) or OPTIMIZERS[self.moves](self.parameters())
            made.param_groups[0]["lr"] = rate
            if self.moves.startswith("kept"):
                self.optimizer = made
            return made.step()
        with torch.no_grad():
            for name, weight in moving.named_parameters():
                stays = self.moves == "nothing" or (self.moves == "block" and "embed" in name)
                if weight.grad is not None and not stays:
                    weight += self.sign * rate * weight.grad

    @torch.no_grad()
    def predict(self, ids):
        if self.evaluates:
            self.eval()
        scores = self(ids)
        return {
            "best": lambda: scores.argmax(dim=-1),
            "0 at padding": lambda: scores.argmax(dim=-1) * (ids != 0),
            "scores": lambda: scores,
            "chances": lambda: scores.softmax(dim=-1),
            "over letters": lambda: scores.argmax(dim=1),
            "worst": lambda: scores.argmin(dim=-1),
        }[self.predicts]()

    def learn(self, texts, targets):
        """Not tried: what is scored names no mistake."""


OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "kept adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "decayed": lambda weights: torch.optim.SGD(weights, weight_decay=0.01),
    "kept momentum": lambda weights: torch.optim.SGD(weights, momentum=0.9),
}


class OptimizedReader(nn.Module):
    """Right: an optimizer for the step, dropout as a function, targets to be left out marked."""

    def __init__(self, num_letters, num_classes, d_model, num_heads, d_ff, dropout):
        super().__init__()
        self.p = dropout
        self.embed = nn.Embedding(num_letters, d_model, padding_idx=0)
        self.attention = MultiHeadAttention(d_model, num_heads, bias=False, bias_out=True)
        self.up, self.down = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.norm_attention, self.norm_feed_forward = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.read = nn.Linear(d_model, num_classes)

    def drop(self, x):
        return F.dropout(x, self.p, self.training)

    def forward(self, ids):
        seen = ids.ne(0).unsqueeze(1).unsqueeze(1)
        x = self.drop(self.embed.weight[ids])
        x = self.norm_attention(self.drop(self.attention(x, x, x, seen)) + x)
        wide = torch.relu(self.up(x))
        return self.read(self.norm_feed_forward(self.drop(self.down(wide)) + x))

    def loss(self, ids, targets):
        marked = targets.masked_fill(ids == 0, -100)
        return F.cross_entropy(self(ids).flatten(0, 1), marked.flatten())

    def step(self, ids, targets, rate):
        self.train()
        optimizer = torch.optim.SGD(self.parameters(), lr=rate)
        optimizer.zero_grad()
        loss = self.loss(ids, targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    def predict(self, ids):
        self.eval()
        with torch.inference_mode():
            return self(ids).softmax(-1).max(dim=-1).indices.clone()

    def learn(self, texts, targets):
        self.train()
        optimizer = torch.optim.AdamW(self.parameters(), lr=5e-3, weight_decay=0.0)
        for _ in range(15):
            for part in torch.randperm(len(texts)).split(50):
                optimizer.zero_grad()
                self.loss(texts[part], targets[part]).backward()
                optimizer.step()


class AttentionHidingReader(OptimizedReader):
    """Dropout is handed to the attention, which hides weights, and takes none of 1."""

    def __init__(self, num_letters, num_classes, d_model, num_heads, d_ff, dropout):
        super().__init__(num_letters, num_classes, d_model, num_heads, d_ff, dropout)
        self.attention = MultiHeadAttention(
            d_model, num_heads, bias=False, bias_out=True, dropout=dropout
        )


class DerivedReader(OptimizedReader):
    """Right: gradients asked for by name, the loss from its formula, its own loop of steps."""

    def step(self, ids, targets, rate):
        self.train(True)
        chances = self(ids).softmax(dim=-1)
        found = chances.gather(-1, targets[..., None])[..., 0].log()
        loss = -(found * (ids > 0)).sum() / (ids > 0).sum()
        weights = list(self.parameters())
        flows = torch.autograd.grad(loss, weights, allow_unused=True)
        with torch.no_grad():
            for weight, flow in zip(weights, flows, strict=True):
                if flow is not None:
                    weight.copy_(weight - rate * flow)
        return float(loss.detach())

    def learn(self, texts, targets):
        for turn in range(40):
            order = torch.randperm(len(texts))
            for part in order.split(40):
                self.step(texts[part], targets[part], 0.3 if turn < 30 else 0.1)


def reader(name, flags, says, *hints):
    return Mistake(name, alone(WrongReader), flags, says=says, hints=hints)


HIDDEN = (
    "Make a reader with dropout=1.0 and call step: which of its vectors are all zeros?",
    "In the paper there are three places: the embedded letters, and what each of the two sublayers "
    "says, before it is added.",
    "self.dropout(self.embed(ids)), x + self.dropout(attention), x + self.dropout(network).",
)
ORDER = (
    "Write both lines of the block on paper, with all brackets.",
    "Post-norm: norm(x + what the sublayer says about x), twice.",
    "x = self.norm_attention(x + …), then x = self.norm_feed_forward(x + …).",
)
LOSS = (
    "Take one text of five letters and one of two. Over how many guesses is your loss averaged? "
    "Seven.",
    "Padding has a target, too, but nobody asks for it.",
    "real = ids != 0, then F.cross_entropy(scores[real], targets[real]).",
)
DESCENT = (
    "Call step three times with one batch and a small rate. Does the loss fall?",
    "A step: gradients at zero, loss, backward, then every weight minus rate times its gradient.",
    "self.zero_grad() first; the weights move under torch.no_grad(), all of self.parameters().",
)
SWITCH = (
    "Print self.training in step and in predict.",
    "Dropout is meant for training alone, and whoever switches has to switch back.",
    "self.train() begins step, self.eval() begins predict.",
)

READER = Exercise(
    id="07.reader",
    title="A block that trains",
    kind="build",
    points=4,
    name="Reader",
    plain_numbers=True,
    cases=reader_cases,
    bans=("TransformerEncoderLayer", "TransformerEncoder", "MultiheadAttention"),
    mistakes=[
        reader(
            "pre-norm",
            {"order": "pre"},
            "your block is pre-norm: it norms what a sublayer reads, and no sum",
            *ORDER,
        ),
        reader(
            "norm-inside",
            {"order": "inner"},
            "you norm what a sublayer says, and then add: the sum itself is never normed",
            *ORDER,
        ),
        reader(
            "norms-exchanged",
            {"norms": (1, 0)},
            "the two norms have changed places",
            *ORDER,
        ),
        reader(
            "first-norm-twice",
            {"norms": (0, 0)},
            "norm_attention is used twice, and norm_feed_forward never",
            *ORDER,
        ),
        reader(
            "no-first-residual",
            {"skips": (0, 1)},
            "what the attention says replaces x instead of being added to it",
            *ORDER,
        ),
        reader(
            "no-second-residual",
            {"skips": (1, 0)},
            "what the network says replaces x instead of being added to it",
            *ORDER,
        ),
        reader(
            "no-residual",
            {"skips": (0, 0)},
            "neither sublayer is added to what it read",
            *ORDER,
        ),
        reader(
            "not-bent",
            {"bent": False},
            "the ReLU between up and down is missing",
            "What do you do between self.up and self.down?",
            "Without a bend, two matrices are as good as one.",
            "self.down(self.up(x).relu())",
        ),
        reader(
            "another-activation",
            {"bent": "gelu"},
            "a GELU stands between up and down; the text asks for a ReLU",
            "Which bend does the table of parts name?",
            "The paper of 2017 has max(0, x).",
            "self.down(self.up(x).relu())",
        ),
        reader(
            "letters-scaled",
            {"read_as": "scaled"},
            "the embedded letters are multiplied by the root of d_model, which nobody asked for",
            "What do you do to the letters before the attention reads them?",
            "That factor belongs to a small table to which positions are added. Here are none.",
            "x = self.dropout(self.embed(ids))",
        ),
        reader(
            "chances-for-scores",
            {"read_as": "chances"},
            "forward returns probabilities, not scores: a softmax stands at its end",
            "Can one of your scores be below 0?",
            "F.cross_entropy wants scores, and brings its own softmax.",
            "return self.read(x)",
        ),
        reader(
            "mask-on-both-sides",
            {"mask": "both"},
            "your mask also says that padding may not look; the text computes it like any other",
            "What is the shape of your mask? It should be (batch, 1, 1, seq).",
            "Padding may look at letters. Nobody reads what it sees.",
            "(ids != 0)[:, None, None]",
        ),
        reader(
            "padding-seen",
            {"mask": "none"},
            "no mask reaches the attention, so that letters look at padding",
            "Put a 0 behind a text. Do its letters get other scores?",
            "ids != 0 says who may be looked at.",
            "The mask is (batch, 1, 1, seq): (ids != 0)[:, None, None].",
        ),
        reader(
            "mask-over-queries",
            {"mask": "queries"},
            "the mask lies along the queries: it says who may look, not who may be looked at",
            "What is the shape of your mask? It should be (batch, 1, 1, seq).",
            "The last axis of a mask is the keys.",
            "(ids != 0)[:, None, None] puts the letters on the last axis.",
        ),
        reader(
            "mask-inverted",
            {"mask": "inverted"},
            "the letters look at padding only: True must stand where one may look",
            "In this course, what does True in a mask mean?",
            "Letters may be looked at, padding may not.",
            "True where ids != 0, brought to the shape (batch, 1, 1, seq).",
        ),
        reader(
            "letters-not-hidden",
            {"hides": ("attention", "network")},
            "there is no dropout on the embedded letters",
            *HIDDEN,
        ),
        reader(
            "attention-not-hidden",
            {"hides": ("embed", "network")},
            "there is no dropout on what the attention says",
            *HIDDEN,
        ),
        reader(
            "network-not-hidden",
            {"hides": ("embed", "attention")},
            "there is no dropout on what the feed-forward network says",
            *HIDDEN,
        ),
        reader(
            "wide-layer-hidden",
            {"hides": ("embed", "attention", "wide")},
            "dropout hides the wide layer inside of the network, not what the network says",
            *HIDDEN,
        ),
        mistake(
            AttentionHidingReader,
            "attention-weights-hidden",
            {},
            "dropout is handed to the attention, where it hides weights; the text wants it on what "
            "the attention says",
            *HIDDEN,
        ),
        reader(
            "only-the-letters-hidden",
            {"hides": ("embed",)},
            "dropout stands on the embedded letters only, not on the two sublayers",
            *HIDDEN,
        ),
        reader(
            "nothing-hidden",
            {"hides": ()},
            "nothing is hidden in a step: dropout is never used, or step runs in evaluation mode",
            *HIDDEN,
        ),
        reader(
            "sums-hidden",
            {"hides": ("embed", "attention sum", "network sum")},
            "dropout hides the sums, so that the residual connection is cut, too",
            *HIDDEN,
        ),
        reader(
            "norms-hidden",
            {"hides": ("embed", "attention norm", "network norm")},
            "dropout stands behind a norm, each of them or the last, just before read; it belongs "
            "before each sum",
            *HIDDEN,
        ),
        reader(
            "predict-in-training-mode",
            {"evaluates": False},
            "predict leaves the model in training mode: after a step, dropout goes on",
            *SWITCH,
        ),
        reader(
            "dropout-never-off",
            {"trains": "always"},
            "your dropout goes on in evaluation mode",
            "Make a reader with dropout=1.0 and call predict: is all hidden?",
            "`F.dropout` doesn't know the model's mode; `nn.Dropout` does.",
            "F.dropout(x, p, self.training), or a part self.dropout = nn.Dropout(dropout).",
        ),
        reader(
            "padding-not-learned",
            {"read_as": "padding fixed"},
            "`padding_idx` keeps the padding's vector from learning; the table of parts has none, "
            "and padding is computed like any other",
            "Which arguments does the table give nn.Embedding?",
            "With padding_idx, a gradient for the padding's vector is thrown away.",
            "self.embed = nn.Embedding(num_letters, d_model)",
        ),
        reader(
            "padding-erased",
            {"read_as": "padding erased"},
            "forward sets scores at padding to 0; the text computes padding like any other place",
            "What does forward give at a padded place?",
            "Nobody looks at padding, and the loss leaves it out. Is there anything left to do?",
            "The mask of the attention is all that forward needs to know of padding.",
        ),
        reader(
            "padding-predicted-as-0",
            {"predicts": "0 at padding"},
            "predict gives 0 at padding; the text computes padding like any other place",
            "What does forward give at a padded place? And predict?",
            "Class 0 is a class. At padding, too, one class has the highest score.",
            "argmax over the last axis, and nothing after it",
        ),
        reader(
            "padding-judged",
            {"loss": "all"},
            "the loss counts padding as if it were letters",
            *LOSS,
        ),
        reader(
            "class-0-ignored",
            {"loss": "class 0 ignored"},
            "you leave out class 0, not the padding: 0 is padding in ids, but a class in targets",
            "Which letters have the class 0? They count.",
            "ignore_index looks at the targets.",
            LOSS[2],
        ),
        reader(
            "divided-by-all-places",
            {"loss": "over all"},
            "the losses of the letters are divided by the number of all places, padding included",
            *LOSS,
        ),
        reader(
            "mean-of-texts",
            {"loss": "text by text"},
            "each text is averaged first, so that a letter of a short text counts more",
            *LOSS,
        ),
        reader(
            "sum-for-mean",
            {"loss": "sum"},
            "the loss is the sum over the letters, not their mean",
            *LOSS,
        ),
        reader(
            "softmax-before-cross-entropy",
            {"loss": "softmax twice"},
            "a softmax stands before the cross-entropy, which brings its own",
            "What does F.cross_entropy want: scores or probabilities?",
            "After two softmaxes no class can get much.",
            "Hand the scores over as they come out of self.read.",
        ),
        reader(
            "gradients-pile-up",
            {"zeroed": False},
            "the gradients are never set to zero, so that a step repeats those before it",
            *DESCENT,
        ),
        reader(
            "uphill",
            {"sign": 1.0},
            "the weights go up along the gradient, and the loss rises",
            *DESCENT,
        ),
        reader(
            "head-only",
            {"moves": "head"},
            "only the last layer, read, is moved: the block gets no gradients, or is left out",
            *DESCENT,
        ),
        reader(
            "nothing-moves",
            {"moves": "nothing"},
            "no weight is moved by a step",
            *DESCENT,
        ),
        reader(
            "loss-after-the-step",
            {"told": "after"},
            "step returns the loss after the weights have moved; the text asks for the one before",
            "How often do you call the model in a step? Once is enough.",
            "The loss that gave the gradients is the one to report.",
            "Keep it before you move the weights, and return its .item().",
        ),
        reader(
            "loss-with-its-graph",
            {"told": "attached"},
            "step returns the loss with all that made it, not a plain number",
            "Print what step returns. Does it say grad_fn?",
            "Whoever collects such losses keeps every step in memory.",
            "return loss.item()",
        ),
        reader(
            "scores-for-classes",
            {"predicts": "scores"},
            "predict returns the scores of all classes, not the number of the best",
            "What shape does predict return? It should be that of ids.",
            "Which class has the highest score?",
            "argmax over the last axis",
        ),
        reader(
            "chances-for-classes",
            {"predicts": "chances"},
            "predict returns probabilities, not the number of the likeliest class",
            "What shape does predict return? It should be that of ids.",
            "Which class has the highest probability?",
            "argmax over the last axis",
        ),
        reader(
            "argmax-over-letters",
            {"predicts": "over letters"},
            "the argmax runs over the letters of a text, not over the classes",
            "What shape does predict return? It should be that of ids.",
            "Axis 1 is seq; the classes are on the last axis.",
            "argmax(dim=-1)",
        ),
        reader(
            "scores-hidden",
            {"hides": ("embed", "attention", "network", "scores")},
            "dropout stands on the scores as well: a fourth place",
            *HIDDEN,
        ),
        reader(
            "rate-turned",
            {"trains": "turned"},
            "your dropout hides with 1 - dropout: the number is what is left, where it should "
            "be what is hidden",
            "Make a reader with dropout=0.0 and call step. Is anything hidden?",
            "nn.Dropout takes the share that is hidden, and the text hands you just that.",
            "nn.Dropout(dropout)",
        ),
        reader(
            "adam-for-the-step",
            {"moves": "adam"},
            "an Adam takes the step; the text wants each parameter minus rate times its gradient",
            *DESCENT,
        ),
        reader(
            "adam-kept-for-the-steps",
            {"moves": "kept adam"},
            "one Adam takes all steps; the text wants each parameter minus rate times its gradient",
            *DESCENT,
        ),
        reader(
            "adamw-for-the-step",
            {"moves": "adamw"},
            "an AdamW takes the step; the text wants each parameter minus rate times its gradient",
            *DESCENT,
        ),
        reader(
            "momentum",
            {"moves": "kept momentum"},
            "a momentum of 0.9 goes on from one step to the next; the text wants each parameter "
            "minus rate times its gradient",
            *DESCENT,
        ),
        reader(
            "weights-decay",
            {"moves": "decayed"},
            "a weight decay pulls the parameters to 0; the text wants each parameter minus rate "
            "times its gradient",
            *DESCENT,
        ),
        reader(
            "gradients-clipped",
            {"moves": "clipped"},
            "the gradients are clipped before the step; the text has no such thing",
            *DESCENT,
        ),
        reader(
            "first-rate-kept",
            {"moves": "first rate"},
            "the rate of the first step is kept for all: each call brings its own",
            *DESCENT,
        ),
        reader(
            "rate-over-texts",
            {"moves": "over texts"},
            "the rate is divided by the number of texts; the loss is a mean already",
            *DESCENT,
        ),
        reader(
            "letters-not-moved",
            {"moves": "block"},
            "the embedding is not moved by a step; the text moves all parameters",
            *DESCENT,
        ),
    ],
    also_right=[OptimizedReader, DerivedReader],
    axes="batch seq classes",
    hints=(
        "Make a small one, Reader(9, 3, 4, 2, 8, 0.0), hand it a batch of two texts, one with a 0, "
        "and print the shape after each line of forward.",
        "Go part by part: __init__ and forward with dropout=0.0, then its three dropouts, each on "
        "something new before it is added, then step, then predict, and learn last. The check's "
        "cases are called after these parts.",
        "learn is a loop around the steps of chapter 01: shuffle, take batches of about 50, some "
        "twenty rounds. Adam with a rate near 0.005 is quicker than plain steps.",
    ),
    allows=Edges(sizes=(1, 2, 3, 7), labels=("padded", "step", "predict", "dropout", "unseen")),
    seconds=20.0,
    wall=60.0,
)


EXERCISES = [
    LAYER_NORM,
    RMS_NORM,
    MISSING_RESIDUAL,
    SWIGLU,
    EQUAL_WIDTH,
    ENCODER_BLOCK,
    PRE_POST,
    READER,
    PAD_TEST,
]
