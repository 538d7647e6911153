"""Zero prediction: rules that say which products of a convolution are left out, and the integer network that follows them."""
