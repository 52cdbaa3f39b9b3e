"""The parts of the benchmark, the plain baselines they compare with, and how they are timed."""
