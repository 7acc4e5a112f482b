/** A throw-away key in a keyring of its own, with an agent that ends with the test. */
import { chmod, readFile, rm } from 'node:fs/promises';
import type { Exec } from '../../src/engine/command.ts';
import { makeTempDir } from './tmp.ts';

export interface Keyring {
  /** For GNUPGHOME. */
  readonly home: string;
  /** Fingerprint. */
  readonly key: string;
  /** Armored. */
  publicKey(): Promise<string>;
  sign(file: string, form: 'armored' | 'binary'): Promise<Buffer>;
}

/** Lends a keyring with one RSA key without a passphrase. */
export async function withKeyring<T>(exec: Exec, use: (keyring: Keyring) => Promise<T>): Promise<T> {
  // The path of the agent's socket must stay below 108 bytes.
  const home = makeTempDir('gpg-');
  await chmod(home, 0o700);
  const gpg = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await exec({
      file: 'gpg',
      args: [
        '--homedir',
        home,
        '--batch',
        '--no-tty',
        '--pinentry-mode',
        'loopback',
        '--passphrase',
        '',
        ...args,
      ],
      effect: 'write',
    });
    return stdout;
  };
  try {
    await gpg('--quick-generate-key', 'Test <test@example.invalid>', 'rsa2048', 'sign', 'never');
    const key = /^fpr:+([0-9A-F]{40}):/m.exec(await gpg('--list-keys', '--with-colons'))?.[1] ?? '';
    return await use({
      home,
      key,
      publicKey: () => gpg('--armor', '--export', key),
      async sign(file, form) {
        const out = `${file}.sig`;
        const armor = form === 'armored' ? ['--armor'] : [];
        await gpg(...armor, '--yes', '--local-user', key, '--output', out, '--detach-sign', file);
        return readFile(out);
      },
    });
  } finally {
    await exec({ file: 'gpgconf', args: ['--homedir', home, '--kill', 'all'], effect: 'write' });
    await rm(home, { recursive: true, force: true });
  }
}
