"""Archives from strangers: nothing leads out, nothing is too large, nothing stops the rest."""

import stat
import struct
import zipfile

import pytest

from course_lib.grader.book.collecting import members
from course_lib.grader.book.collecting.members import CollectError, opened


@pytest.fixture
def zipped(tmp_path):
    """A zip of these files, by name."""

    def make(files, method=zipfile.ZIP_DEFLATED):
        path = tmp_path / "work.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path

    return make


def read(source):
    with opened(source) as archive:
        return {str(m): m.read() for m in archive.members}, archive


def test_files_are_read_and_litter_is_counted(zipped):
    files, archive = read(
        zipped(
            {
                "ada/02.py": "x",
                "ada/": "",
                "__MACOSX/ada/._02.py": "",
                ".git/config": "",
                "ada/.ipynb_checkpoints/02.py": "",
                "Thumbs.db": "",
            }
        )
    )
    assert files == {"ada/02.py": b"x"} and archive.refused == []
    assert archive.litter == {"__MACOSX": 1, ".git": 1, ".ipynb_checkpoints": 1, "Thumbs.db": 1}


@pytest.mark.parametrize(
    "name", ["../x.py", "ada/../../x.py", "/etc/x.py", "C:\\x.py", "..\\x.py", "."]
)
def test_no_path_leads_out(zipped, name):
    files, archive = read(zipped({name: "x", "ada/y.py": "y"}))
    assert list(files) == ["ada/y.py"]
    ((refused, why),) = archive.refused
    assert refused == name and why == "its path leads out of the archive"


def test_backslashes_are_folders_and_names_are_utf8_without_saying_so(tmp_path):
    path = tmp_path / "work.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("XXXXXXXX\\02.py", "x")
    name = "Zoë  P.".encode()
    assert len(name) == 8
    path.write_bytes(path.read_bytes().replace(b"XXXXXXXX", name))
    assert list(read(path)[0]) == ["Zoë  P./02.py"]
    for page in ("cp437", "cp1252"):
        old, name = name, "Zoë   P.".encode(page)
        path.write_bytes(path.read_bytes().replace(old, name))
        assert list(read(path)[0]) == ["Zoë   P./02.py"]


def test_odd_names_are_refused_and_shown_harmlessly(zipped):
    names = [
        "a\x1b[2J/x.py",
        "b" * 600,
        "ab\u202eyp.x",
        "Ada\u00a0L/02\u202f(1).py",
        "\u0639\u200c\u0644/x.py",
    ]
    files, archive = read(zipped(dict.fromkeys(names, "x")))
    assert list(files) == names[3:], "odd spaces and joiners are in real names"
    assert archive.refused[0] == ("a?[2J/x.py", "its name has characters that no name has")
    assert archive.refused[1][1] == "its name has more than 500 letters"
    assert archive.refused[2][0] == "ab?yp.x"


def test_a_link_is_no_file(zipped, tmp_path):
    path = zipped({})
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("ada/02.py")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    files, archive = read(path)
    assert not files and archive.refused == [("ada/02.py", "a link")]


def test_what_is_too_large_is_not_read(zipped, monkeypatch):
    path = zipped({"ada/02.py": b"0" * 3000, "bob/02.py": b"1"})
    monkeypatch.setattr(members, "MEMBER", 1000)
    files, archive = read(path)
    assert list(files) == ["bob/02.py"] and "more than" in archive.refused[0][1]
    monkeypatch.setattr(members, "MEMBERS", 1)
    with pytest.raises(CollectError, match=r"work\.zip has 2 files, more than 1"):
        read(path)


def test_a_size_that_lies_gives_no_more_than_it_says(zipped):
    path = zipped({"ada/02.py": b"0" * 100_000})
    data = path.read_bytes().replace(struct.pack("<I", 100_000), struct.pack("<I", 10))
    path.write_bytes(data)
    with opened(path) as archive, pytest.raises(CollectError, match="it is damaged"):
        archive.members[0].read()


def test_a_damaged_or_locked_file_is_named_and_the_rest_is_read(zipped):
    path = zipped({"ada/02.py": b"the work of ada", "bob/02.py": b"b"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"the work of ada", b"the work of bob"))
    with opened(path) as archive:
        ada, bob = archive.members
        with pytest.raises(CollectError, match="it is damaged"):
            ada.read()
        assert bob.read() == b"b"
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with opened(path) as archive, pytest.raises(CollectError, match="it can't be unpacked"):
        archive.members[0].read()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"Rar!", b"text"])
def test_what_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(CollectError, match="it must be a zip file, or the folder that one became"):
        read(tmp_path / "x.zip")


def test_a_folder_is_read_without_its_links_and_hidden_folders(tmp_path):
    for name in ("ada/02.py", ".git/config", "ada/.ipynb_checkpoints/02.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "bob").symlink_to("/etc")
    (tmp_path / "ada" / "out.py").symlink_to("/etc/passwd")
    files, archive = read(tmp_path)
    assert files == {"ada/02.py": b"ada/02.py"}
    assert sorted(archive.refused) == [("ada/out.py", "a link"), ("bob", "a link")]
    assert archive.litter == {".git": 1, ".ipynb_checkpoints": 1}


@pytest.mark.parametrize("name", ["../\x1b[2Jx.py", "\x1b[2J" + "x" * 600 + ".py", "a\x1b[2J.py"])
def test_no_refused_name_steers_the_terminal(zipped, name):
    _, archive = read(zipped({name: "x"}))
    ((refused, _),) = archive.refused
    assert "\x1b" not in refused and "?" in refused


def test_a_film_costs_nobody_else(tmp_path):
    (tmp_path / "ada").mkdir()
    with (tmp_path / "ada" / "film.mp4").open("wb") as film:
        film.truncate(5 << 30)
    (tmp_path / "02.py").write_text("x")
    files, archive = read(tmp_path)
    assert files == {"02.py": b"x"} and "it has 5120 MiB" in archive.refused[0][1]
