import assert from 'node:assert/strict';
import { type Command, CommandError, type Exec } from '../../src/engine/command.ts';
import { MissingError } from '../../src/errors/exit.ts';
import { preflight, type ToolNeed, toolNeeds } from '../../src/host/tools.ts';

/** Answers each tool with what it prints when asked for its version. */
const versions =
  (answers: Readonly<Record<string, string>>): Exec =>
  async (command: Command) => {
    const stdout = answers[command.file];
    if (stdout === undefined) throw new CommandError(command, 'not-found', undefined, '');
    return { stdout, stderr: '', exitCode: 0, durationMs: 0 };
  };

const need = (tool: string, more: Partial<ToolNeed> = {}): ToolNeed => ({
  tool,
  why: `does what ${tool} does`,
  debianPackage: `${tool}-deb`,
  ...more,
});

async function complaint(
  needs: readonly ToolNeed[],
  there: Readonly<Record<string, string>>,
  uid = 1000,
): Promise<MissingError> {
  const find = (tool: string): string | undefined => (tool in there ? tool : undefined);
  try {
    await preflight(needs, versions(there), { uid, find, isDebian: true });
  } catch (error) {
    if (error instanceof MissingError) return error;
    throw error;
  }
  throw new Error('nothing was missing');
}

describe('the look at the tools', () => {
  it('names all that are missing, why, and one command that installs them', async () => {
    const error = await complaint(
      [need('b'), need('a'), need('there'), need('c', { debianPackage: 'a-deb' })],
      {
        there: '',
      },
    );
    assert.equal(
      error.message,
      'b is not installed: it does what b does\na is not installed: it does what a does\nc is not installed: it does what c does',
    );
    assert.equal(error.hint, 'sudo apt-get install --no-install-recommends -y a-deb b-deb');
  });

  it('needs no sudo as root', async () => {
    const error = await complaint([need('a')], {}, 0);
    assert.equal(error.hint, 'apt-get install --no-install-recommends -y a-deb');
  });

  it('does not ask root for what only others need', async () => {
    const needs = [need('newuidmap', { unlessRoot: true })];
    await preflight(needs, versions({}), { uid: 0, find: () => undefined });
    await assert.rejects(preflight(needs, versions({}), { uid: 1000, find: () => undefined }), MissingError);
  });

  for (const [prints, minVersion, enough] of [
    ['xorriso 1.5.4\nISO 9660', '1.5.2', true],
    ['xorriso 1.5.2', '1.5.2', true],
    ['xorriso 1.4.8', '1.5.2', false],
    ['mksquashfs version 4.10 (2022/03/17)', '4.5', true],
    ['no number here', '1.0', false],
  ] as const) {
    it(`takes '${prints.split('\n')[0]}' for ${enough ? 'enough' : 'too little'} where ${minVersion} is needed`, async () => {
      const check = preflight([need('x', { minVersion })], versions({ x: prints }), { find: () => 'x' });
      if (enough) await check;
      else
        await assert.rejects(
          check,
          /^MissingError: x is version .*, \d\.\d.* is needed: it does what x does$/,
        );
    });
  }

  it('asks a tool for its version in the tool’s own way', async () => {
    const calls: Command[] = [];
    const exec: Exec = async (command) => {
      calls.push(command);
      return { stdout: 'sqfstar version 4.5.1', stderr: '', exitCode: 1, durationMs: 0 };
    };
    await preflight(toolNeeds('sqfstar'), exec, { find: () => '/usr/bin/sqfstar' });
    assert.deepEqual(calls, [
      { file: '/usr/bin/sqfstar', args: ['-version'], effect: 'read', accept: [0, 1] },
    ]);
  });
});
