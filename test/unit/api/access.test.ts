// SPDX-License-Identifier: Apache-2.0
// Who gets in, and as what. Whatever is refused changes nothing, and others are answered.
import { once } from 'node:events';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { namesOf } from '../../../src/api/subject-alternative-names.ts';
import { silentObserver, type CallObserver } from '../../../src/api/call-observer.ts';
import { methodRoles, type Method } from '../../../src/api/method-roles.ts';
import type { Client } from '../../../src/cli/client.ts';
import { CertificateAuthority, type Issued } from '../../support/certificates.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { firstOf, outcomeOf } from './outcome.ts';
import { SecuredBed } from './secured-bed.ts';

let secured: SecuredBed;
let stranger: CertificateAuthority;
let before: unknown;
const refusals: string[] = [];
const observer: CallObserver = { ...silentObserver, refused: (reason) => refusals.push(reason) };
const loadBalancer = { id: '00000000-0000-4000-8000-000000000001' };

beforeAll(async () => {
  [secured, stranger] = await Promise.all([
    SecuredBed.start({ observer }),
    CertificateAuthority.start('Other'),
  ]);
  await secured.bed.client.call('CreateDistributor', { load_balancer: loadBalancer });
  before = secured.bed.snapshot();
});
afterAll(async () => {
  await secured.stop();
  await stranger.remove();
});

afterEach(async () => {
  expect(secured.bed.snapshot()).toEqual(before);
  expect(await outcomeOf(secured.bed.client.call('ListDistributors', {}))).toBe('OK');
});

const create = (client: Client) =>
  outcomeOf(
    client.call('CreateDistributor', {
      load_balancer: { id: '00000000-0000-4000-8000-0000000000ff' },
    }),
  );

describe('certificates', () => {
  test.each<[string, (authority: CertificateAuthority) => Promise<Issued>, string]>([
    ['of another CA', () => stranger.issue('DNS:controller.example'), 'UNAVAILABLE'],
    [
      'expired',
      (ca) => ca.issue('DNS:controller.example', { fromDay: -9, toDay: -1 }),
      'UNAVAILABLE',
    ],
    ['not valid yet', (ca) => ca.issue('DNS:controller.example', { fromDay: 1 }), 'UNAVAILABLE'],
    ['of somebody else', (ca) => ca.issue('DNS:other.example'), 'NO_ROLE'],
    ['with a wildcard for the name', (ca) => ca.issue('DNS:*.example'), 'NO_ROLE'],
    ['with a name of another kind', (ca) => ca.issue('URI:controller.example'), 'NO_ROLE'],
    ['of a reader', () => Promise.resolve(secured.reader), 'ROLE_FORBIDS'],
  ])('%s: %3$s', async (_, issue, outcome) => {
    const issued = await issue(secured.authority);
    expect(await create(secured.clientWith(issued))).toBe(outcome);
  });

  test('names of both roles make an admin, and DNS names know no case', async () => {
    const names = 'URI:spiffe://example/monitoring,DNS:CONTROLLER.EXAMPLE';
    const client = secured.clientWith(await secured.authority.issue(names));
    const { distributor_id } = await client.call('CreateDistributor', {
      load_balancer: { id: '00000000-0000-4000-8000-000000000002' },
    });
    await client.call('DeleteDistributor', { distributor_id });
  });

  test('without a role nothing is told, not even by health', async () => {
    const client = secured.clientWith(await secured.authority.issue('DNS:other.example'));
    expect(await outcomeOf(client.call('ListDistributors', {}))).toBe('NO_ROLE');
    expect(await firstOf(client.stream('WatchDistributors', {}))).toBe('NO_ROLE');
  });
});

describe('a reader', () => {
  const methods = Object.entries(methodRoles) as [Method, 'admin' | 'reader'][];
  test.each(methods.filter(([, role]) => role === 'admin'))('is refused %s', async (method) => {
    const reader = secured.clientWith(secured.reader);
    const call = reader.call(method as 'AddVip', {});
    await expect(call).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'ROLE_FORBIDS',
      value: 'URI:spiffe://example/monitoring',
      message: expect.stringContaining(method) as string,
    });
  });
  test.each(methods.filter(([, role]) => role === 'reader'))('may call %s', async (method) => {
    const reader = secured.clientWith(secured.reader);
    const request = { distributor_id: loadBalancer.id };
    const outcome = method.startsWith('Watch')
      ? firstOf(reader.stream(method as 'WatchDrain', request))
      : outcomeOf(reader.call(method as 'GetStats', request));
    expect(['OK', 'DISTRIBUTOR_NOT_FOUND']).toContain(await outcome);
  });
});

describe('connections', () => {
  /** Resolves when the daemon has closed it, with what it said before. */
  async function closedTls(options: ConnectionOptions): Promise<string> {
    const ca = await readFile(secured.authority.certificate);
    const socket = connectTls({
      ...{ host: '127.0.0.1', port: secured.tlsPort, ca, ALPNProtocols: ['h2'] },
      ...options,
    });
    let error = 'closed';
    socket.on('error', (thrown: NodeJS.ErrnoException) => (error = thrown.code ?? thrown.message));
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    return error;
  }
  const own = async () => ({
    cert: await readFile(secured.admin.certificate),
    key: await readFile(secured.admin.key),
  });

  test('without a certificate are closed, and told of', async () => {
    refusals.length = 0;
    await closedTls({});
    await waitUntil('the refusal', () => refusals.length > 0);
    // Clients of other tests go on trying.
    expect(new Set(refusals)).toEqual(new Set(['tls-handshake']));
  });
  test('of TLS 1.2 are refused', async () => {
    const outcome = await closedTls({ ...(await own()), maxVersion: 'TLSv1.2' });
    expect(outcome).toMatch(/PROTOCOL_VERSION/);
  });
  test('of another protocol in TLS are refused', async () => {
    const outcome = await closedTls({ ...(await own()), ALPNProtocols: ['http/1.1'] });
    expect(outcome).toMatch(/NO_APPLICATION_PROTOCOL/);
  });
  test('are not resumed: every certificate is looked at', async () => {
    const socket = connectTls({
      ...{ host: '127.0.0.1', port: secured.tlsPort, ALPNProtocols: ['h2'] },
      ...(await own()),
      ca: await readFile(secured.authority.certificate),
    });
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    const again = connectTls({
      ...{ host: '127.0.0.1', port: secured.tlsPort, ALPNProtocols: ['h2'], session },
      ...(await own()),
      ca: await readFile(secured.authority.certificate),
    });
    await once(again, 'secureConnect');
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
  });
  test('without TLS to the port for TLS are closed', async () => {
    expect(await create(secured.insecureClient(secured.tlsPort))).toBe('UNAVAILABLE');
  });
  test('with TLS to the port without are closed', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: secured.insecurePort });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error).toBeInstanceOf(Error);
  });
});

test('the insecure port makes everyone an admin', async () => {
  const client = secured.insecureClient();
  const { distributor_id } = await client.call('CreateDistributor', {
    load_balancer: { id: '00000000-0000-4000-8000-000000000003' },
  });
  await client.call('DeleteDistributor', { distributor_id });
});

test.each([
  ['DNS:a.example, IP Address:FD00:0:0:0:0:0:0:1', ['DNS:a.example', 'IP:fd00::1']],
  [
    'URI:"http://a, DNS:b.example", DNS:c.example',
    ['URI:http://a, DNS:b.example', 'DNS:c.example'],
  ],
  ['email:Somebody@example, Registered ID:1.2.3.4', ['email:Somebody@example']],
])('the names of %j', (subjectAltName, names) => {
  expect(namesOf({ subjectAltName })).toEqual(names);
});
