"""Smaller networks that stay dense: every method is a function from `Graph` to `Graph`, given what a `Job` holds."""
