"""What WatchRevisions tells."""

from __future__ import annotations

import dataclasses
from typing import Tuple


@dataclasses.dataclass(frozen=True)
class RevisionChange:
    """The first says where the stream begins, and names nobody."""

    revision: int
    #: The watched members whose access may have changed.
    changed: Tuple[str, ...]
    #: Treat every watched member as changed.
    all_changed: bool
