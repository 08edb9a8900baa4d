"""Answer key of chapter 00: dot products, shapes, a softmax that survives, a first test."""

import torch

from course_lib.grader.judging.key import Exercise, Mistake, case


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def whole(generator, low, high, count):
    """`count` different whole numbers from low to high."""
    return (torch.randperm(high - low + 1, generator=generator)[:count] + low).tolist()


# 00.scores


def scores_cases(generator):
    return [
        case("5 keys of 3 features", normal(generator, 3), normal(generator, 5, 3)),
        case("2 keys of 7 features", normal(generator, 7), normal(generator, 2, 7)),
        case("a single key", normal(generator, 2), normal(generator, 1, 2)),
        case("as many keys as features", normal(generator, 4), normal(generator, 4, 4)),
    ]


def wrong_scores(query, keys, *, add="features", divide=None, take=lambda x: x):
    products = take(keys * query)
    summed = products.mean(-1) if divide == "mean" else products.sum(-1)
    if add == "keys":
        return products.sum(0)
    if add == "everything":
        return products.sum()
    if add == "nothing":
        return products
    return summed


def cosine(query, keys):
    return torch.cosine_similarity(query[None], keys, dim=-1)


def distance(query, keys):
    return (keys - query).norm(dim=-1)


def turned(query, keys):
    return query @ keys if len(query) == len(keys) else keys @ query


def columns_only(query, keys):
    return query @ keys


def column(query, keys):
    return keys @ query[:, None]


def scores_by_loop(query, keys):
    return torch.stack([sum(q * k for q, k in zip(query, key, strict=True)) for key in keys])


def scores_by_einsum(query, keys):
    return torch.einsum("f,kf->k", query, keys)


SCORES_MISTAKES = [
    Mistake(
        "adds-over-keys",
        wrong_scores,
        {"add": "keys"},
        says="you add over the keys: one number for each feature is left, not one for each key",
        hints=(
            "How many numbers should come out: as many as keys, or as many as features?",
            "`keys * query` is (key, feature). Which of the two axes should vanish?",
            "Add along the last axis, or let `@` do it.",
        ),
    ),
    Mistake(
        "mean",
        wrong_scores,
        {"divide": "mean"},
        says="you take the mean of the products, so each score is too small",
        hints=(
            "Compare your first score with one that you work out by hand.",
            "It is too small. By which factor, and what in the input has that size?",
            "A dot product adds up. Nothing is divided.",
        ),
    ),
    Mistake(
        "no-sum",
        wrong_scores,
        {"add": "nothing"},
        says="you multiply and do not add: every feature of every key is still there",
        hints=(
            "Print the shape of what you return.",
            "The formula has a sign that you have not used yet.",
            "After the products comes a sum over the features.",
        ),
    ),
    Mistake(
        "adds-everything",
        wrong_scores,
        {"add": "everything"},
        says="you add up the whole table: one number is left for all keys together",
        hints=(
            "How many numbers should come out for 5 keys?",
            "`sum()` without an axis adds up everything. Section 0.4 had a sum for each row.",
            "Tell `sum` the axis that counts features, or let `@` do it.",
        ),
    ),
    Mistake(
        "no-sign",
        wrong_scores,
        {"take": torch.abs},
        says="you take products without their sign, so opposites look alike",
        hints=(
            "Try a query and a key that point in opposite directions.",
            "Should such a pair score high or low?",
            "Leave the products as they are, negative ones too.",
        ),
    ),
    Mistake(
        "cosine",
        cosine,
        {},
        says="you divide by the lengths of both vectors: that is the cosine, not the dot product",
        hints=(
            "Your scores never leave the range from −1 to 1. Should they?",
            "The dot product keeps the lengths. What does yours do with them?",
            "Multiply and add; leave the norms out.",
        ),
    ),
    Mistake(
        "distance",
        distance,
        {},
        says="you measure how far apart the vectors are: alike pairs get the smallest number",
        hints=(
            "Compare a vector with itself. Is your score large or small?",
            "A distance subtracts. What does the dot product do instead?",
            "Multiply number by number, then add.",
        ),
    ),
    Mistake(
        "turned",
        turned,
        {},
        says="with as many keys as features you compare with the columns of `keys`, not its rows",
        hints=(
            "It works for most sizes. It goes wrong when the table is square.",
            "`query @ keys` and `keys @ query` are both allowed then. Which adds over features?",
            "A key is a row. `@` takes the rows of the table on its left.",
        ),
    ),
    Mistake(
        "columns-only",
        columns_only,
        {},
        says="you compare with the columns of `keys`, and those are as long as there are keys",
        hints=(
            "Write the two shapes side by side, in your order. Which two sizes meet?",
            "`@` takes the columns of what stands on its right. The keys are rows.",
            "Let the keys stand on the left, or turn them on their side with `.T`.",
        ),
    ),
    Mistake(
        "column",
        column,
        {},
        says="you return a table with one column, (key, 1), where one axis, (key,), was asked for",
        hints=(
            "The numbers are right. Look at the shape.",
            "An axis of size 1 is one axis too many.",
            "Multiply with the vector as it is, without giving it a second axis.",
        ),
    ),
]


# 00.dot-shape


def shape_cases(generator):
    a, b, c, d, e = whole(generator, 2, 19, 5)
    return [
        case("two tables", (a, b), (b, c)),
        case("a stack of tables", (e, a, b), (e, b, d)),
        case("two axes in front", (d, e, c, a), (d, e, a, b)),
        case("sizes that don't meet", (a, b), (c, d)),
        case("they would meet the other way round", (a, b), (c, a)),
        case("same number of rows, sizes that don't meet", (c, a), (c, b)),
    ]


def wrong_shape(a, b, *, meet=(-1, -2), keep=(-2, -1), front=True, check=True, order=1):
    if check and a[meet[0]] != b[meet[1]]:
        return None
    tail = (a[keep[0]], b[keep[1]])[::order]
    return (*a[:-2], *tail) if front else tail


SHAPE_HINTS = (
    "Write the two shapes under each other, the second one turned on its side.",
    "Which two sizes meet, and which two are left?",
)
SHAPE_MISTAKES = [
    Mistake(
        "no-check",
        wrong_shape,
        {"check": False},
        says="you name a shape also where the product does not exist",
        hints=(
            "Try your function on (2, 3) and (5, 7).",
            SHAPE_HINTS[1],
            "Compare the last size of `a` with the last but one of `b` before you answer.",
        ),
    ),
    Mistake(
        "last-axes-meet",
        wrong_shape,
        {"meet": (-1, -1)},
        says="you compare the last axes of both: that would be the product with `b.T`, `b` turned",
        hints=(
            SHAPE_HINTS[0],
            "`@` takes the rows of `a` and the columns of `b`. How long is a column of `b`?",
            "The last axis of `a` meets the last but one of `b`.",
        ),
    ),
    Mistake(
        "keeps-what-meets",
        wrong_shape,
        {"keep": (-1, -1)},
        says="you keep the axis that is added up, and lose the rows of `a`",
        hints=(
            SHAPE_HINTS[1],
            "Section 0.3: the 3s met. Were they in the result?",
            "From `a` the rows survive, from `b` the columns.",
        ),
    ),
    Mistake(
        "turned",
        wrong_shape,
        {"order": -1},
        says="you give the two sizes that are left in the wrong order",
        hints=(
            "Which tensor gives the rows of a product?",
            "Rows ask, columns are asked.",
            "First the rows of `a`, then the columns of `b`.",
        ),
    ),
    Mistake(
        "loses-the-front",
        wrong_shape,
        {"front": False},
        says="you forget the axes in front: `@` treats each table alone and keeps the stack",
        hints=(
            "Try shapes with three axes.",
            "With 5 sentences in, how many come out?",
            "Everything before the last two axes stays as it is.",
        ),
    ),
]


def shape_by_unpacking(a, b):
    if list(a)[-1] != list(b)[-2]:
        return None
    return (*a[: len(a) - 1], *b[-1:])


def shape_on_meta(a, b):
    try:
        return tuple((torch.empty(a, device="meta") @ torch.empty(b, device="meta")).shape)
    except RuntimeError:
        return None


# 00.safe-softmax


def softmax_cases(generator):
    wild = torch.tensor([[1e4, 9.999e3, 0.0], [-1e4, -9.998e3, -1e4]])
    far = normal(generator, 3, 5) + torch.tensor([[0.0], [1e4], [-1e4]])
    return [
        case("three scores", normal(generator, 3)),
        case("a table", 3 * normal(generator, 2, 5)),
        case("a square table", normal(generator, 4, 4)),
        case("a batch of tables", normal(generator, 2, 3, 7)),
        case("scores of ±10,000", wild),
        case("rows far from each other", far),
        case("float16", (4 * normal(generator, 2, 5) + 50).half()),
        case("float16, far apart", torch.tensor([[-6e4, 6e4, 5.9e4]]).half()),
        case("float16, scores near 1,000", torch.tensor([[1000.0, 1001, 1002, 999]]).half()),
        case("one score of 100", torch.tensor([[100.0, 0.0, 20.0, 99.0]])),
    ]


def wrong_softmax(
    x, *, axis=-1, shift="row", upcast=False, power=torch.exp, keep=True, keepdim=True
):
    given = x.dtype
    x = x.float() if upcast else x
    if shift == "row":
        x = x - x.amax(dim=axis, keepdim=True)
    elif shift == "all":
        x = x - x.max()
    elif shift == "mean":
        x = x - x.mean(dim=axis, keepdim=True)
    elif shift == "smallest":
        x = x - x.amin(dim=axis, keepdim=True)
    elif shift == "constant":
        x = x - 10_000
    elif shift == "divide":
        x = x / x.amax(dim=axis, keepdim=True)
    elif shift == "clamp":
        x = x.clamp(-10, 10)
    powers = power(x)
    shares = powers / powers.sum(dim=axis, keepdim=keepdim)
    return shares if keep else shares.to(torch.float32 if given == torch.float16 else given)


def of_the_whole(x):
    return torch.softmax(x.flatten().float(), 0).reshape(x.shape).to(x.dtype)


def through_half_logs(x):
    return (x - x.logsumexp(-1, keepdim=True)).exp()


def softmax_by_rows(x):
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        powers = torch.exp(row - max(row.tolist()))
        rows.append(powers / powers.sum())
    return torch.stack(rows).reshape(x.shape)


def softmax_through_logs(x):
    return (x.float() - x.float().logsumexp(-1, keepdim=True)).exp().to(x.dtype)


SOFTMAX_MISTAKES = [
    Mistake(
        "overflow",
        wrong_softmax,
        {"shift": None},
        says="you raise e to the scores as they are, and large scores become infinite",
        hints=(
            "Try it on a row that holds 1000.",
            "Section 0.6: what may you take away from all scores without changing the shares?",
            "Take away something that makes the largest score of the row small.",
        ),
    ),
    Mistake(
        "wrong-axis",
        wrong_softmax,
        {"axis": 0},
        says="the shares run along the first axis: columns sum to 1 instead of rows",
        hints=(
            "Add up one row of your result, and one column.",
            "What does each axis count, and along which one should the shares be given out?",
            "The last axis has a number that works for any shape.",
        ),
    ),
    Mistake(
        "one-maximum",
        wrong_softmax,
        {"shift": "all"},
        says="you take one maximum away from all rows, and a row far below it vanishes into 0 / 0",
        hints=(
            "It works until two rows lie far apart. Try one row near 0 and one near −10,000.",
            "Each row needs its own number to be taken away.",
            "Take the maximum along the last axis, and keep that axis with size 1.",
        ),
    ),
    Mistake(
        "mean",
        wrong_softmax,
        {"shift": "mean"},
        says="you take the mean away, and a score far above the mean still overflows",
        hints=(
            "Try the row 10,000 and −10,000. What is left after your shift?",
            "After the shift no score should be above 0.",
            "Which number of a row is never below any other?",
        ),
    ),
    Mistake(
        "smallest",
        wrong_softmax,
        {"shift": "smallest"},
        says="you take the smallest score away, and a score far above it still overflows",
        hints=(
            "Try the row 100 and 0. What is left after your shift?",
            "After the shift no score should be above 0.",
            "Which number of a row is never below any other?",
        ),
    ),
    Mistake(
        "constant",
        wrong_softmax,
        {"shift": "constant"},
        says="you take 10,000 away from all scores, and small ones vanish into 0 / 0",
        hints=(
            "Try it on the row 1, 2, 3.",
            "e to the power of −9,999 is 0 in a computer. What is the sum of such a row?",
            "No fixed number fits all rows. Take one that comes from the row itself.",
        ),
    ),
    Mistake(
        "divides-by-the-largest",
        wrong_softmax,
        {"shift": "divide"},
        says="you divide by the largest score instead of taking it away, so the shares change",
        hints=(
            "Compare with section 0.4: does the row 7, 3, 5, 6 still give 0.657 first?",
            "Only differences of scores count. What does a division do to them?",
            "Section 0.6 takes a number away from all scores.",
        ),
    ),
    Mistake(
        "clamp",
        wrong_softmax,
        {"shift": "clamp"},
        says="you cut large scores off, and scores that differ become equal",
        hints=(
            "No `nan`, that's good. Now compare the shares of 9,999 and 10,000.",
            "A cure must not change the differences between scores.",
            "Move the scores instead of cutting them.",
        ),
    ),
    Mistake(
        "whole-table",
        of_the_whole,
        {},
        says="you share one unit over the whole tensor: all values together sum to 1, not each row",
        hints=(
            "Add up one row of your result.",
            "How many units are given out in a table of 5 rows?",
            "Both the maximum and the sum belong to a row: give them an axis.",
        ),
    ),
    Mistake(
        "keepdim-missing",
        wrong_softmax,
        {"keepdim": False},
        says="your sums have lost their axis, and line up with the columns when they divide",
        hints=(
            "Print the shape of your sums. One number for each what?",
            "Sizes are lined up from the right. A shape (rows,) lines up with the columns.",
            "Section 0.4: `keepdim=True` keeps the summed axis with size 1.",
        ),
    ),
    Mistake(
        "base-2",
        wrong_softmax,
        {"power": torch.exp2},
        says="you raise 2 to the scores instead of e: the shares are too even",
        hints=(
            "Your rows sum to 1 and the order is right. Compare one share with section 0.4.",
            "A lead of 1 should give 2.7 times the share. What does it give in yours?",
            "Look at the function that you raise to a power with.",
        ),
    ),
    Mistake(
        "half-logs",
        through_half_logs,
        {},
        says="you take a logarithm in float16, and its rounding shows in every share",
        hints=(
            "Right on paper, and in float32. Add up a row of your float16 result.",
            "Near 1,000 the numbers of float16 stand 0.5 apart. Where do you make such a number?",
            "Take the maximum away: that difference is exact. Or compute in float32 on the way.",
        ),
    ),
    Mistake(
        "other-dtype",
        wrong_softmax,
        {"upcast": True, "keep": False},
        says="you return float32 where float16 came in",
        hints=(
            "Print the dtype of what comes in and of what goes out.",
            "Computing in float32 is a good idea. Something is missing at the end.",
            "Turn the result back into the dtype of `x`.",
        ),
    ),
]


# 00.is-distribution


def distribution_cases(generator, tolerance):
    def shares(*shape):
        return torch.softmax(normal(generator, *shape), dim=-1)

    negative = shares(3, 5)
    negative[1, 1] += negative[1, 0] + 0.25
    negative[1, 0] = -0.25
    unknown = shares(2, 3)
    unknown[1, 2] = float("nan")
    balanced = shares(2, 5)
    balanced[0] *= 1.2
    balanced[1] *= 0.8
    short = shares(5, 2)
    short[4] *= 0.9
    first = shares(3, 7)
    first[0] *= 0.9
    return [
        case("a softmax", shares(3, 5)),
        # sums of 1.000001: never exactly 1 by luck, and right by any sensible tolerance
        case("many keys, rounded a little", shares(2, 11) + 1e-7),
        # one between each two of the tolerances that students are given, one above them all
        case("every row sums to 1.002", 1.002 * shares(3, 4)),
        case("every row sums to 1.006", 1.006 * shares(2, 4)),
        case("every row sums to 1.02", 1.02 * shares(4, 3)),
        case("every row sums to 1.04", 1.04 * shares(3, 5)),
        case("one key takes all", torch.eye(4)[[2, 0, 3]]),
        case("one row, rounded", shares(1, 3) + 1e-5),
        case("columns sum to 1", torch.softmax(normal(generator, 3, 2), dim=0)),
        case("one negative share, rows sum to 1", negative),
        case("one nan", unknown),
        case("rows sum to 1.2 and 0.8", balanced),
        case("only the last row is short", short),
        case("only the first row is short", first),
        case("shares of the whole table", shares(1, 6).reshape(2, 3)),
        case("nothing at all", torch.zeros(2, 3)),
        case("both axes sum to 1", torch.full((3, 3), 1 / 3)),
    ]


def wrong_test(
    w, *, tolerance, axis=-1, sign=True, sums=True, near="own", rows="all", lazy_nan=False
):
    near = tolerance if near == "own" else near
    if sign and (w < 0).any():
        return False
    if not lazy_nan and w.isnan().any():
        return False
    if not sums:
        return bool((w <= 1).all())
    total = w.nan_to_num(0.0).sum(dim=axis) if not lazy_nan else w.nansum(dim=axis)
    off = (total - 1).abs() >= near if near else total != 1
    if lazy_nan:
        off = off & ~w.isnan().any(dim=axis)
    return bool(
        not off[0] if rows == "first" else not off.all() if rows == "any" else not off.any()
    )


def total_only(w, *, tolerance):
    return bool((w >= 0).all()) and abs(w.sum().item() - len(w)) < tolerance


def distribution_by_loop(weights, *, tolerance):
    for row in weights.tolist():
        if not all(x >= 0 for x in row) or abs(sum(row) - 1) >= tolerance:
            return False
    return True


def distribution_by_allclose(weights, *, tolerance):
    ones = torch.ones(weights.shape[0])
    good = torch.allclose(weights.sum(-1), ones, atol=tolerance, rtol=0)
    return good and not bool((weights < 0).any())


TEST_MISTAKES = [
    Mistake(
        "negative-passes",
        wrong_test,
        {"sign": False},
        says="you look at the sums only, and a negative share can hide in a row that sums to 1",
        hints=(
            "Can a row sum to 1 and still be no set of shares?",
            "Try the row −0.5, 1.5.",
            "Ask for every value whether it is below 0.",
        ),
    ),
    Mistake(
        "columns",
        wrong_test,
        {"axis": 0},
        says="you add up the columns: rows are queries, and it is the rows that share one unit",
        hints=(
            "Print the sums that you compare. How many are there?",
            "For each query, over what do the shares run?",
            "Add along the last axis.",
        ),
    ),
    Mistake(
        "exactly-one",
        wrong_test,
        {"near": 0},
        says="you ask for exactly 1, and rounding makes right weights fail",
        hints=(
            "Add 0.1 ten times in Python and compare with 1.",
            "How far from 1 may a sum be, by the text above?",
            "Compare the distance from 1 with a small number.",
        ),
    ),
    Mistake(
        "too-strict",
        wrong_test,
        {"near": 1e-5},
        says="your tolerance is far narrower than the one asked for: weights rounded a little fail",
        hints=(
            "You turn away a row that sums to 1.00003.",
            "How far from 1 may a sum be? If you use `allclose`: it has a tolerance of its own.",
            "Let the distance from 1 go up to the number in the text.",
        ),
    ),
    Mistake(
        "loose",
        wrong_test,
        {"near": 0.05},
        says="your tolerance is wider than the one asked for: rows that sum to 1.04 pass",
        hints=(
            "Try a table whose rows sum to 1.04.",
            "How far from 1 may a sum be, by the text above?",
            "Let the distance from 1 go up to the number in the text and no further.",
        ),
    ),
    Mistake(
        "total",
        total_only,
        {},
        says="you check the sum of the whole table, and one row too large hides one too small",
        hints=(
            "Try a table whose rows sum to 1.2 and 0.8.",
            "The promise is made for each row.",
            "Keep one sum for each row, and ask all of them.",
        ),
    ),
    Mistake(
        "first-row",
        wrong_test,
        {"rows": "first"},
        says="you look at the first row's sum only",
        hints=(
            "Break the last row of a table and try again.",
            "How many rows does your test look at?",
            "`all()` asks every row.",
        ),
    ),
    Mistake(
        "one-good-row",
        wrong_test,
        {"rows": "any"},
        says="you are content when one of the rows sums to 1",
        hints=(
            "Break one row of a table and try again.",
            "What is the difference between `any` and `all`?",
            "Every row must keep the promise.",
        ),
    ),
    Mistake(
        "no-sums",
        wrong_test,
        {"sums": False},
        says="you check that values lie between 0 and 1, but not what the rows sum to",
        hints=(
            "Try a table of zeros.",
            "Which of the three promises do you not test?",
            "Add up each row and compare with 1.",
        ),
    ),
    Mistake(
        "nan-passes",
        wrong_test,
        {"lazy_nan": True},
        says="a row with nan slips through your test",
        hints=(
            "Try a row that holds nan.",
            "`nan < 0` is False, and so is `nan > 0`. Which way round do you ask?",
            "Ask what must be true of every value, not what must be false.",
        ),
    ),
]

EXERCISES = [
    Exercise(
        id="00.scores",
        title="Compare one vector with many",
        kind="code",
        points=1,
        name="scores",
        cases=scores_cases,
        mistakes=SCORES_MISTAKES,
        also_right=[scores_by_loop, scores_by_einsum],
        axes="key",
    ),
    Exercise(
        id="00.dot-shape",
        title="Say the shape first",
        kind="predict",
        points=1,
        name="dot_shape",
        cases=shape_cases,
        mistakes=SHAPE_MISTAKES,
        also_right=[shape_by_unpacking, shape_on_meta],
    ),
    Exercise(
        id="00.safe-softmax",
        title="A softmax that survives",
        kind="code",
        points=2,
        name="safe_softmax",
        cases=softmax_cases,
        mistakes=SOFTMAX_MISTAKES,
        also_right=[softmax_by_rows, softmax_through_logs, lambda x: torch.softmax(x, -1)],
        properties=("rows-sum-to-1", "finite", "not-negative"),
        # float16 keeps three digits: right answers in another order of steps differ by 0.001
        rtol=2e-3,
        atol=2e-3,
    ),
    Exercise(
        id="00.is-distribution",
        title="Tell shares from look-alikes",
        kind="test",
        points=2,
        name="is_distribution",
        cases=distribution_cases,
        mistakes=TEST_MISTAKES,
        also_right=[distribution_by_loop, distribution_by_allclose],
        choices={"tolerance": (0.001, 0.003, 0.01, 0.03)},
    ),
]
