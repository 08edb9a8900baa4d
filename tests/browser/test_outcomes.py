"""What an outcome says about a guess, however the guess is written."""

import pytest

from course_lib.views import outcome, predict

SAME, CLOSE = "✓ That is what you guessed.", "✓ That is close to your guess."
BETWEEN = "✓ That is in between, as you guessed."
PERCENT = "✓ That is close to your guess, in percent."
NEAR, OTHER = "Near your guess, yet not it.", "Not what you guessed: what would explain it?"


@pytest.fixture(scope="module")
def said(chromium, tmp_path_factory):
    """What stands under a result once a guess was made."""
    path = tmp_path_factory.mktemp("outcome") / "page.html"
    page = chromium.new_page()

    def said(guess, result):
        views = predict("00.x", "What?").html() + outcome("00.x", result).html()
        path.write_text("<!doctype html><meta charset=utf-8>" + views)
        page.goto(path.as_uri())
        page.locator("input").fill(guess)
        page.locator("input").press("Enter")
        return page.locator(".agrees").inner_text()

    yield said
    page.close()


@pytest.mark.parametrize(
    ("guess", "result", "told"),
    [
        ("5, 2, 7", "(5, 2, 7)", SAME),
        ("[5,2,7]", "(5, 2, 7)", SAME),
        ("5 x 2 x 7", "(5, 2, 7)", SAME),
        ("torch.Size([5, 2, 7])", "(5, 2, 7)", SAME),
        ("5, 3, 7", "(5, 2, 7)", OTHER),
        ("7", "(5, 2, 7)", OTHER),
        ("440 and 100", "461 and 104", CLOSE),
        ("440 and 90", "461 and 104", OTHER),
        ("nan and nan", "[nan, nan]", SAME),
        ("NaN", "[nan, nan]", SAME),
        ("0.5", "[nan, nan]", OTHER),
        ("1/11", 1 / 11, SAME),
        ("9 %", 1 / 11, CLOSE),
        (".09", 1 / 11, CLOSE),
        ("0", 1 / 11, OTHER),
        ("0.8", 0.951, NEAR),
        ("0.9512", 0.951, SAME),
        ("0.952", 0.951, CLOSE),
        ("95", 0.951, PERCENT),
        ("80", 0.951, OTHER),
        ("11", 1 / 11, OTHER),
        ("95.14 %", "95.1 %", SAME),
        ("40", 39, CLOSE),
        ("−2", "-2", SAME),
        ("64", "64 MiB", SAME),
        ("1000", "1,000", SAME),
        ("0,96", 0.957, CLOSE),
        ("95,7 %", 0.957, SAME),
        ("-0,125", -0.125, SAME),
        ("12,5", 39.5, OTHER),
        ("20%", "12% to 24%, with three models", BETWEEN),
        ("0.2", "12% to 24%, with three models", BETWEEN),
        ("20", "12% to 24%, with three models", BETWEEN),
        ("25 %", "12% to 24%, with three models", CLOSE),
        ("60 %", "12% to 24%, with three models", OTHER),
        ("1", "0.4 to 1.7 times, by seed", BETWEEN),
        ("40 of 500", "34 to 45 of 500", BETWEEN),
        ("100", "34 to 45 of 500", OTHER),
        ("8 %", "34 to 45 of 500", ""),
        ("few", "34 to 45 of 500", ""),
        ("3", "3 of 8", SAME),
        ("3 / 8", "3 of 8", SAME),
        ("7", "3 of 8", OTHER),
        ("all", "3 of 8", OTHER),
        ("All of them.", "8 of 8", SAME),
        ("all eight", "8 of 8", SAME),
        ("every guest", "8 of 8", SAME),
        ("both", "2 of 2", SAME),
        ("all but two", "6 of 8", SAME),
        ("all but one of them", "6 of 8", NEAR),
        ("all", "3 of 3; right in steps 81 to 100: [1.0, 1.0, 1.0]", SAME),
        ("3", "3 of 3; right in steps 81 to 100: [1.0, 1.0, 1.0]", SAME),
        ("2", "3 of 3; right in steps 81 to 100: [1.0, 1.0, 1.0]", OTHER),
        ("all", "6 of 7, without a single error", NEAR),
        ("most", "6 of 7, without a single error", SAME),
        ("most of them", "4 of 12", OTHER),
        ("most", "4 of 8", OTHER),
        ("most", "8 of 8", NEAR),
        ("more than half", "6 of 8", SAME),
        ("fewer than half of them", "4 of 12", SAME),
        ("half of them", "6 of 12", SAME),
        ("half of them", "4 of 12", OTHER),
        ("about half", "6 of 12", SAME),
        ("a third", "4 of 12", SAME),
        ("1/3", "4 of 12", SAME),
        ("1 in 10", "in about 1 of 10", SAME),
        ("10 %", "in about 1 of 10", SAME),
        ("0.1", "in about 1 of 10", SAME),
        ("half", "in about 1 of 10", OTHER),
        ("none", "0 of 1,000", SAME),
        ("not one", "0 of 1,000", SAME),
        ("all", "0 of 1,000", OTHER),
        ("all", "518 of 8,192", OTHER),
        ("5 %", "4.8 of 100", CLOSE),
        ("most", "80 to 89 of 100", SAME),
        ("all", "80 to 89 of 100", NEAR),
        ("none", "34 to 45 of 500", OTHER),
        ("some", "4 of 12", ""),
        ("none", 0, SAME),
        ("Nothing.", 0, SAME),
        ("none of them", 11, OTHER),
        ("eleven", 11, SAME),
        ("one eleventh", 1 / 11, SAME),
        ("about half", 0.5, SAME),
        ("three quarters", 0.75, SAME),
        ("never", 39, OTHER),
        ("Never.", "never", SAME),
        ("never", "never in 600", ""),
        ("a few", 3, ""),
        ("one of the first", 0, ""),
        ("none", "attention", ""),
        ("attention", "attention, and a GRU", ""),
        ("2 of 3 words", "animal 0.340, street 0.120", ""),
    ],
)
def test_a_guess_agrees_by_what_it_says(said, guess, result, told):
    assert said(guess, result) == told
