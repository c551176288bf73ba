"""The smoke tier of a first policy on ResNet-18 and MobileNet-v2: `python -m benchmarks.large_smoke`.

Both are trained for some epochs on patches of colour photographs (3x32x32, six classes). `securemnist
init` writes the policy, and `securemnist assess --tier smoke` is timed as a process, with its peak
memory. Writes the section "large smoke" of docs/performance.md.
"""

from __future__ import annotations

import re
import subprocess  # nosec B404 # fixed lists, no shell
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks import large_networks
from benchmarks.page import store
from tests.tasks import as_images, photographs, trained

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
EPOCHS = {"resnet18": 6, "mobilenet_v2": 12}
_CLASSES = 6
_MODULE = """
from safetensors.torch import load_file
from torchvision.models import {network}


def factory():
    model = {network}(num_classes={classes})
    model.load_state_dict(load_file({weights!r}))
    return model
"""


def report() -> list[str]:
    """The lines of the section."""
    lines = [
        "### Large networks: the smoke tier of a first policy",
        "",
        "Trained for some epochs on patches of photographs, 3x32x32, six classes; all test images.",
        "",
        "| network | rows | verdict (exit code) | init, s | assess --tier smoke, s | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for network in EPOCHS:
        with tempfile.TemporaryDirectory(prefix="securemnist-") as name:
            lines.append(_row(network, Path(name)))
        print(lines[-1], flush=True)
    return [*lines, ""]


def _row(network: str, folder: Path) -> str:
    arrays = photographs()
    np.savez(folder / "data.npz", **arrays)
    images, labels = as_images(arrays["x_train"]), torch.from_numpy(arrays["y_train"])
    model = trained(
        lambda: large_networks.plain(network, _CLASSES), images, labels, EPOCHS[network]
    )
    weights = str(folder / "weights.safetensors")
    save_file(model.state_dict(), weights)
    text = _MODULE.format(network=network, classes=_CLASSES, weights=weights)
    (folder / "nets.py").write_text(text)
    first, _, _ = _run(folder, "init", "--model", "nets:factory", "--data", "data.npz")
    seconds, gib, done = _run(folder, "assess", "--model", "nets:factory", "--tier", "smoke")
    rows = sum(
        bool(re.match(r"\S (PASS|FAIL|INCONCLUSIVE)", line)) for line in done.stdout.splitlines()
    )
    print(done.stdout, flush=True)
    return (
        f"| {network} | {rows} | {done.returncode} | {first:.0f} | {seconds:.0f} | {gib:.2f} GiB |"
    )


def _run(folder: Path, *words: str) -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Seconds and peak memory (GiB, of the largest process) of a command; SystemExit where it fails."""
    program = (
        "import resource, runpy, subprocess, sys; "
        "done = subprocess.run([sys.executable, '-m', 'securemnist', *sys.argv[1:]]); "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss; "
        "print(used, file=sys.stderr); sys.exit(done.returncode)"
    )
    began = time.perf_counter()
    done = subprocess.run(  # nosec B603 # a fixed list
        [sys.executable, "-c", program, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1, 3):
        raise SystemExit(done.stdout + done.stderr)
    return seconds, int(done.stderr.splitlines()[-1]) / 2**20, done


if __name__ == "__main__":
    origin = f"Made by `python -m benchmarks.large_smoke` on torch {torch.__version__}, 2 threads."
    store(PAGE, "large smoke", [*report(), origin, ""])
