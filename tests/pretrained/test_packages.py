"""Installed packages are found without running them."""

import sys

import pytest

from course_lib.pretrained.packages import MissingPackage, MissingWeights, package_folder


@pytest.fixture
def explosive(tmp_path, monkeypatch):
    folder = tmp_path / "explosive_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "just_a_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_package_is_found_and_not_imported(explosive):
    assert package_folder("explosive_package") == explosive
    assert "explosive_package" not in sys.modules


@pytest.mark.parametrize("name", ["no_such_package", "just_a_module"])
def test_a_missing_package_says_what_installs_it(name, explosive):
    says = f"{name.replace('_', '-')} is not installed: run `python3 course.py setup`"
    with pytest.raises(MissingWeights, match=says):
        package_folder(name)


def test_the_caller_chooses_the_error():
    class MissingSounds(MissingPackage):
        pass

    with pytest.raises(MissingSounds):
        package_folder("no_such_package", MissingSounds)
