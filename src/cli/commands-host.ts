// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { ConfigError, readConfig } from '../config.ts';
import { exitStatus } from './exit-status.ts';

/** What works on this host itself, without a daemon. */
export function addHostCommands(program: Command): void {
  program
    .command('teardown')
    .description(
      'remove all that a stopped daemon keeps in the kernel: its VIPs get no more traffic',
    )
    .option('--config <file>', 'of the daemon', '/etc/distributord/distributord.yaml')
    .option('--purge', 'remove the distributors that are stored, too', false)
    .action(async ({ config: path, purge }: { config: string; purge: boolean }) => {
      try {
        const config = await readConfig(path);
        // The addon is loaded for this command alone.
        const { tearDown } = await import('../teardown.ts');
        const { ports, groups, neighbours } = await tearDown(config, { purge });
        process.stdout.write(
          `removed: the program from ${ports} ports, ${groups} groups, ${neighbours} neighbours\n`,
        );
      } catch (error) {
        process.stderr.write(`distributorctl: ${(error as Error).message}\n`);
        process.exitCode = error instanceof ConfigError ? exitStatus.usage : exitStatus.failed;
      }
    });
}
