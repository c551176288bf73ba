"""Peak memory of data larger than memory: `python -m benchmarks.large_data [IMAGES]`.

Writes an uncompressed .npz of IMAGES (100,000 by default) colour images of 224x224 to a temporary
folder. A process of its own loads it, looks for copies and reads a batch; its peak resident memory is
printed. The file is sparse: it needs 0.4 GB of disk for 15 GB.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess  # nosec B404 # a fixed list, no shell
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

IMAGES, SIDE = 100_000, 224
_PAGE = 4096
_ZEROS = bytes(SIDE * SIDE * 3 - _PAGE)


class _SparseFile(io.FileIO):
    """A file in which zeros take no room."""

    def write(self, content: bytes) -> int:  # type: ignore[override]
        """Write the bytes, or skip them where they are zeros."""
        if content is _ZEROS:
            self.seek(len(content), os.SEEK_CUR)
            return len(content)
        return super().write(content)


def write(path: Path, count: int) -> None:
    """Write the archive; every image is black but for its number in the first row."""
    labels = io.BytesIO()
    np.save(labels, np.arange(count) % 1_000)
    described = {"descr": "|u1", "fortran_order": False, "shape": (count, SIDE, SIDE, 3)}
    with _SparseFile(path, "w") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("y_test.npy", labels.getvalue())
        with archive.open("x_test.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, described)
            for number in range(count):
                member.write(b"\xff" + number.to_bytes(_PAGE - 1, "little"))
                member.write(_ZEROS)


def load(path: Path) -> None:
    """Load the set, look for copies, read a batch; print times and the peak of resident memory."""
    from securemnist import data

    began = time.monotonic()
    loaded = data.load(path)
    seconds = time.monotonic() - began
    copies = str(loaded.copies) or "no copies"
    batch = loaded.test[len(loaded.test) // 2 :][:256].images()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    size = path.stat().st_size / 2**30
    print(f"{loaded.spec}, {len(loaded.test):,} images, {size:.1f} GiB; {copies}")
    print(f"loaded in {seconds:.0f} s; a batch of {tuple(batch.shape)}; peak {peak:.2f} GiB")


def main(words: list[str]) -> None:
    """Write the file and load it in another process; with a path, load that."""
    if words and not words[0].isdecimal():
        load(Path(words[0]))
        return
    with tempfile.TemporaryDirectory(prefix="securemnist-") as folder:
        path = Path(folder) / "large.npz"
        write(path, int(words[0]) if words else IMAGES)
        command = [sys.executable, "-m", "benchmarks.large_data", str(path)]
        subprocess.run(command, check=True)  # nosec B603 # a fixed list


if __name__ == "__main__":
    main(sys.argv[1:])
