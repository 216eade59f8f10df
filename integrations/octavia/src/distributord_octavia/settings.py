# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from .exceptions import InvalidConfiguration
from .options import GROUP, register


@dataclass(frozen=True)
class TlsFiles:
    """PEM files, read again with each connection."""

    ca: str
    certificate: str
    key: str


@dataclass(frozen=True)
class Settings:
    """[xdp_distributor], checked."""

    endpoints: tuple[str, ...]
    tls: Optional[TlsFiles]
    connection: str
    call_timeout: float
    retries: int
    retry_interval: float
    default_affinity: str
    table_size: int
    interface_mappings: dict[str, str]
    resolves_amphorae: bool
    drain_deadline: int
    proceeds_at_deadline: bool
    drain_log_interval: int


def read_settings(conf: Any) -> Settings:
    """Of an oslo.config object that has read its files. Raises InvalidConfiguration."""
    register(conf)
    group = conf[GROUP]
    endpoints = tuple(group.endpoints)
    if not endpoints:
        raise _invalid("endpoints", "", "names no distributor host")
    for endpoint in endpoints:
        if not _is_endpoint(endpoint):
            raise _invalid("endpoints", endpoint, "is neither HOST:PORT nor unix:PATH")
    if len(set(endpoints)) < len(endpoints):
        raise _invalid("endpoints", ",".join(endpoints), "names a host twice")
    size = group.table_size
    if size < 256 or size & (size - 1):
        raise _invalid("table_size", str(size), "is not a power of two from 256 on")
    return Settings(
        endpoints=endpoints,
        tls=_tls_files(group, endpoints),
        connection=group.connection or _octavia_database(conf),
        call_timeout=group.call_timeout,
        retries=group.retries,
        retry_interval=group.retry_interval,
        default_affinity=group.default_affinity,
        table_size=size,
        interface_mappings=dict(group.interface_mappings),
        resolves_amphorae=group.amphora_macs == "resolve",
        drain_deadline=group.drain_deadline,
        proceeds_at_deadline=group.drain_at_deadline == "proceed",
        drain_log_interval=group.drain_log_interval,
    )


def _is_endpoint(endpoint: str) -> bool:
    if endpoint.startswith("unix:"):
        return endpoint[len("unix:") :].startswith("/")
    host, _, port = endpoint.rpartition(":")
    return host != "" and port.isdigit() and 0 < int(port) < 65536


def _tls_files(group: Any, endpoints: tuple[str, ...]) -> Optional[TlsFiles]:
    if all(endpoint.startswith("unix:") for endpoint in endpoints):
        return None
    for name in ("tls_ca", "tls_certificate", "tls_key"):
        if not group[name]:
            raise _invalid(name, "", "is needed for the hosts' TLS listeners")
    return TlsFiles(group.tls_ca, group.tls_certificate, group.tls_key)


def _octavia_database(conf: Any) -> str:
    connection = conf.database.connection if "database" in conf else None
    if not connection:
        raise _invalid("connection", "", "is not set, nor is [database] connection")
    return str(connection)


def _invalid(option: str, value: str, complaint: str) -> InvalidConfiguration:
    name = f"[{GROUP}] {option}"
    shown = f" {value}" if value else ""
    return InvalidConfiguration(f"{name}{shown}: {complaint}", field=name, value=value)
