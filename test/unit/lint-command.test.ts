import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

describe('slipway lint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-lint-command-'));
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
});
