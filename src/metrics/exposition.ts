// SPDX-License-Identifier: Apache-2.0
import { metricDefinitions, type MetricName } from './definitions.ts';

/** Labels as they are written, without braces: `a="1",b="2"`. */
export type LabelText = string & { readonly __labels: true };

export const noLabels = '' as LabelText;

/** In the order of the definition. Values may hold anything. */
export function labels(values: Readonly<Record<string, string>>): LabelText {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escape(value)}"`)
    .join() as LabelText;
}

/** Further labels behind others. */
export function joined(...parts: readonly LabelText[]): LabelText {
  return parts.filter((part) => part !== '').join() as LabelText;
}

function escape(value: string): string {
  return value.replaceAll(/["\\\n]/g, (character) =>
    character === '\n' ? '\\n' : `\\${character}`,
  );
}

const linesInAChunk = 2000;

/**
 * Prometheus's text format, under construction: lines of one metric stand together, whoever
 * added them. Text is made by hand: for 10,000 VIPs a registry of objects takes too long.
 */
export class Exposition {
  readonly #lines = new Map<MetricName, string[]>();

  add(name: MetricName, value: number, labelText = noLabels): void {
    let lines = this.#lines.get(name);
    if (lines === undefined) {
      const { help, type } = metricDefinitions[name];
      this.#lines.set(name, (lines = [`# HELP ${name} ${help}\n# TYPE ${name} ${type}`]));
    }
    lines.push(labelText === '' ? `${name} ${value}` : `${name}{${labelText}} ${value}`);
  }

  /** One metric after the other, in pieces that take about a millisecond. */
  *chunks(): Generator<string> {
    for (const lines of this.#lines.values())
      for (let from = 0; from < lines.length; from += linesInAChunk)
        yield `${lines.slice(from, from + linesInAChunk).join('\n')}\n`;
  }
}
