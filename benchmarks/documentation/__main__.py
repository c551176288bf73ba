"""Write the generated pages and pictures: `python -m benchmarks.documentation`."""

from __future__ import annotations

from benchmarks.documentation import files
from securemnist._util.resources import write_atomically

if __name__ == "__main__":
    for path, content in files.contents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
