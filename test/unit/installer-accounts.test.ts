import assert from 'node:assert/strict';
import { runStep } from '../../src/engine/run-step.ts';
import type { Installation } from '../../src/installer/installation.ts';
import { createAccounts, useraddArguments } from '../../src/installer/steps/create-accounts.ts';
import { type Accounts, readAccounts } from '../../src/installer/system-config-accounts.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { brief, commandsOf, goodModel, installationOf, RAID1 } from '../helpers/installer.ts';

const read = (text: string): ReturnType<typeof readAccounts> => readAccounts(commandsOf(`${text}\n`));
function accountsOf(text: string): Accounts {
  const { accounts, problems } = read(text);
  assert.deepEqual(problems, []);
  return accounts;
}

describe('the accounts of a kickstart', () => {
  for (const [line, root] of [
    ['zerombr', { locked: true }],
    ['rootpw --lock', { locked: true }],
    ['rootpw --lock --iscrypted $6$x', { locked: true, password: { kind: 'hash', hash: '$6$x' } }],
    ['rootpw --iscrypted $6$x', { locked: false, password: { kind: 'hash', hash: '$6$x' } }],
    ['rootpw secret', { locked: false, password: { kind: 'plain', password: 'secret' } }],
    ['rootpw --plaintext secret', { locked: false, password: { kind: 'plain', password: 'secret' } }],
  ] as const) {
    it(`reads ${line}`, () => assert.deepEqual(accountsOf(line).root, root));
  }

  it('lets root in by SSH with a password only where there is one', () => {
    assert.equal(accountsOf('rootpw --allow-ssh x').rootBySsh, true);
    assert.equal(accountsOf('rootpw --allow-ssh --lock').rootBySsh, false);
    assert.equal(accountsOf('rootpw x').rootBySsh, false);
  });

  it('reads a user with all there is to say, and one with nothing but a name', () => {
    const text =
      'user --name=me --gecos="Me ☃" --homedir=/srv/me --uid=4001 --gid=5001 --groups="wheel, staff(2000)" --shell=/bin/zsh --password="$6$x" --iscrypted --lock\nuser --name=you';
    assert.deepEqual(accountsOf(text).users, [
      {
        name: 'me',
        uid: 4001,
        gid: 5001,
        gecos: 'Me ☃',
        home: '/srv/me',
        shell: '/bin/zsh',
        groups: [{ name: 'wheel' }, { name: 'staff', gid: 2000 }],
        locked: true,
        password: { kind: 'hash', hash: '$6$x' },
      },
      { name: 'you', home: '/home/you', shell: '/bin/bash', groups: [], locked: true },
    ]);
  });

  it('leaves a name out that stands there twice, and says so', () => {
    const { accounts, problems, warnings } = read(
      'user --name=a --uid=1\nuser --name=a --uid=2\ngroup --name=g\ngroup --name=g',
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(
      accounts.users.map(({ uid }) => uid),
      [1],
    );
    assert.deepEqual(warnings.map(brief), [
      "4:14 left-out: 'group g' is left out: line 3 makes a group of that name already",
      "2:13 left-out: 'user a' is left out: line 1 makes a user of that name already",
    ]);
  });

  for (const [line, problem] of [
    ['user --name=-a', "1:6 account: '-a' is no name"],
    ['user --name=a:b', "1:6 account: 'a:b' is no name"],
    ['user --name=42', "1:6 account: '42' is no name"],
    ['user --name=a --groups=b,c/d', "1:15 account: 'c/d' is no name of a group"],
    ['user --name=a --gecos=b:c', '1:15 account: a colon cannot stand in --gecos'],
    ['user --name=a --homedir=b', "1:15 account: 'b' is no absolute path"],
    ['user --name=a --shell=/bin/a:b', "1:15 account: '/bin/a:b' is no absolute path"],
    ['rootpw --iscrypted a:b', '1:20 account: this is no encrypted password: it holds a colon or a blank'],
    ['sshkey --username=a "ssh-ed25519 A"', "1:8 account: the kickstart makes no user 'a'"],
  ] as const) {
    it(`refuses ${line}`, () => {
      const { rule, message, line: at } = read(line).problems[0] ?? { rule: '', message: '', line: 0 };
      assert.equal(`${at} ${rule}: ${message}`, problem.replace(/:\d+/, ''));
    });
  }

  it('gives useradd every word once, and a home that was there before to its new owner', () => {
    const [user] = accountsOf(
      'user --name=me --gecos="M E" --uid=7 --gid=8 --groups=wheel,users --homedir=/srv/me',
    ).users;
    assert.ok(user);
    const words = ['--gid', '8', '--groups', 'wheel,users', '--uid', '7', '--comment', 'M E'];
    const rest = ['--home-dir', '/srv/me'];
    assert.deepEqual(useraddArguments(user, false), [
      ...words,
      ...rest,
      ...['--create-home', '--key', 'HOME_MODE=0700', '--shell', '/bin/bash', 'me'],
    ]);
    assert.deepEqual(useraddArguments(user, true), [
      ...words,
      ...rest,
      ...['--no-create-home', '--shell', '/bin/bash', 'me'],
    ]);
  });
});

describe('create-accounts', () => {
  const ETC = '/mnt/sysroot/etc';
  const HASH = '$6$salt$made';

  /** A target whose programs keep its files as shadow's do. */
  function machineWith(): FakeMachine {
    const add = (m: FakeMachine, file: string, line: string): void =>
      void m.files.set(`${ETC}/${file}`, `${m.files.get(`${ETC}/${file}`)}${line}\n`);
    const has = (m: FakeMachine, file: string, pattern: RegExp): boolean =>
      pattern.test(String(m.files.get(`${ETC}/${file}`)));
    const value = (args: readonly string[], name: string): string | undefined =>
      args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
    return fakeMachine({
      files: {
        [`${ETC}/passwd`]: 'root:x:0:0:root:/root:/bin/bash\n',
        [`${ETC}/group`]: 'root:x:0:\nusers:x:100:\n',
        [`${ETC}/shadow`]: 'root:*:19000:0:99999:7:::\n',
        '/mnt/sysroot/home/.keep': '',
      },
      commands: {
        mkdir: () => '',
        chown: () => '',
        groupadd: ({ args }, m) => {
          const gid = value(args, '--gid') ?? '1000';
          if (has(m, 'group', new RegExp(`:${gid}:`, 'm'))) return { exitCode: 4 };
          add(m, 'group', `${args.at(-1)}:x:${gid}:`);
          return '';
        },
        useradd: ({ args }, m) => {
          const name = args.at(-1) ?? '';
          const uid = value(args, '--uid') ?? '1000';
          if (has(m, 'passwd', new RegExp(`^[^:]*:x:${uid}:`, 'm'))) return { exitCode: 4 };
          const home = value(args, '--home-dir') ?? '';
          const gid = value(args, '--gid') ?? uid;
          if (args.includes('--user-group')) add(m, 'group', `${name}:x:${gid}:`);
          for (const group of value(args, '--groups')?.split(',') ?? []) {
            const text = String(m.files.get(`${ETC}/group`));
            m.files.set(`${ETC}/group`, text.replace(new RegExp(`^(${group}:.*)$`, 'm'), `$1${name}`));
          }
          const gecos = value(args, '--comment') ?? '';
          add(m, 'passwd', `${name}:x:${uid}:${gid}:${gecos}:${home}:${value(args, '--shell')}`);
          add(m, 'shadow', `${name}:!:19000:0:99999:7:::`);
          m.files.set(`/mnt/sysroot${home}/.profile`, '');
          return '';
        },
        chpasswd: ({ stdin = '' }, m) => {
          const [name = '', field = ''] = stdin.trim().split(':');
          const text = String(m.files.get(`${ETC}/shadow`));
          m.files.set(
            `${ETC}/shadow`,
            text.replace(new RegExp(`^${name}:[^:]*`, 'm'), () => `${name}:${field}`),
          );
          return '';
        },
        chage: ({ args }, m) => {
          const text = String(m.files.get(`${ETC}/shadow`));
          const line = new RegExp(`^(${args.at(-1)}:[^:]*):[^:]*`, 'm');
          m.files.set(`${ETC}/shadow`, text.replace(line, '$1:'));
          return '';
        },
        openssl: () => `${HASH}\n`,
      },
    });
  }
  const installation = (text: string): Installation => installationOf(goodModel(RAID1), text);
  const file = (m: FakeMachine, name: string): string => String(m.files.get(`${ETC}/${name}`));

  it('makes groups, users, passwords and keys, once', async () => {
    const machine = machineWith();
    const what = installation(`rootpw --lock geheim
group --name=team --gid=5001
user --name=me --gid=5001 --groups=wheel,users --password=secret --uid=4001
sshkey --username=me "ssh-ed25519 A"
sshkey --username=root "ssh-ed25519 B"`);
    const step = createAccounts();
    assert.equal((await runStep(step, machine, what)).outcome, 'changed');
    assert.equal((await runStep(step, machine, what)).outcome, 'already-done');
    assert.equal(file(machine, 'group'), 'root:x:0:\nusers:x:100:me\nteam:x:5001:\nwheel:x:1000:me\n');
    assert.match(file(machine, 'passwd'), /^me:x:4001:5001::\/home\/me:\/bin\/bash$/m);
    assert.equal(file(machine, 'shadow'), `root:!${HASH}::0:99999:7:::\nme:${HASH}::0:99999:7:::\n`);
    assert.equal(machine.files.get('/mnt/sysroot/home/me/.ssh/authorized_keys'), 'ssh-ed25519 A\n');
    assert.equal(machine.files.get('/mnt/sysroot/root/.ssh/authorized_keys'), 'ssh-ed25519 B\n');
    const owners = machine.ran.filter(({ file: program }) => program === 'chown').map(({ args }) => args);
    assert.deepEqual(
      owners.map(([owner]) => owner),
      ['4001:5001', '0:0'],
    );
  });

  it('hands no password over but by standard input', async () => {
    const machine = machineWith();
    const what = installation('rootpw geheim\nuser --name=me --uid=4001 --password=secret');
    await runStep(createAccounts(), machine, what);
    const words = machine.ran.flatMap(({ args, env }) => [...args, ...Object.values(env ?? {})]).join(' ');
    assert.doesNotMatch(words, /geheim|secret|made/);
    const said = machine.ran.map(({ stdin }) => stdin).join('');
    assert.match(said, /geheim/);
  });

  it('goes on without an account whose number or name is taken, and says so', async () => {
    const machine = machineWith();
    const said: string[] = [];
    const what = installation(
      'user --name=a --uid=4001\nuser --name=b --uid=4001\nuser --name=root --uid=9\ngroup --name=users --gid=7',
    );
    const report = await runStep(createAccounts(), machine, what, {
      listener: (event) => event.kind === 'said' && said.push(event.line),
    });
    assert.ok(report.outcome === 'changed');
    assert.deepEqual(said, [
      'group users is left out: it exists already',
      'user b is left out: the number 4001 is taken',
      'user root is left out: the name exists already',
    ]);
    assert.deepEqual(report.evidence['skipped'], ['group users', 'user b', 'user root']);
  });

  for (const [title, spoil, why] of [
    [
      'another number',
      (m: FakeMachine) => m.files.set(`${ETC}/passwd`, file(m, 'passwd').replace('4001', '4002')),
      'me has the uid 4002',
    ],
    [
      'a lost group',
      (m: FakeMachine) => m.files.set(`${ETC}/group`, file(m, 'group').replace('100:me', '100:')),
      'me is not in the group users',
    ],
    [
      'an open account',
      (m: FakeMachine) => m.files.set(`${ETC}/shadow`, file(m, 'shadow').replace('root:!', 'root:')),
      "root's password is not set",
    ],
    [
      'another password',
      (m: FakeMachine) => m.files.set(`${ETC}/shadow`, file(m, 'shadow').replace(HASH, '$6$salt$other')),
      "me's password is not set",
    ],
    [
      'a date of the password',
      (m: FakeMachine) => m.files.set(`${ETC}/shadow`, file(m, 'shadow').replace('root:!::', 'root:!:0:')),
      "root's password has a date",
    ],
    [
      'a lost key',
      (m: FakeMachine) => m.files.delete('/mnt/sysroot/home/me/.ssh/authorized_keys'),
      'ssh keys are missing in /home/me',
    ],
  ] as const) {
    it(`sees ${title}`, async () => {
      const machine = machineWith();
      const what = installation(
        'rootpw --lock\nuser --name=me --uid=4001 --groups=users --password=secret\nsshkey --username=me "k e y"',
      );
      const step = createAccounts();
      assert.equal((await runStep(step, machine, what)).outcome, 'changed');
      spoil(machine);
      assert.deepEqual(await step.check(machine, what), { done: false, why });
    });
  }
});
