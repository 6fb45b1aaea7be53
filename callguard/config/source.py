"""Read YAML with line numbers, so that every problem names file and line.

Only plain data is built: no tags, no self-references, no duplicate keys, a bounded number of nodes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from callguard.config import error_text

Path = tuple[str | int, ...]
MOST_NODES: Final = 50_000
"""Most nodes of a document: aliases can expand a small file without end; a large rule file has some thousand nodes."""
DEEPEST: Final = 30

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = {_TAG + name for name in ("int", "float", "bool", "null")}
_COLLECTIONS: Final = {_TAG + name for name in ("map", "seq")}
_NO_TAGS: Final = "a tag (!…) is not allowed; put text that begins with ! in quotes"
_TEXT: Final = {_TAG + name for name in ("str", "timestamp")}


class ConfigError(Exception):
    """Invalid configuration; each of `problems` is one line with file, key path, value found and allowed values."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data and the line of each piece."""

    name: str
    data: Any
    node: yaml.Node | None

    def place(self, path: Path) -> str:
        """Return file:line of a key path, or of its nearest parent where the key is absent."""
        return f"{self.name}:{self.line_within(path, 1)}"

    def at(self, path: Path, message: str) -> str:
        """Return one line for a problem."""
        return f"{self.place(path)}: {message}"

    def line_within(self, path: Path, line: int) -> int:
        """Return the line in the file of a line (from 1) in the text at a key path."""
        node = _find(self.node, path)
        if node is None:
            return 1
        block = isinstance(node, yaml.ScalarNode) and node.style == "|"
        return int(node.start_mark.line) + line + (1 if block else 0)

    def problems(self, error: ValidationError, root: type[BaseModel]) -> list[str]:
        """Return one line for each problem that validation found."""
        return [self._problem(each, root) for each in error.errors(include_url=False)]

    def _problem(self, problem: Any, root: type[BaseModel]) -> str:
        path = _written(problem["loc"], self.data)
        dotted = ".".join(str(part) for part in path) or "the file"
        rule = _rule_of(self.data, path)
        section = _section(tuple(problem["loc"][:-1]), root)
        if problem["type"] == "extra_forbidden":
            shown = ".".join([*map(str, path[:-1]), "<hidden>"]) if getattr(section, "hides_keys", False) else dotted
            return self.at(path, f"{rule}{shown}: unknown key{_keys(str(path[-1]), section)}")
        like = _examples(path, section) if problem["type"] == "string_pattern_mismatch" else ""
        message = f"must look like {like}" if like else error_text.expected(problem)
        return self.at(path, f"{rule}{dotted}: {message}{error_text.found(dotted, problem)}")


def read_document(name: str, text: str, holding: str = "groups") -> Document:
    """Parse one YAML document, which must be a mapping of `holding` or empty. Raises ConfigError."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        data = {} if node is None else _Builder(name, loader).build(node, 0)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([_broken(name, error)]) from error
    if not isinstance(data, dict):
        raise ConfigError([f"{name}:1: found {error_text.name_of(data)}, expected a mapping of {holding}"])
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
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
            raise self._error(node, _NO_TAGS)
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
            raise self._error(node, _NO_TAGS)
        try:
            return self._loader.construct_object(node)
        except (ValueError, KeyError) as error:
            raise self._error(node, "not of its tag's type; put it in quotes if it is text") from error

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


def _keys(key: str, section: type[BaseModel] | None) -> str:
    allowed = [field.alias or name for name, field in section.model_fields.items()] if section else []
    return f"{error_text.did_you_mean(key, allowed)}; allowed: {', '.join(allowed)}"


def _examples(path: Path, section: type[BaseModel] | None) -> str:
    field = section.model_fields.get(str(path[-1])) if section else None
    return " or ".join(map(str, field.examples or ())) if field else ""


def _written(loc: Path, data: Any) -> Path:
    """Return a problem's key path as written: without pydantic's words for a key and for the member of a union."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        if part == "[key]" or (isinstance(data, dict) and part not in data and index + 1 < len(loc)):
            continue
        path.append(part)
        data = data.get(part) if isinstance(data, dict) else _item(data, part)
    return tuple(path)


def _item(data: Any, part: str | int) -> Any:
    return data[part] if isinstance(data, list) and isinstance(part, int) and part < len(data) else None


def _section(loc: Path, root: type[BaseModel]) -> type[BaseModel] | None:
    sections = [root]
    for part in loc:
        sections = _sections_below(sections, part)
    return sections[0] if sections else None


def _sections_below(sections: list[type[BaseModel]], part: int | str) -> list[type[BaseModel]]:
    """Return the possible sections below a key; a list's index or a user-defined name stays in the same ones.

    A union's sections are told apart by the value of a literal field, which pydantic gives as a part of the place.
    """
    if not sections or isinstance(part, int):
        return sections
    if part in sections[0].model_fields:
        return list(_sections_in(sections[0].model_fields[part].annotation))
    return [each for each in sections if _has_literal(each, part)] or sections


def _has_literal(section: type[BaseModel], value: str) -> bool:
    return any(
        get_origin(field.annotation) is Literal and value in get_args(field.annotation)
        for field in section.model_fields.values()
    )


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _sections_in(inner)


def _broken(name: str, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "nested too deep"
    if "alias" in str(what):
        what = "an alias (*…) that nothing defines; put text that begins with * in quotes"  # its name may be a secret
    return f"{name}:{line}: not valid YAML: {' '.join(str(what).split())}"
