#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { Command, Option } from 'commander';
import { createRequire } from 'node:module';
import type { Amphora } from '../../build/proto/distributor/v1/Amphora.ts';
import type { Distributor__Output as Distributor } from '../../build/proto/distributor/v1/Distributor.ts';
import {
  attachmentFrom,
  parseAmphoraArgument,
  parseCount,
  parseVlans,
  type AttachmentOptions,
} from './arguments.ts';
import { CallError, Client } from './client.ts';
import { showAmphorae, showDistributor, showDistributors, showDrains, showStats } from './show.ts';

interface VipOptions extends AttachmentOptions {
  readonly subnet?: string;
  readonly gateway?: string;
  readonly algorithm?: string;
  readonly persistence?: string;
  readonly tracking?: string;
}

/** Exit statuses: 1 = refused or unreachable. */
const exitUsage = 2;
const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

const program = new Command('distributorctl')
  .description('Controls the distributors of this host')
  .option('--socket <path>', 'of the daemon', '/run/distributord/distributord.sock')
  .option('--json', 'print the answer as JSON', false)
  .option('--if-revision <n>', 'change only if the distributor has this revision', parseCount)
  .version(version)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitUsage));

const global = () => program.opts<{ socket: string; json: boolean; ifRevision?: number }>();

/** Runs one command: its answer on standard output, what was wrong on standard error. */
async function run<Answer>(
  work: (client: Client, expected_revision: number) => Promise<Answer>,
  show: (answer: Answer) => string,
): Promise<void> {
  const { socket, json, ifRevision = 0 } = global();
  const client = new Client(socket);
  try {
    const answer = await work(client, ifRevision);
    process.stdout.write(`${json ? JSON.stringify(answer, null, 2) : show(answer)}\n`);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    const { code, reason, field, value, message, action } = error;
    if (json)
      process.stderr.write(`${JSON.stringify({ code, reason, field, value, message, action })}\n`);
    else {
      process.stderr.write(`distributorctl: ${reason ?? code}: ${message}\n`);
      if (action !== null) process.stderr.write(`  ${action}\n`);
    }
    process.exitCode = 1;
  } finally {
    client.close();
  }
}

const atRevision = ({ revision }: { readonly revision: number }) => `revision ${revision}`;

program
  .command('create <load-balancer-id>')
  .description('make the distributor of a load balancer')
  .option('--name <name>', 'of the load balancer', '')
  .action((id: string, { name }: { name: string }) =>
    run(
      (client) => client.call('CreateDistributor', { load_balancer: { id, name } }),
      ({ distributor_id }) => distributor_id,
    ),
  );

program
  .command('delete <distributor-id>')
  .description('remove a distributor')
  .option('--cascade', 'with its VIPs', false)
  .action((distributor_id: string, { cascade }: { cascade: boolean }) =>
    run(
      (client, expected_revision) =>
        client.call('DeleteDistributor', {
          distributor_id,
          cascade,
          expected_revision,
        }),
      atRevision,
    ),
  );

const onPort = (command: Command) =>
  command
    .option('--interface <name>', 'port that carries the VIP')
    .addOption(new Option('--port-mac <mac>', 'the port by its own MAC').conflicts('interface'))
    .option('--vlan <ids>', 'VLAN id, or outer.inner', parseVlans);

onPort(program.command('add-vip <distributor-id> <address>'))
  .description('start to receive a VIP’s traffic')
  .option('--subnet <cidr>', 'that holds the address; for checking it')
  .option('--gateway <address>', 'of the subnet; for the record')
  .option('--algorithm <name>', 'CONSISTENT_HASH (default), or the affinity it hashes by')
  .option('--persistence <name>', 'affinity: SOURCE_IP (default) or SOURCE_IP_AND_PORT')
  .addOption(
    new Option('--tracking <mode>', 'of connections')
      .choices(['adaptive', 'full', 'stateless'])
      .default('adaptive'),
  )
  .action((distributor_id: string, address: string, options: VipOptions) =>
    run(
      (client, expected_revision) =>
        client.call('AddVip', {
          distributor_id,
          expected_revision,
          vip: {
            address,
            attachment: attachmentFrom(options),
            subnet: options.subnet ?? '',
            gateway: options.gateway ?? '',
            tracking: `TRACKING_${(options.tracking ?? '').toUpperCase()}` as 'TRACKING_ADAPTIVE',
          },
          ...(options.algorithm === undefined ? {} : { vip_alg: options.algorithm }),
          ...(options.persistence === undefined ? {} : { vip_persistence: options.persistence }),
        }),
      atRevision,
    ),
  );

onPort(program.command('remove-vip <distributor-id> <address>'))
  .description('stop a VIP’s traffic and leave its port as it was')
  .action((distributor_id: string, address: string, options: AttachmentOptions) =>
    run(
      (client, expected_revision) =>
        client.call('RemoveVip', {
          distributor_id,
          expected_revision,
          vip: { address, attachment: attachmentFrom(options) },
        }),
      atRevision,
    ),
  );

program
  .command('register <distributor-id>')
  .description('let amphorae receive new connections; cancels their drain')
  .argument(
    '<amphora...>',
    'id=NAME,ip=ADDRESS[,mac=MAC][,weight=1-256][,position=N]',
    (text: string, previous: Amphora[] | undefined) => parseAmphoraArgument(text, previous),
  )
  .action((distributor_id: string, amphorae: Amphora[]) =>
    run(
      (client, expected_revision) =>
        client.call('RegisterAmphorae', {
          distributor_id,
          amphorae,
          expected_revision,
        }),
      (answer) => showAmphorae(answer.amphorae),
    ),
  );

program
  .command('drain <distributor-id> <amphora-id...>')
  .description('no new connections to these; existing ones keep flowing')
  .action((distributor_id: string, amphora_ids: string[]) =>
    run(
      (client, expected_revision) =>
        client.call('DrainAmphorae', {
          distributor_id,
          amphora_ids,
          expected_revision,
        }),
      (answer) => showDrains(answer.drains),
    ),
  );

program
  .command('unregister <distributor-id> <amphora-id...>')
  .description('no traffic at all to these, at once')
  .action((distributor_id: string, amphora_ids: string[]) =>
    run(
      (client, expected_revision) =>
        client.call('UnregisterAmphorae', {
          distributor_id,
          amphora_ids,
          expected_revision,
        }),
      (answer) => showAmphorae(answer.amphorae),
    ),
  );

program
  .command('list')
  .description('all distributors')
  .action(() =>
    run(async (client) => {
      const all: Distributor[] = [];
      let page_token = '';
      do {
        const page = await client.call('ListDistributors', { page_token });
        all.push(...page.distributors);
        page_token = page.next_page_token;
      } while (page_token !== '');
      return all;
    }, showDistributors),
  );

program
  .command('show <distributor-id>')
  .description('one distributor with its VIPs, amphorae and conditions')
  .action((distributor_id: string) =>
    run((client) => client.call('GetDistributor', { distributor_id }), showDistributor),
  );

program
  .command('stats <distributor-id>')
  .description('packets by verdict and by amphora')
  .action((distributor_id: string) =>
    run((client) => client.call('GetStats', { distributor_id }), showStats),
  );

await program.parseAsync();
