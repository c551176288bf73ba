"""Claims of rows of natural robustness, in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from securemnist.results.json_model import read
from securemnist.results.value_types import Count, Nonnegative
from securemnist.sanitize import line


def corrupted(settings: Mapping[str, Any]) -> str:
    """`corrupted by fog, stripe at severity 3`, or `corrupted in all ways of MNIST-C`."""
    kinds = settings.get("kinds")
    if isinstance(kinds, list | tuple) and kinds:
        how = f"by {line(', '.join(map(str, kinds)), 200).replace('_', ' ')}"
    else:
        benchmark = settings.get("benchmark")
        how = "in all ways" + (f" of {line(benchmark, 20).upper()}" if benchmark else "")
    severities = settings.get("severities")
    if not isinstance(severities, list | tuple) or not severities:
        return f"corrupted {how}"
    word = "severity" if len(severities) == 1 else "severities"
    return f"corrupted {how} at {word} {', '.join(str(read(Count, one)) for one in severities)}"


def posed(settings: Mapping[str, Any]) -> str:
    """`in each of 775 poses, turned by up to 30 degrees and moved by up to 3 pixels`."""
    degrees = read(Nonnegative, settings.get("rotation", 30.0))
    pixels = read(Nonnegative, settings.get("translation", 3.0))
    bounds = [f"turned by up to {degrees:g} degrees"] if degrees else []
    bounds += [f"moved by up to {pixels:g} pixel{'' if pixels == 1 else 's'}"] if pixels else []
    kind = settings.get("poses", "grid")
    if kind == "grid":
        shifts = read(Count, settings.get("shifts", 5))
        how = f"in each of {read(Count, settings.get('rotations', 31)) * shifts**2:,} poses"
    else:
        how = {"worst_of_10": "in each of ten random poses", "random": "in a random pose"}[
            str(kind)
        ]
    return f"{how}, {' and '.join(bounds)}"


def outliers(settings: Mapping[str, Any]) -> str:
    """`uniform noise`, `the images turned by a quarter`, ..."""
    names = {
        "uniform": "uniform noise",
        "noise": "normal noise",
        "turned": "images turned by a quarter",
        "mirrored": "images with left and right exchanged",
        "mosaic": "mosaics of four images",
        "shuffled": "images with shuffled pixels",
    }
    against = str(settings.get("against", "uniform"))
    return names.get(against, f"the images of {line(against, 80)}")
