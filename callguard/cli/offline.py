"""`callguard analyze` and `callguard evaluate`: run recordings and labelled data through the live pipeline."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from callguard.cli.common import (
    FINDINGS,
    USAGE,
    ConfigOption,
    JsonOption,
    console,
    errors,
    fail,
    print_json,
    require,
    shipped_rules,
    without_config,
    yaml_files,
)

if TYPE_CHECKING:
    from callguard.analysis.replay import Replay
    from callguard.config import Config
    from callguard.rules import RuleSet
    from callguard.worker.pipeline import Models

Mode = Literal["raised_voice", "emotion", "off"]
RulesOption = Annotated[
    list[Path] | None,
    typer.Option("--rules", help="Rule file or folder instead of the configured ones; may be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(analyze)
    app.command()(evaluate)


def analyze(
    files: Annotated[
        list[Path],
        typer.Argument(help="WAV or FLAC, 8 kHz or more; stereo: left customer, right agent; mono: customer."),
    ],
    as_json: JsonOption = False,
    signals: Annotated[Path | None, typer.Option(help="CSV of all signals to write, one row a hop and leg.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture to write (PNG or SVG): levels, scores, alerts.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Overrides the configured analysis.mode.")] = None,
    rules: RulesOption = None,
    config: ConfigOption = None,
) -> None:
    """Run the live pipeline over recordings and print the alerts that would have fired.

    Without a configuration the shipped rules and the defaults hold. With several files, --signals and --plot name
    folders. Exit 1 when a file could not be analysed.

    Example: callguard analyze call.wav --plot call.png
    """
    from callguard.analysis.recordings import Recording, RecordingError
    from callguard.analysis.replay import replay
    from callguard.analysis.tables import as_object, write_signals

    if plot:
        require("matplotlib")
    outputs = [_targets(given, files, suffix) for given, suffix in ((signals, ".csv"), (plot, ".png"))]
    settings, base = _settings(config)
    ruleset = _rules(settings, base, rules)
    models = _models(settings)
    failed = False
    for file, table, picture in zip(files, *outputs, strict=True):
        try:
            with errors.status(f"listening to {escape(str(file))}"):
                result = replay(Recording(file), models, ruleset, mode or settings.analysis.mode)
        except RecordingError as error:
            errors.print(str(error), style="red", markup=False, soft_wrap=True)
            failed = True
            continue
        told = as_object(file, result)
        if as_json:
            print_json(told)
        else:
            _show(told, result)
        if table:
            _write(table, lambda path, found=result: write_signals(path, found))  # type: ignore[misc]  # a default binds
        if picture:
            _plot(picture, file, result, ruleset)
    if failed:
        raise typer.Exit(FINDINGS)


def evaluate(
    directory: Annotated[Path, typer.Argument(help="Folder of calls (index.json) or of clips (metadata.csv).")],
    as_json: JsonOption = False,
    html: Annotated[Path | None, typer.Option(help="Page to write: curves and timelines, self-contained.")] = None,
    mode: Annotated[Mode, typer.Option(help="Analysis mode for calls.")] = "raised_voice",
    rules: RulesOption = None,
    config: ConfigOption = None,
) -> None:
    """Score detection on labelled data.

    Calls: the episodes that the rules catch, the false alerts and the delays. Clips: how well the scores separate
    angry clips from others, each after a calm start of its speaker.

    Example: callguard evaluate recordings/ --html report.html
    """
    from callguard.analysis.recordings import RecordingError
    from callguard.rules.authoring.rates import caution

    if not directory.is_dir():
        fail(f"{directory}: no such folder", USAGE)
    if html and not html.parent.is_dir():
        fail(f"--html {html}: there is no folder {html.parent}", USAGE)
    if html:
        require("matplotlib")
    settings, base = _settings(config)
    models = _models(settings)
    calls = (directory / "index.json").exists()
    if not calls and not (directory / "metadata.csv").exists():
        fail(f"{directory}: holds neither index.json (calls) nor metadata.csv (clips)", USAGE)
    try:
        if calls:
            figures, page = _evaluate_calls(directory, models, _rules(settings, base, rules), mode)
        else:
            figures, page = _evaluate_clips(directory, models)
    except RecordingError as error:
        fail(str(error))
    if html:
        text = page()
        _write(html, lambda path: path.write_text(text, "utf-8"))
    if as_json:
        print_json({"directory": str(directory), **figures})
    else:
        _tell(figures)
        if figures.get("extrapolated"):
            console.print(caution(figures["any_rule"]["hours"]), style="yellow", soft_wrap=True)


Evaluation = tuple[dict[str, Any], Callable[[], str]]
"""Figures, and what draws their page."""


def _evaluate_calls(directory: Path, models: "Models", rules: "RuleSet", mode: Mode) -> Evaluation:
    from callguard.analysis.calls import score_calls, summarise
    from callguard.analysis.page import calls_page

    calls = score_calls(directory, models, rules, mode, _tracked("calls"))
    figures = summarise(calls)
    return figures, lambda: calls_page(f"Calls of {directory.name}", calls, figures)


def _evaluate_clips(directory: Path, models: "Models") -> Evaluation:
    from callguard.analysis.clips import score_clips, summarise
    from callguard.analysis.page import clips_page

    clips = score_clips(directory, models, _tracked("clips"))
    figures = summarise(clips)
    return figures, lambda: clips_page(f"Clips of {directory.name}", clips, figures)


def _tracked(words: str) -> Any:
    from rich.progress import track

    return lambda items: iter(track(items, words, console=errors, transient=True))


def _tell(figures: dict[str, Any], depth: int = 0) -> None:
    """Print figures as an indented outline; curves and marks are for JSON and the page."""
    for name, value in figures.items():
        if isinstance(value, list | bool):
            continue
        title = f"{'  ' * depth}{name.replace('_', ' ')}"
        if isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values()):
            console.print(title, style="bold")
            _tell(value, depth + 1)
        elif isinstance(value, dict):
            inner = ", ".join(f"{key.replace('_', ' ')} {number}" for key, number in value.items())
            console.print(f"{title}: {inner}", soft_wrap=True, markup=False)
        else:
            console.print(f"{title}: {value}", soft_wrap=True, markup=False)


def _settings(config: Path | None) -> tuple["Config", Path | None]:
    """Return the configuration and its path; without a file, the defaults and None."""
    from callguard.cli.common import read_config
    from callguard.config import Config

    return (Config(), None) if without_config(config) else read_config(config)


def _rules(settings: "Config", base: Path | None, given: list[Path] | None) -> "RuleSet":
    from callguard.config import ConfigError, read_rule_files
    from callguard.rules import load_rules

    try:
        if given:
            return load_rules([(str(path), path.read_text("utf-8")) for path in yaml_files(given)])
        return load_rules(shipped_rules() if base is None else read_rule_files(settings, base))
    except (OSError, UnicodeDecodeError) as error:
        fail(f"rules can't be read: {error}", USAGE)
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)


def _models(settings: "Config") -> "Models":
    from callguard.analysis.replay import load_models
    from callguard.models.card import ModelError

    try:
        analysis = settings.analysis
        return load_models(
            path=analysis.model, threads=analysis.onnx_threads, second_ear=analysis.second_ear, warn=_warn
        )
    except ModelError as error:
        fail(str(error), USAGE)


def _warn(fault: str) -> None:
    errors.print(f"warning: {fault}", style="yellow", markup=False, soft_wrap=True)


def _targets(given: Path | None, files: list[Path], suffix: str) -> list[Path | None]:
    """Return the output path of each file: the given path, or for several files a path named like the file below it."""
    if given is None:
        return [None] * len(files)
    if len(files) == 1 and not given.is_dir():
        return [given]
    targets = [given / (file.stem + suffix) for file in files]
    if doubled := sorted({str(each) for each in targets if targets.count(each) > 1}):
        fail(f"several recordings would write {', '.join(doubled)}; analyse them one by one", USAGE)
    _write(given, lambda path: path.mkdir(parents=True, exist_ok=True))
    return list(targets)


def _write(path: Path, work: Callable[[Path], object]) -> None:
    """Write a file or make a folder; exit with one line where that fails."""
    try:
        work(path)
    except OSError as error:
        fail(f"{path}: can't be written: {error.strerror}")


def _show(told: dict[str, Any], result: "Replay") -> None:
    scores, unjudged = told["scores"]["customer"], told["unjudged_s"].get("customer", {})
    title = f"[bold]{escape(told['file'])}[/]  {result.duration_s:.1f} s, {' and '.join(result.legs)}"
    console.print(title, soft_wrap=True)
    highest = scores["raised_voice_max"]
    voice = "voice not judged" if highest is None else f"raised voice at most {highest:.0%}"
    why = ", ".join(f"{reason} {seconds:.1f} s" for reason, seconds in unjudged.items())
    console.print(f"  speech {scores['speech_s']:.1f} s, {voice}" + (f"; not judged: {why}" if why else ""))
    for alert in result.alerts:
        end = "end" if alert.resolved_at_s is None else f"{alert.resolved_at_s:.1f} s"
        console.print(f"  {alert.fired_at_s:7.1f} s - {end}: {alert.rule} ({alert.leg}, {alert.severity})")
    if not result.alerts:
        console.print("  nothing fired")


def _plot(target: Path, file: Path, result: "Replay", ruleset: "RuleSet") -> None:
    """Draw a call; where a JSON file of the same name holds the truth, shade its episodes."""
    from callguard.analysis.plot import save_plot
    from callguard.analysis.recordings import RecordingError, read_truth

    shown = {name: ruleset.thresholds[name] for name in ("raised", "shouting") if name in ruleset.thresholds}
    try:
        save_plot(
            target, file.name.encode(errors="replace").decode(), result, shown, read_truth(file.with_suffix(".json"))
        )
    except (RecordingError, ValueError, OSError) as error:
        fail(f"{target}: can't be drawn: {error}")
