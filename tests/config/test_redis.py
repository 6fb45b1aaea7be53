"""Unsigned commands are trusted only from a server on this machine, and only where that is written."""

import pytest

from callguard.config import Config, ConfigError, parse_config


def config(url: str) -> str:
    return f"redis: {{url: '{url}', trust: loopback}}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0", "redis://127.0.0.9", "redis://localhost/1", "redis://[::1]:6380/0",
        "redis://callguard@127.0.0.1/0", "rediss://localhost:6380", "unix:///run/redis.sock", "redis://",
    ],
)  # fmt: skip
def test_a_server_on_this_machine_may_be_trusted(url: str) -> None:
    assert parse_config(config(url), "x").redis.trust == "loopback"


@pytest.mark.parametrize(
    "url",
    [
        "redis://10.0.0.1:6379/0", "redis://redis.example/0", "rediss://[2001:db8::1]:6379", "redis://0.0.0.0",
        "redis://127.0.0.1@10.0.0.1/0", "redis://localhost.example", "redis+sentinel://127.0.0.1/calls",
    ],
)  # fmt: skip
def test_a_server_elsewhere_may_not(url: str) -> None:
    with pytest.raises(ConfigError, match=r"redis.trust: holds only for a server on loopback or a Unix socket"):
        parse_config(config(url), "x")


def test_nothing_unsigned_is_trusted_unless_that_is_written() -> None:
    assert Config().redis.trust == "signed"


def test_a_senders_name_is_a_word() -> None:
    with pytest.raises(ConfigError, match=r"redis.senders"):
        parse_config("redis: {senders: {'a b': {role: qa, key: {env: K}}}}", "x")
