"""Which of several files with answers to a chapter counts, and why not another."""

from .candidates import chapters_named
from .facts import ChapterFacts
from .looking import Seen


def rank(file: Seen, count: int, facts: ChapterFacts) -> tuple[int, bool, bool, float]:
    """How well a file with so many answers fits a chapter: the largest counts."""
    changed, name = file.candidate.changed, file.candidate.name.lower()
    proper = name in (f"{facts.stem}.ipynb", f"{facts.stem}.py")
    # Last week's work lies in this week's zip, too.
    around = chapters_named(file.candidate.label.rpartition("/")[0])
    here = not around or facts.number in around
    return count, proper, here, changed.timestamp() if changed else float("-inf")


def why_not(file: Seen, count: int, other: Seen, most: int, facts: ChapterFacts) -> str:
    """Why a file doesn't count for a chapter where another one does."""
    its = f"`{other.candidate.label}`"
    if file.digest == other.digest:
        return f"the same as {its}"
    if not most:
        return f"as handed out, like {its}"
    if not count:
        return f"as handed out; {its} has answers"
    if count < most:
        return f"{its} has more answers ({most} of {len(facts.exercises)}; here {count})"
    _, proper, here, changed = rank(file, count, facts)
    _, other_proper, other_here, other_changed = rank(other, most, facts)
    if proper != other_proper:
        return f"{its} has as many answers, and the name that the course gave it"
    if here != other_here:
        return f"{its} has as many answers, and is in nothing that is named for another chapter"
    age = "older than" if changed < other_changed else "no newer than"
    return f"{age} {its}, which has as many answers"
