"""Answer key of chapter 08: the shift, two masks, the block, a leak, and a loop that writes."""

import math
from dataclasses import replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.grader.judging.edges import in_dtype
from course_lib.grader.judging.key import Case, Edges, Exercise, Mistake, call, case, told_of
from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.blocks import DecoderBlock as LibraryBlock
from course_lib.nn.blocks import PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, check_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention, merge_heads, split_heads
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import sinusoidal_positions

from .wrong_blocks import formula_mistakes, sublayer


def mistake(answer, name, flags, says, *hints):
    return Mistake(name, answer, flags, says=says, hints=hints)


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def whole(generator, low, high):
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator))


def marks(generator, count):
    """Different ids above 0 for the marks."""
    return [int(i) for i in 1 + torch.randperm(40, generator=generator)[:count]]


def tokens(generator, lengths, seq, pad_id, left=False):
    """Rows of ids from 0 and 50 to 99, filled up with `pad_id`; id 0 occurs as a token."""
    ids = torch.randint(50, 100, (len(lengths), seq), generator=generator)
    ids[:, seq // 3] = 0 if pad_id else 49
    for row, length in enumerate(lengths):
        filler = slice(0, seq - length) if left else slice(length, seq)
        ids[row, filler] = pad_id
    return ids


# --- 08.shift -------------------------------------------------------------------------------


def shift_cases(generator):
    def tried(label, lengths, seq, pad_id=None):
        start, end, pad = marks(generator, 3)
        pad = pad if pad_id is None else pad_id
        return case(label, tokens(generator, lengths, seq, pad), start, end, pad)

    return [
        tried("rows of different lengths", [5, 2, 4], 6),
        tried("one row is full", [7, 3], 7),
        tried("one row is empty", [3, 0, 1, 5], 5),
        tried("the pad id is 0", [2, 4], 5, pad_id=0),
        tried("a single token", [1], 1),
        in_dtype(tried("one row is full, one short", [4, 1], 4), torch.int32),
        in_dtype(tried("one row is empty", [0, 3], 3), torch.int16),
    ]


def wrong_shift(
    ids,
    start_id,
    end_id,
    pad_id,
    *,
    step=1,
    end="behind",
    end_in_given=False,
    start=True,
    hides="pads",
    filler="pads",
    order=(0, 1),
):
    pad = 0 if hides == "zeros" else pad_id
    real = ids != pad
    length = real.sum(dim=1, keepdim=True)
    wide = F.pad(ids, (0, 1), value=0 if filler == "zeros" else pad_id)
    asked = {
        "behind": lambda: wide.scatter(1, length, end_id),
        "nowhere": lambda: wide,
        "last column": lambda: F.pad(ids, (0, 1), value=end_id),
        "on the last token": lambda: wide.scatter(1, (length - 1).clamp(min=0), end_id),
        "everywhere": lambda: F.pad(ids.masked_fill(~real, end_id), (0, 1), value=end_id),
        "first filler": lambda: wide.scatter(1, (~real).int().argmax(dim=1, keepdim=True), end_id),
        "a gap before": lambda: F.pad(wide, (0, 1), value=pad_id).scatter(1, length + 1, end_id)[
            :, :-1
        ],
        "on filler only": lambda: torch.where(
            length < ids.shape[1], wide.scatter(1, length, end_id), wide
        ),
        "behind tokens only": lambda: torch.where(
            length > 0, wide.scatter(1, length, end_id), wide
        ),
        "behind the first row": lambda: wide.scatter(1, length[:1].expand(len(ids), 1), end_id),
        "behind the longest": lambda: wide.scatter(
            1, length.max().expand(len(ids), 1).clone(), end_id
        ),
    }[end]()
    given = F.pad(ids, (1, 0), value=start_id) if start else wide
    if end_in_given:
        given = torch.cat([given[:, :1], asked[:, :-1]], dim=1)
    if step == 0:
        asked = given
    if step == 2:
        asked = F.pad(asked[:, 1:], (0, 1), value=pad_id)
    return tuple((given, asked)[i] for i in order)


def too_narrow(ids, start_id, end_id, pad_id):
    return F.pad(ids, (1, 0), value=start_id)[:, :-1], ids


def cut_to_width(ids, start_id, end_id, pad_id):
    return tuple(made[:, :-1] for made in wrong_shift(ids, start_id, end_id, pad_id))


def end_at_the_last(ids, start_id, end_id, pad_id):
    """The end in place of the last token; an empty row's "last" is the last column."""
    asked = F.pad(ids, (0, 1), value=pad_id)
    asked[torch.arange(len(ids)), ids.ne(pad_id).sum(dim=1) - 1] = end_id
    return F.pad(ids, (1, 0), value=start_id), asked


def empty_left_out(ids, start_id, end_id, pad_id):
    """An empty row stays padding altogether."""
    empty = ids.eq(pad_id).all(dim=1, keepdim=True)
    made = wrong_shift(ids, start_id, end_id, pad_id)
    return tuple(rows.masked_fill(empty, pad_id) for rows in made)


def start_asked(ids, start_id, end_id, pad_id):
    given = F.pad(ids, (1, 0), value=start_id)
    length = (given != pad_id).sum(dim=1, keepdim=True)
    return given, F.pad(given, (0, 1), value=pad_id).scatter(1, length, end_id)[:, :-1]


def overwritten_start(ids, start_id, end_id, pad_id):
    """What is given, with the end mark on each row's last token."""
    given = F.pad(ids, (1, 0), value=start_id)
    return given, given.scatter(1, ids.ne(pad_id).sum(dim=1, keepdim=True), end_id)


def always_long(ids, start_id, end_id, pad_id):
    return tuple(made.long() for made in wrong_shift(ids, start_id, end_id, pad_id))


def in_floats(ids, start_id, end_id, pad_id):
    return tuple(made.float() for made in wrong_shift(ids, start_id, end_id, pad_id))


def stacked_shift(ids, start_id, end_id, pad_id):
    return torch.stack(wrong_shift(ids, start_id, end_id, pad_id))


def looped_shift(ids, start_id, end_id, pad_id):
    given, asked = [], []
    for row in ids.tolist():
        real = [token for token in row if token != pad_id]
        filler = [pad_id] * (len(row) - len(real))
        given.append([start_id, *real, *filler])
        asked.append([*real, end_id, *filler])
    return [torch.tensor(rows, dtype=ids.dtype) for rows in (given, asked)]


def counting_shift(ids, start_id, end_id, pad_id):
    """Right: on own copies, in place."""
    batch, seq = ids.shape
    given, asked = ids.new_full((2, batch, seq + 1), pad_id)
    given[:, 0], given[:, 1:], asked[:, :seq] = start_id, ids, ids
    asked[torch.arange(batch), ids.ne(pad_id).sum(dim=-1)] = end_id
    return given, asked


def framed_shift(ids, start_id, end_id, pad_id):
    column = ids.new_full((len(ids), 1), pad_id)
    asked = torch.cat([ids, column], dim=1)
    before = torch.cat([torch.full_like(column, start_id), ids], dim=1)
    first_filler = (asked == pad_id) & (before != pad_id)
    return before, torch.where(first_filler, end_id, asked)


def joined_shift(ids, start_id, end_id, pad_id, *, slip):
    """Columns joined by `torch.cat`, or rows that are rolled."""
    column = torch.ones(len(ids), 1, dtype=torch.long)  # as `torch.full` makes it of a whole number
    given, asked = torch.cat([start_id * column, ids], 1), torch.cat([ids, pad_id * column], 1)
    length = ids.ne(pad_id).sum(dim=1)
    if slip == "end behind the padding":
        return given, torch.cat([ids, end_id * column], dim=1)
    if slip == "given wide":
        return given, asked.scatter(1, length[:, None], end_id).to(ids.dtype)
    if slip == "asked wide":
        return given.to(ids.dtype), asked.scatter(1, length[:, None], end_id)
    asked = ids.roll(-1, dims=1) if slip == "both rolled" else ids.clone()
    asked[:, -1] = end_id
    given = ids.roll(1, dims=1)
    given[:, 0] = start_id
    return given, asked


def odd_shift(ids, start_id, end_id, pad_id, *, slip):
    """Mistakes that are not tried in pairs."""
    given, asked = F.pad(ids, (1, 0), value=start_id), F.pad(ids, (0, 1), value=pad_id)
    rows, length = torch.arange(len(ids)), ids.ne(pad_id).sum(dim=1)
    if slip == "every column":
        asked[:, length] = end_id
    elif slip == "first pad":
        for row, asks in zip(ids, asked, strict=True):
            asks[(row == pad_id).nonzero()[0]] = end_id
    elif slip == "one further":
        asked[rows, (length + 1).clamp(max=ids.shape[1])] = end_id
    elif slip == "above":
        asked[rows, (ids > pad_id).sum(dim=1)] = end_id
    elif slip == "inside":
        asked[rows, length.clamp(max=ids.shape[1] - 1)] = end_id
    elif slip == "exchanged":
        given[:, 0], asked[rows, length] = end_id, start_id
    elif slip == "padding in front":
        asked = F.pad(ids, (1, 0), value=pad_id)
        asked[rows, length] = end_id
    else:
        asked[rows, length] = end_id
    if slip == "asked rolled":
        asked = given.roll(-1, dims=1).scatter(1, length[:, None], end_id)
    if slip == "lists":
        return given.tolist(), asked.tolist()
    if slip == "start at the end":
        given = F.pad(ids, (0, 1), value=start_id)
    if slip == "rolled":
        given = ids.roll(1, dims=1)
        given[:, 0] = start_id
    if slip == "end for padding":
        given = given.masked_fill(given == pad_id, end_id)
    if slip == "ids overwritten":
        full = length == ids.shape[1]
        ids[rows[~full], length[~full]] = end_id
        asked = torch.cat([ids, asked[:, -1:]], dim=1)
    return given, asked


IN_INT64 = (
    "Print the dtype of both results for ids of int16.",
    "`torch.full` makes int64 of a whole number, and joined with ids the larger dtype wins.",
    "torch.full(…, dtype=ids.dtype), or F.pad.",
)

SHIFT = Exercise(
    id="08.shift",
    title="One step apart",
    kind="code",
    points=2,
    name="shift",
    cases=shift_cases,
    any_sequence=True,  # the text asks for two tensors, not for a tuple
    mistakes=[
        mistake(
            joined_shift,
            "end-behind-the-padding-in-int64",
            {"slip": "end behind the padding"},
            "the end is joined behind the padding, in the last column of each row; and the "
            "columns that you join make int64 of smaller ids",
            "Where does the end stand in a short row of yours? And which dtype have both "
            "results for ids of int16?",
            "Rows differ in length. And `torch.full` makes int64 unless told otherwise.",
            "Count each row's tokens and write the end there; give each new column "
            "dtype=ids.dtype.",
        ),
        mistake(
            joined_shift,
            "given-in-int64",
            {"slip": "given wide"},
            "what is given is int64, whatever the dtype of ids",
            *IN_INT64,
        ),
        mistake(
            joined_shift,
            "asked-in-int64",
            {"slip": "asked wide"},
            "what is asked is int64, whatever the dtype of ids",
            *IN_INT64,
        ),
        mistake(
            joined_shift,
            "moved-in-the-width-of-ids",
            {"slip": "given rolled"},
            "what is given is ids moved round by one, in their own width, and the end of what "
            "is asked takes the last column: a full row loses a token",
            "How wide are both to be, and how wide are yours?",
            "A mark comes in and no token goes out: seq + 1.",
            "Make both one wider: F.pad, or torch.cat with a column.",
        ),
        mistake(
            joined_shift,
            "both-moved-in-the-width-of-ids",
            {"slip": "both rolled"},
            "both rows are ids moved round by one, in their own width: tokens fall out",
            "How wide are both to be, and how wide are yours?",
            "Only one of the two is moved, and a mark comes in: seq + 1.",
            "Make both one wider: F.pad, or torch.cat with a column.",
        ),
        mistake(
            odd_shift,
            "counted-above-the-pad-id",
            {"slip": "above"},
            "a row's length is the count of ids above pad_id; tokens may be smaller than "
            "pad_id, too",
            "Take pad_id = 30 and a token 7. Is it counted?",
            "Padding is what equals pad_id, and nothing else.",
            "Count with `!=`.",
        ),
        mistake(
            odd_shift,
            "end-over-a-full-rows-last",
            {"slip": "inside"},
            "in a full row the end takes the place of the last token",
            "What is a full row asked for last, and what before that?",
            "There is always room: asked is one wider than ids.",
            "Write the end at the row's length, whatever it is; don't limit it.",
        ),
        mistake(
            odd_shift,
            "start-and-end-exchanged",
            {"slip": "exchanged"},
            "start_id and end_id have changed places",
            "What does your decoder see first?",
            "The arguments come in the order start_id, end_id, pad_id.",
            "start_id in front of what is given, end_id behind what is asked.",
        ),
        mistake(
            odd_shift,
            "padding-in-front-of-asked",
            {"slip": "padding in front"},
            "the new column of what is asked stands in front: every token is asked for one "
            "place too late",
            "What is the decoder asked for when it has seen start alone?",
            "The first token of the row stands under start.",
            "The new column of asked comes behind: F.pad(ids, (0, 1), …).",
        ),
        mistake(
            odd_shift,
            "end-for-padding-in-given",
            {"slip": "end for padding"},
            "in what is given, padding is overwritten with end_id",
            "Compare the padding of a row of ids with that of your given.",
            "The text: the row as it is, its padding included.",
            "Put start_id in front, and change nothing else of it.",
        ),
        Mistake(
            "start-comes-round",
            odd_shift,
            {"slip": "asked rolled"},
            says="what is asked is what is given, moved round: in a row that isn't full the "
            "start mark comes back at its end",
            hints=(
                "Look at the last column of what is asked, in a row with padding.",
                "`roll` brings what falls out in front back at the end.",
                "Build what is asked from `ids` and a column of padding.",
            ),
        ),
        Mistake(
            "one-further-where-there-is-room",
            odd_shift,
            {"slip": "one further"},
            says="the end stands one place behind where it should: between it and the last token "
            "is padding",
            hints=(
                "What stands between the last token and the end in your `asked`?",
                "A row of n tokens has them at 0 to n - 1.",
                "The end goes to place n, and there is always room: `asked` is one wider.",
            ),
        ),
        Mistake(
            "end-behind-the-first-row",
            wrong_shift,
            {"end": "behind the first row"},
            "the end mark stands in one column, where the first row ends",
            (
                "Print where the end mark stands in each row.",
                "Rows differ in length, so the end marks don't stand in one column.",
                "Count the tokens of each row: `(ids != pad_id).sum(dim=1, keepdim=True)`.",
            ),
        ),
        Mistake(
            "start-asked-end-over-the-last",
            overwritten_start,
            {},
            "what is asked is what is given, with the end mark in place of the last token",
            (
                "Write one row of both below each other: `start 2 3` asks for `2 3 end`.",
                "The decoder is never asked for the start mark.",
                "Build *asked* from `ids` and one more column, not from what is given.",
            ),
        ),
        Mistake(
            "cut-to-the-width-of-ids",
            cut_to_width,
            {},
            says="both are cut to the width of `ids`: a full row loses its last token in `given` "
            "and its end in `asked`",
            hints=(
                "How wide are `given` and `asked` to be, and how wide are yours?",
                "A mark comes in and no token goes out: seq + 1.",
                "Leave out the last slice.",
            ),
        ),
        Mistake(
            "end-in-place-of-the-last",
            end_at_the_last,
            {},
            says="the end stands in place of the last token, not behind it, and in an empty row in "
            "the last column: a row of n tokens has its last at n − 1, and n − 1 = −1 counts from "
            "the back",
            hints=(
                "Which place has the last of 3 tokens, and which is right behind it?",
                "The number of tokens of a row is the place right behind its last one.",
                "Use the number itself, without − 1.",
            ),
        ),
        Mistake(
            "empty-rows-left-out",
            empty_left_out,
            {},
            says="an empty row gets no marks: it should give `start` and ask for `end` at once",
            hints=(
                "What is a decoder asked that should write nothing?",
                "The rule holds for a row of no tokens as it stands: `start`, then the row.",
                "Let your loop do with an empty row what it does with all others.",
            ),
        ),
        Mistake(
            "no-step",
            wrong_shift,
            {"step": 0},
            says="what is asked is what is given: the decoder sees each answer before it gives it",
            hints=(
                "Write both rows above each other. What does position 0 see, and what is it asked?",
                "Under `start` stands the row's first token.",
                "What is asked begins with the row itself, and never holds `start_id`.",
            ),
        ),
        Mistake(
            "two-steps",
            wrong_shift,
            {"step": 2},
            says="what is asked runs two steps ahead: the first token is never asked for",
            hints=(
                "What is the decoder asked for when it has seen nothing but `start`?",
                "The first token of the row stands under `start`.",
                "You have moved the labels, and the start mark has moved the input already.",
            ),
        ),
        Mistake(
            "no-end",
            wrong_shift,
            {"end": "nowhere"},
            says="nobody is asked for `end_id`: the model would never learn to stop",
            hints=(
                "What stands in `asked` behind the last token of a row?",
                "Every row asks for one token more than it has: the end.",
                "The number of real tokens of a row is the column of its end mark.",
            ),
        ),
        Mistake(
            "end-in-the-last-column",
            wrong_shift,
            {"end": "last column"},
            says="the end stands in the last column, behind the padding, not behind the last token",
            hints=(
                "Look at a row that is shorter than the others.",
                "The end mark follows the last real token at once; padding comes after it.",
                "Count the real tokens of each row: the count is the column of its end.",
            ),
        ),
        Mistake(
            "end-behind-the-longest",
            wrong_shift,
            {"end": "behind the longest"},
            says="the ends of all rows stand in one column, that of the longest row",
            hints=(
                "Look at a row that is shorter than the others.",
                "Each row has a length of its own, so you need one column number a row.",
                "Sum over the positions only, and keep the rows apart.",
            ),
        ),
        Mistake(
            "last-token-overwritten",
            wrong_shift,
            {"end": "on the last token"},
            says="the end mark overwrites the last token of each row",
            hints=(
                "Is every token of the row still there in `asked`?",
                "Columns are counted from 0: a row of two tokens fills the columns 0 and 1.",
                "The number of tokens is itself the first free column.",
            ),
        ),
        Mistake(
            "ends-instead-of-padding",
            wrong_shift,
            {"end": "everywhere"},
            says="all padding of `asked` has become `end_id`: the model is asked to end again and "
            "again",
            hints=(
                "How many times does a row end?",
                "Behind the end mark there is padding, which the loss leaves out.",
                "Write `end_id` at one place of each row, and leave the padding as it is.",
            ),
        ),
        Mistake(
            "full-rows-overwritten",
            wrong_shift,
            {"end": "first filler"},
            says="the end is put where `ids` has its first padding: in a full row there is none, "
            "and the end lands on the first token",
            hints=(
                "What does your function do with a row without padding?",
                "argmax of a row that is all False is 0.",
                "Look for the first padding in the wider row, or count the real tokens.",
            ),
        ),
        Mistake(
            "end-given",
            wrong_shift,
            {"end_in_given": True},
            says="the end mark is in `given`, too: you cut both out of one long row",
            hints=(
                "Read the second point of the text: what does `given` hold behind the row?",
                "Nothing is asked after an end, so nobody needs to be given one.",
                "Make `given` from `start_id` and the row as it is.",
            ),
        ),
        Mistake(
            "no-start",
            wrong_shift,
            {"start": False},
            says="`given` lacks the start mark: the first token can never be asked for honestly",
            hints=(
                "What does the decoder look at before it has written anything?",
                "The row in `given` stands one column further right than in `ids`.",
                "Put a column of `start_id` in front.",
            ),
        ),
        Mistake(
            "zero-is-pad",
            wrong_shift,
            {"hides": "zeros"},
            says="the id 0 counts as padding, and `pad_id` is never asked",
            hints=(
                "In some vocabularies 0 is an ordinary token.",
                "The id of the padding is handed to your function.",
                "Compare `ids` with `pad_id`.",
            ),
        ),
        Mistake(
            "exchanged",
            wrong_shift,
            {"order": (1, 0)},
            says="the two results have changed places",
            hints=(
                "Which of the two begins with `start_id`?",
                "First comes what is given, then what is asked.",
                "Look at the order in your return.",
            ),
        ),
        Mistake(
            "not-wider",
            too_narrow,
            {},
            says="both results are `(batch, seq)`: the last token is never given, and the end is "
            "never asked for",
            hints=(
                "How wide are your results, and how wide is `ids`?",
                "A start mark in front makes one row longer, an end mark behind the other.",
                "Cut nothing off: each result has one column more than `ids`.",
            ),
        ),
        Mistake(
            "start-asked",
            start_asked,
            {},
            says="`asked` begins with `start_id`: it is `given` with an end mark",
            hints=(
                "What is the decoder asked for when it has seen nothing but `start`?",
                "Nobody is asked for a start mark; it is only ever given.",
                "Make `asked` from the bare row, not from `given`.",
            ),
        ),
        Mistake(
            "a-gap-before-the-end",
            wrong_shift,
            {"end": "a gap before"},
            says="the end stands one place too far: padding stands between it and the last token",
            hints=(
                "Look at the place right behind the last token of a row.",
                "Columns are counted from 0: a row of two tokens fills the columns 0 and 1.",
                "The number of tokens is itself the column of the end.",
            ),
        ),
        Mistake(
            "no-end-in-full-rows",
            wrong_shift,
            {"end": "on filler only"},
            says="a full row gets no end: the end is put on padding of `ids`, and a full row has "
            "none",
            hints=(
                "What does your function do with a row without padding?",
                "`asked` has one column more than `ids`, so that there is room.",
                "Look for the first padding in the wider row, or count the real tokens.",
            ),
        ),
        Mistake(
            "no-end-in-empty-rows",
            wrong_shift,
            {"end": "behind tokens only"},
            says="an empty row gets no end: the model would never learn to say nothing",
            hints=(
                "What is a decoder asked for when there is nothing to write?",
                "A row of no tokens ends in column 0.",
                "Treat it as all others: the number of its tokens is the column of its end.",
            ),
        ),
        Mistake(
            "filled-with-zeros",
            wrong_shift,
            {"filler": "zeros"},
            says="the new column of `asked` is filled with 0, not with `pad_id`",
            hints=(
                "What does F.pad fill with when it isn't told?",
                "The id of the padding is handed to your function.",
                "Give F.pad a `value`.",
            ),
        ),
        Mistake(
            "always-int64",
            always_long,
            {},
            says="int64 comes out whatever dtype `ids` has",
            hints=(
                "Hand in `ids.int()`. Which dtype comes back?",
                "A new tensor gets the dtype that you ask for, or a usual one; joined with "
                "another the wider wins.",
                "Make columns and rows with the dtype of `ids`: `new_full`, or `dtype=ids.dtype`.",
            ),
        ),
        Mistake(
            "floats",
            in_floats,
            {},
            says="floats come out: ids are whole numbers",
            hints=(
                "Print the dtype of what you return.",
                "torch.zeros and torch.ones make floats unless they are told otherwise.",
                "Make new tensors with the dtype of `ids`.",
            ),
        ),
        Mistake(
            "stacked",
            stacked_shift,
            {},
            says="one stacked tensor comes out; two tensors were asked for",
            hints=(
                "What does the text say that you return?",
                "Two results are returned with a comma between them.",
                "Leave out the stack.",
            ),
        ),
        Mistake(
            "ends-in-every-row",
            odd_shift,
            {"slip": "every column"},
            says="each row gets the end marks of all rows: `asked[:, n]` takes whole columns",
            hints=(
                "How many end marks has your first row?",
                "A colon picks all rows, once for every column in `n`.",
                "Pick a row and a column for each end: `torch.arange(batch)` in the place of "
                "the colon.",
            ),
        ),
        Mistake(
            "first-padding-of-a-full-row",
            odd_shift,
            {"slip": "first pad"},
            says="you look for the first padding of each row, and a full row has none",
            hints=(
                "Hand it a row without padding. What does the search find?",
                "In a full row the end stands behind the last column of `ids`.",
                "Count the tokens of the row: the end belongs into that column, and `asked` "
                "has one more than `ids`.",
            ),
        ),
        Mistake(
            "start-behind-the-row",
            odd_shift,
            {"slip": "start at the end"},
            says="`start_id` stands behind the row, not in front of it",
            hints=(
                "Print what is given for one row: where does it start?",
                "`F.pad(x, (left, right))` takes two numbers of columns.",
                "The new column comes first.",
            ),
        ),
        Mistake(
            "rolled-round",
            odd_shift,
            {"slip": "rolled"},
            says="what is given is as wide as `ids`: the row's last place is lost",
            hints=(
                "Print the shapes of your two results.",
                "`roll` moves what falls out at the end to the front, where the start then "
                "covers it.",
                "Put a column in front of `ids`, instead of moving them.",
            ),
        ),
        Mistake(
            "ids-overwritten",
            odd_shift,
            {"slip": "ids overwritten"},
            says="the end marks are written into `ids`, which belongs to somebody else",
            hints=(
                "Print `ids` after your call.",
                "A tensor that comes in is the caller's own.",
                "Write into `asked`, once it is a tensor of its own.",
            ),
        ),
        Mistake(
            "nested-lists",
            odd_shift,
            {"slip": "lists"},
            says="lists of lists come back; two tensors were asked for",
            hints=(
                "What does `type(given)` say?",
                "A list has no dtype; the text asks for that of `ids`.",
                "Make a tensor of each list, with the dtype of `ids`.",
            ),
        ),
    ],
    hints=(
        "Print `ids`, `given` and `asked` of a small batch below each other: one row full, one "
        "short, one empty.",
        "Go through the points of the text: `given` is the row moved by a start mark; `asked` is "
        "the row with an end behind its last token.",
        "Widen each by one column first; then write the end at one column of each row, the number "
        "of its tokens.",
    ),
    allows=Edges(dtypes=("int32", "int16"), sizes=(1,), labels=("full", "empty", "pad id is 0")),
    also_right=[looped_shift, framed_shift, counting_shift],
)


# --- 08.decoder-masks -----------------------------------------------------------------------


def mask_cases(generator):
    def tried(label, target, query, source, key, left=False, pad_id=None):
        pad = marks(generator, 1)[0] if pad_id is None else pad_id
        made = [
            tokens(generator, n, size, pad, left) for n, size in ((target, query), (source, key))
        ]
        return case(label, *made, pad)

    return [
        tried("padded on the right", [4, 2, 3], 5, [7, 3, 5], 7),
        tried("padded on the left", [5, 2], 5, [3, 4], 4, left=True),
        tried("no padding at all", [3, 3], 3, [5, 5], 5),
        tried("the pad id is 0", [2, 4, 3, 1], 4, [6, 2, 5, 6], 6, pad_id=0),
        tried("as many words as tokens", [3, 5], 5, [5, 2], 5),
        tried("one token, one sentence", [1], 1, [2], 3),
        tried("a source of nothing but padding", [2, 3], 3, [4, 0], 6),
        in_dtype(tried("in small numbers", [2, 4], 4, [6, 3], 6), torch.int32),
    ]


def wrong_masks(
    target,
    source,
    pad_id,
    *,
    past="self",
    pads_in_target=True,
    queries_too=False,
    over="source",
    over_past=False,
    hides="pads",
    invert=False,
    heads=True,
    order=(0, 1),
):
    pad = 0 if hides == "zeros" else pad_id
    place, word = torch.arange(target.shape[1])[:, None], torch.arange(source.shape[1])
    seen = {
        "self": place >= place.T,
        "strict": place > place.T,
        "ahead": place <= place.T,
        "all": (place >= place.T) | True,
    }[past]
    real, words = target != pad, {"source": source, "target": target}[over] != pad
    if hides == "counted":
        real, words = (torch.arange(x.shape[1]) < x.sum(dim=1, keepdim=True) for x in (real, words))
    back = seen & (
        real[:, None, None, :] if pads_in_target else torch.ones(len(target), 1, 1, 1) > 0
    )
    if queries_too:
        back = back & real[:, None, :, None]
    look = words[:, None, None, :]
    if over_past:
        look = look & (word <= place)
    made = (~back, ~look) if invert else (back, look)
    made = made if heads else tuple(mask[:, 0] for mask in made)
    return tuple(made[i] for i in order)


def wrong_over(target, source, pad_id, **flags):
    """Mistakes about looking over, tried in pairs among themselves only."""
    return wrong_masks(target, source, pad_id, **flags)


def bare_over(target, source, pad_id):
    """The second mask still (batch, key)."""
    back, look = wrong_masks(target, source, pad_id)
    return back, look[:, 0, 0]


def sources_padding(target, source, pad_id):
    over = padding_mask(source, pad_id)
    return combine_masks(causal_mask(target.shape[1]), over), over


def bare_causal(target, source, pad_id):
    return causal_mask(target.shape[1]), padding_mask(source, pad_id)


def counted_real(ids, pad_id):
    """Right only where padding stands on the right."""
    length = (ids != pad_id).sum(dim=1, keepdim=True)
    return (torch.arange(ids.shape[1]) < length)[:, None, None]


def other_masks(target, source, pad_id, *, back="right", look="right"):
    causal, real = causal_mask(target.shape[1]), padding_mask(target, pad_id)
    words = padding_mask(source, pad_id)
    right = causal & real
    back = {
        "right": lambda: right,
        "either": lambda: causal | real,
        "query axis": lambda: causal & real.transpose(-1, -2),
        "itself": lambda: right | torch.eye(len(causal), dtype=torch.bool),
        "counted": lambda: causal & counted_real(target, pad_id),
        "one for all": lambda: causal[None, None],
        "inverted": lambda: causal & ~real,
        "unequal": lambda: causal ^ real,
        "above": lambda: causal & (target > pad_id)[:, None, None],
        "window": lambda: right & ~causal_mask(target.shape[1]).tril(-2),
        "two heads": lambda: right.expand(-1, 2, -1, -1),
    }[back]()
    look = {
        "right": lambda: words,
        "query axis": lambda: words.transpose(-1, -2),
        "nothing": lambda: torch.ones_like(words),
        "each query": lambda: words.expand(-1, -1, target.shape[1], -1),
        "both": lambda: words & real.transpose(-1, -2),
        "counted": lambda: counted_real(source, pad_id),
        "inverted": lambda: ~words,
        "above": lambda: (source > pad_id)[:, None, None],
        "opened": lambda: words | ~words.any(dim=-1, keepdim=True),
        "three axes": lambda: words[:, 0],
    }[look]()
    return back, look


def once_masks(target, source, pad_id, **flags):
    """As `other_masks`, not tried in pairs."""
    return other_masks(target, source, pad_id, **flags)


def odd_back(target, source, pad_id, *, back):
    """As `other_masks`, not tried in pairs."""
    return other_masks(target, source, pad_id, back=back)


def odd_over(target, source, pad_id, *, look):
    return other_masks(target, source, pad_id, look=look)


def paddings_exchanged(target, source, pad_id):
    back = combine_masks(causal_mask(target.shape[1]), padding_mask(source, pad_id))
    return back, padding_mask(target, pad_id)


def headless_masks(target, source, pad_id, *, which):
    """Masks without the axis for the heads."""
    back, over = tril_masks(target, source, pad_id)
    back = back[:, 0] if "back" in which else back
    return back, (over[:, 0, 0] if "over flat" in which else over)


def causal_over(target, source, pad_id):
    """As the mask for looking back, made from the source."""
    words = padding_mask(source, pad_id)
    return tril_masks(target, source, pad_id)[0], words & causal_mask(source.shape[1])


def as_long_as_the_source(target, source, pad_id):
    """A causal mask of the source's length: it fits only where both are equally long."""
    back = combine_masks(causal_mask(source.shape[1]), padding_mask(target, pad_id))
    return back, padding_mask(source, pad_id)


def number_masks(target, source, pad_id):
    return tuple(mask.float() for mask in other_masks(target, source, pad_id))


def additive_masks(target, source, pad_id):
    made = other_masks(target, source, pad_id)
    return tuple(torch.zeros(m.shape).masked_fill(~m, -torch.inf) for m in made)


def looped_masks(target, source, pad_id):
    batch, query = target.shape
    back = torch.zeros(batch, 1, query, query, dtype=torch.bool)
    for b in range(batch):
        for i in range(query):
            for j in range(i + 1):
                back[b, 0, i, j] = target[b, j] != pad_id
    return [back, source.ne(pad_id)[:, None, None]]


def tril_masks(target, source, pad_id):
    real = (target != pad_id)[:, None, None, :].expand(-1, -1, target.shape[1], -1)
    return real.tril(), (source != pad_id).view(len(source), 1, 1, -1)


def other_causal(target, source, pad_id, *, of):
    """Right but for what `causal_mask` is handed."""
    size = {"rows": len(target), "ids": target}[of]
    return combine_masks(causal_mask(size), padding_mask(target, pad_id)), padding_mask(
        source, pad_id
    )


def past_over(target, source, pad_id):
    """The last words of the source for the last tokens of the target, by `causal_mask`."""
    past = causal_mask(target.shape[1], source.shape[1])
    back = combine_masks(causal_mask(target.shape[1]), padding_mask(target, pad_id))
    return back, combine_masks(past, padding_mask(source, pad_id))


def paddings_only(target, source, pad_id):
    return padding_mask(target, pad_id), padding_mask(source, pad_id)


def joined_as_truths(target, source, pad_id):
    back = causal_mask(target.shape[1]) and padding_mask(target, pad_id)
    return back, padding_mask(source, pad_id)


MASKS = Exercise(
    id="08.decoder-masks",
    title="Back and over",
    kind="code",
    points=2,
    name="decoder_masks",
    cases=mask_cases,
    any_sequence=True,  # the text asks for two tensors, not for a tuple
    mistakes=[
        mistake(
            once_masks,
            "paddings-turned-round",
            {"back": "inverted", "look": "inverted"},
            "both paddings are turned round, by `==` where `!=` belongs: padding may be looked "
            "at, and nothing else; the causal part is right",
            "In this course, what does True in a mask mean?",
            "True where an id is padding is True where nobody may look.",
            "`!= pad_id`, for the target and for the source.",
        ),
        mistake(
            once_masks,
            "targets-padding-turned-round",
            {"back": "inverted"},
            "looking back, the target's padding is turned round, by `==` where `!=` belongs or "
            "a `~` too many: padding may be looked at, and nothing else",
            "In this course, what does True in a mask mean?",
            "True where an id is padding is True where nobody may look.",
            "`target != pad_id`.",
        ),
        mistake(
            once_masks,
            "paddings-by-order",
            {"back": "above", "look": "above"},
            "tokens are told by `> pad_id`: one that is smaller than pad_id is hidden as if it "
            "were padding",
            "Take pad_id = 30 and a token 7. May it be looked at?",
            "The page writes `> 0` where the pad id is 0. Padding is what equals pad_id, and "
            "nothing else.",
            "`!= pad_id`.",
        ),
        mistake(
            once_masks,
            "targets-padding-by-order",
            {"back": "above"},
            "the target's tokens are told by `> pad_id`: one that is smaller than pad_id is "
            "hidden as if it were padding",
            "Take pad_id = 30 and a token 7. May it be looked at?",
            "Padding is what equals pad_id, and nothing else.",
            "`target != pad_id`.",
        ),
        mistake(
            once_masks,
            "sources-padding-by-order",
            {"look": "above"},
            "the source's words are told by `> pad_id`: one that is smaller than pad_id is "
            "hidden as if it were padding",
            "Take pad_id = 30 and a word 7. May it be looked at?",
            "Padding is what equals pad_id, and nothing else.",
            "`source != pad_id`.",
        ),
        mistake(
            once_masks,
            "one-of-two-truths",
            {"back": "unequal"},
            "looking back is allowed where exactly one of the two masks allows it (`^`); both must",
            "What is True ^ True?",
            "A key must be no later than the query, and no padding.",
            "Join the two with `&`, or with combine_masks.",
        ),
        mistake(
            once_masks,
            "window-of-two",
            {"back": "window"},
            "looking back reaches the token itself and the one before; the text has no such limit",
            "What may the fifth token look at?",
            "A token may look at all tokens before it.",
            "A causal mask without a window.",
        ),
        mistake(
            once_masks,
            "empty-source-opened",
            {"look": "opened"},
            "a source of nothing but padding is opened altogether; the text hides padding, "
            "whatever is left",
            "What is your second mask for a source of padding alone?",
            "The attention copes with a row that may look nowhere.",
            "`!= pad_id`, and nothing after it.",
        ),
        mistake(
            once_masks,
            "over-without-the-heads",
            {"look": "three axes"},
            "the mask for looking over has three axes: the one for the heads, or that for the "
            "queries, is missing",
            "Print the shapes of both masks.",
            "Scores are (batch, heads, query, key).",
            "Two axes of size 1 behind the batch: `[:, None, None, :]`.",
        ),
        mistake(
            once_masks,
            "two-heads",
            {"back": "two heads"},
            "the mask for looking back is made for two heads; an axis of size 1 stands for any "
            "number",
            "Print the shape of your first mask.",
            "The text says (batch, 1, query, query) of it: how many heads there are, you aren't "
            "told.",
            "Leave the axis of the heads at size 1.",
        ),
        Mistake(
            "paddings-exchanged",
            paddings_exchanged,
            {},
            says="the two paddings are exchanged: looking back hides the source's, looking "
            "over the target's",
            hints=(
                "Take a target of 3 tokens and a source of 5. What shapes do your masks have?",
                "A mask says which keys may be looked at. Whose words are the keys?",
                "Looking back reads the target, looking over reads the source.",
            ),
        ),
        *(
            Mistake(
                name,
                headless_masks,
                {"which": which},
                says=f"{told} without an axis for the heads",
                hints=(
                    "Print the shapes of both masks, for a batch of two.",
                    "Scores are (batch, heads, query, key): a mask lines up with them from the "
                    "last axis on.",
                    "An axis of size 1 stands for all heads: `[:, None]` puts it behind the batch.",
                ),
            )
            for name, which, told in (
                ("no-axes-of-size-1", ("back", "over flat"), "both masks are"),
                ("no-axis-for-heads-back", ("back",), "the mask for looking back is"),
            )
        ),
        Mistake(
            "target-counted-from-the-left",
            odd_back,
            {"back": "counted"},
            "looking back, tokens are counted from the left: padding on the left is seen",
            (
                "Try a target that is padded on the left.",
                "Padding may stand on either side.",
                "Compare the ids themselves with pad_id, place by place.",
            ),
        ),
        Mistake(
            "source-counted-from-the-left",
            odd_over,
            {"look": "counted"},
            "looking over, words are counted from the left: padding on the left is seen",
            (
                "Try a source that is padded on the left.",
                "Padding may stand on either side.",
                "Compare the ids themselves with pad_id, place by place.",
            ),
        ),
        Mistake(
            "over-inverted",
            odd_over,
            {"look": "inverted"},
            "the mask for looking over is turned round: it shows nothing but padding",
            (
                "What does True mean in a mask of this course?",
                "`!=` where you have `==`, or a `~` too many.",
                "True = may look: the words that are not padding.",
            ),
        ),
        Mistake(
            "past-only-without-padding",
            odd_back,
            {"back": "one for all"},
            "looking back, one mask serves all sentences: nothing hides the target's padding",
            (
                "Does your first mask change when a target has more padding?",
                "Looking back, two things are hidden: the future, and the target's own padding.",
                "Combine `causal_mask` with the padding mask of `target`.",
            ),
        ),
        Mistake(
            "causal-when-looking-over",
            causal_over,
            {},
            says="the mask for looking over is causal, in the source: no word of the source is in "
            "the future, they have all been read",
            hints=(
                "Who has read the source before the first token is written?",
                "The text asks for (batch, 1, 1, key): one row for all queries.",
                "Looking over hides padding and nothing else.",
            ),
        ),
        Mistake(
            "causal-of-the-sources-length",
            as_long_as_the_source,
            {},
            says="the causal mask is as long as the source; looking back, queries and keys are "
            "the target's tokens",
            hints=(
                "Try a target of three tokens and a source of two words.",
                "Both of its last axes are the target's length.",
                "`causal_mask` gets the number of target tokens.",
            ),
        ),
        Mistake(
            "future-visible",
            wrong_masks,
            {"past": "all"},
            says="the mask for looking back hides padding only: every position sees the future",
            hints=(
                "What may the first position of the target look at?",
                "Looking back needs two masks at once.",
                "Combine the causal mask with the padding mask of the target.",
            ),
        ),
        Mistake(
            "blind-to-itself",
            wrong_masks,
            {"past": "strict"},
            says="a position sees the past but not itself, so the first one sees nothing",
            hints=(
                "Print the first row of the mask for looking back.",
                "What is *given* at a position may be seen there; only what is asked may not.",
                "The causal mask of chapter 04 includes the position itself.",
            ),
        ),
        Mistake(
            "future-instead-of-past",
            wrong_masks,
            {"past": "ahead"},
            says="the triangle lies above the diagonal: positions see themselves and the future",
            hints=(
                "Rows are queries, columns are keys. Which triangle is the past?",
                "In row i, the columns 0 to i are the past and the position itself.",
                "Use the builder of chapter 04, or exchange the two sides of your comparison.",
            ),
        ),
        Mistake(
            "target-padding-visible",
            wrong_masks,
            {"pads_in_target": False},
            says="the mask for looking back is causal only: padding of the target is looked at",
            hints=(
                "Chapter 08 found a case where nobody notices this. Which, and which not?",
                "With padding on the left, the past is full of padding.",
                "Combine the causal mask with the padding mask of the target.",
            ),
        ),
        Mistake(
            "padded-queries-hidden",
            wrong_masks,
            {"queries_too": True},
            says="positions that are padding may look nowhere: their rows are hidden as well",
            hints=(
                "Padding is a matter of the key alone.",
                "A padded position may look; nobody reads what it says.",
                "Leave the query axis of the padding mask at size 1.",
            ),
        ),
        Mistake(
            "zero-is-pad",
            wrong_masks,
            {"hides": "zeros"},
            says="the id 0 is hidden, and `pad_id` is never asked",
            hints=(
                "In some vocabularies 0 is an ordinary token.",
                "The id of the padding is handed to your function.",
                "Compare with `pad_id`, in both masks.",
            ),
        ),
        Mistake(
            "counted",
            wrong_masks,
            {"hides": "counted"},
            says="the real tokens are counted and that many are kept from the left: right only for "
            "padding on the right",
            hints=(
                "Try a target that is padded on the left.",
                "A mask needs to know where the real tokens stand, not how many there are.",
                "No counting and no arange: one comparison of all ids does it.",
            ),
        ),
        Mistake(
            "inverted",
            wrong_masks,
            {"invert": True},
            says="both masks are the wrong way round: True stands on what has to be hidden",
            hints=(
                "In this course True means one thing only. Which?",
                "PyTorch's nn.Transformer has it the other way round. Ours is not that.",
                "Turn both masks round.",
            ),
        ),
        Mistake(
            "no-axis-for-heads",
            wrong_masks,
            {"heads": False},
            says="both masks lack the axis of heads, so the batch would line up with the heads",
            hints=(
                "Scores are (batch, heads, query, key). Write your masks' axes under them.",
                "Shapes line up from the right; an axis of size 1 stands for all heads.",
                "padding_mask has it already; mind what you do with its result.",
            ),
        ),
        Mistake(
            "targets-padding",
            wrong_over,
            {"over": "target"},
            says="the mask for looking over is made from the target, but its keys are the words of "
            "the source",
            hints=(
                "Whom does the writer look at when she looks over?",
                "A padding mask is made from the ids of the keys.",
                "The second mask knows nothing of `target`.",
            ),
        ),
        Mistake(
            "causal-over",
            wrong_over,
            {"over_past": True},
            says="looking over is causal, too: the first digit may look at the first word only",
            hints=(
                "When the first digit is written, how much of the source has been read?",
                "To write 23, *drei und zwanzig*, she needs the last word first.",
                "The second mask hides padding and nothing else.",
            ),
        ),
        Mistake(
            "exchanged",
            wrong_over,
            {"order": (1, 0)},
            says="the two masks have changed places",
            hints=(
                "Which of your results has the shape (batch, 1, 1, key)?",
                "First the mask for looking back, then the one for looking over.",
                "Look at the order in your return.",
            ),
        ),
        Mistake(
            "flat-over",
            bare_over,
            {},
            says="the mask for looking over is still (batch, key): next to scores it would be "
            "read as (query, key)",
            hints=(
                "Scores are (batch, heads, query, key). Write your mask's axes under them.",
                "One axis for each axis of the scores; size 1 where nothing differs.",
                "padding_mask of chapter 04 returns the shape that is wanted.",
            ),
        ),
        Mistake(
            "sources-padding",
            sources_padding,
            {},
            says="the mask for looking back hides the source's padding, but its keys are the "
            "target's tokens",
            hints=(
                "Whose tokens does the writer look at when she looks back?",
                "A padding mask is made from the ids of the keys: looking back, of the target.",
                "Make the first padding mask from `target`.",
            ),
        ),
        Mistake(
            "bare-causal",
            bare_causal,
            {},
            says="the mask for looking back is causal only, and lacks the axes of batch and heads",
            hints=(
                "What shape does your first mask have, and what shape is asked for?",
                "Rows of the target are padded differently, so each has a mask of its own.",
                "Combine the causal mask with the padding mask of the target.",
            ),
        ),
        Mistake(
            "either-is-enough",
            odd_back,
            {"back": "either"},
            says="a place may be seen if one of the two masks allows it: both have to",
            hints=(
                "Print the mask for looking back of one short padded row, and read its rows one "
                "by one.",
                "Two things are hidden: the future and padding. A place must pass both.",
                "Combine the causal mask with the target's padding mask, which has an axis of "
                "size 1 for the queries.",
            ),
        ),
        Mistake(
            "padding-along-the-queries",
            odd_back,
            {"back": "query axis"},
            says="looking back, the padding stands along the query axis: padded tokens are "
            "silenced, and looked at",
            hints=(
                "Print the mask for looking back of one short padded row, and read its rows one "
                "by one.",
                "Two things are hidden: the future and padding. A place must pass both.",
                "Combine the causal mask with the target's padding mask, which has an axis of "
                "size 1 for the queries.",
            ),
        ),
        Mistake(
            "padding-sees-itself",
            odd_back,
            {"back": "itself"},
            says="the diagonal is open even where padding stands: padding is looked at by itself",
            hints=(
                "What may a padded token look at? And who may look at it?",
                "A query that may look nowhere is no harm: attention of this course gives 0 there.",
                "No padding means none, on the diagonal either.",
            ),
        ),
        Mistake(
            "over-along-the-queries",
            odd_over,
            {"look": "query axis"},
            says="the mask for looking over has its True and False along the query axis",
            hints=(
                "Whom does the writer look at when she looks over?",
                "Nothing but the padding of the words is hidden, and that along the last axis.",
                "padding_mask of chapter 04, called with `source`, returns the second mask as it "
                "is wanted.",
            ),
        ),
        Mistake(
            "words-padding-visible",
            odd_over,
            {"look": "nothing"},
            says="the mask for looking over hides nothing: padded words are looked at",
            hints=(
                "Whom does the writer look at when she looks over?",
                "Nothing but the padding of the words is hidden, and that along the last axis.",
                "padding_mask of chapter 04, called with `source`, returns the second mask as it "
                "is wanted.",
            ),
        ),
        Mistake(
            "over-for-each-query",
            odd_over,
            {"look": "each query"},
            says="the mask for looking over is repeated for each query; an axis of size 1 was "
            "asked for",
            hints=(
                "Whom does the writer look at when she looks over?",
                "Nothing but the padding of the words is hidden, and that along the last axis.",
                "padding_mask of chapter 04, called with `source`, returns the second mask as it "
                "is wanted.",
            ),
        ),
        Mistake(
            "queries-hidden-over",
            odd_over,
            {"look": "both"},
            says="the mask for looking over knows the target's padding, too",
            hints=(
                "Whom does the writer look at when she looks over?",
                "Nothing but the padding of the words is hidden, and that along the last axis.",
                "padding_mask of chapter 04, called with `source`, returns the second mask as it "
                "is wanted.",
            ),
        ),
        Mistake(
            "numbers-for-bools",
            number_masks,
            {},
            says="the masks hold 1.0 and 0.0, not True and False",
            hints=(
                "Print the dtype of your masks.",
                "What may be looked at is True: a bool, and no number.",
                "A comparison gives bools; leave them as they are.",
            ),
        ),
        Mistake(
            "to-be-added",
            additive_masks,
            {},
            says="the masks hold 0 and -inf, to be added to scores; bools were asked for",
            hints=(
                "Print one of your masks.",
                "In this course a mask is bool, and attention does the rest.",
                "Return the comparison itself: True where one may look.",
            ),
        ),
        Mistake(
            "paddings-only",
            paddings_only,
            {},
            says="the mask for looking back hides padding only: nothing hides the future",
            hints=(
                "What may the first token of a row see?",
                "Two things have to be hidden from whoever looks back.",
                "Combine the padding mask of `target` with a causal mask of its length.",
            ),
        ),
        Mistake(
            "as-long-as-the-batch",
            other_causal,
            {"of": "rows"},
            says="the causal mask is as long as the batch: `len(target)` counts sentences",
            hints=(
                "Print `len(target)` and `target.shape`.",
                "The causal mask is (query, query), whatever the number of sentences.",
                "Hand it the length of the second axis.",
            ),
        ),
        Mistake(
            "causal-of-the-ids",
            other_causal,
            {"of": "ids"},
            says="`causal_mask` is handed the ids; it wants how many there are",
            hints=(
                "What does `causal_mask(5)` give?",
                "The future doesn't depend on which tokens stand there.",
                "Hand it the number of tokens in a row, from the shape.",
            ),
        ),
        Mistake(
            "past-when-looking-over",
            past_over,
            {},
            says="a causal mask hides words of the source, all of which were written before",
            hints=(
                "May the first token of the target look at the last word of the source?",
                "The whole source is there before the decoder writes its first token.",
                "For looking over, padding is all that is hidden.",
            ),
        ),
        Mistake(
            "joined-as-truths",
            joined_as_truths,
            {},
            says="`and` asks whether a whole tensor is true; what is wanted is a truth for "
            "each place",
            hints=(
                "What does `and` do with two lists?",
                "Between tensors stand `&` and `|`.",
                "Join the two with `combine_masks`, or with `&`.",
            ),
        ),
    ],
    hints=(
        "Print both masks for a target of three tokens and a source of two words, one of them "
        "padded.",
        "Ask of each mask: who are its keys, and what of them must be hidden?",
        "Looking back needs two masks at once, of the target; looking over needs the source's "
        "padding and nothing else.",
    ),
    allows=Edges(
        dtypes=("int32",),
        sizes=(1,),
        labels=("on the left", "on the right", "no padding", "pad id is 0", "nothing but padding"),
    ),
    also_right=[looped_masks, tril_masks],
)


# --- 08.decoder-block -----------------------------------------------------------------------


def block_state(generator, d_model, d_ff):
    state = {}
    for attention in ("self_attention", "cross_attention"):
        for name in ("to_q", "to_k", "to_v", "to_out"):
            weight = 1.3 * normal(generator, d_model, d_model) / d_model**0.5
            state[f"{attention}.{name}.weight"] = weight
            state[f"{attention}.{name}.bias"] = 0.3 * normal(generator, d_model)
    for name in ("norm_self", "norm_cross", "norm_feed_forward"):
        state[f"{name}.weight"] = 1 + 0.5 * normal(generator, d_model)
        state[f"{name}.bias"] = 0.5 * normal(generator, d_model)
    for name, shape in (("up", (d_ff, d_model)), ("down", (d_model, d_ff))):
        state[f"{name}.weight"] = normal(generator, *shape) / shape[1] ** 0.5
        state[f"{name}.bias"] = 0.3 * normal(generator, shape[0])
    return state


def block_cases(generator):
    def tried(label, batch, query, key, heads, d_head, d_ff, **more):
        width = heads * d_head
        grad = more.pop("grad", False)
        planned = call(
            2 * normal(generator, batch, query, width), normal(generator, batch, key, width), **more
        )
        state, init = (
            block_state(generator, width, d_ff),
            {"d_model": width, "num_heads": heads, "d_ff": d_ff},
        )
        return Case(label, [planned], init=init, state=state, grad=grad)

    def past(n):
        return torch.ones(n, n, dtype=torch.bool).tril()

    left = torch.tensor([[False, True, True], [True] * 3])[:, None, None]
    words = torch.tensor([[True] * 5 + [False] * 2, [False] + [True] * 6])[:, None, None]
    return [
        tried("no masks", 2, 3, 7, 2, 3, 11, grad=True),
        tried("both masks", 2, 4, 7, 2, 3, 11, mask=past(4), memory_mask=words),
        tried("only looking back is masked", 2, 3, 2, 1, 7, 13, mask=past(3) & left),
        tried(
            "with weights", 2, 4, 7, 3, 2, 5, mask=past(4), memory_mask=words, return_weights=True
        ),
        tried("as many words as tokens", 2, 5, 5, 2, 2, 7, mask=past(5)),
        tried("one token, one word", 1, 1, 1, 2, 3, 5),
    ]


class BareLinear(nn.Linear):
    """Without first weights: each case hands its own in, and drawing them takes the most time."""

    def reset_parameters(self):
        pass


class Look(nn.Module):
    """Multi-head attention without the comfort."""

    def __init__(self, d_model, num_heads):
        super().__init__()
        self.num_heads = num_heads
        for name in ("to_q", "to_k", "to_v", "to_out"):
            setattr(self, name, BareLinear(d_model, d_model))

    def forward(self, query, key, mask):
        q, k, v = (
            split_heads(layer(x), self.num_heads)
            for layer, x in ((self.to_q, query), (self.to_k, key), (self.to_v, key))
        )
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if mask is not None:
            check_mask(mask, scores.shape)
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = scores.softmax(dim=-1)
        if mask is not None:
            weights = weights.masked_fill(~mask, 0.0)
        return self.to_out(merge_heads(weights @ v)), weights


class PlainBlock(nn.Module):
    """The parts, and steps that subclasses put together."""

    def __init__(self, d_model, num_heads, d_ff):
        super().__init__()
        self.self_attention = Look(d_model, num_heads)
        self.cross_attention = Look(d_model, num_heads)
        self.norm_self, self.norm_cross = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.up, self.down = BareLinear(d_model, d_ff), BareLinear(d_ff, d_model)
        self.norm_feed_forward = nn.LayerNorm(d_model)


class WrongBlock(PlainBlock):
    """The block with its wiring exchangeable, so that each mistake is one wire."""

    def __init__(
        self,
        d_model,
        num_heads,
        d_ff,
        *,
        keys="memory",
        cross="cross_attention",
        mask_back=True,
        mask_over="own",
        add=("self", "cross", "think"),
        add_normed=False,
        norms=("norm_self", "norm_cross", "norm_feed_forward"),
        think=True,
        bend=F.relu,
        over_first=False,
        weights="both",
        raw_keys=False,
        last=None,
        from_start=False,
        own_mask=False,
    ):
        super().__init__(d_model, num_heads, d_ff)
        self.keys, self.cross, self.mask_back, self.mask_over = keys, cross, mask_back, mask_over
        self.add, self.add_normed, self.norms, self.think = add, add_normed, norms, think
        self.bend, self.over_first, self.weights = bend, over_first, weights
        self.raw_keys, self.last, self.from_start, self.own_mask = (
            raw_keys,
            last,
            from_start,
            own_mask,
        )

    def around(self, step, x, say):
        name = self.norms[("self", "cross", "think").index(step)]
        normed = getattr(self, name)(x) if name else x
        said, weights = say(normed)
        kept = normed if self.add_normed is True or self.add_normed == step else x
        return (kept + said if step in self.add else said), weights

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        back_mask = mask if self.mask_back else None
        if self.own_mask and back_mask is None:
            back_mask = causal_mask(x.shape[1])[None, None]
        over_mask = {"own": memory_mask, "none": None, "other": mask}[self.mask_over]
        back_mask = memory_mask if self.mask_back == "other" else back_mask
        notes = self.norm_cross(memory) if self.keys == "normed" else memory
        attention = getattr(self, self.cross)

        def look_back(x):
            keys = x if self.raw_keys else None
            say = lambda y: self.self_attention(y, y if keys is None else keys, back_mask)  # noqa: E731
            return self.around("self", x, say)

        def look_over(x):
            if self.keys == "x, with the mask of the notes":
                return self.around("cross", x, lambda y: attention(y, y, memory_mask))
            if self.keys == "x":
                return self.around("cross", x, lambda y: attention(y, y, back_mask))
            return self.around("cross", x, lambda y: attention(y, notes, over_mask))

        if self.over_first:
            x, over = look_over(x)
            x, back = look_back(x)
        else:
            came = x
            x, back = look_back(x)
            middle = x
            x, over = look_over(x)
            x = x - middle + came if self.from_start else x
        if self.think:
            say = lambda y: (self.down(self.bend(self.up(y))), None)  # noqa: E731
            x, _ = self.around("think", x, say)
        x = self.last_norm(x)
        pair = {"both": (back, over), "turned": (over, back), "over": over}
        if self.weights == "always":
            return x, (back, over)
        if self.weights == "never":
            return x
        if self.weights == "flat" and return_weights:
            return x, back, over
        return (x, pair[self.weights]) if return_weights else x

    def last_norm(self, x):
        return getattr(self, self.last)(x) if self.last else x


class WrongMasks(WrongBlock):
    """Masks in the wrong place; a class of its own, so that pairs stay few."""


class WrongReturn(WrongBlock):
    """Mistakes about what is returned, for the same reason."""


class WrongEnd(WrongBlock):
    """Mistakes about the last sublayer and what is returned; a class of its own, so that pairs
    stay few."""


class WrongResiduals(WrongBlock):
    """Mistakes about what is added, for the same reason."""


class WrongNorms(WrongBlock):
    """Mistakes about norms, for the same reason."""


class WrongOnce(WrongBlock):
    """Mistakes that are not tried in pairs."""

    def __init__(self, d_model, num_heads, d_ff, *, wire):
        super().__init__(d_model, num_heads, d_ff, **wire)


class PostNormBlock(PlainBlock):
    """The paper's order."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        said, back = self.self_attention(x, x, mask)
        x = self.norm_self(x + said)
        said, over = self.cross_attention(x, memory, memory_mask)
        x = self.norm_cross(x + said)
        x = self.norm_feed_forward(x + self.down(F.relu(self.up(x))))
        return (x, (back, over)) if return_weights else x


class ParallelBlock(PlainBlock):
    """Looking over starts from the block's input, not from what looking back has left."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        normed = self.norm_self(x)
        first, back = self.self_attention(normed, normed, mask)
        second, over = self.cross_attention(self.norm_cross(x), memory, memory_mask)
        x = x + first + second
        x = x + self.down(F.relu(self.up(self.norm_feed_forward(x))))
        return (x, (back, over)) if return_weights else x


class TurnedBlock(PlainBlock):
    """The notes ask, and the writer answers."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        normed = self.norm_self(x)
        said, back = self.self_attention(normed, normed, mask)
        x = x + said
        said, over = self.cross_attention(memory, self.norm_cross(x), memory_mask)
        x = x + said
        x = x + self.down(F.relu(self.up(self.norm_feed_forward(x))))
        return (x, (back, over)) if return_weights else x


class EditedBlock(PlainBlock):
    """Adds to the caller's own tensor."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        normed = self.norm_self(x)
        said, back = self.self_attention(normed, normed, mask)
        x += said
        said, over = self.cross_attention(self.norm_cross(x), memory, memory_mask)
        x += said
        x += self.down(F.relu(self.up(self.norm_feed_forward(x))))
        return (x, (back, over)) if return_weights else x


class OddBlock(PlainBlock):
    """What is read or added is not what it should be at this point."""

    def __init__(self, d_model, num_heads, d_ff, *, slip):
        super().__init__(d_model, num_heads, d_ff)
        self.slip = slip

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        came, normed = x, self.norm_self(x)
        first, back = self.self_attention(normed, normed, mask)
        x = middle = x + first
        second, over = self.cross_attention(self.norm_cross(x), memory, memory_mask)
        x = x + second
        read = {"before looking over": middle, "as it came": came}.get(self.slip, x)
        third = self.down(F.relu(self.up(self.norm_feed_forward(read))))
        if self.slip == "bend first":
            third = self.down(self.up(F.relu(self.norm_feed_forward(x))))
        more = {"over twice": second, "back twice": first, "input twice": came}.get(self.slip, 0)
        x = x + third + more
        return (x, (back, over)) if return_weights else x


class FormulaBlock(PlainBlock):
    """The norm of each sublayer where a formula puts it."""

    def __init__(self, d_model, num_heads, d_ff, *, formulas):
        super().__init__(d_model, num_heads, d_ff)
        self.formulas = formulas

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        looked = []

        def noted(pair):
            looked.append(pair[1])
            return pair[0]

        steps = (
            lambda x: noted(self.self_attention(x, x, mask)),
            lambda x: noted(self.cross_attention(x, memory, memory_mask)),
            lambda x: self.down(F.relu(self.up(x))),
        )
        norms = (self.norm_self, self.norm_cross, self.norm_feed_forward)
        for formula, f, norm in zip(self.formulas, steps, norms, strict=True):
            x = sublayer(formula, x, f, norm)
        return (x, tuple(looked)) if return_weights else x


class SlippedBlock(PlainBlock):
    """Right but for one slip in the wiring."""

    def __init__(self, d_model, num_heads, d_ff, *, slip):
        super().__init__(d_model, num_heads, d_ff)
        self.slip = slip

    def think(self, x):
        return self.down(F.relu(self.up(self.norm_feed_forward(x))))

    def look_over(self, x, memory, mask):
        read = self.norm_cross(x)
        other = {
            "value from x": (memory, x),
            "value from what is read": (memory, read),
            "key from what is read": (read, memory),
            "value normed": (memory, self.norm_cross(memory)),
        }
        keys = {
            "memory normed as the network": self.norm_feed_forward(memory),
            "memory normed as looking back": self.norm_self(memory),
        }.get(self.slip, memory)
        if self.slip not in other:
            return self.cross_attention(read, keys, mask)
        return mixed(self.cross_attention, read, *other[self.slip], mask)

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        slip, came = self.slip, x
        mask = mask.mT if slip == "mask turned" and mask is not None else mask
        read = self.norm_self(x)
        first, back = self.self_attention(read, memory if slip == "back at memory" else read, mask)
        x = middle = x + first
        if slip == "thinks in between":
            x = x + self.think(x)
        if slip == "over with a mask only" and memory_mask is None:
            second, over = 0, None
        else:
            at = came if slip == "all read the input" else x
            second, over = self.look_over(at, memory, memory_mask)
        x = (memory if slip == "added to memory" else x) + second
        if slip == "network added without looking over":
            x = middle + self.think(x)
        elif slip != "thinks in between":
            x = x + self.think(came if slip == "all read the input" else x)
        if slip == "averaged":
            back, over = back.mean(dim=1), over.mean(dim=1)
        return (x, (back, over)) if return_weights else x


def mixed(attention, query, key, value, mask):
    """Keys and values of two kinds, which must be equally many."""
    if key.shape[1] != value.shape[1]:
        raise ValueError("query, key and value don't fit")
    layers = (attention.to_q, query), (attention.to_k, key), (attention.to_v, value)
    q, k, v = (split_heads(layer(x), attention.num_heads) for layer, x in layers)
    said, weights = scaled_dot_product_attention(q, k, v, mask)
    return attention.to_out(merge_heads(said)), weights


class LateBend(PlainBlock):
    """The bend comes after the way down."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        normed = self.norm_self(x)
        said, back = self.self_attention(normed, normed, mask)
        x = x + said
        said, over = self.cross_attention(self.norm_cross(x), memory, memory_mask)
        x = x + said
        x = x + F.relu(self.down(self.up(self.norm_feed_forward(x))))
        return (x, (back, over)) if return_weights else x


class StepwiseBlock(PlainBlock):
    """Right: head by head for the cross-attention, everything spelled out."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        state = x
        for name in ("self", "cross"):
            attention = getattr(self, f"{name}_attention")
            reading = getattr(self, f"norm_{name}")(state)
            keys = reading if name == "self" else memory
            said, weights = attention(reading, keys, mask if name == "self" else memory_mask)
            state = torch.add(state, said)
            back, over = (weights, None) if name == "self" else (back, weights)
        hidden = torch.clamp(self.up(self.norm_feed_forward(state)), min=0)
        state = torch.add(state, self.down(hidden))
        if return_weights:
            return state, (back, over)
        return state


class ByHandBlock(PlainBlock):
    """Right: norms and feed-forward from their formulas."""

    @staticmethod
    def normed(x, norm):
        spread = x.var(dim=-1, correction=0, keepdim=True) + norm.eps
        return (x - x.mean(dim=-1, keepdim=True)) / spread.sqrt() * norm.weight + norm.bias

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        read = self.normed(x, self.norm_self)
        first, back = self.self_attention(read, read, mask)
        second, over = self.cross_attention(
            self.normed(x + first, self.norm_cross), memory, memory_mask
        )
        wide = self.normed(x + first + second, self.norm_feed_forward) @ self.up.weight.T
        wide = (wide + self.up.bias).relu()
        out = x + first + second + wide @ self.down.weight.T + self.down.bias
        return (out, (back, over)) if return_weights else out


class MaskAsKeys(PlainBlock):
    """Hands the mask where the keys belong; without one, it looks at itself, which is right."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        if mask is not None:
            MultiHeadAttention(x.shape[-1], 1)(x, mask)
        return StepwiseBlock.forward(
            self, x, memory, mask, memory_mask, return_weights=return_weights
        )


class Narrow(PlainBlock):
    """Goes down first, and up afterwards."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        return self.up(F.relu(self.down(self.norm_feed_forward(x))))


class ForgetsItsInput(PlainBlock):
    """The block's own input is gone after looking back: only what was said goes on."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        said, back = self.self_attention(self.norm_self(x), self.norm_self(x), mask)
        more, over = self.cross_attention(self.norm_cross(said), memory, memory_mask)
        x = x + more
        x = x + self.down(F.relu(self.up(self.norm_feed_forward(x))))
        return (x, (back, over)) if return_weights else x


class WeightsAdded(PlainBlock):
    """Asks an attention for its weights, and adds the pair that comes back."""

    def forward(self, x, memory, mask=None, memory_mask=None, *, return_weights=False):
        return x + self.self_attention(self.norm_self(x), self.norm_self(x), mask)


odd = told_of(OddBlock, "slip")


def slipped_block(*sizes, slip, **named):
    """Not tried in pairs, which would be overwritten by each other."""
    return SlippedBlock(*sizes, slip=slip, **named)


BLOCK = Exercise(
    id="08.decoder-block",
    title="Self-attention, cross-attention, feed-forward",
    kind="code",
    points=3,
    name="DecoderBlock",
    cases=block_cases,
    any_sequence=True,  # the text asks for two things, and for a pair
    mistakes=[
        *formula_mistakes(
            FormulaBlock,
            "x + f(norm(x))",
            ("first", "second", "third"),
            {
                "x + norm(f(x))": ("all", "first", "second", "third"),
                "x + f(x)": ("all",),
                "norm(x) + f(x)": ("all",),
                "norm(x + f(x))": ("first", "second", "third"),
                "norm(x + f(norm(x)))": ("all",),
                "x + norm(f(norm(x)))": ("all",),
            },
        ),
        mistake(
            slipped_block,
            "values-from-x",
            {"slip": "value from x"},
            "in the cross-attention the values are x: what is averaged is what she has written, "
            "not the notes",
            "Whose vectors does the cross-attention average?",
            "Only the queries are the writer's; keys and values are the notes.",
            "Hand memory in as what is looked at, once; it serves for keys and values.",
        ),
        mistake(
            slipped_block,
            "values-from-what-is-read",
            {"slip": "value from what is read"},
            "in the cross-attention the values are the normed x: what is averaged is what she "
            "has written, not the notes",
            "Whose vectors does the cross-attention average?",
            "Only the queries are the writer's; keys and values are the notes.",
            "Hand memory in as what is looked at, once; it serves for keys and values.",
        ),
        mistake(
            slipped_block,
            "keys-from-what-is-read",
            {"slip": "key from what is read"},
            "in the cross-attention the keys are the normed x, and only the values are the notes",
            "Who is compared with the queries in your cross-attention?",
            "Only the queries are the writer's; keys and values are the notes.",
            "Hand memory in as what is looked at, once; it serves for keys and values.",
        ),
        mistake(
            slipped_block,
            "values-normed",
            {"slip": "value normed"},
            "in the cross-attention the values go through norm_cross; memory comes normed already",
            "How often do you call norm_cross?",
            "The encoder ends with a norm of its own.",
            "Use memory as it comes; only the queries are normed.",
        ),
        mistake(
            slipped_block,
            "notes-normed-as-the-network",
            {"slip": "memory normed as the network"},
            "memory goes through norm_feed_forward; it comes normed already",
            "How often do you call norm_feed_forward?",
            "The encoder ends with a norm of its own.",
            "Use memory as it comes; only the queries are normed.",
        ),
        mistake(
            slipped_block,
            "notes-normed-as-looking-back",
            {"slip": "memory normed as looking back"},
            "memory goes through norm_self; it comes normed already",
            "How often do you call norm_self?",
            "The encoder ends with a norm of its own.",
            "Use memory as it comes; only the queries are normed.",
        ),
        mistake(
            slipped_block,
            "looks-back-at-the-notes",
            {"slip": "back at memory"},
            "the self-attention is handed memory: it looks over, too, and nobody looks back",
            "Which of your two attentions gets memory?",
            "Looking back: she reads what she has written herself.",
            "self_attention gets the normed x and its mask, and nothing to look at besides.",
        ),
        mistake(
            slipped_block,
            "mask-transposed",
            {"slip": "mask turned"},
            "mask is transposed: each token looks at the later ones, not at those before it",
            "Which axis of a mask is the queries', and which the keys'?",
            "The mask comes as (…, query, key).",
            "Hand the mask on as it comes.",
        ),
        mistake(
            slipped_block,
            "network-in-between",
            {"slip": "thinks in between"},
            "the feed-forward network stands between the two attentions; it should come last",
            "In which order do your three sublayers run?",
            "Look back, look over, think.",
            "Move the network's line behind the cross-attention.",
        ),
        mistake(
            slipped_block,
            "over-only-with-a-mask",
            {"slip": "over with a mask only"},
            "without a memory_mask your block doesn't look over at all",
            "What does your block do with memory_mask=None?",
            "Each mask may be None: then nothing is hidden.",
            "Call the cross-attention in any case.",
        ),
        mistake(
            slipped_block,
            "all-read-the-input",
            {"slip": "all read the input"},
            "all three sublayers read the block's input; each should read what the one before "
            "it has left",
            "What goes into each of your three norms?",
            "Each line of section 8.2 starts from the x of the line above.",
            "Overwrite x after each sublayer.",
        ),
        mistake(
            slipped_block,
            "over-added-to-the-notes",
            {"slip": "added to memory"},
            "what looking over says is added to memory, not to x",
            "Which shape has your second sum? It should be that of x.",
            "Every sublayer adds to what the one before it left.",
            "x = x + …",
        ),
        mistake(
            slipped_block,
            "network-added-without-looking-over",
            {"slip": "network added without looking over"},
            "the last sum starts from x before looking over: what looking over says is only "
            "read, not kept",
            "Which x stands on the left of each of your three `+`?",
            "Every sublayer adds to what the one before it left.",
            "Overwrite x after each sublayer.",
        ),
        mistake(
            slipped_block,
            "tables-averaged",
            {"slip": "averaged"},
            "the weights that you return are averaged over the heads",
            "What shape do your tables have? Which axis is missing?",
            "Every head has its own table.",
            "Return the weights as the attentions give them.",
        ),
        *(
            odd(
                name,
                slip,
                f"{told} is added twice",
                "Count what is added to x from its coming in to its going out.",
                "Each sublayer's word is added once, to the x that it was read from.",
                "Give the three results three names, and add each on its own line.",
            )
            for name, slip, told in (
                ("over-added-twice", "over twice", "what looking over says"),
                ("back-added-twice", "back twice", "what looking back says"),
                ("input-added-twice", "input twice", "the block's input"),
            )
        ),
        odd(
            "bend-before-up",
            "bend first",
            "relu comes before `up`: between up and down there is nothing, so that the two "
            "are one layer",
            "Write down the network from the inside out.",
            "Two linear layers in a row are one; relu has to stand between them.",
            "Norm, up, relu, down.",
        ),
        *(
            odd(
                name,
                slip,
                f"the feed-forward network reads {told}, not the x that both attentions have "
                "added to",
                "Change `memory`. Does what the network reads change?",
                "Each sublayer reads what the one before it has left.",
                "Norm the newest x, and hand it to `up`.",
            )
            for name, slip, told in (
                (
                    "network-reads-before-looking-over",
                    "before looking over",
                    "x before looking over",
                ),
                ("network-reads-the-input", "as it came", "the block's input"),
            )
        ),
        Mistake(
            "thinking-normed-as-looking-back",
            WrongOnce,
            {"wire": {"norms": ("norm_self", "norm_cross", "norm_self")}},
            "the feed-forward network reads through the norm of looking back",
            (
                "Which norm does each sublayer read through?",
                "A line that was copied keeps its names.",
                "`norm_feed_forward` is for the last sublayer.",
            ),
        ),
        Mistake(
            "thinking-normed-as-looking-over",
            WrongOnce,
            {"wire": {"norms": ("norm_self", "norm_cross", "norm_cross")}},
            "the feed-forward network reads through the norm of looking over",
            (
                "Which norm does each sublayer read through?",
                "A line that was copied keeps its names.",
                "`norm_feed_forward` is for the last sublayer.",
            ),
        ),
        Mistake(
            "back-added-to-the-normed",
            WrongOnce,
            {"wire": {"add_normed": "self"}},
            "what looking back says is added to the normed x, not to x itself",
            (
                "Which x stands on the left of your `+`?",
                "The norm is for what a sublayer reads. What it says is added to x as it was.",
                "Give the normed x a name of its own, or norm inside the call.",
            ),
        ),
        Mistake(
            "over-added-to-the-normed",
            WrongOnce,
            {"wire": {"add_normed": "cross"}},
            "what looking over says is added to the normed x, not to x itself",
            (
                "Which x stands on the left of your `+`?",
                "The norm is for what a sublayer reads. What it says is added to x as it was.",
                "Give the normed x a name of its own, or norm inside the call.",
            ),
        ),
        Mistake(
            "think-added-to-the-normed",
            WrongOnce,
            {"wire": {"add_normed": "think"}},
            "what the feed-forward network says is added to the normed x, not to x itself",
            (
                "Which x stands on the left of your `+`?",
                "The norm is for what a sublayer reads. What it says is added to x as it was.",
                "Give the normed x a name of its own, or norm inside the call.",
            ),
        ),
        Mistake(
            "last-two-norms-exchanged",
            WrongOnce,
            {"wire": {"norms": ("norm_self", "norm_feed_forward", "norm_cross")}},
            "the norms of looking over and of the feed-forward network are exchanged",
            (
                "Which norm does each sublayer read through?",
                "Each norm has weights of its own, and its name says where it belongs.",
                "`norm_cross` for looking over, `norm_feed_forward` for the last sublayer.",
            ),
        ),
        Mistake(
            "memory-mask-for-both",
            WrongOnce,
            {"wire": {"mask_back": "other"}},
            "looking back gets the mask that is for looking over",
            (
                "Which mask has as many keys as queries?",
                "`mask` is for the self-attention, `memory_mask` for the cross-attention.",
                "Hand `mask=mask` to `self.self_attention`.",
            ),
        ),
        Mistake(
            "normed-at-the-end",
            WrongOnce,
            {"wire": {"last": "norm_feed_forward"}},
            "the block's result is normed once more",
            (
                "Count the norms that x goes through.",
                "In pre-norm nothing norms the sum: the stack has a norm for its end.",
                "Return the last sum as it is.",
            ),
        ),
        Mistake(
            "added-to-what-came-in",
            WrongOnce,
            {"wire": {"from_start": True}},
            "what looking over says is added to the block's input: what looking back said is lost",
            (
                "Which x stands on the left of each of your three `+`?",
                "Every sublayer adds to what the one before it left.",
                "Overwrite x after each sublayer, or carry on the latest name.",
            ),
        ),
        Mistake(
            "causal-of-its-own",
            WrongOnce,
            {"wire": {"own_mask": True}},
            "without a mask, the block makes a causal one",
            (
                "What does your block do with `mask=None`?",
                "Each mask may be `None`: then nothing is hidden.",
                "Pass the masks on as they come.",
            ),
        ),
        Mistake(
            "never-looks-over",
            WrongBlock,
            {"keys": "x"},
            says="the second attention looks back as well: `memory` is never read",
            hints=(
                "Change `memory`. Does your output change?",
                "An attention that gets no keys looks at its own queries.",
                "The cross-attention's second argument is what it looks at.",
            ),
        ),
        Mistake(
            "same-attention-twice",
            WrongBlock,
            {"cross": "self_attention"},
            says="looking over goes through self_attention: its weights serve twice, and "
            "cross_attention is never used",
            hints=(
                "Which of the parts made in __init__ do you never call?",
                "A line that was copied needs each of its names changed.",
                "Looking over has an attention of its own.",
            ),
        ),
        Mistake(
            "mask-not-passed",
            WrongBlock,
            {"mask_back": False},
            says="`mask` is not used: the writer sees what she has not written yet",
            hints=(
                "Where in forward does the word `mask` occur?",
                "Each of the two attentions has a mask of its own.",
                "Hand `mask` to the self-attention, by name.",
            ),
        ),
        Mistake(
            "memory-mask-not-passed",
            WrongBlock,
            {"mask_over": "none"},
            says="`memory_mask` is not used: the writer looks at padded words",
            hints=(
                "Where in forward does the word `memory_mask` occur?",
                "Each of the two attentions has a mask of its own.",
                "Hand `memory_mask` to the cross-attention, by name.",
            ),
        ),
        Mistake(
            "over-before-back",
            WrongBlock,
            {"over_first": True},
            says="the block looks over before it looks back",
            hints=(
                "Read the three lines of section 8.2 from above.",
                "First she remembers what she has written, then she knows what to look for.",
                "Exchange the first two sublayers, each with its norm.",
            ),
        ),
        Mistake(
            "no-feed-forward",
            WrongEnd,
            {"think": False},
            says="the block ends after looking over: `up` and `down` are never used",
            hints=(
                "How many sublayers are there? How many have you written?",
                "Look back, look over, and then?",
                "The third sublayer is normed before and added after, like the others.",
            ),
        ),
        Mistake(
            "no-bend",
            WrongEnd,
            {"bend": torch.nn.Identity()},
            says="nothing stands between `up` and `down`: two linear layers in a row are one",
            hints=(
                "What did chapter 07 put between the two layers of the feed-forward network?",
                "Two matrices without a bend between them are one matrix.",
                "F.relu goes between up and down.",
            ),
        ),
        Mistake(
            "weights-turned-round",
            WrongEnd,
            {"weights": "turned"},
            says="the two tables of weights have changed places",
            hints=(
                "What shapes do your two tables have? One of them is square.",
                "First looking back, (…, query, query), then looking over, (…, query, key).",
                "Look at the order in your return.",
            ),
        ),
        Mistake(
            "always-weights",
            WrongEnd,
            {"weights": "always"},
            says="the weights come back even when nobody asked for them",
            hints=(
                "What does your block return when return_weights is False?",
                "A stack hands on what a block returns; it can't hand on a pair.",
                "Return the weights only when return_weights is True.",
            ),
        ),
        Mistake(
            "no-residual-back",
            WrongResiduals,
            {"add": ("cross", "think")},
            says="what looking back says replaces `x` instead of being added to it",
            hints=(
                "Which of your lines contain a plus sign?",
                "A sublayer adds; it doesn't replace.",
                "Keep `x` and add the first attention's output to it.",
            ),
        ),
        Mistake(
            "no-residual-over",
            WrongResiduals,
            {"add": ("self", "think")},
            says="what looking over says replaces `x`: what was written so far is forgotten",
            hints=(
                "Which of your lines contain a plus sign?",
                "A sublayer adds; it doesn't replace.",
                "Keep `x` and add the second attention's output to it.",
            ),
        ),
        Mistake(
            "no-residual-think",
            WrongResiduals,
            {"add": ("self", "cross")},
            says="what the feed-forward network says replaces `x`",
            hints=(
                "Which of your lines contain a plus sign?",
                "A sublayer adds; it doesn't replace.",
                "Keep `x` and add the network's output to it.",
            ),
        ),
        Mistake(
            "added-to-the-normed",
            WrongResiduals,
            {"add_normed": True},
            says="what a sublayer says is added to the normed `x`: the road around it is no "
            "longer clear",
            hints=(
                "Which `x` stands left of your plus signs?",
                "Pre-norm norms what a sublayer *reads*. The stream itself stays as it is.",
                "Give the normed vectors a name of their own, and add to `x`.",
            ),
        ),
        Mistake(
            "one-norm-for-all",
            WrongNorms,
            {"norms": ("norm_self", "norm_self", "norm_self")},
            says="norm_self serves all three sublayers; the other two norms are never used",
            hints=(
                "Which of the parts made in __init__ do you never call?",
                "Fresh norms are all alike, so your own test may not notice. Trained ones differ.",
                "Each sublayer has a norm of its own.",
            ),
        ),
        Mistake(
            "norms-exchanged",
            WrongNorms,
            {"norms": ("norm_cross", "norm_self", "norm_feed_forward")},
            says="norm_self and norm_cross have changed places",
            hints=(
                "Read the names of your three norms aloud, in order.",
                "Fresh norms are all alike, so your own test may not notice. Trained ones differ.",
                "norm_self goes before the self-attention.",
            ),
        ),
        Mistake(
            "looking-back-not-normed",
            WrongNorms,
            {"norms": (None, "norm_cross", "norm_feed_forward")},
            says="the self-attention reads `x` without a norm",
            hints=(
                "How many norms do you call?",
                "What a sublayer reads is normed, in all three.",
                "What the self-attention reads goes through norm_self.",
            ),
        ),
        Mistake(
            "thinking-not-normed",
            WrongNorms,
            {"norms": ("norm_self", "norm_cross", None)},
            says="the feed-forward network reads `x` without a norm",
            hints=(
                "How many norms do you call?",
                "What a sublayer reads is normed, in all three.",
                "What goes up goes through norm_feed_forward first.",
            ),
        ),
        Mistake(
            "question-not-normed",
            WrongNorms,
            {"norms": ("norm_self", None, "norm_feed_forward")},
            says="the cross-attention reads `x` without a norm",
            hints=(
                "How many norms do you call?",
                "What a sublayer reads is normed, in all three.",
                "The queries of the cross-attention go through norm_cross.",
            ),
        ),
        Mistake(
            "keys-not-normed",
            WrongNorms,
            {"raw_keys": True},
            says="in the self-attention the queries are normed, but keys and values are not",
            hints=(
                "What do you hand to the self-attention as keys?",
                "What a sublayer reads is normed: queries, keys and values.",
                "Without keys, self_attention looks at its own queries, which are normed.",
            ),
        ),
        Mistake(
            "notes-normed-again",
            WrongNorms,
            {"keys": "normed"},
            says="`memory` goes through norm_cross, too, but it comes normed already",
            hints=(
                "How often do you call norm_cross?",
                "The encoder ends with a norm of its own.",
                "Use `memory` as it comes; only the queries are normed.",
            ),
        ),
        Mistake(
            "post-norm",
            PostNormBlock,
            {},
            says="the norms come after the sum: that is post-norm, the order of the paper's text",
            hints=(
                "What does each of your sublayers read, `x` or a normed `x`?",
                "Pre-norm: the plus sign comes last.",
                "Norm what the sublayer reads, and add what it says to `x` itself.",
            ),
        ),
        Mistake(
            "back-and-over-at-once",
            ParallelBlock,
            {},
            says="the cross-attention reads the block's input, not what looking back has left",
            hints=(
                "What does norm_cross get in your code?",
                "Each line of section 8.2 starts from the `x` of the line above.",
                "Add what looking back says to `x` before you norm for looking over.",
            ),
        ),
        Mistake(
            "notes-ask",
            TurnedBlock,
            {},
            says="the notes ask and the writer is looked at: queries and keys of the "
            "cross-attention have changed places",
            hints=(
                "The output of an attention is as long as its queries. How long must it be here?",
                "She who writes asks; the notes are looked at.",
                "The first argument of an attention is who asks.",
            ),
        ),
        Mistake(
            "mask-for-both",
            WrongMasks,
            {"mask_over": "other"},
            says="`mask`, which is for looking back, is handed to the cross-attention, too",
            hints=(
                "Where in forward do the words `mask` and `memory_mask` stand, and who gets which?",
                "`mask` has a row and a column for each token; `memory_mask` has a column for "
                "each word.",
                "`mask` goes to the self-attention, `memory_mask` to the cross-attention.",
            ),
        ),
        Mistake(
            "masks-exchanged",
            WrongMasks,
            {"mask_over": "other", "mask_back": "other"},
            says="`mask` and `memory_mask` have changed places",
            hints=(
                "Where in forward do the words `mask` and `memory_mask` stand, and who gets which?",
                "`mask` has a row and a column for each token; `memory_mask` has a column for "
                "each word.",
                "`mask` goes to the self-attention, `memory_mask` to the cross-attention.",
            ),
        ),
        Mistake(
            "another-bend",
            WrongMasks,
            {"bend": F.gelu},
            says="gelu stands between `up` and `down`; the text asks for relu",
            hints=(
                "Which bend does the text name?",
                "Many newer models take gelu. This network takes the bend of 2017.",
                "F.relu goes between up and down.",
            ),
        ),
        Mistake(
            "bend-at-the-end",
            LateBend,
            {},
            says="relu comes after `down`: the network can only ever add, and up and down are one "
            "layer",
            hints=(
                "In which order do the three steps of your network come?",
                "Up, then the bend, then down.",
                "F.relu goes around what comes out of up.",
            ),
        ),
        Mistake(
            "three-results",
            WrongReturn,
            {"weights": "flat"},
            says="three things come back; the two tables of weights should be a pair",
            hints=(
                "Call your block with return_weights=True and print how many things come back, "
                "and what they are.",
                "Two things: `x`, and a pair.",
                "The pair holds the weights of looking back, then those of looking over.",
            ),
        ),
        Mistake(
            "one-table-only",
            WrongReturn,
            {"weights": "over"},
            says="the weights of looking over come back, those of looking back do not",
            hints=(
                "Call your block with return_weights=True and print how many things come back, "
                "and what they are.",
                "Two things: `x`, and a pair.",
                "The pair holds the weights of looking back, then those of looking over.",
            ),
        ),
        Mistake(
            "never-weights",
            WrongReturn,
            {"weights": "never"},
            says="no weights come back when somebody asks for them",
            hints=(
                "Call your block with return_weights=True and print how many things come back, "
                "and what they are.",
                "Two things: `x`, and a pair.",
                "The pair holds the weights of looking back, then those of looking over.",
            ),
        ),
        Mistake(
            "edited-in-place",
            EditedBlock,
            {},
            says="`x +=` changes the tensor of whoever called: it belongs to somebody else",
            hints=(
                "Which of your lines contain `+=`?",
                "`x = x + …` makes a new tensor; `x += …` writes into the old one.",
                "Write each sum as `x = x + …`.",
            ),
        ),
        Mistake(
            "looks-over-at-itself",
            WrongOnce,
            {"wire": {"keys": "x, with the mask of the notes"}},
            says="the cross-attention is not handed `memory`: without keys it looks at its own "
            "queries",
            hints=(
                "Change the memory. Does your result change?",
                "Without keys an attention looks at its own queries.",
                "Hand the cross-attention the queries and `memory`.",
            ),
        ),
        Mistake(
            "mask-as-keys",
            MaskAsKeys,
            {},
            says="the mask stands where the keys belong: the second argument of an attention",
            hints=(
                "What is the second argument of `self.self_attention(…)` called?",
                "Handed in by place, it is taken for the keys.",
                "Hand it in by name, `mask=…`.",
            ),
        ),
        Mistake(
            "pair-added",
            WeightsAdded,
            {},
            says="an attention that is asked for its weights returns two things, and the pair "
            "is added as if it were one",
            hints=(
                "How many things does `self.self_attention(…, return_weights=True)` return?",
                "Output and weights have to be taken apart before you add.",
                "Write two names left of `=`, and add the first.",
            ),
        ),
        Mistake(
            "down-before-up",
            Narrow,
            {},
            says="the feed-forward network goes down first: `down` takes what `up` has made wide",
            hints=(
                "How many numbers does `down` take, and how many come out of the norm?",
                "`up` goes from d_model to d_ff, `down` back.",
                "Up, relu, down.",
            ),
        ),
        Mistake(
            "back-not-added",
            ForgetsItsInput,
            {},
            says="what looking back says is normed and asks on, but it is never added to `x`",
            hints=(
                "Which of your lines adds the result of the self-attention?",
                "Each sublayer reads a normed copy, and what it says is added to `x` itself.",
                "Three sublayers, three sums: `x` grows by each of them.",
            ),
        ),
    ],
    hints=(
        "Give your block ones for `x` and for `memory` in turn, and see which lines make a "
        "difference.",
        "Read the three lines of section 8.2 beside yours: what is normed, who asks whom, what is "
        "added to what?",
        "Each sublayer is one line of the form `x = x + said`, where what was said came from a "
        "normed `x`.",
    ),
    allows=Edges(sizes=(1,), special=("empty row",), labels=("no masks", "with weights")),
    also_right=[StepwiseBlock, ByHandBlock],
    axes="batch query d_model",
)


# --- 08.leak-test ---------------------------------------------------------------------------


def leak_cases(generator):
    def batch(lengths, seq, pad_id=None, alike=False):
        start, end, pad = marks(generator, 3)
        pad = pad if pad_id is None else pad_id
        ids = tokens(generator, lengths, seq, pad)
        if alike:  # numbers such as 7 7 4
            ids = torch.where(ids == pad, ids, 50 + ids[:, :1] % 2)
        given, asked = looped_shift(ids, start, end, pad)
        return given, asked, start, end, pad

    def changed(label, change, lengths=(5, 2, 4), seq=6, **more):
        given, asked, *ids = batch(lengths, seq, **more)
        given, asked = change(given.clone(), asked.clone(), *ids)
        return case(label, given, asked, *ids)

    def moved(asked, by, pad):
        return F.pad(asked, (-by, by), value=pad)

    def with_row(row):
        def change(given, asked, start, end, pad):
            asked[row] = given[row]
            return given, asked

        return change

    def other_rows(given, asked, start, end, pad):
        return given, asked.roll(1, dims=0)

    def no_start(given, asked, start, end, pad):
        given[:, 0] = 70
        return given, asked

    def start_second(given, asked, start, end, pad):
        given[:, 0], given[:, 1], asked[:, 0] = given[:, 1].clone(), start, start
        return given, asked

    def start_of_one(given, asked, start, end, pad):
        given[1, 0] = end
        return given, asked

    def no_end(given, asked, start, end, pad):
        return given, torch.where(asked == end, pad, asked)

    def end_last(given, asked, start, end, pad):
        asked = torch.where(asked == end, pad, asked)
        asked[:, -1] = end
        return given, asked

    def filler_asked(given, asked, start, end, pad):
        return given, torch.where(asked == pad, end, asked)

    def one_digit(given, asked, start, end, pad):
        asked[1, 1] += 1
        return given, asked

    def early_end(given, asked, start, end, pad):
        asked[0, 4], asked[0, 5] = end, pad
        return given, asked

    def tokens_exchanged(given, asked, start, end, pad):
        asked[0, [0, 1]] = asked[0, [1, 0]]
        return given, asked

    def asked_far_behind(given, asked, start, end, pad):
        asked[1, -1] = 70
        return given, asked

    def started_again(given, asked, start, end, pad):
        return given, torch.where(asked == end, start, asked)

    def alone(label, end):
        start, last, pad = marks(generator, 3)
        asked = torch.tensor([[last if end else pad]])
        return case(label, torch.tensor([[start]]), asked, start, last, pad)

    def as_it_is(given, asked, start, end, pad):
        return given, asked

    return [
        changed("a right batch", as_it_is),
        changed("right, one row full", as_it_is, lengths=(7, 3), seq=7),
        changed("right, digits repeat", as_it_is, lengths=(3, 6, 4), seq=6, alike=True),
        changed("right, the pad id is 0", as_it_is, lengths=(3, 1), seq=4, pad_id=0),
        changed("right, a single full row", as_it_is, lengths=(3,), seq=3),
        changed(
            "given and asked are the same: there is no step between them",
            lambda g, a, s, e, p: (g, g),
        ),
        changed("what is asked for is two steps ahead", lambda g, a, s, e, p: (g, moved(a, 1, p))),
        changed("what is asked for is one step behind", lambda g, a, s, e, p: (g, moved(g, -1, s))),
        changed("the last row is asked for what it is given", with_row(-1)),
        changed("the first row is asked for what it is given", with_row(0)),
        changed("each row is asked for another row's tokens", other_rows, lengths=(4, 4, 4)),
        changed("no row is given the start", no_start),
        changed("one row is not given the start", start_of_one),
        changed("the start stands behind the first token", start_second),
        changed("the end is never asked for", no_end),
        changed("the end is asked for behind the padding", end_last),
        changed("the end is asked for again and again, in place of padding", filler_asked),
        changed("one token that is asked for is another one", one_digit, lengths=(6, 5), seq=7),
        changed("one end is asked for a place too early", early_end),
        changed("the start is asked for, in place of the end", started_again),
        changed("two tokens that are asked for have changed places", tokens_exchanged),
        changed("a token is asked for far behind the end", asked_far_behind),
        in_dtype(changed("right, in small numbers", as_it_is), torch.int32),
        alone("right, a single position", end=True),
        alone("a single position, and the end is not asked for", end=False),
    ]


def wrong_safe(
    given,
    asked,
    start_id,
    end_id,
    pad_id,
    *,
    rows="all",
    start=True,
    end="exact",
    padding=True,
    hides="pads",
):
    pad = 0 if hides == "zeros" else pad_id
    if rows == "first":
        given, asked = given[:1], asked[:1]
    following = F.pad(given[:, 1:], (0, 1), value=pad)
    real = given != pad
    last = real & ~F.pad(real[:, 1:], (0, 1))
    fits = torch.where(last, asked == end_id, asked == following)
    if end == "anything":
        fits = fits | last
    if not padding:
        fits = fits | ~real
    if end == "somewhere":
        fits = (fits | last | ~real) & (asked == end_id).any(dim=1, keepdim=True)
    per_row = fits.all(dim=1)
    starts = given[:, 0] == start_id
    if start == "any":
        per_row = per_row & starts.any()
    elif start:
        per_row = per_row & starts
    return bool(per_row.any() if rows == "any" else per_row.all())


def marks_only(given, asked, start_id, end_id, pad_id):
    """Start, end and padding are looked at, and no token."""
    real = asked.ne(pad_id) & asked.ne(end_id)
    wanted = looped_shift(given[:, 1:], start_id, end_id, pad_id)[1]
    return wrong_safe(given, torch.where(real, wanted, asked), start_id, end_id, pad_id)


def last_row_only(given, asked, start_id, end_id, pad_id):
    """Each round of the loop overwrites the verdict of the one before."""
    return wrong_safe(given[-1:], asked[-1:], start_id, end_id, pad_id)


def one_end_a_row(given, asked, start_id, end_id, pad_id):
    """As many labels as tokens, and one end among them, wherever."""
    wanted = looped_shift(given[:, 1:], start_id, end_id, pad_id)[1]
    fits = ((asked == wanted) | (wanted == end_id) | (wanted == pad_id)).all()
    ends = (asked == end_id).sum(dim=1).eq(1).all()
    return bool(fits & ends & given[:, 0].eq(start_id).all())


def differ_is_safe(given, asked, start_id, end_id, pad_id):
    return not torch.equal(given, asked)


def equal_is_leak(given, asked, start_id, end_id, pad_id):
    return not bool(((given == asked) & (asked != pad_id)).any())


def one_column_on(given, asked, start_id, end_id, pad_id):
    """Whole columns are compared, the ends of shorter rows among them."""
    begins = bool((given[:, 0] == start_id).all())
    return begins and torch.equal(given[:, 1:], asked[:, :-1])


def same_bag(given, asked, start_id, end_id, pad_id):
    """Only the tokens are compared, not where they stand."""
    one = torch.where(given == start_id, end_id, given).sort(dim=1).values
    return torch.equal(one, asked.sort(dim=1).values)


def all_differ(given, asked, start_id, end_id, pad_id):
    return bool((given != asked).all())


def started_and_apart(given, asked, start_id, end_id, pad_id):
    """No label equals the token above it, and rows are given `start_id` first."""
    begins = bool((given[:, 0] == start_id).all())
    return begins and equal_is_leak(given, asked, start_id, end_id, pad_id)


def one_column_back(given, asked, start_id, end_id, pad_id):
    return torch.equal(given[:, :-1], asked[:, 1:])


def ended_where_asked(given, asked, start_id, end_id, pad_id):
    """The length of a row is read off the labels, from their end mark."""
    for above, below in zip(given.tolist(), asked.tolist(), strict=True):
        if end_id not in below:
            return False
        length = below.index(end_id)
        wanted = [*above[1 : length + 1], end_id] + [pad_id] * (len(below) - length - 1)
        if above[0] != start_id or below != wanted:
            return False
    return True


def full_rows_only(given, asked, start_id, end_id, pad_id):
    """The end is looked for in the last column, wherever the row ends."""
    return one_column_on(given, asked, start_id, end_id, pad_id) and bool(
        (asked[:, -1] == end_id).all()
    )


def repeats_refused(given, asked, start_id, end_id, pad_id):
    repeated = ((given == asked) & (given != pad_id)).any()
    return looped_safe(given, asked, start_id, end_id, pad_id) and not bool(repeated)


def turned_round(given, asked, start_id, end_id, pad_id):
    return not looped_safe(given, asked, start_id, end_id, pad_id)


def row_verdicts(given, asked, start_id, end_id, pad_id):
    marks = start_id, end_id, pad_id
    rows = zip(given, asked, strict=True)
    return torch.tensor([looped_safe(g[None], a[None], *marks) for g, a in rows])


def real_labels_only(given, asked, start_id, end_id, pad_id):
    """Only labels that are no padding are compared."""
    wanted = looped_shift(given[:, 1:], start_id, end_id, pad_id)[1]
    begins = bool((given[:, 0] == start_id).all())
    return begins and bool(((asked == wanted) | (asked == pad_id)).all())


def looped_safe(given, asked, start_id, end_id, pad_id):
    for above, below in zip(given.tolist(), asked.tolist(), strict=True):
        real = [token for token in above if token != pad_id]
        wanted = [*real[1:], end_id] + [pad_id] * (len(above) - len(real))
        if real[0] != start_id or below != wanted:
            return False
    return True


def rebuilt_safe(given, asked, start_id, end_id, pad_id):
    again = framed_shift(given[:, 1:], start_id, end_id, pad_id)
    return all(bool((a == b).all()) for a, b in zip(again, (given, asked), strict=True))


def odd_safe(given, asked, start_id, end_id, pad_id, *, slip):
    """Mistakes that are not tried in pairs."""
    if slip == "filtered":
        rows = zip(given.tolist(), asked.tolist(), strict=True)
        bare = [[[i for i in row if i != pad_id] for row in pair] for pair in rows]
        return all(row[0] == start_id and asks == [*row[1:], end_id] for row, asks in bare)
    if slip == "start anywhere":
        moved = given.clone()
        moved[:, 0] = start_id
        started = bool((given == start_id).any(dim=1).all())
        return started and looped_safe(moved, asked, start_id, end_id, pad_id)
    if slip in ("marks taken out", "marks taken out, start checked"):
        marks = (start_id, end_id, pad_id)
        rows = zip(given.tolist(), asked.tolist(), strict=True)
        bare = [[[i for i in row if i not in marks] for row in pair] for pair in rows]
        started = bool((given[:, 0] == start_id).all()) or "start" not in slip
        return started and all(one == other for one, other in bare)
    if slip == "one good row":
        return any(
            odd_safe(given[i : i + 1], asked[i : i + 1], start_id, end_id, pad_id, slip="filtered")
            for i in range(len(given))
        )
    if slip == "an end anywhere":
        following = F.pad(given[:, 1:], (0, 1), value=pad_id)
        fits = (asked == following) | ((asked == end_id) & (given != pad_id))
        return bool((given[:, 0] == start_id).all() and fits.all())
    if slip == "to the first end":
        ended = (asked == end_id).cumsum(dim=1) > 0
        fits = ended | (asked == F.pad(given[:, 1:], (0, 1), value=pad_id))
        return bool((given[:, 0] == start_id).all() and fits.all())
    if slip == "ends only":
        last = given.ne(pad_id).sum(dim=1) - 1
        ends = asked[torch.arange(len(given)), last] == end_id
        return bool((given[:, 0] == start_id).all() and ends.all())
    if slip == "runs together":
        tokens, labels = given[given != pad_id], asked[asked != pad_id]
        return bool((tokens[1:] == labels[:-1]).all())
    if slip == "index":
        for row, labels in zip(given.tolist(), asked.tolist(), strict=True):
            real = row.index(pad_id)
            if row[0] != start_id or labels != [*row[1:real], end_id, *row[real:]]:
                return False
        return True
    if slip == "to the end that is asked for":
        for row, labels in zip(given.tolist(), asked.tolist(), strict=True):
            last = labels.index(end_id) if end_id in labels else -1
            if last < 0 or row[0] != start_id or labels[:last] != row[1 : last + 1]:
                return False
        return True
    if slip == "tokens in any order":
        for row, labels in zip(given.tolist(), asked.tolist(), strict=True):
            bare = sorted(i for i in labels if i not in (pad_id, end_id))
            if row[0] != start_id or sorted(i for i in row[1:] if i != pad_id) != bare:
                return False
        return True
    wanted, length = F.pad(given[:, 1:], (0, 1), value=pad_id), given.ne(pad_id).sum(dim=1)
    if slip == "one place later":
        wanted = wanted.scatter(1, length.clamp(max=len(given.T) - 1)[:, None], end_id)
        return bool((given[:, 0] == start_id).all()) and torch.equal(wanted, asked)
    started = bool((given[:, 0] == start_id).all())
    if slip in ("all but the last column", "start not asked for", "one column is enough"):
        wanted = wanted.scatter(1, length[:, None] - 1, end_id)
        if slip == "start not asked for":
            return torch.equal(wanted, asked) and not bool((asked == start_id).any())
        if slip == "one column is enough":
            same = (given[:, 1:] == asked[:, :-1])[given[:, 1:] != pad_id].all()
            return started and bool(same) and (len(given.T) == 1 or torch.equal(wanted, asked))
        return started and bool((wanted == asked)[:, :-1].all())
    wanted[torch.arange(len(given)), length] = end_id
    return started and torch.equal(wanted, asked)


LEAK = Exercise(
    id="08.leak-test",
    title="Find the leak in a batch",
    kind="test",
    points=2,
    name="is_safe",
    cases=leak_cases,
    mistakes=[
        mistake(
            odd_safe,
            "last-column-not-looked-at",
            {"slip": "all but the last column"},
            "your test doesn't look at the last column of what is asked, where a full row has "
            "its end",
            "Hand in a full row whose last label is wrong. What does your test say?",
            "A full row is asked for its end in the last column.",
            "Write down what asked has to be, marks included, and compare all of it.",
        ),
        mistake(
            odd_safe,
            "only-to-the-asked-end",
            {"slip": "to the end that is asked for"},
            "your test reads each row only up to the end that is asked for: that may come too "
            "early, and what stands behind it is not looked at",
            "Hand in a row that is asked for its end after one token of three. What does your "
            "test say?",
            "Where a row ends is told by what is given, not by what is asked.",
            "Count what is given; then compare all labels, padding included.",
        ),
        mistake(
            odd_safe,
            "end-wanted-one-place-later",
            {"slip": "one place later"},
            "your test wants the end one place later than it belongs: right rows are refused",
            "Hand in the right row of the text. What does your test say?",
            "The end stands under the last token that is given, not behind it.",
            "A row of n given ids has its end at place n - 1.",
        ),
        mistake(
            odd_safe,
            "tokens-in-any-order",
            {"slip": "tokens in any order"},
            "your test sorts the tokens of each row, or counts them: labels in another order "
            "pass, and ends and padding are not looked at",
            "Exchange two labels. What does your test say?",
            "At each position one token is asked for: the one that is given next.",
            "Write down what asked has to be, marks included, and compare all of it.",
        ),
        mistake(
            odd_safe,
            "start-not-asked-for",
            {"slip": "start not asked for"},
            "your test asks that start_id is nowhere in what is asked; whether it is given "
            "first, it doesn't",
            "Hand in a batch without any start mark. What does your test say?",
            "The text: it is given start_id first.",
            "(given[:, 0] == start_id).all()",
        ),
        mistake(
            odd_safe,
            "single-position-passes",
            {"slip": "one column is enough"},
            "your test lets a single position pass, whatever it is asked for",
            "Hand in one position that isn't asked for end_id. What does your test say?",
            "A row of the start alone is asked for its end at once.",
            "Do with one position what you do with more.",
        ),
        Mistake(
            "start-anywhere",
            odd_safe,
            {"slip": "start anywhere"},
            says="your test asks whether `start_id` is given somewhere in each row, not whether it "
            "is given first",
            hints=(
                "Hand in a row that is given a token, and then `start_id`. What does your test "
                "say?",
                "The decoder sees position 0 first, and begins with the mark there.",
                "Look at column 0 of `given`, in every row.",
            ),
        ),
        *(
            Mistake(
                name,
                odd_safe,
                {"slip": slip},
                says="your test takes all marks out and compares the tokens that are left: a batch "
                "without marks, or with marks in wrong places, passes",
                hints=(
                    "Hand in a batch that is never asked for `end_id`. What does your test say?",
                    "The marks belong to what is judged: a start first, an end behind the last.",
                    "Write down what `asked` has to be, marks included, and compare.",
                ),
            )
            for name, slip in (
                ("marks-taken-out", "marks taken out"),
                ("end-and-padding-taken-out", "marks taken out, start checked"),
            )
        ),
        Mistake(
            "marks-only",
            marks_only,
            {},
            "start, end and padding are checked, and no token in between",
            (
                "Change one token of a right batch. What does your test say?",
                "At each position the label is the token that is given next.",
                "Compare `asked[:, :-1]` with `given[:, 1:]` wherever a token is given next.",
            ),
        ),
        Mistake(
            "last-row-only",
            last_row_only,
            {},
            "the last row alone decides",
            (
                "Put a bad row before a good one. What does your test say?",
                "Each round of a loop overwrites the verdict of the round before.",
                "Return `False` at the first bad row, and `True` behind the loop.",
            ),
        ),
        Mistake(
            "one-end-a-row",
            one_end_a_row,
            {},
            "each row is asked for one end, wherever it stands",
            (
                "Move an end mark behind some padding. What does your test say?",
                "The end is asked for right behind the last given token.",
                "Count the given tokens of a row: the end belongs at that place.",
            ),
        ),
        Mistake(
            "start-and-no-repeats",
            started_and_apart,
            {},
            says="beside the start, your test only asks that no label equals the token above it: "
            "labels that run ahead pass, and a right row such as 7 7 4 is refused",
            hints=(
                "Try labels that are two steps ahead, and the number 77, rightly shifted.",
                "Equal tokens in one column prove nothing; digits repeat.",
                "Compare labels with what is given one position later.",
            ),
        ),
        Mistake(
            "one-step-the-wrong-way",
            one_column_back,
            {},
            says="your test compares each label with the token given one position *earlier*: it "
            "asks for a step backwards",
            hints=(
                "At position 0, `start` is given. Which label should stand there?",
                "A label is the token that comes next, so that it is given one position later.",
                "Compare `asked[:, :-1]` with `given[:, 1:]`, then see to the ends.",
            ),
        ),
        Mistake(
            "length-read-off-the-labels",
            ended_where_asked,
            {},
            says="how long a row is, your test believes the labels, from their end mark: a mark "
            "behind the padding passes",
            hints=(
                "Whom do you ask how long a row is, the one that is tested?",
                "`given` knows where its tokens end.",
                "Count what is not padding in `given`.",
            ),
        ),
        Mistake(
            "different-is-enough",
            differ_is_safe,
            {},
            says="your test only asks whether the two differ: labels two steps ahead pass",
            hints=(
                "Try labels that are two steps ahead, or one step behind.",
                "Say what each label *should* be, not what it should not be.",
                "At position t, the label should be what is given at position t + 1.",
            ),
        ),
        Mistake(
            "repeats-are-leaks",
            equal_is_leak,
            {},
            says="your test calls it a leak when a label equals the token above it: a right row "
            "such as 7 7 4 is refused",
            hints=(
                "Try the number 77, rightly shifted.",
                "Equal tokens in one column prove nothing; digits repeat.",
                "Compare labels with what is given one position later.",
            ),
        ),
        Mistake(
            "ends-compared-with-padding",
            one_column_on,
            {},
            says="your test compares all of `given`, one column on, with all of `asked`: where a "
            "shorter row ends, padding meets `end_id`, and a right batch is refused",
            hints=(
                "Try a right batch whose rows differ in length.",
                "Where a row ends, `asked` holds the end and `given` holds padding.",
                "Build what should be asked, ends included, and compare with that.",
            ),
        ),
        Mistake(
            "an-end-anywhere",
            odd_safe,
            {"slip": "an end anywhere"},
            says="your test takes an end mark for right wherever a token is given",
            hints=(
                "Spoil a right batch: ask for the end one place too early. Is it refused?",
                "The end is right at one place of each row only.",
                "Behind the last given token, and nowhere else, the end is asked for.",
            ),
        ),
        Mistake(
            "stops-at-the-first-end",
            odd_safe,
            {"slip": "to the first end"},
            says="your test compares a row up to the first end mark that is asked for, wherever "
            "that stands, and nothing behind it",
            hints=(
                "Spoil a right batch: ask for the end one place too early. Is it refused?",
                "A row's length is known from `given`; what is asked may be wrong.",
                "Count the tokens given, and compare all labels, padding included.",
            ),
        ),
        Mistake(
            "same-tokens-are-enough",
            same_bag,
            {},
            says="your test compares which tokens occur, not where they stand",
            hints=(
                "Try a row whose labels have the right tokens in another order.",
                "A leak is a matter of places.",
                "Compare column by column.",
            ),
        ),
        Mistake(
            "first-row-only",
            wrong_safe,
            {"rows": "first"},
            says="your test looks at the first row only",
            hints=(
                "Put a bad row behind a good one.",
                "One bad row is enough to call the batch unsafe.",
                "Compare all rows, and ask whether every one is right.",
            ),
        ),
        Mistake(
            "one-good-row-is-enough",
            wrong_safe,
            {"rows": "any"},
            says="your test is content when a single row is right",
            hints=(
                "Put a bad row behind a good one.",
                "*Every* row has to be right.",
                "Of `any` and `all`, which do you use?",
            ),
        ),
        Mistake(
            "start-not-checked",
            wrong_safe,
            {"start": False},
            says="your test doesn't ask whether the rows are given `start_id` first",
            hints=(
                "What has to stand in the first column of `given`?",
                "Without a start mark, the first token is given and never asked for.",
                "Compare the whole first column with `start_id`.",
            ),
        ),
        Mistake(
            "one-start-is-enough",
            wrong_safe,
            {"start": "any"},
            says="your test is content when one row is given `start_id` first",
            hints=(
                "Try a batch in which one row of three lacks its start mark.",
                "*Every* row has to begin with `start_id`.",
                "Compare the whole first column with `start_id`, and ask for all.",
            ),
        ),
        Mistake(
            "end-not-checked",
            wrong_safe,
            {"end": "anything"},
            says="your test lets anything pass behind the last token, where `end_id` has to be "
            "asked for",
            hints=(
                "Try a batch whose rows never end.",
                "Under the last given token stands `end_id`.",
                "Find the last real column of each row, and compare the label there.",
            ),
        ),
        Mistake(
            "padding-not-checked",
            wrong_safe,
            {"padding": False},
            says="your test doesn't look at the labels under padding: somebody may ask for the "
            "end again and again",
            hints=(
                "What may be asked for where nothing is given?",
                "Behind the end, all labels are padding, which the loss leaves out.",
                "Compare the labels there with `pad_id`.",
            ),
        ),
        Mistake(
            "an-end-somewhere",
            wrong_safe,
            {"end": "somewhere"},
            says="your test asks whether an end occurs in each row, not whether it stands right "
            "behind the last token",
            hints=(
                "Try ends that stand in the last column, behind the padding.",
                "The column of the end differs from row to row.",
                "Under the last given token of each row, the label is `end_id`.",
            ),
        ),
        Mistake(
            "real-labels-only",
            real_labels_only,
            {},
            says="your test passes over labels that are padding: a row without end gets through",
            hints=(
                "Try a batch whose rows never end.",
                "Where the end belongs, padding is wrong.",
                "Compare every place of `asked` with what should stand there.",
            ),
        ),
        Mistake(
            "must-differ-everywhere",
            all_differ,
            {},
            says="your test asks whether the two differ at every place: padding and repeated "
            "digits refuse a right batch",
            hints=(
                "Hand your test a right batch of two rows, one short, one full; then spoil one "
                "place.",
                "Every place of `asked` has one right value. Which?",
                "Build what should be asked, ends and padding included, and compare all of it.",
            ),
        ),
        Mistake(
            "end-in-the-last-column",
            full_rows_only,
            {},
            says="your test looks for the end in the last column: a right batch with a shorter "
            "row is refused",
            hints=(
                "Try a right batch whose rows differ in length.",
                "Behind a short row's end there is padding.",
                "The column of the end differs from row to row: it is that of the last given "
                "token.",
            ),
        ),
        Mistake(
            "repeats-refused",
            repeats_refused,
            {},
            says="your test refuses a right row in which a token repeats, such as 7 7 4",
            hints=(
                "Try the number 77, rightly shifted.",
                "Equal tokens in one column prove nothing; digits repeat.",
                "Leave out the line that asks whether label and token are equal.",
            ),
        ),
        Mistake(
            "only-tokens-compared",
            wrong_safe,
            {"end": "anything", "padding": False},
            says="your test compares the labels above which a token follows, and lets anything "
            "pass behind them: nobody need ever ask for the end",
            hints=(
                "Hand your test a right batch of two rows, one short, one full; then spoil one "
                "place.",
                "Every place of `asked` has one right value. Which?",
                "Build what should be asked, ends and padding included, and compare all of it.",
            ),
        ),
        Mistake(
            "zero-is-pad",
            wrong_safe,
            {"hides": "zeros"},
            says="the id 0 counts as padding, and `pad_id` is never asked",
            hints=(
                "In some vocabularies 0 is an ordinary token.",
                "The id of the padding is handed to your function.",
                "Compare `given` with `pad_id`.",
            ),
        ),
        Mistake(
            "turned-round",
            turned_round,
            {},
            says="the two answers have changed places: your test says True for a leak",
            hints=(
                "What does your test say of a right batch?",
                "The text says what True stands for.",
                "Turn your verdict round.",
            ),
        ),
        Mistake(
            "a-verdict-for-each-row",
            row_verdicts,
            {},
            says="a verdict for each row comes back; one for the whole batch was asked for",
            hints=(
                "What does your function return for two rows?",
                "*Every* row has to be right: that is one True or False.",
                "Take `all` over the rows, and return a bool.",
            ),
        ),
        Mistake(
            "full-rows-have-no-padding",
            odd_safe,
            {"slip": "index"},
            says="your test looks for the first padding of each row, and a full row has none",
            hints=(
                "Hand it a row that fills its width.",
                "`index` stops when it doesn't find what it looks for.",
                "Count what is given in a row instead of looking for where it stops.",
            ),
        ),
        Mistake(
            "end-one-place-late",
            odd_safe,
            {"slip": "one late"},
            says="your test wants the end one place too late: behind n given tokens, start "
            "included, it is label n - 1",
            hints=(
                "Which label stands under the last given token of a full row?",
                "The labels are one step ahead of what is given.",
                "The end is asked for *at* the last given token.",
            ),
        ),
        Mistake(
            "rows-run-together",
            odd_safe,
            {"slip": "runs together"},
            says="your test takes the padding out and runs all rows together: marks meet those "
            "of the next row",
            hints=(
                "What does `given[given != pad_id]` look like for two rows?",
                "A mask that picks places gives one long row.",
                "Go row by row, or compare the tables as they stand.",
            ),
        ),
        Mistake(
            "padding-filtered",
            odd_safe,
            {"slip": "filtered"},
            says="your test drops the padding before it compares: an end that stands behind "
            "the padding passes",
            hints=(
                "Move the end of one row two places back, behind padding. What does your test say?",
                "Where a label stands matters: it belongs to the token above it.",
                "Compare places: how many tokens are given, and which label stands at the "
                "last of them.",
            ),
        ),
        Mistake(
            "ends-in-place-only",
            odd_safe,
            {"slip": "ends only"},
            says="your test looks at the marks only: the tokens between them may be anything",
            hints=(
                "Change one label in the middle of a row. What does your test say?",
                "At each position the label is the token that is given next.",
                "Compare the tokens, too, each with the label one place before it.",
            ),
        ),
    ],
    hints=(
        "Hand your test a right batch of two rows, one short, one full; then spoil one place.",
        "Every place of `asked` has one right value. Which?",
        "Build what should be asked, ends and padding included, and compare all of it.",
    ),
    allows=Edges(
        dtypes=("int32",),
        sizes=(1,),
        labels=("full", "repeat", "pad id is 0", "single position", "in small numbers"),
    ),
    also_right=[looped_safe, rebuilt_safe],
)


# --- 08.cross-mask-bug ----------------------------------------------------------------------


def over_cases(generator):
    def tried(label, target, query, source, key, width, left=False, pad_id=None, loud=False):
        pad = marks(generator, 1)[0] if pad_id is None else pad_id
        batch = len(target)
        x = 1.5 * normal(generator, batch, query, width)
        memory = 1.5 * normal(generator, batch, key, width)
        made = [
            tokens(generator, n, size, pad, left) for n, size in ((target, query), (source, key))
        ]
        if loud:
            memory = torch.where((made[1] == pad)[:, :, None], 100 * memory, memory)
        return case(label, x, memory, *made, pad)

    return [
        tried("both padded on the right", [4, 2, 3], 5, [7, 3, 5], 7, 6),
        tried("padded on the left", [5, 2], 5, [3, 6], 7, 3, left=True),
        tried("only the source is padded", [3, 3], 3, [2, 5], 5, 7),
        tried("only the target is padded", [1, 4], 4, [6, 6], 6, 5),
        tried("the pad id is 0", [2, 4, 3, 1, 4], 4, [6, 2, 5, 3, 4], 6, 3, pad_id=0),
        tried("padding with large numbers", [2, 3, 3], 3, [2, 3, 5], 5, 7, loud=True),
        tried("as many words as tokens as rows", [3, 4, 2, 3], 4, [4, 2, 3, 1], 4, 5),
        tried("one token, one word", [1], 1, [1], 1, 3),
        in_dtype(tried("ids in small numbers", [2, 3], 3, [4, 2], 4, 2), torch.int32),
        replace(tried("gradients", [2, 3], 3, [4, 2], 5, 2), grad=True),
    ]


def wrong_over_mask(
    x, memory, target, source, pad_id, *, hides="words", invert=False, zeros=False, past=False
):
    pad = 0 if zeros else pad_id
    words, writers = (source != pad)[:, None, :], (target != pad)[:, :, None]
    mask = {
        "words": lambda: words,
        "nothing": lambda: words | True,
        "writers": lambda: writers,
        "both": lambda: words & writers,
        "flat": lambda: source != pad,
        "writers as words": lambda: (target != pad)[:, None, :],
        "on the query axis": lambda: (source != pad)[:, :, None],
        "counted": lambda: torch.arange(source.shape[1]) < words.sum(dim=-1, keepdim=True),
        "either": lambda: words | writers,
        "with heads": lambda: words[:, None],
        "whole batch": lambda: words.all(dim=0, keepdim=True),
        "above": lambda: (source > pad_id)[:, None, :],
        "rows mixed": lambda: words.expand(-1, x.shape[1], -1).mT.reshape(len(x), x.shape[1], -1),
    }[hides]()
    mask = ~mask if invert else mask
    if past:
        query, key = x.shape[1], memory.shape[1]
        mask = mask & (torch.arange(key) <= torch.arange(query)[:, None])
    return scaled_dot_product_attention(x, memory, memory, mask)[0]


def hidden_late(x, memory, target, source, pad_id, *, divide):
    """Softmax over everything; padded words lose their weight afterwards."""
    scores = x @ memory.transpose(-2, -1) / math.sqrt(x.shape[-1])
    weights = scores.softmax(dim=-1) * (source != pad_id)[:, None, :]
    return (weights / weights.sum(dim=-1, keepdim=True) if divide else weights) @ memory


def notes_silenced(x, memory, target, source, pad_id):
    """The padded notes are set to 0, but they still get weight."""
    quiet = memory.masked_fill((source == pad_id)[:, :, None], 0.0)
    return wrong_over_mask(x, quiet, target, source, pad_id, hides="nothing")


def by_hand(x, memory, target, source, pad_id, *, slip):
    """Attention written out, with one slip."""
    real = (source != pad_id)[:, None, :]
    keys = memory
    if slip == "far keys":
        keys = memory.masked_fill(~real.mT, -1e9)
    elif slip == "infinite notes":
        keys = memory = memory.masked_fill(~real.mT, -torch.inf)
    scores = x @ keys.mT * (1.0 if slip == "no scale" else x.shape[-1] ** -0.5)
    if slip == "times":
        scores = scores * real
    elif slip not in ("far keys", "infinite notes"):
        scores = scores.masked_fill(~real, -torch.inf)
    return scores.softmax(-2 if slip == "over queries" else -1) @ memory


def masked_over(x, memory, target, source, pad_id, *, hides):
    """As `wrong_over_mask`, not tried in pairs."""
    return wrong_over_mask(x, memory, target, source, pad_id, hides=hides)


def cut_batch(x, memory, target, source, pad_id):
    """Only columns that are padding in every row are left out."""
    longest = int((source != pad_id).sum(dim=1).max())
    return scaled_dot_product_attention(x, memory[:, :longest], memory[:, :longest])[0]


def looks_back(x, memory, target, source, pad_id):
    return scaled_dot_product_attention(x, x, x, (target != pad_id)[:, None])[0]


def other_values(x, memory, target, source, pad_id):
    """Stops where the two lengths differ."""
    return scaled_dot_product_attention(x, memory, x, (source != pad_id)[:, None])[0]


def notes_look_along_queries(x, memory, target, source, pad_id):
    return scaled_dot_product_attention(memory, x, x, (source != pad_id)[:, :, None])[0]


def over_cut_off(x, memory, target, source, pad_id):
    return scaled_dot_product_attention(x, memory, memory, (source != pad_id)[:, None])[0].detach()


def both_results(x, memory, target, source, pad_id):
    return scaled_dot_product_attention(x, memory, memory, (source != pad_id)[:, None])


def added_over(x, memory, target, source, pad_id):
    """Right: the mask as numbers that are added."""
    filler = torch.zeros(source.shape).masked_fill(source == pad_id, -torch.inf)
    scores = torch.einsum("bqd,bkd->bqk", x * x.shape[-1] ** -0.5, memory)
    return (scores + filler[:, None]).softmax(dim=-1) @ memory


def row_by_row(x, memory, target, source, pad_id):
    out = []
    for b in range(len(x)):
        notes = memory[b, source[b] != pad_id]
        out.append((x[b] @ notes.T / x.shape[-1] ** 0.5).softmax(-1) @ notes)
    return torch.stack(out)


def notes_look(x, memory, target, source, pad_id):
    return scaled_dot_product_attention(memory, x, x, (target != pad_id)[:, None])[0]


def notes_look_by_words(x, memory, target, source, pad_id):
    return scaled_dot_product_attention(memory, x, x, (source != pad_id)[:, None])[0]


def past_over_words(x, memory, target, source, pad_id):
    past = causal_mask(x.shape[1], memory.shape[1])
    mask = past & (source != pad_id)[:, None]
    return scaled_dot_product_attention(x, memory, memory, mask)[0]


def cut_by_the_first(x, memory, target, source, pad_id):
    notes = memory[:, source[0] != pad_id]
    return scaled_dot_product_attention(x, notes, notes)[0]


OVER_HINTS = (
    "Who is looked at here: the words of the source, or the tokens of the target?",
    "The mask's last axis is the key axis, and the keys are the words.",
    "Make it from `source`, with an axis of size 1 where the queries are.",
)

CROSS = Exercise(
    id="08.cross-mask-bug",
    title="Looking at padding",
    kind="bug",
    points=2,
    name="look_over",
    cases=over_cases,
    axes="batch query d_model",
    mistakes=[
        mistake(
            masked_over,
            "words-by-order",
            {"hides": "above"},
            "words are told by `> pad_id`: one that is smaller than pad_id is hidden as if it "
            "were padding",
            "Take pad_id = 30 and a word 7. May it be looked at?",
            "Padding is what equals pad_id, and nothing else.",
            "`source != pad_id`.",
        ),
        mistake(
            masked_over,
            "mask-rows-mixed",
            {"hides": "rows mixed"},
            "the mask is reshaped after its axes were exchanged: its True and False end up at "
            "other words and queries",
            "Print the mask of one row beside that row's source.",
            "reshape keeps the order of the numbers, not of the axes.",
            "(batch, 1, key): an axis of size 1 for the queries, and nothing more.",
        ),
        mistake(
            by_hand,
            "infinite-notes",
            {"slip": "infinite notes"},
            "minus infinity is written into the notes, not into the scores: products with it "
            "are infinite or nan",
            "What is 0 times infinity?",
            "A mask says something of scores. What is looked at stays finite.",
            "Hand scaled_dot_product_attention a mask, and memory as it comes.",
        ),
        mistake(
            by_hand,
            "far-away-keys",
            {"slip": "far keys"},
            "padded keys are filled with -1e9: multiplied with a query that is a huge score of "
            "either sign, so that a padded word may get all the weight",
            "What is the score of such a key with a query of negative numbers?",
            "Scores are to be very low, not keys.",
            "Hand scaled_dot_product_attention a mask, and memory as it comes.",
        ),
        mistake(
            by_hand,
            "scores-multiplied",
            {"slip": "times"},
            "the scores are multiplied by the mask: a score of 0 is no low score, and e to the "
            "0 is 1",
            "Which weight does a score of 0 get beside scores of -1?",
            "What may not be looked at needs a score of minus infinity.",
            "Hand the mask to scaled_dot_product_attention, or use masked_fill.",
        ),
        mistake(
            by_hand,
            "not-scaled",
            {"slip": "no scale"},
            "the scores are not divided by the root of d_model",
            "Compare your scores with those of scaled_dot_product_attention without padding.",
            "The name says it: scaled.",
            "Divide by x.shape[-1] ** 0.5, or keep the call as it was.",
        ),
        mistake(
            by_hand,
            "softmax-over-queries",
            {"slip": "over queries"},
            "the softmax runs over the queries, not over the keys",
            "Along which axis do your weights add up to 1?",
            "Each query shares its attention among the keys.",
            "softmax(dim=-1), or keep the call as it was.",
        ),
        Mistake(
            "no-gradient",
            over_cut_off,
            {},
            says="the numbers are right, but no gradient flows back to anything",
            hints=(
                "Give `memory` `requires_grad=True`, call your function, and call "
                "`backward()` on a sum.",
                "A reader learns by what flows back to it through this attention.",
                "`detach`, `.data`, `no_grad` and NumPy cut the way back: do without them.",
            ),
        ),
        Mistake(
            "values-of-the-writer",
            other_values,
            {},
            says="keys come from the source and values from the target: what is averaged is `x`",
            hints=(
                "Whose vectors does your output average?",
                "Only the queries are the writer's; keys and values are the notes.",
                "`scaled_dot_product_attention(x, memory, memory, mask)`.",
            ),
        ),
        Mistake(
            "notes-ask-along-the-query-axis",
            notes_look_along_queries,
            {},
            says="the notes ask and the writer is looked at: queries and keys are exchanged",
            hints=(
                "How many positions does your output have, and how many should it?",
                "The writer asks, so there is one output for each position of `x`.",
                "`x` comes first; `memory` is both keys and values.",
            ),
        ),
        Mistake(
            "cut-to-the-longest",
            cut_batch,
            {},
            says="the notes are cut to the longest sentence of the batch, without a mask: shorter "
            "ones keep their padding, and padding on the left is not cut at all",
            hints=OVER_HINTS,
        ),
        Mistake(
            "looks-back",
            looks_back,
            {},
            says="the writer looks at its own tokens: `memory` is never read",
            hints=(
                "Where do keys and values come from in your call?",
                "Looking over means: queries from `x`, keys and values from `memory`.",
                "Leave the three tensors as they were handed out, and mend the mask.",
            ),
        ),
        Mistake(
            "writers-padding",
            wrong_over_mask,
            {"hides": "writers"},
            says="padded positions of the *target* may look nowhere, and padded words are looked "
            "at as before",
            hints=OVER_HINTS,
        ),
        Mistake(
            "no-mask",
            wrong_over_mask,
            {"hides": "nothing"},
            says="nothing is hidden: padded words get weight",
            hints=OVER_HINTS,
        ),
        Mistake(
            "both-paddings",
            wrong_over_mask,
            {"hides": "both"},
            says="padded words are hidden, but padded positions of the target are silenced, too: "
            "their output is 0",
            hints=(
                "What should a padded query see?",
                "Padding is a matter of the key alone; nobody reads what a padded query says.",
                "`target` is not needed at all.",
            ),
        ),
        Mistake(
            "target-as-keys",
            wrong_over_mask,
            {"hides": "writers as words"},
            says="the target's padding is laid over the source's words: it fits only when both "
            "are equally long",
            hints=OVER_HINTS,
        ),
        Mistake(
            "flat",
            wrong_over_mask,
            {"hides": "flat"},
            says="the mask is (batch, key) and is read as (query, key): it fits only when there "
            "are as many sentences as queries",
            hints=(
                "What shape does your mask have? What are its axes taken for?",
                "Shapes line up from the right: the batch has come to stand under the queries.",
                "Put an axis of size 1 between the batch and the keys.",
            ),
        ),
        Mistake(
            "inverted",
            wrong_over_mask,
            {"invert": True},
            says="the mask is the wrong way round: only padded words are looked at",
            hints=(
                "In this course True means one thing only. Which?",
                "True means may look, so the real words have to be True.",
                "Compare with `!=`, not with `==`.",
            ),
        ),
        Mistake(
            "zero-is-pad",
            wrong_over_mask,
            {"zeros": True},
            says="words with the id 0 are hidden, and `pad_id` is never asked",
            hints=(
                "In some vocabularies 0 is an ordinary word.",
                "The id of the padding is handed to the function.",
                "Compare `source` with `pad_id`.",
            ),
        ),
        Mistake(
            "causal-over",
            wrong_over_mask,
            {"past": True},
            says="looking over is causal: the first position may look at the first word only",
            hints=(
                "How much of the source has been read when writing begins?",
                "A causal mask belongs to looking back.",
                "Hide padding and nothing else.",
            ),
        ),
        Mistake(
            "query-axis",
            wrong_over_mask,
            {"hides": "on the query axis"},
            says="the words' padding stands along the query axis: it fits only when both are "
            "equally long, and hides rows instead of columns",
            hints=(
                "Write the mask's axes under (batch, query, key).",
                "Words are keys, so their mask runs along the last axis.",
                "Put the axis of size 1 between the batch and the keys.",
            ),
        ),
        Mistake(
            "counted",
            wrong_over_mask,
            {"hides": "counted"},
            says="the words are counted and that many are kept from the left: right only for "
            "padding on the right",
            hints=(
                "Try a source that is padded on the left.",
                "A mask needs to know where the real words stand, not how many there are.",
                "No counting and no arange: one comparison of all ids does it.",
            ),
        ),
        Mistake(
            "hidden-after-softmax",
            hidden_late,
            {"divide": False},
            says="padded words lose their weight after the softmax: they have taken their share "
            "from the others by then",
            hints=(
                "Do the weights of each row still sum to 1?",
                "A mask works before the softmax (chapter 04).",
                "Hand the mask to scaled_dot_product_attention.",
            ),
        ),
        Mistake(
            "divided-afterwards",
            hidden_late,
            {"divide": True},
            says="padded words lose their weight after the softmax, and the rest is divided by "
            "what is left: loud padding leaves 0 divided by 0",
            hints=(
                "Try padding whose vectors are very large.",
                "What is never compared with the padding cannot drown in it (chapter 04).",
                "Hand the mask to scaled_dot_product_attention.",
            ),
        ),
        Mistake(
            "notes-zeroed",
            notes_silenced,
            {},
            says="the padded notes are set to 0, but they still get weight, which the words lose",
            hints=(
                "Do the weights of the real words sum to 1?",
                "A score of 0 is not the smallest score there is.",
                "Leave `memory` as it is, and mend the mask.",
            ),
        ),
        Mistake(
            "either-is-enough",
            masked_over,
            {"hides": "either"},
            says="a padded word may be looked at by every real token: the two paddings are joined "
            "by `or`",
            hints=(
                "Who is hidden here: words, or tokens?",
                "Padding is a matter of the key alone.",
                "`target` is not needed at all.",
            ),
        ),
        Mistake(
            "a-mask-that-does-not-fit",
            masked_over,
            {"hides": "with heads"},
            says="the mask is refused: it has to be bool, and (batch, query, key) without an axis "
            "for heads",
            hints=(
                "Print your mask's dtype and shape. How many axes has it, how many are asked for?",
                "Read the third point of the text: batch, query, key. There are no heads here.",
                "A comparison of ids, with one axis of size 1 between the batch and the keys.",
            ),
        ),
        Mistake(
            "one-mask-for-all",
            masked_over,
            {"hides": "whole batch"},
            says="all sentences share one mask: a word is hidden in all of them when one of them "
            "is padded there",
            hints=(
                "How many masks are there in your mask?",
                "Sentences are padded differently, so each needs its own.",
                "Keep the axis of the batch.",
            ),
        ),
        Mistake(
            "weights-as-well",
            both_results,
            {},
            says="output and weights come back; the output was asked for",
            hints=(
                "What does scaled_dot_product_attention return?",
                "Two things, of which the exercise wants the first.",
                "Return the output alone.",
            ),
        ),
        Mistake(
            "notes-look",
            notes_look,
            {},
            says="the notes ask and the writer is looked at: queries and keys have changed places",
            hints=(
                "How many rows does your output have, and who reads them?",
                "The first argument asks; the second and third are looked at.",
                "`x` asks, and `memory` is looked at, as in the stub.",
            ),
        ),
        Mistake(
            "notes-look-by-words",
            notes_look_by_words,
            {},
            says="the notes ask, and the mask of the words is laid over the tokens of the writer",
            hints=(
                "How many rows does your output have, and who reads them?",
                "The first argument asks; the second and third are looked at.",
                "`x` asks, and `memory` is looked at, as in the stub.",
            ),
        ),
        Mistake(
            "past-when-looking-over",
            past_over_words,
            {},
            says="a causal mask hides words of the source as well, all of which were written "
            "before",
            hints=(
                "May the first token look at the last word?",
                "Nothing in the text speaks of a future here.",
                "The mask knows the padding of `source`, and nothing else.",
            ),
        ),
        Mistake(
            "cut-by-the-first",
            cut_by_the_first,
            {},
            says="the padded words of the first sentence are cut out of all sentences",
            hints=(
                "Whose padding does `source[0]` know?",
                "Each sentence is padded in its own places.",
                "A mask with a row for each sentence hides what a cut can't.",
            ),
        ),
    ],
    hints=(
        "Call it twice, with a source and with the same source and two more words of padding: what "
        "changes?",
        "Ask of the mask: who is looked at here, and along which axis do these stand?",
        "Compare `source` with `pad_id`, and give the result an axis of size 1 where the queries "
        "are.",
    ),
    allows=Edges(
        dtypes=("int32",),
        sizes=(1,),
        labels=("on the left", "on the right", "pad id is 0", "large numbers", "gradients"),
    ),
    also_right=[row_by_row, added_over],
)


# --- 08.failed-run --------------------------------------------------------------------------


class Small(nn.Module):
    """As in the exercise's first cell."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.read_table = nn.Embedding(vocab_size, d_model)
        self.write_table = nn.Embedding(vocab_size, d_model)
        # no biases: a key's has no effect, and only rounding would move it
        back, over = (MultiHeadAttention(d_model, 1, bias=False) for _ in range(2))
        think = FeedForward(d_model, 2 * d_model)
        self.block = LibraryBlock(back, over, think, lambda: PreNorm(LayerNorm(d_model)))
        self.to_scores = nn.Linear(d_model, vocab_size)
        self.calls = 0

    def hide(self, x):
        if not self.training:
            return x
        self.calls += 1
        kept = (torch.arange(x.numel()).view_as(x) + 3 * self.calls) % 8 > 0
        return x * kept * 8 / 7

    def score(self, source, given, mask=None, memory_mask=None):
        read, write = self.read_table(source), self.write_table(given)
        read = read + sinusoidal_positions(*read.shape[1:])
        write = write + sinusoidal_positions(*write.shape[1:])
        return self.to_scores(self.hide(self.block(write, read, mask, memory_mask)))


def run_cases(generator):
    def pairs(lengths, key, query):
        """A source and a target: start 1, tokens, end 2, padding; short rows and full ones."""
        source, target = torch.zeros(len(lengths), key), torch.zeros(len(lengths), query)
        for row, (heard, said) in enumerate(lengths):
            source[row, :heard] = torch.randint(3, 11, (heard,), generator=generator)
            target[row, 0], target[row, said + 1] = 1, 2
            target[row, 1 : said + 1] = torch.randint(3, 11, (said,), generator=generator)
        return source.long(), target.long()

    def tried(
        label, steps, rate, warm_up, largest, lengths=((3, 2), (5, 4), (2, 1)), widths=(), judged=5
    ):
        model = Small(11, 6)
        state = {
            name: normal(generator, *value.shape) * (0.5 if value.ndim == 2 else 0.2)
            + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
            for name, value in model.state_dict().items()
        }
        batches = [pairs(lengths, width, width + 1) for width in widths or [5] * steps]
        held_out = pairs(((5, 1), (2, 4)), judged, judged + 1)
        planned = call(batches, held_out, rate, warm_up, largest, method="fit")
        return Case(label, [planned], init={"vocab_size": 11, "d_model": 6}, state=state)

    return [
        tried("rows of different lengths", 2, 0.3, 2, 0.7),
        tried("a single batch, and nothing to clip", 1, 0.2, 3, 1e4),
        tried("warm-up of one step, narrower rows", 2, 0.1, 1, 0.5, ((4, 3),), (8, 6), judged=7),
        tried("no batch at all", 0, 0.2, 2, 0.5),
        tried("steps so large that it gets worse", 4, 1.0, 1, 3.0, ((2, 1),), (3, 2, 3, 2)),
    ]


@cache
def small_parts(vocab_size, d_model):
    """The parts of one model of these sizes; each case loads its weights before it runs."""
    return list(Small(vocab_size, d_model).named_children())


class WrongTrainer(Small):
    """The loop with its steps exchangeable, so that each mistake is one of them."""

    def __init__(self, vocab_size, d_model, *, step=None):
        nn.Module.__init__(self)
        for name, part in small_parts(vocab_size, d_model):
            setattr(self, name, part)
        self.zero_grad()
        self.calls, self.wrong = 0, step or {}

    def loss(self, source, target):
        wrong = self.wrong
        shift = wrong.get("shift", "right")
        given, asked = {
            "right": (target[:, :-1], target[:, 1:]),
            "none": (target, target),
            "none, cut": (target[:, :-1], target[:, :-1]),
            "backwards": (target[:, 1:], target[:, :-1]),
            "all given": (target, F.pad(target[:, 1:], (0, 1))),
        }[shift]
        past = causal_mask(given.shape[1])
        past = {"past": past, "future": past.T, "all": past | True, "no masks": past}
        past = past[wrong.get("causal", "past")]
        over = {
            "source": padding_mask(source, 0),
            "none": None,
            "turned": source[:, None, None] == 0,
            "target": padding_mask(given, 0),
        }
        hidden = padding_mask(source if wrong.get("back") == "source" else given, 0)
        back = past if wrong.get("plain") else past & hidden
        masks = back, over[wrong.get("over", "source")]
        masks = masks[::-1] if wrong.get("back") == "exchanged" else masks
        if wrong.get("heard") == "exchanged":
            source, given = given, source
        masks = () if wrong.get("causal") == "no masks" else masks
        scores = self.score(source, given, *masks)
        if wrong.get("mean") == "axes":
            return F.cross_entropy(scores, asked, ignore_index=0)
        if wrong.get("softmax"):
            scores = scores.softmax(dim=-1)
        if wrong.get("mean") == "rows":
            each = F.cross_entropy(scores.mT, asked, ignore_index=0, reduction="none")
            return (each.sum(dim=1) / (asked != 0).sum(dim=1)).mean()
        ignored = {"padding": 0, "nothing": -100, "end": 2}[wrong.get("ignored", "padding")]
        ignored = -100 if wrong.get("judged") == "padding, too" and not self.training else ignored
        scores = scores.flatten(0, 1)
        if wrong.get("flattened") == "mixed":
            scores = scores.reshape(scores.shape[-1], -1).T
        reduction = "sum" if wrong.get("mean") in ("sum", "all", "sentences") else "mean"
        loss = F.cross_entropy(
            scores,
            asked.flatten(),
            ignore_index=ignored,
            reduction=reduction,
            label_smoothing=wrong.get("smoothing", 0.0),
        )
        counts = {"all": asked.numel(), "sentences": len(asked)}
        return loss / counts.get(wrong.get("mean"), 1)

    def rate(self, rate, step, warm_up):
        share = {
            "right": min(1, (step + 1) / warm_up),
            "late": min(1, step / warm_up),
            "early": min(1, (step + 2) / warm_up),
            "none": 1,
            "endless": (step + 1) / warm_up,
            "at least": max(1, (step + 1) / warm_up),
            "in whole steps": min(1, (step + 1) // warm_up),
            "falling": 1 / max(1, (step + 1) / warm_up),
            "set afterwards": min(1, step / warm_up) if step else 1,
            "first": min(1, 1 / warm_up),
            "one longer": min(1, (step + 1) / (warm_up + 1)),
            "rise and fall": min((step + 1) / warm_up, (warm_up / (step + 1)) ** 0.5),
        }[self.wrong.get("rate", "right")]
        return rate * share * self.wrong.get("times", 1)

    def optimizer(self, rate):
        kind = self.wrong.get("optimizer", "SGD")
        if kind == "Adam":
            return torch.optim.Adam(self.parameters(), lr=rate)
        if kind == "AdamW":
            return torch.optim.AdamW(self.parameters(), lr=rate)
        more = {"momentum": {"momentum": 0.9}, "decay": {"weight_decay": 0.01}}.get(kind, {})
        return torch.optim.SGD(self.parameters(), lr=rate, **more)

    def other_norms(self):
        """What is told for the norm, before anything is clipped."""
        each = [p.grad.norm().item() for p in self.parameters()]
        return {"largest": max(each), "sum": sum(each), "squared": sum(n**2 for n in each)}

    def clip(self, largest):
        kind = self.wrong.get("clip", "norm")
        largest = 1.0 if kind == "to 1" else largest
        if kind == "value":
            nn.utils.clip_grad_value_(self.parameters(), largest)
        if kind == "each":
            norms = [nn.utils.clip_grad_norm_(p, largest) for p in self.parameters()]
            return torch.stack(norms).norm().item()
        if kind == "norm, value":
            norm = nn.utils.clip_grad_norm_(self.parameters(), float("inf")).item()
            nn.utils.clip_grad_value_(self.parameters(), largest)
            return norm
        limit = largest if kind in ("norm", "to 1") else float("inf")
        norm = nn.utils.clip_grad_norm_(self.parameters(), limit).item()
        if kind == "always":
            for parameter in self.parameters():
                parameter.grad *= largest / norm
        return norm

    def fit(self, batches, held_out, rate, warm_up, largest):
        wrong, optimizer = self.wrong, self.optimizer(rate)
        losses, norms, judged = [], [], []
        batches = batches[: -wrong["dropped"]] if wrong.get("dropped") else batches
        batches = batches[::-1] if wrong.get("reversed") else batches
        if wrong.get("judged") == "before all, too":
            judged.append(self.judge(held_out))
        for step, (source, target) in enumerate(batches):
            source, target = batches[0] if wrong.get("first only") else (source, target)
            optimizer.param_groups[0]["lr"] = self.rate(rate, step, warm_up)
            if wrong.get("mode") not in ("never", "eval stays") or (
                wrong.get("mode") == "eval stays" and step == 0
            ):
                self.train()
            if wrong.get("scored") == "twice":
                self.loss(source, target)
            loss = self.loss(source, target)
            if wrong.get("step") == "before backward" and step:
                optimizer.step()
            if wrong.get("zero", True):
                optimizer.zero_grad()
            before = self.clip(largest) if wrong.get("order") == "clipped before" else None
            loss.backward()
            if wrong.get("order") == "cleared last":
                optimizer.zero_grad(set_to_none=False)
            if wrong.get("order") == "clipped after":
                optimizer.step()
            told = self.other_norms() if wrong.get("norms") else {}
            norm = self.clip(largest) if before is None else before
            if wrong.get("norms") == "after clipping":
                norm = min(norm, largest)
            norm = told.get(wrong.get("norms"), norm)
            if wrong.get("judged") == "before":
                judged.append(self.judge(held_out))
            if "step" not in wrong and wrong.get("order") != "clipped after":
                optimizer.step()
            if wrong.get("losses") == "after":
                with torch.no_grad():
                    loss = self.loss(source, target)
            if wrong.get("norms") == "of the parameters":
                norm = math.sqrt(sum(float(p.detach().norm()) ** 2 for p in self.parameters()))
            losses.append(loss if wrong.get("plain numbers") == "losses" else loss.item())
            if wrong.get("losses") == "means of means":
                losses[-1] = sum(losses) / (step + 1)
            if wrong.get("losses") == "limited":
                losses[-1] = min(losses[-1], largest)
            norms.append(torch.tensor(norm) if wrong.get("plain numbers") == "norms" else norm)
            if wrong.get("judged") != "before":
                judged.append(self.judge(held_out, (source, target)))
            if wrong.get("judged") == "best":
                judged[-1] = min(judged)
            if wrong.get("judged") == "gradients kept":
                optimizer.zero_grad()
                self.loss(*held_out).backward()
            if wrong.get("returned") == "early":
                return losses, norms, judged
            if wrong.get("judged") == "learned from":
                self.move_by(optimizer, held_out)
            if wrong.get("judged") == "learned from, added up":
                self.loss(*held_out).backward()
                optimizer.step()
        if wrong.get("judged") == "at the end":
            judged = [self.judge(held_out)]
        if wrong.get("returned") == "early":  # there was no batch
            return None
        if wrong.get("returned") == "last":
            return losses, norms, judged[-1]
        if wrong.get("returned") == "exchanged":
            norms, judged = judged, norms
        if wrong.get("losses") == "running":
            losses = [sum(losses[: n + 1]) / (n + 1) for n in range(len(losses))]
        if wrong.get("returned") == "zipped":
            return [*zip(losses, norms, judged, strict=True)]
        return losses, norms, judged

    def move_by(self, optimizer, held_out):
        optimizer.zero_grad()
        self.loss(*held_out).backward()
        optimizer.step()

    @torch.no_grad()
    def judge(self, held_out, batch=None):
        if self.wrong.get("judged") == "on the batch":
            held_out = batch
        if self.wrong.get("mode") != "train stays":
            self.eval()
        loss = self.loss(*held_out)
        return loss if self.wrong.get("plain numbers") == "judged" else loss.item()


class HandTrainer(Small):
    """Right: clipped and moved by hand, the loss by gathering."""

    def cost(self, pair):
        source, target = pair
        rows, query = target.shape[0], target.shape[1] - 1
        mask = torch.ones(query, query, dtype=torch.bool).tril().expand(rows, 1, query, query)
        over = (source != 0)[:, None, None, :]
        chances = self.score(source, target[:, :query], mask, over).log_softmax(dim=-1)
        told = chances.gather(2, target[:, 1:, None])[..., 0]
        asked = target[:, 1:] != 0
        return -(told * asked).sum() / asked.sum()

    def fit(self, batches, held_out, rate, warm_up, largest):
        found = []
        for number, pair in enumerate(batches, 1):
            self.train()
            loss = self.cost(pair)
            gradients = torch.autograd.grad(loss, list(self.parameters()))
            norm = torch.sqrt(sum(g.pow(2).sum() for g in gradients))
            factor = min(1.0, largest / (float(norm) + 1e-6)) * rate * min(1.0, number / warm_up)
            with torch.no_grad():
                for parameter, gradient in zip(self.parameters(), gradients, strict=True):
                    parameter -= factor * gradient
                self.eval()
                found.append((float(loss), float(norm), float(self.cost(held_out))))
        return tuple(list(column) for column in zip(*found, strict=True)) if found else ([], [], [])


class ScheduledTrainer(WrongTrainer):
    """Right: the rate comes from a scheduler, stepped at the end."""

    def fit(self, batches, held_out, rate, warm_up, largest):
        optimizer = torch.optim.SGD(self.parameters(), lr=rate)
        rise = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, (n + 1) / warm_up))
        rows = []
        for pair in batches:
            loss = self.train().loss(*pair)
            self.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(self.parameters(), largest)
            optimizer.step()
            rise.step()
            rows.append([loss.item(), norm.item(), self.judge(held_out)])
        return tuple([row[i] for row in rows] for i in range(3))


looping = told_of(WrongTrainer, "step")


def also_plain(mistakes):
    """Those that come out otherwise where the future alone is masked, which is right as well."""
    others = ("mask-transposed", "future-seen", "padding-counted", "shifted-backwards")
    for one in mistakes:
        yield one
        if one.name in (*others, "end-ignored"):
            step = one.flags["step"] | {"plain": True}
            yield looping(f"{one.name}-plain", step, one.says, *one.hints)


RUN = Exercise(
    id="08.failed-run",
    title="This run fails: find out why",
    kind="build",
    points=4,
    name="Trainer",
    cases=run_cases,
    mistakes=[
        looping(
            "judged-with-padding-plain",
            {"judged": "padding, too", "plain": True},
            "the held-out loss counts padding; the training loss doesn't",
            "How often does ignore_index occur in your code?",
            "The text: the same loss, on held_out.",
            "Compute both losses with one method.",
        ),
        looping(
            "weights-decay",
            {"optimizer": "decay"},
            "a weight decay pulls the parameters to 0",
            "Which arguments does your optimizer get?",
            "The text names plain SGD and the rate of each step.",
            "torch.optim.SGD(self.parameters(), lr=…).",
        ),
        looping(
            "adamw",
            {"optimizer": "AdamW"},
            "an AdamW moves the parameters; the text names SGD",
            "Which optimizer does step 5 of the text name?",
            "Adam's steps hardly depend on the size of the gradients.",
            "torch.optim.SGD(self.parameters(), lr=…).",
        ),
        looping(
            "first-rate-for-all",
            {"rate": "first"},
            "the rate never rises: each step has that of the first",
            "Print the rate of every step.",
            "n counts steps from 1, and grows.",
            "rate * min(1, n / warm_up), with the n of each step.",
        ),
        looping(
            "warm-up-one-longer",
            {"rate": "one longer"},
            "the warm-up takes one step more than warm_up says: you divide by warm_up + 1",
            "With warm_up = 1, which rate has the first step?",
            "n counts from 1 already.",
            "rate * min(1, n / warm_up).",
        ),
        looping(
            "rate-rises-and-falls",
            {"rate": "rise and fall"},
            "the rate falls again after the warm-up; here it stays",
            "Print the rate of every step.",
            "The paper's rate falls with the root of n. This text's doesn't.",
            "rate * min(1, n / warm_up).",
        ),
        looping(
            "means-of-losses",
            {"losses": "means of means"},
            "you list an average over the losses so far, not the loss of each step",
            "What should the third number of the list say?",
            "A list of losses has one number for each step, as it was.",
            "losses.append(loss.item())",
        ),
        looping(
            "losses-limited",
            {"losses": "limited"},
            "a loss above largest is listed as largest; that is the limit of the gradients' norm",
            "What does `largest` limit?",
            "Gradients are clipped, losses are told.",
            "losses.append(loss.item())",
        ),
        looping(
            "norms-squared",
            {"norms": "squared"},
            "you list the square of the norm",
            "Is there a root at the end of your norm?",
            "A norm is the root of a sum of squares.",
            "List what clip_grad_norm_ returns.",
        ),
        looping(
            "norms-added-up",
            {"norms": "sum"},
            "you add up the norms of all parameters; one norm goes over all of them together",
            "Which is longer: the way along two sides of a square, or its diagonal?",
            "The squares are added up, then comes one root.",
            "List what clip_grad_norm_ returns.",
        ),
        looping(
            "largest-norm",
            {"norms": "largest"},
            "you list the largest norm of a single parameter; one norm goes over all of them "
            "together",
            "How many numbers does your norm see?",
            "The squares of all gradients are added up, then comes one root.",
            "List what clip_grad_norm_ returns.",
        ),
        looping(
            "norm-of-the-parameters",
            {"norms": "of the parameters"},
            "you list the norm of the parameters, not that of their gradients",
            "What would your norm be if the loss were the same everywhere?",
            "The gradients are in `.grad`.",
            "List what clip_grad_norm_ returns.",
        ),
        looping(
            "judged-with-padding",
            {"judged": "padding, too"},
            "the held-out loss counts padding; the training loss doesn't",
            "How often does ignore_index occur in your code?",
            "The text: the same loss, on held_out.",
            "Compute both losses with one method.",
        ),
        looping(
            "judged-before-all-too",
            {"judged": "before all, too"},
            "the held-out pair is judged once before the first step as well: that is one number "
            "more than there are steps",
            "How many numbers are in your three lists?",
            "One number a step.",
            "Judge at the end of each step, and nowhere else.",
        ),
        looping(
            "held-out-tensors",
            {"plain numbers": "judged"},
            "the held-out losses are tensors; the text asks for plain numbers",
            "Print the third list.",
            "A tensor that holds one number isn't a plain number.",
            "`.item()`.",
        ),
        looping(
            "batches-reversed",
            {"reversed": True},
            "the batches come in another order: from the last to the first",
            "Which batch is your first?",
            "The text: for each batch, in order.",
            "`for source, target in batches`.",
        ),
        looping(
            "labels-smoothed",
            {"smoothing": 0.1},
            "the labels are smoothed by 0.1; the text asks for the plain cross-entropy",
            "Which arguments does your cross-entropy get?",
            "Smoothing gives each wrong class a share of the label.",
            "Leave label_smoothing out.",
        ),
        looping(
            "scored-twice",
            {"scored": "twice"},
            "each batch goes through the model twice in training mode, so that the pattern of "
            "its dropout moves on too far",
            "How often do you call self.score in a step, and in which mode?",
            "One loss gives the list its number and the gradients their start.",
            "Keep the loss of one call, and use it for both.",
        ),
        looping(
            "scores-and-labels-mixed",
            {"flattened": "mixed"},
            "the scores are reshaped so that rows and classes get mixed: their classes are the "
            "last axis",
            "Print the shape of scores before and after you flatten it.",
            "reshape keeps the order of the numbers, not what they mean.",
            "scores.flatten(0, 1), and asked.flatten().",
        ),
        looping(
            "held-out-gradients-kept",
            {"judged": "gradients kept", "zero": False},
            "the gradients of the held-out pair are still there when the next step is made",
            "What does `backward` on the held-out loss leave behind?",
            "Nothing is to be learned from the held-out pair: judging needs no `backward`.",
            "Judge under `torch.no_grad()`, and clear the gradients right before `backward`.",
        ),
        looping(
            "returns-early",
            {"returned": "early"},
            "`return` stands inside the loop: `fit` ends after its first step, and gives None "
            "where there is no batch",
            "How many losses come back for three batches?",
            "A `return` ends the method at once, wherever it stands.",
            "Indent it as far as the `for`, not as far as what the loop repeats.",
        ),
        looping(
            "last-judgement-alone",
            {"returned": "last"},
            "the last of the held-out losses comes back alone, and no batch at all stops it",
            "How many held-out losses come back for three batches? And for none?",
            "The text asks for three lists, one number a step.",
            "Return the list itself.",
        ),
        looping(
            "cleared-before-the-step",
            {"order": "cleared last"},
            "the gradients are cleared between `backward` and the step: nothing is learned",
            "Do the parameters change at all?",
            "`zero_grad` wipes out what `backward` has just found.",
            "Clear, then `backward`, then clip, then step.",
        ),
        looping(
            "clipped-before-backward",
            {"order": "clipped before"},
            "clipping comes before `backward`, when there is nothing to clip yet",
            "What are the gradients when you clip them?",
            "backward, clip, step.",
            "Call `clip_grad_norm_` between `backward` and `optimizer.step()`.",
        ),
        looping(
            "scaled-up-too",
            {"clip": "always"},
            "gradients below `largest` are scaled up to it",
            "What happens to a gradient whose norm is half of `largest`?",
            "Clipping shortens what is too long and leaves the rest alone.",
            "Scale by `min(1, largest / norm)`, or use `clip_grad_norm_`.",
        ),
        looping(
            "rate-set-after-the-step",
            {"rate": "set afterwards"},
            "the rate is set after the step: each step has that of the step before",
            "What is the optimizer's rate when it takes its first step?",
            "Point 5 names the rate of *this* step.",
            "Set `optimizer.param_groups[0]['lr']` before `optimizer.step()`.",
        ),
        looping(
            "averaged-over-padding",
            {"mean": "all"},
            "the sum is divided by all labels, padding included",
            "Does the loss fall when a batch gets three more columns of padding?",
            "Padding counts neither above nor below the line.",
            "Leave the mean to `cross_entropy` with `ignore_index=0`.",
        ),
        looping(
            "all-of-the-target-given",
            {"shift": "all given"},
            "the decoder is given all of the target, its last column too",
            "How wide is what you give, and how wide the target?",
            "Behind the last column there is nothing to ask for.",
            "Give all columns but the last, ask all but the first.",
        ),
        looping(
            "looks-over-by-the-targets-padding",
            {"over": "target"},
            "the cross-attention gets the padding mask of the target",
            "Whose words does the cross-attention look at?",
            "Two attentions, two masks: each is about its own *keys*.",
            "The memory_mask is `padding_mask(source, 0)`.",
        ),
        looping(
            "looks-back-by-the-sources-padding",
            {"back": "source"},
            "the self-attention gets the padding mask of the source",
            "Whose tokens does the self-attention look at?",
            "Two attentions, two masks: each is about its own *keys*.",
            "Combine `causal_mask` with the padding mask of what is given.",
        ),
        looping(
            "paddings-exchanged",
            {"back": "source", "over": "target"},
            "the two padding masks are exchanged",
            "Whose tokens does each attention look at?",
            "Each mask is about the *keys* of its attention.",
            "The given tokens' padding for looking back, the source's for looking over.",
        ),
        looping(
            "learns-from-held-out",
            {"judged": "learned from"},
            "the model is trained on `held_out` after it was judged",
            "How often does your optimizer step in one round?",
            "Nothing is learned from `held_out`.",
            "Judge under `torch.no_grad()`, without `backward` and `step`.",
        ),
        looping(
            "best-so-far",
            {"judged": "best"},
            "the held-out losses are the best so far, not those of the new model",
            "Can a number of your third list be larger than the one before it?",
            "Keeping the best model is a good habit. Here the list shows each model as it is.",
            "Append the loss of this step's model, also when it is worse.",
        ),
        looping(
            "lists-exchanged",
            {"returned": "exchanged"},
            "the second and third list are exchanged",
            "Name the three lists that the text asks for, in its order.",
            "Training losses, norms before clipping, held-out losses.",
            "`return losses, norms, judged`",
        ),
        looping(
            "gradients-kept",
            {"zero": False},
            "gradients are never set to zero: each step adds its own to all those before",
            "Print the gradient norm of each step. Why does it grow?",
            "`backward` adds to what is there.",
            "Call `optimizer.zero_grad()` before `backward`, in every step.",
        ),
        looping(
            "not-shifted",
            {"shift": "none"},
            "the decoder is asked for the very tokens that it is given",
            "What does position 1 see, and what is it asked for?",
            "Given and asked are one step apart (8.6).",
            "Give all columns but the last, ask all but the first.",
        ),
        looping(
            "not-shifted-but-cut",
            {"shift": "none, cut"},
            "both sides are cut at the same end: the decoder is asked for what it is given",
            "Print one row of what is given beside what is asked.",
            "Given and asked are one step apart (8.6).",
            "Give all columns but the last, ask all but the first.",
        ),
        looping(
            "shifted-backwards",
            {"shift": "backwards"},
            "the step goes the wrong way: each position is asked for the token *before* it",
            "Print one row of what is given beside what is asked.",
            "The start mark is given and never asked for.",
            "Give all columns but the last, ask all but the first.",
        ),
        looping(
            "padding-counted",
            {"ignored": "nothing"},
            "padding counts in the loss: short rows teach the model to write padding",
            "Which labels of a short row does your loss average over?",
            "A label that is padding has to leave the loss.",
            "Tell `cross_entropy` to ignore index 0.",
        ),
        looping(
            "end-ignored",
            {"ignored": "end"},
            "the end mark is left out of the loss, and padding counts",
            "Which id do you ignore, and which token is that?",
            "Padding is 0. The end mark has to be learned.",
            "Tell `cross_entropy` to ignore index 0.",
        ),
        looping(
            "mask-transposed",
            {"causal": "future"},
            "the causal mask lies on its other side: each position sees itself and the future",
            "Which row of your mask has a single True?",
            "Rows are queries: the first one may see the first key only.",
            "Use `causal_mask` as it comes.",
        ),
        looping(
            "future-seen",
            {"causal": "all"},
            "no mask hides the future: what is asked is seen one position ahead",
            "What does position 0 see of the target?",
            "Teacher forcing is honest only under a causal mask.",
            "Combine `causal_mask` with the padding mask of what is given.",
        ),
        looping(
            "source-padding-seen",
            {"over": "none"},
            "the cross-attention sees the padding of the source",
            "Pad the sources by three more columns. Does the loss change?",
            "Two attentions, two masks.",
            "The memory_mask is the source's padding mask.",
        ),
        looping(
            "source-mask-turned",
            {"over": "turned"},
            "the cross-attention sees nothing but padding: its mask is turned round",
            "What does True mean in a mask of this course?",
            "`padding_mask` is True for what may be seen.",
            "The memory_mask is the source's padding mask as it comes.",
        ),
        looping(
            "softmax-first",
            {"softmax": True},
            "softmax is taken twice: `cross_entropy` wants scores and takes it itself",
            "How large is the loss of a model that is quite sure and right?",
            "Probabilities lie between 0 and 1; as scores they are nearly equal.",
            "Hand the scores themselves to `cross_entropy`.",
        ),
        looping(
            "summed",
            {"mean": "sum"},
            "the loss is summed over labels, not averaged: long batches take larger steps",
            "Does the loss double when each row stands in the batch twice?",
            "The text says averaged over all labels that are not padding.",
            "Leave `reduction` at its default.",
        ),
        looping(
            "rows-averaged",
            {"mean": "rows"},
            "each row's mean is taken first: a label of a short row weighs more",
            "How much does one label of a short row weigh in your mean?",
            "All labels of the batch weigh the same.",
            "Average once, over all labels that are not padding.",
        ),
        looping(
            "rate-a-step-late",
            {"rate": "late"},
            "the warm-up counts from 0: the first step has a rate of 0, and all others come late",
            "What is the rate of your first step?",
            "`n` counts steps from 1; `enumerate` counts from 0.",
            "Use `(step + 1) / warm_up`.",
        ),
        looping(
            "scheduler-before-the-step",
            {"rate": "early"},
            "the rate is one step ahead: the schedule moves on before the optimizer has moved",
            "What is the rate of your first step when warm_up is 4?",
            "A scheduler steps after the optimizer.",
            "The first step has rate / warm_up.",
        ),
        looping(
            "no-warm-up",
            {"rate": "none"},
            "there is no warm-up: the first step has the full rate",
            "What is the rate of your first step when warm_up is 4?",
            "Set the optimizer's rate before each of its steps.",
            "`optimizer.param_groups[0]['lr'] = …`",
        ),
        looping(
            "endless-warm-up",
            {"rate": "endless"},
            "the rate rises for ever: nothing holds it at `rate` once the warm-up is over",
            "What is the rate of the last step when warm_up is 1?",
            "After the warm-up the rate stays.",
            "Take the smaller of 1 and n / warm_up.",
        ),
        looping(
            "rate-times-100",
            {"times": 100},
            "the rate is a hundred times too high",
            "Compare your first held-out loss with the training loss before it.",
            "Somebody's loop has a factor in its optimizer that the text hasn't.",
            "The rate is `rate`, and during the warm-up less.",
        ),
        looping(
            "clipped-after-the-step",
            {"order": "clipped after"},
            "clipping has no effect: it comes after the parameters have moved, or never",
            "What uses the clipped gradients in your loop?",
            "backward, clip, step.",
            "Call `clip_grad_norm_` between `backward` and `optimizer.step()`.",
        ),
        looping(
            "clips-values-after-the-norm",
            {"clip": "norm, value"},
            "the norm is right, and then each number is cut off at `largest`: that turns the "
            "gradient's direction",
            "Is the clipped gradient a multiple of the gradient?",
            "There are two functions for clipping. One looks at the norm of all.",
            "`clip_grad_norm_` clips and gives the norm before; nothing else is needed.",
        ),
        looping(
            "mean-over-sentences",
            {"mean": "sentences"},
            "the sum over all labels is divided by the number of sentences, not of labels",
            "How does your loss change when every sentence becomes twice as long?",
            "The text asks for the average over all labels that are not padding.",
            "`cross_entropy` averages by itself, and leaves out what `ignore_index` names.",
        ),
        looping(
            "zipped",
            {"returned": "zipped"},
            "a list of triples comes back, one for each step; three lists are asked for",
            "How many things does `fit` return after five steps?",
            "The text asks for three lists, one number a step in each.",
            "Return the three lists, with commas.",
        ),
        looping(
            "clipped-by-value",
            {"clip": "value"},
            "each number is cut off at `largest`: that turns the gradient's direction",
            "Is the clipped gradient a multiple of the gradient?",
            "There are two functions for clipping. One looks at the norm of all.",
            "Use `clip_grad_norm_`.",
        ),
        looping(
            "clipped-one-by-one",
            {"clip": "each"},
            "each parameter is clipped by its own norm, not all by their common one",
            "How many norms do you compute in a step?",
            "The norm is that of all parameters together.",
            "Hand all parameters to `clip_grad_norm_` at once.",
        ),
        looping(
            "norms-after-clipping",
            {"norms": "after clipping"},
            "the norms returned are those after clipping: no curve will ever show a blow-up",
            "Can one of your norms be above `largest`?",
            "The curve is for you to read: it should show what came in.",
            "`clip_grad_norm_` returns the norm before.",
        ),
        looping(
            "judged-with-dropout",
            {"mode": "train stays"},
            "the model is judged with dropout on",
            "In which mode is the model when it sees `held_out`?",
            "Dropout belongs to training.",
            "Call `self.eval()` before you judge.",
        ),
        looping(
            "dropout-only-once",
            {"mode": "eval stays"},
            "after the first judgement the model stays in evaluation mode: no dropout from then on",
            "In which mode is the model in the second step?",
            "`eval()` holds until somebody calls `train()`.",
            "Call `self.train()` in every step.",
        ),
        looping(
            "never-in-training-mode",
            {"mode": "never"},
            "the model never is in training mode",
            "In which mode is the model in the first step?",
            "You get the model in evaluation mode.",
            "Call `self.train()` in every step.",
        ),
        looping(
            "judged-too-early",
            {"judged": "before"},
            "the model is judged before its parameters have moved",
            "Which model does your first held-out loss belong to?",
            "Point 6 comes after point 5.",
            "Judge after `optimizer.step()`.",
        ),
        looping(
            "judged-on-the-batch",
            {"judged": "on the batch"},
            "the model is judged on what it was just trained on",
            "Which pair does your third list belong to?",
            "Seen rows tell nothing about unseen ones.",
            "Use `held_out`.",
        ),
        looping(
            "loss-after-the-update",
            {"losses": "after"},
            "the training loss is computed again after the update",
            "Which parameters does your first training loss belong to?",
            "The list holds the losses of point 3.",
            "Note the loss that you called `backward` on.",
        ),
        looping(
            "running-mean",
            {"losses": "running"},
            "the training losses are means over all steps so far",
            "Is your second loss the mean of two?",
            "One loss a step.",
            "Note the loss of each batch as it is.",
        ),
        looping(
            "step-before-backward",
            {"step": "before backward"},
            "the parameters move before `backward`: every step uses the gradient of the last batch",
            "What have the parameters moved by after the first step?",
            "loss, backward, clip, step.",
            "Call `optimizer.step()` after `backward`.",
        ),
        looping(
            "adam",
            {"optimizer": "Adam"},
            "the optimizer is Adam; the text asks for SGD",
            "Which optimizer does point 5 name?",
            "Adam scales every number's step, so clipping hardly matters to it.",
            "Use `torch.optim.SGD`.",
        ),
        looping(
            "momentum",
            {"optimizer": "momentum"},
            "the optimizer has a momentum; the text asks for plain SGD",
            "What does your SGD do with the gradient of the step before?",
            "Plain SGD moves by rate times gradient.",
            "Give `torch.optim.SGD` the parameters and a rate, nothing more.",
        ),
        looping(
            "last-batch-dropped",
            {"dropped": 1},
            "the last batch is left out",
            "How long are your lists?",
            "One step for each batch.",
            "Loop over all of `batches`.",
        ),
        looping(
            "first-batch-only",
            {"first only": True},
            "every step trains on the first batch",
            "Which batch does your second step use?",
            "A variable of the loop may not be the one you use.",
            "Unpack source and target from the batch of this round.",
        ),
        looping(
            "masks-exchanged",
            {"back": "exchanged"},
            "the two masks are exchanged: the self-attention gets the source's padding, the "
            "cross-attention the causal mask",
            "Which of your masks has the axes (query, query)?",
            "`score` wants the mask for looking back first, then the one for looking over.",
            "`self.score(source, given, mask, memory_mask)`, in this order.",
        ),
        looping(
            "no-step",
            {"step": "never"},
            "no parameter moves: `optimizer.step()` is missing, or moves others than the model's",
            "Print one parameter before and after a step.",
            "The optimizer does nothing until it is told to.",
            "Call `optimizer.step()` after clipping.",
        ),
        Mistake(
            "full-rate-at-least",
            WrongTrainer,
            {"step": {"rate": "at least"}},
            says="the rate is never below `rate`: `max` stands where `min` belongs",
            hints=(
                "What are your first three rates, with a warm-up of 10?",
                "The warm-up begins below `rate`, and `rate` is the most.",
                "Take the smaller of 1 and n / warm_up.",
            ),
        ),
        Mistake(
            "warm-up-in-whole-steps",
            WrongTrainer,
            {"step": {"rate": "in whole steps"}},
            says="the warm-up jumps from 0 to 1: `//` throws the fraction away",
            hints=(
                "What are your first three rates, with a warm-up of 10?",
                "`//` gives whole numbers.",
                "Divide with one stroke.",
            ),
        ),
        Mistake(
            "source-and-given-exchanged",
            WrongTrainer,
            {"step": {"heard": "exchanged"}},
            says="`self.score` is handed the given tokens as source, and the source as given",
            hints=(
                "In which order does `score` take its arguments?",
                "The first is what is read, the second what was written so far.",
                "Source first, then what the decoder is given.",
            ),
        ),
        Mistake(
            "losses-are-tensors",
            WrongTrainer,
            {"step": {"plain numbers": "losses"}},
            says="your losses are tensors, with all that made them; plain numbers were asked for",
            hints=(
                "What does `type(losses[0])` say?",
                "A loss that you keep keeps the whole step in memory.",
                "Take the number out before you append it.",
            ),
        ),
        Mistake(
            "norms-are-tensors",
            WrongTrainer,
            {"step": {"plain numbers": "norms"}},
            says="your norms are tensors; plain numbers were asked for",
            hints=(
                "What does `type(norms[0])` say?",
                "`clip_grad_norm_` returns a tensor.",
                "Take the number out before you append it.",
            ),
        ),
        Mistake(
            "learns-from-both",
            WrongTrainer,
            {"step": {"judged": "learned from, added up"}},
            says="the model is trained on `held_out`, too: its gradients are added, and "
            "another step is taken",
            hints=(
                "How often does your optimizer step in one round?",
                "Nothing is learned from `held_out`.",
                "Judge under `torch.no_grad()`, without `backward` and `step`.",
            ),
        ),
        Mistake(
            "judged-at-the-end",
            WrongTrainer,
            {"step": {"judged": "at the end"}},
            says="the model is judged once, when all is over; a number for each step was asked for",
            hints=(
                "How long is your third list?",
                "The curve shows each new model.",
                "Judge inside the loop, behind the step.",
            ),
        ),
        Mistake(
            "no-masks",
            WrongTrainer,
            {"step": {"causal": "no masks"}},
            says="`score` gets no masks: the writer sees the future, and both sides look at "
            "padding",
            hints=(
                "What does `self.score` do when you hand it no mask?",
                "Section 8.3 made two masks: for looking back and for looking over.",
                "Build both from `given` and `source`, and hand them in.",
            ),
        ),
        Mistake(
            "axes-of-the-loss",
            WrongTrainer,
            {"step": {"mean": "axes"}},
            says="`cross_entropy` wants the classes on axis 1, and yours are on the last",
            hints=(
                "Print the shapes of the scores and of what is asked.",
                "Two axes fit best: a row of scores for each label.",
                "Flatten batch and positions of both before you hand them in.",
            ),
        ),
        Mistake(
            "clipped-to-1",
            WrongTrainer,
            {"step": {"clip": "to 1"}},
            says="the gradients are clipped to a norm of 1, whatever `largest` says",
            hints=(
                "Where does `largest` stand in your code?",
                "The limit comes as an argument.",
                "Hand `largest` to `clip_grad_norm_`.",
            ),
        ),
    ],
    hints=(
        "Run your loop for one step, then for two, and compare the numbers with the text.",
        "Print one row of what is given and asked, both masks, and the mode of the model.",
        "Rate, training mode, loss, zero, backward, clip, step, evaluation mode, loss: in this "
        "order, in every step.",
    ),
    allows=Edges(
        sizes=(0, 1), labels=("different lengths", "nothing to clip", "one step", "no batch")
    ),
    also_right=[HandTrainer, ScheduledTrainer],
    any_sequence=True,
    plain_numbers=True,
)
RUN = replace(RUN, mistakes=[*also_plain(RUN.mistakes)])


# --- 08.greedy ------------------------------------------------------------------------------


class Scores(nn.Module):
    """The given half of `Writer`."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d_model)
        self.to_scores = nn.Linear(d_model, vocab_size)

    def score(self, ids):
        place = torch.arange(1, ids.shape[1] + 1)[:, None]
        return self.to_scores(torch.tanh((self.table(ids) * place.cos()).cumsum(dim=1)))


STOPS = {"first row ended": 0, "last row ended": -1}


class WrongWriter(Scores):
    """The loop with its steps exchangeable, so that each mistake is one of them."""

    def __init__(
        self,
        vocab_size,
        d_model,
        *,
        at=-1,
        sees="all",
        best="row",
        stops="all ended",
        behind="pad",
        late=False,
        extra=0,
        least=0,
        counts="new",
        returns="all",
        forgets=False,
    ):
        super().__init__(vocab_size, d_model)
        self.at, self.sees, self.best, self.stops = at, sees, best, stops
        self.behind, self.late, self.extra, self.returns = behind, late, extra, returns
        self.forgets, self.least, self.counts = forgets, least, counts

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        begin, ended = ids.shape[1], torch.zeros(len(ids), 1, dtype=torch.bool)
        self.pad, late_by_one = pad_id, False
        have = begin if self.counts == "all" else 0
        max_new = 100 if self.counts == "to 100" else max_new
        for _ in range(max(max_new + self.extra - have, self.least)):
            if (self.stops == "all ended" and ended.all()) or late_by_one:
                break
            late_by_one = self.stops == "a round late" and bool(ended.all())
            if self.stops == "one ended" and ended.any():
                break
            if self.stops in STOPS and ended[STOPS[self.stops]]:
                break
            scores = self.score(ids if self.sees == "all" else ids[:, -1:])[:, self.at]
            best = self.pick(scores)
            if self.late:
                ended = ended | (best == end_id)
            filler = {"pad": pad_id, "end": end_id, "zero": 0}.get(self.behind)
            best = best if filler is None else best.masked_fill(ended, filler)
            ended = (best == end_id) | (ended & (not self.forgets))
            ids = torch.cat([ids, best], dim=1)
        return ids if self.returns == "all" else ids[:, begin:]

    def pick(self, scores):
        if self.best == "without padding":
            scores = scores.clone()
            scores[:, self.pad] = -torch.inf
        if self.best == "rounded":
            scores = scores.softmax(dim=-1).round(decimals=2)
        if self.best == "first row":
            return scores[:1].argmax(dim=-1, keepdim=True).expand(len(scores), 1)
        if self.best == "worst":
            return scores.argmin(dim=-1, keepdim=True)
        return scores.argmax(dim=-1, keepdim=True)


class WrongPick(WrongWriter):
    """Mistakes about what is written; a class of its own, so that pairs stay few."""


class WorstPick(WrongWriter):
    """One mistake alone: what else is wrong with the worst token, no one can tell for sure."""


class WrongCount(WrongWriter):
    """Mistakes about how much is written and returned, for the same reason."""


class PageWriter(Scores):
    """The loop of section 8.4; with `together`, it stops when all rows end in one step."""

    def __init__(self, vocab_size, d_model, *, together=False):
        super().__init__(vocab_size, d_model)
        self.together = together

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        for _ in range(max_new):
            best = self.score(ids)[:, -1:].argmax(dim=-1)
            ids = torch.cat([ids, best], dim=1)
            if self.together and (best == end_id).all():
                break
        return ids


class PadsEndWriter(Scores):
    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        for _ in range(max_new):
            ended = ((ids == end_id) | (ids == pad_id)).any(dim=1, keepdim=True)
            if ended.all():
                break
            best = self.score(ids)[:, -1:].argmax(dim=-1).masked_fill(ended, pad_id)
            ids = torch.cat([ids, best], dim=1)
        return ids


class ItemWriter(Scores):
    """Written for one row: it asks `.item()`, and stops in front of the end mark."""

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        for _ in range(max_new):
            best = self.score(ids)[:, -1].argmax(dim=-1)
            if best.item() == end_id:
                break
            ids = torch.cat([ids, best[:, None]], dim=1)
        return ids


class EndlessWriter(Scores):
    """It stops where every row would end, in front of the marks, and remembers nobody's end."""

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        for _ in range(max_new):
            best = self.score(ids)[:, -1:].argmax(dim=-1)
            if (best == end_id).all():
                break
            ids = torch.cat([ids, best], dim=1)
        return ids


class OnceWriter(Scores):
    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        best = self.score(ids)[:, -1:].argmax(dim=-1)
        ended = torch.zeros_like(best, dtype=torch.bool)
        for _ in range(max_new):
            if ended.all():
                break
            token = best.masked_fill(ended, pad_id)
            ended = ended | (token == end_id)
            ids = torch.cat([ids, token], dim=1)
        return ids


class RecursiveWriter(Scores):
    """Right: who has ended is read off the ids, in each call anew."""

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        ended = ids.eq(end_id).any(dim=1)
        if not max_new or ended.all():
            return ids
        best = torch.where(ended, pad_id, self.score(ids)[:, -1].argmax(dim=1))
        return self.write(torch.cat([ids, best[:, None]], dim=1), end_id, pad_id, max_new - 1)


class OneByOneWriter(Scores):
    """Right: every row alone, then filled up."""

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        rows = []
        for row in ids:
            for _ in range(max_new):
                best = self.score(row[None])[0, -1].argmax()
                row = torch.cat([row, best[None]])
                if best == end_id:
                    break
            rows.append(row)
        return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad_id)


class CuttingWriter(Scores):
    """Right: write everything, then fill and cut."""

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        begin = ids.shape[1]
        for _ in range(max_new):
            ids = torch.cat([ids, self.score(ids)[:, -1].topk(1).indices], dim=1)
        new = ids[:, begin:]
        over = (new == end_id).int().cumsum(dim=1)
        behind = (over - (new == end_id).int()) > 0
        needed = int((~behind).any(dim=0).sum())
        return torch.cat([ids[:, :begin], new.masked_fill(behind, pad_id)[:, :needed]], dim=1)


def writer_state(generator, vocab_size, d_model, pad_id):
    state = {
        "table.weight": 1.5 * normal(generator, vocab_size, d_model),
        "to_scores.weight": normal(generator, vocab_size, d_model),
        "to_scores.bias": 0.3 * normal(generator, vocab_size),
    }
    state["to_scores.bias"][pad_id] = -60.0  # never the best
    return state


def greedy_cases(generator):
    def tried(
        label,
        begin,
        max_new,
        wanted,
        vocab=11,
        width=5,
        end_id=None,
        pad_id=0,
        pads=False,
        close=False,
    ):
        """Draw small models until beginnings are found whose rows end as `wanted` says."""
        while True:
            end = whole(generator, 1, vocab - 1) if end_id is None else end_id
            state = writer_state(generator, vocab, width, pad_id)
            if pads:
                state["to_scores.bias"][pad_id] = 0.5
            free = torch.tensor([i for i in range(vocab) if i not in (end, pad_id)])
            pool = free[torch.randint(len(free), (60, begin), generator=generator)]
            model = CuttingWriter(vocab, width)
            model.load_state_dict(state)
            written = model.write(pool, end, pad_id, max_new)[:, begin:].tolist()
            ids = pool[picked(written, end, wanted)]
            fits = len(ids) == len(wanted) and different(model, ids, end, pad_id, max_new)
            fits = fits and (not close or different(model, ids, end, pad_id, max_new, ROUNDED))
            if fits and (not pads or pads_early(model, ids, end, pad_id, max_new)):
                init = {"vocab_size": vocab, "d_model": width}
                planned = call(ids, end, pad_id, max_new, method="write")
                return Case(label, [planned], init=init, state=state)

    never = (0, 0)
    return [
        tried("rows end at different times", 2, 13, [(6, 7), (9, 11), (2, 4)]),
        tried("nobody ends in time", 3, 5, [never, never]),
        tried("one row ends, one goes on", 1, 7, [(2, 4), never]),
        tried("the pad id is not 0", 1, 12, [(2, 3), (8, 10), (5, 6)], pad_id=7, end_id=0),
        tried("the last token is the end", 2, 4, [(4, 4)]),
        tried("a single row that ends early", 2, 9, [(3, 5)]),
        tried("the model writes pad_id itself", 2, 9, [(2, 9)], pads=True),
        tried("two tokens score nearly alike", 2, 12, [(3, 9), never], close=True),
        Case(
            "nothing to write",
            [call(torch.tensor([[3, 4]]), 1, 0, 0, method="write")],
            init={"vocab_size": 5, "d_model": 3},
            state=writer_state(generator, 5, 3, 0),
        ),
    ]


def picked(written, end, wanted):
    """Different rows that end within each (low, high) of `wanted`; 0 means that it never ends."""
    found = []
    for low, high in wanted:
        for number, row in enumerate(written):
            ends = row.index(end) + 1 if end in row else 0
            if low <= ends <= high and row not in [written[other] for other in found]:
                found.append(number)
                break
    return found


def pads_early(model, ids, end, pad, max_new):
    """Does a row hold padding that the model wrote, in front of its end?"""
    new = model.write(ids, end, pad, max_new)[:, ids.shape[1] :].tolist()
    return all(pad in row[: row.index(end)] for row in new)


ROUNDED = {"best": "rounded"}  # two tokens score nearly alike


def different(model, ids, end, pad, max_new, flags=None):
    """Does what is written depend on more than the last token, or than what these flags leave?"""
    other = WrongPick(*model.table.weight.shape, **(flags or {"sees": "last"}))
    other.load_state_dict(model.state_dict())
    full = model.write(ids, end, pad, max_new)
    return not torch.equal(full, other.write(ids, end, pad, max_new))


class OddWriter(Scores):
    """Loops that stop with an error, or write too much: not tried in pairs."""

    def __init__(self, vocab_size, d_model, *, slip):
        super().__init__(vocab_size, d_model)
        self.slip = slip

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        ended = torch.zeros(len(ids), dtype=torch.bool)
        for _ in range(max_new):
            if (ids[:, -1] == pad_id).all() if self.slip == "stops at padding" else ended.all():
                break
            scores = self.score(ids)
            if self.slip == "ended rows dropped":
                best = scores[:, -1:].argmax(dim=-1)
                ids = torch.cat([ids, best], dim=1)[best[:, 0] != end_id]
                ended = ended[: len(ids)]
                if not len(ids):
                    break
                continue
            if self.slip == "end not appended":
                best = scores[:, -1].argmax(dim=-1).masked_fill(ended, pad_id)
                ended = ended | (best == end_id)
                if ended.all():
                    break
                ids = torch.cat([ids, best[:, None]], dim=1)
                continue
            if self.slip == "every position":
                best = scores.argmax(dim=-1).masked_fill(ended[:, None], pad_id)
                ended = ended | (best[:, -1] == end_id)
                ids = torch.cat([ids, best], dim=1)
                continue
            best = (scores[-1] if self.slip == "last row" else scores[:, -1]).argmax(dim=-1)
            best = best.masked_fill(ended, pad_id)
            ids = torch.cat([ids, best if self.slip == "no axis" else best[:, None]], dim=1)
            ended = ended | (best == end_id)
        return ids[:, :-1] if self.slip == "last column cut" else ids


class StackedWriter(Scores):
    """Every row alone; rows of different lengths are then stacked."""

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        rows = [OneByOneWriter.write(self, row[None], end_id, pad_id, max_new)[0] for row in ids]
        return torch.stack(rows)


class SingleWriter(Scores):
    """Written for one row: it asks `.item()`."""

    @torch.no_grad()
    def write(self, ids, end_id, pad_id, max_new):
        for _ in range(max_new):
            best = self.score(ids)[:, -1].argmax(dim=-1).item()
            ids = torch.cat([ids, torch.tensor([[best]])], dim=1)
            if best == end_id:
                break
        return ids


def once_writer(*sizes, **flags):
    """Mistakes that are not tried in pairs."""
    return WrongWriter(*sizes, **flags)


GREEDY = Exercise(
    id="08.greedy",
    title="Write until everyone has ended",
    kind="code",
    points=3,
    name="Writer",
    cases=greedy_cases,
    axes="batch seq",
    mistakes=[
        mistake(
            once_writer,
            "stops-at-the-first-rows-end",
            {"stops": "first row ended"},
            "the loop stops when the first row has ended, whatever the others do",
            "What stands in your condition for a batch of three?",
            "One row says nothing of the others.",
            "`.all()` over all rows.",
        ),
        mistake(
            once_writer,
            "stops-at-the-last-rows-end",
            {"stops": "last row ended"},
            "the loop stops when the last row has ended, whatever the others do",
            "What stands in your condition for a batch of three?",
            "One row says nothing of the others.",
            "`.all()` over all rows.",
        ),
        mistake(
            once_writer,
            "never-writes-padding",
            {"best": "without padding"},
            "your loop never lets the model choose pad_id; should the model write it by itself, "
            "that is a token like any other",
            "What do you do to the scores before argmax?",
            "Only rows that have ended are filled by you.",
            "Take the best score as it is.",
        ),
        mistake(
            once_writer,
            "chances-rounded",
            {"best": "rounded"},
            "you round before you take the best: tokens that score nearly alike become equal, "
            "and the first of them wins",
            "What do you do to the scores before argmax?",
            "argmax needs neither softmax nor rounding.",
            "Take the best score as it is.",
        ),
        mistake(
            once_writer,
            "max-new-not-asked",
            {"counts": "to 100"},
            "your loop has a limit of its own, 100, and `max_new` is never asked",
            "Where does max_new occur in your code?",
            "Two things end the loop, whichever comes first.",
            "`for _ in range(max_new)`.",
        ),
        mistake(
            OddWriter,
            "ended-rows-dropped",
            {"slip": "ended rows dropped"},
            "rows that have ended are taken out of the batch and never come back",
            "How many rows do you return? As many as came in.",
            "A row that has ended gets pad_id from then on.",
            "Keep all rows, and remember who has ended.",
        ),
        Mistake(
            "stops-at-padding",
            OddWriter,
            {"slip": "stops at padding"},
            says="the loop stops where a whole column is padding: one round late, and too "
            "early when the model writes `pad_id` by itself",
            hints=(
                "Let the model write `pad_id` before any end. When does your loop stop?",
                "Only `end_id` ends a row.",
                "Keep for each row whether it has written its end, and stop when all have.",
            ),
        ),
        Mistake(
            "last-ends-not-written",
            OddWriter,
            {"slip": "end not appended"},
            says="the loop stops before it has appended the round in which the last row ends: its "
            "end mark is missing, and the column with it",
            hints=(
                "What is the last token of the row that ends last?",
                "`end_id` is written like any other token, and then the row is silent.",
                "Append first, then ask whether all have ended.",
            ),
        ),
        Mistake(
            "last-column-cut",
            OddWriter,
            {"slip": "last column cut"},
            says="the last column is cut off what you return",
            hints=(
                "Call it with `max_new=0`. How wide is what comes back?",
                "Each column was written because a row needed it.",
                "Return the ids as they are after the loop.",
            ),
        ),
        Mistake(
            "together-and-no-end",
            EndlessWriter,
            {},
            says="the loop stops in front of the end mark, which is never written, and only when "
            "all rows would end in the same step",
            hints=(
                "Does `end_id` stand at the end of your rows?",
                "Rows end at different times: keep a bool for each of them.",
                "Append first, then note with `|` which rows have written `end_id`.",
            ),
        ),
        Mistake(
            "one-row-and-no-end",
            ItemWriter,
            {},
            says="the loop asks `.item()`, which knows a single row only, and it stops before the "
            "end mark is appended",
            hints=(
                "What does your loop do with a batch of three rows?",
                "Rows end at different times: keep a bool for each of them.",
                "Append first, then note with `|` which rows have written `end_id`.",
            ),
        ),
        Mistake(
            "never-stops-early",
            WrongWriter,
            {"stops": "never"},
            says="the result is always `max_new` wider, even when every row has ended: the loop "
            "goes on, or the rest is filled with padding",
            hints=(
                "How wide is your result when all rows end early?",
                "When every row has ended, there is nothing left to do.",
                "Keep a bool for each row, and leave the loop when all are True.",
            ),
        ),
        Mistake(
            "stops-at-the-first-end",
            WrongWriter,
            {"stops": "one ended"},
            says="the loop stops as soon as one row has ended, and the others are cut off",
            hints=(
                "Rows end at different times. When may you stop?",
                "*Every* row has to have ended.",
                "Of `any` and `all`, which do you use?",
            ),
        ),
        Mistake(
            "goes-on-behind-the-end",
            WrongWriter,
            {"behind": "tokens"},
            says="a row that has ended goes on writing while it waits for the others",
            hints=(
                "Look at a row that ends before the others. What stands behind its end?",
                "Remember for each row whether it has ended, from one round to the next.",
                "Replace the best token by `pad_id` where a row has ended already.",
            ),
        ),
        Mistake(
            "forgets-who-ended",
            WrongWriter,
            {"forgets": True},
            says="a row that has ended is padded once and then writes on: you only ask whether "
            "its last token is the end",
            hints=(
                "Look at a row that ends long before the others.",
                "After one round of padding, the last token of that row is no end any more.",
                "Who has ended stays ended: combine with what you knew, by |.",
            ),
        ),
        Mistake(
            "ends-instead-of-padding",
            WrongWriter,
            {"behind": "end"},
            says="behind its end a row is filled up with `end_id`, not with `pad_id`",
            hints=(
                "How often does a row end?",
                "What stands behind the end is padding, and has an id of its own.",
                "Fill with `pad_id`.",
            ),
        ),
        Mistake(
            "end-not-written",
            WrongWriter,
            {"late": True},
            says="the end mark itself is replaced by padding",
            hints=(
                "Does `end_id` occur anywhere in your result?",
                "The token that ends a row is still written; what comes after it is not.",
                "Replace first, with what you knew *before* this round; then note who has ended.",
            ),
        ),
        Mistake(
            "scores-of-the-first-position",
            WrongPick,
            {"at": 0},
            says="the scores are read at the first position, so every round gives the same token",
            hints=(
                "`score` returns scores for every position. Which of them are new in each round?",
                "What comes next stands at the last position.",
                "Index the axis of positions from the end.",
            ),
        ),
        Mistake(
            "only-the-last-token-seen",
            WrongPick,
            {"sees": "last"},
            says="the model is handed the last token only, and forgets what it wrote before",
            hints=(
                "What do you hand to `score`?",
                "The scores depend on everything written so far.",
                "Hand over all ids in every round.",
            ),
        ),
        Mistake(
            "first-row-decides",
            WrongPick,
            {"best": "first row"},
            says="the best token of the first row is written into all rows",
            hints=(
                "Try two different beginnings. Are the continuations different?",
                "Each row has scores of its own.",
                "Take the largest along the last axis only, and keep the axis of rows.",
            ),
        ),
        Mistake(
            "worst-token",
            WorstPick,
            {"best": "worst"},
            says="the token with the *lowest* score is written",
            hints=(
                "Print the scores of one round, and what you take.",
                "A high score means: likely.",
                "Of argmin and argmax, which do you use?",
            ),
        ),
        Mistake(
            "one-too-many",
            WrongCount,
            {"extra": 1},
            says="`max_new + 1` tokens are written",
            hints=(
                "Call it with `max_new` 0. What comes back?",
                "Count the rounds of your loop.",
                "Look at the condition that ends the loop: is it checked before or after a token?",
            ),
        ),
        Mistake(
            "a-round-too-late",
            WrongWriter,
            {"stops": "a round late"},
            says="the loop stops one round late: behind the last end stands a column of padding",
            hints=(
                "What stands in your last column when all rows end early?",
                "As soon as the last row has ended, there is nothing left to append.",
                "Ask who has ended *after* this round's tokens are known.",
            ),
        ),
        Mistake(
            "always-one",
            WrongCount,
            {"least": 1},
            says="one token is written even when `max_new` is 0",
            hints=(
                "Call it with `max_new` 0. What comes back?",
                "The limit is asked for only after the first token.",
                "Loop over `range(max_new)`.",
            ),
        ),
        Mistake(
            "beginning-counted",
            WrongCount,
            {"counts": "all"},
            says="`max_new` is taken for the width of the whole result, beginnings included",
            hints=(
                "How many tokens do you append at most?",
                "`max_new` counts new tokens only.",
                "Loop over `range(max_new)`, however long the beginnings are.",
            ),
        ),
        Mistake(
            "zero-as-padding",
            WrongWriter,
            {"behind": "zero"},
            says="rows that have ended are filled up with 0, and `pad_id` is never asked",
            hints=(
                "In some vocabularies 0 is an ordinary token.",
                "The id of the padding is handed to your function.",
                "Fill with `pad_id`.",
            ),
        ),
        Mistake(
            "beginnings-dropped",
            WrongCount,
            {"returns": "new"},
            says="only the new tokens are returned, without the beginnings",
            hints=(
                "How wide should the result be when `max_new` is 0?",
                "The beginnings are part of the result.",
                "Append to `ids`, and return all of it.",
            ),
        ),
        Mistake(
            "loop-of-the-page",
            PageWriter,
            {},
            says="no row ever counts as ended, as in the loop of section 8.4: it always writes "
            "`max_new` tokens, and rows go on behind their ends",
            hints=(
                "Write down what your loop does with a batch in which one row ends after two "
                "tokens, the other after four.",
                "Section 8.4's loop knows nothing of ends: each row has to be told to be silent, "
                "and the loop when to stop.",
                "Keep a bool for each row from one round to the next; pad where it is True, and "
                "stop when all are.",
            ),
        ),
        Mistake(
            "ends-in-one-step",
            PageWriter,
            {"together": True},
            says="the loop stops only when all rows write the end in the same step, and rows go "
            "on behind their ends",
            hints=(
                "Write down what your loop does with a batch in which one row ends after two "
                "tokens, the other after four.",
                "Section 8.4's loop knows nothing of ends: each row has to be told to be silent, "
                "and the loop when to stop.",
                "Keep a bool for each row from one round to the next; pad where it is True, and "
                "stop when all are.",
            ),
        ),
        Mistake(
            "one-too-few",
            WrongCount,
            {"extra": -1},
            says="`max_new - 1` tokens are written when nobody ends",
            hints=(
                "Call it with `max_new` 1. What comes back?",
                "Count the rounds of your loop.",
                "Loop over `range(max_new)`.",
            ),
        ),
        Mistake(
            "padding-ends-a-row",
            PadsEndWriter,
            {},
            says="a row counts as ended when the model writes `pad_id` itself; only `end_id` ends "
            "a row",
            hints=(
                "What happens in your loop when the best token is `pad_id`?",
                "Padding behind an end comes from you. Padding before it is a token like any "
                "other.",
                "Ask for `end_id` alone.",
            ),
        ),
        Mistake(
            "scored-once",
            OnceWriter,
            {},
            says="the scores are computed once, before the loop: every round writes the same token",
            hints=(
                "How often do you call `score`?",
                "What comes next depends on everything written so far, the last token included.",
                "Call `score` in every round, with all ids.",
            ),
        ),
        Mistake(
            "every-position-appended",
            OddWriter,
            {"slip": "every position"},
            says="the best token of *every* position is appended, not that of the last one only",
            hints=(
                "How many tokens does one round of your loop append to a row?",
                "`score` answers at each position; the new token comes from the last.",
                "Take the scores at the last position before you look for the best.",
            ),
        ),
        Mistake(
            "axis-missing",
            OddWriter,
            {"slip": "no axis"},
            says="the new tokens have no axis of positions: `cat` wants (batch, 1) behind "
            "(batch, n)",
            hints=(
                "Print the shapes of `ids` and of what you append.",
                "`argmax` takes an axis away; with `keepdim=True` it stays, at size 1.",
                "Give the new tokens an axis of size 1 before `cat`.",
            ),
        ),
        Mistake(
            "last-row-picked",
            OddWriter,
            {"slip": "last row"},
            says="what you pick is not one token for each sentence: `scores[-1]` is the last "
            "sentence, `[:, -1]` the last position of all, and the best is looked for along the "
            "last axis",
            hints=(
                "Which axis of the scores holds the positions?",
                "The scores are (batch, seq, vocab).",
                "Take all sentences, and of each the last position.",
            ),
        ),
        Mistake(
            "stacked-as-they-are",
            StackedWriter,
            {},
            says="rows that end at different times are stacked as they are: nothing fills the "
            "shorter ones up",
            hints=(
                "How long is each of your rows before you stack them?",
                "`stack` wants equal shapes.",
                "Fill each row up to the longest, with `pad_id`.",
            ),
        ),
        Mistake(
            "one-row-at-a-time",
            SingleWriter,
            {},
            says="your loop holds one token for the whole batch: `.item()` takes a single one",
            hints=(
                "How many new tokens does a batch of three need in each round?",
                "Each row has a best token of its own.",
                "Keep the best tokens as a tensor, one for each row.",
            ),
        ),
    ],
    hints=(
        "Write down what your loop does with a batch in which one row ends after two tokens, the "
        "other after four.",
        "Section 8.4's loop knows nothing of ends: each row has to be told to be silent, and the "
        "loop when to stop.",
        "Keep a bool for each row from one round to the next; pad where it is True, and stop when "
        "all are.",
    ),
    allows=Edges(
        sizes=(0, 1),
        labels=("nobody ends", "one goes on", "pad id is not 0", "last token", "writes pad_id"),
    ),
    also_right=[OneByOneWriter, CuttingWriter, RecursiveWriter],
)


EXERCISES = [BLOCK, MASKS, SHIFT, LEAK, GREEDY, RUN, CROSS]
