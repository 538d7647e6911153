"""Real boards on the desk: images for their flash, the programs that write it, and the map of what is plugged in where."""
