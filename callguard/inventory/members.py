"""Find the endpoint behind the interface that a queue rings. Pure."""

import re
from collections.abc import Collection, Mapping
from typing import Final

HINT: Final = "hint:"
LOCAL: Final = re.compile(r"^Local/([^@/]+)@([^/]+)", re.IGNORECASE)

Hints = Mapping[tuple[str, str], str]
"""Devices of hints by extension and context, e.g. ("201", "ext-local"): "PJSIP/201&Custom:DND201"."""


def far_end(interface: str, state: str, endpoints: Collection[str], hints: Hints) -> tuple[str | None, str]:
    """Return the endpoint behind a member's interface and the fact that tells it; (None, reason) where none does.

    `state` is the member's state interface, which names the phone where the interface is a Local channel.
    """
    known = {name.casefold(): name for name in endpoints}
    if found := known.get(interface.casefold()):
        return found, "the queue rings it"
    if found := known.get(state.casefold()):
        return found, "it is the member's state interface"
    extension = _extension(interface, state)
    if extension is None:
        return None, "no such endpoint"
    for device in _devices(extension, hints):
        if found := known.get(device.casefold()):
            return found, f"the hint of extension {extension[0]}"
    same = [name for name in endpoints if name.partition("/")[2] == extension[0]]
    if len(same) == 1:
        return same[0], f"it is named like extension {extension[0]}"
    return None, f"no hint and no endpoint named {extension[0]}"


def _extension(interface: str, state: str) -> tuple[str, str] | None:
    """Return the extension and context that a member rings."""
    if state.startswith(HINT):
        number, _, context = state.removeprefix(HINT).partition("@")
        return number, context
    local = LOCAL.match(interface)
    return (local[1], local[2]) if local else None


def _devices(extension: tuple[str, str], hints: Hints) -> list[str]:
    """Return the devices of an extension's hint: of its own context, else of any context."""
    hint = hints.get(extension) or next((hints[key] for key in hints if key[0] == extension[0]), "")
    return hint.split("&") if hint else []
