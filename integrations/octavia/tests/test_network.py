# SPDX-License-Identifier: Apache-2.0
"""Look-ups by Octavia's no-op network driver, and by a double that answers as a real one did."""
import pytest
from octavia.network import base as network_base
from octavia.network import data_models
from octavia.network.drivers.noop_driver import driver as noop

from distributord_octavia import exceptions
from distributord_octavia.network import NetworkLookup

VIP = {"address": "10.0.0.100", "port_id": "vip-port", "subnet_id": "subnet", "network_id": "net"}
AMPHORA = {"id": "a", "ip": "10.0.0.11", "port_id": "amphora-port"}


class Recorded:
    """Answers of the allowed-address-pairs driver for a tenant's network and a provider's VLAN."""

    PORTS = {
        "vip-port": data_models.Port(
            id="vip-port",
            name="octavia-lb-6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b",
            device_owner="Octavia",
            mac_address="FA:16:3E:0C:4D:5E",
            network_id="net",
            status="DOWN",
            fixed_ips=[data_models.FixedIP(subnet_id="subnet", ip_address="10.0.0.100")],
        ),
        "amphora-port": data_models.Port(
            id="amphora-port", mac_address="fa:16:3e:aa:bb:cc", network_id="net", status="ACTIVE"
        ),
        "unbound": data_models.Port(id="unbound", network_id="net"),
    }
    SUBNETS = {
        "subnet": data_models.Subnet(
            id="subnet", network_id="net", cidr="10.0.0.0/24", gateway_ip="10.0.0.1", ip_version=4
        ),
        "subnet-6": data_models.Subnet(
            id="subnet-6",
            network_id="vlan-net",
            cidr="2001:DB8:0::/64",
            gateway_ip="2001:DB8::1",
            ip_version=6,
        ),
    }
    NETWORKS = {
        "net": data_models.Network(id="net", mtu=1450, provider_network_type="geneve"),
        "vlan-net": data_models.Network(
            id="vlan-net",
            mtu=1500,
            provider_network_type="vlan",
            provider_physical_network="physnet1",
            provider_segmentation_id=101,
        ),
    }

    def get_port(self, port_id, context=None):
        return self._get(self.PORTS, port_id, network_base.PortNotFound)

    def get_subnet(self, subnet_id, context=None):
        return self._get(self.SUBNETS, subnet_id, network_base.SubnetNotFound)

    def get_network(self, network_id, context=None):
        return self._get(self.NETWORKS, network_id, network_base.NetworkNotFound)

    @staticmethod
    def _get(entries, identity, missing):
        if identity not in entries:
            raise missing(f"{identity} could not be found.")
        return entries[identity]


def recorded(mappings=None, resolves=False):
    return NetworkLookup(Recorded(), mappings or {}, resolves)


def test_a_vip_on_a_tenant_network_is_attached_by_its_ports_mac():
    assert recorded({"physnet1": "eth1"}).vip_attachment(VIP) == {
        "interface": None,
        "mac": "fa:16:3e:0c:4d:5e",
        "vlan_ids": [],
        "subnet": "10.0.0.0/24",
        "gateway": "10.0.0.1",
        "mtu": 1450,
    }


def test_a_vip_on_a_vlan_is_attached_to_the_trunk_with_its_tag():
    vip = {**VIP, "subnet_id": "subnet-6", "network_id": None}
    assert recorded({"physnet1": "eth1"}).vip_attachment(vip) == {
        "interface": "eth1",
        "mac": None,
        "vlan_ids": [101],
        "subnet": "2001:db8::/64",
        "gateway": "2001:db8::1",
        "mtu": 1500,
    }


def test_all_other_networks_may_have_an_interface():
    assert recorded({"*": "eth2"}).vip_attachment(VIP)["interface"] == "eth2"


def test_the_mac_of_an_amphora():
    assert recorded().amphora_mac(AMPHORA, "amphorae[0].vrrp_port_id") == "fa:16:3e:aa:bb:cc"
    assert recorded(resolves=True).amphora_mac({**AMPHORA, "port_id": None}, "") == ""


@pytest.mark.parametrize(
    ("changes", "error", "field", "value"),
    [
        ({"port_id": "gone"}, exceptions.PortNotFound, "vip.port_id", "gone"),
        ({"port_id": "unbound"}, exceptions.MissingMac, "vip.port_id", "unbound"),
        ({"port_id": None}, exceptions.InvalidInput, "vip.port_id", ""),
        ({"subnet_id": "gone"}, exceptions.NetworkLookupFailed, "vip.subnet_id", "gone"),
        ({"network_id": "gone"}, exceptions.NetworkLookupFailed, "vip.network_id", "gone"),
    ],
)
def test_what_is_missing_is_named(changes, error, field, value):
    with pytest.raises(error) as failed:
        recorded().vip_attachment({**VIP, **changes})
    assert (failed.value.field, failed.value.value) == (field, value)
    assert type(failed.value) is error


def test_octavias_noop_driver_knows_no_macs():
    lookup = NetworkLookup(noop.NoopNetworkDriver(), {}, False)
    with pytest.raises(exceptions.MissingMac):
        lookup.vip_attachment({**VIP, "port_id": "noop-port"})
    with pytest.raises(exceptions.MissingMac):
        lookup.amphora_mac({**AMPHORA, "port_id": "noop-port"}, "amphorae[0].vrrp_port_id")


def test_octavias_noop_driver_does_with_interfaces_and_resolution_by_the_hosts():
    lookup = NetworkLookup(noop.NoopNetworkDriver(), {"*": "eth1"}, True)
    attachment = lookup.vip_attachment({**VIP, "network_id": "noop", "subnet_id": "noop-subnet"})
    assert attachment == {
        "interface": "eth1",
        "mac": None,
        "vlan_ids": [],
        "subnet": None,
        "gateway": None,
        "mtu": None,
    }
    assert lookup.amphora_mac(AMPHORA, "") == ""
