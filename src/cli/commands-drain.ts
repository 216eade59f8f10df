// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Timestamp__Output as Timestamp } from '../../build/proto/google/protobuf/Timestamp.ts';
import { drainDisplay } from './drain-display.ts';
import { exitStatus } from './exit-status.ts';
import { followDrain } from './follow-drain.ts';
import { untilInterrupted } from './interrupt.ts';
import { parseDeadline } from './moments.ts';
import { print, run } from './run.ts';
import { showDrains } from './show-drains.ts';

interface DrainOptions {
  readonly deadline?: Timestamp;
  readonly unregister: boolean;
  readonly force: boolean;
  readonly wait: boolean;
}

const help = `
A drain goes on by itself. To drain what drains already joins that drain: --wait then
watches it, --deadline and --unregister replace what was asked before.

Exit status with --wait; of several amphorae the highest counts:
  0    all are drained: no connection is left
  ${exitStatus.failed}    the daemon refused, or was not reached for a minute
  ${exitStatus.deadlinePassed}    a deadline has passed; connections may be left
  ${exitStatus.drainEnded}    a drain was cancelled, or its amphora unregistered, by somebody else
  ${exitStatus.interrupted}  Ctrl-C; the drain goes on`;

export function addDrainCommand(program: Command): void {
  program
    .command('drain <distributor-id> <amphora-id...>')
    .description('no new connections to these; existing ones keep flowing')
    .option(
      '--deadline <when>',
      'end it then in any case: 90s, 10m, 2h, or 2026-05-03T14:05:10Z',
      (text: string) => parseDeadline(text, Date.now()),
    )
    .option('--unregister', 'unregister them when it has ended', false)
    .option('--force', 'even if no active amphora is left: new connections are then dropped', false)
    .option('--wait', 'show how it goes on, until it has ended', false)
    .addHelpText('after', help)
    .action((distributor_id: string, amphora_ids: string[], options: DrainOptions) =>
      run(program, async ({ client, expected_revision, output }) => {
        const job = await client.call('DrainAmphorae', {
          distributor_id,
          amphora_ids,
          expected_revision,
          deadline: options.deadline ?? null,
          then: options.unregister ? 'DRAIN_END_UNREGISTER' : 'DRAIN_END_UNSPECIFIED',
          force: options.force,
        });
        if (!options.wait) {
          print(output, job, ({ drains }, now) => showDrains(drains, now));
          return exitStatus.success;
        }
        const { drains } = job;
        const display = drainDisplay(output);
        return untilInterrupted((signal) =>
          followDrain({ distributor_id, drains }, { client, display, signal }),
        );
      }),
    );
}
