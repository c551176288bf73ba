"""Manifests of weight files: where the weights come from, and whether the file is the described one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from securemnist._util.files import open_regular, read_at_most
from securemnist._util.hashing import sha256_of_file, shortened
from securemnist._util.parsing import json_object
from securemnist.errors import ParseError
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.json_model import table

_MAX_MANIFEST = 1 << 20
_SHA256 = re.compile("[0-9a-f]{64}")


def checks(path: Path, name: str) -> Iterator[SupplyCheck]:
    """Checks of a weight file and of its manifest, NAME.json beside it; `name` is the file's in texts.

    The manifest has to state three things: the SHA-256 of the file, the recipe of the training with
    its seed, and the SHA-256 of each file of the training data.
    """
    beside = path.with_suffix(".json")
    place = f"{Path(name).with_suffix('.json')}"
    try:
        manifest = json_object(read_at_most(beside, _MAX_MANIFEST))
    except OSError as error:
        expected = "a manifest beside the weights"
        yield SupplyCheck("manifest", place, expected, str(error.strerror), False)
        return
    except ParseError as error:
        yield SupplyCheck("manifest", place, "a JSON object", str(error), False)
        return
    yield _digest(path, name, manifest)
    recipe = table(manifest.get("recipe"))
    found = f"{len(recipe)} settings"
    yield SupplyCheck("recipe", place, "how the model was trained", found, bool(recipe))
    seed = manifest.get("seed", recipe.get("seed"))
    yield SupplyCheck("seed", place, "a whole number", f"{seed!r:.40}", type(seed) is int)
    yield _data(manifest.get("data"), place)


def _digest(path: Path, name: str, manifest: Mapping[str, Any]) -> SupplyCheck:
    what, stated = "SHA-256 of the weights", manifest.get("sha256")
    if not isinstance(stated, str) or not _SHA256.fullmatch(stated):
        return SupplyCheck(what, name, "64 digits in the manifest", f"{stated!r:.80}", False)
    try:
        with open_regular(path) as descriptor:
            got = sha256_of_file(descriptor)
    except OSError as error:
        return SupplyCheck(what, name, shortened(stated), str(error.strerror), False)
    return SupplyCheck(what, name, shortened(stated), shortened(got), got == stated)


def _data(data: object, place: str) -> SupplyCheck:
    digests = table(table(data).get("digests"))
    wrong = [name for name, value in digests.items() if not _SHA256.fullmatch(str(value))]
    found = f"{len(digests)} digests" if digests else "none"
    if wrong:
        found = f"no SHA-256 of {wrong[0]}"
    holds = bool(digests) and not wrong
    return SupplyCheck("training data", place, "SHA-256 of its files", found, holds)
