#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { createRequire } from 'node:module';
import { parseCount } from './arguments.ts';
import { addAmphoraCommands } from './commands-amphorae.ts';
import { addDistributorCommands } from './commands-distributors.ts';
import { addDrainCommand } from './commands-drain.ts';
import { addHostCommands } from './commands-host.ts';
import { addStatusCommands } from './commands-status.ts';
import { addVipCommands } from './commands-vips.ts';
import { exitStatus } from './exit-status.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

// `distributorctl watch | head -1` ends as quietly as a program that SIGPIPE ends.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitStatus.brokenPipe);
  throw error;
});

const program = new Command('distributorctl')
  .description('Controls the distributors of this host')
  .option('--socket <path>', 'of the daemon', '/run/distributord/distributord.sock')
  .option('--json', 'print the answer as JSON', false)
  .option('--if-revision <n>', 'change only if the distributor has this revision', parseCount)
  .version(version)
  .addHelpText(
    'after',
    `
Exit status:
  ${exitStatus.failed}    the daemon refused, or was not reached
  ${exitStatus.usage}    wrong usage
  ${exitStatus.interrupted}  interrupted by Ctrl-C while watching
  "drain --wait" and "status --check" have more: see their --help.`,
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitStatus.usage));

addDistributorCommands(program);
addVipCommands(program);
addAmphoraCommands(program);
addDrainCommand(program);
addStatusCommands(program);
addHostCommands(program);

await program.parseAsync();
