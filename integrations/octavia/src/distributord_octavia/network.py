# SPDX-License-Identifier: Apache-2.0
"""What the daemons need of ports and networks, asked of Octavia's network driver."""
from __future__ import annotations

import ipaddress
from typing import Any, Callable, Optional

from octavia.network import base as network_base
from stevedore import driver as stevedore_driver

from .exceptions import InvalidInput, MissingMac, NetworkLookupFailed, PortNotFound
from .inputs import Plain


def load_network_driver(conf: Any) -> Any:
    """The driver that [controller_worker] network_driver names."""
    conf.import_group("controller_worker", "octavia.common.config")
    return stevedore_driver.DriverManager(
        namespace="octavia.network.drivers",
        name=conf.controller_worker.network_driver,
        invoke_on_load=True,
    ).driver


class NetworkLookup:
    """`network_driver` is an octavia.network.base.AbstractNetworkDriver."""

    def __init__(
        self, network_driver: Any, interface_mappings: dict[str, str], resolves_amphorae: bool
    ) -> None:
        self._driver = network_driver
        self._mappings = interface_mappings
        self._resolves_amphorae = resolves_amphorae

    def vip_attachment(self, vip: Plain) -> Plain:
        """{interface, mac, vlan_ids, subnet, gateway, mtu}: one of interface and mac is null."""
        subnet = self._ask("vip.subnet_id", self._driver.get_subnet, vip["subnet_id"])
        network_id = vip["network_id"] or getattr(subnet, "network_id", None)
        network = self._ask("vip.network_id", self._driver.get_network, network_id)
        return {
            **self._place(vip, network),
            "subnet": _canonical_subnet(getattr(subnet, "cidr", None)),
            "gateway": _canonical_address(getattr(subnet, "gateway_ip", None)),
            "mtu": getattr(network, "mtu", None),
        }

    def amphora_mac(self, amphora: Plain, field: str) -> str:
        """Of its port on the front-end network; empty where hosts are to resolve it."""
        return "" if self._resolves_amphorae else self._mac(amphora["port_id"], field)

    def _place(self, vip: Plain, network: Any) -> Plain:
        physical = getattr(network, "provider_physical_network", None)
        interface = self._mappings.get(physical or "*", self._mappings.get("*"))
        if interface is None:
            mac = self._mac(vip["port_id"], "vip.port_id")
            return {"interface": None, "mac": mac, "vlan_ids": []}
        tagged = getattr(network, "provider_network_type", None) == "vlan"
        vlan_ids = [int(network.provider_segmentation_id)] if tagged else []
        return {"interface": interface, "mac": None, "vlan_ids": vlan_ids}

    def _mac(self, port_id: Optional[str], field: str) -> str:
        if not port_id:
            raise InvalidInput(f"{field} is missing", field=field, value="")
        port = self._ask(field, self._driver.get_port, port_id)
        mac = getattr(port, "mac_address", None)
        if not mac:
            raise MissingMac(
                f"{field} {port_id}: the network service knows no MAC of this port",
                field=field,
                value=port_id,
            )
        return str(mac).lower()

    def _ask(self, field: str, question: Callable[[str], Any], identity: Optional[str]) -> Any:
        if identity is None:
            return None
        try:
            return question(identity)
        except network_base.PortNotFound as error:
            raise PortNotFound(
                f"{field} {identity}: {error}", field=field, value=identity
            ) from error
        except network_base.NetworkException as error:
            raise NetworkLookupFailed(
                f"{field} {identity}: {error}", field=field, value=identity
            ) from error


def _canonical_subnet(cidr: Optional[str]) -> Optional[str]:
    return None if not cidr else str(ipaddress.ip_network(cidr, strict=False))


def _canonical_address(address: Optional[str]) -> Optional[str]:
    return None if not address else str(ipaddress.ip_address(address))
