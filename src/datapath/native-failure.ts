// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import type { NativeError } from './native.ts';

/** Runs a native call; what it throws becomes DATAPATH_FAILED, with the system call named. */
export function attempt<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw datapathFailed(what, error);
  }
}

/** The same, of a call that returns a promise. */
export async function attemptAsync<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw datapathFailed(what, error);
  }
}

function datapathFailed(what: string, error: unknown): DistributordError {
  const { message, details } = error as NativeError;
  const said = details === undefined || details === '' ? '' : `; ${details.trim()}`;
  return new DistributordError('DATAPATH_FAILED', `${what}: ${message}${said}`, { cause: error });
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
