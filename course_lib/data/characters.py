"""Characters as tokens: the simplest vocabulary."""

from collections.abc import Iterable

from course_lib.data.specials import listed


class CharTokenizer:
    """One id for each character of a text, in the order of their code points, after the specials.

    Specials, such as "<pad>" or "<bos>", are tokens that no text contains: `ids` tells theirs.

    Raises `ValueError` when a special is named twice or not at all, or is a character of the text.
    """

    def __init__(self, text: str | Iterable[str], specials: Iterable[str] = ()):
        specials = listed(specials)
        known = sorted({c for part in text for c in part})
        if both := sorted(set(specials) & set(known)):
            raise ValueError(f"{both[0]!r} is a special token and a character of the text")
        self.tokens = (*specials, *known)
        self.specials = specials
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self._of_text = {c: self.ids[c] for c in known}

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """The id of each character. Raises `ValueError` that names one without an id."""
        try:
            return [self._of_text[c] for c in text]
        except KeyError as error:
            known = len(self._of_text)
            raise ValueError(f"{error.args[0]!r} is none of the {known} characters known") from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids, without the specials. Raises `ValueError` for an unknown id."""
        found = [int(i) for i in ids]
        if wrong := [i for i in found if not 0 <= i < len(self)]:
            raise ValueError(f"ids must be 0 to {len(self) - 1}, got {wrong[0]}")
        return "".join(self.tokens[i] for i in found if i >= len(self.specials))
