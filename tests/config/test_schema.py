"""Configuration is strict; errors say file, key path, what was found and what is allowed; secrets never show."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.config import Config, ConfigError, Rules, load_config, parse_config, read_rule_files

SAMPLE = Path(__file__).parents[2] / "config" / "callguard.yaml"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "callguard.yaml")
    return caught.value.problems


def test_the_sample_file_is_valid() -> None:
    assert load_config(SAMPLE).supervisors[0].endpoint == "PJSIP/supervisor1"


def test_an_empty_file_is_all_defaults() -> None:
    assert parse_config("", "x") == Config()


def test_an_unknown_key_names_its_path_and_the_nearest_one() -> None:
    (problem,) = problems("asterisk: {ari: {pasword: x}}")
    assert problem.startswith("callguard.yaml:1: asterisk.ari.pasword: unknown key; did you mean 'password'?")
    assert "timeout_s" in problem


def test_an_unknown_key_in_a_list_or_a_named_entry_lists_what_is_allowed_there() -> None:
    assert "endpoint" in problems("supervisors: [{name: a, endpoint: PJSIP/a, tiers: 1}]")[0]
    assert "language" in problems("analysis: {queues: {sales: {lang: en}}}")[0]


def test_a_wrong_value_is_shown() -> None:
    (problem,) = problems("media: {workers: 0}")
    assert "media.workers" in problem
    assert "must be at least 1, found 0" in problem


def test_every_problem_is_told_at_once() -> None:
    assert len(problems("media: {workers: 0, tap: tin}\nnode: 'a b'")) == 3


def test_a_missing_key_is_told() -> None:
    assert problems("supervisors: [{name: a}]")[0] == "callguard.yaml:1: supervisors.0.endpoint: missing, must be given"


@pytest.mark.parametrize("text", ["- 1", "just text", "a: [", "\t- x", "? {}: 1", "!!python/object:os.system {}"])
def test_what_is_no_mapping_of_sections_is_refused(text: str) -> None:
    assert re.match(r"callguard\.yaml:\d+: ", problems(text)[0])


@pytest.mark.parametrize(
    "text",
    [
        "asterisk: {ari: {password: hunter2}}",
        "asterisk: {ari: {password: [hunter2]}}",
        "asterisk: {ari: {password: {hunter2: x}}}",
        "asterisk: {ari: hunter2}",
        "asterisk: {ari: {url: 'http://callguard:hunter2@127.0.0.1:8088'}}",
        "asterisk: {ari: {url: 'ftp://callguard:hunter2@127.0.0.1:8088'}}",
        "redis: {url: 'redis://:hunter2@127.0.0.1:6379/0'}",
        "redis: {url: 'redis://127.0.0.1:6379/0?password=hunter2'}",
        "notify: {webhooks: {chat: {url: 'https://chat.example/hunter2'}}}",
        "notify: {webhooks: {chat: 'https://chat.example/hunter2'}}",
        "notify: {webhooks: {chat: {url: {https://chat.example/hunter2: x}}}}",
        "supervisors: [hunter2]",
        'asterisk:\n  ari:\n    password: "hunter2\n',
        "asterisk:\n  ari:\n\tpassword: hunter2\n",
        "asterisk: {ari: {password: hunter2: x}}",
        "asterisk: {ari: {password: *hunter2}}",
        "asterisk: {ari: {password: !hunter2 x}}",
        "asterisk: {ari: {password: %hunter2}}",
        "asterisk: {ari: {password: !!int hunter2}}",
    ],
)
def test_a_secret_written_into_the_file_is_refused_and_not_echoed(text: str) -> None:
    assert "hunter2" not in "".join(problems(text))


def test_where_a_secret_belongs_is_said() -> None:
    (problem,) = problems("console:\n  token: hunter2")
    assert problem.startswith("callguard.yaml:2: console.token: a secret is not written here; allowed: {env: NAME}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("console: {port: 1}\nconsole: {port: 2}", ":2: key 'console' stands twice"),
        ("node: 5", "node: expected text; put it in quotes, found 5"),
        ("console: {enabled: maybe}", "console.enabled: expected true or false, found 'maybe'"),
        ("console: {port: many}", "console.port: expected a whole number, found 'many'"),
        ("rules: {files: rules}", "rules.files: expected a list, found text"),
        ("logging: {level: loud}", "logging.level: allowed: debug, info, warning, error, found 'loud'"),
        ("privacy: {store_audio: true}", "privacy.store_audio: allowed: false, found true"),
        ("supervisors: [{name: a, endpoint: boss}]", "endpoint: must look like PJSIP/supervisor1, found 'boss'"),
        ("media: {rtp_start: 30000}", "media.rtp_end: must be above rtp_start, which is 30000"),
        ("supervision: {abuse_code: '*55'}", "supervision.abuse_code: is already help_code"),
        (
            "supervisors: [{name: a, endpoint: PJSIP/a}, {name: a, endpoint: PJSIP/b}]",
            "supervisors: a occurs twice; each supervisor needs a name of their own",
        ),
    ],
)
def test_what_was_found_and_what_is_allowed_is_said_in_words(text: str, said: str) -> None:
    assert said in problems(text)[0]


def test_the_mode_off_needs_no_quotes() -> None:
    config = parse_config("analysis: {mode: off, queues: {sales: {mode: off}}}", "x")
    assert (config.analysis.mode, config.analysis.queues["sales"].mode) == ("off", "off")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load_config(tmp_path / "none.yaml")


@given(st.text())
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    try:
        parse_config(text, "x")
    except ConfigError as error:
        assert all(re.match(r"x:\d+: ", problem) for problem in error.problems)  # noqa: PT017 - both outcomes are legal


def test_rule_files_are_found_beside_the_configuration_and_by_absolute_path(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "b.yaml").write_text("groups: []")
    (tmp_path / "rules" / "a.yaml").write_text("groups: [] # a")
    config = Config()
    assert [Path(name).name for name, _ in read_rule_files(config, tmp_path / "callguard.yaml")] == ["a.yaml", "b.yaml"]
    absolute = Config(rules=Rules(files=(str(tmp_path / "rules" / "a.yaml"),)))
    assert read_rule_files(absolute, Path("/elsewhere/c.yaml"))[0][1] == "groups: [] # a"


def test_a_pattern_that_finds_no_rules_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="matches no file"):
        read_rule_files(Config(), tmp_path / "callguard.yaml")


def test_the_language_of_a_queue_is_known_where_it_is_configured() -> None:
    analysis = Config.model_validate({"analysis": {"queues": {"ventes": {"language": "fr"}, "other": {}}}}).analysis
    assert [analysis.language_of(queue) for queue in ("ventes", "other", "none", None)] == ["fr", None, None, None]
