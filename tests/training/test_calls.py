import json

import numpy as np
import pytest

from tests.support.sound import buzz, speech_data
from training.calls import ANGRY_KINDS, Cast, make_call, trimmed, write_calls
from training.data import load_corpora


@pytest.fixture(scope="module")
def cast():
    return Cast([clip for clip in load_corpora(speech_data(), ["emodb"]) if clip.shippable])


@pytest.mark.parametrize(
    "kind", ["hot_start", "cust_angry_calms", "effort", "agent_angry", "music_on_hold", "level_jump_calm"]
)
def test_a_call_of_each_kind_has_the_truth_that_its_kind_says(cast, kind):
    call = make_call(cast, kind, "x", 5)
    assert call.pcm.shape == (2, round(call.truth["duration"] * 8000)) or call.pcm.shape[0] == 2
    assert bool(call.truth["customer_angry"]) == (kind in ANGRY_KINDS)
    assert bool(call.truth["agent_angry"]) == (kind == "agent_angry")
    assert 30 < call.truth["duration"] < 240
    assert np.abs(call.pcm).max() > 200
    for episode in call.truth["customer_angry"]:
        assert 0 <= episode["start"] < episode["end"] <= call.truth["duration"]


def test_calls_are_the_same_by_seed_and_differ_between_seeds(cast):
    first, again, other = (make_call(cast, "cust_angry", "x", seed) for seed in (1, 1, 2))
    assert np.array_equal(first.pcm, again.pcm)
    assert first.details == again.details
    assert first.truth["customer_angry"] != other.truth["customer_angry"]


def test_a_folder_of_calls_is_what_evaluate_reads(cast, tmp_path):
    from callguard.analysis.calls import score_calls, summarise
    from callguard.analysis.page import calls_page
    from callguard.analysis.replay import load_models
    from callguard.rules import RuleSet

    write_calls(tmp_path, cast, 2, 1)
    assert len(json.loads((tmp_path / "index.json").read_text())) == 2
    calls = score_calls(tmp_path, load_models(), RuleSet(()))
    figures = summarise(calls)
    assert figures["calls"] == 2
    assert json.loads(json.dumps(figures)) == figures
    page = calls_page("calls", calls, figures)
    assert page.startswith("<!doctype html>")
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_an_utterance_begins_when_its_speaker_does():
    voice = (buzz(1.0) / 32768).astype(np.float32)
    padded = np.concatenate([np.zeros(8000, np.float32), voice, np.zeros(4000, np.float32)])
    assert len(trimmed(padded)) == pytest.approx(8000, abs=1200)
    assert len(trimmed(np.zeros(8000, np.float32))) == 8000
    assert len(trimmed(np.zeros(1, np.float32))) == 1


def test_recorded_laughter_is_laughed_where_there_is_some():
    clips = [clip for clip in load_corpora(speech_data(), ["emodb", "negatives"]) if clip.shippable or clip.kind]
    call = make_call(Cast(clips), "laughing", "x", 5)
    laughed = {s["source"] for s in call.details["customer"]["segments"] if s["emotion"] == "laughing"}
    assert laughed
    assert all(source.startswith("negatives/") for source in laughed)


def test_the_mixture_is_what_was_asked_for(cast, tmp_path):
    write_calls(tmp_path, cast, 2, 1, ("calm", "sad_caller"))
    index = json.loads((tmp_path / "index.json").read_text())
    assert [entry["kind"] for entry in index] == ["calm", "sad_caller"]
