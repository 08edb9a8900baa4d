"""Where the norm of a sublayer stands, as learners place it: for every key with a block in it."""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from course_lib.grader.judging.key import Mistake

Step = Callable[[Tensor], Tensor]

WHERE = {
    "norm(x + f(x))": ("sum-normed", "the norm is on the sum"),
    "x + f(norm(x))": ("reading-normed", "the norm is on what the sublayer reads"),
    "x + norm(f(x))": ("answer-normed", "the norm is on what the sublayer says"),
    "norm(x) + f(x)": ("skip-normed", "the norm is on what the answer is added to"),
    "norm(x) + f(norm(x))": (
        "x-normed-first",
        "x is normed before it is read and before it is added to",
    ),
    "norm(x + f(norm(x)))": (
        "reading-and-sum-normed",
        "what the sublayer reads is normed, and the sum once more",
    ),
    "x + norm(f(norm(x)))": (
        "reading-and-answer-normed",
        "what the sublayer reads is normed, and what it says once more",
    ),
    "x + f(x)": ("nothing-normed", "there is no norm"),
}


def sublayer(formula: str, x: Tensor, f: Step, norm: Step) -> Tensor:
    """One sublayer `f` with its norm and its sum, as the formula says."""
    return {
        "norm(x + f(x))": lambda: norm(x + f(x)),
        "x + f(norm(x))": lambda: x + f(norm(x)),
        "x + norm(f(x))": lambda: x + norm(f(x)),
        "norm(x) + f(x)": lambda: norm(x) + f(x),
        "norm(x) + f(norm(x))": lambda: norm(x) + f(norm(x)),
        "norm(x + f(norm(x)))": lambda: norm(x + f(norm(x))),
        "x + norm(f(norm(x)))": lambda: x + norm(f(norm(x))),
        "x + f(x)": lambda: x + f(x),
    }[formula]()


def formula_mistakes(
    answer: Callable, right: str, parts: Sequence[str], wrong: dict[str, Sequence[str]]
) -> Iterator[Mistake]:
    """A mistake for each wrong formula and each place where it stands: one of the parts' names,
    or "all". The answer takes `formulas`, one for each part."""
    everywhere = "both sublayers are" if len(parts) == 2 else "all sublayers are"
    for formula, places in wrong.items():
        slug, where = WHERE[formula]
        for place in places:
            rows = tuple(formula if place in ("all", part) else right for part in parts)
            subject = everywhere if place == "all" else f"the {place} sublayer is"
            yield Mistake(
                f"{slug}-in-{place}",
                lambda *given, rows=rows, **more: answer(*given, formulas=rows, **more),
                {},
                says=f"{subject} {formula}: {where}; the text has {right}",
                hints=(
                    f"Which of your lines have the form {formula}, where f is a sublayer?",
                    "Norm, sublayer and sum may stand in several orders; the text names one.",
                    f"Write {right}.",
                ),
            )
