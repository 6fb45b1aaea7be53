"""Write docs/configuration.md from the configuration's classes: `python -m tools.docs [--check]`."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from callguard.config import Config, Secret
from callguard.config.reload import RELOADS

WORDS = {str: "text", int: "whole number", float: "number", bool: "`true` \\| `false`", Path: "path"}
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
HEAD = """# Configuration

`callguard.yaml` is strict YAML: an unknown key is an error that names the nearest known key. `callguard check`
validates it. `callguard reload`, or SIGHUP to the service, puts a changed file in force. An invalid file is refused
whole, and the old configuration stays in force; the answer and the log give the reason. They also name changed keys
that need a restart. Each section tells the effect of a reload on it; `node` needs a restart.

The file never holds secrets: each `password`, `secret`, `token` or `key` takes `{env: NAME}` or `{file: PATH}`. A
reload reads the secrets again.

`make docs` generates this page from the code, and a test keeps it complete.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_section("", Config)]) + "\n"


def _section(path: str, model: type[BaseModel]) -> Iterator[str]:
    title = f"`{path}`" if path else "Top level"
    yield f"\n## {title}\n\n{inspect.cleandoc(model.__doc__ or '')}\n"
    if path.removesuffix("[]") in RELOADS:
        yield f"A reload: {RELOADS[path.removesuffix('[]')]}\n"
    yield "| key | meaning | type | default |\n| --- | --- | --- | --- |"
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
    words = [_words(field.annotation), *filter(None, map(_limit, field.metadata))]
    if field.examples:
        words.append("like " + " or ".join(f"`{each}`" for each in field.examples))
    return ", ".join(words)


def _words(annotation: Any) -> str:
    """Return a type in the words of the file's author."""
    if annotation in WORDS:
        return WORDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "secret" if annotation is Secret else "section"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return ", ".join([_words(inner[0]), *filter(None, map(_limit, inner[1:]))])
    if origin is Literal:
        return " \\| ".join(f"`{str(each).lower()}`" for each in inner)
    if origin is tuple:
        return f"list of {_words(inner[0])}"
    if origin is dict:
        return f"name to {_words(inner[1])}"
    return _words(next(each for each in inner if each is not type(None)))  # optional


def _limit(limit: Any) -> str:
    """Return a bound in words; an empty text for validators and patterns."""
    inner = getattr(limit, "metadata", None)
    if inner:
        return ", ".join(filter(None, map(_limit, inner)))
    return next(
        (f"{sign} {value:g}" for name, sign in BOUNDS.items() if (value := getattr(limit, name, None)) is not None), ""
    )


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, Secret):
        return f"`{{env: {field.default.env}}}`" if field.default.env else "none"
    if isinstance(field.default, BaseModel):
        return "see below"
    if field.default is None or field.default in ((), {}):
        return "none"
    shown = json.dumps(TypeAdapter(Any).dump_python(field.default, mode="json"), ensure_ascii=False)
    return f"`{shown}`"


def main() -> int:
    """Write the page, or with --check report whether it is up to date."""
    if "--check" not in sys.argv:
        PAGE.write_text(page(), "utf-8")
        return 0
    return int(not PAGE.exists() or PAGE.read_text("utf-8") != page())


if __name__ == "__main__":
    sys.exit(main())
