"""Keys of a log: an Ed25519 key that signs, and a key for the hashes of images; mode 0600."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from securemnist._util.files import exists, expecting, open_to_others, read_at_most, read_secret
from securemnist._util.resources import write_atomically
from securemnist.audit.image_hash import KEY_BYTES
from securemnist.errors import UsageError

SIGNING, PUBLIC, IMAGES = "signing.key", "signing.pub", "images.key"
IGNORED = ".gitignore"
_MAX_BYTES = 4096


def create(folder: Path) -> None:
    """Write the keys that a new log in `folder` lacks; OSError where that fails.

    Git ignores both: a service is often started in the folder of a repository.
    """
    if not exists(folder / IGNORED):
        write_atomically(folder / IGNORED, f"/{SIGNING}\n/{IMAGES}\n".encode(), private=True)
    if not exists(folder / SIGNING):
        key = Ed25519PrivateKey.generate()
        content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_atomically(folder / SIGNING, content, private=True)
    if not exists(folder / IMAGES):
        text = f"{secrets.token_hex(KEY_BYTES)}\n"
        write_atomically(folder / IMAGES, text.encode(), private=True)


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The key that signs (PKCS #8 in PEM); UsageError where it is missing, open to others or damaged.

    The public key (PEM) is written beside it where it is missing.
    """
    path = folder / SIGNING
    try:
        key = load_pem_private_key(_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(
            f"{path}: expected an Ed25519 key in PEM, got something else; restore it, or log to "
            "another folder"
        )
    if not exists(folder / PUBLIC):
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        write_atomically(folder / PUBLIC, pem, private=True)
    return key


def image_key(folder: Path) -> bytes:
    """The key of the images' hashes: 64 hexadecimal characters; UsageError for anything else."""
    path = folder / IMAGES
    content = _private(path).strip()
    if re.fullmatch(rb"[0-9a-f]{64}", content) is None:
        raise UsageError(
            f"{path}: expected {2 * KEY_BYTES} hexadecimal characters, got something else; restore it, "
            "or log to another folder"
        )
    return bytes.fromhex(content.decode())


def public_key(path: Path) -> str:
    """The hexadecimal public key in a PEM file; UsageError for anything else."""
    with expecting(path, "a public key", f"pass the {PUBLIC} of the log"):
        content = read_at_most(path, _MAX_BYTES)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(
            f"{path}: expected an Ed25519 public key in PEM, got something else; pass the {PUBLIC} of "
            "the log"
        )
    return raw(key)


def raw(key: Ed25519PublicKey) -> str:
    """The 32 bytes of a public key, hexadecimal."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def fits(signature: str, message: bytes, key: str) -> bool:
    """Whether a hexadecimal signature over `message` is of the owner of a hexadecimal public key."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private(path: Path) -> bytes:
    """Content of a key file that only its owner may read."""
    with expecting(path, "the key of this log", "restore it, or log to another folder"):
        content, mode = read_secret(path, _MAX_BYTES)
    if open_to_others(mode):
        raise UsageError(
            f"{path}: expected a key that only its owner can read, got mode {mode:o}; use "
            "chmod 600, and log to another folder if others could read it"
        )
    return content
