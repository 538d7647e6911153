"""Between ONNX files and `Graph`."""
