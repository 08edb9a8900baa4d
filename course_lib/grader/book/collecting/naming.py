"""Whose a file is, as the platform says it in the file's path.

Canvas, flat:      lovelaceada_LATE_101_9876_02_attention-1.ipynb   (LATE, user, file)
  anonymous:       anon_Ab3dE_9876_02_attention.ipynb;   typed in: lovelaceada_101_text.html
Moodle, folders:   Ada Lovelace_12345_assignsubmission_file_/02_attention.ipynb
  flat:            Ada Lovelace_12345_assignsubmission_file_02_attention.ipynb
Blackboard, flat:  Attention_ada_attempt_2026-12-01-09-30-00_02_attention.ipynb
Anything else:     ada/02_attention.ipynb

Sources: Canvas's `content_zipper.rb`, Moodle's `mod/assign/classes/downloader.php`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..exports.headers import HIDDEN
from ..exports.spelling import plain

MOODLE = re.compile(r"(.+?)_(\d+)_assignsubmission_([a-z]+)(?:_(.*))?")
BLACKBOARD = re.compile(r"(.+?)_attempt_(\d{4}(?:-\d\d){5})(?:_(.+)|\.txt)")
TYPED = ("text.html", "link.html")


@dataclass(frozen=True)
class Who:
    """A reading of a path: an id, the column that has it ("" for any), a name, and a folder's name.

    Without a `file` it is what somebody typed into the platform, or a note of the platform's own.
    """

    column: str
    id: str
    name: str
    folder: str
    file: str
    late: bool = False


@dataclass(frozen=True)
class HandedIn:
    """What a path says: whose file it may be, the likeliest reading first, and when it came."""

    platform: str
    readings: tuple[Who, ...]
    time: datetime | None = None


def handed_in(path: tuple[str, ...]) -> HandedIn | None:
    """What a path says; None for a file that is in nobody's folder."""
    return next(iter(every_form(path)), None)


def every_form(path: tuple[str, ...]) -> list[HandedIn]:
    """What a path says in each platform's form that it fits; a student names the rest of it."""
    if len(path) == 1:
        name = path[0]
        forms = [_blackboard(name), _moodle(name, name), _canvas(name)]
        return [form for form in forms if form]
    whole = Who("", path[0], path[0], path[0], path[-1])
    return [_moodle(path[0], path[-1]) or HandedIn("folders", (whole,))]


def from_platform(name: str) -> str:
    """The platform that gives a file or a folder such a name, or nothing."""
    found = handed_in((name,))
    return found.platform if found else ""


def _moodle(name: str, file: str) -> HandedIn | None:
    match = MOODLE.fullmatch(name)
    if not match:
        return None
    participant = f"Participant {match[2]}"
    # In blind marking everybody is called the same, in the platform's language.
    called = "" if plain(match[1]) in map(plain, HIDDEN) else match[1]
    own = (match[4] if file == name else file) if match[3] == "file" else ""
    who = Who("Identifier", participant, called, called or participant, own or "")
    return HandedIn("Moodle", (who,))


def _blackboard(name: str) -> HandedIn | None:
    match = BLACKBOARD.fullmatch(name)
    if not match:
        return None
    try:
        time = datetime.strptime(match[2], "%Y-%m-%d-%H-%M-%S")
    except ValueError:
        return None
    words, file = match[1].split("_"), match[3] or ""
    # Assignments and accounts may both have underscores: the list of students tells them apart.
    users = ["_".join(words[i:]) for i in range(len(words) - 1, -1, -1)]
    return HandedIn("Blackboard", tuple(Who("Username", u, "", u, file) for u in users), time)


def _canvas(name: str) -> HandedIn | None:
    found = tuple(_canvas_readings(name.split("_")))
    return HandedIn("Canvas", found) if found else None


def _canvas_readings(words: list[str]) -> Iterator[Who]:
    """Any two numbers could be those of user and file, for a group may be called `team_2`."""
    for i, word in enumerate(words[:-1]):
        late = words[:i][-1:] == ["LATE"]
        name = "_".join(words[: i - late])
        anonymous = word == "anon" and not name
        user, rest = (words[i + 1], words[i + 2 :]) if anonymous else (word, words[i + 1 :])
        folder = f"anon_{user}" if anonymous else f"{name}_{user}"
        if not anonymous and not (name and user.isdigit()):
            continue
        if len(rest) > 1 and rest[0].isdigit():
            yield Who("ID", user, name, folder, "_".join(rest[1:]), late)
        elif rest in ([typed] for typed in TYPED):
            yield Who("ID", user, name, folder, "", late)
