/** How a client is set up. */

import type { GrpcStatusName } from './errors';
import type { Trace } from './trace';

/** TLS, by files in PEM, which are read once. */
export interface TlsOptions {
  /** The CA that signed the server's certificate. Not given: the system's. */
  readonly caFile?: string;
  /** Mutual TLS: the client's certificate, then its issuers'. */
  readonly certFile?: string;
  /** Mutual TLS: the key of the client's certificate. */
  readonly keyFile?: string;
  /** The name to expect in the server's certificate, where it is not the target's. */
  readonly serverName?: string;
}

/** What the hook is told of a call. */
export interface CallEvent {
  /** The RPC: `Check`, `Filter`, ... */
  readonly method: string;
  /** How it ended: `OK`, or the failure. */
  readonly status: GrpcStatusName;
  /** Of Check and Filter: the effect, or the filter's kind. */
  readonly effect?: string;
  /** Of Check and Filter: why. */
  readonly reason?: string;
  /** Of the answer; '' for none. */
  readonly decisionId?: string;
  /** The failure's text. Never a token or resource content. */
  readonly message?: string;
  /** The calling service is at fault. */
  readonly callerFault: boolean;
  readonly seconds: number;
  /** It was called twice. */
  readonly retried: boolean;
}

/** Of a client. */
export interface PdpClientOptions {
  /** TLS. Not given: `insecure` has to be. */
  readonly tls?: TlsOptions;
  /** Plaintext. Always so on a Unix socket. */
  readonly insecure?: boolean;
  /** Of a call, in milliseconds. Default 1000. */
  readonly deadlineMs?: number;
  /**
   * A token of the calling service, sent as `authorization: Bearer`. Asked on
   * every call, so it may refresh; the time counts against the deadline.
   */
  readonly token?: () => string | Promise<string>;
  /** Told of every call. What it throws is swallowed. */
  readonly onCall?: (event: CallEvent) => void;
  /** Balance over all addresses of a DNS name (`dns:///pdp:8990`). */
  readonly roundRobin?: boolean;
  /** The largest message to take, in bytes. Default 16 MiB. */
  readonly maxMessageBytes?: number;
  /** How many items a BatchCheck of `checkMany` holds. Default 1000. */
  readonly batchItems?: number;
}

/** Of one call. */
export interface CallOptions {
  /** In milliseconds, instead of the client's. */
  readonly deadlineMs?: number;
  /** Ends the call early: CANCELLED, which is no decision. */
  readonly signal?: AbortSignal;
  /** The request that the call is made for. */
  readonly trace?: Trace;
}
