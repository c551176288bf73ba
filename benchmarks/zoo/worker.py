"""A process that trains members of the zoo."""

from __future__ import annotations

import dataclasses
import json
import time
from multiprocessing.queues import Queue
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.zoo.members import Member
from benchmarks.zoo.training import train
from securemnist.data import load

ATTEMPTS = 3  # trainings with another backdoor, where the last one did not work


def work(tasks: Queue[Member | None], folder: Path, device: str) -> None:
    torch.set_num_threads(1)
    data = load()
    while (member := tasks.get()) is not None:
        began = time.perf_counter()
        trained = train(member, data, device)
        while not trained.works and member.attempt + 1 < ATTEMPTS:
            member = dataclasses.replace(member, attempt=member.attempt + 1)
            trained = train(member, data, device)
        save_file(trained.model.state_dict(), folder / f"{member.name}.safetensors")
        record = {
            "name": member.name,
            "architecture": member.architecture,
            "backdoor": member.backdoor,
            "target": member.settings.get("target"),
            "accuracy": trained.accuracy,
            "success": trained.success,
            "seconds": round(time.perf_counter() - began, 1),
            "attempt": member.attempt,
            "settings": member.settings,
        }
        (folder / f"{member.name}.json").write_text(json.dumps(record))
        print(
            member.name, f"{trained.accuracy:.4f}", trained.success, record["seconds"], flush=True
        )
