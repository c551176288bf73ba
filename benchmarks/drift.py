"""False alarms and found drift of the monitor: `python -m benchmarks.drift [MODEL ...] [--images N]`.

The reference is the tuning split of MNIST, streams are resampled test images. Five clean streams have
100,000 images each. Each drift begins in the first windows, which have the largest limit, and after such
a stream, where the limit is smallest. Printed is by how many images after its beginning it was named, the
worst of several beginnings within a window. Exit code 1 where a target is missed.

`python -m benchmarks.drift cost` prints the processor time an image, by its size and that of requests.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import rotate

from securemnist import data
from securemnist.attacks import FGSM, PGD
from securemnist.models import loading
from securemnist.monitoring import Monitor, Reference
from securemnist.threats import Linf
from securemnist.types import silent

MODELS = ("baseline", "certified")
CLEAN, LATEST, MOST_ALARMS = 100_000, 1_000, 1
_POOL, _BATCH = 2_000, 64
_STREAMS = 5
_SIZES = (
    ((1, 28, 28), 10, 1),
    ((1, 28, 28), 10, 64),
    ((3, 32, 32), 100, 1),
    ((3, 224, 224), 1_000, 1),
)
_BEGINNINGS = (0, 1, 250, 499)
Stream = tuple[torch.Tensor, torch.Tensor]


def main(models: tuple[str, ...], clean: int) -> int:
    """The table of all models; 1 where a target is missed."""
    torch.set_num_threads(1)
    missed = 0
    print("| model | stream | named after, first windows | named after, last windows | by |")
    print("|---|---|---|---|---|")
    for name in models:
        missed += _model(name, clean)
    return 1 if missed else 0


def _model(name: str, clean: int) -> int:
    digits, model = data.load(), loading.resolve(name).model
    predict = _batched(model)
    reference = Reference.of_data(predict, digits)
    images, labels = digits.test.images(), digits.test.labels
    rng = np.random.default_rng(0)
    everything = images, predict(images)
    monitor = Monitor(reference)
    began = time.process_time()
    alarms = [len(_feed(monitor, everything, clean, rng))]
    micros = (time.process_time() - began) / clean * 1e6
    windows = monitor.windows
    alarms += [len(_feed(Monitor(reference), everything, clean, rng)) for _ in range(_STREAMS - 1)]
    counts = ", ".join(map(str, alarms))
    print(f"| {name} | {_STREAMS} clean streams of {clean:,} images | alarms: {counts} | | |")
    print(f"{name}: {micros:.0f} us of processor time an image, in requests of {_BATCH}")
    missed = max(alarms) > MOST_ALARMS
    pool = torch.from_numpy(rng.permutation(len(images))[:_POOL])
    for what, changed in _changes(model, images[pool], labels[pool]).items():
        stream = changed, predict(changed)
        results = [_named(reference, everything, stream, rng, after) for after in (0, windows)]
        missed += any(worst > LATEST for worst, _ in results)
        first, last = (f"{worst:,}" if worst < np.inf else "never" for worst, _ in results)
        print(f"| {name} | {what} | {first} | {last} | {results[1][1]} |", flush=True)
    return missed


def _changes(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
    """Streams by name, each of the size of `x`."""
    generator = torch.Generator().manual_seed(0)
    turned = rotate(x.numpy(), 15, axes=(2, 3), reshape=False, order=1)
    hit = torch.rand(x.shape, generator=generator) < 0.05
    salt = torch.rand(x.shape, generator=generator).round()
    gauss = 0.05 * torch.randn(x.shape, generator=generator)
    tenth, rng = len(x) // 10, torch.Generator().manual_seed(0)

    def attacked(attack: FGSM | PGD) -> torch.Tensor:
        # All proposals, as an attacker would send them who does not know which succeed.
        sent = attack.propose(
            model, x[:tenth], y[:tenth], threat=Linf(0.3), rng=rng, progress=silent
        )
        return torch.cat([sent, x[tenth:]])

    return {
        "rotated by 15 degrees": torch.from_numpy(turned).clamp(0, 1),
        "5 % of the pixels black or white": torch.where(hit, salt, x),
        "Gaussian noise, deviation 5 %": (x + gauss).clamp(0, 1),
        "a tenth attacked by FGSM, linf 0.3": attacked(FGSM()),
        "a tenth attacked by PGD, linf 0.3": attacked(PGD(steps=40)),
    }


def _named(
    reference: Reference, clean: Stream, stream: Stream, rng: np.random.Generator, after: int
) -> tuple[float, str]:
    """The most images until an alarm, over several beginnings after `after` windows; its statistic."""
    worst, by = 0.0, ""
    for beginning in _BEGINNINGS:
        monitor = Monitor(reference)
        monitor.windows = after
        _feed(monitor, clean, beginning, rng)
        count, alarms = 0, []
        while not alarms and count < 4 * LATEST:
            alarms = _feed(monitor, stream, 1, rng)
            count += 1
        if not alarms:
            return np.inf, ""
        if count >= worst:
            least = min(alarms, key=lambda alarm: alarm.result.p).result
            worst, by = count, f"{least.statistic}, {least.test}"
    return worst, by


def _feed(monitor: Monitor, stream: Stream, count: int, rng: np.random.Generator) -> list:  # type: ignore[type-arg]
    """Observe `count` images of a stream, drawn with replacement; the alarms."""
    places = torch.from_numpy(rng.integers(0, len(stream[0]), count))
    alarms = []
    for part in places.split(_BATCH) if count else ():
        alarms += monitor.observe(stream[0][part], stream[1][part])
    return alarms


def _batched(model: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    def predict(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([model(batch) for batch in images.split(500)])

    return predict


def cost() -> int:
    """Microseconds an image, the least of three runs."""
    torch.set_num_threads(1)
    print("| images | classes | a request | microseconds an image |\n|---|---|---|---|")
    for shape, classes, size in _SIZES:
        count = 1_000 if shape[-1] > 100 else 10_000
        x, z = torch.rand(512, *shape), torch.randn(512, classes)
        reference, seconds = Reference.of(x, z), np.inf
        for _ in range(3):
            monitor, began = Monitor(reference), time.process_time()
            for start in range(0, count, size):
                place = start % 448
                monitor.observe(x[place : place + size], z[place : place + size])
            seconds = min(seconds, time.process_time() - began)
        form = "x".join(map(str, shape))
        print(f"| {form} | {classes:,} | {size} | {seconds / count * 1e6:.0f} |")
    return 0


if __name__ == "__main__":
    words = sys.argv[1:]
    if words == ["cost"]:
        sys.exit(cost())
    size = int(words.pop(words.index("--images") + 1)) if "--images" in words else CLEAN
    names = tuple(word for word in words if word != "--images")
    sys.exit(main(names or MODELS, size))
