"""The reframer: payloads of any format, length and gap become the bank's frames, in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.audio.bank import LegBank
from callguard.audio.codec import RATE_FACTOR, Format, decode, encode
from callguard.audio.frames import FRAME_DTMF, FRAME_LOST, FRAME_SAMPLES, HOP_FRAMES, Pcm
from callguard.audio.reframer import Payloads, Reframer


def payloads(parts: list[tuple[int, Format, bytes]], gaps: list[int] | None = None) -> tuple[bytes, Payloads]:
    """Lay payloads out in memory, each after a byte of something else."""
    memory, at = b"", []
    for _, _, data in parts:
        memory += b"\xee"
        at.append(len(memory))
        memory += data
    count = len(parts)
    # A payload may lie at the very end of the memory; a view of 20 ms must still fit.
    return memory + bytes(640), Payloads(
        rows=np.array([row for row, _, _ in parts], dtype=np.intp),
        form=np.array([form for _, form, _ in parts], dtype=np.uint8),
        at=np.array(at, dtype=np.intp),
        length=np.array([len(data) for _, _, data in parts], dtype=np.intp),
        flags=np.zeros(count, dtype=np.uint8),
        gap=np.array(gaps or [0] * count, dtype=np.intp),
        gap_flags=np.full(count, FRAME_LOST, dtype=np.uint8),
    )


def reframer(legs: int = 2) -> Reframer:
    bank = LegBank(legs)
    for _ in range(legs):
        bank.open()
    return Reframer(bank)


def accept(to: Reframer, parts: list[tuple[int, Format, bytes]], gaps: list[int] | None = None) -> None:
    memory, columns = payloads(parts, gaps)
    to.accept(np.frombuffer(memory, dtype=np.uint8), columns)


def ramp(samples: int, first: int = 0) -> Pcm:
    return np.arange(first, first + samples).astype(np.int16)


@pytest.mark.parametrize("form", list(Format))
def test_every_format_arrives_as_its_samples(form: Format) -> None:
    to = reframer()
    level = 1000
    wire = encode(np.full(FRAME_SAMPLES * RATE_FACTOR[form], level, dtype=np.int16), form)
    expected = int(decode(np.frombuffer(wire[:2], dtype=np.uint8), form)[0])
    accept(to, [(0, form, wire)] * HOP_FRAMES)
    assert to.bank.take().pcm[0, 1:].tolist() == [[expected] * FRAME_SAMPLES] * 4


def test_formats_may_differ_by_leg_in_one_batch() -> None:
    to = reframer()
    accept(
        to,
        [(0, Format.SLIN_BE, encode(ramp(160), Format.SLIN_BE))] * 5
        + [(1, Format.ALAW, encode(ramp(160), Format.ALAW))] * 5,
    )
    hop = to.bank.take()
    assert hop.pcm[0, 0].tolist() == list(range(160))
    assert np.abs(hop.pcm[1, 0] - ramp(160)).max() <= 8


def test_a_gap_becomes_flagged_zeros_before_its_payload() -> None:
    to = reframer()
    wire = encode(np.full(160, 5, dtype=np.int16), Format.SLIN_BE)
    accept(to, [(0, Format.SLIN_BE, wire), (0, Format.SLIN_BE, wire), (1, Format.SLIN_BE, wire)], [0, 3, 4])
    hop = to.bank.take()
    assert hop.pcm[:, :, 0].tolist() == [[5, 0, 0, 0, 5], [0, 0, 0, 0, 5]]
    assert hop.flags.tolist() == [[0, 1, 1, 1, 0], [1, 1, 1, 1, 0]]
    assert to.counts["filled"] == 7


def test_a_gap_before_an_odd_payload_is_filled_too() -> None:
    to = reframer(1)
    wire = encode(np.full(80, 5, dtype=np.int16), Format.SLIN_BE)
    accept(to, [(0, Format.SLIN_BE, wire)] * 6, [0, 0, 2, 0, 0, 0])
    hop = to.bank.take()
    assert hop.pcm[0, :, 0].tolist() == [5, 0, 0, 5, 5]
    assert hop.flags[0].tolist() == [0, FRAME_LOST, FRAME_LOST, 0, 0]


def test_flags_follow_their_payload_on_both_ways() -> None:
    to = reframer(1)
    memory, columns = payloads([(0, Format.SLIN_BE, bytes(320))] * 3 + [(0, Format.SLIN_BE, bytes(160))] * 4)
    flags = np.array([0, FRAME_DTMF, 0, 0, 0, FRAME_DTMF, FRAME_DTMF], dtype=np.uint8)
    to.accept(np.frombuffer(memory, dtype=np.uint8), columns._replace(flags=flags))
    assert to.bank.take().flags[0].tolist() == [0, FRAME_DTMF, 0, 0, FRAME_DTMF]


def test_half_a_sample_is_dropped_and_counted() -> None:
    to = reframer(1)
    accept(to, [(0, Format.SLIN_BE, b"\0\0\0")] + [(0, Format.SLIN_BE, bytes(320))] * 5)
    assert len(to.bank.take().rows) == 1
    assert to.counts["length"] == 1


@given(st.lists(st.integers(0, 500), min_size=1, max_size=12), st.sampled_from([Format.SLIN_BE, Format.SLIN16_LE]))
def test_any_lengths_give_the_same_samples_as_one_stream(lengths: list[int], form: Format) -> None:
    """Batches of every shape: the samples of a leg come out in order, 20 ms at a time."""
    noise = np.random.default_rng(2).integers(-9000, 9000, sum(lengths)).astype(np.int16)
    pieces = np.split(noise, np.cumsum(lengths)[:-1])
    in_pieces, regular = reframer(1), reframer(1)
    accept(in_pieces, [(0, form, encode(piece, form)) for piece in pieces])
    width = FRAME_SAMPLES * int(RATE_FACTOR[form])
    whole = noise[: len(noise) // width * width].reshape(-1, width)
    accept(regular, [(0, form, encode(piece, form)) for piece in whole])
    assert in_pieces.bank.take().pcm.tolist() == regular.bank.take().pcm.tolist()


def test_a_row_taken_anew_has_nothing_left_over() -> None:
    to = reframer(1)
    accept(to, [(0, Format.SLIN_BE, encode(ramp(100, 7000), Format.SLIN_BE))])
    to.reset(0)
    accept(to, [(0, Format.SLIN_BE, encode(ramp(160), Format.SLIN_BE))] * 5)
    assert to.bank.take().pcm[0, 0].tolist() == list(range(160))
