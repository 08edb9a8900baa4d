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


WORKSHEETS = {
    "German": 'ID,"Vollständiger Name",E-Mail-Adresse,Status\nTeilnehmer/in12,Ada L,ada@u.edu,x\n',
    "French": '"Identifiant","Nom complet","Adresse de courriel"\nParticipant 12,Ada L,ada@u.edu\n',
    "English": "Identifier,Full name,Email address,Status\nParticipant 12,Ada L,ada@u.edu,-\n",
}


@pytest.mark.parametrize("language", WORKSHEETS)
def test_moodles_worksheet_is_read_in_its_language(listed, language):
    (ada,) = listed(WORKSHEETS[language]).students
    assert (ada.account, str(ada)) == ("ada@u.edu", "Ada L")
    assert dict(ada.ids)["Identifier"] == "Participant 12"


def test_a_worksheet_of_blind_marking_has_participants(listed):
    assert accounts(listed("Identifier,Status\nParticipant 12,x\n")) == ["Participant 12"]
    german = listed("ID,Status,Bewertung\nTeilnehmer/in12,x,\nTeilnehmer/in7,x,\n")
    assert accounts(german) == ["Participant 12", "Participant 7"]
    nbgrader = listed("id,first_name\nteilnehmer12x,Ada\nstudent7,Bob\n")
    assert accounts(nbgrader) == ["teilnehmer12x", "student7"]


def test_addresses_say_who_it_is_where_no_column_is_known(listed):
    people = listed("Nafn,Netfang,Staða\nAda,ada@u.edu,x\nBob,bob@u.edu,y\n")
    assert people.told == "roster.csv: 2 students by Email address"


@pytest.mark.parametrize(
    "text, told",
    [
        ('Student,ID\n\n"A\nB",1\nx,2,3\n', "roster.csv, line 5: more cells than"),
        ('Student,ID,Section\na,1,x\nb,"2,x\nc,3,x\nd,4,x\n', "line 3: .* never closed"),
        ("Student,ID,SIS Login ID\na,1,ada\nb,2,1.2E+07\n", "line 3: SIS Login ID 1.2E.07 is"),
        ("Student;ID;SIS Login ID\na;1;1,2E+7\n", "line 2: SIS Login ID 1,2E.7 is a number that"),
    ],
)
def test_a_line_that_loses_somebody_is_named_with_its_place(listed, text, told):
    with pytest.raises(RosterError, match=told):
        listed(text)


def test_what_spreadsheets_add_changes_nothing(listed):
    plain = listed("student,group\nada,1\nbob,2\n").students
    for text in (
        "sep=;\nstudent;group\nada;1;;\nbob;2\n",
        "\ufeffstudent\tgroup\nada\t1\nbob\t2\t\n",
    ):
        assert [p.ids for p in listed(text).students] == [p.ids for p in plain]
    short = listed("Student,ID,SIS Login ID\na,1.2E+07,ada\n")
    assert short.told.endswith("1 student by SIS Login ID; 1 of ID shortened by a spreadsheet")


def test_commas_within_a_list_of_semicolons_are_none_of_its_own(listed):
    people = listed("Student;ID;Section;Essay, a, b, c (7)\nLovelace, Ada;101;A, B;\n")
    assert [(p.account, str(p)) for p in people.students] == [("101", "Lovelace, Ada")]


def test_somebody_listed_for_each_assignment_is_one_person(listed):
    people = listed("student_id,last_name,assignment\nada,L,ps0\nbob,B,ps0\nada,L,ps1\n")
    assert accounts(people) == ["ada", "bob"]
    assert people.matched(["ada"]) == ({0: "ada", 2: "ada"}, [])


def test_names_on_lines_may_begin_with_the_family(listed):
    people = listed("Lovelace, Ada\nHopper, Grace\n", "class.txt")
    assert [p.account for p in people.known_as("Ada Lovelace")] == ["Lovelace, Ada"]
    with pytest.raises(RosterError, match="line 3: more cells"):
        listed("Student,ID,SIS Login ID\na,1,ada\nb,2,bob,4\n", "class.txt")


def test_nobody_gets_the_points_of_who_took_their_number_as_a_name(listed):
    people = listed("First name,Last name,ID number\nAda,Lovelace,1001\nMal,Lory,1002\n")
    found, notes = people.matched(["Ada Lovelace", "1001", "Mal Lory"])
    assert found == {1: "Mal Lory"}
    assert [n.partition(":")[0] for n in notes] == ["Ada Lovelace", "1001"]
    assert all("another is Lovelace, Ada, too" in note for note in notes)


def test_a_name_with_other_marks_does_not_unplace_who_is_called_so(listed):
    people = listed("First name,Last name,ID number\nAda,Lovelace,1\nAda-,Lovelace.,2\n")
    assert [person.line for person in people.by_name("Ada Lovelace")] == [0]
