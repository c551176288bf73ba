"""Digests of the files, data sets and models that a row is measured against."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import MEASURES, bind, take_measurement
from securemnist.models.loading import Subject

# Settings with text of which no digest is recorded: words, or what belongs to the judged version.
OTHERS = {
    *("benchmark", "kinds", "poses", "score", "tools", "level", "control", "compare", "of"),
    *("endpoint", "token_env"),  # the service that is judged
    *("paths", "exclude", "baseline", "files", "signature", "attestation"),  # of the version
    *(
        "threat",
        "threats",
        "attack",
        "naive",
        "trigger",
        "target",
    ),  # tables and names without files
}


def text_file(path: Path, version: int) -> None:
    """A file whose content is never read as anything."""
    path.write_text(f"version {version}")


def folder(path: Path, version: int) -> None:
    """A folder with one file."""
    path.mkdir(exist_ok=True)
    text_file(path / "scans.json", version)


def data_set(path: Path, version: int) -> None:
    """A data set of noise."""
    rng = np.random.default_rng(version)
    images = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    np.savez(path, x_test=images, y_test=np.arange(20, dtype=np.uint8) % 10)


def weights(path: Path, version: int) -> None:
    """A weight file of one of two networks, with its manifest."""
    name = ("baseline", "network_c")[version]
    shutil.copy(resources.WEIGHTS / f"{name}.safetensors", path)
    manifest = (resources.WEIGHTS / f"{name}.json").read_text()
    manifest = manifest.replace(f"{name}.safetensors", path.name)
    path.with_suffix(".json").write_text(manifest)


SIGNED = {"public_key": "key.pub", "attestation": "a.json", "attested_policy": "p.toml"}
ENSEMBLE = {"use": "ensemble", "others": ["w.safetensors"]}
NAMED: dict[str, tuple[str, dict[str, Any], str, Callable[[Path, int], None]]] = {
    "against (data)": ("outlier_auroc", {"against": "./other.npz"}, "./other.npz", data_set),
    "against (model)": ("latency_ratio", {"against": "w.safetensors"}, "w.safetensors", weights),
    "defence": ("clean_accuracy", {"defence": ENSEMBLE}, "w.safetensors", weights),
    "references": ("backdoor_scan", {"references": "scans"}, "scans", folder),
    "record": ("data_changes", {"record": "record.json"}, "record.json", text_file),
    "advisories": ("vulnerable_dependencies", {"advisories": "a.toml"}, "a.toml", text_file),
    "public_key": ("unverified_files", SIGNED, "key.pub", text_file),
    "attested_policy": ("unverified_files", SIGNED, "p.toml", text_file),
}


@pytest.fixture
def here(baseline: Subject, mnist: DataSet, cwd: Path) -> Context:
    """The baseline on MNIST, in a project with a file of every name."""
    for name in SIGNED.values():
        text_file(cwd / name, 0)
    few = dataclasses.replace(mnist, test=mnist.test[:100])
    return Context(baseline, few, project=cwd)


@pytest.mark.parametrize("key", NAMED)
def test_the_digest_is_that_of_the_content(key: str, here: Context) -> None:
    """Another content of what a setting names gives another SHA-256, an equal one gives the same."""
    measure, settings, name, write = NAMED[key]
    bound = bind(measure, settings)
    found = []
    for version in (0, 1, 0):
        write(here.project / name, version)
        found.append(bound.inputs(dataclasses.replace(here, cache={}))[name])
    assert found[0] == found[2] != found[1]
    assert len(found[0]) == 64


def test_every_setting_with_text_is_classified() -> None:
    """A setting that can name a file has its digest recorded, or is listed as one that needs none."""
    known = OTHERS | {key.partition(" ")[0] for key in NAMED}
    for name, measure in MEASURES.items():
        for key, field in measure.settings.model_fields.items():
            texts = any(word in str(field.annotation) for word in ("str", "Literal"))
            assert not texts or key in known, f"{name}: {key}"


def test_a_measurement_records_what_it_used(here: Context) -> None:
    """The digest of a measurement is that of the other data; a replaced file gives another one."""
    data_set(here.project / "other.npz", 0)
    bound = bind("outlier_auroc", {"against": "./other.npz", "images": 50})
    found = take_measurement(here, "outlier_auroc", bound, 0)
    first = DataSet.load(here.project / "other.npz").digest
    assert found.inputs == {"./other.npz": first}
    data_set(here.project / "other.npz", 1)
    again = take_measurement(dataclasses.replace(here, cache={}), "outlier_auroc", bound, 0)
    assert again.inputs["./other.npz"] != first
