"""A seed draws the same storms and calls each time, and every kind of both comes."""

from collections import Counter
from itertools import islice, pairwise

from benchmarks.chaos_plan import (
    CALL_S,
    CLEAR_S,
    RECOVERY_S,
    SPREAD_S,
    WARM_UP_S,
    WEATHER,
    Fault,
    PlannedCall,
    calls,
    storms,
)

SECONDS = 600.0


def planned(lines: int = 6, each: int = 40) -> list[PlannedCall]:
    return [call for line in range(1, lines + 1) for call in islice(calls(line, 1), each)]


def grouped(faults: list[Fault]) -> list[list[Fault]]:
    groups: list[list[Fault]] = []
    for fault in faults:
        if groups and fault.at_s <= groups[-1][0].at_s + SPREAD_S:
            groups[-1].append(fault)
        else:
            groups.append([fault])
    return groups


def test_a_seed_draws_the_same_again_and_another_draws_otherwise() -> None:
    assert storms(SECONDS, 1) == storms(SECONDS, 1) != storms(SECONDS, 2)
    assert list(islice(calls(1, 1), 5)) == list(islice(calls(1, 1), 5))
    assert next(calls(1, 1)) != next(calls(2, 1)) != next(calls(1, 2))


def test_ten_minutes_bring_every_kind_of_fault_in_a_few_seeds_and_two_at_once_often() -> None:
    faults = [fault for seed in range(3) for fault in storms(SECONDS, seed)]
    assert {fault.kind for fault in faults} == set(WEATHER)
    storms_of_one = grouped(storms(SECONDS, 1))
    assert len(storms_of_one) >= 12
    assert sum(len(storm) > 1 for storm in storms_of_one) >= 6


def test_faults_begin_after_the_first_calls_are_up_and_before_the_end() -> None:
    faults = storms(SECONDS, 1)
    assert min(fault.at_s for fault in faults) >= WARM_UP_S
    assert max(fault.at_s for fault in faults) < SECONDS


def test_no_part_fails_twice_in_a_storm_and_a_dead_service_s_worker_is_left_alone() -> None:
    for seed in range(20):
        for storm in grouped(storms(SECONDS, seed)):
            struck = Counter(fault.target for fault in storm)
            assert max(struck.values()) == 1
            assert not {"service", "worker"} <= set(struck)


def test_between_two_storms_the_weather_is_fair_for_long_enough() -> None:
    for seed in range(20):
        groups = grouped(storms(SECONDS, seed))
        for storm, after in pairwise(groups):
            over = max(fault.at_s + fault.for_s for fault in storm)
            assert after[0].at_s - over >= CLEAR_S[0] + RECOVERY_S - 0.02


def test_each_fault_lasts_as_long_as_its_kind_may() -> None:
    for fault in storms(SECONDS, 3):
        weather = WEATHER[fault.kind]
        assert weather.shortest_s <= fault.for_s <= weather.longest_s
        assert fault.target == weather.target


def test_every_kind_of_call_comes_and_a_consultation_ends_within_the_call() -> None:
    found = planned()
    assert {call.joining for call in found} == {"nobody", "listen", "whisper", "takeover"}
    for call in found:
        assert CALL_S[0] <= call.lasts_s <= CALL_S[1]
        if call.consults_at_s is not None:
            assert call.joining != "takeover"
            assert call.consults_at_s + call.consults_for_s + 4 < call.lasts_s


def test_only_what_may_fail_fails() -> None:
    assert {fault.kind for fault in storms(SECONDS, 1, ["ari_500", "valkey_killed"])} == {"ari_500", "valkey_killed"}
    assert {fault.kind for fault in storms(SECONDS, 1, ["worker_killed"])} == {"worker_killed"}
    assert storms(SECONDS, 1, ()) == []
