"""A supervisor is told in a few seconds what they are walking into."""

import soundfile

from callguard.alerts.alert import Alert
from callguard.control.briefing import briefing
from callguard.prompts import FOLDER, TEXTS


def alert(rule: str, **labels: str) -> Alert:
    return Alert(id="a", call="1.1", rule=rule, leg="customer", severity="warning", labels=labels)


def test_it_says_what_rose_when_who_and_where() -> None:
    said = briefing(alert("CustomerRaisedVoice"), minute=4, agent="PJSIP/agent201", queue_media="sound:queue-support")
    assert said == [
        "sound:callguard/brief-raised-voice",
        "sound:callguard/brief-minute",
        "number:4",
        "sound:callguard/brief-agent",
        "digits:201",
        "sound:callguard/brief-queue",
        "sound:queue-support",
    ]


def test_the_rule_names_the_reason() -> None:
    reasons = {
        rule: briefing(alert(rule), minute=1, agent=None, queue_media=None)[0] for rule in ("AgentHelp", "TalkOver")
    }
    assert reasons == {"AgentHelp": "sound:callguard/brief-help", "TalkOver": "sound:callguard/brief-talk-over"}
    assert briefing(alert("X", briefing="shouting"), minute=1, agent=None, queue_media=None)[0].endswith(
        "brief-shouting"
    )


def test_a_telephone_number_is_not_read_out() -> None:
    assert len(briefing(None, minute=0, agent="PJSIP/+4930123456", queue_media=None)) == 3


def test_every_prompt_is_shipped_and_fits_a_phone() -> None:
    assert {path.stem for path in FOLDER.glob("*.wav")} == set(TEXTS)
    for path in FOLDER.glob("*.wav"):
        facts = soundfile.info(path)
        assert (facts.samplerate, facts.channels, facts.subtype) == (8000, 1, "PCM_16")
        assert 0.2 < facts.duration < 9


def test_a_reason_and_a_minute_take_a_few_seconds() -> None:
    longest = max(soundfile.info(path).duration for path in FOLDER.glob("brief-*.wav"))
    assert longest + soundfile.info(FOLDER / "brief-minute.wav").duration < 4
