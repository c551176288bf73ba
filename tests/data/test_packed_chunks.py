"""PNG files of packed profiles and texts, of which each is unpacked to 1 MiB."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from securemnist.data import picture
from securemnist.errors import DataError
from tests.error_form import one_sentence

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
_BEFORE, _AFTER = 33, -12  # behind the header, before the end
_PACKED = {
    "profile": (b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 20), 9)),
    "text": (b"iTXt", b"a\0\1\0\0\0" + zlib.compress((1 << 20) * b"\xff", 9)),
    "Latin text": (b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 10), 9)),
}


def with_chunks(kind: str, count: int, place: int) -> bytes:
    """A picture of 8x8 pixels with so many packed chunks at a place of the file."""
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, "PNG")
    name, data = _PACKED[kind]
    chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    content = file.getvalue()
    return content[:place] + count * chunk + content[place:]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("place", [_BEFORE, _AFTER], ids=["before", "after"])
@pytest.mark.parametrize("kind", _PACKED)
def test_many_packed_chunks_are_refused(kind: str, place: int) -> None:
    """A file below 32 MiB whose chunks are unpacked for a minute is refused at once by one sentence."""
    content = with_chunks(kind, 20_000, place)
    assert len(content) < picture.MAX_BYTES
    with pytest.raises(
        DataError, match="at most 100 packed profiles and texts, got 20,000"
    ) as caught:
        picture.decoded(content, "here", None)
    one_sentence(caught.value)


@pytest.mark.parametrize("kind", _PACKED)
def test_some_packed_chunks_are_read(kind: str) -> None:
    """A picture with a profile or some texts has the pixels of one without."""
    count = 1 if kind == "profile" else 50
    found = picture.decoded(with_chunks(kind, count, _BEFORE), "here", None)
    np.testing.assert_array_equal(found[0, 0].numpy(), GREY)
