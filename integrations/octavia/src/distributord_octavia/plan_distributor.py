# SPDX-License-Identifier: Apache-2.0
"""Changes of distributors and VIPs, computed."""
from __future__ import annotations

import ipaddress
from typing import Any, Optional

from . import desired
from .exceptions import InvalidInput
from .inputs import Plain, plain_load_balancer, plain_vip
from .tasks import Change, DriverTask, planned


class PlanDistributor(DriverTask):
    """Provides the id, too: that of the load balancer's distributor if it has one."""

    def execute(self, load_balancer: Any) -> tuple[str, Change]:
        balancer = plain_load_balancer(load_balancer)
        known = self.parts.records.of_load_balancer(balancer["id"])
        before = next((document for document in known if not document["deleted"]), None)
        after = before
        if after is None:
            after = desired.new_distributor(balancer, self.parts.settings.table_size)
        return after["id"], planned(before, after)


class PlanDeletion(DriverTask):
    """One that is not known is deleted already."""

    def execute(self, distributor_id: str) -> Change:
        before = self.parts.records.find(distributor_id)
        if before is None:
            return {"id": distributor_id, "before": None, "after": None}
        return planned(before, desired.deleted_distributor(before))


class FindAttachment(DriverTask):
    """Provides where the hosts receive the VIP's traffic."""

    def execute(self, vip: Any) -> Plain:
        return self.parts.network.vip_attachment(_canonical(plain_vip(vip)))


class PlanVip(DriverTask):
    def execute(
        self,
        distributor_id: str,
        vip: Any,
        vip_alg: Optional[str],
        vip_persistence: Optional[str],
        attachment: Plain,
    ) -> Change:
        before = self.parts.records.get(distributor_id)
        persistence = vip_persistence
        if not vip_persistence and not vip_alg:
            persistence = self.parts.settings.default_affinity
        wanted = {
            "address": _canonical(plain_vip(vip))["address"],
            **attachment,
            "vip_alg": vip_alg or None,
            "vip_persistence": persistence or None,
        }
        return planned(before, desired.with_vip(before, wanted))


class PlanVipRemoval(DriverTask):
    def execute(self, distributor_id: str, vip: Any) -> Change:
        before = self.parts.records.get(distributor_id)
        address = _canonical(plain_vip(vip))["address"]
        return planned(before, desired.without_vip(before, address))


def _canonical(vip: Plain) -> Plain:
    try:
        return {**vip, "address": str(ipaddress.ip_address(vip["address"]))}
    except ValueError as error:
        raise InvalidInput(
            f"vip.ip_address: {error}", field="vip.ip_address", value=str(vip["address"])
        ) from error
