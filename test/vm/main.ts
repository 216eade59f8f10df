// SPDX-License-Identifier: Apache-2.0
// `make test-vm`: boots Debian's own kernels and systemd with the project installed, has it tried in
// there, and says what held. Arguments: how the versions of the kernels begin.
import { readFileSync } from 'node:fs';
import { boot, kernelVersion } from './machine.ts';
import { parseMessage, type Outcome } from './outcome.ts';

const DIRECTORY = 'build/vm';
/** Against hanging: a quarter of an hour where nothing else runs. */
const DEADLINE_MS = 40 * 60_000;
/**
 * One thread for both processors: with one each, QEMU 7.2 now and then lets Node, which compiles
 * while it runs, end by a SIGSEGV (2 in 45 starts; 0 in 60 this way).
 */
const EMULATED = 'tcg,thread=single';
const CONSOLE_SHOWN = 30;

const say = (text: string) => process.stdout.write(`${text}\n`);

function show({ what, holds, detail, seconds }: Outcome): void {
  const [first = '', ...more] = detail.split('\n');
  say(`  ${holds ? 'ok   ' : 'WRONG'} ${seconds.toFixed(0).padStart(4)} s  ${what}: ${first}`);
  for (const line of more) say(`                ${line}`);
}

/** How many checks did not hold. */
async function tryKernel(kernel: string): Promise<number> {
  const root = `${DIRECTORY}/root`;
  const accelerator = process.env['ACCEL'] ?? EMULATED;
  const console = `${DIRECTORY}/console-${kernel}.log`;
  say(`Debian 12 with Linux ${kernelVersion({ root, kernel })}, by QEMU (${accelerator}):`);
  const started = performance.now();
  const outcomes: Outcome[] = [];
  let end: number | null = null;
  const disk = `${DIRECTORY}/disk.img`;
  const options = { root, disk, kernel, accelerator, console, deadlineMs: DEADLINE_MS };
  for await (const line of boot(options)) {
    const message = parseMessage(line);
    if (message === null) continue;
    if ('checks' in message) end = message.checks;
    else {
      outcomes.push(message);
      show(message);
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const failed = outcomes.filter(({ holds }) => !holds).length;
  say(`  ${outcomes.length - failed} held, ${failed} did not; ${seconds.toFixed(0)} s`);
  if (end === outcomes.length) return failed;
  say(`  The machine did not come to the end. Its console (${console}) ends with:`);
  say(readFileSync(console, 'utf8').split('\n').slice(-CONSOLE_SHOWN).join('\n'));
  return failed + 1;
}

let failed = 0;
for (const kernel of process.argv.slice(2)) failed += await tryKernel(kernel);
process.exitCode = failed === 0 ? 0 : 1;
