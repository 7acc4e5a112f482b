import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { parseGroups, parsePasswd, parseShadow } from '../account-files.ts';
import { type Installation, onTarget, TARGET } from '../installation.ts';
import type { Access, Accounts, Group, User } from '../system-config-accounts.ts';

/**
 * Makes groups, users and their keys, and sets root's password, in Anaconda's order and with its rules
 * (pyanaconda/core/users.py): what exists already is left as it is, and told.
 */
export const createAccounts = (): Step<Installation> => {
  // Accounts and groups that the image or an earlier line has: theirs is not what the kickstart says, and stays.
  const skipped = new Set<string>();
  return {
    id: 'create-accounts',
    title: 'Make groups and users',
    after: ['install-packages'],
    async check(machine, { config: { accounts } }) {
      const why = await firstDifference(machine, accounts, skipped);
      if (why !== undefined) return { done: false, why };
      return {
        done: true,
        evidence: { users: accounts.users.map(({ name }) => name), skipped: [...skipped] },
      };
    },
    async apply(machine, { config: { accounts } }, say) {
      const skip = (what: string, name: string, why: string): void => {
        skipped.add(`${what} ${name}`);
        say(`${what} ${name} is left out: ${why}`);
      };
      for (const group of accounts.groups) await createGroup(machine, group, skip);
      for (const user of accounts.users) await createUser(machine, user, skip);
      await setPassword(machine, 'root', accounts.root);
      for (const user of accounts.users) {
        if (!skipped.has(`user ${user.name}`)) await setPassword(machine, user.name, user);
      }
      await writeKeys(machine, accounts);
    },
  };
};

type Skip = (what: string, name: string, why: string) => void;

async function firstDifference(
  machine: Machine,
  accounts: Accounts,
  skipped: ReadonlySet<string>,
): Promise<string | undefined> {
  const groups = await readGroups(machine);
  for (const { name, gid } of accounts.groups) {
    if (skipped.has(`group ${name}`)) continue;
    const group = groups.find((one) => one.name === name);
    if (group === undefined) return `there is no group ${name}`;
    if (gid !== undefined && group.gid !== gid) return `group ${name} has the number ${group.gid}`;
  }
  const passwd = await readPasswd(machine);
  for (const user of accounts.users) {
    if (skipped.has(`user ${user.name}`)) continue;
    const entry = passwd.find(({ name }) => name === user.name);
    if (entry === undefined) return `there is no user ${user.name}`;
    for (const key of ['uid', 'gid', 'gecos', 'home', 'shell'] as const) {
      if (user[key] !== undefined && entry[key] !== user[key])
        return `${user.name} has the ${key} ${entry[key]}`;
    }
    const missing = user.groups.find(
      ({ name }) => !groups.some((group) => group.name === name && group.members.includes(user.name)),
    );
    if (missing !== undefined) return `${user.name} is not in the group ${missing.name}`;
    if (!(await machine.exists(onTarget(user.home)))) return `${user.name} has no ${user.home}`;
  }
  const shadows = parseShadow(await machine.readFile(onTarget('/etc/shadow')));
  const accesses: readonly (Access & { readonly name: string })[] = [
    { name: 'root', ...accounts.root },
    ...accounts.users.filter(({ name }) => !skipped.has(`user ${name}`)),
  ];
  for (const access of accesses) {
    const entry = shadows.find(({ name }) => name === access.name);
    if (entry?.lastChange !== '') return `${access.name}'s password has a date`;
    if (!(await opens(machine, access, entry.password))) return `${access.name}'s password is not set`;
  }
  for (const [home, { keys }] of keysByHome(accounts, passwd)) {
    const there = ((await machine.readFile(onTarget(`${home}/${KEYS}`))) ?? '').split('\n');
    if (keys.some((key) => !there.includes(key))) return `ssh keys are missing in ${home}`;
  }
  return undefined;
}

const readPasswd = async (machine: Machine) => parsePasswd(await machine.readFile(onTarget('/etc/passwd')));
const readGroups = async (machine: Machine) => parseGroups(await machine.readFile(onTarget('/etc/group')));

/** Exit codes of groupadd(8) and useradd(8): the number is taken, the name is taken. */
const NUMBER_TAKEN = 4;
const NAME_TAKEN = 9;

async function createGroup(machine: Machine, { name, gid }: Group, skip: Skip): Promise<void> {
  if ((await readGroups(machine)).some((group) => group.name === name)) {
    return skip('group', name, 'it exists already');
  }
  const code = await add(machine, 'groupadd', [...(gid === undefined ? [] : ['--gid', `${gid}`]), name]);
  if (code === NUMBER_TAKEN) skip('group', name, `the number ${gid} is taken`);
}

/** Users are only ever added; what useradd finds taken is left as it is. */
async function createUser(machine: Machine, user: User, skip: Skip): Promise<void> {
  const { name } = user;
  if ((await readPasswd(machine)).some((entry) => entry.name === name)) {
    return skip('user', name, 'the name exists already');
  }
  const groups = await readGroups(machine);
  const wanted = user.groups.filter((group) => !groups.some((one) => one.name === group.name));
  const own = user.gid !== undefined && ![...groups, ...wanted].some(({ gid }) => gid === user.gid);
  if (own) await createGroup(machine, { name, gid: user.gid }, skip);
  for (const group of wanted) await createGroup(machine, group, skip);
  const homeIsThere = await machine.exists(onTarget(user.home));
  const parent = user.home.replace(/\/[^/]*$/, '');
  if (parent !== '') await run(machine, 'mkdir', '--parents', onTarget(parent));
  const code = await add(machine, 'useradd', useraddArguments(user, homeIsThere));
  if (code === NUMBER_TAKEN) return skip('user', name, `the number ${user.uid} is taken`);
  if (code === NAME_TAKEN) return skip('user', name, 'a group of that name exists already');
  if (homeIsThere) await takeOver(machine, user);
}

/** The words after useradd's `--root`. */
export function useraddArguments(user: User, homeIsThere: boolean): readonly string[] {
  return [
    ...(user.gid === undefined ? ['--user-group'] : ['--gid', `${user.gid}`]),
    ...(user.groups.length === 0 ? [] : ['--groups', user.groups.map(({ name }) => name).join(',')]),
    ...(user.uid === undefined ? [] : ['--uid', `${user.uid}`]),
    ...(user.gecos === undefined ? [] : ['--comment', user.gecos]),
    '--home-dir',
    user.home,
    // Debian's default would let everybody read it.
    ...(homeIsThere ? ['--no-create-home'] : ['--create-home', '--key', 'HOME_MODE=0700']),
    '--shell',
    user.shell,
    user.name,
  ];
}

/** A home that was there before belongs to its new user from now on, as far as one owner had it. */
async function takeOver(machine: Machine, { name, home }: User): Promise<void> {
  const path = onTarget(home);
  const owner = await machine.stat(path);
  const entry = (await readPasswd(machine)).find((one) => one.name === name);
  if (owner === undefined || entry === undefined) return;
  await run(
    machine,
    'chown',
    '--recursive',
    '--no-dereference',
    `--from=${owner.uid}:${owner.gid}`,
    `${entry.uid}:${entry.gid}`,
    path,
  );
}

async function add(machine: Machine, file: string, args: readonly string[]): Promise<number> {
  const { exitCode } = await machine.exec({
    file,
    args: ['--root', TARGET, ...args],
    effect: 'write',
    accept: [0, NUMBER_TAKEN, NAME_TAKEN],
  });
  return exitCode;
}

async function run(machine: Machine, file: string, ...args: readonly string[]): Promise<void> {
  await machine.exec({ file, args, effect: 'write' });
}

/** Passwords travel by standard input: an argument would show in the process list and in the log. */
async function setPassword(machine: Machine, name: string, access: Access): Promise<void> {
  const { password, locked } = access;
  const hash =
    password === undefined
      ? ''
      : password.kind === 'hash'
        ? password.hash
        : await hashOf(machine, password.password);
  await machine.exec({
    file: 'chpasswd',
    args: ['--root', TARGET, '--encrypted'],
    stdin: `${name}:${locked ? '!' : ''}${hash}\n`,
    effect: 'write',
  });
  // A date would be wrong on a machine whose clock is, and 0 asks for a new password at the next login.
  await run(machine, 'chage', '--root', TARGET, '--lastday', '-1', name);
}

/** SHA-512 by crypt(3), which every release reads. */
async function hashOf(machine: Machine, password: string, salt?: string): Promise<string> {
  const { stdout } = await machine.exec({
    file: 'openssl',
    args: ['passwd', '-6', ...(salt === undefined ? [] : ['-salt', salt]), '-stdin'],
    stdin: `${password}\n`,
    effect: 'read',
  });
  return stdout.trim();
}

/** Whether the field of /etc/shadow is what the kickstart says. */
async function opens(machine: Machine, { password, locked }: Access, field: string): Promise<boolean> {
  if (field.startsWith('!') !== locked) return false;
  const hash = field.replace(/^!/, '');
  if (password === undefined) return hash === '';
  if (password.kind === 'hash') return hash === password.hash;
  const [, salt] = /^\$6\$([^$]+)\$/.exec(hash) ?? [];
  return salt !== undefined && (await hashOf(machine, password.password, salt)) === hash;
}

const KEYS = '.ssh/authorized_keys';

/** Keys and owner of each home that gets some. */
function keysByHome(
  { keys }: Accounts,
  passwd: ReturnType<typeof parsePasswd>,
): ReadonlyMap<string, { readonly owner: string; readonly keys: readonly string[] }> {
  const homes = new Map<string, { owner: string; keys: string[] }>();
  for (const { user, key } of keys) {
    const entry = passwd.find(({ name }) => name === user);
    if (entry === undefined) continue;
    const home = homes.get(entry.home) ?? { owner: `${entry.uid}:${entry.gid}`, keys: [] };
    home.keys.push(key);
    homes.set(entry.home, home);
  }
  return homes;
}

/** Keys that are there stay: a package or an earlier attempt may have brought them. */
async function writeKeys(machine: Machine, accounts: Accounts): Promise<void> {
  for (const [home, { owner, keys }] of keysByHome(accounts, await readPasswd(machine))) {
    const folder = onTarget(`${home}/.ssh`);
    const file = onTarget(`${home}/${KEYS}`);
    const there = ((await machine.readFile(file)) ?? '').split('\n').filter((line) => line !== '');
    const lines = [...new Set([...there, ...keys])];
    await run(machine, 'mkdir', '--parents', '--mode=0700', folder);
    await machine.writeFile(file, lines.map((line) => `${line}\n`).join(''), 0o600);
    await run(machine, 'chown', owner, folder, file);
  }
}
