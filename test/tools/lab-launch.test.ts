import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FailedError } from '../../src/errors/exit.ts';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { askLab } from '../../src/lab/control.ts';
import { controlSocket, type Keeper, LabFolder } from '../../src/lab/lab-folder.ts';
import { LAB_VERSION, type LabNode, type LabPlan } from '../../src/lab/lab-plan.ts';
import { checkNamespaces, endLab, enterCommand, launchLab, watchLab } from '../../src/lab/launch.ts';
import { SerialConsole } from '../../src/lab/serial-console.ts';
import { type TinyUml, tinyUml } from '../helpers/tiny-uml.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const LIMIT_MS = 60_000;
const PROGRAM = [process.execPath, '--import', 'tsx', join(packageRoot(), 'src/cli.ts')];
const exec = createExec();

describe('a lab of real machines', function () {
  this.timeout(240_000);
  let dir: string;
  let tiny: TinyUml;
  let folder: LabFolder;
  let keeper: Keeper;

  before('make a small system', async () => {
    await checkNamespaces(exec);
    dir = makeTempDir('slipway-launch-');
    tiny = await tinyUml(dir);
    folder = new LabFolder(join(dir, 'lab'));
  });

  afterEach('end the lab', () => endLab(folder));

  after('remove everything', () => rm(dir, { recursive: true, force: true }));

  const node = (index: number): LabNode => {
    const name = `node-${index}`;
    const own = join(folder.dir, name);
    const seed = [
      { path: 'etc/hostname', content: `${name}\n`, mode: 0o644 },
      ...(index === 3 ? [] : [{ path: 'etc/address', content: `10.0.0.${index}/24\n`, mode: 0o644 }]),
    ];
    return {
      name,
      diskMiB: [],
      machine: {
        ...{ name, memoryMiB: 96, cpus: 1, firmware: 'bios', disks: [] },
        nics: [{ mac: `52:54:00:00:00:0${index}`, tap: `tap${index}` }],
        consoleLog: join(own, 'console.log'),
        root: { kind: 'overlay', squashfs: tiny.squashfs, changes: join(own, 'changes.img'), seed },
      },
    };
  };

  async function launch(...indexes: readonly number[]): Promise<void> {
    await folder.remove();
    const nodes = indexes.map(node);
    const plan: LabPlan = {
      version: LAB_VERSION,
      name: 'tiny',
      engine: { kind: 'uml', images: tiny.images, squashfs: tiny.squashfs },
      network: {
        own: [{ address: '10.0.0.254/24' }, { address: '10.77.77.1/24' }],
        taps: nodes.flatMap(({ machine }) => machine.nics.map(({ tap = '' }) => tap)),
        leases: indexes.includes(3) ? [{ mac: '52:54:00:00:00:03', address: '10.77.77.100' }] : [],
      },
      nodes,
      atOnce: 1,
    };
    await folder.writePlan(plan);
    keeper = await launchLab(folder, PROGRAM);
  }

  const watch = (onChange: (change: string) => void = () => undefined) =>
    watchLab(folder, keeper, AbortSignal.timeout(LIMIT_MS), ({ name, phase }) =>
      onChange(`${name} ${phase}`),
    );

  /** Types on a node's console and waits for what it answers. */
  async function ask(name: string, command: string, answer: RegExp): Promise<string> {
    const socket = await askLab(controlSocket(keeper), { ask: 'console', node: name });
    const console = new SerialConsole();
    socket.on('data', (data) => console.feed(data.toString()));
    socket.resume();
    socket.write(`${command}\n`);
    const waited = await console.waitFor(answer, LIMIT_MS);
    socket.destroy();
    assert.equal(waited.kind, 'line', `${name} did not answer ${answer} to ${command}`);
    return 'line' in waited ? waited.line : '';
  }

  it('brings nodes up a few at a time, on a network of their own', async () => {
    const changes: string[] = [];
    await launch(1, 2, 3);
    await watch((change) => changes.push(change));
    const at = (change: string): number => changes.indexOf(change);
    assert.ok(at('node-1 ready') >= 0 && at('node-1 ready') < at('node-2 starting'), changes.join(', '));
    assert.deepEqual(changes.filter((change) => change.endsWith('ready')).length, 3);

    await ask('node-1', 'ping -c 1 10.0.0.2', /1 packets received/);
    // udhcpc has no script here: what it says is enough.
    await ask(
      'node-3',
      'ip link set vec0 up; udhcpc -i vec0 -n -q -s /bin/true',
      /lease of 10\.77\.77\.100 obtained/,
    );
    await ask(
      'node-1',
      'ip link set vec0 up; udhcpc -i vec0 -n -q -t 2 -s /bin/true; echo ended $?',
      /^ended 1/,
    );
    await exec(enterCommand(keeper, { file: 'busybox', args: ['ping', '-c', '1', '10.0.0.1'] }));
    const routes = await exec(enterCommand(keeper, { file: 'ip', args: ['route', 'show', 'default'] }));
    assert.equal(routes.stdout, '', 'nothing leads out');
  });

  it('tells of a node that has switched itself off', async () => {
    await launch(1);
    await watch();
    await ask('node-1', 'poweroff -f', /Power down|System halted/);
    for (const until = Date.now() + LIMIT_MS; Date.now() < until; await pause(50)) {
      const [state] = (await folder.state())?.nodes ?? [];
      if (state?.phase === 'off') return assert.equal(state.detail, 'it switched itself off');
    }
    assert.fail('the state does not say so');
  });

  it('leaves no process, socket or name behind when it is ended', async () => {
    await launch(1);
    await watch();
    assert.ok(processesOf(keeper).length > 1);
    assert.equal(await endLab(folder), true);
    assert.deepEqual(processesOf(keeper), []);
    assert.equal(existsSync(keeper.sockets), false);
    assert.equal(await folder.keeper(), undefined);
    assert.equal(await endLab(folder), false);
  });

  it('ends as a whole when the process that keeps it is killed, and whoever watches is told', async () => {
    await launch(1, 2);
    const watching = watch((change) => {
      if (change === 'node-2 starting') process.kill(keeper.pid, 'SIGKILL');
    });
    await assert.rejects(watching, FailedError);
    for (const until = Date.now() + LIMIT_MS; processesOf(keeper).length > 0; await pause(50)) {
      assert.ok(Date.now() < until, 'its processes are still there');
    }
  });

  it('says why it ended when its network cannot be made', async () => {
    await launch(1);
    await endLab(folder);
    const plan = await folder.plan();
    assert.ok(plan !== undefined);
    await folder.writePlan({ ...plan, network: { ...plan.network, own: [{ address: '10.0.0.999/24' }] } });
    await rm(join(folder.dir, 'state.json'), { force: true });
    keeper = await launchLab(folder, PROGRAM);
    await assert.rejects(watch(), /the lab has ended by itself:\n(.*\n)*.*10\.0\.0\.999/);
  });

  it('does not begin when the command that starts it dies before it has written down whom to end', async () => {
    await launch(1);
    await endLab(folder);
    await rm(join(folder.dir, 'state.json'), { force: true });
    const [program = '', ...args] = PROGRAM;
    const child = spawn(program, [...args, 'lab', 'keep', '--dir', folder.dir, '--sockets', dir], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    child.stdin.end();
    const [code] = await once(child, 'exit');
    assert.equal(code, 3);
    assert.equal(existsSync(join(folder.dir, 'state.json')), false);
  });
});

/** Machines of a lab, by the folder of their sockets, which is in their command lines. */
function processesOf({ sockets }: Keeper): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(sockets);
      } catch {
        return false; // it has ended meanwhile
      }
    });
}
