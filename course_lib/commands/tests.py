"""`course test`: every check of the course itself, step by step, counted from what really ran."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.commands import reports
from course_lib.commands.reports import Case
from course_lib.commands.server import THEIRS
from course_lib.grader.course import files
from course_lib.paths import ROOT

VERDICT = re.compile(r"^\[(right|wrong|crashed|not attempted)\] (\d\d\.[\w.-]+)")
TWO_AT_A_TIME = ("-n", "2", "--dist", "loadfile")
AGAIN = ("-p", "course_lib.commands.again")  # each cell of a page runs twice more


@dataclass
class Result:
    """How one step ended. `counted` is what it ran, such as "12 notebooks"."""

    ok: bool
    counted: str = ""
    remarks: list[str] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    seconds: float = 0.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course test`."""
    help_line = "run only this step (may be repeated)"
    parser.add_argument("-k", "--only", action="append", choices=list(STEPS), help=help_line)


def run(args: argparse.Namespace) -> int:
    """Run all steps, even after a failure; exit code 0 only when every one passed."""
    results = {}
    with tempfile.TemporaryDirectory(prefix="course-test-") as folder:
        bench = Bench(Path(folder))
        for name in args.only or STEPS:
            print(f"\n== {name}: {STEPS[name].__doc__}", flush=True)
            began = time.monotonic()
            results[name] = STEPS[name](bench)
            results[name].seconds = time.monotonic() - began
            state = "passed" if results[name].ok else "FAILED"
            print(f"== {name}: {state} in {results[name].seconds:.0f} s", flush=True)
    print("\n" + summary(results))
    return int(not all(result.ok for result in results.values()))


class Bench:
    """Where the steps run: a temporary folder, and an environment that no home folder reaches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(THEIRS)}
        own = {"JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"}
        own |= {"JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "MPLCONFIGDIR"}
        for name in own | {"COURSE_WORK"}:
            self.environment[name] = str(folder / name.lower())
        scripts = str(Path(sys.executable).parent)
        path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
        self.environment.update(PATH=path, OMP_NUM_THREADS="1", COURSE_TEST="1", HF_HUB_OFFLINE="1")

    def call(self, *command: str | Path) -> int:
        """Run a program of this environment, its output as it comes; return its status."""
        words = [str(word) for word in command]
        print("$ " + " ".join(words), flush=True)
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
        ).returncode

    def pytest(self, *arguments: str | Path) -> tuple[int, list[Case]]:
        """Run pytest; return its status and what it ran."""
        report = self.folder / f"report-{time.monotonic_ns()}.xml"
        status = self.call("pytest", *arguments, f"--junitxml={report}")
        return status, reports.read_report(report)

    def nbval(self, notebooks: Iterable[Path], *more: str) -> tuple[int, list[Case]]:
        """Run notebooks and compare all they print; one whose kernel died at start runs again."""
        # Built here once: two kernels that build it at a time print a warning into a cell.
        subprocess.run(
            [sys.executable, "-c", "import matplotlib.font_manager"], env=self.environment
        )
        options = [*more, "--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"]
        options += ["--nbval-sanitize-with", "tests/nbval_sanitize.cfg", *TWO_AT_A_TIME]
        paths = {path.stem: path for path in notebooks}
        # Cells are reported by their place under the root: the notebooks' own folder.
        options += ["-c", str(ROOT / "pyproject.toml")]
        options += [f"--rootdir={path.parent}" for path in list(paths.values())[:1]]
        status, cases = self.pytest(*options, *paths.values())
        again = sorted(reports.died_at_start(cases) & set(paths))
        if not again:
            return status, cases
        print(f"kernel died at start, run once more: {', '.join(again)}", flush=True)
        _, second = self.pytest(*options, *(paths[name] for name in again))
        cases = [case for case in cases if case.notebook not in again] + second
        return int(any(case.state == "failed" for case in cases)), cases


def style(bench: Bench) -> Result:
    """ruff finds no fault and would format nothing"""
    states = [bench.call("ruff", "check", "."), bench.call("ruff", "format", "--check", ".")]
    return Result(not any(states))


def build(bench: Bench) -> Result:
    """notebooks and exercises are what their sources make"""
    return Result(bench.call("course_lib.cli", "build", "--check") == 0)


def tests(bench: Bench) -> Result:
    """the library, the grader, the commands, the pages"""
    status, cases = bench.pytest("tests", *TWO_AT_A_TIME, "--durations=10")
    skipped = reports.count(cases, "skipped")
    remarks = [f"{skipped} skipped"] if skipped else []
    passed = reports.count(cases, "passed")
    return Result(status == 0 and passed > 0, f"{passed} tests", remarks, cases)


def notebooks(bench: Bench) -> Result:
    """every chapter runs, prints what is committed, and can be run again"""
    return _notebooks(bench, sorted((ROOT / "notebooks").glob("*.ipynb")), *AGAIN)


def exercises(bench: Bench) -> Result:
    """every exercise, solved, runs and is judged right"""
    solved = bench.folder / "solved"
    if bench.call("course_lib.cli", "build", "--solved", solved):
        return Result(False, remarks=["the solved exercises could not be built"])
    paths = sorted(solved.glob("*.ipynb"))
    result = _notebooks(bench, paths)
    verdicts = [verdict for path in paths for verdict in verdicts_in(path)]
    wrong = [f"{id}: {state}" for state, id in verdicts if state != "right"]
    told = {id for _, id in verdicts}
    wrong += [f"{e.id}: no verdict" for e in files.exercises(ROOT) if e.id not in told]
    result.remarks += wrong
    result.ok, result.counted = result.ok and not wrong, f"{len(verdicts)} exercises"
    return result


STEPS: dict[str, Callable[[Bench], Result]] = {
    step.__name__: step for step in (style, build, tests, notebooks, exercises)
}


def verdicts_in(notebook: Path) -> list[tuple[str, str]]:
    """(state, exercise id) of every check that an executed notebook shows."""
    found = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/plain", []))
            if match := VERDICT.match(text):
                found.append((match[1], match[2]))
    return found


def summary(results: dict[str, Result]) -> str:
    """A table of the steps, what failed by name, and one closing line."""
    lines = []
    for name, result in results.items():
        state = "passed" if result.ok else "FAILED"
        told = ", ".join([result.counted, *result.remarks]).strip(", ")
        lines.append(f"{name:10} {state}  {result.seconds:5.0f} s  {told}".rstrip())
    for name, result in results.items():
        failed = [case.title for case in result.cases if case.state == "failed"]
        lines += [f"failed in {name}: {title}" for title in failed[:20]]
        lines += [f"failed in {name}: and {len(failed) - 20} more"] if len(failed) > 20 else []
    bad = [name for name, result in results.items() if not result.ok]
    counted = [result.counted for result in results.values() if result.counted]
    what = " and ".join(filter(None, [", ".join(counted[:-1]), *counted[-1:]])) or ", ".join(
        results
    )
    return "\n".join(
        [*lines, "", f"{what}: {'failed: ' + ', '.join(bad) if bad else 'all passed'}"]
    )


def _notebooks(bench: Bench, paths: list[Path], *more: str) -> Result:
    if not paths:
        return Result(False, "0 notebooks", ["there is none to run"])
    status, cases = bench.nbval(paths, *more)
    ran = reports.by_notebook(cases)
    missing = [path.stem for path in paths if path.stem not in ran]
    remarks = [f"did not run: {', '.join(missing)}"] if missing else []
    remarks += [reports.slowest(ran)] if ran else []
    return Result(status == 0 and not missing, f"{len(ran)} notebooks", remarks, cases)
