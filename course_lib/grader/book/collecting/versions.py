"""One student's folder as it will be: a newer submission has its name, what was there stands aside.

A platform counts the newest submission, and gives it any name. So that grading finds it, earlier
work on the same chapter is renamed, `02_attention-earlier-1.ipynb`, and stays beside it.
"""

import hashlib
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ..came import File, order
from .plan import Placed

ASIDE = re.compile(r"-earlier-\d+$")
NEW, OLDER, SAME = "new", "older", "same"


@dataclass
class Versions:
    """`there` is the student's folder before, `made` the one that will be moved into it.

    `aside` says which of the files there get another name, `came` what is known of each file.
    """

    there: Path
    made: Path
    came: dict[str, File] = field(default_factory=dict)
    aside: dict[str, str] = field(default_factory=dict)
    _placed: dict[str, Placed] = field(default_factory=dict)
    _same: dict[str, Placed] = field(default_factory=dict)
    _known: dict[Path, tuple[str, bytes]] = field(default_factory=dict)

    def put(self, placed: Placed, data: bytes, about: File) -> str:
        """Write a file into `made`; tells whether it is new, older than what is there, or there."""
        name = safe(placed.file)
        aside = self._alike(name, data, r"-earlier-\d+")
        then = [each for each in aside if placed.time and self._came_then(each, about)]
        if there := self._alike(name, data, r"(-\d+)?") or then:
            return self._again(there[0], placed, about)
        rivals = self._rivals(name, chapter_of(placed.file, data), placed)
        older = any(path.stat().st_mtime > placed.when for path in rivals)
        if older and aside:
            return self._again(aside[0], placed, about)
        for path in [] if older else rivals:
            self._put_aside(path)
        path = self.made / (self._free(name, "-earlier-") if older else self._free(name))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (placed.when, placed.when))
        self._placed[path.name], self.came[path.name] = placed, about
        return OLDER if older else NEW

    def _files(self) -> list[Path]:
        folders = [folder for folder in (self.there, self.made) if folder.is_dir()]
        found = [p for folder in folders for p in sorted(folder.iterdir()) if p.is_file()]
        return [p for p in found if p.parent == self.made or p.name not in self.aside]

    def _alike(self, name: str, data: bytes, middle: str) -> list[str]:
        """The files of this name, with a number perhaps, that have these bytes."""
        stem, suffix = os.path.splitext(name)
        same = re.compile(f"{re.escape(stem)}{middle}{re.escape(suffix)}", re.IGNORECASE)
        found = (path for path in self._files() if same.fullmatch(path.name))
        digest = hashlib.sha256(data).digest()
        return [path.name for path in found if self._about(path)[1] == digest]

    def _about(self, path: Path) -> tuple[str, bytes]:
        """A file's chapter and digest: each file is read once, not for each that comes."""
        if path not in self._known:
            data = path.read_bytes()
            self._known[path] = chapter_of(path.name, data), hashlib.sha256(data).digest()
        return self._known[path]

    def _came_then(self, name: str, about: File) -> bool:
        return name in self.came and order(self.came[name]) == order(about)

    def _again(self, name: str, placed: Placed, about: File) -> str:
        """What is there already came when it came first."""
        self._same[name] = placed
        self.came[name] = min(self.came.get(name, about), about, key=order)
        return SAME

    def _rivals(self, name: str, chapter: str, placed: Placed) -> list[Path]:
        """Files of other submissions for the same chapter; without one, of the same name."""
        found = []
        for path in self._files():
            other = self._same.get(path.name)
            if path.parent == self.made:
                other = other or self._placed.get(path.name)
            if (other and other.time == placed.time) or ASIDE.search(path.stem):
                continue
            its, _ = self._about(path)
            if its == chapter if chapter else path.name.casefold() == name.casefold():
                found.append(path)
        return found

    def _put_aside(self, path: Path) -> None:
        free = self._free(path.name, "-earlier-")
        self._same.pop(path.name, None)
        if path.name in self.came:
            self.came[free] = self.came.pop(path.name)
        if path.parent == self.made:
            self._placed[free] = self._placed.pop(path.name)
            path.rename(self.made / free)
            self._known.pop(path, None)  # the next file will have this name
        else:
            self.aside[path.name] = free

    def _free(self, name: str, middle: str = "") -> str:
        """A name that no other file has, with a number where one has it or `middle` asks for it."""
        taken = {p.name.casefold() for p in self._files()} | {
            *map(str.casefold, self.aside.values())
        }
        stem, suffix = os.path.splitext(name)
        free, number = (f"{stem}{middle}1{suffix}", 1) if middle else (name, 1)
        while free.casefold() in taken:
            number += 1
            free = f"{stem}{middle or '-'}{number}{suffix}"
        return free


def chapter_of(name: str, data: bytes) -> str:
    """A file's chapter by its name, else by the ids of its cells; "" where neither says one."""
    if match := re.match(r"(\d\d)(?!\d)", name):
        return match[1]
    ids = re.findall(rb"""["'](\d\d)\.[a-z][a-z0-9-]*["']""", data)
    return Counter(ids).most_common(1)[0][0].decode() if ids else ""


def safe(name: str) -> str:
    """A name that every system can have, with the suffix in small letters."""
    stem, suffix = os.path.splitext(re.sub(r'[/\\:*?"<>|]', "_", name))
    short, end = _short(stem.strip(" ."), 180), _short(suffix.lower(), 20)
    return f"{short or 'work'}{end}"


def _short(text: str, most: int) -> str:
    """The beginning of a text; systems count the bytes of names."""
    return text.encode()[:most].decode(errors="ignore")
