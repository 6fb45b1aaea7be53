"""What an alert is measured against: the frame that made its rule true."""

from callguard.audio.frames import HOP_FRAMES
from callguard.testbed.bench.expected import firing_frames
from callguard.testbed.bench.measure import RULES
from callguard.testbed.bench.speech import clip


def test_each_loud_turn_is_due_with_the_last_frame_of_a_hop() -> None:
    clips = tuple(clip(seed, 500, 0.4) for seed in range(4))
    due = firing_frames(clips, RULES)
    assert all(2 <= len(frames) <= 4 for frames in due)
    assert all(frame % HOP_FRAMES == HOP_FRAMES - 1 for frames in due for frame in frames)
    assert due == firing_frames(clips, RULES)
