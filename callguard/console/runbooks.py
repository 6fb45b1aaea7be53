"""The shipped runbooks as pages of the console, and the addresses in alerts' links to them."""

from dataclasses import replace
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

from callguard.config.shipped import runbooks, runbooks_folder
from callguard.contracts.messages import Transition
from callguard.runtime.templates import templates

INDEX: Final = "README"
LINK: Final = "runbook_url"
"""The annotation that holds a rule's link."""
_SUFFIX: Final = ".md"


@cache
def page(name: str) -> str | None:
    """Return a runbook as HTML, by its name or its file's name; None where there is none."""
    stem = name.removesuffix(_SUFFIX)
    if stem not in (*runbooks(), INDEX):
        return None
    text = (runbooks_folder() / f"{stem}{_SUFFIX}").read_text("utf-8")
    title = text.partition("\n")[0].removeprefix("# ")
    # Raw HTML in a page is shown as text.
    body = Markup(MarkdownIt("commonmark", {"html": False}).render(text))  # noqa: S704 -- our own page, rendered
    return _PAGES.get_template("runbook.html").render(title=title, body=body, index=stem == INDEX)


def linked(transition: Transition, console: str) -> Transition:
    """Return a transition whose link to a page of the console is a whole address.

    Args:
        console: its address; empty where nobody serves it, and then such a link is left out.
    """
    link = transition.annotations.get(LINK, "")
    if not link.startswith("/"):
        return transition
    whole = {LINK: console.rstrip("/") + link} if console else {}
    notes = {name: text for name, text in transition.annotations.items() if name != LINK} | whole
    evidence = transition.evidence | ({"runbook": whole.get(LINK)} if "runbook" in transition.evidence else {})
    return replace(transition, annotations=notes, evidence=evidence)


_PAGES: Final = templates("callguard.console")
