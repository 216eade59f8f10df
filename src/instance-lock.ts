// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from 'node:net';
import { native } from './datapath/native.ts';
import type { Log } from './log.ts';

/** Of an abstract unix socket: that belongs to the network namespace, and dies with its holder. */
const name = 'distributord';

/** A process that has the socket. */
type Holder = NonNullable<ReturnType<typeof native.socketHolder>>;

/**
 * Held by the one daemon of a network namespace, whose ports and neighbours are its own.
 * @throws if another process has it; if one that can be no daemon has, and there is a log to say
 * so, it is done without
 */
export async function takeInstanceLock(log?: Pick<Log, 'error'>): Promise<Server> {
  const server = createServer((connection) => connection.destroy());
  const error = await listen(server);
  if (error === null) return server;
  if (error.code !== 'EADDRINUSE') throw error;
  const holder = native.socketHolder({ name });
  if (log === undefined || isDaemon(holder)) throw new Error(refusal(holder));
  log.error(
    { holder },
    `the abstract socket @${name} is held by a process that is no distributord`,
  );
  return server;
}

async function listen(server: Server): Promise<NodeJS.ErrnoException | null> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | null>();
  server.once('error', resolve);
  server.listen(`\0${name}`, () => resolve(null));
  return promise;
}

/** Anybody may take the name: a daemon is root's, or of the same user as this one. */
function isDaemon(holder: Holder | null): boolean {
  return holder !== null && (holder.uid === 0 || holder.uid === process.getuid?.());
}

function refusal(holder: Holder | null): string {
  const who = holder === null ? '' : `: process ${holder.pid} of user ${holder.uid}`;
  return `another distributord runs in this network namespace${who}`;
}
