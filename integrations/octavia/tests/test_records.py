# SPDX-License-Identifier: Apache-2.0
import pytest

from distributord_octavia import desired, exceptions
from distributord_octavia.records import Records

BALANCER = {"id": "6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b", "name": "shop"}


@pytest.fixture
def records(tmp_path):
    return Records(f"sqlite:///{tmp_path}/records.db")


def made(records):
    document = desired.new_distributor(BALANCER, 4096)
    records.replace(None, document)
    return records.get(document["id"])


def with_amphora(document):
    """And with another one each time."""
    number = len(document["amphorae"]) + 1
    amphora = {"id": f"a{number}", "ip": f"192.0.2.{number}", "mac": ""}
    return desired.with_amphorae(document, [{**amphora, "weight": None, "position": None}])


def test_a_change_is_there_and_the_same_again_is_none(records):
    before = made(records)
    after = with_amphora(before)
    records.replace(before, after)
    records.replace(before, after)
    assert records.get(before["id"]) == {**after, "version": 2}


def test_of_two_changes_of_the_same_state_one_fails(records):
    before = made(records)
    records.replace(before, with_amphora(before))
    with pytest.raises(exceptions.ConcurrentChange):
        records.replace(before, with_amphora(with_amphora(before)))


def test_undoing_a_change(records):
    before = made(records)
    after = with_amphora(before)
    records.replace(before, after)
    records.restore(before, after)
    records.restore(before, after)
    assert records.get(before["id"]) == {**before, "version": 3}


def with_amphorae(document, numbers, **changes):
    return desired.with_amphorae(
        document,
        [
            {
                "id": f"a{n}",
                "ip": f"192.0.2.{n}",
                "mac": "",
                "weight": 1,
                "position": None,
                **changes,
            }
            for n in numbers
        ],
    )


def changed(records, change):
    """What a flow does; returns what undoes it."""
    (before,) = records.all()
    after = change(before)
    records.replace(before, after)
    return lambda: records.restore(before, after)


def test_a_table_is_as_large_as_hosts_have_made_it_not_as_a_refused_change_would_have(records):
    before = made(records)
    undo = changed(records, lambda document: with_amphorae(document, [1], position=999))
    undo()
    assert records.get(before["id"])["table_size"] == 4096
    undo = changed(records, lambda document: with_amphorae(document, [1], position=20))
    undo()
    records.grow(records.get(before["id"]), 8192)
    undo()
    assert records.get(before["id"]) == {**before, "table_size": 8192, "version": 6}


def test_flows_within_a_larger_one_are_all_undone_though_the_table_had_to_grow(records):
    new = desired.new_distributor(BALANCER, 4096)
    records.replace(None, new)
    vip = {"address": "198.51.100.1", "vip_alg": None, "vip_persistence": "SOURCE_IP"}
    undo_vip = changed(records, lambda document: desired.with_vip(document, vip))
    undo_amphorae = changed(records, lambda document: with_amphorae(document, range(1, 21)))
    undo_amphorae()
    records.grow(records.get(new["id"]), 8192)
    undo_vip()
    assert records.get(new["id"])["vips"] == []
    records.restore(None, new)
    assert records.find(new["id"])["deleted"]


def test_undoing_a_change_leaves_what_others_changed_since(records):
    made(records)
    changed(records, lambda document: with_amphorae(document, [1, 2]))
    undo_drain = changed(records, lambda document: desired.with_drain(document, ["a1"], 1000.0))
    undo_removal = changed(records, lambda document: desired.without_amphorae(document, ["a2"]))
    undo_other = changed(records, lambda document: with_amphorae(document, [3]))
    undo_drain()
    (now,) = records.all()
    assert [(a["id"], a["drains_until"]) for a in now["amphorae"]] == [("a1", None), ("a3", None)]
    # Its position is another's now.
    undo_removal()
    (now,) = records.all()
    places = {amphora["id"]: amphora["position"] for amphora in now["amphorae"]}
    assert places == {"a1": 0, "a3": 1, "a2": 2}
    undo_other()
    undo_other()
    (now,) = records.all()
    assert [amphora["id"] for amphora in now["amphorae"]] == ["a1", "a2"]


def test_undoing_a_change_of_one_that_others_deleted_does_not_bring_it_back(records):
    before = made(records)
    undo = changed(records, lambda document: with_amphorae(document, [1]))
    changed(records, desired.tombstone)
    undo()
    records.forget(records.find(before["id"]))
    undo()
    assert records.all() == []


def test_undoing_what_was_not_done_does_nothing(records):
    before = made(records)
    records.restore(before, with_amphora(before))
    assert records.get(before["id"]) == before
    new = desired.new_distributor(BALANCER, 4096)
    records.restore(None, new)
    assert records.find(new["id"]) is None


def test_undoing_a_creation_leaves_what_hosts_are_to_delete(records):
    new = desired.new_distributor(BALANCER, 4096)
    records.replace(None, new)
    records.restore(None, new)
    with pytest.raises(exceptions.DistributorNotFound):
        records.get(new["id"])
    (left,) = records.of_load_balancer(BALANCER["id"])
    assert left["deleted"]
    records.forget(left)
    assert records.all() == []


def test_undoing_a_deletion_that_was_complete(records):
    before = made(records)
    after = desired.deleted_distributor(before)
    records.replace(before, after)
    records.forget(records.find(before["id"]))
    records.restore(before, after)
    assert records.get(before["id"]) == {**before, "version": 1}


def test_one_that_came_back_is_not_forgotten(records):
    before = made(records)
    after = desired.deleted_distributor(before)
    records.replace(before, after)
    deleted = records.find(before["id"])
    records.restore(before, after)
    records.forget(deleted)
    assert records.get(before["id"])["deleted"] is False


def test_a_database_that_fails_is_named_without_its_password():
    records = Records("sqlite:////nonexistent/secret/records.db")
    with pytest.raises(exceptions.RecordsUnavailable) as failed:
        records.all()
    assert "unable to open" in str(failed.value)
    assert "secret" not in str(failed.value)
