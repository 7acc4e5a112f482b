import assert from 'node:assert/strict';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../src/errors/problem.ts';
import { type Cell, EVIDENCE_VERSION, type Run, type Span } from '../../src/lab/evidence/types.ts';
import { consoleLines } from '../../src/lab/report/console-text.ts';
import { clockText, durationText } from '../../src/lab/report/durations.ts';
import { junitXml } from '../../src/lab/report/junit.ts';
import { gatherMaterial, NO_MATERIAL } from '../../src/lab/report/material.ts';
import { renderPage } from '../../src/lab/report/page.ts';
import { diskViews } from '../../src/lab/report/partition-map.ts';
import { readRun } from '../../src/lab/report/read-run.ts';
import { writeReport } from '../../src/lab/report/report.ts';
import { timelineOf } from '../../src/lab/report/timeline.ts';
import { pageView } from '../../src/lab/report/view.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const FIXTURE = new URL('../fixtures/lab-report/', import.meta.url).pathname;
const ESC = '\u001b';

const cellOf = (id: string, more: Partial<Cell> = {}): Cell => ({
  ...{
    id,
    proof: 'trap',
    row: 'power cut',
    column: id,
    verdict: 'passed',
    repeat: `slipway lab prove --only ${id}`,
  },
  ...more,
});

const runOf = (more: Partial<Run>): Run => ({
  ...{ version: EVIDENCE_VERSION, command: 'slipway lab prove', cluster: 'c', plan: 'ab', machine: 'm' },
  ...{ startedAt: '2026-11-21T05:20:07.000Z', seconds: 100, versions: {}, nodes: [], cells: [] },
  ...more,
});

const spanOf = (step: string, from: number, to?: number, by: Span['by'] = 'agent'): Span => ({
  ...{ by, step, title: step, from },
  ...(to === undefined ? {} : { to, outcome: 'changed' }),
});

describe('times of a report', () => {
  it('are said in the largest units that matter', () => {
    assert.deepEqual([0.04, 9.94, 9.96, 59.4, 59.6, 250, 3599.6, 7500].map(durationText), [
      ...['0.0 s', '9.9 s', '10 s', '59 s', '1 min 0 s', '4 min 10 s', '1 h 0 min', '2 h 5 min'],
    ]);
    assert.deepEqual([5, 750, 3900].map(clockText), ['0:05', '12:30', '1:05:00']);
  });
});

describe('the verdict of a run', () => {
  const headline = (run: Run) => pageView(run, NO_MATERIAL, 0).headline;

  it('is the worst of its cells', () => {
    const [passed, failed, idle] = [
      cellOf('a'),
      cellOf('b', { verdict: 'failed' }),
      cellOf('c', { verdict: 'not-run' }),
    ];
    assert.equal(headline(runOf({ cells: [passed] })), 'The proof passed');
    assert.equal(headline(runOf({ cells: [passed, idle] })), '1 of 2 proofs passed, the others were not run');
    assert.equal(headline(runOf({ cells: [passed, idle, failed] })), '1 of 3 proofs failed');
  });

  it('never is "passed" while the run goes on', () => {
    const { seconds: _, ...going } = runOf({ cells: [cellOf('a'), cellOf('b', { verdict: 'not-run' })] });
    const view = pageView(going, NO_MATERIAL, 5);
    assert.deepEqual([view.verdict, view.headline], ['running', '1 of 2 proofs done']);
  });

  it('counts nodes where nothing was to be proven', () => {
    const node = (outcome: 'failed' | 'changed') => ({
      ...{ name: 'n', disks: [] },
      spans: [{ ...spanOf('x', 1, 2), outcome }],
    });
    assert.equal(headline(runOf({ nodes: [node('changed'), node('failed')] })), '1 of 2 nodes failed');
    assert.equal(headline(runOf({ nodes: [node('changed')] })), '1 node');
  });
});

describe('a timeline', () => {
  it('puts repeated steps into one row, and says how often and how long', () => {
    const spans = [spanOf('Time', 0, 10), spanOf('Host names', 10, 20), spanOf('Time', 50, 60)];
    const [node] = timelineOf(runOf({ nodes: [{ name: 'n', disks: [], spans }] }), 0).nodes;
    assert.deepEqual(
      node?.rows.map(({ title, time, bars }) => [title, time, bars.map(({ x, width }) => [x, width])]),
      [
        [
          'Time',
          '2 × 20 s',
          [
            [0, 10],
            [50, 10],
          ],
        ],
        ['Host names', '10 s', [[10, 10]]],
      ],
    );
  });

  it('lets what still runs reach until now', () => {
    const { seconds: _, ...going } = runOf({
      nodes: [{ name: 'n', disks: [], spans: [spanOf('Time', 10)] }],
    });
    const timeline = timelineOf(going, 40);
    const [bar] = timeline.nodes[0]?.rows[0]?.bars ?? [];
    assert.deepEqual([bar?.x, bar?.width, bar?.running], [25, 75, true]);
  });

  it('gives cells that ran at the same time lanes of their own, and no more', () => {
    const cells = [
      cellOf('a', { from: 0, seconds: 50 }),
      cellOf('b', { from: 10, seconds: 10 }),
      cellOf('c', { from: 20, seconds: 10 }),
      cellOf('d', { verdict: 'not-run' }),
    ];
    const [proof] = timelineOf(runOf({ cells }), 0).proofs;
    assert.deepEqual(
      proof?.lanes.map(({ bars }) => bars.map(({ title }) => title.split(':')[0])),
      [['power cut, a'], ['power cut, b', 'power cut, c']],
    );
  });

  it('has ticks at times people count in', () => {
    const { ticks } = timelineOf(runOf({ seconds: 2697 }), 0);
    assert.deepEqual(ticks.map(({ label }) => label).slice(0, 3), ['0:00', '5:00', '10:00']);
  });
});

describe('a partition map', () => {
  const disk = (name: string) => ({
    ...{ name, sizeMiB: 4096 },
    partitions: [
      { name: 'slipway-esp', role: 'esp', sizeMiB: 512 },
      { name: 'slipway-root', role: 'root', sizeMiB: 2048 },
    ],
  });

  it('leaves the free rest free and gives larger partitions more', () => {
    const [view] = diskViews([disk('sda')]);
    const [esp, root] = view?.segments ?? [];
    assert.ok(esp !== undefined && root !== undefined);
    assert.ok(root.width > esp.width);
    assert.ok(esp.x === 0 && root.x === esp.width && root.x + root.width < 90);
    assert.deepEqual([esp.name, esp.size, view?.size], ['esp', '512 MiB', '4 GiB']);
  });

  it('explains disks of the same layout once', () => {
    assert.deepEqual(
      diskViews([disk('sda'), disk('sdb')]).map(({ likeBefore }) => likeBefore),
      [false, true],
    );
  });
});

describe('a console on the page', () => {
  it('loses what a terminal would obey, and letters that turn text around', () => {
    const lines = consoleLines(
      `${ESC}[31mred${ESC}[0m\r\nslipway: failed n: a\u202eb\n${ESC}]0;title\u0007\n`,
    );
    assert.deepEqual(lines.slice(0, 2), [
      { text: 'red', tone: 'plain' },
      { text: 'slipway: failed n: a\ufffdb', tone: 'bad' },
    ]);
    assert.ok(!lines.some(({ text }) => text.includes(ESC)));
  });

  it('is cut at its beginning, and says so', () => {
    const lines = consoleLines(Array.from({ length: 500 }, (_, i) => `line ${i}`).join('\n'));
    assert.equal(lines[0]?.text, '…');
    assert.equal(lines.at(-1)?.text, 'line 499');
    assert.equal(lines.length, 81);
  });

  it('cannot leave its element, whatever it prints', () => {
    const evil = `</script><script>alert(1)</script>${ESC}[2J"><img src=x onerror=alert(2)>' & <%= 1 %>`;
    const nodes = [
      { name: evil, disks: [{ name: evil, sizeMiB: 9, partitions: [] }], spans: [spanOf(evil, 0, 1)] },
    ];
    const cells = [
      cellOf('x', { excerpt: evil, message: evil, row: evil, column: evil, repeat: evil, verdict: 'failed' }),
      cellOf(evil, { excerpt: evil, proof: evil }),
    ];
    const html = renderPage(
      pageView(runOf({ nodes, cells, command: evil, note: evil, cluster: evil }), NO_MATERIAL, 0),
    );
    assert.ok(html.includes('&lt;/script&gt;&lt;script&gt;alert(1)'));
    assert.equal(html.match(/<script/g)?.length, 1);
    assert.ok(!/<img|<%/.test(html));
    assert.ok(!html.includes(ESC));
  });
});

describe('the page of a run', () => {
  it('needs nothing from elsewhere, and embeds the pictures', async () => {
    const run = await readRun(join(FIXTURE, 'run.json'));
    const html = renderPage(pageView(run, await gatherMaterial(run, FIXTURE), 0));
    assert.ok(!/(?:src|href)="(?!#|data:image\/png;base64,)/.test(html));
    assert.ok(!/url\(|@import|https?:\/\//.test(html.replaceAll(/<pre[\s\S]*?<\/pre>/g, '')));
    assert.equal(html.match(/data:image\/png/g)?.length, 2);
    assert.match(html, /default-src &#39;none&#39;/);
  });

  it('has every cell once, with the command that repeats it', async () => {
    const run = await readRun(join(FIXTURE, 'run.json'));
    const html = renderPage(pageView(run, NO_MATERIAL, 0));
    for (const { repeat } of run.cells) assert.equal(html.split(`<code>${repeat}</code>`).length, 2, repeat);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('shows no file from outside its folder, and names pictures it cannot show', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, {
        secret: 'hidden words',
        'report/fake.png': 'no picture',
        'report/own.log': 'seen words',
      });
      await symlink(join(dir, 'secret'), join(dir, 'report/link.log'));
      const cells = [
        cellOf('a', { console: '../secret' }),
        cellOf('b', { console: 'link.log' }),
        cellOf('c', { console: 'own.log', screenshot: 'fake.png' }),
        cellOf('d', { screenshot: 'gone.png' }),
      ];
      const run = runOf({ cells });
      const html = renderPage(pageView(run, await gatherMaterial(run, join(dir, 'report')), 0));
      assert.ok(!html.includes('hidden words'));
      assert.ok(html.includes('seen words'));
      assert.match(html, /fake\.png is not a PNG image/);
      assert.match(html, /gone\.png is not there/);
    });
  });

  it('is written beside the run, with JUnit XML', async () => {
    await inTempDir(async (dir) => {
      const files = await writeReport(runOf({ cells: [cellOf('a')] }), dir);
      assert.match(await readFile(files.page, 'utf8'), /^<!doctype html>/);
      assert.match(await readFile(files.junit, 'utf8'), /^<\?xml /);
    });
  });
});

describe('JUnit XML of a run', () => {
  it('tells failed, unfinished and left out cells apart', () => {
    const cells = [
      cellOf('a', { seconds: 1.5 }),
      cellOf('b', {
        verdict: 'failed',
        message: 'it <did> not',
        excerpt: `${ESC}[1mslipway: failed\u0000 n`,
      }),
      cellOf('c', { verdict: 'running' }),
      cellOf('d', { verdict: 'not-run', message: 'no peer', proof: 'failover' }),
    ];
    const xml = junitXml(runOf({ cells }));
    assert.match(xml, /<testsuites name="c" tests="4" failures="1" errors="1" skipped="1" time="100.000">/);
    assert.match(xml, /<testsuite name="trap" tests="3" failures="1" errors="1" skipped="0"/);
    assert.match(xml, /<testcase classname="trap" name="power cut: a" time="1.500">/);
    assert.match(xml, /<failure message="it &lt;did&gt; not">slipway: failed n\n/);
    assert.match(xml, /<error message="the run ended before it"\/>/);
    assert.match(xml, /<skipped message="no peer"\/>/);
  });
});

describe('a run.json that was not written by this version', () => {
  const problemsOf = (text: string) =>
    inTempDir(async (dir) => {
      const file = join(dir, 'run.json');
      await writeFile(file, text);
      const error = await readRun(file).then(
        () => assert.fail('was read'),
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof InputError);
      return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
    });

  it('is refused with every place', async () => {
    const text = JSON.stringify(runOf({ cells: [cellOf('a'), cellOf('a')] }), undefined, 1)
      .replace('"cluster": "c"', '"cluster": 7')
      .replace('"version": 1', '"version": 9');
    const problems = await problemsOf(text);
    assert.equal(problems.length, 3);
    assert.match(problems[0] ?? '', /^2:13 version: .*1/);
    assert.match(problems[1] ?? '', /^4:13 cluster: .*string/);
    assert.match(problems[2] ?? '', /^11:11 cells: two cells have the same id/);
  });

  it('is refused where it was cut off', async () => {
    const [problem] = await problemsOf(JSON.stringify(runOf({}), undefined, 1).slice(0, 60));
    assert.match(problem ?? '', /^\d+:\d+ /);
  });
});
