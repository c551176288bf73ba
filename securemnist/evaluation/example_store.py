"""The shelf: where an assessment keeps its adversarial examples, and how they are read back.

`FOLDER/adversarial/ROW.npz` beside `FOLDER/assessment.json`, which holds the SHA-256 of each.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from securemnist._util.files import read_at_most
from securemnist._util.hashing import sha256
from securemnist.data import DataSet
from securemnist.errors import DataError
from securemnist.evaluation import sheets
from securemnist.evaluation.context import Lab
from securemnist.evaluation.examples import MAX_BYTES, Examples
from securemnist.evaluation.replay import Replay
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.attack import AttackEvidence, StoredExamples
from securemnist.results.findings import Measurement

FOLDER = "adversarial"
MAX_IMAGES = 400_000  # over all sets: a gigabyte and a quarter in memory
_ROW = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ADVICE = "assess that model again, or name another folder"


def pack(seen: Measurement, lab: Lab, row: str) -> tuple[Measurement, dict[str, bytes]]:
    """A row's measurement, whose evidence names the file of its examples; and its files, by name.

    Beside the examples there are a PNG sheet and a CSV table of them. No file where nothing fell.
    """
    examples = seen.examples
    evidence = seen.evidence
    if not examples or not isinstance(evidence, AttackEvidence):
        return seen, {}
    stem, content = f"{FOLDER}/{row}", examples.dumps()
    kept = StoredExamples(file=f"{stem}.npz", sha256=sha256(content), digits=len(examples))
    files = {
        f"{stem}.npz": content,
        f"{stem}.png": sheets.sheet(examples, lab),
        f"{stem}.csv": sheets.table(examples, lab),
    }
    evidence = dataclasses.replace(evidence, adversarial_examples=kept)
    return dataclasses.replace(seen, evidence=evidence), files


def load(folders: Iterable[Path], data: DataSet) -> Replay:
    """The examples that the assessments in these folders have kept.

    DataError for a folder without an assessment, one on other data, and a file that is missing, altered,
    too large or not what it should be.
    """
    sets: list[Examples] = []
    for folder in folders:
        for name, digest in _named(folder, data):
            content = _read(folder / name)
            if sha256(content) != digest:
                raise DataError(
                    f"{folder / name}: expected SHA-256 {digest:.12}... of assessment.json, got "
                    f"{sha256(content):.12}...; {_ADVICE}"
                )
            sets.append(Examples.loads(content, name=str(folder / name), total=len(data.test)))
            if sum(map(len, sets)) > MAX_IMAGES:
                raise DataError(
                    f"{folder}: expected at most {MAX_IMAGES:,} stored examples, got more; name fewer "
                    "folders"
                )
    return Replay(tuple(sets))


def _named(folder: Path, data: DataSet) -> list[tuple[str, str]]:
    """Files and digests that the assessment in this folder speaks of."""
    made = Assessment.load(folder / "assessment.json")
    recorded = made.subject.get("data")
    digests = recorded.get("digests") if isinstance(recorded, Mapping) else None
    if digests != data.digests:
        raise DataError(
            f"{folder}: expected an assessment on {data.name}, got one on other data; replay it on that"
        )
    named = []
    for finding in made.findings:
        evidence = finding.measurement.evidence if finding.measurement else None
        kept = evidence.adversarial_examples if isinstance(evidence, AttackEvidence) else None
        if kept is None:
            continue
        # The name comes from the row alone: a path in a file could lead anywhere.
        row = finding.requirement.id
        if not _ROW.fullmatch(row):
            raise DataError(
                f"{folder}: expected a row's file with its SHA-256, got one of row {row!r:.40}; {_ADVICE}"
            )
        named.append((f"{FOLDER}/{row}.npz", kept.sha256))
    return named


def _read(path: Path) -> bytes:
    try:
        return read_at_most(path, MAX_BYTES)
    except OSError as error:
        raise DataError(
            f"{path}: expected stored adversarial examples, got {error.strerror}; {_ADVICE}"
        ) from error
