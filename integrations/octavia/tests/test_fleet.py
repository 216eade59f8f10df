# SPDX-License-Identifier: Apache-2.0
"""Levelling one host while others change the record, or while it is away."""
import traceback

import pytest

from distributord_octavia import desired, exceptions
from distributord_octavia.drain import _Wait
from distributord_octavia.fleet import Fleet
from distributord_octavia.messages import distributor_pb2 as api
from distributord_octavia.records import Records
from distributord_octavia.sync import Sync
from test_hosts import settings

BALANCER = {"id": "6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b", "name": "shop"}


class Session:
    """A host that has nothing at first; `on_create` is what others do as it makes a distributor."""

    host = "host"

    def __init__(self, on_create=lambda: None):
        self.distributor = None
        self.methods = []
        self._on_create = on_create

    def call(self, method, request):
        if method == "ListDistributors":
            return api.ListDistributorsResponse()
        if method == "GetDistributor":
            if self.distributor is None:
                raise exceptions.HostRefused("host", "none", reason="DISTRIBUTOR_NOT_FOUND")
            return self.distributor
        self.methods.append(method)
        if method == "CreateDistributor":
            self.distributor = api.Distributor(id=request.distributor_id, revision=9)
            self._on_create()
        return api.RegisterAmphoraeResponse(revision=10)


@pytest.fixture
def records(tmp_path):
    return Records(f"sqlite:///{tmp_path}/records.db")


@pytest.fixture
def document(records):
    amphora = {"id": "a", "ip": "192.0.2.1", "mac": "", "weight": 1, "position": 0}
    made = desired.with_amphorae(desired.new_distributor(BALANCER, 4096), [amphora])
    records.replace(None, made)
    return records.get(made["id"])


def fleet(records):
    return Fleet(settings(endpoints=("host:1",)), records)


def test_what_another_flow_did_while_a_distributor_was_made_is_kept(records, document):
    session = Session(lambda: records.replace(document, desired.without_amphorae(document, ["a"])))
    assert fleet(records).level_on(session, document["id"]) == 1
    assert session.methods == ["CreateDistributor"]


def test_one_that_was_deleted_and_forgotten_while_it_was_made_is_not_left_over(records, document):
    def forgotten():
        records.replace(document, desired.tombstone(document))
        records.forget(records.find(document["id"]))

    session = Session(forgotten)
    fleet(records).level_on(session, document["id"])
    assert session.methods == ["CreateDistributor", "DeleteDistributor"]


def test_a_host_that_goes_away_is_not_tried_again_for_each_distributor(records, document):
    other = desired.new_distributor(BALANCER, 4096)
    records.replace(None, other)
    tried = []

    class Absent(Fleet):
        def level_on(self, session, distributor_id):
            tried.append(distributor_id)
            raise exceptions.HostUnreachable("host", "no answer")

    with pytest.raises(exceptions.HostUnreachable):
        Sync(records, Absent(settings(endpoints=("host:1",)), records), False)._on_host(Session())
    assert len(tried) == 1


def test_a_host_that_is_busy_for_a_moment_does_not_end_the_wait_for_a_drain(records, document):
    drained = api.DrainStatus(amphora_id="a", state=api.DRAIN_STATE_DRAINED)
    answers = [
        exceptions.HostBusy("host", "TOO_MANY_WATCHES"),
        [api.WatchDrainResponse(drains=[drained])],
    ]

    class Busy(Session):
        def stream(self, method, request, timeout):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    wait = _Wait(fleet(records), settings(), document["id"], ["a"], 2**40)
    assert wait.on_host(Busy()) == {"a": drained}


@pytest.mark.parametrize("connection", ["mysql//octavia:secret@db", "nosuch://octavia:secret@db"])
def test_a_connection_that_cannot_be_used_is_not_shown_with_its_password(connection):
    with pytest.raises(exceptions.RecordsUnavailable) as failed:
        Records(connection).all()
    assert "secret" not in "".join(traceback.format_exception(None, failed.value, failed.tb))
