"""Answer key of chapter 06: waves, turning pairs, penalties and buckets, and two tests of them."""

import math
from dataclasses import replace
from functools import partial
from itertools import permutations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.grader.judging.edges import around, in_dtype
from course_lib.grader.judging.key import Edges, Exercise, Mistake, call, case, told_of
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.rotary import Rotary


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def alone(function):
    """The same function as another one: a mistake of its own is not tried together with others."""
    return lambda *args, **more: function(*args, **more)


LAST_OF_THE_KEYS = (
    "With one query and one key, where does the query stand?",
    "Places count from 0, so 5 keys end at place 4.",
    "The queries' places start at the number of keys minus the number of queries.",
)


def mistake(function, name, flags, says, *hints):
    return Mistake(name, function, flags, says=says, hints=hints)


# --- 06.sinusoidal --------------------------------------------------------------------------


def sinusoidal_cases(generator):
    # Few places where the base is large: speeds that grow by mistake still give angles that
    # float32 tells apart, and the mistake its name.
    return [
        case("7 places, 4 columns", 7, 4),
        case("another base", 11, 6, 100.0),
        case("53 places", 53, 4, 50.0),
        case("7 places, 4 columns, another base", 7, 4, 50.0),
        case("one wave only", 5, 2),
        case("22 columns, base 31", 5, 22, base=31.0),
        case("one place", 1, 6),
        case("a whole number as the base", 3, 8, 20),
        case("an odd width", 5, 7),
        case("an odd width, one column", 3, 1, 100.0),
    ]


def wrong_sinusoidal(
    max_len,
    d_model,
    base=10_000.0,
    *,
    check=True,
    exponent="paper",
    own_base=None,
    start=0,
    grow=False,
    turns=False,
    lay="pairs",
    swapped=False,
    turned_over=False,
    cosine="same",
):
    if check and d_model % 2:
        raise ValueError("d_model must be even")
    pairs = (d_model + 1) // 2
    base = math.e ** math.log10(base) if own_base == "log10" else own_base or base
    column = torch.arange(pairs, dtype=torch.float64)
    share = {
        "paper": 2 * column / d_model,
        "single": column / d_model,
        "reaches-one": column / max(pairs - 1, 1),
        "doubled": 4 * column / d_model,
        "from-two": 2 * (column + 1) / d_model,
        "whole": 2 * column // d_model,
        "slowest-first": 2 * column.flip(0) / d_model,
    }
    speeds = base ** (share[exponent] if grow else -share[exponent])
    places = torch.arange(max_len, dtype=torch.float64) + (start if start == 1 else 0)
    angles = places[:, None] * speeds
    angles = angles / max(max_len, 1) if start == "shares" else angles
    angles = angles * {False: 1, True: 2 * math.pi, "degrees": math.pi / 180}[turns]
    later = angles * base ** (-2 / d_model) if cosine == "next" else angles
    one, other = (angles.cos(), later.sin()) if swapped else (angles.sin(), later.cos())
    if lay == "pairs":
        table = torch.stack([one, other], dim=-1).flatten(-2)
    else:
        table = torch.cat([one, other], dim=-1)
    table = table[:, :d_model].float()
    return table.T.contiguous() if turned_over else table


def own_speed_sinusoidal(max_len, d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("d_model must be even")
    column = torch.arange(d_model)
    angles = torch.arange(max_len)[:, None] / base ** (column / d_model)
    return torch.where(column % 2 == 0, angles.sin(), angles.cos())


def doubled_columns_sinusoidal(max_len, d_model, base=10_000.0):
    """The formula's i read as the number of the column."""
    if d_model % 2:
        raise ValueError("d_model must be even")
    column = torch.arange(d_model)
    angles = torch.arange(max_len)[:, None] / base ** (2 * column / d_model)
    return torch.where(column % 2 == 0, angles.sin(), angles.cos())


def by_row_sinusoidal(max_len, d_model, base=10_000.0):
    """Sines in even rows, cosines in odd ones."""
    if d_model % 2:
        raise ValueError("d_model must be even")
    column = torch.arange(d_model)
    angles = torch.arange(max_len)[:, None] * base ** (-(column // 2 * 2) / d_model)
    odd = torch.arange(max_len)[:, None] % 2 == 1
    return torch.where(odd, angles.cos(), angles.sin())


def silent_sinusoidal(max_len, d_model, base=10_000.0):
    """None where an error is asked for."""
    return None if d_model % 2 else wrong_sinusoidal(max_len, d_model, base)


def one_wave_sinusoidal(max_len, d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("d_model must be even")
    angles = torch.arange(max_len)[:, None] * base ** (-torch.arange(0, d_model, 2) / d_model)
    return angles.sin().repeat_interleave(2, dim=-1)


def finished_sinusoidal(max_len, d_model, base=10_000.0, *, error=ValueError, wide=False, front=0):
    """Right but for its last touch."""
    if d_model % 2:
        raise error("d_model must be even")
    table = wrong_sinusoidal(max_len, d_model, base)
    table = table.double() if wide else table
    return table.reshape(*[1] * front, *table.shape)


def looped_sinusoidal(max_len, d_model, base=10_000.0):
    if d_model % 2 != 0:
        raise ValueError(f"d_model is odd: {d_model}")
    table = torch.zeros(max_len, d_model)
    for p in range(max_len):
        for i in range(d_model // 2):
            angle = p / base ** (2 * i / d_model)
            table[p, 2 * i], table[p, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return table


def exponential_sinusoidal(max_len, d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("even, please")
    table = torch.empty(max_len, d_model)
    divisor = torch.exp(torch.arange(0, d_model, 2).float() * (-math.log(base) / d_model))
    table[:, 0::2] = torch.sin(torch.arange(max_len).unsqueeze(1) * divisor)
    table[:, 1::2] = torch.cos(torch.arange(max_len).unsqueeze(1) * divisor)
    return table


def complex_sinusoidal(max_len, d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("even, please")
    speeds = base ** (-torch.arange(0, d_model, 2) / d_model)
    angles = torch.outer(torch.arange(max_len).float(), speeds)
    hands = torch.polar(torch.ones_like(angles), math.pi / 2 - angles)  # cos first, so turn over
    return torch.view_as_real(hands).flatten(-2)


def shifted_sinusoidal(max_len, d_model, base=10_000.0):
    """A cosine is a sine, a quarter of a turn ahead."""
    if not d_model % 2 == 0:
        raise ValueError(d_model)
    column = torch.arange(d_model)
    angles = torch.arange(max_len).unsqueeze(1) * base ** (-(column - column % 2) / d_model)
    return (angles + math.pi / 2 * (column % 2)).sin()


class OddWidth(ValueError):
    pass


def numpy_sinusoidal(max_len, d_model, base=10_000.0):
    if d_model & 1:
        raise OddWidth(f"no cosine for the last of {d_model} columns")
    places, pairs = np.arange(max_len), np.arange(d_model // 2)
    angles = places[:, None] / np.power(float(base), 2 * pairs / d_model)
    table = np.zeros((max_len, d_model), dtype=np.float32)
    table[:, ::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return torch.from_numpy(table)


def slipped_sinusoidal(max_len, d_model, base=10_000.0, *, slip):
    """A bracket, a loop or a check as they are often misplaced."""
    if d_model % 2 and slip != "places":
        raise ValueError("d_model must be even")
    if max_len % 2 and slip == "places":
        raise ValueError("max_len must be even")
    places, column = torch.arange(max_len)[:, None], torch.arange(0, d_model, 2)
    if slip == "no bracket":
        angles = places / base**column / d_model
    elif slip == "divided too early":
        angles = places / (base**column / d_model)
    elif slip == "one less":
        angles = places / base ** (column / max(d_model - 1, 1))
    elif slip == "no places":
        angles = (1 / base ** (column / d_model)).expand(max_len, -1)
    elif slip == "all inside":
        angles = (places / base) ** (column / d_model)
    elif slip == "all columns":
        angles = places / base ** (torch.arange(d_model) / d_model)
    else:
        angles = places / base ** (column / d_model)
    table = torch.zeros(max_len, d_model)
    if slip == "first row":
        angles = angles[:1]
    if slip == "counts to the width":
        for i in range(d_model):
            table[0, 2 * i] = math.sin(0 / base ** (2 * i / d_model))
    if slip == "half of the columns":
        angles = torch.where(column < d_model // 2, angles, 0.0)
        half = torch.arange(d_model) < (d_model // 2 + 1) // 2 * 2
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
        return table * half
    if slip == "outside":
        return outside_sinusoidal(places, base ** (column / d_model))
    table[: len(angles), 0::2], table[: len(angles), 1::2] = angles.sin(), angles.cos()
    return table


def outside_sinusoidal(places, divisor):
    """The sine of the place, divided by the power."""
    return torch.stack([places.sin() / divisor, places.cos() / divisor], dim=-1).flatten(-2)


sinusoidal_slip = told_of(slipped_sinusoidal, "slip")
SINUSOIDAL_SLIPS = [
    sinusoidal_slip(
        "bracket-missing",
        "no bracket",
        "a bracket is missing: `p / base ** 2i / d_model` divides the whole by d_model, not the "
        "exponent",
        "What is row 1, column 0 of your table? It should be sin(1).",
        "Python reckons `**` first, then `/` from left to right.",
        "Put the exponent into brackets: base ** (2 * i / d_model).",
    ),
    sinusoidal_slip(
        "power-divided",
        "divided too early",
        "a bracket is missing: `base ** 2i / d_model` divides the power by d_model, not the "
        "exponent",
        "What is row 1, column 0 of your table? It should be sin(1).",
        "Python reckons `**` first, then `/` from left to right.",
        "Put the exponent into brackets: base ** (2 * i / d_model).",
    ),
    sinusoidal_slip(
        "divided-by-one-less",
        "one less",
        "the exponent is divided by d_model − 1; in the formula it is d_model",
        "Print your exponents for d_model = 4. The formula gives 0 and 0.5.",
        "The exponents stay below 1 without any −1.",
        "2 * i / d_model.",
    ),
    sinusoidal_slip(
        "position-left-out",
        "no places",
        "all rows are alike: the position p has no part in your angles",
        "Print rows 0 and 1 of your table. Row 0 should be 0, 1, 0, 1, …",
        "Which letter of the formula stands before the stroke?",
        "p / base ** (2 * i / d_model).",
    ),
    sinusoidal_slip(
        "divided-outside-of-the-sine",
        "outside",
        "you divide the sine by the power; the formula divides the position, inside the sine",
        "What is the largest number in column 2 of your table? Nearly 1, for many positions.",
        "Each wave is as high as the others; only slower.",
        "sin(p / base ** (2 * i / d_model)).",
    ),
    sinusoidal_slip(
        "position-in-the-power",
        "all inside",
        "the position is divided by the base first, and the power is taken of both",
        "What is row 1, column 0 of your table? It should be sin(1).",
        "The exponent belongs to the base alone.",
        "p / (base ** (2 * i / d_model)).",
    ),
    sinusoidal_slip(
        "first-row-only",
        "first row",
        "only the first row is filled, all others are 0: the loop over the positions ends after "
        "its first turn",
        "Print your table for 3 positions. Which rows are there?",
        "How far is your `return` indented?",
        "`return` stands behind both loops.",
    ),
    sinusoidal_slip(
        "counts-to-the-width",
        "counts to the width",
        "i runs to d_model; there are d_model / 2 pairs, and 2i leaves the table",
        "Which is the largest i, when d_model is 6?",
        "Each i has two columns, 2i and 2i + 1.",
        "range(d_model // 2).",
    ),
    sinusoidal_slip(
        "an-angle-for-each-column",
        "all columns",
        "you have an angle for each column; there is one for each *pair*, d_model / 2",
        "Print the shape of your angles, and of the columns that you fill.",
        "The even columns are half of all.",
        "torch.arange(0, d_model, 2) has one number for each pair.",
    ),
    sinusoidal_slip(
        "half-of-the-columns",
        "half of the columns",
        "your loop goes up to d_model / 2 in steps of 2: the second half of the columns stays 0",
        "Print one row of your table. Which columns are filled?",
        "Either i counts pairs, up to d_model / 2, or it counts columns by twos, up to d_model.",
        "`for i in range(0, d_model, 2)` with columns i and i + 1 and the exponent i / d_model.",
    ),
    sinusoidal_slip(
        "odd-length-refused",
        "places",
        "you ask whether max_len is odd; it is d_model that must be even",
        "Call your function with 5 and 4: does it stop?",
        "What needs a partner: a position, or a column?",
        "Look at d_model % 2.",
    ),
    mistake(
        finished_sinusoidal,
        "any-other-error",
        {"error": Exception},
        "an odd d_model ends in an error of your own that is no ValueError",
        "Which kind of error stands behind your `raise`?",
        "Whoever calls you writes `except ValueError`.",
        "`raise ValueError(…)`.",
    ),
]

SINUSOIDAL = Exercise(
    id="06.sinusoidal",
    title="Write a position as sinusoids",
    kind="code",
    points=2,
    name="sinusoidal_positions",
    cases=sinusoidal_cases,
    mistakes=[
        Mistake(
            "own-speed-for-each-column",
            own_speed_sinusoidal,
            {},
            says="each column has a speed of its own, so that a cosine doesn't belong to the sine "
            "beside it",
            hints=(
                "Square a sine and its neighbour and add them up. What should come out?",
                "Columns 2i and 2i + 1 share the same angle.",
                "Make the angles for the even columns only, and take the sine and the cosine of "
                "each.",
            ),
        ),
        Mistake(
            "exponent-without-2",
            wrong_sinusoidal,
            {"exponent": "single"},
            says="the exponent is i / d_model instead of 2i / d_model: the slowest wave is far too "
            "fast",
            hints=(
                "How long is the longest wave? The paper has nearly 10,000 · 2π places.",
                "Which exponent has the last pair, i = d_model / 2 − 1?",
                "With i counting pairs, the numerator is 2i: 0, 2, 4, …",
            ),
        ),
        Mistake(
            "exponent-doubled",
            alone(wrong_sinusoidal),
            {"exponent": "doubled"},
            says="the exponent is doubled once too often: 4i / d_model instead of 2i / d_model",
            hints=(
                "Which exponent has the last pair in your code?",
                "If your range already steps by two, it is 2i, not i.",
                "The exponents run from 0 to just below 1.",
            ),
        ),
        Mistake(
            "exponent-reaches-1",
            wrong_sinusoidal,
            {"exponent": "reaches-one"},
            says="the exponents run from 0 to 1 inclusive, as in Tensor2Tensor's code; in the "
            "formula they stay below 1",
            hints=(
                "Print your exponents for d_model = 4. The formula gives 0 and 0.5.",
                "A linspace that includes its end divides by one pair too few.",
                "Divide 2i by d_model, whatever the number of pairs.",
            ),
        ),
        Mistake(
            "first-wave-missing",
            alone(wrong_sinusoidal),
            {"exponent": "from-two"},
            says="the waves are counted from 1: the fastest wave, with exponent 0, is missing",
            hints=(
                "How fast does pair 0 turn?",
                "base to the power of 0 is 1: the first column is sin(p).",
                "Count the waves from 0.",
            ),
        ),
        Mistake(
            "base-ignored",
            wrong_sinusoidal,
            {"own_base": 10_000.0},
            says="`base` is ignored: 10,000 stands in your code whatever was asked",
            hints=(
                "Call your function with base=100. Does anything change?",
                "Look for a 10000 in your code.",
                "Use the argument in its place.",
            ),
        ),
        Mistake(
            "base-e",
            alone(wrong_sinusoidal),
            {"own_base": math.e},
            says="the speeds are powers of e, not of `base`: a logarithm is missing",
            hints=(
                "Did you write it with exp?",
                "base to the power of x is exp(x · ln(base)).",
                "Multiply the exponent by math.log(base), or use ** with the base itself.",
            ),
        ),
        Mistake(
            "speeds-grow",
            wrong_sinusoidal,
            {"grow": True},
            says="each wave is faster than the one before: you multiply by the power instead of "
            "dividing",
            hints=(
                "Which columns should change least from place to place?",
                "In the formula the power stands under p.",
                "A minus is missing in the exponent.",
            ),
        ),
        Mistake(
            "whole-turns",
            alone(wrong_sinusoidal),
            {"turns": True},
            says="a factor of 2π has slipped in",
            hints=(
                "What is sin(1)? That is row 1, column 0.",
                "The formula's angles are in radians as they stand.",
                "Leave out π.",
            ),
        ),
        Mistake(
            "places-from-1",
            wrong_sinusoidal,
            {"start": 1},
            says="the first row belongs to place 1 instead of place 0",
            hints=(
                "What should row 0 look like? All sines of 0 and cosines of 0.",
                "Row 0 is 0, 1, 0, 1, …",
                "Count the places from 0.",
            ),
        ),
        Mistake(
            "sin-cos-exchanged",
            wrong_sinusoidal,
            {"swapped": True},
            says="cosines stand in the even columns and sines in the odd ones",
            hints=(
                "What is the very first number of your table?",
                "Column 0 is a sine, and sin(0) is 0.",
                "Even columns: sine. Odd columns: cosine.",
            ),
        ),
        Mistake(
            "sines-first",
            wrong_sinusoidal,
            {"lay": "halves"},
            says="all sines stand in the left half and all cosines in the right half",
            hints=(
                "Look at row 0. Do zeros and ones take turns?",
                "Such a table works too, and some libraries have it; here the formula's order "
                "counts.",
                "Bring each sine beside its cosine before you flatten.",
            ),
        ),
        mistake(
            alone(wrong_sinusoidal),
            "cosine-of-the-next-pair",
            {"cosine": "next"},
            "the cosine has an exponent of its own, 2(i + 1) / d_model: it doesn't belong to the "
            "sine beside it",
            "Square a sine and its neighbour and add them up. What should come out?",
            "The 1 in 2i + 1 counts the column. Look for it in the exponent of the formula.",
            "Both lines of the formula have the exponent 2i / d_model.",
        ),
        mistake(
            finished_sinusoidal,
            "another-error",
            {"error": AssertionError},
            "an odd d_model ends in an AssertionError; the text asks for a ValueError",
            "Which error does `assert` raise?",
            "Whoever runs Python with -O gets no `assert` at all.",
            "Write `if …: raise ValueError(…)`.",
        ),
        mistake(
            finished_sinusoidal,
            "float64-table",
            {"wide": True},
            "the table is float64; the text asks for float32",
            "Print the dtype of your table.",
            "NumPy, and Python's own numbers in `torch.tensor(…, dtype=…)`, may bring 64 bits in.",
            "Convert the table to float32 at the end.",
        ),
        mistake(
            finished_sinusoidal,
            "an-axis-too-many",
            {"front": 1},
            "the table has an axis for the batch; the text asks for (max_len, d_model)",
            "Print the shape of your table.",
            "All sentences share one table, so it needs no axis for them.",
            "Leave out the `unsqueeze` or the `None`.",
        ),
        Mistake(
            "only-sines",
            one_wave_sinusoidal,
            {},
            says="the odd columns repeat the sine: there is no cosine",
            hints=(
                "What should row 0 look like?",
                "A sine alone can't tell the way up from the way down.",
                "The odd columns take the cosine of the same angles.",
            ),
        ),
        Mistake(
            "odd-width-accepted",
            wrong_sinusoidal,
            {"check": False},
            says="an odd d_model gets a table instead of a ValueError",
            hints=(
                "Call your function with d_model = 7.",
                "The last sine would have no cosine.",
                "Raise a ValueError when the remainder of d_model by 2 is not 0.",
            ),
        ),
        Mistake(
            "transposed",
            alone(wrong_sinusoidal),
            {"turned_over": True},
            says="places and columns have changed places: the table is (d_model, max_len)",
            hints=(
                "Which axis counts the places?",
                "One row for each place.",
                "Exchange the two axes.",
            ),
        ),
        mistake(
            alone(wrong_sinusoidal),
            "whole-division",
            {"exponent": "whole"},
            "the exponent is divided with //, so it is 0 for every pair: all have one frequency",
            "Print your exponents for d_model = 4. The formula gives 0 and 0.5.",
            "Two slashes leave out what stands behind the point.",
            "Divide with a single slash.",
        ),
        mistake(
            alone(wrong_sinusoidal),
            "slowest-first",
            {"exponent": "slowest-first"},
            "the frequencies stand in the opposite order: the lowest comes first",
            "How fast does the first pair turn? It should be 1 radian for each position.",
            "Exponent 0 belongs to columns 0 and 1.",
            "Let i run upwards.",
        ),
        mistake(
            alone(wrong_sinusoidal),
            "logarithm-to-base-10",
            {"own_base": "log10"},
            "exp is paired with the logarithm to base 10; it undoes the natural one",
            "What is exp(log10(100))? It should be 100.",
            "`math.log` and `math.log10` differ.",
            "Use math.log, or ** without any logarithm.",
        ),
        mistake(
            alone(wrong_sinusoidal),
            "in-degrees",
            {"turns": "degrees"},
            "the angles are turned into radians as if they had been degrees",
            "What is sin(1)? That is row 1, column 0: 0.841.",
            "The formula's angles are in radians as they stand.",
            "Leave out π and 180.",
        ),
        mistake(
            alone(wrong_sinusoidal),
            "positions-as-shares",
            {"start": "shares"},
            "the positions are divided by max_len, so that a row depends on how long the table is",
            "Compare row 1 of a table of 5 with row 1 of a table of 50.",
            "In the formula p is a whole number.",
            "Take 0, 1, 2, … as they are.",
        ),
        mistake(
            doubled_columns_sinusoidal,
            "column-for-pair",
            {},
            "you take the number of the column for i: i counts pairs",
            "Square a sine and its neighbour and add them up. What should come out?",
            "Columns 2i and 2i + 1 share the exponent 2i / d_model.",
            "For column c the exponent is (c − c % 2) / d_model.",
        ),
        mistake(
            by_row_sinusoidal,
            "even-and-odd-rows",
            {},
            "sines stand in the even *rows* and cosines in the odd ones, not in columns",
            "Look at row 0. Do zeros and ones take turns?",
            "Even and odd are said of columns.",
            "Every row holds sines and cosines: `[:, 0::2]` and `[:, 1::2]`.",
        ),
        mistake(
            silent_sinusoidal,
            "none-for-an-error",
            {},
            "an odd d_model gives None; the text asks for a ValueError",
            "Call your function with d_model=7. Does it stop?",
            "Whoever gets None finds out much later.",
            "Write `raise ValueError(…)`.",
        ),
        *SINUSOIDAL_SLIPS,
    ],
    also_right=[
        looped_sinusoidal,
        exponential_sinusoidal,
        complex_sinusoidal,
        shifted_sinusoidal,
        numpy_sinusoidal,
    ],
    axes="place d_model",
    rtol=1e-4,
    atol=3e-4,  # angles up to 53, by exp and log in float32
    hints=(
        "Print your table for 3 places and 4 columns. Row 0 should be 0, 1, 0, 1; column 0 holds "
        "the sines of 0, 1, 2.",
        "Read the formula once more: what is under the fraction line, and which numbers does i "
        "run through when there are d_model columns?",
        "Make one column of places, (max_len, 1), and one row of speeds, (d_model / 2,). Their "
        "product holds all angles; what is left is to lay their sines and cosines side by side.",
    ),
    allows=Edges(sizes=(1, 2, 22, 53), labels=("odd width", "base")),
)


# --- 06.rotate ------------------------------------------------------------------------------


def rotary_cases(generator):
    draw = partial(normal, generator)
    # Narrow heads where the base is large, so that speeds that grow by mistake get their name.
    return [
        case("as many queries as keys", draw(2, 3, 3, 4), draw(2, 3, 3, 4), grad=True),
        case("2 queries, 5 keys, base 100", draw(1, 4, 2, 6), draw(1, 2, 5, 6), 100.0, grad=True),
        case("2 queries, 5 keys again, base 40", draw(1, 4, 2, 6), draw(1, 2, 5, 6), 40.0),
        case("one pair only", draw(2, 1, 4, 2), draw(2, 1, 4, 2)),
        case("the newest query of 13 keys", draw(1, 2, 1, 8), draw(1, 1, 13, 8), 50),
        case("3 keys, base 31", draw(1, 1, 3, 14), draw(1, 1, 3, 14), base=31.0),
        case("one query, one key", draw(2, 1, 1, 4), draw(2, 1, 1, 4)),
    ]


def wrong_rotary(
    query,
    key,
    base=10_000.0,
    *,
    which="both",
    pairs="halves",
    signs="turn",
    backwards=False,
    start=0,
    top_left=False,
    exponent=2,
    own_base=None,
    order="falling",
    share=1.0,
    axis="places",
    how="turn",
    early=0,
    at_end=False,
):
    def turned(x, first):
        if axis == "heads":
            place = torch.arange(x.shape[1])[:, None, None]
        else:
            place = torch.arange(first, first + x.shape[-2])[:, None]
            place = torch.full_like(place, key.shape[-2] - 1) if x is query and at_end else place
        pair = torch.arange(x.shape[-1] // 2)
        speeds = (own_base or base) ** (-exponent * pair / x.shape[-1])
        speeds = {"falling": speeds, "rising": speeds.flip(0), "one": torch.ones_like(speeds)}[
            order
        ]
        angles = (place + start) * speeds * (-1 if backwards else 1)
        kept = pair < share * len(pair)
        angles = torch.where(kept, angles, torch.zeros(()))
        return laid(x, angles.cos(), angles.sin(), pairs, signs, how)

    first = 0 if top_left else key.shape[-2] - query.shape[-2] - early
    query = turned(query, first) if which != "key" else query.clone()
    backwards = backwards or which == "key backwards"
    return query, turned(key, 0) if which != "query" else key.clone(), None


def laid(x, cos, sin, pairs, signs, how):
    split = pairs in ("neighbours", "taken apart")
    a, b = (x[..., 0::2], x[..., 1::2]) if split else x.chunk(2, dim=-1)
    if how == "add":
        return x + torch.cat([sin, cos], dim=-1)
    if how == "cos":
        return torch.cat([a * cos, b * cos], dim=-1)
    if pairs == "mixed":  # angles for neighbours, turned by halves
        cos, sin = cos.repeat_interleave(2, dim=-1), sin.repeat_interleave(2, dim=-1)
        return x * cos + torch.cat([-b, a], dim=-1) * sin
    one = a * cos + b * sin if signs == "both-plus" else a * cos - b * sin
    second = {
        "turn": a * sin + b * cos,
        "both-plus": a * sin + b * cos,
        "both-minus": b * cos - a * sin,
        "overwritten": one * sin + b * cos,
    }.get(signs, b)
    parts = [one, second]
    if signs == "first only":
        parts[1] = b
    if pairs in ("neighbours", "laid-back"):
        return torch.stack(parts, dim=-1).flatten(-2)
    return torch.cat(parts, dim=-1)


def nothing_turned(query, key, base=10_000.0):
    return query.clone(), key.clone(), None


def values_too(query, key, base=10_000.0):
    """Turn by halves, then return the turned key again, as if it were a value."""
    query, key, _ = wrong_rotary(query, key, base)
    return query, key, key


def finished_rotary(query, key, base=10_000.0, *, ends="right"):
    """Right but for its first or last touch."""
    if ends == "detached":
        query, key = query.detach(), key.detach()
    new_query, new_key, _ = wrong_rotary(query, key, base)
    if ends == "in place":
        query.copy_(new_query)  # an error where query is to get a gradient
        key.copy_(new_key)
    if ends == "float64":
        new_query, new_key = new_query.double(), new_key.double()
    if ends == "heads":
        new_key = new_key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    bias = torch.zeros(query.shape[-2], key.shape[-2]) if ends == "zeros" else None
    return (new_query, new_key) if ends == "two" else (new_query, new_key, bias)


def grown_rotary(query, key, base=10_000.0):
    """Turn by one step after the other, each key from the angle of the one before it."""
    half = query.shape[-1] // 2
    step = torch.tensor([float(base) ** (-i / half) for i in range(half)])
    rows, angle = [], torch.zeros(half)
    for _ in range(key.shape[-2]):
        rows.append(torch.stack([angle.cos(), angle.sin()]))
        angle = angle + step
    hands = torch.stack(rows, dim=1)  # (2, key, half)

    def turned(x, cos, sin):
        out = x.clone()
        out[..., :half] = x[..., :half] * cos - x[..., half:] * sin
        out[..., half:] = x[..., half:] * cos + x[..., :half] * sin
        return out

    missing = key.shape[-2] - query.shape[-2]
    return [turned(query, *hands[:, missing:]), turned(key, *hands), None]


def mapped_rotary(query, key, base=10_000.0):
    """One vector at a time, by `torch.func.vmap`."""
    i = torch.arange(query.shape[-1] // 2)
    speeds = torch.exp(-2 * i / query.shape[-1] * math.log(base))

    def one(vector, place):
        a, b = vector.unflatten(-1, (2, -1)).unbind(-2)
        z = torch.outer(torch.ones(1), place * speeds)[0]
        return torch.cat((a * z.cos() - b * z.sin(), b * z.cos() + a * z.sin()))

    many = torch.func.vmap(torch.func.vmap(torch.func.vmap(one), (0, None)), (0, None))
    places = torch.arange(key.shape[-2], dtype=torch.float32)
    return many(query, places[len(places) - query.shape[-2] :]), many(key, places), None


def complex_rotary(query, key, base=10_000.0):
    width, n_key = query.shape[-1], key.shape[-2]
    speeds = torch.tensor([base ** (-2 * i / width) for i in range(width // 2)])
    angles = torch.outer(torch.arange(n_key).float(), speeds)
    hands = torch.polar(torch.ones_like(angles), angles)

    def turned(x, hands):
        z = torch.complex(*(part.contiguous() for part in x.chunk(2, dim=-1))) * hands
        return torch.cat([z.real, z.imag], dim=-1)

    return turned(query, hands[-query.shape[-2] :]), turned(key, hands), None


def matrix_rotary(query, key, base=10_000.0):
    width, n_key = query.shape[-1], key.shape[-2]
    turns = torch.zeros(n_key, width, width)
    for p in range(n_key):
        for i in range(width // 2):
            angle, j = p * base ** (-2 * i / width), i + width // 2
            turns[p, i, i] = turns[p, j, j] = math.cos(angle)
            turns[p, i, j], turns[p, j, i] = -math.sin(angle), math.sin(angle)
    late = turns[n_key - query.shape[-2] :]
    ask = torch.einsum("pij,bhpj->bhpi", late, query)
    return ask, torch.einsum("pij,bhpj->bhpi", turns, key), None


def doubled_rotary(query, key, base=10_000.0):
    width = query.shape[-1]
    speeds = 1.0 / (base ** (torch.arange(0, width, 2).float() / width))
    angles = torch.cat([torch.arange(key.shape[2]).float().outer(speeds)] * 2, dim=-1)
    cos, sin = angles.cos(), angles.sin()

    def half_turned(x):
        return torch.cat([-x[..., width // 2 :], x[..., : width // 2]], dim=-1)

    n = query.shape[2]
    query = query * cos[-n:] + half_turned(query) * sin[-n:]
    return query, key * cos + half_turned(key) * sin, None


def old_turn(a, b, cos, sin):
    return a * cos - b * sin, a * sin + b * cos


def slipped_rotary(query, key, base=10_000.0, *, turn=old_turn, slip=""):
    """Two lines of the turn as they are often mixed up, or angles and places that are off."""
    width, n_query, n_key = query.shape[-1], query.shape[-2], key.shape[-2]
    column = torch.arange(width) if slip == "all columns" else torch.arange(0, width, 2)
    column = {"from 1": column + 2, "all alike": torch.full_like(column, 2)}.get(slip, column)
    speeds = 1 / base**column / width if slip == "no bracket" else base ** (-column / width)
    speeds = base ** (-column // width).float() if slip == "floored" else speeds
    if slip == "reaches one":
        speeds = base ** -torch.linspace(0, 1, width // 2)
    own = base ** (-2 * torch.arange(width) / width)  # a speed for each column
    speeds = speeds * {"degrees": math.pi / 180, "whole turns": 2 * math.pi}.get(slip, 1.0)

    def turned(x, first):
        angles = torch.arange(first, first + x.shape[-2])[:, None] * speeds
        angles = angles[:n_query] if slip == "one table" else angles
        angles = angles.flip(0) if slip == "key backwards" and x is key else angles
        if slip in ("not cut", "one table, the last", "all backwards"):
            angles = torch.arange(n_key)[:, None] * speeds
            angles = angles.flip(0) if slip == "all backwards" else angles
            cut = slip == "one table, the last" or (slip == "all backwards" and x is query)
            angles = angles[late:] if cut else angles
        if slip == "a speed for each column":
            angles = torch.arange(first, first + x.shape[-2])[:, None] * own
            a, b = x.chunk(2, dim=-1)
            return x * angles.cos() + torch.cat([-b, a], dim=-1) * angles.sin()
        if slip == "axis 1":
            begin = key.shape[1] - query.shape[1] if x is query else 0
            angles = (torch.arange(key.shape[1])[:, None] * speeds)[begin:]
        a, b = x.chunk(2, dim=-1)
        return torch.cat(turn(a, b, angles.cos(), angles.sin()), dim=-1)

    late = n_key - n_query
    ask, look = {
        "turned round": (-late, 0),
        "keys too": (late, late),
        "keys instead": (0, late),
        "heads": (key.shape[1] - query.shape[1], 0),
        "one table": (0, 0),
        "end at 0": (1 - n_query, 1 - n_key),
    }.get(slip, (late, 0))
    query, key = turned(query, ask), turned(key, look)
    key = key / width**0.5 if slip == "key scaled" else key
    return (key, query, None) if slip == "exchanged" else (query, key, None)


def line_of_turn(name, turn, says):
    hints = (
        "Turn the pair (1, 0) by an angle α. It should become (cos α, sin α). And yours?",
        "Turn (0, 1), too: (−sin α, cos α). Which of your four products is off?",
        "Copy the text's two lines, term by term: a cos α − b sin α, and a sin α + b cos α.",
    )
    return Mistake(name, slipped_rotary, {"turn": turn}, says, hints)


rotary_slip = told_of(slipped_rotary, "slip")
ROTARY_SLIPS = [
    line_of_turn(
        "second-line-subtracts",
        lambda a, b, cos, sin: (a * cos - b * sin, a * sin - b * cos),
        "your second line is a sin α − b cos α; there it is a plus",
    ),
    line_of_turn(
        "sines-for-cosines",
        lambda a, b, cos, sin: (a * sin - b * cos, a * cos + b * sin),
        "sin and cos have changed places in both lines",
    ),
    line_of_turn(
        "halves-exchanged",
        lambda a, b, cos, sin: (a * sin + b * cos, a * cos - b * sin),
        "the two halves come back in the wrong order, the second line first",
    ),
    line_of_turn(
        "a-and-b-exchanged",
        lambda a, b, cos, sin: (b * cos - a * sin, b * sin + a * cos),
        "a and b have changed places in both lines",
    ),
    line_of_turn(
        "second-line-like-the-first",
        lambda a, b, cos, sin: (a * cos - b * sin, a * cos + b * sin),
        "your second line has cos and sin where the first has them, with another sign only",
    ),
    line_of_turn(
        "halves-exchanged-and-backwards",
        lambda a, b, cos, sin: (a * sin + b * cos, a * cos + b * sin),
        "sin and cos have changed places in your first line, and the signs don't fit",
    ),
    line_of_turn(
        "minus-at-the-first-term",
        lambda a, b, cos, sin: (b * sin - a * cos, a * sin + b * cos),
        "your first line is b sin α − a cos α; the minus stands before b sin α",
    ),
    line_of_turn(
        "columns-not-mixed",
        lambda a, b, cos, sin: (a * cos - a * sin, b * sin + b * cos),
        "a stays with a and b with b: in both lines the two columns of a pair are not mixed",
    ),
    rotary_slip(
        "pairs-from-1",
        "from 1",
        "pairs are numbered from 1, as in the RoFormer paper, but without the paper's i − 1: the "
        "fastest pair turns too slowly",
        "How fast does pair 0 turn? By 1 radian for each position.",
        "base to the power of 0 is 1.",
        "Let i run from 0 to d_head / 2 − 1.",
    ),
    rotary_slip(
        "one-speed-for-all-pairs",
        "all alike",
        "all pairs turn at the same speed: i has no part in it",
        "Print your speeds. How many are there?",
        "Each pair has an exponent of its own.",
        "i runs through 0, 1, 2, …, one number for each pair.",
    ),
    rotary_slip(
        "exponent-floored",
        "floored",
        "`//` rounds the exponents down to whole numbers: pairs turn at 1 or at 1 / base",
        "Print your speeds, for d_head = 6 and base 100.",
        "Two slashes leave out what stands behind the point.",
        "Divide with a single slash.",
    ),
    rotary_slip(
        "keys-from-the-end",
        "key backwards",
        "the keys' places run backwards: the last key stands at 0",
        "Which place has the first key?",
        "Are the angles turned round, or sorted the wrong way, for the key?",
        "Keys stand at the places 0, 1, 2, …",
    ),
    rotary_slip(
        "angles-not-cut",
        "not cut",
        "the query is turned by the angles of all keys' places; where there are fewer queries than "
        "keys they are too many",
        *LAST_OF_THE_KEYS,
    ),
    rotary_slip(
        "keys-cut-like-the-queries",
        "one table, the last",
        "the keys, too, get the angles of the last places alone, as many as there are queries",
        "Print the shape of your angles, for 2 queries and 5 keys.",
        "The queries are the last of the keys: whose table holds all places?",
        "The keys take all n_key rows; only the queries take the last n_query.",
    ),
    rotary_slip(
        "all-places-from-the-end",
        "all backwards",
        "the places run backwards, for queries and keys: the last stands at 0",
        "Which place has the first key?",
        "Is `arange` turned round, or are the angles?",
        "Keys stand at the places 0, 1, 2, …",
    ),
    rotary_slip(
        "exponent-reaches-1",
        "reaches one",
        "your exponents reach 1 (`linspace` ends where you say); the last one is "
        "(d_head − 2) / d_head",
        "Print your exponents for d_head = 4. The formula gives 0 and 0.5.",
        "The exponents stay below 1.",
        "2 * i / d_head, for i from 0 to d_head / 2 − 1.",
    ),
    rotary_slip(
        "a-speed-for-each-column",
        "a speed for each column",
        "each column has a speed of its own; the two columns of a pair turn by the same angle",
        "Print your speeds. How many are there?",
        "Column i + d_head / 2 turns like column i.",
        "Make d_head / 2 speeds, and lay them down twice.",
    ),
    rotary_slip(
        "places-along-the-heads",
        "axis 1",
        "the number of places is that of axis 1, the heads; the places are axis −2",
        "What are the four axes, in order?",
        "Print n_query and n_key for 4 heads, 2 kv_heads, 2 queries and 5 keys.",
        "query.shape[-2] and key.shape[-2].",
    ),
    rotary_slip(
        "in-degrees",
        "degrees",
        "the angles are turned into radians as if they had been degrees",
        "By how much does pair 0 turn from one place to the next? 1 radian.",
        "The text's angles are in radians as they stand.",
        "Leave out π and 180.",
    ),
    rotary_slip(
        "whole-turns",
        "whole turns",
        "a factor of 2π has slipped into the angles",
        "By how much does pair 0 turn from one place to the next? 1 radian.",
        "The text's angles are in radians as they stand.",
        "Leave out π.",
    ),
    rotary_slip(
        "offset-turned-round",
        "turned round",
        "the queries' places start at n_query − n_key, below 0; it is the other difference",
        *LAST_OF_THE_KEYS,
    ),
    rotary_slip(
        "keys-moved-with-the-queries",
        "keys too",
        "the keys, too, begin where the queries begin; keys begin at 0",
        "Which place has the first key?",
        "Only the queries come late: they are the last of the keys.",
        "One start for the queries, n_key − n_query, and 0 for the keys.",
    ),
    rotary_slip(
        "keys-moved-instead",
        "keys instead",
        "the keys begin at n_key − n_query and the queries at 0; it is the other way round",
        *LAST_OF_THE_KEYS,
    ),
    rotary_slip(
        "offset-of-the-heads",
        "heads",
        "the offset is a difference of axis 1, the heads; the places are axis −2",
        "What are the four axes, in order?",
        "Print the offset for 4 heads, 2 kv_heads, 2 queries and 5 keys. It should be 3.",
        "key.shape[-2] − query.shape[-2].",
    ),
    rotary_slip(
        "last-place-is-0",
        "end at 0",
        "you count the places backwards from the end: the last stands at 0, those before below it",
        "Which place has the first key?",
        "The distances are right; a model that counts from 0 turns the vectors otherwise.",
        "Keys stand at 0, 1, 2, …",
    ),
    rotary_slip(
        "one-table-for-both",
        "one table",
        "there are angles for the queries' places only, and the keys are more",
        "Print the shape of your angles, for 2 queries and 5 keys.",
        "The queries are the last of the keys: whose table holds all places?",
        "Make angles for n_key places; the queries take the last n_query rows.",
    ),
    rotary_slip(
        "an-angle-for-each-column",
        "all columns",
        "you have an angle for each column; there is one for each *pair*, d_head / 2",
        "Print the shape of your angles, and of a half of the query.",
        "Two columns of a pair turn by the same angle.",
        "i runs through d_head / 2 numbers.",
    ),
    rotary_slip(
        "bracket-missing",
        "no bracket",
        "a bracket is missing: d_head divides the whole power, not the exponent",
        "How fast does pair 0 turn in your code? It should be 1 radian for each position.",
        "Python reckons `**` first, then `/` from left to right.",
        "Put the exponent into brackets: base ** (-2 * i / d_head).",
    ),
    rotary_slip(
        "key-scaled",
        "key scaled",
        "the key comes back divided by the root of d_head; that is the layer's own work",
        "Does a vector keep its length under your function?",
        "Scores are divided later, by the attention.",
        "Only turn.",
    ),
    rotary_slip(
        "key-first",
        "exchanged",
        "the turned key comes back first, then the query",
        "What does the layer that calls you take first?",
        "Look at the order in the text's list.",
        "return query, key, None.",
    ),
]

ROTATE = Exercise(
    id="06.rotate",
    title="Turn queries and keys by their position",
    kind="code",
    points=3,
    name="rotary",
    cases=rotary_cases,
    bans=("Rotary", "rotate_half", "rotate_interleaved"),
    mistakes=[
        Mistake(
            "nothing-turned",
            nothing_turned,
            {},
            says="query and key come back as they were: nothing is turned",
            hints=(
                "Compare your output with the input, at place 3.",
                "Is the turned tensor the one that you return?",
                "At place 0 the angle is 0 and nothing moves. At every other place something must.",
            ),
        ),
        Mistake(
            "only-the-query",
            wrong_rotary,
            {"which": "query"},
            says="only the query is turned: the score then depends on its place, not on the "
            "distance to the key",
            hints=(
                "What does your function do with `key`?",
                "The distance is a difference of two places. Both have to come in.",
                "Turn the key in the same way, by its own places.",
            ),
        ),
        Mistake(
            "only-the-key",
            wrong_rotary,
            {"which": "key"},
            says="only the key is turned: the score then depends on its place, not on the distance "
            "to the query",
            hints=(
                "What does your function do with `query`?",
                "The distance is a difference of two places. Both have to come in.",
                "Turn the query in the same way, by its own places.",
            ),
        ),
        Mistake(
            "neighbours-paired",
            wrong_rotary,
            {"pairs": "neighbours"},
            says="neighbouring columns 0 and 1, 2 and 3, … are paired; here column i belongs with "
            "column i + d_head / 2",
            hints=(
                "Which column turns together with column 0?",
                "Your method is a good one, and some models use it. A model trained with the other "
                "would read nonsense.",
                "Cut each vector into a left and a right half.",
            ),
        ),
        Mistake(
            "conventions-mixed",
            alone(wrong_rotary),
            {"pairs": "mixed"},
            says="the angles are laid out for neighbouring columns and the columns are paired by "
            "halves: the two columns of a pair turn by different angles",
            hints=(
                "Does a vector keep its length under your function?",
                "Columns i and i + d_head / 2 need the same angle. Print the angles of both.",
                "Repeat the list of angles as a whole, a b c a b c, not each of them, a a b b c c.",
            ),
        ),
        Mistake(
            "laid-back-as-neighbours",
            alone(wrong_rotary),
            {"pairs": "laid-back"},
            says="pairs are taken by halves and put back as neighbours: the columns come out in "
            "another order",
            hints=(
                "At place 0 nothing turns. Does the first key come back as it was?",
                "A pair came from columns i and i + d_head / 2. Where should it go?",
                "Put the two halves together with torch.cat, not with stack and flatten.",
            ),
        ),
        Mistake(
            "first-half-overwritten",
            alone(wrong_rotary),
            {"signs": "overwritten"},
            says="the second column of a pair is made from the *new* first one, already turned",
            hints=(
                "Does a vector keep its length under your function?",
                "Both lines of the formula use the old a and the old b.",
                "Work out both halves before you write either.",
            ),
        ),
        Mistake(
            "backwards",
            wrong_rotary,
            {"backwards": True},
            says="everything turns the other way round: (a cos + b sin, b cos − a sin)",
            hints=(
                "Turn (1, 0) by a small angle. Which sign should the second number have?",
                "Compare your two signs with the formula.",
                "The minus belongs to the first of the two.",
            ),
        ),
        Mistake(
            "both-minus",
            wrong_rotary,
            {"signs": "both-minus"},
            says="both lines have a minus, so a pair is not turned: it is mirrored and changes its "
            "length",
            hints=(
                "Does a vector keep its length under your function?",
                "Of the two lines of a turn, only one has a minus.",
                "The second line adds: a sin + b cos.",
            ),
        ),
        Mistake(
            "places-from-1",
            alone(wrong_rotary),
            {"start": 1},
            says="places are counted from 1: all scores are right, but each vector is turned one "
            "step too far for a model that counts from 0",
            hints=(
                "What should happen to the very first key?",
                "At place 0 all angles are 0.",
                "Count from 0.",
            ),
        ),
        Mistake(
            "queries-from-0",
            wrong_rotary,
            {"top_left": True},
            says="the first query stands at place 0, though the queries are the *last* of the keys",
            hints=(
                "Try 1 query and 5 keys. Where does the query stand?",
                "The last query stands where the last key stands.",
                "The queries' places start at the number of keys minus the number of queries.",
            ),
        ),
        Mistake(
            "exponent-without-2",
            wrong_rotary,
            {"exponent": 1},
            says="the exponent is −i / d_head instead of −2i / d_head: slow pairs turn too fast",
            hints=(
                "How many pairs are there, and which exponent has the last?",
                "The exponents run from 0 nearly to −1.",
                "With i counting pairs, the numerator is 2i.",
            ),
        ),
        Mistake(
            "speeds-grow",
            alone(wrong_rotary),
            {"exponent": -2},
            says="each pair turns faster than the one before: the exponent lacks its minus",
            hints=(
                "Which pair should be the fastest?",
                "Pair 0 turns by 1 radian a place, all others by less.",
                "The exponent is negative.",
            ),
        ),
        Mistake(
            "base-ignored",
            wrong_rotary,
            {"own_base": 10_000.0},
            says="`base` is ignored: 10,000 stands in your code whatever was asked",
            hints=(
                "Call your function with base=100. Does anything change?",
                "Look for a 10000 in your code.",
                "Use the argument in its place.",
            ),
        ),
        Mistake(
            "order-reversed",
            alone(wrong_rotary),
            {"order": "rising"},
            says="the speeds stand in reverse order: the first pair is the slowest",
            hints=(
                "Which pair should be the fastest?",
                "Pair 0 has the exponent 0, so it turns by 1 radian a place.",
                "Turn your list of speeds round.",
            ),
        ),
        Mistake(
            "one-speed",
            alone(wrong_rotary),
            {"order": "one"},
            says="all pairs turn at the same speed",
            hints=(
                "Print the angles of the last place. Are they all the same?",
                "With one speed, two places a full turn apart look the same.",
                "Each pair has its own exponent.",
            ),
        ),
        Mistake(
            "half-of-the-pairs",
            alone(wrong_rotary),
            {"share": 0.5},
            says="only the faster half of the pairs is turned (some models do this on purpose)",
            hints=(
                "Which columns of your output are equal to the input?",
                "How many pairs has a head of width 8?",
                "There are d_head / 2 pairs, and all of them turn.",
            ),
        ),
        Mistake(
            "heads-counted",
            alone(wrong_rotary),
            {"axis": "heads"},
            says="the angle follows the number of the head, not the place of the word",
            hints=(
                "What are the four axes, in order?",
                "Do two words of the same head turn by different angles?",
                "The places count axis −2.",
            ),
        ),
        Mistake(
            "added",
            alone(wrong_rotary),
            {"how": "add"},
            says="sines and cosines are added to the vectors instead of turning them",
            hints=(
                "Does a vector keep its length under your function?",
                "Adding is the method of section 6.2.",
                "Each pair is multiplied by a matrix of sines and cosines.",
            ),
        ),
        Mistake(
            "only-cosines",
            alone(wrong_rotary),
            {"how": "cos"},
            says="each column is only multiplied by the cosine: the other column of its pair never "
            "comes in",
            hints=(
                "Does a vector keep its length under your function?",
                "A turn mixes the two columns of a pair.",
                "Both new columns contain both a and b.",
            ),
        ),
        mistake(
            alone(wrong_rotary),
            "both-plus",
            {"signs": "both-plus"},
            "both lines have a plus, so a pair is not turned: it changes its length",
            "Does a vector keep its length under your function?",
            "Of the two lines of a turn, one has a minus.",
            "The first line subtracts: a cos − b sin.",
        ),
        mistake(
            alone(wrong_rotary),
            "exponent-doubled",
            {"exponent": 4},
            "the exponent is doubled once too often: slow pairs turn too slowly",
            "Which exponent has the last pair in your code?",
            "If your range already steps by two, it is 2i, not i.",
            "The exponents run from 0 to just above −1.",
        ),
        mistake(
            alone(wrong_rotary),
            "queries-one-early",
            {"early": 1},
            "each query stands one place too early: the last query should stand where the last key "
            "stands",
            *LAST_OF_THE_KEYS,
        ),
        mistake(
            alone(wrong_rotary),
            "queries-one-late",
            {"early": -1},
            "each query stands one place too late: the last query should stand where the last key "
            "stands",
            *LAST_OF_THE_KEYS,
        ),
        mistake(
            alone(wrong_rotary),
            "all-queries-at-the-end",
            {"at_end": True},
            "all queries stand where the last key stands; only the last one does",
            "With as many queries as keys, where does the first query stand?",
            "Each query has a place of its own, one after the other.",
            "The queries' places start at the number of keys minus the number of queries.",
        ),
        mistake(
            finished_rotary,
            "two-results",
            {"ends": "two"},
            "two things come back; the text asks for three, and the third is None",
            "How many things does your `return` hand back?",
            "The layer that calls you takes three apart.",
            "Return None behind the turned key.",
        ),
        mistake(
            finished_rotary,
            "zeros-for-none",
            {"ends": "zeros"},
            "the third result is a table of zeros; the text asks for None",
            "What does the third result mean to the layer?",
            "There is no bias at all.",
            "Return None in its place.",
        ),
        mistake(
            finished_rotary,
            "keys-repeated",
            {"ends": "heads"},
            "the key comes back with as many heads as the query",
            "Compare the shape of the key that comes in with that of the key that goes out.",
            "Sharing keys between heads is the layer's own work.",
            "Turn the key as it comes, with its own number of heads.",
        ),
        mistake(
            finished_rotary,
            "inputs-changed",
            {"ends": "in place"},
            "the caller's own query and key are changed",
            "Print `query` before and after calling your function.",
            "An assignment to a slice of `query` writes into the caller's tensor.",
            "Make new tensors, or work on a clone.",
        ),
        mistake(
            finished_rotary,
            "detached",
            {"ends": "detached"},
            "no gradient flows back to query and key, so the layers before them could not learn",
            "Is there a `detach`, a `.data`, a `no_grad` or a `torch.tensor(…)` in your code?",
            "Angles need no gradient, but the vectors do.",
            "Take the vectors as they come.",
        ),
        mistake(
            finished_rotary,
            "float64-results",
            {"ends": "float64"},
            "query and key come back as float64",
            "Print the dtypes of what goes in and of what comes out.",
            "Angles from NumPy are float64, and a product takes the wider dtype.",
            "Make the angles float32 before you multiply.",
        ),
        Mistake(
            "third-result-not-none",
            values_too,
            {},
            says="the third result should be None: nothing is added to the scores, and values are "
            "not turned",
            hints=(
                "What does the third result mean to the layer?",
                "It is a bias for the scores, and rotary has none.",
                "Return None in its place.",
            ),
        ),
        mistake(
            alone(wrong_rotary),
            "key-turned-back",
            {"which": "key backwards"},
            "the key turns the other way round than the query, so that their angles add up",
            "Move query and key on by the same number of positions. Does the score stay?",
            "Only when both turn the same way does the difference of the angles count.",
            "Turn both with the same function.",
        ),
        mistake(
            alone(wrong_rotary),
            "half-of-each-pair",
            {"signs": "first only"},
            "only the first number of each pair is turned; the second stays as it was",
            "Does a vector keep its length? It should.",
            "A turn changes both coordinates.",
            "The second half becomes a sin α + b cos α.",
        ),
        mistake(
            alone(wrong_rotary),
            "neighbours-laid-by-halves",
            {"pairs": "taken apart"},
            "you take neighbours as pairs and lay the results side by side in two halves",
            "Take position 0: nothing is turned there. Does your query come out as it went in?",
            "The text pairs column i with column i + d_head / 2.",
            "`x.chunk(2, dim=-1)` gives the two halves.",
        ),
        *ROTARY_SLIPS,
    ],
    also_right=[complex_rotary, matrix_rotary, doubled_rotary, grown_rotary, mapped_rotary],
    axes="batch heads seq d_head",
    rtol=1e-3,
    atol=1e-4,
    any_sequence=True,  # the text asks for three things, and the layer takes them apart
    hints=(
        "Turn one pair by hand: d_head = 2, the vector (1, 0), at places 0, 1, 2. What should "
        "come out, and what does yours give?",
        "Go through the text's list: who stands where (the queries are the last of the keys), "
        "which columns are a pair, and what comes back.",
        "Make a table of angles, (key, d_head / 2), once. Cut a vector in two halves, turn them "
        "with the rows that belong to its places, and put them together with torch.cat.",
    ),
    allows=Edges(
        axes=(4,), sizes=(1, 2, 13), labels=("one pair", "newest query", "base", "one key")
    ),
)


# --- 06.relative-test -----------------------------------------------------------------------


def relative_cases(generator):
    def table(turn_query, turn_key, n=12):
        q, k = normal(generator, 8) + 0.5, normal(generator, 8) + 0.5
        at = torch.arange(n, dtype=torch.float32)
        return turn_query(q.expand(n, 8), at) @ turn_key(k.expand(n, 8), at).T

    def toeplitz(value, n):
        """One value for each distance, drawn as asked, laid along the diagonals."""
        at = torch.arange(n)
        return value[at[None, :] - at[:, None] + n - 1]

    def spoiled(change, n=9):
        scores = toeplitz(normal(generator, 2 * n - 1), n)
        change(scores)
        return scores

    still = lambda x, at: x  # noqa: E731
    return [
        case("queries and keys are turned, as a rotary method does it", table(turn, turn)),
        case(
            "queries and keys are turned, at 40 places, with the rounding of a computer",
            table(turn, turn, 40),
        ),
        case("nothing is done: all scores are equal", table(still, still)),
        case("nothing is done to other vectors: all scores are equal", table(still, still, 7)),
        case(
            "a penalty for distance, the same to the left and to the right",
            -0.25 * (table_of_distances(11)).abs() + 1.5,
        ),
        case("a value for each distance", toeplitz(normal(generator, 17), 9)),
        case(
            "the scores of distance 0 agree, all other distances don't",
            table(squared_turn, squared_turn),
        ),
        case("only the queries are turned: a score depends on i alone", table(turn, still)),
        case("only the keys are turned: a score depends on j alone", table(still, turn)),
        case(
            "the keys are turned backwards: a score depends on i + j",
            table(turn, lambda x, at: turn(x, -at)),
        ),
        case(
            "waves are added to query and key: a score depends on both places", table(waved, waved)
        ),
        case("places start again after 5", table(*[lambda x, at: turn(x, at % 5)] * 2)),
        case("places end at 6", table(*[lambda x, at: turn(x, at.clamp(max=6))] * 2)),
        case("one cell wrong, far from the diagonal", spoiled(one_cell)),
        case("one cell wrong, in the future", spoiled(future_cell)),
        case("the last row is wrong, all others fit", spoiled(last_row)),
        case("a row in the middle is 0.5 too high, all others fit", spoiled(middle_row)),
        case("to the left each distance agrees, to the right it doesn't", spoiled(future)),
        case("to the right each distance agrees, to the left it doesn't", spoiled(past)),
        case("distance 0 scores 0.7, all others 0", torch.eye(6) * 0.7),
        case("a value for each sum i + j", toeplitz(normal(generator, 17), 9).flip(1)),
        case("a value for each distance, three places", toeplitz(normal(generator, 5), 3)),
        case(
            "left and right score alike, but no distance agrees", symmetric(normal(generator, 7, 7))
        ),
        case(
            "a value for each distance, each 0.02 more than the one before",
            toeplitz(0.02 * torch.arange(13.0), 7),
        ),
        case(
            "every second distance scores 0.005 more", toeplitz(0.005 * (torch.arange(15) % 2), 8)
        ),
        case(
            "all scores are equal, up to a hundred-thousandth", 0.3 + 1e-5 * normal(generator, 6, 6)
        ),
        case("one cell wrong, beside the upper right corner", spoiled(upper_corner)),
        case("one cell wrong, beside the lower left corner", spoiled(lower_corner)),
        case("two cells wrong, in opposite directions", spoiled(opposite_cells)),
        case("along each distance the scores fall, by 0.3 from place to place", spoiled(falling)),
        case("one cell is off by 0.005", spoiled(half_hundredth)),
        case(
            "along each distance the scores grow by 0.0007 from place to place, 0.0056 in all",
            0.5 + creeping(9),
        ),
        case(
            "one score is 0.0007 above the first of its distance, another 0.0007 below it",
            spoiled(swaying),
        ),
        case(
            "one distance scores 0.0007 more than the others and one 0.0007 less, 0.0014 apart",
            toeplitz(on_both_sides(6), 6),
        ),
        in_dtype(
            case("a value for each distance", toeplitz(normal(generator, 9), 5)), torch.double
        ),
        *beside_the_tolerance(),
        case(
            "distances of more than 3 score 0.5, all others 0",
            toeplitz(0.5 * (torch.arange(-8, 9).abs() > 3), 9),
        ),
        case("two places back scores 0.8, all other distances 0", toeplitz(only(-2, 8), 8)),
        case("four places ahead of six scores 0.8, all others 0", toeplitz(only(4, 6), 6)),
        case("two places ahead scores 0.8, all other distances 0", toeplitz(only(2, 7), 7)),
        case(
            "from the last place to the first scores 0.8, all other distances 0",
            toeplitz(only(-5, 6), 6),
        ),
        case(
            "from the first place to the last scores 0.8, all other distances 0",
            toeplitz(only(7, 8), 8),
        ),
        case(
            "a value for each distance to the left, and 0 to the right",
            toeplitz(normal(generator, 17) * past_of(9), 9),
        ),
        case(
            "a value for each distance to the right, and 0 to the left",
            toeplitz(normal(generator, 13) * ~past_of(7), 7),
        ),
    ]


def table_of_distances(n):
    at = torch.arange(n, dtype=torch.float32)
    return at[None, :] - at[:, None]


def turn(x, at):
    angles = at[:, None] * torch.tensor([1.0, 0.4, 0.15, 0.06])
    a, b = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def squared_turn(x, at):
    return turn(x, 0.3 * at * at)


def waved(x, at):
    angles = at[:, None] * torch.tensor([1.0, 0.4, 0.15, 0.06])
    return x + torch.cat([angles.sin(), angles.cos()], dim=-1)


def one_cell(scores):
    scores[-1, 1] += 0.4


def future_cell(scores):
    scores[2, -2] += 0.4


def last_row(scores):
    scores[-1] += 0.5 * torch.arange(1.0, len(scores) + 1)


def middle_row(scores):
    scores[4] += 0.5


def future(scores):
    rows = torch.arange(len(scores), dtype=torch.float32)[:, None].expand_as(scores)
    scores += torch.triu(rows * 0.2, 1)


def past(scores):
    columns = torch.arange(len(scores), dtype=torch.float32).expand_as(scores)
    scores += torch.tril(columns * 0.2, -1)


def upper_corner(scores):
    scores[1, -1] += 0.4


def lower_corner(scores):
    scores[-1, 1] -= 0.4


def opposite_cells(scores):
    scores[3, 4] += 0.4
    scores[5, 6] -= 0.4


def falling(scores):
    scores -= 0.3 * torch.arange(len(scores))[:, None]


def half_hundredth(scores):
    scores[3, 2] += 0.005


def swaying(scores):
    """The first of a distance lies between two others that are too far from each other."""
    scores[3, 4] += 7e-4
    scores[5, 6] -= 7e-4


def on_both_sides(n):
    """A value for each distance: one a little more than that of distance 0, and one less."""
    distance = torch.arange(1 - n, n)
    return 0.5 + 7e-4 * (distance == -2) - 7e-4 * (distance == 1)


def creeping(n):
    """A value for each distance, and a little more from place to place."""
    at = torch.arange(n)
    return 0.25 * ((at[None, :] - at[:, None]) % 4) + 7e-4 * at


def beside_the_tolerance():
    """One cell that is off, or one distance that scores otherwise, by 0.001 and a little."""
    cases = []
    for start, end in ((0.0, 4e-4), (4e-4, 6e-4)):
        scores = start + 2.0 * (table_of_distances(5) % 3)
        scores[1, 1] = end
        cases.append(case(f"one cell of a distance is {end:.4f}, the others {start:.4f}", scores))
    for near in (0.0, 1000.0):
        for word, value in zip(("within", "outside"), around(1e-3, near), strict=True):
            scores = near + 2.0 * (table_of_distances(5) % 3)
            scores[1, 1] = value
            told = f"it is off by {value - near:.4f}"
            cases.append(
                case(f"one cell of a distance is {word} the tolerance, at {near:g}: {told}", scores)
            )
            scores = torch.full((6, 6), near)
            scores.diagonal(-2).fill_(value)
            cases.append(case(f"one distance is {word} the tolerance, at {near:g}: {told}", scores))
    return cases


def only(distance, n):
    """A value for each distance of n places: 0.8 at one of them, 0 at all others."""
    return 0.8 * (torch.arange(1 - n, n) == distance)


def past_of(n):
    return torch.arange(1 - n, n) < 0


def symmetric(scores):
    return scores + scores.T


def lenient_test(
    scores,
    *,
    looks_at=None,
    varies="anywhere",
    tolerance=1e-3,
    along=None,
    whole=None,
    rtol=0.0,
    signed=False,
):
    """Both questions of the text, each as it is often asked."""
    one, other = (looks_at or all_diagonals)(scores)
    difference = one - other if signed else (one - other).abs()
    allowed = (tolerance if along is None else along) + rtol * other.abs()
    if (difference > allowed).any():
        return False
    return it_matters(scores, varies, tolerance if whole is None else whole, rtol)


def it_matters(scores, varies, tolerance, rtol):
    """Whether distance matters, asked of a part of the table or of a number made of it."""
    if varies == "first cell":
        first = scores[0, 0]
        return bool(((scores - first).abs() > tolerance + rtol * first.abs()).any())
    if varies == "each from the next":
        firsts = torch.stack([scores.diagonal(i)[0] for i in range(1 - len(scores), len(scores))])
        return bool((firsts.diff().abs() >= tolerance).all())
    if varies.startswith("spread"):
        return bool(
            (scores[-1] if varies == "spread of the last row" else scores).std() > tolerance
        )
    earlier = scores[torch.ones_like(scores).tril() > 0]
    parts = {"first row": scores[0], "first column": scores[:, 0], "past": earlier}
    parts |= {"first two": scores[0, :2], "corner": scores[0, [0, -1]]}
    parts |= {"row in the middle": scores[len(scores) // 2]}
    first = scores[0, 0]
    told = {
        "both sides": scores[0].max() - scores[0].min() >= tolerance
        and scores[:, 0].max() - scores[:, 0].min() >= tolerance,
        "falls": (scores[0].diff() < 0).all(),
        "lower at the end": first - scores[0, -1] >= tolerance,
        "lower somewhere": (first - scores[0, 1:] >= tolerance).any(),
        "next to it": max((first - scores[0, 1]).abs(), (first - scores[1, 0]).abs()) >= tolerance,
    }
    if varies in told:
        return bool(told[varies])
    n = len(scores)
    distance = torch.arange(n)[None, :] - torch.arange(n)[:, None]
    parts |= {"but the farthest": scores[distance.abs() < n - 1]}
    parts |= {"but the upper corner": scores[distance < n - 1]}
    parts |= {"but the lower corner": scores[distance > 1 - n]}
    asked = parts.get(varies, scores)
    limit = 0.0 if varies == "exactly" else tolerance
    return varies == "unasked" or float(asked.max() - asked.min()) > limit


def all_diagonals(scores):
    """The largest and the smallest score of each distance."""
    n = len(scores)
    at = torch.arange(n)
    which = (at[None, :] - at[:, None] + n - 1).flatten()
    empty, cells = scores.new_zeros(2 * n - 1), scores.flatten()
    return tuple(
        empty.scatter_reduce(0, which, cells, end, include_self=False) for end in ("amax", "amin")
    )


def all_and_first(scores):
    """Every score, and the first of its distance."""
    n = len(scores)
    at = torch.arange(n)
    before = torch.minimum(at[None, :], at[:, None])
    return scores, scores[at[:, None] - before, at[None, :] - before]


def all_neighbours(scores):
    """One step down and right, everywhere: the same distance, one place later."""
    return scores[1:, 1:], scores[:-1, :-1]


def nothing(scores):
    return scores[:1], scores[:1]


def first_and_last(scores):
    """The first and the last score of each distance, ahead and back."""
    first = torch.cat([scores[0], scores[:, 0]])
    return first, torch.cat([scores[:, -1].flip(0), scores[-1].flip(0)])


def but_near_the_corner(scores):
    """All distances but the two largest."""
    high, low = all_diagonals(scores)
    return high[:-2], low[:-2]


def but_near_both_corners(scores):
    high, low = all_diagonals(scores)
    return high[2:-2], low[2:-2]


def columns(scores):
    return scores.amax(0), scores.amin(0)


def rows(scores):
    return scores.amax(1), scores.amin(1)


def rounded_ends(scores):
    """What is left of the largest and the smallest score of a distance after three decimals."""
    return tuple(torch.tensor(thousandths(ends)) for ends in all_diagonals(scores))


def main_diagonal(scores):
    return scores.diagonal().max(), scores.diagonal().min()


def next_diagonal(scores):
    return scores.diagonal(1).max(), scores.diagonal(1).min()


def near_diagonals(scores):
    """Of the distances −1, 0 and 1."""
    return tuple(torch.stack(x) for x in zip(*map(ends_of(scores), (-1, 0, 1)), strict=True))


def ends_of(scores):
    return lambda i: (scores.diagonal(i).max(), scores.diagonal(i).min())


def two_rows(scores):
    return scores[1, 1:], scores[0, :-1]


def last_two_rows(scores):
    return scores[-1, 1:], scores[-2, :-1]


def only_past(scores):
    return all_diagonals(scores.tril())


def only_future(scores):
    return all_diagonals(scores.triu())


def against_the_first_row(scores):
    return scores, scores[:1].expand_as(scores)


def mirrored(scores):
    past, future = all_diagonals(scores), all_diagonals(scores.T)
    return torch.maximum(past[0], future[0]), torch.minimum(past[1], future[1])


def flipped(scores):
    return all_diagonals(scores.flip(1))


def spreads(scores):
    """The standard deviation along each diagonal, and 0."""
    diagonals = [scores.diagonal(i) for i in range(1 - len(scores), len(scores))]
    found = torch.stack([d.double().std(correction=0) for d in diagonals])
    return found, torch.zeros_like(found)


def past_spreads(scores):
    """The standard deviation along each diagonal from the main one down, and 0."""
    return spreads(scores.tril())


def wide_spreads(scores):
    """The unbiased standard deviation along each diagonal, nan for a single score, and 0."""
    found, nothing = spreads(scores)
    count = torch.tensor([scores.diagonal(i).numel() for i in range(1 - len(scores), len(scores))])
    return found * (count / (count - 1)).sqrt(), nothing


def all_must_differ(scores):
    high, low = all_diagonals(scores)
    means = ((high + low) / 2).sort().values
    return bool((high - low < 1e-3).all() and (means.diff() > 1e-3).all())


def always_false(scores):
    return False


def future_and_first(scores):
    return all_and_first(scores.triu())


def on_average(scores):
    one, other = all_neighbours(scores)
    return (one - other).abs().mean() / 100, torch.zeros(())


def looped_relative(scores):
    seen = {}
    for i in range(len(scores)):
        for j in range(len(scores)):
            seen.setdefault(j - i, []).append(scores[i, j].item())
    alone = all(max(values) - min(values) < 1e-3 for values in seen.values())
    firsts = [values[0] for values in seen.values()]
    return alone and max(firsts) - min(firsts) > 1e-3


def gathered_relative(scores):
    """Lay each diagonal out as a row, and let nan fill what is left."""
    n = len(scores)
    rows = torch.full((2 * n - 1, n), math.nan, dtype=scores.dtype)
    i, j = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    rows[(j - i + n - 1).flatten(), i.flatten()] = scores.flatten()
    known = ~rows.isnan()
    high = torch.where(known, rows, -math.inf).amax(1)
    low = torch.where(known, rows, math.inf).amin(1)
    return (high - low < 1e-3).all() & (scores.max() - scores.min() > 1e-3)


def scattered_relative(scores):
    n = len(scores)
    at = torch.arange(n)
    where = (at[None, :] - at[:, None] + n - 1).flatten()
    empty = scores.new_zeros(2 * n - 1)
    high = empty.scatter_reduce(0, where, scores.flatten(), "amax", include_self=False)
    low = empty.scatter_reduce(0, where, scores.flatten(), "amin", include_self=False)
    return torch.equal(high - low < 1e-3, torch.ones(2 * n - 1, dtype=torch.bool)) and bool(
        high.max() - low.min() >= 1e-3
    )


def numpy_relative(scores):
    table, n = scores.numpy(), len(scores)
    spread = max(np.ptp(np.diagonal(table, k)) for k in range(-n + 1, n))
    return np.ptp(table) > 1e-3 > spread


def symmetric_by_allclose(scores):
    """Right along each distance, and left must be like right, with PyTorch's own rtol."""
    high, low = all_diagonals(scores)
    if (high - low >= 1e-3).any() or not torch.allclose(scores, scores.T, atol=1e-3):
        return False
    return bool(scores.max() - scores.min() >= 1e-3)


def share_of_the_score(scores):
    """The difference along each distance, divided by the largest score."""
    high, low = all_diagonals(scores)
    largest = torch.maximum(high.abs(), low.abs())
    return (high - low) / largest, torch.zeros_like(low)


def not_symmetric(scores):
    """Both directions must differ, where distance should only matter."""
    alike = all(bool(d.max() - d.min() < 1e-3) for d in of_all_distances(scores))
    return alike and not torch.equal(scores, scores.T)


def rounded_first(scores):
    """Three decimals, then equality."""
    alike = all(len(set(thousandths(d))) == 1 for d in of_all_distances(scores))
    return alike and len(set(thousandths(scores.flatten()))) > 1


def rounded_diagonal(scores):
    alike = len(set(thousandths(scores.diagonal()))) == 1
    return alike and len(set(thousandths(scores.flatten()))) > 1


def of_all_distances(scores):
    return [scores.diagonal(offset) for offset in range(1 - len(scores), len(scores))]


def thousandths(values):
    return [round(float(value), 3) for value in values]


# What errs in one question, and is tried with what errs in the other: all would take too long.
ALONG = (main_diagonal, two_rows, only_past, only_future, mirrored, all_neighbours, all_and_first)
ALONG += (all_diagonals, spreads, rounded_ends, first_and_last)
MATTERS = ("unasked", "exactly", "first row", "first column", "first two", "first cell", "spread")


def lenient(name, looks_at, says, *hints, **flags):
    flags |= {"looks_at": looks_at} if looks_at else {}
    along = looks_at in ALONG and flags.keys() <= {"looks_at", "along", "rtol"}
    paired = along or flags in [{"varies": part} for part in MATTERS]
    function = lenient_test if paired else alone(lenient_test)
    return Mistake(name, function, flags, says=says, hints=hints)


RELATIVE_TEST = Exercise(
    id="06.relative-test",
    title="Does it know distances, or only pretend?",
    kind="test",
    points=2,
    name="is_relative",
    cases=relative_cases,
    mistakes=[
        lenient(
            "distance-0-only",
            main_diagonal,
            "your test looks at the main diagonal only, where query and key stand at one place",
            "Which distance have the cells of the main diagonal?",
            "Methods that are wrong at every other distance get through, and some tests that are "
            "in use have this hole.",
            "Look along *every* diagonal.",
        ),
        lenient(
            "distance-1-only",
            next_diagonal,
            "your test looks at a single distance, 1",
            "Which method could be right for neighbours and wrong for all others?",
            "There are 2n − 1 distances in a table of n by n.",
            "Look along every diagonal.",
        ),
        lenient(
            "two-rows-only",
            two_rows,
            "your test compares the first two rows only",
            "What if places start again after a while?",
            "Every row must be the row above it, moved by one.",
            "Compare all rows but the first with all rows but the last.",
        ),
        lenient(
            "last-two-rows-only",
            last_two_rows,
            "your test compares the last two rows only",
            "What if only the first places are wrong?",
            "Every row must be the row above it, moved by one.",
            "Compare all rows but the first with all rows but the last.",
        ),
        lenient(
            "past-only",
            only_past,
            "your test looks at one half of the table only, at keys before the query",
            "Nothing is masked here. What of the keys to the right?",
            "Distances may be positive, too.",
            "Start with the diagonal in the upper right corner.",
        ),
        lenient(
            "future-only",
            only_future,
            "your test looks at one half of the table only, at keys after the query",
            "What of the keys to the left?",
            "`diagonal` takes negative numbers as well.",
            "Start with the diagonal in the lower left corner.",
        ),
        lenient(
            "does-nothing-passes",
            None,
            "a method that does nothing passes your test: its scores are the same everywhere, so "
            "also along every diagonal",
            "What does your test say about a table of equal numbers?",
            "The text asks for two things. The second: the score *does* depend on the distance.",
            "Ask also that two diagonals differ.",
            varies="unasked",
        ),
        lenient(
            "only-that-it-varies",
            nothing,
            "your test asks only that the scores differ somewhere, not that those of one distance "
            "agree",
            "What does your test say about a table of random numbers?",
            "The text asks for two things. The first: the score depends on the distance *alone*.",
            "Look along every diagonal: all its cells must agree.",
        ),
        lenient(
            "rounding-counts-as-dependence",
            None,
            "in its second question, whether distance matters, your test asks for equality to "
            "the last digit, so that "
            "rounding alone counts as dependence",
            "Add noise of a hundred-thousandth to a table of equal scores. What should come out?",
            "Below 0.001, scores count as equal; that goes for both questions.",
            "Ask that the largest and the smallest score differ by more than the tolerance.",
            varies="exactly",
        ),
        lenient(
            "step-by-step",
            all_neighbours,
            "your test compares each cell with the next one of its distance: scores that creep by "
            "less than the tolerance at each step get through",
            "The scores grow by 0.0007 from place to place. How far is the last from the first?",
            "The text says no two of them, not no two neighbours.",
            "Compare the largest of a diagonal with its smallest.",
        ),
        lenient(
            "step-by-step-relative",
            all_neighbours,
            "your test compares cell by cell with `allclose` or `isclose`, and these add a "
            "hundred-thousandth of the score itself to the tolerance: a hundredth at 1,000",
            "Look up `rtol`. What is it when you say nothing?",
            "Take a table of scores near 1,000.",
            "Say rtol=0; and compare the largest of a diagonal with its smallest.",
            rtol=1e-5,
        ),
        lenient(
            "no-size",
            all_neighbours,
            "your differences have a sign, and a negative one is always below the tolerance",
            "What is −3 < 0.001?",
            "A score that falls from place to place has changed, too.",
            "Take the absolute value.",
            signed=True,
        ),
        lenient(
            "relative-tolerance",
            all_diagonals,
            "`allclose` and `isclose` add a hundred-thousandth of the score itself to the "
            "tolerance: at 1,000 that is a hundredth",
            "Look up `rtol`. What is it when you say nothing?",
            "Take a table of scores near 1,000.",
            "Say rtol=0.",
            rtol=1e-5,
        ),
        lenient(
            "too-generous",
            None,
            "your tolerance is wider than the text's, in both questions",
            "By how much may two scores of one distance differ?",
            "The text names a number.",
            "Compare with 0.001, in both questions.",
            tolerance=1e-2,
        ),
        lenient(
            "near-distances-only",
            near_diagonals,
            "your test looks at distances near 0 only, such as −1, 0 and 1: those far from the "
            "main "
            "diagonal are left out",
            "Which method could be right for neighbours and wrong for all others?",
            "There are 2n − 1 distances in a table of n by n.",
            "Let the diagonals run from 1 − n to n − 1.",
        ),
        lenient(
            "negative-distances-forgotten",
            only_future,
            "your diagonals start with the main one: keys before the query are never looked at",
            "Nothing is masked here. What of the cells below the main diagonal?",
            "`diagonal` takes negative numbers as well.",
            "Let the diagonals run from 1 − n to n − 1.",
            varies="first row",
        ),
        lenient(
            "first-against-last",
            first_and_last,
            "your test compares the first score of each distance with the last; those between "
            "them are never looked at",
            "A diagonal of five scores is 1, 1, 4, 1, 1. What does your test see of it?",
            "The text says any two scores of one distance.",
            "Compare the largest of a diagonal with its smallest.",
        ),
        lenient(
            "largest-distances-left-out",
            but_near_the_corner,
            "your diagonals end too early: one near the upper right corner, with more than one "
            "score, is never looked at",
            "Which is the last distance that your loop takes, for n = 5?",
            "`range` leaves its end out.",
            "Let the diagonals run from 1 − n to n − 1.",
        ),
        lenient(
            "both-corners-left-out",
            but_near_both_corners,
            "diagonals near both corners, with more than one score, are never looked at",
            "Which distances does your loop take, for n = 5?",
            "The largest distances have few scores, but more than one.",
            "Let the diagonals run from 1 − n to n − 1.",
        ),
        lenient(
            "columns-for-diagonals",
            columns,
            "your test compares the scores of one *column*, one key with all queries, not those of "
            "one distance",
            "Which cells have distance 1, in a table of 3 by 3? (0, 1) and (1, 2).",
            "`scores[:, d]` is column d, where j is the same, not j − i.",
            "`scores.diagonal(d)` has the scores of distance d.",
        ),
        lenient(
            "rows-for-diagonals",
            rows,
            "your test compares the scores of one *row*, one query with all keys, not those of one "
            "distance",
            "Which cells have distance 1, in a table of 3 by 3? (0, 1) and (1, 2).",
            "`scores[d]` is row d, where i is the same, not j − i.",
            "`scores.diagonal(d)` has the scores of distance d.",
        ),
        lenient(
            "share-of-the-score",
            share_of_the_score,
            "your test divides the difference by the score: 0.001 becomes a share, 1 at a score of "
            "1,000, and next to nothing at a score near 0",
            "Two scores are 0.0001 and 0.0002. Do they count as equal?",
            "The text's 0.001 is the same at 1,000 as at 0.",
            "Compare the difference itself with 0.001.",
        ),
        lenient(
            "rounded-along-a-distance",
            rounded_ends,
            "along a distance you round to three decimals and compare: near numbers can come out "
            "different",
            "Which two numbers 0.0002 apart does your rounding separate?",
            "Rounding draws borders; a tolerance is a difference.",
            "Compare the largest and the smallest score of a distance: nearer than 0.001?",
            along=5e-4,
        ),
        lenient(
            "signed-against-the-first",
            all_and_first,
            "your differences from the first score have a sign, and a negative one is always below "
            "the tolerance",
            "What is −3 < 0.001?",
            "A score that is lower than the first of its distance differs from it, too.",
            "Compare the largest of a diagonal with its smallest.",
            signed=True,
        ),
        lenient(
            "signed-first-against-last",
            first_and_last,
            "only the first and the last score of each distance are compared, and the difference "
            "has a sign: a negative one is always below the tolerance",
            "A diagonal of five scores is 1, 1, 4, 1, 2. What does your test see of it?",
            "What is 1 − 2 < 0.001?",
            "Compare the largest of a diagonal with its smallest.",
            signed=True,
        ),
        lenient(
            "spread-for-difference",
            spreads,
            "your test takes an average along each diagonal (a standard deviation is one), and a "
            "single cell that is just too far off is lost in it",
            "One cell of five is off by 0.0011. What is the standard deviation?",
            "The text speaks of any two scores of one distance.",
            "Ask about the largest difference.",
        ),
        lenient(
            "distance-0-against-1",
            None,
            "in its second question, whether distance matters, your test asks of distances 0 and "
            "1 alone, and these may "
            "score alike",
            "What of a method that only marks the word two places back?",
            "One distance that differs from the others is enough, whichever it is.",
            "Compare the largest score of the table with the smallest.",
            varies="first two",
        ),
        lenient(
            "first-row-only",
            None,
            "in its second question, whether distance matters, your test asks in the first row "
            "alone, where no key stands "
            "before the query",
            "What of a method that only marks words before the query?",
            "One distance that differs from the others is enough, to the left or to the right.",
            "Compare the largest score of the table with the smallest.",
            varies="first row",
        ),
        lenient(
            "first-column-only",
            None,
            "in its second question, whether distance matters, your test asks in the first "
            "column alone (or the last row), "
            "where no key stands after the query",
            "What of a method that only marks words after the query?",
            "One distance that differs from the others is enough, to the left or to the right.",
            "Compare the largest score of the table with the smallest.",
            varies="first column",
        ),
        lenient(
            "two-farthest-distances-not-asked",
            None,
            "in its second question, whether distance matters, the two farthest distances are "
            "left out: the cells in the upper right and the lower left corner",
            "For which offsets is there a diagonal, in a table of 4 by 4? −3 to 3.",
            "A corner is a distance of its own, and may be the one that scores otherwise.",
            "`range(-n + 1, n)` has all offsets.",
            varies="but the farthest",
        ),
        lenient(
            "farthest-distance-ahead-not-asked",
            None,
            "in its second question, whether distance matters, the farthest distance ahead is "
            "left out: the cell in the upper right corner",
            "For which offsets is there a diagonal, in a table of 4 by 4? −3 to 3.",
            "A corner is a distance of its own, and may be the one that scores otherwise.",
            "`range(-n + 1, n)` has all offsets.",
            varies="but the upper corner",
        ),
        lenient(
            "farthest-distance-back-not-asked",
            None,
            "in its second question, whether distance matters, the farthest distance back is "
            "left out: the cell in the lower left corner",
            "For which offsets is there a diagonal, in a table of 4 by 4? −3 to 3.",
            "A corner is a distance of its own, and may be the one that scores otherwise.",
            "`range(-n + 1, n)` has all offsets.",
            varies="but the lower corner",
        ),
        lenient(
            "row-in-the-middle-only",
            None,
            "in its second question, whether distance matters, your test asks in one row of the "
            "middle, which holds no far "
            "distances",
            "Which distances has row 4 of a table of 9 by 9?",
            "One distance that differs from the others is enough, whichever it is.",
            "Compare the largest score of the table with the smallest.",
            varies="row in the middle",
        ),
        lenient(
            "distance-0-against-the-largest",
            None,
            "in its second question, whether distance matters, your test asks of two cells "
            "alone, distance 0 and the "
            "largest; these may score alike",
            "What of a method that only marks the word two places back?",
            "One distance that differs from the others is enough, whichever it is.",
            "Compare the largest score of the table with the smallest.",
            varies="corner",
        ),
        lenient(
            "spread-of-the-table",
            None,
            "in its second question, whether distance matters, your test asks of a standard "
            "deviation, an average in which "
            "a single distance is lost",
            "One distance differs from the others by 0.0011. What is the standard deviation?",
            "The text speaks of any two scores.",
            "Compare the largest score of the table with the smallest.",
            varies="spread",
        ),
        lenient(
            "neighbouring-distances-must-differ",
            None,
            "your test asks that each distance scores otherwise than the next one; it is enough "
            "that some two do",
            "May the words two and three places back score the same?",
            "A method that only marks the word before does depend on the distance.",
            "Compare the largest score of the table with the smallest.",
            varies="each from the next",
        ),
        lenient(
            "both-sides-must-differ",
            None,
            "your test asks that scores differ to the left *and* to the right; one side is enough",
            "What of a method that only marks words before the query?",
            "One distance that differs from the others is enough, to the left or to the right.",
            "Compare the largest score of the table with the smallest.",
            varies="both sides",
        ),
        *(
            lenient(
                name,
                None,
                f"in its second question, whether distance matters, your test asks that {told}; "
                "scores may rise with the distance, too, or differ elsewhere",
                "What of a method that scores far words higher?",
                "Whether distance matters, not in which direction.",
                "Compare the largest score of the table with the smallest.",
                varies=varies,
            )
            for name, varies, told in (
                ("must-fall", "falls", "scores fall from each distance to the next"),
                ("must-end-lower", "lower at the end", "the largest distance scores lower than 0"),
                ("must-be-lower", "lower somewhere", "some distance scores lower than 0 does"),
            )
        ),
        lenient(
            "distance-0-against-its-neighbours",
            None,
            "in its second question, whether distance matters, your test asks of the distances −1, "
            "0 and 1 alone, and these may score alike",
            "What of a method that only marks the word two places back?",
            "One distance that differs from the others is enough, whichever it is.",
            "Compare the largest score of the table with the smallest.",
            varies="next to it",
        ),
        lenient(
            "far-too-strict",
            None,
            "your tolerance is a hundred-thousandth, in both questions; the text's is a thousandth",
            "By how much may two scores of one distance differ?",
            "The text names a number.",
            "Compare with 0.001, in both questions.",
            tolerance=1e-5,
        ),
        lenient(
            "rows-as-they-are",
            against_the_first_row,
            "your test asks that all rows are equal, as they stand; a row must be the one above "
            "it, "
            "moved by one",
            "Try ALiBi's scores, −|j − i|. Are its rows equal?",
            "(0, 0) and (1, 1) have the same distance, (0, 0) and (1, 0) have not.",
            "Look along every diagonal.",
            varies="unasked",
        ),
        lenient(
            "whether-it-matters-too-generous",
            None,
            "in its second question, whether distance matters, your test asks with a tolerance "
            "that is too wide",
            "By how much must two distances differ, to count as different?",
            "The text names one number for both questions.",
            "Compare with 0.001.",
            whole=1e-2,
        ),
        lenient(
            "whether-it-matters-far-too-generous",
            None,
            "in its second question, whether distance matters, your test asks with a tolerance "
            "of 1, a thousand times that "
            "of the text",
            "By how much must two distances differ, to count as different?",
            "The text names one number for both questions.",
            "Compare with 0.001.",
            whole=1.0,
        ),
        lenient(
            "along-a-distance-too-strict",
            None,
            "your tolerance along a distance is narrower than the text's: scores that count as "
            "equal are told apart",
            "By how much may two scores of one distance differ?",
            "The text names a number.",
            "Compare with 0.001, in both questions.",
            along=1e-4,
        ),
        lenient(
            "along-a-distance-half-as-wide",
            None,
            "your tolerance along a distance is a little narrower than the text's: scores that "
            "count as equal are told apart",
            "By how much may two scores of one distance differ?",
            "The text names a number.",
            "Compare with 0.001, in both questions.",
            along=5e-4,
        ),
        lenient(
            "along-a-distance-too-generous",
            None,
            "your tolerance along a distance is wider than the text's",
            "By how much may two scores of one distance differ?",
            "The text names a number.",
            "Compare with 0.001, in both questions.",
            along=1e-2,
        ),
        lenient(
            "no-rounding-allowed",
            None,
            "your test asks for equality to the last digit, which no turned vector keeps",
            "Try it on a right method, with 40 places.",
            "A computer rounds sines and cosines.",
            "Compare with the tolerance from the text.",
            tolerance=0.0,
        ),
        lenient(
            "no-rounding-along-a-distance",
            None,
            "your test asks that scores of one distance are equal to the last digit, which no "
            "turned vector keeps",
            "Try it on a right method, with 40 places.",
            "A computer rounds sines and cosines.",
            "Compare with the tolerance from the text.",
            along=0.0,
        ),
        lenient(
            "symmetry-asked",
            mirrored,
            "your test asks that left and right score the same, but distance has a direction",
            "May *the word before* and *the word after* score differently?",
            "Is there a transpose in your test?",
            "Only cells of the same diagonal must agree.",
        ),
        lenient(
            "against-the-first",
            all_and_first,
            "your test compares each score with the first of its distance: one that is a little "
            "above it and one a little below get through together",
            "The first is 0.5, one 0.5007 and one 0.4993. How far are the last two apart?",
            "The text says any two of them, not the first and each other one.",
            "Compare the largest of a diagonal with its smallest.",
        ),
        lenient(
            "all-against-the-first-cell",
            None,
            "in its second question, whether distance matters, your test compares each score with "
            "one other, the first cell or the next distance's: one that is a little above it and "
            "one a little below don't count as different",
            "The first cell is 0.5, one score 0.5007 and one 0.4993. Do the last two differ?",
            "Any two distances may be the ones that score differently.",
            "Compare the largest score of the table with the smallest.",
            varies="first cell",
        ),
        lenient(
            "against-the-first-in-both",
            all_and_first,
            "your test compares with the first score only, along a distance and in the whole "
            "table: what is a little above it and what is a little below are never compared",
            "The first is 0.5, one 0.5007 and one 0.4993. How far are the last two apart?",
            "The text says any two of them, in both questions.",
            "Compare the largest with the smallest: of each diagonal, then of the table.",
            varies="first cell",
        ),
        lenient(
            "relative-tolerance-against-the-first",
            all_and_first,
            "`allclose` and `isclose` add a hundred-thousandth of the score itself to the "
            "tolerance, at 1,000 that is a hundredth; and where each score is compared with the "
            "first of its distance alone, two others are never compared",
            "Look up `rtol`. What is it when you say nothing?",
            "Take a table of scores near 1,000, with one a little above the first and one below.",
            "Say rtol=0; and compare the largest of a diagonal with its smallest.",
            rtol=1e-5,
        ),
        lenient(
            "relative-tolerance-in-both",
            all_and_first,
            "`allclose` and `isclose` add a hundred-thousandth of the score itself to the "
            "tolerance: at 1,000 that is a hundredth; and they compare with the first score only",
            "Look up `rtol`. What is it when you say nothing?",
            "Take a table of scores near 1,000, with one a little above the first and one below.",
            "Say rtol=0; and compare the largest of a diagonal with its smallest.",
            rtol=1e-5,
            varies="first cell",
        ),
        lenient(
            "rows-against-the-first-row",
            future_and_first,
            "your test compares rows with the first row: keys before the query are never looked "
            "at, since none stands before the first",
            "Nothing is masked here. What of the cells below the main diagonal?",
            "Row 3 has three keys before its query; the first row has nothing to say of them.",
            "Let the diagonals run from 1 − n to n − 1.",
            varies="first row",
        ),
        lenient(
            "past-in-both",
            only_past,
            "your test looks at one half of the table only, at keys before the query, in both of "
            "its questions",
            "Nothing is masked here. What of the keys to the right?",
            "Distances may be positive, too.",
            "Start with the diagonal in the upper right corner.",
            varies="past",
        ),
        lenient(
            "spread-in-both",
            wide_spreads,
            "your test takes standard deviations, and a single cell that is just too far off is "
            "lost in an average",
            "One cell of five is off by 0.0011. What is the standard deviation?",
            "The text speaks of any two scores.",
            "Ask about the largest difference.",
            varies="spread",
        ),
        lenient(
            "spread-and-last-row",
            spreads,
            "your test takes standard deviations, which show a difference but don't measure it; "
            "and whether distance matters, it asks in the last row alone",
            "One cell of five is off by 0.0011. What is the standard deviation?",
            "The text speaks of any two scores. And what of a method that only marks words ahead?",
            "Compare the largest with the smallest: of each diagonal, then of the table.",
            varies="spread of the last row",
        ),
        lenient(
            "past-spread-and-last-row",
            past_spreads,
            "your test takes standard deviations, which show a difference but don't measure it; "
            "and keys after the query are never looked at",
            "One cell of five is off by 0.0011. What is the standard deviation?",
            "Nothing is masked here. What of the keys to the right?",
            "Let the diagonals run from 1 − n to n − 1, and ask about the largest difference.",
            varies="spread of the last row",
        ),
        lenient(
            "past-spread",
            past_spreads,
            "your test takes a standard deviation along each diagonal, in which a single cell is "
            "lost, and keys after the query are never looked at",
            "One cell of five is off by 0.0011. What is the standard deviation?",
            "Nothing is masked here. What of the keys to the right?",
            "Let the diagonals run from 1 − n to n − 1, and ask about the largest difference.",
        ),
        lenient(
            "past-spread-in-both",
            past_spreads,
            "your test takes standard deviations, in which a single cell is lost, and along a "
            "distance keys after the query are never looked at",
            "One cell of five is off by 0.0011. What is the standard deviation?",
            "Nothing is masked here. What of the keys to the right?",
            "Let the diagonals run from 1 − n to n − 1, and ask about the largest difference.",
            varies="spread",
        ),
        lenient(
            "spread-alone",
            spreads,
            "your test takes standard deviations, in which a single cell is lost, and a method "
            "that does nothing passes",
            "What does your test say about a table of equal numbers?",
            "The text asks for two things. The second: the score *does* depend on the distance.",
            "Compare the largest with the smallest: of each diagonal, then of the table.",
            varies="unasked",
        ),
        lenient(
            "last-row-spread",
            None,
            "in its second question, whether distance matters, your test asks of the standard "
            "deviation of the last row, "
            "which says nothing of keys after the query and averages over the others",
            "What of a method that only marks words after the query?",
            "One distance that differs from the others is enough, to the left or to the right.",
            "Compare the largest score of the table with the smallest.",
            varies="spread of the last row",
        ),
        Mistake(
            "always-false",
            alone(always_false),
            {},
            says="your test says False of every method; if it takes `std`: of a single score, as "
            "in the corners, that is nan, and nan < 0.001 is not true",
            hints=(
                "Try it on the simplest table that is relative: each score is its distance.",
                "Print what each part of your condition says, diagonal by diagonal. The corner "
                "diagonals hold one score.",
                "The largest minus the smallest of one score is 0.",
            ),
        ),
        Mistake(
            "all-distances-must-differ",
            all_must_differ,
            {},
            says="your test asks that no two distances score alike; it is enough that some do not",
            hints=(
                "May the words two and three places back score the same?",
                "A method that only marks the word before does depend on the distance.",
                "Compare the largest score of the table with the smallest.",
            ),
        ),
        lenient(
            "wrong-diagonals",
            flipped,
            "your test runs along the other diagonals, from lower left to upper right, where i + j "
            "is the same",
            "What have the cells (0, 3) and (3, 0) in common? And (0, 3) and (1, 4)?",
            "Along a distance, i and j grow together.",
            "Go one down and one to the *right*.",
        ),
        lenient(
            "on-average",
            on_average,
            "your test takes an average over the cells, and a single wrong one is lost in it",
            "One cell of 81 is wrong by 0.4. What does that do to your number?",
            "Ask about the largest difference.",
            "Replace the mean by a maximum.",
        ),
        mistake(
            symmetric_by_allclose,
            "symmetry-asked-by-allclose",
            {},
            "your test asks that left and right score the same (the table is compared with its "
            "transpose), but distance has a direction",
            "May *the word before* and *the word after* score differently?",
            "Is there a `.T` in your test?",
            "Only cells of the same diagonal must agree.",
        ),
        mistake(
            not_symmetric,
            "not-symmetric",
            {},
            "you ask whether left and right differ, not whether distance matters",
            "Try ALiBi's scores, −|j − i|. Are they relative?",
            "Distance must matter; a direction may.",
            "Ask whether any two scores differ by 0.001 or more.",
        ),
        mistake(
            rounded_first,
            "rounded-first",
            {},
            "you round to three decimals and compare: near numbers can come out different",
            "Which two numbers 0.0002 apart does your rounding separate?",
            "Rounding draws borders; a tolerance is a difference.",
            "Compare the largest and the smallest score of a distance: nearer than 0.001?",
        ),
        mistake(
            rounded_diagonal,
            "rounded-and-distance-0-only",
            {},
            "two things: only distance 0 is looked at, and numbers are rounded instead of compared",
            "Which distances does your code look at? `scores.diagonal()` is distance 0.",
            "Rounding draws borders; a tolerance is a difference.",
            "Take `scores.diagonal(offset)` for every offset; compare largest and smallest.",
        ),
    ],
    also_right=[looped_relative, gathered_relative, scattered_relative, numpy_relative],
    hints=(
        "Make small tables by hand and ask your function: equal numbers everywhere; a number for "
        "each distance; the same with one cell changed. What should it say of each?",
        "The text asks for two things at once, names one tolerance for both, and lists what will "
        "be tried.",
        "Every distance is a diagonal of the table, `scores.diagonal(k)`, with k from 1 − n to "
        "n − 1. Compare the largest and the smallest number of each; then those of the whole.",
    ),
    allows=Edges(
        dtypes=("float64",), axes=(2,), sizes=(3, 40), labels=("within", "outside", "at 1000")
    ),
)


# --- 06.full-turns --------------------------------------------------------------------------


def turns_cases(generator):
    def drawn(*choices):
        return int(choices[torch.randint(len(choices), (1,), generator=generator)])

    return [
        case("a small head", drawn(6, 10, 12, 14), drawn(50, 64, 90)),
        case("a wide head", drawn(32, 64, 80), drawn(512, 700, 1000)),
        case("another base", drawn(8, 16, 18), drawn(100, 150, 200), base=500.0),
        case("a larger base", drawn(24, 40), drawn(2000, 3000), 500_000.0),
        case("one pair only", 2, drawn(5, 6, 7, 8)),
        case("two places", drawn(10, 12), 2, 1000),
        case("a single place", drawn(6, 12), 1),
        case("too large for float32", drawn(64, 80, 128), drawn(4000, 8000), 1e8),
        case("too short for any", drawn(8, 20), drawn(3, 5, 6)),
        case("longer than all need", drawn(4, 6, 8), drawn(300, 400), 10.0),
        case("far longer than all need", drawn(10, 12, 14), drawn(900, 1100), 20.0),
        case("one place too few for pair 3", 16, math.ceil(2 * math.pi * 10_000 ** (6 / 16))),
        case("just enough for pair 5", 20, math.ceil(2 * math.pi * 10_000 ** (10 / 20)) + 1),
    ]


def wrong_turns(
    d_head,
    n,
    base=10_000.0,
    *,
    exponent=2,
    pairs=2,
    from_pair=0,
    steps=1,
    round_to=math.ceil,
    turn=2 * math.pi,
    last="exact",
    invert=False,
    first="count",
    own_base=None,
    ends="right",
):
    base = own_base or base
    speeds = [
        base ** (-exponent * i / d_head) for i in range(from_pair, d_head // pairs + from_pair)
    ]
    turned = sum((n - steps) * speed >= turn for speed in speeds)
    turned = len(speeds) - turned if invert else turned
    if first == "columns":
        turned = 2 * turned
    elif first == "number":
        turned = max(turned - 1, 0)
    elif first == "places":
        turned = sum(n * speed >= turn for speed in speeds)
    elif first == "rounded":
        turned = sum(round((n - steps) * speed / turn) >= 1 for speed in speeds)
    elif first == "any turn":
        turned = sum((n - steps) * speed > 0 for speed in speeds)
    elif first == "number, from −1":
        turned = turned - 1
    elif first == "sum of turns":
        turned = int(sum((n - steps) * speed / turn for speed in speeds))
    elif first == "turns":
        turned = sum(int((n - steps) * speed / turn) for speed in speeds)
    slowest = {
        "exact": speeds[-1],
        "base": 1 / base,
        "first": speeds[0],
        "odd": base ** (-(d_head - 1) / d_head),
        "no 2": base ** (-(d_head // 2 - 1) / d_head),
    }[last]
    needed = round_to(turn / slowest) + steps
    needed = max(needed, n) if ends == "from n" else needed - (ends == "two less")
    return (needed, turned) if ends == "exchanged" else (turned, needed)


def short_turns(d_head, n, base=10_000.0):
    """In float32."""
    speeds = base ** (-torch.arange(0, d_head, 2) / d_head)
    turned = int(((n - 1) * speeds >= 2 * math.pi).sum())
    return turned, int((2 * math.pi / speeds[-1]).ceil()) + 1


def listed_turns(d_head, n, base=10_000.0):
    waves = [2 * math.pi * base ** (i / d_head) for i in range(0, d_head, 2)]
    return len([wave for wave in waves if wave <= n - 1]), math.ceil(waves[-1]) + 1


def logarithmic_turns(d_head, n, base=10_000.0):
    """Solve for the last pair instead of trying all."""
    steps = (n - 1) / (2 * math.pi)
    last = math.floor(d_head / 2 * math.log(steps) / math.log(base)) if steps >= 1 else -1
    slowest = base ** ((d_head - 2) / d_head)
    return min(last + 1, d_head // 2), 1 + math.ceil(slowest * 2 * math.pi)


def tried_turns(d_head, n, base=10_000.0):
    """Try: add pairs while they get round, and double the places, then halve the gap."""
    pairs = [base ** (2 * i / d_head) * 2 * math.pi for i in range(d_head // 2)]
    turned = 0
    while turned < len(pairs) and pairs[turned] <= n - 1:
        turned += 1
    low, high = 1, 2
    while high - 1 < pairs[-1]:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle - 1 >= pairs[-1] else (middle, high)
    return [turned, high]


def numpy_turns(d_head, n, base=10_000.0):
    speeds = np.float64(base) ** (-np.arange(0, d_head, 2) / d_head)
    return np.sum((n - 1) * speeds >= 2 * np.pi), np.int64(np.ceil(2 * np.pi / speeds[-1])) + 1


def counting(name, flags, says, *hints, by=wrong_turns):
    return Mistake(name, by, flags, says=says, hints=hints)


def miscounted_turns(d_head, n, base=10_000.0, *, pairs):
    """The second number is right; the first goes through too many pairs, too few, or others."""
    which = {
        "columns": range(d_head),
        "all but the last": range(d_head // 2 - 1),
        "from 1": range(1, d_head // 2 + 1),
        "one more": range(d_head // 2 + 1),
    }[pairs]
    turned = sum((n - 1) * base ** (-2 * i / d_head) >= 2 * math.pi for i in which)
    return turned, wrong_turns(d_head, n, base)[1]


def miscounted(name, pairs, says):
    hints = (
        "Print the numbers i that your count goes through, for a head of width 8.",
        "Pairs are counted from 0, and there are d_head / 2 of them.",
        "range(d_head // 2).",
    )
    return Mistake(name, miscounted_turns, {"pairs": pairs}, says, hints)


TURNS_SLIPS = [
    miscounted(
        "columns-in-the-first",
        "columns",
        "your count goes through d_head pairs, or nothing stops it at d_head / 2; there are half "
        "as "
        "many",
    ),
    miscounted(
        "last-pair-not-counted", "all but the last", "your count never looks at the last pair"
    ),
    miscounted(
        "pairs-from-1", "from 1", "your count numbers the pairs from 1: the fastest is left out"
    ),
    miscounted("a-pair-too-many", "one more", "your count goes through one pair too many"),
    counting(
        "number-of-the-last-from-0",
        {"first": "number, from −1"},
        "your first number is the number of the last pair that gets round, not how many do",
        "Pairs 0, 1 and 2 get round. How many are these?",
        "Pairs count from 0.",
        "Count, instead of taking the largest i.",
        by=alone(wrong_turns),
    ),
    counting(
        "turns-added-up",
        {"first": "sum of turns"},
        "your first number adds up the turns of all pairs, parts of turns too",
        "How many pairs has a head of width 8? Your number may be larger.",
        "A pair either makes a full turn or it doesn't.",
        "Count each pair once, by a comparison with 2π.",
        by=alone(wrong_turns),
    ),
    counting(
        "never-below-n",
        {"ends": "from n"},
        "your second number is never below the n that came in: the search starts there",
        "Ask for d_head = 2 and n = 1,000. A pair that turns by 1 radian needs 8 positions.",
        "The second question has nothing to do with n.",
        "Start from 1, or calculate it.",
        by=alone(wrong_turns),
    ),
    counting(
        "two-places-too-few",
        {"round_to": math.floor, "ends": "two less"},
        "your second number is two too small in most cases: the steps are rounded down, and they "
        "are not yet places",
        "Put your second number back in as n. How far has the slowest pair turned?",
        "With 6.28 steps needed, are 6 enough? And how many places do 7 steps have?",
        "Round the steps up; n places make n − 1 steps, so add 1.",
        by=alone(wrong_turns),
    ),
    counting(
        "last-pair-without-2",
        {"last": "no 2"},
        "your second number takes (d_head / 2 − 1) / d_head for the last exponent: the 2 of 2i is "
        "missing",
        "A head of width 8 has the pairs 0 to 3. What is 2i / d_head for the last?",
        "6 / 8, not 3 / 8.",
        "The last exponent is (d_head − 2) / d_head.",
        by=alone(wrong_turns),
    ),
    counting(
        "pairs-from-1-in-both",
        {"from_pair": 1},
        "pairs are numbered from 1 in both of your numbers: the fastest is left out, and one that "
        "there is not comes last",
        "Print the numbers i that your count goes through, for a head of width 8.",
        "Pairs are counted from 0, and there are d_head / 2 of them.",
        "range(d_head // 2).",
        by=alone(wrong_turns),
    ),
    counting(
        "turns-rounded",
        {"first": "rounded"},
        "your first number rounds the turns: a pair that makes half a turn counts as gone round",
        "How far has a pair turned that has made 0.6 turns? Not all the way round.",
        "A little less than a full turn is no full turn.",
        "Compare the angle with 2π, without rounding.",
        by=alone(wrong_turns),
    ),
    counting(
        "pairs-that-turn-at-all",
        {"first": "any turn"},
        "your first number counts every pair that turns at all, however little",
        "Which angle has a pair to reach? A full turn, 2π.",
        "`> 0` is true of the slowest pair, too.",
        "Count the pairs whose angle is at least 2π.",
        by=alone(wrong_turns),
    ),
    counting(
        "exponent-doubled",
        {"exponent": 4},
        "the exponent is doubled once too often: pairs are divided among d_head / 2 columns",
        "Which exponent has the last pair of a head of width 8? 6 / 8.",
        "Is it −2i / d_head, or −2i over the number of the pairs?",
        "The numerator is 2i, the denominator d_head.",
    ),
]

FULL_TURNS = Exercise(
    id="06.full-turns",
    title="Which pairs have gone all the way round?",
    kind="predict",
    points=1,
    name="full_turns",
    cases=turns_cases,
    mistakes=[
        counting(
            "exponent-without-2",
            {"exponent": 1},
            "the exponent of pair i is −i / d_head in your count, instead of −2i / d_head",
            "Which exponent has the last pair of a head of width 8?",
            "Its number is 3, and it should be 2 · 3 / 8.",
            "The numerator is 2i.",
        ),
        counting(
            "columns-counted",
            {"pairs": 1, "exponent": 1},
            "you count columns instead of pairs",
            "How many pairs has a head of width 8?",
            "Two columns make one pair.",
            "There are d_head / 2 pairs, with the exponents 2i / d_head.",
        ),
        counting(
            "n-steps",
            {"steps": 0},
            "you let a pair take n steps in a text of n places: the last place is n − 1",
            "How many steps lie between the first and the last of 3 places?",
            "One fewer than there are places.",
            "From the first place to the last it is n − 1 steps; both of your numbers need it.",
            by=alone(wrong_turns),
        ),
        counting(
            "one-place-too-few",
            {"round_to": math.floor},
            "your second number is one too small: with so few places the slowest pair doesn't "
            "quite make it",
            "Put your second number back in as n. How far has the slowest pair turned?",
            "Two slips give this number: rounding the steps down, or taking the steps for places.",
            "Round the steps up; n places make n − 1 steps, so add 1.",
            by=alone(wrong_turns),
        ),
        counting(
            "not-whole",
            {"round_to": float},
            "your second number is not a whole one",
            "Can a text have 8.28 places?",
            "A little less than a full turn is no full turn.",
            "Round the steps up, then add 1.",
            by=alone(wrong_turns),
        ),
        counting(
            "rounded-to-nearest",
            {"round_to": round},
            "the steps are rounded to the nearest whole number, so that sometimes the slowest pair "
            "doesn't quite make it",
            "Put your second number back in as n. How far has the slowest pair turned?",
            "With 6.28 steps needed, are 6 enough?",
            "Round the steps up.",
            by=alone(wrong_turns),
        ),
        counting(
            "float32-digits",
            {},
            "your second number is off by a little where it is large: float32 has seven digits",
            "How many digits has your second number, and how many of them are right?",
            "A tensor of floats is float32 unless told otherwise.",
            "Use `math` and Python's own numbers.",
            by=short_turns,
        ),
        counting(
            "as-many-pairs-as-columns",
            {"pairs": 1},
            "you go through d_head pairs, but a head has half as many: two columns are one pair",
            "How many pairs has a head of width 8?",
            "With twice the pairs, the last exponent is nearly −2. What should it be?",
            "i runs from 0 to d_head / 2 − 1.",
            by=alone(wrong_turns),
        ),
        counting(
            "columns-for-pairs",
            {"first": "columns"},
            "your first number counts columns: two columns are one pair",
            "How many pairs has a head of width 8?",
            "Your number may be larger than d_head / 2.",
            "Count each pair once.",
        ),
        counting(
            "turns-for-pairs",
            {"first": "turns"},
            "your first number counts turns: a pair that goes round three times is one pair",
            "How many pairs has a head of width 8? Your number may be larger.",
            "A pair either makes a full turn or it doesn't.",
            "Count each pair once, by a comparison with 2π.",
            by=alone(wrong_turns),
        ),
        counting(
            "places-for-steps-in-the-first",
            {"first": "places"},
            "your first number goes by n steps, not by n − 1",
            "From the first of two places to the last, how many steps are there?",
            "The pair has turned by nothing at the first place.",
            "Multiply by n − 1, as the text does.",
            by=alone(wrong_turns),
        ),
        counting(
            "last-pair-from-the-width",
            {"last": "odd"},
            "the last pair's exponent is (d_head − 1) / d_head in your second number; its number "
            "is d_head / 2 − 1",
            "A head of width 8 has the pairs 0 to 3. What is 2i / d_head for the last?",
            "The number of the last pair is not the number of the last column.",
            "The last exponent is (d_head − 2) / d_head.",
            by=alone(wrong_turns),
        ),
        counting(
            "number-of-the-last",
            {"first": "number"},
            "your first number is the number of the last pair that gets round, not how many do",
            "Pairs 0, 1 and 2 get round. How many are these?",
            "Pairs count from 0.",
            "Count, instead of taking the largest i.",
        ),
        counting(
            "base-ignored",
            {"own_base": 10_000.0},
            "`base` is ignored: 10,000 stands in your code whatever was asked",
            "Call your function with base=500. Does anything change?",
            "Look for a 10000 in your code.",
            "Use the argument in its place.",
        ),
        counting(
            "fastest-pair",
            {"last": "first"},
            "your second number asks for the fastest pair only, and *every* pair must get round",
            "Which pair needs the most places?",
            "When the slowest has turned, all have.",
            "Take the last pair's speed.",
            by=alone(wrong_turns),
        ),
        counting(
            "exchanged",
            {"ends": "exchanged"},
            "the two numbers have changed places",
            "Which of the two does the text ask for first?",
            "The first can't be larger than d_head / 2.",
            "Return the number of pairs, then the number of places.",
            by=alone(wrong_turns),
        ),
        counting(
            "degrees",
            {"turn": 360.0},
            "a full turn is 360 in your code: these are degrees, and the formula has radians",
            "By how many radians does pair 0 turn from one place to the next?",
            "sin and cos of a computer take radians.",
            "A full turn is 2π.",
        ),
        counting(
            "half-turns",
            {"turn": math.pi},
            "you count half turns: π instead of 2π",
            "How many radians has a full turn?",
            "The angle of half a circle is π.",
            "A full turn is 2π.",
        ),
        counting(
            "one-radian",
            {"turn": 1.0},
            "you count a radian as a full turn",
            "How many radians has a full turn?",
            "A little more than six.",
            "A full turn is 2π.",
        ),
        counting(
            "last-speed-is-1-over-base",
            {"last": "base"},
            "you take 1 / base for the slowest speed, but the exponent never reaches −1",
            "What is 2i / d_head for the last pair?",
            "The last pair has the number d_head / 2 − 1.",
            "Its exponent is −(d_head − 2) / d_head.",
        ),
        counting(
            "those-that-do-not",
            {"invert": True},
            "your first number counts the pairs that do *not* get round",
            "Should the number grow or shrink when the text gets longer?",
            "Fast pairs get round early.",
            "Count the pairs whose angle is at least 2π.",
        ),
        counting(
            "speeds-grow",
            {"exponent": -2},
            "your speeds grow from pair to pair: the exponent lacks its minus",
            "Which pair is the fastest?",
            "Pair 0 turns by 1 radian a place, all others by less.",
            "The exponent is negative.",
            by=alone(wrong_turns),
        ),
        *TURNS_SLIPS,
    ],
    also_right=[listed_turns, logarithmic_turns, tried_turns, numpy_turns],
    any_sequence=True,
    hints=(
        "Take d_head = 4 and base = 100, so two pairs, and n = 8. Write down by how many radians "
        "each pair turns in all. A full turn is 2π, about 6.28.",
        "The formula of the text has three parts that are easily off by one: n − 1, the exponent, "
        "and the number of the last pair.",
        "List the speeds of all pairs. The first answer counts those that come far enough in "
        "n − 1 steps; the second needs the slowest pair only, and rounds up.",
    ),
    allows=Edges(sizes=(1, 2), labels=("base", "one pair", "just enough", "float32")),
)


# --- 06.alibi-bias --------------------------------------------------------------------------


def alibi_cases(generator):
    return [
        case("5 places, 4 heads", 5, 5, 4),
        case("2 queries, 7 keys, 8 heads", 2, 7, 8),
        case("the newest of 6 keys, 2 heads", 1, 6, 2),
        case("16 heads", 2, 5, 16),
        case("one head", 4, 4, 1),
        case("one query, one key", 1, 1, 2),
        case("a far key", 1, 101, 1),
    ]


def wrong_alibi(
    n_query,
    n_key,
    num_heads,
    *,
    sign=-1.0,
    first=1,
    slopes="paper",
    place="last",
    distance="far",
    order="heads",
):
    head = torch.arange(first, num_heads + first, dtype=torch.float32)
    slope = {
        "paper": 2.0 ** (-8 * head / num_heads),
        "halving": 2.0**-head,
        "linear": head / num_heads,
        "one": torch.full((num_heads,), 2.0**-8),
        "reversed": 2.0 ** (-8 * head.flip(0) / num_heads),
        "e": (-8 * head / num_heads).exp(),
        "without 8": 2.0 ** (-head / num_heads),
        "growing": 2.0 ** (8 * head / num_heads),
        "first": torch.full((num_heads,), 2.0 ** (-8 / num_heads)),
        "cut": 2.0 ** (-(8 // num_heads) * head),
        "eighth": 2.0 ** (-8 / head),
        "floored": 2.0 ** (-8 * head // num_heads),
        "1 alone divided": 2.0 ** (-8 * (head - 1) + 1 / num_heads),
        "1 outside": 2.0 ** (-8 * (head - 1) / num_heads + 1),
        "1 behind 8": 2.0 ** ((-8 * (head - 1) + 1) / num_heads),
        "even to 2^-8": torch.linspace(2.0 ** (-8 / num_heads), 2.0**-8, num_heads),
        "power divided": 2.0 ** (-8 * head) / num_heads,
        "no power": 8 * head / num_heads,
        "to 1": 2.0 ** (-8 * (head - 1) / (num_heads - 1)),
        "of the head": head ** (-8 / num_heads),
        "exponents 1 to 8": 2.0 ** -torch.linspace(1, 8, num_heads),
        "head below": 2.0 ** (-8 / head / num_heads),
        "twice": 2.0 ** (-16 * head / num_heads),
        "half": 2.0 ** (-4 * head / num_heads),
    }[slopes]
    key = torch.arange(n_key)
    query = key[:n_query] if place == "row" else key[n_key - n_query :]
    query = query + {"early": -1, "late": 1, "below": 2 * (n_query - n_key)}.get(place, 0)
    gap = key[None, :] - query[:, None]
    distance = {
        "far": gap.abs(),
        "signed": -gap,
        "unsigned": gap,
        "past": (-gap).clamp(min=0),
        "future": gap.clamp(min=0),
        "root": gap.abs().float().sqrt(),
        "squared": gap**2,
        "logarithm": (1 + gap.abs().float()).log(),
        "key": (n_key - 1 - key).expand(n_query, -1),
        "authors": -key.expand(n_query, -1),
        "one-more": gap.abs() + 1,
        "hidden": gap.abs().float().masked_fill(gap > 0, math.inf),
    }[distance]
    bias = sign * slope[:, None, None] * distance
    last = bias.permute(1, 2, 0)
    return {
        "heads": bias,
        "last": last,
        "turned": bias.transpose(1, 2),
        "reshaped": last.reshape(bias.shape),
    }[order].contiguous()


def finished_alibi(n_query, n_key, num_heads, *, wide=False, front=0):
    """Right but for its last touch."""
    bias = wrong_alibi(n_query, n_key, num_heads)
    bias = bias.double() if wide else bias
    return bias.reshape(*[1] * front, *bias.shape)


def along_the_keys(n_query, n_key, num_heads):
    """The slopes laid along the last axis, as PyTorch does it when nothing else is said."""
    slopes = 2.0 ** (-8 * (torch.arange(num_heads) + 1) / num_heads)
    query = torch.arange(n_key - n_query, n_key)
    return -slopes * (torch.arange(n_key) - query[:, None]).abs()


def banded_alibi(n_query, n_key, num_heads):
    """Windows of one long row of distances, from the last query back to the first."""
    row = -torch.arange(1 - n_key, n_key).abs().float()
    band = row.unfold(0, n_key, 1).flip(0)[n_key - n_query :]
    return (
        torch.ldexp(torch.ones(()), -8 * torch.arange(1, num_heads + 1) / num_heads).view(-1, 1, 1)
        * band[None]
    )


def numpy_alibi(n_query, n_key, num_heads):
    h, q, k = np.ogrid[1 : num_heads + 1, n_key - n_query : n_key, :n_key]
    return torch.tensor(-np.abs(k - q) * 0.5 ** (8 * h / num_heads), dtype=torch.float32)


def looped_alibi(n_query, n_key, num_heads):
    bias = torch.zeros(num_heads, n_query, n_key)
    for h in range(num_heads):
        slope = 1 / 2 ** (8 * (h + 1) / num_heads)
        for i in range(n_query):
            for j in range(n_key):
                bias[h, i, j] = -slope * abs(j - (i + n_key - n_query))
    return bias


def multiplied_alibi(n_query, n_key, num_heads):
    """A first slope, multiplied by itself, as the paper tells it."""
    start = 2 ** (-8 / num_heads)
    slopes = torch.tensor([start ** (h + 1) for h in range(num_heads)])
    gap = torch.arange(n_key).float() - torch.arange(n_query).float()[:, None] - (n_key - n_query)
    return torch.einsum("h,qk->hqk", slopes, -gap.abs())


def slope(name, flags, says, *hints, by=wrong_alibi):
    return Mistake(name, by, flags, says=says, hints=hints)


SLOPE_HINTS = (
    "Print your slopes for 2 heads. They should be 1/16 and 1/256.",
    "Python multiplies and divides before it adds: what does your line reckon first?",
    "2 ** (-8 * (h + 1) / num_heads), with h + 1 in brackets.",
)


def alibi_slip(name, flags, says, hints):
    """By itself: two of these slips at once are rare."""
    return Mistake(name, alone(wrong_alibi), flags, says, hints)


ALIBI_SLIPS = [
    alibi_slip(
        "only-1-divided",
        {"slopes": "1 alone divided"},
        "brackets are missing: `-8 * h + 1 / num_heads` divides the 1 alone",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "1-behind-the-fraction",
        {"slopes": "1 outside"},
        "a bracket is missing: `-8 * h / num_heads + 1` adds 1 to the whole exponent",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "1-behind-the-8",
        {"slopes": "1 behind 8"},
        "a bracket is missing: `(-8 * h + 1) / num_heads` multiplies h alone by −8",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "power-divided",
        {"slopes": "power divided"},
        "a bracket is missing: num_heads divides the power, not the exponent",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "exponent-floored",
        {"slopes": "floored"},
        "`//` rounds the exponents down to whole numbers",
        (
            "Print your slopes for 16 heads. Are there two alike?",
            "Two slashes leave out what stands behind the point.",
            "Divide with a single slash.",
        ),
    ),
    alibi_slip(
        "slopes-in-even-steps",
        {"slopes": "even to 2^-8"},
        "the first and the last slope are right; between them they fall in even steps, not by a "
        "factor",
        (
            "Print your slopes for 4 heads. They should be 1/4, 1/16, 1/64 and 1/256.",
            "It is the exponents that go in even steps.",
            "Make the exponents first, then 2 to their power.",
        ),
    ),
    alibi_slip(
        "both-minuses-missing",
        {"slopes": "growing", "sign": 1.0},
        "both minuses are missing, in the exponent and before the slope: far keys get a bonus, and "
        "it grows from head to head",
        (
            "Print your slopes for 2 heads. They should be 1/16 and 1/256.",
            "Should a far key have a higher score or a lower one?",
            "-(2.0 ** (-8 * (h + 1) / num_heads)) times the distance.",
        ),
    ),
    *(
        alibi_slip(
            f"power-left-out-{word}",
            {"slopes": "no power", "sign": sign},
            "the slope is the exponent itself, 8 (h + 1) / num_heads: `2 **` is missing",
            SLOPE_HINTS,
        )
        for word, sign in (("below-0", -1.0), ("above-0", 1.0))
    ),
    alibi_slip(
        "heads-less-1",
        {"slopes": "to 1"},
        "h is divided by num_heads − 1; the formula has h + 1 above the bar and num_heads below it",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "head-for-2",
        {"slopes": "of the head"},
        "h + 1 has become the base of the power; it is 2, and h + 1 stands in the exponent",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "exponents-from-1-to-8",
        {"slopes": "exponents 1 to 8"},
        "your exponents run from −1 to −8 whatever the number of heads; the first is "
        "−8 / num_heads",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "head-below-the-bar",
        {"slopes": "head below"},
        "h + 1 stands below the bar; −8 is multiplied by it, and num_heads alone divides",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "heads-from-2",
        {"first": 2},
        "the exponents are one step too far: h counts from 1 already, and 1 is added to it",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "16-for-8",
        {"slopes": "twice"},
        "the exponents are twice as large: the formula has −8",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "4-for-8",
        {"slopes": "half"},
        "the exponents are half as large: the formula has −8",
        SLOPE_HINTS,
    ),
    alibi_slip(
        "past-costs-nothing",
        {"distance": "future"},
        "only keys after the query are far; those before it are a distance away, too",
        (
            "What is the distance from place 5 to key 2? 3.",
            "j − i is negative for a key before the query.",
            "Take the absolute value.",
        ),
    ),
    alibi_slip(
        "root-of-the-distance",
        {"distance": "root"},
        "the penalty grows with the root of the distance; it grows with the distance itself",
        (
            "Print one head's penalties for the distances 1, 2 and 4.",
            "Twice as far costs twice as much.",
            "Multiply the slope by the distance.",
        ),
    ),
    alibi_slip(
        "reshape-for-permute",
        {"order": "reshaped"},
        "the heads stand last and `reshape` or `view` cuts the numbers anew; to move an axis takes "
        "`permute`",
        (
            "Print `bias[0]` for 2 heads. Are there two slopes in it?",
            "`reshape` keeps the order of the numbers and cuts it elsewhere.",
            "Give the slopes the shape (heads, 1, 1), or move the last axis by `permute(2, 0, 1)`.",
        ),
    ),
    alibi_slip(
        "offset-turned-round",
        {"place": "below"},
        "the queries' positions start at n_query − n_key, below 0; it is the other difference",
        LAST_OF_THE_KEYS,
    ),
]

ALIBI = Exercise(
    id="06.alibi-bias",
    title="A penalty for distance",
    kind="code",
    points=2,
    name="alibi_bias",
    cases=alibi_cases,
    bans=("Alibi", "alibi_slopes"),
    mistakes=[
        Mistake(
            "slopes-along-the-keys",
            along_the_keys,
            {},
            says="the slopes lie along the keys: they have no axes for queries and keys, so each "
            "key gets a slope, not each head",
            hints=(
                "Print the shapes of the slopes and of the distances.",
                "Axes are lined up from the last one. Which axis of the result is the heads?",
                "Give the slopes the shape (heads, 1, 1).",
            ),
        ),
        slope(
            "far-preferred",
            {"sign": 1.0},
            "the bias is positive: the further a key, the higher its score",
            "Which key should have the highest score when all fit equally well?",
            "A penalty lowers.",
            "Put a minus in front.",
        ),
        slope(
            "queries-from-0",
            {"place": "row"},
            "the first query stands at place 0, though the queries are the last of the keys",
            "With 1 query and 6 keys, which key is at distance 0?",
            "The last query stands where the last key stands.",
            "The queries' places start at n_key − n_query.",
        ),
        slope(
            "heads-from-0",
            {"first": 0},
            "the exponent is −8h / num_heads: the slopes begin with 1",
            "What is the slope of head 0 when there are 8 heads? Not 1.",
            "The formula has h + 1.",
            "Count the heads from 1 in the exponent.",
        ),
        slope(
            "8-forgotten",
            {"slopes": "halving"},
            "the slopes are ½, ¼, ⅛, … whatever the number of heads: right for 8 heads only",
            "Which slope has the last head when there are 16?",
            "The last slope is always 2 to the power of −8.",
            "The exponent is −8 (h + 1) divided by the number of heads.",
        ),
        slope(
            "slopes-even",
            {"slopes": "linear"},
            "the slopes grow evenly with the head instead of falling as powers of 2",
            "Divide each slope by the one before it. What should come out?",
            "Always the same factor: they form a geometric series.",
            "Raise 2 to the power of −8 (h + 1) / num_heads.",
            by=alone(wrong_alibi),
        ),
        slope(
            "slopes-reversed",
            {"slopes": "reversed"},
            "the slopes stand in reverse order: head 0 has the gentlest",
            "Which head should look nearest?",
            "Head 0 has the exponent nearest to 0, so the steepest slope.",
            "Turn your list of slopes round.",
            by=alone(wrong_alibi),
        ),
        slope(
            "one-slope",
            {"slopes": "one"},
            "all heads have the same slope",
            "Compare `bias[0]` with `bias[1]`.",
            "Each head has its own exponent.",
            "Give the slopes an axis of heads: (heads, 1, 1).",
        ),
        slope(
            "base-e",
            {"slopes": "e"},
            "the slopes are powers of e instead of 2",
            "Did you write exp?",
            "Each slope is a power of 2.",
            "Use 2.0 ** …",
            by=alone(wrong_alibi),
        ),
        slope(
            "past-rewarded",
            {"distance": "unsigned"},
            "keys to the left get a bonus: the distance is not taken without its sign",
            "What is your bias for a key one place to the left? And one to the right?",
            "Both are one place away.",
            "Take the absolute value of the difference.",
            by=alone(wrong_alibi),
        ),
        slope(
            "exponent-without-8",
            {"slopes": "without 8"},
            "the 8 is missing in the exponent: the slopes fall from nearly 1 to ½ only",
            "Which slope has the last head?",
            "The last slope is always 2 to the power of −8.",
            "The exponent is −8 (h + 1) / num_heads.",
            by=alone(wrong_alibi),
        ),
        slope(
            "slopes-grow",
            {"slopes": "growing"},
            "the exponent lacks its minus: the slopes grow up to 256",
            "Is your first slope below 1?",
            "A slope of 256 hides all but the word itself.",
            "The exponent is negative.",
            by=alone(wrong_alibi),
        ),
        slope(
            "first-slope-for-all",
            {"slopes": "first"},
            "all heads have the slope of the first",
            "Compare `bias[0]` with `bias[1]`.",
            "Each head has its own exponent.",
            "Give the slopes an axis of heads: (heads, 1, 1).",
            by=alone(wrong_alibi),
        ),
        slope(
            "exponent-cut",
            {"slopes": "cut"},
            "8 is divided by the number of heads in whole numbers, which is 0 with 16 heads",
            "What is 8 // 16?",
            "Python has two divisions.",
            "Use the one with a single stroke.",
            by=alone(wrong_alibi),
        ),
        slope(
            "queries-one-early",
            {"place": "early"},
            "each query stands one place too early",
            "Does a word have a penalty for itself in your table?",
            "Places count from 0, so 5 keys end at place 4.",
            "The queries' places start at n_key − n_query.",
            by=alone(wrong_alibi),
        ),
        slope(
            "queries-one-late",
            {"place": "late"},
            "each query stands one place too late",
            "Does a word have a penalty for itself in your table?",
            "Places count from 0, so 5 keys end at place 4.",
            "The queries' places start at n_key − n_query.",
            by=alone(wrong_alibi),
        ),
        slope(
            "float64-bias",
            {"wide": True},
            "the bias is float64; the text asks for float32",
            "Print the dtype of your result.",
            "NumPy and `double()` bring 64 bits in.",
            "Convert the result at the end.",
            by=finished_alibi,
        ),
        slope(
            "an-axis-too-many",
            {"front": 1},
            "the bias has an axis for the batch; the text asks for (heads, query, key)",
            "Print the shape of your result.",
            "All sentences share one bias, so it needs no axis for them.",
            "Leave out the `unsqueeze` or the `None` in front.",
            by=finished_alibi,
        ),
        slope(
            "future-rewarded",
            {"distance": "signed"},
            "keys to the right get a bonus: the distance is not taken without its sign",
            "What is your bias for a key one place to the right? And one to the left?",
            "Both are one place away.",
            "Take the absolute value of the difference.",
        ),
        slope(
            "future-free",
            {"distance": "past"},
            "keys to the right cost nothing: only the past is penalised",
            "What is your bias for a key two places to the right?",
            "The formula has bars: |j − i|.",
            "Take the absolute value instead of clamping at 0.",
        ),
        slope(
            "future-hidden",
            {"distance": "hidden"},
            "keys to the right get minus infinity: hiding them is the work of a mask",
            "What is your bias for a key two places to the right?",
            "ALiBi lowers scores; which keys may be seen at all is decided elsewhere.",
            "Leave the mask out: −slope · |j − i| on both sides.",
            by=alone(wrong_alibi),
        ),
        slope(
            "squared",
            {"distance": "squared"},
            "the distance is squared",
            "What is the penalty two places away, compared with one?",
            "Twice as far costs twice as much.",
            "Take the absolute value, not the square.",
        ),
        slope(
            "logarithm",
            {"distance": "logarithm"},
            "the penalty grows with the logarithm of the distance, not with the distance",
            "What is the penalty two places away, compared with one?",
            "Twice as far costs twice as much.",
            "Leave out the logarithm.",
            by=alone(wrong_alibi),
        ),
        slope(
            "only-the-keys-place",
            {"distance": "key"},
            "the penalty counts from the last key, the same for all queries. Under a causal mask "
            "softmax would not notice, but these are not the numbers asked for",
            "Are all rows of a head equal?",
            "Each query has its own place, and its own key has penalty 0.",
            "Subtract the query's place from the key's.",
            by=alone(wrong_alibi),
        ),
        slope(
            "distance-from-1",
            {"distance": "one-more"},
            "every distance is one too large: a word is at distance 1 from itself",
            "What is the bias of a word for itself?",
            "At the same place there is no penalty.",
            "The distance of i and j is |j − i|, without a 1.",
            by=alone(wrong_alibi),
        ),
        slope(
            "heads-last",
            {"order": "last"},
            "the axis of heads stands last",
            "What is the shape that the text asks for?",
            "The heads come first.",
            "Give the slopes the shape (heads, 1, 1).",
            by=alone(wrong_alibi),
        ),
        slope(
            "rows-and-columns",
            {"order": "turned"},
            "queries and keys have changed places: rows are keys",
            "Which axis has the size n_query in your result?",
            "Rows ask, columns are asked.",
            "Exchange the last two axes.",
            by=alone(wrong_alibi),
        ),
        slope(
            "position-of-the-key-alone",
            {"distance": "authors"},
            "the bias is the slope times the key's position, as in the authors' code: after a mask "
            "the softmax sees no difference, but the formula here asks for the distance",
            "Print the bias of one head. Where is it 0?",
            "A query is at distance 0 of itself.",
            "Subtract the query's position from the key's, and take the absolute value.",
            by=alone(wrong_alibi),
        ),
        slope(
            "eight-divided-by-the-head",
            {"slopes": "eighth"},
            "the exponent is −8 / (h + 1): the head stands below the bar",
            "With 8 heads the slopes are 1/2, 1/4, 1/8, … What are yours?",
            "Which of the two stands under the bar in the formula, h + 1 or num_heads?",
            "Multiply 8 by h + 1 and divide by num_heads.",
            by=alone(wrong_alibi),
        ),
        *ALIBI_SLIPS,
    ],
    also_right=[looped_alibi, multiplied_alibi, banded_alibi, numpy_alibi],
    axes="heads query key",
    hints=(
        "Print the table of one head for 3 queries and 3 keys. On the diagonal stand zeros, and "
        "the penalty is the same to the left and to the right.",
        "Three things are in the text: the slopes (what is the first of 8 heads, what the last?), "
        "the places of the queries, and the order of the three axes.",
        "Make the slopes, (heads,), and the distances, (query, key), apart from each other. Two "
        "more axes on the slopes, and one product gives all.",
    ),
    allows=Edges(sizes=(1, 2, 4, 8, 16, 101), labels=("newest", "one head", "one key")),
)


# --- 06.t5-bucket ---------------------------------------------------------------------------


def bucket_cases(generator):
    def safe(buckets, longest, both, reach):
        """Places whose bucket no rounding can move: borders hit within a hair are left out."""
        count = buckets // 2 if both else buckets
        exact = count // 2
        relative = torch.arange(-reach, reach + 1)
        distance = relative.abs().clamp(min=exact).double()
        share = (count - exact) * (distance / exact).log() / math.log(longest / exact)
        near = (share - share.round()).abs() < 1e-3
        return relative[~near | (relative.abs() <= exact) | (relative.abs() >= longest)]

    def shuffled(places):
        return places[torch.randperm(len(places), generator=generator)]

    def square(n, m):
        return torch.arange(n)[None, :] - torch.arange(m)[:, None]

    return [
        case("both directions, T5's sizes", shuffled(safe(32, 128, True, 150))),
        case("one direction", shuffled(safe(32, 128, False, 150)), bidirectional=False),
        case("8 buckets to 20", shuffled(safe(8, 20, True, 30)), 8, 20),
        case("20 buckets to 77, one way", shuffled(safe(20, 77, False, 90)), 20, 77, False),
        case("a table of 7 keys for 5 queries", square(7, 5)),
        case("far away", torch.tensor([[-5000, 5000], [-129, 129], [-1, 1]])),
        case("the place itself, of three axes", torch.zeros(1, 1, 3, dtype=torch.long), 16, 50),
        in_dtype(case("near ones", square(3, 2), 8), torch.int32),
        case("4 buckets to 9, both ways", shuffled(safe(4, 9, True, 12)), 4, 9),
        case("4 buckets to 9, one way", shuffled(safe(4, 9, False, 12)), 4, 9, False),
        case("a single number", torch.tensor(-3), bidirectional=False),
        case("a single number, both directions", torch.tensor(5), 8, 20),
    ]


def wrong_bucket(
    relative,
    num_buckets=32,
    max_distance=128,
    bidirectional=True,
    *,
    both="asked",
    flip=False,
    scale="log",
    cap=True,
    exact_share=2,
    rounding="floor",
    own_longest=None,
    own_buckets=None,
    future="zero",
    border=1,
    offset=True,
    lift=True,
    halved="asked",
    side="future",
    one_way="past",
    last=1,
    factor=True,
    near=True,
    whose="direction",
    exchanged=False,
    least=0,
    dtype=torch.int64,
):
    arrived = relative
    bidirectional = {
        "asked": bidirectional,
        "always": True,
        "never": False,
        "exchanged": not bidirectional,
    }[both]
    num_buckets = own_buckets or num_buckets
    longest = max_distance // 2 if own_longest == "half" else own_longest or max_distance
    relative = relative.abs() if flip == "abs" else -relative if flip else relative
    count = num_buckets // 2 if bidirectional or halved == "always" else num_buckets
    exact = max(count // exact_share, 1) if exact_share else count
    exact = num_buckets // {"both": 4, "whole": 2}[whose] if whose != "direction" else exact
    mirrored = bidirectional or future == "abs"
    ahead = relative if one_way == "future" else -relative
    distance = relative.abs() if mirrored else ahead
    if future == "from 0" and mirrored:
        distance = distance - (relative > 0).to(distance.dtype)
    distance = distance if future == "negative" else distance.clamp(min=least)
    far = distance.clamp(min=1).double()
    if scale == "log of 0":  # it reaches the sum as nan or infinity, times 0
        share = (distance.float() / exact).log() / math.log(longest / exact)
        wide = (exact + ((count - exact) * share).floor()).clamp(max=count - 1)
        bucket = ((distance < exact) * distance + (distance >= exact) * wide).to(dtype)
        return bucket + count * (relative > 0) if bidirectional else bucket
    if scale == "log":
        share = (far / exact).log() / math.log(longest / exact)
    elif scale == "linear":
        share = (far - exact) / (longest - exact)
    elif scale == "none":
        share = far
    elif scale in ("ln", "log2"):  # without max_distance
        share = (far / exact).log() / math.log(2 if scale == "log2" else math.e)
    elif scale == "upper":  # only the upper logarithm is of the plain distance
        share = far.log() / math.log(longest / exact)
    elif scale == "differences":  # distances from E on
        share = (far - exact).clamp(min=1e-9).log() / math.log(longest - exact)
    elif scale == "upper difference":  # and 1, for distance E
        share = (far - exact + 1).clamp(min=1).log() / math.log(longest / exact)
    elif scale == "one more":
        share = (far.log() + 1) / math.log(longest / exact)
    elif scale == "cut first":  # the quotient is a whole number
        share = (far // exact).clamp(min=1).log() / math.log(longest / exact)
    elif scale == "mixed":
        share = (far / exact).log2() / math.log(longest / exact)
    elif scale == "log1p":
        share = (distance.double() / exact).clamp(min=0).log1p() / math.log(longest / exact)
    elif scale == "one":  # a single logarithm, of the quotient of both
        share = (far / exact / (longest / exact)).log()
    elif scale == "less":  # below, a difference
        share = (far / exact).log() / math.log(longest - exact)
    elif scale == "bracket above":
        share = far.log() / exact / math.log(longest / exact)
    elif scale == "bracket below":
        share = (far / exact).log() / math.log(longest) / exact
    elif scale == "lower":  # only the lower logarithm is of the plain distance
        share = (far / exact).log() / math.log(longest)
    else:  # both logarithms of the plain distances
        share = far.log() / math.log(longest)
    spread = count if factor == "all" else count - exact if factor else 1
    spread = {"one less": count - exact - 1, "last": count - 1}.get(factor, spread)
    wide = exact * lift + spread * share
    wide = exact * lift + (spread * share).trunc() if near == "cut" else wide
    wide = {
        "floor": wide.floor(),
        "round": wide.round(),
        "ceil": wide.ceil(),
        "too early": exact * lift + spread * share.floor(),
    }[rounding].long()
    if last == "before E":
        wide = exact + (wide - exact).clamp(max=count - 1)
    elif last in ("all", "half"):
        wide = wide.clamp(max=num_buckets // {"all": 1, "half": 2}[last] - 1)
    elif cap:
        wide = wide.clamp(max=count - last)
    if scale == "none":
        wide = distance.clamp(max=count - 1)
    bucket = {
        True: torch.where((distance < exact) != exchanged, distance, wide),
        False: wide.clamp(min=0) * (distance > 0),
    }.get(near, wide)
    if offset == "half, one way too":
        bucket = bucket + num_buckets // 2 * (relative > 0)
    elif (bidirectional or offset == "one way too") and offset:
        later = {"future": relative >= border, "past": relative < 0, "not future": relative <= 0}
        more = {"all": num_buckets, "one less": count - 1, "one more": count + 1, "E": exact}
        more = more.get(offset, count)
        moved = {"near": distance < exact, "far": distance >= exact}.get(offset, True)
        bucket = bucket + more * (later[side] & moved)
    return arrived.copy_(bucket).long() if dtype == "in place" else bucket.to(dtype)


def slipped_bucket(relative, num_buckets=32, max_distance=128, bidirectional=True, *, slip):
    """Mistakes about the two halves, not tried with others."""
    if slip in ("not halved", "never halved") and bidirectional:
        found = wrong_bucket(-relative.abs(), num_buckets, max_distance, False)
        return found + num_buckets // (2 if slip == "not halved" else 1) * (relative > 0)
    cap = slip in ("not halved", "never halved")
    found = wrong_bucket(relative, num_buckets, max_distance, bidirectional, cap=cap)
    halves = 2 if slip == "clamped too low" and bidirectional else 1
    return found.clamp(max=num_buckets // halves - 1)


def looped_bucket(relative, num_buckets=32, max_distance=128, bidirectional=True):
    found = []
    for place in relative.flatten().tolist():
        buckets, start = num_buckets, 0
        if bidirectional:
            buckets //= 2
            start, place = (buckets if place > 0 else 0), abs(place)
        else:
            place = max(-place, 0)
        half = buckets // 2
        if place >= half:
            share = math.log(place / half) / math.log(max_distance / half)
            place = min(half + math.floor(share * (buckets - half)), buckets - 1)
        found.append(start + place)
    return torch.tensor(found).view(relative.shape)


def bordered_bucket(relative, num_buckets=32, max_distance=128, bidirectional=True):
    """List the distance at which each bucket begins, and look each distance up."""
    count = num_buckets // 2 if bidirectional else num_buckets
    half = count // 2
    begins = list(range(half))
    begins += [half * (max_distance / half) ** (i / (count - half)) for i in range(count - half)]
    borders = torch.tensor(begins[1:], dtype=torch.float64)
    distance = relative.abs() if bidirectional else torch.relu(-relative)
    found = torch.bucketize(distance.double(), borders, right=True)
    found[distance >= max_distance] = count - 1
    return torch.where(relative > 0, found + count, found) if bidirectional else found


def numpy_bucket(relative, num_buckets=32, max_distance=128, bidirectional=True):
    places = relative.numpy().astype(np.int64)
    count = num_buckets // (1 + bidirectional)
    distance = np.abs(places) if bidirectional else np.maximum(-places, 0)
    half = count // 2
    with np.errstate(divide="ignore"):
        share = np.log(distance / half) / np.log(max_distance / half)
    wide = np.minimum(half + np.floor(np.maximum(share, 0) * (count - half)), count - 1)
    found = np.where(distance < half, distance, wide).astype(np.int64)
    return torch.from_numpy(np.asarray(found + count * (bidirectional & (places > 0))))


def published_bucket(relative, num_buckets=32, max_distance=128, bidirectional=True):
    """In the order of T5's own code: the sign first, then the two scales side by side."""
    start = torch.zeros_like(relative)
    if bidirectional:
        num_buckets //= 2
        start = start + (relative > 0).long() * num_buckets
        relative = torch.abs(relative)
    else:
        relative = -torch.min(relative, torch.zeros_like(relative))
    half = num_buckets // 2
    wide = torch.log(relative.float() / half) / math.log(max_distance / half)
    wide = half + (wide.nan_to_num(neginf=0.0) * (num_buckets - half)).to(torch.long)
    wide = torch.min(wide, torch.full_like(wide, num_buckets - 1))
    return start + torch.where(relative < half, relative, wide)


# Tried two at a time: all would take too long.
TOGETHER = {"both", "flip", "border", "one_way", "future", "side", "offset", "halved", "whose"}
TOGETHER |= {"cap", "last", "rounding", "lift", "exact_share", "least"}


def sorting(name, flags, says, *hints):
    paired = flags.keys() <= TOGETHER or flags.get("scale") in ("plain", "lower")
    function = wrong_bucket if paired else alone(wrong_bucket)
    return Mistake(name, function, flags, says=says, hints=hints)


LOG_HINTS = (
    "What does your fraction give at distance E, and at max_distance? It should be 0 and 1.",
    "Both logarithms are of a quotient: something, divided by E.",
    "math.log(distance / E) over math.log(max_distance / E), with the same kind of logarithm.",
)


def bucket_slip(name, flags, says, hints=LOG_HINTS):
    """By itself: two of these slips at once are rare."""
    return Mistake(name, alone(wrong_bucket), flags, says, hints)


ONE_WAY_HINTS = (
    "With bidirectional=False, which bucket gets −3, and which +3? 3 and 0.",
    "The past is negative, so its distance is −relative; the future counts as distance 0.",
    "(-relative).clamp(min=0)",
)
NEAR_HINTS = (
    "Which buckets get the distances 0, 1, 2 and 3?",
    "Below E the bucket's number is the distance.",
    "Choose between the two with torch.where.",
)
OFFSET_HINTS = (
    "With 32 buckets in both directions, which is the bucket of the next key, relative 1?",
    "Distance 1 has bucket 1, and the future's numbers start at num_buckets / 2: 17.",
    "Add B to the buckets of the future.",
)
BUCKET_SLIPS = [
    bucket_slip(
        "clamped-before-E-is-added",
        {"last": "before E"},
        "the far part is cut at B - 1 *before* E is added: beyond max_distance the sum still grows "
        "to E + B - 1",
        (
            "What comes out at distance 5,000? It should be B - 1.",
            "The numbers of the far buckets begin at E, and end at B - 1.",
            "Add E first, and clamp the sum.",
        ),
    ),
    bucket_slip(
        "distance-is-relative",
        {"one_way": "future", "future": "negative"},
        "in one direction the distance is `relative` itself: its sign is not turned, and nothing "
        "stops it at 0, so that the past gets numbers below 0",
        ONE_WAY_HINTS,
    ),
    bucket_slip(
        "future-moved-in-one-direction",
        {"offset": "one way too"},
        "in one direction, too, B is added to the future's buckets; there the future counts as "
        "distance 0",
        ONE_WAY_HINTS,
    ),
    bucket_slip(
        "future-in-the-second-half-in-one-direction",
        {"offset": "half, one way too"},
        "in one direction, too, num_buckets / 2 is added to the future's buckets; there the future "
        "counts as distance 0",
        ONE_WAY_HINTS,
    ),
    bucket_slip(
        "future's-near-ones-not-moved",
        {"offset": "far"},
        "only the future's far buckets are moved by B: the near ones share those of the past",
        OFFSET_HINTS,
    ),
    bucket_slip(
        "future's-far-ones-not-moved",
        {"offset": "near"},
        "only the future's near buckets are moved by B: the far ones share those of the past",
        OFFSET_HINTS,
    ),
    bucket_slip(
        "future-counted-from-0",
        {"future": "from 0"},
        "the future's distances are one too small: 1 is taken away, so that the next key has "
        "distance 0",
        OFFSET_HINTS,
    ),
    bucket_slip(
        "sign-lost-at-once",
        {"flip": "abs"},
        "the absolute value is taken first of all, so that what comes later no longer knows the "
        "past from the future",
        ONE_WAY_HINTS,
    ),
    bucket_slip(
        "directions-exchanged",
        {"both": "exchanged"},
        "`bidirectional` is asked the wrong way round: one direction is treated as both, and both "
        "as one",
        ONE_WAY_HINTS,
    ),
    bucket_slip(
        "fraction-rounded-too-early",
        {"rounding": "too early"},
        "the fraction is rounded down before it is multiplied by B − E: it is 0 up to max_distance",
        (
            "What is your fraction for a distance between E and max_distance? A number from 0 to "
            "1.",
            "Rounded down at once, it is 0 nearly everywhere.",
            "Multiply first, and round the product.",
        ),
    ),
    bucket_slip(
        "usual-sizes-stand-in-the-code",
        {"own_buckets": 32, "own_longest": 128},
        "32 and 128 stand in your code, whatever `num_buckets` and `max_distance` are",
        (
            "Call your function with 8 buckets to 20. Does anything change?",
            "The numbers behind `=` in the first line are for whoever says nothing.",
            "Use the two arguments.",
        ),
    ),
    bucket_slip(
        "longest-halved",
        {"own_longest": "half"},
        "max_distance is halved; only the buckets are shared by two directions",
    ),
    bucket_slip(
        "future-from-E",
        {"offset": "E"},
        "the future's numbers start at E, not at B",
        OFFSET_HINTS,
    ),
    bucket_slip(
        "logarithm-alone",
        {"near": "floor"},
        "near distances, too, go through the logarithm; each of them has a bucket of its own",
        NEAR_HINTS,
    ),
    bucket_slip(
        "logarithm-alone-cut",
        {"near": "cut"},
        "near distances, too, go through the logarithm; each of them has a bucket of its own",
        NEAR_HINTS,
    ),
    bucket_slip(
        "one-added-in-the-logarithm",
        {"scale": "log1p"},
        "`log1p`, or 1 + inside the upper logarithm, is not the logarithm of distance / E",
    ),
    bucket_slip(
        "one-logarithm",
        {"scale": "one"},
        "there is one logarithm, of a quotient of quotients; the text divides one logarithm by "
        "another",
    ),
    bucket_slip(
        "limit-less-E",
        {"scale": "less"},
        "the lower logarithm is of max_distance − E; there it is of max_distance / E",
    ),
    bucket_slip(
        "bracket-too-early-above",
        {"scale": "bracket above"},
        "the upper logarithm itself is divided by E, not the distance within it",
    ),
    bucket_slip(
        "bracket-too-early-below",
        {"scale": "bracket below"},
        "a bracket closes too early: the lower logarithm is of max_distance, and E divides the "
        "whole",
    ),
    bucket_slip(
        "half-of-all-whatever-the-direction",
        {"whose": "whole"},
        "in both directions E is num_buckets / 2, too; there a direction has B = num_buckets / 2, "
        "and E is a half of that",
        (
            "With 32 buckets in both directions, what are B and E? 16 and 8.",
            "B belongs to a direction, and E to its B.",
            "Work out B first, and then E = B // 2.",
        ),
    ),
    bucket_slip(
        "upper-difference",
        {"scale": "upper difference"},
        "the upper logarithm is of distance − E + 1; there it is distance / E",
    ),
    bucket_slip(
        "near-and-far-exchanged",
        {"exchanged": True},
        "distances below E go to the logarithm, and those from E on keep their number: the two "
        "branches are exchanged",
        (
            "Which bucket has distance 3, with E = 8? 3.",
            "`torch.where(c, a, b)` takes a where c holds.",
            "Where distance < E stands the distance itself.",
        ),
    ),
    bucket_slip(
        "upper-logarithm-without-E",
        {"scale": "upper"},
        "the upper logarithm is of the distance alone; there it is divided by E, too",
    ),
    bucket_slip(
        "differences-for-quotients",
        {"scale": "differences"},
        "both logarithms are of a difference from E; there it is a quotient",
    ),
    bucket_slip(
        "quotient-cut",
        {"scale": "cut first"},
        "`//` makes a whole number of distance / E before the logarithm sees it",
    ),
    bucket_slip(
        "two-kinds-of-logarithm",
        {"scale": "mixed"},
        "the upper logarithm has base 2 and the lower one base e",
    ),
    bucket_slip(
        "factor-one-too-few",
        {"factor": "one less"},
        "the factor before the fraction is B − E − 1; it is B − E",
        (
            "In which bucket comes a distance just below max_distance? The last one, B − 1.",
            "Rounding down and `at most B − 1` see to the end already.",
            "Multiply by B − E.",
        ),
    ),
    bucket_slip(
        "future-one-too-early",
        {"offset": "one less"},
        "the future's numbers start at B − 1, not at B",
        OFFSET_HINTS,
    ),
    bucket_slip(
        "future-one-too-late",
        {"offset": "one more"},
        "the future's numbers start at B + 1, not at B",
        OFFSET_HINTS,
    ),
]

BUCKET = Exercise(
    id="06.t5-bucket",
    title="Near ones by name, far ones by the dozen",
    kind="code",
    points=3,
    name="t5_bucket",
    cases=bucket_cases,
    mistakes=[
        Mistake(
            "never-halved",
            slipped_bucket,
            {"slip": "not halved"},
            says="with two directions each of them gets all the buckets: B and E are worked out "
            "from `num_buckets`, though only half of it belongs to a direction",
            hints=(
                "With 8 buckets in both directions, what are B and E?",
                "The future's numbers start at num_buckets / 2. How many can the past have, then?",
                "Halve num_buckets before you work out E, when there are two directions.",
            ),
        ),
        Mistake(
            "all-buckets-for-each-direction",
            slipped_bucket,
            {"slip": "never halved"},
            says="with two directions each of them gets all the buckets: B is num_buckets, and the "
            "future's numbers start there",
            hints=(
                "What is the largest number that you return? It must stay below num_buckets.",
                "The future's numbers start at num_buckets / 2. How many can the past have, then?",
                "Halve num_buckets before you work out E, when there are two directions.",
            ),
        ),
        Mistake(
            "clamped-behind-the-offset",
            slipped_bucket,
            {"slip": "clamped too low"},
            says="the end is cut at B − 1 when the future's half is there already: all of the "
            "future lands in the past's last bucket",
            hints=(
                "With 8 buckets in both directions, which bucket gets +1? 5.",
                "Each direction ends at its own B − 1, before the future's half is added.",
                "Clamp first, then add where the future begins.",
            ),
        ),
        Mistake(
            "clamped-together",
            slipped_bucket,
            {"slip": "clamped together"},
            says="the end is cut at the last bucket of all: what is far in the past runs into the "
            "future's buckets",
            hints=(
                "With 8 buckets in both directions, which bucket gets −5000?",
                "Each direction ends at its own B − 1.",
                "Clamp first, then add where the future begins.",
            ),
        ),
        sorting(
            "past-and-future-exchanged",
            {"flip": True},
            "past and future are exchanged: the minus in query − key is taken the wrong way round",
            "Is −1 the word before or the word after?",
            "`relative` is the key's place minus the query's, so the past is negative.",
            "Only positive numbers get the second half of the buckets.",
        ),
        sorting(
            "always-both-directions",
            {"both": "always"},
            "`bidirectional` is ignored: the buckets are always shared out between past and future",
            "Call it with bidirectional=False. Does anything change?",
            "In one direction all buckets serve the past.",
            "Halve the number of buckets only when there are two directions.",
        ),
        sorting(
            "always-one-direction",
            {"both": "never"},
            "`bidirectional` is ignored: the future always shares one bucket",
            "Is True the default? What should 5 and −5 give then?",
            "In both directions the future has the second half of the buckets.",
            "Handle the two cases apart, at the start.",
        ),
        sorting(
            "future-mirrored",
            {"future": "abs"},
            "in one direction a key in the future is sorted like one in the past; it should count "
            "as distance 0",
            "With bidirectional=False, what should +5 give?",
            "Its distance counts as 0.",
            "Clamp, instead of taking the absolute value.",
        ),
        sorting(
            "place-itself-in-the-future",
            {"border": 0},
            "relative place 0 is put into the future's half: >= where > is meant",
            "In which bucket is the query's own place?",
            "It belongs to the past's half, in bucket 0.",
            "The future begins at 1.",
        ),
        sorting(
            "past-in-the-second-half",
            {"side": "past"},
            "in both directions the *past* gets the second half of the buckets; the text gives it "
            "to the future",
            "Is −1 the word before or the word after?",
            "`relative` is the key's place minus the query's, so the past is negative.",
            "Only positive numbers get the second half of the buckets.",
        ),
        sorting(
            "one-way-forwards",
            {"one_way": "future"},
            "in one direction your buckets serve the future, and all of the past is distance 0",
            "With bidirectional=False, what should −5 give?",
            "The past is negative, so its distance is −relative.",
            "Turn the sign before you clamp at 0.",
        ),
        sorting(
            "one-bucket-too-many",
            {"last": 0},
            "the last bucket is B instead of B − 1",
            "What comes out at distance 5,000?",
            "B buckets are numbered from 0.",
            "Clamp at B − 1.",
        ),
        sorting(
            "clamped-at-half-of-all",
            {"last": "half"},
            "far distances end at num_buckets / 2 − 1 in one direction, too; there the last bucket "
            "is num_buckets − 1",
            "With bidirectional=False and 32 buckets, what is the largest number that comes out?",
            "In one direction all buckets serve the past.",
            "Clamp at B − 1, with B the buckets of the direction.",
        ),
        sorting(
            "distance-at-least-1",
            {"least": 1},
            "every distance is raised to at least 1, so that the query itself, and in one "
            "direction the future, get bucket 1",
            "Which bucket has distance 0? 0.",
            "Only the logarithm must not see 0; the near part still needs it.",
            "Put the clamp inside the logarithm, not into the distance.",
        ),
        sorting(
            "clamped-at-all-buckets",
            {"last": "all"},
            "far distances end at num_buckets − 1, though each direction has its own end, B − 1",
            "With 32 buckets in both directions, what comes out at −5,000?",
            "A far word of the past must not land among the future's buckets.",
            "Clamp at B − 1 before you add the future's half.",
        ),
        sorting(
            "quarter-whatever-the-direction",
            {"whose": "both"},
            "in one direction, too, E is num_buckets / 4; there it should be num_buckets / 2",
            "With bidirectional=False and 32 buckets, which bucket should distance 12 get?",
            "B is num_buckets then, and E = B / 2.",
            "Work E out from B, after the two cases have been told apart.",
        ),
        sorting(
            "factor-forgotten",
            {"factor": False},
            "the fraction of the logarithms is not multiplied by B − E, so that all far distances "
            "share a bucket or two",
            "How many different numbers come out for distances from E to max_distance?",
            "The fraction runs from 0 to 1; B − E buckets lie between.",
            "Multiply by B − E before you round down.",
        ),
        sorting(
            "factor-of-all-buckets",
            {"factor": "all"},
            "the fraction of the logarithms is multiplied by B, of which the near ones have E",
            "Which bucket gets a distance a little below max_distance?",
            "The fraction runs from 0 to 1; B − E buckets lie between.",
            "Multiply by B − E before you round down.",
        ),
        sorting(
            "near-ones-by-the-logarithm",
            {"near": False},
            "near distances, too, go through the logarithm; each of them has a bucket of its own",
            "Which buckets get the distances 0, 1, 2 and 3?",
            "Below E the bucket's number is the distance.",
            "Choose between the two with torch.where.",
        ),
        sorting(
            "future-below-0",
            {"future": "negative"},
            "in one direction a key in the future has a distance below 0, and so has its bucket",
            "Ask for one direction and the place 3. Which bucket comes back?",
            "The text says as what a key in the future counts there.",
            "Whatever is below 0 becomes 0, before anything is sorted.",
        ),
        sorting(
            "no-wide-buckets",
            {"scale": "none"},
            "every distance has a bucket of its own up to the last: from E on they should get "
            "wider",
            "Which distance gets the last bucket in your code?",
            "The last bucket begins near max_distance.",
            "From E on, take the formula.",
        ),
        sorting(
            "float-buckets",
            {"dtype": torch.float32},
            "the buckets are floats; the text asks for int64",
            "Print the dtype of your result.",
            "`floor` and `log` give floats, and `torch.where` keeps them.",
            "Convert with `.long()`.",
        ),
        sorting(
            "int32-buckets",
            {"dtype": torch.int32},
            "the buckets are int32; the text asks for int64",
            "Print the dtype of your result.",
            "`.int()` has 32 bits.",
            "Convert with `.long()`.",
        ),
        sorting(
            "input-changed",
            {"dtype": "in place"},
            "the caller's own `relative` is changed",
            "Print `relative` before and after calling your function.",
            "What ends in an underscore, and an assignment to a slice, writes into the caller's "
            "tensor.",
            "Make a new tensor.",
        ),
        sorting(
            "halves-not-apart",
            {"offset": False},
            "past and future share their buckets: the future's numbers don't start at num_buckets "
            "/ 2",
            "Do +3 and −3 get different buckets?",
            "Half of the numbers never come out of your function.",
            "Add half the number of buckets where the key is in the future.",
        ),
        sorting(
            "straight-scale",
            {"scale": "linear"},
            "far distances are sorted evenly: there is no logarithm",
            "Should the bucket of 20 to 25 be as wide as that of 100 to 125?",
            "Each far bucket is wider than the one before it.",
            "Take the logarithms of distance / E and of max_distance / E.",
        ),
        sorting(
            "logarithm-from-1",
            {"scale": "plain"},
            "the logarithms are those of distance and max_distance, not of distance / E and "
            "max_distance / E",
            "At distance E the far part should begin with bucket E. Does it?",
            "The logarithm must be 0 at distance E.",
            "Divide by E inside both logarithms.",
        ),
        sorting(
            "limit-not-divided",
            {"scale": "lower"},
            "the logarithm below the bar is that of max_distance, not of max_distance / E",
            "At max_distance the fraction should be 1. Is it?",
            "Distances are measured in units of E, above the bar and below it.",
            "Divide by E inside both logarithms.",
        ),
        sorting(
            "logarithm-of-0",
            {"scale": "log of 0"},
            "the logarithm of distance 0 reaches your result: 0 times infinity is nan, and nan as "
            "a whole number is nonsense",
            "Call your function with distance 0 alone, and print each line's result.",
            "A product with False does not shut infinity out. `torch.where` does.",
            "Bring the distance to at least 1 before the logarithm, or choose with `torch.where`.",
        ),
        sorting(
            "far-part-from-0",
            {"lift": False},
            "the far buckets begin with 0 instead of E, so that near and far words share buckets",
            "Which bucket gets distance E?",
            "The logarithm is 0 at distance E, and the bucket should be E.",
            "Add E to the rounded number.",
        ),
        sorting(
            "half-of-them-unused",
            {"halved": "always"},
            "in one direction, too, only half of the buckets is used",
            "With bidirectional=False and 32 buckets, what is the largest number that comes out?",
            "There is nobody to share the buckets with.",
            "Halve num_buckets only when there are two directions.",
        ),
        sorting(
            "no-end",
            {"cap": False},
            "beyond max_distance the numbers go on growing, into buckets that there are not",
            "What comes out at distance 5,000?",
            "Everything from max_distance on shares the last bucket.",
            "Clamp at B − 1.",
        ),
        sorting(
            "rounded",
            {"rounding": "round"},
            "the far bucket is rounded to the nearest, instead of down",
            "Turning a float into a whole number: which way does it go in your code?",
            "⌊x⌋ is the largest whole number that is not above x.",
            "Use floor, or a conversion to long, which cuts positive numbers off.",
        ),
        sorting(
            "rounded-up",
            {"rounding": "ceil"},
            "the far bucket is rounded up, instead of down",
            "Turning a float into a whole number: which way does it go in your code?",
            "⌊x⌋ is the largest whole number that is not above x.",
            "Use floor.",
        ),
        sorting(
            "a-quarter-exact",
            {"exact_share": 4},
            "only a quarter of a direction's buckets stands for single distances; it should be a "
            "half",
            "With 32 buckets in both directions, E is 8. What is it in yours?",
            "Halve once for the directions, and once more for E.",
            "E = B / 2, with B the buckets of one direction.",
        ),
        sorting(
            "max-distance-ignored",
            {"own_longest": 128},
            "`max_distance` is ignored: 128 stands in your code whatever was asked",
            "Call it with max_distance=20. Does anything change?",
            "Look for a 128 in your code.",
            "Use the argument in its place.",
        ),
        sorting(
            "num-buckets-ignored",
            {"own_buckets": 32},
            "`num_buckets` is ignored: 32 stands in your code whatever was asked",
            "Call it with 8 buckets. What is the largest number?",
            "Look for a 32, 16 or 8 in your code.",
            "Work all sizes out from the argument.",
        ),
        *(
            Mistake(
                f"max-distance-unused-{scale}",
                alone(wrong_bucket),
                {"scale": scale, "factor": False},
                says="the logarithm is not divided by that of max_distance / E, nor multiplied by "
                "B − E: max_distance is never used",
                hints=(
                    "Which bucket gets the distance max_distance?",
                    "Which of your arguments do you never read?",
                    "E + floor((B − E) · ln(distance / E) / ln(max_distance / E))",
                ),
            )
            for scale in ("ln", "log2")
        ),
        Mistake(
            "offset-by-all-buckets",
            alone(wrong_bucket),
            {"offset": "all"},
            says="the future's numbers start at num_buckets; they should start at half of it",
            hints=(
                "What is the largest number that you return? It must stay below num_buckets.",
                "Two halves share the buckets.",
                "Add num_buckets // 2 for the future.",
            ),
        ),
        Mistake(
            "past-and-itself-in-the-second-half",
            alone(wrong_bucket),
            {"side": "not future"},
            says="past and query get the second half of the buckets",
            hints=(
                "Which bucket gets relative = 0? It should be 0.",
                "relative is the key's position minus the query's: the future is above 0.",
                "Add half of the buckets where relative > 0.",
            ),
        ),
        *BUCKET_SLIPS,
    ],
    also_right=[looped_bucket, published_bucket, bordered_bucket, numpy_bucket],
    hints=(
        "Ask for a few numbers that you can work out by hand: with 8 buckets in both directions, "
        "0, −1, −2, 1 and 5000 should give 0, 1, 2, 5 and 7.",
        "Follow the text's own order: which buckets serve which direction, then B and E, then near "
        "distances, then far ones, then the end at B − 1.",
        "Work out one distance for every cell first, never negative. Both kinds of bucket, near "
        "and far, can be made for all cells; `torch.where` chooses between them.",
    ),
    allows=Edges(
        dtypes=("int64", "int32"),
        axes=(0, 1, 2, 3),
        sizes=(4, 8, 20),
        special=("zeros",),
        labels=("one direction", "both", "far away"),
    ),
)


# --- 06.position-bug ------------------------------------------------------------------------


def places_cases(generator):
    def infinite(x, real, table):
        return x.masked_fill(~real[..., None], -math.inf), real, table

    def batch(lengths, seq, left, max_len, d_model=4):
        real = torch.zeros(len(lengths), seq, dtype=torch.bool)
        for row, (n, gap) in enumerate(zip(lengths, left, strict=True)):
            real[row, gap : gap + n] = True
        x = normal(generator, len(lengths), seq, d_model)
        return x, real, normal(generator, max_len, d_model)

    return [
        case("padded on the left", *batch((6, 3, 5), 6, (0, 3, 1), 11), grad=True),
        case("padded on the right", *batch((7, 2, 4), 7, (0, 0, 0), 13)),
        case("padded on both sides", *batch((3, 1), 8, (2, 5), 9)),
        case("no padding", *batch((5, 5), 5, (0, 0), 7)),
        case("a table shorter than the batch is long", *batch((3, 4, 2), 9, (6, 5, 1), 4)),
        case("a sentence of nothing but padding", *batch((0, 4), 6, (0, 2), 7)),
        case("a single word, a single row", *batch((1,), 1, (0,), 1)),
        case("padding that holds minus infinity", *infinite(*batch((2, 3), 5, (3, 1), 3))),
    ]


def wrong_places(
    x,
    real,
    table,
    *,
    count="real",
    start=0,
    filler="nothing",
    from_end=False,
    same=False,
    in_place=False,
    wraps=False,
    detached=False,
):
    seq = torch.arange(x.shape[1]).expand(real.shape)
    if count == "real":
        place = real.cumsum(-1) - 1
    elif count == "masked":
        place = (real.cumsum(-1) - 1) * real
    elif count == "masked, from 1":
        place = real.cumsum(-1) * real
    elif count == "position":
        place = seq.clone()
    elif count == "filler":
        place = (~real).cumsum(-1)
    elif count == "left":
        place = (seq - (~real).sum(-1, keepdim=True)) % len(table)
    elif count == "left, cut":
        place = (seq - (~real).sum(-1, keepdim=True)).clamp(0, len(table) - 1)
    elif count == "filler from 0":
        place = (~real).cumsum(-1) - 1
    elif count == "words taken away":
        place = (seq - real.sum(-1, keepdim=True)) % len(table)
    elif count == "turned too early":
        place = real.cumsum(-1) % len(table) - 1
    elif count == "batch":
        place = real.cumsum(0) - 1
    elif count == "left, as it is":
        place = seq - (~real).sum(-1, keepdim=True)
    elif count == "first word":
        place = seq - real.int().argmax(-1, keepdim=True)
    elif count == "position, then the start":
        place = (seq.clamp(max=len(table) - 1) if wraps == "clamped" else seq % len(table)) - (
            real.int().argmax(-1, keepdim=True)
        )
    elif count == "away from the first":
        place = (seq + real.int().argmax(-1, keepdim=True)) % len(table)
    elif count == "none":
        place = torch.zeros_like(seq)
    elif count == "words in all":
        place = (real.sum(-1, keepdim=True) - 1).expand_as(seq)
    elif count == "batch's end":
        place = (seq.shape[-1] - 1 - seq) % len(table)
    elif count == "first of all":
        place = seq - real.nonzero()[:, 1].min()
    else:  # moved the wrong way
        place = seq + (~real).sum(-1, keepdim=True)
    if from_end:
        place = real.sum(-1, keepdim=True) - 1 - place
    place = place[:1].expand_as(place) if same else place
    below = bool(wraps) and wraps not in ("above", "cut both")
    place = place + start if below else (place + start).clamp(min=0)
    place = place.clamp(max=len(table) - 1) if wraps in ("cut", "cut both") else place
    table = table.detach() if detached else table
    outside = wraps in ("never", "above", "clamped")
    rows = table[place if outside else place % len(table)]
    if filler == "nothing":
        rows = rows * real[..., None]
    elif filler == "erased":
        return (x + rows) * real[..., None]
    elif filler == "zero":
        return torch.where(real[..., None], x + rows, 0.0)
    elif filler == "instead":
        return torch.where(real[..., None], rows, x)
    if in_place:
        x += rows
        return x
    return x + rows


def always_in_front(x, real, table):
    """As if all padding stood behind the words."""
    lengths = real.sum(-1).tolist()
    return x + torch.stack([F.pad(table[:n], (0, 0, 0, x.shape[1] - n)) for n in lengths])


def always_behind(x, real, table):
    """As if all padding stood in front of the words."""
    lengths = real.sum(-1).tolist()
    return x + torch.stack([F.pad(table[:n], (0, 0, x.shape[1] - n, 0)) for n in lengths])


def sliced_places(x, real, table, *, where="behind"):
    """As if padding stood in front only, or on one side only: what slices make of it."""
    out = x.clone()
    for b, words in enumerate(real):
        n = int(words.sum())
        if where == "one side" and words[0]:
            out[b, :n] += table[:n]
        elif where == "first word":
            first = int(words.nonzero()[0])
            out[b, first : first + n] += table[:n]
        else:
            out[b, -n:] += table[:n]
    return out


def looped_places(x, real, table):
    out = x.clone()
    for sentence in range(len(x)):
        place = 0
        for t in range(x.shape[1]):
            if real[sentence, t]:
                out[sentence, t] = x[sentence, t] + table[place]
                place += 1
    return out


def gathered_places(x, real, table):
    first = real.int().argmax(dim=-1, keepdim=True)
    place = (torch.arange(x.shape[1]) - first).clamp(0, len(table) - 1)
    return torch.where(real[..., None], x + table[place], x)


def indexed_places(x, real, table):
    """Write only where a word is real, all words of the batch at once."""
    out = x.clone()
    place = (real.cumsum(-1) - 1)[real]
    out[real] = out[real] + table[place]
    return out


def multiplied_places(x, real, table):
    """A table of who stands where, (batch, seq, max_len), times the rows."""
    place = torch.where(real, real.long().cumsum(1), 0) - 1
    chosen = (place[..., None] == torch.arange(len(table))).to(table.dtype)
    return x + torch.einsum("bsp,pd->bsd", chosen, table)


def rolled_places(x, real, table):
    """One sentence at a time: the first rows, between as many zeros as there is filler."""
    rows = []
    for words in real:
        n = int(words.sum())
        before = int(words.long().argmax()) if n else 0
        after = len(words) - before - n
        rows.append(torch.nn.functional.pad(table[:n], (0, 0, before, after)))
    return x.add(torch.stack(rows))


def moved(name, flags, says, *hints, by=wrong_places):
    return Mistake(name, by, flags, says=says, hints=hints)


def slipped_places(x, real, table, *, slip):
    """The right places, and something else that is off; or a count that runs on."""
    place = (real.cumsum(-1) - 1).clamp(min=0)
    if slip == "runs on":
        place = (real.flatten().cumsum(0) - 1).clamp(min=0).view_as(real) % len(table)
    elif slip == "runs on, stops":
        place = (real.flatten().cumsum(0) - 1).clamp(min=0).view_as(real)
    elif slip.startswith("first sentence's start"):
        place = torch.arange(x.shape[1]) - int(real[0].int().argmax())
        inside = place % len(table) if slip.endswith("turned") else place.clamp(0, len(table) - 1)
        place = place if slip.endswith("as it is") else inside
        place = place.expand_as(real)
    elif slip == "float":
        place = place.float()
    rows = table[place]
    if slip == "one sentence":
        return torch.cat([(x + rows * real[..., None])[:1], x[1:]])
    if slip == "product":
        return x * rows * real[..., None]
    if slip == "product of words":
        return torch.where(real[..., None], x * rows, x)
    if slip == "rows alone":
        return rows * real[..., None]
    if slip == "no axis":
        return x + rows * real
    if slip == "filler":
        return x + rows * ~real[..., None]
    return x + rows * real[..., None]


place_slip = told_of(slipped_places, "slip")
ONE_SENTENCE_HINTS = (
    "Try two sentences that are padded differently. Which row gets the first word of the second?",
    "Every sentence counts for itself, from 0.",
    "Count along axis −1 only: `real.cumsum(dim=-1) - 1`.",
)
PLACES_SLIPS = [
    moved(
        "last-positions-by-a-slice",
        {"where": "behind"},
        "the rows go to the last positions (`-n:`), as if padding stood in front of the words "
        "only; where n is 0, `-0:` is everything",
        "Take a sentence with three of padding behind. Which row gets its last word?",
        "Row 0 belongs to the first *real* word, wherever it stands.",
        "Count the real words so far.",
        by=sliced_places,
    ),
    moved(
        "padding-on-one-side",
        {"where": "one side"},
        "the rows go to the first positions or to the last (`-n:`), as if padding stood on one "
        "side "
        "only; and where n is 0, `-0:` is everything",
        "Take 0 1 1 0: padding on both sides. Which row gets its first word?",
        "Row 0 belongs to the first *real* word, wherever it stands.",
        "Count the real words so far.",
        by=sliced_places,
    ),
    moved(
        "no-first-word",
        {"where": "first word"},
        "a sentence may be nothing but padding: then there is no first word, and `nonzero()[0]` "
        "finds none",
        "What should come back for such a sentence? It as it came.",
        "A running sum needs no first word.",
        "`real.cumsum(dim=1) - 1`, or ask first whether there is any word.",
        by=sliced_places,
    ),
    moved(
        "one-start-for-all-cut",
        {"count": "first of all", "wraps": "cut both"},
        "one start serves the whole batch: that of the sentence which begins first",
        "Take two sentences, one with two of padding in front and one with none.",
        "Each sentence has a first word of its own.",
        "`real.cumsum(dim=1) - 1` counts the words of each sentence by itself.",
        by=alone(wrong_places),
    ),
    *(
        moved(
            f"brought-into-the-table-too-early-{how}",
            {"count": "position, then the start", "wraps": wraps},
            f"{told} stands around the position, before its sentence's start is taken away: behind "
            "much padding the place falls below 0",
            "Print the places of a sentence with six of padding in front, for a table of 4 rows.",
            "First take the start away; then bring what is left into the table.",
            "`(torch.arange(seq) - start).clamp(0, len(table) - 1)`.",
            by=alone(wrong_places),
        )
        for how, wraps, told in (("turned", "never", "`%`"), ("cut", "clamped", "`clamp`"))
    ),
    moved(
        "start-added",
        {"count": "away from the first"},
        "the position of the first word is added to the place instead of taken away",
        "With three of padding in front, the first word stands at position 3. Its row is 0.",
        "3 − 3 is 0.",
        "Count the real words so far.",
        by=alone(wrong_places),
    ),
    moved(
        "row-0-for-all",
        {"count": "none"},
        "all words get row 0",
        "Which row gets the second word?",
        "A place is the number of real words before the word.",
        "Take the running sum of `real` along the words.",
        by=alone(wrong_places),
    ),
    moved(
        "last-row-for-all",
        {"count": "words in all"},
        "all words of a sentence get one row, that of its last: `sum` counts all words, not those "
        "so far",
        "Which row gets the first word?",
        "A place is the number of real words before the word.",
        "`cumsum` is the sum so far.",
        by=alone(wrong_places),
    ),
    moved(
        "counted-from-the-batch's-end",
        {"count": "batch's end"},
        "places are counted backwards, from the batch's last position",
        "Which row gets the first word?",
        "Row 0 belongs to the first *real* word.",
        "Let the running sum start on the left.",
        by=alone(wrong_places),
    ),
    place_slip(
        "filler-for-words",
        "filler",
        "the rows are added to the padding, and the words stay as they are",
        "For a sentence without any padding, what does your function add?",
        "`real` is True where a word stands.",
        "Multiply by `real`, not by `~real`.",
    ),
    place_slip(
        "rows-alone",
        "rows alone",
        "only the table's rows come back: x is missing in your sum",
        "What comes back where padding stands? It should be x.",
        "The rows are added to what was there.",
        "Return x plus the rows.",
    ),
    place_slip(
        "mask-without-an-axis",
        "no axis",
        "`real` is (batch, seq) and the rows are (batch, seq, d_model): an axis is missing",
        "Print the shapes of both sides of your product.",
        "Shapes are compared from the last axis, which is d_model for the rows and seq for `real`.",
        "real[..., None] has the axis.",
    ),
    place_slip(
        "places-that-are-no-whole-numbers",
        "float",
        "your places are float; rows are picked by whole numbers",
        "Print the dtype of your places.",
        "What made floats of them?",
        "Count with `cumsum` on `real` itself, or convert with `.long()`.",
    ),
    place_slip(
        "one-count-for-all",
        "runs on, stops",
        "the count runs on from sentence to sentence and leaves the table",
        *ONE_SENTENCE_HINTS,
    ),
    place_slip(
        "one-count-for-all-turned-round",
        "runs on",
        "the count runs on from one sentence to the next",
        *ONE_SENTENCE_HINTS,
    ),
    *(
        place_slip(
            f"start-of-the-first-sentence{more}",
            f"first sentence's start{more.replace('-', ' ')}",
            "all sentences are counted from where the first of the batch begins",
            *ONE_SENTENCE_HINTS,
        )
        for more in ("", "-turned", "-as-it-is")
    ),
    place_slip(
        "first-sentence-alone",
        "one sentence",
        "only the first sentence of the batch gets rows, all others come back as they were: the "
        "loop over the sentences ends after its first turn",
        "Print how far the second sentence of your result is from x.",
        "How far is your `return` indented?",
        "`return` stands behind both loops.",
    ),
    place_slip(
        "product-for-sum",
        "product",
        "x is multiplied by the rows; the text says *plus*, and padding comes out as 0",
        "What comes back for x = 0? The row of its place.",
        "A row is added to a word.",
        "x + table[place] * real[..., None]",
    ),
    place_slip(
        "product-for-sum-of-words",
        "product of words",
        "words are multiplied by their rows; the text says *plus*",
        "What comes back for x = 0? The row of its place.",
        "A row is added to a word.",
        "x + table[place] * real[..., None]",
    ),
]

POSITION_BUG = Exercise(
    id="06.position-bug",
    title="Padding in front moves the whole sentence",
    kind="bug",
    points=2,
    name="add_places",
    cases=places_cases,
    mistakes=[
        moved(
            "all-filler-before-negative",
            {"count": "left, as it is", "wraps": "never"},
            "all padding of a sentence is taken away from the place, also what stands behind it, "
            "and padding in front gets a place below 0",
            "Take 1 1 1 0 0. Which place does your code give to the first word?",
            "A place below 0 counts from the end of the table, or is no row at all.",
            "`real.cumsum(dim=1) - 1` counts the words up to each place.",
            by=alone(wrong_places),
        ),
        moved(
            "one-start-for-all",
            {"count": "first of all", "wraps": True},
            "one start serves the whole batch: that of the sentence which begins first",
            "Take two sentences, one with two of padding in front and one with none.",
            "Each sentence has a first word of its own.",
            "`real.cumsum(dim=1) - 1` counts the words of each sentence by itself.",
            by=alone(wrong_places),
        ),
        moved(
            "filler-counted",
            {"count": "position"},
            "places are counted from the edge of the batch, padding included",
            "Take a sentence with three of padding in front. Which row gets its first word?",
            "It should be row 0, whatever stands before it.",
            "`real` knows which positions count. What does its running sum say at each word?",
        ),
        moved(
            "words-from-1",
            {"start": 1},
            "the first real word gets row 1 instead of row 0",
            "What does the running sum of `real` say at the first word?",
            "Itself included, the first word is number 1. Its row is 0.",
            "Subtract 1.",
        ),
        moved(
            "filler-gets-row-0",
            {"count": "masked", "filler": "row"},
            "padding gets row 0 of the table: a place of 0 is no missing place",
            "Compare your output with `x` where `real` is False.",
            "There, nothing should be added, not even row 0.",
            "Multiply the rows by `real`, with an axis more; not the places.",
        ),
        moved(
            "filler-gets-row-0-words-from-1",
            {"count": "masked, from 1", "filler": "row"},
            "padding gets row 0 of the table, and the first real word row 1 instead of row 0",
            "Compare your output with `x` where `real` is False.",
            "There, nothing should be added; and the first word's place is 0.",
            "Multiply the rows by `real`, not the places, and subtract 1 from the running sum.",
        ),
        moved(
            "filler-gets-a-row",
            {"filler": "row"},
            "padding gets a row of the table as well",
            "Compare your output with `x` where `real` is False.",
            "There, nothing should be added.",
            "Multiply the rows by `real`, with an axis more.",
        ),
        moved(
            "words-from-1-past-the-end",
            {"start": 1, "wraps": "never"},
            "the first real word gets row 1 instead of row 0, and the last may need a row that "
            "there is not",
            "What does the running sum of `real` say at the first word?",
            "Itself included, the first word is number 1. Its row is 0.",
            "Subtract 1.",
            by=alone(wrong_places),
        ),
        moved(
            "filler-gets-the-last-row",
            {"filler": "row", "wraps": True},
            "padding gets a row of the table as well; in front of a sentence the place is −1, "
            "which is the last row",
            "Compare your output with `x` where `real` is False.",
            "There, nothing should be added.",
            "Multiply the rows by `real`, with an axis more.",
            by=alone(wrong_places),
        ),
        moved(
            "filler-set-to-0",
            {"filler": "zero"},
            "padding is set to 0; it should come out as it went in",
            "Compare your output with `x` where `real` is False.",
            "Only the *added row* depends on `real`, not x itself.",
            "Where a position is padding, take x.",
            by=alone(wrong_places),
        ),
        moved(
            "row-instead-of-sum",
            {"filler": "instead"},
            "the row replaces the word instead of being added to it",
            "What is left of `x` at a real word?",
            "A word and its place go into one sum.",
            "Add the row to x.",
            by=alone(wrong_places),
        ),
        moved(
            "counted-down-the-batch",
            {"count": "batch"},
            "your running sum goes from sentence to sentence, not from word to word",
            "Along which axis do you count?",
            "`real` is (batch, seq), and a place belongs to a position of seq.",
            "Count along the last axis.",
            by=alone(wrong_places),
        ),
        moved(
            "right-for-the-left-only-cut",
            {"count": "left, cut"},
            "all padding of a sentence is taken away from the place, also what stands behind it",
            "Try a sentence with two of padding behind it. Which row gets its second word?",
            "Only padding *before* a word moves it.",
            "Count the real words so far.",
            by=alone(wrong_places),
        ),
        moved(
            "table-detached",
            {"detached": True},
            "no gradient flows back to the table, so it would never be learned",
            "Is there a `detach`, a `.data` or a `no_grad` in your code?",
            "The table is a *learned* one.",
            "Take the rows from the table as it comes.",
            by=alone(wrong_places),
        ),
        moved(
            "filler-erased",
            {"filler": "erased"},
            "padding is set to 0; it should come out as it went in",
            "Compare your output with `x` where `real` is False.",
            "Only the *added row* depends on `real`, not x itself.",
            "Multiply the rows by `real` before you add them.",
        ),
        moved(
            "fillers-counted-instead",
            {"count": "filler"},
            "you count padding instead of words",
            "What is your row for the second word of a sentence without padding?",
            "The place of a word is the number of real words before it.",
            "Take the running sum of `real`, not of its opposite.",
        ),
        moved(
            "moved-the-wrong-way",
            {"count": "away"},
            "the number of padding positions is added to the place instead of taken away",
            "With three of padding in front, the first word stands at position 3. Its row is 0.",
            "And with padding behind, nothing has to be moved at all.",
            "Count the real words so far.",
        ),
        moved(
            "right-for-the-left-only",
            {"count": "left"},
            "all padding of a sentence is taken away from the place, also what stands behind it",
            "Try a sentence with two of padding behind it. Which row gets its first word?",
            "Only padding *before* a word moves it.",
            "Count the real words so far.",
        ),
        moved(
            "counted-from-the-end",
            {"from_end": True},
            "places are counted backwards, from the last real word",
            "Which row gets the first word?",
            "Row 0 belongs to the *first* real word.",
            "Let the running sum start on the left.",
        ),
        moved(
            "position-cut-at-the-end",
            {"count": "position", "wraps": "cut"},
            "the place is still counted from the start of the batch; it is only cut at the table's "
            "end",
            "A sentence has two of padding in front. Which row does its first word get?",
            "Not the table is too short: the count starts in the wrong place.",
            "Count the real words of each sentence, up to each place.",
        ),
        moved(
            "one-sentence-for-all",
            {"same": True},
            "all sentences of the batch get the places of the first",
            "Do your places have an axis for the batch?",
            "Each sentence has its own padding.",
            "The places are (batch, seq).",
        ),
        moved(
            "in-place",
            {"in_place": True},
            "the caller's own `x` is changed",
            "Print `x` before and after calling your function.",
            "x += … writes into the caller's tensor.",
            "Write x = x + …, or return the sum at once.",
        ),
        moved(
            "words-from-1-cut-at-the-end",
            {"start": 1, "wraps": "cut"},
            "the first real word gets row 1 instead of row 0, and the last row is used twice",
            "What does the running sum of `real` say at the first word?",
            "Itself included, the first word is number 1. Its row is 0.",
            "Subtract 1.",
            by=alone(wrong_places),
        ),
        moved(
            "fillers-counted-instead-cut",
            {"count": "filler", "wraps": "cut"},
            "you count padding instead of words",
            "What is your row for the second word of a sentence without padding?",
            "The place of a word is the number of real words before it.",
            "Take the running sum of `real`, not of its opposite.",
            by=alone(wrong_places),
        ),
        moved(
            "padding-gets-a-row-too",
            {"count": "first word", "filler": "row", "wraps": True},
            "the words are right, but padding gets a row of the table as well",
            "Compare your output with `x` where `real` is False.",
            "There, nothing should be added.",
            "Multiply the rows by `real`, with an axis more.",
            by=alone(wrong_places),
        ),
        moved(
            "place-outside-of-the-table",
            {"count": "first word", "wraps": "never"},
            "padding has a place below 0 or past the end, and there the table has no row",
            "Print the places of a sentence with six of padding in front, and len(table).",
            "Padding gets no row, but your code looks one up all the same.",
            "Bring the places into the table first: `clamp(0, len(table) - 1)`.",
            by=alone(wrong_places),
        ),
        moved(
            "place-past-the-end",
            {"count": "first word", "wraps": "above"},
            "padding *behind* the words is counted on, to places for which the table has no row",
            "Print the places of a sentence with five of padding behind, and len(table).",
            "Padding gets no row, but your code looks one up all the same.",
            "Bring the places into the table first: `clamp(0, len(table) - 1)`.",
            by=alone(wrong_places),
        ),
        moved(
            "filler-counted-past-the-end",
            {"count": "position", "wraps": "never"},
            "places are counted from the edge of the batch, padding included; a batch that is "
            "longer than the table then asks for a row that there is not",
            "Take a sentence with three of padding in front. Which row gets its first word?",
            "It should be row 0, whatever stands before it.",
            "`real` knows which positions count. What does its running sum say at each word?",
            by=alone(wrong_places),
        ),
        moved(
            "fillers-counted-from-0",
            {"count": "filler from 0"},
            "you count padding instead of words, and take 1 away",
            "What is your row for the second word of a sentence without padding?",
            "The place of a word is the number of real words before it.",
            "Take the running sum of `real`, not of its opposite.",
            by=alone(wrong_places),
        ),
        moved(
            "words-taken-away",
            {"count": "words taken away"},
            "the number of *words* is taken away from the position; right where padding stands in "
            "front and is as long as the sentence",
            "Take a sentence without padding. Which place does your code give to its first word?",
            "What stands in front of a sentence moves it, not how long it is.",
            "Count the real words so far.",
            by=alone(wrong_places),
        ),
        moved(
            "turned-before-1-is-taken",
            {"count": "turned too early"},
            "`%` comes before 1 is taken away: the word that should get the last row has place 0 "
            "− 1, cut to row 0",
            "Take a sentence as long as the table. Which row gets its last word?",
            "With the running sum at len(table), what is left after `%`?",
            "Take 1 away first; then bring the places into the table.",
            by=alone(wrong_places),
        ),
        moved(
            "as-if-padded-behind",
            {},
            "the first rows go to the first positions, as if padding stood behind the words only",
            "Take a sentence with three of padding in front. Which position gets row 0?",
            "Row 0 belongs to the first *real* word, wherever it stands.",
            "Count the real words so far.",
            by=always_in_front,
        ),
        moved(
            "as-if-padded-in-front",
            {},
            "the rows go to the last positions, as if padding stood in front of the words only",
            "Take a sentence with three of padding behind. Which row gets its last word?",
            "Row 0 belongs to the first *real* word, wherever it stands.",
            "Count the real words so far.",
            by=always_behind,
        ),
        *PLACES_SLIPS,
    ],
    also_right=[looped_places, gathered_places, indexed_places, multiplied_places, rolled_places],
    axes="batch seq d_model",
    hints=(
        "Write down one row of `real`, say 0 0 1 1 1 0, and below each 1 the row of the table that "
        "its word should get.",
        "The text has four sentences: who gets which row, what padding gets, that padding may "
        "stand on either side, and that a batch may be longer than the table.",
        "A running sum along the words (`cumsum`) counts how many real words there are up to each "
        "position. A place is what it says, less one.",
    ),
    allows=Edges(
        axes=(2, 3),
        sizes=(1,),
        special=("empty row", "full row", "-inf"),
        labels=("left", "right", "both sides", "shorter than the batch"),
    ),
)


# --- 06.position-study ----------------------------------------------------------------------


class Guesser(nn.Module):
    """As in the exercise's first cell."""

    def __init__(self, way, state):
        super().__init__()
        num_letters, d_model = state["embed.weight"].shape
        steps = {"none": None, "rotary": Rotary(d_model // 2), "ALiBi": Alibi(2)}
        self.embed = nn.Embedding(num_letters, d_model)
        self.attention = MultiHeadAttention(d_model, num_heads=2, position=steps[way])
        self.read = nn.Linear(d_model, num_letters)
        self.load_state_dict(state)

    def forward(self, ids):
        x = self.embed(ids)
        if self.training:
            x = x * (torch.arange(ids.shape[1]) % 4 < 3)[:, None]
        x = x + self.attention(x, mask=causal_mask)
        return self.read(x)


class QuickGuesser:
    """The same numbers without nn.Module, in a third of the time: every mistake trains."""

    def __init__(self, way, state):
        self.way, self.training, self.lowest = way, True, (math.inf, None)
        self.weights = {name: weight.clone().requires_grad_() for name, weight in state.items()}

    def parameters(self):
        return list(self.weights.values())

    def state(self):
        return {name: weight.detach().clone() for name, weight in self.weights.items()}

    @torch.no_grad()
    def keep_the_better(self, texts):
        """Remember the weights with the lowest loss so far, and stay in training mode."""
        self.training = False
        now = mean_of([guesses(self, text) for text in texts])
        self.training = True
        if now < self.lowest[0]:
            self.lowest = now, self.state()

    @torch.no_grad()
    def go_back(self):
        for name, weight in self.lowest[1].items():
            self.weights[name].copy_(weight)

    def embedded(self, ids):
        return F.embedding(ids, self.weights["embed.weight"])

    def linear(self, name, x):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def placed(self, q, k):
        """Queries and keys as the way has them, and what it adds to the scores."""
        places = torch.arange(q.shape[-2])
        if self.way == "ALiBi":
            distance = (places - places[:, None]).abs()
            return q, k, -torch.tensor([2.0**-4, 2.0**-8])[:, None, None] * distance
        if self.way == "rotary":
            return *complex_rotary(q, k)[:2], 0.0
        return q, k, 0.0

    def __call__(self, ids):
        n = ids.shape[1]
        x = self.embedded(ids)
        if self.training:
            x = x * (torch.arange(n) % 4 < 3)[:, None]
        parts = (self.linear(f"attention.to_{part}", x) for part in "qkv")
        q, k, v = (part.unflatten(-1, (2, -1)).transpose(-3, -2) for part in parts)
        q, k, bias = self.placed(q, k)
        future = torch.ones(n, n, dtype=torch.bool).triu(1)
        scores = q @ k.mT / q.shape[-1] ** 0.5 + bias
        mixed = scores.masked_fill(future, -math.inf).softmax(-1) @ v
        x = x + self.linear("attention.to_out", mixed.transpose(-3, -2).flatten(-2))
        return self.linear("read", x)


class Guessers(QuickGuesser):
    """One for each of so many rates, at once: (rate, …) in front of every weight and result."""

    def __init__(self, way, state, count):
        super().__init__(way, {name: x.expand(count, *x.shape) for name, x in state.items()})

    def embedded(self, ids):
        return self.weights["embed.weight"][:, ids]

    def linear(self, name, x):
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return x @ weight[:, None].mT + bias[:, None, None]

    def losses(self, text):
        """Of each guess, (rate, batch, seq)."""
        chances = self(text[:, :-1]).log_softmax(-1)
        right = text[:, 1:, None].expand(*chances.shape[:-1], 1)
        return -chances.gather(-1, right)[..., 0]


def guesser_state(generator, letters, d_model):
    sizes = {"embed.weight": (letters, d_model)}
    for name in ("to_q", "to_k", "to_v", "to_out"):
        sizes |= {f"attention.{name}.weight": (d_model, d_model)}
        sizes |= {f"attention.{name}.bias": (d_model,)}
    sizes |= {"read.weight": (letters, d_model), "read.bias": (letters,)}
    return {name: 0.5 * normal(generator, *shape) for name, shape in sizes.items()}


RATES = (0.01, 0.1, 0.3, 0.9)
CLOSER = (0.01, 0.03, 0.07, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)


def study_cases(generator):
    """Training teaches the letters to go up; where they go down, a small rate is the better one."""
    letters, n = 5, 5

    def texts(size, *parts):
        """Letters that go on by a step for so many places, and then perhaps by another."""
        steps = torch.cat([torch.full((places,), step) for step, places in parts])
        start = torch.randint(letters, (size, 1), generator=generator)
        return torch.cat([start, start + steps.cumsum(0)], dim=1) % letters

    def tried(label, ways, test, dev, train=(3, 2), rates=RATES, places=n):
        train = [texts(abs(size), (1 if size > 0 else -1, places)) for size in train]
        state = guesser_state(generator, letters, 4)
        return case(label, ways, state, train, dev, test, list(rates))

    up, down, on, back = (1, n), (-1, n), (1, 3), (-1, 4)

    def long():
        return [texts(1, up, back), texts(3, down, on)]

    def both(ups=3, downs=1):
        return [texts(ups, up), texts(downs, down)]

    def early():
        test = [texts(1, up, on), texts(6, down, (1, 1))]
        told = "the first places of the test, and dev and test together, want another rate"
        return tried(told, ["ALiBi"], test, both(), (3, 2, -1), CLOSER)

    def late():
        test = [texts(3, up, (-1, 8)), texts(1, up, (-1, 6))]
        told = "the later places of the test want another rate"
        return tried(told, ["rotary"], test, both(), (3, 2, -1), CLOSER)

    def learned():
        test = [texts(1, up, on), texts(3, down, (1, 6))]
        told = "the training texts want another rate"
        return tried(told, ["none"], test, both(1, 4), rates=CLOSER)

    def rising():
        test = [texts(1, up, on), texts(2, up, on)]
        told = "dev's loss is lower before the last step"
        return tried(told, ["rotary"], test, [texts(2, up), texts(1, up)], (3, 3, -3), [0.9])

    def lopsided():
        told = "one dev batch is far larger than the others"
        test = [texts(2, down, back), texts(1, down, (-1, 2))]
        dev = [texts(1, up), texts(7, down), texts(1, up)]
        # Not as many texts as letters.
        return tried(told, ["none"], test, dev, (2, -3), CLOSER)

    def hidden():
        told = "dev with its letters hidden wants another rate"
        return tried(told, ["none"], [texts(1, up, back)], both(2, 2), rates=CLOSER)

    def each():
        ways = ["none", "rotary", "ALiBi"]
        test = [texts(1, down, back), texts(3, up, on)]
        return tried("each way wants a rate of its own", ways, test, both(), rates=CLOSER)

    def many():
        """As many places as there are letters in no text."""
        test, dev = [texts(2, (1, 6), back)], [texts(3, (1, 6)), texts(1, (-1, 6))]
        return tried("four rates", ["none"], test, dev, places=6)

    # One by one: the seconds that the torn cases take are spent only where somebody asks for them.
    short = [texts(1, on), texts(2, (-1, 7)), texts(1, (2, 9))]
    yield tried("one way, one rate", ["rotary"], long(), [texts(1, up)], rates=[0.1])
    yield tried("three ways", ["none", "rotary", "ALiBi"], long(), both(), (2, 3), [0.2])
    yield torn(
        early,
        ("dev", "dev batches", "outside", "train", "first dev"),
        ("inside", "test", "pooled", "last loss", "last dev"),
    )
    yield torn(
        late, ("dev", "inside", "train"), ("outside", "test", "both", "last loss"), turned=True
    )
    yield better_before(rising)
    yield torn(
        learned,
        ("dev", "dev batches", "inside", "test"),
        ("train", "last loss", "outside"),
    )
    yield torn(lopsided, ("dev", "test", "train"), ("dev batches", "first dev", "last dev"))
    yield torn(hidden, ("dev", "pooled"), ("dev in training", "test", "inside"), hair=2e-3)
    yield two_ways(each)
    # The best is 0, the worst 3.
    told = {
        "middling, worst, best, middling": (1, 3, 0, 2),
        "worst, best, third, second": (3, 0, 2, 1),
        "worst, third, best, second": (3, 2, 0, 1),
    }
    yield from ordered(many, told)
    yield tried("short, longer and long texts", ["none"], short, both(), (1,), [0.1])


def torn(draw, one, other, turned=False, hair=5e-3):
    """A case with two rates: some data choose the first, others the second; or `turned` round."""
    while True:
        drawn = draw()
        (found,) = scores(drawn).values()
        if rates := apart(*([found[name] for name in some] for some in (one, other)), hair=hair):
            rates = rates[::-1] if turned else rates
            return with_ways_and_rates(drawn, drawn.calls[0].args[0], rates)


def better_before(draw, hair=0.05):
    """A case in which dev's loss is lower after a step before the last."""
    while True:
        drawn = draw()
        (last,), (lowest,) = (
            wrong_study(*drawn.calls[0].args, learns=learns, returns="runs").values()
            for learns in ("all", "best step")
        )
        if last[0][0] - lowest[0][0] > hair:
            return drawn


def ordered(draw, orders, hair=2e-3):
    """Cases with the same texts and four rates, in these orders; none is ahead on dev by a hair."""
    while True:
        drawn = draw()
        (found,) = scores(drawn).values()
        ranked = found["dev"].argsort().tolist()
        if found["dev"][ranked].diff().min() > hair:
            break
    for told, places in orders.items():
        made = with_ways_and_rates(drawn, ["none"], [RATES[ranked[i]] for i in places])
        yield replace(made, label=f"{drawn.label}: {told}")


def two_ways(draw):
    """A case of which one way chooses the first rate; another, and both together, the second."""
    while True:
        drawn = draw()
        found = {way: score["dev"] for way, score in scores(drawn).items()}
        for one, other in permutations(found, 2):
            second = [found[other], found[one] + found[other]]
            if rates := apart([found[one]], second, hair=2e-3):
                return with_ways_and_rates(drawn, [one, other], rates)


def scores(drawn):
    """way -> data -> by what each rate would be judged, (rate,)."""
    ways, *rest = drawn.calls[0].args
    return {way: scores_of(way, *rest) for way in ways}


def scores_of(way, state, train, dev, test, rates):
    n, models = train[0].shape[1] - 1, Guessers(way, state, len(rates))
    optimizer = Sgd(models.parameters(), 1.0)
    for text in train:
        optimizer.zero_grad()
        last = models.losses(text).mean(dim=(1, 2))
        (torch.tensor(rates) * last).sum().backward()  # each gradient times its rate
        optimizer.step()

    def look(texts):
        with torch.no_grad():
            return [models.losses(text) for text in texts]

    def mean(parts):
        return torch.cat([part.flatten(1) for part in parts], dim=1).mean(dim=1)

    hidden = mean(look(dev))
    models.training = False
    on_dev, on_test = look(dev), look(test)
    inside = mean([loss[..., :n] for loss in on_test])
    outside = mean([loss[..., n:] for loss in on_test])
    return {
        "train": mean(look(train)),
        "last loss": last.detach(),
        "dev": mean(on_dev),
        "dev batches": torch.stack([mean([loss]) for loss in on_dev]).mean(dim=0),
        "dev in training": hidden,
        "dev last": mean([loss[..., -1:] for loss in on_dev]),
        "first dev": mean(on_dev[:1]),
        "last dev": mean(on_dev[-1:]),
        "test": mean(on_test),
        "inside": inside,
        "outside": outside,
        "both": inside + outside,
        "pooled": mean([*on_dev, *on_test]),
    }


def apart(first, second, hair=5e-3):
    """Two rates of which all the first prefer the one, all the second the other, not by a hair."""
    gaps = [row[None, :] - row[:, None] for row in first]  # how much better is the one?
    gaps += [row[:, None] - row[None, :] for row in second]
    margin = torch.stack(gaps).amin(dim=0)
    one, other = divmod(int(margin.argmax()), len(CLOSER))
    return [CLOSER[one], CLOSER[other]] if margin.max() > hair else None


def with_ways_and_rates(drawn, ways, rates):
    return replace(drawn, calls=[call(ways, *drawn.calls[0].args[1:-1], rates)])


def guesses(model, text, *, how="plain", **more):
    """The loss of each guess, (batch, seq)."""
    given, right = (text, text) if how == "not shifted" else (text[:, :-1], text[:, 1:])
    right = given if how == "same letters" else right
    scores = model(text)[:, 1:] if how == "reads it" else model(given)
    if how == "hits":
        return (scores.argmax(-1) != right).float()
    scores = scores.mT if how == "turned" else scores
    scores = scores.softmax(-1) if how == "softmax twice" else scores
    return F.cross_entropy(scores.mT, right, reduction="none")


def mean_of(parts, how="guesses"):
    """One number from the losses (batch, seq) of several batches."""
    parts = [part for part in parts if part.numel()]
    if not parts:
        return 0.0 if how == "0 of none" else math.nan
    if how == "batches":
        return float(sum(part.mean() for part in parts) / len(parts))
    if how == "texts":
        return float(torch.cat([part.mean(dim=1) for part in parts]).mean())
    total = float(sum(part.sum() for part in parts))
    return total if how == "sum" else total / sum(part.numel() for part in parts)


def inside_outside(losses, n, split="places"):
    """The losses of the test, sorted: those inside of the trained length, and those outside."""
    if split in ("places", "a gap", "cut texts"):
        late = n + (split == "a gap")
        return [loss[:, :n] for loss in losses], [loss[:, late:] for loss in losses]
    short = [loss for loss in losses if loss.shape[1] <= n]
    whole = [loss for loss in losses if loss.shape[1] > n]
    if split == "long texts":
        return [loss[:, :n] for loss in whole], [loss[:, n:] for loss in whole]
    if split == "whole texts":
        return short, whole
    if split == "whole texts outside":
        return [loss[:, :n] for loss in losses], whole
    if split == "everything outside":
        return [loss[:, :n] for loss in losses], losses
    return losses, [loss[:, n:] for loss in losses]  # everything inside


def train_once(
    model, optimizer, train, *, zero="each", loss="mean", how="plain", steps="each", after_each=bool
):
    """The loss before each step."""
    losses = []
    for text in train:
        if zero == "each":
            optimizer.zero_grad()
        each = guesses(model, text, how=how)
        now = {"mean": each.mean, "sum": each.sum, "last": each[:, -1].mean}[loss]()
        now.backward()
        if zero == "between":
            optimizer.zero_grad()
        if steps == "each" or text is train[-1]:
            optimizer.step()
        losses.append(now.item())
        after_each()
    return losses


class Sgd:
    """torch.optim imports a second's worth of PyTorch at its first step."""

    def __init__(self, weights, rate, momentum=0.9):
        self.weights, self.rate, self.momentum = weights, rate, momentum
        self.speed = [torch.zeros_like(weight) for weight in weights]

    def zero_grad(self):
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self):
        for weight, speed in zip(self.weights, self.speed, strict=True):
            if weight.grad is not None:
                speed.mul_(self.momentum).add_(weight.grad)
                weight.sub_(self.rate * speed)


class Exchanged(Sgd):
    def __init__(self, weights, rate):
        super().__init__(weights, 0.9, rate)


class Nesterov(Sgd):
    @torch.no_grad()
    def step(self):
        for weight, speed in zip(self.weights, self.speed, strict=True):
            speed.mul_(self.momentum).add_(weight.grad)
            weight.sub_(self.rate * (weight.grad + self.momentum * speed))


class Adam(Sgd):
    def __init__(self, weights, rate, decay=0.0):
        super().__init__(weights, rate)
        self.decay = decay
        self.size, self.steps = [torch.zeros_like(weight) for weight in weights], 0

    @torch.no_grad()
    def step(self):
        self.steps += 1
        one, two = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for weight, speed, size in zip(self.weights, self.speed, self.size, strict=True):
            speed.mul_(0.9).add_(0.1 * weight.grad)
            size.mul_(0.999).add_(0.001 * weight.grad.square())
            weight.mul_(1 - self.rate * self.decay)
            weight.sub_(self.rate * (speed / one) / ((size / two).sqrt() + 1e-8))


def wrong_study(
    ways,
    state,
    train,
    dev,
    test,
    rates,
    *,
    starts="each run",
    optimizer=Sgd,
    optimizers="each run",
    trains=True,
    looks="eval",
    learns="all",
    chosen="dev",
    best=min,
    keeps="best",
    split="places",
    cut=0,
    average="guesses",
    returns="all",
    how="plain",
    asks="as taught",
    **more,
):
    """The study with its steps exchangeable, so that each mistake is one of them."""
    lengths = {"test": test[0].shape[1] - 1, "batch": len(train[0]), "batches": len(train)}
    n = lengths[cut] if cut in lengths else train[0].shape[1] - 1 + cut
    asks = how if asks == "as taught" else asks
    taught = {
        "dev too": [*train, *dev],
        "but the last": train[:-1],
        "twice": [*train, *train],
        "turned round": train[::-1],
        "at once": [torch.cat(train)],
        "one by one": [one for text in train for one in text.split(1)],
    }.get(learns, train)
    models, makers, speeds, runs = {}, {}, {}, {way: [] for way in ways}
    for way in ways:
        for rate in rates:
            of = {"each way": way, "once": 0, "first way": 0}.get(starts, (way, rate))
            model = models.setdefault(of, QuickGuesser(way, state))
            if starts == "once":
                model.way = way
            kept = (of, 0 if optimizers == "kept" else rate, way)
            made = makers.setdefault(kept, optimizer(model.parameters(), rate))
            if optimizers == "momentum":
                made.speed = speeds.setdefault(way, made.speed)
            if optimizers == "kept":
                made.rate = rate
            model.training = bool(trains)

            def after_each(model=model):
                if trains == "the first step":
                    model.training = False
                if learns == "best step":
                    model.keep_the_better(dev)

            seen = train_once(model, made, taught, how=how, after_each=after_each, **more)
            if learns == "best step":
                model.go_back()
            if looks != "train":
                model.training = False

            def look(texts, model=model):
                with torch.no_grad():
                    return [guesses(model, text, how=asks) for text in texts]

            by_test = "batches" if average == "test batches" else average
            ways_of_mean = (by_test, "batches" if average == "outside batches" else by_test)
            measured = {"first test": test[:1], "last test": test[-1:]}.get(looks, test)
            judged = model
            if learns == "dev at last":
                judged = QuickGuesser(way, state)
                train_once(judged, optimizer(judged.parameters(), rate), [*train, *dev])
            elif learns == "dev behind":
                judged = QuickGuesser(way, model.state())
                train_once(judged, optimizer(judged.parameters(), rate), dev)
            judged.training = looks in ("train", "train on the test")
            parts = inside_outside(look(measured, judged), n, split)
            judged.training = looks == "train"
            if split == "cut texts":
                parts = parts[0], look([x[:, n:] for x in test if x.shape[1] > n + 1])
            tested = [mean_of(*both) for both in zip(parts, ways_of_mean, strict=True)]
            if average == "shares":
                whole = sum(part.numel() for both in parts for part in both)
                tested = [mean_of(part, "sum") / whole for part in parts]
            score = {"inside": tested[0], "outside": tested[1], "last loss": (seen or [0.0])[-1]}
            model.training = looks == "train" or chosen == "dev in training"
            asked = {
                "train": train,
                "test": test,
                "pooled": [*dev, *test],
                "first dev": dev[:1],
                "last dev": dev[-1:],
            }.get(chosen, dev)
            by = {"dev batches": "batches", "dev": average}.get(chosen, "guesses")
            last = slice(-1, None) if chosen == "dev last" else slice(None)
            score["both"] = sum(tested)
            if chosen not in score:
                score[chosen] = mean_of([loss[:, last] for loss in look(asked)], by)
            runs[way].append((score[chosen], rate, *tested))
        if starts == "the best before":
            state = models[way, min(runs[way])[1]].state()
    return runs if returns == "runs" else reported(runs, rates, best, keeps, returns)


def reported(runs, rates, best, keeps, returns):
    """The last step: which run of each way, and what of it."""
    found, number = {}, {rate: i for i, rate in enumerate(rates)}
    firsts = next(iter(runs.values()))
    sums = [(sum(each[i][0] for each in runs.values()), rate) for rate, i in number.items()]
    for way, each in runs.items():
        score, rate, inside, outside = best(each, key=lambda run: run[0])
        if keeps == "last":
            score, rate, inside, outside = each[-1]
        elif keeps == "first":
            score, rate, inside, outside = each[0]
        elif keeps == "best so far":
            sofar = [
                run for other in list(runs)[: list(runs).index(way) + 1] for run in runs[other]
            ]
            score, rate, inside, outside = best(sofar, key=lambda run: run[0])
        elif keeps == "one rate":
            score, rate, inside, outside = each[number[min(sums)[1]]]
        elif keeps == "rate of the first":
            score, rate, inside, outside = each[number[min(firsts)[1]]]
        elif keeps == "best of each":
            inside, outside = (min(run[i] for run in each) for i in (2, 3))
        elif keeps == "losses of the last":
            inside, outside = each[-1][2:]
        found[way] = {
            "all": (rate, inside, outside),
            "exchanged": (rate, outside, inside),
            "no rate": (inside, outside),
            "rate last": (inside, outside, rate),
            "difference": (rate, inside, outside - inside),
            "index": (number[rate], inside, outside),
            "dev": (rate, score, outside),
            "score": (score, inside, outside),
            "perplexity": (rate, math.exp(inside), math.exp(outside)),
        }[returns]
    return found


def looped_study(ways, state, train, dev, test, rates):
    """Right: sums and counts, one text after the other."""
    trained_places = train[0].size(1) - 1

    def tally(model, batches, first, last):
        total = count = 0
        for text in (one for batch in batches for one in batch):
            scores = model(text[None, :-1])[0].log_softmax(-1)
            for place in range(first, min(last, len(text) - 1)):
                total, count = total - scores[place, text[place + 1]].item(), count + 1
        return total / count

    answer = {}
    for way in ways:
        lowest = math.inf
        for rate in rates:
            model = Guesser(way, state)
            speed = [torch.zeros_like(weight) for weight in model.parameters()]
            for text in train:
                losses = -model(text[:, :-1]).log_softmax(-1).gather(2, text[:, 1:, None])
                flows = torch.autograd.grad(losses.mean(), list(model.parameters()))
                with torch.no_grad():
                    for weight, before, flow in zip(model.parameters(), speed, flows, strict=True):
                        before.mul_(0.9).add_(flow)
                        weight -= rate * before
            model.eval()
            score = tally(model, dev, 0, trained_places)
            if score < lowest:
                lowest = score
                inside = tally(model, test, 0, trained_places)
                answer[way] = rate, inside, tally(model, test, trained_places, 10**6)
    return answer


class Study:
    """Right: runs kept, and the winner measured at the end."""

    def __init__(self, n):
        self.n = n

    def run(self, model, train, rate):
        model.train()
        optimizer = torch.optim.SGD(model.parameters(), rate, 0.9)
        for text in train:
            scores = model(text[..., :-1])
            loss = nn.CrossEntropyLoss()(scores.flatten(0, 1), text[..., 1:].flatten())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return model.eval()

    @torch.no_grad()
    def losses(self, model, batches):
        by_place = [[] for _ in range(max(text.shape[1] for text in batches) - 1)]
        for text in batches:
            chances = model(text[:, :-1]).softmax(-1)
            for place, found in enumerate(by_place[: text.shape[1] - 1]):
                found.append(-chances[range(len(text)), place, text[:, place + 1]].log())
        return [torch.cat(found) for found in by_place]


def object_study(ways, state, train, dev, test, rates):
    study = Study(train[0].shape[-1] - 1)
    found = {}
    for way in ways:
        made = {rate: study.run(Guesser(way, state), train, rate) for rate in rates}
        rate = min(made, key=lambda r: torch.cat(study.losses(made[r], dev)).mean())
        losses = study.losses(made[rate], test)
        inside, outside = torch.cat(losses[: study.n]), torch.cat(losses[study.n :])
        found[way] = [rate, inside.mean().item(), outside.mean().item()]
    return found


def stateless_study(ways, state, train, dev, test, rates):
    """Right: weights as plain tensors, through torch.func."""
    n = len(train[0][0]) - 1

    def loss_of(weights, model, text):
        scores = torch.func.functional_call(model, weights, (text[:, :-1],))
        return F.cross_entropy(scores.transpose(1, 2), text[:, 1:], reduction="none")

    def run(way, rate):
        model, weights = Guesser(way, state), {k: v.clone() for k, v in state.items()}
        speed = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        for text in train:
            flows = torch.func.grad(lambda w, text=text: loss_of(w, model, text).mean())(weights)
            speed = {name: 0.9 * speed[name] + flow for name, flow in flows.items()}
            weights = {name: weight - rate * speed[name] for name, weight in weights.items()}
        model.eval()
        return lambda texts: [loss_of(weights, model, text) for text in texts]

    def flat(losses, first=None, last=None):
        return torch.cat([loss[:, first:last].reshape(-1) for loss in losses]).mean().item()

    kept = {way: min((flat(run(way, r)(dev)), r) for r in rates)[1] for way in ways}
    tested = {way: run(way, rate)(test) for way, rate in kept.items()}
    return {w: (kept[w], flat(t, None, n), flat(t, n)) for w, t in tested.items()}


def studied(name, flags, says, *hints):
    return Mistake(name, alone(wrong_study), flags, says=says, hints=hints)


FRESH = (
    "With two equal rates, rates=[0.1, 0.1], both runs must end with the same losses. Do yours?",
    "A run must not know anything of the run before it.",
    "Make a new Guesser, and a new optimizer, inside of the inner loop.",
)
MODES = (
    "Print `model.training` where you train and where you measure.",
    "`model.train()` and `model.eval()` switch a model between the two modes.",
    "Switch to eval after the last step, before the first loss that is measured.",
)
ON_DEV = (
    "Which data may the choice of a rate see? Not those that are reported.",
    "Whoever chooses on the test reports a number that is too good.",
    "Compare the rates by the loss on `dev`, all its guesses.",
)
AVERAGE = (
    "Take a batch of one text and a batch of three. How much does each guess count?",
    "The mean of means is the mean only when all batches are equally large.",
    'Collect every guess\'s own loss (`reduction="none"`), and take one mean at the end.',
)
SORTED = (
    "Take n = 5 and one test text of 8 guesses. Which of the eight are inside?",
    "Every test text begins inside. Only what comes after the trained length is outside.",
    "With losses of (batch, seq): inside is `[:, :n]`, outside `[:, n:]`.",
)
PER_WAY = (
    "How many rates does your code keep for three ways?",
    "One rate for all compares the ways at a rate that suits some of them.",
    "Choose inside of the loop over the ways, for each way alone.",
)
REPORT = (
    "Print what your function returns, and put the text's last line beside it.",
    "Three numbers for each way, in the order of the text.",
    "Return a dict: way -> (rate, inside, outside).",
)
SUM_UP = (
    "How large is one loss of yours, and how large is ln 5, the loss of a guess among five?",
    "A loss is averaged over all the guesses that it speaks of.",
    "Take the mean over the guesses, in training and in measuring.",
)

LOWEST = (
    "Write down the dev losses 3, 1, 2 and go through your comparison by hand. What is kept?",
    "A run is compared with the best of *all* runs before it.",
    "Keep the lowest loss so far beside its rate and its model, or take `min` of all runs.",
)
LETTERS = (
    "Take the text 3, 1, 4, 1. Which letter is the model to guess at its first position?",
    "The letter at a position is what the model is given; the next one is what it guesses.",
    "Give it `text[:, :-1]`, and compare with `text[:, 1:]`.",
)


def against_the_one_before(runs, key):
    kept = before = runs[0]
    for run in runs[1:]:
        kept = run if key(run) < key(before) else kept
        before = run
    return kept


def against_the_first(runs, key):
    return next((run for run in runs[:0:-1] if key(run) < key(runs[0])), runs[0])


def until_it_rises(runs, key):
    kept = runs[0]
    for run in runs[1:]:
        if key(run) >= key(kept):
            break
        kept = run
    return kept


def of_two(runs, key):
    return min(runs[:2], key=key)


def of_the_ends(runs, key):
    return min(runs[0], runs[-1], key=key)


BY_THE_BOOK = (
    "Read the text's sentence on the optimizer, and compare it with yours word by word.",
    "A comparison is repeatable when others can run the same one.",
    "torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)",
)
ONE_FOR_EACH = (
    "How many steps does a run take, for a batch of 3 texts and one of 2?",
    "Two: one for each batch, and the loss is averaged over that batch.",
    "`for text in train:` with one forward pass and one step inside.",
)

STUDY_SLIPS = [
    studied(
        "best-step-of-a-run",
        {"learns": "best step"},
        "a run is judged after each of its steps, and the weights with the lowest loss on `dev` "
        "are kept: early stopping; here a run ends with its last batch",
        "Which model does a run of the text give? That after all batches of `train`.",
        "How often is `dev` looked at in one run of yours?",
        "Measure `dev` once for each run, behind the loop over the batches.",
    ),
    studied(
        "chosen-on-dev-and-test",
        {"chosen": "pooled"},
        "the rate is chosen by `dev` and the test together",
        *ON_DEV,
    ),
    studied(
        "starts-from-the-best-before",
        {"starts": "the best before"},
        "each way but the first starts with the weights of the best run of the way before it",
        "Call your function with two equal ways and one rate. Are their losses equal?",
        "A run must not know anything of the run before it.",
        "`state` stays what it is: keep the weights of the best run under another name.",
    ),
    studied(
        "dev-learned-behind",
        {"learns": "dev behind"},
        "the chosen model is trained on `dev` before it is measured",
        "Which model does the text tell you to measure?",
        "The chosen run is one of those that you have done already.",
        "Keep the model of the best run, and measure that as it is.",
    ),
    studied(
        "with-nesterov",
        {"optimizer": Nesterov},
        "you train with Nesterov's momentum; the text asks for the plain one",
        *BY_THE_BOOK,
    ),
    studied(
        "with-adamw",
        {"optimizer": partial(Adam, decay=0.01)},
        "you train with AdamW; the text asks for SGD with momentum",
        *BY_THE_BOOK,
    ),
    studied(
        "rate-and-momentum-exchanged",
        {"optimizer": Exchanged},
        "the rate and the momentum have changed places",
        *BY_THE_BOOK,
    ),
    studied(
        "only-the-first-step-in-training-mode",
        {"trains": "the first step"},
        "only the first step of a run is taken in training mode, the others in evaluation mode",
        *MODES,
    ),
    studied(
        "batches-turned-round",
        {"learns": "turned round"},
        "the batches of `train` come in the opposite order",
        *ONE_FOR_EACH[:2],
        "`for text in train:` takes them in their order.",
    ),
    studied(
        "all-texts-in-one-step",
        {"learns": "at once"},
        "all training texts go into one step; a run takes one step for each batch",
        *ONE_FOR_EACH,
    ),
    studied(
        "a-step-for-each-text",
        {"learns": "one by one"},
        "each training text gets a step of its own; a run takes one step for each batch",
        *ONE_FOR_EACH,
    ),
    studied(
        "guesses-itself-in-training",
        {"how": "not shifted", "asks": "plain"},
        "in training the model is asked for the letter that it reads, not for the next one",
        *LETTERS,
    ),
    studied(
        "guesses-itself-in-measuring",
        {"asks": "not shifted"},
        "on dev and test the model is asked for the letter that it reads, not for the next one",
        *LETTERS,
    ),
    studied(
        "reads-what-it-guesses-in-training",
        {"how": "reads it", "asks": "plain"},
        "in training the scores are those of the position of the letter that is guessed: the model "
        "has read it already",
        *LETTERS,
    ),
    studied(
        "softmax-in-training",
        {"how": "softmax twice", "asks": "plain"},
        "in training a softmax stands before the cross-entropy, which brings its own",
        "What does F.cross_entropy want: scores or probabilities?",
        "After two softmaxes no letter can get much.",
        "Hand the scores over as they come out of the model.",
    ),
    studied(
        "softmax-in-measuring",
        {"asks": "softmax twice"},
        "on dev and test a softmax stands before the cross-entropy, which brings its own",
        "What does F.cross_entropy want: scores or probabilities?",
        "After two softmaxes no letter can get much.",
        "Hand the scores over as they come out of the model.",
    ),
    studied(
        "share-of-wrong-guesses",
        {"asks": "hits"},
        "what you measure on dev and test is the share of wrong guesses, not the loss",
        "How large is a share at most? And a loss?",
        "A loss is the cross-entropy, in training and in measuring.",
        'F.cross_entropy(scores.mT, text[:, 1:], reduction="none")',
    ),
    studied(
        "late-letters-alone",
        {"split": "cut texts"},
        "outside is measured on the late letters alone: the model doesn't see what stands before",
        "What does the model read before it guesses the first letter outside?",
        "It reads the whole text, also for a late place; only the losses are sorted.",
        *SORTED[-1:],
    ),
    studied(
        "shares-of-all-guesses",
        {"average": "shares"},
        "inside and outside are both divided by the number of *all* guesses on the test",
        "A text has 5 guesses inside and 3 outside. By what is the sum of the three divided?",
        "A mean is taken over the guesses that it speaks of.",
        "Count the guesses inside and those outside each by themselves.",
    ),
    studied(
        "length-of-the-test-or-0",
        {"cut": "test", "average": "0 of none"},
        "the trained length is taken from the test; it is that of the training texts",
        *SORTED,
    ),
    studied(
        "texts-for-length",
        {"cut": "batch"},
        "the trained length is the number of *texts* in the first batch: axis 0 instead of 1",
        "Print `train[0].shape`. Which number is which?",
        "A batch is (batch, n + 1).",
        "n is `train[0].shape[1] - 1`.",
    ),
    studied(
        "batches-for-length",
        {"cut": "batches"},
        "the trained length is the number of *batches*",
        "Print `len(train)` and `train[0].shape`. Which number is which?",
        "A batch is (batch, n + 1).",
        "n is `train[0].shape[1] - 1`.",
    ),
    studied(
        "loss-for-rate",
        {"returns": "score"},
        "the first number is the loss on `dev`; the rate was asked",
        *REPORT,
    ),
    studied(
        "dev-in-training-mode",
        {"chosen": "dev in training"},
        "the test is measured in evaluation mode, and `dev` in training mode, with letters hidden",
        *MODES,
    ),
    studied(
        "test-in-training-mode",
        {"looks": "train on the test"},
        "`dev` is measured in evaluation mode, and the test in training mode, with letters hidden",
        *MODES[:2],
        "A model that you keep must still be in evaluation mode when the test comes.",
    ),
    studied(
        "dev-at-the-last-place",
        {"chosen": "dev last"},
        "`dev` is scored at the last place of each text only; all its guesses count",
        *ON_DEV,
    ),
    studied(
        "dev-learned-at-last",
        {"learns": "dev at last"},
        "a new model is trained on train *and* dev once the rate is chosen, and that one is "
        "measured",
        "Which model does the text tell you to measure?",
        "The chosen run is one of those that you have done already.",
        "Keep the model of the best run, and measure that.",
    ),
    studied(
        "first-test-batch-alone",
        {"looks": "first test"},
        "only the first batch of the test is measured",
        "How many batches does `test` hold, and how many come into your mean?",
        "Does a `return` or a `[:1]` end the loop too early?",
        *AVERAGE[-1:],
    ),
    studied(
        "one-place-left-out",
        {"split": "a gap"},
        "outside begins one place too late: one place is counted neither inside nor outside",
        "Take n = 5. Which places are inside? 0 to 4. Which is the first outside?",
        "Inside are the first n places, outside *all* later ones.",
        "`loss[:, :n]` and `loss[:, n:]`.",
    ),
    studied(
        "momentum-goes-on",
        {"optimizers": "momentum"},
        "the weights start anew for each rate, and the optimizer doesn't: its momentum comes from "
        "the run before",
        *FRESH,
    ),
    studied(
        "same-letters",
        {"how": "same letters"},
        "the model is to guess the letter that it is given, not the next one",
        *LETTERS,
    ),
    studied(
        "same-letters-in-training",
        {"how": "same letters", "asks": "plain"},
        "in training the model is to guess the letter that it is given, not the next one",
        *LETTERS,
    ),
    studied(
        "same-letters-in-measuring",
        {"asks": "same letters"},
        "what you measure on dev and test is the guess of the letter that is given, not of the "
        "next one",
        *LETTERS,
    ),
    studied(
        "places-for-classes",
        {"how": "turned"},
        "`cross_entropy` takes axis 1 for the classes, and there your scores have the positions",
        "Print the shape of the scores, for texts of 9 guesses of 5 letters.",
        "For (batch, classes, seq) the axes 1 and 2 must change places; or flatten batch and seq.",
        "`scores.mT`, or `scores.flatten(0, 1)` with `text[:, 1:].flatten()`.",
    ),
    studied(
        "places-for-classes-in-training",
        {"how": "turned", "asks": "plain"},
        "in training `cross_entropy` takes axis 1 for the classes, and there your scores have the "
        "positions",
        "Print the shape of the scores, for texts of 9 guesses of 5 letters.",
        "For (batch, classes, seq) the axes 1 and 2 must change places; or flatten batch and seq.",
        "`scores.mT`, or `scores.flatten(0, 1)` with `text[:, 1:].flatten()`.",
    ),
    studied(
        "one-step-at-the-end",
        {"steps": "end"},
        "a run takes one step only, after its last batch",
        "How many steps does a run take, for three batches? Count the calls of `step`.",
        "Which lines belong to the loop over the batches? Those that are indented as far.",
        "zero_grad, backward and step stand inside of the loop.",
    ),
    studied(
        "against-the-one-before",
        {"best": against_the_one_before},
        "each run is compared with the run just before it, not with the best so far",
        *LOWEST,
    ),
    studied(
        "always-against-the-first",
        {"best": against_the_first},
        "each run is compared with the first one, so the last that undercuts it is kept",
        *LOWEST,
    ),
    studied(
        "stops-where-it-rises",
        {"best": until_it_rises},
        "the search ends at the first rate that is no better; a later one may be",
        *LOWEST,
    ),
    studied("first-two-rates", {"best": of_two}, "only the first two rates are tried", *LOWEST),
    studied(
        "first-and-last-rate",
        {"best": of_the_ends},
        "only the first and the last rate are tried",
        *LOWEST,
    ),
    studied(
        "best-so-far-of-all-ways",
        {"keeps": "best so far"},
        "the best run is carried over from way to way, so a way may report another one's",
        *PER_WAY,
    ),
    studied(
        "perplexity",
        {"returns": "perplexity"},
        "you report e to the power of the loss, the perplexity; the loss itself was asked",
        *REPORT,
    ),
    studied(
        "length-of-the-test",
        {"cut": "test"},
        "the trained length is taken from the test; it is that of the training texts",
        *SORTED,
    ),
    studied(
        "mean-of-batches-outside",
        {"average": "outside batches"},
        "the loss outside is a mean of the batches' means",
        *AVERAGE,
    ),
    studied(
        "long-texts-inside",
        {"split": "long texts"},
        "only the test texts that are longer than the trained length count inside",
        *SORTED,
    ),
]

POSITION_STUDY = Exercise(
    id="06.position-study",
    title="A fair comparison",
    kind="build",
    points=4,
    name="position_study",
    cases=study_cases,
    mistakes=[
        studied(
            "model-goes-on-from-rate-to-rate",
            {"starts": "each way"},
            "the second rate goes on with the weights that the first rate has trained",
            *FRESH,
        ),
        studied(
            "model-and-optimizer-go-on",
            {"starts": "each way", "optimizers": "kept"},
            "the second rate goes on with the weights and the momentum of the first",
            *FRESH,
        ),
        studied(
            "one-model-for-all",
            {"starts": "once"},
            "every run but the first goes on with the weights that the runs before it have trained",
            *FRESH,
        ),
        studied(
            "always-the-first-way",
            {"starts": "first way"},
            "one model, of the first way, serves all ways: you compare it with itself",
            "Does your Guesser get the `way` of the loop?",
            *FRESH[1:],
        ),
        studied(
            "no-momentum",
            {"optimizer": partial(Sgd, momentum=0.0)},
            "there is no momentum: either it is not given, or each step gets a new optimizer",
            "Where in your loops is the optimizer made, and with which arguments?",
            "Momentum is what an optimizer remembers of the steps before.",
            "Make it once for each run, before the loop over the batches, with momentum=0.9.",
        ),
        studied(
            "measured-in-training-mode",
            {"looks": "train"},
            "you measure in training mode: every fourth letter is hidden from the model",
            *MODES,
        ),
        studied(
            "trained-in-eval-mode",
            {"trains": False},
            "you train in evaluation mode, so that nothing is hidden while the model learns",
            *MODES,
        ),
        studied(
            "gradients-pile-up",
            {"zero": "never"},
            "the gradients are never set to zero, so that each step repeats those before it",
            "Print the gradient of one weight before and after the second `backward`.",
            "`backward` adds to the gradients that are there.",
            "Call `optimizer.zero_grad()` in every step.",
        ),
        studied(
            "zeroed-before-the-step",
            {"zero": "between"},
            "nothing is learned: gradients are set to zero between `backward` and `step`, there is "
            "no `step`, or the optimizer holds another model's weights",
            "Compare a weight before and after training.",
            "`step` goes by the gradients that are there when it is called.",
            "The order is: zero_grad, backward, step.",
        ),
        studied(
            "another-optimizer",
            {"optimizer": Adam},
            "you train with Adam; the text asks for SGD with momentum",
            "Which optimizer does the text name?",
            "A comparison is repeatable when others can run the same one.",
            "torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)",
        ),
        studied(
            "sum-in-training",
            {"loss": "sum"},
            "the loss of a step is the sum over the batch's guesses, not their mean",
            *SUM_UP,
        ),
        studied(
            "last-place-only",
            {"loss": "last"},
            "training looks at the last guess of each text only",
            "How many guesses does a batch of 3 texts of 6 letters hold? Fifteen.",
            "Under a causal mask every place guesses its next letter.",
            "Average over all places.",
        ),
        studied(
            "guesses-itself",
            {"how": "not shifted"},
            "the model is asked for the letter that it reads, not for the next one",
            "Which letter is right at place 0?",
            "A text of n + 1 letters holds n guesses.",
            "Read `text[:, :-1]`, and compare with `text[:, 1:]`.",
        ),
        studied(
            "softmax-before-cross-entropy",
            {"how": "softmax twice"},
            "a softmax stands before the cross-entropy, which brings its own",
            "What does F.cross_entropy want: scores or probabilities?",
            "After two softmaxes no letter can get much.",
            "Hand the scores over as they come out of the model.",
        ),
        studied(
            "trained-on-dev",
            {"learns": "dev too"},
            "the dev texts are trained on, so they can't choose any more",
            "Which texts does your optimizer see?",
            "Data that were learned say nothing about what is new.",
            "Train on `train` alone.",
        ),
        studied(
            "twice-through-the-training-texts",
            {"learns": "twice"},
            "a run goes more than once through the training texts; the text says once",
            "Count your steps: there is one for each batch.",
            "Is there a loop over epochs, or a run that goes on after it was judged?",
            "One pass over `train`, in its order.",
        ),
        studied(
            "last-batch-left-out",
            {"learns": "but the last"},
            "the last batch of the training texts is never used",
            "Count your steps: there is one for each batch.",
            "Does your loop stop one short?",
            "`for text in train:` takes them all.",
        ),
        studied(
            "chosen-on-the-training-texts",
            {"chosen": "train"},
            "the rate is chosen by the loss on the training texts",
            "Which data may the choice of a rate see? Not those that were learned.",
            "A high rate can learn these very texts and nothing else.",
            ON_DEV[2],
        ),
        studied(
            "chosen-by-the-last-training-loss",
            {"chosen": "last loss"},
            "the rate is chosen by the loss of the last step of training",
            "Which data may the choice of a rate see? Not those that were learned.",
            "One batch is little, and it is a training batch.",
            ON_DEV[2],
        ),
        studied(
            "chosen-on-the-first-dev-batch",
            {"chosen": "first dev"},
            "the rate is chosen on the first batch of dev alone",
            "How many batches does dev have, and how many do you look at?",
            *ON_DEV[1:],
        ),
        studied(
            "chosen-on-the-last-dev-batch",
            {"chosen": "last dev"},
            "the rate is chosen on the last batch of dev alone",
            "How many batches does dev have, and how many come into your loss? What stands behind "
            "a loop sees its last round.",
            *ON_DEV[1:],
        ),
        studied(
            "last-batch-of-each-list",
            {"chosen": "last dev", "looks": "last test"},
            "only the last batch of dev and the last one of the test are measured",
            "How many batches does `test` hold, and how many come into your mean? What stands "
            "behind a loop sees its last round.",
            *AVERAGE[1:],
        ),
        studied(
            "last-test-batch-alone",
            {"looks": "last test"},
            "only the last batch of the test is measured",
            "How many batches does `test` hold, and how many come into your mean? What stands "
            "behind a loop sees its last round.",
            *AVERAGE[1:],
        ),
        studied(
            "chosen-on-the-test-inside",
            {"chosen": "inside"},
            "the rate is chosen on the test, by its loss inside",
            *ON_DEV,
        ),
        studied(
            "chosen-on-the-test-outside",
            {"chosen": "outside"},
            "the rate is chosen on the test, by its loss outside of the trained length",
            *ON_DEV,
        ),
        studied(
            "chosen-on-the-whole-test",
            {"chosen": "test"},
            "the rate is chosen on the test, by the loss of all its guesses",
            *ON_DEV,
        ),
        studied(
            "worst-rate",
            {"best": max},
            "the rate with the *highest* loss is kept",
            "Is a high loss good or bad?",
            "`max` finds the worst run.",
            "Keep the rate with the lowest loss on dev.",
        ),
        studied(
            "first-rate",
            {"keeps": "first"},
            "the first rate is reported, whatever dev says",
            "Turn the list of rates round. Does your answer change?",
            "Is a run ever compared with the best so far?",
            "Keep rate and losses together, and replace them when dev's loss is lower.",
        ),
        studied(
            "last-rate",
            {"keeps": "last"},
            "the last rate is reported, whatever dev says",
            "Turn the list of rates round. Does your answer change?",
            "A later run must not overwrite a better one.",
            "Keep rate and losses together, and replace them only when dev's loss is lower.",
        ),
        studied(
            "losses-of-the-last-rate",
            {"keeps": "losses of the last"},
            "the rate is the best, but the losses are those of the run that came last",
            "Which model do you measure on the test?",
            "After the loop over the rates, `model` is the last one, not the best one.",
            "Keep the model, or its losses, together with its rate.",
        ),
        studied(
            "best-of-each",
            {"keeps": "best of each"},
            "inside and outside are the lowest of all rates, each by itself",
            "From how many models do your two losses come?",
            *ON_DEV[1:],
        ),
        studied(
            "one-rate-for-all",
            {"keeps": "one rate"},
            "all ways get one rate, the best for all together",
            *PER_WAY,
        ),
        studied(
            "rate-of-the-first-way",
            {"keeps": "rate of the first"},
            "all ways get the rate that is best for the first of them",
            *PER_WAY,
        ),
        studied(
            "mean-of-batches",
            {"average": "batches"},
            "you average each batch, and then the batches: a guess in a small batch counts more",
            *AVERAGE,
        ),
        studied(
            "mean-of-dev-batches",
            {"chosen": "dev batches"},
            "on dev you average each batch, and then the batches: a guess in a small batch counts "
            "more, and another rate may win",
            *AVERAGE,
        ),
        studied(
            "mean-of-test-batches",
            {"average": "test batches"},
            "on the test you average each batch, and then the batches: a guess in a small batch "
            "counts more",
            *AVERAGE,
        ),
        studied(
            "mean-of-texts",
            {"average": "texts"},
            "you average each text, and then the texts: a guess in a short text counts more",
            "Take a text with 1 guess outside and a text with 6. How much does each guess count?",
            *AVERAGE[1:],
        ),
        studied(
            "sum-for-mean",
            {"average": "sum"},
            "the losses are sums over the guesses, not means",
            *SUM_UP,
        ),
        studied(
            "whole-texts",
            {"split": "whole texts"},
            "you sort whole texts: those not longer than the trained length count as inside, with "
            "all their places, and the others as outside",
            *SORTED,
        ),
        studied(
            "whole-long-texts-outside",
            {"split": "whole texts outside"},
            "outside holds all places of the long texts, the first ones too",
            *SORTED,
        ),
        studied(
            "everything-outside",
            {"split": "everything outside"},
            "outside holds all places of the test, the first ones too",
            *SORTED,
        ),
        studied(
            "everything-inside",
            {"split": "everything inside"},
            "inside holds all places of the test, the late ones too",
            *SORTED,
        ),
        studied(
            "one-place-too-many-inside",
            {"cut": 1},
            "the border stands one place too late: a text of n + 1 letters holds n guesses",
            "How many guesses does a training text of 6 letters hold?",
            "The trained length is the number of places that a model reads in training.",
            "n is `train[0].shape[1] - 1`.",
        ),
        studied(
            "one-place-too-few-inside",
            {"cut": -1},
            "the border stands one place too early",
            "How many guesses does a training text of 6 letters hold?",
            "The trained length is the number of places that a model reads in training.",
            "n is `train[0].shape[1] - 1`, and inside are the places 0 to n - 1.",
        ),
        studied(
            "losses-exchanged",
            {"returns": "exchanged"},
            "inside and outside have changed places",
            *REPORT,
        ),
        studied(
            "rate-at-the-end",
            {"returns": "rate last"},
            "the rate stands at the end; the text has it first",
            *REPORT,
        ),
        studied(
            "difference-for-outside",
            {"returns": "difference"},
            "you return how much higher the loss is outside, not the loss itself",
            *REPORT,
        ),
        studied(
            "rate-left-out",
            {"returns": "no rate"},
            "the rate that was chosen is missing",
            *REPORT,
        ),
        studied(
            "number-of-the-rate",
            {"returns": "index"},
            "you return which rate it is in the list, not the rate itself",
            *REPORT,
        ),
        studied(
            "dev-for-inside",
            {"returns": "dev"},
            "inside is the loss on dev, by which the rate was chosen: it is a little too good",
            "On which texts is inside measured?",
            "A number that has been chosen by is no fair number to report.",
            "Measure inside on the test, at its first n places.",
        ),
        *STUDY_SLIPS,
    ],
    also_right=[looped_study, object_study, stateless_study],
    any_sequence=True,
    plain_numbers=True,
    hints=(
        "Call your function with one way and one rate, and print the loss of every step. Then with "
        "two equal rates: both must give the same.",
        "Go through the text's list with a pencil. For each line: where in your loops does it "
        "happen, and how often?",
        "Two loops, ways and rates. Inside: a new model, a new optimizer, one step for each batch, "
        "then eval and the loss on dev. After the inner loop: the test, for the best model only.",
    ),
    allows=Edges(sizes=(1, 2, 3), labels=("one way", "short", "long")),
    seconds=8.0,
)


EXERCISES = [
    SINUSOIDAL,
    RELATIVE_TEST,
    ROTATE,
    ALIBI,
    BUCKET,
    FULL_TURNS,
    POSITION_STUDY,
    POSITION_BUG,
]
