"""Carry out `callguard init`: enter the PBX, ask, show, write, prove."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from callguard.config import Config, ConfigError, load_config
from callguard.doctor.examination import examine
from callguard.doctor.findings import Finding, healthy
from callguard.inventory.compare import compare
from callguard.inventory.expected import expected_parts
from callguard.inventory.pbx import Inventory
from callguard.inventory.report import Report
from callguard.inventory.survey import scopes_of
from callguard.prompts import TEXTS, install
from callguard.setup.access import Found, find_access
from callguard.setup.changes import Change, described, make_all, permit
from callguard.setup.interview import Interview
from callguard.setup.outputs import CONFIG, default_unit, product_changes, secrets_change, stored_secrets
from callguard.setup.pbx import Pbx
from callguard.setup.plan import Plan, configuration, configuration_text
from callguard.setup.proposal import is_freepbx
from callguard.setup.questions import make_plan
from callguard.setup.ring import ring_test

PROMPTS: Final = Path("/usr/share/asterisk/sounds/en/callguard")
"""Place of the spoken prompts on Debian."""
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
NO_PHONE: Final = "none"
OURS: Final = ("roles", "analysis", "supervisors")
"""Sections that the answers fill: an error there is an error of an answer."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command; `folder` is /etc/callguard."""

    folder: Path
    dry_run: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """Shows results: a comparison with the PBX, and findings as they come."""

    report: Callable[[Report], None]
    findings: Callable[[list[Finding]], None]


@dataclass(slots=True)
class Outcome:
    """The result for programs."""

    files: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def proved(self) -> bool:
        """Return whether all checks passed, with the self-test call."""
        return bool(self.findings) and healthy(self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as JSON-able data."""
        findings = [finding.as_json() for finding in self.findings]
        return {"proved": self.proved, "seconds": round(self.seconds, 1), "files": self.files, "findings": findings}


async def set_up(interview: Interview, options: Options, screen: Screen) -> Outcome:
    """Set CallGuard up beside a PBX; return what was written and proved.

    Raises ConfigError where an answer is missing or wrong, a file can't be written, or the PBX can't be entered.
    """
    return await _Setup(interview, options, screen).run()


class _Setup:
    def __init__(self, interview: Interview, options: Options, screen: Screen) -> None:
        self._interview = interview
        self._options = options
        self._screen = screen
        self._pbx = Pbx(interview, options.folder / "asterisk", dry_run=options.dry_run, overwrite=options.overwrite)
        self._outcome = Outcome()

    async def run(self) -> Outcome:
        began = time.monotonic()
        stored = stored_secrets(self._options.folder)
        found = find_access(self._interview, self._pbx.folder, stored)
        self._interview.settle()
        os.environ.update(found.access.secrets)
        secrets = secrets_change(self._options.folder, found.access.secrets)
        inventory = await self._pbx.enter(found, secrets)
        if inventory is None:
            self._say("yellow", "dry run: ARI does not answer yet, so who would be what is known only afterwards")
            return self._outcome
        await self._configure(inventory, found, secrets)
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    async def _configure(self, inventory: Inventory, found: Found, secrets: Change) -> None:
        self._greet(inventory, found)
        plan = self._agreed_plan(inventory, found)
        plan = replace(plan, native_rtp_confirmed=await self._pbx.settle_native_rtp(inventory, found))
        text = configuration_text(plan, inventory)
        unit = Path(self._interview.text("unit", "systemd unit", proposal=str(default_unit(self._options.folder))))
        if not self._write([secrets, *product_changes(self._options.folder, unit, text)], text):
            return
        await self._copy_prompts()
        await self._prove(plan)

    def _greet(self, inventory: Inventory, found: Found) -> None:
        kind = "FreePBX" if self._pbx.layout.name == "FreePBX" or is_freepbx(inventory) else "Asterisk"
        queues = "unknown" if inventory.queues is None else str(len(inventory.queues))
        self._say(
            "bold", f"{kind}, Asterisk {inventory.asterisk}: {len(inventory.endpoints)} endpoints, {queues} queues"
        )
        for line in inventory.unread:
            self._say("yellow", f"not read: {line}")
        host = urlsplit(found.access.ari_url).hostname
        if host not in LOOPBACK:
            self._say("yellow", f"Asterisk is at {host}: set media.listen, media.advertise and CALLGUARD_MEDIA for it,")
            self._say("yellow", "as the page about Asterisk says; the audio of calls is not encrypted on the way")

    # --- who is who ---

    def _agreed_plan(self, inventory: Inventory, found: Found) -> Plan:
        """Ask until the person agrees with what each endpoint would be."""
        while True:
            plan = make_plan(self._interview, inventory, found.access)
            report = _report(configuration(plan, inventory), inventory)
            self._screen.report(report)
            wrong = [each for each in report.findings if each.level == "error" and each.key.startswith(OURS)]
            if self._interview.prompt is None:
                if wrong:
                    raise ConfigError([f"{each.key}: {each.text}; {each.advice}" for each in wrong])
                return plan
            if self._interview.agreed("", "Is this right?", guess="no" if wrong else "yes"):
                return plan

    # --- files ---

    def _write(self, changes: list[Change], text: str) -> bool:
        """Show the files, ask, and write them; return whether they were written."""
        self._outcome.files = [str(change.path) for change in changes]
        for line in described(changes):
            self._say("", f"  {line}")
        if self._options.dry_run:
            self._say("", text)
            self._say("yellow", "dry run: nothing was written")
            return False
        permit(self._interview, changes, overwrite=self._options.overwrite)
        make_all(changes)
        return True

    async def _copy_prompts(self) -> None:
        """Copy the spoken prompts to Asterisk's sounds, where init may change Asterisk."""
        folder = await self._pbx.prompts_folder()
        if folder is not None and all((folder / f"{name}.wav").exists() for name in TEXTS):
            return
        if folder is None or not self._pbx.mine:
            self._say("yellow", f"spoken prompts: run `callguard prompts {folder or PROMPTS}` on the PBX")
            return
        try:
            self._say("", f"  {len(install(folder))} spoken prompts in {folder}")
        except OSError as error:
            self._say("yellow", f"the spoken prompts were not copied: {folder}: {error.strerror}")

    # --- proof ---

    async def _prove(self, plan: Plan) -> None:
        path = self._options.folder / CONFIG
        config = load_config(path)
        self._found(await examine(config, scopes_of(config, path), call=True))
        phone = self._phone_to_ring(plan)
        if phone and self._outcome.proved:
            self._say("bold", f"{phone} rings for a test; answer it")
            self._found([await ring_test(config, phone)])

    def _phone_to_ring(self, plan: Plan) -> str | None:
        phones = [str(each["endpoint"]) for each in plan.supervisors]
        chosen = self._interview.choice(
            "ring", "Ring which supervisor's phone for a test?", (*phones, NO_PHONE), proposal=[*phones, NO_PHONE][0]
        )
        self._interview.settle()
        return None if chosen == NO_PHONE else chosen

    def _found(self, findings: list[Finding]) -> None:
        self._outcome.findings += findings
        self._screen.findings(findings)

    def _say(self, style: str, text: str) -> None:
        self._interview.tell(style, text)


def _report(config: Config, inventory: Inventory) -> Report:
    parts = tuple(expected_parts(config.roles, inventory))
    return Report(inventory, parts, tuple(compare(config, inventory, {})))
