"""The stages on docs/concepts/ladder.md, measured by `python -m benchmarks.documentation.ladder_data`.

The model `certified` under the smoke ladder, L-infinity 0.35, 200 test images; some seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import securemnist as sm

PATH = Path(__file__).parents[2] / "docs" / "concepts" / "ladder.json"
SETTING = {"model": "certified", "threat": "linf:0.35", "budget": "smoke", "images": 200}


def measured() -> dict[str, Any]:
    """The setting, the clean errors, and the stages with the images that each broke or certified."""
    m = sm.measure(
        "attack_accuracy",  # the same stages without the doubts
        str(SETTING["model"]),
        threat=str(SETTING["threat"]),
        attack=f"ladder:budget={SETTING['budget']}",
        images=int(SETTING["images"]),
    )
    stages = [
        {"stage": one.stage, "entered": one.entered, "fell": one.fell, "proved": one.proved}
        for one in m.evidence.waterfall
    ]
    return {**SETTING, "value": m.value, "low": m.low, "high": m.high, "stages": stages}


if __name__ == "__main__":
    PATH.write_text(json.dumps(measured(), indent=1) + "\n")
