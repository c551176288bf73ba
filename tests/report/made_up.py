"""Made-up evidence that looks like the real one; equal in every process."""

from __future__ import annotations

import base64
import functools
import gzip
import random
from typing import Any

from securemnist._util.resources import MNIST
from securemnist.results.per_image import encode
from tests.outcome_text import encoded

STAGES = ["replay", "FGSM", "PGD-10", "APGD-CE", "APGD-DLR-T", "FAB-T", "Square"]
LADDER = ["clean forward", "interval bound", *STAGES]
EPS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)


def rng_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - made-up numbers, not secrets


def answers(per_class: list[float], n: int = 1000) -> dict[str, Any]:
    """Predictions of `n` images of each class, with these shares of correct ones."""
    rng = rng_of(5)
    labels, read = [], []
    for true, share in enumerate(per_class):
        right = round(share * n)
        labels += [true] * n
        read += [true] * right
        read += [(true + rng.choice((1, 2, 4, 5, 5, 7, 9))) % 10 for _ in range(n - right)]
    return {"order": "all", "labels": encode(labels), "read": encode(read)}


@functools.cache
def robustness() -> dict[str, Any]:
    """Evidence of a robustness row, complete."""
    rng = rng_of(7)
    per_class = [0.86, 0.93, 0.79, 0.77, 0.82, 0.78, 0.87, 0.76, 0.77, 0.78]
    labels = "".join(str(rng.randrange(10)) for _ in range(10_000))
    letters = "0011222223345" + "6"
    codes = "".join(
        rng.choices(["x", "c", ".", rng.choice(letters)], [0.008, per_class[int(d)] - 0.11, 0.11,
                                                           0.992 - per_class[int(d)]])[0]
        for d in labels
    )  # fmt: skip
    fell = [78, 0, 410, 236, 902, 148, 71, 19, 9]
    entered = 10_000
    waterfall = []
    for number, (stage, lost) in enumerate(zip(LADDER, fell, strict=True)):
        proved = 7_010 * (number == 1)
        waterfall.append({"stage": stage, "entered": entered, "fell": lost, "proved": proved,
                          "over_budget": 3 * (number == 7), "seconds": 2.5 * number})  # fmt: skip
        entered -= lost + proved
    curve = [
        {"eps": eps, "accuracy": round(max(0.0, 0.992 - slope * eps**1.3), 4), "n": 1000,
         "attack": attack}
        for attack, slope in (("FGSM", 2.2), ("PGD-40", 3.6), ("Square", 2.9))
        for eps in EPS
    ]  # fmt: skip
    for point in curve:
        if point["attack"] == "PGD-40":
            point["certified"] = round(point["accuracy"] * (1 - 2 * point["eps"]), 4)
    references = [
        {"model": model, "points": [
            {"eps": eps, "accuracy": round(max(0.0, 0.99 - slope * eps**1.6), 4), "n": 500,
             "attack": "PGD-40"}
            for eps in EPS
        ]}
        for model, slope in (("hardened", 0.6), ("baseline", 40.0), ("network_c", 55.0))
    ]  # fmt: skip
    return {
        "per_class": per_class,
        "outcomes": {
            "order": "t10k",
            "stages": STAGES,
            "labels": encoded(labels),
            "codes": encoded(codes),
            "read": encode(_read(labels, codes, rng, "x")),
            "attacked": encode(_read(labels, codes, rng, "x0123456")),
        },
        "waterfall": waterfall,
        "gallery": gallery(14),
        "last_to_fall": gallery(17)[14:],
        "curve": curve,
        "reference_curves": references,
        "sensitivity": {"found": 63, "planted": 64},
        "certificates": {
            "intervals": 6_800,
            "CROWN": 210,
            "branch_and_bound": 3,
            "domains": 4_200,
            "search": {"images": 5, "seconds": 20.0, "decided": [0.5, 2.0, 9.25]},
            "attacked": 256,
            "refused": {},
            "open": {"asked": 1_117, "closest": -0.0123, "median": -1.5, "farthest": -9.25},
        },
    }


def _read(labels: str, codes: str, rng: random.Random, wrong: str) -> list[int]:
    """Predictions: another class for the images whose code is among `wrong`."""
    return [
        (int(label) + rng.choice((1, 2, 4, 5, 5, 7, 9))) % 10 if code in wrong else int(label)
        for label, code in zip(labels, codes, strict=True)
    ]


def picture(pixels: bytes, height: int = 28, width: int = 28, channels: int = 1) -> dict[str, Any]:
    """A picture as evidence stores it."""
    text = base64.b64encode(pixels).decode()
    return {"height": height, "width": width, "channels": channels, "pixels": text}


def hardest(count: int) -> list[dict[str, Any]]:
    """Unmodified images with margins, the first of them misclassified."""
    return [
        {"index": shown["index"], "label": shown["label"], "margin": round(0.4 * k - 1.3, 4),
         "prediction": (shown["label"] + (k < 4)) % 10, "clean": shown["clean"]}
        for k, shown in enumerate(gallery(count))
    ]  # fmt: skip


def gallery(count: int, *, trigger: bool = False) -> list[dict[str, Any]]:
    """Test images, and the same with a pattern that looks like an attack's."""
    pixels = gzip.decompress((MNIST / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((MNIST / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    rng = rng_of(11)
    shown = []
    for place in range(count):
        index = place * 61 + 8
        clean = pixels[784 * index : 784 * (index + 1)]
        label = labels[index]
        shown.append(
            {
                "index": index,
                "label": label,
                "clean_prediction": label,
                "prediction": (label + rng.choice((2, 4, 5, 7))) % 10,
                "clean_confidence": 0.9991,
                "confidence": round(0.5 + 0.5 * rng.random(), 4),
                "clean": picture(clean),
                "broken_by": STAGES[place % len(STAGES)],
                "adversarial": picture(_changed(clean, rng, trigger=trigger)),
            }
        )
    return shown


def _changed(clean: bytes, rng: random.Random, *, trigger: bool) -> bytes:
    if trigger:
        corner = range(24, 27)
        return bytes(255 if i // 28 in corner and i % 28 in corner else p
                     for i, p in enumerate(clean))  # fmt: skip
    signs = [rng.choice((-26, 0, 26)) for _ in range(16)]
    blocks = [signs[(i // 28 // 4 * 5 + i % 28 // 3) % 16] for i in range(784)]
    return bytes(min(max(p + b * (rng.random() < 0.9), 0), 255) for p, b in
                 zip(clean, blocks, strict=True))  # fmt: skip
