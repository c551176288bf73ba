"""The served model: Open Inference Protocol v2 over HTTP, behind one control a file."""
