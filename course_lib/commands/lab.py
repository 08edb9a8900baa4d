"""`course lab`: the learner's copies in work/, and JupyterLab open on them."""

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from course_lib.commands.copies import Copied, make_copies
from course_lib.paths import ROOT, WORK

HOST = "127.0.0.1"
FIRST_PORT, TRIED_PORTS = 8888, 50
START = "00_start_here.ipynb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course lab`."""
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, help=f"default: the first free one from {FIRST_PORT}")
    parser.add_argument("--prepare-only", action="store_true", help="copy to work/, start nothing")
    parser.add_argument("jupyter", nargs="*", help="after --: passed to JupyterLab as it is")


def run(args: argparse.Namespace) -> int:
    """Copy what is new, start JupyterLab, stay until it ends."""
    try:
        copied = make_copies(ROOT, WORK)
    except OSError as error:
        print(f"course lab: {WORK} cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"course lab: {error}", file=sys.stderr)
        return 1
    print(news(copied, WORK), flush=True)
    if args.prepare_only:
        return 0
    port = free_port(args.port)
    if port is None:
        busy = args.port or f"{FIRST_PORT} to {FIRST_PORT + TRIED_PORTS - 1}"
        print(f"course lab: port {busy} is busy; choose another with --port", file=sys.stderr)
        return 1
    return serve(port, args.no_browser, args.jupyter)


def news(copied: Copied, work: Path) -> str:
    """What the copying did, for the learner."""
    lines = [f"Your notebooks are in {work}; updating the course never changes your work."]
    if copied.new:
        lines.append(f"New: {', '.join(copied.new)}")
    if copied.renewed:
        lines.append(f"Renewed, as you had not touched them: {', '.join(copied.renewed)}")
    for name in copied.newer:
        take = f"python3 course.py reset {Path(name).name[:2]}"
        lines.append(
            f"The course has a newer {name}; yours stays (`{take}` keeps it and takes the new)"
        )
    return "\n".join(lines)


def free_port(wanted: int | None) -> int | None:
    """The wanted port, or the first free one; None when busy."""
    ports = [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + TRIED_PORTS)
    for port in ports:
        with socket.socket() as probe:
            if os.name != "nt":  # as the server does: a port in TIME_WAIT can be had
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return port
            except (OSError, OverflowError):
                continue
    return None


def command(port: int, no_browser: bool, extra: list[str]) -> list[str]:
    """JupyterLab on this machine only, without news, updates or questions."""
    tree = f"/lab/tree/{START}" if (WORK / START).exists() else "/lab"
    options = {
        "ServerApp.ip": HOST,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": WORK,
        "ServerApp.open_browser": not no_browser,
        "ServerApp.allow_root": True,  # a container has no other user; see ip
        "ServerApp.answer_yes": True,
        "Application.log_level": "WARN",
        "LabApp.default_url": tree,
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    settings = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyterlab", *settings, *extra]


def serve(port: int, no_browser: bool, extra: list[str]) -> int:
    """Run JupyterLab until Ctrl-C; its address is printed when it answers."""
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    scripts = str(Path(sys.executable).parent)
    environment = dict(os.environ, JUPYTER_TOKEN=token)  # not an argument: others could list it
    environment["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    # Open tabs are remembered here, apart from other work in JupyterLab.
    environment.setdefault("JUPYTERLAB_WORKSPACES_DIR", str(WORK / ".lab"))
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="course-lab-") as config:
        quiet_settings(Path(config))
        path = os.environ.get("JUPYTER_CONFIG_PATH")
        environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join([config, path] if path else [config])
        server = subprocess.Popen(command(port, no_browser, extra), env=environment, cwd=WORK)
        try:
            if wait_until_up(server, port):
                page = f"lab/tree/{START}" if (WORK / START).exists() else "lab"
                print(f"\nThe course is open at http://{HOST}:{port}/{page}?token={token}")
                print("Stop it here with Ctrl-C. Your work is saved in the notebooks.", flush=True)
            status = server.wait()
        except KeyboardInterrupt:
            stop(server)
            print("\nStopped.")
            return 0
    if status:
        print(f"course lab: JupyterLab ended with status {status}, see above", file=sys.stderr)
    return status


def quiet_settings(folder: Path) -> None:
    """Defaults for this server only; what the learner has set in JupyterLab wins."""
    settings = '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}'
    (folder / "labconfig").mkdir()
    (folder / "labconfig" / "default_setting_overrides.json").write_text(settings)


def wait_until_up(server: subprocess.Popen, port: int, seconds: float = 120) -> bool:
    """True when the server answers, False when it ended or took too long."""
    until = time.monotonic() + seconds
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while server.poll() is None and time.monotonic() < until:
        try:
            opener.open(f"http://{HOST}:{port}/api", timeout=2).close()
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def stop(server: subprocess.Popen) -> None:
    """End the server and its kernels; ask first, insist after ten seconds."""
    if os.name != "nt":
        server.terminate()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
