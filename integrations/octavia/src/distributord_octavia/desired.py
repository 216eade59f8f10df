# SPDX-License-Identifier: Apache-2.0
"""
What a distributor should be: a JSON-able document, and the functions that change it.

All functions are pure: they return another document, or the same one if nothing is to change.
The daemons judge values (addresses, affinities, weights); what is checked here is what they could
not tell apart from levelling.
"""
from __future__ import annotations

import uuid
from collections.abc import Container, Iterable
from itertools import count
from typing import Any, Optional

from .exceptions import (
    AmphoraNotFound,
    DistributorHasVips,
    InvalidInput,
    PositionTaken,
    VipConflicts,
)
from .inputs import Plain

Document = dict[str, Any]

#: As the daemon's: one amphora has room in so many slots of a table.
SLOTS_PER_POSITION = 256

DEFAULT_WEIGHT = 1

_AFFINITY_NAMES = {"vip_alg", "vip_persistence"}
#: As they may be written, in capitals.
_AFFINITIES = {
    "SOURCE_IP": "SOURCE_IP",
    "SOURCE_IP_AND_PORT": "SOURCE_IP_AND_PORT",
    "SOURCE_IP_PORT": "SOURCE_IP_AND_PORT",
}


def new_distributor(load_balancer: Plain, table_size: int) -> Document:
    """With an id made here, by chance."""
    return {
        "id": str(uuid.uuid4()),
        "load_balancer": load_balancer,
        "table_size": table_size,
        "vips": [],
        "amphorae": [],
        "deleted": False,
    }


def deleted_distributor(document: Document) -> Document:
    """What is kept of it until every host has deleted it. Raises DistributorHasVips."""
    if document["vips"]:
        addresses = ", ".join(vip["address"] for vip in document["vips"])
        raise DistributorHasVips(
            f"distributor_id {document['id']} still has VIPs: {addresses}",
            field="distributor_id",
            value=document["id"],
        )
    return tombstone(document)


def tombstone(document: Document) -> Document:
    return {**document, "vips": [], "amphorae": [], "deleted": True}


def undone(now: Document, before: Optional[Document], after: Document) -> Document:
    """
    `now` without the change from `before` (null: nothing) to `after`.

    What has been changed since by others stays as they made it. A distributor that others have put
    something into since it was made stays, too.
    """
    if before is None:
        return tombstone(now) if {**now, "table_size": after["table_size"]} == after else now
    if now == after:
        return before
    if now["deleted"] or after["deleted"]:
        return now
    vips = _entries_undone("address", now["vips"], (before["vips"], after["vips"]))
    amphorae = _entries_undone("id", now["amphorae"], (before["amphorae"], after["amphorae"]))
    if vips == now["vips"] and amphorae == now["amphorae"]:
        return now
    placed: dict[str, Plain] = {}
    # Those that were never away first: they keep their positions.
    there = {amphora["id"] for amphora in now["amphorae"]}
    for amphora in sorted(amphorae, key=lambda amphora: amphora["id"] not in there):
        holders = {other["position"] for other in placed.values()}
        position = amphora["position"]
        if position in holders:
            position = _lowest_free(holders)
        placed[amphora["id"]] = {**amphora, "position": position}
    is_own_size = now["table_size"] == after["table_size"]
    table_size = before["table_size"] if is_own_size else now["table_size"]
    return {
        **now,
        "vips": vips,
        "amphorae": _by_position(placed.values()),
        "table_size": _grown(table_size, placed.values()),
    }


def _entries_undone(
    key: str, now: list[Plain], change: tuple[list[Plain], list[Plain]]
) -> list[Plain]:
    before, after = ({entry[key]: entry for entry in entries} for entries in change)
    result = {entry[key]: entry for entry in now}
    for name in [*before, *(name for name in after if name not in before)]:
        if before.get(name) == after.get(name) or result.get(name) != after.get(name):
            continue
        if name in before:
            result[name] = before[name]
        else:
            del result[name]
    return list(result.values())


def with_vip(document: Document, vip: Plain) -> Document:
    """`vip`: address, attachment, vip_alg and vip_persistence. Raises VipConflicts."""
    known = _vip_at(document, vip["address"])
    if known is not None:
        # With the MTU ports are only checked as the VIP is added.
        same = {"mtu"} | (
            _AFFINITY_NAMES if affinity(known) == affinity(vip) is not None else set()
        )
        name = next((name for name in vip if name not in same and known[name] != vip[name]), None)
        if name is None:
            return document
        raise VipConflicts(
            f"vip {vip['address']} is there with {name} {known.get(name)}, not {vip[name]}",
            field=f"vip.{name}",
            value=str(vip[name]),
        )
    return {**document, "vips": [*document["vips"], vip]}


def affinity(vip: Plain) -> Optional[str]:
    """As the daemon reads the two names that a VIP may have; null for what it refuses."""
    algorithm, persistence = vip["vip_alg"], vip["vip_persistence"]
    names = [] if persistence is None else [persistence]
    if algorithm is not None and algorithm.upper() != "CONSISTENT_HASH":
        names.append(algorithm)
    asked = {_AFFINITIES.get(name.upper()) for name in names} or {"SOURCE_IP"}
    return asked.pop() if len(asked) == 1 else None


def without_vip(document: Document, address: str) -> Document:
    """One that is not there is no error."""
    known = _vip_at(document, address)
    if known is None:
        return document
    return {**document, "vips": [vip for vip in document["vips"] if vip is not known]}


def with_amphorae(document: Document, registrations: Iterable[Plain]) -> Document:
    """
    `registrations`: id, ip, mac, weight and position; the last two may be null.

    An amphora keeps its position, and one that drains gets new connections again. A new one takes
    the lowest position that is free: a replacement that of the one that is gone, so that nobody
    else's clients move. Raises PositionTaken.
    """
    amphorae = {amphora["id"]: amphora for amphora in document["amphorae"]}
    named: set[str] = set()
    for index, registration in enumerate(registrations):
        identity = registration["id"]
        if identity in named:
            field = f"amphorae[{index}].id"
            raise InvalidInput(f"{field} {identity} is named twice", field=field, value=identity)
        named.add(identity)
        known = amphorae.get(identity)
        position = _position(amphorae, registration, f"amphorae[{index}].position")
        weight = registration["weight"]
        if weight is None:
            weight = known["weight"] if known is not None and known["weight"] else DEFAULT_WEIGHT
        amphorae[identity] = {
            "id": identity,
            "ip": registration["ip"],
            "mac": registration["mac"],
            "weight": weight,
            "position": position,
            "drains_until": None,
        }
    table_size = _grown(document["table_size"], amphorae.values())
    after = {**document, "amphorae": _by_position(amphorae.values()), "table_size": table_size}
    return document if after == document else after


def with_drain(document: Document, ids: Iterable[str], until: float) -> Document:
    """`until`: seconds since the epoch; of one that drains already, too. Raises AmphoraNotFound."""
    wanted = list(ids)
    known = {amphora["id"] for amphora in document["amphorae"]}
    for index, identity in enumerate(wanted):
        if identity not in known:
            raise AmphoraNotFound(
                f"amphorae[{index}] {identity} is not registered with {document['id']}",
                field=f"amphorae[{index}].id",
                value=identity,
            )
    amphorae = [
        {**amphora, "drains_until": until} if amphora["id"] in wanted else amphora
        for amphora in document["amphorae"]
    ]
    return {**document, "amphorae": amphorae}


def without_amphorae(document: Document, ids: Iterable[str]) -> Document:
    """One that is not there is no error."""
    gone = set(ids)
    amphorae = [amphora for amphora in document["amphorae"] if amphora["id"] not in gone]
    if len(amphorae) == len(document["amphorae"]):
        return document
    return {**document, "amphorae": amphorae}


def listed(document: Document) -> list[Plain]:
    """The full ordered list that flows provide."""
    return [
        {
            "id": amphora["id"],
            "ip": amphora["ip"],
            "mac": amphora["mac"],
            "weight": amphora["weight"],
            "position": amphora["position"],
            "state": "DRAINING" if _drains(amphora) else "ACTIVE",
        }
        for amphora in document["amphorae"]
    ]


def _drains(amphora: Plain) -> bool:
    """A weight of 0 is a drain without a deadline."""
    return amphora["drains_until"] is not None or amphora["weight"] == 0


def _vip_at(document: Document, address: str) -> Optional[Plain]:
    return next((vip for vip in document["vips"] if vip["address"] == address), None)


def _position(amphorae: dict[str, Plain], registration: Plain, field: str) -> int:
    wanted: Optional[int] = registration["position"]
    known = amphorae.get(registration["id"])
    if known is not None:
        if wanted is not None and wanted != known["position"]:
            raise PositionTaken(
                f"{field} {wanted}: amphora {known['id']} is at {known['position']}",
                field=field,
                value=str(wanted),
            )
        return int(known["position"])
    holders = {amphora["position"]: amphora["id"] for amphora in amphorae.values()}
    if wanted is None:
        return _lowest_free(holders)
    if wanted in holders:
        raise PositionTaken(
            f"{field} {wanted} is held by amphora {holders[wanted]}", field=field, value=str(wanted)
        )
    return wanted


def _lowest_free(holders: Container[int]) -> int:
    return next(place for place in count() if place not in holders)


def _grown(table_size: int, amphorae: Iterable[Plain]) -> int:
    """Doubled until there is room for all."""
    positions = max((int(amphora["position"]) + 1 for amphora in amphorae), default=0)
    while table_size < positions * SLOTS_PER_POSITION:
        table_size *= 2
    return table_size


def _by_position(amphorae: Iterable[Plain]) -> list[Plain]:
    return sorted(amphorae, key=lambda amphora: int(amphora["position"]))
