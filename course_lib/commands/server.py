"""JupyterLab as the course starts it: apart from whatever else its user does with Jupyter.

What the user sets in it (theme, shortcuts) is kept in `work/.lab/settings` and nowhere else.
"""

import json
import os
import sys
import tempfile
import uuid
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from course_lib.paths import text_digest

HOST = "127.0.0.1"
PREFIX = "course-lab-"
# Set for other work: other folders of settings, other kernels, code that runs at their start.
THEIRS = ("JUPYTER", "JPY_", "IPYTHON", "PYTHONSTARTUP", "PYTHONWARNINGS", "MPLBACKEND")
EXTENSIONS = {
    "course_lib.commands.keeping": True,
    "jupytext": False,  # it takes over how notebooks are saved
    "jupyterlab_jupytext": False,
}
DEFAULTS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},
    # names of chapters are long, and the list beside them is narrow
    "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},
    # of two minutes, `course check` in a terminal would not know
    "@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 10},
}
# The course's own notes beside the notebooks: kept and saved, but nothing to open.
HIDDEN = ["kept.json", "progress.json", "__pycache__", "*.pyc", "*~"]
OWN_EXTENSIONS = resources.files(__package__).joinpath("extensions")
STYLE = resources.files(__package__).joinpath("lab.css")
# The path of a socket has 104 bytes on macOS, 108 on Linux, with its closing zero.
ROOM = 103


def command(port: int, page: str, folder: Path, work: Path) -> list[str]:
    """JupyterLab on this machine only, without news, updates or questions."""
    talk = talking(folder)
    options = {
        "ServerApp.ip": HOST,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": work,
        "ServerApp.allow_root": True,  # a container has no other user; see ip
        "ServerApp.answer_yes": True,
        "ServerApp.kernel_spec_manager_class": "course_lib.commands.kernels.OwnPython",
        "KernelManager.transport": talk["transport"],
        "KernelManager.transport_encryption": talk["transport_encryption"],
        "Application.log_level": "WARN",
        "LabApp.custom_css": True,
        "LabApp.default_url": f"/{page}",
        "LabApp.extra_labextensions_path": folder / "extensions",
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    settings = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyterlab", *settings]


def environment(folder: Path, work: Path, token: str) -> dict[str, str]:
    """What a server and its kernels find around them."""
    kept = {name: told for name, told in os.environ.items() if not name.startswith(THEIRS)}
    lab = work / ".lab"
    own = {
        "JUPYTER_TOKEN": token,  # not an argument: others could list it
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_RUNTIME_DIR": folder,
        "JUPYTER_DATA_DIR": lab / "data",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTERLAB_SETTINGS_DIR": lab / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": lab,  # which tabs are open
        "IPYTHONDIR": lab / "ipython",
    }
    scripts = str(Path(sys.executable).parent)
    path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    return kept | {name: str(value) for name, value in own.items()} | {"PATH": path}


def configure(folder: Path) -> None:
    """Write the server's own configuration; its user's is not read."""
    files = {
        "jupyter_server_config.json": {
            "ServerApp": {"jpserver_extensions": EXTENSIONS},
            "ContentsManager": {"hide_globs": HIDDEN},
        },
        "labconfig/page_config.json": {"disabledExtensions": {"jupyterlab-jupytext": True}},
        "labconfig/default_setting_overrides.json": DEFAULTS,
    }
    for name, content in files.items():
        path = folder / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    style = folder / "config" / "custom" / "custom.css"
    style.parent.mkdir()
    style.write_text(STYLE.read_text(encoding="utf-8"))
    for extension in (e for e in OWN_EXTENSIONS.iterdir() if e.is_dir()):
        lay_out(extension, folder / "extensions" / extension.name)


def lay_out(extension: Traversable, place: Path) -> None:
    """Write one of the course's extensions, its script under a name that changes with it.

    JupyterLab has browsers keep such scripts for a year: an update of the course would not arrive.
    """
    told = json.loads(extension.joinpath("package.json").read_text(encoding="utf-8"))
    build = told["jupyterlab"]["_build"]
    script = extension.joinpath(build["load"]).read_bytes()
    build["load"] = f"static/{text_digest(script)[:16]}.js"
    (place / "static").mkdir(parents=True)
    (place / build["load"]).write_bytes(script)
    (place / "package.json").write_text(json.dumps(told), encoding="utf-8")


def talking(folder: Path) -> dict[str, str]:
    """How a kernel talks whose files lie in a folder: through sockets there, if they have room.

    Elsewhere, as on Windows, through ports of this machine, and encrypted.
    """
    socket = folder / f"kernel-{uuid.UUID(int=0)}-ipc-10"
    if os.name != "nt" and len(os.fsencode(socket)) <= ROOM:
        return {"transport": "ipc", "transport_encryption": "disabled"}
    return {"transport": "tcp", "transport_encryption": "auto"}


def temporary() -> tempfile.TemporaryDirectory:
    """A private folder, where the kernels' sockets have room if there is such a place."""
    usual = tempfile.gettempdir()
    places = [Path(place, f"{PREFIX}00000000") for place in (usual, "/tmp")]
    roomy = [p.parent for p in places if talking(p)["transport"] == "ipc"]
    where = next((place for place in roomy if os.access(place, os.W_OK)), usual)
    return tempfile.TemporaryDirectory(prefix=PREFIX, dir=where, ignore_cleanup_errors=True)
