"""Film reviews: each once, labelled, and dealt out by film."""

import pytest

from course_lib.data import reviews as module
from course_lib.data.corpora import MissingData
from course_lib.data.reviews import film_reviews, reviews_by_film


def test_reviews_are_there_once_and_labelled():
    reviews = film_reviews()
    assert len(reviews) == len({review.text for review in reviews}) == 12_752
    assert sum(review.fresh for review in reviews) == 7_368
    assert len({review.film for review in reviews}) == 507
    goofy = next(r for r in reviews if r.text.endswith("ends up seeming goofy."))
    assert not goofy.fresh and goofy.film == "heaven"
    assert all(review.text == " ".join(review.text.split()) for review in reviews)


def test_no_film_is_in_two_parts():
    parts = reviews_by_film(dev=30, test=60, seed=1)
    films = [{review.film for review in part} for part in parts]
    assert [len(each) for each in films] == [417, 30, 60]
    assert not (films[0] & films[1] or films[0] & films[2] or films[1] & films[2])
    assert sum(map(len, parts)) == len(film_reviews())
    assert parts == reviews_by_film(30, 60, 1) and parts != reviews_by_film(30, 60, 2)
    with pytest.raises(ValueError, match="of 507 different items"):
        reviews_by_film(dev=400, test=107)


def test_missing_reviews_say_what_installs_them(monkeypatch):
    monkeypatch.setattr(module, "PACKAGE", "no_such_package")
    with pytest.raises(MissingData, match="no-such-package is not installed"):
        film_reviews.__wrapped__()
