"""YAML with line numbers: every problem names file and line.

Only plain data is built: no tags, no self-references, no doubled keys, a bounded number of nodes.
"""

import difflib
import reprlib
from dataclasses import dataclass
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from callguard.config import ConfigError

Path = tuple[str | int, ...]
MOST_NODES: Final = 50_000
"""Aliases can make a small file expand without end; the largest sensible rule file has some thousand nodes."""
DEEPEST: Final = 30

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = {_TAG + name for name in ("int", "float", "bool", "null")}
_TEXT: Final = {_TAG + name for name in ("str", "timestamp")}


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data together with where each piece stands."""

    name: str
    data: Any
    node: yaml.Node | None

    def place(self, path: Path) -> str:
        """Return file:line of a key path; of its nearest parent where it is absent."""
        return f"{self.name}:{self.line_within(path, 1)}"

    def at(self, path: Path, message: str) -> str:
        """Return one line for a problem."""
        return f"{self.place(path)}: {message}"

    def line_within(self, path: Path, line: int) -> int:
        """Return the file's line for a line (from 1) of the text at a key path."""
        node = _find(self.node, path)
        if node is None:
            return 1
        block = isinstance(node, yaml.ScalarNode) and node.style == "|"
        return int(node.start_mark.line) + line + (1 if block else 0)

    def problems(self, error: ValidationError, root: type[BaseModel]) -> list[str]:
        """Return one line for each thing that validation found."""
        return [self._problem(each, root) for each in error.errors(include_url=False, include_context=False)]

    def _problem(self, problem: Any, root: type[BaseModel]) -> str:
        path: Path = tuple(part for part in problem["loc"] if part != "[key]")
        dotted = ".".join(str(part) for part in path) or "the file"
        rule = _rule_of(self.data, path)
        if problem["type"] == "extra_forbidden":
            return self.at(path, f"{rule}{dotted}: unknown key{_keys(path, root)}")
        message = problem["msg"].removeprefix("Value error, ")
        found = "" if problem["type"] == "missing" else f", found {reprlib.repr(problem['input'])}"
        return self.at(path, f"{rule}{dotted}: {message}{found}")


def read_document(name: str, text: str) -> Document:
    """Parse one YAML document; an empty one is an empty mapping. Raises ConfigError."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        data = {} if node is None else _Builder(name, loader).build(node, 0)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError([_broken(name, error)]) from error
    if not isinstance(data, dict):
        raise ConfigError([f"{name}:1: found {type(data).__name__}, expected a mapping with groups"])
    return Document(name, data, node)


class _Builder:
    def __init__(self, name: str, loader: yaml.SafeLoader) -> None:
        self._name = name
        self._loader = loader
        self._built = 0

    def build(self, node: yaml.Node, depth: int) -> Any:
        self._built += 1
        if depth > DEEPEST or self._built > MOST_NODES:
            raise self._error(node, "too deep or too large (an alias that refers to itself?)")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a key must be a word")
            if key.value in found:
                raise self._error(key, f"key {key.value!r} stands twice")
            found[key.value] = self.build(value, depth + 1)
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag in _TEXT:
            return node.value
        if node.tag not in _PLAIN:
            raise self._error(node, f"tag {node.tag!r} is not allowed")
        try:
            return self._loader.construct_object(node)
        except (ValueError, KeyError) as error:
            raise self._error(node, f"{node.value[:40]!r} is not of its tag's type") from error

    def _error(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError([f"{self._name}:{node.start_mark.line + 1}: {message}"])


def _find(node: yaml.Node | None, path: Path) -> yaml.Node | None:
    for part in path:
        inner = _child(node, part)
        if inner is None:
            return node
        node = inner
    return node


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def _rule_of(data: Any, path: Path) -> str:
    try:
        return f"rule {data['groups'][path[1]]['rules'][path[3]]['alert']}: "[:90]
    except (LookupError, TypeError):
        return ""


def _keys(path: Path, root: type[BaseModel]) -> str:
    model = root
    for part in path[:-1]:
        if isinstance(part, str):
            model = model.model_fields[part].annotation.__args__[0]  # type: ignore[union-attr]  # tuples of models
    allowed = [field.alias or name for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(str(path[-1]), allowed, 1)
    return (f"; did you mean {near[0]!r}?" if near else "") + f"; allowed: {', '.join(allowed)}"


def _broken(name: str, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    what = getattr(error, "problem", None) or str(error) or "nested too deep"
    return f"{name}:{line}: not valid YAML: {' '.join(str(what).split())}"
