"""Check `roles.rules` against a PBX: patterns that match nothing, rules that are never reached or disagree. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from callguard.config import Config, RoleRule
from callguard.inventory.discrepancy import Discrepancy, listed, nearest
from callguard.inventory.expected import described, matching, patterns_of
from callguard.inventory.pbx import Endpoint, Inventory

LISTED: Final = ("PJSIP", "SIP", "IAX2")
"""Technologies whose endpoints Asterisk lists; channels of others can't be checked."""
WILDCARDS: Final = "*?["
CHANNEL: Final = re.compile(r"[*?\[]|-[0-9a-f]{8}$")
"""A pattern that may match a channel: with a wildcard, or a channel's whole name."""


def rule_discrepancies(config: Config, inventory: Inventory) -> list[Discrepancy]:
    """Return what is wrong with the rules of roles."""
    rules = config.roles.rules
    hits = [{e.name for e in inventory.endpoints if index in matching(rules, e)} for index in range(len(rules))]
    found: list[Discrepancy] = []
    for index, rule in enumerate(rules):
        dead = list(_dead(index, rule, inventory))
        found += dead or _disputed(index, rules, hits)
    return found


def bare_patterns(rules: Sequence[RoleRule]) -> Iterator[Discrepancy]:
    """Yield the patterns that match no channel of any PBX: an endpoint's name alone."""
    for index, rule in enumerate(rules):
        pattern = rule.channel or ""
        if pattern.partition("/")[0].upper() in LISTED and not CHANNEL.search(pattern):
            yield Discrepancy(
                "error",
                f"roles.rules.{index}.channel",
                f"{pattern!r} matches no channel: a channel's name goes on behind the endpoint's",
                f"write {pattern}-*",
            )


def _dead(index: int, rule: RoleRule, inventory: Inventory) -> Iterator[Discrepancy]:
    """Yield the patterns of a rule that match nothing on the PBX.

    Numbers are not checked: a rule may name callers whom the PBX does not know.
    """
    channel, context = rule.channel, rule.context
    if channel is not None and _checkable(channel) and not _matched(channel, [e.channel for e in inventory.endpoints]):
        text = f"pattern {channel!r} matches no channel of the PBX's {len(inventory.endpoints)} endpoints"
        yield Discrepancy("error", f"roles.rules.{index}.channel", text, _meant(channel, inventory.endpoints))
    if context is not None and inventory.contexts is not None:
        known = inventory.contexts | {endpoint.context for endpoint in inventory.endpoints}
        if not _matched(context, known):
            text = f"pattern {context!r} matches no context of the dialplan and of no endpoint"
            yield Discrepancy("error", f"roles.rules.{index}.context", text, _like(context, known))


def _matched(pattern: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def _checkable(pattern: str) -> bool:
    technology = pattern.partition("/")[0]
    return technology.upper() in LISTED or any(sign in technology for sign in WILDCARDS)


def _meant(pattern: str, endpoints: Sequence[Endpoint]) -> str:
    """Return the advice for a channel pattern that matches nothing."""
    bare = [endpoint for endpoint in endpoints if fnmatchcase(endpoint.name, pattern)]
    if bare:
        return f"a channel's name goes on behind the endpoint's, as in {bare[0].channel}: write {pattern}-*"
    folded = pattern.casefold()
    other_case = [endpoint for endpoint in endpoints if fnmatchcase(endpoint.channel.casefold(), folded)]
    if other_case:
        return f"case matters here: the endpoint is called {other_case[0].name}"
    return f"the endpoints are {listed([e.name for e in endpoints])}{nearest(pattern, [e.name for e in endpoints])}"


def _like(pattern: str, known: frozenset[str]) -> str:
    return f"endpoints enter by contexts such as {listed(sorted(known - {''}))}{nearest(pattern, known)}"


def _disputed(index: int, rules: Sequence[RoleRule], hits: Sequence[set[str]]) -> list[Discrepancy]:
    """Return where earlier rules with another role take what a rule matches: all of it, or a part by chance.

    A narrow rule before a wide one is the usual way to write an exception, so that is no discrepancy.
    """
    mine, own = hits[index], rules[index]
    earlier = [n for n in range(index) if rules[n].role != own.role and hits[n] & mine]
    if earlier and mine <= set().union(*hits[:index]):
        names = " and ".join(described(n, rules[n]) for n in earlier)
        text = f"{patterns_of(own)} is never reached: {names} takes {listed(sorted(mine))} before it"
        return [Discrepancy("error", f"roles.rules.{index}", text, "the first match wins: put the narrower rule first")]
    return [
        Discrepancy(
            "warning",
            f"roles.rules.{index}",
            f"{patterns_of(own)} says {own.role} of {listed(sorted(hits[n] & mine))}, and {described(n, rules[n])} "
            f"says {rules[n].role}; the first wins",
            "let no endpoint match two rules of which neither is an exception to the other",
        )
        for n in earlier
        if not hits[n] <= mine
    ]
