import csv
import json

import numpy as np
import pytest
import soundfile

from callguard.analysis.clips import score_clips, summarise
from callguard.analysis.page import clips_page
from callguard.analysis.plot import draw_call, save_plot
from callguard.analysis.recordings import RecordingError
from callguard.analysis.replay import load_models, replay
from callguard.rules import RuleSet
from tests.support.sound import buzz, speech_data


def folder_of(tmp_path, rows):
    with (tmp_path / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "speaker", "emotion", "gender"])
        writer.writeheader()
        for at, (speaker, emotion, sound) in enumerate(rows):
            soundfile.write(tmp_path / f"{at}.wav", sound, 8000, subtype="PCM_16")
            writer.writerow({"file": f"{at}.wav", "speaker": speaker, "emotion": emotion, "gender": "f"})
    return tmp_path


def test_angry_clips_of_speakers_stand_above_their_calm_ones(tmp_path):
    from training.data import load_corpora, read

    clips = [clip for clip in load_corpora(speech_data(), ["emodb"]) if clip.speaker == "emo08"]
    chosen = [c for c in clips if c.emotion == "neutral"][:7] + [c for c in clips if c.emotion == "angry"][:5]
    rows = [(c.speaker, c.emotion, read(c.path) * (0.9 if c.emotion == "angry" else 0.4)) for c in chosen]
    scored = score_clips(folder_of(tmp_path, rows), load_models())
    figures = summarise(scored)
    assert figures["clips"] == 9, "three calm clips are the speaker's start and are not scored"
    assert figures["raised"]["angry_against_calm"]["auc"] > 0.9
    assert json.loads(json.dumps(figures)) == figures
    page = clips_page("clips <&>", scored, figures)
    assert "clips &lt;&amp;&gt;" in page
    assert page.count("<svg") == 2


def test_a_clip_in_which_nobody_speaks_is_not_judged_and_scores_lowest(tmp_path):
    silence = np.zeros(16000, np.int16)
    scored = score_clips(folder_of(tmp_path, [("a", "angry", silence), ("b", "happy", silence)]), load_models())
    assert [clip.raised for clip in scored] == [None, None]
    assert summarise(scored)["unjudged"] == 2


@pytest.mark.parametrize("text", ["", "file\nx.wav\n", "nonsense"])
def test_metadata_without_what_is_needed_is_refused(tmp_path, text):
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(RecordingError, match=r"metadata\.csv"):
        score_clips(tmp_path, load_models())


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_call_is_drawn(tmp_path, suffix):
    result = replay(np.stack([buzz(4), buzz(4, 210)]), load_models(), RuleSet(()), "emotion")
    save_plot(tmp_path / f"call{suffix}", "a call", result, {"raised": 0.6})
    assert (tmp_path / f"call{suffix}").stat().st_size > 5000
    words = [text.get_text() for axis in draw_call(result, "title", {"raised": 0.6}).axes for text in axis.texts]
    assert any("raised 0.6" in word for word in words)
