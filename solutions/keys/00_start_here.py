"""Answer key of chapter 00: dot products, shapes, a softmax that survives, a first test."""

import torch

from course_lib.grader.judging.edges import in_dtype
from course_lib.grader.judging.key import Edges, Exercise, Mistake, case, told_of


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
        case("a single feature", normal(generator, 1), normal(generator, 3, 1)),
        case("a query of zeros", torch.zeros(3), normal(generator, 2, 3)),
    ]


def wrong_scores(query, keys, *, add="features", divide=None, take=lambda x: x):
    products = take(keys * query)
    summed = products.mean(-1) if divide == "mean" else products.sum(-1)
    summed = summed / len(query) ** 0.5 if divide == "root" else summed
    if add == "keys":
        return products.sum(0)
    if add == "everything":
        return products.sum()
    if add == "nothing":
        return products
    return summed


def cosine(query, keys):
    return torch.cosine_similarity(query[None], keys, dim=-1)


def cosine_by_hand(query, keys):
    return keys @ query / (keys.norm(dim=-1) * query.norm())


def cosine_by_half(query, keys):
    return keys / keys.norm(dim=-1, keepdim=True) @ query


def distance(query, keys):
    return (keys - query).norm(dim=-1)


def by_the_querys_length(query, keys):
    return keys @ (query / query.norm().clamp(min=1e-9))


def by_the_querys_length_by_hand(query, keys):
    return keys @ (query / query.norm())


def matrix_product(query, keys):
    return torch.mm(keys, query)


def squared_distance(query, keys):
    return (keys - query).square().sum(dim=-1)


def shares(query, keys):
    return torch.softmax(keys @ query, dim=-1)


def row(query, keys):
    return query[None] @ keys.T


def listed(query, keys):
    return [float(key @ query) for key in keys]


def one_key(query, keys, *, which):
    return keys[which] @ query


def without_the_total_sign(query, keys):
    return (keys @ query).abs()


def sums_for_products(query, keys):
    return (keys + query).sum(dim=-1)


def largest(query, keys):
    return (keys @ query).max()


def dot_of_a_table(query, keys):
    return torch.dot(query, keys)


def in_place(query, keys):
    keys *= query
    return keys.sum(dim=-1)


def in_float64(query, keys):
    return keys.double() @ query.double()


def nothing(query, keys):
    return None


def running_total(query, keys):
    return (keys @ query).cumsum(0)


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


def scores_by_vmap(query, keys):
    return torch.func.vmap(torch.dot, in_dims=(None, 0))(query, keys)


def scores_filled_in(query, keys):
    found = keys.new_zeros(len(keys))
    for i, key in enumerate(keys):
        found[i] = (key * query).sum()
    return found


def scores_by_a_layer(query, keys):
    return torch.nn.functional.linear(query, keys)


def one_for_each_feature(query, keys):
    return torch.stack([keys[i] @ query for i in range(len(query))])


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
        "cosine-by-hand",
        cosine_by_hand,
        {},
        says="you divide by the lengths of both vectors: that is the cosine, and nan where a "
        "vector is all zeros; the dot product keeps the lengths",
        hints=(
            "Your scores never leave the range from −1 to 1. Should they?",
            "Section 0.3 has the formula of the dot product, and after it the cosine.",
            "Multiply and add; leave the norms out.",
        ),
    ),
    Mistake(
        "running-total",
        running_total,
        {},
        says="your sum is not set back to 0 for the next key: each score holds those before it",
        hints=(
            "Take two keys that are the same. Do both get the same score?",
            "Where does your sum start, before the loop over the keys or inside of it?",
            "Start a new sum for each key; or do without a loop.",
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
    Mistake(
        "row",
        row,
        {},
        says="you return a table with one row, (1, key), where one axis, (key,), was asked for",
        hints=(
            "The numbers are right. Look at the shape.",
            "An axis of size 1 is one axis too many.",
            "Multiply with the vector as it is, without giving it a second axis.",
        ),
    ),
    Mistake(
        "scaled",
        wrong_scores,
        {"divide": "root"},
        says="you divide the scores by the root of the number of features; nobody asked for that",
        hints=(
            "Compare your first score with one that you work out by hand.",
            "It is too small. By which factor, and what in the input has that size?",
            "The dot product adds up products and stops there.",
        ),
    ),
    Mistake(
        "shares",
        shares,
        {},
        says="you return shares that sum to 1; the exercise asks for the scores before that",
        hints=(
            "Add up what you return. Do dot products have to give that sum?",
            "Section 0.3 makes scores, section 0.4 makes shares of them. Which is asked for?",
            "Stop after the products are added.",
        ),
    ),
    Mistake(
        "lengths-of-the-keys",
        cosine_by_half,
        {},
        says="you divide by the length of each key, so a long key counts no more than a short one",
        hints=(
            "Make one key ten times as long. Does its score change?",
            "The dot product keeps the lengths. What does yours do with them?",
            "Multiply and add; leave the norms out.",
        ),
    ),
    Mistake(
        "squared-distance",
        squared_distance,
        {},
        says="you add up squared differences: alike pairs get the smallest number",
        hints=(
            "Compare a vector with itself. Is your score large or small?",
            "A distance subtracts. What does the dot product do instead?",
            "Multiply number by number, then add.",
        ),
    ),
    Mistake(
        "first-key",
        one_key,
        {"which": 0},
        says="you return the score of the first key only: is a `return` inside of your loop?",
        hints=(
            "How many numbers come out for 5 keys?",
            "`return` ends a function, in the middle of a loop too.",
            "Collect one score for each key, and return after the loop; or do without a loop.",
        ),
    ),
    Mistake(
        "last-key",
        one_key,
        {"which": -1},
        says="you return the score of the last key only: your loop forgets the ones before it",
        hints=(
            "How many numbers come out for 5 keys?",
            "What happens to the first score when the loop comes to the second key?",
            "Collect the scores in a list and make a tensor of it; or do without a loop.",
        ),
    ),
    Mistake(
        "largest",
        largest,
        {},
        says="you return the largest score only; all of them are asked for",
        hints=(
            "How many numbers come out for 5 keys?",
            "The text asks for one number for each row.",
            "Return the scores before you choose one of them.",
        ),
    ),
    Mistake(
        "list",
        listed,
        {},
        says="you return a Python list, and a tensor is asked for",
        hints=(
            "Print `type(...)` of what you return.",
            "The numbers are right, what holds them is not. Which functions make a tensor?",
            "`torch.stack` makes one tensor of a list of them, `torch.tensor` of a list of "
            "numbers.",
        ),
    ),
    Mistake(
        "dot-of-a-table",
        dot_of_a_table,
        {},
        says="`torch.dot` takes two vectors, and `keys` is a table",
        hints=(
            "How many axes has each of the two inputs?",
            "Section 0.3 has one sign that multiplies vectors and tables alike.",
            "Use `@`, and look at the shapes to see what stands on its left.",
        ),
    ),
    Mistake(
        "edits-the-keys",
        in_place,
        {},
        says="your code writes its products into `keys`, and the caller's table is lost",
        hints=(
            "Print `keys` before and after you call your function.",
            "`a *= b` changes `a` itself; `a * b` makes a new tensor.",
            "Give the products a name of their own.",
        ),
    ),
    Mistake(
        "float64",
        in_float64,
        {},
        says="you return float64 where float32 came in",
        hints=(
            "Print the dtype of what comes in and of what goes out.",
            "The numbers are right. Something on the way, such as NumPy, makes them float64.",
            "Stay with PyTorch's functions, or turn the result back into the dtype of `keys`.",
        ),
    ),
    Mistake(
        "nothing",
        nothing,
        {},
        says="your function gives nothing back: it may print the scores, but it has no `return`",
        hints=(
            "Write `print(type(scores(...)))` to see what comes out.",
            "A function without `return` gives None, whatever it computes.",
            "Put `return` in front of your last expression.",
        ),
    ),
    Mistake(
        "length-of-the-query",
        by_the_querys_length,
        {},
        says="you divide by the length of the query, and a dot product keeps it",
        hints=(
            "Make the query ten times as long. Do your scores change?",
            "The dot product keeps the lengths. What does yours do with them?",
            "Multiply and add; leave the norms out.",
        ),
    ),
    Mistake(
        "length-of-the-query-by-hand",
        by_the_querys_length_by_hand,
        {},
        says="you divide by the length of the query, which is nan where the query is all zeros; a "
        "dot product keeps the length",
        hints=(
            "Make the query ten times as long. Do your scores change?",
            "The dot product keeps the lengths. What does yours do with them?",
            "Multiply and add; leave the norms out.",
        ),
    ),
    Mistake(
        "matrices-only",
        matrix_product,
        {},
        says="`torch.mm` takes two tables, and `query` is a vector",
        hints=(
            "How many axes has each of the two inputs?",
            "Section 0.3 has one sign that multiplies vectors and tables alike.",
            "Use `@`, which takes vectors and tables alike.",
        ),
    ),
    Mistake(
        "as-many-as-features",
        one_for_each_feature,
        {},
        says="your loop counts up to the number of features, and there is one score for each key",
        hints=(
            "Print how often your loop runs, for 5 keys of 3 features.",
            "`len(query)` is the number of features. What counts the keys?",
            "Go through `keys` itself, row by row, or up to `len(keys)`; or do without a loop.",
        ),
    ),
    Mistake(
        "no-sign-at-the-end",
        without_the_total_sign,
        {},
        says="you return scores without their sign, so opposites look alike",
        hints=(
            "Try a query and a key that point in opposite directions.",
            "Should such a pair score high or low?",
            "Leave the sums as they are, negative ones too.",
        ),
    ),
    Mistake(
        "sums-for-products",
        sums_for_products,
        {},
        says="you add the two vectors; a dot product multiplies them first",
        hints=(
            "Compare a vector with zeros. Which score do you get, and which should it be?",
            "Section 0.3 says what is done number by number, and what after that.",
            "One of your two signs is another in the formula.",
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
        # one of them the larger, then the other: `<` and `>` are no `!=`
        case("sizes that don't meet", (a, min(b, c)), (max(b, c), d)),
        case("sizes that don't meet, the smaller one second", (a, max(b, c)), (min(b, c), d)),
        case("they would meet the other way round", (a, b), (c, a)),
        case("same number of rows, sizes that don't meet", (c, a), (c, b)),
        case("square tables", (a, a), (a, a)),
        case("a stack of two that don't meet", (e, a, b), (e, c, b)),
        case("a size of 1 is not stretched", (a, 1), (b, c)),
        case("one row, one column", (1, a), (a, 1)),
        case("nothing to add up", (90 + a, 0), (0, b)),
        case("sizes of hundreds", (a, int(f"{b}00")), (int(f"{b}00"), c)),  # equal, not identical
        case("three axes in front", (b, 1, e, c, a), (b, 1, e, a, d)),
    ]


def wrong_shape(a, b, *, meet=(-1, -2), keep=(-2, -1), front=True, check=True, order=1):
    if check and a[meet[0]] != b[meet[1]]:
        return None
    tail = (a[keep[0]], b[keep[1]])[::order]
    return (*a[:-2], *tail) if front else tail


def when_they_meet(a, b, *, give, otherwise=None):
    if a[-1] == b[-2]:
        return give(a, b)
    return (*a[:-1], None) if otherwise == "inside" else otherwise


def right_shape(a, b):
    return (*a[:-1], b[-1])


def counts_from_the_front(a, b):
    return (*a[:-1], b[-1]) if a[-1] == b[0] else None


def rows_and_first_axis(a, b):
    return (a[0], a[-2], b[-1]) if a[-1] == b[-2] else None


def meets_anywhere(a, b):
    return right_shape(a, b) if a[-1] in b else None


def two_or_three_axes(a, b):
    return right_shape(a, b) if a[-1] == b[-2] and len(a) < 4 else None


def two_axes_only(a, b):
    rows, inner = a
    other, columns = b
    return (rows, columns) if inner == other else None


def tuple_and_number(a, b):
    return a[:-1] + b[-1] if a[-1] == b[-2] else None


def asks_tuples_for_shapes(a, b):
    return (*a.shape[:-1], b.shape[-1])


def multiplies_tuples(a, b):
    return (a @ b).shape


def multiplies_tensors(a, b):
    return tuple((torch.zeros(a) @ torch.zeros(b)).shape)


def raises_an_error(a, b):
    if a[-1] != b[-2]:
        raise ValueError("no product")
    return right_shape(a, b)


def stretches_ones(a, b):
    return right_shape(a, b) if a[-1] == b[-2] or 1 in (a[-1], b[-2]) else None


FRONT_HINTS = (
    "Try (2, 3) and (3, 7) on paper. Which sizes are left?",
    "One of the two that meet is the last of its shape. Where does the other one stand?",
    "The rows come from `a`, the columns from `b`; the axes in front come once.",
)


def joins_the_fronts(a, b, *, check):
    return None if check and a[-1] != b[-2] else a[:-1] + b[:-1]


def the_other_product(a, b):
    return (*a[:-2], a[-1], b[-2]) if a[-2] == b[-1] else None


def number_by_number(a, b):
    return a if a == b else None


def zero_taken_for_none(a, b):
    return right_shape(a, b) if a[-1] and a[-1] == b[-2] else None


def none_when_they_meet(a, b):
    return right_shape(a, b) if a[-1] != b[-2] else None


def never(a, b):
    return None


def joined_otherwise(a, b, *, way):
    """Another pair meets, or something else is kept."""
    met = a[-1] == (b[-1] if way == "last axes" else b[-2])
    if not met:
        return None
    return {
        "last axes": lambda: (*a[:-1], b[-2]),
        "one front": lambda: (a[0], b[1]) if len(a) == 2 else (a[0], a[-2], b[-1]),
        "three": lambda: (a[0], b[1]) if len(a) == 2 else (a[0], a[1], b[2]),
        "rows gone": lambda: (*a[:-2], b[-1]),
        "what meets": lambda: (*a[:-1], b[-2]),
        "nested": lambda: (a[:-2], a[-2], b[-1]),
    }[way]()


SHAPE_HINTS = (
    "Write the two shapes under each other, the second one turned on its side.",
    "Which two sizes meet, and which two are left?",
)
joined = told_of(joined_otherwise, "way")
SHAPE_MISTAKES = [
    joined(
        "product-with-the-second-turned",
        "last axes",
        "you compare the last axes of both, and keep the last but one of `b`: the shape of "
        "`a @ b.mT`",
        SHAPE_HINTS[0],
        "`@` takes the rows of `a` and the columns of `b`. How long is a column of `b`?",
        "The last axis of `a` meets the last but one of `b`.",
    ),
    joined(
        "one-front-axis",
        "one front",
        "you keep one axis in front, however many there are",
        "Try two shapes of four axes.",
        "A stack may have several axes in front: all of them stay.",
        "`a[:-2]` holds all axes in front.",
    ),
    joined(
        "three-axes-at-most",
        "three",
        "you count the axes from the front, as if there were three at most",
        "Try two shapes of four axes.",
        "Which axes stand in front hangs on how many there are; the last two don't.",
        "Count from the end: [-1] and [-2].",
    ),
    joined(
        "rows-gone",
        "rows gone",
        "the rows of `a` are gone, as if they, too, were added up",
        SHAPE_HINTS[1],
        "One axis of each disappears: the two that meet.",
        "The axes in front, then a[-2] and b[-1].",
    ),
    joined(
        "columns-of-the-second-gone",
        "what meets",
        "you keep the axis that is added up, and lose the columns of `b`",
        SHAPE_HINTS[1],
        "One axis of each disappears: the two that meet.",
        "The axes in front, then a[-2] and b[-1].",
    ),
    joined(
        "front-in-a-tuple-of-its-own",
        "nested",
        "the axes in front come as a tuple within the tuple",
        "Print your result. How many numbers are in it, and how many brackets?",
        "`a[:-2]` is a tuple itself.",
        "Add tuples with `+`, or unpack one with a star.",
    ),
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
    Mistake(
        "meets-the-other-way",
        wrong_shape,
        {"meet": (-2, -1)},
        says="you compare the rows of `a` with the columns of `b`: that would be the product "
        "`b @ a`",
        hints=(
            "Try (2, 3) and (3, 7), then (2, 3) and (7, 2). For which does `a @ b` exist?",
            "`@` takes the rows of `a`. How long is one row of a (2, 3) table?",
            "The last axis of `a` meets the last but one of `b`.",
        ),
    ),
    Mistake(
        "keeps-the-first-axis",
        when_they_meet,
        {"give": lambda a, b: (a[0], b[-1])},
        says="you take the first axis of `a`, which counts the rows of a table but the tables "
        "of a stack",
        hints=(
            "Try shapes with three axes.",
            "With 5 sentences in, how many come out, and of how many words?",
            "All axes of `a` but the last stay as they are.",
        ),
    ),
    Mistake(
        "always-three-sizes",
        rows_and_first_axis,
        {},
        says="you always give three sizes: two tables have no axis in front, and a stack of "
        "stacks has two",
        hints=(
            "Try shapes with two axes, then with four.",
            "How many axes has the product, compared with `a`?",
            "All axes of `a` but the last stay as they are: `a[:-1]`.",
        ),
    ),
    Mistake(
        "two-or-three-axes",
        two_or_three_axes,
        {},
        says="you answer for two and for three axes, and there may be more",
        hints=(
            "Try shapes with four axes.",
            "The text says: two *or more* axes.",
            "Read sizes from the end, and keep `a[:-1]` whole, however long it is.",
        ),
    ),
    Mistake(
        "meets-anywhere",
        meets_anywhere,
        {},
        says="you ask whether the last size of `a` stands anywhere in `b`; one place of `b` counts",
        hints=(
            "Try your function on (5, 2, 3) and (5, 4, 3).",
            "Which axis of `b` does the last axis of `a` meet?",
            "Compare `a[-1]` with `b[-2]` alone.",
        ),
    ),
    Mistake(
        "counts-from-the-front",
        counts_from_the_front,
        {},
        says="you count axes of `b` from the front, where a stack has others: the rows of `b` "
        "are its last axis but one",
        hints=(
            "Try shapes with three axes.",
            "In (5, 3, 7), which place has the 3 from the front? And from the end?",
            "Count from the end, with negative numbers, in both shapes.",
        ),
    ),
    Mistake(
        "second-axis-of-b",
        when_they_meet,
        {"give": lambda a, b: (*a[:-1], b[1])},
        says="you take axis 1 of `b`, which counts its columns only where there is nothing in "
        "front",
        hints=(
            "Try shapes with three axes.",
            "In (5, 3, 7), which place has the 7 from the front? And from the end?",
            "Count from the end, with negative numbers, in both shapes.",
        ),
    ),
    Mistake(
        "keeps-all-of-a",
        when_they_meet,
        {"give": lambda a, b: (*a, b[-1])},
        says="you keep the axis that is added up: two tables give one with three axes",
        hints=(
            "How many axes has the product of two tables?",
            "Section 0.3: the 3s met. Were they in the result?",
            "Leave out the last axis of `a`.",
        ),
    ),
    Mistake(
        "keeps-both-that-meet",
        when_they_meet,
        {"give": lambda a, b: (*a[:-2], a[-1], b[-2])},
        says="you return the two sizes that meet, and they are what vanishes",
        hints=(
            "Try (2, 3) and (3, 7) by hand. Are there 3s in the result?",
            "Which two sizes meet, and which two are left?",
            "From `a` the rows survive, from `b` the columns.",
        ),
    ),
    Mistake(
        "joins-the-shapes",
        when_they_meet,
        {"give": lambda a, b: a[:-1] + b[1:]},
        says="you join all of `b` but its first axis to `a`, which is right only where there "
        "is nothing in front",
        hints=(
            "Try shapes with three axes.",
            "Which axes does a stack of products have? Every size of `b`, or one of them?",
            "From `b`, however many axes it has, one size is taken.",
        ),
    ),
    Mistake(
        "front-twice",
        when_they_meet,
        {"give": lambda a, b: a[:-1] + b[:-2] + b[-1:]},
        says="you take the axes in front from both: `@` goes through the two stacks side by side",
        hints=(
            "Try shapes with three axes.",
            "With 5 tables in each stack, how many products are there: 5 or 25?",
            "Take the axes in front once, from `a`.",
        ),
    ),
    Mistake(
        "list",
        when_they_meet,
        {"give": lambda a, b: [*a[:-1], b[-1]]},
        says="you return a list, and a tuple is asked for",
        hints=(
            "Print what you return. Which brackets do you see?",
            "The sizes are right. What holds them is not what the text asks for.",
            "`tuple(...)` makes a tuple of a list.",
        ),
    ),
    Mistake(
        "none-inside",
        when_they_meet,
        {"give": right_shape, "otherwise": "inside"},
        says="your `None` stands inside of the tuple: `if … else` belongs to its last entry only",
        hints=(
            "Print what you return for (2, 3) and (5, 7).",
            "What does `else` replace in your line: the tuple, or one entry of it?",
            "Put the whole tuple in brackets of its own before the `if`.",
        ),
    ),
    Mistake(
        "false-for-none",
        when_they_meet,
        {"give": right_shape, "otherwise": False},
        says="you return False where no product exists, and the text asks for None",
        hints=(
            "Print what you return for (2, 3) and (5, 7).",
            "Read the second point of the text again.",
            "`return None`, without quotes.",
        ),
    ),
    Mistake(
        "empty-for-none",
        when_they_meet,
        {"give": right_shape, "otherwise": ()},
        says="you return an empty tuple where no product exists; that is the shape of a single "
        "number",
        hints=(
            "Print what you return for (2, 3) and (5, 7).",
            "Read the second point of the text again.",
            "`return None`, without quotes.",
        ),
    ),
    Mistake(
        "none-as-text",
        when_they_meet,
        {"give": right_shape, "otherwise": "None"},
        says="you return the word None as a text, and the value None is asked for",
        hints=(
            "Print `type(...)` of what you return for (2, 3) and (5, 7).",
            "What do quotes make of a word?",
            "`return None`, without quotes.",
        ),
    ),
    Mistake(
        "two-axes-only",
        two_axes_only,
        {},
        says="you unpack the shapes into two sizes, and shapes with more axes stop your code",
        hints=(
            "Try shapes with three axes.",
            "The text says: two *or more* axes.",
            "Read sizes from the end, `a[-1]` and `b[-2]`, instead of unpacking.",
        ),
    ),
    Mistake(
        "tuple-and-number",
        tuple_and_number,
        {},
        says="you join a tuple and a number with `+`: one size alone is a number until a comma "
        "makes a tuple of it",
        hints=(
            "Print `type(a[:-1])` and `type(b[-1])`.",
            "`+` joins two tuples. How does Python write a tuple of one?",
            "`(5,)` is a tuple, `(5)` is the number 5. Or put everything in one pair of brackets.",
        ),
    ),
    Mistake(
        "asks-tuples-for-shapes",
        asks_tuples_for_shapes,
        {},
        says="you ask for `.shape`, but what comes in are shapes already, as tuples",
        hints=(
            "Print `a`. What is it?",
            "The first line of the text says what you get.",
            "`a[-1]` is the last size: index the tuples themselves.",
        ),
    ),
    Mistake(
        "multiplies-tuples",
        multiplies_tuples,
        {},
        says="you multiply `a @ b`, but they are shapes, not tensors",
        hints=(
            "Print `a`. What is it?",
            "The first line of the text says what you get.",
            "Compare and pick sizes; nothing has to be multiplied.",
        ),
    ),
    Mistake(
        "stops-without-a-product",
        multiplies_tensors,
        {},
        says="your code stops with an error where the product does not exist, and None is "
        "asked for",
        hints=(
            "Try your function on (2, 3) and (5, 7).",
            "Who multiplies real tensors meets PyTorch's error. Can you tell beforehand?",
            "Compare the two sizes that should meet, before anything else.",
        ),
    ),
    Mistake(
        "never",
        never,
        {},
        says="you return None for every pair, also where the product exists",
        hints=(
            "Try your function on (2, 3) and (3, 7).",
            "A function without `return` gives None.",
            "Return the shape where the two sizes that meet are equal.",
        ),
    ),
    Mistake(
        "raises-an-error",
        raises_an_error,
        {},
        says="you raise an error of your own where the product does not exist, and None is "
        "asked for",
        hints=(
            "Try your function on (2, 3) and (5, 7).",
            "Read the second point of the text again.",
            "`return None` in place of `raise`.",
        ),
    ),
    Mistake(
        "stretches-ones",
        stretches_ones,
        {},
        says="you let a size of 1 fit any other; that holds for `+` and `*`, not for the two "
        "sizes that meet in `@`",
        hints=(
            "Try (2, 1) and (3, 7), with tensors too.",
            "Which sizes may differ in a product, and must these two be equal?",
            "Compare the two sizes, without an exception for 1.",
        ),
    ),
    Mistake(
        "nested",
        when_they_meet,
        {"give": lambda a, b: (a[:-1], b[-1])},
        says="you return a tuple inside of a tuple: the axes of `a` are packed once more",
        hints=(
            "Print what you return. How many brackets do you see?",
            "A shape is one flat tuple of numbers.",
            "`(*a[:-1], b[-1])`: the star unpacks. Or join two tuples with `+`.",
        ),
    ),
    Mistake(
        "joins-the-fronts",
        joins_the_fronts,
        {"check": True},
        says="you take the last size off both shapes and join the rest",
        hints=FRONT_HINTS,
    ),
    Mistake(
        "joins-the-fronts-unasked",
        joins_the_fronts,
        {"check": False},
        says="you take the last size off both shapes and join the rest, without asking whether "
        "they meet",
        hints=FRONT_HINTS,
    ),
    Mistake(
        "the-other-product",
        the_other_product,
        {},
        says="you let the first of the last two axes of `a` meet the last of `b`: that is another "
        "product",
        hints=(
            SHAPE_HINTS[0],
            "`@` takes the rows of `a` and the columns of `b`. How long is a row of `a`?",
            "The last axis of `a` meets the last but one of `b`.",
        ),
    ),
    Mistake(
        "number-by-number",
        number_by_number,
        {},
        says="you want equal shapes, as `*` does, which works number by number; `@` is asked for",
        hints=(
            "Try (2, 3) and (3, 7): there is a product.",
            "Section 0.3 says which axis vanishes in `a @ b`.",
            "Only one size of `a` has to be equal to one of `b`, and the axes in front.",
        ),
    ),
    Mistake(
        "zero-taken-for-none",
        zero_taken_for_none,
        {},
        says="you take a size of 0 for no size at all: Python counts 0 as false",
        hints=(
            "Print `torch.ones(2, 0) @ torch.ones(0, 3)`.",
            "An axis may have length 0. Which line of yours treats that apart?",
            "Compare the two sizes with each other, and with nothing else.",
        ),
    ),
    Mistake(
        "none-when-they-meet",
        none_when_they_meet,
        {},
        says="your test is turned round: None where there is a product, a shape where there is "
        "none",
        hints=(
            "Try (2, 3) and (3, 7), then (2, 3) and (5, 7).",
            "For which of the two is None asked?",
            "`==` says that they meet, `!=` that they don't.",
        ),
    ),
]


def shape_by_unpacking(a, b):
    if list(a)[-1] != list(b)[-2]:
        return None
    return (*a[: len(a) - 1], *b[-1:])


def shape_by_joining(a, b):
    return sum((a[:-1], b[-1:]), ()) if a[-1] == b[-2] else None


def shape_as_torch_says_it(a, b):
    return torch.Size([*a[:-1], b[-1]]) if a[-1] == b[-2] else None


def shape_on_meta(a, b):
    try:
        return tuple((torch.empty(a, device="meta") @ torch.empty(b, device="meta")).shape)
    except RuntimeError:
        return None


# 00.safe-softmax


def softmax_cases(generator):
    wild = torch.tensor([[1e4, 9.999e3, 0.0], [-1e4, -9.998e3, -1e4]])
    far = normal(generator, 3, 5) + torch.tensor([[0.0], [1e4], [-1e4]])
    up_and_down = torch.tensor([[9e3], [-9e3], [9e3]])
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
        case("one score to a row", up_and_down * (1 + normal(generator, 3, 1).abs())),
        case("a stack of batches", normal(generator, 2, 1, 3, 2)),
        in_dtype(case("a table", 3 * normal(generator, 3, 2)), torch.float64),
        in_dtype(case("a table", 3 * normal(generator, 2, 3)), torch.bfloat16),
        # More than float16 can hold.
        in_dtype(case("far apart", torch.tensor([[9e4, 0.0, 8.9e4]])), torch.bfloat16),
        in_dtype(case("a batch of tables", normal(generator, 2, 2, 3)), torch.float16),
    ]


def wrong_softmax(x, *, axis=-1, shift="row", largest=-1, total=-1, keep=True):
    total, largest = (axis if axis != -1 else each for each in (total, largest))
    x = moved(x, shift, largest)
    powers = torch.exp(x)
    return powers / (powers.sum(dim=total, keepdim=keep) if total is not None else powers.sum())


def moved(x, shift, axis):
    if shift == "row":
        return x - x.amax(dim=axis, keepdim=True)
    if shift == "all":
        return x - x.max()
    if shift == "mean":
        return x - x.mean(dim=axis, keepdim=True)
    if shift == "smallest":
        return x - x.amin(dim=axis, keepdim=True)
    if shift == "constant":
        return x - 10_000
    if shift == "no sign":
        return x - x.abs().amax(dim=axis, keepdim=True)
    if shift == "no keepdim":
        return x - x.amax(dim=axis)
    if shift == "divide":
        return x / x.amax(dim=axis, keepdim=True)
    if shift == "divide by 10,000":
        return x / 10_000
    if shift == "added":
        return x + x.amax(dim=axis, keepdim=True)
    return x


def with_powers(x, *, power=torch.exp, cut=None, pinch=0.0, divide=True):
    """A softmax that shifts rows, unless it cuts them or adds a pinch to the sum instead."""
    x = x.clamp(*cut) if cut else x if pinch else x - x.amax(dim=-1, keepdim=True)
    powers = power(x)
    return powers / (powers.sum(dim=-1, keepdim=True) + pinch) if divide else powers


def other_sum(x, *, total=-1, keep=True):
    """Another sum, by itself: two of these slips at once are rare."""
    return wrong_softmax(x, total=total, keep=keep)


def other_shift(x, *, shift):
    """Another shift, by itself."""
    return wrong_softmax(x, shift=shift)


def other_maximum(x):
    return wrong_softmax(x, largest=0)


def largest_off_the_powers(x, *, of_powers=False):
    powers = torch.exp(x)
    powers = powers - (powers if of_powers else x).amax(dim=-1, keepdim=True)
    return powers / powers.sum(dim=-1, keepdim=True)


def by_the_mean(x):
    powers = torch.exp(x - x.amax(dim=-1, keepdim=True))
    return powers / powers.mean(dim=-1, keepdim=True)


def turned_round(x):
    powers = torch.exp(x.amax(dim=-1, keepdim=True) - x)
    return powers / powers.sum(dim=-1, keepdim=True)


def pinched(x, *, pinch):
    """The maximum is away, and still something is added to the sum."""
    powers = torch.exp(x - x.amax(dim=-1, keepdim=True))
    return powers / (powers.sum(dim=-1, keepdim=True) + pinch)


def tables_only(x):
    powers = torch.exp(x - x.amax(dim=-1)[:, None])
    return powers / powers.sum(dim=-1)[:, None]


def logs(x):
    shifted = x.float() - x.float().amax(dim=-1, keepdim=True)
    return (shifted - shifted.exp().sum(dim=-1, keepdim=True).log()).to(x.dtype)


def axis_1(x):
    powers = torch.exp(x - x.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=True)


def shifted_above_only(x):
    powers = torch.exp(x - x.amax(dim=-1, keepdim=True))
    return powers / torch.exp(x).sum(dim=-1, keepdim=True)


def max_with_places(x):
    powers = torch.exp(x - x.max(dim=-1, keepdim=True))
    return powers / powers.sum(dim=-1, keepdim=True)


def row_by_row(x):
    rows = [torch.exp(row - row.max()) for row in x]
    return torch.stack([row / row.sum() for row in rows])


def patched(x, *, after):
    powers = torch.exp(x)
    powers = powers if after else powers.nan_to_num()
    shares = powers / powers.sum(dim=-1, keepdim=True)
    return shares.nan_to_num() if after else shares


def in_dtype_of(x, *, inside, outside=None):
    """Right but for the dtype that comes out; with float64 inside, the shift is left out."""
    wide = x.to(inside)
    powers = torch.exp(wide - wide.amax(dim=-1, keepdim=True) if outside else wide)
    shares = powers / powers.sum(dim=-1, keepdim=True)
    return shares.to(outside or x.dtype)


def through_float32(x):
    return torch.softmax(x.float(), -1).to(x.dtype)


def edits_its_input(x):
    x -= x.amax(dim=-1, keepdim=True)
    powers = torch.exp(x)
    return powers / powers.sum(dim=-1, keepdim=True)


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
    return (x.double() - x.double().logsumexp(-1, keepdim=True)).exp().to(x.dtype)


def softmax_on_a_copy(x):
    y = x.clone()
    y -= torch.max(x, dim=-1, keepdim=True).values
    y.exp_()
    y /= y.sum(-1, keepdim=True)
    return y


def softmax_by_pairs(x):
    return 1 / (x[..., None, :] - x[..., :, None]).exp().sum(dim=-1)


def softmax_in_float64(x):
    powers = (x.double() - x.double().amax(-1, keepdim=True)).exp()
    return (powers * powers.sum(-1, keepdim=True).reciprocal()).to(x.dtype)


def each_by_itself(x):
    return torch.sigmoid(x)


SOFTMAX_MISTAKES = [
    Mistake(
        "mean-below",
        by_the_mean,
        {},
        says="the powers are divided by their mean, so a row sums to its length",
        hints=(
            "Add up a row of your result.",
            "Shares of a row sum to 1. By what must its powers be divided?",
            "Divide by the sum along the last axis.",
        ),
    ),
    Mistake(
        "taken-from-the-largest",
        turned_round,
        {},
        says="the scores are taken from the largest, not it from them: the least gets the most",
        hints=(
            "Try a row of three. Which of its scores gets the largest share?",
            "What is the sign of what is left after your shift?",
            "`x - x.amax(dim=-1, keepdim=True)`",
        ),
    ),
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
        with_powers,
        {"cut": (-10, 10)},
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
        {"keep": False},
        says="your sums have lost their axis, and line up with the columns when they divide",
        hints=(
            "Print the shape of your sums. One number for each what?",
            "Sizes are lined up from the right. A shape (rows,) lines up with the columns.",
            "Section 0.4: `keepdim=True` keeps the summed axis with size 1.",
        ),
    ),
    Mistake(
        "base-2",
        with_powers,
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
        in_dtype_of,
        {"inside": torch.float32, "outside": torch.float32},
        says="you return float32 whatever came in",
        hints=(
            "Print the dtype of what comes in and of what goes out.",
            "Computing in float32 is a good idea. Something is missing at the end.",
            "Turn the result back into the dtype of `x`.",
        ),
    ),
    Mistake(
        "sum-of-everything",
        other_sum,
        {"total": None},
        says="you divide by the sum of the whole tensor: all values together sum to 1, not "
        "each row",
        hints=(
            "Add up one row of your result.",
            "`sum()` without an axis adds up everything.",
            "Sum along the last axis, and keep that axis with size 1.",
        ),
    ),
    Mistake(
        "maxima-of-columns",
        other_maximum,
        {},
        says="you take away the largest of each column, so the scores of a row move by "
        "different amounts",
        hints=(
            "Which scores should be compared with each other: those of a row, or of a column?",
            "What may you take away without changing the shares? The same number from the "
            "whole row.",
            "Take the maximum along the last axis, as you do with the sum.",
        ),
    ),
    Mistake(
        "sums-of-columns",
        other_sum,
        {"total": 0},
        says="you divide by the sums of the columns, and the rows don't sum to 1",
        hints=(
            "Add up one row of your result, and one column.",
            "Along which axis do the shares run?",
            "Sum along the last axis, as you do with the maximum.",
        ),
    ),
    Mistake(
        "maximum-without-keepdim",
        other_shift,
        {"shift": "no keepdim"},
        says="your maxima have lost their axis, and line up with the columns when you take "
        "them away",
        hints=(
            "Print the shape of what you take away. One number for each what?",
            "Sizes are lined up from the right. A shape (rows,) lines up with the columns.",
            "`keepdim=True` keeps the axis with size 1, for `amax` as for `sum`.",
        ),
    ),
    Mistake(
        "no-keepdim-at-all",
        wrong_softmax,
        {"shift": "no keepdim", "keep": False},
        says="your maxima and your sums have lost their axis, and line up with the columns",
        hints=(
            "Print the shape of what you take away. One number for each what?",
            "Sizes are lined up from the right. A shape (rows,) lines up with the columns.",
            "`keepdim=True` keeps the axis with size 1, for `amax` as for `sum`.",
        ),
    ),
    Mistake(
        "axis-1",
        axis_1,
        {},
        says="you name axis 1, which is the last one of a table but not of other tensors",
        hints=(
            "Try it on one row, `(3,)`, and on a batch of tables.",
            "`x` may have any number of axes. Which number names the last one, however many "
            "there are?",
            "The last axis is −1.",
        ),
    ),
    Mistake(
        "largest-without-sign",
        other_shift,
        {"shift": "no sign"},
        says="you take away the largest score without its sign, and a row of negative ones "
        "vanishes into 0 / 0",
        hints=(
            "Try it on the row −9,999, −10,000.",
            "What is the largest of these two? And what do you take away?",
            "Leave `abs` out: the maximum keeps its sign.",
        ),
    ),
    Mistake(
        "divides-by-a-number",
        other_shift,
        {"shift": "divide by 10,000"},
        says="you make all scores small by dividing them, and the shares become nearly even",
        hints=(
            "Compare with section 0.4: does the row 7, 3, 5, 6 still give 0.657 first?",
            "Only differences of scores count. What does a division do to them?",
            "Section 0.6 takes a number away from all scores.",
        ),
    ),
    Mistake(
        "clamp-at-80",
        with_powers,
        {"cut": (-80, 80)},
        says="you cut scores off at a number that float32 can bear, so larger ones become "
        "equal; float16 can't even bear that",
        hints=(
            "No `nan`, or fewer of them. Now compare the shares of 9,999 and 10,000.",
            "A cure must not change the differences between scores.",
            "Move the scores instead of cutting them.",
        ),
    ),
    Mistake(
        "clamp-from-above",
        with_powers,
        {"cut": (None, 80)},
        says="you cut large scores off, so they become equal, and rows of very negative ones "
        "vanish into 0 / 0",
        hints=(
            "No `nan`, or fewer of them. Now compare the shares of 9,999 and 10,000.",
            "A cure must not change the differences between scores.",
            "Move the scores instead of cutting them.",
        ),
    ),
    Mistake(
        "nan-to-num",
        patched,
        {"after": True},
        says="you replace `nan` after it has come up: no share is `nan`, and the shares are wrong",
        hints=(
            "Try the row 1000, 1. What shares should it have, and what does yours say?",
            "Infinity stands for every number that is too large: which of two was larger is lost.",
            "Repair nothing afterwards. Take something away from the scores before you raise e "
            "to them.",
        ),
    ),
    Mistake(
        "inf-to-num",
        patched,
        {"after": False},
        says="you replace infinity by the largest number there is, and two of those are equal, "
        "or overflow in the sum",
        hints=(
            "Try the row 1000, 1. What shares should it have, and what does yours say?",
            "Infinity stands for every number that is too large: which of two was larger is lost.",
            "Repair nothing afterwards. Take something away from the scores before you raise e "
            "to them.",
        ),
    ),
    Mistake(
        "a-pinch-in-the-sum",
        with_powers,
        {"pinch": 1e-8},
        says="you add a tiny number to the sum, against 0 / 0; the powers still overflow",
        hints=(
            "Try it on a row that holds 1000.",
            "Which is infinite: the sum only, or the power already?",
            "Take away something that makes the largest score of the row small. The sum is "
            "then at least 1.",
        ),
    ),
    Mistake(
        "shifted-above-only",
        shifted_above_only,
        {},
        says="you take the maximum away above the line, but not in the sum below it",
        hints=(
            "Add up one row of your result.",
            "The same powers stand above and below the line.",
            "Compute the powers once, give them a name, and use it twice.",
        ),
    ),
    Mistake(
        "not-divided",
        with_powers,
        {"divide": False},
        says="you return the powers: nothing divides them by their sum",
        hints=(
            "Add up one row of your result.",
            "Section 0.4 had two steps after the scores. Which is missing?",
            "Divide the powers by the sum of their row.",
        ),
    ),
    Mistake(
        "no-power",
        with_powers,
        {"power": torch.neg},
        says="you divide the scores by their sum, and never raise e to them",
        hints=(
            "Give it the row 1, 2, 3, then 101, 102, 103. Should the shares differ?",
            "Which of `exp` and `sum` have you not used?",
            "Raise e to the shifted scores, then divide by the sum of these powers.",
        ),
    ),
    Mistake(
        "max-with-places",
        max_with_places,
        {},
        says="`max` with a `dim` returns two things, and you take both away",
        hints=(
            "Print what `x.max(dim=-1, keepdim=True)` returns.",
            "The text says it in brackets. Which of the two things do you need?",
            "`amax` returns the numbers alone.",
        ),
    ),
    Mistake(
        "rows-of-a-table",
        row_by_row,
        {},
        says="you go through the first axis, and that gives rows only if `x` is a table",
        hints=(
            "Try it on one row, `(3,)`, and on a batch of tables.",
            "What does `for row in x` hand out when `x` has three axes? And with one?",
            "`amax` and `sum` along the last axis do it for any number of axes, without a loop.",
        ),
    ),
    Mistake(
        "only-wider",
        in_dtype_of,
        {"inside": torch.float64},
        says="you compute in float64, and e to the power of 10,000 is too large for that as well",
        hints=(
            "Try it on a row that holds 1000.",
            "float64 ends at e to the power of 709. How large may scores be?",
            "No dtype is wide enough. Take something away from the scores first.",
        ),
    ),
    Mistake(
        "float64",
        in_dtype_of,
        {"inside": torch.float64, "outside": torch.float64},
        says="you return float64 whatever came in",
        hints=(
            "Print the dtype of what comes in and of what goes out.",
            "Computing in another dtype is a good idea. Something is missing at the end.",
            "Turn the result back into the dtype of `x`.",
        ),
    ),
    Mistake(
        "edits-its-input",
        edits_its_input,
        {},
        says="your code takes the maximum away from `x` itself, and the caller's scores are "
        "changed",
        hints=(
            "Print `x` before and after you call your function.",
            "`a -= b` changes `a` itself; `a - b` makes a new tensor.",
            "Give the shifted scores a name of their own.",
        ),
    ),
    Mistake(
        "tables-only",
        tables_only,
        {},
        says="your index `[:, None]` is made for tables, and `x` may have any number of axes",
        hints=(
            "Try it on one row, `(3,)`, and on a batch of tables.",
            "Which argument of `amax` and `sum` keeps the axis, however many there are?",
            "`keepdim=True` in place of the index.",
        ),
    ),
    Mistake(
        "float32-without-a-shift",
        in_dtype_of,
        {"inside": torch.float32},
        says="you compute in float32, and e to the power of 10,000 is too large for that",
        hints=(
            "Try it on a row that holds 1000.",
            "float32 ends at e to the power of 88. How large may scores be?",
            "No dtype is wide enough. Take something away from the scores first.",
        ),
    ),
    Mistake(
        "logarithms",
        logs,
        {},
        says="you return logarithms of shares, which are never above 0",
        hints=(
            "Add up one row of your result.",
            "e to the power of what you return: is that nearer to what is asked for?",
            "Raise e to it, or divide powers by their sum in the first place.",
        ),
    ),
    Mistake(
        "sigmoid",
        each_by_itself,
        {},
        says="you squeeze each score by itself: nothing makes a row share out one unit",
        hints=(
            "Add up a row of what you return.",
            "Does your first number change when another score of its row grows? It should.",
            "Raise e to every score of the row, and divide by the sum of these powers.",
        ),
    ),
    Mistake(
        "maximum-added",
        other_shift,
        {"shift": "added"},
        says="you add the maximum to the scores, and their powers grow larger still",
        hints=(
            "Try it on a row that holds 1000. What stands in the power?",
            "Section 0.6 takes a number away from all scores. Which one?",
            "The largest of what stands in the power should be 0.",
        ),
    ),
    Mistake(
        "largest-off-the-powers",
        largest_off_the_powers,
        {},
        says="you take the maximum away from the powers; it is the scores that have to shrink",
        hints=(
            "Print your powers for a row that holds 1000.",
            "What overflows: the score, or e raised to it? What has to happen before that?",
            "First the subtraction, then `exp`.",
        ),
    ),
    Mistake(
        "largest-power-off",
        largest_off_the_powers,
        {"of_powers": True},
        says="the largest power is taken away from the powers; it is scores that have to shrink",
        hints=(
            "Print your powers for a row that holds 1000.",
            "What overflows: the score, or e raised to it? What has to happen before that?",
            "First the subtraction, then `exp`.",
        ),
    ),
    Mistake(
        "float64-through-float32",
        through_float32,
        {},
        says="float64 scores are computed in float32, which drops half of their digits",
        hints=(
            "Print ten digits of your shares of float64 scores, and of those of `torch.softmax`.",
            "Which dtypes gain by being computed in float32, and which loses?",
            "Widen float16 and bfloat16 only, or take the maximum away and change no dtype at all.",
        ),
    ),
    Mistake(
        "a-pinch-too-much",
        pinched,
        {"pinch": 1e-3},
        says="you add something to the sum, so the shares of a row sum to less than 1",
        hints=(
            "Add up one row of your result, with many digits.",
            "With the maximum taken away, how small can the sum become?",
            "The sum is at least 1 already: nothing needs to be added.",
        ),
    ),
]


# 00.is-distribution


def distribution_cases(generator, tolerance):
    def table(queries, keys, off=2e-6):
        """Rows that sum to 1 + off: never to exactly 1 by luck, however they are added up."""
        shares = torch.softmax(normal(generator, queries, keys).double(), dim=-1)
        return (shares * (1 + off)).float()

    def last_row(*shares):
        return torch.tensor([[0.25, 0.75, 0.0], [*shares]])

    negative = table(3, 5)
    negative[1, 1] += negative[1, 0] + 0.25
    negative[1, 0] = -0.25
    unknown = table(2, 3)
    unknown[1, 2] = float("nan")
    balanced = table(2, 2)  # the smallest, so that it is the one that is shown
    balanced[0] *= 1.2
    balanced[1] *= 0.8
    short = table(5, 2)
    short[4] *= 0.8
    little = table(8, 3)
    little[5] *= 1 + 2.5 * tolerance
    first = table(3, 7)
    first[0] *= 0.8
    both = torch.tensor([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
    within, outside = tolerance - 5e-6, tolerance + 5e-6
    return [
        case("a softmax", table(3, 5)),
        case("many keys", table(2, 11)),
        case("a thousand keys", table(2, 1000)),
        # one between each two of the tolerances that students are given, one above them all
        case("every row sums to 1.0017", table(3, 4, 0.0017)),
        case("every row sums to 1.005", table(2, 4, 0.005)),
        case("every row sums to 1.017", table(4, 3, 0.017)),
        case("every row sums to 1.04", table(3, 5, 0.04)),
        # on both sides of the student's own; `allclose` adds 0.00001 if it is not told otherwise
        case("row sums just within the tolerance, above 1", table(3, 4, within)),
        case("row sums just within the tolerance, below 1", table(2, 3, -within)),
        case("row sums just outside of the tolerance, above 1", table(2, 3, outside)),
        case("row sums just outside of the tolerance, below 1", table(3, 4, -outside)),
        case("rows are off by two fifths of the tolerance", table(2, 5, 0.4 * tolerance)),
        case("rows are off by two and a half tolerances", table(2, 5, 2.5 * tolerance)),
        case("one key takes all", torch.eye(4)[[2, 0, 3]]),
        case("one key takes all, and 0.00003 more", last_row(1 + 3e-5, 0.0, 0.0)),
        case("a single key", torch.ones(3, 1)),
        case("two keys share, one gets nothing", last_row(0.5, 0.0, 0.5)),
        case("one row, whose sum is 1 but for rounding", table(1, 3, 3e-5)),
        case("columns sum to 1, rows don't", torch.softmax(normal(generator, 3, 2), dim=0)),
        case("one negative share, rows sum to 1", negative),
        case("a share just below 0", last_row(0.5, -1e-6, 0.5 + 1e-6)),
        case("a negative share, and the rest sums to 1", last_row(0.5, -0.25, 0.5)),
        case("a negative share that would sum to 1 without its sign", last_row(0.25, -0.25, 0.5)),
        case("one share is nan", unknown),
        case("one share is nan, and the rest sums to 1", last_row(0.25, float("nan"), 0.75)),
        case("an infinite share", last_row(0.5, float("inf"), 0.5)),
        case("rows sum to 1.2 and 0.8", balanced),
        case("only the last row is short", short),
        case("only the first row is short", first),
        case("one of eight rows is too large by two and a half tolerances", little),
        case("the whole table sums to 1, its rows don't", table(1, 6).reshape(2, 3)),
        case("all shares are 0", torch.zeros(2, 3)),
        case("both axes sum to 1", both),
    ]


def wrong_test(w, *, tolerance, axis=-1, floor=0.0, near=1.0, rows="all", nan="fails"):
    if floor is not None and (w < floor).any():
        return False
    if nan == "fails" and w.isnan().any():
        return False
    off = (w.sum(dim=axis) - 1).abs() >= near * tolerance
    if rows == "all":
        return not bool(off.any())
    return not bool(off.all() if rows == "any" else off[0 if rows == "first" else -1])


def shares_of(w, tolerance):
    return (w >= 0).all(dim=-1) & ((w.sum(dim=-1) - 1).abs() < tolerance)


def by_another_rule(w, *, tolerance, rule):
    """Right, but for one rule that is bent."""
    near = ((w.sum(dim=-1) - 1).abs() < tolerance).all()
    return bool((w >= 0).all() and near and rule(w))


def with_another_distance(w, *, tolerance, far):
    """Right, but for how far a sum is from 1."""
    return bool((w >= 0).all() and not far(w.sum(dim=-1), tolerance).any())


def by_allclose(w, *, tolerance, atol=None, rtol=1e-5):
    sums = w.sum(dim=-1)
    near = torch.allclose(sums, torch.ones_like(sums), atol=atol or tolerance, rtol=rtol)
    return bool((w >= 0).all()) and near


def doubled_tolerance(w, *, tolerance):
    return by_allclose(w, tolerance=tolerance, rtol=tolerance)


def leaves_nan_out(w, *, tolerance):
    off = (w.nansum(dim=-1) - 1).abs() >= tolerance
    return not bool((w < 0).any() or off.any())


def no_sums(w, *, tolerance, top=None):
    return bool((w >= 0).all() and (top is None or (w <= top).all()))


def total_only(w, *, tolerance, of=len):
    return bool((w >= 0).all()) and abs(w.sum().item() - of(w)) < tolerance


def mean_of_rows(w, *, tolerance):
    return bool((w >= 0).all()) and abs(w.sum(dim=-1).mean().item() - 1) < tolerance


def mean_of_distances(w, *, tolerance):
    return bool((w >= 0).all()) and (w.sum(dim=-1) - 1).abs().mean().item() < tolerance


def averages_the_shares(w, *, tolerance):
    return bool((w >= 0).all() and ((w.mean(dim=-1) - 1).abs() < tolerance).all())


def any_row_will_do(w, *, tolerance):
    return bool(shares_of(w, tolerance).any())


def one_verdict(w, *, tolerance, of):
    return bool(shares_of(w, tolerance)[of])


def one_for_each_row(w, *, tolerance):
    return shares_of(w, tolerance)


def list_for_each_row(w, *, tolerance):
    return shares_of(w, tolerance).tolist()


def no_else(w, *, tolerance):
    return True if shares_of(w, tolerance).all() else None


def asks_a_table(w, *, tolerance):
    return bool(w >= 0) and bool((w.sum(dim=-1) - 1).abs() < tolerance)


def verdict_turned_round(w, *, tolerance):
    return not bool(shares_of(w, tolerance).all())


def distribution_by_loop(weights, *, tolerance):
    for row in weights.tolist():
        if not all(x >= 0 for x in row) or abs(sum(row) - 1) >= tolerance:
            return False
    return True


def distribution_by_allclose(weights, *, tolerance):
    ones = torch.ones(weights.shape[0])
    good = torch.allclose(weights.sum(-1), ones, atol=tolerance, rtol=0)
    return good and not bool((weights < 0).any())


def distribution_of_rows(weights, *, tolerance):
    fine = [1 - tolerance <= float(row.sum()) <= 1 + tolerance for row in weights]
    return all(fine) and weights.min() >= 0


def distribution_by_numpy(weights, *, tolerance):
    table = weights.numpy().astype("float64")
    return (table >= 0).all() and abs(table.sum(axis=1) - 1).max() <= tolerance


def distribution_step_by_step(weights, *, tolerance):
    if weights.isnan().any() or (weights < 0).any():
        return False
    sums = weights.sum(1)
    return not bool((torch.maximum(sums - 1, 1 - sums) > tolerance).any())


def negative_made_up_for(w, *, tolerance, by):
    return bool(not w.isnan().any() and ((by(w).sum(dim=-1) - 1).abs() < tolerance).all())


def either_will_do(w, *, tolerance):
    return bool((w >= 0).all() or ((w.sum(dim=-1) - 1).abs() < tolerance).all())


TEST_MISTAKES = [
    Mistake(
        "negative-passes",
        wrong_test,
        {"floor": None},
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
        with_another_distance,
        {"far": lambda sums, tolerance: sums != 1},
        says="you ask for exactly 1, and rounding makes right weights fail",
        hints=(
            "Add 0.1 ten times in Python and compare with 1.",
            "How far from 1 may a sum be, by the text above?",
            "Compare the distance from 1 with a small number.",
        ),
    ),
    Mistake(
        "too-strict",
        by_allclose,
        {"atol": 1e-8},
        says="your tolerance is far narrower than the one asked for: weights rounded a little fail",
        hints=(
            "You turn away a row that sums to 1.00003.",
            "How far from 1 may a sum be? If you use `allclose`: it has a tolerance of its own.",
            "Let the distance from 1 go up to the number in the text.",
        ),
    ),
    Mistake(
        "loose",
        with_another_distance,
        {"far": lambda sums, tolerance: (sums - 1).abs() >= max(0.05, 4 * tolerance)},
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
        says="you check the sum of the whole table: what its rows are off adds up, and one row "
        "too large hides one too small",
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
        no_sums,
        {},
        says="you look at the values one by one, but not at what the rows sum to",
        hints=(
            "Try a table of zeros.",
            "Which of the three promises do you not test?",
            "Add up each row and compare with 1.",
        ),
    ),
    Mistake(
        "nan-passes",
        wrong_test,
        {"nan": "passes"},
        says="a row with nan slips through your test",
        hints=(
            "Try a row that holds nan.",
            "`nan < 0` is False, and so is `nan > 0`. Which way round do you ask?",
            "Ask what must be true of every value, not what must be false.",
        ),
    ),
    Mistake(
        "half-strict",
        wrong_test,
        {"near": 0.5},
        says="your tolerance is narrower than the one asked for",
        hints=(
            "You turn away rows that are off by less than the text allows.",
            "How far from 1 may a sum be, by the text above?",
            "Compare the distance itself with the number in the text; rounding before that "
            "halves it.",
        ),
    ),
    Mistake(
        "also-relative",
        by_allclose,
        {},
        says="`allclose` and `isclose` have a second tolerance, `rtol`, and it widens yours a "
        "little",
        hints=(
            "Try rows that sum to 1 and your tolerance, plus 0.000005.",
            "Look at the parameters of `torch.allclose`: there are two tolerances, and they "
            "are added.",
            "Set `rtol=0`, or compare the distance from 1 yourself.",
        ),
    ),
    Mistake(
        "doubled-tolerance",
        doubled_tolerance,
        {},
        says="you give the tolerance twice, as `atol` and as `rtol`, and the two are added",
        hints=(
            "Try rows that are off by one and a half tolerances.",
            "Look at the parameters of `torch.allclose`: what happens with `atol` and `rtol`?",
            "Set `rtol=0`.",
        ),
    ),
    Mistake(
        "short-rows-pass",
        with_another_distance,
        {"far": lambda sums, tolerance: sums - 1 >= tolerance},
        says="you ask whether a sum is too large, and rows that fall short of 1 pass",
        hints=(
            "Try a table of zeros.",
            "The difference from 1 can be negative. Is −1 below your tolerance?",
            "Take `abs` of the difference before you compare.",
        ),
    ),
    Mistake(
        "long-rows-pass",
        with_another_distance,
        {"far": lambda sums, tolerance: 1 - sums >= tolerance},
        says="you ask whether a sum is too small, and rows that sum to more than 1 pass",
        hints=(
            "Try a table of ones.",
            "The difference from 1 can be negative. Is −1 below your tolerance?",
            "Take `abs` of the difference before you compare.",
        ),
    ),
    Mistake(
        "whole-numbers",
        with_another_distance,
        {"far": lambda sums, tolerance: sums.round() != 1},
        says="you round the sums to whole numbers, so anything between 0.5 and 1.5 counts as 1",
        hints=(
            "Try a table whose rows sum to 1.2.",
            "How far from 1 may a sum be, by the text above?",
            "Let the distance from 1 go up to the number in the text and no further.",
        ),
    ),
    Mistake(
        "zero-refused",
        by_another_rule,
        {"rule": lambda w: (w > 0).all()},
        says="you ask for shares above 0, and a share of exactly 0 is allowed",
        hints=(
            "Try the row 0, 1, 0: one key takes all.",
            "The second promise says *below* 0. What about 0 itself?",
            "One sign more: `>=`.",
        ),
    ),
    Mistake(
        "one-refused",
        by_another_rule,
        {"rule": lambda w: (w < 1).all()},
        says="you ask for shares below 1, and one key may take all",
        hints=(
            "Try the row 0, 1, 0: one key takes all.",
            "The text makes three promises. Is this one of them?",
            "Leave it out: what sums to 1 and is nowhere below 0 can't be much above 1.",
        ),
    ),
    Mistake(
        "between-0-and-1",
        by_another_rule,
        {"rule": lambda w: ((w > 0) & (w < 1)).all()},
        says="you ask for shares above 0 and below 1, and both 0 and 1 are allowed",
        hints=(
            "Try the row 0, 1, 0: one key takes all.",
            "The second promise says *below* 0. What about 0 itself? And which promise speaks "
            "of 1?",
            "Ask for `>= 0`, and leave the other end to the sum.",
        ),
    ),
    Mistake(
        "one-is-the-limit",
        by_another_rule,
        {"rule": lambda w: (w <= 1).all()},
        says="you turn away a share that lies above 1 by less than the tolerance; no promise "
        "forbids it",
        hints=(
            "Try the row 1.00003, 0, 0.",
            "The text makes three promises. Is yours among them?",
            "Leave it out: what sums to 1 and is nowhere below 0 can't be much above 1.",
        ),
    ),
    Mistake(
        "both-axes",
        by_another_rule,
        {"rule": lambda w: ((w.sum(dim=0) - 1).abs() < 0.05).all()},
        says="you ask for columns that sum to 1 as well, and nothing promises that",
        hints=(
            "Try the table with the rows 1, 0 and 1, 0.",
            "Over what does each query share out its one unit?",
            "Test the rows, and only the rows.",
        ),
    ),
    Mistake(
        "a-little-below-0",
        wrong_test,
        {"floor": -1e-4},
        says="you let values a little below 0 pass; the tolerance is for the sums only",
        hints=(
            "Try the row 0.5, −0.000001, 0.500001.",
            "Which of the three promises says *give or take*?",
            "Compare the values with 0 itself.",
        ),
    ),
    Mistake(
        "whole-table-is-1",
        total_only,
        {"of": lambda w: 1},
        says="you ask the whole table to sum to 1; each row should",
        hints=(
            "What does a table of 5 rows of shares sum to?",
            "The promise is made for each row.",
            "Keep one sum for each row, and ask all of them.",
        ),
    ),
    Mistake(
        "last-row",
        wrong_test,
        {"rows": "last"},
        says="what you find out about one row is overwritten by the next: only the last row's "
        "sum counts",
        hints=(
            "Break the first row of a table and try again.",
            "What does your loop remember of the rows before?",
            "Return False at the first bad row, and True after the loop; or use `all()`.",
        ),
    ),
    Mistake(
        "last-verdict",
        one_verdict,
        {"of": -1},
        says="what you find out about one row is overwritten by the next: only the last row counts",
        hints=(
            "Break the first row of a table in each of the three ways, and try again.",
            "What does your loop remember of the rows before?",
            "Return False at the first bad row, and True after the loop; or use `all()`.",
        ),
    ),
    Mistake(
        "mean-of-rows",
        mean_of_rows,
        {},
        says="you check the mean of the sums, and one row too large hides one too small",
        hints=(
            "Try a table whose rows sum to 1.2 and 0.8.",
            "The promise is made for each row.",
            "Keep one sum for each row, and ask all of them.",
        ),
    ),
    Mistake(
        "returns-in-the-loop",
        one_verdict,
        {"of": 0},
        says="your loop returns after the first row, whatever that says of the others",
        hints=(
            "Break the last row of a table and try again.",
            "`return` ends a function, in the middle of a loop too.",
            "One bad row is enough for False; for True you must have seen all. Where does each "
            "return stand?",
        ),
    ),
    Mistake(
        "any-row-will-do",
        any_row_will_do,
        {},
        says="one good row is enough for your True; every row has to be good",
        hints=(
            "Break the last row of a table and try again, then only the first.",
            "After a good row, what do you know of those that come after it?",
            "Return False at the first bad row, and True only after the loop; or use `all()`.",
        ),
    ),
    Mistake(
        "values-only",
        no_sums,
        {"top": 1},
        says="you check that values lie between 0 and 1, but not what the rows sum to",
        hints=(
            "Try a table of zeros.",
            "Which of the three promises do you not test?",
            "Add up each row and compare with 1.",
        ),
    ),
    Mistake(
        "leaves-nan-out",
        leaves_nan_out,
        {},
        says="you leave `nan` out of the sum, and a row passes if the rest of it sums to 1",
        hints=(
            "Try the row 0.25, nan, 0.75.",
            "The first promise is about `nan`. Where do you test it?",
            "`isnan()` says where they are; or ask of every value whether it is `>= 0`, which "
            "`nan` is not.",
        ),
    ),
    Mistake(
        "one-for-each-row",
        one_for_each_row,
        {},
        says="you return one verdict for each row; one for the whole table is asked for",
        hints=(
            "Print what you return for a table of two rows.",
            "One `True` or `False` for the whole table is asked for.",
            "`all()` makes one answer of many.",
        ),
    ),
    Mistake(
        "list-for-each-row",
        list_for_each_row,
        {},
        says="you return a list with one verdict for each row; one for the whole table is "
        "asked for",
        hints=(
            "Print what you return for a table of two rows.",
            "One `True` or `False` for the whole table is asked for.",
            "`all()` makes one answer of many.",
        ),
    ),
    Mistake(
        "no-else",
        no_else,
        {},
        says="you return True for a good table and nothing for a bad one; False is asked for",
        hints=(
            "Print what you return for a table of zeros.",
            "A function that ends without `return` gives None.",
            "Add a last line that returns False, or return the comparison itself.",
        ),
    ),
    Mistake(
        "asks-a-table",
        asks_a_table,
        {},
        says="you ask a whole table of True and False for one truth value, and Python can't "
        "know how to join them",
        hints=(
            "Print `weights >= 0`.",
            "Must one of the values be True, or every one?",
            "`.all()` before `if`, `and` and `bool`.",
        ),
    ),
    Mistake(
        "turned-round",
        verdict_turned_round,
        {},
        says="your True and False are exchanged",
        hints=(
            "Try it on a softmax.",
            "True stands for a table that keeps its promises.",
            "Look for a `not` too many, or for two returns that changed places.",
        ),
    ),
    Mistake(
        "negative-cut-off",
        negative_made_up_for,
        {"by": torch.relu},
        says="you cut negative shares off before you add up, and nothing tests whether there are "
        "any",
        hints=(
            "Try the row 0.5, −0.25, 0.5.",
            "The second promise is about values below 0. Which line of yours tests it?",
            "Leave the values as they are, and ask of each whether it is `>= 0`.",
        ),
    ),
    Mistake(
        "signs-lost",
        negative_made_up_for,
        {"by": torch.abs},
        says="you drop the signs before you add up, and nothing tests whether a share is negative",
        hints=(
            "Try the row 0.25, −0.25, 0.5.",
            "The second promise is about values below 0. Which line of yours tests it?",
            "Leave the values as they are, and ask of each whether it is `>= 0`.",
        ),
    ),
    Mistake(
        "either-will-do",
        either_will_do,
        {},
        says="you are content when one of the promises is kept; every row keeps all three",
        hints=(
            "Try a table of zeros, then the row 1.5, −0.5.",
            "Is one broken promise enough to turn a table away?",
            "`and` asks for both sides, `or` is content with one.",
        ),
    ),
    Mistake(
        "mean-of-distances",
        mean_of_distances,
        {},
        says="you check the mean of the distances from 1, and many good rows hide a bad one",
        hints=(
            "Try ten rows, one of which is off by twice the tolerance.",
            "The promise is made for each row.",
            "Compare each distance with the tolerance, and ask all of them.",
        ),
    ),
    Mistake(
        "averages-the-shares",
        averages_the_shares,
        {},
        says="you take the mean of each row; it is the sum of a row that is 1",
        hints=(
            "Print what you compare with 1, for a softmax.",
            "What do the shares of one unit add up to, and what is their mean?",
            "Add up each row; nothing is divided.",
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
        also_right=[
            scores_by_loop,
            scores_by_einsum,
            scores_by_vmap,
            scores_filled_in,
            scores_by_a_layer,
        ],
        axes="key",
        hints=(
            "Make a `query` of 2 numbers and `keys` of 3 rows, and work out the 3 results by hand.",
            "Section 0.3 has the dot product of two vectors. Which axis should vanish, which stay?",
            "Multiply each row by the query, number by number, and add along the features.",
        ),
        allows=Edges(
            axes=(1, 2),
            sizes=(1,),
            special=("zeros",),
            labels=("single key", "as many keys as features", "single feature"),
        ),
    ),
    Exercise(
        id="00.dot-shape",
        title="Say the shape first",
        kind="predict",
        points=1,
        name="dot_shape",
        cases=shape_cases,
        mistakes=SHAPE_MISTAKES,
        also_right=[shape_by_unpacking, shape_on_meta, shape_by_joining, shape_as_torch_says_it],
        hints=(
            "Multiply two small tensors of zeros in a new cell, and print the shape of the "
            "product.",
            "Section 0.3: which axis of each of the two meets the other's, and vanishes?",
            "Read sizes from the end: `a[-1]`, `b[-2]`. First ask whether they meet, then "
            "build it.",
        ),
        allows=Edges(
            sizes=(0, 1, 2, 3, 4, 5),
            labels=("square", "don't meet", "not stretched", "two axes in front", "three axes"),
        ),
    ),
    Exercise(
        id="00.safe-softmax",
        title="A softmax that survives",
        kind="code",
        points=2,
        name="safe_softmax",
        cases=softmax_cases,
        mistakes=SOFTMAX_MISTAKES,
        also_right=[
            softmax_by_rows,
            softmax_through_logs,
            softmax_on_a_copy,
            softmax_by_pairs,
            softmax_in_float64,
            lambda x: torch.softmax(x, -1),
        ],
        properties=("rows-sum-to-1", "finite", "not-negative"),
        # float16 keeps three digits: right answers in another order of steps differ by 0.001
        # float64 keeps sixteen
        tolerances={"float16": (2e-3, 2e-3), "float64": (1e-10, 1e-12)},
        hints=(
            "Try one row, then two rows far apart, such as 1, 2 and 9,999, 10,000. "
            "Print each step, its shape and its dtype.",
            "Section 0.6 says what may be taken away from all scores of a row. "
            "The points of the text say what must stay as it was.",
            "Per row: take its largest score away, raise e to what is left, divide by the sum. "
            "Both the largest and the sum keep their axis, with size 1.",
        ),
        allows=Edges(
            dtypes=("float32", "float16", "bfloat16", "float64"),
            axes=(1, 2, 3, 4),
            sizes=(1,),
            special=("huge",),
            labels=("±10,000", "far from each other", "square"),
        ),
    ),
    Exercise(
        id="00.is-distribution",
        title="Tell shares from look-alikes",
        kind="test",
        points=2,
        name="is_distribution",
        cases=distribution_cases,
        mistakes=TEST_MISTAKES,
        also_right=[
            distribution_by_loop,
            distribution_by_allclose,
            distribution_of_rows,
            distribution_by_numpy,
            distribution_step_by_step,
        ],
        hints=(
            "Try it on small tables that you type yourself: a good one, and one for each promise "
            "that is broken in a single row.",
            "Go through the three promises of the text, one by one: which line of yours tests "
            "which, and for every row?",
            "Add up each row, take the distance of each sum from 1, and compare it with the "
            "tolerance. Then ask of all values and all rows, and make one `bool` of it.",
        ),
        allows=Edges(
            axes=(2,),
            sizes=(1, 1000),
            special=("nan", "inf", "zeros"),
            labels=(
                "just within the tolerance",
                "just outside of the tolerance",
                "within the tolerance, below 1",
                "outside of the tolerance, below 1",
                "takes all",
                "just below 0",
            ),
        ),
        choices={"tolerance": (0.001, 0.003, 0.01, 0.03)},
    ),
]
