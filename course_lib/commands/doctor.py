"""`course doctor`: what is installed, on which device it runs, and what repairs what is missing."""

import argparse
import json
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from course_lib.commands.shadows import in_the_way
from course_lib.grader.running import seal
from course_lib.paths import ROOT

REPAIR = "python3 course.py setup"
# Ends the name in a requirement such as `torch>=2.6,<3`.
NAME = re.compile(r"[A-Za-z0-9._-]+")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course doctor`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is there; exit code 1 when something that the course needs is missing."""
    found = diagnosis()
    print(json.dumps(found, indent=1) if args.json else as_text(found))
    return int(bool(found["problems"]))


def diagnosis(root: Path = ROOT) -> dict:
    """Everything the command tells, as data."""
    constraints = pinned(root / "requirements" / "constraints.txt")
    wanted = {name: constraints.get(name) for name in needed()}
    data = pinned(root / "requirements" / "data.txt")
    weights = pinned(root / "requirements" / "weights.txt")
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "cores": os.cpu_count(),
        "packages": [package(name, want) for name, want in wanted.items()],
        "data": [package(name, want) for name, want in data.items()],
        "weights": [package(name, want) for name, want in weights.items()],
        "isolation": isolation(),
    }
    found["problems"] = [
        {"what": f"{entry['name']} is not installed", "repair": REPAIR}
        for kind in ("packages", "data", "weights")
        for entry in found[kind]
        if entry["installed"] is None
    ]
    found["device"], problem = device()
    found["problems"] += [problem] if problem else []
    found["problems"] += in_the_way()
    return found


def needed() -> list[str]:
    """The packages that the course declares: the library's own and those of its extra `course`."""
    declared = (line.split(";") for line in requires("course_lib") or [])
    mine = (name for name, *marker in declared if not marker or '"course"' in marker[0])
    return [NAME.match(name)[0] for name in mine]


def pinned(path: Path) -> dict[str, str]:
    """Names and exact versions in a requirements file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", "\n".join(lines), re.MULTILINE))


def package(name: str, wanted: str | None) -> dict:
    """A package's version here, beside the one the course is tested with."""
    try:
        installed = version(name)
    except PackageNotFoundError:
        installed = None
    return {"name": name, "wanted": wanted, "installed": installed}


def device() -> tuple[str | None, dict | None]:
    """The device that notebooks will use, and the problem if there is none."""
    try:
        from course_lib.device import device as chosen

        return str(chosen()), None
    except ValueError as error:
        return None, {"what": str(error), "repair": "change or unset COURSE_DEVICE"}
    except Exception as error:  # whatever a broken or a wrong torch says
        return None, {"what": f"PyTorch does not load: {error}", "repair": REPAIR}


def isolation() -> dict:
    """How well `course grade` can seal a submission here; a learner's own checks are not sealed."""
    level, missing = seal.reachable()
    note = "of `course grade`; your own checks are not sandboxed: they run as you"
    return {"level": level, "missing": missing, "note": note}


def as_text(found: dict) -> str:
    """The diagnosis for a person."""
    lines = [
        f"Python     {found['python']} on {found['platform']}, {found['cores']} cores",
        f"device     {found['device'] or 'none'}",
    ]
    for kind in ("packages", "data", "weights"):
        for entry in found[kind]:
            lines.append(f"{kind:10} {entry['name']} {state(entry)}")
    sealed = found["isolation"]
    missing = f"; {sealed['missing']}" if sealed["missing"] else ""
    lines.append(f"isolation  {sealed['level']} ({sealed['note']}{missing})")
    lines.append("")
    for problem in found["problems"]:
        lines.append(f"problem: {problem['what']}; to repair: {problem['repair']}")
    return "\n".join(lines if found["problems"] else [*lines, "Everything is there."])


def state(entry: dict) -> str:
    """The version, and a word where it is not the tested one."""
    installed, wanted = entry["installed"], entry["wanted"]
    if installed is None:
        return "MISSING"
    same = wanted is None or installed.split("+")[0] == wanted
    return installed if same else f"{installed} (tested with {wanted})"
