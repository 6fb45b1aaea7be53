"""Check that the secrets which a configuration names can be read."""

from collections.abc import Iterator

from callguard.config import Config, ConfigError, Secret, Section


def unreadable_secrets(config: Config, source: str) -> list[str]:
    """Return one line for each required secret that can't be read; `source` names the file."""
    unused = {"asterisk.ami.": config.asterisk.ami.enabled, "console.": config.console.enabled, "redis.senders.": False}
    skipped = tuple(prefix for prefix, needed in unused.items() if not needed)
    return [
        f"{source}: {path}: {problem}"
        for path, secret in _secrets(config, "")
        if not path.startswith(skipped)
        for problem in _problems(secret)
    ]


def require_secrets(config: Config, source: str) -> None:
    """Raise ConfigError where a required secret can't be read."""
    if problems := unreadable_secrets(config, source):
        raise ConfigError(problems)


def _problems(secret: Secret) -> list[str]:
    try:
        secret.read()
    except ConfigError as error:
        return error.problems
    return []


def _secrets(value: object, path: str) -> Iterator[tuple[str, Secret]]:
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, Section):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), f"{path}.{name}".lstrip("."))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _secrets(inner, f"{path}.{name}")
