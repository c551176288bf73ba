"""Signatures over files of a model: what they cover, and what they refuse."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist.errors import SignatureError, UsageError
from securemnist.signing import keys, model_files, model_signature
from tests.error_form import one_sentence
from tests.signing.signed import FILES, flips, key, payload_of, root, write_key, write_model


def signed(model: Path, **options: tuple[str, ...]) -> Path:
    """The signature of a model, beside it."""
    out = model.parent / "model.sig"
    out.write_bytes(model_signature.sign(model, key(), out=out, **options)[0])
    return out


def check(model: Path, signature: Path) -> model_signature.SignedFiles:
    """The model, verified by the key of the tests."""
    return model_signature.verify(model, signature, key().public_key())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a small model and a file below it."""
    folder = write_model(tmp_path / "net")
    (folder / "a").mkdir()
    (folder / "a" / "x.bin").write_bytes(b"x")
    (folder / "a-b.bin").write_bytes(b"y")
    return folder


def test_a_folder_is_covered_whole(model: Path) -> None:
    """Every file is signed with its SHA-256, in the order of names; the subject is their digest."""
    signature = signed(model)
    found = check(model, signature)
    assert list(found.files) == ["a-b.bin", "a/x.bin", "net.json", "net.safetensors"]
    assert found.files.items() >= FILES.items()
    assert payload_of(signature.read_bytes())["subject"] == [
        {"name": "net", "digest": {"sha256": root(found.files)}}
    ]


def test_a_file_may_be_renamed(model: Path) -> None:
    """A single file is covered by its content, whatever its name."""
    signature = signed(model / "net.safetensors")
    (model / "net.safetensors").rename(model / "other.safetensors")
    assert check(model / "other.safetensors", signature).files == {".": FILES["net.safetensors"]}


def change(model: Path) -> None:
    (model / "net.safetensors").write_bytes(b"Weights\n")


def swap(model: Path) -> None:
    os.replace(model / "net.json", model / "kept")
    os.replace(model / "net.safetensors", model / "net.json")
    os.replace(model / "kept", model / "net.safetensors")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (change, "net.safetensors changed"),
    "swapped": (swap, "net.json changed, net.safetensors changed"),
    "added": (lambda model: (model / "a" / "new.bin").write_bytes(b""), "a/new.bin not signed"),
    "removed": (lambda model: (model / "a" / "x.bin").unlink(), "a/x.bin missing"),
    "moved": (
        lambda model: (model / "a" / "x.bin").rename(model / "x.bin"),
        "a/x.bin missing, x.bin not signed",
    ),
    "other case": (
        lambda model: (model / "a").rename(model / "A"),
        "A/x.bin not signed, a/x.bin missing",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_changed_folder_is_refused(name: str, model: Path) -> None:
    """A changed, swapped, added, removed or moved file is named, and the signature does not fit."""
    damage, text = DAMAGE[name]
    signature = signed(model)
    damage(model)
    with pytest.raises(SignatureError, match=text) as error:
        check(model, signature)
    one_sentence(error.value)


def test_each_flipped_byte_of_weights_is_refused(tmp_path: Path) -> None:
    """Any change of one byte of a small weight file, and a cut of it, is refused."""
    weights = write_model(tmp_path / "net") / "net.safetensors"
    signature = signed(weights)
    good = weights.read_bytes()
    for wrong in (*flips(good), good[:-1], good + b"\0", b""):
        weights.write_bytes(wrong)
        with pytest.raises(SignatureError):
            check(weights, signature)
    weights.write_bytes(good)
    check(weights, signature)


def link(model: Path) -> None:
    (model / "link").symlink_to(model / "net.json")


def link_to_folder(model: Path) -> None:
    (model / "link").symlink_to("/")


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "link": (link, "a symbolic link"),
    "link to a folder": (link_to_folder, "a symbolic link"),
    "FIFO": (lambda model: os.mkfifo(model / "pipe"), "a special file"),
    "name": (lambda model: (model / os.fsdecode(b"\xff")).touch(), "names in UTF-8"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_refused(name: str, model: Path) -> None:
    """Links, special files and names that are not UTF-8 are neither signed nor verified."""
    add, text = ODD[name]
    signature = signed(model)
    add(model)
    for act in (lambda: signed(model), lambda: check(model, signature)):
        with pytest.raises(UsageError, match=text) as error:
            act()
        one_sentence(error.value)


def test_a_model_that_is_a_link_is_refused(model: Path) -> None:
    """Neither a link to a file nor one to a folder is signed."""
    for target in (model, model / "net.json"):
        place = model.parent / f"link to {target.name}"
        place.symlink_to(target)
        with pytest.raises(UsageError, match="a symbolic link"):
            signed(place)


def test_an_empty_model_is_refused(tmp_path: Path) -> None:
    """A folder without a file, and a path without anything, are no model."""
    (tmp_path / "empty" / "below").mkdir(parents=True)
    for name in ("empty", "missing", "nul\0"):
        with pytest.raises(UsageError) as error:
            signed(tmp_path / name)
        one_sentence(error.value)


def test_too_many_files_are_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of files of a model is bounded."""
    monkeypatch.setattr(model_files, "_MOST_FILES", 3)
    with pytest.raises(UsageError, match="at most 3 files"):
        signed(model)


def test_ignored_paths_are_exact(model: Path) -> None:
    """`--ignore` and files of git leave out paths of the folder, not names further below."""
    for name in (".git/config", ".gitignore", "a/.gitignore", "cache/x", "a/cache"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_bytes(b"")
    found = check(model, signed(model, ignored=("cache",)))
    assert {"a/.gitignore", "a/cache"} <= found.files.keys()
    assert not {".git/config", ".gitignore", "cache/x"} & found.files.keys()
    assert "cache" in found.ignored


@pytest.mark.parametrize("name", ["../net", "/net", "a//b", "./a", "", "a/.."])
def test_ignored_paths_stay_below_the_folder(name: str, model: Path) -> None:
    """A path to ignore that leads out of the folder or has another spelling is refused."""
    with pytest.raises(UsageError, match="below the model's folder"):
        signed(model, ignored=(name,))


def test_a_signature_may_lie_in_its_folder(model: Path) -> None:
    """A signature inside of the folder leaves itself out, and no other file of its name."""
    out = model / "a" / "model.sig"
    out.write_bytes(model_signature.sign(model, key(), out=out)[0])
    check(model, out)
    (model / "model.sig").write_bytes(b"")
    with pytest.raises(SignatureError, match=r"model\.sig not signed"):
        check(model, out)


def test_another_key_is_refused(model: Path, tmp_path: Path) -> None:
    """A signature by another key does not fit, and the sentence says that the key is another."""
    signature = signed(model)
    keys.create(tmp_path / "other")
    with pytest.raises(SignatureError, match="names another key") as error:
        model_signature.verify(model, signature, keys.public_key(tmp_path / "other.pub"))
    one_sentence(error.value)


def test_progress_counts_bytes(model: Path) -> None:
    """Progress is of bytes: the total is the size of all files."""
    steps = []
    model_signature.sign(
        model, key(), out=write_key(model.parent / "k"), progress=lambda *n: steps.append(n)
    )
    assert {total for _, _, total in steps} == {13}
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
