# SPDX-License-Identifier: Apache-2.0
"""
The tasks that every change consists of.

Plan computes the change and does nothing; Record writes it; Level makes the hosts follow the
records. To undo it, the record becomes what it was before, and the hosts follow that. Each may be
run again after its process was killed within it, by another one: a change is a JSON-able
dictionary, {id, before, after}, documents of desired.py or null.
"""
from __future__ import annotations

from typing import Any

from oslo_log import log as logging
from taskflow import task

from .desired import listed
from .exceptions import DistributorDriverError
from .inputs import Plain
from .parts import Parts

LOG = logging.getLogger(__name__)

Change = dict[str, Any]


class DriverTask(task.Task):
    """`name` is unique within a flow; `rebind` names the inputs in the flow's store."""

    def __init__(self, parts: Parts, **names: Any) -> None:
        super().__init__(**names)
        self.parts = parts


class RecordChange(DriverTask):
    def execute(self, change: Change) -> None:
        if change["after"] is not None:
            self.parts.records.replace(change["before"], change["after"])

    def revert(self, change: Change, *args: Any, **kwargs: Any) -> None:
        restore(self.parts, change)


class LevelHosts(DriverTask):
    def execute(self, change: Change) -> None:
        self.parts.fleet.level(change["id"])

    def revert(self, change: Change, *args: Any, **kwargs: Any) -> None:
        restore(self.parts, change)
        try:
            self.parts.fleet.level(change["id"])
        except DistributorDriverError as error:
            # The record is as it was: whatever brings hosts level later undoes this, too.
            LOG.error("distributor %s: hosts are not as before yet: %s", change["id"], error)


def restore(parts: Parts, change: Change) -> None:
    """The record as it was before the change, if it was made."""
    if change["after"] is not None and change["after"] != change["before"]:
        parts.records.restore(change["before"], change["after"])


def planned(before: Any, after: Any) -> Change:
    return {"id": (after or before)["id"], "before": before, "after": after}


class ListAmphorae(DriverTask):
    """Provides all amphorae of the distributor, by position."""

    def execute(self, change: Change) -> list[Plain]:
        return listed(change["after"])
