"""A process that stands for a fork of the server: `client.py SOCKET WORDS...`.

It hands over what it was started with, forwards signals, and ends as the fork ends.
"""

import json
import os
import signal
import socket
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def received(server: socket.socket) -> int:
    """The next number that the server sends; an error where the server has ended."""
    sent = server.recv(4, socket.MSG_WAITALL)
    if len(sent) < 4:
        sys.exit("expected a server of warm processes, got none; see how it ended")
    return int.from_bytes(sent, "big")


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    address, *words = sys.argv[1:]
    inherited = [int(name) for name in os.listdir("/proc/self/fd")]
    # The descriptor of the listing itself is closed by now.
    inherited = [number for number in inherited if os.path.exists(f"/proc/self/fd/{number}")]
    environment = dict(os.environ)
    request = {"words": words, "folder": os.getcwd(), "env": environment, "numbers": inherited}
    text = json.dumps(request).encode()
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    socket.send_fds(server, [len(text).to_bytes(4, "big")], inherited)
    server.sendall(text)
    process = received(server)
    for each in SIGNALS:
        signal.signal(each, lambda each, _: os.kill(process, each))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    code = os.waitstatus_to_exitcode(received(server))
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
