"""`callguard files`: where the shipped files lie."""

from typing import Annotated

import typer

from callguard.cli.common import USAGE, JsonOption, console, fail, print_json


def files(
    kind: Annotated[str | None, typer.Argument(help="Print the path of this kind alone, for scripts.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell where the shipped rules, snippets for Asterisk, systemd unit, runbooks, prompts and models lie.

    Example: cp -r "$(callguard files rules)" /etc/callguard/
    """
    from callguard.config.shipped import shipped

    found = {each.kind: each for each in shipped()}
    if kind is not None and kind not in found:
        fail(f"no shipped files of kind {kind!r}; kinds: {', '.join(found)}", USAGE)
    chosen = [found[kind]] if kind else [*found.values()]
    if as_json:
        print_json({each.kind: str(each.path) for each in chosen})
        return
    for each in chosen:
        if kind:
            typer.echo(each.path)
        else:
            console.print(f"{each.kind:9} {each.path}", markup=False, soft_wrap=True)
            console.print(f"{'':9} {each.meaning}", style="dim", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(files)
