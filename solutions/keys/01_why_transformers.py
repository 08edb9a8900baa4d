"""Key of chapter 01: a GRU step, the gradient's reach, path lengths."""

import math

import torch
from torch import Generator, Tensor

from course_lib.grader.judging.key import Case, Exercise, Mistake, case

# --- 01.gru-step ---------------------------------------------------------------------------------


def gru_cases(generator: Generator) -> list[Case]:
    """Different widths, one equal pair, a first word (empty state), gates wide open and shut."""
    made = []
    sizes = {"five and seven": (5, 7), "eleven and three": (11, 3), "equal widths": (4, 4)}
    for label, (d_model, d_hidden) in sizes.items():
        made.append(case(label, *_gru_inputs(generator, d_model, d_hidden)))
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


def _identity(a: Tensor) -> Tensor:
    return a


GRU_MISTAKES = [
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
]


def step_by_pytorch(x, h, weight_x, weight_h, bias_x, bias_h):
    """The library's own step, on a batch of one."""
    return torch.gru_cell(x[None], h[None], weight_x, weight_h, bias_x, bias_h)[0]


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
    sizes = {"seven words": (7, 3, 5), "eleven words": (11, 5, 2), "one word": (1, 4, 3)}
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
        "length": states[-1].norm()[None],
        "first number": states[-1, :1],
        "first state": states[0],
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
        "norms added": lambda: squares.sum(dim=2).sqrt().sum(dim=0),
        "signed": lambda: slopes.sum(dim=(0, 2)),
    }[size]()


REACH_MISTAKES = [
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


# --- 01.path-length ------------------------------------------------------------------------------


def path_cases(generator: Generator) -> list[Case]:
    """Lengths that divide evenly and that do not, the shortest text, a kernel wider than it."""
    pairs = [(11, 3), (12, 5), (13, 6), (41, 5), (2, 2), (3, 7), (16, 4)]
    n = torch.randint(50, 500, (3,), generator=generator).tolist()
    k = torch.randint(3, 12, (3,), generator=generator).tolist()
    pairs += zip(n, k, strict=True)
    return [case(f"{n} words, kernel {k}", n, k) for n, k in pairs]


def wrong_path(n, k, *, recurrent="handed on", convolution="right", attention="one"):
    """Path lengths with a usual miscount in one place."""
    return {
        "recurrent": {"handed on": n - 1, "words": n}[recurrent],
        "convolution": {
            "right": lambda: math.ceil((n - 1) / (k - 1)),
            "width": lambda: math.ceil(n / k),
            "places by width": lambda: math.ceil((n - 1) / k),
            "posts": lambda: math.ceil(n / (k - 1)),
            "floor": lambda: (n - 1) // (k - 1),
            "nearest": lambda: round((n - 1) / (k - 1)),
            "exact": lambda: (n - 1) / (k - 1),
            "centred": lambda: math.ceil((n - 1) / max(1, (k - 1) // 2)),
            "half": lambda: math.ceil((n - 1) / (k // 2)),
            "doubling": lambda: math.ceil(math.log(n, k)),
        }[convolution](),
        "attention": {"one": 1, "words": n, "none": 0}[attention],
    }


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


EXERCISES = [
    Exercise(
        id="01.gru-step",
        title="One step of a GRU",
        kind="code",
        points=2,
        name="gru_step",
        cases=gru_cases,
        mistakes=GRU_MISTAKES,
        also_right=[step_by_pytorch, step_by_slices],
        axes="d_hidden",
        properties=("finite",),
    ),
    Exercise(
        id="01.gradient-reach",
        title="How much of a nudge arrives",
        kind="code",
        points=3,
        name="gradient_reach",
        cases=reach_cases,
        mistakes=REACH_MISTAKES,
        also_right=[reach_by_jacobian, reach_by_hand],
        axes="seq",
        properties=("finite", "not-negative"),
        atol=1e-6,
    ),
    Exercise(
        id="01.path-length",
        title="From word 1 to word n",
        kind="predict",
        points=1,
        name="path_length",
        cases=path_cases,
        mistakes=PATH_MISTAKES,
        also_right=[path_by_whole_numbers, path_by_walking],
    ),
]
