#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { ConfigError, readConfig, type Config } from './config.ts';
import { Daemon } from './daemon.ts';
import { createLog } from './log.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const usage = `usage: distributord [--config FILE]

  --config FILE   configuration (default /etc/distributord/distributord.yaml)
  --version       print the version
  --help          this text
`;

/** Exit statuses: what a service manager tells apart. */
const exitFailure = 1;
const exitUsage = 2;

async function configFromArguments(): Promise<Config> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', default: '/etc/distributord/distributord.yaml' },
      version: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.version) {
    process.stdout.write(`${version}\n`);
    process.exit(0);
  }
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  return readConfig(values.config);
}

function isUsageError(error: unknown): error is Error {
  if (error instanceof ConfigError) return true;
  return (
    error instanceof TypeError && 'code' in error && /^ERR_PARSE_ARGS/.test(String(error.code))
  );
}

async function main(): Promise<void> {
  const config = await configFromArguments();
  const log = createLog(config.log.level);
  const daemon = await Daemon.start(config, log);
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      daemon.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'stop failed');
          process.exit(exitFailure);
        },
      );
    });
}

main().catch((error: unknown) => {
  process.stderr.write(`distributord: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(isUsageError(error) ? exitUsage : exitFailure);
});
