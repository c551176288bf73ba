"""Other formats that a file has as well: a reader that is chosen by the file's name may run those.

ZIP archives are found by their end, HDF5 also behind a block of the user, older TAR archives by a
checksum. So Keras reads `net.keras` and `net.h5` whose first bytes are those of ONNX.
"""

from __future__ import annotations

import io
import tarfile
import zipfile

from securemnist.foreign import hdf5_file
from securemnist.foreign.outcome import Reason, unknown

# Where HDF5 may begin: at 0, 512, 1024, 2048 and so on (HDF5 File Format Specification, II.A).
_PLACES = (0, *(512 << power for power in range(32)))


def reasons(content: bytes) -> list[Reason]:
    """What else a file is, other than by its first bytes."""
    also = {"a ZIP archive": _is_zip, "a TAR archive": _is_tar, "HDF5": _is_hdf5}
    return [unknown(f"is {name}, too") for name, holds in also.items() if holds(content)]


def _is_zip(content: bytes) -> bool:
    return zipfile.is_zipfile(io.BytesIO(content))


def _is_tar(content: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(content[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _is_hdf5(content: bytes) -> bool:
    found = [place for place in _PLACES if content.startswith(hdf5_file.MAGIC, place)]
    return bool(found) and found[0] > 0
