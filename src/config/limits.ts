// SPDX-License-Identifier: Apache-2.0
// How much may be asked of the API. A client is an identity of the TLS listener, an address of
// the insecure one, or everyone on the unix socket together.
import { z } from 'zod';

const count = z.number().int().min(1).max(1_000_000);
const seconds = z.number().int().min(1).max(86_400);

export const limits = z
  .strictObject({
    /** Of one request. 1 MiB: an amphora takes about 60 bytes. */
    maxMessageBytes: z.number().int().min(1024).max(67_108_864).default(1_048_576),
    /** Of a call's metadata, names and values. */
    maxMetadataBytes: z.number().int().min(256).max(32_768).default(16_384),
    /** Calls being answered at a time, streams among them. */
    maxConcurrentCalls: z
      .strictObject({
        overall: count.default(400),
        perClient: count.default(200),
        /** More wait in the client: HTTP/2's own limit. */
        perConnection: count.default(100),
      })
      .prefault({}),
    /** Streaming calls at a time. Each may hold megabytes for a client that reads slowly. */
    watches: z
      .strictObject({ overall: count.default(128), perClient: count.default(64) })
      .prefault({}),
    /** Connections at a time. */
    connections: z
      .strictObject({
        perListener: count.default(256),
        /** Of one client address, which the unix socket has none of. */
        perAddress: count.default(32),
      })
      .prefault({}),
    /** A call without streams is answered after this at the latest; a stream must begin. */
    callTimeoutSeconds: seconds.default(60),
    /** Calls a client may begin. */
    ratePerClient: z
      .strictObject({ callsPerSecond: count.default(1000), burst: count.default(5000) })
      .prefault({}),
    /** From the connection to the end of TLS and HTTP/2 handshakes. */
    handshakeTimeoutSeconds: seconds.default(10),
    /** A connection silent for so long is asked for a sign of life. */
    keepaliveSeconds: seconds.default(60),
    /** And closed when none comes for so long. */
    keepaliveTimeoutSeconds: seconds.default(20),
  })
  .prefault({});

export type Limits = z.infer<typeof limits>;
