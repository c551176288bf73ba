"""Damaged ONNX and Keras files: each is refused by its name, not by an error of a library."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from securemnist.errors import WeightsError
from securemnist.models.formats import keras_file
from securemnist.models.loading import resolve
from tests.error_form import one_sentence
from tests.models.formats.onnx_graphs import external, linear


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damaged_compression_refused(method: int, tmp_path: Path) -> None:
    """A changed byte of a compressed member is refused as a damaged archive, wherever it lies."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name in (keras_file.CONFIG, keras_file.METADATA, keras_file.WEIGHTS):
            archive.writestr(name, b"{}" * 500)
    content, file = packed.getvalue(), tmp_path / "net.keras"
    begin = content.index(b"config.json") + len(b"config.json")
    for place in range(begin, begin + 10):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with pytest.raises(WeightsError, match="expected") as caught:
            resolve(str(file))
        one_sentence(caught.value)


def test_names_in_another_encoding_refused(tmp_path: Path) -> None:
    """A name in ONNX that is not UTF-8 is refused, also that of a file with external data."""
    path = external(linear(), tmp_path / "net.onnx", "weights.bin")
    path.write_bytes(path.read_bytes().replace(b"weights.bin", b"\xff" * 11))
    with pytest.raises(WeightsError, match="expected names in UTF-8"):
        resolve(str(path))
