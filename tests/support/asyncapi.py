"""Checks what is published against the AsyncAPI document."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from callguard.bus.asyncapi import document


@cache
def _document() -> dict[str, Any]:
    return document()


@cache
def validator(message: str) -> Draft202012Validator:
    """The validator of one message by its name in `components.messages`."""
    root = _document()
    payload = root["components"]["messages"][message]["payload"]
    return Draft202012Validator(payload | {"components": {"schemas": root["components"]["schemas"]}})


@cache
def _message_of(event_type: str) -> str:
    return next(name for name, each in _document()["components"]["messages"].items() if each["name"] == event_type)


def problems(cloud_event: dict[str, Any]) -> list[str]:
    """What is wrong with an event as it stands on the wire."""
    found = validator(_message_of(cloud_event["type"])).iter_errors(cloud_event)
    return [f"{error.json_path}: {error.message}" for error in found]
