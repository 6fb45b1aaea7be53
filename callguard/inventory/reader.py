"""Read a PBX's inventory by ARI and AMI. Nothing is changed, no event is subscribed to, no password is read."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from callguard.asterisk.ami import AmiError, Ask, ami_session
from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError
from callguard.config import Ami, AsteriskConfig, ConfigError
from callguard.inventory.members import Hints, far_end
from callguard.inventory.pbx import Endpoint, Inventory, Member, Queue
from callguard.inventory.trunks import trunk_reason

SETTINGS: Final = "/asterisk/config/dynamic/res_pjsip"
REACHABLE: Final = {"online": True, "offline": False}
AT_ONCE: Final = 8
"""Requests for settings at the same time."""

Settings = dict[str, str]


async def read_inventory(config: AsteriskConfig) -> Inventory:
    """Return what the PBX has. Raises AriError where ARI does not answer, ConfigError where its password is missing."""
    async with AriClient(config.ari) as ari:
        version = str((await ari.request("GET", "/asterisk/info")).get("system", {}).get("version", ""))
        modules = await ari.request("GET", "/asterisk/modules")
        endpoints = await _endpoints(ari)
    running = frozenset(str(module["name"]) for module in modules if module.get("status") == "Running")
    return await _with_ami(config.ami, Inventory(version, tuple(endpoints), modules=running))


async def _endpoints(ari: AriClient) -> list[Endpoint]:
    listed: list[dict[str, Any]] = await ari.request("GET", "/endpoints")
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(item: Mapping[str, Any]) -> Endpoint:
        async with gate:
            return await _endpoint(ari, item)

    found = await asyncio.gather(*(read(item) for item in listed))
    return sorted(found, key=lambda endpoint: endpoint.name)


async def _endpoint(ari: AriClient, item: Mapping[str, Any]) -> Endpoint:
    technology, resource = str(item["technology"]), str(item["resource"])
    name = f"{technology}/{resource}"
    reachable = REACHABLE.get(str(item.get("state")))
    if technology != "PJSIP":
        return Endpoint(name, reachable, trunk=trunk_reason(resource, {}, ""))
    settings, variables = await _settings(ari, "endpoint", resource)
    contact = ""
    for aor in filter(None, settings.get("aors", "").split(",")):
        contact = contact or (await _settings(ari, "aor", aor.strip()))[0].get("contact", "")
    person, number = _caller_id(settings.get("callerid", ""))
    return Endpoint(
        name,
        reachable,
        settings.get("context", ""),
        number,
        person,
        tuple(variables),
        trunk_reason(resource, settings, contact),
        tuple(settings.get("allow", "").strip("()").split("|")) if settings.get("allow") else (),
    )


async def _settings(ari: AriClient, kind: str, name: str) -> tuple[Settings, list[tuple[str, str]]]:
    """Return an object's settings and its set_var entries; nothing where Asterisk does not show them."""
    try:
        answer = await ari.request("GET", f"{SETTINGS}/{kind}/{quote(name, safe='')}")
    except AriError:
        return {}, []
    pairs = [(str(each.get("attribute")), str(each.get("value"))) for each in answer]
    variables = [value.partition("=") for attribute, value in pairs if attribute == "set_var" and value]
    return dict(pairs), [(key.strip(), value.strip()) for key, _, value in variables]


def _caller_id(text: str) -> tuple[str, str]:
    """Return name and number of a caller id like `"Ann" <201>`."""
    name, _, number = text.partition("<")
    if not number and name.strip().isdigit():
        return "", name.strip()
    return name.strip().strip('"'), number.rstrip("> ")


# --- AMI ---


async def _with_ami(config: Ami, found: Inventory) -> Inventory:
    """Add what only AMI tells; `unread` says what could not be read, and why."""
    if not config.enabled:
        return _lacking(found, "queues, contexts and parking were not read: asterisk.ami.enabled is false")
    try:
        async with ami_session(config) as ask:
            return await _asked(ask, found)
    except ConfigError as error:
        return _lacking(found, f"queues were not read: {error.problems[0]}")
    except (AmiError, OSError) as error:
        why = str(error) or type(error).__name__
        return _lacking(found, f"queues were not read: AMI at {config.host}:{config.port}: {why}")


async def _asked(ask: Ask, found: Inventory) -> Inventory:
    unread: list[str] = []

    async def read(what: str, action: str) -> list[Any] | None:
        try:
            return await ask({"Action": action})
        except AmiError as error:
            if "nknown command" not in str(error):  # the module is not loaded, so there is nothing to read
                unread.append(f"{what} not read: {error}")
            return None

    hints = await read("hints were", "ExtensionStateList")
    queues = await read("queues were", "QueueStatus")
    dialplan = await read("contexts of the dialplan were", "ShowDialPlan")
    parking = await read("parking lots were", "Parkinglots")
    return Inventory(
        found.asterisk,
        found.endpoints,
        _queues(queues or (), _hints(hints or ()), [endpoint.name for endpoint in found.endpoints]),
        None if dialplan is None else frozenset(_values(dialplan, "ListDialplan", "Context")),
        tuple(_values(parking or (), "Parkinglot", "Name")),
        found.modules,
        tuple(unread),
    )


def _lacking(found: Inventory, why: str) -> Inventory:
    return Inventory(found.asterisk, found.endpoints, modules=found.modules, unread=(why,))


def _hints(messages: Sequence[Any]) -> Hints:
    return {
        (_text(each, "Exten"), _text(each, "Context")): _text(each, "Hint")
        for each in messages
        if each.event == "ExtensionStatus"
    }


def _queues(messages: Sequence[Any], hints: Hints, endpoints: Sequence[str]) -> tuple[Queue, ...]:
    members: dict[str, list[Member]] = {}
    for each in messages:
        if each.event == "QueueParams":
            members.setdefault(_text(each, "Queue"), [])
        elif each.event == "QueueMember":
            interface = _text(each, "Location")
            endpoint, how = far_end(interface, _text(each, "StateInterface"), endpoints, hints)
            members.setdefault(_text(each, "Queue"), []).append(Member(interface, _text(each, "Name"), endpoint, how))
    return tuple(Queue(name, tuple(members[name])) for name in sorted(members) if name)


def _values(messages: Sequence[Any], event: str, header: str) -> list[str]:
    return sorted({value for each in messages if each.event == event and (value := _text(each, header))})


def _text(message: Any, header: str) -> str:
    value = message.get(header, "")
    return value if isinstance(value, str) else ""
