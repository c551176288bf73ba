"""Pictures: formats, conversions, folders of them, and hostile files."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from securemnist import data
from securemnist.data import picture, storage
from securemnist.errors import DataError
from tests.data.pictures import SIDE, encoded, picture_folder, png, random_pixels
from tests.error_form import one_sentence

GREY, RGB = random_pixels(SIDE, SIDE), random_pixels(SIDE, SIDE, 3)
OPAQUE = np.dstack([RGB, np.full((SIDE, SIDE), 255, np.uint8)])
EXIF = Image.Exif()
EXIF[0x0112] = 6  # rotate by 90 degrees clockwise to show


def decode(content: bytes, size: tuple[int, int] | None = None) -> np.ndarray[Any, Any]:
    """A decoded picture as (H, W, C)."""
    return picture.decoded(content, "here", size)[0].permute(1, 2, 0).numpy()


READ: dict[str, tuple[bytes, np.ndarray[Any, Any]]] = {
    "grey": (png(GREY), GREY[..., None]),
    "RGB": (png(RGB), RGB),
    "BMP": (encoded(Image.fromarray(RGB), "BMP"), RGB),
    "palette": (
        encoded(Image.fromarray(GREY // 2).convert("P"), "PNG"),
        np.repeat(GREY[..., None] // 2, 3, 2),
    ),
    "black and white": (
        encoded(Image.fromarray(GREY > 99), "PNG"),
        ((GREY > 99) * np.uint8(255))[..., None],
    ),
    "opaque alpha": (png(OPAQUE), RGB),
    "opaque grey alpha": (png(np.dstack([GREY, GREY * 0 + 255])), GREY[..., None]),
    "EXIF rotation": (png(RGB[:, :9], exif=EXIF), np.rot90(RGB[:, :9], -1)),
}


@pytest.mark.parametrize("name", READ)
def test_pictures_are_converted_as_stated(name: str) -> None:
    """Grey stays grey, palettes become RGB, opaque alpha is dropped and EXIF rotation applied."""
    content, wanted = READ[name]
    assert np.array_equal(decode(content), wanted)


def test_jpeg_is_decoded() -> None:
    """A JPEG picture has the pixels that Pillow decodes."""
    smooth = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.uint8) * 9
    for pixels, kinds in ((smooth, 1), (np.dstack([smooth, smooth // 2, smooth]), 3)):
        found = decode(encoded(Image.fromarray(pixels), "JPEG", quality=95))
        assert found.shape == (SIDE, SIDE, kinds)
        assert abs(found.squeeze().astype(int) - pixels).max() < 16


def test_resize_is_bilinear() -> None:
    """A resized picture is Pillow's bilinear one, after rotation."""
    wanted = Image.fromarray(np.rot90(RGB[:, :9], -1)).resize((16, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(decode(png(RGB[:, :9], exif=EXIF), (8, 16)), np.array(wanted))


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def bomb(side: int) -> bytes:
    """A PNG file whose header promises a square of this side."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return png(GREY)[:8] + head + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def animated() -> bytes:
    """A PNG file of two frames."""
    frames = [Image.fromarray(random_pixels(SIDE, SIDE, seed=seed)) for seed in (1, 2)]
    return encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])


def scanned(times: int) -> bytes:
    """A progressive JPEG file whose last scan is repeated."""
    whole = encoded(Image.fromarray(GREY), "JPEG", progressive=True)
    return whole[:-2] + times * whole[whole.rfind(b"\xff\xda") : -2] + whole[-2:]


WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "PNG, JPEG or BMP"),
    "text": (b"<svg/>", "PNG, JPEG or BMP"),
    "GIF": (encoded(Image.fromarray(GREY), "GIF"), "PNG, JPEG or BMP"),
    "TIFF": (encoded(Image.fromarray(GREY), "TIFF"), "PNG, JPEG or BMP"),
    "truncated PNG": (png(random_pixels(99, 99))[:-3_000], "a whole PNG"),
    "truncated JPEG": (
        encoded(Image.fromarray(random_pixels(99, 99)), "JPEG")[:-900],
        "a whole PNG",
    ),
    "damaged pixels": (png(GREY)[:60] + b"!" + png(GREY)[61:], "a whole PNG"),
    "16 bits": (png(GREY.astype(np.uint16) * 257), "8 bits a channel, got 16"),
    "16 bits RGB": (png(RGB)[:24] + b"\x10" + png(RGB)[25:], "8 bits a channel, got 16"),
    "CMYK": (encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG"), "got mode CMYK"),
    "transparent": (png(OPAQUE - np.array([0, 0, 0, 1], np.uint8)), "transparent pixels"),
    "a transparent colour": (png(GREY, transparency=int(GREY[0, 0])), "transparent pixels"),
    "transparent palette": (
        encoded(Image.fromarray(GREY).convert("P"), "PNG", transparency=int(GREY[0, 0])),
        "transparent pixels",
    ),
    "animated": (animated(), "several frames"),
    "bomb": (bomb(8_000), "at most 50,000,000 pixels, got 8000x8000"),
    "bomb of scans": (scanned(1_000), "a picture of at most 100 scans"),
    "bomb of texts": (b"\xff\xd8" + 30_000 * b"\xff\xfe\0\2" + scanned(0)[2:], "20,000 segments"),
    "larger bomb": (bomb(60_000), "DecompressionBomb"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_pictures_refused(name: str) -> None:
    """Another format, damage, transparency, 16 bits, CMYK, several frames and bombs are refused."""
    content, words = WRONG[name]
    with pytest.raises(DataError, match=words) as caught:
        decode(content)
    assert one_sentence(caught.value).startswith("here: ")


def test_lenient_pillow_does_not_complete_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncated picture is refused although the process lets Pillow complete it."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(DataError, match="a whole PNG"):
        decode(WRONG["truncated PNG"][0])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_folder_of_pictures(tmp_path: Path) -> None:
    """Class folders of both splits name the classes, whose pictures alternate in each split."""
    folder = picture_folder(tmp_path / "pets", test=6, train=13)
    (folder / "test" / "cat" / ".DS_Store").write_bytes(b"x")
    found = data.load(folder)
    assert (found.name, str(found.spec)) == ("pets", f"3x{SIDE}x{SIDE}, 2 classes")
    assert found.spec.class_names == ("cat", "dog")
    assert [len(part) for part in (found.train, found.tuning, found.test)] == [24, 2, 12]
    assert found.tuning.labels.tolist() == [0, 1]
    assert found.test.labels.tolist() == [0, 1] * 6
    assert np.array_equal(
        found.test.pixels[0].permute(1, 2, 0).numpy(), random_pixels(SIDE, SIDE, 3)
    )


def test_class_of_the_training_split_alone(tmp_path: Path) -> None:
    """A class without test images counts, and keeps the labels of the others in order."""
    folder = picture_folder(tmp_path, train=1)
    (folder / "train" / "cat").rename(folder / "train" / "bird")
    found = data.load(folder)
    assert found.spec.class_names == ("bird", "cat", "dog")
    assert found.test.labels.unique().tolist() == [1, 2]


def test_grey_and_colour_become_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mixed pictures, also between splits and in a private file, are all colour."""
    folder = picture_folder(tmp_path / "a", channels=1, train=3)
    path = folder / "test" / "dog" / "005.png"
    path.write_bytes(png(random_pixels(SIDE, SIDE, 3, seed=5)))
    small = data.load(folder)
    assert small.spec.channels == 3
    pixels = small.train.pixels[0]
    assert torch.equal(pixels[0], pixels[2])
    monkeypatch.setattr(storage, "IN_MEMORY", 100)
    large = data.load(folder)
    assert large.test.mapping is not None
    assert large.digests == small.digests
    assert torch.equal(large.test.images(), small.test.images())


Change = Callable[[Path], object]
CHANGES: dict[str, tuple[Change, str]] = {
    "another size": (
        lambda folder: (folder / "test/cat/000.png").write_bytes(png(random_pixels(9, 9, 3))),
        "like the images before it",
    ),
    "large pictures": (
        lambda folder: (folder / "test/cat/000.png").write_bytes(png(random_pixels(9, 600))),
        "sides of 8 to 512 pixels.*`resize`",
    ),
    "a text": (lambda folder: (folder / "test/cat/a.txt").write_text("x"), "got another entry"),
    "a folder in a class": (
        lambda folder: (folder / "test/cat/x.png").mkdir(),
        "got another entry",
    ),
    "a loose picture": (
        lambda folder: (folder / "test/cat/000.png").rename(folder / "test/a.png"),
        "CLASS/FILE.png",
    ),
    "a link": (
        lambda folder: (folder / "test/cat/x.png").symlink_to(folder / "test/cat/000.png"),
        "got a link, FIFO or device",
    ),
    "a class that is a link": (
        lambda folder: (folder / "test/x").symlink_to(folder / "test/cat"),
        "got a link, FIFO or device",
    ),
    "a split that is a link": (
        lambda folder: (folder / "train").symlink_to(folder / "test"),
        "got a link",
    ),
    "a FIFO": (lambda folder: os.mkfifo(folder / "test/cat/x.png"), "got a link, FIFO or device"),
    "a training file": (lambda folder: (folder / "train").write_bytes(b""), "Not a directory"),
    "an empty split": (lambda folder: (folder / "train").mkdir(), "got 0 folders"),
    "empty classes": (lambda folder: (folder / "train" / "cat").mkdir(parents=True), "got 0"),
    "a class with a line break": (
        lambda folder: (folder / "test/cat").rename(folder / "test/c\nat"),
        "printable characters",
    ),
    "one class": (lambda folder: (folder / "test/cat").rename(folder / "away"), "got 1; use"),
    "training alone": (
        lambda folder: (folder / "test").rename(folder / "train"),
        "got train/CLASS without test/CLASS; add the test pictures",
    ),
    "classes without a split": (
        lambda folder: (
            [each.rename(folder / each.name) for each in (folder / "test").iterdir()]
            and (folder / "test").rmdir()
        ),
        "got folders of pictures; move them to test/CLASS",
    ),
    "a file that is large": (
        lambda folder: os.truncate(folder / "test/cat/000.png", 33 << 20),
        "more than 33554432 bytes",
    ),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", CHANGES)
def test_wrong_folders_refused(name: str, tmp_path: Path) -> None:
    """Links, special files, mixed sizes and other files are one DataError with the path."""
    folder = picture_folder(tmp_path / "set")
    change, words = CHANGES[name]
    change(folder)
    with pytest.raises(DataError, match=words) as caught:
        data.load(folder)
    assert one_sentence(caught.value).startswith(str(folder))
