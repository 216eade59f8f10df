// SPDX-License-Identifier: Apache-2.0

/** Where a contender works: what arrives by the port goes back out of it, to an amphora. */
export interface Place {
  readonly namespace: string;
  readonly port: string;
  readonly mac: string;
  /** By position. */
  readonly amphorae: readonly string[];
  /** For files of its own; exists. */
  readonly directory: string;
  /** For threads of its own, as taskset names them. */
  readonly cpus: string;
}

export interface Running {
  /** What it has done until now does not count. */
  begin(): Promise<void>;
  /** Throws unless it has done with all packets since begin() what it is to do. */
  verify(): Promise<void>;
}

/** Its processes end with the namespace they are in. */
export type Start = (place: Place) => Promise<Running>;

/** A program to compare with that this machine cannot run; the message says why. */
export class UnavailableError extends Error {}

/** For `start` of what is not ours: what it rejects with is a reason to go on without. */
export async function orUnavailable<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(complaintIn(message), { cause: error });
  }
}

/** Of a command that failed: how it ended, and the last that it said. */
function complaintIn(message: string): string {
  const lines = message.slice(Math.max(0, message.search(/\b(?:status \d+|SIG[A-Z]+): /)));
  return lines.split('\n').at(-1) ?? '';
}

/** The counts of what comes back are all there is to see. */
export const nothingToVerify: Running = {
  begin: () => Promise.resolve(),
  verify: () => Promise.resolve(),
};
