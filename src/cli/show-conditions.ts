// SPDX-License-Identifier: Apache-2.0
import type { Condition__Output as Condition } from '../../build/proto/distributor/v1/Condition.ts';
import { showSince, timeOf } from './moments.ts';

/** What it is about, unless its message says so, and since when it holds. */
export function describeCondition({ message, subject, since }: Condition, now: number): string {
  const text = message.includes(subject) ? message : `${subject}: ${message}`;
  return since === null ? text : `${text}, ${showSince(since, now)}`;
}

/** Each type once, since the first of its kind. */
export function earliestByType(conditions: readonly Condition[], now: number): string[] {
  const byType = Map.groupBy(conditions, ({ type }) => type);
  return [...byType].map(([type, those]) => {
    const [since] = those
      .map((condition) => condition.since)
      .filter((time) => time !== null)
      .sort((a, b) => timeOf(a) - timeOf(b));
    return since === undefined ? type : `${type} ${showSince(since, now)}`;
  });
}
