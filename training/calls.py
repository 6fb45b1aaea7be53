"""Make two-leg calls with known truth by seed: `python -m training.calls OUT --count 40 --seed 1 [--research]`.

The folder has the form that `callguard evaluate` reads: FLAC, one JSON for each call, `index.json`.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from training.channel import Line, Samples, random_line, speech_rms, transmit
from training.data import Clip, data_root, load_corpora, read
from training.effort import raise_voice
from training.plans import CALM, LEVEL_DB, NATURAL_LEVELS
from training.sounds import MAKERS

Rng = np.random.Generator

KINDS: Final = (
    "cust_angry",
    "cust_angry",
    "cust_angry_calms",
    "hot_start",
    "far_quiet_angry",
    "effort",
    "agent_angry",
    "loud_happy",
    "noisy_calm",
    "level_jump_calm",
    "laughing",
    "music_on_hold",
    "sad_caller",
    "calm",
)
"""Kinds of calls, drawn in turn, so that every set of calls has the same mixture."""
QUARREL_KINDS: Final = (
    *("cust_angry",) * 6,
    *("cust_angry_calms",) * 3,
    *("agent_angry",) * 2,
    *("far_quiet_angry",) * 2,
    *("loud_happy",) * 2,
    *("noisy_calm", "level_jump_calm", "laughing", "music_on_hold", "sad_caller"),
)
"""The mixture of the shared calls, in which every second customer turns angry."""
MIXTURES: Final = {"even": KINDS, "quarrels": QUARREL_KINDS}
ANGRY_KINDS: Final = ("cust_angry", "cust_angry_calms", "hot_start", "far_quiet_angry", "effort")
TURNS: Final = 9
QUIETER: Final = 0.1
"""Share of a recording's speech level (RMS) below which its start and end count as silence."""


@dataclass
class Segment:
    """One utterance in a leg."""

    start: float
    end: float
    emotion: str
    source: str


@dataclass
class Leg:
    """The utterances of one leg."""

    speaker: str
    line: Line
    segments: list[Segment] = field(default_factory=list)
    parts: list[tuple[float, Samples]] = field(default_factory=list)

    def say(self, at: float, sound: Samples, emotion: str, source: str) -> float:
        """Place an utterance; return the time of its end."""
        end = at + len(sound) / SAMPLE_RATE
        self.parts.append((at, sound))
        self.segments.append(Segment(round(at, 2), round(end, 2), emotion, source))
        return end


@dataclass(frozen=True)
class Call:
    """A finished call.

    Attributes:
        pcm: customer and agent, shape (2, samples).
        truth: an entry of `index.json`.
        details: the call's own JSON.
    """

    pcm: NDArray[np.int16]
    truth: dict[str, Any]
    details: dict[str, Any]


class Cast:
    """Speakers with calm clips, and those with angry and happy clips too."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.by_speaker: dict[str, dict[str, list[Clip]]] = {}
        for clip in clips:
            if clip.seconds >= 1.0 and clip.kind in ("", "prompt"):
                emotion = "neutral" if clip.emotion in CALM else clip.emotion
                self.by_speaker.setdefault(clip.speaker, {}).setdefault(emotion, []).append(clip)
        self.calm = sorted(s for s, said in self.by_speaker.items() if len(said.get("neutral", ())) >= 2)
        self.actors = sorted(s for s in self.calm if "angry" in self.by_speaker[s])
        self.laughs = [clip for clip in clips if clip.kind == "nonverbal" and clip.emotion == "laughing"]

    def who_can(self, emotion: str) -> list[str]:
        """Return the speakers with clips of calm speech and of an emotion."""
        return [speaker for speaker in self.calm if self.by_speaker[speaker].get(emotion)]

    def can(self, kind: str) -> bool:
        """Return whether there is a customer for a kind of call, and another speaker for the agent."""
        emotion = _emotion(kind)
        needed = self.calm if emotion in ("neutral", "laughing", "effort") else self.who_can(emotion)
        return bool(needed) and len(self.calm) > 1 and (kind != "agent_angry" or len(self.actors) > 1)

    def clip(self, speaker: str, emotion: str, rng: Rng) -> Clip:
        """Draw one of a speaker's clips."""
        said = self.by_speaker[speaker][emotion]
        return said[int(rng.integers(len(said)))]


def make_call(cast: Cast, kind: str, name: str, seed: int) -> Call:
    """Make one call of a kind."""
    rng = np.random.default_rng(seed)
    customer = Leg(_customer(cast, kind, rng), _line(kind, rng))
    agent_angry = kind == "agent_angry"
    agents = [s for s in (cast.actors if agent_angry else cast.calm) if s != customer.speaker]
    agent = Leg(agents[int(rng.integers(len(agents)))], _line("", rng))
    onset, calm_again = _course(kind, rng)
    now = float(rng.uniform(0.5, 2.5))
    for turn in range(TURNS):
        now = _turn(agent, cast, "angry" if agent_angry and turn >= onset else "neutral", now, rng)
        if kind == "music_on_hold" and turn == onset:
            now = _hold(agent, now, rng)
        moved = onset <= turn < calm_again
        now = _turn(customer, cast, _emotion(kind) if moved else "neutral", now + _gap(rng), rng) + _gap(rng)
    return _finish(name, kind, customer, agent, cast, rng, now + 1.0)


def _customer(cast: Cast, kind: str, rng: Rng) -> str:
    emotion = _emotion(kind)
    able = cast.calm if emotion in ("neutral", "laughing", "effort") else cast.who_can(emotion)
    return able[int(rng.integers(len(able)))]


def _emotion(kind: str) -> str:
    if kind == "effort":
        return "effort"
    if kind in ANGRY_KINDS:
        return "angry"
    return {"loud_happy": "happy", "sad_caller": "sad", "laughing": "laughing"}.get(kind, "neutral")


def _course(kind: str, rng: Rng) -> tuple[int, int]:
    """Return the turn at which the emotion starts, and the turn at which it ends."""
    if kind == "hot_start":
        return 0, int(rng.integers(3, TURNS + 1))
    onset = int(rng.integers(3, 6))
    return onset, onset + int(rng.integers(2, 4)) if kind == "cust_angry_calms" else TURNS


def _line(kind: str, rng: Rng) -> Line:
    line = random_line(rng)
    if kind == "far_quiet_angry":
        return replace(line, gain_db=float(rng.uniform(-22, -14)), snr_db=float(rng.uniform(8, 16)), room_s=0.5)
    if kind == "noisy_calm":
        return replace(line, snr_db=float(rng.uniform(2, 8)))
    return replace(line, snr_db=max(line.snr_db, 12.0))


def _gap(rng: Rng) -> float:
    return float(rng.uniform(0.1, 0.9))


def _turn(leg: Leg, cast: Cast, emotion: str, now: float, rng: Rng) -> float:
    length, end = float(rng.uniform(2.0, 8.0)), now
    while end - now < length:
        end = _utter(leg, cast, emotion, end, rng) + float(rng.uniform(0.1, 0.4))
    return end


def _utter(leg: Leg, cast: Cast, emotion: str, at: float, rng: Rng) -> float:
    if emotion == "laughing":
        if rng.random() < 0.5:
            return _laugh(leg, cast, at, rng)
        emotion = "neutral"
    clip = cast.clip(leg.speaker, "neutral" if emotion == "effort" else emotion, rng)
    sound, natural = trimmed(read(clip.path)), clip.corpus in NATURAL_LEVELS
    calm = _calm_rms(leg, cast)
    if emotion == "effort":
        amount = float(rng.uniform(0.6, 1.0))
        louder = raise_voice(sound, amount, rng)
        sound = louder * (calm / max(speech_rms(louder), 1e-5) * 10 ** (amount * float(rng.normal(9, 4)) / 20))
    elif not natural:
        mean, spread = LEVEL_DB.get(emotion, (0.0, 2.0))
        sound = sound * (calm / max(speech_rms(sound), 1e-5) * 10 ** (float(rng.normal(mean, spread)) / 20))
    return leg.say(at, sound.astype(np.float32), emotion, f"{clip.corpus}/{clip.path.name}")


def _laugh(leg: Leg, cast: Cast, at: float, rng: Rng) -> float:
    """Place laughter, recorded if there are recordings, else synthetic."""
    if not cast.laughs:
        return leg.say(at, 0.12 * MAKERS["laughter"](float(rng.uniform(1, 3)), rng), "laughing", "made/laughter")
    clip = cast.laughs[int(rng.integers(len(cast.laughs)))]
    sound = trimmed(read(clip.path))
    level = _calm_rms(leg, cast) * 10 ** (float(rng.normal(2, 3)) / 20)
    return leg.say(at, sound * level / max(speech_rms(sound), 1e-5), "laughing", f"{clip.corpus}/{clip.path.name}")


def trimmed(sound: Samples) -> Samples:
    """Return a recording without the silence at start and end: an utterance begins with its first word."""
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    loud = np.flatnonzero((frames**2).mean(axis=1) >= (QUIETER * speech_rms(sound)) ** 2)
    if len(loud) == 0:
        return sound
    return sound[max(0, loud[0] - 2) * FRAME_SAMPLES : (loud[-1] + 3) * FRAME_SAMPLES]


def _calm_rms(leg: Leg, cast: Cast) -> float:
    first = cast.by_speaker[leg.speaker]["neutral"][0]
    return speech_rms(read(first.path)) if first.corpus in NATURAL_LEVELS else 0.05


def _hold(leg: Leg, now: float, rng: Rng) -> float:
    return leg.say(now, 0.08 * MAKERS["music"](float(rng.uniform(12, 25)), rng), "music", "made/music")


def _finish(name: str, kind: str, customer: Leg, agent: Leg, cast: Cast, rng: Rng, seconds: float) -> Call:
    pcm = np.stack([_render(leg, cast, seconds, kind if leg is customer else "", rng) for leg in (customer, agent)])
    truth = {
        "file": f"{name}.flac",
        "kind": kind,
        "duration": round(seconds, 2),
        "customer_angry": _episodes(customer),
        "agent_angry": _episodes(agent),
    }
    details = {**truth, "sample_rate": SAMPLE_RATE, "channels": ["customer", "agent"]}
    return Call(pcm, truth, details | {"customer": _details(customer), "agent": _details(agent)})


def _render(leg: Leg, cast: Cast, seconds: float, kind: str, rng: Rng) -> NDArray[np.int16]:
    sound = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    for at, part in leg.parts:
        start = int(at * SAMPLE_RATE)
        end = min(start + len(part), len(sound))
        sound[start:end] += part[: end - start]
    if kind == "level_jump_calm":
        jump = int(rng.uniform(0.3, 0.6) * len(sound))
        sound[jump:] *= 10 ** (float(rng.choice([-18.0, -12.0, 12.0, 18.0])) / 20)
    return transmit(sound, leg.line, _calm_rms(leg, cast))


def _episodes(leg: Leg) -> list[dict[str, float]]:
    """Return one stretch from the first angry utterance to the last before calm ones follow."""
    out: list[dict[str, float]] = []
    going = False
    for segment in leg.segments:
        raised = segment.emotion in ("angry", "effort")
        if raised and not going:
            out.append({"start": segment.start, "end": segment.end})
        elif raised:
            out[-1]["end"] = segment.end
        going = raised
    return out


def _details(leg: Leg) -> dict[str, Any]:
    line = leg.line
    return {
        "speaker": leg.speaker,
        "gain_db": round(line.gain_db, 1),
        "snr_db": round(line.snr_db, 1),
        "codec": line.codec,
        "packet_loss": round(line.loss, 3),
        "angry": _episodes(leg),
        "segments": [asdict(segment) for segment in leg.segments],
    }


def write_calls(out: Path, cast: Cast, count: int, seed: int, kinds: Sequence[str] = KINDS) -> None:
    """Write a folder of calls."""
    out.mkdir(parents=True, exist_ok=True)
    index = []
    for at in range(count):
        call = make_call(cast, kinds[at % len(kinds)], f"call_{at + 1:03}", seed * 100_003 + at)
        soundfile.write(out / call.truth["file"], call.pcm.T, SAMPLE_RATE, subtype="PCM_16")
        (out / call.truth["file"]).with_suffix(".json").write_text(json.dumps(call.details, indent=1), "utf-8")
        index.append(call.truth)
    (out / "index.json").write_text(json.dumps(index, indent=1), "utf-8")


def main() -> None:
    """Write calls from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--count", type=int, default=42)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="speech data; default: CALLGUARD_DATA")
    parser.add_argument("--mixture", choices=MIXTURES, default="even", help="mixture of kinds of calls")
    parser.add_argument("--research", action="store_true", help="also use clips that may not shape shipped files")
    given = parser.parse_args()
    clips = [clip for clip in load_corpora(data_root(given.data)) if given.research or clip.shippable]
    write_calls(given.out, Cast(clips), given.count, given.seed, MIXTURES[given.mixture])


if __name__ == "__main__":
    main()
