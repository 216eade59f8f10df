// SPDX-License-Identifier: Apache-2.0
import type { Family } from './topology.ts';

/** Client `n` is the one with `clientAddress(family, n)`. */
export interface OpenOptions {
  readonly family: Family;
  /** One connection each from clients `firstClient` to `firstClient + count - 1`. */
  readonly count: number;
  readonly firstClient?: number;
  /** How many connections may be in the making at once. */
  readonly concurrency?: number;
  /** How often each connection sends a message and gets it back. */
  readonly intervalMs?: number;
  /** After so long a silence the kernel asks whether the other side is still there; never by default. */
  readonly keepAliveMs?: number | null;
  /** An echo that takes longer breaks the connection. */
  readonly stallMs?: number;
  /** How long connecting and the greeting may take together. */
  readonly connectTimeoutMs?: number;
  /** What the messages are made from, so that a failure can be repeated. */
  readonly seed?: number;
}

/**
 * Why a connection came to an end that nobody here asked for:
 * - reset: the other side sent RST, on connecting (refused) or later
 * - closed: the other side sent FIN
 * - mismatch: a byte came back that was not sent
 * - stalled: an echo, or the answer to an orderly close, did not come in time
 * - connect-timeout: no connection and greeting in time
 * - unreachable: the network says that there is no way
 * - failed: this side could not do its part (a fault of the test bed); see `detail`
 */
export type BreakReason =
  'reset' | 'closed' | 'mismatch' | 'stalled' | 'connect-timeout' | 'unreachable' | 'failed';

export interface ConnectionReport {
  readonly client: number;
  readonly family: Family;
  /** From the greeting; null while there was none. */
  readonly amphora: string | null;
  /** Whether it exchanges messages. Neither alive nor broken: closed or aborted as asked. */
  readonly alive: boolean;
  readonly broken: BreakReason | null;
  /** What the system or the check says about `broken`. */
  readonly detail: string | null;
  readonly bytesEchoed: number;
}

/** Picks connections: those that satisfy every member given. `{}` picks all. */
export interface ConnectionFilter {
  readonly family?: Family;
  readonly clients?: readonly number[];
  readonly amphora?: string;
  /** Those that were opened to send a message so often. */
  readonly intervalMs?: number;
}

export interface ProbeOptions {
  readonly family: Family;
  readonly clients: readonly number[];
  /** The port every client sends from; without it, any. */
  readonly sourcePort?: number;
  readonly concurrency?: number;
  readonly timeoutMs?: number;
}

/** Exactly one of `amphora` and `error` is null. */
export interface ProbeResult {
  readonly client: number;
  readonly amphora: string | null;
  readonly error: string | null;
}

export interface ExchangeOptions extends ConnectionFilter {
  readonly deadlineMs: number;
}

export interface TransferOptions extends ExchangeOptions {
  /** How many each connection sends at once, and gets back. */
  readonly bytes: number;
}

/** Each of the clients has a socket of its own, so that its datagrams are one flow. */
export interface DatagramOptions {
  readonly family: Family;
  readonly clients: readonly number[];
  /** The payload of a datagram. */
  readonly bytes: number;
  /** The port every client sends from; without it, any. */
  readonly sourcePort?: number;
  /** An answer that takes longer counts as lost. */
  readonly lostAfterMs?: number;
}

/** A datagram is never sent again: `lost` counts those without an answer. */
export interface DatagramReport {
  readonly client: number;
  readonly family: Family;
  /** Those that answered, each once, in the order of their first answers. */
  readonly amphorae: readonly string[];
  readonly answered: number;
  readonly lost: number;
  /** Answers that were not to what had been sent; the first one, in words. */
  readonly wrong: number;
  readonly detail: string | null;
}

/** The calls a test makes to the process in the clients' namespace. */
export interface ClientCalls {
  readonly open: { readonly argument: OpenOptions; readonly reply: ConnectionReport[] };
  readonly report: { readonly argument: ConnectionFilter; readonly reply: ConnectionReport[] };
  readonly exchange: { readonly argument: ExchangeOptions; readonly reply: ConnectionReport[] };
  readonly transfer: { readonly argument: TransferOptions; readonly reply: ConnectionReport[] };
  readonly close: { readonly argument: ConnectionFilter; readonly reply: ConnectionReport[] };
  readonly abort: { readonly argument: ConnectionFilter; readonly reply: ConnectionReport[] };
  readonly forget: { readonly argument: ConnectionFilter; readonly reply: ConnectionReport[] };
  readonly probe: { readonly argument: ProbeOptions; readonly reply: ProbeResult[] };
  readonly udpProbe: { readonly argument: ProbeOptions; readonly reply: ProbeResult[] };
  readonly openDatagrams: { readonly argument: DatagramOptions; readonly reply: DatagramReport[] };
  readonly reportDatagrams: { readonly argument: null; readonly reply: DatagramReport[] };
  readonly closeDatagrams: { readonly argument: null; readonly reply: DatagramReport[] };
}

export type ClientCall = keyof ClientCalls;

export interface ClientRequest<Call extends ClientCall = ClientCall> {
  readonly id: number;
  readonly call: Call;
  readonly argument: ClientCalls[Call]['argument'];
}

/** The answer to the request of that id: a reply, or the message of the error it met. */
export type ClientAnswer =
  | { readonly id: number; readonly reply: ClientCalls[ClientCall]['reply'] }
  | { readonly id: number; readonly error: string };
