"""A supervisor hears a briefing first; a ring that nobody answers is reported, one that was stopped is not."""

from typing import Any

import pytest

from callguard.alerts import Alert
from callguard.alerts.effects import PromptAgent, RingSupervisors
from callguard.asterisk.supervision.session import RingRequest, SupervisionError
from callguard.authority import Grant
from callguard.config import Config
from callguard.control.paging import Paging
from tests.control.test_alerting import call

CONFIG = Config.model_validate(
    {
        "supervisors": [{"name": "ann", "endpoint": "PJSIP/1"}],
        "analysis": {"queues": {"sales": {"spoken": "sound:sales"}}},
    }
)
ALERT = Alert(id="a1", call="c1", rule="Shouting", leg="customer", severity="critical")


class Supervision:
    """Notes what it is asked, or refuses."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.rung: list[RingRequest] = []
        self.prompts: list[tuple[str, str, bool]] = []

    async def ring(self, request: RingRequest) -> None:
        self.rung.append(request)
        if self.refusal:
            raise SupervisionError(self.refusal)

    async def prompt(self, call: str, prompt: str, *, private: bool, grant: Grant) -> None:
        self.prompts.append((call, prompt, private))


def paging(supervision: Supervision, unanswered: list[str], config: Config = CONFIG) -> Paging:
    anything: Any = supervision
    calls = {"c1": call(queue="sales", member="PJSIP/201", agent="a1")}
    return Paging(config, calls, anything, lambda alert: ALERT if alert == "a1" else None, unanswered.append)


def ring(*supervisors: str) -> RingSupervisors:
    return RingSupervisors("a1", "c1", supervisors, 1, "whisper", 12.0)


async def test_an_alert_rings_the_supervisors_who_are_configured_and_briefs_them() -> None:
    supervision = Supervision()
    await paging(supervision, []).ring(ring("ann", "gone"))
    (request,) = supervision.rung
    assert [supervisor.name for supervisor in request.supervisors] == ["ann"]
    assert (request.call, request.mode, request.alert, request.timeout_s) == ("c1", "whisper", "a1", 12.0)
    assert request.briefing[0] == "sound:callguard/brief-shouting"
    assert request.briefing[-1] == "sound:sales"


@pytest.mark.parametrize(("reason", "reported"), [("no_answer", ["a1"]), ("asterisk", ["a1"]), ("stopped", [])])
async def test_a_ring_that_nobody_answers_is_reported_unless_it_was_stopped(reason: str, reported: list[str]) -> None:
    unanswered: list[str] = []
    with pytest.raises(SupervisionError, match=reason):
        await paging(Supervision(reason), unanswered).ring(ring("ann"))
    assert unanswered == reported


@pytest.mark.parametrize(("seconds", "minute"), [(0, "1"), (59.5, "1"), (60, "2"), (150, "3")])
def test_a_briefing_says_in_which_minute_of_the_call(
    monkeypatch: pytest.MonkeyPatch, seconds: float, minute: str
) -> None:
    began = call().started_at
    monkeypatch.setattr("callguard.control.paging.time.time", lambda: began + seconds)
    said = paging(Supervision(), []).briefing("c1", "a1")
    assert said[said.index("sound:callguard/brief-minute") + 1] == f"number:{minute}"


async def test_a_private_rules_prompt_is_private() -> None:
    supervision = Supervision()
    pages = paging(supervision, [])
    await pages.prompt(PromptAgent("", "c1", "slow-down"))
    await pages.prompt(PromptAgent("a1", "c1", "slow-down"))
    assert [private for _, _, private in supervision.prompts] == [True, False]


def test_who_asks_to_join_hears_so_and_nobody_is_briefed_where_that_is_switched_off() -> None:
    assert paging(Supervision(), []).briefing("c1", None)[0] == "sound:callguard/brief-request"
    assert paging(Supervision(), []).briefing("gone", None) == ()
    silent = CONFIG.model_copy(update={"supervision": CONFIG.supervision.model_copy(update={"briefing": False})})
    assert paging(Supervision(), [], silent).briefing("c1", None) == ()
