import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { StepFailure } from '../../src/engine/failure.ts';
import { localMachine } from '../../src/engine/local-machine.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { spawnExec } from '../../src/engine/spawn.ts';
import { fetchImage } from '../../src/installer/fetch-image.ts';
import { inTempDir } from '../helpers/tmp.ts';

const IMAGE = Buffer.alloc(1 << 20, 'image ');

/** This machine, on a network that is up. */
function machine(): Machine {
  const exec = spawnExec();
  return localMachine({
    exec: async (command, onLine) =>
      command.file === 'ip'
        ? { stdout: '2: eth0 inet 10.0.2.15/24\n', stderr: '', exitCode: 0, durationMs: 1 }
        : exec(command, onLine),
  });
}

/** What comes of an image from a server that answers its first, second, … request like this; the last one from then on. */
async function fetched(
  first: RequestListener,
  ...next: readonly RequestListener[]
): Promise<Buffer | string> {
  const answers = [...next];
  let answer = first;
  const server = createServer((request, response) => {
    answer(request, response);
    answer = answers.shift() ?? answer;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address !== 'string');
  try {
    return await inTempDir(async (dir) => {
      const file = join(dir, 'image');
      try {
        await fetchImage(machine(), { url: `http://127.0.0.1:${address.port}/a.img` }, file);
      } catch (error) {
        assert.ok(error instanceof StepFailure);
        return `${error.failureClass}: ${error.message.replace(String(address.port), 'PORT')}`;
      }
      return readFile(file);
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const whole: RequestListener = (_, response) => void response.end(IMAGE);
const cut: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-length': IMAGE.length });
  response.write(IMAGE.subarray(0, IMAGE.length / 2), () => response.destroy());
};

describe('an image that curl fetches', () => {
  it('is whole after the connection was lost on the way', async () => {
    const result = await fetched(cut, whole);
    assert.ok(result instanceof Buffer && result.equals(IMAGE), String(result).slice(0, 200));
  });

  it('is refused at once where the server has none', async () => {
    assert.equal(
      await fetched((_, response) => void response.writeHead(404).end(), whole),
      'config-invalid: http://127.0.0.1:PORT/a.img cannot be fetched: curl: (22) The requested URL returned error: 404',
    );
  });
});
