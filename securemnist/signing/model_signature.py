"""OpenSSF Model Signing: one signature over all files of a model.

Format: https://github.com/sigstore/model-transparency (docs/model_signing_format.md), version 1.0 of
its predicate, with one SHA-256 a file. The Python package `model-signing` reads and writes the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from securemnist._util.hashing import sha256
from securemnist.errors import SecureMnistError, SignatureError
from securemnist.signing import bundle, json_form, model_files, statement
from securemnist.signing.json_form import ADVICE, Open
from securemnist.signing.keys import PrivateKey, PublicKey
from securemnist.signing.model_files import ALWAYS_IGNORED, SINGLE, OnProgress, silent

PREDICATE = "https://model_signing/signature/v1.0"
SUFFIX = ".sig"
_SHOWN = 3


class _Resource(Open):
    name: statement.Name
    algorithm: str
    digest: str


class _Serialization(Open):
    method: str
    hash_type: str
    allow_symlinks: bool
    ignore_paths: list[str] = Field(default_factory=list)


class _Predicate(Open):
    serialization: _Serialization
    resources: Annotated[list[_Resource], Field(min_length=1)]


@dataclass(frozen=True)
class SignedFiles:
    """What a signature covers: the name of the model, SHA-256 by name of file, names left out."""

    model: str
    files: Mapping[str, str]
    ignored: tuple[str, ...]


def sign(
    path: Path,
    key: PrivateKey,
    *,
    out: Path,
    ignored: Collection[str] = (),
    progress: OnProgress = silent,
) -> tuple[bytes, SignedFiles]:
    """The signature over a file or a folder, as the text of the file `out`, and what it covers.

    `ignored`: files and folders below `path` to leave out, beside those of git and `out` itself.
    """
    for name in ignored:
        model_files.check_name(name, signed=False)
    left_out = tuple(sorted({*ALWAYS_IGNORED, *ignored, *_inside(path, out)}))
    files = model_files.digests(path, left_out, progress)
    signed = SignedFiles(path.resolve().name, files, left_out)
    predicate = {
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": list(left_out),
        },
        "resources": [
            {"name": name, "algorithm": "sha256", "digest": digest}
            for name, digest in files.items()
        ],
    }
    payload = statement.payload({signed.model: _root(files)}, PREDICATE, predicate)
    return bundle.sign(payload, key), signed


def read(content: bytes, key: PublicKey) -> SignedFiles:
    """What the owner of `key` has signed; SignatureError where the signature does not fit.

    SecureMnistError for a kind of digest that is not read, which decides nothing.
    """
    subject, table = statement.read(bundle.opened(content, key), PREDICATE)
    predicate = json_form.validated(table, _Predicate, "the signed list of files")
    how = predicate.serialization
    if (how.method, how.hash_type) != ("files", "sha256"):
        raise SecureMnistError(
            f"expected a SHA-256 of each whole file, got {how.method!r:.20} by {how.hash_type!r:.20}, "
            "which is not read; sign the model with one SHA-256 a file"
        )
    files: dict[str, str] = {}
    for one in predicate.resources:
        if one.name != SINGLE or len(predicate.resources) > 1:
            model_files.check_name(one.name, signed=True)
        if one.name in files or one.algorithm != "sha256":
            raise SignatureError(
                f"expected each file once, with its SHA-256, got {one.name!r:.80} again or with "
                f"{one.algorithm!r:.20}; {ADVICE}"
            )
        files[one.name] = one.digest
    (model, root), *more = subject.items()
    if more or root != _root(files):
        raise SignatureError(
            f"expected one subject, the digest of the signed list, got another; {ADVICE}"
        )
    return SignedFiles(model, files, tuple(predicate.serialization.ignore_paths))


def verify(
    path: Path, signature: Path, key: PublicKey, progress: OnProgress = silent
) -> SignedFiles:
    """What a signature covers, after the file or folder at `path` was compared with it.

    SignatureError for a signature that does not fit, and for a file that was changed, added or removed.
    """
    signed = read(json_form.read(signature, "a signature"), key)
    found = compared(path, signature, signed, progress)
    if problems := [f"{name} {wrong}" for name, wrong in found.items() if wrong]:
        shown = ", ".join(problems[:_SHOWN])
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise SignatureError(
            f"{path}: expected the files that were signed, got {shown:.300}{more}; {ADVICE}"
        )
    return signed


def compared(
    path: Path, signature: Path, signed: SignedFiles, progress: OnProgress = silent
) -> dict[str, str]:
    """What is wrong with each file at `path` or of the signature; "" for a file as it was signed."""
    ignored = {*signed.ignored, *_inside(path, signature)}
    found = model_files.digests(path, ignored, progress)
    if set(found) == {SINGLE} and set(signed.files) == {path.name}:  # as other writers name it
        found = {path.name: found[SINGLE]}
    names = sorted(found.keys() | signed.files.keys())
    return {name: _wrong(found.get(name), signed.files.get(name)) for name in names}


def _wrong(found: str | None, signed: str | None) -> str:
    if found is None or signed is None:
        return "missing" if found is None else "not signed"
    return "" if found == signed else "changed"


def covers(signed: SignedFiles, name: str, digest: str) -> str:
    """What is wrong with a file of this name and SHA-256, loaded from any folder; "" where it is signed.

    A signature over one file covers it under any name. In a folder the name has to be there once.
    """
    if set(signed.files) == {SINGLE}:
        return _wrong(digest, signed.files[SINGLE])
    known = [path for path in signed.files if path.rpartition("/")[2] == name]
    if len(known) > 1:
        return f"in {len(known)} folders of the signed model"
    return _wrong(digest, signed.files[known[0]] if known else None)


def _inside(folder: Path, file: Path) -> list[str]:
    """The name of `file` below `folder`; empty where it is elsewhere."""
    try:
        place, root = file.resolve(), folder.resolve()
    except (OSError, RuntimeError, ValueError):  # of loops and impossible names, refused on opening
        return []
    return [place.relative_to(root).as_posix()] if root in place.parents else []


def _root(files: Mapping[str, str]) -> str:
    """SHA-256 over the digests of the files, in their order."""
    try:
        return sha256(b"".join(map(bytes.fromhex, files.values())))
    except ValueError as error:
        raise SignatureError(f"expected hexadecimal digests, got another; {ADVICE}") from error
