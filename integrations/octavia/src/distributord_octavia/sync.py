# SPDX-License-Identifier: Apache-2.0
"""distributord-octavia-sync: brings hosts level that were down while something changed."""
from __future__ import annotations

import argparse
import sys
import time
from typing import Any, NamedTuple, Optional, Sequence

from octavia.common import config as octavia_config
from oslo_config import cfg
from oslo_log import log as logging

from .exceptions import DistributorDriverError, HostError, HostUnreachable
from .fleet import Fleet
from .hosts import Session
from .levelling import calls_to_level
from .messages import distributor_pb2 as api
from .parts import make_parts
from .records import Records

_LEVEL, _FAILED, _WRONG_USAGE, _BEHIND = 0, 1, 2, 3


class HostReport(NamedTuple):
    """Ids of distributors that were behind; with why, those that could not be brought level."""

    levelled: list[str]
    failed: dict[str, str]


class Sync:
    def __init__(self, records: Records, fleet: Fleet, only_checks: bool) -> None:
        self._records = records
        self._fleet = fleet
        self._only_checks = only_checks

    def run(self) -> int:
        """Returns the exit status. Raises NoHostReachable."""
        deleted = [document["id"] for document in self._records.all() if document["deleted"]]
        outcomes = self._fleet.on_every_host(self._on_host)
        status = _LEVEL
        for host, report, unreachable in outcomes:
            if unreachable is not None:
                print(f"{host}: unreachable: {unreachable}")
                status = max(status, _FAILED)
                continue
            verb = "behind" if self._only_checks else "brought level"
            print(f"{host}: {len(report.levelled)} {verb}, {len(report.failed)} failed")
            for identity in report.levelled:
                print(f"  {identity}: {verb}")
            for identity, reason in report.failed.items():
                print(f"  {identity}: {reason}", file=sys.stderr)
            if report.failed:
                status = max(status, _FAILED)
            if self._only_checks and report.levelled:
                status = _BEHIND
        is_level = all(report and not report.failed for _, report, _ in outcomes)
        if is_level and not self._only_checks:
            self._fleet.forget_deleted(deleted)
        return status

    def _on_host(self, session: Session) -> HostReport:
        try:
            actual = {distributor.id: distributor for distributor in _all_of(session)}
        except HostUnreachable:
            raise
        except HostError as error:
            # One that lets no controller in must not hide what the others say.
            return HostReport([], {"every distributor": str(error)})
        levelled, failed = [], {}
        for document in self._records.all():
            identity = document["id"]
            if not calls_to_level(document, actual.get(identity), time.time()):
                continue
            try:
                if self._only_checks or self._fleet.level_on(session, identity) > 0:
                    levelled.append(identity)
            except HostUnreachable:
                # Not once more for each distributor: every time takes until the timeout.
                raise
            except HostError as error:
                failed[identity] = str(error)
        return HostReport(levelled, failed)


def _all_of(session: Session) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        request = api.ListDistributorsRequest(page_size=200, page_token=token)
        page = session.call("ListDistributors", request)
        found.extend(page.distributors)
        token = page.next_page_token
        if not token:
            return found


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="distributord-octavia-sync",
        description="Brings every distributor host level with what the controllers recorded.",
        epilog="Exit status: 0 all hosts are level; 1 a host is unreachable or refuses something; "
        "2 wrong usage or configuration; 3 with --check: a host is behind.",
    )
    parser.add_argument(
        "--config-file",
        action="append",
        help="Octavia's configuration; may be repeated (default: /etc/octavia/octavia.conf)",
    )
    parser.add_argument("--check", action="store_true", help="only say what is behind")
    parser.add_argument(
        "--every", type=float, metavar="SECONDS", help="again and again, until it is ended"
    )
    arguments = parser.parse_args(argv)
    files = arguments.config_file or ["/etc/octavia/octavia.conf"]
    try:
        # Standard output is for what was found.
        logging.register_options(cfg.CONF)
        cfg.CONF.set_default("use_stderr", True)
        octavia_config.init([f"--config-file={file}" for file in files])
        octavia_config.setup_logging(cfg.CONF)
        parts = make_parts(cfg.CONF)
    except (DistributorDriverError, cfg.Error) as error:
        print(f"distributord-octavia-sync: {error}", file=sys.stderr)
        return _WRONG_USAGE
    while True:
        try:
            status = Sync(parts.records, parts.fleet, arguments.check).run()
        except DistributorDriverError as error:
            print(f"distributord-octavia-sync: {error}", file=sys.stderr)
            status = _FAILED
        if arguments.every is None:
            return status
        sys.stdout.flush()
        time.sleep(arguments.every)


if __name__ == "__main__":
    sys.exit(main())
