"""`callguard rules check | test | backtest | verdicts`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from callguard.cli.common import (
    FINDINGS,
    USAGE,
    ConfigOption,
    JsonOption,
    configured_rules,
    console,
    draw,
    fail,
    print_json,
    yaml_files,
)
from callguard.cli.verdicts import verdicts
from callguard.config import ConfigError

if TYPE_CHECKING:
    from callguard.contracts.messages import CallFacts
    from callguard.rules.authoring.backtest import Backtest, Total
    from callguard.rules.authoring.replay import Recorded
    from callguard.rules.authoring.unit_tests import Failure

AUDIO = (".wav", ".flac")

rules_app = typer.Typer(no_args_is_help=True, help="Check, test and try out rules, and learn from verdicts.")

RuleFiles = Annotated[list[Path], typer.Argument(help="Rule files, or folders of them.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    app.add_typer(rules_app, name="rules")


@rules_app.command()
def check(files: RuleFiles, json: JsonOption = False) -> None:
    """Validate rule files; each problem names file, line, rule and column.

    Example: callguard rules check config/rules
    """
    from callguard.rules import load_rules

    texts = _given(files)
    try:
        rules = load_rules(texts)
    except ConfigError as error:
        if json:
            print_json({"ok": False, "problems": error.problems})
            raise typer.Exit(FINDINGS) from None
        fail("\n".join(error.problems), FINDINGS)
    if json:
        print_json({"ok": True, "rules": [rule.name for rule in rules], "thresholds": dict(rules.thresholds)})
    else:
        console.print(f"ok: {len(rules)} rules, {len(rules.thresholds)} thresholds")


@rules_app.command(name="test")
def run_tests(
    files: Annotated[list[Path], typer.Argument(help="Files of unit tests, or folders of them.")],
    json: JsonOption = False,
) -> None:
    """Run unit tests of rules: signal series in, alerts expected at given times. docs/rules.md shows the format.

    Example: callguard rules test config/rules/tests/*.yaml
    """
    from callguard.rules.authoring.unit_tests import run_unit_tests

    count = 0
    failures: list[Failure] = []
    try:
        for file in yaml_files(files):
            tests, failed = run_unit_tests(str(file), _text(file), lambda name, at=file.parent: _beside(at, name))  # type: ignore[misc]  # a default binds the folder
            count += tests
            failures += failed
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
    _show_tests(count, failures, json)
    if failures:
        raise typer.Exit(FINDINGS)


@rules_app.command()
def backtest(
    *,
    files: Annotated[list[Path], typer.Argument(help="CSV of `callguard analyze --signals`, or WAV/FLAC.")],
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", "-r", help="Rule file or folder; may be repeated. Default: the configured ones."),
    ] = None,
    against: Annotated[list[Path] | None, typer.Option("--against", help="Second rule set to compare with.")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override to compare with: raised=0.7, RULE.signal=0.7 or RULE.for=2s."),
    ] = None,
    calls_at_once: Annotated[float, typer.Option(help="Simultaneous calls for each supervisor.", min=0.1)] = 10.0,
    mode: Annotated[str, typer.Option(help="Analysis mode: raised_voice or emotion.")] = "raised_voice",
    queue: Annotated[str | None, typer.Option(help="Queue to assume for the calls.")] = None,
    language: Annotated[str | None, typer.Option(help="Language to assume for the calls.")] = None,
    budget: Annotated[int, typer.Option(help="Alert budget drawn into the plot.", min=1)] = 12,
    plot: Annotated[Path | None, typer.Option(help="Write a picture: .png, .svg or .pdf.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Replay stored signals or recordings through rules; print their alerts per hour and per supervisor-hour.

    Example: callguard rules backtest calls/*.csv --rules config/rules --set raised=0.7 --plot change.png
    """
    from callguard.contracts.messages import CallFacts
    from callguard.rules import load_rules
    from callguard.rules.authoring.backtest import backtest as run
    from callguard.rules.authoring.overrides import with_overrides

    if mode not in {"raised_voice", "emotion"}:
        fail(f"--mode {mode}: allowed: raised_voice, emotion", USAGE)
    try:
        texts = _texts(rules) if rules else configured_rules(config)
        second = with_overrides(_other(against) if against else texts, change or []) if against or change else None
        calls = _calls(files, CallFacts("stored", mode, queue, language))  # type: ignore[arg-type]  # checked above
        before = run(load_rules(texts), calls, calls_at_once)
        after = run(second, calls, calls_at_once) if second else None
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
    label = ", ".join([*map(str, against or []), *(change or [])])
    if plot is not None:
        from callguard.rules.authoring.plot import plot_backtest

        draw(plot, lambda: plot_backtest(plot, before, after, label, budget))
    if json:
        print_json({"before": before.as_json(), "after": after.as_json() if after else None, "change": label or None})
    else:
        _show_backtest(before, after, label)


rules_app.command()(verdicts)


def _show_tests(count: int, failures: "list[Failure]", json: bool) -> None:
    if json:
        print_json({"tests": count, "failures": [failure.model_dump() for failure in failures]})
        return
    for failure in failures:
        console.print(
            f"{failure.file}:{failure.line}: FAILED {failure.test}", style="red", markup=False, soft_wrap=True
        )
        console.print(failure.message, markup=False, soft_wrap=True)
    failed = len({(failure.file, failure.test) for failure in failures})
    console.print(f"{count} tests, {failed} failed")


def _show_backtest(before: "Backtest", after: "Backtest | None", label: str) -> None:
    from callguard.rules.authoring.rates import caution, length

    title = f"{length(before.hours)} of calls, {before.calls_at_once:g} calls at once per supervisor"
    table = Table(title=title + (f"; changed: {label}" if after else ""), box=SIMPLE_HEAD)
    table.add_column("rule", overflow="fold")
    table.add_column("rings", no_wrap=True)
    for heading in ("fires", "per h", "per sup.-h", *(("changed", "per sup.-h") if after else ())):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = {total.rule: total for total in before.totals}
    changed = {total.rule: total for total in after.totals} if after else {}
    for name in dict.fromkeys([*rows, *changed]):
        old, new = rows.get(name), changed.get(name)
        rings = "yes" if (old and old.rings) or (new and new.rings) else ""
        table.add_row(name, rings, *_cells(old, per_hour=True), *(_cells(new, per_hour=False) if after else ()))
    console.print(table)
    rings = f"rings per supervisor-hour: {before.rings_per_supervisor_hour:.2f}"
    console.print(rings + (f" -> {after.rings_per_supervisor_hour:.2f}" if after else ""))
    if caution(before.hours):
        console.print(caution(before.hours), style="yellow", soft_wrap=True)


def _cells(total: "Total | None", *, per_hour: bool) -> tuple[str, ...]:
    if total is None:
        return ("-",) * (3 if per_hour else 2)
    hourly = (f"{total.per_hour:.2f}",) if per_hour else ()
    return (str(total.fires), *hourly, f"{total.per_supervisor_hour:.2f}")


def _calls(files: list[Path], facts: "CallFacts") -> "list[Recorded]":
    from callguard.rules.authoring.stored import read_signals

    audio = [file for file in files if file.suffix.lower() in AUDIO]
    heard = _heard(audio, facts) if audio else {}
    return [
        heard[file] if file in heard else read_signals(str(file), _text(file).splitlines(), facts) for file in files
    ]


def _heard(files: list[Path], facts: "CallFacts") -> "dict[Path, Recorded]":
    """Run recordings through the live pipeline once; return their signals, which the rules then replay."""
    from callguard.analysis.recordings import Recording, RecordingError
    from callguard.analysis.replay import batches, load_models, replay_all
    from callguard.models.card import ModelError
    from callguard.rules.authoring.replay import from_columns
    from callguard.rules.engine.rule import RuleSet

    try:
        models = load_models()
    except ModelError as error:
        fail(str(error), USAGE)
    found: dict[Path, Recorded] = {}
    for part in batches(files):
        try:
            results = replay_all([Recording(file) for file in part], models, RuleSet(), facts.mode)
        except RecordingError as error:
            raise ConfigError([str(error)]) from error
        for file, result in zip(part, results, strict=True):
            legs = dict(zip(result.legs, result.signals.transpose(1, 0, 2), strict=True))
            found[file] = from_columns(str(file), facts, legs, result.call)
    return found


def _texts(paths: list[Path]) -> list[tuple[str, str]]:
    return [(str(file), _text(file)) for file in yaml_files(paths)]


def _given(paths: list[Path]) -> list[tuple[str, str]]:
    """Return rule files as (name, text); exit with USAGE where one can't be read."""
    try:
        return _texts(paths)
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)


def _other(paths: list[Path]) -> list[tuple[str, str]]:
    """Return the rule set to compare with; raise ConfigError for one that holds thresholds but no rules."""
    from callguard.rules import load_rules

    texts = _texts(paths)
    if not len(load_rules(texts)):
        raise ConfigError([f"--against {', '.join(map(str, paths))}: holds no rules; give the whole set"])
    return texts


def _beside(folder: Path, name: str) -> tuple[str, str]:
    return str(folder / name), _text(folder / name)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: can't be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"]) from error
