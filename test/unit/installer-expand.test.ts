import assert from 'node:assert/strict';
import { InputError } from '../../src/errors/problem.ts';
import { type Expanded, expandKickstart } from '../../src/installer/expand.ts';
import { type FakeCommand, type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { refusal } from '../helpers/installer.ts';

/** A machine whose shell knows what each script of one line does. */
function machineWith(
  files: Readonly<Record<string, string>>,
  scripts: Readonly<Record<string, FakeCommand>> = {},
): FakeMachine {
  return fakeMachine({
    files,
    commands: {
      mkdir: () => '',
      rm: () => '',
      '/bin/sh': (command, machine) => {
        const body = String(machine.files.get(command.args[0] ?? '')).trim();
        ran.push(body);
        return scripts[body]?.(command, machine) ?? '';
      },
    },
  });
}

let ran: string[] = [];

const expand = (machine: FakeMachine, text: string): Promise<Expanded> =>
  expandKickstart(machine, text, 'test.ks', () => {});
const commands = ({ document }: Expanded): readonly string[] =>
  document.items.flatMap((item) => (item.kind === 'command' ? `${item.file}:${item.line} ${item.name}` : []));

describe('the expansion of a kickstart', () => {
  beforeEach(() => {
    ran = [];
  });

  it('puts included files in their place, nested ones too, each with its own positions', async () => {
    const machine = machineWith({ '/a.ks': 'lang C\n%include /b.ks\nzerombr\n', '/b.ks': '\nreboot\n' });
    const expanded = await expand(machine, 'text\n%include /a.ks\nskipx\n%include /b.ks\n');
    assert.deepEqual(commands(expanded), [
      'test.ks:1 text',
      '/a.ks:1 lang',
      '/b.ks:2 reboot',
      '/a.ks:3 zerombr',
      'test.ks:3 skipx',
      '/b.ks:2 reboot',
    ]);
    assert.deepEqual([...expanded.sources.keys()], ['test.ks', '/a.ks', '/b.ks']);
  });

  it('runs %pre in the order of the file before it includes what %pre wrote', async () => {
    const machine = machineWith({}, { two: (_, m) => void m.files.set('/tmp/disks.ks', 'zerombr\n') });
    const expanded = await expand(machine, '%include /tmp/disks.ks\n%pre\none\n%end\n%pre\ntwo\n%end\n');
    assert.deepEqual(ran, ['one', 'two']);
    assert.deepEqual(commands(expanded), ['/tmp/disks.ks:1 zerombr']);
  });

  it('runs the %pre of an included file that is there, once', async () => {
    const machine = machineWith({ '/pre.ks': '%pre\ninner\n%end\n' });
    await expand(machine, '%include /pre.ks\n%pre\nouter\n%end\ntext\n');
    assert.deepEqual(ran, ['inner', 'outer']);
  });

  it('appends what %ksappend names before %pre runs', async () => {
    const machine = machineWith({ '/more.ks': '%pre\nappended\n%end\nreboot\n' });
    assert.deepEqual(commands(await expand(machine, 'text\n%ksappend /more.ks\n')), [
      'test.ks:1 text',
      '/more.ks:4 reboot',
    ]);
    assert.deepEqual(ran, ['appended']);
    assert.deepEqual(await refusal(expand(machine, 'text\n%ksappend /none.ks\n%pre\nx\n%end\n')), [
      'test.ks:2:11 include: there is no file /none.ks: did %pre write it?',
    ]);
    assert.deepEqual(ran, ['appended']);
  });

  it('refuses a %pre that is written too late to be run', async () => {
    const machine = machineWith({}, { one: (_, m) => void m.files.set('/late.ks', '\n%pre\ntwo\n%end\n') });
    assert.deepEqual(await refusal(expand(machine, '%include /late.ks\n%pre\none\n%end\n')), [
      '/late.ks:2:1 late-pre: this %pre would never run: its file was not there before %pre',
    ]);
  });

  it('reports every problem of the text before a script has run', async () => {
    const machine = machineWith({});
    assert.deepEqual(await refusal(expand(machine, 'nonsense\n%pre\none\n%end\npart --size=x /\n')), [
      "test.ks:1:1 unknown-command: 'nonsense' is no command of embedded",
      "test.ks:5:13 invalid-value: --size: 'x' is not a whole number",
    ]);
    assert.deepEqual(ran, []);
  });

  it('reports problems of an included file at its own lines, with its text', async () => {
    const machine = machineWith({ '/a.ks': '\n  nonsense\n' });
    await assert.rejects(expand(machine, 'text\n%include /a.ks\n'), (error) => {
      assert.ok(error instanceof InputError);
      assert.deepEqual(
        error.problems.map(({ file, line, column }) => [file, line, column]),
        [['/a.ks', 2, 3]],
      );
      assert.equal(error.sources.get('/a.ks'), '\n  nonsense\n');
      return true;
    });
  });

  it('says which file is missing, where it is named', async () => {
    assert.deepEqual(await refusal(expand(machineWith({}), 'text\n  %include /tmp/x.ks\n')), [
      'test.ks:2:12 include: there is no file /tmp/x.ks: did %pre write it?',
    ]);
  });

  it('refuses files that include each other', async () => {
    const machine = machineWith({ '/a.ks': 'text\n%include /b.ks\n', '/b.ks': '%include /a.ks\n' });
    assert.deepEqual(await refusal(expand(machine, '%include /a.ks\n')), [
      '/b.ks:1:10 include: files include each other: test.ks → /a.ks → /b.ks → /a.ks',
    ]);
  });

  it('takes several VLANs of one card, in an included file too', async () => {
    const lines = [41, 42].map(
      (id) => `network --device=52:54:00:10:00:0a --vlanid=${id} --bootproto=dhcp\n`,
    );
    const machine = machineWith({ '/net.ks': lines.join('') });
    const expanded = await expand(machine, `%include /net.ks\n${lines.join('')}network --hostname=a\n`);
    assert.equal(commands(expanded).length, 5);
  });

  it('still refuses other duplicates', async () => {
    const text = 'part / --size=1 --ondisk=a\npart / --size=1 --ondisk=b\n';
    assert.match(String(await refusal(expand(machineWith({}), text))), /^test\.ks:2:1 duplicate: /);
  });

  it('does not go on after a %pre that says no', async () => {
    const machine = machineWith({}, { no: () => ({ exitCode: 1, stdout: 'too few disks\n' }) });
    assert.equal(
      await refusal(expand(machine, '%pre --erroronfail\nno\n%end\n%pre\ntwo\n%end\n')),
      'verify-failed: %pre at test.ks:1 failed: too few disks',
    );
    assert.deepEqual(ran, ['no']);
  });
});
