# SPDX-License-Identifier: Apache-2.0
"""The calls that make a host's distributor what it should be. Pure; the same state needs none."""
from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple, Optional

from .desired import Document, affinity
from .inputs import Plain
from .messages import distributor_pb2 as api


class Call(NamedTuple):
    """A call of the API; requests have no expected revision yet."""

    method: str
    request: Any


#: Seconds: a deadline that is as near may have passed when the daemon reads it.
_SOON = 1

_AFFINITIES = {
    "SOURCE_IP": api.AFFINITY_SOURCE_IP,
    "SOURCE_IP_AND_PORT": api.AFFINITY_SOURCE_IP_AND_PORT,
}


def calls_to_level(document: Document, actual: Optional[Any], now: float) -> list[Call]:
    """
    `actual`: the host's api.Distributor; null: it has none with this id. `now`: as time.time().

    Before a VIP is added its amphorae are there; positions are freed before others take them.
    """
    identity = document["id"]
    if document["deleted"]:
        if actual is None:
            return []
        request = api.DeleteDistributorRequest(distributor_id=identity, cascade=True)
        return [Call("DeleteDistributor", request)]
    calls = []
    if actual is None:
        actual = api.Distributor(id=identity)
        balancer = document["load_balancer"]
        calls.append(
            Call(
                "CreateDistributor",
                api.CreateDistributorRequest(
                    load_balancer=api.LoadBalancer(id=balancer["id"], name=balancer["name"]),
                    distributor_id=identity,
                    table_size=document["table_size"],
                ),
            )
        )
    return [
        *calls,
        *_vips_to_remove(document, actual),
        *_amphorae_to_unregister(document, actual),
        *_amphorae_to_register(document, actual),
        *_amphorae_to_drain(document, actual, now),
        *_vips_to_add(document, actual),
    ]


def _vips_to_remove(document: Document, actual: Any) -> list[Call]:
    return [
        Call(
            "RemoveVip",
            api.RemoveVipRequest(
                distributor_id=document["id"],
                vip=api.Vip(
                    address=vip.address,
                    attachment=api.Attachment(interface=vip.interface, vlan_ids=vip.vlan_ids),
                ),
            ),
        )
        for vip in actual.vips
        if not any(_same_vip(wanted, vip) for wanted in document["vips"])
    ]


def _vips_to_add(document: Document, actual: Any) -> list[Call]:
    return [
        Call("AddVip", _add_vip(document["id"], wanted))
        for wanted in document["vips"]
        if not any(_same_vip(wanted, vip) for vip in actual.vips)
    ]


def _amphorae_to_unregister(document: Document, actual: Any) -> list[Call]:
    wanted = {amphora["id"]: amphora for amphora in document["amphorae"]}
    gone = [
        amphora.id
        for amphora in actual.amphorae
        if amphora.id not in wanted or not _has_position(amphora, wanted[amphora.id])
    ]
    if not gone:
        return []
    request = api.UnregisterAmphoraeRequest(distributor_id=document["id"], amphora_ids=gone)
    return [Call("UnregisterAmphorae", request)]


def _amphorae_to_register(document: Document, actual: Any) -> list[Call]:
    there = {amphora.id: amphora for amphora in actual.amphorae}
    missing = [
        amphora
        for amphora in document["amphorae"]
        if not _is_registered(amphora, there.get(amphora["id"]))
    ]
    if not missing:
        return []
    amphorae = [
        api.Amphora(
            id=amphora["id"],
            ip=amphora["ip"],
            mac=amphora["mac"],
            # A new one that is to drain never gets a connection.
            weight=0 if amphora["drains_until"] is not None else amphora["weight"],
            position=amphora["position"],
            role=api.ROLE_ACTIVE,
        )
        for amphora in missing
    ]
    request = api.RegisterAmphoraeRequest(distributor_id=document["id"], amphorae=amphorae)
    return [Call("RegisterAmphorae", request)]


def _amphorae_to_drain(document: Document, actual: Any, now: float) -> list[Call]:
    there = {amphora.id: amphora for amphora in actual.amphorae}
    # One that has passed is none: the daemon refuses it. Who was away begins late, and takes long.
    deadlines: dict[Optional[float], list[str]] = {}
    for amphora in document["amphorae"]:
        until = amphora["drains_until"]
        if until is None:
            continue
        deadline = until if until > now + _SOON else None
        if not _drains_until(there.get(amphora["id"]), deadline):
            deadlines.setdefault(deadline, []).append(amphora["id"])
    calls = []
    for deadline, ids in deadlines.items():
        request = api.DrainAmphoraeRequest(
            distributor_id=document["id"], amphora_ids=ids, then=api.DRAIN_END_KEEP
        )
        if deadline is not None:
            request.deadline.FromMilliseconds(round(deadline * 1000))
        calls.append(Call("DrainAmphorae", request))
    return calls


def _drains_until(amphora: Optional[Any], deadline: Optional[float]) -> bool:
    if amphora is None or amphora.state != api.AMPHORA_STATE_DRAINING:
        return False
    if deadline is None or amphora.drain.state == api.DRAIN_STATE_DRAINED:
        return True
    return bool(amphora.drain.deadline.ToMilliseconds() == round(deadline * 1000))


def _has_position(amphora: Any, wanted: Plain) -> bool:
    return bool(amphora.HasField("position") and amphora.position == wanted["position"])


def _is_registered(wanted: Plain, amphora: Optional[Any]) -> bool:
    if amphora is None or not _has_position(amphora, wanted):
        return False
    if not _same_address(amphora.ip, wanted["ip"]):
        return False
    # What the host resolves by itself is its own matter.
    if wanted["mac"] and amphora.mac != wanted["mac"].lower():
        return False
    drains = amphora.state == api.AMPHORA_STATE_DRAINING
    if wanted["drains_until"] is not None:
        return True  # See _amphorae_to_drain().
    if wanted["weight"] == 0:
        return bool(drains)
    return bool(not drains and amphora.weight == wanted["weight"])


def _add_vip(distributor_id: str, wanted: Plain) -> Any:
    attachment = api.Attachment(vlan_ids=wanted["vlan_ids"])
    if wanted["interface"] is not None:
        attachment.interface = wanted["interface"]
    else:
        attachment.mac = wanted["mac"]
    request = api.AddVipRequest(
        distributor_id=distributor_id,
        vip=api.Vip(
            address=wanted["address"],
            attachment=attachment,
            subnet=wanted["subnet"] or "",
            gateway=wanted["gateway"] or "",
            mtu=wanted["mtu"] or 0,
        ),
    )
    for name in ("vip_alg", "vip_persistence"):
        if wanted[name] is not None:
            setattr(request, name, wanted[name])
    return request


def _same_vip(wanted: Plain, vip: Any) -> bool:
    port = vip.interface if wanted["interface"] is not None else vip.mac
    return bool(
        _same_address(vip.address, wanted["address"])
        and port == (wanted["interface"] or wanted["mac"])
        and list(vip.vlan_ids) == wanted["vlan_ids"]
        and vip.subnet == (wanted["subnet"] or "")
        and _same_address(vip.gateway, wanted["gateway"] or "")
        and vip.affinity == _AFFINITIES.get(affinity(wanted) or "")
    )


def _same_address(one: str, other: str) -> bool:
    """Whatever its text."""
    if one == other:
        return True
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False
