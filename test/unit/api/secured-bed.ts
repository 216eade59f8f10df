// SPDX-License-Identifier: Apache-2.0
import { connect as connectTcp, type Socket } from 'node:net';
import { once } from 'node:events';
import { Client } from '../../../src/cli/client.ts';
import { tcpEndpoint } from '../../../src/cli/endpoint.ts';
import { CertificateAuthority, type Issued } from '../../support/certificates.ts';
import { ApiBed, type BedOptions } from './api-bed.ts';

/** The API on all three listeners, with a certificate authority of its own. */
export class SecuredBed {
  readonly authority: CertificateAuthority;
  readonly bed: ApiBed;
  readonly server: Issued;
  /** The list of revoked certificates in use. */
  readonly crl: string;
  readonly admin: Issued;
  readonly reader: Issued;
  readonly #clients: Client[] = [];

  private constructor(
    parts: Pick<SecuredBed, 'authority' | 'bed' | 'server' | 'crl' | 'admin' | 'reader'>,
  ) {
    this.authority = parts.authority;
    this.bed = parts.bed;
    this.server = parts.server;
    this.crl = parts.crl;
    this.admin = parts.admin;
    this.reader = parts.reader;
  }

  static async start(options: BedOptions = {}): Promise<SecuredBed> {
    const authority = await CertificateAuthority.start();
    const server = await authority.issue('DNS:localhost,IP:127.0.0.1,IP:::1');
    const admin = await authority.issue('DNS:controller.example');
    const reader = await authority.issue('URI:spiffe://example/monitoring');
    const crl = await authority.revocationList();
    const bed = await ApiBed.start({
      ...options,
      listen: {
        tls: {
          ...{ address: '127.0.0.1', port: 0 },
          ...{ ...server, ca: authority.certificate, crl },
          identities: [
            { san: 'DNS:Controller.Example', role: 'admin' },
            { san: 'URI:spiffe://example/monitoring', role: 'reader' },
          ],
        },
        insecure: { address: '127.0.0.1', port: 0 },
        ...options.listen,
      },
    });
    return new SecuredBed({ authority, server, admin, reader, crl, bed });
  }

  get tlsPort(): number {
    return this.bed.listening.tls?.port ?? 0;
  }

  get insecurePort(): number {
    return this.bed.listening.insecure?.port ?? 0;
  }

  /** Over TLS with a certificate. */
  clientWith({ certificate, key }: Issued, ca = this.authority.certificate): Client {
    const files = { tlsCertificate: certificate, tlsKey: key, tlsCa: ca };
    return this.#keep(new Client(tcpEndpoint(`127.0.0.1:${this.tlsPort}`, files)));
  }

  insecureClient(port = this.insecurePort): Client {
    return this.#keep(new Client(tcpEndpoint(`127.0.0.1:${port}`, {})));
  }

  /** A connection for bytes of any kind. */
  async rawConnection(port: number): Promise<Socket> {
    const socket = connectTcp({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.bed.stop();
    await this.authority.remove();
  }

  #keep(client: Client): Client {
    this.#clients.push(client);
    return client;
  }
}
