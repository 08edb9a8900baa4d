"""Ways in which the same name is spelled."""

import unicodedata


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
    apart = unicodedata.normalize("NFKD", plain(text))
    return "".join(c for c in apart if not unicodedata.combining(c))
