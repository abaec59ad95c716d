/** The connection: credentials, balancing, keepalive. */

import * as fs from 'node:fs';

import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';

import { MisuseError } from './errors';
import type { PdpClientOptions } from './options';

const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
const RECONNECT_MS = 100;
const MAX_RECONNECT_MS = 5_000;
// Between look-ups of a name, each when a server has gone.
const RESOLUTION_MS = 1_000;
const MAX_MESSAGE_BYTES = 16 << 20;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)(:\d+)?$/;

function isUnixSocket(target: string): boolean {
  return target.startsWith('unix:');
}

function isOnThisHost(target: string): boolean {
  const bare = target.replace(/^(dns|ipv4|ipv6):(\/{2}[^/]*\/)?/, '');
  return isUnixSocket(target) || LOOPBACK.test(bare);
}

export function channelCredentials(target: string, options: PdpClientOptions): ChannelCredentials {
  const { tls } = options;
  if (isUnixSocket(target)) {
    if (tls) throw new MisuseError('a Unix socket has no TLS: leave `tls` out');
    return credentials.createInsecure();
  }
  if (tls && options.insecure) throw new MisuseError('`tls` and `insecure` exclude each other');
  if (tls) {
    if ((tls.certFile === undefined) !== (tls.keyFile === undefined)) {
      throw new MisuseError('`certFile` and `keyFile` belong together');
    }
    const read = (path: string | undefined): Buffer | null => (path === undefined ? null : fs.readFileSync(path));
    return credentials.createSsl(read(tls.caFile), read(tls.keyFile), read(tls.certFile));
  }
  if (!options.insecure) {
    throw new MisuseError('give `tls`, or say `insecure: true` for plaintext');
  }
  if (options.token && !isOnThisHost(target)) {
    throw new MisuseError('a token does not leave this host over plaintext: give `tls`');
  }
  return credentials.createInsecure();
}

export function channelOptions(options: PdpClientOptions): ChannelOptions {
  const { tls } = options;
  const channel: ChannelOptions = {
    'grpc.enable_retries': 0,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.keepalive_permit_without_calls': 0,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MS,
    'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_MS,
    'grpc.dns_min_time_between_resolutions_ms': RESOLUTION_MS,
    'grpc.max_receive_message_length': options.maxMessageBytes ?? MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
    // What the server's name says of itself must not change retries.
    'grpc.service_config_disable_resolution': 1,
  };
  if (options.roundRobin) {
    channel['grpc.service_config'] = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });
  }
  if (tls?.serverName !== undefined) {
    channel['grpc.ssl_target_name_override'] = tls.serverName;
    channel['grpc.default_authority'] = tls.serverName;
  }
  return channel;
}
