// This program's answers: a process that is asked one case a line.

import { spawn } from 'node:child_process';

const HANG_MS = 60_000;

export class DecisionPoint {
  #binary;
  #process = null;
  #waiting = [];
  #timer = null;

  constructor(binary) {
    this.#binary = binary;
  }

  // `{parts, error?, code?}`, or `{parts: [], crash: why}`.
  ask(test) {
    if (!this.#process) this.#start();
    const line = JSON.stringify(test);
    return new Promise((resolve) => {
      this.#waiting.push({ line, resolve });
      this.#process.stdin.write(`${line}\n`);
      this.#watch();
    });
  }

  stop() {
    clearTimeout(this.#timer);
    this.#process?.stdin.end();
  }

  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#waiting.length > 0) this.#process.kill('SIGKILL');
    }, HANG_MS);
  }

  #start() {
    const child = spawn(this.#binary, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process = child;
    child.stdin.on('error', () => {}); // Its end is told by `close`.
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop();
      for (const line of lines) this.#waiting.shift().resolve(JSON.parse(line));
      this.#watch();
    });
    // The case at the head has ended the process; the others are asked again.
    child.on('close', (code, signal) => {
      clearTimeout(this.#timer);
      this.#process = null;
      const [culprit, ...rest] = this.#waiting.splice(0);
      culprit?.resolve({ parts: [], crash: `ended with ${signal ?? code}` });
      if (rest.length === 0) return;
      this.#start();
      this.#waiting = rest;
      for (const { line } of rest) this.#process.stdin.write(`${line}\n`);
      this.#watch();
    });
    child.on('error', (error) => {
      console.error(`${this.#binary}: ${error.message}`);
      process.exit(2);
    });
  }
}
