"""An inventory is asked by names as Asterisk spells them, and as people do."""

from tests.inventory.pbxs import PBX


def test_an_endpoint_is_found_without_case() -> None:
    found = PBX.endpoint("pjsip/201")
    assert found is not None
    assert found.channel.startswith("PJSIP/201-")
    assert PBX.endpoint("PJSIP/20") is None


def test_queues_are_told_by_the_endpoint_behind_their_members() -> None:
    assert PBX.queues_of("PJSIP/201") == ["support"]
    assert PBX.queues_of("PJSIP/202") == []
