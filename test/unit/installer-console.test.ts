import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createReporter, type Reporter, type ReporterOptions } from '../../src/installer/console.ts';
import { makeTempDir } from '../helpers/tmp.ts';

describe('what the installer says', () => {
  let dir: string;
  beforeEach(() => {
    dir = makeTempDir('slipway-console-');
    writeFileSync(join(dir, 'active'), 'tty0 ttyS0\n');
    for (const name of ['tty0', 'ttyS0']) writeFileSync(join(dir, name), '');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const CONSOLES = ['tty0', 'ttyS0'] as const;
  /** Without the seconds since the start, which differ from run to run. */
  const plain = (line: string): string =>
    line.replace(/^\[ *\d+\.\d\] /, '').replace(/"seconds":[\d.]+/, '"seconds":0');
  const take = (file: string): readonly string[] =>
    readFileSync(join(dir, file), 'utf8').split('\n').filter(Boolean).map(plain);

  /** What stands where after {@link STORY}. A console is a file here, which each line overwrites. */
  async function said(
    options: Omit<ReporterOptions, 'consoles'>,
    story = STORY,
  ): Promise<Record<'tty0' | 'ttyS0' | 'log', readonly string[]>> {
    const consoles = { devices: dir, active: join(dir, 'active') };
    const reporter = createReporter(join(dir, 'log/installer.log'), { ...options, consoles });
    const lines: Record<(typeof CONSOLES)[number], string[]> = { tty0: [], ttyS0: [] };
    for (const tell of story) {
      tell(reporter);
      await reporter.flush();
      for (const name of CONSOLES) {
        lines[name].push(...take(name));
        writeFileSync(join(dir, name), '');
      }
    }
    return { ...lines, log: take('log/installer.log') };
  }
  const STORY: readonly ((reporter: Reporter) => void)[] = [
    (reporter) => reporter.say('Unpack the image'),
    (reporter) => reporter.note('$ true'),
    (reporter) => reporter.event({ event: 'step', id: 'unpack-image', state: 'changed' }),
    (reporter) => reporter.say('slipway: installed node-a'),
  ];

  it('is a line on every console and in the log; notes are in the log alone', async () => {
    const lines = ['Unpack the image', 'slipway: installed node-a'];
    assert.deepEqual(await said({ everything: false }), {
      tty0: lines,
      ttyS0: lines,
      log: ['Unpack the image', '$ true', 'slipway: installed node-a'],
    });
  });

  it('is everything for who looks for a fault', async () => {
    const { tty0 } = await said({ everything: true });
    assert.deepEqual(tty0, ['Unpack the image', '$ true', 'slipway: installed node-a']);
  });

  it('is told again on the serial line once it matters, where it has not stood', async () => {
    const story = [...STORY, (reporter: Reporter) => reporter.recall()];
    const { tty0, ttyS0 } = await said({ everything: false }, story);
    assert.deepEqual(tty0, ['Unpack the image', 'slipway: installed node-a']);
    assert.deepEqual(ttyS0, ['Unpack the image', 'slipway: installed node-a', '$ true']);
    assert.deepEqual(
      (await said({ everything: true }, story)).ttyS0,
      (await said({ everything: true })).ttyS0,
    );
  });

  it('is JSON on the serial line for a program that asks, but for result lines', async () => {
    const { tty0, ttyS0 } = await said({ everything: false, events: true });
    assert.deepEqual(tty0, ['Unpack the image', 'slipway: installed node-a']);
    assert.deepEqual(ttyS0, [
      '{"seconds":0,"event":"said","line":"Unpack the image"}',
      '{"seconds":0,"event":"noted","line":"$ true"}',
      '{"seconds":0,"event":"step","id":"unpack-image","state":"changed"}',
      'slipway: installed node-a',
    ]);
  });
});
