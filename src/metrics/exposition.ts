// SPDX-License-Identifier: Apache-2.0
import { metricDefinitions, type MetricName } from './definitions.ts';

/** Labels as they are written, without braces: `a="1",b="2"`. */
export type LabelText = string & { readonly __labels: true };

export const noLabels = '' as LabelText;

/** In the order of the definition. Values may hold anything. */
export function labels(values: Readonly<Record<string, string>>): LabelText {
  let text = '';
  for (const name in values)
    text += `${text === '' ? '' : ','}${name}="${escape(values[name] ?? '')}"`;
  return text as LabelText;
}

/** Further labels behind others. */
export function joined(first: LabelText, second: LabelText): LabelText {
  return (first === '' || second === '' ? first + second : `${first},${second}`) as LabelText;
}

/** One series, as a line. */
export function line(name: MetricName, value: number, labelText = noLabels): string {
  return labelText === '' ? `${name} ${value}\n` : `${name}{${labelText}} ${value}\n`;
}

function escape(value: string): string {
  return value.replaceAll(/["\\\n]/g, (character) =>
    character === '\n' ? '\\n' : `\\${character}`,
  );
}

/** Bytes of text that are made and sent at a time: takes less than a millisecond. */
const pieceLength = 65_536;

/**
 * Prometheus's text format: what there is to be told, and the text of it piece by piece. Text is made
 * by hand: for 10,000 VIPs a registry of objects takes too long. Nor is it kept: it would be tens of
 * megabytes. What has many series gives what makes their lines, which is run for each reader.
 */
export class Exposition {
  readonly #foreign: string;
  /** Lines of one metric stand together, whoever added them. */
  readonly #few = new Map<MetricName, string>();
  readonly #many = new Map<MetricName, () => Iterable<string>>();

  readonly #atEnd: (() => void)[] = [];

  /** `foreign`: text of other metrics, from elsewhere. */
  constructor(foreign = '') {
    this.#foreign = foreign;
  }

  add(name: MetricName, value: number, labelText = noLabels): void {
    this.#few.set(name, (this.#few.get(name) ?? '') + line(name, value, labelText));
  }

  /** All lines of a metric, one or more in each string; the same each time that they are asked for. */
  addMany(name: MetricName, lines: () => Iterable<string>): void {
    this.#many.set(name, lines);
  }

  /** All of it, one metric after the other. */
  *pieces(): Generator<Buffer> {
    let text = '';
    for (const part of this.#parts()) {
      text += part;
      if (text.length < pieceLength) continue;
      yield Buffer.from(text);
      text = '';
    }
    if (text !== '') yield Buffer.from(text);
  }

  /** Calls when nobody reads it, nor will. */
  onEnd(callback: () => void): void {
    this.#atEnd.push(callback);
  }

  end(): void {
    for (const callback of this.#atEnd) callback();
  }

  *#parts(): Generator<string> {
    yield this.#foreign;
    for (const [name, text] of this.#few) yield head(name) + text;
    for (const [name, lines] of this.#many) {
      let isFirst = true;
      for (const text of lines()) {
        if (isFirst) yield head(name);
        isFirst = false;
        yield text;
      }
    }
  }
}

function head(name: MetricName): string {
  const { help, type } = metricDefinitions[name];
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}
