"""Hostile archives, one a class of attack: what scanners overlook, and what unpacks to too much."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable

import numpy as np

from securemnist.foreign.outcome import Outcome
from tests.foreign import opcodes as op
from tests.foreign.checkpoints import (
    STATE,
    WEIGHTS,
    archive,
    change,
    checkpoint,
    directory,
    local,
    patched,
)
from tests.foreign.hostile_pickles import EVIL

M, U = Outcome.MALICIOUS, Outcome.UNKNOWN
GOOD = checkpoint()
BAD = checkpoint(op.pickled(op.text("a"), op.POP, op.name("os", "system")))
_MAGIC = op.pickled(b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19")
_VERSION = op.pickled(b"M\xe9\x03")


def _end(content: bytes, offset: int, new: bytes) -> bytes:
    """A change of a field of the end of the directory."""
    return patched(content, len(content) - 22 + offset, new)


def _bomb() -> bytes:
    return checkpoint(compressed=True, weights=bytes(1 << 20))


def _lying_bomb() -> bytes:
    """A member that states ten bytes, in both headers, and unpacks to a mebibyte."""
    size, lie = (1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")
    return _bomb().replace(size, lie)


def _tar(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _objects() -> bytes:
    """The file of an array of objects, whose pickle is replaced."""
    packed = io.BytesIO()
    np.save(packed, np.array([None], dtype=object))
    content = packed.getvalue()
    return content[: content.index(b"\n") + 1] + EVIL


def _array(**arrays: object) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def _legacy(state: bytes, keys: bytes = op.pickled(b"]"), storages: bytes = b"") -> bytes:
    return _MAGIC + _VERSION + op.pickled(op.EMPTY_DICT) + state + keys + storages


def _renamed(content: bytes) -> bytes:
    """Another name in the header than in the directory."""
    place = local(content, "archive/data.pkl") + 30
    return patched(content, place, b"archive/datap.kl")


def _twice(content: bytes) -> bytes:
    """A second member whose name differs by case alone."""
    return content.replace(b"archive/version", b"archive/DATA.PKL")


def _gap(content: bytes) -> bytes:
    """Bytes between the last member and the directory, which the end says is later."""
    begin = directory(content, "archive/data.pkl")
    moved = content[:begin] + EVIL + content[begin:]
    return _end(moved, 16, (begin + len(EVIL)).to_bytes(4, "little"))


Builder = Callable[[], bytes]
ARCHIVES: dict[str, tuple[Builder, Outcome]] = {
    "payload in data.pkl": (lambda: BAD, M),
    "payload in another member": (lambda: checkpoint(extra__pkl=EVIL), M),
    "payload under another ending": (lambda: checkpoint(notes__txt=EVIL), M),
    "payload deep in folders": (lambda: checkpoint(a_S_b_S_c_S_d=EVIL), M),
    "payload behind the pickle": (lambda: checkpoint(STATE + EVIL), M),
    "payload in constants.pkl": (lambda: checkpoint(constants__pkl=EVIL), M),
    "payload in a storage that no tensor uses": (lambda: checkpoint(data_S_7=EVIL), M),
    "payload in an archive of another kind": (lambda: archive({"data.pkl": EVIL}), M),
    "payload beside the folder": (lambda: archive({"archive/data.pkl": STATE, "x.pkl": EVIL}), M),
    "payload, compressed": (lambda: checkpoint(EVIL, compressed=True), M),
    "payload, wrong checksum in the directory": (
        lambda: change(directory, 16, b"\0\0\0\0")(BAD),
        M,
    ),
    "payload, wrong checksum in the header": (lambda: change(local, 14, b"\0\0\0\0")(BAD), M),
    "payload, encrypted by a flag": (lambda: change(directory, 8, b"\x01\0")(BAD), M),
    "payload, flag 0x20": (lambda: change(local, 6, b"\x20\0")(BAD), M),
    "payload, flag 0x40": (lambda: change(local, 6, b"\x40\0")(BAD), M),
    "payload, other name in the header": (lambda: _renamed(BAD), M),
    "payload, other method in the header": (lambda: change(local, 8, b"\x08\0")(BAD), M),
    "payload, disk number": (lambda: _end(BAD, 4, b"\1\0"), U),
    "TorchScript": (lambda: checkpoint(code_S___torch____py=b"def forward(self): pass"), U),
    "class of TorchScript": (lambda: checkpoint(op.pickled(op.name("__torch__.m", "Net"))), U),
    "unexpected member": (lambda: checkpoint(readme=b"hello"), U),
    "name of two members": (lambda: _twice(GOOD), U),
    "name that leads elsewhere": (lambda: archive({"archive/data.pkl": STATE, "../x": b""}), U),
    "name with a backslash": (lambda: checkpoint(**{"a\\b": b""}), U),
    "data before the archive": (lambda: EVIL + GOOD, M),
    "harmless data before the archive": (lambda: op.pickled(op.NONE) + GOOD, U),
    "data behind the archive": (lambda: GOOD + EVIL, U),
    "comment of the archive": (lambda: _end(GOOD, 20, b"\1\0") + b"x", U),
    "data between members and directory": (lambda: _gap(GOOD), U),
    "directory cut off": (lambda: GOOD[:-30], U),
    "directory with fewer entries": (lambda: _end(GOOD, 8, b"\1\0\1\0"), U),
    "directory with more entries": (lambda: _end(GOOD, 8, b"\7\0\7\0"), U),
    "other name in the header": (lambda: _renamed(GOOD), U),
    "wrong checksum": (lambda: change(directory, 16, b"\0\0\0\0")(GOOD), U),
    "other size in the header": (lambda: change(local, 22, b"\1\0\0\0")(GOOD), U),
    "other offset in the directory": (lambda: change(directory, 42, b"\1\0\0\0")(GOOD), U),
    "unknown compression": (lambda: change(directory, 10, b"\x63\0")(GOOD), U),
    "compressed": (lambda: checkpoint(compressed=True), U),
    "compressed bomb": (_bomb, U),
    "bomb that states another size": (_lying_bomb, U),
    "big-endian": (lambda: checkpoint(byteorder=b"big"), U),
    "storage missing": (lambda: archive({"archive/data.pkl": STATE}), U),
    "storage too small": (lambda: checkpoint(weights=WEIGHTS[:-4]), U),
    "storage too large": (lambda: checkpoint(weights=WEIGHTS * 2), U),
    "storage that no tensor uses": (lambda: checkpoint(data_S_1=WEIGHTS), U),
    "no data.pkl": (lambda: archive({"archive/version": b"3"}), U),
    "empty archive": (lambda: b"PK\5\6" + bytes(18), U),
    "legacy, payload in the objects": (lambda: _legacy(EVIL), M),
    "legacy, payload in the keys": (lambda: _legacy(op.state_dict({}), EVIL), M),
    "legacy, payload in the system": (lambda: _MAGIC + _VERSION + EVIL, M),
    "legacy, magic number by a call": (
        lambda: op.pickled(op.call("builtins", "eval")) + _VERSION,
        M,
    ),
    "legacy, other version": (lambda: _MAGIC + op.pickled(b"K\x01") + op.pickled(b"}") * 3, U),
    "legacy, storage missing": (lambda: _legacy(op.state_dict({"w": op.tensor()})), U),
    "legacy, data behind": (lambda: _legacy(op.state_dict({}), storages=b"more"), U),
    "legacy, size of a storage": (
        lambda: _legacy(op.state_dict({"w": op.tensor()}), storages=bytes(8) + WEIGHTS),
        U,
    ),
    "TAR with a payload": (lambda: _tar(pickle=EVIL, storages=b"", tensors=b""), M),
    "TAR of torch 0.1": (lambda: _tar(pickle=op.pickled(op.EMPTY_DICT), storages=b""), U),
    "gzip": (lambda: gzip.compress(EVIL), U),
    "zlib": (lambda: zlib.compress(EVIL), U),
    "7-Zip": (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(32), U),
    "array of objects with a payload": (_objects, M),
    "array of objects": (lambda: _array(a=np.array([None, "x"], dtype=object)), U),
    "archive of arrays with a payload": (lambda: archive({"a.npy": _objects()}), M),
    "array whose size differs": (lambda: archive({"a.npy": b"\x93NUMPY\1\0"}), U),
}
