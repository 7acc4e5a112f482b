import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { JOURNAL_VERSION, type JournalContent } from '../../src/engine/journal.ts';
import { reportTable } from '../../src/lab/apply/report-table.ts';
import { Saves } from '../../src/lab/apply/saves.ts';
import { UpgradeReader, upgradeScript } from '../../src/lab/apply/upgrade-script.ts';
import { inTempDir } from '../helpers/tmp.ts';

const PACKAGE = 'slipway-postinstall-0.1.0-2.abc.noarch';

/** Runs the script where its commands are stand-ins that say what they were called with. */
async function onFakeNode(
  { installed, agent = 0, rpm = 0 }: { installed: string; agent?: number; rpm?: number },
  only?: string,
): Promise<string> {
  let said = '';
  await inTempDir(async (dir) => {
    const bin = join(dir, 'bin');
    await mkdir(bin);
    const stand = (name: string, body: string) =>
      writeFile(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    await stand(
      'rpm',
      `[ "$1" != -q ] || { echo ${installed}; exit; }\necho "rpm $* ($(cat ${dir}/package))"; exit ${rpm}`,
    );
    await stand('systemctl', 'echo "systemctl $*"');
    await stand('slipway-agent', `echo "slipway-agent $*"; exit ${agent}`);
    const script = upgradeScript({ package: PACKAGE, ...(only === undefined ? {} : { only }) })
      .replace('/run/slipway-apply.rpm', `${dir}/package`)
      .replace('/var/lib/slipway', dir);
    const code = 'code=$?; echo "exit $code"';
    said = execFileSync('sh', ['-c', `sh -c "$0"; ${code}`, script], {
      input: 'RPM',
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
    }).replaceAll(dir, 'DIR');
  });
  return said;
}

describe('what an edited step does to a node', () => {
  it('upgrades it before its agent runs, and does not run the agent twice', async () => {
    const said = await onFakeNode({ installed: 'slipway-postinstall-0.1.0-1.old.noarch' });
    assert.equal(
      said,
      [
        'slipway-apply: begun',
        'systemctl stop slipway-agent.service',
        'rpm --upgrade --oldpackage --nopostun DIR/package (RPM)',
        'systemctl daemon-reload',
        'slipway-apply: upgraded',
        'slipway-agent run',
        'slipway-apply: journal',
        'exit 0',
        '',
      ].join('\n'),
    );
  });

  it('leaves the package alone where the node has it, and runs one step where that is asked for', async () => {
    const said = await onFakeNode({ installed: PACKAGE }, 'set-motd');
    assert.doesNotMatch(said, /--upgrade/);
    assert.match(said, /^slipway-agent run --only set-motd$/m);
  });

  it('ends as the agent did, and does not run one that could not be upgraded', async () => {
    assert.match(await onFakeNode({ installed: PACKAGE, agent: 1 }), /journal\nexit 1\n$/);
    const refused = await onFakeNode({ installed: 'old', rpm: 4 });
    assert.doesNotMatch(refused, /slipway-agent run/);
    assert.match(refused, /exit 4\n$/);
  });
});

const AT = (second: number): string => `2026-11-21T06:00:0${second}.000Z`;
const journalOf = (steps: JournalContent['steps']): string =>
  JSON.stringify({
    version: JOURNAL_VERSION,
    node: 'node-a',
    run: { boot: 'b', pid: 1, startedAt: AT(2) },
    verdict: { state: 'complete' },
    steps,
  } satisfies JournalContent);

function read(lines: readonly string[], exitCode: number, stderr = '') {
  const reader = new UpgradeReader();
  for (const [i, line] of lines.entries()) reader.line(line, i);
  return { begun: reader.begun, report: reader.report(exitCode, stderr) };
}

describe('the report of a node', () => {
  const verified = { state: 'verified', outcome: 'already-done', evidence: {} } as const;

  it('has each step by its id with its outcome and seconds, in the order of the run', () => {
    const journal = journalOf({
      'from-an-earlier-run': { at: AT(1), ...verified },
      'set-motd': { at: AT(4), ...verified, outcome: 'changed' },
      'set-identity': { at: AT(3), ...verified },
    });
    const { report } = read(
      [
        'slipway-apply: begun',
        'slipway-apply: upgraded',
        'slipway: [1/2] Identity: already-done (0.5 s)',
        'slipway: [2/2] Greet: whoever: the file is not there',
        'slipway: [2/2] Greet: whoever: changed (1.0 s)',
        'slipway: complete node-a',
        'slipway-apply: journal',
        journal,
      ],
      0,
    );
    assert.equal(report.upgraded, true);
    assert.equal(report.problem, undefined);
    assert.deepEqual(
      report.steps.map(({ id, outcome }) => `${id} ${outcome}`),
      ['set-identity already-done', 'set-motd changed'],
    );
    assert.equal(report.steps[0]?.seconds, 0.5);
  });

  it("says in the agent's words why a step failed", () => {
    const { report } = read(
      [
        'slipway-apply: begun',
        'slipway: [1/1] Greet: failed (verify-failed): applied, but still: no',
        'slipway: failed node-a: verify-failed: set-motd: applied, but still: no',
        'slipway-apply: journal',
        journalOf({
          'set-motd': {
            at: AT(4),
            state: 'failed',
            problem: { failureClass: 'verify-failed', message: 'applied, but still: no' },
          },
        }),
      ],
      1,
    );
    assert.equal(report.problem, 'verify-failed: set-motd: applied, but still: no');
    assert.deepEqual(
      report.steps.map(({ id, outcome }) => [id, outcome]),
      [['set-motd', 'failed']],
    );
  });

  it('tells a node that does not let us in from one that refuses the package', () => {
    const away = read([], 255, 'ssh: connect to host 10.0.0.1 port 22: No route to host\n');
    assert.equal(away.begun, false);
    assert.match(away.report.problem ?? '', /No route to host$/);
    const refused = read(['slipway-apply: begun'], 4, 'error: not an rpm package\n');
    assert.equal(refused.begun, true);
    assert.equal(refused.report.problem, 'error: not an rpm package');
    assert.equal(read(['slipway-apply: begun'], 4).report.problem, 'the upgrade ended with exit code 4');
  });

  it('is one table of all nodes', () => {
    const table = reportTable([
      { node: 'a', upgraded: true, steps: [{ id: 's', outcome: 'changed', seconds: 1.26 }], seconds: 5 },
      { node: 'b', upgraded: false, steps: [], problem: 'no', seconds: 0 },
    ]);
    assert.match(table, /│ a +│ s +│ changed +│ +1\.3 │/);
    assert.match(table, /^a: upgraded, verified in 5\.0 s\nb: failed in 0\.0 s$/m);
  });
});

describe('waiting for a save', () => {
  // From the test on: the suite loads long before.
  let within: AbortSignal;
  beforeEach(() => {
    within = AbortSignal.timeout(20_000);
  });

  it('hears of a file in a folder of a step, of a spec that an editor replaces, and of nothing else', async () => {
    await inTempDir(async (dir) => {
      await mkdir(join(dir, 'steps/motd'), { recursive: true });
      const spec = join(dir, 'cluster.yaml');
      await writeFile(spec, 'a');
      const saves = new Saves({ folders: [join(dir, 'steps'), join(dir, 'absent')], files: [spec] });
      try {
        await writeFile(join(dir, 'steps/motd/check'), 'x');
        await saves.next(within);
        await writeFile(join(dir, 'other'), 'x');
        const nothing = await Promise.race([saves.next(within).then(() => 'saved'), pause(600, 'nothing')]);
        assert.equal(nothing, 'nothing');
        const next = saves.next(within);
        await writeFile(join(dir, 'new'), 'b');
        await rename(join(dir, 'new'), spec);
        await next;
      } finally {
        saves.close();
      }
    });
  });

  it('does not miss what is saved while nobody waits, and ends with its signal', async () => {
    await inTempDir(async (dir) => {
      const saves = new Saves({ folders: [dir], files: [] });
      try {
        await writeFile(join(dir, 'check'), 'x');
        await pause(600);
        await saves.next(within);
        const stop = new AbortController();
        const next = saves.next(stop.signal);
        stop.abort(new Error('enough'));
        await assert.rejects(next, /enough/);
      } finally {
        saves.close();
      }
    });
  });
});
