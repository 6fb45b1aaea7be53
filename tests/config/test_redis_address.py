"""The forms of `redis.url`, and what is said of one that is none of them."""

import pytest
from pydantic import ValidationError

from callguard.config import Redis
from callguard.config.redis_address import RedisAddress, read_redis_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h:6379/0", RedisAddress("server", False, (("h", 6379),), "", "", 0, "")),
        ("redis://h", RedisAddress("server", False, (("h", 6379),), "", "", 0, "")),
        ("redis:///1", RedisAddress("server", False, (("localhost", 6379),), "", "", 1, "")),
        ("rediss://me@[::1]:6380/2?ssl_cert_reqs=none",
         RedisAddress("server", True, (("::1", 6380),), "me", "", 2, "ssl_cert_reqs=none")),
        ("unix:///run/valkey.sock?db=1", RedisAddress("unix", False, (), "", "", 0, "db=1")),
        ("redis+sentinel://a:26379,b:26380/calls/3",
         RedisAddress("sentinel", False, (("a", 26379), ("b", 26380)), "", "calls", 3, "")),
        ("rediss+sentinel://u%40x@a,[fe80::1]/calls",
         RedisAddress("sentinel", True, (("a", 26379), ("fe80::1", 26379)), "u@x", "calls", 0, "")),
        ("redis+cluster://a,b:7000", RedisAddress("cluster", False, (("a", 6379), ("b", 7000)), "", "", 0, "")),
    ],
)  # fmt: skip
def test_each_form_is_read(url: str, address: RedisAddress) -> None:
    assert read_redis_url(url) == address


def test_a_clients_url_of_the_first_host_has_user_database_and_settings() -> None:
    address = read_redis_url("rediss+sentinel://me@[::1]:26380,b/calls/3?ssl_ca_certs=/ca.pem")
    assert address.first_as_url == "rediss://me@[::1]:26380/3?ssl_ca_certs=/ca.pem"
    assert read_redis_url("redis+cluster://a,b").first_as_url == "redis://a:6379/0"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h", "redis+sentinel://"),
        ("localhost:6379", "starts with none of redis://"),
        ("redis://:secret@h/0", "holds a password"),
        ("redis+sentinel://me:secret@h/calls", "holds a password"),
        ("redis://h/0?password=secret", "holds a password"),
        ("redis+sentinel://a:26379,b:26379", "lacks the service"),
        ("redis+sentinel://a/calls/zero", "no database number"),
        ("redis+cluster://a/1", "only database 0"),
        ("redis://a,b/0", "several servers"),
        ("redis://a:port/0", "no host and port"),
        ("redis://a:70000/0", "no host and port"),
        ("redis+cluster://a,,b", "no host and port"),
        ("redis://::1:6379/0", "IPv6 addresses stand in brackets"),
        ("redis://h/0/1", "no database number"),
    ],
)
def test_another_form_is_refused_with_what_is_allowed_and_without_a_secret(url: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Redis(url=url)
    (problem,) = refused.value.errors(include_input=False)
    assert words in problem["msg"]
    assert "secret" not in problem["msg"]


@pytest.mark.parametrize("prefix", ["callguard:", "{}callguard:", "callguard}{:"])
def test_a_cluster_needs_a_hash_tag_so_that_one_node_holds_all_keys(prefix: str) -> None:
    with pytest.raises(ValidationError, match=r"needs a hash tag .* '\{callguard\}:'"):
        Redis(url="redis+cluster://a", prefix=prefix)
    assert Redis(url="redis+cluster://a", prefix="{callguard}:").prefix == "{callguard}:"
    assert Redis(url="redis://a", prefix=prefix).prefix == prefix
