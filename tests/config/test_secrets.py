"""A secret that is named and needed must be there."""

from pathlib import Path

import pytest

from callguard.config import ConfigError, parse_config
from callguard.config.secrets import require_secrets, unreadable_secrets

ARI = "asterisk: {ari: {password: {env: A_PASSWORD}}, ami: {enabled: false}}\n"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PASSWORD", "there")


def test_all_there_is_no_problem() -> None:
    config = parse_config(ARI, "x")
    assert unreadable_secrets(config, "x") == []
    require_secrets(config, "x")


def test_each_missing_one_is_named_with_its_key(tmp_path: Path) -> None:
    text = f"redis: {{password: {{file: {tmp_path}/none}}}}\nnotify: {{webhooks: {{chat: {{url: {{env: NOT_SET}}}}}}}}"
    problems = unreadable_secrets(parse_config(ARI + text, "x"), "x")
    assert [problem.split(": ")[1] for problem in problems] == ["notify.webhooks.chat.url", "redis.password"]
    with pytest.raises(ConfigError, match="NOT_SET"):
        require_secrets(parse_config(ARI + text, "x"), "x")


def test_what_is_switched_off_needs_no_secret() -> None:
    text = "console: {enabled: false, token: {env: NOT_SET}}"
    assert unreadable_secrets(parse_config(ARI + text, "x"), "x") == []


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    (problem,) = unreadable_secrets(parse_config(ARI + f"console: {{token: {{file: {tmp_path}/secret}}}}", "x"), "x")
    assert problem.endswith("not UTF-8")
