"""The files below a student's folder: nothing followed, nothing raised, everything bounded."""

import os
import socket
import struct
import sys
import unicodedata
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from course_lib.grader.course.finding import archives, walking
from course_lib.grader.course.finding.candidates import moment
from course_lib.grader.course.finding.walking import PASSED, walk
from course_lib.grader.running.reading.handed_in import MAX_FILE


def put(folder, name, content=b"x"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def zipped(path, members, method=zipfile.ZIP_DEFLATED):
    """An archive of (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def told(folder):
    return {found.label: found.trouble for found in walk(folder)}


def test_files_are_found_at_any_depth_likely_ones_first(tmp_path):
    names = ("b.ipynb", "a/z.py", "a/b/c/d/x.ipynb", "notes.txt", "a/data.csv")
    for name in names:
        put(tmp_path, name, name.encode())
    found = walk(tmp_path)
    assert [each.label for each in found] == list(names)
    assert [each.load() for each in found] == [name.encode() for name in names]
    assert [each.name for each in found][1] == "z.py" and not any(c.trouble for c in found)


PROGRAMS = (
    ".git/HEAD",
    "__MACOSX/._02_attention.ipynb",
    ".ipynb_checkpoints/02_attention-checkpoint.ipynb",
    ".venv/lib/x.py",
    "venv/lib/x.py",
    "__pycache__/x.pyc",
    "course_lib/nn/masks.py",
    ".DS_Store",
    "._02_attention.ipynb",
    "~$02_attention.ipynb",
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_programs_make_is_told_only_where_nothing_else_is(name, tmp_path):
    put(tmp_path, f"a/{name}")
    assert told(tmp_path) == {f"a/{name.split('/')[0]}": PASSED}
    put(tmp_path, "a/notes.txt")
    assert told(tmp_path) == {"a/notes.txt": ""}


def test_a_placeholder_of_icloud_is_told_although_it_is_hidden(tmp_path):
    put(tmp_path, ".02_attention.ipynb.icloud", b"bplist00")
    label, trouble = told(tmp_path).popitem()
    assert label == ".02_attention.ipynb.icloud" and "never downloaded" in trouble


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for a right to make links and pipes")
def test_links_and_pipes_are_told_and_never_followed(tmp_path, monkeypatch):
    put(tmp_path, "secret/02.ipynb")
    folder = tmp_path / "ada"
    put(folder, "a/real.ipynb")
    (folder / "link.ipynb").symlink_to(tmp_path / "secret/02.ipynb")
    (folder / "folder").symlink_to(tmp_path / "secret")
    (folder / "a/loop").symlink_to(folder)
    (folder / "dangling.ipynb").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as door:
        monkeypatch.chdir(folder)  # a socket's path has to be short
        door.bind("door.py")
    link, pipe = "a link; links are not followed", "a pipe or a device, not a file"
    expected = {"link.ipynb": link, "folder": link, "a/loop": link, "dangling.ipynb": link}
    expected |= {"pipe.ipynb": pipe, "door.py": pipe, "a/real.ipynb": ""}
    assert told(folder) == expected


def test_a_folder_that_is_named_like_a_notebook_is_told_and_looked_into(tmp_path):
    put(tmp_path, "02_attention.ipynb/02_attention.ipynb")
    assert told(tmp_path) == {
        "02_attention.ipynb": "a folder, not a file",
        "02_attention.ipynb/02_attention.ipynb": "",
    }


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_folder_that_is_empty_or_missing_has_nothing(name, tmp_path):
    assert list(told(tmp_path / name)) == ([name] if name else [])


def test_what_cannot_be_opened_is_told_beside_what_can(tmp_path, monkeypatch):
    put(tmp_path, "a.ipynb")
    put(tmp_path, "closed/b.ipynb")
    put(tmp_path, "c.ipynb")

    def opening(path, *args, real=Path.open, **kwargs):
        if path.name == "c.ipynb":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    def scanning(path, real=os.scandir):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "open", opening)
    monkeypatch.setattr(os, "scandir", scanning)
    refused = "cannot be opened: Permission denied"
    assert told(tmp_path) == {"a.ipynb": "", "c.ipynb": refused, "closed": refused}


def test_a_name_whose_file_is_gone_meanwhile_is_told(tmp_path, monkeypatch):
    put(tmp_path, "a.ipynb")
    (found,) = walk(tmp_path)
    (tmp_path / "a.ipynb").unlink()
    with pytest.raises(FileNotFoundError):
        found.load()


NAMES = {
    "line\nbreak.ipynb": "line�break.ipynb",
    "bell\a.ipynb": "bell�.ipynb",
    "\u202egnp.ipynb": "�gnp.ipynb",
    "Übung 😀 (1).ipynb": "Übung 😀 (1).ipynb",
    unicodedata.normalize("NFD", "Übung.ipynb"): "Übung.ipynb",
    "é" * 124 + ".ipynb": "é" * 124 + ".ipynb",
    os.fsdecode(b"caf\xe9.ipynb"): "caf�.ipynb",
    "<b>&.ipynb": "<b>&.ipynb",
}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_printed_and_its_file_read(name, tmp_path):
    put(tmp_path, name, b"here")
    (found,) = walk(tmp_path)
    assert found.label == NAMES[name] and found.label.encode() and found.load() == b"here"


@pytest.mark.parametrize("seconds", [-1e18, -7e10, -1, 0, 4e9, 3e11, 1e18])
def test_a_time_that_no_calendar_has_is_none(seconds, tmp_path, monkeypatch):
    class Entry:  # few file systems keep such times
        def __init__(self, entry):
            self.name, self.path, self.is_dir = entry.name, entry.path, entry.is_dir

        def stat(self, follow_symlinks):
            return os.stat_result([*os.lstat(self.path)[:7], 0, seconds, 0])

    class Scanned(list):
        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    put(tmp_path, "a.ipynb")
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: Scanned(map(Entry, real(path))))
    (found,) = walk(tmp_path)
    kept = datetime.fromtimestamp(seconds, UTC) if -6e10 < seconds < 2e11 else None
    assert found.changed == kept and found.load() == b"x"


def test_a_time_that_the_file_system_keeps_is_the_files(tmp_path):
    os.utime(put(tmp_path, "a.ipynb"), (86400, 86400))
    assert walk(tmp_path)[0].changed == datetime(1970, 1, 2, tzinfo=UTC)


def test_a_time_that_only_another_time_zone_has_is_none():
    edge = datetime.max.replace(tzinfo=timezone(timedelta(hours=-23)))
    assert moment(lambda: edge) is None


# Bounds


def test_a_file_that_is_too_large_is_told_and_not_read(tmp_path):
    with (tmp_path / "a.ipynb").open("wb") as file:
        file.truncate(MAX_FILE + 1)
    assert told(tmp_path) == {"a.ipynb": "64.0 MiB; at most 64 are read"}


def test_folders_within_folders_have_a_bound(tmp_path):
    deep = "/".join("abcdefghijk")
    put(tmp_path, f"{deep[:-2]}/in.ipynb")
    put(tmp_path, f"{deep}/out.ipynb")
    assert told(tmp_path) == {
        f"{deep[:-2]}/in.ipynb": "",
        deep: "within 10 folders; not looked into",
    }


def test_names_files_and_bytes_have_a_bound(tmp_path, monkeypatch):
    for number in range(8):
        put(tmp_path, f"{number}.txt", b"1234")
    put(tmp_path, "9.ipynb", b"1234")
    monkeypatch.setattr(walking, "MAX_TOTAL", 10)
    monkeypatch.setattr(walking, "MAX_FILES", 4)
    beyond = "not looked at: with the others more than 0 MiB"
    rest = {"5 more": "not looked at: more than 4 files"}
    expected = {"9.ipynb": "", "0.txt": "", "1.txt": beyond, "2.txt": beyond}
    assert told(tmp_path) == expected | rest
    monkeypatch.setattr(walking, "MAX_NAMES", 3)
    found = told(tmp_path)
    assert len(found) == 4 and "more than 3 files and folders" in found["…"]


def test_one_large_file_takes_nothing_from_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "MAX_TOTAL", 10)
    put(tmp_path, "a.ipynb", b"1" * 11)
    put(tmp_path, "b.ipynb", b"1" * 10)
    assert [bool(trouble) for trouble in told(tmp_path).values()] == [True, False]


# Archives


def test_the_files_of_an_archive_are_found_where_they_lie(tmp_path):
    members = [
        ("hw/week 2/02_attention.ipynb", b"two"),
        ("hw/week 5/05_multi_head.ipynb", b"five"),
        ("hw/readme.txt", b"-"),
        ("hw/empty/", b""),
        ("__MACOSX/hw/._02_attention.ipynb", b"-"),
        ("hw/.git/HEAD", b"-"),
        ("hw/.DS_Store", b"-"),
    ]
    put(tmp_path, "up/loads/x")
    zipped(tmp_path / "up/loads/hw.zip", members)
    found = {each.label: each.load() for each in walk(tmp_path) if ".zip" in each.label}
    assert found == {
        "up/loads/hw.zip/hw/week 2/02_attention.ipynb": b"two",
        "up/loads/hw.zip/hw/week 5/05_multi_head.ipynb": b"five",
        "up/loads/hw.zip/hw/readme.txt": b"-",
    }
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["hw.zip", "loads", "up", "x"]


@pytest.mark.parametrize("name", ["hw.zip", "hw.ipynb", "hw"])
def test_an_archive_is_known_by_what_it_holds(name, tmp_path):
    zipped(tmp_path / name, [("02.ipynb", b"here")])
    assert [each.load() for each in walk(tmp_path)] == [b"here"]


def test_an_archive_of_something_else_is_one_file(tmp_path):
    zipped(tmp_path / "essay.docx", [("[Content_Types].xml", b"-"), ("word/document.xml", b"-")])
    zipped(tmp_path / "only_mac.zip", [("__MACOSX/._02.ipynb", b"-")])
    zipped(tmp_path / "empty.zip", [])
    assert told(tmp_path) == {"essay.docx": "", "only_mac.zip": "", "empty.zip": ""}


def test_an_archive_in_an_archive_is_not_opened(tmp_path):
    inner = zipped(tmp_path / "inner.zip", [("02.ipynb", b"-")]).read_bytes()
    (tmp_path / "inner.zip").unlink()
    zipped(tmp_path / "outer.zip", [("inner.zip", inner), ("a.ipynb", b"-")])
    assert list(told(tmp_path)) == ["outer.zip/a.ipynb", "outer.zip/inner.zip"]


@pytest.mark.parametrize(
    "inside, label",
    [
        ("../../etc/02.ipynb", "etc/02.ipynb"),
        ("/etc/02.ipynb", "etc/02.ipynb"),
        ("C:\\work\\02.ipynb", "C:/work/02.ipynb"),
        ("line\nbreak.ipynb", "line�break.ipynb"),
        ("Übung.ipynb", "Übung.ipynb"),
    ],
)
def test_a_name_in_an_archive_is_a_label_and_no_path(inside, label, tmp_path):
    zipped(tmp_path / "a.zip", [(inside, b"here")])
    (found,) = walk(tmp_path)
    assert found.label == f"a.zip/{label}" and found.load() == b"here"


def changed_bytes(path, offset_in_local, offset_in_table, new):
    """Write the same bytes into a member's own header and into its line of the table."""
    data = bytearray(path.read_bytes())
    for start, offset in ((b"PK\x03\x04", offset_in_local), (b"PK\x01\x02", offset_in_table)):
        place = data.index(start) + offset
        data[place : place + len(new)] = new
    path.write_bytes(data)


def test_a_name_that_a_mac_wrote_without_saying_so_is_read(tmp_path):
    path = zipped(tmp_path / "a.zip", [("Übung.ipynb", b"here")])
    changed_bytes(path, 6, 8, struct.pack("<H", 0))  # the flags: no word of UTF-8
    (found,) = walk(tmp_path)
    assert found.label == "a.zip/Übung.ipynb" and found.load() == b"here"


def test_a_locked_member_is_told(tmp_path):
    path = zipped(tmp_path / "a.zip", [("02.ipynb", b"-"), ("b.txt", b"-")])
    changed_bytes(path, 6, 8, struct.pack("<H", 1))
    assert told(tmp_path) == {"a.zip/02.ipynb": "locked with a password", "a.zip/b.txt": ""}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_can_only_be_unpacked_in_one_go_is_left_alone(method, tmp_path):
    zipped(tmp_path / "a.zip", [("02.ipynb", b"-" * 1000)], method)
    assert told(tmp_path) == {"a.zip/02.ipynb": f"packed in an unusual way (method {method})"}


def test_a_member_that_unpacks_to_too_much_is_told_before(tmp_path):
    zipped(tmp_path / "a.zip", [("02.ipynb", b"\0" * (MAX_FILE + 1)), ("b.py", b"-")])
    assert told(tmp_path) == {"a.zip/02.ipynb": "64.0 MiB; at most 64 are read", "a.zip/b.py": ""}


def test_a_member_gives_no_more_than_it_says(tmp_path):
    path = zipped(tmp_path / "a.zip", [("02.ipynb", b"\0" * 1_000_000)])
    changed_bytes(path, 22, 24, struct.pack("<I", 10))
    (found,) = walk(tmp_path)
    assert found.size == 10
    with pytest.raises(ValueError, match="a broken archive"):
        found.load()


def test_members_count_among_the_bytes_in_all(tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "MAX_TOTAL", 2_000_000)
    zipped(tmp_path / "a.zip", [(f"{i}.ipynb", b"\0" * 900_000) for i in range(4)])
    assert [bool(trouble) for trouble in told(tmp_path).values()] == [False, False, True, True]


def test_an_archive_of_many_files_is_not_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    zipped(tmp_path / "a.zip", [(f"{i}.ipynb", b"-") for i in range(4)])
    assert told(tmp_path) == {"a.zip": "an archive of 4 files; at most 3 are looked at"}


def test_an_environment_beside_a_notebook_in_an_archive_hides_nothing(tmp_path):
    names = [f"work/{folder}/lib/{i}.py" for folder in (".venv", "venv") for i in range(1_500)]
    zipped(tmp_path / "a.zip", [(name, b"-") for name in ("work/02.ipynb", *names)])
    assert told(tmp_path) == {"a.zip/work/02.ipynb": ""}


def test_the_files_of_all_archives_count_together(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    for name in "abc":
        zipped(tmp_path / f"{name}.zip", [(f"{i}.ipynb", b"-") for i in range(2)])
    assert told(tmp_path)["c.zip"] == (
        "an archive of 2 files; at most 5 are looked at, with those of others"
    )


def test_an_archive_that_was_listed_counts_although_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    for name, count in {"a": 6, "b": 3, "c": 3}.items():
        zipped(tmp_path / f"{name}.zip", [(f"{i}.ipynb", b"-") for i in range(count)])
    assert told(tmp_path)["b.zip/0.ipynb"] == "", "the first is not listed"
    changed_bytes(tmp_path / "b.zip", 18, 20, struct.pack("<I", 9_999))  # its size, as packed
    assert told(tmp_path) == {
        "a.zip": "an archive of 6 files; at most 5 are looked at",
        "b.zip": "an archive whose files overlap",
        "c.zip": "an archive of 3 files; at most 5 are looked at, with those of others",
    }


def test_many_archives_are_not_all_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "MAX_NAMES", 10)
    for i in range(5):
        with zipfile.ZipFile(tmp_path / f"{i}.zip", "w") as archive:
            for k in range(8):
                archive.writestr(f"{k}.py", "x = 1\n")
    labels = [candidate.label for candidate in walk(tmp_path)]
    assert len(labels) == 2 * 8 + 3 and labels[-3:] == ["2.zip", "3.zip", "4.zip"]


def test_a_damaged_archive_is_told(tmp_path):
    whole = zipped(tmp_path / "whole.zip", [("02.ipynb", bytes(range(256)) * 50)]).read_bytes()
    put(tmp_path, "cut.zip", whole[: len(whole) // 2])
    place = whole.index(b"02.ipynb") + 12
    put(tmp_path, "flipped.zip", whole[:place] + b"\xff\xff\xff" + whole[place + 3 :])
    (tmp_path / "whole.zip").unlink()
    found = {each.label: each for each in walk(tmp_path)}
    assert found["cut.zip"].trouble.startswith("a broken archive")
    with pytest.raises(ValueError, match="a broken archive"):
        found["flipped.zip/02.ipynb"].load()


def test_a_members_time_is_its_own_and_none_where_it_has_none(tmp_path):
    info = zipfile.ZipInfo("02.ipynb", (2024, 5, 6, 7, 8, 10))
    path = zipped(tmp_path / "a.zip", [(info, b"-")])
    assert walk(tmp_path)[0].changed == datetime(2024, 5, 6, 7, 8, 10).astimezone()
    changed_bytes(path, 10, 12, b"\0\0\0\0")  # month 0, day 0
    assert walk(tmp_path)[0].changed is None
