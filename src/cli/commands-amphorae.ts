// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Amphora } from '../../build/proto/distributor/v1/Amphora.ts';
import type { AmphoraStatus__Output as AmphoraStatus } from '../../build/proto/distributor/v1/AmphoraStatus.ts';
import type { AmphoraWeight } from '../../build/proto/distributor/v1/AmphoraWeight.ts';
import { parseAmphoraArgument, parseWeightArgument } from './arguments.ts';
import { answer } from './run.ts';
import { showAmphorae } from './show.ts';

const amphoraeOf = ({ amphorae }: { readonly amphorae: readonly AmphoraStatus[] }) =>
  showAmphorae(amphorae);

export function addAmphoraCommands(program: Command): void {
  program
    .command('register <distributor-id>')
    .description('let amphorae receive new connections, or stand by; cancels their drain')
    .argument(
      '<amphora...>',
      'id=NAME,ip=ADDRESS[,mac=MAC][,weight=0-256][,position=N][,role=active|standby]',
      (text: string, previous: Amphora[] | undefined) => parseAmphoraArgument(text, previous),
    )
    .action((distributor_id: string, amphorae: Amphora[]) =>
      answer(
        program,
        ({ client, expected_revision }) =>
          client.call('RegisterAmphorae', { distributor_id, amphorae, expected_revision }),
        amphoraeOf,
      ),
    );

  program
    .command('weights <distributor-id>')
    .description('change amphorae’s shares of new connections')
    .argument(
      '<amphora-id=weight...>',
      '0-256; 0 drains, more cancels a drain',
      (text: string, previous: AmphoraWeight[] | undefined) => parseWeightArgument(text, previous),
    )
    .option('--force', 'even if no active amphora is left: new connections are then dropped', false)
    .action((distributor_id: string, weights: AmphoraWeight[], { force }: { force: boolean }) =>
      answer(
        program,
        ({ client, expected_revision }) =>
          client.call('SetWeights', { distributor_id, weights, force, expected_revision }),
        amphoraeOf,
      ),
    );

  program
    .command('failover <distributor-id> <amphora-id>')
    .description('let a standby take the place of an amphora that has failed')
    .action((distributor_id: string, amphora_id: string) =>
      answer(
        program,
        ({ client, expected_revision }) =>
          client.call('FailoverAmphora', { distributor_id, amphora_id, expected_revision }),
        amphoraeOf,
      ),
    );

  program
    .command('unregister <distributor-id> <amphora-id...>')
    .description('no traffic at all to these, at once')
    .option('--failed', 'they have failed: standbys take their places', false)
    .action((distributor_id: string, amphora_ids: string[], { failed }: { failed: boolean }) =>
      answer(
        program,
        ({ client, expected_revision }) =>
          client.call('UnregisterAmphorae', {
            distributor_id,
            amphora_ids,
            failed,
            expected_revision,
          }),
        amphoraeOf,
      ),
    );
}
