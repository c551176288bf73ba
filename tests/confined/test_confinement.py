"""The confined process: what it refuses when triage has missed something, and its limits."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from securemnist._util.resources import ROOT
from securemnist.confined import process
from securemnist.errors import SecureMnistError
from securemnist.foreign import process as importing
from tests.error_form import one_sentence
from tests.foreign import opcodes as op
from tests.foreign.checkpoints import checkpoint
from tests.foreign.hostile_archives import GOOD
from tests.foreign.hostile_pickles import CANARY, PICKLES

CONFINED = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import ctypes, encodings.idna, socket, subprocess
from securemnist.confined import confinement
network = confinement.leave_network()
confinement.limit(1 << 28, 20, 1 << 20)
confinement.leave_root()
"""
HOOK = "confinement.refuse_events(1)\n"


def run(code: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Code in a confined process, with what it prints."""
    command = [sys.executable, "-I", "-c", CONFINED + code]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60)


ACTIONS = {
    "os.system": "os.system('mkdir canary')",
    "subprocess": "subprocess.run(['mkdir', 'canary'])",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/mkdir', ['mkdir', 'canary'])",
    "socket": "socket.socket()",
    "write": "open('canary', 'w')",
    "read": "open('/etc/hostname')",
    "folder": "os.mkdir('canary')",
    "listing": "os.listdir('/')",
    "import": "import wave",
    "compile": "compile('1', 'x', 'eval')",
    "eval": "eval('1')",
    "ctypes": "ctypes.CDLL(None)",
    "remove": "os.remove('canary')",
    "signal": "os.kill(os.getppid(), 0)",
    "caught": "\ntry:\n    open('canary', 'w')\nexcept BaseException:\n    pass\nos.mkdir('canary')",
}


@pytest.mark.parametrize("name", ACTIONS)
def test_audited_events_end_the_process(name: str, tmp_path: Path) -> None:
    """Programs, files, sockets, imports, code and ctypes end the process at once, and are named."""
    done = run(f"{HOOK}{ACTIONS[name]}\nos.write(1, b'still here')", tmp_path)
    assert done.returncode == 66, done.stderr
    assert done.stdout.startswith(b'{"refused": "')
    assert b"still here" not in done.stdout
    assert not list(tmp_path.iterdir())


LIMITS = {
    "memory": "b = bytearray(1 << 30)",
    "processes": "import threading; threading.Thread(target=print).start()",
    "files": "[open('/dev/null') for _ in range(99)]",
    "file size": "open('large', 'wb').write(bytes(2 << 20))",
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_hold_without_the_hook(name: str, tmp_path: Path) -> None:
    """Memory, processes, files and their sizes are limited by the kernel, not by the hook alone."""
    done = run(f"{LIMITS[name]}\nprint('still here')", tmp_path)
    assert done.returncode != 0
    assert b"still here" not in done.stdout


def test_network_is_left(tmp_path: Path) -> None:
    """A server on loopback is not reached: there is no network, or the hook refuses it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"socket.socket().connect(('127.0.0.1', {port}))"
        outside = [sys.executable, "-I", "-c", f"import socket; {code}"]
        assert subprocess.run(outside, capture_output=True, timeout=60).returncode == 0
        own = run("print(network)", tmp_path).stdout == b"a network namespace of its own\n"
        done = run(code if own else f"{HOOK}{code}", tmp_path)
    assert b"Network is unreachable" in done.stderr if own else done.returncode == 66


# The hook ends the process where torch would import the codec that a text names.
ENDED = ("codec of a text",)


def test_hostile_files_are_not_run_by_the_reader(tmp_path: Path) -> None:
    """Were triage to accept all of the corpus, the confined reader would run none and accept none."""
    pickles = [content for name, (content, _) in PICKLES.items() if name not in ENDED]
    contents = [*pickles, *map(checkpoint, pickles)]
    (tmp_path / "corpus").write_bytes(pickle.dumps(contents))
    code = f"""
import pickle, warnings
corpus = pickle.load(open("corpus", "rb"))
sys.path.extend({sys.path!r})
warnings.simplefilter("ignore")
from securemnist.foreign import loading
loading.warm_up()
confinement.refuse_events(1)
for content in corpus:
    try:
        loading.read(content, "", None, 1 << 20)
    except BaseException:
        continue
    os.write(1, b"accepted ")
os.write(1, b"end")
os._exit(0)
"""
    unlimited = CONFINED.partition("confinement.limit")[0]
    command = [sys.executable, "-I", "-c", unlimited + code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=200)
    assert done.stdout == b"end", done.stderr
    assert not (tmp_path / CANARY).exists()
    assert len(contents) > 100


@pytest.mark.flaky(reruns=2)  # a busy machine can exceed the limit
def test_child_that_takes_too_long_is_killed() -> None:
    """A child without an answer within its time is killed, and nothing is decided (exit code 3)."""
    begun = time.monotonic()
    with pytest.raises(SecureMnistError, match=r"got none within 0\.1 s; nothing") as error:
        importing.read(GOOD, "torch checkpoint", seconds=0.1)  # type: ignore[arg-type]
    assert error.value.exit_code == 3
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("report", "status", "words"),
    [
        (b"", -9, "none (signal 9, perhaps out of memory)"),
        (b"", 1, "none (exit status 1)"),
        (b"[]", 0, "none (exit status 0)"),
        (b'{"refused": "socket.connect"}', 66, "something else (socket.connect)"),
        (b'{"confined": "x"}', 66, "an attempt to do something else"),
        (b'{"error": "expected one, got two"}', 0, "expected one, got two"),
        (b'{"confined": "x"}', 3, "exit status 3"),
    ],
)
def test_every_other_end_of_the_child_is_refused(report: bytes, status: int, words: str) -> None:
    """Without a whole report and exit status 0 nothing was read, in words."""
    with pytest.raises(process.NothingRead) as error:
        process._facts(report, status)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        ("none (exit status 1)", "the confined process, got none (exit status 1); nothing was"),
        ("no\x1b[2J", "got no"),
        ("expected one, got two", "expected one, got two; nothing was imported"),
    ],
)
def test_nothing_is_imported_without_an_answer(
    got: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer nothing is imported, in one sentence (exit code 3)."""

    def read(*_: object, **__: object) -> process.Answer:
        raise process.NothingRead(got)

    monkeypatch.setattr(process, "read", read)
    with pytest.raises(SecureMnistError) as error:
        importing.read(GOOD, "torch checkpoint")
    assert words in one_sentence(error.value)
    assert error.value.exit_code == 3


def test_unsafe_variables_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that turns off `weights_only` in torch has no effect, and a refusal is one sentence."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in process._environment()
    hostile = checkpoint(op.pickled(op.call("os", "mkdir", op.text(CANARY))))
    with pytest.raises(SecureMnistError, match="Weights only load failed"):
        importing.read(hostile, "torch checkpoint")


def test_event_that_the_hook_refuses_is_named() -> None:
    """A file that would import a codec is ended by the hook, and the sentence names the event."""
    hostile = checkpoint(PICKLES[ENDED[0]][0])
    with pytest.raises(SecureMnistError, match=r"an attempt to do something else \(import\)"):
        importing.read(hostile, "torch checkpoint")
