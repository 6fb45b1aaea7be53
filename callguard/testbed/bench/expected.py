"""Compute when alerts are due: an offline run of the pipeline over the same audio gives the frame of each alert."""

import numpy as np

from callguard.audio.bank import LegBank
from callguard.audio.frames import HOP_FRAMES, HOP_S, Pcm
from callguard.contracts.messages import CallFacts
from callguard.models.emotion import EmotionModel
from callguard.models.gate import GateModel
from callguard.rules import RuleEngine, load_rules
from callguard.signals.table import SignalTable
from callguard.worker.pipeline import Models, Pipeline


def firing_frames(clips: tuple[Pcm, ...], rules: tuple[tuple[str, str], ...]) -> list[list[int]]:
    """Return, for each clip as a customer's leg, the frames with which a rule starts to fire.

    Args:
        clips: of one length, shape (frames, FRAME_SAMPLES) each.
        rules: rule files as (name, text).
    """
    count = len(clips)
    bank, table = LegBank(count), SignalTable(count, count)
    engine = RuleEngine(load_rules(rules), table)
    pipeline = Pipeline(bank, table, engine, Models(EmotionModel(count), GateModel(count)))
    for index in range(count):
        pipeline.open_call(index, CallFacts(str(index)))
        pipeline.open_leg(bank.open(), index, "customer")
    fired: list[list[int]] = [[] for _ in clips]
    for hop in range(len(clips[0]) // HOP_FRAMES):
        first = hop * HOP_FRAMES
        bank.push(
            np.repeat(np.arange(count), HOP_FRAMES), np.concatenate([c[first : first + HOP_FRAMES] for c in clips])
        )
        for transition in pipeline.tick((hop + 1) * HOP_S):
            if transition.kind == "fired":
                fired[int(transition.call)].append(first + HOP_FRAMES - 1)
    return fired
