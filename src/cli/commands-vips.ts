// SPDX-License-Identifier: Apache-2.0
import { Option, type Command } from 'commander';
import { attachmentFrom, parseCount, parseVlans, type AttachmentOptions } from './arguments.ts';
import { answer, atRevision } from './run.ts';

interface VipOptions extends AttachmentOptions {
  readonly subnet?: string;
  readonly gateway?: string;
  readonly mtu?: number;
  readonly algorithm?: string;
  readonly persistence?: string;
  readonly tracking?: string;
  readonly tcpIdle?: number;
  readonly otherIdle?: number;
}

const onPort = (command: Command) =>
  command
    .option('--interface <name>', 'port that carries the VIP')
    .addOption(new Option('--port-mac <mac>', 'the port by its own MAC').conflicts('interface'))
    .option('--vlan <ids>', 'VLAN id, or outer.inner', parseVlans);

export function addVipCommands(program: Command): void {
  onPort(program.command('add-vip <distributor-id> <address>'))
    .description('start to receive a VIP’s traffic')
    .option('--subnet <cidr>', 'that holds the address; for checking it')
    .option('--gateway <address>', 'of the subnet; for the record')
    .option('--mtu <bytes>', 'of the network; for checking the port', parseCount)
    .option('--algorithm <name>', 'CONSISTENT_HASH (default), or the affinity it hashes by')
    .option('--persistence <name>', 'affinity: SOURCE_IP (default) or SOURCE_IP_AND_PORT')
    .addOption(
      new Option('--tracking <mode>', 'of connections')
        .choices(['adaptive', 'full', 'stateless'])
        .default('adaptive'),
    )
    .option(
      '--tcp-idle <seconds>',
      'silent TCP and SCTP connections count as gone after this; 0 = as configured',
      parseCount,
    )
    .option('--other-idle <seconds>', 'the same for other protocols', parseCount)
    .action((distributor_id: string, address: string, options: VipOptions) =>
      answer(
        program,
        ({ client, expected_revision }) =>
          client.call('AddVip', {
            distributor_id,
            expected_revision,
            vip: {
              address,
              attachment: attachmentFrom(options),
              subnet: options.subnet ?? '',
              gateway: options.gateway ?? '',
              mtu: options.mtu ?? 0,
              tracking: `TRACKING_${(options.tracking ?? '').toUpperCase()}` as 'TRACKING_ADAPTIVE',
              tcp_idle_seconds: options.tcpIdle ?? 0,
              other_idle_seconds: options.otherIdle ?? 0,
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
      answer(
        program,
        ({ client, expected_revision }) =>
          client.call('RemoveVip', {
            distributor_id,
            expected_revision,
            vip: { address, attachment: attachmentFrom(options) },
          }),
        atRevision,
      ),
    );
}
