"""Sections are strict and frozen; a secret stands elsewhere and never shows."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from callguard.config.base import Secret, Section, bracketed, host, without_password
from callguard.config.source import ConfigError


class Door(Section):
    width_cm: int = 90


def test_a_section_knows_no_other_keys_and_does_not_change() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Door.model_validate({"colour": "red"})
    with pytest.raises(ValidationError, match="frozen"):
        Door().width_cm = 80  # type: ignore[misc]


@pytest.mark.parametrize(
    "url", ["redis://:hunter2@host/0", "redis://ann:hunter2@host", "redis://host?password=hunter2"]
)
def test_a_url_with_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="give it with the key `password` beside it") as caught:
        without_password(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis://ann@host/0", "unix:///run/redis.sock?db=1", "http://host:8088"])
def test_a_url_without_one_stays_as_it_is(url: str) -> None:
    assert without_password(url) == url


def test_an_ipv6_address_has_brackets_before_a_port_and_nowhere_else() -> None:
    assert [host(text) for text in ("[::1]", "::1", "127.0.0.1", "pbx")] == ["::1", "::1", "127.0.0.1", "pbx"]
    assert [bracketed(text) for text in ("::1", "127.0.0.1", "pbx")] == ["[::1]", "127.0.0.1", "pbx"]


def test_a_secret_comes_from_the_environment_and_hides_in_its_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    secret = Secret(env="A_SECRET").read()
    assert secret.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(secret)


def test_a_secret_comes_from_the_first_line_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("hunter2\n# comment\n")
    assert Secret(file=tmp_path / "s").read().get_secret_value() == "hunter2"


@pytest.mark.parametrize("secret", [Secret(env="NOT_SET_ANYWHERE"), Secret(file=Path("/nonexistent/secret"))])
def test_a_missing_secret_names_its_source(secret: Secret) -> None:
    with pytest.raises(ConfigError, match=r"NOT_SET_ANYWHERE|/nonexistent/secret"):
        secret.read()


@pytest.mark.parametrize("text", ["", "\nhunter2", "  \n"])
def test_an_empty_file_holds_no_secret(tmp_path: Path, text: str) -> None:
    (tmp_path / "s").write_text(text)
    with pytest.raises(ConfigError, match="empty or not set"):
        Secret(file=tmp_path / "s").read()


def test_no_source_is_no_secret() -> None:
    assert Secret().read().get_secret_value() == ""


def test_two_sources_are_refused() -> None:
    with pytest.raises(ValidationError, match="either env or file, not both"):
        Secret(env="A", file=Path("b"))
