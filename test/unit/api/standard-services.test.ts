// SPDX-License-Identifier: Apache-2.0
// What every gRPC tool expects of a server: health and reflection.
import { Client, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiBed } from './api-bed.ts';

const reflectionProto = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json')),
  'build/proto/grpc/reflection/v1/reflection.proto',
);

interface Health {
  check(
    request: { service: string },
    callback: (error: Error | null, response?: { status: string }) => void,
  ): void;
}
interface ReflectionStream {
  on(event: 'data', listener: (response: ReflectionResponse) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  write(request: { list_services: string }): void;
  end(): void;
}
interface ReflectionResponse {
  readonly list_services_response: { readonly service: readonly { readonly name: string }[] };
}
interface Reflection {
  serverReflectionInfo(): ReflectionStream;
}
type Stub<Service> = new (...argv: ConstructorParameters<typeof Client>) => Client & Service;

let bed: ApiBed;
beforeAll(async () => {
  bed = await ApiBed.start();
});
afterAll(() => bed.stop());

function stub<Service>(path: string, pick: (root: never) => Stub<Service>): Client & Service {
  const options = { keepCase: true, enums: String, longs: Number };
  const Type = pick(loadPackageDefinition(loadSync(path, options)) as never);
  return new Type(`unix:${bed.socket}`, credentials.createInsecure());
}

test.each(['', 'distributor.v1.DistributorService'])('health of %j is SERVING', async (service) => {
  type Root = { grpc: { health: { v1: { Health: Stub<Health> } } } };
  const health = stub<Health>(healthProto, (root: Root) => root.grpc.health.v1.Health);
  const response = await new Promise<{ status: string } | undefined>((resolve, reject) => {
    health.check({ service }, (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
  expect(response?.status).toBe('SERVING');
  health.close();
});

test('reflection lists the services', async () => {
  type Root = { grpc: { reflection: { v1: { ServerReflection: Stub<Reflection> } } } };
  const reflection = stub<Reflection>(
    reflectionProto,
    (root: Root) => root.grpc.reflection.v1.ServerReflection,
  );
  const stream = reflection.serverReflectionInfo();
  const response = await new Promise<ReflectionResponse>((resolve, reject) => {
    stream.on('data', resolve);
    stream.on('error', reject);
    stream.write({ list_services: '' });
  });
  stream.end();
  const names = response.list_services_response.service.map(({ name }) => name);
  expect(names).toContain('distributor.v1.DistributorService');
  reflection.close();
});
