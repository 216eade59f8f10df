// SPDX-License-Identifier: Apache-2.0
import type { NativeError } from '../../src/datapath/native.ts';

/** What the call throws; fails if it throws nothing. */
export function errorOf(call: () => unknown): NativeError {
  try {
    call();
  } catch (error) {
    return error as NativeError;
  }
  throw new Error('nothing was thrown');
}

/** Calls a method with arguments that its type forbids. */
export function callLoosely(target: object, method: string, args: readonly unknown[]): unknown {
  const loose = Reflect.get(target, method) as (...args: readonly unknown[]) => unknown;
  return loose.call(target, ...args);
}
