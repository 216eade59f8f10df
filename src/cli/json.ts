// SPDX-License-Identifier: Apache-2.0

/**
 * JSON without the marks by which the library says that an optional field is there
 * (`_weight: 'weight'`): the field itself says that.
 */
export function toJson(value: unknown, indent?: number): string {
  const withoutMarks = (key: string, inner: unknown) => (key.startsWith('_') ? undefined : inner);
  return JSON.stringify(value, withoutMarks, indent);
}
