# SPDX-License-Identifier: Apache-2.0
"""What a distributor should be, and the calls that level a host with it."""
import random

import pytest

from distributord_octavia import desired, exceptions
from distributord_octavia.levelling import calls_to_level
from distributord_octavia.messages import distributor_pb2 as api

#: Before all deadlines below, unless it says otherwise.
NOW = 100.0
BALANCER = {"id": "6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b", "name": "shop"}


def new():
    return desired.new_distributor(BALANCER, 4096)


def amphora(number, **changes):
    return {
        "id": f"amphora-{number}",
        "ip": f"192.0.2.{number}",
        "mac": f"02:00:00:00:00:{number:02x}",
        "weight": None,
        "position": None,
        **changes,
    }


def vip(number, **changes):
    return {
        "address": f"198.51.100.{number}",
        "interface": None,
        "mac": "02:00:00:00:01:01",
        "vlan_ids": [],
        "subnet": "198.51.100.0/24",
        "gateway": "198.51.100.1",
        "mtu": 1500,
        "vip_alg": None,
        "vip_persistence": "SOURCE_IP",
        **changes,
    }


def positions(document):
    return {entry["id"]: entry["position"] for entry in document["amphorae"]}


def test_a_replacement_takes_the_position_that_is_free():
    document = desired.with_amphorae(new(), [amphora(1), amphora(2), amphora(3)])
    document = desired.without_amphorae(document, ["amphora-2"])
    document = desired.with_amphorae(document, [amphora(4), amphora(5)])
    assert positions(document) == {"amphora-1": 0, "amphora-4": 1, "amphora-3": 2, "amphora-5": 3}


def test_positions_that_are_asked_for():
    document = desired.with_amphorae(new(), [amphora(1, position=5)])
    assert positions(document) == {"amphora-1": 5}
    with pytest.raises(exceptions.PositionTaken) as refused:
        desired.with_amphorae(document, [amphora(2, position=5)])
    assert (refused.value.field, refused.value.value) == ("amphorae[0].position", "5")
    with pytest.raises(exceptions.PositionTaken):
        desired.with_amphorae(document, [amphora(1, position=6)])


def test_the_table_grows_as_the_daemons_does():
    document = desired.with_amphorae(new(), [amphora(n) for n in range(1, 17)])
    assert document["table_size"] == 4096
    assert desired.with_amphorae(document, [amphora(17)])["table_size"] == 8192


@pytest.mark.parametrize(
    "change",
    [
        lambda document: desired.with_vip(document, vip(1)),
        lambda document: desired.with_vip(document, vip(1, mtu=9000)),
        lambda document: desired.without_vip(document, "198.51.100.9"),
        lambda document: desired.with_amphorae(document, [amphora(1)]),
        lambda document: desired.without_amphorae(document, ["amphora-9"]),
    ],
)
def test_the_same_again_changes_nothing(change):
    document = desired.with_amphorae(desired.with_vip(new(), vip(1)), [amphora(1)])
    assert change(document) is document


def test_a_vip_with_other_settings_is_refused_by_name():
    document = desired.with_vip(new(), vip(1))
    with pytest.raises(exceptions.VipConflicts) as refused:
        desired.with_vip(document, vip(1, vip_persistence="SOURCE_IP_AND_PORT"))
    assert refused.value.field == "vip.vip_persistence"


@pytest.mark.parametrize(
    "names",
    [
        {"vip_persistence": "source_ip"},
        {"vip_persistence": None},
        {"vip_persistence": None, "vip_alg": "Consistent_Hash"},
        {"vip_persistence": "SOURCE_IP", "vip_alg": "source_ip"},
    ],
)
def test_a_vip_whose_affinity_is_spelled_otherwise_is_the_same(names):
    document = desired.with_vip(new(), vip(1))
    assert desired.with_vip(document, vip(1, **names)) is document


@pytest.mark.parametrize(
    "names",
    [
        {"vip_persistence": "X"},
        {"vip_persistence": "CONSISTENT_HASH"},
        {"vip_alg": "SOURCE_IP_PORT"},
    ],
)
def test_a_vip_with_an_affinity_that_the_daemon_refuses_is_not(names):
    with pytest.raises(exceptions.VipConflicts):
        desired.with_vip(desired.with_vip(new(), vip(1)), vip(1, **names))


def test_a_host_with_an_amphora_of_weight_0_is_level_and_gives_it_connections_again():
    document = desired.with_amphorae(new(), [amphora(1), amphora(2, weight=0)])
    assert [entry["state"] for entry in desired.listed(document)] == ["ACTIVE", "DRAINING"]
    daemon = Daemon()
    for call in calls_to_level(document, None, NOW):
        daemon.apply(call)
    assert calls_to_level(document, daemon.distributor, NOW) == []
    again = desired.with_amphorae(document, [amphora(2)])
    for call in calls_to_level(again, daemon.distributor, NOW):
        daemon.apply(call)
    assert daemon.distributor.amphorae[1].state == api.AMPHORA_STATE_ACTIVE


def test_a_weight_is_kept_while_an_amphora_drains_and_comes_back():
    document = desired.with_amphorae(new(), [amphora(1, weight=3), amphora(2)])
    draining = desired.with_drain(document, ["amphora-1"], 1000.5)
    assert desired.listed(draining)[0] == {**desired.listed(document)[0], "state": "DRAINING"}
    assert desired.with_amphorae(draining, [amphora(1)]) == document


class Daemon:
    """What a host's daemon makes of calls, as far as levelling looks at it."""

    def __init__(self):
        self.distributor = None

    def apply(self, call):
        getattr(self, call.method)(call.request)

    def CreateDistributor(self, request):
        assert self.distributor is None
        self.distributor = api.Distributor(id=request.distributor_id, table_size=request.table_size)

    def DeleteDistributor(self, request):
        assert request.cascade
        self.distributor = None

    def AddVip(self, request):
        names = {"SOURCE_IP": 1, "SOURCE_IP_AND_PORT": 2, "": 1}
        wanted = request.vip
        assert all(there.address != wanted.address for there in self.distributor.vips)
        self.distributor.vips.add(
            address=wanted.address,
            interface=wanted.attachment.interface or "eth1",
            mac=wanted.attachment.mac,
            vlan_ids=wanted.attachment.vlan_ids,
            subnet=wanted.subnet,
            gateway=wanted.gateway,
            affinity=names[request.vip_persistence],
        )

    def RemoveVip(self, request):
        kept = [there for there in self.distributor.vips if there.address != request.vip.address]
        assert len(kept) == len(self.distributor.vips) - 1
        del self.distributor.vips[:]
        self.distributor.vips.extend(kept)

    def RegisterAmphorae(self, request):
        there = {entry.id: entry for entry in self.distributor.amphorae}
        for entry in request.amphorae:
            assert entry.HasField("position")
            holders = {other.position: other.id for other in there.values()}
            assert holders.get(entry.position, entry.id) == entry.id
            known = there.get(entry.id)
            drains = entry.weight == 0
            weight = entry.weight or (known.weight if known else 1)
            state = api.AMPHORA_STATE_DRAINING if drains else api.AMPHORA_STATE_ACTIVE
            drain = api.DRAIN_STATE_DRAINING if drains else 0
            there[entry.id] = api.AmphoraStatus(
                id=entry.id, ip=entry.ip, mac=entry.mac, weight=weight, position=entry.position
            )
            there[entry.id].state = state
            there[entry.id].drain.state = drain
        self._keep(there.values())

    def DrainAmphorae(self, request):
        there = {entry.id: entry for entry in self.distributor.amphorae}
        for identity in request.amphora_ids:
            there[identity].state = api.AMPHORA_STATE_DRAINING
            there[identity].drain.state = api.DRAIN_STATE_DRAINING
            there[identity].drain.deadline.CopyFrom(request.deadline)

    def UnregisterAmphorae(self, request):
        gone = set(request.amphora_ids)
        self._keep([entry for entry in self.distributor.amphorae if entry.id not in gone])

    def _keep(self, amphorae):
        kept = sorted(amphorae, key=lambda entry: entry.position)
        del self.distributor.amphorae[:]
        self.distributor.amphorae.extend(kept)


def changed(document, chance):
    numbers = range(1, 7)
    change = chance.choice(["vip", "no-vip", "register", "drain", "unregister"])
    if change == "vip":
        number = chance.choice(numbers)
        persistence = chance.choice(["SOURCE_IP", "SOURCE_IP_AND_PORT"])
        without = desired.without_vip(document, vip(number)["address"])
        return desired.with_vip(without, vip(number, vip_persistence=persistence))
    if change == "no-vip":
        return desired.without_vip(document, vip(chance.choice(numbers))["address"])
    if change == "register":
        weight = chance.choice([None, 1, 7])
        return desired.with_amphorae(document, [amphora(chance.choice(numbers), weight=weight)])
    ids = [entry["id"] for entry in document["amphorae"]]
    some = chance.sample(ids, chance.randint(0, len(ids)))
    if change == "drain":
        return desired.with_drain(document, some, chance.randint(1000, 2000) / 8)
    return desired.without_amphorae(document, some)


@pytest.mark.parametrize("seed", range(40))
def test_a_host_that_missed_any_changes_is_level_after_the_calls(seed):
    chance = random.Random(seed)
    document = new()
    hosts = [Daemon() for _ in range(3)]
    for _ in range(40):
        document = changed(document, chance)
        for daemon in hosts:
            if chance.random() < 0.4:
                for call in calls_to_level(document, daemon.distributor, NOW):
                    daemon.apply(call)
                assert calls_to_level(document, daemon.distributor, NOW) == []
                wanted = {(entry["id"], entry["position"]) for entry in document["amphorae"]}
                there = {(entry.id, entry.position) for entry in daemon.distributor.amphorae}
                assert there == wanted
    gone = desired.tombstone(document)
    for daemon in hosts:
        for call in calls_to_level(gone, daemon.distributor, NOW):
            daemon.apply(call)
        assert daemon.distributor is None
        assert calls_to_level(gone, daemon.distributor, NOW) == []


def test_amphorae_are_there_before_a_vip_is():
    document = desired.with_vip(desired.with_amphorae(new(), [amphora(1)]), vip(1))
    methods = [call.method for call in calls_to_level(document, None, NOW)]
    assert methods == ["CreateDistributor", "RegisterAmphorae", "AddVip"]


def test_one_that_drains_never_gets_a_connection_on_a_host_that_is_built_again():
    document = desired.with_amphorae(new(), [amphora(1, weight=3), amphora(2)])
    document = desired.with_drain(document, ["amphora-1"], 1000.0)
    calls = {call.method: call.request for call in calls_to_level(document, None, NOW)}
    assert [entry.weight for entry in calls["RegisterAmphorae"].amphorae] == [0, 1]
    assert list(calls["DrainAmphorae"].amphora_ids) == ["amphora-1"]


def test_what_is_written_otherwise_is_the_same():
    document = desired.with_vip(
        new(), vip(1, address="2001:db8::1", subnet=None, gateway="2001:DB8::2")
    )
    daemon = Daemon()
    for call in calls_to_level(document, None, NOW):
        daemon.apply(call)
    daemon.distributor.vips[0].address = "2001:db8:0:0::1"
    daemon.distributor.vips[0].gateway = "2001:db8::2"
    assert calls_to_level(document, daemon.distributor, NOW) == []


def test_a_deadline_that_has_passed_is_none():
    document = desired.with_amphorae(new(), [amphora(1), amphora(2)])
    document = desired.with_drain(document, ["amphora-1"], 1000.0)
    calls = {call.method: call.request for call in calls_to_level(document, None, 1000.0)}
    assert not calls["DrainAmphorae"].HasField("deadline")
    daemon = Daemon()
    for call in calls_to_level(document, None, 1000.0):
        daemon.apply(call)
    assert calls_to_level(document, daemon.distributor, 1000.0) == []


def test_a_drain_whose_deadline_has_passed_begins_again_with_another():
    document = desired.with_amphorae(new(), [amphora(1), amphora(2)])
    daemon = Daemon()
    drained = desired.with_drain(document, ["amphora-1"], 1000.0)
    for call in calls_to_level(drained, None, NOW):
        daemon.apply(call)
    daemon.distributor.amphorae[0].drain.state = api.DRAIN_STATE_DEADLINE_PASSED
    assert calls_to_level(drained, daemon.distributor, NOW) == []
    again = desired.with_drain(document, ["amphora-1"], 2000.0)
    (call,) = calls_to_level(again, daemon.distributor, NOW)
    assert call.request.deadline.seconds == 2000
    daemon.distributor.amphorae[0].drain.state = api.DRAIN_STATE_DRAINED
    assert calls_to_level(again, daemon.distributor, NOW) == []
