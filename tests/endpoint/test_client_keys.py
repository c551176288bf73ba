"""Client keys of an endpoint: never a question at a terminal."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.odd_server import certificate_of

PROGRAM = """
import sys
from securemnist.endpoint.client import Client
from securemnist.endpoint.description import described
from securemnist.errors import UsageError
fields = {"uri": "https://127.0.0.1:9/", "request": '{"$image": {"as": "png"}}', "scores": "$"}
try:
    Client(described(fields | {"client_certificate": sys.argv[1]}, "test"))
except UsageError as error:
    print(error)
"""


def test_encrypted_client_key_is_refused(tmp_path: Path) -> None:
    """No passphrase is asked for at the terminal: a job would wait for it for ever."""
    path = certificate_of(tmp_path)
    key = load_pem_private_key(path.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    path.write_bytes(locked + path.read_bytes()[path.read_bytes().index(b"-----BEGIN CERT") :])
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM, str(path)])  # noqa: S606
    os.write(terminal, b"\n\n\n")
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:  # the child has ended
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    assert b"expected readable certificates" in shown
    assert b"pass phrase" not in shown
