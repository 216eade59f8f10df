# SPDX-License-Identifier: Apache-2.0
"""The options of [xdp_distributor], beside Octavia's own in the same file."""
from __future__ import annotations

from oslo_config import cfg

GROUP = "xdp_distributor"

_OPTIONS = [
    cfg.ListOpt(
        "endpoints",
        default=[],
        help="Distributor hosts, each as HOST:PORT of its TLS listener or unix:PATH of its socket. "
        "All get the same changes.",
    ),
    cfg.StrOpt("tls_ca", help="PEM file of the CA that signed the hosts' certificates."),
    cfg.StrOpt("tls_certificate", help="PEM file of the controller's certificate and its chain."),
    cfg.StrOpt("tls_key", help="PEM file of the certificate's key."),
    cfg.StrOpt(
        "connection",
        secret=True,
        help="Database of what distributors should be, as SQLAlchemy names it. Shared by all "
        "controllers. Default: Octavia's own, [database] connection.",
    ),
    cfg.FloatOpt(
        "call_timeout", default=30, min=0.1, help="Seconds until a call without an answer fails."
    ),
    cfg.IntOpt(
        "retries",
        default=3,
        min=0,
        help="How often a call is repeated that found a host absent or busy.",
    ),
    cfg.FloatOpt(
        "retry_interval",
        default=1,
        min=0.01,
        help="Seconds before the first repetition; doubled with each, up to ten times. A busy "
        "host's own wish goes before.",
    ),
    cfg.StrOpt(
        "default_affinity",
        default="SOURCE_IP",
        choices=[
            ("SOURCE_IP", "a client's connections go to one amphora"),
            ("SOURCE_IP_AND_PORT", "a client's connections are spread"),
        ],
        help="Of VIPs for which a flow asks none.",
    ),
    cfg.IntOpt(
        "table_size",
        default=4096,
        help="Slots of a new distributor's table: a power of two from 256 on. Room for one amphora "
        "in 256; it grows. The same on all hosts, whatever tables.initialSlots is there.",
    ),
    cfg.DictOpt(
        "interface_mappings",
        default={},
        help="Interface of the distributor hosts for each physical network, as "
        "`physnet1:eth1,physnet2:eth2`; `*:eth1` for all others. VIPs on a VLAN network are tagged "
        "with its segmentation id. VIPs on networks that are not named are attached to the port "
        "with the MAC of the VIP's port.",
    ),
    cfg.StrOpt(
        "amphora_macs",
        default="port",
        choices=[
            ("port", "the network service says them"),
            ("resolve", "the hosts ask the network, by ARP or NDP, and follow changes"),
        ],
        help="Where the MACs of amphorae come from.",
    ),
    cfg.IntOpt(
        "drain_deadline",
        default=1200,
        min=1,
        max=31_536_000,
        help="Seconds that a drain may take. Idle connections count until the VIP's idle timeout, "
        "15 minutes by default.",
    ),
    cfg.StrOpt(
        "drain_at_deadline",
        default="revert",
        choices=[
            ("revert", "the flow fails, and the amphorae get new connections again"),
            ("proceed", "the flow goes on; connections that are left will break"),
        ],
        help="What happens to a drain whose deadline passes while connections are left.",
    ),
    cfg.IntOpt(
        "drain_log_interval", default=30, min=1, help="Seconds between lines on a drain's progress."
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """May be called again."""
    conf.register_opts(_OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """For oslo-config-generator."""
    return [(GROUP, _OPTIONS)]
