"""Other formats that a file has as well: a reader that is chosen by the file's name may run those.

ZIP archives are found by their end, HDF5 also behind a block of the user, older TAR archives by a
checksum. So Keras reads `net.keras` and `net.h5` whose first bytes are those of ONNX.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Sequence

from securemnist.foreign import hdf5_file
from securemnist.foreign.outcome import Reason, unknown
from securemnist.foreign.zip_layout import Member
from securemnist.models.formats.keras_file import WEIGHTS

# Where HDF5 may begin: at 0, 512, 1024, 2048 and so on (HDF5 File Format Specification, II.A).
_PLACES = (0, *(512 << power for power in range(32)))


def reasons(content: bytes) -> list[Reason]:
    """What else a file is that is no ZIP archive by its first bytes."""
    also = {
        "a ZIP archive": lambda each: zipfile.is_zipfile(io.BytesIO(each)),
        "a TAR archive": _is_tar,
    }
    found = [unknown(f"is {name}, too") for name, holds in also.items() if holds(content)]
    return found + in_archive(content)


def in_archive(content: bytes, members: Sequence[Member] = ()) -> list[Reason]:
    """Whether a file is HDF5, too; weights of Keras among the `members` are judged themselves."""
    place = next((each for each in _PLACES if content.startswith(hdf5_file.MAGIC, each)), 0)
    judged = (each.content for each in members if each.name == WEIGHTS and each.stored)
    other = place and not any(content.startswith(each, place) for each in judged)
    return [unknown("is HDF5, too", offset=place)] if other else []


def _is_tar(content: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(content[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
