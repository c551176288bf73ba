"""Models in the files of other frameworks: ONNX, and Keras 3 on its torch backend."""
