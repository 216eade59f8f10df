// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:crypto';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Limits } from '../config/limits.ts';
import type { TlsConfig } from '../config/listen.ts';
import type { Log } from '../log.ts';
import { certificateCaller } from './caller.ts';
import type { Unwrap } from './listener.ts';
import type { RefusalLog } from './refusal-log.ts';
import { TlsMaterialWatch, type TlsWatchOptions } from './tls-material-watch.ts';
import type { TlsMaterial } from './tls-material.ts';

export interface TlsParts {
  readonly limits: Limits;
  readonly log: Log;
  readonly refusals: RefusalLog;
  readonly watching?: Pick<TlsWatchOptions, 'pollMs' | 'settleMs'>;
}

/** A session that is resumed would not have its certificate looked at again. */
const secureOptions = constants.SSL_OP_NO_TICKET;

function contextOf({ context }: TlsMaterial): TlsOptions {
  return { ...context, minVersion: 'TLSv1.3', secureOptions };
}

/** TLS 1.3 with client certificates, by files that may change. @throws TlsMaterialError */
export async function tlsTermination(
  config: TlsConfig,
  { limits, log, refusals, watching = {} }: TlsParts,
): Promise<{ readonly unwrap: Unwrap; readonly files: TlsMaterialWatch }> {
  const files = await TlsMaterialWatch.start(config, {
    ...{ log, ...watching },
    // For new connections: those that there are keep what they have.
    onChange: (material) => server.setSecureContext(contextOf(material)),
  });
  const server = createServer({
    ...contextOf(files.material),
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
    handshakeTimeout: limits.handshakeTimeoutSeconds * 1000,
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const isLate = error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
    // What is wrong with a certificate says more than that the connection was closed for it.
    const verdict: unknown = socket.authorizationError;
    const message = typeof verdict === 'string' ? verdict : error.message.trim();
    const client = `tls ${socket.remoteAddress ?? ''}`.trimEnd();
    refusals.refuse(isLate ? 'handshake-timeout' : 'tls-handshake', { client, message });
    socket.destroy();
  });
  const unwrap: Unwrap = (accept) => {
    server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined);
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) socket.destroy();
      else accept({ socket, caller: certificateCaller(config.identities, certificate) });
    });
    return (raw) => server.emit('connection', raw);
  };
  return { unwrap, files };
}
