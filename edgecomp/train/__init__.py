"""Training of networks that came as ONNX, in PyTorch. Needs the extra `edgecomp[train]`; nothing here imports torch before it is used."""
