// SPDX-License-Identifier: Apache-2.0
// Certificates made on the fly, with the openssl command.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** PEM files. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

export interface IssueOptions {
  /** Days from now; negative ones have been. */
  readonly fromDay?: number;
  readonly toDay?: number;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
/** What an authority may sign with, as openssl makes it. */
export const authorityKeys = {
  'P-256': newKey,
  'P-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes'],
  RSA: ['-newkey', 'rsa:2048', '-nodes'],
  Ed25519: ['-newkey', 'ed25519', '-nodes'],
} as const;
const configuration = `
[ca]
default_ca = it
[it]
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
rand_serial = yes
default_md = sha256
default_days = 30
default_crl_days = 30
unique_subject = no
copy_extensions = copy
policy = any
[any]
commonName = optional
[req]
distinguished_name = any
`;

/** A certificate authority in a directory of its own. */
export class CertificateAuthority {
  readonly directory: string;
  #issued = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async start(
    name = 'Test CA',
    kind: keyof typeof authorityKeys = 'P-256',
  ): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(await mkdtemp(join(tmpdir(), 'certificates-')));
    await writeFile(join(authority.directory, 'ca.cnf'), configuration);
    await writeFile(join(authority.directory, 'index.txt'), '');
    const own = ['-x509', '-subj', `/CN=${name}`, '-keyout', 'ca.key', '-out', 'ca.pem'];
    const uses = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-days', '300'];
    await authority.#openssl(['req', '-config', 'ca.cnf', ...authorityKeys[kind], ...own, ...uses]);
    return authority;
  }

  get certificate(): string {
    return join(this.directory, 'ca.pem');
  }

  /** `names`: as openssl has them, `DNS:controller.example,IP:127.0.0.1`. */
  async issue(names: string, { fromDay = -1, toDay = 30 }: IssueOptions = {}): Promise<Issued> {
    const stem = `issued-${++this.#issued}`;
    const key = `${stem}.key`;
    const subject = ['-subj', `/CN=${stem}`, '-addext', `subjectAltName=${names}`];
    const request = ['-keyout', key, '-out', `${stem}.csr`];
    await this.#openssl(['req', '-new', '-config', 'ca.cnf', ...newKey, ...subject, ...request]);
    const times = ['-startdate', dayFromNow(fromDay), '-enddate', dayFromNow(toDay)];
    const signing = ['-batch', '-notext', '-in', `${stem}.csr`, '-out', `${stem}.pem`];
    await this.#openssl(['ca', '-config', 'ca.cnf', ...signing, ...times]);
    return { certificate: join(this.directory, `${stem}.pem`), key: join(this.directory, key) };
  }

  async revoke({ certificate }: Issued): Promise<void> {
    await this.#openssl(['ca', '-config', 'ca.cnf', '-revoke', certificate]);
  }

  /** Writes the list of those revoked so far, and returns its path. */
  async revocationList({ fromDay = -2, toDay = 30 }: IssueOptions = {}): Promise<string> {
    const path = join(this.directory, `revoked-${++this.#issued}.pem`);
    const times = ['-crl_lastupdate', dayFromNow(fromDay), '-crl_nextupdate', dayFromNow(toDay)];
    await this.#openssl(['ca', '-config', 'ca.cnf', '-gencrl', '-out', path, ...times]);
    return path;
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  async #openssl(argv: readonly string[]): Promise<void> {
    await promisify(execFile)('openssl', argv, { cwd: this.directory });
  }
}

/** As openssl has times: 20260503140510Z. */
function dayFromNow(days: number): string {
  const time = new Date(Date.now() + days * 86_400_000);
  return time.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
}
