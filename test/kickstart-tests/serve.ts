/** Serves a folder to virtual machines: under user networking they reach this computer as 10.0.2.2. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** This computer, seen from a virtual machine with user networking. */
const HOST = '10.0.2.2';

export interface Served {
  /** `http://10.0.2.2:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves files below `folder` on a free port of the loopback interface. */
export async function serveFolder(folder: string): Promise<Served> {
  const server = createServer((request, response) => {
    void (async () => {
      // normalize of an absolute path cannot lead above its root; the tests' addresses have doubled slashes.
      const path = normalize(`/${decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname)}`);
      const file = join(folder, path);
      const found = await stat(file).catch(() => undefined);
      if (found?.isFile() !== true) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-length': found.size });
      if (request.method === 'HEAD') response.end();
      else await pipeline(createReadStream(file), response);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://${HOST}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
