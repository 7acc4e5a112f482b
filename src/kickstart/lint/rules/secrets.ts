/** Rules about passwords. */
import type { CommandLine } from '../../types.ts';
import { lastValue } from '../storage.ts';
import type { LintView, PracticeFinding, PracticeRule } from '../types.ts';

export const SECRET_RULES: readonly PracticeRule[] = [
  {
    name: 'plain-password',
    severity: 'warning',
    title: 'No password stands in the kickstart in clear.',
    why: 'A kickstart lies on a web server, on the medium, and as /root/anaconda-ks.cfg on the installed system.',
    remedy: 'write --iscrypted with the output of `openssl passwd -6`',
    wrong: 'rootpw --plaintext secret',
    right: 'rootpw --iscrypted $6$salt$Rd4TNO8HBvV9JSN7Vb1CcDv.3hzdyRBtFqpjOiFXAv',
    check: (view) => [...rootPasswords(view), ...userPasswords(view), ...bootPasswords(view)],
  },
];

function rootPasswords({ storage }: LintView): readonly PracticeFinding[] {
  return storage.commands('rootpw').flatMap((line) => {
    const [password] = line.positionals;
    if (password === undefined || !isPlain(line)) return [];
    return [{ at: password, message: "root's password stands here in clear" }];
  });
}

function userPasswords({ storage }: LintView): readonly PracticeFinding[] {
  return storage.commands('user').flatMap((line) => {
    const password = lastValue(line, '--password');
    if (password === undefined || password.text === '' || !isPlain(line)) return [];
    return [
      {
        at: password,
        message: `the password of '${lastValue(line, '--name')?.text ?? ''}' stands here in clear`,
      },
    ];
  });
}

function bootPasswords({ storage }: LintView): readonly PracticeFinding[] {
  return storage.commands('bootloader').flatMap((line) => {
    const password = lastValue(line, '--password');
    if (password === undefined || !isPlain(line)) return [];
    const hint = 'write --iscrypted with the output of `grub2-mkpasswd-pbkdf2`';
    return [{ at: password, message: "the boot loader's password stands here in clear", hint }];
  });
}

/** The last of --iscrypted and --plaintext counts. */
function isPlain(line: CommandLine): boolean {
  const last = ['--iscrypted', '--plaintext']
    .flatMap((name) => line.options.get(name)?.map(({ option }) => ({ name, column: option.column })) ?? [])
    .sort((a, b) => a.column - b.column)
    .at(-1);
  return last?.name !== '--iscrypted';
}
