"""Ways in come from answers, an earlier run's secrets and Asterisk's files; a new password is long and random."""

from pathlib import Path

import pytest

from callguard.config import ConfigError
from callguard.setup.access import find_access
from tests.setup.people import Person, unasked


@pytest.fixture(autouse=True)
def no_secrets_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CALLGUARD_ARI_PASSWORD", "CALLGUARD_AMI_SECRET"):
        monkeypatch.setenv(name, "")


def test_ports_come_from_asterisks_files(tmp_path: Path) -> None:
    (tmp_path / "http.conf").write_text("[general]\nbindport=8080\nprefix=pbx\n")
    (tmp_path / "manager.conf").write_text("[general]\nport = 5039\n")
    access = find_access(unasked(), tmp_path, {}).access
    assert access.ari_url == "http://127.0.0.1:8080/pbx"
    assert access.ami_port == 5039


def test_new_users_get_passwords_of_their_own() -> None:
    one, other = (find_access(unasked(), None, {}) for _ in range(2))
    assert one.made.keys() == {"ari", "ami"}
    assert len({*one.made.values(), *other.made.values()}) == 4
    assert min(map(len, one.made.values())) >= 32
    assert one.access.secrets["CALLGUARD_ARI_PASSWORD"] == one.made["ari"]
    assert one.made["ari"] not in repr(one.access)


def test_an_earlier_runs_passwords_are_used_again() -> None:
    stored = {"CALLGUARD_ARI_PASSWORD": "old-a", "CALLGUARD_AMI_SECRET": "old-m"}
    assert find_access(unasked(), None, stored).made == {"ari": "old-a", "ami": "old-m"}


def test_a_user_who_exists_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "there")
    login = {"user": "freepbxuser", "secret": {"env": "GIVEN"}}
    found = find_access(unasked(asterisk={"ari": {**login, "url": "http://pbx:8088"}}), None, {})
    assert found.made.keys() == {"ami"}
    assert found.access.ari_user == "freepbxuser"
    assert found.access.ami_host == "pbx"
    assert found.access.secrets["CALLGUARD_ARI_PASSWORD"] == "there"


def test_a_named_secret_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match="NOWHERE"):
        find_access(unasked(asterisk={"ami": {"secret": {"env": "NOWHERE"}}}), None, {})


def test_a_person_names_a_pbx_on_another_machine() -> None:
    access = find_access(Person(URL="http://192.0.2.1:8088").interview(), None, {}).access
    assert (access.ari_url, access.ami_host) == ("http://192.0.2.1:8088", "192.0.2.1")
