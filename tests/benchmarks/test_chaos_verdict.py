"""From who was heard when to who heard whom they must not, and who heard nobody."""

from dataclasses import replace

import pytest

from benchmarks.chaos_ears import Span
from benchmarks.chaos_records import CallRecord, Cast, Outage, Recording
from benchmarks.chaos_verdict import (
    DEAF_LIMIT_S,
    HAND_OVER_S,
    LEASE_S,
    REACTION_S,
    SLACK_S,
    WrongEar,
    allowance,
    deaf,
    strands,
    wrong_ears,
)

CAST = Cast(2)
ALL: list[Span] = [(0.0, 40.0)]
PRIVATE = (20.0, 30.0)
KILLED = Outage("service_killed", "service", 18.0, 29.0)


def recording(phone: str, **heard: list[Span]) -> Recording:
    return Recording(phone, 0.0, 40.0, heard)


def call(**changes: object) -> CallRecord:
    fair = CallRecord(
        line=1, id="1.1", joining="whisper", began=0.0, ended=40.0, dropped=None, asked_at=3.0, took_over_at=None,
        apart=None, private=None,
        recordings=(recording("customer1", agent1=ALL), recording("agent1", customer1=ALL, supervisor4=[(4.0, 40.0)])),
    )  # fmt: skip
    return replace(fair, **changes)  # type: ignore[arg-type]


def consulting(colleague: Recording | None = None, agent: Recording | None = None) -> CallRecord:
    agent = agent or recording("agent1", customer1=[(0.0, 19.0), (32.0, 40.0)], agent3=[PRIVATE])
    customer = recording("customer1", agent1=[(0.0, 19.0), (32.0, 40.0)])
    third = colleague or recording("agent3", agent1=[PRIVATE])
    return call(apart=(18.5, 32.5), private=PRIVATE, recordings=(customer, agent, third))


def ears(of: CallRecord, *supervisors: Recording, outages: tuple[Outage, ...] = ()) -> list[WrongEar]:
    return wrong_ears([of], supervisors, outages, CAST)


def longest(of: CallRecord) -> float:
    return max(silence.seconds for silence in deaf(of, CAST))


def test_a_fair_whisper_and_a_fair_consultation_are_no_wrong_ear() -> None:
    assert ears(call(), recording("supervisor4", customer1=ALL, agent1=ALL)) == []
    apart = [(4.0, 20.0 + REACTION_S), (32.0, 40.0)]
    assert ears(consulting(), recording("supervisor4", customer1=apart, agent1=apart)) == []


def test_a_supervisor_who_hears_a_consultation_is_told_with_how_much_and_how_long_after() -> None:
    [found] = ears(consulting(), recording("supervisor4", agent1=[(4.0, 25.0)], agent3=[(20.0, 26.0)]))
    assert (found.listener, found.speakers, found.why) == ("supervisor4", ("agent1", "agent3"), "a consultation")
    assert found.at == pytest.approx(20.0 + REACTION_S)
    assert found.seconds == pytest.approx(6.0 - REACTION_S)
    assert found.until_s == pytest.approx(6.0)


def test_under_a_fault_the_lease_is_allowed_and_no_more() -> None:
    until = 20.0 + LEASE_S + SLACK_S
    within_it = recording("supervisor4", agent1=[(4.0, until)])
    beyond = recording("supervisor4", agent1=[(4.0, until + 0.5)])
    ari = Outage("ari_500", "ari", 19.0, 26.0)
    assert ears(consulting(), within_it, outages=(ari,)) == []
    assert [ear.seconds for ear in ears(consulting(), beyond, outages=(ari,))] == [pytest.approx(0.5)]


@pytest.mark.parametrize(
    ("outage", "foul"),
    [
        (Outage("ari_500", "ari", 15.0, 16.0), True),
        (Outage("worker_killed", "worker", 25.0, 25.0), True),
        (Outage("valkey_killed", "valkey", 19.0, 26.0), False),
        (Outage("service_killed", "service", 2.0, 11.0), False),
        (Outage("service_killed", "service", 27.0, 30.0), False),
    ],
)
def test_only_faults_near_by_of_what_acts_excuse_a_late_cut(outage: Outage, foul: bool) -> None:
    assert allowance(20.0, [outage]) == (LEASE_S + SLACK_S if foul else REACTION_S)


def test_nobody_is_heard_by_a_supervisor_once_the_lease_is_over() -> None:
    stayed = recording("supervisor4", customer1=[(4.0, 28.0)], agent1=[(4.0, 28.0)])
    [found] = ears(call(), stayed, outages=(KILLED,))
    assert found.why == "a lease that ended in service_killed"
    assert found.at == pytest.approx(18.0 + LEASE_S + SLACK_S)
    left = recording("supervisor4", customer1=[(4.0, 24.0)])
    assert ears(call(), left, outages=(KILLED,)) == []


def test_a_short_outage_or_one_in_which_leases_are_renewed_ends_no_conversation() -> None:
    stays = recording("supervisor4", customer1=ALL, agent1=ALL)
    assert ears(call(), stays, outages=(replace(KILLED, ended=22.0),)) == []
    assert strands([Outage("valkey_killed", "valkey", 1.0, 30.0), Outage("ari_slow", "ari", 1.0, 30.0)]) == []


def test_outages_that_overlap_strand_as_one() -> None:
    first, then = Outage("ari_cut", "ari", 10.0, 14.0), Outage("service_killed", "service", 13.0, 19.0)
    assert strands([then, first]) == [("ari_cut and service_killed", (10.0, 19.0))]
    assert len(strands([first, replace(then, began=15.0)])) == 2


def test_who_has_taken_over_stays_through_any_outage() -> None:
    taken = call(
        joining="takeover", took_over_at=8.0,
        recordings=(recording("customer1", agent1=[(0.0, 7.0)], supervisor4=[(6.0, 40.0)]),
                    recording("agent1", customer1=[(0.0, 8.0)])),
    )  # fmt: skip
    supervisor = replace(recording("supervisor4", customer1=[(4.0, 40.0)]), began=3.5)
    assert ears(taken, supervisor, outages=(KILLED,)) == []
    assert longest(taken) < DEAF_LIMIT_S


def test_a_customer_who_hears_a_whisper_is_a_wrong_ear_be_it_for_a_moment() -> None:
    slip = call(recordings=(recording("customer1", agent1=ALL, supervisor4=[(9.0, 9.1)]), call().recordings[1]))
    [found] = ears(slip)
    assert (found.listener, found.speakers, found.why) == ("customer1", ("supervisor4",), "a whisper")


def test_before_a_take_over_was_asked_for_the_customer_hears_no_supervisor() -> None:
    early = recording("customer1", agent1=ALL, supervisor4=[(2.0, 2.5), (6.0, 40.0)])
    [found] = ears(call(joining="takeover", recordings=(early, recording("agent1", customer1=ALL))))
    assert found.seconds == pytest.approx(0.5)
    other = recording("customer1", agent1=ALL, supervisor1=[(6.0, 7.0)])
    assert len(ears(call(joining="takeover", recordings=(other, recording("agent1", customer1=ALL))))) == 1


def test_an_agent_hears_no_supervisor_who_only_listens_nor_any_in_a_consultation() -> None:
    assert [ear.why for ear in ears(call(joining="listen"))] == ["only listening"]
    agent = recording("agent1", customer1=[(0.0, 19.0), (32.0, 40.0)], agent3=[PRIVATE], supervisor4=[(4.0, 29.0)])
    [found] = ears(consulting(agent=agent))
    assert (found.listener, found.why) == ("agent1", "a consultation")


def test_a_colleague_never_hears_a_supervisor() -> None:
    [found] = ears(consulting(colleague=recording("agent3", agent1=[PRIVATE], supervisor4=[(20.0, 20.2)])))
    assert found.listener == "agent3"


def test_whoever_hears_another_call_is_a_wrong_ear() -> None:
    crossed = call(recordings=(recording("customer1", agent1=ALL, agent2=[(5.0, 6.0)]), call().recordings[1]))
    assert [ear.why for ear in ears(crossed)] == ["another call"]
    both = recording("supervisor1", customer1=[(0.0, 9.0)], customer2=[(9.0, 10.0)])
    [found] = ears(call(), both)
    assert (found.speakers, found.seconds) == (("customer2",), 1.0)


def test_a_gap_between_two_who_talk_is_deafness() -> None:
    assert longest(call()) == 0.0
    gap = recording("agent1", customer1=[(0.0, 10.0), (12.0, 40.0)])
    deafened = call(recordings=(call().recordings[0], gap))
    assert longest(deafened) == pytest.approx(2.0)
    assert {silence.listener for silence in deaf(deafened, CAST) if silence.seconds > DEAF_LIMIT_S} == {"agent1"}


def test_while_the_agent_consults_the_customer_need_not_hear_them_but_afterwards() -> None:
    assert longest(consulting()) < DEAF_LIMIT_S
    for_good = replace(consulting(), recordings=(recording("customer1", agent1=[(0.0, 19.0)]),))
    assert longest(for_good) > 5.0


def test_after_a_take_over_the_customer_must_hear_the_supervisor_to_the_end() -> None:
    alone = call(
        joining="takeover", took_over_at=8.0,
        recordings=(recording("customer1", agent1=[(0.0, 7.0)], supervisor4=[(8.0, 20.0)]),
                    recording("agent1", customer1=[(0.0, 8.0)])),
    )  # fmt: skip
    assert longest(alone) > 15.0
    assert longest(replace(alone, ended=8.0 + HAND_OVER_S)) < DEAF_LIMIT_S
