import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeTempDir } from '../helpers/tmp.ts';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

describe('slipway lint', () => {
  const folder = makeTempDir('slipway-lint-command-');
  const sound = join(folder, 'sound.ks');
  const faulty = join(folder, 'faulty.ks');
  const missing = join(folder, 'missing.ks');

  before(() => {
    writeFileSync(sound, 'text\nrootpw secret\n');
    writeFileSync(faulty, 'part / --sise=1\n');
  });
  after(() => rmSync(folder, { recursive: true }));

  function lint(...args: readonly string[]) {
    return spawnSync(process.execPath, ['--import', 'tsx', CLI, 'lint', ...args], { encoding: 'utf8' });
  }

  it('--json prints one array over all files, with the documented keys in their order, and exits 1 for an error', () => {
    const { status, stdout, stderr } = lint('--json', '--shell', 'never', sound, faulty, missing);
    const problems: readonly Record<string, unknown>[] = JSON.parse(stdout);
    assert.deepEqual(
      problems.map(({ file, line, column, severity, class: of, rule }) => [
        file,
        line,
        column,
        severity,
        of,
        rule,
      ]),
      [
        [sound, 2, 8, 'warning', 'practice', 'plain-password'],
        [faulty, 1, 8, 'error', 'language', 'unknown-option'],
        [missing, 1, 1, 'error', 'language', 'unreadable-file'],
      ],
    );
    const keys = ['file', 'line', 'column', 'severity', 'class', 'rule', 'message', 'hint'];
    for (const problem of problems) assert.deepEqual(Object.keys(problem), keys);
    assert.deepEqual([status, stderr], [1, '']);
  });

  it('prints like a compiler, and exits 0 when there are warnings only', () => {
    const { status, stdout } = lint('--shell', 'never', '--for', 'rhel10', sound);
    assert.equal(status, 0);
    assert.equal(
      stdout,
      [
        `${sound}:2:8: warning: root's password stands here in clear [plain-password]`,
        '  2 | rootpw ******',
        '    |        ^^^^^^',
        '  hint: write --iscrypted with the output of `openssl passwd -6`',
        '',
      ].join('\n'),
    );
  });

  it('leaves no script behind when it is interrupted while shellcheck looks at them', async () => {
    const [programs, temporary] = [join(folder, 'programs'), join(folder, 'temporary')];
    for (const dir of [programs, temporary]) mkdirSync(dir);
    const started = join(folder, 'started');
    const slow = `#!/bin/sh\ntouch ${started}\nexec sleep 60\n`;
    writeFileSync(join(programs, 'shellcheck'), slow, { mode: 0o755 });
    const scripted = join(folder, 'scripted.ks');
    writeFileSync(scripted, '%post\ntrue\n%end\n');
    const child = spawn(process.execPath, ['--import', 'tsx', CLI, 'lint', '--shell', 'always', scripted], {
      env: { ...process.env, PATH: `${programs}:${process.env['PATH']}`, TMPDIR: temporary },
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    while (!existsSync(started)) await delay(20);
    const lent = (): readonly string[] =>
      readdirSync(temporary).filter((name) => name.startsWith('slipway-'));
    assert.equal(lent().length, 1);
    child.kill('SIGINT');
    assert.deepEqual(await ended, [130, null]);
    assert.deepEqual(lent(), []);
  });
});
