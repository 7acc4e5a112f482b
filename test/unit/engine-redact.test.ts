import assert from 'node:assert/strict';
import { StepFailure } from '../../src/engine/failure.ts';
import { openJournal } from '../../src/engine/journal.ts';
import { redactor } from '../../src/engine/redact.ts';
import { runStep } from '../../src/engine/run-step.ts';
import type { Step } from '../../src/engine/step.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';

describe('redaction', () => {
  it('hides a known secret wherever it stands, also inside of another', () => {
    const redact = redactor(['open sesame', 'open sesame!', 'abc']);
    assert.equal(redact('say open sesame! or open sesame, abc'), 'say [redacted] or [redacted], abc');
  });

  it('hides what looks like a secret', () => {
    const redact = redactor();
    const cases: readonly (readonly [string, string])[] = [
      ['root:$6$salt$Abc./123:19000:', 'root:[redacted]:19000:'],
      ['  shared-secret "k3y";', '  shared-secret [redacted];'],
      ['secret: 0123', 'secret: [redacted]'],
      ['--password=x --user=y', '--password=[redacted] --user=y'],
      ['PGPASSWORD=x y', 'PGPASSWORD=[redacted] y'],
      ['https://me:pw@host/x', 'https://me:[redacted]@host/x'],
      [
        'a\n-----BEGIN OPENSSH PRIVATE KEY-----\nAAA\n-----END OPENSSH PRIVATE KEY-----\nb',
        'a\n[redacted]\nb',
      ],
    ];
    for (const [text, expected] of cases) assert.equal(redact(text), expected);
  });

  it('leaves words about secrets alone', () => {
    for (const text of [
      'the password is locked',
      'secrets are derived',
      'no token was given',
      'node-a: 10.0.0.1',
    ])
      assert.equal(redactor()(text), text);
  });

  it('comes before everything that a step says, records or reports', async () => {
    const machine = fakeMachine();
    const heard: string[] = [];
    const SECRET = 'tell-nobody';
    const recorder = await openJournal(machine, '/journal', { node: 'n', boot: 'b', pid: 1 });
    let done = false;
    const step = (fail: boolean): Step<null> => ({
      id: 'blab',
      title: 'Blab',
      check: async () =>
        done
          ? { done, evidence: { text: SECRET, list: [SECRET], n: 1 } }
          : { done, why: `because ${SECRET}` },
      async apply(_, __, say) {
        say(`I know ${SECRET}`);
        if (fail) throw new StepFailure('verify-failed', `lost ${SECRET}`, `find ${SECRET}`);
        done = true;
      },
    });
    for (const fail of [true, false]) {
      const report = await runStep(step(fail), machine, null, {
        recorder,
        redact: redactor([SECRET]),
        listener: (event) => heard.push(JSON.stringify(event)),
      });
      heard.push(JSON.stringify(report), String(machine.files.get('/journal')));
    }
    assert.equal(heard.join('').includes(SECRET), false);
    assert.match(heard.join(''), /I know \[redacted\]/);
    assert.match(heard.at(-1) ?? '', /"list": \[\s*"\[redacted\]"\s*\],\s*"n": 1/);
  });
});
