"""Fashion-MNIST from data to gate: `python -m benchmarks.fashion_mnist [FOLDER]`.

Trains a small network, writes a first policy, assesses the network, and compares it with one that
was trained on perturbed images. Writes the section "fashion-mnist" of docs/fashion-mnist.md. FOLDER holds
the four IDX files; by default that of the Debian package `dataset-fashion-mnist`. Times are of the
processor, so that other work on the machine does not change them.
"""

from __future__ import annotations

import resource
import subprocess  # nosec B404 # fixed lists, no shell
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.page import store

PAGE = Path(__file__).parent.parent / "docs" / "fashion-mnist.md"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
# The module of the walk-through, as it is on the page.
NETS = Path(__file__).with_name("fashion_nets.py")
DESCRIPTION = """\
path = "{data}"
class_names = ["T-shirt", "trouser", "pullover", "dress", "coat",
               "sandal", "shirt", "sneaker", "bag", "ankle boot"]
"""
COMMANDS = (
    "python nets.py",
    "securemnist data inspect fashion.toml --out grid.png",
    "securemnist init --model nets:plain --data fashion.toml --images 300",
    "securemnist assess --model nets:plain --tier smoke --out plain",
    "securemnist assess --model nets:robust --tier smoke --out robust",
    "securemnist compare plain/assessment.json robust/assessment.json",
    "securemnist compare robust/assessment.json plain/assessment.json",
)


def report(data: Path) -> list[str]:
    """The commands and what they print."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="securemnist-") as name:
        folder = Path(name)
        (folder / "nets.py").write_text(NETS.read_text())
        description = DESCRIPTION.format(data=data)
        (folder / "fashion.toml").write_text(description)
        lines += ["```console", "$ cat fashion.toml", *description.splitlines(), "```", ""]
        for command in COMMANDS:
            lines += _run(command, folder)
    return lines


def _run(command: str, folder: Path) -> list[str]:
    program, *words = command.split()
    start = [sys.executable] if program == "python" else [sys.executable, "-m", program]
    began = _processor_seconds()
    done = subprocess.run(  # nosec B603 # a fixed list
        [*start, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    seconds = _processor_seconds() - began
    print(f"{command}: exit code {done.returncode}, {seconds:.0f} s", flush=True)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(done.stderr)
    shown = [line.rstrip() for line in done.stdout.replace(str(folder), "PROJECT").splitlines()]
    begin = ["```console", f"$ {command}", *shown, "```", ""]
    return [*begin, f"Exit code {done.returncode}, {seconds:.0f} s of processor time.", ""]


def _processor_seconds() -> float:
    """Seconds of the processor that ended child processes took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    made = f"Made by `python -m benchmarks.fashion_mnist` on torch {torch.__version__}."
    lines = report(Path(sys.argv[1]) if sys.argv[1:] else DEBIAN)
    store(PAGE, "fashion-mnist", [*lines, made, ""])
