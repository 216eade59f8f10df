# SPDX-License-Identifier: Apache-2.0
"""Tells a host that is away from one that refuses a certificate: to gRPC they look alike."""
from __future__ import annotations

import socket
import ssl
from typing import Any, Optional

from .settings import TlsFiles


def certificate_complaint(endpoint: str, tls: TlsFiles, timeout: float) -> Optional[str]:
    """Why TLS fails with that host; null if it does not, or nobody is there."""
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["h2"])
        context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        return f"tls_ca, tls_certificate or tls_key cannot be used: {error}"
    # A host that ends at this moment looks like one that refuses, but not a second time.
    complaint = _complaint(endpoint, context, timeout)
    return complaint and _complaint(endpoint, context, timeout)


def _complaint(endpoint: str, context: Any, timeout: float) -> Optional[str]:
    host, _, port = endpoint.rpartition(":")
    name = host.strip("[]")
    is_secured = False
    try:
        with socket.create_connection((name, int(port)), timeout) as connection:
            with context.wrap_socket(connection, server_hostname=name) as secured:
                is_secured = True
                # In TLS 1.3 the host's verdict on our certificate comes after the handshake;
                # what it says first, if it likes that, is its HTTP/2 settings.
                if secured.recv(1):
                    return None
    except ssl.SSLError as error:
        return error.reason or str(error)
    except socket.timeout:
        return None
    except OSError:
        pass
    return "the host closed the connection when it saw the certificate" if is_secured else None
