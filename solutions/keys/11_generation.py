"""Answer key of chapter 11: chances, filters, repeats, beam search, attention with a memory."""

import math
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.generation import beam_search, picking, power_penalty
from course_lib.grader.judging.edges import in_dtype, in_front
from course_lib.grader.judging.key import Case, Edges, Exercise, Mistake, call, case


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def whole(generator, low, high, *shape):
    return torch.randint(low, high, shape, generator=generator)


def telling(function, key="slip"):
    """A way to write down the mistakes of one function, each a value of one flag."""

    def mistake(name, value, says, *hints):
        return Mistake(name, function, {key: value}, says, hints)

    return mistake


def wide(logits):
    return logits.float()


# --- 11.temperature -------------------------------------------------------------------------


def temperature_cases(generator):
    def logits(*shape):
        return 2 * normal(generator, *shape)

    def with_ties():
        x = whole(generator, -3, 2, 4, 7).float()
        x[0, [2, 5]] = 3.0
        x[1, [0, 6]] = 4.0
        x[2, [1, 2, 4]] = 2.5
        return x

    def with_holes():
        x = logits(3, 8)
        x[0, [1, 4]] = -math.inf
        x[1, [0, 2, 3, 4, 5, 7]] = -math.inf
        x[2, 6] = -math.inf
        return x

    huge = 3e4 + whole(generator, 0, 9, 2, 5)
    large_half = (whole(generator, 1, 9, 3, 6) * 2048.0 + 30_000).half()

    def nearly_equal():
        """Numbers of float32 so near each other that a millionth is a high temperature."""
        order = torch.rand(2, 5, generator=generator).argsort(dim=-1)
        return 2.0**-30 * (1 + order * 2.0**-20)

    return [
        case("warm", logits(3, 7), 1.7),
        case("cold", logits(2, 5), 0.3),
        case("temperature 1", logits(5, 3), 1.0),
        case("no axes in front", logits(6), 0.8),
        in_front(case("many", logits(4, 5), 0.6), 2, 3),
        case("temperature 0", logits(4, 5), 0),
        case("temperature 0, written as 0.0", logits(3, 6), 0.0),
        case("temperature 0, no axes in front", logits(7), 0),
        case("temperature 0, with ties", with_ties(), 0),
        case("minus infinity", with_holes(), 1.3),
        case("minus infinity, very hot", with_holes(), 1e5),
        case("minus infinity at temperature 0", with_holes(), 0),
        case("very hot", logits(2, 4), 1e5),
        case("nearly frozen", logits(3, 5) + torch.tensor([[60.0], [0], [90]]), 1e-37),
        case("nearly frozen, with ties", with_ties(), 1e-37),
        case("huge logits", huge, 2.0),
        case("a single token", logits(3, 1), 0.7),
        case("a thousand tokens", logits(1000), 0.9),
        in_dtype(case("half", logits(3, 4), 0.7), torch.float16),
        in_dtype(case("half", logits(2, 6), 0.7), torch.bfloat16),
        in_dtype(case("half at temperature 0", logits(2, 6), 0), torch.float16),
        case("large logits in float16, cold", large_half, 0.1),
        case("nearly frozen, nearly equal", nearly_equal(), 1e-37),
        in_dtype(case("double", logits(3, 5), 0.7), torch.float64),
        in_dtype(case("double at temperature 0", logits(2, 4), 0), torch.float64),
    ]


def right_probabilities(logits, temperature):
    x = wide(logits)
    if temperature == 0:
        return F.one_hot(x.argmax(dim=-1), x.shape[-1]).to(x.dtype)
    return ((x - x.amax(dim=-1, keepdim=True)) / temperature).softmax(dim=-1)


def wrong_probabilities(logits, temperature, *, slip):
    x = wide(logits)
    best = x.amax(dim=-1, keepdim=True)
    zero = temperature == 0
    hot = 1.0 if zero else temperature
    down = x - best

    def frozen():
        return right_probabilities(logits, 0)

    def in_place():
        if zero:
            return frozen()
        x.sub_(best).div_(temperature)
        return x.softmax(dim=-1)

    def at(scores, dim=-1):
        return frozen() if zero else scores.softmax(dim=dim)

    def when_zero(otherwise):
        return otherwise() if zero else right_probabilities(logits, temperature)

    def flat():
        return down.flatten().div(hot).softmax(dim=0).view_as(x) if x.numel() else down

    def shared():
        return shares((x == best).to(x.dtype))

    def shares(parts):
        return parts / parts.sum(dim=-1, keepdim=True)

    def last_tie():
        places = x.shape[-1] - 1 - x.flip(-1).argmax(dim=-1)
        return F.one_hot(places, x.shape[-1]).to(x.dtype)

    def one_for_all():
        flat = torch.arange(x.numel()) == x.argmax()
        return flat.view_as(x).to(x.dtype)

    def first_of_all():
        flat = torch.arange(x.numel()) == down.argmax()
        return flat.view_as(x).to(x.dtype)

    def all_rows():
        place = int(x.reshape(-1, x.shape[-1]).amax(dim=0).argmax())
        return torch.zeros_like(x).index_fill(-1, torch.tensor(place), 1.0)

    def each_in_all():
        return torch.zeros_like(x).index_fill(-1, x.argmax(dim=-1).flatten(), 1.0)

    return {
        "multiplied": lambda: at(down * hot),
        "ignored": lambda: at(down),
        "probs divided": lambda: frozen() if zero else x.softmax(dim=-1) / hot,
        "power": lambda: frozen() if zero else x.softmax(dim=-1) ** (1 / hot),
        "probs twice": lambda: at(x.softmax(dim=-1) / hot),
        "exp only": lambda: frozen() if zero else (down / hot).exp(),
        "rows": lambda: at(down / hot, dim=0) if x.numel() else x,
        "flat": lambda: frozen() if zero else flat(),
        "root": lambda: at(down / hot**0.5),
        "logs": lambda: frozen().log() if zero else (down / hot).log_softmax(dim=-1),
        "no max": lambda: at(x / hot),
        "zero divides": lambda: (down / temperature).softmax(dim=-1),
        "zero is one": lambda: when_zero(lambda: x.softmax(dim=-1)),
        "zero is even": lambda: when_zero(lambda: torch.full_like(x, 1 / x.shape[-1])),
        "ties share": lambda: when_zero(shared),
        "ties each": lambda: when_zero(lambda: (x == best).to(x.dtype)),
        "last tie": lambda: when_zero(last_tie),
        "ids": lambda: when_zero(lambda: x.argmax(dim=-1)),
        "one-hot whole": lambda: when_zero(lambda: F.one_hot(x.argmax(dim=-1), x.shape[-1])),
        "logits at zero": lambda: when_zero(lambda: x.where(x == best, -math.inf)),
        "all rows": lambda: when_zero(all_rows) if x.numel() else x,
        "each in all rows": lambda: when_zero(each_in_all),
        "plain": lambda: (logits / temperature).softmax(dim=-1),
        "plain, wide": lambda: (x / temperature).softmax(dim=-1),
        "one for all": lambda: when_zero(one_for_all) if x.numel() else x,
        "first of all": lambda: when_zero(first_of_all) if x.numel() else x,
        "in place": in_place,
        "max of all": lambda: at((x - x.max()) / hot),
        "half out": lambda: right_probabilities(logits, temperature).to(logits.dtype),
        "half in": lambda: frozen() if zero else (logits / hot).float().softmax(dim=-1),
        "half all": lambda: frozen().to(logits.dtype) if zero else (logits / hot).softmax(dim=-1),
        "finite": lambda: at((x.clamp(min=-1e4) - best) / hot),
        "small is zero": lambda: frozen() if temperature < 1e-6 else at(down / hot),
        "nan away": lambda: at(x / hot).nan_to_num(),
        "infinity away": lambda: at((x / hot).nan_to_num()),
        "exp no max": lambda: frozen() if zero else shares((x / hot).exp()),
        "power, normed": lambda: frozen() if zero else shares(x.softmax(dim=-1) ** (1 / hot)),
        "half at zero": lambda: frozen().to(logits.dtype) if zero else at(down / hot),
        "half max": lambda: at((logits - logits.amax(dim=-1, keepdim=True)).float() / hot),
        "logs but at zero": lambda: frozen() if zero else (down / hot).log_softmax(dim=-1),
        "clamped": lambda: (down / max(temperature, 0.01)).softmax(dim=-1),
        "clamped at a millionth": lambda: (down / max(temperature, 1e-6)).softmax(dim=-1),
        "clamped at a millionth but at zero": lambda: at(down / max(hot, 1e-6)),
        "double stays": lambda: right_probabilities(logits, temperature).to(
            torch.promote_types(logits.dtype, torch.float32)
        ),
    }[slip]()


def by_exponents(logits, temperature):
    """Right: exponentials of what lies below the largest, divided by their sum."""
    x = logits.float()
    if not temperature:
        first = ((x == x.amax(-1, keepdim=True)).cumsum(-1) == 1) & (x == x.amax(-1, keepdim=True))
        return first.to(x.dtype)
    powers = torch.exp((x - x.max(dim=-1, keepdim=True).values).double() / temperature)
    return (powers / powers.sum(dim=-1, keepdim=True)).float()


def by_the_library(logits, temperature):
    """Right: the library's, which keeps float64, narrowed."""
    return picking.probabilities(logits, temperature).float()


def by_rows(logits, temperature):
    """Right: every row on its own."""
    x = logits.to(torch.float32)
    out = torch.zeros_like(x)
    for row, given in zip(out.view(-1, x.shape[-1]), x.reshape(-1, x.shape[-1]), strict=True):
        if temperature == 0:
            row[given.argmax()] = 1
        else:
            row += torch.softmax((given - given.max()) / temperature, 0)
    return out


heated = telling(wrong_probabilities)
ZERO = "Call it with temperature 0 and the logits 1, 3, 2. What should come out?"
HALF = "Print `torch.tensor(60_000.).half() / 0.1`."

TEMPERATURE = Exercise(
    id="11.temperature",
    title="How daring is the dice?",
    kind="code",
    points=2,
    name="probabilities",
    cases=temperature_cases,
    mistakes=[
        heated(
            "plain-softmax",
            "plain",
            "this is the formula alone: temperature 0, a very small one and half precision are "
            "left to themselves",
            ZERO,
            "Go through the points of the text one by one: three of them are not met yet.",
            "Widen; treat 0 on its own; subtract the row's largest; divide; softmax.",
        ),
        heated(
            "largest-of-all-rows",
            "max of all",
            "the largest logit of *all* rows is subtracted: at a tiny temperature the other rows "
            "become minus infinity all over, and NaN",
            "Try two rows, 1, 2 and 101, 102, at a temperature of 1e-37.",
            "Each row has a largest of its own.",
            "Take the maximum along the last axis, and keep that axis.",
        ),
        heated(
            "multiplied",
            "multiplied",
            "the logits are multiplied by the temperature: hot and cold have changed places",
            "Which of 0.5 and 2 should make the likeliest token likelier?",
            "A high temperature makes the differences between logits small.",
            "Divide the logits by it.",
        ),
        heated(
            "temperature-ignored",
            "ignored",
            "the temperature makes no difference, unless it is 0",
            "Call it at 0.5 and at 2, and compare.",
            "Is what you divided what you hand to the softmax?",
            "Divide the logits, then take the softmax of the quotient.",
        ),
        heated(
            "chances-divided",
            "probs divided",
            "the softmax comes first, and its chances are divided: they no longer sum to 1",
            "Print the sum of each row.",
            "A temperature changes scores, not chances.",
            "Divide the logits before the softmax.",
        ),
        heated(
            "power-not-normed",
            "power",
            "the chances are raised to the power of 1 / temperature and not divided by their sum",
            "Print the sum of each row.",
            "The power is right as far as it goes; what makes numbers into shares?",
            "Divide by the sum of the row, or take the softmax of logits / temperature.",
        ),
        heated(
            "softmax-twice",
            "probs twice",
            "the softmax is taken of chances that were divided, not of logits",
            "How large is the largest of your inputs to the last softmax?",
            "There is one softmax in this.",
            "Divide the logits themselves.",
        ),
        heated(
            "not-normed",
            "exp only",
            "exponentials of the divided logits are returned, and never divided by their sum",
            "Print the sum of each row.",
            "The largest token has a chance of exactly 1 in every row: can that be?",
            "Divide each row by its sum.",
        ),
        heated(
            "over-the-rows",
            "rows",
            "the chances sum to 1 over the rows, not over the tokens",
            "Sum your result along either axis.",
            "Each row draws a token of its own.",
            "Tokens are on the last axis.",
        ),
        heated(
            "over-everything",
            "flat",
            "all rows together share a chance of 1",
            "Print the sum of each row.",
            "Each row draws a token of its own.",
            "Take the softmax along the last axis only.",
        ),
        heated(
            "root-of-the-temperature",
            "root",
            "the logits are divided by the square root of the temperature",
            "What do you divide by when the temperature is 4?",
            "The root belongs to attention's scores.",
            "Divide by the temperature itself.",
        ),
        heated(
            "log-chances",
            "logs",
            "logarithms of the chances are returned",
            "Can a chance be negative?",
            "log_softmax returns logarithms.",
            "Take the softmax.",
        ),
        heated(
            "log-chances-but-at-zero",
            "logs but at zero",
            "logarithms of the chances are returned, unless the temperature is 0",
            "Can a chance be negative?",
            "log_softmax returns logarithms.",
            "Take the softmax.",
        ),
        heated(
            "too-large-a-quotient",
            "no max",
            "a large logit divided by a tiny temperature becomes infinite, and the softmax NaN",
            "Print `torch.tensor(60.) / 1e-37`.",
            "Chances don't change when the same number is taken from all logits of a row.",
            "Subtract the row's largest logit before you divide.",
        ),
        heated(
            "exponentials-overflow",
            "exp no max",
            "the exponentials become infinite, or all 0, and their quotient NaN",
            "Print `torch.tensor([200.0, 100]).exp()`.",
            "Chances don't change when the same number is taken from all logits of a row.",
            "Subtract the row's largest logit before you divide; then the largest power is 1.",
        ),
        heated(
            "power-vanishes",
            "power, normed",
            "the chances are raised to the power of 1 / temperature: when it is cold all of them "
            "become 0, and their shares NaN",
            "Print `torch.tensor([0.6, 0.4]) ** 1e37`.",
            "The formula is right, but float32 isn't fine enough for it.",
            "Work with the logits: subtract the row's largest, divide, softmax.",
        ),
        heated(
            "nan-written-over",
            "nan away",
            "a quotient that became infinite makes NaN of the likeliest tokens, and the NaN is "
            "replaced by 0: they can't come any more",
            "Print the sum of each row at a temperature of 1e-37.",
            "NaN is better prevented than replaced.",
            "Subtract the row's largest logit before you divide: 0 stays 0.",
        ),
        heated(
            "infinity-written-over",
            "infinity away",
            "quotients that became infinite are replaced by the largest number: tokens that "
            "differed are equal then",
            "Try the logits 60 and 61 at a temperature of 1e-37.",
            "Infinity is better prevented than replaced.",
            "Subtract the row's largest logit before you divide: 0 stays 0.",
        ),
        heated(
            "small-taken-for-zero",
            "small is zero",
            "a tiny temperature is treated as 0: equal logits should share the chance there",
            "Try the logits 2, 2, 1 at a temperature of 1e-37.",
            "Only 0 itself gives the whole chance to the first of equals.",
            "Ask for `temperature == 0`; what is larger can be divided by, the largest taken off.",
        ),
        heated(
            "division-by-zero",
            "zero divides",
            "temperature 0 is divided by like any other, and the chances become NaN",
            ZERO,
            "0 is a case of its own.",
            "At temperature 0 return 1 at the largest logit and 0 elsewhere.",
        ),
        heated(
            "zero-taken-for-one",
            "zero is one",
            "temperature 0 gives what temperature 1 gives",
            ZERO,
            "`if temperature` is False for 0: what happens then?",
            "At temperature 0 return 1 at the largest logit and 0 elsewhere.",
        ),
        heated(
            "zero-is-even",
            "zero is even",
            "temperature 0 gives every token the same chance",
            ZERO,
            "Even chances are what an endless heat gives.",
            "At temperature 0 return 1 at the largest logit and 0 elsewhere.",
        ),
        heated(
            "ties-share",
            "ties share",
            "at temperature 0 equal logits share the chance; the text gives all of it to the first",
            "Call it with temperature 0 and the logits 1, 3, 3.",
            "Only one of the equals gets a chance.",
            "argmax returns one place in each row: the first.",
        ),
        heated(
            "ties-get-all",
            "ties each",
            "at temperature 0 each of several largest logits gets a chance of 1",
            "Call it with temperature 0 and the logits 1, 3, 3. What is the sum?",
            "Only one of the equals gets a chance.",
            "argmax returns one place in each row: the first.",
        ),
        heated(
            "last-of-equals",
            "last tie",
            "at temperature 0 the last of equal logits gets the chance, not the first",
            "Call it with temperature 0 and the logits 1, 3, 3.",
            "Which of several largest does your code find: the first or the last?",
            "argmax returns the first.",
        ),
        heated(
            "ids-at-zero",
            "ids",
            "at temperature 0 ids are returned, not chances",
            "What shape has your result at temperature 0?",
            "The function returns a chance for each token at every temperature.",
            "Put 1 at the place that argmax names, and 0 elsewhere.",
        ),
        heated(
            "whole-numbers-at-zero",
            "one-hot whole",
            "at temperature 0 the chances are whole numbers (int64)",
            "Print the dtype of your result at temperature 0.",
            "`one_hot` returns whole numbers.",
            "Turn them into the dtype of the widened logits.",
        ),
        heated(
            "logits-at-zero",
            "logits at zero",
            "at temperature 0 logits are returned, minus infinity but for the largest",
            "Print your result for temperature 0. Do the rows sum to 1?",
            "What is left to do is what you do at every other temperature.",
            "Take the softmax of it, or write 1 and 0.",
        ),
        heated(
            "one-best-for-all",
            "all rows",
            "at temperature 0 every row gets its chance at the same place: the largest of all rows",
            "Try two rows with different largest tokens.",
            "argmax without `dim` looks at all rows as one.",
            "Take argmax along the last axis.",
        ),
        heated(
            "changed-in-place",
            "in place",
            "the chances are right, but the logits that you were handed are changed, too",
            "Print the logits before and after the call.",
            "`float()` of a float32 tensor is that very tensor, and `-=` and `/=` write into it.",
            "Make new tensors: x = x - ..., x = x / ...",
        ),
        heated(
            "returned-in-half",
            "half out",
            "the chances come back in half precision",
            "Print the dtype of your result for float16.",
            "Half precision is widened, and stays wide.",
            "Return what the softmax of the widened logits gives.",
        ),
        heated(
            "double-stays",
            "double stays",
            "float64 stays float64; the result is always float32",
            "Print the dtype of your result for float64.",
            "Which dtypes does your code turn into float32: all, or the narrow ones alone?",
            "`logits.float()` makes float32 of every dtype.",
        ),
        heated(
            "half-at-zero",
            "half at zero",
            "at temperature 0 the chances come back in half precision",
            "Print the dtype at temperature 0, for logits in float16.",
            "The result is always float32, at every temperature.",
            "Widen first, before you ask whether the temperature is 0.",
        ),
        heated(
            "subtracted-in-half",
            "half max",
            "the largest is subtracted in half precision, and the differences are rounded",
            "Subtract 3.2 from 0.01 in bfloat16.",
            "Half precision is widened *first*.",
            "Begin with `logits.float()`.",
        ),
        heated(
            "divided-in-half",
            "half in",
            "the logits are widened only after the division, which overflows in float16",
            HALF,
            "The largest number of float16 is 65,504.",
            "Widen first, then divide.",
        ),
        heated(
            "all-in-half",
            "half all",
            "half precision is never widened",
            HALF,
            "The text says what dtype comes out of float16.",
            "Turn the logits into float32 first.",
        ),
        heated(
            "minus-infinity-warms-up",
            "finite",
            "minus infinity is replaced by a finite number, and a token that can't come gets a "
            "chance when it is hot",
            "Look at a row with minus infinity at temperature 100,000.",
            "Is there a clamp or a nan_to_num in front of the division?",
            "The softmax copes with minus infinity; leave it.",
        ),
        heated(
            "at-least-a-hundredth",
            "clamped",
            "the temperature is clamped from below: 0 isn't quite 0, and the very cold is too warm",
            ZERO,
            "With the logits 1.00 and 1.01, is a clamped temperature cold enough?",
            "Treat 0 as a case of its own, and divide by all others as they are.",
        ),
        heated(
            "a-small-temperature-raised",
            "clamped at a millionth but at zero",
            "a tiny temperature is replaced by a larger one, or one is added to it: logits that "
            "are nearly equal share the chance, and the largest should have all of it",
            "With the logits 0 and 1e-9, what comes out at a temperature of 1e-37?",
            "A clamped temperature is a larger one, and so is one with a small number added.",
            "Treat 0 as a case of its own, and divide by all others as they are; the largest of "
            "the row taken off first, nothing becomes NaN.",
        ),
        heated(
            "a-small-temperature-and-0-raised",
            "clamped at a millionth",
            "a tiny temperature and 0 are replaced by a larger one: equal logits share the chance "
            "at 0, and nearly equal ones just above",
            "With the logits 0 and 1e-9, what comes out at a temperature of 1e-37?",
            "A clamped temperature is a larger one, and so is one with a small number added.",
            "Treat 0 as a case of its own, and divide by all others as they are; the largest of "
            "the row taken off first, nothing becomes NaN.",
        ),
        heated(
            "plain-division",
            "plain, wide",
            "this is right in between: temperature 0 divides by 0, and a small one makes quotients "
            "that are larger than any number",
            ZERO,
            "Two things go wrong, one at 0 and one just above. Mend 0 first: who is the largest?",
            "Then subtract each row's largest logit before you divide: the chances stay.",
        ),
        heated(
            "best-of-each-row-in-all-at-zero",
            "each in all rows",
            "at temperature 0 every row gets a 1 at the places of *all* rows' largest logits",
            "Try two rows at temperature 0. Does each add up to 1?",
            "`x[..., places] = 1` writes every place into every row.",
            "`scatter` along the last axis gives each row its own place; so does `one_hot`.",
        ),
        heated(
            "first-row-alone-at-zero",
            "first of all",
            "at temperature 0 the first row alone has a chance: the largest of *all* rows is "
            "asked for, and with each row's largest subtracted all of these are 0",
            "Try two rows at temperature 0. Does each add up to 1?",
            "`argmax` without an axis looks at all numbers as at one long row.",
            "Say dim=-1 in `argmax`.",
        ),
        heated(
            "one-for-all-rows-at-zero",
            "one for all",
            "at temperature 0 the largest logit of *all* rows gets the whole chance; each row has "
            "a largest one",
            "Try two rows at temperature 0. Does each add up to 1?",
            "`argmax` without an axis looks at all numbers as at one long row.",
            "Say dim=-1 in `argmax`.",
        ),
    ],
    hints=(
        "Call it with the logits 1, 2, 3 at temperatures 0, 0.1, 1 and 100, and print the sums.",
        "Go through the points of the text: which of 0, very small, minus infinity and half "
        "precision did you try?",
        "Widen; treat 0 on its own; subtract the row's largest; divide; softmax along the last "
        "axis.",
    ),
    allows=Edges(
        dtypes=("float16", "bfloat16", "float64"),
        axes=(1, 2, 4),
        sizes=(1, 1000),
        special=("-inf", "huge"),
        labels=("temperature 0", "ties", "nearly frozen", "nearly equal", "very hot"),
    ),
    also_right=[by_the_library, right_probabilities, by_exponents, by_rows],
    properties=("finite", "not-negative"),
    bans=("probabilities", "Categorical"),
    axes="batch vocab",
)


# --- 11.top-k -------------------------------------------------------------------------------


def top_k_cases(generator):
    def logits(*shape):
        return 2 * normal(generator, *shape)

    def apart(x):
        """Above 0 and below in every row, so that a logit of 0 is neither best nor worst."""
        return x - x.mean(dim=-1, keepdim=True)

    def with_ties():
        x = torch.tensor([[5, 3, 3, 3, 1, 0, -1], [2, 4, 2, 0, 2, 6, -3], [1, 1, 1, 1, 1, 1, 1.0]])
        return x[:, torch.randperm(7, generator=generator)]

    def with_holes(keep):
        x = logits(3, 7)
        return x.masked_fill(torch.rand(3, 7, generator=generator).argsort(-1) >= keep, -math.inf)

    def below_zero():
        return -logits(2, 6).abs() - 1

    def with_unequal_holes():
        """Rows in which 1, 2 and 5 tokens can come."""
        places = torch.rand(3, 7, generator=generator).argsort(dim=-1)
        return logits(3, 7).masked_fill(places >= torch.tensor([[1], [2], [5]]), -math.inf)

    def nearly_equal():
        return 3 + 1e-5 * torch.rand(2, 7, generator=generator).argsort(dim=-1)

    def with_a_zero():
        """Rows whose second largest is 0: a logit like any other."""
        x = torch.tensor([[1.5, 0.0, -0.7, -1.2, -2.6, -3.1]]).expand(3, 6)
        return x.gather(-1, torch.rand(3, 6, generator=generator).argsort(dim=-1))

    def zeros_at_the_border():
        x = torch.tensor([[2.0, 1, 0, 0, -1, -2], [3, 0, 0, 0, -4, -5]])
        return x[:, torch.randperm(6, generator=generator)]

    tried = partial(case, exact=True)
    return [
        tried("three of eight", apart(logits(4, 8)), 3),
        tried("all below zero", below_zero(), 2),
        tried("one of five", apart(logits(3, 5)), 1),
        tried("no axes in front", apart(logits(6)), 2),
        in_front(tried("many", apart(logits(2, 5)), 3), 2, 3),
        tried("as many as there are", logits(2, 5), 5),
        tried("more than there are", logits(3, 4), 9),
        tried("one more than there are", logits(2, 6), 7),
        tried("ties at the border", with_ties(), 3),
        tried("ties for the first place", with_ties(), 1),
        tried("some can't come", with_holes(5), 3),
        tried("fewer than k can come", with_holes(2), 4),
        tried("fewer than k can come in some rows", with_unequal_holes(), 3),
        tried("nearly equal", nearly_equal(), 3),
        tried("more than there are, some can't come", with_holes(4), 11),
        tried("a single token", logits(2, 1), 1),
        tried("a thousand tokens", logits(1000), 40),
        in_dtype(tried("half", logits(2, 6), 2), torch.float16),
        in_dtype(tried("half", logits(3, 5), 2), torch.bfloat16),
        in_dtype(tried("double", logits(2, 5), 3), torch.float64),
        tried("a logit of 0 among the largest", with_a_zero(), 3),
        tried("zeros at the border, ties", zeros_at_the_border(), 3),
    ]


def right_top_k(logits, k):
    kth = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]
    return torch.where(logits >= kth, logits, -math.inf)


def wrong_top_k(logits, k, *, slip):
    vocab = logits.shape[-1]
    fits = min(k, vocab)
    order = logits.argsort(dim=-1, descending=True, stable=True)
    first = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order[..., :fits], True)
    kth = logits.gather(-1, order[..., fits - 1 : fits])
    stays = logits >= kth
    by_topk = torch.zeros_like(stays).scatter(-1, logits.topk(fits, dim=-1).indices, True)

    def out(kept, rest=-math.inf):
        return torch.where(kept, logits, rest)

    def among_all():
        flat = logits.flatten()
        return out(logits >= flat.topk(min(k, len(flat))).values[-1])

    def of_first_row():
        return out(logits >= logits.reshape(-1, vocab)[0].topk(fits).values[-1])

    def different():
        rows = [row.unique() for row in logits.reshape(-1, vocab)]
        borders = torch.stack([row[-min(k, len(row))] for row in rows])
        return out(logits >= borders.view(*logits.shape[:-1], 1))

    def in_place():
        logits[~stays] = -math.inf
        return logits

    def below(limit):
        return logits.gather(-1, order[..., limit - 1 : limit])

    return {
        "stub": lambda: logits * torch.zeros_like(logits).scatter(-1, logits.topk(k).indices, 1.0),
        "stub, k": lambda: logits * by_topk,
        "times": lambda: logits * stays,
        "times, no min": lambda: logits * (logits >= logits.topk(k, dim=-1).values[..., -1:]),
        "zero": lambda: out(stays, 0.0),
        "zero, cut": lambda: out(by_topk, 0.0),
        "no min": lambda: out(logits >= logits.topk(k, dim=-1).values[..., -1:]),
        "no min, sorted": lambda: out(logits >= logits.sort(dim=-1).values[..., -k, None]),
        "no min, cut": lambda: out(
            torch.zeros_like(stays).scatter(-1, logits.topk(k).indices, True)
        ),
        "cut": lambda: out(by_topk),
        "cut, stable": lambda: out(first),
        "nan": lambda: logits + (1.0 - by_topk.to(logits)) * -math.inf,
        "zeros go": lambda: (logits * by_topk).masked_fill(logits * by_topk == 0, -math.inf),
        "zeros go, ties": lambda: (logits * stays).masked_fill(logits * stays == 0, -math.inf),
        "zeros of where go": lambda: out(stays, 0.0).masked_fill(
            ~out(stays, 0.0).bool(), -math.inf
        ),
        "zeros of where go, cut": lambda: out(by_topk & (logits != 0)),
        "nan, sum": lambda: logits + ~stays * -math.inf,
        "nan, product": lambda: logits * by_topk + ~by_topk * -math.inf,
        "nan, numbers": lambda: logits * by_topk + (1 - by_topk.to(logits)) * -math.inf,
        "nan, numbers, ties": lambda: logits * stays + (1 - stays.to(logits)) * -math.inf,
        "nan, sum, numbers": lambda: logits + (1 - stays.to(logits)) * -math.inf,
        "last row's": lambda: out(logits >= logits.topk(fits, dim=-1).values[-1]),
        "rows, stops": lambda: out(logits >= logits.topk(fits, dim=0).values[-1:]),
        "lowest": lambda: out(logits >= kth.min()),
        "strict": lambda: out(logits > kth),
        "one fewer": lambda: out(logits > kth) if fits < 2 else out(logits >= below(fits - 1)),
        "one more": lambda: out(logits >= below(min(fits + 1, vocab))),
        "all": among_all,
        "first row": of_first_row,
        "smallest": lambda: out(logits <= logits.topk(fits, largest=False).values[..., -1:]),
        "chances": lambda: out(stays).softmax(dim=-1),
        "values": lambda: logits.topk(fits, dim=-1).values,
        "rows": lambda: (
            out(logits >= logits.topk(min(k, len(logits)), dim=0).values[-1:])
            if logits.numel()
            else logits
        ),
        "in place": in_place,
        "finite": lambda: logits.masked_fill(~stays, -1e4),
        "billion": lambda: out(stays, -1e9),
        "billion, filled": lambda: logits.masked_fill(~stays, -1e9),
        "no axis": lambda: logits.masked_fill(logits < kth.squeeze(-1), -math.inf),
        "max for min": lambda: out(
            logits >= logits.topk(max(k, vocab), dim=-1).values.amin(dim=-1, keepdim=True)
        ),
        "all, clipped": lambda: out(logits >= logits.flatten().topk(fits).values[-1]),
        "from below, or all": lambda: (
            out(logits >= logits.kthvalue(k, dim=-1, keepdim=True).values) if k < vocab else logits
        ),
        "lowest number": lambda: logits.masked_fill(~stays, torch.finfo(logits.dtype).min),
        "from below": lambda: out(logits >= logits.kthvalue(fits, dim=-1, keepdim=True).values),
        "rows clip": lambda: out(logits >= logits.topk(min(k, len(logits))).values[..., -1:]),
        "log chances": lambda: (logits.softmax(dim=-1) * stays).log(),
        "different": different,
        "nan, ties": lambda: logits * stays + ~stays * -math.inf,
        "mask": lambda: stays,
        "best only": lambda: out(logits >= logits.amax(dim=-1, keepdim=True)),
        "over nothing": lambda: out(stays) if k <= vocab else torch.full_like(logits, -math.inf),
        "sorted": lambda: logits.sort(dim=-1, descending=True).values.masked_fill(
            torch.arange(vocab) >= fits, -math.inf
        ),
    }[slip]()


def top_k_by_counting(logits, k):
    """Right: a token stays if fewer than k are larger."""
    larger = (logits[..., None, :] > logits[..., None]).sum(dim=-1)
    return logits.masked_fill(larger >= k, float("-inf"))


def top_k_by_sorting(logits, k):
    """Right: a row that is short stays whole."""
    if k >= logits.size(-1):
        return logits.clone()
    out = logits.clone()
    out[out < out.sort(-1, descending=True)[0][..., k - 1, None]] = float("-inf")
    return out


filtered = telling(wrong_top_k)
NO_ZERO = "Print the softmax of the logits -2, 0, -3. Which token is the likeliest?"
MORE = "Call it with k = 9 and four tokens."
TIES = "Call it with the logits 3, 2, 2, 1 and k = 2."

TOP_K = Exercise(
    id="11.top-k",
    title="A filter that lets everything through",
    kind="bug",
    points=2,
    name="keep_top_k",
    cases=top_k_cases,
    mistakes=[
        filtered(
            "as-it-was",
            "stub",
            "this is the code as it was handed to you: what goes gets a logit of 0, minus "
            "infinity becomes NaN, ties are cut, and a large k stops it",
            NO_ZERO,
            "A token goes when its logit is minus infinity; a product can't make that of it.",
            "Find the k-th largest, k at most the vocabulary, and fill what is smaller.",
        ),
        filtered(
            "only-k-mended",
            "stub, k",
            "a large k is mended; but what goes still gets a logit of 0, and minus infinity "
            "becomes NaN",
            NO_ZERO,
            "What is 0 times minus infinity?",
            "Fill what goes with minus infinity instead of multiplying.",
        ),
        filtered(
            "ties-and-k-mended",
            "times",
            "ties and a large k are mended; but what goes still gets a logit of 0, and minus "
            "infinity becomes NaN",
            NO_ZERO,
            "What is 0 times minus infinity?",
            "Fill what goes with minus infinity instead of multiplying.",
        ),
        filtered(
            "ties-mended",
            "times, no min",
            "ties are mended; but what goes still gets a logit of 0, and a large k stops it",
            NO_ZERO,
            MORE,
            "Take the smaller of k and the vocabulary; fill with minus infinity.",
        ),
        filtered(
            "zero-for-the-others",
            "zero",
            "what goes gets a logit of 0, which is a chance like any other",
            NO_ZERO,
            "Which logit has no chance at all?",
            "Fill with minus infinity.",
        ),
        filtered(
            "zero-and-ties-cut",
            "zero, cut",
            "what goes gets a logit of 0, and ties are cut",
            NO_ZERO,
            TIES,
            "Compare with the k-th largest, and fill with minus infinity.",
        ),
        filtered(
            "large-k-stops-it",
            "no min",
            "all is right until k is larger than the vocabulary: then your code stops",
            MORE,
            "topk can't return more than there are.",
            "Take the smaller of k and the size of the last axis.",
        ),
        filtered(
            "large-k-out-of-range",
            "no min, sorted",
            "all is right until k is larger than the vocabulary: there is no k-th place then",
            MORE,
            "A row of four has no ninth place.",
            "Take the smaller of k and the size of the last axis.",
        ),
        filtered(
            "large-k-and-ties",
            "no min, cut",
            "a k larger than the vocabulary stops your code, and ties are cut",
            MORE,
            TIES,
            "Take the smaller of k and the vocabulary, and compare with the k-th largest.",
        ),
        filtered(
            "ties-cut",
            "cut",
            "exactly k stay: of several that are as large as the k-th, some are thrown out by "
            "chance",
            TIES,
            "Places can't tell equals; values can.",
            "Keep whatever is at least as large as the k-th value.",
        ),
        filtered(
            "ties-cut-in-order",
            "cut, stable",
            "exactly k stay: of several that are as large as the k-th, only the first do",
            TIES,
            "Places can't tell equals; values can.",
            "Keep whatever is at least as large as the k-th value.",
        ),
        filtered(
            "zero-times-infinity",
            "nan",
            "0 times minus infinity is added to what should stay, and that is NaN",
            "Print `torch.tensor(0.0) * -math.inf`.",
            "A mask can't be multiplied by infinity.",
            "Choose with `where` or `masked_fill`.",
        ),
        filtered(
            "zero-times-infinity-with-ties",
            "nan, ties",
            "0 times minus infinity is added to what should stay, and that is NaN",
            "Print `0.0 * -math.inf`.",
            "A mask in a product can't choose minus infinity.",
            "Use masked_fill or torch.where.",
        ),
        filtered(
            "zeros-made-infinite",
            "zeros go",
            "the zeros of the product become minus infinity; what was minus infinity is NaN by "
            "then, and ties are cut",
            "What is 0 times minus infinity?",
            TIES,
            "Don't multiply: fill what is smaller than the k-th largest.",
        ),
        filtered(
            "zeros-made-infinite-with-ties",
            "zeros go, ties",
            "the zeros of the product become minus infinity, a logit of 0 that should stay among "
            "them; and what was minus infinity is NaN by then",
            "Call it with the logits 1, 0, -1 and k = 2.",
            "After the product nobody can tell a 0 that stays from one that goes.",
            "Fill where the mask says so, not where a number is 0.",
        ),
        filtered(
            "a-kept-zero-lost",
            "zeros of where go",
            "whatever is 0 becomes minus infinity: a logit of 0 that should stay goes, too",
            "Call it with the logits 1, 0, -1 and k = 2.",
            "What marks a token that goes must be no logit that a token may have.",
            "Fill with minus infinity where the mask says so, in one go.",
        ),
        filtered(
            "a-kept-zero-lost-and-ties-cut",
            "zeros of where go, cut",
            "whatever is 0 becomes minus infinity, a logit of 0 that should stay, too; and ties "
            "are cut",
            "Call it with the logits 1, 0, -1 and k = 2.",
            TIES,
            "Compare with the k-th largest, and fill with minus infinity where that is larger.",
        ),
        filtered(
            "zero-times-infinity-added",
            "nan, sum",
            "0 times minus infinity is added to what should stay, and that is NaN",
            "Print `torch.tensor(0.0) * -math.inf`.",
            "A product can't make minus infinity of a mask.",
            "Fill where the mask says so: `masked_fill` or `torch.where`.",
        ),
        filtered(
            "zero-times-infinity-behind-a-product",
            "nan, product",
            "0 times minus infinity is added to what should stay, and that is NaN; and ties are "
            "cut",
            "Print `torch.tensor(0.0) * -math.inf`.",
            "A product can't make minus infinity of a mask.",
            "Fill where the mask says so: `masked_fill` or `torch.where`.",
        ),
        filtered(
            "zero-times-infinity-as-numbers",
            "nan, numbers",
            "0 times minus infinity is added to what should stay, and that is NaN; and ties are "
            "cut",
            "Print `torch.tensor(0.0) * -math.inf`.",
            "A product can't make minus infinity of a mask, be it of True and False or of 1 and 0.",
            "Fill where the mask says so: `masked_fill` or `torch.where`.",
        ),
        filtered(
            "zero-times-infinity-as-numbers-with-ties",
            "nan, numbers, ties",
            "0 times minus infinity is added to what should stay, and that is NaN",
            "Print `torch.tensor(0.0) * -math.inf`.",
            "A product can't make minus infinity of a mask, be it of True and False or of 1 and 0.",
            "Fill where the mask says so: `masked_fill` or `torch.where`.",
        ),
        filtered(
            "zero-times-infinity-added-as-numbers",
            "nan, sum, numbers",
            "0 times minus infinity is added to what should stay, and that is NaN",
            "Print `torch.tensor(0.0) * -math.inf`.",
            "A product can't make minus infinity of a mask, be it of True and False or of 1 and 0.",
            "Fill where the mask says so: `masked_fill` or `torch.where`.",
        ),
        filtered(
            "border-of-the-last-row",
            "last row's",
            "`[-1]` takes the last *row* of the largest logits; the k-th stands at `[..., -1:]`",
            "Print the shape of your border for three rows and k = 2.",
            "Each row has its own k-th largest, and `[-1]` counts along the first axis.",
            "`.values[..., -1:]`.",
        ),
        filtered(
            "k-rows-asked-for",
            "rows, stops",
            "the k largest are looked for along the first axis, which may have fewer than k",
            "Which axis does your `topk` look along?",
            "The vocabulary is the last axis, whatever stands in front.",
            "`topk(k, dim=-1)`.",
        ),
        filtered(
            "lowest-border-for-all",
            "lowest",
            "all rows share one border, the lowest of theirs: some keep more than k",
            "Try two rows, one with large logits and one with small.",
            "Each row has its own k-th largest.",
            "Keep the axes in front: `[..., -1:]`.",
        ),
        filtered(
            "border-goes",
            "strict",
            "the k-th itself goes, and all that are as large: k - 1 stay, or fewer",
            "How many stay of 4, 3, 2, 1 with k = 2?",
            "The border belongs to those that stay.",
            "Of `>` and `>=`, which lets the k-th stay?",
        ),
        filtered(
            "one-fewer",
            "one fewer",
            "k - 1 tokens stay",
            "How many stay of 4, 3, 2, 1 with k = 2?",
            "At which place of a list of k does its last stand?",
            "Compare with the last of the k largest.",
        ),
        filtered(
            "one-more",
            "one more",
            "k + 1 tokens stay",
            "How many stay of 4, 3, 2, 1 with k = 2?",
            "Python counts from 0: at which place stands the k-th?",
            "Compare with the last of the k largest, place k - 1.",
        ),
        filtered(
            "k-of-all-rows",
            "all",
            "the k largest of all rows together stay, and some rows have nothing left",
            "Try two rows, one with large logits and one with small.",
            "Each row has its own k-th largest.",
            "Take topk along the last axis.",
        ),
        filtered(
            "border-of-the-first-row",
            "first row",
            "the first row's border is used for all rows",
            "Try two rows, one with large logits and one with small.",
            "What does your index of the border take from a batch?",
            "Keep the axes in front: `[..., -1:]`.",
        ),
        filtered(
            "smallest-stay",
            "smallest",
            "the k smallest stay",
            "Which stay of 4, 3, 2, 1 with k = 2?",
            "A large logit means: likely.",
            "Which end of the sorted row do you keep?",
        ),
        filtered(
            "chances-returned",
            "chances",
            "chances are returned, not logits",
            "Compare what stays with what came in.",
            "A filter hands logits on; the softmax comes later.",
            "Return the logits as they are, but for those that go.",
        ),
        filtered(
            "only-k-returned",
            "values",
            "only the k largest are returned, sorted: no one knows whose they are",
            "What shape does the text ask for?",
            "Each token keeps its place.",
            "Fill what goes, in a tensor of the shape of the logits.",
        ),
        filtered(
            "over-the-rows",
            "rows",
            "of each token the k largest rows stay: the filter runs along the wrong axis",
            "How many numbers stay in each row?",
            "Tokens are on the last axis.",
            "Say dim=-1.",
        ),
        filtered(
            "changed-in-place",
            "in place",
            "the result is right, but the logits that you were handed are changed, too",
            "Print the logits before and after the call.",
            "What stands on the left of your `=`?",
            "Work on a copy, or use `masked_fill` or `where`.",
        ),
        filtered(
            "finite-for-the-others",
            "finite",
            "what goes gets a large negative number, which is not minus infinity",
            "What does the text ask for what goes?",
            "A finite logit has a chance, once the temperature is high enough.",
            "Fill with -math.inf.",
        ),
        filtered(
            "lowest-number-for-the-others",
            "lowest number",
            "what goes gets the lowest number of its dtype, which is not minus infinity",
            "Print `torch.finfo(torch.float32).min`, and compare it with `-math.inf`.",
            "The text asks for minus infinity.",
            "Fill with -math.inf.",
        ),
        filtered(
            "log-chances-returned",
            "log chances",
            "logarithms of chances are returned; what stays should keep its logit",
            "Compare what stays with what came in.",
            "A filter hands logits on as they came; the softmax comes later.",
            "Fill what goes in the logits themselves.",
        ),
        filtered(
            "k-counted-from-below",
            "from below",
            "the border is the k-th *smallest*: `kthvalue` counts from below",
            "Print your border for the logits 1, 2, 3, 4 and k = 1.",
            "The k-th largest of n is the (n - k + 1)-th smallest.",
            "Take the last of `topk(k)`.",
        ),
        filtered(
            "k-clipped-to-the-rows",
            "rows clip",
            "k is cut to the number of rows, not to the size of the vocabulary",
            "Call it with two rows of six tokens and k = 3.",
            "`len` counts along the first axis.",
            "The vocabulary is `logits.shape[-1]`.",
        ),
        filtered(
            "k-different-values",
            "different",
            "the k largest *different* values stay: ties count once",
            "Call it with the logits 3, 3, 2, 1 and k = 2.",
            "Two tokens are the two largest, even if they are equal.",
            "Sort without `unique`; the k-th is the border.",
        ),
        filtered(
            "mask-returned",
            "mask",
            "a mask is returned, True and False, not logits",
            "Print the dtype of your result.",
            "You know who stays; now keep their logits.",
            "Use the mask in `where` or `masked_fill`.",
        ),
        filtered(
            "best-only",
            "best only",
            "only the largest of each row stays, whatever k is",
            "How many stay of 4, 3, 2, 1 with k = 3?",
            "Is your border the first of the k largest, or the last?",
            "Compare with the last of them.",
        ),
        filtered(
            "large-k-keeps-none",
            "over nothing",
            "nothing stays when k is larger than the vocabulary; all should",
            MORE,
            "With k = 4 and four tokens all stay. And with 5?",
            "Take the smaller of k and the vocabulary.",
        ),
        filtered(
            "sorted-returned",
            "sorted",
            "the logits come back sorted: no one knows whose they are",
            "Compare the places of what stays with where it came from.",
            "Each token keeps its place.",
            "Compare the unsorted logits with the k-th largest.",
        ),
        filtered(
            "a-billion-below",
            "billion",
            "what goes gets minus a billion, which is not minus infinity",
            "What does the text ask for what goes?",
            "A finite logit has a chance, once the temperature is high enough.",
            "Fill with -math.inf.",
        ),
        filtered(
            "a-billion-below-stops-half",
            "billion, filled",
            "what goes gets minus a billion, which is not minus infinity, and no number of float16",
            "What does the text ask for what goes?",
            "float16 ends at 65,504; infinity is there in every dtype.",
            "Fill with -math.inf.",
        ),
        filtered(
            "border-without-its-axis",
            "no axis",
            "the border of each row has lost its axis: it is compared with the columns",
            "Print the shapes of both sides of your comparison, for logits (2, 5).",
            "One number for each row must be (2, 1) to meet (2, 5).",
            "Take `[..., -1:]`, which keeps the axis, not `[..., -1]`.",
        ),
        filtered(
            "k-of-all-rows-clipped",
            "all, clipped",
            "the k largest of *all* rows together set the border",
            "Try two rows, one with small logits and one with large ones.",
            "Each row has a border of its own.",
            "Leave out `flatten`, and say dim=-1.",
        ),
        filtered(
            "kth-from-below-or-all",
            "from below, or all",
            "`kthvalue` counts from the smallest up: too many stay",
            "Call it with k = 1. How many stay?",
            "The k-th largest of V is the (V - k + 1)-th smallest.",
            "`topk` counts from the largest down.",
        ),
        filtered(
            "max-for-min",
            "max for min",
            "the larger of k and the vocabulary is taken: everything stays, or it stops",
            "Call it with 5 logits and k = 2. What is your k then?",
            "No more than there are: which of the two numbers is that?",
            "`min(k, logits.shape[-1])`.",
        ),
    ],
    hints=(
        "Call it with the logits -2, -1, -3 and k = 1, and take the softmax of what comes back.",
        "The text has five points: try ties, a large k and minus infinity one by one.",
        "Find the k-th largest value of each row, and fill what is smaller.",
    ),
    allows=Edges(
        dtypes=("float16", "bfloat16", "float64"),
        axes=(1, 2, 4),
        sizes=(1, 1000),
        special=("-inf",),
        labels=(
            "ties",
            "more than there are",
            "fewer than k",
            "a logit of 0",
            "zeros at the border",
        ),
    ),
    also_right=[picking.keep_top_k, right_top_k, top_k_by_counting, top_k_by_sorting],
    bans=("keep_top_k",),
    axes="batch vocab",
)


# --- 11.nucleus -----------------------------------------------------------------------------


def nucleus_cases(generator):
    def clear(shape, p, dtype, spread):
        """Logits whose border is no matter of rounding, nor between equals, nor next to it."""
        room = 2e-5 if shape[-1] > 99 else 1e-3
        while True:
            x = (spread * normal(generator, *shape)).to(dtype)
            chances, order = wide(x).double().softmax(dim=-1).sort(dim=-1, descending=True)
            sums = chances.cumsum(dim=-1)
            last = (sums < p).sum(dim=-1, keepdim=True).clamp(max=shape[-1] - 1)
            values = x.gather(-1, order)
            near = (last + torch.arange(-1, 3)).clamp(0, shape[-1] - 1)
            beside = values.gather(-1, near)
            tied = (beside[..., 1:] == beside[..., :-1]) & (near[..., 1:] > near[..., :-1])
            if ((sums - p).abs().amin() > room) and not tied.any():
                return x

    def tried(label, shape, p, dtype=torch.float32, spread=2.0):
        x = clear(shape, p, dtype, spread)
        return case(label, x, p, exact=True)

    def with_holes(p):
        shares = torch.tensor([2.0])
        while shares.cumsum(dim=-1).max() > 1:  # by rounding
            x = clear((3, 5), p, torch.float32, 1.5)
            shares = x.sort(dim=-1, descending=True).values.softmax(dim=-1)
        holes = torch.full((3, 3), -math.inf)
        order = torch.randperm(8, generator=generator)
        return torch.cat([x, holes], dim=1)[:, order]

    def with_a_tail():
        """Shares that sum to 1 exactly; and some that are too small even for float64."""
        x = torch.tensor([[0.0] * 2 + [-9] * 2, [0.0] * 4, [0.0] + [-9] * 3]) * 5
        x = torch.cat([x, -40 - 40 * torch.rand(3, 4, generator=generator)], dim=1)
        return x[:, torch.randperm(8, generator=generator)]

    def without_a_chance():
        """The same with a tail whose shares are 0 in float32: upwards, sums begin with zeros."""
        x = torch.tensor([[0.0] * 2 + [-150] * 4, [0.0] * 4 + [-150] * 2])
        x = x - (x < 0) * 20 * torch.rand(2, 6, generator=generator)
        return x[:, torch.randperm(6, generator=generator)]

    def without_a_tail():
        while True:
            x = normal(generator, 2, 6)
            shares = x.sort(dim=-1, descending=True).values.softmax(dim=-1)
            if shares.min() > 0.03 and shares.cumsum(dim=-1).max() <= 1:
                return x

    def with_a_sum_above_1():
        """Rows whose shares, rounded one by one, exceed 1 before what is unlikely comes."""
        while True:
            tail = -25 - 9 * torch.rand(2, 3, generator=generator)
            x = torch.cat([2 * normal(generator, 2, 6), tail], dim=1)
            x = x[:, torch.randperm(9, generator=generator)]
            down = x.sort(dim=-1, descending=True).values.softmax(dim=-1)
            other = x.softmax(dim=-1).sort(dim=-1, descending=True).values
            one, two = down.cumsum(dim=-1), other.cumsum(dim=-1)
            alike = ((one > 1) == (two > 1)).all() and ((one >= 1) == (two >= 1)).all()
            alike = alike and ((one - down >= 1) == (two - other >= 1)).all()
            if alike and (one > 1)[:, :-2].any():
                return x

    return [
        tried("most of the mass", (4, 7), 0.8),
        tried("half of the mass", (5, 6), 0.5),
        tried("no axes in front", (8,), 0.7),
        tried("many", (2, 3, 2, 5), 0.6),
        tried("the likeliest is enough", (3, 5), 0.05, spread=4.0),
        tried("nearly all", (3, 4), 0.97, spread=1.0),
        tried("sure and unsure", (4, 9), 0.9, spread=4.0),
        case("p is 0", 2 * normal(generator, 3, 7), 0.0, exact=True),
        case("p is 0, a whole number", 2 * normal(generator, 2, 4), 0, exact=True),
        case("p is 1", without_a_tail(), 1.0, exact=True),
        case("p is 1, some are very unlikely", with_a_tail(), 1.0, exact=True),
        case("p is 1, a whole number", with_a_tail(), 1, exact=True),
        case("p is 1, minus infinity", with_holes(0.5), 1.0, exact=True),
        case("p is 1, and rounded sums go above it", with_a_sum_above_1(), 1.0, exact=True),
        case("minus infinity", with_holes(0.75), 0.75, exact=True),
        case("a single token", normal(generator, 3, 1), 0.6, exact=True),
        case("p is 1, some have no chance in float32", without_a_chance(), 1.0, exact=True),
        tried("a thousand tokens", (1000,), 0.9),
        tried("half, a thousand tokens", (2, 1000), 0.7, torch.float16, 0.5),
        tried("half, a thousand tokens in bfloat16", (1, 1000), 0.7, torch.bfloat16, 0.5),
        # Each chance is 1 / 998 and would lose 1 in 400 by being rounded to bfloat16.
        tried("half, a thousand nearly alike", (1, 998), 0.55, torch.bfloat16, 2e-4),
        tried("half", (3, 5), 0.8, torch.float16),
        tried("half, bfloat16", (3, 6), 0.6, torch.bfloat16, 3.0),
        tried("double", (2, 6), 0.7, torch.float64),
    ]


def right_nucleus(logits, p):
    """From the tail up, as the library has it; at p = 1 what has no chance in float32 goes."""
    upwards, order = wide(logits).sort(dim=-1)
    goes = upwards.softmax(dim=-1).cumsum(dim=-1) <= 1 - p
    goes[..., -1] = False
    return logits.masked_fill(goes.gather(-1, order.argsort(dim=-1)), -math.inf)


def nucleus_from_the_tail(logits, p):
    """Right: the same, but for p = 1, where a chance that rounds to 0 stays, too."""
    return right_nucleus(logits, p) if p < 1 else logits.clone()


def nucleus_by_rows(logits, p):
    """Right: one token after the other, in each row."""
    out = torch.full_like(logits, -math.inf)
    rows = logits.reshape(-1, logits.shape[-1])
    for row, given in zip(out.view(-1, logits.shape[-1]), rows, strict=True):
        chances, mass = given.double().softmax(dim=-1), 0.0
        for i in chances.argsort(descending=True).tolist():
            row[i] = given[i]
            mass += float(chances[i])
            if mass >= p and p < 1:
                break
    return out


def nucleus_by_pairs(logits, p):
    """Right: a token stays if all that are likelier hold less than p."""
    chances = logits.double().softmax(dim=-1)
    likelier = chances[..., None, :] > chances[..., :, None]
    before = (likelier * chances[..., None, :]).sum(dim=-1)
    stays = (before < p) | (chances == chances.amax(dim=-1, keepdim=True)) | (p == 1)
    return torch.where(stays, logits, float("-inf"))


def wrong_nucleus(logits, p, *, slip="", tail="", half=False):
    x = logits if half else wide(logits)
    values, order = x.sort(dim=-1, descending=True)
    chances = values.softmax(dim=-1)
    sums = chances.cumsum(dim=-1)
    before = sums - chances
    first = torch.arange(logits.shape[-1]) == 0
    exact = p == 1 and not tail
    goes = (before >= p) & ~first
    if half:
        goes = (sums > p).roll(1, -1) & ~first
    if exact:
        goes = torch.zeros_like(goes)

    def out(gone, rest=-math.inf):
        placed = torch.zeros_like(gone).scatter(-1, order, gone)
        return logits.masked_fill(placed, rest)

    def border(gone):
        return out(goes if exact else gone)

    def upwards(gone):
        return logits.masked_fill(torch.zeros_like(gone).scatter(-1, up_order, gone), -math.inf)

    def among_all():
        flat = right_nucleus(logits.flatten(), p)
        return flat.view_as(logits) if p < 1 else logits

    def of_first_row():
        gone = goes.reshape(-1, logits.shape[-1])[0]
        rows = order.reshape(-1, logits.shape[-1])[0]
        return logits.masked_fill(torch.zeros_like(gone).scatter(-1, rows, gone), -math.inf)

    def count_of_first_row():
        return out(goes.reshape(-1, logits.shape[-1])[0].expand_as(goes))

    def in_place():
        logits[torch.zeros_like(goes).scatter(-1, order, goes)] = -math.inf
        return logits

    def rows():
        if logits.ndim < 2:
            return right_nucleus(logits, p) if p < 1 else logits
        down, places = wide(logits).softmax(dim=0).sort(dim=0, descending=True)
        gone = (down.cumsum(dim=0) - down >= p) & (torch.arange(len(logits)) > 0).view(
            -1, *[1] * (logits.ndim - 1)
        )
        return logits.masked_fill(torch.zeros_like(gone).scatter(0, places, gone), -math.inf)

    def in_half(parts):
        parts = parts.gather(-1, order)
        return border((parts.cumsum(dim=-1) - parts >= p) & ~first)

    def wrong_axis():
        down, places = wide(logits).softmax(dim=0).sort(dim=-1, descending=True)
        gone = (down.cumsum(dim=-1) - down >= p) & ~first & (p < 1)
        return logits.masked_fill(torch.zeros_like(gone).scatter(-1, places, gone), -math.inf)

    soft = wide(logits).softmax(dim=-1)
    best = soft.amax(dim=-1, keepdim=True)
    kept = torch.zeros_like(goes).scatter(-1, order, ~goes)
    up_order = x.sort(dim=-1).indices
    up_goes = goes.flip(-1)
    upward_sums = chances.flip(-1).cumsum(dim=-1)
    return {
        "crossing": lambda: border((sums > p) & ~first),
        "crossing, empty": lambda: border(sums > p),
        "empty at 0": lambda: border(before >= p),
        "above 1": lambda: out((sums > p).roll(1, -1) & ~first),
        "one more": lambda: border((before - chances.roll(1, -1) >= p) & (~first).roll(1) & ~first),
        "shifted, first": lambda: border(torch.cat([sums[..., :1] > p, sums[..., :-1] > p], -1)),
        "shifted, first, at 1": lambda: out(torch.cat([sums[..., :1] > p, sums[..., :-1] > p], -1)),
        "rolled, first": lambda: border((sums > p).roll(1, -1)),
        "rolled, first, at 1": lambda: out((sums > p).roll(1, -1)),
        "gathered up": lambda: logits.masked_fill(up_goes.gather(-1, up_order), -math.inf),
        "count of all": lambda: out((torch.arange(len(first)) > (sums < p).sum()).expand_as(goes)),
        "unsorted mask": lambda: logits.masked_fill(goes, -math.inf),
        "gathered": lambda: logits.masked_fill(goes.gather(-1, order), -math.inf),
        "sorted": lambda: logits.gather(-1, order).masked_fill(goes, -math.inf),
        "not sorted": lambda: logits.masked_fill(
            (soft.cumsum(dim=-1) - soft >= p) & ~first & (p < 1), -math.inf
        ),
        "upwards": lambda: upwards((upward_sums - chances.flip(-1) >= p) & ~first & (p < 1)),
        "rest": lambda: border((before >= 1 - p) & ~first),
        "floor": lambda: logits.masked_fill((soft < p) & (soft < best) & (p < 1), -math.inf),
        "rest floor": lambda: logits.masked_fill((soft < 1 - p) & (soft < best), -math.inf),
        "min p": lambda: logits.masked_fill((soft < p * best) & (p < 1), -math.inf),
        "no softmax": lambda: border((values.cumsum(dim=-1) - values >= p) & ~first),
        "all": among_all,
        "first row": of_first_row,
        "first count": count_of_first_row,
        "rows": rows,
        "zero": lambda: logits.masked_fill(~kept, 0.0),
        "finite": lambda: logits.masked_fill(~kept, -1e4),
        "billion": lambda: logits.where(kept, -1e9),
        "billion, filled": lambda: logits.masked_fill(~kept, -1e9),
        "zero times": lambda: logits * kept,
        "no chance": lambda: upwards((upward_sums <= 1 - p) & ~first.flip(0)),
        "sorted, empty at 0": lambda: logits.gather(-1, order).masked_fill(
            (before >= p) & (p < 1), -math.inf
        ),
        "sorted below 1, empty at 0": lambda: (
            logits.gather(-1, order).masked_fill(before >= p, -math.inf) if p < 1 else logits
        ),
        "floor, empty": lambda: logits.masked_fill(soft < p, -math.inf),
        "rest floor, empty": lambda: logits.masked_fill(soft < 1 - p, -math.inf),
        "chances": lambda: soft * kept / (soft * kept).sum(dim=-1, keepdim=True),
        "old chances": lambda: soft * kept,
        "wide": lambda: wide(logits).masked_fill(~kept, -math.inf),
        "mask": lambda: kept,
        "in place": in_place,
        "whole share": lambda: out(
            (torch.arange(len(first)) >= max(1, int(p * len(first)))).expand_as(goes)
        ),
        "softmax over rows": wrong_axis,
        "times, numbers": lambda: logits * kept + (1 - kept.to(logits)) * -math.inf,
        "times": lambda: logits * kept + ~kept * -math.inf,
        "sorted below 1": lambda: (
            logits.gather(-1, order).masked_fill(goes, -math.inf) if p < 1 else logits
        ),
        "half before": lambda: in_half(logits.softmax(dim=-1)),
        "half chances": lambda: in_half(logits.softmax(dim=-1).float()),
        "min p at 1": lambda: logits.masked_fill(soft < p * best, -math.inf),
        "not sorted, empty": lambda: logits.masked_fill(
            (soft.cumsum(dim=-1) - soft >= p) & (p < 1), -math.inf
        ),
        "normed": lambda: out(goes).log_softmax(dim=-1),
        "lowest": lambda: logits.masked_fill(~kept, torch.finfo(logits.dtype).min),
        "first row whole": lambda: border(
            (before >= p) & (torch.arange(len(logits)) > 0).view(-1, *[1] * (logits.ndim - 1))
        ),
        "share": lambda: out(
            (torch.arange(len(first)) >= max(1, round(p * len(first)))).expand_as(goes)
        ),
    }.get(slip, lambda: out(goes))()


def other_nucleus(logits, p, *, slip):
    """Mistakes that are not tried in pairs."""
    return wrong_nucleus(logits, p, slip=slip)


nuclear = telling(wrong_nucleus)
nuclear_alone = telling(other_nucleus)
tailed = telling(wrong_nucleus, "tail")
halved = telling(wrong_nucleus, "half")
FOUR = "Take chances 0.5, 0.3, 0.15 and 0.05 (their logarithms are logits) and p = 0.6."
MIXED = "Try it with logits that aren't sorted, and see who stays."
TWO = "Try two rows, one that is sure of a token and one that isn't."

NUCLEUS = Exercise(
    id="11.nucleus",
    title="As many as it takes",
    kind="code",
    points=3,
    name="keep_top_p",
    cases=nucleus_cases,
    mistakes=[
        nuclear(
            "crossing-token-goes",
            "crossing",
            "the token with which the set reaches `p` goes: the set holds less than p",
            FOUR,
            "0.5 alone is less than 0.6, so the second belongs to the set.",
            "A token goes when what comes *before* it holds p already.",
        ),
        nuclear(
            "crossing-token-goes-and-nothing-stays",
            "crossing, empty",
            "the token with which the set reaches `p` goes, even if it is the first: a row that is "
            "sure has nothing left",
            "Take chances 0.9 and 0.1 and p = 0.5. Who stays?",
            "0.9 alone is what reaches p.",
            "A token goes when what comes *before* it holds p already.",
        ),
        nuclear(
            "nothing-stays-at-0",
            "empty at 0",
            "with p = 0 nothing stays; the likeliest should",
            "Call it with p = 0, and take the softmax of what comes back.",
            "At least one token stays.",
            "Whatever the sums say, the first of the sorted row stays.",
        ),
        nuclear_alone(
            "shifted-without-its-first",
            "shifted, first",
            "the mask is shifted by one, but its first place keeps its own answer: where the "
            "likeliest alone reaches p, it goes",
            "Take chances 0.9 and 0.1 and p = 0.5. Who stays?",
            "A token goes when those *before* it hold more than p; before the first is nothing.",
            "Set the first of the sorted row to False behind the shift.",
        ),
        nuclear_alone(
            "shifted-without-its-first-lost-at-1",
            "shifted, first, at 1",
            "the mask is shifted by one, but its first place keeps its own answer: where the "
            "likeliest alone reaches p, it goes; and with p = 1 unlikely tokens go",
            "Take chances 0.9 and 0.1 and p = 0.5. Who stays?",
            "A token goes when those *before* it hold more than p; before the first is nothing.",
            "Set the first of the sorted row to False behind the shift.",
        ),
        nuclear_alone(
            "rolled-round",
            "rolled, first",
            "the mask is rolled by one, and its last place, which is True, comes round to the "
            "first: the likeliest goes",
            "Take chances 0.9 and 0.1 and p = 0.5. Who stays?",
            "A token goes when those *before* it hold more than p; before the first is nothing.",
            "Set the first of the sorted row to False behind the shift.",
        ),
        nuclear_alone(
            "rolled-round-lost-at-1",
            "rolled, first, at 1",
            "the mask is rolled by one, and its last place comes round to the first: the likeliest "
            "goes; and with p = 1 unlikely tokens go",
            "Take chances 0.9 and 0.1 and p = 0.5. Who stays?",
            "A token goes when those *before* it hold more than p; before the first is nothing.",
            "Set the first of the sorted row to False behind the shift.",
        ),
        nuclear_alone(
            "one-too-many",
            "one more",
            "one token more than needed stays: the border is shifted twice",
            FOUR,
            "0.5 and 0.3 are enough.",
            "Compare the sum *before* a token with p; then no shift is needed.",
        ),
        tailed(
            "tail-lost-at-1",
            "lost",
            "with p = 1 very unlikely tokens go, since the sum of the others has rounded to 1",
            "Print `torch.tensor([1.0, 1e-9]).cumsum(0)[0] >= 1`.",
            "With p = 1 every token stays, however unlikely.",
            "Treat p = 1 on its own, or sum up from the tail.",
        ),
        nuclear_alone(
            "tail-lost-above-1",
            "above 1",
            "with p = 1 very unlikely tokens go where the rounded sum of the others is a little "
            "above 1",
            "Draw a thousand rows, take softmax and `cumsum` of each, and print the largest sum.",
            "With p = 1 every token stays, whatever the sums say.",
            "Treat p = 1 on its own, or sum up from the tail.",
        ),
        halved(
            "summed-in-half",
            True,
            "chances are summed in half precision, and the border is where rounding puts it",
            "Sum 1,000 chances of 0.001 with `cumsum` in bfloat16.",
            "Widen before the softmax.",
            "Compute chances and sums of `logits.float()`, and return the logits as they came.",
        ),
        nuclear_alone(
            "summed-before-in-half",
            "half before",
            "chances are summed in half precision, and the border is where rounding puts it",
            "Sum 1,000 chances of 0.001 with `cumsum` in bfloat16.",
            "Widen before the softmax.",
            "Compute chances and sums of `logits.float()`, and return the logits as they came.",
        ),
        nuclear_alone(
            "softmax-in-half",
            "half chances",
            "the sums are widened, but the chances were rounded to half precision before",
            "Print `torch.zeros(998).bfloat16().softmax(0).float().sum()`.",
            "Widen before the softmax, not after it.",
            "Compute chances and sums of `logits.float()`, and return the logits as they came.",
        ),
        nuclear(
            "order-not-restored",
            "unsorted mask",
            "who goes is decided in sorted order and applied in unsorted order",
            MIXED,
            "Place 0 of the sorted row is the likeliest token, wherever that stood.",
            "`sort` also returns where each came from: scatter your mask back with it.",
        ),
        nuclear(
            "order-gathered",
            "gathered",
            "the order is undone in the wrong direction: gather instead of scatter",
            MIXED,
            "order[i] says where the i-th likeliest stood.",
            "scatter(-1, order, mask), or gather with order.argsort(-1).",
        ),
        nuclear(
            "sorted-returned",
            "sorted",
            "the logits come back sorted: no one knows whose they are",
            "Compare the places of what stays with where it came from.",
            "Each token keeps its place.",
            "Scatter the mask back, then fill the logits as they came.",
        ),
        nuclear_alone(
            "sorted-returned-below-1",
            "sorted below 1",
            "the logits come back sorted, unless p is 1: no one knows whose they are",
            "Compare the places of what stays with where it came from.",
            "Each token keeps its place.",
            "Scatter the mask back, then fill the logits as they came.",
        ),
        nuclear_alone(
            "zero-times-infinity",
            "times",
            "0 times minus infinity is added to what should stay, and that is NaN",
            "Print `0.0 * -math.inf`.",
            "A mask in a product can't choose minus infinity.",
            "Use masked_fill or torch.where.",
        ),
        nuclear_alone(
            "share-of-the-tokens-rounded-down",
            "whole share",
            "p says how many of the tokens stay, not how much chance they hold",
            TWO,
            "A row that is sure needs few tokens, one that isn't many.",
            "Sum up the chances from the likeliest down.",
        ),
        nuclear_alone(
            "first-row-stays",
            "first row whole",
            "the whole first row stays, not the first token of each row",
            TWO,
            "`[0]` counts along the first axis.",
            "The likeliest of each sorted row stands at `[..., 0]`.",
        ),
        nuclear_alone(
            "order-gathered-upwards",
            "gathered up",
            "the order is undone in the wrong direction: gather instead of scatter",
            MIXED,
            "order[i] says where the i-th of the sorted row stood.",
            "scatter(-1, order, mask), or gather with order.argsort(-1).",
        ),
        nuclear_alone(
            "count-of-all-rows",
            "count of all",
            "the tokens needed are counted over all rows together: every row keeps too many",
            TWO,
            "How many are needed differs from row to row.",
            "Don't cut with one number: make a mask of the shape of the logits.",
        ),
        nuclear_alone(
            "never-sorted",
            "not sorted",
            "the set is filled in the order of the vocabulary, not from the likeliest down",
            MIXED,
            "The *smallest* set that reaches p: which tokens does it take?",
            "Sort from the largest down before you sum.",
        ),
        nuclear_alone(
            "from-the-tail",
            "upwards",
            "the set is filled from the unlikeliest up",
            "Which end of the row stays?",
            "sort starts with the smallest, unless you say otherwise.",
            "Sort with descending=True.",
        ),
        nuclear_alone(
            "mass-of-the-rest",
            "rest",
            "the set reaches 1 - p, not p: or you sum from the tail and compare with p",
            "How many stay with p = 0.1, and how many with 0.9?",
            "A large p lets many in.",
            "Compare with p when you sum from the likeliest down.",
        ),
        nuclear_alone(
            "chance-above-p",
            "floor",
            "a token stays when its own chance is at least p",
            FOUR,
            "p is about chances together, not about a single one.",
            "Sort, sum up, and compare the sums with p.",
        ),
        nuclear_alone(
            "chance-above-the-rest",
            "rest floor",
            "a token stays when its own chance is at least 1 - p",
            FOUR,
            "p is about chances together, not about a single one.",
            "Sort, sum up, and compare the sums with p.",
        ),
        nuclear_alone(
            "share-of-the-likeliest",
            "min p",
            "a token stays when it is at least p times as likely as the likeliest: that is min-p",
            FOUR,
            "p is about chances together, not about how one compares with the best.",
            "Sort, sum up, and compare the sums with p.",
        ),
        nuclear_alone(
            "share-of-the-likeliest-at-1",
            "min p at 1",
            "a token stays when it is at least p times as likely as the likeliest: that is min-p",
            FOUR,
            "p is about chances together, not about how one compares with the best.",
            "Sort, sum up, and compare the sums with p.",
        ),
        nuclear_alone(
            "never-sorted-and-nothing-stays",
            "not sorted, empty",
            "the set is filled in the order of the vocabulary, not from the likeliest down, and "
            "with p = 0 nothing stays",
            MIXED,
            "The *smallest* set that reaches p: which tokens does it take?",
            "Sort first; the first of the sorted row stays whatever p is.",
        ),
        nuclear_alone(
            "logits-summed",
            "no softmax",
            "logits are summed, not chances",
            "Print your sums. Do they end at 1?",
            "p is a mass of probability.",
            "Take the softmax before cumsum.",
        ),
        nuclear_alone(
            "one-set-for-all",
            "all",
            "all rows together fill one set",
            TWO,
            "Each row has a set of its own.",
            "Softmax, sort and cumsum run along the last axis.",
        ),
        nuclear_alone(
            "set-of-the-first-row",
            "first row",
            "the first row's set is used for all rows",
            TWO,
            "Each row has a set of its own.",
            "Keep the axes in front in every step.",
        ),
        nuclear_alone(
            "count-of-the-first-row",
            "first count",
            "every row keeps as many tokens as the first one does",
            TWO,
            "How many are needed differs from row to row.",
            "Don't cut with one number: make a mask of the shape of the logits.",
        ),
        nuclear_alone(
            "softmax-over-the-rows",
            "softmax over rows",
            "the softmax runs over the rows, while the rest goes along the tokens",
            "Sum your chances along either axis.",
            "Tokens are on the last axis.",
            "Say dim=-1 in the softmax, too.",
        ),
        nuclear_alone(
            "zero-times-infinity-as-numbers",
            "times, numbers",
            "0 times minus infinity is added to what should stay, and that is NaN",
            "Print `torch.tensor(0.0) * -math.inf`.",
            "A product can't make minus infinity of a mask, be it of True and False or of 1 and 0.",
            "Fill where the mask says so: `masked_fill` or `torch.where`.",
        ),
        nuclear_alone(
            "over-the-rows",
            "rows",
            "for each token the set is filled with rows: the filter runs along the wrong axis",
            "Sum your chances along either axis.",
            "Tokens are on the last axis.",
            "Say dim=-1 in the softmax, the sort and the cumsum.",
        ),
        nuclear(
            "zero-for-the-others",
            "zero",
            "what goes gets a logit of 0, which is a chance like any other",
            "Take the softmax of your result. What are the chances of what should go?",
            "Which logit has no chance at all?",
            "Fill with minus infinity.",
        ),
        nuclear_alone(
            "finite-for-the-others",
            "finite",
            "what goes gets a large negative number, which is not minus infinity",
            "What does the text ask for what goes?",
            "A finite logit has a chance, once the temperature is high enough.",
            "Fill with -math.inf.",
        ),
        nuclear_alone(
            "lowest-number-for-the-others",
            "lowest",
            "what goes gets the lowest number of its dtype, which is not minus infinity",
            "Print `torch.finfo(torch.float32).min`, and compare it with `-math.inf`.",
            "The text asks for minus infinity.",
            "Fill with -math.inf.",
        ),
        nuclear_alone(
            "log-chances-returned",
            "normed",
            "logarithms of the new chances are returned; the tokens of the set should keep their "
            "logits",
            "Compare what stays with what came in.",
            "A filter hands logits on as they came; the softmax comes later.",
            "Fill what goes in the logits themselves.",
        ),
        nuclear_alone(
            "chances-returned",
            "chances",
            "chances are returned, not logits",
            "Compare what stays with what came in.",
            "A filter hands logits on; the softmax comes later.",
            "Fill what goes in the logits themselves.",
        ),
        nuclear_alone(
            "cut-chances-returned",
            "old chances",
            "the chances before the cut are returned, 0 for what goes",
            "Compare what stays with what came in.",
            "A filter hands logits on; the softmax comes later.",
            "Fill what goes in the logits themselves.",
        ),
        nuclear_alone(
            "half-widened",
            "wide",
            "half precision comes back as float32",
            "Print the dtype of your result for float16.",
            "Only the chances are computed in float32.",
            "Fill the logits that you were handed, not the widened ones.",
        ),
        nuclear_alone(
            "mask-returned",
            "mask",
            "a mask is returned, True and False, not logits",
            "Print the dtype of your result.",
            "You know who stays; now keep their logits.",
            "Use the mask in `where` or `masked_fill`.",
        ),
        nuclear(
            "changed-in-place",
            "in place",
            "the result is right, but the logits that you were handed are changed, too",
            "Print the logits before and after the call.",
            "What stands on the left of your `=`?",
            "Work on a copy, or use `masked_fill` or `where`.",
        ),
        nuclear_alone(
            "share-of-the-tokens",
            "share",
            "a share p of the *tokens* stays, the same number in every row",
            TWO,
            "p is a share of the mass, not of the vocabulary.",
            "Sum the sorted chances, and compare the sums with p.",
        ),
        nuclear_alone(
            "no-chance-goes-at-1",
            "no chance",
            "with p = 1 tokens go whose chance is too small for float32, and rounds to 0",
            "Take the logits 0 and -200, and p = 1. Who stays?",
            "From the tail up, a sum of zeros is not above 1 - p, which is 0.",
            "At p = 1 nothing goes: ask for it first.",
        ),
        nuclear_alone(
            "a-billion-below",
            "billion",
            "what goes gets minus a billion, which is not minus infinity",
            "What does the text ask for what goes?",
            "A finite logit has a chance, once the temperature is high enough.",
            "Fill with -math.inf.",
        ),
        nuclear_alone(
            "a-billion-below-stops-half",
            "billion, filled",
            "what goes gets minus a billion, which is not minus infinity, and no number of float16",
            "What does the text ask for what goes?",
            "float16 ends at 65,504; infinity is there in every dtype.",
            "Fill with -math.inf.",
        ),
        nuclear_alone(
            "times-a-mask",
            "zero times",
            "the logits are multiplied by a mask: 0 is a chance like any other, and 0 times minus "
            "infinity is `nan`",
            "Take the softmax of your result. What are the chances of what should go?",
            "Which logit has no chance at all?",
            "Fill with minus infinity: `masked_fill` or `where`.",
        ),
        nuclear_alone(
            "sorted-returned-nothing-at-0",
            "sorted, empty at 0",
            "the logits come back sorted: whose are they? And with p = 0 nothing stays",
            "Compare the places of what stays with where it came from.",
            "Each token keeps its place, and the likeliest always stays.",
            "Scatter the mask back, then fill the logits as they came.",
        ),
        nuclear_alone(
            "sorted-returned-below-1-nothing-at-0",
            "sorted below 1, empty at 0",
            "below p = 1 the logits come back sorted: no one knows whose they are; and with p = 0 "
            "nothing stays",
            "Compare the places of what stays with where it came from.",
            "Each token keeps its place, and the likeliest always stays.",
            "Scatter the mask back, then fill the logits as they came.",
        ),
        nuclear_alone(
            "each-chance-above-p",
            "floor, empty",
            "each token's own chance is compared with p; it is a sum that should reach p",
            FOUR,
            "Which tokens stay with chances of 0.3, 0.3, 0.2, 0.2, and p = 0.5?",
            "Sort, add up, and compare the sums with p.",
        ),
        nuclear_alone(
            "each-chance-above-the-rest",
            "rest floor, empty",
            "each token's own chance is compared with 1 - p; it is a sum that should reach p",
            FOUR,
            "Which tokens stay with ten chances of 0.1, and p = 0.5?",
            "Sort, add up, and compare the sums with p.",
        ),
    ],
    hints=(
        "Take chances 0.5, 0.3, 0.15 and 0.05 (their logarithms are logits), mix them, and try "
        "p = 0, 0.4, 0.6 and 1.",
        "Ask of each token what the likelier ones hold together. When does it go?",
        "Sort down; the sums before each token; a mask; back into the old order; fill.",
    ),
    allows=Edges(
        dtypes=("float16", "bfloat16", "float64"),
        axes=(1, 2, 4),
        sizes=(1, 1000),
        special=("-inf",),
        labels=("p is 0", "p is 1", "very unlikely", "half, a thousand"),
    ),
    also_right=[picking.keep_top_p, nucleus_from_the_tail, nucleus_by_rows, nucleus_by_pairs],
    bans=("keep_top_p",),
    axes="batch vocab",
)


# --- 11.repeats -----------------------------------------------------------------------------


def repeats_cases(generator, penalty):
    def tried(label, batch, vocab, seq, **named):
        logits = 2 * normal(generator, batch, vocab)
        ids = whole(generator, 0, vocab, batch, seq)
        if seq > 2:  # one token twice, the largest and the smallest of a row among the written
            ids[:, 1] = ids[:, 0]
        if seq > 3:
            ids[:, 2], ids[:, 3] = logits.argmax(dim=-1), logits.argmin(dim=-1)
            order = torch.randperm(seq, generator=generator)
            ids = ids[:, order]
        return case(label, logits, ids, **named)

    def with_holes(penalty):
        made = tried(f"minus infinity and zero, {penalty}", 3, 7, 5)
        logits, ids = made.calls[0].args
        logits[0, ids[0, 0]] = -math.inf
        logits[1, ids[1, 1]] = 0.0
        logits[2, ids[2, 2]] = -math.inf
        return case(made.label, logits, ids, penalty=penalty)

    def below_zero():
        logits = -normal(generator, 2, 6).abs() - 0.5
        return case("all below zero", logits, whole(generator, 0, 6, 2, 3), penalty=2.0)

    return [
        tried("as usual", 3, 8, 5),
        tried("as many rows as words", 4, 7, 4),
        tried("more words than there are", 2, 5, 11),
        tried("another penalty", 2, 7, 4, penalty=1.9),
        tried("a large penalty", 4, 6, 5, penalty=2.5),
        tried("a penalty of 1", 2, 5, 4, penalty=1.0),
        tried("a whole number", 3, 6, 5, penalty=2),
        tried("below 1 rewards", 2, 6, 4, penalty=0.6),
        tried("a single row", 1, 7, 3),
        tried("nothing written", 3, 5, 0),
        tried("a thousand words", 2, 1000, 9, penalty=1.5),
        below_zero(),
        with_holes(1.7),
        in_dtype(tried("double", 2, 7, 4), torch.float64),
        with_holes(0.6),
        with_holes(1.0),
    ]


def right_repeats(logits, ids, penalty):
    found = logits.gather(1, ids)
    return logits.scatter(1, ids, found * torch.where(found < 0, penalty, 1 / penalty).to(found))


def repeats_by_sets(logits, ids, penalty):
    """Right: each row's tokens as a set."""
    out = logits.clone()
    for i, row in enumerate(ids.tolist()):
        for token in set(row):
            out[i, token] = (
                out[i, token] / penalty if out[i, token] > 0 else out[i, token] * penalty
            )
    return out


def repeats_by_counting(logits, ids, penalty):
    """Right: who is there, counted."""
    count = F.one_hot(ids, logits.shape[1]).sum(dim=1)
    lower = logits.clamp(min=0) / penalty + logits.clamp(max=0) * penalty
    return torch.where(count > 0, lower, logits)


def wrong_repeats(logits, ids, penalty, *, slip):
    vocab = logits.shape[1]
    count = F.one_hot(ids, vocab).sum(dim=1)
    there = count > 0
    positive = logits > 0

    def out(lower, where=there):
        return torch.where(where, lower, logits)

    lower = torch.where(positive, logits / penalty, logits * penalty)
    power = torch.as_tensor(penalty, dtype=torch.float64) ** count.double()
    power = power.to(logits.dtype)
    last = torch.zeros_like(there)
    if ids.shape[1]:
        last = last.scatter(1, ids[:, -1:], True)
    first = there[:1].expand_as(there)
    soft = logits.softmax(dim=-1)

    def in_place():
        logits[there] = lower[there]
        return logits

    def by_rows():
        done = logits.clone()
        for row, written in zip(done, ids.tolist(), strict=True):
            for token in written:
                row[token] = row[token] / penalty if row[token] > 0 else row[token] * penalty
        return done

    def seen_before():
        done, seen = logits.clone(), set()
        for i, written in enumerate(ids.tolist()):
            new = sorted(set(written) - seen)
            done[i, new] = lower[i, new]
            seen |= set(written)
        return done

    def stub():
        done = logits.clone()
        for row, written in zip(done, ids.tolist(), strict=True):
            for token in written:
                row[token] = row[token] / penalty
        return done

    return {
        "stub": stub,
        "divides": lambda: out(logits / penalty),
        "multiplies": lambda: out(logits * penalty),
        "swapped": lambda: out(torch.where(positive, logits * penalty, logits / penalty)),
        "each time": by_rows,
        "in-place": in_place,
        "only twice": lambda: out(lower, count > 1),
        "only once": lambda: out(lower, count == 1),
        "last": lambda: out(lower, last),
        "not last": lambda: out(lower, F.one_hot(ids[:, :-1], vocab).sum(dim=1) > 0),
        "first row": lambda: out(lower, first),
        "any row": lambda: out(lower, there.any(dim=0, keepdim=True).expand_as(there)),
        "others": lambda: out(lower, ~there),
        "everything": lambda: lower,
        "subtracts": lambda: out(logits - penalty),
        "subtracts each": lambda: logits - penalty * count.to(logits.dtype),
        "forbidden": lambda: out(torch.full_like(logits, -math.inf)),
        "size": lambda: out(logits - logits.abs() * (penalty - 1)),
        "positive only": lambda: out(logits / penalty, there & positive),
        "negative only": lambda: out(logits * penalty, there & ~positive),
        "abs": lambda: out(logits.abs() / penalty),
        "chances": lambda: torch.where(there, soft / penalty, soft),
        "log chances": lambda: torch.where(
            there, logits.log_softmax(-1) * penalty, logits.log_softmax(-1)
        ),
        "lower only": lambda: torch.where(there, lower, torch.zeros_like(logits)),
        "fixed": lambda: out(torch.where(positive, logits / 3.0, logits * 3.0)),
        "usual": lambda: out(torch.where(positive, logits / 1.2, logits * 1.2)),
        "by its size": lambda: out(
            torch.where(positive, logits / penalty, logits - logits.abs() * (penalty - 1))
        ),
        "size over": lambda: out(logits - logits.abs() / penalty),
        "root": lambda: out(torch.where(positive, logits / penalty**0.5, logits * penalty**0.5)),
        "added": lambda: logits.scatter_add(1, ids, (lower - logits).gather(1, ids)),
        "first row done": lambda: torch.where(
            (torch.arange(len(logits)) == 0)[:, None] & there, lower, logits
        ),
        "chance divided": lambda: out(logits - math.log(penalty)),
        "smaller": lambda: out(torch.minimum(logits / penalty, logits * penalty)),
        "times": lambda: logits * ~there + there * lower,
        "seen in any row": seen_before,
        "no row": lambda: torch.where(
            (torch.arange(len(logits)) > 0)[:, None] & there, lower, logits
        ),
    }[slip]()


repeated = telling(wrong_repeats)
MINUS = "What does a penalty of 2 make of the logit -3? Is that less likely, or more?"
TWICE = "Write a token three times, and look at its logit."

REPEATS = Exercise(
    id="11.repeats",
    title="The cure that made it worse",
    kind="bug",
    points=2,
    name="penalize_repeats",
    cases=repeats_cases,
    choices={"penalty": (1.2, 1.1, 1.3, 1.5)},
    mistakes=[
        repeated(
            "as-it-was",
            "stub",
            "this is the code as it was handed to you: it divides negative logits, which makes "
            "them likelier, and lowers a token again each time it was written",
            MINUS,
            TWICE,
            "Divide where positive, multiply where negative, once for each token.",
        ),
        repeated(
            "divides-all",
            "divides",
            "each token is lowered once, but negative logits are divided, too: that rewards them",
            MINUS,
            "Dividing by more than 1 brings a number nearer to 0.",
            "Multiply where the logit is negative.",
        ),
        repeated(
            "multiplies-all",
            "multiplies",
            "positive logits are multiplied, which makes them likelier",
            "What does a penalty of 2 make of the logit 3?",
            "Multiplying by more than 1 takes a number away from 0.",
            "Divide where the logit is positive.",
        ),
        repeated(
            "the-wrong-way-round",
            "swapped",
            "positive logits are multiplied and negative ones divided: what was written becomes "
            "likelier",
            "What does a penalty of 2 make of the logits 3 and -3?",
            "Both should become smaller.",
            "Exchange the two.",
        ),
        repeated(
            "infinity-minus-infinity",
            "by its size",
            "a negative logit is lowered by a share of its size: minus infinity becomes NaN where "
            "the penalty is 1 or less",
            "Print `math.inf - math.inf` and `math.inf * 0.0`.",
            "What is minus infinity times 0.6, and what is your sum?",
            "Multiply a negative logit by the penalty, in one go.",
        ),
        repeated(
            "once-each-time",
            "each time",
            "the signs are right, but a token is lowered again each time it was written",
            TWICE,
            "A loop over the ids meets some tokens twice.",
            "Loop over a set, or make a mask of who is there.",
        ),
        repeated(
            "only-if-written-twice",
            "only twice",
            "a token that was written once isn't lowered",
            "Write a token once, and look at its logit.",
            "Once is enough.",
            "Lower what has a count above 0.",
        ),
        repeated(
            "only-if-written-once",
            "only once",
            "a token that was written several times isn't lowered",
            TWICE,
            "Once or several times, it is lowered once.",
            "Lower what has a count above 0.",
        ),
        repeated(
            "only-the-last",
            "last",
            "only the token that was written last is lowered",
            "Which of a row's ids do you look at?",
            "All that was written counts.",
            "Use all of `ids`, not ids[:, -1].",
        ),
        repeated(
            "all-but-the-last",
            "not last",
            "the token that was written last isn't lowered",
            "Which of a row's ids do you look at?",
            "All that was written counts, the last as well.",
            "Use all of `ids`.",
        ),
        repeated(
            "ids-of-the-first-row",
            "first row",
            "what the first row has written is lowered in every row",
            "Try two rows that have written different things.",
            "Each row is lowered where *it* has written.",
            "Scatter along the last axis, row by row.",
        ),
        repeated(
            "ids-of-all-rows",
            "any row",
            "what any row has written is lowered in every row: `logits[:, ids]` does that",
            "Try two rows that have written different things.",
            "Each row is lowered where *it* has written.",
            "gather and scatter keep rows apart.",
        ),
        repeated(
            "seen-in-a-row-before",
            "seen in any row",
            "what a row before has written isn't lowered any more: what your code has seen "
            "is kept from row to row",
            "Try two rows that have written the same token.",
            "Each row starts anew.",
            "Make a new set for each row.",
        ),
        repeated(
            "the-others",
            "others",
            "what was *not* written is lowered",
            "Which logits changed?",
            "Look at the condition of your `where`.",
            "Turn it round.",
        ),
        repeated(
            "everything",
            "everything",
            "all logits are lowered, written or not",
            "Which logits changed?",
            "Only what stands in the row's ids may change.",
            "Make a mask of who is there, and use it in `where`.",
        ),
        repeated(
            "subtracted",
            "subtracts",
            "the penalty is subtracted: that is another method (a presence penalty)",
            "What does a penalty of 1 do? It should do nothing.",
            "The text says a factor.",
            "Divide where positive, multiply where negative.",
        ),
        repeated(
            "subtracted-each-time",
            "subtracts each",
            "the penalty is subtracted each time a token was written: that is another method (a "
            "frequency penalty)",
            "What does a penalty of 1 do? It should do nothing.",
            "The text says a factor, and once.",
            "Divide where positive, multiply where negative, once for each token.",
        ),
        repeated(
            "forbidden",
            "forbidden",
            "what was written can't come again at all",
            "Could a text do without its second `the`?",
            "The logits become lower, not minus infinity.",
            "Divide where positive, multiply where negative.",
        ),
        repeated(
            "by-its-size",
            "size",
            "a share of its size is taken from each logit: positive ones aren't divided",
            "What does a penalty of 2 make of the logit 3?",
            "Half of 3, says the text.",
            "Divide where positive, multiply where negative.",
        ),
        repeated(
            "negative-left-alone",
            "positive only",
            "negative logits stay as they are",
            MINUS,
            "A token below zero can be written again, too.",
            "Multiply where the logit is negative.",
        ),
        repeated(
            "positive-left-alone",
            "negative only",
            "positive logits stay as they are",
            "What does a penalty of 2 make of the logit 3?",
            "The likeliest have positive logits.",
            "Divide where the logit is positive.",
        ),
        repeated(
            "lowered-again-by-the-same",
            "added",
            "a token is lowered again each time it was written: `scatter_add` adds them all up",
            TWICE,
            "What `scatter_add` gets twice for one place, it adds twice.",
            "Write the new logits with `scatter`, or make a mask of who is there.",
        ),
        repeated(
            "only-the-first-row",
            "first row done",
            "only the first row is lowered: your loop ends after it",
            "Try two rows.",
            "How far is your `return` indented?",
            "Return after the loop over the rows.",
        ),
        repeated(
            "chance-divided",
            "chance divided",
            "the logarithm of the penalty is subtracted, which divides the chance",
            "What does a penalty of 2 make of the logits 3 and -3?",
            "The text divides and multiplies the logit itself.",
            "logit / penalty above 0, logit * penalty below.",
        ),
        repeated(
            "smaller-of-both",
            "smaller",
            "the smaller of quotient and product is taken: a penalty below 1 should reward",
            "What should a penalty of 0.5 make of the logit 3, by the rule of the text?",
            "Below 1 the quotient is the larger one.",
            "Ask for the sign of the logit, not for what comes out smaller.",
        ),
        repeated(
            "zero-times-infinity",
            "times",
            "a mask is multiplied by minus infinity, and 0 times that is NaN",
            "Print `0.0 * -math.inf`.",
            "A mask in a product can't choose minus infinity.",
            "Use torch.where.",
        ),
        repeated(
            "sign-lost",
            "abs",
            "negative logits come back positive",
            MINUS,
            "What does `abs` do to a token that was unlikely?",
            "Multiply where the logit is negative, and keep its sign.",
        ),
        repeated(
            "chances-divided",
            "chances",
            "chances are divided and returned, not logits",
            "Compare what wasn't written with what came in.",
            "The function takes logits and returns logits.",
            "Leave the softmax to whoever draws.",
        ),
        repeated(
            "log-chances",
            "log chances",
            "log probabilities are returned, not logits",
            "Compare what wasn't written with what came in.",
            "All other logits stay.",
            "Work on the logits as they come.",
        ),
        repeated(
            "others-are-zero",
            "lower only",
            "what wasn't written becomes 0",
            "Compare what wasn't written with what came in.",
            "A product with a mask makes zeros; zero is a logit like any other.",
            "Choose with `where`: lowered or as it was.",
        ),
        repeated(
            "penalty-not-used",
            "fixed",
            "a factor of your own is used, whatever `penalty` is",
            "Call it with a penalty of 1. What changes?",
            "The factor is handed to your function.",
            "Divide and multiply by `penalty`.",
        ),
        repeated(
            "changed-in-place",
            "in-place",
            "the result is right, but the logits that you were handed are changed, too",
            "Print the logits before and after the call.",
            "What stands on the left of your `=`?",
            "Start from `logits.clone()`, or use `where` or `scatter`.",
        ),
        repeated(
            "first-row-left-out",
            "no row",
            "the first row is left as it was",
            "Try a batch of one row.",
            "Where does your loop start to count?",
            "Every row is treated alike.",
        ),
        repeated(
            "always-1.2",
            "usual",
            "1.2 is used for the penalty, whatever comes in",
            "Call it with a penalty of 1. What changes?",
            "The text's number is what a call gets that doesn't say.",
            "Divide and multiply by `penalty`.",
        ),
        repeated(
            "part-of-the-size-less",
            "size over",
            "the logit's size, divided by the penalty, is subtracted: with a penalty of 1 each "
            "positive logit becomes 0",
            "Call it with a penalty of 1. What changes?",
            "A positive logit is divided, a negative one multiplied; nothing is subtracted.",
            "Two cases: above 0 and below.",
        ),
    ],
    hints=(
        "Call it with the logits 3, -3, 1, 0, the ids 0, 0, 1 and a penalty of 2, and write down "
        "first what should come back.",
        "Ask of the text: which tokens, how often, and what happens on either side of zero?",
        "Make a mask of who is there; lower all by sign; choose between lowered and as it was.",
    ),
    allows=Edges(
        dtypes=("float64",),
        sizes=(0, 1, 1000),
        special=("-inf",),
        labels=("nothing written", "below 1", "penalty of 1", "minus infinity and zero"),
    ),
    also_right=[picking.penalize_repeats, right_repeats, repeats_by_sets, repeats_by_counting],
    bans=("penalize_repeats",),
    axes="batch vocab",
)


# --- 11.beam --------------------------------------------------------------------------------


class Scorer(nn.Module):
    """A small model for the beam search; it scores next tokens."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d_model)
        self.to_scores = nn.Linear(d_model, vocab_size)

    def score(self, ids):
        """ids (batch, seq) -> logits (batch, seq, vocab): at each position, for what comes next."""
        place = torch.arange(1, ids.shape[1] + 1)[:, None]  # (seq, 1)
        so_far = self.table(ids) * place.cos()  # (batch, seq, d_model)
        return self.to_scores(torch.tanh(so_far.cumsum(dim=1)))


class WrongBeam(Scorer):
    """The search with one step exchanged: `slip` names it; without one it is right.

    `cuts` holds how far apart what was kept and what wasn't were, in each decision of the last run.
    """

    def __init__(self, vocab_size, d_model, *, slip=""):
        super().__init__(vocab_size, d_model)
        self.slip, self.cuts = slip, []

    @torch.no_grad()
    def search(self, ids, end_id, num_beams, max_new, alpha):
        slip, self.cuts, finished = self.slip, [], []
        if slip.startswith("pool"):
            return self.pooled(ids, end_id, num_beams, max_new, alpha)
        wanted, num_beams = num_beams, self.width(num_beams)
        if slip == "clipped throughout":
            wanted = num_beams
        if slip == "end is 0":
            end_id = 0
        going = [([], 1.0 if slip == "product" else 0.0)]
        if slip == "copies":
            going = going * num_beams
        by_max = slip.endswith(", by max")
        kind = slip.removesuffix(", by max").removesuffix(", both")
        more = {"one more": 1, "one fewer": -1, "whole length": -len(ids)}
        rounds, length = max_new + more.get(kind, 0), 0
        if rounds < 1:
            return [([], 0.0 / len(going[0][0]) ** alpha)]  # nothing is new, and 0 is below
        for length in range(1, rounds + 1):
            found = self.candidates(ids, going, num_beams, length)
            self.note([total for _, total in found], num_beams)
            reach = self.reach(num_beams)
            if slip == "until full":
                others = [i for i, beam in enumerate(found) if beam[0][-1] != end_id]
                reach = [0, *others[:num_beams]][-1]
            ends = [beam for beam in found[:reach] if beam[0][-1] == end_id]
            if slip != "ends vanish":
                finished += [
                    (new, self.graded(total, length, max_new, alpha, ids)) for new, total in ends
                ]
            if slip == "stale ends" and len(finished) >= wanted:
                length -= 1  # what goes on is what this round began with
                break
            shrunk = max(num_beams - len(finished), 0) if slip == "shrinks" else num_beams
            going = self.go_on(found, end_id, shrunk, going)
            if slip.startswith("on the way"):
                going = [(new, total / length**alpha) for new, total in going]
            stop = {"first end": 1, "enough ends": wanted}.get(kind)
            if slip == "all end" and len(ends) == num_beams:
                going = []
            if slip == "hopeless, by max" and len(finished) >= wanted and going:
                best = max(score for _, score in finished)
                stop = 1 if best >= going[0][1] / length**alpha else None
            if stop and len(finished) >= stop:
                going = going if slip != kind else []
                break
            if not going:
                break
        enough = {"only if none": 1, "only if fewer": wanted, "unfinished": 0}.get(slip, math.inf)
        if slip == "goes on to the end":
            going = [beam for beam in going if beam[0][-1] != end_id]
        if len(finished) < enough:
            finished += self.at_last(going, max_new if by_max else length, max_new, alpha, ids)
        return self.chosen(finished, ids, end_id, wanted)

    def pooled(self, ids, end_id, num_beams, max_new, alpha):
        """What has finished stays among the beams, and is compared with what goes on."""
        pool = [([], 0.0)]
        for _ in range(max_new):
            ended = [beam for beam in pool if beam[0][-1:] == [end_id]]
            going = [beam for beam in pool if beam[0][-1:] != [end_id]]
            if going:
                pool = ended + self.candidates(ids, going, num_beams, 1)
            by_score = self.slip == "pool by scores"
            pool.sort(key=lambda x: -x[1] / (len(x[0]) ** alpha if by_score else 1))
            pool = pool[:num_beams]
        pool = [(new, total / len(new) ** alpha) for new, total in pool]
        return sorted(pool, key=lambda beam: -beam[1])

    def width(self, num_beams):
        vocab = self.table.num_embeddings
        if self.slip.startswith("clipped"):
            return min(num_beams, vocab)
        return 1 if self.slip == "greedy" else num_beams

    def reach(self, num_beams):
        if self.slip == "never ends":
            return 0
        return {"any end": 10**6, "twice": 2 * num_beams}.get(self.slip, num_beams)

    def candidates(self, ids, going, num_beams, length):
        """Every beginning with every token, and their sums, the best first."""
        slip = self.slip
        begin = ids.tolist()
        if slip == "new alone" and length > 1:
            begin = []
        if slip == "end of begin":
            begin = begin[-1:]
        beams = torch.tensor([begin + new for new, _ in going])
        newest = slip == "last token" or (slip == "last new token" and length > 1)
        seen = beams[:, -1:] if newest else beams
        logits = self.score(seen)[:, 0 if slip == "first place" else -1]
        logs = {
            "logits": lambda: logits,
            "rows": lambda: logits.log_softmax(dim=0),
            "flat": lambda: logits.flatten().log_softmax(dim=0).view_as(logits),
            "product": lambda: logits.softmax(dim=-1),
            "added": lambda: logits.softmax(dim=-1),
        }.get(slip, lambda: logits.log_softmax(dim=-1))()
        old = torch.tensor([total for _, total in going])[:, None]
        sums = old * logs if slip == "product" else logs + (0 if slip == "forgets" else old)
        if slip == "argmax of each" or (slip == "best of each" and length > 1):
            sums = sums.masked_fill(sums < sums.amax(dim=-1, keepdim=True), -math.inf)
        if slip.startswith("k of each") and num_beams < sums.shape[1]:
            sums = sums.masked_fill(sums < sums.topk(num_beams).values[:, -1:], -math.inf)
        most = {
            "too many": sums.numel() // num_beams,
            "twice too many": sums.numel() // 2 // num_beams,
            "k of each, too many": sums.shape[1] // num_beams,
        }.get(slip, 1)
        if not most:
            sums.flatten().topk(sums.numel() + 1)  # raises what it raises in an answer
        best, places = sums.flatten().sort(descending=slip != "lowest", stable=True)
        vocab, found = sums.shape[1], []
        for rank, (total, place) in enumerate(zip(best.tolist(), places.tolist(), strict=True)):
            parent, token = divmod(place, vocab)
            if slip == "parents lost":
                parent = rank % len(going)
            elif slip == "exchanged":
                token, parent = divmod(place, len(going))
            if total > -math.inf:
                found.append((going[parent][0] + [token], total))
        return found

    def go_on(self, found, end_id, num_beams, before):
        """Those that don't end; with a slip, behind the beginnings of other parents."""
        chosen = self.open(found, end_id, num_beams)
        if self.slip not in ("parents by rank", "parents when more"):
            return chosen
        if self.slip == "parents when more" and len(before) < len(chosen):
            before = [(new[:-1], total) for new, total in chosen]
        last = len(before) - 1
        return [
            (before[min(i, last)][0] + new[-1:], total) for i, (new, total) in enumerate(chosen)
        ]

    def open(self, found, end_id, num_beams):
        if self.slip in ("never ends", "goes on", "goes on to the end"):
            return found[:num_beams]
        if self.slip == "slots":
            return [beam for beam in found[:num_beams] if beam[0][-1] != end_id]
        open_ones = [beam for beam in found if beam[0][-1] != end_id]
        self.note([total for _, total in open_ones], num_beams)
        return open_ones[: 1 if self.slip == "one goes on" else num_beams]

    def graded(self, total, length, max_new, alpha, ids):
        return {
            "sum": lambda: total,
            "ends by sum": lambda: total,
            "mean": lambda: total / length,
            "multiplied": lambda: total * length**alpha,
            "alpha times": lambda: total / (1 + alpha * length),
            "bare alpha times": lambda: total / (alpha * length),
            "whole": lambda: total / (length + len(ids)) ** alpha,
            "without end": lambda: total / max(length - 1, 1) ** alpha,
            "wu": lambda: total / ((5 + length) / 6) ** alpha,
            "longest": lambda: total / max_new**alpha,
            "one longer": lambda: total / (length + 1) ** alpha,
            "exponent": lambda: total / alpha**length if alpha else total,
        }.get(self.slip, lambda: total / length**alpha)()

    def at_last(self, going, rounds, max_new, alpha, ids):
        if self.slip in ("unfair end", "on the way"):
            return going
        if self.slip in (
            "without end",
            "one longer",
            "ends by sum",
        ):  # only what ends is counted otherwise
            return [(new, total / rounds**alpha) for new, total in going]
        return [(new, self.graded(total, rounds, max_new, alpha, ids)) for new, total in going]

    def chosen(self, finished, ids, end_id, num_beams):
        slip = self.slip
        ranked = sorted(finished, key=lambda beam: beam[1], reverse=slip != "worst first")
        self.note([total for _, total in ranked], num_beams, order=True)
        if slip in ("as found", "by letters", "by letters, down"):
            ranked = finished if slip == "as found" else sorted(finished)
        if slip == "by letters, down":
            ranked.reverse()
        if slip == "best pair" and ranked:
            return ranked[0]
        if slip == "whole ids":
            ranked = [(ids.tolist() + new, total) for new, total in ranked]
        if slip == "no end":
            ranked = [([t for t in new if t != end_id], total) for new, total in ranked]
        if slip == "tensors":
            ranked = [(torch.tensor(new), total) for new, total in ranked]
        if slip == "tokens alone":
            ranked = [new for new, _ in ranked]
        if slip == "turned":
            ranked = [(total, new) for new, total in ranked]
        return ranked[: {"best only": 1, "all": 10**6}.get(slip, num_beams)]

    def note(self, totals, kept, order=False):
        """How near was the last that was kept to the first that wasn't?"""
        pairs = list(pairwise(totals))
        self.cuts += [a - b for a, b in (pairs[:kept] if order else pairs[kept - 1 : kept])]


class OneList(Scorer):
    """All candidates of a beginning are one list, to which every token is appended."""

    @torch.no_grad()
    def search(self, ids, end_id, num_beams, max_new, alpha):
        going, finished = [([], 0.0)], []
        for _ in range(max_new):
            found = []
            for new, total in going:
                logs = self.score(torch.tensor([ids.tolist() + new]))[0, -1].log_softmax(dim=-1)
                for token, log in enumerate(logs.tolist()):
                    new.append(token)
                    found.append((new, total + log))
            found.sort(key=lambda pair: pair[1], reverse=True)
            ends = [pair for pair in found[:num_beams] if pair[0][-1] == end_id]
            finished += [(new, total / len(new) ** alpha) for new, total in ends]
            going = [pair for pair in found if pair[0][-1] != end_id][:num_beams]
        finished += [(new, total / len(new) ** alpha) for new, total in going]
        return sorted(finished, key=lambda pair: pair[1], reverse=True)[:num_beams]


class LateBeam(WrongBeam):
    """Mistakes about what is compared at the end; the search itself is right."""

    @torch.no_grad()
    def search(self, ids, end_id, num_beams, max_new, alpha):
        late, self.slip = self.slip, "all"
        found = super().search(ids, end_id, num_beams, max_new, alpha)
        self.slip = late
        sums = [(new, score * len(new) ** alpha) for new, score in found]
        by = sorted(range(len(found)), key=lambda i: sums[i][1], reverse=True)
        if late == "ranked by sums":
            return [found[i] for i in by][:num_beams]
        if late == "sums returned":
            return sums[:num_beams]
        return [(new, math.exp(score)) for new, score in found][:num_beams]


class LibraryBeam(Scorer):
    """Right: the library's search, of one row."""

    @torch.no_grad()
    def search(self, ids, end_id, num_beams, max_new, alpha):
        how = {"num_beams": num_beams, "max_new_tokens": max_new, "early_stopping": "never"}
        penalty = partial(power_penalty, alpha=alpha)
        best = beam_search(self.score, ids[None], end_id=end_id, penalty=penalty, **how)
        rows = zip(best.ids[0, :, len(ids) :].tolist(), best.scores[0].tolist(), strict=True)
        return [
            (new[: new.index(end_id) + 1] if end_id in new else new, score)
            for new, score in rows
            if score > -math.inf
        ]


class TensorBeam(Scorer):
    """Right: beams as one tensor, parents by division, only what can matter is looked at."""

    @torch.no_grad()
    def search(self, ids, end_id, num_beams, max_new, alpha):
        beams, sums, done = ids[None], torch.zeros(1), []
        for length in range(1, max_new + 1):
            logs = torch.log_softmax(self.score(beams)[:, -1], dim=1)
            totals = (logs + sums[:, None]).reshape(-1)
            best, at = totals.topk(min(2 * num_beams, len(totals)))
            parent, token = at // logs.shape[1], at % logs.shape[1]
            grown = torch.cat([beams[parent], token[:, None]], dim=1)
            ends = token == end_id
            early = ends & (torch.arange(len(at)) < num_beams)
            done += zip(grown[early], best[early] / length**alpha, strict=True)
            beams, sums = grown[~ends][:num_beams], best[~ends][:num_beams]
        done += zip(beams, sums / max_new**alpha, strict=True)
        done.sort(key=lambda pair: -pair[1])
        return [(row[len(ids) :].tolist(), score.item()) for row, score in done[:num_beams]]


class OneByOneBeam(Scorer):
    """Right: beginnings are scored one at a time, and kept by their tokens."""

    @torch.no_grad()
    def search(self, ids, end_id, num_beams, max_new, alpha):
        going, scores = {(): 0.0}, {}
        for length in range(1, max_new + 1):
            tried = {}
            for new, total in going.items():
                row = torch.tensor([ids.tolist() + list(new)])
                logits = self.score(row)[0, -1]
                for token, log in enumerate((logits - logits.logsumexp(0)).tolist()):
                    tried[(*new, token)] = total + log
            order = sorted(tried, key=tried.get, reverse=True)
            scores |= {
                new: tried[new] / length**alpha for new in order[:num_beams] if new[-1] == end_id
            }
            order = [new for new in order if new[-1] != end_id]
            going = {new: tried[new] for new in order[:num_beams]}
        scores |= {new: total / max_new**alpha for new, total in going.items()}
        best = sorted(scores, key=scores.get, reverse=True)[:num_beams]
        return [[list(new), scores[new]] for new in best]


def beam_model(generator, vocab, width, end, end_bias):
    state = {
        "table.weight": 1.5 * normal(generator, vocab, width),
        "to_scores.weight": normal(generator, vocab, width),
        "to_scores.bias": 0.3 * normal(generator, vocab),
    }
    state["to_scores.bias"][end] += end_bias
    return state


POOLS = "pool / pool by scores"
EACH, LATE = "k of each / slots", "ends by sum / without end"
LOST = (
    "/ parents lost",
    "/ parents by rank",
    "parents lost / parents by rank",
    "/ parents when more",
)
HOPELESS = "hopeless, by max / enough ends, by max"


def beam_cases(generator):
    def tried(label, vocab, width, begin, num_beams, max_new, alpha, must=(), end_bias=0.0):
        """Draw small models until no decision is a near one and these slips show."""
        init = {"vocab_size": vocab, "d_model": width}
        while True:
            end = int(whole(generator, 0, vocab))
            state = beam_model(generator, vocab, width, end, end_bias)
            others = torch.tensor([i for i in range(vocab) if i != end])
            ids = others[whole(generator, 0, len(others), begin)]
            given = (ids, end, num_beams, max_new, alpha)
            model = WrongBeam(**init)
            model.load_state_dict(state)
            model.search(*given)
            if min(model.cuts, default=1.0) < 2e-3:
                continue
            if all(apart(state, init, pair.split("/"), given) for pair in must):
                return Case(label, [call(*given, method="search")], init=init, state=state)

    return [
        tried("some end early", 6, 4, 2, 3, 4, 1.0, ("/ first end", "/ goes on"), 1.0),
        tried("some end late", 5, 4, 3, 3, 5, 0.7, ("/ slots", "/ enough ends, both", LATE), 0.5),
        tried("one of two ends", 5, 4, 1, 2, 4, 0.6, ("slots / pool", "/ k of each"), 0.5),
        tried("one of two ends, again", 5, 4, 1, 2, 4, 0.6, (EACH,), 0.5),
        tried("the sum alone, alpha 0", 5, 4, 1, 2, 4, 0.0, ("any end / twice",)),
        tried("the sum alone, three beams", 5, 4, 1, 3, 4, 0.0, ("/ until full",), 1.0),
        tried(
            "long ones are favoured", 5, 4, 2, 2, 4, 1.6, ("/ sum", "/ unfinished", HOPELESS), 1.0
        ),
        tried("longer ones are favoured", 5, 4, 2, 2, 4, 2.0, (POOLS, "slots / pool by scores"), 1),
        tried("more beams than tokens", 3, 4, 2, 5, 3, 1.0, ("/ clipped",), 0.5),
        tried("a single beam", 6, 4, 2, 1, 4, 0.3, ("/ twice",)),
        tried("a single beam, long ones are favoured", 6, 4, 2, 1, 4, 1.5, ("/ all end",), 0.8),
        tried("nobody ends in time", 5, 4, 2, 3, 3, 1.0, (), -60.0),
        tried("only one token", 7, 3, 4, 3, 1, 1.0),
        tried("fewer continuations than beams", 3, 4, 1, 40, 2, 0.7),
        tried("a long beginning", 6, 4, 7, 2, 4, 1.0, LOST),
    ]


def apart(state, init, slips, given):
    """Do two slips (an empty one is none) lead to different tokens?"""
    found = []
    for slip in slips:
        model = WrongBeam(**init, slip=slip.strip())
        model.load_state_dict(state)
        found.append([new for new, _ in model.search(*given)])
    return found[0] != found[1]


searching = telling(WrongBeam)
late = telling(LateBeam)
SMALL = (
    "Print every round's candidates for three tokens and two beams, and go through them by hand."
)
LENGTH = "What is the score of three new tokens with the sum -6, with alpha 1? And with alpha 0?"

BEAM = Exercise(
    id="11.beam",
    title="Several beginnings at a time",
    kind="build",
    points=4,
    name="BeamWriter",
    cases=beam_cases,
    any_sequence=True,
    mistakes=[
        searching(
            "ends-are-not-seen",
            "never ends",
            "`end_id` is a token like any other to your search: what has ended goes on to the last "
            "round",
            "Look for `end_id` in the middle of your results.",
            "After its end a continuation is finished.",
            "Move what ends among the first num_beams to a list of its own.",
        ),
        searching(
            "finished-goes-on",
            "goes on",
            "what has finished is noted and continued as well",
            "Look for `end_id` in the middle of your results.",
            "What has finished is never continued.",
            "Only candidates that don't end go on.",
        ),
        searching(
            "finished-goes-on-to-the-end",
            "goes on to the end",
            "what has finished is noted, and continued as well: it takes a place from those that "
            "go on",
            "Print what goes on after a round in which one has finished.",
            "What has finished is never continued.",
            "Only candidates that don't end go on: the best num_beams of them.",
        ),
        searching(
            "end-is-always-0",
            "end is 0",
            "your search ends at token 0, whatever `end_id` is",
            "Call it with another end_id than 0.",
            "Which of the arguments doesn't occur in your code?",
            "Compare with end_id.",
        ),
        searching(
            "ends-vanish",
            "ends vanish",
            "what ends is neither continued nor noted: it is lost",
            "Does `end_id` occur anywhere in your results?",
            "What ends among the first num_beams has finished, and competes in the end.",
            "Append it to the finished ones, with its score.",
        ),
        searching(
            "slots-are-lost",
            "slots",
            "a beginning that ends takes its place with it: fewer and fewer go on",
            "Count how many go on after a round in which one has finished.",
            "The best num_beams *that don't end* go on.",
            "Fill up with the next best candidates that don't end.",
        ),
        searching(
            "finished-keep-their-places",
            "pool",
            "what has finished stays among the beams, takes a place in each round, and may be "
            "pushed out again",
            "Count how many go on after a round in which one has finished.",
            "What has finished is noted once and for all, on a list of its own; the best num_beams "
            "*that don't end* go on.",
            "Two lists: one of what goes on, one of what has finished.",
        ),
        searching(
            "finished-keep-their-places-by-score",
            "pool by scores",
            "what has finished stays among the beams, and all are ranked by score, not by sum, in "
            "each round",
            "Count how many go on after a round in which one has finished.",
            "Candidates are ranked by their sums; what has finished is noted once and for all.",
            "Two lists: one of what goes on, one of what has finished.",
        ),
        searching(
            "as-many-as-beams-of-each",
            "k of each",
            "of each beginning only the num_beams best candidates are looked at: one of them may "
            "be an end, and then one is missing",
            "With one beam whose best candidate is the end: what goes on?",
            "*All* candidates are ranked together.",
            "Look at one more of each, or at all.",
        ),
        searching(
            "any-end-counts",
            "any end",
            "every end is noted as finished, even those that are not among the first num_beams",
            "How many ends can one round have, in your search?",
            "An end has to be among the first num_beams of *all* candidates; others are dropped.",
            "Cut the ranking to num_beams before you look for ends.",
        ),
        searching(
            "ends-among-twice-as-many",
            "twice",
            "ends among the first 2 · num_beams are noted as finished",
            "Among how many candidates do you look for ends?",
            "Twice as many are looked at, so that enough go on; ends count among the first half "
            "only.",
            "An end has to be among the first num_beams.",
        ),
        searching(
            "ends-until-enough-go-on",
            "until full",
            "you go down the ranking until num_beams go on, and note every end on the way: some "
            "of them are not among the first num_beams",
            "With two beams, let the ranking be A, end, end, B. Which of the ends has finished?",
            "An end has to be among the first num_beams of *all* candidates; others are dropped.",
            "Keep going for those that go on, but note ends of the first num_beams only.",
        ),
        searching(
            "stops-when-all-ended",
            "all end",
            "the search stops when all of the first num_beams candidates end",
            "With one beam: its best candidate is the end. What goes on?",
            "The best num_beams that don't end go on, wherever they stand in the ranking.",
            "Don't leave the loop before max_new.",
        ),
        searching(
            "stops-at-the-first-end",
            "first end",
            "the search stops as soon as one has finished",
            "Could a beginning that still goes on be better in the end?",
            "Search on until `max_new` tokens are written, however many have finished.",
            "Don't leave the loop when something ends.",
        ),
        searching(
            "stops-at-the-first-end-and-scores",
            "first end, both",
            "the search stops as soon as one has finished, and scores what goes on as it is",
            "Could a beginning that still goes on be better in the end?",
            "Search on until `max_new` tokens are written, however many have finished.",
            "Don't leave the loop when something ends.",
        ),
        searching(
            "stops-when-enough-ended-and-scores",
            "enough ends, both",
            "the search stops when num_beams have finished, and scores what goes on as it is",
            "Could a beginning that still goes on be better in the end?",
            "Search on until `max_new` tokens are written, however many have finished.",
            "Don't leave the loop when enough have ended; the best are chosen at the end.",
        ),
        searching(
            "stops-when-enough-ended",
            "enough ends",
            "the search stops when num_beams have finished",
            "Could a beginning that still goes on be better in the end?",
            "Search on until `max_new` tokens are written, however many have finished.",
            "Don't leave the loop when enough have ended; the best are chosen at the end.",
        ),
        searching(
            "stops-when-enough-ended-by-max-new",
            "enough ends, by max",
            "the search stops when num_beams have finished, and divides what goes on as if it "
            "were max_new long",
            "Could a beginning that still goes on be better in the end?",
            "Search on until `max_new` tokens are written, however many have finished.",
            "Don't leave the loop when enough have ended; the best are chosen at the end.",
        ),
        searching(
            "stops-at-the-first-end-by-max-new",
            "first end, by max",
            "the search stops as soon as one has finished, and divides what goes on as if it "
            "were max_new long",
            "Could a beginning that still goes on be better in the end?",
            "Search on until `max_new` tokens are written, however many have finished.",
            "Don't leave the loop when something ends.",
        ),
        searching(
            "stops-when-hopeless",
            "hopeless, by max",
            "the search stops when num_beams have finished and the best that goes on has a lower "
            "score *now*: with more tokens its score may rise",
            "Sum -3 after 2 tokens, -3.1 after 4: what are the scores with alpha 1?",
            "Search on until `max_new` tokens are written, however many have finished.",
            "Don't leave the loop before; the best are chosen at the end.",
        ),
        searching(
            "fewer-and-fewer-go-on",
            "shrinks",
            "with each that has finished one fewer goes on",
            "Count how many go on after a round in which one has finished.",
            "num_beams go on in every round, however many have finished.",
            "Fill up to num_beams with the next best candidates that don't end.",
        ),
        searching(
            "unfinished-are-lost",
            "unfinished",
            "what still goes on after the last round is lost",
            "What do you return when nobody ends in time?",
            "What still goes on at `max_new` has finished, too.",
            "After the loop, add what goes on to the finished ones, with its score.",
        ),
        searching(
            "unfinished-only-if-nothing-ended",
            "only if none",
            "what still goes on after the last round counts only if nothing has finished",
            "How many results do you return when one has finished and two go on?",
            "What still goes on at `max_new` has finished, too.",
            "After the loop, add what goes on to the finished ones in any case.",
        ),
        searching(
            "unfinished-only-if-too-few-ended",
            "only if fewer",
            "what still goes on after the last round counts only if fewer than num_beams have "
            "finished",
            "Could a beginning that never ended have the best score of all?",
            "What still goes on at `max_new` has finished, too.",
            "After the loop, add what goes on to the finished ones in any case.",
        ),
        searching(
            "unfinished-without-penalty",
            "unfair end",
            "what still goes on after the last round is compared by its bare sum",
            LENGTH,
            "What still goes on gets its score like the others.",
            "Divide its sum by max_new ** alpha.",
        ),
        searching(
            "no-length-penalty",
            "sum",
            "the scores are bare sums, whatever alpha is",
            LENGTH,
            "A longer continuation has a lower sum, always.",
            "Divide by length ** alpha.",
        ),
        searching(
            "mean-always",
            "mean",
            "the scores are means, whatever alpha is",
            LENGTH,
            "Only alpha 1 gives the mean.",
            "Divide by length ** alpha.",
        ),
        searching(
            "penalty-multiplied",
            "multiplied",
            "the sums are multiplied by the power of the length: long ones are punished twice",
            LENGTH,
            "Sums are negative: what does a factor above 1 do to them?",
            "Divide by length ** alpha.",
        ),
        searching(
            "alpha-as-a-factor",
            "alpha times",
            "alpha multiplies the length; it is an exponent",
            LENGTH,
            "With alpha 0 the length must not matter, with alpha 1 the score is the mean.",
            "Divide by length ** alpha.",
        ),
        searching(
            "length-as-an-exponent",
            "exponent",
            "alpha is raised to the power of the length: base and exponent have changed places",
            LENGTH,
            "Which of the two stands on top in the text?",
            "Divide by length ** alpha.",
        ),
        searching(
            "beginning-in-the-length",
            "whole",
            "the length counts the beginning, too",
            "How long is a continuation of one token?",
            "The length counts the new tokens.",
            "Divide by the number of new tokens, to the power of alpha.",
        ),
        searching(
            "end-not-in-the-length",
            "without end",
            "the length doesn't count the end",
            "How long is a continuation that ends with its third token?",
            "The end is one of the new tokens, and its log probability is in the sum.",
            "Divide by the number of new tokens, the end among them.",
        ),
        searching(
            "alpha-times-the-length",
            "bare alpha times",
            "the sum is divided by alpha times the length, not by a power of the length",
            LENGTH,
            "With alpha 0 the score is the sum itself.",
            "In the text alpha is an exponent: `**`.",
        ),
        searching(
            "lowest-first",
            "lowest",
            "the candidates of each round are ranked from the lowest sum up",
            "Print the sums of one round's candidates, in your order. Which of them goes on?",
            "Log probabilities are negative: the likeliest is the one next to 0, the largest.",
            "Sort with `reverse=True`, or `descending=True`.",
        ),
        searching(
            "one-goes-on",
            "one goes on",
            "only one beginning goes on, however many num_beams asks for",
            "Print how many beginnings each round starts from.",
            "That is greedy, with notes of what might have ended.",
            "The best num_beams candidates that don't end go on.",
        ),
        searching(
            "tokens-without-scores",
            "tokens alone",
            "the tokens come back without their scores",
            "Print one entry of what you return. What are its parts?",
            "The text asks for pairs.",
            "`(tokens, score)` for each, the best first.",
        ),
        searching(
            "another-penalty",
            "wu",
            "the length penalty is that of Wu and others, with its five tokens more",
            LENGTH,
            "There are several length penalties.",
            "The text's is length ** alpha.",
        ),
        searching(
            "longest-for-all",
            "longest",
            "all are divided by the power of `max_new`, however short they are",
            "By what do you divide the sum of one that ended after two tokens?",
            "The length is that of the continuation.",
            "Score it when it ends, with its own length.",
        ),
        searching(
            "divided-on-the-way",
            "on the way",
            "the sums of what goes on are divided in every round, and then added to",
            LENGTH,
            "What goes on keeps its sum; a score is made once, when it finishes.",
            "Keep sums while you search, and divide in the end.",
        ),
        searching(
            "divided-on-the-way-and-in-the-end",
            "on the way, too",
            "the sums of what goes on are divided in every round, and once more in the end",
            LENGTH,
            "What goes on keeps its sum; a score is made once, when it finishes.",
            "Keep sums while you search, and divide in the end.",
        ),
        searching(
            "end-counted-twice",
            "one longer",
            "what ends is divided by a length that is one too large; what never ended is right",
            LENGTH,
            "The end is one of the new tokens, and counts once.",
            "Print len(tokens) beside the length by which you divide.",
        ),
        late(
            "ranked-by-sums",
            "ranked by sums",
            "the scores are right, but the ranking at the end goes by the sums",
            "Are the scores that you return in order?",
            "Sums of unequal lengths are no fair comparison.",
            "Divide first, then rank.",
        ),
        late(
            "sums-returned",
            "sums returned",
            "the ranking is right, but the sums are returned instead of the scores",
            "Are the scores that you return in order?",
            "The score is the sum divided by length ** alpha.",
            "Return what you rank by.",
        ),
        late(
            "exponentials-returned",
            "exp",
            "the scores are returned as exponentials",
            "Can a score be positive?",
            "A score is a sum of logarithms, divided.",
            "Return it as it is.",
        ),
        searching(
            "probabilities-multiplied",
            "product",
            "probabilities are multiplied, not their logarithms added",
            "Can a score be positive?",
            "For 100 tokens the product is smaller than any float32.",
            "Start with 0, and add log-softmax.",
        ),
        searching(
            "probabilities-added",
            "added",
            "probabilities are added; they are to be multiplied, or their logarithms added",
            "Can a sum grow when a token is added?",
            "The chance of two tokens is a product.",
            "Add log-softmax, not softmax.",
        ),
        searching(
            "no-log-softmax",
            "logits",
            "logits are added as they come: those of different beginnings can't be compared",
            "Can the sum of a continuation be above 0?",
            "A beginning with large logits all over isn't a likely one.",
            "Take log_softmax over the vocabulary first.",
        ),
        searching(
            "log-softmax-over-the-beams",
            "rows",
            "the log-softmax runs over the beams, not over the vocabulary",
            "Take the exponentials of your log probabilities, and sum them for one beam.",
            "The chances of all tokens sum to 1, for each beginning.",
            "Say dim=-1.",
        ),
        searching(
            "log-softmax-over-everything",
            "flat",
            "one log-softmax runs over all beams and tokens together",
            "Take the exponentials of your log probabilities, and sum them for one beam.",
            "The chances of all tokens sum to 1, for each beginning.",
            "Take the log-softmax along the vocabulary first; flatten when you rank.",
        ),
        searching(
            "only-the-last-probability",
            "forgets",
            "a candidate is ranked by its last token alone: the sum so far is forgotten",
            "Can a sum grow when a token is added?",
            "Each candidate inherits its parent's sum.",
            "Add the sums, one for each beam, to the log probabilities before you rank.",
        ),
        searching(
            "one-child-each",
            "best of each",
            "each beginning is continued by its best token only: this is greedy, several times",
            "Can two of your survivors have the same parent?",
            "All candidates of all beginnings are ranked together.",
            "Flatten (beams, vocab) before you rank.",
        ),
        searching(
            "one-child-each-from-the-start",
            "argmax of each",
            "each beginning is continued by its best token only: since you start with one, one is "
            "all that you ever have",
            "How many go on after your first round?",
            "Two of the survivors may have the same parent.",
            "Flatten (beams, vocab) before you rank.",
        ),
        searching(
            "greedy",
            "greedy",
            "a single beginning goes on, whatever num_beams is",
            "How many go on after the first round?",
            "The best num_beams that don't end go on.",
            "Cut the ranking to num_beams, not to 1.",
        ),
        searching(
            "parents-lost",
            "parents lost",
            "tokens are put behind the wrong beginnings: the i-th candidate behind the i-th beam",
            SMALL,
            "The place in the flattened ranking tells both parent and token.",
            "parent = place // vocab, token = place % vocab; take the parent's tokens along.",
        ),
        searching(
            "parents-by-rank",
            "parents by rank",
            "what has ended is right, but who goes on has lost its parent: the i-th survivor's "
            "token stands behind the i-th beginning",
            SMALL,
            "Two of the survivors may have the same parent.",
            "Take each survivor's own beginning along: `beams[parents[go]]`, or the pair that was "
            "ranked.",
        ),
        searching(
            "parents-by-rank-when-as-many",
            "parents when more",
            "who goes on has lost its parent, wherever there are no more survivors than "
            "beginnings: the i-th token stands behind the i-th beginning",
            SMALL,
            "Two of the survivors may have the same parent.",
            "Take each survivor's own beginning along in every round: `beams[parents[go]]`.",
        ),
        Mistake(
            "one-list-for-all",
            OneList,
            {},
            "all candidates of a beginning are one and the same list: `append` changes it, and "
            "each has the tokens of all",
            (
                "Print your candidates after the first round.",
                "A list in two places is still one list; `append` writes into it.",
                "Make a new list for each candidate: `tokens + [token]`.",
            ),
        ),
        searching(
            "parent-and-token-exchanged",
            "exchanged",
            "parent and token are read off the flattened ranking the wrong way round",
            SMALL,
            "A row of the ranking holds the whole vocabulary of one beginning.",
            "parent = place // vocab, token = place % vocab.",
        ),
        searching(
            "copies-at-the-start",
            "copies",
            "num_beams copies of the beginning start, and all of them do the same",
            "Print what goes on after the first round. Are two of them the same?",
            "Start with the beginning alone.",
            "One beam with sum 0 (or all others with minus infinity).",
        ),
        searching(
            "only-the-last-token-seen",
            "last token",
            "the model is handed the last token only",
            "What do you hand to `score`?",
            "The logits depend on everything written so far, the beginning included.",
            "Hand over the beginning and all new tokens in every round.",
        ),
        searching(
            "beginning-not-seen",
            "new alone",
            "after the first round the model is handed the new tokens alone",
            "What do you hand to `score` in the second round?",
            "The logits depend on everything written so far, the beginning included.",
            "Hand over the beginning and all new tokens in every round.",
        ),
        searching(
            "logits-of-the-first-position",
            "first place",
            "the logits are read at the first position",
            "`score` returns logits for every position. Which of them are new?",
            "What comes next stands at the last position.",
            "Index the axis of positions with -1.",
        ),
        searching(
            "more-than-there-are",
            "too many",
            "your code stops when num_beams is larger than the number of candidates, as in a first "
            "round",
            "Call it with three tokens and five beams.",
            "topk can't return more than there are.",
            "Take the smaller of num_beams and the number of candidates.",
        ),
        searching(
            "twice-as-many-than-there-are",
            "twice too many",
            "your code stops when 2 · num_beams is larger than the number of candidates, as in a "
            "first round",
            "Call it with three tokens and two beams.",
            "topk can't return more than there are.",
            "Take the smaller of 2 · num_beams and the number of candidates.",
        ),
        searching(
            "as-many-of-each-than-there-are",
            "k of each, too many",
            "of each beginning the num_beams best are looked at, which stops your code when there "
            "are fewer tokens than beams; and one of them may be an end, and then one is missing",
            "Call it with three tokens and five beams; and with one beam whose best is the end.",
            "*All* candidates are ranked together.",
            "Rank sums of the shape (beams, vocab) flat, and look at all.",
        ),
        searching(
            "never-more-than-the-vocabulary",
            "clipped",
            "never more go on than there are tokens in the vocabulary",
            "Call it with three tokens and five beams. How many go on after the second round?",
            "From the second round on there are more candidates than tokens.",
            "Take the smaller of num_beams and the number of *candidates*, in each round.",
        ),
        searching(
            "never-more-than-the-vocabulary-returned",
            "clipped throughout",
            "never more go on than there are tokens in the vocabulary, nor are more returned",
            "Call it with three tokens and five beams. How many results are there?",
            "From the second round on there are more candidates than tokens.",
            "Take the smaller of num_beams and the number of *candidates*, in each round.",
        ),
        searching(
            "one-round-too-many",
            "one more",
            "`max_new + 1` tokens are written",
            "Call it with max_new 1. How long are your results?",
            "Count the rounds of your loop.",
            "One token is written in each of max_new rounds.",
        ),
        searching(
            "one-round-too-few",
            "one fewer",
            "`max_new - 1` tokens are written",
            "Call it with max_new 1. How long are your results?",
            "Count the rounds of your loop.",
            "One token is written in each of max_new rounds.",
        ),
        searching(
            "one-round-too-few-by-max-new",
            "one fewer, by max",
            "`max_new - 1` tokens are written: `range(1, max_new)` stops before max_new",
            "Call it with max_new 1. How long are your results?",
            "Count the rounds of your loop.",
            "One token is written in each of max_new rounds.",
        ),
        searching(
            "one-round-too-many-by-max-new",
            "one more, by max",
            "`max_new + 1` tokens are written, and divided as if they were max_new",
            "Call it with max_new 1. How long are your results?",
            "Count the rounds of your loop.",
            "One token is written in each of max_new rounds.",
        ),
        searching(
            "worst-first",
            "worst first",
            "the finished ones are ranked from the worst up",
            "Print the scores that you return.",
            "A score of -1 is better than one of -2.",
            "Sort with reverse=True.",
        ),
        searching(
            "not-ranked",
            "as found",
            "the finished ones are returned in the order in which they ended",
            "Print the scores that you return.",
            "The best num_beams of all that finished, the best first.",
            "Sort by score before you cut.",
        ),
        searching(
            "ranked-by-tokens",
            "by letters",
            "the finished ones are sorted by their tokens: sorted() looks at the first of a pair",
            "Print the scores that you return.",
            "What does `sorted` compare first in a list of pairs?",
            "Give it key=lambda pair: pair[1].",
        ),
        searching(
            "ranked-by-tokens-down",
            "by letters, down",
            "the finished ones are sorted by their tokens: sort() looks at the first of a pair",
            "Print the scores that you return.",
            "What does `sort` compare first in a list of pairs?",
            "Give it key=lambda pair: pair[1].",
        ),
        searching(
            "only-the-best-pair",
            "best pair",
            "only the best is returned, and not in a list",
            "How many results does the text ask for?",
            "The num_beams best, or all if there are fewer: a list of pairs.",
            "Cut the ranking to num_beams.",
        ),
        searching(
            "only-the-best-returned",
            "best only",
            "only the best is returned",
            "How many results does the text ask for?",
            "The num_beams best, or all if there are fewer.",
            "Cut the ranking to num_beams.",
        ),
        searching(
            "all-returned",
            "all",
            "all that finished are returned",
            "How many results does the text ask for?",
            "The num_beams best, or all if there are fewer.",
            "Cut the ranking to num_beams.",
        ),
        searching(
            "beginning-returned",
            "whole ids",
            "the tokens that you return hold the beginning, too",
            "Compare the lengths of your results with max_new.",
            "The text asks for the new tokens.",
            "Cut the beginning off, or never put it in.",
        ),
        searching(
            "end-cut-off",
            "no end",
            "the end is cut off the tokens that you return",
            "Does `end_id` occur anywhere in your results?",
            "The end is one of the new tokens.",
            "Return it with the others.",
        ),
        searching(
            "tokens-as-tensors",
            "tensors",
            "the tokens of each result are a tensor, the text asks for a list",
            "Print the type of the first of a pair.",
            "Whole numbers in a list.",
            "Call .tolist() on them.",
        ),
        searching(
            "score-first",
            "turned",
            "each pair holds the score first and then the tokens",
            "Compare one of your pairs with the text.",
            "(tokens, score).",
            "Turn the pairs round before you return them.",
        ),
        searching(
            "enough-ends-from-the-round-before",
            "stale ends",
            "the search stops once num_beams have finished, in the middle of a round; the text "
            "goes on",
            SMALL,
            "What goes on may still beat what has finished, if long ones are favoured.",
            "Go on for max_new rounds, whatever has finished.",
        ),
        searching(
            "scores-the-newest-token-alone",
            "last new token",
            "from the second round on the model sees only the newest token, not what came before",
            "Print the shape of what you hand to `score`, round by round.",
            "The scores depend on everything written so far.",
            "Hand in the beginning and all new tokens.",
        ),
        searching(
            "beginning-cut-to-its-end",
            "end of begin",
            "of the beginning the model sees only the last token",
            "Print the shape of what you hand to `score`, round by round.",
            "The scores depend on everything written so far.",
            "Hand in the whole beginning and all new tokens.",
        ),
        searching(
            "length-of-the-whole",
            "whole length",
            "`max_new` counts the beginning, too: too few tokens are written, or none",
            "How many tokens do you write with a beginning of 3 and max_new of 4?",
            "The text counts what is new.",
            "max_new rounds, however long the beginning is.",
        ),
        searching(
            "ends-by-their-sums",
            "ends by sum",
            "what ends is compared by its bare sum, what goes on to the last round by its score",
            LENGTH,
            "All that has finished gets its score in the same way.",
            "Divide the sums of those that end, too.",
        ),
    ],
    hints=(
        SMALL,
        "In each round three things happen: all candidates are ranked, the ends among the first "
        "are noted, the others go on. Which of these did you check?",
        "Keep lists of (tokens, sum); rank beams × vocabulary flat; divide by length ** alpha when "
        "one finishes, and after the last round.",
    ),
    allows=Edges(
        sizes=(1, 40),
        labels=("alpha 0", "more beams", "single beam", "nobody ends", "fewer continuations"),
    ),
    also_right=[LibraryBeam, TensorBeam, OneByOneBeam],
    bans=("beam_search", "beam_steps"),
)


# --- 11.cached-attention --------------------------------------------------------------------


def cached_cases(generator):
    def draw(front, n, d_head, d_value, dtype=torch.float32):
        shapes = (d_head, d_head, d_value)
        return [(1.3 * normal(generator, *front, n, d)).to(dtype) for d in shapes]

    def steps(label, front, sizes, d_head, d_value, dtype=torch.float32, **terms):
        """Calls as in decoding: each is handed what the calls before should have kept."""
        whole_text = draw(front, sum(sizes), d_head, d_value, dtype)
        calls, old = [], 0
        for new in sizes:
            query, key, value = (x[..., old : old + new, :] for x in whole_text)
            past = tuple(x[..., :old, :].clone() for x in whole_text[1:])
            calls.append(call(query, key, value, past) if old else call(query, key, value))
            old += new
        return Case(label, calls, **terms)

    def one(label, front, old, new, d_head, d_value, dtype=torch.float32, **terms):
        whole_text = draw(front, old + new, d_head, d_value, dtype)
        query, key, value = (x[..., old:, :] for x in whole_text)
        past = tuple(x[..., :old, :].clone() for x in whole_text[1:])
        return case(label, query, key, value, past, **terms)

    def with_large_scores():
        """Scores of -200 or so in one text, of 200 in the other: exact, as they are whole."""
        query, key = (whole(generator, 5, 21, 2, n, 4).float() for n in (3, 6))
        value = normal(generator, 2, 6, 3)
        query[0] *= -1
        past = key[:, :3].clone(), value[:, :3].clone()
        return case("large scores", query, key[:, 3:], value[:, 3:], past)

    query, key, value = draw((2, 1), 1, 4, 3)
    return [
        steps("a beginning, then one by one", (2, 3), (5, 1, 1), 4, 6),
        steps("a beginning, then three at a time", (1, 2), (4, 3, 3), 5, 2),
        steps("one by one from the start", (2, 2), (1, 1, 1), 3, 4),
        steps("more new than old", (2, 1), (2, 5), 4, 3),
        one("an empty past", (2, 3), 0, 4, 5, 2),
        one("nothing past, a single token", (1, 2), 0, 1, 3, 4),
        case("past is None, by name", query, key, value, past=None),
        one("one new token", (3, 2), 6, 1, 4, 5),
        one("no axes in front", (), 3, 4, 5, 2),
        one("three axes in front", (2, 1, 3), 2, 3, 4, 5),
        one("a long past", (1, 1), 1000, 2, 3, 2),
        one("double", (1, 2), 4, 3, 5, 2, torch.float64),
        one("gradients", (2, 1), 3, 2, 4, 5, grad=True),
        with_large_scores(),
    ]


def cached_by_rows(query, key, value, past=None):
    """Right: each new token looks at what it may see, cut out."""
    old = 0
    if past is not None:
        old = past[0].shape[-2]
        key, value = torch.cat([past[0], key], dim=-2), torch.cat([past[1], value], dim=-2)
    rows = []
    for i in range(query.shape[-2]):
        keys, values = key[..., : old + i + 1, :], value[..., : old + i + 1, :]
        scores = torch.einsum("...d,...kd->...k", query[..., i, :], keys) * keys.shape[-1] ** -0.5
        rows.append(torch.einsum("...k,...kv->...v", scores.softmax(dim=-1), values))
    return torch.stack(rows, dim=-2), (key, value)


def cached_by_places(query, key, value, past=None):
    """Right: places are compared, and minus infinity is added."""
    keys = key if past is None else torch.cat((past[0], key), -2)
    values = value if past is None else torch.cat((past[1], value), -2)
    n, m = query.size(-2), keys.size(-2)
    place = torch.arange(m - n, m)[:, None]
    bias = torch.zeros(n, m, dtype=query.dtype)
    bias[torch.arange(m) > place] = float("-inf")
    scores = (query / math.sqrt(query.size(-1))) @ keys.mT + bias
    return [torch.softmax(scores, dim=-1) @ values, [keys, values]]


def wrong_cached(query, key, value, past=None, *, slip):
    empty = tuple(x[..., :0, :] for x in (key, value))
    old_keys, old_values = past if past is not None else empty
    old, new = old_keys.shape[-2], query.shape[-2]
    if slip == "in front":
        keys, values = torch.cat([key, old_keys], dim=-2), torch.cat([value, old_values], dim=-2)
    elif slip in ("overwritten", "no past"):
        keys, values = key, value
    elif slip == "last one":
        keys, values = (
            torch.cat([x[..., -1:, :], y], dim=-2)
            for x, y in ((old_keys, key), (old_values, value))
        )
    else:
        keys, values = torch.cat([old_keys, key], dim=-2), torch.cat([old_values, value], dim=-2)
    total = keys.shape[-2]
    ones = torch.ones(new, total, dtype=torch.bool)
    offset = total - new
    sees = {
        "top left": lambda: ones.tril(),
        "no mask": lambda: ones,
        "prefill only": lambda: ones if past is not None else ones.tril(),
        "top left if new": lambda: ones.tril() if new > 1 else ones,
        "first axis": lambda: ones.tril(len(old_keys) if past is not None else 0),
        "no mask at first": lambda: ones if past is None else ones.tril(offset),
        "one ahead": lambda: ones.tril(offset + 1),
        "not itself": lambda: ones.tril(offset - 1),
        "past hidden": lambda: ones.tril(offset) & (torch.arange(total) >= offset),
        "future": lambda: ones.triu(offset),
        "band": lambda: ones.tril(offset) & ones.triu(),
        "offset of new": lambda: ones.tril(new),
        "block in front": lambda: ones.tril() | (torch.arange(total) >= new),
        "one ahead with a past": lambda: ones.tril(offset + (past is not None)),
        "new hidden": lambda: (
            (torch.arange(total) < offset) & ones | ones.tril(offset).triu(offset)
        ),
    }.get(slip, lambda: ones.tril(offset))()
    scores = query @ keys.transpose(-2, -1)
    scale = {
        "no scale": 1.0,
        "twice": query.shape[-1],
        "value scale": value.shape[-1] ** 0.5,
        "total scale": total**0.5,
    }.get(slip, query.shape[-1] ** 0.5)
    scores = scores / scale
    if slip == "times":
        weights = (scores + ~sees * -math.inf).softmax(dim=-1)
    elif slip == "exp":
        weights = scores.exp() * sees
        weights = weights / weights.sum(dim=-1, keepdim=True)
    elif slip == "hundred":
        weights = scores.masked_fill(~sees, -100.0).softmax(dim=-1)
    elif slip == "zeros":
        weights = scores.masked_fill(~sees, 0.0).softmax(dim=-1)
    elif slip == "after":
        weights = scores.softmax(dim=-1).masked_fill(~sees, 0.0)
    else:
        weights = scores.masked_fill(~sees, -math.inf)
        weights = weights.softmax(dim=-2 if slip == "over queries" else -1)
    output = weights @ values
    if slip == "last output":
        output = output[..., -1:, :]
    if slip == "all at once":
        return output, torch.cat([keys, values], dim=-1)
    kept = {
        "not grown": (old_keys, old_values),
        "new only": (key, value),
        "swapped": (values, keys),
        "scaled kept": (keys / query.shape[-1] ** 0.5, values),
        "values new only": (keys, value),
        "first of new": (keys[..., : old + 1, :], values[..., : old + 1, :]),
        "last of new": tuple(
            torch.cat([x[..., :old, :], x[..., -1:, :]], dim=-2) for x in (keys, values)
        ),
        "window": (keys[..., -max(old, 1) :, :], values[..., -max(old, 1) :, :]),
        "in front kept": (
            torch.cat([key, old_keys], dim=-2),
            torch.cat([value, old_values], dim=-2),
        ),
        "output kept": (keys, torch.cat([old_values, output], dim=-2))
        if slip == "output kept"
        else (),
    }.get(slip, (keys, values))
    if slip == "detached":
        kept = tuple(x.detach() for x in kept)
    if slip == "output only":
        return output
    if slip == "three":
        return output, *kept
    return output, kept


def overwriting_cached(query, key, value, past=None):
    """The new keys and values are written over the last of the past, in place."""
    new = key.shape[-2]
    if past is None or past[0].shape[-2] < new:
        return cached_by_places(query, key, value, past)
    keys, values = past
    with torch.no_grad():
        keys[..., -new:, :], values[..., -new:, :] = key, value
    scores = query @ keys.mT / query.shape[-1] ** 0.5
    return scores.softmax(dim=-1) @ values, (keys, values)


remembered = telling(wrong_cached)
OLD = "Call it with four old tokens and one new one. How many keys should the new one see?"
CHUNK = "Call it with four old tokens and three new ones, and print the mask: (3, 7)."
KEPT = "Print the shapes of what you return after a call with four tokens and then one with one."

CACHED = Exercise(
    id="11.cached-attention",
    title="Remember, don't read again",
    kind="code",
    points=3,
    name="cached_attention",
    cases=cached_cases,
    any_sequence=True,
    mistakes=[
        remembered(
            "mask-from-the-top-left",
            "top left",
            "query 0 sees key 0 alone: the mask begins at the top left, and the newest tokens see "
            "the oldest only",
            CHUNK,
            "Query 0 is the first *new* token: it stands behind all old ones.",
            "Shift the diagonal by the number of old tokens: tril(total - new).",
        ),
        remembered(
            "top-left-for-several",
            "top left if new",
            "a single new token sees all; but of several, query 0 sees key 0 alone",
            CHUNK,
            "Query 0 is the first *new* token: it stands behind all old ones.",
            "Shift the diagonal by the number of old tokens: tril(total - new).",
        ),
        remembered(
            "no-mask",
            "no mask",
            "new tokens see the new ones behind them",
            CHUNK,
            "Each new token sees all old ones, itself and the new ones *before* it.",
            "Hide what stands behind: tril, shifted by the number of old tokens.",
        ),
        remembered(
            "no-mask-with-a-past",
            "prefill only",
            "with a past nothing is hidden: of several new tokens the first sees the last",
            CHUNK,
            "Without a mask only a *single* new token is right.",
            "The same mask serves all calls: tril(total - new).",
        ),
        remembered(
            "old-counted-along-the-first-axis",
            "first axis",
            "the old tokens are counted with `len`, which counts along the first axis",
            "Print `len(torch.zeros(2, 3, 7, 4))`.",
            "Tokens are on the last axis but one.",
            "past[0].shape[-2] old tokens.",
        ),
        remembered(
            "no-mask-without-a-past",
            "no mask at first",
            "without a past nothing is hidden: the first of several tokens sees the last",
            "Call it with four tokens and no past, and print the mask.",
            "The beginning is written by the same rule: each sees itself and what stands before.",
            "The same mask serves all calls: tril(total - new).",
        ),
        remembered(
            "one-ahead",
            "one ahead",
            "the mask is off by one: each token sees the one behind it",
            CHUNK,
            "How many keys does the first of four tokens see, without a past?",
            "The diagonal is total - new, not one more.",
        ),
        remembered(
            "one-ahead-with-a-past",
            "one ahead with a past",
            "with a past the mask is off by one: each token sees the one behind it",
            CHUNK,
            "Query 0 sees all old ones and itself: how many keys is that?",
            "The diagonal is total - new, with a past and without.",
        ),
        remembered(
            "mask-over-the-old",
            "block in front",
            "the causal part of the mask lies over the *first* keys, which are the old ones; what "
            "is behind it is all seen",
            CHUNK,
            "The old keys come first, and the new ones behind them.",
            "Ones for the old keys in front, then the triangle: tril(total - new).",
        ),
        remembered(
            "not-itself",
            "not itself",
            "the mask is off by one: no token sees itself, and the very first sees nothing",
            CHUNK,
            "How many keys does the first of four tokens see, without a past?",
            "The diagonal is total - new, not one fewer.",
        ),
        remembered(
            "past-hidden",
            "past hidden",
            "the old tokens are kept, but hidden by the mask",
            OLD,
            "Each new token sees *all* old ones.",
            "Shift the diagonal by the number of old tokens, and hide nothing left of it.",
        ),
        remembered(
            "looks-ahead-only",
            "future",
            "each token sees itself and what stands behind it: the mask is turned round",
            CHUNK,
            "Of `tril` and `triu`, which keeps the past?",
            "Hide what stands behind a token, keep what stands before it.",
        ),
        remembered(
            "a-window",
            "band",
            "the second new token no longer sees the first old one, and so on: the mask is a band",
            CHUNK,
            "Each new token sees *all* old ones.",
            "Cut the mask on one side only.",
        ),
        remembered(
            "diagonal-of-the-new",
            "offset of new",
            "the diagonal is shifted by the number of new tokens, not of old ones",
            CHUNK,
            "Before the first new token stand all old ones: how many are they?",
            "Shift by total - new.",
        ),
        remembered(
            "new-ones-hidden",
            "new hidden",
            "each new token sees the old ones and itself, but not the new ones before it",
            CHUNK,
            "Among the new tokens it is causal attention as ever.",
            "tril, shifted by the number of old tokens, does all of it.",
        ),
        remembered(
            "past-not-used",
            "no past",
            "the past is not used at all: every call starts anew",
            OLD,
            "What does your function do with `past`?",
            "Put the old keys and values in front of the new ones first.",
        ),
        remembered(
            "new-in-front",
            "in front",
            "the new tokens are put in front of the old ones",
            KEPT,
            "In a text the new comes behind the old.",
            "torch.cat([old, new], dim=-2).",
        ),
        remembered(
            "last-of-the-past",
            "last one",
            "only the last of the old tokens is kept",
            KEPT,
            "Each new token sees *all* old ones.",
            "Put all of `past` in front.",
        ),
        remembered(
            "cache-not-grown",
            "not grown",
            "the output is right, but the memory comes back as it was, without the new tokens",
            KEPT,
            "What does the next call need to know of this one's tokens?",
            "Return old and new, joined.",
        ),
        remembered(
            "only-the-new-kept",
            "new only",
            "the output is right, but only the new keys and values are returned: the old are lost",
            KEPT,
            "What does the call after the next one need?",
            "Return old and new, joined.",
        ),
        remembered(
            "values-not-grown",
            "values new only",
            "the keys that you return have grown, the values have not",
            KEPT,
            "Keys and values belong together, one of each for a token.",
            "Return both joined.",
        ),
        remembered(
            "only-the-first-new-kept",
            "first of new",
            "of several new tokens only the first is kept",
            KEPT,
            "How many tokens longer should the memory be after a call with three?",
            "Join all of the new ones.",
        ),
        remembered(
            "only-the-last-new-kept",
            "last of new",
            "of several new tokens only the last is kept",
            KEPT,
            "How many tokens longer should the memory be after a call with three?",
            "Join all of the new ones.",
        ),
        remembered(
            "memory-doesn't-grow",
            "window",
            "the memory keeps its length: for each new token the oldest one is dropped",
            KEPT,
            "That is a sliding window, and nobody asked for one.",
            "Return old and new, joined.",
        ),
        remembered(
            "kept-in-front",
            "in front kept",
            "the output is right, but the memory that you return holds the new in front of the old",
            KEPT,
            "In a text the new comes behind the old.",
            "Return the very tensors that you attended to.",
        ),
        Mistake(
            "written-over-the-past",
            overwriting_cached,
            {},
            "the new keys and values are written over the last of the past, in place",
            (
                KEPT,
                "The past is someone else's, and all of it is needed again.",
                "Make longer tensors with torch.cat.",
            ),
        ),
        remembered(
            "keys-and-values-exchanged",
            "swapped",
            "the pair that you return holds the values first",
            KEPT,
            "The text says (keys, values).",
            "Turn the pair round.",
        ),
        remembered(
            "scaled-keys-kept",
            "scaled kept",
            "the output is right, but the keys are kept divided, and will be divided again",
            "Compare the first keys that you return with those that you were handed.",
            "The memory holds keys as they came.",
            "Divide the scores, not what you return.",
        ),
        remembered(
            "outputs-kept",
            "output kept",
            "outputs are kept in the place of values",
            "Compare the first values that you return with those that you were handed.",
            "What did the next tokens have to mix, without a memory?",
            "Keep the values as they came.",
        ),
        remembered(
            "detached",
            "detached",
            "the values are right, but no gradient flows through the memory that you return",
            "Is there a `detach`, `.data` or `no_grad` in your function?",
            "Nobody asked to cut the memory off from what it was made of.",
            "Return the joined tensors as they are.",
        ),
        remembered(
            "no-scale",
            "no scale",
            "the scores are not divided by the square root of d_head",
            "Compare with chapter 02, for a single token without a past.",
            "Large scores make a spike of the softmax.",
            "Divide the scores by the root of the width of a query.",
        ),
        remembered(
            "scale-without-a-root",
            "twice",
            "the scores are divided by d_head, not by its square root",
            "Compare with chapter 02, for a single token without a past.",
            "By how much do you divide for a width of 4?",
            "Divide by the root of the width of a query.",
        ),
        remembered(
            "scale-of-the-values",
            "value scale",
            "the scores are divided by the root of the values' width",
            "Try keys and values of different widths.",
            "Scores are made of queries and keys.",
            "Divide by the root of the width of a query.",
        ),
        remembered(
            "scale-of-the-length",
            "total scale",
            "the scores are divided by the root of the number of keys",
            "Which axis of the keys do you take the length of?",
            "A sum of d_head products grows with d_head.",
            "Divide by the root of the width of a query.",
        ),
        remembered(
            "zero-for-hidden",
            "zeros",
            "hidden scores are set to 0, which is a score like any other",
            "What share does the softmax give a score of 0?",
            "A hidden key gets no share at all.",
            "Fill with minus infinity before the softmax.",
        ),
        remembered(
            "zero-times-infinity",
            "times",
            "a mask is multiplied by minus infinity: 0 times that is NaN, everywhere",
            "Print `0.0 * -math.inf`.",
            "A mask in a product can't choose minus infinity.",
            "Use masked_fill or torch.where.",
        ),
        remembered(
            "minus-a-hundred-for-hidden",
            "hundred",
            "hidden scores are set to -100: where all others are lower still, hidden keys win",
            "Try queries and keys whose scores are all near -200.",
            "A hidden key gets no share at all, whatever the scores are.",
            "Fill with minus infinity before the softmax.",
        ),
        remembered(
            "exponentials-overflow",
            "exp",
            "the exponentials of large scores become infinite, or all 0, and their quotient NaN",
            "Print `torch.tensor([200.0, 100]).exp()`.",
            "Shares don't change when the same number is taken from all scores of a row.",
            "Use softmax, which takes the largest off before.",
        ),
        remembered(
            "hidden-after-the-softmax",
            "after",
            "keys are hidden after the softmax: the shares no longer sum to 1",
            "Print the sums of your weights.",
            "What is hidden may not take part in the softmax.",
            "Fill with minus infinity before the softmax.",
        ),
        remembered(
            "softmax-over-the-queries",
            "over queries",
            "the softmax runs over the queries",
            "Print the sums of your weights along both axes.",
            "Each query spreads one unit over the keys.",
            "Say dim=-1.",
        ),
        remembered(
            "only-the-last-output",
            "last output",
            "only the output of the last new token is returned",
            "How many outputs does the text ask for?",
            "A beginning of five tokens has five outputs.",
            "Return all of them.",
        ),
        remembered(
            "output-alone",
            "output only",
            "only the output is returned, not the memory",
            "Who keeps the keys and values until the next call?",
            "The text asks for a pair.",
            "Return output, (keys, values).",
        ),
        remembered(
            "three-results",
            "three",
            "three results are returned; the text asks for the output and a pair",
            "How many things stand behind your `return`?",
            "The next call gets your second result as `past`.",
            "Put brackets round keys and values.",
        ),
    ],
    hints=(
        "Compute seven tokens in one call, then four and three, and compare the outputs of the "
        "last three.",
        "Ask of the first new token, with four old ones: which keys does it see, and which row of "
        "the mask is that?",
        "Join old and new; a lower triangle shifted by the number of old tokens; softmax; return "
        "what you joined.",
    ),
    allows=Edges(
        dtypes=("float64",),
        axes=(2, 4, 5),
        sizes=(0, 1, 1000),
        labels=("empty past", "past is none", "one by one", "three at a time"),
    ),
    also_right=[cached_by_rows, cached_by_places],
    bans=("scaled_dot_product_attention", "MultiHeadAttention", "GrowingCache", "StaticCache"),
)


# --- 11.cache-bytes -------------------------------------------------------------------------


def bytes_cases(generator, bytes_per_number):
    def number(low, high):
        return int(whole(generator, low, high))

    def tried(label, kv_heads, groups, layers, batch, tokens=None, *, room=1.0, **named):
        d_head = 2 * number(9, 30) + 1
        heads = kv_heads * groups
        tokens = number(101, 400) if tokens is None else tokens
        one = 2 * layers * kv_heads * d_head * batch * bytes_per_number
        memory = int(one * room * number(1000, 3000)) + number(one * 6 // 10, one * 9 // 10)
        sizes = (heads * d_head, heads, kv_heads, layers, batch, tokens, memory)
        return case(label, *sizes, **named)

    usual = tried("as many bytes as usual", 3, 4, 7, 5)
    return [
        usual,
        tried("as many heads of keys as of queries", 6, 1, 11, 3),
        tried("one head of keys", 1, 5, 3, 4),
        tried("one layer", 2, 3, 1, 7),
        tried("one text", 2, 5, 13, 1),
        tried("one token", 3, 2, 5, 4, 1),
        tried("no token", 2, 2, 3, 5, 0),
        tried("other bytes", 2, 3, 5, 3, bytes_per_number=3 * bytes_per_number),
        tried("not enough for one token", 4, 2, 6, 3, room=0.0),
        case("it fits to the byte", *fitting(generator, bytes_per_number)),
    ]


def fitting(generator, bytes_per_number):
    d_head, tokens = int(whole(generator, 11, 30)), int(whole(generator, 40, 90))
    one = 2 * 5 * 3 * d_head * 7 * bytes_per_number
    return 6 * d_head, 6, 3, 5, 7, tokens, tokens * one


def right_bytes(
    d_model, num_heads, num_kv_heads, num_layers, batch, tokens, memory, bytes_per_number=2
):
    keys = batch * num_kv_heads * (d_model // num_heads) * bytes_per_number * num_layers
    return tokens * (keys + keys), memory // 2 // keys


def bytes_by_shapes(
    d_model, num_heads, num_kv_heads, num_layers, batch, tokens, memory, bytes_per_number=2
):
    """Right: shapes written down."""

    def of(length):
        shape = (batch, num_kv_heads, length, d_model // num_heads)
        return math.prod((2, num_layers, *shape)) * bytes_per_number

    return [of(tokens), int((memory - memory % of(1)) / of(1))]


def wrong_bytes(
    d_model,
    num_heads,
    num_kv_heads,
    num_layers,
    batch,
    tokens,
    memory,
    bytes_per_number,
    *,
    slip,
):
    width, kinds, layers, texts, size = d_model // num_heads, 2, num_layers, batch, bytes_per_number
    heads = num_kv_heads
    if slip == "all heads":
        heads = num_heads
    elif slip == "one head":
        heads = 1
    elif slip == "groups":
        heads = num_heads // num_kv_heads
    elif slip == "width of a group":
        width, heads = d_model // num_kv_heads, num_heads
    elif slip == "whole width":
        width = d_model
    elif slip == "d_model alone":
        width, heads = d_model, 1
    elif slip == "keys only":
        kinds = 1
    elif slip == "queries too":
        kinds = 3
    elif slip == "queries' own":
        kinds, heads = 1, 2 * num_kv_heads + num_heads
    elif slip == "one layer":
        layers = 1
    elif slip == "both stacks":
        layers = 2 * num_layers
    elif slip == "one text":
        texts = 1
    elif slip == "numbers":
        size = 1
    elif slip == "fixed":  # the cases' other number of bytes is three times the usual one
        size = bytes_per_number // 3 if bytes_per_number % 3 == 0 else bytes_per_number
    elif slip == "bits":
        size = 8 * bytes_per_number
    one = kinds * layers * heads * width * texts * size
    exact = 2 * num_layers * num_kv_heads * (d_model // num_heads) * batch * bytes_per_number
    return {
        "square": lambda: (one * tokens * tokens, memory // one),
        "up": lambda: (exact * tokens, -(-memory // exact)),
        "float": lambda: (exact * tokens, memory / exact),
        "all floats": lambda: (float(exact * tokens), memory / exact),
        "floats": lambda: (float(exact * tokens), float(memory // exact)),
        "more": lambda: (exact * tokens, memory // exact - tokens),
        "all texts": lambda: (exact * tokens, memory // (exact // batch)),
        "numbers fit": lambda: (exact * tokens, memory // (exact // bytes_per_number)),
        "turned": lambda: (memory // exact, exact * tokens),
        "more, at least 0": lambda: (exact * tokens, max(memory // exact - tokens, 0)),
        "must be less": lambda: (exact * tokens, max(memory - 1, 0) // exact),
        "one token": lambda: (exact, memory // exact),
        "texts fit": lambda: (exact * tokens, memory // (exact * max(tokens, 1))),
        "texts fit, stops": lambda: (exact * tokens, memory // (exact * tokens)),
        "one fewer": lambda: (exact * tokens, max(memory // exact - 1, 0)),
        "KiB": lambda: (exact * tokens // 1024, memory // exact),
        "first alone": lambda: exact * tokens,
        "left over": lambda: (exact * tokens, memory % exact),
        "times batch": lambda: (exact * tokens, memory // exact * batch),
        "one layer fits": lambda: (exact * tokens, memory // (exact // num_layers)),
        "keys fit": lambda: (exact * tokens, memory // (exact // 2)),
    }.get(slip, lambda: (one * tokens, memory // one))()


counted = telling(wrong_bytes)
ONE = "Count one token of one text in one layer first, with one head of width 3."
FIT = "How many bytes does one more token of *each* text take?"

BYTES = Exercise(
    id="11.cache-bytes",
    title="What the memory costs",
    kind="predict",
    points=1,
    name="cache_bytes",
    cases=bytes_cases,
    choices={"bytes_per_number": (2, 4, 8)},
    any_sequence=True,
    mistakes=[
        counted(
            "keys-only",
            "keys only",
            "keys are counted, values are not (or the other way round)",
            ONE,
            "Of the three projections, which does the next token need again?",
            "Two are kept: keys and values.",
        ),
        counted(
            "queries-too",
            "queries too",
            "three are counted for each token: queries aren't kept",
            ONE,
            "Who asks for an old query?",
            "Two are kept: keys and values.",
        ),
        counted(
            "queries-with-their-heads",
            "queries' own",
            "the queries of all heads are counted with the keys and values",
            ONE,
            "Who asks for an old query?",
            "Two are kept: keys and values, of num_kv_heads each.",
        ),
        counted(
            "heads-of-the-queries",
            "all heads",
            "keys and values are counted with as many heads as queries have, d_model wide in all",
            "What changes in your count when num_kv_heads becomes 1?",
            "Several heads of queries share one of keys and values, which is kept once.",
            "num_kv_heads heads, each as wide as d_model // num_heads.",
        ),
        counted(
            "one-head",
            "one head",
            "a single head of keys and values is counted",
            "What changes in your count when num_kv_heads doubles?",
            "Each of the num_kv_heads heads is kept.",
            "num_kv_heads heads, each as wide as d_model // num_heads.",
        ),
        counted(
            "wide-as-a-group",
            "width of a group",
            "a head is taken to be d_model // num_kv_heads wide, and num_heads of them are counted",
            "With d_model 8, 4 heads of queries and 2 of keys: how wide is one of them?",
            "All heads are as wide as those of the queries.",
            "num_kv_heads heads, each as wide as d_model // num_heads.",
        ),
        counted(
            "heads-of-a-group",
            "groups",
            "num_heads // num_kv_heads heads are counted, which is how many share one; "
            "d_model // num_kv_heads comes to the same",
            "With 8 heads of queries and 2 of keys, how many of keys are there?",
            "The argument says it: num_kv_heads.",
            "num_kv_heads heads, each as wide as d_model // num_heads.",
        ),
        counted(
            "each-head-whole",
            "whole width",
            "each head is counted d_model wide",
            "How wide is one head?",
            "All heads of the queries together are d_model wide.",
            "One is d_model // num_heads wide.",
        ),
        counted(
            "one-layer",
            "one layer",
            "one layer is counted",
            "How many attentions does a token pass through?",
            "Each layer keeps its own keys and values.",
            "Multiply by num_layers.",
        ),
        counted(
            "twice-the-layers",
            "both stacks",
            "each layer is counted twice over",
            "How often does the factor 2 stand in your count?",
            "Once for keys and values; nothing else comes in pairs.",
            "2 · layers · heads · width, once.",
        ),
        counted(
            "one-text",
            "one text",
            "one text is counted, whatever `batch` is",
            "What changes in your count when `batch` doubles?",
            "Each text has keys and values of its own.",
            "Multiply by batch, in both numbers.",
        ),
        counted(
            "numbers-not-bytes",
            "numbers",
            "numbers are counted, not bytes",
            "How many bytes does one number take?",
            "The text says it, and a call may say something else.",
            "Multiply by bytes_per_number.",
        ),
        counted(
            "always-the-usual-bytes",
            "fixed",
            "a number takes as many bytes as usual, even when a call says otherwise",
            "Call it with bytes_per_number=1. Do your numbers change?",
            "The text's number is what a call gets that doesn't say.",
            "Multiply by the argument.",
        ),
        counted(
            "bits",
            "bits",
            "bits are counted, not bytes",
            "How many bytes does one number take?",
            "A byte is eight bits; the text asks for bytes.",
            "Leave the 8 out.",
        ),
        counted(
            "square-of-the-tokens",
            "square",
            "the bytes grow with the square of the tokens: that is the attention weights",
            "How much is added by one more token?",
            "Weights are thrown away after each step; keys and values are kept.",
            "Multiply by tokens once.",
        ),
        counted(
            "bytes-of-one-token",
            "one token",
            "the first number is for one token of each text",
            "What changes in your first number when `tokens` doubles?",
            "Every token of a text is kept.",
            "Multiply by tokens.",
        ),
        counted(
            "kibibytes",
            "KiB",
            "the first number is in KiB, the text asks for bytes",
            "Is there a 1024 in your count?",
            "Bytes are the unit of both numbers.",
            "Leave it out.",
        ),
        counted(
            "rounded-up",
            "up",
            "the number of tokens that fit is rounded up: the last one doesn't fit",
            FIT,
            "Half a token can't be kept.",
            "Round down: `//`.",
        ),
        counted(
            "not-a-whole-number",
            "float",
            "the number of tokens is no whole number",
            FIT,
            "`/` makes a float.",
            "Round down: `//`.",
        ),
        counted(
            "floats-not-rounded",
            "all floats",
            "both numbers are floats, and the second is no whole number",
            FIT,
            "`/` makes a float, and so does a product with one.",
            "Divide with `//`: half a token doesn't fit.",
        ),
        counted(
            "whole-but-floats",
            "floats",
            "both numbers are right, but they are floats: 12.0 is no whole number to Python",
            "Print the type of what you return.",
            "`/` makes a float, and so does a product with one.",
            "Divide with `//`.",
        ),
        counted(
            "tokens-that-are-left",
            "more",
            "`tokens` is taken off the number that fit",
            "The second number doesn't ask what is in the memory already.",
            "How many tokens may each text have at most?",
            "memory // bytes of one token of each text.",
        ),
        counted(
            "tokens-that-are-left-at-least-0",
            "more, at least 0",
            "`tokens` is taken off the number that fit",
            "The second number doesn't ask what is in the memory already.",
            "How many tokens may each text have at most?",
            "memory // bytes of one token of each text.",
        ),
        counted(
            "one-text-fits",
            "all texts",
            "the second number is for one text alone; `batch` texts share the memory",
            FIT,
            "Every text takes its part.",
            "Divide by the bytes of one token of *all* texts.",
        ),
        counted(
            "all-texts-together",
            "times batch",
            "the second number is that of the tokens of all texts together",
            FIT,
            "How many tokens may *each* text have?",
            "Don't multiply by batch once more.",
        ),
        counted(
            "numbers-fit",
            "numbers fit",
            "for the second number a number takes one byte",
            FIT,
            "The same bytes count in both numbers.",
            "Divide by the bytes, not by the numbers, of one token.",
        ),
        counted(
            "one-layer-fits",
            "one layer fits",
            "for the second number one layer is counted",
            FIT,
            "The same layers count in both numbers.",
            "Divide by the bytes of one token in all layers.",
        ),
        counted(
            "keys-fit",
            "keys fit",
            "for the second number keys are counted and values are not",
            FIT,
            "The same two are kept in both numbers.",
            "Divide by the bytes of keys and values.",
        ),
        counted(
            "texts-that-fit",
            "texts fit",
            "the second number says how many such batches fit, not how many tokens",
            FIT,
            "It doesn't depend on `tokens`.",
            "memory // bytes of one token of each text.",
        ),
        counted(
            "bytes-left-over",
            "left over",
            "the second number is what is left over: `%`, not `//`",
            FIT,
            "`%` gives the rest of a division.",
            "Use `//`.",
        ),
        counted(
            "one-fewer-fits",
            "one fewer",
            "one token fewer than fits",
            "Try a memory that holds three tokens to the byte.",
            "If it fits to the byte, it fits.",
            "memory // bytes of one token of each text, and nothing taken off.",
        ),
        counted(
            "full-is-too-much",
            "must be less",
            "what fits to the byte doesn't fit, for you",
            "Try a memory that holds three tokens to the byte.",
            "If it fits to the byte, it fits.",
            "memory // bytes of one token of each text.",
        ),
        counted(
            "turned-round",
            "turned",
            "the two numbers have changed places",
            "Read once more in which order they are asked for.",
            "Bytes first.",
            "Turn them round.",
        ),
        counted(
            "first-alone",
            "first alone",
            "one number is returned; the text asks for two",
            "What stands behind your `return`?",
            "Bytes, and how many tokens fit.",
            "Return both, with a comma.",
        ),
        counted(
            "whole-texts-fit-stops",
            "texts fit, stops",
            "the second number says how often your first one fits; the tokens of each text were "
            "asked for",
            FIT,
            "`tokens` has no part in how many fit.",
            "Divide the memory by what one more token of each text takes.",
        ),
    ],
    hints=(
        ONE,
        "Go through the three points of the text, and ask of each argument what doubles when it "
        "doubles.",
        "Count one token of all texts in bytes; the first number multiplies it, the second divides "
        "by it.",
    ),
    allows=Edges(
        sizes=(0, 1),
        labels=(
            "one head of keys",
            "one layer",
            "one text",
            "other bytes",
            "not enough",
            "to the byte",
        ),
    ),
    also_right=[right_bytes, bytes_by_shapes],
)

EXERCISES = [TEMPERATURE, TOP_K, NUCLEUS, REPEATS, BEAM, CACHED, BYTES]
