"""Write the table of signals into docs/rules.md: `python -m tools.signal_table [--check]`."""

import sys
from collections.abc import Iterable
from pathlib import Path

from callguard.rules.language.symbols import AGENT_VOICE, CUSTOMER_ONLY
from callguard.signals.table import CALL_SIGNALS, LEG_SIGNALS, Signal

PAGE = Path(__file__).parent.parent / "docs" / "rules.md"
BEGIN, END = "<!-- signals: begin -->", "<!-- signals: end -->"
HEAD = "| signal | unit | range | meaning | source |\n| --- | --- | --- | --- | --- |"


def table() -> str:
    """Return both tables in Markdown."""
    legs = "\n".join(_rows("customer.", LEG_SIGNALS))
    calls = "\n".join(_rows("call.", CALL_SIGNALS))
    return f"Of a party, `customer.` or `agent.`:\n\n{HEAD}\n{legs}\n\nOf the call, `call.`:\n\n{HEAD}\n{calls}"


def page(text: str) -> str:
    """Return the page with up-to-date tables between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def _rows(scope: str, signals: Iterable[Signal]) -> Iterable[str]:
    for signal in signals:
        shown = f"`{scope}{signal.name}`" if scope == "call." else f"`{signal.name}`"
        mark = " (customer only)" if signal.name in CUSTOMER_ONLY and scope != "call." else ""
        private = " ¹" if signal.name in AGENT_VOICE and scope != "call." else ""
        meaning = signal.meaning.removeprefix("customer only: ").removeprefix("customer only, ")
        span = f"{signal.low:g} to {signal.high:g}"
        yield f"| {shown}{mark}{private} | {signal.unit} | {span} | {meaning} | {signal.source} |"


def main() -> int:
    """Write the page, or with --check report whether it is up to date."""
    text = PAGE.read_text("utf-8")
    if "--check" in sys.argv:
        return int(page(text) != text)
    PAGE.write_text(page(text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
