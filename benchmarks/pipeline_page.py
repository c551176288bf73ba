"""The figures of a run: `python -m benchmarks.pipeline_page DIR` writes them into docs/pipeline.md.

DIR is the folder of `securemnist demo --pipeline --out DIR`. Times of a busy machine say nothing;
`--without-times` leaves them out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks import page
from securemnist.pipeline.documents import Scenario, Summary
from securemnist.pipeline.sizes import TITLES, Sizes

PAGE = Path(__file__).parents[1] / "docs" / "pipeline.md"


def command(summary: Summary) -> str:
    """The command of a run, with the sizes that are not the default ones."""
    options = {"training": "train-images", "test": "images", "epochs": "epochs"}
    changed = [
        f" --{options[name]} {summary.sizes[name]}"
        for name, default in vars(Sizes()).items()
        if summary.sizes[name] != default
    ]
    return "securemnist demo --pipeline" + "".join(changed)


def lines(folder: Path, *, times: bool = True) -> Iterator[str]:
    """The section of a run as lines of Markdown."""
    summary = Summary.from_json(json.loads((folder / "summary.json").read_text()))
    timing = Scenario.from_json(json.loads((folder / "timing.json").read_text()))
    sizes = summary.sizes
    yield (
        f"{sizes['training']:,} training images, {sizes['epochs']} epochs (twice as many for the "
        f"hardened network), {sizes['test']:,} test images:"
    )
    yield from (
        "",
        "| network | number | value | 95 % interval | images | doubts |",
        "|---" * 6 + "|",
    )
    for one in summary.figures:
        yield (
            f"| {TITLES[one.network]} | {one.label} | {one.value:.4f} | {one.low:.4f} to {one.high:.4f} "
            f"| {one.n:,} | {', '.join(one.doubts) or 'none'} |"
        )
    if times:
        yield from ("", "| network | training | an image, in batches |", "|---" * 3 + "|")
        for network in summary.networks:
            found = timing.find(network.name, "latency_ratio")
            trained = "from the cache" if network.seconds is None else f"{network.seconds:.0f} s"
            image = "not measured" if found is None else f"{found.microseconds:.0f} µs"
            yield f"| {TITLES[network.name]} | {trained} | {image} |"
        yield from ("", f"The whole run took {summary.seconds:.0f} s.")
    versions = summary.environment
    yield ""
    yield (
        f"Made by `{command(summary)}` on {versions['platform']}, {versions['processor']}, "
        f"torch {versions['packages']['torch']}."
    )
    yield ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--without-times", action="store_true")
    options = parser.parse_args()
    page.store(PAGE, "run", list(lines(options.folder, times=not options.without_times)))
