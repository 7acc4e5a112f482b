/** The agent's command line. */
import { ROTATION_ACTS, type RotationAct } from './cluster/rotate.ts';

export type AgentCall =
  | {
      readonly verb: 'run';
      readonly check: boolean;
      readonly mayRestart: boolean;
      readonly only?: string;
      readonly replacement?: string;
    }
  | { readonly verb: 'status'; readonly json: boolean; readonly wait: boolean }
  | { readonly verb: 'explain'; readonly step: string }
  | { readonly verb: 'record-layout' }
  | { readonly verb: 'rotate'; readonly act: RotationAct }
  | { readonly verb: 'help' };

export const USAGE = `usage: slipway-agent run [--check] [--only STEP] [--replacement DISK] [--may-restart]
                                                   run the steps; --check changes nothing
       slipway-agent status [--json] [--wait]      exit 0 complete, 1 failed, 2 not ended
       slipway-agent explain STEP                  what a step checks, what it last saw, how to mend it
       slipway-agent record-layout                 write /etc/slipway/layout.json from the disks
       slipway-agent rotate look                   where a renewal of the secrets stands; \`slipway rotate\` does one
       slipway-agent rotate forget                 give one up that was begun and not carried out
`;

/** The call, or one sentence of what is wrong with it. */
export function parseArguments(args: readonly string[]): AgentCall | string {
  const [verb, ...rest] = args;
  switch (verb) {
    case 'run':
      return parseRun(rest);
    case 'status': {
      const unknown = rest.find((word) => word !== '--json' && word !== '--wait');
      if (unknown !== undefined) return `status does not take '${unknown}'`;
      return { verb, json: rest.includes('--json'), wait: rest.includes('--wait') };
    }
    case 'explain': {
      const [step, ...more] = rest;
      return step === undefined || more.length > 0 ? 'explain takes the name of one step' : { verb, step };
    }
    case 'record-layout':
      return rest.length > 0 ? `record-layout does not take '${rest[0]}'` : { verb };
    case 'rotate': {
      const act = ROTATION_ACTS.find((one) => one === rest[0]);
      return act === undefined || rest.length > 1
        ? `rotate takes one of ${ROTATION_ACTS.join(', ')}`
        : { verb, act };
    }
    case 'help':
    case '--help':
    case '-h':
      return { verb: 'help' };
    case undefined:
      return 'a command is missing';
    default:
      return `there is no command '${verb}'`;
  }
}

function parseRun(words: readonly string[]): AgentCall | string {
  let check = false;
  let mayRestart = false;
  const values = new Map<string, string>();
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    const [, name = '', given] = /^(--(?:only|replacement))(?:=(.*))?$/.exec(word) ?? [];
    if (word === '--check') check = true;
    else if (word === '--may-restart') mayRestart = true;
    else if (name === '') return `run does not take '${word}'`;
    else {
      if (given === undefined) i += 1;
      values.set(name, given ?? words[i] ?? '');
    }
  }
  const [only, replacement] = [values.get('--only'), values.get('--replacement')];
  if (only === '' || only?.startsWith('-')) return '--only takes the name of a step';
  if (replacement !== undefined && !replacement.startsWith('/dev/'))
    return '--replacement takes a disk, such as /dev/sdb or a name below /dev/disk/by-id';
  return {
    verb: 'run',
    check,
    mayRestart,
    ...(only === undefined ? {} : { only }),
    ...(replacement === undefined ? {} : { replacement }),
  };
}
