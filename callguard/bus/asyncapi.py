"""Generate the AsyncAPI 3 document of all streams in Redis from the classes.

`python -m callguard.bus.asyncapi` writes the document; `--check` compares it with the file.
"""

import sys
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from callguard import __version__
from callguard.authority.signature import AT_FIELD, SENDER_FIELD, SIGNATURE_FIELD
from callguard.bus.keys import COMMAND_FIELDS, EVENT_FIELD, GROUP, Keys
from callguard.contracts.commands import ACTIONS, Command
from callguard.contracts.events import EVENTS, CommandCompleted, CommandFailed, Envelope, Event

PAGE: Final = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
_KEYS: Final = Keys()
_HEAD: Final = "# Generated from the code: python -m callguard.bus.asyncapi\n"


def document() -> dict[str, Any]:
    """Return the whole document as plain data."""
    messages = {kind.__name__: _event_message(name, kind) for name, kind in EVENTS.items()}
    commands = {f"command.{action}": _command_message(action) for action in ACTIONS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "CallGuard",
            "version": __version__,
            "license": {"name": "Apache-2.0"},
            "description": (
                "Redis or Valkey streams. The prefix `callguard:` can be configured. Delivery is at least once: "
                "an event that comes again carries the same `id`."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {"redis": {"host": "127.0.0.1:6379", "protocol": "redis"}},
        "channels": {
            "events": _channel(_KEYS.events, f"Stream. Field `{EVENT_FIELD}` holds the CloudEvent.", messages),
            "commands": _channel(
                _KEYS.commands,
                f"Stream, consumer group `{GROUP}`. Field `{COMMAND_FIELDS[0]}` holds the command as JSON; "
                f"`{SENDER_FIELD}`, `{AT_FIELD}` and `{SIGNATURE_FIELD}` prove its sender.",
                commands,
            ),
            "audit": _channel(_KEYS.audit, "Stream, never trimmed, hash-chained.", {"AuditEntry": {}}),
            "wake": _channel(_KEYS.wake, "Pub/sub, for screens: something changed.", {"Wake": {}}),
        },
        "operations": _operations(),
        "components": {
            "messages": messages | commands | {"AuditEntry": _audit_message(), "Wake": _wake_message()},
            "schemas": {kind.__name__: _data_schema(kind) for kind in EVENTS.values()}
            | {f"{action}.args": _schema(spec.args, "validation") for action, spec in ACTIONS.items()},
        },
    }


def text() -> str:
    """Return the document as YAML."""
    plain = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=120)
    return _HEAD + str(plain)


def _operations() -> dict[str, Any]:
    answers = [CommandCompleted.__name__, CommandFailed.__name__]
    return {
        "publishEvents": {"action": "send", "channel": _ref("channels", "events")},
        "takeCommands": {
            "action": "receive",
            "channel": _ref("channels", "commands"),
            "reply": {
                "channel": _ref("channels", "events"),
                "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in answers],
            },
        },
        "audit": {"action": "send", "channel": _ref("channels", "audit")},
        "wake": {"action": "send", "channel": _ref("channels", "wake")},
    }


def _channel(address: str, description: str, messages: dict[str, Any]) -> dict[str, Any]:
    refs = {name: _ref("components", "messages", name) for name in messages}
    return {"address": address, "description": description, "messages": refs}


def _event_message(name: str, kind: type[Event]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": _first_line(kind),
        "contentType": "application/cloudevents+json",
        "payload": _envelope_schema(name, kind),
    }


def _envelope_schema(name: str, kind: type[Event]) -> dict[str, Any]:
    schema = _schema(Envelope, "validation")
    properties = schema["properties"]
    properties["type"] = {"const": name}
    properties["subject"] = {"type": "string", "description": properties["subject"]["description"]}
    properties["data"] = _ref("components", "schemas", kind.__name__)
    return schema | {"required": [field for field in properties if field != "subject"]}


def _data_schema(kind: type[Event]) -> dict[str, Any]:
    """Return the schema of a payload, which carries every field: unknown ones are null."""
    return _schema(kind, "serialization") | {"description": _first_line(kind)}


def _command_message(action: str) -> dict[str, Any]:
    spec = ACTIONS[action]
    schema = _schema(Command, "validation")
    properties = schema["properties"]
    properties["action"] = {"const": action}
    properties["args"] = _ref("components", "schemas", f"{action}.args")
    needs_args = bool(spec.args.model_json_schema().get("required"))
    needed = {"call": spec.call, "supervisor": spec.supervisor, "args": needs_args}
    required = ["id", "action", *(name for name, needs in needed.items() if needs)]
    for name in ("call", "supervisor"):
        if name in required:
            properties[name] = {"description": properties[name]["description"], **properties[name]["anyOf"][0]}
    return {"name": action, "summary": spec.meaning, "payload": schema | {"required": required}}


def _audit_message() -> dict[str, Any]:
    sha = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    return {
        "name": "audit entry",
        "summary": "An audited event, chained to its predecessor.",
        "payload": {
            "type": "object",
            "required": ["number", "entry", "previous", "hash"],
            "properties": {
                "entry": {"type": "string", "description": "The CloudEvent as JSON."},
                "number": {"type": "string", "pattern": "^[0-9]+$", "description": "Counted from 1."},
                "previous": sha | {"description": "Hash of the entry before; 64 zeros for the first."},
                "hash": sha | {"description": "SHA-256 of `previous`, `number`, `entry`, joined by line feeds."},
            },
        },
    }


def _wake_message() -> dict[str, Any]:
    return {
        "name": "wake",
        "summary": "Type of the last event; may be empty.",
        "contentType": "text/plain",
        "payload": {"type": "string"},
    }


def _schema(model: type[BaseModel], mode: Any) -> dict[str, Any]:
    """Return a model's JSON Schema without generated titles and with all references replaced."""
    schema: dict[str, Any] = _without_titles(model.model_json_schema(mode=mode))
    parts = schema.pop("$defs", {})
    placed: dict[str, Any] = _placed(schema, parts)
    return placed


def _placed(value: Any, parts: dict[str, Any]) -> Any:
    """Replace each reference in a schema by the part to which it refers."""
    if isinstance(value, list):
        return [_placed(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    part = parts.get(str(value.get("$ref", "")).removeprefix("#/$defs/"), {})
    return {key: _placed(inner, parts) for key, inner in (part | value).items() if not (part and key == "$ref")}


def _without_titles(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_titles(item) for item in value]
    if isinstance(value, dict):
        # a schema's title is text; a property named `title` is an object
        return {k: _without_titles(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    return value


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _first_line(kind: type[BaseModel]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def main(arguments: list[str]) -> int:
    """Write the document, or with --check report whether it is up to date."""
    if "--check" in arguments:
        return 0 if PAGE.exists() and PAGE.read_text("utf-8") == text() else 1
    PAGE.write_text(text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
