/** A report that changes while it is looked at: a page on this computer alone, and a stream of what changes on it. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FailedError, MissingError } from '../../errors/exit.ts';
import { renderPage, renderSections } from './page.ts';
import type { PageView } from './view.ts';

const ADDRESS = '127.0.0.1';

export interface LivePage {
  /** With the token, without which nothing is told. */
  readonly url: string;
  /** Tells everybody who looks what is there now, and that it is the last. */
  close(): Promise<void>;
}

export interface LivePageOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** What is to be seen now. Asked only while somebody looks, and never while it is being answered. */
  look(): Promise<PageView>;
  /** Milliseconds from one look to the next; default 1000. */
  readonly everyMs?: number;
}

/** Serves until it is closed. @throws {MissingError} when the port cannot be had. */
export async function serveLivePage(options: LivePageOptions): Promise<LivePage> {
  const { port, everyMs = 1000 } = options;
  const look = shared(() => options.look());
  const token = randomBytes(24).toString('base64url');
  const audience = new Audience(look);
  const server = createServer((request, response) => {
    const { port: own } = portOf(server);
    const target = targetOf(request);
    const refusal = refusalOf(request, target, own, token);
    if (refusal !== undefined) return void answer(response, refusal.status, 'text/plain', refusal.words);
    if (target?.pathname === '/events') return void audience.join(response);
    if (target?.pathname !== '/') return void answer(response, 404, 'text/plain', 'There is nothing here.\n');
    look()
      .then((view) => renderPage(view, true))
      .then(
        (html) => answer(response, 200, 'text/html', html),
        () => answer(response, 503, 'text/plain', 'There is nothing to be seen yet.\n'),
      );
  });
  await listen(server, port);
  const timer = setInterval(() => void audience.tell(), everyMs);
  return {
    url: `http://${ADDRESS}:${portOf(server).port}/?token=${token}`,
    async close() {
      clearInterval(timer);
      await audience.dismiss();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Who asks while it is being answered gets that answer. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask().finally(() => {
      asked = undefined;
    });
    return asked;
  };
}

/** Undefined for what is no address at all, such as `//`. */
function targetOf({ url = '/' }: IncomingMessage): URL | undefined {
  const base = `http://${ADDRESS}`;
  return URL.canParse(url, base) ? new URL(url, base) : undefined;
}

interface Refusal {
  readonly status: number;
  readonly words: string;
}

/** Undefined for a request that gets an answer. */
function refusalOf(
  { method, headers }: IncomingMessage,
  target: URL | undefined,
  port: number,
  token: string,
): Refusal | undefined {
  // A foreign name that leads here (DNS rebinding) would let its owner's pages read what we say.
  if (headers.host !== `${ADDRESS}:${port}` && headers.host !== `localhost:${port}`) {
    return { status: 403, words: 'This page has another name.\n' };
  }
  if (!sameSecret(target?.searchParams.get('token') ?? '', token)) {
    return { status: 403, words: 'The address lacks its token: take it from where slipway printed it.\n' };
  }
  return method === 'GET' ? undefined : { status: 405, words: 'This page is only to be looked at.\n' };
}

/** In a time that tells nothing about where they differ. */
function sameSecret(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** No header lets pages from elsewhere read an answer, keep it, or put it into a frame. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "frame-ancestors 'none'",
};

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': `${type}; charset=utf-8` });
  response.end(body);
}

/** Everybody who looks, and what they have been told. */
class Audience {
  readonly #look: () => Promise<PageView>;
  readonly #listening = new Set<ServerResponse>();
  #told: ReadonlyMap<string, string> = new Map();
  /** Sends the sections that have changed since they were last sent. */
  readonly tell = shared(() => this.#tellChanges());

  constructor(look: () => Promise<PageView>) {
    this.#look = look;
  }

  join(response: ServerResponse): void {
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    response.write('retry: 1000\n\n');
    response.once('close', () => this.#listening.delete(response));
    this.#listening.add(response);
    // Who comes back has an old page: everything is told anew.
    this.#told = new Map();
    void this.tell();
  }

  async #tellChanges(): Promise<void> {
    if (this.#listening.size === 0) return;
    try {
      const view = await this.#look();
      const sections = renderSections(view, true);
      const changed = [...sections].filter(([name, html]) => this.#told.get(name) !== html);
      this.#told = sections;
      if (changed.length > 0) {
        this.#send('change', JSON.stringify({ title: view.title, sections: Object.fromEntries(changed) }));
      }
    } catch {
      // What cannot be read now may be read in a second; whoever looks keeps what there was.
    }
  }

  async dismiss(): Promise<void> {
    // The first may have looked before the last of it happened.
    await this.tell();
    await this.tell();
    this.#send('end', '{}');
    for (const response of this.#listening) response.end();
    this.#listening.clear();
  }

  /** `data` without line breaks, which would end it (HTML Standard, 9.2.6); JSON has none. */
  #send(event: string, data: string): void {
    for (const response of this.#listening) response.write(`event: ${event}\ndata: ${data}\n\n`);
  }
}

/** Whether a page could be shown at `port`, before a long time is spent on what it is to show. @throws {MissingError} if not. */
export async function requirePort(port: number): Promise<void> {
  const server = createServer();
  await listen(server, port);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, port)));
    server.listen({ host: ADDRESS, port }, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, port: number): Error {
  const why = error.code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${error.code ?? error.message})`;
  return new MissingError(
    `port ${port} of ${ADDRESS} ${why}`,
    'name another one, or none and get a free one',
    {
      cause: error,
    },
  );
}

function portOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new FailedError('the page is not served any more');
  return address;
}
