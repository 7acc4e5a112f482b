import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { LAB_SWITCH_SCRIPT } from '../../postinstall/cluster/fence-devices.ts';
import { parseJoinSecret } from '../../postinstall/cluster/join-secret.ts';
import type { Command } from '../../src/engine/command.ts';
import { FailedError } from '../../src/errors/exit.ts';
import { createExec } from '../../src/host/exec.ts';
import { KEY_MEDIUM } from '../../src/plan/types.ts';
import {
  keyMediumPath,
  newJoinSecret,
  nextKeyMediumPath,
  obtainKeyMedium,
  readKeyMedium,
  writeKeyMedium,
} from '../../src/secrets/key-medium.ts';
import { fingerprintOf, shellCommand } from '../../src/secrets/node-shell.ts';
import { pushLine, pushSecret } from '../../src/secrets/push.ts';
import { inTempDir } from '../helpers/tmp.ts';

const exec = createExec();

describe('the key medium', () => {
  it('holds the secret under its name, for its owner alone', () =>
    inTempDir(async (dir) => {
      const path = keyMediumPath(dir, 'blue');
      const secret = newJoinSecret('blue', { 'node-a': 'word' });
      const commands: Command[] = [];
      await writeKeyMedium(
        (command, onLine) => {
          commands.push(command);
          return exec(command, onLine);
        },
        path,
        secret,
      );
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      assert.deepEqual(await readdir(dir), ['blue.key.iso']);
      const image = await readFile(path);
      assert.equal(image.toString('latin1', 32_768 + 40, 32_768 + 72).trimEnd(), KEY_MEDIUM.volumeId);
      assert.deepEqual(await readKeyMedium(exec, path), secret);
      assert.deepEqual(
        parseJoinSecret(JSON.stringify(secret)),
        secret,
        'the agent reads what is written here',
      );
      assert.ok(!JSON.stringify(commands).includes(secret.secret), 'the secret is in no argument');
    }));

  it('is made once, and again only with more passwords for the same secret', () =>
    inTempDir(async (dir) => {
      const path = keyMediumPath(dir, 'blue');
      const first = await obtainKeyMedium(exec, path, 'blue');
      assert.equal(first.made, true);
      assert.deepEqual(await obtainKeyMedium(exec, path, 'blue'), { ...first, made: false });
      const more = await obtainKeyMedium(exec, path, 'blue', { 'node-a': 'word' });
      assert.deepEqual([more.made, more.secret.secret], [true, first.secret.secret]);
      await assert.rejects(
        obtainKeyMedium(exec, path, 'green'),
        /is the key medium of cluster 'blue', not of 'green'/,
      );
      await writeFile(path, 'no image');
      await assert.rejects(obtainKeyMedium(exec, path, 'blue'), FailedError);
    }));

  it('is left alone while its successor is on the way to the nodes', () =>
    inTempDir(async (dir) => {
      const path = keyMediumPath(dir, 'blue');
      await obtainKeyMedium(exec, path, 'blue');
      const next = nextKeyMediumPath(dir, 'blue');
      await writeKeyMedium(exec, next, newJoinSecret('blue'));
      await assert.rejects(obtainKeyMedium(exec, path, 'blue'), (error: unknown) => {
        assert.ok(error instanceof FailedError);
        assert.match(error.message, /blue\.key\.next\.iso is the key medium of a rotation/);
        assert.match(error.hint ?? '', /slipway rotate/);
        return true;
      });
    }));

  it('is not there at all when it could not be written', () =>
    inTempDir(async (dir) => {
      const broken = () => Promise.reject(new Error('no room'));
      await assert.rejects(
        writeKeyMedium(broken, keyMediumPath(dir, 'blue'), newJoinSecret('blue')),
        /no room/,
      );
      assert.deepEqual(await readdir(dir), []);
    }));
});

describe('a secret that is pushed', () => {
  const secret = newJoinSecret('blue');
  const key = Buffer.from('a host key').toString('base64');

  it('goes by standard input, to the host key that was pinned', async () => {
    const { args, stdin } = shellCommand('10.0.0.1', pushLine(secret), '/tmp/known');
    assert.ok(!args.join(' ').includes(secret.secret));
    assert.ok(stdin?.includes(secret.secret));
    for (const word of ['BatchMode=yes', 'StrictHostKeyChecking=yes', 'UserKnownHostsFile="/tmp/known"'])
      assert.ok(args.includes(word), word);
  });

  it('is not sent to a node with another host key', async () => {
    const ran: string[] = [];
    const result = { stdout: `10.0.0.1 ssh-ed25519 ${key}\n`, stderr: '', exitCode: 0, durationMs: 1 };
    const fake = async ({ file }: Command) => {
      ran.push(file);
      return result;
    };
    const target = { node: 'node-a', address: '10.0.0.1' };
    await assert.rejects(
      pushSecret(fake, { ...target, fingerprint: `SHA256:${'A'.repeat(43)}` }, secret),
      /at 10\.0\.0\.1 is not node-a: its host key is SHA256:/,
    );
    assert.deepEqual(ran, ['ssh-keyscan']);
    await pushSecret(fake, { ...target, fingerprint: fingerprintOf(key) }, secret);
    assert.deepEqual(ran.slice(1), ['ssh-keyscan', 'ssh']);
  });
});

describe('the fence agent for the switch of a lab', () => {
  it('switches, asks and describes itself as fence agents do', () =>
    inTempDir(async (dir) => {
      let power = 'on';
      const asked: string[] = [];
      const server = createServer((request, response) => {
        asked.push(request.url ?? '');
        if (request.url?.startsWith('/off/')) power = 'off';
        if (request.url?.startsWith('/reboot/')) power = 'on';
        response.end(`${power}\n`);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const script = join(dir, 'fence');
      await writeFile(script, LAB_SWITCH_SCRIPT);
      await chmod(script, 0o755);
      const fence = async (action: string, at = port): Promise<number> => {
        const stdin = `action=${action}\nurl=http://127.0.0.1:${at}\nplug=n1\n`;
        const all = Array.from({ length: 256 }, (_, code) => code);
        return (await exec({ file: script, args: [], stdin, effect: 'write', accept: all })).exitCode;
      };
      assert.deepEqual([await fence('monitor'), await fence('status')], [0, 0]);
      assert.equal(await fence('off'), 0);
      assert.equal(await fence('status'), 2, 'off');
      assert.equal(await fence('reboot'), 0);
      assert.ok(asked.includes('/off/n1'));
      server.close();
      server.closeAllConnections();
      assert.equal(await fence('off', port), 1, 'a switch that does not answer has switched nothing');
      const { stdout } = await exec({ file: script, args: ['-o', 'metadata'], effect: 'read' });
      assert.match(stdout, /<resource-agent name="fence_slipway_lab"/);
      await exec({ file: 'shellcheck', args: ['--shell=sh', script], effect: 'read' });
    }));
});
