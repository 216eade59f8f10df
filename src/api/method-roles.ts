// SPDX-License-Identifier: Apache-2.0
import type { DistributorServiceDefinition as Definition } from '../../build/proto/distributor/v1/DistributorService.ts';
import type { Role } from '../config/listen.ts';
import { serviceName } from './proto.ts';

// The generated interface has an index signature, which would let any name pass.
export type Method = Extract<
  keyof { [Key in keyof Definition as string extends Key ? never : Key]: unknown },
  string
>;

/** What a caller must be to call a method. One that is not listed does not compile. */
export const methodRoles: Readonly<Record<Method, Role>> = {
  CreateDistributor: 'admin',
  DeleteDistributor: 'admin',
  AddVip: 'admin',
  RemoveVip: 'admin',
  RegisterAmphorae: 'admin',
  DrainAmphorae: 'admin',
  UnregisterAmphorae: 'admin',
  SetWeights: 'admin',
  FailoverAmphora: 'admin',
  ImportState: 'admin',
  GetDistributor: 'reader',
  ListDistributors: 'reader',
  GetStats: 'reader',
  WatchDrain: 'reader',
  WatchDistributors: 'reader',
  ExportState: 'reader',
};

/** By path; of health and reflection, which tell nothing of distributors, any role will do. */
const byPath: ReadonlyMap<string, Role> = new Map(
  Object.entries(methodRoles).map(([method, role]) => [`/${serviceName}/${method}`, role]),
);

export function roleFor(path: string): Role {
  return byPath.get(path) ?? 'reader';
}
