"""Ways in which the same name is spelled."""

import unicodedata

# Letters that Unicode doesn't take apart; in small ones, since this is asked of `plain` text.
STROKES = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})
NORTH = UMLAUTS | str.maketrans({"ø": "oe"})


def normal(text: str) -> str:
    """A text with its accents spelled one way: a Mac's folders spell them the other."""
    return unicodedata.normalize("NFC", text)


def exact(text: str) -> str:
    """Also without spaces around."""
    return normal(text.strip())


def loose(text: str) -> str:
    """Also without a difference between large and small letters."""
    return exact(text).casefold()


def plain(text: str) -> str:
    """Only letters and digits: what platforms leave of a name in the name of a file."""
    return "".join(c for c in loose(text) if c.isalnum())


def unaccented(text: str) -> str:
    """Also without accents: some programs that make archives lose them."""
    apart = unicodedata.normalize("NFKD", plain(text)).translate(STROKES)
    return "".join(c for c in apart if not unicodedata.combining(c))


def written_out(text: str) -> str:
    """As accounts without umlauts have it: `Mueller` for `Müller`."""
    return unaccented(plain(text).translate(UMLAUTS))


def in_full(text: str) -> str:
    """As accounts in the north have it: `Oedegaard` for `Ødegård`."""
    return unaccented(plain(text).translate(NORTH))
