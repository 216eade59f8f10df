// SPDX-License-Identifier: Apache-2.0
import { fileLimit } from './file-limit.ts';
import { ECHO_PORT, HTTP_PORT, VIP } from './topology.ts';

export interface HaproxyFiles {
  /** The UNIX socket HAProxy offers its statistics on. */
  readonly statistics: string;
  /** The UNIX socket of the echo server that stands for the members. */
  readonly echo: string;
}

const MAX_CONNECTIONS = 20_000;
const FILES_NOT_FOR_CONNECTIONS = 200;

/** An amphora's HAProxy: long-lived TCP to the echo server, and HTTP that says who answered. */
export function haproxyConfig(amphora: string, files: HaproxyFiles): string {
  // A connection takes two files: one to the client, one to the member.
  const maxConnections = Math.min(
    MAX_CONNECTIONS,
    Math.floor((fileLimit() - FILES_NOT_FOR_CONNECTIONS) / 2),
  ).toString();
  return `
global
  maxconn ${maxConnections}
  nbthread 1
  stats socket ${files.statistics}

defaults
  timeout connect 5s
  timeout client 1h
  timeout server 1h

frontend http
  mode http
  maxconn ${maxConnections}
  bind ${VIP.ipv4}:${HTTP_PORT.toString()}
  bind [${VIP.ipv6}]:${HTTP_PORT.toString()}
  http-request return status 200 content-type text/plain string "${amphora}\\n" if METH_GET

frontend echo
  mode tcp
  maxconn ${maxConnections}
  bind ${VIP.ipv4}:${ECHO_PORT.toString()}
  bind [${VIP.ipv6}]:${ECHO_PORT.toString()}
  default_backend echo

backend echo
  mode tcp
  fullconn ${maxConnections}
  server echo unix@${files.echo}
`;
}
