"""Every shipped alert's link leads to a page that the console serves."""

import re

import pytest

from callguard.config.shipped import rule_files, runbooks
from callguard.console.runbooks import INDEX, linked, page
from callguard.contracts.messages import Transition
from callguard.rules import load_rules

FIRED = Transition(
    "fired", "c1", "R", "customer", 1.0, annotations={"summary": "s", "runbook_url": "/runbooks/shouting"},
    evidence={"runbook": "/runbooks/shouting", "basis": "raised_voice"},
)  # fmt: skip


def test_every_shipped_rule_that_tells_people_has_a_page() -> None:
    rules = load_rules([(path.name, path.read_text("utf-8")) for path in rule_files()])
    links = {rule.name: "".join(map(str, rule.annotations["runbook_url"].pieces))
             for rule in rules if not rule.private and not rule.shadow}  # fmt: skip
    assert len(links) == 10
    for link in links.values():
        assert page(link.removeprefix("/runbooks/")) is not None
    assert {link.removeprefix("/runbooks/") for link in links.values()} == set(runbooks())


@pytest.mark.parametrize("name", [*runbooks(), INDEX])
def test_links_between_pages_lead_to_pages(name: str) -> None:
    text = page(name)
    assert text is not None
    assert text.count("<h1>") == 1
    for target in re.findall(r'href="([^"]+)"', text):
        assert target in {"/", "/runbooks/", "/static/icon.svg", "/static/board.css"} or page(target) is not None


@pytest.mark.parametrize("name", ["", "..", "../README", "none", "shouting.html"])
def test_nothing_else_is_a_page(name: str) -> None:
    assert page(name) is None


@pytest.mark.parametrize("console", ["https://cg.office/board/", "https://cg.office/board"])
def test_a_link_becomes_the_whole_address_of_this_console(console: str) -> None:
    told = linked(FIRED, console)
    assert told.annotations == {"summary": "s", "runbook_url": "https://cg.office/board/runbooks/shouting"}
    assert told.evidence == {"runbook": "https://cg.office/board/runbooks/shouting", "basis": "raised_voice"}


def test_without_a_console_there_is_no_link() -> None:
    told = linked(FIRED, "")
    assert told.annotations == {"summary": "s"}
    assert told.evidence["runbook"] is None


def test_a_link_to_elsewhere_stays() -> None:
    elsewhere = Transition("fired", "c1", "R", "customer", 1.0, annotations={"runbook_url": "https://wiki/x"})
    assert linked(elsewhere, "http://127.0.0.1:8090") is elsewhere
