"""Side by side with a peer server: ``python -m benchmarks --help``."""
