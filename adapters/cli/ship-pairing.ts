import { createInterface, type Interface } from 'node:readline';
import type { Hub } from '../ship/index.js';
import type { Output } from './output.js';

/** Asks at the terminal about unknown devices, one at a time. Without a terminal it prints how to accept them. */
export class Pairing {
  #lines: Interface | undefined;
  #waiting: string[] = [];
  #hub: Hub | undefined;

  constructor(readonly output: Output) {
    if (process.stdin.isTTY && !output.isJson) {
      this.#lines = createInterface({ input: process.stdin });
      this.#lines.on('line', (line) => this.#answered(line));
    }
  }

  get isPossible(): boolean {
    return this.#lines !== undefined;
  }

  follow(hub: Hub): void {
    this.#hub = hub;
    hub.engine.on((event) => {
      if (event.type === 'pairingRequested') {
        this.output.tell({ event: 'pairingRequested', ski: event.peer });
        if (!this.isPossible) {
          this.output.say(`There is no terminal to confirm the pairing. To pair with the device, pass --accept ${event.peer}.`);
          return;
        }
        this.#waiting.push(event.peer);
        if (this.#waiting.length === 1) this.#ask();
      } else if (event.type === 'closing') {
        const wasAsked = this.#waiting[0] === event.peer;
        this.#waiting = this.#waiting.filter((ski) => ski !== event.peer);
        if (wasAsked) this.#ask();
      }
    });
  }

  close(): void {
    this.#lines?.close();
    this.#lines = undefined;
  }

  #ask(): void {
    const [ski] = this.#waiting;
    if (ski !== undefined) this.output.say(`Pair with ${ski}? Compare it with the SKI that the device shows. [y/n]`);
  }

  #answered(line: string): void {
    const answer = line.trim().toLowerCase();
    const [ski] = this.#waiting;
    if (ski === undefined || !['y', 'yes', 'n', 'no'].includes(answer)) return;
    this.#waiting.shift();
    if (answer.startsWith('y')) this.#hub?.registerRemoteService(ski);
    else this.#hub?.cancelPairing(ski);
    this.#ask();
  }
}
