// SPDX-License-Identifier: Apache-2.0

/**
 * The dotted names of all keys whose values differ, sorted. A section that is null on one side, and
 * a list, count as one key.
 */
export function changedKeys(before: object, after: object): readonly string[] {
  return compare({ before, after }, []).sort();
}

function compare(
  { before, after }: { readonly before: unknown; readonly after: unknown },
  path: readonly string[],
): string[] {
  if (isSection(before) && isSection(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      compare({ before: before[key], after: after[key] }, [...path, key]),
    );
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path.join('.')];
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
