"""Simulate a telephone line: room, band, gain, AGC, noise, clipping, codec, packet loss.

Codecs: µ-law and A-law with exact G.711 quantisation; G.726, GSM and Opus by libsndfile's coders.
"""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from callguard.audio.frames import FRAME_SAMPLES, SAMPLE_RATE

Samples = NDArray[np.float32]
Rng = np.random.Generator

CODECS: Final = {"ulaw": 0.35, "alaw": 0.25, "g726": 0.1, "gsm": 0.15, "opus": 0.15}
"""Probability of each codec of a line."""
_CODERS: Final = {"g726": ("AU", "G721_32"), "gsm": ("WAV", "GSM610"), "opus": ("OGG", "OPUS")}
"""Container and coder in libsndfile: 32, 13 and about 20 kbit/s."""


@dataclass(frozen=True, slots=True)
class Line:
    """The effects of one leg's line on a voice."""

    low_hz: float = 300.0
    high_hz: float = 3400.0
    tilt_db: float = 0.0
    """Tilt of the microphone in dB per octave."""
    room_s: float = 0.0
    """Reverberation time in seconds; 0: none."""
    gain_db: float = 0.0
    agc: float = 0.0
    """Share of the level differences that the phone evens out, 0-1."""
    snr_db: float = 40.0
    noise_slope: float = 1.0
    """Exponent of the noise spectrum: 0 white, 1 pink, 2 brown."""
    clip: float = 0.0
    """Drive above full scale in dB before clipping; 0: none."""
    codec: str = "ulaw"
    loss: float = 0.0
    """Share of 20 ms packets that never arrive."""
    seed: int = 0


def random_line(rng: Rng) -> Line:
    """Return a random line; such lines vary as real ones do."""
    return Line(
        low_hz=float(rng.choice([60, 120, 200, 300, 300])) * float(rng.uniform(0.9, 1.15)),
        high_hz=float(rng.uniform(3000, 3700)),
        tilt_db=float(rng.normal(0, 1.2)),
        room_s=float(rng.choice([0.0, rng.uniform(0.1, 0.6)])),
        gain_db=float(rng.uniform(-20, 8)),
        agc=float(rng.choice([0.0, 0.0, rng.uniform(0.3, 0.9)])),
        snr_db=float(rng.uniform(8, 40)),
        noise_slope=float(rng.uniform(0, 2)),
        clip=float(rng.choice([0.0, 0.0, 0.0, rng.uniform(1, 8)])),
        codec=str(rng.choice(list(CODECS), p=list(CODECS.values()))),
        loss=float(rng.choice([0.0, 0.0, rng.uniform(0.0, 0.06)])),
        seed=int(rng.integers(2**31)),
    )


def transmit(voice: Samples, line: Line, reference: float | None = None) -> NDArray[np.int16]:
    """Send a voice over a line.

    Args:
        voice: samples at 8 kHz, full scale 1.0.
        line: effects to apply.
        reference: RMS of calm speech to which noise and gain refer; default: that of this voice's speech.

    Returns:
        Samples as the tap delivers them; lost packets are zeros.
    """
    rng = np.random.default_rng(line.seed)
    reference = reference or speech_rms(voice)
    # Calm speech sits at -26 dBFS before the line's gain, as ITU-T P.56 active level usually does.
    sound = voice * (10 ** (-26 / 20) / max(reference, 1e-5))
    sound = _agc(_room(sound, line, rng), line)
    sound = _band(sound, line)
    sound = sound + _noise(len(sound), line, rng) * 10 ** ((-26 - line.snr_db) / 20)
    sound = sound * 10 ** (line.gain_db / 20)
    if line.clip:
        ceiling = max(float(np.percentile(np.abs(sound), 99.9)), 1e-4) * 10 ** (-line.clip / 20)
        sound = np.clip(sound, -ceiling, ceiling)
    coded = encode(np.clip(sound, -1.0, 1.0).astype(np.float32), line.codec)
    return lose(np.round(coded * 32767).astype(np.int16), line.loss, rng)


def speech_rms(voice: Samples) -> float:
    """Return the RMS over the louder frames of a recording: its active speech level."""
    frames = voice[: len(voice) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    if len(frames) == 0:
        return 1e-3
    power = (frames**2).mean(axis=1)
    return float(np.sqrt(power[power >= 0.03 * power.max()].mean() + 1e-12))


def _room(sound: Samples, line: Line, rng: Rng) -> Samples:
    if line.room_s <= 0:
        return sound
    length = int(line.room_s * SAMPLE_RATE)
    tail = rng.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
    tail *= 0.5 * rng.uniform(0.3, 1.0) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    result: Samples = signal.fftconvolve(sound, tail)[: len(sound)].astype(np.float32)
    return result


def _agc(sound: Samples, line: Line) -> Samples:
    if line.agc <= 0:
        return sound
    power = signal.lfilter([1 / 4000], [1, -(1 - 1 / 4000)], sound**2)
    rms = np.sqrt(np.maximum(power, 1e-6))
    target = 10 ** (-26 / 20)
    gain = np.clip((target / np.maximum(rms, 10 ** (-50 / 20))) ** line.agc, 0.1, 4.0)
    result: Samples = (sound * gain).astype(np.float32)
    return result


def _band(sound: Samples, line: Line) -> Samples:
    order = signal.butter(2, [line.low_hz, min(line.high_hz, 3900)], "bandpass", fs=SAMPLE_RATE, output="sos")
    sound = signal.sosfilt(order, sound)
    if line.tilt_db:
        # One zero makes a gentle tilt; 6 dB an octave at full depth.
        depth = float(np.clip(line.tilt_db / 6, -0.7, 0.7))
        sound = signal.lfilter([1, -depth], [1 + abs(depth) * 0.5], sound)
    result: Samples = np.asarray(sound, dtype=np.float32)
    return result


def _noise(length: int, line: Line, rng: Rng) -> Samples:
    spectrum = np.fft.rfft(rng.normal(size=length))
    hertz = np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 50)
    spectrum *= hertz ** (-line.noise_slope / 2)
    noise = np.fft.irfft(spectrum, length)
    result: Samples = (noise / (noise.std() + 1e-9)).astype(np.float32)
    return result


def encode(sound: Samples, codec: str) -> Samples:
    """Return samples after coding and decoding; raise ValueError for an unknown codec."""
    if codec == "ulaw":
        return _companded(sound, 255.0)
    if codec == "alaw":
        return _alaw(sound)
    if codec in _CODERS:
        return _coded(sound, codec)
    if codec == "slin":
        return sound
    raise ValueError(f"codec {codec!r}: allowed are slin, {', '.join(CODECS)}")


def _coded(sound: Samples, codec: str) -> Samples:
    container, coder = _CODERS[codec]
    file = io.BytesIO()
    soundfile.write(file, sound, SAMPLE_RATE, format=container, subtype=coder)
    file.seek(0)
    coded, _ = soundfile.read(file, dtype="float32")
    result: Samples = np.pad(coded, (0, max(0, len(sound) - len(coded))))[: len(sound)]
    return result


def _companded(sound: Samples, mu: float) -> Samples:
    squeezed = np.sign(sound) * np.log1p(mu * np.abs(sound)) / np.log1p(mu)
    coded = np.round(squeezed * 127) / 127
    result: Samples = (np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(mu)) / mu).astype(np.float32)
    return result


def _alaw(sound: Samples) -> Samples:
    a = 87.6
    scale = 1 + np.log(a)
    size = np.abs(sound)
    squeezed = np.where(size < 1 / a, a * size / scale, (1 + np.log(np.maximum(a * size, 1e-9))) / scale)
    coded = (np.floor(squeezed * 128).clip(0, 127) + 0.5) / 128
    opened = np.where(coded < 1 / scale, coded * scale / a, np.exp(coded * scale - 1) / a)
    result: Samples = (np.sign(sound) * opened).astype(np.float32)
    return result


def lose(pcm: NDArray[np.int16], share: float, rng: Rng) -> NDArray[np.int16]:
    """Zero a share of the 20 ms packets, in bursts of one to three."""
    if share <= 0:
        return pcm
    packets = -(-len(pcm) // FRAME_SAMPLES)
    starts = rng.random(packets) < share / 2
    gone = (
        starts
        | np.r_[False, starts[:-1] & (rng.random(packets - 1) < 0.6)]
        | np.r_[[False, False], starts[:-2] & (rng.random(max(packets - 2, 0)) < 0.4)][:packets]
    )
    return np.where(np.repeat(gone, FRAME_SAMPLES)[: len(pcm)], 0, pcm).astype(np.int16)
