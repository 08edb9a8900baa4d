"""Every study's record was made by the script beside it, and its first steps come out again."""

import importlib.util
import json
import subprocess
import sys
import time

import pytest
import torch

from course_lib.paths import ROOT
from course_lib.studies import STUDIES, source_hash, study, write_record

SCRIPTS = sorted(STUDIES.glob("[0-9][0-9]_*.py"))
each = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the study: threads add up in another order
    yield
    torch.set_num_threads(before)


def module_of(script):
    spec = importlib.util.spec_from_file_location(f"study_{script.stem}", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_scripts_and_records_come_in_pairs():
    assert SCRIPTS
    assert [s.stem for s in SCRIPTS] == sorted(path.stem for path in STUDIES.glob("*.json"))


@each
def test_a_record_says_how_it_was_made(script):
    record = study(script.stem)
    assert record["source"] == source_hash(script), "the script has changed: run the study again"
    assert record["command"] == f"python notebooks/studies/{script.name}"
    assert (ROOT / record["command"].split()[1]).samefile(script)
    assert {"python", "torch"} <= record["versions"].keys()
    assert len(record["seeds"]) >= 3 and record["cpu_seconds"] > 0 and record["results"]


# Its fourth step differs by 2.2e-3 between processors with and without AVX-512.
DIVERGES = {("08_failed_runs", "rate a hundred times too high"): 4e-3}


@each
def test_the_first_steps_come_out_again(script, one_thread):
    wanted = study(script.stem)["first_steps"]
    found = json.loads(json.dumps(module_of(script).first_steps()))
    assert wanted and found.keys() == wanted.keys()
    for name, values in wanted.items():
        assert len(values) >= 2
        rel = DIVERGES.get((script.stem, name), 2e-3)
        assert found[name] == pytest.approx(values, rel=rel, abs=2e-3), name


@each
def test_a_chapter_shows_it(script):
    chapter = next((ROOT / "notebooks" / "src").glob(f"{script.name[:2]}_*.py"))
    assert f'study("{script.stem}")' in chapter.read_text(encoding="utf-8")


def test_a_record_is_written_beside_its_script(tmp_path):
    script = tmp_path / "06_made_up.py"
    script.write_bytes(b"print('two')\r\n")
    write_record(script, seeds=(0, 1), first_steps={"a": [0.123456]}, results={3: [1 / 3]})
    record = json.loads((tmp_path / "06_made_up.json").read_text())
    assert record["results"] == {"3": [0.3333]} and record["first_steps"] == {"a": [0.1235]}
    assert record["seeds"] == [0, 1] and record["versions"]["torch"] == torch.__version__
    script.write_bytes(b"print('two')\n")
    assert record["source"] == source_hash(script)
    script.write_bytes(b"print('three')\n")
    assert record["source"] != source_hash(script)


def test_the_seconds_of_its_processes_count(tmp_path):
    busy = "import time\nwhile time.process_time() < 2: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    alone, script = time.process_time(), tmp_path / "06_made_up.py"
    script.write_bytes(b"")
    write_record(script, seeds=(0,), first_steps={}, results={})
    assert json.loads((tmp_path / "06_made_up.json").read_text())["cpu_seconds"] >= alone + 1.4


def test_a_study_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"no study '99_none'; there are: .*06_positions"):
        study("99_none")
