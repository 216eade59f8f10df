// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks';

/** The call that work is done for, wherever that work is: its log lines name it. */
export interface CallContext {
  /** The client's own `x-request-id`, or one made up for it. */
  readonly requestId: string;
  /** Aborted when the call has ended: answered, timed out, or given up by its client. */
  readonly signal: AbortSignal;
}

export const callContext = new AsyncLocalStorage<CallContext>();
