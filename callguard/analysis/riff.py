"""Find audio in a WAV file that its header does not tell of: a reader that trusts the header would skip it.

A recorder that was killed leaves a header that tells of no audio, or of less than there is; a transfer that broke off
leaves one that tells of more.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

_HEAD: Final = 8
"""Bytes of a chunk's name and length."""
_FIRST_CHUNK: Final = 12
"""Offset of the first chunk: after `RIFF`, a length and `WAVE`."""
OPEN_ENDED: Final = 0x7FFF_0000
"""Lengths from here on are no lengths: programs that write to a pipe put them there."""
_SLACK: Final = 8
"""Bytes after the last chunk that are padding."""


class _Chunk(NamedTuple):
    name: bytes
    start: int
    length: int


def doubt(path: Path) -> str | None:
    """Return why a WAV file may hold other audio than its header tells; None for other files and for sound ones.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        return _doubt(file, size) if _is_wav(file) else None


def _is_wav(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(_FIRST_CHUNK)
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"


def _doubt(file: BinaryIO, size: int) -> str | None:
    end = _FIRST_CHUNK
    for chunk in _chunks(file, size):
        if not chunk.name.isascii() or not chunk.name.decode("ascii", "replace").isprintable():
            break
        end = chunk.start + chunk.length + chunk.length % 2
        if chunk.name == b"data" and chunk.length < OPEN_ENDED and chunk.start + chunk.length > size:
            missing = chunk.start + chunk.length - size
            return f"cut off: {missing} of {chunk.length} bytes of its audio are missing"
    left = size - end
    return None if left <= _SLACK else f"not finished by its recorder: its header leaves out the last {left} bytes"


def _chunks(file: BinaryIO, size: int) -> Iterator[_Chunk]:
    at = _FIRST_CHUNK
    while at + _HEAD <= size:
        file.seek(at)
        head = file.read(_HEAD)
        chunk = _Chunk(head[:4], at + _HEAD, int.from_bytes(head[4:], "little"))
        yield chunk
        at = chunk.start + chunk.length + chunk.length % 2
