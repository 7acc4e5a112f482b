import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { publish, withTempDir } from '../../src/host/atomic.ts';
import { cacheFolder, openCache } from '../../src/host/cache.ts';
import { createExec } from '../../src/host/exec.ts';
import { hashFile, hashJson, hashText, hashTree, listTree } from '../../src/host/hash.ts';
import { withLock } from '../../src/host/lock.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { isAlive } from '../helpers/process.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

describe('a temporary folder', () => {
  it('is gone afterwards, whether its user succeeds or throws', async () => {
    await inTempDir(async (parent) => {
      const used = await withTempDir(
        async (dir) => {
          await writeFile(join(dir, 'x'), '');
          return dir;
        },
        { parent },
      );
      assert.match(used, new RegExp(`^${parent}/`));
      await assert.rejects(
        withTempDir(async () => Promise.reject(new Error('no')), { parent }),
        /no/,
      );
      assert.deepEqual(await readdir(parent), []);
    });
  });
});

describe('publishing', () => {
  it('replaces a file and refuses to replace a folder that holds something', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, { new: 'new', old: 'old', 'full/x': '', 'other/y': '' });
      await publish(join(dir, 'new'), join(dir, 'old'));
      assert.equal(await readFile(join(dir, 'old'), 'utf8'), 'new');
      await assert.rejects(publish(join(dir, 'other'), join(dir, 'full')), { code: 'ENOTEMPTY' });
    });
  });
});

describe('a hash', () => {
  it('of a file is that of its content', async () => {
    await inTempDir(async (dir) => {
      await writeFile(join(dir, 'f'), 'slipway');
      assert.equal(await hashFile(join(dir, 'f')), hashText('slipway'));
    });
  });

  it('of a value does not depend on the order of keys, but on that of lists', () => {
    assert.equal(hashJson({ a: 1, b: { c: 2, d: 3 } }), hashJson({ b: { d: 3, c: 2 }, a: 1 }));
    assert.notEqual(hashJson([1, 2]), hashJson([2, 1]));
  });

  it('of a folder covers names, modes, links and contents, and no times', async () => {
    await inTempDir(async (dir) => {
      const build = async (name: string): Promise<string> => {
        await writeFiles(dir, { [`${name}/a`]: '1', [`${name}/sub/b`]: '2' });
        await symlink('a', join(dir, name, 'link'));
        return join(dir, name);
      };
      const [one, two] = [await build('one'), await build('two')];
      await utimes(join(two, 'a'), 1, 1);
      const before = await hashTree(two);
      assert.equal(await hashTree(one), before);
      await chmod(join(two, 'a'), 0o755);
      const executable = await hashTree(two);
      assert.notEqual(executable, before);
      await mkdir(join(two, 'empty'));
      assert.notEqual(await hashTree(two), executable);
    });
  });
});

describe('a folder that is to be packed', () => {
  it('may not hold what has no content', async () => {
    await inTempDir(async (dir) => {
      await createExec()({ file: 'mkfifo', args: [join(dir, 'pipe')], effect: 'write' });
      await assert.rejects(listTree(dir), {
        name: 'InputError',
        message: /\/pipe:1:1: this is neither a file/,
      });
    });
  });
});

describe('the cache', () => {
  it('lies where the environment says', () => {
    assert.equal(cacheFolder({ SLIPWAY_CACHE: '/c', XDG_CACHE_HOME: '/x' }), '/c');
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x' }), '/x/slipway');
    assert.match(cacheFolder({ XDG_CACHE_HOME: 'relative' }), /\/\.cache\/slipway$/);
  });

  it('makes an entry once and keeps nothing of one that failed', async () => {
    await inTempDir(async (dir) => {
      const cache = openCache(dir);
      let made = 0;
      const make = async (entry: string): Promise<void> => {
        made++;
        await writeFile(join(entry, 'f'), 'content');
      };
      await assert.rejects(
        cache.obtain('kind', 'key', async (entry) => {
          await make(entry);
          throw new Error('half done');
        }),
        /half done/,
      );
      assert.equal(cache.find('kind', 'key'), undefined);
      const first = await cache.obtain('kind', 'key', make);
      const second = await cache.obtain('kind', 'key', make);
      assert.deepEqual([first.reused, second.reused, made], [false, true, 2]);
      assert.equal(cache.find('kind', 'key'), second.dir);
      assert.equal(await readFile(join(second.dir, 'f'), 'utf8'), 'content');
      assert.deepEqual(await readdir(join(dir, 'kind')), ['key']);
      assert.deepEqual(await readdir(join(dir, 'tmp')), []);
    });
  });

  it('keeps what is executable and no other trace of a umask', async () => {
    await inTempDir(async (dir) => {
      const { dir: entry } = await openCache(dir).obtain('kind', 'key', async (made) => {
        await writeFiles(made, { 'sub/run': '', 'sub/text': '' });
        await chmod(join(made, 'sub/run'), 0o700);
        await chmod(join(made, 'sub/text'), 0o660);
        await chmod(join(made, 'sub'), 0o700);
      });
      const modes = (await listTree(entry)).map(({ path, mode }) => `${mode.toString(8)} ${path}`);
      assert.deepEqual(modes, ['755 sub', '755 sub/run', '644 sub/text']);
    });
  });

  it('builds once what two ask for at the same time', async () => {
    await inTempDir(async (dir) => {
      let made = 0;
      const make = async (): Promise<void> => {
        made++;
        await pause(50);
      };
      const entries = await Promise.all([1, 2, 3].map(() => openCache(dir).obtain('kind', 'key', make)));
      assert.equal(made, 1);
      assert.equal(entries.filter(({ reused }) => reused).length, 2);
    });
  });

  it('forgets old entries that nobody used for a day, but never the last few', async () => {
    await inTempDir(async (dir) => {
      const cache = openCache(dir);
      const old = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
      for (let i = 0; i < 10; i++) {
        const entry = await cache.obtain('kind', `old-${i}`, async () => {});
        await utimes(entry.dir, old, new Date(old.getTime() + i * 1000));
      }
      await cache.obtain('kind', 'new', async () => {});
      assert.deepEqual((await readdir(join(dir, 'kind'))).sort(), [
        'new',
        ...[3, 4, 5, 6, 7, 8, 9].map((i) => `old-${i}`),
      ]);
    });
  });
});

describe('a lock', () => {
  it('of a holder that vanished is taken over', async () => {
    await inTempDir(async (dir) => {
      const path = join(dir, 'lock');
      await writeFile(path, 'somebody');
      const long = new Date(Date.now() - 60_000);
      await utimes(path, long, long);
      assert.equal(await withLock(path, undefined, async () => 'mine'), 'mine');
      assert.deepEqual(await readdir(dir), []);
    });
  });

  it('is not waited for after an abort', async () => {
    await inTempDir(async (dir) => {
      await writeFile(join(dir, 'lock'), 'somebody');
      await assert.rejects(
        withLock(join(dir, 'lock'), AbortSignal.timeout(20), async () => 'mine'),
        { name: 'AbortError' },
      );
      assert.deepEqual(await readdir(dir), ['lock']);
    });
  });
});

describe('a process that is told to end', () => {
  const program = (dir: string): string => `
    import { withTempDir } from '${packageRoot()}/src/host/atomic.ts';
    import { createExec } from '${packageRoot()}/src/host/exec.ts';
    import { interruption, interruptionExitCode } from '${packageRoot()}/src/host/signals.ts';
    const exec = createExec({ signal: interruption() });
    try {
      await withTempDir(async () => {
        console.log('ready');
        await exec({ file: 'sh', args: ['-c', 'echo $$ >${dir}/pid; sleep 60'], effect: 'read' });
      }, { parent: '${dir}/tmp' });
    } catch (error) {
      console.log(error.reason);
      process.exitCode = interruptionExitCode();
    }`;

  async function written(file: string): Promise<void> {
    while (!(await readFile(file, 'utf8').catch(() => '')).endsWith('\n')) await pause(10);
  }

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`by ${signal} ends its children, removes its temporaries and exits with ${code}`, async () => {
      await inTempDir(async (dir) => {
        await writeFiles(dir, { 'main.mts': program(dir) });
        const ended = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
          const child = execFile(
            process.execPath,
            ['--import', join(packageRoot(), 'node_modules/tsx/dist/esm/index.mjs'), join(dir, 'main.mts')],
            (error, stdout) => resolve({ code: error?.code, stdout }),
          );
          // Once: a second signal would end the program on the spot.
          void written(join(dir, 'pid')).then(() => child.kill(signal));
        });
        assert.deepEqual(ended, { code, stdout: 'ready\naborted\n' });
        assert.deepEqual(await readdir(join(dir, 'tmp')), []);
        const pid = (await readFile(join(dir, 'pid'), 'utf8')).trim();
        assert.equal(isAlive(pid), false);
      });
    });
  }
});
