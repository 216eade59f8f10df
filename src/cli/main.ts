#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { Command, Option } from 'commander';
import { createRequire } from 'node:module';
import { parseCount, parseSeconds } from './arguments.ts';
import { addAmphoraCommands } from './commands-amphorae.ts';
import { addDistributorCommands } from './commands-distributors.ts';
import { addDrainCommand } from './commands-drain.ts';
import { addHostCommands } from './commands-host.ts';
import { addStateCommands } from './commands-state.ts';
import { addStatusCommands } from './commands-status.ts';
import { addVipCommands } from './commands-vips.ts';
import { exitStatus } from './exit-status.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

// The gRPC library names even an IP address to the TLS library, which warns of that.
process.noDeprecation = true;

// `distributorctl watch | head -1` ends as quietly as a program that SIGPIPE ends.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitStatus.brokenPipe);
  throw error;
});

/** Commands that change a distributor which has a revision. */
const conditional: ReadonlySet<string> = new Set([
  ...['delete', 'add-vip', 'remove-vip', 'register', 'weights'],
  ...['failover', 'unregister', 'drain'],
]);

const program = new Command('distributorctl')
  .description('Controls the distributors of this host')
  .addOption(
    new Option('--socket <path>', 'of the daemon')
      .default('/run/distributord/distributord.sock')
      .env('DISTRIBUTORD_SOCKET'),
  )
  .addOption(
    new Option('--address <host:port>', 'of the daemon, in place of its socket').env(
      'DISTRIBUTORD_ADDRESS',
    ),
  )
  .addOption(
    new Option('--tls-certificate <file>', 'to show to the daemon').env(
      'DISTRIBUTORD_TLS_CERTIFICATE',
    ),
  )
  .addOption(new Option('--tls-key <file>', 'of that certificate').env('DISTRIBUTORD_TLS_KEY'))
  .addOption(
    new Option('--tls-ca <file>', 'that signed the daemon’s certificate').env(
      'DISTRIBUTORD_TLS_CA',
    ),
  )
  .addOption(
    new Option('--tls-server-name <name>', 'in the daemon’s certificate, if not the host').env(
      'DISTRIBUTORD_TLS_SERVER_NAME',
    ),
  )
  .option('--timeout <seconds>', 'for an answer, or the first of a watch', parseSeconds, 30)
  .option('--json', 'print the answer as JSON', false)
  .option('--if-revision <n>', 'change only if the distributor has this revision', parseCount)
  .version(version)
  .addHelpText(
    'after',
    `
Exit status:
  ${exitStatus.failed}    the daemon refused, or was not reached
  ${exitStatus.usage}    wrong usage, or a configuration that cannot be used
  ${exitStatus.interrupted}  interrupted by Ctrl-C while watching
  "drain --wait" and "status --check" have more: see their --help.`,
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitStatus.usage));

addDistributorCommands(program);
addVipCommands(program);
addAmphoraCommands(program);
addDrainCommand(program);
addStatusCommands(program);
addStateCommands(program);
addHostCommands(program);

program.hook('preAction', (_, command) => {
  if (program.getOptionValue('ifRevision') === undefined || conditional.has(command.name())) return;
  program.error(`error: --if-revision means nothing to ${command.name()}`);
});

await program.parseAsync();
