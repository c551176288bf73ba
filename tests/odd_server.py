"""A real server on loopback that answers by bytes of a test's choice, over TCP or TLS."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Request(NamedTuple):
    """Method and path as sent, headers by their lower-case names, the body, and the client's port."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int = 0


# The bytes of an answer, in parts; an empty part closes the connection, and RESET resets it.
RESET = b"\0reset"
Handler = Callable[[Request], Iterable[bytes]]


def answer(value: Any, status: str = "200 OK", *headers: str) -> list[bytes]:
    """An answer in JSON, or of bytes as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return ["\r\n".join(lines).encode() + body]


@contextlib.contextmanager
def serving(handler: Handler, certificate: Path | None = None) -> Iterator[str]:
    """The address of a server until the block ends; `certificate`: PEM of a key and its certificate."""
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_accept, args=(server, handler, tls), daemon=True)
        thread.start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def certificate_of(folder: Path, host: str = "127.0.0.1", *, days: int = 1) -> Path:
    """PEM of a key and a certificate that it signs itself, valid for so many days; negative: expired."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    address = host.replace(".", "").isdigit()
    general = x509.IPAddress(ipaddress.ip_address(host)) if address else x509.DNSName(host)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([general]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / f"{host}{days}.pem"
    path.write_bytes(pem + built.public_bytes(Encoding.PEM))
    return path


def _accept(server: socket.socket, handler: Handler, tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError):  # closed at the end
        while True:
            connection, _ = server.accept()
            given = (connection, handler, tls)
            threading.Thread(target=_converse, args=given, daemon=True).start()


def _converse(connection: socket.socket, handler: Handler, tls: ssl.SSLContext | None) -> None:
    """Answer one connection until it, or a handler, ends it."""
    with connection, contextlib.suppress(OSError):  # refused certificates, clients that are gone
        opened = tls.wrap_socket(connection, server_side=True) if tls else connection
        with opened, opened.makefile("rb") as file:
            while (first := file.readline().split()) and len(first) > 1:
                lines = iter(lambda: file.readline().strip().decode("latin-1"), "")
                headers = {
                    k.lower(): v.strip() for k, _, v in (one.partition(":") for one in lines)
                }
                body = file.read(int(headers.get("content-length", 0)))
                method, path = (part.decode("latin-1") for part in first[:2])
                port = opened.getpeername()[1]
                for part in handler(Request(method, path, headers, body, port)):
                    if part == RESET:
                        opened.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )
                    if part in (b"", RESET):
                        return
                    opened.sendall(part)
