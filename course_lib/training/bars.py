"""A bar for a training run: how far it is, the loss, the time left."""

import os
from collections.abc import Iterable, Iterator

from tqdm.auto import tqdm

from course_lib.training.loop import Record


def progress(records: Iterable[Record], total: int | None = None) -> Iterator[Record]:
    """Pass the records on and show a bar meanwhile; `total` is how many there will be.

    There is no bar under pytest, nor where the environment variable `TQDM_DISABLE` is set.
    """
    quiet = {"disable": True} if "PYTEST_CURRENT_TEST" in os.environ else {}
    with tqdm(total=total, unit="step", **quiet) as bar:
        for record in records:
            bar.set_postfix(loss=f"{record.loss:.3f}", refresh=False)
            bar.update()
            yield record
