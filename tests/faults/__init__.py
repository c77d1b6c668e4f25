"""Proofs that break things: run them by `make faults`; the short form of each is a test."""
