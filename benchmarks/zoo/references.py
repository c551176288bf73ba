"""Scans of networks without a backdoor: `python -m benchmarks.zoo.references FOLDER`.

It writes `fixtures/backdoor-scan.json` from the references of a zoo, and from honest bundled models.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from benchmarks.zoo.members import references
from benchmarks.zoo.networks import network
from securemnist._util import resources
from securemnist._util.hashing import canonical_json
from securemnist.backdoor.scan import searches
from securemnist.backdoor.scan.references import BUNDLED, ReferenceNetwork, ReferenceScans
from securemnist.data import load
from securemnist.measures.backdoor_scan import SEARCHED
from securemnist.models import loading

HONEST = (
    "baseline",
    "certified",
    "certified_mnist",
    "fgsm_trained",
    "hardened",
    "network_c",
    "network_d",
    "smoothed",
)


def main(folder: Path) -> None:
    """Scan each network on tuning images, and write the file."""
    data = load()
    samples = data.tuning[:SEARCHED]
    x, y = samples.images(), samples.labels
    networks = []
    for name, model in _networks(folder):
        began = time.perf_counter()
        found = searches.search(model, x, y, data.spec.classes, seed=0)
        sizes = {one.kind: [round(float(size), 4) for size in one.sizes] for one in found}
        digest = loading.from_model(model, name=name).digest
        networks.append(ReferenceNetwork(name=name, digest=digest, sizes=sizes))
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    scans = ReferenceScans(
        made_by="python -m benchmarks.zoo.references",
        searches=searches.VERSION,
        data=data.digest,
        networks=networks,
    )
    resources.write_atomically(BUNDLED, (canonical_json(scans.to_json()) + "\n").encode())


def _networks(folder: Path) -> Iterator[tuple[str, nn.Module]]:
    for member in references():
        model = network(member.architecture)
        model.load_state_dict(load_file(folder / f"{member.name}.safetensors"))
        yield member.name, model.eval().requires_grad_(False)
    for name in HONEST:
        yield name, loading.resolve(name).model


if __name__ == "__main__":
    main(Path(sys.argv[1]))
