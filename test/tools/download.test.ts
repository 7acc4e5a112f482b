import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { FailedError } from '../../src/errors/exit.ts';
import { openCache } from '../../src/host/cache.ts';
import type { Context } from '../../src/host/context.ts';
import { createExec } from '../../src/host/exec.ts';
import { hashText } from '../../src/host/hash.ts';
import { obtainVendorMedium } from '../../src/media/download/medium.ts';
import { type Keyring, withKeyring } from '../helpers/gpg.ts';
import { closed, httpsServer, listen, portOf, rangeStart } from '../helpers/https-server.ts';
import { inTempDir } from '../helpers/tmp.ts';

const exec = createExec();
const ISO = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * 7 + (i >> 9)) % 251));
const SHA256 = hashText(ISO);
const HALF = 150_000;

interface Mirror {
  readonly url: string;
  /** `GET` or the range asked for, one entry a request. */
  readonly asked: string[];
  readonly lines: string[];
  readonly cache: string;
  obtain(options?: {
    readonly sha256?: string;
    readonly untrusted?: true;
    readonly env?: NodeJS.ProcessEnv;
  }): Promise<Buffer>;
}

/** A mirror that answers with `answer`, and a build that downloads from it. */
async function withMirror(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  use: (mirror: Mirror, dir: string) => Promise<void>,
): Promise<void> {
  await inTempDir(async (dir) => {
    const asked: string[] = [];
    const lines: string[] = [];
    const listener: RequestListener = (request, response) => {
      asked.push(request.headers.range ?? 'GET');
      answer(request, response, asked.length);
    };
    const server = await httpsServer(dir, exec, listener);
    const url = `${server.origin}/el9.iso`;
    const cache = join(dir, 'cache');
    const context: Context = { exec, cache: openCache(cache), signal: new AbortController().signal };
    try {
      await use(
        {
          url,
          asked,
          lines,
          cache,
          async obtain({ sha256 = SHA256, untrusted, env = {} } = {}) {
            const net = { env, pause: async () => {}, ...(untrusted ? {} : { ca: server.ca }) };
            const { path } = await obtainVendorMedium(
              { url, sha256 },
              context,
              (line) => lines.push(line),
              net,
            );
            return readFile(path);
          },
        },
        dir,
      );
    } finally {
      await server.close();
    }
  });
}

/** A server as it should be. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  const start = rangeStart(request);
  if (start === undefined) return void response.writeHead(200, { 'content-length': ISO.length }).end(ISO);
  if (start >= ISO.length)
    return void response.writeHead(416, { 'content-range': `bytes */${ISO.length}` }).end();
  const range = `bytes ${start}-${ISO.length - 1}/${ISO.length}`;
  response
    .writeHead(206, { 'content-range': range, 'content-length': ISO.length - start })
    .end(ISO.subarray(start));
}

/** Sends so many bytes of the whole and cuts the line. */
function cut(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { 'content-length': ISO.length });
  response.write(ISO.subarray(0, bytes), () => response.socket?.end());
}

/** The second request asked for the rest; the last bytes before a cut may be lost with the connection. */
function assertContinued(asked: readonly string[]): void {
  const [first, second, ...more] = asked;
  const start = Number(/^bytes=(\d+)-$/.exec(second ?? '')?.[1]);
  assert.deepEqual([first, more], ['GET', []]);
  assert.ok(start > 100_000 && start <= HALF, second);
}

const failure = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FailedError, String(error));
  assert.match(error.message, message);
  return true;
};

describe('downloading a vendor medium', () => {
  it('gives the file, tells how far it is, and never asks again', async () => {
    await withMirror(serve, async ({ obtain, asked, lines, cache }) => {
      assert.deepEqual(await obtain(), ISO);
      assert.deepEqual(await obtain(), ISO);
      assert.deepEqual(asked, ['GET']);
      assert.match(lines.join('\n'), /^downloading https:.*\n400 kB of 400 kB, .*\/s$/);
      assert.deepEqual(await readdir(join(cache, 'parts')), []);
    });
  });

  it('goes on where the connection was cut', async () => {
    const answer = (request: IncomingMessage, response: ServerResponse, count: number): void =>
      count === 1 ? cut(response, HALF) : serve(request, response);
    await withMirror(answer, async ({ obtain, asked, lines }) => {
      assert.deepEqual(await obtain(), ISO);
      assertContinued(asked);
      assert.match(lines.join('\n'), /trying again after 1\d\d kB/);
    });
  });

  it('goes on where an earlier run was ended', async () => {
    await withMirror(serve, async ({ obtain, asked, cache }) => {
      await mkdir(join(cache, 'parts'), { recursive: true });
      await writeFile(join(cache, 'parts', SHA256), ISO.subarray(0, HALF));
      assert.deepEqual(await obtain(), ISO);
      assert.deepEqual(asked, [`bytes=${HALF}-`]);
    });
  });

  it('takes a part that is complete for the whole', async () => {
    await withMirror(serve, async ({ obtain, asked, cache }) => {
      await mkdir(join(cache, 'parts'), { recursive: true });
      await writeFile(join(cache, 'parts', SHA256), ISO);
      assert.deepEqual(await obtain(), ISO);
      assert.deepEqual(asked, [`bytes=${ISO.length}-`]);
    });
  });

  it('begins again where the server cannot continue', async () => {
    const answer = (_: IncomingMessage, response: ServerResponse, count: number): void =>
      count === 1
        ? cut(response, HALF)
        : void response.writeHead(200, { 'content-length': ISO.length }).end(ISO);
    await withMirror(answer, async ({ obtain, asked, lines }) => {
      assert.deepEqual(await obtain(), ISO);
      assertContinued(asked);
      assert.match(lines.join('\n'), /does not continue downloads/);
    });
  });

  it('begins again when what was there belonged to another file', async () => {
    await withMirror(serve, async ({ obtain, asked, cache }) => {
      await mkdir(join(cache, 'parts'), { recursive: true });
      await writeFile(join(cache, 'parts', SHA256), Buffer.alloc(HALF, 'old'));
      assert.deepEqual(await obtain(), ISO);
      assert.deepEqual(asked, [`bytes=${HALF}-`, 'GET']);
    });
  });

  it('keeps nothing whose sum is wrong, and says so once', async () => {
    await withMirror(serve, async ({ obtain, asked, cache }) => {
      await assert.rejects(
        obtain({ sha256: '0'.repeat(64) }),
        failure(/is not the file that was asked for.*0{64}/),
      );
      assert.deepEqual(asked, ['GET']);
      assert.deepEqual(await readdir(join(cache, 'parts')), []);
      assert.deepEqual(await readdir(join(cache, 'medium')), []);
    });
  });

  it('gives up when attempt after attempt brings nothing, and keeps what there is', async () => {
    const answer = (_: IncomingMessage, response: ServerResponse, count: number): void => {
      if (count === 1) cut(response, HALF);
      else response.destroy();
    };
    await withMirror(answer, async ({ obtain, asked, cache }) => {
      await assert.rejects(obtain(), failure(/could not be downloaded/));
      assert.equal(asked.length, 6);
      const kept = await readFile(join(cache, 'parts', SHA256));
      assert.ok(kept.length > 100_000);
      assert.deepEqual(kept, ISO.subarray(0, kept.length));
    });
  });

  it('waits for a server that has no time, and not for a file that is not there', async () => {
    const busy = (request: IncomingMessage, response: ServerResponse, count: number): void =>
      count === 1 ? void response.writeHead(503).end() : serve(request, response);
    await withMirror(busy, async ({ obtain }) => assert.deepEqual(await obtain(), ISO));
    const gone = (_: IncomingMessage, response: ServerResponse): void => void response.writeHead(404).end();
    await withMirror(gone, async ({ obtain, asked }) => {
      await assert.rejects(obtain(), failure(/el9\.iso: the server answers 404/));
      assert.equal(asked.length, 1);
    });
  });

  it('follows to another mirror, but never away from https', async () => {
    const moved = (to: string) => (request: IncomingMessage, response: ServerResponse) =>
      request.url === '/el9.iso'
        ? void response.writeHead(302, { location: to }).end()
        : serve(request, response);
    await withMirror(moved('/there/el9.iso'), async ({ obtain }) => assert.deepEqual(await obtain(), ISO));
    await withMirror(moved('http://127.0.0.1/el9.iso'), async ({ obtain }) => {
      await assert.rejects(obtain(), failure(/which is not https/));
    });
    await withMirror(moved('/el9.iso'), async ({ obtain }) => {
      await assert.rejects(obtain(), failure(/more than 10 times/));
    });
  });

  it('trusts nobody whose certificate no authority has signed', async () => {
    await withMirror(serve, async ({ obtain, asked }) => {
      await assert.rejects(obtain({ untrusted: true }), failure(/cannot be trusted/));
      assert.deepEqual(asked, []);
    });
  });

  it('goes through the proxy of the environment', async () => {
    const targets: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket) => {
      targets.push(`${request.url} ${request.headers['proxy-authorization']}`);
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
      // What was handed out for a tunnel is no longer the server's to close.
      onward.on('close', () => socket.destroy());
    });
    await listen(proxy);
    try {
      await withMirror(serve, async ({ obtain, url }) => {
        const env = { https_proxy: `http://me:word@127.0.0.1:${portOf(proxy)}` };
        assert.deepEqual(await obtain({ env }), ISO);
        const login = Buffer.from('me:word').toString('base64');
        assert.deepEqual(targets, [`${new URL(url).host} Basic ${login}`]);
      });
    } finally {
      await closed(proxy);
    }
  });

  it('does nothing in a preview but say what it would', async () => {
    await inTempDir(async (dir) => {
      const lines: string[] = [];
      const context = {
        exec,
        cache: openCache(dir),
        signal: new AbortController().signal,
        preview: true,
      } as const;
      const image = { url: 'https://mirror.invalid/el9.iso', sha256: SHA256 };
      const preview = obtainVendorMedium(image, context, (line) => lines.push(line));
      // What the preview of a build takes for its end.
      await assert.rejects(preview, { code: 'ENOENT' });
      assert.deepEqual(lines, ['downloading https://mirror.invalid/el9.iso']);
    });
  });
});

describe('the signature of a vendor medium', () => {
  const attempt = (signer: Keyring, known: Keyring, form: 'armored' | 'binary') =>
    inTempDir(async (dir) => {
      const iso = join(dir, 'signed.iso');
      await writeFile(iso, ISO);
      const signature = await signer.sign(iso, form);
      const key = join(dir, 'vendor.asc');
      await writeFile(key, await known.publicKey());
      const server = await httpsServer(dir, exec, (request, response) =>
        request.url === '/el9.iso.asc' ? void response.end(signature) : serve(request, response),
      );
      const context: Context = {
        exec,
        cache: openCache(join(dir, 'cache')),
        signal: new AbortController().signal,
      };
      const url = `${server.origin}/el9.iso`;
      const image = { url, sha256: SHA256, signed: { key, signature: `${url}.asc` } };
      try {
        const obtain = () => obtainVendorMedium(image, context, () => {}, { ca: server.ca, env: {} });
        const { path } = await obtain();
        // What was checked once is not asked for again.
        await server.close();
        await obtain();
        return await readFile(path);
      } finally {
        await server.close();
      }
    });

  it('is good when the key made it, armored or not, and stops everything when another did', async function () {
    this.timeout(60_000);
    await withKeyring(exec, (vendor) =>
      withKeyring(exec, async (other) => {
        assert.deepEqual(await attempt(vendor, vendor, 'armored'), ISO);
        assert.deepEqual(await attempt(vendor, vendor, 'binary'), ISO);
        await assert.rejects(attempt(other, vendor, 'armored'), failure(/did not make the signature/));
      }),
    );
  });
});
