"""Audio in a WAV file that its header does not tell of."""

from pathlib import Path

import pytest

from callguard.analysis.riff import OPEN_ENDED, doubt

FORM = b"fmt " + (16).to_bytes(4, "little") + bytes(16)


def chunk(name: bytes, content: bytes, length: int | None = None) -> bytes:
    return name + (len(content) if length is None else length).to_bytes(4, "little") + content


def wav(*chunks: bytes) -> bytes:
    return b"RIFF" + bytes(4) + b"WAVE" + FORM + b"".join(chunks)


@pytest.mark.parametrize(
    "content",
    [
        wav(chunk(b"data", bytes(100))),
        wav(chunk(b"data", b"")),
        wav(chunk(b"LIST", b"info"), chunk(b"data", bytes(100)), chunk(b"id3 ", bytes(7)), bytes(1)),
        wav(chunk(b"data", bytes(99)), bytes(1)),
        wav(chunk(b"data", bytes(100), OPEN_ENDED)),
        wav(chunk(b"data", bytes(100), 0xFFFFFFFF)),
        b"fLaC" + bytes(100),
        b"RIFF",
        b"",
    ],
)
def test_a_file_whose_header_tells_of_all_that_follows_is_not_doubted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    assert doubt(path) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (wav(chunk(b"data", bytes(100), 300)), "cut off: 200 of 300 bytes"),
        (
            wav(chunk(b"data", bytes(range(1, 101)), 0)),
            "its header leaves out the last 100",
        ),
        (
            wav(chunk(b"data", bytes([200]) * 100, 40)),
            "its header leaves out the last 60",
        ),
    ],
)
def test_a_header_that_tells_of_more_or_of_less_is_doubted(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    assert words in (doubt(path) or "")
