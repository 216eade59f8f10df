# SPDX-License-Identifier: Apache-2.0
"""All distributor hosts together: each is brought level with the records."""
from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Optional

from oslo_log import log as logging

from .exceptions import ConcurrentChange, HostError, HostRefused, HostUnreachable, NoHostReachable
from .hosts import Host, HostTask, Session, is_stale
from .levelling import calls_to_level
from .messages import distributor_pb2 as api
from .records import Records
from .settings import Settings

LOG = logging.getLogger(__name__)

#: How often a host's distributor may turn out to have been changed in between.
_TRIES = 5


class Outcome(NamedTuple):
    """Of a task on one host; `unreachable` says why there is no result."""

    host: Host
    result: Any
    unreachable: Optional[HostUnreachable]


class Fleet:
    def __init__(self, settings: Settings, records: Records) -> None:
        self.hosts = [Host(endpoint, settings) for endpoint in settings.endpoints]
        self._records = records

    def level(self, distributor_id: str) -> None:
        """
        Makes the distributor on every host what it is in the records.

        A host that is down is reported, and is level when the next change reaches it, or
        distributord-octavia-sync. Raises NoHostReachable if it is so for all, and the HostError of
        one that refuses.
        """
        recorded = self._records.find(distributor_id)
        if recorded is None:
            return
        # A host that was down may still have an earlier one of the same load balancer.
        same = self._records.of_load_balancer(recorded["load_balancer"]["id"])
        ids = [other["id"] for other in same if other["deleted"] and other["id"] != distributor_id]
        ids.append(distributor_id)

        def level_host(session: Session) -> None:
            for identity in ids:
                self.level_on(session, identity)

        outcomes = self.on_every_host(level_host)
        absent = [outcome for outcome in outcomes if outcome.unreachable is not None]
        for outcome in absent:
            LOG.warning(
                "%s is behind with distributor %s until it is brought level: %s",
                outcome.host,
                distributor_id,
                outcome.unreachable,
            )
        if not absent:
            self.forget_deleted(ids)

    def forget_deleted(self, ids: list[str]) -> None:
        """Call when no host has any of them any more."""
        for identity in ids:
            document = self._records.find(identity)
            if document is not None and document["deleted"]:
                self._records.forget(document)

    def level_on(self, session: Session, distributor_id: str) -> int:
        """Returns how many calls it took. Raises HostErrors."""
        made = 0
        for attempt in range(_TRIES):
            # In this order: what another flow records after this is seen, or moves the revision.
            actual = _find(session, distributor_id)
            document = self._records.find(distributor_id)
            if document is None:
                if made and actual is not None:
                    # Deleted and forgotten while it was made here: nobody else would know of it.
                    request = api.DeleteDistributorRequest(distributor_id=distributor_id)
                    session.call("DeleteDistributor", request)
                return made
            if actual is not None and actual.table_size > document["table_size"]:
                # It grew for a change that was undone; one that is built again is to be alike.
                self._records.grow(document, actual.table_size)
            revision = 0 if actual is None else actual.revision
            calls = calls_to_level(document, actual, time.time())
            try:
                for method, request in calls:
                    if method == "CreateDistributor":
                        # Another process may have made it and gone on: the rest is computed anew.
                        session.call(method, request)
                        made += 1
                        break
                    request.expected_revision = revision
                    revision = session.call(method, request).revision
                    made += 1
                else:
                    return made
            except HostError as error:
                if not is_stale(error) or attempt == _TRIES - 1:
                    raise
        raise ConcurrentChange(
            f"{session.host}: distributor_id {distributor_id} is made and deleted by others",
            field="distributor_id",
            value=distributor_id,
        )

    def on_every_host(self, task: HostTask) -> list[Outcome]:
        """At the same time. Raises what the first host raises that answers, or NoHostReachable."""

        def run(host: Host) -> Outcome:
            try:
                with host.session() as session:
                    return Outcome(host, task(session), None)
            except HostUnreachable as error:
                return Outcome(host, None, error)

        with ThreadPoolExecutor(len(self.hosts)) as executor:
            futures = [executor.submit(run, host) for host in self.hosts]
        errors = [error for error in (future.exception() for future in futures) if error]
        for error in errors[1:]:
            LOG.error("%s", error)
        if errors:
            raise errors[0]
        outcomes = [future.result() for future in futures]
        if all(outcome.unreachable is not None for outcome in outcomes):
            reasons = "; ".join(str(outcome.unreachable) for outcome in outcomes)
            raise NoHostReachable(f"no distributor host answers: {reasons}")
        return outcomes


def _find(session: Session, distributor_id: str) -> Optional[Any]:
    try:
        return session.call(
            "GetDistributor", api.GetDistributorRequest(distributor_id=distributor_id)
        )
    except HostRefused as error:
        if error.reason == "DISTRIBUTOR_NOT_FOUND":
            return None
        raise
