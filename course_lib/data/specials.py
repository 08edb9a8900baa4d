"""Special tokens: names that stand for no text, such as "<pad>"."""

from collections.abc import Iterable


def listed(specials: Iterable[str]) -> tuple[str, ...]:
    """Return the names. Raises `ValueError` for one text, an empty name, and one named twice."""
    if isinstance(specials, str):  # its letters would be names
        raise ValueError(f"specials are a list of names, got the text {specials!r}")
    names = tuple(specials)
    if "" in names:
        raise ValueError("a special token needs a name, got an empty one")
    if len(set(names)) < len(names):
        raise ValueError(f"a special token is named twice in {', '.join(names)}")
    return names
