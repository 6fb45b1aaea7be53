"""A node's key is made once, read by its owner alone, and never half written."""

import asyncio
from pathlib import Path

import pytest

from callguard.runtime.node_key import BYTES, key_path, made_key, read_key


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = key_path(tmp_path / "state", "n1")
    key = made_key(path)
    assert (len(key), made_key(path), read_key(path)) == (2 * BYTES, key, key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_two_nodes_have_two_keys(tmp_path: Path) -> None:
    assert made_key(key_path(tmp_path, "n1")) != made_key(key_path(tmp_path, "n2"))


async def test_two_processes_that_start_together_agree(tmp_path: Path) -> None:
    path = key_path(tmp_path, "n1")
    keys = await asyncio.gather(*(asyncio.to_thread(made_key, path) for _ in range(2)), return_exceptions=True)
    assert read_key(path) in keys


def test_a_file_without_a_key_is_refused(tmp_path: Path) -> None:
    path = key_path(tmp_path, "n1")
    path.write_text("short\n")
    with pytest.raises(OSError, match="holds no key"):
        made_key(path)
