"""Our own files are written where systemd and the commands look for them."""

import stat
from pathlib import Path

from callguard.config.shipped import rule_files
from callguard.setup.changes import make_all
from callguard.setup.outputs import default_unit, product_changes, secrets_change, stored_secrets, unit_text


def test_secrets_are_kept_beside_others_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("# mine\nSMTP=1\nA=old\n")
    make_all([secrets_change(tmp_path, {"A": "new", "B": "2"})])
    file = tmp_path / "secrets.env"
    assert file.read_text() == "# mine\nSMTP=1\nA=new\nB=2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stored_secrets(tmp_path) == {"SMTP": "1", "A": "new", "B": "2"}
    assert secrets_change(tmp_path, {"A": "new"}).kind == "same"


def test_no_secrets_are_stored_yet(tmp_path: Path) -> None:
    assert stored_secrets(tmp_path) == {}
    assert secrets_change(tmp_path, {"A": "1"}).kind == "new"


def test_configuration_rules_and_unit_are_written(tmp_path: Path) -> None:
    changes = product_changes(tmp_path, tmp_path / "u.service", "node: x\n")
    make_all(changes)
    assert (tmp_path / "callguard.yaml").read_text() == "node: x\n"
    assert {path.name for path in (tmp_path / "rules").iterdir()} == {path.name for path in rule_files()}
    assert {change.kind for change in changes} == {"same"}


def test_the_unit_starts_this_program_with_this_folder(tmp_path: Path) -> None:
    text = unit_text(tmp_path)
    assert f"callguard run --config {tmp_path}/callguard.yaml" in text
    assert f"EnvironmentFile=-{tmp_path}/secrets.env" in text
    assert "/opt/callguard" not in text
    assert default_unit(tmp_path).name == "callguard.service"
