"""Plan a chaos run by seed: the failing parts with times and durations, and each line's calls. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

Target = Literal["service", "worker", "valkey", "ari", "ami", "receiver"]
Kind = Literal[
    "service_killed", "service_stopped", "service_restarted", "worker_killed", "worker_stopped",
    "valkey_killed", "valkey_stopped", "ari_500", "ari_slow", "ari_cut", "ami_cut", "receiver_503", "receiver_silent",
]  # fmt: skip
Joining = Literal["nobody", "listen", "whisper", "takeover"]


@dataclass(frozen=True)
class Weather:
    """One kind of fault: its target, its frequency relative to the others, and its duration in seconds."""

    target: Target
    weight: int
    shortest_s: float
    longest_s: float


WEATHER: Final[dict[Kind, Weather]] = {
    "service_killed": Weather("service", 4, 0.5, 14.0),
    "service_stopped": Weather("service", 3, 2.0, 14.0),
    "service_restarted": Weather("service", 1, 0.0, 0.5),
    "worker_killed": Weather("worker", 3, 0.0, 0.0),
    "worker_stopped": Weather("worker", 1, 2.0, 8.0),
    "valkey_killed": Weather("valkey", 3, 1.0, 12.0),
    "valkey_stopped": Weather("valkey", 2, 1.0, 10.0),
    "ari_500": Weather("ari", 4, 2.0, 12.0),
    "ari_slow": Weather("ari", 2, 3.0, 12.0),
    "ari_cut": Weather("ari", 3, 1.0, 12.0),
    "ami_cut": Weather("ami", 2, 2.0, 10.0),
    "receiver_503": Weather("receiver", 3, 3.0, 15.0),
    "receiver_silent": Weather("receiver", 2, 3.0, 12.0),
}
"""Faults: SIGKILL, SIGSTOP and SIGTERM for processes; the others act on CallGuard's connections to each part."""
WARM_UP_S: Final = 12.0
"""Seconds without faults at the start, in which the first calls are joined and tapped."""
CLEAR_S: Final = (14.0, 22.0)
"""Seconds without faults between two storms, enough for a call to be tapped and an alert to fire."""
STORM: Final = (1, 2, 2, 3)
"""Number of faults in a storm, each of another target: simultaneous faults are the ones that break promises."""
SPREAD_S: Final = 4.0
"""Seconds within which the faults of a storm begin."""
RECOVERY_S: Final = 3.0
"""Seconds that a killed service may take to be ready again."""
CALL_S: Final = (24.0, 40.0)
PAUSE_S: Final = (0.5, 2.5)
JOINING: Final[dict[Joining, int]] = {"nobody": 3, "listen": 2, "whisper": 4, "takeover": 2}
CONSULTS: Final = 0.6
"""Share of calls in which the agent consults a colleague; none of them has a take-over."""


@dataclass(frozen=True)
class Fault:
    """A part fails at `at_s` of the run, for `for_s` seconds."""

    kind: Kind
    at_s: float
    for_s: float

    @property
    def target(self) -> Target:
        """Return the part that fails."""
        return WEATHER[self.kind].target


@dataclass(frozen=True)
class PlannedCall:
    """One call of a line: its length, the supervisor's mode, the agent's consultation; times in seconds of the call."""

    pause_s: float
    lasts_s: float
    joining: Joining
    joins_at_s: float
    consults_at_s: float | None
    consults_for_s: float


def storms(seconds: float, seed: int, kinds: Collection[Kind] = tuple(WEATHER)) -> list[Fault]:
    """Return the faults of a run of `seconds`, by time; no target fails twice within one storm."""
    chance = Random(seed)
    faults: list[Fault] = []
    at = WARM_UP_S if kinds else seconds
    while at + SPREAD_S < seconds:
        storm = _storm(at, chance, kinds)
        faults += storm
        at = max(fault.at_s + fault.for_s for fault in storm) + RECOVERY_S + chance.uniform(*CLEAR_S)
    return sorted(faults, key=lambda fault: fault.at_s)


def _storm(at: float, chance: Random, kinds: Collection[Kind]) -> list[Fault]:
    left = {kind: weather for kind, weather in WEATHER.items() if kind in kinds}
    faults: list[Fault] = []
    for number in range(chance.choice(STORM)):
        if not left:
            break
        kind = chance.choices(list(left), [weather.weight for weather in left.values()])[0]
        struck = left[kind]
        begins = at + (chance.uniform(0.0, SPREAD_S) if number else 0.0)
        faults.append(Fault(kind, round(begins, 2), round(chance.uniform(struck.shortest_s, struck.longest_s), 2)))
        left = {name: weather for name, weather in left.items() if not _alike(weather.target, struck.target)}
    return faults


def _alike(one: Target, other: Target) -> bool:
    """Return whether two targets can't fail at once: a killed service takes its workers with it."""
    return one == other or {one, other} == {"service", "worker"}


def calls(line: int, seed: int) -> Iterator[PlannedCall]:
    """Yield the calls of a line one after another, without end."""
    chance = Random(f"{seed}-{line}")
    while True:
        lasts = chance.uniform(*CALL_S)
        joining = chance.choices(list(JOINING), list(JOINING.values()))[0]
        consults = joining != "takeover" and chance.random() < CONSULTS
        yield PlannedCall(
            pause_s=round(chance.uniform(*PAUSE_S), 2),
            lasts_s=round(lasts, 2),
            joining=joining,
            joins_at_s=round(chance.uniform(2.0, 5.0), 2),
            consults_at_s=round(chance.uniform(8.0, lasts - 14.0), 2) if consults else None,
            consults_for_s=round(chance.uniform(4.0, 9.0), 2),
        )
