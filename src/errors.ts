// SPDX-License-Identifier: Apache-2.0

/** A gRPC status by name; `api/` maps it to its number. */
export type StatusName =
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'PERMISSION_DENIED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'INTERNAL';

interface ErrorKind {
  readonly status: StatusName;
  /** Whether the same call can succeed later without being changed. */
  readonly retryable: boolean;
  /** What the caller or operator should do. */
  readonly action: string;
}

/** Every reason a call can fail for. A reason is permanent; docs/errors.md lists them all. */
export const errorKinds = {
  INVALID_ID: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give a UUID, or for an amphora a name of 1 to 255 printable characters.',
  },
  INVALID_ADDRESS: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give a unicast IPv4 or IPv6 address that a host on the port’s subnet could have.',
  },
  INVALID_SUBNET: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give the CIDR of the subnet that holds the address, or none.',
  },
  INVALID_MAC: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give a unicast MAC as six hexadecimal octets with colons, or none.',
  },
  INVALID_ATTACHMENT: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Name the port by interface or MAC, and at most two VLAN ids from 1 to 4094.',
  },
  UNKNOWN_AFFINITY: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Use one of the names in the message, or none for the default.',
  },
  UNKNOWN_ALGORITHM: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Use one of the names in the message, or none for the default.',
  },
  INVALID_WEIGHT: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give a weight from 0 to 256; 0 drains, which a standby cannot.',
  },
  INVALID_POSITION: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give a position below the limit in the message, or none.',
  },
  INVALID_DEADLINE: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give a time in the future, or none.',
  },
  INVALID_TIMEOUT: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give seconds within the limits in the message, or 0 for the default.',
  },
  INVALID_TABLE_SIZE: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Give a power of two within the limits in the message, or 0.',
  },
  STANDBY_HAS_NO_POSITION: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Register it as active, or without a position.',
  },
  INVALID_ARGUMENT: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Correct the field that is named.',
  },
  DUPLICATE_AMPHORA: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Name each amphora once.',
  },
  DISTRIBUTOR_NOT_FOUND: {
    status: 'NOT_FOUND',
    retryable: false,
    action: 'Create the distributor first, or correct its id.',
  },
  AMPHORA_NOT_FOUND: {
    status: 'NOT_FOUND',
    retryable: false,
    action: 'Register the amphora first, or correct its id.',
  },
  PORT_NOT_FOUND: {
    status: 'NOT_FOUND',
    retryable: true,
    action: 'Plug the port into this host, or correct its name or MAC.',
  },
  VIP_IN_USE: {
    status: 'ALREADY_EXISTS',
    retryable: false,
    action: 'Remove the VIP from the other distributor first.',
  },
  VIP_IS_HOST_ADDRESS: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    action: 'Remove the address from the interface: the distributor answers for it by itself.',
  },
  VLAN_OFFLOAD: {
    status: 'FAILED_PRECONDITION',
    retryable: true,
    action: 'Turn the offload off with the command in the message, then add the VIP again.',
  },
  PORT_MTU: {
    status: 'FAILED_PRECONDITION',
    retryable: true,
    action: 'Raise the MTU of the interface to that of the network, then add the VIP again.',
  },
  VIP_CONFLICTS: {
    status: 'ALREADY_EXISTS',
    retryable: false,
    action: 'Remove the VIP first, then add it with the new settings.',
  },
  VIP_AMBIGUOUS: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Name the attachment too: the address is on several.',
  },
  AMPHORA_IN_USE: {
    status: 'ALREADY_EXISTS',
    retryable: false,
    action: 'Unregister the amphora from its other distributor first.',
  },
  ADDRESS_IN_USE: {
    status: 'ALREADY_EXISTS',
    retryable: false,
    action: 'Unregister the amphora that has this address, or correct the address.',
  },
  POSITION_TAKEN: {
    status: 'ALREADY_EXISTS',
    retryable: false,
    action: 'Unregister the amphora at this position first, or choose another.',
  },
  POSITION_FIXED: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    action: 'An amphora keeps its position: unregister it first to register it elsewhere.',
  },
  ROLE_FIXED: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    action: 'An amphora that holds a position cannot stand by: unregister it first.',
  },
  AMPHORA_NOT_ACTIVE: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    action: 'Name an active amphora; `distributorctl show` lists their states.',
  },
  LAST_AMPHORA: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    action: 'Register another amphora first, or drain (or set weights) with force.',
  },
  NO_STANDBY: {
    status: 'FAILED_PRECONDITION',
    retryable: true,
    action: 'Register a standby, or unregister the amphora: its clients then spread.',
  },
  DRAIN_NOT_FOUND: {
    status: 'NOT_FOUND',
    retryable: false,
    action: 'Drain the amphora first, or correct its id.',
  },
  DISTRIBUTOR_EXISTS: {
    status: 'ALREADY_EXISTS',
    retryable: false,
    action: 'Delete the other distributor first, or leave the id out.',
  },
  INVALID_STATE: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Correct the field that is named, or export the state again; nothing was changed.',
  },
  STATE_NOT_EMPTY: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    action: 'Import with replace: distributors that are not in the document are then removed.',
  },
  WATCH_EXPIRED: {
    status: 'OUT_OF_RANGE',
    retryable: false,
    action: 'Watch again from the start, with after = 0.',
  },
  DISTRIBUTOR_HAS_VIPS: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    action: 'Remove its VIPs first, or ask for cascade.',
  },
  REVISION_MISMATCH: {
    status: 'ABORTED',
    retryable: true,
    action: 'Read the distributor again and decide anew.',
  },
  TOO_MANY_AMPHORAE: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: false,
    action: 'Raise tables.maxSlots in the configuration, or register fewer.',
  },
  CAPACITY_EXHAUSTED: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: false,
    action: 'Raise the capacity that is named in the configuration.',
  },
  PORT_BUSY: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    action: 'Detach the other XDP program from the port: it is never replaced.',
  },
  STORE_FAILED: {
    status: 'UNAVAILABLE',
    retryable: true,
    action: 'See the log, and free room on the disk of state.directory; nothing was changed.',
  },
  MALFORMED_REQUEST: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    action: 'Encode the request by the .proto of this version, with a gRPC library.',
  },
  MESSAGE_TOO_LARGE: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: false,
    action: 'Split the request, or raise limits.maxMessageBytes in the configuration.',
  },
  METADATA_TOO_LARGE: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: false,
    action: 'Send less metadata, or raise limits.maxMetadataBytes in the configuration.',
  },
  NO_ROLE: {
    status: 'PERMISSION_DENIED',
    retryable: false,
    action: 'Add a name of the certificate to listen.tls.identities in the configuration.',
  },
  ROLE_FORBIDS: {
    status: 'PERMISSION_DENIED',
    retryable: false,
    action: 'Call as an admin: by another certificate, or over the unix socket.',
  },
  RATE_LIMITED: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: true,
    action: 'Wait as RetryInfo says; limits.ratePerClient in the configuration sets the rate.',
  },
  TOO_MANY_CALLS: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: true,
    action: 'Wait for other calls to end; limits.maxConcurrentCalls sets how many there may be.',
  },
  TOO_MANY_WATCHES: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: true,
    action: 'End other watches first; limits.watches sets how many there may be.',
  },
  CALL_TIMEOUT: {
    status: 'DEADLINE_EXCEEDED',
    retryable: true,
    action: 'Read the distributor before trying again: a change under way goes on to its end.',
  },
  DATAPATH_FAILED: {
    status: 'INTERNAL',
    retryable: true,
    action: 'See the log for the system call that failed; the change was undone.',
  },
  INTERNAL: {
    status: 'INTERNAL',
    retryable: false,
    action: 'This is a bug: report it with the log of the call.',
  },
} as const satisfies Record<string, ErrorKind>;

export type Reason = keyof typeof errorKinds;

export interface Fault {
  /** Path of the field at fault, as in the request: `amphorae[1].mac`. */
  readonly field?: string;
  /** What the field held. */
  readonly value?: string | number;
  /** When the same call may succeed. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Both travel in a call's trailers, which must stay small. */
const longest = 256;

/** Half of a surrogate pair, which a cut may leave, cannot be sent. */
function clip(text: string): string {
  const clipped = text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
  return clipped.toWellFormed();
}

/** The one class of errors that a caller sees. */
export class DistributordError extends Error {
  readonly reason: Reason;
  readonly field: string | null;
  readonly value: string | null;
  readonly retryAfterMs: number | null;

  constructor(reason: Reason, message: string, fault: Fault = {}) {
    super(clip(message), { cause: fault.cause });
    this.name = 'DistributordError';
    this.reason = reason;
    this.field = fault.field ?? null;
    this.value = fault.value === undefined ? null : clip(String(fault.value));
    this.retryAfterMs = fault.retryAfterMs ?? null;
  }

  get kind(): ErrorKind {
    return errorKinds[this.reason];
  }
}

/** Any thrown value as a DistributordError; what is not one already is a bug. */
export function toDistributordError(thrown: unknown): DistributordError {
  if (thrown instanceof DistributordError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new DistributordError('INTERNAL', message, { cause: thrown });
}
