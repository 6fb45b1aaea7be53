"""The pages about init keep up with its answers and its files."""

import re
from pathlib import Path

import pytest

from callguard.setup.answers import Answers, AsteriskAnswers, Login, QueueAnswers, RolesAnswers, load_answers
from callguard.setup.conf import FREEPBX, PLAIN

DOCS = Path(__file__).parents[2] / "docs"
INSTALL = (DOCS / "install.md").read_text("utf-8")


def keys() -> list[str]:
    nested = {"asterisk": AsteriskAnswers, "roles": RolesAnswers, "queues": QueueAnswers}
    found = [name for name in Answers.model_fields if name not in nested]
    found += [f"asterisk.{name}" for name in AsteriskAnswers.model_fields if name not in ("ari", "ami")]
    found += [f"roles.{name}" for name in RolesAnswers.model_fields]
    found += [f"queues.NAME.{name}" for name in QueueAnswers.model_fields]
    found += ["asterisk.ari.url", "asterisk.ami.host", "asterisk.ami.port"]
    return [*found, *(f"asterisk.{part}.{name}" for part in ("ari", "ami") for name in ("user", "secret"))]


@pytest.mark.parametrize("key", keys())
def test_every_answer_is_on_the_page(key: str) -> None:
    assert re.search(rf"^\|.*`{re.escape(key)}`", INSTALL, re.MULTILINE)


def test_the_keys_of_a_login_are_known_here() -> None:
    assert set(Login.model_fields) == {"url", "host", "port", "user", "secret"}


def test_the_pages_example_is_a_valid_file(tmp_path: Path) -> None:
    (example,) = re.findall(r"^(    asterisk: \{install.*?)\n\n", INSTALL, re.MULTILINE | re.DOTALL)
    file = tmp_path / "answers.yaml"
    file.write_text(re.sub("^    ", "", example, flags=re.MULTILINE))
    assert load_answers(file).supervisors is not None


def test_the_pages_name_the_files_that_take_our_lines() -> None:
    freepbx = (DOCS / "freepbx.md").read_text("utf-8")
    for snippet, target in FREEPBX.targets.items():
        assert re.search(rf"^\| `{re.escape(snippet)}`.*`{re.escape(target)}`", freepbx, re.MULTILINE), snippet
    assert all(f"`{target}`" in INSTALL for target in PLAIN.targets.values())
