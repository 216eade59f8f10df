// SPDX-License-Identifier: Apache-2.0
import type { CallError } from './client.ts';

/** What is needed of process.stdout and process.stderr. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Where answers and what is to be said about them go. */
export interface Output {
  readonly out: TextStream;
  readonly err: TextStream;
  /** Both as JSON. */
  readonly json: boolean;
}

/** What happened beside the answer. */
export function tell({ err, json }: Output, message: string): void {
  err.write(json ? `${JSON.stringify({ message })}\n` : `distributorctl: ${message}\n`);
}

export function tellFailure({ err, json }: Output, failure: CallError): void {
  const { code, reason, field, value, message, action } = failure;
  if (json) err.write(`${JSON.stringify({ code, reason, field, value, message, action })}\n`);
  else {
    err.write(`distributorctl: ${reason ?? code}: ${message}\n`);
    if (action !== null) err.write(`  ${action}\n`);
  }
}
