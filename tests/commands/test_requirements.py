"""requirements/: exact, complete, and free of what only one machine has."""

import re
from importlib.metadata import distribution, requires, version

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from course_lib.commands.doctor import pinned
from course_lib.paths import ROOT

FOLDER = ROOT / "requirements"


def dependencies(name, extras, seen):
    """Every package that installing `name[extras]` brings, here and on this Python."""
    for line in requires(name) or []:
        wanted = Requirement(line)
        markers = [{"extra": extra} for extra in extras or {""}]
        if wanted.marker and not any(wanted.marker.evaluate(marker) for marker in markers):
            continue
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key not in seen:
            seen.add(key)
            dependencies(wanted.name, wanted.extras, seen)
    return {name for name, _ in seen}


def constraints():
    pins = pinned(FOLDER / "constraints.txt")
    return {canonicalize_name(name): pin for name, pin in pins.items()}


def test_the_constraints_name_every_dependency_in_its_tested_version():
    pins = constraints()
    needed = dependencies("course_lib", {"course", "dev"}, set())
    assert {"torch", "jupyterlab", "pytest"} <= needed
    found = {name: version(name).split("+")[0] for name in needed}
    assert {name: pins.get(name) for name in needed} == found


def test_the_constraints_hold_names_and_exact_versions_only():
    for line in (FOLDER / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line
    assert constraints()["torch"] == "2.13.0"


def test_every_version_installs_on_the_oldest_python_that_is_promised():
    """Debian's own is 3.11.2; where one package asks for more, pip searches on for hours."""
    oldest = distribution("course_lib").metadata["Requires-Python"].removeprefix(">=") + ".0"
    for name in dependencies("course_lib", {"course", "dev"}, set()):
        asked = distribution(name).metadata.get("Requires-Python", "")
        assert SpecifierSet(asked).contains(oldest), f"{name} asks for Python {asked}"


@pytest.mark.parametrize("name", ["data.txt", "weights.txt", "studies.txt"])
def test_data_and_weights_come_by_hash(name):
    lines = [x for x in (FOLDER / name).read_text().splitlines() if x and not x.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(
            r"[a-z0-9-]+==[0-9.]+(?:post[0-9]+)? --hash=sha256:[0-9a-f]{64}", line
        ), line
        assert version(line.split("==")[0]) == line.split("==")[1].split()[0]
