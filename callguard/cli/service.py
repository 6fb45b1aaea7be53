"""`callguard run`, `check`, `reload`: the service."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callguard.cli.common import (
    FINDINGS,
    TAKEN,
    USAGE,
    ConfigOption,
    JsonOption,
    config_path,
    console,
    errors,
    fail,
    print_json,
    read_config,
)
from callguard.cli.survey import print_survey, surveyed_pbx

if TYPE_CHECKING:
    from callguard.config import Config


SOUNDS: Final = ("/usr/share/asterisk/sounds", "/var/lib/asterisk/sounds")
"""Asterisk's folders of sounds: Debian's, and that of Asterisk's own build and FreePBX."""
RELOAD_S: Final = 10.0
"""Seconds that `reload` waits for the service's answer."""


def run(config: ConfigOption = None) -> None:
    """Run the service: tap, detect, evaluate rules, alert, act, serve the console. SIGTERM ends it; SIGHUP reloads.

    Exit 0 after SIGTERM, 1 when a part failed for good, 2 for a bad configuration, 3 when another program took
    over the application's name in Asterisk (asterisk.ari.app). A restart helps only after 1.

    Example: CALLGUARD_ARI_PASSWORD=… CALLGUARD_AMI_SECRET=… callguard run --config /etc/callguard/callguard.yaml
    """
    from callguard.config import ConfigError
    from callguard.config.secrets import require_secrets
    from callguard.control.run import serve
    from callguard.control.service import FatalError, TakenError
    from callguard.runtime.limits import raise_file_limit
    from callguard.runtime.logs import configure

    settings, path = read_config(config)
    configure(settings.logging)
    raise_file_limit()
    try:
        require_secrets(settings, str(path))
        check_model(settings, path)
        asyncio.run(serve(settings, path))
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
    except FatalError as error:
        fail(str(error), TAKEN if isinstance(error, TakenError) else FINDINGS)


def check(
    config: ConfigOption = None,
    pbx: Annotated[
        bool, typer.Option("--pbx", help="Compare roles, queues, teams and phones with the PBX, by ARI and AMI.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate all configuration and rules; each problem names file, key path, the value found and the allowed values.

    Exit 2 when the service would refuse it. A missing secret is only a warning: it may be on another machine.

    With --pbx, who would be what is printed for each endpoint of the PBX, with the rule, queue or variable that says
    so. Exit 1 where a pattern, queue, team, supervisor or phone matches nothing or contradicts another, and where the
    PBX does not answer.

    Examples: callguard check --config /etc/callguard/callguard.yaml · callguard check --pbx
    """
    from callguard.config import ConfigError, load_config
    from callguard.config.environment import SECRETS, set_environment
    from callguard.config.secrets import unreadable_secrets
    from callguard.config.sender_keys import doubtful_senders
    from callguard.inventory.compare import without_pbx
    from callguard.rules.authoring.checks import switched_off
    from callguard.rules.authoring.configured import checked_rules
    from callguard.runtime.journal import journal_path, unwritable

    path = config_path(config)
    set_environment(path.with_name(SECRETS))
    problems: list[str] = []
    warnings: list[str] = []
    facts: dict[str, object] = {"config": str(path)}
    try:
        settings = load_config(path)
        _, rules = checked_rules(settings, path)
        facts |= {"rules": len(rules), "supervisors": len(settings.supervisors), "mode": settings.analysis.mode}
        facts["model"] = check_model(settings, path)
        unheard = second_ear_fault(settings)
        facts["second_ear"] = settings.analysis.second_ear and not unheard
        warnings = [*unheard, *unreadable_secrets(settings, str(path)), *switched_off(rules, settings.notify)]
        if not pbx:
            warnings += [f"{path}: {each.key}: {each.text}; {each.advice}" for each in without_pbx(settings)]
        warnings += [f"{path}: {problem}" for problem in doubtful_senders(settings)]
        if why := unwritable(journal_path(settings.journal.folder, settings.node)):
            warnings.append(f"{path}: journal.folder: {why}; without a journal a crash loses what waits")
    except ConfigError as error:
        problems = error.problems
    surveyed = surveyed_pbx(settings, path) if pbx and not problems else None
    if as_json:
        told = {"pbx": surveyed.as_json()} if surveyed else {}
        print_json({**facts, "valid": not problems, "problems": problems, "warnings": warnings, **told})
        raise typer.Exit(USAGE if problems else FINDINGS if surveyed and surveyed.findings else 0)
    if problems:
        fail("\n".join(problems), USAGE)
    for warning in warnings:
        errors.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    console.print(", ".join(f"{key}: {value}" for key, value in facts.items()), markup=False, soft_wrap=True)
    if surveyed:
        print_survey(surveyed)
        if surveyed.findings:
            raise typer.Exit(FINDINGS)
    console.print("ok", style="green")


def reload(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Validate the configuration, ask the running service to reload it, and print the service's answer.

    Exit 0 when the new configuration is in force, 1 when the service refused it or did not answer, 2 where it is bad.

    Example: callguard reload --config /etc/callguard/callguard.yaml
    """
    from callguard.config import ConfigError
    from callguard.rules.authoring.configured import checked_rules
    from callguard.runtime.reload_answer import read_answer, wait_for_answer
    from callguard.runtime.systemd import ask_to_reload, running_pid_file

    settings, path = read_config(config)
    try:
        checked_rules(settings, path)
        file = running_pid_file(settings.node)
        before = read_answer(file)
        pid = ask_to_reload(settings.node)
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
    except (OSError, ValueError) as error:
        fail(f"no running service of node {settings.node!r} was found: {error}")
    answer = wait_for_answer(file, before, RELOAD_S)
    if as_json:
        print_json({"pid": pid, "answered": answer is not None, **(asdict(answer) if answer else {})})
        raise typer.Exit(0 if answer and answer.accepted and not answer.problems else FINDINGS)
    if answer is None:
        fail(f"process {pid} did not answer within {RELOAD_S:g} s; its log says more", FINDINGS)
    if not answer.accepted:
        fail("\n".join(("refused; the old configuration stays in force:", *answer.problems)), FINDINGS)
    for key in answer.needs_restart:
        errors.print(f"warning: {key} changed and holds only after a restart", style="yellow", markup=False)
    if answer.problems:
        fail("\n".join(answer.problems), FINDINGS)
    console.print(f"reloaded by process {pid}: {answer.rules} rules in force")


def prompts(
    folder: Annotated[Path, typer.Argument(help="Asterisk's folder, e.g. /var/lib/asterisk/sounds/en/callguard.")],
) -> None:
    """Copy the spoken prompts to a folder from which Asterisk plays them as sound:callguard/NAME.

    Example: callguard prompts /var/lib/asterisk/sounds/en/callguard
    """
    from callguard.prompts import TEXTS, install

    try:
        copied = install(folder)
    except FileNotFoundError:
        usual = " or ".join(f"{place}/en" for place in SOUNDS)
        fail(f"{folder}: there is no folder {folder.parent}; Asterisk's sounds are in {usual} on most systems", USAGE)
    except OSError as error:
        fail(f"{folder}: {error.strerror}")
    for path in copied:
        console.print(f"{path.stem:20} {TEXTS[path.stem]}", markup=False)


def check_model(settings: "Config", path: Path) -> str:
    """Return the name of the configured model; raise ConfigError where workers could not load it."""
    from callguard.config import ConfigError
    from callguard.models.card import ModelError
    from callguard.models.emotion import SHIPPED, EmotionModel

    try:
        return EmotionModel(1, settings.analysis.model or SHIPPED).card.name
    except ModelError as error:
        raise ConfigError([f"{path}: analysis.model: {error}"]) from error


def second_ear_fault(settings: "Config") -> list[str]:
    """Return why workers could not use the second ear although it is wanted; empty where they can."""
    from callguard.models.second_ear import open_second_ear

    faults: list[str] = []
    if settings.analysis.second_ear:
        open_second_ear(1, settings.analysis.model, faults.append)
    return faults


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(check)
    app.command()(reload)
    app.command()(prompts)
