import assert from 'node:assert/strict';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MissingError } from '../../src/errors/exit.ts';
import type { Run } from '../../src/lab/evidence/types.ts';
import { LabFolder } from '../../src/lab/lab-folder.ts';
import type { LabPlan } from '../../src/lab/lab-plan.ts';
import { type LivePage, requirePort, serveLivePage } from '../../src/lab/report/live-page.ts';
import { NO_MATERIAL } from '../../src/lab/report/material.ts';
import { pageView } from '../../src/lab/report/view.ts';
import { NodeWatch } from '../../src/lab/report/watch-nodes.ts';
import { inTempDir } from '../helpers/tmp.ts';

const RUN: Run = {
  ...{ version: 1, command: 'slipway lab up --ui', cluster: 'first', plan: 'ab', machine: 'm', versions: {} },
  ...{ startedAt: '2026-11-21T05:20:07.000Z', nodes: [], cells: [] },
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function get(
  url: string,
  options: { readonly host?: string; readonly method?: string; readonly path?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host, ...given } = { method: 'GET', ...options };
    const headers = host === undefined ? {} : { host };
    const asked = request(url, { ...given, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    asked.once('error', reject);
    asked.end();
  });
}

/** Lends a page of `RUN`, whose cluster's name can be changed. */
async function withPage(
  use: (page: LivePage, rename: (cluster: string) => void) => Promise<void>,
): Promise<void> {
  let run = RUN;
  const page = await serveLivePage({
    ...{ port: 0, everyMs: 10 },
    look: async () => pageView(run, NO_MATERIAL, 1),
  });
  try {
    await use(page, (cluster) => {
      run = { ...run, cluster };
    });
  } finally {
    await page.close();
  }
}

/** Events as they come, until the stream ends. */
async function* events(url: string): AsyncGenerator<{ readonly event: string; readonly data: string }> {
  const response = await fetch(url);
  let text = '';
  const decoder = new TextDecoder();
  assert.ok(response.body !== null);
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 2);
      if (event !== undefined && data !== undefined) yield { event, data };
    }
  }
}

describe('the live page', () => {
  it('tells nothing without its token', async () => {
    await withPage(async ({ url }) => {
      assert.match((await get(url)).body, /first/);
      const bare = url.replace(/\?.*/, '');
      const almost = `${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`;
      for (const wrong of [bare, `${bare}?token=`, almost, `${bare}events`, `${url}x`]) {
        const { status, body } = await get(wrong);
        assert.equal(status, 403, wrong);
        assert.ok(!body.includes('first'));
      }
    });
  });

  it('tells nothing to who asks for it by a foreign name, and lets no other page read it', async () => {
    await withPage(async ({ url }) => {
      const { port } = new URL(url);
      for (const host of [
        'evil.example',
        `evil.example:${port}`,
        '127.0.0.1',
        `127.0.0.1:${Number(port) + 1}`,
      ]) {
        assert.equal((await get(url, { host })).status, 403, host);
      }
      const { status, headers } = await get(url, { host: `localhost:${port}` });
      assert.equal(status, 200);
      assert.equal(headers['access-control-allow-origin'], undefined);
      assert.equal(headers['cache-control'], 'no-store');
      assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/);
    });
  });

  it('can only be looked at', async () => {
    await withPage(async ({ url }) => {
      assert.equal((await get(url, { method: 'POST' })).status, 405);
      assert.equal((await get(url.replace('/?', '/run.json?'))).status, 404);
    });
  });

  it('is not ended by an address that is none', async () => {
    await withPage(async ({ url }) => {
      for (const path of ['//', 'http://[', '/\\'])
        assert.equal((await get(url, { path })).status, 403, path);
      assert.equal((await get(url)).status, 200);
    });
  });

  it('looks once for all who ask at the same time, and has seen the end when it is closed', async () => {
    let looking = 0;
    let together = 0;
    let cluster = 'first';
    const page = await serveLivePage({
      ...{ port: 0, everyMs: 5 },
      async look() {
        const seen = cluster;
        together = Math.max(together, ++looking);
        await pause(20);
        looking--;
        return pageView({ ...RUN, cluster: seen }, NO_MATERIAL, 1);
      },
    });
    let last = '';
    for await (const { event, data } of events(page.url.replace('/?', '/events?'))) {
      if (event === 'end') break;
      last = data;
      if (cluster === 'last') continue;
      await Promise.all([get(page.url), get(page.url)]);
      // While the page looks, every moment of which is one before the end.
      while (looking === 0) await pause(1);
      cluster = 'last';
      void page.close();
    }
    assert.match(last, /"title":"[^"]*last/);
    assert.equal(together, 1);
  });

  it('sends what has changed, and only that, up to the end', async () => {
    await withPage(async (page, rename) => {
      const sent: string[] = [];
      for await (const { event, data } of events(page.url.replace('/?', '/events?'))) {
        sent.push(event);
        if (sent.length === 1) {
          assert.deepEqual(Object.keys(JSON.parse(data).sections).length, 6);
          rename('second');
        } else if (event === 'change') {
          assert.deepEqual(Object.keys(JSON.parse(data).sections), ['summary']);
          assert.match(data, /second/);
          void page.close();
        }
      }
      assert.deepEqual(sent, ['change', 'change', 'end']);
    });
  });

  it('names a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    assert.ok(isAddress(address));
    const isTaken = (error: unknown): boolean =>
      error instanceof MissingError && error.message === `port ${address.port} of 127.0.0.1 is taken`;
    await assert.rejects(
      serveLivePage({ port: address.port, look: async () => pageView(RUN, NO_MATERIAL, 1) }),
      isTaken,
    );
    await assert.rejects(requirePort(address.port), isTaken);
    await new Promise((resolve) => other.close(resolve));
    await requirePort(address.port);
  });
});

const isAddress = (address: ReturnType<ReturnType<typeof createServer>['address']>): address is AddressInfo =>
  typeof address === 'object' && address !== null;

describe('a lab that is watched', () => {
  const planIn = (dir: string): LabPlan => ({
    ...{ version: 1, name: 'pair', atOnce: 1, network: { own: [], taps: [], leases: [] } },
    engine: { kind: 'qemu', acceleration: 'tcg', iso: '/none.iso' },
    nodes: [
      {
        name: 'node-a',
        diskMiB: [4096],
        machine: {
          ...{ name: 'node-a', memoryMiB: 1, cpus: 1, firmware: 'bios', disks: [], nics: [] },
          consoleLog: join(dir, 'node-a', 'console.log'),
        },
      },
    ],
  });

  it('shows phases, steps and consoles as they come, over installation and start', async () => {
    await inTempDir(async (dir) => {
      const folder = new LabFolder(dir);
      await mkdir(join(dir, 'node-a'));
      const began = Date.now() - 60_000;
      const { version: _, nodes: __, cells: ___, ...facts } = RUN;
      const watch = new NodeWatch(folder, planIn(dir), {
        ...facts,
        startedAt: new Date(began).toISOString(),
        disks: new Map(),
      });
      const enter = (phase: 'installing' | 'starting' | 'complete', since: number) =>
        folder.writeState({ since: began, nodes: [{ name: 'node-a', phase, since: began + since }] });

      await enter('installing', 1000);
      await writeFile(join(dir, 'node-a', 'install.log'), '[     5.0] Partition the disks\r\n[    6.0] Mo');
      assert.equal((await watch.look()).run.nodes[0]?.spans.length, 2);
      await appendFile(join(dir, 'node-a', 'install.log'), 'unt the target\r\nslipway: installed node-a\r\n');
      await watch.look();
      await enter('starting', 40_000);
      await writeFile(join(dir, 'node-a', 'console.log'), 'slipway: [1/2] Time: already-done (0.1 s)\n');
      await watch.look();
      await enter('complete', 50_000);
      const view = await watch.look();

      const [node] = view.run.nodes;
      assert.deepEqual(
        node?.spans.map(({ by, title, outcome }) => `${by} ${title} ${outcome}`),
        [
          'lab installing changed',
          'lab starting changed',
          'lab complete changed',
          'installer Partition the disks changed',
          'installer Mount the target changed',
          'agent Time already-done',
        ],
      );
      assert.deepEqual(
        view.nodes[0]?.lines.map(({ text }) => text),
        [
          '[     5.0] Partition the disks',
          '[    6.0] Mount the target',
          'slipway: installed node-a',
          'slipway: [1/2] Time: already-done (0.1 s)',
        ],
      );
    });
  });
});
