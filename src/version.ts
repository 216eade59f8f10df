// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';

export const { version } = createRequire(import.meta.url)('../package.json') as {
  readonly version: string;
};
