"""Payload formats: every code decodes as G.711 says, encoding is its inverse, 16 kHz comes down without aliases."""

import numpy as np
import pytest

from callguard.audio.codec import FRAME_BYTES, Decimator, Format, decode, encode
from callguard.audio.frames import FRAME_SAMPLES, Pcm

ALL_CODES = np.arange(256, dtype=np.uint8)


def ulaw_by_definition(code: int) -> int:
    """G.711 table 2: inverted bits, a bias of 33 in 14-bit samples, eight segments of doubling steps."""
    bits = ~code & 0xFF
    magnitude = ((2 * (bits & 0x0F) + 33) << (bits >> 4 & 7)) - 33
    return (-magnitude if bits & 0x80 else magnitude) * 4


def alaw_by_definition(code: int) -> int:
    """G.711 table 1: even bits inverted, 13-bit samples, the lowest two segments share their step."""
    bits = code ^ 0x55
    segment, step = bits >> 4 & 7, bits & 0x0F
    magnitude = 2 * step + 1 if segment == 0 else (2 * step + 33) << (segment - 1)
    return (magnitude if bits & 0x80 else -magnitude) * 8


@pytest.mark.parametrize(("form", "definition"), [(Format.ULAW, ulaw_by_definition), (Format.ALAW, alaw_by_definition)])
def test_every_code_decodes_as_the_standard_defines(form: Format, definition: object) -> None:
    assert callable(definition)
    assert decode(ALL_CODES, form).tolist() == [definition(code) for code in range(256)]


@pytest.mark.parametrize("form", [Format.ULAW, Format.ALAW])
def test_encoding_is_the_inverse_of_decoding(form: Format) -> None:
    """Up to mu-law's two codes for zero."""
    levels = decode(ALL_CODES, form)
    again = decode(np.frombuffer(encode(levels, form), dtype=np.uint8), form)
    assert again.tolist() == levels.tolist()


@pytest.mark.parametrize("form", [Format.ULAW, Format.ALAW])
def test_encoding_takes_the_nearest_level(form: Format) -> None:
    pcm = np.arange(-32768, 32768, 7).astype(np.int16)
    levels = np.sort(decode(ALL_CODES, form)).astype(np.int32)
    coded = decode(np.frombuffer(encode(pcm, form), dtype=np.uint8), form).astype(np.int32)
    nearest = np.abs(levels[None, :] - pcm[:, None]).min(axis=1)
    assert (np.abs(coded - pcm) == nearest).all()


@pytest.mark.parametrize("form", [Format.SLIN_BE, Format.SLIN_LE, Format.SLIN16_BE, Format.SLIN16_LE])
def test_linear_samples_survive_both_byte_orders(form: Format) -> None:
    pcm = np.array([0, 1, -1, 258, 32767, -32768], dtype=np.int16)
    coded = encode(pcm, form)
    assert decode(np.frombuffer(coded, dtype=np.uint8), form).tolist() == pcm.tolist()
    big = form in (Format.SLIN_BE, Format.SLIN16_BE)
    assert coded[6:8] == (b"\x01\x02" if big else b"\x02\x01")


def test_a_frame_is_twenty_milliseconds_in_every_format() -> None:
    assert FRAME_BYTES.tolist() == [160, 160, 320, 640, 320, 640]


def tone(hertz: float, frames: int = 50) -> Pcm:
    at = np.arange(frames * 2 * FRAME_SAMPLES) / 16000
    wave: Pcm = np.rint(8000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)
    return wave.reshape(frames, -1)


def level_db(pcm: Pcm, reference: Pcm) -> float:
    """Level after the filter has settled, against another's."""
    settled = pcm[5:].astype(float)
    return float(10 * np.log10((np.mean(settled**2) + 1e-9) / np.mean(reference[5:].astype(float) ** 2)))


@pytest.mark.parametrize("hertz", [50, 300, 1000, 2000, 3000, 3400])
def test_the_telephone_band_passes_unchanged(hertz: float) -> None:
    wide = tone(hertz)
    assert abs(level_db(Decimator(1).halve(np.zeros(50, dtype=np.intp), wide), wide)) < 0.1


@pytest.mark.parametrize("hertz", [4600, 5000, 5700, 6500, 7900])
def test_what_would_alias_into_the_telephone_band_is_gone(hertz: float) -> None:
    wide = tone(hertz)
    assert level_db(Decimator(1).halve(np.zeros(50, dtype=np.intp), wide), wide) < -58


def test_a_leg_has_no_seams_whatever_the_batches() -> None:
    """One leg at a time or several, one frame or many: the same samples."""
    noise = np.random.default_rng(1).integers(-20000, 20000, (12, 2 * FRAME_SAMPLES)).astype(np.int16)
    rows = np.zeros(12, dtype=np.intp)
    at_once = Decimator(1).halve(rows, noise)
    decimator = Decimator(3)
    pieces = []
    for first, last in ((0, 1), (1, 4), (4, 5), (5, 12)):
        mixed = np.concatenate([noise[first:last], noise[::-1][first:last]])
        mixed_rows = np.repeat([0, 2], last - first)
        pieces.append(decimator.halve(mixed_rows, mixed)[: last - first])
    assert np.array_equal(np.concatenate(pieces), at_once)


def test_a_new_leg_does_not_hear_the_old_one() -> None:
    decimator = Decimator(1)
    row = np.zeros(1, dtype=np.intp)
    decimator.halve(row, np.full((1, 2 * FRAME_SAMPLES), 30000, dtype=np.int16))
    decimator.reset(0)
    assert not decimator.halve(row, np.zeros((1, 2 * FRAME_SAMPLES), dtype=np.int16)).any()


def test_full_scale_does_not_wrap() -> None:
    square = np.tile(np.repeat([32767, -32768], 8), 20)[None, : 2 * FRAME_SAMPLES].astype(np.int16)
    out = Decimator(1).halve(np.zeros(1, dtype=np.intp), square).astype(int)
    steady = out[0, 20:]
    assert (np.abs(steady) > 20000).mean() > 0.5
    assert (np.sign(steady[1:]) == np.sign(steady[:-1])).mean() > 0.7
