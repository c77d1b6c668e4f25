"""Text and bytes of the protocol to values and back: no input or output, no frameworks."""
