"""Audit log, metrics and drift of a service."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from securemnist._util.hashing import sha256
from securemnist.audit import AuditLog, line, verify
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.monitoring import state
from securemnist.monitoring.metrics import Metrics
from securemnist.serve.observers import AuditObserver, MonitorObserver
from securemnist.serve.observing import observed
from securemnist.serve.record import Record
from securemnist.serve.service import Service
from securemnist.serve.settings import Settings, load
from tests.audit.logs import lines
from tests.commands import run
from tests.error_form import one_sentence
from tests.serve.hosts import INFER, body, client, text, toy

NAMES = {"d" * 64: "toy"}


def answers(folder: Path) -> list[dict[str, Any]]:
    """The contents of all lines of answers and counts."""
    found = [line.parse(text[:-1]) for text in lines(folder)]
    return [dict(one.content) for one in found if one.kind in ("answer", "counts")]


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[AuditLog]:
    """An open log."""
    with AuditLog(tmp_path / "log") as log:
        yield log


def test_each_answer_has_a_line(audit: AuditLog) -> None:
    """Who, which request, by which model and what was answered is in the log before the answer."""
    with client(observers=[AuditObserver(audit, NAMES)]) as alice:
        alice.post(INFER, content=json.dumps(body(2) | {"id": "case-7"}))
        alice.post(INFER, content="{")
        alice.get("/nowhere")
    first, malformed, nowhere = answers(audit.folder)
    assert (first["request"], first["subject"]) == ("case-7", "alice")
    assert (first["model"], first["model_digest"]) == ("toy", "d" * 64)
    assert (first["status"], first["classes"], first["path"]) == (200, [5, 5], INFER)
    assert len(set(first["images"])) == 1
    assert len(first["images"]) == 2
    assert first["milliseconds"] > 0
    assert (malformed["status"], malformed["images"], malformed["subject"]) == (400, [], "alice")
    assert nowhere["status"] == 404


def test_no_pixel_and_no_token_is_stored(audit: AuditLog) -> None:
    """The log holds neither an image nor the token of its sender."""
    with client(observers=[AuditObserver(audit, NAMES)]) as alice:
        alice.post(INFER, content=text())
        secret = alice.headers["Authorization"].split()[1]
    content = b"".join(lines(audit.folder))
    assert secret.encode() not in content
    pixels = bytes([128] * 784)
    for unkeyed in (sha256(pixels), blake2b(b"1 28 28 u1\n" + pixels, digest_size=32).hexdigest()):
        assert unkeyed.encode() not in content
    assert b"128,128" not in content


def test_strangers_are_counted(audit: AuditLog) -> None:
    """Requests without a token, or over the limits, take no line each."""
    with client(observers=[AuditObserver(audit, NAMES)], requests_per_token=2) as alice:
        for _ in range(6):
            alice.get("/v2")
        for _ in range(30):
            alice.get("/v2", headers={"Authorization": "Bearer none"})
    audit.close()
    found = answers(audit.folder)
    assert [one["status"] for one in found if "status" in one] == [200, 200]
    counted: dict[str, int] = {}
    for one in found:
        for status, count in one.get("statuses", {}).items():
            counted[status] = counted.get(status, 0) + count
    assert counted == {"401": 30, "429": 4}


def test_sent_picture_is_found_by_its_file(audit: AuditLog, tmp_path: Path) -> None:
    """`audit show --image` finds a picture that was sent as UINT8, and as FP32."""
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "sent.png")
    with client(observers=[AuditObserver(audit, NAMES)]) as alice:
        for kind, data in (("UINT8", pixels), ("FP32", pixels / 255)):
            sent = body(1, kind, data=data.ravel().tolist()) | {"id": kind}
            assert alice.post(INFER, content=json.dumps(sent)).status_code == 200
        alice.post(INFER, content=text())
    audit.close()
    done = run("audit", "show", str(audit.folder), "--image", str(tmp_path / "sent.png"))
    assert done.exit_code == 0, done.output
    assert done.output.count("sent request") == 2
    assert "'UINT8'" in done.output
    assert "'FP32'" in done.output


def settings(folder: Path, **more: Any) -> Settings:
    """Settings with small windows, and folders of their own."""
    monitor = {"folder": str(folder / "monitor"), "window": 50}
    audit = {"folder": str(folder / "audit")}
    return Settings.model_validate({"monitor": monitor, "audit": audit, **more})


@pytest.fixture(scope="module")
def digits(mnist: DataSet) -> DataSet:
    """A reference of 600 images."""
    return DataSet("few", mnist.tuning[:0], mnist.tuning[:600], mnist.test[:10], mnist.spec, {})


def test_service_is_observed_until_its_end(
    tmp_path: Path, digits: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    """Log, metrics and drift follow the requests; an alarm is printed, state and log are left."""
    chosen, service = settings(tmp_path), Service((toy(),))
    with observed(service, chosen, digits) as sentences:
        with client(observers=service.observers) as alice:
            for value in (0, 255):
                alice.post(INFER, content=text(count=65, value=value))
        url = next(one for one in sentences if one.startswith("metrics")).partition(": ")[2]
        metrics = httpx.get(url).text
    service.close(10)
    assert 'securemnist_requests_total{status="200"} 2.0' in metrics
    assert 'securemnist_answers_total{label="0",model="toy"} 65.0' in metrics
    assert 'securemnist_drift_windows{model="toy"} 2.0' in metrics
    kept = state.read(next((tmp_path / "monitor").glob("drift-toy-*.json")))
    assert (kept.images, kept.windows, len(kept.rows)) == (130, 2, 30)
    assert "brightness" in {alarm.result.statistic for alarm in kept.alarms}
    assert len([text for text in caplog.messages if text.startswith("drift of toy, ")]) == 1
    assert verify(tmp_path / "audit").whole
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_failing_monitor_refuses_no_answer(
    tmp_path: Path, digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the monitor is logged, and the answer is sent."""
    service = Service((toy(),))
    with observed(service, settings(tmp_path, off=["audit"]), digits):
        with client(observers=service.observers) as alice:
            monkeypatch.setattr("securemnist.monitoring.monitor.statistics", lambda *_: 1 / 0)
            assert alice.post(INFER, content=text(count=60)).status_code == 200
        monkeypatch.undo()
    service.close(10)


@pytest.mark.parametrize("switch", ["audit", "monitor"])
def test_observers_can_be_switched_off(switch: str, tmp_path: Path, digits: DataSet) -> None:
    """What is switched off leaves no folder, and the start says that it is off."""
    service, chosen = Service((toy(),)), settings(tmp_path, off=[switch])
    with observed(service, chosen, digits):
        assert len(service.observers) == 1
    service.close(10)
    assert [path.name for path in tmp_path.iterdir()] == [
        "monitor" if switch == "audit" else "audit"
    ]


def test_taken_log_state_or_port_stops_the_start(tmp_path: Path, digits: DataSet) -> None:
    """Log and state of another service, and a port in use, are refused, and free the rest."""
    service = Service((toy(),))
    with observed(service, settings(tmp_path), digits) as sentences:
        port = int(next(s for s in sentences if "metrics" in s).rsplit(":", 1)[1].split("/")[0])
        for second in (settings(tmp_path), settings(tmp_path, off=["audit"])):
            writes = pytest.raises(UsageError, match="one that another service writes")
            with writes as refused, observed(service, second, digits):
                pass
            one_sentence(refused.value)
        other = settings(tmp_path / "b", monitor={"metrics_port": port, "folder": str(tmp_path)})
        with pytest.raises(UsageError) as refused, observed(service, other, digits):
            pass
        one_sentence(refused.value)
        AuditLog(tmp_path / "b" / "audit").close()
    service.close(10)


def test_tables_of_the_settings(tmp_path: Path) -> None:
    """`[serve.audit]` and `[serve.monitor]` are read, and strict."""
    path = tmp_path / "serve.toml"
    path.write_text('[serve.audit]\nsync = "line"\nseconds = 5\n[serve.monitor]\nalpha = 0.01\n')
    found = load(path)
    assert (found.audit.sync, found.audit.seconds, found.monitor.alpha) == ("line", 5, 0.01)
    for wrong in (
        '[serve.audit]\nsync = "never"',
        "[serve.monitor]\nwindow = 1",
        "[serve]\naudit = 1",
    ):
        path.write_text(wrong)
        with pytest.raises(UsageError) as refused:
            load(path)
        one_sentence(refused.value)


def test_further_answers_of_a_request_are_logged_only(audit: AuditLog) -> None:
    """A further answer has a line of the log; requests and drift count the first answer alone."""
    x = torch.zeros(1, 1, 28, 28)
    first = Record(0.0, "alice", "", "d" * 64, x, torch.eye(10)[:1], 200, 0.1, "/")
    further = dataclasses.replace(first, logits=torch.eye(10)[4:5], further=True)
    metrics = Metrics()
    for observer in (AuditObserver(audit, NAMES), MonitorObserver(metrics, {}, {})):
        observer(first)
        observer(further)
    assert [one["classes"] for one in answers(audit.folder)] == [[0], [4]]
    assert b'requests_total{status="200"} 1.0' in metrics.text()
