"""A report tells people in few lines, and programs everything."""

from dataclasses import replace

from callguard.inventory.expected import expected_parts
from callguard.inventory.report import Report, grouped, lines, reach
from tests.inventory.pbxs import PBX, config, rules


def test_parts_are_told_by_group() -> None:
    parts = expected_parts(config(roles=rules(("PJSIP/2*", "agent"))).roles, PBX)
    told = grouped(parts)
    assert told[0] == "agent: PJSIP/201, PJSIP/202, PJSIP/203 (roles.rules.0 (channel PJSIP/2*))"
    assert len(told) == 3


def test_queues_are_told_with_the_phones_behind_their_members() -> None:
    told = lines(replace(PBX, parking=("default",)))
    assert told[:2] == ["queue support: Ann (PJSIP/201)", "queue sales: none"]
    assert told[2:] == ["contexts: 4, of endpoints from-internal, from-pstn", "parking: default"]
    assert lines(replace(PBX, queues=None, contexts=None)) == []


def test_programs_get_what_was_read_and_null_for_what_was_not() -> None:
    parts = tuple(expected_parts(config().roles, PBX))
    told = Report(PBX, parts, ()).as_json()
    assert told["endpoints"][0]["endpoint"] == "PJSIP/201"
    assert told["queues"][0]["members"][0]["endpoint"] == "PJSIP/201"
    assert "from-internal" in told["contexts"]
    bare = Report(type(PBX)("22"), (), ()).as_json()
    assert bare["queues"] is bare["contexts"] is bare["parking"] is None


def test_a_state_is_one_word() -> None:
    assert [reach(each) for each in (True, False, None)] == ["online", "offline", "unknown"]
