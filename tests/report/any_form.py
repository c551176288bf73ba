"""Assessments of made-up evidence on data of any form."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from securemnist.input_spec import InputSpec
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.images import Picture
from securemnist.results.findings import Finding
from securemnist.results.per_image import encode
from tests.report import example
from tests.report.judged import finding, measured, row


def assessment(spec: InputSpec, *, rows: int = 3, images: int = 2_000) -> Assessment:
    """Clean, attack and backdoor rows in turn, on images of this form."""
    makers = (_clean, _attack, _backdoor)
    findings = tuple(makers[k % 3](spec, k, images) for k in range(rows))
    subject = {**example.assessment().subject, "data": {"name": "made up", "spec": spec.to_json()}}
    return example.assessment(subject=subject, findings=findings)


def named(spec: InputSpec, names: Sequence[str]) -> InputSpec:
    """The same form with names of classes."""
    return dataclasses.replace(spec, class_names=tuple(names))


class _Predictions:
    """Labels and predictions, of which every tenth is wrong when clean and a third under attack."""

    def __init__(self, spec: InputSpec, seed: int, images: int) -> None:
        self.rng, self.spec = np.random.default_rng(seed), spec
        self.labels = np.arange(images) % spec.classes
        self.clean = self._wrong(self.labels, 0.1)
        self.attacked = self._wrong(self.clean, 0.3)

    def _wrong(self, labels: np.ndarray, share: float) -> np.ndarray:
        changed = self.rng.random(len(labels)) < share
        step = 1 + (self.rng.random(len(labels)) ** 4 * (self.spec.classes - 1)).astype(int)
        return np.where(changed, (labels + step) % self.spec.classes, labels)

    def answers(self, *, triggered: bool = False) -> dict[str, Any]:
        table = {"order": "all", "labels": encode(self.labels), "read": encode(self.clean)}
        return {**table, "triggered": encode(self.attacked)} if triggered else table

    def shares(self, bad: np.ndarray) -> list[float | None]:
        classes = range(self.spec.classes)
        return [float(bad[self.labels == k].mean()) if (self.labels == k).any() else None
                for k in classes]  # fmt: skip

    def gallery(self, count: int = 12) -> list[dict[str, Any]]:
        return [
            {
                "index": place,
                "label": int(self.labels[place]),
                "clean_prediction": int(self.clean[place]),
                "prediction": int(self.attacked[place]),
                "clean_confidence": 0.91,
                "confidence": 0.64,
                "clean": self._picture().to_json(),
                "adversarial": self._picture().to_json(),
                "broken_by": "PGD-40",
            }
            for place in range(count)
        ]

    def _picture(self) -> Picture:
        spec = self.spec
        scale = min(1.0, 64 / max(spec.height, spec.width))
        height, width = round(spec.height * scale), round(spec.width * scale)
        slope = np.linspace(0, 255, width)[None, :, None] * self.rng.random(spec.channels)
        noise = self.rng.integers(0, 40, (height, width, spec.channels))
        pixels = np.clip(slope + noise, 0, 255).astype(np.uint8)
        original = (spec.height, spec.width) if scale < 1 else None
        return Picture(height=height, width=width, channels=spec.channels,
                       pixels=pixels.tobytes(), original=original)  # fmt: skip


def _clean(spec: InputSpec, k: int, images: int) -> Finding:
    predictions = _Predictions(spec, k, images)
    hardest = [
        {"index": d["index"], "label": d["label"], "prediction": d["clean_prediction"],
         "margin": 0.25, "clean": d["clean"]}
        for d in predictions.gallery()
    ]  # fmt: skip
    right = predictions.clean == predictions.labels
    evidence = CleanEvidence.from_json(
        {
            "answers": predictions.answers(),
            "per_class": predictions.shares(right),
            "hardest": hardest,
        }
    )
    measurement = measured(float(right.mean()), n=images, evidence=evidence)
    return finding(
        row(f"CLEAN-{k:02d}", "clean_accuracy", at_least=0.8), measurement, "Clean.", "clean"
    )


def _attack(spec: InputSpec, k: int, images: int) -> Finding:
    predictions = _Predictions(spec, k, images)
    correct = predictions.clean == predictions.labels
    held = predictions.attacked == predictions.labels
    codes = np.where(~correct, -1, np.where(held, np.where(predictions.labels % 3 == 0, -2, -3), 0))
    table = {
        "order": "all", "stages": ["PGD-40"], "labels": encode(predictions.labels),
        "codes": encode(codes), "read": encode(predictions.clean),
        "attacked": encode(predictions.attacked),
    }  # fmt: skip
    survived = codes <= -2
    evidence = AttackEvidence.from_json(
        {
            "outcomes": table,
            "per_class": predictions.shares(survived),
            "gallery": predictions.gallery(),
        }
    )
    measurement = measured(float(survived.mean()), n=images, survived=True, evidence=evidence)
    settings = {"attack": {"use": "PGD"}, "threat": {"norm": "linf", "eps": 8 / 255}}
    asked = row(f"ADV-{k:02d}", "robust_accuracy", at_least=0.9, settings=settings)
    return finding(asked, measurement, "Images keep their class.", "adversarial")


def _backdoor(spec: InputSpec, k: int, images: int) -> Finding:
    predictions = _Predictions(spec, k, images)
    hit = (predictions.attacked == 0) & (predictions.labels != 0)
    evidence = BackdoorEvidence.from_json(
        {"answers": predictions.answers(triggered=True), "per_class_asr": predictions.shares(hit),
         "triggered_gallery": predictions.gallery(), "source": 1, "target": 0}
    )  # fmt: skip
    measurement = measured(float(hit.mean()), n=images, evidence=evidence)
    asked = row(f"BACK-{k:02d}", "backdoor_success", at_most=0.5, settings={"target": "pair"})
    return finding(asked, measurement, "A mark does not decide the answer.", "backdoor")
