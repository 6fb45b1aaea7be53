import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from callguard.cli import offline
from tests.support.sound import buzz, speech_data

CONFIG = str(Path(__file__).parents[2] / "config" / "callguard.yaml")
RUNNER = CliRunner(env={"COLUMNS": "200"})


@pytest.fixture
def cli():
    app = typer.Typer()
    offline.register(app)
    return lambda *words: RUNNER.invoke(app, [str(word) for word in words])


@pytest.fixture
def call(tmp_path):
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([buzz(4), buzz(4, 210)]).T, 8000, subtype="PCM_16")
    return path


def test_analyze_prints_one_object_a_file_and_the_same_each_time(cli, call):
    first, second = (cli("analyze", call, call, "--json", "--config", CONFIG) for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout == second.stdout
    told = [json.loads(line) for line in first.stdout.splitlines()]
    assert [each["file"] for each in told] == [str(call)] * 2
    assert told[0]["legs"] == ["customer", "agent"]
    assert told[0]["duration_s"] == 4.0


def test_analyze_says_in_words_what_fired(cli, call):
    found = cli("analyze", call, "--config", CONFIG)
    assert found.exit_code == 0
    assert "customer and agent" in found.stdout


def test_analyze_writes_signals_and_pictures_of_several_files_into_folders(cli, call, tmp_path):
    other = tmp_path / "mono.flac"
    soundfile.write(other, buzz(3), 8000, subtype="PCM_16")
    found = cli("analyze", call, other, "--signals", tmp_path / "s", "--plot", tmp_path / "p", "--config", CONFIG)
    assert found.exit_code == 0, found.stderr
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["call.csv", "mono.csv"]
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == ["call.png", "mono.png"]
    assert (tmp_path / "s" / "mono.csv").read_text().splitlines()[1].startswith("0.1,customer,")


def test_a_bad_file_is_an_error_line_and_the_others_are_analysed(cli, call, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF nothing")
    found = cli("analyze", bad, call, "--json", "--config", CONFIG)
    assert found.exit_code == 1
    assert "bad.wav" in found.stderr
    assert len(found.stdout.splitlines()) == 1


def test_mode_off_judges_nothing(cli, call):
    told = json.loads(cli("analyze", call, "--json", "--mode", "off", "--config", CONFIG).stdout)
    assert told["alerts"] == []
    assert told["scores"]["customer"]["raised_voice_max"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rules", "nowhere.yaml"), "rules can't be read"),
        (("--config", "nowhere.yaml"), "nowhere.yaml"),
        (("--mode", "loud"), "loud"),
    ],
)
def test_wrong_usage_ends_with_two_and_says_what(cli, call, words, said):
    found = cli("analyze", call, *words)
    assert found.exit_code == 2
    assert said in found.stderr


def test_broken_rules_end_with_two_and_name_the_file(cli, call, tmp_path):
    rules = tmp_path / "r.yaml"
    rules.write_text("groups: 7\n")
    found = cli("analyze", call, "--rules", rules)
    assert found.exit_code == 2
    assert "r.yaml" in found.stderr


def test_a_model_of_ones_own_is_named_in_the_configuration_and_refused_when_it_does_not_fit(cli, call, tmp_path):
    (tmp_path / "own.onnx").write_bytes(b"x")
    config = tmp_path / "callguard.yaml"
    config.write_text(f"analysis: {{model: {tmp_path / 'own.onnx'}}}\nrules: {{files: []}}\n")
    found = cli("analyze", call, "--config", config)
    assert found.exit_code == 2
    assert "own.json" in found.stderr


def test_evaluate_scores_calls_and_writes_a_page(cli, tmp_path):
    source = speech_data() / "calls"
    for name in ("call_05.flac", "call_05.json", "call_19.flac", "call_19.json"):
        (tmp_path / name).symlink_to(source / name)
    index = [
        e for e in json.loads((source / "index.json").read_text()) if e["file"] in ("call_05.flac", "call_19.flac")
    ]
    (tmp_path / "index.json").write_text(json.dumps(index))
    page = tmp_path / "page.html"
    found = cli("evaluate", tmp_path, "--json", "--html", page, "--config", CONFIG)
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["calls"] == 2
    assert told["at_6_per_hour"]["recall"] == 1
    assert "<svg" in page.read_text("utf-8")


def test_evaluate_of_neither_calls_nor_clips_ends_with_two(cli, tmp_path):
    found = cli("evaluate", tmp_path, "--config", CONFIG)
    assert found.exit_code == 2
    assert "index.json" in found.stderr


def test_a_broken_index_is_a_finding(cli, tmp_path):
    (tmp_path / "index.json").write_text("{")
    found = cli("evaluate", tmp_path, "--config", CONFIG)
    assert found.exit_code == 1
    assert "index.json" in found.stderr


def test_what_can_not_be_written_is_told_in_one_line(cli, call, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("")
    for words in (("--signals", "/nonexistent/x.csv"), ("--plot", "/nonexistent/x.png")):
        found = cli("analyze", call, *words, "--config", CONFIG)
        assert found.exit_code == 1
        assert "/nonexistent/x" in found.stderr
        assert isinstance(found.exception, SystemExit)
    found = cli("analyze", call, call.parent / "other.wav", "--signals", taken, "--config", CONFIG)
    assert found.exit_code == 1
    assert f"{taken}: can't be written" in found.stderr


def test_two_recordings_never_write_the_same_file(cli, call, tmp_path):
    found = cli("analyze", call, call, "--signals", tmp_path / "s", "--config", CONFIG)
    assert found.exit_code == 2
    assert "call.csv" in found.stderr


def test_a_missing_recording_is_called_missing(cli, call):
    found = cli("analyze", "nowhere.wav", call, "--config", CONFIG)
    assert found.exit_code == 1
    assert "nowhere.wav: no such file" in found.stderr
    assert str(call) in found.stdout.replace("\n", "")


def test_why_a_voice_was_not_judged_is_said(cli, tmp_path):
    path = tmp_path / "[b]silence.wav"
    soundfile.write(path, np.zeros(8000, np.int16), 8000)
    found = cli("analyze", path, "--config", CONFIG)
    assert "[b]silence.wav" in found.stdout
    assert "voice not judged" in found.stdout


def test_rules_may_be_a_folder_and_a_missing_configuration_is_named(cli, call):
    assert cli("analyze", call, "--rules", Path(CONFIG).parent / "rules").exit_code == 0
    found = cli("analyze", call, "--config", "nowhere.yaml")
    assert found.exit_code == 2
    assert "nowhere.yaml does not exist" in found.stderr


def test_evaluate_looks_at_its_folders_before_it_begins(cli, tmp_path):
    found = cli("evaluate", tmp_path / "none", "--config", CONFIG)
    assert found.exit_code == 2
    assert "no such folder" in found.stderr
    (tmp_path / "index.json").write_text("[]")
    found = cli("evaluate", tmp_path, "--html", "/nonexistent/page.html", "--config", CONFIG)
    assert found.exit_code == 2
    assert "/nonexistent" in found.stderr


def test_a_recording_whose_name_is_not_utf_8_is_analysed_drawn_and_named_in_json(call, tmp_path):
    path = call.rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    words = ["analyze", str(path), "--json", "--plot", str(tmp_path / "call.png"), "--config", CONFIG]
    found = subprocess.run([sys.executable, "-m", "callguard", *words], capture_output=True, check=False)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["file"] == str(path)
    assert (tmp_path / "call.png").exists()


def test_a_recording_that_was_cut_off_is_a_finding_and_not_a_quiet_call(cli, call):
    call.write_bytes(call.read_bytes()[:-10_000])
    found = cli("analyze", call, "--config", CONFIG)
    assert found.exit_code == 1
    assert "10000 of 128000 bytes of its audio are missing" in found.stderr
    assert "nothing fired" not in found.stdout
