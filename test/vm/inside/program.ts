// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { native } from '../../../src/datapath/native.ts';
import { mainPid } from './unit.ts';

const XDP = '6'; // BPF_PROG_TYPE_XDP
const smallMaps = { vips: 1, slots: 256, positions: 1, flows: 1, fragments: 1, pins: null };

/** What the kernel says of the XDP program that the daemon has loaded, and how long loading takes. */
export async function describeProgram(): Promise<string> {
  const directory = `/proc/${await mainPid()}/fdinfo`;
  const program = readdirSync(directory)
    .map((fd) => new Map(fieldsOf(readFileSync(`${directory}/${fd}`, 'utf8'))))
    .find((fields) => fields.get('prog_type') === XDP);
  const instructions = Number(program?.get('verified_insns'));
  if (!(instructions > 0)) throw new Error('the daemon has no XDP program');
  if (program?.get('prog_jited') !== '1')
    throw new Error('the program is interpreted, not compiled');
  const started = performance.now();
  new native.Datapath(smallMaps).close();
  const milliseconds = performance.now() - started;
  return `${instructions.toLocaleString('en')} instructions verified; loaded in ${milliseconds.toFixed(0)} ms`;
}

function fieldsOf(text: string): [string, string][] {
  return text.split('\n').map((line) => {
    const [name = '', value = ''] = line.split(/:\s*/);
    return [name, value];
  });
}
