/** Messages that were delivered and not yet taken, oldest first. Its bytes hold back the peer's credit, which bounds it. */
export class Inbox<Message> {
  #items: (Message | undefined)[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }
  get size(): number {
    return this.#items.length - this.#head;
  }

  push(message: Message, bytes: number): void {
    this.#items.push(message);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  take(): Message | undefined {
    if (this.#head === this.#items.length) return undefined;
    const message = this.#items[this.#head]!;
    this.#items[this.#head++] = undefined;
    this.#bytes -= this.#sizes[this.#head - 1]!;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }
}
