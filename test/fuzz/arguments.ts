// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { ports } from './world.ts';

export const USAGE = `usage: node test/fuzz/main.ts [--frames N] [--seed S]
       node test/fuzz/main.ts --seed S --only N
       node test/fuzz/main.ts --seed S --port NAME --frame HEX

  --frames N   how many frames to try, from the first on (200000)
  --seed S     what all frames follow from; printed, and by chance if not given
  --only N     frame N of a seed: runs what it depends on, and shows what became of it
  --frame HEX  this frame, in the state that a seed begins with`;

export type Task =
  | { readonly kind: 'run'; readonly frames: number }
  | { readonly kind: 'only'; readonly frame: number }
  | { readonly kind: 'frame'; readonly bytes: Buffer; readonly port: number };

export interface Arguments {
  readonly seed: number;
  readonly task: Task;
}

const DEFAULT_FRAMES = 200_000;

/** @throws TypeError naming the argument */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      frames: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      frame: { type: 'string' },
      port: { type: 'string', default: ports[0].name },
    },
  });
  const number = (name: 'frames' | 'seed' | 'only', otherwise: number) => {
    const text = values[name];
    if (text === undefined) return otherwise;
    if (!/^\d+$/.test(text)) throw new TypeError(`--${name} is ${text}, not a number`);
    return Number(text);
  };
  const seed = number('seed', randomInt(2 ** 32));
  if (values.frame !== undefined) {
    const port = ports.findIndex(({ name }) => name === values.port);
    if (port < 0) throw new TypeError(`--port is ${values.port}, which is no port`);
    return { seed, task: { kind: 'frame', bytes: Buffer.from(values.frame, 'hex'), port } };
  }
  if (values.only !== undefined) return { seed, task: { kind: 'only', frame: number('only', 0) } };
  return { seed, task: { kind: 'run', frames: number('frames', DEFAULT_FRAMES) } };
}
