"""The board in a real browser: quick, calm, safe, by keyboard, for everybody."""

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from callguard.console import feed
from callguard.contracts.events import (
    AlertAcknowledged,
    NodeDegraded,
    NodeHearing,
    NodeRecovered,
    SupervisionEnded,
    TapLost,
)
from tests.support.console import TOKEN, RunningConsole
from tests.support.events import (
    alert_fired,
    alert_resolved,
    call_ended,
    call_started,
    handoff_card,
    snapshot,
    supervision_cutting,
    supervision_started,
    supervision_suspended,
)

pytestmark = pytest.mark.browser

ACCESSIBILITY = (Path(__file__).parent / "accessibility.js").read_text("utf-8")
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'&"


def busy(desk: RunningConsole) -> None:
    """A board with everything on it."""
    desk.publish(
        call_started("calm", agent="Cleo"),
        call_started("c1", agent="Alex"),
        call_started("c2", queue="billing", agent="Sam"),
        call_started("c3", queue="billing", agent="Kim"),
        alert_fired("c1", "a1", annotations={"summary": "Voice rose", "runbook_url": "https://kb.example.org/1"}),
        alert_fired("c2", "a2", severity="critical"),
        alert_fired("c3", "a3", severity="info"),
        AlertAcknowledged(call="c3", alert="a3", rule="r", leg="customer", severity="info", by="Bob", after_s=2),
        supervision_started("c3"),
        TapLost(call="c2", leg="agent", tap="t", channel="x", path="audiosocket", reason="eof"),
        alert_fired("calm", "a4"),
        alert_resolved("calm", "a4"),
    )
    for second in range(20):
        desk.show(snapshot("c1", second / 20))
    desk.show(snapshot("c2", None))


async def sign_in(page: Page, who: str = "Ann", token: str = TOKEN) -> None:
    await page.get_by_role("button", name="Supervise").click()
    await page.get_by_label("Your name").fill(who)
    await page.get_by_label("Console token").fill(token)
    await page.get_by_role("button", name="Sign in").click()


def card(page: Page, call: str) -> Any:
    return page.locator(f'.call[data-call="{call}"]')


async def test_only_a_configured_supervisor_signs_in_and_reads_what_a_refusal_lacks(
    page: Page, desk: RunningConsole
) -> None:
    await sign_in(page, "eve")
    await expect(page.get_by_text("No supervisor eve. Known: Ann, Bob")).to_be_visible()
    await page.get_by_label("Your name").fill("Ann")
    await page.get_by_label("Console token").fill(TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    desk.publish(call_started("c1"))
    desk.refuse = "forbidden"
    await card(page, "c1").get_by_role("button", name="Listen").click()
    await expect(page.get_by_text("listen: forbidden: team 'shop'")).to_be_visible()


async def test_nothing_to_do_is_said_calmly(page: Page, desk: RunningConsole) -> None:
    await expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    desk.publish(call_started("c1"))

    await expect(card(page, "c1")).to_be_visible()
    await expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    await expect(page.locator("#totals")).to_have_text("1 call, 0 alerts")


async def test_an_alert_is_seen_within_a_second(page: Page, desk: RunningConsole) -> None:
    desk.publish(call_started("c1"))
    await expect(card(page, "c1")).to_be_visible()
    begun = time.perf_counter()
    desk.publish(alert_fired("c1", "a1"))
    await page.get_by_text("warning: Customer's voice rose", exact=True).first.wait_for()

    assert time.perf_counter() - begun < 1.0
    await expect(page.get_by_role("alert").first).to_contain_text("Customer's voice rose")
    await expect(page.locator("#quiet")).to_be_hidden()
    assert await page.title() == "(1) CallGuard"

    desk.publish(alert_resolved("c1", "a1"))
    await expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    await expect(page.locator("#recent")).to_contain_text("Customer's voice rose")
    desk.publish(call_ended("c1"))
    await expect(page.locator(".call")).to_have_count(0)


async def test_who_needs_help_most_stands_first(page: Page, desk: RunningConsole) -> None:
    busy(desk)
    await expect(page.locator(".call")).to_have_count(4)

    order = await page.locator(".call").evaluate_all("cards => cards.map((card) => card.dataset.call)")
    assert order == ["c2", "c1", "c3", "calm"]


async def test_state_is_told_by_text_and_shape_not_by_colour_alone(page: Page, desk: RunningConsole) -> None:
    busy(desk)
    for call, severity in (("c1", "warning"), ("c2", "critical"), ("c3", "info")):
        await expect(card(page, call).locator(".name")).to_contain_text(f"{severity}: ")
    shapes = await page.locator(".alert .shape path").evaluate_all(
        "paths => paths.map((path) => path.getAttribute('d'))"
    )
    assert len(set(shapes)) == 3


async def test_a_card_says_what_is_heard_and_who_helps(page: Page, desk: RunningConsole) -> None:
    busy(desk)
    await expect(card(page, "c1").locator(".voice")).to_contain_text("Raised voice 95 %, 7.5 dB above own calm")
    assert (await card(page, "c1").locator(".voice .curve path").get_attribute("d")).count("L") == 19
    await expect(card(page, "c2").locator(".voice")).to_contain_text("not judged: music")
    await expect(card(page, "c2").locator(".chips")).to_contain_text("agent not heard")
    await expect(card(page, "c3").locator(".chips")).to_contain_text("Ann whispers to the agent")
    await expect(card(page, "c3").locator(".alert")).to_contain_text("taken by Bob")


async def test_a_consultation_or_a_hold_shows_that_the_supervisor_waits(page: Page, desk: RunningConsole) -> None:
    desk.publish(call_started("c1"), supervision_started("c1"), supervision_suspended("c1"))
    await expect(card(page, "c1").locator(".chips")).to_contain_text("Ann waits: the agent consults, or transfers")
    desk.publish(supervision_suspended("c1", why="hold"))
    await expect(card(page, "c1").locator(".chips")).to_contain_text("Ann waits: the customer has put the call on hold")
    desk.publish(supervision_suspended("c1", suspended=False))
    await expect(card(page, "c1").locator(".chips")).to_contain_text("Ann whispers to the agent")


async def test_who_is_being_cut_off_is_shown_in_red_until_they_are_out(page: Page, desk: RunningConsole) -> None:
    desk.publish(call_started("c1"), supervision_started("c1"), supervision_cutting("c1"))
    chip = card(page, "c1").locator(".chips .lost")
    await expect(chip).to_have_text("Ann is being cut off: may still hear and be heard")
    red, green, blue = await chip.evaluate("chip => getComputedStyle(chip).color.match(/\\d+/g).map(Number)")
    assert red > 2 * max(green, blue)
    ended = SupervisionEnded(call="c1", session="s1", supervisor="Ann", mode="whisper", reason="stopped", lasted_s=9)
    desk.publish(ended)
    await expect(chip).to_have_count(0)


async def test_who_joins_finds_what_was_tried(page: Page, desk: RunningConsole) -> None:
    desk.publish(call_started("c1"), supervision_started("c1", card=handoff_card()))
    await card(page, "c1").get_by_text("Handoff").click()
    await expect(card(page, "c1").locator(".told")).to_contain_text("1:05 prompt: slow-down")


async def test_the_evidence_opens_and_stays_open_while_the_board_goes_on(page: Page, desk: RunningConsole) -> None:
    busy(desk)
    await card(page, "c1").locator("summary").click()
    desk.show(snapshot("c1", 0.3))
    await expect(card(page, "c1").locator(".voice")).to_contain_text("30 %")

    evidence = card(page, "c1").locator(".evidence")
    await expect(evidence).to_be_visible()
    await expect(evidence).to_contain_text("customer.raised_voice > 0.6: 0.82 against 0.6")
    await expect(evidence).to_contain_text("Raised voice in the 2 s before:")
    assert await evidence.locator("svg.curve path").get_attribute("d") == "M0 17.2  M2 11.8 L3 4.2"
    await expect(evidence).to_contain_text("Calm level of the speaker: -27.0 dBFS")
    await expect(evidence.get_by_role("link", name="What to do")).to_have_attribute("href", "https://kb.example.org/1")


async def test_hostile_names_stay_text(page: Page, desk: RunningConsole) -> None:
    desk.publish(
        call_started(HOSTILE, queue=HOSTILE, agent=HOSTILE),
        alert_fired(
            HOSTILE,
            HOSTILE,
            rule=HOSTILE,
            severity=HOSTILE,
            queue=HOSTILE,
            annotations={"summary": HOSTILE, "runbook_url": "javascript:alert(3)"},
            evidence={"expr": HOSTILE, "comparisons": [{"text": HOSTILE, "value": None}]},
        ),
    )
    await expect(page.locator(".call h3")).to_have_text(f"{HOSTILE} · {HOSTILE}")
    await expect(page.locator(".call .name")).to_contain_text(HOSTILE)
    assert await page.locator("main img, main script, main a").count() == 0


async def test_buttons_show_only_to_who_may_use_them(page: Page, desk: RunningConsole) -> None:
    busy(desk)
    await expect(card(page, "c1")).to_be_visible()
    await expect(page.get_by_role("button", name="Whisper")).to_have_count(0)
    await card(page, "c1").focus()
    await page.keyboard.press("w")

    await sign_in(page, token="wrong")
    await expect(page.locator("#sign-in-error")).to_have_text("wrong or missing token")
    await page.get_by_label("Console token").fill(TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(card(page, "c1").get_by_role("button", name="Whisper")).to_be_visible()
    assert desk.commands == []

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Whisper")).to_have_count(0)


async def test_a_button_gives_a_command_and_its_answer_is_shown(page: Page, desk: RunningConsole) -> None:
    busy(desk)
    await sign_in(page)
    await card(page, "c1").get_by_role("button", name="Whisper").click()
    await expect(page.locator("#answer")).to_have_text("whisper: done")
    desk.refuse = "the supervisor's phone is busy"
    await card(page, "c1").get_by_role("button", name="Take", exact=True).click()
    await expect(page.locator("#answer")).to_have_text("ack: the supervisor's phone is busy")
    await card(page, "c3").get_by_role("button", name="Barge").click()
    await expect(page.locator("#answer")).to_have_text("set_mode: the supervisor's phone is busy")

    given = [(each.action, each.call, each.supervisor, each.args) for each in desk.commands]
    assert given == [
        ("whisper", "c1", "Ann", {"alert": None}),
        ("ack", "c1", "Ann", {"alert": "a1"}),
        ("set_mode", "c3", "Ann", {"mode": "barge"}),
    ]


async def test_everything_works_by_keyboard(page: Page, desk: RunningConsole) -> None:
    busy(desk)
    await sign_in(page)
    await expect(card(page, "c1").get_by_role("button", name="Whisper")).to_be_visible()
    await page.keyboard.press("j")
    await expect(card(page, "c2")).to_be_focused()
    await page.keyboard.press("j")
    await expect(card(page, "c1")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(card(page, "c1").locator(".evidence")).to_be_visible()
    await page.keyboard.press("l")
    await expect(page.locator("#answer")).to_have_text("listen: done")
    await page.keyboard.press("t")
    await expect(page.get_by_role("heading", name="Take over this call?")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("a")
    await expect(page.locator("#answer")).to_have_text("ack: done")
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("m")
    await expect(page.get_by_role("button", name="Sound")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("f")
    await page.wait_for_function("document.fullscreenElement !== null")

    assert [each.action for each in desk.commands] == ["listen", "ack"]


async def test_focus_survives_when_cards_change_places(page: Page, desk: RunningConsole) -> None:
    desk.publish(call_started("c1"), call_started("c2"))
    await card(page, "c2").focus()
    desk.publish(alert_fired("c2", "a2"))
    await expect(page.locator(".call").first).to_have_attribute("data-call", "c2")

    await expect(card(page, "c2")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_the_board_is_readable_for_everybody(page: Page, desk: RunningConsole, scheme: Any, width: int) -> None:
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": 900})
    assert await page.evaluate(ACCESSIBILITY) == []
    busy(desk)
    await sign_in(page)
    await card(page, "c1").locator("summary").click()
    await expect(card(page, "c1").locator(".evidence")).to_be_visible()

    assert await page.evaluate(ACCESSIBILITY) == []


async def test_focus_is_visible(page: Page, desk: RunningConsole) -> None:
    desk.publish(call_started("c1"))
    await expect(card(page, "c1")).to_be_visible()
    await page.keyboard.press("j")

    assert await card(page, "c1").evaluate("card => getComputedStyle(card).outlineStyle") == "solid"


async def test_a_part_out_of_reach_is_said(page: Page, desk: RunningConsole) -> None:
    desk.publish(NodeDegraded(node="n1", reason="redis"))

    await expect(page.locator("#link")).to_have_text("Out of reach: n1: redis")


async def test_a_lost_connection_is_said(page: Page, desk: RunningConsole) -> None:
    await desk.console.stop()

    await expect(page.locator("#link")).to_have_text("Connection lost: what you see is old")
    await page.route("**/*", lambda route: route.abort())


def deaf(desk: RunningConsole) -> None:
    """Three calls, of which two are not heard."""
    desk.publish(*(call_started(call) for call in ("c1", "c2", "c3")))
    why = "Asterisk ended the tap in the dialplan"
    desk.overview.mark("n1", {"c1": ("no_tap", why), "c2": ("no_tap", why)})
    desk.publish(
        NodeDegraded(node="n1", reason=f"taps: 2 of 3 calls are not heard: {why}"),
        NodeHearing(node="n1", heard=1, calls=3, causes={"no_tap": 2}),
    )


async def colour(page: Page, selector: str) -> str:
    return str(await page.locator(selector).evaluate("element => getComputedStyle(element).color"))


async def test_what_is_heard_is_said_calmly_when_it_is_all(page: Page, desk: RunningConsole) -> None:
    desk.publish(call_started("c1"), NodeHearing(node="n1", heard=1, calls=1, causes={"opted_out": 2}))
    await expect(page.locator("#hearing")).to_have_text("hearing 1 of 1 (2 opted out)")
    await expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    await expect(page.locator("#trouble")).to_be_hidden()


async def test_a_board_that_hears_not_all_calls_is_red_and_never_quiet(page: Page, desk: RunningConsole) -> None:
    calm = await colour(page, "#link")
    deaf(desk)
    await expect(page.get_by_role("heading", name="2 of 3 calls are not heard")).to_be_visible()
    await expect(page.locator("#quiet")).to_be_hidden()
    await expect(page.locator("#trouble")).to_contain_text("Asterisk ended the tap in the dialplan")
    await expect(page.locator("#hearing")).to_have_text("hearing 1 of 3 (2 no tap)")
    await expect(card(page, "c1").locator(".chips")).to_contain_text("customer not heard: Asterisk ended the tap")
    await expect(card(page, "c1").locator(".voice")).to_contain_text("not heard")
    await expect(card(page, "c3").locator(".chips")).to_be_hidden()
    assert await colour(page, "#link") == await colour(page, "#hearing") != calm
    assert await page.title() == "(!) CallGuard"
    assert await page.evaluate(ACCESSIBILITY) == []

    desk.overview.mark("n1", {})
    desk.publish(NodeRecovered(node="n1", reason="taps"), NodeHearing(node="n1", heard=3, calls=3))
    await expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    await expect(page.locator("#link")).to_have_text("Live")
    await expect(page.locator("#trouble")).to_be_hidden()


async def test_a_part_that_is_away_is_said_with_its_reason(page: Page, desk: RunningConsole) -> None:
    desk.publish(NodeDegraded(node="n1", reason="receivers: chat answers 503 since 12:04"))
    await expect(page.locator("#link")).to_have_text("Out of reach: n1: receivers")
    await expect(page.locator("#trouble")).to_contain_text("n1: receivers: chat answers 503 since 12:04")
    await expect(page.locator("#quiet")).to_be_hidden()


async def test_a_page_whose_service_is_gone_says_so_and_is_never_quiet(page: Page, desk: RunningConsole) -> None:
    await expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    await desk.console.stop()
    await expect(page.get_by_role("heading", name="The service can't be reached")).to_be_visible()
    await expect(page.locator("#quiet")).to_be_hidden()
    await expect(page.locator("#link")).to_have_text("Connection lost: what you see is old")


async def test_a_service_that_hangs_is_noticed_too(
    page: Page, desk: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection stays open, and nothing comes by it any more."""
    monkeypatch.setattr(feed, "KEEP_ALIVE_S", 3600.0)
    desk.publish(call_started("c1"))
    await expect(card(page, "c1")).to_be_visible()
    await expect(page.get_by_role("heading", name="The service can't be reached")).to_be_visible(timeout=20_000)
    desk.publish(call_started("c2"))
    await expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
