/** Accounts. */
import { type Check, type CommandSpec, EVERYWHERE, FROM_RHEL9, flag, integer, list, text } from '../spec.ts';
import { realmJoin } from './realm.ts';

const rootPassword: Check = (line) => {
  const [password] = line.line.positionals;
  if ((password !== undefined && password.text !== '') || line.has('--lock')) return undefined;
  return { rule: 'missing-argument', message: 'the password is missing', hint: 'give one, or --lock' };
};

const sshPassword: Check = ({ line }) =>
  line.positionals.length > 0
    ? undefined
    : {
        rule: 'missing-argument',
        message: 'the password is missing',
        hint: 'give one; with --lock any word will do',
      };

export const USERS: readonly CommandSpec[] = [
  {
    names: ['rootpw'],
    summary: "Sets root's password.",
    positionals: [{ name: 'password', count: 'optional' }],
    options: [
      flag('--iscrypted'),
      flag('--plaintext'),
      flag('--lock'),
      flag('--allow-ssh', { in: FROM_RHEL9 }),
    ],
    checks: [rootPassword],
  },
  {
    names: ['user'],
    summary: 'Makes a user.',
    options: [
      text('--name', { required: EVERYWHERE }),
      text('--gecos'),
      list('--groups'),
      text('--homedir'),
      text('--shell'),
      integer('--uid'),
      integer('--gid'),
      text('--password'),
      flag('--iscrypted'),
      flag('--plaintext'),
      flag('--lock'),
    ],
    unique: { what: 'user named', key: (line) => line.value('--name') },
  },
  {
    names: ['group'],
    summary: 'Makes a group.',
    options: [text('--name', { required: EVERYWHERE }), integer('--gid')],
    unique: { what: 'group named', key: (line) => line.value('--name') },
  },
  {
    names: ['sshkey'],
    summary: "Installs a user's public key.",
    positionals: [{ name: 'key', count: 'one' }],
    options: [text('--username', { required: EVERYWHERE })],
    unique: { what: 'SSH key for the user', key: (line) => line.value('--username') },
  },
  {
    names: ['sshpw'],
    summary: 'Opens the installer for SSH.',
    positionals: [{ name: 'password', count: 'many' }],
    options: [
      text('--username', { required: EVERYWHERE }),
      flag('--iscrypted'),
      flag('--plaintext'),
      flag('--lock'),
      flag('--sshkey'),
    ],
    unique: { what: 'installer password for the user', key: (line) => line.value('--username') },
    checks: [sshPassword],
  },
  { names: ['realm'], summary: 'Joins an identity domain.', free: true, checks: [realmJoin] },
];
