"""Files of adversarial examples: written with an assessment, read for a replay.

`FOLDER/adversarial/ROW.npz` lies beside `FOLDER/assessment.json`, which holds the SHA-256 of each
file.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from securemnist._util.files import read_or_raise
from securemnist._util.hashing import sha256
from securemnist.data import DataSet
from securemnist.errors import DataError
from securemnist.evaluation import sheets
from securemnist.evaluation.context import Context
from securemnist.evaluation.examples import MAX_BYTES, Examples
from securemnist.evaluation.replay import Replay
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.attack import AttackEvidence, StoredExamples
from securemnist.results.findings import Measurement

FOLDER = "adversarial"
MAX_IMAGES = 400_000  # all sets together: 1.25 GB in memory
_ROW = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ADVICE = "assess that model again, or name another folder"


def pack(
    measurement: Measurement, context: Context, row: str
) -> tuple[Measurement, dict[str, bytes]]:
    """The measurement with a reference to the file of its examples, and the files by name.

    The files are the examples (npz), a contact sheet (PNG) and a table (CSV). There are none where
    no image was broken.
    """
    examples = measurement.examples
    evidence = measurement.evidence
    if not examples or not isinstance(evidence, AttackEvidence):
        return measurement, {}
    stem, content = f"{FOLDER}/{row}", examples.dumps()
    entry = StoredExamples(file=f"{stem}.npz", sha256=sha256(content), images=len(examples))
    files = {
        f"{stem}.npz": content,
        f"{stem}.png": sheets.contact_sheet(examples, context),
        f"{stem}.csv": sheets.csv_table(examples, context),
    }
    evidence = dataclasses.replace(evidence, adversarial_examples=entry)
    return dataclasses.replace(measurement, evidence=evidence), files


def load(folders: Iterable[Path], data: DataSet) -> Replay:
    """The examples that the assessments in these folders stored.

    Raises DataError for a folder without an assessment, for one on other data, and for a file that
    is missing, altered, too large or malformed.
    """
    sets: list[Examples] = []
    for folder in folders:
        for name, digest in _recorded_files(folder, data):
            content = _read(folder / name)
            if sha256(content) != digest:
                raise DataError(
                    f"{folder / name}: expected SHA-256 {digest:.12}... of assessment.json, got "
                    f"{sha256(content):.12}...; {_ADVICE}"
                )
            sets.append(
                Examples.loads(
                    content,
                    name=str(folder / name),
                    total=len(data.test),
                    shape=data.spec.shape,
                )
            )
            if sum(map(len, sets)) > MAX_IMAGES:
                raise DataError(
                    f"{folder}: expected at most {MAX_IMAGES:,} stored examples, got more; name fewer "
                    "folders"
                )
    return Replay(tuple(sets))


def _recorded_files(folder: Path, data: DataSet) -> list[tuple[str, str]]:
    """File names and digests that the assessment in this folder records."""
    assessment = Assessment.load(folder / "assessment.json")
    recorded = assessment.subject.get("data")
    digests = recorded.get("digests") if isinstance(recorded, Mapping) else None
    if digests != data.digests:
        raise DataError(
            f"{folder}: expected an assessment on {data.name}, got one on other data; replay it on that"
        )
    files = []
    for finding in assessment.findings:
        evidence = finding.measurement.evidence if finding.measurement else None
        entry = evidence.adversarial_examples if isinstance(evidence, AttackEvidence) else None
        if entry is None:
            continue
        # The name is derived from the row id, so that a path in the JSON cannot lead elsewhere.
        row = finding.requirement.id
        if not _ROW.fullmatch(row):
            raise DataError(
                f"{folder}: expected a row's file with its SHA-256, got one of row {row!r:.40}; {_ADVICE}"
            )
        files.append((f"{FOLDER}/{row}.npz", entry.sha256))
    return files


def _read(path: Path) -> bytes:
    return read_or_raise(path, MAX_BYTES, "stored adversarial examples", DataError, _ADVICE)
