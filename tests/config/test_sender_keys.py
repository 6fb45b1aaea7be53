"""A sender without a usable key is refused and named; the node's own key needs no configuration."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from callguard.config import Config, ConfigError
from callguard.config.sender_keys import command_line_key, configured_keys, doubtful_senders, keys_in_force

KEY = "a-key-of-the-crm-that-is-long"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_KEY", KEY)
    monkeypatch.setenv("SHORT_KEY", "short")


def config(folder: Path, **senders: str | None) -> Config:
    given: Any = {name: {"role": "qa", "key": {"env": env} if env else {}} for name, env in senders.items()}
    return Config.model_validate({"journal": {"folder": str(folder)}, "redis": {"senders": given}})


def test_a_key_that_cant_be_used_is_named_without_being_shown(tmp_path: Path) -> None:
    keys, problems = configured_keys(config(tmp_path, crm="CRM_KEY", a="MISSING", b="SHORT_KEY", c=None))
    assert keys == {"crm": KEY}
    assert [problem.split(":")[0] for problem in problems] == [f"redis.senders.{name}.key" for name in "abc"]
    assert "environment variable MISSING: empty or not set" in problems[0]
    assert problems[1].endswith("has 5 characters; must have at least 16")
    assert KEY not in str(problems)


def test_the_node_makes_a_key_of_its_own_once(tmp_path: Path) -> None:
    settings = config(tmp_path, crm="CRM_KEY")
    first = keys_in_force(settings)
    assert keys_in_force(settings) == first
    assert set(first) == {"crm", "cli"}
    assert command_line_key(settings) == first["cli"]
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("callguard-1.key", 0o600)


def test_a_configured_command_line_has_the_configured_key_only(tmp_path: Path) -> None:
    settings = config(tmp_path, cli="CRM_KEY")
    assert keys_in_force(settings) == {"cli": KEY}
    assert command_line_key(settings) == KEY
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match=r"redis.senders.cli.key: environment variable MISSING"):
        command_line_key(config(tmp_path, cli="MISSING"))


def test_the_service_runs_on_without_keys_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with capture_logs() as logs:
        assert keys_in_force(config(tmp_path / "file", crm="MISSING")) == {}
    assert [entry["event"] for entry in logs] == ["sender_refused", "sender_refused"]
    assert "the node's own key can't be kept" in logs[1]["problem"]


def test_a_command_line_without_the_nodes_key_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"callguard-1.key: No such file .*run as the service's user or root"):
        command_line_key(config(tmp_path))


@pytest.mark.parametrize(
    ("url", "senders", "says"),
    [
        ("redis://10.0.0.5:6379/0", {}, ["redis.senders: none, and redis.url is redis://10.0.0.5:6379/0"]),
        ("redis://10.0.0.5:6379/0", {"crm": "CRM_KEY"}, []),
        ("redis://10.0.0.5:6379/0", {"crm": "MISSING"}, ["redis.senders.crm.key: environment variable MISSING"]),
        ("redis://127.0.0.1:6379/0", {}, []),
    ],
)
def test_a_server_elsewhere_without_senders_is_told(
    tmp_path: Path, url: str, senders: dict[str, str | None], says: list[str]
) -> None:
    given = config(tmp_path, **senders)
    settings = given.model_copy(update={"redis": given.redis.model_copy(update={"url": url})})
    problems = doubtful_senders(settings)
    assert [problem.startswith(said) for problem, said in zip(problems, says, strict=True)] == [True] * len(says)
