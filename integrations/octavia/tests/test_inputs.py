# SPDX-License-Identifier: Apache-2.0
import pytest
from octavia.api.drivers import utils as provider_utils
from octavia.common import data_models

from distributord_octavia import exceptions, inputs
from distributord_octavia.settings import read_settings
from oslo_config import cfg

VIP = data_models.Vip(ip_address="10.0.0.1", port_id="p", subnet_id="s", network_id="n")
PLAIN_VIP = {"address": "10.0.0.1", "port_id": "p", "subnet_id": "s", "network_id": "n"}


@pytest.mark.parametrize(
    "given",
    [
        VIP,
        VIP.to_dict(),
        provider_utils.vip_dict_to_provider_dict(VIP.to_dict()),
        data_models.AdditionalVip(
            ip_address="10.0.0.1", port_id="p", subnet_id="s", network_id="n"
        ),
    ],
)
def test_a_vip_in_every_form_of_octavias(given):
    assert inputs.plain_vip(given) == PLAIN_VIP


def test_a_load_balancer_in_every_form_of_octavias():
    balancer = data_models.LoadBalancer(
        id="6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b", name="shop", project_id="p", vip=VIP
    )
    provider = provider_utils.db_loadbalancer_to_provider_loadbalancer(balancer).to_dict()
    plain = {"id": balancer.id, "name": "shop"}
    for given in (balancer, balancer.to_dict(), provider):
        assert inputs.plain_load_balancer(given) == plain


@pytest.mark.parametrize(
    ("take", "given", "field"),
    [
        (inputs.plain_load_balancer, {}, "load_balancer.id"),
        (inputs.plain_load_balancer, None, "load_balancer.id"),
        (inputs.plain_vip, data_models.Vip(), "vip.ip_address"),
        (inputs.plain_amphorae, [data_models.Amphora(id="a")], "amphorae[0].vrrp_ip"),
        (inputs.plain_amphorae, [{"vrrp_ip": "10.0.0.2"}], "amphorae[0].id"),
        (inputs.plain_amphorae, "amphora", "amphorae"),
        (
            inputs.plain_amphorae,
            [{"id": "a", "vrrp_ip": "10.0.0.2", "weight": "3"}],
            "amphorae[0].weight",
        ),
        (
            inputs.plain_amphorae,
            [{"id": "a", "vrrp_ip": "10.0.0.2", "weight": -1}],
            "amphorae[0].weight",
        ),
        (
            inputs.plain_amphorae,
            [{"id": "a", "vrrp_ip": "10.0.0.2", "position": 2**40}],
            "amphorae[0].position",
        ),
        (inputs.plain_amphora_ids, [{}], "amphorae[0].id"),
    ],
)
def test_what_is_missing_is_named(take, given, field):
    with pytest.raises(exceptions.InvalidInput) as failed:
        take(given)
    assert failed.value.field == field


GOOD = {
    "endpoints": "host1.example:9443,host2.example:9443",
    "tls_ca": "/ca.pem",
    "tls_certificate": "/c.pem",
    "tls_key": "/k.pem",
    "connection": "sqlite://",
}


def settings_of(tmp_path, changes):
    lines = [
        f"{name} = {value}" for name, value in {**GOOD, **changes}.items() if value is not None
    ]
    file = tmp_path / "octavia.conf"
    file.write_text("\n".join(["[xdp_distributor]", *lines]))
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(file)])
    return read_settings(conf)


def test_settings(tmp_path):
    settings = settings_of(tmp_path, {"interface_mappings": "physnet1:eth1,*:eth2"})
    assert settings.endpoints == ("host1.example:9443", "host2.example:9443")
    assert settings.interface_mappings == {"physnet1": "eth1", "*": "eth2"}


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"endpoints": None}, "endpoints"),
        ({"endpoints": "host1"}, "endpoints"),
        ({"endpoints": "host1:0"}, "endpoints"),
        ({"endpoints": "unix:relative"}, "endpoints"),
        ({"endpoints": "a:1,a:1"}, "endpoints"),
        ({"tls_key": None}, "tls_key"),
        ({"connection": None}, "connection"),
        ({"table_size": 1000}, "table_size"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path, changes, option):
    with pytest.raises(exceptions.InvalidConfiguration) as failed:
        settings_of(tmp_path, changes)
    assert failed.value.field == f"[xdp_distributor] {option}"
