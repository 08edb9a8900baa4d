"""`course lab`, really started, for the tests that need a server."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import websocket
from jupyter_client.session import Session

START = "import sys; from course_lib.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Lab:
    """Where the server answers, the learner's folder that it shows, and what it logs."""

    port: int
    token: str
    work: Path
    log: Path

    def url(self, notebook: str) -> str:
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?reset&token={self.token}"

    def ask(self, path: str, content: Any = None, method: str = "") -> Any:
        """The server's answer, as data where it is JSON."""
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data)
        request.add_header("Authorization", f"token {self.token}")
        request.method = method or request.get_method()
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
        return json.loads(text) if text.startswith(("{", "[")) else text

    def run(self, kernel: str, code: str) -> str:
        """What code prints in a kernel of this server; its error, if it raises."""
        place = f"ws://127.0.0.1:{self.port}/api/kernels/{kernel}/channels"
        channel = websocket.create_connection(f"{place}?token={self.token}", timeout=120)
        message = Session().msg("execute_request", {"code": code, "silent": False})
        channel.send(json.dumps(message | {"channel": "shell"}, default=str))
        printed = ""
        while True:
            told = json.loads(channel.recv())
            if told["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            content = told["content"]
            printed += content.get("text", "") if told["msg_type"] == "stream" else ""
            printed += "\n".join(content["traceback"]) if told["msg_type"] == "error" else ""
            if told["msg_type"] == "status" and content["execution_state"] == "idle":
                channel.close()
                return printed


@contextmanager
def running_lab(
    home: Path, *options: str, as_whom: Callable = list, **environment: str | Path
) -> Iterator[Lab]:
    """A server for a user whose home is `home`; it ends with the block."""
    token, port, log = secrets.token_hex(16), free_port(), home / "lab.log"
    work = Path(environment.get("COURSE_WORK", home / "work"))
    own = {"HOME": home, "COURSE_WORK": work, "JUPYTER_TOKEN": token, **environment}
    command = [sys.executable, "-c", START, "lab", "--no-browser", f"--port={port}", *options]
    with log.open("w") as out:
        process = subprocess.Popen(
            as_whom(command), env=os.environ | {name: str(told) for name, told in own.items()},
            stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            lab = Lab(port, token, work, log)
            _wait_until_up(process, lab)
            yield lab
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_up(process: subprocess.Popen, lab: Lab) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"course lab ended at once:\n{lab.log.read_text()[-3000:]}")
        try:
            return lab.ask("api") and None
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"course lab did not answer in 90 s:\n{lab.log.read_text()[-3000:]}")
