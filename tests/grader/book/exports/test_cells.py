"""No cell is a formula, whatever a student is called; numbers and logins stay."""

import csv
import io

import pytest

from course_lib.grader.book.exports.cells import escaped, table, written


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "=", "--5", "+1 2"],
)
def test_what_a_spreadsheet_would_run_gets_a_quote(cell):
    assert escaped(cell) == "'" + cell


@pytest.mark.parametrize(
    "cell", ["", "ada", "-", "-5", "+49", "-1.5", "3,25", "a=b", "x@y.z", "1-2"]
)
def test_real_numbers_and_words_stay(cell):
    assert escaped(cell) == cell


@pytest.mark.parametrize("id", ["@ada", "-ada", "+49-30", "+a.b@c", "0012", "ada@uni.edu"])
def test_an_id_that_is_no_formula_stays(id):
    assert escaped(id, id=True) == id


@pytest.mark.parametrize("id", ["=1+1", "@SUM(A1)", "+cmd|'x'!A0", "-1/0"])
def test_an_id_that_could_be_a_formula_is_escaped(id):
    assert escaped(id, id=True) == "'" + id


def test_commas_quotes_and_line_breaks_come_back_as_they_were():
    lines = [["a,b", 'say "x"', "two\nlines"], ["1", "2", "3"]]
    assert list(csv.reader(io.StringIO(written(lines), newline=""))) == lines
    assert table(["name"], [["=x"]]) == "name\n'=x\n"


def test_no_part_of_a_cell_begins_a_line_of_its_own():
    text = written([["bob\r=1+1", "2"], ["\r\n", "3"]])
    assert text == '"bob\r=1+1",2\n"\r\n",3\n'
