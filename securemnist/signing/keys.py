"""Keys of signatures: ECDSA on the curve P-256, in PEM files; the private one has mode 0600.

OpenSSF Model Signing knows no Ed25519. Of its three curves P-256 is the one that every tool reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from securemnist._util.files import (
    expecting,
    open_regular,
    open_to_others,
    read_at_most,
    read_secret,
)
from securemnist._util.hashing import sha256
from securemnist.errors import UsageError

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey
_MAX_BYTES = 16_384
_LONGEST = 1_000  # bytes of a passphrase that OpenSSL takes
_KIND = "an ECDSA key on the curve P-256 in PEM"


def public_path(path: Path) -> Path:
    """The place of the public key: NAME.pub beside the private key NAME."""
    return path.with_name(f"{path.name}.pub")


def create(path: Path, passphrase: bytes | None = None) -> PublicKey:
    """Write a new private key to `path` (mode 0600) and its public key to NAME.pub; the public key.

    A `passphrase` encrypts the private key. UsageError where either file exists or cannot be
    written, and for a passphrase of more than 1,000 bytes.
    """
    if passphrase is not None and not 0 < len(passphrase) <= _LONGEST:
        raise UsageError(
            f"expected a passphrase of 1 to {_LONGEST} bytes, got {len(passphrase)}; choose another"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    _write_new(path, private, 0o600)
    try:
        _write_new(public_path(path), pem(key.public_key()), 0o666)
    except UsageError:
        path.unlink()
        raise
    return key.public_key()


def private_key(path: Path, passphrase: Callable[[], bytes] | None = None) -> PrivateKey:
    """The private key in a PEM file; UsageError where it is missing, open to others or of another kind.

    `passphrase` is asked where the key is encrypted.
    """
    with expecting(path, "a private key", "name one, or create it with `securemnist keygen`"):
        content, mode = read_secret(path, _MAX_BYTES)
    if b"PUBLIC KEY" in content and b"PRIVATE KEY" not in content:
        raise _other_kind(path, "a public key", "name the private key, the file without .pub")
    if open_to_others(mode):
        raise UsageError(
            f"{path}: expected a key that only its owner can open, got mode {mode:o}; use chmod 600, or "
            "a new key if others could read it"
        )
    key = _loaded_private(path, content, passphrase)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not _is_p256(key.curve):
        raise _other_kind(path, _kind_of(key), "create one with `securemnist keygen`")
    return key


def _loaded_private(path: Path, content: bytes, passphrase: Callable[[], bytes] | None) -> object:
    try:
        return load_pem_private_key(content, password=None)
    except TypeError:  # it is encrypted
        if passphrase is None:
            raise UsageError(
                f"{path}: expected a key that can be opened, got one with a passphrase; pass it"
            ) from None
    except (ValueError, UnsupportedAlgorithm):
        return None
    try:
        return load_pem_private_key(content, password=passphrase())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(
            f"{path}: expected the passphrase of this key, got another; type it again"
        ) from None


def public_key(path: Path) -> PublicKey:
    """The public key in a PEM file; UsageError for anything else, a private key included."""
    with expecting(path, "a public key", "name the .pub file of the signer"):
        content = read_at_most(path, _MAX_BYTES)
    if b"PRIVATE KEY" in content:
        advice = "name its .pub file, and keep the private key secret"
        raise _other_kind(path, "a private key", advice)
    if content.count(b"-----BEGIN ") > 1:  # of which the reader would take the first
        raise _other_kind(path, "several keys", "name a file with the signer's key alone")
    try:
        key = load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not _is_p256(key.curve):
        raise _other_kind(path, _kind_of(key), "name the .pub file of the signer")
    return key


def pem(key: PublicKey) -> bytes:
    """A public key as PEM (SubjectPublicKeyInfo)."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: PublicKey) -> str:
    """SHA-256 of the PEM of a public key, hexadecimal; the `hint` of OpenSSF Model Signing."""
    return sha256(pem(key))


def _is_p256(curve: ec.EllipticCurve) -> bool:
    return curve.name == ec.SECP256R1.name


def _kind_of(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return f"one on the curve {key.curve.name}"
    name = type(key).__name__.lstrip("_").removesuffix("PublicKey").removesuffix("PrivateKey")
    return "something else" if key is None else f"a key of the kind {name}"


def _other_kind(path: Path, got: str, advice: str) -> UsageError:
    return UsageError(f"{path}: expected {_KIND}, got {got}; {advice}")


def _write_new(path: Path, content: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_regular(path, flags, mode) as descriptor:
            try:
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    file.write(content)
                os.fsync(descriptor)
            except OSError:
                path.unlink()  # a part of a key, which would be in the way of the next attempt
                raise
    except FileExistsError as error:
        raise UsageError(
            f"{path}: expected a new file, got an existing one, which is kept; name another"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another") from error
