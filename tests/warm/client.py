"""A process that stands for a fork of the server: `client.py SOCKET WORDS...`.

It hands over what it was started with, forwards signals, and ends as the fork ends.
"""

import json
import os
import signal
import socket
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
    process = int.from_bytes(server.recv(4, socket.MSG_WAITALL), "big")
    for number in SIGNALS:
        signal.signal(number, lambda number, _: os.kill(process, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    status = server.recv(4, socket.MSG_WAITALL)
    code = os.waitstatus_to_exitcode(int.from_bytes(status, "big"))
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
