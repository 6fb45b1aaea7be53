"""Name our objects in Asterisk `<app>.<kind>.<rest>`, so that a later run recognises an earlier run's objects.

The application's name holds no dot, so `callguard.` is never the beginning of `callguard-2.tap`. The one exception is a
tap's snoop: its name is a bare UUID, since AudioSocket carries it. Supervisors are `<app>.supervisor.<session>`, their
rooms `<app>.room.<session>`, the snoops in these `<app>.ear.<mode>.<uuid>`.
"""

import uuid
from typing import Final, Literal, get_args

from callguard.contracts.vocabulary import SupervisionMode

Kind = Literal["supervisor", "room", "ear", "media", "mixer", "voice", "playback", "mark"]
SUPERVISOR: Final[Kind] = "supervisor"
BRIDGES: Final[tuple[Kind, ...]] = ("room", "mixer")
AWAITED: Final[tuple[Kind, ...]] = (SUPERVISOR, "ear", "media", "voice")
"""Kinds of channels whose arrival a waiter expects."""
JOIN_CONTEXT: Final = "callguard-join"
"""Dialplan context that adds a supervisor to a call's bridge."""
HOST_VARIABLE: Final = "CALLGUARD_MEDIA"
"""Variable that names the AudioSocket host to the dialplan, where that is not loopback."""


def new_id() -> str:
    """Return a UUID for a tap or a session."""
    return str(uuid.uuid4())


def name(app: str, kind: Kind, rest: str) -> str:
    """Return the id of an object of ours."""
    return f"{app}.{kind}.{rest}"


def kind_of(app: str, object_id: str) -> str | None:
    """Return the kind of an object, or None for one that this application did not make."""
    prefix, _, rest = object_id.partition(".")
    kind, dot, _ = rest.partition(".")
    return kind if prefix == app and dot else None


def ear(app: str, mode: SupervisionMode) -> str:
    """Return a new id for a supervisor's snoop; the id holds the mode, so that a later run can read it."""
    return name(app, "ear", f"{mode}.{new_id()}")


def mode_of_ear(app: str, object_id: str) -> SupervisionMode | None:
    """Return the mode of a supervisor's snoop of ours; None for any other object."""
    found = object_id.removeprefix(f"{app}.ear.").partition(".")[0]
    return next((mode for mode in get_args(SupervisionMode) if mode == found), None)


def device_of(endpoint: str) -> str | None:
    """Return the device of an endpoint; None where the endpoint is no phone: Local/…, a number at a trunk."""
    technology, _, rest = endpoint.partition("/")
    return endpoint if rest and technology != "Local" and not {"/", "@"} & set(rest) else None
