"""Quantization: calibration, integer weights, lowering to the integer network, and how much accuracy it costs."""
