// SPDX-License-Identifier: Apache-2.0
// From functions to methods of the API: what a function throws becomes the call's status.
import {
  status,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
} from '@grpc/grpc-js';
import { once } from 'node:events';
import { callContext } from '../call-context.ts';
import { RevertError } from '../driver/engine.ts';
import { DistributordError, toDistributordError } from '../errors.ts';
import type { Log } from '../log.ts';
import { toStatus } from './error-details.ts';

/** A method from a function of its request. */
export function unary<Request, Response>(
  log: Log,
  work: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const method = call.getPath();
    const respond = async () => {
      try {
        const response = await work(call.request);
        // Also of a call that has ended meanwhile: what it asked for is done.
        if (!/\/(Get|List)[^/]*$/.test(method))
          log.info({ method, request: call.request, response }, 'changed');
        callback(null, response);
      } catch (thrown) {
        callback(statusOf(thrown, { method, log }));
      }
    };
    void respond();
  };
}

/**
 * A method that answers a stream of requests at once. The iteration throws if the client gives up
 * before it has sent all of them; what the function has not begun by then it must not begin.
 */
export function collecting<Request, Response>(
  log: Log,
  work: (requests: AsyncIterable<Request>) => Promise<Response>,
): handleClientStreamingCall<Request, Response> {
  return (call, callback) => {
    const method = call.getPath();
    const respond = async () => {
      try {
        callback(null, await work(call as AsyncIterable<Request>));
      } catch (thrown) {
        callback(call.cancelled ? cancelled : statusOf(thrown, { method, log }));
      }
    };
    void respond();
  };
}

/** For nobody: its client is gone. */
const cancelled = { code: status.CANCELLED, details: 'given up by its client' };

/** A call that nobody waits for any more does not begin what it has waited for. */
export function refuseEnded(): void {
  if (callContext.getStore()?.signal.aborted === true)
    throw new DistributordError('CALL_TIMEOUT', 'the call ended before its turn came');
}

/** Where a streaming method writes to. */
export interface Outlet<Response> {
  /** Aborted when the client has gone, or the daemon stops. */
  readonly signal: AbortSignal;
  /** Resolves when there is room for more. @throws if the signal is aborted */
  readonly send: (response: Response) => Promise<void>;
}

export interface StreamParts {
  readonly log: Log;
  /** Aborted when the daemon stops: streams then end, for their clients to come again. */
  readonly stopping: AbortSignal;
}

/** A method that answers with a stream, which ends when the function does. */
export function streaming<Request, Response>(
  { log, stopping }: StreamParts,
  work: (request: Request, outlet: Outlet<Response>) => Promise<void>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    const method = call.getPath();
    const gone = new AbortController();
    call.once('cancelled', () => gone.abort());
    call.once('close', () => gone.abort());
    // The library tells of a deadline only when all that was written before it has been read.
    const over = callContext.getStore()?.signal;
    over?.addEventListener('abort', () => gone.abort(), { once: true });
    const signal = AbortSignal.any([gone.signal, stopping]);
    const outlet: Outlet<Response> = {
      signal,
      async send(response) {
        signal.throwIfAborted();
        if (!call.write(response)) await once(call, 'drain', { signal });
      },
    };
    const respond = async () => {
      log.debug({ method, request: call.request }, 'watched');
      try {
        await work(call.request, outlet);
        call.end();
      } catch (thrown) {
        if (gone.signal.aborted) call.end();
        else if (stopping.aborted)
          call.emit('error', { code: status.UNAVAILABLE, details: 'distributord stops' });
        else call.emit('error', statusOf(thrown, { method, log }));
      }
    };
    void respond();
  };
}

/** Bugs and failures of the host are logged here, with their causes; refusals by the call's end. */
function statusOf(thrown: unknown, { method, log }: { method: string; log: Log }) {
  const error = toDistributordError(thrown);
  if (error.kind.status === 'INTERNAL' || thrown instanceof RevertError)
    log.error({ method, reason: error.reason, err: thrown }, 'call failed');
  return toStatus(error);
}
