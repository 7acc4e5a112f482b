import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEY_FILE } from '../../src/artefact/key-file.ts';
import { buildRepository } from '../../src/artefact/repository.ts';
import {
  findSigningKey,
  repomdCommand,
  rpmsignCommand,
  type SigningKey,
  signatureTime,
  signRpm,
} from '../../src/artefact/sign.ts';
import type { Command, Exec } from '../../src/engine/command.ts';
import { MissingError } from '../../src/errors/exit.ts';
import { openCache } from '../../src/host/cache.ts';
import type { Context } from '../../src/host/context.ts';
import { createExec } from '../../src/host/exec.ts';
import { hashFile, hashTree } from '../../src/host/hash.ts';
import { renderKickstart } from '../../src/kickstart/render.ts';
import { MEDIUM } from '../../src/media/types.ts';
import { withKeyring } from '../helpers/gpg.ts';
import { goldenPlan, TEMPLATES } from '../helpers/rendered.ts';
import { tinyRpm } from '../helpers/tiny-rpm.ts';
import { inTempDir } from '../helpers/tmp.ts';

const EPOCH = 1_767_225_600;
const plain = createExec();

/** An {@link Exec} whose gpg uses a keyring of the test's. */
const inKeyring =
  (home: string): Exec =>
  (command, onLine) =>
    plain({ ...command, env: { ...command.env, GNUPGHOME: home } }, onLine);

const context = (dir: string, exec: Exec): Context => ({
  exec,
  cache: openCache(dir),
  signal: new AbortController().signal,
});

/** What rpm says of a package, knowing one public key. */
async function checksig(
  dir: string,
  file: string,
  publicKey: string,
): Promise<{ code: number; text: string }> {
  const db = join(dir, 'rpmdb');
  const key = join(dir, 'public.asc');
  await mkdir(db, { recursive: true });
  await writeFile(key, publicKey);
  await plain({ file: 'rpmkeys', args: ['--dbpath', db, '--import', key], effect: 'write' });
  const { exitCode, stdout } = await plain({
    file: 'rpmkeys',
    // Without the level, rpm is content with a package that is not signed at all.
    args: ['--define', '_pkgverify_level all', '--dbpath', db, '--checksig', file],
    effect: 'read',
    accept: [0, 1],
  });
  return { code: exitCode, text: stdout };
}

/** The part of the embedded kickstart's %pre that looks at signatures. */
function signaturesPart(): string {
  const plan = goldenPlan('one-disk');
  const [node = assert.fail('no node')] = plan.nodes;
  const text = renderKickstart(node, plan, { templates: TEMPLATES, medium: MEDIUM, signed: true });
  return /^# The packages on the medium:[\s\S]*?^rm -rf .*$/m.exec(text)?.[0] ?? assert.fail('no such part');
}

describe('signing', function () {
  this.timeout(60_000);

  it('gives packages and a repository that the public key proves, and whose change it notices', async () => {
    await withKeyring(plain, ({ home, key: fingerprint }) =>
      inTempDir(async (dir) => {
        const exec = inKeyring(home);
        const key = await findSigningKey(fingerprint.slice(-16), exec);
        assert.equal(key.fingerprint, fingerprint);
        const rpm = await tinyRpm(dir, exec, { name: 'app', files: ['/opt/app'] });
        const work = context(join(dir, 'cache'), exec);
        const before = await checksig(dir, rpm, key.publicKey);
        assert.equal(before.code, 1, before.text);
        const signed = await signRpm(work, { file: rpm }, key, EPOCH);
        assert.deepEqual(
          (await checksig(dir, signed.file, key.publicKey)).text,
          `${signed.file}: digests signatures OK\n`,
        );

        const { dir: repository } = await buildRepository(work, [signed], EPOCH, key);
        assert.equal(await readFile(join(repository, KEY_FILE), 'utf8'), key.publicKey);
        const ring = join(dir, 'ring.gpg');
        const repomd = join(repository, 'repodata/repomd.xml');
        await plain({
          file: 'gpg',
          args: ['--dearmor', '--output', ring, join(repository, KEY_FILE)],
          effect: 'write',
        });
        const verify: Command = {
          file: 'gpgv',
          args: ['--keyring', ring, `${repomd}.asc`, repomd],
          effect: 'read',
        };
        await plain(verify);

        const torn = join(dir, 'torn.rpm');
        await copyFile(signed.file, torn);
        const bytes = await readFile(torn);
        bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
        await writeFile(torn, bytes);
        assert.equal((await checksig(dir, torn, key.publicKey)).code, 1);
        const changed = join(dir, 'repomd.xml');
        await writeFile(changed, `${await readFile(repomd, 'utf8')} `);
        await assert.rejects(plain({ ...verify, args: ['--keyring', ring, `${repomd}.asc`, changed] }));
        await withKeyring(plain, async (other) => {
          await inTempDir(async (elsewhere) => {
            const foreign = await checksig(elsewhere, signed.file, await other.publicKey());
            assert.equal(foreign.code, 1, foreign.text);
          });
        });
      }),
    );
  });

  it('gives the same bytes each time, and takes the place of another signature', async () => {
    await withKeyring(plain, ({ home, key: name }) =>
      inTempDir(async (dir) => {
        const exec = inKeyring(home);
        const key = await findSigningKey(name, exec);
        const rpm = await tinyRpm(dir, exec, { name: 'app' });
        const once = async (cache: string) => {
          const work = context(join(dir, cache), exec);
          const signed = await signRpm(work, { file: rpm }, key, EPOCH);
          const { dir: repository } = await buildRepository(work, [signed], EPOCH, key);
          return { file: signed.file, sums: [await hashFile(signed.file), await hashTree(repository)] };
        };
        const [one, two] = [await once('one'), await once('two')];
        assert.deepEqual(two.sums, one.sums);
        await withKeyring(plain, async (other) => {
          const otherKey = await findSigningKey(other.key, inKeyring(other.home));
          const again = await signRpm(
            context(join(dir, 'three'), inKeyring(other.home)),
            one,
            otherKey,
            EPOCH,
          );
          assert.equal((await checksig(dir, again.file, otherKey.publicKey)).code, 0);
        });
      }),
    );
  });

  it('is looked at by the kickstart of the embedded installer before it touches anything', async () => {
    await withKeyring(plain, ({ home, key: name }) =>
      inTempDir(async (dir) => {
        const exec = inKeyring(home);
        const key = await findSigningKey(name, exec);
        const work = context(join(dir, 'cache'), exec);
        const rpm = { file: await tinyRpm(dir, exec, { name: 'app' }), id: 'app' };
        const check = async ({ dir: repository }: { readonly dir: string }) => {
          const { exitCode, stdout } = await plain({
            file: 'bash',
            args: ['-c', `refuse() { echo "refused $*"; }\nstop() { exit 9; }\n${signaturesPart()}`],
            effect: 'read',
            env: { SLIPWAY_REPOSITORY: repository, SLIPWAY_SIGNING_KEY: join(repository, KEY_FILE) },
            accept: [0, 9],
          });
          return [
            exitCode,
            stdout
              .split('\n')
              .filter((line) => line.startsWith('refused'))
              .join(),
          ];
        };
        const signed = await signRpm(work, rpm, key, EPOCH);
        assert.deepEqual(await check(await buildRepository(work, [signed], EPOCH, key)), [0, '']);
        const [code, words] = await check(await buildRepository(work, [rpm], EPOCH, key));
        assert.equal(code, 9);
        assert.match(
          String(words),
          /^refused verify-failed signatures a package in .* is not as its key signed it$/,
        );
      }),
    );
  });

  it('needs a secret key of that name', async () => {
    await withKeyring(plain, async ({ home }) => {
      await assert.rejects(findSigningKey('nobody@example.invalid', inKeyring(home)), (error: unknown) => {
        assert.ok(error instanceof MissingError);
        assert.match(error.message, /no secret key 'nobody@example.invalid'/);
        return true;
      });
    });
  });
});

describe('the calls that sign', () => {
  const key: SigningKey = { fingerprint: 'AB'.repeat(20), createdAt: EPOCH + 5, publicKey: 'public' };

  it('name the key and the time, which is never before the key was made', () => {
    assert.equal(signatureTime(key, EPOCH), EPOCH + 5);
    assert.equal(signatureTime(key, EPOCH + 9), EPOCH + 9);
    assert.deepEqual(repomdCommand('/repo/repodata', key, EPOCH).args, [
      ...['--batch', '--yes', '--armor', '--digest-algo', 'SHA256', '--faked-system-time', `${EPOCH}!`],
      ...['--local-user', key.fingerprint, '--output', '/repo/repodata/repomd.xml.asc'],
      ...['--detach-sign', '/repo/repodata/repomd.xml'],
    ]);
    const { args } = rpmsignCommand('/a.rpm', key, EPOCH);
    assert.deepEqual([args[0], args.at(-1)], ['--addsign', '/a.rpm']);
    assert.ok(args.includes(`_gpg_name ${key.fingerprint}`));
    assert.ok(args.includes(`_gpg_sign_cmd_extra_args --batch --faked-system-time ${EPOCH}!`));
  });
});
