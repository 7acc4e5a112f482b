import assert from 'node:assert/strict';
import { runStep } from '../../src/engine/run-step.ts';
import { reportFailure } from '../../src/installer/failure-report.ts';
import { runScript, ScriptRefusal } from '../../src/installer/scripts.ts';
import { runPostScripts, runPreInstallScripts } from '../../src/installer/steps/run-post-scripts.ts';
import type { Section } from '../../src/kickstart/types.ts';
import { type FakeCommand, type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { documentOf, goodModel, installationOf, RAID1, refusal } from '../helpers/installer.ts';

const sectionsOf = (text: string): readonly Section[] =>
  documentOf(text).items.filter((item): item is Section => item.kind === 'section');

function sectionOf(header: string, body = 'true'): Section {
  const [section] = sectionsOf(`${header}\n${body}\n%end\n`);
  assert.ok(section);
  return section;
}

function machineWith(script: FakeCommand = () => ''): FakeMachine {
  return fakeMachine({
    commands: {
      mkdir: () => '',
      rm: ({ args }, machine) => void machine.files.delete(args[1] ?? ''),
      '/bin/sh': script,
      '/bin/bash': script,
      '/usr/bin/python3': script,
      chroot: script,
    },
  });
}

/** The call that ran the script. */
const call = ({ ran }: FakeMachine): string => {
  const found = ran.find(({ file }) => !['mkdir', 'rm'].includes(file));
  return [found?.file, ...(found?.args ?? [])].join(' ');
};

describe('the scripts of a kickstart', () => {
  for (const [header, expected, file] of [
    ['%pre', '/bin/sh /tmp/ks-script-pre-1', '/tmp/ks-script-pre-1'],
    ['%pre --interpreter=/usr/bin/python3', '/usr/bin/python3 /tmp/ks-script-pre-1', '/tmp/ks-script-pre-1'],
    ['%pre-install', '/bin/sh /tmp/ks-script-pre-install-1', '/tmp/ks-script-pre-install-1'],
    ['%post', 'chroot /mnt/sysroot /bin/sh /tmp/ks-script-post-1', '/mnt/sysroot/tmp/ks-script-post-1'],
    [
      '%post --interpreter=/bin/bash',
      'chroot /mnt/sysroot /bin/bash /tmp/ks-script-post-1',
      '/mnt/sysroot/tmp/ks-script-post-1',
    ],
    ['%post --nochroot', '/bin/sh /tmp/ks-script-post-1', '/tmp/ks-script-post-1'],
  ] as const) {
    it(`runs ${header}`, async () => {
      const machine = machineWith((_, m) => {
        assert.equal(m.files.get(file), 'echo a\n\necho b\n');
        return '';
      });
      await runScript(machine, sectionOf(header, 'echo a\n\necho b'), () => {});
      assert.equal(call(machine), expected);
      assert.equal(machine.files.has(file), false);
    });
  }

  it('keeps what a script prints where --log says, also when it fails', async () => {
    for (const [header, log] of [
      ['%post --log=/root/post.log', '/mnt/sysroot/root/post.log'],
      ['%post --nochroot --log=/tmp/post.log', '/tmp/post.log'],
      ['%pre --log=/tmp/pre.log', '/tmp/pre.log'],
    ] as const) {
      // The shell opens the file for the script, which may add to it by itself.
      const machine = machineWith(({ args }, { files }) => {
        assert.deepEqual(args.slice(0, 3), ['-c', 'exec "$@" >>"$0" 2>&1', log]);
        files.set(log, `${files.get(log)}one\ntwo\n`);
        return { exitCode: 3 };
      });
      const said: string[] = [];
      await runScript(machine, sectionOf(header), (line) => said.push(line));
      assert.equal(machine.files.get(log), 'one\ntwo\n');
      assert.deepEqual(said.slice(0, 2), ['one', 'two']);
    }
  });

  it('goes on when a script fails, and says so, unless its header says --erroronfail', async () => {
    const failing = machineWith(() => ({ exitCode: 3, stdout: 'one\nno space\n' }));
    const said: string[] = [];
    await runScript(failing, sectionOf('%post'), (line) => said.push(line));
    assert.equal(
      said.at(-1),
      'Error code 3 running the kickstart script at line 1: %post at test.ks:1 does not say --erroronfail, so the installation goes on',
    );
    assert.equal(
      await refusal(runScript(failing, sectionOf('%post --erroronfail'), () => {})),
      'verify-failed: %post at test.ks:1 failed: no space',
    );
  });

  it('takes an interpreter that is not there for a failure of the script', async () => {
    const header = '%pre --interpreter=/usr/bin/perl';
    await runScript(machineWith(), sectionOf(header), () => {});
    assert.equal(
      await refusal(runScript(machineWith(), sectionOf(`${header} --erroronfail`), () => {})),
      'verify-failed: %pre at test.ks:1 failed: /usr/bin/perl is not installed',
    );
  });

  describe('a refusal of the guard in %pre', () => {
    const refused = (stdout: string): Promise<unknown> =>
      runScript(
        machineWith(() => ({ exitCode: 1, stdout })),
        sectionOf('%pre --erroronfail'),
        () => {},
      ).then(
        () => undefined,
        (error: unknown) => error,
      );

    it('keeps its class and words, the first of several', async () => {
      const error = await refused(
        'looking\nslipway: failed node-a: refused-foreign-data: pre-disks: vda has a file system\nslipway: failed node-a: config-invalid: pre-disks: more\nslipway: no disk was written.\n',
      );
      assert.ok(error instanceof ScriptRefusal);
      assert.deepEqual(
        [error.failureClass, error.message],
        ['refused-foreign-data', 'vda has a file system'],
      );
    });

    it('is not announced twice: the script has said it on every console', async () => {
      const error = await refused(
        'slipway: failed node-a: verify-failed: pre: ended before it had decided\n',
      );
      assert.deepEqual(reportFailure(error, 'node-a'), {
        say: [],
        note: ['slipway: failed node-a: verify-failed: read-kickstart: ended before it had decided'],
      });
    });

    it('is announced when the words are nobody’s', async () => {
      for (const line of [
        'slipway: failed node-a: no-such-class: pre: x',
        'see slipway: failed a: timeout: b: c',
      ]) {
        const error = await refused(`${line}\n`);
        assert.deepEqual(reportFailure(error, 'node-a').say, [
          `slipway: failed node-a: verify-failed: read-kickstart: %pre at test.ks:1 failed: ${line}`,
        ]);
      }
    });
  });

  describe('as steps', () => {
    const text = '%pre-install\none\n%end\n%post\ntwo\n%end\n%post --erroronfail\nthree\n%end\n';
    const [first, ...post] = sectionsOf(text);
    assert.ok(first);
    const installation = { ...installationOf(goodModel(RAID1), text), preInstall: [first], post };
    const bodies = (machine: FakeMachine): readonly string[] =>
      machine.written.filter((path) => path.includes('ks-script'));

    it('runs each script once, in the order of the file', async () => {
      const machine = machineWith();
      const [before, after] = [runPreInstallScripts(), runPostScripts()];
      for (const step of [before, after]) {
        assert.equal((await runStep(step, machine, installation)).outcome, 'changed');
        assert.equal((await runStep(step, machine, installation)).outcome, 'already-done');
      }
      assert.deepEqual(bodies(machine), [
        '/tmp/ks-script-pre-install-1',
        '/mnt/sysroot/tmp/ks-script-post-4',
        '/mnt/sysroot/tmp/ks-script-post-7',
      ]);
    });

    it('runs them all again in another installation', async () => {
      const machine = machineWith();
      for (const step of [runPostScripts(), runPostScripts()]) {
        assert.equal((await runStep(step, machine, installation)).outcome, 'changed');
      }
      assert.equal(bodies(machine).length, 4);
    });

    it('stops at the one that must not fail, and does not call it done', async () => {
      const machine = machineWith(({ args }) => ({ exitCode: args.at(-1)?.endsWith('-7') === true ? 1 : 0 }));
      const step = runPostScripts();
      for (const count of [2, 3]) {
        const report = await runStep(step, machine, installation);
        assert.ok(report.outcome === 'failed');
        assert.equal(report.problem.message, '%post at test.ks:7 failed: chroot ended with exit code 1');
        assert.equal(bodies(machine).length, count);
      }
    });
  });

  it('does not take a bug of ours for a failure of the script', async () => {
    const broken = machineWith(() => {
      throw new TypeError('a bug');
    });
    await assert.rejects(
      runScript(broken, sectionOf('%pre'), () => {}),
      TypeError,
    );
  });
});
