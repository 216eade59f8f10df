# SPDX-License-Identifier: Apache-2.0
"""Everything that a flow of this driver may fail with; docs/octavia.md lists them for operators."""
from __future__ import annotations

from typing import Optional


class DistributorDriverError(Exception):
    """
    Base of all others.

    `reason` is stable: the daemon's own where it refused something (docs/errors.md). `field` and
    `value` name what is at fault, where one is.
    """

    reason: str = "DRIVER_ERROR"

    def __init__(
        self,
        message: str,
        *,
        reason: Optional[str] = None,
        field: Optional[str] = None,
        value: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason or type(self).reason
        self.field = field
        self.value = value


class InvalidConfiguration(DistributorDriverError):
    """An option of [xdp_distributor] cannot be used."""

    reason = "INVALID_CONFIGURATION"


class InvalidInput(DistributorDriverError):
    """A flow's input lacks what the verb needs."""

    reason = "INVALID_INPUT"


class MissingMac(InvalidInput):
    """The network service knows no MAC for the port."""

    reason = "MISSING_MAC"


class NetworkLookupFailed(DistributorDriverError):
    """Octavia's network driver failed, or does not know the port, subnet or network."""

    reason = "NETWORK_LOOKUP_FAILED"


class PortNotFound(NetworkLookupFailed):
    """The network service does not know the port."""

    reason = "PORT_NOT_FOUND"


class DistributorNotFound(DistributorDriverError):
    """No distributor with this id is recorded."""

    reason = "DISTRIBUTOR_NOT_FOUND"


class DistributorHasVips(DistributorDriverError):
    """It still has VIPs, which are to be removed first."""

    reason = "DISTRIBUTOR_HAS_VIPS"


class VipConflicts(DistributorDriverError):
    """The distributor has this VIP with other settings."""

    reason = "VIP_CONFLICTS"


class AmphoraNotFound(DistributorDriverError):
    """The amphora is not registered with the distributor."""

    reason = "AMPHORA_NOT_FOUND"


class PositionTaken(DistributorDriverError):
    """The position that was asked for is another amphora's, or the amphora has another one."""

    reason = "POSITION_TAKEN"


class ConcurrentChange(DistributorDriverError):
    """Another flow changed the distributor at the same time."""

    reason = "CONCURRENT_CHANGE"


class RecordsUnavailable(DistributorDriverError):
    """The database of records cannot be read or written."""

    reason = "RECORDS_UNAVAILABLE"


class HostError(DistributorDriverError):
    """Of one distributor host, `host`."""

    reason = "HOST_ERROR"

    def __init__(self, host: str, message: str, **details: Optional[str]) -> None:
        super().__init__(f"{host}: {message}", **details)
        self.host = host


class HostRefused(HostError):
    """The daemon refused the change, for the reason that it gave."""


class HostBusy(HostError):
    """The daemon was too busy until all tries were used up."""


class HostUnreachable(HostError):
    """No answer in time. A flow fails of this only if it is so for all hosts."""

    reason = "HOST_UNREACHABLE"


class CertificateRefused(HostError):
    """The host does not accept the controller's certificate, or the controller not the host's."""

    reason = "CERTIFICATE_REFUSED"


class NoHostReachable(DistributorDriverError):
    """Not one distributor host answered; the message has each one's reason."""

    reason = "NO_HOST_REACHABLE"


class DrainDeadlinePassed(DistributorDriverError):
    """Connections were left at the deadline."""

    reason = "DRAIN_DEADLINE_PASSED"


class DrainCancelled(DistributorDriverError):
    """Somebody else took the drain back, or the amphora out, while the flow waited for its end."""

    reason = "DRAIN_CANCELLED"
