"""Order and time of RTP: reorder, loss, duplicates, wraps, new streams, silences, for many legs at once."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from callguard.audio.jitter import HOLD, MAX_GAP_FRAMES, Arrived, Jitter

TICKS = 160


@dataclass
class Sent:
    """One packet of a test: by default 20 ms of audio whose timestamp follows its number."""

    number: int
    row: int = 0
    ssrc: int = 7
    ticks: int = TICKS
    first_sequence: int = 1000
    first_timestamp: int = 50_000
    silence: int = 0

    @property
    def sequence(self) -> int:
        return (self.first_sequence + self.number) & 0xFFFF

    @property
    def timestamp(self) -> int:
        return (self.first_timestamp + self.silence + self.number * TICKS) & 0xFFFFFFFF


@dataclass
class Player:
    """Feeds batches and keeps what waits, as the receiver does."""

    jitter: Jitter = field(default_factory=lambda: Jitter(4))
    waiting: list[Sent] = field(default_factory=list)

    def play(self, *batch: Sent) -> list[tuple[int, int, int, bool]]:
        """Return (row, number, gap, lost) of each released packet."""
        packets = [*self.waiting, *batch]
        release = self.jitter.order(
            Arrived(
                rows=np.array([packet.row for packet in packets], dtype=np.intp),
                ssrc=np.array([packet.ssrc for packet in packets], dtype=np.uint32),
                sequence=np.array([packet.sequence for packet in packets], dtype=np.uint16),
                timestamp=np.array([packet.timestamp for packet in packets], dtype=np.uint32),
                ticks=np.array([packet.ticks for packet in packets], dtype=np.intp),
                frame_ticks=np.full(len(packets), TICKS),
            )
        )
        self.waiting = [packets[index] for index in sorted(release.kept)]
        return [
            (packets[index].row, packets[index].number, int(gap), bool(lost))
            for index, gap, lost in zip(release.packets, release.gap, release.lost, strict=True)
        ]

    def numbers(self, *numbers: int) -> list[int]:
        """Play one leg's packets by number; return the numbers released."""
        return [number for _, number, _, _ in self.play(*map(Sent, numbers))]


def test_packets_in_order_pass_at_once() -> None:
    player = Player()
    assert player.play(Sent(0), Sent(1)) == [(0, 0, 0, False), (0, 1, 0, False)]
    assert player.play(Sent(2)) == [(0, 2, 0, False)]


def test_reordering_within_and_across_batches_is_undone() -> None:
    player = Player()
    assert player.numbers(0, 2, 1, 3) == [0, 1, 2, 3]
    assert player.numbers(5, 6) == []
    assert player.numbers(4) == [4, 5, 6]
    assert player.jitter.counts["lost"] == 0


def test_a_missing_packet_is_given_up_after_hold_later_ones() -> None:
    player = Player()
    assert player.numbers(0) == [0]
    later = range(2, 2 + HOLD - 1)
    assert player.numbers(*later) == []
    assert player.play(Sent(2 + HOLD - 1))[0] == (0, 2, 1, True)
    assert player.jitter.counts["lost"] == 1


def test_what_comes_after_it_was_given_up_is_late() -> None:
    player = Player()
    player.numbers(0, 2, 3, 4, 5)
    assert player.numbers(1, 6) == [6]
    assert player.jitter.counts["late"] == 1


def test_duplicates_are_dropped_in_and_across_batches() -> None:
    player = Player()
    assert player.numbers(0, 1, 1, 0, 2) == [0, 1, 2]
    assert player.numbers(2, 3) == [3]
    assert player.jitter.counts["duplicate"] + player.jitter.counts["late"] == 3


def test_a_waiting_packet_that_comes_twice_is_played_once() -> None:
    player = Player()
    assert player.numbers(0, 2) == [0]
    assert player.numbers(2, 1) == [1, 2]


def test_sequence_and_timestamp_wrap() -> None:
    player = Player()
    near_end = [
        Sent(number, first_sequence=0xFFFE, first_timestamp=0xFFFFFFFF - TICKS) for number in (0, 2, 1, 3, 4, 5)
    ]
    assert player.play(*near_end) == [(0, number, 0, False) for number in range(6)]
    assert player.jitter.counts["restarts"] == 0


def test_a_new_source_replaces_the_old_one_after_what_still_waits() -> None:
    player = Player()
    player.numbers(0, 1)
    new = [Sent(number, ssrc=99, first_sequence=40_000, first_timestamp=9) for number in (0, 1)]
    assert [number for _, number, _, _ in player.play(Sent(3), *new)] == [3, 0, 1]
    assert player.jitter.counts["restarts"] == 1
    assert player.play(Sent(2, ssrc=99, first_sequence=40_000, first_timestamp=9)) == [(0, 2, 0, False)]


def test_a_sender_that_starts_anew_with_the_same_source_is_followed() -> None:
    player = Player()
    player.numbers(0, 1)
    assert player.play(Sent(2, first_sequence=30_000, first_timestamp=3)) == [(0, 2, 0, False)]
    assert player.numbers(-200) == [-200]
    assert player.jitter.counts["restarts"] == 2


def test_a_stream_that_begins_out_of_order_begins_with_its_first_packet() -> None:
    assert Player().numbers(1, 0, 2) == [0, 1, 2]


def test_a_silence_of_the_sender_is_time_but_no_loss() -> None:
    player = Player()
    player.numbers(0)
    assert player.play(Sent(1, silence=10 * TICKS)) == [(0, 1, 10, False)]
    assert player.play(Sent(2, silence=10 * TICKS)) == [(0, 2, 0, False)]


def test_a_jump_in_time_is_counted_and_not_filled() -> None:
    player = Player()
    player.numbers(0)
    far = (MAX_GAP_FRAMES + 1) * TICKS
    assert player.play(Sent(1, silence=far)) == [(0, 1, 0, False)]
    assert player.play(Sent(2)) == [(0, 2, 0, False)]
    assert player.jitter.counts["jumps"] == 2


def test_packets_without_audio_use_up_a_number_but_no_time() -> None:
    """Telephone events carry the timestamp of the key's start."""
    player = Player()
    batch = [Sent(0), Sent(1, ticks=0), Sent(2, ticks=0), Sent(3, silence=-2 * TICKS)]
    assert player.play(*batch) == [(0, 0, 0, False), (0, 3, 0, False)]
    assert player.jitter.counts["lost"] == 0


def test_a_loss_beside_an_event_is_still_a_loss() -> None:
    player = Player()
    assert player.play(Sent(0), Sent(2, ticks=0), Sent(3), Sent(4))[1] == (0, 3, 2, True)


def test_legs_do_not_disturb_each_other() -> None:
    player = Player()
    batch = [Sent(0, row=2), Sent(0), Sent(1), Sent(2, row=2), Sent(0, row=3, ssrc=9), Sent(2)]
    assert [(row, number) for row, number, _, _ in player.play(*batch)] == [(0, 0), (0, 1), (0, 2), (2, 0), (3, 0)]
    assert player.play(Sent(1, row=2)) == [(2, 1, 0, False), (2, 2, 0, False)]


def test_a_freed_row_knows_nothing_of_its_past() -> None:
    player = Player()
    player.numbers(0, 1)
    player.jitter.reset(0)
    assert player.numbers(500) == [500]
    assert player.jitter.counts["restarts"] == 0


def test_nothing_arrived_releases_nothing() -> None:
    assert Player().play() == []


@st.composite
def journeys(draw: st.DrawFn) -> tuple[list[list[int]], set[int]]:
    """Batches of numbers displaced by less than HOLD, some doubled, some dropped."""
    count = draw(st.integers(2, 40))
    displaced = sorted(range(1, count), key=lambda number: number + draw(st.floats(0, HOLD - 1)))
    dropped = set(draw(st.lists(st.sampled_from(displaced), max_size=5)))
    arriving = [0]
    for number in displaced:
        arriving += [number] * (0 if number in dropped else draw(st.integers(1, 2)))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=6)))
    return [arriving[a:b] for a, b in zip([0, *cuts], [*cuts, len(arriving)], strict=True)], dropped


@given(journeys())
def test_small_displacements_cost_nothing_and_losses_are_marked(journey: tuple[list[list[int]], set[int]]) -> None:
    batches, dropped = journey
    player = Player()
    played = [packet for batch in batches for packet in player.play(*map(Sent, batch))]
    numbers = [number for _, number, _, _ in played]
    waiting = {packet.number for packet in player.waiting}
    assert numbers == sorted(set(numbers))
    assert set(numbers) | waiting == {number for batch in batches for number in batch}
    for before, (_, number, gap, lost) in zip(numbers, played[1:], strict=False):
        assert gap == number - before - 1
        assert lost == (gap > 0)
    assert player.jitter.counts["lost"] == len([number for number in dropped if number < numbers[-1]])


@given(
    st.lists(
        st.builds(
            Sent,
            number=st.integers(0, 70_000),
            row=st.integers(0, 3),
            ssrc=st.sampled_from([0, 7, 0xFFFFFFFF]),
            ticks=st.sampled_from([0, 1, 80, 160, 1500]),
            silence=st.integers(0, 0xFFFFFFFF),
        ),
        max_size=40,
    ),
    st.integers(1, 12),
)
def test_any_packets_are_released_kept_or_counted_once(packets: list[Sent], size: int) -> None:
    player = Player()
    released = 0
    for first in range(0, len(packets), size):
        batch = packets[first : first + size]
        played = player.play(*batch)
        assert [row for row, *_ in played] == sorted(row for row, *_ in played)
        assert all(0 <= gap <= MAX_GAP_FRAMES for _, _, gap, _ in played)
        released += len(played)
        assert len(player.waiting) <= 4 * (HOLD - 1)
    counts = player.jitter.counts
    silent = sum(packet.ticks == 0 for packet in packets)
    accounted = released + len(player.waiting) + counts["late"] + counts["duplicate"] + counts["stray"]
    assert len(packets) - silent <= accounted <= len(packets)
