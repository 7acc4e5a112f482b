/** `slipway lab console`, `ssh` and `screenshot`: into a running lab. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { MissingError } from '../errors/exit.ts';
import { searchPath } from '../host/search-path.ts';
import { askLab } from '../lab/control.ts';
import { controlSocket } from '../lab/lab-folder.ts';
import { sshCommand } from '../lab/ssh.ts';
import type { LabOptions, Usage } from './lab.ts';
import { findKeeper, findLab, findNode, requireOurNetwork } from './lab-place.ts';

/** Ctrl-], which telnet and virsh use too. */
const DETACH = 0x1d;

export async function labConsole(name: string, options: LabOptions, usage: Usage): Promise<void> {
  const place = await findLab(options);
  const node = findNode(place, name, usage);
  const socket = await askLab(controlSocket(await findKeeper(place)), { ask: 'console', node: node.name });
  const { stdin, stdout, stderr } = process;
  const terminal = stdin.isTTY;
  if (terminal) stderr.write(`console of ${name}; Ctrl-] detaches\r\n`);
  if (terminal) stdin.setRawMode(true);
  try {
    await new Promise<void>((done) => {
      socket.on('data', (data) => stdout.write(data));
      socket.once('close', done);
      socket.on('error', () => done());
      stdin.on('data', (data: Buffer) => {
        const detach = data.indexOf(DETACH);
        if (detach < 0) return socket.write(data);
        return socket.end(data.subarray(0, detach), done);
      });
      // Piped in, it may be all there is to type; what the machine answers is still to come.
      if (!terminal) stdin.once('end', () => setTimeout(done, ANSWER_MS));
      stdin.resume();
      socket.resume();
    });
  } finally {
    if (terminal) stdin.setRawMode(false);
    stdin.pause();
    socket.destroy();
  }
}

/** Milliseconds the console is still shown after piped input has ended. */
const ANSWER_MS = 1_000;

export async function labSsh(
  name: string,
  words: readonly string[],
  options: LabOptions,
  usage: Usage,
): Promise<void> {
  const place = await findLab(options);
  const { address } = findNode(place, name, usage);
  const keeper = await findKeeper(place);
  requireOurNetwork(place, `slipway lab console ${name}`);
  if (address === undefined) throw new MissingError(`${name} has no address`, `slipway lab console ${name}`);
  const command = sshCommand(keeper, place.folder, address, words);
  const child = spawn(command.file, command.args, {
    stdio: 'inherit',
    env: { ...process.env, PATH: searchPath() },
  });
  process.exitCode = await new Promise<number>((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code, signal) =>
      done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}

export async function labScreenshot(
  name: string,
  given: string | undefined,
  options: LabOptions,
  usage: Usage,
): Promise<void> {
  const place = await findLab(options);
  const node = findNode(place, name, usage);
  const keeper = await findKeeper(place);
  if (node.machine.screen !== true) {
    throw new MissingError(
      `${name} has no screen`,
      'slipway lab up --screen (QEMU only; costs time when emulated)',
    );
  }
  const file = resolve(given ?? `${name}.png`);
  const socket = await askLab(controlSocket(keeper), { ask: 'screenshot', node: name, file });
  socket.destroy();
  process.stdout.write(`${file}\n`);
}
