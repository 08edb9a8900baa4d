"""A notebook as a student hands it in, and the verdict on one of its answers."""

import json

import nbformat

from course_lib.grader.book.grading import grade_submission


def notebook(path, *cells):
    made = nbformat.v4.new_notebook()
    for source, *tags in cells:
        made.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))
    path.write_text(json.dumps(made))
    return path


def verdict(warm, path, id):
    (graded,) = grade_submission(warm, path, [id], 7)
    return graded.verdict
