"""What we make is recognised by its name, and only by the application that made it."""

import pytest

from callguard.asterisk.names import kind_of, name, new_id


def test_a_name_says_its_kind_to_its_own_application_only() -> None:
    made = name("callguard", "room", new_id())
    assert kind_of("callguard", made) == "room"
    assert kind_of("callguard-2", made) is None


@pytest.mark.parametrize("foreign", ["1795324867.1", new_id(), "callguard", "callguard.room", "", "other.room.1"])
def test_other_ids_are_not_ours(foreign: str) -> None:
    assert kind_of("callguard", foreign) is None
