// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { parseCount } from './arguments.ts';
import { answer, atRevision } from './run.ts';
import { listDistributors } from './list-distributors.ts';
import { showStats } from './show-stats.ts';
import { showDistributor, showDistributors } from './show.ts';

export function addDistributorCommands(program: Command): void {
  program
    .command('create <load-balancer-id>')
    .description('make the distributor of a load balancer')
    .option('--name <name>', 'of the load balancer', '')
    .option('--id <uuid>', 'of the distributor, to build it again or on another host', '')
    .option('--table-size <slots>', 'of one that has grown, to build it again', parseCount, 0)
    .action((id: string, options: { name: string; id: string; tableSize: number }) =>
      answer(
        program,
        ({ client }) =>
          client.call('CreateDistributor', {
            load_balancer: { id, name: options.name },
            distributor_id: options.id,
            table_size: options.tableSize,
          }),
        ({ distributor_id }) => distributor_id,
      ),
    );

  program
    .command('delete <distributor-id>')
    .description('remove a distributor')
    .option('--cascade', 'with its VIPs', false)
    .action((distributor_id: string, { cascade }: { cascade: boolean }) =>
      answer(
        program,
        ({ client, expected_revision }) =>
          client.call('DeleteDistributor', { distributor_id, cascade, expected_revision }),
        atRevision,
      ),
    );

  program
    .command('list')
    .description('all distributors')
    .action(() => answer(program, ({ client }) => listDistributors(client), showDistributors));

  program
    .command('show <distributor-id>')
    .description('one distributor with its VIPs, amphorae and conditions')
    .action((distributor_id: string) =>
      answer(
        program,
        ({ client }) => client.call('GetDistributor', { distributor_id }),
        showDistributor,
      ),
    );

  program
    .command('stats <distributor-id>')
    .description('packets by verdict and by amphora')
    .action((distributor_id: string) =>
      answer(program, ({ client }) => client.call('GetStats', { distributor_id }), showStats),
    );
}
