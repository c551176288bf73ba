"""Several pictures of a folder that are not read, and what the error advises."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist import data
from securemnist.data import picture
from securemnist.errors import DataError
from tests.data.pictures import SIDE, picture_folder, png, random_pixels
from tests.error_form import one_sentence

HALF = png(random_pixels(SIDE, SIDE, 3))[:-60]


def refusal(folder: Path, *damaged: str) -> str:
    """The error for a folder of pictures of which these are damaged."""
    for name in damaged:
        (folder / name).write_bytes(HALF)
    with pytest.raises(DataError) as caught:
        data.load(folder)
    return one_sentence(caught.value)


def test_every_damaged_picture_is_named(tmp_path: Path) -> None:
    """One error names all pictures of a split that are not read, the first with its reason."""
    found = refusal(picture_folder(tmp_path), *(f"test/dog/00{k}.png" for k in range(3)))
    assert found.startswith(f"{tmp_path}/test/dog/000.png: expected a whole PNG")
    assert found.endswith("; also refused: dog/001.png, dog/002.png")


def test_many_damaged_pictures_end_the_reading(tmp_path: Path) -> None:
    """After 20 refused pictures no further one is read, and the error says so."""
    folder = picture_folder(tmp_path, test=30)
    found = refusal(folder, *(f"test/cat/0{k}.png" for k in range(10, 30)))
    assert found.endswith("cat/015.png and 14 more, where reading ended")


@pytest.mark.parametrize(("content", "got"), [(HALF, "a damaged one"), (b"", "an empty file")])
def test_damage_asks_for_another_copy(content: bytes, got: str) -> None:
    """A damaged or empty file asks for another copy: saving it as RGB would repair nothing."""
    with pytest.raises(DataError, match=f"got {got}.*; copy it again from its source"):
        picture.decoded(content, "here", None)
