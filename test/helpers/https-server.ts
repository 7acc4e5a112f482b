/** An https server on loopback with a certificate authority of its own, and what may go wrong with a mirror. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import type { Exec } from '../../src/engine/command.ts';

export interface TestServer {
  /** `https://127.0.0.1:PORT`. */
  readonly origin: string;
  /** PEM of the certificate, which is its own authority. */
  readonly ca: string;
  close(): Promise<void>;
}

/** Starts a server that answers with `listener`; its key and certificate are made in `dir`. */
export async function httpsServer(dir: string, exec: Exec, listener: RequestListener): Promise<TestServer> {
  const [key, cert] = [join(dir, 'server.key'), join(dir, 'server.crt')];
  await exec({
    file: 'openssl',
    args: [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...[
        '-subj',
        '/CN=slipway test',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        cert,
      ],
    ],
    effect: 'write',
  });
  const ca = await readFile(cert, 'utf8');
  const server = createServer({ key: await readFile(key), cert: ca }, listener);
  await listen(server);
  return { origin: `https://127.0.0.1:${portOf(server)}`, ca, close: () => closed(server) };
}

export const listen = (server: Server): Promise<void> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve()));

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

export function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** First byte of a `Range: bytes=N-` request; undefined when all is wanted. */
export function rangeStart({ headers }: IncomingMessage): number | undefined {
  const start = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}
