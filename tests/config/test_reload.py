"""Every section says what a reload does with it, and what waits for a restart is named by its key."""

from pathlib import Path

from callguard.config import Config, load_config, parse_config
from callguard.config.reload import RELOADS, waiting_for_restart

SAMPLE = Path(__file__).parents[2] / "config" / "callguard.yaml"


def test_every_section_says_what_a_reload_does() -> None:
    assert list(RELOADS) == list(Config.model_fields)


def test_what_waits_for_a_restart_is_named_by_its_key() -> None:
    new = parse_config("node: other\nconsole: {port: 1}\nanalysis: {onnx_threads: 2}\nlogging: {level: debug}", "x")
    assert waiting_for_restart(Config(), new) == ["node", "console.port", "analysis.onnx_threads"]
    assert waiting_for_restart(load_config(SAMPLE), load_config(SAMPLE)) == []
