// SPDX-License-Identifier: Apache-2.0
// distributorctl as a process: what it asks of the daemon, and what it ends with.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import type { AmphoraStatus } from '../../../build/proto/distributor/v1/AmphoraStatus.ts';
import type { Distributor } from '../../../build/proto/distributor/v1/Distributor.ts';
import { connections, distributor, drain } from './messages.ts';
import { refusal, ScriptedDaemon, type Calls, type Script } from './scripted-daemon.ts';

const main = new URL('../../../src/cli/main.ts', import.meta.url).pathname;

let daemon: ScriptedDaemon | null = null;
afterEach(async () => {
  await daemon?.stop();
  daemon = null;
});

async function start(script: Script): Promise<string> {
  daemon = await ScriptedDaemon.start(script);
  return daemon.socket;
}

function spawnCtl(argv: readonly string[]) {
  const child = spawn(process.execPath, [main, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[code], stdout, stderr]) => ({ code: code as number | null, stdout, stderr }),
  );
  return { child, ended };
}
const ctl = (...argv: readonly string[]) => spawnCtl(argv).ended;

const draining: Calls = {
  DrainAmphorae: (_, callback) => callback(null, { drains: [drain('a1')] }),
};

describe('drain --wait', () => {
  test.each([
    ['DRAINED', 0],
    ['DEADLINE_PASSED', 3],
    ['CANCELLED', 4],
    ['UNREGISTERED', 4],
  ] as const)('%s: exit status %d', async (end, code) => {
    const last = drain('a1', { state: `DRAIN_STATE_${end}`, remaining: connections() });
    const socket = await start({
      calls: draining,
      drains: [{ responses: [{ drains: [last] }], then: 'end' }],
    });
    const result = await ctl('--socket', socket, 'drain', 'd1', 'a1', '--wait');
    expect(result).toMatchObject({ code, stderr: '' });
    expect(result.stdout).toMatch(new RegExp(`^a1 +${end} `, 'm'));
  });

  test('refused: exit status 1', async () => {
    const socket = await start({ calls: draining, drains: [{ then: 'DISTRIBUTOR_NOT_FOUND' }] });
    expect(await ctl('--socket', socket, 'drain', 'd1', 'a1', '--wait')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^distributorctl: DISTRIBUTOR_NOT_FOUND: /) as string,
    });
  });

  test('Ctrl-C: exit status 130, and the drain goes on', async () => {
    const responses = [{ drains: [drain('a1', { remaining: connections({ tcp: 5 }) })] }];
    const socket = await start({ calls: draining, drains: [{ responses, then: 'hold' }] });
    const { child, ended } = spawnCtl(['--socket', socket, 'drain', 'd1', 'a1', '--wait']);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('the drain goes on') as string,
    });
  });
});

describe('requests', () => {
  const amphorae: AmphoraStatus[] = [{ id: 'a1', state: 'AMPHORA_STATE_ACTIVE' }];
  const requests: unknown[] = [];
  const keep =
    <Response>(response: Response) =>
    (
      { request }: { readonly request: unknown },
      callback: (error: null, answer: Response) => void,
    ) => {
      requests.push(request);
      callback(null, response);
    };
  const calls: Calls = {
    CreateDistributor: keep({ distributor_id: 'd1' }),
    AddVip: keep({ revision: 2 }),
    RegisterAmphorae: keep({ amphorae }),
    UnregisterAmphorae: keep({ amphorae }),
    SetWeights: keep({ amphorae }),
    FailoverAmphora: keep({ amphorae }),
    DrainAmphorae: keep({ drains: [drain('a1')] }),
  };
  test.each([
    [
      ['create', 'lb1', '--name', 'shop', '--id', 'd1'],
      { load_balancer: { id: 'lb1', name: 'shop' }, distributor_id: 'd1' },
      /^d1$/m,
    ],
    [
      ['add-vip', 'd1', '::1', '--interface', 'eth1', '--tcp-idle', '60', '--other-idle', '5'],
      { vip: { address: '::1', tcp_idle_seconds: 60, other_idle_seconds: 5 } },
      /^revision 2$/m,
    ],
    [
      ['register', 'd1', 'id=a1,ip=::1,role=standby', 'id=a2,ip=::2,weight=0'],
      {
        amphorae: [
          { id: 'a1', role: 'ROLE_STANDBY' },
          { id: 'a2', role: 'ROLE_UNSPECIFIED', weight: 0, _weight: 'weight' },
        ],
      },
      /a1 .*ACTIVE/,
    ],
    [['unregister', 'd1', 'a2', '--failed'], { amphora_ids: ['a2'], failed: true }, /a1 .*ACTIVE/],
    [
      ['--if-revision', '7', 'weights', 'd1', 'a1=3', 'a2=0', '--force'],
      {
        weights: [
          { amphora_id: 'a1', weight: 3 },
          { amphora_id: 'a2', weight: 0 },
        ],
        force: true,
        expected_revision: 7,
      },
      /a1 .*ACTIVE/,
    ],
    [['failover', 'd1', 'a2'], { distributor_id: 'd1', amphora_id: 'a2' }, /a1 .*ACTIVE/],
    [
      ['drain', 'd1', 'a1'],
      { amphora_ids: ['a1'], deadline: null, then: 'DRAIN_END_UNSPECIFIED', force: false },
      /a1 +DRAINING/,
    ],
    [
      [
        ...['drain', 'd1', 'a1', 'a2', '--unregister', '--force'],
        ...['--deadline', '2026-05-03T14:05:10.5Z'],
      ],
      {
        amphora_ids: ['a1', 'a2'],
        deadline: { seconds: Date.UTC(2026, 4, 3, 14, 5, 10) / 1000, nanos: 500_000_000 },
        then: 'DRAIN_END_UNREGISTER',
        force: true,
      },
      /a1 +DRAINING/,
    ],
  ])('%j', async (argv, request, shown) => {
    requests.length = 0;
    const socket = await start({ calls });
    const { code, stdout, stderr } = await ctl('--socket', socket, ...argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(requests).toMatchObject([request]);
    expect(stdout).toMatch(shown);
  });
});

describe('status', () => {
  const list = (...distributors: Distributor[]): Calls => ({
    ListDistributors: (_, callback) => callback(null, { distributors }),
    GetDistributor: ({ request }, callback) => {
      const found = distributors.find(({ id }) => id === request.distributor_id);
      if (found === undefined) callback(refusal('DISTRIBUTOR_NOT_FOUND'));
      else callback(null, found);
    },
  });
  const calls = list(distributor('d1'), distributor('d2', { status: 'STATUS_DOWN' }));
  test.each([
    [['status'], 0],
    [['status', '--check'], 4],
    [['status', '--check', 'd1'], 0],
    [['status', 'd9'], 1],
  ])('%j: exit status %d', async (argv, code) => {
    const socket = await start({ calls });
    expect(await ctl('--socket', socket, ...argv)).toMatchObject({ code });
  });
});

describe('wrong usage: exit status 2, naming option and value', () => {
  test.each([
    [['drain', 'd1', 'a1', '--deadline', 'soon'], /--deadline <when>.*'soon'/],
    [['drain', 'd1'], /amphora-id/],
    [['weights', 'd1', 'a1=much'], /'a1=much'.*amphora-id=weight.*"much"/],
    [['register', 'd1', 'id=a1,ip=::1,role=boss'], /amphora.*role.*"boss"/],
    [['add-vip', 'd1', '::1', '--tcp-idle', '15m'], /--tcp-idle <seconds>.*'15m'/],
    [['watch', 'd1'], /too many arguments/],
  ])('%j', async (argv, message) => {
    const result = await ctl(...argv);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(message);
  });
});

test('watch ends quietly when its reader does', async () => {
  const many = Array.from({ length: 2000 }, (_, n) => ({ deleted_id: `d${n}`, watch_revision: n }));
  const socket = await start({ distributors: [{ responses: many, then: 'hold' }] });
  const argv = [main, '--socket', socket, 'watch'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [complaint] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect({ code: child.exitCode, complaint }).toEqual({ code: 141, complaint: '' });
});
