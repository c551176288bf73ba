"""Files of a filtered data set: the scores, a page of suspicious images, and the cleaned data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from securemnist._util.hashing import sha256
from securemnist._util.resources import write_atomically
from securemnist.backdoor.data_filter import NOT_FOUND, Filtered
from securemnist.data import DataSet, Samples
from securemnist.data.thumbnail import thumbnail
from securemnist.view import jinja, png

SCORES, SUMMARY, PAGE, CLEANED = "scores.csv", "filter.json", "suspicious.html", "cleaned.npz"
FILES = (SCORES, SUMMARY, PAGE, CLEANED)
SCORE_NAMES = ("disagreement", "deviation", "spectral", "early_loss", "corner")
_SHOWN = 100
_TEMPLATES = Path(__file__).parent / "templates"


def write(
    folder: Path,
    data: DataSet,
    samples: Samples,
    found: Filtered,
    retrained: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write the four files to `folder`; OSError where that fails.

    `retrained` are JSON values about networks trained with and without the removed images.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = cleaned(data, samples, found)
    whole = {**summary_of(data, found), "retrained": list(retrained)}
    whole |= {"data_sha256": data.digests, "cleaned_sha256": sha256(kept)}
    write_atomically(folder / CLEANED, kept)
    write_atomically(folder / SCORES, scores(samples, found))
    write_atomically(folder / PAGE, page(data, samples, found))
    write_atomically(folder / SUMMARY, (json.dumps(whole, indent=1) + "\n").encode())


def summary_of(data: DataSet, found: Filtered) -> dict[str, Any]:
    """The decision and what it rests on, as JSON values."""
    return {
        "data": data.name,
        "images": len(found.removed),
        "removed": int(found.removed.sum()),
        "share": found.share,
        "looked_at": list(found.tried),
        "not_found": list(NOT_FOUND),
        "groups": [
            {
                "features": group.features,
                "images": int(group.deviation.group.sum()),
                "separation": round(group.deviation.separation, 2),
                "between": round(group.deviation.between, 4),
                "doubtful": round(group.deviation.doubtful, 4),
                "elsewhere": round(group.deviation.elsewhere, 4),
            }
            for group in found.groups
        ],
    }


def scores(samples: Samples, found: Filtered) -> bytes:
    """A CSV row for each training image, most suspicious first."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("image", "label", "removed", *SCORE_NAMES))
    labels, removed = samples.labels.tolist(), found.removed.int().tolist()
    values = [getattr(found, name).tolist() for name in SCORE_NAMES]
    for place in found.order().tolist():
        numbers = (f"{column[place]:.4g}" for column in values)
        rows.writerow((place, labels[place], removed[place], *numbers))
    return text.getvalue().encode()


def page(data: DataSet, samples: Samples, found: Filtered) -> bytes:
    """An HTML page with the 100 most suspicious images and their scores."""
    order = found.order()[: min(_SHOWN, len(samples))].tolist()
    images = [
        {
            "place": f"{place:,}",
            "label": data.spec.name_of(int(samples.labels[place])),
            "removed": bool(found.removed[place]),
            "scores": [f"{float(getattr(found, name)[place]):.2f}" for name in SCORE_NAMES],
            "picture": png.image(thumbnail(samples[place : place + 1].images()[0])),
        }
        for place in order
    ]
    return jinja.page(
        "suspicious.html.j2",
        _TEMPLATES,
        data=data.name,
        removed=f"{int(found.removed.sum()):,}",
        count=f"{len(samples):,}",
        looked_at=", ".join(found.tried),
        not_found="; ".join(NOT_FOUND),
        names=[name.replace("_", " ") for name in SCORE_NAMES],
        images=images,
    )


def cleaned(data: DataSet, samples: Samples, found: Filtered) -> bytes:
    """An .npz file that --data reads: the kept training images, and the test images unchanged."""
    kept = samples[(~found.removed).nonzero().squeeze(1)]
    file = io.BytesIO()
    np.savez_compressed(
        file,
        x_train=_array(kept),
        y_train=kept.labels.numpy(),
        x_test=_array(data.test),
        y_test=data.test.labels.numpy(),
    )
    return file.getvalue()


def _array(samples: Samples) -> np.ndarray:
    """Pixels (n, H, W), or (n, H, W, C) of several channels."""
    pixels = samples.pixels.permute(0, 2, 3, 1)
    found: np.ndarray = (pixels[..., 0] if pixels.shape[3] == 1 else pixels).contiguous().numpy()
    return found
