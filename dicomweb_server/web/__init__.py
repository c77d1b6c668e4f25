"""The HTTP door: translates requests to service calls and their outcomes to responses."""
