// SPDX-License-Identifier: Apache-2.0
// One call from its first header to its status: whether it may begin, its name in the log, its
// deadline, and what is told of it when it is over.
import {
  Metadata,
  ResponderBuilder,
  ServerInterceptingCall,
  ServerListenerBuilder,
  status,
  type ServerInterceptingCallInterface,
} from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { callContext, type CallContext } from '../call-context.ts';
import { DistributordError, type Reason } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallObserver } from './call-observer.ts';
import type { Caller } from './caller.ts';
import { readErrorInfo, toStatus } from './error-details.ts';
import { roleFor } from './method-roles.ts';

/** A status as libraries give it. */
type Ending = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

export interface MethodShape {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

export interface CallParts {
  readonly method: MethodShape;
  readonly call: ServerInterceptingCallInterface;
  readonly caller: Caller;
  readonly log: Log;
  readonly observer: CallObserver;
  readonly timeoutMs: number;
  /**
   * Lets the call begin; what it returns is run when nothing of it is left: answered, and the
   * answer taken. @throws DistributordError
   */
  readonly admit: (metadata: Metadata) => () => void;
}

/** Metadata of requests and of answers. */
export const requestIdKey = 'x-request-id';
const wellFormedId = /^[A-Za-z0-9._-]{1,64}$/;

/** Why calls are aborted; made once, for a new one would have a stack each time. */
const ended = new Error('the call has ended');

export class GuardedCall {
  readonly #parts: CallParts;
  readonly #send: (ending: Ending) => void;
  readonly #over = new AbortController();
  readonly #startedAt = performance.now();
  #context: CallContext | null = null;
  #release: () => void = () => undefined;
  #timer: NodeJS.Timeout | null = null;
  #messages = 0;
  #isReceived = false;
  /** The library counts a deadline that is weeks away as one of the past. */
  readonly #isDeadlineMisread: boolean;

  constructor(parts: CallParts) {
    this.#parts = parts;
    const { call } = parts;
    this.#isDeadlineMisread = Number(call.getDeadline()) < Date.now() - 100;
    this.#send = call.sendStatus.bind(call);
    // The library ends calls by itself, too: at a client's deadline, or for a message that it
    // cannot read. Interceptors are not told of these; but all of them come through here.
    call.sendStatus = (ending) => this.#answer(ending);
  }

  intercept(): ServerInterceptingCall {
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => this.#begin(metadata, next))
      .withOnReceiveMessage((message: unknown, next) => {
        this.#messages++;
        if (this.#parts.method.requestStream) this.#startTimer();
        this.#run(() => next(message));
      })
      .withOnReceiveHalfClose((next) => {
        const { requestStream, responseStream } = this.#parts.method;
        this.#isReceived = this.#messages > 0 || requestStream;
        if (requestStream || responseStream) this.#stopTimer();
        this.#run(next);
      })
      // Also of a call that was answered: when its client has taken all of the answer.
      .withOnCancel(() => {
        this.#end({ code: status.CANCELLED, details: 'given up by its client' });
        this.#stopTimer();
        this.#release();
        this.#release = () => undefined;
      })
      .build();
    const responder = new ResponderBuilder().withStart((next) => next(listener)).build();
    return new ServerInterceptingCall(this.#parts.call, responder);
  }

  #begin(metadata: Metadata, next: (metadata: Metadata) => void): void {
    const { method, observer, admit, call } = this.#parts;
    const [given] = metadata.get(requestIdKey);
    const isGiven = typeof given === 'string' && wellFormedId.test(given);
    const requestId = isGiven ? given : `req-${randomUUID()}`;
    this.#context = { requestId, signal: this.#over.signal };
    observer.started(method.path);
    try {
      this.#release = admit(metadata);
    } catch (refusal) {
      call.sendStatus(toStatus(refusal as DistributordError));
      return;
    }
    this.#startTimer();
    this.#run(() => next(metadata));
  }

  /** What is done for the call knows that. */
  #run(work: () => void): void {
    if (this.#context === null) work();
    else callContext.run(this.#context, work);
  }

  /** For the answer; of a stream, for its request, and of a stream of requests for the next one. */
  #startTimer(): void {
    this.#stopTimer();
    if (this.#over.signal.aborted) return;
    this.#timer = setTimeout(() => this.#timeOut(), this.#parts.timeoutMs);
  }

  #timeOut(): void {
    const { method, timeoutMs, call, observer } = this.#parts;
    observer.refused('timeout');
    const what = method.requestStream ? 'was silent for' : 'was not answered within';
    const message = `${method.path} ${what} ${timeoutMs / 1000} s`;
    call.sendStatus(toStatus(new DistributordError('CALL_TIMEOUT', message)));
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Who does not read keeps an answer in memory, and its share of the calls, for no longer. */
  #limitUntaken(): void {
    // The library has no other way to give a stream up once its status is on the way.
    const { stream } = this.#parts.call as unknown as { readonly stream?: ServerHttp2Stream };
    this.#timer = setTimeout(() => stream?.close(constants.NGHTTP2_CANCEL), this.#parts.timeoutMs);
  }

  #answer(ending: Ending): void {
    if (this.#over.signal.aborted) return;
    const { code, metadata: given } = ending;
    if (this.#isDeadlineMisread && code === status.DEADLINE_EXCEEDED && !given) return;
    const named = this.#withReason(ending);
    const metadata = named.metadata?.clone() ?? new Metadata();
    if (this.#context !== null) metadata.set(requestIdKey, this.#context.requestId);
    this.#end(named);
    if (this.#context !== null) this.#limitUntaken();
    this.#send({ ...named, metadata });
  }

  /** Every failure has a reason of the registry; the library's own ones say by their code which. */
  #withReason(ending: Ending): Ending {
    const { code, details, metadata } = ending;
    if (code === status.OK || (metadata && readErrorInfo(metadata) !== null)) return ending;
    const reason = this.#isReceived ? ofAnswers[code] : ofRequests[code];
    return reason === undefined ? ending : toStatus(new DistributordError(reason, details));
  }

  #end({ code, details, metadata }: Ending): void {
    if (this.#over.signal.aborted || this.#context === null) return;
    this.#stopTimer();
    this.#over.abort(ended);
    const { method, caller, log, observer } = this.#parts;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const name = status[code];
    const reason = metadata ? (readErrorInfo(metadata)?.reason ?? null) : null;
    if (reason === 'MESSAGE_TOO_LARGE') observer.refused('message');
    const streaming = method.requestStream || method.responseStream;
    observer.ended({ method: method.path, code: name, seconds, streaming });
    const facts = {
      method: method.path,
      ms: Math.round(seconds * 1000),
      client: caller.name,
      code: name,
      ...(code === status.OK ? {} : { reason, message: details }),
    };
    const isQuiet =
      code === status.RESOURCE_EXHAUSTED ||
      ((code === status.OK || code === status.CANCELLED) && roleFor(method.path) === 'reader');
    this.#run(() => (isQuiet ? log.debug(facts, 'call') : log.info(facts, 'call')));
  }
}

/** Of a request that could not be read. */
const ofRequests: Readonly<Partial<Record<status, Reason>>> = {
  [status.DEADLINE_EXCEEDED]: 'CALL_TIMEOUT',
  [status.RESOURCE_EXHAUSTED]: 'MESSAGE_TOO_LARGE',
  [status.INTERNAL]: 'MALFORMED_REQUEST',
  [status.UNIMPLEMENTED]: 'MALFORMED_REQUEST',
  [status.UNKNOWN]: 'INTERNAL',
};

/** Of one that was. */
const ofAnswers: Readonly<Partial<Record<status, Reason>>> = {
  [status.DEADLINE_EXCEEDED]: 'CALL_TIMEOUT',
  [status.INTERNAL]: 'INTERNAL',
  [status.UNKNOWN]: 'INTERNAL',
};
