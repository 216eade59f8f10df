// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from 'node:net';

/** An abstract unix socket: belongs to the network namespace, and dies with its holder. */
const name = '\0distributord';

/**
 * Held by the one daemon of a network namespace, whose ports and neighbours are its own.
 * @throws if another one runs
 */
export async function takeInstanceLock(): Promise<Server> {
  const server = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new Error('another distributord runs in this network namespace') : error);
    });
    server.listen(name, resolve);
  });
  return server;
}
