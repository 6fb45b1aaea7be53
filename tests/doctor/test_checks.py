"""What the doctor makes of Asterisk's answers; tests/integration/test_doctor.py asks a real PBX the same."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import ResponseError

from callguard.config import Ami, Config, Media, Secret
from callguard.doctor import checks
from callguard.doctor.checks import _applications, _modules, _version, check_ami, check_channelvars, check_redis
from callguard.doctor.findings import Finding

MODULES = ["app_audiosocket.so", "res_audiosocket.so", "res_rtp_asterisk.so", "func_timeout.so"]


class Answers:
    """Stands for an ARI client: one answer a path."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    async def request(self, method: str, path: str) -> Any:
        return self._answers[path.rsplit("/", 1)[-1]]


def levels(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.level, finding.area) for finding in findings]


def modules(*names: str) -> Any:
    return Answers(modules=[{"name": name, "status": "Running"} for name in names])


async def test_functions_in_channelvars_are_warned_of() -> None:
    with_them: Any = Answers(channels=[{"id": "1", "channelvars": {"CHANNEL(linkedid)": "1"}}])
    (finding,) = await check_channelvars(with_them)
    assert finding.level == "warning"
    assert "ari.conf" in finding.advice
    without: Any = Answers(channels=[{"id": "1"}])
    assert await check_channelvars(without) == []


async def test_the_version_is_judged_with_the_media_path() -> None:
    old: Any = Answers(info={"system": {"version": "16.28.0"}})
    assert levels(await _version(old, Config())) == [("error", "ari")]
    assert levels(await _version(old, Config(media=Media(tap="external_media")))) == [("ok", "ari")]


async def test_each_media_path_wants_its_modules() -> None:
    assert levels(await _modules(modules(*MODULES), Config())) == [("ok", "media")]
    (missing,) = await _modules(modules("res_rtp_asterisk.so", "func_timeout.so"), Config())
    assert missing.level == "error"
    assert "external_media" in missing.advice
    rtp = Config(media=Media(tap="external_media"))
    assert levels(await _modules(modules("res_rtp_asterisk.so", "func_timeout.so"), rtp)) == [("ok", "media")]


async def test_an_asterisk_that_keeps_no_leases_is_an_error() -> None:
    media, leases = await _modules(modules(*MODULES[:-1]), Config())
    assert (media.level, leases.level) == ("ok", "error")
    assert "func_timeout.so" in leases.text
    assert "modules.conf" in leases.text


async def test_a_locked_up_ari_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs:
        async def request(self, method: str, path: str) -> Any:
            assert (method, path) == ("GET", "/applications")
            await asyncio.sleep(5)

    hangs: Any = Hangs()
    monkeypatch.setattr(checks, "ARI_WAIT_S", 0.05)
    (finding,) = await _applications(hangs)
    assert (finding.level, finding.area) == ("error", "ari")
    assert "no answer" in finding.text
    assert "restart of Asterisk" in finding.advice
    answers: Any = Answers(applications=[])
    assert levels(await _applications(answers)) == [("ok", "ari")]


@pytest.mark.parametrize(("confirmed", "level"), [(False, "error"), (True, "ok")])
async def test_native_rtp_is_an_error_until_somebody_has_confirmed_it(confirmed: bool, level: str) -> None:
    config = Config.model_validate({"asterisk": {"native_rtp_confirmed": confirmed}})
    found = await _modules(modules(*MODULES, "bridge_native_rtp.so"), config)
    assert levels(found) == [(level, "asterisk"), ("ok", "media")]
    assert ("native_rtp_confirmed" in found[0].advice) is not confirmed


@pytest.mark.parametrize(
    ("hangup", "found"),
    [("No such channel", [("ok", "ami")]), ("Permission denied", [("ok", "ami"), ("warning", "ami")])],
)
async def test_a_manager_who_may_not_hang_up_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, hangup: str, found: list[tuple[str, str]]
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"Response: Success\r\nMessage: welcome\r\n\r\nEvent: FullyBooted\r\n\r\n")
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(b"Action: Hangup\r\nChannel: callguard.doctor.none\r\n")
        writer.write(f"Response: Error\r\nMessage: {hangup}\r\n\r\n".encode())

    monkeypatch.setenv("TEST_AMI", "x")
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        findings = await check_ami(Ami(port=port, secret=Secret(env="TEST_AMI")))
    assert levels(findings) == found
    assert all("manager.conf" in each.advice for each in findings[1:])


class Server:
    """Stands for a Redis that is bound to some addresses; None: it does not tell them."""

    def __init__(self, bound: str | None) -> None:
        self._bound = bound

    async def info(self) -> dict[str, Any]:
        return {"redis_version": "8"}

    async def config_get(self, name: str) -> dict[str, str]:
        if self._bound is None:
            raise ResponseError("NOPERM")
        return {name: self._bound}

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(
    ("bound", "elsewhere"),
    [("127.0.0.1 -::1", ""), ("127.0.0.1 10.0.0.5", "10.0.0.5"), ("* -::*", "*, ::*"), ("", "*"), (None, "")],
)
async def test_trust_in_loopback_is_doubted_where_the_server_listens_elsewhere(
    monkeypatch: pytest.MonkeyPatch, bound: str | None, elsewhere: str
) -> None:
    monkeypatch.setattr(checks, "connect", lambda _: Server(bound))
    found = (await check_redis(Config.model_validate({"redis": {"trust": "loopback"}})))[1:]
    says = f"redis.trust is loopback, and the server listens on {elsewhere}: whoever reaches it may do everything"
    assert [(each.level, each.text) for each in found] == ([("warning", says)] if elsewhere else [])
    assert levels(await check_redis(Config())) == [("ok", "redis")]
