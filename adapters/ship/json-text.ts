/**
 * A JSON reader (RFC 8259) for untrusted input. It has features that `JSON.parse` lacks: members in their order, which
 * distinguishes EEBUS lists from objects; exact integers beyond 2^53; a bound on depth; the position of an
 * error. Malformed text throws `JsonError`; nothing else is thrown.
 */
export type JsonNode = string | number | bigint | boolean | null | JsonList | JsonObject;

export class JsonList {
  constructor(readonly items: readonly JsonNode[]) {}
}

/** Members in the order of the text, doubles included. */
export class JsonObject {
  constructor(readonly members: readonly (readonly [name: string, value: JsonNode])[]) {}
}

export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/**
 * @param depthMax how many lists and objects may lie inside one another
 * @throws JsonError with a sentence for people: what was expected, what was there, at which character
 */
export function readJson(text: string, depthMax: number): JsonNode {
  return new Reader(text, depthMax).whole();
}

class Reader {
  #at = 0;
  #depth = 0;

  constructor(
    readonly text: string,
    readonly depthMax: number,
  ) {}

  whole(): JsonNode {
    const node = this.#value();
    this.#skipSpace();
    if (this.#at < this.text.length) throw this.#expected('nothing more');
    return node;
  }

  #value(): JsonNode {
    this.#skipSpace();
    switch (this.text.charCodeAt(this.#at)) {
      case QUOTE:
        return this.#string();
      case OPEN_BRACE:
        return this.#object();
      case OPEN_BRACKET:
        return this.#list();
      default:
        return this.#literal();
    }
  }

  #object(): JsonObject {
    const members: [string, JsonNode][] = [];
    this.#enter();
    if (!this.#skip(CLOSE_BRACE)) {
      do {
        this.#skipSpace();
        if (this.text.charCodeAt(this.#at) !== QUOTE) throw this.#expected('a member name');
        const name = this.#string();
        if (!this.#skip(COLON)) throw this.#expected("':'");
        members.push([name, this.#value()]);
      } while (this.#skip(COMMA));
      if (!this.#skip(CLOSE_BRACE)) throw this.#expected("',' or '}'");
    }
    this.#depth--;
    return new JsonObject(members);
  }

  #list(): JsonList {
    const items: JsonNode[] = [];
    this.#enter();
    if (!this.#skip(CLOSE_BRACKET)) {
      do items.push(this.#value());
      while (this.#skip(COMMA));
      if (!this.#skip(CLOSE_BRACKET)) throw this.#expected("',' or ']'");
    }
    this.#depth--;
    return new JsonList(items);
  }

  #enter(): void {
    if (++this.#depth > this.depthMax)
      throw new JsonError(`nested deeper than ${this.depthMax} levels, at character ${this.#at}`);
    this.#at++;
  }

  /** Finds the end by hand; only strings with escapes are unescaped, by the platform. */
  #string(): string {
    const { text } = this;
    const start = this.#at;
    let isPlain = true;
    for (let at = start + 1; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return isPlain ? text.slice(start + 1, at) : this.#unescape(start, at + 1);
      }
      if (code < SPACE) {
        this.#at = at;
        throw this.#expected('a control character to be escaped');
      }
      if (code !== BACKSLASH) continue;
      isPlain = false;
      at++;
    }
    this.#at = text.length;
    throw this.#expected("'\"'");
  }

  #unescape(start: number, end: number): string {
    try {
      return JSON.parse(this.text.slice(start, end)) as string;
    } catch {
      throw new JsonError(`bad escape in the string at character ${start}`);
    }
  }

  /** A number, `true`, `false` or `null`. */
  #literal(): JsonNode {
    LITERAL.lastIndex = this.#at;
    const word = LITERAL.exec(this.text)?.[0];
    if (word === undefined) throw this.#expected('a value');
    this.#at += word.length;
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (word === 'null') return null;
    const number = Number(word);
    if (!Number.isFinite(number)) throw new JsonError(`number too large at character ${this.#at - word.length}`);
    if (Number.isSafeInteger(number) || !INTEGER.test(word)) return number;
    if (word.length > INTEGER_DIGITS_MAX) throw new JsonError(`number too long at character ${this.#at - word.length}`);
    return BigInt(word);
  }

  #skip(code: number): boolean {
    this.#skipSpace();
    if (this.text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.#at);
      if (code !== SPACE && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #expected(what: string): JsonError {
    const there = this.#at < this.text.length ? JSON.stringify(this.text[this.#at]) : 'the end';
    return new JsonError(`expected ${what}, got ${there} at character ${this.#at}`);
  }
}

/** No integer of any schema is longer; `BigInt` takes more than linear time. */
const INTEGER_DIGITS_MAX = 40;
const LITERAL = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const INTEGER = /^-?\d+$/;

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
