// SPDX-License-Identifier: Apache-2.0
// Certificates change while calls are in flight.
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { checkTlsFiles } from '../../../src/api/tls-material.ts';
import type { TlsState } from '../../../src/api/tls-material-watch.ts';
import { Client } from '../../../src/cli/client.ts';
import { tcpEndpoint } from '../../../src/cli/endpoint.ts';
import { parseConfig } from '../../../src/config.ts';
import type { Log } from '../../../src/log.ts';
import { authorityKeys, CertificateAuthority, type Issued } from '../../support/certificates.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { ApiBed } from './api-bed.ts';
import { outcomeOf } from './outcome.ts';
import { SecuredBed } from './secured-bed.ts';

const names = 'DNS:localhost,IP:127.0.0.1,IP:::1';
const logged: [string, unknown][] = [];
const log: Log = {
  debug() {},
  info() {},
  warn: (facts: unknown, message?: string) => logged.push(['warn', [facts, message]]),
  error: (facts: unknown, message?: string) => logged.push(['error', [facts, message]]),
};

let secured: SecuredBed;
beforeEach(async () => {
  logged.length = 0;
  secured = await SecuredBed.start({ log });
});
afterEach(() => secured.stop());

function state(): TlsState {
  const current = secured.bed.server.tlsState();
  if (current === null) throw new Error('the bed has no TLS');
  return current;
}

/** As certmonger does: one file, then the other, each by rename. */
async function replace(files: Partial<Record<'certificate' | 'key' | 'crl', string>>) {
  const places = { ...secured.server, crl: secured.crl };
  for (const [name, path] of Object.entries(files)) {
    const place = places[name as keyof typeof places];
    await copyFile(path, `${place}.new`);
    await rename(`${place}.new`, place);
  }
}

/** The serial number of the certificate that new connections see. */
async function served(): Promise<string> {
  const socket = connectTls({
    ...{ host: '127.0.0.1', port: secured.tlsPort, ALPNProtocols: ['h2'] },
    ca: await readFile(secured.authority.certificate),
    cert: await readFile(secured.admin.certificate),
    key: await readFile(secured.admin.key),
  });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

const list = (client: Client) => outcomeOf(client.call('ListDistributors', {}));

test('a new certificate is served to new connections; calls in flight go on', async () => {
  const client = secured.clientWith(secured.admin);
  const watch = client.stream('WatchDistributors', {});
  expect((await watch.next()).value).toMatchObject({ change: 'synchronized' });
  const before = await served();

  const next = await secured.authority.issue(names, { toDay: 60 });
  await replace({ certificate: next.certificate });
  await replace({ key: next.key });
  await waitUntil('the new files to be used', () => state().reloads === 1);

  expect(await served()).not.toBe(before);
  expect(state().certificateNotAfter).toBeGreaterThan(Date.now() / 1000 + 59 * 86_400);
  expect(state().lastReloadFailed).toBeNull();
  expect(await list(client)).toBe('OK');
  const told = watch.next();
  await client.call('CreateDistributor', {
    load_balancer: { id: '00000000-0000-4000-8000-000000000001' },
  });
  expect((await told).value).toMatchObject({ change: 'distributor' });
  await watch.return();
});

describe('bad files are told of, and the old ones stay', () => {
  test.each<
    [string, (authority: CertificateAuthority) => Promise<Parameters<typeof replace>[0]>, RegExp]
  >([
    [
      'no certificate',
      (ca) => Promise.resolve({ certificate: join(ca.directory, 'ca.cnf') }),
      /certificate .*no certificate/,
    ],
    [
      'a certificate without its key',
      (ca) => ca.issue(names).then(({ certificate }) => ({ certificate })),
      /key .*not the key/,
    ],
    [
      'an expired certificate',
      (ca) => ca.issue(names, { fromDay: -9, toDay: -1 }),
      /certificate .*expired/,
    ],
    [
      'a certificate that is not valid yet',
      (ca) => ca.issue(names, { fromDay: 1 }),
      /certificate .*not valid before/,
    ],
    [
      'a key that is none',
      (ca) => Promise.resolve({ key: ca.certificate }),
      /key .*cannot be parsed/,
    ],
    [
      'an expired list',
      (ca) => ca.revocationList({ toDay: -1 }).then((crl) => ({ crl })),
      /crl .*expired/,
    ],
    [
      'a list that is not valid yet, which would keep everyone out',
      (ca) => ca.revocationList({ fromDay: 1 }).then((crl) => ({ crl })),
      /crl .*not valid before/,
    ],
    [
      'a list that was damaged, likewise',
      async (ca) => {
        const crl = await ca.revocationList();
        await damage(crl);
        return { crl };
      },
      /crl .*Test CA is not signed with the key/,
    ],
    [
      'the list of another CA of the same name',
      async () => {
        const other = await CertificateAuthority.start('Test CA');
        const crl = await other.revocationList();
        const content = await readFile(crl);
        await other.remove();
        await writeFile(secured.crl, content);
        return {};
      },
      /crl .*Test CA is not signed with the key/,
    ],
    ['no list', (ca) => Promise.resolve({ crl: ca.certificate }), /crl .*no list/],
  ])('%s', async (_, make, message) => {
    const serial = await served();
    const good = join(secured.authority.directory, 'good');
    await mkdir(good);
    const saved = {
      certificate: join(good, 'certificate'),
      key: join(good, 'key'),
      crl: join(good, 'crl'),
    };
    await copyFile(secured.server.certificate, saved.certificate);
    await copyFile(secured.server.key, saved.key);
    await copyFile(secured.crl, saved.crl);

    await replace(await make(secured.authority));
    await waitUntil('the failure to be told', () => state().lastReloadFailed !== null);
    expect(state().lastReloadFailed).toMatch(message);
    expect(logged.filter(([level]) => level === 'error')).toHaveLength(1);
    expect(JSON.stringify(logged)).not.toContain('PRIVATE');
    expect(await served()).toBe(serial);

    await replace(saved);
    await waitUntil('the alarm to be over', () => state().lastReloadFailed === null);
    expect(state().reloads).toBe(0);
  });
});

test.each(Object.keys(authorityKeys) as (keyof typeof authorityKeys)[])(
  'lists signed with a key of the kind %s',
  async (kind) => {
    const authority = await CertificateAuthority.start('Another CA', kind);
    onTestFinished(() => authority.remove());
    const server = await authority.issue(names);
    const crl = await authority.revocationList();
    const config = {
      ...{ address: '127.0.0.1', port: 0, identities: [], ...server },
      ...{ ca: authority.certificate, crl },
    };
    await checkTlsFiles(config);
    await damage(crl);
    await expect(checkTlsFiles(config)).rejects.toThrow(/crl .* is not signed with the key/);
  },
);

/** Changes a bit of the signature. */
async function damage(list: string): Promise<void> {
  const text = await readFile(list, 'utf8');
  const der = Buffer.from(text.replaceAll(/-----[^-]*-----/g, ''), 'base64');
  const last = der.length - 1;
  der[last] = der.readUInt8(last) ^ 1;
  await writeFile(
    list,
    `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`,
  );
}

test('who is revoked gets in no more; others do, and old connections go on', async () => {
  const gone = await secured.authority.issue('DNS:controller.example');
  const client = secured.clientWith(gone);
  expect(await list(client)).toBe('OK');

  await secured.authority.revoke(gone);
  await replace({ crl: await secured.authority.revocationList() });
  await waitUntil('the new list to be used', () => state().reloads === 1);

  expect(await list(secured.clientWith(gone))).toBe('UNAVAILABLE');
  expect(await list(secured.clientWith(secured.admin))).toBe('OK');
  expect(await list(client)).toBe('OK');
  expect(JSON.stringify(logged)).toContain('CERT_REVOKED');
});

test('a reload looks at once, without patience', async () => {
  await writeFile(secured.server.key, 'no key');
  await secured.bed.server.follow(parseConfig('', 'defaults'));
  expect(state().lastReloadFailed).toMatch(/listen\.tls\.key/);
});

test('a reload gives identities other roles, for new connections', async () => {
  const before = secured.clientWith(secured.admin);
  expect(await list(before)).toBe('OK');
  const { limits, listen } = parseConfig('', 'defaults');
  const files = { certificate: '', key: '', ca: '', address: '', port: 0 };
  const identities = [{ san: 'URI:spiffe://example/monitoring', role: 'admin' as const }];
  await secured.bed.server.follow({ limits, listen: { ...listen, tls: { ...files, identities } } });
  expect(await list(secured.clientWith(secured.admin))).toBe('NO_ROLE');
  const change = { load_balancer: { id: '00000000-0000-4000-8000-00000000000a' } };
  const promoted = secured.clientWith(secured.reader);
  expect(await outcomeOf(promoted.call('CreateDistributor', change))).toBe('OK');
  expect(await list(before)).toBe('OK');
});

test('a key that others may read is warned of', async () => {
  const next = await secured.authority.issue(names);
  await chmod(secured.server.key, 0o644);
  await replace({ certificate: next.certificate });
  await writeFile(secured.server.key, await readFile(next.key));
  await waitUntil('the warning', () => JSON.stringify(logged).includes('can be read by others'));
  expect(state()).toMatchObject({ reloads: 1, lastReloadFailed: null });
});

/** As cert-manager's volumes are: the files are links into a directory that a link names. */
test('a directory of links is swapped in one step, also over IPv6', async () => {
  const volume = join(secured.authority.directory, 'volume');
  const fill = async (name: string, { certificate, key }: Issued) => {
    await mkdir(join(volume, name), { recursive: true });
    await copyFile(certificate, join(volume, name, 'tls.crt'));
    await copyFile(key, join(volume, name, 'tls.key'));
    await symlink(name, join(volume, '..data.new'));
    await rename(join(volume, '..data.new'), join(volume, '..data'));
  };
  await fill('first', secured.server);
  for (const file of ['tls.crt', 'tls.key']) await symlink(`..data/${file}`, join(volume, file));
  const bed = await ApiBed.start({
    listen: {
      tls: {
        ...{ address: '::1', port: 0, ca: secured.authority.certificate },
        ...{ certificate: join(volume, 'tls.crt'), key: join(volume, 'tls.key') },
        identities: [{ san: 'DNS:controller.example', role: 'admin' }],
      },
    },
  });
  await fill('second', await secured.authority.issue(names, { toDay: 90 }));
  await waitUntil('the new files to be used', () => bed.server.tlsState()?.reloads === 1);
  expect(bed.server.tlsState()?.crlNextUpdate).toBeNull();
  const { certificate: tlsCertificate, key: tlsKey } = secured.admin;
  const files = { tlsCertificate, tlsKey, tlsCa: secured.authority.certificate };
  const client = new Client(tcpEndpoint(`[::1]:${bed.listening.tls?.port ?? 0}`, files));
  expect(await list(client)).toBe('OK');
  client.close();
  await bed.stop();
});

test.each([
  [
    'a missing key',
    { key: '/does/not/exist.key' },
    /listen\.tls\.key \/does\/not\/exist\.key: ENOENT/,
  ],
  ['a missing CA', { ca: '/does/not/exist.pem' }, /listen\.tls\.ca .*ENOENT/],
])('%s refuses the start', async (_, files, message) => {
  const tls = {
    ...{ address: '127.0.0.1', port: 0, ca: secured.authority.certificate },
    ...secured.server,
    ...files,
    identities: [{ san: 'DNS:controller.example', role: 'admin' as const }],
  };
  await expect(ApiBed.start({ listen: { tls } })).rejects.toThrow(message);
});
