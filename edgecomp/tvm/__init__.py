"""What Apache TVM is good for here: an independent integer oracle, and a baseline to compare with. Needs the extra `edgecomp[tvm]`."""
