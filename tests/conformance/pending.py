"""SHALL requirements that the server does not meet yet, with the issue that will do it.

The test holds the list exact: what passes must leave it.
"""

from __future__ import annotations

PENDING: dict[str, str] = {}
