"""The bank keeps every leg's frames in order and apart, and drops only the oldest, counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.audio.bank import BankFullError, LegBank
from callguard.audio.frames import FRAME_DTMF, FRAME_LOST, FRAME_SAMPLES, HOP_FRAMES, Pcm


def numbered(first: int, count: int) -> Pcm:
    """Frames that carry their own number in every sample."""
    numbers = np.arange(first, first + count, dtype=np.int16)
    return np.repeat(numbers[:, None], FRAME_SAMPLES, axis=1)


def taken_numbers(bank: LegBank) -> dict[int, list[int]]:
    hop = bank.take()
    return {int(row): pcm[:, 0].tolist() for row, pcm in zip(hop.rows, hop.pcm, strict=True)}


def test_a_hop_comes_out_when_five_frames_wait() -> None:
    bank = LegBank(4)
    row = bank.open()
    bank.push(row, numbered(1, 4))
    assert taken_numbers(bank) == {}
    bank.push(row, numbered(5, 1))
    assert taken_numbers(bank) == {row: [1, 2, 3, 4, 5]}
    assert taken_numbers(bank) == {}


def test_frames_of_many_legs_in_one_push_stay_apart() -> None:
    bank = LegBank(3)
    first, second, third = bank.open(), bank.open(), bank.open()
    rows = np.array([first] * 5 + [third] * 6)
    bank.push(rows, numbered(1, 11))
    bank.push(second, numbered(50, 5))
    assert taken_numbers(bank) == {first: [1, 2, 3, 4, 5], second: [50, 51, 52, 53, 54], third: [6, 7, 8, 9, 10]}


def test_flags_travel_with_their_frames() -> None:
    bank = LegBank(1)
    row = bank.open()
    bank.push(row, numbered(0, 2), FRAME_LOST)
    bank.push(row, numbered(2, 3), np.array([0, FRAME_DTMF, 0], dtype=np.uint8))
    assert bank.take().flags.tolist() == [[FRAME_LOST, FRAME_LOST, 0, FRAME_DTMF, 0]]


def test_a_lagging_leg_is_taken_hop_by_hop() -> None:
    bank = LegBank(1)
    row = bank.open()
    bank.push(row, numbered(0, 12))
    assert [taken_numbers(bank).get(row) for _ in range(3)] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], None]


def test_overflow_drops_the_oldest_whole_hops_and_counts_them() -> None:
    bank = LegBank(2, ring_hops=2)
    row = bank.open()
    bank.push(row, numbered(0, 10))
    bank.push(row, numbered(10, 1))
    assert bank.dropped == HOP_FRAMES
    assert taken_numbers(bank) == {row: [5, 6, 7, 8, 9]}


def test_a_burst_longer_than_the_ring_leaves_its_newest_frames() -> None:
    bank = LegBank(1, ring_hops=2)
    row = bank.open()
    bank.push(row, numbered(0, 35))
    assert bank.dropped == 25
    assert taken_numbers(bank) == {row: [25, 26, 27, 28, 29]}


def test_a_row_given_back_starts_empty_for_the_next_leg() -> None:
    bank = LegBank(1)
    row = bank.open()
    bank.push(row, numbered(0, 9))
    bank.close(row)
    assert taken_numbers(bank) == {}
    assert bank.open() == row
    bank.push(row, numbered(40, 5))
    assert taken_numbers(bank) == {row: [40, 41, 42, 43, 44]}


def test_a_full_bank_says_so_and_a_closed_row_cannot_be_closed_again() -> None:
    bank = LegBank(1)
    row = bank.open()
    with pytest.raises(BankFullError, match="all 1 legs"):
        bank.open()
    bank.close(row)
    with pytest.raises(KeyError):
        bank.close(row)
    assert len(bank) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 14), st.booleans()), max_size=25))
def test_what_comes_out_is_what_went_in_less_the_counted_drops(steps: list[tuple[int, int, bool]]) -> None:
    """Against a plain list a leg: order kept, nothing invented, every missing frame counted."""
    bank = LegBank(3, ring_hops=3)
    rows = [bank.open() for _ in range(3)]
    waiting: dict[int, list[int]] = {row: [] for row in rows}
    dropped = number = 0
    for leg, count, take in steps:
        bank.push(rows[leg], numbered(number, count))
        waiting[rows[leg]] += range(number, number + count)
        number += count
        while len(waiting[rows[leg]]) > 15:
            del waiting[rows[leg]][:HOP_FRAMES]
            dropped += HOP_FRAMES
        if take:
            expected = {row: frames[:HOP_FRAMES] for row, frames in waiting.items() if len(frames) >= HOP_FRAMES}
            assert taken_numbers(bank) == expected
            for row in expected:
                del waiting[row][:HOP_FRAMES]
    assert bank.dropped == dropped
