/** A pdpd of its own for a test, on the sample clinic. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as readline from 'node:readline';

/** The repository. */
export const ROOT = path.resolve(__dirname, '../../../../..');
const BIN = process.env['PDP_BIN'] ?? path.join(ROOT, 'build/bin');

const LOCAL_CALLER = 'name=local,from=loopback,permissions=all,subjects=any,resources=inline';

/** A directory that goes away with the test run. */
export function temporaryDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pdp-typescript-'));
  process.on('exit', () => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface PdpdOptions {
  /** Where the FHIR JSON is; the sample clinic if not given. */
  readonly source?: string;
  readonly caller?: string;
  /** Further flags. */
  readonly flags?: readonly string[];
}

export class Pdpd {
  private constructor(
    readonly process: ChildProcess,
    /** `127.0.0.1:port`. */
    readonly target: string,
    /** `unix:PATH`. */
    readonly socket: string,
    readonly directory: string,
  ) {}

  static async start(options: PdpdOptions = {}): Promise<Pdpd> {
    const directory = temporaryDirectory();
    const socket = `unix:${directory}/pdp.sock`;
    const child = spawn(
      path.join(BIN, 'pdpd'),
      [
        '--source',
        `directory:${options.source ?? path.join(ROOT, 'docs/security/access-policies')}`,
        '--data-dir',
        path.join(directory, 'data'),
        '--listen',
        '127.0.0.1:0',
        '--listen',
        socket,
        '--http-listen',
        '127.0.0.1:0',
        '--callers',
        options.caller ?? LOCAL_CALLER,
        ...(options.flags ?? []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    process.on('exit', () => child.kill('SIGKILL'));
    let log = '';
    child.stderr.on('data', (text: Buffer) => (log += text.toString()));
    const line = await new Promise<string>((resolve, reject) => {
      readline.createInterface({ input: child.stdout }).once('line', resolve);
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`pdpd ended: ${log}`)));
    });
    const ready: unknown = JSON.parse(line);
    const { grpc } = ready as { grpc: string[] };
    return new Pdpd(child, grpc[0] ?? '', socket, directory);
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { process: child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  }
}

/** Keys and certificates of a CA, a server on 127.0.0.1 and a client. */
export function certificates(): Record<'ca' | 'otherCa' | 'cert' | 'key' | 'clientCert' | 'clientKey', string> {
  const directory = temporaryDirectory();
  const file = (name: string): string => path.join(directory, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: 'ignore' });
  };
  const ca = (name: string): void =>
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)],
    );
  const leaf = (name: string, san: string): void => {
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`)],
    );
    fs.writeFileSync(file(`${name}.ext`), `subjectAltName=${san}\n`);
    openssl(
      ...['x509', '-req', '-in', file(`${name}.csr`), '-CA', file('ca.crt'), '-CAkey', file('ca.key')],
      ...['-CAcreateserial', '-days', '2', '-extfile', file(`${name}.ext`), '-out', file(`${name}.crt`)],
    );
  };
  ca('ca');
  ca('other-ca');
  leaf('server', 'IP:127.0.0.1');
  leaf('client', 'DNS:bot.example.org');
  return {
    ca: file('ca.crt'),
    otherCa: file('other-ca.crt'),
    cert: file('server.crt'),
    key: file('server.key'),
    clientCert: file('client.crt'),
    clientKey: file('client.key'),
  };
}
