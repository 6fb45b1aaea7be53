"""Writes docs/configuration.md from the configuration's classes: `python -m tools.docs [--check]`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from callguard.config import Config, Secret

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
HEAD = """# Configuration

`callguard.yaml`, YAML, strict: an unknown key is an error that names the nearest known one. Look at it with
`callguard check`; change it and send SIGHUP (or `callguard reload`): a bad file is refused and the old one stays in
force. Secrets are never written here: each `password`, `secret`, `token` or `key` takes `{env: NAME}` or
`{file: PATH}`.

This page is generated from the code by `make docs`; a test keeps it complete.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_section("", Config)]) + "\n"


def _section(path: str, model: type[BaseModel]) -> Iterator[str]:
    title = f"`{path}`" if path else "Top level"
    yield f"\n## {title}\n\n{(model.__doc__ or '').strip()}\n"
    yield "| key | what | type | default |\n| --- | --- | --- | --- |"
    nested = []
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner and inner is not Secret:
            nested.append((_path(path, name, field), inner))
        yield f"| `{name}` | {field.description} | {_type(field)} | {_default(field)} |"
    for inner_path, inner in nested:
        yield from _section(inner_path, inner)


def _path(path: str, name: str, field: FieldInfo) -> str:
    base = f"{path}.{name}" if path else name
    origin = get_origin(field.annotation)
    return f"{base}.NAME" if origin is dict else f"{base}[]" if origin is tuple else base


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


def _type(field: FieldInfo) -> str:
    text = str(field.annotation) if get_args(field.annotation) else getattr(field.annotation, "__name__", "")
    for noise in ("typing.", "callguard.config.", "pathlib.", "collections.abc."):
        text = text.replace(noise, "")
    limits = [str(limit) for limit in field.metadata if "FieldInfo" not in str(limit)]
    return "`" + text.replace("|", "\\|") + "`" + (f" {', '.join(limits)}" if limits else "").replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, Secret):
        return f"`{{env: {field.default.env}}}`" if field.default.env else "none"
    if isinstance(field.default, BaseModel):
        return "see below"
    return f"`{field.default!r}`"


def main() -> int:
    """Write the page, or with --check say whether it is up to date."""
    if "--check" not in sys.argv:
        PAGE.write_text(page(), "utf-8")
        return 0
    return int(not PAGE.exists() or PAGE.read_text("utf-8") != page())


if __name__ == "__main__":
    sys.exit(main())
