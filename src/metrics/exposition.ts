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

/** Of text that is made into bytes at once: takes some tenths of a millisecond. */
const pieceLength = 262_144;

interface Family {
  readonly pieces: Buffer[];
  /** Behind the pieces. */
  text: string;
}

/**
 * Prometheus's text format, under construction: lines of one metric stand together, whoever
 * added them. Text is made by hand: for 10,000 VIPs a registry of objects takes too long. It is
 * kept as bytes: tens of megabytes of strings would make the heap grow.
 */
export class Exposition {
  readonly #families = new Map<MetricName, Family>();

  add(name: MetricName, value: number, labelText = noLabels): void {
    let family = this.#families.get(name);
    if (family === undefined) {
      const { help, type } = metricDefinitions[name];
      family = { pieces: [], text: `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n` };
      this.#families.set(name, family);
    }
    family.text += labelText === '' ? `${name} ${value}\n` : `${name}{${labelText}} ${value}\n`;
    if (family.text.length < pieceLength) return;
    family.pieces.push(Buffer.from(family.text));
    family.text = '';
  }

  /** All of it, one metric after the other. */
  *pieces(): Generator<Buffer> {
    for (const { pieces, text } of this.#families.values()) {
      yield* pieces;
      yield Buffer.from(text);
    }
  }
}
