# SPDX-License-Identifier: Apache-2.0
"""What distributord-octavia-sync says of hosts."""
from types import SimpleNamespace

from distributord_octavia.exceptions import CertificateRefused
from distributord_octavia.fleet import Outcome
from distributord_octavia.messages import distributor_pb2 as api
from distributord_octavia.sync import Sync


class Sessions:
    """A fleet of a host that is level, and one that does not like the controller's certificate."""

    def on_every_host(self, task):
        return [Outcome(name, task(SimpleNamespace(call=call)), None) for name, call in HOSTS]


def answer(method, request):
    return api.ListDistributorsResponse()


def refuse(method, request):
    raise CertificateRefused("two:9443", "ListDistributors: CERTIFICATE_VERIFY_FAILED")


HOSTS = [("one:9443", answer), ("two:9443", refuse)]


def test_a_host_that_refuses_the_certificate_does_not_hide_the_others(capsys):
    records = SimpleNamespace(all=lambda: [])
    assert Sync(records, Sessions(), only_checks=True).run() == 1
    output = capsys.readouterr()
    assert output.out == "one:9443: 0 behind, 0 failed\ntwo:9443: 0 behind, 1 failed\n"
    assert "CERTIFICATE_VERIFY_FAILED" in output.err
