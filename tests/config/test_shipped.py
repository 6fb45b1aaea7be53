"""The shipped files are found by one path, in a checkout and in an installed package."""

from pathlib import Path

import pytest

from callguard.config import shipped

ROOT = Path(__file__).parents[2]


def test_a_checkout_ships_its_own_files() -> None:
    assert shipped.config_folder().resolve() == ROOT / "config"
    assert shipped.runbooks_folder().resolve() == ROOT / "docs" / "runbooks"


def test_the_shipped_rules_are_those_that_the_sample_configuration_takes() -> None:
    assert [path.name for path in shipped.rule_files()] == ["conversation.yaml", "customer.yaml", "thresholds.yaml"]
    assert 'files: ["rules/*.yaml"]' in (shipped.config_folder() / "callguard.yaml").read_text("utf-8")


def test_every_kind_of_shipped_files_exists() -> None:
    found = list(shipped.shipped())
    assert {"config", "rules", "asterisk", "unit", "runbooks"} <= {each.kind for each in found}
    assert [each.path for each in found if not each.path.exists()] == []


def test_where_they_were_looked_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=f"not at {tmp_path}/config"):
        shipped.config_folder()
