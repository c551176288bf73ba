"""Descriptions of data, and the form of the data at a path."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from securemnist import data
from securemnist.errors import DataError
from tests.data.pictures import npz, picture_folder, random_pixels
from tests.error_form import one_sentence

X, Y = random_pixels(20, 9, 8, 3), np.arange(20) % 2


@pytest.fixture
def described(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a description with these lines, beside set.npz and a folder of pictures."""
    npz(tmp_path / "set.npz", x_test=X, y_test=Y)
    picture_folder(tmp_path / "pets")

    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


def test_description_of_arrays(described: Callable[[str], Path]) -> None:
    """A description names path, layout and classes; the set has its name."""
    text = 'path = "set.npz"\nlayout = "hwc"\nclass_names = ["a", "b", "c"]'
    found = data.load(described(text))
    assert found.name == "mine"
    assert found.spec.class_names == ("a", "b", "c")
    assert found.spec.classes == 3
    plain = data.load(described('path = "set.npz"'))
    assert plain.digest == found.digest


def test_description_of_pictures(described: Callable[[str], Path]) -> None:
    """Pictures are resized on request, and `class_names` gives the order of their folders."""
    found = data.load(described('path = "pets"\nresize = [10, 16]\nclass_names = ["dog", "cat"]'))
    assert found.spec.shape == (3, 10, 16)
    assert found.test.labels[:2].tolist() == [0, 1]
    plain = data.load(described('path = "pets"'))
    assert plain.spec.class_names == ("cat", "dog")
    assert plain.digest != found.digest


def test_class_names_find_folders_however_their_accents_are_stored(tmp_path: Path) -> None:
    """A typed description names folders that macOS has named."""
    picture_folder(tmp_path / "pets")
    for name, other in (("cat", "Gru\u0308n"), ("dog", "Blau")):
        (tmp_path / "pets" / "test" / name).rename(tmp_path / "pets" / "test" / other)
    (tmp_path / "d.toml").write_text('path = "pets"\nclass_names = ["Gr\u00fcn", "Blau"]', "utf-8")
    assert data.load(tmp_path / "d.toml").spec.class_names == ("Gru\u0308n", "Blau")


WRONG = {
    'path = "set.npz"\nsplit = "test"': "unknown key 'split'; remove it",
    'layout = "hwc"': "expected 'path', got nothing; add it",
    'path = "set.npz"\nlayout = "nhwc"': "expected layout to be 'hw', 'hwc' or 'chw', got 'nhwc'",
    'path = "set.npz"\nlayout = "chw"': "images of layout 'chw', got shape",
    'path = "set.npz"\nresize = [9, 9]': "`resize` for pictures",
    'path = "pets"\nlayout = "hwc"': "`layout` for arrays",
    'path = "pets"\nresize = [9]': "expected resize to have at least 2 items, not 1, got",
    'path = "pets"\nresize = [9, 9000]': "expected resize.1 to be less than or equal to 512",
    'path = "pets"\nresize = [9, true]': "expected resize.1 to be a whole number, got True",
    'path = "pets"\nclass_names = ["cat"]': "class folders of `class_names`, got 'dog'",
    'path = "set.npz"\nclass_names = ["a"]': "2 to 1,000 classes",
    'path = "set.npz"\nclass_names = ["a", "a"]': "got 'a' twice;",
    'path = "set.npz"\nclass_names = ["\u00e9", "e\u0301"]': "twice with its accents stored in two ways",
    'path = "set.npz"\nclass_names = ["a", 3]': "expected class_names.1 to be text in quotes, got 3",
    'path = ""': "expected path to have at least 1 character",
    'path = "mine.toml"': "got another description",
    'path = "absent"': "got none; name your data",
    "path = ": "expected TOML",
    "[" * 9_000: "expected TOML",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_wrong_descriptions_refused(text: str, described: Callable[[str], Path]) -> None:
    """An unknown key, another value, or an option that does not fit the data is one DataError."""
    with pytest.raises(DataError, match=WRONG[text]) as caught:
        data.load(described(text))
    one_sentence(caught.value)


def make_file(path: Path) -> Path:
    """A file of text."""
    path.write_text("text")
    return path


PATHS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing": (lambda p: p / "absent", "got none"),
    "an empty folder": (lambda p: p, "got a folder without them"),
    "two forms": (
        lambda p: make_file(picture_folder(p) / "test.parquet").parent,
        "got Parquet files and pictures; move one",
    ),
    "a text": (lambda p: make_file(p / "set.txt"), "got another file"),
    "a pickle": (lambda p: make_file(p / "set.pkl"), r"got .pkl, which is not read; .*numpy.savez"),
    "torch's pickle": (lambda p: make_file(p / "set.pt"), "got .pt, which is not read"),
    "an absent archive": (lambda p: p / "set.npz", "No such file"),
    "an absent description": (lambda p: p / "set.toml", "No such file"),
    "a folder named as archive": (lambda p: (p / "x.npz").mkdir() or p / "x.npz", "Is a directory"),
    "a FIFO as archive": (
        lambda p: os.mkfifo(p / "x.npz") or p / "x.npz",
        "a FIFO, not a regular file",
    ),
    "a FIFO as description": (
        lambda p: os.mkfifo(p / "x.toml") or p / "x.toml",
        "a FIFO, not a regular file",
    ),
    "an archive that is a device": (
        lambda p: (p / "x.npz").symlink_to("/dev/zero") or p / "x.npz",
        "a device, not a regular file",
    ),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", PATHS)
def test_other_paths_refused(name: str, tmp_path: Path) -> None:
    """A path of no known form is one DataError that lists the forms or says how to convert."""
    make, words = PATHS[name]
    path = make(tmp_path)
    with pytest.raises(DataError, match=words) as caught:
        data.load(path)
    assert one_sentence(caught.value).startswith(str(path))
