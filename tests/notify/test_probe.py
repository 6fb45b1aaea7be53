"""A probe sends one alert through each receiver, once, and says what came of each."""

import asyncio

import pytest

from callguard.contracts.events import Envelope, envelope
from callguard.notify import probe as module
from callguard.notify.formats import describe
from callguard.notify.probe import probe, trial_alert, watchdog_alert
from callguard.notify.receiver import RefusedError


async def test_each_receiver_is_tried_once_and_none_waits_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    got: list[Envelope] = []

    async def takes(sent: Envelope) -> None:
        got.append(sent)

    async def refuses(_: Envelope) -> None:
        raise RefusedError("HTTP 503")

    async def breaks(_: Envelope) -> None:
        raise OSError("https://chat.example/a-secret-key")

    async def hangs(_: Envelope) -> None:
        await asyncio.sleep(60)

    probed = await probe({"a": takes, "b": refuses, "c": breaks, "d": hangs}, "n1")
    assert [(each.receiver, each.taken, each.reason) for each in probed] == [
        ("a", True, ""),
        ("b", False, "HTTP 503"),
        ("c", False, "OSError"),
        ("d", False, "TimeoutError"),
    ]
    assert max(each.seconds for each in probed) < 1
    (sent,) = got
    assert sent.data["rule"] == "NotifyTest"


@pytest.mark.parametrize("make", [trial_alert, watchdog_alert])
def test_what_is_sent_says_in_words_that_it_needs_nobody(make: type) -> None:
    text = describe(envelope(make("n1"), "n1"))
    assert text.title.startswith("[none] ")
    assert "needs nobody" in text.title or "Nothing has happened" in text.title


def test_each_beat_is_an_event_of_its_own() -> None:
    first, second = (module.afresh(watchdog_alert("n1"), "n1") for _ in range(2))
    assert first.id != second.id
    assert first.data["alert"] == second.data["alert"]
