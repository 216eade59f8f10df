// SPDX-License-Identifier: Apache-2.0
// distributor-process.ts WORLD PORT
//
// The shipped program on a port of the namespace it runs in, over the world (JSON). Prints the
// packets by verdict, as JSON, once it is attached and again for every line that it reads. It
// ends with its input.
import { createInterface } from 'node:readline';
import { native } from '../../src/datapath/native.ts';
import { verdictsOf } from '../verdicts.ts';
import { createWorld, type World } from '../world.ts';

const [world = '', name = ''] = process.argv.slice(2);
const port = native.interfaces().find((one) => one.name === name);
if (port === undefined) throw new Error(`there is no port ${name}`);
const { ifindex } = port;
const datapath = await createWorld(JSON.parse(world) as World, ifindex);
const mode = datapath.attach({ ifindex });
if (mode !== 'native') throw new Error(`the program is on ${name} in ${mode} mode`);

const tell = () => process.stdout.write(`${JSON.stringify(verdictsOf(datapath))}\n`);
tell();
for await (const _ of createInterface({ input: process.stdin })) tell();
datapath.close();
