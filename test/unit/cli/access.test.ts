// SPDX-License-Identifier: Apache-2.0
// distributorctl as a process, over TCP and TLS.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../support/certificates.ts';
import { SecuredBed } from '../api/secured-bed.ts';

const main = new URL('../../../src/cli/main.ts', import.meta.url).pathname;

let secured: SecuredBed;
beforeAll(async () => {
  secured = await SecuredBed.start();
});
afterAll(() => secured.stop());

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function ctl(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const running = promisify(execFile)(process.execPath, [main, ...argv], {
    env: { ...process.env, ...environment },
  });
  return running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (failure: unknown) => failure as Ended,
  );
}

const tls = ({ certificate, key } = secured.admin) => [
  ...['--address', `127.0.0.1:${secured.tlsPort}`],
  ...[
    '--tls-certificate',
    certificate,
    '--tls-key',
    key,
    '--tls-ca',
    secured.authority.certificate,
  ],
];

test('over TLS, by options', async () => {
  const { code, stdout, stderr } = await ctl([...tls(), 'list']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^DISTRIBUTOR/);
});

test('over TLS, by the environment', async () => {
  const ended = await ctl(['list'], {
    DISTRIBUTORD_ADDRESS: `127.0.0.1:${secured.tlsPort}`,
    DISTRIBUTORD_TLS_CERTIFICATE: secured.admin.certificate,
    DISTRIBUTORD_TLS_KEY: secured.admin.key,
    DISTRIBUTORD_TLS_CA: secured.authority.certificate,
  });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
});

test('the daemon may have another name than its host', async () => {
  const named = (name: string) => ctl([...tls(), '--tls-server-name', name, 'list']);
  expect(await named('localhost')).toMatchObject({ code: 0 });
  const refused = await named('elsewhere.example');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/127\.0\.0\.1:\d+: .*altnames.*; is it running/);
});

test('a certificate that is not trusted here is told as that', async () => {
  const stranger = await CertificateAuthority.start();
  const { code, stderr } = await ctl([...tls(), '--tls-ca', stranger.certificate, 'list']);
  await stranger.remove();
  expect(code).toBe(1);
  expect(stderr).toMatch(/no answer from .*: .*certificate.*; is it running/);
});

test('a reader is told why not', async () => {
  const ended = await ctl([
    ...tls(secured.reader),
    'create',
    '00000000-0000-4000-8000-000000000001',
  ]);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/ROLE_FORBIDS: .*CreateDistributor/);
});

test('over TCP without TLS', async () => {
  const ended = await ctl(['--address', `127.0.0.1:${secured.insecurePort}`, 'list']);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
});

describe('wrong usage: exit status 2', () => {
  test.each([
    [['--address', 'here', 'list'], /--address .*"here"/],
    [['--address', 'a:1', '--tls-key', '/k', 'list'], /--tls-certificate, --tls-key and --tls-ca/],
    [
      [
        '--address',
        'a:1',
        '--tls-key',
        '/k',
        '--tls-ca',
        '/nope',
        '--tls-certificate',
        '/c',
        'list',
      ],
      /--tls-ca \/nope: ENOENT/,
    ],
    [['--timeout', '0', 'list'], /--timeout <seconds>.*'0'/],
    [['--if-revision', '7', 'list'], /--if-revision .*list/],
    [['--if-revision', '7', 'create', 'lb1'], /--if-revision .*create/],
  ])('%j', async (argv, message) => {
    const { code, stderr } = await ctl(argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

test('JSON has no marks of the library', async () => {
  const { distributor_id } = await secured.bed.client.call('CreateDistributor', {
    load_balancer: { id: '00000000-0000-4000-8000-000000000009' },
  });
  const amphorae = [{ id: 'a1', ip: '10.0.0.11', mac: '02:00:00:00:01:01' }];
  await secured.bed.client.call('RegisterAmphorae', { distributor_id, amphorae });
  const { stdout } = await ctl(['--socket', secured.bed.socket, '--json', 'show', distributor_id]);
  expect(JSON.parse(stdout)).toMatchObject({ amphorae: [{ id: 'a1', position: 0 }] });
  expect(stdout).not.toMatch(/"_/);
});
