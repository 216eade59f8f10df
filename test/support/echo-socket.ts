// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';

/** Where the echo server listens for an amphora's HAProxy. */
export function echoSocket(directory: string, amphora: string): string {
  return join(directory, `echo-${amphora}.sock`);
}
