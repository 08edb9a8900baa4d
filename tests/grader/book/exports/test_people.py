"""Who is on a list: the account of each platform, its own lines passed by, and one sentence."""

import pytest

from course_lib.grader.book.exports.people import load_people
from course_lib.grader.book.exports.roster import RosterError

CANVAS = "Student,ID,SIS User ID,SIS Login ID,Section,Essay (7)\n"
OWN_LINES = ",,,,,Manual Posting\n    Points Possible,,,,,10\n"
TESTER = '"Student, Test",103,,0a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d,"A and B",\n'


@pytest.fixture
def listed(tmp_path):
    """The people of a file with this content."""

    def load(content, name="roster.csv", encoding="utf-8"):
        (tmp_path / name).write_bytes(content.encode(encoding))
        return load_people(tmp_path / name)

    return load


def accounts(people):
    return [person.account for person in people.students]


def test_canvas_gives_accounts_and_its_own_lines_are_nobody(listed):
    ada = '"Lovelace, Ada",101,0007,ada,"A and B",9\n'
    people = listed(CANVAS + OWN_LINES + ada + TESTER)
    assert accounts(people) == ["ada"] and str(people.students[0]) == "Lovelace, Ada"
    own = "skipped: Manual Posting, Points Possible, Test Student"
    assert people.told == f"roster.csv: 1 student by SIS Login ID; {own}"


def test_the_test_student_is_known_by_another_languages_name_too(listed):
    tester = TESTER.replace("Student, Test", "Testperson")
    assert listed(CANVAS + tester).told.endswith("0 students by SIS Login ID; skipped: Testperson")
    person = '"Student, Test",9,S-9,test.student,A,\n'
    assert accounts(listed(CANVAS + person)) == ["test.student"]


def test_a_line_without_a_login_falls_back_to_the_next_id(listed):
    people = listed(CANVAS + "A,1,s1,a,x,\nB,2,s2,,x,\nC,3,,,x,\n")
    assert accounts(people) == ["a", "s2", "3"]
    told = "roster.csv: 1 student by SIS Login ID, 1 by SIS User ID, 1 by ID"
    assert people.told == told


@pytest.mark.parametrize(
    "header, line, account, column",
    [
        ("Student,ID,Section", '"Lovelace, Ada",101,A', "101", "ID"),
        ("Student,ID,SIS Login ID,Section", '"Lovelace, Ada",101,ada,A', "ada", "SIS Login ID"),
        ("LastName,FirstName,ID,SIS User ID,SIS Login ID", "Lovelace,Ada,101,7,ada", "ada",
         "SIS Login ID"),
        ("First name,Last name,ID number,Institution,Department,Email address",
         "Ada,Lovelace,7,,,ada@uni.edu", "ada@uni.edu", "Email address"),
        ("First name,Surname,Username,ID number", "Ada,Lovelace,ada,7", "ada", "Username"),
        ("Identifier,Full name,ID number,Email address,Status",
         "Participant 12345,Ada Lovelace,7,ada@uni.edu,Submitted", "ada@uni.edu", "Email address"),
        ("First Name,Last Name,SID,Email,Sections", "Ada,Lovelace,7,ada@uni.edu,A", "ada@uni.edu",
         "Email"),
        ("Last Name,First Name,Username,Student ID,Last Access", "Lovelace,Ada,ada,7,", "ada",
         "Username"),
        ("id,first_name,last_name,email", "ada,Ada,Lovelace,ada@uni.edu", "ada", "id"),
        ("Name,student,ID", "Ada Lovelace,ada,101", "ada", "student"),
    ],
)  # fmt: skip
def test_each_platform_has_its_account_and_names(listed, header, line, account, column):
    people = listed(f"{header}\n{line}\n")
    assert accounts(people) == [account]
    assert people.told == f"roster.csv: 1 student by {column}"
    for name in ("Ada Lovelace", "Lovelace, Ada", "ada lovelace", "lovelaceada"):
        assert people.known_as(name) == people.students, name


def test_what_spreadsheets_make_of_a_list_is_read(listed):
    text = "Username,First name,Surname\nrené,René,O’Neill\n"
    for sep in ",;\t":
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
            people = listed(text.replace(",", sep), encoding=encoding)
            assert accounts(people) == ["rené"], (sep, encoding)
            assert people.students[0].names[1] == "René O’Neill"
    assert people.told.endswith("; read as Windows-1252")
    assert listed(text, "list.txt", "utf-16").told.endswith("; read as UTF-16")


def test_other_ids_and_names_find_a_student_and_the_account_goes_first(listed):
    people = listed(CANVAS + '"B, Ann",101,7,102,x,\n"C, Ann",102,8,ann,x,\n')
    first, second = people.students
    assert people.known_as("102") == (first,) and people.known_as("101") == (first,)
    assert people.by_id("ID", "102") == (second,)
    assert people.known_as("ANN") == (second,) and people.known_as("Ann B") == (first,)
    assert people.known_as("zoe") == () and people.known_as("") == ()


def test_two_of_the_same_name_are_both_meant(listed):
    people = listed("Username,Full name\na1,Ada Lovelace\na2,Ada Lovelace\n")
    assert people.known_as("Ada Lovelace") == people.by_name("adalovelace") == people.students


def test_names_one_on_each_line(listed):
    people = listed("\ufeffada\r\n\r\nDijkstra, Edsger\r\n", "class.txt")
    assert accounts(people) == ["ada", "Dijkstra, Edsger"]
    assert people.told == "class.txt: 2 students, one on each line"
    assert people.by_name("dijkstraedsger") == people.students[1:]


@pytest.mark.parametrize(
    "content, told",
    [
        ("PK\x03\x04", "it is a workbook or an archive: save the list as CSV"),
        ("Name,Points\nada,1\n", "none of the columns is called .*; there are: Name, Points"),
        ("", "the first line must name the columns"),
        ("student\na\x00\n", "it is no text"),
    ],
)
def test_what_is_no_list_is_refused_with_the_file(listed, content, told):
    with pytest.raises(RosterError, match=rf"roster\.csv.*{told}"):
        listed(content)
