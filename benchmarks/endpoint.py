"""Attacks on a served model: `python -m benchmarks.endpoint` writes docs/service.md, section "Endpoints".

Starts `securemnist serve` with the undefended network as a child process, on loopback and without limits
of rate, first with exact scores and then with its usual three decimals. Both processes share the cores.
`--link LINK` takes a service that runs already instead; `securemnist serve` prints its link.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess  # nosec B404 # a fixed list, no shell
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.page import store
from securemnist import data
from securemnist.endpoint.inference_protocol import KEY_ENV
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading

PAGE = Path(__file__).parents[1] / "docs" / "service.md"
MODEL, IMAGES, EPS = "baseline", 100, 0.3
SETTINGS = '[serve]\nport = 0\noff = ["rate_limits"]\ndecimals = {decimals}\n'
SCORES, LABELS = 'outputs[?@.name == "probabilities"]', 'outputs[?@.name == "label"]'
DESCRIPTION = """
uri = "{address}/v2/models/{model}/infer"
headers = {{ Authorization = "Bearer $KEY" }}
key_env = "{key}"
batch = 64
{answer}
request = '''{{"inputs": [{{"name": "images", "datatype": "UINT8", "shape": {{"$shape": "NCHW"}},
  "data": {{"$images": {{"as": "flat", "joined": true}}}}}}]}}'''
"""
# What is answered, the attack, and the accuracy that it has to reach.
Row = tuple[str, str, dict[str, Any], float]
ROWS: tuple[Row, ...] = (
    ("scores", f"scores = '$.{SCORES}.data'", {"use": "Square", "queries": 300}, 0.05),
    ("labels only", f"labels = '$.{LABELS}.data'", {"use": "RayS", "queries": 1000}, 0.20),
    ("labels only", f"labels = '$.{LABELS}.data'", {"use": "Surrogate"}, 0.20),
)


@contextlib.contextmanager
def running(decimals: int) -> Iterator[str]:
    """The link of a service of our own, which ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "serve.toml"
        file.write_text(SETTINGS.format(decimals=decimals))
        words = ["serve", "--model", MODEL, "--settings", str(file)]
        command = [sys.executable, "-m", "securemnist", *words]
        # The service keeps its records in the folder; its alarms about the attacks are not shown.
        with subprocess.Popen(  # nosec B603 # a list, no shell
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as child:
            try:
                line = (child.stdout.readline() if child.stdout else "").strip()
                yield line.rpartition(": ")[2]
            finally:
                child.terminate()


def measured(link: str, rows: Sequence[Row]) -> list[str]:
    """The rows of the table, one for each kind of answers."""
    address, _, os.environ[KEY_ENV] = link.partition("/#token=")
    digits, lines = data.load(), []
    for answers, path, attack, wanted in rows:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "endpoint.toml"
            text = DESCRIPTION.format(address=address, model=MODEL, key=KEY_ENV, answer=path)
            file.write_text(text)
            subject = loading.resolve(str(file), input_spec=digits.spec)
        context = Context(subject, digits)
        threat = {"norm": "linf", "eps": EPS}
        settings = bind("attack_accuracy", {"images": IMAGES, "threat": threat, "attack": attack})
        began = time.perf_counter()
        found = take_measurement(context, "attack_accuracy", settings, 0)
        seconds = time.perf_counter() - began
        if subject.remote is None:
            raise RuntimeError("expected an endpoint, got a model with weights")
        counts, facts = subject.remote.client.budget.row, subject.remote.facts
        rounded = "" if facts.decimals is None else f", {facts.decimals} decimals"
        lines.append(
            f"| {answers}{rounded} | {attack['use']}, {found.queries_per_image:,} queries an image | "
            f"{found.value:.0%} | {wanted:.0%} | {counts.queries:,} | {seconds:.0f} s | "
            f"{1 / facts.seconds_an_image:,.0f} |"
        )
    return lines


def main() -> None:
    """Measure against a service, write the section, and print it."""
    parser = argparse.ArgumentParser(description="attacks on a served model")
    parser.add_argument("--link", action="append", help="of a service that runs already")
    links = parser.parse_args().link
    torch.set_num_threads(1)
    lines = [
        "## Endpoints",
        "",
        "`--model` and `--endpoint` assess this service like any other, [by its answers](endpoint.md).",
        "",
        f"The undefended network `{MODEL}` behind `securemnist serve`, {IMAGES} test images, "
        f"linf {EPS:g}; client and server share two cores.",
        "",
        "| answers | attack | accuracy | at most | queries sent | time | images a second |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for number, rows in enumerate((ROWS[:1], ROWS)):
        with contextlib.ExitStack() as stack:
            link = links[number] if links else stack.enter_context(running((8, 3)[number]))
            lines += measured(link, rows)
    lines += ["", "Made by `python -m benchmarks.endpoint`.", ""]
    print("\n".join(lines))
    store(PAGE, "endpoints", lines)


if __name__ == "__main__":
    main()
