# SPDX-License-Identifier: Apache-2.0
"""Waits until drains are over on all hosts that answer."""
from __future__ import annotations

import threading
import time
from typing import Any, Optional

from oslo_log import log as logging

from .exceptions import DrainCancelled, DrainDeadlinePassed, HostBusy, HostUnreachable
from .fleet import Fleet
from .hosts import Session
from .inputs import Plain, plain_amphora_ids
from .messages import distributor_pb2 as api
from .settings import Settings
from .tasks import Change, DriverTask

LOG = logging.getLogger(__name__)

#: Seconds by which a host may tell later than the deadline that it has passed.
_GRACE = 3
_PREFIX = "DRAIN_STATE_"
_WORST_FIRST = ("UNREGISTERED", "CANCELLED", "DEADLINE_PASSED", "DRAINED")
_PROTOCOLS = ("tcp", "udp", "sctp", "other", "closing")


class WaitForDrain(DriverTask):
    """
    Provides the drains' status: for each amphora {amphora_id, state, remaining, hosts}.

    `remaining` counts connections on all hosts; `hosts` has state and remaining of each. What
    undoes a drain is the task that began it. Raises DrainDeadlinePassed and DrainCancelled.
    """

    def execute(self, distributor_id: str, amphorae: Any, change: Change) -> list[Plain]:
        ids = plain_amphora_ids(amphorae)
        if not ids:
            return []
        after = {amphora["id"]: amphora for amphora in change["after"]["amphorae"]}
        until = max(after[identity]["drains_until"] for identity in ids)
        wait = _Wait(self.parts.fleet, self.parts.settings, distributor_id, ids, until)
        outcomes = self.parts.fleet.on_every_host(wait.on_host)
        by_host = {
            str(outcome.host): outcome.result for outcome in outcomes if outcome.unreachable is None
        }
        statuses = [_combined(identity, by_host) for identity in ids]
        _judge(statuses, distributor_id, self.parts.settings.proceeds_at_deadline)
        return statuses


class _Wait:
    def __init__(
        self, fleet: Fleet, settings: Settings, distributor_id: str, ids: list[str], until: float
    ) -> None:
        self._fleet = fleet
        self._settings = settings
        self._distributor_id = distributor_id
        self._ids = ids
        self._until = until
        self._lock = threading.Lock()
        self._watching = len(fleet.hosts)
        self._finished = 0

    def on_host(self, session: Session) -> dict[str, Any]:
        """Returns each amphora's last api.DrainStatus. A host that comes back is level first."""
        watching = True
        statuses: dict[str, Any] = {}
        while True:
            try:
                self._fleet.level_on(session, self._distributor_id)
                watching = self._note(watching, True)
                self._watch(session, statuses)
                if not self._are_over(statuses):
                    raise HostUnreachable(str(session.host), "WatchDrain ended before the drain")
                break
            except (HostUnreachable, HostBusy) as error:
                if self._is_late() and self._are_known(statuses):
                    break  # A host that began late has no deadline of its own.
                watching = self._note(watching, False)
                if self._is_late() or self._others_are_done():
                    LOG.warning("%s: not known how the drain ended there: %s", session.host, error)
                    raise HostUnreachable(str(session.host), str(error)) from error
                LOG.warning("%s; the drain is watched on the others", error)
                time.sleep(self._settings.retry_interval)
        with self._lock:
            self._watching -= 1
            self._finished += 1
        return statuses

    def _watch(self, session: Session, statuses: dict[str, Any]) -> None:
        """Writes into `statuses` what the host tells, as long as it does."""
        request = api.WatchDrainRequest(distributor_id=self._distributor_id, amphora_ids=self._ids)
        logged: Optional[float] = None
        left = self._until + _GRACE - time.time()
        for response in session.stream("WatchDrain", request, max(left, 1)):
            statuses.update({status.amphora_id: status for status in response.drains})
            now = time.monotonic()
            if logged is None or now - logged >= self._settings.drain_log_interval:
                logged = now
                self._log(session, statuses)
        self._log(session, statuses)

    def _is_late(self) -> bool:
        return time.time() >= self._until + _GRACE

    def _are_known(self, statuses: dict[str, Any]) -> bool:
        return all(identity in statuses for identity in self._ids)

    def _are_over(self, statuses: dict[str, Any]) -> bool:
        return self._are_known(statuses) and all(
            statuses[identity].state != api.DRAIN_STATE_DRAINING for identity in self._ids
        )

    def _log(self, session: Session, statuses: dict[str, Any]) -> None:
        for identity, status in statuses.items():
            LOG.info(
                "%s: distributor %s: amphora %s: %s, %d connections left, %.0f s to the deadline",
                session.host,
                self._distributor_id,
                identity,
                _state(status).lower(),
                _remaining(status),
                max(self._until - time.time(), 0),
            )

    def _note(self, before: bool, watching: bool) -> bool:
        with self._lock:
            self._watching += int(watching) - int(before)
        return watching

    def _others_are_done(self) -> bool:
        with self._lock:
            return self._watching == 0 and self._finished > 0


def _combined(identity: str, by_host: dict[str, dict[str, Any]]) -> Plain:
    states = {host: _outcome(statuses[identity]) for host, statuses in by_host.items()}
    left = {host: _remaining(statuses[identity]) for host, statuses in by_host.items()}
    return {
        "amphora_id": identity,
        "state": min(states.values(), key=_WORST_FIRST.index),
        "remaining": sum(left.values()),
        "hosts": {host: {"state": states[host], "remaining": left[host]} for host in by_host},
    }


def _judge(statuses: list[Plain], distributor_id: str, proceeds_at_deadline: bool) -> None:
    for status in statuses:
        identity, state = status["amphora_id"], status["state"]
        about = {"field": "amphorae", "value": identity}
        where = f"distributor {distributor_id}: amphora {identity}"
        if state == "DEADLINE_PASSED" and not proceeds_at_deadline:
            left = status["remaining"]
            raise DrainDeadlinePassed(f"{where}: {left} connections left at the deadline", **about)
        if state in ("CANCELLED", "UNREGISTERED"):
            raise DrainCancelled(f"{where}: the drain ended as {state.lower()}", **about)


def _state(status: Any) -> str:
    """As it is while the drain goes on; afterwards see _outcome()."""
    return str(api.DrainState.Name(status.state)).replace(_PREFIX, "")


def _outcome(status: Any) -> str:
    state = _state(status)
    return "DEADLINE_PASSED" if state == "DRAINING" else state


def _remaining(status: Any) -> int:
    return sum(getattr(status.remaining, protocol) for protocol in _PROTOCOLS)
