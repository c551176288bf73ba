"""OpenSSF Model Signing by its own package `model-signing`: theirs reads ours, ours reads theirs."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from securemnist.errors import SignatureError
from securemnist.signing import keys, model_signature
from tests.signing.signed import flips, key, write_key, write_model


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The package; its import warns of what its own dependencies use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import model_signing

    return model_signing


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The private key of the tests, beside its public key."""
    return write_key(tmp_path / "release")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder whose names sort by parts of the path in another order than as texts."""
    folder = write_model(tmp_path / "net")
    for name in ("a/x.bin", "a-b.bin", "ä.bin", ".git/config", "kept/out"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def their_check(reference: ModuleType, release: Path, model: Path, signature: Path) -> None:
    """Verification by the package; ValueError or InvalidSignature where it refuses."""
    config = reference.verifying.Config()
    config.use_elliptic_key_verifier(public_key=keys.public_path(release))
    config.verify(model, signature)


def accepted(reference: ModuleType, release: Path, model: Path, signature: Path) -> bool:
    """Whether the package accepts; its readers of JSON, base64 and DER raise errors of many kinds."""
    try:
        their_check(reference, release, model, signature)
    except Exception:
        return False
    return True


def their_signature(
    reference: ModuleType,
    release: Path,
    model: Path,
    signature: Path,
    *,
    ignored: Sequence[str] = (),
    git: bool = True,
) -> None:
    """A signature by the package; `git`: files of git are left out."""
    hashing = reference.hashing.Config().set_ignored_paths(paths=ignored, ignore_git_paths=git)
    config = reference.signing.Config().use_elliptic_key_signer(private_key=release)
    config.set_hashing_config(hashing).sign(model, signature)


@pytest.mark.parametrize("part", ["", "net.safetensors"])
def test_theirs_reads_ours(part: str, reference: ModuleType, model: Path, release: Path) -> None:
    """The package accepts our signature over a folder and over a file, and refuses it after a change."""
    path = model / part if part else model
    signature = model.parent / "net.sig"
    ignored = () if part else ("kept",)
    signature.write_bytes(model_signature.sign(path, key(), out=signature, ignored=ignored)[0])
    their_check(reference, release, path, signature)
    good = (model / "net.safetensors").read_bytes()
    for wrong in flips(good):
        (model / "net.safetensors").write_bytes(wrong)
        with pytest.raises(ValueError, match="Signature mismatch"):
            their_check(reference, release, path, signature)


def test_theirs_refuses_flipped_bytes_of_ours(
    reference: ModuleType, tmp_path: Path, release: Path
) -> None:
    """The package refuses our bundle with another byte; one change in eleven is tried, all over it."""
    model, signature = write_model(tmp_path / "net"), tmp_path / "net.sig"
    good = model_signature.sign(model, key(), out=signature)[0]
    for wrong in itertools.islice(flips(good), 0, None, 11):
        signature.write_bytes(wrong)
        assert not accepted(reference, release, model, signature), wrong
    signature.write_bytes(good)
    assert accepted(reference, release, model, signature)


@pytest.mark.parametrize("part", ["", "net.safetensors"])
def test_ours_reads_theirs(part: str, reference: ModuleType, model: Path, release: Path) -> None:
    """We accept the package's signature over a folder and over a file, and refuse each flipped byte."""
    path, signature = model / part if part else model, model.parent / "their.sig"
    their_signature(reference, release, path, signature, ignored=[] if part else ["kept"])
    public = key().public_key()
    found = model_signature.verify(path, signature, public)
    assert set(found.files) == (
        {"."} if part else {"a-b.bin", "a/x.bin", "net.json", "net.safetensors", "ä.bin"}
    )
    for wrong in flips(signature.read_bytes()):
        with pytest.raises(SignatureError):
            model_signature.read(wrong, public)
    (model / "net.safetensors").write_bytes(b"swapped")
    with pytest.raises(SignatureError):
        model_signature.verify(path, signature, public)


def test_files_of_git_are_left_out_where_the_signature_says_so(
    reference: ModuleType, model: Path, release: Path
) -> None:
    """A signature that covers files of git verifies, as by the package; a changed or new one is named."""
    signature, public = model.parent / "their.sig", key().public_key()
    their_signature(reference, release, model, signature, git=False)
    assert ".git/config" in model_signature.verify(model, signature, public).files
    for name in (".git/config", ".git/hook", ".gitattributes"):
        before = (model / name).read_bytes() if (model / name).exists() else None
        (model / name).write_bytes(b"another")
        assert not accepted(reference, release, model, signature)
        with pytest.raises(SignatureError, match=name):
            model_signature.verify(model, signature, public)
        (model / name).unlink() if before is None else (model / name).write_bytes(before)


def test_the_package_knows_no_ed25519(reference: ModuleType, tmp_path: Path) -> None:
    """The reason for P-256: the package refuses a key of Ed25519."""
    from securemnist.audit import keys as log_keys

    log_keys.create(tmp_path)
    with pytest.raises((ValueError, AttributeError)):
        reference.signing.Config().use_elliptic_key_signer(private_key=tmp_path / log_keys.SIGNING)
