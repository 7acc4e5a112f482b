import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { AgentStep } from '../agent-step.ts';

const CONFIG = '/etc/ssh/sshd_config';
const FOLDER = '/etc/ssh/sshd_config.d';
/** sshd takes the first value it meets: this file comes before those of installers and administrators. */
const DROP_IN = `${FOLDER}/00-slipway.conf`;
const BEGIN = '# BEGIN slipway: written by slipway-agent';
const END = '# END slipway';
/** Debian's name, and everybody else's. */
const UNITS = ['ssh.service', 'sshd.service'] as const;

/** Keyword of sshd_config(5), the value it must have, and the older keyword that stands for it before OpenSSH 8.7. */
const REQUIRED: readonly { readonly keyword: string; readonly value: string; readonly older?: string }[] = [
  { keyword: 'PubkeyAuthentication', value: 'yes' },
  { keyword: 'PasswordAuthentication', value: 'no' },
  { keyword: 'KbdInteractiveAuthentication', value: 'no', older: 'ChallengeResponseAuthentication' },
  { keyword: 'PermitEmptyPasswords', value: 'no' },
];

/** Who comes in by ssh has a key: a password can be guessed, and is the same on every node. */
export const restrictSsh: AgentStep = {
  id: 'restrict-ssh',
  title: 'SSH by key only',
  after: ['set-identity'],
  checks:
    'What sshd itself says it does (`sshd -T`): keys yes; passwords, challenges and empty passwords no.',
  byHand: `sshd -T; settings that come before ${DROP_IN} win over it.`,

  async check(machine) {
    const unit = await runningUnit(machine);
    if (unit === undefined) return { done: true, evidence: { sshd: 'does not run' } };
    const said = await effectiveSettings(machine);
    const wrong = REQUIRED.flatMap(({ keyword, value, older }) => {
      const is = said.get(keyword.toLowerCase()) ?? said.get(older?.toLowerCase() ?? '');
      return is === value ? [] : [`${keyword} is ${is ?? 'not known'}`];
    });
    if (wrong.length > 0) return { done: false, why: `sshd: ${wrong.join(', ')}` };
    return { done: true, evidence: { unit, permitRootLogin: said.get('permitrootlogin') ?? 'unknown' } };
  },

  async apply(machine) {
    const said = await effectiveSettings(machine);
    const lines = REQUIRED.map(({ keyword, value, older }) =>
      older === undefined || said.has(keyword.toLowerCase()) ? `${keyword} ${value}` : `${older} ${value}`,
    );
    const text = (await machine.readFile(CONFIG)) ?? '';
    if (includesFolder(text))
      await machine.writeFile(DROP_IN, `${[BEGIN, ...lines, END].join('\n')}\n`, 0o600);
    else await machine.writeFile(CONFIG, withBlock(text, lines), 0o600);
    const unit = await runningUnit(machine);
    if (unit === undefined) return;
    // Not to its end: our own unit is ordered behind this one. Should somebody stop us meanwhile, systemd would keep the
    // reload until we have ended, and we would wait for it.
    const args = ['--no-block', 'try-reload-or-restart', unit];
    await machine.exec({ file: 'systemctl', args, effect: 'write' });
  },
};

async function runningUnit(machine: Machine): Promise<string | undefined> {
  if (!(await machine.exists('/usr/sbin/sshd'))) return undefined;
  for (const unit of UNITS) {
    // 3: not running, 4: no such unit (systemctl(1)).
    const { stdout } = await machine.exec({
      file: 'systemctl',
      args: ['is-active', unit],
      accept: [0, 3, 4],
      effect: 'read',
    });
    if (stdout.trim() === 'activating') throw new StepFailure('transient', `${unit} is starting`);
    if (['active', 'reloading'].includes(stdout.trim())) return unit;
  }
  return undefined;
}

/** By keyword in lower case, as sshd would treat whoever comes from anywhere. */
async function effectiveSettings(machine: Machine): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await machine.exec({ file: '/usr/sbin/sshd', args: ['-T'], effect: 'read' });
  const settings = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [keyword = '', ...value] = line.trim().split(' ');
    if (keyword !== '' && !settings.has(keyword)) settings.set(keyword, value.join(' '));
  }
  if (settings.size === 0) throw new StepFailure('verify-failed', 'sshd -T says nothing');
  return settings;
}

/** EL 8's sshd knows no Include. */
const includesFolder = (text: string): boolean => /^\s*Include\s+\/etc\/ssh\/sshd_config\.d\//im.test(text);

/** `text` with our lines before everything else: below a Match block they would not be for all. */
export function withBlock(text: string, lines: readonly string[]): string {
  const all = text.split('\n');
  const [begin, end] = [all.indexOf(BEGIN), all.indexOf(END)];
  const others = begin === -1 || end < begin ? all : [...all.slice(0, begin), ...all.slice(end + 1)];
  return [BEGIN, ...lines, END, ...others].join('\n');
}
