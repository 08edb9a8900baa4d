"""Chapter 03 as a learner meets it: opened by `course lab`, run, pointed at, answered, checked."""

import shutil

import nbformat
import pytest
from driving import command, open_notebook, run_all, shoot, use_theme

from course_lib.paths import ROOT

CHAPTER = "03_queries_keys_values.ipynb"
ANSWERS = [
    "from course_lib.check import check",
    """def project(x, to_q, to_k, to_v):
    made = [torch.einsum("bsi,oi->bso", x, weight) + bias for weight, bias in (to_q, to_k, to_v)]
    return made[0], made[1], made[2]
check("03.project", project)""",
    """def project(x, to_q, to_k, to_v):
    return tuple(x @ weight.T for weight, bias in (to_q, to_k, to_v))
check("03.project", project)""",
    """def project(x, to_q, to_k, to_v):
    weight = to_q + x
    return weight
check("03.project", project)""",
]


@pytest.fixture(scope="module")
def chapter(page, lab):
    """The learner's copy, as copied; answers go into another copy, run whole."""
    content = nbformat.read(lab.work / CHAPTER, as_version=4)
    content.cells += [nbformat.v4.new_code_cell(source) for source in ANSWERS]
    nbformat.write(content, lab.work / "chapter.ipynb")
    open_notebook(page, lab, "chapter.ipynb")
    run_all(page)
    return page


def test_all_cells_ran_without_an_error(chapter):
    assert chapter.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert chapter.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


def test_every_picture_has_a_description(chapter):
    pictures = chapter.locator(".jp-RenderedImage img")
    assert pictures.count() >= 3
    assert all(picture.get_attribute("alt") for picture in pictures.all())


def test_pointing_at_it_shows_the_animal_in_a_real_model(chapter):
    view = chapter.locator(".course-hover").first
    view.scroll_into_view_if_needed()
    words = [text.split("\n")[0].strip() for text in view.locator(".word").all_inner_texts()]
    it, animal = words.index("it"), words.index("animal")
    view.locator(".word").nth(it).hover()
    assert view.get_attribute("data-active") == str(it)
    assert "“it” looks at: animal 64%" in view.locator(".live").inner_text()
    assert view.locator(".word").nth(animal).locator("small").inner_text() == "64%"
    shoot(chapter, "chapter-03-hover")
    use_theme(chapter, "JupyterLab Dark")
    shoot(chapter, "chapter-03-hover-dark")
    use_theme(chapter, "JupyterLab Light")


def test_the_arrow_keys_walk_along_the_sentence(chapter):
    view = chapter.locator(".course-hover").first
    chapter.mouse.move(5, 5)  # or a word that scrolls under the mouse becomes active
    view.locator(".word").nth(2).focus()
    chapter.keyboard.press("ArrowRight")
    assert view.get_attribute("data-active") == "3"
    chapter.keyboard.press("ArrowLeft")
    chapter.keyboard.press("ArrowLeft")
    assert view.get_attribute("data-active") == "1"


def test_a_guess_made_first_stands_beside_what_came_out(chapter):
    asked = chapter.locator(".course-predict").first
    asked.scroll_into_view_if_needed()
    asked.locator("input").click()
    chapter.keyboard.type("one twelfth")
    chapter.keyboard.press("Enter")
    told = chapter.locator(".course-outcome").first.inner_text()
    assert "one twelfth" in told and "nothing yet" not in told


def test_the_quiz_is_answered_by_keyboard(chapter):
    quiz = chapter.locator(".course-quiz")
    quiz.scroll_into_view_if_needed()
    questions = quiz.locator("fieldset")
    assert questions.count() >= 6
    first = questions.first
    first.locator("input").first.focus()
    chapter.keyboard.press("Space")
    for _ in range(first.locator("input").count()):
        chapter.keyboard.press("Enter")
        if first.locator(".why.right").is_visible():
            break
        chapter.keyboard.press("ArrowDown")
    assert first.locator(".why.right").is_visible()
    assert f"1 of {questions.count()} solved" in quiz.locator(".score").inner_text()
    shoot(chapter, "chapter-03-quiz")


def test_check_tells_right_from_wrong_from_crashing(chapter):
    right, wrong, crashed = chapter.locator(".course-panel").all()[-3:]
    assert right.inner_text().startswith("✓ Right")
    wrong.scroll_into_view_if_needed()
    assert wrong.inner_text().startswith("✗ Not yet")
    assert "This is what you get when the bias is never added" in wrong.inner_text()
    wrong.locator("summary", has_text="Hint 1").first.click()
    assert "Hint 2 of 3" in wrong.inner_text() and "Hint 3 of 3" not in wrong.inner_text()
    assert crashed.inner_text().startswith("! Your code stopped")
    assert "TypeError" in crashed.inner_text() and "weight = to_q + x" in crashed.inner_text()
    assert "course_lib" not in crashed.inner_text()  # the learner's line, not ours
    shoot(chapter, "chapter-03-panels")


def test_nothing_was_asked_of_the_network(chapter):
    assert chapter.outside == []


def test_a_clone_read_without_being_run_shows_the_map_as_a_table(chapter, lab):
    """Its stored outputs are not trusted, so scripts are taken out; outcomes stay folded."""
    shutil.copy(ROOT / "notebooks" / CHAPTER, lab.work / "clone.ipynb")
    command(chapter, "docmanager:open", {"path": "clone.ipynb"})
    clone = chapter.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    table = clone.locator("table", has_text="the row looks at the column").first
    table.wait_for()
    table.scroll_into_view_if_needed()
    assert clone.locator(".jp-OutputArea script, .jp-OutputArea button").count() == 0
    rows = [row.split() for row in table.locator("tr").all_inner_texts()]
    words = rows[0]
    (looks,) = (row[1:] for row in rows[1:] if row[0] == "it")
    assert looks[words.index("animal")] == "64"
    assert clone.get_by_text("Description of the figure").first.is_visible()
    outcomes = clone.locator("details", has_text="It came out as")
    assert outcomes.count() >= 4
    assert all("It came out as" not in text for text in outcomes.all_inner_texts())
    shoot(chapter, "chapter-03-untrusted")


def test_a_fresh_copy_has_no_outcome_below_its_question_and_closes_without_one(page, lab):
    """As after the first `course lab`: opened, read, closed, nothing run and nothing to save."""
    open_notebook(page, lab, CHAPTER)
    panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    cells = panel.locator(".jp-CodeCell")
    asked = cells.filter(has_text='"03.admire"').first
    asked.scroll_into_view_if_needed()
    assert cells.count() >= 20 and panel.locator(".jp-OutputArea-output").count() == 0
    assert "It came out as" not in panel.inner_text()
    shoot(page, "chapter-03-fresh")
    assert not page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty")
    before = (lab.work / CHAPTER).read_bytes()
    command(page, "application:close")
    panel.wait_for(state="detached")
    assert page.locator(".jp-Dialog").count() == 0
    assert (lab.work / CHAPTER).read_bytes() == before
