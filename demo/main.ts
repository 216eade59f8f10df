// SPDX-License-Identifier: Apache-2.0
// `make demo`: the whole job on real traffic, in network namespaces of its own.
import { mkdirSync, writeFileSync } from 'node:fs';
import { formatTable } from '../src/cli/table.ts';
import { DaemonProcess } from '../test/support/daemon-process.ts';
import { run } from '../test/support/namespaces.ts';
import { createTestBed, type TestBed } from '../test/support/test-bed.ts';
import type { DrainProgress } from './drain-progress.ts';
import { faultsOf, percent, shareFaults, type Share } from './ledger.ts';
import { Scenario, scenarioConfig } from './scenario.ts';
import { amphorae, initialWeights, runSteps, type Step } from './steps.ts';

const options = { clients: 2000, connections: 600 };
const families = 2;

const say = (text: string) => process.stdout.write(`${text}\n`);

function showShares(shares: readonly Share[]): string {
  return formatTable(
    ['AMPHORA', 'WEIGHT', 'CLIENTS', 'SHARE', 'IDEAL'],
    shares.map(({ amphora, weight, clients, share, ideal }) => [
      amphora,
      weight,
      clients,
      percent(share),
      percent(ideal),
    ]),
  );
}

const columns = ['ALIVE', 'BROKEN', 'EXPECTED', 'NEW TO RESTING', 'MOVED', 'IDEAL', ''];
const nameWidth = 42;

function row(name: string, cells: readonly (string | number)[]): string {
  const padded = columns.map((column, i) =>
    String(cells[i] ?? '').padStart(Math.max(column.length, 8)),
  );
  return `${name.padEnd(nameWidth)}${padded.join(' ')}`.trimEnd();
}

function showStep(step: Step): string {
  return row(step.name, [
    step.alive,
    step.broken,
    step.expectedBroken,
    step.newToResting,
    percent(step.movedShare),
    percent(step.idealShare),
    faultsOf(step, options.clients * families).length === 0 ? 'ok' : 'WRONG',
  ]);
}

function showDrain(drain: readonly DrainProgress[]): string[] {
  if (drain.length === 0) return [];
  return [
    'that drain, while first the IPv4 clients leave, then the others:',
    ...drain.map(
      ({ seconds, state, connections }) =>
        `${seconds.toFixed(1).padStart(6)} s  ${state.padEnd(8)}  ${connections} connections left`,
    ),
    '',
  ];
}

const legend = `
EXPECTED  connections of an amphora that is unregistered, or has failed: these end, no others may
NEW TO RESTING  new connections that reached one that drains, stands by or has failed: there may be none
MOVED, IDEAL  clients whose next connection goes to another amphora, and the least that must
`;

async function demonstrate(bed: TestBed, daemon: DaemonProcess): Promise<string[]> {
  const faults: string[] = [];
  const scenario = new Scenario(bed, daemon, options);
  await scenario.setUp(initialWeights);
  const shares = scenario.shares();
  faults.push(...shareFaults(shares, options.clients * families));
  say(`\n${options.clients} IPv4 and ${options.clients} IPv6 clients on 4 amphorae:\n`);
  say(showShares(shares));

  const strays = await scenario.strayClients();
  if (strays > 0) faults.push(`${strays} connections left their client's amphora`);
  say(`\naffinity: ${strays} connections away from their client's amphora`);
  say(`then ${options.connections * families} long-lived connections, while the set changes:\n`);

  const steps: Step[] = [];
  say(row('STEP', columns));
  for await (const step of runSteps(scenario)) {
    steps.push(step);
    say(showStep(step));
    faults.push(
      ...faultsOf(step, options.clients * families).map((fault) => `${step.name}: ${fault}`),
    );
  }
  say(legend);
  for (const { drain = [] } of steps) for (const line of showDrain(drain)) say(line);
  mkdirSync('build', { recursive: true });
  writeFileSync('build/demo.json', `${JSON.stringify({ shares, steps }, null, 2)}\n`);

  say((await daemon.ctl('show', scenario.distributorId)).trimEnd());
  await scenario.tearDown();
  const status = await daemon.stop();
  if (status !== 0) faults.push(`the daemon ended with status ${String(status)}`);
  const link = await run(bed.namespaces.distributor, ['ip', '-d', 'link', 'show', 'fe0']);
  if (link.includes('xdp')) faults.push('the program is still attached to the port');
  return faults;
}

const started = performance.now();
say(
  `Building a network of namespaces: clients, router, bridge, distributor, ${amphorae} amphorae.`,
);
await using bed = await createTestBed({ amphorae });
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => void bed.remove().finally(() => process.exit(status)));
const daemon = await DaemonProcess.start(bed, scenarioConfig);
const faults = await demonstrate(bed, daemon);
say(`\n${((performance.now() - started) / 1000).toFixed(0)} s; figures in build/demo.json`);
for (const fault of faults) say(`WRONG: ${fault}`);
say(
  faults.length === 0 ? 'No connection broke that did not have to.' : 'The demonstration failed.',
);
process.exitCode = faults.length === 0 ? 0 : 1;
