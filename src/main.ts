#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { ConfigReload } from './config/reload.ts';
import { ConfigError, readConfig } from './config.ts';
import { Daemon } from './daemon.ts';
import { keepHeapSmall } from './heap.ts';
import { createLog, LogOutput } from './log.ts';
import { ServiceManager } from './service-manager.ts';
import { version } from './version.ts';

const usage = `usage: distributord [--config FILE]

  --config FILE   configuration (default /etc/distributord/distributord.yaml)
  --version       print the version
  --help          this text
`;

/** Exit statuses: what a service manager tells apart. */
const exitFailure = 1;
const exitUsage = 2;

/** Ends the process where that is all that was asked for. */
function configPathFromArguments(): string {
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
  return values.config;
}

function isUsageError(error: unknown): error is Error {
  if (error instanceof ConfigError) return true;
  return (
    error instanceof TypeError && 'code' in error && /^ERR_PARSE_ARGS/.test(String(error.code))
  );
}

async function main(): Promise<void> {
  keepHeapSmall();
  // A signal that nobody waits for would end the process. Before the start there is nothing to
  // reload: the configuration is yet to be read.
  let hangUp = (): void => undefined;
  process.on('SIGHUP', () => hangUp());
  // Unheard it would have Node open a port where every process of the host may run code as the daemon.
  process.on('SIGUSR1', () => undefined);
  const path = configPathFromArguments();
  const read = () => readConfig(path);
  const config = await read();
  const logOutput = new LogOutput();
  const log = createLog(config.log.level, logOutput.stream);
  const manager = ServiceManager.fromEnvironment(process.env, log);
  const reload = new ConfigReload({ read, config, log });
  reload.register('log', (next) => {
    log.level = next.log.level;
  });
  const starting = Daemon.start(config, { log, logOutput, reload });
  const reloadOnceStarted = async () => {
    await starting;
    manager.reloading();
    const result = (await reload.reload()) ? '' : ', the last reload of the configuration failed';
    manager.ready(`answering calls${result}`);
  };
  // If the start fails, the process ends anyway.
  hangUp = () => void reloadOnceStarted().catch(() => undefined);
  const daemon = await starting;
  manager.ready('answering calls');
  manager.watch(() => daemon.stalledMs);
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      manager.stopping();
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
