# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .fleet import Fleet
from .network import NetworkLookup, load_network_driver
from .records import Records
from .settings import Settings, read_settings


@dataclass(frozen=True)
class Parts:
    """What tasks work with. Nothing of it is connected to anything yet."""

    settings: Settings
    records: Records
    fleet: Fleet
    network: NetworkLookup


def make_parts(conf: Any) -> Parts:
    """Of an oslo.config object that has read its files. Raises InvalidConfiguration."""
    settings = read_settings(conf)
    records = Records(settings.connection)
    network = NetworkLookup(
        load_network_driver(conf), settings.interface_mappings, settings.resolves_amphorae
    )
    return Parts(settings, records, Fleet(settings, records), network)
