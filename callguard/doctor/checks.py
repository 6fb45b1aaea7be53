"""Check reachability, versions and the harmful settings of Asterisk and Redis."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, InvalidResponse, RedisError, ResponseError

from callguard.asterisk import native_rtp
from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError, RefusedError, UnreachableError
from callguard.asterisk.health import ADVICE
from callguard.asterisk.upkeep.leases import MODULE, NOT_KEPT
from callguard.bus import connect
from callguard.config import Ami, Config, ConfigError
from callguard.config.base import bracketed
from callguard.doctor.findings import Finding
from callguard.doctor.foreign import (
    GREETING,
    ForeignError,
    ensure_asterisk,
    is_console,
    no_asterisk,
    no_console,
    no_manager,
    no_redis,
)
from callguard.doctor.versions import about

NEEDED: Final = {
    "audiosocket": ("app_audiosocket.so", "res_audiosocket.so"),
    "external_media": ("res_rtp_asterisk.so",),
}
"""Modules that each media path needs."""
AMI_WAIT_S: Final = 5.0
SUCCESS: Final = "Response: Success"
ARI_WAIT_S: Final = 3.0
GREETING_S: Final = 2.0
"""Seconds within which AMI greets."""


async def check_asterisk(config: Config) -> list[Finding]:
    """Check Asterisk through ARI."""
    try:
        async with AriClient(config.asterisk.ari) as client:
            await ensure_asterisk(client)
            return [*await _version(client, config), *await _applications(client), *await _modules(client, config)]
    except ConfigError as error:
        return [Finding("error", "ari", problem) for problem in error.problems]
    except ForeignError as error:
        return [no_asterisk(config.asterisk.ari.url, error)]
    except RefusedError as error:
        return [Finding("error", "ari", str(error), "compare asterisk.ari.user and its password with ari.conf")]
    except AriError as error:
        advice = f"is http.conf enabled and bound to {config.asterisk.ari.url}?"
        if isinstance(error, UnreachableError) and error.hangs:
            advice = ADVICE["hangs"]
        return [Finding("error", "ari", str(error), advice)]


async def _applications(client: AriClient) -> list[Finding]:
    """Make the request that hangs where another program has locked up ARI, while others are still answered."""
    try:
        async with asyncio.timeout(ARI_WAIT_S):
            await client.request("GET", "/applications")
    except TimeoutError:
        text = f"GET /ari/applications: no answer in {ARI_WAIT_S:g} s"
        return [Finding("error", "ari", text, ADVICE["hangs"])]
    return [Finding("ok", "ari", "applications answer")]


async def _version(client: AriClient, config: Config) -> list[Finding]:
    info = await client.request("GET", "/asterisk/info")
    return [about(str(info.get("system", {}).get("version", "")), config.media.tap)]


async def _modules(client: AriClient, config: Config) -> list[Finding]:
    modules: list[dict[str, Any]] = await client.request("GET", "/asterisk/modules")
    running = {module["name"] for module in modules if module.get("status") == "Running"}
    findings = []
    if native_rtp.MODULE in running:
        findings.append(_native_rtp(config))
    missing = [name for name in NEEDED[config.media.tap] if name not in running]
    if missing:
        other = "external_media" if config.media.tap == "audiosocket" else "audiosocket"
        text = f"media.tap is {config.media.tap}, but {', '.join(missing)} is not loaded"
        findings.append(Finding("error", "media", text, f"load it, or set media.tap to {other}"))
    else:
        findings.append(Finding("ok", "media", f"media path {config.media.tap} is available"))
    if MODULE not in running:
        findings.append(Finding("error", "asterisk", NOT_KEPT))
    return findings


def _native_rtp(config: Config) -> Finding:
    wait_s = config.media.first_tap_delay_s
    if config.asterisk.native_rtp_confirmed:
        wait_s = native_rtp.WAIT_S if wait_s is None else wait_s
        text = f"bridge_native_rtp is loaded and confirmed; the first tap waits {wait_s:g} s"
        return Finding("ok", "asterisk", text)
    text = "bridge_native_rtp is loaded: taps make RTP jump on the live legs, and some phones are deaf from then on"
    return Finding("error", "asterisk", text, native_rtp.ADVICE)


async def check_channelvars(client: AriClient) -> list[Finding]:
    """Look for channelvars in ari.conf, which any present channel shows."""
    channels: list[dict[str, Any]] = await client.request("GET", "/channels")
    if any(channel.get("channelvars") for channel in channels):
        text = "ari.conf sets channelvars: functions such as CHANNEL(…) in it have frozen Asterisk"
        return [Finding("warning", "asterisk", text, "remove channelvars from ari.conf; CallGuard needs none")]
    return []


async def check_ami(config: Ami) -> list[Finding]:
    """Log in to AMI as the service would, and log out."""
    if not config.enabled:
        return [
            Finding("warning", "ami", "asterisk.ami.enabled is false: no queue waits, no queue pause, no queue_log")
        ]
    try:
        secret = config.secret.read().get_secret_value()
        async with asyncio.timeout(AMI_WAIT_S):
            greeting, answer, hangup = await _log_in(config, secret)
    except ConfigError as error:
        return [Finding("error", "ami", problem) for problem in error.problems]
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        text = f"{config.host}:{config.port}: {str(error) or type(error).__name__}"
        return [Finding("error", "ami", text, "is manager.conf enabled and bound to that address?")]
    if foreign := no_manager(f"{config.host}:{config.port}", greeting):
        return [foreign]
    if SUCCESS not in answer:
        text = f"{config.host}:{config.port}: login refused"
        return [Finding("error", "ami", text, "compare asterisk.ami.user and its secret with manager.conf")]
    findings = [Finding("ok", "ami", greeting)]
    if "Permission denied" in hangup:
        text = f"{config.user!r} may not hang up: where ARI fails, a supervisor is cut off only by the lease, after 6 s"
        findings.append(Finding("warning", "ami", text, "manager.conf: add call to the user's write"))
    return findings


async def _log_in(config: Ami, secret: str) -> tuple[str, str, str]:
    """Return the greeting, the answer to the login, and the answer to a hangup of a channel that does not exist."""
    reader, writer = await asyncio.open_connection(config.host, config.port)
    try:
        greeting = await _greeting(reader)
        if not greeting.startswith(GREETING):
            return greeting, "", ""
        writer.write(f"Action: Login\r\nUsername: {config.user}\r\nSecret: {secret}\r\nEvents: off\r\n\r\n".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
        if SUCCESS not in answer:
            return greeting, answer, ""
        writer.write(b"Action: Hangup\r\nChannel: callguard.doctor.none\r\n\r\n")
        hangup = ""
        while not hangup.startswith("Response:"):  # events may arrive in between
            hangup = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
        return greeting, answer, hangup
    finally:
        writer.close()


async def _greeting(reader: asyncio.StreamReader) -> str:
    """Return the first line, or what comes of it within two seconds: another server may wait for us to speak."""
    line = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(GREETING_S):
            while not line.endswith(b"\n") and (byte := await reader.read(1)):
                line += byte
    return line.decode(errors="replace").strip()


async def check_redis(config: Config) -> list[Finding]:
    """Connect to Redis and look for settings that lose events."""
    try:
        client = connect(config.redis)
    except ConfigError as error:
        return [Finding("error", "redis", problem) for problem in error.problems]
    try:
        info: dict[str, Any] = await client.info()
        reached = await _reached_from_elsewhere(client) if config.redis.trust == "loopback" else ""
    except AuthenticationError:
        return [Finding("error", "redis", "the password was refused", "set redis.password")]
    except InvalidResponse:
        return [no_redis(config.redis.url)]
    except (RedisError, OSError) as error:
        why = f"{type(error).__name__}: {str(error)[:200]}".rstrip(": ")
        return [Finding("error", "redis", f"unreachable: {why}", "is it running at redis.url?")]
    finally:
        await client.aclose()
    if not info.keys() & {"redis_version", "valkey_version"}:
        return [no_redis(config.redis.url)]
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info.get('redis_version')}"
    findings = [Finding("ok", "redis", name)]
    if info.get("maxmemory") and info.get("maxmemory_policy") != "noeviction":
        text = f"maxmemory-policy is {info.get('maxmemory_policy')}: the server may delete streams"
        findings.append(Finding("warning", "redis", text, "set maxmemory-policy noeviction"))
    if reached:
        text = f"redis.trust is loopback, and the server listens on {reached}: whoever reaches it may do everything"
        findings.append(Finding("warning", "redis", text, "bind the server to loopback, or sign commands"))
    return findings


async def _reached_from_elsewhere(client: Redis) -> str:
    """Return the addresses beyond loopback on which the server listens; empty where it has none or does not tell."""
    try:
        bound: Any = await client.config_get("bind")
    except ResponseError:  # a user without this right
        return ""
    addresses = str(bound.get("bind", "")).replace("-", "").split() or ["*"]
    return ", ".join(each for each in addresses if not each.startswith("127.") and each not in ("::1", "localhost"))


async def check_console(config: Config) -> list[Finding]:
    """Report whether the service of this configuration is running, by its health page."""
    if not config.console.enabled:
        return []
    url = f"http://{bracketed(config.console.listen)}:{config.console.port}/healthz"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(url) as response,
        ):
            if not is_console(response.status, await response.json(content_type=None)):
                return [no_console(url)]
    except aiohttp.ClientConnectorError:
        return [Finding("ok", "service", "the service of this configuration is not running")]
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return [no_console(url)]
    return [Finding("ok", "service", "the service of this configuration is running")]
