// SPDX-License-Identifier: Apache-2.0
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from '../../build/proto/distributor.ts';

const path = new URL('../../proto/distributor/v1/distributor.proto', import.meta.url).pathname;

/** The API as loaded from its .proto; numbers are numbers, enum values their names. */
export const packageDefinition = loadSync(path, {
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

// The types are generated from the same file with the same options (`npm run proto`).
export const api = (loadPackageDefinition(packageDefinition) as unknown as ProtoGrpcType)
  .distributor.v1;

export const serviceName = 'distributor.v1.DistributorService';
