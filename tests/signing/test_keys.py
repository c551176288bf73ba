"""Keys of signatures: files, modes, passphrases, and keys of other kinds."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from securemnist.errors import UsageError
from securemnist.signing import keys
from tests.error_form import one_sentence
from tests.signing.signed import key, write_key


def test_created_key_is_private_and_signs(tmp_path: Path) -> None:
    """The private key has mode 0600, and its public key is the one beside it."""
    public = keys.create(tmp_path / "new" / "release")
    assert (tmp_path / "new" / "release").stat().st_mode & 0o777 == 0o600
    assert keys.public_key(tmp_path / "new" / "release.pub") == public
    assert keys.private_key(tmp_path / "new" / "release").public_key() == public


@pytest.mark.parametrize("name", ["release", "release.pub"])
def test_no_key_is_overwritten(name: str, tmp_path: Path) -> None:
    """Where the private or the public file exists, it is kept, and nothing is added."""
    (tmp_path / name).write_text("kept")
    with pytest.raises(UsageError, match="which is kept") as error:
        keys.create(tmp_path / "release")
    one_sentence(error.value)
    assert (tmp_path / name).read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_full_disk_leaves_no_part_of_a_key(tmp_path: Path) -> None:
    """A private key that cannot be written whole is not there, and its name can be tried again."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(UsageError, match="cannot be written") as error:
            keys.create(tmp_path / "release")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    one_sentence(error.value)
    assert not list(tmp_path.iterdir())
    keys.create(tmp_path / "release")


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """A dangling link at the place of the key is refused, and its target is not created."""
    (tmp_path / "release").symlink_to(tmp_path / "target")
    with pytest.raises(UsageError):
        keys.create(tmp_path / "release")
    assert not (tmp_path / "target").exists()


def test_passphrase_is_needed(tmp_path: Path) -> None:
    """An encrypted key opens with its passphrase only, and is asked for it only then."""
    public = keys.create(tmp_path / "locked", b"right")
    assert b"ENCRYPTED" in (tmp_path / "locked").read_bytes()
    assert keys.private_key(tmp_path / "locked", lambda: b"right").public_key() == public
    with pytest.raises(UsageError, match="expected the passphrase of this key") as error:
        keys.private_key(tmp_path / "locked", lambda: b"wrong")
    one_sentence(error.value)
    with pytest.raises(UsageError, match="got one with a passphrase"):
        keys.private_key(tmp_path / "locked")
    for wrong in (b"", b"x" * 1_001):
        with pytest.raises(UsageError, match="expected a passphrase of 1 to 1000 bytes") as error:
            keys.create(tmp_path / "other", wrong)
        one_sentence(error.value)
    keys.create(tmp_path / "open")
    keys.private_key(tmp_path / "open", lambda: pytest.fail("asked without need"))


OTHERS = {
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "secp384r1": lambda: ec.generate_private_key(ec.SECP384R1()),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_kinds_of_keys_are_named(kind: str, tmp_path: Path) -> None:
    """Keys of Ed25519, RSA and P-384 are refused in a sentence that names their kind."""
    other = OTHERS[kind]()
    path = tmp_path / "other"
    path.touch(0o600)
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = tmp_path / "other.pub"
    public.write_bytes(
        other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    for read, place in ((keys.private_key, path), (keys.public_key, public)):
        with pytest.raises(UsageError, match=f"curve P-256.*{kind}") as error:
            read(place)
        one_sentence(error.value)


def test_a_key_open_to_others_is_refused(tmp_path: Path) -> None:
    """A private key that others may read is not used; nor is one behind a link."""
    path = write_key(tmp_path / "release")
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(UsageError):
        keys.private_key(tmp_path / "link")
    path.chmod(0o640)
    with pytest.raises(UsageError, match="got mode 640; use chmod 600") as error:
        keys.private_key(path)
    one_sentence(error.value)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """Garbage, a missing file, a folder, and a private key as the public one are refused."""
    path = write_key(tmp_path / "release")
    (tmp_path / "garbage").touch(0o600)
    (tmp_path / "garbage").write_bytes(b"-----BEGIN PUBLIC KEY-----\nAAAA\n")
    for name in ("garbage", "missing", "."):
        for read in (keys.private_key, keys.public_key):
            with pytest.raises(UsageError) as error:
                read(tmp_path / name)
            one_sentence(error.value)
    with pytest.raises(UsageError, match="got a private key"):
        keys.public_key(path)
    with pytest.raises(UsageError, match="got a public key; name the private key"):
        keys.private_key(keys.public_path(path))
    assert keys.private_key(path).public_key() == key().public_key()


def test_a_file_of_two_keys_is_refused(tmp_path: Path) -> None:
    """A second public key in a file would be overlooked: which of them signs has to be clear."""
    one, other = (keys.create(tmp_path / name) for name in ("one", "other"))
    path = tmp_path / "both.pub"
    path.write_bytes(keys.pem(one) + keys.pem(other))
    with pytest.raises(UsageError, match="got several keys"):
        keys.public_key(path)
