# SPDX-License-Identifier: Apache-2.0
"""Octavia's distributor driver for distributord."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from octavia.distributor.drivers import driver_base
from oslo_config import cfg
from taskflow import task
from taskflow.patterns import linear_flow

from .drain import WaitForDrain
from .options import register
from .parts import Parts, make_parts
from .plan_amphorae import FindAmphoraPorts, PlanDrain, PlanRegistration, PlanUnregistration
from .plan_distributor import (
    FindAttachment,
    PlanDeletion,
    PlanDistributor,
    PlanVip,
    PlanVipRemoval,
)
from .tasks import LevelHosts, ListAmphorae, RecordChange

Rebind = Optional[Mapping[str, str]]


class XdpDistributorDriver(driver_base.DistributorDriver):
    """
    Drives all distributor hosts of [xdp_distributor] alike.

    Flows have the contract's names and inputs. So that one may be used several times within a
    larger flow, or where inputs have other names, each method takes two optional arguments:
    `rebind` says what an input is called in that flow, `name` replaces the flow's name, which is
    the prefix of all that is its own. A flow provides, beside what its method says, values named
    `<flow>.<value>` for its own tasks.
    """

    def __init__(self, conf: Any = None, parts: Optional[Parts] = None) -> None:
        super().__init__()
        self._conf = cfg.CONF if conf is None else conf
        self._parts = parts
        register(self._conf)

    def get_create_distributor_subflow(
        self, rebind: Rebind = None, name: str = "create-distributor"
    ) -> linear_flow.Flow:
        """Requires load_balancer; provides distributor_id."""
        flow = _FlowMaker(self._get_parts(), name, rebind)
        flow.add(PlanDistributor, "plan", provides=("distributor_id", flow.own("change")))
        return flow.changing()

    def get_delete_distributor_subflow(
        self, rebind: Rebind = None, name: str = "delete-distributor"
    ) -> linear_flow.Flow:
        """Requires distributor_id. One that still has VIPs is refused."""
        flow = _FlowMaker(self._get_parts(), name, rebind)
        flow.add(PlanDeletion, "plan", provides=flow.own("change"))
        return flow.changing()

    def get_add_vip_subflow(self, rebind: Rebind = None, name: str = "add-vip") -> linear_flow.Flow:
        """Requires distributor_id, vip, vip_alg and vip_persistence; null: the default."""
        flow = _FlowMaker(self._get_parts(), name, rebind)
        flow.add(FindAttachment, "find-attachment", provides=flow.own("attachment"))
        flow.add(PlanVip, "plan", own=("attachment",), provides=flow.own("change"))
        return flow.changing()

    def get_remove_vip_subflow(
        self, rebind: Rebind = None, name: str = "remove-vip"
    ) -> linear_flow.Flow:
        """Requires distributor_id and vip."""
        flow = _FlowMaker(self._get_parts(), name, rebind)
        flow.add(PlanVipRemoval, "plan", provides=flow.own("change"))
        return flow.changing()

    def get_register_amphorae_subflow(
        self, rebind: Rebind = None, name: str = "register-amphorae"
    ) -> linear_flow.Flow:
        """Requires distributor_id and amphorae; provides all by position, registered_amphorae."""
        flow = _FlowMaker(self._get_parts(), name, rebind)
        flow.add(FindAmphoraPorts, "find-ports", provides=flow.own("registrations"))
        flow.add(PlanRegistration, "plan", own=("registrations",), provides=flow.own("change"))
        flow.changing()
        flow.add(ListAmphorae, "list", own=("change",), provides="registered_amphorae")
        return flow.flow

    def get_drain_amphorae_subflow(
        self, rebind: Rebind = None, name: str = "drain-amphorae"
    ) -> linear_flow.Flow:
        """Requires distributor_id and amphorae; provides drain_status when the drains are over."""
        flow = _FlowMaker(self._get_parts(), name, rebind)
        flow.add(PlanDrain, "plan", provides=flow.own("change"))
        flow.changing()
        flow.add(WaitForDrain, "wait", own=("change",), provides="drain_status")
        return flow.flow

    def get_unregister_amphorae_subflow(
        self, rebind: Rebind = None, name: str = "unregister-amphorae"
    ) -> linear_flow.Flow:
        """Requires distributor_id and amphorae; provides all by position, remaining_amphorae."""
        flow = _FlowMaker(self._get_parts(), name, rebind)
        flow.add(PlanUnregistration, "plan", provides=flow.own("change"))
        flow.changing()
        flow.add(ListAmphorae, "list", own=("change",), provides="remaining_amphorae")
        return flow.flow

    def _get_parts(self) -> Parts:
        # Not when the driver is loaded: the configuration may not have been read by then.
        if self._parts is None:
            self._parts = make_parts(self._conf)
        return self._parts


class _FlowMaker:
    """A linear flow whose tasks find their inputs under the names that they have in the store."""

    def __init__(self, parts: Parts, name: str, rebind: Rebind) -> None:
        self.flow = linear_flow.Flow(name)
        self._parts = parts
        self._name = name
        self._rebind = dict(rebind or {})

    def own(self, value: str) -> str:
        return f"{self._name}.{value}"

    def add(
        self, kind: type[task.Task], step: str, *, own: tuple[str, ...] = (), provides: Any = None
    ) -> None:
        """`own`: inputs that are values of this flow."""
        inputs = kind.execute.__annotations__
        rebind = {name: self.own(name) for name in own}
        rebind.update({name: to for name, to in self._rebind.items() if name in inputs})
        self.flow.add(
            kind(self._parts, name=f"{self._name}-{step}", rebind=rebind or None, provides=provides)
        )

    def changing(self) -> linear_flow.Flow:
        self.add(RecordChange, "record", own=("change",))
        self.add(LevelHosts, "level-hosts", own=("change",))
        return self.flow
