import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FailedError, MissingError } from '../../src/errors/exit.ts';
import {
  checkRoom,
  cpusEach,
  describeNeeds,
  describeRoom,
  mostThatFit,
  needOf,
} from '../../src/lab/capacity.ts';
import { askLab, type ControlHandlers, serveControl } from '../../src/lab/control.ts';
import { type Keeper, LabFolder } from '../../src/lab/lab-folder.ts';
import { endLab, withLabLock } from '../../src/lab/launch.ts';
import {
  identifyProcess,
  isRunning,
  type ProcessIdentity,
  signalProcess,
} from '../../src/lab/process-identity.ts';
import { sshCommand } from '../../src/lab/ssh.ts';
import { isAlive } from '../helpers/process.ts';
import { inTempDir } from '../helpers/tmp.ts';

/** Lends a process that leads its own group and does nothing. */
async function withSleeper(use: (identity: ProcessIdentity) => Promise<void>): Promise<void> {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  const gone = once(child, 'exit');
  try {
    await once(child, 'spawn');
    const identity = identifyProcess(child.pid ?? 0);
    assert.ok(identity !== undefined);
    await use(identity);
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
}

describe('the identity of a process', () => {
  it('tells it from another one with the same pid, before and after a restart of the computer', async () => {
    await withSleeper(async (identity) => {
      assert.ok(isRunning(identity));
      assert.ok(!isRunning({ ...identity, startTime: identity.startTime - 1 }));
      assert.ok(!isRunning({ ...identity, boot: 'another' }));
    });
  });

  it('is not given to a process in a group of somebody else', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      assert.equal(identifyProcess(child.pid ?? 0), undefined);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('lets nothing but that very process be signalled', async () => {
    await withSleeper(async (identity) => {
      signalProcess({ ...identity, startTime: identity.startTime - 1 }, 'SIGKILL');
      await pause(50);
      assert.ok(isAlive(String(identity.pid)));
      signalProcess(identity, 'SIGKILL');
      await pause(50);
      assert.ok(!isAlive(String(identity.pid)));
    });
  });
});

describe('a lab on disk', () => {
  const keeperOf = (identity: ProcessIdentity): Keeper => ({ ...identity, sockets: '/nowhere' });

  it('is kept by a process only as long as that runs', async () => {
    await inTempDir(async (dir) => {
      const folder = new LabFolder(join(dir, 'lab'));
      assert.equal(await folder.keeper(), undefined);
      await withSleeper(async (identity) => {
        await folder.writeKeeper(keeperOf(identity));
        assert.equal((await folder.keeper())?.pid, identity.pid);
      });
      assert.equal(await folder.keeper(), undefined);
    });
  });

  it('does not end a stranger who has the pid of its keeper by now', async () => {
    await inTempDir(async (dir) => {
      const folder = new LabFolder(join(dir, 'lab'));
      await withSleeper(async (identity) => {
        await folder.writeKeeper(keeperOf({ ...identity, startTime: identity.startTime - 1 }));
        assert.equal(await endLab(folder), false);
        assert.ok(isAlive(String(identity.pid)));
      });
    });
  });

  it('removes no folder of sockets that is not one of its own', async () => {
    await inTempDir(async (dir) => {
      const folder = new LabFolder(join(dir, 'lab'));
      await writeFile(join(dir, 'precious'), '');
      await folder.writeKeeper({ pid: 1, startTime: 0, boot: '', sockets: dir });
      await endLab(folder);
      assert.ok(existsSync(join(dir, 'precious')));
    });
  });

  it('of another version is refused, not misread', async () => {
    await inTempDir(async (dir) => {
      await writeFile(join(dir, 'lab.json'), '{"version": 99}');
      await assert.rejects(new LabFolder(dir).plan(), /made by another version of slipway/);
    });
  });

  it('is changed by one command at a time, and the other one is told by whom', async () => {
    await inTempDir(async (dir) => {
      const folder = new LabFolder(join(dir, 'lab'));
      await withLabLock(folder, 'slipway lab up', async () => {
        await assert.rejects(
          withLabLock(folder, 'slipway lab down', async () => assert.fail('two at once')),
          (error: unknown) => error instanceof MissingError && /slipway lab up/.test(error.message),
        );
      });
      assert.equal(await withLabLock(folder, 'slipway lab down', async () => 'free'), 'free');
    });
  });
});

describe('logging in to a node', () => {
  it('takes key and hosts from the folder of the lab, whatever that is called', () => {
    const folder = new LabFolder('/my labs/50% "x"');
    const { args } = sshCommand({ pid: 7, startTime: 1, boot: 'b' }, folder, '10.0.0.1', ['true']);
    assert.ok(args.includes('IdentityFile="/my labs/50%% \\"x\\"/id_ed25519"'));
    assert.ok(args.includes('UserKnownHostsFile="/my labs/50%% \\"x\\"/known_hosts"'));
    assert.deepEqual(args.slice(-2), ['root@10.0.0.1', 'true']);
  });
});

describe('the room for a lab', () => {
  const room = { memoryMiB: 4096, diskMiB: 3000, cores: 4 };

  it('is refused with what is needed and what is there, memory and disk at once', () => {
    const needs = Array.from({ length: 3 }, () => needOf('qemu', 1024, 2));
    assert.throws(
      () => checkRoom(needs, room, '/lab'),
      (error: unknown) =>
        error instanceof MissingError &&
        error.message ===
          '3 machines need 4.2 GiB of memory, 4.0 GiB is free\n3 machines need 6.0 GiB on disk, 2.9 GiB is free in /lab' &&
        /--nodes/.test(error.hint ?? ''),
    );
  });

  it('is told for a hundred bare systems, whether it is there or not', () => {
    assert.equal(
      describeRoom(
        Array.from({ length: 100 }, () => needOf('uml', 512, 0)),
        room,
        '/lab',
      ),
      '100 machines need 14.1 GiB of memory; 4.0 GiB is free\n100 machines need 6.3 GiB on disk; 2.9 GiB is free in /lab',
    );
  });

  it('is not told of another host, of which only what is needed is known', () => {
    assert.equal(
      describeNeeds([needOf('libvirt', 1024, 2), needOf('libvirt', 1024, 2)]),
      '2 machines need 2.8 GiB of memory and 4.0 GiB on disk',
    );
  });

  it('is enough for twenty bare systems where two installed ones fit', () => {
    checkRoom(
      Array.from({ length: 20 }, () => needOf('uml', 512, 0)),
      room,
      '/lab',
    );
  });

  it('is kept to by taking fewer where nobody asked for a number', () => {
    const needsOf = (count: number) => Array.from({ length: count }, () => needOf('qemu', 1024, 1));
    assert.equal(mostThatFit(4, needsOf, { ...room, diskMiB: 9000 }), 2, 'memory');
    assert.equal(mostThatFit(4, needsOf, { ...room, memoryMiB: 9000 }), 2, 'disk');
    assert.equal(mostThatFit(2, needsOf, { ...room, diskMiB: 9000 }), 2);
    assert.equal(mostThatFit(4, needsOf, { ...room, memoryMiB: 100 }), 1, 'which is then refused');
    assert.throws(
      () => checkRoom(needsOf(1), { ...room, memoryMiB: 100 }, '/r', { fewer: '--jobs', elsewhere: '--out' }),
      (error: unknown) => error instanceof MissingError && /--jobs.*--out/.test(error.hint ?? ''),
    );
  });

  it('gives a machine a second processor where a core is left for it', () => {
    assert.equal(cpusEach(1, 1), 1);
    assert.equal(cpusEach(2, 1), 2);
    assert.equal(cpusEach(4, 2), 2);
    assert.equal(cpusEach(4, 3), 1);
    assert.equal(cpusEach(64, 2), 2);
  });
});

describe("a lab's control socket", () => {
  const handlers: ControlHandlers = {
    console(node) {
      if (node !== 'node-a') throw new FailedError(`${node} has not been started yet`);
      return (stream) => {
        stream.write('login: ');
        stream.on('data', (data) => stream.write(data.toString().toUpperCase()));
        stream.resume();
      };
    },
    screenshot: async (node, file) => {
      throw new Error(`no screen on ${node} for ${file}`);
    },
    refresh: async ({ kind }) => {
      throw new FailedError(`nothing is installed for ${kind}`);
    },
  };

  async function serving(use: (path: string) => Promise<void>): Promise<void> {
    await inTempDir(async (dir) => {
      const path = join(dir, 'control');
      const server = await serveControl(path, handlers);
      try {
        await use(path);
      } finally {
        server.close();
      }
    });
  }

  it('becomes the console, with nothing lost of what comes right behind the answer', async () => {
    await serving(async (path) => {
      const socket = await askLab(path, { ask: 'console', node: 'node-a' });
      let text = '';
      socket.on('data', (data) => {
        text += data;
        if (text === 'login: ') socket.write('root\r');
        if (text.includes('\r')) socket.end();
      });
      socket.resume();
      await once(socket, 'close');
      assert.equal(text, 'login: ROOT\r');
    });
  });

  it("hands the lab's own words on when it refuses", async () => {
    await serving(async (path) => {
      await assert.rejects(
        askLab(path, { ask: 'console', node: 'x' }),
        /^FailedError: x has not been started yet$/,
      );
      await assert.rejects(
        askLab(path, { ask: 'screenshot', node: 'a', file: '/f' }),
        /no screen on a for \/f/,
      );
      await assert.rejects(
        askLab(path, { ask: 'refresh', engine: { kind: 'qemu', acceleration: 'tcg' } }),
        /nothing is installed for qemu/,
      );
    });
  });

  it('is told from a lab that is not there', async () => {
    await assert.rejects(askLab('/nowhere/control', { ask: 'console', node: 'a' }), FailedError);
  });
});
