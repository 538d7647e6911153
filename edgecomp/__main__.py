"""`python -m edgecomp` is `edgecomp`."""

from edgecomp.cli import main

main()
