"""What is to become of an archive's files."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from ..times import Told
from .members import Member


@dataclass(frozen=True)
class Placed:
    """A file for a student's folder. `late` is the platform's word, `time` the archive's."""

    student: str
    file: str
    member: Member
    late: bool
    time: datetime | None

    @property
    def when(self) -> float:
        """When it came, as well as is known: an archive's own times are those of a download."""
        return self.time.timestamp() if self.time else self.member.changed

    @property
    def told(self) -> Told:
        """What is known of its hand-in."""
        return Told(self.time.isoformat() if self.time else "", self.late)


@dataclass
class Plan:
    """What goes where, what has no place and why, and what is of no use: texts, and litter."""

    placed: list[Placed] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    platforms: Counter = field(default_factory=Counter)
    litter: Counter = field(default_factory=Counter)
