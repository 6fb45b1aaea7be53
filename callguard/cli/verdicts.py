"""`callguard rules verdicts`: count supervisors' verdicts on each rule, and propose thresholds from them."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from callguard.cli.common import (
    USAGE,
    ConfigOption,
    JsonOption,
    configured_rules,
    console,
    draw,
    fail,
    print_json,
    read_config,
    with_redis,
)
from callguard.config import Config, ConfigError

if TYPE_CHECKING:
    from callguard.rules import RuleSet
    from callguard.rules.authoring.proposals import Effect, Proposal
    from callguard.rules.authoring.verdicts import Ledger, Precision, RuleVerdicts

DAY_S = 86400.0
WORD = 12
"""Least characters of a rule's name in a narrow terminal."""
CAUTION = (
    "This is an estimate from the moment when each alert fired: one counted as gone may fire later in its call, one "
    "counted as kept may end too soon. No file was changed: try the value, write the line into the thresholds file "
    "that comes last in rules.files, then run callguard reload."
)


def verdicts(
    *,
    days: Annotated[float, typer.Option(help="Days of events to read.", min=0.01, max=3650)] = 30.0,
    rule: Annotated[str | None, typer.Option(help="Only this rule.")] = None,
    fewer: Annotated[
        int, typer.Option(help="Percentage of the false alarms that a proposal must spare.", min=1, max=100)
    ] = 50,
    plot: Annotated[Path | None, typer.Option(help="Write a picture: .png, .svg or .pdf.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Learn from verdicts (keys 9 and 8): each rule's precision, and thresholds that would spare false alarms.

    The command reads the alerts of the last days from the events stream. For a rule with 20 verdicts it proposes the
    value of each named threshold that spares half of the false alarms. It prints the useful alerts that this value
    would have cost, and the line to write. It changes no file.

    Example: callguard rules verdicts --days 14 --rule SustainedShouting --fewer 70 --plot shouting.png
    """
    from callguard.rules import load_rules
    from callguard.rules.authoring.proposals import propose

    settings, _ = read_config(config)
    try:
        rules = load_rules(configured_rules(config))
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
    ledger, since = with_redis(settings, _read(settings, rules, time.time() - days * DAY_S))
    names = _chosen(ledger, rule)
    proposals = {each.name: propose(ledger, each, fewer / 100) for each in rules if each.name in names}
    summaries = [ledger.summary(name) for name in names]
    if plot is not None:
        _plot(plot, ledger, proposals)
    if json:
        head = {"days": days, "since": _iso(since), "fewer_percent": fewer, "unreadable": ledger.unreadable}
        print_json(head | {"rules": [_as_json(each, proposals.get(each.rule, [])) for each in summaries]})
        return
    _show_counts(ledger, summaries, days, since)
    _show_proposals(summaries, proposals)


async def _read(config: Config, rules: "RuleSet", since: float) -> "tuple[Ledger, float | None]":
    """Fold the stream from a time on; return also the time of its oldest entry, None for an empty stream."""
    from callguard.bus import Keys, connect
    from callguard.bus.keys import EVENT_FIELD, TYPE_FIELD
    from callguard.bus.streams import entries, pages
    from callguard.rules.authoring.verdicts import Ledger

    ledger, stream = Ledger(rules), Keys(config.redis.prefix).events
    async with connect(config.redis) as client:
        oldest = entries(await client.xrange(stream, count=1))
        async for page in pages(client, stream, str(max(0, round(since * 1000)))):
            for entry in page:
                ledger.see(entry.fields.get(TYPE_FIELD, ""), entry.fields.get(EVENT_FIELD, ""))
    return ledger, max(since, oldest[0].at_ms / 1000) if oldest else None


def _chosen(ledger: "Ledger", rule: str | None) -> list[str]:
    from callguard.rules.language.symbols import nearest

    names = ledger.names()
    if rule is not None and rule not in names:
        fail(f"--rule {rule}: no such rule{nearest(rule, names)}; known: {', '.join(names) or 'none'}", USAGE)
    return names if rule is None else [rule]


def _as_json(summary: "RuleVerdicts", proposals: "list[Proposal]") -> dict[str, Any]:
    from callguard.rules.authoring.proposals import best

    chosen = best(proposals)
    return asdict(summary) | {
        "verdicts": summary.verdicts,
        "precision": summary.precision._asdict() if summary.precision else None,
        "thresholds": [asdict(each) | {"yaml": each.yaml} for each in proposals],
        "proposed": chosen.threshold if chosen else None,
    }


def _show_counts(ledger: "Ledger", summaries: "list[RuleVerdicts]", days: float, since: float | None) -> None:
    table = Table(title=f"Verdicts of the last {days:g} days", box=None, header_style="bold")
    table.add_column("rule", overflow="fold", min_width=WORD)
    for heading in ("fired", "taken", "useful", "false", "no\nverdict", "precision\n(95 %)", "alert\n→ ear"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in summaries:
        counts = (each.fired, each.acknowledged, each.useful, each.false, each.without_verdict)
        ear = "" if each.to_ear_s is None else f"{each.to_ear_s:.1f} s"
        table.add_row(_named(each), *map(str, counts), _precision(each.precision), ear)
    console.print(table)
    if since is None:
        _say("The events stream is empty.")
    elif since > time.time() - days * DAY_S + 1:
        _say(f"The stream holds events from {_iso(since)} on only; redis.events_maxlen says how many it keeps.")
    if ledger.unreadable:
        _say(f"Unreadable events left out: {ledger.unreadable}")


def _named(summary: "RuleVerdicts") -> str:
    if not summary.in_force:
        return f"{summary.rule} (not in force)"
    return f"{summary.rule} (on trial)" if summary.on_trial and summary.on_trial == summary.fired else summary.rule


def _precision(found: "Precision | None") -> str:
    return "" if found is None else f"{found.share:.0%} ({found.low * 100:.0f}–{found.high:.0%})"


def _show_proposals(summaries: "list[RuleVerdicts]", proposals: "dict[str, list[Proposal]]") -> None:
    from callguard.rules.authoring.proposals import ENOUGH, best

    few = [each for each in summaries if each.rule in proposals and each.verdicts < ENOUGH]
    made = False
    for name in (each.rule for each in summaries if each not in few):
        chosen = best(proposals.get(name, []))
        if chosen:
            _show(chosen)
            made = True
        elif name in proposals:
            _say(f"{name}: nothing to propose. {_reasons(proposals[name])}")
    if few:
        _say(
            f"Too few verdicts for a proposal ({ENOUGH}): " + ", ".join(f"{each.rule} {each.verdicts}" for each in few)
        )
    if made:
        _say(CAUTION)


def _reasons(proposals: "list[Proposal]") -> str:
    reasons = [f"{each.threshold}: {each.why}" for each in proposals]
    return "; ".join(reasons) or "It compares nothing with a named threshold"


def _show(proposal: "Proposal") -> None:
    _say(f"{proposal.rule}, proposal:\n  thresholds:\n  {proposal.yaml}")
    if proposal.left_out:
        _say(
            f"  {proposal.left_out} judged alerts are left out: of another threshold, or their evidence does not tell."
        )
    if proposal.also:
        told = {each.rule: f"{each.rule} ({_effect(each)})" for each in proposal.elsewhere}
        _say(f"  {proposal.threshold} is used too by {', '.join(told.get(name, name) for name in proposal.also)}")
    _say(f"  Try it: callguard rules backtest calls/*.csv --set {proposal.threshold}={proposal.value}")


def _effect(effect: "Effect") -> str:
    return f"{effect.false_gone} of {effect.false} false, {effect.useful_lost} of {effect.useful} useful gone"


def _plot(path: Path, ledger: "Ledger", proposals: "dict[str, list[Proposal]]") -> None:
    from callguard.rules.authoring.plot import plot_verdicts
    from callguard.rules.authoring.proposals import samples

    rules = {each.name: each for each in ledger.rules}
    rows = [
        (found, made.value)
        for name, each in proposals.items()
        for made in each
        if (found := samples(ledger, rules[name], made.threshold)) and found.drawable
    ]
    if not rows:
        fail("--plot: nothing to draw: no judged alert tells what a named threshold was compared with")
    draw(path, lambda: plot_verdicts(path, rows))


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
