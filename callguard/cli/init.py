"""`callguard init`: from a PBX as it is to a proved whisper."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callguard.cli.common import FINDINGS, USAGE, JsonOption, console, errors, fail, print_json, printable
from callguard.cli.doctor import print_findings
from callguard.cli.survey import print_survey

if TYPE_CHECKING:
    from callguard.setup.interview import Prompt, Tell
    from callguard.setup.run import Outcome

FOLDER: Final = Path("/etc/callguard")


def init(
    folder: Annotated[Path, typer.Option("--folder", help="Folder of CallGuard's configuration.")] = FOLDER,
    answers: Annotated[
        Path | None, typer.Option("--answers", help="YAML file with answers; they are proposed, or taken with --yes.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; a missing answer is an error.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written; change nothing.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist; a copy of each is kept.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Set CallGuard up beside your PBX: ask Asterisk, propose, ask you, write, and prove a whisper.

    Run it as root on the PBX; it takes some minutes, and asks before each step:

    1. Access. It adds a user of ARI, a user of AMI and the context for taps
    to /etc/asterisk (FreePBX: to its *_custom.conf files) and reloads
    Asterisk. With users of your own, or Asterisk on another machine, it says
    what to add by hand.

    2. Who is who. Members of queues are agents. Trunks and other phones are
    shown with the reason, and you decide. A phone that nothing names stays
    unknown: nothing of it is judged.

    3. Files. callguard.yaml, rules, secrets.env (mode 0600), systemd unit.
    Nothing is replaced without asking.

    4. Proof. The doctor places its self-test call; then one supervisor rings.

    With --yes nobody is asked. Answers that no fact gives must then be in the
    file; docs/install.md lists all keys:

    asterisk: {install: true, native_rtp: unload}

    roles: {others: ignore, trunks: customer}

    supervisors: [{name: lead, endpoint: PJSIP/301}]

    Exit 0: a whisper is proved. 1: findings. 2: an answer is missing or wrong,
    or a file can't be written.

    Examples: callguard init · callguard init --dry-run ·
    callguard init --yes --answers answers.yaml
    """
    from callguard.config import ConfigError
    from callguard.setup.answers import Answers, load_answers
    from callguard.setup.interview import Interview
    from callguard.setup.run import Options, Screen, set_up

    tell = _teller(as_json)
    try:
        interview = Interview(load_answers(answers) if answers else Answers(), _prompt(yes=yes), tell)
        screen = Screen(_unseen, _unseen) if as_json else Screen(print_survey, print_findings)
        outcome = asyncio.run(set_up(interview, Options(folder, dry_run, overwrite), screen))
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
    if as_json:
        print_json(outcome.as_json())
    elif not dry_run:
        _sum_up(outcome, folder)
    if not dry_run and not outcome.proved:
        raise typer.Exit(FINDINGS)


def _prompt(*, yes: bool) -> "Prompt | None":
    """Return what asks a person; None with --yes. Exit with USAGE where no terminal is there to answer."""
    if yes:
        return None
    if not console.is_terminal:
        return fail("init asks questions, and this is no terminal: use --yes with --answers FILE", USAGE)

    def ask(question: str, offered: str) -> str:
        answer: str = typer.prompt(question, default=offered, show_default=bool(offered))
        return answer

    return ask


def _teller(as_json: bool) -> "Tell":
    screen = errors if as_json else console

    def tell(style: str, text: str) -> None:
        for line in text.split("\n"):
            screen.print(printable(line), style=style or None, markup=False, soft_wrap=True)

    return tell


def _unseen(_: object) -> None:
    """Show nothing: programs get it all at the end."""


def _sum_up(outcome: "Outcome", folder: Path) -> None:
    if not outcome.proved:
        console.print("not proved: mend the errors above, then run `callguard doctor`", style="red")
        return
    console.print(f"a whisper is proved, {outcome.seconds:.0f} s after init began", style="bold green")
    console.print("have a person say what they hear: callguard doctor --phone PJSIP/…", markup=False)
    console.print("next: systemctl enable --now callguard, then `callguard watch`", markup=False)
    if folder != FOLDER:
        need = f"commands need --config {folder / 'callguard.yaml'}, or CALLGUARD_CONFIG"
        console.print(need, markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)
