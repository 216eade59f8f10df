// SPDX-License-Identifier: Apache-2.0
// Streams are counted as soon as HTTP/2 knows of them: before the gate has a call to judge, which
// costs more than to make one.
import { channel } from 'node:diagnostics_channel';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Limits } from '../config/limits.ts';
import type { Caller } from './caller.ts';
import type { RefusalLog } from './refusal-log.ts';
import { TokenBuckets } from './token-buckets.ts';

/** Node, from 24.2 on, tells it at once of each stream of all servers of the process. */
const streamCreated = channel('http2.server.stream.created');

/** Of what a client may do in calls: room for what is refused, or is no call. */
const leeway = 2;

const connectionKey = Symbol('connection');

/** A connection's own, for as long as its socket. */
interface Connection {
  readonly guard: StreamGuard;
  readonly caller: Caller;
  /** Streams that it has begun in this turn of the event loop. */
  begun: number;
}

type Marked = Socket & { [connectionKey]?: Connection };

interface GuardParts {
  readonly limits: Limits;
  readonly refusals: RefusalLog;
}

/**
 * Ends connections that begin streams without end. A client that keeps to its rate, or is told to and
 * heeds it, never gets there; nor does a connection that waits for answers, as it has only so many
 * streams at a time. One that resets them at once has thousands in a single read.
 */
export class StreamGuard {
  readonly #refusals: RefusalLog;
  readonly #rates: TokenBuckets;
  /** HTTP/2 holds a connection to half of it, as it was at the start, unless it resets them. */
  readonly #mostAtOnce: number;

  constructor({ limits, refusals }: GuardParts) {
    this.#refusals = refusals;
    this.#mostAtOnce = leeway * limits.maxConcurrentCalls.perConnection;
    this.#rates = new TokenBuckets({
      get callsPerSecond() {
        return leeway * limits.ratePerClient.callsPerSecond;
      },
      get burst() {
        return leeway * limits.ratePerClient.burst;
      },
    });
  }

  /** From now on, for the socket's life. */
  watch(socket: Socket, caller: Caller): void {
    (socket as Marked)[connectionKey] = { guard: this, caller, begun: 0 };
  }

  count(connection: Connection, session: ServerHttp2Session): void {
    const { caller } = connection;
    if (connection.begun === 0) setImmediate(() => (connection.begun = 0));
    connection.begun++;
    const isBurst = connection.begun > this.#mostAtOnce;
    if (!isBurst && this.#rates.take(caller.name) === null) return;
    this.#refusals.refuse('streams', { client: caller.name });
    // Nobody is told of this stream any more: the library answers without a look whether it is there.
    session.removeAllListeners('stream');
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    // What else has been read of the connection is thrown away.
    session.destroy();
  }
}

streamCreated.subscribe((message) => {
  const { session } = (message as { readonly stream: ServerHttp2Stream }).stream;
  // The session's view of the socket that was injected.
  const connection = (session?.socket as Marked | undefined)?.[connectionKey];
  if (session === undefined || connection === undefined) return;
  connection.guard.count(connection, session as ServerHttp2Session);
});
