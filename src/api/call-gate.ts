// SPDX-License-Identifier: Apache-2.0
import type { Metadata, ServerInterceptor } from '@grpc/grpc-js';
import type { Limits } from '../config/limits.ts';
import { DistributordError, type Fault, type Reason } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallObserver, Refusal } from './call-observer.ts';
import { isAllowed, type Caller } from './caller.ts';
import { GuardedCall, type MethodShape } from './guarded-call.ts';
import { roleFor } from './method-roles.ts';
import type { RefusalLog } from './refusal-log.ts';
import { Shares } from './shares.ts';
import { TokenBuckets } from './token-buckets.ts';

export interface GateParts {
  readonly limits: Limits;
  readonly log: Log;
  readonly observer: CallObserver;
  readonly refusals: RefusalLog;
}

/** The peer of a call's connection, as far as gRPC tells it. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

interface Asked {
  readonly method: MethodShape;
  readonly caller: Caller;
  readonly metadata: Metadata;
}

interface ShareKind {
  readonly refusal: Refusal;
  readonly reason: Reason;
  readonly what: string;
}

const callShares: ShareKind = {
  refusal: 'calls',
  reason: 'TOO_MANY_CALLS',
  what: 'calls being answered',
};
const watchShares: ShareKind = {
  refusal: 'watches',
  reason: 'TOO_MANY_WATCHES',
  what: 'streams',
};

/** As they are each time that they are asked for. */
function sharesOf(limits: () => { readonly overall: number; readonly perClient: number }) {
  return {
    get overall() {
      return limits().overall;
    },
    get each() {
      return limits().perClient;
    },
  };
}

/** Who may call what, and how often; the same for all listeners. */
export class CallGate {
  readonly #parts: GateParts;
  readonly #calls: Shares;
  readonly #watches: Shares;
  readonly #rates: TokenBuckets;

  constructor(parts: GateParts) {
    const { limits } = parts;
    this.#parts = parts;
    this.#calls = new Shares(sharesOf(() => limits.maxConcurrentCalls));
    this.#watches = new Shares(sharesOf(() => limits.watches));
    this.#rates = new TokenBuckets({
      get callsPerSecond() {
        return limits.ratePerClient.callsPerSecond;
      },
      get burst() {
        return limits.ratePerClient.burst;
      },
    });
  }

  /** For the calls of one listener, which knows its peers. */
  interceptor(callerOf: (peer: Peer) => Caller): ServerInterceptor {
    const { log, observer, limits } = this.#parts;
    return (method, call) => {
      const caller = callerOf(call.getConnectionInfo());
      const guarded = new GuardedCall({
        ...{ method, call, caller, log, observer },
        timeoutMs: limits.callTimeoutSeconds * 1000,
        admit: (metadata) => this.#admit({ method, caller, metadata }),
      });
      return guarded.intercept();
    };
  }

  #admit(asked: Asked): () => void {
    this.#checkRate(asked);
    this.#checkRole(asked);
    this.#checkMetadata(asked);
    const { method, caller } = asked;
    const holds = [this.#take(this.#calls, caller, callShares)];
    const giveBack = () => holds.forEach((end) => end());
    if (!method.requestStream && !method.responseStream) return giveBack;
    try {
      holds.push(this.#take(this.#watches, caller, watchShares));
    } catch (error) {
      giveBack();
      throw error;
    }
    return giveBack;
  }

  #checkRate({ caller }: Asked): void {
    const retryAfterMs = this.#rates.take(caller.name);
    if (retryAfterMs === null) return;
    const { callsPerSecond } = this.#parts.limits.ratePerClient;
    throw this.#refuse('rate', caller, [
      'RATE_LIMITED',
      `${caller.name} called more than ${callsPerSecond} times a second for too long`,
      { ...faultOf(caller), retryAfterMs },
    ]);
  }

  #checkRole({ method, caller }: Asked): void {
    if (caller.role === null)
      throw this.#refuse('no-role', caller, [
        'NO_ROLE',
        `${caller.name} has no role: no name of its certificate is in listen.tls.identities`,
        faultOf(caller),
      ]);
    const needed = roleFor(method.path);
    if (!isAllowed(caller.role, needed))
      throw this.#refuse('role', caller, [
        'ROLE_FORBIDS',
        `${caller.name} is ${caller.role}, but ${method.path} is for ${needed}s`,
        faultOf(caller),
      ]);
  }

  #checkMetadata({ caller, metadata }: Asked): void {
    const most = this.#parts.limits.maxMetadataBytes;
    let bytes = 0;
    for (const [name, values] of Object.entries(metadata.toHttp2Headers()))
      for (const value of [values ?? ''].flat()) bytes += name.length + String(value).length;
    if (bytes > most)
      throw this.#refuse('metadata', caller, [
        'METADATA_TOO_LARGE',
        `the call's metadata has ${bytes} bytes, more than ${most}`,
        { field: 'metadata', value: bytes },
      ]);
  }

  /** Returns what gives it back. */
  #take(shares: Shares, caller: Caller, { refusal, reason, what }: ShareKind): () => void {
    const exceeded = shares.take(caller.name);
    if (exceeded === null) return () => shares.giveBack(caller.name);
    const message =
      exceeded === 'each'
        ? `${caller.name} has as many ${what} as a client may have`
        : `there are as many ${what} as there may be`;
    throw this.#refuse(refusal, caller, [reason, message, faultOf(caller)]);
  }

  #refuse(
    refusal: Refusal,
    { name: client }: Caller,
    [reason, message, fault]: readonly [Reason, string, Fault],
  ): DistributordError {
    this.#parts.refusals.refuse(refusal, { client, message });
    return new DistributordError(reason, message, fault);
  }
}

function faultOf({ name }: Caller): Fault {
  return { field: 'client', value: name };
}
