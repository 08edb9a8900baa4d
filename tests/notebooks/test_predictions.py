"""A guess is a guess: nothing between question and outcome says what comes out."""

import json
import re

import pytest

from course_lib.paths import ROOT

PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
DATA = re.compile(r"course-outcome\".*\nconst data = ({.*?});\n", re.DOTALL)
ANSWERS = re.compile(r"^(?:display\()?outcome\(", re.MULTILINE)
NEAR = 4  # cells below an outcome; further down its number may be another's
SHORT = 3  # a result such as "0" or "10" stands in many lines without saying anything


def cells_of(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells]


def results(cell):
    """What the outcomes of a cell say, by id."""
    shown = ["".join(o.get("data", {}).get("text/html", "")) for o in cell.get("outputs", ())]
    found = [json.loads(match[1]) for html in shown if (match := DATA.search(html))]
    return {data["id"]: data["result"] for data in found}


def told(cell):
    """What a cell says by itself and by its outputs, except in outcomes: those are folded."""
    texts = [cell["source"]]
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        if "course-outcome" in "".join(data.get("text/html", "")):
            continue
        texts += ["".join(output.get("text", "")), "".join(data.get("text/plain", ""))]
    return "\n".join(texts)


def printed(cell):
    """What a cell prints; a claim prints a line that ends with True."""
    return "\n".join("".join(output.get("text", "")) for output in cell.get("outputs", ()))


def same_number(came, text):
    """Whether a text shows the one number that came out, as 0.64, 0.640, 64 % or 64.00."""
    numbers = [match[0] for match in re.finditer(r"\d+(?:\.\d+)?", came)]
    if len(numbers) != 1 or len(numbers[0].strip("0.")) < 2:
        return False  # several, or one that stands in many lines without saying anything
    shown = re.findall(r"(\d+(?:\.\d+)?) ?(%?)", text)
    wanted = float(numbers[0])
    sizes = [float(digits) / (100 if percent else 1) for digits, percent in shown]
    return any(abs(size - wanted) <= 0.01 * wanted for size in sizes)


def plain(text):
    return re.sub(r"\s+", " ", text.lower().replace("`", ""))


def between(cells):
    """For each prediction: its id, what came out, and what stands from question to outcome."""
    for start, cell in enumerate(cells):
        for id in re.findall(r'\bpredict\(\s*"([^"]+)"', cell["source"]):
            for end in range(start, len(cells)):
                if id in (came := results(cells[end])):
                    yield id, came[id], "\n".join(map(told, cells[start : end + 1]))
                    break
            else:
                yield id, None, ""


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_nothing_between_question_and_outcome_says_the_outcome(path):
    given_away = []
    for id, came, text in between(cells_of(path)):
        assert came is not None, f"{id}: no outcome"
        if len(came) > SHORT and re.search(rf"(?<!\w){re.escape(plain(came))}(?!\w)", plain(text)):
            given_away.append(f"{id}: {came}")
    assert given_away == []


def shown_between(cells):
    """For each prediction: its id, what came out, what is shown on the way, and what is claimed."""
    for start, cell in enumerate(cells):
        for id in re.findall(r'\bpredict\(\s*"([^"]+)"', cell["source"]):
            ends = [i for i in range(start, len(cells)) if id in results(cells[i])]
            between = cells[start + 1 : ends[0] + 1] if ends else []
            shown = "\n".join(told(c | {"source": ""}) for c in between)
            yield id, results(cells[ends[0]])[id] if ends else "", shown, claims(between)


def claims(cells):
    return [
        line for cell in cells for line in printed(cell).splitlines() if line.endswith(": True")
    ]


def seen(cell):
    """What a cell's outputs say in view: the text of a living view is not."""
    shown = [o for o in cell["outputs"] if "text/html" not in o.get("data", {})]
    return told({"source": "", "outputs": shown})


def answers(cell):
    return cell["cell_type"] == "code" and re.search(
        r"^(display\()?outcome\(", cell["source"], re.M
    )


def in_view(cells):
    """For each outcome: its id, what came out, the cells of its section that say it in focus.

    Out of focus is (course-veil) the prose right behind it, or behind its figure, and what is
    tagged "tells".
    """
    for start, cell in enumerate(cells):
        if not answers(cell):
            continue
        (id, came), *_ = results(cell).items()
        for at, below in enumerate(cells[start + 1 : start + 1 + NEAR]):
            asks = "predict(" in below["source"]
            if asks or answers(below) or (at and re.match("## ", below["source"])):
                break
            right_behind = at == 0 or (at == 1 and cells[start + 1]["cell_type"] == "code")
            if not right_behind and "tells" not in below["metadata"].get("tags", ()):
                prose = below["cell_type"] == "markdown"
                text = below["source"] if prose else seen(below)
                whole = len(came) > SHORT and plain(came) in plain(text)
                if whole or same_number(came, text):
                    yield id, came, start + 1 + at, plain(text)[:60]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_says_the_outcome_further_down_is_tagged(path):
    assert list(in_view(cells_of(path))) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_is_tagged_has_an_outcome_above_it(path):
    cells = cells_of(path)
    tagged = [i for i, cell in enumerate(cells) if "tells" in cell["metadata"].get("tags", ())]
    assert all(any(map(answers, cells[:i])) and not answers(cells[i]) for i in tagged)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_nothing_is_claimed_or_measured_on_the_way(path):
    found = [(id, c, same_number(came, s)) for id, came, s, c in shown_between(cells_of(path))]
    assert [(id, c) for id, c, same in found if c or same] == []


def test_the_test_knows_a_number_in_other_clothes():
    assert same_number("0.640", "it → animal 64%, [CLS] 12%")
    assert same_number("64 MiB", "[16.00, 64.00] MiB")
    assert not same_number("0.640", "it → animal 46%, [CLS] 12%")
    assert not same_number("3 of 3", "[1.0, 3.0]")


def test_the_test_sees_a_result_in_code_in_prose_and_in_print():
    outcome = {"text/html": 'course-outcome">\nconst data = {"id": "02.x", "result": "0.957"};\n'}
    asked = {"source": 'predict("02.x", "How big?")', "outputs": []}
    answered = {"source": 'outcome("02.x", w.max())', "outputs": [{"data": outcome}]}
    assert [found[:2] for found in between([asked, answered])] == [("02.x", "0.957")]
    for extra in (
        {"source": "About **0.957**, as the title says."},
        {"source": "w.max()", "outputs": [{"text": "0.957\n"}]},
        {"source": "w", "outputs": [{"data": {"text/plain": "[[0.957, 0.043]]"}}]},
    ):
        (_, came, text) = next(between([asked, extra, answered]))
        assert came in text
