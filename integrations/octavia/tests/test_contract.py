# SPDX-License-Identifier: Apache-2.0
"""The driver is what Octavia's base class documents, and is found as Octavia finds drivers."""
import inspect
import json
import re

import pytest
from octavia.common import config as octavia_config
from octavia.common import data_models
from octavia.distributor.drivers import driver_base
from oslo_config import cfg
from stevedore import driver as stevedore_driver
from taskflow import engines, task
from taskflow.patterns import linear_flow

from distributord_octavia.driver import XdpDistributorDriver

VERBS = [
    "create_distributor",
    "delete_distributor",
    "add_vip",
    "remove_vip",
    "register_amphorae",
    "drain_amphorae",
    "unregister_amphorae",
]
#: What flows provide beside the contract.
OWN = {
    "register_amphorae": {"registered_amphorae"},
    "drain_amphorae": {"drain_status"},
    "unregister_amphorae": {"remaining_amphorae"},
}


@pytest.fixture
def conf(tmp_path):
    file = tmp_path / "octavia.conf"
    file.write_text(
        "[controller_worker]\n"
        "distributor_driver = xdp_distributor\n"
        "network_driver = network_noop_driver\n"
        "[xdp_distributor]\n"
        "endpoints = unix:/nonexistent/distributord.sock\n"
        f"connection = sqlite:///{tmp_path}/records.db\n"
        "retries = 0\n"
    )
    octavia_config.init([f"--config-file={file}"])
    yield cfg.CONF
    cfg.CONF.reset()


@pytest.fixture
def driver(conf):
    return stevedore_driver.DriverManager(
        namespace="octavia.distributor.drivers",
        name=conf.controller_worker.distributor_driver,
        invoke_on_load=True,
    ).driver


def test_stevedore_loads_it_by_octavias_option(driver):
    assert isinstance(driver, XdpDistributorDriver)
    assert isinstance(driver, driver_base.DistributorDriver)


def test_every_abstract_method_is_covered():
    assert {
        f"get_{verb}_subflow" for verb in VERBS
    } == driver_base.DistributorDriver.__abstractmethods__


def documented(verb, kind):
    """The names in the base class's docstring."""
    text = inspect.getdoc(getattr(driver_base.DistributorDriver, f"get_{verb}_subflow"))
    return set(re.findall(rf":{kind}: \*\*(\w+)\*\*", text))


@pytest.mark.parametrize("verb", VERBS)
def test_requires_and_provides_are_those_of_the_base_class(driver, verb):
    flow = getattr(driver, f"get_{verb}_subflow")()
    assert isinstance(flow, linear_flow.Flow)
    assert flow.name == verb.replace("_", "-")
    assert flow.requires == documented(verb, "requires")
    public = {name for name in flow.provides if not name.startswith(f"{flow.name}.")}
    assert public == documented(verb, "provides") | OWN.get(verb, set())


@pytest.mark.parametrize("verb", VERBS)
def test_every_task_executes_and_what_changes_something_reverts(driver, verb):
    for node, _ in getattr(driver, f"get_{verb}_subflow")().iter_nodes():
        assert type(node).execute is not task.Task.execute
        if node.name.endswith(("-record", "-level-hosts")):
            assert type(node).revert is not task.Task.revert


def test_a_subflow_fits_into_a_larger_flow_under_other_names(driver):
    larger = linear_flow.Flow("replace")
    larger.add(
        driver.get_drain_amphorae_subflow(rebind={"amphorae": "old"}, name="drain-old"),
        driver.get_unregister_amphorae_subflow(rebind={"amphorae": "old"}),
        driver.get_register_amphorae_subflow(rebind={"amphorae": "new"}),
        driver.get_drain_amphorae_subflow(rebind={"amphorae": "older"}, name="drain-older"),
    )
    assert larger.requires == {"distributor_id", "old", "new", "older"}
    engines.load(larger, store={"distributor_id": "", "old": [], "new": [], "older": []}).compile()


class LoadBalancerFromDatabase(task.Task):
    default_provides = "loadbalancer"

    def execute(self):
        return {"loadbalancer_id": "6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b", "name": "shop"}


class Fail(task.Task):
    def execute(self):
        raise ValueError("on purpose")


def run(flow, **store):
    engine = engines.load(flow, store=store)
    engine.run()
    return engine.storage.fetch_all()


class NoHosts:
    """In place of the fleet."""

    def __init__(self):
        self.levelled = []

    def level(self, distributor_id):
        self.levelled.append(distributor_id)


@pytest.fixture
def without_hosts(driver):
    parts = driver._get_parts()
    object.__setattr__(parts, "fleet", NoHosts())
    return driver


def test_the_provider_dictionary_is_taken_inside_a_larger_flow(without_hosts):
    larger = linear_flow.Flow("larger")
    larger.add(
        LoadBalancerFromDatabase(),
        without_hosts.get_create_distributor_subflow(rebind={"load_balancer": "loadbalancer"}),
    )
    values = run(larger)
    assert len(values["distributor_id"]) == 36
    json.dumps(values)


def test_objects_and_dictionaries_make_the_same_change(without_hosts):
    balancer = data_models.LoadBalancer(id="6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b", name="shop")
    create = without_hosts.get_create_distributor_subflow
    identity = run(create(), load_balancer=balancer)["distributor_id"]
    assert run(create(), load_balancer=balancer.to_dict())["distributor_id"] == identity

    amphora = data_models.Amphora(id="a", vrrp_ip="192.0.2.11", vrrp_port_id="port")
    object.__setattr__(without_hosts._get_parts().network, "_resolves_amphorae", True)
    register = without_hosts.get_register_amphorae_subflow
    with_object = run(register(), distributor_id=identity, amphorae=(amphora,))
    with_dictionary = run(register(), distributor_id=identity, amphorae=[amphora.to_dict()])
    assert with_object["registered_amphorae"] == with_dictionary["registered_amphorae"]
    own = {name: value for name, value in with_object.items() if name != "amphorae"}
    assert json.loads(json.dumps(own)) == own


def test_the_id_is_made_when_the_flow_runs(without_hosts):
    flow = without_hosts.get_create_distributor_subflow()
    first = run(flow, load_balancer={"id": "6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b"})
    second = run(flow, load_balancer={"id": "7c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b"})
    assert first["distributor_id"] != second["distributor_id"]


def test_what_failed_later_is_undone_in_the_records(without_hosts):
    larger = linear_flow.Flow("larger")
    larger.add(without_hosts.get_create_distributor_subflow(), Fail())
    with pytest.raises(ValueError):
        run(larger, load_balancer={"id": "6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b"})
    (document,) = without_hosts._get_parts().records.all()
    assert document["deleted"]
    assert without_hosts._get_parts().fleet.levelled == [document["id"]] * 2
