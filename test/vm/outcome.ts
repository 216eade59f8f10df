// SPDX-License-Identifier: Apache-2.0

/** What became of one thing that is checked in the machine; a line of JSON on its second serial port. */
export interface Outcome {
  readonly what: string;
  readonly holds: boolean;
  /** Figures; or what went wrong. */
  readonly detail: string;
  readonly seconds: number;
}

/** The last line: that none is missing. */
export interface End {
  readonly checks: number;
}

export type Message = Outcome | End;

export function parseMessage(line: string): Message | null {
  if (!line.startsWith('{')) return null;
  return JSON.parse(line) as Message;
}
