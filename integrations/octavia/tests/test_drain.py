# SPDX-License-Identifier: Apache-2.0
"""What the ends of drains on several hosts come to."""
import pytest

from distributord_octavia import exceptions
from distributord_octavia.drain import _combined, _judge
from distributord_octavia.messages import distributor_pb2 as api


def ended(**hosts):
    """`hosts`: state and connections left, by host."""
    by_host = {}
    for host, (state, left) in hosts.items():
        status = api.DrainStatus(amphora_id="a", state=api.DrainState.Value(f"DRAIN_STATE_{state}"))
        status.remaining.tcp = left
        by_host[host] = {"a": status}
    return _combined("a", by_host)


def test_connections_are_added_up():
    assert ended(
        one=("DRAINED", 0), other=("DEADLINE_PASSED", 3), third=("DEADLINE_PASSED", 2)
    ) == {
        "amphora_id": "a",
        "state": "DEADLINE_PASSED",
        "remaining": 5,
        "hosts": {
            "one": {"state": "DRAINED", "remaining": 0},
            "other": {"state": "DEADLINE_PASSED", "remaining": 3},
            "third": {"state": "DEADLINE_PASSED", "remaining": 2},
        },
    }


def test_drained_on_all():
    _judge([ended(one=("DRAINED", 0), other=("DRAINED", 0))], "d", False)


@pytest.mark.parametrize("state", ["DEADLINE_PASSED", "DRAINING"])
def test_the_deadline_has_passed_on_one(state):
    statuses = [ended(one=("DRAINED", 0), other=(state, 3))]
    with pytest.raises(exceptions.DrainDeadlinePassed) as failed:
        _judge(statuses, "d", False)
    assert failed.value.value == "a"
    assert "3 connections" in str(failed.value)
    _judge(statuses, "d", True)


@pytest.mark.parametrize("state", ["CANCELLED", "UNREGISTERED"])
def test_somebody_else_ended_it(state):
    for proceeds in (False, True):
        with pytest.raises(exceptions.DrainCancelled):
            _judge([ended(one=("DRAINED", 0), other=(state, 0))], "d", proceeds)
