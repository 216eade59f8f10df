// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { exitStatus } from './exit-status.ts';
import { followDistributors } from './follow-distributors.ts';
import { untilInterrupted } from './interrupt.ts';
import { listDistributors } from './list-distributors.ts';
import { print, run } from './run.ts';
import { healthOf, showStatus } from './show-status.ts';

export function addStatusCommands(program: Command): void {
  program
    .command('status [distributor-id]')
    .description('whether distributors do their work, and what is not as it should be')
    .option('--check', 'exit with a status that says so, for monitoring', false)
    .addHelpText(
      'after',
      `
Exit status with --check:
  0  all are ONLINE
  ${exitStatus.degraded}  one is DEGRADED
  ${exitStatus.down}  one is DOWN`,
    )
    .action((distributor_id: string | undefined, { check }: { check: boolean }) =>
      run(program, async ({ client, output }) => {
        const distributors =
          distributor_id === undefined
            ? await listDistributors(client)
            : [await client.call('GetDistributor', { distributor_id })];
        print(output, distributors, showStatus);
        return check ? healthOf(distributors) : exitStatus.success;
      }),
    );

  program
    .command('watch')
    .description('all distributors, then a line for each change, until Ctrl-C')
    .action(() =>
      run(program, ({ client, output }) =>
        untilInterrupted((signal) => followDistributors({ client, output, signal })),
      ),
    );
}
