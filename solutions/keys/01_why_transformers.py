"""Key of chapter 01: a GRU step, the gradient's reach, path lengths, a GRU that is trained."""

import math
from collections.abc import Iterable

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from course_lib.grader.judging.key import Call, Case, Edges, Exercise, Mistake, call, case, told_of

from .wrong_loops import WrongLoop, descend, loop_mistakes

# --- 01.gru-step ---------------------------------------------------------------------------------


def gru_cases(generator: Generator) -> list[Case]:
    """Different widths, equal ones, widths of 1, an empty state or word, gates open and shut."""
    made = []
    sizes = {
        "five and seven": (5, 7),
        "eleven and three": (11, 3),
        "equal widths": (4, 4),
        "a word of one number": (1, 5),
        "a state of one number": (2, 1),
    }
    for label, (d_model, d_hidden) in sizes.items():
        made.append(case(label, *_gru_inputs(generator, d_model, d_hidden)))
    made.append(case("trained", *_gru_inputs(generator, 3, 2), grad=True))
    _, *others = _gru_inputs(generator, 4, 3)
    made.append(case("a word of zeros", torch.zeros(4), *others))
    x, _, *weights = _gru_inputs(generator, 3, 5)
    made.append(case("the first word: the state is 0", x, torch.zeros(5), *weights))
    x, h, *weights = _gru_inputs(generator, 2, 3)
    made.append(case("gates nearly 0 or 1", x, h, *(20 * weight for weight in weights)))
    return made


def _gru_inputs(generator: Generator, d_model: int, d_hidden: int) -> tuple[Tensor, ...]:
    shapes = (
        (d_model,),
        (d_hidden,),
        (3 * d_hidden, d_model),
        (3 * d_hidden, d_hidden),
        (3 * d_hidden,),
        (3 * d_hidden,),
    )
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def wrong_step(
    x,
    h,
    weight_x,
    weight_h,
    bias_x,
    bias_h,
    *,
    order="rzn",
    keep="old",
    reset="after",
    squeeze=torch.tanh,
    gate=torch.sigmoid,
    biases="both",
    cut="blocks",
):
    """A GRU step with one thing changed by each flag."""
    bias_x = torch.zeros_like(bias_x) if biases == "none" else bias_x
    bias_h = bias_h if biases == "both" else torch.zeros_like(bias_h)
    if cut == "every third":
        rows = torch.arange(len(bias_x)).view(-1, 3).T.flatten()
        weight_x, weight_h, bias_x, bias_h = (
            tall[rows] for tall in (weight_x, weight_h, bias_x, bias_h)
        )
    parts_x = dict(zip(order, (weight_x @ x + bias_x).chunk(3), strict=True))
    parts_h = dict(zip(order, (weight_h @ h + bias_h).chunk(3), strict=True))
    r = gate(parts_x["r"] + parts_h["r"])
    z = gate(parts_x["z"] + parts_h["z"])
    part = order.index("n")
    matrix, bias = weight_h.chunk(3)[part], bias_h.chunk(3)[part]
    memory = {
        "after": r * (matrix @ h + bias),
        "before": matrix @ (r * h) + bias,
        "no bias": r * (matrix @ h) + bias,
        "never": matrix @ h + bias,
        "everything": r * (parts_x["n"] + matrix @ h + bias) - parts_x["n"],
    }[reset]
    n = squeeze(parts_x["n"] + memory)
    return (1 - z) * n + z * h if keep == "old" else z * n + (1 - z) * h


def wrong_last_line(x, h, weight_x, weight_h, bias_x, bias_h, *, blend):
    """Right up to the gates and the content; then the fourth line is another."""
    x_r, x_z, x_n = (weight_x @ x + bias_x).chunk(3)
    h_r, h_z, h_n = (weight_h @ h + bias_h).chunk(3)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return blend(r, z, n, h)


def wrong_parts(
    x, h, weight_x, weight_h, bias_x, bias_h, *, biases="both", memory=lambda r, z, h_n, h: r * h_n,
    gates=lambda from_x, from_h: from_x + from_h
):  # fmt: skip
    """Right but for one of the biases, for what the gates see, or for the bracket behind r."""
    bias_x, bias_h = {
        "both": (bias_x, bias_h),
        "exchanged": (bias_h, bias_x),
        "the state's": (torch.zeros_like(bias_x), bias_h),
        "the word's twice": (bias_x, bias_x),
        "both twice": (bias_x + bias_h, bias_x + bias_h),
    }[biases]
    x_r, x_z, x_n = (weight_x @ x + bias_x).chunk(3)
    h_r, h_z, h_n = (weight_h @ h + bias_h).chunk(3)
    r, z = torch.sigmoid(gates(x_r, h_r)), torch.sigmoid(gates(x_z, h_z))
    n = torch.tanh(x_n + memory(r, z, h_n, h))
    return (1 - z) * n + z * h


def other_bias(x, h, weight_x, weight_h, bias_x, bias_h, *, biases):
    """Another use of the biases, by itself: two of these slips at once are rare."""
    return wrong_parts(x, h, weight_x, weight_h, bias_x, bias_h, biases=biases)


def weights_cut_off(x, h, weight_x, weight_h, bias_x, bias_h):
    return wrong_parts(x, h, weight_x.detach(), weight_h.detach(), bias_x, bias_h)


def bias_outside_of_the_product(x, h, weight_x, weight_h, bias_x, bias_h):
    """r multiplies U_n h, and c_n is left out of the content altogether."""
    c_n = bias_h.chunk(3)[2]
    memory = {"memory": lambda r, z, h_n, h: r * (h_n - c_n)}
    return wrong_parts(x, h, weight_x, weight_h, bias_x, bias_h, **memory)


def reset_on_the_word(x, h, weight_x, weight_h, bias_x, bias_h):
    """r multiplies W_n x + b_n, and what comes from the state is let through whole."""
    x_r, x_z, x_n = (weight_x @ x + bias_x).chunk(3)
    h_r, h_z, h_n = (weight_h @ h + bias_h).chunk(3)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    return (1 - z) * torch.tanh(r * x_n + h_n) + z * h


def reset_in_the_update_gate(x, h, weight_x, weight_h, bias_x, bias_h):
    """r multiplies what z hears of the state, too."""
    x_r, x_z, x_n = (weight_x @ x + bias_x).chunk(3)
    h_r, h_z, h_n = (weight_h @ h + bias_h).chunk(3)
    r = torch.sigmoid(x_r + h_r)
    z = torch.sigmoid(x_z + r * h_z)
    return (1 - z) * torch.tanh(x_n + r * h_n) + z * h


def matrix_of_the_state_kept(x, h, weight_x, weight_h, bias_x, bias_h):
    """z keeps U_n h + c_n, where the state itself is meant."""
    h_n = (weight_h @ h + bias_h).chunk(3)[2]
    keep = {"blend": lambda r, z, n, h: (1 - z) * n + z * h_n}
    return wrong_last_line(x, h, weight_x, weight_h, bias_x, bias_h, **keep)


def content_first(x, h, weight_x, weight_h, bias_x, bias_h):
    return wrong_step(x, h, weight_x, weight_h, bias_x, bias_h, order="nrz")


def turned_weights(x, h, weight_x, weight_h, bias_x, bias_h):
    return wrong_parts(x, h, weight_x.T, weight_h.T, bias_x, bias_h)


def cut_by_the_word(x, h, weight_x, weight_h, bias_x, bias_h):
    """Three slices of d_model numbers each, where d_hidden are meant."""
    d = len(x)
    from_x, from_h = weight_x @ x + bias_x, weight_h @ h + bias_h
    x_r, x_z, x_n = from_x[:d], from_x[d : 2 * d], from_x[2 * d :]
    h_r, h_z, h_n = from_h[:d], from_h[d : 2 * d], from_h[2 * d :]
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return (1 - z) * n + z * h


def without_gradient(x, h, weight_x, weight_h, bias_x, bias_h):
    return wrong_parts(x, h, weight_x, weight_h, bias_x, bias_h).detach()


def state_cut_off(x, h, weight_x, weight_h, bias_x, bias_h):
    return wrong_parts(x, h.detach(), weight_x, weight_h, bias_x, bias_h)


def row_of_the_state(x, h, weight_x, weight_h, bias_x, bias_h):
    return wrong_parts(x, h, weight_x, weight_h, bias_x, bias_h)[None]


def step_without_gates(x, h, weight_x, weight_h, bias_x, bias_h):
    x_n, h_n = (weight_x @ x + bias_x).chunk(3)[2], (weight_h @ h + bias_h).chunk(3)[2]
    return torch.tanh(x_n + h_n)


def _identity(a: Tensor) -> Tensor:
    return a


def content_without_biases(x, h, weight_x, weight_h, bias_x, bias_h):
    """Both biases reach the gates, and neither the new content."""
    kept = torch.arange(len(bias_x)) < 2 * len(h)
    return wrong_parts(x, h, weight_x, weight_h, bias_x * kept, bias_h * kept)


def half_copied(x, h, weight_x, weight_h, bias_x, bias_h, *, gate, squeeze=torch.sigmoid):
    """The line of r, copied for z and changed in one of two places."""
    x_r, x_z, x_n = (weight_x @ x + bias_x).chunk(3)
    h_r, h_z, h_n = (weight_h @ h + bias_h).chunk(3)
    r, z = torch.sigmoid(x_r + h_r), squeeze(gate(x_r, x_z, h_r, h_z))
    n = torch.tanh(x_n + r * h_n)
    return (1 - z) * n + z * h


LINES = {"r": ("r",), "z": ("z",), "n": ("n",), "both gates": ("r", "z")}


def terms_left_out(x, h, weight_x, weight_h, bias_x, bias_h, *, line, terms):
    """Some of the four terms W x, b, U h and c are missing in a line, or in both gates'."""
    kinds = {"W": weight_x @ x, "b": bias_x, "U": weight_h @ h, "c": bias_h}
    parts = {
        kind + one: torch.zeros_like(part) if one in LINES[line] and kind in terms else part
        for kind, whole in kinds.items()
        for one, part in zip("rzn", whole.chunk(3), strict=True)
    }
    r, z = (torch.sigmoid(sum(parts[kind + gate] for kind in kinds)) for gate in "rz")
    n = torch.tanh(parts["Wn"] + parts["bn"] + r * (parts["Un"] + parts["cn"]))
    return (1 - z) * n + z * h


def other_squeeze(x, h, weight_x, weight_h, bias_x, bias_h, *, of, by):
    """The gates, or the content, go through another function."""
    return wrong_step(x, h, weight_x, weight_h, bias_x, bias_h, **{of: by})


def stopped_step(x, h, weight_x, weight_h, bias_x, bias_h, *, at):
    """Stops, as shapes or pieces don't fit."""
    if at == "x @ W":
        from_x, from_h = x @ weight_x + bias_x, h @ weight_h + bias_h
    elif at == "exchanged":
        from_x, from_h = weight_x @ h + bias_x, weight_h @ x + bias_h
    elif at == "columns":
        (from_x, _, _), (from_h, _, _) = weight_x.chunk(3, dim=1), weight_h.chunk(3, dim=1)
    else:
        from_x, from_h = weight_x @ x + bias_x, weight_h @ h + bias_h
    (x_r, x_z, x_n), (h_r, h_z, h_n) = (
        whole.split(3) if at == "split" else whole.chunk(3) for whole in (from_x, from_h)
    )
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    return (1 - z) * torch.tanh(x_n + r * h_n) + z * h


def matrix_of_the_other_gate(x, h, weight_x, weight_h, bias_x, bias_h, *, of):
    """The update gate has its own constants, and one product of the reset gate's."""
    r, _, n = weight_x.chunk(3)
    weight_x = torch.cat([r, r, n]) if of == "W" else weight_x
    r, _, n = weight_h.chunk(3)
    weight_h = torch.cat([r, r, n]) if of == "U" else weight_h
    return wrong_step(x, h, weight_x, weight_h, bias_x, bias_h)


def left_out(line: str, terms: str, says: str) -> Mistake:
    """Terms that are missing in a line; the same three hints with its own formula."""
    gate = {"r": "r = σ(…)", "z": "z = σ(…)", "n": "n = tanh(…)"}.get(line, "r = σ(…) and z = σ(…)")
    flags = {"line": line, "terms": terms}
    hints = (
        f"Which four things stand in the bracket of {gate}?",
        "Each line has a product with x and a product with h, and a constant beside each of them.",
        "Add bias_x to weight_x @ x and bias_h to weight_h @ h *before* you cut them into thirds.",
    )
    return Mistake(f"{line}-without-{terms}", terms_left_out, flags, says, hints)


LEFT_OUT = [
    left_out("z", "Uc", "your update gate looks at the word alone: U_z h + c_z is missing in z"),
    left_out("r", "Uc", "your reset gate looks at the word alone: U_r h + c_r is missing in r"),
    left_out("z", "Wb", "your update gate looks at the state alone: W_z x + b_z is missing in z"),
    left_out("r", "Wb", "your reset gate looks at the state alone: W_r x + b_r is missing in r"),
    left_out("n", "Wb", "your new content doesn't see the word: W_n x + b_n is missing in n"),
    left_out("n", "Uc", "your new content doesn't see the state: r ⊙ (U_n h + c_n) is missing"),
    left_out("z", "U", "you leave out U_z h in z: your update gate doesn't see the state"),
    left_out("r", "U", "you leave out U_r h in r: your reset gate doesn't see the state"),
    left_out("n", "U", "you leave out U_n h in n: r multiplies the constant c_n alone"),
    left_out("z", "W", "you leave out W_z x in z: your update gate doesn't see the word"),
    left_out("r", "W", "you leave out W_r x in r: your reset gate doesn't see the word"),
    left_out("n", "W", "you leave out W_n x in n: your new content doesn't see the word"),
    left_out("z", "c", "you leave out c_z in z"),
    left_out("r", "c", "you leave out c_r in r"),
    left_out("z", "b", "you leave out b_z in z"),
    left_out("r", "b", "you leave out b_r in r"),
    left_out("n", "b", "you leave out b_n in n"),
    left_out("z", "bc", "both constants of the update gate are missing, b_z and c_z"),
    left_out("r", "bc", "both constants of the reset gate are missing, b_r and c_r"),
    left_out("both gates", "bc", "your gates have no constants: b and c are missing in r and in z"),
    left_out("both gates", "c", "your gates lack the constants of the state, c_r and c_z"),
    left_out("both gates", "b", "your gates lack the constants of the word, b_r and b_z"),
    left_out("both gates", "Wb", "your gates look at the state only, not at the word"),
]
squeezed, stopped = told_of(other_squeeze), told_of(stopped_step, "at")
GRU_MISTAKES = [
    *LEFT_OUT,
    squeezed(
        "softmax-for-the-gates",
        {"of": "gate", "by": lambda a: a.softmax(dim=-1)},
        "your gates go through softmax: the numbers of one gate share 1 among them",
        "Can two numbers of a gate both be 0.9? They should be able to.",
        "Each number of a gate is a share of its own, between 0 and 1.",
        "σ is torch.sigmoid.",
    ),
    squeezed(
        "gates-turned-round",
        {"of": "gate", "by": lambda a: torch.sigmoid(-a)},
        "your σ falls where it should rise: 1 / (1 + exp(a)) lacks a minus",
        "What is your σ of 10? It should be nearly 1.",
        "σ(a) = 1 / (1 + exp(−a)).",
        "Put the minus into the exponent, or take torch.sigmoid.",
    ),
    squeezed(
        "relu-for-the-gates",
        {"of": "gate", "by": torch.relu},
        "your gates go through relu: they are 0 or larger than any share",
        "Between which numbers should a gate lie?",
        "A gate is a share between 0 and 1.",
        "r and z go through torch.sigmoid.",
    ),
    squeezed(
        "relu-for-the-content",
        {"of": "squeeze", "by": torch.relu},
        "your new content goes through relu, so that it can never be negative, and has no bound",
        "Between which numbers should the new content lie?",
        "Look at what stands before the bracket of the third line.",
        "The third line has tanh.",
    ),
    Mistake(
        "new-share-for-both",
        wrong_last_line,
        {"blend": lambda r, z, n, h: (1 - z) * n + (1 - z) * h},
        says="you multiply old and new both by 1 − z; the old state gets z",
        hints=(
            "What should the next state be when z is exactly 1?",
            "Which of the two stands behind z alone?",
            "(1 − z) ⊙ n, and z ⊙ h.",
        ),
    ),
    Mistake(
        "old-state-taken-away",
        wrong_last_line,
        {"blend": lambda r, z, n, h: (1 - z) * n - z * h},
        says="you take z ⊙ h away; it is added",
        hints=(
            "What should the next state be when z is exactly 1?",
            "Compare the signs of the fourth line with yours.",
            "(1 − z) ⊙ n + z ⊙ h.",
        ),
    ),
    Mistake(
        "keeps-with-r",
        wrong_last_line,
        {"blend": lambda r, z, n, h: (1 - z) * n + r * h},
        says="in the last line r multiplies the old state; z does",
        hints=(
            "Do the two shares of your last line add up to 1?",
            "The reset gate has done its work in the third line.",
            "(1 − z) ⊙ n + z ⊙ h.",
        ),
    ),
    Mistake(
        "old-state-shared-twice",
        wrong_last_line,
        {"blend": lambda r, z, n, h: (1 - z) * n + z * z * h},
        says="z multiplies the old state twice: h was changed before the last line used it",
        hints=(
            "Is `h` still the old state when your last line reads it?",
            "A name that is given again is lost: the state before is gone.",
            "Leave `h` as it is, and write the last line in one go.",
        ),
    ),
    *(
        Mistake(
            f"{of}-of-the-other-gate",
            matrix_of_the_other_gate,
            {"of": of},
            says=f"your update gate multiplies by {of}_r, the reset gate's matrix, where {of}_z is "
            "meant",
            hints=(
                "Your lines of r and z look alike. In how many places must they differ?",
                "Which rows of the tall matrix does each line take?",
                "r has the first third of all four, z the second, n the third.",
            ),
        )
        for of in "WU"
    ),
    stopped(
        "row-times-matrix",
        "x @ W",
        "you write x @ weight_x; the text's W x is weight_x @ x",
        "Print the shapes of x and of weight_x.",
        "In a product the last axis of the first must be as long as the last but one of the other.",
        "weight_x @ x, or x @ weight_x.T; for h the same.",
    ),
    stopped(
        "x-and-h-exchanged",
        "exchanged",
        "weight_x multiplies h, and weight_h multiplies x",
        "Print the shapes of weight_x, of x and of h.",
        "The names tell which belongs to which.",
        "weight_x @ x, and weight_h @ h.",
    ),
    stopped(
        "columns-cut",
        "columns",
        "you cut the columns of the matrices, dim=1; the three parts stand one on top of the other",
        "Print the shape of weight_x and of its three parts.",
        "W_r is (d_hidden, d_model): it has all columns, and a third of the rows.",
        "`weight_x.chunk(3)` cuts axis 0, the rows.",
    ),
    stopped(
        "pieces-of-three",
        "split",
        "`split(3)` makes pieces of three numbers each; `chunk(3)` makes three pieces",
        "Print how many pieces you get for a state of 5 numbers.",
        "`split` takes the length of a piece, `chunk` how many there are.",
        "Write chunk(3), or split(d_hidden).",
    ),
    Mistake(
        "keeps-the-new",
        wrong_step,
        {"keep": "new"},
        says="your update gate works the wrong way round: where z is near 1, the new content "
        "replaces the old state",
        hints=(
            "What should the next state be when z is exactly 1?",
            "In the fourth line, which of the two is multiplied by z alone?",
            "z stands before the old state h, and 1 − z before the new content n.",
        ),
    ),
    Mistake(
        "gates-exchanged",
        wrong_step,
        {"order": "zrn"},
        says="you cut the stacked weights in the order z, r, n: your reset gate does the update "
        "gate's work",
        hints=(
            "Which third of the tall matrix belongs to which gate?",
            "The order is the one of the formulas, from top to bottom.",
            "The first part is r, the second z, the third n.",
        ),
    ),
    Mistake(
        "cuts-every-third-row",
        wrong_step,
        {"cut": "every third"},
        says="you cut the stack as if r, z and n took turns, row by row",
        hints=(
            "In the tall matrix, does row 2 belong to the same gate as row 1?",
            "One whole matrix stands on top of the other.",
            "Cut it into three blocks of d_hidden rows: chunk(3).",
        ),
    ),
    Mistake(
        "resets-before-the-matrix",
        wrong_step,
        {"reset": "before"},
        says="you multiply the state by r before the matrix U_n; that is the GRU of the 2014 "
        "paper, while PyTorch and this exercise multiply after it",
        hints=(
            "Both forms exist. Read the third line again: what does r multiply?",
            "r multiplies a bracket in which the matrix product is already done.",
            "Compute U_n h + c_n first, as for the gates, and then multiply by r.",
        ),
    ),
    Mistake(
        "bias-escapes-the-reset",
        wrong_step,
        {"reset": "no bias"},
        says="your reset gate multiplies U_n h but not its constant c_n",
        hints=(
            "Look at the bracket behind r. How many things are in it?",
            "bias_h belongs to the product with h, also in its third part.",
            "Add bias_h to weight_h @ h before you cut; then multiply the third part by r.",
        ),
    ),
    Mistake(
        "no-reset",
        wrong_step,
        {"reset": "never"},
        says="you compute the reset gate and never use it",
        hints=(
            "One of your two gates has no effect on the result. Which?",
            "The third line contains r.",
            "Multiply the part of the new content that comes from h by r.",
        ),
    ),
    Mistake(
        "resets-the-word-too",
        wrong_step,
        {"reset": "everything"},
        says="your reset gate multiplies the word's part as well, so a closed gate also shuts out "
        "the new word",
        hints=(
            "What should the new content be when r is 0: nothing, or the word alone?",
            "The bracket behind r holds what comes from the old state only.",
            "Keep W_n x + b_n outside of the product with r.",
        ),
    ),
    Mistake(
        "sigmoid-for-the-content",
        wrong_step,
        {"squeeze": torch.sigmoid},
        says="your new content goes through σ, so that it can never be negative",
        hints=(
            "Gates lie between 0 and 1. And the new content?",
            "Two functions squeeze in these formulas; they have different ranges.",
            "The third line has tanh, not σ.",
        ),
    ),
    Mistake(
        "content-not-squeezed",
        wrong_step,
        {"squeeze": _identity},
        says="your new content is not squeezed, so the state can grow without end",
        hints=(
            "How large can your next state become?",
            "Something stands before the bracket of the third line.",
            "Send the new content through torch.tanh.",
        ),
    ),
    Mistake(
        "tanh-for-the-gates",
        wrong_step,
        {"gate": torch.tanh},
        says="your gates go through tanh, so that a gate can be negative",
        hints=(
            "Between which numbers should a gate lie?",
            "A share of −0.5 makes no sense. Which function gives 0 to 1?",
            "r and z go through torch.sigmoid.",
        ),
    ),
    Mistake(
        "one-bias-lost",
        wrong_step,
        {"biases": "one"},
        says="you left out bias_h, the constants that go with the state",
        hints=(
            "Two biases are handed in. Does your code use both?",
            "The c in the formulas are the parts of bias_h.",
            "Add bias_h to weight_h @ h.",
        ),
    ),
    Mistake(
        "both-biases-lost",
        wrong_step,
        {"biases": "none"},
        says="you left out both biases, so a word and a state of zeros leave the state at 0",
        hints=(
            "Six things are handed in. Does your code use all of them?",
            "The formulas have two products in each line, and a constant behind each.",
            "Add bias_x to weight_x @ x, and bias_h to weight_h @ h.",
        ),
    ),
    Mistake(
        "nothing-is-kept",
        wrong_last_line,
        {"blend": lambda r, z, n, h: n},
        says="what you return is n alone: the old state is forgotten, or overwritten before "
        "the last line needs it",
        hints=(
            "What should the next state be when z is exactly 1?",
            "Does the name h still mean the state that came in when you reach the fourth line?",
            "Give the new content a name of its own, and blend it with the h that came in.",
        ),
    ),
    Mistake(
        "blends-with-r",
        wrong_last_line,
        {"blend": lambda r, z, n, h: (1 - r) * n + r * h},
        says="you blend old and new by the reset gate, and the update gate has no effect",
        hints=(
            "One of your two gates has no effect on the result. Which?",
            "Write the fourth line once more, symbol by symbol.",
            "z stands in the fourth line, twice; r does not.",
        ),
    ),
    Mistake(
        "no-share-for-the-new",
        wrong_last_line,
        {"blend": lambda r, z, n, h: n + z * h},
        says="you add all of the new content, without its share 1 − z, so the state can grow "
        "without end",
        hints=(
            "What should the next state be when z is exactly 1?",
            "Write the fourth line once more, symbol by symbol.",
            "The two shares, 1 − z and z, sum to 1.",
        ),
    ),
    Mistake(
        "both-shares-are-z",
        wrong_last_line,
        {"blend": lambda r, z, n, h: z * n + z * h},
        says="you multiply old and new both by z; the new content gets 1 − z",
        hints=(
            "What should the next state be when z is exactly 0, and what is yours?",
            "Write the fourth line once more, symbol by symbol.",
            "The two shares, 1 − z and z, sum to 1.",
        ),
    ),
    Mistake(
        "no-share-for-the-old",
        wrong_last_line,
        {"blend": lambda r, z, n, h: (1 - z) * n + h},
        says="you add all of the old state, without its share z, so the state can grow without end",
        hints=(
            "What should the next state be when z is exactly 0?",
            "Write the fourth line once more, symbol by symbol.",
            "The two shares, 1 − z and z, sum to 1.",
        ),
    ),
    Mistake(
        "old-state-lost",
        wrong_last_line,
        {"blend": lambda r, z, n, h: (1 - z) * n},
        says="you leave out z ⊙ h: nothing of the old state is handed on",
        hints=(
            "What should the next state be when z is exactly 1?",
            "Write the fourth line once more, symbol by symbol.",
            "Two products are added: one with n, one with h.",
        ),
    ),
    Mistake(
        "old-state-reset",
        wrong_last_line,
        {"blend": lambda r, z, n, h: (1 - z) * n + z * r * h},
        says="your reset gate multiplies the old state in the last line too",
        hints=(
            "When r is 0 and z is 1, what should the next state be?",
            "In which of the four lines does r stand, behind its own?",
            "The last line has the h that came in, as it is.",
        ),
    ),
    Mistake(
        "resets-with-z",
        wrong_parts,
        {"memory": lambda r, z, h_n, h: z * h_n},
        says="you use the update gate where the reset gate should stand",
        hints=(
            "One of your two gates has no effect on the result. Which?",
            "The third line contains r.",
            "Multiply the part of the new content that comes from h by r.",
        ),
    ),
    Mistake(
        "reset-turned-round",
        wrong_parts,
        {"memory": lambda r, z, h_n, h: (1 - r) * h_n},
        says="your reset gate works the wrong way round: it lets through what it should hold back",
        hints=(
            "What should the new content be when r is 0?",
            "1 − belongs to the update gate.",
            "r itself multiplies the bracket.",
        ),
    ),
    Mistake(
        "state-without-its-matrix",
        wrong_parts,
        {"memory": lambda r, z, h_n, h: r * h},
        says="you put r ⊙ h into the new content, without the matrix U_n and its constant",
        hints=(
            "Does the third part of weight_h have any effect on your result?",
            "r multiplies a bracket. What is inside?",
            "The bracket is the third part of weight_h @ h + bias_h.",
        ),
    ),
    Mistake(
        "dot-product-of-r",
        wrong_parts,
        {"memory": lambda r, z, h_n, h: r @ h_n},
        says="`@` adds up r times the bracket into one number for the whole state",
        hints=(
            "Print the shape of what you add to the word's part.",
            "⊙ multiplies number by number, and nothing is added up.",
            "Use `*` for ⊙.",
        ),
    ),
    Mistake(
        "c-n-lost",
        bias_outside_of_the_product,
        {},
        says="you leave out c_n, the constant in the bracket",
        hints=(
            "Set everything but bias_h to zeros. Does its last third have an effect?",
            "Look at the bracket behind r. How many things are in it?",
            "Add bias_h to weight_h @ h before you cut; then multiply the third part by r.",
        ),
    ),
    Mistake(
        "gates-blind-to-the-state",
        wrong_parts,
        {"gates": lambda from_x, from_h: from_x},
        says="your gates look at the word only, not at the state",
        hints=(
            "Change h and print your gates. Do they move?",
            "Each gate has two products and two constants.",
            "Add the two parts, the one from x and the one from h, before the sigmoid.",
        ),
    ),
    Mistake(
        "bias-x-lost",
        other_bias,
        {"biases": "the state's"},
        says="you left out bias_x, the constants that go with the word",
        hints=(
            "Two biases are handed in. Which product does each of them belong to?",
            "The b in the formulas are the parts of bias_x, the c those of bias_h.",
            "Add bias_x to weight_x @ x, and bias_h to weight_h @ h.",
        ),
    ),
    Mistake(
        "biases-exchanged",
        other_bias,
        {"biases": "exchanged"},
        says="you add bias_h to the word's part and bias_x to the state's; in the third line "
        "that makes a difference",
        hints=(
            "Two biases are handed in. Which product does each of them belong to?",
            "The b in the formulas are the parts of bias_x, the c those of bias_h.",
            "Add bias_x to weight_x @ x, and bias_h to weight_h @ h.",
        ),
    ),
    Mistake(
        "bias-x-twice",
        other_bias,
        {"biases": "the word's twice"},
        says="you add bias_x twice, and bias_h never",
        hints=(
            "Two biases are handed in. Which product does each of them belong to?",
            "The b in the formulas are the parts of bias_x, the c those of bias_h.",
            "Add bias_x to weight_x @ x, and bias_h to weight_h @ h.",
        ),
    ),
    Mistake(
        "both-biases-twice",
        other_bias,
        {"biases": "both twice"},
        says="you add both biases to each of the two products, so each counts twice",
        hints=(
            "Two biases are handed in. Which product does each of them belong to?",
            "The b in the formulas are the parts of bias_x, the c those of bias_h.",
            "Add bias_x to weight_x @ x, and bias_h to weight_h @ h.",
        ),
    ),
    Mistake(
        "resets-the-word-instead",
        reset_on_the_word,
        {},
        says="your reset gate multiplies the word's part of the new content, and not the state's",
        hints=(
            "What should the new content be when r is 0: the word alone, or the state alone?",
            "The bracket behind r holds what comes from the old state.",
            "W_n x + b_n stays as it is; r multiplies U_n h + c_n.",
        ),
    ),
    Mistake(
        "content-first",
        content_first,
        {},
        says="you cut the stacked weights in the order n, r, z",
        hints=(
            "Which third of the tall matrix belongs to which line?",
            "The order is that of the text: W_r, W_z and W_n, one on top of the other.",
            "The first part is r, the second z, the third n.",
        ),
    ),
    Mistake(
        "turned-weights",
        turned_weights,
        {},
        says="you turn the weights with `.T`, and their rows don't fit the vectors any more",
        hints=(
            "Print the shapes of weight_x and of x side by side.",
            "`weight_x` is (3 * d_hidden, d_model): a matrix whose rows are as long as x.",
            "`weight_x @ x`, without turning anything.",
        ),
    ),
    Mistake(
        "cuts-by-d-model",
        cut_by_the_word,
        {},
        says="you cut into pieces of d_model numbers; each part has d_hidden",
        hints=(
            "Print the shapes of your three parts when the widths differ.",
            "The stacked vector has 3 * d_hidden numbers. How long is a third?",
            "`chunk(3)` cuts into three equal parts, whatever the widths are.",
        ),
    ),
    Mistake(
        "no-gates",
        step_without_gates,
        {},
        says="you return the step of a simple recurrent network, made of the third parts; the "
        "gates are missing",
        hints=(
            "Do the first two thirds of the weights have any effect on your result?",
            "The four lines of section 1.1: which have you written?",
            "Compute r and z, let r multiply the state's part, and blend by z.",
        ),
    ),
    Mistake(
        "row",
        row_of_the_state,
        {},
        says="you return (1, d_hidden), a table with one row; one axis was asked for",
        hints=(
            "The numbers are right. Look at the shape.",
            "A batch axis that you added is still there.",
            "Take row 0, or work without the extra axis.",
        ),
    ),
    Mistake(
        "no-gradient",
        without_gradient,
        {},
        says="the numbers are right, but your result is cut off from what it was computed "
        "from, so nothing can learn",
        hints=(
            "Give x `requires_grad_()` and print your result. Does it end with grad_fn?",
            "`detach`, `no_grad`, `.data`, `.item()` and `torch.tensor(...)` each cut.",
            "Compute with the tensors that are handed in, and return what comes out.",
        ),
    ),
    Mistake(
        "state-cut-off",
        state_cut_off,
        {},
        says="the numbers are right, but no gradient flows back to h, so earlier words can't "
        "be learned from",
        hints=(
            "Give h `requires_grad_()` and call `backward` on a sum of your result. What is "
            "`h.grad`?",
            "`detach`, `no_grad` and `.data` each cut.",
            "Use the h that came in, as it is, in all four lines.",
        ),
    ),
    Mistake(
        "weights-cut-off",
        weights_cut_off,
        {},
        says="the numbers are right, but no gradient flows back to the weights, so they would "
        "never change",
        hints=(
            "Give weight_x `requires_grad_()` and call `backward` on a sum of your result. "
            "What is its `grad`?",
            "`detach`, `no_grad` and `.data` each cut.",
            "Use the weights that came in, as they are.",
        ),
    ),
    Mistake(
        "gates-not-squeezed",
        wrong_step,
        {"gate": _identity},
        says="your gates are not squeezed, so they are no shares between 0 and 1",
        hints=(
            "Between which numbers should a gate lie?",
            "Something stands in front of the bracket in the first two lines.",
            "r and z go through torch.sigmoid.",
        ),
    ),
    Mistake(
        "content-in-the-middle",
        wrong_step,
        {"order": "rnz"},
        says="you cut the stacked weights in the order r, n, z: the update gate and the new "
        "content have changed places",
        hints=(
            "Which third of the tall matrix belongs to which line?",
            "The order is that of the text: W_r, W_z and W_n, one on top of the other.",
            "The first part is r, the second z, the third n.",
        ),
    ),
    Mistake(
        "content-without-biases",
        content_without_biases,
        {},
        says="you leave both constants out of the new content: b_n and c_n",
        hints=(
            "The gates have two constants each. How many has the new content?",
            "Read the third line once more: what stands behind each product?",
            "Add the third parts of bias_x and of bias_h, the latter inside of the bracket.",
        ),
    ),
    Mistake(
        "state-of-the-other-gate",
        half_copied,
        {"gate": lambda x_r, x_z, h_r, h_z: x_z + h_r},
        says="your update gate takes the state's part from the reset gate",
        hints=(
            "Cover your line for r. Is every part in the line for z one of z's?",
            "z has a part of its own from the word, and one from the state.",
            "The second parts of both products, added, go through σ.",
        ),
    ),
    Mistake(
        "word-of-the-other-gate",
        half_copied,
        {"gate": lambda x_r, x_z, h_r, h_z: x_r + h_z},
        says="your update gate takes the word's part from the reset gate",
        hints=(
            "Cover your line for r. Is every part in the line for z one of z's?",
            "z has a part of its own from the word, and one from the state.",
            "The second parts of both products, added, go through σ.",
        ),
    ),
    Mistake(
        "bracket-missing",
        wrong_last_line,
        {"blend": lambda r, z, n, h: 1 - z * n + z * h},
        says="the bracket around 1 − z is missing, so Python multiplies z with n first",
        hints=(
            "What should the next state be when z is exactly 1, and what is yours?",
            "In which order does Python work out `1 - z * n`?",
            "(1 - z) * n, with the bracket, plus z * h.",
        ),
    ),
    Mistake(
        "update-gate-not-squeezed",
        half_copied,
        {"gate": lambda x_r, x_z, h_r, h_z: x_z + h_z, "squeeze": _identity},
        says="your update gate is not squeezed, so it is no share between 0 and 1",
        hints=(
            "Between which numbers should a gate lie? Print both of yours.",
            "Something stands in front of the bracket in the first two lines.",
            "z goes through torch.sigmoid, as r does.",
        ),
    ),
    Mistake(
        "reset-in-the-update-gate",
        reset_in_the_update_gate,
        {},
        says="r goes into the update gate, too; it belongs in the new content alone",
        hints=(
            "Take a state of one number and work out z by hand.",
            "In how many of the four lines does r stand on the right?",
            "z is made as r is, from its own thirds.",
        ),
    ),
    Mistake(
        "matrix-of-the-state-kept",
        matrix_of_the_state_kept,
        {},
        says="z multiplies the state after its matrix; it is the old state itself that is kept",
        hints=(
            "Let z be 1. What should come out, and what does?",
            "What stands behind the last sign of the fourth line?",
            "Only the first three lines need the matrices.",
        ),
    ),
    Mistake(
        "next-state-squeezed",
        wrong_last_line,
        {"blend": lambda r, z, n, h: torch.tanh((1 - z) * n + z * h)},
        says="you squeeze the next state by tanh once more",
        hints=(
            "Let z be 1. What should come out, and what does?",
            "Which of the four lines has a tanh?",
            "The fourth line is a blend, and nothing after it.",
        ),
    ),
    Mistake(
        "gates-multiplied",
        wrong_parts,
        {"gates": lambda from_x, from_h: from_x * from_h},
        says="a gate multiplies what comes from the word with what comes from the state; they are "
        "added",
        hints=(
            "Let the state be zeros and the biases 0. How open is the gate, whatever the word?",
            "Which sign stands between the two products inside of the sigmoid?",
            "The two parts are added before the sigmoid.",
        ),
    ),
    Mistake(
        "update-gate-multiplied",
        half_copied,
        {"gate": lambda x_r, x_z, h_r, h_z: x_z * h_z},
        says="the update gate multiplies what comes from the word with what comes from the state",
        hints=(
            "Let the state be zeros and the biases 0. How open is the gate, whatever the word?",
            "Compare your line for z with your line for r.",
            "The two parts are added before the sigmoid.",
        ),
    ),
]


def step_by_names(x, h, weight_x, weight_h, bias_x, bias_h):
    """The four formulas, symbol by symbol."""
    (w_r, w_z, w_n), (u_r, u_z, u_n) = weight_x.chunk(3), weight_h.chunk(3)
    (b_r, b_z, b_n), (c_r, c_z, c_n) = bias_x.chunk(3), bias_h.chunk(3)
    r = torch.sigmoid(w_r @ x + b_r + u_r @ h + c_r)
    z = torch.sigmoid(w_z @ x + b_z + u_z @ h + c_z)
    n = torch.tanh(w_n @ x + b_n + r * (u_n @ h + c_n))
    return (1 - z) * n + z * h


def step_by_layers(x, h, weight_x, weight_h, bias_x, bias_h):
    """The gates in one go, as rows of a table, and the blend as an interpolation."""
    from_x = torch.nn.functional.linear(x, weight_x, bias_x).view(3, -1)
    from_h = torch.nn.functional.linear(h, weight_h, bias_h).view(3, -1)
    r, z = (from_x[:2] + from_h[:2]).sigmoid()
    return torch.lerp(torch.tanh(torch.addcmul(from_x[2], r, from_h[2])), h, z)


def step_number_by_number(x, h, weight_x, weight_h, bias_x, bias_h):
    """One number of the state after the other."""
    d, found = len(h), []
    for i in range(d):
        from_x = [weight_x[row] @ x + bias_x[row] for row in (i, d + i, 2 * d + i)]
        from_h = [weight_h[row] @ h + bias_h[row] for row in (i, d + i, 2 * d + i)]
        r = 1 / (1 + torch.exp(-from_x[0] - from_h[0]))
        z = 1 / (1 + torch.exp(-from_x[1] - from_h[1]))
        n = torch.tanh(from_x[2] + r * from_h[2])
        found.append(n + z * (h[i] - n))
    return torch.stack(found)


def step_by_slices(x, h, weight_x, weight_h, bias_x, bias_h):
    """Slices instead of chunks, each gate by itself, the state moved towards the content."""
    d = len(h)
    cut = [slice(i * d, (i + 1) * d) for i in range(3)]
    x_r, x_z, x_n = (torch.einsum("ij,j->i", weight_x[c], x) + bias_x[c] for c in cut)
    h_r, h_z, h_n = (torch.einsum("ij,j->i", weight_h[c], h) + bias_h[c] for c in cut)
    n = torch.tanh(x_n + h_n / (1 + torch.exp(-x_r - h_r)))
    return h + (n - h) / (1 + torch.exp(x_z + h_z))


# --- 01.gradient-reach ---------------------------------------------------------------------------


def reach_cases(generator: Generator) -> list[Case]:
    """Several lengths and widths, a single word, and a state whose numbers cancel in a sum."""
    made = []
    sizes = {
        "seven words": (7, 3, 5),
        "eleven words": (11, 5, 2),
        "one word": (1, 4, 3),
        "three words of one number": (3, 1, 2),
        "a state of one number": (4, 3, 1),
        "equal sizes": (3, 3, 3),
    }
    for label, (n, d_model, d_hidden) in sizes.items():
        x = torch.randn(n, d_model, generator=generator)
        weight_x = torch.randn(d_hidden, d_model, generator=generator) / d_model**0.5
        weight_h = torch.randn(d_hidden, d_hidden, generator=generator) / d_hidden**0.5
        made.append(case(label, x, weight_x, weight_h))
    x = torch.randn(3, 2, generator=generator)
    half = torch.randn(1, 2, generator=generator)
    opposite = torch.tensor([[0.4, -0.4], [-0.4, 0.4]])
    made.append(case("two numbers that cancel", x, torch.cat([half, -half]), opposite))
    return made


def _states(x: Tensor, weight_x: Tensor, weight_h: Tensor) -> Tensor:
    h, states = torch.zeros(weight_h.shape[0]), []
    for word in x:
        h = torch.tanh(weight_x @ word + weight_h @ h)
        states.append(h)
    return torch.stack(states)


def wrong_reach(x, weight_x, weight_h, *, of="last", size="norm", per="word"):
    """The reach with the output, the measure of size or the axis chosen by flags."""
    x = x.detach().clone().requires_grad_()
    states = _states(x, weight_x, weight_h)
    outputs = {
        "last": states[-1],
        "all": states.flatten(),
        "sum": states[-1].sum()[None],
        "mean": states[-1].mean()[None],
        "length": states[-1].norm()[None],
        "first number": states[-1, :1],
        "last number": states[-1, -1:],
        "first state": states[0],
        "everything": states.sum()[None],
        "states added": states.sum(dim=0),
        "squares": states[-1].square().sum()[None],
        "column": states[:, -1],
    }[of]
    slopes = torch.stack(
        [torch.autograd.grad(number, x, retain_graph=True)[0] for number in outputs]
    )  # (output, seq, d_model)
    slopes = slopes if per == "word" else slopes.mT
    squares = slopes.square()
    return {
        "norm": lambda: squares.sum(dim=(0, 2)).sqrt(),
        "square": lambda: squares.sum(dim=(0, 2)),
        "mean": lambda: squares.mean(dim=(0, 2)).sqrt(),
        "absolute": lambda: slopes.abs().sum(dim=(0, 2)),
        "largest": lambda: slopes.abs().amax(dim=(0, 2)),
        "largest number": lambda: squares.sum(dim=2).amax(dim=0).sqrt(),
        "piled up": lambda: slopes.cumsum(dim=0).square().sum(dim=(0, 2)).sqrt(),
        "norms added": lambda: squares.sum(dim=2).sqrt().sum(dim=0),
        "signed": lambda: slopes.sum(dim=(0, 2)),
        "words first": lambda: slopes.sum(dim=2).square().sum(dim=0).sqrt(),
        "one for all": lambda: squares.sum().sqrt(),
        "one for each": lambda: squares.sum().sqrt().expand(len(x)).clone(),
        "each number": lambda: squares.sum(dim=(1, 2)).sqrt(),
        "table": lambda: squares.sum(dim=0).sqrt(),
        "largest square": lambda: squares.amax(dim=(0, 2)),
        "spectral": lambda: torch.linalg.matrix_norm(slopes.transpose(0, 1), ord=2),
        "root of mean over outputs": lambda: squares.mean(dim=0).sum(dim=-1).sqrt(),
        "norms averaged": lambda: squares.sum(dim=2).sqrt().mean(dim=0),
        "list": lambda: squares.sum(dim=(0, 2)).sqrt().tolist(),
        "last first": lambda: squares.sum(dim=(0, 2)).sqrt().flip(0),
    }[size]()


def other_output(x, weight_x, weight_h, *, of):
    """Another output; by itself, as two of these slips at once are rare."""
    return wrong_reach(x, weight_x, weight_h, of=of)


def other_size(x, weight_x, weight_h, *, size):
    """Another measure of size, by itself."""
    return wrong_reach(x, weight_x, weight_h, size=size)


def reach_with(x, weight_x, weight_h, *, ask=True, keep=True, unpack=True, count=None):
    """The loop over the numbers of the last state, with a slip in how gradients are asked for."""
    x = x.clone().requires_grad_(ask)
    last = _states(x, weight_x, weight_h)[-1]
    squares = torch.zeros(len(x))
    for j in range(len(last) if count is None else x.shape[count]):
        found = torch.autograd.grad(last[j], x, retain_graph=keep)
        squares = squares + (found[0] if unpack else found).square().sum(dim=-1)
    return squares.sqrt()


def reach_by_a_nudge(x, weight_x, weight_h):
    """Every number of a word moved by a thousandth at once."""
    last, found = _states(x, weight_x, weight_h)[-1], []
    for t in range(len(x)):
        moved = x.clone()
        moved[t] += 1e-3
        found.append((_states(moved, weight_x, weight_h)[-1] - last).norm() / 1e-3)
    return torch.stack(found)


def reach_without_tanh(x, weight_x, weight_h):
    """Matrix products alone, as if the network were linear."""
    onward, found = weight_x, []
    for _ in x:
        found.append(onward.norm())
        onward = weight_h @ onward
    return torch.stack(found).flip(0)


def reach_of_own_state(x, weight_x, weight_h):
    """How the state that has just read a word depends on that word."""
    x = x.clone().requires_grad_()
    states = _states(x, weight_x, weight_h)
    found = [
        sum(torch.autograd.grad(h, x, retain_graph=True)[0][t].square().sum() for h in state)
        for t, state in enumerate(states)
    ]
    return torch.stack(found).sqrt()


def reach_of_each_word_alone(x, weight_x, weight_h):
    """Each word read by itself, as the first and last."""
    return torch.cat([wrong_reach(word[None], weight_x, weight_h) for word in x])


def reach_between_states(x, weight_x, weight_h):
    """How the last state depends on each state, not on the words."""
    states = _states(x.clone().requires_grad_(), weight_x, weight_h)
    onward, found = torch.eye(len(weight_h)), []
    for state in states.flip(0):
        found.append(onward.norm())
        onward = onward @ ((1 - state * state)[:, None] * weight_h)
    return torch.stack(found).flip(0).detach()


def reach_as_a_share(x, weight_x, weight_h, *, whole):
    reach = wrong_reach(x, weight_x, weight_h)
    return reach / whole(reach)


sized = told_of(other_size, "size")
REACH_MISTAKES = [
    sized(
        "largest-ratio-of-matrix",
        "spectral",
        "you take the matrix norm of order 2, the largest stretch; the root of the sum of all "
        "squares was asked",
        "What is your number for the matrix with rows (1, 0) and (0, 1)? It should be √2.",
        "There are several norms of a matrix. The formula's is called after Frobenius.",
        "Square all ratios, add them up, take the root.",
    ),
    sized(
        "averaged-over-outputs",
        "root of mean over outputs",
        "you average over the numbers of the last state; the formula adds them up",
        "How many ratios go into one number of yours, and is anything divided by that?",
        "Both signs in the formula are sums.",
        "Take sum where you have mean.",
    ),
    Mistake(
        "words-alone",
        reach_of_each_word_alone,
        {},
        says="you read each word by itself, so that it is the last word each time",
        hints=(
            "How often do you call `read`, and with how many words?",
            "The way from word 1 to the last state leads through all words in between.",
            "One call of `read` with all words; its last row is the last state.",
        ),
    ),
    Mistake(
        "between-states",
        reach_between_states,
        {},
        says="you measure how the last state depends on each *state*; each word was asked",
        hints=(
            "Of what does your gradient say how the last state depends on it?",
            "From the word to its own state there is one more step: W.",
            "The second argument of `torch.autograd.grad` is x.",
        ),
    ),
    Mistake(
        "adds-up-first",
        wrong_reach,
        {"of": "sum"},
        says="you take the gradient of the sum of the last state, so numbers that move in opposite "
        "directions cancel out",
        hints=(
            "Try a state of two numbers that are always opposite. What is their sum, and its "
            "gradient?",
            "Each number of the last state needs a gradient of its own. And if you call backward "
            "several times, gradients add up unless you clear them.",
            "Loop over the numbers of the last state, and add the *squares* of their gradients.",
        ),
    ),
    Mistake(
        "all-states",
        wrong_reach,
        {"of": "all"},
        says="you measure how all states depend on each word, not the last one alone",
        hints=(
            "What moves when word 1 is nudged? More than the exercise asks about.",
            "read gives you one state for each word. You want one of them.",
            "Take row −1 of the states before you ask for gradients.",
        ),
    ),
    Mistake(
        "length-of-the-state",
        wrong_reach,
        {"of": "length"},
        says="you take the gradient of the length of the last state, which is blind to a turn",
        hints=(
            "A state can turn without getting longer. Should that count?",
            "First the gradients, one for each number of the state; squares and root come last.",
            "Loop over the numbers of the last state; add the squares of their gradients.",
        ),
    ),
    Mistake(
        "one-number",
        wrong_reach,
        {"of": "first number"},
        says="you take the gradient of the first number of the last state only",
        hints=(
            "How many numbers does the last state have? How many gradients did you ask for?",
            "The formula sums over j, the numbers of the last state.",
            "Repeat the call of grad for each number, and add the squares.",
        ),
    ),
    Mistake(
        "first-state",
        wrong_reach,
        {"of": "first state"},
        says="you measure the first state, which depends on the first word alone",
        hints=(
            "All your numbers but one are 0. Which state has seen only one word?",
            "Rows of read's result are words, in order.",
            "The last row is number −1.",
        ),
    ),
    Mistake(
        "no-root",
        wrong_reach,
        {"size": "square"},
        says="you sum the squares and forget the root",
        hints=(
            "Your numbers are the squares of the right ones.",
            "A length is the root of a sum of squares.",
            "Finish with sqrt.",
        ),
    ),
    Mistake(
        "averages",
        wrong_reach,
        {"size": "mean"},
        says="you average the squares, so a wider vector counts no more than a narrow one",
        hints=(
            "Compare your results with the right ones: is the quotient the same for all words?",
            "The formula has sums, not means.",
            "Replace mean by sum.",
        ),
    ),
    Mistake(
        "absolute-values",
        wrong_reach,
        {"size": "absolute"},
        says="you add absolute values instead of squares",
        hints=(
            "There is more than one way to measure the size of a vector. Which is asked for?",
            "The formula squares each ratio.",
            "Square, sum, then the root.",
        ),
    ),
    Mistake(
        "largest-only",
        wrong_reach,
        {"size": "largest"},
        says="you take the largest ratio and drop the others",
        hints=(
            "Every ratio should count, also the small ones.",
            "The formula sums over i and j.",
            "Square, sum, then the root.",
        ),
    ),
    Mistake(
        "norms-added",
        wrong_reach,
        {"size": "norms added"},
        says="you take a root for each number of the state and add the roots",
        hints=(
            "In what order do root and sum stand in the formula?",
            "There is one root, and it comes last.",
            "Collect squares in the loop; take the root after it.",
        ),
    ),
    Mistake(
        "signs-cancel",
        wrong_reach,
        {"size": "signed"},
        says="you add the ratios with their signs, so that they cancel out",
        hints=(
            "Can a length be negative?",
            "Opposite ratios must not cancel: what makes them positive?",
            "Square each ratio before you sum.",
        ),
    ),
    Mistake(
        "wrong-axis",
        wrong_reach,
        {"per": "number"},
        says="you get one result for each number of the word vectors, not one for each word",
        hints=(
            "How many results should there be for seven words?",
            "The gradient is (seq, d_model). Which of the two axes should remain?",
            "Sum over the last axis.",
        ),
    ),
    Mistake(
        "adds-up-everything",
        other_output,
        {"of": "everything"},
        says="you take the gradient of the sum of all states: words and numbers are mixed, and "
        "cancel out",
        hints=(
            "What moves when word 1 is nudged? More than the exercise asks about.",
            "The formula sums over j, the numbers of the last state.",
            "Take the last row of the states; ask for the gradient of each of its numbers in a "
            "loop.",
        ),
    ),
    Mistake(
        "squares-the-state",
        other_output,
        {"of": "squares"},
        says="you square the state before you take the gradient; it is the gradients that are "
        "squared",
        hints=(
            "A number of the state near 0 can still move a lot. Does yours count it?",
            "First the gradients, one for each number of the state; squares and root come last.",
            "Loop over the numbers of the last state; add the squares of their gradients.",
        ),
    ),
    Mistake(
        "last-number",
        other_output,
        {"of": "last number"},
        says="only the last number of the state counts: each round of your loop overwrites the "
        "one before",
        hints=(
            "How many numbers does the last state have? How many gradients are in your result?",
            "The formula sums over j, the numbers of the last state.",
            "Add to what the rounds before have found: `+=`.",
        ),
    ),
    Mistake(
        "last-column",
        other_output,
        {"of": "column"},
        says="you take the last number of every state, not every number of the last state",
        hints=(
            "Print the shape of what you loop over when seq and d_hidden differ.",
            "Rows of read's result are words, columns are numbers of the state.",
            "Row −1 is `[-1]`; `[:, -1]` is a column.",
        ),
    ),
    Mistake(
        "adds-up-the-word-first",
        other_size,
        {"size": "words first"},
        says="you add up the ratios of a word before you square, so they cancel out",
        hints=(
            "Can two ratios of opposite sign leave no trace in your result?",
            "Squares first, sums after: over i as well as over j.",
            "Square each gradient as it comes, then sum over its last axis.",
        ),
    ),
    Mistake(
        "the-same-for-each",
        other_size,
        {"size": "one for each"},
        says="the squares of all words are added up, and each word gets that sum",
        hints=(
            "Print your result for seven words. Are all its numbers alike?",
            "The gradient is (seq, d_model). Which of the two axes should remain?",
            "Sum over the last axis only: `grad.square().sum(dim=-1)`.",
        ),
    ),
    Mistake(
        "states-added-up",
        other_output,
        {"of": "states added"},
        says="you take the gradients of all states added up, not those of the last state's numbers",
        hints=(
            "What moves when word 1 is nudged? More than the exercise asks about.",
            "The formula sums over j, the numbers of the last state.",
            "Take the last row of the states; ask for the gradient of each of its numbers in a "
            "loop.",
        ),
    ),
    Mistake(
        "one-for-all",
        other_size,
        {"size": "one for all"},
        says="you return one number for all words together",
        hints=(
            "How many results should there be for seven words?",
            "The gradient is (seq, d_model). Which of the two axes should remain?",
            "Sum over the last axis only.",
        ),
    ),
    Mistake(
        "one-for-each-number",
        other_size,
        {"size": "each number"},
        says="you return one result for each number of the state, not one for each word",
        hints=(
            "How many results should there be for seven words?",
            "The gradient of one number is (seq, d_model). Which of the two axes should remain?",
            "In the loop, sum over the last axis of the squares, and add that to the rest.",
        ),
    ),
    Mistake(
        "a-table",
        other_size,
        {"size": "table"},
        says="you return one result for each number of each word, (seq, d_model); nothing has "
        "summed over i",
        hints=(
            "Print the shape of your result.",
            "Two sums stand under the root. Which one is the loop?",
            "Sum the squares over the last axis as well.",
        ),
    ),
    Mistake(
        "norms-averaged",
        other_size,
        {"size": "norms averaged"},
        says="you take a root for each number of the state, and the mean of the roots",
        hints=(
            "In what order do root and sum stand in the formula?",
            "There is one root, and it comes last. There is no mean.",
            "Collect squares in the loop; take the root after it.",
        ),
    ),
    Mistake(
        "words-turned-round",
        other_size,
        {"size": "last first"},
        says="your results are right but in the wrong order: the last word's comes first",
        hints=(
            "Which word should reach the last state best?",
            "Result number t belongs to word number t.",
            "Leave the gradient's rows in their order.",
        ),
    ),
    Mistake(
        "list",
        other_size,
        {"size": "list"},
        says="you return a Python list, and a tensor is asked for",
        hints=(
            "Print `type(...)` of what you return.",
            "The numbers are right, what holds them is not.",
            "`torch.stack` makes one tensor of a list of them, `torch.tensor` of a list of "
            "numbers.",
        ),
    ),
    Mistake(
        "nobody-asked",
        reach_with,
        {"ask": False},
        says="your x asks for no gradient, so there is none to be had",
        hints=(
            "Print `x.requires_grad` before you call read.",
            "Section 1.4 shows how to get such an x; the exercise says that it needs one.",
            "Start with `x = x.clone().requires_grad_()`.",
        ),
    ),
    Mistake(
        "graph-thrown-away",
        reach_with,
        {"keep": False},
        says="the first call of grad throws away what the second one needs",
        hints=(
            "It works for a state of one number. What happens between the first and the second?",
            "The text says in brackets how to tell PyTorch that you will ask again.",
            "`retain_graph=True`, in each call.",
        ),
    ),
    Mistake(
        "tuple-not-unpacked",
        reach_with,
        {"unpack": False},
        says="`grad` returns a tuple, and you treat it as a tensor",
        hints=(
            "Print what `torch.autograd.grad` returns.",
            "The text says: packed in a tuple of one.",
            "Take `[0]` of it, or write `(gradient,) = …`.",
        ),
    ),
    Mistake(
        "counts-the-words",
        reach_with,
        {"count": 0},
        says="your loop goes over as many numbers as there are words; the state has d_hidden",
        hints=(
            "Try seven words and a state of five numbers, then the other way round.",
            "The formula sums over j, the numbers of the last state.",
            "Loop over the last state itself: `for number in last`.",
        ),
    ),
    Mistake(
        "counts-features",
        reach_with,
        {"count": 1},
        says="your loop goes over d_model numbers; the state has d_hidden",
        hints=(
            "Try words of three numbers and a state of five, then the other way round.",
            "The formula sums over j, the numbers of the last state.",
            "Loop over the last state itself: `for number in last`.",
        ),
    ),
    Mistake(
        "a-real-nudge",
        reach_by_a_nudge,
        {},
        says="you nudge all numbers of a word at once and look how far the state moves: that "
        "is one direction of many",
        hints=(
            "Nudge the first number up and the second down. Does the state move as far?",
            "The formula has a ratio for each pair (j, i).",
            "Ask for gradients: one call for each number of the last state.",
        ),
    ),
    Mistake(
        "without-tanh",
        reach_without_tanh,
        {},
        says="you multiply the weights only, as if tanh were not there, or x were 0",
        hints=(
            "Make x ten times as large. Should less arrive, and does it in yours?",
            "tanh has a slope too, and it depends on x.",
            "Let autograd go through `read`, which has the tanh in it.",
        ),
    ),
    Mistake(
        "own-state",
        reach_of_own_state,
        {},
        says="you measure how each state depends on its own word, and the *last* state is asked "
        "for",
        hints=(
            "Your numbers hardly shrink from the last word to the first. Should they?",
            "For word 1, too, the question is what arrives at the end.",
            "Take row −1 of the states, for every word.",
        ),
    ),
    Mistake(
        "share-of-the-largest",
        reach_as_a_share,
        {"whole": torch.max},
        says="you divide by the largest, so that one word has 1; the sizes themselves are asked "
        "for",
        hints=(
            "The quotients of your numbers are right. Are the numbers?",
            "Look at the formula: does anything stand behind the root?",
            "Return what comes out of the root.",
        ),
    ),
    Mistake(
        "share-of-the-sum",
        reach_as_a_share,
        {"whole": torch.sum},
        says="you divide by the sum, so that all words share 1; the sizes themselves are asked for",
        hints=(
            "The quotients of your numbers are right. Are the numbers?",
            "Look at the formula: does anything stand behind the root?",
            "Return what comes out of the root.",
        ),
    ),
    Mistake(
        "averages-first",
        other_output,
        {"of": "mean"},
        says="you take the gradient of the average of the last state, so numbers that move in "
        "opposite directions cancel out",
        hints=(
            "Try a state of two numbers that are always opposite. What is their average, and its "
            "gradient?",
            "Each number of the last state needs a gradient of its own.",
            "Loop over the numbers of the last state, and add the *squares* of their gradients.",
        ),
    ),
    Mistake(
        "largest-number",
        other_size,
        {"size": "largest number"},
        says="you keep the number of the state that moves most; all of them count",
        hints=(
            "Take a state of two numbers and print both gradients.",
            "There are two sums in the formula. What do you do with the outer one?",
            "Add up the squares of every number of the state.",
        ),
    ),
    Mistake(
        "gradients-piled-up",
        other_size,
        {"size": "piled up"},
        says="each gradient still holds those before it: `backward` adds to `x.grad` and clears "
        "nothing",
        hints=(
            "Print `x.grad` after the first and after the second `backward`.",
            "Whose gradient is it the second time?",
            "Set `x.grad` to None before each `backward`, or ask `torch.autograd.grad`.",
        ),
    ),
]


def reach_by_jacobian(x, weight_x, weight_h):
    """All ratios at once."""
    ratios = torch.autograd.functional.jacobian(
        lambda text: _states(text, weight_x, weight_h)[-1], x
    )
    return torch.linalg.vector_norm(ratios, dim=(0, 2))


def reach_by_hand(x, weight_x, weight_h):
    """The chain rule written out, from the last word backwards."""
    states, found = _states(x, weight_x, weight_h), []
    onward = torch.eye(weight_h.shape[0])
    for h in states.flip(0):
        onward = onward @ torch.diag(1 - h * h)
        found.append((onward @ weight_x).norm())
        onward = onward @ weight_h
    return torch.stack(found).flip(0)


def reach_by_jacrev(x, weight_x, weight_h):
    """All ratios at once, by another road."""
    ratios = torch.func.jacrev(lambda text: _states(text, weight_x, weight_h)[-1])(x)
    return torch.einsum("jti,jti->t", ratios, ratios) ** 0.5


def reach_by_backward(x, weight_x, weight_h):
    """`backward` for each number, with the gradient cleared before."""
    x, squares = x.detach().clone().requires_grad_(), torch.zeros(len(x))
    for number in _states(x, weight_x, weight_h)[-1]:
        x.grad = None
        number.backward(retain_graph=True)
        squares += (x.grad**2).sum(1)
    return squares.sqrt()


def reach_in_one_call(x, weight_x, weight_h):
    """The input itself asks for gradients, and all numbers are asked for together."""
    last = _states(x.requires_grad_(), weight_x, weight_h)[-1]
    each = torch.eye(len(last))
    (ratios,) = torch.autograd.grad(last, x, each, is_grads_batched=True)
    return torch.linalg.matrix_norm(ratios.transpose(0, 1))


# --- 01.path-length ------------------------------------------------------------------------------


def path_cases(generator: Generator) -> list[Case]:
    """Lengths that divide evenly and that do not, the shortest text, a kernel wider than it."""
    pairs = [(11, 3), (12, 5), (13, 6), (41, 5), (2, 2), (3, 7), (16, 4)]
    n = torch.randint(50, 500, (3,), generator=generator).tolist()
    k = torch.randint(3, 12, (3,), generator=generator).tolist()
    pairs += zip(n, k, strict=True)
    pairs += [(100, 2), (7, 7), (8, 7), (2, 100), (1000, 1001), (20_002, 20_001)]
    return [case(f"{n} words, kernel {k}", n, k) for n, k in pairs]


def wrong_path(n, k, *, recurrent="handed on", convolution="right", attention="one"):
    """Path lengths with a usual miscount in one place."""
    return {
        "recurrent": {"handed on": n - 1, "words": n, "between": n - 2}[recurrent],
        "convolution": {
            "right": lambda: math.ceil((n - 1) / (k - 1)),
            "width": lambda: math.ceil(n / k),
            "places by width": lambda: math.ceil((n - 1) / k),
            "posts": lambda: math.ceil(n / (k - 1)),
            "floor": lambda: (n - 1) // (k - 1),
            "a word more": lambda: math.ceil((n - 1) / (k + 1)),
            "upside down": lambda: math.ceil((k - 1) / (n - 1)),
            "nearest": lambda: round((n - 1) / (k - 1)),
            "exact": lambda: (n - 1) / (k - 1),
            "centred": lambda: math.ceil((n - 1) / max(1, (k - 1) // 2)),
            "half": lambda: math.ceil((n - 1) / (k // 2)),
            "doubling": lambda: math.ceil(math.log(n, k)),
            "floor of widths": lambda: n // k,
            "floor of places by width": lambda: (n - 1) // k,
            "float": lambda: float(math.ceil((n - 1) / (k - 1))),
            "one more": lambda: math.ceil((n - 1) / (k - 1)) + 1,
            "one less": lambda: math.ceil((n - 1) / (k - 1)) - 1,
            "between": lambda: math.ceil((n - 2) / (k - 1)),
            "one layer": lambda: 1,
            "posts rounded down": lambda: n // (k - 1),
            "width and one more": lambda: n // k + 1,
            "halving": lambda: math.ceil(math.log2(n)),
            "no brackets": lambda: math.ceil(n - 1 / k - 1),
            "one bracket": lambda: math.ceil((n - 1) / k - 1),
            "one bracket, rounded down": lambda: (n - 1) // k - 1,
            "slides": lambda: n - k + 1,
            "slides before the last": lambda: n - k,
        }[convolution](),
        "attention": {"one": 1, "words": n, "places": n - 1, "none": 0, "two": 2, "pairs": n * n}[
            attention
        ],
    }


def other_layers(n, k, *, convolution):
    """Another number of layers, by itself: two of these slips at once are rare."""
    return wrong_path(n, k, convolution=convolution)


def other_looks(n, k, *, attention):
    """Another number of looks, by itself."""
    return wrong_path(n, k, attention=attention)


def packed(n, k, *, give):
    """The right numbers in another packing."""
    return give(n - 1, math.ceil((n - 1) / (k - 1)), 1)


PATH_MISTAKES = [
    Mistake(
        "counts-the-words",
        wrong_path,
        {"recurrent": "words"},
        says="your recurrent network takes n steps: you count words, not the steps between them",
        hints=(
            "Take a text of two words. How often is the state handed on?",
            "Word 1 enters the state in its own step. Count from there.",
            "Between n words there are n − 1 gaps.",
        ),
    ),
    Mistake(
        "window-jumps-its-width",
        wrong_path,
        {"convolution": "width"},
        says="your layers reach k words back; a window of k words includes the word itself",
        hints=(
            "With a kernel of 2 words, how far back does one layer look?",
            "One of the k words in the window is the word itself.",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
        ),
    ),
    Mistake(
        "places-by-width",
        wrong_path,
        {"convolution": "places by width"},
        says="your layers reach k words back; you count the places right, but a window of k words "
        "includes the word itself",
        hints=(
            "With a kernel of 2 words, how far back does one layer look?",
            "One of the k words in the window is the word itself.",
            "A layer reaches k − 1 words back.",
        ),
    ),
    Mistake(
        "one-post-too-many",
        wrong_path,
        {"convolution": "posts"},
        says="you count one layer too many where the layers fit exactly",
        hints=(
            "Take n = 3 and k = 3. Is one layer enough?",
            "From word 1 to word n it is n − 1 places. When do they need a layer that is not full?",
            "Divide n − 1 by k − 1 and round up; where nothing is left over, add nothing.",
        ),
    ),
    Mistake(
        "rounds-down",
        wrong_path,
        {"convolution": "floor"},
        says="you round down, so your last layer stops short of word 1",
        hints=(
            "Take n = 12 and k = 5: what do two layers reach?",
            "Half a layer does not exist, and one too few does not arrive.",
            "Round up: math.ceil.",
        ),
    ),
    Mistake(
        "rounds-to-the-nearest",
        wrong_path,
        {"convolution": "nearest"},
        says="you round to the nearest whole number, so your last layer may stop short of word 1",
        hints=(
            "Take n = 13 and k = 6: what do two layers reach?",
            "12 places, 5 a layer: two layers leave 2 places uncovered.",
            "Round up, always: math.ceil.",
        ),
    ),
    Mistake(
        "not-rounded",
        wrong_path,
        {"convolution": "exact"},
        says="you return a broken number of layers",
        hints=(
            "How many layers would you build if the result is 2.75?",
            "Layers come whole.",
            "Round up: math.ceil.",
        ),
    ),
    Mistake(
        "window-on-both-sides",
        wrong_path,
        {"convolution": "centred"},
        says="you centre the window on the word, so only half of it looks back",
        hints=(
            "Where does the window of this exercise end?",
            "All other words in the window stand before the word.",
            "A layer reaches k − 1 words back.",
        ),
    ),
    Mistake(
        "half-a-window",
        wrong_path,
        {"convolution": "half"},
        says="you let each layer reach half a kernel back, as if the other half looked ahead",
        hints=(
            "Where does the window of this exercise end?",
            "All other words in the window stand before the word.",
            "A layer reaches k − 1 words back.",
        ),
    ),
    Mistake(
        "windows-that-grow",
        wrong_path,
        {"convolution": "doubling"},
        says="you count logarithmically, as if each layer's window were k times as wide as the one "
        "below (dilated convolutions do that)",
        hints=(
            "How far do two layers with a kernel of 3 reach: 4 words back, or 8?",
            "Each layer adds the same distance.",
            "Divide the distance by what one layer adds.",
        ),
    ),
    Mistake(
        "attention-walks",
        wrong_path,
        {"attention": "words"},
        says="your attention takes n steps; it does n comparisons, but all in one step",
        hints=(
            "Work and path are two things. How many steps wait for each other?",
            "Can the last word look at the first one directly?",
            "It takes one look, whatever n is.",
        ),
    ),
    Mistake(
        "attention-takes-nothing",
        wrong_path,
        {"attention": "none"},
        says="you count no step at all for attention; a look is a step",
        hints=(
            "How many looks does the last word need to see word 1?",
            "The output at word n is not word 1 itself: something has to be computed once.",
            "It is the same small number for every n, and it is not 0.",
        ),
    ),
    Mistake(
        "words-in-between",
        wrong_path,
        {"recurrent": "between"},
        says="you count the words between the first and the last; the state is handed on once more",
        hints=(
            "Take a text of two words. How often is the state handed on?",
            "Word 1 enters the state in its own step. Count from there.",
            "Between n words there are n − 1 gaps.",
        ),
    ),
    Mistake(
        "widths-rounded-down",
        other_layers,
        {"convolution": "floor of widths"},
        says="you count how often the kernel fits into the text, and a window of k words "
        "includes the word itself",
        hints=(
            "Take n = 3 and k = 3. Is one layer enough? And for n = 4?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "places-by-width-rounded-down",
        other_layers,
        {"convolution": "floor of places by width"},
        says="you divide by k and round down: a layer reaches k − 1 words back, and half a "
        "layer does not exist",
        hints=(
            "Take n = 3 and k = 3. Is one layer enough? And for n = 4?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "layers-as-float",
        other_layers,
        {"convolution": "float"},
        says="your number of layers is right but a float, such as 2.0; a whole number is asked for",
        hints=(
            "Print what you return. Is there a point in it?",
            "Which functions round to a whole number, and which to a float that looks like one?",
            "`math.ceil` gives an `int`; around anything else put `int(...)`.",
        ),
    ),
    Mistake(
        "one-layer-too-many",
        other_layers,
        {"convolution": "one more"},
        says="you count one layer too many, always",
        hints=(
            "Take n = 3 and k = 3. Is one layer enough? And for n = 4?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "one-layer-too-few",
        other_layers,
        {"convolution": "one less"},
        says="you count one layer too few, always: the first layer counts too",
        hints=(
            "Take n = 3 and k = 3. Is one layer enough? And for n = 4?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "places-in-between",
        other_layers,
        {"convolution": "between"},
        says="you cover the n − 2 words in between, and word 1 itself stays out of sight where "
        "the layers fit exactly",
        hints=(
            "Take n = 3 and k = 3. Is one layer enough? And for n = 4?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "one-layer",
        other_layers,
        {"convolution": "one layer"},
        says="you count a single layer, however long the text",
        hints=(
            "Take n = 5 and k = 3. What does the only layer see?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "counts-positions-of-the-window",
        other_layers,
        {"convolution": "slides"},
        says="you count the places at which a window can stand; all of them are computed in "
        "one layer",
        hints=(
            "How far back does one layer look, wherever it stands?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "counts-moves-of-the-window",
        other_layers,
        {"convolution": "slides before the last"},
        says="you count how often a window moves on; that is work inside one layer, not a path "
        "through layers",
        hints=(
            "How far back does one layer look, wherever it stands?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "attention-walks-the-gaps",
        other_looks,
        {"attention": "places"},
        says="your attention takes n − 1 steps, like the recurrent network; it looks at all "
        "words in one step",
        hints=(
            "Work and path are two things. How many steps wait for each other?",
            "Can the last word look at the first one directly?",
            "It takes one look, whatever n is.",
        ),
    ),
    Mistake(
        "attention-looks-twice",
        other_looks,
        {"attention": "two"},
        says="you count two steps for attention; scores and sum are one look",
        hints=(
            "Work and path are two things. How many steps wait for each other?",
            "Can the last word look at the first one directly?",
            "It takes one look, whatever n is.",
        ),
    ),
    Mistake(
        "attention-counts-pairs",
        other_looks,
        {"attention": "pairs"},
        says="you count the pairs that attention compares; they are compared side by side, in "
        "one step",
        hints=(
            "Work and path are two things. How many steps wait for each other?",
            "Can the last word look at the first one directly?",
            "It takes one look, whatever n is.",
        ),
    ),
    Mistake(
        "no-names",
        packed,
        {"give": lambda *three: three},
        says="you return the three numbers without their names",
        hints=(
            "Print what you return.",
            "The text asks for a dictionary, and says its three names.",
            '`{"recurrent": …, "convolution": …, "attention": …}`',
        ),
    ),
    Mistake(
        "no-names-in-a-list",
        packed,
        {"give": lambda *three: [*three]},
        says="you return a list of the three numbers, without their names",
        hints=(
            "Print what you return.",
            "The text asks for a dictionary, and says its three names.",
            '`{"recurrent": …, "convolution": …, "attention": …}`',
        ),
    ),
    Mistake(
        "posts-rounded-down",
        other_layers,
        {"convolution": "posts rounded down"},
        says="you divide n by k − 1 and round down: it is n − 1 places, and half a layer does "
        "not exist",
        hints=(
            "Take n = 3 and k = 3. Is one layer enough? And for n = 4?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "width-and-one-more",
        other_layers,
        {"convolution": "width and one more"},
        says="you divide by k and add 1: a layer reaches k − 1 words back, and where layers "
        "fit exactly nothing is added",
        hints=(
            "Take n = 3 and k = 3. Is one layer enough? And for n = 4?",
            "A layer reaches k − 1 words back, and n − 1 places have to be covered.",
            "Divide places by reach and round up.",
        ),
    ),
    Mistake(
        "halves-each-time",
        other_layers,
        {"convolution": "halving"},
        says="you count logarithmically, as if each layer reached twice as far as the one below",
        hints=(
            "How far do two layers with a kernel of 3 reach: 4 words back, or 8?",
            "Each layer adds the same distance.",
            "Divide the distance by what one layer adds.",
        ),
    ),
    Mistake(
        "brackets-missing",
        other_layers,
        {"convolution": "no brackets"},
        says="brackets are missing: Python divides 1 by k before it takes anything away",
        hints=(
            "Put n = 11 and k = 3 into your line, and work it out step by step as Python does.",
            "Division comes before subtraction, unless brackets say otherwise.",
            "Two brackets: (n - 1) above the line, (k - 1) below it.",
        ),
    ),
    Mistake(
        "bracket-missing",
        other_layers,
        {"convolution": "one bracket"},
        says="the bracket around k − 1 is missing: Python divides by k and then takes 1 away",
        hints=(
            "Put n = 11 and k = 3 into your line, and work it out step by step as Python does.",
            "Division comes before subtraction, unless brackets say otherwise.",
            "Two brackets: (n - 1) above the line, (k - 1) below it.",
        ),
    ),
    Mistake(
        "bracket-missing-rounded-down",
        other_layers,
        {"convolution": "one bracket, rounded down"},
        says="the bracket around k − 1 is missing, and you round down: Python divides by k, and "
        "then takes 1 away",
        hints=(
            "Put n = 11 and k = 3 into your line, and work it out step by step as Python does.",
            "Division comes before subtraction, unless brackets say otherwise.",
            "Two brackets: (n - 1) above the line, (k - 1) below it.",
        ),
    ),
    Mistake(
        "window-too-far",
        other_layers,
        {"convolution": "a word more"},
        says="your layers reach k + 1 words back; that is more than a window holds",
        hints=(
            "Take a kernel of 2. How many words back does one layer see?",
            "The window holds k words, and the word itself is one of them.",
            "Count how far back the first word of a window lies.",
        ),
    ),
    Mistake(
        "upside-down",
        other_layers,
        {"convolution": "upside down"},
        says="your fraction is upside down: more words would need fewer layers",
        hints=(
            "Try 11 words, then 61, with a kernel of 3.",
            "What is to be covered, and how much of it does one layer cover?",
            "What is to be covered stands above the line.",
        ),
    ),
]


def path_by_whole_numbers(n, k):
    """Rounding up without a fraction."""
    return {"recurrent": n - 1, "convolution": -((1 - n) // (k - 1)), "attention": 1}


def path_by_walking(n, k):
    """Walk until word n is reached."""

    def steps(reach):
        place, taken = 1, 0
        while place < n:
            place, taken = place + reach, taken + 1
        return taken

    return {"recurrent": steps(1), "convolution": steps(k - 1), "attention": steps(n)}


def path_by_remainders(n, k):
    """Full layers, and one more for what is left."""
    full, left = divmod(n - 1, k - 1)
    return {"attention": 1, "recurrent": n - 1, "convolution": full + (left > 0)}


# --- 01.recall-gru -------------------------------------------------------------------------------


def reader_state(
    generator: Generator, d_in: int, d_hidden: int, n_answers: int, spread: float = 1.0
) -> dict[str, Tensor]:
    shapes = {
        "weight_x": (3 * d_hidden, d_in),
        "weight_h": (3 * d_hidden, d_hidden),
        "bias_x": (3 * d_hidden,),
        "bias_h": (3 * d_hidden,),
        "answer.weight": (n_answers, d_hidden),
        "answer.bias": (n_answers,),
    }
    made = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return {name: spread * weight for name, weight in made.items()}


def recall_rows(
    generator: Generator, steps: int, batch: int, seq: int, kinds: int, asked: int
) -> tuple[Tensor, Tensor]:
    """Rows of symbols (steps, batch, seq, kinds + 1), one underlined; and that one."""
    symbols = torch.randint(kinds, (steps, batch, seq), generator=generator)
    line = torch.zeros(steps, batch, seq, 1)
    line[:, :, asked] = 1.0
    return torch.cat([F.one_hot(symbols, kinds), line], dim=-1), symbols[:, :, asked]


def recall_cases(generator: Generator) -> list[Case]:
    def start(d_in: int, d_hidden: int, n_answers: int, spread: float = 1.0) -> dict:
        init = {"d_in": d_in, "d_hidden": d_hidden, "n_answers": n_answers}
        return {"init": init, "state": reader_state(generator, *init.values(), spread)}

    def asked(label: str, sizes: tuple[int, int, int], batch: int, seq: int) -> Case:
        x = torch.randn(batch, seq, sizes[0], generator=generator)
        return Case(label, [call(x)], **start(*sizes))

    def trained(
        label: str, steps: int, batch: int, seq: int, kinds: int, rate: float, *first: Call
    ) -> Case:
        rows, answers = recall_rows(generator, steps, batch, seq, kinds, asked=0)
        x = torch.randn(2, 4, kinds + 1, generator=generator)
        calls = [*first, call(rows, answers, rate, method="fit"), call(x)]
        return Case(label, calls, **start(kinds + 1, 5, kinds))

    def learned(label: str, place: int) -> Case:
        """Sizes and rate at which the reference gets all of them, with any of 60 seeds."""
        rows, answers = recall_rows(generator, 100, 8, 4, 3, place)
        (x,), (y,) = recall_rows(generator, 1, 60, 4, 3, place)
        calls = [call(rows, answers, 2.0, method="fit"), call(x)]
        return Case(label, calls, **start(4, 8, 3, 0.5), target=y, at_least=0.95)

    def from_its_own(label: str) -> Case:
        """Rows that even zeros learn, or weights of 3, but not nan or an answer of zeros."""
        rows, answers = recall_rows(generator, 150, 8, 1, 3, 0)
        (x,), (y,) = recall_rows(generator, 1, 60, 1, 3, 0)
        calls = [call(rows, answers, 1.0, method="fit"), call(x)]
        init = {"d_in": 4, "d_hidden": 16, "n_answers": 3}
        return Case(label, calls, init=init, target=y, at_least=0.9)

    return [
        asked("three rows", (5, 3, 2), 3, 4),
        asked("one row", (3, 2, 4), 1, 3),
        asked("one symbol: the first state is 0", (2, 5, 3), 2, 1),
        asked("all sizes equal", (4, 4, 4), 4, 4),
        # Five, as three are played in order by chance too often where they are shuffled. Other
        # objects are in evaluation mode, where dropout of one's own would not show.
        trained("five steps in training, then new rows", 5, 4, 3, 2, 0.5, call(method="train")),
        trained("one step", 1, 2, 4, 3, 1.0),
        trained("rows of two symbols", 2, 3, 2, 3, 0.7),
        learned("unseen rows, asked for the first symbol", 0),
        learned("unseen rows, asked for the second", 1),
        from_its_own("your own first numbers, rows of one symbol"),
        asked("a long row", (3, 4, 2), 2, 17),
    ]


# what `forward` returns here still goes into the loss
CARRIED_ON = ("first-state", "mean-state", "no-answer", "shares", "log-shares")
CARRIED_ON += ("gates-of-scores", "squeezed-scores")


class WrongReader(nn.Module):
    """A GRU and an answer with their steps exchangeable; `way` names the one that is."""

    def __init__(self, d_in: int, d_hidden: int, n_answers: int, *, way: str = "right"):
        super().__init__()
        self.way, self.kept = way, ()
        self.make(d_in, d_hidden, n_answers)

    def make(self, d_in: int, d_hidden: int, n_answers: int) -> None:
        self.weight_x = nn.Parameter(0.3 * torch.randn(3 * d_hidden, d_in))
        self.weight_h = nn.Parameter(0.3 * torch.randn(3 * d_hidden, d_hidden))
        self.bias_x = nn.Parameter(torch.zeros(3 * d_hidden))
        self.bias_h = nn.Parameter(torch.zeros(3 * d_hidden))
        self.answer = nn.Linear(d_hidden, n_answers)

    def step(self, word: Tensor, h: Tensor) -> Tensor:
        axis = 0 if self.way == "rows-cut" else -1
        from_x = {
            "weights-not-turned": lambda: word @ self.weight_x,
            "weights-first": lambda: self.weight_x @ word,
        }.get(self.way, lambda: word @ self.weight_x.T)()
        from_x = (from_x if self.way == "word-bias-unused" else from_x + self.bias_x).chunk(3, axis)
        from_h = h @ self.weight_h.T
        from_h = (from_h if self.way == "bias-unused" else from_h + self.bias_h).chunk(3, axis)
        order = {"gates-swapped": (1, 0, 2), "content-first": (1, 2, 0)}.get(self.way, (0, 1, 2))
        _, _, _ = from_x  # as a learner's line does: two rows make two parts
        (x_r, x_z, x_n), (h_r, h_z, h_n) = ([part[i] for i in order] for part in (from_x, from_h))
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        c_n = self.bias_h.chunk(3)[2]
        inside = {
            "no-reset": lambda: x_n + h_n,
            "no-gates": lambda: x_n + h_n,
            "reset-everything": lambda: r * (x_n + h_n),
            "bias-outside": lambda: x_n + r * (h @ self.weight_h.chunk(3)[2].T) + c_n,
            "reset-before": lambda: (
                x_n + (r * h) @ self.weight_h.chunk(3)[order[2]].T + self.bias_h.chunk(3)[order[2]]
            ),
        }.get(self.way, lambda: x_n + r * h_n)()
        n = {"no-tanh": lambda: inside, "sigmoid-content": lambda: inside.sigmoid()}.get(
            self.way, lambda: inside.tanh()
        )()
        return {
            "keep-turned": lambda: z * n + (1 - z) * h,
            "content-added": lambda: n + z * h,
            "no-blend": lambda: n,
            "no-gates": lambda: n,
        }.get(self.way, lambda: (1 - z) * n + z * h)()

    def read(self, x: Tensor) -> Tensor:
        """All states (batch, seq, d_hidden)."""
        x = x.transpose(0, 1) if self.way == "rows-as-words" else x
        x = x.flip(1) if self.way == "from-the-right" else x
        h, states = x.new_zeros(len(x), self.weight_h.shape[1]), []
        if self.way == "state-kept" and len(self.kept) == len(x):
            h = self.kept
        if self.way == "any-state-kept" and len(self.kept):
            h = self.kept
        h = h + 1 if self.way == "starts-at-one" else h
        for word in self.words(x):
            h = torch.zeros_like(h) if self.way == "state-forgotten" else h
            h = h.detach() if self.way == "state-detached" else h
            h = self.step(word, h)
            states.append(h)
        self.kept = h.detach()
        return torch.stack(states or [h], 1)

    def words(self, x: Tensor) -> Iterable[Tensor]:
        """What the loop goes through, one after the other."""
        return {
            "last-unread": lambda: x[:, :-1].unbind(dim=1),
            "first-unread": lambda: x[:, 1:].unbind(dim=1),
            "rows-as-steps": lambda: x.unbind(dim=0),
            "counts-rows": lambda: (x[:, t] for t in range(x.shape[0])),
            "picks-rows": lambda: (x[t] for t in range(x.shape[1])),
        }.get(self.way, lambda: x.unbind(dim=1))()

    def forward(self, x: Tensor):
        states = self.read(x)
        scores = self.answer(states[:, -1])
        return {
            "every-place": lambda: self.answer(states),
            "first-state": lambda: self.answer(states[:, 0]),
            "mean-state": lambda: self.answer(states.mean(dim=1)),
            "no-answer": lambda: states[:, -1],
            "shares": lambda: scores.softmax(dim=-1),
            "log-shares": lambda: scores.log_softmax(dim=-1),
            "gates-of-scores": lambda: scores.sigmoid(),
            "squeezed-scores": lambda: scores.tanh(),
            "best-only": lambda: scores.argmax(dim=-1),
            "with-state": lambda: (scores, states[:, -1]),
            "forward-nothing": lambda: None,
        }.get(self.way, lambda: scores)()

    def fit(self, rows: Tensor, answers: Tensor, rate: float) -> list[float]:
        losses = []
        for x, y in zip(rows, answers, strict=True):
            scores = self(x) if self.way in CARRIED_ON else self.answer(self.read(x)[:, -1])
            loss = F.cross_entropy(scores, y)
            descend(self, loss, rate)
            losses.append(loss.item())
        return losses


FIXED_RATES = {"rate-0.001": 0.001, "rate-0.01": 0.01, "rate-0.1": 0.1}


class WrongTraining(WrongLoop, WrongReader):
    """Mistakes of the loop; forward is right."""

    moves = WrongLoop.moves | {
        "answer-only": lambda name: "answer" in name,
        "answer-still": lambda name: "answer" not in name,
    }

    def judged(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        scores = self(x)
        pair = (scores[:1], y[:1]) if self.way == "first-row" else (scores, y)
        return pair[::-1] if self.way == "arguments-exchanged" else pair

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        loss = super().loss(x, y)
        by = {"divided-by-symbols": x.shape[1], "divided-by-rows": len(x)}
        return loss / by.get(self.way, 1)

    def move(self, loss: Tensor, rate: float) -> None:
        super().move(loss, FIXED_RATES.get(self.way, rate))

    def batches(self, inputs: Tensor, answers: Tensor) -> list[tuple[Tensor, Tensor]]:
        each = super().batches(inputs, answers)
        if self.way == "rows-alone":
            return [pair for x, y in each for pair in zip(x.split(1), y.split(1), strict=True)]
        return each * 2 if self.way == "two-rounds" else each


class StoppedReader(WrongReader):
    """A step by hand stops where the loss refuses what `forward` gives, or reaches no parameter."""

    def fit(self, rows, answers, rate):
        losses = []
        for x, y in zip(rows, answers, strict=True):
            loss = F.cross_entropy(self(x), y)
            self.zero_grad()
            loss.backward()
            with torch.no_grad():
                for weight in self.parameters():
                    weight -= rate * weight.grad
            losses.append(loss.item())
        return losses


class ReaderWithoutSuper(WrongReader):
    """The line that every module starts with is missing."""

    def __init__(self, d_in, d_hidden, n_answers):
        self.weight_x = nn.Parameter(torch.zeros(3 * d_hidden, d_in))


class PlainTensors(WrongReader):
    """Tensors that nobody declared to be parameters."""

    def make(self, d_in, d_hidden, n_answers):
        self.weight_x = torch.randn(3 * d_hidden, d_in)
        self.weight_h = torch.randn(3 * d_hidden, d_hidden)
        self.bias_x, self.bias_h = torch.zeros(3 * d_hidden), torch.zeros(3 * d_hidden)
        self.answer = nn.Linear(d_hidden, n_answers)


class LyingWeights(WrongReader):
    """Matrices as `x @ W` would want them."""

    def make(self, d_in, d_hidden, n_answers):
        super().make(d_in, d_hidden, n_answers)
        self.weight_x = nn.Parameter(torch.randn(d_in, 3 * d_hidden))
        self.weight_h = nn.Parameter(torch.randn(d_hidden, 3 * d_hidden))


class OneBias(WrongReader):
    """One bias for word and state together."""

    def make(self, d_in, d_hidden, n_answers):
        super().make(d_in, d_hidden, n_answers)
        del self.bias_h


class ReaderByOptimizer(WrongReader):
    """Right: one function for the linear parts, PyTorch's own step."""

    def forward(self, x):
        h = torch.zeros(x.shape[0], self.weight_h.shape[1])
        for t in range(x.shape[1]):
            x_r, x_z, x_n = F.linear(x[:, t], self.weight_x, self.bias_x).chunk(3, dim=1)
            h_r, h_z, h_n = F.linear(h, self.weight_h, self.bias_h).chunk(3, dim=1)
            z = torch.sigmoid(x_z + h_z)
            h = torch.lerp(torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n), h, z)
        return self.answer(h)

    def fit(self, rows, answers, rate):
        optimizer, losses = torch.optim.SGD(self.parameters(), lr=rate), []
        for i in range(len(rows)):
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(self(rows[i]), answers[i])
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses


class ReaderByAutograd(WrongReader):
    """Right: everything about the words at once, gradients asked for by name."""

    def forward(self, x):
        from_words = torch.einsum("btd,hd->bth", x, self.weight_x) + self.bias_x
        d, h = self.weight_h.shape[1], torch.zeros(len(x), self.weight_h.shape[1])
        for word in from_words.transpose(0, 1):
            state = h @ self.weight_h.mT + self.bias_h
            r, z = (word[:, : 2 * d] + state[:, : 2 * d]).sigmoid().split(d, dim=-1)
            n = (word[:, 2 * d :] + r * state[:, 2 * d :]).tanh()
            h = n + z * (h - n)
        return self.answer(h)

    def fit(self, rows, answers, rate):
        losses, weights = [], list(self.parameters())
        for x, y in zip(rows, answers, strict=True):
            loss = -self(x).log_softmax(dim=-1).gather(-1, y[:, None]).mean()
            for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.data -= rate * slope
            losses.append(loss.item())
        return losses


class ReaderRowByRow(WrongReader):
    """Right: each row alone, gradients set to None."""

    def one(self, row):
        h = torch.zeros(self.weight_h.shape[1])
        for word in row:
            a, b = self.weight_x @ word + self.bias_x, self.weight_h @ h + self.bias_h
            (a_r, a_z, a_n), (b_r, b_z, b_n) = a.view(3, -1), b.view(3, -1)
            z = 1 / (1 + torch.exp(-a_z - b_z))
            h = (1 - z) * torch.tanh(a_n + torch.sigmoid(a_r + b_r) * b_n) + z * h
        return self.answer.weight @ h + self.answer.bias

    def forward(self, x):
        return torch.stack([self.one(row) for row in x])

    def fit(self, rows, answers, rate):
        losses = []
        for i in range(rows.shape[0]):
            each = [F.cross_entropy(s, y) for s, y in zip(self(rows[i]), answers[i], strict=True)]
            loss = sum(each) / len(each)
            loss.backward()
            for weight in self.parameters():
                weight.data.add_(weight.grad, alpha=-rate)
                weight.grad = None
            losses.append(loss.detach().item())
        return losses


READER_HINTS = (
    "Make a reader with 5, 3 and 2, hand it one row of one symbol, and work the four lines out by "
    "hand.",
    "One step is the exercise 01.gru-step. Now `x @ W.T` takes a whole batch, and `chunk` cuts the "
    "last axis.",
    "r, z and n in this order; n is the tanh of its bracket; then (1 − z) · n + z · h.",
)
LOOP_HINTS = (
    "Print the shape of `word` and of `h` in the loop, for a batch of 3 rows of 4 symbols.",
    "The axes of `x` are (batch, seq, d_in). The loop goes along seq, from the left, and hands the "
    "state on.",
    "h starts as zeros (batch, d_hidden); each turn takes `x[:, t]` and replaces h.",
)
ANSWER_HINTS = (
    "Print the shape of what `forward` returns for 3 rows: it should be (3, n_answers).",
    "The answer is given once for each row, when all of it has been read.",
    "After the loop: `return self.answer(h)`, with no softmax.",
)
LOSS_HINTS = (
    "Print the loss of the first step, before anything moved, and work it out by hand.",
    "`cross_entropy` takes scores as they are, a row for each example, and gives one mean.",
    "`F.cross_entropy(self(x), y)`, and nothing before or after it.",
)
STEP_HINTS = (
    "Print one parameter and its gradient before and after a step.",
    "A step has three moves: old gradients away, new ones by `backward`, then all parameters move.",
    "Each parameter becomes itself minus rate times its gradient, in `torch.no_grad()`.",
)
BATCH_HINTS = (
    "Print which rows each turn of your loop works on, and how many turns there are.",
    "Step i reads `rows[i]` and is judged by `answers[i]`, from the first to the last.",
    "`for x, y in zip(rows, answers)` gives each batch once, in order.",
)
LOSSES_HINTS = (
    "Print what `fit` returns for three batches. How many numbers are there?",
    "A loss is a number for each step, as it was before the parameters moved.",
    "Append `loss.item()` in each turn, and return the list after the loop.",
)
FIT_HINTS = {
    "loss": LOSS_HINTS,
    "step": STEP_HINTS,
    "batch": BATCH_HINTS,
    "losses": LOSSES_HINTS,
}
PARTS_HINTS = (
    "Print `[(name, w.shape) for name, w in reader.named_parameters()]`.",
    "The text names four parameters and one linear layer, and the shape of each.",
    "`self.weight_x = nn.Parameter(torch.randn(3 * d_hidden, d_in))`, and so on.",
)


def misread(name: str, says: str, hints: tuple[str, str, str] = READER_HINTS) -> Mistake:
    return Mistake(name, WrongReader, {"way": name}, says, hints)


def mistrained(name: str, says: str, hints: tuple[str, str, str]) -> Mistake:
    return Mistake(name, WrongTraining, {"way": name}, says, hints)


# what `cross_entropy` refuses, or can't learn from, where `fit` takes it as it is
REFUSED = {
    "every-place": "`forward` answers at every place, and `fit` stops at that; once, at the end",
    "best-only": "`forward` returns the best answer, which no loss can learn from; a score for "
    "each",
    "with-state": "`forward` returns the state, too, and `fit` stops at that; the scores alone",
    "forward-nothing": "`forward` returns nothing, and `fit` stops at that: the scores stay inside",
    "no-answer": "`forward` returns the state, so no gradient reaches `answer`; its scores were "
    "asked for",
}
RECALL_MISTAKES = [
    misread("gates-swapped", "the first third is used as z and the second as r"),
    misread("content-first", "the thirds are taken in another order than r, z, n"),
    misread("no-reset", "the reset gate is left out of the new content"),
    misread("reset-everything", "r multiplies the word's part of the content, too"),
    misread("reset-before", "r multiplies the state before its matrix, not the product"),
    misread("no-tanh", "the new content is not squeezed by tanh"),
    misread("sigmoid-content", "the new content goes through a sigmoid, not through tanh"),
    misread("keep-turned", "z and 1 − z are exchanged in the last line"),
    misread("content-added", "the new content is added whole, without the factor 1 − z"),
    misread("no-blend", "the new content replaces the state: the update gate is not used"),
    misread("no-gates", "neither r nor z is used: the state is replaced, as in a plain RNN"),
    misread("bias-outside", "r multiplies the product alone; its bias c belongs in the bracket"),
    misread("bias-unused", "`bias_h` is never added", READER_HINTS),
    Mistake(
        "bias-without-gradient",
        StoppedReader,
        {"way": "bias-unused"},
        "`bias_h` is never added, and so no gradient reaches it",
        READER_HINTS,
    ),
    misread("word-bias-unused", "`bias_x` is never added", READER_HINTS),
    Mistake(
        "word-bias-without-gradient",
        StoppedReader,
        {"way": "word-bias-unused"},
        "`bias_x` is never added, and so no gradient reaches it",
        READER_HINTS,
    ),
    misread("rows-as-words", "the loop goes along the batch: rows are read as words", LOOP_HINTS),
    misread("rows-as-steps", "`for … in x` goes along the batch, one whole row a turn", LOOP_HINTS),
    misread("counts-rows", "the loop has a turn for each row; one for each symbol", LOOP_HINTS),
    misread("picks-rows", "`x[t]` is row t of the batch; symbol t is `x[:, t]`", LOOP_HINTS),
    misread("from-the-right", "the rows are read from the right to the left", LOOP_HINTS),
    misread("starts-at-one", "the first state is 1 everywhere, not 0", LOOP_HINTS),
    misread("state-forgotten", "every step starts from zeros: no state is handed on", LOOP_HINTS),
    misread("state-detached", "the state is detached: gradients stop at the last word", LOOP_HINTS),
    misread("state-kept", "a call goes on from the state that the one before it left", LOOP_HINTS),
    misread(
        "any-state-kept",
        "each batch goes on from the state that the one before it left, and stops where it has "
        "another number of rows",
        LOOP_HINTS,
    ),
    misread(
        "rows-cut",
        "`chunk(3)` without `dim=-1` cuts axis 0, the rows of the batch, not the numbers of a row",
        READER_HINTS,
    ),
    misread(
        "weights-not-turned",
        "`x[:, t] @ weight_x` lacks a `.T`: a batch has its numbers along the last axis, and "
        "`weight_x` is (3 d_hidden, d_in)",
        READER_HINTS,
    ),
    misread(
        "weights-first",
        "`weight_x @ x[:, t]` is for one word, a vector; here a batch comes in, and its rows stand "
        "first: `x[:, t] @ weight_x.T`",
        READER_HINTS,
    ),
    misread("last-unread", "the last symbol is never read", LOOP_HINTS),
    misread("first-unread", "the first symbol is never read", LOOP_HINTS),
    misread("every-place", "`forward` answers at every place; once, at the end", ANSWER_HINTS),
    misread("first-state", "the answer is given after the first symbol", ANSWER_HINTS),
    misread("mean-state", "the answer is given from the average of all states", ANSWER_HINTS),
    misread("no-answer", "`forward` returns the state; its scores were asked for", ANSWER_HINTS),
    misread("shares", "`forward` returns shares; the scores as they are were asked", ANSWER_HINTS),
    misread(
        "log-shares", "`forward` returns logarithms of shares; scores were asked", ANSWER_HINTS
    ),
    misread(
        "gates-of-scores",
        "`forward` sends the scores through a sigmoid; the scores as they are were asked",
        ANSWER_HINTS,
    ),
    misread(
        "squeezed-scores",
        "`forward` sends the scores through tanh; the scores as they are were asked",
        ANSWER_HINTS,
    ),
    misread("best-only", "`forward` returns the best answer, not a score for each", ANSWER_HINTS),
    misread("with-state", "`forward` returns the state, too; the scores alone", ANSWER_HINTS),
    misread("forward-nothing", "`forward` returns nothing: the scores stay inside", ANSWER_HINTS),
    *(
        Mistake(f"{way}-in-the-loss", StoppedReader, {"way": way}, says, ANSWER_HINTS)
        for way, says in REFUSED.items()
    ),
    mistrained(
        "arguments-exchanged",
        "`cross_entropy` gets the answers first; it wants the scores first",
        LOSS_HINTS,
    ),
    mistrained(
        "divided-by-symbols", "the loss is divided by the number of symbols, too", LOSS_HINTS
    ),
    mistrained(
        "divided-by-rows",
        "the loss is divided by the number of rows once more; `cross_entropy` gives their mean",
        LOSS_HINTS,
    ),
    *(
        mistrained(way, f"every step goes by {rate:g}, whatever `rate` is handed in", STEP_HINTS)
        for way, rate in FIXED_RATES.items()
    ),
    mistrained(
        "rows-alone", "each row has a step of its own; a step is for a whole batch", BATCH_HINTS
    ),
    mistrained("two-rounds", "`fit` goes through all batches twice", BATCH_HINTS),
    mistrained("first-row", "only the first row of each batch is judged", LOSS_HINTS),
    mistrained("answer-still", "`answer` never moves; all weights take the step", STEP_HINTS),
    mistrained("answer-only", "only `answer` moves; the GRU learns nothing", STEP_HINTS),
    *loop_mistakes(WrongTraining, FIT_HINTS),
    Mistake(
        "no-super",
        ReaderWithoutSuper,
        {},
        "`super().__init__()` is missing: nn.Module has to be set up before it can hold parts",
        (
            "Read the last line of the error: what was called too late, or never?",
            "Compare the first line of your `__init__` with `Recurrent` in section 1.1.",
            "`super().__init__()` comes first, before any `self.… =`.",
        ),
    ),
    Mistake(
        "plain-tensors",
        PlainTensors,
        {},
        "your weights are plain tensors: without `nn.Parameter` nobody finds or trains them",
        PARTS_HINTS,
    ),
    Mistake("lying-weights", LyingWeights, {}, "your matrices lie on their side", PARTS_HINTS),
    Mistake("one-bias", OneBias, {}, "`bias_h` is missing among the parameters", PARTS_HINTS),
]


EXERCISES = [
    Exercise(
        id="01.gru-step",
        title="One step of a GRU",
        kind="code",
        points=2,
        name="gru_step",
        cases=gru_cases,
        mistakes=GRU_MISTAKES,
        also_right=[step_by_names, step_by_slices, step_by_layers, step_number_by_number],
        axes="d_hidden",
        properties=("finite",),
        bans=("GRU",),
        hints=(
            "Take widths of 1 and 2, weights of 0 and 1, and follow the four lines on paper. "
            "Print r, z and n beside yours.",
            "Which symbol of the four formulas is which of the six inputs, and which third of it?",
            "Cut weight_x @ x + bias_x into three, weight_h @ h + bias_h too. Gates first, then "
            "the content, in which r multiplies one of the six parts; then the blend by z.",
        ),
        allows=Edges(
            axes=(1, 2),
            sizes=(1, 4),
            special=("zeros",),
            labels=(
                "equal widths",
                "state is 0",
                "word of zeros",
                "gates nearly 0 or 1",
                "trained",
            ),
        ),
    ),
    Exercise(
        id="01.gradient-reach",
        title="How much of a nudge arrives",
        kind="code",
        points=3,
        name="gradient_reach",
        cases=reach_cases,
        mistakes=REACH_MISTAKES,
        also_right=[
            reach_by_jacobian,
            reach_by_hand,
            reach_by_jacrev,
            reach_by_backward,
            reach_in_one_call,
        ],
        axes="seq",
        properties=("finite", "not-negative"),
        atol=1e-6,
        hints=(
            "Take one word and a state of two numbers, and print each gradient that you get. "
            "How many are there, and of which shape?",
            "Read the formula from the inside out: a ratio for each pair (j, i), its square, two "
            "sums, one root at the end. Which of it is your loop?",
            "An x that asks for gradients; the last row of `read`; for each of its numbers the "
            "gradient, squared, summed over the last axis, added up. The root after the loop.",
        ),
        allows=Edges(
            axes=(2,), sizes=(1,), labels=("one word", "one number", "equal sizes", "cancel")
        ),
    ),
    Exercise(
        id="01.path-length",
        title="From word 1 to word n",
        kind="predict",
        points=1,
        name="path_length",
        plain_numbers=True,  # the text asks for `int`
        cases=path_cases,
        mistakes=PATH_MISTAKES,
        also_right=[path_by_whole_numbers, path_by_walking, path_by_remainders],
        hints=(
            "Draw five words in a row and a kernel of 3, and count on the drawing.",
            "Count steps, not words: where does word 1 stand before the first step?",
            "Two of the three are about n − 1 places: covered one at a time, or k − 1 at a time. "
            "The third does not depend on n.",
        ),
        allows=Edges(sizes=(2, 7, 8, 100, 1000)),
    ),
    Exercise(
        id="01.recall-gru",
        title="A GRU that learns to remember",
        kind="build",
        points=4,
        name="RecallGRU",
        plain_numbers=True,
        cases=recall_cases,
        mistakes=RECALL_MISTAKES,
        also_right=[ReaderByOptimizer, ReaderByAutograd, ReaderRowByRow],
        axes="batch answer",
        bans=("GRU",),
        hints=(
            "Make a reader with 5, 3 and 2, and call `forward` and `fit` with small tensors.",
            "First `forward`: one step of a GRU for each symbol. Then `fit`, step by step.",
            "Each turn of `fit`: scores, loss, clear, backward, move all, note the loss.",
        ),
        allows=Edges(axes=(3, 4), sizes=(1,), labels=("one step", "one row", "new rows", "unseen")),
        seconds=20.0,
        wall=60.0,
    ),
]
