"""English and French as programs say them: the gettext catalogues of five packages (MIT and BSD).

Translators wrote them for buttons, menus and messages. Of a package the catalogues alone are read.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from babel.messages.mofile import read_mo

from course_lib.data.corpora import MissingData
from course_lib.pretrained.packages import package_folder

FOLDERS = {  # a package: what it calls French
    "jupyterlab_language_pack_fr_FR": "fr_FR",
    "wagtail": "fr",
    "django": "fr",
    "sphinx": "fr",
    "spyder": "fr",
}
FILLED_IN = re.compile(r"[{}<>%\\`|=_@/]|&\w+;|\*\*|https?:")  # or marked up
LEAST, MOST = 2, 12  # words of a sentence
NEAR = 4  # from so many words on, sentences that differ in one are near


@cache
def interface_texts() -> tuple[tuple[str, str], ...]:
    """Return every text with its French, each English text once, in the order of its files.

    Texts that are one when `normalised` count as one, and the first translation stays. Singular
    and plural are two texts. Raises `MissingData` when one of the packages is not installed.
    """
    found: dict[str, tuple[str, str]] = {}
    for package, language in FOLDERS.items():
        folder = package_folder(package, MissingData, setup="setup --dev")
        for path in sorted(folder.rglob(f"{language}/LC_MESSAGES/*.mo")):
            for english, french in _read(path):
                key = normalised(english)
                if key and french and english != french:
                    found.setdefault(key, (english, french))
    return tuple(found.values())


def interface_sentences() -> list[tuple[str, str]]:
    """Return the pairs of 2 to 12 words in both languages, with nothing to fill in or marked up."""
    return [pair for pair in interface_texts() if all(map(_plain, pair))]


def normalised(text: str) -> str:
    """Return the words alone, small, with 0 for each digit: "Open 2 files…" is "open 0 files"."""
    return " ".join(
        re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d", re.sub(r"\d", "0", text.lower()))
    )


def near_keys(english: str) -> set[tuple[str, ...]]:
    """Return keys of which near texts share one: the words, and the words without each of them.

    Near are texts of four words or more, one word of which is put in, left out, replaced or moved.
    """
    words = tuple(normalised(english).split())
    without = {words[:i] + words[i + 1 :] for i in range(len(words))}
    return {words} | (without if len(words) >= NEAR else set())


def alone(pairs: Iterable[tuple[str, str]], among: Iterable[tuple[str, str]]) -> list:
    """Return the pairs to whose English no other in `among` is near: see `near_keys`."""
    seen = Counter(key for english, _ in among for key in near_keys(english))
    return [pair for pair in pairs if all(seen[key] < 2 for key in near_keys(pair[0]))]


def _read(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        for message in read_mo(file):
            forms, spoken = _listed(message.id), _listed(message.string)
            for english, french in zip(forms, (spoken[0], spoken[-1]), strict=False):
                yield _cleaned(english), _cleaned(french)


def _listed(forms: str | list | tuple) -> list[str]:
    return [forms] if isinstance(forms, str) else list(forms)


def _cleaned(text: str) -> str:
    """One line, without the sign before the letter of a shortcut."""
    return " ".join(re.sub(r"&(?=\w)(?!\w+;)", "", text).split())


def _plain(text: str) -> bool:
    return LEAST <= len(text.split()) <= MOST and not FILLED_IN.search(text)
