"""A warm process is what a cold one is, to its parent and to its program."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import warm

PROGRAM = """
import json, os, sys

print(json.dumps({
    "arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ),
    "input": sys.stdin.read(), "name": __name__, "executable": sys.executable,
    "path": sys.path, "passed": os.read(int(sys.argv[1]), 9).decode(),
}))
sys.stderr.write("errors")
sys.exit(int(sys.argv[2]))
"""
ENDS = {
    "exit": ("import sys; sys.exit(3)", 3),
    "error": ("raise ValueError('by zero')", 1),
    "end": ("", 0),
    "abort": ("import os; os.abort()", -signal.SIGABRT),
    "kill": ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
}


def write(folder: Path, text: str) -> str:
    """The path of a program with this text."""
    path = folder / "program.py"
    path.write_text(text)
    return str(path)


def test_a_warm_process_gets_what_a_cold_one_gets(tmp_path: Path) -> None:
    """Arguments, folder, environment, import path, standard streams and descriptors are the same."""
    words = ["-E", "-P", write(tmp_path, PROGRAM)]
    found = []
    for command in ([sys.executable, *words], warm.python(*words)):
        read, written = os.pipe()
        os.write(written, b"passed on")
        done = subprocess.run(
            [*command, str(read), "7"],
            cwd=tmp_path,
            env={"PLACE": "here"},
            pass_fds=[read],
            input="typed",
            capture_output=True,
            text=True,
        )
        os.close(read)
        os.close(written)
        document = json.loads(done.stdout)
        document["path"] = [name for name in document["path"] if "site-packages" in name]
        found.append((done.returncode, done.stderr, {**document, "arguments": 0}))
    assert found[0] == found[1]
    assert found[0][2]["passed"] == "passed on"


def test_a_warm_process_runs_a_text(tmp_path: Path) -> None:
    """A text on the command line has the name, the arguments and the folder that it has cold."""
    words = ["-u", "-c", "import sys\nprint(__name__, sys.argv, repr(sys.path[0]))", "more"]
    commands = [sys.executable, *words], warm.python(*words)
    cold, warmed = (subprocess.check_output(each, cwd=tmp_path, text=True) for each in commands)
    assert cold == warmed == "__main__ ['-c', 'more'] ''\n"


@pytest.mark.parametrize("name", ENDS)
def test_a_warm_process_ends_as_its_program(name: str, tmp_path: Path) -> None:
    """Its exit code or signal is that of the program, and an error shows its traceback."""
    text, code = ENDS[name]
    done = subprocess.run(warm.python(write(tmp_path, text)), capture_output=True, text=True)
    assert done.returncode == code
    assert ("ValueError: by zero" in done.stderr) == (name == "error")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_reaches_the_program(number: signal.Signals, tmp_path: Path) -> None:
    """A signal to the process ends its program, SIGKILL as well."""
    # Where a shell started the tests in the background, they inherit that SIGINT is ignored.
    text = f"""
import os, signal, time
if {number:d} != signal.SIGKILL:
    signal.signal({number:d}, signal.SIG_DFL)
print(os.getpid(), flush=True)
time.sleep(60)
"""
    command = warm.python(write(tmp_path, text))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout is not None
        program = int(process.stdout.readline())
        process.send_signal(number)
        assert process.wait(20) == -number
    for _ in range(200):
        try:
            os.kill(program, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"process {program} goes on")


def test_workers_share_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What starts the workers names its server to them, and one that knows a name starts none."""
    monkeypatch.setenv("SECUREMNIST_XDIST_WARM", "")
    warm.share()
    address = os.environ["SECUREMNIST_XDIST_WARM"]
    assert address in warm.python()
    monkeypatch.setattr(warm, "_SHARED", "/of/another/process")
    assert warm._address.__wrapped__() == "/of/another/process"


def test_a_process_without_a_server_fails(tmp_path: Path) -> None:
    """Where the server has ended, a warm process ends with an error."""
    client, address = Path(warm.__file__).with_name("client.py"), str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        command = [sys.executable, str(client), address, "-c", ""]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            connection = server.accept()[0]
            connection.shutdown(socket.SHUT_WR)
            assert process.wait(20) == 1
            connection.close()  # with the descriptors that were sent
            assert process.stderr is not None
            assert process.stderr.read().startswith("expected a server of warm processes")
