// SPDX-License-Identifier: Apache-2.0

/** What the data path did that it must not do. */
export class Violation extends Error {
  override readonly name = 'Violation';
}
