"""Answer key of chapter 02: attention from queries, keys and values."""

import math
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from course_lib.grader.judging.edges import around, in_dtype
from course_lib.grader.judging.key import Case, Edges, Exercise, Mistake, call, case


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


CUT_OFF = (
    "One case has scores far above 80. What do your scores look like after the cut?",
    "Two scores that are cut to the same number get the same weight, however far apart they were.",
    "Nothing has to be cut off: take each row's largest score from the row before the exp.",
)


ANY_AXES = (
    "Call your function with a query of shape (3, 7), and with one of (2, 3, 5, 7).",
    "The text promises any number of axes in front of the last two, also none.",
    "`@` and `transpose(-2, -1)` look at the last two axes alone. Count from the end everywhere.",
)


def nothing(*args, **kwargs):
    return None


def nothing_returned(what):
    """For a function that ends without `return`; `what` the text asks for."""
    return Mistake(
        "nothing-returned",
        nothing,
        {},
        says="your function returns nothing: the result stays inside of it",
        hints=(
            "Print what a call of your function gives.",
            f"The text asks you to return {what}. Which line hands it out?",
            "A value that is computed, or printed, in a function is lost without `return`.",
        ),
    )


# --- 02.attention-weights -------------------------------------------------------------------


def loud(generator, n_key, width):
    """A query whose scores are all far above 0, and one whose are all far below."""
    query, key = normal(generator, 2, width), normal(generator, n_key, width)
    # Scores of 900 are too many for exp in float64, too.
    query[:, 0] = torch.tensor([900.0, -900.0]) * math.sqrt(width)
    key[:, 0] = 1 + 0.001 * normal(generator, n_key)
    return query, key


def peak(generator, n_key, width):
    """Queries with a score in the hundreds among small ones: far above the row's average."""
    query, key = normal(generator, 2, width), normal(generator, n_key, width)
    query[:, 0] = 900.0 * math.sqrt(width)
    key[:, 0] = 0.0
    key[2, 0] = 1.0
    return query, key


def weights_cases(generator):
    return [
        case("3 queries, 5 keys", normal(generator, 3, 7), normal(generator, 5, 7)),
        case("more queries than keys", normal(generator, 5, 13), normal(generator, 2, 13)),
        case("as many queries as keys", normal(generator, 4, 3), normal(generator, 4, 3)),
        case("scores in the hundreds", *loud(generator, 3, 11)),
        case("one score in the hundreds", *peak(generator, 7, 11)),
        case("one query that asks for nothing", torch.zeros(1, 5), normal(generator, 3, 5)),
        case("one key", normal(generator, 3, 7), normal(generator, 1, 7)),
        case("words of one number", normal(generator, 5, 1), normal(generator, 3, 1)),
        case("all sizes equal", normal(generator, 5, 5), normal(generator, 5, 5)),
        case("gradients", normal(generator, 2, 5), normal(generator, 3, 5), grad=True),
        in_dtype(case("words", normal(generator, 2, 7), normal(generator, 5, 7)), torch.float64),
    ]


def width(query, key):
    return query.shape[-1]


def safe(scores, axis):
    return scores.softmax(dim=axis)


def unsafe(scores, axis):
    return scores.exp() / scores.exp().sum(dim=axis, keepdim=True)


def without_keepdim(scores, axis):
    shares = (scores - scores.amax(dim=axis, keepdim=True)).exp()
    return shares / shares.sum(dim=axis)


def one_largest(scores, axis):
    shares = (scores - scores.max()).exp()
    return shares / shares.sum(dim=axis, keepdim=True)


def one_sum_for_all(scores, axis):
    shares = (scores - scores.amax(dim=axis, keepdim=True)).exp()
    return shares / shares.sum()


def plain_shares(scores, axis):
    return scores / scores.sum(dim=axis, keepdim=True)


def average_off(scores, axis):
    return unsafe(scores - scores.mean(dim=axis, keepdim=True), axis)


def sums_down(scores, axis):
    powers = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    return powers / powers.sum(dim=-2, keepdim=True)


def nan_to_zero(scores, axis):
    return unsafe(scores, axis).nan_to_num(0.0)


def clamped(scores, axis):
    return unsafe(scores.clamp(-80, 80), axis)


def clamped_above(scores, axis):
    return unsafe(scores.clamp(max=80), axis)


def shifted_without_keepdim(scores, axis):
    return safe(scores - scores.amax(dim=axis), axis)


def logarithms(scores, axis):
    return scores.log_softmax(dim=axis)


def twice(scores, axis):
    return scores.softmax(dim=axis).softmax(dim=axis)


def of_the_whole_table(scores, axis):
    return scores.flatten().softmax(dim=0).view_as(scores)


def wrong_weights(
    query,
    key,
    *,
    divide_by=lambda query, key: math.sqrt(query.shape[-1]),
    divide_late=False,
    share=safe,
    axis=-1,
    unit=None,
    turned=False,
):
    if unit is not None:
        query, key = (x / x.norm(dim=-1, keepdim=True).clamp_min(unit) for x in (query, key))
    scores = key @ query.T if turned else query @ key.T
    divisor = divide_by(query, key)
    if divide_late:
        return share(scores, axis) / divisor
    return share(scores / divisor, axis)


def as_they_are(scores, axis):
    return scores


def raw_scores(query, key):
    return query @ key.T / math.sqrt(query.shape[-1])


def not_turned(query, key):
    return (query @ key / math.sqrt(query.shape[-1])).softmax(dim=-1)


def query_turned(query, key):
    return (query.T @ key / math.sqrt(query.shape[-1])).softmax(dim=-1)


def edited_query(query, key):
    query /= math.sqrt(query.shape[-1])
    return (query @ key.T).softmax(dim=-1)


def detached_weights(query, key):
    return wrong_weights(query, key).detach()


def weights_by_einsum(query, key):
    scores = torch.einsum("id,jd->ij", query, key) * query.shape[1] ** -0.5
    return torch.nn.functional.softmax(scores, dim=1)


def weights_by_loops(query, key):
    rows = []
    for q in query:
        scores = torch.stack([q.dot(k) for k in key]) / math.sqrt(len(q))
        shares = (scores - scores.max()).exp()
        rows.append(shares / shares.sum())
    return torch.stack(rows)


def weights_scaled_first(query, key):
    scores = torch.matmul(query / query.size(-1) ** 0.5, key.transpose(0, 1))
    return torch.softmax(scores, -1)


def weights_by_vmap(query, key):
    def one(q):
        shares = (key @ q / math.sqrt(q.numel())).logsumexp(dim=0)
        return (key @ q / math.sqrt(q.numel()) - shares).exp()

    return torch.func.vmap(one)(query)


def weights_in_place(query, key):
    scores = query.matmul(key.t()).div_(key.shape[-1] ** 0.5)
    scores = scores.sub(scores.max(dim=1, keepdim=True)[0]).exp()
    return scores.div(scores.sum(dim=1).unsqueeze(1))


def other_divisor(query, key, *, by):
    """Another number under the scores, by itself."""
    return wrong_weights(query, key, divide_by=by)


def squeezed_one_by_one(query, key):
    return torch.sigmoid(raw_scores(query, key))


def winner_takes_all(query, key):
    scores = raw_scores(query, key)
    return torch.nn.functional.one_hot(scores.argmax(dim=-1), scores.shape[-1]).to(scores.dtype)


def largest_of_the_column(scores, axis):
    shares = (scores - scores.amax(dim=0, keepdim=True)).exp()
    return shares / shares.sum(dim=axis, keepdim=True)


def largest_and_its_place(scores, axis):
    """`max` along an axis returns two things."""
    return safe(scores - scores.max(dim=axis, keepdim=True), axis)


def dealt_anew(query, key):
    scores = query @ key.reshape(key.shape[1], key.shape[0])
    return (scores / width(query, key)).softmax(dim=-1)


WEIGHTS_MISTAKES = [
    Mistake(
        "no-scale",
        wrong_weights,
        {"divide_by": lambda query, key: 1},
        says="the scores are not divided by anything, so the softmax is too sharp",
        hints=(
            "The keys come in the right order. Are the weights too sharp? See section 2.4.",
            "The spread of a dot product grows with its width. Something has to undo that.",
            "Divide the scores, before the softmax, by the square root of the width of a query.",
        ),
    ),
    Mistake(
        "divide-by-width",
        wrong_weights,
        {"divide_by": width},
        says="the scores are divided by d_head itself, not by its square root: too flat",
        hints=(
            "You divide, and by the right size. Is it the right power of it?",
            "Section 2.4 measured the spread of a dot product. Did it grow like the width?",
            "The variance grows like d_head, the spread like its square root. Undo the spread.",
        ),
    ),
    Mistake(
        "multiply-by-root",
        wrong_weights,
        {"divide_by": lambda query, key: 1 / math.sqrt(query.shape[-1])},
        says="the scores are multiplied by the square root of d_head instead of divided by it",
        hints=(
            "Your weights are far too sharp: sharper than without any scaling.",
            "The spread of the scores should come down to about 1. Which operation does that?",
            "Look at the sign between the product and the square root, or at the sign of a power.",
        ),
    ),
    Mistake(
        "root-of-query-count",
        wrong_weights,
        {"divide_by": lambda query, key: math.sqrt(len(query))},
        says="the scores are divided by the square root of the number of queries, not of d_head",
        hints=(
            "A square root, but of the wrong size. Which size made the scores spread?",
            "A dot product adds up one term for each number of a query, not one for each query.",
            "`len` and `shape[0]` count rows. You want the length of one row.",
        ),
    ),
    Mistake(
        "root-of-key-count",
        wrong_weights,
        {"divide_by": lambda query, key: math.sqrt(len(key))},
        says="the scores are divided by the square root of the number of keys, not of d_head",
        hints=(
            "A square root, but of the wrong size. Which size made the scores spread?",
            "More keys do not make any single score larger. Wider keys do.",
            "The last axis of the scores counts keys. The width is the last axis of a query.",
        ),
    ),
    Mistake(
        "divide-after-softmax",
        wrong_weights,
        {"divide_late": True},
        says="the division comes after the softmax, so it shrinks the weights, not the scores",
        hints=(
            "Add up one of your rows.",
            "The division should make the softmax softer. After the softmax it can't any more.",
            "Scores first, then the division, then the softmax, and nothing after it.",
        ),
    ),
    Mistake(
        "over-queries",
        wrong_weights,
        {"axis": 0},
        says="softmax runs over the queries: every column sums to 1 instead of every row",
        hints=(
            "Add up a row of your weights, then a column.",
            "Each query shares out one whole look among the keys. Which axis are the keys on?",
            "Rows are queries, columns are keys: the softmax runs along the last axis.",
        ),
    ),
    Mistake(
        "over-everything",
        wrong_weights,
        {"share": of_the_whole_table},
        says="one softmax runs over the whole table: all weights together sum to 1",
        hints=(
            "Add up your whole table, then one row.",
            "Every query has one whole look to share out, whatever the other queries do.",
            "The softmax needs one axis to run along, and the others to leave alone.",
        ),
    ),
    Mistake(
        "overflow",
        wrong_weights,
        {"share": unsafe},
        says="exp of a large score overflows, and infinity over infinity is nan",
        hints=(
            "Right as long as the scores are small. One case has scores in the hundreds.",
            "e to the power of 100 does not fit a float32. Chapter 00 had a way around that.",
            "Take a row's largest score from the row first: its softmax stays the same.",
        ),
    ),
    Mistake(
        "one-largest-for-all",
        wrong_weights,
        {"share": one_largest},
        says="the largest score of the whole table is taken off, so a row far below it is 0 over 0",
        hints=(
            "One case has a row of scores far above 0 and a row far below.",
            "Taking off a number changes no softmax, if each row takes off a number that fits it.",
            "Each row needs its own largest score. Or let PyTorch's softmax do it.",
        ),
    ),
    Mistake(
        "keepdim-missing",
        wrong_weights,
        {"share": without_keepdim},
        says="the sums lie along the wrong axis when they divide: their shape lost an axis",
        hints=(
            "Print the shape of your sums. One number for each what?",
            "A shape (query,) lines up with the last axis, and that one holds the keys.",
            "`sum` can keep the axis that it sums over, as an axis of size 1.",
        ),
    ),
    Mistake(
        "no-exp",
        wrong_weights,
        {"share": plain_shares},
        says="scores are divided by their sum without exp, so some weights are negative",
        hints=(
            "Look for a negative weight. What would it mean to look at a word by minus 20 %?",
            "Shares need positive numbers to begin with. Scores can have either sign.",
            "Softmax is e to the power of each score, divided by the row's sum of those.",
        ),
    ),
    Mistake(
        "scores-only",
        raw_scores,
        {},
        says="the scaled scores are returned as they are: nothing has made them weights",
        hints=(
            "Add up a row. Is it 1?",
            "You have the first two steps of the formula. One is missing.",
            "A softmax over the keys turns each row of scores into shares.",
        ),
    ),
    Mistake(
        "unit-length",
        wrong_weights,
        {"unit": 1e-12},
        says="queries and keys are first cut to length 1, so long vectors no longer count more",
        hints=(
            "You compare directions only. Does the formula of this chapter do that?",
            "The plain dot product lets a long query ask more sharply than a short one.",
            "Leave queries and keys as long as they are; the formula has one divisor only.",
        ),
    ),
    Mistake(
        "keys-ask",
        wrong_weights,
        {"turned": True},
        says="rows are keys and columns are queries: the table lies on its side",
        hints=(
            "Compare the shape of your table with the one asked for.",
            "Rows ask, columns are asked, always. Which of the two goes first in your product?",
            "In `a @ b.T` the rows of the result belong to `a`.",
        ),
    ),
    Mistake(
        "not-turned",
        not_turned,
        {},
        says="the key is not transposed before the product",
        hints=(
            "Write the two shapes side by side: (query, d_head) times (key, d_head).",
            "In a product `a @ b` the last axis of a meets the first of b. Which two axes should "
            "meet here?",
            "The keys have to be turned, so that d_head meets d_head.",
        ),
    ),
    Mistake(
        "query-turned",
        query_turned,
        {},
        says="the query is transposed instead of the key: you compare columns, not words",
        hints=(
            "Look at the shape of your scores: does an axis count the queries?",
            "A score belongs to one query and one key. Section 2.2 multiplies along d_head.",
            "Leave the query as it is and turn the key.",
        ),
    ),
    Mistake(
        "nan-to-zero",
        partial(wrong_weights, share=nan_to_zero),
        {},
        says="exp overflows, and the nan that comes of it are turned into 0: the row has no "
        "weights left",
        hints=(
            "Add up the rows of the case with large scores.",
            "nan says that the true number was lost. Any number in its place is a guess.",
            "Take each row's largest score from the row before the exp, and no nan arises.",
        ),
    ),
    Mistake(
        "clamped",
        partial(wrong_weights, share=clamped),
        {},
        says="scores beyond a limit are cut off, so different scores get equal weights",
        hints=CUT_OFF,
    ),
    Mistake(
        "clamped-above",
        partial(wrong_weights, share=clamped_above),
        {},
        says="scores above a limit are cut off, and a row far below 0 still becomes 0 over 0",
        hints=CUT_OFF,
    ),
    Mistake(
        "largest-without-keepdim",
        partial(wrong_weights, share=shifted_without_keepdim),
        {},
        says="the largest scores are taken off along the wrong axis: their shape lost an axis",
        hints=(
            "Print the shape of the largest scores. One number for each what?",
            "A shape (query,) lines up with the last axis, and that one holds the keys.",
            "`max` and `amax` can keep the axis that they look along, as an axis of size 1.",
        ),
    ),
    Mistake(
        "log-softmax",
        partial(wrong_weights, share=logarithms),
        {},
        says="these are the logarithms of the weights",
        hints=(
            "Can a weight be negative?",
            "Add up e to the power of each of your numbers, along a row.",
            "The plain softmax is asked for, without the logarithm.",
        ),
    ),
    Mistake(
        "softmax-twice",
        partial(wrong_weights, share=twice),
        {},
        says="softmax runs twice, so the weights are far too even",
        hints=(
            "Your rows sum to 1, but even a very high score gets only a little more than the "
            "others.",
            "Softmax of shares between 0 and 1 can hardly prefer any of them.",
            "One softmax is enough; look for a second one.",
        ),
    ),
    Mistake(
        "unit-length-and-nan",
        wrong_weights,
        {"unit": 0.0},
        says="vectors are cut to length 1, so long ones count no more, and a vector of zeros "
        "becomes nan",
        hints=(
            "One case has a query of zeros. What is 0 divided by 0?",
            "You compare directions only. Does the formula of this chapter do that?",
            "Leave queries and keys as long as they are; the formula has one divisor only.",
        ),
    ),
    Mistake(
        "edits-query",
        edited_query,
        {},
        says="your code writes into `query`, which belongs to whoever calls",
        hints=(
            "Print `query` before and after a call of your function.",
            "`/=`, `*=` and methods that end in `_` write into the tensor that the caller still "
            "needs.",
            "Make a new tensor and leave the old one as it was.",
        ),
    ),
    Mistake(
        "no-gradient",
        detached_weights,
        {},
        says="the numbers are right, but no gradient flows back to query and key",
        hints=(
            "Make a query with `requires_grad=True`, call your function, and ask the result for "
            "`backward()`.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    nothing_returned("the weights"),
    Mistake(
        "average-taken-off",
        partial(wrong_weights, share=average_off),
        {},
        says="the row's average is taken off, and a score far above it still overflows",
        hints=(
            "One case has a single score in the hundreds, and the others near 0.",
            "What you take off must leave no score far above 0. Is the average large enough?",
            "Take each row's largest score from the row before the exp.",
        ),
    ),
    Mistake(
        "sums-over-queries",
        partial(wrong_weights, share=sums_down),
        {},
        says="the powers are divided by sums over the queries, so the rows do not sum to 1",
        hints=(
            "Add up a row of your weights.",
            "The largest score is taken along the keys. Along what do you add up?",
            "Shares of one query: both the maximum and the sum go along the last axis.",
        ),
    ),
    Mistake(
        "always-by-8",
        other_divisor,
        {"by": lambda query, key: 8},
        says="the scores are divided by 8, whatever the width; that is right for a width of 64 "
        "only",
        hints=(
            "Try words of one number, and of seventeen: what is the divisor for each?",
            "8 is the root of 64, the width in the paper. How wide are the queries here?",
            "Read the width off the query: its last axis.",
        ),
    ),
    Mistake(
        "half-the-width",
        other_divisor,
        {"by": lambda query, key: query.shape[-1] / 2},
        says="the scores are divided by half the width: `** 1 / 2` is a power of 1, then a "
        "division by 2",
        hints=(
            "Print your divisor for a width of 9. It should be 3.",
            "In which order does Python work out `d ** 1 / 2`?",
            "`** 0.5`, or brackets, or `math.sqrt`.",
        ),
    ),
    Mistake(
        "sigmoid",
        squeezed_one_by_one,
        {},
        says="each score is squeezed by itself: nothing makes a row share out one look",
        hints=(
            "Add up one row of your weights.",
            "Should a weight change when another key fits better? Does yours?",
            "The formula has a softmax along the keys.",
        ),
    ),
    Mistake(
        "one-hot",
        winner_takes_all,
        {},
        says="the best key takes all the weight: a hard choice, and nothing can learn through it",
        hints=(
            "Two keys that fit equally well should get equal weights. Do they?",
            "The *soft* in softmax: the others get a share too.",
            "Raise e to each score and divide by the sum of the row.",
        ),
    ),
    Mistake(
        "twice-the-width",
        other_divisor,
        {"by": lambda query, key: 2 * query.shape[-1]},
        says="the scores are divided by the width and then by 2: `/ d ** 1 / 2` does that",
        hints=(
            "Print what your line makes of a score of 1 and a width of 9. It should be a third.",
            "In which order does Python work out `s / d ** 1 / 2`?",
            "`** 0.5`, or brackets, or `math.sqrt`.",
        ),
    ),
    Mistake(
        "largest-of-the-column",
        partial(wrong_weights, share=largest_of_the_column),
        {},
        "the largest score of each *column* is taken off, not of each row: weights "
        "are bent, and where scores are large, rows are 0 over 0",
        (
            "Take the same number off all scores of a row: do its weights change? And off "
            "a column?",
            "A softmax forgets what is taken off all scores of one row.",
            "Take each row's own largest off, along the keys.",
        ),
    ),
    Mistake(
        "largest-and-its-place",
        partial(wrong_weights, share=largest_and_its_place),
        {},
        "`max` along an axis returns two things, the largest numbers and their "
        "places, and you subtract the pair",
        (
            "Print `scores.max(dim=-1)`.",
            "The first of the two is what you want.",
            "Take `.values`, or use `amax`, which returns the numbers alone.",
        ),
    ),
    Mistake(
        "reshaped",
        dealt_anew,
        {},
        says="the keys are reshaped, not transposed: their numbers are dealt out anew, row by row",
        hints=(
            "Print a 2 by 3 table, reshaped to 3 by 2, beside its transpose.",
            "`reshape` keeps the order in which numbers are read; no key stays together.",
            "Exchange rows and columns of the keys; `.T` does it.",
        ),
    ),
]


# --- 02.attention ---------------------------------------------------------------------------


def stack(generator, front, n_query, n_key, d_head, d_value):
    shapes = (n_query, d_head), (n_key, d_head), (n_key, d_value)
    return [normal(generator, *front, *shape) for shape in shapes]


def attention_cases(generator):
    return [
        case("one sentence", *stack(generator, (), 3, 5, 7, 2)),
        case("a batch of 2 sentences", *stack(generator, (2,), 3, 7, 11, 5)),
        case("two axes in front", *stack(generator, (2, 3), 5, 7, 11, 13)),
        case("all sizes equal", *stack(generator, (), 5, 5, 5, 5)),
        case("a batch with all sizes equal", *stack(generator, (3,), 3, 3, 3, 3)),
        case("scores in the hundreds", *loud(generator, 5, 11), normal(generator, 5, 3)),
        case("one score in the hundreds", *peak(generator, 7, 11), normal(generator, 7, 3)),
        case("three axes in front", *stack(generator, (2, 1, 3), 5, 2, 3, 7)),
        case("one query, one key", *stack(generator, (3,), 1, 1, 5, 2)),
        case("a batch of one, words of one number", *stack(generator, (1,), 2, 5, 1, 1)),
        case("gradients", *stack(generator, (2,), 3, 2, 5, 3), grad=True),
        in_dtype(case("a batch", *stack(generator, (2,), 2, 3, 5, 7)), torch.float64),
    ]


def swap_last(x):
    return x.transpose(-2, -1)


def swap_first(x):
    return x.transpose(0, 1)


def swap_one_and_two(x):
    return x.transpose(1, 2)


def swap_all(x):
    return x.permute(*reversed(range(x.ndim)))


def wrong_attention(
    query,
    key,
    value,
    *,
    divide_by=lambda query, key, value: math.sqrt(query.shape[-1]),
    axis=-1,
    swap=swap_last,
    mixed=lambda key, value: value,
    softmax_last=False,
    divide_late=False,
    even=False,
    share=safe,
    returned=lambda output, weights: output,
):
    scores = query @ swap(key)
    divisor = divide_by(query, key, value)
    if not divide_late:
        scores = scores / divisor
    if softmax_last:
        return (scores @ mixed(key, value)).softmax(dim=axis)
    weights = share(scores, axis)
    if even:
        weights = torch.full_like(weights, 1 / weights.shape[-1])
    if divide_late:
        weights = weights / divisor
    return returned(weights @ mixed(key, value), weights)


def unshared(scores, axis):
    return (scores - scores.amax(dim=-1, keepdim=True)).exp()


def by_bmm(query, key, value):
    scores = torch.bmm(query, key.transpose(1, 2)) / math.sqrt(query.shape[-1])
    return torch.bmm(safe(scores, -1), value)


def by_bmm_of_mt(query, key, value):
    return torch.bmm(safe(torch.bmm(query, key.mT) / math.sqrt(query.shape[-1]), -1), value)


def by_unpacking(query, key, value):
    _, _, d_head = query.shape
    return wrong_attention(query, key, value, divide_by=lambda *_: math.sqrt(d_head))


def by_batch_letters(query, key, value):
    scores = torch.einsum("bid,bjd->bij", query, key) / math.sqrt(query.shape[-1])
    return torch.einsum("bij,bjv->biv", safe(scores, -1), value)


def front_lost(query, key, value):
    query, key, value = (x.reshape(-1, *x.shape[-2:]) for x in (query, key, value))
    return wrong_attention(query, key, value)


def edited_scale(query, key, value):
    query /= math.sqrt(query.shape[-1])
    return wrong_attention(query, key, value, divide_by=lambda *_: 1)


def attention_detached(query, key, value):
    return detached_stack(query, key) @ value


def detached_stack(query, key):
    return safe(query @ key.mT / math.sqrt(query.shape[-1]), -1).detach()


def wholly_detached(query, key, value):
    return wrong_attention(query, key, value).detach()


def max_is_a_pair(query, key, value):
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    return (scores - scores.max(dim=-1, keepdim=True)).exp()


def attention_by_einsum(query, key, value):
    scores = torch.einsum("...id,...jd->...ij", query, key) / query.shape[-1] ** 0.5
    powers = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
    return torch.einsum("...ij,...jv->...iv", powers, value) / powers.sum(dim=-1)[..., None]


def attention_by_loops(query, key, value):
    if query.ndim > 2:
        rows = zip(query, key, value, strict=True)
        return torch.stack([attention_by_loops(q, k, v) for q, k, v in rows])
    output = []
    for q in query:
        weights = weights_by_loops(q[None], key)[0]
        output.append(sum(w * v for w, v in zip(weights, value, strict=True)))
    return torch.stack(output)


def attention_scaled_first(query, key, value):
    scores = (query / math.sqrt(query.size(-1))) @ key.mT
    shares = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    return shares @ value / shares.sum(dim=-1, keepdim=True)


def attention_by_vmap(query, key, value):
    def one(query, key, value):
        scores = query @ key.T / query.shape[-1] ** 0.5
        return (scores - scores.logsumexp(dim=-1, keepdim=True)).exp() @ value

    for _ in range(query.ndim - 2):
        one = torch.func.vmap(one)
    return one(query, key, value)


def attention_by_broadcasting(query, key, value):
    scores = (query.unsqueeze(-2) * key.unsqueeze(-3)).sum(dim=-1) / key.shape[-1] ** 0.5
    powers = scores.sub(scores.detach().max(dim=-1, keepdim=True).values).exp_()
    mixed = (powers.unsqueeze(-1) * value.unsqueeze(-3)).sum(dim=-2)
    return mixed.div_(powers.sum(dim=-1).unsqueeze(-1))


def attention_by_another_divisor(query, key, value, *, by):
    """Another number under the scores, by itself."""
    return wrong_attention(query, key, value, divide_by=by)


def largest_along(query, key, value, *, axis):
    """Rows are shared out as they should, but what is taken off differs within a row."""
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    powers = (scores - scores.amax(dim=axis, keepdim=True)).exp()
    return powers / powers.sum(dim=-1, keepdim=True) @ value


def asks_the_values(query, key, value):
    return wrong_attention(query, value, value)


def loops_over_the_first_axis(query, key, value):
    rows = [wrong_attention(*three) for three in zip(query, key, value, strict=True)]
    return torch.stack(rows)


def permutes_three(query, key, value):
    scores = query @ key.permute(0, 2, 1) / math.sqrt(query.shape[-1])
    return safe(scores, -1) @ value


def stays_a_batch(query, key, value):
    if query.ndim == 2:
        query, key, value = query[None], key[None], value[None]
    return by_bmm(query, key, value)


def one_largest_without_keepdim(scores, axis):
    shares = (scores - scores.max()).exp()
    return shares / shares.sum(dim=axis)


def sums_on_axis_one(scores, axis):
    powers = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    return powers / powers.sum(dim=1, keepdim=True)


ATTENTION_MISTAKES = [
    Mistake(
        "no-scale",
        wrong_attention,
        {"divide_by": lambda query, key, value: 1},
        says="the scores are not divided by anything, so one word takes nearly all the weight",
        hints=(
            "The steps and the axes are right. Compare with the formula in section 2.5.",
            "The spread of a dot product grows with its width. Something has to undo that.",
            "Divide the scores, before the softmax, by the square root of the width of a query.",
        ),
    ),
    Mistake(
        "divide-by-width",
        wrong_attention,
        {"divide_by": lambda query, key, value: query.shape[-1]},
        says="the scores are divided by d_head itself, not by its square root: too flat",
        hints=(
            "You divide, and by the right size. Is it the right power of it?",
            "Section 2.4 measured the spread of a dot product. Did it grow like the width?",
            "The spread grows like the square root of the width. Undo the spread.",
        ),
    ),
    Mistake(
        "root-of-value-width",
        wrong_attention,
        {"divide_by": lambda query, key, value: math.sqrt(value.shape[-1])},
        says="the square root is taken of the values' width; the scores never touch the values",
        hints=(
            "One size is taken from the wrong tensor. It shows only when the widths differ.",
            "Which two tensors make a score? The divisor belongs to their width.",
            "Take the last size of the query or of the key, not that of the value.",
        ),
    ),
    Mistake(
        "root-of-key-count",
        wrong_attention,
        {"divide_by": lambda query, key, value: math.sqrt(key.shape[-2])},
        says="the divisor is the root of the number of keys, not of the width of a query",
        hints=(
            "A square root, but of the wrong size. Which size made the scores spread?",
            "More keys do not make any single score larger. Wider keys do.",
            "The width is the last axis of a query and of a key.",
        ),
    ),
    Mistake(
        "root-of-axis-1",
        wrong_attention,
        {"divide_by": lambda query, key, value: math.sqrt(query.shape[1])},
        says="the divisor comes from axis 1: the width of a table, the word count of a stack",
        hints=(
            "Right for one sentence, wrong for a batch. Which line counts axes from the front?",
            "With a batch in front, `shape[1]` is no longer the width.",
            "The width is always the last axis, and -1 is always the last axis.",
        ),
    ),
    Mistake(
        "softmax-axis-1",
        wrong_attention,
        {"axis": 1},
        says="softmax runs over axis 1: the keys of a table, but the queries of a stack",
        hints=(
            "Right for one sentence, wrong for a batch. Which line counts axes from the front?",
            "With a batch in front, axis 1 holds the queries.",
            "The keys always lie along the last axis; count it from the end.",
        ),
    ),
    Mistake(
        "softmax-axis-2",
        wrong_attention,
        {"axis": 2},
        says="softmax runs over axis 2: the keys of one stack of tables, and nothing else",
        hints=(
            "Right for a batch of sentences. Which line counts axes from the front?",
            "A single sentence has no axis 2, and with two axes in front it holds the queries.",
            "The keys always lie along the last axis; count it from the end.",
        ),
    ),
    Mistake(
        "over-queries",
        wrong_attention,
        {"axis": -2},
        says="softmax runs over the queries: every column sums to 1, not every row",
        hints=(
            "Compute the weights alone and add up a row, then a column.",
            "Each query shares out one whole look among the keys. Which axis are the keys on?",
            "Rows are queries, columns are keys: the softmax runs along the last axis.",
        ),
    ),
    Mistake(
        "reverses-all-axes",
        wrong_attention,
        {"swap": swap_all},
        says="the transpose turns all axes around, and that fails once there is a batch",
        hints=(
            "Print the shape of the transposed key for a batch. Where did the batch go?",
            "`.T` is fine for a table. A stack of tables needs only its last two axes exchanged.",
            "There is a method that exchanges two axes that you name; name them from the end.",
        ),
    ),
    Mistake(
        "swaps-first-axes",
        wrong_attention,
        {"swap": swap_first},
        says="the transpose exchanges axes 0 and 1: right for one sentence, wrong for a batch",
        hints=(
            "Print the shape of the transposed key for a batch. Where did the batch go?",
            "Only the last two axes should change places, whatever stands in front.",
            "Name the two axes from the end, with negative numbers.",
        ),
    ),
    Mistake(
        "swaps-axes-1-and-2",
        wrong_attention,
        {"swap": swap_one_and_two},
        says="the transpose exchanges axes 1 and 2: right for a batch, and for nothing else",
        hints=(
            "Try it with one sentence, without a batch.",
            "The last two axes are 1 and 2 only when exactly one axis stands in front.",
            "Name the two axes from the end, with negative numbers.",
        ),
    ),
    Mistake(
        "overflow",
        wrong_attention,
        {"share": unsafe},
        says="exp of a large score overflows, and infinity over infinity is nan",
        hints=(
            "Right as long as the scores are small. One case has scores in the hundreds.",
            "e to the power of 100 does not fit a float32. Chapter 00 had a way around that.",
            "Take a row's largest score from the row first: its softmax stays the same.",
        ),
    ),
    Mistake(
        "one-largest-for-all",
        wrong_attention,
        {"share": one_largest},
        says="the largest score of the whole table is taken off, so a row far below it is 0 over 0",
        hints=(
            "One case has a row of scores far above 0 and a row far below.",
            "Taking off a number changes no softmax, if each row takes off a number that fits it.",
            "Each row needs its own largest score: `amax` along the last axis.",
        ),
    ),
    Mistake(
        "one-sum-for-all",
        wrong_attention,
        {"share": one_sum_for_all},
        says="the whole table is divided by one sum, so a single row does not sum to 1",
        hints=(
            "Add up your whole table of weights, then one row.",
            "`sum` without an axis adds up everything there is.",
            "Each row is divided by its own sum: along the last axis.",
        ),
    ),
    Mistake(
        "keepdim-missing",
        wrong_attention,
        {"share": without_keepdim},
        says="the sums lie along the wrong axis when they divide: their shape lost an axis",
        hints=(
            "Print the shape of your sums. One number for each what?",
            "A shape (query,) lines up with the last axis, and that one holds the keys.",
            "`sum` can keep the axis that it sums over, as an axis of size 1.",
        ),
    ),
    Mistake(
        "no-exp",
        wrong_attention,
        {"share": plain_shares},
        says="scores are divided by their sum without exp, so some weights are negative",
        hints=(
            "Look for a negative weight. What would it mean to look at a word by minus 20 %?",
            "Shares need positive numbers to begin with. Scores can have either sign.",
            "Softmax is e to the power of each score, divided by the row's sum of those.",
        ),
    ),
    Mistake(
        "no-softmax",
        wrong_attention,
        {"share": as_they_are},
        says="the scores themselves multiply the values: nothing has made them weights",
        hints=(
            "Add up a row of what multiplies your values. Is it 1?",
            "Score, softmax, weighted sum. One of the three is missing.",
            "Turn each row of scores into shares before the second product.",
        ),
    ),
    Mistake(
        "mixes-keys",
        wrong_attention,
        {"mixed": lambda key, value: key},
        says="the output is a mix of the keys; the values are never used",
        hints=(
            "Does your output change when the values change?",
            "A key says how to find a word. What does the word hand over?",
            "The weights multiply the values.",
        ),
    ),
    Mistake(
        "softmax-last",
        wrong_attention,
        {"softmax_last": True},
        says="the softmax comes after the mixing: it makes shares of the output",
        hints=(
            "Your outputs are all between 0 and 1. Are the values?",
            "Shares are for weights. An output is an average of values and can be what they can.",
            "First scores, then softmax, then the product with the values, then nothing.",
        ),
    ),
    Mistake(
        "divide-after-softmax",
        wrong_attention,
        {"divide_late": True},
        says="the division comes after the softmax: the output shrinks and the weights stay sharp",
        hints=(
            "Your output is too small, by the same factor everywhere or nearly so.",
            "The division should make the softmax softer. After the softmax it can't any more.",
            "Divide the scores, and divide nothing else.",
        ),
    ),
    Mistake(
        "plain-average",
        wrong_attention,
        {"even": True},
        says="every query gets the plain average of the values: the scores do not matter",
        hints=(
            "Are two rows of your output ever different?",
            "An average with equal weights ignores what a query asked for.",
            "Use the weights that the softmax gives as the weights of the average.",
        ),
    ),
    Mistake(
        "returns-both",
        wrong_attention,
        {"returned": lambda output, weights: (output, weights)},
        says="output and weights are both returned; this exercise asks for the output alone",
        hints=(
            "The numbers are right. Count what you return.",
            "The course's own function returns two things, this one returns one.",
            "Return only the product of weights and values.",
        ),
    ),
    Mistake(
        "sums-over-queries",
        partial(wrong_attention, share=sums_down),
        {},
        says="the powers are divided by sums over the queries, so the rows of weights do not sum "
        "to 1",
        hints=(
            "Add up a row of your weights.",
            "The largest score is taken along the keys. Along what do you add up?",
            "Shares of one query: both the maximum and the sum go along the last axis.",
        ),
    ),
    Mistake(
        "not-shared",
        partial(wrong_attention, share=unshared),
        {},
        says="the powers are never divided by their sum, so the rows of weights do not sum to 1",
        hints=(
            "Add up a row of your weights.",
            "The exp is half a softmax. What turns positive numbers into shares?",
            "Divide by the row's sum, with `keepdim=True`, before or after the product with the "
            "values.",
        ),
    ),
    Mistake(
        "three-axes-only",
        by_bmm,
        {},
        says="`bmm` and counted axes take exactly one axis in front, not none and not two",
        hints=ANY_AXES,
    ),
    Mistake(
        "bmm-only",
        by_bmm_of_mt,
        {},
        says="`torch.bmm` takes exactly one axis in front, not none and not two",
        hints=ANY_AXES,
    ),
    Mistake(
        "unpacks-three",
        by_unpacking,
        {},
        says="the shape is unpacked into three sizes, so any other number of axes stops your code",
        hints=ANY_AXES,
    ),
    Mistake(
        "batch-letters",
        by_batch_letters,
        {},
        says="your einsum names one axis in front, so any other number of axes stops your code",
        hints=(
            "Call your function with a query of shape (3, 7), and with one of (2, 3, 5, 7).",
            "The text promises any number of axes in front of the last two, also none.",
            "In `einsum` three dots stand for whatever axes there are in front.",
        ),
    ),
    Mistake(
        "front-lost",
        front_lost,
        {},
        says="the axes in front are flattened into one and never come back",
        hints=(
            "Compare the shape that goes in with the one that comes out, with two axes in front.",
            "Whoever hands in (2, 3, query, d_head) waits for (2, 3, query, d_value).",
            "Reshape the result, or leave the axes as they are: `@` minds only the last two.",
        ),
    ),
    Mistake(
        "largest-without-keepdim",
        partial(wrong_attention, share=shifted_without_keepdim),
        {},
        says="the largest scores are taken off along the wrong axis: their shape lost an axis",
        hints=(
            "Print the shape of the largest scores. One number for each what?",
            "A shape (…, query) lines up with the last axis, and that one holds the keys.",
            "`max` and `amax` can keep the axis that they look along, as an axis of size 1.",
        ),
    ),
    Mistake(
        "max-is-a-pair",
        max_is_a_pair,
        {},
        says="`max` along an axis gives two things, the values and their places; you subtract the "
        "pair",
        hints=(
            "Print what `scores.max(dim=-1)` gives.",
            "The result has two parts. You want one of them.",
            "Take `.values`, or use `amax`, which gives only those.",
        ),
    ),
    Mistake(
        "clamped",
        partial(wrong_attention, share=clamped),
        {},
        says="scores beyond a limit are cut off, so different scores get equal weights",
        hints=CUT_OFF,
    ),
    Mistake(
        "clamped-above",
        partial(wrong_attention, share=clamped_above),
        {},
        says="scores above a limit are cut off, and a row far below 0 still becomes 0 over 0",
        hints=CUT_OFF,
    ),
    Mistake(
        "nan-to-zero",
        partial(wrong_attention, share=nan_to_zero),
        {},
        says="exp overflows, and the nan that comes of it are turned into 0: the row has no "
        "weights left",
        hints=(
            "Add up the rows of weights in the case with large scores.",
            "nan says that the true number was lost. Any number in its place is a guess.",
            "Take each row's largest score from the row before the exp, and no nan arises.",
        ),
    ),
    Mistake(
        "returns-weights",
        wrong_attention,
        {"returned": lambda output, weights: weights},
        says="the weights are returned, and the values are never mixed",
        hints=(
            "Compare the shape of your result with (…, query, d_value).",
            "The formula has one more step behind the softmax.",
            "Multiply the weights with the values.",
        ),
    ),
    Mistake(
        "edits-query",
        edited_scale,
        {},
        says="your code writes into `query`, which belongs to whoever calls",
        hints=(
            "Print `query` before and after a call of your function.",
            "`/=`, `*=` and methods that end in `_` write into the tensor that the caller still "
            "needs.",
            "Make a new tensor and leave the old one as it was.",
        ),
    ),
    Mistake(
        "weights-detached",
        attention_detached,
        {},
        says="the numbers are right, but no gradient flows back through the weights to query and "
        "key",
        hints=(
            "Make a query with `requires_grad=True`, call your function, and ask the result for "
            "`backward()`.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    Mistake(
        "no-gradient",
        wholly_detached,
        {},
        says="the numbers are right, but no gradient flows back to any input",
        hints=(
            "Make a value with `requires_grad=True`, call your function, and ask the result for "
            "`backward()`.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    nothing_returned("the output"),
    Mistake(
        "average-taken-off",
        partial(wrong_attention, share=average_off),
        {},
        says="the row's average is taken off, and a score far above it still overflows",
        hints=(
            "One case has a single score in the hundreds, and the others near 0.",
            "What you take off must leave no score far above 0. Is the average large enough?",
            "Take each row's largest score from the row before the exp.",
        ),
    ),
    Mistake(
        "root-of-query-count",
        attention_by_another_divisor,
        {"by": lambda query, key, value: math.sqrt(query.shape[-2])},
        says="the divisor is the root of the number of queries, not of the width of a query",
        hints=(
            "Ask with the first query alone. Should its output change?",
            "More words do not make any single score larger. Wider queries do.",
            "The width is the last axis of the query.",
        ),
    ),
    Mistake(
        "multiply-by-root",
        attention_by_another_divisor,
        {"by": lambda query, key, value: 1 / math.sqrt(query.shape[-1])},
        says="the scores are multiplied by the square root of d_head instead of divided by it",
        hints=(
            "Your weights are too sharp. What should the root do to the scores?",
            "Section 2.4: scores grow with the width, and the root takes that back.",
            "Put the root below the line, not above it.",
        ),
    ),
    Mistake(
        "largest-of-columns",
        largest_along,
        {"axis": -2},
        says="the largest score of each column is taken off, so the scores of one row move by "
        "different amounts",
        hints=(
            "Compare one row of your weights with `softmax` of its scores.",
            "A softmax stays as it is only if the *same* number is taken off the whole row.",
            "The largest along the keys: the last axis.",
        ),
    ),
    Mistake(
        "largest-of-axis-1",
        largest_along,
        {"axis": 1},
        says="the largest along axis 1 is taken off: the keys of a table, but the queries of a "
        "stack",
        hints=(
            "It is right for one sentence. Try a batch.",
            "A softmax stays as it is only if the *same* number is taken off the whole row.",
            "The largest along the keys: the last axis.",
        ),
    ),
    Mistake(
        "asks-the-values",
        asks_the_values,
        {},
        says="the queries are compared with the values: the keys are never used",
        hints=(
            "Change the keys. Does your output change?",
            "The scores are made of queries and keys; the values come in after the softmax.",
            "Multiply the query with the key, turned.",
        ),
    ),
    Mistake(
        "loops-over-the-first-axis",
        loops_over_the_first_axis,
        {},
        says="your loop goes through the first axis, and of a single sentence that axis holds "
        "words",
        hints=(
            "Try one sentence, a batch, and a batch of stacks: 2, 3 and 4 axes.",
            "What in your code says how many axes there are?",
            "Count axes from the end: -1 and -2 are there whatever stands in front.",
        ),
    ),
    Mistake(
        "permutes-three",
        permutes_three,
        {},
        says="`permute(0, 2, 1)` is made for exactly three axes",
        hints=(
            "Try one sentence, a batch, and a batch of stacks: 2, 3 and 4 axes.",
            "What in your code says how many axes there are?",
            "Count axes from the end: -1 and -2 are there whatever stands in front.",
        ),
    ),
    Mistake(
        "stays-a-batch",
        stays_a_batch,
        {},
        says="you make a batch of a single sentence, and it stays one; with two axes in front "
        "your code stops",
        hints=(
            "Try one sentence, a batch, and a batch of stacks: 2, 3 and 4 axes.",
            "What in your code says how many axes there are?",
            "Count axes from the end: -1 and -2 are there whatever stands in front.",
        ),
    ),
    Mistake(
        "root-of-axis-0",
        attention_by_another_divisor,
        {"by": lambda query, key, value: math.sqrt(query.shape[0])},
        says="the divisor comes from axis 0: the words of a table, the sentences of a stack",
        hints=(
            "Hand in one sentence of a batch alone. Should its output change?",
            "More words or sentences do not make any single score larger. Wider queries do.",
            "The width is the last axis of the query.",
        ),
    ),
    Mistake(
        "one-largest-and-no-axis",
        partial(wrong_attention, share=one_largest_without_keepdim),
        {},
        "the sum of each row has lost its axis, so it divides columns; and before exp no row has "
        "its own largest score taken off: nothing is, or one for the whole table",
        (
            "Print the shapes of the exponentials and of the sum that you divide by.",
            "Shapes are lined up from the right: a sum without its axis meets the keys.",
            "`keepdim=True` in the sum, and in the largest, which every row has of its own.",
        ),
    ),
    Mistake(
        "sums-on-axis-1",
        partial(wrong_attention, share=sums_on_axis_one),
        {},
        says="the powers are divided by sums along axis 1, which are the keys of a single "
        "table alone",
        hints=(
            "Add up a row of your weights, for a stack of tables and for one table.",
            "With each axis in front, what was axis 1 moves one place on.",
            "The maximum is taken along the last axis; let the sum go along the same.",
        ),
    ),
]


# --- 02.effective-words ---------------------------------------------------------------------


def one_and_the_rest(rest):
    """One word gets nearly all, and a thousand others share the rest evenly."""
    return torch.tensor([[1 - rest, *[rest / 1000] * 1000]])


def effective_cases(generator):
    def rows(*shape):
        return (2 * normal(generator, *shape)).softmax(dim=-1)

    sharp = torch.eye(3, 5)
    some = torch.cat([rows(2, 3), torch.zeros(2, 4)], dim=-1)
    return [
        case("3 queries, 5 keys", rows(3, 5)),
        case("two axes in front", rows(2, 3, 5, 7)),
        case("all sizes equal", rows(4, 4)),
        case("each row looks at one word", sharp),
        case("each row looks evenly at 7 words", torch.full((2, 7), 1 / 7)),
        case("four of seven words get exactly 0", some),
        case("each row looks evenly at 1,009 words", torch.full((2, 1009), 1 / 1009)),
        case("one query, one key", torch.ones(1, 1)),
        case("a thousand words share a twentieth", one_and_the_rest(0.05)),
        case("a thousand words share next to nothing", one_and_the_rest(1e-4)),
        case("one axis in front, some words get 0", torch.stack([some, some.roll(2, dims=-1)])),
        in_dtype(case("2 queries, 5 keys", rows(2, 5)), torch.float64),
    ]


def minus_w_log_w(weights, log=torch.log, zero=True):
    terms = -weights * log(weights)
    return terms.masked_fill(weights == 0, 0.0) if zero else terms


def wrong_effective(
    weights,
    *,
    log=torch.log,
    zero=True,
    axis=-1,
    finish=torch.exp,
    over_rows=lambda x: x,
    add=torch.sum,
):
    return over_rows(finish(add(minus_w_log_w(weights, log, zero), dim=axis)))


def lifted(weights, *, by):
    return (-weights * (weights + by).log()).sum(dim=-1).exp()


def nan_rows_to_one(weights):
    return (-weights * weights.log()).sum(dim=-1).nan_to_num(0.0).exp()


def softmax_again(weights):
    return wrong_effective(weights.softmax(dim=-1))


def log_of_softmax(weights):
    return (-weights * weights.log_softmax(dim=-1)).sum(dim=-1).exp()


def keeps_the_axis(weights):
    return wrong_effective(weights)[..., None]


def exp_of_terms(weights):
    return minus_w_log_w(weights).exp().sum(dim=-1)


def terms_alone(weights):
    return minus_w_log_w(weights).exp()


def zeros_edited(weights):
    weights[weights == 0] = 1.0
    return (-weights * weights.log()).sum(dim=-1).exp()


def two_axes_only(weights):
    return torch.stack([minus_w_log_w(row).sum().exp() for row in weights])


def one_over_largest(weights):
    return 1 / weights.amax(dim=-1)


def one_over_squares(weights):
    return 1 / weights.square().sum(dim=-1)


def count_above_zero(weights):
    return (weights > 0).sum(dim=-1).to(weights.dtype)


def effective_in_bits(weights):
    return 2 ** -(weights * weights.clamp_min(1e-30).log2()).sum(dim=-1)


def effective_by_product(weights):
    return torch.prod(torch.where(weights > 0, weights**-weights, torch.ones(())), dim=-1)


def effective_by_loops(weights):
    rows = [
        math.exp(-sum(w * math.log(w) for w in row if w > 0))
        for row in weights.flatten(0, -2).tolist()
    ]
    return torch.tensor(rows, dtype=weights.dtype).view(weights.shape[:-1])


def effective_by_xlogy(weights):
    return torch.xlogy(weights, weights).sum(-1).neg_().exp_()


def effective_lifted(weights):
    return torch.exp(-torch.einsum("...k,...k->...", weights, torch.log(weights + 1e-9)))


def over_another_axis(weights, *, axis):
    return wrong_effective(weights, axis=axis)


def lifted_to(weights, *, at_least):
    return (-weights * weights.clamp(min=at_least).log()).sum(dim=-1).exp()


def power_of_a_tensor(weights):
    return math.exp(minus_w_log_w(weights).sum(dim=-1))


def loops_over_two_axes(weights):
    rows = [math.exp(-sum(w * math.log(w) for w in row if w > 0)) for row in weights]
    return torch.tensor(rows)


def exp_of_the_average(weights):
    return minus_w_log_w(weights).sum(dim=-1).mean().exp()


def loops_into_zero(weights):
    rows = [math.exp(-sum(w * math.log(w) for w in row)) for row in weights]
    return torch.tensor(rows)


def count_in_float32(weights):
    return (weights > 0).sum(dim=-1).float()


EFFECTIVE_MISTAKES = [
    Mistake(
        "zero-times-log",
        wrong_effective,
        {"zero": False},
        says="a weight of exactly 0 gives 0 times minus infinity, which is nan",
        hints=(
            "Try a row that looks at one word alone.",
            "The logarithm of 0 is minus infinity, and 0 times that is not 0 for a computer.",
            "Treat weights of 0 apart, lift them a tiny bit, or look for PyTorch's own -w ln w.",
        ),
    ),
    Mistake(
        "entropy",
        wrong_effective,
        {"finish": lambda h: h},
        says="the entropy itself is returned; a number of words is e to the power of it",
        hints=(
            "What do you get for a row that looks at one word alone? It should be 1.",
            "You have H. One step of the formula is missing.",
            "Raise e to the power of your result.",
        ),
    ),
    Mistake(
        "upside-down",
        wrong_effective,
        {"finish": lambda h: (-h).exp()},
        says="the sign is lost: your numbers are one over the number of words, never above 1",
        hints=(
            "What do you get for an even row of 7? It should be 7.",
            "The logarithm of a share is negative. The definition of H turns that around.",
            "There is a minus in front of the sum.",
        ),
    ),
    Mistake(
        "mixed-bases",
        wrong_effective,
        {"log": torch.log2},
        says="the logarithm is to base 2 and the power to base e: they have to match",
        hints=(
            "What do you get for an even row of 7? It should be 7.",
            "A power undoes a logarithm only when both have the same base.",
            "Either e and the natural logarithm, or 2 and the logarithm to base 2.",
        ),
    ),
    Mistake(
        "over-queries",
        wrong_effective,
        {"axis": -2},
        says="the sum runs down the columns, over the queries, instead of along each row",
        hints=(
            "How many numbers do you return: one for each query, or one for each key?",
            "A row belongs to one query and runs over the keys.",
            "Sum along the last axis.",
        ),
    ),
    Mistake(
        "mean-of-terms",
        wrong_effective,
        {"add": torch.mean},
        says="the terms are averaged, not summed, so every row seems to look at about one word",
        hints=(
            "What do you get for an even row of 7? It should be 7.",
            "The weights are already shares: H is an average by itself.",
            "Sum the terms -w ln w; do not divide by their number.",
        ),
    ),
    Mistake(
        "one-number",
        wrong_effective,
        {"over_rows": torch.mean},
        says="the rows are averaged into one number; each row should keep its own",
        hints=(
            "Look at the shape that is asked for.",
            "Only the key axis goes away.",
            "Leave out the last average.",
        ),
    ),
    Mistake(
        "sums-everything",
        wrong_effective,
        {"add": lambda terms, dim: terms.sum()},
        says="the sum runs over the whole table, so all rows together give one number",
        hints=(
            "Look at the shape that is asked for.",
            "`sum` without an axis adds up everything there is.",
            "Sum along the last axis alone.",
        ),
    ),
    Mistake(
        "mends-nan-too-late",
        wrong_effective,
        {"zero": False, "finish": lambda h: h.exp().nan_to_num()},
        says="nan is replaced at the end, where a single weight of 0 has spoilt its whole row",
        hints=(
            "What do you get for a row that looks at one word alone? It should be 1.",
            "One nan in a sum makes the sum nan. The other weights of the row are lost then.",
            "Mend the terms -w ln w themselves, before they are summed.",
        ),
    ),
    Mistake(
        "one-over-largest",
        one_over_largest,
        {},
        says="you take one over the largest weight, which ignores how the rest is shared",
        hints=(
            "Right for even rows and for one-word rows, wrong in between.",
            "Two rows can have the same largest weight and spread the rest differently.",
            "Use the formula: every weight goes into the sum.",
        ),
    ),
    Mistake(
        "one-over-squares",
        one_over_squares,
        {},
        says="you take one over the sum of squares: another count of words than e to the H",
        hints=(
            "Right for even rows and for one-word rows, wrong in between.",
            "There are several such counts. This exercise wants the one with the logarithm.",
            "Sum -w ln w over the row, then raise e to it.",
        ),
    ),
    Mistake(
        "count-above-zero",
        count_above_zero,
        {},
        says="you count the weights above 0, and softmax gives almost every word a little",
        hints=(
            "A row with weights 0.98, 0.01 and 0.01 should count for little more than one word.",
            "Each word should count by how much weight it has.",
            "Sum -w ln w over the row, then raise e to it.",
        ),
    ),
    *(
        Mistake(
            f"lifted-by-{by:g}",
            partial(lifted, by=by),
            {},
            says=f"you add {by:g} under the logarithm, which is too much beside small weights",
            hints=(
                "Try an even row of 1,009 words. What comes out?",
                "You add the same number under each logarithm. Beside which weights is it not "
                "small?",
                "Add far less, 0.000000001 or so, or treat weights of exactly 0 apart.",
            ),
        )
        for by in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    ),
    *(
        Mistake(
            f"lifted-to-{least:g}",
            partial(lifted_to, at_least=least),
            {},
            says=f"you put {least:g} under the logarithm for all smaller weights, and a thousand "
            "of those count",
            hints=(
                "Try a row with one weight of 0.95, and 1,000 words that share the rest.",
                "Which weights does your limit change? How many words can have such a weight?",
                "A limit far smaller, 1e-30 or so, or treat weights of exactly 0 apart.",
            ),
        )
        for least in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    ),
    Mistake(
        "base-2-at-the-end",
        wrong_effective,
        {"finish": lambda h: 2**h},
        says="the logarithm is natural and the power is one of 2: they have to match",
        hints=(
            "What do you get for an even row of 7? It should be 7.",
            "A power undoes a logarithm only when both have the same base.",
            "Either e and the natural logarithm, or 2 and the logarithm to base 2.",
        ),
    ),
    Mistake(
        "mends-row-too-late",
        nan_rows_to_one,
        {},
        says="nan is replaced after the sum, where a single weight of 0 has spoilt its whole row",
        hints=(
            "Try a row that gives one half to each of two words and 0 to a third. It should give "
            "2.",
            "One nan in a sum makes the sum nan. The other weights of the row are lost then.",
            "Mend the terms -w ln w themselves, before they are summed.",
        ),
    ),
    Mistake(
        "softmax-again",
        softmax_again,
        {},
        says="you take a softmax of the weights first, but they are shares already",
        hints=(
            "What do you get for a row that looks at one word alone? It should be 1.",
            "The rows sum to 1 when you get them.",
            "Use the weights as they come.",
        ),
    ),
    Mistake(
        "log-of-softmax",
        log_of_softmax,
        {},
        says="the logarithm is of a softmax of the weights, not of the weights themselves",
        hints=(
            "What do you get for a row that looks at one word alone? It should be 1.",
            "`log_softmax` wants scores. You have weights.",
            "Take the plain logarithm, and mind the weights of 0.",
        ),
    ),
    Mistake(
        "keeps-the-axis",
        keeps_the_axis,
        {},
        says="the numbers are right, but an axis of size 1 is left where the keys were",
        hints=(
            "Look at the shape that is asked for.",
            "One number for each row: the key axis goes away.",
            "`keepdim` is of use when a division follows. None does.",
        ),
    ),
    Mistake(
        "exp-of-terms",
        exp_of_terms,
        {},
        says="e is raised to each term before they are summed; it belongs around the sum",
        hints=(
            "What do you get for a row that looks at one word alone? It should be 1.",
            "H is the whole sum. The power comes last.",
            "Move `exp` outside of the sum.",
        ),
    ),
    Mistake(
        "terms-alone",
        terms_alone,
        {},
        says="nothing is summed: you return one number for each weight",
        hints=(
            "Compare the shape of your result with (…, query).",
            "H is a sum over the words of a row.",
            "Sum along the last axis before you raise e to it.",
        ),
    ),
    Mistake(
        "averages-queries",
        wrong_effective,
        {"over_rows": lambda x: x.mean(dim=-1)},
        says="the queries are averaged; each row should keep its own number",
        hints=(
            "Look at the shape that is asked for.",
            "Only the key axis goes away.",
            "Leave out the last average.",
        ),
    ),
    Mistake(
        "two-axes-only",
        two_axes_only,
        {},
        says="your loop runs over the first axis, and takes what it finds there for rows",
        hints=(
            "Call your function with weights of shape (2, 3, 5, 7).",
            "Only with two axes are the rows what a loop over the tensor gives.",
            "Sum along the last axis instead of looping over the first.",
        ),
    ),
    Mistake(
        "edits-weights",
        zeros_edited,
        {},
        says="your code writes into `weights`, which belong to whoever calls",
        hints=(
            "Print `weights` before and after a call of your function.",
            "Writing into an argument changes the tensor that the caller still needs.",
            "Make a new tensor (`clone`, `where`) and leave the old one as it was.",
        ),
    ),
    Mistake(
        "count-above-zero-whole",
        lambda weights: (weights > 0).sum(dim=-1),
        {},
        says="you count the weights above 0, and softmax gives almost every word a little",
        hints=(
            "A row with weights 0.98, 0.01 and 0.01 should count for little more than one word.",
            "Each word should count by how much weight it has.",
            "Sum -w ln w over the row, then raise e to it.",
        ),
    ),
    nothing_returned("one number for each row"),
    Mistake(
        "over-axis-0",
        over_another_axis,
        {"axis": 0},
        says="the sum runs along the first axis, which holds queries or whole tables",
        hints=(
            "How many numbers should come out for 3 queries and 5 keys?",
            "The axis in which a row lies is the last one.",
            "Count from the end: `dim=-1`.",
        ),
    ),
    Mistake(
        "over-axis-1",
        over_another_axis,
        {"axis": 1},
        says="the sum runs along axis 1: the keys of a table, but not of a stack of tables",
        hints=(
            "It is right for one table. Try a stack of two.",
            "The axis in which a row lies is the last one.",
            "Count from the end: `dim=-1`.",
        ),
    ),
    Mistake(
        "power-of-a-tensor",
        power_of_a_tensor,
        {},
        says="functions of `math` take one number, and you have one for each row",
        hints=(
            "Print the shape of what you give to `math`.",
            "`math` makes one number of one number. What does the same for a whole tensor?",
            "`torch.exp` and `torch.log`.",
        ),
    ),
    Mistake(
        "loops-over-two-axes",
        loops_over_two_axes,
        {},
        says="your loops are made for two axes and for float32",
        hints=(
            "Try a stack of tables, then a table in float64.",
            "Which axes can come in front of the last two, and which dtypes?",
            "PyTorch's functions with `dim=-1` need no loop, and keep the dtype.",
        ),
    ),
    Mistake(
        "exp-of-the-average",
        exp_of_the_average,
        {},
        says="the entropies are averaged before e is raised to them; each row should keep its own"
        " number",
        hints=(
            "How many numbers should come out for 3 queries?",
            "The chapter averages over a table to show one number. The exercise asks for each row.",
            "Leave the average out.",
        ),
    ),
    Mistake(
        "log-10",
        partial(wrong_effective, log=torch.log10),
        {},
        says="the logarithm is to base 10 and the power to base e: they have to match",
        hints=(
            "What do you get for an even row of 7? It should be 7.",
            "A power undoes a logarithm only when both have the same base.",
            "Either e and the natural logarithm, or 10 and the logarithm to base 10.",
        ),
    ),
    Mistake(
        "base-10-at-the-end",
        partial(wrong_effective, finish=lambda h: 10**h),
        {},
        says="the logarithm is natural and the power is one of 10: they have to match",
        hints=(
            "What do you get for an even row of 7? It should be 7.",
            "A power undoes a logarithm only when both have the same base.",
            "Either e and the natural logarithm, or 10 and the logarithm to base 10.",
        ),
    ),
    Mistake(
        "loops-into-zero",
        loops_into_zero,
        {},
        says="`math.log` stops at a weight of 0, and your loops are made for two axes and for "
        "float32",
        hints=(
            "Try a row that looks at one word alone, then a stack of tables.",
            "Which weights have a logarithm? And which axes can come in front of the last two?",
            "Treat weights of 0 apart. PyTorch's functions with `dim=-1` need no loop.",
        ),
    ),
    Mistake(
        "count-in-float32",
        count_in_float32,
        {},
        "you count the weights above 0, and softmax gives almost every word a little; "
        "and the result is always float32",
        (
            "A row with weights 0.98, 0.01 and 0.01 should count for little more than one word.",
            "Each word should count by how much weight it has.",
            "Sum -w ln w over the row, then raise e to it.",
        ),
    ),
]


# --- 02.cost --------------------------------------------------------------------------------


def cost_cases(generator, bytes_per_number):
    def size():
        return int(torch.randint(2, 200, (), generator=generator))

    return [
        case("small enough to count by hand", 2, 3, 5, 7, bytes_per_number=4),
        case("more queries than keys", 1009, 101, 64, 32, bytes_per_number=2),
        case("one query", 1, 997, 128, 64, bytes_per_number=4),
        case("self-attention of 4,096 words", 4096, 4096, 64, 64, bytes_per_number=4),
        case("numbers of the usual size", 50 + size(), 7, 11 + size(), 13),
        case(
            "drawn at random",
            3 + size(),
            300 + size(),
            600 + size(),
            900 + size(),
            bytes_per_number=8,
        ),
        case("one of everything", 1, 1, 1, 1, bytes_per_number=1),
        # More than a float can count: one that passed through a float is off by some.
        case("very many queries", 3 * 10**15 + 7, 3, 127, 131, bytes_per_number=2),
    ]


def wrong_cost(
    n_query,
    n_key,
    d_head,
    d_value,
    bytes_per_number,
    *,
    scores=True,
    mix=True,
    one_width=False,
    square=False,
    factor=1,
    scaling=0,
    joined=lambda score, mixed: score + mixed,
    sized=lambda numbers, each: numbers * each,
    numbers=None,
):
    pairs = n_query**2 if square else n_query * n_key
    widths = joined(scores * d_head, mix * (d_head if one_width else d_value))
    table = numbers(n_query, n_key, d_head, d_value) if numbers else pairs
    multiplications = factor * pairs * widths + scaling * pairs
    return multiplications, sized(table, bytes_per_number)


def cost_in_two_lines(n_query, n_key, d_head, d_value, bytes_per_number):
    scores, mix = n_query * d_head * n_key, n_query * n_key * d_value
    return [scores + mix, n_query * n_key * bytes_per_number]


def cost_by_counting(n_query, n_key, d_head, d_value, bytes_per_number):
    one_query = sum(d_head + d_value for _ in range(n_key))
    return n_query * one_query, torch.empty(
        n_query, n_key, device="meta"
    ).numel() * bytes_per_number


def cost_by_product(n_query, n_key, d_head, d_value, bytes_per_number):
    work = sum(math.prod(sizes) for sizes in ((n_query, d_head, n_key), (n_query, n_key, d_value)))
    return work, math.prod((n_query, n_key, bytes_per_number))


def mix_of_queries(n_query, n_key, d_head, d_value, bytes_per_number):
    return n_query * n_key * d_head + n_query**2 * d_value, n_query * n_key * bytes_per_number


def mix_without_keys(n_query, n_key, d_head, d_value, bytes_per_number):
    return n_query * n_key * d_head + n_query * d_value, n_query * n_key * bytes_per_number


def mix_without_queries(n_query, n_key, d_head, d_value, bytes_per_number):
    return n_query * n_key * d_head + n_key * d_value, n_query * n_key * bytes_per_number


def brackets_missing(n_query, n_key, d_head, d_value, bytes_per_number):
    return n_query * n_key * d_head + d_value, n_query * n_key * bytes_per_number


def sizes_added(n_query, n_key, d_head, d_value, bytes_per_number):
    return (n_query + n_key) * (d_head + d_value), n_query * n_key * bytes_per_number


def additions_counted(n_query, n_key, d_head, d_value, bytes_per_number):
    scores, mix = n_query * n_key * (2 * d_head - 1), n_query * d_value * (2 * n_key - 1)
    return scores + mix, n_query * n_key * bytes_per_number


def floats(n_query, n_key, d_head, d_value, bytes_per_number):
    pairs = n_query * n_key
    return float(pairs * (d_head + d_value)), float(pairs * bytes_per_number)


def costs_swapped(n_query, n_key, d_head, d_value, bytes_per_number):
    return wrong_cost(n_query, n_key, d_head, d_value, bytes_per_number)[::-1]


def mix_of_widths(n_query, n_key, d_head, d_value, bytes_per_number):
    work = n_query * n_key * d_head + n_query * d_head * d_value
    return work, n_query * n_key * bytes_per_number


def products_apart(n_query, n_key, d_head, d_value, bytes_per_number):
    pairs = n_query * n_key
    return pairs * d_head, pairs * d_value, pairs * bytes_per_number


def another_memory(n_query, n_key, d_head, d_value, bytes_per_number, *, numbers):
    """Right in the first result; another count of numbers in the second."""
    count = numbers(n_query, n_key, d_head, d_value)
    return n_query * n_key * (d_head + d_value), count * bytes_per_number


def keys_alone(n_query, n_key, d_head, d_value, bytes_per_number):
    return wrong_cost(n_key, n_key, d_head, d_value, bytes_per_number)


COST_MISTAKES = [
    Mistake(
        "forgets-the-mix",
        wrong_cost,
        {"mix": False},
        says="only the scores are counted; mixing the values is a second matrix product",
        hints=(
            "How many `@` stand in the formula?",
            "After the softmax, each query still adds up weighted values.",
            "The second product: one for each query, each key, and each number of a value.",
        ),
    ),
    Mistake(
        "forgets-the-scores",
        wrong_cost,
        {"scores": False},
        says="only the mixing is counted; the scores are a matrix product too",
        hints=(
            "How many `@` stand in the formula?",
            "Before there are weights, each query is compared with each key.",
            "The first product: one for each query, each key, and each number of a key.",
        ),
    ),
    Mistake(
        "one-width",
        wrong_cost,
        {"one_width": True},
        says="both products are counted with d_head; the second is as wide as a value",
        hints=(
            "Your count is right when keys and values are equally wide.",
            "Which width does the product of the weights and the values run over?",
            "One product costs d_head for each pair, the other d_value.",
        ),
    ),
    Mistake(
        "square",
        wrong_cost,
        {"square": True},
        says="the table is taken as n_query by n_query; its columns are the keys",
        hints=(
            "Your count is right when there are as many keys as queries.",
            "The table has one cell for each pair of a query and a key.",
            "The number of pairs is a product of two different sizes.",
        ),
    ),
    Mistake(
        "counts-additions",
        wrong_cost,
        {"factor": 2},
        says="additions are counted too; the exercise asks for multiplications only",
        hints=(
            "Your count is exactly twice ours.",
            "A dot product of width d takes d multiplications and about d additions.",
            "What is often quoted as FLOPs counts both. Here, leave the additions out.",
        ),
    ),
    Mistake(
        "counts-the-scaling",
        wrong_cost,
        {"scaling": 1},
        says="the division by the square root is counted; only the two products are asked for",
        hints=(
            "You are over by one for each pair.",
            "What else happens once for each pair, besides the two products?",
            "Leave the scaling out.",
        ),
    ),
    Mistake(
        "widths-multiplied",
        wrong_cost,
        {"joined": lambda score, mixed: score * mixed},
        says="the two widths are multiplied; the two products come one after the other",
        hints=(
            "Count on paper: 2 queries, 3 keys, widths 5 and 7.",
            "First all scores are computed, then all mixes. What do two bills in a row do?",
            "Each pair costs d_head multiplications, and later d_value more.",
        ),
    ),
    Mistake(
        "counts-numbers",
        wrong_cost,
        {"sized": lambda numbers, each: numbers},
        says="the second result counts numbers, not bytes: `bytes_per_number` is not used",
        hints=(
            "One of the five sizes does nothing in your function. Which?",
            "Every number of the table takes several bytes.",
            "Multiply the number of weights by the bytes of each.",
        ),
    ),
    Mistake(
        "mebibytes",
        wrong_cost,
        {"sized": lambda numbers, each: numbers * each / 2**20},
        says="the memory is in MiB; the exercise asks for bytes",
        hints=(
            "The chapter's table of sizes has one unit, the exercise another.",
            "1 MiB is 1,048,576 bytes.",
            "Do not divide.",
        ),
    ),
    Mistake(
        "bytes-of-the-words",
        wrong_cost,
        {"numbers": lambda n_query, n_key, d_head, d_value: n_query + n_key},
        says="the memory counts words, one number each; the table has one for each pair of words",
        hints=(
            "What is the shape of the weights?",
            "Twice as many words make four times as large a table.",
            "Multiply the two counts; do not add them.",
        ),
    ),
    Mistake(
        "bytes-times-width",
        wrong_cost,
        {"numbers": lambda n_query, n_key, d_head, d_value: n_query * n_key * d_head},
        says="the memory has d_head numbers for each pair; a weight is a single number",
        hints=(
            "What is the shape of the weights?",
            "A dot product takes two vectors and leaves one number.",
            "The widths are gone once the scores are there.",
        ),
    ),
    Mistake(
        "bits",
        wrong_cost,
        {"sized": lambda numbers, each: 8 * numbers * each},
        says="the memory is in bits; the exercise asks for bytes",
        hints=(
            "Your number is exactly 8 times ours.",
            "`bytes_per_number` is already in bytes.",
            "Do not multiply by 8.",
        ),
    ),
    Mistake(
        "always-4-bytes",
        wrong_cost,
        {"sized": lambda numbers, each: numbers * 4},
        says="every number counts for 4 bytes, whatever the call says",
        hints=(
            "Call your function twice, with 2 and with 8 bytes for each number.",
            "The last argument changes nothing in your answer. Should it?",
            "Multiply by `bytes_per_number` instead of a 4 of your own.",
        ),
    ),
    Mistake(
        "bytes-of-the-output",
        wrong_cost,
        {"numbers": lambda q, k, h, v: q * v},
        says="you count the bytes of the output, not of the table of weights",
        hints=(
            "What is the shape of the table of weights?",
            "The weights hold one number for each pair of a query and a key.",
            "No width appears in the second count.",
        ),
    ),
    Mistake(
        "two-tables",
        wrong_cost,
        {"sized": lambda numbers, each: 2 * numbers * each},
        says="you count two tables, scores and weights; only the weights are asked for",
        hints=(
            "Twice too many bytes.",
            "Which tensors did you count? Read the second point again.",
            "One table: a number for each pair.",
        ),
    ),
    Mistake(
        "keys-squared",
        wrong_cost,
        {"numbers": lambda q, k, h, v: k**2},
        says="the table of weights is taken for keys times keys",
        hints=(
            "Try a call with more queries than keys.",
            "One row for each query, one column for each key.",
            "Multiply the two counts.",
        ),
    ),
    Mistake(
        "mix-of-queries",
        mix_of_queries,
        {},
        says="the second product is counted as if queries were mixed with queries",
        hints=(
            "Write the shapes of both factors of the second product.",
            "The weights are (query, key) and the values (key, d_value).",
            "Each of n_query rows mixes n_key values of d_value numbers.",
        ),
    ),
    Mistake(
        "mix-without-keys",
        mix_without_keys,
        {},
        says="the second product is counted as if each output number took a single multiplication",
        hints=(
            "How many values go into one number of the output?",
            "A mixture of n_key words needs n_key multiplications for each number.",
            "The second product counts n_query, n_key and d_value.",
        ),
    ),
    Mistake(
        "mix-without-queries",
        mix_without_queries,
        {},
        says="the second product is counted for one query only",
        hints=(
            "How many rows does the output have?",
            "Every query makes a mixture of its own.",
            "The second product counts n_query, n_key and d_value.",
        ),
    ),
    Mistake(
        "brackets-missing",
        brackets_missing,
        {},
        says="d_value is added once at the end; it belongs into a bracket with d_head",
        hints=(
            "Try d_value 10 times as wide. Your count should grow by far more than it does.",
            "Multiplication goes before addition.",
            "Put the sum of the two widths into brackets.",
        ),
    ),
    Mistake(
        "sizes-added",
        sizes_added,
        {},
        says="queries and keys are added, but every query meets every key",
        hints=(
            "How many pairs do 2 queries and 3 keys make?",
            "Five words, and six pairs.",
            "Multiply the two counts.",
        ),
    ),
    Mistake(
        "additions-counted-exactly",
        additions_counted,
        {},
        says="additions are counted along with the multiplications",
        hints=(
            "About twice too many.",
            "The text leaves all additions out.",
            "A dot product of d numbers takes d multiplications.",
        ),
    ),
    Mistake(
        "as-floats",
        floats,
        {},
        says="you return floats; two whole numbers are asked for",
        hints=(
            "Print the type of what you return.",
            "Counts are whole numbers, and a float can't hold large ones exactly.",
            "`/` always gives a float; `//` stays whole. Better: multiply only.",
        ),
    ),
    Mistake(
        "results-swapped",
        costs_swapped,
        {},
        says="both counts are right, but the bytes come first",
        hints=(
            "Compare both of your numbers with the smallest case.",
            "The text numbers what it wants: 1 and 2.",
            "Multiplications first, then bytes.",
        ),
    ),
    nothing_returned("two whole numbers"),
    Mistake(
        "mix-of-widths",
        mix_of_widths,
        {},
        says="the second product is counted along d_head; it multiplies weights, (query, key), "
        "with values",
        hints=(
            "Write down the shapes of both products.",
            "What stands on the left of the second product: queries, or weights?",
            "(n_query, n_key) times (n_key, d_value): the axis that meets counts keys.",
        ),
    ),
    Mistake(
        "products-apart",
        products_apart,
        {},
        says="you return three numbers: the two products are asked for together",
        hints=(
            "Count what you return.",
            "*How many multiplications the two products make together.*",
            "Add the first two.",
        ),
    ),
    Mistake(
        "query-table",
        another_memory,
        {"numbers": lambda n_query, *_: n_query**2},
        says="the table of weights is taken for queries times queries; its columns are the keys",
        hints=(
            "Take 2 queries and 3 keys: how many weights are there?",
            "A row for each query, a column for each ...?",
            "n_query times n_key.",
        ),
    ),
    Mistake(
        "inputs-too",
        another_memory,
        {"numbers": lambda q, k, d, v: q * k + q * d + k * d + k * v},
        says="you count the bytes of queries, keys and values too; only the table of weights is "
        "asked for",
        hints=(
            "Take one of everything: how many bytes should it be?",
            "Read point 2 once more: the bytes of what?",
            "n_query times n_key numbers, and nothing else.",
        ),
    ),
    Mistake(
        "output-too",
        another_memory,
        {"numbers": lambda q, k, d, v: q * k + q * v},
        says="you count the bytes of the output too; only the table of weights is asked for",
        hints=(
            "Take one of everything: how many bytes should it be?",
            "Read point 2 once more: the bytes of what?",
            "n_query times n_key numbers, and nothing else.",
        ),
    ),
    Mistake(
        "kibibytes",
        another_memory,
        {"numbers": lambda q, k, d, v: q * k / 1024},
        says="the memory is in KiB; the exercise asks for bytes",
        hints=(
            "Compare your second number with one that you count by hand.",
            "It is too small by a factor that is a power of 2.",
            "Leave the division by 1,024 out.",
        ),
    ),
    Mistake(
        "keys-alone",
        keys_alone,
        {},
        says="both results are counted as if there were as many queries as keys",
        hints=(
            "Take 2 queries and 3 keys: how many weights are there?",
            "Where does `n_query` stand in your lines?",
            "Every query meets every key: n_query times n_key pairs.",
        ),
    ),
]


# --- 02.equivariant -------------------------------------------------------------------------


def equivariant_cases(generator):
    # No two numbers are near each other, so that none agrees by luck.
    output = torch.randperm(35, generator=generator).view(7, 5) * 0.11 - 1.9
    cycle = torch.tensor([3, 0, 4, 6, 1, 2, 5])  # not its own inverse, and nothing stays in place
    other = torch.tensor([3, 6, 0, 1, 5, 2, 4])  # same word first, the others elsewhere
    moved = output[cycle]

    def off(*place, by):
        """The right rows, with `by` added in one place."""
        changed = moved.clone()
        changed[place] += by
        return changed

    noise = 3e-6 * normal(generator, 7, 5).sign()
    holes = output.clone()
    holes[2] = 0  # where a tolerance in proportion allows nothing
    high = 10 + 0.1 * output  # where it allows much
    tall = normal(generator, 401, 17)  # where an average hides one wrong number
    tall[2] = 0
    mix = torch.randperm(401, generator=generator)
    speck, dent = tall[mix], 10 + 0.1 * tall[mix]
    speck[mix.argsort()[2], 5] += 0.06
    dent[3, 5] -= 0.008
    far = torch.arange(7)[:, None] * 0.01
    drift = 0.006 + 0.002 * torch.rand(7, 5, generator=generator)
    lost = output.clone()
    lost[3, 2] = float("nan")
    bent = moved.clone()
    bent[:, 0] = output[:, 0]
    within = off(3, 1, by=0.7)
    within[3, 4] -= 0.7
    mirrored = moved.clone()
    mirrored[5] *= -1
    traded = off(0, by=0.5)
    traded[1] -= 0.5
    cases = [
        case("words move, outputs move along", output, cycle, moved),
        case("the same, with rounding and a row of zeros", holes, cycle, holes[cycle] + noise),
        case("the same, with rounding, near 10", high, cycle, high[cycle] + noise),
        case("the words did not move at all", output, torch.arange(7), output.clone()),
        case("outputs stay where they were", output, cycle, output.clone()),
        case("outputs move the other way", output, cycle, output[cycle.argsort()]),
        case("outputs move, but elsewhere", output, other, moved),
        case("to each output 0.01 times its position is added", output, cycle, moved + far),
        case("one word is off", output, cycle, off(-1, by=-0.5)),
        case("one number of many is off by 0.06", tall, mix, speck),
        case("one number is off by 0.3", output, cycle, off(4, 2, by=0.3)),
        case("one number near 10 is off by 0.008", 10 + 0.1 * tall, mix, dent),
        case("every number is off by 0.006 to 0.008", holes, cycle, holes[cycle] + drift),
        case("what one number gains, another of its word loses", output, cycle, within),
        case("one word's numbers have the other sign", output, cycle, mirrored),
        case(
            "one output is nan, where there was a number before",
            output,
            cycle,
            off(2, 3, by=float("nan")),
        ),
        case("nan in the same place, before and after", lost, cycle, lost[cycle]),
        case("one column stayed behind", output, cycle, bent),
        case("what one word gains, another loses", output, cycle, traded),
        case(
            "all words get one and the same output",
            output,
            cycle,
            (output.mean(dim=0) + 0.0078).expand(7, 5).clone(),
        ),
        *tolerance_cases(generator),
        case(
            "a single word, with another output",
            normal(generator, 1, 5),
            torch.tensor([0]),
            normal(generator, 1, 5),
        ),
        case(
            "a single word, with the same output", output[:1], torch.tensor([0]), output[:1].clone()
        ),
        in_dtype(case("words move along", output, cycle, moved), torch.int32),
        in_dtype(case("words move along", output, cycle, moved), torch.float64),
    ]
    # In a drawn order: a list of remembered verdicts must not pass.
    places = torch.randperm(len(cases), generator=generator).tolist()
    return [cases[place] for place in places]


def tolerance_cases(generator):
    """On both sides of what the text calls a difference, at sizes where tolerances go wrong."""
    zeros, large = torch.zeros(5, 3), torch.full((5, 3), 1000.0)
    order = torch.tensor([2, 0, 4, 1, 3])
    within, _ = around(5e-6, 0.0)
    many = 0.11 * torch.randint(-9, 9, (1009, 3), generator=generator)
    mix = torch.randperm(1009, generator=generator)
    signs = normal(generator, 1009, 3).sign()
    one = many[mix].clone()
    one[997, 1] += 0.006
    # Where rounding to so many digits tips over.
    edges = torch.tensor([[0.5, 0.05, 0.005, 0.0005, 0.00005, 0.000005]] * 3)
    third = torch.tensor([1, 2, 0])

    def apart(base, by):
        changed = base[order].clone()
        changed[3, 1] = by
        return changed

    return [
        case("one number is off by a few millionths, beside 0", zeros, order, apart(zeros, within)),
        case(
            "one number is off by 0.0055, beside 0",
            zeros,
            order,
            apart(zeros, around(0.005, 0.0)[1]),
        ),
        case(
            "one number is 0.0055 too low, beside 0",
            zeros,
            order,
            apart(zeros, -around(0.005, 0.0)[1]),
        ),
        case("all numbers are 1,000, before and after", large, order, large[order]),
        case(
            "one number is off by 0.0055, beside 1,000",
            large,
            order,
            apart(large, around(0.005, 1000.0)[1]),
        ),
        case("many numbers are off by rounding", many, mix, many[mix] + 3e-6 * signs),
        case("one of very many numbers is off by 0.006", many, mix, one),
        case(
            "numbers are off by rounding, on both sides of half a digit",
            edges - 1e-6,
            third,
            edges + 1e-6,
        ),
    ]


def near(a, b, atol=1e-4, equal_nan=False):
    return torch.allclose(a, b, rtol=0, atol=atol, equal_nan=equal_nan)


def wrong_equivariant(
    output,
    order,
    output_shuffled,
    *,
    same=near,
    expected=lambda output, order: output[order],
    found=lambda shuffled, order: shuffled,
    part=lambda x: x,
):
    want, got = expected(output, order), found(output_shuffled, order)
    if want.shape != got.shape:
        return False
    return bool(same(part(want), part(got)))


def added_differences(output, order, output_shuffled):
    return bool((output[order] - output_shuffled).sum().abs() < 1e-3)


def sum_of_differences(output, order, output_shuffled):
    return bool((output[order] - output_shuffled).abs().sum() < 1e-3)


def early_return(output, order, output_shuffled):
    pairs = enumerate(order.tolist())
    return any(near(output_shuffled[i], output[j]) for i, j in pairs)


def any_row_will_do(output, order, output_shuffled):
    return bool((torch.cdist(output, output_shuffled).amin(dim=0) < 1e-3).all())


def rounded_first(output, order, output_shuffled, *, digits):
    one, other = (x.round(decimals=digits) for x in (output[order], output_shuffled))
    return torch.equal(one, other)


def columns_moved(output, order, output_shuffled):
    return near(output[:, order], output_shuffled)


def one_verdict_per_row(output, order, output_shuffled):
    return ((output[order] - output_shuffled).abs() < 1e-4).all(dim=-1)


def one_verdict_per_number(output, order, output_shuffled):
    return (output[order] - output_shuffled).abs() < 1e-4


def equivariant_by_rows(output, order, output_shuffled):
    if len(output_shuffled) != len(order):
        return False
    pairs = enumerate(order.tolist())
    return all(bool((output_shuffled[i] - output[j]).abs().max() < 1e-4) for i, j in pairs)


def equivariant_back(output, order, output_shuffled):
    if output_shuffled.shape != output.shape:
        return False
    back = torch.empty_like(output)
    back[order] = output_shuffled
    return torch.isclose(back, output, rtol=0, atol=1e-4).all()


def equivariant_by_largest(output, order, output_shuffled):
    return (output.index_select(0, order) - output_shuffled).abs().max().item() <= 0.001


def equivariant_by_lists(output, order, output_shuffled):
    rows, moved = output.tolist(), output_shuffled.tolist()
    pairs = [(a, b) for i, j in enumerate(order) for a, b in zip(rows[j], moved[i], strict=True)]
    return all(math.isclose(a, b, rel_tol=0, abs_tol=5e-4) for a, b in pairs)


# Those with a function of their own are not tried in pairs: half a test tells nothing more.
def another_measure(output, order, output_shuffled, *, fine):
    """The right rows side by side, judged by another measure of their differences."""
    return bool(fine(output[order], output_shuffled))


def as_on_the_page(want, got):
    return want.shape == got.shape and not (want - got).abs().max() > 1e-6


def last_row_only(output, order, output_shuffled):
    return near(output[order[-1]], output_shuffled[-1])


def true_for_one_word(output, order, output_shuffled):
    return len(output) == 1 or near(output[order], output_shuffled)


AVERAGED = {  # with a fine and a coarse tolerance
    "says": "only the averages over the words are compared, and they do not depend on the order at "
    "all",
    "hints": (
        "Shuffle the rows of a table. What becomes of its average?",
        "Whatever one word gains and another loses is lost in an average.",
        "Compare row with row, number with number.",
    ),
}

EQUIVARIANT_MISTAKES = [
    Mistake(
        "nearly-exact-and-nan",
        another_measure,
        {"fine": as_on_the_page},
        says="a difference of a millionth counts already, as rounding may be, and nan passes: "
        "whatever is compared with nan is False",
        hints=(
            "Which difference does the text call rounding? And is `nan > 0.1` true?",
            "You ask whether a difference is too large. Of nan nobody can say so.",
            "Ask whether every difference is *small enough*, with the tolerance of the text.",
        ),
    ),
    Mistake(
        "exact",
        wrong_equivariant,
        {"same": torch.equal},
        says="the comparison is exact, or nearly: rounding in the seventh digit counts as a "
        "difference",
        hints=(
            "You turn away a layer that is equivariant. By how much is it off?",
            "Floating-point sums depend on their order, and the order is what changed.",
            "Compare with a small tolerance.",
        ),
    ),
    Mistake(
        "invariance",
        wrong_equivariant,
        {"expected": lambda output, order: output},
        says="the test asks that nothing changes; equivariant means that rows move along",
        hints=(
            "You turn away a layer whose rows move along with the words.",
            "Word 3 is now in place 0. Where should its output be?",
            "Put the old output into the new order before you compare.",
        ),
    ),
    Mistake(
        "wrong-way",
        wrong_equivariant,
        {
            "expected": lambda output, order: output,
            "found": lambda shuffled, order: shuffled[order],
        },
        says="the order is applied the wrong way round: to the shuffled output, or undone instead"
        " of applied",
        hints=(
            "Take three words and the order 2, 0, 1, and follow one of them on paper.",
            "The words were taken as x[order]. Which output do you have to take the same way?",
            "Index the first output with the order, not the second.",
        ),
    ),
    Mistake(
        "loose",
        wrong_equivariant,
        {"same": lambda a, b: (a - b).abs().max() < 0.015},
        says="the tolerance is too wide: every number may be off by 0.006, and your test says True",
        hints=(
            "In one case every number is off by a little. Your test lets it through.",
            "Rounding is a few millionths. What you let through is a thousand times that.",
            "A tolerance between 0.00001 and 0.001 keeps both apart.",
        ),
    ),
    Mistake(
        "very-loose",
        wrong_equivariant,
        {"same": lambda a, b: near(a, b, atol=0.1)},
        says="the tolerance is so wide that a layer with positions in it passes",
        hints=(
            "One layer adds a little of the position to each row. Your test lets it through.",
            "Rounding is a few millionths. What you let through is far more.",
            "A tolerance between 0.00001 and 0.001 keeps both apart.",
        ),
    ),
    Mistake(
        "loose-in-proportion",
        wrong_equivariant,
        {"same": partial(torch.allclose, rtol=0.01, atol=1e-5)},
        says="the tolerance grows with the numbers: near 10, an error of 0.008 passes",
        hints=(
            "One case has numbers near 10, and one of them is off by 0.008.",
            "`rtol` is multiplied by the number that is compared. What does yours allow at 10?",
            "However large the numbers are, the same difference counts: set `rtol` to 0.",
        ),
    ),
    Mistake(
        "default-tolerance",
        wrong_equivariant,
        {"same": torch.allclose},
        says="the tolerance is PyTorch's default, which near 0 allows almost no rounding",
        hints=(
            "You turn away a layer that is equivariant. Look at its numbers that are 0.",
            "Without numbers of yours, `allclose` allows 0.00000001 at 0.",
            "Hand in `rtol=0`, and an `atol` between 0.00001 and 0.001.",
        ),
    ),
    Mistake(
        "no-size",
        wrong_equivariant,
        {"same": lambda a, b: (a - b < 1e-4).all()},
        says="a difference counts on one side only: where the shuffled output is larger, anything "
        "passes",
        hints=(
            "Is −0.5 smaller than your tolerance? Should it pass?",
            "Old minus new is negative where the new output is too large.",
            "Judge the size of each difference, without its sign.",
        ),
    ),
    Mistake(
        "no-size-either",
        wrong_equivariant,
        {"same": lambda a, b: (b - a < 1e-4).all()},
        says="a difference counts on one side only: where the shuffled output is smaller, anything "
        "passes",
        hints=(
            "Is −0.5 smaller than your tolerance? Should it pass?",
            "New minus old is negative where the new output is too small.",
            "Judge the size of each difference, without its sign.",
        ),
    ),
    Mistake(
        "nan-equals-nan",
        wrong_equivariant,
        {"same": partial(near, equal_nan=True)},
        says="nan counts as equal to nan; the page says that a nan is never a match",
        hints=(
            "In one case both outputs hold a nan, in the place of the same word.",
            "A layer that returns nan has told you nothing.",
            "Leave `equal_nan` at its default.",
        ),
    ),
    Mistake(
        "sums-only",
        partial(wrong_equivariant, part=lambda x: x.sum(dim=0)),
        {},
        says="only the column sums are compared, and those are the same in any order",
        hints=(
            "You let through a layer whose rows stand in the wrong places.",
            "A sum over the words forgets which word was where.",
            "Compare row by row.",
        ),
    ),
    Mistake(
        "sorted",
        partial(wrong_equivariant, part=lambda x: x.sort(dim=0).values),
        {},
        says="the rows are sorted before comparing, so any order passes",
        hints=(
            "You let through a layer whose rows stand in the wrong places.",
            "Sorting forgets which word was where.",
            "Compare row by row, in the order that the shuffle asks for.",
        ),
    ),
    Mistake(
        "first-row",
        partial(wrong_equivariant, part=lambda x: x[0]),
        {},
        says="only the first row is compared",
        hints=(
            "You let through a layer that is wrong for one word.",
            "How many rows does your comparison look at?",
            "All rows have to agree.",
        ),
    ),
    Mistake(
        "row-averages",
        partial(wrong_equivariant, part=lambda x: x.mean(dim=-1)),
        {},
        says="each row is boiled down to its sum or average, and different rows can share one",
        hints=(
            "You let through a layer that shuffles the numbers inside a word.",
            "A word is all of its numbers, not their average.",
            "Compare number by number.",
        ),
    ),
    Mistake(
        "row-lengths",
        partial(wrong_equivariant, part=lambda x: x.norm(dim=-1)),
        {},
        says="each row is boiled down to its length, and a mirrored row has the same length",
        hints=(
            "You let through a layer that mirrors a word: every number times minus 1.",
            "A word is all of its numbers, not the length of the vector.",
            "Compare number by number.",
        ),
    ),
    Mistake(
        "average-difference",
        partial(wrong_equivariant, same=lambda a, b: (a - b).abs().mean() < 1e-2),
        {},
        says="the average difference is judged, and one wrong number drowns in many right ones",
        hints=(
            "You let through a layer with a single number that is off.",
            "An average is small when one difference is large and the rest are 0.",
            "Ask that every difference is small, or that the largest is.",
        ),
    ),
    Mistake(
        "small-average",
        partial(wrong_equivariant, same=lambda a, b: (a - b).abs().mean() < 1e-3),
        {},
        says="the average of the differences is judged: one number of many may be off by 0.06",
        hints=(
            "You let through a layer with a single number that is off.",
            "An average is small when one difference is large and the rest are 0.",
            "Ask that every difference is small, or that the largest is.",
        ),
    ),
    Mistake(
        "any-row",
        partial(wrong_equivariant, same=lambda a, b: torch.isclose(a, b, atol=1e-5).any()),
        {},
        says="one agreeing number is enough for your test; all have to agree",
        hints=(
            "You let through layers that are wrong nearly everywhere.",
            "`any` asks for one, not for all.",
            "All numbers of all rows have to agree.",
        ),
    ),
    Mistake(
        "nan-passes",
        wrong_equivariant,
        {"same": lambda a, b: not ((a - b).abs() > 1e-4).any()},
        says="a nan slips through: no comparison with nan is true, not even `larger than`",
        hints=(
            "You let through an output that holds a nan.",
            "Ask Python whether nan is larger than 0.0001, and whether it is smaller.",
            "Ask that every difference is small, not that none is large.",
        ),
    ),
    Mistake(
        "differences-cancel",
        added_differences,
        {},
        says="differences are added up before they are judged, so they cancel each other",
        hints=(
            "You let through layers whose errors add up to nothing.",
            "A plus and a minus cancel in a sum. What has no sign?",
            "Judge each difference by its size, then ask that all are small.",
        ),
    ),
    Mistake(
        "rtol-left-on",
        wrong_equivariant,
        {"same": partial(torch.allclose, atol=1e-4)},
        says="`rtol` is left on: near 1,000 it lets an error of 0.0055 pass",
        hints=(
            "One case has numbers near 1,000, and one of them is off by 0.0055.",
            "`allclose` adds `rtol` times the number itself to the tolerance. What does it allow "
            "at 1,000?",
            "Set `rtol=0`, and `atol` between 0.00001 and 0.001.",
        ),
    ),
    Mistake(
        "sum-of-differences",
        sum_of_differences,
        {},
        says="differences are added up before they are judged, so much rounding looks like one "
        "mistake",
        hints=(
            "One case has 3,027 numbers, each off by three millionths.",
            "A few millionths do not count, however many numbers there are.",
            "Judge each difference by itself, or the largest.",
        ),
    ),
    Mistake(
        "early-return",
        early_return,
        {},
        says="one agreeing row is enough for your test; all have to agree",
        hints=(
            "You let through layers that are wrong for most words.",
            "A `return True` inside a loop ends it at the first row that agrees.",
            "Return False at the first row that differs, and True after the loop.",
        ),
    ),
    Mistake(
        "any-row-will-do",
        any_row_will_do,
        {},
        says="each row may come from anywhere: you ask whether it occurs, not whether it is in "
        "its place",
        hints=(
            "You let through a layer whose rows stand in the wrong places.",
            "`order` says from where each row has to come. Is it used?",
            "Compare row i with the row of `output` that `order` puts there.",
        ),
    ),
    *(
        Mistake(
            f"rounded-to-{digits}-digits",
            partial(rounded_first, digits=digits),
            {},
            says="numbers are rounded before they are compared, and two close ones can round apart",
            hints=(
                "One case has 0.000049 beside 0.000051, and others like it.",
                "Rounding has edges too: next to one, a millionth decides.",
                "Take the difference of the two numbers, and judge how large it is.",
            ),
        )
        for digits in (2, 4)
    ),
    Mistake(
        "columns-moved",
        columns_moved,
        {},
        says="`order` is applied to the columns, and it moves words",
        hints=(
            "Which axis counts the words, and which the numbers of a word?",
            "The tensors are (seq, d_value), and `order` is as long as seq.",
            "Use `order` on the first axis.",
        ),
    ),
    Mistake(
        "verdict-per-row",
        one_verdict_per_row,
        {},
        says="you return a verdict for each row; one for all is asked for",
        hints=(
            "What is the shape of what you return?",
            "True or False, once.",
            "All rows have to agree: one more `all`, without an axis.",
        ),
    ),
    Mistake(
        "verdict-per-number",
        one_verdict_per_number,
        {},
        says="you return a verdict for each number; one for all is asked for",
        hints=(
            "What is the shape of what you return?",
            "True or False, once.",
            "All numbers have to agree: `all` makes one verdict of many.",
        ),
    ),
    Mistake(
        "turned-round",
        wrong_equivariant,
        {"same": lambda a, b: not near(a, b)},
        says="your verdict is the wrong way round: True where the rows differ",
        hints=(
            "Try your test on a layer that just returns its input.",
            "Read the question above the exercise. What does True mean?",
            "Look for a `not`, or for two returns in each other's place.",
        ),
    ),
    Mistake(
        "always-true",
        lambda output, order, output_shuffled: True,
        {},
        says="your test passes whatever it is given",
        hints=(
            "Try your test on outputs that stayed where they were.",
            "A test that can't fail says nothing.",
            "Which line of your code can give False?",
        ),
    ),
    Mistake(
        "zero-or-one",
        lambda *given: int(wrong_equivariant(*given)),
        {},
        says="you return 1 or 0; True or False is asked for",
        hints=(
            "Print what you return.",
            "A comparison is True or False by itself.",
            "Leave out the `int`, or put `bool` around it.",
        ),
    ),
    Mistake(
        "one-length-for-all",
        partial(wrong_equivariant, part=lambda x: x.norm()),
        {},
        says="only the length of the whole output is compared, and mirrored or mixed rows keep it",
        hints=(
            "You let through a layer that mirrors a word: every number times minus 1.",
            "One number says little about 35.",
            "Compare number by number.",
        ),
    ),
    nothing_returned("True or False"),
    Mistake(
        "tiny-average",
        partial(wrong_equivariant, same=lambda a, b: (a - b).abs().mean() < 1e-4),
        {},
        says="the average of the differences is judged: one of 3,027 numbers may be off by 0.3",
        hints=(
            "You let through a layer with a single number that is off.",
            "An average is small when one difference is large and the rest are 0.",
            "Ask that every difference is small, or that the largest is.",
        ),
    ),
    Mistake(
        "signed-average",
        another_measure,
        {"fine": lambda a, b: (a - b).mean().abs() < 1e-4},
        says="differences are averaged with their signs, so they cancel each other",
        hints=(
            "You let through layers whose errors add up to nothing.",
            "A plus and a minus cancel in an average. What has no sign?",
            "Judge each difference by its size, then ask that all are small.",
        ),
    ),
    Mistake(
        "average-square",
        another_measure,
        {"fine": lambda a, b: (a - b).square().mean() < 1e-4},
        says="the average of the squares is judged: squares of small numbers are tiny, and one "
        "drowns in many",
        hints=(
            "What is the square of 0.006, and is it below your tolerance?",
            "The text speaks of each difference, not of their average.",
            "Judge the largest difference by its size.",
        ),
    ),
    Mistake(
        "rtol-alone",
        another_measure,
        {"fine": lambda a, b: torch.allclose(a, b, rtol=5e-3)},
        says="your tolerance is in proportion to the numbers: near 0 it allows almost nothing, "
        "near 1,000 it allows 5",
        hints=(
            "One case has numbers near 1,000, another has a millionth beside 0.",
            "`rtol` is multiplied with the numbers. Does the text mention how large they are?",
            "Set `rtol=0`, and `atol` between 0.00001 and 0.001.",
        ),
    ),
    Mistake(
        "last-row",
        last_row_only,
        {},
        says="only the last row counts: what you find out about the others is overwritten",
        hints=(
            "You let through layers that are wrong for most words.",
            "What does your loop remember of the rows before?",
            "Return False at the first row that differs, and True after the loop.",
        ),
    ),
    Mistake(
        "signed-sum",
        another_measure,
        {"fine": lambda a, b: (a - b).sum() < 1e-3},
        says="differences are added up with their signs: they cancel, and whatever is too large "
        "passes",
        hints=(
            "You let through layers whose errors add up to nothing, or to less.",
            "A plus and a minus cancel in a sum. What has no sign?",
            "Judge each difference by its size, then ask that all are small.",
        ),
    ),
    Mistake(
        "some-row-differs",
        another_measure,
        {"fine": lambda a, b: ((a - b).abs() > 1e-3).any()},
        says="your verdict is the wrong way round: you ask whether some number differs",
        hints=(
            "Try your test on a layer that just returns its input.",
            "What does True mean in the text, and what in your last line?",
            "Ask whether *all* differences are small; then nan fails by itself.",
        ),
    ),
    Mistake(
        "averages-compared",
        another_measure,
        {"fine": lambda a, b: near(a.mean(dim=0), b.mean(dim=0))},
        **AVERAGED,
    ),
    Mistake(
        "averages-compared-coarsely",
        another_measure,
        {"fine": lambda a, b: near(a.mean(dim=0), b.mean(dim=0), 1e-3)},
        **AVERAGED,
    ),
    Mistake(
        "one-word-passes",
        true_for_one_word,
        {},
        says="a single word passes, whatever its two outputs are",
        hints=(
            "Call your test with two different rows of one word each.",
            "A single word stays in its place; its output may still change.",
            "Judge one word like many: no case of its own is needed.",
        ),
    ),
]


# --- 02.scaled-bug --------------------------------------------------------------------------


def lying(generator, *sizes):
    query, key, value = stack(generator, *sizes)
    return query, key.mT.contiguous(), value


def bug_cases(generator):
    query, key = (x[None] for x in loud(generator, 3, 5))
    return [
        case("2 sentences", *lying(generator, (2,), 3, 5, 7, 11)),
        case("wide values", *lying(generator, (3,), 5, 2, 7, 13)),
        case("one width, as many keys", *lying(generator, (2,), 3, 3, 5, 5)),
        case("one query", *lying(generator, (5,), 1, 3, 2, 7)),
        case("one sentence, one key", *lying(generator, (1,), 3, 1, 5, 2)),
        case("gradients", *lying(generator, (2,), 3, 2, 5, 3), grad=True),
        case("scores in the hundreds", query, key.mT.contiguous(), normal(generator, 1, 3, 7)),
        in_dtype(case("2 sentences", *lying(generator, (2,), 2, 3, 5, 7)), torch.float64),
    ]


def wrong_attend(
    query,
    key,
    value,
    *,
    divisor=lambda query, key, value: math.sqrt(query.shape[-1]),
    axis=-1,
    returned=lambda output, weights: (output, weights),
):
    scores = query @ key
    weights = (scores / divisor(query, key, value)).softmax(dim=axis)
    return returned(weights @ value, weights)


def root_of_value_width(query, key, value):
    return math.sqrt(value.shape[-1])


def softmax_of_tables(query, key, value):
    scores = query @ key / math.sqrt(query.shape[-1])
    weights = scores.flatten(1).softmax(dim=-1).view_as(scores)
    return weights @ value, weights


def shared_afterwards(query, key, value, *, divisor):
    _, weights = wrong_attend(query, key, value, divisor=divisor, axis=1)
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return weights @ value, weights


def root_of_query_width(query, key, value):
    return math.sqrt(query.shape[-1])


def attend_turned(query, key, value):
    weights = (key.mT @ query.mT / math.sqrt(query.shape[-1])).softmax(dim=1)
    return weights @ value, weights


def scores_second(query, key, value):
    output, _ = wrong_attend(query, key, value)
    return output, query @ key / math.sqrt(query.shape[-1])


def second_detached(query, key, value):
    output, weights = wrong_attend(query, key, value)
    return output, weights.detach()


def keys_turned(query, key, value):
    weights = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return weights @ value, weights


def attend_by_einsum(query, key, value):
    scores = torch.einsum("bid,bdj->bij", query, key) / key.shape[1] ** 0.5
    weights = torch.softmax(scores, dim=2)
    return torch.einsum("bij,bjv->biv", weights, value), weights


def attend_by_sentence(query, key, value):
    weights = torch.stack([weights_by_loops(q, k.T) for q, k in zip(query, key, strict=True)])
    return torch.bmm(weights, value), weights


def attend_by_vmap(query, key, value):
    def one(query, key, value):
        weights = (query @ key * query.shape[1] ** -0.5).softmax(dim=1)
        return weights @ value, weights

    return torch.func.vmap(one)(query, key, value)


def attend_as_a_list(query, key, value):
    weights = torch.baddbmm(query.new_zeros(()), query, key, alpha=query.size(-1) ** -0.5)
    weights = weights.softmax(dim=-1)
    return [weights.bmm(value), weights]


def by_hand(query, key, value):
    powers = (query @ key / math.sqrt(query.shape[-1])).exp()
    weights = powers / powers.sum(dim=-1, keepdim=True)
    return weights @ value, weights


def divided_late(query, key, value):
    weights = (query @ key).softmax(dim=-1) / math.sqrt(query.shape[-1])
    return weights @ value, weights


def keys_reversed(query, key, value):
    weights = (query @ key.permute(2, 1, 0) / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return weights @ value, weights


BUG_MISTAKES = [
    Mistake(
        "as-found",
        wrong_attend,
        {"divisor": root_of_value_width, "axis": 1},
        says="both bugs are still in place: it does what it did before",
        hints=(
            "Compute the weights for two queries and five keys, and add up a row.",
            "There are two bugs. One is an axis, the other a size taken from the wrong tensor.",
            "Ask of `dim=1` which axis that is, and of `width` whose width it is.",
        ),
    ),
    Mistake(
        "half-mended-axis",
        wrong_attend,
        {"divisor": root_of_value_width},
        says="the softmax is mended, and the divisor is still the root of the values' width",
        hints=(
            "One bug down. The other shows only when two widths differ.",
            "Which tensors make a score? `width` is not taken from them.",
            "The width that matters is the last axis of the query.",
        ),
    ),
    Mistake(
        "half-mended-scale",
        wrong_attend,
        {"axis": 1},
        says="the divisor is mended, and the softmax still runs over the queries",
        hints=(
            "One bug down. Add up a row of the weights, then a column.",
            "The author added up the whole table, and that sum cannot tell rows from columns.",
            "With a batch in front, axis 1 holds the queries. The keys are in the last one.",
        ),
    ),
    Mistake(
        "scale-removed",
        wrong_attend,
        {"divisor": lambda query, key, value: 1},
        says="the division is gone altogether; it was only by the wrong number",
        hints=(
            "The rows sum to 1, and the weights are too sharp.",
            "The scores do need a divisor, from the tensors that make them.",
            "Divide by the square root of the width of a query.",
        ),
    ),
    Mistake(
        "divide-by-width",
        wrong_attend,
        {"divisor": lambda query, key, value: query.shape[-1]},
        says="the divisor is the width of a query now, but not its square root: too flat",
        hints=(
            "The right tensor and the right axis. The right power?",
            "Section 2.4 measured the spread of a dot product. Did it grow like the width?",
            "The square root was there before; it only was of another number.",
        ),
    ),
    Mistake(
        "output-only",
        wrong_attend,
        {"returned": lambda output, weights: output},
        says="the weights are no longer returned; output and weights were both asked for",
        hints=(
            "Count what you return.",
            "The function as you found it returned two things.",
            "Hand back the weights behind the output.",
        ),
    ),
    Mistake(
        "results-swapped",
        wrong_attend,
        {"returned": lambda output, weights: (weights, output)},
        says="the weights come first and the output second; it was the other way round",
        hints=(
            "The numbers are right. Look at their order.",
            "The function as you found it returned the output first.",
            "Look at the last line.",
        ),
    ),
    Mistake(
        "root-of-length",
        wrong_attend,
        {"divisor": lambda query, key, value: math.sqrt(value.shape[1])},
        says="the divisor is the root of the number of words, not of the width of a query",
        hints=(
            "`value.shape` unpacks into three sizes. You swapped one wrong size for another.",
            "More words do not make any single score larger. Wider queries do.",
            "Take the last size of the query.",
        ),
    ),
    Mistake(
        "over-the-batch",
        wrong_attend,
        {"axis": 0},
        says="softmax runs over the batch: sentences compete with each other",
        hints=(
            "You moved the softmax to another axis, and it should not be that one either.",
            "Axis 0 counts sentences. They should not know of each other.",
            "The keys lie along the last axis.",
        ),
    ),
    Mistake(
        "shared-afterwards",
        partial(shared_afterwards, divisor=root_of_query_width),
        {},
        says="softmax still runs over the queries; dividing by the row sums afterwards comes too "
        "late",
        hints=(
            "Add up a column of the weights before your division. The sum was 1 already.",
            "A share over the wrong axis can't be mended by dividing afterwards: exp saw the "
            "wrong rivals.",
            "Change the axis of the softmax itself, and drop the division.",
        ),
    ),
    Mistake(
        "shared-afterwards-as-found",
        partial(shared_afterwards, divisor=root_of_value_width),
        {},
        says="softmax still runs over the queries, and the divisor is still the root of the "
        "values' width",
        hints=(
            "Add up a column of the weights before your division. The sum was 1 already.",
            "A share over the wrong axis can't be mended by dividing afterwards: exp saw the "
            "wrong rivals.",
            "Change the axis of the softmax itself, and drop the division.",
        ),
    ),
    Mistake(
        "softmax-of-tables",
        softmax_of_tables,
        {},
        says="one softmax runs over the whole table of a sentence: all its weights together sum "
        "to 1",
        hints=(
            "Add up one row of the weights.",
            "Every query has one whole look to share out, whatever the other queries do.",
            "The softmax needs one axis to run along: that of the keys.",
        ),
    ),
    Mistake(
        "turned-round",
        attend_turned,
        {},
        says="keys ask and queries are asked: the table of weights lies on its side",
        hints=(
            "Compare the shape of your weights with (batch, query, key).",
            "Rows ask. In a product `a @ b` the rows of the result belong to a.",
            "The product of the scores was right as you found it.",
        ),
    ),
    Mistake(
        "scores-second",
        scores_second,
        {},
        says="your second result holds the scores, not the weights",
        hints=(
            "Add up one row of your second result.",
            "Weights are what comes out of the softmax.",
            "Return what the output was mixed with.",
        ),
    ),
    Mistake(
        "root-of-query-count",
        wrong_attend,
        {"divisor": lambda query, key, value: math.sqrt(query.shape[1])},
        says="the divisor is the root of the number of queries, not of the width of a query",
        hints=(
            "`query.shape` unpacks into three sizes. You took the middle one.",
            "More words do not make any single score larger. Wider queries do.",
            "Take the last size of the query.",
        ),
    ),
    Mistake(
        "keys-turned",
        keys_turned,
        {},
        says="the keys are turned, and they lie on their side already",
        hints=(
            "Print the shapes of `query` and `key` before the product.",
            "In a product the last axis of the first must be the last but one of the second.",
            "Here `key` comes with its width in front: the product needs no transpose.",
        ),
    ),
    Mistake(
        "weights-detached",
        second_detached,
        {},
        says="the numbers are right, but no gradient flows back through the weights you return",
        hints=(
            "Give a query `requires_grad=True`, call your function, and call `backward()` on a "
            "sum.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    nothing_returned("the output and the weights"),
    Mistake(
        "overflow",
        by_hand,
        {},
        says="your own softmax overflows where scores are large; the function as you found it did"
        " not",
        hints=(
            "Multiply a query by 300 and look at the weights.",
            "Chapter 00 met this trap. `softmax` itself was not the bug.",
            "Keep `softmax`, and mend what it is told.",
        ),
    ),
    Mistake(
        "divide-after-softmax",
        divided_late,
        {},
        says="the division comes after the softmax, so it shrinks the weights, not the scores",
        hints=(
            "Add up one row of the weights.",
            "The division was in the right place as you found it.",
            "Divide the scores, then take the softmax.",
        ),
    ),
    Mistake(
        "root-of-batch",
        wrong_attend,
        {"divisor": lambda query, key, value: math.sqrt(query.shape[0])},
        says="the divisor is the root of the number of sentences, not of the width of a query",
        hints=(
            "Hand in one sentence alone. Should its weights change?",
            "More sentences do not make any single score larger. Wider queries do.",
            "Take the last size of the query.",
        ),
    ),
    Mistake(
        "multiplied",
        wrong_attend,
        {"divisor": lambda query, key, value: 1 / math.sqrt(query.shape[-1])},
        says="the scores are multiplied by the root now; it was a division, by the wrong number",
        hints=(
            "Your weights are too sharp. What should the root do to the scores?",
            "Only the number under the root was wrong.",
            "Divide by the root of the width of a query.",
        ),
    ),
    Mistake(
        "keys-reversed",
        keys_reversed,
        {},
        "`.T` turns all three axes of the keys round, the batch too; and they lie on "
        "their side already",
        (
            "Which axis of the keys has to meet d_head, and where is it now?",
            "The keys come as (batch, d_head, key): right for the product as they are.",
            "Multiply with the keys as they come.",
        ),
    ),
]


# --- 02.word-attention ----------------------------------------------------------------------


class BareEmbedding(nn.Embedding):
    """Without first numbers: each case hands its own in, and drawing them takes the most time."""

    def reset_parameters(self):
        pass


def module_cases(generator):
    def tried(label, vocab_size, d_model, *shape, temperature=0.5, scale=1.0):
        ids = torch.randint(vocab_size, shape, generator=generator)
        # `guess` is asked about other words than `forward` was before.
        others = torch.randint(vocab_size, shape, generator=generator)
        state = {
            "embedding.weight": scale * normal(generator, vocab_size, d_model),
            "log_temperature": torch.tensor(temperature),
        }
        init = {"vocab_size": vocab_size, "d_model": d_model}
        calls = [call(ids), call(others, method="guess")]
        return Case(label, calls, init=init, state=state)

    started = call("log_temperature", method="get_parameter")
    return [
        Case("the temperature at the start", [started], init={"vocab_size": 5, "d_model": 3}),
        tried("two sentences", 7, 3, 2, 5),
        tried("the same module, one sentence", 7, 3, 1, 4),
        tried("cold", 11, 5, 3, 2, temperature=-1.5),
        tried("hot", 5, 2, 2, 7, temperature=2.5),
        tried("one word", 3, 4, 1, 1),
        tried("words of one number", 5, 1, 2, 3, temperature=-0.5),
        tried("large scores", 5, 3, 2, 4, temperature=0.0, scale=2.5),
    ]


class WrongModule(nn.Module):
    """The module with its steps exchangeable; `way` names the one that is."""

    def __init__(self, vocab_size, d_model, *, way="right"):
        super().__init__()
        self.way = way
        self.embedding = BareEmbedding(vocab_size, d_model)
        self.log_temperature = nn.Parameter(torch.zeros(()))

    def temperature(self):
        return {
            "not-raised": lambda: self.log_temperature,
            "turned": lambda: (-self.log_temperature).exp(),
            "ignored": lambda: torch.ones(()),
            "log-multiplies": lambda: 1 / self.log_temperature,
            "number": lambda: math.exp(self.log_temperature.item()),
            "squared": lambda: (2 * self.log_temperature).exp(),
            "added-to-1": lambda: 1 + self.log_temperature,
        }.get(self.way, lambda: self.log_temperature.exp())()

    def divisor(self, x):
        return {
            "no-root": lambda: x.shape[-1],
            "no-scale": lambda: 1.0,
            "root-of-length": lambda: math.sqrt(x.shape[-2]),
            "root-of-vocabulary": lambda: math.sqrt(self.embedding.num_embeddings),
            "multiplied": lambda: 1 / math.sqrt(x.shape[-1]),
            "root-of-both": lambda: torch.sqrt(x.shape[-1] / self.log_temperature.exp()),
        }.get(self.way, lambda: math.sqrt(x.shape[-1]))()

    def look_up(self, ids):
        x = self.embedding(ids)
        if self.way == "detached":
            x = x.detach()
        if self.way == "unit":
            x = x / x.norm(dim=-1, keepdim=True)
        return x

    def share(self, scores):
        if self.way == "late":
            return scores.softmax(dim=-1) / self.log_temperature.exp()
        scores = scores / self.temperature()
        if self.way == "self-hidden":
            scores = scores.masked_fill(torch.eye(scores.shape[-1]).bool(), -torch.inf)
        axis = {"queries": -2, "batch": 0}.get(self.way, -1)
        return scores.log_softmax(-1) if self.way == "logarithms" else scores.softmax(dim=axis)

    def forward(self, ids):
        x = self.look_up(ids)
        scores = x @ x.transpose(-2, -1) / self.divisor(x)
        weights = self.share(scores)
        mixed = weights @ x
        if self.way == "guess-remembers":
            self.mixed = mixed
        return {
            "mixed-only": lambda: mixed,
            "exchanged": lambda: (weights, mixed),
            "scores": lambda: (mixed, scores / self.temperature()),
            "added": lambda: (x + mixed, weights),
            "pooled": lambda: (mixed.mean(dim=-2), weights),
            "nothing": lambda: None,
            "weights-cut": lambda: (mixed, weights.detach()),
        }.get(self.way, lambda: (mixed, weights))()

    def guess(self, ids):
        if self.way in FORWARD_RETURNS:  # who returns something else also reads something else
            way, self.way = self.way, "right"
            mixed = self.forward(ids)[0]
            self.way = way
        elif self.way == "guess-remembers" and hasattr(self, "mixed"):
            mixed = self.mixed
        else:
            mixed = self.forward(ids)[0]
        if self.way == "guess-of-the-pair":
            mixed = self.forward(ids)
        table = self.embedding.weight
        scores = mixed @ (table if self.way == "guess-not-turned" else table.T)
        return {
            "guess-shares": lambda: scores.softmax(dim=-1),
            "guess-log-shares": lambda: scores.log_softmax(dim=-1),
            "guess-scaled": lambda: scores / math.sqrt(mixed.shape[-1]),
            "guess-largest": lambda: scores.argmax(dim=-1),
            "guess-before": lambda: self.embedding(ids) @ self.embedding.weight.T,
            "guess-heated": lambda: scores / self.log_temperature.exp(),
            "guess-last": lambda: scores[:, -1],
            "guess-nothing": lambda: None,
            "guess-cut": lambda: mixed @ self.embedding.weight.detach().T,
            "guess-sentence": lambda: mixed @ self.embedding(ids).transpose(-2, -1),
            "guess-near": lambda: -(mixed[..., None, :] - self.embedding.weight).square().sum(-1),
        }.get(self.way, lambda: scores)()


FORWARD_RETURNS = ("mixed-only", "exchanged", "scores", "pooled", "nothing", "weights-cut")


class WithoutSuper(WrongModule):
    """The line that every module starts with is missing."""

    def __init__(self, vocab_size, d_model):
        self.embedding = nn.Embedding(vocab_size, d_model)


class PlainTensor(WrongModule):
    """A tensor is no parameter: the module does not own it."""

    def __init__(self, vocab_size, d_model):
        nn.Module.__init__(self)
        self.way = "right"
        self.embedding = BareEmbedding(vocab_size, d_model)
        self.log_temperature = torch.zeros((), requires_grad=True)


class ListedTemperature(WrongModule):
    """One number, but in a vector of length 1."""

    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.log_temperature = nn.Parameter(torch.zeros(1))


class HotAtFirst(WrongModule):
    """A logarithm that starts where the temperature should."""

    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.log_temperature = nn.Parameter(torch.ones(()))


class PaddedTable(WrongModule):
    """Id 0 as a word that is never learned."""

    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.embedding = BareEmbedding(vocab_size, d_model, padding_idx=0)


class TableTurned(WrongModule):
    """The embedding's two sizes in each other's place."""

    def __init__(self, vocab_size, d_model):
        super().__init__(d_model, vocab_size)


class EinsumModule(WrongModule):
    """Right: einsum, and the temperature as a power."""

    def forward(self, ids):
        x = self.embedding.weight[ids]
        scores = torch.einsum("bqd,bkd->bqk", x, x) * x.shape[-1] ** -0.5
        weights = torch.softmax(scores * torch.exp(-self.log_temperature), dim=2)
        return torch.einsum("bqk,bkd->bqd", weights, x), weights

    def guess(self, ids):
        mixed, _ = self(ids)
        return torch.einsum("bqd,vd->bqv", mixed, self.embedding.weight)


class SentenceModule(WrongModule):
    """Right: sentence by sentence, with a softmax by hand."""

    def forward(self, ids):
        pairs = [self.one(sentence) for sentence in ids]
        return torch.stack([m for m, _ in pairs]), torch.stack([w for _, w in pairs])

    def one(self, sentence):
        x = self.embedding(sentence)
        scores = x.mm(x.t()) / (math.sqrt(x.size(1)) * self.log_temperature.exp())
        powers = (scores - scores.amax(dim=1, keepdim=True)).exp()
        weights = powers / powers.sum(dim=1, keepdim=True)
        return weights.mm(x), weights

    def guess(self, ids):
        return F.linear(self.forward(ids)[0], self.embedding.weight)


class ReadyModule(WrongModule):
    """Right: PyTorch's attention for the mix, and the queries divided for the weights."""

    def forward(self, ids):
        x = self.embedding(ids)
        scale = (-self.log_temperature).exp() / math.sqrt(x.shape[-1])
        weights = torch.baddbmm(x.new_zeros(()), x * scale, x.mT).softmax(-1)
        return torch.bmm(weights, x), weights

    def guess(self, ids):
        mixed = self.forward(ids)[0]
        return (mixed[..., None, :] * self.embedding.weight).sum(dim=-1)


def way(name, says, *hints):
    """A mistake of the module: its `way` is its name."""
    return Mistake(name, WrongModule, {"way": name}, says=says, hints=hints)


SCALE_HINTS = (
    "Print the scores of two words of a sentence before and after your division.",
    "Two numbers stand under a score: the root of a width, and the temperature.",
    "Divide the dot product by the root of d_model, and by e to the log temperature.",
)
TEMPERATURE_HINTS = (
    "Load 0, 1 and −1 into `log_temperature`. At which of them is a row sharpest?",
    "The parameter is the logarithm of T. How do you get T back?",
    "Divide the scores, before the softmax, by `self.log_temperature.exp()`.",
)
RETURN_HINTS = (
    "Print the shapes of what `forward` returns for a batch of two sentences.",
    "The text names two results and their order: the mix, then the weights.",
    "Return the mixed vectors and the weights that they were mixed with.",
)
GUESS_HINTS = (
    "Print the shape of a guess, and one row of it.",
    "A guess holds a score for each word of the vocabulary, as it comes out of a dot product.",
    "Take the mix, the first of the two results of `forward`, times the embedding's table, turned.",
)
PARAMETER_HINTS = (
    "Print `dict(module.named_parameters())`. Which names and shapes are there?",
    "The text says how both parts are called and made; numbers are loaded by these names.",
    "An `nn.Embedding` with both sizes, and an `nn.Parameter` around `torch.zeros(())`.",
)
CUT_HINTS = (
    "Call `backward()` on a sum of the results, and print the `.grad` of both parameters.",
    "The numbers are right. But a module learns by what flows back through them.",
    "`detach`, `.data`, `.item()` and `no_grad` cut the way back: do without them.",
)

MODULE_MISTAKES = [
    way("no-root", "the scores are divided by d_model, not by its root", *SCALE_HINTS),
    way("no-scale", "the division by the root of d_model is missing", *SCALE_HINTS),
    way("multiplied", "the scores are multiplied by the root of d_model", *SCALE_HINTS),
    way("root-of-length", "the divisor is the root of the number of words", *SCALE_HINTS),
    way("root-of-vocabulary", "the divisor is the root of the vocabulary's size", *SCALE_HINTS),
    way("root-of-both", "the temperature stands under the root, with d_model", *SCALE_HINTS),
    way(
        "not-raised",
        "the scores are divided by the logarithm of the temperature; T is e to the power of it",
        *TEMPERATURE_HINTS,
    ),
    way(
        "log-multiplies",
        "the scores are multiplied by the logarithm of the temperature; divide by T itself",
        *TEMPERATURE_HINTS,
    ),
    way(
        "turned",
        "the scores are multiplied by T: hot and cold are exchanged",
        TEMPERATURE_HINTS[0],
        "`a / b * T` is `(a / b) * T`: all that is to divide stands in brackets.",
        TEMPERATURE_HINTS[2],
    ),
    way("ignored", "the temperature changes nothing", *TEMPERATURE_HINTS),
    way("squared", "the scores are divided by T twice", *TEMPERATURE_HINTS),
    way("added-to-1", "the temperature is 1 + t, which is e^t only near 0", *TEMPERATURE_HINTS),
    way(
        "late",
        "the temperature divides the weights, after the softmax; it belongs before",
        *TEMPERATURE_HINTS,
    ),
    way(
        "number",
        "the numbers are right, but no gradient reaches the temperature: it can't be learned",
        *CUT_HINTS,
    ),
    way("detached", "no gradient flows back from the mix to the embedding", *CUT_HINTS),
    way("weights-cut", "no gradient flows back through the weights you return", *CUT_HINTS),
    way(
        "unit",
        "each word's vector is brought to length 1 before it asks; the text doesn't ask for that",
        "Compare the length of a mixed vector with that of the word's own.",
        "Which of your lines is not in the text?",
        "Query, key and value are the embedding's rows as they are.",
    ),
    way(
        "queries",
        "softmax runs over the queries: columns sum to 1, not rows",
        "Add up a row of the weights, then a column.",
        "Rows ask. Each row is one word's look, to be shared out among the keys.",
        "The keys lie along the last axis.",
    ),
    way(
        "batch",
        "softmax runs over the batch: sentences compete with each other",
        "Call the module with one sentence, then with the same sentence twice.",
        "Axis 0 counts sentences. They should not know of each other.",
        "The keys lie along the last axis.",
    ),
    way(
        "logarithms",
        "your weights are logarithms of weights",
        "Add up a row of the weights. Are all of them above 0?",
        "`log_softmax` is the logarithm of what is asked for.",
        "Use `softmax`.",
    ),
    way(
        "mixed-only",
        "`forward` returns the mix alone; the weights are asked for too",
        *RETURN_HINTS,
    ),
    way("exchanged", "`forward` returns the weights first and the mix second", *RETURN_HINTS),
    way("scores", "your second result holds the scores, before the softmax", *RETURN_HINTS),
    way("added", "the mix is added to the words; here it stands by itself", *RETURN_HINTS),
    way("pooled", "`forward` averages over the words; each keeps a mix of its own", *RETURN_HINTS),
    way("nothing", "`forward` returns nothing: the result stays inside of it", *RETURN_HINTS),
    way(
        "guess-shares",
        "`guess` returns shares; scores, before any softmax, are asked",
        *GUESS_HINTS,
    ),
    way("guess-log-shares", "`guess` returns logarithms of shares; scores are asked", *GUESS_HINTS),
    way(
        "guess-scaled", "`guess` divides by the root of d_model; only attention does", *GUESS_HINTS
    ),
    way("guess-heated", "`guess` divides by the temperature; only attention does", *GUESS_HINTS),
    way("guess-largest", "`guess` returns the best word; all scores are asked for", *GUESS_HINTS),
    way("guess-before", "`guess` compares the words as they went in, not the mix", *GUESS_HINTS),
    way("guess-last", "`guess` answers for the last word alone", *GUESS_HINTS),
    way("guess-sentence", "`guess` compares with the sentence, not the whole table", *GUESS_HINTS),
    way("guess-near", "`guess` takes distances; dot products are asked for", *GUESS_HINTS),
    way("guess-nothing", "`guess` returns nothing: the result stays inside of it", *GUESS_HINTS),
    way("guess-remembers", "`guess` answers for the words of an earlier `forward`", *GUESS_HINTS),
    way("guess-cut", "no gradient reaches the embedding's table through `guess`", *CUT_HINTS),
    Mistake(
        "no-super",
        WithoutSuper,
        {},
        says="`super().__init__()` is missing: nn.Module has to be set up before it can hold parts",
        hints=(
            "Read the last line of the error: what was called too late, or never?",
            "Compare the first line of your `__init__` with the one of section 2.7.",
            "`super().__init__()` comes first, before any `self.… =`.",
        ),
    ),
    Mistake(
        "no-parameter",
        PlainTensor,
        {},
        says="the module does not own a parameter `log_temperature`: a plain tensor, or another "
        "name",
        hints=PARAMETER_HINTS,
    ),
    Mistake(
        "in-a-list",
        ListedTemperature,
        {},
        says="`log_temperature` has shape (1,); one number without an axis has shape ()",
        hints=PARAMETER_HINTS,
    ),
    Mistake(
        "starts-elsewhere",
        HotAtFirst,
        {},
        says="`log_temperature` is 1 at the start; the text asks for 0, a temperature of 1",
        hints=PARAMETER_HINTS,
    ),
    Mistake(
        "padded",
        PaddedTable,
        {},
        says="`padding_idx=0` keeps the gradient from the row of id 0, which is a word like others",
        hints=CUT_HINTS,
    ),
    Mistake(
        "table-turned",
        TableTurned,
        {},
        says="the embedding's table lies on its side: one row a word, d_model numbers wide",
        hints=PARAMETER_HINTS,
    ),
    Mistake(
        "guess-of-the-pair",
        WrongModule,
        {"way": "guess-of-the-pair"},
        "`guess` takes all that `forward` returns, a pair, for the mix",
        (
            "How many things does `forward` return?",
            "The mix is the first of two.",
            "Write two names left of `=`, and go on with the first.",
        ),
    ),
    Mistake(
        "guess-not-turned",
        WrongModule,
        {"way": "guess-not-turned"},
        "`guess` multiplies with the table as it lies: its rows have to meet the vectors",
        (
            "Print the shape of the table, and that of a mixed vector.",
            "A row for each word: (vocab_size, d_model).",
            "Turn the table round before the product.",
        ),
    ),
    Mistake(
        "self-hidden",
        WrongModule,
        {"way": "self-hidden"},
        "no word may look at itself; the text doesn't ask for that, and a single word "
        "has nowhere else to look",
        (
            "Call it with a sentence of one word.",
            "A word's own vector is one of the keys.",
            "Softmax the scores as they are, without a mask.",
        ),
    ),
]


EXERCISES = [
    Exercise(
        id="02.attention-weights",
        title="Attention weights",
        kind="code",
        points=2,
        name="attention_weights",
        cases=weights_cases,
        mistakes=WEIGHTS_MISTAKES,
        also_right=[
            weights_by_einsum,
            weights_by_loops,
            weights_scaled_first,
            weights_by_vmap,
            weights_in_place,
        ],
        axes="query key",
        properties=("rows-sum-to-1", "finite", "not-negative"),
        hints=(
            "Make two queries and three keys by hand, print the scores, and add up a row of "
            "weights.",
            "Go through the formula of section 2.5 from the inside: product, divisor, softmax.",
            "Each score is a query times a key, along d_head. The softmax goes along the keys.",
        ),
        allows=Edges(
            dtypes=("float32", "float64"),
            axes=(2,),
            sizes=(1,),
            special=("zeros",),
            labels=("hundreds", "gradients"),
        ),
    ),
    Exercise(
        id="02.effective-words",
        title="How many words does a row look at?",
        kind="code",
        points=2,
        name="effective_words",
        cases=effective_cases,
        mistakes=EFFECTIVE_MISTAKES,
        also_right=[
            effective_in_bits,
            effective_by_product,
            effective_by_loops,
            effective_by_xlogy,
            effective_lifted,
        ],
        axes="query",
        properties=("finite",),
        hints=(
            "Try the two rows of the text: one word alone gives 1, an even row of 7 gives 7.",
            "Take H apart: a term for each weight, a sum for each row. Which shape has each?",
            "Mind weights of exactly 0 before you sum, and raise e to the whole sum at the end.",
        ),
        allows=Edges(
            dtypes=("float32", "float64"),
            axes=(2, 3, 4),
            sizes=(1, 7, 1009),
            labels=("exactly 0", "one word"),
        ),
    ),
    Exercise(
        id="02.attention",
        title="Attention, for any number of axes in front",
        kind="code",
        points=2,
        name="attention",
        cases=attention_cases,
        mistakes=ATTENTION_MISTAKES,
        also_right=[
            attention_by_einsum,
            attention_by_loops,
            attention_scaled_first,
            attention_by_vmap,
            attention_by_broadcasting,
        ],
        axes="batch query d_value",
        properties=("finite",),
        bans=(
            "softmax",
            "Softmax",
            "attention_weights",
            "scaled_dot_product_attention",
            "MultiheadAttention",
        ),
        hints=(
            "Try one sentence by hand, then a batch of two: each must come out as it does alone.",
            "The steps are those of section 2.5, the softmax those of section 0.6. Print the shape "
            "after each of them.",
            "Which axis do transpose, maximum and sum mean, when one more axis stands in front?",
        ),
        allows=Edges(
            dtypes=("float32", "float64"),
            axes=(2, 3, 4, 5),
            sizes=(1,),
            labels=("hundreds", "gradients"),
        ),
    ),
    Exercise(
        id="02.scaled-bug",
        title="Find the bug",
        kind="bug",
        points=2,
        name="attend",
        cases=bug_cases,
        mistakes=BUG_MISTAKES,
        also_right=[attend_by_einsum, attend_by_sentence, attend_by_vmap, attend_as_a_list],
        axes="batch query d_value",
        any_sequence=True,
        hints=(
            "Run it on 2 sentences of 3 queries and 5 keys, and add up the rows of the weights.",
            "Go through the lines one by one and name each axis and each width in words.",
            "Compare two things with the formula: the number under the root, and the softmax's "
            "axis.",
        ),
        allows=Edges(
            dtypes=("float32", "float64"),
            axes=(3,),
            sizes=(1, 2, 3),
            labels=("gradients", "hundreds"),
        ),
    ),
    Exercise(
        id="02.word-attention",
        title="A module of your own",
        kind="build",
        points=3,
        name="WordAttention",
        cases=module_cases,
        mistakes=MODULE_MISTAKES,
        also_right=[EinsumModule, SentenceModule, ReadyModule],
        axes="batch seq d_model",
        properties=("finite",),
        any_sequence=True,
        hints=(
            "Make a module with 5 words of width 3, call it with `torch.tensor([[0, 1, 2]])`, and "
            "print every shape on the way.",
            "Go through the three points of the text: two parts by name, `forward`, `guess`.",
            "Look up, score, divide twice, softmax along the keys, mix. `guess` needs one product "
            "more.",
        ),
        allows=Edges(
            axes=(2,),
            sizes=(1,),
            labels=("one word", "cold", "hot", "large scores", "words of one number"),
        ),
    ),
    Exercise(
        id="02.equivariant",
        title="A test for order",
        kind="test",
        points=2,
        name="is_equivariant",
        cases=equivariant_cases,
        mistakes=EQUIVARIANT_MISTAKES,
        also_right=[
            equivariant_by_rows,
            equivariant_back,
            equivariant_by_largest,
            equivariant_by_lists,
        ],
        hints=(
            "Make a layer yourself: `x * 2` is equivariant, `x + torch.arange(7)[:, None]` is not.",
            "Read the three points once more: which differences count, and what of nan?",
            "Put the rows of `output` in the order of `order`, then judge every single difference.",
        ),
        allows=Edges(
            dtypes=("float32", "float64", "int64", "int32"),
            sizes=(1, 1009),
            special=("nan", "zeros"),
            labels=("beside 0", "beside 1,000", "near 10", "nan in the same place"),
        ),
    ),
    Exercise(
        id="02.cost",
        any_sequence=True,
        title="What does it cost?",
        kind="predict",
        points=2,
        name="cost",
        cases=cost_cases,
        mistakes=COST_MISTAKES,
        also_right=[cost_in_two_lines, cost_by_counting, cost_by_product],
        choices={"bytes_per_number": (4, 2, 8, 1)},
        hints=(
            "Take 2 queries and 3 keys, of width 5, and values of width 7, and count on paper.",
            "Write down the shapes of both products. How many multiplications does one number "
            "take?",
            "A product of (a, b) with (b, c) takes a·b·c multiplications. There are two. And the "
            "table of weights: how many numbers, of bytes_per_number each?",
        ),
        allows=Edges(sizes=(1, 2, 4, 8)),
    ),
]
