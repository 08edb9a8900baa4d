"""What the server of `course lab` adds to JupyterLab's: a place for guesses and quiz answers."""

import json
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from course_lib import kept


class Kept(APIHandler):
    """`GET` tells what is kept in the learner's folder, `POST` adds to it."""

    def initialize(self, work: Path) -> None:
        """The folder whose guesses and answers these are."""
        self.work = work

    @web.authenticated
    def get(self) -> None:
        """Everything kept so far; nothing when the file is broken."""
        try:
            self.finish(json.dumps(kept.load(self.work)))
        except ValueError:
            self.finish("{}")

    @web.authenticated
    def post(self) -> None:
        """Add what the body says; 400 for what a view wouldn't send, 500 on a full disk."""
        try:
            kept.keep(self.work, json.loads(self.request.body))
        except ValueError as error:
            raise web.HTTPError(400, str(error)) from error
        except OSError as error:
            raise web.HTTPError(500, str(error)) from error
        self.set_status(204)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    place = url_path_join(server.web_app.settings["base_url"], "course", "kept")
    server.web_app.add_handlers(".*$", [(place, Kept, {"work": Path(server.root_dir)})])
