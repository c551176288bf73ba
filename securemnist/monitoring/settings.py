"""Settings of the drift monitor."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from securemnist._util.strict import Strict


class MonitorSettings(Strict):
    """`window`: images that are compared with the reference at a time.

    `alpha`: probability of a false alarm in the whole life of the monitor. Window number k gets the
    share 1 / (k (k + 1)) of it, divided among all tests. `tail`: share of the reference whose lowest
    and highest values are counted. `folder`: where states are kept. `metrics_port`: the port of the
    metrics on loopback; 0 takes a free one.
    """

    folder: Annotated[str, Field(min_length=1)] = "serve-monitor"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    window: Annotated[int, Field(ge=50, le=100_000)] = 500
    alpha: Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False)] = 0.001
    tail: Annotated[float, Field(gt=0, le=0.2, allow_inf_nan=False)] = 0.01

    def compared(self) -> dict[str, float]:
        """The settings that decide what is an alarm."""
        return {"window": self.window, "alpha": self.alpha, "tail": self.tail}

    def limit(self, window: int, tests: int) -> float:
        """The p value below which a test of window number `window` (from 1) is an alarm."""
        return self.alpha / (window * (window + 1)) / tests
