"""What facts tell is proposed; the rest is left for a person to say."""

from dataclasses import replace

from callguard.inventory.pbx import Inventory
from callguard.setup.proposal import is_freepbx, name_of, propose
from tests.inventory.pbxs import PBX, phone


def test_members_are_agents_trunks_are_told_apart_and_the_rest_is_others() -> None:
    found = propose(PBX)
    assert found.agents == ("PJSIP/201",)
    assert found.trunks == ("PJSIP/acme-out",)
    assert found.others == ("PJSIP/202", "PJSIP/203", "PJSIP/301")
    assert found.supervisors == ()


def test_a_name_that_sounds_like_a_supervisor_is_only_offered() -> None:
    pbx = Inventory("22", (phone("301", person="Team Lead"), phone("leader"), phone("misleading")))
    found = propose(pbx)
    assert found.supervisors == ("PJSIP/301", "PJSIP/leader")
    assert set(found.supervisors) <= set(found.others)


def test_freepbx_is_known_by_its_contexts() -> None:
    contexts = frozenset({"from-internal", "ext-queues", "ext-local"})
    assert is_freepbx(replace(PBX, contexts=contexts))
    assert not is_freepbx(replace(PBX, contexts=frozenset({"from-internal", "phones"})))
    assert is_freepbx(replace(PBX, contexts=None))


def test_a_supervisor_is_called_as_the_phone_says() -> None:
    assert name_of(phone("301", person="Di Moss")) == "Di Moss"
    assert name_of(phone("301")) == "301"
