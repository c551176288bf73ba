"""The corruptions: their outputs are pinned, their forms and random numbers are what they promise."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest
import torch
from skimage import feature

from securemnist._util import resources
from securemnist.corruptions import CORRUPTIONS, Corruption, benchmark_for, kinds_for
from securemnist.corruptions.lines import canny_edges
from securemnist.errors import UsageError
from tests.error_form import one_sentence

KINDS = [(benchmark, kind) for benchmark, kinds in CORRUPTIONS.items() for kind in kinds]
# SHA-256 of the outputs at all severities; the first 16 digits.
DIGESTS = {
    "mnist-c shot_noise": "c8f6f150fe29cf75",
    "mnist-c impulse_noise": "aac6abaecd3a3c93",
    "mnist-c glass_blur": "20d20ccde01c34c4",
    "mnist-c motion_blur": "f4f86b7d90186c82",
    "mnist-c shear": "066e68a38a78c3a9",
    "mnist-c scale": "3693bcab6a1fa047",
    "mnist-c rotate": "a22b29f5ec56442e",
    "mnist-c brightness": "7e3a81703af67113",
    "mnist-c translate": "2af426e7f4266b07",
    "mnist-c stripe": "ec0a30bcb8a38c65",
    "mnist-c fog": "89626b7d00cf1cd9",
    "mnist-c spatter": "1093ac0273e96518",
    "mnist-c dotted_line": "181ad54100940a21",
    "mnist-c zigzag": "64d512ee01dddc2f",
    "mnist-c canny_edges": "923f4d7b1e4c9422",
    "cifar-10-c gaussian_noise": "15f8ed17109917d4",
    "cifar-10-c shot_noise": "9d4c46485df2fe19",
    "cifar-10-c impulse_noise": "38d30e44a15546d7",
    "cifar-10-c defocus_blur": "8677d850737ea4f1",
    "cifar-10-c glass_blur": "48a8e4a82a9546eb",
    "cifar-10-c motion_blur": "a2cbd14ccd17a32d",
    "cifar-10-c zoom_blur": "e4fca9bdb550571e",
    "cifar-10-c snow": "5bde829d1120f549",
    "cifar-10-c fog": "c29822403e8ffbab",
    "cifar-10-c brightness": "f5a3fec7b4e3eec8",
    "cifar-10-c contrast": "4c7da906fc35cc0c",
    "cifar-10-c elastic": "af0bd094b97ce35d",
    "cifar-10-c pixelate": "57076fe24ec97d55",
    "cifar-10-c jpeg": "9f0be4a0a0c9124c",
}


def drawings(channels: int, height: int, width: int, n: int = 2) -> torch.Tensor:
    """Images (n, C, H, W): a bright ring on black, another one in each image and channel."""
    rows, columns = np.mgrid[:height, :width]
    rings = np.empty((n, channels, height, width), np.float32)
    for number in range(n):
        for channel in range(channels):
            radius = min(height, width) * (0.2 + 0.08 * number + 0.03 * channel)
            distance = np.hypot(rows - height / 2 + 0.5, columns - width / 2 + 0.5)
            rings[number, channel] = np.clip(1.5 - np.abs(distance - radius) / 2, 0, 1)
    return torch.from_numpy(np.rint(rings * 255) / 255)


def digest(benchmark: str, kind: str) -> str:
    """The digest of the outputs of one kind for two images in the form of the benchmark."""
    form = (3, 32, 32) if benchmark == "cifar-10-c" else (1, 28, 28)
    sha = hashlib.sha256()
    for severity in range(1, 6):
        corrupted = Corruption(kind=kind, severity=severity, benchmark=benchmark)(
            drawings(*form), [3, 7]
        )
        sha.update((corrupted * 255).round().to(torch.uint8).numpy().tobytes())
    return sha.hexdigest()[:16]


@pytest.mark.parametrize(("published", "kind"), KINDS)
def test_outputs_are_pinned(published: str, kind: str) -> None:
    """A kind gives the same images on every machine and with every version of the packages."""
    assert digest(published, kind) == DIGESTS[f"{published} {kind}"]


def test_every_kind_is_documented() -> None:
    """The page of natural robustness names the kinds of each benchmark, and no others."""
    page = (resources.ROOT / "docs" / "natural.md").read_text()
    for benchmark, kinds in CORRUPTIONS.items():
        (cell,) = re.findall(rf"^\| `{benchmark}` \| (.*) \|$", page, re.MULTILINE)
        assert re.sub(r" \([^)]*\)", "", cell).split(", ") == list(kinds)


def test_a_benchmark_has_its_published_kinds() -> None:
    """MNIST-C has fifteen kinds; of the fifteen of CIFAR-10-C frost, which needs picture files, lacks."""
    assert len(CORRUPTIONS["mnist-c"]) == 15
    assert len(CORRUPTIONS["cifar-10-c"]) == 14
    assert "frost" not in CORRUPTIONS["cifar-10-c"]
    assert [benchmark_for(channels) for channels in (1, 2, 3, 4)] == [
        *("mnist-c", "mnist-c", "cifar-10-c", "cifar-10-c")
    ]


@pytest.mark.parametrize("form", [(1, 8, 20), (2, 17, 9), (3, 24, 40), (4, 16, 16)], ids=str)
@pytest.mark.parametrize("published", CORRUPTIONS)
def test_any_form_of_image(published: str, form: tuple[int, int, int]) -> None:
    """Images of any channels and sides keep their form and range; kinds that do not apply say so."""
    kinds, left_out = kinds_for(published, form[0])
    assert len(kinds) + len(left_out) == len(CORRUPTIONS[published])
    x = drawings(*form)
    for kind in kinds:
        corrupted = Corruption(kind=kind, severity=5, benchmark=published)(x, [0, 1])
        assert corrupted.shape == x.shape
        assert corrupted.dtype == torch.float32
        assert 0 <= float(corrupted.min()) <= float(corrupted.max()) <= 1
        assert not torch.equal(corrupted, x)
        assert torch.equal((corrupted * 255).round() / 255, corrupted)
    for kind in left_out:
        with pytest.raises(UsageError, match="leave it out of `kinds`"):
            Corruption(kind=kind, benchmark=published)(x, [0, 1])


@pytest.mark.parametrize(("published", "kind"), KINDS)
def test_an_image_has_one_corruption_in_every_sample(published: str, kind: str) -> None:
    """Random numbers depend on seed and place: neither on the other images nor on their order."""
    corrupt = Corruption(kind=kind, severity=3, benchmark=published)
    x = drawings(1, 28, 28, n=3)
    before = x.clone()
    alone = corrupt(x[1:2], [5], 1)
    assert torch.equal(corrupt(x.flip(0), [9, 5, 2], 1)[1:2], alone)
    assert torch.equal(x, before)


def test_noise_differs_between_places_seeds_and_kinds() -> None:
    """The same image at another place, with another seed or at another severity has other noise."""
    x = drawings(1, 28, 28, n=1)
    first = Corruption(kind="impulse_noise", severity=4)
    others = [first(x, [0], 1), first(x, [1], 0)]
    assert not any(torch.equal(first(x, [0], 0), other) for other in others)


@pytest.mark.parametrize(("published", "kind"), KINDS)
def test_severity_grows(published: str, kind: str) -> None:
    """The strongest level changes an image more than the weakest, edges apart, which replace it."""
    x = drawings(1, 28, 28, n=2)
    weak, strong = (
        Corruption(kind=kind, severity=severity, benchmark=published)(x, [0, 1])
        for severity in (1, 5)
    )
    if kind not in ("canny_edges", "elastic", "spatter"):  # elastic: more often, not further
        assert float((strong - x).abs().mean()) > float((weak - x).abs().mean())


@pytest.mark.parametrize("sigma", [1.0, 1.5])
def test_canny_edges_are_those_of_another_library(sigma: float) -> None:
    """Edges agree with those of scikit-image on nearly every pixel."""
    image = drawings(1, 28, 28, n=1)[0].numpy().astype(np.float64)
    ours = canny_edges(image, sigma, np.random.default_rng(0))[0] > 0
    theirs = feature.canny(image[0], sigma=sigma, mode="nearest")
    assert (ours != theirs).mean() < 0.02
    assert ours.sum() > 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "frost"},
        {"kind": "fog", "severity": 6},
        {"kind": "fog", "severity": True},
        {"kind": "fog", "benchmark": "imagenet-c"},
        {"kind": "stripe", "benchmark": "cifar-10-c"},
    ],
    ids=str,
)
def test_unknown_corruptions_are_refused(wrong: dict) -> None:
    """An unknown benchmark, kind or severity is refused with those that there are."""
    with pytest.raises(UsageError) as caught:
        Corruption(**wrong)
    assert "change" in one_sentence(caught.value)
