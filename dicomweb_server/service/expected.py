"""What a request says that an instance is."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.instance import ScannedInstance
from dicomweb_server.model.outcome import FailureReason


@dataclass(frozen=True, slots=True)
class Expected:
    """What the request says that an instance is, apart from its bytes (C-STORE, PS3.7 9.1.1).

    Args:
        sop_class: SOP Class UID.
        instance: SOP Instance UID.
    """

    sop_class: str
    instance: str

    def require(self, scanned: ScannedInstance) -> None:
        """Refuse another instance (PS3.4 B.2.3).

        Raises:
            InstanceRejected: It is another one.
        """
        if (scanned.sop_class, scanned.key.instance) != (self.sop_class, self.instance):
            raise InstanceRejected(
                FailureReason.DOES_NOT_MATCH_SOP_CLASS,
                "the data set is not of the SOP class and instance that the request names",
                sop_class=self.sop_class,
                instance=self.instance,
            )
