from unicodedata import normalize

from course_lib.data.parallel import ARTICLE, LANGUAGES, parallel_names


def test_every_language_has_the_article_and_the_names():
    names = parallel_names()
    assert [*ARTICLE] == [*LANGUAGES] == [*names]
    assert len(names["English"]) > 900 and len({*map(len, names.values())}) == 1


def test_the_same_place_means_the_same():
    names = parallel_names()
    place = names["English"].index("Germany")
    assert names["German"][place] == "Deutschland" and names["French"][place] == "Allemagne"
    assert names["Russian"][place] == "Германия" and names["Georgian"][place] == "გერმანია"


def test_no_name_is_empty_and_the_article_is_in_one_piece():
    assert all(name for names in parallel_names().values() for name in names)
    for text in ARTICLE.values():
        assert text == text.strip() and "  " not in text and "\n" not in text


def test_translations_are_in_their_script():
    for language, first in {"Hindi": "स", "Georgian": "ყ", "Burmese": "လ", "Russian": "В"}.items():
        assert ARTICLE[language].startswith(first)
    assert normalize("NFC", ARTICLE["German"]) == ARTICLE["German"]
