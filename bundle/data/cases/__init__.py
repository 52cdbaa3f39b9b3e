"""Cases: which files belong together, whose they are, how they are split and checked."""
