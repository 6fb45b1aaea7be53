"""Names on the wire are those of the contract."""

from callguard.bus.keys import COMMAND_FIELDS, EVENT_FIELD, Keys


def test_every_name_begins_with_the_prefix() -> None:
    keys = Keys("floor7:")
    names = [keys.events, keys.commands, keys.audit, keys.calls, keys.alerts, keys.signals, keys.wake]
    assert names == [f"floor7:{name}" for name in ("events", "commands", "audit", "calls", "alerts", "signals", "wake")]
    assert keys.command("c1") == "floor7:command:c1"


def test_the_names_that_others_rely_on() -> None:
    assert (Keys().events, Keys().commands, Keys().audit) == (
        "callguard:events", "callguard:commands", "callguard:audit",
    )  # fmt: skip
    assert (EVENT_FIELD, COMMAND_FIELDS[0]) == ("event", "command")
