// SPDX-License-Identifier: Apache-2.0
import { credentials, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { readFileSync } from 'node:fs';

/** Where a daemon is reached, and as whom. */
export interface Endpoint {
  /** For messages. */
  readonly name: string;
  /** What to look at where nobody answers. */
  readonly hint: string;
  /** As gRPC wants it. */
  readonly target: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** Files; all but the last belong together. */
export interface TlsOptions {
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  /** The name in the daemon's certificate, where that is not the host of the address. */
  readonly tlsServerName?: string;
}

/** Options that do not make an endpoint; the message names option and value. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
}

export function unixEndpoint(socket: string): Endpoint {
  return {
    name: socket,
    hint: 'is it running?',
    target: `unix:${socket}`,
    credentials: credentials.createInsecure(),
    options: {},
  };
}

/** Over TCP: with TLS where files for that are given. @throws EndpointError */
export function tcpEndpoint(address: string, tls: TlsOptions): Endpoint {
  if (!/^(\[[^\]]+\]|[^:]+):\d{1,5}$/.test(address))
    throw new EndpointError(
      `--address is not host:port, or [IPv6]:port: ${JSON.stringify(address)}`,
    );
  const { tlsCertificate, tlsKey, tlsCa, tlsServerName } = tls;
  const given = [tlsCertificate, tlsKey, tlsCa, tlsServerName].filter((file) => file !== undefined);
  const place = { name: address, target: `dns:${address}` };
  if (given.length === 0)
    return {
      ...place,
      hint: 'is it running, and without TLS there?',
      credentials: credentials.createInsecure(),
      options: {},
    };
  if (tlsCertificate === undefined || tlsKey === undefined || tlsCa === undefined)
    throw new EndpointError('--tls-certificate, --tls-key and --tls-ca belong together');
  return {
    ...place,
    hint: 'is it running, does it have this name, and do both sides trust the other’s CA?',
    credentials: tlsCredentials({ certificate: tlsCertificate, key: tlsKey, ca: tlsCa }),
    options: tlsServerName === undefined ? {} : serverNameOptions(tlsServerName),
  };
}

function serverNameOptions(name: string): ChannelOptions {
  return { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name };
}

function tlsCredentials(files: { certificate: string; key: string; ca: string }) {
  const ca = readFor('--tls-ca', files.ca);
  const key = readFor('--tls-key', files.key);
  const certificate = readFor('--tls-certificate', files.certificate);
  try {
    return credentials.createSsl(ca, key, certificate);
  } catch (error) {
    throw new EndpointError(`the TLS files do not fit together: ${(error as Error).message}`);
  }
}

function readFor(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new EndpointError(`${option} ${path}: ${(error as Error).message}`);
  }
}
