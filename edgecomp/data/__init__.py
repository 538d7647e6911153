"""Data for calibration, accuracy and tests: what `--data` reads, and loaders for public datasets."""
