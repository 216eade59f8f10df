// SPDX-License-Identifier: Apache-2.0

/** What distributorctl ends with; docs/operations.md lists them. */
export const exitStatus = {
  success: 0,
  /** Refused, or the daemon was not reached. */
  failed: 1,
  usage: 2,
  /** drain --wait: a deadline passed. */
  deadlinePassed: 3,
  /** drain --wait: somebody else ended a drain. */
  drainEnded: 4,
  /** status --check */
  degraded: 3,
  /** status --check */
  down: 4,
  /** Ctrl-C, as a shell counts signals. */
  interrupted: 130,
  /** The reader of standard output is gone. */
  brokenPipe: 141,
} as const;
