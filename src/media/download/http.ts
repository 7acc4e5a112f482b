/** One https request for the rest of a file: redirects followed, a proxy of the environment used. */
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { FailedError } from '../../errors/exit.ts';

export interface HttpOptions {
  readonly signal: AbortSignal;
  /** PEM of certificate authorities instead of the system's; tests bring their own. */
  readonly ca?: string;
  /** Where `https_proxy` and `no_proxy` are looked up; default this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A server's answer; `body` must be read or destroyed. */
export interface Reply {
  /** 200: from the first byte, whatever was asked for; 206: from `start`; 416: there is nothing from there on. */
  readonly status: 200 | 206 | 416;
  /** Offset of the body's first byte. */
  readonly start: number;
  /** Bytes of the whole file, where the server says. */
  readonly total?: number;
  readonly body: AsyncIterable<Buffer> & { destroy(): unknown };
}

/** The server answered, and asking again will not change what it says. */
export class RefusedError extends FailedError {}

/** Milliseconds without a byte after which a connection counts as lost. */
const SILENCE_MS = 60_000;
const REDIRECTS = 10;

/**
 * Asks for a file from byte `from` on.
 * @throws {RefusedError} for an answer that is final: 404, a redirect away from https, a certificate that is not valid.
 * Anything else that is thrown may pass.
 */
export async function requestFrom(url: string, from: number, options: HttpOptions): Promise<Reply> {
  let place = new URL(url);
  for (let hops = 0; hops <= REDIRECTS; hops += 1) {
    if (place.protocol !== 'https:') {
      throw new RefusedError(`${url} leads to ${place.href}, which is not https`, 'name another mirror');
    }
    const response = await send(place, from, options);
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (status >= 300 && status < 400 && location !== undefined) {
      response.destroy();
      place = new URL(location, place);
      continue;
    }
    if (status === 200 || status === 206 || status === 416) return replyOf(status, response);
    response.destroy();
    // Too many requests, a time-out, an overloaded server: all of that may pass.
    if (status >= 500 || status === 408 || status === 429) throw new Error(`${place.host} answers ${status}`);
    throw new RefusedError(
      `${place.href}: the server answers ${status}`,
      'look whether the address is right',
    );
  }
  throw new RefusedError(`${url} leads from one place to the next, more than ${REDIRECTS} times`);
}

type Response = Awaited<ReturnType<typeof send>>;

function replyOf(status: Reply['status'], response: Response): Reply {
  // RFC 9110, 14.4: `bytes 10-99/100`, `bytes 10-99/*`, `bytes */100`.
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '');
  const length = response.headers['content-length'];
  const total = status === 200 ? length : range?.[2];
  return {
    status,
    start: status === 206 ? Number(range?.[1]) : 0,
    ...(total === undefined || total === '*' ? {} : { total: Number(total) }),
    body: response,
  };
}

async function send(url: URL, from: number, options: HttpOptions) {
  const proxy = proxyFor(url, options.env ?? process.env);
  const socket = proxy === undefined ? undefined : await tunnel(proxy, url, options.signal);
  const trust = options.ca === undefined ? {} : { ca: options.ca };
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = secureRequest(url, {
      headers: {
        // A compressed answer would not be the file.
        'accept-encoding': 'identity',
        ...(from > 0 ? { range: `bytes=${from}-` } : {}),
      },
      signal: options.signal,
      ...trust,
      // With an agent, even none (`false`), Node would not use the connection given.
      ...(socket === undefined
        ? { agent: false }
        : { createConnection: () => connect({ socket, ...serverName(url), ...trust }) }),
    });
    request.setTimeout(SILENCE_MS, () =>
      request.destroy(new Error(`${url.host} has said nothing for ${SILENCE_MS / 1000} s`)),
    );
    request.once('response', resolve);
    request.once('error', (error) => reject(isDistrusted(error) ? distrusted(url, error) : error));
    request.end();
  });
}

/** Whom the certificate must name: a host by SNI, an address by itself, which SNI does not admit (RFC 6066, 3). */
const serverName = ({ hostname }: URL) =>
  isIP(hostname) === 0 ? { servername: hostname } : { host: hostname };

/** Node and OpenSSL have no common name for these, but all their codes speak of certificates or signatures. */
const isDistrusted = (error: Error): boolean =>
  'code' in error && /CERT|SIGNATURE|ERR_TLS/.test(String(error.code));

const distrusted = (url: URL, error: Error): RefusedError =>
  new RefusedError(
    `${url.host} cannot be trusted: ${error.message}`,
    'a certificate authority of your own is named in NODE_EXTRA_CA_CERTS',
    { cause: error },
  );

/** The proxy for a URL, by the variables that curl reads. */
function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | undefined {
  const proxy = env['https_proxy'] || env['HTTPS_PROXY'] || env['all_proxy'] || env['ALL_PROXY'];
  if (!proxy) return undefined;
  const exempt = (env['no_proxy'] || env['NO_PROXY'] || '').split(',').map((name) => name.trim());
  const direct = exempt.some(
    (name) =>
      name === '*' ||
      url.hostname === name ||
      (name !== '' && url.hostname.endsWith(`.${name.replace(/^\./, '')}`)),
  );
  return direct ? undefined : new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
}

/** A connection to the server through the proxy (RFC 9110, 9.3.6); what goes through it is TLS from end to end. */
function tunnel(proxy: URL, { hostname, port }: URL, signal: AbortSignal): Promise<Duplex> {
  const target = `${hostname}:${port || '443'}`;
  const login = decodeURIComponent(`${proxy.username}:${proxy.password}`);
  return new Promise((resolve, reject) => {
    const request = plainRequest({
      host: proxy.hostname,
      port: proxy.port || '80',
      method: 'CONNECT',
      path: target,
      headers: {
        host: target,
        ...(login === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
      },
      signal,
      agent: false,
    });
    request.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new RefusedError(`the proxy ${proxy.host} answers ${statusCode} when asked for ${target}`));
    });
    request.once('response', ({ statusCode }) =>
      reject(new RefusedError(`the proxy ${proxy.host} answers ${statusCode} when asked for ${target}`)),
    );
    request.once('error', reject);
    request.end();
  });
}
