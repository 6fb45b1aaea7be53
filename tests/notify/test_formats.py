"""An alert reads the same everywhere, and nothing in it becomes markup."""

import json

import pytest

from callguard.contracts.events import Event, envelope
from callguard.notify.formats import body, describe
from tests.support.events import alert_fired


def shaped(style, event: Event):
    return json.loads(body(style, envelope(event, "n1")))


def test_the_words_say_who_where_and_why() -> None:
    text = describe(envelope(alert_fired(annotations={"summary": "Voice rose", "runbook_url": "https://kb/1"}), "n1"))

    assert text.title == "[warning] Voice rose"
    facts = dict(text.facts)
    assert facts["Queue"] == "sales"
    assert facts["Agent"] == "Alex"
    assert facts["State"] == "fired"
    assert facts["Evidence"] == "customer.raised_voice > 0.6 (now 0.82)"
    assert "What to do: https://kb/1" in text.plain()


def test_without_a_summary_the_rule_s_name_is_the_title() -> None:
    assert describe(envelope(alert_fired(annotations={}), "n1")).title == "[warning] CustomerRaisedVoice"


def test_a_trial_says_so() -> None:
    assert dict(describe(envelope(alert_fired(shadow=True), "n1")).facts)["State"] == "fired (on trial)"


def test_cloudevents_is_the_event_itself() -> None:
    wrapped = envelope(alert_fired(), "n1")

    assert body("cloudevents", wrapped).decode() == wrapped.to_json()


def test_slack_gets_blocks_with_nothing_that_slack_would_obey() -> None:
    shape = shaped("slack", alert_fired(queue="<!channel> & <https://evil|x>", agent="A" * 10))

    fields = [field["text"] for field in shape["blocks"][1]["fields"]]
    assert "*Queue*\n&lt;!channel&gt; &amp; &lt;https://evil|x&gt;" in fields
    assert shape["text"] == "[warning] Customer's voice rose"
    assert len(fields) <= 10


def test_teams_gets_an_adaptive_card_with_nothing_that_becomes_a_link() -> None:
    shape = shaped("teams", alert_fired(queue="[x](https://evil)", annotations={"runbook_url": "https://kb/1"}))

    card = shape["attachments"][0]["content"]
    facts = {fact["title"]: fact["value"] for fact in card["body"][1]["facts"]}
    assert facts["Queue"] == r"\[x\]\(https://evil\)"
    assert card["actions"][0]["url"] == "https://kb/1"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd"])
def test_only_web_links_become_buttons(link: str) -> None:
    assert "actions" not in shaped("teams", alert_fired(annotations={"runbook_url": link}))["attachments"][0]["content"]


def test_evidence_of_any_form_is_put_into_words() -> None:
    for evidence in ({}, {"comparisons": []}, {"comparisons": [{"text": "x > 1", "value": None}]}, {"expr": "x > 1"}):
        assert describe(envelope(alert_fired(evidence=evidence), "n1")).title
