"""`course lab`: the learner's copies in work/, and JupyterLab open on them."""

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from course_lib.commands import server
from course_lib.commands.copies import Copied, make_copies, sources
from course_lib.commands.server import HOST
from course_lib.commands.shadows import in_the_way
from course_lib.paths import ROOT, WORK

FIRST_PORT, TRIED_PORTS = 8888, 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course lab`."""
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--port", type=port_number, help=f"default: the first free one from {FIRST_PORT}"
    )
    parser.add_argument("--prepare-only", action="store_true", help="copy to work/, start nothing")
    parser.add_argument("jupyter", nargs="*", help="after --: passed to JupyterLab as it is")


def run(args: argparse.Namespace) -> int:
    """Copy what is new, start JupyterLab, stay until it ends."""
    try:
        copied = make_copies(ROOT, WORK)
    except OSError as error:
        told = "; set COURSE_WORK to a folder of your own" if WORK == ROOT / "work" else ""
        reason = error.strerror or error
        print(f"course lab: {WORK} cannot be written: {reason}{told}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"course lab: {error}", file=sys.stderr)
        return 1
    print(news(copied, WORK), flush=True)
    for trouble in in_the_way():
        print(f"{trouble['what']}: {trouble['repair']}", file=sys.stderr)
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


def port_number(text: str) -> int:
    """A port that can be asked for; `ArgumentTypeError` for any other text."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a port is a number, 1 to 65535")
    return int(text)


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


def first_page(root: Path, work: Path) -> str:
    """What JupyterLab opens: the first chapter there is."""
    names = [name for name in sources(root) if (work / name).exists()]
    return f"lab/tree/{names[0]}" if names else "lab"


def serve(port: int, no_browser: bool, extra: list[str]) -> int:
    """Run JupyterLab until Ctrl-C; its address is printed when it answers."""
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    page = first_page(ROOT, WORK)
    signal.signal(signal.SIGTERM, _interrupt)
    with server.temporary() as name:
        folder = Path(name)
        server.configure(folder)
        options = server.command(port, page, folder, WORK)
        options += [f"--ServerApp.open_browser={not no_browser}", *extra]
        environment = server.environment(folder, WORK, token)
        process = subprocess.Popen(options, env=environment, cwd=WORK)
        try:
            if wait_until_up(process, port):
                print(f"\nThe course is open at http://{HOST}:{port}/{page}?token={token}")
                print("Stop it here with Ctrl-C. Your work is saved every ten seconds.", flush=True)
            status = process.wait()
        except KeyboardInterrupt:
            stop(process)
            print("\nStopped.")
            return 0
    if status:
        print(f"course lab: JupyterLab ended with status {status}, see above", file=sys.stderr)
    return status


def wait_until_up(process: subprocess.Popen, port: int, seconds: float = 120) -> bool:
    """True when the server answers, False when it ended or took too long."""
    until = time.monotonic() + seconds
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while process.poll() is None and time.monotonic() < until:
        try:
            opener.open(f"http://{HOST}:{port}/api", timeout=2).close()
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def stop(process: subprocess.Popen) -> None:
    """End the server and its kernels; ask first, insist after ten seconds."""
    if os.name != "nt":
        process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
