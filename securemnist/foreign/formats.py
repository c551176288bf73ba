"""The format of a file, by its bytes alone, and its triage."""

from __future__ import annotations

import safetensors

from securemnist._util.tensor_file import read_header
from securemnist.errors import ParseError, first_line
from securemnist.foreign import (
    hdf5_file,
    members,
    numpy_array,
    onnx_model,
    other_readings,
    pickle_stream,
    torch_legacy,
    torch_zip,
    zip_layout,
)
from securemnist.foreign.outcome import Outcome, Reason, unknown
from securemnist.foreign.zip_layout import Layout

TORCH_ZIP, TORCH_LEGACY, ARRAYS = "torch checkpoint", "legacy torch checkpoint", "NumPy arrays"
KERAS, HDF5, ONNX, SAFETENSORS = "Keras 3 archive", "HDF5", "ONNX", "safetensors"
PICKLE = "pickle"
# Formats whose tensors `import` reads.
IMPORTED = (TORCH_ZIP, TORCH_LEGACY, ARRAYS)
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"Rar!": "RAR",
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


@pickle_stream.one_file()
def examine(content: bytes) -> tuple[str, list[Reason]]:
    """The name of the format, and the reasons against the file."""
    if content.startswith(_ZIP):
        layout = zip_layout.read(content)
        kind, found = _zip(layout)
        return kind, found + other_readings.in_archive(content, layout.members)
    kind, found = _by_first_bytes(content)
    return kind, found + other_readings.reasons(content)


def _by_first_bytes(content: bytes) -> tuple[str, list[Reason]]:
    if content.startswith(numpy_array.MAGIC):
        return "NumPy array", numpy_array.reasons(content)
    if content.startswith(hdf5_file.MAGIC):
        return HDF5, hdf5_file.reasons(content)
    for mark, name in _PACKED.items():
        if content.startswith(mark):
            return name, [unknown(f"is compressed by {name}; unpack it first")]
    if content[257:262] == b"ustar":
        return "TAR archive", torch_legacy.tar_reasons(content)
    if _is_safetensors(content):
        return SAFETENSORS, _safetensors_reasons(content)
    if content[:1] == b"\x08":  # the version of an ONNX file; no instruction of a pickle
        return ONNX, onnx_model.reasons(content)
    if torch_legacy.is_legacy(content):
        return TORCH_LEGACY, torch_legacy.reasons(content)
    return _pickle(content)


def _zip(layout: Layout) -> tuple[str, list[Reason]]:
    names = layout.names
    if "config.json" in names:
        return KERAS, hdf5_file.archive_reasons(layout)
    if any(name.endswith(f"/{torch_zip.PICKLE}") for name in names):
        return TORCH_ZIP, torch_zip.reasons(layout)
    if names and all(each.content.startswith(numpy_array.MAGIC) for each in layout.members):
        return ARRAYS, numpy_array.archive_reasons(layout)
    found = [*layout.problems, unknown("is an archive of no known format")]
    for member in layout.members:
        found += members.reasons(member.name, member.content)
    return "ZIP archive", found


def _pickle(content: bytes) -> tuple[str, list[Reason]]:
    """A pickle, or a file of no known format, which an unpickler would run up to its error."""
    found = pickle_stream.scan_all(content)
    if content[:1] == b"\x80" or pickle_stream.scan(content).end is not None:
        return PICKLE, found
    return "no known format", [*found, unknown("is no model file that scan knows")]


def _is_safetensors(content: bytes) -> bool:
    if content[8:9] != b"{":
        return False
    try:
        read_header(content)
    except ParseError:
        return False
    return True


def _is_meant(reason: Reason) -> bool:
    """Whether a reason is malicious, and not what a length of the header happens to say.

    Such are an extension, of which no process has any by itself, and a name of other bytes.
    """
    plain = not reason.name or reason.name.replace(".", "_").isidentifier()
    extension = reason.opcode.startswith("EXT")
    return reason.outcome is Outcome.MALICIOUS and plain and not extension


def _safetensors_reasons(content: bytes) -> list[Reason]:
    """Whether the tensors fill the file, have the types and sizes that they state, and are no pickle.

    An unpickler may take the length of the header for instructions, and then those among the tensors.
    """
    found = list(filter(_is_meant, pickle_stream.scan_all(content)))
    try:
        safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    except Exception as error:  # the library raises what its parser raises
        found.append(unknown(f"is no complete safetensors file: {first_line(error):.120}"))
    return found
