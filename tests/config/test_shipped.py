"""The shipped configuration is found in a checkout and beside an installed package."""

from pathlib import Path

import pytest

from callguard.config import shipped


def test_a_checkout_has_its_own_files() -> None:
    assert shipped.config_folder() == Path(__file__).parents[2] / "config"
    assert list(shipped.rules_folder().glob("*.yaml"))


def test_an_installed_package_has_them_at_its_second_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "callguard.yaml").touch()
    monkeypatch.setattr(shipped, "_PLACES", (tmp_path / "none", tmp_path))
    assert shipped.config_folder() == tmp_path
    assert shipped.rules_folder() == tmp_path / "rules"


def test_where_they_were_looked_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_PLACES", (tmp_path / "one", tmp_path / "two"))
    with pytest.raises(FileNotFoundError, match=r"/one, .*/two$"):
        shipped.config_folder()
