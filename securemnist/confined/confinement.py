"""Limits that a process puts on itself before it reads a file of other people; they cannot be lifted.

Network: a user and network namespace of its own, where the kernel allows it without root; the hook
refuses sockets in any case. Memory, time, file size, processes and open files: resource limits
(setrlimit(2)). The hook (PEP 578) ends the process at any audited event outside a short list: programs,
sockets, files, new modules, ctypes, compiled code.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping

from securemnist._util.parent_death import end_with_parent

# Of <linux/sched.h> and <linux/prctl.h>.
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_NO_NEW_PRIVILEGES = 38
_NOBODY = 65534
REFUSED = 66  # the exit status of a process that the hook ended
# Events of reading arrays: identities, attributes, frames of warnings. None opens, starts or imports.
_HARMLESS = frozenset(("builtins.id", "object.__getattr__", "object.__setattr__", "sys._getframe"))


def leave_network() -> str:
    """Leave the network for an empty namespace; what is in force, in words.

    Has to come first: a process with several threads cannot take a user namespace.
    """
    library = ctypes.CDLL(None, use_errno=True)
    end_with_parent()
    library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    # Root needs no user namespace, in which it could not become another user.
    for flags in (_NEW_NETWORK, _NEW_USER | _NEW_NETWORK):
        if library.unshare(flags) == 0:
            return "a network namespace of its own"
    return "no namespace of its own"


def leave_root() -> str:
    """Become a user without rights and processes, if this is root; what is in force, in words.

    The kernel does not limit the processes of root.
    """
    if os.geteuid() != 0:
        return "the rights of the user"
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:  # in a container that has no other user
        return "the rights of root in its container"
    end_with_parent()  # which a change of the user resets
    return "the rights of nobody"


def limit(memory: int, seconds: int, file_size: int) -> None:
    """Set the resource limits: `memory` bytes beyond what is in use, CPU seconds, bytes of a file."""
    with open("/proc/self/statm") as file:
        in_use = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    for kind, value in (
        (resource.RLIMIT_AS, in_use + memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NOFILE, highest + 1),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def refuse_events(report: int) -> None:
    """From now on an event outside the list ends the process, which first writes its name to `report`."""
    _, write, leave = json.dumps, os.write, os._exit
    sys.addaudithook(_hook(report, write, leave))


def _hook(
    report: int, write: Callable[[int, bytes], int], leave: Callable[[int], None]
) -> Callable[[str, tuple[object, ...]], None]:
    """The hook; it keeps what it needs, so that it cannot be replaced."""
    harmless, status = _HARMLESS, REFUSED

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if event not in harmless:
            write(report, b'{"refused": "' + event.encode("ascii", "replace") + b'"}')
            leave(status)

    return hook


def send(report: int, message: Mapping[str, object]) -> None:
    """Write a report of at most one line."""
    content = json.dumps(message).encode()
    while content:
        content = content[os.write(report, content) :]
