"""The process that reads a file: `child.py JOB`, with a job as JSON; started by `process.read`.

Order: no network; libraries imported and used once, so that nothing is imported later; limits; the hook;
then the file. Bytes and facts leave it. There is no other way to read the file.
"""

import importlib
import json
import os
import sys
import warnings

# Modules with `warm_up()` and `read(content, **settings)`, which returns bytes and facts.
_READERS = {
    "checkpoint": "securemnist.foreign.loading",
    "HDF5": "securemnist.confined.hdf5",
}


def _main() -> None:
    job = json.loads(sys.argv[1])
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from securemnist.confined import confinement  # of this file, wherever another one is installed

    del sys.path[0]
    sys.path.extend(folder for folder in job["paths"] if folder not in sys.path)

    network = confinement.leave_network()
    warnings.simplefilter("ignore")
    reader = importlib.import_module(_READERS[job["reader"]])
    reader.warm_up()
    confinement.limit(job["memory"], job["seconds"], job["file_size"])
    rights = confinement.leave_root()
    confinement.refuse_events(job["report"])
    try:
        content = _content(job["content"])
        packed, facts = reader.read(content, **job["settings"])
        _write(job["out"], packed)
        confinement.send(job["report"], {"confined": f"{network}, {rights}", **facts})
    except BaseException as error:  # libraries raise what their parts raise
        text = str(error).strip() or type(error).__name__
        confinement.send(job["report"], {"error": text.splitlines()[0][:300]})
    os._exit(0)


def _content(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    content = bytearray()
    while part := os.pread(descriptor, min(size - len(content), 1 << 24), len(content)):
        content += part
    return bytes(content)


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view[: 1 << 24]) :]


if __name__ == "__main__":
    _main()
