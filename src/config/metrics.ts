// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import { z } from 'zod';

/** Where Prometheus reads the metrics, over plain HTTP; `metrics: null` = nowhere. */
export const metricsSection = z
  .strictObject({
    /**
     * Whoever reaches the address can read, and do nothing else. Loopback unless the network of
     * another is one of trust.
     */
    address: z
      .string()
      .refine((text) => isIP(text) !== 0, { message: 'must be an IPv4 or IPv6 address' })
      .default('127.0.0.1'),
    port: z.number().int().min(1).max(65_535).default(9475),
  })
  .nullable()
  .prefault({});
