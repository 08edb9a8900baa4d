"""A real JupyterLab, started by `course lab`, and a real Chromium; both end with the tests."""

import json
import os
import shutil
from collections.abc import Iterator

import pytest
from running_lab import Lab, running_lab

FLAGS = (
    "--no-sandbox",  # containers have no other user than root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "doNotDisturbMode": True},
    # every cell is in the page, not only those in sight
    "notebook-extension/tracker": {"windowingMode": "none"},
}


def find_chromium() -> str | None:
    names = (os.environ.get("COURSE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def program() -> str:
    """Where Chromium is."""
    path = find_chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Chromium: a skipped browser test proves nothing")
        pytest.skip("no Chromium here; COURSE_CHROMIUM may name one")
    return path


@pytest.fixture(scope="module")
def chromium(program) -> Iterator:
    """A browser for one module: while it lives, its event loop runs, and a thread has only one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """`course lab` on a folder of its own."""
    home = tmp_path_factory.mktemp("lab")
    for plugin, value in SETTINGS.items():
        path = home / "work/.lab/settings/@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    with running_lab(home, "--", "--expose-app-in-browser", OMP_NUM_THREADS="1") as lab:
        yield lab


@pytest.fixture(scope="module")
def page(chromium) -> Iterator:
    """One page for a whole module: opening JupyterLab is what costs time."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.outside = []
    page.on("request", lambda request: _note_outside(page, request.url))
    yield page
    context.close()


def _note_outside(page, url: str) -> None:
    if not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")):
        page.outside.append(url)
