"""Values of the bundled policy on reference models, against those of an earlier version.

`python -m benchmarks.golden ASSESSMENT...` compares stored assessments with `tests/golden-values.json`:
equal verdicts, and values that differ by at most 1e-6 on the processor and the torch that they were
recorded with, and by 0.011 elsewhere. Exit code 1 where one differs. `... record ASSESSMENT...`
records them.

Left out are rows with a time budget, latency, static findings, services and uncovered threats: they
depend on the machine or the code.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from securemnist._util.resources import ROOT, write_atomically
from securemnist.results.families import SERVICE, SUPPLY_CHAIN

FILE = ROOT / "tests" / "golden-values.json"
# Another processor adds float32 numbers in another order. Some rows have 100 images; this is one of them.
ELSEWHERE = 0.011
# Models of one kind of processor do so, too: the calibration error differs in its tenth digit.
HERE = 1e-6
_LEFT_OUT = (
    *("latency_ratio", "static_findings", "uncovered_threats"),
    *SERVICE.measures,
    *SUPPLY_CHAIN.measures,
)


def values(assessment: dict[str, Any]) -> dict[str, Any]:
    """Machine and rows of a stored assessment; each row with its verdict and value."""
    environment = assessment["environment"]
    rows = {}
    for finding in assessment["findings"]:
        requirement, measurement = finding["requirement"], finding["measurement"]
        timed = "seconds" in requirement["settings"]
        in_scope = finding.get("in_scope", True)
        if in_scope and not timed and requirement["measure"] not in _LEFT_OUT:
            value = measurement["value"] if measurement else None  # an ERROR has no number
            rows[requirement["id"]] = [finding["verdict"], value]
    return {
        "processor": environment["processor"],
        "torch": environment["packages"]["torch"],
        "rows": rows,
    }


def differences(measured: dict[str, Any], recorded: dict[str, Any]) -> list[str]:
    """A sentence for each recorded row that was measured and differs."""
    same = all(measured[key] == recorded[key] for key in ("processor", "torch"))
    found = []
    for row, (verdict, value) in recorded["rows"].items():
        if row not in measured["rows"]:
            continue
        got, number = measured["rows"][row]
        near = number == value
        if None not in (number, value):
            near = abs(number - value) <= (HERE if same else ELSEWHERE)
        if got != verdict or not near:
            found.append(f"{row}: recorded {verdict} {value!r}, measured {got} {number!r}")
    return found


def main(words: list[str]) -> int:
    """Compare or record; 1 where a value differs."""
    known: dict[str, Any] = json.loads(FILE.read_bytes()) if FILE.is_file() else {}
    record = words[:1] == ["record"]
    code = not words[record:]  # nothing was compared
    for path in words[record:]:
        assessment = json.loads(Path(path).read_bytes())
        name, measured = assessment["subject"]["name"], values(assessment)
        if record:
            known[name] = measured
            continue
        found = differences(measured, known[name])
        compared = len(known[name]["rows"].keys() & measured["rows"].keys())
        print(f"{name}: {compared} rows compared, {len(found)} differ", *found, sep="\n  ")
        code |= bool(found) or not compared
    if record:
        write_atomically(FILE, (json.dumps(known, indent=1) + "\n").encode())
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
