"""Two assessments as a whole: what they come to, as JSON, and how quickly."""

from __future__ import annotations

import dataclasses
import json
import time

from securemnist.comparison.comparison import compare
from tests.comparison.builders import (
    OLD,
    WORSE,
    assessment,
    changed,
    codes,
    compared,
    robust,
)


def test_the_new_version_needs_its_own_verdict() -> None:
    """Better than before is not enough: a requirement that fails still fails."""
    assert compared(OLD, robust(codes(range(500)), at_least=0.99)).exit_code == 1


def test_it_is_json() -> None:
    """A comparison is builtins, with its verdict and words."""
    data = json.loads(json.dumps(compared(OLD, WORSE).to_json(), allow_nan=False))
    assert (data["exit_code"], data["counts"]["worse"]) == (1, 1)
    assert data["changes"][0]["verdict"] == "FAIL"
    assert len(data["changes"][0]["broken"]) == 200


def test_ten_thousand_images_are_quick() -> None:
    """Twelve rows of 10,000 images are compared in far less than three seconds."""
    sides = [
        assessment(*(dataclasses.replace(changed(f, id=f"R-{n}")) for n in range(12)), digest=d)
        for f, d in ((OLD, "old"), (WORSE, "new"))
    ]
    began = time.process_time()
    assert compare(*sides).counts["worse"] == 12
    assert time.process_time() - began < 3
