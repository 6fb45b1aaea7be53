"""Synthesise sounds: hold music, tones, DTMF, fax, noise, and voices without words."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from callguard.audio.frames import SAMPLE_RATE

Samples = NDArray[np.float32]
Rng = np.random.Generator

DTMF_LOW: Final = (697, 770, 852, 941)
DTMF_HIGH: Final = (1209, 1336, 1477, 1633)


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def tone(seconds: float, rng: Rng) -> Samples:
    """Return a dial, ringing, busy or congestion tone; countries vary them."""
    time = _time(seconds)
    pairs = np.array([[350, 440], [440, 480], [480, 620], [425, 425], [400, 450], [1000, 1000], [950, 1400]])
    cadences = np.array([[seconds, 0], [0.25, 0.25], [0.5, 0.5], [1.0, 4.0], [2.0, 4.0], [0.2, 0.3]])
    hertz: list[int] = rng.choice(pairs).tolist()
    on, off = map(float, rng.choice(cadences).tolist())
    sound = np.sum([np.sin(2 * np.pi * h * time + rng.uniform(0, 6)) for h in hertz], axis=0)
    return np.asarray(sound * ((time % (on + off)) < on), dtype=np.float32)


def dtmf(seconds: float, rng: Rng) -> Samples:
    """Return digits dialled one after another."""
    out: list[NDArray[np.float64]] = []
    length = 0.0
    while length < seconds:
        on, off = rng.uniform(0.08, 0.4), rng.uniform(0.05, 0.3)
        time = _time(on)
        pair = rng.choice(DTMF_LOW), rng.choice(DTMF_HIGH)
        out += [np.sum([np.sin(2 * np.pi * h * time) for h in pair], axis=0), np.zeros(int(off * SAMPLE_RATE))]
        length += on + off
    return np.concatenate(out)[: int(seconds * SAMPLE_RATE)].astype(np.float32)


def fax(seconds: float, rng: Rng) -> Samples:
    """Return CNG, CED, a V.21 preamble or a V.29-like carrier with data."""
    time = _time(seconds)
    kind = rng.integers(4)
    if kind == 0:
        return np.asarray(np.sin(2 * np.pi * 1100 * time) * ((time % 3.5) < 0.5), dtype=np.float32)
    if kind == 1:
        return np.asarray(np.sin(2 * np.pi * 2100 * time), dtype=np.float32)
    if kind == 2:
        bits = np.repeat(rng.integers(0, 2, len(time) // 26 + 1), 27)[: len(time)]
        return np.asarray(np.sin(2 * np.pi * np.cumsum(1650 + 200 * bits) / SAMPLE_RATE), dtype=np.float32)
    symbols = np.repeat(np.exp(0.25j * np.pi * rng.integers(0, 8, len(time) // 3 + 1)), 3)[: len(time)]
    smooth = signal.lfilter(np.hanning(7) / 3, [1], symbols)
    return np.asarray((smooth * np.exp(2j * np.pi * 1700 * time)).real, dtype=np.float32)


def noise(seconds: float, rng: Rng) -> Samples:
    """Return line, fan or street noise or hum: coloured noise with slow swells, impulses or mains harmonics."""
    count = int(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.normal(size=count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 30)
    spectrum *= hertz ** -rng.uniform(0, 1.2)
    if rng.random() < 0.4:
        spectrum *= 1 + 4 * np.exp(-((np.log(hertz / rng.uniform(300, 3000)) / 0.3) ** 2))
    sound = np.fft.irfft(spectrum, count)
    time = _time(seconds)[:count]
    sound /= sound.std() + 1e-9
    swell = rng.uniform(0, 0.9)
    sound *= 1 + swell * np.sin(2 * np.pi * rng.uniform(0.1, 6) * time + rng.uniform(0, 6))
    if rng.random() < 0.3:
        sound += rng.uniform(0.2, 2) * sum(np.sin(2 * np.pi * 50 * k * time) / k for k in range(1, 20))
    if rng.random() < 0.4:
        clicks = rng.random(count) < rng.uniform(2, 20) / SAMPLE_RATE
        sound += signal.lfilter([1], [1, -1.2, 0.6], clicks * rng.normal(0, 8, count))
    return sound.astype(np.float32)


_SCALES: Final = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))


def music(seconds: float, rng: Rng) -> Samples:
    """Return hold music: chords, a melody, sometimes a bass and drums."""
    count = int(seconds * SAMPLE_RATE)
    out = np.zeros(count + SAMPLE_RATE)
    beat = 60 / rng.uniform(60, 150)
    scale = _SCALES[rng.integers(len(_SCALES))]
    root = rng.uniform(110, 220)
    richness, drums, melody = rng.uniform(0.3, 1.5), rng.random() < 0.5, rng.random() < 0.8
    at = 0.0
    while at < seconds:
        first = int(rng.integers(len(scale)))
        for step in (0, 2, 4):
            _note(out, at, 4 * beat, _hertz(root, scale, first + step), 0.25, richness, rng)
        for part in range(8):
            start = at + part * beat / 2
            if melody and rng.random() < 0.7:
                step = int(rng.integers(7, 18))
                _note(out, start, beat * rng.choice([0.5, 1.0, 2.0]), _hertz(root, scale, step), 0.5, richness, rng)
            if drums:
                _drum(out, start, part, rng)
        at += 4 * beat
    return out[:count].astype(np.float32)


def _hertz(root: float, scale: tuple[int, ...], step: int) -> float:
    return float(root * 2 ** ((scale[step % len(scale)] + 12 * (step // len(scale))) / 12))


def _note(
    out: NDArray[np.float64], at: float, length: float, hertz: float, size: float, richness: float, rng: Rng
) -> None:
    time = _time(length)
    envelope = np.minimum(time / 0.02, 1) * np.exp(-time * rng.uniform(0.3, 3) / max(length, 0.2))
    vibrato = 1 + rng.choice([0, 0.004]) * np.sin(2 * np.pi * 5.5 * time)
    phase = 2 * np.pi * np.cumsum(hertz * vibrato) / SAMPLE_RATE
    top = int(min(12, 3500 // hertz))
    sound = sum(np.sin(k * phase) * k ** (-2.5 / (richness + 0.5)) for k in range(1, top + 1))
    start = int(at * SAMPLE_RATE)
    end = min(start + len(time), len(out))
    if end > start:
        out[start:end] += (size * envelope * sound)[: end - start]


def _drum(out: NDArray[np.float64], at: float, part: int, rng: Rng) -> None:
    start = int(at * SAMPLE_RATE)
    count = min(1200, len(out) - start)
    if count <= 0:
        return
    time = np.arange(count) / SAMPLE_RATE
    snare = rng.normal(size=count) * np.exp(-time * (60 if part % 2 else 25))
    kick = 1.5 * np.sin(2 * np.pi * 70 * time) * np.exp(-time * 20)
    out[start : start + count] += (0.4 * snare if part % 4 == 2 else 0.15 * snare) + (kick if part % 4 == 0 else 0)


def laughter(seconds: float, rng: Rng) -> Samples:
    """Return laughter: voiced or breathy bursts, four to six a second, in runs that fall in pitch and loudness."""
    out = np.zeros(int(seconds * SAMPLE_RATE))
    at = 0.0
    while at < seconds:
        rate, high = rng.uniform(3.8, 6.5), rng.uniform(180, 480)
        for burst in range(int(rng.integers(3, 12))):
            length = rng.uniform(0.4, 0.65) / rate
            hertz = high * (1 - 0.03 * burst) * rng.uniform(0.95, 1.05)
            _voice(out, at + burst / rate, length, (hertz * 1.05, hertz * 0.9), 0.96**burst, rng.uniform(0.1, 0.7), rng)
        at += 12 / rate * rng.uniform(0.4, 1.1)
    return out.astype(np.float32)


def laughter_of(voice: Samples, seconds: float, rng: Rng) -> Samples:
    """Return laughter in a recorded voice: a loud vowel, raised, in fading bursts with much breath.

    Raises:
        ValueError: the recording is shorter than a second.
    """
    if len(voice) < SAMPLE_RATE:
        raise ValueError(f"{len(voice)} samples: at least {SAMPLE_RATE} are needed")
    out = np.zeros(int(seconds * SAMPLE_RATE))
    at = 0.0
    while at < seconds:
        bursts, rate = int(rng.integers(3, 12)), rng.uniform(3.8, 6.5)
        _add(out, at, _bursts(_loudest(voice, 2400, rng), bursts, rate, rng))
        at += bursts / rate
        breath = rng.uniform(0.2, 0.7)
        _add(out, at, rng.uniform(0.05, 0.4) * np.max(np.abs(out)) * _breath(breath, rng))
        at += breath + rng.uniform(0.0, 0.6)
    return out.astype(np.float32)


def _bursts(vowel: Samples, count: int, rate: float, rng: Rng) -> NDArray[np.float64]:
    """Return a run of bursts over breath, voiced by a vowel that is played more slowly each time."""
    step, raised, drop = int(SAMPLE_RATE / rate), rng.uniform(1.0, 2.4), rng.uniform(0.0, 0.04)
    out = rng.uniform(0.02, 0.3) * float(np.max(np.abs(vowel))) * _breath(count / rate, rng)
    for burst in range(count):
        length = int(rng.uniform(0.4, 0.85) * step)
        speed = round(100 * raised * (1 - drop * burst) * rng.uniform(0.95, 1.05))
        sound = np.resize(signal.resample_poly(vowel, 100, max(50, speed)), length)
        _add(out, burst / rate, sound * np.hanning(length) ** 0.4 * 0.95**burst)
    return out


def _breath(seconds: float, rng: Rng) -> NDArray[np.float64]:
    """Return noise of a breath in or out, peak about 1."""
    low = rng.uniform(300, 1500)
    band = signal.butter(1, [low, low + rng.uniform(800, 2000)], "bandpass", fs=SAMPLE_RATE, output="sos")
    noise = signal.sosfilt(band, rng.normal(size=int(seconds * SAMPLE_RATE)))
    result: NDArray[np.float64] = noise * np.hanning(len(noise)) ** 0.5 / (3 * noise.std() + 1e-9)
    return result


def _add(out: NDArray[np.float64], at: float, sound: NDArray[np.float64]) -> None:
    start = int(at * SAMPLE_RATE)
    out[start : start + len(sound)] += sound[: max(0, len(out) - start)]


def _loudest(voice: Samples, count: int, rng: Rng) -> Samples:
    """Return the loudest of some stretches of a voice."""
    stretches = [voice[at : at + count] for at in rng.integers(0, len(voice) - count, 8)]
    return max(stretches, key=lambda part: float(np.sum(part**2)))


def crying(seconds: float, rng: Rng) -> Samples:
    """Return crying: long wails that rise and fall, with breath between them."""
    out = np.zeros(int(seconds * SAMPLE_RATE))
    at = 0.0
    while at < seconds:
        length, hertz = rng.uniform(0.5, 1.4), rng.uniform(250, 520)
        _voice(out, at, length, (hertz * rng.uniform(0.8, 1.1), hertz * rng.uniform(0.6, 0.9)), 1.0, 0.15, rng)
        at += length + rng.uniform(0.15, 0.5)
    return out.astype(np.float32)


def _voice(
    out: NDArray[np.float64],
    at: float,
    length: float,
    hertz: tuple[float, float],
    size: float,
    breath: float,
    rng: Rng,
) -> None:
    """Add one voiced burst: a pulse train with breath through three resonances of an open vowel."""
    time = _time(length)
    if len(time) < 16:
        return
    f0 = np.linspace(*hertz, len(time)) * (1 + 0.01 * np.cumsum(rng.normal(size=len(time))) / np.sqrt(len(time)))
    phase = np.cumsum(f0) / SAMPLE_RATE
    pulses = np.diff(np.floor(phase), prepend=0.0)
    source = signal.lfilter([1], [1, -0.9], pulses) + breath * rng.normal(size=len(time))
    for formant, width in ((rng.uniform(600, 900), 120), (rng.uniform(1100, 1500), 150), (2500, 250)):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        source = signal.lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * formant / SAMPLE_RATE), radius**2], source)
    source *= np.hanning(len(time)) ** 0.5 * size / (source.std() + 1e-9)
    start = int(at * SAMPLE_RATE)
    end = min(start + len(source), len(out))
    if end > start:
        out[start:end] += source[: end - start]


MAKERS: Final[dict[str, Callable[[float, Rng], Samples]]] = {
    "tone": tone,
    "dtmf": dtmf,
    "fax": fax,
    "noise": noise,
    "music": music,
    "laughter": laughter,
    "crying": crying,
}
