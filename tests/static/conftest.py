"""Fixtures of static analysis: a project of written files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist.static import PythonFiles, bandit, semgrep
from securemnist.static.issue import ToolReport

# What the four source systems were told by their tools, on code of our own writing.
TORCH_LOADS = """
import torch

def restore(net, other):
    net.load_state_dict(torch.load("net.pt"))
    other.load_state_dict(torch.load("robust.pt", map_location="cpu"))
"""
PICKLE_DEMO = """
import pickle

def read(path):
    with open(path, "rb") as file:
        return pickle.load(file)
"""
FLASK_PAGE = """
from flask import Flask

app = Flask(__name__)

if __name__ == "__main__":
    app.run(debug=True)
"""
CLEAN = """
import json

def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
"""

Write = Callable[..., Path]


@pytest.fixture
def write(cwd: Path) -> Write:
    """A function that writes files, by path and text, into the working folder."""

    def files(texts: dict[str, str]) -> Path:
        for name, text in texts.items():
            (cwd / name).parent.mkdir(parents=True, exist_ok=True)
            (cwd / name).write_text(text, encoding="utf-8")
        return cwd

    return files


def report_of(tool: str, folder: Path) -> ToolReport:
    """The report of one tool, "bandit" or "semgrep", on all the Python in a folder."""
    with PythonFiles.find(folder, ["."]).scratch_copy() as copy:
        return {"bandit": bandit.scan, "semgrep": semgrep.scan}[tool](copy)
