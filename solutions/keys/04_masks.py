"""Answer keys of chapter 04: cases that expose a mask, and the masks that learners really write."""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from course_lib.grader.judging.edges import around, in_dtype
from course_lib.grader.judging.key import Call, Case, Edges, Exercise, Mistake, call, case


def whole(g: Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (1,), generator=g))


def normal(g: Generator, *shape: int) -> Tensor:
    """Independent numbers around 0."""
    return torch.randn(*shape, generator=g)


def causal_cases(g: Generator) -> list[Case]:
    """Square, wide and single-query masks; the sizes change with the seed."""
    square, few, more = whole(g, 4, 9), whole(g, 2, 4), whole(g, 2, 5)
    return [
        case("as many queries as keys", square, square),
        case("the last few queries of a longer text", few, few + more),
        case("one new query, as in writing", 1, whole(g, 6, 13)),
        case("a single word", 1, 1),
        case("one key more than queries", square - 1, square),
    ]


def wrong_causal(n_query, n_key, relation="past", corner="right", number=torch.bool):
    """A causal mask with its common mistakes as flags."""
    start = n_key - n_query if corner == "right" else 0
    query = torch.arange(start, start + n_query)[:, None]
    key = torch.arange(n_key)[None, :]
    seen = {
        "past": key <= query,
        "strictly-past": key < query,
        "future": key > query,
        "self-and-future": key >= query,
        "one-ahead": key <= query + 1,
    }
    return seen[relation].to(number)


def causal_loop(n_query, n_key):
    """Pair by pair."""
    rows = [[j <= i + n_key - n_query for j in range(n_key)] for i in range(n_query)]
    return torch.tensor(rows)


def causal_last_rows(n_query, n_key):
    """The last rows of the square mask."""
    return torch.ones(n_key, n_key, dtype=torch.bool).tril()[n_key - n_query :]


def causal_tril(n_query, n_key):
    """`tril` with its diagonal moved."""
    return torch.ones(n_query, n_key, dtype=torch.bool).tril(diagonal=n_key - n_query)


def odd_causal(n_query, n_key, how):
    """Masks of another kind or size than asked."""
    right = causal_tril(n_query, n_key)
    square = torch.ones(n_key, n_key, dtype=torch.bool).tril()
    return {
        "sign": lambda: torch.ones(n_query, n_key, dtype=torch.bool).tril(n_query - n_key),
        "mirrored": lambda: torch.ones(n_query, n_key, dtype=torch.bool).tril().flip(1),
        "whole": lambda: right.long(),
        "bytes": lambda: right.to(torch.uint8),
        "penalties": lambda: torch.zeros(n_query, n_key).masked_fill(~right, -torch.inf),
        "penalties, left": lambda: torch.full((n_query, n_key), -torch.inf).triu(1),
        "turned": lambda: torch.ones(n_key, n_query, dtype=torch.bool).tril(),
        "turned, moved": lambda: torch.ones(n_key, n_query).bool().tril(n_key - n_query),
        "turned round": lambda: right.T,
        "one axis more": lambda: right[None],
        "short": right.int,
        "queries": lambda: square[:n_query, :n_query],
        "keys": lambda: square,
        "all": lambda: torch.ones(n_query, n_key, dtype=torch.bool),
        "four": lambda: right[None, None],
        "past hidden": lambda: right & (torch.arange(n_key) >= n_key - n_query),
        "past behind": lambda: right.roll(n_query, 1),
        "lists": right.tolist,
        "stretched": lambda: (
            torch.arange(n_key) * n_query <= n_key * torch.arange(n_query)[:, None]
        ),
    }[how]()


NUMBER_HINTS = (
    "Print the dtype of your mask.",
    "The text asks for True and False. Numbers hide nothing by themselves: PyTorch adds a float "
    "mask to the scores, and `~` of a whole number is not its opposite.",
    "A comparison gives booleans; `.bool()` makes them of ones and zeros.",
)
KIND_HINTS = (
    "Print what you return, its shape and its dtype, and hold them against the text.",
    "The text asks for one boolean tensor of exactly two axes, (n_query, n_key).",
    "Build the grid with its two sizes in that order, and return it as it is.",
)


CAUSAL = Exercise(
    id="04.causal-mask",
    title="Only the past",
    kind="code",
    points=2,
    name="causal_mask",
    cases=causal_cases,
    axes="query key",
    mistakes=[
        Mistake(
            "past-hidden",
            odd_causal,
            {"how": "past hidden"},
            says="the keys before the first query are hidden: your triangle stands in the "
            "right corner, with False beside it",
            hints=(
                "Print your mask for 2 queries and 5 keys.",
                "The keys before the first query are the past of every query.",
                "What stands beside the triangle is seen by all.",
            ),
        ),
        Mistake(
            "stretched",
            odd_causal,
            {"how": "stretched"},
            says="your staircase is stretched from corner to corner: with fewer queries than keys, "
            "each query sees several more than the one before",
            hints=(
                "Print your mask for 2 queries and 5 keys. By how many does the past grow?",
                "The queries are the last of the keys, one place apart.",
                "Each row has one True more than the row above, and the last row only True.",
            ),
        ),
        Mistake(
            "past-behind",
            odd_causal,
            {"how": "past behind"},
            says="your triangle stands at the first keys, and what every query sees stands "
            "behind it",
            hints=(
                "Print your mask for 2 queries and 5 keys. Does the first query see the last key?",
                "The queries are the last of the keys, so the triangle belongs to the last keys.",
                "What all may see comes first, then the triangle.",
            ),
        ),
        Mistake(
            "turned-round",
            odd_causal,
            {"how": "turned round"},
            says="your grid is turned round: a row for each key and a column for each query",
            hints=KIND_HINTS,
        ),
        Mistake(
            "batch-axis",
            odd_causal,
            {"how": "one axis more"},
            says="your mask has an axis for the batch; asked for is (n_query, n_key)",
            hints=KIND_HINTS,
        ),
        Mistake(
            "top-left",
            wrong_causal,
            {"corner": "left"},
            says="your mask counts the queries from the first key: with fewer queries than "
            "keys they are taken for the first words, not for the last",
            hints=(
                "Print your mask for 1 query and 5 keys. How many keys should the newest word see?",
                "Query number i stands at position i + n_key - n_query of the text.",
                "Give the queries their true positions with an arange that ends at n_key, "
                "then compare those with the positions of the keys.",
            ),
        ),
        Mistake(
            "hides-itself",
            wrong_causal,
            {"relation": "strictly-past"},
            says="your queries see the past but not themselves, so the first word sees "
            "nothing at all",
            hints=(
                "Print the first row of a square mask. What does the first word look at?",
                "A query may look at its own position.",
                "Compare with <= where you have <, or move the diagonal by one.",
            ),
        ),
        Mistake(
            "inverted",
            wrong_causal,
            {"relation": "future"},
            says="your mask is the wrong way round: True stands on what has to be hidden",
            hints=(
                "In this course True means one thing only. Which?",
                "True means may look; your True cells are exactly the future.",
                "Turn every cell of your mask round with ~.",
            ),
        ),
        Mistake(
            "future",
            wrong_causal,
            {"relation": "self-and-future"},
            says="your queries see themselves and the future: the triangle lies above the diagonal",
            hints=(
                "Rows are queries, columns are keys. Which triangle is the past?",
                "In row i, the columns 0 to i are the past and the query itself.",
                "`tril` keeps the lower left triangle, `triu` the upper right one.",
            ),
        ),
        Mistake(
            "one-ahead",
            wrong_causal,
            {"relation": "one-ahead"},
            says="your queries see one word ahead: the very word that they should guess",
            hints=(
                "How many keys does the first word see in your square mask?",
                "The first word of a square mask sees one key: itself.",
                "The diagonal of your triangle is one too high.",
            ),
        ),
        Mistake(
            "numbers",
            wrong_causal,
            {"number": torch.float32},
            says="your mask holds ones and zeros as float numbers, not True and False",
            hints=(
                "Look at the dtype of your mask.",
                "PyTorch would add a float mask to the scores: 1.0 and 0.0 hide nothing.",
                "Start from a boolean tensor, or compare positions, which gives booleans.",
            ),
        ),
        Mistake(
            "diagonal-sign",
            odd_causal,
            {"how": "sign"},
            says="your diagonal moves the wrong way: the more keys there are, the fewer your "
            "queries see",
            hints=(
                "Print your mask for 2 queries and 5 keys. How many keys should the newest word "
                "see?",
                "`tril` of a larger diagonal keeps more, one of a smaller diagonal less.",
                "The first query stands n_key - n_query places to the right of the first key.",
            ),
        ),
        Mistake(
            "whole-numbers",
            odd_causal,
            {"how": "whole"},
            says="your mask holds ones and zeros as whole numbers, not True and False",
            hints=NUMBER_HINTS,
        ),
        Mistake(
            "bytes",
            odd_causal,
            {"how": "bytes"},
            says="your mask holds ones and zeros as bytes (uint8), not True and False",
            hints=NUMBER_HINTS,
        ),
        Mistake(
            "penalties-from-the-left",
            odd_causal,
            {"how": "penalties, left"},
            says="you return penalties, 0 and minus infinity, and count the queries from the first "
            "key",
            hints=(
                "Print your mask for 2 queries and 5 keys, and its dtype.",
                "Many examples on the web hold numbers that are added to the scores, for square "
                "masks only. Here True and False are asked for.",
                "Compare positions; the queries have the last ones. A comparison gives booleans.",
            ),
        ),
        Mistake(
            "penalties",
            odd_causal,
            {"how": "penalties"},
            says="your mask holds 0 and minus infinity, to be added to scores; asked for are True "
            "and False",
            hints=NUMBER_HINTS,
        ),
        Mistake(
            "key-by-query",
            odd_causal,
            {"how": "turned"},
            says="your grid is (n_key, n_query): rows and columns are exchanged",
            hints=KIND_HINTS,
        ),
        Mistake(
            "queries-only",
            odd_causal,
            {"how": "queries"},
            says="your grid is (n_query, n_query): the keys before the first query are missing",
            hints=KIND_HINTS,
        ),
        Mistake(
            "keys-only",
            odd_causal,
            {"how": "keys"},
            says="your grid is (n_key, n_key): it has a row for words that ask nothing",
            hints=KIND_HINTS,
        ),
        Mistake(
            "all-visible",
            odd_causal,
            {"how": "all"},
            says="your mask hides nothing: every query sees every key",
            hints=(
                "Print your mask for three queries and three keys. What may the first word see?",
                "Rows are queries: row 0 of a square mask has one True.",
                "Compare the positions of keys and queries, or keep a triangle of the grid.",
            ),
        ),
        Mistake(
            "four-axes",
            odd_causal,
            {"how": "four"},
            says="your mask has axes for batch and heads; asked for is (n_query, n_key)",
            hints=KIND_HINTS,
        ),
        Mistake(
            "nested-lists",
            odd_causal,
            {"how": "lists"},
            says="you return lists of lists, not a tensor",
            hints=KIND_HINTS,
        ),
        Mistake(
            "rows-are-keys",
            odd_causal,
            {"how": "turned, moved"},
            says="your mask is (n_key, n_query): its rows are the keys",
            hints=(
                "Print the shape of `causal_mask(2, 5)`.",
                "A row for each query, a column for each key.",
                "Write the two sizes in the order of the text.",
            ),
        ),
        Mistake(
            "whole-numbers-of-32-bits",
            odd_causal,
            {"how": "short"},
            says="your mask holds ones and zeros as whole numbers, not True and False",
            hints=(
                "Print the dtype of your mask.",
                "The text asks for True and False: `~` of a whole number is not its opposite.",
                "A comparison gives booleans; `.bool()` makes them of ones and zeros.",
            ),
        ),
        Mistake(
            "mirrored",
            odd_causal,
            {"how": "mirrored"},
            says="your triangle is mirrored: the first query sees the last key",
            hints=(
                "Which key does the first row of your mask show?",
                "`flip` turns left and right round; what is wanted is a triangle moved along.",
                "Keep the triangle, and move its diagonal by how many keys there are more.",
            ),
        ),
    ],
    also_right=[causal_loop, causal_last_rows, causal_tril],
    hints=(
        "Print your mask for 2 queries and 5 keys, and write beside each row at which position of "
        "the text its query stands.",
        "The text fixes the last row, whatever the sizes: all True. A square mask is the ordinary "
        "triangle with its diagonal.",
        "Make the positions of the queries and those of the keys, lay them along two axes, and "
        "compare.",
    ),
    allows=Edges(sizes=(1,), labels=("one new query", "as many queries", "one key more")),
)


def sentences(g: Generator, pad_id: int, pads: list[tuple[int, int]], seq: int) -> Tensor:
    """Rows of random ids without `pad_id`, padded (left, right) as told; id 0 occurs as a word."""
    ids = torch.randint(1, 90, (len(pads), seq), generator=g)
    ids[ids == pad_id] = 91
    ids[:, seq // 2] = 0 if pad_id else 92
    for row, (left, right) in enumerate(pads):
        ids[row, :left] = pad_id
        ids[row, seq - right :] = pad_id
    return ids


PAD_IDS = (3, 5, 8, 13)


def padding_cases(g: Generator, pad_id: int) -> list[Case]:
    """Padding on every side, a pad id that is not 0, and a row of padding only.

    The student's own `pad_id` is padding where the call names none; the others' are words there.
    """
    pad, left, right = whole(g, 14, 80), whole(g, 1, 2), whole(g, 1, 3)  # none of PAD_IDS
    ids = {
        "padded on the right": (sentences(g, pad, [(0, right), (0, 0)], 7), pad),
        "padded on the left": (sentences(g, pad, [(left, 0), (0, 0), (2, 0)], 5), pad),
        "padded on both sides": (sentences(g, pad, [(left, right), (1, 1)], 11), pad),
        "one row is all padding": (sentences(g, pad, [(0, 0), (7, 0), (0, 2)], 7), pad),
        "the pad id is 0": (sentences(g, 0, [(0, right), (left, 0)], 9), 0),
        "the pad id is -1": (sentences(g, -1, [(0, right), (left, 0)], 9), -1),
        "a batch of one sentence": (sentences(g, pad, [(left, right)], 7), pad),
        "one token": (torch.full((1, 1), pad - 1), pad),
        "one pad": (torch.full((1, 1), pad), pad),
    }
    ids["the pad id is -1"][0][0, 0] = 1  # a word, whatever its sign
    own = sentences(g, pad_id, [(0, right), (left, 0)], 8)
    own[:, 3:6] = torch.tensor([other for other in PAD_IDS if other != pad_id])
    named = [case(label, given, pad_id=pad) for label, (given, pad) in ids.items()]
    return [*named, in_dtype(named[0], torch.int32), case("no pad id is named", own)]


def wrong_padding(ids, pad_id, hides="pads", invert=False, form="key", number=torch.bool):
    """A padding mask with its common mistakes as flags."""
    mask = ids != pad_id
    if hides == "zeros":
        mask = ids != 0
    if hides == "after-count":
        mask = torch.arange(ids.shape[1]) < mask.sum(dim=1, keepdim=True)
    if hides == "after-first-pad":
        mask = mask.cumprod(dim=1).bool()
    mask = (mask ^ invert).to(number)
    forms = {
        "key": lambda m: m[:, None, None, :],
        "query": lambda m: m[:, None, :, None],
        "flat": lambda m: m,
        "no-heads": lambda m: m[:, None, :],
        "pairs": lambda m: m[:, None, :, None] & m[:, None, None, :],
    }
    return forms[form](mask)


def padding_loop(ids, pad_id):
    """Token by token."""
    rows = [[[[token != pad_id for token in row]]] for row in ids.tolist()]
    return torch.tensor(rows)


def padding_view(ids, pad_id):
    """Through `eq` and `view`."""
    return ~ids.eq(pad_id).view(ids.shape[0], 1, 1, ids.shape[1])


SHAPE_HINTS = (
    "Scores are (batch, heads, query, key). Write your mask's axes under them, from the right.",
    "Shapes are lined up from the right, and a size of 1 fits any size.",
    "The key axis has to be last, with two axes of size 1 between it and the batch.",
)


def odd_padding(ids, pad_id, how):
    """Padding masks of another kind or shape than asked."""
    real = ids != pad_id
    mask = real[:, None, None, :]
    return {
        "front": lambda: real[None, None],
        "flat, rows": lambda: real.view(-1, 1, 1, 1),
        "first row": lambda: mask[:1],
        "not": lambda: (not torch.eq(ids, pad_id))[:, None, None, :],
        "is not": lambda: torch.tensor([[i is not pad_id for i in row] for row in ids])[
            :, None, None
        ],
        "back": lambda: real[:, :, None, None],
        "whole": mask.long,
        "penalties": lambda: torch.zeros(mask.shape).masked_fill(~mask, -torch.inf),
        "expanded": lambda: mask.expand(-1, 1, ids.shape[1], -1),
        "rescued": lambda: mask | ~mask.any(dim=-1, keepdim=True),
        "larger": lambda: (ids > pad_id)[:, None, None, :],
        "ends": lambda: mask.flip(-1).cumsum(dim=-1).flip(-1).bool(),
        # Where a call names none, it is one of PAD_IDS, and no call names one of these.
        "default": lambda: (ids != (0 if pad_id in PAD_IDS else pad_id))[:, None, None, :],
    }[how]()


def fixed_padding(ids, pad_id, always):
    """One id is hidden, whatever is named."""
    return (ids != always)[:, None, None, :]


PADDING = Exercise(
    id="04.padding-mask",
    title="Not the padding",
    kind="code",
    points=1,
    name="padding_mask",
    cases=padding_cases,
    axes="batch heads query key",
    mistakes=[
        Mistake(
            "inverted",
            wrong_padding,
            {"invert": True},
            says="your mask is the wrong way round: True on the padding, False on the words",
            hints=(
                "Print your mask for a sentence without padding. Who may look at whom?",
                "True means may look, so the words have to be True.",
                "Compare `ids == pad_id` with `ids != pad_id`.",
            ),
        ),
        Mistake(
            "zero-is-pad",
            wrong_padding,
            {"hides": "zeros"},
            says="your mask hides the id 0 and never asks what `pad_id` is",
            hints=(
                "In some vocabularies 0 is an ordinary word.",
                "The id to hide is handed to your function.",
                "Compare `ids` with `pad_id`, not with 0.",
            ),
        ),
        Mistake(
            "counted",
            wrong_padding,
            {"hides": "after-count"},
            says="your mask counts the real tokens and keeps that many from the left: it is "
            "right only for padding on the right",
            hints=(
                "Try a sentence that is padded on the left.",
                "A mask needs to know where the real tokens stand, not how many there are.",
                "No counting and no arange: one comparison of all ids does it.",
            ),
        ),
        Mistake(
            "after-first-pad",
            wrong_padding,
            {"hides": "after-first-pad"},
            says="your mask hides everything from the first padding on, even words that come "
            "after it",
            hints=(
                "Try a sentence that is padded on the left.",
                "Each key is judged by itself, not by what stands before it.",
                "No cumulative step: one comparison of all ids does it.",
            ),
        ),
        Mistake(
            "query-axis",
            wrong_padding,
            {"form": "query"},
            says="your mask is (batch, 1, key, 1): it hides queries that are padding, not keys",
            hints=SHAPE_HINTS,
        ),
        Mistake(
            "flat",
            wrong_padding,
            {"form": "flat"},
            says="your mask is still (batch, key): next to scores it would be read as (query, key)",
            hints=SHAPE_HINTS,
        ),
        Mistake(
            "no-heads-axis",
            wrong_padding,
            {"form": "no-heads"},
            says="your mask is (batch, 1, key): next to (batch, heads, query, key) its batch "
            "lines up with the heads",
            hints=SHAPE_HINTS,
        ),
        Mistake(
            "pairs",
            wrong_padding,
            {"form": "pairs"},
            says="your mask hides the queries that are padding as well as the keys",
            hints=(
                "Padding is a matter of the key alone.",
                "A padded query may look: nobody reads its answer. Hidden, it would be an "
                "empty row.",
                "Leave the query axis at size 1.",
            ),
        ),
        Mistake(
            "numbers",
            wrong_padding,
            {"number": torch.float32},
            says="your mask holds ones and zeros as float numbers, not True and False",
            hints=(
                "Look at the dtype of your mask.",
                "PyTorch would add a float mask to the scores: 1.0 and 0.0 hide nothing.",
                "A comparison gives booleans already; don't convert it.",
            ),
        ),
        Mistake(
            "axes-in-front",
            odd_padding,
            {"how": "front"},
            says="your two new axes stand in front: the batch is read as the queries",
            hints=SHAPE_HINTS,
        ),
        Mistake(
            "axes-behind",
            odd_padding,
            {"how": "back"},
            says="your two new axes stand behind: the words are read as the heads",
            hints=SHAPE_HINTS,
        ),
        Mistake(
            "whole-numbers",
            odd_padding,
            {"how": "whole"},
            says="your mask holds ones and zeros as whole numbers, not True and False",
            hints=NUMBER_HINTS,
        ),
        Mistake(
            "penalties",
            odd_padding,
            {"how": "penalties"},
            says="your mask holds 0 and minus infinity, to be added to scores; asked for are True "
            "and False",
            hints=NUMBER_HINTS,
        ),
        Mistake(
            "written-out",
            odd_padding,
            {"how": "expanded"},
            says="your mask is repeated for every query: the query axis has to stay at size 1",
            hints=SHAPE_HINTS,
        ),
        Mistake(
            "never-empty",
            odd_padding,
            {"how": "rescued"},
            says="your mask makes a row of padding only visible again",
            hints=(
                "What do you return for a row that is padding from end to end?",
                "The text allows that padding fills the whole row. None of its keys is a real "
                "token.",
                "Leave such a row all False: whoever uses the mask has to deal with it.",
            ),
        ),
        Mistake(
            "larger-ids",
            odd_padding,
            {"how": "larger"},
            says="your mask keeps ids that are larger than `pad_id` and hides the smaller ones, "
            "too",
            hints=(
                "Which words of your vocabulary have a smaller number than the padding?",
                "An id is a name, not an amount: there is no order in it.",
                "Ask whether an id is the pad id or not.",
            ),
        ),
        Mistake(
            "last-run-only",
            odd_padding,
            {"how": "ends"},
            says="your mask hides padding at the end of a row only",
            hints=(
                "Try a sentence that is padded on the left.",
                "Each key is judged by itself, not by what stands after it.",
                "No cumulative step: one comparison of all ids does it.",
            ),
        ),
        Mistake(
            "zero-by-default",
            odd_padding,
            {"how": "default"},
            says="where a call names no `pad_id`, your function takes 0",
            hints=(
                "Call your function without a pad id.",
                "The text says which id is padding where a call doesn't say.",
                "Look at the default in the first line of the stub.",
            ),
        ),
        *(
            Mistake(
                f"always-{pad_id}",
                fixed_padding,
                {"always": pad_id},
                says=f"your mask hides the id {pad_id} and never asks what `pad_id` is",
                hints=(
                    "Call your function with another pad id.",
                    "The id to hide is handed to your function; a number stands there only for "
                    "calls that name none.",
                    "Compare `ids` with `pad_id`.",
                ),
            )
            for pad_id in PAD_IDS
        ),
        Mistake(
            "one-long-column",
            odd_padding,
            {"how": "flat, rows"},
            says="all ids stand in one long column: the batch and the keys are one axis",
            hints=(
                "Print the shape of your mask for two sentences of five ids.",
                "`-1` in a `view` takes whatever is left, here the keys as well.",
                "Keep the batch and the keys apart, with two axes of size 1 between them.",
            ),
        ),
        Mistake(
            "not-of-a-tensor",
            odd_padding,
            {"how": "not"},
            says="`not` asks whether a whole tensor is false; what is wanted is the opposite "
            "of each place",
            hints=(
                "What does `not` give for a list?",
                "A tensor has one truth for each place.",
                "Compare with `!=`, or turn a boolean tensor round with `~`.",
            ),
        ),
        Mistake(
            "is-for-equal",
            odd_padding,
            {"how": "is not"},
            says="`is not` asks whether two things are one object, and every number from a "
            "tensor is a new one",
            hints=(
                "Try `torch.tensor([3])[0] is 3`.",
                "`is` is about which object it is, `==` about its value.",
                "Compare values, with `!=`.",
            ),
        ),
        Mistake(
            "first-sentence",
            odd_padding,
            {"how": "first row"},
            says="every sentence gets the mask of the first one",
            hints=(
                "Print the shape of your mask for two sentences.",
                "Each sentence is padded in its own places.",
                "Compare all of `ids`, and keep the batch as the first axis.",
            ),
        ),
    ],
    also_right=[padding_loop, padding_view],
    choices={"pad_id": PAD_IDS},
    hints=(
        "Print your mask for one sentence of four words and two pads: its shape, its dtype and "
        "where it says False.",
        "The text fixes four axes, two of them of size 1, and what True means; the padding may "
        "stand anywhere.",
        "Decide for each id by itself whether it is padding, all at once; then put the two axes "
        "of size 1 in between.",
    ),
    allows=Edges(
        dtypes=("int32", "int64"),
        sizes=(0, 1, -1),
        labels=("on the right", "on the left", "both sides", "all padding", "no pad id", "is -1"),
    ),
)


def some_hidden(g: Generator, *shape: int) -> Tensor:
    """A random mask with a visible and a hidden key in every row."""
    order = torch.rand(*shape, generator=g).argsort(dim=-1)
    return (order < shape[-1] // 2) | (order == shape[-1] - 1)


def softmax_cases(g: Generator) -> list[Case]:
    """Ordinary rows, an empty row, hidden scores that drown the rest, visible ones far below."""
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    empty = some_hidden(g, 2, 3, 7)
    empty[0, 1] = False
    mask = some_hidden(g, 5, 7)
    drowned = normal(g, 2, 5, 7).masked_fill(~mask, 200.0)
    drowned[:, :2] = normal(g, 2, 2, 7).masked_fill(~mask[:2], 108.0)
    huge = normal(g, 2, 4, 6)
    few = some_hidden(g, 4, 6)
    lone = torch.eye(6, dtype=torch.bool)[1:5]
    infinite = normal(g, 1, 4, 6).masked_fill(~few, torch.inf)
    infinite[:, 2:] = infinite[:, 2:].masked_fill(~few[2:], -torch.inf)
    wide = case("another dtype", normal(g, 2, 3, 7), empty)
    apart = torch.randint(-9, 9, (2, 3, 5), generator=g) / 4
    apart += torch.tensor([-300.0, 0.0, 300.0])[:, None]
    return [
        case("a causal mask", normal(g, 2, 5, 5), causal, grad=True),
        case(
            "one padding mask for all queries",
            normal(g, 3, 2, 7),
            some_hidden(g, 3, 1, 7),
            grad=True,
        ),
        case("a row that may look nowhere", normal(g, 2, 3, 7), empty, grad=True),
        case("hidden scores of 108 and 200", drowned, mask, grad=True),
        case("visible scores near -20,000", normal(g, 2, 3, 5) - 2e4, some_hidden(g, 2, 3, 5)),
        case("hidden scores of ten billion", huge.masked_fill(~few, 1e10), few),
        # One in each row: numbers of this size lie a thousand apart.
        case(
            "visible scores of minus ten billion",
            normal(g, 1, 4, 6).masked_fill(lone, -1e10),
            lone,
        ),
        case("infinite hidden scores", infinite, few),
        case("rows far from each other", apart, some_hidden(g, 3, 5)),
        case("one mask for everything", normal(g, 2, 3, 5), some_hidden(g, 5), grad=True),
        case(
            "queries that see all or nothing",
            normal(g, 2, 3, 5),
            torch.tensor([[[True], [False], [True]], [[False], [True], [True]]]),
            grad=True,
        ),
        case("one key", normal(g, 3, 2, 1), torch.tensor([[True], [False]]), grad=True),
        in_dtype(wide, torch.float64),
        in_dtype(wide, torch.bfloat16),
        in_dtype(wide, torch.float16),
    ]


def wrong_softmax(
    scores, mask, fill=-torch.inf, how="fill", repair=True, when="before", invert=False, axis=-1
):
    """A masked softmax with its common mistakes as flags."""
    mask = ~mask if invert else mask
    if when == "before":
        if how == "fill":
            scores = scores.masked_fill(~mask, fill)
        else:
            scores = scores + torch.zeros(mask.shape).masked_fill(~mask, fill)
    weights = scores.softmax(dim=axis)
    if when == "after":
        return weights * mask
    if when == "renormalised":
        weights = weights * mask
        return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)
    if when == "divided":
        weights = weights * mask
        return weights / weights.sum(dim=-1, keepdim=True)
    if when == "patched":
        weights = weights * mask
        return (weights / weights.sum(dim=-1, keepdim=True)).nan_to_num(0.0)
    return weights.masked_fill(~mask, 0.0) if repair else weights


def added_softmax(scores, mask, fill=-torch.inf, repair=True):
    """The penalty is added, which lets gradients through; no other mistake joins it."""
    return wrong_softmax(scores, mask, fill=fill, how="add", repair=repair)


def unrepaired_softmax(scores, mask, fill):
    """Nothing is done about empty rows."""
    return wrong_softmax(scores, mask, fill=fill, repair=False)


def overflowing_softmax(scores, mask):
    """From the definition, without the shift that keeps the exponentials small."""
    raised = scores.exp() * mask
    return raised / raised.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def odd_softmax(scores, mask, how):
    """Masked softmax of another kind than asked, or with a detour that costs something."""
    right = softmax_lowest(scores, mask)
    lowest = torch.finfo(scores.dtype).min
    if how.startswith("logarithm"):
        weights = (scores + mask.to(scores.dtype).log()).softmax(-1)
        return weights if how == "logarithm" else weights.nan_to_num(0.0)
    if how == "overflow, unguarded":
        raised = scores.exp() * mask
        return raised / raised.sum(dim=-1, keepdim=True)
    if how == "one maximum":
        hidden = scores.masked_fill(~mask, -torch.inf)
        raised = (hidden - hidden.max()).exp()
        total = raised.sum(dim=-1, keepdim=True)
        return raised / total.masked_fill(total == 0, 1.0)
    if how == "maximum of all":
        raised = (scores - scores.amax(dim=-1, keepdim=True)).exp() * mask
        total = raised.sum(dim=-1, keepdim=True)
        return raised / total.masked_fill(total == 0, 1.0)
    return {
        "small logarithm": lambda: (scores + (mask.to(scores.dtype) + 1e-9).log()).softmax(-1),
        "whole text": lambda: (
            scores.masked_fill(~mask, lowest).flatten(1).softmax(-1).view_as(scores) * mask
        ),
        "log": lambda: scores.masked_fill(~mask, lowest).log_softmax(-1).masked_fill(~mask, 0.0),
        "inverted, cleared": lambda: (
            scores.masked_fill(mask, lowest).softmax(-1).masked_fill(mask, 0.0)
        ),
        "product": lambda: (scores + ~mask * -torch.inf).softmax(-1).masked_fill(~mask, 0.0),
        "bare product": lambda: (scores + ~mask * -torch.inf).softmax(-1),
        "detached": right.detach,
        "float64": lambda: softmax_lowest(scores.double(), mask),
        "float32": lambda: softmax_lowest(scores.float(), mask),
        "cleared": lambda: scores.softmax(-1).masked_fill(~mask, 0.0),
        "inverted": lambda: scores.masked_fill(mask, -torch.inf).softmax(-1).nan_to_num(0.0),
        "unused": lambda: scores.softmax(-1),
        "bare queries": lambda: scores.masked_fill(~mask, -torch.inf).softmax(-2),
        "lowest": lambda: scores.masked_fill(~mask, lowest).softmax(-1),
        "times": lambda: (scores * mask).softmax(-1),
        "times, cleared": lambda: (scores * mask).softmax(-1) * mask,
        "ten thousand": lambda: (
            scores.masked_fill(~mask, -1e4).softmax(-1) * mask.any(dim=-1, keepdim=True)
        ),
        "ten thousand, cleared": lambda: (
            (scores + (1 - mask.to(scores.dtype)) * -1e4).softmax(-1) * mask
        ),
        "billion": lambda: (scores + (1 - mask.to(scores.dtype)) * -1e9).softmax(-1),
        "minus": lambda: (scores + (1 - mask) * -1e9).softmax(-1),
        "plain fill": lambda: scores.masked_fill_(~mask, -torch.inf).softmax(-1).nan_to_num(0.0),
    }[how]()


def softmax_shifted_by_infinity(scores, mask):
    """From the definition; an empty row's maximum is minus infinity, and its nan is cleared."""
    top = scores.masked_fill(~mask, -torch.inf).amax(dim=-1, keepdim=True)
    raised = torch.where(mask, (scores - top).exp(), 0.0)
    total = raised.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, raised / total, 0.0)


def softmax_in_place(scores, mask):
    """Fills the caller's own scores."""
    with torch.no_grad():
        scores.masked_fill_(~mask, -torch.inf)
    return scores.softmax(-1).masked_fill(~mask, 0.0)


def softmax_edited(scores, mask):
    """Writes into what softmax needs for its gradient."""
    weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    weights[weights.isnan()] = 0.0
    return weights


def softmax_logsumexp(scores, mask):
    """Through logarithms, a row that may look nowhere told apart."""
    hidden = torch.where(mask, scores, -torch.inf)
    total = torch.logsumexp(hidden, dim=-1, keepdim=True)
    return (hidden - total.masked_fill(total.isinf(), 0.0)).exp()


def softmax_rows(scores, mask):
    """Row by row, over the visible keys only."""
    mask, out = mask.expand(scores.shape), torch.zeros_like(scores)
    for b, q in torch.cartesian_prod(*map(torch.arange, scores.shape[:2])).tolist():
        out[b, q, mask[b, q]] = scores[b, q, mask[b, q]].softmax(0)
    return out


def softmax_vmap(scores, mask):
    """One row, spread over batch and queries by `torch.func`."""

    def row(scores, mask):
        return torch.where(mask, torch.where(mask, scores, -torch.inf).softmax(0), 0.0)

    return torch.func.vmap(torch.func.vmap(row))(scores, mask.expand(scores.shape))


def softmax_exponentials(scores, mask):
    """From the definition, shifted by the largest visible score."""
    top = scores.masked_fill(~mask, -torch.inf).amax(dim=-1, keepdim=True)
    top = top.masked_fill(top.isinf(), 0.0).detach()
    raised = (scores - top).masked_fill(~mask, -torch.inf).exp()
    total = raised.sum(dim=-1, keepdim=True)
    return raised / total.masked_fill(total == 0, 1.0)


def softmax_guarded(scores, mask):
    """From the definition; half precision rounds the guard in the division to 0."""
    top = scores.masked_fill(~mask, -torch.inf).amax(dim=-1, keepdim=True)
    top = top.masked_fill(top.isinf(), 0.0).detach()
    raised = (scores - top).masked_fill(~mask, -torch.inf).exp()
    return raised / raised.sum(dim=-1, keepdim=True).clamp(min=1e-9)


def softmax_nan_to_num(scores, mask):
    """`nan_to_num` is safe after a fill, which blocks the gradient."""
    return torch.nan_to_num(torch.softmax(scores.masked_fill(~mask, -torch.inf), -1), nan=0.0)


def softmax_lowest(scores, mask):
    """The lowest number there is, then zeros."""
    lowest = torch.finfo(scores.dtype).min
    return torch.where(mask, scores, lowest).softmax(-1) * mask


def softmax_picked(scores, mask):
    """Picks the visible scores out, and takes one softmax over all of them."""
    out = torch.zeros_like(scores)
    out[mask] = scores[mask].softmax(-1)
    return out


def softmax_assigned(scores, mask):
    """Assigns into the caller's scores, by a mask that need not have their shape."""
    scores[~mask] = -torch.inf
    return scores.softmax(-1).nan_to_num(0.0)


SOFTMAX = Exercise(
    id="04.masked-softmax",
    title="Zeros, never nan",
    kind="code",
    points=3,
    name="masked_softmax",
    cases=softmax_cases,
    axes="batch query key",
    properties=("finite", "rows-sum-to-1", "not-negative"),
    mistakes=[
        Mistake(
            "overflow-unguarded",
            odd_softmax,
            {"how": "overflow, unguarded"},
            says="you raise the scores as they are, so large ones become infinite, and a row "
            "that may look nowhere is divided by 0",
            hints=(
                "Try scores of 200, and a row whose mask is False everywhere.",
                "Infinity times 0 is nan, and so is 0 divided by 0.",
                "Hide first, with minus infinity, let torch.softmax do the rest, and put "
                "zeros where the mask is False.",
            ),
        ),
        Mistake(
            "minus-ten-thousand-added",
            odd_softmax,
            {"how": "ten thousand, cleared"},
            says="you add minus ten thousand to hidden scores: beside a hidden score that is "
            "far larger, or visible ones far lower, that hides nothing",
            hints=(
                "Try visible scores of -20,000.",
                "No finite constant is below every score.",
                "Fill with minus infinity instead of adding a number.",
            ),
        ),
        Mistake(
            "logarithm-of-a-small-number",
            odd_softmax,
            {"how": "small logarithm"},
            says="the logarithm of 1e-9 is only about -21: what you hide still weighs, and most of "
            "all where its score is larger by that",
            hints=(
                "Print `math.log(1e-9)`, and compare it with the scores.",
                "A hidden key has to weigh exactly 0, whatever its score is.",
                "Fill with the lowest number of the dtype, and clear afterwards what is hidden.",
            ),
        ),
        Mistake(
            "one-softmax-for-a-text",
            odd_softmax,
            {"how": "whole text"},
            says="softmax runs over all queries and keys together: the whole table sums to 1, not "
            "each row",
            hints=(
                "What is the sum of one row of your weights?",
                "Every query shares out a whole 1 among the keys.",
                "Leave the axes as they are, and run softmax over the last.",
            ),
        ),
        Mistake(
            "logarithms-of-weights",
            odd_softmax,
            {"how": "log"},
            says="logarithms of the weights come back: `log_softmax` is one step too far",
            hints=(
                "Are there numbers below 0 among your weights?",
                "Weights lie between 0 and 1.",
                "`softmax`, not `log_softmax`.",
            ),
        ),
        Mistake(
            "maximum-of-the-hidden",
            odd_softmax,
            {"how": "maximum of all"},
            says="the maximum that you take out is that of all keys, hidden ones included: where a "
            "hidden score is far larger, nothing is left of the visible ones",
            hints=(
                "Let a hidden score be 1000 and the visible ones be small. What are your weights?",
                "Taking out the maximum keeps e from overflowing; it has to be the largest number "
                "that takes part.",
                "Hide first, then take the maximum, or leave both to `torch.softmax`.",
            ),
        ),
        Mistake(
            "inverted-and-cleared",
            odd_softmax,
            {"how": "inverted, cleared"},
            says="your function reads the mask the wrong way round: it hides what is True",
            hints=(
                "Which keys weigh 0 in your result?",
                "True means may look; `masked_fill` fills where its mask is True.",
                "Turn the mask round with `~` where you fill.",
            ),
        ),
        Mistake(
            "nan-row",
            unrepaired_softmax,
            {"fill": -torch.inf},
            says="a row that may look nowhere becomes nan: softmax divides 0 by 0 there",
            hints=(
                "Print your weights for one row whose mask is False everywhere.",
                "Only the empty rows are wrong, so they can be mended after the softmax.",
                "Hidden weights have to be 0 anyway: put 0 wherever the mask is False.",
            ),
        ),
        Mistake(
            "nan-row-added",
            added_softmax,
            {"repair": False},
            says="you add minus infinity to hidden scores, and a row that may look nowhere "
            "becomes nan, its gradient too",
            hints=(
                "Print your weights for one row whose mask is False everywhere.",
                "Mending the values is not enough: an addition passes the gradient on, nan "
                "included.",
                "Replace hidden scores instead of adding to them, and put 0 there after the "
                "softmax.",
            ),
        ),
        Mistake(
            "average",
            unrepaired_softmax,
            {"fill": -1e9},
            says="a row that may look nowhere becomes an average over everything it should not see",
            hints=(
                "Print your weights for one row whose mask is False everywhere.",
                "If all scores are the same huge negative number, softmax sees no difference.",
                "Put 0 wherever the mask is False, after the softmax.",
            ),
        ),
        Mistake(
            "average-added",
            added_softmax,
            {"fill": -1e9, "repair": False},
            says="you add a penalty so large that it rounds the scores away: a row that may "
            "look nowhere becomes an average",
            hints=(
                "Print your weights for one row whose mask is False everywhere.",
                "If all scores are the same huge negative number, softmax sees no difference.",
                "Put 0 wherever the mask is False, after the softmax.",
            ),
        ),
        Mistake(
            "penalty",
            added_softmax,
            {"fill": -1e6, "repair": False},
            says="you add a penalty to the hidden scores: a row that may look nowhere then "
            "behaves as if there were no mask",
            hints=(
                "Add the same number to every score of a row. What does softmax make of it?",
                "Softmax feels differences only; a row with the same penalty everywhere has none.",
                "Replace hidden scores instead of adding to them, and put 0 there after the "
                "softmax.",
            ),
        ),
        Mistake(
            "small-penalty",
            added_softmax,
            {"fill": -100.0},
            says="you add a penalty of 100, and a hidden score of 200 is still the largest",
            hints=(
                "Try a hidden score of 200 beside visible ones around 0.",
                "A hidden score must not matter, however large it is.",
                "Replace hidden scores instead of adding to them.",
            ),
        ),
        Mistake(
            "poisoned-gradient",
            added_softmax,
            {},
            says="your values are right, and the empty row sends back a gradient of nan: "
            "minus infinity was added, and the repair came too late for the gradient",
            hints=(
                "Your values are right. Call backward and print the gradient of the empty row.",
                "An addition passes the gradient on to the scores, nan included; a fill does not.",
                "Replace hidden scores with masked_fill instead of adding minus infinity to them.",
            ),
        ),
        Mistake(
            "small-constant",
            wrong_softmax,
            {"fill": -1e4},
            says="you fill with a constant such as -10,000, which is not small enough: visible "
            "scores may lie below it",
            hints=(
                "Try visible scores of -20,000.",
                "Softmax looks at differences, so no finite constant is below every score.",
                "There is a number below all others: minus infinity.",
            ),
        ),
        Mistake(
            "constant-added",
            added_softmax,
            {"fill": -1e9},
            says="you add a constant to the hidden scores, and a hidden score may be larger "
            "than your constant",
            hints=(
                "Try a hidden score of ten billion.",
                "A sum still depends on the hidden score; a fill does not.",
                "Replace hidden scores with masked_fill, by minus infinity.",
            ),
        ),
        Mistake(
            "zero-then-cleared",
            wrong_softmax,
            {"fill": 0.0},
            says="you set hidden scores to 0 before the softmax, so they still count in the "
            "division: clearing their weights comes too late",
            hints=(
                "Add up a row of your weights.",
                "e to the power of 0 is 1, and 1 is an ordinary share.",
                "The score whose exponential is 0 is minus infinity.",
            ),
        ),
        Mistake(
            "divided-and-patched",
            wrong_softmax,
            {"when": "patched"},
            says="you hide after the softmax, divide by what is left and turn nan into 0: a "
            "large hidden score leaves nothing to divide, and the gradient is nan all the same",
            hints=(
                "Call backward and print the gradient of the empty row.",
                "Beside a hidden score of 200 the visible exponentials are rounded to 0.",
                "Hide in the scores, before the softmax.",
            ),
        ),
        Mistake(
            "small-average",
            unrepaired_softmax,
            {"fill": -1e4},
            says="you fill with -10,000: visible scores may lie below it, and an empty row "
            "becomes an average",
            hints=(
                "Try visible scores of -20,000, and a row whose mask is False everywhere.",
                "No finite constant is below every score, and no constant makes an empty row zero.",
                "Fill with minus infinity, and put 0 wherever the mask is False after the softmax.",
            ),
        ),
        Mistake(
            "overflow",
            overflowing_softmax,
            {},
            says="you raise the scores as they are: large ones become infinite, and infinity "
            "times 0 is nan",
            hints=(
                "Try scores of 200, and of -20,000.",
                "Chapter 00 subtracts the largest score of a row before raising it.",
                "Hide first, with minus infinity, and let torch.softmax do the rest.",
            ),
        ),
        Mistake(
            "zero-score",
            wrong_softmax,
            {"fill": 0.0, "repair": False},
            says="you set hidden scores to 0, but a score of 0 is an ordinary score: hidden "
            "keys still weigh",
            hints=(
                "What is e to the power of 0?",
                "A weight of 0 needs a score so low that its exponential is 0.",
                "Fill the hidden scores with minus infinity, not with 0.",
            ),
        ),
        Mistake(
            "after-softmax",
            wrong_softmax,
            {"when": "after"},
            says="you hide after the softmax: the rows no longer sum to 1, and hidden scores "
            "still count in the division",
            hints=(
                "Print the sum of each of your rows.",
                "By the time you hide, the hidden scores have already taken their share.",
                "Hide in the scores, before the softmax.",
            ),
        ),
        Mistake(
            "renormalised",
            wrong_softmax,
            {"when": "renormalised"},
            says="hidden scores take part until you hide and divide by what is left: a large one "
            "leaves nothing to divide",
            hints=(
                "Try a hidden score of 200 beside visible ones around 0.",
                "Next to e to the 200, the visible exponentials are rounded to 0, and no "
                "division brings them back.",
                "Hide in the scores, before a softmax, a power of e or a maximum sees them.",
            ),
        ),
        Mistake(
            "renormalised-nan",
            wrong_softmax,
            {"when": "divided"},
            says="you hide after the softmax and divide by what is left, which can be 0: then "
            "the row is nan",
            hints=(
                "Which rows of yours are nan? Look at their sums before the division.",
                "An empty row leaves 0, and so does a row with one large hidden score.",
                "Hide in the scores, before the softmax, and put 0 where the mask is False "
                "afterwards.",
            ),
        ),
        Mistake(
            "inverted-patched",
            odd_softmax,
            {"how": "inverted"},
            says="your function reads the mask the wrong way round: it hides what is True, and "
            "clears the rows of nan that this makes",
            hints=(
                "Where are your weights 0, and what does the mask say there?",
                "True means may look; masked_fill fills where its mask is True.",
                "Fill where the mask is False: a ~ is missing.",
            ),
        ),
        Mistake(
            "one-maximum",
            odd_softmax,
            {"how": "one maximum"},
            says="you subtract one maximum from all rows: next to a row of large scores, the "
            "others are rounded to 0",
            hints=(
                "Try one row of scores near 300 and one near -300.",
                "e to the -600 is 0 to a computer, and nothing is left to divide.",
                "Each row has a maximum of its own: `amax(dim=-1, keepdim=True)`.",
            ),
        ),
        Mistake(
            "mask-unused",
            odd_softmax,
            {"how": "unused"},
            says="nothing is hidden: your weights are those of the bare scores",
            hints=(
                "Do your weights change when the mask does?",
                "`masked_fill` and `where` return a new tensor and leave the old one as it was.",
                "Give what they return a name, and let softmax read that.",
            ),
        ),
        Mistake(
            "over-queries-bare",
            odd_softmax,
            {"how": "bare queries"},
            says="softmax runs over the queries: it is the columns that sum to 1",
            hints=(
                "Sum your weights along each axis. Which one gives 1?",
                "A query shares its attention out over the keys.",
                "Keys are the last axis. What of a row that may look nowhere?",
            ),
        ),
        Mistake(
            "inverted",
            wrong_softmax,
            {"invert": True},
            says="your function reads the mask the wrong way round: it hides what is True",
            hints=(
                "Where are your weights 0, and what does the mask say there?",
                "True means may look; masked_fill fills where its mask is True.",
                "One ~ is missing, or one too many.",
            ),
        ),
        Mistake(
            "softmax-axis",
            wrong_softmax,
            {"axis": -2},
            says="softmax runs over the queries: the columns sum to 1 instead of the rows",
            hints=(
                "Sum your weights along each axis. Which one gives 1?",
                "Every query shares out one whole among the keys.",
                "The keys are the last axis.",
            ),
        ),
        Mistake(
            "infinity-times-zero",
            odd_softmax,
            {"how": "bare product"},
            says="you multiply minus infinity by the mask: at a visible key that is infinity "
            "times 0, which is nan",
            hints=(
                "Print the penalty alone, before you add it.",
                "0 times infinity is nan, for the visible keys as well.",
                "Replace hidden scores with masked_fill instead of computing a penalty.",
            ),
        ),
        Mistake(
            "infinity-times-zero-cleared",
            odd_softmax,
            {"how": "product"},
            says="you multiply minus infinity by the mask, and infinity times 0 is nan at every "
            "visible key",
            hints=(
                "Print the penalty alone, before you add it.",
                "0 times infinity is nan; clearing the hidden weights afterwards leaves it at the "
                "visible ones.",
                "Replace hidden scores with masked_fill instead of computing a penalty.",
            ),
        ),
        Mistake(
            "no-gradient",
            odd_softmax,
            {"how": "detached"},
            says="your values are right, and no gradient goes back to the scores",
            hints=(
                "Call `sum().backward()` on your result and print the gradient of the scores.",
                "Which part of your code leaves the graph: detach, no_grad, item, a new tensor "
                "made from numbers?",
                "Compute the weights from `scores` itself, with PyTorch's own operations.",
            ),
        ),
        Mistake(
            "float64",
            odd_softmax,
            {"how": "float64"},
            says="your weights are float64, whatever the scores are",
            hints=(
                "Print the dtype of your result.",
                "The text: weights have the dtype of the scores.",
                "Look for `.double()`, a NumPy array, or a tensor made with another dtype.",
            ),
        ),
        Mistake(
            "float32",
            odd_softmax,
            {"how": "float32"},
            says="your weights are float32, whatever the scores are",
            hints=(
                "Hand in scores of dtype float64 and print the dtype of your result.",
                "The text: weights have the dtype of the scores.",
                "Look for `.float()`, and for zeros or ones that you make without a dtype.",
            ),
        ),
        Mistake(
            "average-lowest",
            odd_softmax,
            {"how": "lowest"},
            says="a row that may look nowhere becomes an average: the lowest number there is "
            "stands in all its places",
            hints=(
                "Print your weights for one row whose mask is False everywhere.",
                "If all scores are the same, however low, softmax sees no difference.",
                "Put 0 wherever the mask is False, after the softmax.",
            ),
        ),
        Mistake(
            "scores-times-mask",
            odd_softmax,
            {"how": "times"},
            says="you multiply the scores by the mask: a hidden score becomes 0, and that is an "
            "ordinary score",
            hints=(
                "What is e to the power of 0?",
                "A weight of 0 needs a score so low that its exponential is 0.",
                "Fill the hidden scores with minus infinity.",
            ),
        ),
        Mistake(
            "scores-times-mask-cleared",
            odd_softmax,
            {"how": "times, cleared"},
            says="you multiply the scores by the mask: the hidden zeros still count in the "
            "division",
            hints=(
                "Add up a row of your weights.",
                "e to the power of 0 is 1, and 1 is an ordinary share.",
                "Fill the hidden scores with minus infinity.",
            ),
        ),
        Mistake(
            "large-constant",
            wrong_softmax,
            {"fill": -1e9},
            says="you fill with a constant such as minus a billion, and visible scores may lie "
            "below it",
            hints=(
                "Try visible scores of minus ten billion.",
                "Softmax looks at differences, so no finite constant is below every score.",
                "There is a number below all others: minus infinity.",
            ),
        ),
        Mistake(
            "in-place",
            softmax_in_place,
            {},
            says="the caller's own scores are overwritten",
            hints=(
                "Print `scores` before and after calling your function.",
                "Methods whose name ends in `_`, and assignments to `x[…]`, write into the tensor "
                "itself.",
                "Use the variant without the underscore, which makes a new tensor.",
            ),
        ),
        Mistake(
            "edited-for-backward",
            softmax_edited,
            {},
            says="you write into what the softmax returned, and it needs that for its gradient",
            hints=(
                "Which line of yours assigns to `…[…]`?",
                "Backward reads the weights as softmax made them; they must not change after that.",
                "Make a new tensor, with masked_fill or torch.where.",
            ),
        ),
        Mistake(
            "cleared-after-softmax",
            odd_softmax,
            {"how": "cleared"},
            says="you clear hidden weights after the softmax: the rows no longer sum to 1, and "
            "hidden scores still count in the division",
            hints=(
                "Print the sum of each of your rows.",
                "By the time you hide, the hidden scores have already taken their share.",
                "Hide in the scores, before the softmax.",
            ),
        ),
        Mistake(
            "shifted-by-infinity",
            softmax_shifted_by_infinity,
            {},
            says="your values are right, but the gradient of an empty row is nan: its maximum is "
            "minus infinity",
            hints=(
                "Call backward. In which rows is the gradient nan?",
                "`torch.where` hides a nan from the values; its gradient is 0 times nan: nan.",
                "Give an empty row a harmless maximum, such as 0, before you subtract it.",
            ),
        ),
        Mistake(
            "logarithm-added",
            odd_softmax,
            {"how": "logarithm"},
            says="minus infinity is added to hidden scores: a row that may look nowhere "
            "becomes nan, and so does one that hides an infinite score",
            hints=(
                "Print your weights for one row whose mask is False everywhere.",
                "Minus infinity plus infinity is nan.",
                "Replace hidden scores instead of adding to them, and put 0 there after the "
                "softmax.",
            ),
        ),
        Mistake(
            "logarithm-added-and-cleared",
            odd_softmax,
            {"how": "logarithm, cleared"},
            says="minus infinity is added to hidden scores, and nan is cleared too late: the "
            "gradient of an empty row is nan all the same",
            hints=(
                "Call backward and print the gradient of a row that may look nowhere.",
                "An addition passes the gradient on to the scores, nan included; a fill does not.",
                "Replace hidden scores with masked_fill instead of adding minus infinity to them.",
            ),
        ),
        Mistake(
            "guard-lost-in-float16",
            softmax_guarded,
            {},
            says="float16 knows no number as small as 1e-9: there your guard is 0, and an empty "
            "row is nan",
            hints=(
                "Print `torch.tensor(1e-9, dtype=torch.float16)`.",
                "What guards a division has to work in every dtype.",
                "Where the sum is 0, divide by 1 instead.",
            ),
        ),
        Mistake(
            "billions-added",
            odd_softmax,
            {"how": "billion"},
            says="a product with minus a billion is added: in half precision that is infinite, "
            "and 0 times infinity is nan; an empty row becomes an average",
            hints=(
                "What is `(1 - mask) * -1e9` where the mask is True, in float16?",
                "Adding a constant hides a key only beside larger scores, and never a whole row.",
                "Fill with `masked_fill` and minus infinity, and put zeros where the mask is "
                "False afterwards.",
            ),
        ),
        Mistake(
            "one-minus-a-mask",
            odd_softmax,
            {"how": "minus"},
            says="`1 - mask` can't be taken: the mask holds truths, not numbers",
            hints=(
                "What is the opposite of a boolean tensor?",
                "`~mask` turns every truth round.",
                "Use `~mask` with `masked_fill`.",
            ),
        ),
        Mistake(
            "scores-filled-in-place",
            odd_softmax,
            {"how": "plain fill"},
            says="the scores themselves are filled: they belong to whoever calls, and their "
            "gradient is still to be taken",
            hints=(
                "Print the scores after your call, or ask for their gradient.",
                "`masked_fill_` and `scores[…] =` change what came in.",
                "`masked_fill`, without the underscore, makes a new tensor.",
            ),
        ),
        Mistake(
            "picked-out",
            softmax_picked,
            {},
            says="`scores[mask]` makes one long row of all visible scores, and wants a mask of "
            "the scores' own shape",
            hints=(
                "Print the shape of `scores[mask]` for a mask as large as the scores.",
                "A softmax has to know where a row ends.",
                "Keep the scores in their shape, and fill what is hidden.",
            ),
        ),
        Mistake(
            "scores-assigned",
            softmax_assigned,
            {},
            says="`scores[~mask] = …` changes the scores of whoever calls, and wants a mask of "
            "their own shape",
            hints=(
                "Print the shapes of `scores` and `mask`, and the scores after your call.",
                "Square brackets don't broadcast a mask; `masked_fill` and `torch.where` do.",
                "`masked_fill`, without an underscore, makes a new tensor.",
            ),
        ),
        Mistake(
            "ten-thousand",
            odd_softmax,
            {"how": "ten thousand"},
            says="you fill with minus ten thousand, and visible scores may lie below it",
            hints=(
                "What happens where the only visible score is minus ten billion?",
                "The text says how large a visible score may be.",
                "Fill with minus infinity, or with the lowest number of the dtype.",
            ),
        ),
    ],
    also_right=[
        softmax_logsumexp,
        softmax_rows,
        softmax_vmap,
        softmax_exponentials,
        softmax_nan_to_num,
        softmax_lowest,
    ],
    hints=(
        "Take one row of three scores, hide one of them, then all. Print the weights and their "
        "sum.",
        "The text has three rules: what a hidden key weighs, what a row sums to, what a row that "
        "may look nowhere gives. Which one breaks?",
        "Hide in the scores, before the softmax, with a number below every other; what is left to "
        "mend afterwards are rows without any visible key.",
    ),
    exact_zeros=True,
    allows=Edges(
        dtypes=("float32", "float64", "bfloat16", "float16"),
        axes=(1, 2, 3),
        sizes=(1,),
        special=("inf", "-inf", "huge", "empty row", "full row"),
        labels=("ten billion", "-20,000"),
    ),
)


def leaky_cases(g: Generator) -> list[Case]:
    """Causal and random masks, d_value apart from d_head, and a hidden key that would win."""
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    everything = torch.ones(2, 5, dtype=torch.bool)
    query, key = normal(g, 2, 3, 5), normal(g, 2, 7, 5)
    mask = torch.ones(3, 7, dtype=torch.bool)
    mask[:, 2] = False
    query[..., 0], key[..., 0] = 9.0, 0.0
    key[:, 2, 0] = 60.0  # a hidden score of about 240
    enormous = key.clone()
    enormous[:, 2, 0] = 5e9
    # Exact in float32: scores of -20,000 and a little more, so that only the constant can matter.
    low = torch.tensor([8.0, 0, 0, 0]).expand(2, 3, 4).clone()
    far = torch.zeros(2, 7, 4)
    far[..., 0] = -5000 + torch.randint(0, 9, (2, 7), generator=g) / 4
    return [
        case("visible scores near -20,000", low, far, normal(g, 2, 7, 5), mask),
        case(
            "a causal mask",
            *(normal(g, 2, 5, n) for n in (3, 3, 7)),
            causal,
            grad=True,
        ),
        case(
            "a mask for each query",
            *(normal(g, 2, n, d) for n, d in ((3, 5), (7, 5), (7, 11))),
            some_hidden(g, 2, 3, 7),
            grad=True,
        ),
        case("one query", *(normal(g, 2, n, 3) for n in (1, 5, 5)), some_hidden(g, 1, 5)),
        case("nothing is hidden", *(normal(g, 2, n, 3) for n in (2, 5, 5)), everything),
        case(
            "one padding mask for all queries",
            normal(g, 3, 2, 11),
            normal(g, 3, 5, 11),
            normal(g, 3, 5, 13),
            some_hidden(g, 3, 1, 5),
        ),
        case("a hidden key with a huge score", query, key, normal(g, 2, 7, 3), mask),
        case("a hidden key with a score of billions", query, enormous, normal(g, 2, 7, 3), mask),
    ]


def wrong_attention(
    query,
    key,
    value,
    mask,
    when="before",
    fill=-torch.inf,
    how="fill",
    invert=False,
    scale=True,
    axis=-1,
):
    """Masked attention with its common mistakes as flags."""
    mask = ~mask if invert else mask
    scores = query @ key.transpose(-2, -1)
    scores = scores / math.sqrt(query.shape[-1]) if scale else scores
    if when == "before" and how == "add":
        return (scores + fill * ~mask).softmax(dim=axis) @ value
    if when == "before":
        return scores.masked_fill(~mask, fill).softmax(dim=axis) @ value
    weights = scores.softmax(dim=axis) * mask
    left = weights.sum(dim=-1, keepdim=True)
    share = {"after": 1.0, "divided": left, "clamped": left.clamp(min=1e-9)}[when]
    return weights / share @ value


def attention_einsum(query, key, value, mask):
    """With einsum, the mask added as minus infinity."""
    scores = torch.einsum("bqd,bkd->bqk", query, key) * query.shape[-1] ** -0.5
    scores = scores + torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
    return torch.einsum("bqk,bkv->bqv", scores.softmax(-1), value)


def attention_loop(query, key, value, mask):
    """Query by query, over the visible keys only."""
    mask = mask.expand(query.shape[0], query.shape[1], key.shape[1])
    output = torch.zeros(query.shape[0], query.shape[1], value.shape[2])
    for b in range(query.shape[0]):
        for i in range(query.shape[1]):
            seen = mask[b, i]
            scores = key[b, seen] @ query[b, i] / math.sqrt(query.shape[-1])
            output[b, i] = scores.softmax(0) @ value[b, seen]
    return output


def odd_attention(query, key, value, mask, how):
    """Other repairs that miss, and what is lost on the way."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.softmax(dim=-1)
    hidden = scores.masked_fill(~mask, -torch.inf)
    seen = mask.sum(dim=-1, keepdim=True)
    raised = scores.exp() * mask
    by_value = scores * math.sqrt(query.shape[-1] / value.shape[-1])
    return {
        "zeros, cleared": lambda: scores.masked_fill(~mask, 0.0).softmax(-1) * mask @ value,
        "twice": lambda: (weights * mask).softmax(-1) @ value,
        "twice, hidden": lambda: weights.masked_fill(~mask, -torch.inf).softmax(-1) @ value,
        "plus infinity": lambda: scores.masked_fill(~mask, torch.inf).softmax(-1) @ value,
        "no keepdim": lambda: weights * mask / (weights * mask).sum(dim=-1) @ value,
        "infinite": lambda: weights.masked_fill(~mask, -torch.inf) @ value,
        "unused": lambda: weights @ value,
        "queries": lambda: hidden.softmax(-2) @ value,
        "both": lambda: (hidden.softmax(-1) @ value, hidden.softmax(-1)),
        "raised": lambda: raised / raised.sum(-1, keepdim=True) @ value,
        "by value": lambda: by_value.masked_fill(~mask, -torch.inf).softmax(-1) @ value,
        "added": lambda: (scores + mask).softmax(-1) @ value,
        "counted": lambda: weights * mask / seen @ value,
        "detached": lambda: (hidden.softmax(-1) @ value).detach(),
        "product": lambda: (scores + ~mask * -torch.inf).softmax(-1) @ value,
    }[how]()


def attention_assigned(query, key, value, mask):
    """Assigns where the mask is False, which wants a mask of the scores' own shape."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    scores[~mask] = -torch.inf
    return scores.softmax(dim=-1) @ value


LEAKY = Exercise(
    id="04.leaky-average-bug",
    title="Find the bug",
    kind="bug",
    points=2,
    name="masked_attention",
    cases=leaky_cases,
    axes="batch query d_value",
    properties=("finite",),
    mistakes=[
        Mistake(
            "after-softmax",
            wrong_attention,
            {"when": "after"},
            says="the mask comes after the softmax: the weights left over don't sum to 1, and "
            "hidden scores still count in the division",
            hints=(
                "Print the sum of each row of `weights`, just before the last line.",
                "What a hidden key took from the others is thrown away, not given back.",
                "Move the mask one step up: into the scores.",
            ),
        ),
        Mistake(
            "renormalised-nan",
            wrong_attention,
            {"when": "divided"},
            says="you divide by what the mask leaves over, and a large hidden score leaves "
            "nothing: 0/0",
            hints=(
                "Try a hidden key with a huge score.",
                "Next to it, all visible weights are rounded to 0 before you divide.",
                "Hide in the scores, before the softmax, and the division is not needed.",
            ),
        ),
        Mistake(
            "renormalised",
            wrong_attention,
            {"when": "clamped"},
            says="you divide by what the mask leaves over; where a large hidden score leaves "
            "nothing, your output is 0",
            hints=(
                "Try a hidden key with a huge score.",
                "The small number in your division prevents nan, but it cannot bring rounded "
                "weights back.",
                "Hide in the scores, before the softmax, and the division is not needed.",
            ),
        ),
        Mistake(
            "small-constant",
            wrong_attention,
            {"fill": -1e4},
            says="you fill hidden scores with a constant that is not small enough: visible "
            "scores may lie below it",
            hints=(
                "Try visible scores of -20,000.",
                "Softmax looks at differences, so no finite constant is below every score.",
                "There is a number below all others: minus infinity.",
            ),
        ),
        Mistake(
            "constant-added",
            wrong_attention,
            {"fill": -1e9, "how": "add"},
            says="you add a constant to the hidden scores, and a hidden score may be larger "
            "than your constant",
            hints=(
                "Try a hidden key with a score of ten billion.",
                "A sum still depends on the hidden score; a fill does not.",
                "Replace hidden scores with masked_fill, by minus infinity.",
            ),
        ),
        Mistake(
            "mask-unused",
            odd_attention,
            {"how": "unused"},
            says="nothing is hidden any more: every key takes part",
            hints=(
                "Does your output change when the mask does?",
                "`masked_fill` and `where` return a new tensor and leave the old one as it was.",
                "Give what they return a name, and let softmax read that.",
            ),
        ),
        Mistake(
            "zero-score",
            wrong_attention,
            {"fill": 0.0},
            says="you set hidden scores to 0, but a score of 0 is an ordinary score: hidden "
            "keys still weigh",
            hints=(
                "What is e to the power of 0?",
                "A weight of 0 needs a score so low that its exponential is 0.",
                "Fill the hidden scores with minus infinity, not with 0.",
            ),
        ),
        Mistake(
            "inverted",
            wrong_attention,
            {"invert": True},
            says="you hide what is True: the queries see exactly what they should not",
            hints=(
                "Which keys weigh 0 in your version, and what does the mask say there?",
                "True means may look; masked_fill fills where its mask is True.",
                "One ~ is missing, or one too many.",
            ),
        ),
        Mistake(
            "no-scale",
            wrong_attention,
            {"scale": False},
            says="the mask is right now, but the scores are no longer divided by the root of "
            "d_head",
            hints=(
                "The bug was about the mask only. Which line did you lose?",
                "Compare your first line with the broken version.",
                "Divide the scores by math.sqrt of d_head, as chapter 02 does.",
            ),
        ),
        Mistake(
            "zero-then-cleared",
            odd_attention,
            {"how": "zeros, cleared"},
            says="you set hidden scores to 0 and clear their weights afterwards: in the division "
            "they still count",
            hints=(
                "What is e to the power of 0?",
                "A weight of 0 needs a score so low that its exponential is 0.",
                "Fill the hidden scores with minus infinity, not with 0.",
            ),
        ),
        Mistake(
            "softmax-twice",
            odd_attention,
            {"how": "twice"},
            says="you send the weights through softmax a second time: a weight of 0 becomes an "
            "ordinary score",
            hints=(
                "How many softmaxes does your version hold?",
                "Softmax of numbers between 0 and 1 is nearly an average.",
                "One softmax, of scores in which the hidden ones are minus infinity.",
            ),
        ),
        Mistake(
            "softmax-twice-hidden",
            odd_attention,
            {"how": "twice, hidden"},
            says="you hide in the weights and send them through softmax a second time, which "
            "flattens them",
            hints=(
                "How many softmaxes does your version hold?",
                "Softmax of numbers between 0 and 1 is nearly an average.",
                "Hide in the scores; then the first softmax is enough.",
            ),
        ),
        Mistake(
            "infinite-weights",
            odd_attention,
            {"how": "infinite"},
            says="you fill the weights with minus infinity: that belongs into the scores, before "
            "the softmax",
            hints=(
                "Print one row of your weights.",
                "Minus infinity is a score whose weight is 0. As a weight it is infinite.",
                "Exchange the line that fills and the line with the softmax.",
            ),
        ),
        Mistake(
            "softmax-axis",
            odd_attention,
            {"how": "queries"},
            says="softmax runs over the queries: the columns sum to 1 instead of the rows",
            hints=(
                "Sum your weights along each axis. Which one gives 1?",
                "Every query shares out one whole among the keys.",
                "The keys are the last axis, as in the line you were given.",
            ),
        ),
        Mistake(
            "both-returned",
            odd_attention,
            {"how": "both"},
            says="you return the weights beside the output; asked for is the output alone",
            hints=(
                "What does the last line of the cell return?",
                "The text asks for one tensor, (batch, query, d_value).",
                "Leave the return line as it was.",
            ),
        ),
        Mistake(
            "overflow",
            odd_attention,
            {"how": "raised"},
            says="you raise the scores as they are: large ones become infinite, and infinity "
            "divided by infinity is nan",
            hints=(
                "Try a hidden key with a huge score.",
                "Chapter 00 subtracts the largest score of a row before raising it.",
                "Hide first, with minus infinity, and let softmax do the rest.",
            ),
        ),
        Mistake(
            "scaled-by-value",
            odd_attention,
            {"how": "by value"},
            says="you divide the scores by the root of the values' width, not of the keys'",
            hints=(
                "Try values that are wider than the queries.",
                "A score adds up as many products as a query has numbers.",
                "The first line of the cell was right.",
            ),
        ),
        Mistake(
            "mask-added",
            odd_attention,
            {"how": "added"},
            says="you add the mask to the scores: True counts as 1, which hides nothing",
            hints=(
                "What is True plus 0.5?",
                "A hidden score has to fall below all others, however low they are.",
                "Fill the hidden scores with minus infinity.",
            ),
        ),
        Mistake(
            "divided-by-the-count",
            odd_attention,
            {"how": "counted"},
            says="you divide what is left by the number of visible keys, not by its sum",
            hints=(
                "Print the sum of each row of the weights, just before the last line.",
                "What a hidden key took from the others must go back to them, in the right shares.",
                "Move the mask one step up: into the scores.",
            ),
        ),
        Mistake(
            "no-gradient",
            odd_attention,
            {"how": "detached"},
            says="your values are right, and no gradient goes back to the inputs",
            hints=(
                "Call `sum().backward()` on your result. Does anything reach `query`?",
                "Which part of your code leaves the graph: detach, no_grad, item, numbers made "
                "anew?",
                "Compute the output from the inputs with PyTorch's own operations.",
            ),
        ),
        Mistake(
            "infinity-times-zero",
            odd_attention,
            {"how": "product"},
            says="you multiply minus infinity by the mask: at a visible key that is infinity times"
            " 0, which is nan",
            hints=(
                "Print the mask that you add, for one row.",
                "0 times infinity is nan.",
                "`masked_fill` and `torch.where` choose, they don't multiply.",
            ),
        ),
        Mistake(
            "plus-infinity",
            odd_attention,
            {"how": "plus infinity"},
            says="hidden scores become plus infinity, which softmax turns into nan: the sign "
            "is missing",
            hints=(
                "Which score gives a weight of 0?",
                "e to the power of a very *small* score is 0.",
                "Fill with minus infinity.",
            ),
        ),
        Mistake(
            "sum-without-its-axis",
            odd_attention,
            {"how": "no keepdim"},
            says="the sum of each row has lost its axis, and divides columns; and what is left "
            "after the mask may be 0",
            hints=(
                "Print the shapes of the weights and of the sum that you divide by.",
                "`keepdim=True` keeps the axis, but a large hidden score still leaves nothing "
                "to divide by.",
                "Hide before the softmax: then nothing has to be divided.",
            ),
        ),
        Mistake(
            "assigned-by-a-smaller-mask",
            attention_assigned,
            {},
            says="`scores[~mask] = …` wants a mask of the scores' own shape, and this one "
            "broadcasts",
            hints=(
                "Print the shapes of `scores` and `mask`.",
                "Square brackets don't broadcast a mask; `masked_fill` and `torch.where` do.",
                "Fill with `masked_fill`.",
            ),
        ),
    ],
    also_right=[attention_einsum, attention_loop],
    hints=(
        "Change a hidden key and print the output before and after: which of your lines lets the "
        "change through?",
        "The text says what a repair after the softmax can't do. Compare with the weights of a "
        "sentence that is shorter by the hidden key.",
        "Softmax itself makes the visible weights sum to 1, if the hidden keys never take part "
        "in it.",
    ),
    allows=Edges(
        axes=(2, 3),
        sizes=(1,),
        special=("huge", "full row"),
        labels=("causal", "for all queries", "for each query", "huge score", "billions"),
    ),
)


def flat_cases(g: Generator) -> list[Case]:
    """One sentence, several, and as many sentences as words, where the bug makes no noise."""

    def given(pads: list[tuple[int, int]], seq: int, d_head: int, pad: int) -> tuple:
        batch = len(pads)
        query, key, value = (normal(g, batch, seq, d_head) for _ in range(3))
        ids = sentences(g, pad, pads, seq)
        return query, torch.where((ids == pad)[..., None], loud * key, key), value, ids, pad

    loud, pad = 1.0, whole(g, 3, 80)
    five = [(0, 2), (0, 0), (1, 0), (0, 1), (0, 4)]
    tried = [
        case("one sentence", *given([(0, 2)], 7, 3, pad), grad=True),
        case("as many sentences as words", *given(five, 5, 3, pad), grad=True),
        case("three sentences of seven", *given([(0, 2), (0, 0), (0, 3)], 7, 11, pad)),
        case("two sentences, padded on the left", *given([(3, 0), (1, 0)], 7, 5, pad)),
        case("three sentences, the pad id is 0", *given([(0, 1), (1, 0), (0, 0)], 5, 7, 0)),
        case("sentences of one word", *given([(0, 0), (0, 0)], 1, 3, pad)),
    ]
    loud = 1000.0
    told = "large numbers on padded positions"
    # What stands on padding asks as well: scores far below any constant. They are exact.
    query, key, value, ids, pad = given([(1, 2), (0, 3)], 7, 4, pad)
    hidden = (ids == pad)[..., None]
    steps = torch.randint(4, 40, key.shape, generator=g) / 4
    asking = query.where(~hidden, torch.tensor([-8e6, 0, 0, 0]))
    low = asking, key.where(hidden, steps), value.where(~hidden, 1e6 * value), ids, pad
    return [
        *tried,
        in_dtype(tried[0], torch.int32),
        case(told, *given([(1, 2), (0, 3)], 7, 3, pad)),
        case("large numbers ask on padded positions", *low),
    ]


def unhidden_words(query, key, value, ids, pad_id, after):
    """Padding is not hidden before the softmax: at all, or only after it."""
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).softmax(dim=-1)
    weights = weights * (ids != pad_id)[:, None, :] if after else weights
    return weights @ value


def wrong_words(query, key, value, ids, pad_id, form="key", hides="pads", invert=False, empty=None):
    """Padded attention with its common mistakes as flags."""
    mask = ids != (0 if hides == "zeros" else pad_id)
    if hides == "after-count":
        mask = torch.arange(ids.shape[1]) < mask.sum(dim=1, keepdim=True)
    mask = mask ^ invert
    forms = {
        "key": lambda m: m[:, None, :],
        "flat": lambda m: m,
        "query": lambda m: m[:, :, None],
        "pairs": lambda m: m[:, :, None] & m[:, None, :],
        "first-row": lambda m: m[:1, None, :],
    }
    mask = forms[form](mask)
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    weights = weights if empty is None else weights.masked_fill(~mask, empty)
    return weights @ value


def words_expand(query, key, value, ids, pad_id):
    """With the mask written out for every query."""
    mask = (ids == pad_id).unsqueeze(1).expand(-1, ids.shape[1], -1)
    scores = torch.einsum("bqd,bkd->bqk", query, key) / query.shape[-1] ** 0.5
    return scores.masked_fill(mask, float("-inf")).softmax(-1) @ value


def words_loop(query, key, value, ids, pad_id):
    """Sentence by sentence, the padded keys cut off."""
    output = []
    for q, k, v, row in zip(query, key, value, ids, strict=True):
        real = row != pad_id
        output.append((q @ k[real].T / math.sqrt(q.shape[-1])).softmax(-1) @ v[real])
    return torch.stack(output)


def odd_words(query, key, value, ids, pad_id, how):
    """Other repairs that miss."""
    real = ids != pad_id
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    hidden = scores.masked_fill(~real[:, None, :], -torch.inf)
    left = scores.softmax(-1) * real[:, None, :]
    both = real[:, :, None] & real[:, None, :]
    seq = ids.shape[1]
    if how == "constant":
        return scores.masked_fill(~real[:, None, :], -1e4).softmax(-1) @ value
    low = {"pairs": both, "queries": real[:, :, None]}
    if how in low:
        return scores.masked_fill(~low[how], -1e9).softmax(-1) @ value
    masks = {
        "any": real.any(dim=0),
        "all": real.all(dim=0),
        "repeat": real.repeat(seq, 1).view(len(ids), seq, seq),
        "heads": real[:, None, None, :],
    }
    if how in masks:
        return scores.masked_fill(~masks[how], -torch.inf).softmax(-1) @ value
    return {
        "axis": lambda: hidden.softmax(-2) @ value,
        "causal": lambda: (
            hidden.masked_fill(~torch.ones(seq, seq).tril().bool(), -torch.inf).softmax(-1) @ value
        ),
        "silenced": lambda: (
            (query @ (key * real[:, :, None]).mT / math.sqrt(query.shape[-1])).softmax(-1)
            @ (value * real[:, :, None])
        ),
        "query, axis": lambda: (
            scores.masked_fill(~real[:, :, None], -torch.inf).softmax(-2) @ value
        ),
        "no scale": lambda: (hidden * math.sqrt(query.shape[-1])).softmax(-1) @ value,
        "zero": lambda: scores.masked_fill(~real[:, None, :], 0.0).softmax(-1) @ value,
        "divided": lambda: left / left.sum(-1, keepdim=True) @ value,
        "detached": lambda: (hidden.softmax(-1) @ value).detach(),
    }[how]()


FLAT = Exercise(
    id="04.flat-mask-bug",
    title="Find the bug that batch size 1 hides",
    kind="bug",
    points=2,
    name="attend_to_words",
    cases=flat_cases,
    axes="batch seq d_head",
    properties=("finite",),
    mistakes=[
        Mistake(
            "causal-as-well",
            odd_words,
            {"how": "causal"},
            says="you hide the words that come later, too; the text speaks of padding alone",
            hints=(
                "Which keys may the first query look at, in a sentence without padding?",
                "A causal mask is for a model that writes. Here every word may read them all.",
                "Take the triangle out of your mask.",
            ),
        ),
        Mistake(
            "flat",
            wrong_words,
            {"form": "flat"},
            says="the mask is (batch, key), and next to (batch, query, key) its batch axis is "
            "read as the queries",
            hints=(
                "Write the two shapes under each other, lined up from the right.",
                "The mask's first axis stands under `query`. It should stand under `batch`.",
                "Put an axis of size 1 where the queries are.",
            ),
        ),
        Mistake(
            "query-axis",
            wrong_words,
            {"form": "query"},
            says="your new axis is last, so the mask hides rows: padded queries, not padded keys",
            hints=(
                "Which rows of your output are nan?",
                "Your mask is (batch, query, 1): it says who may ask, not who may be looked at.",
                "The axis of size 1 belongs between batch and key.",
            ),
        ),
        Mistake(
            "query-axis-zeros",
            wrong_words,
            {"form": "query", "empty": 0.0},
            says="your new axis is last, so the mask silences padded queries and leaves the "
            "padded keys visible",
            hints=(
                "Change a padded key. Does the output move?",
                "Your mask is (batch, query, 1): it says who may ask, not who may be looked at.",
                "The axis of size 1 belongs between batch and key.",
            ),
        ),
        Mistake(
            "pairs",
            wrong_words,
            {"form": "pairs"},
            says="your mask hides padded queries too: their rows are empty and become nan",
            hints=(
                "Which rows of your output are nan?",
                "Padding hides keys; a padded query may still look at the words.",
                "Leave the query axis at size 1, so that all queries share one row.",
            ),
        ),
        Mistake(
            "pairs-zeros",
            wrong_words,
            {"form": "pairs", "empty": 0.0},
            says="your mask hides padded queries too, and gives them zeros",
            hints=(
                "Which rows of your output are zero?",
                "Padding hides keys; a padded query may still look at the words.",
                "Leave the query axis at size 1, so that all queries share one row.",
            ),
        ),
        Mistake(
            "unmasked",
            unhidden_words,
            {"after": False},
            says="your version no longer hides anything: padding is averaged in",
            hints=(
                "Change a padded key. Does the output move?",
                "The crash is gone because the mask is gone.",
                "Keep the mask, and give it an axis for the queries.",
            ),
        ),
        Mistake(
            "after-softmax",
            unhidden_words,
            {"after": True},
            says="your mask has the right shape and comes after the softmax: the rows don't "
            "sum to 1",
            hints=(
                "Sum the rows of your weights.",
                "The last line was right as it stood.",
                "Hide in the scores, with minus infinity, before the softmax.",
            ),
        ),
        Mistake(
            "first-sentence",
            wrong_words,
            {"form": "first-row"},
            says="every sentence gets the mask of the first one",
            hints=(
                "Give two sentences with different padding.",
                "Your mask has size 1 where the batch should be.",
                "Keep the batch axis first and whole.",
            ),
        ),
        Mistake(
            "zero-is-pad",
            wrong_words,
            {"hides": "zeros"},
            says="your mask hides the id 0 and never asks what `pad_id` is",
            hints=(
                "In some vocabularies 0 is an ordinary word.",
                "The id to hide is handed to your function.",
                "Compare `ids` with `pad_id`, not with 0.",
            ),
        ),
        Mistake(
            "counted",
            wrong_words,
            {"hides": "after-count"},
            says="your mask keeps as many keys from the left as there are words: wrong for "
            "padding on the left",
            hints=(
                "Try a sentence that is padded on the left.",
                "A mask needs to know where the words stand, not how many there are.",
                "The comparison of the ids was right; only its shape was not.",
            ),
        ),
        Mistake(
            "inverted",
            wrong_words,
            {"invert": True},
            says="your mask is the wrong way round: the queries see the padding and nothing else",
            hints=(
                "Which keys weigh 0 in your version?",
                "True means may look; masked_fill fills where its mask is True.",
                "One ~ is missing, or one too many.",
            ),
        ),
        Mistake(
            "pairs-averaged",
            odd_words,
            {"how": "pairs"},
            says="your mask hides padded queries too, and with a finite number their rows average "
            "over everything",
            hints=(
                "Which rows of your output are an average over everything?",
                "Padding hides keys; a padded query may still look at the words.",
                "Leave the query axis at size 1, so that all queries share one row.",
            ),
        ),
        Mistake(
            "query-axis-averaged",
            odd_words,
            {"how": "queries"},
            says="your new axis is last, so the mask hides rows: padded queries average over "
            "everything, padded keys stay",
            hints=(
                "Which rows of your output are an average over everything?",
                "Padding hides keys; a padded query may still look at the words.",
                "Leave the query axis at size 1, so that all queries share one row.",
            ),
        ),
        Mistake(
            "four-axes",
            odd_words,
            {"how": "heads"},
            says="your mask has an axis for heads, which these scores don't have: the output "
            "gains an axis",
            hints=(
                "Print the shape of your output.",
                "Scores are (batch, query, key) here: three axes.",
                "One axis of size 1 is enough, where the queries are.",
            ),
        ),
        Mistake(
            "any-sentence",
            odd_words,
            {"how": "any"},
            says="a key is hidden only where every sentence has padding: one mask for all",
            hints=(
                "Give two sentences with different padding, and print your mask's shape.",
                "Each sentence has padding of its own, so the batch axis must stay whole.",
                "(batch, key) needs one more axis of size 1, and nothing taken away.",
            ),
        ),
        Mistake(
            "all-sentences",
            odd_words,
            {"how": "all"},
            says="a key is hidden where any sentence has padding: one mask for all",
            hints=(
                "Give two sentences with different padding, and print your mask's shape.",
                "Each sentence has padding of its own, so the batch axis must stay whole.",
                "(batch, key) needs one more axis of size 1, and nothing taken away.",
            ),
        ),
        Mistake(
            "repeated-in-turn",
            odd_words,
            {"how": "repeat"},
            says="your mask has the right shape, but its rows go through the sentences in turn: "
            "repeat puts copies of the batch below each other",
            hints=(
                "Print your mask for two sentences of two words.",
                "`repeat(n, 1)` lines up whole copies: sentence 0, 1, 0, 1, …",
                "An axis of size 1 needs no copies at all: it broadcasts.",
            ),
        ),
        Mistake(
            "softmax-axis",
            odd_words,
            {"how": "axis"},
            says="softmax runs over the queries: the columns sum to 1 instead of the rows",
            hints=(
                "Sum your weights along each axis. Which one gives 1?",
                "The last line was right as it stood.",
                "Only the mask's shape has to change.",
            ),
        ),
        Mistake(
            "large-constant",
            odd_words,
            {"how": "constant"},
            says="you hide with a constant, and a score may be lower: a padded position that asks "
            "may hold large numbers",
            hints=(
                "Put large numbers into a query on a padded position. What do its weights say?",
                "The bug was about the mask's shape only.",
                "There is a number below all others: minus infinity, as it stood.",
            ),
        ),
        Mistake(
            "queries-and-axis",
            odd_words,
            {"how": "query, axis"},
            says="your mask hides padded queries, and the softmax runs over the queries to suit it",
            hints=(
                "Sum your weights along each axis. Which one gives 1?",
                "The last line was right as it stood; the axis of size 1 is in the wrong place.",
                "The axis of size 1 belongs between batch and key.",
            ),
        ),
        Mistake(
            "no-scale",
            odd_words,
            {"how": "no scale"},
            says="the mask is right now, but the scores are no longer divided by the root of "
            "d_head",
            hints=(
                "The bug was about the mask only. Which line did you lose?",
                "Compare your first line with the broken version.",
                "Divide the scores by math.sqrt of d_head, as chapter 02 does.",
            ),
        ),
        Mistake(
            "zero-score",
            odd_words,
            {"how": "zero"},
            says="you set hidden scores to 0, but a score of 0 is an ordinary score: padding "
            "still weighs",
            hints=(
                "What is e to the power of 0?",
                "The last line was right as it stood.",
                "Fill with minus infinity, and change the mask's shape only.",
            ),
        ),
        Mistake(
            "renormalised",
            odd_words,
            {"how": "divided"},
            says="you hide after the softmax and divide by what is left: where padding holds "
            "large numbers, nothing is left",
            hints=(
                "Put large numbers on a padded position.",
                "Beside a huge score the visible weights are rounded to 0, and no division brings "
                "them back.",
                "Hide in the scores, with minus infinity, before the softmax.",
            ),
        ),
        Mistake(
            "no-gradient",
            odd_words,
            {"how": "detached"},
            says="your values are right, and no gradient goes back to the inputs",
            hints=(
                "Call `sum().backward()` on your result. Does anything reach `query`?",
                "Which part of your code leaves the graph: detach, no_grad, item, numbers made "
                "anew?",
                "Compute the output from the inputs with PyTorch's own operations.",
            ),
        ),
        Mistake(
            "keys-zeroed",
            odd_words,
            {"how": "silenced"},
            says="the padded keys and values are set to 0, but a score of 0 is an ordinary "
            "score: padding still gets weight",
            hints=(
                "Do the weights of the real tokens sum to 1?",
                "A key of zeros scores 0 with every query.",
                "Hide the scores, with minus infinity, before the softmax.",
            ),
        ),
    ],
    also_right=[words_expand, words_loop],
    hints=(
        "Hand in two sentences with different padding, and print the shapes of `scores` and of "
        "your mask under each other.",
        "Shapes are lined up from the right. The text says what padding hides, and what a padded "
        "query still does.",
        "The mask has two axes, the scores three: the third is an axis of size 1, and only one "
        "place for it puts batch under batch and key under key.",
    ),
    allows=Edges(
        dtypes=("int32", "int64"),
        sizes=(0, 1),
        labels=("one sentence", "on the left", "as many sentences as words", "large numbers"),
    ),
)


def mean_cases(g: Generator) -> list[Case]:
    """Padding on both sides, an empty sentence, and padding that holds nan."""

    def given(pads: list[tuple[int, int]], seq: int, d_model: int) -> tuple[Tensor, Tensor]:
        return normal(g, len(pads), seq, d_model) + 1, sentences(g, 0, pads, seq) != 0

    poisoned, mask = given([(0, 2), (1, 0)], 7, 3)
    poisoned[~mask] = torch.nan
    alone = mask.clone()
    alone[0] = False
    hollow = poisoned.masked_fill(~alone[..., None], torch.nan)
    gap = given([(0, 1), (1, 0)], 5, 7)
    gap[1][:, 1] = False
    gap[0][:, 2, ::2] = 0.0  # of a real token
    infinite, hidden = given([(0, 1), (3, 0), (5, 0)], 5, 7)
    infinite[~hidden] = torch.inf
    infinite[0, -1] = -torch.inf
    return [
        case("padded on the right, with gradients", *given([(0, 3), (0, 0)], 7, 5), grad=True),
        case("nan in an empty sentence, with gradients", hollow, alone, grad=True),
        case("padded positions hold infinities", infinite, hidden),
        case("one sentence of one word", *given([(0, 0)], 1, 3)),
        case("one pad between words", *gap, grad=True),
        case("padded on the right", *given([(0, 3), (0, 0)], 7, 5)),
        case("padded on the left", *given([(2, 0), (0, 0), (1, 1)], 5, 11)),
        case("one sentence is all padding", *given([(0, 1), (5, 0)], 5, 3)),
        case("padded positions hold nan", poisoned, mask),
    ]


def wrong_mean(hidden, mask, keep="fill", count="real", invert=False, axis=1):
    """A masked mean with its common mistakes as flags."""
    mask = mask ^ invert
    if keep == "fill":
        hidden = hidden.masked_fill(~mask[:, :, None], 0.0)
    if keep == "times":
        hidden = hidden * mask[:, :, None]
    real = mask.sum(dim=1, keepdim=True)
    counts = {
        "real": lambda: real.clamp(min=1),
        "unguarded": lambda: real,
        "seq": lambda: hidden.shape[1],
        "batch": lambda: mask.sum().clamp(min=1),
        "plus-one": lambda: real + 1,
        "longest": lambda: real.max().clamp(min=1),
    }
    return hidden.sum(dim=1) / counts[count]()


def odd_mean(hidden, mask, how):
    """Means of another shape or kind, and of other positions."""
    kept = hidden.masked_fill(~mask[:, :, None], 0.0)
    count = mask.sum(dim=1, keepdim=True).clamp(min=1)
    places = torch.arange(hidden.shape[1])
    first = (places < mask.sum(dim=1, keepdim=True))[:, :, None]
    return {
        "sum": lambda: kept.sum(dim=1),
        "width": lambda: kept.sum(dim=-1) / count,
        "axis": lambda: kept.sum(dim=1, keepdim=True) / count[:, :, None],
        "all": lambda: hidden[mask].mean(dim=0),
        "nonzero": lambda: kept.sum(dim=1) / (kept != 0).sum(dim=1).clamp(min=1),
        "first": lambda: hidden.masked_fill(~first, 0.0).sum(dim=1) / count,
        "words cleared": lambda: hidden.masked_fill(mask[:, :, None], 0.0).sum(dim=1) / count,
        "detached": lambda: (kept.sum(dim=1) / count).detach(),
        "float64": lambda: (kept.sum(dim=1) / count).double(),
        "no nan": lambda: (
            (torch.where(hidden.isnan(), 0.0, hidden) * mask[:, :, None]).sum(dim=1) / count
        ),
        "mask": lambda: hidden.masked_fill(~mask, 0.0).sum(dim=1) / count,
        "product patched": lambda: (
            (hidden * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        ).nan_to_num(0.0),
        "largest": lambda: kept.sum(dim=1) / max(mask.sum(dim=1, keepdim=True), 1),
        "eps": lambda: kept.sum(dim=1) / (mask.sum(dim=1, keepdim=True) + 1e-3),
    }[how]()


def mean_in_place(hidden, mask):
    """Clears the caller's own padding."""
    with torch.no_grad():
        hidden[~mask] = 0.0
    return hidden.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)


def mean_scattered(hidden, mask):
    """Only the real tokens, each added to its sentence."""
    sentence, place = mask.nonzero(as_tuple=True)
    empty = hidden.new_zeros(hidden.shape[0], hidden.shape[2])
    total = empty.index_add(0, sentence, hidden[sentence, place])
    return total / torch.bincount(sentence, minlength=len(hidden)).clamp(min=1)[:, None]


def mean_patched(hidden, mask):
    """The empty sentence is mended after the division."""
    kept = torch.where(mask.unsqueeze(-1), hidden, 0.0).sum(1)
    return (kept / mask.sum(1).unsqueeze(-1)).nan_to_num()


def mean_loop(hidden, mask):
    """Sentence by sentence."""
    rows = [
        h[m].mean(0) if m.any() else torch.zeros(h.shape[-1])
        for h, m in zip(hidden, mask, strict=True)
    ]
    return torch.stack(rows)


def mean_weights(hidden, mask):
    """As weights over the positions, one matrix product a sentence."""
    weights = mask.float() / mask.float().sum(1, keepdim=True).clamp(min=1)
    clean = torch.where(mask[..., None], hidden, torch.zeros(()))
    return torch.einsum("bs,bsd->bd", weights, clean)


def mean_assigned(hidden, mask):
    """Clears the caller's own padding, whatever gradients say."""
    hidden[~mask] = 0.0
    return hidden.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)


MEAN = Exercise(
    id="04.masked-mean",
    title="One vector for a sentence",
    kind="code",
    points=2,
    name="masked_mean",
    cases=mean_cases,
    axes="batch d_model",
    properties=("finite",),
    mistakes=[
        Mistake(
            "words-cleared",
            odd_mean,
            {"how": "words cleared"},
            says="you clear the words and add up the padding: `masked_fill` fills where its mask "
            "is True",
            hints=(
                "Which positions reach your sum?",
                "True marks a real token, and masked_fill fills where its mask is True.",
                "One ~ is missing.",
            ),
        ),
        Mistake(
            "everything",
            wrong_mean,
            {"keep": "all", "count": "seq"},
            says="you average over all positions and never use the mask",
            hints=(
                "What does your function do with `mask`?",
                "Padding has to leave both the sum and the count.",
                "Put zeros where the mask is False, then divide by the number of True cells "
                "in each row.",
            ),
        ),
        Mistake(
            "divided-by-length",
            wrong_mean,
            {"count": "seq"},
            says="padding is out of your sum but still in your count: you divide by the "
            "padded length",
            hints=(
                "Average three words that all hold 1, with two pads. What should come out?",
                "The mean divides by the number of things that were summed.",
                "Count the True cells of each row of the mask.",
            ),
        ),
        Mistake(
            "unmasked-sum",
            wrong_mean,
            {"keep": "all"},
            says="you divide by the number of real tokens, but padding is still in your sum",
            hints=(
                "Average three words that all hold 1, with two pads that hold 100.",
                "Your count is right. What did you sum?",
                "Put zeros where the mask is False before you sum.",
            ),
        ),
        Mistake(
            "multiplied",
            wrong_mean,
            {"keep": "times"},
            says="you multiply by the mask, and 0 times nan is nan",
            hints=(
                "Which rows of yours are nan, and what stands on their padded positions?",
                "Multiplying by 0 does not remove a number that is nan or infinite.",
                "Replace the padded positions, with masked_fill or torch.where, instead of "
                "multiplying.",
            ),
        ),
        Mistake(
            "empty-is-nan",
            wrong_mean,
            {"count": "unguarded"},
            says="a sentence without a real token becomes nan: you divide 0 by 0",
            hints=(
                "Try a mask row that is False everywhere.",
                "The sum is 0 there already. Only the count has to change.",
                "Never let the count fall below 1: clamp it.",
            ),
        ),
        Mistake(
            "one-more",
            wrong_mean,
            {"count": "plus-one"},
            says="you add 1 to every count to avoid dividing by 0, which makes every mean too "
            "small",
            hints=(
                "Average two words that both hold 1.",
                "Only an empty sentence needs help.",
                "Use the larger of the count and 1, not their sum.",
            ),
        ),
        Mistake(
            "one-count-for-all",
            wrong_mean,
            {"count": "batch"},
            says="you divide every sentence by the number of real tokens in the whole batch",
            hints=(
                "Check the shape of your count.",
                "Each sentence has its own number of words.",
                "Sum the mask along seq only, and keep that axis so that it broadcasts.",
            ),
        ),
        Mistake(
            "longest-count",
            wrong_mean,
            {"count": "longest"},
            says="you divide every sentence by the number of words in the longest one",
            hints=(
                "Check the shape of your count.",
                "Each sentence has its own number of words.",
                "Sum the mask along seq only, and keep that axis so that it broadcasts.",
            ),
        ),
        Mistake(
            "inverted",
            wrong_mean,
            {"invert": True},
            says="you average the padding and leave the words out",
            hints=(
                "Which positions reach your sum?",
                "True marks a real token, and masked_fill fills where its mask is True.",
                "One ~ is missing, or one too many.",
            ),
        ),
        Mistake(
            "summed",
            odd_mean,
            {"how": "sum"},
            says="you return the sum of the real tokens: nothing is divided",
            hints=(
                "Average two words that both hold 1. What should come out?",
                "A sum grows with the sentence, a mean does not.",
                "Divide by the number of True cells in each row.",
            ),
        ),
        Mistake(
            "over-the-width",
            odd_mean,
            {"how": "width"},
            says="you sum over d_model: one number for each word instead of one vector for each "
            "sentence",
            hints=(
                "Print the shape of your result.",
                "The text asks for (batch, d_model): one vector for each sentence.",
                "Sum over seq, the middle axis, and over nothing else.",
            ),
        ),
        Mistake(
            "axis-left-over",
            odd_mean,
            {"how": "axis"},
            says="your result keeps the axis of the words, with size 1",
            hints=(
                "Print the shape of your result.",
                "The text asks for (batch, d_model): one vector for each sentence.",
                "Sum over seq, the middle axis, and over nothing else.",
            ),
        ),
        Mistake(
            "one-mean-for-all",
            odd_mean,
            {"how": "all"},
            says="you average over the words of all sentences together",
            hints=(
                "Print the shape of your result.",
                "The text asks for (batch, d_model): one vector for each sentence.",
                "Sum over seq, the middle axis, and over nothing else.",
            ),
        ),
        Mistake(
            "zeros-not-counted",
            odd_mean,
            {"how": "nonzero"},
            says="you divide by how many numbers are not 0, and a real token may hold a 0",
            hints=(
                "Try a real token with a 0 in it.",
                "Which positions count is what the mask says, not what the numbers say.",
                "Count the True of each row of `mask`.",
            ),
        ),
        Mistake(
            "first-words",
            odd_mean,
            {"how": "first"},
            says="you count the real tokens and average over as many positions from the left: "
            "wrong for padding on the left",
            hints=(
                "Try a sentence that is padded on the left.",
                "The mask says where the real tokens stand, not only how many there are.",
                "Clear what the mask hides, position by position.",
            ),
        ),
        Mistake(
            "eps-in-the-count",
            odd_mean,
            {"how": "eps"},
            says="you add a small number to every count, and it is large enough to be felt",
            hints=(
                "Average one word that holds 1. What comes out, to the last digit?",
                "Only an empty sentence needs help.",
                "Use the larger of the count and 1, not a sum.",
            ),
        ),
        Mistake(
            "no-gradient",
            odd_mean,
            {"how": "detached"},
            says="your values are right, and no gradient goes back to `hidden`",
            hints=(
                "Call `sum().backward()` on your result. Does anything reach `hidden`?",
                "Which part of your code leaves the graph: detach, no_grad, item, numbers made "
                "anew?",
                "Compute the mean from `hidden` with PyTorch's own operations.",
            ),
        ),
        Mistake(
            "float64",
            odd_mean,
            {"how": "float64"},
            says="your result is float64; `hidden` is float32",
            hints=(
                "Print the dtype of each step.",
                "The mean has the dtype of what it averages.",
                "Look for `.double()`, a NumPy array, or a tensor made with another dtype.",
            ),
        ),
        Mistake(
            "in-place",
            mean_in_place,
            {},
            says="the caller's own `hidden` is overwritten",
            hints=(
                "Print `hidden` before and after calling your function.",
                "Assigning to `hidden[…]` writes into the caller's tensor.",
                "Use masked_fill or torch.where, which make a new tensor.",
            ),
        ),
        Mistake(
            "axis-missing",
            odd_mean,
            {"how": "mask"},
            says="two shapes don't line up: the mask is (batch, seq) and a count of it (batch,), "
            "and both need an axis of size 1 behind",
            hints=(
                "Print the shapes of `hidden`, of the mask and of your count before the line that "
                "stops.",
                "Shapes are lined up from the right: (batch, seq) next to (batch, seq, d_model) "
                "puts words under numbers.",
                "`[:, :, None]` for the mask; keepdim=True for the count.",
            ),
        ),
        Mistake(
            "nan-cleared-then-times",
            odd_mean,
            {"how": "no nan"},
            says="you clear nan and multiply by the mask, and 0 times infinity is nan",
            hints=(
                "What else may padded positions hold? Anything.",
                "A product never hides: choose instead.",
                "`masked_fill` or `torch.where` with the mask itself.",
            ),
        ),
        Mistake(
            "patched-afterwards",
            odd_mean,
            {"how": "product patched"},
            says="nan is replaced after the sum: a single nan under the padding has spoilt its "
            "whole column by then",
            hints=(
                "Let one padded place hold nan. What is your mean?",
                "0 times nan is nan, and so is a sum that holds it.",
                "Clear the padding with `masked_fill` or `torch.where`, before you add up.",
            ),
        ),
        Mistake(
            "python-max-of-counts",
            odd_mean,
            {"how": "largest"},
            says="the `max` of Python wants one truth from a comparison, and you have a count for "
            "each sentence",
            hints=(
                "Which function compares place by place?",
                "`max` of Python asks `a > b` once.",
                "Use `.clamp(min=1)` on the counts.",
            ),
        ),
        Mistake(
            "hidden-overwritten",
            mean_assigned,
            {},
            says="the padding is cleared in `hidden` itself, which belongs to whoever calls",
            hints=(
                "Print `hidden` after your call.",
                "`hidden[…] = 0` changes what came in, and a tensor that waits for its "
                "gradient refuses it.",
                "`masked_fill`, without an underscore, makes a new tensor.",
            ),
        ),
    ],
    also_right=[mean_scattered, mean_patched, mean_loop, mean_weights],
    hints=(
        "Take one sentence of two words that hold 1 and 3, and two pads that hold 100. What should "
        "come out, and what does?",
        "The text has three rules: which positions count, what an empty sentence gives, and what "
        "padding may hold.",
        "First put zeros where the mask is False, by replacing; then divide the sum over seq by a "
        "count that never falls below 1.",
    ),
    allows=Edges(
        sizes=(1,),
        special=("nan", "inf", "-inf", "empty row", "full row"),
        labels=("on the right", "on the left", "all padding", "between words"),
    ),
)


def peeking_cases(g: Generator) -> list[Case]:
    """Pairs of outputs: honest ones, and leaks that each fool one careless test."""
    position = whole(g, 3, 5)
    pairs = []

    def pair(label: str, change=None, *, at: int = position, seq: int = 7) -> None:
        before = normal(g, seq, 11)
        after = before.clone()
        after[at:] = normal(g, seq - at, 11)
        if change is not None:
            change(before, after)
        pairs.append(case(label, before, after, at))

    def nudge(row: int, by: float):
        def change(before: Tensor, after: Tensor) -> None:
            after[row, whole(g, 0, 10)] += by

        return change

    def near(value: float):
        def change(before: Tensor, after: Tensor) -> None:
            before[0, 3], after[0, 3] = value, value + 4e-6

        return change

    def beside(value: float, inside: bool):
        def change(before: Tensor, after: Tensor) -> None:
            within, outside = around(1e-5, value)
            before[2, 3], after[2, 3] = value, within if inside else outside

        return change

    def one_sided(which: int, row: int):
        def change(*both: Tensor) -> None:
            both[which][row, 4] = torch.nan

        return change

    def turned(before: Tensor, after: Tensor) -> None:
        before[1, 3], after[1, 3] = 0.4, -0.4

    def cancel(before: Tensor, after: Tensor) -> None:
        # Halves, or rounding would decide whether a sum of them is exactly 0.
        before[1, 2] = before[1, 8] = 1.0
        after[1, 2], after[1, 8] = 1.5, 0.5

    def opposite(before: Tensor, after: Tensor) -> None:
        after[0, 5] += 0.6
        after[1, 5] -= 0.6

    def poison(before: Tensor, after: Tensor) -> None:
        before[0, 4] = after[0, 4] = torch.nan

    def round_differently(before: Tensor, after: Tensor) -> None:
        after[:position] += 4e-6

    def creep(before: Tensor, after: Tensor) -> None:
        after[:position] += 4e-5

    def reverse(before: Tensor, after: Tensor) -> None:
        after[1] = before[1].flip(-1)

    def last_number(before: Tensor, after: Tensor) -> None:
        after[:] = before
        after[0, -1] += 0.5

    def numb(before: Tensor, after: Tensor) -> None:
        after[position] = before[position]

    def quiet(before: Tensor, after: Tensor) -> None:
        after[:] = before

    def backwards(before: Tensor, after: Tensor) -> None:
        after[:] = before
        after[1] += 0.5

    pair("an honest model")
    pair("an honest model that rounds differently", round_differently)
    pair("an honest model that rounds one small number differently", near(0.01))
    pair("an honest model that rounds one large number differently", near(5.0))
    pair("an honest model, only the last word changed", at=6)
    pair("an honest model, numb to the first change", numb)
    pair("an honest model that felt nothing at all", quiet)
    pair("the word just before the change moved", nudge(position - 1, 0.4))
    pair("the first word moved down", nudge(0, -0.4))
    pair("an earlier word moved by 0.002", nudge(position - 2, 2e-3))
    pair("a single earlier number moved by 0.00004", nudge(1, 4e-5))
    pair("all earlier numbers moved by 0.00004", creep)
    pair("an earlier word came back with its numbers in reverse", reverse)
    pair("the last number of the first word moved, and nothing else", last_number)
    pair("two numbers of an earlier word moved, their sum did not", cancel)
    pair("two earlier words moved, in opposite directions", opposite)
    pair("an earlier word moved, the later ones did not", backwards)
    pair("a late word of a long text moved", nudge(19, 0.4), at=21, seq=23)
    pair("every word moved", lambda before, after: after.add_(0.3))
    pair("an earlier output is nan in both runs", poison)
    pair("an earlier output is nan before", one_sided(0, 1))
    pair("an earlier output is nan after", one_sided(1, 1))
    pair("an honest model, a later output is nan", one_sided(1, 6))
    pair("an earlier number changed its sign", turned)
    pair("an honest model, all words changed", at=0)
    pair("one word only, and it was changed", at=0, seq=1)
    for value in (0.0, 10.0, 1000.0):
        pair(
            f"one earlier number moved, just inside the tolerance, at {value:g}",
            beside(value, inside=True),
        )
        pair(
            f"one earlier number moved, just outside the tolerance, at {value:g}",
            beside(value, inside=False),
        )
    if whole(g, 0, 1):  # a memorised row of answers must not fit another seed
        pair("a second honest model", at=2)
    else:
        pair("a second dishonest model", nudge(1, 0.9), at=2)
    return pairs


def wrong_peeking(
    before,
    after,
    position,
    rows="earlier",
    measure="abs",
    tolerance=1e-5,
    nan="caught",
    invert=False,
):
    """A test for peeking with its common mistakes as flags."""
    ends = {
        "earlier": slice(0, position),
        "one-more": slice(0, position + 1),
        "one-less": slice(0, position - 1),
        "all": slice(0, len(before)),
        "later": slice(position, len(before)),
        "first": slice(0, 1),
    }
    difference = before[ends[rows]] - after[ends[rows]]
    difference = {
        "abs": difference.abs(),
        "signed": difference,
        "turned": -difference,
        "row-sums": difference.sum(dim=-1).abs(),
        "mean": difference.abs().mean(),
        "norm": difference.norm(),
    }[measure]
    moved = difference > tolerance if nan == "ignored" else ~(difference <= tolerance)
    return bool(moved.any()) if invert else not bool(moved.any())


def wrong_rows(before, after, position, rows):
    """The right comparison of the wrong rows; no other mistake joins it."""
    return wrong_peeking(before, after, position, rows=rows)


def wrong_columns(before, after, position):
    """The slice cuts the numbers of each word instead of the words."""
    return wrong_peeking(before[:, :position], after[:, :position], position, rows="all")


def first_row_wins(before, after, position):
    """A loop that returns in its first turn."""
    for one, other in zip(before[:position], after[:position], strict=True):
        return torch.allclose(one, other, rtol=0.0, atol=1e-5)


def first_row_decides(before, after, position):
    """The same, with something to return where no row is there."""
    return position == 0 or first_row_wins(before, after, position)


def first_row_skipped(before, after, position):
    """A loop that counts from 1."""
    return torch.allclose(before[1:position], after[1:position], rtol=0.0, atol=1e-5)


def default_allclose(before, after, position):
    """`allclose` as it comes: relative to the size of each number."""
    return torch.allclose(before[:position], after[:position])


def peeking_allclose(before, after, position):
    """With PyTorch's own comparison."""
    return torch.allclose(before[:position], after[:position], rtol=0.0, atol=1e-5)


def peeking_loop(before, after, position):
    """Row by row, number by number."""
    for i in range(position):
        for one, other in zip(before[i].tolist(), after[i].tolist(), strict=True):
            if not abs(one - other) < 1e-5:
                return False
    return True


def peeking_max(before, after, position):
    """The largest difference; `nan` wins any maximum."""
    return position == 0 or (before - after)[:position].abs().max() < 1e-5


def peeking_numpy(before, after, position):
    """With NumPy, a NumPy bool comes back."""
    before, after = before[:position].numpy(), after[:position].numpy()
    return (abs(before - after) <= 1e-5).all()


def peeking_bounds(before, after, position):
    """Between two bounds, each number by itself."""
    difference = before[:position].double() - after[:position].double()
    return ((difference > -1e-5) & (difference < 1e-5)).sum().item() == difference.numel()


def odd_peeking(before, after, position, how):
    """Other tests that miss a leak or accuse an honest model."""
    one, other = before[:position], after[:position]
    difference = (one - other).abs()
    still = bool((difference < 1e-5).all())
    return {
        "any": lambda: bool((difference < 1e-5).any()),
        "total": lambda: bool((one - other).sum().abs() < 1e-5),
        "row means": lambda: bool(((one - other).mean(-1).abs() < 1e-5).all()),
        "later": lambda: still and not torch.allclose(before[position:], after[position:]),
        "last": lambda: bool(((before - after)[position - 1].abs() < 1e-5).all()),
        "rows": lambda: (difference < 1e-5).all(dim=-1),
        "places": lambda: difference < 1e-5,
        "itself": lambda: bool(((before - after)[position].abs() < 1e-5).all()),
        "cut from the end": lambda: torch.allclose(
            before[:-position], after[:-position], rtol=0.0, atol=1e-5
        ),
        "relative": lambda: torch.allclose(one, other, atol=1e-5),
        "equal nan": lambda: torch.allclose(one, other, rtol=0.0, atol=1e-5, equal_nan=True),
        "nan anywhere": lambda: still and not bool((before + after).isnan().any()),
        "nan after": lambda: not other.isnan().any() and not bool((difference > 1e-5).any()),
        "nan before": lambda: not one.isnan().any() and not bool((difference > 1e-5).any()),
        "empty": lambda: position > 0 and still,
        "maximum": lambda: bool(difference.max() < 1e-5),
        "guarded mean": lambda: position == 0 or bool(difference.mean() < 1e-5),
        "sizes": lambda: bool(((one.abs() - other.abs()).abs() < 1e-5).all()),
    }[how]()


PEEKING = Exercise(
    id="04.no-peeking",
    title="Write the test",
    kind="test",
    points=2,
    name="no_peeking",
    cases=peeking_cases,
    mistakes=[
        Mistake(
            "first-row-decides",
            first_row_decides,
            {},
            says="your loop returns in its first turn: the first row decides alone",
            hints=(
                "How often does your loop turn, for position 3?",
                "`return` ends the function, also in the middle of a loop.",
                "Return False as soon as a row moved, and True only behind the loop.",
            ),
        ),
        Mistake(
            "first-row-skipped",
            first_row_skipped,
            {},
            says="the first row is never compared: rows count from 0",
            hints=(
                "Let only the very first row change. What does your test say?",
                "The rows before `position` are 0 to position - 1.",
                "Let the range, or the slice, begin at 0.",
            ),
        ),
        Mistake(
            "one-row-more",
            wrong_rows,
            {"rows": "one-more"},
            says="your test also compares the row at `position`, whose own word was changed: "
            "it accuses honest models",
            hints=(
                "Which words were changed? Is `position` one of them?",
                "Only rows before `position` prove anything.",
                "A slice leaves its end out: `x[:n]` holds the rows 0 to n - 1.",
            ),
        ),
        Mistake(
            "one-row-less",
            wrong_rows,
            {"rows": "one-less"},
            says="your test leaves out the row just before `position`, where a mask that is "
            "off by one leaks",
            hints=(
                "Which rows does your slice hold when `position` is 1?",
                "A slice leaves its end out already.",
                "Do not subtract 1 from `position`.",
            ),
        ),
        Mistake(
            "all-rows",
            wrong_rows,
            {"rows": "all"},
            says="your test compares all rows, and the changed words accuse honest models",
            hints=(
                "The outputs from `position` on are allowed to change.",
                "Cut both outputs before you compare them.",
                "Compare the first `position` rows.",
            ),
        ),
        Mistake(
            "columns",
            wrong_columns,
            {},
            says="your slice cuts the second axis: it keeps the first numbers of every word "
            "instead of the first words",
            hints=(
                "Print the shape of what you compare.",
                "The outputs are (seq, d_model), and `position` counts words.",
                "Cut the first axis: `x[:n]`, not `x[:, :n]`.",
            ),
        ),
        Mistake(
            "later-rows",
            wrong_rows,
            {"rows": "later"},
            says="your test compares the rows that were changed, and ignores the earlier ones",
            hints=(
                "Which rows could only have moved by peeking?",
                "The ones before the change.",
                "`x[:n]` is the beginning, `x[n:]` the rest.",
            ),
        ),
        Mistake(
            "first-row-wins",
            first_row_wins,
            {},
            says="your loop returns in its first turn: the first row decides alone, and for "
            "position 0 nothing is returned",
            hints=(
                "How often does your loop turn, for position 3?",
                "`return` ends the function, also in the middle of a loop.",
                "Return False as soon as a row moved, and True only behind the loop.",
            ),
        ),
        Mistake(
            "first-row-only",
            wrong_rows,
            {"rows": "first"},
            says="your test looks at the first row only",
            hints=(
                "A model can leak into the second word and not into the first.",
                "All rows before `position` have to hold still.",
                "Compare a slice of rows, not one row.",
            ),
        ),
        *(
            Mistake(
                f"no-sign-{measure}",
                wrong_peeking,
                {"measure": measure},
                says="your test takes the difference without its absolute value: half of all "
                "leaks count as smaller than the tolerance",
                hints=(
                    "Try an output that went up, and one that went down.",
                    "A large negative difference is smaller than 1e-5, too.",
                    "Take the absolute value before you compare.",
                ),
            )
            for measure in ("signed", "turned")
        ),
        Mistake(
            "sums",
            wrong_peeking,
            {"measure": "row-sums"},
            says="your test compares sums, so two changes that cancel go unseen",
            hints=(
                "Move one number up and another down by the same amount.",
                "A sum or a mean can stay where it is while its parts move.",
                "Take absolute values number by number, and only then look at all of them.",
            ),
        ),
        Mistake(
            "averaged",
            wrong_peeking,
            {"measure": "mean"},
            says="your test averages the differences, and a small leak in one number drowns "
            "in the average",
            hints=(
                "Move a single number by 0.00004, four times the tolerance.",
                "The tolerance holds for every number, not for their average.",
                "Look at the largest difference, or ask all of them.",
            ),
        ),
        Mistake(
            "norm",
            wrong_peeking,
            {"measure": "norm"},
            says="your test takes the length of the whole difference, which adds up rounding "
            "from every number",
            hints=(
                "Shift every number by 0.000004, which is within the tolerance.",
                "The tolerance holds for every number, not for all of them together.",
                "Look at the largest difference, or ask all of them.",
            ),
        ),
        Mistake(
            "exact",
            wrong_peeking,
            {"tolerance": 0.0},
            says="your test demands equality to the last bit and takes rounding for peeking",
            hints=(
                "Another order of addition rounds differently.",
                "The text names a tolerance.",
                "Ask whether the largest difference lies below 1e-5.",
            ),
        ),
        Mistake(
            "default-tolerance",
            default_allclose,
            {},
            says="your tolerance is relative to the size of each number, as `allclose` has it "
            "by default: rounding of a small number counts as peeking",
            hints=(
                "Which tolerances does `torch.allclose` take when you name none?",
                "The text names one tolerance for all numbers, large or small.",
                "Hand in both `rtol` and `atol`.",
            ),
        ),
        *(
            Mistake(
                f"too-patient-{tolerance:g}",
                wrong_peeking,
                {"tolerance": tolerance},
                says="your tolerance is so wide that a small leak passes",
                hints=(
                    "How small a leak does your test see?",
                    "The text names a tolerance; a leak of 0.00004 is above it.",
                    "Compare with 1e-5.",
                ),
            )
            for tolerance in (1e-3, 0.1)
        ),
        Mistake(
            "nan-blind",
            wrong_peeking,
            {"nan": "ignored"},
            says="your test passes outputs that are nan",
            hints=(
                "What does Python say to `float('nan') > 1e-5`? And to `<`?",
                "Ask for what has to hold everywhere, not for what must not happen anywhere.",
                "Turn `not (… > …).any()` into `(… < …).all()`, and leave `equal_nan` out.",
            ),
        ),
        Mistake(
            "inverted",
            wrong_peeking,
            {"invert": True},
            says="your test says True when the model peeks",
            hints=(
                "Read the function's name aloud.",
                "True means: no earlier output moved.",
                "Turn the answer round.",
            ),
        ),
        Mistake(
            "any-is-enough",
            odd_peeking,
            {"how": "any"},
            says="your test is content when a single number stayed where it was",
            hints=(
                "Move all numbers but one. What does your test say?",
                '"Stayed" has to hold for every number among the earlier ones.',
                "`any` asks for one, `all` for every one.",
            ),
        ),
        Mistake(
            "total",
            odd_peeking,
            {"how": "total"},
            says="your test compares one sum of everything, so two changes that cancel go unseen",
            hints=(
                "Move one number up and another down by the same amount.",
                "A sum can stay where it is while its parts move.",
                "Take absolute values number by number, and only then look at all of them.",
            ),
        ),
        Mistake(
            "row-means",
            odd_peeking,
            {"how": "row means"},
            says="your test compares the mean of each word, so changes that cancel or are small "
            "go unseen",
            hints=(
                "Move one number of a word up and another down by the same amount.",
                "A mean can stay where it is while its parts move.",
                "Take absolute values number by number, and only then look at all of them.",
            ),
        ),
        Mistake(
            "later-must-move",
            odd_peeking,
            {"how": "later"},
            says="your test asks in addition that the later outputs moved; they prove nothing, "
            "either way",
            hints=(
                "Hand in the same outputs twice. Did any earlier output move?",
                "The text: what happens from `position` on proves nothing, either way.",
                "Leave the rows from `position` on out of your test.",
            ),
        ),
        Mistake(
            "last-row-only",
            odd_peeking,
            {"how": "last"},
            says="your test looks only at the row just before `position`",
            hints=(
                "A model can leak into the first word and not into the one before the change.",
                "All rows before `position` have to hold still.",
                "Compare a slice of rows, not one row.",
            ),
        ),
        Mistake(
            "verdict-per-word",
            odd_peeking,
            {"how": "rows"},
            says="you return a verdict for each word; asked for is one bool",
            hints=(
                "Print what you return.",
                "The text asks for `True` or `False` for the whole model.",
                "Ask all of the numbers at once, without an axis.",
            ),
        ),
        Mistake(
            "relative-left-on",
            odd_peeking,
            {"how": "relative"},
            says="your tolerance grows with the numbers: `allclose` still has its relative part",
            hints=(
                "Compare 1000 with 1000.001.",
                "`allclose` adds two tolerances, and each has a default that isn't 0.",
                "The text names one tolerance for all numbers, large or small: set the other to 0.",
            ),
        ),
        Mistake(
            "later-nan",
            odd_peeking,
            {"how": "nan anywhere"},
            says="your test refuses a nan at `position` or later, where nothing proves anything",
            hints=(
                "Make a single output nan, first in one run, then in the other.",
                "The text counts an earlier nan as no proof, whichever run it is in; later ones "
                "prove nothing.",
                "Ask for what has to hold for each earlier number; a comparison with nan is never "
                "true.",
            ),
        ),
        Mistake(
            "nan-before-unseen",
            odd_peeking,
            {"how": "nan after"},
            says="your test looks for nan in `after` only; in `before` it goes unseen",
            hints=(
                "Make a single output nan, first in one run, then in the other.",
                "The text counts an earlier nan as no proof, whichever run it is in; later ones "
                "prove nothing.",
                "Ask for what has to hold for each earlier number; a comparison with nan is never "
                "true.",
            ),
        ),
        Mistake(
            "nan-after-unseen",
            odd_peeking,
            {"how": "nan before"},
            says="your test looks for nan in `before` only; in `after` it goes unseen",
            hints=(
                "Make a single output nan, first in one run, then in the other.",
                "The text counts an earlier nan as no proof, whichever run it is in; later ones "
                "prove nothing.",
                "Ask for what has to hold for each earlier number; a comparison with nan is never "
                "true.",
            ),
        ),
        Mistake(
            "nothing-earlier",
            odd_peeking,
            {"how": "empty"},
            says="your test says False when `position` is 0, though no earlier output can have "
            "moved",
            hints=(
                "Which outputs are earlier than position 0?",
                "The text: nothing earlier can have moved there.",
                "`all` of nothing is True: no case of its own is needed.",
            ),
        ),
        Mistake(
            "empty-maximum",
            odd_peeking,
            {"how": "maximum"},
            says="your test stops when `position` is 0: nothing has no largest number",
            hints=(
                "Call your function with position 0.",
                "A maximum needs at least one number; `all` does not.",
                "Compare first, then ask whether it holds for all of them.",
            ),
        ),
        Mistake(
            "sizes-compared",
            odd_peeking,
            {"how": "sizes"},
            says="your test compares the sizes of the numbers: one that only changed its sign "
            "goes unseen",
            hints=(
                "Turn the sign of one earlier number.",
                "The distance of two numbers is the size of their difference.",
                "Subtract first, then take the absolute value.",
            ),
        ),
        Mistake(
            "nan-equals-nan",
            odd_peeking,
            {"how": "equal nan"},
            says="your test takes nan for the same as nan, so two broken runs count as proof",
            hints=(
                "Make the same early output nan in both runs.",
                "The text: an earlier output that is nan is no proof of anything.",
                "Leave `equal_nan` as it is by default.",
            ),
        ),
        Mistake(
            "mean-of-sizes",
            odd_peeking,
            {"how": "guarded mean"},
            says="your test takes the mean of all differences: one number that moved a little "
            "drowns among those that stayed",
            hints=(
                "Move one number in a hundred by 0.0002. What does your test say?",
                "The text: if a single number among them moved.",
                "Ask of every number, then `all`; or take the largest.",
            ),
        ),
        Mistake(
            "a-truth-for-each-number",
            odd_peeking,
            {"how": "places"},
            says="your test returns a truth for each number; one for all of them was asked for",
            hints=(
                "Print what your test returns.",
                "Every earlier number has to have stayed.",
                "Join all truths into one with `all`.",
            ),
        ),
        Mistake(
            "row-at-position",
            odd_peeking,
            {"how": "itself"},
            says="your test looks at the row at `position`, whose own word was changed, and at "
            "no other",
            hints=(
                "Which rows stand *before* `position`?",
                "`x[p]` is one row; `x[:p]` are all before it.",
                "Compare the slice up to `position`.",
            ),
        ),
        Mistake(
            "cut-from-the-end",
            odd_peeking,
            {"how": "cut from the end"},
            says="your slice leaves out the last `position` rows; the earlier ones are the "
            "first `position`",
            hints=(
                "Which rows does `x[:-2]` take of seven?",
                "A minus counts from the end.",
                "`position` counts from the front.",
            ),
        ),
    ],
    also_right=[peeking_numpy, peeking_bounds, peeking_allclose, peeking_loop, peeking_max],
    hints=(
        "Make a pair of outputs by hand, change one number of one early word, and see what your "
        "test says; then change a late word only.",
        "The text says three things: which words count, how near is near, and what nan is.",
        "Cut both outputs, subtract, and ask of every single number whether its distance is below "
        "the tolerance.",
    ),
    allows=Edges(
        sizes=(0, 1),
        special=("nan",),
        labels=(
            "inside the tolerance, at 0",
            "outside the tolerance, at 0",
            "inside the tolerance, at 1000",
            "outside the tolerance, at 1000",
            "a later output is nan",
            "nan before",
            "nan after",
        ),
    ),
)


def pairs_cases(g: Generator) -> list[Case]:
    """Both sides, and a sentence without padding."""
    n_tokens, n_pads = whole(g, 6, 40), whole(g, 2, 5)
    return [
        case("padded on the right", n_tokens, n_pads, "right"),
        case("padded on the left", n_tokens, n_pads, "left"),
        case("no padding", n_tokens + 1, 0, "left"),
        case("more padding than tokens, on the right", n_pads, n_tokens, "right"),
        case("more padding than tokens, on the left", n_pads, n_tokens, "left"),
        case("one token", 1, n_pads, "right"),
        case("one token behind one pad", 1, 1, "left"),
        case("no padding, on the right", n_tokens, 0, "right"),
    ]


def wrong_pairs(
    n_tokens,
    n_pads,
    side,
    pads_ask=True,
    causal=True,
    padding=True,
    itself=True,
    swap="",
    own=False,
    empty=True,
):
    """The count with its common mistakes as flags."""
    total = n_tokens + n_pads
    side = {"left": "right", "right": "left"}[side] if swap == "sides" else side
    first = n_pads if side == "left" else 0
    position = torch.arange(total)
    real = (position >= first) & (position < first + n_tokens)
    mask = torch.ones(total, total, dtype=torch.bool)
    if causal:
        mask = mask.tril(0 if itself else -1)
    if padding:
        mask = mask & real[None, :]
    if not pads_ask:
        mask = mask & real[:, None]
    if own:
        mask = mask | torch.diag(~real)
    counts = int(mask.sum()), int((~mask.any(dim=1)).sum()) if empty else 0
    if empty == "pads":
        counts = counts[0], n_pads
    return counts[::-1] if swap == "order" else counts


def pairs_loop(n_tokens, n_pads, side):
    """Query by query."""
    first = n_pads if side == "left" else 0
    seen = []
    for position in range(n_tokens + n_pads):
        seen.append(max(0, min(position - first + 1, n_tokens)))
    return [sum(seen), seen.count(0)]


def pairs_mask(n_tokens, n_pads, side):
    """By building the mask and counting."""
    return wrong_pairs(n_tokens, n_pads, side)


COUNT_HINTS = (
    "Draw the grid for three tokens and two pads, and count the cells that are True.",
    "Padding hides columns; its rows are still there.",
)


def odd_pairs(n_tokens, n_pads, side, how):
    """Formulas that come near."""
    left, total = side == "left", n_tokens + n_pads
    triangle = n_tokens * (n_tokens + 1) // 2
    pairs = triangle if left else triangle + n_pads * n_tokens
    empty = n_pads if left else 0
    return {
        "open": lambda: (pairs - n_tokens, empty),
        "left only": lambda: (pairs, empty) if left else None,
        "one more": lambda: (pairs, n_pads + 1 if left else 0),
        "cut from the back": lambda: (0, total) if not left and not n_pads else (pairs, empty),
        "float": lambda: (n_tokens * (n_tokens + 1) / 2 + pairs - triangle, empty),
        "columns": lambda: (total * n_tokens, empty),
        "real square": lambda: (pairs - triangle + n_tokens * n_tokens, empty),
        "triangle": lambda: (total * (total + 1) // 2, empty),
        "less the pads": lambda: (
            (total * (total + 1) // 2 - n_pads, empty) if left else (pairs, empty)
        ),
        "blind": lambda: (triangle, empty),
        "right": lambda: (triangle + n_pads * n_tokens, 0),
        "both": lambda: (triangle + n_pads * n_tokens, empty),
        "pairs": lambda: pairs,
        "hidden": lambda: (total * total - pairs, empty),
        "pads": lambda: (triangle if left else triangle + n_pads * (n_pads + 1) // 2, empty),
        "square": lambda: (triangle if left else triangle + n_pads * n_pads, empty),
        "never": lambda: (triangle, 0),
        "triangle on the right": lambda: (
            (triangle, empty) if left else (total * (total + 1) // 2, empty)
        ),
        "one a pad": lambda: (triangle if left else triangle + n_pads, empty),
        "own on the left": lambda: (pairs + n_pads if left else pairs, 0),
        "blind to sides": lambda: (triangle + n_pads * n_tokens, n_pads),
        "seeing": lambda: (pairs, total - empty),
    }[how]()


def pairs_columns(n_tokens, n_pads, side):
    """Key by key: how many queries see it, as tensors without axes."""
    keys = torch.arange(n_tokens, 0, -1)
    after = 0 if side == "left" else n_pads
    return (keys + after).sum(), torch.tensor(n_pads - after)


PAIRS = Exercise(
    id="04.visible-pairs",
    any_sequence=True,
    title="Predict: how much is left to see?",
    kind="predict",
    points=1,
    name="visible_pairs",
    cases=pairs_cases,
    mistakes=[
        Mistake(
            "pads-taken-off-once",
            odd_pairs,
            {"how": "less the pads"},
            says="on the left you take one pair for each pad off the large triangle; a pad's "
            "whole column is hidden",
            hints=(
                "Draw the grid for three tokens and two pads on the left, and count the cells"
                " that are True.",
                "Padding hides columns. How many cells of the triangle stand in the first one?",
                "Only the real tokens' own triangle is left.",
            ),
        ),
        Mistake(
            "padding-in-the-right-triangle",
            odd_pairs,
            {"how": "triangle on the right"},
            says="on the right your padded queries see padding, too: you count one large triangle",
            hints=(
                *COUNT_HINTS,
                "A pad on the right sees the real tokens before it, and no pad.",
            ),
        ),
        Mistake(
            "one-token-for-each-pad",
            odd_pairs,
            {"how": "one a pad"},
            says="on the right you count one pair for each pad; it sees every real token before it",
            hints=(
                *COUNT_HINTS,
                "A pad on the right has all real tokens before it, and sees each of them.",
            ),
        ),
        Mistake(
            "pads-see-themselves-on-the-left",
            odd_pairs,
            {"how": "own on the left"},
            says="on the left you let each pad see itself, so that no query is blind",
            hints=(
                *COUNT_HINTS,
                "The padding mask hides a pad from every query, its own included.",
            ),
        ),
        Mistake(
            "pads-do-not-ask",
            wrong_pairs,
            {"pads_ask": False},
            says="you leave the padded queries out: on the right they see all real tokens "
            "before them",
            hints=(
                *COUNT_HINTS,
                "A pad that stands after n tokens sees n of them, and none of its rows is empty.",
            ),
        ),
        Mistake(
            "sides-swapped",
            wrong_pairs,
            {"swap": "sides"},
            says="your two sides are exchanged",
            hints=(
                COUNT_HINTS[0],
                "Which padding has nothing but padding before it?",
                "The empty rows belong to padding on the left.",
            ),
        ),
        Mistake(
            "no-causal",
            wrong_pairs,
            {"causal": False},
            says="you count the padding mask alone: the causal mask hides the future as well",
            hints=(
                COUNT_HINTS[0],
                "The first token sees one token, the second two.",
                "The real tokens among themselves make a triangle, not a rectangle.",
            ),
        ),
        Mistake(
            "no-padding",
            wrong_pairs,
            {"padding": False},
            says="you count the causal mask alone: padding hides columns as well",
            hints=(
                COUNT_HINTS[0],
                "Nobody may look at a padded key, not even the pad itself.",
                "Cross out the padded columns of the triangle before you count.",
            ),
        ),
        Mistake(
            "not-itself",
            wrong_pairs,
            {"itself": False},
            says="your queries don't see themselves",
            hints=(
                "How many tokens does the very first token see?",
                "In this course a query sees its own position.",
                "The triangle includes its diagonal: 1 + 2 + … + n.",
            ),
        ),
        Mistake(
            "pads-see-themselves",
            wrong_pairs,
            {"own": True},
            says="your padded queries see themselves: padding hides a key from everybody, the "
            "pad included",
            hints=(
                COUNT_HINTS[0],
                "Nobody may look at a padded key.",
                "The columns of the padding hold no True at all, not even on the diagonal.",
            ),
        ),
        Mistake(
            "every-pad-empty",
            wrong_pairs,
            {"empty": "pads"},
            says="you take every padded query for one that may look nowhere",
            hints=(
                *COUNT_HINTS,
                "A pad on the right has real tokens before it, and sees them.",
            ),
        ),
        Mistake(
            "no-empty-rows",
            wrong_pairs,
            {"empty": False},
            says="you count no empty rows; padding on the left makes some",
            hints=(
                COUNT_HINTS[0],
                "What may a pad at the very start look at, with a causal mask?",
                "Before the first word there is nothing but padding, and each pad there asks.",
            ),
        ),
        Mistake(
            "order",
            wrong_pairs,
            {"swap": "order"},
            says="your two numbers are right and stand in the wrong order",
            hints=(
                "Read again what comes first.",
                "Pairs first, empty rows second.",
                "Exchange the two numbers that you return.",
            ),
        ),
        Mistake(
            "open-triangle",
            odd_pairs,
            {"how": "open"},
            says="your triangle lacks its diagonal: each real token sees itself as well",
            hints=(
                "How many tokens does the very first token see?",
                "In this course a query sees its own position.",
                "The triangle is 1 + 2 + … + n.",
            ),
        ),
        Mistake(
            "floats",
            odd_pairs,
            {"how": "float"},
            says="your number of pairs is a float; asked for are whole numbers",
            hints=(
                "Print the type of each of your two numbers.",
                "`/` always gives a float, even where nothing is left over.",
                "`//` divides whole numbers into a whole number.",
            ),
        ),
        Mistake(
            "tokens-as-square",
            odd_pairs,
            {"how": "real square"},
            says="your real tokens all see each other: the causal mask hides the future from them",
            hints=(
                "Draw the grid for three tokens and two pads, and count the cells that are True.",
                "The first token sees one token, the second two.",
                "The real tokens among themselves make a triangle, not a square.",
            ),
        ),
        Mistake(
            "padding-in-the-triangle",
            odd_pairs,
            {"how": "triangle"},
            says="your triangle runs over padding as well: nobody may look at a padded key",
            hints=(
                "Draw the grid for three tokens and two pads, and count the cells that are True.",
                "Padding hides columns. Which cells of your triangle stand in one?",
                "Cross out the padded columns of the triangle before you count.",
            ),
        ),
        Mistake(
            "pads-blind-on-the-right",
            odd_pairs,
            {"how": "blind"},
            says="your padded queries on the right see nothing, and they see all tokens before "
            "them",
            hints=(
                "Draw the grid for three tokens and two pads, once for each side, and count the "
                "cells that are True.",
                "Padding is hidden as a key. Its rows are still there, and they ask.",
                "Each pad on the right adds n_tokens pairs.",
            ),
        ),
        Mistake(
            "always-on-the-right",
            odd_pairs,
            {"how": "right"},
            says="both sides get what is right for padding on the right: does your code ever come "
            "to the other line?",
            hints=(
                'Call your function with "left" and with "right". Do the results differ?',
                "Print what you compare `side` with, and `side`, letter by letter.",
                'The two words are "left" and "right", in small letters; on the left no token '
                "comes before the padding.",
            ),
        ),
        Mistake(
            "no-causal-among-pairs",
            odd_pairs,
            {"how": "columns"},
            says="your pairs know the padding only: the causal mask hides the future as well",
            hints=(
                "Draw the grid for three tokens and two pads, and count the cells that are True.",
                "The first token sees one token, the second two.",
                "The real tokens among themselves make a triangle, not a rectangle.",
            ),
        ),
        Mistake(
            "pads-see-on-both-sides",
            odd_pairs,
            {"how": "both"},
            says="your padded queries see all tokens on either side; on the left no token comes "
            "before them",
            hints=(
                "Draw the grid for three tokens and two pads, once for each side, and count the "
                "cells that are True.",
                "What may a pad at the very start look at, with a causal mask?",
                "Only padding that comes after the tokens adds pairs.",
            ),
        ),
        Mistake(
            "pairs-only",
            odd_pairs,
            {"how": "pairs"},
            says="you return the number of pairs alone; the queries that may look nowhere are "
            "missing",
            hints=(
                "The text asks for two numbers. Which is the second?",
                "Count the rows of the grid that hold no True.",
                "Return both, the pairs first.",
            ),
        ),
        Mistake(
            "hidden-counted",
            odd_pairs,
            {"how": "hidden"},
            says="you count the pairs that are hidden, not those that are True",
            hints=(
                "Draw the grid for three tokens and two pads, once for each side, and count the "
                "cells that are True.",
                "True means may look.",
                "Take the cells that are left, not those that are crossed out.",
            ),
        ),
        Mistake(
            "pads-as-triangle",
            odd_pairs,
            {"how": "pads"},
            says="your padded queries on the right see each other instead of the tokens",
            hints=(
                "Draw the grid for three tokens and two pads, once for each side, and count the "
                "cells that are True.",
                "Nobody may look at a padded key; every pad on the right has all tokens before it.",
                "Each of the pads sees n_tokens keys.",
            ),
        ),
        Mistake(
            "pads-as-square",
            odd_pairs,
            {"how": "square"},
            says="each padded query on the right sees as many keys as there are pads, in your "
            "count",
            hints=(
                "Draw the grid for three tokens and two pads, once for each side, and count the "
                "cells that are True.",
                "Nobody may look at a padded key; every pad on the right has all tokens before it.",
                "Each of the pads sees n_tokens keys.",
            ),
        ),
        Mistake(
            "one-triangle-always",
            odd_pairs,
            {"how": "never"},
            says="you count the tokens among themselves and nothing else; padded queries ask, too",
            hints=(
                "Draw the grid for three tokens and two pads, once for each side, and count the "
                "cells that are True.",
                "On the right, padded queries see the tokens before them. On the left they see "
                "nothing.",
                "The right side gains pairs, the left side rows without any.",
            ),
        ),
        Mistake(
            "both-at-their-largest",
            odd_pairs,
            {"how": "blind to sides"},
            says="your formula never asks for the side: on the right no row is empty, on the left "
            "pads add no pairs",
            hints=(
                "Call your function with both sides. Do the results differ?",
                "A padded query that sees tokens is no empty row, and an empty row adds no pairs.",
                "Two cases: on the right more pairs, on the left empty rows.",
            ),
        ),
        Mistake(
            "queries-that-see",
            odd_pairs,
            {"how": "seeing"},
            says="your second number counts the queries that may look somewhere",
            hints=(
                "Which queries does the text ask for?",
                "Without padding, no row is empty: the second number is 0.",
                "Only padding on the left leaves rows without any True.",
            ),
        ),
        Mistake(
            "left-only",
            odd_pairs,
            {"how": "left only"},
            says="where the padding stands on the right, nothing is returned",
            hints=(
                'Call it with `side="right"`. What comes back?',
                "Both ways out of an `if` need a `return`.",
                "Return the two numbers of the right side, too.",
            ),
        ),
        Mistake(
            "one-more-blind",
            odd_pairs,
            {"how": "one more"},
            says="one query too many may look nowhere: the first real token sees itself",
            hints=(
                "Two pads, then three tokens: which queries see nothing?",
                "Each real token sees at least itself.",
                "On the left, only the pads see nothing.",
            ),
        ),
        Mistake(
            "cut-from-the-back",
            odd_pairs,
            {"how": "cut from the back"},
            says="without padding on the right, everything is hidden: `-0` is 0, so the slice "
            "`[-n_pads:]` takes all",
            hints=(
                "Call it with no pads, on the right.",
                "The last 0 of a list, written `x[-0:]`, is the whole list.",
                "Count from the front: padding begins at `n_tokens`.",
            ),
        ),
    ],
    also_right=[pairs_columns, pairs_loop, pairs_mask],
    hints=(
        "Draw the grid for three tokens and two pads, once for each side, and count by hand.",
        "Rows ask, columns are looked at. Padding crosses out columns, never rows; the causal mask "
        "crosses out what lies right of the diagonal.",
        "Count the real tokens among themselves first; then ask what a padded row sees, which "
        "depends on the side.",
    ),
    allows=Edges(sizes=(0, 1), labels=("no padding", "one token", "more padding than tokens")),
)


def letter_state(g: Generator, vocab_size: int, d_model: int, max_len: int) -> dict[str, Tensor]:
    """Weights large enough that every part is felt."""
    square = {
        f"{name}.weight": 1.5 * normal(g, d_model, d_model) / d_model**0.5
        for name in ("to_q", "to_k", "to_v")
    }
    return square | {
        "embed.weight": normal(g, vocab_size, d_model),
        "where": normal(g, max_len, max_len),
        "to_letters.weight": normal(g, vocab_size, d_model) / d_model**0.5,
        "to_letters.bias": 0.5 * normal(g, vocab_size),
    }


def letter_cases(g: Generator) -> list[Case]:
    """Texts of every length that fits, the loss, and a few steps of training."""

    def tried(label: str, sizes: tuple[int, int, int], *calls: Call) -> Case:
        init = dict(zip(("vocab_size", "d_model", "max_len"), sizes, strict=True))
        return Case(label, calls, init=init, state=letter_state(g, *sizes))

    def texts(count: int, length: int, letters: int = 7) -> Tensor:
        return torch.randint(letters, (count, length), generator=g)

    small = (7, 5, 6)
    batches = [texts(3, 7), texts(2, 5), texts(4, 7), texts(1, 2)]
    after = texts(2, 6)
    return [
        tried("a text as long as may be", small, call(texts(2, 6))),
        tried("a shorter text", small, call(texts(3, 4))),
        tried("one letter, and what is kept", small, call(texts(2, 1)), call(method="state_dict")),
        tried("other sizes", (11, 3, 4), call(texts(2, 3, 11))),
        # A fixed number of letters back, such as 8 or 16, is all of a short text.
        tried("a long text", (5, 3, 40), call(texts(1, 36, 5))),
        tried("the loss of the longest text", small, call(texts(3, 7), method="loss")),
        tried("the loss of a shorter text", small, call(texts(2, 5), method="loss")),
        tried("the loss of one guess", small, call(texts(4, 2), method="loss")),
        tried("one step", small, call(batches[:1], 0.1, method="fit"), call(after)),
        # Other objects are in evaluation mode, where dropout of one's own would not show.
        tried(
            "four steps, in training",
            small,
            call(method="train"),
            call(batches, 0.1, method="fit"),
            call(after),
        ),
        tried("a slower rate", small, call(batches[:3], 0.02, method="fit"), call(after)),
        tried("no batch", small, call([], 0.1, method="fit"), call(after)),
        # Without a step, so that it doesn't matter whether Adam starts anew.
        tried(
            "no batch, then another rate",
            small,
            call([], 0.5, method="fit"),
            call(batches[1:3], 0.1, method="fit"),
            call(after),
        ),
        # No weights are loaded here: what __init__ made is looked at.
        Case(
            "the table `where` of a new model holds zeros",
            [call("where", method="get_parameter")],
            init={"vocab_size": 7, "d_model": 5, "max_len": 6},
        ),
    ]


class WrongLetters(torch.nn.Module):
    """The letter model with one thing done wrong, by name."""

    def __init__(self, vocab_size, d_model, max_len, how=""):
        super().__init__()
        self.how = how
        self.embed = torch.nn.Embedding(vocab_size, d_model)
        for name in ("to_q", "to_k", "to_v"):
            setattr(self, name, torch.nn.Linear(d_model, d_model, bias=how == "biases"))
        first = torch.ones if how == "ones" else torch.zeros
        self.where = torch.nn.Parameter(first(max_len, max_len))
        self.to_letters = torch.nn.Linear(d_model, vocab_size, bias=how != "bare letters")
        self.adam = None
        mask = torch.ones(max_len, max_len, dtype=torch.bool).tril()
        self.register_buffer("mask", mask, persistent=how == "mask is kept")
        if how == "where is a buffer":
            del self.where
            self.register_buffer("where", torch.zeros(max_len, max_len))
        if how == "plain where":
            del self.where
            self.where = torch.zeros(max_len, max_len)

    def seen(self, n):
        mask = self.mask[:n, :n]
        return {
            "no mask": torch.ones_like(mask),
            "strict": mask.tril(-1),
            "upside down": mask.T,
            "inverted": ~mask,
            "one ahead": torch.ones_like(mask).tril(1),
        }.get(self.how, mask)

    def scores(self, x):
        q, k, n = self.to_q(x), self.to_k(x), x.shape[1]
        if self.how == "exchanged":
            q, k = k, q
        if self.how == "queries twice":
            k = q
        root = {"no scale": 1.0, "d_model": x.shape[-1], "root of n": n**0.5}
        where = self.where[:n, :n]
        if self.how == "where not cut":
            where = self.where
        if self.how == "where from the end":
            where = self.where[-n:, -n:]
        if self.how == "where turned":
            where = where.T
        scores = q @ k.transpose(-2, -1)
        divisor = root.get(self.how, x.shape[-1] ** 0.5)
        if self.how == "where scaled":
            return (scores + where) / divisor
        if self.how == "only where":
            return where.expand_as(scores)
        return scores / divisor + (0.0 if self.how == "no where" else where)

    def weights(self, x):
        scores, seen = self.scores(x), self.seen(x.shape[1])
        if self.how == "mask after":
            return scores.softmax(-1) * seen
        if self.how == "where after":
            plain = self.scores(x) - self.where[: x.shape[1], : x.shape[1]]
            weights = plain.masked_fill(~seen, -torch.inf).softmax(-1)
            return weights + self.where[: x.shape[1], : x.shape[1]]
        fill = 0.0 if self.how == "zero fill" else -torch.inf
        return scores.masked_fill(~seen, fill).softmax(-2 if self.how == "queries share" else -1)

    def mixed(self, x):
        values = x if self.how == "no values" else self.to_v(x)
        collected = self.weights(x) @ values
        if self.how == "not added":
            return collected
        if self.how == "added twice":
            return 2 * x + collected
        return x if self.how == "no attention" else x + collected

    def forward(self, ids):
        logits = self.to_letters(self.mixed(self.embed(ids)))
        if self.how == "last only":
            return logits[:, -1]
        if self.how == "both":
            return logits, self.weights(self.embed(ids))
        if self.how in ("softmax", "log_softmax"):
            return getattr(logits, self.how)(-1)
        return logits

    def loss(self, text):
        if self.how == "loss without gradient":
            with torch.no_grad():
                return F.cross_entropy(self(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
        given, wanted = text[:, :-1], text[:, 1:]
        if self.how == "copies":
            wanted = given
        if self.how == "whole text":
            return F.cross_entropy(self(text)[:, :-1].flatten(0, 1), wanted.flatten())
        if self.how == "whole text copied":
            return F.cross_entropy(self(text).flatten(0, 1), text.flatten())
        if self.how == "two ahead":
            logits = self(given)[:, :-1]
            return F.cross_entropy(logits.flatten(0, 1), text[:, 2:].flatten())
        if self.how == "backwards":
            given, wanted = wanted, given
        logits = self(given)
        if self.how == "not flattened":
            return F.cross_entropy(logits, wanted)
        if self.how == "flattened askew":
            logits = logits.transpose(1, 2)
            return F.cross_entropy(
                logits.reshape(-1, self.to_letters.out_features), wanted.flatten()
            )
        if self.how == "reshaped askew":
            return F.cross_entropy(logits.reshape(len(logits), -1, wanted.shape[1]), wanted)
        if self.how == "last guess":
            return F.cross_entropy(logits[:, -1], wanted[:, -1])
        if self.how == "softmax first":
            logits = logits.softmax(-1)
        if self.how == "no logarithm":
            return F.nll_loss(logits.flatten(0, 1), wanted.flatten())
        how = {"sum": "sum", "each": "none"}.get(self.how, "mean")
        loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction=how)
        if self.how == "texts added":
            return loss * wanted.shape[1]
        if self.how == "plain loss":
            return loss.item()
        return -loss if self.how == "signed" else loss

    def fit(self, batches, rate):
        make = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}.get(self.how, torch.optim.Adam)
        rate = 0.001 if self.how == "usual rate" else rate
        mine = [self.to_letters.weight, self.to_letters.bias]
        trained = mine if self.how == "only letters" else self.parameters()
        more = {
            "decayed": {"weight_decay": 0.01},
            "other averages": {"betas": (0.9, 0.98)},
        }.get(self.how, {})
        optimizer, losses = make(trained, lr=rate, **more), []
        if self.how == "first rate":
            optimizer = self.adam = self.adam or optimizer
        batches = batches[:-1] if self.how == "last left out" else batches
        for number, given in enumerate(batches):
            batch = batches[0] if self.how == "first again" else given
            if self.how == "new optimizer":
                optimizer = make(self.parameters(), lr=rate)
            loss = self.loss(batch)
            if self.how == "step first" and number:
                optimizer.step()
            if self.how != "adds up" and self.how != "cleared after":
                optimizer.zero_grad()
            loss.backward()
            if self.how == "cleared after":
                optimizer.zero_grad()
            if self.how != "step first":
                optimizer.step()
            loss = self.loss(batch) if self.how == "measured after" else loss
            losses.append(loss if self.how == "attached" else loss.item())
            if self.how == "returns early":
                return losses
        if self.how == "returns early":
            return None
        if self.how == "last of none":
            return losses[-1]
        if self.how == "mean of none":
            return sum(losses) / len(losses)
        if self.how == "last loss":
            return losses[-1] if losses else 0.0
        if self.how == "mean loss":
            return sum(losses) / max(len(losses), 1)
        return None if self.how == "nothing back" else losses


# An error on loading names the class.
WrongLetters.__qualname__ = WrongLetters.__name__ = "LetterModel"


class LetterModelByHand(torch.nn.Module):
    """Right: the mask is made in forward, the loss is written out, Adam goes over a list."""

    def __init__(self, vocab_size, d_model, max_len):
        super().__init__()
        self.embed = torch.nn.Embedding(vocab_size, d_model)
        self.to_q, self.to_k, self.to_v = (
            torch.nn.Linear(d_model, d_model, bias=False) for _ in range(3)
        )
        self.where = torch.nn.Parameter(torch.empty(max_len, max_len))
        torch.nn.init.constant_(self.where, 0.0)
        self.to_letters = torch.nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        x = self.embed.weight[ids]
        place = torch.arange(ids.shape[1])
        products = torch.einsum("bqd,bkd->bqk", self.to_q(x), self.to_k(x))
        scores = products / math.sqrt(x.shape[-1]) + self.where[place][:, place]
        scores = torch.where(place <= place[:, None], scores, -torch.inf)
        raised = (scores - scores.amax(-1, keepdim=True)).exp()
        weights = raised / raised.sum(-1, keepdim=True)
        return self.to_letters(torch.baddbmm(x, weights, self.to_v(x)))

    def loss(self, text):
        told = self.forward(text[:, :-1]).log_softmax(-1)
        return -told.gather(2, text[:, 1:, None]).mean()

    def fit(self, batches, rate):
        adam, losses = torch.optim.Adam(list(self.parameters()), rate), []
        for batch in batches:
            self.zero_grad()
            losses.append(self.loss(batch))
            losses[-1].backward()
            adam.step()
        return [loss.item() for loss in losses]


class LetterModelFused(torch.nn.Module):
    """Right: PyTorch's function with a mask of numbers, and gradients cleared after the step."""

    def __init__(self, vocab_size, d_model, max_len):
        super().__init__()
        self.embed = torch.nn.Embedding(vocab_size, d_model)
        for name in ("to_q", "to_k", "to_v"):
            self.add_module(name, torch.nn.Linear(d_model, d_model, False))
        self.where = torch.nn.Parameter(torch.zeros(max_len, max_len))
        self.to_letters = torch.nn.Linear(d_model, vocab_size)
        hidden = torch.full((max_len, max_len), -torch.inf).triu(1)
        self.register_buffer("hidden", hidden, persistent=False)

    def forward(self, ids):
        size = slice(ids.size(1))
        x = self.embed(ids)
        added = (self.where + self.hidden)[size, size]
        looked = F.scaled_dot_product_attention(
            self.to_q(x), self.to_k(x), self.to_v(x), attn_mask=added
        )
        return F.linear(looked + x, self.to_letters.weight, self.to_letters.bias)

    def loss(self, text):
        return F.cross_entropy(self(text[:, :-1]).mT, text[:, 1:])

    def fit(self, batches, rate):
        optimizer = torch.optim.Adam(self.parameters(), lr=rate)

        def step(batch):
            loss = self.loss(batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
            return loss.item()

        return list(map(step, batches))


def letters(how: str, says: str, *hints: str) -> Mistake:
    """A mistake of the letter model; one flag each, so that none are tried in pairs."""
    return Mistake(how.replace(" ", "-").replace("_", "-"), WrongLetters, {"how": how}, says, hints)


LOOKING = "Change the last letter of a text. Which of the logits move?"
SCORING = "The text gives the scores in one formula. Read it term by term beside your line."
LOSING = "Work out by hand which letter the first row of logits has to guess, and which the last."
STEPPING = "Say aloud what each line of one step is for: forward, clear, backward, step."
LETTERS = Exercise(
    id="04.letter-model",
    title="A model that guesses the next letter",
    kind="build",
    points=4,
    name="LetterModel",
    cases=letter_cases,
    axes="batch seq letters",
    rtol=1e-3,
    atol=1e-4,
    any_sequence=True,
    plain_numbers=True,
    mistakes=[
        letters(
            "no mask",
            "there is no causal mask: each letter sees the ones that it should guess",
            LOOKING,
            "A loss that is too good is the symptom (4.1).",
            "Fill the scores of the future with minus infinity before the softmax.",
        ),
        letters(
            "strict",
            "your mask hides each letter from itself: the first one may look nowhere, and is nan",
            "Print your mask for three letters. What may the first letter see?",
            "A query sees itself and everything before it.",
            "The diagonal belongs to the past: `tril()` keeps it, `tril(-1)` does not.",
        ),
        letters(
            "upside down",
            "your mask is transposed: every letter sees itself and the future",
            LOOKING,
            "Rows are queries, columns are keys. In row i, the columns 0 to i may be seen.",
            "`tril` keeps the lower left triangle, `triu` the upper right one.",
        ),
        letters(
            "inverted",
            "the mask is the wrong way round: what should be hidden is all that is seen",
            "What does True mean in your mask, and what does `masked_fill` fill?",
            "`masked_fill` fills where it is told True; a mask of this course says True for look.",
            "Turn the mask round with ~ where you fill.",
        ),
        letters(
            "one ahead",
            "each letter sees one letter ahead: the very one that it should guess",
            LOOKING,
            "The first row of the mask has one True.",
            "The diagonal of your triangle is one too high.",
        ),
        letters(
            "mask after",
            "the mask is applied after the softmax: rows no longer sum to 1, and hidden letters "
            "are still felt",
            "Print the sum of each row of your weights.",
            "Section 4.7 shows what goes wrong there.",
            "Fill the scores with minus infinity first, then take the softmax.",
        ),
        letters(
            "zero fill",
            "hidden scores become 0, which hides nothing: e to the 0 is 1",
            LOOKING,
            "Which score gives a weight of exactly 0?",
            "Fill with minus infinity.",
        ),
        letters(
            "queries share",
            "your softmax runs over the queries, not over the keys",
            "Print the sums of your weights along both axes. Which should be 1?",
            "Each letter shares 1 out among the letters that it looks at.",
            "The keys are the last axis.",
        ),
        letters(
            "no scale",
            "the scores are not divided by the root of d_model",
            SCORING,
            "Chapter 02 divides by the root of the width of queries and keys.",
            "The products are divided; `where` is added afterwards.",
        ),
        letters(
            "d_model",
            "the scores are divided by d_model, not by its root",
            SCORING,
            "Chapter 02 divides by the root of the width of queries and keys.",
            "A half as exponent, or `math.sqrt`.",
        ),
        letters(
            "root of n",
            "the scores are divided by the root of the number of letters, not of the width",
            SCORING,
            "Which axis of x is as long as a query has numbers?",
            "d_model is the last axis of x.",
        ),
        letters(
            "exchanged",
            "queries and keys are exchanged: the keys ask",
            "Read the two projections aloud.",
            "Rows are queries: the first factor of the product is made by to_q.",
            "Queries times keys transposed, in that order.",
        ),
        letters(
            "queries twice",
            "to_q makes the keys, too",
            "Which of your layers is never called?",
            "A line that is copied needs to be changed in every place.",
            "Queries through to_q, keys through to_k, values through to_v.",
        ),
        letters(
            "no values",
            "the letters' own vectors are collected, and to_v is never used",
            "Which of your layers is never called?",
            "What is collected are values, and they have a projection of their own.",
            "Multiply the weights with what to_v makes of x.",
        ),
        letters(
            "no where",
            "the table `where` is not added to the scores",
            SCORING,
            "Without the table a letter can't tell the newest letter from an old one.",
            "Add the rows and columns of `where` that the text needs.",
        ),
        letters(
            "only where",
            "your scores are the table `where` alone, as in section 4.1: no queries, no keys",
            SCORING,
            "This model also learns what to look at, not only where.",
            "Products of queries and keys, divided, plus the table.",
        ),
        letters(
            "where scaled",
            "the table `where` is divided by the root of d_model as well",
            SCORING,
            "Only the products grow with the width.",
            "Divide first, then add the table.",
        ),
        letters(
            "where turned",
            "the table `where` is transposed: its rows should be the queries",
            "Set one number of `where` to 50 and look at the weights.",
            "`where[i, j]` is added to the score of query i for key j.",
            "Take the rows and columns as they are.",
        ),
        letters(
            "where not cut",
            "texts shorter than max_len stop: `where`, or the mask, is taken whole",
            "Call your model with a text of max_len - 1 letters.",
            "The scores are as long as the text, the table is max_len by max_len.",
            "Cut the table, and the mask, to the first n rows and columns.",
        ),
        letters(
            "where from the end",
            "for a shorter text you take the last rows and columns of `where`, not the first",
            "Which place does the first letter of a short text stand at?",
            "Places count from the start of the text that is handed in.",
            "Cut with `:n`, not with `-n:`.",
        ),
        letters(
            "not added",
            "what attention collects replaces x; it should be added to it",
            "Read the last line of the forward pass in the text again.",
            "A letter's own vector tells most about the next letter.",
            "Add both before to_letters.",
        ),
        letters(
            "added twice",
            "x is added twice",
            "How often does x occur in your last lines?",
            "One sum: the letter's vector and what was collected.",
            "Look for a `+=` beside a `+`.",
        ),
        letters(
            "no attention",
            "attention has no part in the result: the logits depend on each letter alone",
            "Change the first letter. Do the logits at the last place move?",
            "x plus what the weights collect goes into to_letters.",
            "Use the product of weights and values.",
        ),
        letters(
            "last only",
            "only the last place's logits come back; asked for are those of all places",
            "What shape do you return?",
            "Every place guesses its next letter: one row of logits for each.",
            "Leave out the index at the end.",
        ),
        letters(
            "softmax",
            "your model returns probabilities, not logits",
            "What do your numbers sum to along the last axis?",
            "Logits are what comes before the softmax; cross_entropy takes it itself.",
            "Return what to_letters gives.",
        ),
        letters(
            "log_softmax",
            "your model returns logarithms of probabilities, not logits",
            "Raise e to your numbers and add them up along the last axis.",
            "Logits are what comes before the softmax; cross_entropy takes it itself.",
            "Return what to_letters gives.",
        ),
        letters(
            "copies",
            "your targets are the letters that the model was given: it learns to copy",
            LOSING,
            "The target of a place is the letter after it.",
            "Targets begin at the second letter of the text and end at its last.",
        ),
        letters(
            "whole text",
            "your loss hands in the whole text, whose last letter has no next one: at max_len + 1 "
            "letters it does not fit",
            "Call `loss` with max_len + 1 letters.",
            "The last letter is only a target, never an input.",
            "Cut it off before you call the model.",
        ),
        letters(
            "whole text copied",
            "your loss hands in the whole text and takes the same text as its targets",
            LOSING,
            "The target of a place is the letter after it.",
            "All but the last letter go in; all but the first are wanted.",
        ),
        letters(
            "two ahead",
            "your targets are two letters ahead: the text is shifted twice",
            LOSING,
            "The target of a place is the letter after it.",
            "Inputs lose their last letter, targets their first; the logits stay whole.",
        ),
        letters(
            "backwards",
            "your model is given the later letters and has to guess the earlier ones",
            LOSING,
            "Inputs lose their last letter, targets their first.",
            "Exchange the two slices.",
        ),
        letters(
            "not flattened",
            "cross_entropy was given logits (batch, seq, letters), and takes the second axis for "
            "the letters",
            "Print the shapes of both arguments of `F.cross_entropy`.",
            "It wants all guesses in one row: (guesses, letters), and (guesses,) for the targets.",
            "Flatten the first two axes of the logits, and the targets; section 4.1 does it.",
        ),
        letters(
            "flattened askew",
            "the logits are transposed before they are flattened, so that guesses mix",
            "Print the shapes of both arguments of `F.cross_entropy`, and follow one guess.",
            "Each row must hold the numbers of one guess.",
            "Flatten the first two axes and leave the last as it is.",
        ),
        letters(
            "last guess",
            "your loss counts only the last guess of each text",
            "How many guesses does a text of seven letters hold?",
            "All of them are trained at once: that is what the mask is for.",
            "Leave out the index of the last place.",
        ),
        letters(
            "softmax first",
            "the logits go through softmax before cross_entropy, which takes it once more",
            "What does `F.cross_entropy` expect, by its documentation?",
            "It takes logits and does softmax and logarithm itself.",
            "Hand over the logits as they are.",
        ),
        letters(
            "no logarithm",
            "nll_loss takes logarithms of probabilities, and was given logits",
            "Can your loss be below 0?",
            "`F.nll_loss` only picks numbers out; `F.cross_entropy` makes the logarithms, too.",
            "Call `F.cross_entropy`, or `log_softmax` first.",
        ),
        letters(
            "sum",
            "your loss is the sum over all guesses; asked for is the mean",
            "Double the batch. Does your loss stay about the same?",
            "A sum grows with the number of texts, and the step with it.",
            "`F.cross_entropy` averages by itself.",
        ),
        letters(
            "texts added",
            "your loss adds up the guesses of a text and averages over texts only",
            "Make the texts twice as long. Does your loss stay about the same?",
            "The mean is over all guesses of all texts.",
            "`F.cross_entropy` averages by itself.",
        ),
        letters(
            "each",
            "your loss is one number for each guess; asked for is their mean",
            "What shape does your loss have?",
            "`backward` needs one number.",
            "Take the mean over all guesses.",
        ),
        letters(
            "signed",
            "your loss has the wrong sign: training makes the guesses worse",
            "Is your loss positive?",
            "The loss is minus the logarithm of a probability, at least 0.",
            "Take out the minus: `F.cross_entropy` has it inside.",
        ),
        letters(
            "adds up",
            "gradients of earlier steps are never cleared: they add up",
            STEPPING,
            "`backward` adds to the gradients that are there.",
            "Call `optimizer.zero_grad()` once a step, before `backward`.",
        ),
        letters(
            "cleared after",
            "the weights never move: there is no step, or the gradients are cleared before it",
            STEPPING,
            "What does the optimizer find when it steps?",
            "Clear before `backward` or after `step`, and step once for each batch.",
        ),
        letters(
            "step first",
            "the step comes before `backward`: each goes by the gradient of the batch before",
            STEPPING,
            "The gradient of this batch is there after `backward`.",
            "backward, then step.",
        ),
        letters(
            "measured after",
            "the losses that you return are measured after the step",
            "What is your first loss? Compare it with `loss(batches[0])` of the fresh model.",
            "The text asks for the loss that was computed on the way, before the weights moved.",
            "Keep the number that you called `backward` on.",
        ),
        letters(
            "new optimizer",
            "a new optimizer is made at every step, and Adam forgets what it has gathered",
            "How often does the line that makes your optimizer run?",
            "Adam keeps averages of the gradients from step to step.",
            "Make it once, before the loop.",
        ),
        letters(
            "sgd",
            "your optimizer is plain gradient descent, not Adam",
            "Which optimizer does the text name?",
            "Section 4.1 uses the same.",
            "`torch.optim.Adam`, with the rate that is handed in.",
        ),
        letters(
            "adamw",
            "your optimizer is AdamW, which also shrinks the weights; asked for is Adam",
            "Which optimizer does the text name?",
            "AdamW has a weight decay of 0.01 unless told otherwise.",
            "`torch.optim.Adam`, with the rate that is handed in.",
        ),
        letters(
            "decayed",
            "your Adam has a weight decay, which also shrinks the weights; asked for is Adam, its "
            "rate alone changed",
            "What is handed to `torch.optim.Adam` besides the weights and the rate?",
            "The text changes the learning rate and nothing else.",
            "`torch.optim.Adam`, with `lr` alone.",
        ),
        letters(
            "other averages",
            "your Adam remembers for another time: its `betas` are not its own, 0.9 and 0.999",
            "What is handed to `torch.optim.Adam` besides the weights and the rate?",
            "The text changes the learning rate and nothing else.",
            "`torch.optim.Adam`, with `lr` alone.",
        ),
        letters(
            "usual rate",
            "the rate is not handed on: Adam steps by its usual 0.001",
            "Where in `fit` does `rate` occur?",
            "Twice the rate should give about twice the first step.",
            "`lr=rate`.",
        ),
        letters(
            "only letters",
            "only the output layer is trained",
            "Which weights have moved after `fit`?",
            "The optimizer moves what it was given.",
            "Hand it all parameters of the model.",
        ),
        letters(
            "first again",
            "every step trains on the first batch",
            "Which batch does your second step use?",
            "The loop goes through the batches, one step each.",
            "Use the loop's own variable.",
        ),
        letters(
            "last left out",
            "the last batch is left out",
            "How many losses come back for two batches?",
            "One step and one loss for each batch, however small it is.",
            "Loop over the list itself.",
        ),
        letters(
            "last loss",
            "`fit` returns the last loss alone",
            "How many losses come back for three batches?",
            "The text asks for a list, one loss for each batch.",
            "Append in the loop, return after it.",
        ),
        letters(
            "mean loss",
            "`fit` returns the average of the losses",
            "How many losses come back for three batches?",
            "The text asks for a list, one loss for each batch.",
            "Append in the loop, return after it.",
        ),
        letters(
            "nothing back",
            "`fit` trains and returns nothing",
            "What is `model.fit([], 0.1)`?",
            "The text asks for a list, one loss for each batch.",
            "Is a `return` missing?",
        ),
        letters(
            "last of none",
            "`fit` returns the last loss alone, and stops where there is no batch",
            "How many losses come back for three batches? And for none?",
            "The text asks for a list, one loss for each batch.",
            "Append in the loop, return after it.",
        ),
        letters(
            "mean of none",
            "`fit` returns the average of the losses, and stops where there is no batch",
            "How many losses come back for three batches? And for none?",
            "The text asks for a list, one loss for each batch.",
            "Append in the loop, return after it.",
        ),
        letters(
            "returns early",
            "`return` stands inside the loop: `fit` ends after the first batch",
            "How many losses come back for three batches?",
            "A `return` ends the method at once, wherever it stands.",
            "Indent it as far as the `for`, not as far as what the loop repeats.",
        ),
        letters(
            "attached",
            "your losses are tensors that still hold on to the steps they were computed in; asked "
            "for are plain numbers",
            "Print the list that `fit` returns.",
            "Such a tensor keeps everything alive that led to it, step after step.",
            "`loss.item()` is the plain number.",
        ),
        letters(
            "first rate",
            "your optimizer is kept from the first call of `fit`, and so is its rate",
            "Call `fit` twice, with two rates. How large is the first step of the second call?",
            "`rate` is handed to every call; whatever is kept has to follow it.",
            "Make the optimizer at the start of `fit`.",
        ),
        letters(
            "plain loss",
            "`loss` returns a plain number, and no gradient can flow back from it",
            "What does `backward` need to know about a loss?",
            "The text asks for a tensor without axes.",
            "Leave `.item()` to the end of `fit`.",
        ),
        letters(
            "reshaped askew",
            "`reshape` lets cross_entropy run, but it deals the numbers out anew: guesses mix",
            "Print the shapes of both arguments of `F.cross_entropy`, and follow one guess.",
            "`reshape` keeps the order of the numbers; only a transpose exchanges axes.",
            "`transpose(1, 2)` brings the letters to the second axis; or flatten the first two.",
        ),
        letters(
            "both",
            "the weights come back beside the logits; asked for are the logits alone",
            "What does the text say that `forward` returns?",
            "`loss` needs one tensor.",
            "Return what to_letters gives.",
        ),
        letters(
            "ones",
            "the table `where` of a new model holds ones; the text asks for zeros",
            "Print `LetterModel(7, 5, 6).where`.",
            "Before training no place is better than another.",
            "`torch.zeros(max_len, max_len)`.",
        ),
        letters(
            "plain where",
            "the table `where` is a plain tensor: it is neither trained nor in the state dict",
            "Print `[name for name, _ in model.named_parameters()]`.",
            "A module knows a tensor as its own once it is an `nn.Parameter`.",
            "`nn.Parameter(torch.zeros(max_len, max_len))`.",
        ),
        letters(
            "mask is kept",
            "the mask is in the state dict: it is a parameter, or a buffer that is kept",
            "Print `list(model.state_dict())`.",
            "The mask follows from max_len; nobody needs to store it.",
            "`register_buffer` has an argument `persistent`.",
        ),
        letters(
            "biases",
            "to_q, to_k and to_v have biases; the text asks for none",
            "Print `list(model.state_dict())` and hold it against the text's table.",
            "`nn.Linear` has a bias unless told otherwise.",
            "`bias=False` for these three.",
        ),
        letters(
            "bare letters",
            "to_letters has no bias; the text asks for one",
            "Print `list(model.state_dict())` and hold it against the text's table.",
            "Some letters are frequent whatever came before.",
            "Leave `nn.Linear` as it is there.",
        ),
        letters(
            "where is a buffer",
            "the table `where` is no parameter, so it is never trained",
            "Print `[name for name, _ in model.named_parameters()]`.",
            "A buffer isn't trained; this table is learned.",
            "`nn.Parameter(torch.zeros(max_len, max_len))`.",
        ),
        Mistake(
            "where-after",
            WrongLetters,
            {"how": "where after"},
            says="the table `where` is added to the weights, after the softmax",
            hints=(
                "Do your weights sum to 1?",
                "The text adds `where` to the scores.",
                "Add the table before you hide the future and take the softmax.",
            ),
        ),
        Mistake(
            "loss-without-gradient",
            WrongLetters,
            {"how": "loss without gradient"},
            says="the loss is computed under `no_grad`: nothing can be learned from it",
            hints=(
                "Call `backward` on your loss.",
                "`no_grad` and `detach` cut the way back to the weights.",
                "Compute the loss with gradients; `fit` needs them.",
            ),
        ),
    ],
    also_right=[LetterModelByHand, LetterModelFused],
    hints=(
        "Build it part by part: first `list(LetterModel(7, 5, 6).state_dict())` beside the table "
        "of the text, then the shape after each line of forward.",
        "The text has a formula for each method. Change one letter of the input and see which "
        "logits move; compare the first loss with the logarithm of vocab_size.",
        "Embed, project three times, score, add the table, hide, softmax, collect, add x, "
        "to_letters. The loss: all but the last letter in, all but the first wanted.",
    ),
    allows=Edges(
        axes=(2,),
        sizes=(0, 1),
        labels=(
            "one letter",
            "as long as may be",
            "shorter",
            "no batch",
            "another rate",
            "new model",
            "one guess",
            "other sizes",
        ),
    ),
)


EXERCISES = [PEEKING, CAUSAL, PADDING, PAIRS, SOFTMAX, LEAKY, FLAT, MEAN, LETTERS]
