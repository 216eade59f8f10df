# SPDX-License-Identifier: Apache-2.0
"""
What flows are given, as plain values.

Octavia hands its data models around, their dictionaries (`to_dict()`), and provider dictionaries,
which name some fields differently. All of them are taken.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

from .exceptions import InvalidInput

Plain = dict[str, Any]

#: What the API's messages and any table can hold; the hosts' own limits are lower.
_LARGEST_WEIGHT = 2**32 - 1
_LARGEST_POSITION = 2**16 - 1


def plain_load_balancer(given: Any) -> Plain:
    """{id, name}"""
    return {
        "id": _needed(given, "load_balancer", "id", "loadbalancer_id"),
        "name": _first(given, "name") or "",
    }


def plain_vip(given: Any) -> Plain:
    """{address, port_id, subnet_id, network_id}; all but the address may be null."""
    return {
        "address": _needed(given, "vip", "ip_address", "vip_address"),
        "port_id": _first(given, "port_id", "vip_port_id"),
        "subnet_id": _first(given, "subnet_id", "vip_subnet_id"),
        "network_id": _first(given, "network_id", "vip_network_id"),
    }


def plain_amphorae(given: Any) -> list[Plain]:
    """
    {id, ip, port_id, weight, position} each.

    Weight and position are not Octavia's: an amphora's dictionary (or object) may have them.
    Without, they are null.
    """
    return [
        {
            "id": _needed(amphora, f"amphorae[{index}]", "id", "amphora_id"),
            "ip": _needed(amphora, f"amphorae[{index}]", "vrrp_ip"),
            "port_id": _first(amphora, "vrrp_port_id"),
            "weight": _number(amphora, (f"amphorae[{index}]", "weight"), _LARGEST_WEIGHT),
            "position": _number(amphora, (f"amphorae[{index}]", "position"), _LARGEST_POSITION),
        }
        for index, amphora in enumerate(_sequence(given))
    ]


def plain_amphora_ids(given: Any) -> list[str]:
    """Of amphorae of which nothing else needs to be known any more."""
    return [
        str(_needed(amphora, f"amphorae[{index}]", "id", "amphora_id"))
        for index, amphora in enumerate(_sequence(given))
    ]


def _sequence(given: Any) -> Iterable[Any]:
    if isinstance(given, (list, tuple)):
        return given
    raise InvalidInput(
        f"amphorae is no list: {type(given).__name__}", field="amphorae", value=repr(given)
    )


def _first(given: Any, *names: str) -> Optional[Any]:
    for name in names:
        value = given.get(name) if isinstance(given, dict) else getattr(given, name, None)
        if value is not None:
            return value
    return None


def _needed(given: Any, what: str, *names: str) -> Any:
    value = _first(given, *names)
    if value is None or value == "":
        raise InvalidInput(f"{what}.{names[0]} is missing", field=f"{what}.{names[0]}", value="")
    return value


def _number(given: Any, name: tuple[str, str], largest: int) -> Optional[int]:
    value = _first(given, name[1])
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest:
        return value
    field = ".".join(name)
    raise InvalidInput(
        f"{field} is no whole number from 0 to {largest}: {value!r}", field=field, value=str(value)
    )
