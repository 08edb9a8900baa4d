"""What a pytest run did, read from its JUnit report."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

DIED = "Kernel died before replying"
AGAIN = " again"  # ends the name of a cell that runs once more


@dataclass(frozen=True)
class Case:
    """One test, or one cell of a notebook."""

    where: str
    name: str
    state: str  # passed, failed or skipped
    seconds: float
    text: str

    @property
    def notebook(self) -> str | None:
        """The stem of the notebook that a cell belongs to; None for other tests."""
        match = re.search(r"([^./\\]+)\.ipynb$", self.where)
        return match[1] if match else None

    @property
    def title(self) -> str:
        """How to name the case to a person."""
        return f"{self.notebook or self.where}: {self.name}"


def read_report(path: Path) -> list[Case]:
    """The cases of a report; none when pytest died before it wrote one."""
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError):
        return []
    return [_case(element) for element in root.iter("testcase")]


def by_notebook(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """Cells grouped by notebook."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if case.notebook:
            groups.setdefault(case.notebook, []).append(case)
    return groups


def slowest(notebooks: Mapping[str, Iterable[Case]]) -> str:
    """Which notebook took longest, without what its cells took when they ran again."""
    seconds = {
        name: sum(cell.seconds for cell in cells if not cell.name.endswith(AGAIN))
        for name, cells in notebooks.items()
    }
    name = max(seconds, key=seconds.get)
    return f"slowest: {name} {seconds[name]:.0f} s"


def count(cases: Iterable[Case], state: str) -> int:
    """How many cases are in a state."""
    return sum(case.state == state for case in cases)


def died_at_start(cases: Iterable[Case]) -> set[str]:
    """Notebooks whose kernel never answered: worth a second try, unlike a cell that fails."""
    return {case.notebook for case in cases if case.notebook and DIED in case.text}


def _case(element: ET.Element) -> Case:
    bad = [child for child in element if child.tag in ("failure", "error")]
    skipped = element.find("skipped") is not None
    state = "failed" if bad else "skipped" if skipped else "passed"
    text = "\n".join((child.get("message") or "") + (child.text or "") for child in bad)
    seconds = float(element.get("time") or 0)
    return Case(element.get("classname") or "", element.get("name") or "", state, seconds, text)
