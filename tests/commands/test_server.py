"""`course lab` among a user's own settings, kernels and extensions: none of them reaches it."""

import json
import os
import sys

import nbformat
import pytest
from running_lab import running_lab

from course_lib.commands import build, server
from course_lib.notebooks import text_of

FOREIGN = {"argv": ["false"], "display_name": "Python 3 (theirs)", "language": "python"}
# Any of these that is read leaves a mark, and would break the course besides.
CONFIG = """
open({mark!r}, "a").write(__file__ + "\\n")
c.ServerApp.port = 1
c.ServerApp.base_url = "/elsewhere/"
c.ServerApp.contents_manager_class = "nowhere.Contents"
c.ServerApp.kernel_spec_manager_class = "nowhere.Kernels"
c.PasswordIdentityProvider.hashed_password = "argon2:nothing"
c.KernelSpecManager.allowed_kernelspecs = {{"julia"}}
"""
CONFIGS = ("jupyter_config", "jupyter_server_config", "jupyter_lab_config")
DARK = '{"theme": "JupyterLab Dark"}'


def plant(home):
    """A home full of settings; returns variables that name still more of them."""
    mark = str(home / "mark")
    for folder in (home / ".jupyter", home / "config", home / "path"):
        folder.mkdir(parents=True)
        for name in CONFIGS:
            (folder / f"{name}.py").write_text(CONFIG.format(mark=mark))
    for folder in (".local/share/jupyter", "path", "data", ".ipython", "ipython"):
        spec = home / folder / "kernels" / "python3" / "kernel.json"
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps(FOREIGN))
    startup = f"open({mark!r}, 'a').write(__file__)\nraise SystemExit(3)\n"
    for name in (".ipython", "ipython"):
        script = home / name / "profile_default" / "startup" / "00.py"
        script.parent.mkdir(parents=True)
        script.write_text(startup)
    (home / "startup.py").write_text(startup)
    for name in (".jupyter/lab/user-settings", "settings"):
        file = home / name / "@jupyterlab/apputils-extension/themes.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(DARK)
    return {
        "JUPYTER_CONFIG_DIR": home / ".jupyter",
        "JUPYTER_CONFIG_PATH": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_PATH": home / "path",
        "JUPYTER_PREFER_ENV_PATH": "0",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_DIR": home / "no-lab",
        "JUPYTER_PORT": "1",
        "IPYTHONDIR": home / "ipython",
        "PYTHONSTARTUP": home / "startup.py",
        "MPLBACKEND": "Agg",
        "PYTHONWARNINGS": "default",
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with running_lab(home, **plant(home)) as lab:
        yield lab


@pytest.fixture(scope="module")
def kernel(lab):
    """A kernel as a notebook starts it, by the name that notebooks hold."""
    return lab.ask("api/kernels", {"name": "python3"})["id"]


def test_there_is_one_kernel_and_it_is_this_python(lab, kernel):
    specs = lab.ask("api/kernelspecs")
    assert specs["default"] == "python3" and list(specs["kernelspecs"]) == ["python3"]
    assert lab.run(kernel, "import sys; print(sys.executable)") == f"{sys.executable}\n"


def test_a_kernel_finds_the_course_and_nothing_of_the_users(lab, kernel):
    told = lab.run(
        kernel,
        "import os, matplotlib\n"
        "from course_lib.paths import WORK\n"
        "print(WORK, 'inline' in matplotlib.get_backend())\n"
        "theirs = 'JUPYTER_PATH', 'PYTHONSTARTUP', 'PYTHONWARNINGS'\n"
        "print([name for name in theirs if name in os.environ])",
    )
    assert told.splitlines() == [f"{lab.work} True", "[]"]
    assert not (lab.work.parent / "mark").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
def test_a_kernel_talks_through_sockets_and_warns_of_nothing(lab, kernel):
    asked = "from ipykernel.kernelapp import IPKernelApp as App; print(App.instance().transport)"
    assert lab.run(kernel, asked) == "ipc\n"
    lab.ask(f"api/kernels/{kernel}/restart", {})
    assert lab.run(kernel, asked) == "ipc\n"
    log = lab.log.read_text()
    assert "encryption" not in log and "Traceback" not in log


def test_settings_are_the_courses_own_and_are_kept_in_work(lab):
    theme = "lab/api/settings/@jupyterlab/apputils-extension:themes"
    assert lab.ask(theme)["raw"] == "{}"
    lab.ask(theme, {"raw": DARK}, "PUT")
    kept = lab.work / ".lab/settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
    assert json.loads(kept.read_text()) == json.loads(DARK)
    news = lab.ask("lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert news["schema"]["properties"]["fetchNews"]["default"] == "false"


def test_a_notebook_is_saved_as_a_notebook_and_a_script_stays_a_script(lab):
    """Jupytext is installed here: it would pair the one and open the other as a notebook."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    made.metadata["jupytext"] = {"formats": "ipynb,py:percent"}
    lab.ask("api/contents/mine.ipynb", {"type": "notebook", "content": made}, "PUT")
    assert json.loads((lab.work / "mine.ipynb").read_text())["cells"][0]["source"] == ["x = 1"]
    assert not (lab.work / "mine.py").exists()
    (lab.work / "script.py").write_text("# %%\nx = 1\n")
    assert lab.ask("api/contents/script.py")["type"] == "file"
    page = lab.ask("lab")
    assert '"jupyterlab-jupytext"' in page.split('"disabledExtensions"')[1].split("]")[0]


def test_nothing_is_left_in_the_users_home(lab, kernel):
    home = lab.work.parent
    theirs = {"work", "lab.log", ".cache", ".config", ".npm"}  # caches of fonts and the like
    new = {path.name for path in home.iterdir()} - theirs
    assert new == {
        ".jupyter", "config", "path", ".local", "data", ".ipython", "ipython", "startup.py",
        "settings",
    }  # fmt: skip
    assert sorted(os.listdir(home / "data")) == ["kernels"]
    assert sorted(os.listdir(home / ".jupyter")) == sorted(["lab", *(f"{n}.py" for n in CONFIGS)])


def test_a_notebook_that_is_built_runs_in_this_python(tmp_path, monkeypatch, capfd):
    for name, told in plant(tmp_path / "home").items():
        monkeypatch.setenv(name, str(told))
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": ["import sys; sys.executable"],
    }
    cell |= {"outputs": [], "execution_count": None}
    made = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    made = build.execute(json.loads(text_of(made)), tmp_path)
    assert made["cells"][0]["outputs"][0]["data"]["text/plain"] == [repr(sys.executable)]
    assert "encryption" not in capfd.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
@pytest.mark.parametrize("length, transport", [(40, "ipc"), (90, "tcp")])
def test_a_long_path_has_no_room_for_sockets(length, transport):
    assert server.talking(server.Path("/" + "x" * length))["transport"] == transport


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
def test_a_long_temporary_folder_is_not_used_for_sockets(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(server.tempfile, "gettempdir", lambda: str(long))
    with server.temporary() as folder:
        assert server.talking(server.Path(folder))["transport"] == "ipc"
        assert os.stat(folder).st_mode & 0o077 == 0


def test_ports_are_encrypted_where_there_are_no_sockets(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(server, "ROOM", 1)
    made = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
    source = "from ipykernel.kernelapp import IPKernelApp as App\n"
    source += "App.instance().transport, App.instance().curve_secretkey is not None"
    made["cells"] = [cell | {"source": source.splitlines(keepends=True)}]
    made = build.execute(made, tmp_path)
    assert made["cells"][0]["outputs"][0]["data"]["text/plain"] == ["('tcp', True)"]
    assert "encryption" not in capfd.readouterr().err
