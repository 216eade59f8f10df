# SPDX-License-Identifier: Apache-2.0
"""Flows as a controller makes them: by a function that can be found again when one is resumed."""
from oslo_config import cfg
from stevedore import driver as stevedore_driver

PROVIDED = ("distributor_id", "registered_amphorae", "drain_status", "remaining_amphorae")

_driver = None


def verb(name):
    """`name`: as in get_<name>_subflow."""
    return getattr(distributor_driver(), f"get_{name}_subflow")()


def distributor_driver():
    """The one of Octavia's own option, loaded as Octavia loads its drivers."""
    global _driver
    if _driver is None:
        _driver = stevedore_driver.DriverManager(
            namespace="octavia.distributor.drivers",
            name=cfg.CONF.controller_worker.distributor_driver,
            invoke_on_load=True,
        ).driver
    return _driver
