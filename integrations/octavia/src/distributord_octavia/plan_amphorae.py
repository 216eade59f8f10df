# SPDX-License-Identifier: Apache-2.0
"""Changes of a distributor's amphorae, computed."""
from __future__ import annotations

import time
from typing import Any

from . import desired
from .inputs import Plain, plain_amphora_ids, plain_amphorae
from .tasks import Change, DriverTask, planned


class FindAmphoraPorts(DriverTask):
    """Provides what the hosts need to know of each amphora."""

    def execute(self, amphorae: Any) -> list[Plain]:
        network = self.parts.network
        return [
            {
                "id": amphora["id"],
                "ip": amphora["ip"],
                "mac": network.amphora_mac(amphora, f"amphorae[{index}].vrrp_port_id"),
                "weight": amphora["weight"],
                "position": amphora["position"],
            }
            for index, amphora in enumerate(plain_amphorae(amphorae))
        ]


class PlanRegistration(DriverTask):
    def execute(self, distributor_id: str, registrations: list[Plain]) -> Change:
        before = self.parts.records.get(distributor_id)
        return planned(before, desired.with_amphorae(before, registrations))


class PlanDrain(DriverTask):
    """The deadline is a time: a flow that is resumed keeps it."""

    def execute(self, distributor_id: str, amphorae: Any) -> Change:
        before = self.parts.records.get(distributor_id)
        until = round(time.time() + self.parts.settings.drain_deadline, 3)
        return planned(before, desired.with_drain(before, plain_amphora_ids(amphorae), until))


class PlanUnregistration(DriverTask):
    def execute(self, distributor_id: str, amphorae: Any) -> Change:
        before = self.parts.records.get(distributor_id)
        return planned(before, desired.without_amphorae(before, plain_amphora_ids(amphorae)))
